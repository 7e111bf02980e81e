//! The forms as pages: `GET` and `POST /f/{form}`, and the list of them. Plain HTML; no script, no cookie.
//!
//! A post is taken from any origin: it carries no authority (there are no cookies, and a token is not looked at), so
//! there is nothing that another site could abuse in a visitor's name, and a company's own site may post here.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;

use super::filling::Filling;
use super::guard::Guard;
use crate::domain::browser::Browser;
use crate::domain::form::{Form, FormId};
use crate::http::client::Client;
use crate::http::error::HttpError;
use crate::http::extract::media_type;
use crate::http::extract::params::Params;
use crate::http::layers::Caller;
use crate::http::{Web, pages};
use crate::services::statistics::{self, Event};
use crate::services::submit::{self, Receipt};

/// `GET /`
pub(in crate::http) async fn index(State(web): State<Arc<Web>>) -> Response {
    let forms: Vec<Arc<Form>> =
        web.app.forms().iter().filter(|form| submit::is_open(&web.app, form)).cloned().collect();
    pages::index(&forms)
}

/// `GET /f/{form}`. A query is ignored, not refused: links from advertisements carry all kinds of marks.
pub(in crate::http) async fn show(
    State(web): State<Arc<Web>>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let form = find(&web, &params)?;
    submit::check_open(&web.app, &form)?;
    statistics::count(&web.app, &form.id, browser(&headers), Event::View);
    render(&web, &form, &pages::Typed::default(), &Guard::default(), None)
}

/// `POST /f/{form}`
pub(in crate::http) async fn post(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    request: Request,
) -> Result<Response, HttpError> {
    let form = find(&web, &params)?;
    submit::check_open(&web.app, &form)?;
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
            let now = web.app.clock().now().to_string();
            // To the minute, which is what a person wants to read.
            let received = now.get(..16).map_or_else(String::new, |t| format!("{} UTC", t.replace('T', " at ")));
            Ok(pages::receipt(&form, &receipt.receipt, &received))
        }
        // Whatever a person can mend or try again comes back with what they typed.
        Err(e) if e.status != StatusCode::NOT_FOUND && e.status != StatusCode::INTERNAL_SERVER_ERROR => {
            let (typed, guard) = filling.into_parts();
            let mut response = render(&web, &form, &typed, &guard, Some(&e))?;
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

/// The form that the path names.
pub(super) fn find(web: &Web, params: &Params) -> Result<Arc<Form>, HttpError> {
    let id: FormId = params.parse("form")?;
    web.app.forms().get(&id).cloned().ok_or_else(HttpError::not_found)
}

fn render(
    web: &Web,
    form: &Form,
    typed: &pages::Typed,
    guard: &Guard,
    error: Option<&HttpError>,
) -> Result<Response, HttpError> {
    let tokens = guard.next(web, form, error.is_some())?;
    let hidden = pages::Hidden {
        once: &tokens.once,
        wait: tokens.wait.as_deref(),
        trap: web.gate.trap(form),
        show_trap: guard.is_trapped(),
    };
    Ok(pages::form(form, typed, error, &hidden))
}
