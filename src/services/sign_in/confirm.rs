//! Once more, before something grave: whoever is signed in proves who they are, by password and code or by a passkey. For a few minutes
//! after that, and after a sign-in, they are not asked again.

use std::net::IpAddr;
use std::sync::Arc;

use super::account::confirm_password;
use super::sessions::FRESH;
use super::throttle::From;
use super::{SignedIn, active, credentials, passkeys, save};
use crate::base::sensitive::SensitiveString;
use crate::policy::{Action, Resource};
use crate::services::{App, Context, Problem, ServiceError};
use crate::vault::{Detail, VaultError};

/// Whether somebody has proven who they are within the last [`FRESH`].
pub fn is_fresh(app: &App, here: &SignedIn) -> bool {
    app.clock.now().since(here.session.proven) < FRESH
}

/// By password and code, or recovery code. Throttled as a sign-in is.
///
/// # Errors
/// [`ServiceError::Invalid`] (field `password` or `code`); [`ServiceError::Later`] when too much was tried.
pub async fn confirm(
    app: &Arc<App>,
    ctx: &Context,
    here: &SignedIn,
    password: &SensitiveString,
    code: &SensitiveString,
    address: Option<IpAddr>,
) -> Result<(), ServiceError> {
    confirm_password(app, ctx, here, password, address).await?;
    let now = app.clock.now();
    let _one_at_a_time = app.door.changing.lock().await;
    let mut row = active(app, here.session.staff)?;
    let factors = row.factors.as_mut().ok_or(ServiceError::NotFound)?;
    if credentials::is_short(code.expose()) {
        app.door.throttle.begin_code(&here.login, now).map_err(ServiceError::Later)?;
    }
    if factors.use_code(code.expose(), now).is_none() {
        let act = ctx.act(Action::SignIn, &Resource::Staff)?;
        let detail = Detail::Account { id: here.session.staff, change: "code refused".to_owned() };
        app.vault.write_system_rows(act, detail, Vec::new()).await?;
        let message = "This code is not right, or was used already. Please wait for the next one.";
        return Err(ServiceError::Invalid(vec![Problem::in_field("code", "bad-code", message)]));
    }
    save(app, ctx, here.session.staff, row, "confirmed by password and code").await?;
    app.door.throttle.succeeded(&here.login, From::Stranger(address), now);
    app.door.sessions.confirm(here.session.id, now);
    Ok(())
}

/// What asks for a passkey in the place of both.
///
/// # Errors
/// [`ServiceError::NotFound`] when the account has none.
pub fn ask_confirmation(app: &App, here: &SignedIn) -> Result<String, ServiceError> {
    let keys = active(app, here.session.staff)?.factors.ok_or(ServiceError::NotFound)?.keys();
    if keys.is_empty() {
        return Err(ServiceError::NotFound);
    }
    let (options, asked) = passkeys::site(app)?.prove(&keys, app.entropy()).map_err(VaultError::from)?;
    app.door.asked.proving().put(&here.session.id.to_string(), asked, app.clock.now());
    Ok(options)
}

/// By a passkey.
///
/// # Errors
/// [`ServiceError::Invalid`] (field `passkey`) for an answer that is not right.
pub async fn confirm_by_passkey(
    app: &Arc<App>,
    ctx: &Context,
    here: &SignedIn,
    answer: &str,
) -> Result<(), ServiceError> {
    let _one_at_a_time = app.door.changing.lock().await;
    let mut row = active(app, here.session.staff)?;
    let token = here.session.id.to_string();
    passkeys::prove(app, ctx, here.session.staff, &mut row, &token, answer).await?;
    save(app, ctx, here.session.staff, row, "confirmed by passkey").await?;
    app.door.sessions.confirm(here.session.id, app.clock.now());
    Ok(())
}
