//! Unusual reading: why one reads so much, and the alerts about it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Value, json};

use super::complete;
use crate::base::ids::AlertId;
use crate::base::sensitive::SensitiveString;
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::extract::json;
use crate::http::extract::params::Params;
use crate::http::extract::query::Query;
use crate::http::layers::Caller;
use crate::services::alerts::{self, Shown};

/// Longest body: a reason, each character escaped.
const BODY: u64 = 8 * 1024;

/// The body of a reason.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    reason: SensitiveString,
}

/// `POST /api/v1/reading/reason`
pub(in crate::http) async fn explain(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    request: Request,
) -> Result<StatusCode, HttpError> {
    Query::strict(request.uri(), &[])?;
    let (parts, mut body) = request.into_parts();
    let Given { reason } = json::read(&parts.headers, &mut body, BODY).await?;
    let app = Arc::clone(&web.app);
    complete(async move { alerts::explain(&app, &ctx, reason.expose()).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v1/alerts`
pub(in crate::http) async fn list(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    Query::strict(&uri, &[])?;
    let items: Vec<Value> = alerts::list(&web.app, &ctx).await?.iter().map(Shown::to_json).collect();
    Ok(Json(json!({ "items": items, "next": null })))
}

/// `POST /api/v1/alerts/{id}/settlement`
pub(in crate::http) async fn settle(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    uri: Uri,
) -> Result<StatusCode, HttpError> {
    Query::strict(&uri, &[])?;
    let id: AlertId = params.parse("id")?;
    let app = Arc::clone(&web.app);
    complete(async move { alerts::settle(&app, &ctx, id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
