//! Changes to a record that is there: how far the work on it is, what is written about it, which consents are taken back.
//! The record itself stays as it arrived.

use std::collections::BTreeMap;

use super::audit::{Draft, Subject};
use super::committer::Job;
use super::people::append_consent;
use super::rows::{self, ConsentLine, ListEntry, StoredFile, StoredMessage, StoredRecord};
use super::txn::Txn;
use super::upload::{SealedFile, Traces};
use super::{Act, Detail, Vault, VaultError};
use crate::base::clock::Timestamp;
use crate::base::ids::{FileId, PersonId, RecordId};
use crate::base::sensitive::SensitiveString;
use crate::crypto::{Key, envelope};
use crate::domain::consent::ConsentSource;
use crate::domain::language::Lang;
use crate::domain::mail::Mail;
use crate::domain::message::{Author, FOR_STAFF, MAX_MESSAGES, MAX_UNANSWERED, Message};
use crate::domain::notice::language_of;
use crate::domain::scan::Scan;
use crate::domain::submission::{ConsentGiven, Content, FieldValue, Nature, Status};
use crate::keys::keyring::MAX_FILES;

/// A message on its way in. The numbers of its files are given by the vault.
pub struct NewMessage {
    /// The message; `files` in the order of the sealed ones.
    pub message: Message,
    /// The files.
    pub files: Vec<SealedFile>,
    /// How far the work on the submission is from now on; `None` leaves it.
    pub status: Option<Status>,
    /// A mail that it causes to the person, and the name of the field that holds their address: the vault looks it up.
    pub tell: Option<(Mail, String)>,
}

/// A change of consents on a record's form.
pub struct ConsentChange {
    /// When.
    pub at: Timestamp,
    /// How it came.
    pub source: ConsentSource,
    /// Version of the privacy notice shown.
    pub notice: String,
    /// By name.
    pub consents: BTreeMap<String, ConsentGiven>,
}

/// What the committer gets.
pub(super) struct MessageJob {
    act: Act,
    record: RecordId,
    stored: StoredMessage,
    markers: Vec<(FileId, Vec<u8>)>,
    /// As with a submission: the files' fate goes with the job.
    pub(super) traces: Vec<Traces>,
    status: Option<Status>,
    tell: Option<(Mail, String)>,
}

/// What the scanner said of a file that waited for it.
pub(super) struct ScanChange {
    act: Act,
    record: RecordId,
    n: u32,
    scan: Scan,
    detail: Detail,
}

impl Vault {
    /// Writes a new status into a record's list entry. Durable on return.
    ///
    /// # Errors
    /// [`VaultError::Missing`], [`VaultError::Unavailable`].
    pub async fn set_status(&self, act: Act, record: RecordId, status: Status) -> Result<(), VaultError> {
        self.ask(|reply| Job::SetStatus(Box::new((act, record, status)), reply)).await
    }

    /// Adds a message to a record's conversation. Durable on return, with its number, counted from 0.
    ///
    /// # Errors
    /// [`VaultError::Missing`]; [`VaultError::TooLarge`] for more messages or files than a record can have;
    /// [`VaultError::StorageFull`], [`VaultError::Unavailable`]. Nothing of it is readable then.
    pub async fn add_message(&self, act: Act, record: RecordId, new: NewMessage) -> Result<u32, VaultError> {
        self.shared.room_for_intake()?;
        let NewMessage { message, files, status, tell } = new;
        if files.len() > MAX_FILES || files.len() != message.files.len() {
            return Err(VaultError::TooLarge);
        }
        let stored = StoredMessage { message, files: files.iter().map(StoredFile::of).collect() };
        let markers = files.iter().map(|file| self.shared.file_marker(file.id())).collect::<Result<_, _>>()?;
        let traces = files.into_iter().map(SealedFile::into_traces).collect();
        let job = MessageJob { act, record, stored, markers, traces, status, tell };
        self.ask(|reply| Job::Message(Box::new(job), reply)).await
    }

    /// Writes what the virus scanner said of file `n` of a record that it was still to look at, or that it was given up to ask
    /// about. Durable on return, and in the trail with `detail`.
    ///
    /// # Errors
    /// [`VaultError::Missing`], also for a file of which it has said something; [`VaultError::Unavailable`].
    pub async fn set_scan(
        &self,
        act: Act,
        record: RecordId,
        n: u32,
        scan: Scan,
        detail: Detail,
    ) -> Result<(), VaultError> {
        let change = ScanChange { act, record, n, scan, detail };
        self.ask(|reply| Job::SetScan(Box::new(change), reply)).await
    }

