//! The whole check: opens every page, keyring, record, list row, ledger, file and system row, and compares the store
//! digest with the one in the audit trail.

use std::collections::BTreeSet;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use super::audit::{TrailCheck, TreeHead, entry_key};
use super::committer::Job;
use super::digest::{self, Sum};
use super::intent::Intent;
use super::rows::{self, ConsentLine, ListEntry, StoredMessage, StoredRecord};
use super::shared::Shared;
use super::system_rows::{self, SystemTable};
use super::txn::Counters;
use super::upload::{open_sealed, read_segment};
use super::{Vault, VaultError};
use crate::base::ids::{FileId, PersonId, RecordId};
use crate::base::tables::Table;
use crate::crypto::envelope::{self, HEADER_LEN};
use crate::crypto::merkle::Frontier;
use crate::crypto::stream::Opener;
use crate::domain::resource::MOST_DOWNLOADS;
use crate::keys::keyring::{Keyring, RecordEntry};
use crate::keys::system::SystemKeys;
use crate::keys::tree::{FANOUT, LeafEntry, LeafPage, PageNo};
use crate::store::{after_prefix, schema};

/// How often a person is looked at again while commits come in between.
const RETRIES: u32 = 50;
/// How long a check goes on beginning anew, when commits come in between; it begins three times in any case.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long it waits for what is being cleaned up; what is damaged may never be.
const CLEANUP: Duration = Duration::from_secs(2);

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Pages of the key tree opened.
    pub pages: u64,
    /// People.
    pub people: u64,
    /// Records opened.
    pub records: u64,
    /// Files read to the end.
    pub files: u64,
    /// Audit entries.
    pub audit_entries: u64,
    /// In words; empty when all is well.
    pub problems: Vec<String>,
}

impl Vault {
    /// Checks everything. Reads a lot; the vault goes on working, and a row that changes meanwhile is looked at again.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`] when the store cannot be read at all.
    pub async fn check(&self, progress: &(dyn Fn(u64, u64) + Sync)) -> Result<Findings, VaultError> {
        // A check on moving ground proves nothing, so it is tried until nothing was committed in between; under load
        // the digest is left to a quieter hour, and that is said. What a stop has left to clean up, as after a crash in
        // the middle of an erasure, comes to its end first.
        let began = Instant::now();
        let mut attempt = 0;
        loop {
            attempt += 1;
            while self.counts().pending_cleanup > 0 && began.elapsed() < CLEANUP {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if self.has_failed() {
                // What is stored can be ahead of what was published; only a start puts that right.
                return Err(VaultError::Unavailable);
            }
            let before: Frontier = self.ask(Job::Head).await?;
            let trail = self.check_trail(&[], &|_, _| {}).await?;
            let mut check = Check::new(&self.shared, progress);
            check.run(&trail)?;
            let after: Frontier = self.ask(Job::Head).await?;
            if before == after {
                check.compare_digest(&trail);
                return Ok(check.findings);
            }
            if attempt >= 3 && began.elapsed() >= PATIENCE {
                check.findings.problems.push(
                    "the vault was written to during the check, so the store digest could not be compared; check again when it is quiet".to_owned(),
                );
                return Ok(check.findings);
            }
        }
    }
}

struct Check<'a> {
    shared: &'a Shared,
    progress: &'a (dyn Fn(u64, u64) + Sync),
    findings: Findings,
    /// Rows that something alive leads to.
    expected: BTreeSet<Vec<u8>>,
    /// Rows that nothing leads to, or that were written since.
    strays: u64,
    sum: Sum,
    done: u64,
}

impl<'a> Check<'a> {
    fn new(shared: &'a Shared, progress: &'a (dyn Fn(u64, u64) + Sync)) -> Self {
        Self {
            shared,
            progress,
            findings: Findings::default(),
            expected: BTreeSet::new(),
            strays: 0,
            sum: Sum::default(),
            done: 0,
        }
    }

    fn problem(&mut self, text: String) {
        self.findings.problems.push(text);
    }

    fn run(&mut self, trail: &TrailCheck) -> Result<(), VaultError> {
        let TrailCheck { entries, problems, head: TreeHead { .. }, digest } = trail;
        self.findings.audit_entries = *entries;
        self.findings.problems.extend(problems.iter().cloned());
        // The view goes at once: held on to, it would keep the keys of an earlier epoch in memory.
        let (leaves, pages) = {
            let view = self.shared.view();
            (view.leaves(), view.page_count())
        };
        self.findings.pages = pages;
        let total = digest.map_or(0, |sum| sum.rows());
        for name in schema::ROWS {
            self.expected.insert(Table::Meta.key(&[name]));
        }
        self.expected.insert(Counters::row_key());
        self.expected.insert(SystemKeys::row_key());
        self.tree(&leaves, total);
        self.system_rows();
        self.mailings();
        self.intents();
        self.deeds();
        self.scan(total)
    }

