//! Submissions come in. The worker seals record and list entry; the committer finds or makes the person, and composes
//! keyring, list row, consents and audit entry, all in one commit.

use super::audit::{Draft, Subject};
use super::rows::{
    self, ConsentLine, Idempotency, LEDGER_PART_BYTES, LINES_PER_PART, ListEntry, StoredFile, StoredRecord,
};
use super::txn::Txn;
use super::upload::{SealedFile, Traces};
use super::{Act, Vault, VaultError};
use crate::base::ids::{FileId, PersonId, RecordId};
use crate::base::sensitive::SensitiveString;
use crate::crypto::receipt::ReceiptSecret;
use crate::crypto::{Key, envelope};
use crate::domain::consent::ConsentSource;
use crate::domain::mail::Mail;
use crate::domain::subject::EmailAddress;
use crate::domain::submission::{Content, Group, Nature, Status, Summary};
use crate::domain::work::{Assignee, Label, Work};
use crate::keys::keyring::{MAX_FILES, RecordEntry};
use crate::keys::tree::AddressTag;
use crate::store::Row;

/// Rows that a consent ledger can have: with 100 lines each, as many as a person can have records.
const MAX_LEDGER_PARTS: u16 = 200;

/// A submission, validated, with its files sealed.
pub struct NewSubmission {
    /// The address that says whom it is about; without one, the submission makes a person of its own.
    pub email: Option<EmailAddress>,
    /// Everything else.
    pub content: Content,
    /// Where it starts.
    pub status: Status,
    /// The files, in the order of `content.files`.
    pub files: Vec<SealedFile>,
    /// To recognise the same request again.
    pub idempotency: Option<Idempotency>,
    /// Mails that it causes.
    pub mails: Vec<Mail>,
    /// For an answer to a survey: how many are counted together.
    pub k: Option<u32>,
    /// For a comment on a board: the names of the fields that everybody reads once it is published; otherwise empty.
    pub shown: Vec<String>,
    /// Whose it is from the beginning.
    pub assignee: Option<Assignee>,
    /// The labels that it has from the beginning.
    pub labels: Vec<Label>,
}

/// A submission that is on disk.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its line.
    pub summary: Summary,
    /// Its receipt code.
    pub receipt: SensitiveString,
}

/// What the committer gets.
pub(super) struct SubmitJob {
    tag: Option<AddressTag>,
    /// Whom the worker took it to be about; sealed for them.
    person: PersonId,
    /// The worker found the person, rather than making one up.
    known: bool,
    record: RecordId,
    key: Key,
    record_sealed: Vec<u8>,
    list_sealed: Vec<u8>,
    /// Of an answer to a survey, whose list entry is sealed once its group is known.
    answer: Option<(u32, ListEntry)>,
    files: Vec<(FileId, Vec<u8>)>,
    /// The files' fate goes with the job: whoever waits for the answer may go away, and the record still come.
    pub(super) traces: Vec<Traces>,
    consents: Option<ConsentLine>,
    mails: Vec<Mail>,
    act: Act,
}

/// What the committer gives back.
pub(super) struct Arrived {
    pub(super) person: PersonId,
    pub(super) arrival: u64,
    /// Of an answer to a survey.
    pub(super) group: Option<Group>,
}

