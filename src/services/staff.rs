//! Staff accounts and their API tokens.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{App, Context, ServiceError};
use crate::base::clock::Timestamp;
use crate::base::ids::{StaffId, TokenId};
use crate::base::sensitive::SensitiveString;
use crate::policy::{Actor, Role};

/// An account as lists show it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: StaffId,
    /// Login name: letters, digits, `.`, `-`, `_`; lower case; 1 to 64.
    pub login: String,
    /// A service account has tokens only, never a password.
    pub service: bool,
    /// Cannot act any more.
    pub disabled: bool,
    /// When it was made.
    pub created: Timestamp,
    /// Its tokens.
    pub tokens: Vec<TokenInfo>,
}

/// A token as lists show it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenInfo {
    /// Its id.
    pub id: TokenId,
    /// What it may act as.
    pub roles: Vec<Role>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Option<Timestamp>,
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

/// Finds out who a bearer token is. The same answer, in the same time, for an unknown id and a wrong secret.
///
/// # Errors
/// [`ServiceError::Unauthenticated`] for anything but a live token of a live account.
pub async fn authenticate(app: &Arc<App>, bearer: &str) -> Result<Actor, ServiceError> {
    let _ = (app, bearer);
    todo!()
}

/// Adds an account without tokens.
///
/// # Errors
/// [`ServiceError::Invalid`] for a bad or taken login.
pub async fn add(app: &Arc<App>, ctx: &Context, login: &str, service: bool) -> Result<Account, ServiceError> {
    let _ = (app, ctx, login, service);
    todo!()
}

/// All accounts.
///
/// # Errors
/// [`ServiceError::Forbidden`].
pub async fn list(app: &Arc<App>, ctx: &Context) -> Result<Vec<Account>, ServiceError> {
    let _ = (app, ctx);
    todo!()
}

/// Disables an account at once, its tokens with it.
///
/// # Errors
/// [`ServiceError::NotFound`].
pub async fn disable(app: &Arc<App>, ctx: &Context, login: &str) -> Result<(), ServiceError> {
    let _ = (app, ctx, login);
    todo!()
}

/// Makes a token; a new login becomes a service account.
///
/// # Errors
/// [`ServiceError::Invalid`] for a bad login, no role, or a zero life.
pub async fn create_token(
    app: &Arc<App>,
    ctx: &Context,
    login: &str,
    roles: &[Role],
    ttl: Option<Duration>,
) -> Result<NewToken, ServiceError> {
    let _ = (app, ctx, login, roles, ttl);
    todo!()
}

/// Revokes a token at once.
///
/// # Errors
/// [`ServiceError::NotFound`].
pub async fn revoke_token(app: &Arc<App>, ctx: &Context, id: TokenId) -> Result<(), ServiceError> {
    let _ = (app, ctx, id);
    todo!()
}
