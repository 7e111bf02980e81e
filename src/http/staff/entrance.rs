//! The pages of signing in, and of one's own account.

use std::time::Duration;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use qrcode::QrCode;
use qrcode::render::svg;

use super::page::{Frame, html};
use super::{Here, view};
use crate::base::sensitive::SensitiveString;
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::pages;
use crate::http::portal::page::When;
use crate::http::speech::Speech;
use crate::services::sign_in::{self as service, Own, Setup, Waiting};

/// Login and password.
pub(super) fn sign_in(web: &Web, problem: Option<&str>, login: &str) -> Response {
    let page = SignIn {
        problem,
        login,
        again: None,
        passkeys: has_passkeys(web),
        provider: provider(web),
        passwords: web.app.takes_passwords(),
    };
    html_with_script(status(problem), &page)
}

/// After a change that ended every session: what was changed, in a sentence.
pub(super) fn sign_in_again(web: &Web, again: &str) -> Response {
    let page = SignIn {
        problem: None,
        login: "",
        again: Some(again),
        passkeys: has_passkeys(web),
        provider: provider(web),
        passwords: web.app.takes_passwords(),
    };
    html_with_script(StatusCode::OK, &page)
}

/// Too much was tried.
pub(super) fn wait(web: &Web, wait: Duration, login: &str) -> Response {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let problem = match seconds {
        ..120 => format!("This was tried too often. Please wait {seconds} seconds, then try again."),
        _ => format!("This was tried too often. Please wait {} minutes, then try again.", seconds.div_ceil(60)),
    };
    let page = SignIn {
        problem: Some(&problem),
        login,
        again: None,
        passkeys: has_passkeys(web),
        provider: provider(web),
        passwords: web.app.takes_passwords(),
    };
    let mut response = html_with_script(StatusCode::TOO_MANY_REQUESTS, &page);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}

/// Whether passkeys let anybody in.
fn has_passkeys(web: &Web) -> bool {
    web.app.has_passkeys() && web.app.takes_passwords()
}

/// What the provider is called that staff may sign in through.
fn provider(web: &Web) -> Option<&str> {
    web.app.federation().map(|federation| federation.label())
}

/// The code.
pub(super) fn code(waiting: Waiting, problem: Option<&str>) -> Response {
    html_with_script(status(problem), &Code { waiting, problem })
}

/// Too many codes were tried.
pub(super) fn code_wait(waiting: Waiting, wait: Duration) -> Response {
    let minutes = wait.as_secs().div_ceil(60);
    let problem = format!("Too many codes were wrong. Please wait {minutes} minutes, or use a recovery code.");
    let mut response = html_with_script(StatusCode::TOO_MANY_REQUESTS, &Code { waiting, problem: Some(&problem) });
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    response
}

/// An invitation: the password.
pub(super) fn choose_password(token: &str, login: &str, problem: Option<&str>) -> Response {
    html(status(problem), &Welcome { token, login, problem })
}

/// An invitation: the authenticator program.
pub(super) fn set_up(web: &Web, token: &str, setup: &Setup, problem: Option<&str>) -> Result<Response, HttpError> {
    let picture = &qr(setup)?;
    let (login, secret, passkeys) = (&setup.login, setup.secret.expose(), web.app.has_passkeys());
    Ok(html_with_script(status(problem), &SetUp { token, login, secret, picture, problem, passkeys }))
}

/// A new authenticator program for one's own account.
pub(super) fn codes(here: &Here, setup: &Setup, problem: Option<&str>) -> Result<Response, HttpError> {
    let (frame, secret, picture) = (Frame::of(here), setup.secret.expose(), &qr(setup)?);
    Ok(html(status(problem), &Codes { frame, secret, picture, problem }))
}

