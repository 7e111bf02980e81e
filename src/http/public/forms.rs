//! The forms as data, and submissions by programs.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use serde_json::{Value, json};

use super::filling::{Filling, Submission};
use super::page::{browser, find};
use super::resource;
use crate::base::ids::RequestId;
use crate::domain::country::Country;
use crate::domain::decimal::Decimal;
use crate::domain::form::{Field, FieldKind, FileField, Form, Wanted};
use crate::domain::submission::PostalAddress;
use crate::http::client::Client;
use crate::http::error::HttpError;
use crate::http::extract::params::Params;
use crate::http::extract::query::Query;
use crate::http::extract::{idempotency, json, media_type};
use crate::http::gate::Challenge;
use crate::http::layers::{self, Caller, What};
use crate::http::speech::{Speech, vary};
use crate::http::{Web, assets};
use crate::policy::Actor;
use crate::services::statistics::{self, Event};
use crate::services::{Context, ServiceError, audit, keys, resources, submit};

/// `GET /api/v1/forms`
pub(in crate::http) async fn list(
    State(web): State<Arc<Web>>,
    speech: Speech,
    uri: Uri,
) -> Result<Response, HttpError> {
    Query::strict(&uri, &[])?;
    let items: Vec<Value> = web
        .app
        .forms()
        .iter_in(speech.lang())
        .map(|f| json!({ "id": f.id, "version": f.version, "language": f.lang, "open": submit::is_open(&web.app, f), "title": f.title, "page": format!("/f/{}", f.id) }))
        .collect();
    Ok(spoken(json!({ "items": items, "next": null })))
}

/// `GET /api/v1/forms/{form}`
pub(in crate::http) async fn show(
    State(web): State<Arc<Web>>,
    speech: Speech,
    params: Params,
    uri: Uri,
) -> Result<Response, HttpError> {
    Query::strict(&uri, &[])?;
    let form = find(&web, &speech, &params)?;
    Ok(spoken(document(&speech, &form, submit::is_open(&web.app, &form))))
}

/// `GET /api/v1/forms/{form}/challenge`
pub(in crate::http) async fn challenge(
    State(web): State<Arc<Web>>,
    speech: Speech,
    params: Params,
    uri: Uri,
) -> Result<Json<Challenge>, HttpError> {
    Query::strict(&uri, &[])?;
    let form = find(&web, &speech, &params)?;
    if !form.proof_of_work {
        return Err(HttpError::not_found());
    }
    let challenge = web.gate.challenge(&form.id, web.app.clock().now(), web.app.entropy());
    Ok(Json(challenge.map_err(|_| ServiceError::Unavailable)?))
}

