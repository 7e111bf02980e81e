//! Invitations: how an account gets its password and what comes second, at first and after both were lost.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::credentials::{Codes, Credentials, Factors, First, Invitation, sha256};
use super::hashing::Lane;
use super::sessions::Factor;
use super::{Complete, choose, make_hash, passkeys, write};
use crate::base::clock::Timestamp;
use crate::base::ids::StaffId;
use crate::base::sensitive::SensitiveString;
use crate::crypto::password::PasswordHash;
use crate::crypto::totp::TotpSecret;
use crate::domain::staff::Login;
use crate::policy::{Action, Actor, Resource, Role, Scope};
use crate::services::{App, Context, Problem, ServiceError, approvals, bearer, staff};
use crate::vault::system_rows::SystemTable;
use crate::vault::{Detail, VaultError};

/// How long somebody may take between password and code.
const LIFE: Duration = Duration::from_secs(30 * 60);
/// Set-ups at once. Each stands on an invitation of its own.
const MOST: usize = 1000;

/// An invitation just made; the token is shown once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invited {
    /// Who is invited.
    pub login: String,
    /// The last part of the link: 43 characters.
    pub token: SensitiveString,
    /// When it ends.
    pub expires: Timestamp,
}

/// What somebody needs to set an authenticator program up.
pub struct Setup {
    /// The login.
    pub login: String,
    /// The secret, in groups of four, for typing.
    pub secret: SensitiveString,
    /// The address for a QR code.
    pub uri: SensitiveString,
}

/// Set-ups between password and code, by the hash of the invitation. In memory: whoever is caught by a restart begins anew.
#[derive(Default)]
pub(super) struct Setups(Mutex<HashMap<[u8; 32], Pending>>);

impl Setups {
    /// The set-up of an invitation, while it is good.
    fn of(&self, token: &str, now: Timestamp) -> Result<Pending, ServiceError> {
        let setups = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let good = setups.get(&sha256(token)).filter(|pending| now.since(pending.began) < LIFE);
        good.cloned().ok_or(ServiceError::NotFound)
    }
}

#[derive(Clone)]
struct Pending {
    password: PasswordHash,
    totp: TotpSecret,
    began: Timestamp,
}

/// Invites somebody to sign in with these roles. A new login becomes an account; one without a password gets a new
/// invitation, and the earlier one is worth nothing. With `email`, it becomes the work address of the account.
///
/// # Errors
/// [`ServiceError::Invalid`] for a bad login, no role, what is no address, a zero life, a disabled or service account, and one
/// that has a password: that is [`recover`]; and for what takes two.
pub async fn invite(
    app: &Arc<App>,
    ctx: &Context,
    login: &str,
    roles: &[Role],
    email: Option<&SensitiveString>,
    ttl: Duration,
) -> Result<Invited, ServiceError> {
    let _ = ctx.act(Action::ManageStaff, &Resource::Staff)?;
    check_life(ttl)?;
    email.map(staff::parse_address).transpose()?;
    let mut roles = roles.to_vec();
    roles.sort();
    roles.dedup();
    if roles.is_empty() {
        return Err(invalid("role", "required", "Name at least one role."));
    }
    staff::check_known(app, &roles)?;
    staff::check_hand_out(ctx, &roles)?;
    let (id, login) = staff::find_or_add_person(app, ctx, login).await?;
    let _no_requests = approvals::hold(app).await;
    let _one_at_a_time = app.door.changing.lock().await;
    let row = app.door.ring.of(id).unwrap_or_default();
    check_not_of_provider(&row)?;
    if row.factors.is_some() {
        let message = "This account has a password already. If it is lost, use staff recover.";
        return Err(invalid("login", "has-password", message));
    }
    staff::check_way_in(app, ctx, id)?;
    staff::check_unchanged(ctx, &row.roles, &roles)?;
    if email.is_some() {
        staff::set_address(app, ctx.act(Action::ManageStaff, &Resource::Staff)?, id, email).await?;
    }
    open(app, ctx, id, login, Credentials { roles, ..row }, ttl, "invited").await
}

