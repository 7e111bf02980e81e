//! The twin's routes: those of Letterlock that are measured.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use letterlock::base::ids::RecordId;
use letterlock::domain::form::FormId;
use letterlock::http::around::{self, Refusal};
use letterlock::policy::Actor;
use letterlock::services::ServiceError;
use serde_json::json;

use super::intake::Intake;
use super::{Twin, lists, reads, search, sha256};

pub(super) fn routes(twin: Arc<Twin>) -> Router {
    let public = || from_fn(public);
    let bearer = || from_fn_with_state(twin.clone(), bearer);
    Router::new()
        .route("/health/ready", get(ready).route_layer(public()))
        .route("/api/v1/forms/{form}/submissions", post(submit).route_layer(public()))
        .route("/api/v1/submissions", get(list).route_layer(bearer()))
        .route("/api/v1/submissions/search", post(find).route_layer(bearer()))
        .route("/api/v1/submissions/{id}", get(show).route_layer(bearer()))
        .route("/api/v1/submissions/{id}/files/{n}", get(file).route_layer(bearer()))
        .with_state(twin.clone())
}

async fn public(mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(Actor::Public);
    next.run(request).await
}

async fn bearer(State(twin): State<Arc<Twin>>, mut request: Request, next: Next) -> Response {
    let token = around::bearer(request.headers()).map(|token| sha256(&[token.as_bytes()]));
    match token.and_then(|hash| twin.tokens.get(&hash).cloned()) {
        Some(actor) => {
            request.extensions_mut().insert(actor);
            next.run(request).await
        }
        None => Refusal::from(ServiceError::Unauthenticated).into_response(),
    }
}

async fn ready() -> Json<serde_json::Value> {
    Json(json!({ "status": "ready" }))
}

async fn submit(
    State(twin): State<Arc<Twin>>,
    Path(form): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let form: FormId = form.parse().map_err(|_| ServiceError::NotFound)?;
    let form = twin.forms.get(&form).cloned().ok_or(ServiceError::NotFound)?;
    let limits = twin.limits.clone();
    let mut intake = Intake::new(twin, form.clone());
    let key = around::take(request, &form, &limits, &mut intake).await?;
    // On a task of its own, as in Letterlock.
    let done = tokio::spawn(intake.finish(key)).await.unwrap_or(Err(ServiceError::Internal));
    let (record, receipt) = done?;
    let answer = json!({ "submission": record.to_string(), "receipt": receipt });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

async fn list(
    State(twin): State<Arc<Twin>>,
    Extension(actor): Extension<Actor>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let asked = lists::Asked::parse(uri.query().unwrap_or_default()).ok_or(ServiceError::NotFound)?;
    let (lines, next) = lists::run(&twin, actor, asked).await?;
    let items: Vec<_> = lines.iter().map(|(summary, fields)| around::line(summary, fields)).collect();
    Ok(Json(json!({ "items": items, "next": next.map(|next| next.to_string()) })).into_response())
}

async fn show(
    State(twin): State<Arc<Twin>>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let id: RecordId = id.parse().map_err(|_| ServiceError::NotFound)?;
    let purpose = around::purpose(&uri)?;
    let (summary, content) = reads::show(&twin, &actor, id, purpose)?;
    Ok(Json(around::document(&summary, &content)).into_response())
}

async fn find(
    State(twin): State<Arc<Twin>>,
    Extension(actor): Extension<Actor>,
    Json(asked): Json<search::Asked>,
) -> Result<Response, Refusal> {
    let found = search::run(&twin, actor, asked).await?;
    let items: Vec<_> = found.hits.iter().map(|(summary, fields)| around::line(summary, fields)).collect();
    Ok(Json(json!({ "items": items, "next": found.next.map(|next| next.to_string()), "looked": found.looked }))
        .into_response())
}

async fn file(
    State(twin): State<Arc<Twin>>,
    Extension(actor): Extension<Actor>,
    Path((id, n)): Path<(String, usize)>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let id: RecordId = id.parse().map_err(|_| ServiceError::NotFound)?;
    let purpose = around::purpose(&uri)?;
    let download = reads::file(&twin, &actor, id, n, purpose).await?;
    let info = download.info.clone();
    let pieces = futures_util::stream::try_unfold(download, |mut download| async move {
        match download.next().await {
            Ok(Some(piece)) => Ok(Some((piece, download))),
            Ok(None) => Ok(None),
            Err(_) => Err(std::io::Error::other("cut off")),
        }
    });
    Ok(around::attachment(&info, pieces))
}