    /// Writes a change of consents into the ledger of the record's person. Durable on return.
    ///
    /// # Errors
    /// [`VaultError::Missing`], [`VaultError::StorageFull`], [`VaultError::Unavailable`].
    pub async fn change_consents(&self, act: Act, record: RecordId, change: ConsentChange) -> Result<(), VaultError> {
        self.ask(|reply| Job::Consents(Box::new((act, record, change)), reply)).await
    }
}

/// Changes a record's status within a commit.
pub(super) fn apply_status(txn: &mut Txn<'_>, act: &Act, record: RecordId, status: Status) -> Result<(), VaultError> {
    let mut open = Open::new(txn, record)?;
    open.check(Some(status))?;
    let sealed_subject = open.seal_subject(txn, &Subject { status: Some(status), ..Subject::of_record(record) })?;
    open.list.status = status;
    open.put_list(txn, Vec::new())?;
    txn.entry(Draft::new(act, Detail::None, vec![sealed_subject]));
    Ok(())
}

/// Writes what the scanner said within a commit.
pub(super) fn apply_scan(txn: &mut Txn<'_>, change: ScanChange) -> Result<(), VaultError> {
    let ScanChange { act, record, n, scan, detail } = change;
    let mut open = Open::new(txn, record)?;
    let unsettled = |mark: &&mut Scan| mark.waits() || mark.is_given_up();
    let mark = open.list.scans.get_mut(n as usize).filter(unsettled).ok_or(VaultError::Missing)?;
    *mark = scan;
    let sealed_subject = open.seal_subject(txn, &Subject { file: Some(n), ..Subject::of_record(record) })?;
    open.put_list(txn, Vec::new())?;
    txn.entry(Draft::new(&act, detail, vec![sealed_subject]));
    Ok(())
}

/// Adds a message within a commit. Returns its number.
pub(super) fn apply_message(txn: &mut Txn<'_>, job: MessageJob) -> Result<u32, VaultError> {
    let MessageJob { act, record, mut stored, markers, status, tell, .. } = job;
    let mut open = Open::new(txn, record)?;
    open.check(status)?;
    let number = open.list.messages;
    let files = open.list.files as usize + markers.len();
    let (most, unanswered) = match stored.message.author {
        Author::Subject => (MAX_MESSAGES - FOR_STAFF, open.list.unanswered + 1),
        Author::Staff { .. } => (MAX_MESSAGES, 0),
    };
    if number >= most || unanswered > MAX_UNANSWERED || files > MAX_FILES {
        return Err(VaultError::TooLarge);
    }
    for (n, file) in (open.list.files..).zip(&mut stored.message.files) {
        file.n = n;
    }
    let sealed_subject = open.seal_subject(txn, &Subject { status, ..Subject::of_record(record) })?;
    let context_row = rows::message_name(&record, number);
    let context = rows::message_context(&open.person, &context_row);
    let row = envelope::seal(&open.key, &context, &stored.encode()?, &*txn.shared.entropy)?;
    let mail = match tell {
        Some((mail, field)) => open.address(txn, &field)?.map(|(to, lang)| {
            let kind = mail.kind.about_message(number);
            Mail { to, lang, kind, ..mail }
        }),
        None => None,
    };
    let mail_rows = super::outbox::seal(txn.shared, open.place, &open.person, &record, &open.key, mail.as_slice())?;
    open.list.messages = number + 1;
    open.list.unanswered = unanswered;
    open.list.files = files as u32;
    open.list.scans.extend(stored.message.files.iter().map(|file| file.scan));
    open.list.status = status.unwrap_or(open.list.status);
    open.put_list(txn, markers.iter().map(|(file, _)| *file).collect())?;
    txn.put(rows::message_key(&record, number), row);
    for (key, row) in mail_rows {
        txn.put(key, row);
    }
    for (file, marker) in markers {
        txn.put(rows::file_key(&file), marker);
    }
    txn.entry(Draft::new(&act, Detail::None, vec![sealed_subject]));
    Ok(number)
}

/// Changes consents within a commit.
pub(super) fn apply_consents(
    txn: &mut Txn<'_>,
    act: &Act,
    record: RecordId,
    change: ConsentChange,
) -> Result<(), VaultError> {
    let open = Open::new(txn, record)?;
    let sealed_subject = open.seal_subject(txn, &Subject::of_record(record))?;
    let ConsentChange { at, source, notice, consents } = change;
    let line = ConsentLine { at, record, form: open.list.form, source, notice, consents };
    let changed = append_consent(txn, open.place, line)?;
    txn.person(open.place)?.changed(0);
    for (key, row) in changed {
        txn.put(key, row);
    }
    txn.entry(Draft::new(act, Detail::None, vec![sealed_subject]));
    Ok(())
}

