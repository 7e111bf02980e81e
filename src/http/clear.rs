//! `/clear`: on a computer that others use as well, has the browser forget what it can. Ends what is open in it, a visit by receipt
//! and a session of the console alike.
//!
//! There is no guard to carry: whoever has just sent a form has no visit. That the post comes from our own pages is what the
//! browser says of it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Web;
use super::api::whole;
use super::error::HttpError;
use super::layers::Caller;
use super::pages::html;
use super::portal::visit;
use super::speech::Speech;
use super::staff::{self, cookies};
use crate::base::ids::RequestId;
use crate::base::sensitive::SensitiveString;
use crate::policy::Actor;
use crate::services::{Context, ServiceError, sign_in};

/// What the browser is asked to drop: pages that it kept, and whatever scripts can keep. Cookies end by name: the header would take
/// those of the whole registered domain, which are not ours.
const EVERYTHING: HeaderValue = HeaderValue::from_static("\"cache\", \"storage\"");

/// `GET /clear`
pub(super) async fn ask(speech: Speech) -> Response {
    html(&speech, StatusCode::OK, &Ask { speech: &speech })
}

/// `POST /clear`
pub(super) async fn clear(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    speech: Speech,
    request: Request,
) -> Result<Response, HttpError> {
    visit::same_origin(request.headers(), request.uri())?;
    // Also where the session has ended by itself: it was the console that was open here.
    let of_staff = cookies::session(request.headers()).is_some();
    let ended = end_all(&web, ctx.request, request.headers()).await;
    drop(request);
    let page = if of_staff { staff::cleared() } else { html(&speech, StatusCode::OK, &Cleared { speech: &speech }) };
    Ok(answer(page, ended))
}

/// `GET /static/behind.css`: an empty style sheet of the pages that come after something was left. The page before is put away for going
/// back only once the next one is there, whatever that one's own headers say, and `no-store` does not keep Chromium from it; what
/// this answer says comes after that.
///
/// Other sites' pages can load it as well, and have nothing dropped by it.
pub(super) async fn behind(headers: HeaderMap) -> Response {
    let kind = HeaderValue::from_static("text/css; charset=utf-8");
    let mut response = Response::default();
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    if headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin") {
        response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\""));
    }
    response
}

/// Ends whatever the browser has open: at once, also where the trail cannot say so.
async fn end_all(web: &Web, request: RequestId, headers: &HeaderMap) -> Result<(), ServiceError> {
    visit::end(web, headers);
    let Some(token) = cookies::session(headers).map(SensitiveString::from) else { return Ok(()) };
    let app = Arc::clone(&web.app);
    let actor = sign_in::find(&app, token.expose()).map_or(Actor::Public, |who| who.actor);
    let ctx = Context { actor, request, purpose: None };
    let device = cookies::device(headers).map(SensitiveString::from);
    whole(async move {
        let device = device.as_ref().map(SensitiveString::expose);
        sign_in::leave_for_good(&app, &ctx, token.expose(), device).await
    })
    .await
}

/// `page`, or what went wrong; and either way the browser forgets.
fn answer(page: Response, ended: Result<(), ServiceError>) -> Response {
    let mut response = match ended {
        Ok(()) => page,
        Err(error) => HttpError::from(error).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert("clear-site-data", EVERYTHING);
    for cookie in std::iter::once(visit::leave_cookie()).chain(cookies::end_all()) {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}

#[derive(Template)]
#[template(path = "clear/ask.html")]
struct Ask<'a> {
    speech: &'a Speech,
}

#[derive(Template)]
#[template(path = "clear/cleared.html")]
struct Cleared<'a> {
    speech: &'a Speech,
}
