//! The pages: rendered here, escaped by the templates, with no script and no style of their own.

mod field;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::error::HttpError;
use super::headers;
use super::public::resource;
use super::speech::Speech;
use crate::base::clock::Timestamp;
use crate::base::sensitive::SensitiveString;
use crate::domain::form::{Form, FormKind, Origin, ReturnAddress};
use crate::domain::language::{Lang, Said};
use crate::domain::notice::NoticeText;
use crate::domain::resource::UnlockBy;
use crate::services::Problem;
use crate::services::board::SEEMS_PRIVATE;
use crate::services::resources::Offer;
use field::{FieldView, Look, problem_of};

/// What is said of a mistake that there are no words for in the page's language.
pub(super) const OTHER: Said = Said::new("problem.generic");

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
pub(super) fn form(
    speech: &Speech,
    form: &Form,
    typed: &Typed,
    error: Option<&HttpError>,
    hidden: &Hidden<'_>,
) -> Response {
    let problems = error.map_or(&[][..], |e| &e.problems);
    let mut fields: Vec<FieldView<'_>> =
        form.fields.iter().map(|f| FieldView::of(speech, f, form, typed, problems)).collect();
    fields.extend(form.files.iter().map(|f| FieldView::of_file(speech, f, problems)));
    let consents: Vec<ConsentView<'_>> = form
        .consents
        .iter()
        .map(|c| ConsentView {
            id: format!("consent-{}", c.name),
            name: &c.name,
            wording: &c.wording,
            lang: &c.lang,
            ticked: typed.ticked.contains(&c.name),
            needed: matches!(&form.kind, FormKind::Newsletter { consent } if *consent == c.name),
            problem: problem_of(&c.name, problems).map(|said| speech.sentence(said)),
        })
        .collect();
    let page = FormPage {
        speech,
        own: speech.mark(&form.lang),
        form,
        intro: paragraphs(&form.intro),
        notice: &form.notice.text,
        kept: speech.count("form.days", form.retention_days.into()),
        heading: error.map_or_else(String::new, |e| match e.problems.as_slice() {
            [] => speech.tell(&e.title()),
            _ => speech.say("form.heading"),
        }),
        summary: error.map_or_else(Vec::new, |e| summary(speech, e, &fields, &consents)),
        fields,
        consents,
        hidden,
        frame: hidden.framed.then_some(Frame { form, sent: false }),
        acknowledge: problems.iter().any(|problem| problem.code == SEEMS_PRIVATE),
    };
    let mut response = html(speech, error.map_or(StatusCode::OK, |e| e.status), &page);
    if page.has_script() {
        let policy = HeaderValue::from_static(headers::CSP_SCRIPT);
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// The receipt, and where it goes on from there.
pub(super) fn receipt(
    speech: &Speech,
    form: &Form,
    receipt: &str,
    received: Timestamp,
    next: Option<&ReturnAddress>,
    framed: bool,
    offers: &[Offer],
) -> Response {
    let frame = framed.then_some(Frame { form, sent: true });
    let by_mail = form.unlock_by == UnlockBy::Mail && !form.unlocks.is_empty();
    let until = offers.first().map_or_else(String::new, |offer| speech.time(offer.until));
    let offers =
        offers.iter().map(|offer| (resource::path(offer), offer.title.as_str(), speech.mark(&offer.lang))).collect();
    let received = speech.time(received);
    let (title, confirm) = (&form.title, form.kind.subscribes().is_some());
    let page = ReceiptPage { speech, title, receipt, received, confirm, next, frame, offers, until, by_mail };
    html(speech, StatusCode::OK, &page)
}

/// The list of forms.
pub(super) fn index(speech: &Speech, forms: &[Arc<Form>]) -> Response {
    html(speech, StatusCode::OK, &IndexPage { speech, forms })
}

/// An error as a page.
pub(super) fn error(speech: &Speech, error: &HttpError, request: &str) -> Response {
    let page = ErrorPage {
        speech,
        title: speech.tell(&error.title()),
        detail: detail(speech, error),
        problems: error.problems.iter().map(|p| speech.translated(&p.message, &OTHER)).collect(),
        request,
    };
    html(speech, error.status, &page)
}

/// The same for the people who work here: in the console's language, and back to it.
pub(super) fn console_error(error: &HttpError, request: &str) -> Response {
    let speech = &Speech::default();
    let page = ConsoleErrorPage {
        title: speech.tell(&error.title()),
        detail: detail(speech, error),
        problems: error.problems.iter().map(|p| speech.translated(&p.message, &OTHER)).collect(),
        request,
    };
    html(speech, error.status, &page)
}

#[derive(Template)]
#[template(path = "index.html")]
struct IndexPage<'a> {
    speech: &'a Speech,
    forms: &'a [Arc<Form>],
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    speech: &'a Speech,
    title: String,
    detail: String,
    problems: Vec<String>,
    request: &'a str,
}

#[derive(Template)]
#[template(path = "staff/error.html")]
struct ConsoleErrorPage<'a> {
    title: String,
    detail: String,
    problems: Vec<String>,
    request: &'a str,
}

