//! Reads, proves and verifies the audit trail.

pub mod export;
mod head;
pub mod keep;
mod note;
mod prove;

use std::sync::{Arc, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::review::{Page, cursor, page_limit, parse_cursor};
use super::{App, Context, ServiceError, blocking};
use crate::base::clock::Timestamp;
use crate::policy::{Action, Resource};
pub use crate::vault::audit::Wanted;
pub use crate::vault::audit::{REFUSED, SERVICE};
pub use crate::vault::{Detail, EntryView, SearchedBy, SubjectView};

pub use head::{Found, Head, head, heads_in, public_key};
pub(super) use note::Refusals;
pub use note::{ServiceChange, fingerprint, refused, service};
pub use prove::{Continued, continuation, continues, entry};

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
/// cursor `after`, limit 1 to 200 (default 50). The look itself is an entry. With something `wanted`, a page may be short, or
/// empty, and yet not the last: so much of the trail is looked through for each, and no more.
///
/// # Errors
/// [`ServiceError::Forbidden`], [`ServiceError::Invalid`].
pub async fn list(
    app: &Arc<App>,
    ctx: &Context,
    after: Option<&str>,
    limit: Option<u32>,
) -> Result<Page<Value>, ServiceError> {
    find(app, ctx, Wanted::default(), after, limit).await
}

/// As [`list`], of those entries that are wanted.
///
/// # Errors
/// As [`list`].
pub async fn find(
    app: &Arc<App>,
    ctx: &Context,
    wanted: Wanted,
    after: Option<&str>,
    limit: Option<u32>,
) -> Result<Page<Value>, ServiceError> {
    let page = look(app, ctx, wanted, after, limit).await?;
    Ok(Page { items: page.items.into_iter().map(to_json).collect(), next: page.next })
}

/// As [`find`], for whoever shows them in another way.
///
/// # Errors
/// As [`list`].
pub async fn look(
    app: &Arc<App>,
    ctx: &Context,
    wanted: Wanted,
    after: Option<&str>,
    limit: Option<u32>,
) -> Result<Page<EntryView>, ServiceError> {
    let act = ctx.act(Action::ReadAudit, &Resource::Audit)?;
    let limit = page_limit(limit)? as usize;
    let before = after.map(parse_cursor).transpose()?;
    let vault = Arc::clone(&app.vault);
    let (items, next) = blocking(move || vault.find_entries(before, limit, &wanted)).await??;
    app.vault.record_act(act, Detail::None).await?;
    Ok(Page { items, next: next.map(cursor) })
}

/// The last check of the trail since the start.
#[derive(Clone, Debug)]
pub struct LastCheck {
    /// When it ended.
    pub at: Timestamp,
    /// Entries read.
    pub entries: u64,
    /// As in [`Verdict`].
    pub problems: Vec<String>,
}

/// What the last check of the trail since the start found, for whoever may check it.
///
/// # Errors
/// [`ServiceError::Forbidden`].
pub fn last_check(app: &App, ctx: &Context) -> Result<Option<LastCheck>, ServiceError> {
    let _ = ctx.act(Action::VerifyAudit, &Resource::Audit)?;
    Ok(latest_check(app))
}

/// The same, for what looks at how everything is.
pub(super) fn latest_check(app: &App) -> Option<LastCheck> {
    app.last_check.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Checks every entry and link, and that the trail continues each of the heads in `known`, which were kept elsewhere. `progress`
/// is called with (done, total).
///
/// # Errors
/// [`ServiceError::Forbidden`].
pub async fn verify(
    app: &Arc<App>,
    ctx: &Context,
    known: impl IntoIterator<Item = Head>,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<Verdict, ServiceError> {
    let act = ctx.act(Action::VerifyAudit, &Resource::Audit)?;
    let (mut heads, mut problems) = (Vec::new(), Vec::new());
    for head in known {
        match head::check(app, &head) {
            Ok(head) => heads.push(head),
            Err(problem) => problems.push(problem),
        }
    }
    let check = app.vault.check_trail(&heads, progress).await?;
    problems.extend(check.problems);
    // A trail that cannot be written must still be checked.
    if let Err(error) = app.vault.record_act(act, Detail::Found(problems.len() as u64)).await {
        tracing::warn!(%error, "the check could not be written into the audit trail");
    }
    let last = LastCheck { at: app.clock.now(), entries: check.entries, problems: problems.clone() };
    *app.last_check.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
    Ok(Verdict { entries: check.entries, problems, head: head::sign(app, &check.head) })
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
        "transfers": entry.transfers,
    })
}
