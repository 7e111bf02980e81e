//! How the people inside sign in: a password, then a one-time code or a passkey; or a passkey alone. An account begins with an
//! invitation, good once and not for long, by which its holder chooses a password and sets up what comes second.
//!
//! An unknown login, a wrong password, an account without a password and a disabled one get the same answer after the same
//! work: one hash at the installation's cost, one entry in the audit trail.

mod account;
mod ceremonies;
mod confirm;
mod credentials;
mod enrol;
mod hashing;
mod passkeys;
mod place;
mod provider;
mod queue;
mod roles;
mod sessions;
mod throttle;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use tokio::sync::Mutex;

use super::staff;
use super::{App, Context, Problem, ServiceError, bearer};
use crate::base::ids::{Handle, StaffId};
use crate::base::sensitive::SensitiveString;
use crate::crypto::passkey::{BadSite, Site};
use crate::crypto::password::{Cost, PasswordHash};
use crate::domain::password::Password;
use crate::domain::staff::Login;
use crate::policy::{Action, Actor, Resource, Role};
use crate::vault::system_rows::SystemTable;
use crate::vault::{Detail, Vault, VaultError};
use credentials::{Credentials, Ring, Second, sha256};
use hashing::{Hashing, Lane};
use place::Place;
use throttle::{From, Throttle};

pub use account::{
    Own, PasskeyShown, Way, begin_codes, change_password, complete_codes, end_session, own, remove_codes,
    remove_passkey, renew_recovery,
};
pub(super) use account::{sessions_of, way_of};
pub use confirm::{ask_confirmation, confirm, confirm_by_passkey, is_fresh};
pub use enrol::{
    Invited, Setup, begin_passkey_setup, begin_setup, complete_setup, complete_setup_by_passkey, invite, look, recover,
};
pub use passkeys::{add_passkey, ask_passkey, begin_passkey, enter_by_passkey, enter_passkey, prove_passkey};
pub use provider::{
    Arrived, CALLBACK, Federation, NotLetIn, Start, begin as begin_by_provider,
    begin_confirmation as begin_confirmation_by_provider, complete as complete_by_provider,
};
pub use roles::change_roles;
pub(super) use roles::{change_roles_once, check_own_roles, check_set_up, keep_an_admin};
pub use sessions::{FRESH, Factor, IDLE, LONGEST, Session};

/// The roles of an account that signs in; `None` for one that never was invited.
pub(super) fn own_roles(app: &App, id: StaffId) -> Option<Vec<Role>> {
    app.door.ring.roles(id)
}

/// Whether the holder of an account signs in through the provider.
pub(super) fn is_of_provider(app: &App, id: StaffId) -> bool {
    app.door.ring.of(id).is_some_and(|row| row.provider.is_some())
}

/// Holds every change of what accounts sign in with, for changes elsewhere that must not meet one.
pub(super) async fn hold(app: &App) -> tokio::sync::MutexGuard<'_, ()> {
    app.door.changing.lock().await
}

/// Everything that signing in needs.
pub struct Door {
    ring: Ring,
    sessions: sessions::Sessions,
    throttle: Throttle,
    setups: enrol::Setups,
    site: OnceLock<Site>,
    asked: ceremonies::Ceremonies,
    federation: OnceLock<Federation>,
    /// Those who have gone to the provider.
    outside: provider::Waiting,
    cost: OnceLock<Cost>,
    hashing: Hashing,
    /// Changes happen one at a time, so that a code cannot count twice.
    changing: Mutex<()>,
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// As whom they act.
    pub actor: Actor,
    /// Their login.
    pub login: String,
    /// The session.
    pub session: Session,
}

/// A sign-in that is complete.
pub struct Complete {
    /// The token of the session, for its cookie: 43 characters.
    pub token: SensitiveString,
    /// For a cookie by which this browser is known when it comes again.
    pub device: SensitiveString,
    /// Recovery codes left, when it was one of them that completed it.
    pub recovery_left: Option<usize>,
}

impl Door {
    pub(super) fn load(vault: &Vault) -> Result<Self, VaultError> {
        Ok(Self {
            ring: Ring::load(vault)?,
            sessions: sessions::Sessions::default(),
            throttle: Throttle::default(),
            setups: enrol::Setups::default(),
            site: OnceLock::new(),
            asked: ceremonies::Ceremonies::default(),
            federation: OnceLock::new(),
            outside: provider::Waiting::default(),
            cost: OnceLock::new(),
            hashing: Hashing::default(),
            changing: Mutex::new(()),
        })
    }

