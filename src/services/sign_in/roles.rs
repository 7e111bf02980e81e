//! What accounts may act as; and that somebody is left who can change it.

use std::sync::Arc;

use super::{credentials::Credentials, write};
use crate::base::ids::StaffId;
use crate::domain::staff::Login;
use crate::policy::{Action, Resource, Role};
use crate::services::{App, Context, Problem, ServiceError, staff};

/// Gives an account other roles. Every session of it ends.
///
/// # Errors
/// [`ServiceError::NotFound`] for an account that was never invited or is disabled; [`ServiceError::Invalid`] (field `role`) for no role,
/// and where nobody would be left who is an administrator.
pub async fn change_roles(app: &Arc<App>, ctx: &Context, login: &str, roles: &[Role]) -> Result<(), ServiceError> {
    let act = ctx.act(Action::ManageStaff, &Resource::Staff)?;
    let login: Login = login.parse().map_err(|_| ServiceError::NotFound)?;
    let id = staff::find_active(app, &login)?.ok_or(ServiceError::NotFound)?;
    let mut roles = roles.to_vec();
    roles.sort();
    roles.dedup();
    if roles.is_empty() {
        let problem = Problem::in_field("role", "required", "Name at least one role.");
        return Err(ServiceError::Invalid(vec![problem]));
    }
    let _one_at_a_time = app.door.changing.lock().await;
    let row = app.door.ring.of(id).ok_or(ServiceError::NotFound)?;
    if !roles.contains(&Role::Admin) {
        keep_an_admin(app, id)?;
    }
    let names: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
    let change = format!("roles are now {}", names.join(", "));
    write(app, act, id, Credentials { roles, ..row }, &change).await?;
    app.door.sessions.end_all(id);
    Ok(())
}

/// Refuses to go on when this account is the last that can sign in as an administrator. The caller holds `changing`, so that two
/// cannot go at once.
pub(in crate::services) fn keep_an_admin(app: &App, without: StaffId) -> Result<(), ServiceError> {
    let admins = app.door.ring.of_role(Role::Admin).into_iter().filter(|id| staff::login_of(app, *id).is_some());
    let admins: Vec<StaffId> = admins.collect();
    if admins != [without] {
        return Ok(());
    }
    let message = "This is the last administrator who can sign in. Invite another one first; if this one has lost the way in, use \
                   staff recover on the machine.";
    Err(ServiceError::Invalid(vec![Problem::in_field("role", "the-last-administrator", message)]))
}
