//! Erasure orders. An order is durable before anything is destroyed, names handles only, never a key, and outlives a
//! crash: at the next start it is carried out, or its clean-up is.

use serde::{Deserialize, Serialize};

use super::VaultError;
use super::shared::Shared;
use crate::base::clock::Timestamp;
use crate::base::ids::{FileId, IntentId, PersonId, RecordId};
use crate::base::tables::Table;
use crate::crypto::context::{Context, Purpose};
use crate::crypto::envelope;
use crate::policy::Role;
use crate::store::after_prefix;

/// How far an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// Durable; the keys are still there.
    Ordered,
    /// The keys are gone; rows and files are still to be removed.
    Erased,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Line {
    /// A person, to be erased whole.
    Person { place: u64, person: PersonId, keyring_parts: u16, consent_parts: u16 },
    /// A single record of a person who stays.
    Record { place: u64, person: PersonId, record: RecordId, keyring_parts: u16 },
    /// Rows and files that lose their meaning with it.
    Rows { record: RecordId, arrival: u64, files: Vec<FileId> },
}

/// An order with all its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Intent {
    pub(super) id: IntentId,
    pub(super) stage: Stage,
    pub(super) at: Timestamp,
    /// On whose authority.
    pub(super) role: Option<Role>,
    pub(super) lines: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
struct Part {
    stage: Stage,
    at: Timestamp,
    role: Option<Role>,
    lines: Vec<Line>,
}

/// A part's lines stay below this, so that its row stays below the store's limit.
const PART_BYTES: usize = 40_000;

impl Intent {
    /// The rows of the order, sealed.
    #[allow(clippy::type_complexity, reason = "keys and values of rows, as everywhere")]
    pub(super) fn rows(&self, shared: &Shared) -> Result<Vec<(Vec<u8>, Vec<u8>)>, VaultError> {
        let mut rows = Vec::new();
        let mut rest = self.lines.as_slice();
        loop {
            let mut size = 0;
            let count = rest.iter().take_while(|line| {
                size += line.size();
                size <= PART_BYTES
            });
            let (head, tail) = rest.split_at(count.count().max(rest.len().min(1)));
            let part = Part { stage: self.stage, at: self.at, role: self.role, lines: head.to_vec() };
            let number = (rows.len() as u16).to_be_bytes();
            let content = postcard::to_stdvec(&part).map_err(|_| VaultError::TooLarge)?;
            let row = [self.id.as_bytes().as_slice(), &number].concat();
            let sealed = envelope::seal(&shared.keys.intents, &context(&row), &content, &*shared.entropy)?;
            rows.push((Table::Intents.key(&[&row]), sealed));
            rest = tail;
            if rest.is_empty() {
                return Ok(rows);
            }
            if rows.len() > usize::from(u16::MAX) {
                return Err(VaultError::TooLarge);
            }
        }
    }

    /// All orders in the store.
    pub(super) fn load_all(shared: &Shared) -> Result<Vec<Self>, VaultError> {
        let from = [Table::Intents.id()];
        let to = after_prefix(&from).unwrap_or_default();
        let mut out: Vec<Self> = Vec::new();
        for row in shared.engine.scan(&from, &to) {
            let (key, sealed) = row?;
            let name = key.get(1..19).ok_or(VaultError::Tampered)?;
            let id = IntentId::from_bytes(name[..16].try_into().map_err(|_| VaultError::Tampered)?);
            let content = envelope::open(&shared.keys.intents, &context(name), &sealed)?;
            let part: Part = postcard::from_bytes(&content).map_err(|_| VaultError::Tampered)?;
            match out.last_mut().filter(|intent| intent.id == id) {
                Some(intent) => intent.lines.extend(part.lines),
                None => out.push(Self { id, stage: part.stage, at: part.at, role: part.role, lines: part.lines }),
            }
        }
        Ok(out)
    }

    /// How many people, and how many single records.
    pub(super) fn counts(&self) -> (u64, u64) {
        let count = |f: fn(&Line) -> bool| self.lines.iter().filter(|line| f(line)).count() as u64;
        (count(|l| matches!(l, Line::Person { .. })), count(|l| matches!(l, Line::Record { .. })))
    }
}

impl Line {
    fn size(&self) -> usize {
        match self {
            Self::Person { .. } => 40,
            Self::Record { .. } => 50,
            Self::Rows { files, .. } => 40 + 16 * files.len(),
        }
    }
}

const fn context(row: &[u8]) -> Context<'_> {
    Context::new(Purpose::Intent).table(Table::Intents).row(row)
}
