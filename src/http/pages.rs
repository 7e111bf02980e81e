//! The pages: rendered here, escaped by the templates, with no script and no style of their own.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::error::{HttpError, size};
use crate::base::sensitive::SensitiveString;
use crate::domain::form::{Choice, Field, FieldKind, FileField, Form};
use crate::services::Problem;

/// What somebody had typed and ticked when their submission was turned down.
#[derive(Debug, Default)]
pub(super) struct Typed {
    /// Texts by field name.
    pub(super) text: BTreeMap<String, SensitiveString>,
    /// Boxes that were ticked, fields and consents alike.
    pub(super) ticked: BTreeSet<String>,
}

/// A form, empty or with what is wrong with it. `once` is the page's own idempotency token.
pub(super) fn form(form: &Form, typed: &Typed, error: Option<&HttpError>, once: &str) -> Response {
    let problems = error.map_or(&[][..], |e| &e.problems);
    let mut fields: Vec<FieldView<'_>> = form.fields.iter().map(|f| FieldView::of(f, typed, problems)).collect();
    fields.extend(form.files.iter().map(|f| FieldView::of_file(f, problems)));
    let consents: Vec<ConsentView<'_>> = form
        .consents
        .iter()
        .map(|c| ConsentView {
            id: format!("consent-{}", c.name),
            name: &c.name,
            wording: &c.wording,
            ticked: typed.ticked.contains(&c.name),
            problem: problem_of(&c.name, problems),
        })
        .collect();
    let page = FormPage {
        form,
        intro: paragraphs(&form.intro),
        notice: paragraphs(&form.notice.text),
        heading: error.map_or("", |e| if e.problems.is_empty() { e.title } else { "Please check what you entered" }),
        summary: error.map_or_else(Vec::new, |e| summary(e, &fields, &consents)),
        fields,
        consents,
        once,
    };
    html(error.map_or(StatusCode::OK, |e| e.status), &page)
}

/// The receipt.
pub(super) fn receipt(form: &Form, receipt: &str, received: &str) -> Response {
    html(StatusCode::OK, &ReceiptPage { title: &form.title, receipt, received })
}

/// The list of forms.
pub(super) fn index(forms: &[Arc<Form>]) -> Response {
    html(StatusCode::OK, &IndexPage { forms })
}

/// An error as a page.
pub(super) fn error(error: &HttpError, request: &str) -> Response {
    let page = ErrorPage { title: error.title, detail: &error.detail, problems: &error.problems, request };
    html(error.status, &page)
}

#[derive(Template)]
#[template(path = "index.html")]
struct IndexPage<'a> {
    forms: &'a [Arc<Form>],
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    title: &'a str,
    detail: &'a str,
    problems: &'a [Problem],
    request: &'a str,
}

#[derive(Template)]
#[template(path = "receipt.html")]
struct ReceiptPage<'a> {
    title: &'a str,
    receipt: &'a str,
    received: &'a str,
}

#[derive(Template)]
#[template(path = "form.html")]
struct FormPage<'a> {
    form: &'a Form,
    intro: Vec<&'a str>,
    notice: Vec<&'a str>,
    heading: &'a str,
    summary: Vec<Line<'a>>,
    fields: Vec<FieldView<'a>>,
    consents: Vec<ConsentView<'a>>,
    once: &'a str,
}

/// A line of the summary of mistakes, with the input it leads to.
struct Line<'a> {
    target: Option<String>,
    label: &'a str,
    message: &'a str,
}

/// One question as the template wants it.
struct FieldView<'a> {
    id: String,
    name: &'a str,
    label: &'a str,
    help: Cow<'a, str>,
    kind: &'static str,
    /// The `type` of an `<input>`.
    input: &'static str,
    required: bool,
    autocomplete: Option<&'a str>,
    most: Option<usize>,
    choices: &'a [Choice],
    accept: String,
    many: bool,
    value: &'a str,
    ticked: bool,
    problem: Option<String>,
    /// The ids of help and problem, for `aria-describedby`.
    described: Option<String>,
}

