//! Asking for what needs two people.

use std::sync::Arc;
use std::time::Duration;

use super::{Approval, MOST_PEOPLE, Matter, Shown, account_of, act, check_person, found, invalid, write};
use crate::base::ids::{ApprovalId, PersonId};
use crate::domain::approval::Reason;
use crate::policy::{self, Action, Resource, Role};
use crate::services::export::{self, Asked};
use crate::services::{App, Context, ServiceError, sign_in, staff};
use crate::vault::VaultError;

/// Requests of one account that are open, at most.
const MOST_OPEN: usize = 20;
/// Those that one account asks for within a [`DAY`], at most, also when it takes them back: each stays for [`KEPT`](super::KEPT).
const MOST_ASKED: usize = 50;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Asks that an account get other roles, where one of them, or one that it has, is that of an administrator.
///
/// # Errors
/// [`ServiceError::NotFound`] for who is no administrator, and for a login that cannot sign in; [`ServiceError::Invalid`].
pub async fn ask_roles(
    app: &Arc<App>,
    ctx: &Context,
    login: &str,
    roles: &[Role],
    reason: &str,
) -> Result<Shown, ServiceError> {
    check_ask(ctx, Role::Admin)?;
    let unknown = || invalid("login", "bad-login", "This is not the login of somebody who was invited.");
    let account = staff::find_active(app, &login.parse().map_err(|_| unknown())?)?.ok_or_else(unknown)?;
    let from = sign_in::own_roles(app, account).ok_or_else(unknown)?;
    sign_in::check_own_roles(app, account)?;
    sign_in::check_set_up(app, account)?;
    let mut to = roles.to_vec();
    to.sort();
    to.dedup();
    if to.is_empty() {
        return Err(invalid("roles", "required", "Name at least one role."));
    }
    staff::check_known(app, &to)?;
    if to == from {
        return Err(invalid("roles", "unchanged", "The account has these roles already."));
    }
    ask(app, ctx, Matter::Roles { account, from, to }, reason).await
}

/// Asks that many people be erased at once.
///
/// # Errors
/// [`ServiceError::NotFound`] for who does not hold the role; [`ServiceError::Invalid`] for none, too many, and no reason.
pub async fn ask_erasure(
    app: &Arc<App>,
    ctx: &Context,
    people: &[PersonId],
    reason: &str,
) -> Result<Shown, ServiceError> {
    check_ask(ctx, Role::Privacy)?;
    let mut people = people.to_vec();
    people.sort();
    people.dedup();
    if !(1..=MOST_PEOPLE).contains(&people.len()) {
        let message = format!("One request is about 1 to {MOST_PEOPLE} people.");
        return Err(invalid("subjects", "out-of-range", &message));
    }
    let count = u32::try_from(people.len()).unwrap_or(u32::MAX);
    ask(app, ctx, Matter::Erasure { people, count }, reason).await
}

/// Asks that submissions be taken out as a file.
///
/// # Errors
/// [`ServiceError::NotFound`] for a form that the actor does not read, [`ServiceError::Forbidden`] for one that they may not
/// export, [`ServiceError::PurposeNeeded`], [`ServiceError::Invalid`] for nothing, too many, submissions that are not the form's;
/// [`ServiceError::Later`] while submissions are still being counted after a start.
pub async fn ask_export(app: &Arc<App>, ctx: &Context, asked: Asked, reason: &str) -> Result<Shown, ServiceError> {
    account_of(ctx)?;
    let wanted = export::prepare(app, ctx, asked).await?;
    ask(app, ctx, Matter::Export(wanted), reason).await
}

pub(super) fn check_ask(ctx: &Context, role: Role) -> Result<(), ServiceError> {
    let asker = account_of(ctx)?;
    drop(policy::decide(&ctx.actor, Action::AskApproval, &Resource::Approval { role, asker })?);
    Ok(())
}

pub(super) async fn ask(app: &Arc<App>, ctx: &Context, matter: Matter, reason: &str) -> Result<Shown, ServiceError> {
    let asker = account_of(ctx)?;
    let reason = Reason::parse(reason).map_err(|problem| ServiceError::Invalid(vec![problem]))?;
    let _one_at_a_time = app.approvals.changing.lock().await;
    let now = app.clock.now();
    let row = Approval::new(matter, reason, asker, now);
    let act = act(app, ctx, Action::AskApproval, &row)?;
    check_person(app, asker, Action::AskApproval, &row)?;
    let open = |row: &&Approval| row.asker == asker && row.stage_at(now).is_open();
    if app.approvals.read(|rows| rows.values().filter(open).count()) >= MOST_OPEN {
        let message = format!("You have {MOST_OPEN} open requests. Please take one back first.");
        return Err(invalid("reason", "too-many", &message));
    }
    let lately = |row: &&Approval| row.asker == asker && now.since(row.asked) < DAY;
    if app.approvals.read(|rows| rows.values().filter(lately).count()) >= MOST_ASKED {
        let message = format!("You have asked {MOST_ASKED} times within a day. Please go on tomorrow.");
        return Err(invalid("reason", "too-many", &message));
    }
    let id = ApprovalId::make_random(&*app.entropy).map_err(VaultError::from)?;
    write(app, act, id, row).await?;
    found(app, ctx, id).await
}
