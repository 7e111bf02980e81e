//! Looks for entries, newest first, within a bound: each look opens so many entries and no more, however long the trail is.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use super::{Detail, Entry, EntryView, entry_key};
use crate::base::clock::Timestamp;
use crate::base::ids::{PersonId, RecordId, StaffId};
use crate::policy::{Action, Actor};
use crate::vault::{Vault, VaultError};

/// Entries opened by one look, at most.
const MOST: u64 = 10_000;

/// Entries in a row that are older than what is looked for, after which nothing younger is expected.
const MOST_OLD: u32 = 1_000;

/// Which entries are looked for; what is `None` is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// By this actor, as the trail names it.
    pub actor: Option<String>,
    /// Of this act.
    pub action: Option<String>,
    /// About this person.
    pub person: Option<PersonId>,
    /// About this record.
    pub record: Option<RecordId>,
    /// Only readings across regions.
    pub transfers: bool,
}

/// An erasure that an account ordered by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: StaffId,
    /// How many people were erased whole.
    pub whole: u64,
    /// Whose single records were erased; `None` for who has been erased since.
    pub parts: Vec<Option<PersonId>>,
}

impl Vault {
    /// The erasures that accounts ordered since then by the clock of that moment, newest first, without those that another one had approved.
    ///
    /// # Errors
    /// [`VaultError::Tampered`] for an entry that does not open.
    pub fn erasures_since(&self, since: Timestamp) -> Result<Vec<Ordered>, VaultError> {
        let size = self.shared.figures.audit_entries.load(Ordering::SeqCst);
        let (mut out, mut approved, mut old) = (Vec::new(), HashSet::new(), 0);
        for seq in (0..size).rev() {
            let sealed = self.shared.engine.read(&entry_key(seq))?.ok_or(VaultError::Tampered)?;
            let entry = Entry::open(seq, &sealed, &self.shared.keys.audit)?;
            if entry.time < since {
                // A clock that was wrong for a while hides none of those before it.
                old += 1;
                if old > MOST_OLD {
                    break;
                }
                continue;
            }
            old = 0;
            match (&entry.actor, &entry.detail) {
                (Actor::Staff { id, .. }, Detail::Ordered { people, .. }) => {
                    let person = |place| self.shared.open_subject(place).map(|view| view.person);
                    let parts = entry.subjects.iter().map(person).collect();
                    out.push((entry.request, Ordered { at: entry.time, by: *id, whole: *people, parts }));
                }
                (Actor::Staff { .. }, _) if entry.action == Action::UseApproval.as_str() => {
                    approved.extend(entry.request);
                }
                _ => {}
            }
        }
        let alone = |request: &Option<_>| request.is_none_or(|request| !approved.contains(&request));
        Ok(out.into_iter().filter(|(request, _)| alone(request)).map(|(_, ordered)| ordered).collect())
    }

    /// Tells when, by whom and what, of every entry since then, newest first; opens nothing of what it is about.
    ///
    /// # Errors
    /// [`VaultError::Tampered`] for an entry that does not open.
    pub fn walk_acts(&self, since: Timestamp, mut each: impl FnMut(Timestamp, &Actor, &str)) -> Result<(), VaultError> {
        let size = self.shared.figures.audit_entries.load(Ordering::SeqCst);
        for seq in (0..size).rev() {
            let sealed = self.shared.engine.read(&entry_key(seq))?.ok_or(VaultError::Tampered)?;
            let entry = Entry::open(seq, &sealed, &self.shared.keys.audit)?;
            if entry.time < since {
                break;
            }
            each(entry.time, &entry.actor, &entry.action);
        }
        Ok(())
    }

    /// Entries below `before` (the newest when `None`) that are wanted, newest first, at most `limit`; and the number below which
    /// the next look goes on, if there is more to look at. A page may be short, or empty, and yet not the last. An erased
    /// person is found nowhere, and neither is a record of theirs.
    ///
    /// # Errors
    /// [`VaultError::Tampered`] for an entry that does not open.
    pub fn find_entries(
        &self,
        before: Option<u64>,
        limit: usize,
        wanted: &Wanted,
    ) -> Result<(Vec<EntryView>, Option<u64>), VaultError> {
        let size = self.shared.figures.audit_entries.load(Ordering::SeqCst);
        let end = before.map_or(size, |before| before.min(size));
        let mut place = None;
        if let Some(person) = &wanted.person {
            place = self.shared.directory.read().ok().and_then(|directory| directory.place_of(person));
            if place.is_none() {
                return Ok((Vec::new(), None));
            }
        }
        let mut out = Vec::new();
        for seq in (end.saturating_sub(MOST)..end).rev() {
            let sealed = self.shared.engine.read(&entry_key(seq))?.ok_or(VaultError::Tampered)?;
            let entry = Entry::open(seq, &sealed, &self.shared.keys.audit)?;
            let fits = wanted.actor.as_ref().is_none_or(|actor| entry.actor.to_string() == *actor)
                && wanted.action.as_ref().is_none_or(|action| entry.action == *action)
                && place.is_none_or(|place| entry.subjects.iter().any(|subject| subject.place == place))
                && (!wanted.transfers || !entry.transfers.is_empty())
                && (wanted.record.is_none() || !entry.subjects.is_empty());
            if !fits {
                continue;
            }
            let subjects: Vec<_> = entry.subjects.iter().map(|subject| self.shared.open_subject(subject)).collect();
            let about = |record: &RecordId| subjects.iter().flatten().any(|subject| subject.record == Some(*record));
            let is = |person: &PersonId| subjects.iter().flatten().any(|subject| subject.person == *person);
            if wanted.record.as_ref().is_none_or(about) && wanted.person.as_ref().is_none_or(is) {
                out.push(entry.view(subjects));
                if out.len() == limit {
                    return Ok((out, Some(seq).filter(|seq| *seq > 0)));
                }
            }
        }
        Ok((out, Some(end.saturating_sub(MOST)).filter(|seq| *seq > 0)))
    }
}
