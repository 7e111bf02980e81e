//! The accounts as whoever manages them sees them: what each may act as, and how it gets in.

use std::sync::Arc;

use super::alone::BY_TWO;
use super::{Account, list};
use crate::policy::{Actor, Role};
use crate::services::sign_in::{self, Way};
use crate::services::{App, Context, ServiceError};

/// An account, with how it gets in.
#[derive(Clone, Debug)]
pub struct Person {
    /// The account.
    pub account: Account,
    /// What it may sign in as; nothing for a program, which acts by its tokens.
    pub roles: Vec<Role>,
    /// How it gets in.
    pub way: Way,
    /// Places where it is signed in now.
    pub sessions: usize,
    /// Whether what is grave about it takes two over the network.
    pub by_two: bool,
    /// Whether it is the actor's own.
    pub is_own: bool,
}

/// All accounts, those that may act first, in order of login.
///
/// # Errors
/// [`ServiceError::Forbidden`].
pub async fn overview(app: &Arc<App>, ctx: &Context) -> Result<Vec<Person>, ServiceError> {
    let own = match &ctx.actor {
        Actor::Staff { id, .. } => Some(*id),
        _ => None,
    };
    let accounts = list(app, ctx).await?;
    let mut out: Vec<Person> = accounts
        .into_iter()
        .map(|account| {
            let roles = sign_in::roles_of(app, account.id);
            Person {
                way: sign_in::way_of(app, account.id),
                // Those of a disabled account do nothing any more.
                sessions: if account.disabled { 0 } else { sign_in::sessions_of(app, account.id) },
                by_two: roles.iter().any(|role| BY_TWO.contains(role)),
                is_own: own == Some(account.id),
                roles,
                account,
            }
        })
        .collect();
    out.sort_by_key(|person| person.account.disabled);
    Ok(out)
}