#[derive(Template)]
#[template(path = "receipt.html")]
struct ReceiptPage<'a> {
    speech: &'a Speech,
    title: &'a str,
    receipt: &'a str,
    received: String,
    /// Nothing counts before the link in a mail was opened.
    confirm: bool,
    next: Option<&'a ReturnAddress>,
    frame: Option<Frame<'a>>,
    /// Path and title of each link, and the mark of the title's language.
    offers: Vec<(String, &'a str, String)>,
    until: String,
    by_mail: bool,
}

#[derive(Template)]
#[template(path = "form.html")]
struct FormPage<'a> {
    speech: &'a Speech,
    /// The mark of words of the form's own, where they are in another language than the page.
    own: String,
    form: &'a Form,
    intro: Vec<&'a str>,
    notice: &'a NoticeText,
    /// How long it is kept.
    kept: String,
    heading: String,
    summary: Vec<Line>,
    fields: Vec<FieldView<'a>>,
    consents: Vec<ConsentView<'a>>,
    hidden: &'a Hidden<'a>,
    frame: Option<Frame<'a>>,
    /// Offers to send it all the same, to be read by everybody.
    acknowledge: bool,
}

impl FormPage<'_> {
    /// Whether our script has something to do here: proof of work, the progress of an upload, the height of a frame.
    fn has_script(&self) -> bool {
        self.form.proof_of_work || !self.form.files.is_empty() || self.hidden.framed
    }

    fn action(&self) -> String {
        self.speech.path(if self.hidden.framed { "/embed/" } else { "/f/" }, &self.form.id, "")
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
    lang: &'a Lang,
    ticked: bool,
    /// Whether the form makes no sense without it.
    needed: bool,
    problem: Option<String>,
}

fn summary(speech: &Speech, error: &HttpError, fields: &[FieldView<'_>], consents: &[ConsentView<'_>]) -> Vec<Line> {
    if error.problems.is_empty() {
        return vec![Line { target: None, message: detail(speech, error) }];
    }
    let line = |p: &Problem| {
        let name = p.field.as_deref().unwrap_or("");
        let (whole, part) = name.split_once('.').unwrap_or((name, ""));
        let field = fields.iter().find(|f| f.name == whole).map(|f| (f.input_of(part), f.label.to_owned()));
        let consent = || consents.iter().find(|c| c.name == name).map(|c| (c.id.clone(), speech.say("form.consent")));
        let (target, label) = field.or_else(consent).map_or((None, String::new()), |(id, label)| (Some(id), label));
        let rest = speech.translated(p.message.parts().1, &OTHER);
        let message = if label.is_empty() {
            rest
        } else if label.ends_with(['?', '!', '.']) {
            // A question has its mark already.
            format!("{label} {rest}")
        } else {
            let rest = if p.message.parts().0.is_some() { speech.tell(p.message.parts().1) } else { rest };
            speech.fill("problem.labelled").with("label", label).with("rest", rest).to_string()
        };
        Line { target, message }
    };
    error.problems.iter().map(line).collect()
}

/// What an error says by itself.
pub(super) fn detail(speech: &Speech, error: &HttpError) -> String {
    error.with_help(speech.translated(&error.detail, &Said::of(format!("error.{}.detail", error.slug))), speech)
}

/// Paragraphs stand apart by an empty line.
pub(super) fn paragraphs(text: &str) -> Vec<&str> {
    text.split("\n\n").map(str::trim).filter(|p| !p.is_empty()).collect()
}

/// Leads on to a page of ours.
pub(super) fn see_other(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(header::LOCATION, path);
    }
    response
}

/// A page in words.
pub(super) fn html(speech: &Speech, status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => {
            let mut response = (status, text).into_response();
            let kind = HeaderValue::from_static("text/html; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            speech.label(response.headers_mut());
            response
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// As [`html`], and our own scripts may run on it.
pub(super) fn html_with_script(speech: &Speech, status: StatusCode, page: &impl Template) -> Response {
    let mut response = html(speech, status, page);
    let policy = HeaderValue::from_static(headers::CSP_SCRIPT);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

#[cfg(test)]
mod tests;
