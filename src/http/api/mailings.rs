//! Issues of newsletters: order one, and see how far they are. No address is ever in an answer.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Value, json};

use super::complete;
use crate::base::ids::MailingId;
use crate::domain::form::FormId;
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::extract::params::Params;
use crate::http::extract::query::Query;
use crate::http::extract::{idempotency, json};
use crate::http::layers::Caller;
use crate::services::Context;
use crate::services::newsletter::{self, Mailing, NewIssue};

/// The body of a `POST`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ordered {
    purpose: String,
    subject: String,
    text: String,
    markdown: Option<String>,
    topics: Option<Vec<String>>,
}

/// `POST /api/v1/forms/{form}/mailings`
pub(in crate::http) async fn order(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    request: Request,
) -> Result<(StatusCode, Json<Value>), HttpError> {
    let form: FormId = params.parse("form")?;
    Query::strict(request.uri(), &[])?;
    let (parts, mut body) = request.into_parts();
    let key = idempotency::key(&parts.headers)?
        .ok_or_else(|| HttpError::malformed("Send an Idempotency-Key, so that no issue is sent twice by mistake."))?;
    let Ordered { purpose, subject, text, markdown, topics } =
        json::read(&parts.headers, &mut body, web.limits.max_body_bytes).await?;
    let ctx = Context { purpose: Some(purpose), ..ctx };
    let issue = NewIssue { subject, text, markdown, topics, key };
    let ordered = complete(async move { newsletter::order(&web.app, &ctx, &form, issue).await });
    let (mailing, is_new) = ordered.await?;
    let status = if is_new { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(document(&mailing))))
}

/// `GET /api/v1/forms/{form}/mailings`
pub(in crate::http) async fn list(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    Query::strict(&uri, &[])?;
    let found = newsletter::list(&web.app, &ctx, &params.parse("form")?).await?;
    Ok(Json(json!({ "items": found.iter().map(document).collect::<Vec<_>>(), "next": null })))
}

/// `GET /api/v1/forms/{form}/mailings/{id}`
pub(in crate::http) async fn show(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    Query::strict(&uri, &[])?;
    let id: MailingId = params.parse("id")?;
    Ok(Json(document(&newsletter::show(&web.app, &ctx, &params.parse("form")?, id).await?)))
}

fn document(mailing: &Mailing) -> Value {
    let Mailing { id, form, subject, topics, at, progress, waiting } = mailing;
    let state = match (progress.is_queued(), waiting) {
        (false, _) => "queueing",
        (true, 0) => "done",
        (true, _) => "sending",
    };
    json!({
        "id": id,
        "form": form,
        "subject": subject,
        "topics": topics,
        "ordered": at,
        "state": state,
        "queued": progress.queued,
        "waiting": waiting,
        "sent": progress.sent,
        "given_up": progress.given_up,
        "withdrawn": progress.withdrawn,
        "erased": progress.waiting().saturating_sub(*waiting),
    })
}
