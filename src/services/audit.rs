//! Reads and verifies the audit trail.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::review::{Page, cursor, page_limit, parse_cursor};
use super::{App, Context, ServiceError, blocking};
use crate::crypto::sign;
use crate::policy::{Action, Resource};
use crate::vault::audit::TreeHead;
use crate::vault::{Detail, EntryView};

/// What the signature of a head covers begins with these words.
const PREFIX: &str = "letterlock audit head 1";

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

/// Entries newest first as JSON objects (`seq`, `time`, `actor`, `role`, `action`, `request`, `detail`, `subjects`),
/// cursor `after`, limit 1 to 200 (default 50). The look itself is an entry.
///
/// # Errors
/// [`ServiceError::Forbidden`], [`ServiceError::Invalid`].
pub async fn list(
    app: &Arc<App>,
    ctx: &Context,
    after: Option<&str>,
    limit: Option<u32>,
) -> Result<Page<Value>, ServiceError> {
    let act = ctx.act(Action::ReadAudit, &Resource::Audit)?;
    let limit = page_limit(limit)? as usize;
    let before = after.map(parse_cursor).transpose()?;
    let vault = Arc::clone(&app.vault);
    let entries = blocking(move || vault.audit_entries(before, limit)).await??;
    app.vault.record_act(act, Detail::None).await?;
    let next = entries.last().filter(|entry| entry.seq > 0 && entries.len() == limit).map(|entry| cursor(entry.seq));
    Ok(Page { items: entries.into_iter().map(to_json).collect(), next })
}

/// The present head, signed.
///
/// # Errors
/// [`ServiceError::Forbidden`].
pub async fn head(app: &Arc<App>, ctx: &Context) -> Result<Head, ServiceError> {
    let _ = ctx.act(Action::VerifyAudit, &Resource::Audit)?;
    let head = app.vault.audit_head().await?;
    Ok(signed(app, &head))
}

/// Checks every entry and link, and the prefix under `known` if a head kept elsewhere is given. `progress` is called
/// with (done, total).
///
/// # Errors
/// [`ServiceError::Forbidden`].
pub async fn verify(
    app: &Arc<App>,
    ctx: &Context,
    known: Option<Head>,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<Verdict, ServiceError> {
    let act = ctx.act(Action::VerifyAudit, &Resource::Audit)?;
    let (known, mut problems) = match known.map(|head| check_head(app, &head)) {
        None => (None, Vec::new()),
        Some(Ok(head)) => (Some(head), Vec::new()),
        Some(Err(problem)) => (None, vec![problem]),
    };
    let check = app.vault.check_trail(known.as_ref(), progress).await?;
    problems.extend(check.problems);
    // A trail that cannot be written must still be checked.
    if let Err(error) = app.vault.record_act(act, Detail::Found(problems.len() as u64)).await {
        tracing::warn!(%error, "the check could not be written into the audit trail");
    }
    Ok(Verdict { entries: check.entries, problems, head: signed(app, &check.head) })
}

fn signed(app: &App, head: &TreeHead) -> Head {
    let mut out = Head {
        vault: app.vault.id().to_string(),
        size: head.size,
        root: HEXLOWER.encode(&head.root),
        time: app.clock.now().to_string(),
        public_key: HEXLOWER.encode(&app.vault.head_public_key()),
        signature: String::new(),
    };
    out.signature = HEXLOWER.encode(&app.vault.sign_head(&message(&out)));
    out
}

fn message(head: &Head) -> Vec<u8> {
    format!("{PREFIX}\n{}\n{}\n{}\n{}\n", head.vault, head.size, head.root, head.time).into_bytes()
}

/// A head kept elsewhere, if it is of this vault and was not changed.
fn check_head(app: &App, head: &Head) -> Result<TreeHead, String> {
    if head.vault != app.vault.id().to_string() {
        return Err("the head given is of another vault".to_owned());
    }
    let unhex = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap_or_default();
    sign::verify(&app.vault.head_public_key(), &message(head), &unhex(&head.signature))
        .map_err(|_| "the signature of the head given is not by this vault".to_owned())?;
    let root = unhex(&head.root).try_into().map_err(|_| "the head given has no root hash".to_owned())?;
    Ok(TreeHead { size: head.size, root })
}

fn to_json(entry: EntryView) -> Value {
    let subjects: Vec<Value> = entry
        .subjects
        .into_iter()
        .map(|subject| match subject {
            None => json!({ "erased": true }),
            Some(subject) => json!({
                "subject": subject.person,
                "submission": subject.record,
                "purpose": subject.purpose,
                "file": subject.file,
                "status": subject.status,
            }),
        })
        .collect();
    json!({
        "seq": entry.seq,
        "time": entry.time,
        "actor": entry.actor.to_string(),
        "role": entry.role,
        "action": entry.action,
        "request": entry.request,
        "purpose": entry.purpose,
        "detail": entry.detail,
        "subjects": subjects,
    })
}