    fn tree(&mut self, leaves: &[u64], total: u64) {
        for &index in leaves {
            let no = PageNo { level: 0, index };
            let mut above = Some(no);
            while let Some(page) = above {
                self.expected.insert(page.row_key());
                above = page.parent().map(|(parent, _)| parent);
            }
            let generation = self.shared.generation();
            match self.shared.reading(|view| view.leaf(&*self.shared.engine, index)) {
                Ok(Some(leaf)) => {
                    self.findings.pages += 1;
                    for (slot, entry) in leaf.entries() {
                        self.steady_person(index * FANOUT + slot as u64, entry, generation);
                        (self.progress)(self.done.min(total), total);
                    }
                }
                _ => self.problem(format!("page {index} of the key tree does not open: everybody on it is unreadable")),
            }
        }
        self.expected.insert(PageNo::TOP.row_key());
    }

    /// Checks a person, and again when something was found and the vault was written to since before the leaf was read,
    /// which was in `generation`: rows are read one by one, so a commit in between can make them disagree.
    fn steady_person(&mut self, place: u64, entry: &LeafEntry, mut generation: u64) {
        let (shared, index, slot) = (self.shared, place / FANOUT, (place % FANOUT) as usize);
        let mut leaf: Option<LeafPage> = None;
        for attempt in 0.. {
            let Findings { people, records, files, problems, .. } = &self.findings;
            let (people, records, files, known) = (*people, *records, *files, problems.len());
            let done = self.done;
            match leaf.as_ref().map_or(Some(entry), |leaf| leaf.entry(slot)) {
                Some(entry) => self.person(place, entry),
                None => return, // erased meanwhile
            }
            let quiet = generation.is_multiple_of(2) && shared.generation() == generation;
            if self.findings.problems.len() == known || quiet || attempt == RETRIES {
                return;
            }
            generation = shared.generation();
            // As it is now; a leaf that does not open has been told already, or will be at the next check.
            let Ok(Some(now)) = shared.reading(|view| view.leaf(&*shared.engine, index)) else { return };
            leaf = Some(now);
            self.findings.problems.truncate(known);
            (self.findings.people, self.findings.records, self.findings.files) = (people, records, files);
            self.done = done;
        }
    }

    fn person(&mut self, place: u64, entry: &LeafEntry) {
        self.findings.people += 1;
        let person = entry.person;
        let read = |part: u16| self.shared.engine.read(&Keyring::row_key(&person, part));
        let Ok(keyring) = Keyring::open::<VaultError>(&person, &entry.key, |part| Ok(read(part)?)) else {
            self.problem(format!("the keyring of person {person} does not open"));
            return;
        };
        for part in 0..keyring.part_count() {
            self.expected.insert(Keyring::row_key(&person, part));
        }
        self.done += u64::from(keyring.part_count());
        self.consents(&person, &keyring);
        for entry in keyring.records() {
            self.record(place, &person, entry);
        }
    }

    fn consents(&mut self, person: &PersonId, keyring: &Keyring) {
        for part in 0..keyring.consent_parts {
            let key = rows::consent_key(person, part);
            let version = rows::ledger_version(keyring, part);
            let context_part = part.to_be_bytes();
            let opened = self.shared.engine.read(&key).ok().flatten().and_then(|row| {
                envelope::open(&keyring.consent, &rows::consent_context(person, &context_part, version), &row).ok()
            });
            if opened.is_none_or(|content| postcard::from_bytes::<Vec<ConsentLine>>(&content).is_err()) {
                self.problem(format!("the consents of person {person} (part {part}) do not open"));
            }
            self.expected.insert(key);
            self.done += 1;
        }
    }

