//! What a survey comes to, for those who read it: counts over whole groups of answers, and the words of those fields whose words
//! the form lets be read. Never an answer by itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{App, Context, Problem, ServiceError, blocking, reading, review};
use crate::base::sensitive::SensitiveString;
use crate::domain::form::{Form, FormId, FormKind};
use crate::domain::submission::FieldValue;
use crate::domain::survey::{Report, Tally};
use crate::policy::{self, Action, Resource, SUBJECT_REQUEST};
use crate::vault::{AnswersGrant, AnswersState, Vault};

/// One survey is gone through at a time: it is long work, and what it needs of memory is needed once.
static TURN: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(1);

/// What was told last of each survey, for as long as nothing comes in and nothing goes: going through a hundred thousand answers
/// takes seconds. Only what may be told is kept (rounded counts, and places of words), never an answer.
#[derive(Default)]
pub(super) struct Kept {
    reports: Mutex<BTreeMap<FormId, Fresh<Vec<bool>, Report>>>,
    places: Mutex<BTreeMap<FormId, Fresh<String, Arc<Places>>>>,
}

/// Where words stand, in their order of chance.
type Places = Vec<([u8; 16], u64)>;

/// Something that holds for a form as it was read last, for what is asked, in a state of the vault.
struct Fresh<Q, T> {
    form: Arc<Form>,
    asked: Q,
    state: AnswersState,
    value: T,
}

/// What was kept, or else is `made` now, and kept if nothing has changed meanwhile.
fn kept<Q: PartialEq, T: Clone>(
    all: &Mutex<BTreeMap<FormId, Fresh<Q, T>>>,
    vault: &Vault,
    form: &Arc<Form>,
    asked: Q,
    make: impl FnOnce() -> Result<T, ServiceError>,
) -> Result<T, ServiceError> {
    let state = vault.answers_state();
    let lock = || all.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = lock().get(&form.id)
        && Some(found.state) == state
        && Arc::ptr_eq(&found.form, form)
        && found.asked == asked
    {
        return Ok(found.value.clone());
    }
    let value = make()?;
    if let Some(state) = state.filter(|state| vault.answers_state() == Some(*state)) {
        lock().insert(form.id.clone(), Fresh { form: form.clone(), asked, state, value: value.clone() });
    }
    Ok(value)
}

/// Words of one field, in an order that tells nothing.
#[derive(Clone, Debug)]
pub struct Texts {
    /// The words.
    pub items: Vec<SensitiveString>,
    /// Cursor of the next page; `None` at the end.
    pub next: Option<String>,
}

/// Counts the answers to a survey, once the audit entry is durable.
///
/// # Errors
/// [`ServiceError::NotFound`] for a form that is no survey, or is none of the actor's; [`ServiceError::Forbidden`];
/// [`ServiceError::PurposeNeeded`]; [`ServiceError::Unavailable`].
pub async fn show(app: &Arc<App>, ctx: &Context, form: &FormId, purpose: Option<&str>) -> Result<Report, ServiceError> {
    let (form, k) = survey(app, form)?;
    let grant = grant(app, ctx, &form, purpose).await?;
    let _turn = TURN.acquire().await.map_err(|_| ServiceError::Unavailable)?;
    let (app, actor, purpose) = (Arc::clone(app), ctx.actor.clone(), purpose.map(str::to_owned));
    blocking(move || {
        let sight = policy::sight(&actor, &form, purpose.as_deref());
        let shown = form.fields.iter().map(|field| sight.shows_field(&field.name)).collect();
        kept(&app.results.reports, &app.vault, &form, shown, || {
            let (mut sum, mut step) = (Tally::default(), k);
            app.vault.sum_answers(
                &grant,
                "",
                Tally::default,
                |tally, answer| tally.add(&form, answer.fields),
                |group, k| {
                    sum.absorb(group);
                    // Whoever was told of a larger number is counted by it.
                    step = step.max(k);
                },
            )?;
            Ok(sum.report(&form, step, |field| sight.shows_field(field)))
        })
    })
    .await?
}