    fn cost(&self) -> Cost {
        self.cost.get().copied().unwrap_or(Cost::USUAL)
    }
}

impl App {
    /// What hashing a password costs from now on. Only the first one counts.
    pub fn set_password_cost(&self, cost: Cost) {
        let _ = self.door.cost.set(cost);
    }

    /// Where the service is reached by browsers, for example `https://vault.example.org`: passkeys are good there and nowhere else.
    /// Without it there are none. Only the first one counts.
    ///
    /// # Errors
    /// [`BadSite`] for an address that can have none.
    pub fn set_site(&self, origin: &str) -> Result<(), BadSite> {
        let name = self.operator().name.clone().unwrap_or_else(|| "Letterlock".to_owned());
        let _ = self.door.site.set(Site::new(origin, &name)?);
        Ok(())
    }

    /// Where browsers reach the service, as far as that is known, without a slash at the end.
    pub fn origin(&self) -> Option<&str> {
        self.door.site.get().map(Site::origin)
    }

    /// Whether there can be passkeys.
    pub fn has_passkeys(&self) -> bool {
        self.door.site.get().is_some()
    }
}

/// The first step. Returns a token, for a cookie, under which [`enter_code`] completes the sign-in within five minutes.
///
/// # Errors
/// [`ServiceError::Unauthenticated`], whatever was wrong; [`ServiceError::Later`] when too much was tried;
/// [`ServiceError::Unavailable`] while too many wait.
pub async fn enter(
    app: &Arc<App>,
    ctx: &Context,
    login: &str,
    password: &SensitiveString,
    address: Option<IpAddr>,
    device: Option<&str>,
) -> Result<SensitiveString, ServiceError> {
    let act = ctx.act(Action::SignIn, &Resource::Staff)?;
    if !app.takes_passwords() {
        return Err(ServiceError::NotFound);
    }
    // As it was typed, for the throttle: what cannot be a login is tried like one that does not exist.
    let typed: Option<Login> = login.trim().parse().ok();
    let known = match &typed {
        Some(login) => staff::find_active(app, login)?,
        None => None,
    };
    let row = known.and_then(|id| app.door.ring.of(id));
    let factors = row.as_ref().and_then(|row| row.factors.as_ref());
    let device = device.map(sha256);
    let from = match (device, factors) {
        (Some(device), Some(factors)) if factors.knows(&device) => From::Known(device),
        _ => From::Stranger(address),
    };
    let name = typed.as_ref().map_or("", Login::as_str);
    let now = app.clock.now();
    let begun = app.door.throttle.begin(name, known.is_some(), from, now).map_err(ServiceError::Later)?;

    let cost = app.door.cost();
    let hash = factors.map_or_else(|| PasswordHash::decoy(cost), |factors| factors.password.clone());
    let (old, verified) = (!hash.is_of(cost), hash.clone());
    let typed = Password::typed(password.expose());
    let lane = match from {
        From::Known(_) => Lane::Known,
        From::Stranger(address) => Lane::Any(Place::of(address)),
    };
    let good = app.door.hashing.run(lane, move || typed.is_some_and(|password| hash.matches(password.expose()))).await;
    // Nothing was looked at: whoever tries again when there is less to do is not kept waiting for it.
    let good = good.inspect_err(|_| app.door.throttle.take_back(begun, app.clock.now()))?;
    let (true, Some(id), true) = (good, known, factors.is_some()) else {
        let detail = known.map_or(Detail::None, |id| Detail::Account { id, change: "sign-in refused".to_owned() });
        app.vault.write_system_rows(act, detail, Vec::new()).await?;
        return Err(ServiceError::Unauthenticated);
    };
    let renewed = match Password::typed(password.expose()) {
        Some(password) if old => Some(make_hash(app, Lane::Known, password).await?),
        _ => None,
    };
    let _one_at_a_time = app.door.changing.lock().await;
    let mut row = active(app, id)?;
    // Changed while it was hashed: then it is not the password any more.
    let factors = row.factors.as_mut().filter(|factors| factors.password.is_same(&verified));
    let factors = factors.ok_or(ServiceError::Unauthenticated)?;
    if let Some(renewed) = renewed {
        factors.password = renewed;
        save(app, ctx, id, row, "password hashed anew").await?;
    }
    // The try goes on counting until a code completes it: whoever has the password must not guess codes for nothing.
    Ok(app.door.sessions.begin(id, from, now, app.entropy()).map_err(VaultError::from)?)
}

