//! Files on their way in: sealed segment by segment as they arrive, never in clear on disk.
//!
//! Until the record that holds a file's key is on disk, that key is in memory only, so an abandoned upload is unreadable
//! at once; its remains are removed when the value drops, or swept at the next start after a crash.

use std::fs::{File, FileTimes, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use zeroize::Zeroizing;

use super::hooks::Step;
use super::rows::{self, StoredFile};
use super::shared::Shared;
use super::{Vault, VaultError};
use crate::base::files;
use crate::base::ids::FileId;
use crate::base::sensitive::SecretBytes;
use crate::crypto::Key;
use crate::crypto::aead::TAG_LEN;
use crate::crypto::envelope::{self, COMMITMENT_LEN, HEADER_LEN};
use crate::crypto::stream::{Opener, SEALED_SEGMENT_LEN, SEGMENT_LEN, Sealer, shape};

impl Vault {
    /// Begins a file.
    ///
    /// # Errors
    /// [`VaultError::StorageFull`], [`VaultError::Unavailable`].
    pub fn begin_upload(&self) -> Result<Upload, VaultError> {
        self.shared.room_for_intake()?;
        let entropy = &*self.shared.entropy;
        let id = FileId::make_random(entropy)?;
        let key = Key::make_random(entropy)?;
        let sealer = Sealer::new(&key, &id, entropy)?;
        let path = self.shared.file_path(&id);
        let traces = Traces { path: path.clone(), shared: self.shared.clone(), id, keep: false };
        if let Ok(mut uploads) = self.shared.uploads.lock() {
            uploads.insert(id);
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(files::NO_ACCESS_TIME)
            .open(&path)
            .map_err(to_error)?;
        file.write_all(sealer.header()).map_err(to_error)?;
        self.shared.step(Step::UploadBegun)?;
        Ok(Upload {
            id,
            key,
            sealer,
            file,
            buffer: Zeroizing::new(Vec::with_capacity(SEALED_SEGMENT_LEN)),
            len: 0,
            traces,
        })
    }
}

/// A file under way. Its calls block on the disk. Dropped, it leaves nothing.
pub struct Upload {
    id: FileId,
    key: Key,
    sealer: Sealer,
    file: File,
    buffer: SecretBytes,
    len: u64,
    traces: Traces,
}

impl Upload {
    /// Bytes taken in so far.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing has come yet.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes in more bytes.
    ///
    /// # Errors
    /// [`VaultError::StorageFull`], [`VaultError::Unavailable`].
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), VaultError> {
        while !bytes.is_empty() {
            // A full segment waits until more comes, for the last one is sealed as the last.
            if self.buffer.len() == SEGMENT_LEN {
                self.sealer.segment(&mut self.buffer)?;
                self.flush()?;
            }
            let take = bytes.len().min(SEGMENT_LEN - self.buffer.len());
            self.buffer.extend_from_slice(&bytes[..take]);
            self.len += take as u64;
            bytes = &bytes[take..];
        }
        Ok(())
    }

    /// Seals the last segment and puts the file on disk, its times set to a constant.
    ///
    /// # Errors
    /// As [`Upload::write`].
    pub fn finish(mut self) -> Result<SealedFile, VaultError> {
        self.sealer.last(&mut self.buffer)?;
        self.flush()?;
        let times = FileTimes::new().set_accessed(SystemTime::UNIX_EPOCH).set_modified(SystemTime::UNIX_EPOCH);
        self.file.set_times(times).and_then(|()| self.file.sync_all()).map_err(to_error)?;
        self.traces.shared.step(Step::UploadSynced)?;
        files::sync_dir(&self.traces.shared.files_dir()).map_err(to_error)?;
        self.traces.shared.step(Step::UploadFinished)?;
        let mut commitment = [0; COMMITMENT_LEN];
        commitment.copy_from_slice(&self.sealer.header()[HEADER_LEN - COMMITMENT_LEN..]);
        Ok(SealedFile {
            id: self.id,
            key: self.key,
            commitment,
            segments: self.sealer.segments(),
            len: self.len,
            file: self.file,
            traces: self.traces,
        })
    }

    fn flush(&mut self) -> Result<(), VaultError> {
        self.file.write_all(&self.buffer).map_err(to_error)?;
        self.buffer.clear();
        self.traces.shared.step(Step::SegmentWritten)
    }
}

/// A file that is whole on disk, but belongs to no record yet. Dropped, it is removed.
pub struct SealedFile {
    id: FileId,
    key: Key,
    commitment: [u8; COMMITMENT_LEN],
    segments: u32,
    len: u64,
    file: File,
    traces: Traces,
}

impl SealedFile {
    /// True length in bytes.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether the file is empty.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Reads the content back, segment by segment, to judge its kind.
    ///
    /// # Errors
    /// [`VaultError::Tampered`] when the file is not the one just written.
    pub fn reader(&self) -> Result<SealedReader<'_>, VaultError> {
        let mut header = [0; HEADER_LEN];
        self.file.read_exact_at(&mut header, 0).map_err(to_error)?;
        let opener = Opener::new(&self.key, &self.id, &header, &self.commitment, self.len)?;
        Ok(SealedReader { file: &self.file, opener, len: self.len, position: 0, segment: None })
    }

    /// The bytes from `at` on, at most 64 KiB; none at the end.
    ///
    /// # Errors
    /// As [`SealedFile::reader`].
    pub fn piece(&self, at: u64) -> Result<SecretBytes, VaultError> {
        let mut reader = self.reader()?;
        reader.position = at;
        let mut piece = Zeroizing::new(vec![0; SEGMENT_LEN]);
        let count = reader.read(&mut piece).map_err(|_| VaultError::Tampered)?;
        piece.truncate(count);
        Ok(piece)
    }

    pub(super) const fn id(&self) -> FileId {
        self.id
    }

    /// What decides whether the file stays; without it, the file itself.
    pub(super) fn into_traces(self) -> Traces {
        self.traces
    }
}

