//! Another approves or declines, or whoever asked takes it back.

use std::sync::Arc;

use super::{Stage, account_of, act, check_person, check_stage, row_of, write};
use crate::base::ids::ApprovalId;
use crate::policy::Action;
use crate::services::{App, Context, ServiceError};

/// Approves what another asks for. From now on it may be done, once, for [`LIFE`](super::LIFE).
///
/// # Errors
/// [`ServiceError::Forbidden`] for one's own; [`ServiceError::NotFound`]; [`ServiceError::Invalid`] for one that does not wait.
pub async fn approve(app: &Arc<App>, ctx: &Context, id: ApprovalId) -> Result<(), ServiceError> {
    let _one_at_a_time = app.approvals.changing.lock().await;
    let row = row_of(app, ctx, id)?;
    let act = act(app, ctx, Action::Approve, &row)?;
    let (now, who) = (app.clock.now(), account_of(ctx)?);
    check_person(app, who, Action::Approve, &row)?;
    check_stage(&row, &[Stage::Asked], now)?;
    write(app, act, id, row.at_stage(Stage::Approved, Some(who), now)).await
}

/// Declines what another asks for, or takes one's own request back.
///
/// # Errors
/// [`ServiceError::NotFound`]; [`ServiceError::Invalid`] for one that is over.
pub async fn decline(app: &Arc<App>, ctx: &Context, id: ApprovalId) -> Result<(), ServiceError> {
    let _one_at_a_time = app.approvals.changing.lock().await;
    let row = row_of(app, ctx, id)?;
    let act = act(app, ctx, Action::DeclineApproval, &row)?;
    let (now, who) = (app.clock.now(), account_of(ctx)?);
    check_stage(&row, &[Stage::Asked, Stage::Approved], now)?;
    let next = match row.asker == who {
        true => row.at_stage(Stage::Withdrawn, None, now),
        false => row.at_stage(Stage::Declined, Some(who), now),
    };
    write(app, act, id, next).await
}
