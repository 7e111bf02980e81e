//! Erasure orders. An order is durable before anything is destroyed, names handles only, never a key, and outlives a
//! crash: at the next start it is carried out, or its clean-up is.
//!
//! An order is a row a part of its lines, `order (16) ‖ part (2)`, and, from the commit that gives the tree its new root,
//! one more under the last number: the outcome. So an epoch writes one small row an order, however many it erases.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::VaultError;
use super::shared::Shared;
use crate::base::clock::Timestamp;
use crate::base::ids::{FileId, IntentId, PersonId, RecordId};
use crate::base::tables::Table;
use crate::crypto::context::{Context, Purpose};
use crate::crypto::envelope;
use crate::policy::Role;
use crate::store::{Row, after_prefix};

/// How far an order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Durable; the keys are still there.
    Ordered,
    /// The keys are gone; rows and files are still to be removed.
    Erased(Outcome),
}

/// The epochs before and after, and when the old root was gone. In the store it says when the commit between them was made,
/// a moment before; a start that finds it there puts its own time instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) before: u64,
    pub(super) after: u64,
    pub(super) at: Timestamp,
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
struct Part<'a> {
    at: Timestamp,
    role: Option<Role>,
    lines: Cow<'a, [Line]>,
}

/// A part's lines stay below this, so that its row stays below the store's limit.
const PART_BYTES: usize = 40_000;
/// The number of the outcome's row.
const OUTCOME: u16 = u16::MAX;

impl Intent {
    /// The rows of the order, sealed.
    pub(super) fn rows(&self, shared: &Shared) -> Result<Vec<Row>, VaultError> {
        let parts = self.parts();
        if parts.len() >= usize::from(OUTCOME) {
            return Err(VaultError::TooLarge);
        }
        let part = |lines| Part { at: self.at, role: self.role, lines: Cow::Borrowed(lines) };
        (0u16..).zip(parts).map(|(number, lines)| seal(shared, &self.id, number, &part(lines))).collect()
    }

    /// The row that says that the order was carried out.
    pub(super) fn outcome_row(&self, shared: &Shared, outcome: &Outcome) -> Result<Row, VaultError> {
        seal(shared, &self.id, OUTCOME, outcome)
    }

    /// The store keys of all its rows.
    pub(super) fn row_keys(&self) -> Vec<Vec<u8>> {
        let numbers = (0u16..).zip(self.parts()).map(|(number, _)| number);
        numbers.chain([OUTCOME]).map(|number| Table::Intents.key(&[&name(&self.id, number)])).collect()
    }

    /// The lines as they are spread over rows.
    fn parts(&self) -> Vec<&[Line]> {
        let mut parts = Vec::new();
        let mut rest = self.lines.as_slice();
        while parts.is_empty() || !rest.is_empty() {
            let mut size = 0;
            let fitting = rest.iter().take_while(|line| {
                size += line.size();
                size <= PART_BYTES
            });
            let (head, tail) = rest.split_at(fitting.count().max(rest.len().min(1)));
            parts.push(head);
            rest = tail;
        }
        parts
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
            let before = out.last_mut().filter(|intent| intent.id == id);
            if name[16..] == OUTCOME.to_be_bytes() {
                let outcome = postcard::from_bytes(&content).map_err(|_| VaultError::Tampered)?;
                before.ok_or(VaultError::Tampered)?.stage = Stage::Erased(outcome);
                continue;
            }
            let part: Part<'_> = postcard::from_bytes(&content).map_err(|_| VaultError::Tampered)?;
            match before {
                Some(intent) => intent.lines.extend(part.lines.into_owned()),
                None => {
                    let lines = part.lines.into_owned();
                    out.push(Self { id, stage: Stage::Ordered, at: part.at, role: part.role, lines });
                }
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
    /// Where the victim is, when it names one; the rows of that victim follow.
    pub(super) const fn place(&self) -> Option<u64> {
        match self {
            Self::Person { place, .. } | Self::Record { place, .. } => Some(*place),
            Self::Rows { .. } => None,
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Person { .. } => 40,
            Self::Record { .. } => 50,
            Self::Rows { files, .. } => 40 + 16 * files.len(),
        }
    }
}

fn seal(shared: &Shared, id: &IntentId, number: u16, content: &impl Serialize) -> Result<Row, VaultError> {
    let name = name(id, number);
    let content = postcard::to_stdvec(content).map_err(|_| VaultError::TooLarge)?;
    let sealed = envelope::seal(&shared.keys.intents, &context(&name), &content, &*shared.entropy)?;
    Ok((Table::Intents.key(&[&name]), sealed))
}

fn name(id: &IntentId, number: u16) -> Vec<u8> {
    [id.as_bytes().as_slice(), &number.to_be_bytes()].concat()
}

const fn context(row: &[u8]) -> Context<'_> {
    Context::new(Purpose::Intent).table(Table::Intents).row(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_a_victim_says_where_and_the_rows_behind_it_do_not() {
        let (person, record) = (PersonId::from_bytes([1; 16]), RecordId::from_bytes([2; 16]));
        assert_eq!(Line::Person { place: 7, person, keyring_parts: 1, consent_parts: 0 }.place(), Some(7));
        assert_eq!(Line::Record { place: 9, person, record, keyring_parts: 1 }.place(), Some(9));
        assert_eq!(Line::Rows { record, arrival: 3, files: Vec::new() }.place(), None);
    }
}
