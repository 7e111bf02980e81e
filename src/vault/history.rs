//! What the trail says about one record. Entries name the place of each person they are about, so an index from places to
//! entries tells where to look; it is in memory only, holds numbers and nothing else, and catches up when it is asked.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use super::audit::{Draft, Entry, SealedSubject, Subject, entry_key};
use super::committer::Job;
use super::read::{Located, Opened};
use super::shared::Shared;
use super::{Act, Detail, Vault, VaultError};
use crate::base::clock::Timestamp;
use crate::base::ids::PersonId;
use crate::domain::submission::Status;
use crate::policy::{Actor, Role};

/// Entries about one person that are gone through, at most: the newest.
const MOST: usize = 2_000;

/// One thing that was done with a record.
#[derive(Clone, Debug)]
pub struct Past {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub actor: Actor,
    /// In which role.
    pub role: Option<Role>,
    /// What.
    pub action: String,
    /// The number of the file.
    pub file: Option<u32>,
    /// The status that was set.
    pub status: Option<Status>,
    /// It was one of several: a line of a list.
    pub in_list: bool,
}

/// Which entries are about whom.
#[derive(Default)]
pub(super) struct Index(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// Entries that were looked at: all below this.
    upto: u64,
    by_place: HashMap<u64, Vec<u64>>,
}

impl Opened {
    /// Whether it is this record.
    pub(super) fn is(&self, located: &Located) -> bool {
        (self.place, self.record) == (located.place, located.record)
    }
}

impl Vault {
    /// What was done with a record that was opened, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`VaultError::Missing`] when it was erased meanwhile, or is another; [`VaultError::Unavailable`].
    pub fn history_of(&self, opened: &Opened, located: &Located, limit: usize) -> Result<Vec<Past>, VaultError> {
        if !opened.is(located) {
            return Err(VaultError::Missing);
        }
        let mut out = Vec::new();
        for seq in self.entries_about(located.place)? {
            let Some(entry) = self.entry(seq)? else { continue };
            let in_list = matches!(entry.detail, Detail::Found(_));
            let mut about = entry.subjects.iter().filter(|subject| subject.place == located.place);
            let found = about.find_map(|subject| {
                let view = located.open_subject(subject)?;
                (view.record == Some(located.record)).then_some(view)
            });
            if let Some(found) = found {
                let Entry { time: at, actor, role, action, .. } = entry;
                out.push(Past { at, actor, role, action, file: found.file, status: found.status, in_list });
            }
            if out.len() == limit {
                break;
            }
        }
        Ok(out)
    }

    /// Writes that a search found these people into the audit trail; durable on return. Whom it found stands under the
    /// audit key of each, so it goes when they are erased.
    ///
    /// # Errors
    /// [`VaultError::Missing`] when one of them was erased meanwhile; [`VaultError::Unavailable`].
    pub async fn record_search(&self, act: Act, found: &[PersonId]) -> Result<(), VaultError> {
        let mut subjects = Vec::with_capacity(found.len());
        for person in found {
            match self.shared.name(person) {
                // The entry counts them, and cannot name them: there is no key of theirs to seal it under.
                Err(VaultError::Tampered) => {}
                named => subjects.push(named?),
            }
        }
        let draft = Draft::new(&act, Detail::Found(found.len() as u64), subjects);
        self.ask(|reply| Job::Audit(draft, Vec::new(), reply)).await
    }

    /// The numbers of the newest entries about whoever is at a place, newest first.
    fn entries_about(&self, place: u64) -> Result<Vec<u64>, VaultError> {
        let size = self.shared.figures.audit_entries.load(Ordering::SeqCst);
        let mut known = self.history.0.lock().unwrap_or_else(PoisonError::into_inner);
        while known.upto < size {
            let seq = known.upto;
            if let Some(entry) = self.entry(seq)? {
                for subject in &entry.subjects {
                    let about = known.by_place.entry(subject.place).or_default();
                    // Once, however many of one person's records it names.
                    if about.last() != Some(&seq) {
                        about.push(seq);
                    }
                }
            }
            known.upto += 1;
        }
        Ok(known.by_place.get(&place).map(|all| all.iter().rev().take(MOST).copied().collect()).unwrap_or_default())
    }

    /// One entry. One that is damaged must not close the history; `verify` names it.
    fn entry(&self, seq: u64) -> Result<Option<Entry>, VaultError> {
        let Some(sealed) = self.shared.engine.read(&entry_key(seq))? else { return Ok(None) };
        Ok(Entry::open(seq, &sealed, &self.shared.keys.audit).ok())
    }
}

impl Shared {
    /// A person as an entry names them that is about no single record of theirs: in no record's history.
    pub(super) fn name(&self, person: &PersonId) -> Result<SealedSubject, VaultError> {
        let place = self.directory.read().ok().and_then(|d| d.place_of(person)).ok_or(VaultError::Missing)?;
        let (person, keyring) = self.reading(|view| self.keyring_at(view, place))?;
        let subject = Subject { record: None, purpose: None, file: None, status: None };
        subject.seal(place, &person, &keyring.audit, &*self.entropy)
    }
}
