//! Staff accounts and their API tokens.
//!
//! Accounts and tokens are few and asked for at each request, so they are held in memory, and written through.

mod address;
mod alone;
mod overview;
mod place;
mod tokens;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, RwLock};

use serde::{Deserialize, Serialize};

use super::{App, Context, Problem, ServiceError, sign_in};
use crate::base::clock::Timestamp;
use crate::base::ids::{StaffId, TokenId};
use crate::base::sensitive::SensitiveString;
use crate::domain::region::Region;
use crate::domain::staff::Login;
use crate::policy::{Action, Resource};
use crate::vault::system_rows::{SystemRow, SystemTable};
use crate::vault::{Act, Detail, Vault, VaultError};

pub(super) use address::{address_of, address_to_tell, addresses_of, set as set_address, to_tell};
pub use address::{parse as parse_address, set_by_login as set_email, set_own as set_own_email};

pub use alone::BY_TWO;
pub(super) use alone::{check_hand_out, check_known, check_owner, check_unchanged, check_way_in};
pub use overview::{Person, overview};
pub use place::set as set_region;
pub(super) use place::{complete, scope_of};
use tokens::TokenRow;
pub(super) use tokens::is_token_good;
pub use tokens::{NewToken, TokenInfo, authenticate, create_scoped_token, create_token, flush, revoke_token};

/// Accounts of people whose logins differ by a number.
const MOST_ALIKE: u32 = 1000;

/// An account as lists show it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: StaffId,
    /// Login name: letters, digits, `.`, `-`, `_`; lower case; 1 to 64.
    pub login: String,
    /// A service account has tokens only, never a password.
    pub service: bool,
    /// Its holder signs in through the provider.
    pub provider: bool,
    /// Cannot act any more.
    pub disabled: bool,
    /// Where its holder is told of what arrives.
    pub email: Option<SensitiveString>,
    /// Where its holder reads; `None` for where the vault is.
    pub region: Option<Region>,
    /// When it was made.
    pub created: Timestamp,
    /// Its tokens.
    pub tokens: Vec<TokenInfo>,
}

/// Accounts and tokens in memory.
pub(super) struct Desk {
    state: RwLock<State>,
    /// Tokens that were used since that was written last.
    used: Mutex<HashSet<TokenId>>,
    /// Changes happen one at a time, so that two cannot take the same login.
    changing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    accounts: HashMap<StaffId, AccountRow>,
    tokens: HashMap<TokenId, TokenRow>,
}

#[derive(Clone, Serialize, Deserialize)]
struct AccountRow {
    login: String,
    service: bool,
    disabled: bool,
    created: Timestamp,
    email: Option<SensitiveString>,
    region: Option<Region>,
}

impl Desk {
    pub(super) fn load(vault: &Vault) -> Result<Self, VaultError> {
        let accounts = vault.read_system_rows(SystemTable::Staff)?;
        let tokens = vault.read_system_rows(SystemTable::Tokens)?;
        let state = State {
            accounts: accounts.into_iter().map(|(id, row)| (StaffId::from_bytes(id), row)).collect(),
            tokens: tokens.into_iter().map(|(id, row)| (TokenId::from_bytes(id), row)).collect(),
        };
        Ok(Self { state: RwLock::new(state), used: Mutex::default(), changing: tokio::sync::Mutex::new(()) })
    }

    fn read<T>(&self, f: impl FnOnce(&State) -> T) -> Result<T, ServiceError> {
        self.state.read().map(|state| f(&state)).map_err(|_| ServiceError::Internal)
    }

    fn write(&self, f: impl FnOnce(&mut State)) -> Result<(), ServiceError> {
        self.state.write().map(|mut state| f(&mut state)).map_err(|_| ServiceError::Internal)
    }
}

