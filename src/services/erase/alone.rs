//! Of how many people one account has erased something of late, by whatever way. In memory; after a start, what the audit trail
//! says of the day before is counted, once, when somebody erases first.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::base::clock::Timestamp;
use crate::base::ids::{PersonId, StaffId};
use crate::domain::approval::MOST_ALONE;
use crate::vault::Ordered;

/// The time that is looked back.
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The people of whom each account erased something within a day, at most [`MOST_ALONE`] each.
#[derive(Default)]
pub(in crate::services) struct Alone {
    by_account: Mutex<HashMap<StaffId, Vec<Counted>>>,
    /// Whether the trail was gone through.
    remembered: tokio::sync::OnceCell<()>,
}

/// Somebody of whom something was erased, or is being erased.
struct Counted {
    /// `None` for who was erased whole before the start: nobody knows any more who that was, and nobody erases them again.
    person: Option<PersonId>,
    at: Timestamp,
    /// Acts under way that may erase something of them.
    busy: u32,
    /// Something was erased of them, or may have been.
    erased: bool,
}

/// People who are counted while something of them is being erased. Dropped, it counts them all: what became of them is not known.
pub(super) struct Hold<'a> {
    alone: &'a Alone,
    by: StaffId,
    people: Vec<PersonId>,
}

impl Alone {
    /// Counts these people, if all of them may be. `None` when it would be too many.
    pub(super) fn take(&self, by: StaffId, people: &[PersonId], now: Timestamp) -> Option<Hold<'_>> {
        let mut all = self.by_account.lock().unwrap_or_else(PoisonError::into_inner);
        forget(&mut all, now);
        let own = all.entry(by).or_default();
        let mut people: Vec<PersonId> = people.to_vec();
        people.sort();
        people.dedup();
        let fresh = people.iter().filter(|person| own.iter().all(|known| known.person != Some(**person))).count();
        if own.len() + fresh > MOST_ALONE {
            return None;
        }
        for person in &people {
            match own.iter_mut().find(|known| known.person == Some(*person)) {
                Some(known) => known.busy += 1,
                None => own.push(Counted { person: Some(*person), at: now, busy: 1, erased: false }),
            }
        }
        Some(Hold { alone: self, by, people })
    }

    /// Whether something of this person could be erased now.
    pub(super) fn has_room(&self, by: StaffId, person: &PersonId, now: Timestamp) -> bool {
        let mut all = self.by_account.lock().unwrap_or_else(PoisonError::into_inner);
        forget(&mut all, now);
        let Some(own) = all.get(&by) else { return true };
        own.len() < MOST_ALONE || own.iter().any(|known| known.person == Some(*person))
    }

    /// Goes through the trail, by `read`, unless that was done: what it gives is counted.
    ///
    /// # Errors
    /// Those of `read`; then the next one tries again.
    pub(super) async fn remember<E>(&self, read: impl AsyncFnOnce() -> Result<Vec<Ordered>, E>) -> Result<(), E> {
        let once = async || {
            let found = read().await?;
            let mut all = self.by_account.lock().unwrap_or_else(PoisonError::into_inner);
            for Ordered { at, by, whole, parts } in found {
                let own = all.entry(by).or_default();
                own.extend((0..whole).map(|_| Counted::before(None, at)));
                for person in parts {
                    if person.is_none() || own.iter().all(|known| known.person != person) {
                        own.push(Counted::before(person, at));
                    }
                }
            }
            Ok(())
        };
        self.remembered.get_or_try_init(once).await.map(drop)
    }

    fn settle(&self, by: StaffId, people: &[PersonId], nothing: impl Fn(&PersonId) -> bool) {
        let mut all = self.by_account.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(own) = all.get_mut(&by) else { return };
        for known in own.iter_mut() {
            let Some(person) = known.person.filter(|person| people.contains(person)) else { continue };
            known.busy = known.busy.saturating_sub(1);
            known.erased |= !nothing(&person);
        }
        own.retain(|known| known.erased || known.busy > 0);
    }
}

impl Counted {
    const fn before(person: Option<PersonId>, at: Timestamp) -> Self {
        Self { person, at, busy: 0, erased: true }
    }
}

impl Hold<'_> {
    /// Does not count those of whom nothing was erased, unless another act did, or still may.
    pub(super) fn settle(mut self, nothing: impl Fn(&PersonId) -> bool) {
        self.alone.settle(self.by, &std::mem::take(&mut self.people), nothing);
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.alone.settle(self.by, &self.people, |_| false);
    }
}

