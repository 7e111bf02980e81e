//! Erases records and people by destroying their keys, and certifies it.

mod alone;
mod held;

use std::sync::Arc;

use serde_json::Value;

use super::{App, Context, Problem, ServiceError, approvals, blocking, guests, review};
use crate::base::ids::{Handle, PersonId, RecordId};
use crate::domain::approval::MOST_ALONE;
use crate::policy::{Action, Actor, Resource};
pub use crate::vault::certificate::{Certificate, Kind, State};
use crate::vault::system_rows::SystemRow;
use crate::vault::{Act, Detail, Target};

pub(super) use alone::Alone;
use alone::Hold;
pub use held::{Held, HeldRecord, OfForm, by_email, check, of_person, of_record};

/// Erases one submission. Returns the signed certificate, ready to be shown as JSON.
///
/// # Errors
/// [`ServiceError::NotFound`], [`ServiceError::Forbidden`], [`ServiceError::Unavailable`]; [`ServiceError::Invalid`] once an account
/// has erased something of [`MOST_ALONE`] people within a day.
pub async fn record(app: &Arc<App>, ctx: &Context, id: RecordId) -> Result<Value, ServiceError> {
    let (located, permit) = review::locate(app, ctx, id, Action::EraseRecord).await?;
    let subject = located.summary.subject;
    drop(located);
    let act = ctx.act_on(permit)?;
    let taken = take(app, ctx, &[subject]).await?;
    let erased = app.vault.erase(act, vec![Target::Record(id)]).await.map_err(ServiceError::from).and_then(one);
    settle(taken, |_| nothing_happened(&erased));
    tidy_soon(app);
    erased
}

/// Erases one person with all that is held about them.
///
/// # Errors
/// As [`record`].
pub async fn person(app: &Arc<App>, ctx: &Context, id: PersonId) -> Result<Value, ServiceError> {
    let act = ctx.act(Action::ErasePerson, &Resource::Subject)?;
    let taken = take(app, ctx, &[id]).await?;
    let erased = app.vault.erase(act, vec![Target::Person(id)]).await.map_err(ServiceError::from).and_then(one);
    settle(taken, |_| nothing_happened(&erased));
    tidy_soon(app);
    erased
}

/// Counts people of whom an account erases something; the owner of the machine and people themselves are not counted.
async fn take<'a>(app: &'a Arc<App>, ctx: &Context, people: &[PersonId]) -> Result<Option<Hold<'a>>, ServiceError> {
    let Actor::Staff { id, .. } = &ctx.actor else { return Ok(None) };
    remember(app).await?;
    let hold = app.alone.take(*id, people, app.clock.now()).ok_or_else(|| {
        let message = format!(
            "More than {MOST_ALONE} people within a day need a second person: ask for it at /api/v1/approvals or under Requests."
        );
        ServiceError::Invalid(vec![Problem::in_field("subjects", "needs-approval", message)])
    })?;
    Ok(Some(hold))
}

/// Counts what the trail says of the day before the start.
async fn remember(app: &Arc<App>) -> Result<(), ServiceError> {
    let (vault, since) = (Arc::clone(&app.vault), app.clock.now().minus(alone::DAY));
    app.alone.remember(async || Ok(blocking(move || vault.erasures_since(since)).await??)).await
}

/// Does not count those of whom nothing was erased.
fn settle(taken: Option<Hold<'_>>, nothing: impl Fn(&PersonId) -> bool) {
    taken.into_iter().for_each(|hold| hold.settle(&nothing));
}

/// Whether it is sure that nobody was erased. After any other error the order may be there, and counts.
const fn nothing_happened(outcome: &Result<Value, ServiceError>) -> bool {
    matches!(outcome, Err(ServiceError::NotFound))
}

