//! How many people one account has erased of late, by whatever way. In memory: who may start the service anew may erase at the
//! machine, where nobody is counted.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::base::clock::Timestamp;
use crate::base::ids::{PersonId, StaffId};
use crate::domain::approval::MOST_ALONE;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The people of whom each account erased something within a day, at most [`MOST_ALONE`] each.
#[derive(Default)]
pub(in crate::services) struct Alone(Mutex<HashMap<StaffId, Vec<(PersonId, Timestamp)>>>);

impl Alone {
    /// Counts these people, if all of them may be: those that were not counted before. `None` when it would be too many.
    pub(super) fn take(&self, by: StaffId, people: &[PersonId], now: Timestamp) -> Option<Vec<PersonId>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, own| {
            // A clock that was set back makes nobody wait longer than it was set back by.
            own.retain(|(_, at)| now.since(*at) < DAY);
            !own.is_empty()
        });
        let own = all.entry(by).or_default();
        let mut fresh: Vec<PersonId> = people.to_vec();
        fresh.sort();
        fresh.dedup();
        fresh.retain(|person| own.iter().all(|(known, _)| known != person));
        if own.len() + fresh.len() > MOST_ALONE {
            return None;
        }
        own.extend(fresh.iter().map(|person| (*person, now)));
        Some(fresh)
    }

    /// Nothing of this person was erased.
    pub(super) fn give_back(&self, by: StaffId, person: &PersonId) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = all.get_mut(&by) {
            own.retain(|(known, _)| known != person);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_people_within_a_day_however_they_are_named() {
        let alone = Alone::default();
        let at = |hours: u64| Timestamp::from_millis(1_795_000_000_000).plus(Duration::from_secs(hours * 3600));
        let person = |n: u8| PersonId::from_bytes([n; 16]);
        let (jane, joe) = (StaffId::from_bytes([1; 16]), StaffId::from_bytes([2; 16]));
        let first: Vec<_> = (0..20).map(person).collect();
        assert_eq!(alone.take(jane, &first, at(0)), Some(first.clone()));
        assert_eq!(alone.take(jane, &first, at(1)), Some(Vec::new()), "the same people count once");
        let rest: Vec<_> = (20..26).map(person).collect();
        assert_eq!(alone.take(jane, &rest, at(1)), None, "all of them or none");
        assert_eq!(alone.take(jane, &rest[..5], at(1)).unwrap().len(), 5);
        assert_eq!(alone.take(jane, &rest[5..], at(23)), None);
        assert_eq!(alone.take(joe, &rest[5..], at(23)).unwrap().len(), 1, "each account has its own");
        alone.give_back(jane, &person(0));
        assert_eq!(alone.take(jane, &[person(40), person(40)], at(23)), Some(vec![person(40)]));
        assert_eq!(alone.take(jane, &[person(41)], at(23)), None);
        assert_eq!(alone.take(jane, &[person(41)], at(24)).unwrap().len(), 1, "a day later");
    }
}
