//! Boards: comments that everybody reads once somebody has looked at them, until their author takes them down.

use std::sync::Arc;

use super::{App, Context, Problem, ServiceError, blocking, converse, post, review};
use crate::base::ids::RecordId;
use crate::base::sensitive::SensitiveString;
use crate::domain::contact::Contacts;
use crate::domain::form::{Form, FormId, FormKind};
use crate::domain::language::Said;
use crate::domain::message::{Author, Message, MessageText};
use crate::domain::submission::{FieldValue, Fields, Status, Summary};
use crate::policy::{Action, Actor, Resource};
use crate::vault::NewMessage;
pub use crate::vault::Posting;

/// Comments on a page.
pub const PAGE: usize = 20;
/// Pages that can be asked for.
const MOST_PAGES: usize = 100_000;
/// The name of the mistake that is none: the text holds what had better not be public.
pub const SEEMS_PRIVATE: &str = "seems-private";

/// A page of a board.
#[derive(Clone, Debug)]
pub struct Page {
    /// The form.
    pub form: Arc<Form>,
    /// Its number, from 1.
    pub number: usize,
    /// Newest first.
    pub postings: Vec<Posting>,
    /// Whether there are older ones.
    pub more: bool,
}

/// What to do with a comment.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Everybody reads it.
    Publish,
    /// Nobody else reads it; its author is told why.
    Decline(SensitiveString),
}

/// Warns of what had better not be public, in the fields that everybody will read.
///
/// # Errors
/// [`ServiceError::Invalid`] with a problem of code [`SEEMS_PRIVATE`] for each such field.
pub fn warn(form: &Form, fields: &Fields) -> Result<(), ServiceError> {
    let mut problems = Vec::new();
    for name in form.kind.public() {
        let Some(FieldValue::Text(text)) = fields.get(name) else { continue };
        if let Some(found) = Contacts::find(text.expose()).said() {
            let label = form.field(name).map_or(name.as_str(), |field| field.label.as_str());
            let message = Said::new("problem.seems-private").with("found", found).about(label);
            problems.push(Problem::in_field(name, SEEMS_PRIVATE, message));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(ServiceError::Invalid(problems)) }
}

/// Publishes a comment, or declines it. Returns the new line.
///
/// # Errors
/// [`ServiceError::NotFound`] for what is no comment on a board, and for one that its author has taken down;
/// [`ServiceError::Forbidden`]; [`ServiceError::Invalid`] for declining without a reason; storage errors.
pub async fn moderate(app: &Arc<App>, ctx: &Context, id: RecordId, verdict: Verdict) -> Result<Summary, ServiceError> {
    let (located, permit) = review::locate(app, ctx, id, Action::Moderate).await?;
    let form = review::form_of(app, &located)?;
    if !matches!(form.kind, FormKind::Board { .. }) || located.summary.status == Status::Withdrawn {
        return Err(ServiceError::NotFound);
    }
    let status = match verdict {
        Verdict::Publish => {
            app.vault.publish(ctx.act_on(permit)?, id).await?;
            Status::Published
        }
        Verdict::Decline(reason) => {
            let text = converse::needed(MessageText::parse(reason.expose())).map_err(in_reason)?;
            let author = match (permit.role(), permit.actor()) {
                (Some(role), Actor::Staff { login, .. }) => Author::Staff { role, login: Some(login.clone()) },
                (Some(role), _) => Author::Staff { role, login: None },
                (None, _) => return Err(ServiceError::Forbidden),
            };
            let message = Message { at: app.clock.now(), author, text, files: Vec::new() };
            let (status, tell) = (Some(Status::Declined), post::about_answer(app, &form));
            let new = NewMessage { message, files: Vec::new(), status, tell };
            app.vault.add_message(ctx.act_on(permit)?, id, new).await?;
            post::came(app);
            Status::Declined
        }
    };
    let vault = Arc::clone(&app.vault);
    let summary = located.summary.clone();
    if status == Status::Published {
        blocking(move || vault.note_published(&located)).await?;
    }
    Ok(review::line(app, ctx, Summary { status, ..summary }))
}

/// A page of what is published on a board, newest first. Not in the audit trail: the deed of publication is.
///
/// # Errors
/// [`ServiceError::NotFound`] for a form that is no board; [`ServiceError::Unavailable`].
pub async fn page(app: &Arc<App>, ctx: &Context, form: &FormId, number: usize) -> Result<Page, ServiceError> {
    let form = app.forms().get(form).cloned().ok_or(ServiceError::NotFound)?;
    if !matches!(form.kind, FormKind::Board { .. }) || !(1..=MOST_PAGES).contains(&number) {
        return Err(ServiceError::NotFound);
    }
    let permit = crate::policy::decide(&ctx.actor, Action::ReadBoard, &Resource::Board)?;
    // The first look after a start is long, and strangers may ask by the thousand: one of them works, and the others hold no
    // thread while they wait.
    app.board
        .get_or_try_init(async || {
            let vault = Arc::clone(&app.vault);
            Ok::<_, ServiceError>(blocking(move || vault.find_postings()).await??)
        })
        .await?;
    let (vault, id) = (Arc::clone(&app.vault), form.id.clone());
    let (postings, more) = blocking(move || vault.read_board(permit, &id, (number - 1) * PAGE, PAGE)).await??;
    Ok(Page { form, number, postings, more })
}

/// A mistake in the text is one in the reason.
fn in_reason(error: ServiceError) -> ServiceError {
    match error {
        ServiceError::Invalid(problems) => ServiceError::Invalid(
            problems.into_iter().map(|problem| Problem { field: Some("reason".to_owned()), ..problem }).collect(),
        ),
        other => other,
    }
}