    fn record(&mut self, place: u64, person: &PersonId, entry: &RecordEntry) {
        let (shared, id) = (self.shared, entry.record);
        self.expected.insert(rows::record_key(&id));
        self.expected.insert(rows::list_key(entry.arrival));
        self.expected.extend(entry.files.iter().map(rows::file_key));
        self.done += 2 + entry.files.len() as u64;
        let list = open_list_entry(shared, place, person, entry);
        if list.is_none() {
            self.problem(format!("the list entry of submission {id} does not open or was exchanged"));
        }
        let Some(stored) = open_record(shared, place, person, entry) else {
            self.problem(format!("submission {id} does not open or was exchanged"));
            return;
        };
        self.findings.records += 1;
        let mut files: Vec<_> = stored.content.files.into_iter().zip(stored.files).collect();
        let notes = list.as_ref().map_or(0, |list| list.work.notes.len() as u32);
        let messages = list.map_or(0, |list| list.messages);
        for number in 0..messages {
            self.expected.insert(rows::message_key(&id, number));
            match open_message(shared, person, entry, number) {
                Some(stored) => files.extend(stored.message.files.into_iter().zip(stored.files)),
                None => self.problem(format!("message {number} of submission {id} does not open or was exchanged")),
            }
        }
        self.done += u64::from(messages);
        for number in 0..notes {
            self.expected.insert(rows::note_key(&id, number));
            if shared.note_of(&entry.key, person, &id, number).is_err() {
                self.problem(format!("note {number} of submission {id} does not open or was exchanged"));
            }
        }
        self.done += u64::from(notes);
        if shared.downloads_of(&entry.key, person, &id).is_err() {
            self.problem(format!("a download of submission {id} does not open or was exchanged"));
        }
        for number in 0..MOST_DOWNLOADS {
            let key = rows::download_key(&id, number);
            if !shared.engine.read(&key).is_ok_and(|row| row.is_some()) {
                break;
            }
            self.expected.insert(key);
            self.done += 1;
        }
        for key in shared.keys_of(Table::Outbox, &id).unwrap_or_default() {
            if !super::outbox::opens(shared, place, person, &entry.key, &key) {
                self.problem(format!("a waiting mail about submission {id} does not open or was exchanged"));
            }
            self.expected.insert(key);
            self.done += 1;
        }
        let ids: Vec<FileId> = files.iter().map(|(_, file)| file.id).collect();
        if ids != entry.files {
            self.problem(format!("the files of submission {id} are not those in the keyring"));
        }
        for (info, file) in files {
            self.expected.insert(rows::file_key(&file.id));
            if file_opens(shared, &file, info.size) {
                self.findings.files += 1;
            } else {
                self.problem(format!("file {} of submission {id} is missing or was changed", info.n));
            }
        }
    }

    fn system_rows(&mut self) {
        for (table, kind, what) in [
            (Table::Staff, SystemTable::Staff, "an account"),
            (Table::Tokens, SystemTable::Tokens, "a token"),
            (Table::Statistics, SystemTable::Statistics, "a statistics"),
            (Table::Keys, SystemTable::Keys, "a server's key"),
            (Table::Credentials, SystemTable::Credentials, "a credentials"),
            (Table::Desks, SystemTable::Desks, "a desk"),
            (Table::Approvals, SystemTable::Approvals, "a request"),
            (Table::Alerts, SystemTable::Alerts, "an alert"),
            (Table::Vacancies, SystemTable::Vacancies, "a vacancy"),
            (Table::Passes, SystemTable::Passes, "a guest's pass"),
        ] {
            let from = [table.id()];
            let rows: Vec<_> =
                self.shared.engine.scan(&from, &after_prefix(&from).unwrap_or_default()).flatten().collect();
            for (key, row) in rows {
                let id: Option<[u8; 16]> = key[1..].try_into().ok();
                let opens = id.is_some_and(|id| {
                    envelope::open(&self.shared.keys.rows, &system_rows::context(kind, &id), &row).is_ok()
                });
                if !opens {
                    self.problem(format!("{what} row does not open"));
                }
                self.expected.insert(key);
            }
        }
    }

    fn mailings(&mut self) {
        let from = [Table::Mailings.id()];
        for (key, row) in self.shared.engine.scan(&from, &after_prefix(&from).unwrap_or_default()).flatten() {
            if !super::mailings::opens(self.shared, &key, &row) {
                self.problem("an issue of a newsletter does not open".to_owned());
            }
            self.expected.insert(key);
        }
    }

    fn deeds(&mut self) {
        let from = [Table::Deeds.id()];
        for (key, row) in self.shared.engine.scan(&from, &after_prefix(&from).unwrap_or_default()).flatten() {
            if !super::deed::opens(self.shared, &key, &row) {
                self.problem("the record of an erasure does not open".to_owned());
            }
            self.expected.insert(key);
        }
    }

    fn intents(&mut self) {
        match Intent::load_all(self.shared) {
            Ok(intents) => {
                // Rows that an order is about to remove are not strays.
                for intent in intents {
                    for line in &intent.lines {
                        match line {
                            super::intent::Line::Person { person, keyring_parts, consent_parts, .. } => {
                                self.expected.extend((0..*keyring_parts).map(|part| Keyring::row_key(person, part)));
                                self.expected.extend((0..*consent_parts).map(|part| rows::consent_key(person, part)));
                            }
                            super::intent::Line::Record { .. } => {}
                            super::intent::Line::Rows { record, arrival, files } => {
                                self.expected.insert(rows::record_key(record));
                                self.expected.insert(rows::list_key(*arrival));
                                self.expected.extend(files.iter().map(rows::file_key));
                                self.expected.extend(self.shared.keys_beside(record).unwrap_or_default());
                            }
                        }
                    }
                }
            }
            Err(_) => self.problem("an erasure order does not open".to_owned()),
        }
    }

