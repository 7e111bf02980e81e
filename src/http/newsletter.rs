//! The pages behind the links in mails: one confirms a subscription, one ends it. Whoever has the link is taken for the
//! person, for this one thing. No cookie, no signing in; a look changes nothing, since programs look at what is in mails.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::Web;
use super::api::complete;
use super::client::Client;
use super::error::HttpError;
use super::extract::params::Params;
use super::layers::Caller;
use super::pages::html;
use super::speech::Speech;
use crate::crypto::mail_link;
use crate::domain::form::FormId;
use crate::services::{ServiceError, newsletter};

/// `GET /f/{form}/confirm/{token}`. Only asks.
pub(super) async fn ask_confirm(
    State(web): State<Arc<Web>>,
    speech: Speech,
    params: Params,
    request: Request,
) -> Result<Response, HttpError> {
    let (form, token) = link_of(&params)?;
    match newsletter::find_unconfirmed(&web.app, &form, &token).await {
        Ok(_) => Ok(html(
            &speech,
            StatusCode::OK,
            &Confirm { speech: &speech, title: &title(&web, &speech, &form), path: request.uri().path() },
        )),
        Err(ServiceError::NotFound) => over(&web, &speech, &form, &request),
        Err(other) => Err(other.into()),
    }
}

/// `POST /f/{form}/confirm/{token}`
pub(super) async fn confirm(
    State(web): State<Arc<Web>>,
    speech: Speech,
    Caller(ctx): Caller,
    params: Params,
    request: Request,
) -> Result<Response, HttpError> {
    let (form, token) = link_of(&params)?;
    let (app, id) = (web.app.clone(), form.clone());
    let confirmed = complete(async move {
        let asked = newsletter::find_unconfirmed(&app, &id, &token).await?;
        newsletter::confirm(&app, ctx.request, asked).await
    });
    match confirmed.await {
        Ok(()) => {
            Ok(html(&speech, StatusCode::OK, &Confirmed { speech: &speech, title: &title(&web, &speech, &form) }))
        }
        Err(error) if error.status == StatusCode::NOT_FOUND => over(&web, &speech, &form, &request),
        Err(error) => Err(error),
    }
}

/// `GET /f/{form}/unsubscribe/{token}`. One button.
pub(super) async fn ask_unsubscribe(
    State(web): State<Arc<Web>>,
    speech: Speech,
    params: Params,
    request: Request,
) -> Result<Response, HttpError> {
    let (form, token) = counted(&web, &request, link_of(&params))?;
    match newsletter::find_subscriber(&web.app, &form, &token).await {
        Ok(_) => web.outer.rates.link(&token)?,
        Err(ServiceError::NotFound) => count(&web, &request)?,
        Err(other) => return Err(other.into()),
    }
    // The same page whether or not there is somebody behind it.
    Ok(html(
        &speech,
        StatusCode::OK,
        &Unsubscribe { speech: &speech, title: &title(&web, &speech, &form), path: request.uri().path() },
    ))
}

/// `POST /f/{form}/unsubscribe/{token}`: at once, from wherever it is sent (RFC 8058). The body is not looked at: whoever has
/// the link may do this and nothing else.
///
/// It says the same whether they were subscribed, have unsubscribed before, or were erased: from now on nothing comes.
pub(super) async fn unsubscribe(
    State(web): State<Arc<Web>>,
    speech: Speech,
    Caller(ctx): Caller,
    params: Params,
    request: Request,
) -> Result<Response, HttpError> {
    let (form, token) = counted(&web, &request, link_of(&params))?;
    match newsletter::find_subscriber(&web.app, &form, &token).await {
        Ok(subscriber) => {
            web.outer.rates.link(&token)?;
            let (app, id) = (web.app.clone(), form.clone());
            complete(async move { newsletter::unsubscribe(&app, ctx.request, &id, subscriber).await }).await?;
        }
        Err(ServiceError::NotFound) => count(&web, &request)?,
        Err(other) => return Err(other.into()),
    }
    Ok(html(&speech, StatusCode::OK, &Unsubscribed { speech: &speech, title: &title(&web, &speech, &form) }))
}

/// The form and the token in the path. A token that was cut short on its way is told from one that leads nowhere.
fn link_of(params: &Params) -> Result<(FormId, String), HttpError> {
    let (form, token): (FormId, String) = (params.parse("form")?, params.parse("token")?);
    let fits = token.len() == mail_link::LEN && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if fits { Ok((form, token)) } else { Err(HttpError::not_found()) }
}

/// Counts a link that leads to nobody, as any request: the outer layer leaves these routes out, so that whoever shares an
/// address with a flood of such links can unsubscribe all the same. One that leads to somebody is counted for itself.
fn count(web: &Web, request: &Request) -> Result<(), HttpError> {
    match Client::find(request.extensions()) {
        Some(Client(address)) => Ok(web.outer.rates.request(address)?),
        None => Ok(()),
    }
}

/// What is no link of ours counts as one that leads to nobody.
fn counted<T>(web: &Web, request: &Request, link: Result<T, HttpError>) -> Result<T, HttpError> {
    if link.is_err() {
        count(web, request)?;
    }
    link
}

/// A confirmation link that is good for nothing (any more), counted like a code that opens nothing.
fn over(web: &Web, speech: &Speech, form: &FormId, request: &Request) -> Result<Response, HttpError> {
    if let Some(Err(wait)) = Client::find(request.extensions()).map(|Client(address)| web.outer.rates.failure(address))
    {
        return Err(HttpError::too_many(wait));
    }
    let again = web.app.forms().get(form).is_some();
    Ok(html(speech, StatusCode::NOT_FOUND, &Over { speech, form, again }))
}

/// What the newsletter calls itself, in the language of the page where there are words in it.
fn title(web: &Web, speech: &Speech, form: &FormId) -> String {
    web.app.forms().get_in(form, speech.lang()).map_or_else(|| form.to_string(), |form| form.title.clone())
}

#[derive(Template)]
#[template(path = "newsletter/confirm.html")]
struct Confirm<'a> {
    speech: &'a Speech,
    title: &'a str,
    /// Where the page itself is.
    path: &'a str,
}

#[derive(Template)]
#[template(path = "newsletter/confirmed.html")]
struct Confirmed<'a> {
    speech: &'a Speech,
    title: &'a str,
}

#[derive(Template)]
#[template(path = "newsletter/over.html")]
struct Over<'a> {
    speech: &'a Speech,
    form: &'a FormId,
    again: bool,
}

#[derive(Template)]
#[template(path = "newsletter/unsubscribe.html")]
struct Unsubscribe<'a> {
    speech: &'a Speech,
    title: &'a str,
    /// Where the page itself is.
    path: &'a str,
}

#[derive(Template)]
#[template(path = "newsletter/unsubscribed.html")]
struct Unsubscribed<'a> {
    speech: &'a Speech,
    title: &'a str,
}
