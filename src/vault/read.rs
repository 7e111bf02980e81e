//! Reading: from an id to the keys that open it, and from a grant to the content.
//!
//! Finding a record ([`Located`]) opens its person's keyring and its list entry: what it is, not what it says. Content
//! opens with a [`Grant`], and a grant exists only once its audit entry is durable.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use super::audit::{Draft, SealedSubject, Subject};
use super::committer::Job;
use super::rows::{self, ListEntry, StoredRecord};
use super::shared::Shared;
use super::upload::{open_sealed, read_segment};
use super::view::TreeView;
use super::{Act, Detail, Vault, VaultError};
use crate::base::ids::{PersonId, RecordId};
use crate::base::sensitive::SecretBytes;
use crate::crypto::envelope::{self, HEADER_LEN};
use crate::crypto::receipt::ReceiptSecret;
use crate::crypto::stream::Opener;
use crate::crypto::{Key, OpenError};
use crate::domain::subject::EmailAddress;
use crate::domain::submission::{Content, FileInfo, Status, Summary};
use crate::keys::keyring::{Keyring, RecordEntry};

/// A record that was found: its line, and in private what opens it.
pub struct Located {
    /// What a list shows of it.
    pub summary: Summary,
    pub(super) place: u64,
    pub(super) person: PersonId,
    pub(super) record: RecordId,
    pub(super) list_entry: ListEntry,
    key: Key,
    version: u32,
    audit_key: Key,
}

/// Leave to open one record or one of its files, once. Only the vault makes one, after the audit entry is durable.
#[derive(Debug)]
#[must_use = "a grant is in the audit trail already"]
pub struct Grant {
    record: RecordId,
    file: Option<u32>,
}

impl Vault {
    /// Finds a record by id.
    ///
    /// # Errors
    /// [`VaultError::Missing`] also for a record whose erasure is ordered; [`VaultError::Tampered`].
    pub fn locate(&self, record: &RecordId) -> Result<Located, VaultError> {
        self.shared.reading(|view| self.shared.locate_by_id(view, record))
    }

    /// As [`Vault::locate`], but tried once only: `None` when a row did not open, perhaps because a commit got in between,
    /// and [`Vault::locate`] has to be asked.
    ///
    /// # Errors
    /// As [`Vault::locate`].
    pub fn locate_now(&self, record: &RecordId) -> Result<Option<Located>, VaultError> {
        self.shared.reading_once(|view| self.shared.locate_by_id(view, record))
    }

    /// All records of a person, oldest first.
    ///
    /// # Errors
    /// [`VaultError::Missing`], [`VaultError::Tampered`].
    pub fn records_of(&self, person: &PersonId) -> Result<Vec<Located>, VaultError> {
        let shared = &self.shared;
        let place = shared.directory.read().ok().and_then(|d| d.place_of(person)).ok_or(VaultError::Missing)?;
        shared.reading(|view| {
            let (person, keyring) = shared.keyring_at(view, place)?;
            let mut out = Vec::new();
            for record in keyring.records() {
                match shared.locate_entry(place, &person, &keyring, record) {
                    Err(VaultError::Missing) => {}
                    other => out.push(other?),
                }
            }
            Ok(out)
        })
    }

    /// Who is held under an address.
    pub fn find_person(&self, email: &EmailAddress) -> Option<PersonId> {
        let tag = self.shared.address_tag(email.canonical());
        let place = self.shared.directory.read().ok()?.find(&tag)?;
        self.shared.reading(|view| self.shared.person_at(view, place)).ok().map(|(person, _)| person)
    }

    /// The record that a receipt code belongs to.
    ///
    /// # Errors
    /// [`VaultError::Missing`] for any code that opens nothing, whatever the reason.
    pub fn locate_by_receipt(&self, code: &str) -> Result<Located, VaultError> {
        let (arrival, secret) = self.shared.derived.locators.parse(code).map_err(|_| VaultError::Missing)?;
        let located = self.locate_by_arrival(arrival)?;
        if ReceiptSecret::derive(&located.key) == secret { Ok(located) } else { Err(VaultError::Missing) }
    }

