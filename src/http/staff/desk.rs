//! `/staff/desk`: the views that one keeps, absence, and handing over.

use std::sync::Arc;

use askama::Template;
use axum::extract::Request;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::inbox::Shown;
use super::inbox_page::address;
use super::page::{Frame, html};
use super::{Here, Posted, SMALL, Visit, first, see_other, whole};
use crate::domain::form::FormId;
use crate::domain::work::Label;
use crate::http::Web;
use crate::http::api::submissions::{parse_label, parse_status};
use crate::http::error::HttpError;
use crate::http::extract::query::Query;
use crate::services::desk;
use crate::services::{Context, ServiceError};

/// `GET /staff/desk`
pub(in crate::http) async fn show(Visit { web, ctx, here, .. }: Visit, uri: Uri) -> Result<Response, HttpError> {
    Query::strict(&uri, &[])?;
    shown(&web, &ctx, &here, StatusCode::OK, None, None)
}

/// `POST /staff/desk/views`: keeps a view of the inbox, or drops one.
pub(in crate::http) async fn views(
    Visit { web, ctx, here, .. }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let posted = Posted::read(&here, request, SMALL).await?;
    let name = Label::parse(posted.text("name"));
    let (app, asked) = (Arc::clone(&web.app), ctx.clone());
    let done = match (posted.text("do"), name) {
        ("drop", Ok(name)) => whole(async move { desk::drop_view(&app, &asked, &name).await }).await,
        ("keep", Ok(name)) => {
            // Put together here, out of what was understood.
            let form: FormId = posted.text("form").parse().map_err(|_| HttpError::not_found())?;
            let some = |name: &str| Some(posted.text(name).to_owned()).filter(|text| !text.is_empty());
            let view = Shown {
                status: some("status").as_deref().map(parse_status).transpose()?,
                assignee: some("assignee"),
                label: some("label").as_deref().map(parse_label).transpose()?,
                seen: some("seen").map(|seen| seen == "true"),
                purpose: some("purpose"),
            };
            let address = address(form.as_str(), &view);
            let to = address.clone();
            match whole(async move { desk::keep_view(&app, &asked, name, address).await }).await {
                Ok(()) => return Ok(see_other(&to)),
                Err(error) => Err(error),
            }
        }
        (_, Err(problem)) => Err(ServiceError::Invalid(vec![problem])),
        _ => return Err(HttpError::malformed("There is no such thing to do.")),
    };
    answer(&web, &ctx, &here, done.map(|()| None))
}

/// `POST /staff/desk/absence`
pub(in crate::http) async fn absence(
    Visit { web, ctx, here, .. }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let posted = Posted::read(&here, request, SMALL).await?;
    let (app, asked, stand_in) = (Arc::clone(&web.app), ctx.clone(), posted.text("stand-in").to_owned());
    let done = whole(async move { desk::set_absence(&app, &asked, &stand_in).await }).await;
    answer(&web, &ctx, &here, done.map(|()| None))
}

/// `POST /staff/desk/hand-over`
pub(in crate::http) async fn hand_over(
    Visit { web, ctx, here, .. }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let posted = Posted::read(&here, request, SMALL).await?;
    let (app, asked, to) = (Arc::clone(&web.app), ctx.clone(), posted.text("to").to_owned());
    let done = whole(async move { desk::hand_over(&app, &asked, &to).await }).await;
    answer(&web, &ctx, &here, done.map(Some))
}

fn answer(
    web: &Web,
    ctx: &Context,
    here: &Here,
    done: Result<Option<(usize, usize)>, ServiceError>,
) -> Result<Response, HttpError> {
    match done {
        Ok(None) => Ok(see_other("/staff/desk")),
        Ok(given) => shown(web, ctx, here, StatusCode::OK, None, given),
        Err(ServiceError::Invalid(problems)) => {
            let problem = first(&problems).unwrap_or_default();
            shown(web, ctx, here, StatusCode::UNPROCESSABLE_ENTITY, Some(&problem), None)
        }
        Err(other) => Err(other.into()),
    }
}

fn shown(
    web: &Web,
    ctx: &Context,
    here: &Here,
    status: StatusCode,
    problem: Option<&str>,
    given: Option<(usize, usize)>,
) -> Result<Response, HttpError> {
    let own = desk::own(&web.app, ctx)?;
    let given = match given {
        None => String::new(),
        Some((given, 0)) => format!("{given} handed over."),
        Some((given, kept)) => format!(
            "{given} handed over. {kept} stayed with you: your colleague does not read the form, or you may not assign them."
        ),
    };
    let page = DeskPage {
        frame: Frame::of(here),
        problem,
        given,
        views: own.views.iter().map(|view| (view.name.expose(), view.address.as_str())).collect(),
        stand_in: own.absence.map(|absence| desk::login_of(&web.app, absence.stand_in)).unwrap_or_default(),
        colleagues: desk::colleagues(&web.app, ctx)?,
    };
    Ok(html(status, &page))
}

#[derive(Template)]
#[template(path = "staff/desk.html")]
struct DeskPage<'a> {
    frame: Frame,
    problem: Option<&'a str>,
    /// How many submissions were handed over; empty when none were asked for.
    given: String,
    /// Names and addresses.
    views: Vec<(&'a str, &'a str)>,
    /// Who stands in; empty while one is there.
    stand_in: String,
    colleagues: Vec<String>,
}
