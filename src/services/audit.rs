//! Reads and verifies the audit trail.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::review::Page;
use super::{App, Context, ServiceError};

/// A signed head of the audit tree, to be kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The vault.
    pub vault: String,
    /// Number of entries.
    pub size: u64,
    /// Root hash (RFC 9162), hex.
    pub root: String,
    /// When it was signed, RFC 3339.
    pub time: String,
    /// Ed25519 public key, hex.
    pub public_key: String,
    /// Ed25519 signature, hex.
    pub signature: String,
}

/// What `verify` found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Verdict {
    /// Entries read.
    pub entries: u64,
    /// Everything that is wrong, in words; empty when the trail is whole.
    pub problems: Vec<String>,
    /// The head reached.
    pub head: Head,
}

/// Entries newest first as JSON objects (`seq`, `time`, `actor`, `action`, `outcome`, `subjects`), cursor `after`, limit 1 to 200 (default 50).
///
/// # Errors
/// [`ServiceError::Forbidden`], [`ServiceError::Invalid`].
pub async fn list(
    app: &Arc<App>,
    ctx: &Context,
    after: Option<&str>,
    limit: Option<u32>,
) -> Result<Page<Value>, ServiceError> {
    let _ = (app, ctx, after, limit);
    todo!()
}

/// The present head, signed.
///
/// # Errors
/// [`ServiceError::Forbidden`].
pub async fn head(app: &Arc<App>, ctx: &Context) -> Result<Head, ServiceError> {
    let _ = (app, ctx);
    todo!()
}

/// Checks every entry and link, and the prefix under `known` if a head kept elsewhere is given. `progress` is called with (done, total).
///
/// # Errors
/// [`ServiceError::Forbidden`].
pub async fn verify(
    app: &Arc<App>,
    ctx: &Context,
    known: Option<Head>,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<Verdict, ServiceError> {
    let _ = (app, ctx, known, progress);
    todo!()
}