/// Who it is, once more; `back` is where it goes on.
pub(super) fn confirm(web: &Web, here: &Here, own: &Own, back: &str, problem: Option<(&str, &str)>) -> Response {
    let page = Confirm {
        frame: Frame::of(here),
        back,
        passkeys: web.app.has_passkeys() && !own.passkeys.is_empty(),
        codes: own.codes,
        at_code: problem.is_some_and(|(field, _)| field == "code"),
        provider: provider(web).filter(|_| own.by_provider),
        problem: problem.map(|(_, words)| words),
    };
    html_with_script(status(problem), &page)
}

/// The picture of a secret.
fn qr(setup: &Setup) -> Result<String, HttpError> {
    let code = QrCode::new(setup.uri.expose()).map_err(|_| HttpError::internal())?;
    // Dark on light whatever the page's colours are: that is what cameras look for.
    let picture = code.render::<svg::Color<'_>>().min_dimensions(220, 220).build();
    Ok(picture.find("<svg").and_then(|at| picture.get(at..)).unwrap_or_default().to_owned())
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

/// Signed out, and forgotten by the browser.
pub(in crate::http) fn cleared() -> Response {
    html(StatusCode::OK, &Cleared)
}

/// One's own account.
pub(super) fn account(web: &Web, here: &Here, own: &Own, problem: Option<(&str, &str)>) -> Response {
    let speech = Speech::default();
    let sessions = own.sessions.iter().map(|session| SessionView {
        id: session.id.to_string(),
        here: session.id == here.who.session.id,
        began: When::of(&speech, session.began),
        seen: When::of(&speech, session.seen),
        by: view::factor(session.by),
    });
    let passkeys = own.passkeys.iter().map(|key| PasskeyView {
        id: key.id.to_string(),
        name: &key.name,
        made: When::of(&speech, key.made),
        used: key.used.map(|used| When::of(&speech, used)),
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
        fresh: service::is_fresh(&web.app, &here.who),
        codes: own.codes,
        codes_problem: of("codes"),
        passkeys: passkeys.collect(),
        can_have_passkeys: web.app.has_passkeys() && !own.by_provider,
        by_provider: own.by_provider.then(|| provider(web).unwrap_or("the provider")),
        passkey_problem: of("passkey"),
    };
    html_with_script(status(problem), &page)
}

/// The status of a page that may tell of a mistake.
fn status<T>(problem: Option<T>) -> StatusCode {
    if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }
}

/// As [`html`], with the script for passkeys.
fn html_with_script(status: StatusCode, page: &impl Template) -> Response {
    pages::html_with_script(&Speech::default(), status, page)
}

struct SessionView {
    id: String,
    here: bool,
    began: When,
    seen: When,
    by: &'static str,
}

struct PasskeyView<'a> {
    id: String,
    name: &'a str,
    made: When,
    used: Option<When>,
}

#[derive(Template)]
#[template(path = "staff/sign-in.html")]
struct SignIn<'a> {
    problem: Option<&'a str>,
    login: &'a str,
    again: Option<&'a str>,
    passkeys: bool,
    /// What the provider is called, if there is one.
    provider: Option<&'a str>,
    passwords: bool,
}

#[derive(Template)]
#[template(path = "staff/code.html")]
struct Code<'a> {
    waiting: Waiting,
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
    passkeys: bool,
}

#[derive(Template)]
#[template(path = "staff/codes.html")]
struct Codes<'a> {
    frame: Frame,
    secret: &'a str,
    /// As of [`SetUp`].
    picture: &'a str,
    problem: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "staff/confirm.html")]
struct Confirm<'a> {
    frame: Frame,
    back: &'a str,
    passkeys: bool,
    codes: bool,
    at_code: bool,
    problem: Option<&'a str>,
    /// What the provider is called, for people of the provider.
    provider: Option<&'a str>,
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
#[template(path = "staff/cleared.html")]
struct Cleared;

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
    fresh: bool,
    codes: bool,
    codes_problem: Option<&'a str>,
    passkeys: Vec<PasskeyView<'a>>,
    can_have_passkeys: bool,
    /// What the provider is called, for people of the provider.
    by_provider: Option<&'a str>,
    passkey_problem: Option<&'a str>,
}
