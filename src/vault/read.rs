//! Reading: from an id to the keys that open it, and from a grant to the content.
//!
//! Finding a record ([`Located`]) opens its person's keyring and its list entry: what it is, not what it says. Content
//! opens with a [`Grant`], and a grant exists only once its audit entry is durable.

use std::collections::BTreeMap;

use super::audit::{SealedSubject, Subject};
use super::grant::Grant;
use super::rows::{self, ConsentLine, ListEntry, StoredFile, StoredMessage, StoredRecord};
use super::shared::Shared;
use super::view::TreeView;
use super::{Vault, VaultError};
use crate::base::clock::Timestamp;
use crate::base::ids::{PersonId, RecordId};
use crate::crypto::Key;
use crate::crypto::envelope;
use crate::crypto::receipt::ReceiptSecret;
use crate::domain::consent::ConsentSource;
use crate::domain::form::FormId;
use crate::domain::message::Message;
use crate::domain::resource::Downloaded;
use crate::domain::scan::Scan;
use crate::domain::subject::EmailAddress;
use crate::domain::submission::{ConsentGiven, Content, FileInfo, Summary};
use crate::keys::keyring::{Keyring, RecordEntry};

/// Messages that are opened without a change of threads, at most.
const INLINE_MESSAGES: u32 = 4;

/// A record that was found: its line, and in private what opens it.
pub struct Located {
    /// What a list shows of it.
    pub summary: Summary,
    pub(super) place: u64,
    pub(super) person: PersonId,
    pub(super) record: RecordId,
    pub(super) list_entry: ListEntry,
    pub(super) key: Key,
    version: u32,
    audit_key: Key,
    /// Its number in the order of arrival.
    pub(super) arrival: u64,
}

/// A record, opened with its conversation.
#[derive(Debug)]
pub struct Opened {
    /// As it arrived.
    pub content: Content,
    /// The messages since, oldest first.
    pub messages: Vec<Message>,
    /// The downloads of files that the form unlocks, oldest first.
    pub downloads: Vec<Downloaded>,
    pub(super) place: u64,
    pub(super) record: RecordId,
}

/// One change in a person's consent ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerLine {
    /// When.
    pub at: Timestamp,
    /// The submission with which, or by whose receipt.
    pub record: RecordId,
    /// The form that asks for these consents.
    pub form: FormId,
    /// How it came.
    pub source: ConsentSource,
    /// Version of the privacy notice shown.
    pub notice: String,
    /// By name.
    pub consents: BTreeMap<String, ConsentGiven>,
}

impl Vault {
    /// Finds a record by id.
    ///
    /// # Errors
    /// [`VaultError::Missing`] also for a record whose erasure is ordered; [`VaultError::Tampered`].
    pub fn locate(&self, record: &RecordId) -> Result<Located, VaultError> {
        self.shared.reading(|view| self.shared.locate_by_id(view, record))
    }

    /// As [`Vault::locate`], but without waiting: `None` when a row did not open, perhaps because a commit got in between,
    /// or while an epoch is committed; then [`Vault::locate`] has to be asked.
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

