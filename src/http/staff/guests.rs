//! Guests of a submission: let in from its page, and sent away again; and what they see of it.

use std::sync::Arc;

use askama::Template;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;

use super::opened::{Part, Refused};
use super::page::{Frame, html, labels};
use super::record::{back, refused};
use super::view::{self, FileView, NoteView};
use super::{Here, Posted, SMALL, Visit, see_other, whole};
use crate::base::clock::Timestamp;
use crate::base::ids::{PassId, RecordId};
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::portal::page::{Answer, When, answers};
use crate::http::speech::Speech;
use crate::services::guests::{self, Guest, Lent};
use crate::services::preview;
use crate::services::review::Submission;

/// `POST /staff/record/{id}/guests`
pub(in crate::http) async fn admit(
    Visit { web, ctx, here, params }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let id: RecordId = params.parse("id")?;
    let posted = Posted::read(&here, request, SMALL).await?;
    let (app, asked) = (Arc::clone(&web.app), ctx.clone());
    let (login, days, reason) =
        (posted.text("guest").to_owned(), posted.text("days").to_owned(), posted.secret("reason"));
    match whole(async move { guests::admit(&app, &asked, id, &login, &days, reason.expose()).await }).await {
        Ok(()) => Ok(see_other(&format!("{}#guests", back(id, posted.text("purpose"))))),
        Err(error) => {
            let what = (Part::Guest, posted.text("guest"));
            refused(&web, &ctx, &here, id, posted.text("purpose"), what, error).await
        }
    }
}

/// `POST /staff/record/{id}/guests/{pass}/end`
pub(in crate::http) async fn dismiss(
    Visit { web, ctx, here, params }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let (id, pass): (RecordId, PassId) = (params.parse("id")?, params.parse("pass")?);
    let posted = Posted::read(&here, request, SMALL).await?;
    let app = Arc::clone(&web.app);
    whole(async move { guests::dismiss(&app, &ctx, id, pass).await }).await?;
    Ok(see_other(&format!("{}#guests", back(id, posted.text("purpose")))))
}

/// A guest, on the page of a submission.
pub(super) struct GuestView {
    pub(super) id: String,
    pub(super) login: String,
    pub(super) by: String,
    pub(super) since: When,
    pub(super) until: When,
}

impl GuestView {
    pub(super) fn of(guest: &Guest) -> Self {
        let when = |at: Timestamp| When::of(&Speech::default(), at);
        let Guest { id, login, by, since, until } = guest;
        Self { id: id.to_string(), login: login.clone(), by: by.clone(), since: when(*since), until: when(*until) }
    }
}

/// What a guest may read, on their first page.
pub(super) struct LentView {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) received: When,
    pub(super) by: String,
    pub(super) until: When,
}

impl LentView {
    pub(super) fn of(lent: &Lent) -> Self {
        let when = |at: Timestamp| When::of(&Speech::default(), at);
        let Lent { id, title, received, by, until } = lent;
        let (title, by) = (title.clone(), by.clone());
        Self { id: id.to_string(), title, received: when(*received), by, until: when(*until) }
    }
}

/// A submission as its guest sees it.
pub(super) fn lent(
    web: &Web,
    here: &Here,
    opened: &Submission,
    until: Timestamp,
    purpose: &str,
    refused: Option<&Refused<'_>>,
) -> Response {
    let speech = Speech::default();
    let forms = web.app.forms();
    let form = forms.get(&opened.summary.form).map(|form| &**form);
    let problem = refused.map(|refused| {
        speech.sentence(refused.error.problems.first().map_or(&refused.error.detail, |first| &first.message))
    });
    let page = LentPage {
        frame: Frame::of(here),
        id: opened.summary.id.to_string(),
        title: form.map_or(opened.summary.form.as_str(), |form| &form.title),
        received: When::of(&speech, opened.content.received),
        until: When::of(&speech, until),
        purpose,
        purpose_words: view::purpose(purpose),
        answers: answers(&speech, form, &opened.content.fields),
        masked: labels(form, &opened.masked),
        files: opened.content.files.iter().map(|file| FileView::of(&speech, file)).collect(),
        notes: (0..).zip(&opened.notes).map(|(n, (note, told))| NoteView::of(&speech, n, note, *told)).collect(),
        previews: preview::is_on(&web.app),
        problem,
        typed: refused.map_or("", |refused| refused.typed),
    };
    html(if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &page)
}

#[derive(Template)]
#[template(path = "staff/lent.html")]
struct LentPage<'a> {
    frame: Frame,
    id: String,
    title: &'a str,
    received: When,
    until: When,
    purpose: &'a str,
    purpose_words: String,
    answers: Vec<Answer<'a>>,
    masked: Vec<&'a str>,
    files: Vec<FileView<'a>>,
    notes: Vec<NoteView<'a>>,
    previews: bool,
    problem: Option<String>,
    typed: &'a str,
}
