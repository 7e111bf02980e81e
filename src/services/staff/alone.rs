//! What one administrator alone may do to accounts over the network. There it takes two to make administrators and privacy
//! officers ([`approvals`]), so nothing that one does alone may come to the same: no invitation and no token with such a role, no
//! new way into the account of somebody who has one or is about to get one, and no end to such an account.
//!
//! The owner of the machine stands outside of this, so that whoever is alone is not locked out.

use super::invalid;
use crate::base::ids::StaffId;
use crate::policy::{Actor, Role};
use crate::services::{App, Context, ServiceError, approvals, sign_in};

/// The roles that decide together: whoever could hand them out alone, or act as another who has them, would be both people.
pub const BY_TWO: [Role; 2] = [Role::Admin, Role::Privacy];

fn is_owner(ctx: &Context) -> bool {
    matches!(ctx.actor, Actor::Owner { .. })
}

fn any_by_two(roles: &[Role]) -> bool {
    roles.iter().any(|role| BY_TWO.contains(role))
}

fn refused(field: &str, message: &str) -> ServiceError {
    invalid(field, "needs-two", message)
}

/// Refuses a role that is not there.
///
/// # Errors
/// [`ServiceError::Invalid`].
pub(in crate::services) fn check_known(app: &App, roles: &[Role]) -> Result<(), ServiceError> {
    let Some(unknown) = roles.iter().find(|role| !app.custom_roles().knows(**role)) else { return Ok(()) };
    let own = app.custom_roles().iter().map(|(name, _)| name.to_string());
    let all: Vec<String> = Role::ALL.iter().map(ToString::to_string).chain(own).collect();
    Err(invalid("role", "bad-role", &format!("There is no role {unknown}. There are: {}.", all.join(", "))))
}

/// Refuses to hand out a role that takes two, by an invitation or a token.
///
/// # Errors
/// [`ServiceError::Invalid`], also the others.
pub(in crate::services) fn check_hand_out(ctx: &Context, roles: &[Role]) -> Result<(), ServiceError> {
    if is_owner(ctx) || !any_by_two(roles) {
        return Ok(());
    }
    Err(refused(
        "role",
        "Nobody makes an administrator or a privacy officer alone. Leave that role out here and ask for it at Requests, where \
         another administrator approves it; or use letterlock staff invite or token create on the machine.",
    ))
}

/// Refuses to give somebody who has been invited before other roles by inviting them again.
pub(in crate::services) fn check_unchanged(ctx: &Context, before: &[Role], roles: &[Role]) -> Result<(), ServiceError> {
    if is_owner(ctx) || before.is_empty() || before == roles {
        return Ok(());
    }
    Err(refused(
        "role",
        "This account was invited with other roles. Invite it with the same, and ask for others at Requests; or use letterlock \
         staff invite on the machine.",
    ))
}

/// Refuses to make a new way into an account that holds such a role, or for which one is asked.
pub(in crate::services) fn check_way_in(app: &App, ctx: &Context, id: StaffId) -> Result<(), ServiceError> {
    if is_owner(ctx) {
        return Ok(());
    }
    if any_by_two(&sign_in::roles_of(app, id)) {
        return Err(refused(
            "login",
            "This is the account of an administrator or a privacy officer: whoever makes a way into it could act as them. Use \
             letterlock staff recover or token create on the machine; or ask for other roles at Requests first.",
        ));
    }
    if approvals::is_to_get(app, id, &BY_TWO) {
        return Err(refused(
            "login",
            "Somebody asks that this account become an administrator or a privacy officer, and whoever makes a way into it could \
             be them. Decide that at Requests first, or take it back.",
        ));
    }
    Ok(())
}

/// Refuses to end an account that holds such a role.
pub(in crate::services) fn check_end(app: &App, ctx: &Context, id: StaffId) -> Result<(), ServiceError> {
    if is_owner(ctx) || !any_by_two(&sign_in::roles_of(app, id)) {
        return Ok(());
    }
    Err(refused(
        "login",
        "Nobody ends an administrator or a privacy officer alone. Ask at Requests that the account get another role, which ends \
         its sessions, and disable it then; or use letterlock staff disable on the machine.",
    ))
}

/// Refuses whoever would change something of their own that another has to vouch for.
pub(in crate::services) fn check_another(ctx: &Context, id: StaffId) -> Result<(), ServiceError> {
    match &ctx.actor {
        Actor::Staff { id: own, .. } if *own == id => Err(refused(
            "region",
            "Where you read yourself, another administrator says; or use letterlock staff region on the machine.",
        )),
        _ => Ok(()),
    }
}

/// Refuses everybody but the owner of the machine.
pub(in crate::services) fn check_owner(ctx: &Context) -> Result<(), ServiceError> {
    if is_owner(ctx) { Ok(()) } else { Err(refused("role", "Roles are changed by two. Please ask at Requests.")) }
}
