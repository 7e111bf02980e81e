//! `/staff/record/{id}`: one submission: what was sent, the conversation, what may be done with it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::{Here, Posted, SMALL, page, see_other, whole};
use crate::base::ids::RecordId;
use crate::http::Web;
use crate::http::api::download;
use crate::http::api::submissions::parse_status;
use crate::http::error::HttpError;
use crate::http::extract::params::Params;
use crate::http::extract::query::Query;
use crate::http::layers::Caller;
use crate::services::review;
use crate::services::{Context, ServiceError, converse};

/// Bytes of a post with an answer: as much as a message may be, each byte written in three.
const ANSWER: u64 = 256 * 1024;

/// `GET /staff/record/{id}`. Without a purpose, one is asked for, unless only one may be named.
pub(in crate::http) async fn show(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    here: Here,
    params: Params,
    uri: Uri,
) -> Result<Response, HttpError> {
    let id: RecordId = params.parse("id")?;
    let query = Query::strict(&uri, &["purpose"])?;
    shown(&web, &ctx, &here, id, query.text("purpose"), "", None).await
}

async fn shown(
    web: &Web,
    ctx: &Context,
    here: &Here,
    id: RecordId,
    purpose: Option<&str>,
    typed: &str,
    error: Option<&HttpError>,
) -> Result<Response, HttpError> {
    let purpose = match (purpose, review::show(&web.app, ctx, id, purpose).await) {
        (Some(purpose), Ok(opened)) => return page::record(web, here, &opened, purpose, typed, error),
        (_, Err(ServiceError::PurposeNeeded { allowed })) => match allowed.as_slice() {
            [only] => only.clone(),
            _ => return Ok(page::ask_purpose(here, id, &allowed)),
        },
        (_, Err(other)) => return Err(other.into()),
        (None, Ok(_)) => return Err(HttpError::internal()),
    };
    let opened = review::show(&web.app, ctx, id, Some(&purpose)).await?;
    page::record(web, here, &opened, &purpose, typed, error)
}

/// `GET /staff/record/{id}/files/{n}`
pub(in crate::http) async fn file(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    _here: Here,
    params: Params,
    uri: Uri,
) -> Result<Response, HttpError> {
    let id: RecordId = params.parse("id")?;
    let n = download::number(&params)?;
    let query = Query::strict(&uri, &["purpose"])?;
    Ok(download::answer(review::file(&web.app, &ctx, id, n, query.text("purpose")).await?))
}

/// `POST /staff/record/{id}/status`
pub(in crate::http) async fn status(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    here: Here,
    params: Params,
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
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    here: Here,
    params: Params,
    request: Request,
) -> Result<Response, HttpError> {
    let id: RecordId = params.parse("id")?;
    let posted = Posted::read(&here, request, ANSWER).await?;
    let purpose = posted.text("purpose").to_owned();
    let (app, asked, text) = (Arc::clone(&web.app), ctx.clone(), posted.secret("text"));
    match whole(async move { converse::answer(&app, &asked, id, text.expose(), None).await }).await {
        Ok(number) => Ok(see_other(&format!("{}#message-{}", back(id, &purpose), number + 1))),
        // What was typed is not lost.
        Err(error @ ServiceError::Invalid(_)) => {
            let error = HttpError::from(error);
            let mut response = shown(&web, &ctx, &here, id, Some(&purpose), posted.text("text"), Some(&error)).await?;
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(response)
        }
        Err(other) => Err(other.into()),
    }
}

/// Back to the submission, for the same purpose.
fn back(id: RecordId, purpose: &str) -> String {
    let name = purpose.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    match purpose {
        "" => format!("/staff/record/{id}"),
        purpose if name => format!("/staff/record/{id}?purpose={purpose}"),
        _ => format!("/staff/record/{id}"),
    }
}
