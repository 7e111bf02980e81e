//! Opens every page, record and file, and checks every link and the store digest.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{App, Context, ServiceError};
use crate::policy::{Action, Resource};
use crate::vault::Detail;

/// What was opened, and what is wrong.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// Pages of the key tree opened.
    pub pages: u64,
    /// People found.
    pub people: u64,
    /// Records opened.
    pub records: u64,
    /// Files read to the end.
    pub files: u64,
    /// Audit entries checked.
    pub audit_entries: u64,
    /// Everything that is wrong, in words; empty when all is well.
    pub problems: Vec<String>,
}

/// Checks the whole vault. `progress` is called with (done, total) rows.
///
/// # Errors
/// [`ServiceError::Forbidden`].
pub async fn run(
    app: &Arc<App>,
    ctx: &Context,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<Report, ServiceError> {
    let act = ctx.act(Action::VerifyVault, &Resource::Vault)?;
    let found = app.vault.check(progress).await?;
    // A vault that cannot write must still be checked.
    if let Err(error) = app.vault.record_act(act, Detail::Found(found.problems.len() as u64)).await {
        tracing::warn!(%error, "the check could not be written into the audit trail");
    }
    Ok(Report {
        pages: found.pages,
        people: found.people,
        records: found.records,
        files: found.files,
        audit_entries: found.audit_entries,
        problems: found.problems,
    })
}
