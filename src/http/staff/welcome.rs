//! `/staff/welcome/{token}`: an invitation is taken up by choosing a password and setting an authenticator program up. What
//! passkeys do there is in `passkeys`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use super::{Posted, SMALL, entrance, first, sign_in, whole};
use crate::base::sensitive::SensitiveString;
use crate::http::Web;
use crate::http::client::Client;
use crate::http::error::HttpError;
use crate::http::extract::params::Params;
use crate::http::layers::Caller;
use crate::http::portal::visit;
use crate::services::sign_in as service;
use crate::services::{App, ServiceError};

/// `GET /staff/welcome/{token}`. Only asks: what merely looks at links must not use them up.
pub(in crate::http) async fn show(
    State(web): State<Arc<Web>>,
    params: Params,
    request: Request,
) -> Result<Response, HttpError> {
    let token = token(&params)?;
    let client = Client::find(request.extensions());
    drop(request);
    match service::look(&web.app, &token) {
        Ok(login) => Ok(entrance::choose_password(&token, &login, None)),
        Err(error) => Err(unknown(&web, client, error)),
    }
}

/// `POST /staff/welcome/{token}`: the password.
pub(in crate::http) async fn password(
    State(web): State<Arc<Web>>,
    params: Params,
    request: Request,
) -> Result<Response, HttpError> {
    let token = token(&params)?;
    let client = Client::find(request.extensions());
    let posted = Posted::read_any(request, SMALL).await?;
    let login = service::look(&web.app, &token).map_err(|error| unknown(&web, client, error))?;
    if posted.text("new-password") != posted.text("again") {
        let problem = "The two are not the same. Please type the password twice.";
        return Ok(entrance::choose_password(&token, &login, Some(problem)));
    }
    let (app, password, of): (Arc<App>, _, _) = (Arc::clone(&web.app), posted.secret("new-password"), token.clone());
    match whole(async move { service::begin_setup(&app, &of, &password).await }).await {
        Ok(setup) => entrance::set_up(&web, &token, &setup, None),
        Err(ServiceError::Invalid(problems)) => {
            Ok(entrance::choose_password(&token, &login, first(&problems).as_deref()))
        }
        Err(error) => Err(unknown(&web, client, error)),
    }
}

/// `POST /staff/welcome/{token}/code`: the first code of the program.
pub(in crate::http) async fn code(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    request: Request,
) -> Result<Response, HttpError> {
    let token = token(&params)?;
    let client = Client::find(request.extensions());
    let posted = Posted::read_any(request, SMALL).await?;
    let (app, code, of) = (Arc::clone(&web.app), posted.secret("code"), token.clone());
    let done = tokio::spawn(async move { service::complete_setup(&app, &ctx, &of, &code).await }).await;
    answered(&web, &token, client, done.map_err(|_| HttpError::internal())?)
}

/// The answer to what completes a set-up, whatever it was.
pub(super) fn answered(
    web: &Web,
    token: &str,
    client: Option<Client>,
    done: Result<(service::Complete, Vec<SensitiveString>), (ServiceError, Option<service::Setup>)>,
) -> Result<Response, HttpError> {
    match done {
        Ok((complete, codes)) => {
            let mut response = entrance::recovery_codes(&codes, None);
            sign_in::add_cookies(&mut response, &complete)?;
            Ok(response)
        }
        Err((ServiceError::Invalid(problems), Some(setup))) => {
            entrance::set_up(web, token, &setup, first(&problems).as_deref())
        }
        Err((error, _)) => Err(unknown(web, client, error)),
    }
}

pub(super) fn token(params: &Params) -> Result<String, HttpError> {
    let token: String = params.parse("token")?;
    if visit::is_token(&token) { Ok(token) } else { Err(HttpError::not_found()) }
}

/// An invitation that is not there counts like a password that is wrong.
pub(super) fn unknown(web: &Web, client: Option<Client>, error: ServiceError) -> HttpError {
    if let (ServiceError::NotFound, Some(Client(address))) = (&error, client)
        && let Err(wait) = web.outer.rates.failure(address)
    {
        return HttpError::too_many(wait);
    }
    let mut error = HttpError::from(error);
    if error.status == axum::http::StatusCode::NOT_FOUND {
        error.detail = "This invitation was used, is too old, or never was. Whoever sent it can make a new one.".into();
    }
    error
}
