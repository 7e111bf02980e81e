//! Keys of servers that post forms on behalf of people: each for the forms that it names, and good for nothing else.
//!
//! They are few and asked for at each post, so they are held in memory, and written through. Only when one was last used
//! is written later, with the statistics.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{App, Context, Problem, ServiceError};
use crate::base::clock::Timestamp;
use crate::base::ids::KeyId;
use crate::base::sensitive::SensitiveString;
use crate::crypto::token::{Bearer, Token};
use crate::domain::form::FormId;
use crate::domain::staff::Login;
use crate::policy::{Action, Actor, Resource};
use crate::vault::system_rows::SystemTable;
use crate::vault::{Detail, Vault, VaultError};

/// When a key was last used is kept to the hour: to see which ones nobody needs any more.
const GRAIN: i64 = 60 * 60 * 1000;

/// A key as lists show it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeyInfo {
    /// Its id.
    pub id: KeyId,
    /// The name that stands with what came by it; of the form of a login.
    pub name: String,
    /// The forms that it may post.
    pub forms: Vec<FormId>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends.
    pub expires: Option<Timestamp>,
    /// When it was last used, to the hour.
    pub last_used: Option<Timestamp>,
    /// Ended by hand.
    pub revoked: bool,
}

/// A key just made; the bearer text is shown once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewKey {
    /// Its id.
    pub id: KeyId,
    /// `llk_…`, for the `Authorization: Bearer` header.
    pub bearer: SensitiveString,
}

/// The keys in memory.
pub(super) struct Ring {
    keys: RwLock<HashMap<KeyId, KeyRow>>,
    /// Used since that was last written.
    used: Mutex<HashSet<KeyId>>,
    /// Rows are written one at a time, so that a late word about a use never brings a revoked key back.
    changing: tokio::sync::Mutex<()>,
}

#[derive(Clone, Serialize, Deserialize)]
struct KeyRow {
    name: String,
    forms: Vec<FormId>,
    hash: [u8; 32],
    created: Timestamp,
    expires: Option<Timestamp>,
    last_used: Option<Timestamp>,
    revoked: bool,
}

impl KeyRow {
    fn is_live(&self, now: Timestamp) -> bool {
        !self.revoked && self.expires.is_none_or(|end| now < end)
    }
}

impl Ring {
    pub(super) fn load(vault: &Vault) -> Result<Self, VaultError> {
        let rows = vault.read_system_rows(SystemTable::Keys)?;
        let keys = rows.into_iter().map(|(id, row)| (KeyId::from_bytes(id), row)).collect();
        Ok(Self { keys: RwLock::new(keys), used: Mutex::default(), changing: tokio::sync::Mutex::new(()) })
    }

    fn read<T>(&self, f: impl FnOnce(&HashMap<KeyId, KeyRow>) -> T) -> Result<T, ServiceError> {
        self.keys.read().map(|keys| f(&keys)).map_err(|_| ServiceError::Internal)
    }

    fn write(&self, f: impl FnOnce(&mut HashMap<KeyId, KeyRow>)) -> Result<(), ServiceError> {
        self.keys.write().map(|mut keys| f(&mut keys)).map_err(|_| ServiceError::Internal)
    }
}

/// Finds out whose key it is. The same answer, in the same time, for an unknown id and a wrong secret.
fn live(app: &App, bearer: &str) -> Result<(KeyId, KeyRow), ServiceError> {
    let token = Token::parse_as(Bearer::Key, bearer).map_err(|_| ServiceError::Unauthenticated)?;
    let id = KeyId::from_bytes(*token.id().as_bytes());
    let row = app.keys.read(|keys| keys.get(&id).cloned())?;
    // An unknown id is compared as well, with a hash that nothing has.
    let hash = row.as_ref().map_or([0; 32], |row| row.hash);
    let matches = app.vault.token_matches(&token, &hash);
    let row = row.filter(|row| matches && row.is_live(app.clock.now())).ok_or(ServiceError::Unauthenticated)?;
    Ok((id, row))
}

/// Which key it is, if it is good for `form` now.
pub fn live_for(app: &App, bearer: &str, form: &FormId) -> Option<KeyId> {
    live(app, bearer).ok().filter(|(_, row)| row.forms.contains(form)).map(|(id, _)| id)
}

/// The server that posts `form` with this key.
///
/// # Errors
/// [`ServiceError::Unauthenticated`] for anything but a live key, [`ServiceError::Forbidden`] for one of other forms.
pub fn authenticate(app: &App, bearer: &str, form: &FormId) -> Result<Actor, ServiceError> {
    let (id, row) = live(app, bearer)?;
    if !row.forms.contains(form) {
        return Err(ServiceError::Forbidden);
    }
    let now = app.clock.now().as_millis();
    let hour = Timestamp::from_millis(now - now.rem_euclid(GRAIN));
    if row.last_used != Some(hour) {
        app.keys.write(|keys| {
            if let Some(row) = keys.get_mut(&id) {
                row.last_used = Some(hour);
            }
        })?;
        app.keys.used.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }
    Ok(Actor::Key { id, name: row.name })
}

/// Whether the key with this id is good for `form` now.
pub(super) fn names(app: &App, id: &KeyId, form: &FormId) -> Result<bool, ServiceError> {
    let now = app.clock.now();
    app.keys.read(|keys| keys.get(id).is_some_and(|row| row.is_live(now) && row.forms.contains(form)))
}

