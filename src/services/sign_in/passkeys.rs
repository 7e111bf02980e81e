//! Signing in with passkeys, and adding them. Each use has two parts: what the browser is asked, and what it answers.

use std::sync::Arc;

use super::credentials::{Credentials, Factors, OwnPasskey, PASSKEYS};
use super::sessions::Factor;
use super::throttle::From;
use super::{Complete, SignedIn, active, bearer, finish, save};
use crate::base::ids::{Handle, StaffId};
use crate::base::sensitive::SensitiveString;
use crate::crypto::passkey::{Answer, Passkey, Refused, Site};
use crate::policy::{Action, Actor, Resource};
use crate::services::{App, Context, Problem, ServiceError, staff};
use crate::vault::{Detail, VaultError};

/// Longest name of a passkey, in characters.
const LONGEST_NAME: usize = 60;

/// What asks a browser that nobody knows for a passkey; and a token, for a cookie, under which [`enter_by_passkey`] takes the answer.
///
/// # Errors
/// [`ServiceError::NotFound`] where there are no passkeys.
pub fn ask_passkey(app: &App) -> Result<(SensitiveString, String), ServiceError> {
    if !app.takes_passwords() {
        return Err(ServiceError::NotFound);
    }
    let (options, asked) = site(app)?.prove(&[], app.entropy()).map_err(VaultError::from)?;
    let token = bearer::make(app.entropy()).map_err(VaultError::from)?;
    app.door.asked.asking().put(token.expose(), asked, app.clock.now());
    Ok((token, options))
}

/// Signs in by a passkey and nothing else.
///
/// # Errors
/// [`ServiceError::Unauthenticated`], whatever was wrong.
pub async fn enter_by_passkey(
    app: &Arc<App>,
    ctx: &Context,
    token: &str,
    answer: &str,
) -> Result<Complete, ServiceError> {
    let unknown = ServiceError::Unauthenticated;
    let Some(asked) = app.door.asked.asking().take(token, app.clock.now()) else { return Err(unknown) };
    let Ok(answer) = Answer::parse(answer) else { return Err(unknown) };
    let _one_at_a_time = app.door.changing.lock().await;
    let Some(id) = answer.staff() else { return Err(unknown) };
    let (Some(login), Ok(mut row)) = (staff::login_of(app, id), active(app, id)) else { return Err(unknown) };
    let Some(own) =
        row.factors.as_mut().and_then(|factors| factors.passkeys.iter_mut().find(|own| own.key.id() == answer.id()))
    else {
        return Err(unknown);
    };
    if let Err(refusal) = site(app)?.proven(&asked, &answer, &mut own.key) {
        refused(app, ctx, id, refusal).await?;
        return Err(unknown);
    }
    own.used = Some(app.clock.now());
    finish(app, ctx, (id, login), row, Factor::PasskeyAlone, From::Stranger(None), token).await
}

/// What asks for a passkey in the place of a code, after the password.
///
/// # Errors
/// [`ServiceError::NotFound`] when none is waited for under this token.
pub fn prove_passkey(app: &App, token: &str) -> Result<String, ServiceError> {
    let id = app.door.sessions.waits(token, app.clock.now()).ok_or(ServiceError::NotFound)?;
    let keys = factors(app, id)?.keys();
    if keys.is_empty() {
        return Err(ServiceError::NotFound);
    }
    let (options, asked) = site(app)?.prove(&keys, app.entropy()).map_err(VaultError::from)?;
    app.door.asked.proving().put(token, asked, app.clock.now());
    Ok(options)
}

/// The second step by a passkey.
///
/// # Errors
/// [`ServiceError::NotFound`] when nothing is waited for under this token (any more); [`ServiceError::Invalid`] (field `passkey`) for an
/// answer that is not right.
pub async fn enter_passkey(app: &Arc<App>, ctx: &Context, token: &str, answer: &str) -> Result<Complete, ServiceError> {
    let _one_at_a_time = app.door.changing.lock().await;
    let (id, from) = app.door.sessions.try_code(token, app.clock.now()).ok_or(ServiceError::NotFound)?;
    let login = staff::login_of(app, id).ok_or(ServiceError::NotFound)?;
    let mut row = active(app, id)?;
    prove(app, ctx, id, &mut row, token, answer).await?;
    finish(app, ctx, (id, login), row, Factor::Passkey, from, token).await
}

