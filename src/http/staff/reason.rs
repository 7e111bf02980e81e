//! `/staff/reason`: asks whoever reads unusually much why, and leads back.

use std::sync::Arc;

use askama::Template;
use axum::extract::Request;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::alerts::unusual;
use super::confirm::is_page;
use super::page::{Frame, html};
use super::{Here, Posted, SMALL, Visit, first, see_other, whole};
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::extract::query::Query;
use crate::services::alerts;
use crate::services::{Context, ServiceError};

/// Where somebody goes on who came from nowhere.
const HOME: &str = "/staff";

/// A page of the console to lead back to.
pub(super) fn back(to: Option<&str>) -> &str {
    to.filter(|to| is_page(to)).unwrap_or(HOME)
}

/// `GET /staff/reason`
pub(in crate::http) async fn show(Visit { web, ctx, here, .. }: Visit, uri: Uri) -> Result<Response, HttpError> {
    let query = Query::strict(&uri, &["to"])?;
    Ok(shown(&web, &ctx, &here, back(query.text("to")), None))
}

/// `POST /staff/reason`
pub(in crate::http) async fn give(
    Visit { web, ctx, here, .. }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let posted = Posted::read(&here, request, SMALL).await?;
    let (app, asked, reason) = (Arc::clone(&web.app), ctx.clone(), posted.secret("reason"));
    let to = back(Some(posted.text("to")));
    match whole(async move { alerts::explain(&app, &asked, reason.expose()).await }).await {
        // Nobody is asked any more.
        Ok(()) | Err(ServiceError::NotFound) => Ok(see_other(to)),
        Err(ServiceError::Invalid(problems)) => {
            let problem = first(&problems).ok_or_else(HttpError::internal)?;
            let typed = posted.secret("reason");
            let mut response = shown(&web, &ctx, &here, to, Some((&problem, typed.expose())));
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(response)
        }
        Err(other) => Err(other.into()),
    }
}

fn shown(web: &Web, ctx: &Context, here: &Here, back: &str, refused: Option<(&str, &str)>) -> Response {
    let what = alerts::asked(&web.app, ctx).map(|alert| unusual(&alert.unusual));
    let (problem, typed) = refused.unzip();
    html(StatusCode::OK, &ReasonPage { frame: Frame::of(here), what, back, problem, typed: typed.unwrap_or_default() })
}

#[derive(Template)]
#[template(path = "staff/reason.html")]
struct ReasonPage<'a> {
    frame: Frame,
    what: Option<String>,
    back: &'a str,
    problem: Option<&'a str>,
    typed: &'a str,
}
