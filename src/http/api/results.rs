//! What surveys come to.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde_json::{Value, json};

use super::submissions::limit;
use crate::base::sensitive::SensitiveString;
use crate::domain::form::FormId;
use crate::domain::survey::Report;
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::extract::params::Params;
use crate::http::extract::query::Query;
use crate::http::layers::Caller;
use crate::services::results;

/// `GET /api/v1/forms/{form}/results`
pub(in crate::http) async fn show(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    uri: Uri,
) -> Result<Json<Report>, HttpError> {
    let form: FormId = params.parse("form")?;
    let query = Query::strict(&uri, &["purpose"])?;
    Ok(Json(results::show(&web.app, &ctx, &form, query.text("purpose")).await?))
}

/// `GET /api/v1/forms/{form}/results/{field}`
pub(in crate::http) async fn texts(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    let (form, field): (FormId, String) = (params.parse("form")?, params.parse("field")?);
    let query = Query::strict(&uri, &["purpose", "after", "limit"])?;
    let (purpose, after) = (query.text("purpose"), query.text("after"));
    let texts = results::texts(&web.app, &ctx, &form, &field, purpose, after, limit(&query)?).await?;
    let items: Vec<&str> = texts.items.iter().map(SensitiveString::expose).collect();
    Ok(Json(json!({ "items": items, "next": texts.next })))
}
