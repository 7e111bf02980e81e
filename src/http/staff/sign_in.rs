//! `/staff/sign-in`: a password, then a code.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::whole;
use super::{Posted, SMALL, cookies, first, page, see_other};
use crate::http::Web;
use crate::http::client::Client;
use crate::http::error::HttpError;
use crate::http::layers::Caller;
use crate::services::ServiceError;
use crate::services::sign_in::{self as service, Complete};

/// `GET /staff/sign-in`
pub(in crate::http) async fn show(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    match cookies::session(&headers) {
        Some(token) if service::find(&web.app, token).is_some() => see_other("/staff"),
        Some(token) if service::waits_for_code(&web.app, token) => page::code(None),
        _ => page::sign_in(None, ""),
    }
}

/// `POST /staff/sign-in`
pub(in crate::http) async fn enter(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    request: Request,
) -> Result<Response, HttpError> {
    let client = Client::find(request.extensions()).map(|Client(address)| address);
    let device = cookies::device(request.headers()).map(str::to_owned);
    let posted = Posted::read_any(request, SMALL).await?;
    let (login, password) = (posted.text("login").to_owned(), posted.secret("password"));
    let app = Arc::clone(&web.app);
    // Each try of a browser that is not known makes work, so that it counts before it is looked at.
    if !service::knows(&app, &login, device.as_deref())
        && let Some(Err(wait)) = client.map(|address| web.outer.rates.failure(address))
    {
        return Ok(page::wait(wait.0, &login));
    }
    let typed = login.clone();
    let entered =
        whole(async move { service::enter(&app, &ctx, &typed, &password, client, device.as_deref()).await }).await;
    match entered {
        Ok(token) => {
            let mut response = see_other("/staff/sign-in");
            cookies::add(response.headers_mut(), cookies::set_session(&token)?);
            Ok(response)
        }
        Err(ServiceError::Unauthenticated) => {
            Ok(page::sign_in(Some("Login and password do not fit together. Please try once more."), &login))
        }
        Err(ServiceError::Later(wait)) => Ok(page::wait(wait, &login)),
        Err(other) => Err(other.into()),
    }
}

/// `POST /staff/sign-in/code`
pub(in crate::http) async fn code(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    request: Request,
) -> Result<Response, HttpError> {
    let token = cookies::session(request.headers()).map(str::to_owned);
    let posted = Posted::read_any(request, SMALL).await?;
    let Some(token) = token else { return Ok(see_other("/staff/sign-in")) };
    let (app, code) = (Arc::clone(&web.app), posted.secret("code"));
    match whole(async move { service::enter_code(&app, &ctx, &token, &code).await }).await {
        Ok(complete) => signed_in(&complete),
        Err(ServiceError::Invalid(problems)) => Ok(page::code(first(&problems).as_deref())),
        Err(ServiceError::Later(wait)) => Ok(page::code_wait(wait)),
        // Too many wrong ones, or too slow: from the beginning.
        Err(ServiceError::NotFound) => {
            Ok(page::sign_in(Some("That took too long, or too many codes were wrong. Please begin again."), ""))
        }
        Err(other) => Err(other.into()),
    }
}

/// To the console, with the cookies of a session.
fn signed_in(complete: &Complete) -> Result<Response, HttpError> {
    let to = if complete.recovery_left.is_some() { "/staff/account" } else { "/staff" };
    let mut response = see_other(to);
    add_cookies(&mut response, complete)?;
    Ok(response)
}

/// The cookies of a session.
pub(super) fn add_cookies(response: &mut Response, complete: &Complete) -> Result<(), HttpError> {
    cookies::add(response.headers_mut(), cookies::set_session(&complete.token)?);
    cookies::add(response.headers_mut(), cookies::set_device(&complete.device)?);
    Ok(())
}
