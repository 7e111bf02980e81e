//! Boards: what everybody reads. Plain HTML without a script, and the same as data. Never kept by a cache: what is taken down is gone
//! from the next look on.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::page::browser;
use crate::base::sensitive::SensitiveString;
use crate::domain::form::{Form, FormId};
use crate::http::error::HttpError;
use crate::http::extract::params::Params;
use crate::http::extract::query::Query;
use crate::http::layers::Caller;
use crate::http::speech::{LANG, Speech};
use crate::http::{Web, pages};
use crate::services::board::{self, Page, Posting};
use crate::services::statistics::{self, Event};

/// `GET /b/{form}`
pub(in crate::http) async fn show(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    speech: Speech,
    params: Params,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, HttpError> {
    let form: FormId = params.parse("form")?;
    let page = board::page(&web.app, &ctx, &form, number(&uri, &["page", LANG])?).await?;
    statistics::count(&web.app, &form, browser(&headers), Event::View);
    let comments = page.postings.iter().map(CommentView::of).collect();
    let place = |number: usize| speech.path("/b/", format_args!("{form}?page={number}"), "");
    let newer = page.number.checked_sub(1).filter(|number| *number > 0).map(place);
    let older = page.more.then(|| place(page.number + 1));
    // In the language of the page, where there are words in it.
    let forms = web.app.forms();
    let form = forms.get_in(&form, speech.lang()).unwrap_or(&page.form);
    let number = page.number;
    Ok(pages::html(&speech, StatusCode::OK, &BoardPage { speech: &speech, form, comments, number, newer, older }))
}

/// `GET /api/v1/boards/{form}`
pub(in crate::http) async fn list(
    State(web): State<Arc<Web>>,
    Caller(ctx): Caller,
    params: Params,
    uri: Uri,
) -> Result<Json<Value>, HttpError> {
    let form: FormId = params.parse("form")?;
    let Page { postings, more, number, .. } = board::page(&web.app, &ctx, &form, number(&uri, &["page"])?).await?;
    let item = |posting: &Posting| {
        let fields: Map<String, Value> =
            posting.fields.iter().map(|(name, text)| (name.clone(), text.expose().into())).collect();
        json!({ "day": day(posting), "fields": fields })
    };
    let items: Vec<Value> = postings.iter().map(item).collect();
    Ok(Json(json!({ "items": items, "next": more.then(|| (number + 1).to_string()) })))
}

fn number(uri: &Uri, known: &[&str]) -> Result<usize, HttpError> {
    let query = Query::strict(uri, known)?;
    Ok(query.parse::<usize>("page", "bad-page", "This has to be the number of a page, from 1.")?.unwrap_or(1))
}

/// The day on which a comment came: when exactly is nobody's business.
fn day(posting: &Posting) -> String {
    posting.received.day().map_or_else(String::new, |day| day.to_string())
}

#[derive(Template)]
#[template(path = "board.html")]
struct BoardPage<'a> {
    speech: &'a Speech,
    form: &'a Form,
    comments: Vec<CommentView<'a>>,
    number: usize,
    newer: Option<String>,
    older: Option<String>,
}

/// A comment: the author's name first, the words last, and in between what stands above them.
struct CommentView<'a> {
    author: &'a str,
    above: Vec<&'a str>,
    paragraphs: Vec<&'a str>,
    day: String,
}

impl<'a> CommentView<'a> {
    fn of(posting: &'a Posting) -> Self {
        let texts: Vec<&str> = posting.fields.iter().map(|(_, text)| SensitiveString::expose(text)).collect();
        let (author, above, words) = match texts.as_slice() {
            [author, above @ .., words] => (*author, above.to_vec(), *words),
            [words] => ("", Vec::new(), *words),
            [] => ("", Vec::new(), ""),
        };
        let paragraphs = words.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()).collect();
        Self { author, above, paragraphs, day: day(posting) }
    }
}
