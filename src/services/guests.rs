//! Guests: accounts that read nothing by themselves, and single submissions for some days where somebody who works on one lets
//! them in. What lets them in is a pass, looked at anew with each act: it ends with its days, with who gave it being let down by
//! their own roles or region, and with the submission.
//!
//! A pass is a row of the vault's own with handles and times in it; why somebody was let in stands in a note on the submission,
//! and goes with it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::{App, Context, Problem, ServiceError, blocking, review, sign_in, staff, work};
use crate::base::clock::Timestamp;
use crate::base::ids::{PassId, RecordId, StaffId};
use crate::domain::approval::Reason;
use crate::domain::form::Form;
pub use crate::domain::pass::{MOST_DAYS, USUAL_DAYS};
use crate::domain::pass::{MOST_GUESTS, Pass, days};
use crate::domain::staff::Login;
use crate::domain::submission::{Nature, Summary};
use crate::policy::{self, Action, Actor, Resource, Role};
use crate::vault::system_rows::{About, SystemTable};
use crate::vault::{Act, Detail, Located, Vault, VaultError};

/// All passes in memory, and the turn of whoever changes one.
pub(super) struct Passes {
    rows: RwLock<BTreeMap<PassId, Pass>>,
    changing: tokio::sync::Mutex<()>,
}

impl Passes {
    pub(super) fn load(vault: &Vault) -> Result<Self, VaultError> {
        let rows = vault.read_system_rows(SystemTable::Passes)?;
        let rows = rows.into_iter().map(|(id, row)| (PassId::from_bytes(id), row)).collect();
        Ok(Self { rows: RwLock::new(rows), changing: tokio::sync::Mutex::new(()) })
    }

