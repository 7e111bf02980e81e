//! The audit trail: read, and proven.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::submissions::limit;
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::extract::params::Params;
use crate::http::extract::query::Query;
use crate::http::layers::Caller;
use crate::services::audit::{self, Head, Wanted};

/// `GET /api/v1/audit`
pub(in crate::http) async fn list(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    let query = Query::strict(&uri, &["after", "limit", "actor", "action", "person", "record", "transfers"])?;
    let wanted = Wanted {
        actor: query.text("actor").map(str::to_owned),
        action: query.text("action").map(str::to_owned),
        person: query.parse("person", "bad-id", "The handle of a person: 26 characters.")?,
        record: query.parse("record", "bad-id", "The handle of a submission: 26 characters.")?,
        transfers: query.parse("transfers", "bad-value", "true or false.")?.unwrap_or(false),
    };
    let page = audit::find(&web.app, &ctx, wanted, query.text("after"), limit(&query)?).await?;
    Ok(Json(json!({ "items": page.items, "next": page.next })))
}

/// `GET /api/v1/audit/export`
pub(in crate::http) async fn export(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    uri: Uri,
) -> Result<Response, HttpError> {
    let query = Query::strict(&uri, &["from", "to"])?;
    let (from, to) = (number_in(&query, "from")?, number_in(&query, "to")?);
    let lines = audit::export::export(&web.app, &ctx, from.unwrap_or(0), to).await?;
    let mut response = lines.into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"audit.jsonl\""),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// `GET /api/v1/audit/head`
pub(in crate::http) async fn head(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    uri: Uri,
) -> Result<Json<Head>, HttpError> {
    Query::strict(&uri, &[])?;
    Ok(Json(audit::head(&web.app, &ctx).await?))
}

/// `GET /api/v1/audit/entries/{n}`
pub(in crate::http) async fn entry(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    let number: Number = params.parse("n")?;
    let size = number_in(&Query::strict(&uri, &["size"])?, "size")?;
    Ok(Json(audit::entry(&web.app, &ctx, number.0, size).await?))
}

/// `GET /api/v1/audit/consistency`
pub(in crate::http) async fn consistency(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    let query = Query::strict(&uri, &["first", "second"])?;
    let (first, second) = (number_in(&query, "first")?, number_in(&query, "second")?);
    Ok(Json(audit::continuation(&web.app, &ctx, first.unwrap_or(0), second).await?))
}

fn number_in(query: &Query, name: &'static str) -> Result<Option<u64>, HttpError> {
    Ok(query.parse::<Number>(name, "out-of-range", "A whole number.")?.map(|number| number.0))
}

/// A number in its one spelling.
struct Number(u64);

impl std::str::FromStr for Number {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number: u64 = text.parse().map_err(drop)?;
        if number.to_string() == text { Ok(Self(number)) } else { Err(()) }
    }
}
