//! What needs two people: asked for by one, approved by another who holds the same role, done once by whoever asked. Each step is
//! an entry of the audit trail, and what is done is durable in one commit with the note that it was done.
//!
//! A further kind of request is a variant of [`Matter`], an arm in [`perform`], and words for it.

mod shown;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde_json::Value;

use super::export::{self, Asked};
use super::{App, Context, Problem, ServiceError, erase, sign_in, staff};
use crate::base::ids::{ApprovalId, PersonId, StaffId};
use crate::domain::approval::Reason;
pub use crate::domain::approval::{Approval, KEPT, LIFE, MOST_ALONE, MOST_PEOPLE, Matter, Stage};
use crate::domain::form::FormSet;
use crate::policy::{self, Action, Actor, Resource, Role};
use crate::vault::system_rows::{SystemRow, SystemTable};
use crate::vault::{Act, Detail, Vault, VaultError};
pub use shown::Shown;
use shown::show;

/// Requests of one account that are open, at most.
const MOST_OPEN: usize = 20;
/// Those that one account asks for within a [`DAY`], at most, also when it takes them back: each stays for [`KEPT`].
const MOST_ASKED: usize = 50;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// All requests in memory, and the turn of whoever changes one: so that none is used twice.
pub(super) struct Approvals {
    rows: RwLock<BTreeMap<ApprovalId, Approval>>,
    changing: tokio::sync::Mutex<()>,
}

impl Approvals {
    pub(super) fn load(vault: &Vault) -> Result<Self, VaultError> {
        let rows = vault.read_system_rows(SystemTable::Approvals)?;
        let rows = rows.into_iter().map(|(id, row)| (ApprovalId::from_bytes(id), row)).collect();
        Ok(Self { rows: RwLock::new(rows), changing: tokio::sync::Mutex::new(()) })
    }

