//! One's own account: what somebody sees of it, ends and changes.

use std::net::IpAddr;
use std::sync::Arc;

use super::credentials::Codes;
use super::enrol::{self, Setup};
use super::hashing::Lane;
use super::sessions::Session;
use super::throttle::From;
use super::{SignedIn, active, choose, make_hash, save};
use crate::base::clock::Timestamp;
use crate::base::ids::{Handle, StaffId};
use crate::base::sensitive::SensitiveString;
use crate::crypto::totp::TotpSecret;
use crate::domain::password::Password;
use crate::domain::staff::Login;
use crate::policy::{Action, Resource};
use crate::services::{App, Context, Problem, ServiceError, staff};
use crate::vault::{Detail, VaultError};

/// What somebody sees of their own account.
#[derive(Clone, Debug)]
pub struct Own {
    /// The sessions, latest first.
    pub sessions: Vec<Session>,
    /// Recovery codes left.
    pub recovery_left: usize,
    /// Where one is told of what arrives.
    pub email: Option<SensitiveString>,
    /// There is an authenticator program.
    pub codes: bool,
    /// The passkeys, in order of making.
    pub passkeys: Vec<PasskeyShown>,
    /// They sign in through the provider, and have nothing of all that.
    pub by_provider: bool,
}

/// A passkey, as its holder sees it.
#[derive(Clone, Debug)]
pub struct PasskeyShown {
    /// For its address.
    pub id: Handle,
    /// As it is called.
    pub name: String,
    /// When it was made.
    pub made: Timestamp,
    /// When somebody signed in with it last.
    pub used: Option<Timestamp>,
}

/// One's own account.
///
/// # Errors
/// [`ServiceError::NotFound`] without one.
pub fn own(app: &App, here: &SignedIn) -> Result<Own, ServiceError> {
    let row = active(app, here.session.staff)?;
    let sessions = app.door.sessions.of(here.session.staff, app.clock.now());
    let email = staff::address_of(app, here.session.staff);
    if row.provider.is_some() {
        let none = Own { sessions, recovery_left: 0, email, codes: false, passkeys: Vec::new(), by_provider: true };
        return Ok(none);
    }
    let factors = row.factors.ok_or(ServiceError::NotFound)?;
    let recovery_left = factors.recovery_left();
    let codes = factors.codes.is_some();
    let shown = factors.passkeys.into_iter();
    let passkeys =
        shown.map(|own| PasskeyShown { id: own.id, name: own.name, made: own.made, used: own.used }).collect();
    Ok(Own { sessions, recovery_left, email, codes, passkeys, by_provider: false })
}

/// How an account gets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Not at all: a program, or somebody who was never invited.
    Nothing,
    /// By an invitation, once, until then.
    Invited(Timestamp),
    /// By an invitation that has ended.
    Lapsed,
    /// With a password, and what comes second.
    Own {
        /// There is an authenticator program.
        codes: bool,
        /// How many passkeys there are.
        passkeys: usize,
    },
    /// Through the provider.
    Provider,
}

/// How an account gets in.
pub(in crate::services) fn way_of(app: &App, id: StaffId) -> Way {
    let Some(row) = app.door.ring.of(id) else { return Way::Nothing };
    let now = app.clock.now();
    match (row.provider, row.factors, row.invitation) {
        (Some(_), ..) => Way::Provider,
        (None, Some(factors), _) => Way::Own { codes: factors.codes.is_some(), passkeys: factors.passkeys.len() },
        (None, None, Some(open)) if now < open.expires => Way::Invited(open.expires),
        (None, None, Some(_)) => Way::Lapsed,
        (None, None, None) => Way::Nothing,
    }
}

/// In how many places an account is signed in.
pub(in crate::services) fn sessions_of(app: &App, id: StaffId) -> usize {
    app.door.sessions.of(id, app.clock.now()).len()
}

