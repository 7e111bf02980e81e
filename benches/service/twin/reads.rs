//! Reading from the twin, step by step as in `letterlock::services::review`: find and decide, then open. Without an audit
//! entry in between.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use letterlock::base::files::read_in_memory;
use letterlock::base::ids::{FileId, RecordId};
use letterlock::domain::form::Form;
use letterlock::domain::submission::{Content, FileInfo, Nature, Summary};
use letterlock::policy::{self, Action, Actor, Resource};
use letterlock::services::ServiceError;
use letterlock::store::Engine;

use super::Twin;
use super::committer::{ListRow, Person, list_key, person_key, record_key};
use super::intake::blocking;

/// Bytes of a file read at a time, as in Letterlock.
const PIECE: u64 = 64 * 1024;

/// Opens one submission.
pub(super) fn show(
    twin: &Twin,
    actor: &Actor,
    id: RecordId,
    purpose: Option<String>,
) -> Result<(Summary, Content), ServiceError> {
    let summary = find(twin, actor, id, Action::ReadSubmission, purpose)?;
    Ok((summary, twin.content(&id)?.1))
}

/// A file on its way out.
pub(super) struct Download {
    pub(super) info: FileInfo,
    file: Option<File>,
    position: u64,
}

/// Opens file `n` of a submission.
pub(super) async fn file(
    twin: &Arc<Twin>,
    actor: &Actor,
    id: RecordId,
    n: usize,
    purpose: Option<String>,
) -> Result<Download, ServiceError> {
    let summary = find(twin, actor, id, Action::ReadFile, purpose)?;
    if n >= summary.files.unwrap_or(0) as usize {
        return Err(ServiceError::NotFound);
    }
    let worker = Arc::clone(twin);
    blocking(move || {
        let (files, mut content) = worker.content(&id)?;
        let file = File::open(worker.files.join(files[n].to_string())).map_err(|_| ServiceError::Damaged)?;
        Ok(Download { info: content.files.swap_remove(n), file: Some(file), position: 0 })
    })
    .await?
}

impl Download {
    /// The next piece; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, ServiceError> {
        let left = self.info.size - self.position;
        if left == 0 {
            return Ok(None);
        }
        let (file, position) = (self.file.take().ok_or(ServiceError::Internal)?, self.position);
        let mut piece = vec![0; left.min(PIECE) as usize];
        if read_in_memory(&file, &mut piece, position).map_err(|_| ServiceError::Damaged)? {
            self.file = Some(file);
            self.position += piece.len() as u64;
            return Ok(Some(piece.into()));
        }
        let (file, piece) = blocking(move || {
            let mut piece = vec![0; left.min(PIECE) as usize];
            let read = file.read_exact_at(&mut piece, position);
            (file, read.map(|()| piece))
        })
        .await?;
        let piece = piece.map_err(|_| ServiceError::Damaged)?;
        self.file = Some(file);
        self.position += piece.len() as u64;
        Ok(Some(piece.into()))
    }
}

/// Finds a submission for an act, and checks role and purpose.
fn find(
    twin: &Twin,
    actor: &Actor,
    id: RecordId,
    action: Action,
    purpose: Option<String>,
) -> Result<Summary, ServiceError> {
    // A few rows, on the thread that serves the connection, as in Letterlock.
    let summary = twin.locate(&id)?;
    let form: &Arc<Form> = twin.forms.get(&summary.form).ok_or(ServiceError::NotFound)?;
    let _ = policy::decide(actor, action, &Resource::Submission { roles: &form.roles })?;
    let allowed = policy::allowed_purposes(actor, &form.purposes);
    if !purpose.is_some_and(|purpose| allowed.contains(&purpose)) {
        return Err(ServiceError::PurposeNeeded { allowed });
    }
    Ok(summary)
}

impl Twin {
    fn locate(&self, record: &RecordId) -> Result<Summary, ServiceError> {
        let row = self.row(&record_key(record))?;
        let arrival = row.first_chunk().copied().map(u64::from_be_bytes).ok_or(ServiceError::Damaged)?;
        let listed: ListRow = decode(&self.row(&list_key(arrival))?)?;
        let person: Person = decode(&self.row(&person_key(&listed.person))?)?;
        if !person.records.iter().any(|(one, _)| one == record) {
            return Err(ServiceError::NotFound);
        }
        let entry = listed.entry;
        Ok(Summary {
            id: *record,
            subject: listed.person,
            form: entry.form,
            status: entry.status,
            received: entry.received,
            region: entry.region,
            files: Some(entry.files),
            messages: 0,
            unanswered: 0,
            nature: Nature::Letter,
            work: Default::default(),
        })
    }

    pub(super) fn content(&self, record: &RecordId) -> Result<(Vec<FileId>, Content), ServiceError> {
        let row = self.row(&record_key(record))?;
        decode(row.get(8..).ok_or(ServiceError::Damaged)?)
    }

    fn row(&self, key: &[u8]) -> Result<Vec<u8>, ServiceError> {
        self.engine.read(key).map_err(|_| ServiceError::Unavailable)?.ok_or(ServiceError::NotFound)
    }
}

pub(super) fn decode<T: for<'de> serde::Deserialize<'de>>(row: &[u8]) -> Result<T, ServiceError> {
    postcard::from_bytes(row).map_err(|_| ServiceError::Damaged)
}
