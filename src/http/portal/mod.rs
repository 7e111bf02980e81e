//! The page that a receipt opens, `/my`, and the same for programs. Plain HTML; no script; one cookie, which nothing but
//! the visit itself needs.
//!
//! Posts act with what the cookie allows, so each carries the visit's guard, and what a browser says of where it comes from
//! has to be here.

pub(super) mod api;
mod message;
pub(super) mod page;
pub(super) mod visit;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;

use super::Web;
use super::api::complete;
use super::api::download;
use super::client::Client;
use super::error::HttpError;
use super::extract::params::Params;
use super::extract::urlencoded;
use super::pages;
use super::public::resource;
use crate::base::ids::{Handle, RecordId, RequestId};
use crate::http::layers::Caller;
use crate::http::speech::Speech;
use crate::services::portal::Who;
use crate::services::{ServiceError, portal, post, resources};
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
    speech: Speech,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, HttpError> {
    // Any other parameter is ignored: links come with all kinds of marks.
    let pairs = urlencoded::parse(uri.query().unwrap_or("").as_bytes(), 32).unwrap_or_default();
    let older = pairs.into_iter().find(|(name, _)| name == "older").map(|(_, older)| older);
    let mail = web.app.post().is_some();
    let Some(here) = Here::find(&web, &headers) else { return Ok(page::enter(&speech, None, mail)) };
    let Some(own) = here.visit.own else { return all(&web, &speech, ctx.request, &here, older.as_deref()).await };
    match portal::show(&web.app, ctx.request, own).await {
        Ok(mine) => page::mine(&web, &speech, &here, &mine, None, ""),
        // Erased meanwhile, by the people inside or in another window.
        Err(ServiceError::NotFound) => match here.visit.person {
            Some(_) => {
                portal::choose(&web.app, here.visit, here.token(), None).await?;
                all(&web, &speech, ctx.request, &here, None).await
            }
            None => Ok(left(&web, &here, page::enter(&speech, Some(page::Note::Gone), mail))),
        },
        Err(other) => Err(other.into()),
    }
}

/// A page of all that is held under the address of a visit by mailbox.
async fn all(
    web: &Arc<Web>,
    speech: &Speech,
    request: RequestId,
    here: &Here,
    older: Option<&str>,
) -> Result<Response, HttpError> {
    let mailbox = here.visit.person.ok_or_else(HttpError::not_found)?;
    let held = portal::held(&web.app, request, mailbox, older).await?;
    Ok(page::all(web, speech, here, &held, older.is_some()))
}

/// `POST /my/open`: one of all, or with no `id` back to all.
pub(super) async fn open(State(web): State<Arc<Web>>, speech: Speech, request: Request) -> Result<Response, HttpError> {
    let Some((here, pairs)) = guarded(&web, request).await? else { return Ok(see_other(&speech, "/my")) };
    let id = pairs.iter().find(|(name, _)| name == "id").map(|(_, id)| id.parse::<RecordId>());
    let id = id.transpose().map_err(|_| HttpError::not_found())?;
    portal::choose(&web.app, here.visit, here.token(), id).await?;
    Ok(see_other(&speech, "/my"))
}

/// `POST /my/link`: mails a link to an address.
pub(super) async fn ask_link(
    State(web): State<Arc<Web>>,
    speech: Speech,
    request: Request,
) -> Result<Response, HttpError> {
    visit::same_origin(request.headers(), request.uri())?;
    // Counted like codes that open nothing: nobody asks for many.
    if let Some(Err(wait)) = Client::find(request.extensions()).map(|Client(address)| web.outer.rates.failure(address))
    {
        return Err(HttpError::too_many(wait));
    }
    let pairs = small_form(request).await?;
    let email = pairs.iter().find(|(name, _)| name == "email").map_or("", |(_, email)| email.as_str());
    match post::ask_for_link(&web.app, speech.lang(), email) {
        Ok(()) => Ok(page::enter(&speech, Some(page::Note::Mailed), true)),
        Err(ServiceError::Invalid(_)) => Ok(page::enter(&speech, Some(page::Note::NoAddress), true)),
        Err(other) => Err(other.into()),
    }
}

