//! A submission on its way into the twin, step by step as in `letterlock::services::submit`, files in clear.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use letterlock::base::clock::Clock;
use letterlock::base::files::sync_dir;
use letterlock::base::ids::{FileId, PersonId, RecordId};
use letterlock::base::sensitive::SensitiveString;
use letterlock::domain::file::{FileKind, clean_name, display_name, judge};
use letterlock::domain::form::Form;
use letterlock::domain::scan::Scan;
use letterlock::domain::submission::{Content, Draft, FileInfo, SentFile, Valid};
use letterlock::http::around;
use letterlock::services::ServiceError;
use ring::digest;
use serde_json::Value;
use tokio::sync::oneshot;

use super::committer::{ConsentLine, Job, ListEntry};
use super::{Seen, Twin, sha256};

/// Bytes gathered before a write, as Letterlock gathers a segment.
const PIECE: usize = 64 * 1024;

/// What arrived so far.
pub(super) struct Intake {
    twin: Arc<Twin>,
    form: Arc<Form>,
    draft: Draft,
    files: Vec<Arrived>,
    current: Option<Arriving>,
}

struct Arriving {
    field: String,
    name: Option<SensitiveString>,
    limit: u64,
    id: FileId,
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    len: u64,
    hash: digest::Context,
}

struct Arrived {
    field: String,
    name: Option<SensitiveString>,
    kind: Option<FileKind>,
    id: FileId,
    path: PathBuf,
    len: u64,
    hash: digest::Digest,
}

impl Intake {
    pub(super) fn new(twin: Arc<Twin>, form: Arc<Form>) -> Self {
        Self { twin, form, draft: Draft::default(), files: Vec::new(), current: None }
    }

    /// Validates and stores everything; returns the record and a receipt once it is durable.
    pub(super) async fn finish(self, key: Option<String>) -> Result<(RecordId, String), ServiceError> {
        let Self { twin, form, draft, files, .. } = self;
        let valid = draft.validate(&form).map_err(ServiceError::Invalid)?;
        let held = match key {
            Some(key) => {
                let key = sha256(&[form.id.as_str().as_bytes(), &[0], key.as_bytes()]);
                let body = hash_body(&valid, &files);
                if let Some(earlier) = hold(&twin, key, body)? {
                    return Ok((earlier, receipt(&twin)?));
                }
                Some((key, body))
            }
            None => None,
        };
        let record = RecordId::make_random(&*twin.entropy).map_err(|_| ServiceError::Unavailable)?;
        let stored = store(&twin, &form, record, valid, &files, held).await;
        if let (Some((key, body)), Ok(mut seen)) = (held, twin.requests.lock()) {
            match &stored {
                Ok(()) => drop(seen.insert(key, Seen::Done { body, record })),
                Err(_) => drop(seen.remove(&key)),
            }
        }
        if stored.is_err() {
            files.iter().for_each(|file| drop(std::fs::remove_file(&file.path)));
        }
        stored?;
        Ok((record, receipt(&twin)?))
    }
}

async fn store(
    twin: &Arc<Twin>,
    form: &Form,
    record: RecordId,
    valid: Valid,
    files: &[Arrived],
    held: Option<([u8; 32], [u8; 32])>,
) -> Result<(), ServiceError> {
    let received = twin.clock.now();
    let infos = (0..).zip(files).map(|(n, file)| FileInfo {
        n,
        field: file.field.clone(),
        name: display(file),
        kind: file.kind.map_or("application/octet-stream", FileKind::media_type).to_owned(),
        size: file.len,
        scan: Scan::Off,
    });
    let content = Content {
        form: form.id.clone(),
        form_version: form.version,
        notice: form.notice.version.clone(),
        region: "uk".to_owned(),
        received,
        fields: valid.fields,
        consents: valid.consents,
        files: infos.collect(),
        server_key: None,
    };
    let consents = (!content.consents.is_empty()).then(|| ConsentLine {
        at: received,
        source: form.id.to_string(),
        notice: content.notice.clone(),
        consents: content.consents.clone(),
    });
    let ids: Vec<FileId> = files.iter().map(|file| file.id).collect();
    let (reply, answer) = oneshot::channel();
    let job = Job {
        address: valid.email.map(|email| email.canonical().to_owned()),
        person: PersonId::make_random(&*twin.entropy).map_err(|_| ServiceError::Unavailable)?,
        record,
        content: postcard::to_stdvec(&(&ids, &content)).map_err(|_| ServiceError::Internal)?,
        entry: ListEntry {
            form: form.id.clone(),
            status: form.initial_status(),
            received,
            region: content.region.clone(),
            files: ids.len() as u32,
            idempotency: held,
        },
        consents,
        files: ids,
        reply,
    };
    twin.jobs.send(job).await.map_err(|_| ServiceError::Unavailable)?;
    answer.await.map_err(|_| ServiceError::Unavailable)?.map_err(|_| ServiceError::Unavailable)
}

impl around::Intake for Intake {
    fn json(&mut self, name: &str, value: Value) -> Result<(), ServiceError> {
        Ok(self.draft.json(name, value)?)
    }

