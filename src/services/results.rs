//! What a survey comes to, for those who read it: counts over whole groups of answers, and the words of those fields whose words
//! the form lets be read. Never an answer by itself.

use std::sync::Arc;

use super::{App, Context, Problem, ServiceError, blocking, review};
use crate::base::sensitive::SensitiveString;
use crate::domain::form::{Form, FormId, FormKind};
use crate::domain::submission::FieldValue;
use crate::domain::survey::{Report, Tally};
use crate::policy::{self, Action, Resource, SUBJECT_REQUEST};
use crate::vault::AnswersGrant;

/// One survey is gone through at a time: it is long work, and what it needs of memory is needed once.
static TURN: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(1);

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
    let (vault, actor, purpose) = (Arc::clone(&app.vault), ctx.actor.clone(), purpose.map(str::to_owned));
    blocking(move || {
        let (mut sum, mut step) = (Tally::default(), k);
        vault.sum_answers(
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
        let sight = policy::sight(&actor, &form, purpose.as_deref());
        Ok(sum.report(&form, step, |field| sight.shows_field(field)))
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
    let (vault, field) = (Arc::clone(&app.vault), field.to_owned());
    blocking(move || {
        let mut readable: Vec<([u8; 16], u64)> = Vec::new();
        let (mut batch, mut step) = (Vec::new(), k);
        vault.sum_answers(
            &grant,
            &field,
            Vec::new,
            |places, answer| {
                if matches!(answer.fields.get(&field), Some(FieldValue::Text(_))) {
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
        let from = after.map_or(0, |after| readable.partition_point(|(order, _)| *order <= after));
        let page = readable.get(from..).unwrap_or_default();
        let next = (page.len() > limit).then(|| cursor(&page[limit - 1].0));
        let mut items = Vec::new();
        for (_, arrival) in page.iter().take(limit) {
            if let Some(FieldValue::Text(text)) = vault.answer_text(&grant, *arrival, &field)? {
                items.push(text);
            }
        }
        Ok(Texts { items, next })
    })
    .await?
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