/// Erases many people in as few epochs as possible; one result for each, in order.
///
/// # Errors
/// [`ServiceError::Forbidden`] or [`ServiceError::Unavailable`] when nothing was done at all.
pub async fn people(
    app: &Arc<App>,
    ctx: &Context,
    ids: &[PersonId],
) -> Result<Vec<Result<Value, ServiceError>>, ServiceError> {
    /// People in one epoch: their pages are sealed anew in one commit, in which nobody else has a turn.
    const EPOCH: usize = 10_000;
    let mut results = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(EPOCH) {
        let act = ctx.act(Action::ErasePerson, &Resource::Subject)?;
        match app.vault.erase(act, chunk.iter().map(|id| Target::Person(*id)).collect()).await {
            Ok(certificates) => {
                let refused = chunk.len() - certificates.len();
                results.extend(certificates.iter().map(|c| to_value(c.as_ref())));
                results.extend((0..refused).map(|_| Err(ServiceError::Unavailable)));
            }
            Err(error) if results.is_empty() => return Err(error.into()),
            Err(_) => results.extend(chunk.iter().map(|_| Err(ServiceError::Unavailable))),
        }
    }
    tidy_soon(app);
    Ok(results)
}

/// Erases people, at most so many as one alone may erase at once and within a day.
///
/// # Errors
/// [`ServiceError::Invalid`] for none and for more; as [`people`].
pub async fn few(app: &Arc<App>, ctx: &Context, ids: &[PersonId]) -> Result<Vec<Option<Value>>, ServiceError> {
    let _ = ctx.act(Action::ErasePerson, &Resource::Subject)?;
    if ids.len() > MOST_ALONE {
        let message =
            format!("More than {MOST_ALONE} people at once need a second person: ask for it at /api/v1/approvals.");
        return Err(ServiceError::Invalid(vec![Problem::in_field("subjects", "needs-approval", message)]));
    }
    if ids.is_empty() {
        return Err(ServiceError::Invalid(vec![Problem::in_field("subjects", "required", "Name somebody.")]));
    }
    let taken = take(app, ctx, ids).await?;
    let erased = people(app, ctx, ids).await?;
    let gone = |person: &PersonId| ids.iter().zip(&erased).any(|(id, done)| id == person && !nothing_happened(done));
    settle(taken, |person| !gone(person));
    erased.into_iter().map(found_or_not).collect()
}

/// Erases people by a leave that is good once. The caller has seen to it that there is one.
///
/// # Errors
/// As [`people`]; then the leave was not used, unless the service stops right now.
pub(super) async fn people_once(
    app: &Arc<App>,
    ctx: &Context,
    ids: &[PersonId],
    used: (Act, Detail),
    row: SystemRow,
) -> Result<Vec<Option<Value>>, ServiceError> {
    let act = ctx.act(Action::ErasePerson, &Resource::Subject)?;
    let targets = ids.iter().map(|id| Target::Person(*id)).collect();
    let certificates = app.vault.erase_once(act, targets, used, row).await?;
    tidy_soon(app);
    certificates.iter().map(|certificate| found_or_not(to_value(certificate.as_ref()))).collect()
}

/// What lets somebody read what is gone goes too.
pub(super) fn tidy_soon(app: &Arc<App>) {
    guests::tidy_soon(app);
    approvals::tidy_soon(app);
}

fn found_or_not(outcome: Result<Value, ServiceError>) -> Result<Option<Value>, ServiceError> {
    match outcome {
        Ok(certificate) => Ok(Some(certificate)),
        Err(ServiceError::NotFound) => Ok(None),
        Err(other) => Err(other),
    }
}

/// The certificate of an erasure that was carried out before, by the handle of the person or the submission.
///
/// # Errors
/// [`ServiceError::NotFound`] when nothing of that name was erased; [`ServiceError::Forbidden`].
pub async fn certificate(app: &Arc<App>, ctx: &Context, handle: Handle) -> Result<Value, ServiceError> {
    check(ctx)?;
    // A look, which nobody who counts erasures in the trail shall take for one.
    let act = ctx.act(Action::FindSubject, &Resource::Subject)?;
    let certificate = app.vault.certificate_of(&handle)?;
    app.vault.record_act(act, Detail::Found(1)).await?;
    to_value(Some(&certificate))
}

fn one(certificates: Vec<Option<Certificate>>) -> Result<Value, ServiceError> {
    to_value(certificates.first().and_then(Option::as_ref))
}

fn to_value(certificate: Option<&Certificate>) -> Result<Value, ServiceError> {
    serde_json::to_value(certificate.ok_or(ServiceError::NotFound)?).map_err(|_| ServiceError::Internal)
}
