//! `/staff/record/{id}/letter`: an invitation or a rejection, looked at and changed before it is sent.

use std::sync::Arc;

use askama::Template;
use axum::extract::Request;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::page::{Frame, html};
use super::record::back;
use super::{Here, Posted, Visit, first, see_other, whole};
use crate::base::ids::RecordId;
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::extract::query::Query;
use crate::services::letters::{self, Draft, Letter};
use crate::services::{Context, ServiceError};

/// Bytes of a post with a letter: as much as a message may be, each byte written in three.
const LETTER: u64 = 256 * 1024;

/// `GET /staff/record/{id}/letter`
pub(in crate::http) async fn show(Visit { web, ctx, here, params }: Visit, uri: Uri) -> Result<Response, HttpError> {
    let id: RecordId = params.parse("id")?;
    let query = Query::strict(&uri, &["letter", "purpose"])?;
    let letter = letters::parse(query.text("letter").unwrap_or_default())?;
    let page =
        Page { web: &web, ctx: &ctx, here: &here, id, letter, purpose: query.text("purpose").unwrap_or_default() };
    page.shown(None, None).await
}

/// `POST /staff/record/{id}/letter`: shows what was typed as it will be read, or sends it.
pub(in crate::http) async fn send(
    Visit { web, ctx, here, params }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let id: RecordId = params.parse("id")?;
    let posted = Posted::read(&here, request, LETTER).await?;
    let letter = letters::parse(posted.text("letter"))?;
    let page = Page { web: &web, ctx: &ctx, here: &here, id, letter, purpose: posted.text("purpose") };
    if posted.text("do") != "send" {
        return page.shown(Some(posted.text("text")), None).await;
    }
    let (app, asked, text) = (Arc::clone(&web.app), ctx.clone(), posted.secret("text"));
    match whole(async move { letters::send(&app, &asked, id, letter, text.expose()).await }).await {
        Ok(number) => Ok(see_other(&format!("{}#message-{}", back(id, page.purpose), number + 1))),
        Err(ServiceError::Invalid(problems)) => page.shown(Some(posted.text("text")), first(&problems)).await,
        Err(other) => Err(other.into()),
    }
}

struct Page<'a> {
    web: &'a Web,
    ctx: &'a Context,
    here: &'a Here,
    id: RecordId,
    letter: Letter,
    purpose: &'a str,
}

impl Page<'_> {
    async fn shown(&self, typed: Option<&str>, problem: Option<String>) -> Result<Response, HttpError> {
        let draft = letters::draft(&self.web.app, self.ctx, self.id, self.purpose, self.letter, typed).await?;
        let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        let page = LetterPage {
            frame: Frame::of(self.here),
            id: self.id.to_string(),
            purpose: self.purpose,
            letter: self.letter.as_str(),
            is_invitation: self.letter == Letter::Invitation,
            problem,
            draft: &draft,
        };
        Ok(html(status, &page))
    }
}

#[derive(Template)]
#[template(path = "staff/letter.html")]
struct LetterPage<'a> {
    frame: Frame,
    id: String,
    purpose: &'a str,
    letter: &'static str,
    is_invitation: bool,
    problem: Option<String>,
    draft: &'a Draft,
}