    /// The newest records of a person, at most `most` of them, and of these only those that came before `before`; newest
    /// first. So much is opened and no more, however many there are.
    ///
    /// # Errors
    /// As [`Vault::records_of`].
    pub fn newest_records_of(
        &self,
        person: &PersonId,
        before: Option<u64>,
        most: usize,
    ) -> Result<Vec<Located>, VaultError> {
        let shared = &self.shared;
        let place = shared.directory.read().ok().and_then(|d| d.place_of(person)).ok_or(VaultError::Missing)?;
        shared.reading(|view| {
            let (person, keyring) = shared.keyring_at(view, place)?;
            let mut wanted: Vec<_> =
                keyring.records().filter(|entry| before.is_none_or(|before| entry.arrival < before)).collect();
            wanted.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.arrival));
            let mut out = Vec::new();
            for record in wanted {
                if out.len() == most {
                    break;
                }
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

    /// The record at a place in the list.
    ///
    /// # Errors
    /// [`VaultError::Missing`], [`VaultError::Tampered`].
    pub fn locate_by_arrival(&self, arrival: u64) -> Result<Located, VaultError> {
        self.shared.reading(|view| self.shared.locate_on(view, arrival))
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

    /// Opens a record with its conversation.
    ///
    /// # Errors
    /// [`VaultError::Missing`] when it was erased meanwhile, or the grant is for another; [`VaultError::Tampered`].
    pub fn open_record(&self, grant: Grant, located: &Located) -> Result<Opened, VaultError> {
        if grant.record != located.record || grant.file.is_some() {
            return Err(VaultError::Missing);
        }
        self.shared.reading(|_| self.shared.open_whole(located))
    }

    /// Opens a record without its conversation.
    ///
    /// # Errors
    /// As [`Vault::open_record`].
    pub fn open_content(&self, grant: Grant, located: &Located) -> Result<Content, VaultError> {
        if grant.record != located.record || grant.file.is_some() {
            return Err(VaultError::Missing);
        }
        self.shared.reading(|_| self.shared.open_stored(located)).map(|stored| stored.content)
    }

    /// As [`Vault::open_record`], but without waiting: gives the grant back when the row did not open, perhaps because a
    /// commit got in between, or while an epoch is committed; then [`Vault::open_record`] has to be asked.
    ///
    /// # Errors
    /// As [`Vault::open_record`].
    pub fn open_record_now(&self, grant: Grant, located: &Located) -> Result<Result<Opened, Grant>, VaultError> {
        if grant.record != located.record || grant.file.is_some() {
            return Err(VaultError::Missing);
        }
        // A long conversation is too much work for a thread that serves connections.
        if located.list_entry.messages > INLINE_MESSAGES {
            return Ok(Err(grant));
        }
        Ok(self.shared.reading_once(|_| self.shared.open_whole(located))?.ok_or(grant))
    }

    /// By which fields of the form the files of a record came, in order, without those of its messages: for deciding which of
    /// them somebody is shown, before there is a grant. Nothing of what was sent is told.
    ///
    /// # Errors
    /// [`VaultError::Missing`] when it was erased meanwhile; [`VaultError::Tampered`].
    pub fn fields_of_files(&self, located: &Located) -> Result<Vec<String>, VaultError> {
        let stored = self.shared.reading(|_| self.shared.open_stored(located))?;
        Ok(stored.content.files.into_iter().map(|file| file.field).collect())
    }

    /// The consent ledger of the person whose record was opened, oldest line first.
    ///
    /// # Errors
    /// As [`Vault::open_record`].
    pub fn consent_ledger(&self, opened: &Opened) -> Result<Vec<LedgerLine>, VaultError> {
        self.shared.reading(|view| self.shared.open_ledger(view, opened))
    }

    /// How many lines a person's consent ledger has. Nothing of what they sent is opened.
    ///
    /// # Errors
    /// As [`Vault::records_of`].
    pub fn count_consents(&self, person: &PersonId) -> Result<usize, VaultError> {
        let shared = &self.shared;
        let place = shared.directory.read().ok().and_then(|d| d.place_of(person)).ok_or(VaultError::Missing)?;
        shared.reading(|view| {
            let (person, keyring) = shared.keyring_at(view, place)?;
            let lines = super::subscribers::ledger(&person, &keyring, |key| Ok(shared.engine.read(key)?))?;
            Ok(lines.len())
        })
    }
}

impl Located {
    pub(super) const fn key(&self) -> &Key {
        &self.key
    }

    /// Its number in the order of arrival: what a cursor hides.
    pub const fn arrival(&self) -> u64 {
        self.arrival
    }

    /// What the virus scanner said of file `n`; `None` when there is no such file.
    pub fn scan_of(&self, n: u32) -> Option<Scan> {
        self.list_entry.scans.get(n as usize).copied()
    }

    /// The numbers of the files that the scanner is still to look at.
    pub fn unscanned(&self) -> Vec<u32> {
        (0..).zip(&self.list_entry.scans).filter(|(_, scan)| scan.waits()).map(|(n, _)| n).collect()
    }

    /// The numbers of the files about which it was given up to ask the scanner.
    pub fn given_up(&self) -> Vec<u32> {
        (0..).zip(&self.list_entry.scans).filter(|(_, scan)| scan.is_given_up()).map(|(n, _)| n).collect()
    }

    /// What an audit entry says about the person, inside.
    pub(super) fn open_subject(&self, subject: &SealedSubject) -> Option<Subject> {
        Subject::open(&subject.sealed, &self.person, &self.audit_key).ok()
    }

    /// Fills in what the scanner said.
    fn mark(&self, files: &mut [FileInfo]) {
        for file in files {
            file.scan = self.scan_of(file.n).unwrap_or_default();
        }
    }

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

    /// The record with this place in the list.
    pub(super) fn locate_on(&self, view: &TreeView, arrival: u64) -> Result<Located, VaultError> {
        let row = self.engine.read(&rows::list_key(arrival))?.ok_or(VaultError::Missing)?;
        let (place, record) = rows::open_list_place(&self.keys.places, arrival, &row)?;
        self.locate_at(view, place, &record)
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
        self.open_line(place, person, keyring, entry, &row)
    }

    /// Opens a list row, given what it hangs on.
    pub(super) fn open_line(
        &self,
        place: u64,
        person: &PersonId,
        keyring: &Keyring,
        entry: &RecordEntry,
        row: &[u8],
    ) -> Result<Located, VaultError> {
        let record = &entry.record;
        let context = rows::list_context(person, record, entry.list_version);
        let list_entry = rows::decode_list_entry(&envelope::open(&entry.key, &context, rows::split(row)?.1)?)?;
        let summary = Summary {
            id: *record,
            subject: *person,
            form: list_entry.form.clone(),
            status: list_entry.status,
            received: list_entry.received,
            region: list_entry.region.clone(),
            files: Some(list_entry.files),
            messages: list_entry.messages,
            unanswered: list_entry.unanswered,
            nature: list_entry.nature,
            work: list_entry.work.clone(),
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
            arrival: entry.arrival,
        })
    }

    fn open_whole(&self, located: &Located) -> Result<Opened, VaultError> {
        let mut content = self.open_stored(located)?.content;
        located.mark(&mut content.files);
        let numbers = 0..located.list_entry.messages;
        let messages = numbers.map(|number| {
            let mut message = self.open_message(located, number)?.message;
            located.mark(&mut message.files);
            Ok(message)
        });
        Ok(Opened {
            content,
            messages: messages.collect::<Result<_, VaultError>>()?,
            downloads: self.downloads_of(&located.key, &located.person, &located.record)?,
            place: located.place,
            record: located.record,
        })
    }

    fn open_ledger(&self, view: &TreeView, opened: &Opened) -> Result<Vec<LedgerLine>, VaultError> {
        if self.is_dying(opened.place, Some(&opened.record)) {
            return Err(VaultError::Missing);
        }
        let (person, keyring) = self.keyring_at(view, opened.place)?;
        let lines = super::subscribers::ledger(&person, &keyring, |key| Ok(self.engine.read(key)?))?;
        let shown = |line: ConsentLine| {
            let ConsentLine { at, record, form, source, notice, consents } = line;
            LedgerLine { at, record, form, source, notice, consents }
        };
        Ok(lines.into_iter().map(shown).collect())
    }

    /// File `number` of a record or of one of its messages.
    pub(super) fn find_file(&self, located: &Located, number: u32) -> Result<(FileInfo, StoredFile), VaultError> {
        let stored = self.open_stored(located)?;
        let mut files: Vec<_> = stored.content.files.into_iter().zip(stored.files).collect();
        for message in 0..located.list_entry.messages {
            if (number as usize) < files.len() {
                break;
            }
            let stored = self.open_message(located, message)?;
            files.extend(stored.message.files.into_iter().zip(stored.files));
        }
        let mut found = files.into_iter().find(|(info, _)| info.n == number).ok_or(VaultError::Missing)?;
        located.mark(std::slice::from_mut(&mut found.0));
        Ok(found)
    }

    pub(super) fn open_message(&self, located: &Located, number: u32) -> Result<StoredMessage, VaultError> {
        let Some(row) = self.engine.read(&rows::message_key(&located.record, number))? else {
            // It goes in one commit with the row of its record; alone, it was dropped by somebody.
            let record = self.engine.read(&rows::record_key(&located.record))?;
            return Err(if record.is_none() { VaultError::Missing } else { VaultError::Tampered });
        };
        let name = rows::message_name(&located.record, number);
        let context = rows::message_context(&located.person, &name);
        StoredMessage::decode(&envelope::open(&located.key, &context, &row)?)
    }

    pub(super) fn open_stored(&self, located: &Located) -> Result<StoredRecord, VaultError> {
        if self.is_dying(located.place, Some(&located.record)) {
            return Err(VaultError::Missing);
        }
        // Removed rows are those of the erased.
        let row = self.engine.read(&rows::record_key(&located.record))?.ok_or(VaultError::Missing)?;
        let context = rows::record_context(&located.person, &located.record, located.version);
        StoredRecord::decode(&envelope::open(&located.key, &context, rows::split(&row)?.1)?)
    }
}
