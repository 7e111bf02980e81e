//! The console's pages but those of `entrance`.

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::Here;
use super::view;
use crate::domain::form::{Form, FormId};
use crate::http::pages;
use crate::http::speech::Speech;
use crate::policy::{self, Action, Actor, Resource, Role};
use crate::services::approvals::Standing;

/// Forms by name and heading.
pub(super) fn named(forms: &[Arc<Form>]) -> Vec<(String, &str)> {
    forms.iter().map(|form| (form.id.to_string(), form.title.as_str())).collect()
}

/// Asks what a page is opened for. `form` is passed on, where the page wants one.
pub(super) fn ask_purpose(
    here: &Here,
    path: &str,
    form: Option<&FormId>,
    allowed: &[String],
    legal: Option<&Standing>,
) -> Response {
    let purposes = allowed.iter().map(|name| Choice::of(name.clone(), &view::purpose_of(name, legal), false)).collect();
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
    pub(super) audits: bool,
    pub(super) transfers: bool,
    pub(super) alerts: bool,
    /// Whether they see how the forms are made.
    pub(super) forms: bool,
    /// Whether they manage accounts.
    pub(super) people: bool,
    /// Whether they see how the service is.
    pub(super) health: bool,
    /// Whether they look after vacancies.
    pub(super) vacancies: bool,
    /// Whether they may erase people.
    pub(super) erases: bool,
    /// Whether there may be requests for them to make or to decide.
    pub(super) decides: bool,
    pub(super) guard: String,
}

impl Frame {
    pub(super) fn of(here: &Here) -> Self {
        let roles: &[Role] = match &here.who.actor {
            Actor::Staff { roles, .. } => roles,
            _ => &[],
        };
        let may = |action, resource| policy::decide(&here.who.actor, action, &resource).is_ok();
        Self {
            login: here.who.login.clone(),
            roles: roles.iter().map(|role| view::role(*role)).collect::<Vec<_>>().join(", "),
            reads: may(Action::ListSubmissions, Resource::Form { roles }),
            surveys: here.surveys,
            audits: may(Action::ReadAudit, Resource::Audit),
            transfers: may(Action::ReadTransfers, Resource::Audit),
            forms: may(Action::ReadForms, Resource::Form { roles: &[] }),
            people: may(Action::ManageStaff, Resource::Staff),
            health: may(Action::ReadStatus, Resource::Vault),
            alerts: may(Action::ReadAlerts, Resource::Audit),
            vacancies: may(Action::ManageVacancies, Resource::Vacancies),
            erases: may(Action::ErasePerson, Resource::Subject),
            decides: here.requests,
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

#[derive(Template)]
#[template(path = "staff/ask-purpose.html")]
struct AskPurpose<'a> {
    frame: Frame,
    path: &'a str,
    form: Option<String>,
    purposes: Vec<Choice>,
}
