//! Who waits for a password to be hashed: not many at a time, and few from one place.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::throttle::Key;

/// Those that wait, or are being worked on, by place.
#[derive(Default)]
pub(super) struct Queue(Mutex<HashMap<Key, usize>>);

/// A place in the queue, given back when dropped.
pub(super) struct Waiting<'a> {
    queue: &'a Queue,
    place: Key,
}

impl Queue {
    /// A place for one more, while fewer than `most` wait in all, and fewer than `of_one` of this place.
    pub(super) fn enter(&self, place: Key, most: usize, of_one: usize) -> Option<Waiting<'_>> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, own) = (waiting.values().sum::<usize>(), waiting.get(&place).copied().unwrap_or(0));
        if all >= most || own >= of_one {
            return None;
        }
        waiting.insert(place, own + 1);
        Some(Waiting { queue: self, place })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiting = self.queue.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = waiting.get(&self.place).map_or(0, |own| own.saturating_sub(1));
        if left == 0 {
            waiting.remove(&self.place);
        } else {
            waiting.insert(self.place, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_takes_its_share_and_gives_it_back() {
        let queue = Queue::default();
        let enter = |place: u8| queue.enter([place; 32], 5, 2);
        let first = [enter(1), enter(1)];
        assert!(first.iter().all(Option::is_some) && enter(1).is_none(), "two of one place");
        let others = [enter(2), enter(3), enter(4)];
        assert!(others.iter().all(Option::is_some), "the others are let in");
        assert!(enter(5).is_none(), "five in all");
        drop(first);
        assert!(enter(5).is_some() && enter(1).is_some());
        drop(others);
        assert!(queue.0.lock().unwrap().is_empty(), "nothing is kept of who has gone");
    }
}