/// Adds an account without tokens, with a work e-mail address if it is a person's.
///
/// # Errors
/// [`ServiceError::Invalid`] for a bad or taken login, for what is no address, and for one of a program.
pub async fn add(
    app: &Arc<App>,
    ctx: &Context,
    login: &str,
    service: bool,
    email: Option<&SensitiveString>,
) -> Result<Account, ServiceError> {
    let act = ctx.act(Action::ManageStaff, &Resource::Staff)?;
    let login = parse_login(login)?;
    let email = email.map(parse_address).transpose()?;
    if service && email.is_some() {
        return Err(address::of_a_program());
    }
    let _one_at_a_time = app.staff.changing.lock().await;
    if find(app, login.as_str())?.is_some() {
        return Err(invalid("login", "taken", "There is an account with this login already."));
    }
    let (id, row) = new_account(app, &login, service)?;
    save(app, act, id, AccountRow { email, ..row }, "added").await?;
    list_one(app, id)
}

/// Adds an account of a person who signs in elsewhere, under a login as near to `wanted` as nobody has: never an account that
/// there is already, disabled or not. `commit` makes it durable, given its id, its login and its row.
pub(super) async fn add_person(
    app: &Arc<App>,
    wanted: &str,
    commit: impl AsyncFnOnce(StaffId, &str, SystemRow) -> Result<(), ServiceError>,
) -> Result<StaffId, ServiceError> {
    let _one_at_a_time = app.staff.changing.lock().await;
    let mut login = parse_login(wanted)?;
    for n in 2..=MOST_ALIKE {
        if find(app, login.as_str())?.is_none() {
            break;
        }
        login = parse_login(&format!("{wanted}-{n}"))?;
    }
    if find(app, login.as_str())?.is_some() {
        return Err(ServiceError::Unavailable);
    }
    let (id, row) = new_account(app, &login, false)?;
    let sealed = app.vault.seal_system_row(SystemTable::Staff, id.as_bytes(), &row)?;
    commit(id, login.as_str(), sealed).await?;
    app.staff.write(|state| drop(state.accounts.insert(id, row)))?;
    Ok(id)
}

/// All accounts, in order of login.
///
/// # Errors
/// [`ServiceError::Forbidden`].
pub async fn list(app: &Arc<App>, ctx: &Context) -> Result<Vec<Account>, ServiceError> {
    let _ = ctx.act(Action::ManageStaff, &Resource::Staff)?;
    let mut accounts = app.staff.read(|state| state.accounts.keys().map(|id| show(state, *id)).collect::<Vec<_>>())?;
    for account in &mut accounts {
        account.provider = sign_in::is_of_provider(app, account.id);
    }
    accounts.sort_by(|a, b| a.login.cmp(&b.login));
    Ok(accounts)
}

/// Disables an account at once, its tokens with it.
///
/// # Errors
/// [`ServiceError::NotFound`]; [`ServiceError::Invalid`] for the last administrator who can sign in, and for what takes two.
pub async fn disable(app: &Arc<App>, ctx: &Context, login: &str) -> Result<(), ServiceError> {
    let act = ctx.act(Action::ManageStaff, &Resource::Staff)?;
    let login = parse_login(login)?;
    let _no_role_changes = sign_in::hold(app).await;
    let _one_at_a_time = app.staff.changing.lock().await;
    let (id, mut row) = find(app, login.as_str())?.ok_or(ServiceError::NotFound)?;
    sign_in::keep_an_admin(app, id)?;
    alone::check_end(app, ctx, id)?;
    row.disabled = true;
    // Nobody is to be told of anything any more.
    row.email = None;
    save(app, act, id, row, "disabled").await
}

/// The account of a login that may act.
pub(super) fn find_active(app: &App, login: &Login) -> Result<Option<StaffId>, ServiceError> {
    Ok(find(app, login.as_str())?.filter(|(_, row)| !row.disabled && !row.service).map(|(id, _)| id))
}

/// The login of an account, while it may act.
pub(super) fn login_of(app: &App, id: StaffId) -> Option<String> {
    let row = app.staff.read(|state| state.accounts.get(&id).cloned()).ok()??;
    (!row.disabled && !row.service).then_some(row.login)
}