/// Ends one of one's own sessions.
///
/// # Errors
/// [`ServiceError::NotFound`] when there is none of that name.
pub fn end_session(app: &App, here: &SignedIn, id: Handle) -> Result<(), ServiceError> {
    if app.door.sessions.end_one(here.session.staff, id) { Ok(()) } else { Err(ServiceError::NotFound) }
}

/// Changes one's own password. Every session ends, and every browser is a stranger again.
///
/// # Errors
/// [`ServiceError::Invalid`] when the present one is wrong (field `password`) or the new one cannot be chosen (field
/// `new-password`).
pub async fn change_password(
    app: &Arc<App>,
    ctx: &Context,
    here: &SignedIn,
    present: &SensitiveString,
    new: &SensitiveString,
    address: Option<IpAddr>,
) -> Result<(), ServiceError> {
    let login: Login = here.login.parse().map_err(|_| ServiceError::Internal)?;
    let new = choose(&login, new)?;
    confirm_password(app, ctx, here, present, address).await?;
    let hash = make_hash(app, Lane::Known, new).await?;
    let _one_at_a_time = app.door.changing.lock().await;
    let mut row = active(app, here.session.staff)?;
    let factors = row.factors.as_mut().ok_or(ServiceError::NotFound)?;
    factors.password = hash;
    factors.forget_devices();
    save(app, ctx, here.session.staff, row, "password changed").await?;
    app.door.sessions.end_all(here.session.staff);
    Ok(())
}

/// New recovery codes, to be shown once; the old ones are worth nothing. Every other session ends: this one has still to read them.
///
/// # Errors
/// [`ServiceError::Invalid`] when the password is wrong (field `password`).
pub async fn renew_recovery(
    app: &Arc<App>,
    ctx: &Context,
    here: &SignedIn,
    password: &SensitiveString,
    address: Option<IpAddr>,
) -> Result<Vec<SensitiveString>, ServiceError> {
    confirm_password(app, ctx, here, password, address).await?;
    let _one_at_a_time = app.door.changing.lock().await;
    let mut row = active(app, here.session.staff)?;
    let factors = row.factors.as_mut().ok_or(ServiceError::NotFound)?;
    let codes = factors.renew_recovery(app.entropy()).map_err(VaultError::from)?;
    save(app, ctx, here.session.staff, row, "recovery codes renewed").await?;
    app.door.sessions.end_others(here.session.staff, here.session.id);
    Ok(codes)
}

/// Begins to set an authenticator program up for one's own account, in the place of one that it may have. Nothing changes until
/// [`complete_codes`], which has to follow within five minutes.
///
/// # Errors
/// [`ServiceError::NotFound`] without an account.
pub fn begin_codes(app: &App, here: &SignedIn) -> Result<Setup, ServiceError> {
    active(app, here.session.staff)?;
    let totp = TotpSecret::make_random(app.entropy()).map_err(VaultError::from)?;
    let setup = enrol::shown(app, here.login.clone(), &totp)?;
    app.door.asked.codes().put(&here.session.id.to_string(), totp, app.clock.now());
    Ok(setup)
}

/// Takes the first code of it. Every session ends, and every browser is a stranger again.
///
/// # Errors
/// [`ServiceError::NotFound`] when it was not begun; [`ServiceError::Invalid`] (field `code`) for a wrong code, with what was shown
/// before, to be shown again.
pub async fn complete_codes(
    app: &Arc<App>,
    ctx: &Context,
    here: &SignedIn,
    code: &SensitiveString,
) -> Result<(), (ServiceError, Option<Setup>)> {
    let plain = |error: ServiceError| (error, None);
    let (now, token) = (app.clock.now(), here.session.id.to_string());
    let _one_at_a_time = app.door.changing.lock().await;
    let totp = app.door.asked.codes().take(&token, now).ok_or(plain(ServiceError::NotFound))?;
    let Some(last_step) = totp.step_of(code.expose(), now) else {
        let setup = enrol::shown(app, here.login.clone(), &totp).ok();
        app.door.asked.codes().put(&token, totp, now);
        return Err((enrol::wrong_first_code(), setup));
    };
    let mut row = active(app, here.session.staff).map_err(plain)?;
    let factors = row.factors.as_mut().ok_or(plain(ServiceError::NotFound))?;
    factors.codes = Some(Codes { totp, last_step });
    factors.forget_devices();
    save(app, ctx, here.session.staff, row, "codes set").await.map_err(plain)?;
    app.door.sessions.end_all(here.session.staff);
    Ok(())
}

