//! The page of the accounts, and what is shown once.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::page::{Choice, Frame, html, named};
use super::people::{LONGEST, Typed};
use super::{Here, view};
use crate::base::clock::Timestamp;
use crate::base::sensitive::SensitiveString;
use crate::http::Web;
use crate::http::error::HttpError;
use crate::http::portal::page::When;
use crate::http::speech::Speech;
use crate::policy::{Action, Role};
use crate::services::sign_in::{self, Way};
use crate::services::staff::{self, BY_TWO, Person, TokenInfo};
use crate::services::{Context, Problem};

/// What a token made here can be limited to: what programs do by the API in a role that is handed out here.
const OFFERED: [Action; 17] = [
    Action::ListSubmissions,
    Action::SearchSubmissions,
    Action::ReadSubmission,
    Action::ReadFile,
    Action::SetStatus,
    Action::Assign,
    Action::SetLabels,
    Action::MarkSeen,
    Action::ReadNotes,
    Action::WriteNote,
    Action::WriteMessage,
    Action::FindSubject,
    Action::Moderate,
    Action::ReadResults,
    Action::SendMailing,
    Action::ReadAudit,
    Action::VerifyAudit,
];

/// What is handed over once.
pub(super) struct Handed {
    pub(super) login: String,
    pub(super) text: SensitiveString,
    pub(super) expires: Timestamp,
    pub(super) what: What,
}

/// What it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Invitation,
    Recovery,
    Token,
}

/// All accounts; with a problem, what was typed is not lost.
pub(super) async fn show(
    web: &Web,
    ctx: &Context,
    here: &Here,
    typed: Option<&Typed>,
    problem: Option<&Problem>,
) -> Result<Response, HttpError> {
    let people = staff::overview(&web.app, ctx).await?;
    let speech = Speech::default();
    let picked = |role: Role| typed.is_some_and(|typed| typed.roles.contains(&role));
    let own = web.app.custom_roles();
    let handed_out = Role::ALL
        .into_iter()
        .filter(|role| !BY_TWO.contains(role))
        .chain(own.iter().map(|(role, _)| Role::Custom(role)));
    let all = web.app.forms();
    let forms: Vec<_> = all.iter().cloned().collect();
    let page = PeoplePage {
        frame: Frame::of(here),
        fresh: sign_in::is_fresh(&web.app, &here.who),
        problem: problem.map(|problem| speech.sentence(&problem.message)),
        by_two: problem.is_some_and(|problem| problem.code == "needs-two"),
        takes_passwords: web.app.takes_passwords(),
        able: people.iter().filter(|person| !person.account.disabled).count(),
        region: web.app.region().as_str(),
        lines: people.iter().map(|person| Line::of(&speech, web.app.region().as_str(), person)).collect(),
        roles: handed_out.map(|role| Choice::of(role.to_string(), &view::role(role), picked(role))).collect(),
        actions: OFFERED
            .map(|action| Choice::of(action.as_str().to_owned(), &view::purpose(action.as_str()), false))
            .into(),
        forms: named(&forms),
        login: typed.map_or("", |typed| &typed.login),
        email: typed.map_or("", |typed| typed.email.expose()),
        days: typed.map(|typed| typed.days.as_str()).filter(|days| !days.is_empty()).unwrap_or("90"),
        longest: LONGEST,
    };
    Ok(html(if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &page))
}

/// What is shown once.
pub(super) fn handed(here: &Here, handed: &Handed) -> Response {
    let page = HandedPage {
        frame: Frame::of(here),
        login: &handed.login,
        text: handed.text.expose(),
        expires: When::of(&Speech::default(), handed.expires),
        is_token: handed.what == What::Token,
        is_recovery: handed.what == What::Recovery,
    };
    html(StatusCode::OK, &page)
}

/// An account.
struct Line<'a> {
    login: &'a str,
    person: &'a Person,
    roles: String,
    state: String,
    region: &'a str,
    own_region: &'a str,
    made: When,
    tokens: Vec<TokenView>,
    /// Whether there is anything to be done with it here.
    may_recover: bool,
    may_end: bool,
}

