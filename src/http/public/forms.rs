//! The forms as data, and submissions by programs.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::filling::{Filling, Submission};
use super::page::find;
use crate::domain::form::{Field, FieldKind, FileField, Form};
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::extract::params::Params;
use crate::http::extract::query::Query;
use crate::http::extract::{idempotency, json, media_type};
use crate::http::layers::Caller;

/// `GET /api/v1/forms`
pub(in crate::http) async fn list(State(web): State<Arc<Web>>, uri: Uri) -> Result<Json<Value>, HttpError> {
    Query::strict(&uri, &[])?;
    let items: Vec<Value> = web
        .app
        .forms()
        .iter()
        .map(|f| json!({ "id": f.id, "version": f.version, "title": f.title, "page": format!("/f/{}", f.id) }))
        .collect();
    Ok(Json(json!({ "items": items, "next": null })))
}

/// `GET /api/v1/forms/{form}`
pub(in crate::http) async fn show(
    State(web): State<Arc<Web>>,
    params: Params,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    Query::strict(&uri, &[])?;
    Ok(Json(document(&*find(&web, &params)?)))
}

/// `POST /api/v1/forms/{form}/submissions`
pub(in crate::http) async fn submit(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    request: Request,
) -> Result<Response, HttpError> {
    Query::strict(request.uri(), &[])?;
    let form = find(&web, &params)?;
    web.outer.rates.submission(&form.id)?;
    let key = idempotency::key(request.headers())?;
    let mut filling = Filling::new(web.clone(), ctx, form, key, false);
    let (parts, mut body) = request.into_parts();
    match media_type(&parts.headers).as_deref() {
        Some("application/json") => {
            let submission: Submission = json::read(&parts.headers, &mut body, web.limits.max_body_bytes).await?;
            filling.take_json(submission).await?;
        }
        Some("multipart/form-data") => filling.take_multipart(&parts.headers, body).await?,
        _ => return Err(HttpError::unsupported("A submission is sent as application/json or multipart/form-data.")),
    }
    let receipt = filling.finish().await?;
    let answer = json!({ "submission": receipt.submission.to_string(), "receipt": receipt.receipt });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// A form as programs see it: what to send, under which rules, and the notice it is sent under.
fn document(form: &Form) -> Value {
    json!({
        "id": form.id,
        "version": form.version,
        "title": form.title,
        "intro": form.intro,
        "page": format!("/f/{}", form.id),
        "subject": form.subject,
        "purposes": form.purposes,
        "statuses": form.kind.statuses(),
        "legal_basis": form.legal_basis,
        "retention_days": form.retention_days,
        "notice": { "version": form.notice.version, "text": form.notice.text },
        "fields": form.fields.iter().map(field).collect::<Vec<_>>(),
        "files": form.files.iter().map(file).collect::<Vec<_>>(),
        "consents": form.consents.iter().map(|c| json!({
            "name": c.name, "wording": c.wording, "version": c.version,
        })).collect::<Vec<_>>(),
    })
}

fn field(f: &Field) -> Value {
    let min = match &f.kind {
        FieldKind::ShortText(length) | FieldKind::LongText(length) => Some(length.min),
        _ => None,
    };
    let choices = match &f.kind {
        FieldKind::Choice(choices) => {
            Some(choices.iter().map(|c| json!({ "value": c.value, "label": c.label })).collect::<Vec<_>>())
        }
        _ => None,
    };
    json!({
        "name": f.name,
        "label": f.label,
        "help": f.help,
        "kind": f.kind.as_str(),
        "required": f.required,
        "min_length": min,
        "max_length": f.kind.max_length(),
        "choices": choices,
    })
}

fn file(f: &FileField) -> Value {
    json!({
        "name": f.name,
        "label": f.label,
        "help": f.help,
        "required": f.required,
        "max_bytes": f.max_bytes,
        "max_files": f.max_files,
        "kinds": f.kinds.iter().map(|k| json!({ "name": k.extension(), "media_type": k.media_type() })).collect::<Vec<_>>(),
    })
}
