//! What happens around every request: an id, the limit of its address, the pace of its body, the headers of its
//! answer, one line in the log; and, route by route, who is asking.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Json, RequestExt};
use futures_util::FutureExt;
use tokio::time::Instant;

use super::body::{Pace, PacedBody, UNREAD, UNREAD_REFUSED};
use super::client::Client;
use super::conn::Conn;
use super::error::HttpError;
use super::extract::params::Params;
use super::headers::harden;
use super::rates::Rates;
use super::routes::{is_console, is_page};
use super::speech::{Speech, vary};
use super::{Web, pages};
use crate::base::config::Proxies;
use crate::base::ids::{KeyId, RequestId};
use crate::domain::form::FormId;
use crate::domain::language::Languages;
use crate::domain::operator::Operator;
use crate::policy::Actor;
use crate::services::{Context, audit, staff};

/// Our own name for a request: a client's is never taken over, so that nobody can forge or collide log lines.
const REQUEST_ID: &str = "x-request-id";
/// Where servers post with their keys.
const SUBMIT: &str = "/api/v1/forms/{form}/submissions";

/// Finds the key of a server that a token is, where it is good now for a form.
type KeyFor = Box<dyn Fn(&str, &FormId) -> Option<KeyId> + Send + Sync>;

/// What the outermost layer needs. Free of the vault, so that tests can do without one.
pub(super) struct Outer {
    /// A fresh id; `None` when there is no randomness, and then nothing is answered.
    pub(super) new_id: Box<dyn Fn() -> Option<RequestId> + Send + Sync>,
    /// Send HSTS.
    pub(super) hsts: bool,
    /// The proxies whose word about a client's address is taken.
    pub(super) proxies: Proxies,
    /// Which key of a server this token is, where it is good now for this form: then it is counted for the key.
    pub(super) key_for: KeyFor,
    /// Limits of frequency.
    pub(super) rates: Rates,
    /// Limits of time for bodies.
    pub(super) pace: Pace,
    /// The languages that are offered.
    pub(super) languages: Arc<Languages>,
    /// Who runs the service.
    pub(super) operator: Arc<Operator>,
}

/// The outermost layer.
pub(super) async fn outer(State(outer): State<Arc<Outer>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let version = request.version();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map(MatchedPath::as_str);
    let as_page = wants_page(route, request.headers());
    let speech =
        Speech::choose(&outer.languages, &outer.operator, &method, request.uri(), request.headers(), route.is_some());
    request.extensions_mut().insert(speech.clone());
    let conn = request.extensions().get::<Arc<Conn>>().cloned();
    let id = (outer.new_id)();
    let (body, unread) = PacedBody::new(std::mem::take(request.body_mut()), outer.pace, conn.clone()).with_heir();
    *request.body_mut() = Body::new(body);

    let client = conn.as_ref().map(|conn| Client::of(conn.remote(), request.headers(), &outer.proxies));
    if let Some(client) = client {
        request.extensions_mut().insert(client);
    }
    let key = key_of(&outer, route, &mut request).await;
    let admitted = admit(&outer, route, &method, client, key);
    let most = if admitted.is_ok() { UNREAD } else { UNREAD_REFUSED };
    let mut response = match (id, admitted) {
        (None, _) => refuse(request, crate::services::ServiceError::Unavailable.into()),
        (_, Err(e)) => refuse(request, e),
        (Some(id), Ok(())) => {
            request.extensions_mut().insert(id);
            // A handler that panics must neither take the connection down nor say why.
            match AssertUnwindSafe(next.run(request)).catch_unwind().await {
                Ok(response) => response,
                Err(_) => {
                    tracing::error!(target: "letterlock::http", route, "a handler panicked");
                    HttpError::internal().into_response()
                }
            }
        }
    };

    let id = id.map_or_else(String::new, |id| id.to_string());
    if let Some(error) = response.extensions_mut().remove::<HttpError>() {
        response = write_out(response, &error, (&id, route), as_page, &speech);
    }
    if as_page {
        vary(response.headers_mut());
    }
    harden(&mut response, outer.hsts);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    if version < Version::HTTP_2 && conn.is_some_and(|c| c.is_ageing()) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    log(&method, route, response.status(), started.elapsed(), &id);
    unread.drain(most).await;
    response
}

/// An answer without asking a handler; the body is let go of.
fn refuse(request: Request, error: HttpError) -> Response {
    drop(request);
    error.into_response()
}

/// Where people unsubscribe. Counted by the handler, and only for links that lead to nobody: mail providers post for all
/// their customers from one address.
const UNSUBSCRIBE: &str = "/f/{form}/unsubscribe/{token}";

/// Whether the address, or the key of a server, may send another request. What a monitor or a page's own parts ask for is
/// not counted.
fn admit(
    outer: &Outer,
    route: Option<&str>,
    method: &Method,
    client: Option<Client>,
    key: Option<KeyId>,
) -> Result<(), HttpError> {
    if let Some(key) = key {
        return Ok(outer.rates.keyed(&key)?);
    }
    let free = route.is_some_and(|r| {
        r.starts_with("/health/")
            || r.starts_with("/static/")
            || r == "/favicon.svg"
            || r == "/embed.js"
            || r == UNSUBSCRIBE && [Method::GET, Method::HEAD, Method::POST].contains(method)
    });
    match client {
        Some(Client(address)) if !free => Ok(outer.rates.request(address)?),
        _ => Ok(()),
    }
}

