//! Files on their way in, with a submission or a message: sealed as they arrive, and judged by their content.

use std::sync::Arc;

use ring::digest;

use super::{ServiceError, blocking};
use crate::base::sensitive::{SensitiveString, USUAL_DEPTH, wipe_stack};
use crate::domain::file::{FileKind, clean_name, display_name, judge};
use crate::domain::submission::{FileInfo, SentFile};
use crate::vault::{SealedFile, Upload, Vault, VaultError};

/// The files that have arrived, and the one that is arriving. Dropped, it leaves nothing readable.
#[derive(Default)]
pub(super) struct Arrivals {
    files: Vec<Arrived>,
    current: Option<Arriving>,
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
}

struct Arriving {
    field: String,
    name: Option<SensitiveString>,
    limit: u64,
    upload: Upload,
    hash: digest::Context,
}

impl Arrivals {
    /// A file of at most `limit` bytes begins. `file_name` is as the client sent it.
    pub(super) async fn begin(
        &mut self,
        vault: &Arc<Vault>,
        field: &str,
        file_name: Option<&str>,
        limit: u64,
    ) -> Result<(), ServiceError> {
        let vault = Arc::clone(vault);
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
    pub(super) fn chunk(&mut self, chunk: &[u8]) -> Result<(), ServiceError> {
        let arriving = self.current.as_mut().ok_or(ServiceError::Internal)?;
        if arriving.upload.len() + chunk.len() as u64 > arriving.limit {
            let error = ServiceError::TooLarge { field: Some(arriving.field.clone()), limit: arriving.limit };
            self.current = None;
            return Err(error);
        }
        arriving.hash.update(chunk);
        // Sealing 64 KiB takes some 30 µs and goes to the page cache: less than a change of threads is worth. The
        // flush to the disk, which can take long, is in `end`.
        Ok(arriving.upload.write(chunk)?)
    }

    /// The file is complete: its kind is judged. `None` for an empty, unnamed one: an untouched file input.
    pub(super) async fn end(&mut self) -> Result<Option<(String, SentFile)>, ServiceError> {
        let Arriving { field, name, upload, hash, .. } = self.current.take().ok_or(ServiceError::Internal)?;
        if upload.is_empty() && name.is_none() {
            return Ok(None);
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
        let sent = SentFile { size: sealed.len(), kind };
        self.files.push(Arrived { field: field.clone(), name, kind, sealed, hash: hash.finish() });
        Ok(Some((field, sent)))
    }

    /// How many have arrived.
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// How many have arrived for one field.
    pub(super) fn of(&self, field: &str) -> usize {
        self.files.iter().filter(|file| file.field == field).count()
    }

    /// Those that have arrived.
    pub(super) fn into_files(self) -> Vec<Arrived> {
        self.files
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
        }
    }
}
