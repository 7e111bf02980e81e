//! Staff find, read and mark submissions.

mod files;
mod purpose;
mod shown;

use std::sync::Arc;

use super::approvals::Standing;
use super::inbox::{self, Whose};
use super::{App, Context, Problem, ServiceError, blocking, guests, reading, work};
use crate::base::clock::Timestamp;
use crate::base::ids::RecordId;
use crate::domain::form::{Form, FormId};
use crate::domain::message::Message;
use crate::domain::resource::Downloaded;
use crate::domain::submission::{Content, Fields, Nature, Status, Summary};
use crate::domain::work::{Label, Note};
use crate::policy::{self, Action, Actor, Permit, Resource, Role, Sight};
use crate::vault::{Detail, Listed, Located, VaultError};
pub use crate::vault::{LedgerLine, Past};
pub use files::{Download, file};
pub(super) use files::{may_open_file, open_file};
pub use purpose::standing;
use purpose::{Named, check_holds, grant_by, need_purpose};
pub(super) use shown::{Behind, item, line, shown};

/// Items of a page when nobody says how many.
const DEFAULT_LIMIT: u32 = 50;
/// Items of a page, at most.
const MAX_LIMIT: u32 = 200;

/// What to list. `after` is a cursor from an earlier answer, opaque.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// Only this form.
    pub form: Option<FormId>,
    /// Only this status.
    pub status: Option<Status>,
    /// Only those of somebody, or of nobody.
    pub whose: Option<Whose>,
    /// Only those with this label.
    pub label: Option<Label>,
    /// Only those that the account of the actor has seen, or has not.
    pub seen: Option<bool>,
    /// Continue after this cursor.
    pub after: Option<String>,
    /// At most so many items: 1 to 200, default 50.
    pub limit: Option<u32>,
    /// With a purpose, items carry the form's summary fields, under one audit entry that names them all.
    pub purpose: Option<String>,
}

/// One line of a list.
#[derive(Clone, Debug)]
pub struct Item {
    /// The line.
    pub summary: Summary,
    /// The form's summary fields, when a purpose was given.
    pub fields: Option<Fields>,
    /// Of these, the names of those that the actor is not shown.
    pub masked: Vec<String>,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// Newest first.
    pub items: Vec<T>,
    /// Cursor of the next page; `None` at the end.
    pub next: Option<String>,
}

/// A submission, opened.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Id, subject, status.
    pub summary: Summary,
    /// As it arrived.
    pub content: Content,
    /// The conversation since, oldest message first.
    pub messages: Vec<Message>,
    /// The downloads of what the form unlocks, oldest first.
    pub downloads: Vec<Downloaded>,
    /// For a newsletter: how it was asked for, confirmed and taken back, oldest first.
    pub consent_changes: Vec<LedgerLine>,
    /// What the form asks and the actor is not shown, by name, whether or not it was answered.
    pub masked: Vec<String>,
    /// It came by an earlier version of the form, and the actor is not shown what only that one asked.
    pub former_masked: bool,
    /// What staff note about it among themselves, oldest first, each with whether it is released to the person's own copy.
    pub notes: Vec<(Note, bool)>,
    /// What was done with it, newest first, as far as it tells of nothing that the actor is not shown; empty unless asked for
    /// by [`look`].
    pub history: Vec<Past>,
    /// Until when a pass lets the actor read it, who could not otherwise.
    pub lent: Option<Timestamp>,
    /// By what it was read, where that is what two people agreed on.
    pub legal: Option<Standing>,
}

/// Lines of a history, at most.
const HISTORY: usize = 100;