/// Takes the authenticator program away. Every session ends, and every browser is a stranger again.
///
/// # Errors
/// [`ServiceError::Invalid`] (field `codes`) for an account without a passkey.
pub async fn remove_codes(app: &Arc<App>, ctx: &Context, here: &SignedIn) -> Result<(), ServiceError> {
    let _one_at_a_time = app.door.changing.lock().await;
    let mut row = active(app, here.session.staff)?;
    let factors = row.factors.as_mut().ok_or(ServiceError::NotFound)?;
    if factors.passkeys.is_empty() {
        let message = "This is the only thing beside the password that lets you in. Please add a passkey first.";
        return Err(ServiceError::Invalid(vec![Problem::in_field("codes", "the-last", message)]));
    }
    factors.codes.take().ok_or(ServiceError::NotFound)?;
    factors.forget_devices();
    save(app, ctx, here.session.staff, row, "codes removed").await?;
    app.door.sessions.end_all(here.session.staff);
    Ok(())
}

/// Takes a passkey away from one's own account. Every session ends, and every browser is a stranger again.
///
/// # Errors
/// [`ServiceError::NotFound`] when there is none of that name; [`ServiceError::Invalid`] (field `passkey`) for the last one of an
/// account without an authenticator program.
pub async fn remove_passkey(app: &Arc<App>, ctx: &Context, here: &SignedIn, id: Handle) -> Result<(), ServiceError> {
    let _one_at_a_time = app.door.changing.lock().await;
    let mut row = active(app, here.session.staff)?;
    let factors = row.factors.as_mut().ok_or(ServiceError::NotFound)?;
    let at = factors.passkeys.iter().position(|own| own.id == id).ok_or(ServiceError::NotFound)?;
    if factors.codes.is_none() && factors.passkeys.len() == 1 {
        let message = "This is the only thing beside the password that lets you in. Please add another passkey first.";
        return Err(ServiceError::Invalid(vec![Problem::in_field("passkey", "the-last", message)]));
    }
    factors.passkeys.remove(at);
    factors.forget_devices();
    save(app, ctx, here.session.staff, row, "passkey removed").await?;
    app.door.sessions.end_all(here.session.staff);
    Ok(())
}

/// Asks for the password once more, before something grave. Throttled as a sign-in is.
pub(super) async fn confirm_password(
    app: &Arc<App>,
    ctx: &Context,
    here: &SignedIn,
    password: &SensitiveString,
    address: Option<IpAddr>,
) -> Result<(), ServiceError> {
    let from = From::Stranger(address);
    app.door.throttle.begin(&here.login, true, from, app.clock.now()).map_err(ServiceError::Later)?;
    let hash = active(app, here.session.staff)?.factors.ok_or(ServiceError::NotFound)?.password;
    let password = Password::typed(password.expose());
    if app
        .door
        .hashing
        .run(Lane::Known, move || password.is_some_and(|password| hash.matches(password.expose())))
        .await?
    {
        app.door.throttle.succeeded(&here.login, from, app.clock.now());
        return Ok(());
    }
    let act = ctx.act(Action::SignIn, &Resource::Staff)?;
    let detail = Detail::Account { id: here.session.staff, change: "password refused".to_owned() };
    app.vault.write_system_rows(act, detail, Vec::new()).await?;
    Err(ServiceError::Invalid(vec![Problem::in_field("password", "wrong-password", "This is not your password.")]))
}