impl Vault {
    /// Takes a submission in; on disk when this returns. If it fails, nothing of it is readable.
    ///
    /// # Errors
    /// [`VaultError::StorageFull`], [`VaultError::Unavailable`], [`VaultError::TooLarge`].
    pub async fn submit(&self, act: Act, submission: NewSubmission) -> Result<Stored, VaultError> {
        self.shared.room_for_intake()?;
        let NewSubmission { email, content, status, files, idempotency, mails, k, shown, assignee, labels } =
            submission;
        if files.len() > MAX_FILES || files.len() != content.files.len() {
            return Err(VaultError::TooLarge);
        }
        let entropy = &*self.shared.entropy;
        let record = RecordId::make_random(entropy)?;
        let key = Key::make_random(entropy)?;
        let secret = ReceiptSecret::derive(&key);
        let tag = email.as_ref().map(|email| self.shared.address_tag(email.canonical()));
        let (person, known) = match tag.and_then(|tag| self.known_person(&tag)) {
            Some(person) => (person, true),
            None => (PersonId::make_random(entropy)?, false),
        };

        let list_entry = ListEntry {
            form: content.form.clone(),
            status,
            received: content.received,
            region: content.region.clone(),
            files: content.files.len() as u32,
            idempotency,
            messages: 0,
            unanswered: 0,
            scans: content.files.iter().map(|file| file.scan).collect(),
            nature: if shown.is_empty() { Nature::Letter } else { Nature::Comment },
            shown,
            work: Work { assignee, labels, ..Work::default() },
        };
        let consents = (!content.consents.is_empty()).then(|| ConsentLine {
            at: content.received,
            record,
            form: content.form.clone(),
            source: content.server_key.clone().map_or(ConsentSource::Form, |name| ConsentSource::Server { name }),
            notice: content.notice.clone(),
            consents: content.consents.clone(),
        });
        let stored = StoredRecord { files: files.iter().map(StoredFile::of).collect(), content };
        let markers = files.iter().map(|file| self.shared.file_marker(file.id())).collect::<Result<_, _>>()?;
        let record_sealed =
            envelope::seal(&key, &rows::record_context(&person, &record, 1), &stored.encode()?, entropy)?;
        super::check_row(record_sealed.len() + super::OUTER_LAYER)?;
        let job = SubmitJob {
            tag,
            record_sealed,
            list_sealed: envelope::seal(
                &key,
                &rows::list_context(&person, &record, 1),
                &rows::encode_list_entry(&list_entry)?,
                entropy,
            )?,
            answer: k.map(|k| (k, list_entry.clone())),
            person,
            known,
            record,
            key,
            files: markers,
            traces: files.into_iter().map(SealedFile::into_traces).collect(),
            consents,
            mails,
            act,
        };
        let arrived = self.ask(|reply| super::committer::Job::Submit(Box::new(job), reply)).await?;
        let receipt = self.shared.derived.locators.code(arrived.arrival, &secret).ok_or(VaultError::TooLarge)?;
        let summary = Summary {
            id: record,
            subject: arrived.person,
            form: list_entry.form,
            status: list_entry.status,
            received: list_entry.received,
            region: list_entry.region,
            files: Some(list_entry.files),
            messages: 0,
            unanswered: 0,
            nature: arrived.group.map_or(list_entry.nature, Nature::Answer),
            work: list_entry.work,
        };
        Ok(Stored { summary, receipt })
    }

    fn known_person(&self, tag: &AddressTag) -> Option<PersonId> {
        let place = self.shared.directory.read().ok()?.find(tag)?;
        self.shared.reading(|view| self.shared.person_at(view, place)).ok().map(|(person, _)| person)
    }
}

/// Puts a submission into the commit. On error nothing of the commit was changed.
pub(super) fn apply(txn: &mut Txn<'_>, mut job: SubmitJob) -> Result<Arrived, VaultError> {
    let known = job.tag.and_then(|tag| txn.find(&tag));
    let place = match known {
        Some(place) => {
            let draft = txn.person(place)?;
            if !draft.keyring.has_room() {
                return Err(VaultError::TooLarge);
            }
            let person = draft.person;
            reseal_for(txn, &mut job, person)?;
            place
        }
        None => {
            // Sealed for somebody erased meanwhile: a newcomer never takes over a handle.
            if job.known {
                let fresh = PersonId::make_random(&*txn.shared.entropy)?;
                reseal_for(txn, &mut job, fresh)?;
            }
            txn.add_person(job.person, job.tag)?
        }
    };

    let (shared, arrival) = (txn.shared, txn.counters.next_arrival);
    let (entropy, places) = (&*shared.entropy, &shared.keys.places);
    let record_outer = rows::seal_record_place(places, &job.record, place, entropy)?;
    let list_outer = rows::seal_list_place(places, arrival, place, &job.record, entropy)?;
    let draft = txn.person(place)?;
    let person = draft.person;
    let subject = Subject::of_record(job.record).seal(place, &person, &draft.keyring.audit, entropy)?;
    let mail_rows = super::outbox::seal(shared, place, &person, &job.record, &job.key, &job.mails)?;
    let consent_rows = job.consents.take().map_or(Ok(Vec::new()), |line| append_consent(txn, place, line))?;
    let mut survey = None;
    if let Some((k, entry)) = job.answer.take() {
        let open = txn.counters.next_group(&entry.form, k);
        let nature = Nature::Answer(open.group);
        survey = Some((entry.form.clone(), open));
        let context = rows::list_context(&person, &job.record, 1);
        let entry = rows::encode_list_entry(&ListEntry { nature, ..entry })?;
        job.list_sealed = envelope::seal(&job.key, &context, &entry, entropy)?;
    }

    let group = survey.as_ref().map(|(_, open)| open.group);
    txn.counters.surveys.extend(survey);
    let draft = txn.person(place)?;
    let parts_before = draft.keyring.part_count();
    let part = draft.keyring.add(RecordEntry {
        record: job.record,
        key: job.key,
        arrival,
        version: 1,
        list_version: 1,
        files: job.files.iter().map(|(id, _)| *id).collect(),
    });
    draft.changed(part);
    if !consent_rows.is_empty() || draft.keyring.part_count() != parts_before {
        draft.changed(0);
    }
    for (key, row) in consent_rows.into_iter().chain(mail_rows) {
        txn.put(key, row);
    }
    txn.put(rows::record_key(&job.record), rows::join(&record_outer, &job.record_sealed));
    txn.put(rows::list_key(arrival), rows::join(&list_outer, &job.list_sealed));
    for (file, marker) in job.files {
        txn.put(rows::file_key(&file), marker);
    }
    txn.entry(Draft::new(&job.act, super::Detail::None, vec![subject]));
    txn.counters.next_arrival += 1;
    Ok(Arrived { person, arrival, group })
}