/// `GET /my/link/{token}`. Only asks: what merely looks at links in mails must not use them up.
pub(super) async fn link(speech: Speech, params: Params) -> Result<Response, HttpError> {
    let token: String = params.parse("token")?;
    if visit::is_token(&token) { Ok(page::link(&speech, &token)) } else { Err(HttpError::not_found()) }
}

/// `POST /my/link/{token}`: uses the link up and begins a visit.
pub(super) async fn use_link(
    State(web): State<Arc<Web>>,
    speech: Speech,
    params: Params,
    request: Request,
) -> Result<Response, HttpError> {
    visit::same_origin(request.headers(), request.uri())?;
    let token: String = params.parse("token")?;
    drop(request);
    match portal::enter_by_link(&web.app, &token) {
        Ok(mailbox) => begin(&web, &speech, Who::Mailbox(mailbox)),
        Err(ServiceError::NotFound) => Ok(page::enter(&speech, Some(page::Note::OldLink), true)),
        Err(other) => Err(other.into()),
    }
}

fn begin(web: &Web, speech: &Speech, who: Who) -> Result<Response, HttpError> {
    let token = web.app.visits().begin(who, web.app.clock().now(), web.app.entropy());
    let token = token.map_err(|_| HttpError::from(ServiceError::Unavailable))?;
    let mut response = see_other(speech, "/my");
    response.headers_mut().insert(header::SET_COOKIE, visit::cookie(&token)?);
    Ok(response)
}

/// `POST /my`: a receipt code begins a visit.
pub(super) async fn enter(
    State(web): State<Arc<Web>>,
    speech: Speech,
    request: Request,
) -> Result<Response, HttpError> {
    visit::same_origin(request.headers(), request.uri())?;
    let client = Client::find(request.extensions());
    let pairs = small_form(request).await?;
    let code = pairs.iter().find(|(name, _)| name == "code").map_or("", |(_, code)| code.as_str());
    let entered = match code.len() {
        1..=LONGEST_CODE => portal::enter(&web.app, code).await,
        _ => Err(ServiceError::NotFound),
    };
    match entered {
        Ok(own) => begin(&web, &speech, Who::Receipt(own)),
        Err(ServiceError::NotFound) => {
            if let Some(Err(wait)) = client.map(|Client(address)| web.outer.rates.failure(address)) {
                return Err(HttpError::too_many(wait));
            }
            Ok(page::enter(&speech, Some(page::Note::Unknown), web.app.post().is_some()))
        }
        Err(other) => Err(other.into()),
    }
}

