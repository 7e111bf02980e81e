//! Erases records and people by destroying their keys, and certifies it.

use std::sync::Arc;

use serde_json::Value;

use super::{App, Context, ServiceError};
use crate::base::ids::{PersonId, RecordId};

/// Erases one submission. Returns the signed certificate, ready to be shown as JSON.
///
/// # Errors
/// [`ServiceError::NotFound`], [`ServiceError::Forbidden`], [`ServiceError::Unavailable`].
pub async fn record(app: &Arc<App>, ctx: &Context, id: RecordId) -> Result<Value, ServiceError> {
    let _ = (app, ctx, id);
    todo!()
}

/// Erases one person with all that is held about them.
///
/// # Errors
/// As [`record`].
pub async fn person(app: &Arc<App>, ctx: &Context, id: PersonId) -> Result<Value, ServiceError> {
    let _ = (app, ctx, id);
    todo!()
}

/// Erases many people in as few epochs as possible; one result for each, in order.
///
/// # Errors
/// [`ServiceError::Forbidden`] or [`ServiceError::Unavailable`] when nothing was done at all.
pub async fn people(
    app: &Arc<App>,
    ctx: &Context,
    ids: &[PersonId],
) -> Result<Vec<Result<Value, ServiceError>>, ServiceError> {
    let _ = (app, ctx, ids);
    todo!()
}
