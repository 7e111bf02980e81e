//! The register of transfers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde_json::{Value, json};

use super::submissions::limit;
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::extract::query::Query;
use crate::http::layers::Caller;
use crate::services::transfers;

/// `GET /api/v1/transfers`
pub(in crate::http) async fn list(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    let query = Query::strict(&uri, &["after", "limit"])?;
    let page = transfers::list(&web.app, &ctx, query.text("after"), limit(&query)?).await?;
    Ok(Json(json!({ "items": page.items, "next": page.next })))
}
