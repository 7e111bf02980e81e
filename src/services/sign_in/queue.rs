//! Who waits for a password to be hashed: not many at a time, and few from one place.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::place::Shares;
use super::throttle::Key;

/// Those that wait, or are being worked on: how many in all, and by place and network.
#[derive(Default)]
pub(super) struct Queue(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    all: usize,
    of: HashMap<(usize, Key), usize>,
}

/// A place in the queue, given back when dropped.
pub(super) struct Waiting<'a> {
    queue: &'a Queue,
    levels: [Key; 3],
}

impl Queue {
    /// One more of the place with these `levels`, while fewer than `most` wait in all, and fewer than its `shares` of it.
    pub(super) fn enter(&self, levels: &[Key; 3], most: usize, shares: Shares) -> Option<Waiting<'_>> {
        let counts = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = |(level, share): (usize, &usize)| {
            levels.get(level).and_then(|key| counts.of.get(&(level, *key))).is_none_or(|own| own < share)
        };
        if counts.all >= most || !shares.iter().enumerate().all(own) {
            return None;
        }
        counts.all += 1;
        levels.iter().enumerate().for_each(|(level, key)| *counts.of.entry((level, *key)).or_default() += 1);
        Some(Waiting { queue: self, levels: *levels })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let counts = &mut *self.queue.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all = counts.all.saturating_sub(1);
        for of in self.levels.iter().copied().enumerate() {
            match counts.of.get(&of).copied().unwrap_or(0) {
                0 | 1 => drop(counts.of.remove(&of)),
                own => drop(counts.of.insert(of, own - 1)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::sign_in::place::Place;

    fn v6(site: u16, subnet: u16) -> Place {
        Place::of(Some([0x2001, 0xdb8, site, subnet, 0, 0, 0, 1].into()))
    }

    #[test]
    fn one_place_takes_its_share_and_gives_it_back() {
        let queue = Queue::default();
        let enter = |net: u8| queue.enter(Place::of(Some([net, net, 2, 1].into())).levels(), 5, [2, 5, 5]);
        let first = [enter(1), enter(1)];
        assert!(first.iter().all(Option::is_some) && enter(1).is_none(), "two of one place");
        let others = [enter(2), enter(3), enter(4)];
        assert!(others.iter().all(Option::is_some), "the others are let in");
        assert!(enter(5).is_none(), "five in all");
        drop(first);
        assert!(enter(5).is_some() && enter(1).is_some());
        drop(others);
        let counts = queue.0.lock().unwrap();
        assert!(counts.of.is_empty() && counts.all == 0, "nothing is kept of who has gone");
    }

    #[test]
    fn whoever_holds_a_network_takes_the_share_of_a_network() {
        let queue = Queue::default();
        let enter = |place: Place| queue.enter(place.levels(), 64, [8, 16, 32]);
        let mut held: Vec<_> = (0..1000).filter_map(|n| enter(v6(1, n))).collect();
        assert_eq!(held.len(), 16, "of one site");
        held.extend((2..1000).filter_map(|n| enter(v6(n, 0))));
        assert_eq!(held.len(), 32, "of one provider");
        assert!(enter(Place::of(Some([192, 0, 2, 1].into()))).is_some(), "anybody else is let in");
    }
}
