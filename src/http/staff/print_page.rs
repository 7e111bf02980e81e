//! The page of one submission to be printed.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::Here;
use super::page::{html, labels};
use super::view::{self, FileView, MessageView};
use crate::http::Web;
use crate::http::portal::page::{Answer, When, answers};
use crate::http::speech::Speech;
use crate::services::review::Submission;

/// A submission to be printed: without what can be done with it, and without what colleagues note.
pub(super) fn print(web: &Web, here: &Here, opened: &Submission, purpose: &str) -> Response {
    let speech = Speech::default();
    let forms = web.app.forms();
    let form = forms.get(&opened.summary.form);
    let page = PrintPage {
        login: &here.who.login,
        printed: When::of(&speech, web.app.clock().now()),
        id: opened.summary.id.to_string(),
        title: form.map_or(opened.summary.form.as_str(), |form| &form.title),
        received: When::of(&speech, opened.content.received),
        status: opened.lent.is_none().then(|| view::status(opened.summary.status)),
        purpose,
        purpose_words: view::purpose_of(purpose, opened.legal.as_ref()),
        answers: answers(&speech, form.map(|form| &**form), &opened.content.fields),
        masked: labels(form.map(|form| &**form), &opened.masked),
        former_masked: opened.former_masked,
        files: opened.content.files.iter().map(|file| FileView::of(&speech, file)).collect(),
        messages: opened.messages.iter().map(|message| MessageView::of(&speech, message)).collect(),
        consents: opened
            .content
            .consents
            .iter()
            .map(|(name, consent)| (name.as_str(), consent.given, consent.wording.as_str()))
            .collect(),
        notice: &opened.content.notice,
    };
    html(StatusCode::OK, &page)
}

#[derive(Template)]
#[template(path = "staff/print.html")]
struct PrintPage<'a> {
    login: &'a str,
    printed: When,
    id: String,
    title: &'a str,
    received: When,
    /// Not for guests.
    status: Option<&'static str>,
    purpose: &'a str,
    purpose_words: String,
    answers: Vec<Answer<'a>>,
    /// The labels of what is not shown to this role.
    masked: Vec<&'a str>,
    former_masked: bool,
    files: Vec<FileView<'a>>,
    messages: Vec<MessageView<'a>>,
    consents: Vec<(&'a str, bool, &'a str)>,
    notice: &'a str,
}