impl StoredFile {
    /// What a record or message keeps of a file.
    pub(super) fn of(file: &SealedFile) -> Self {
        Self {
            id: file.id,
            // The file's key has its home in the record; the upload's copy is wiped with the upload.
            key: file.key.duplicate(),
            commitment: file.commitment,
            segments: file.segments,
        }
    }
}

impl Shared {
    /// The row that says that a file under `files/` is alive.
    pub(super) fn file_marker(&self, file: FileId) -> Result<(FileId, Vec<u8>), VaultError> {
        let context = rows::file_marker_context(&file);
        Ok((file, envelope::seal(&self.keys.rows, &context, &[], &*self.entropy)?))
    }
}

/// Removes what an abandoned upload left.
pub(super) struct Traces {
    path: PathBuf,
    shared: Arc<Shared>,
    id: FileId,
    keep: bool,
}

impl Traces {
    /// Its record is on disk, or may be: the file stays.
    pub(super) fn keep(mut self) {
        self.keep = true;
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if !self.keep {
            // What is left is noise without its key; a failure here only leaves it to the next sweep.
            let _ = std::fs::remove_file(&self.path);
        }
        if let Ok(mut uploads) = self.shared.uploads.lock() {
            uploads.remove(&self.id);
        }
    }
}

/// Reads a sealed file's content in any order, holding one segment.
pub struct SealedReader<'a> {
    file: &'a File,
    opener: Opener,
    len: u64,
    position: u64,
    segment: Option<(u32, SecretBytes)>,
}

impl SealedReader<'_> {
    fn load(&mut self, number: u32) -> io::Result<()> {
        if self.segment.as_ref().is_some_and(|(n, _)| *n == number) {
            return Ok(());
        }
        let sealed = read_segment(self.file, number, self.len)?;
        let opened =
            self.opener.segment_in_place(number, sealed).map_err(|_| io::Error::from(io::ErrorKind::InvalidData))?;
        self.segment = Some((number, opened));
        Ok(())
    }
}

impl Read for SealedReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.len || out.is_empty() {
            return Ok(0);
        }
        let number = (self.position / SEGMENT_LEN as u64) as u32;
        self.load(number)?;
        let within = (self.position % SEGMENT_LEN as u64) as usize;
        let available = self.segment.as_ref().map_or(&[][..], |(_, bytes)| &bytes[within..]);
        let count = available.len().min(out.len());
        out[..count].copy_from_slice(&available[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for SealedReader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(n) => i128::from(n),
            SeekFrom::End(n) => i128::from(self.len) + i128::from(n),
            SeekFrom::Current(n) => i128::from(self.position) + i128::from(n),
        };
        self.position = u64::try_from(position).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}

/// Opens a sealed file so that its times stay constant.
pub(super) fn open_sealed(path: &std::path::Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(files::NO_ACCESS_TIME).open(path)
}

/// The sealed bytes of a segment of a file whose true length is `len`.
pub(super) fn read_segment(file: &File, number: u32, len: u64) -> io::Result<Vec<u8>> {
    let (mut sealed, offset) = segment_buffer(number, len);
    file.read_exact_at(&mut sealed, offset)?;
    Ok(sealed)
}

/// The same if it is in memory already; `None` when the disk would have to be waited for.
pub(super) fn read_segment_in_memory(file: &File, number: u32, len: u64) -> io::Result<Option<Vec<u8>>> {
    let (mut sealed, offset) = segment_buffer(number, len);
    Ok(files::read_in_memory(file, &mut sealed, offset)?.then_some(sealed))
}

/// A buffer as long as the sealed segment, and where that begins in its file.
fn segment_buffer(number: u32, len: u64) -> (Vec<u8>, u64) {
    let (count, last_len) = shape(len);
    let plain = if number + 1 == count { last_len } else { SEGMENT_LEN };
    (vec![0; plain + TAG_LEN], HEADER_LEN as u64 + u64::from(number) * SEALED_SEGMENT_LEN as u64)
}

pub(super) fn to_error(error: io::Error) -> VaultError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            VaultError::StorageFull
        }
        kind => {
            tracing::error!(?kind, "files");
            VaultError::Unavailable
        }
    }
}