/// The login of an account that was ever there, and whether it may act.
pub(super) fn name_of(app: &App, id: StaffId) -> Option<(String, bool)> {
    let row = app.staff.read(|state| state.accounts.get(&id).cloned()).ok()??;
    Some((row.login, !row.disabled))
}

/// The account of a login, whether or not it may still act.
pub(super) fn account_of(app: &App, login: &str) -> Result<Option<StaffId>, ServiceError> {
    Ok(find(app, login)?.map(|(id, _)| id))
}

/// The accounts of people that may act, in order of login.
pub(super) fn people(app: &App) -> Result<Vec<(StaffId, String)>, ServiceError> {
    let mut out: Vec<(StaffId, String)> = app.staff.read(|state| {
        let able = state.accounts.iter().filter(|(_, row)| !row.disabled && !row.service);
        able.map(|(id, row)| (*id, row.login.clone())).collect()
    })?;
    out.sort_by(|a, b| a.1.cmp(&b.1));
    Ok(out)
}

/// The account of a person with this login, added when there is none.
pub(super) async fn find_or_add_person(
    app: &Arc<App>,
    ctx: &Context,
    login: &str,
) -> Result<(StaffId, Login), ServiceError> {
    let parsed = parse_login(login)?;
    let known = find(app, parsed.as_str())?;
    match known {
        Some((_, row)) if row.disabled => Err(invalid("login", "disabled", "This account is disabled.")),
        Some((_, row)) if row.service => {
            Err(invalid("login", "service", "This is a service account, which has tokens only."))
        }
        Some((id, _)) => Ok((id, parsed)),
        None => Ok((add(app, ctx, login, false, None).await?.id, parsed)),
    }
}

/// Writes an account's row under one audit entry, then shows it to others. The caller holds `changing`.
async fn save(app: &Arc<App>, act: Act, id: StaffId, row: AccountRow, change: &str) -> Result<(), ServiceError> {
    let sealed = app.vault.seal_system_row(SystemTable::Staff, id.as_bytes(), &row)?;
    let detail = Detail::Account { id, change: change.to_owned() };
    app.vault.write_system_rows(act, detail, vec![sealed]).await?;
    app.staff.write(|state| drop(state.accounts.insert(id, row)))
}

fn parse_login(login: &str) -> Result<Login, ServiceError> {
    login.parse().map_err(|_| {
        invalid("login", "bad-login", "A login has 1 to 64 lower-case letters, digits, dots, hyphens and underscores.")
    })
}

fn invalid(field: &str, code: &'static str, message: &str) -> ServiceError {
    ServiceError::Invalid(vec![Problem::in_field(field, code, message)])
}

fn find(app: &App, login: &str) -> Result<Option<(StaffId, AccountRow)>, ServiceError> {
    app.staff
        .read(|state| state.accounts.iter().find(|(_, row)| row.login == login).map(|(id, row)| (*id, row.clone())))
}

fn new_account(app: &App, login: &Login, service: bool) -> Result<(StaffId, AccountRow), ServiceError> {
    let id = StaffId::make_random(&*app.entropy).map_err(VaultError::from)?;
    let created = app.clock.now();
    Ok((
        id,
        AccountRow { login: login.as_str().to_owned(), service, disabled: false, created, email: None, region: None },
    ))
}

fn list_one(app: &App, id: StaffId) -> Result<Account, ServiceError> {
    app.staff.read(|state| show(state, id))
}

fn show(state: &State, id: StaffId) -> Account {
    let tokens = tokens::of(state, id);
    let row = &state.accounts[&id];
    Account {
        id,
        login: row.login.clone(),
        service: row.service,
        provider: false,
        disabled: row.disabled,
        email: row.email.clone(),
        region: row.region.clone(),
        created: row.created,
        tokens,
    }
}
