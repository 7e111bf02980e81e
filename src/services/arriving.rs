//! Files on their way in, with a submission or a message: sealed and scanned for viruses as they arrive, and judged by
//! their content.

use std::sync::Arc;

use ring::digest;

use super::scan::{self, Found, Watch};
use super::{App, Problem, ServiceError, blocking};
use crate::base::sensitive::{SensitiveString, USUAL_DEPTH, wipe_stack};
use crate::domain::file::{FileKind, clean_name, display_name, judge};
use crate::domain::form::{Form, FormId};
use crate::domain::scan::{Scan, Unscanned};
use crate::domain::submission::{FileInfo, SentFile};
use crate::vault::{SealedFile, Upload, VaultError};

/// The files that have arrived, and the one that is arriving. Dropped, it leaves nothing readable.
pub(super) struct Arrivals {
    app: Arc<App>,
    form: Option<FormId>,
    /// What becomes of files that the virus scanner cannot look at.
    unscanned: Unscanned,
    files: Vec<Arrived>,
    current: Option<Arriving>,
    /// Files that were turned down, each as a problem in its field. Nothing of them is left.
    refused: Vec<Problem>,
}

/// A file that has arrived whole.
pub(super) struct Arrived {
    /// The form's name for it.
    pub(super) field: String,
    /// The name it came with.
    pub(super) name: Option<SensitiveString>,
    kind: Option<FileKind>,
    /// The file itself.
    pub(super) sealed: SealedFile,
    /// SHA-256 of its content.
    pub(super) hash: digest::Digest,
    scan: Scan,
}

struct Arriving {
    field: String,
    name: Option<SensitiveString>,
    limit: u64,
    upload: Upload,
    hash: digest::Context,
    watch: Option<Watch>,
}

impl Arrivals {
    /// None yet, for a submission by `form` or a message on one.
    pub(super) fn new(app: &Arc<App>, form: Option<&Form>) -> Self {
        Self {
            app: Arc::clone(app),
            form: form.map(|form| form.id.clone()),
            unscanned: form.and_then(|form| form.unscanned).unwrap_or_default(),
            files: Vec::new(),
            current: None,
            refused: Vec::new(),
        }
    }

    /// A file of at most `limit` bytes begins. `file_name` is as the client sent it.
    pub(super) async fn begin(&mut self, field: &str, file_name: Option<&str>, limit: u64) -> Result<(), ServiceError> {
        let vault = Arc::clone(&self.app.vault);
        let upload = blocking(move || vault.begin_upload()).await??;
        self.current = Some(Arriving {
            field: field.to_owned(),
            name: file_name.filter(|name| !name.is_empty()).map(SensitiveString::from),
            limit,
            upload,
            hash: digest::Context::new(&digest::SHA256),
            watch: self.app.scanner().map(Watch::new),
        });
        Ok(())
    }

    /// The next piece of the file begun last. Takes as long as the virus scanner does, within its limit.
    pub(super) async fn chunk(&mut self, chunk: &[u8]) -> Result<(), ServiceError> {
        let arriving = self.current.as_mut().ok_or(ServiceError::Internal)?;
        if arriving.upload.len() + chunk.len() as u64 > arriving.limit {
            let error = ServiceError::TooLarge { field: Some(arriving.field.clone()), limit: arriving.limit };
            self.current = None;
            return Err(error);
        }
        arriving.hash.update(chunk);
        // Sealing 64 KiB takes some 30 µs and goes to the page cache: less than a change of threads is worth. The
        // flush to the disk, which can take long, is in `end`.
        arriving.upload.write(chunk)?;
        if let Some(watch) = &mut arriving.watch {
            watch.feed(chunk).await;
        }
        Ok(())
    }

    /// The file is complete: its kind is judged. `None` for an empty, unnamed one: an untouched file input.
    pub(super) async fn end(&mut self) -> Result<Option<(String, SentFile)>, ServiceError> {
        let Arriving { field, name, upload, hash, watch, .. } = self.current.take().ok_or(ServiceError::Internal)?;
        if upload.is_empty() && name.is_none() {
            return Ok(None);
        }
        let (mut sealed, kind) = blocking(move || {
            let sealed = upload.finish()?;
            let kind = judge(sealed.reader()?, sealed.len());
            // The format library keeps its buffers on the stack, below many frames.
            wipe_stack::<{ 2 * USUAL_DEPTH }>();
            let kind = kind.map_err(|_| VaultError::Unavailable)?;
            Ok::<_, VaultError>((sealed, kind))
        })
        .await??;
        let sent = SentFile { size: sealed.len(), kind };
        let mut scan = Scan::Off;
        if let Some(watch) = watch {
            let found;
            (sealed, found) = watch.end(sealed).await?;
            scan = match (found, self.unscanned) {
                (Found::Nothing, _) => Scan::Clean,
                (Found::NotScanned, Unscanned::Hold) => Scan::Held,
                (Found::NotScanned, Unscanned::Accept) => Scan::Unscanned,
                (Found::NotScanned, Unscanned::Refuse) | (Found::Something, _) => {
                    // With it goes its only key.
                    drop(sealed);
                    // One entry for all of a submission: senders do not write the trail by the hundred.
                    if self.refused.is_empty() {
                        scan::note_refusal(&self.app, self.form.as_ref(), found).await;
                    }
                    self.refused.push(found.problem(&field));
                    return Ok(Some((field, sent)));
                }
            };
        }
        self.files.push(Arrived { field: field.clone(), name, kind, sealed, hash: hash.finish(), scan });
        Ok(Some((field, sent)))
    }

    /// How many have arrived, those that were turned down included: each made work.
    pub(super) fn len(&self) -> usize {
        self.files.len() + self.refused.len()
    }

    /// How many have arrived for one field, those that were turned down included.
    pub(super) fn of(&self, field: &str) -> usize {
        let refused = self.refused.iter().filter(|problem| problem.field.as_deref() == Some(field));
        self.files.iter().filter(|file| file.field == field).count() + refused.count()
    }

    /// Those that have arrived, and what is wrong with those that were turned down.
    pub(super) fn into_parts(self) -> (Vec<Arrived>, Vec<Problem>) {
        (self.files, self.refused)
    }
}

impl Arrived {
    /// What readers see of it, as number `n`.
    pub(super) fn info(&self, n: u32) -> FileInfo {
        let sent = self.name.as_ref().map_or(self.field.as_str(), SensitiveString::expose);
        FileInfo {
            n,
            field: self.field.clone(),
            name: self.kind.map_or_else(|| clean_name(sent), |kind| display_name(sent, kind)),
            kind: self.kind.map_or("application/octet-stream", FileKind::media_type).to_owned(),
            size: self.sealed.len(),
            scan: self.scan,
        }
    }
}