/// Seals the worker's rows anew when the person turned out to be another: two first submissions from one address at
/// the same moment, or an erasure in between. The record key has not been anywhere yet, so it may stay.
fn reseal_for(txn: &Txn<'_>, job: &mut SubmitJob, person: PersonId) -> Result<(), VaultError> {
    if job.person == person {
        return Ok(());
    }
    let entropy = &*txn.shared.entropy;
    let record = envelope::open(&job.key, &rows::record_context(&job.person, &job.record, 1), &job.record_sealed)?;
    let list = envelope::open(&job.key, &rows::list_context(&job.person, &job.record, 1), &job.list_sealed)?;
    job.record_sealed = envelope::seal(&job.key, &rows::record_context(&person, &job.record, 1), &record, entropy)?;
    job.list_sealed = envelope::seal(&job.key, &rows::list_context(&person, &job.record, 1), &list, entropy)?;
    job.person = person;
    Ok(())
}

/// Appends to the person's consent ledger: the changed rows, not yet put.
pub(super) fn append_consent(txn: &mut Txn<'_>, place: u64, line: ConsentLine) -> Result<Vec<Row>, VaultError> {
    let draft = txn.person(place)?;
    let (person, parts, version) = (draft.person, draft.keyring.consent_parts, draft.keyring.consent_version);
    let key = draft.keyring.consent.duplicate(); // the draft is borrowed again below
    let seal = |part: u16, lines: &[ConsentLine], version: usize| {
        let content = postcard::to_stdvec(lines).map_err(|_| VaultError::TooLarge)?;
        let context_part = part.to_be_bytes();
        let context = rows::consent_context(&person, &context_part, version as u64);
        let row = envelope::seal(&key, &context, &content, &*txn.shared.entropy)?;
        Ok::<_, VaultError>((rows::consent_key(&person, part), row))
    };
    let mut lines: Vec<ConsentLine> = Vec::new();
    let mut part = parts.saturating_sub(1);
    let mut changed = Vec::with_capacity(1);
    if parts > 0 {
        let row = txn.read(&rows::consent_key(&person, part))?.ok_or(VaultError::Tampered)?;
        let content = envelope::open(&key, &rows::consent_context(&person, &part.to_be_bytes(), version), &row)?;
        lines = postcard::from_bytes(&content).map_err(|_| VaultError::Tampered)?;
        let full = lines.len() >= LINES_PER_PART;
        if full || content.len() >= LEDGER_PART_BYTES {
            if !full {
                // A finished part has one version, however many lines there was room for.
                changed.push(seal(part, &lines, LINES_PER_PART)?);
            }
            if parts >= MAX_LEDGER_PARTS {
                return Err(VaultError::TooLarge);
            }
            lines.clear();
            part = parts;
        }
    }
    lines.push(line);
    changed.push(seal(part, &lines, lines.len())?);
    let next_version = lines.len() as u64;
    let draft = txn.person(place)?;
    draft.keyring.consent_parts = part + 1;
    draft.keyring.consent_version = next_version;
    Ok(changed)
}