/// Lets somebody begin anew who has lost password or authenticator program: what they had is worth nothing from now on,
/// every session ends, what they approved and nobody has done waits for another again, and a new invitation is made. The roles
/// stay.
///
/// # Errors
/// [`ServiceError::NotFound`] for an account that was never invited or is disabled; [`ServiceError::Invalid`] for a zero life, and for what takes two.
pub async fn recover(app: &Arc<App>, ctx: &Context, login: &str, ttl: Duration) -> Result<Invited, ServiceError> {
    let _ = ctx.act(Action::ManageStaff, &Resource::Staff)?;
    check_life(ttl)?;
    let login: Login = login.parse().map_err(|_| ServiceError::NotFound)?;
    let id = staff::find_active(app, &login)?.ok_or(ServiceError::NotFound)?;
    let _no_approvals = approvals::hold(app).await;
    let _one_at_a_time = app.door.changing.lock().await;
    let row = app.door.ring.of(id).ok_or(ServiceError::NotFound)?;
    check_not_of_provider(&row)?;
    staff::check_way_in(app, ctx, id)?;
    let (invited, row) = prepare(app, login, Credentials { factors: None, ..row }, ttl)?;
    let mut rows = vec![app.vault.seal_system_row(SystemTable::Credentials, id.as_bytes(), &row)?];
    let mut undone = Vec::new();
    for (request, row, sealed) in approvals::without_approval(app, id)? {
        rows.push(sealed);
        undone.push((request, row));
    }
    let act = ctx.act(Action::ManageStaff, &Resource::Staff)?;
    let detail = Detail::Account { id, change: "invited anew".to_owned() };
    app.vault.write_system_rows(act, detail, rows).await?;
    app.door.ring.put(id, row);
    app.door.sessions.end_all(id);
    undone.into_iter().for_each(|(request, row)| approvals::put_back(app, request, row));
    Ok(invited)
}

/// An invitation and the row with it.
fn prepare(app: &App, login: Login, row: Credentials, ttl: Duration) -> Result<(Invited, Credentials), ServiceError> {
    let token = bearer::make(app.entropy()).map_err(VaultError::from)?;
    let expires = app.clock.now().plus(ttl);
    let invitation = Some(Invitation { hash: sha256(token.expose()), expires });
    Ok((Invited { login: login.into(), token, expires }, Credentials { invitation, ..row }))
}

async fn open(
    app: &Arc<App>,
    ctx: &Context,
    id: StaffId,
    login: Login,
    row: Credentials,
    ttl: Duration,
    change: &str,
) -> Result<Invited, ServiceError> {
    let (invited, row) = prepare(app, login, row, ttl)?;
    write(app, ctx.act(Action::ManageStaff, &Resource::Staff)?, id, row, change).await?;
    Ok(invited)
}

/// An account of the provider's people never gets a password of ours: whoever had the invitation would be them.
fn check_not_of_provider(row: &Credentials) -> Result<(), ServiceError> {
    match row.provider {
        Some(_) => Err(invalid(
            "login",
            "of-the-provider",
            "This account signs in through the provider, and has no password here.",
        )),
        None => Ok(()),
    }
}

fn check_life(ttl: Duration) -> Result<(), ServiceError> {
    if ttl.is_zero() { Err(invalid("ttl", "out-of-range", "The invitation would end at once.")) } else { Ok(()) }
}

/// Whose invitation a token is.
///
/// # Errors
/// [`ServiceError::NotFound`] for one that was used, is too old, or never was.
pub fn look(app: &App, token: &str) -> Result<String, ServiceError> {
    let (_, login) = invited(app, token)?;
    Ok(login)
}

fn invited(app: &App, token: &str) -> Result<(StaffId, String), ServiceError> {
    if !app.takes_passwords() {
        return Err(ServiceError::NotFound);
    }
    let id = app.door.ring.invited(&sha256(token), app.clock.now()).ok_or(ServiceError::NotFound)?;
    let login = staff::login_of(app, id).ok_or(ServiceError::NotFound)?;
    Ok((id, login))
}

/// Takes the password that somebody chooses by an invitation, and makes the secret of their authenticator program. Nothing is
/// kept until [`complete_setup`]; the invitation stays good until then.
///
/// # Errors
/// [`ServiceError::NotFound`] as [`look`]; [`ServiceError::Invalid`] (field `new-password`) for a password that cannot be
/// chosen.
pub async fn begin_setup(app: &Arc<App>, token: &str, password: &SensitiveString) -> Result<Setup, ServiceError> {
    let (_, login) = invited(app, token)?;
    let parsed: Login = login.parse().map_err(|_| ServiceError::Internal)?;
    // Whoever has an invitation can post as often as they like.
    let password = make_hash(app, Lane::Invited(sha256(token)), choose(&parsed, password)?).await?;
    let totp = TotpSecret::make_random(app.entropy()).map_err(VaultError::from)?;
    let shown = shown(app, login, &totp)?;
    let now = app.clock.now();
    let mut setups = app.door.setups.0.lock().unwrap_or_else(PoisonError::into_inner);
    setups.retain(|_, pending| now.since(pending.began) < LIFE);
    if setups.len() >= MOST {
        return Err(ServiceError::Unavailable);
    }
    setups.insert(sha256(token), Pending { password, totp, began: now });
    Ok(shown)
}

/// The first code of an authenticator program is not right.
pub(super) fn wrong_first_code() -> ServiceError {
    let message = "This code is not right. Is the clock of your phone right? Please type the code that it shows now.";
    invalid("code", "bad-code", message)
}