/// Words of one field, once the audit entry is durable. `after` is a cursor from an earlier answer.
///
/// They come in batches of as many whole groups of answers as hold at least `k` of them, in steps of `k`, as all that is told of a
/// survey (what is left over, chosen by chance, waits for the next batch), and in an order of chance that is another one for each
/// field.
///
/// # Errors
/// As [`show`]; [`ServiceError::NotFound`] also for a field whose words nobody reads; [`ServiceError::Forbidden`] also for one
/// that the actor is not shown; [`ServiceError::Invalid`] for a bad cursor or limit.
pub async fn texts(
    app: &Arc<App>,
    ctx: &Context,
    form: &FormId,
    field: &str,
    purpose: Option<&str>,
    after: Option<&str>,
    limit: Option<u32>,
) -> Result<Texts, ServiceError> {
    let (form, k) = survey(app, form)?;
    // Words are what somebody wrote: they are read where they may be read. Counts tell of nobody, and are told everywhere.
    if !ctx.actor.reaches(form.region.as_deref().unwrap_or(app.region.as_str())) {
        return Err(ServiceError::NotFound);
    }
    let limit = review::page_limit(limit)? as usize;
    let after = after.map(parse_cursor).transpose()?;
    // Who may not know of the survey does not learn of its fields.
    let grant = grant(app, ctx, &form, purpose).await?;
    if !matches!(&form.kind, FormKind::Survey { texts, .. } if texts.iter().any(|name| name == field)) {
        return Err(ServiceError::NotFound);
    }
    if !policy::sight(&ctx.actor, &form, purpose).shows_field(field) {
        return Err(ServiceError::Forbidden);
    }
    let _turn = TURN.acquire().await.map_err(|_| ServiceError::Unavailable)?;
    let (worker, field) = (Arc::clone(app), field.to_owned());
    let texts = blocking(move || {
        let app = worker;
        let readable = kept(&app.results.places, &app.vault, &form, field.clone(), || {
            Ok(Arc::new(places(&app.vault, &grant, &field, k)?))
        })?;
        let from = after.map_or(0, |after| readable.partition_point(|(order, _)| *order <= after));
        let page = readable.get(from..).unwrap_or_default();
        let next = (page.len() > limit).then(|| cursor(&page[limit - 1].0));
        let mut items = Vec::new();
        for (_, arrival) in page.iter().take(limit) {
            if let Some(FieldValue::Text(text)) = app.vault.answer_text(&grant, *arrival, &field)? {
                items.push(text);
            }
        }
        Ok(Texts { items, next })
    })
    .await?;
    if let Ok(Texts { items, .. }) = &texts {
        reading::lines(app, ctx, items.len()).await?;
    }
    texts
}

/// Where the words of a field stand that may be read.
fn places(vault: &Vault, grant: &AnswersGrant, field: &str, k: u32) -> Result<Places, ServiceError> {
    let mut readable = Places::new();
    let (mut batch, mut step) = (Places::new(), k);
    vault.sum_answers(
        grant,
        field,
        Places::new,
        |places, answer| {
            if matches!(answer.fields.get(field), Some(FieldValue::Text(_))) {
                places.push((answer.order, answer.arrival));
            }
        },
        |mut group, k| {
            step = step.max(k);
            batch.append(&mut group);
            // How many there are, exactly, would tell what the rounded counts do not: of a question that is asked after a
            // certain answer, how many gave it.
            let told = batch.len() / step as usize * step as usize;
            batch.sort_unstable();
            readable.extend(batch.drain(..told));
        },
    )?;
    readable.sort_unstable();
    Ok(readable)
}

/// The surveys whose results the actor may read, in order.
pub fn readable(app: &App, ctx: &Context) -> Vec<Arc<Form>> {
    let may = |form: &&Arc<Form>| {
        form.kind.k().is_some()
            && policy::decide(&ctx.actor.at(&form.id), Action::ReadResults, &Resource::of_form(form)).is_ok()
    };
    app.forms().iter().filter(may).cloned().collect()
}

/// What the actor may read a survey's results for.
pub fn purposes(ctx: &Context, form: &Form) -> Vec<String> {
    let mut allowed = policy::allowed_purposes(&ctx.actor, &form.purposes);
    // One's own request is about oneself; results are about nobody.
    allowed.retain(|purpose| purpose != SUBJECT_REQUEST);
    allowed
}

fn survey(app: &App, form: &FormId) -> Result<(Arc<Form>, u32), ServiceError> {
    let form = app.forms().get(form).cloned().ok_or(ServiceError::NotFound)?;
    let k = form.kind.k().ok_or(ServiceError::NotFound)?;
    Ok((form, k))
}

/// Leave to go through the answers. The purpose stands in the entry's outer layer, since no person is named.
async fn grant(
    app: &Arc<App>,
    ctx: &Context,
    form: &Form,
    purpose: Option<&str>,
) -> Result<AnswersGrant, ServiceError> {
    let permit = policy::decide(&ctx.actor.at(&form.id), Action::ReadResults, &Resource::of_form(form))?;
    let allowed = purposes(ctx, form);
    let Some(purpose) = purpose.filter(|purpose| allowed.iter().any(|one| one == purpose)) else {
        return Err(ServiceError::PurposeNeeded { allowed });
    };
    let ctx = Context { purpose: Some(purpose.to_owned()), ..ctx.clone() };
    Ok(app.vault.grant_answers(ctx.act_on(permit)?, &form.id).await?)
}

fn cursor(order: &[u8; 16]) -> String {
    data_encoding::BASE64URL_NOPAD.encode(order)
}

fn parse_cursor(text: &str) -> Result<[u8; 16], ServiceError> {
    let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).ok();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
        ServiceError::Invalid(vec![Problem::in_field("after", "bad-cursor", "Not a cursor from an earlier answer.")])
    })
}
