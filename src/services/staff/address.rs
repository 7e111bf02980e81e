//! Work e-mail addresses of accounts, and whom a form's announcement to roles reaches. An address stands in the account's
//! sealed row and nowhere else: a mail that waits names the account, so that whoever is disabled meanwhile gets nothing.

use std::sync::Arc;

use super::{AccountRow, State, find, invalid, parse_login, save};
use crate::base::clock::Timestamp;
use crate::base::ids::StaffId;
use crate::base::sensitive::SensitiveString;
use crate::domain::form::{Announce, Form};
use crate::domain::language::Said;
use crate::domain::subject::EmailAddress;
use crate::policy::{Action, Resource, Role};
use crate::services::sign_in::{self, SignedIn};
use crate::services::{App, Context, Problem, ServiceError};
use crate::vault::Act;

/// Accounts told of one arrival, in order of login: each is a mail that waits with the submission.
const MOST: usize = 50;

/// An address as somebody typed it, without the blanks around it.
///
/// # Errors
/// [`ServiceError::Invalid`] (field `email`) for what is no address.
pub fn parse(typed: &SensitiveString) -> Result<SensitiveString, ServiceError> {
    match EmailAddress::parse(typed.expose()) {
        Ok(_) => Ok(typed.expose().trim().into()),
        Err(_) => {
            let message = Said::new("problem.bad-email");
            Err(ServiceError::Invalid(vec![Problem::in_field("email", "bad-email", message)]))
        }
    }
}

/// Sets the address of an account, or removes it.
///
/// # Errors
/// [`ServiceError::NotFound`] for an unknown login; [`ServiceError::Invalid`] for what is no address, and for an account that
/// is disabled or a program's.
pub async fn set_by_login(
    app: &Arc<App>,
    ctx: &Context,
    login: &str,
    email: Option<&SensitiveString>,
) -> Result<(), ServiceError> {
    let act = ctx.act(Action::ManageStaff, &Resource::Staff)?;
    let (id, row) = find(app, parse_login(login)?.as_str())?.ok_or(ServiceError::NotFound)?;
    if row.disabled {
        return Err(invalid("login", "disabled", "This account is disabled."));
    }
    set(app, act, id, email).await
}

/// Sets one's own address, or removes it.
///
/// # Errors
/// [`ServiceError::Invalid`] (field `email`) for what is no address; [`ServiceError::NotFound`] once disabled.
pub async fn set_own(
    app: &Arc<App>,
    ctx: &Context,
    here: &SignedIn,
    email: Option<&SensitiveString>,
) -> Result<(), ServiceError> {
    let act = ctx.act(Action::SignIn, &Resource::Staff)?;
    set(app, act, here.session.staff, email).await
}

/// Writes it under one audit entry, which says only that it changed.
pub(in crate::services) async fn set(
    app: &Arc<App>,
    act: Act,
    id: StaffId,
    email: Option<&SensitiveString>,
) -> Result<(), ServiceError> {
    let email = email.map(parse).transpose()?;
    let _one_at_a_time = app.staff.changing.lock().await;
    let row = app.staff.read(|state| state.accounts.get(&id).cloned())?;
    let row = row.filter(|row| !row.disabled).ok_or(ServiceError::NotFound)?;
    match email {
        Some(_) if row.service => Err(of_a_program()),
        email if email == row.email => Ok(()),
        email => {
            let change = if email.is_some() { "address set" } else { "address removed" };
            save(app, act, id, AccountRow { email, ..row }, change).await
        }
    }
}

pub(super) fn of_a_program() -> ServiceError {
    invalid("email", "service", "A program has no work e-mail address.")
}

/// The address of an account that may act.
pub(in crate::services) fn address_of(app: &App, id: StaffId) -> Option<SensitiveString> {
    let row = app.staff.read(|state| state.accounts.get(&id).cloned()).ok()??;
    row.email.filter(|_| !row.disabled)
}

/// The work addresses of those who act in a role, in order, at most [`MOST`].
pub(in crate::services) fn addresses_of(app: &App, role: Role) -> Vec<SensitiveString> {
    let now = app.clock.now();
    let found = app.staff.read(|state| {
        let holding = state.accounts.iter().filter(|(id, row)| holds(app, state, **id, row, &[role], now));
        holding.filter_map(|(_, row)| row.email.clone()).collect::<Vec<_>>()
    });
    let mut found = found.unwrap_or_default();
    found.sort();
    found.dedup();
    found.truncate(MOST);
    found
}

/// The accounts that are told of an arrival by this form: those that may act, hold a role that it names, and have an
/// address; at most [`MOST`] of them. A mailbox that the form names itself, or that two of them share, is told once.
pub(in crate::services) fn to_tell(app: &App, form: &Form) -> Vec<StaffId> {
    let roles = roles(form);
    if roles.is_empty() {
        return Vec::new();
    }
    let mut told: Vec<SensitiveString> = addresses(form).map(SensitiveString::from).collect();
    let now = app.clock.now();
    let listed = app.staff.read(|state| {
        let holding = state.accounts.iter().filter(|(id, row)| holds(app, state, **id, row, &roles, now));
        let with = holding.filter_map(|(id, row)| Some((row.login.as_str(), *id, row.email.as_ref()?)));
        let mut with: Vec<(&str, StaffId, &SensitiveString)> = with.collect();
        with.sort_unstable();
        with.retain(|(.., email)| {
            let address = EmailAddress::parse(email.expose()).map_or_else(|_| "".into(), |to| to.canonical().into());
            let first = !told.contains(&address);
            told.push(address);
            first
        });
        with.into_iter().take(MOST).map(|(_, id, _)| id).collect()
    });
    listed.unwrap_or_default()
}

/// Where an account is told of an arrival by this form, if it still is.
pub(in crate::services) fn address_to_tell(app: &App, form: &Form, id: StaffId) -> Option<SensitiveString> {
    let (roles, now) = (roles(form), app.clock.now());
    let told = app.staff.read(|state| {
        let row = state.accounts.get(&id).filter(|row| holds(app, state, id, row, &roles, now))?;
        row.email.clone()
    });
    told.ok().flatten()
}

/// Whether an account may act in one of these roles: because its holder signs in as that, or has a token for it.
fn holds(app: &App, state: &State, id: StaffId, row: &AccountRow, roles: &[Role], now: Timestamp) -> bool {
    let live =
        |token: &&super::TokenRow| token.staff == id && !token.revoked && token.expires.is_none_or(|end| now < end);
    let by_token =
        || state.tokens.values().filter(live).any(|token| token.roles.iter().any(|role| roles.contains(role)));
    !row.disabled && !row.service && (sign_in::roles_of(app, id).iter().any(|role| roles.contains(role)) || by_token())
}

fn roles(form: &Form) -> Vec<Role> {
    let named = form.announce.iter().filter_map(|one| match one {
        Announce::Role(role) => Some(*role),
        Announce::Address(_) => None,
    });
    named.collect()
}

fn addresses(form: &Form) -> impl Iterator<Item = &str> {
    form.announce.iter().filter_map(|one| match one {
        Announce::Address(address) => Some(address.as_str()),
        Announce::Role(_) => None,
    })
}
