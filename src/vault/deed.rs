//! What was erased, kept so that its certificate can be had again: by handle, counts and epochs, nothing personal. Until
//! the clean-up writes it, in the commit that removes the victim's first rows, the order itself is the deed: its outcome
//! stands in the very commit that gives the tree its new root.
//!
//! A deed is as long as the list of its handles, so it is cut into rows: `handle (16) ‖ part (2)`, the encoding in order.

use serde::{Deserialize, Serialize};

use super::intent::{Intent, Line, Outcome, Stage};
use super::shared::Shared;
use super::{Certificate, Vault, VaultError, certificate};
use crate::base::ids::{FileId, Handle, PersonId, RecordId};
use crate::base::tables::Table;
use crate::crypto::context::{Context, Purpose};
use crate::crypto::envelope;
use crate::policy::Role;
use crate::store::Row;

/// Bytes of the encoding in one row.
const PART_BYTES: usize = 48 * 1024;

/// What one target comes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Victim {
    pub(super) person: PersonId,
    pub(super) record: Option<RecordId>,
    pub(super) records: Vec<RecordId>,
    pub(super) files: Vec<FileId>,
    pub(super) keyrings: u32,
    pub(super) consent_rows: u32,
}

/// An erasure that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Deed {
    pub(super) victim: Victim,
    pub(super) outcome: Outcome,
    pub(super) role: Option<Role>,
}

impl Victim {
    /// The name under which the deed is found: that of the record, or of the person erased whole.
    fn handle(&self) -> [u8; Handle::LEN] {
        self.record.map_or(*self.person.as_bytes(), |record| *record.as_bytes())
    }

    /// The victims of an order: each begins with its person or record, and its rows follow.
    pub(super) fn of(intent: &Intent) -> Vec<Self> {
        let mut out: Vec<Self> = Vec::new();
        for line in &intent.lines {
            match line {
                Line::Person { person, keyring_parts, consent_parts, .. } => out.push(Self {
                    person: *person,
                    record: None,
                    records: Vec::new(),
                    files: Vec::new(),
                    keyrings: u32::from(*keyring_parts),
                    consent_rows: u32::from(*consent_parts),
                }),
                Line::Record { person, record, keyring_parts, .. } => out.push(Self {
                    person: *person,
                    record: Some(*record),
                    records: Vec::new(),
                    files: Vec::new(),
                    keyrings: u32::from(*keyring_parts),
                    consent_rows: 0,
                }),
                Line::Rows { record, files, .. } => {
                    if let Some(victim) = out.last_mut() {
                        victim.records.push(*record);
                        victim.files.extend(files);
                    }
                }
            }
        }
        out
    }
}

impl Deed {
    /// The deeds of an order, in the order of its lines; none while it is not carried out.
    pub(super) fn of(intent: &Intent) -> Vec<Self> {
        let Stage::Erased(outcome) = intent.stage else { return Vec::new() };
        let deed = |victim| Self { victim, outcome, role: intent.role };
        Victim::of(intent).into_iter().map(deed).collect()
    }

    /// The rows of the deed, sealed.
    pub(super) fn rows(&self, shared: &Shared) -> Result<Vec<Row>, VaultError> {
        let content = postcard::to_stdvec(self).map_err(|_| VaultError::TooLarge)?;
        let seal = |(part, bytes): (u16, &[u8])| {
            let row = [self.victim.handle().as_slice(), &part.to_be_bytes()].concat();
            let sealed = envelope::seal(&shared.keys.rows, &context(&row), bytes, &*shared.entropy)?;
            Ok((Table::Deeds.key(&[&row]), sealed))
        };
        (0u16..).zip(content.chunks(PART_BYTES)).map(seal).collect()
    }

    /// Finds a deed by handle: in its rows, or in an order whose clean-up has not come to it.
    fn find(shared: &Shared, handle: &Handle) -> Result<Self, VaultError> {
        match Self::load(shared, handle) {
            Err(VaultError::Missing) => {}
            found => return found,
        }
        let pending = Intent::load_all(shared)?;
        let waiting = pending.iter().flat_map(Self::of).find(|deed| deed.victim.handle() == *handle.as_bytes());
        // Not there either: the clean-up may have come to it between the two looks.
        let Some(mut deed) = waiting else { return Self::load(shared, handle) };
        if let Some(at) = shared.destroyed.lock().ok().and_then(|times| times.get(&deed.outcome.after).copied()) {
            deed.outcome.at = at;
        }
        Ok(deed)
    }

    fn load(shared: &Shared, handle: &Handle) -> Result<Self, VaultError> {
        let mut content = Vec::new();
        for part in 0u16.. {
            let row = [handle.as_bytes().as_slice(), &part.to_be_bytes()].concat();
            let Some(sealed) = shared.engine.read(&Table::Deeds.key(&[&row]))? else { break };
            content.extend_from_slice(&envelope::open(&shared.keys.rows, &context(&row), &sealed)?);
        }
        if content.is_empty() {
            return Err(VaultError::Missing);
        }
        postcard::from_bytes(&content).map_err(|_| VaultError::Tampered)
    }

    /// The certificate of the deed, with the epoch that the recovery slot holds now.
    pub(super) fn certify(self, shared: &Shared, recovery: Option<u64>) -> Certificate {
        use certificate::{Kind, State, Statement};
        let victim = self.victim;
        let Outcome { before, after, at } = self.outcome;
        let complete = recovery.is_some_and(|epoch| epoch >= after);
        let statement = Statement {
            version: 1,
            vault: shared.vault,
            kind: if victim.record.is_some() { Kind::Record } else { Kind::Person },
            subject: victim.person,
            records: victim.records,
            files: victim.files,
            keyrings: victim.keyrings,
            consent_rows: victim.consent_rows,
            epoch_before: before,
            epoch_after: after,
            recovery_epoch: recovery,
            state: if complete { State::Complete } else { State::PendingInBackup },
            erased_at: at,
            role: self.role,
        };
        Certificate::sign(statement, &shared.derived.certificate_signer)
    }
}

/// Whether a row of the table opens, for `verify`.
pub(super) fn opens(shared: &Shared, key: &[u8], sealed: &[u8]) -> bool {
    key.len() == 19 && envelope::open(&shared.keys.rows, &context(&key[1..]), sealed).is_ok()
}

impl Vault {
    /// The certificate of an erasure that was carried out, by the handle of the person or record: for whoever did not
    /// get it, or has one that was still pending in backup.
    ///
    /// # Errors
    /// [`VaultError::Missing`] when nothing of that name was erased.
    pub fn certificate_of(&self, handle: &Handle) -> Result<Certificate, VaultError> {
        let deed = Deed::find(&self.shared, handle)?;
        let recovery = self.counts().recovery_epoch;
        Ok(deed.certify(&self.shared, recovery))
    }
}

const fn context(row: &[u8]) -> Context<'_> {
    Context::new(Purpose::Deed).table(Table::Deeds).row(row)
}
