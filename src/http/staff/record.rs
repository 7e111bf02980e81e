//! `/staff/record/{id}`: one submission: what was sent, the conversation, what may be done with it.

use std::sync::Arc;

use axum::extract::Request;
use axum::http::Uri;
use axum::response::Response;

use super::opened::{self, Part, Refused};
use super::{Here, Posted, SMALL, Visit, page, print_page, see_other, whole};
use crate::base::ids::RecordId;
use crate::http::Web;
use crate::http::api::download;
use crate::http::api::submissions::parse_status;
use crate::http::error::HttpError;
use crate::http::extract::query::Query;
use crate::services::board::{self, Verdict};
use crate::services::review;
use crate::services::{Context, ServiceError, converse};

/// Bytes of a post with an answer: as much as a message may be, each byte written in three.
const ANSWER: u64 = 256 * 1024;

/// `GET /staff/record/{id}`. Without a purpose, one is asked for, unless only one may be named.
pub(in crate::http) async fn show(Visit { web, ctx, here, params }: Visit, uri: Uri) -> Result<Response, HttpError> {
    let id: RecordId = params.parse("id")?;
    let query = Query::strict(&uri, &["purpose", "answer"])?;
    shown(&web, &ctx, &here, id, query.text("purpose"), query.text("answer"), None).await
}

async fn shown(
    web: &Web,
    ctx: &Context,
    here: &Here,
    id: RecordId,
    purpose: Option<&str>,
    canned: Option<&str>,
    refused: Option<&Refused<'_>>,
) -> Result<Response, HttpError> {
    let purpose = match (purpose, review::look(&web.app, ctx, id, purpose).await) {
        (Some(purpose), Ok(opened)) => return opened::record(web, ctx, here, &opened, purpose, canned, refused).await,
        (_, Err(ServiceError::PurposeNeeded { allowed })) => match allowed.as_slice() {
            [only] => only.clone(),
            _ => {
                let legal = review::standing(&web.app, ctx, id).await?;
                return Ok(page::ask_purpose(here, &format!("/staff/record/{id}"), None, &allowed, legal.as_ref()));
            }
        },
        (_, Err(other)) => return Err(other.into()),
        (None, Ok(_)) => return Err(HttpError::internal()),
    };
    let opened = review::look(&web.app, ctx, id, Some(&purpose)).await?;
    opened::record(web, ctx, here, &opened, &purpose, canned, refused).await
}

/// `GET /staff/record/{id}/print`. In the trail as a reading.
pub(in crate::http) async fn print(Visit { web, ctx, here, params }: Visit, uri: Uri) -> Result<Response, HttpError> {
    let id: RecordId = params.parse("id")?;
    let query = Query::strict(&uri, &["purpose"])?;
    let purpose = query.text("purpose");
    let opened = review::look(&web.app, &ctx, id, purpose).await?;
    Ok(print_page::print(&web, &here, &opened, purpose.unwrap_or_default()))
}

/// `GET /staff/record/{id}/files/{n}`
pub(in crate::http) async fn file(Visit { web, ctx, params, .. }: Visit, uri: Uri) -> Result<Response, HttpError> {
    let id: RecordId = params.parse("id")?;
    let n = download::number(&params)?;
    let query = Query::strict(&uri, &["purpose"])?;
    Ok(download::answer(review::file(&web.app, &ctx, id, n, query.text("purpose")).await?))
}

/// `POST /staff/record/{id}/status`
pub(in crate::http) async fn status(
    Visit { web, ctx, here, params }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let id: RecordId = params.parse("id")?;
    let posted = Posted::read(&here, request, SMALL).await?;
    let status = parse_status(posted.text("status"))?;
    let app = Arc::clone(&web.app);
    whole(async move { review::set_status(&app, &ctx, id, status).await }).await?;
    Ok(see_other(&back(id, posted.text("purpose"))))
}

/// `POST /staff/record/{id}/messages`
pub(in crate::http) async fn answer(
    Visit { web, ctx, here, params }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let id: RecordId = params.parse("id")?;
    let posted = Posted::read(&here, request, ANSWER).await?;
    let purpose = posted.text("purpose").to_owned();
    let (app, asked, text) = (Arc::clone(&web.app), ctx.clone(), posted.secret("text"));
    match whole(async move { converse::answer(&app, &asked, id, text.expose(), None).await }).await {
        Ok(number) => Ok(see_other(&format!("{}#message-{}", back(id, &purpose), number + 1))),
        Err(error) => {
            let what = (Part::Answer, posted.text("text"));
            refused(&web, &ctx, &here, id, &purpose, what, error).await
        }
    }
}

/// `POST /staff/record/{id}/publication`
pub(in crate::http) async fn moderate(
    Visit { web, ctx, here, params }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let id: RecordId = params.parse("id")?;
    let posted = Posted::read(&here, request, ANSWER).await?;
    let purpose = posted.text("purpose").to_owned();
    let verdict = match posted.text("published") {
        "true" => Verdict::Publish,
        "false" => Verdict::Decline(posted.secret("reason")),
        _ => return Err(HttpError::invalid_field("published", "bad-value", "This has to be true or false.")),
    };
    let (app, asked) = (Arc::clone(&web.app), ctx.clone());
    match whole(async move { board::moderate(&app, &asked, id, verdict).await }).await {
        Ok(_) => Ok(see_other(&format!("{}#publication", back(id, &purpose)))),
        Err(error) => {
            let what = (Part::Reason, posted.text("reason"));
            refused(&web, &ctx, &here, id, &purpose, what, error).await
        }
    }
}

/// The page again, with what was typed, where that is what was wrong.
pub(super) async fn refused(
    web: &Web,
    ctx: &Context,
    here: &Here,
    id: RecordId,
    purpose: &str,
    (part, typed): (Part, &str),
    error: ServiceError,
) -> Result<Response, HttpError> {
    if !matches!(error, ServiceError::Invalid(_)) {
        return Err(error.into());
    }
    let error = HttpError::from(error);
    shown(web, ctx, here, id, Some(purpose), None, Some(&Refused { part, typed, error: &error })).await
}

/// Back to the submission, for the same purpose.
pub(super) fn back(id: RecordId, purpose: &str) -> String {
    let name = purpose.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    match purpose {
        "" => format!("/staff/record/{id}"),
        purpose if name => format!("/staff/record/{id}?purpose={purpose}"),
        _ => format!("/staff/record/{id}"),
    }
}
