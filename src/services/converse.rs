//! Staff write to the person whom a submission is about. The answer waits on the page that the receipt opens.

use std::sync::Arc;

use super::{App, Context, Problem, ServiceError, dashboard, post, review};
use crate::base::ids::RecordId;
use crate::domain::form::Form;
use crate::domain::message::{Author, Message, MessageText};
use crate::domain::submission::{Nature, Status};
use crate::policy::{Action, Actor};
use crate::vault::NewMessage;

/// Writes a message on a submission. Returns its number in the conversation, from 0.
///
/// Without a `status`, what was new or in progress counts as answered, where the form knows that.
///
/// # Errors
/// [`ServiceError::Invalid`] for an empty or overlong text and for a status that the form does not use;
/// [`ServiceError::NotFound`]; storage errors.
pub async fn answer(
    app: &Arc<App>,
    ctx: &Context,
    id: RecordId,
    text: &str,
    status: Option<Status>,
) -> Result<u32, ServiceError> {
    let (located, permit) = review::locate(app, ctx, id, Action::WriteMessage).await?;
    let form = review::form_of(app, &located)?;
    if let Some(status) = status {
        review::check_status(&form, status)?;
        if located.summary.nature == Nature::Comment {
            let message = "Where a comment stands is set by publishing or declining it.";
            return Err(ServiceError::Invalid(vec![Problem::in_field("status", "bad-status", message)]));
        }
    }
    let text = needed(MessageText::parse(text))?;
    let author = match (permit.role(), permit.actor()) {
        (Some(role), Actor::Staff { login, .. }) => Author::Staff { role, login: Some(login.clone()) },
        (Some(role), _) => Author::Staff { role, login: None },
        (None, _) => return Err(ServiceError::Forbidden),
    };
    let status = status.or_else(|| answered(&form, located.summary.status));
    let message = Message { at: app.clock.now(), author, text, files: Vec::new() };
    let new = NewMessage { message, files: Vec::new(), status, tell: post::about_answer(app, &form) };
    let number = app.vault.add_message(ctx.act_on(permit)?, id, new).await?;
    dashboard::answered(app, &located.summary);
    post::came(app);
    Ok(number)
}

/// Where an answer leads.
fn answered(form: &Form, status: Status) -> Option<Status> {
    let open = matches!(status, Status::New | Status::InProgress);
    (open && form.allows_status(Status::Answered)).then_some(Status::Answered)
}

/// Where a message of the person leads: what was done with is taken up again.
pub(super) fn taken_up(form: &Form, status: Status) -> Option<Status> {
    let done = matches!(status, Status::Answered | Status::Closed);
    (done && form.allows_status(Status::InProgress)).then_some(Status::InProgress)
}

pub(super) fn needed(text: Result<MessageText, Problem>) -> Result<MessageText, ServiceError> {
    match text {
        Ok(text) if text.is_empty() => {
            Err(ServiceError::Invalid(vec![Problem::in_field("text", "required", "Please write something.")]))
        }
        Ok(text) => Ok(text),
        Err(problem) => Err(ServiceError::Invalid(vec![problem])),
    }
}
