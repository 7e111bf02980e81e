//! A stretch of the trail as a file of lines, with a proof for each entry and a signature over all of it.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use ring::digest;
use serde_json::{Value, json};

use super::head;
use super::prove::proof_of;
use crate::policy::{Action, Resource};
use crate::services::{App, Context, Problem, ServiceError, blocking};
use crate::vault::Detail;

/// Names the layout, and begins what the signature covers.
const FORMAT: &str = "letterlock audit export 1";
/// Entries of one export, at most.
pub const MOST: u64 = 1_000;

/// The entries from number `from` up to and without `to` (the end of the trail when `None`), at most [`MOST`] of them: where it
/// stopped stands in the last line. Each line ends with a line feed.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Invalid`] for a stretch that the trail has not reached, or the wrong way round.
pub async fn export(app: &Arc<App>, ctx: &Context, from: u64, to: Option<u64>) -> Result<String, ServiceError> {
    let act = ctx.act(Action::ReadAudit, &Resource::Audit)?;
    let size = app.vault.audit_head().await?.size;
    let to = to.unwrap_or(size);
    if from > to || to > size {
        let message = "Numbers of entries: the first, and the one after the last, which the trail has reached.";
        return Err(ServiceError::Invalid(vec![Problem::in_field("from", "out-of-range", message)]));
    }
    let end = to.min(from.saturating_add(MOST));
    let numbers: Vec<u64> = (from..end).collect();
    let vault = Arc::clone(&app.vault);
    let made = blocking(move || vault.prove_entries(&numbers, Some(size))).await??;
    let (tree, proven) = made.ok_or(ServiceError::Internal)?;
    // Durable before anything leaves.
    app.vault.record_act(act, Detail::Trail { from, to: end }).await?;
    let head = head::sign(app, &tree);
    let begin = json!({ "format": FORMAT, "head": head, "from": from, "to": to, "filter": null, "since": null });
    let entries = proven.len();
    let mut out = String::new();
    for line in std::iter::once(begin).chain(proven.into_iter().map(proof_of)) {
        out.push_str(&line.to_string());
        out.push('\n');
    }
    let sum = HEXLOWER.encode(digest::digest(&digest::SHA256, out.as_bytes()).as_ref());
    let next = if end < to { json!(end) } else { Value::Null };
    let message = format!("{FORMAT}\n{}\n{sum}\n{entries}\n{next}\n", head.vault);
    let signature = HEXLOWER.encode(&app.vault.sign_head(message.as_bytes()));
    let last = json!({ "format": FORMAT, "end": true, "entries": entries, "next": next, "sha256": sum, "signature": signature });
    out.push_str(&last.to_string());
    out.push('\n');
    Ok(out)
}
