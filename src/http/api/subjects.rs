//! People: find one by address, erase one.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::Uri;
use serde::Deserialize;
use serde_json::{Value, json};

use super::complete;
use super::submissions::{SMALL_BODY, line};
use crate::base::ids::PersonId;
use crate::base::sensitive::SensitiveString;
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::extract::json;
use crate::http::extract::params::Params;
use crate::http::extract::query::Query;
use crate::http::layers::Caller;
use crate::services::{erase, find};

/// The body of a search. The address travels here and not in the URL, which is logged along the way.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Search {
    email: Value,
}

/// `POST /api/v1/subjects/search`
pub(in crate::http) async fn search(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    request: Request,
) -> Result<Json<Value>, HttpError> {
    Query::strict(request.uri(), &[])?;
    let (parts, mut body) = request.into_parts();
    let search: Search = json::read(&parts.headers, &mut body, SMALL_BODY).await?;
    let Value::String(email) = search.email else {
        return Err(HttpError::invalid_field("email", "wrong-type", "This has to be a text, in quotation marks."));
    };
    let found = find::by_email(&web.app, &ctx, &SensitiveString::from(email)).await?;
    let items: Vec<Value> = found
        .iter()
        .map(|f| json!({ "subject": f.subject, "submissions": f.submissions.iter().map(|one| line(&web.app, &ctx, one)).collect::<Vec<_>>() }))
        .collect();
    Ok(Json(json!({ "items": items, "next": null })))
}

/// `POST /api/v1/subjects/{id}/erasure`
pub(in crate::http) async fn erasure(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    let id: PersonId = params.parse("id")?;
    Query::strict(&uri, &[])?;
    Ok(Json(complete(async move { erase::person(&web.app, &ctx, id).await }).await?))
}
