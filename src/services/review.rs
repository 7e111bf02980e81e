//! Staff find, read and mark submissions.

use std::sync::Arc;

use bytes::Bytes;

use super::{App, Context, ServiceError};
use crate::base::ids::RecordId;
use crate::domain::form::FormId;
use crate::domain::submission::{Content, Fields, FileInfo, Status, Summary};

/// What to list. `after` is a cursor from an earlier answer, opaque.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// Only this form.
    pub form: Option<FormId>,
    /// Only this status.
    pub status: Option<Status>,
    /// Continue after this cursor.
    pub after: Option<String>,
    /// At most so many items: 1 to 200, default 50.
    pub limit: Option<u32>,
    /// With a purpose, items carry the form's summary fields, under one audit entry that names them all.
    pub purpose: Option<String>,
}

/// One line of a list.
#[derive(Clone, Debug)]
pub struct Item {
    /// The line.
    pub summary: Summary,
    /// The form's summary fields, when a purpose was given.
    pub fields: Option<Fields>,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// Newest first.
    pub items: Vec<T>,
    /// Cursor of the next page; `None` at the end.
    pub next: Option<String>,
}

/// A submission, opened.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Id, subject, status.
    pub summary: Summary,
    /// Everything else.
    pub content: Content,
}

/// A file on its way out.
pub struct Download {
    /// Name, kind, size.
    pub info: FileInfo,
    _private: (),
}

impl Download {
    /// The next piece, at most 64 KiB; `None` at the end.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when the person was erased meanwhile (the stream is cut), [`ServiceError::Internal`] for a damaged file.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ServiceError> {
        todo!()
    }
}

/// Lists what the actor may see.
///
/// # Errors
/// [`ServiceError::Invalid`] for a bad cursor, limit or purpose; [`ServiceError::Forbidden`] for an actor with no list at all.
pub async fn list(app: &Arc<App>, ctx: &Context, query: ListQuery) -> Result<Page<Item>, ServiceError> {
    let _ = (app, ctx, query);
    todo!()
}

/// Opens one submission, once the audit entry is durable.
///
/// # Errors
/// [`ServiceError::NotFound`], [`ServiceError::PurposeNeeded`], [`ServiceError::Unavailable`].
pub async fn show(
    app: &Arc<App>,
    ctx: &Context,
    id: RecordId,
    purpose: Option<&str>,
) -> Result<Submission, ServiceError> {
    let _ = (app, ctx, id, purpose);
    todo!()
}

/// Opens file `n` of a submission, once the audit entry is durable.
///
/// # Errors
/// As [`show`].
pub async fn file(
    app: &Arc<App>,
    ctx: &Context,
    id: RecordId,
    n: u32,
    purpose: Option<&str>,
) -> Result<Download, ServiceError> {
    let _ = (app, ctx, id, n, purpose);
    todo!()
}

/// Marks progress. Returns the new line.
///
/// # Errors
/// [`ServiceError::Invalid`] for a status the form does not use; [`ServiceError::NotFound`]; [`ServiceError::Forbidden`].
pub async fn set_status(app: &Arc<App>, ctx: &Context, id: RecordId, status: Status) -> Result<Summary, ServiceError> {
    let _ = (app, ctx, id, status);
    todo!()
}