/// A clock that was set back makes nobody wait longer than it was set back by.
fn forget(all: &mut HashMap<StaffId, Vec<Counted>>, now: Timestamp) {
    all.retain(|_, own| {
        own.retain(|known| known.busy > 0 || now.since(known.at) < DAY);
        !own.is_empty()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const JANE: StaffId = StaffId::from_bytes([1; 16]);
    const JOE: StaffId = StaffId::from_bytes([2; 16]);

    fn at(hours: u64) -> Timestamp {
        Timestamp::from_millis(1_795_000_000_000).plus(Duration::from_secs(hours * 3600))
    }

    fn person(n: u8) -> PersonId {
        PersonId::from_bytes([n; 16])
    }

    /// Erases something of all of them, if there is room.
    fn erases(alone: &Alone, by: StaffId, people: &[PersonId], now: Timestamp) -> bool {
        alone.take(by, people, now).map(|hold| hold.settle(|_| false)).is_some()
    }

    #[test]
    fn so_many_people_within_a_day_however_they_are_named() {
        let alone = Alone::default();
        let first: Vec<_> = (0..20).map(person).collect();
        assert!(erases(&alone, JANE, &first, at(0)));
        assert!(erases(&alone, JANE, &first, at(1)), "the same people count once");
        let rest: Vec<_> = (20..26).map(person).collect();
        assert!(!erases(&alone, JANE, &rest, at(1)), "all of them or none");
        assert!(erases(&alone, JANE, &rest[..5], at(1)));
        assert!(!erases(&alone, JANE, &rest[5..], at(23)));
        assert!(!alone.has_room(JANE, &rest[5], at(23)) && alone.has_room(JANE, &rest[4], at(23)));
        assert!(erases(&alone, JOE, &rest[5..], at(23)), "each account has its own");
        assert!(!erases(&alone, JANE, &[person(41)], at(23)));
        assert!(erases(&alone, JANE, &[person(41)], at(24)), "a day later");
    }

    #[test]
    fn who_was_not_there_is_not_counted_and_whatever_is_not_known_is() {
        let alone = Alone::default();
        let all: Vec<_> = (0..25).map(person).collect();
        alone.take(JANE, &all, at(0)).unwrap().settle(|one| *one == person(0));
        assert!(erases(&alone, JANE, &[person(40), person(40)], at(0)));
        assert!(!erases(&alone, JANE, &[person(41)], at(0)));
        drop(alone.take(JOE, &all, at(0)));
        assert!(!erases(&alone, JOE, &[person(41)], at(0)), "given up half-way");
    }

    /// Two acts about one person at the same moment: the one that was counted first may be the one that found nothing.
    #[test]
    fn an_act_that_finds_nobody_gives_no_place_back_that_another_one_uses() {
        for first_ends_first in [true, false] {
            let alone = Alone::default();
            let all: Vec<_> = (0..24).map(person).collect();
            assert!(erases(&alone, JANE, &all, at(0)));
            let first = alone.take(JANE, &[person(30)], at(0)).unwrap();
            let second = alone.take(JANE, &[person(30)], at(0)).unwrap();
            assert!(alone.take(JANE, &[person(31)], at(0)).is_none());
            if first_ends_first {
                first.settle(|_| true);
                assert!(alone.take(JANE, &[person(31)], at(0)).is_none(), "the other one still may");
                second.settle(|_| false);
            } else {
                second.settle(|_| false);
                first.settle(|_| true);
            }
            assert!(alone.take(JANE, &[person(31)], at(0)).is_none(), "the other one did");
        }
    }

    #[tokio::test]
    async fn what_was_before_the_start_counts_once() {
        let alone = Alone::default();
        let before = |whole, parts| Ordered { at: at(0), by: JANE, whole, parts };
        let found = vec![before(20, vec![]), before(0, vec![Some(person(1)), Some(person(1)), None])];
        for _ in 0..2 {
            alone.remember(async || Ok::<_, ()>(found.clone())).await.unwrap();
        }
        assert!(erases(&alone, JANE, &[person(1), person(2), person(3), person(4)], at(1)), "22 and 3");
        assert!(!erases(&alone, JANE, &[person(5)], at(23)));
        assert!(erases(&alone, JANE, &[person(5)], at(24)));
    }
}
