//! What needs two people: asked for by one, approved by another who holds the same role, done once by whoever asked. Each step is
//! an entry of the audit trail, and what is done is durable in one commit with the note that it was done. A reading under a legal
//! basis is not done once: it stands, and whoever asked [reads](reading) by it.
//!
//! A further kind of request is a variant of [`Matter`], an arm in [`perform()`], and words for it.

mod ask;
mod decide;
mod perform;
mod reading;
mod shown;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::{App, Context, Problem, ServiceError, blocking, export, sign_in, staff};
use crate::base::ids::{ApprovalId, StaffId};
pub use crate::domain::approval::{Approval, KEPT, LIFE, MOST_ALONE, MOST_PEOPLE, Matter, READING, Stage};
use crate::domain::form::FormSet;
use crate::policy::{self, Action, Actor, Resource, Role};
use crate::vault::system_rows::{About, SystemRow, SystemTable};
use crate::vault::{Act, Detail, Vault, VaultError};
pub use ask::{ask_erasure, ask_export, ask_roles};
pub use decide::{approve, decline};
pub use perform::{Done, perform};
pub(super) use perform::{check_open, use_export, wanted_export};
pub(super) use reading::{Reading, standing};
pub use reading::{Standing, ask_reading, may_ask_reading};
pub use shown::Shown;
use shown::show;

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

/// Whether both who agreed on it, asker and approver, may ask for it and approve it to this moment.
fn check_both(app: &App, row: &Approval) -> Result<(), ServiceError> {
    check_person(app, row.asker, Action::UseApproval, row)?;
    let other = row.decider.filter(|other| *other != row.asker);
    if other.is_none_or(|other| check_person(app, other, Action::Approve, row).is_err()) {
        let message = "Whoever approved this may not do so any more. Please ask anew.";
        return Err(invalid("approval", "approver-gone", message));
    }
    Ok(())
}

/// The requests that the actor may see, newest first.
///
/// # Errors
/// [`ServiceError::NotFound`] for who may see none, whether or not there are any.
pub async fn list(app: &Arc<App>, ctx: &Context) -> Result<Vec<Shown>, ServiceError> {
    if !sees_any(app, ctx) {
        return Err(ServiceError::NotFound);
    }
    let rows = visible(app, ctx);
    let (worker, context) = (Arc::clone(app), ctx.clone());
    let mut out: Vec<Shown> =
        blocking(move || rows.iter().map(|(id, row)| show(&worker, &context, *id, row)).collect()).await?;
    out.sort_by_key(|shown| (std::cmp::Reverse(shown.request.asked), shown.id));
    Ok(out)
}

fn visible(app: &App, ctx: &Context) -> Vec<(ApprovalId, Approval)> {
    app.approvals.read(|rows| {
        let visible = rows.iter().filter(|(_, row)| may(app, ctx, Action::ReadApprovals, row));
        visible.map(|(id, row)| (*id, row.clone())).collect()
    })
}

/// Whether the actor sees requests of any kind.
pub fn sees_any(app: &App, ctx: &Context) -> bool {
    let asker = account_of(ctx).unwrap_or_else(|_| StaffId::from_bytes([0; 16]));
    let sees = |role| policy::decide(&ctx.actor, Action::ReadApprovals, &Resource::Approval { role, asker }).is_ok();
    sees(Role::Admin) || sees(Role::Privacy) || !export::exportable(app, ctx).is_empty()
}

/// How many wait for the actor to decide.
pub fn waiting(app: &App, ctx: &Context) -> usize {
    visible(app, ctx).iter().filter(|(_, row)| shown::may_approve(app, ctx, row)).count()
}

/// One request.
///
/// # Errors
/// [`ServiceError::NotFound`], the same for one that may not be seen.
pub async fn found(app: &Arc<App>, ctx: &Context, id: ApprovalId) -> Result<Shown, ServiceError> {
    let row = row_of(app, ctx, id)?;
    let (worker, context) = (Arc::clone(app), ctx.clone());
    blocking(move || show(&worker, &context, id, &row)).await
}

/// Whether an open request would give an account one of these roles.
pub(super) fn is_to_get(app: &App, account: StaffId, roles: &[Role]) -> bool {
    let now = app.clock.now();
    let gives = |row: &Approval| match &row.matter {
        Matter::Roles { account: whose, to, .. } => *whose == account && to.iter().any(|role| roles.contains(role)),
        Matter::Erasure { .. } | Matter::Export(_) | Matter::LegalReading { .. } => false,
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
    reading::drop_erased(app, &system).await?;
    let rows: Vec<_> = app.approvals.read(|rows| rows.iter().map(|(id, row)| (*id, row.clone())).collect());
    for (id, row) in rows {
        if row.stage.is_open() && row.stage_at(now) == Stage::Expired {
            let act = act(app, &system, Action::ExpireApproval, &row)?;
            write(app, act, id, row.at_stage(Stage::Expired, None, now)).await?;
        } else if !row.stage.is_open() && now.since(row.since) > KEPT {
            let act = system.act(Action::CleanUp, &Resource::Vault)?;
            remove(app, act, Detail::Removed(1), id).await?;
        }
    }
    Ok(())
}

/// After an erasure: a request to read what was held about somebody who is gone goes too. Nobody waits for it, for there is
/// nothing to read by it.
pub(super) fn tidy_soon(app: &Arc<App>) {
    if !reading::is_any_open(app) {
        return;
    }
    let app = Arc::clone(app);
    tokio::spawn(async move {
        if let Err(error) = tidy(&app).await {
            tracing::warn!(%error, "requests about somebody who was erased were not removed; nothing is read by them");
        }
    });
}

async fn remove(app: &Arc<App>, act: Act, detail: Detail, id: ApprovalId) -> Result<(), ServiceError> {
    let gone = [*id.as_bytes()];
    app.vault.change_system_rows(act, detail, Vec::new(), SystemTable::Approvals, &gone).await?;
    app.approvals.rows.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    Ok(())
}

/// Writes a request, with an entry that names whom it is about where that is one person, for whoever may see that. Who was erased
/// meanwhile is missing.
async fn write(app: &Arc<App>, act: Act, id: ApprovalId, row: Approval) -> Result<(), ServiceError> {
    let sealed = seal(app, id, &row)?;
    let about = match &row.matter {
        Matter::LegalReading { person: Some(person), .. } => About::Person(person),
        _ => About::Nobody,
    };
    let (detail, table) = (detail(id, &row), SystemTable::Approvals);
    app.vault.change_system_rows_about(act, detail, vec![sealed], table, &[], about).await?;
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
        Matter::Erasure { .. } | Matter::LegalReading { .. } => Resource::Approval { role: Role::Privacy, asker },
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
        Matter::Roles { .. } | Matter::Erasure { .. } | Matter::LegalReading { .. } => actor.clone(),
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
