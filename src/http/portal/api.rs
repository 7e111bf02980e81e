//! The same for programs: the receipt stands in each body, never in an address, and there is no visit.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{LONGEST_CODE, SMALL};
use crate::base::sensitive::SensitiveString;
use crate::domain::message::Author;
use crate::domain::submission::Nature;
use crate::http::Web;
use crate::http::api::{complete, submissions};
use crate::http::client::Client;
use crate::http::error::HttpError;
use crate::http::extract::json;
use crate::http::extract::query::Query;
use crate::http::layers::Caller;
use crate::http::public::resource;
use crate::services::portal::{self, MessageIntake, Mine, Own};
use crate::services::{Context, ServiceError, resources};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Show {
    receipt: SensitiveString,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Write {
    receipt: SensitiveString,
    text: SensitiveString,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Withdraw {
    receipt: SensitiveString,
    consent: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    receipt: SensitiveString,
    file: String,
}

/// `POST /api/v1/my`
pub(in crate::http) async fn show(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    request: Request,
) -> Result<Json<Value>, HttpError> {
    let (caller, Show { receipt }) = read(request, SMALL).await?;
    let own = caller.enter(&web, &receipt).await?;
    Ok(Json(document(&portal::show(&web.app, ctx.request, own).await?)))
}

/// `POST /api/v1/my/messages`
pub(in crate::http) async fn write(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    request: Request,
) -> Result<(StatusCode, Json<Value>), HttpError> {
    let (caller, Write { receipt, text }) = read(request, web.limits.max_body_bytes).await?;
    let own = caller.enter(&web, &receipt).await?;
    web.brake()?;
    let mut intake = MessageIntake::begin(&web.app, ctx.request, own).await?;
    intake.text(text.expose());
    let number = complete(intake.finish()).await?;
    Ok((StatusCode::CREATED, Json(json!({ "number": number }))))
}

/// `POST /api/v1/my/withdrawals`
pub(in crate::http) async fn withdraw(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    request: Request,
) -> Result<Json<Value>, HttpError> {
    let (caller, Withdraw { receipt, consent }) = read(request, SMALL).await?;
    let own = caller.enter(&web, &receipt).await?;
    let (app, Context { request, .. }) = (web.app.clone(), ctx);
    complete(async move { portal::withdraw(&app, request, own, &consent).await }).await?;
    Ok(Json(document(&portal::show(&web.app, request, own).await?)))
}

/// `POST /api/v1/my/links`
pub(in crate::http) async fn link(
    State(web): State<Arc<Web>>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), HttpError> {
    let (caller, Link { receipt, file }) = read(request, SMALL).await?;
    let own = caller.enter(&web, &receipt).await?;
    let offer = resources::fresh(&web.app, own, &file).await?;
    Ok((StatusCode::CREATED, Json(resource::document(&offer))))
}

/// `POST /api/v1/my/publication/withdrawal`
pub(in crate::http) async fn take_down(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    request: Request,
) -> Result<Json<Value>, HttpError> {
    let (caller, Show { receipt }) = read(request, SMALL).await?;
    let own = caller.enter(&web, &receipt).await?;
    let (app, Context { request, .. }) = (web.app.clone(), ctx);
    complete(async move { portal::take_down(&app, request, own).await }).await?;
    Ok(Json(document(&portal::show(&web.app, request, own).await?)))
}

/// `POST /api/v1/my/erasure`
pub(in crate::http) async fn erase(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    request: Request,
) -> Result<Json<Value>, HttpError> {
    let (caller, Show { receipt }) = read(request, SMALL).await?;
    let own = caller.enter(&web, &receipt).await?;
    let app = web.app.clone();
    let certificate = complete(async move { portal::erase(&app, ctx.request, own).await }).await?;
    web.app.visits().end_all(own);
    Ok(Json(certificate))
}

/// Where a request comes from, for counting codes that open nothing.
struct Asker(Option<Client>);

impl Asker {
    async fn enter(&self, web: &Web, receipt: &SensitiveString) -> Result<Own, HttpError> {
        let entered = match receipt.expose().len() {
            1..=LONGEST_CODE => portal::enter(&web.app, receipt.expose()).await,
            _ => Err(ServiceError::NotFound),
        };
        if let (Err(ServiceError::NotFound), Some(Client(address))) = (&entered, self.0)
            && let Err(wait) = web.outer.rates.failure(address)
        {
            return Err(HttpError::too_many(wait));
        }
        Ok(entered?)
    }
}

async fn read<T: serde::de::DeserializeOwned>(request: Request, most: u64) -> Result<(Asker, T), HttpError> {
    Query::strict(request.uri(), &[])?;
    let asker = Asker(Client::find(request.extensions()));
    let (parts, mut body) = request.into_parts();
    Ok((asker, json::read(&parts.headers, &mut body, most).await?))
}

fn document(mine: &Mine) -> Value {
    let messages: Vec<Value> = mine
        .messages
        .iter()
        .map(|message| {
            let author = if message.author == Author::Subject { "subject" } else { "staff" };
            let files: Vec<Value> = message.files.iter().map(submissions::file).collect();
            json!({ "at": message.at, "author": author, "text": message.text.expose(), "files": files })
        })
        .collect();
    let consents: serde_json::Map<String, Value> = mine
        .consents
        .iter()
        .map(|consent| {
            let standing = json!({
                "given": consent.given, "wording": consent.version, "since": consent.since,
                "source": consent.source.to_string(),
            });
            (consent.name.clone(), standing)
        })
        .collect();
    json!({
        "id": mine.summary.id,
        "form": mine.summary.form,
        // How far the work on anything else is stays with those who decide.
        "publication": (mine.summary.nature == Nature::Comment).then_some(mine.summary.status),
        "received": mine.content.received,
        "region": mine.content.region,
        "notice": mine.content.notice,
        "fields": submissions::fields(&mine.content.fields),
        "files": mine.content.files.iter().map(submissions::file).collect::<Vec<_>>(),
        "messages": messages,
        "downloads": mine.downloads,
        "consents": consents,
    })
}