    /// Adds up the digest over all rows, and finds rows that nothing leads to.
    fn scan(&mut self, total: u64) -> Result<(), VaultError> {
        let terms = &self.shared.derived.digest;
        let entries = entry_key(self.findings.audit_entries);
        // No key is as long as this, so none lies beyond it.
        for row in self.shared.engine.scan(&[], &[0xff; 64]) {
            let (key, value) = row?;
            if digest::covers(&key) {
                self.sum.add(&terms.term(&key, &value));
            }
            let table = key.first().copied().and_then(Table::from_id);
            let belongs = match table {
                // Opened and counted one by one.
                Some(Table::Audit) => key < entries && key.len() == entries.len(),
                Some(Table::Intents) => true,
                _ => self.expected.contains(&key),
            };
            self.strays += u64::from(!belongs);
        }
        (self.progress)(total, total);
        Ok(())
    }

    /// What can be told only when nothing was written meanwhile.
    fn compare_digest(&mut self, trail: &TrailCheck) {
        if self.strays > 0 {
            self.problem(format!("{} row(s) belong to nothing in the vault", self.strays));
        }
        if trail.digest != Some(self.sum) {
            self.problem(
                "the rows are not those of the last commit: something was replayed, dropped or added (store digest)"
                    .to_owned(),
            );
        }
    }
}

fn open_list_entry(shared: &Shared, place: u64, person: &PersonId, entry: &RecordEntry) -> Option<ListEntry> {
    let row = shared.engine.read(&rows::list_key(entry.arrival)).ok()??;
    let outer = rows::open_list_place(&shared.keys.places, entry.arrival, &row) == Ok((place, entry.record));
    outer.then_some(())?;
    let context = rows::list_context(person, &entry.record, entry.list_version);
    rows::decode_list_entry(&envelope::open(&entry.key, &context, rows::split(&row).ok()?.1).ok()?).ok()
}

fn open_message(shared: &Shared, person: &PersonId, entry: &RecordEntry, number: u32) -> Option<StoredMessage> {
    let row = shared.engine.read(&rows::message_key(&entry.record, number)).ok()??;
    let name = rows::message_name(&entry.record, number);
    StoredMessage::decode(&envelope::open(&entry.key, &rows::message_context(person, &name), &row).ok()?).ok()
}

fn open_record(shared: &Shared, place: u64, person: &PersonId, entry: &RecordEntry) -> Option<StoredRecord> {
    let record: RecordId = entry.record;
    let row = shared.engine.read(&rows::record_key(&record)).ok()??;
    (rows::open_record_place(&shared.keys.places, &record, &row) == Ok(place)).then_some(())?;
    let context = rows::record_context(person, &record, entry.version);
    StoredRecord::decode(&envelope::open(&entry.key, &context, rows::split(&row).ok()?.1).ok()?).ok()
}

fn file_opens(shared: &Shared, file: &rows::StoredFile, len: u64) -> bool {
    let marker = shared.engine.read(&rows::file_key(&file.id)).ok().flatten();
    let context = rows::file_marker_context(&file.id);
    if marker.is_none_or(|row| envelope::open(&shared.keys.rows, &context, &row).is_err()) {
        return false;
    }
    let Ok(handle) = open_sealed(&shared.file_path(&file.id)) else { return false };
    let mut header = [0; HEADER_LEN];
    if handle.read_exact_at(&mut header, 0).is_err() {
        return false;
    }
    let Ok(opener) = Opener::new(&file.key, &file.id, &header, &file.commitment, len) else { return false };
    (0..file.segments)
        .all(|number| read_segment(&handle, number, len).is_ok_and(|sealed| opener.segment(number, &sealed).is_ok()))
        && handle.metadata().is_ok_and(|meta| meta.len() == sealed_len(len))
}

/// Bytes on disk of a file whose true length is `len`.
fn sealed_len(len: u64) -> u64 {
    use crate::crypto::aead::TAG_LEN;
    use crate::crypto::stream::{SEALED_SEGMENT_LEN, shape};
    let (count, last) = shape(len);
    (HEADER_LEN + TAG_LEN + last) as u64 + u64::from(count - 1) * SEALED_SEGMENT_LEN as u64
}

#[cfg(test)]
mod tests;