/// Lists what the actor may see.
///
/// # Errors
/// [`ServiceError::Invalid`] for a bad cursor or limit; [`ServiceError::NotFound`] for a form that does not exist or that
/// the actor may not list, and for an actor with no list at all; [`ServiceError::PurposeNeeded`] for a purpose that none of
/// the forms knows.
pub async fn list(app: &Arc<App>, ctx: &Context, query: ListQuery) -> Result<Page<Item>, ServiceError> {
    let limit = page_limit(query.limit)?;
    let before = query.after.as_deref().map(|after| place_of(app, after)).transpose()?;
    if let Some(form) = &query.form {
        // A form that the actor may not list is as good as none.
        let form = app.forms().get(form).cloned().ok_or(ServiceError::NotFound)?;
        let _ = ctx.at(&form.id).act(Action::ListSubmissions, &Resource::of_form(&form))?;
    } else if !app.forms().iter().any(|form| may(ctx, Action::ListSubmissions, form)) {
        return Err(ServiceError::NotFound);
    }
    let filter = inbox::filter(app, ctx, &query)?;
    if query.form.is_some() {
        inbox::warm(app).await?;
    }
    let (worker, context, form) = (Arc::clone(app), ctx.clone(), query.form.clone());
    let (mut found, next) = blocking(move || {
        let Some(filter) = filter else { return Ok((Vec::new(), None)) };
        inbox::collect(&worker, &context, form.as_ref(), &filter, before, limit as usize)
    })
    .await??;
    let next = next.and_then(|arrival| cursor_at(app, arrival));
    let Some(purpose) = query.purpose else {
        note_list(app, ctx, query.form.as_ref(), found.len()).await?;
        let line = |listed: Listed| line(app, ctx, listed.located.summary);
        let items = found.into_iter().map(|listed| Item { summary: line(listed), fields: None, masked: Vec::new() });
        return Ok(Page { items: items.collect(), next });
    };

    // Submissions whose form does not know the purpose are not opened for it.
    check_purpose_somewhere(app, ctx, query.form.as_ref(), &purpose)?;
    found.retain(|listed| {
        let nature = listed.located.summary.nature;
        form_of(app, &listed.located).is_ok_and(|form| reads_for(ctx, &form, nature, &purpose))
    });
    if found.is_empty() {
        note_list(app, ctx, query.form.as_ref(), 0).await?;
        return Ok(Page { items: Vec::new(), next });
    }
    let form = form_of(app, &found[0].located)?;
    let nature = found[0].located.summary.nature;
    let act = ctx.at(&form.id).act(Action::ReadSubmission, &Resource::of_submission(&form, nature))?;
    let located: Vec<Located> = found.into_iter().map(|listed| listed.located).collect();
    reading::lines(app, ctx, located.len()).await?;
    let grants = app.vault.grant_lines(act, &located, &purpose).await?;
    let (worker, actor) = (Arc::clone(app), ctx.actor.clone());
    let items = blocking(move || {
        let mut items = Vec::with_capacity(located.len());
        for (grant, located) in grants.into_iter().zip(located) {
            match worker.vault.open_content(grant, &located) {
                Ok(content) => {
                    let form = form_of(&worker, &located)?;
                    items.push(item(&policy::sight(&actor, &form, Some(&purpose)), &form, located.summary, content));
                }
                Err(VaultError::Missing) => {}
                Err(other) => return Err(ServiceError::from(other)),
            }
        }
        Ok(items)
    })
    .await??;
    Ok(Page { items, next })
}

/// Opens one submission, once the audit entry is durable.
///
/// # Errors
/// [`ServiceError::NotFound`], [`ServiceError::PurposeNeeded`], [`ServiceError::Unavailable`].
pub async fn show(
    app: &Arc<App>,
    ctx: &Context,
    id: RecordId,
    purpose: Option<&str>,
) -> Result<Submission, ServiceError> {
    open(app, ctx, id, purpose, false).await
}

/// As [`show`], with the history; and remembers that the account of the actor has seen it.
///
/// # Errors
/// As [`show`].
pub async fn look(
    app: &Arc<App>,
    ctx: &Context,
    id: RecordId,
    purpose: Option<&str>,
) -> Result<Submission, ServiceError> {
    open(app, ctx, id, purpose, true).await
}

async fn open(
    app: &Arc<App>,
    ctx: &Context,
    id: RecordId,
    purpose: Option<&str>,
    whole: bool,
) -> Result<Submission, ServiceError> {
    let (located, permit) = locate(app, ctx, id, Action::ReadSubmission).await?;
    let lent = is_lent(&permit);
    let Named { purpose, legal } = need_purpose(app, ctx, &located, purpose, lent)?;
    let act = ctx.act_on(permit)?;
    reading::open(app, ctx, &[id]).await?;
    let form = form_of(app, &located)?;
    let nature = located.summary.nature;
    let notes = may_with(ctx, Action::ReadNotes, &form, nature);
    let grant = match (&ctx.actor, &legal) {
        (_, Some(legal)) => grant_by(app, act, &located, None, legal).await?,
        (Actor::Staff { id: account, .. }, None) if whole && !lent => {
            app.vault.grant_to(act, &located, &purpose, *account).await?
        }
        _ => {
            let mut grants = app.vault.grant(act, std::slice::from_ref(&located), &purpose, None).await?;
            grants.pop().ok_or(ServiceError::Internal)?
        }
    };
    // What ended while that was written down lets nobody read.
    check_holds(ctx, &form, legal.as_ref())?;
    let legal = legal.map(|legal| legal.standing().clone());
    // A pass that ended while that was written down lets nobody in.
    let lent = if lent {
        Some(guests::pass_of(app, &ctx.actor, &located.summary).ok_or(ServiceError::NotFound)?)
    } else {
        None
    };
    let grant = match form.kind.subscribes().is_some() || whole || !located.summary.work.notes.is_empty() {
        true => grant,
        false => match app.vault.open_record_now(grant, &located)? {
            Ok(opened) => {
                let sight = sight(&ctx.actor, &form, &purpose, lent.is_some());
                let behind = Behind { lent, legal, ..Behind::default() };
                return Ok(shown(&sight, &form, located.summary, opened, behind));
            }
            Err(grant) => grant,
        },
    };
    let (vault, actor) = (Arc::clone(&app.vault), ctx.actor.clone());
    blocking(move || {
        let opened = vault.open_record(grant, &located)?;
        let subscribes = form.kind.subscribes().is_some();
        let mut consent_changes = if subscribes { vault.consent_ledger(&opened)? } else { Vec::new() };
        consent_changes.retain(|line| line.record == id);
        let history = if notes && whole { vault.history_of(&opened, &located, HISTORY)? } else { Vec::new() };
        let mut all = if notes || lent.is_some() { vault.notes_of(&opened, &located)? } else { Vec::new() };
        if !notes {
            // A guest has their own ones, and no others.
            all.retain(|(note, _)| matches!(&actor, Actor::Staff { login, .. } if note.login.as_ref() == Some(login)));
        }
        let sight = sight(&actor, &form, &purpose, lent.is_some());
        Ok(shown(&sight, &form, located.summary, opened, Behind { consent_changes, notes: all, history, lent, legal }))
    })
    .await?
}

