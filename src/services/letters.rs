//! Letters to the person: invitations and rejections. Proposed by a template in the language of the submission, changed by whoever
//! sends them, mailed as they are, and kept as messages of the conversation, sealed with it.

use std::sync::Arc;

use super::converse::needed;
use super::{App, Context, Problem, ServiceError, dashboard, post, review};
use crate::base::ids::RecordId;
use crate::base::sensitive::SensitiveString;
use crate::domain::form::Form;
use crate::domain::language::Lang;
use crate::domain::message::{Author, Message, MessageText};
use crate::domain::notice::language_of;
use crate::domain::submission::{FieldValue, Nature};
use crate::policy::{Action, Actor, LEGAL_BASIS};
use crate::vault::NewMessage;

/// Which letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Letter {
    /// To come and talk.
    Invitation,
    /// That it will not be.
    Rejection,
}

impl Letter {
    /// Its name, and that of its templates.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::Rejection => "rejection",
        }
    }
}

impl std::str::FromStr for Letter {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::Invitation, Self::Rejection].into_iter().find(|letter| letter.as_str() == text).ok_or(())
    }
}

/// A letter before it is sent.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What is proposed, or was typed.
    pub text: SensitiveString,
    /// The subject of the mail.
    pub subject: String,
    /// The mail, as it will be read.
    pub mail: SensitiveString,
    /// Its language.
    pub lang: Lang,
    /// Where it goes; `None` when nothing was named, or may not be seen.
    pub to: Option<SensitiveString>,
    /// Whether mails are sent here at all.
    pub mails: bool,
    /// The title of the form.
    pub title: String,
}

/// Writes a letter without sending it: with `typed`, as it was changed. Opens the submission, for where it goes and in which
/// language.
///
/// # Errors
/// As [`review::show`]; [`ServiceError::NotFound`] also where letters are none, as on comments; [`ServiceError::Internal`] for a template
/// that cannot be used.
pub async fn draft(
    app: &Arc<App>,
    ctx: &Context,
    id: RecordId,
    purpose: &str,
    letter: Letter,
    typed: Option<&str>,
) -> Result<Draft, ServiceError> {
    let (located, _permit) = review::locate(app, ctx, id, Action::WriteMessage).await?;
    let form = lettered(app, &located.summary.form, located.summary.nature)?;
    // What two people agreed on is to read, and not to write to the person.
    if purpose == LEGAL_BASIS {
        return Err(ServiceError::PurposeNeeded { allowed: review::purposes(ctx, &form) });
    }
    let opened = review::show(app, ctx, id, Some(purpose)).await?;
    let lang = language_of(&opened.content.notice).unwrap_or_else(|| form.lang.clone());
    let to = form.subject.as_ref().and_then(|field| match opened.content.fields.get(field)? {
        FieldValue::Text(text) => Some(text.expose().into()),
        _ => None,
    });
    let told = |error: String| {
        tracing::error!(error, "a letter cannot be written: its template");
        ServiceError::Internal
    };
    let (subject, proposed) = post::proposal(app, &form, letter.as_str(), &lang).map_err(told)?;
    let text = typed.map_or(proposed, str::to_owned);
    let (_, mail) = post::written(app, &form, letter.as_str(), &lang, &text).map_err(told)?;
    let mails = app.post().is_some();
    Ok(Draft { text: text.into(), subject, mail, lang, to, mails, title: form.title.clone() })
}

/// Sends a letter: it is a message of the conversation, and goes by mail where there is an address and a mail server. Returns its
/// number in the conversation, from 0.
///
/// # Errors
/// [`ServiceError::Invalid`] for an empty or overlong text; [`ServiceError::NotFound`]; storage errors. Nothing is sent then.
pub async fn send(
    app: &Arc<App>,
    ctx: &Context,
    id: RecordId,
    letter: Letter,
    text: &str,
) -> Result<u32, ServiceError> {
    let (located, permit) = review::locate(app, ctx, id, Action::WriteMessage).await?;
    // Whoever sends words in the house's name to somebody may read what they answer.
    let _ = review::locate(app, ctx, id, Action::ReadSubmission).await?;
    let form = lettered(app, &located.summary.form, located.summary.nature)?;
    let text = needed(MessageText::parse(text))?;
    let author = match (permit.role(), permit.actor()) {
        (Some(role), Actor::Staff { login, .. }) => Author::Staff { role, login: Some(login.clone()) },
        (Some(role), _) => Author::Staff { role, login: None },
        (None, _) => return Err(ServiceError::Forbidden),
    };
    let message = Message { at: app.clock.now(), author, text, files: Vec::new() };
    let tell = post::about_letter(app, &form, letter);
    let new = NewMessage { message, files: Vec::new(), status: None, tell };
    let number = app.vault.add_message(ctx.act_on(permit)?, id, new).await?;
    dashboard::answered(app, &located.summary);
    post::came(app);
    Ok(number)
}

/// The form, where letters are written about what came by it.
fn lettered(app: &App, form: &crate::domain::form::FormId, nature: Nature) -> Result<Arc<Form>, ServiceError> {
    let form = app.forms().get(form).cloned().ok_or(ServiceError::NotFound)?;
    if nature == Nature::Letter && takes_letters(&form) { Ok(form) } else { Err(ServiceError::NotFound) }
}

/// Whether letters are written about what comes by a form: applications.
pub fn takes_letters(form: &Form) -> bool {
    matches!(form.kind, crate::domain::form::FormKind::Application)
}

/// The letter that a text names.
///
/// # Errors
/// [`ServiceError::Invalid`].
pub fn parse(text: &str) -> Result<Letter, ServiceError> {
    text.parse().map_err(|()| {
        let message = "This is invitation or rejection.";
        ServiceError::Invalid(vec![Problem::in_field("letter", "bad-letter", message)])
    })
}