    fn read<T>(&self, f: impl FnOnce(&BTreeMap<ApprovalId, Approval>) -> T) -> T {
        f(&self.rows.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over what the store says of one.
    fn read_again(&self, vault: &Vault, id: ApprovalId) -> Result<(), VaultError> {
        let rows = vault.read_system_rows(SystemTable::Approvals)?;
        let found = rows.into_iter().find(|(key, _)| ApprovalId::from_bytes(*key) == id);
        found.into_iter().for_each(|(_, row)| self.put(id, row));
        Ok(())
    }

    fn put(&self, id: ApprovalId, row: Approval) {
        self.rows.write().unwrap_or_else(PoisonError::into_inner).insert(id, row);
    }
}

/// What came of doing it.
#[derive(Debug)]
pub enum Done {
    /// The account has other roles, and its sessions have ended.
    Roles,
    /// The people were erased: a certificate for each, or none where there was nobody.
    Erased(Vec<Option<Value>>),
}

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

fn check_ask(ctx: &Context, role: Role) -> Result<(), ServiceError> {
    let asker = account_of(ctx)?;
    drop(policy::decide(&ctx.actor, Action::AskApproval, &Resource::Approval { role, asker })?);
    Ok(())
}

/// Two accounts are two people only if each is a person's, who may do this to this moment: a program's account is whoever holds
/// its token, perhaps the very one who approves.
fn check_person(app: &App, who: StaffId, action: Action, row: &Approval) -> Result<(), ServiceError> {
    let forbidden = ServiceError::Forbidden;
    let (Some(roles), Some(login)) = (sign_in::own_roles(app, who), staff::login_of(app, who)) else {
        return Err(forbidden);
    };
    let actor = at(&Actor::Staff { id: who, login, roles, scope: staff::scope_of(app, who) }, row);
    policy::decide(&actor, action, &resource(&app.forms(), row)).map(drop).map_err(|_| forbidden)
}

async fn ask(app: &Arc<App>, ctx: &Context, matter: Matter, reason: &str) -> Result<Shown, ServiceError> {
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
    found(app, ctx, id)
}

/// The requests that the actor may see, newest first.
///
/// # Errors
/// [`ServiceError::NotFound`] for who may see none, whether or not there are any.
pub fn list(app: &App, ctx: &Context) -> Result<Vec<Shown>, ServiceError> {
    if !sees_any(app, ctx) {
        return Err(ServiceError::NotFound);
    }
    let mut out: Vec<Shown> = app.approvals.read(|rows| {
        let visible = rows.iter().filter(|(_, row)| may(app, ctx, Action::ReadApprovals, row));
        visible.map(|(id, row)| show(app, ctx, *id, row)).collect()
    });
    out.sort_by_key(|shown| (std::cmp::Reverse(shown.request.asked), shown.id));
    Ok(out)
}

/// Whether the actor sees requests of any kind.
pub fn sees_any(app: &App, ctx: &Context) -> bool {
    let asker = account_of(ctx).unwrap_or_else(|_| StaffId::from_bytes([0; 16]));
    let sees = |role| policy::decide(&ctx.actor, Action::ReadApprovals, &Resource::Approval { role, asker }).is_ok();
    sees(Role::Admin) || sees(Role::Privacy) || !export::exportable(app, ctx).is_empty()
}

/// How many wait for the actor to decide.
pub fn waiting(app: &App, ctx: &Context) -> usize {
    list(app, ctx).map_or(0, |all| all.iter().filter(|one| one.may_approve).count())
}

/// One request.
///
/// # Errors
/// [`ServiceError::NotFound`], the same for one that may not be seen.
pub fn found(app: &App, ctx: &Context, id: ApprovalId) -> Result<Shown, ServiceError> {
    let row = row_of(app, ctx, id)?;
    Ok(show(app, ctx, id, &row))
}

/// Approves what another asks for. From now on it may be done, once, for [`LIFE`].
///
/// # Errors
/// [`ServiceError::Forbidden`] for one's own; [`ServiceError::NotFound`]; [`ServiceError::Invalid`] for one that does not wait.
pub async fn approve(app: &Arc<App>, ctx: &Context, id: ApprovalId) -> Result<(), ServiceError> {
    let _one_at_a_time = app.approvals.changing.lock().await;
    let row = row_of(app, ctx, id)?;
    let act = act(app, ctx, Action::Approve, &row)?;
    let (now, who) = (app.clock.now(), account_of(ctx)?);
    check_person(app, who, Action::Approve, &row)?;
    check_stage(&row, &[Stage::Asked], now)?;
    write(app, act, id, row.at_stage(Stage::Approved, Some(who), now)).await
}

/// Declines what another asks for, or takes one's own request back.
///
/// # Errors
/// [`ServiceError::NotFound`]; [`ServiceError::Invalid`] for one that is over.
pub async fn decline(app: &Arc<App>, ctx: &Context, id: ApprovalId) -> Result<(), ServiceError> {
    let _one_at_a_time = app.approvals.changing.lock().await;
    let row = row_of(app, ctx, id)?;
    let act = act(app, ctx, Action::DeclineApproval, &row)?;
    let (now, who) = (app.clock.now(), account_of(ctx)?);
    check_stage(&row, &[Stage::Asked, Stage::Approved], now)?;
    let next = match row.asker == who {
        true => row.at_stage(Stage::Withdrawn, None, now),
        false => row.at_stage(Stage::Declined, Some(who), now),
    };
    write(app, act, id, next).await
}

/// Does what the actor asked for and another approved: once.
///
/// # Errors
/// [`ServiceError::Forbidden`] for another's; [`ServiceError::NotFound`]; [`ServiceError::Invalid`] for one that is not approved,
/// was done before, or is too old, whose approver does not hold the role any more, or that does not fit any more.
pub async fn perform(app: &Arc<App>, ctx: &Context, id: ApprovalId) -> Result<Done, ServiceError> {
    let _one_at_a_time = app.approvals.changing.lock().await;
    let (held, row, used) = check_use(app, ctx, id).await?;
    let now = app.clock.now();
    let done = row.at_stage(Stage::Done, None, now);
    let (used, sealed) = ((used, detail(id, &done)), seal(app, id, &done)?);
    let outcome = match &row.matter {
        Matter::Roles { account, from, to } => {
            sign_in::change_roles_once(app, ctx, *account, (from, to), used, sealed, &held).await.map(|()| Done::Roles)
        }
        Matter::Erasure { people, .. } => erase::people_once(app, ctx, people, used, sealed).await.map(Done::Erased),
        Matter::Export(_) => {
            let message = "This is an export: it is done by downloading it, at /api/v1/approvals/{id}/download or under Requests.";
            Err(invalid("approval", "is-a-download", message))
        }
    };
    match outcome {
        Ok(_) => app.approvals.put(id, done),
        // What failed may have failed behind the commit that used it.
        Err(_) => app.approvals.read_again(&app.vault, id)?,
    }
    outcome
}

/// Uses up the leave to export, and says what is to be exported: once.
///
/// # Errors
/// As [`perform`]; [`ServiceError::Invalid`] also for what is no export.
pub(super) async fn use_export(
    app: &Arc<App>,
    ctx: &Context,
    id: ApprovalId,
) -> Result<crate::domain::export::Export, ServiceError> {
    let _one_at_a_time = app.approvals.changing.lock().await;
    let (_held, row, used) = check_use(app, ctx, id).await?;
    let wanted = export_of(&row)?.clone();
    write(app, used, id, row.at_stage(Stage::Done, None, app.clock.now())).await?;
    Ok(wanted)
}

/// Refuses at once what [`use_export`] would refuse in the end.
pub(super) async fn check_open(app: &App, ctx: &Context, id: ApprovalId) -> Result<(), ServiceError> {
    check_use(app, ctx, id).await.map(drop)
}

/// What the actor has asked to export, used or not.
pub(super) fn wanted_export(
    app: &App,
    ctx: &Context,
    id: ApprovalId,
) -> Result<crate::domain::export::Export, ServiceError> {
    export_of(&row_of(app, ctx, id)?).cloned()
}

fn export_of(row: &Approval) -> Result<&crate::domain::export::Export, ServiceError> {
    match &row.matter {
        Matter::Export(wanted) => Ok(wanted),
        Matter::Roles { .. } | Matter::Erasure { .. } => {
            Err(invalid("approval", "no-download", "This is no export: there is nothing to download."))
        }
    }
}

/// Whether the actor may do this now, which they asked for and another, who may approve it to this moment, approved. A
/// demotion, a recovery or a disabled account waits for as long as what is returned first is held, or was seen here.
async fn check_use<'a>(
    app: &'a App,
    ctx: &Context,
    id: ApprovalId,
) -> Result<(tokio::sync::MutexGuard<'a, ()>, Approval, Act), ServiceError> {
    let held = sign_in::hold(app).await;
    let row = row_of(app, ctx, id)?;
    let used = act(app, ctx, Action::UseApproval, &row)?;
    check_person(app, row.asker, Action::UseApproval, &row)?;
    check_stage(&row, &[Stage::Approved], app.clock.now())?;
    let other = row.decider.filter(|other| *other != row.asker);
    if other.is_none_or(|other| check_person(app, other, Action::Approve, &row).is_err()) {
        return Err(invalid(
            "approval",
            "approver-gone",
            "Whoever approved this may not do so any more. Please ask anew.",
        ));
    }
    Ok((held, row, used))
}

/// Whether an open request would give an account one of these roles.
pub(super) fn is_to_get(app: &App, account: StaffId, roles: &[Role]) -> bool {
    let now = app.clock.now();
    let gives = |row: &Approval| match &row.matter {
        Matter::Roles { account: whose, to, .. } => *whose == account && to.iter().any(|role| roles.contains(role)),
        Matter::Erasure { .. } | Matter::Export(_) => false,
    };
    app.approvals.read(|rows| rows.values().any(|row| row.stage_at(now).is_open() && gives(row)))
}

/// Keeps every request as it is while this is held. Whoever also holds what accounts sign in with takes this first.
pub(super) async fn hold(app: &App) -> tokio::sync::MutexGuard<'_, ()> {
    app.approvals.changing.lock().await
}

