//! API tokens: made for an account, with roles and a scope, until they end or are revoked.
//!
//! A token never does more than its account: of somebody who signs in it has those of its roles that the account has at the time.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::alone::{check_hand_out, check_known, check_way_in};
use super::{AccountRow, State, find, invalid, new_account, parse_login};
use crate::base::clock::Timestamp;
use crate::base::ids::{StaffId, TokenId};
use crate::base::sensitive::SensitiveString;
use crate::crypto::token::Token;
use crate::domain::form::FormId;
use crate::policy::{Action, Actor, Resource, Role, Scope};
use crate::services::{App, Context, ServiceError, sign_in};
use crate::vault::system_rows::{SystemRow, SystemTable};
use crate::vault::{Detail, VaultError};

/// When a token was last used is kept to the hour: to see which ones nobody needs any more.
const GRAIN: i64 = 60 * 60 * 1000;

/// A token as lists show it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenInfo {
    /// Its id.
    pub id: TokenId,
    /// What it may act as.
    pub roles: Vec<Role>,
    /// The only actions it may do; `None` for all.
    pub actions: Option<Vec<Action>>,
    /// The only forms whose submissions it reaches; `None` for all.
    pub forms: Option<Vec<FormId>>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Option<Timestamp>,
    /// The hour in which it was used last.
    pub last_used: Option<Timestamp>,
    /// Ended by hand.
    pub revoked: bool,
}

/// A token just made; the bearer text is shown once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewToken {
    /// Its id.
    pub id: TokenId,
    /// `llt_…`, for the `Authorization: Bearer` header.
    pub bearer: SensitiveString,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct TokenRow {
    pub(super) staff: StaffId,
    hash: [u8; 32],
    pub(super) roles: Vec<Role>,
    /// By name: a name keeps its meaning, a number might not.
    actions: Option<Vec<String>>,
    forms: Option<Vec<FormId>>,
    created: Timestamp,
    pub(super) expires: Option<Timestamp>,
    last_used: Option<Timestamp>,
    pub(super) revoked: bool,
}

