//! `/staff/confirm`: who it is, once more, before something grave. Which routes are grave, the table of routes says
//! ([`Who::Fresh`](crate::http::Who::Fresh)); nothing else has to be done about it.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::passkeys::{ANSWER, json};
use super::{Here, Posted, SMALL, Visit, entrance, see_other, whole};
use crate::http::Web;
use crate::http::client::Client;
use crate::http::error::HttpError;
use crate::http::extract::query::Query;
use crate::http::routes::routes;
use crate::http::speech::Speech;
use crate::services::ServiceError;
use crate::services::sign_in as service;

/// Where somebody goes on who came from nowhere.
const HOME: &str = "/staff";

/// For routes that are grave: whoever has not proven lately who they are does that first, and is led back to the page that the form
/// stands on. What they had filled in is not kept.
pub(in crate::http) async fn fresh(State(web): State<Arc<Web>>, request: Request, next: Next) -> Response {
    let Some(here) = request.extensions().get::<Here>() else { return HttpError::internal().into_response() };
    if service::is_fresh(&web.app, &here.who) {
        return next.run(request).await;
    }
    let pattern = request.extensions().get::<MatchedPath>().map_or(HOME, MatchedPath::as_str);
    let back = page_of(pattern, request.uri().path());
    see_other(&format!("/staff/confirm?to={back}"))
}

/// The page that a form stands on, by the route and path that it posts to: the longest page above them.
fn page_of<'a>(pattern: &str, path: &'a str) -> &'a str {
    let above = |page: &str| pattern.strip_prefix(page).is_some_and(|rest| rest.starts_with('/'));
    let pages = routes().iter().filter(|route| route.method == "GET" && route.who.is_signed_in() && above(route.path));
    let depth = pages.map(|route| route.path.matches('/').count()).max().unwrap_or(1);
    let end = path.match_indices('/').nth(depth).map_or(path.len(), |(at, _)| at);
    path.get(..end).filter(|page| is_page(page)).unwrap_or(HOME)
}

/// Whether this can be a page of the console: no other place, and nothing that a browser would take for one.
pub(super) fn is_page(path: &str) -> bool {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"/-".contains(&b);
    let inside = path == HOME || path.strip_prefix(HOME).is_some_and(|rest| rest.starts_with('/'));
    inside && path.len() <= 200 && path.bytes().all(good) && !path.contains("//")
}

/// `GET /staff/confirm`
pub(in crate::http) async fn show(State(web): State<Arc<Web>>, here: Here, uri: Uri) -> Result<Response, HttpError> {
    let query = Query::strict(&uri, &["to"])?;
    shown(&web, &here, back(query.text("to")), None)
}

/// `POST /staff/confirm`
pub(in crate::http) async fn by_code(
    Visit { web, ctx, here, .. }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let client = Client::find(request.extensions()).map(|Client(address)| address);
    let posted = Posted::read(&here, request, SMALL).await?;
    let (app, who) = (Arc::clone(&web.app), here.who.clone());
    let (password, code) = (posted.secret("password"), posted.secret("code"));
    let done = whole(async move { service::confirm(&app, &ctx, &who, &password, &code, client).await }).await;
    answered(&web, &here, &posted, done)
}

/// `POST /staff/confirm/passkey/options`
pub(in crate::http) async fn ask(
    State(web): State<Arc<Web>>,
    here: Here,
    request: Request,
) -> Result<Response, HttpError> {
    Posted::read(&here, request, SMALL).await?;
    Ok(json(service::ask_confirmation(&web.app, &here.who)?))
}

/// `POST /staff/confirm/passkey`
pub(in crate::http) async fn by_passkey(
    Visit { web, ctx, here, .. }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let posted = Posted::read(&here, request, ANSWER).await?;
    let (app, who) = (Arc::clone(&web.app), here.who.clone());
    let answer = posted.text("answer").to_owned();
    let done = whole(async move { service::confirm_by_passkey(&app, &ctx, &who, &answer).await }).await;
    answered(&web, &here, &posted, done)
}

fn answered(web: &Web, here: &Here, posted: &Posted, done: Result<(), ServiceError>) -> Result<Response, HttpError> {
    let back = back(Some(posted.text("to")));
    match done {
        Ok(()) => Ok(see_other(back)),
        Err(ServiceError::Invalid(problems)) => {
            let first = problems.first().ok_or_else(HttpError::internal)?;
            let field = first.field.as_deref().unwrap_or("");
            let words = Speech::default().sentence(&first.message);
            let mut response = shown(web, here, back, Some((field, &words)))?;
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(response)
        }
        Err(other) => Err(other.into()),
    }
}

fn shown(web: &Web, here: &Here, back: &str, problem: Option<(&str, &str)>) -> Result<Response, HttpError> {
    let own = service::own(&web.app, &here.who)?;
    Ok(entrance::confirm(web, here, &own, back, problem))
}

pub(super) fn back(to: Option<&str>) -> &str {
    to.filter(|to| is_page(to)).unwrap_or(HOME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_leads_to_a_page_of_the_console_only() {
        for (pattern, path, page) in [
            ("/staff/account/password", "/staff/account/password", "/staff/account"),
            ("/staff/account/passkeys/{id}/removal", "/staff/account/passkeys/abc/removal", "/staff/account"),
            ("/staff/record/{id}/status", "/staff/record/abc/status", "/staff/record/abc"),
            ("/staff/sign-out", "/staff/sign-out", "/staff"),
            ("/staff/record/{id}/status", "/staff/record/a%2fb/status", "/staff"),
        ] {
            assert_eq!(page_of(pattern, path), page, "{path}");
        }
        for bad in [
            "https://evil.example",
            "//evil.example",
            "/staff//evil.example",
            "/staffroom",
            "/my",
            "/staff/../my",
            "/staff\\evil",
            "/staff?x=1",
            "/staff#x",
            "staff",
            "",
        ] {
            assert_eq!(back(Some(bad)), HOME, "{bad}");
        }
        assert_eq!(back(Some("/staff/account")), "/staff/account");
    }
}
