//! Health, the erasure key, and the API's own description.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::http::{Web, openapi};
use crate::services::{audit, health};

/// `GET /health/live`: the process answers.
pub(in crate::http) async fn live() -> Json<Value> {
    Json(json!({ "live": true }))
}

/// `GET /health/ready`: submissions can be taken, that is, store and audit can write.
pub(in crate::http) async fn ready(State(web): State<Arc<Web>>) -> Response {
    let readiness = health::readiness(&web.app);
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}

/// `GET /.well-known/letterlock-erasure-key`: the Ed25519 public key that erasure certificates are signed with, hex.
pub(in crate::http) async fn erasure_key(State(web): State<Arc<Web>>) -> Response {
    plain(&health::figures(&web.app).erasure_key)
}

/// `GET /.well-known/letterlock-audit-key`: the Ed25519 public key that heads of the audit trail are signed with, hex.
pub(in crate::http) async fn audit_key(State(web): State<Arc<Web>>) -> Response {
    plain(&audit::public_key(&web.app))
}

fn plain(line: &str) -> Response {
    let mut response = format!("{line}\n").into_response();
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// `GET /api/openapi.json`
pub(in crate::http) async fn openapi() -> Json<Value> {
    Json(openapi::document())
}