/// What this account has approved and nobody has done yet: it waits for another again once the rows are written, and
/// [`put_back`] shows them. The caller [holds](hold) all requests.
pub(super) fn without_approval(app: &App, by: StaffId) -> Result<Vec<(ApprovalId, Approval, SystemRow)>, ServiceError> {
    let now = app.clock.now();
    let approved = |row: &Approval| row.decider == Some(by) && row.stage_at(now) == Stage::Approved;
    let rows: Vec<_> = app.approvals.read(|rows| {
        let theirs = rows.iter().filter(|(_, row)| approved(row));
        theirs.map(|(id, row)| (*id, row.without_approval(now))).collect()
    });
    rows.into_iter().map(|(id, row)| Ok((id, row.clone(), seal(app, id, &row)?))).collect()
}

/// Shows requests as they were written.
pub(super) fn put_back(app: &App, id: ApprovalId, row: Approval) {
    app.approvals.put(id, row);
}

/// Writes down which requests have ended by themselves, and drops those that were over long ago.
///
/// # Errors
/// Storage errors.
pub async fn tidy(app: &Arc<App>) -> Result<(), ServiceError> {
    let _one_at_a_time = app.approvals.changing.lock().await;
    let now = app.clock.now();
    let system = Context::system(app)?;
    let rows: Vec<_> = app.approvals.read(|rows| rows.iter().map(|(id, row)| (*id, row.clone())).collect());
    for (id, row) in rows {
        if row.stage.is_open() && row.stage_at(now) == Stage::Expired {
            let act = act(app, &system, Action::ExpireApproval, &row)?;
            write(app, act, id, row.at_stage(Stage::Expired, None, now)).await?;
        } else if !row.stage.is_open() && now.since(row.since) > KEPT {
            let act = system.act(Action::CleanUp, &Resource::Vault)?;
            let gone = [*id.as_bytes()];
            app.vault.change_system_rows(act, Detail::Removed(1), Vec::new(), SystemTable::Approvals, &gone).await?;
            app.approvals.rows.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
        }
    }
    Ok(())
}