    pub(super) fn locate_by_arrival(&self, arrival: u64) -> Result<Located, VaultError> {
        let shared = &self.shared;
        shared.reading(|view| {
            let row = shared.engine.read(&rows::list_key(arrival))?.ok_or(VaultError::Missing)?;
            let (place, record) = rows::open_list_place(&shared.keys.places, arrival, &row)?;
            shared.locate_at(view, place, &record)
        })
    }

    /// The receipt code of a record, for the answer to a repeated request.
    ///
    /// # Errors
    /// [`VaultError::Missing`].
    pub fn receipt_of(&self, located: &Located) -> Result<crate::base::sensitive::SensitiveString, VaultError> {
        let (_, keyring) = self.shared.reading(|view| self.shared.keyring_at(view, located.place))?;
        let arrival = keyring.record(&located.record).ok_or(VaultError::Missing)?.arrival;
        let secret = ReceiptSecret::derive(&located.key);
        self.shared.derived.locators.code(arrival, &secret).ok_or(VaultError::TooLarge)
    }

    /// Turns a permit into leave to open these records, under one audit entry that names each. Durable on return.
    ///
    /// # Errors
    /// [`VaultError::Missing`] when one of them was erased meanwhile; [`VaultError::Unavailable`].
    pub async fn grant(
        &self,
        act: Act,
        located: &[Located],
        purpose: &str,
        file: Option<u32>,
    ) -> Result<Vec<Grant>, VaultError> {
        let mut subjects = Vec::with_capacity(located.len());
        for one in located {
            let subject = Subject { record: Some(one.record), purpose: Some(purpose.to_owned()), file, status: None };
            subjects.push(one.seal_subject(&subject, &self.shared)?);
        }
        let alive = located.iter().map(|one| (one.place, one.record)).collect();
        let draft = Draft::new(&act, Detail::None, subjects);
        self.ask(|reply| Job::Audit(draft, alive, reply)).await?;
        Ok(located.iter().map(|one| Grant { record: one.record, file }).collect())
    }

    /// Writes that a search found these people into the audit trail; durable on return. Whom it found stands under the
    /// audit key of each, so it goes when they are erased.
    ///
    /// # Errors
    /// [`VaultError::Missing`] when one of them was erased meanwhile; [`VaultError::Unavailable`].
    pub async fn record_search(&self, act: Act, found: &[PersonId]) -> Result<(), VaultError> {
        let shared = &self.shared;
        let mut subjects = Vec::with_capacity(found.len());
        for person in found {
            let place = shared.directory.read().ok().and_then(|d| d.place_of(person)).ok_or(VaultError::Missing)?;
            let (person, keyring) = shared.reading(|view| shared.keyring_at(view, place))?;
            let subject = Subject { record: None, purpose: None, file: None, status: None };
            subjects.push(subject.seal(place, &person, &keyring.audit, &*shared.entropy)?);
        }
        let draft = Draft::new(&act, Detail::Found(found.len() as u64), subjects);
        self.ask(|reply| Job::Audit(draft, Vec::new(), reply)).await
    }

    /// Opens a record's content.
    ///
    /// # Errors
    /// [`VaultError::Missing`] when it was erased meanwhile, or the grant is for another; [`VaultError::Tampered`].
    pub fn open_record(&self, grant: Grant, located: &Located) -> Result<Content, VaultError> {
        if grant.record != located.record || grant.file.is_some() {
            return Err(VaultError::Missing);
        }
        self.shared.open_stored(located).map(|stored| stored.content)
    }

    /// As [`Vault::open_record`], but tried once only: gives the grant back when the row did not open, perhaps
    /// because a commit got in between, and [`Vault::open_record`] has to be asked.
    ///
    /// # Errors
    /// As [`Vault::open_record`].
    pub fn open_record_now(&self, grant: Grant, located: &Located) -> Result<Result<Content, Grant>, VaultError> {
        if grant.record != located.record || grant.file.is_some() {
            return Err(VaultError::Missing);
        }
        let opened = self.shared.reading_once(|_| self.shared.open_stored_once(located))?;
        Ok(opened.map(|stored| stored.content).ok_or(grant))
    }

