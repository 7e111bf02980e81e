//! The forms as pages: `GET` and `POST /f/{form}`, the same under `/embed/` for frames, and the list of them. Plain HTML that
//! works without its script; no cookie.
//!
//! A post is taken from any origin: it carries no authority (there are no cookies, and a token is not looked at), so
//! there is nothing that another site could abuse in a visitor's name, and a company's own site may post here.
//!
//! A post from another site is led on to that site's own page, if the form allows it. The receipt is shown here first: in the
//! address of the other page it would stand in histories, logs and referrers. Only where a mail confirms the submission may a
//! form lead on at once.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::filling::Filling;
use super::guard::Guard;
use crate::domain::browser::Browser;
use crate::domain::form::{Form, FormId};
use crate::http::client::Client;
use crate::http::error::HttpError;
use crate::http::extract::media_type;
use crate::http::extract::params::Params;
use crate::http::layers::Caller;
use crate::http::speech::Speech;
use crate::http::{Web, pages};
use crate::services::Context;
use crate::services::resources;
use crate::services::statistics::{self, Event};
use crate::services::submit::{self, Receipt};

/// `GET /`
pub(in crate::http) async fn index(State(web): State<Arc<Web>>, speech: Speech) -> Response {
    let forms: Vec<Arc<Form>> =
        web.app.forms().iter_in(speech.lang()).filter(|form| submit::is_open(&web.app, form)).cloned().collect();
    pages::index(&speech, &forms)
}

/// `GET /f/{form}`. A query is ignored, not refused: links from advertisements carry all kinds of marks.
pub(in crate::http) async fn show(
    State(web): State<Arc<Web>>,
    speech: Speech,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let form = find(&web, &speech, &params)?;
    view(&web, &speech, &form, &headers, false)
}

/// `GET /embed/{form}`: the same for a frame on a site that the form names. Without one there is no such page.
pub(in crate::http) async fn show_framed(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    speech: Speech,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let form = find(&web, &speech, &params)?;
    frame(&ctx, &speech, &form, view(&web, &speech, &form, &headers, true))
}

/// `POST /f/{form}`
pub(in crate::http) async fn post(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    speech: Speech,
    params: Params,
    request: Request,
) -> Result<Response, HttpError> {
    let form = find(&web, &speech, &params)?;
    take(&web, ctx, &speech, &form, request, false).await
}

/// `POST /embed/{form}`
pub(in crate::http) async fn post_framed(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    speech: Speech,
    params: Params,
    request: Request,
) -> Result<Response, HttpError> {
    let form = find(&web, &speech, &params)?;
    let answer = if form.site.origins.is_empty() {
        Err(HttpError::not_found())
    } else {
        take(&web, ctx.clone(), &speech, &form, request, true).await
    };
    frame(&ctx, &speech, &form, answer)
}

/// Makes a page out of an answer for a frame: a refusal as well, or the frame would stay empty.
fn frame(
    ctx: &Context,
    speech: &Speech,
    form: &Form,
    answer: Result<Response, HttpError>,
) -> Result<Response, HttpError> {
    let page = answer.unwrap_or_else(|e| {
        let mut page = pages::error(speech, &e, &ctx.request.to_string());
        e.add_headers(page.headers_mut());
        page
    });
    pages::framed(form, page).ok_or_else(HttpError::not_found)
}

fn view(web: &Web, speech: &Speech, form: &Form, headers: &HeaderMap, framed: bool) -> Result<Response, HttpError> {
    submit::check_open(&web.app, form)?;
    statistics::count(&web.app, &form.id, browser(headers), Event::View);
    render(web, speech, form, &pages::Typed::default(), &Guard::default(), None, framed)
}

async fn take(
    web: &Arc<Web>,
    ctx: Context,
    speech: &Speech,
    form: &Arc<Form>,
    request: Request,
    framed: bool,
) -> Result<Response, HttpError> {
    submit::check_open(&web.app, form)?;
    let client = Client::find(request.extensions());
    let browser = browser(request.headers());
    let mut filling = Filling::by_page(web.clone(), ctx, form.clone(), client);
    if let Err(wait) = web.outer.rates.submission(&form.id, client.map(|Client(address)| address)) {
        // Read all the same, so that what was typed is not lost.
        filling.refuse(wait.into());
    }
    match taken(&mut filling, request).await {
        Ok(receipt) => {
            if receipt.is_new {
                statistics::count(&web.app, &form.id, browser, Event::Submission);
            }
            let now = web.app.clock().now();
            // It is stored: whatever is the matter with its files, the receipt is shown.
            let offers = resources::offers(&web.app, form, receipt.submission).await.unwrap_or_default();
            let guard = filling.guard();
            let next = guard.onward(form);
            // A page of ours may not lead elsewhere at once: its own policy, and what people expect of it, speak against.
            let by_other = guard.page().is_none() && !framed && offers.is_empty();
            match next {
                Some(next) if form.site.return_at_once && receipt.is_confirmed && by_other => {
                    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, next.as_str().to_owned())]).into_response())
                }
                _ => Ok(pages::receipt(speech, form, &receipt.receipt, now, next, framed, &offers)),
            }
        }
        // Whatever a person can mend or try again comes back with what they typed.
        Err(e) if e.status != StatusCode::NOT_FOUND && e.status != StatusCode::INTERNAL_SERVER_ERROR => {
            let (typed, guard) = filling.into_parts();
            let mut response = render(web, speech, form, &typed, &guard, Some(&e), framed)?;
            e.add_headers(response.headers_mut());
            Ok(response)
        }
        Err(e) => Err(e),
    }
}

async fn taken(filling: &mut Filling, request: Request) -> Result<Receipt, HttpError> {
    let (parts, mut body) = request.into_parts();
    match media_type(&parts.headers).as_deref() {
        Some("application/x-www-form-urlencoded") => filling.take_urlencoded(&mut body).await?,
        Some("multipart/form-data") => filling.take_multipart(&parts.headers, body).await?,
        _ => return Err(HttpError::unsupported("A form is sent as multipart/form-data or urlencoded.")),
    }
    filling.finish().await
}

/// The family of the browser, which is all that is kept of its name.
pub(super) fn browser(headers: &HeaderMap) -> Browser {
    headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).map_or(Browser::Other, Browser::of)
}

/// The form that the path names, in the language of the answer where there are words in it.
pub(super) fn find(web: &Web, speech: &Speech, params: &Params) -> Result<Arc<Form>, HttpError> {
    let id: FormId = params.parse("form")?;
    web.app.forms().get_in(&id, speech.lang()).cloned().ok_or_else(HttpError::not_found)
}

fn render(
    web: &Web,
    speech: &Speech,
    form: &Form,
    typed: &pages::Typed,
    guard: &Guard,
    error: Option<&HttpError>,
    framed: bool,
) -> Result<Response, HttpError> {
    let tokens = guard.next(web, form, error.is_some())?;
    let hidden = pages::Hidden {
        once: &tokens.once,
        wait: tokens.wait.as_deref(),
        trap: web.gate.trap(form),
        show_trap: guard.is_trapped(),
        next: guard.asked_next(),
        framed,
    };
    Ok(pages::form(speech, form, typed, error, &hidden))
}
