//! The pages: rendered here, escaped by the templates, with no script and no style of their own.

mod field;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::error::HttpError;
use super::headers;
use crate::base::sensitive::SensitiveString;
use crate::domain::form::{Form, FormKind, Origin, ReturnAddress};
use crate::domain::notice::NoticeText;
use crate::services::Problem;
use field::{FieldView, Look, capital, problem_of};

/// What somebody had typed and ticked when their submission was turned down.
#[derive(Debug, Default)]
pub(super) struct Typed {
    /// Texts by field name, several for options of which several were picked; parts of addresses by `field.part`.
    pub(super) text: BTreeMap<String, Vec<SensitiveString>>,
    /// Boxes that were ticked, fields and consents alike.
    pub(super) ticked: BTreeSet<String>,
}

/// What a form's page carries beside the form.
pub(super) struct Hidden<'a> {
    /// The page's own token.
    pub(super) once: &'a str,
    /// The token of a wait, on a page that asks to wait.
    pub(super) wait: Option<&'a str>,
    /// The name of the field that people do not see.
    pub(super) trap: &'a str,
    /// Show it: it was filled in, and whoever did that has to be able to empty it.
    pub(super) show_trap: bool,
    /// Where its sender wants to be led on to.
    pub(super) next: Option<&'a ReturnAddress>,
    /// It stands in a frame of another site.
    pub(super) framed: bool,
}

/// The origins that may frame a page, when it stands in a frame.
#[derive(Clone, Copy)]
struct Frame<'a> {
    form: &'a Form,
    /// It says that the form was sent.
    sent: bool,
}

impl Frame<'_> {
    fn origins(&self) -> String {
        let origins: Vec<&str> = self.form.site.origins.iter().map(Origin::as_str).collect();
        origins.join(" ")
    }
}

/// Lets the sites that the form names frame a page. `None` when it names none.
pub(super) fn framed(form: &Form, mut page: Response) -> Option<Response> {
    let policy = headers::framed_policy(&form.site.origins)?;
    page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    page.extensions_mut().insert(headers::Framed);
    Some(page)
}

/// A form, empty or with what is wrong with it.
pub(super) fn form(form: &Form, typed: &Typed, error: Option<&HttpError>, hidden: &Hidden<'_>) -> Response {
    let problems = error.map_or(&[][..], |e| &e.problems);
    let mut fields: Vec<FieldView<'_>> = form.fields.iter().map(|f| FieldView::of(f, form, typed, problems)).collect();
    fields.extend(form.files.iter().map(|f| FieldView::of_file(f, problems)));
    let consents: Vec<ConsentView<'_>> = form
        .consents
        .iter()
        .map(|c| ConsentView {
            id: format!("consent-{}", c.name),
            name: &c.name,
            wording: &c.wording,
            ticked: typed.ticked.contains(&c.name),
            needed: matches!(&form.kind, FormKind::Newsletter { consent } if *consent == c.name),
            problem: problem_of(&c.name, problems),
        })
        .collect();
    let page = FormPage {
        form,
        intro: paragraphs(&form.intro),
        notice: &form.notice.text,
        heading: error.map_or("", |e| if e.problems.is_empty() { e.title } else { "Please check what you entered" }),
        summary: error.map_or_else(Vec::new, |e| summary(e, &fields, &consents)),
        fields,
        consents,
        hidden,
        frame: hidden.framed.then_some(Frame { form, sent: false }),
    };
    let mut response = html(error.map_or(StatusCode::OK, |e| e.status), &page);
    if page.has_script() {
        let policy = HeaderValue::from_static(headers::CSP_SCRIPT);
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// The receipt, and where it goes on from there.
pub(super) fn receipt(
    form: &Form,
    receipt: &str,
    received: &str,
    next: Option<&ReturnAddress>,
    framed: bool,
) -> Response {
    let frame = framed.then_some(Frame { form, sent: true });
    html(StatusCode::OK, &ReceiptPage { title: &form.title, receipt, received, next, frame })
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
    next: Option<&'a ReturnAddress>,
    frame: Option<Frame<'a>>,
}

#[derive(Template)]
#[template(path = "form.html")]
struct FormPage<'a> {
    form: &'a Form,
    intro: Vec<&'a str>,
    notice: &'a NoticeText,
    heading: &'a str,
    summary: Vec<Line>,
    fields: Vec<FieldView<'a>>,
    consents: Vec<ConsentView<'a>>,
    hidden: &'a Hidden<'a>,
    frame: Option<Frame<'a>>,
}

impl FormPage<'_> {
    /// Whether our script has something to do here: proof of work, the progress of an upload, the height of a frame.
    fn has_script(&self) -> bool {
        self.form.proof_of_work || !self.form.files.is_empty() || self.hidden.framed
    }

    fn action(&self) -> String {
        format!("/{}/{}", if self.hidden.framed { "embed" } else { "f" }, self.form.id)
    }

    /// Whether there are consents on which nothing depends.
    fn has_free_consents(&self) -> bool {
        self.consents.iter().any(|consent| !consent.needed)
    }
}

/// A line of the summary of mistakes, with the input it leads to.
struct Line {
    target: Option<String>,
    message: String,
}

struct ConsentView<'a> {
    id: String,
    name: &'a str,
    wording: &'a str,
    ticked: bool,
    /// Whether the form makes no sense without it.
    needed: bool,
    problem: Option<&'a str>,
}

fn summary(error: &HttpError, fields: &[FieldView<'_>], consents: &[ConsentView<'_>]) -> Vec<Line> {
    if error.problems.is_empty() {
        return vec![Line { target: None, message: error.detail.to_string() }];
    }
    let line = |p: &Problem| {
        let name = p.field.as_deref().unwrap_or("");
        let (whole, part) = name.split_once('.').unwrap_or((name, ""));
        let field = fields.iter().find(|f| f.name == whole).map(|f| (f.input_of(part), f.label));
        let consent = || consents.iter().find(|c| c.name == name).map(|c| (c.id.clone(), "Consent"));
        let (target, label) = field.or_else(consent).map_or((None, ""), |(id, label)| (Some(id), label));
        // Most messages begin with the label already.
        let told = p.message.strip_prefix(label).filter(|_| !label.is_empty());
        let message = match told.map(|rest| rest.strip_prefix(": ").unwrap_or(rest)) {
            None if label.is_empty() => p.message.clone(),
            None => format!("{label}: {}", p.message),
            // A question has its mark already.
            Some(rest) if label.ends_with(['?', '!', '.']) => format!("{label} {}", capital(rest)),
            Some(_) => p.message.clone(),
        };
        Line { target, message }
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

#[cfg(test)]
mod tests;