    fn read<T>(&self, f: impl FnOnce(&BTreeMap<PassId, Pass>) -> T) -> T {
        f(&self.rows.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn of_record(&self, record: &RecordId) -> Vec<(PassId, Pass)> {
        self.read(|rows| {
            rows.iter().filter(|(_, pass)| pass.record == *record).map(|(id, pass)| (*id, *pass)).collect()
        })
    }

    fn of_guest(&self, guest: StaffId) -> Vec<Pass> {
        self.read(|rows| rows.values().filter(|pass| pass.guest == guest).copied().collect())
    }
}

/// Until when a pass lets the actor read this submission; `None` where there is none that holds.
pub(super) fn pass_of(app: &App, actor: &Actor, summary: &Summary) -> Option<Timestamp> {
    let Actor::Staff { id, roles, .. } = actor else { return None };
    if !roles.contains(&Role::Guest) || !is_letter(app, summary) {
        return None;
    }
    let now = app.clock.now();
    let mine = app.passes.of_guest(*id).into_iter().filter(|pass| pass.record == summary.id && pass.holds(now));
    mine.filter(|pass| may_still_let_in(app, pass.by, summary)).map(|pass| pass.until).max()
}

/// What a guest reads on with: it holds while a pass does.
pub(super) struct Lease {
    app: Arc<App>,
    actor: Actor,
    summary: Summary,
}

impl Lease {
    pub(super) fn new(app: &Arc<App>, actor: &Actor, summary: &Summary) -> Self {
        Self { app: Arc::clone(app), actor: actor.clone(), summary: summary.clone() }
    }

    pub(super) fn holds(&self) -> bool {
        pass_of(&self.app, &self.actor, &self.summary).is_some()
    }
}

/// A guest of a submission, as those see it who work on it.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The pass.
    pub id: PassId,
    /// The login of the guest.
    pub login: String,
    /// Of whoever let them in.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
    /// From when on no more.
    pub until: Timestamp,
}

/// The guests of a submission, whose passes hold; empty for who may not see them.
pub fn of_record(app: &App, ctx: &Context, form: &Form, summary: &Summary) -> Vec<Guest> {
    if !review::may_with(ctx, Action::DismissGuest, form, summary.nature) {
        return Vec::new();
    }
    let (now, name) = (app.clock.now(), |id| name(app, id));
    let holding = app.passes.of_record(&summary.id).into_iter().filter(|(_, pass)| pass.holds(now));
    let holding = holding.filter(|(_, pass)| may_still_let_in(app, pass.by, summary));
    let guest = |(id, pass): (PassId, Pass)| Guest {
        id,
        login: name(pass.guest),
        by: name(pass.by),
        since: pass.since,
        until: pass.until,
    };
    holding.map(guest).collect()
}

/// How many passes there are for a submission that have not ended.
pub(super) fn count(app: &App, record: &RecordId) -> usize {
    let now = app.clock.now();
    app.passes.of_record(record).iter().filter(|(_, pass)| pass.holds(now)).count()
}

/// The logins of accounts that can be let in by somebody.
///
/// # Errors
/// [`ServiceError::Internal`].
pub fn candidates(app: &App, ctx: &Context) -> Result<Vec<String>, ServiceError> {
    let own = ctx.actor.account();
    let guests = staff::people(app)?.into_iter().filter(|(id, _)| Some(*id) != own && is_guest(app, *id));
    Ok(guests.map(|(_, login)| login).collect())
}

/// What a guest may read.
#[derive(Clone, Debug)]
pub struct Lent {
    /// The submission.
    pub id: RecordId,
    /// The title of its form.
    pub title: String,
    /// When it arrived.
    pub received: Timestamp,
    /// The login of whoever let them in.
    pub by: String,
    /// From when on no more.
    pub until: Timestamp,
}

/// What the actor may read as a guest, soonest over first. Opens nothing of it; that it was looked at is in the trail.
///
/// # Errors
/// [`ServiceError::Unavailable`]; [`ServiceError::NotFound`] for who is no guest.
pub async fn own(app: &Arc<App>, ctx: &Context) -> Result<Vec<Lent>, ServiceError> {
    let act = ctx.act(Action::ListSubmissions, &Resource::Lent)?;
    let account = ctx.actor.account().ok_or(ServiceError::NotFound)?;
    let (worker, actor) = (Arc::clone(app), ctx.actor.clone());
    let mut out = blocking(move || {
        let mut out = Vec::new();
        for pass in worker.passes.of_guest(account) {
            let located = match worker.vault.locate(&pass.record) {
                Ok(located) => located,
                Err(VaultError::Missing) => continue,
                Err(other) => return Err(ServiceError::from(other)),
            };
            let summary = &located.summary;
            let Some(form) = worker.forms().get(&summary.form).cloned() else { continue };
            let reached = actor.at(&form.id).reaches(&summary.region);
            if let Some(until) = pass_of(&worker, &actor.at(&form.id), summary).filter(|_| reached) {
                let by = name(&worker, pass.by);
                let (id, title) = (pass.record, form.title.clone());
                out.push(Lent { id, title, received: summary.received, by, until });
            }
        }
        Ok(out)
    })
    .await??;
    out.sort_by_key(|lent| (lent.until, lent.id));
    out.dedup_by_key(|lent| lent.id);
    app.vault.record_act(act, Detail::Found(out.len() as u64)).await?;
    Ok(out)
}

/// Lets a guest read a submission for some days. One who is let in already is let in anew, until then.
///
/// # Errors
/// [`ServiceError::Invalid`] for nobody of this name, oneself, a number of days that cannot be, and too many guests;
/// [`ServiceError::NotFound`] and [`ServiceError::Forbidden`] for who may not read it, or not let anybody in.
pub async fn admit(
    app: &Arc<App>,
    ctx: &Context,
    id: RecordId,
    login: &str,
    typed_days: &str,
    reason: &str,
) -> Result<(), ServiceError> {
    let (located, permit) = review::locate(app, ctx, id, Action::AdmitGuest).await?;
    // Nobody lends what they may not read themselves: not by a token that leaves that out, either.
    let _ = review::locate(app, ctx, id, Action::ReadSubmission).await?;
    let by = ctx.actor.account().ok_or(ServiceError::Forbidden)?;
    let form = app.forms().get(&located.summary.form).cloned().ok_or(ServiceError::NotFound)?;
    if !sees_enough(&ctx.actor, &form) {
        let message =
            "Guests are shown some of this that you are not. Please ask a colleague who sees it to let them in.";
        return Err(invalid(Problem::in_field("guest", "masked", message)));
    }
    if !may_still_let_in(app, by, &located.summary) {
        // A program, whose roles are those of its token.
        return Err(ServiceError::Forbidden);
    }
    let nobody = || invalid(Problem::in_field("guest", "no-guest", "No guest has this login."));
    let login: Login = login.trim().parse().map_err(|_| nobody())?;
    let guest = staff::find_active(app, &login)?.filter(|guest| is_guest(app, *guest)).ok_or_else(nobody)?;
    if guest == by {
        return Err(invalid(Problem::in_field("guest", "yourself", "Nobody lets themselves in.")));
    }
    let scope = staff::scope_of(app, guest);
    if scope.reach().is_some_and(|reach| !reach.covers(&located.summary.region)) {
        let message = "This guest reads in a region from which what is kept here may not be read.";
        return Err(invalid(Problem::in_field("guest", "elsewhere", message)));
    }
    let length = days(typed_days).map_err(invalid)?;
    let reason = (!reason.trim().is_empty()).then(|| Reason::parse(reason)).transpose().map_err(invalid)?;
    let _one_at_a_time = app.passes.changing.lock().await;
    let now = app.clock.now();
    let until = now.plus(length);
    let there = app.passes.of_record(&id);
    let known = there.iter().find(|(_, pass)| pass.guest == guest && pass.by == by).map(|(id, _)| *id);
    if known.is_none() && there.iter().filter(|(_, pass)| pass.holds(now)).count() >= MOST_GUESTS {
        let message = format!("At most {MOST_GUESTS} guests read one submission.");
        return Err(invalid(Problem::in_field("guest", "too-many", message)));
    }
    if let Some(reason) = reason {
        // Before the pass: where no note fits any more, nobody was let in.
        let text = format!("Let {} read this until {}: {}", login.as_str(), day(until), reason.expose());
        work::note(app, ctx, id, &text).await?;
    }
    let pass_id = match known {
        Some(known) => known,
        None => PassId::make_random(&*app.entropy).map_err(VaultError::from)?,
    };
    let pass = Pass { record: id, guest, by, since: now, until };
    let row = app.vault.seal_system_row(SystemTable::Passes, pass_id.as_bytes(), &pass)?;
    let detail = Detail::Account { id: guest, change: format!("let in until {}", day(until)) };
    write(app, ctx.act_on(permit)?, detail, vec![row], &[], &located).await?;
    app.passes.rows.write().unwrap_or_else(PoisonError::into_inner).insert(pass_id, pass);
    Ok(())
}

/// Ends a pass of a submission, from this moment on.
///
/// # Errors
/// [`ServiceError::NotFound`] also for a pass of another submission; [`ServiceError::Forbidden`].
pub async fn dismiss(app: &Arc<App>, ctx: &Context, id: RecordId, pass_id: PassId) -> Result<(), ServiceError> {
    let (located, permit) = review::locate(app, ctx, id, Action::DismissGuest).await?;
    let _one_at_a_time = app.passes.changing.lock().await;
    let pass = app.passes.read(|rows| rows.get(&pass_id).copied()).filter(|pass| pass.record == id);
    let pass = pass.ok_or(ServiceError::NotFound)?;
    // Out of memory first: from here on nobody reads by it, whatever becomes of the row. A row that could not be removed comes
    // back at the next start only, and whoever dismissed the guest was told that it failed.
    app.passes.rows.write().unwrap_or_else(PoisonError::into_inner).remove(&pass_id);
    let detail = Detail::Account { id: pass.guest, change: "sent away".to_owned() };
    let gone = write(app, ctx.act_on(permit)?, detail, Vec::new(), &[*pass_id.as_bytes()], &located).await;
    if gone.is_err() {
        app.passes.rows.write().unwrap_or_else(PoisonError::into_inner).insert(pass_id, pass);
    }
    gone
}

/// Removes passes that hold no more: their days are over, their submission is gone, or who gave them may not read it any more.
///
/// # Errors
/// Storage errors.
pub async fn tidy(app: &Arc<App>) -> Result<(), ServiceError> {
    let _one_at_a_time = app.passes.changing.lock().await;
    let worker = Arc::clone(app);
    let over = blocking(move || {
        let (now, mut over) = (worker.clock.now(), Vec::new());
        for (id, pass) in worker.passes.read(|rows| rows.iter().map(|(id, pass)| (*id, *pass)).collect::<Vec<_>>()) {
            let stands = pass.holds(now)
                && match worker.vault.locate(&pass.record) {
                    Ok(located) => may_still_let_in(&worker, pass.by, &located.summary),
                    // What cannot be looked at now may still be there.
                    Err(error) => error != VaultError::Missing,
                };
            if !stands {
                over.push(id);
            }
        }
        over
    })
    .await?;
    for some in over.chunks(64) {
        let act = Context::system(app)?.act(Action::CleanUp, &Resource::Vault)?;
        let gone: Vec<[u8; 16]> = some.iter().map(|id| *id.as_bytes()).collect();
        let detail = Detail::Removed(gone.len() as u64);
        app.vault.change_system_rows(act, detail, Vec::new(), SystemTable::Passes, &gone).await?;
        let mut rows = app.passes.rows.write().unwrap_or_else(PoisonError::into_inner);
        for id in some {
            rows.remove(id);
        }
    }
    Ok(())
}

/// After an erasure: what lets somebody read what is gone goes too. Nobody waits for it, for such a pass opens nothing.
pub(super) fn tidy_soon(app: &Arc<App>) {
    if app.passes.read(BTreeMap::is_empty) {
        return;
    }
    let app = Arc::clone(app);
    tokio::spawn(async move {
        if let Err(error) = tidy(&app).await {
            tracing::warn!(%error, "passes of guests that hold no more were not removed; they let nobody in");
        }
    });
}

async fn write(
    app: &Arc<App>,
    act: Act,
    detail: Detail,
    rows: Vec<crate::vault::system_rows::SystemRow>,
    gone: &[[u8; 16]],
    located: &Located,
) -> Result<(), ServiceError> {
    let table = SystemTable::Passes;
    Ok(app.vault.change_system_rows_about(act, detail, rows, table, gone, About::Record(located)).await?)
}

/// Whether the account may let somebody read this now: as a person, by their own roles, from where they are; and sees itself all
/// that the form shows to guests.
fn may_still_let_in(app: &App, account: StaffId, summary: &Summary) -> bool {
    let Some(form) = app.forms().get(&summary.form).cloned() else { return false };
    let Some(actor) = sign_in::person(app, account) else { return false };
    if !sees_enough(&actor, &form) {
        return false;
    }
    let resource = Resource::of_submission(&form, summary.nature);
    let may = |action| policy::decide(&actor, action, &resource).is_ok();
    may(Action::ReadSubmission) && may(Action::AdmitGuest) && actor.reaches(&summary.region)
}

fn sees_enough(actor: &Actor, form: &Form) -> bool {
    policy::sight(actor, form, None).covers(&policy::guest_sight(form))
}

/// Whether it is what guests are let in to: no comment, and nothing of a survey.
fn is_letter(app: &App, summary: &Summary) -> bool {
    summary.nature == Nature::Letter
        && app
            .forms()
            .get(&summary.form)
            .is_some_and(|form| matches!(Resource::of_submission(form, summary.nature), Resource::Submission { .. }))
}

fn is_guest(app: &App, account: StaffId) -> bool {
    sign_in::roles_of(app, account).contains(&Role::Guest)
}

fn name(app: &App, id: StaffId) -> String {
    staff::name_of(app, id).map_or_else(|| id.to_string(), |(login, _)| login)
}

fn day(time: Timestamp) -> String {
    let text = time.to_string();
    text.get(..16).map_or_else(|| text.clone(), |minute| format!("{} UTC", minute.replace('T', " ")))
}

fn invalid(problem: Problem) -> ServiceError {
    ServiceError::Invalid(vec![problem])
}