/// The second step: a code of the authenticator program, or a recovery code.
///
/// # Errors
/// [`ServiceError::NotFound`] when no code is waited for under this token (any more); [`ServiceError::Invalid`] for a code
/// that is wrong, too old, or was used.
pub async fn enter_code(
    app: &Arc<App>,
    ctx: &Context,
    token: &str,
    code: &SensitiveString,
) -> Result<Complete, ServiceError> {
    let now = app.clock.now();
    let _one_at_a_time = app.door.changing.lock().await;
    let (id, from) = app.door.sessions.try_code(token, now).ok_or(ServiceError::NotFound)?;
    let login = staff::login_of(app, id).ok_or(ServiceError::NotFound)?;
    let mut row = active(app, id)?;
    let factors = row.factors.as_mut().ok_or(ServiceError::NotFound)?;
    // A recovery code is too long to be guessed.
    if credentials::is_short(code.expose()) && matches!(from, From::Stranger(_)) {
        app.door.throttle.begin_code(&login, now).map_err(ServiceError::Later)?;
    }
    let Some(second) = factors.use_code(code.expose(), now) else {
        let act = ctx.act(Action::SignIn, &Resource::Staff)?;
        let detail = Detail::Account { id, change: "code refused".to_owned() };
        app.vault.write_system_rows(act, detail, Vec::new()).await?;
        let message = "This code is not right, or was used already. Please wait for the next one.";
        return Err(ServiceError::Invalid(vec![Problem::in_field("code", "bad-code", message)]));
    };
    let by = match second {
        Second::Code => Factor::Code,
        Second::Recovery => Factor::Recovery,
    };
    finish(app, ctx, (id, login), row, by, from, token).await
}

/// Everything was right: writes what changed, and begins the session in the place of what the browser had. The caller holds
/// `changing`.
async fn finish(
    app: &Arc<App>,
    ctx: &Context,
    (id, login): (StaffId, String),
    mut row: Credentials,
    by: Factor,
    from: From,
    before: &str,
) -> Result<Complete, ServiceError> {
    let now = app.clock.now();
    let factors = row.factors.as_mut().ok_or(ServiceError::NotFound)?;
    let device = bearer::make(app.entropy()).map_err(VaultError::from)?;
    factors.remember(sha256(device.expose()));
    let recovery_left = (by == Factor::Recovery).then(|| factors.recovery_left());
    let change = match by {
        Factor::Code => "signed in",
        Factor::Recovery => "signed in by recovery code",
        Factor::Passkey => "signed in by password and passkey",
        Factor::PasskeyAlone => "signed in by passkey",
        Factor::Provider => "signed in through the provider",
    };
    let actor = Actor::Staff { id, login: login.clone(), roles: row.roles.clone(), scope: staff::scope_of(app, id) };
    save(app, &Context { actor, ..ctx.clone() }, id, row, change).await?;
    app.door.throttle.succeeded(&login, from, now);
    app.door.sessions.end(before);
    let token = app.door.sessions.complete(id, by, now, app.entropy()).map_err(VaultError::from)?;
    Ok(Complete { token, device, recovery_left })
}

/// Whether this browser has signed in to this account before.
pub fn knows(app: &App, login: &str, device: Option<&str>) -> bool {
    let id = login.trim().parse().ok().and_then(|login| staff::find_active(app, &login).ok().flatten());
    let factors = id.and_then(|id| app.door.ring.of(id)).and_then(|row| row.factors);
    device.zip(factors).is_some_and(|(device, factors)| factors.knows(&sha256(device)))
}

/// Passwords hashed since the start, right or wrong: what signing in costs.
pub fn hashed(app: &App) -> u64 {
    app.door.hashing.count()
}