/// Checks an answer to what was asked under a token, and takes the counter on into `row`.
pub(super) async fn prove(
    app: &Arc<App>,
    ctx: &Context,
    id: StaffId,
    row: &mut Credentials,
    token: &str,
    answer: &str,
) -> Result<(), ServiceError> {
    let asked = app.door.asked.proving().take(token, app.clock.now());
    let passkeys = row.factors.as_mut().map(|factors| factors.passkeys.as_mut_slice()).unwrap_or_default();
    let refusal = match (asked, Answer::parse(answer)) {
        (Some(asked), Ok(answer)) if answer.staff().is_none_or(|staff| staff == id) => {
            match passkeys.iter_mut().find(|own| own.key.id() == answer.id()) {
                Some(own) => {
                    own.used = Some(app.clock.now());
                    site(app)?.proven(&asked, &answer, &mut own.key).err()
                }
                None => Some(Refused::Wrong),
            }
        }
        _ => Some(Refused::Wrong),
    };
    let Some(refusal) = refusal else { return Ok(()) };
    refused(app, ctx, id, refusal).await?;
    Err(not_taken())
}

/// What asks a browser to make a passkey for one's own account.
///
/// # Errors
/// [`ServiceError::NotFound`] where there are no passkeys; [`ServiceError::Invalid`] when the account has enough.
pub fn begin_passkey(app: &App, here: &SignedIn) -> Result<String, ServiceError> {
    let keys = factors(app, here.session.staff)?.keys();
    if keys.len() >= PASSKEYS {
        let message = format!("There are {PASSKEYS} passkeys already. Please remove one first.");
        return Err(invalid("too-many", message));
    }
    let token = here.session.id.to_string();
    let made = site(app)?.make(here.session.staff, &here.login, &keys, app.entropy());
    let (options, asked) = made.map_err(VaultError::from)?;
    app.door.asked.making().put(&token, asked, app.clock.now());
    Ok(options)
}

/// Adds a passkey to one's own account. Every session ends, and every browser is a stranger again.
///
/// # Errors
/// [`ServiceError::Invalid`] (field `passkey`) for an answer that is not right, or a name that is none.
pub async fn add_passkey(
    app: &Arc<App>,
    ctx: &Context,
    here: &SignedIn,
    name: &str,
    answer: &str,
) -> Result<(), ServiceError> {
    let _one_at_a_time = app.door.changing.lock().await;
    let mut row = active(app, here.session.staff)?;
    let factors = row.factors.as_mut().ok_or(ServiceError::NotFound)?;
    let own = made(app, &here.session.id.to_string(), name, answer)?;
    if factors.passkeys.len() >= PASSKEYS {
        return Err(not_taken());
    }
    factors.passkeys.push(own);
    factors.forget_devices();
    save(app, ctx, here.session.staff, row, "passkey added").await?;
    app.door.sessions.end_all(here.session.staff);
    Ok(())
}

/// The passkey that was made in answer to what was asked under a token.
pub(super) fn made(app: &App, token: &str, name: &str, answer: &str) -> Result<OwnPasskey, ServiceError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(invalid("bad-name", format!("Please give it a name of at most {LONGEST_NAME} characters.")));
    }
    let now = app.clock.now();
    let asked = app.door.asked.making().take(token, now).ok_or_else(not_taken)?;
    let key: Passkey = site(app)?.made(&asked, answer).map_err(|_| not_taken())?;
    // Two accounts with one passkey: whose would it be?
    if app.door.ring.has_passkey(key.id()) {
        return Err(not_taken());
    }
    let id = Handle::make_random(app.entropy()).map_err(VaultError::from)?;
    Ok(OwnPasskey { id, name: name.to_owned(), made: now, used: None, key })
}

/// Where passkeys are good.
pub(super) fn site(app: &App) -> Result<&Site, ServiceError> {
    app.door.site.get().ok_or(ServiceError::NotFound)
}

fn factors(app: &App, id: StaffId) -> Result<Factors, ServiceError> {
    active(app, id)?.factors.ok_or(ServiceError::NotFound)
}

/// Writes down that a passkey of an account was refused.
async fn refused(app: &Arc<App>, ctx: &Context, id: StaffId, refusal: Refused) -> Result<(), ServiceError> {
    let change = match refusal {
        Refused::Wrong => "passkey refused",
        Refused::Copied => "passkey refused, as its counter went back: there may be a copy of it",
    };
    let act = Context { actor: Actor::Public, ..ctx.clone() }.act(Action::SignIn, &Resource::Staff)?;
    let detail = Detail::Account { id, change: change.to_owned() };
    Ok(app.vault.write_system_rows(act, detail, Vec::new()).await?)
}

fn not_taken() -> ServiceError {
    invalid("not-taken", "This passkey was not taken. Please try again.".to_owned())
}

fn invalid(code: &'static str, message: String) -> ServiceError {
    ServiceError::Invalid(vec![Problem::in_field("passkey", code, message)])
}
