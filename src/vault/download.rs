//! Files on their way out, segment by segment; and who is reading which, so that an erasure can wait for them, and cut
//! them.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use super::grant::Grant;
use super::read::Located;
use super::shared::Shared;
use super::upload::{open_sealed, read_segment, read_segment_in_memory};
use super::{Vault, VaultError};
use crate::base::ids::{PersonId, RecordId};
use crate::base::sensitive::SecretBytes;
use crate::crypto::OpenError;
use crate::crypto::envelope::HEADER_LEN;
use crate::crypto::stream::Opener;
use crate::domain::submission::FileInfo;

impl Vault {
    /// Opens a file of a record.
    ///
    /// # Errors
    /// As [`Vault::open_record`]; [`VaultError::Missing`] also when there is no such file.
    pub fn open_file(&self, grant: Grant, located: &Located) -> Result<FileReader, VaultError> {
        let number = grant.file_of(located).ok_or(VaultError::Missing)?;
        // Registered before the last look at whether the record is alive, so that an erasure finds it or it finds the
        // erasure.
        let slot = Arc::new(OpenFile { record: located.record, opener: Mutex::new(None) });
        self.shared.register(located.person, &slot);
        let (info, file) = self.shared.reading(|_| self.shared.find_file(located, number))?;
        let handle = open_sealed(&self.shared.file_path(&file.id)).map_err(|_| VaultError::Tampered)?;
        let mut header = [0; HEADER_LEN];
        handle.read_exact_at(&mut header, 0).map_err(|_| VaultError::Tampered)?;
        let opener = Opener::new(&file.key, &file.id, &header, &file.commitment, info.size)?;
        *slot.opener.lock().map_err(|_| VaultError::Unavailable)? = Some(opener);
        if self.shared.is_dying(located.place, Some(&located.record)) {
            slot.cut();
            return Err(VaultError::Missing);
        }
        Ok(FileReader { info, file: handle, slot, next: 0, segments: file.segments })
    }
}

/// A file on its way out. Its calls block on the disk.
pub struct FileReader {
    info: FileInfo,
    file: File,
    slot: Arc<OpenFile>,
    next: u32,
    segments: u32,
}

impl FileReader {
    /// Name, kind, size.
    pub const fn info(&self) -> &FileInfo {
        &self.info
    }

    /// The next piece, at most 64 KiB; `None` at the end.
    ///
    /// # Errors
    /// [`VaultError::Missing`] when the person was erased meanwhile; [`VaultError::Tampered`] for a changed file.
    pub fn next_segment(&mut self) -> Result<Option<SecretBytes>, VaultError> {
        if self.is_at_end() {
            return Ok(None);
        }
        let sealed = read_segment(&self.file, self.next, self.info.size).map_err(|_| VaultError::Tampered)?;
        self.open_next(sealed).map(Some)
    }

    /// The same without waiting for the disk: `None` when the piece is not in memory yet, and
    /// [`FileReader::next_segment`] has to be asked.
    ///
    /// # Errors
    /// As [`FileReader::next_segment`].
    pub fn next_segment_now(&mut self) -> Result<Option<Option<SecretBytes>>, VaultError> {
        if self.is_at_end() {
            return Ok(Some(None));
        }
        match read_segment_in_memory(&self.file, self.next, self.info.size).map_err(|_| VaultError::Tampered)? {
            Some(sealed) => self.open_next(sealed).map(|opened| Some(Some(opened))),
            None => Ok(None),
        }
    }

    const fn is_at_end(&self) -> bool {
        self.next >= self.segments
    }

    fn open_next(&mut self, sealed: Vec<u8>) -> Result<SecretBytes, VaultError> {
        let slot = self.slot.opener.lock().map_err(|_| VaultError::Unavailable)?;
        let opener = slot.as_ref().ok_or(VaultError::Missing)?;
        let opened = opener.segment_in_place(self.next, sealed).map_err(|OpenError| VaultError::Tampered)?;
        self.next += 1;
        Ok(opened)
    }
}

impl Shared {
    fn register(&self, person: PersonId, slot: &Arc<OpenFile>) {
        if let Ok(mut open) = self.open_files.lock() {
            // Before the table grows, those whose readers are done go: it stays in proportion to the open files.
            if open.len() == open.capacity() {
                open.retain(|_, slots| slots.iter().any(|slot| slot.strong_count() > 0));
            }
            let slots = open.entry(person).or_default();
            slots.retain(|slot| slot.strong_count() > 0);
            slots.push(Arc::downgrade(slot));
        }
    }

    /// Waits until nobody reads these people's files any more, at most `patience`; then cuts who still does. `records`
    /// narrows it to single records.
    pub(super) fn drain_readers(&self, targets: &[(PersonId, Option<RecordId>)], patience: Duration) {
        // What waits in memory is nobody's download, and goes at once.
        self.cut_held(targets);
        let deadline = Instant::now() + patience;
        loop {
            let open = self.readers_of(targets);
            if open.is_empty() {
                return;
            }
            if Instant::now() >= deadline {
                open.iter().for_each(|slot| slot.cut());
                return;
            }
            drop(open);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(super) fn readers_of(&self, targets: &[(PersonId, Option<RecordId>)]) -> Vec<Arc<OpenFile>> {
        let Ok(mut open) = self.open_files.lock() else { return Vec::new() };
        open.retain(|_, slots| {
            slots.retain(|slot| slot.strong_count() > 0);
            !slots.is_empty()
        });
        let mut out = Vec::new();
        for (person, record) in targets {
            let slots = open.get(person).into_iter().flatten().filter_map(Weak::upgrade);
            out.extend(slots.filter(|slot| slot.is_open() && record.is_none_or(|record| record == slot.record)));
        }
        out
    }
}

/// The key of a file that somebody is reading. An erasure can take it away.
pub(super) struct OpenFile {
    record: RecordId,
    opener: Mutex<Option<Opener>>,
}

impl OpenFile {
    fn cut(&self) {
        if let Ok(mut opener) = self.opener.lock() {
            *opener = None;
        }
    }

    fn is_open(&self) -> bool {
        self.opener.lock().is_ok_and(|opener| opener.is_some())
    }
}

#[cfg(test)]
mod tests;
