//! Passkeys, wherever they come in: alone, after the password, by an invitation, and in one's own account. What the browser is asked
//! is fetched by our script when a button is pressed; its answer comes as an ordinary post.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::account::{ended, refused};
use super::{Here, Posted, SMALL, Visit, cookies, entrance, see_other, sign_in, welcome, whole};
use crate::base::ids::Handle;
use crate::http::Web;
use crate::http::client::Client;
use crate::http::error::HttpError;
use crate::http::extract::params::Params;
use crate::http::layers::Caller;
use crate::services::ServiceError;
use crate::services::sign_in as service;

/// Bytes of a post with a browser's answer: the answer, and what its brackets and quotes take more in a post.
pub(super) const ANSWER: u64 = 32 * 1024;

/// `POST /staff/sign-in/passkey/options`
pub(in crate::http) async fn ask(State(web): State<Arc<Web>>, request: Request) -> Result<Response, HttpError> {
    Posted::read_any(request, SMALL).await?;
    let (token, options) = service::ask_passkey(&web.app)?;
    let mut response = json(options);
    cookies::add(response.headers_mut(), cookies::set_session(&token)?);
    Ok(response)
}

/// `POST /staff/sign-in/passkey`
pub(in crate::http) async fn enter(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    request: Request,
) -> Result<Response, HttpError> {
    let client = Client::find(request.extensions()).map(|Client(address)| address);
    let token = cookies::session(request.headers()).map(str::to_owned);
    let posted = Posted::read_any(request, ANSWER).await?;
    let again = "This passkey was not taken. Please try again, or use login and password.";
    let Some(token) = token else { return Ok(entrance::sign_in(&web, Some(again), "")) };
    let (app, answer) = (Arc::clone(&web.app), posted.text("answer").to_owned());
    match whole(async move { service::enter_by_passkey(&app, &ctx, &token, &answer).await }).await {
        Ok(complete) => sign_in::signed_in(&complete),
        Err(ServiceError::Unauthenticated) => {
            // Counts like a password that is wrong.
            if let Some(Err(wait)) = client.map(|address| web.outer.rates.failure(address)) {
                return Ok(entrance::wait(&web, wait.0, ""));
            }
            Ok(entrance::sign_in(&web, Some(again), ""))
        }
        Err(other) => Err(other.into()),
    }
}

/// `POST /staff/sign-in/code/passkey/options`
pub(in crate::http) async fn ask_second(State(web): State<Arc<Web>>, request: Request) -> Result<Response, HttpError> {
    let token = cookies::session(request.headers()).map(str::to_owned);
    Posted::read_any(request, SMALL).await?;
    let waiting = token.as_deref().filter(|token| service::waits(&web.app, token).is_some());
    let Some(token) = waiting else { return Ok(see_other("/staff/sign-in")) };
    Ok(json(service::prove_passkey(&web.app, token)?))
}

/// `POST /staff/sign-in/code/passkey`
pub(in crate::http) async fn second(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    request: Request,
) -> Result<Response, HttpError> {
    let token = cookies::session(request.headers()).map(str::to_owned);
    let posted = Posted::read_any(request, ANSWER).await?;
    let Some(token) = token else { return Ok(see_other("/staff/sign-in")) };
    let (app, answer, of) = (Arc::clone(&web.app), posted.text("answer").to_owned(), token.clone());
    let entered = whole(async move { service::enter_passkey(&app, &ctx, &of, &answer).await }).await;
    sign_in::second_step(&web, &token, entered)
}

/// `POST /staff/welcome/{token}/passkey/options`
pub(in crate::http) async fn ask_first(
    State(web): State<Arc<Web>>,
    params: Params,
    request: Request,
) -> Result<Response, HttpError> {
    let token = welcome::token(&params)?;
    let client = Client::find(request.extensions());
    Posted::read_any(request, SMALL).await?;
    let asked = service::begin_passkey_setup(&web.app, &token);
    Ok(json(asked.map_err(|error| welcome::unknown(&web, client, error))?))
}

/// `POST /staff/welcome/{token}/passkey`
pub(in crate::http) async fn first(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    request: Request,
) -> Result<Response, HttpError> {
    let token = welcome::token(&params)?;
    let client = Client::find(request.extensions());
    let posted = Posted::read_any(request, ANSWER).await?;
    let (app, of) = (Arc::clone(&web.app), token.clone());
    let (name, answer) = (posted.text("name").to_owned(), posted.text("answer").to_owned());
    let done =
        tokio::spawn(async move { service::complete_setup_by_passkey(&app, &ctx, &of, &name, &answer).await }).await;
    welcome::answered(&web, &token, client, done.map_err(|_| HttpError::internal())?)
}

/// `POST /staff/account/passkeys/options`
pub(in crate::http) async fn ask_new(
    State(web): State<Arc<Web>>,
    here: Here,
    request: Request,
) -> Result<Response, HttpError> {
    Posted::read(&here, request, SMALL).await?;
    Ok(json(service::begin_passkey(&web.app, &here.who)?))
}

/// `POST /staff/account/passkeys`
pub(in crate::http) async fn add(Visit { web, ctx, here, .. }: Visit, request: Request) -> Result<Response, HttpError> {
    let posted = Posted::read(&here, request, ANSWER).await?;
    let (app, who) = (Arc::clone(&web.app), here.who.clone());
    let (name, answer) = (posted.text("name").to_owned(), posted.text("answer").to_owned());
    match whole(async move { service::add_passkey(&app, &ctx, &who, &name, &answer).await }).await {
        Ok(()) => Ok(ended(&web, "Your passkey is added. Please sign in again: it can be with the new one.")),
        Err(error) => refused(&web, &here, error),
    }
}

/// `POST /staff/account/passkeys/{id}/removal`
pub(in crate::http) async fn remove(
    Visit { web, ctx, here, params }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let id: Handle = params.parse("id")?;
    Posted::read(&here, request, SMALL).await?;
    let (app, who) = (Arc::clone(&web.app), here.who.clone());
    match whole(async move { service::remove_passkey(&app, &ctx, &who, id).await }).await {
        Ok(()) => Ok(ended(&web, "The passkey is removed. Please sign in again.")),
        Err(error) => refused(&web, &here, error),
    }
}

/// What a browser is asked.
pub(super) fn json(options: String) -> Response {
    let mut response = options.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
