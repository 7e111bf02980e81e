//! `/staff/sign-in`: a password, then a code. What passkeys do there is in `passkeys`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::whole;
use super::{Posted, SMALL, cookies, entrance, first, see_other};
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
        Some(token) => match service::waits(&web.app, token) {
            Some(waiting) => entrance::code(waiting, None),
            None => entrance::sign_in(&web, None, ""),
        },
        None => entrance::sign_in(&web, None, ""),
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
        return Ok(entrance::wait(&web, wait.0, &login));
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
            Ok(entrance::sign_in(&web, Some("Login and password do not fit together. Please try once more."), &login))
        }
        Err(ServiceError::Later(wait)) => Ok(entrance::wait(&web, wait, &login)),
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
    let of = token.clone();
    let entered = whole(async move { service::enter_code(&app, &ctx, &of, &code).await }).await;
    second_step(&web, &token, entered)
}

/// The answer to a second step, whatever it was.
pub(super) fn second_step(
    web: &Web,
    token: &str,
    entered: Result<Complete, ServiceError>,
) -> Result<Response, HttpError> {
    let again = || entrance::sign_in(web, Some("That took too long, or too much was wrong. Please begin again."), "");
    let waiting = service::waits(&web.app, token);
    match (entered, waiting) {
        (Ok(complete), _) => signed_in(&complete),
        (Err(ServiceError::Invalid(problems)), Some(waiting)) => {
            Ok(entrance::code(waiting, first(&problems).as_deref()))
        }
        (Err(ServiceError::Later(wait)), Some(waiting)) => Ok(entrance::code_wait(waiting, wait)),
        (Err(ServiceError::Later(wait)), None) => Ok(entrance::wait(web, wait, "")),
        // Too many wrong ones, or too slow: from the beginning.
        (Err(ServiceError::NotFound | ServiceError::Invalid(_)), _) => Ok(again()),
        (Err(other), _) => Err(other.into()),
    }
}

/// To the console, with the cookies of a session.
pub(super) fn signed_in(complete: &Complete) -> Result<Response, HttpError> {
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
