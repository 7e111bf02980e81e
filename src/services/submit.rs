//! Takes a submission in: fields and files as they arrive, validated, sealed, durable, then acknowledged.

use std::sync::Arc;

use super::{App, Context, ServiceError};
use crate::base::ids::RecordId;
use crate::domain::form::FormId;

/// A submission on its way in. Dropped without [`Intake::finish`], it leaves nothing readable behind.
pub struct Intake {
    _app: Arc<App>,
}

/// The acknowledgement: the submission is on disk.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// Id of the submission.
    pub submission: RecordId,
    /// The receipt code, for the person to keep.
    pub receipt: String,
}

/// Begins a submission to `form`. `idempotency_key` is the client's key, 1 to 255 visible ASCII bytes, already checked.
///
/// # Errors
/// [`ServiceError::NotFound`] for an unknown form, [`ServiceError::StillRunning`] while a request with the same key runs,
/// [`ServiceError::StorageFull`], [`ServiceError::Unavailable`].
pub async fn begin(
    app: &Arc<App>,
    ctx: &Context,
    form: &FormId,
    idempotency_key: Option<&str>,
) -> Result<Intake, ServiceError> {
    let _ = (app, ctx, form, idempotency_key);
    todo!()
}

impl Intake {
    /// One field as text (form posts), or a boolean as `"true"`/`"false"`. Problems are collected and told by `finish`.
    ///
    /// # Errors
    /// [`ServiceError::TooLarge`] as soon as the total of all fields passes the limit.
    pub fn field(&mut self, name: &str, value: String) -> Result<(), ServiceError> {
        let _ = (name, value);
        todo!()
    }

    /// One consent box.
    pub fn consent(&mut self, name: &str, given: bool) {
        let _ = (name, given);
        todo!()
    }

    /// A file begins. `file_name` is as the client sent it.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for an unknown file field or too many files, [`ServiceError::StorageFull`].
    pub async fn begin_file(&mut self, field: &str, file_name: Option<&str>) -> Result<(), ServiceError> {
        let _ = (field, file_name);
        todo!()
    }

    /// The next piece of the file begun last.
    ///
    /// # Errors
    /// [`ServiceError::TooLarge`] as soon as the limit is passed, [`ServiceError::StorageFull`].
    pub async fn file_chunk(&mut self, chunk: &[u8]) -> Result<(), ServiceError> {
        let _ = chunk;
        todo!()
    }

    /// The file is complete: its kind is judged. An empty, unnamed file (an untouched file input) counts as none.
    ///
    /// # Errors
    /// As [`Intake::file_chunk`]; a wrong kind is told by `finish`.
    pub async fn end_file(&mut self) -> Result<(), ServiceError> {
        todo!()
    }

    /// Validates, seals and stores everything, and returns once it is durable.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] with every mistake; [`ServiceError::KeyReused`]; storage errors. Nothing is stored then.
    pub async fn finish(self) -> Result<Receipt, ServiceError> {
        todo!()
    }
}