async fn write(app: &Arc<App>, act: Act, id: ApprovalId, row: Approval) -> Result<(), ServiceError> {
    let sealed = seal(app, id, &row)?;
    app.vault.write_system_rows(act, detail(id, &row), vec![sealed]).await?;
    app.approvals.put(id, row);
    Ok(())
}

fn seal(app: &App, id: ApprovalId, row: &Approval) -> Result<SystemRow, ServiceError> {
    Ok(app.vault.seal_system_row(SystemTable::Approvals, id.as_bytes(), row)?)
}

fn detail(id: ApprovalId, row: &Approval) -> Detail {
    Detail::Approval { id, change: format!("{} {}", row.matter.as_str(), row.stage.as_str()) }
}

/// What the policy is asked about.
fn resource<'a>(forms: &'a FormSet, row: &Approval) -> Resource<'a> {
    let asker = row.asker;
    match &row.matter {
        Matter::Roles { .. } => Resource::Approval { role: Role::Admin, asker },
        Matter::Erasure { .. } => Resource::Approval { role: Role::Privacy, asker },
        // Nobody reads a form that is gone.
        Matter::Export(wanted) => {
            Resource::Export { roles: forms.get(&wanted.form).map_or(&[], |form| &form.roles), asker }
        }
    }
}

/// The actor as they stand to the form that a request is about.
fn at(actor: &Actor, row: &Approval) -> Actor {
    match &row.matter {
        Matter::Export(wanted) => actor.at(&wanted.form),
        Matter::Roles { .. } | Matter::Erasure { .. } => actor.clone(),
    }
}

fn act(app: &App, ctx: &Context, action: Action, row: &Approval) -> Result<Act, ServiceError> {
    Context { actor: at(&ctx.actor, row), ..ctx.clone() }.act(action, &resource(&app.forms(), row))
}

fn may(app: &App, ctx: &Context, action: Action, row: &Approval) -> bool {
    policy::decide(&at(&ctx.actor, row), action, &resource(&app.forms(), row)).is_ok()
}

fn row_of(app: &App, ctx: &Context, id: ApprovalId) -> Result<Approval, ServiceError> {
    let row = app.approvals.read(|rows| rows.get(&id).cloned()).ok_or(ServiceError::NotFound)?;
    if may(app, ctx, Action::ReadApprovals, &row) { Ok(row) } else { Err(ServiceError::NotFound) }
}

fn check_stage(row: &Approval, wanted: &[Stage], now: crate::base::clock::Timestamp) -> Result<(), ServiceError> {
    let stage = row.stage_at(now);
    if wanted.contains(&stage) {
        return Ok(());
    }
    let (code, message) = match stage {
        Stage::Asked => ("not-approved", "Nobody has approved this yet."),
        Stage::Approved => ("approved", "This is approved already."),
        Stage::Declined => ("declined", "This was declined."),
        Stage::Withdrawn => ("withdrawn", "This was taken back."),
        Stage::Done => ("done", "This was done already."),
        Stage::Expired => ("expired", "This is too old. Please ask anew."),
    };
    Err(invalid("approval", code, message))
}

fn account_of(ctx: &Context) -> Result<StaffId, ServiceError> {
    match &ctx.actor {
        Actor::Staff { id, .. } => Ok(*id),
        Actor::Owner { .. } => Err(ServiceError::Forbidden),
        _ => Err(ServiceError::NotFound),
    }
}

fn invalid(field: &str, code: &'static str, message: &str) -> ServiceError {
    ServiceError::Invalid(vec![Problem::in_field(field, code, message)])
}
