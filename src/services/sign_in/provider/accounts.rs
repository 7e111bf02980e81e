//! Accounts of those who come from the provider: found by issuer and subject, made when they come first, never taken from anybody.

use std::sync::Arc;

use super::{Federation, NotLetIn, Of, groups, proven_at, refuse};
use crate::adapters::oidc::Proven;
use crate::base::ids::StaffId;
use crate::base::sensitive::SensitiveString;
use crate::policy::{Action, Actor, Resource, Role};
use crate::services::sign_in::credentials::{Credentials, Identity};
use crate::services::sign_in::roles::told as told_roles;
use crate::services::sign_in::sessions::Factor;
use crate::services::{App, Context, ServiceError, staff};
use crate::vault::system_rows::SystemTable;
use crate::vault::{Act, Detail, VaultError};

/// Begins a session for whoever the provider says it is. Returns its token.
pub(super) async fn enter(
    app: &Arc<App>,
    ctx: &Context,
    federation: &Federation,
    proven: &Proven,
    roles: Vec<Role>,
) -> Result<SensitiveString, NotLetIn> {
    let _one_at_a_time = app.door.changing.lock().await;
    let id = match app.door.ring.bound(federation.issuer(), &proven.subject) {
        Some(id) => known(app, ctx, id, roles, None, "signed in through the provider").await?,
        None => make(app, ctx, federation, proven, roles).await?,
    };
    let now = app.clock.now();
    let session = app.door.sessions.begin_proven(id, Factor::Provider, proven_at(proven, now), now, app.entropy());
    Ok(session.map_err(VaultError::from)?)
}

/// Whose session it is, they are.
pub(super) async fn confirm(
    app: &Arc<App>,
    ctx: &Context,
    federation: &Federation,
    proven: &Proven,
    roles: Vec<Role>,
    (account, session): Of,
) -> Result<(), NotLetIn> {
    let _one_at_a_time = app.door.changing.lock().await;
    if app.door.ring.bound(federation.issuer(), &proven.subject) != Some(account) {
        let act = ctx.act(Action::SignIn, &Resource::Staff)?;
        let change = "confirmation through the provider refused: it was somebody else".to_owned();
        app.vault.write_system_rows(act, Detail::Account { id: account, change }, Vec::new()).await?;
        return Err(NotLetIn::SomebodyElse);
    }
    let now = app.clock.now();
    if !app.door.sessions.of(account, now).iter().any(|open| open.id == session) {
        return Err(NotLetIn::Lost);
    }
    known(app, ctx, account, roles, Some((account, session)), "confirmed through the provider").await?;
    app.door.sessions.confirm(session, now);
    Ok(())
}

/// Somebody who was here before: takes over what they may act as now. Sessions by other roles end, but for `kept`. The caller holds
/// `changing`.
async fn known(
    app: &Arc<App>,
    ctx: &Context,
    id: StaffId,
    roles: Vec<Role>,
    kept: Option<Of>,
    change: &str,
) -> Result<StaffId, NotLetIn> {
    let Some(login) = staff::login_of(app, id) else {
        let change = "sign-in through the provider refused: the account is disabled";
        let act = ctx.act(Action::SignIn, &Resource::Staff)?;
        app.vault.write_system_rows(act, Detail::Account { id, change: change.to_owned() }, Vec::new()).await?;
        return Err(NotLetIn::Disabled);
    };
    let row = app.door.ring.of(id).ok_or(ServiceError::NotFound)?;
    let (changed, refused) = (row.roles != roles, roles.is_empty());
    let row = Credentials { roles, ..row };
    let mut acts = Vec::new();
    if changed {
        let now = if refused { "no role any more".to_owned() } else { told_roles(&row.roles) };
        acts.push(entry(&acting(app, ctx, id, &login, &row.roles), id, &format!("{now}, by the provider"))?);
    }
    let done = if refused { "sign-in through the provider refused: no group of theirs has a role" } else { change };
    acts.push(entry(&acting(app, ctx, id, &login, &row.roles), id, done)?);
    let sealed = app.vault.seal_system_row(SystemTable::Credentials, id.as_bytes(), &row)?;
    app.vault.write_system_rows_as(acts, if changed { vec![sealed] } else { Vec::new() }).await?;
    if changed {
        app.door.ring.put(id, row);
        match kept {
            Some((_, session)) if !refused => app.door.sessions.end_others(id, session),
            _ => app.door.sessions.end_all(id),
        }
    }
    if refused { Err(NotLetIn::NoRole) } else { Ok(id) }
}

/// Somebody who was never here: gets an account of their own, if any group of theirs has a role. The caller holds `changing`.
async fn make(
    app: &Arc<App>,
    ctx: &Context,
    federation: &Federation,
    proven: &Proven,
    roles: Vec<Role>,
) -> Result<StaffId, NotLetIn> {
    if roles.is_empty() {
        refuse(app, ctx, "no group of theirs has a role").await;
        return Err(NotLetIn::NoRole);
    }
    let provider =
        Identity { issuer: federation.issuer().to_owned(), subject: SensitiveString::from(proven.subject.clone()) };
    let row = Credentials { roles, provider: Some(provider), ..Credentials::default() };
    let wanted = groups::login(&proven.claims);
    let made = staff::add_person(app, &wanted, async |id, login, account| {
        let ctx = acting(app, ctx, id, login, &row.roles);
        let acts = [
            "added, of the provider",
            &format!("{}, by the provider", told_roles(&row.roles)),
            "signed in through the provider",
        ];
        let acts = acts.into_iter().map(|change| entry(&ctx, id, change)).collect::<Result<_, _>>()?;
        let sealed = app.vault.seal_system_row(SystemTable::Credentials, id.as_bytes(), &row)?;
        Ok(app.vault.write_system_rows_as(acts, vec![account, sealed]).await?)
    });
    let id = made.await?;
    app.door.ring.put(id, row);
    Ok(id)
}

/// As the account acts. Who has no role acts as anybody does.
fn acting(app: &App, ctx: &Context, id: StaffId, login: &str, roles: &[Role]) -> Context {
    if roles.is_empty() {
        return ctx.clone();
    }
    let scope = staff::scope_of(app, id);
    let actor = Actor::Staff { id, login: login.to_owned(), roles: roles.to_vec(), scope };
    Context { actor, ..ctx.clone() }
}

fn entry(ctx: &Context, id: StaffId, change: &str) -> Result<(Act, Detail), ServiceError> {
    Ok((ctx.act(Action::SignIn, &Resource::Staff)?, Detail::Account { id, change: change.to_owned() }))
}
