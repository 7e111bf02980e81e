//! Takes a submission in: fields and files as they arrive, validated, sealed, durable, then acknowledged.

use std::sync::Arc;

use ring::digest;
use serde_json::Value;

use super::idempotency::{self, Held};
use super::{App, Context, Problem, ServiceError, blocking};
use crate::base::ids::RecordId;
use crate::base::sensitive::{SensitiveString, USUAL_DEPTH, wipe_stack};
use crate::domain::file::{FileKind, display_name, judge};
use crate::domain::form::{Form, FormId};
use crate::domain::submission::MAX_TEXT_BYTES;
use crate::domain::submission::{Content, Draft, FileInfo, SentFile, TooMuchText, Valid};
use crate::policy::{Action, Resource};
use crate::vault::{Act, MAX_FILES, NewSubmission, SealedFile, Upload, VaultError};

/// A submission on its way in. Dropped without [`Intake::finish`], it leaves nothing readable behind.
pub struct Intake {
    app: Arc<App>,
    act: Act,
    form: Arc<Form>,
    draft: Draft,
    files: Vec<Arrived>,
    current: Option<Arriving>,
    held: Option<Held>,
}

/// The acknowledgement: the submission is on disk.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// Id of the submission.
    pub submission: RecordId,
    /// The receipt code, for the person to keep.
    pub receipt: String,
}

struct Arriving {
    field: String,
    name: Option<SensitiveString>,
    limit: u64,
    upload: Upload,
    hash: digest::Context,
}

struct Arrived {
    field: String,
    name: Option<SensitiveString>,
    kind: Option<FileKind>,
    sealed: SealedFile,
    hash: digest::Digest,
}

/// Begins a submission to `form`. `idempotency_key` is the client's key, 1 to 255 visible ASCII bytes, already checked.
///
/// # Errors
/// [`ServiceError::NotFound`] for an unknown form, [`ServiceError::NotYetOpen`] for one of a kind that is not open yet, [`ServiceError::StillRunning`] while a request with the same key runs,
/// [`ServiceError::StorageFull`], [`ServiceError::Unavailable`].
pub async fn begin(
    app: &Arc<App>,
    ctx: &Context,
    form: &FormId,
    idempotency_key: Option<&str>,
) -> Result<Intake, ServiceError> {
    let form = app.forms().get(form).cloned().ok_or(ServiceError::NotFound)?;
    check_open(&form)?;
    let act = ctx.act(Action::Submit, &Resource::Form { roles: &form.roles })?;
    app.vault.ready_for_intake()?;
    let held = match idempotency_key {
        Some(key) => {
            let key = app.vault.hash_idempotency_key(form.id.as_str(), key);
            Some(idempotency::hold(app, key).await?)
        }
        None => None,
    };
    Ok(Intake { app: Arc::clone(app), act, form, draft: Draft::default(), files: Vec::new(), current: None, held })
}

/// Refuses a form that takes nothing yet, before anything of a submission is read.
///
/// # Errors
/// [`ServiceError::NotYetOpen`].
pub fn check_open(form: &Form) -> Result<(), ServiceError> {
    if form.kind.is_open() { Ok(()) } else { Err(ServiceError::NotYetOpen) }
}

impl Intake {
    /// One field as text (form posts), or a boolean as `"true"`/`"false"`. Problems are collected and told by `finish`.
    ///
    /// # Errors
    /// [`ServiceError::TooLarge`] as soon as the total of all fields passes the limit.
    pub fn field(&mut self, name: &str, value: String) -> Result<(), ServiceError> {
        Ok(self.draft.text(name, value)?)
    }

    /// One field as it stands in a JSON body.
    ///
    /// # Errors
    /// As [`Intake::field`].
    pub fn json(&mut self, name: &str, value: Value) -> Result<(), ServiceError> {
        Ok(self.draft.json(name, value)?)
    }

    /// One consent box. Too many of them are told by `finish`.
    pub fn consent(&mut self, name: &str, given: bool) {
        // The draft remembers that it is overfull.
        let _ = self.draft.consent(name, given);
    }

    /// One consent box as a form posts it (`on`, `true`, …). A text that is neither is told by `finish`.
    pub fn consent_text(&mut self, name: &str, value: &str) {
        let _ = self.draft.consent_text(name, value);
    }

    /// A file begins. `file_name` is as the client sent it.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] for an unknown file field or too many files, [`ServiceError::StorageFull`].
    pub async fn begin_file(&mut self, field: &str, file_name: Option<&str>) -> Result<(), ServiceError> {
        let Some(rules) = self.form.file(field) else {
            return Err(invalid(Problem::overall("unknown-file", "The form has no such file.")));
        };
        let already = self.files.iter().filter(|file| file.field == field).count();
        // One more than allowed is let in, so that an untouched second input, which is none, does no harm.
        if already > rules.max_files as usize || self.files.len() >= MAX_FILES {
            let message = format!("At most {} of these can be sent.", rules.max_files);
            return Err(invalid(Problem::in_field(field, "too-many-files", message)));
        }
        let limit = rules.max_bytes;
        let vault = Arc::clone(&self.app.vault);
        let upload = blocking(move || vault.begin_upload()).await??;
        self.current = Some(Arriving {
            field: field.to_owned(),
            name: file_name.filter(|name| !name.is_empty()).map(SensitiveString::from),
            limit,
            upload,
            hash: digest::Context::new(&digest::SHA256),
        });
        Ok(())
    }

