//! Notes of staff about a record, for each other: rows of their own, sealed under the record's key, numbered from 0. How
//! many there are, and which of them the privacy officer has released to the person's own copy, says the list entry.

use super::audit::{Draft, Subject};
use super::change::Open;
use super::committer::Job;
use super::read::{Located, Opened};
use super::rows;
use super::shared::Shared;
use super::txn::Txn;
use super::{Act, Detail, Vault, VaultError};
use crate::base::ids::{PersonId, RecordId};
use crate::crypto::{Key, envelope};
use crate::domain::work::{MAX_NOTES, Note};

impl Vault {
    /// Adds a note to a record. Durable on return, with its number, counted from 0.
    ///
    /// # Errors
    /// [`VaultError::Missing`]; [`VaultError::TooLarge`] after [`MAX_NOTES`]; [`VaultError::StorageFull`],
    /// [`VaultError::Unavailable`].
    pub async fn add_note(&self, act: Act, record: RecordId, note: Note) -> Result<u32, VaultError> {
        self.shared.room_for_intake()?;
        self.ask(|reply| Job::Note(Box::new((act, record, note)), reply)).await
    }

    /// Releases a note to the person's own copy of what is held about them, or withholds it again.
    ///
    /// # Errors
    /// [`VaultError::Missing`] also for a note that is not there; [`VaultError::Unavailable`].
    pub async fn disclose_note(
        &self,
        act: Act,
        record: RecordId,
        number: u32,
        disclosed: bool,
    ) -> Result<(), VaultError> {
        self.ask(|reply| Job::DiscloseNote(Box::new((act, record, number, disclosed)), reply)).await
    }

    /// The notes on a record that was opened, oldest first, each with whether it is released to the person.
    ///
    /// # Errors
    /// [`VaultError::Missing`] when it was erased meanwhile, or is another; [`VaultError::Tampered`].
    pub fn notes_of(&self, opened: &Opened, located: &Located) -> Result<Vec<(Note, bool)>, VaultError> {
        if !opened.is(located) {
            return Err(VaultError::Missing);
        }
        let shared = &self.shared;
        shared.reading(|_| {
            if shared.is_dying(located.place, Some(&located.record)) {
                return Err(VaultError::Missing);
            }
            let disclosed = &located.list_entry.work.notes;
            let note = |number| shared.note_of(located.key(), &located.person, &located.record, number);
            (0..).zip(disclosed).map(|(number, disclosed)| Ok((note(number)?, *disclosed))).collect()
        })
    }
}

impl Shared {
    /// One note.
    pub(super) fn note_of(
        &self,
        key: &Key,
        person: &PersonId,
        record: &RecordId,
        number: u32,
    ) -> Result<Note, VaultError> {
        let Some(row) = self.engine.read(&rows::note_key(record, number))? else {
            // It goes in one commit with the row of its record; alone, it was dropped by somebody.
            let record = self.engine.read(&rows::record_key(record))?;
            return Err(if record.is_none() { VaultError::Missing } else { VaultError::Tampered });
        };
        let name = rows::message_name(record, number);
        let content = envelope::open(key, &rows::note_context(person, &name), &row)?;
        postcard::from_bytes(&content).map_err(|_| VaultError::Tampered)
    }
}

/// Puts a note into the commit. Returns its number.
pub(super) fn apply(txn: &mut Txn<'_>, act: &Act, record: RecordId, note: &Note) -> Result<u32, VaultError> {
    let mut open = Open::new(txn, record)?;
    let notes = &mut open.list.work.notes;
    if notes.len() >= MAX_NOTES {
        return Err(VaultError::TooLarge);
    }
    let number = notes.len() as u32;
    notes.push(false);
    let content = zeroize::Zeroizing::new(postcard::to_stdvec(note).map_err(|_| VaultError::TooLarge)?);
    let name = rows::message_name(&record, number);
    let context = rows::note_context(&open.person, &name);
    let row = envelope::seal(&open.key, &context, &content, &*txn.shared.entropy)?;
    let subject = open.seal_subject(txn, &Subject::of_record(record))?;
    open.put_list(txn, Vec::new())?;
    txn.put(rows::note_key(&record, number), row);
    txn.entry(Draft::new(act, Detail::None, vec![subject]));
    Ok(number)
}

/// Puts a decision about a note into the commit.
pub(super) fn apply_disclosure(
    txn: &mut Txn<'_>,
    act: &Act,
    record: RecordId,
    number: u32,
    disclosed: bool,
) -> Result<(), VaultError> {
    let mut open = Open::new(txn, record)?;
    *open.list.work.notes.get_mut(number as usize).ok_or(VaultError::Missing)? = disclosed;
    let subject = open.seal_subject(txn, &Subject::of_record(record))?;
    open.put_list(txn, Vec::new())?;
    txn.entry(Draft::new(act, Detail::None, vec![subject]));
    Ok(())
}