    /// Opens a file of a record.
    ///
    /// # Errors
    /// As [`Vault::open_record`]; [`VaultError::Missing`] also when there is no such file.
    pub fn open_file(&self, grant: Grant, located: &Located) -> Result<FileReader, VaultError> {
        let number = grant.file.filter(|_| grant.record == located.record).ok_or(VaultError::Missing)?;
        // Registered before the last look at whether the record is alive, so that an erasure finds it or it finds the
        // erasure.
        let slot = Arc::new(OpenFile { record: located.record, opener: Mutex::new(None) });
        self.shared.register(located.person, &slot);
        let stored = self.shared.open_stored(located)?;
        let at = number as usize;
        let (info, file) = stored.content.files.get(at).zip(stored.files.get(at)).ok_or(VaultError::Missing)?;
        let handle = open_sealed(&self.shared.file_path(&file.id)).map_err(|_| VaultError::Tampered)?;
        let mut header = [0; HEADER_LEN];
        handle.read_exact_at(&mut header, 0).map_err(|_| VaultError::Tampered)?;
        let opener = Opener::new(&file.key, &file.id, &header, &file.commitment, info.size)?;
        *slot.opener.lock().map_err(|_| VaultError::Unavailable)? = Some(opener);
        if self.shared.is_dying(located.place, Some(&located.record)) {
            slot.cut();
            return Err(VaultError::Missing);
        }
        Ok(FileReader { info: info.clone(), file: handle, slot, next: 0, segments: file.segments })
    }

    /// Writes a new status into a record's list entry. Durable on return.
    ///
    /// # Errors
    /// [`VaultError::Missing`], [`VaultError::Unavailable`].
    pub async fn set_status(&self, act: Act, record: RecordId, status: Status) -> Result<(), VaultError> {
        self.ask(|reply| Job::SetStatus(Box::new((act, record, status)), reply)).await
    }
}

impl Located {
    pub(super) fn seal_subject(&self, subject: &Subject, shared: &Shared) -> Result<SealedSubject, VaultError> {
        subject.seal(self.place, &self.person, &self.audit_key, &*shared.entropy)
    }
}

impl Shared {
    /// The person at a place, and their key.
    pub(super) fn person_at(&self, view: &TreeView, place: u64) -> Result<(PersonId, Key), VaultError> {
        let entry = view.person(&*self.engine, place)?.ok_or(VaultError::Missing)?;
        Ok((entry.person, entry.key))
    }

    pub(super) fn keyring_at(&self, view: &TreeView, place: u64) -> Result<(PersonId, Keyring), VaultError> {
        let (person, key) = self.person_at(view, place)?;
        let keyring = Keyring::open::<VaultError>(&person, &key, |part| {
            Ok(self.engine.read(&Keyring::row_key(&person, part))?)
        })?;
        Ok((person, keyring))
    }

    fn locate_by_id(&self, view: &TreeView, record: &RecordId) -> Result<Located, VaultError> {
        let row = self.engine.read(&rows::record_key(record))?.ok_or(VaultError::Missing)?;
        let place = rows::open_record_place(&self.keys.places, record, &row)?;
        self.locate_at(view, place, record)
    }

    pub(super) fn locate_at(&self, view: &TreeView, place: u64, record: &RecordId) -> Result<Located, VaultError> {
        let (person, keyring) = self.keyring_at(view, place)?;
        self.locate_in(place, &person, &keyring, record)
    }

    fn locate_in(
        &self,
        place: u64,
        person: &PersonId,
        keyring: &Keyring,
        record: &RecordId,
    ) -> Result<Located, VaultError> {
        let entry = keyring.record(record).ok_or(VaultError::Missing)?;
        self.locate_entry(place, person, keyring, entry)
    }

