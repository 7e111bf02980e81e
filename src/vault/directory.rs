//! Who is where: address tag → place and person → place, in memory only, built from the leaves at start.
//!
//! An entry is overwritten before it is removed, so that nothing of an erased person stays in the table's memory.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use crate::base::ids::{PersonId, RecordId};
use crate::keys::tree::AddressTag;

#[derive(Default)]
pub(super) struct Directory {
    hasher: RandomState,
    tags: HashTable<([u8; 16], u64)>,
    people: HashTable<([u8; 16], u64)>,
    /// People and records whose erasure was ordered since the start: they answer "missing" from the moment the order is
    /// durable, also to a reader who found them before. Places and handles are never used again, so marks stay.
    dying_people: HashSet<u64>,
    dying_records: HashSet<RecordId>,
}

impl Directory {
    pub(super) fn insert(&mut self, person: &PersonId, tag: Option<&AddressTag>, place: u64) {
        put(&mut self.people, &self.hasher, *person.as_bytes(), place);
        if let Some(tag) = tag {
            put(&mut self.tags, &self.hasher, *tag, place);
        }
    }

    /// Forgets a person. The tag goes only if it still leads to this place: the address may have come again since.
    pub(super) fn remove(&mut self, person: &PersonId, tag: Option<&AddressTag>, place: u64) {
        wipe(&mut self.people, &self.hasher, person.as_bytes(), place);
        if let Some(tag) = tag {
            wipe(&mut self.tags, &self.hasher, tag, place);
        }
    }

    pub(super) fn place_of(&self, person: &PersonId) -> Option<u64> {
        look_up(&self.people, &self.hasher, person.as_bytes()).filter(|place| !self.dying_people.contains(place))
    }

    pub(super) fn find(&self, tag: &AddressTag) -> Option<u64> {
        look_up(&self.tags, &self.hasher, tag).filter(|place| !self.dying_people.contains(place))
    }

    pub(super) fn len(&self) -> u64 {
        self.people.len() as u64
    }

    pub(super) fn mark_person(&mut self, place: u64) {
        self.dying_people.insert(place);
    }

    pub(super) fn mark_record(&mut self, record: RecordId) {
        self.dying_records.insert(record);
    }

    pub(super) fn is_dying(&self, place: u64, record: Option<&RecordId>) -> bool {
        self.dying_people.contains(&place) || record.is_some_and(|record| self.dying_records.contains(record))
    }

    /// How many people and records were marked so far.
    pub(super) fn dying(&self) -> usize {
        self.dying_people.len() + self.dying_records.len()
    }
}

fn put(table: &mut HashTable<([u8; 16], u64)>, hasher: &RandomState, name: [u8; 16], place: u64) {
    let hash = hasher.hash_one(name);
    match table.entry(hash, |(n, _)| *n == name, |(n, _)| hasher.hash_one(n)) {
        Entry::Occupied(mut entry) => entry.get_mut().1 = place,
        Entry::Vacant(entry) => {
            entry.insert((name, place));
        }
    }
}

fn wipe(table: &mut HashTable<([u8; 16], u64)>, hasher: &RandomState, name: &[u8; 16], place: u64) {
    if let Ok(mut entry) = table.find_entry(hasher.hash_one(name), |(n, p)| n == name && *p == place) {
        *entry.get_mut() = ([0; 16], 0);
        entry.remove();
    }
}

fn look_up(table: &HashTable<([u8; 16], u64)>, hasher: &RandomState, name: &[u8; 16]) -> Option<u64> {
    table.find(hasher.hash_one(name), |(n, _)| n == name).map(|(_, place)| *place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_or_what_is_marked_is_dying_and_nobody_else() {
        let mut directory = Directory::default();
        let (marked, other) = (RecordId::from_bytes([1; 16]), RecordId::from_bytes([2; 16]));
        directory.mark_person(5);
        directory.mark_record(marked);
        assert!(
            directory.is_dying(5, None) && directory.is_dying(5, Some(&other)) && directory.is_dying(6, Some(&marked))
        );
        assert!(!directory.is_dying(6, None) && !directory.is_dying(6, Some(&other)));
    }

    #[test]
    fn the_address_of_somebody_erased_may_come_again() {
        let mut directory = Directory::default();
        let (old, new, tag) = (PersonId::from_bytes([1; 16]), PersonId::from_bytes([2; 16]), [7; 16]);
        directory.insert(&old, Some(&tag), 5);
        directory.mark_person(5);
        assert_eq!((directory.find(&tag), directory.place_of(&old)), (None, None));
        directory.insert(&new, Some(&tag), 9);
        assert_eq!(directory.find(&tag), Some(9));
        directory.remove(&old, Some(&tag), 5);
        assert_eq!((directory.find(&tag), directory.place_of(&new), directory.len()), (Some(9), Some(9), 1));
    }
}