/// `POST /my/messages`
pub(super) async fn write(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    speech: Speech,
    request: Request,
) -> Result<Response, HttpError> {
    visit::same_origin(request.headers(), request.uri())?;
    let client = Client::find(request.extensions());
    let Some(here) = Here::find(&web, request.headers()) else { return Ok(see_other(&speech, "/my")) };
    let mut taking = message::Taking::new(web.clone(), ctx.request, client, &here);
    match taking.take(request).await {
        Ok(message::Taken::Stored(number)) => Ok(see_other(&speech, &format!("/my#message-{}", number + 1))),
        Ok(message::Taken::Already) => Ok(see_other(&speech, "/my")),
        Err(error) if error.status != StatusCode::NOT_FOUND && error.status != StatusCode::INTERNAL_SERVER_ERROR => {
            let mine = portal::show(&web.app, ctx.request, here.own()?).await?;
            page::mine(&web, &speech, &here, &mine, Some(&error), taking.typed())
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
    Ok(download::answer(portal::file(&web.app, ctx.request, here.own()?, n).await?))
}

/// `POST /my/resources`
pub(super) async fn fetch(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    speech: Speech,
    request: Request,
) -> Result<Response, HttpError> {
    let Some((here, pairs)) = guarded(&web, request).await? else { return Ok(see_other(&speech, "/my")) };
    let file = pairs.iter().find(|(name, _)| name == "file").map_or("", |(_, file)| file.as_str());
    Ok(resource::answer(resources::fetch(&web.app, ctx.request, &here.visit, file).await?))
}

/// `POST /my/consents/{name}/withdrawal`
pub(super) async fn withdraw(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    speech: Speech,
    params: Params,
    request: Request,
) -> Result<Response, HttpError> {
    let name: String = params.parse("name")?;
    let Some((here, _)) = guarded(&web, request).await? else { return Ok(see_other(&speech, "/my")) };
    let own = here.own()?;
    complete(async move { portal::withdraw(&web.app, ctx.request, own, &name).await }).await?;
    Ok(see_other(&speech, "/my#consents"))
}

/// `POST /my/publication/withdrawal`
pub(super) async fn take_down(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    speech: Speech,
    request: Request,
) -> Result<Response, HttpError> {
    let Some((here, _)) = guarded(&web, request).await? else { return Ok(see_other(&speech, "/my")) };
    let own = here.own()?;
    complete(async move { portal::take_down(&web.app, ctx.request, own).await }).await?;
    Ok(see_other(&speech, "/my"))
}

/// `GET /my/erasure`
pub(super) async fn ask_erasure(
    State(web): State<Arc<Web>>,
    speech: Speech,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    match Here::find(&web, &headers) {
        Some(here) => Ok(page::erasure(&speech, &here)),
        None => Ok(see_other(&speech, "/my")),
    }
}

/// `POST /my/erasure`
pub(super) async fn erase(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    speech: Speech,
    request: Request,
) -> Result<Response, HttpError> {
    let Some((here, _)) = guarded(&web, request).await? else { return Ok(see_other(&speech, "/my")) };
    let (own, app) = (here.own()?, web.app.clone());
    let certificate = complete(async move { portal::erase(&app, ctx.request, own).await }).await?;
    web.app.visits().end_all(own);
    let page = page::erased(&speech, &certificate, here.visit.person.is_some());
    // Who came by mailbox still has the others.
    Ok(if here.visit.person.is_some() { page } else { left(&web, &here, page) })
}

/// `POST /my/leave`
pub(super) async fn leave(
    State(web): State<Arc<Web>>,
    speech: Speech,
    request: Request,
) -> Result<Response, HttpError> {
    match guarded(&web, request).await? {
        Some((here, _)) => {
            Ok(left(&web, &here, page::enter(&speech, Some(page::Note::Left), web.app.post().is_some())))
        }
        None => Ok(see_other(&speech, "/my")),
    }
}

/// The visit of a post that carries its guard, and what came with it; `None` when there is no visit (any more).
async fn guarded(web: &Web, request: Request) -> Result<Option<(Here, Vec<(String, String)>)>, HttpError> {
    visit::same_origin(request.headers(), request.uri())?;
    let here = Here::find(web, request.headers());
    let pairs = small_form(request).await?;
    let Some(here) = here else { return Ok(None) };
    let guard = pairs.iter().find(|(name, _)| name == GUARD).and_then(|(_, guard)| guard.parse::<Handle>().ok());
    if guard == Some(here.visit.guard) { Ok(Some((here, pairs))) } else { Err(visit::foreign()) }
}

async fn small_form(request: Request) -> Result<Vec<(String, String)>, HttpError> {
    urlencoded::post(request, SMALL, 16).await
}

fn see_other(speech: &Speech, path: &str) -> Response {
    pages::see_other(&speech.link(path))
}

/// Ends the visit with `response`, and has the browser forget it.
fn left(web: &Web, here: &Here, mut response: Response) -> Response {
    web.app.visits().end(here.token());
    response.headers_mut().insert(header::SET_COOKIE, leave_cookie());
    let forget = HeaderValue::from_static("\"cache\", \"storage\"");
    response.headers_mut().insert("clear-site-data", forget);
    response
}
