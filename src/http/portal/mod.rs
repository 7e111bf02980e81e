//! The page that a receipt opens, `/my`, and the same for programs. Plain HTML; no script; one cookie, which nothing but
//! the visit itself needs.
//!
//! Posts act with what the cookie allows, so each carries the visit's guard, and what a browser says of where it comes from
//! has to be here.

pub(super) mod api;
mod message;
mod page;
pub(super) mod visit;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Web;
use super::api::complete;
use super::api::download;
use super::client::Client;
use super::error::HttpError;
use super::extract::params::Params;
use super::extract::urlencoded;
use super::{body, extract};
use crate::base::ids::Handle;
use crate::http::layers::Caller;
use crate::services::{ServiceError, portal};
use visit::{Here, leave_cookie};

/// The hidden part with the visit's guard.
const GUARD: &str = "_guard";
/// The hidden part with the page's own token, so that a double click is one message.
const ONCE: &str = "_once";
/// Bytes of a body that holds a code or a guard.
const SMALL: u64 = 4096;
/// Longest code that is looked at: a receipt is 34 characters, and people write more spaces than that has hyphens.
const LONGEST_CODE: usize = 200;

/// `GET /my`
pub(super) async fn show(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let Some(here) = Here::find(&web, &headers) else { return Ok(page::enter(None)) };
    match portal::show(&web.app, ctx.request, here.visit.own).await {
        Ok(mine) => page::mine(&web, &here, &mine, None, ""),
        // Erased meanwhile, by the people inside or in another window.
        Err(ServiceError::NotFound) => Ok(left(&web, &here, page::enter(Some(page::Note::Gone)))),
        Err(other) => Err(other.into()),
    }
}

/// `POST /my`: a receipt code begins a visit.
pub(super) async fn enter(State(web): State<Arc<Web>>, request: Request) -> Result<Response, HttpError> {
    visit::same_origin(request.headers())?;
    let client = Client::find(request.extensions());
    let pairs = small_form(request).await?;
    let code = pairs.iter().find(|(name, _)| name == "code").map_or("", |(_, code)| code.as_str());
    let entered = match code.len() {
        1..=LONGEST_CODE => portal::enter(&web.app, code).await,
        _ => Err(ServiceError::NotFound),
    };
    match entered {
        Ok(own) => {
            let token = web.app.visits().begin(own, web.app.clock().now(), web.app.entropy());
            let token = token.map_err(|_| HttpError::from(ServiceError::Unavailable))?;
            let mut response = see_other("/my");
            response.headers_mut().insert(header::SET_COOKIE, visit::cookie(&token)?);
            Ok(response)
        }
        Err(ServiceError::NotFound) => {
            if let Some(Err(wait)) = client.map(|Client(address)| web.outer.rates.failure(address)) {
                return Err(HttpError::too_many(wait));
            }
            Ok(page::enter(Some(page::Note::Unknown)))
        }
        Err(other) => Err(other.into()),
    }
}

/// `POST /my/messages`
pub(super) async fn write(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    request: Request,
) -> Result<Response, HttpError> {
    visit::same_origin(request.headers())?;
    let client = Client::find(request.extensions());
    let Some(here) = Here::find(&web, request.headers()) else { return Ok(see_other("/my")) };
    let mut taking = message::Taking::new(web.clone(), ctx.request, client, &here);
    match taking.take(request).await {
        Ok(message::Taken::Stored(number)) => Ok(see_other(&format!("/my#message-{}", number + 1))),
        Ok(message::Taken::Already) => Ok(see_other("/my")),
        Err(error) if error.status != StatusCode::NOT_FOUND && error.status != StatusCode::INTERNAL_SERVER_ERROR => {
            let mine = portal::show(&web.app, ctx.request, here.visit.own).await?;
            page::mine(&web, &here, &mine, Some(&error), taking.typed())
        }
        Err(error) => Err(error),
    }
}

/// `GET /my/files/{n}`
pub(super) async fn file(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let n = download::number(&params)?;
    let here = Here::find(&web, &headers).ok_or_else(HttpError::not_found)?;
    Ok(download::answer(portal::file(&web.app, ctx.request, here.visit.own, n).await?))
}

/// `POST /my/consents/{name}/withdrawal`
pub(super) async fn withdraw(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    request: Request,
) -> Result<Response, HttpError> {
    let name: String = params.parse("name")?;
    let Some(here) = guarded(&web, request).await? else { return Ok(see_other("/my")) };
    complete(async move { portal::withdraw(&web.app, ctx.request, here.visit.own, &name).await }).await?;
    Ok(see_other("/my#consents"))
}

/// `GET /my/erasure`
pub(super) async fn ask_erasure(State(web): State<Arc<Web>>, headers: HeaderMap) -> Result<Response, HttpError> {
    match Here::find(&web, &headers) {
        Some(here) => Ok(page::erasure(&here)),
        None => Ok(see_other("/my")),
    }
}

/// `POST /my/erasure`
pub(super) async fn erase(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    request: Request,
) -> Result<Response, HttpError> {
    let Some(here) = guarded(&web, request).await? else { return Ok(see_other("/my")) };
    let (own, app) = (here.visit.own, web.app.clone());
    let certificate = complete(async move { portal::erase(&app, ctx.request, own).await }).await?;
    web.app.visits().end_all(own);
    Ok(left(&web, &here, page::erased(&certificate)))
}

/// `POST /my/leave`
pub(super) async fn leave(State(web): State<Arc<Web>>, request: Request) -> Result<Response, HttpError> {
    match guarded(&web, request).await? {
        Some(here) => Ok(left(&web, &here, page::enter(Some(page::Note::Left)))),
        None => Ok(see_other("/my")),
    }
}

/// The visit of a post that carries its guard; `None` when there is no visit (any more).
async fn guarded(web: &Web, request: Request) -> Result<Option<Here>, HttpError> {
    visit::same_origin(request.headers())?;
    let here = Here::find(web, request.headers());
    let pairs = small_form(request).await?;
    let Some(here) = here else { return Ok(None) };
    let guard = pairs.iter().find(|(name, _)| name == GUARD).and_then(|(_, guard)| guard.parse::<Handle>().ok());
    if guard == Some(here.visit.guard) { Ok(Some(here)) } else { Err(visit::foreign()) }
}

async fn small_form(request: Request) -> Result<Vec<(String, String)>, HttpError> {
    let (parts, mut body) = request.into_parts();
    if extract::media_type(&parts.headers).as_deref() != Some("application/x-www-form-urlencoded") {
        return Err(HttpError::unsupported("This is sent as application/x-www-form-urlencoded."));
    }
    let bytes = body::read_all(&mut body, SMALL).await?;
    urlencoded::parse(&bytes, 16).map_err(|_| HttpError::malformed("The body is not a form post in UTF-8."))
}

fn see_other(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, path);
    }
    response
}

/// Ends the visit with `response`, and has the browser forget it.
fn left(web: &Web, here: &Here, mut response: Response) -> Response {
    web.app.visits().end(here.token());
    response.headers_mut().insert(header::SET_COOKIE, leave_cookie());
    let forget = HeaderValue::from_static("\"cache\", \"storage\"");
    response.headers_mut().insert("clear-site-data", forget);
    response
}
