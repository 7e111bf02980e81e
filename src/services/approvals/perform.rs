//! What was approved is done: once, by whoever asked.

use std::sync::Arc;

use serde_json::Value;

use super::{Approval, Matter, Stage, act, check_both, check_stage, detail, invalid, row_of, seal, write};
use crate::base::ids::ApprovalId;
use crate::domain::export::Export;
use crate::policy::Action;
use crate::services::{App, Context, ServiceError, erase, sign_in};
use crate::vault::Act;

/// What came of doing it.
#[derive(Debug)]
pub enum Done {
    /// The account has other roles, and its sessions have ended.
    Roles,
    /// The people were erased: a certificate for each, or none where there was nobody.
    Erased(Vec<Option<Value>>),
}

/// Does what the actor asked for and another approved: once.
///
/// # Errors
/// [`ServiceError::Forbidden`] for another's; [`ServiceError::NotFound`]; [`ServiceError::Invalid`] for one that is not approved,
/// was done before, or is too old, whose approver does not hold the role any more, or that does not fit any more.
pub async fn perform(app: &Arc<App>, ctx: &Context, id: ApprovalId) -> Result<Done, ServiceError> {
    let _one_at_a_time = app.approvals.changing.lock().await;
    let (held, row, used) = check_use(app, ctx, id).await?;
    let now = app.clock.now();
    let done = row.at_stage(Stage::Done, None, now);
    let (used, sealed) = ((used, detail(id, &done)), seal(app, id, &done)?);
    let outcome = match &row.matter {
        Matter::Roles { account, from, to } => {
            sign_in::change_roles_once(app, ctx, *account, (from, to), used, sealed, &held).await.map(|()| Done::Roles)
        }
        Matter::Erasure { people, .. } => erase::people_once(app, ctx, people, used, sealed).await.map(Done::Erased),
        Matter::Export(_) => {
            let message = "This is an export: it is done by downloading it, at /api/v1/approvals/{id}/download or under Requests.";
            Err(invalid("approval", "is-a-download", message))
        }
        Matter::LegalReading { .. } => {
            let message = "This is a reading: open the submissions for the purpose legal-basis while it stands.";
            Err(invalid("approval", "is-a-reading", message))
        }
    };
    match outcome {
        Ok(_) => app.approvals.put(id, done),
        // What failed may have failed behind the commit that used it.
        Err(_) => app.approvals.read_again(&app.vault, id)?,
    }
    outcome
}

/// Uses up the leave to export, and says what is to be exported: once.
///
/// # Errors
/// As [`perform`]; [`ServiceError::Invalid`] also for what is no export.
pub(in crate::services) async fn use_export(
    app: &Arc<App>,
    ctx: &Context,
    id: ApprovalId,
) -> Result<Export, ServiceError> {
    let _one_at_a_time = app.approvals.changing.lock().await;
    let (_held, row, used) = check_use(app, ctx, id).await?;
    let wanted = export_of(&row)?.clone();
    write(app, used, id, row.at_stage(Stage::Done, None, app.clock.now())).await?;
    Ok(wanted)
}

/// Refuses at once what [`use_export`] would refuse in the end.
pub(in crate::services) async fn check_open(app: &App, ctx: &Context, id: ApprovalId) -> Result<(), ServiceError> {
    check_use(app, ctx, id).await.map(drop)
}

/// What the actor has asked to export, used or not.
pub(in crate::services) fn wanted_export(app: &App, ctx: &Context, id: ApprovalId) -> Result<Export, ServiceError> {
    export_of(&row_of(app, ctx, id)?).cloned()
}

fn export_of(row: &Approval) -> Result<&Export, ServiceError> {
    match &row.matter {
        Matter::Export(wanted) => Ok(wanted),
        Matter::Roles { .. } | Matter::Erasure { .. } | Matter::LegalReading { .. } => {
            Err(invalid("approval", "no-download", "This is no export: there is nothing to download."))
        }
    }
}

/// Whether the actor may do this now, which they asked for and another, who may approve it to this moment, approved. A
/// demotion, a recovery or a disabled account waits for as long as what is returned first is held, or was seen here.
async fn check_use<'a>(
    app: &'a App,
    ctx: &Context,
    id: ApprovalId,
) -> Result<(tokio::sync::MutexGuard<'a, ()>, Approval, Act), ServiceError> {
    let held = sign_in::hold(app).await;
    let row = row_of(app, ctx, id)?;
    let used = act(app, ctx, Action::UseApproval, &row)?;
    check_stage(&row, &[Stage::Approved], app.clock.now())?;
    check_both(app, &row)?;
    Ok((held, row, used))
}
