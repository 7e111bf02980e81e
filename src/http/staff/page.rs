//! The console's pages.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use qrcode::QrCode;
use qrcode::render::svg;

use super::Here;
use super::inbox::Inbox;
use super::view;
use crate::base::sensitive::SensitiveString;
use crate::domain::form::{Form, FormId};
use crate::domain::submission::{FieldValue, Status};
use crate::http::error::HttpError;
use crate::http::pages;
use crate::http::portal::page::When;
use crate::http::speech::Speech;
use crate::policy::{Actor, Role};
use crate::services::sign_in::{Own, Setup};

/// Login and password.
pub(super) fn sign_in(problem: Option<&str>, login: &str) -> Response {
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &SignIn { problem, login, again: false })
}

/// After a change of password.
pub(super) fn sign_in_again() -> Response {
    html(StatusCode::OK, &SignIn { problem: None, login: "", again: true })
}

/// Too much was tried.
pub(super) fn wait(wait: Duration, login: &str) -> Response {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let problem = match seconds {
        ..120 => format!("This was tried too often. Please wait {seconds} seconds, then try again."),
        _ => format!("This was tried too often. Please wait {} minutes, then try again.", seconds.div_ceil(60)),
    };
    let mut response = html(StatusCode::TOO_MANY_REQUESTS, &SignIn { problem: Some(&problem), login, again: false });
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}

/// The code.
pub(super) fn code(problem: Option<&str>) -> Response {
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &Code { problem })
}

/// Too many codes were tried.
pub(super) fn code_wait(wait: Duration) -> Response {
    let minutes = wait.as_secs().div_ceil(60);
    let problem = format!("Too many codes were wrong. Please wait {minutes} minutes, or use a recovery code.");
    let mut response = html(StatusCode::TOO_MANY_REQUESTS, &Code { problem: Some(&problem) });
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    response
}

/// An invitation: the password.
pub(super) fn choose_password(token: &str, login: &str, problem: Option<&str>) -> Response {
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &Welcome { token, login, problem })
}

/// An invitation: the authenticator program.
pub(super) fn set_up(token: &str, setup: &Setup, problem: Option<&str>) -> Result<Response, HttpError> {
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let code = QrCode::new(setup.uri.expose()).map_err(|_| HttpError::internal())?;
    // Dark on light whatever the page's colours are: that is what cameras look for.
    let picture = code.render::<svg::Color<'_>>().min_dimensions(220, 220).build();
    let picture = picture.find("<svg").and_then(|at| picture.get(at..)).unwrap_or_default();
    Ok(html(status, &SetUp { token, login: &setup.login, secret: setup.secret.expose(), picture, problem }))
}

/// Recovery codes, shown once.
pub(super) fn recovery_codes(codes: &[SensitiveString], here: Option<&Here>) -> Response {
    let codes = codes.iter().map(SensitiveString::expose).collect();
    html(StatusCode::OK, &Recovery { codes, frame: here.map(Frame::of) })
}

/// Signed out.
pub(super) fn signed_out() -> Response {
    html(StatusCode::OK, &SignedOut)
}

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

/// One's own account.
pub(super) fn account(here: &Here, own: &Own, problem: Option<(&str, &str)>) -> Response {
    let speech = Speech::default();
    let sessions = own.sessions.iter().map(|session| SessionView {
        id: session.id.to_string(),
        here: session.id == here.who.session.id,
        began: When::of(&speech, session.began),
        seen: When::of(&speech, session.seen),
    });
    let of = |field: &str| problem.filter(|(name, _)| *name == field).map(|(_, text)| text);
    let page = Account {
        frame: Frame::of(here),
        sessions: sessions.collect(),
        recovery_left: own.recovery_left,
        mistake: problem,
        email: own.email.as_ref().map_or("", SensitiveString::expose),
        email_problem: of("email"),
        password_problem: of("password"),
        new_problem: of("new-password"),
        recovery_problem: of("recovery-password"),
    };
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    html(status, &page)
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
    files: u32,
    messages: u32,
    unanswered: u32,
}

struct SessionView {
    id: String,
    here: bool,
    began: When,
    seen: When,
}

#[derive(Template)]
#[template(path = "staff/sign-in.html")]
struct SignIn<'a> {
    problem: Option<&'a str>,
    login: &'a str,
    again: bool,
}

#[derive(Template)]
#[template(path = "staff/code.html")]
struct Code<'a> {
    problem: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "staff/welcome.html")]
struct Welcome<'a> {
    token: &'a str,
    login: &'a str,
    problem: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "staff/set-up.html")]
struct SetUp<'a> {
    token: &'a str,
    login: &'a str,
    secret: &'a str,
    /// Made here out of black and white squares.
    picture: &'a str,
    problem: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "staff/recovery.html")]
struct Recovery<'a> {
    codes: Vec<&'a str>,
    frame: Option<Frame>,
}

#[derive(Template)]
#[template(path = "staff/signed-out.html")]
struct SignedOut;

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

#[derive(Template)]
#[template(path = "staff/account.html")]
struct Account<'a> {
    frame: Frame,
    sessions: Vec<SessionView>,
    recovery_left: usize,
    /// Which field is wrong, and how.
    mistake: Option<(&'a str, &'a str)>,
    email: &'a str,
    email_problem: Option<&'a str>,
    password_problem: Option<&'a str>,
    new_problem: Option<&'a str>,
    recovery_problem: Option<&'a str>,
}