    fn locate_entry(
        &self,
        place: u64,
        person: &PersonId,
        keyring: &Keyring,
        entry: &RecordEntry,
    ) -> Result<Located, VaultError> {
        let record = &entry.record;
        if self.is_dying(place, Some(record)) {
            return Err(VaultError::Missing);
        }
        let row = self.engine.read(&rows::list_key(entry.arrival))?.ok_or(VaultError::Tampered)?;
        let context = rows::list_context(person, record, entry.list_version);
        let list_entry = rows::decode_list_entry(&envelope::open(&entry.key, &context, rows::split(&row)?.1)?)?;
        let summary = Summary {
            id: *record,
            subject: *person,
            form: list_entry.form.clone(),
            status: list_entry.status,
            received: list_entry.received,
            region: list_entry.region.clone(),
            files: list_entry.files,
        };
        Ok(Located {
            summary,
            place,
            person: *person,
            record: *record,
            list_entry,
            // The keyring, with the person's other records, is wiped by the caller.
            key: entry.key.duplicate(),
            version: entry.version,
            audit_key: keyring.audit.duplicate(),
        })
    }

    fn open_stored(&self, located: &Located) -> Result<StoredRecord, VaultError> {
        self.reading(|_| self.open_stored_once(located))
    }

    fn open_stored_once(&self, located: &Located) -> Result<StoredRecord, VaultError> {
        if self.is_dying(located.place, Some(&located.record)) {
            return Err(VaultError::Missing);
        }
        // Removed rows are those of the erased.
        let row = self.engine.read(&rows::record_key(&located.record))?.ok_or(VaultError::Missing)?;
        let context = rows::record_context(&located.person, &located.record, located.version);
        StoredRecord::decode(&envelope::open(&located.key, &context, rows::split(&row)?.1)?)
    }

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
        if self.next >= self.segments {
            return Ok(None);
        }
        let slot = self.slot.opener.lock().map_err(|_| VaultError::Unavailable)?;
        let opener = slot.as_ref().ok_or(VaultError::Missing)?;
        let sealed = read_segment(&self.file, self.next, self.info.size).map_err(|_| VaultError::Tampered)?;
        let opened = opener.segment_in_place(self.next, sealed).map_err(|OpenError| VaultError::Tampered)?;
        self.next += 1;
        Ok(Some(opened))
    }
}

/// Changes a record's status within a commit.
pub(super) fn apply_status(
    txn: &mut super::txn::Txn<'_>,
    act: &Act,
    record: RecordId,
    status: Status,
) -> Result<(), VaultError> {
    let shared = txn.shared;
    let row = txn.read(&rows::record_key(&record))?.ok_or(VaultError::Missing)?;
    let place = rows::open_record_place(&shared.keys.places, &record, &row)?;
    if shared.is_dying(place, Some(&record)) {
        return Err(VaultError::Missing);
    }
    let draft = txn.person(place)?;
    let person = draft.person;
    let subject = Subject { status: Some(status), ..Subject::of_record(record) };
    let sealed_subject = subject.seal(place, &person, &draft.keyring.audit, &*shared.entropy)?;
    let entry = draft.keyring.record(&record).ok_or(VaultError::Missing)?;
    let (arrival, version) = (entry.arrival, entry.list_version);
    let key = entry.key.duplicate(); // the keyring is borrowed again below
    let row = txn.read(&rows::list_key(arrival))?.ok_or(VaultError::Tampered)?;
    let (outer, inner) = rows::split(&row)?;
    let mut list =
        rows::decode_list_entry(&envelope::open(&key, &rows::list_context(&person, &record, version), inner)?)?;
    list.status = status;
    let next = version.checked_add(1).ok_or(VaultError::TooLarge)?;
    let inner = envelope::seal(
        &key,
        &rows::list_context(&person, &record, next),
        &rows::encode_list_entry(&list)?,
        &*shared.entropy,
    )?;
    let joined = rows::join(outer, &inner);

    let draft = txn.person(place)?;
    let (part, entry) = draft.keyring.record_mut(&record).ok_or(VaultError::Missing)?;
    entry.list_version = next;
    draft.changed(part);
    txn.put(rows::list_key(arrival), joined);
    txn.entry(Draft::new(act, Detail::None, vec![sealed_subject]));
    Ok(())
}

#[cfg(test)]
mod tests;