/// `POST /api/v1/forms/{form}/submissions`
pub(in crate::http) async fn send(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    speech: Speech,
    params: Params,
    request: Request,
) -> Result<Response, HttpError> {
    Query::strict(request.uri(), &[])?;
    let form = find(&web, &speech, &params)?;
    submit::check_open(&web.app, &form)?;
    let client = Client::find(request.extensions());
    let ctx = match sender(&web, ctx, &form, request.headers(), client) {
        Err(error) if matches!(error.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            let (what, id) = (What::of(&request), request.extensions().get::<RequestId>().copied());
            drop(request);
            let status = error.status.as_u16();
            audit::refused(&web.app, &Actor::Public, id.ok_or_else(HttpError::internal)?, what.as_str(), status).await;
            return Err(error);
        }
        sent => sent?,
    };
    let key = idempotency::key(request.headers())?;
    let (id, browser) = (form.id.clone(), browser(request.headers()));
    let mut filling = match ctx.actor {
        Actor::Key { id, .. } => Filling::by_key(web.clone(), ctx, form.clone(), id, key),
        _ => Filling::new(web.clone(), ctx, form.clone(), client, key),
    };
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
    if receipt.is_new {
        statistics::count(&web.app, &id, browser, Event::Submission);
    }
    let mut answer = json!({ "submission": receipt.submission.to_string(), "receipt": receipt.receipt });
    // It is stored: whatever is the matter with its files, the receipt is told.
    let offers = resources::offers(&web.app, &form, receipt.submission).await.unwrap_or_default();
    if !offers.is_empty() {
        answer["downloads"] = offers.iter().map(resource::document).collect();
    }
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Who sends: anybody, or a server with a key for this form. Whoever says anything about themselves has to be good for it: a
/// bad key is never taken for nobody. A good one was counted by the outer layer.
fn sender(
    web: &Web,
    ctx: Context,
    form: &Form,
    headers: &HeaderMap,
    client: Option<Client>,
) -> Result<Context, HttpError> {
    if !headers.contains_key(header::AUTHORIZATION) {
        web.outer.rates.submission(&form.id, client.map(|Client(address)| address))?;
        return Ok(ctx);
    }
    let found = match layers::token(headers) {
        Some(token) => keys::authenticate(&web.app, token, &form.id),
        None => Err(ServiceError::Unauthenticated),
    };
    let actor = found.map_err(|e| match e {
        ServiceError::Unauthenticated => layers::count_failure(web, client, HttpError::no_such_key()),
        ServiceError::Forbidden => HttpError::key_of_other_forms(),
        other => other.into(),
    })?;
    Ok(Context { actor, ..ctx })
}

/// An answer that depends on the language that is asked for.
fn spoken(document: Value) -> Response {
    let mut response = Json(document).into_response();
    vary(response.headers_mut());
    response
}

/// A form as programs see it: what to send, under which rules, and the notice it is sent under.
fn document(speech: &Speech, form: &Form, open: bool) -> Value {
    json!({
        "id": form.id,
        "version": form.version,
        "language": form.lang,
        "kind": form.kind.as_str(),
        "open": open,
        "country": form.country.map(Country::code),
        "title": form.title,
        "intro": form.intro,
        "page": format!("/f/{}", form.id),
        "subject": form.subject,
        "proof_of_work": form.proof_of_work,
        "embed": {
            "script": assets::embed_url(),
            "integrity": assets::embed_integrity(),
            "words": assets::EMBED_WORDS.iter().map(|(name, key)| (*name, speech.say(key))).collect::<BTreeMap<_, _>>(),
            "frame": (!form.site.origins.is_empty()).then(|| format!("/embed/{}", form.id)),
        },
        "purposes": form.purposes,
        "statuses": form.kind.statuses(),
        "legal_basis": form.legal_basis,
        "retention_days": form.retention_days,
        "notice": { "version": form.notice.version, "text": form.notice.paragraphs().join("\n\n") },
        "fields": form.fields.iter().map(field).collect::<Vec<_>>(),
        "files": form.files.iter().map(file).collect::<Vec<_>>(),
        "unlocks": form.unlocks.iter().map(|u| json!({ "file": u.file, "title": u.title })).collect::<Vec<_>>(),
        "unlock_by": form.unlock_by.as_str(),
        "consents": form.consents.iter().map(|c| json!({
            "name": c.name, "wording": c.wording, "version": c.version,
        })).collect::<Vec<_>>(),
    })
}

fn field(f: &Field) -> Value {
    let (mut min, mut pattern, mut rules) = (None, None, json!({}));
    match &f.kind {
        FieldKind::ShortText(text) | FieldKind::LongText(text) => {
            min = Some(text.length.min);
            pattern = text.pattern.as_ref().map(|p| json!({ "regex": p.source(), "help": p.help() }));
        }
        FieldKind::Number(range) => {
            let number = |n: Option<Decimal>| n.map(Decimal::to_json);
            rules = json!({ "min": number(range.min), "max": number(range.max), "decimals": range.decimals });
        }
        FieldKind::Date(range) => {
            let day = |d: Option<Date>| d.map(|d| d.to_string());
            rules = json!({ "earliest": day(range.earliest), "latest": day(range.latest) });
        }
        FieldKind::Choices(many) => rules = json!({ "min_picked": many.min, "max_picked": many.max }),
        FieldKind::Rating(rating) => rules = json!({ "scale": rating.scale, "low": rating.low, "high": rating.high }),
        FieldKind::PostalAddress(_) => rules = json!({ "parts": PostalAddress::PARTS }),
        _ => {}
    }
    let choices = f.kind.options().iter().map(|c| match c.about.is_empty() {
        true => json!({ "value": c.value, "label": c.label }),
        false => json!({ "value": c.value, "label": c.label, "about": c.about }),
    });
    let choices = (!f.kind.options().is_empty()).then(|| choices.collect::<Vec<_>>());
    let wanted = |wanted: &Wanted| match wanted {
        Wanted::Box(ticked) => json!(ticked),
        Wanted::Mark(mark) => json!(mark),
        Wanted::Option(value) => json!(value),
    };
    let shown_when = f
        .shown_when
        .as_ref()
        .map(|when| json!({ "field": when.field, "is": when.is.iter().map(wanted).collect::<Vec<_>>() }));
    json!({
        "name": f.name,
        "label": f.label,
        "help": f.help,
        "kind": f.kind.as_str(),
        "required": f.required,
        "shown_when": shown_when,
        "min_length": min,
        "max_length": f.kind.max_length(),
        "pattern": pattern,
        "choices": choices,
        "rules": rules,
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
