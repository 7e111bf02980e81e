//! `/staff/transfers`: the register of what was read across regions, and under which safeguards that may be.

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::Response;

use super::page::{Frame, html};
use super::{Visit, view};
use crate::http::error::HttpError;
use crate::http::extract::query::Query;
use crate::http::portal::page::When;
use crate::http::speech::Speech;
use crate::policy::Transfer;
use crate::services::transfers::{self, Line};

/// Acts of a page.
const LINES: u32 = 50;
const PATH: &str = "/staff/transfers";

/// `GET /staff/transfers`
pub(in crate::http) async fn show(Visit { web, ctx, here, .. }: Visit, uri: Uri) -> Result<Response, HttpError> {
    let query = Query::strict(&uri, &["after"])?;
    let after = query.text("after");
    let found = transfers::list(&web.app, &ctx, after, Some(LINES)).await?;
    let safeguards = web.app.safeguards().iter().map(|(stored, reader, words)| SafeguardView {
        stored: stored.as_str(),
        reader: reader.as_str(),
        words,
    });
    let page = TransfersPage {
        frame: Frame::of(&here),
        region: web.app.region().as_str(),
        safeguards: safeguards.collect(),
        lines: found.items.into_iter().map(LineView::of).collect(),
        next: found.next.map(|next| format!("{PATH}?after={next}")),
        newest: after.is_some().then_some(PATH),
    };
    Ok(html(StatusCode::OK, &page))
}

struct SafeguardView<'a> {
    stored: &'a str,
    reader: &'a str,
    words: &'a str,
}

struct LineView {
    at: When,
    actor: String,
    role: Option<String>,
    action: String,
    purposes: String,
    transfers: Vec<Transfer>,
}

impl LineView {
    fn of(line: Line) -> Self {
        let purposes: Vec<String> = line.purposes.iter().map(|name| view::purpose(name)).collect();
        Self {
            at: When::of(&Speech::default(), line.time),
            actor: line.actor,
            role: line.role.map(view::role),
            action: view::purpose(&line.action),
            purposes: purposes.join(", "),
            transfers: line.transfers,
        }
    }
}

#[derive(Template)]
#[template(path = "staff/transfers.html")]
struct TransfersPage<'a> {
    frame: Frame,
    region: &'a str,
    safeguards: Vec<SafeguardView<'a>>,
    lines: Vec<LineView>,
    next: Option<String>,
    newest: Option<&'a str>,
}