impl<'a> FieldView<'a> {
    fn of(field: &'a Field, typed: &'a Typed, problems: &'a [Problem]) -> Self {
        let id = format!("field-{}", field.name);
        let problem = problem_of(&field.name, problems).map(|p| beside(&field.label, p));
        Self {
            described: described(&id, &field.help, problem.is_some()),
            id,
            name: &field.name,
            label: &field.label,
            help: Cow::Borrowed(&field.help),
            kind: field.kind.as_str(),
            input: match field.kind {
                FieldKind::Email => "email",
                FieldKind::Phone => "tel",
                _ => "text",
            },
            required: field.required,
            autocomplete: field.autocomplete.as_deref(),
            most: field.kind.max_length(),
            choices: match &field.kind {
                FieldKind::Choice(choices) => choices,
                _ => &[],
            },
            accept: String::new(),
            many: false,
            value: typed.text.get(&field.name).map_or("", |v| v.expose()),
            ticked: typed.ticked.contains(&field.name),
            problem,
        }
    }

    fn of_file(field: &'a FileField, problems: &'a [Problem]) -> Self {
        let id = format!("field-{}", field.name);
        let problem = problem_of(&field.name, problems).map(|p| beside(&field.label, p));
        let help =
            if field.help.is_empty() { Cow::Owned(file_rules(field)) } else { Cow::Borrowed(field.help.as_str()) };
        let accept: Vec<String> = field.kinds.iter().map(|k| format!(".{}", k.extension())).collect();
        Self {
            described: described(&id, &help, problem.is_some()),
            id,
            name: &field.name,
            label: &field.label,
            help,
            kind: "file",
            input: "file",
            required: field.required,
            autocomplete: None,
            most: None,
            choices: &[],
            accept: accept.join(","),
            many: field.max_files > 1,
            value: "",
            ticked: false,
            problem,
        }
    }
}

struct ConsentView<'a> {
    id: String,
    name: &'a str,
    wording: &'a str,
    ticked: bool,
    problem: Option<&'a str>,
}

fn problem_of<'a>(name: &str, problems: &'a [Problem]) -> Option<&'a str> {
    problems.iter().find(|p| p.field.as_deref() == Some(name)).map(|p| p.message.as_str())
}

/// A message as it stands beside its field, whose label need not be said again.
fn beside(label: &str, message: &str) -> String {
    let rest = message.strip_prefix(label).and_then(|m| m.strip_prefix(": ")).unwrap_or(message);
    let mut letters = rest.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn described(id: &str, help: &str, wrong: bool) -> Option<String> {
    match (help.is_empty(), wrong) {
        (true, false) => None,
        (false, false) => Some(format!("{id}-help")),
        (true, true) => Some(format!("{id}-problem")),
        (false, true) => Some(format!("{id}-help {id}-problem")),
    }
}

fn summary<'a>(error: &'a HttpError, fields: &[FieldView<'a>], consents: &[ConsentView<'a>]) -> Vec<Line<'a>> {
    if error.problems.is_empty() {
        return vec![Line { target: None, label: "", message: &error.detail }];
    }
    let line = |p: &'a Problem| {
        let name = p.field.as_deref().unwrap_or("");
        let field = fields.iter().find(|f| f.name == name).map(|f| (f.id.clone(), f.label));
        let consent = || consents.iter().find(|c| c.name == name).map(|c| (c.id.clone(), "Consent"));
        let (target, label) = field.or_else(consent).map_or((None, ""), |(id, label)| (Some(id), label));
        // Most messages begin with the label already.
        let label = if p.message.starts_with(label) { "" } else { label };
        Line { target, label, message: &p.message }
    };
    error.problems.iter().map(line).collect()
}

/// Paragraphs stand apart by an empty line.
fn paragraphs(text: &str) -> Vec<&str> {
    text.split("\n\n").map(str::trim).filter(|p| !p.is_empty()).collect()
}

pub(super) fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => {
            let mut response = (status, text).into_response();
            let kind = HeaderValue::from_static("text/html; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// What is said of a file field's limits where no help text does.
fn file_rules(field: &FileField) -> String {
    let kinds: Vec<&str> = field.kinds.iter().map(|k| k.label()).collect();
    let number = if field.max_files == 1 { "One file".to_owned() } else { format!("Up to {} files", field.max_files) };
    format!("{number} of at most {}: {}.", size(field.max_bytes), kinds.join(", "))
}

#[cfg(test)]
mod tests;