impl<'a> Line<'a> {
    fn of(speech: &Speech, home: &'a str, person: &'a Person) -> Self {
        let account = &person.account;
        let region = account.region.as_ref().map(|region| region.as_str());
        let comes = matches!(person.way, Way::Own { .. } | Way::Invited(_));
        Self {
            login: &account.login,
            roles: names(&person.roles),
            state: state(speech, person),
            region: region.unwrap_or(home),
            own_region: region.unwrap_or(""),
            made: When::of(speech, account.created),
            tokens: account.tokens.iter().map(|token| TokenView::of(speech, token)).collect(),
            may_recover: !account.disabled && !account.service && comes && !person.by_two,
            may_end: !account.disabled && !person.by_two,
            person,
        }
    }
}

/// How an account gets in, in a sentence.
fn state(speech: &Speech, person: &Person) -> String {
    if person.account.disabled {
        return "Disabled".to_owned();
    }
    match &person.way {
        Way::Nothing if person.account.service => "A program: acts by its tokens".to_owned(),
        Way::Nothing => "Was never invited".to_owned(),
        Way::Invited(until) => format!("Invited; the link is good until {}", speech.time(*until)),
        Way::Lapsed => "Invited, and the link has ended".to_owned(),
        Way::Provider => "Signs in through the provider".to_owned(),
        Way::Own { codes, passkeys } => {
            let keys = match passkeys {
                1 => "a passkey".to_owned(),
                many => format!("{many} passkeys"),
            };
            let second = match (codes, passkeys) {
                (true, 0) => "codes".to_owned(),
                (true, _) => format!("codes, or {keys}"),
                (false, _) => keys,
            };
            format!("Signs in with a password and {second}")
        }
    }
}

fn names(roles: &[Role]) -> String {
    roles.iter().map(|role| view::role(*role)).collect::<Vec<_>>().join(", ")
}

struct TokenView {
    id: String,
    roles: String,
    limits: String,
    used: String,
    ends: String,
    lives: bool,
}

impl TokenView {
    fn of(speech: &Speech, token: &TokenInfo) -> Self {
        let mut limits = Vec::new();
        if let Some(actions) = &token.actions {
            limits.push(actions.iter().map(|action| view::purpose(action.as_str())).collect::<Vec<_>>().join(", "));
        }
        if let Some(forms) = &token.forms {
            limits.push(forms.iter().map(|form| form.as_str()).collect::<Vec<_>>().join(", "));
        }
        let day = |time: Timestamp| time.day().map_or_else(|| speech.time(time), |day| day.to_string());
        Self {
            id: token.id.to_string(),
            roles: names(&token.roles),
            limits: if limits.is_empty() { "All that its roles may".to_owned() } else { limits.join("; ") },
            used: token.last_used.map_or_else(|| "Never".to_owned(), |hour| speech.time(hour)),
            ends: match (token.revoked, token.expires) {
                (true, _) => "Revoked".to_owned(),
                (false, Some(end)) => day(end),
                (false, None) => "Never".to_owned(),
            },
            lives: !token.revoked,
        }
    }
}

#[derive(Template)]
#[template(path = "staff/people.html")]
struct PeoplePage<'a> {
    frame: Frame,
    fresh: bool,
    problem: Option<String>,
    by_two: bool,
    takes_passwords: bool,
    able: usize,
    region: &'a str,
    lines: Vec<Line<'a>>,
    roles: Vec<Choice>,
    actions: Vec<Choice>,
    forms: Vec<(String, &'a str)>,
    login: &'a str,
    email: &'a str,
    days: &'a str,
    longest: u64,
}

#[derive(Template)]
#[template(path = "staff/handed.html")]
struct HandedPage<'a> {
    frame: Frame,
    login: &'a str,
    text: &'a str,
    expires: When,
    is_token: bool,
    is_recovery: bool,
}