/// Signs out, and has the account not know this browser any more, by whatever copy of its cookie.
///
/// # Errors
/// Storage errors; the session is over all the same.
pub async fn leave_for_good(
    app: &Arc<App>,
    ctx: &Context,
    token: &str,
    device: Option<&str>,
) -> Result<(), ServiceError> {
    let account = find(app, token).map(|here| here.session.staff);
    leave(app, ctx, token).await?;
    let (Some(id), Some(device)) = (account, device) else { return Ok(()) };
    let _one_at_a_time = app.door.changing.lock().await;
    let mut row = active(app, id)?;
    match row.factors.as_mut().is_some_and(|factors| factors.forget(&sha256(device))) {
        true => save(app, ctx, id, row, "browser forgotten").await,
        false => Ok(()),
    }
}

/// What is waited for under a token, between password and the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The account has an authenticator program.
    pub codes: bool,
    /// It has a passkey.
    pub passkeys: bool,
}

/// What is waited for under this token, if anything is.
pub fn waits(app: &App, token: &str) -> Option<Waiting> {
    let id = app.door.sessions.waits(token, app.clock.now())?;
    let factors = app.door.ring.of(id)?.factors?;
    Some(Waiting { codes: factors.codes.is_some(), passkeys: !factors.passkeys.is_empty() && app.has_passkeys() })
}

/// An account as its person acts; `None` for one that is disabled or was never invited, as those of programs.
pub(super) fn person(app: &App, id: StaffId) -> Option<Actor> {
    let (login, roles) = (staff::login_of(app, id)?, own_roles(app, id)?);
    Some(Actor::Staff { id, login, roles, scope: staff::scope_of(app, id) })
}

/// Who is signed in under a token. A disabled account is not.
pub fn find(app: &App, token: &str) -> Option<SignedIn> {
    let session = app.door.sessions.find(token, app.clock.now())?;
    let (login, actor) = (staff::login_of(app, session.staff)?, person(app, session.staff)?);
    Some(SignedIn { actor, login, session })
}

/// Whether an account still has this session.
pub(super) fn has_session(app: &App, id: StaffId, session: Handle) -> bool {
    app.door.sessions.has(id, session, app.clock.now())
}

/// Signs out.
///
/// # Errors
/// Storage errors; the session is over all the same.
pub async fn leave(app: &Arc<App>, ctx: &Context, token: &str) -> Result<(), ServiceError> {
    let here = find(app, token);
    app.door.sessions.end(token);
    let Some(here) = here else { return Ok(()) };
    let act = ctx.act(Action::SignIn, &Resource::Staff)?;
    let detail = Detail::Account { id: here.session.staff, change: "signed out".to_owned() };
    Ok(app.vault.write_system_rows(act, detail, Vec::new()).await?)
}

/// What an account may sign in as; nothing without an invitation.
pub(super) fn roles_of(app: &App, id: StaffId) -> Vec<Role> {
    app.door.ring.roles(id).unwrap_or_default()
}

/// The credentials of an account that may act.
fn active(app: &App, id: StaffId) -> Result<Credentials, ServiceError> {
    staff::login_of(app, id).and_then(|_| app.door.ring.of(id)).ok_or(ServiceError::NotFound)
}

/// Writes a row under one audit entry, then shows it to others. The caller holds `changing`.
async fn save(app: &Arc<App>, ctx: &Context, id: StaffId, row: Credentials, change: &str) -> Result<(), ServiceError> {
    let act = ctx.act(Action::SignIn, &Resource::Staff)?;
    write(app, act, id, row, change).await
}

async fn write(
    app: &Arc<App>,
    act: crate::vault::Act,
    id: StaffId,
    row: Credentials,
    change: &str,
) -> Result<(), ServiceError> {
    let sealed = app.vault.seal_system_row(SystemTable::Credentials, id.as_bytes(), &row)?;
    let detail = Detail::Account { id, change: change.to_owned() };
    app.vault.write_system_rows(act, detail, vec![sealed]).await?;
    app.door.ring.put(id, row);
    Ok(())
}

fn choose(login: &Login, typed: &SensitiveString) -> Result<Password, ServiceError> {
    Password::choose(typed.expose(), login)
        .map_err(|bad| ServiceError::Invalid(vec![Problem::in_field("new-password", "bad-password", bad.to_string())]))
}

async fn make_hash(app: &Arc<App>, lane: Lane, password: Password) -> Result<PasswordHash, ServiceError> {
    let (cost, entropy) = (app.door.cost(), Arc::clone(&app.entropy));
    let made = app.door.hashing.run(lane, move || PasswordHash::make(password.expose(), cost, &*entropy)).await?;
    made.map_err(|_| ServiceError::Unavailable)
}