impl TokenRow {
    /// Names that are not actions any more allow nothing.
    fn actions(&self) -> Option<Vec<Action>> {
        self.actions.as_ref().map(|names| names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    fn is_good(&self, now: Timestamp) -> bool {
        !self.revoked && self.expires.is_none_or(|end| now < end)
    }

    pub(super) fn shown(&self, id: TokenId) -> TokenInfo {
        let (actions, Self { roles, forms, created, expires, last_used, revoked, .. }) = (self.actions(), self.clone());
        TokenInfo { id, roles, actions, forms, created, expires, last_used, revoked }
    }
}

/// Finds out who a bearer token is. The same answer, in the same time, for an unknown id and a wrong secret.
///
/// # Errors
/// [`ServiceError::Unauthenticated`] for anything but a live token of a live account.
pub async fn authenticate(app: &Arc<App>, bearer: &str) -> Result<Actor, ServiceError> {
    let token = Token::parse(bearer).map_err(|_| ServiceError::Unauthenticated)?;
    let now = app.clock.now();
    let row = app.staff.read(|state| state.tokens.get(&token.id()).cloned())?;
    // An unknown id is compared as well, with a hash that nothing has.
    let hash = row.as_ref().map_or([0; 32], |row| row.hash);
    let matches = app.vault.token_matches(&token, &hash);
    let row = row.filter(|_| matches).ok_or(ServiceError::Unauthenticated)?;
    if !row.is_good(now) {
        return Err(ServiceError::Unauthenticated);
    }
    let account = app.staff.read(|state| state.accounts.get(&row.staff).cloned())?;
    let account = account.filter(|account| !account.disabled).ok_or(ServiceError::Unauthenticated)?;
    mark_used(app, token.id(), &row, now)?;
    let scope = super::complete(app, row.staff, Scope::new(row.actions(), row.forms.clone()));
    let roles = within(app, row.staff, &account, row.roles);
    Ok(Actor::Staff { id: row.staff, login: account.login, roles, scope })
}

/// Whether there is a token with this id that was not revoked and has not run out.
pub(in crate::services) fn is_token_good(app: &App, id: TokenId) -> bool {
    let now = app.clock.now();
    app.staff.read(|state| state.tokens.get(&id).is_some_and(|row| row.is_good(now))).unwrap_or(false)
}

/// Those of a token's roles that its account has. A program has no others than its tokens'.
fn within(app: &App, staff: StaffId, account: &AccountRow, mut roles: Vec<Role>) -> Vec<Role> {
    if !account.service
        && let Some(own) = sign_in::own_roles(app, staff)
    {
        roles.retain(|role| own.contains(role));
    }
    roles
}

/// Makes a token without a scope; see [`create_scoped_token`].
///
/// # Errors
/// As there.
pub async fn create_token(
    app: &Arc<App>,
    ctx: &Context,
    login: &str,
    roles: &[Role],
    ttl: Option<Duration>,
) -> Result<NewToken, ServiceError> {
    create_scoped_token(app, ctx, login, roles, &Scope::default(), ttl).await
}

/// Makes a token; a new login becomes a service account.
///
/// # Errors
/// [`ServiceError::Invalid`] for a bad login, a disabled account, no role or one that the account does not have, a scope of nothing or with
/// a form that there is not, a zero life, or what takes two.
pub async fn create_scoped_token(
    app: &Arc<App>,
    ctx: &Context,
    login: &str,
    roles: &[Role],
    scope: &Scope,
    ttl: Option<Duration>,
) -> Result<NewToken, ServiceError> {
    let act = ctx.act(Action::ManageStaff, &Resource::Staff)?;
    let login = parse_login(login)?;
    let mut roles = roles.to_vec();
    roles.sort();
    roles.dedup();
    if roles.is_empty() {
        return Err(invalid("role", "required", "Name at least one role."));
    }
    if ttl.is_some_and(|ttl| ttl.is_zero()) {
        return Err(invalid("ttl", "out-of-range", "The token would end at once."));
    }
    check_known(app, &roles)?;
    check_hand_out(ctx, &roles)?;
    check_scope(app, scope)?;
    let _one_at_a_time = app.staff.changing.lock().await;
    let mut rows: Vec<SystemRow> = Vec::new();
    let known = find(app, login.as_str())?;
    let (staff, account) = match known {
        Some((_, row)) if row.disabled => {
            return Err(invalid("login", "disabled", "This account is disabled."));
        }
        Some((id, row)) => {
            check_way_in(app, ctx, id)?;
            if within(app, id, &row, roles.clone()) != roles {
                let message = "A token cannot be more than its account: somebody who signs in does not have this role.";
                return Err(invalid("role", "not-its-own", message));
            }
            (id, row)
        }
        None => {
            let (id, row) = new_account(app, &login, true)?;
            rows.push(app.vault.seal_system_row(SystemTable::Staff, id.as_bytes(), &row)?);
            (id, row)
        }
    };
    let token = Token::make_random(&*app.entropy).map_err(VaultError::from)?;
    let created = app.clock.now();
    let row = TokenRow {
        staff,
        hash: app.vault.hash_token(&token),
        roles,
        actions: scope.actions().map(|all| all.iter().map(|action| action.as_str().to_owned()).collect()),
        forms: scope.forms().map(<[FormId]>::to_vec),
        created,
        expires: ttl.map(|ttl| created.plus(ttl)),
        last_used: None,
        revoked: false,
    };
    rows.push(app.vault.seal_system_row(SystemTable::Tokens, token.id().as_bytes(), &row)?);
    let detail = Detail::Token { id: token.id(), change: "made".to_owned() };
    app.vault.write_system_rows(act, detail, rows).await?;
    app.staff.write(|state| {
        state.accounts.insert(staff, account);
        state.tokens.insert(token.id(), row);
    })?;
    Ok(NewToken { id: token.id(), bearer: token.bearer() })
}

fn check_scope(app: &App, scope: &Scope) -> Result<(), ServiceError> {
    if scope.actions().is_some_and(<[Action]>::is_empty) {
        return Err(invalid("action", "required", "Name at least one action, or leave the limit out."));
    }
    let Some(forms) = scope.forms() else { return Ok(()) };
    if forms.is_empty() {
        return Err(invalid("form", "required", "Name at least one form, or leave the limit out."));
    }
    let known = app.forms();
    match forms.iter().find(|form| known.get(form).is_none()) {
        Some(unknown) => Err(invalid("form", "unknown-form", &format!("There is no form {unknown}."))),
        None => Ok(()),
    }
}

/// Revokes a token at once.
///
/// # Errors
/// [`ServiceError::NotFound`].
pub async fn revoke_token(app: &Arc<App>, ctx: &Context, id: TokenId) -> Result<(), ServiceError> {
    let act = ctx.act(Action::ManageStaff, &Resource::Staff)?;
    let _one_at_a_time = app.staff.changing.lock().await;
    let mut row = app.staff.read(|state| state.tokens.get(&id).cloned())?.ok_or(ServiceError::NotFound)?;
    row.revoked = true;
    let sealed = app.vault.seal_system_row(SystemTable::Tokens, id.as_bytes(), &row)?;
    let detail = Detail::Token { id, change: "revoked".to_owned() };
    app.vault.write_system_rows(act, detail, vec![sealed]).await?;
    app.staff.write(|state| drop(state.tokens.insert(id, row)))
}

/// Remembers, in memory, that a token was used.
fn mark_used(app: &App, id: TokenId, row: &TokenRow, now: Timestamp) -> Result<(), ServiceError> {
    let hour = Timestamp::from_millis(now.as_millis() - now.as_millis().rem_euclid(GRAIN));
    if row.last_used == Some(hour) {
        return Ok(());
    }
    app.staff.write(|state| {
        if let Some(row) = state.tokens.get_mut(&id) {
            row.last_used = Some(hour);
        }
    })?;
    app.staff.used.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    Ok(())
}

/// Writes which tokens were used. Does nothing when none was.
///
/// # Errors
/// [`ServiceError::StorageFull`], [`ServiceError::Unavailable`]: then it is written the next time.
pub async fn flush(app: &App) -> Result<(), ServiceError> {
    let _one_at_a_time = app.staff.changing.lock().await;
    let used: Vec<TokenId> = app.staff.used.lock().unwrap_or_else(PoisonError::into_inner).drain().collect();
    if used.is_empty() {
        return Ok(());
    }
    let written = write_used(app, &used).await;
    if written.is_err() {
        app.staff.used.lock().unwrap_or_else(PoisonError::into_inner).extend(used);
    }
    written
}

async fn write_used(app: &App, used: &[TokenId]) -> Result<(), ServiceError> {
    let ctx = Context::system(app)?;
    let act = ctx.act(Action::KeepStatistics, &Resource::Vault)?;
    let rows: Vec<(TokenId, TokenRow)> =
        app.staff.read(|state| used.iter().filter_map(|id| Some((*id, state.tokens.get(id)?.clone()))).collect())?;
    let seal = |(id, row): &(TokenId, TokenRow)| app.vault.seal_system_row(SystemTable::Tokens, id.as_bytes(), row);
    let rows = rows.iter().map(seal).collect::<Result<_, _>>()?;
    Ok(app.vault.change_system_rows(act, Detail::None, rows, SystemTable::Tokens, &[]).await?)
}

/// The tokens of an account, in order of making.
pub(super) fn of(state: &State, staff: StaffId) -> Vec<TokenInfo> {
    let own = |tokens: &HashMap<TokenId, TokenRow>| -> Vec<TokenInfo> {
        tokens.iter().filter(|(_, row)| row.staff == staff).map(|(id, row)| row.shown(*id)).collect()
    };
    let mut tokens = own(&state.tokens);
    tokens.sort_by_key(|token| (token.created, token.id));
    tokens
}