/// The key by which a server posts a form that the key names. Whatever else is asked for with a key counts for its address.
async fn key_of(outer: &Outer, route: Option<&str>, request: &mut Request) -> Option<KeyId> {
    if route != Some(SUBMIT) || *request.method() != Method::POST {
        return None;
    }
    // Decoded as the handler gets it.
    let form: FormId = request.extract_parts::<Params>().await.ok()?.parse("form").ok()?;
    (outer.key_for)(token(request.headers())?, &form)
}

/// Pages get their errors as pages; so does a browser that asks for an address that does not exist.
fn wants_page(route: Option<&str>, headers: &HeaderMap) -> bool {
    match route {
        Some(route) => is_page(route),
        None => headers
            .get(header::ACCEPT)
            .and_then(|v| v.to_str().ok())
            .is_some_and(|accept| accept.split(',').any(|m| m.trim().starts_with("text/html"))),
    }
}

fn write_out(
    bare: Response,
    error: &HttpError,
    (id, route): (&str, Option<&str>),
    as_page: bool,
    speech: &Speech,
) -> Response {
    let (parts, _) = bare.into_parts();
    let mut response = if as_page && route.is_some_and(is_console) {
        pages::console_error(error, id)
    } else if as_page {
        pages::error(speech, error, id)
    } else {
        let mut response = Json(error.document(id, speech)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        speech.label(response.headers_mut());
        response
    };
    *response.status_mut() = parts.status;
    response.headers_mut().extend(parts.headers);
    response
}

/// One line a request: no address, no query, no body, no user agent, no token.
fn log(method: &Method, route: Option<&str>, status: StatusCode, took: Duration, id: &str) {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::DELETE, Method::PUT, Method::OPTIONS];
    // A method can be any word the client likes, so only the usual ones are repeated.
    let method = if known.contains(method) { method.as_str() } else { "other" };
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let route = route.unwrap_or("none");
    tracing::info!(target: "letterlock::http", method, route, status = status.as_u16(), took_ms, request = id);
}

/// For the public routes: whoever sends the request acts as [`Actor::Public`], even with a token.
pub(super) async fn public(mut request: Request, next: Next) -> Response {
    let Some(id) = request.extensions().get::<RequestId>().copied() else {
        return HttpError::internal().into_response();
    };
    request.extensions_mut().insert(Context { actor: Actor::Public, request: id, purpose: None });
    next.run(request).await
}

/// For every other route: no good token, no further.
///
/// Failures are counted by address, and answered with 429 beyond the limit. A good token passes all the same:
/// otherwise anybody could lock out whoever shares their address, and tokens are far too long to be guessed.
pub(super) async fn bearer(State(web): State<Arc<Web>>, mut request: Request, next: Next) -> Response {
    let Some(id) = request.extensions().get::<RequestId>().copied() else {
        return HttpError::internal().into_response();
    };
    let found = match token(request.headers()) {
        Some(token) => staff::authenticate(&web.app, token).await,
        None => Err(crate::services::ServiceError::Unauthenticated),
    };
    match found {
        Ok(actor) => {
            let what = What::of(&request);
            request.extensions_mut().insert(Context { actor: actor.clone(), request: id, purpose: None });
            let response = next.run(request).await;
            note_refusal(&web, &actor, id, &what, response).await
        }
        Err(e) => {
            let (what, named) = (What::of(&request), token(request.headers()).is_some());
            let response = count_failure(&web, Client::find(request.extensions()), e.into()).into_response();
            // Whoever names no token at all was not turned away as anybody.
            if named { note_refusal(&web, &Actor::Public, id, &what, response).await } else { response }
        }
    }
}

/// What was asked for, as the trail tells it: method and route.
pub(super) struct What(String);

impl What {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn of(request: &Request) -> Self {
        let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str);
        Self(format!("{} {route}", request.method()))
    }
}

/// Writes into the trail that somebody was turned away, if so. What is hidden and what does not exist take the same time.
pub(super) async fn note_refusal(web: &Web, actor: &Actor, id: RequestId, what: &What, response: Response) -> Response {
    if matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
        audit::refused(&web.app, actor, id, &what.0, response.status().as_u16()).await;
    }
    response
}

/// Counts a failed authentication for its address; beyond the limit, that is the answer.
pub(super) fn count_failure(web: &Web, client: Option<Client>, error: HttpError) -> HttpError {
    match client {
        Some(Client(address)) if error.status == StatusCode::UNAUTHORIZED => {
            web.outer.rates.failure(address).err().map_or(error, HttpError::too_many)
        }
        _ => error,
    }
}

/// The token of an `Authorization: Bearer` header, when there is exactly one such header.
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (first, more) = (all.next()?, all.next());
    let (scheme, token) = first.to_str().ok()?.split_once(' ')?;
    let good = more.is_none()
        && scheme.eq_ignore_ascii_case("bearer")
        && (1..=512).contains(&token.len())
        && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b));
    good.then_some(token)
}

/// Who asks, under which request id: put there by [`public`] or [`bearer`].
pub(super) struct Caller(pub(super) Context);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, HttpError> {
        parts.extensions.get::<Context>().cloned().map(Self).ok_or_else(HttpError::internal)
    }
}

#[cfg(test)]
mod tests;
