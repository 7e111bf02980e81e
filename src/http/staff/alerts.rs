//! `/staff/alerts`: who read unusually much, and why, for privacy officers and auditors.

use std::sync::Arc;

use askama::Template;
use axum::extract::Request;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::page::{Frame, html};
use super::{Posted, SMALL, Visit, see_other, whole};
use crate::base::ids::AlertId;
use crate::http::error::HttpError;
use crate::http::extract::query::Query;
use crate::http::portal::page::When;
use crate::http::speech::Speech;
use crate::services::alerts::{self, Shown, Unusual};

const PATH: &str = "/staff/alerts";

/// `GET /staff/alerts`
pub(in crate::http) async fn show(Visit { web, ctx, here, .. }: Visit, uri: Uri) -> Result<Response, HttpError> {
    Query::strict(&uri, &[])?;
    let found = alerts::list(&web.app, &ctx).await?;
    let (open, over): (Vec<Line>, Vec<Line>) = found.iter().map(Line::of).partition(|line| line.settled.is_none());
    Ok(html(StatusCode::OK, &AlertsPage { frame: Frame::of(&here), open, over }))
}

/// `POST /staff/alerts/{id}/settlement`
pub(in crate::http) async fn settle(
    Visit { web, ctx, here, params }: Visit,
    request: Request,
) -> Result<Response, HttpError> {
    let id: AlertId = params.parse("id")?;
    Posted::read(&here, request, SMALL).await?;
    let app = Arc::clone(&web.app);
    whole(async move { alerts::settle(&app, &ctx, id).await }).await?;
    Ok(see_other(PATH))
}

/// What was unusual, in words.
pub(super) fn unusual(unusual: &Unusual) -> String {
    match unusual {
        Unusual::Fast { opened } => {
            format!("more than {} submissions opened within ten minutes", opened.saturating_sub(1))
        }
        Unusual::Lines { shown } => format!("{shown} lines of lists or hits of searches within ten minutes"),
        Unusual::Much { opened, usual } => format!("{opened} submissions opened in a day, where {usual} are usual"),
    }
}

struct Line {
    id: String,
    login: String,
    at: When,
    what: String,
    reason: Option<String>,
    settled: Option<(String, When)>,
    may_settle: bool,
}

impl Line {
    fn of(shown: &Shown) -> Self {
        let when = |at| When::of(&Speech::default(), at);
        let settled = shown.alert.settled.map(|(_, at)| (shown.settled_by.clone().unwrap_or_default(), when(at)));
        Self {
            id: shown.id.to_string(),
            login: shown.login.clone(),
            at: when(shown.alert.at),
            what: unusual(&shown.alert.unusual),
            reason: shown.alert.reason.as_ref().map(|(reason, _)| reason.expose().to_owned()),
            settled,
            may_settle: shown.may_settle,
        }
    }
}

#[derive(Template)]
#[template(path = "staff/alerts.html")]
struct AlertsPage {
    frame: Frame,
    open: Vec<Line>,
    over: Vec<Line>,
}