    fn text(&mut self, name: &str, value: String) -> Result<(), ServiceError> {
        if self.form.field(name).is_none() && self.form.consent(name).is_some() {
            let _ = self.draft.consent_text(name, &value);
            return Ok(());
        }
        Ok(self.draft.text(name, value)?)
    }

    async fn begin_file(&mut self, field: &str, file_name: Option<&str>) -> Result<(), ServiceError> {
        let limit = self.form.file(field).ok_or(ServiceError::NotFound)?.max_bytes;
        let id = FileId::make_random(&*self.twin.entropy).map_err(|_| ServiceError::Unavailable)?;
        let path = self.twin.files.join(id.to_string());
        let (file, path) = blocking(move || {
            let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path);
            file.map(|file| (file, path))
        })
        .await?
        .map_err(|_| ServiceError::Unavailable)?;
        self.current = Some(Arriving {
            field: field.to_owned(),
            name: file_name.filter(|name| !name.is_empty()).map(SensitiveString::from),
            limit,
            id,
            path,
            file,
            buffer: Vec::with_capacity(PIECE),
            len: 0,
            hash: digest::Context::new(&digest::SHA256),
        });
        Ok(())
    }

    fn chunk(&mut self, mut piece: &[u8]) -> Result<(), ServiceError> {
        let arriving = self.current.as_mut().ok_or(ServiceError::Internal)?;
        arriving.len += piece.len() as u64;
        if arriving.len > arriving.limit {
            return Err(ServiceError::TooLarge { field: Some(arriving.field.clone()), limit: arriving.limit });
        }
        arriving.hash.update(piece);
        while !piece.is_empty() {
            if arriving.buffer.len() == PIECE {
                arriving.file.write_all(&arriving.buffer).map_err(|_| ServiceError::Unavailable)?;
                arriving.buffer.clear();
            }
            let take = piece.len().min(PIECE - arriving.buffer.len());
            arriving.buffer.extend_from_slice(&piece[..take]);
            piece = &piece[take..];
        }
        Ok(())
    }

    async fn end_file(&mut self) -> Result<(), ServiceError> {
        let mut arriving = self.current.take().ok_or(ServiceError::Internal)?;
        let folder = self.twin.files.clone();
        let (arriving, kind) = blocking(move || {
            arriving.file.write_all(&arriving.buffer)?;
            arriving.file.sync_all()?;
            sync_dir(&folder)?;
            let kind = judge(&arriving.file, arriving.len)?;
            Ok::<_, std::io::Error>((arriving, kind))
        })
        .await?
        .map_err(|_| ServiceError::Unavailable)?;
        let Arriving { field, name, id, path, len, hash, .. } = arriving;
        let _ = self.draft.file(&field, SentFile { size: len, kind });
        self.files.push(Arrived { field, name, kind, id, path, len, hash: hash.finish() });
        Ok(())
    }
}

/// Work that waits for the disk, where Letterlock does it.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ServiceError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| ServiceError::Internal)
}

/// Takes hold of an idempotency key, or finds what an earlier request with it made.
fn hold(twin: &Twin, key: [u8; 32], body: [u8; 32]) -> Result<Option<RecordId>, ServiceError> {
    let mut seen = twin.requests.lock().map_err(|_| ServiceError::Internal)?;
    match seen.get(&key) {
        Some(Seen::Running) => Err(ServiceError::StillRunning),
        Some(Seen::Done { body: earlier, record }) if *earlier == body => Ok(Some(*record)),
        Some(Seen::Done { .. }) => Err(ServiceError::KeyReused),
        None => {
            seen.insert(key, Seen::Running);
            Ok(None)
        }
    }
}

/// What the person keeps: a random code as long as Letterlock's.
fn receipt(twin: &Twin) -> Result<String, ServiceError> {
    let random: [u8; 18] = letterlock::base::entropy::random(&*twin.entropy).map_err(|_| ServiceError::Unavailable)?;
    Ok(data_encoding::BASE32_NOPAD.encode(&random))
}

fn display(file: &Arrived) -> SensitiveString {
    let sent = file.name.as_ref().map_or(file.field.as_str(), SensitiveString::expose);
    match file.kind {
        Some(kind) => display_name(sent, kind),
        None => clean_name(sent),
    }
}

/// What the request means, hashed as Letterlock does (there, keyed).
fn hash_body(valid: &Valid, files: &[Arrived]) -> [u8; 32] {
    let mut stream = digest::Context::new(&digest::SHA256);
    let mut part = |bytes: &[u8]| {
        stream.update(&(bytes.len() as u64).to_be_bytes());
        stream.update(bytes);
    };
    part(&(valid.fields.len() as u64).to_be_bytes());
    for (name, value) in &valid.fields {
        part(name.as_bytes());
        value.each_part(&mut part);
    }
    for (name, consent) in &valid.consents {
        part(name.as_bytes());
        part(&[u8::from(consent.given)]);
    }
    for file in files {
        part(file.field.as_bytes());
        part(file.name.as_ref().map_or("", SensitiveString::expose).as_bytes());
        part(file.hash.as_ref());
    }
    let mut out = [0; 32];
    out.copy_from_slice(stream.finish().as_ref());
    out
}
