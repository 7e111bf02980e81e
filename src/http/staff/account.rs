//! `/staff/account`: one's own password, recovery codes and sessions; and the way out.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::{Here, Posted, SMALL, Visit, cookies, entrance, first, see_other, whole};
use crate::base::ids::Handle;
use crate::http::Web;
use crate::http::client::Client;
use crate::http::error::HttpError;
use crate::http::extract::params::Params;
use crate::http::speech::Speech;
use crate::services::{ServiceError, sign_in as service, staff};

/// `GET /staff/account`
pub(in crate::http) async fn show(State(web): State<Arc<Web>>, here: Here) -> Result<Response, HttpError> {
    shown(&web, &here, None)
}

pub(super) fn shown(web: &Web, here: &Here, problem: Option<(&str, &str)>) -> Result<Response, HttpError> {
    let own = service::own(&web.app, &here.who)?;
    Ok(entrance::account(web, here, &own, problem))
}

/// `POST /staff/account/password`
pub(in crate::http) async fn password(
    Visit { web, ctx, here, .. }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let client = Client::find(request.extensions()).map(|Client(address)| address);
    let posted = Posted::read(&here, request, SMALL).await?;
    if posted.text("new-password") != posted.text("again") {
        return shown(&web, &here, Some(("new-password", "The two are not the same.")));
    }
    let (app, who) = (Arc::clone(&web.app), here.who.clone());
    let (present, new) = (posted.secret("password"), posted.secret("new-password"));
    match whole(async move { service::change_password(&app, &ctx, &who, &present, &new, client).await }).await {
        Ok(()) => Ok(ended(&web, "Your password is changed. Please sign in with the new one.")),
        Err(error) => refused(&web, &here, error),
    }
}

/// `POST /staff/account/recovery`
pub(in crate::http) async fn recovery(
    Visit { web, ctx, here, .. }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let client = Client::find(request.extensions()).map(|Client(address)| address);
    let posted = Posted::read(&here, request, SMALL).await?;
    let (app, who, password) = (Arc::clone(&web.app), here.who.clone(), posted.secret("password"));
    match whole(async move { service::renew_recovery(&app, &ctx, &who, &password, client).await }).await {
        Ok(codes) => Ok(entrance::recovery_codes(&codes, Some(&here))),
        Err(ServiceError::Invalid(_)) => shown(&web, &here, Some(("recovery-password", "This is not your password."))),
        Err(error) => refused(&web, &here, error),
    }
}

/// `POST /staff/account/email`
pub(in crate::http) async fn email(
    Visit { web, ctx, here, .. }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let posted = Posted::read(&here, request, SMALL).await?;
    let (app, who, typed) = (Arc::clone(&web.app), here.who.clone(), posted.secret("email"));
    let set = async move {
        let email = Some(&typed).filter(|typed| !typed.expose().trim().is_empty());
        staff::set_own_email(&app, &ctx, &who, email).await
    };
    match whole(set).await {
        Ok(()) => Ok(see_other("/staff/account#email")),
        // What was typed is not lost.
        Err(ServiceError::Invalid(problems)) => {
            let problem = first(&problems).ok_or_else(HttpError::internal)?;
            let own = service::Own { email: Some(posted.secret("email")), ..service::own(&web.app, &here.who)? };
            Ok(entrance::account(&web, &here, &own, Some(("email", &problem))))
        }
        Err(error) => Err(error.into()),
    }
}

/// `POST /staff/account/codes`
pub(in crate::http) async fn begin_codes(
    State(web): State<Arc<Web>>,
    here: Here,
    request: Request,
) -> Result<Response, HttpError> {
    Posted::read(&here, request, SMALL).await?;
    entrance::codes(&here, &service::begin_codes(&web.app, &here.who)?, None)
}

/// `POST /staff/account/codes/confirmation`
pub(in crate::http) async fn complete_codes(
    Visit { web, ctx, here, .. }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let posted = Posted::read(&here, request, SMALL).await?;
    let (app, who, code) = (Arc::clone(&web.app), here.who.clone(), posted.secret("code"));
    let done = tokio::spawn(async move { service::complete_codes(&app, &ctx, &who, &code).await }).await;
    match done.map_err(|_| HttpError::internal())? {
        Ok(()) => Ok(ended(&web, "Your authenticator program is set up. Please sign in with it.")),
        Err((ServiceError::Invalid(problems), Some(setup))) => {
            entrance::codes(&here, &setup, first(&problems).as_deref())
        }
        Err((ServiceError::NotFound, _)) => Ok(see_other("/staff/account")),
        Err((error, _)) => Err(error.into()),
    }
}

/// `POST /staff/account/codes/removal`
pub(in crate::http) async fn remove_codes(
    Visit { web, ctx, here, .. }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    Posted::read(&here, request, SMALL).await?;
    let (app, who) = (Arc::clone(&web.app), here.who.clone());
    match whole(async move { service::remove_codes(&app, &ctx, &who).await }).await {
        Ok(()) => Ok(ended(&web, "The authenticator program counts no more. Please sign in again.")),
        Err(error) => refused(&web, &here, error),
    }
}

/// The way in, after a change that ended every session.
pub(super) fn ended(web: &Web, words: &str) -> Response {
    let mut response = entrance::sign_in_again(web, words);
    cookies::add(response.headers_mut(), cookies::end_session());
    response
}

pub(super) fn refused(web: &Web, here: &Here, error: ServiceError) -> Result<Response, HttpError> {
    let ServiceError::Invalid(problems) = error else { return Err(error.into()) };
    let first = problems.first().ok_or_else(HttpError::internal)?;
    let mut response =
        shown(web, here, Some((first.field.as_deref().unwrap_or(""), &Speech::default().sentence(&first.message))))?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}

/// `POST /staff/account/sessions/{id}/end`
pub(in crate::http) async fn end_session(
    State(web): State<Arc<Web>>,
    here: Here,
    params: Params,
    request: Request,
) -> Result<Response, HttpError> {
    let id: Handle = params.parse("id")?;
    Posted::read(&here, request, SMALL).await?;
    service::end_session(&web.app, &here.who, id)?;
    Ok(see_other("/staff/account"))
}

/// `POST /staff/sign-out`
pub(in crate::http) async fn sign_out(
    Visit { web, ctx, here, .. }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    Posted::read(&here, request, SMALL).await?;
    let (app, token) = (Arc::clone(&web.app), Arc::clone(&here.token));
    whole(async move { service::leave(&app, &ctx, token.expose()).await }).await?;
    let mut response = entrance::signed_out();
    cookies::add(response.headers_mut(), cookies::end_session());
    let forget = HeaderValue::from_static("\"cache\", \"storage\"");
    response.headers_mut().insert("clear-site-data", forget);
    Ok(response)
}
