//! Vacancies: which there are, opened, changed and closed.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Value, json};

use super::complete;
use crate::base::ids::VacancyId;
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::extract::json;
use crate::http::extract::params::Params;
use crate::http::extract::query::Query;
use crate::http::layers::Caller;
use crate::services::vacancies::{self, Shown, Typed};

/// Longest body: all its texts, each character escaped.
const BODY: u64 = 64 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opened {
    reference: String,
    titles: BTreeMap<String, String>,
    place: Option<String>,
    about: Option<String>,
    last_day: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changed {
    titles: BTreeMap<String, String>,
    place: Option<String>,
    about: Option<String>,
    last_day: Option<String>,
    closed: bool,
}

/// `GET /api/v1/vacancies`
pub(in crate::http) async fn list(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    Query::strict(&uri, &[])?;
    let items: Vec<Value> = vacancies::list(&web.app, &ctx).await?.iter().map(Shown::to_json).collect();
    Ok(Json(json!({ "items": items, "next": null })))
}

/// `POST /api/v1/vacancies`
pub(in crate::http) async fn open(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    request: Request,
) -> Result<(StatusCode, Json<Value>), HttpError> {
    Query::strict(request.uri(), &[])?;
    let (parts, mut body) = request.into_parts();
    let Opened { reference, titles, place, about, last_day } = json::read(&parts.headers, &mut body, BODY).await?;
    let words = typed(titles, place, about, last_day);
    let app = Arc::clone(&web.app);
    let id = complete(async move { vacancies::open(&app, &ctx, &reference, &words).await }).await?;
    Ok((StatusCode::CREATED, Json(json!({ "id": id }))))
}

/// `PUT /api/v1/vacancies/{id}`
pub(in crate::http) async fn change(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    request: Request,
) -> Result<StatusCode, HttpError> {
    let id: VacancyId = params.parse("id")?;
    Query::strict(request.uri(), &[])?;
    let (parts, mut body) = request.into_parts();
    let Changed { titles, place, about, last_day, closed } = json::read(&parts.headers, &mut body, BODY).await?;
    let words = typed(titles, place, about, last_day);
    let app = Arc::clone(&web.app);
    complete(async move { vacancies::change(&app, &ctx, id, Some(&words), Some(closed)).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn typed(
    titles: BTreeMap<String, String>,
    place: Option<String>,
    about: Option<String>,
    last_day: Option<String>,
) -> Typed {
    Typed {
        titles: titles.into_iter().collect(),
        place: place.unwrap_or_default(),
        about: about.unwrap_or_default(),
        last_day: last_day.unwrap_or_default(),
    }
}
