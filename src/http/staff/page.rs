//! The console's pages but those of `entrance`.

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::Here;
use super::inbox::Inbox;
use super::view;
use crate::domain::form::{Form, FormId};
use crate::domain::submission::{FieldValue, Status};
use crate::http::pages;
use crate::http::portal::page::When;
use crate::http::speech::Speech;
use crate::policy::{Actor, Role};

/// The console's first page.
pub(super) fn home(here: &Here, forms: &[Arc<Form>], surveys: &[Arc<Form>]) -> Response {
    html(StatusCode::OK, &Home { frame: Frame::of(here), forms: named(forms), surveys: named(surveys) })
}

/// Forms by name and heading.
pub(super) fn named(forms: &[Arc<Form>]) -> Vec<(String, &str)> {
    forms.iter().map(|form| (form.id.to_string(), form.title.as_str())).collect()
}

/// The inbox.
pub(super) fn inbox(here: &Here, inbox: &Inbox<'_>) -> Response {
    let (form, speech) = (inbox.form, Speech::default());
    let summary = |item: &crate::services::review::Item| {
        let fields = item.fields.as_ref();
        let ordered = form.into_iter().flat_map(|form| &form.summary);
        let texts = ordered.filter_map(|name| fields.and_then(|fields| fields.get(name)));
        texts.map(in_line).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" · ")
    };
    let lines = inbox.items.iter().map(|item| Line {
        id: item.summary.id.to_string(),
        summary: summary(item),
        status: view::status(item.summary.status),
        is_new: matches!(item.summary.status, Status::New | Status::Received),
        received: When::of(&speech, item.summary.received),
        files: item.summary.files,
        messages: item.summary.messages,
        unanswered: item.summary.unanswered,
    });
    let page = InboxPage {
        frame: Frame::of(here),
        forms: inbox
            .forms
            .iter()
            .map(|form| Choice::of(form.id.to_string(), &form.title, inbox.form.is_some_and(|open| open.id == form.id)))
            .collect(),
        title: form.map_or("Nothing to read", |form| &form.title),
        form: form.map(|form| form.id.to_string()).unwrap_or_default(),
        statuses: form
            .map(|form| form.kind.statuses())
            .unwrap_or_default()
            .iter()
            .map(|status| Choice::of(status.as_str().to_owned(), view::status(*status), inbox.status == Some(*status)))
            .collect(),
        purposes: inbox
            .purposes
            .iter()
            .map(|name| Choice::of(name.clone(), &view::purpose(name), inbox.purpose == Some(name)))
            .collect(),
        purpose: inbox.purpose.unwrap_or_default(),
        status: inbox.status.map_or("", Status::as_str),
        lines: lines.collect(),
        masked: inbox.items.first().map_or_else(Vec::new, |item| labels(form.map(|form| &**form), &item.masked)),
        next: inbox.next,
        first: inbox.first,
    };
    html(StatusCode::OK, &page)
}

/// One line of a value, in a list.
fn in_line(value: &FieldValue) -> String {
    match value {
        FieldValue::Text(text) => text.expose().chars().take(120).collect(),
        FieldValue::Bool(true) => "yes".to_owned(),
        FieldValue::Bool(false) => "no".to_owned(),
        FieldValue::Number(number) => number.to_string(),
        FieldValue::Many(picked) => picked.iter().map(|text| text.expose().to_owned()).collect::<Vec<_>>().join(", "),
        FieldValue::Address(address) => address
            .parts()
            .into_iter()
            .map(|(_, text)| text.expose().to_owned())
            .filter(|t| !t.is_empty())
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// Asks what a page is opened for. `form` is passed on, where the page wants one.
pub(super) fn ask_purpose(here: &Here, path: &str, form: Option<&FormId>, allowed: &[String]) -> Response {
    let purposes = allowed.iter().map(|name| Choice::of(name.clone(), &view::purpose(name), false)).collect();
    html(StatusCode::OK, &AskPurpose { frame: Frame::of(here), path, form: form.map(ToString::to_string), purposes })
}

/// What is not shown, as the form calls it.
pub(super) fn labels<'a>(form: Option<&'a Form>, masked: &'a [String]) -> Vec<&'a str> {
    let label = |name: &'a String| {
        let field = form.and_then(|form| form.field(name)).map(|field| field.label.as_str());
        field.or_else(|| form.and_then(|form| form.file(name)).map(|file| file.label.as_str())).unwrap_or(name)
    };
    masked.iter().map(label).collect()
}

/// A page in the console's language.
pub(super) fn html(status: StatusCode, page: &impl Template) -> Response {
    pages::html(&Speech::default(), status, page)
}

/// What every page of the console has around it.
pub(super) struct Frame {
    pub(super) login: String,
    pub(super) roles: String,
    pub(super) reads: bool,
    pub(super) surveys: bool,
    pub(super) guard: String,
}

impl Frame {
    pub(super) fn of(here: &Here) -> Self {
        let roles: &[Role] = match &here.who.actor {
            Actor::Staff { roles, .. } => roles,
            _ => &[],
        };
        Self {
            login: here.who.login.clone(),
            roles: roles.iter().map(|role| view::role(*role)).collect::<Vec<_>>().join(", "),
            reads: roles.iter().any(|role| role.reads()),
            surveys: here.surveys,
            guard: here.guard(),
        }
    }
}

/// One of several.
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) picked: bool,
}

impl Choice {
    pub(super) fn of(value: String, label: &str, picked: bool) -> Self {
        Self { value, label: label.to_owned(), picked }
    }
}

struct Line {
    id: String,
    summary: String,
    status: &'static str,
    is_new: bool,
    received: When,
    /// `None` where it would tell of files that are not shown.
    files: Option<u32>,
    messages: u32,
    unanswered: u32,
}

#[derive(Template)]
#[template(path = "staff/home.html")]
struct Home<'a> {
    frame: Frame,
    forms: Vec<(String, &'a str)>,
    surveys: Vec<(String, &'a str)>,
}

#[derive(Template)]
#[template(path = "staff/inbox.html")]
struct InboxPage<'a> {
    frame: Frame,
    forms: Vec<Choice>,
    title: &'a str,
    form: String,
    statuses: Vec<Choice>,
    status: &'a str,
    purposes: Vec<Choice>,
    purpose: &'a str,
    lines: Vec<Line>,
    /// The labels of what summaries do not show to this role.
    masked: Vec<&'a str>,
    next: Option<&'a str>,
    first: bool,
}

#[derive(Template)]
#[template(path = "staff/ask-purpose.html")]
struct AskPurpose<'a> {
    frame: Frame,
    path: &'a str,
    form: Option<String>,
    purposes: Vec<Choice>,
}