/// A record's list entry, opened within a commit to be changed.
pub(super) struct Open {
    pub(super) place: u64,
    pub(super) person: PersonId,
    record: RecordId,
    pub(super) key: Key,
    arrival: u64,
    record_version: u32,
    version: u32,
    pub(super) list: ListEntry,
}

impl Open {
    pub(super) fn new(txn: &mut Txn<'_>, record: RecordId) -> Result<Self, VaultError> {
        let shared = txn.shared;
        let row = txn.read(&rows::record_key(&record))?.ok_or(VaultError::Missing)?;
        let place = rows::open_record_place(&shared.keys.places, &record, &row)?;
        if shared.is_dying(place, Some(&record)) {
            return Err(VaultError::Missing);
        }
        let draft = txn.person(place)?;
        let person = draft.person;
        let entry = draft.keyring.record(&record).ok_or(VaultError::Missing)?;
        let (arrival, record_version, version) = (entry.arrival, entry.version, entry.list_version);
        let key = entry.key.duplicate(); // the keyring is borrowed again for each change
        let row = txn.read(&rows::list_key(arrival))?.ok_or(VaultError::Tampered)?;
        let context = rows::list_context(&person, &record, version);
        let list = rows::decode_list_entry(&envelope::open(&key, &context, rows::split(&row)?.1)?)?;
        Ok(Self { place, person, record, key, arrival, record_version, version, list })
    }

    /// Refuses to undo what an author has done: a comment that was taken down stays down. And nothing but a comment is
    /// published.
    pub(super) fn check(&self, next: Option<Status>) -> Result<(), VaultError> {
        let undone = self.list.status == Status::Withdrawn && next.is_some_and(|next| next != Status::Withdrawn);
        let exposed = self.list.nature != Nature::Comment && next == Some(Status::Published);
        if undone || exposed { Err(VaultError::Missing) } else { Ok(()) }
    }

    pub(super) fn set_status(&mut self, status: Status) {
        self.list.status = status;
    }

    pub(super) fn seal_subject(
        &self,
        txn: &mut Txn<'_>,
        subject: &Subject,
    ) -> Result<super::audit::SealedSubject, VaultError> {
        let shared = txn.shared;
        subject.seal(self.place, &self.person, &txn.person(self.place)?.keyring.audit, &*shared.entropy)
    }

    /// The record's content.
    pub(super) fn content(&self, txn: &Txn<'_>) -> Result<Content, VaultError> {
        let row = txn.read(&rows::record_key(&self.record))?.ok_or(VaultError::Missing)?;
        let context = rows::record_context(&self.person, &self.record, self.record_version);
        Ok(StoredRecord::decode(&envelope::open(&self.key, &context, rows::split(&row)?.1)?)?.content)
    }

    /// What the record has in a field of text, and the language it came in if that was not the form's own.
    fn address(&self, txn: &Txn<'_>, field: &str) -> Result<Option<(SensitiveString, Option<Lang>)>, VaultError> {
        let mut content = self.content(txn)?;
        Ok(match content.fields.remove(field) {
            Some(FieldValue::Text(text)) => Some((text, language_of(&content.notice))),
            _ => None,
        })
    }

    /// Puts the list entry as it is now, under its next version, and `files` into the keyring.
    pub(super) fn put_list(&self, txn: &mut Txn<'_>, files: Vec<FileId>) -> Result<(), VaultError> {
        let row = txn.read(&rows::list_key(self.arrival))?.ok_or(VaultError::Tampered)?;
        let next = self.version.checked_add(1).ok_or(VaultError::TooLarge)?;
        let context = rows::list_context(&self.person, &self.record, next);
        let inner = envelope::seal(&self.key, &context, &rows::encode_list_entry(&self.list)?, &*txn.shared.entropy)?;
        let joined = rows::join(rows::split(&row)?.0, &inner);
        let draft = txn.person(self.place)?;
        let (part, entry) = draft.keyring.record_mut(&self.record).ok_or(VaultError::Missing)?;
        entry.list_version = next;
        entry.files.extend(files);
        draft.changed(part);
        txn.put(rows::list_key(self.arrival), joined);
        Ok(())
    }
}