/// Marks progress. Returns the new line.
///
/// # Errors
/// [`ServiceError::Invalid`] for a status the form does not use; [`ServiceError::NotFound`]; [`ServiceError::Forbidden`].
pub async fn set_status(app: &Arc<App>, ctx: &Context, id: RecordId, status: Status) -> Result<Summary, ServiceError> {
    work::change(app, ctx, id, work::Change { status: Some(status), ..work::Change::default() }).await
}

/// Refuses a status that submissions by this form do not go through.
pub(super) fn check_status(form: &Form, status: Status) -> Result<(), ServiceError> {
    if form.kind.subscribes().is_some() {
        let message = "Whether somebody is subscribed, they say themselves; nobody else marks it.";
        return Err(ServiceError::Invalid(vec![Problem::in_field("status", "bad-status", message)]));
    }
    if form.allows_status(status) {
        return Ok(());
    }
    let names: Vec<&str> = form.kind.statuses().iter().map(|status| status.as_str()).collect();
    let message = format!("Submissions to this form can be: {}.", names.join(", "));
    Err(ServiceError::Invalid(vec![Problem::in_field("status", "bad-status", message)]))
}

/// Finds a submission for an act. Unknown, erased and hidden are one answer.
pub(super) async fn locate(
    app: &Arc<App>,
    ctx: &Context,
    id: RecordId,
    action: Action,
) -> Result<(Located, Permit), ServiceError> {
    // A few rows, mostly from memory: a change of threads would cost more than the work. What may have to wait for a
    // commit changes threads.
    let located = match app.vault.locate_now(&id)? {
        Some(located) => located,
        None => {
            let vault = Arc::clone(&app.vault);
            blocking(move || vault.locate(&id)).await??
        }
    };
    let form = form_of(app, &located)?;
    let actor = ctx.actor.at(&form.id);
    let permit = match policy::decide(&actor, action, &Resource::of_submission(&form, located.summary.nature)) {
        // What the actor's own roles do not allow, a pass may.
        Err(denial) if guests::pass_of(app, &actor, &located.summary).is_some() => {
            policy::decide(&actor, action, &Resource::Lent).map_err(|_| denial)?
        }
        decided => decided?,
    };
    // What may not be read from where the actor is, is as good as not there.
    if !ctx.actor.reaches(&located.summary.region) {
        return Err(ServiceError::NotFound);
    }
    Ok((located, permit))
}

/// Whether the actor may see that this submission exists.
pub(super) fn may_list(app: &App, ctx: &Context, located: &Located) -> bool {
    // An answer to a survey is in no list, also when its form is no survey any more.
    form_of(app, located).is_ok_and(|form| {
        let readable = Resource::of_submission(&form, located.summary.nature);
        may(ctx, Action::ListSubmissions, &form)
            && ctx.actor.reaches(&located.summary.region)
            && matches!(readable, Resource::Submission { .. } | Resource::Comment { .. })
    })
}

/// A bare list opens nothing, and is in the trail all the same: who looked, through which form, at how many lines.
async fn note_list(app: &App, ctx: &Context, form: Option<&FormId>, found: usize) -> Result<(), ServiceError> {
    let forms = app.forms();
    let listed = forms.iter().find(|one| form.is_none_or(|id| *id == one.id) && may(ctx, Action::ListSubmissions, one));
    if let Some(form) = listed {
        let act = ctx.at(&form.id).act(Action::ListSubmissions, &Resource::of_form(form))?;
        app.vault.record_act(act, Detail::Found(found as u64)).await?;
    }
    Ok(())
}