    /// The next piece of the file begun last.
    ///
    /// # Errors
    /// [`ServiceError::TooLarge`] as soon as the limit is passed, [`ServiceError::StorageFull`].
    pub async fn file_chunk(&mut self, chunk: &[u8]) -> Result<(), ServiceError> {
        let arriving = self.current.as_mut().ok_or(ServiceError::Internal)?;
        if arriving.upload.len() + chunk.len() as u64 > arriving.limit {
            let error = ServiceError::TooLarge { field: Some(arriving.field.clone()), limit: arriving.limit };
            self.current = None;
            return Err(error);
        }
        arriving.hash.update(chunk);
        // Sealing 64 KiB takes some 30 µs and goes to the page cache: less than a change of threads is worth. The
        // flush to the disk, which can take long, is in `end_file`.
        Ok(arriving.upload.write(chunk)?)
    }

    /// The file is complete: its kind is judged. An empty, unnamed file (an untouched file input) counts as none.
    ///
    /// # Errors
    /// As [`Intake::file_chunk`]; a wrong kind is told by `finish`.
    pub async fn end_file(&mut self) -> Result<(), ServiceError> {
        let Arriving { field, name, upload, hash, .. } = self.current.take().ok_or(ServiceError::Internal)?;
        if upload.is_empty() && name.is_none() {
            return Ok(());
        }
        let (sealed, kind) = blocking(move || {
            let sealed = upload.finish()?;
            let kind = judge(sealed.reader()?, sealed.len());
            // The format library keeps its buffers on the stack, below many frames.
            wipe_stack::<{ 2 * USUAL_DEPTH }>();
            let kind = kind.map_err(|_| VaultError::Unavailable)?;
            Ok::<_, VaultError>((sealed, kind))
        })
        .await??;
        // An overfull draft is told by `finish`.
        let _ = self.draft.file(&field, SentFile { size: sealed.len(), kind });
        self.files.push(Arrived { field, name, kind, sealed, hash: hash.finish() });
        Ok(())
    }

    /// Validates, seals and stores everything, and returns once it is durable.
    ///
    /// # Errors
    /// [`ServiceError::Invalid`] with every mistake; [`ServiceError::KeyReused`]; storage errors. Nothing is stored then.
    pub async fn finish(self) -> Result<Receipt, ServiceError> {
        let Self { app, act, form, draft, files, current, mut held } = self;
        drop(current);
        let valid = draft.validate(&form).map_err(ServiceError::Invalid)?;
        let body = held.as_ref().map(|_| hash_body(&app, &valid, &files));
        if let (Some(held), Some(body)) = (&mut held, body)
            && let Some(receipt) = earlier_answer(&app, held, body)?
        {
            return Ok(receipt);
        }

        let now = app.clock.now();
        let infos = (0..).zip(&files).map(|(n, file)| FileInfo {
            n,
            field: file.field.clone(),
            name: display(file),
            kind: file.kind.map_or("application/octet-stream", FileKind::media_type).to_owned(),
            size: file.sealed.len(),
        });
        let content = Content {
            form: form.id.clone(),
            form_version: form.version,
            notice: form.notice.version.clone(),
            region: form.region.clone().unwrap_or_else(|| app.region.clone()),
            received: now,
            fields: valid.fields,
            consents: valid.consents,
            files: infos.collect(),
        };
        let idempotency = held.as_ref().zip(body).map(|(held, body)| crate::vault::Idempotency { key: held.key, body });
        let submission = NewSubmission {
            email: valid.email,
            content,
            status: form.initial_status(),
            files: files.into_iter().map(|file| file.sealed).collect(),
            idempotency,
        };
        let stored = app.vault.submit(act, submission).await?;
        if let (Some(held), Some(body)) = (held, body) {
            held.done(body, stored.summary.id, now);
        }
        Ok(Receipt { submission: stored.summary.id, receipt: stored.receipt.expose().to_owned() })
    }
}

impl From<TooMuchText> for ServiceError {
    fn from(_: TooMuchText) -> Self {
        Self::TooLarge { field: None, limit: MAX_TEXT_BYTES as u64 }
    }
}

fn invalid(problem: Problem) -> ServiceError {
    ServiceError::Invalid(vec![problem])
}

fn display(file: &Arrived) -> SensitiveString {
    let sent = file.name.as_ref().map_or(file.field.as_str(), SensitiveString::expose);
    match file.kind {
        Some(kind) => display_name(sent, kind),
        None => crate::domain::file::clean_name(sent),
    }
}

/// The answer to a request that was made before; `None` when it is new, or its submission was erased meanwhile.
fn earlier_answer(app: &App, held: &mut Held, body: [u8; 32]) -> Result<Option<Receipt>, ServiceError> {
    let Some(earlier) = held.earlier else { return Ok(None) };
    match app.vault.locate(&earlier.record) {
        Ok(located) if earlier.body == body => {
            let receipt = app.vault.receipt_of(&located)?;
            Ok(Some(Receipt { submission: earlier.record, receipt: receipt.expose().to_owned() }))
        }
        Ok(_) => Err(ServiceError::KeyReused),
        Err(VaultError::Missing) => {
            held.forget_earlier()?;
            Ok(None)
        }
        Err(other) => Err(other.into()),
    }
}

/// A keyed hash over what the request means: the order of fields and parts, and how the body was encoded, do not matter.
fn hash_body(app: &App, valid: &Valid, files: &[Arrived]) -> [u8; 32] {
    let mut stream = app.vault.hash_request_body();
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
    stream.finish()
}
