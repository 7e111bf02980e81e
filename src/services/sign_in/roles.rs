//! What accounts may act as; and that somebody is left who can change it.

use std::sync::Arc;

use tokio::sync::MutexGuard;

use super::{credentials::Credentials, write};
use crate::base::ids::StaffId;
use crate::domain::staff::Login;
use crate::policy::{Action, Resource, Role};
use crate::services::{App, Context, Problem, ServiceError, staff};
use crate::vault::system_rows::{SystemRow, SystemTable};
use crate::vault::{Act, Detail};

/// Gives an account other roles, for the owner of the machine; others ask for it ([`approvals`](crate::services::approvals)).
/// Every session of it ends.
///
/// # Errors
/// [`ServiceError::NotFound`] for an account that was never invited or is disabled; [`ServiceError::Invalid`] (field `role`) for no role,
/// and where nobody would be left who is an administrator.
pub async fn change_roles(app: &Arc<App>, ctx: &Context, login: &str, roles: &[Role]) -> Result<(), ServiceError> {
    let act = ctx.act(Action::ManageStaff, &Resource::Staff)?;
    staff::check_owner(ctx)?;
    let login: Login = login.parse().map_err(|_| ServiceError::NotFound)?;
    let id = staff::find_active(app, &login)?.ok_or(ServiceError::NotFound)?;
    let mut roles = roles.to_vec();
    roles.sort();
    roles.dedup();
    if roles.is_empty() {
        let problem = Problem::in_field("role", "required", "Name at least one role.");
        return Err(ServiceError::Invalid(vec![problem]));
    }
    staff::check_known(app, &roles)?;
    let _one_at_a_time = app.door.changing.lock().await;
    let row = app.door.ring.of(id).ok_or(ServiceError::NotFound)?;
    check_own(&row)?;
    if !roles.contains(&Role::Admin) {
        keep_an_admin(app, id)?;
    }
    let change = told(&roles);
    write(app, act, id, Credentials { roles, ..row }, &change).await?;
    app.door.sessions.end_all(id);
    Ok(())
}

/// Gives an account other roles by a leave that is good once, which the caller has seen: what says that it was used is durable
/// together with them. The caller has [held](super::hold) every such change since it looked.
///
/// # Errors
/// As [`change_roles`]; [`ServiceError::Invalid`] when the account has other roles by now than those that the leave is about.
pub(in crate::services) async fn change_roles_once(
    app: &Arc<App>,
    ctx: &Context,
    id: StaffId,
    (from, to): (&[Role], &[Role]),
    used: (Act, Detail),
    row: SystemRow,
    _held: &MutexGuard<'_, ()>,
) -> Result<(), ServiceError> {
    let act = ctx.act(Action::ManageStaff, &Resource::Staff)?;
    let credentials =
        app.door.ring.of(id).filter(|_| staff::login_of(app, id).is_some()).ok_or(ServiceError::NotFound)?;
    check_own(&credentials)?;
    check_taken_up(&credentials)?;
    if credentials.roles != from {
        let message = "The account has other roles by now than when this was asked for. Please ask anew.";
        return Err(ServiceError::Invalid(vec![Problem::in_field("approval", "stale", message)]));
    }
    if !to.contains(&Role::Admin) {
        keep_an_admin(app, id)?;
    }
    let credentials = Credentials { roles: to.to_vec(), ..credentials };
    let sealed = app.vault.seal_system_row(SystemTable::Credentials, id.as_bytes(), &credentials)?;
    let acts = vec![(act, Detail::Account { id, change: told(to) }), used];
    app.vault.write_system_rows_as(acts, vec![sealed, row]).await?;
    app.door.ring.put(id, credentials);
    app.door.sessions.end_all(id);
    Ok(())
}

/// Refuses an account whose roles are what the provider says: what is set here would hold until they sign in again, and no longer.
///
/// # Errors
/// [`ServiceError::Invalid`] (field `login`).
pub(in crate::services) fn check_own_roles(app: &App, id: StaffId) -> Result<(), ServiceError> {
    app.door.ring.of(id).map_or(Ok(()), |row| check_own(&row))
}

fn check_own(row: &Credentials) -> Result<(), ServiceError> {
    if row.provider.is_none() {
        return Ok(());
    }
    let message = "This account signs in through the provider, and its roles are what the provider says. Please change its groups there.";
    Err(ServiceError::Invalid(vec![Problem::in_field("login", "of-the-provider", message)]))
}

/// Refuses an account whose invitation nobody has taken up: whoever made it may hold the link, and would be the one to get the roles.
///
/// # Errors
/// [`ServiceError::Invalid`] (field `login`).
pub(in crate::services) fn check_set_up(app: &App, id: StaffId) -> Result<(), ServiceError> {
    app.door.ring.of(id).map_or(Ok(()), |row| check_taken_up(&row))
}

fn check_taken_up(row: &Credentials) -> Result<(), ServiceError> {
    if row.factors.is_some() || row.provider.is_some() {
        return Ok(());
    }
    let message = "Nobody has taken up the invitation of this account yet, or it is being recovered. Let the person set it up first, \
                   then ask again.";
    Err(ServiceError::Invalid(vec![Problem::in_field("login", "not-set-up", message)]))
}

pub(super) fn told(roles: &[Role]) -> String {
    let names: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
    format!("roles are now {}", names.join(", "))
}

/// Refuses to go on when this account is the last that can sign in as an administrator. The caller holds `changing`, so that two
/// cannot go at once.
pub(in crate::services) fn keep_an_admin(app: &App, without: StaffId) -> Result<(), ServiceError> {
    let issuer = app.federation().map(super::Federation::issuer);
    let admins =
        app.door.ring.of_role(Role::Admin, issuer).into_iter().filter(|id| staff::login_of(app, *id).is_some());
    let admins: Vec<StaffId> = admins.collect();
    if admins != [without] {
        return Ok(());
    }
    let message = "This is the last administrator who can sign in. Invite another one first; if this one has lost the way in, use \
                   staff recover on the machine.";
    Err(ServiceError::Invalid(vec![Problem::in_field("role", "the-last-administrator", message)]))
}
