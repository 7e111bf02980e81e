//! Looking through submissions for words. They travel in the body and not in the URL, which is logged along the way.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Value, json};

use super::submissions::{SMALL_BODY, fields, line, parse_status};
use crate::base::sensitive::SensitiveString;
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::extract::json;
use crate::http::extract::query::Query;
use crate::http::layers::Caller;
use crate::services::search::{self, Hit, Matched};
use crate::services::{App, Context, ServiceError};

/// The body of a search.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    words: Option<SensitiveString>,
    form: Option<String>,
    status: Option<String>,
    from: Option<String>,
    until: Option<String>,
    purpose: Option<Purposes>,
    after: Option<String>,
    limit: Option<u32>,
}

/// One purpose, or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Purposes {
    One(String),
    Several(Vec<String>),
}

/// `POST /api/v1/submissions/search`
pub(in crate::http) async fn search(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    request: Request,
) -> Result<Json<Value>, HttpError> {
    Query::strict(request.uri(), &[])?;
    let (parts, mut body) = request.into_parts();
    let asked: Asked = json::read(&parts.headers, &mut body, SMALL_BODY).await?;
    let query = search::Query {
        words: asked.words.unwrap_or_default(),
        form: asked.form.map(|form| parse_form(&form)).transpose()?,
        status: asked.status.map(|status| parse_status(&status)).transpose()?,
        from: asked.from.map(|day| parse_day("from", &day)).transpose()?,
        until: asked.until.map(|day| parse_day("until", &day)).transpose()?,
        purposes: match asked.purpose {
            None => Vec::new(),
            Some(Purposes::One(purpose)) => vec![purpose],
            Some(Purposes::Several(purposes)) => purposes,
        },
        after: asked.after,
        limit: asked.limit,
    };
    let found = search::page(&web.app, &ctx, query).await.map_err(explain)?;
    let items: Vec<Value> = found.hits.iter().map(|one| hit(&web.app, &ctx, one)).collect();
    Ok(Json(json!({ "items": items, "next": found.next, "looked": found.looked, "percent": found.percent })))
}

/// A hit: a line of a list, and where the words stand.
fn hit(app: &App, ctx: &Context, hit: &Hit) -> Value {
    let mut out = line(app, ctx, &hit.summary);
    let Matched { fields: matched, files, messages } = &hit.matched;
    out["purpose"] = json!(hit.purpose);
    out["fields"] = fields(&hit.fields);
    out["masked"] = json!(hit.masked);
    out["matched"] = json!({ "fields": matched, "files": files, "messages": messages });
    out
}

pub(in crate::http) fn parse_form(text: &str) -> Result<crate::domain::form::FormId, HttpError> {
    text.parse().map_err(|_| HttpError::invalid_field("form", "bad-form", "This is not the name of a form."))
}

/// A day as in `2026-11-25`.
pub(in crate::http) fn parse_day(field: &'static str, text: &str) -> Result<Date, HttpError> {
    let is_plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let day = is_plain.then(|| text.parse().ok()).flatten();
    day.ok_or_else(|| HttpError::invalid_field(field, "bad-date", "This is not a day, as in 2026-11-25."))
}

/// A purpose stands in the body here.
pub(in crate::http) fn explain(error: ServiceError) -> HttpError {
    match error {
        ServiceError::PurposeNeeded { allowed } => {
            let message = format!("Say what it is for, with purpose and one of: {}.", allowed.join(", "));
            HttpError::invalid_field("purpose", "purpose-needed", message)
        }
        other => other.into(),
    }
}
