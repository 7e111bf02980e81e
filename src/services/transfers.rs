//! The register of transfers: what was read from another region than the one that it is kept in, by whom, for what, and under
//! which safeguard. It is the audit trail looked at that way, so nothing in it can be changed, and it outlives an erasure.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::audit::Wanted;
use super::review::{Page, cursor, page_limit, parse_cursor};
use super::{App, Context, ServiceError, blocking};
use crate::base::clock::Timestamp;
use crate::policy::{Action, Resource, Role, Transfer};
use crate::vault::{Detail, EntryView};

/// One act of reading across regions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The number of its entry in the audit trail.
    pub seq: u64,
    /// When.
    pub time: Timestamp,
    /// Who, as the trail names them.
    pub actor: String,
    /// In which role.
    pub role: Option<Role>,
    /// What was done.
    pub action: String,
    /// What for, by names; those that were named for people erased since are not known any more.
    pub purposes: Vec<String>,
    /// What was read, by where it is kept.
    pub transfers: Vec<Transfer>,
}

/// The register, newest first; cursor `after`, limit 1 to 200 (default 50). The look itself is an entry of the trail. A page may be
/// short, or empty, and yet not the last: so much of the trail is looked through for each, and no more.
///
/// # Errors
/// [`ServiceError::Forbidden`], [`ServiceError::Invalid`].
pub async fn list(
    app: &Arc<App>,
    ctx: &Context,
    after: Option<&str>,
    limit: Option<u32>,
) -> Result<Page<Line>, ServiceError> {
    let act = ctx.act(Action::ReadTransfers, &Resource::Audit)?;
    let limit = page_limit(limit)? as usize;
    let before = after.map(parse_cursor).transpose()?;
    let (vault, wanted) = (Arc::clone(&app.vault), Wanted { transfers: true, ..Wanted::default() });
    let (items, next) = blocking(move || vault.find_entries(before, limit, &wanted)).await??;
    app.vault.record_act(act, Detail::Found(items.len() as u64)).await?;
    Ok(Page { items: items.into_iter().map(line).collect(), next: next.map(cursor) })
}

fn line(entry: EntryView) -> Line {
    let named = entry.subjects.into_iter().flatten().filter_map(|subject| subject.purpose);
    let mut purposes: Vec<String> = entry.purpose.into_iter().chain(named).collect();
    purposes.sort();
    purposes.dedup();
    Line {
        seq: entry.seq,
        time: entry.time,
        actor: entry.actor.to_string(),
        role: entry.role,
        action: entry.action,
        purposes,
        transfers: entry.transfers,
    }
}
