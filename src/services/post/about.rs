//! The mails that a submission or an answer causes.

use super::Post;
use crate::base::sensitive::SensitiveString;
use crate::domain::form::{Announce, Form};
use crate::domain::mail::{Mail, MailKind};
use crate::domain::resource::UnlockBy;
use crate::domain::subject::EmailAddress;
use crate::domain::submission::{Content, FieldValue};
use crate::services::letters::Letter;
use crate::services::{App, staff};

/// The mails that a submission causes: a confirmation to the address that it names, and word to those whom the form names.
pub(in crate::services) fn about_submission(
    app: &App,
    form: &Form,
    email: Option<&EmailAddress>,
    typed: Option<&str>,
) -> Vec<Mail> {
    let Some(post) = app.post() else { return Vec::new() };
    let since = app.clock.now();
    let mail = |kind, to: &str, lang| Mail { kind, to: to.into(), form: form.id.clone(), since, lang };
    let mut out = Vec::new();
    if let (Some(email), Some(typed)) = (email, typed) {
        let kind = kind_to_person(form);
        let wanted = kind != MailKind::Received || form.acknowledge;
        if wanted && may_tell(app, post, kind, email) {
            out.push(mail(kind, typed, Some(form.lang.clone())));
        }
    }
    for announce in &form.announce {
        if let Announce::Address(address) = announce {
            out.push(mail(MailKind::Arrived, address, None));
        }
    }
    out.extend(staff::to_tell(app, form).into_iter().map(|id| mail(MailKind::ArrivedFor(id), "", None)));
    out
}

/// The mail that an answer causes, and the field that holds the address of the person.
pub(in crate::services) fn about_answer(app: &App, form: &Form) -> Option<(Mail, String)> {
    app.post()?;
    let (form_id, field) = (form.id.clone(), form.subject.clone()?);
    Some((Mail { kind: MailKind::Answered, to: "".into(), form: form_id, since: app.clock.now(), lang: None }, field))
}

/// The mail that carries a letter of ours, and the field that holds the address of the person.
pub(in crate::services) fn about_letter(app: &App, form: &Form, letter: Letter) -> Option<(Mail, String)> {
    // Which message it is, the commit says.
    let kind = match letter {
        Letter::Invitation => MailKind::Invitation(0),
        Letter::Rejection => MailKind::Rejection(0),
    };
    about_answer(app, form).map(|(mail, field)| (Mail { kind, ..mail }, field))
}

/// What a submission names as the address of its person.
pub(in crate::services) fn address_in(form: &Form, content: &Content) -> Option<SensitiveString> {
    match content.fields.get(form.subject.as_ref()?)? {
        FieldValue::Text(text) => Some(text.expose().into()),
        _ => None,
    }
}

fn kind_to_person(form: &Form) -> MailKind {
    let unlocks_by_mail = form.unlock_by == UnlockBy::Mail && !form.unlocks.is_empty();
    match form.kind.subscribes() {
        Some(_) => MailKind::Confirm,
        None if unlocks_by_mail => MailKind::Unlocked,
        None => MailKind::Received,
    }
}

fn may_tell(app: &App, post: &Post, kind: MailKind, email: &EmailAddress) -> bool {
    post.may_cause(app, if kind == MailKind::Confirm { "confirm" } else { "received" }, email)
}