/// Makes a key for `forms`.
///
/// # Errors
/// [`ServiceError::Invalid`] for a bad name, or one that a live key has, for no or an unknown form, or a zero life.
pub async fn create(
    app: &Arc<App>,
    ctx: &Context,
    name: &str,
    forms: &[FormId],
    ttl: Option<Duration>,
) -> Result<NewKey, ServiceError> {
    let act = ctx.act(Action::ManageStaff, &Resource::Staff)?;
    let name: Login = name.parse().map_err(|_| {
        invalid("name", "bad-name", "A name has 1 to 64 lower-case letters, digits, dots, hyphens and underscores.")
    })?;
    let mut forms = forms.to_vec();
    forms.sort();
    forms.dedup();
    if forms.is_empty() {
        return Err(invalid("forms", "required", "Name at least one form."));
    }
    if let Some(unknown) = forms.iter().find(|form| app.forms().get(form).is_none()) {
        return Err(invalid("forms", "unknown-form", &format!("There is no form {unknown}.")));
    }
    if ttl.is_some_and(|ttl| ttl.is_zero()) {
        return Err(invalid("ttl", "out-of-range", "The key would end at once."));
    }
    let _one_at_a_time = app.keys.changing.lock().await;
    let created = app.clock.now();
    let taken = |row: &KeyRow| row.name == name.as_str() && row.is_live(created);
    if app.keys.read(|keys| keys.values().any(taken))? {
        return Err(invalid("name", "taken", "There is a key of this name already; revoke it, or choose another."));
    }
    let token = Token::make_random(&*app.entropy).map_err(VaultError::from)?;
    let id = KeyId::from_bytes(*token.id().as_bytes());
    let row = KeyRow {
        name: name.as_str().to_owned(),
        forms,
        hash: app.vault.hash_token(&token),
        created,
        expires: ttl.map(|ttl| created.plus(ttl)),
        last_used: None,
        revoked: false,
    };
    let sealed = app.vault.seal_system_row(SystemTable::Keys, id.as_bytes(), &row)?;
    let detail = Detail::Key { id, change: "made".to_owned() };
    app.vault.write_system_rows(act, detail, vec![sealed]).await?;
    app.keys.write(|keys| drop(keys.insert(id, row)))?;
    Ok(NewKey { id, bearer: token.bearer_as(Bearer::Key) })
}

/// All keys, in order of name and age.
///
/// # Errors
/// [`ServiceError::Forbidden`].
pub async fn list(app: &Arc<App>, ctx: &Context) -> Result<Vec<KeyInfo>, ServiceError> {
    let _ = ctx.act(Action::ManageStaff, &Resource::Staff)?;
    let mut all: Vec<KeyInfo> = app.keys.read(|keys| keys.iter().map(|(id, row)| show(*id, row)).collect())?;
    all.sort_by(|a, b| (&a.name, a.created, a.id).cmp(&(&b.name, b.created, b.id)));
    Ok(all)
}

/// Revokes a key at once.
///
/// # Errors
/// [`ServiceError::NotFound`].
pub async fn revoke(app: &Arc<App>, ctx: &Context, id: KeyId) -> Result<(), ServiceError> {
    let act = ctx.act(Action::ManageStaff, &Resource::Staff)?;
    let _one_at_a_time = app.keys.changing.lock().await;
    let mut row = app.keys.read(|keys| keys.get(&id).cloned())?.ok_or(ServiceError::NotFound)?;
    row.revoked = true;
    let sealed = app.vault.seal_system_row(SystemTable::Keys, id.as_bytes(), &row)?;
    let detail = Detail::Key { id, change: "revoked".to_owned() };
    app.vault.write_system_rows(act, detail, vec![sealed]).await?;
    app.keys.write(|keys| drop(keys.insert(id, row)))
}

/// Writes which keys were used. Does nothing when none was.
///
/// # Errors
/// [`ServiceError::StorageFull`], [`ServiceError::Unavailable`]: then it is written the next time.
pub async fn flush(app: &App) -> Result<(), ServiceError> {
    let _one_at_a_time = app.keys.changing.lock().await;
    let used: Vec<KeyId> = app.keys.used.lock().unwrap_or_else(PoisonError::into_inner).drain().collect();
    if used.is_empty() {
        return Ok(());
    }
    let written = write_used(app, &used).await;
    if written.is_err() {
        app.keys.used.lock().unwrap_or_else(PoisonError::into_inner).extend(used);
    }
    written
}

async fn write_used(app: &App, used: &[KeyId]) -> Result<(), ServiceError> {
    let ctx = Context::system(app)?;
    let act = ctx.act(Action::KeepStatistics, &Resource::Vault)?;
    let rows: Vec<(KeyId, KeyRow)> =
        app.keys.read(|keys| used.iter().filter_map(|id| Some((*id, keys.get(id)?.clone()))).collect())?;
    let seal = |(id, row): &(KeyId, KeyRow)| app.vault.seal_system_row(SystemTable::Keys, id.as_bytes(), row);
    let rows = rows.iter().map(seal).collect::<Result<_, _>>()?;
    Ok(app.vault.change_system_rows(act, Detail::None, rows, SystemTable::Keys, &[]).await?)
}

fn show(id: KeyId, row: &KeyRow) -> KeyInfo {
    let KeyRow { name, forms, hash: _, created, expires, last_used, revoked } = row.clone();
    KeyInfo { id, name, forms, created, expires, last_used, revoked }
}

fn invalid(field: &str, code: &'static str, message: &str) -> ServiceError {
    ServiceError::Invalid(vec![Problem::in_field(field, code, message)])
}
