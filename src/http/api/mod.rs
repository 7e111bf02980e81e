//! What staff do, each with a token: submissions, surveys, people, the audit trail.

pub(super) mod alerts;
pub(super) mod approvals;
pub(super) mod audit;
pub(super) mod download;
pub(super) mod mailings;
pub(super) mod results;
pub(super) mod search;
pub(super) mod subjects;
pub(super) mod submissions;
pub(super) mod transfers;
pub(super) mod vacancies;

use std::future::Future;

use super::error::HttpError;
use crate::services::ServiceError;

/// Runs `work` to its end on a task of its own: a client that hangs up must not stop an erasure half-way.
pub(super) async fn complete<T: Send + 'static>(
    work: impl Future<Output = Result<T, ServiceError>> + Send + 'static,
) -> Result<T, HttpError> {
    Ok(whole(work).await?)
}

/// As [`complete`], for who looks at the service's own error.
pub(super) async fn whole<T: Send + 'static>(
    work: impl Future<Output = Result<T, ServiceError>> + Send + 'static,
) -> Result<T, ServiceError> {
    tokio::spawn(work).await.unwrap_or(Err(ServiceError::Internal))
}
