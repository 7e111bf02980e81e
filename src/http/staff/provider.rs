//! `/staff/sign-in/provider` and `/staff/confirm/provider`: to the provider that staff sign in through, and back.
//!
//! Both ways lead over a page of our own. Out, because browsers hold what a form leads to against `form-action`, over every
//! redirect, and the provider may have many addresses; back, because the session's cookie goes along only with what our own pages
//! ask for. Each such page goes on by itself, and has a link for whom it does not.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use super::page::html;
use super::{Here, Posted, SMALL, confirm, cookies, entrance};
use crate::http::Web;
use crate::http::client::Client;
use crate::http::error::HttpError;
use crate::http::layers::Caller;
use crate::services::sign_in::{self as service, Arrived, NotLetIn, Start};

/// `POST /staff/sign-in/provider`
pub(in crate::http) async fn begin(State(web): State<Arc<Web>>, request: Request) -> Result<Response, HttpError> {
    let client = Client::find(request.extensions()).map(|Client(address)| address);
    Posted::read_any(request, SMALL).await?;
    away(&web, service::begin_by_provider(&web.app, client).await)
}

/// `POST /staff/confirm/provider`
pub(in crate::http) async fn confirm(
    State(web): State<Arc<Web>>,
    here: Here,
    request: Request,
) -> Result<Response, HttpError> {
    let posted = Posted::read(&here, request, SMALL).await?;
    let back = confirm::back(Some(posted.text("to")));
    away(&web, service::begin_confirmation_by_provider(&web.app, &here.who, back).await)
}

/// `GET /staff/sign-in/provider/callback`
pub(in crate::http) async fn callback(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    headers: HeaderMap,
    uri: Uri,
    request: Request,
) -> Result<Response, HttpError> {
    let client = Client::find(request.extensions()).map(|Client(address)| address);
    let cookie = cookies::provider(&headers).map(str::to_owned);
    let (app, query) = (Arc::clone(&web.app), uri.query().unwrap_or_default().to_owned());
    let done = tokio::spawn(async move { service::complete_by_provider(&app, &ctx, cookie.as_deref(), &query).await });
    let mut response = match done.await.map_err(|_| HttpError::internal())? {
        Ok(Arrived::In(token)) => {
            let mut response = arrived(&web, "/staff", true);
            cookies::add(response.headers_mut(), cookies::set_session(&token)?);
            response
        }
        Ok(Arrived::Confirmed(back)) => arrived(&web, &back, false),
        Err(refused) => {
            if let Some(Err(wait)) = client.map(|address| web.outer.rates.failure(address)) {
                return Ok(entrance::wait(&web, wait.0, ""));
            }
            not_let_in(&web, refused)?
        }
    };
    cookies::add(response.headers_mut(), cookies::end_provider());
    Ok(response)
}

/// On the way to the provider, with the cookie by which this browser is known when it comes back.
fn away(web: &Web, start: Result<Start, NotLetIn>) -> Result<Response, HttpError> {
    match start {
        Ok(Start { url, cookie }) => {
            let page = Leaving { label: label(web), url: url.expose() };
            let mut response = html(StatusCode::OK, &page);
            cookies::add(response.headers_mut(), cookies::set_provider(&cookie)?);
            Ok(response)
        }
        Err(refused) => not_let_in(web, refused),
    }
}

fn arrived(web: &Web, to: &str, signed_in: bool) -> Response {
    html(StatusCode::OK, &BackAgain { label: label(web), to, signed_in })
}

fn not_let_in(web: &Web, refused: NotLetIn) -> Result<Response, HttpError> {
    let label = label(web);
    let (status, words) = match refused {
        NotLetIn::Lost => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "This browser is not waiting for that answer: it took too long, or it was used before. Please begin again.".to_owned(),
        ),
        NotLetIn::Denied => (StatusCode::FORBIDDEN, format!("The sign-in at {label} was broken off, or was not allowed there.")),
        NotLetIn::NoRole => (
            StatusCode::FORBIDDEN,
            format!("{label} knows you, but none of your groups there has a role here. Please ask whoever runs this service."),
        ),
        NotLetIn::Disabled => (StatusCode::FORBIDDEN, "Your account here is disabled. Please ask whoever runs this service.".to_owned()),
        NotLetIn::SomebodyElse => (
            StatusCode::FORBIDDEN,
            "You signed in there as somebody else than here. Please sign out here first, or use the account that you began with.".to_owned(),
        ),
        NotLetIn::Away => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{label} cannot be reached just now. Please try again in a few minutes."),
        ),
        NotLetIn::NotTaken => (
            StatusCode::FORBIDDEN,
            format!("The answer of {label} was not taken. Please begin again; if it happens again, whoever runs this service finds the reason in its log."),
        ),
        NotLetIn::Failed(error) => return Err(error.into()),
    };
    Ok(html(status, &Refused { words: capital(&words) }))
}

fn label(web: &Web) -> &str {
    web.app.federation().map_or("", |federation| federation.label())
}

/// As a sentence begins.
fn capital(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[derive(Template)]
#[template(path = "staff/leaving.html")]
struct Leaving<'a> {
    label: &'a str,
    url: &'a str,
}

#[derive(Template)]
#[template(path = "staff/arrived.html")]
struct BackAgain<'a> {
    label: &'a str,
    to: &'a str,
    signed_in: bool,
}

#[derive(Template)]
#[template(path = "staff/not-let-in.html")]
struct Refused {
    words: String,
}