pub(super) fn shown(app: &App, login: String, totp: &TotpSecret) -> Result<Setup, ServiceError> {
    let issuer = app.post().map_or("Letterlock", |post| post.name());
    let uri = totp.uri(issuer, &login).ok_or(ServiceError::Internal)?;
    Ok(Setup { login, secret: totp.grouped(), uri })
}

/// Takes the first code of the program; uses the invitation up, and signs in. Returns the recovery codes, to be shown once.
///
/// # Errors
/// [`ServiceError::NotFound`] without a set-up that was begun within the last half an hour; [`ServiceError::Invalid`] (field
/// `code`) for a wrong code, with what was shown before, to be shown again.
pub async fn complete_setup(
    app: &Arc<App>,
    ctx: &Context,
    token: &str,
    code: &SensitiveString,
) -> Result<(Complete, Vec<SensitiveString>), (ServiceError, Option<Setup>)> {
    let plain = |error: ServiceError| (error, None);
    let now = app.clock.now();
    let _one_at_a_time = app.door.changing.lock().await;
    let (id, login) = invited(app, token).map_err(plain)?;
    let pending = app.door.setups.of(token, now).map_err(plain)?;
    let Some(step) = pending.totp.step_of(code.expose(), now) else {
        return Err((wrong_first_code(), shown(app, login, &pending.totp).ok()));
    };
    let first = First::Codes(Codes { totp: pending.totp, last_step: step });
    complete(app, ctx, token, (id, login), pending.password, first).await.map_err(plain)
}

/// What asks a browser to make the first passkey of an account, in the place of an authenticator program.
///
/// # Errors
/// [`ServiceError::NotFound`] without a set-up that was begun within the last half an hour, or where there are no passkeys.
pub fn begin_passkey_setup(app: &App, token: &str) -> Result<String, ServiceError> {
    let (id, login) = invited(app, token)?;
    app.door.setups.of(token, app.clock.now())?;
    let made = passkeys::site(app)?.make(id, &login, &[], app.entropy());
    let (options, asked) = made.map_err(VaultError::from)?;
    app.door.asked.making().put(token, asked, app.clock.now());
    Ok(options)
}

/// Takes the first passkey; otherwise as [`complete_setup`].
///
/// # Errors
/// As there; [`ServiceError::Invalid`] has the field `passkey`.
pub async fn complete_setup_by_passkey(
    app: &Arc<App>,
    ctx: &Context,
    token: &str,
    name: &str,
    answer: &str,
) -> Result<(Complete, Vec<SensitiveString>), (ServiceError, Option<Setup>)> {
    let plain = |error: ServiceError| (error, None);
    let _one_at_a_time = app.door.changing.lock().await;
    let (id, login) = invited(app, token).map_err(plain)?;
    let pending = app.door.setups.of(token, app.clock.now()).map_err(plain)?;
    let own = match passkeys::made(app, token, name, answer) {
        Ok(own) => own,
        Err(error) => return Err((error, shown(app, login, &pending.totp).ok())),
    };
    complete(app, ctx, token, (id, login), pending.password, First::Passkey(own)).await.map_err(plain)
}

/// Everything was right: makes the account's factors, uses the invitation up, and signs in. The caller holds `changing`.
async fn complete(
    app: &Arc<App>,
    ctx: &Context,
    token: &str,
    (id, login): (StaffId, String),
    password: PasswordHash,
    first: First,
) -> Result<(Complete, Vec<SensitiveString>), ServiceError> {
    let entropy = app.entropy();
    let (by, change) = match first {
        First::Codes(_) => (Factor::Code, "password and code set"),
        First::Passkey(_) => (Factor::Passkey, "password and passkey set"),
    };
    let (mut factors, codes) = Factors::make(password, first, entropy).map_err(VaultError::from)?;
    let device = bearer::make(entropy).map_err(VaultError::from)?;
    factors.remember(sha256(device.expose()));
    let roles = app.door.ring.roles(id).unwrap_or_default();
    let actor = Actor::Staff { id, login, roles: roles.clone(), scope: Scope::default() };
    let act = Context { actor, ..ctx.clone() }.act(Action::SignIn, &Resource::Staff)?;
    write(app, act, id, Credentials { roles, factors: Some(factors), ..Credentials::default() }, change).await?;
    app.door.setups.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&sha256(token));
    app.door.sessions.end_all(id);
    let token = app.door.sessions.complete(id, by, app.clock.now(), entropy).map_err(VaultError::from)?;
    Ok((Complete { token, device, recovery_left: None }, codes))
}

fn invalid(field: &str, code: &'static str, message: &str) -> ServiceError {
    ServiceError::Invalid(vec![Problem::in_field(field, code, message)])
}