/// Whether the actor may list the submissions of a form.
pub(super) fn lists(ctx: &Context, form: &Form) -> bool {
    may(ctx, Action::ListSubmissions, form)
}

fn may(ctx: &Context, action: Action, form: &Form) -> bool {
    policy::decide(&ctx.actor.at(&form.id), action, &Resource::of_form(form)).is_ok()
}

/// The form that a submission came by. One whose form is gone from the configuration is hidden from everybody, since
/// nothing says who may read it; the log tells.
pub(super) fn form_of(app: &App, located: &Located) -> Result<Arc<Form>, ServiceError> {
    let id = &located.summary.form;
    app.forms().get(id).cloned().ok_or_else(|| {
        tracing::warn!(form = %id, "a submission's form is not among the forms loaded; put its file back");
        ServiceError::NotFound
    })
}

fn reads_for(ctx: &Context, form: &Form, nature: Nature, purpose: &str) -> bool {
    may_with(ctx, Action::ReadSubmission, form, nature)
        && policy::allowed_purposes(&ctx.actor, &form.purposes).iter().any(|allowed| allowed == purpose)
}

/// Refuses a purpose that serves for none of the forms in question.
fn check_purpose_somewhere(app: &App, ctx: &Context, form: Option<&FormId>, purpose: &str) -> Result<(), ServiceError> {
    let loaded = app.forms();
    let forms = loaded.iter().filter(|f| form.is_none_or(|id| *id == f.id));
    let mut allowed: Vec<String> = Vec::new();
    for form in forms.filter(|form| may(ctx, Action::ListSubmissions, form)) {
        allowed.extend(policy::allowed_purposes(&ctx.actor, &form.purposes));
    }
    allowed.sort();
    allowed.dedup();
    if allowed.iter().any(|one| one == purpose) { Ok(()) } else { Err(ServiceError::PurposeNeeded { allowed }) }
}

/// Whether it was a pass that allowed this.
fn is_lent(permit: &Permit) -> bool {
    permit.role() == Some(Role::Guest)
}

/// What the actor sees of a submission: by their roles, or by a pass.
fn sight<'a>(actor: &Actor, form: &'a Form, purpose: &str, lent: bool) -> Sight<'a> {
    if lent { policy::guest_sight(form) } else { policy::sight(actor, form, Some(purpose)) }
}

/// The forms whose submissions the actor may list, in order.
pub fn readable(app: &App, ctx: &Context) -> Vec<Arc<Form>> {
    app.forms().iter().filter(|form| may(ctx, Action::ListSubmissions, form)).cloned().collect()
}

/// Whether the actor may do this with what came in by a form, of this nature.
pub fn may_with(ctx: &Context, action: Action, form: &Form, nature: Nature) -> bool {
    policy::decide(&ctx.actor.at(&form.id), action, &Resource::of_submission(form, nature)).is_ok()
}

/// What the actor may read a form's submissions for.
pub fn purposes(ctx: &Context, form: &Form) -> Vec<String> {
    policy::allowed_purposes(&ctx.actor, &form.purposes)
}

/// The limit of a page, checked.
pub(super) fn page_limit(limit: Option<u32>) -> Result<u32, ServiceError> {
    match limit.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(limit),
        _ => Err(ServiceError::Invalid(vec![Problem::in_field(
            "limit",
            "out-of-range",
            format!("A number from 1 to {MAX_LIMIT}."),
        )])),
    }
}

/// The cursor that goes on below a number.
pub(super) fn cursor(number: u64) -> String {
    data_encoding::BASE64URL_NOPAD.encode(&number.to_be_bytes())
}

/// Reads a cursor.
pub(super) fn parse_cursor(text: &str) -> Result<u64, ServiceError> {
    data_encoding::BASE64URL_NOPAD
        .decode(text.as_bytes())
        .ok()
        .and_then(|bytes| bytes.try_into().ok())
        .map(u64::from_be_bytes)
        .ok_or_else(bad_cursor)
}

/// Reads a cursor and writes it again, for fuzzing: `None` when it is none.
pub fn rewrite_cursor(text: &str) -> Option<String> {
    parse_cursor(text).ok().map(cursor)
}

fn bad_cursor() -> ServiceError {
    ServiceError::Invalid(vec![Problem::in_field("after", "bad-cursor", "Not a cursor from an earlier answer.")])
}

/// The cursor that goes on below an arrival number, without telling it.
pub(super) fn cursor_at(app: &App, arrival: u64) -> Option<String> {
    app.vault.hide_arrival(arrival).map(cursor)
}

/// The arrival number behind a cursor.
pub(super) fn place_of(app: &App, after: &str) -> Result<u64, ServiceError> {
    app.vault.reveal_arrival(parse_cursor(after)?).ok_or_else(bad_cursor)
}
