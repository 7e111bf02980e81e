//! Visits to the page that a receipt opens: who has shown a receipt in this browser, for a while. In memory only: nothing on
//! disk says who came, and a restart ends every visit.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::time::Duration;

use super::{Mailbox, Own};
use crate::base::clock::Timestamp;
use crate::base::entropy::{Entropy, EntropyError};
use crate::base::ids::Handle;
use crate::base::sensitive::SensitiveString;
use crate::services::bearer::{self, Hashed, hash};

/// A visit ends when nothing was asked for so long.
const IDLE: Duration = Duration::from_secs(20 * 60);
/// And at the latest after so long.
const LONGEST: Duration = Duration::from_secs(4 * 60 * 60);
/// At once. Beyond it, the one that was idle longest ends.
const MOST: usize = 10_000;
/// At once to the same submission or person: whoever holds one receipt must not end the visits of others.
const MOST_OF_ONE: usize = 20;
/// Posts remembered for each visit.
const MOST_POSTS: usize = 200;

/// By what somebody came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The receipt of a submission.
    Receipt(Own),
    /// A link that was mailed to the person.
    Mailbox(Mailbox),
}

/// The visits under way, by the hash of their token.
#[derive(Default)]
pub struct Visits(Mutex<HashMap<Hashed, Entry>>);

struct Entry {
    who: Who,
    visit: Visit,
    began: Timestamp,
    seen: Timestamp,
    posts: HashSet<Handle>,
}

/// A visit under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The submission that is open: the one whose receipt was shown, or one chosen out of the person's.
    pub own: Option<Own>,
    /// The person, for who came by a link that was mailed to their address.
    pub person: Option<Mailbox>,
    /// What each post of this visit carries, so that no other site can send one.
    pub guard: Handle,
}

impl Visits {
    /// Begins a visit. Returns the token for its cookie: 256 random bits, 43 characters.
    ///
    /// # Errors
    /// Without randomness.
    pub fn begin(&self, who: Who, now: Timestamp, entropy: &dyn Entropy) -> Result<SensitiveString, EntropyError> {
        let token = bearer::make(entropy)?;
        let guard = Handle::make_random(entropy)?;
        let visit = match who {
            Who::Receipt(own) => Visit { own: Some(own), person: None, guard },
            Who::Mailbox(person) => Visit { own: None, person: Some(person), guard },
        };
        if let Ok(mut open) = self.0.lock() {
            open.retain(|_, entry| entry.is_alive(now));
            let same = open.values().filter(|entry| entry.who == who).count() >= MOST_OF_ONE;
            let idle = open.iter().filter(|(_, entry)| !same || entry.who == who).min_by_key(|(_, entry)| entry.seen);
            if (same || open.len() >= MOST)
                && let Some(oldest) = idle.map(|(hash, _)| *hash)
            {
                open.remove(&oldest);
            }
            open.insert(hash(token.expose()), Entry { who, visit, began: now, seen: now, posts: HashSet::new() });
        }
        Ok(token)
    }

    /// The visit of a token; `None` when it has ended or never was.
    pub fn find(&self, token: &str, now: Timestamp) -> Option<Visit> {
        let mut open = self.0.lock().ok()?;
        let entry = open.get_mut(&hash(token)).filter(|entry| entry.is_alive(now))?;
        entry.seen = now;
        Some(entry.visit)
    }

    /// Whether a post is new. A double click sends the same `once` twice: the second is not stored again.
    pub fn is_new_post(&self, token: &str, once: Handle) -> bool {
        let Ok(mut open) = self.0.lock() else { return true };
        // Ended meanwhile: better a message twice than one lost.
        let Some(entry) = open.get_mut(&hash(token)) else { return true };
        if entry.posts.len() >= MOST_POSTS {
            entry.posts.clear();
        }
        entry.posts.insert(once)
    }

    /// A post was turned down: the same may be tried again.
    pub fn forget_post(&self, token: &str, once: Handle) {
        if let Ok(mut open) = self.0.lock()
            && let Some(entry) = open.get_mut(&hash(token))
        {
            entry.posts.remove(&once);
        }
    }

    /// Ends a visit.
    pub fn end(&self, token: &str) {
        if let Ok(mut open) = self.0.lock() {
            open.remove(&hash(token));
        }
    }

    /// Opens another submission in a visit by mailbox, or none: back to all of them.
    pub(super) fn choose(&self, token: &str, own: Option<Own>) {
        if let Ok(mut open) = self.0.lock()
            && let Some(entry) = open.get_mut(&hash(token)).filter(|entry| entry.visit.person.is_some())
        {
            entry.visit.own = own;
        }
    }

    /// Ends every visit to a submission: it was erased. Who came by mailbox goes back to all that are left.
    pub fn end_all(&self, own: Own) {
        if let Ok(mut open) = self.0.lock() {
            open.retain(|_, entry| entry.visit.own != Some(own) || entry.visit.person.is_some());
            open.values_mut().filter(|entry| entry.visit.own == Some(own)).for_each(|entry| entry.visit.own = None);
        }
    }
}

impl Entry {
    fn is_alive(&self, now: Timestamp) -> bool {
        now.since(self.seen) < IDLE && now.since(self.began) < LONGEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SystemEntropy;
    use crate::base::ids::RecordId;

    const START: Timestamp = Timestamp::from_millis(1_000_000);

    fn own(n: u8) -> Own {
        Own(RecordId::from_bytes([n; 16]))
    }

    fn begun(visits: &Visits, n: u8, at: Timestamp) -> String {
        visits.begin(Who::Receipt(own(n)), at, &SystemEntropy::new()).unwrap().expose().to_owned()
    }

    #[test]
    fn a_visit_ends_when_idle_in_the_end_and_when_told() {
        let visits = Visits::default();
        let token = begun(&visits, 1, START);
        assert_eq!(token.len(), 43);
        let minutes = |n: u64| START.plus(Duration::from_secs(60 * n));
        assert_eq!(visits.find(&token, minutes(19)).and_then(|visit| visit.own), Some(own(1)));
        assert!(visits.find(&token, minutes(38)).is_some(), "asked in between");
        assert_eq!(visits.find(&token, minutes(58)), None);

        let token = begun(&visits, 1, START);
        for n in (0..240).step_by(10) {
            assert!(visits.find(&token, minutes(n)).is_some(), "{n}");
        }
        assert_eq!(visits.find(&token, minutes(240)), None, "never longer than that");

        let token = begun(&visits, 1, START);
        visits.end(&token);
        assert_eq!(visits.find(&token, START), None);
        assert_eq!(visits.find("", START), None);
    }

    #[test]
    fn an_erased_submission_has_no_visits() {
        let visits = Visits::default();
        let tokens = [begun(&visits, 1, START), begun(&visits, 1, START), begun(&visits, 2, START)];
        visits.end_all(own(1));
        assert_eq!(tokens.map(|token| visits.find(&token, START).is_some()), [false, false, true]);
    }

    #[test]
    fn who_came_by_mailbox_goes_from_one_submission_to_the_next() {
        let visits = Visits::default();
        let mailbox = Mailbox(crate::base::ids::PersonId::from_bytes([9; 16]));
        let token = visits.begin(Who::Mailbox(mailbox), START, &SystemEntropy::new()).unwrap();
        let open = || visits.find(token.expose(), START).unwrap().own;
        assert_eq!(open(), None);
        visits.choose(token.expose(), Some(own(1)));
        assert_eq!(open(), Some(own(1)));
        visits.end_all(own(1));
        assert_eq!(open(), None, "erased: back to the others");
        let receipt = begun(&visits, 2, START);
        visits.choose(&receipt, Some(own(3)));
        assert_eq!(visits.find(&receipt, START).unwrap().own, Some(own(2)), "a receipt opens its own only");
    }

    #[test]
    fn the_table_is_bounded_and_the_longest_idle_goes() {
        let visits = Visits::default();
        let first = begun(&visits, 1, START);
        let second = begun(&visits, 2, START.plus(Duration::from_millis(1)));
        let later = START.plus(Duration::from_millis(2));
        let of = |n: usize| {
            let mut record = [3; 16];
            record[..8].copy_from_slice(&n.to_be_bytes());
            Who::Receipt(Own(RecordId::from_bytes(record)))
        };
        for n in 2..=MOST {
            visits.begin(of(n), later, &SystemEntropy::new()).unwrap();
        }
        assert_eq!(visits.0.lock().unwrap().len(), MOST);
        assert_eq!([&first, &second].map(|token| visits.find(token, later).is_some()), [false, true]);
        // Many visits by one receipt end each other only.
        for _ in 0..3 * MOST_OF_ONE {
            begun(&visits, 9, later);
        }
        assert_eq!(
            visits.0.lock().unwrap().values().filter(|entry| entry.visit.own == Some(own(9))).count(),
            MOST_OF_ONE
        );
        assert!(visits.find(&second, later).is_some() || visits.0.lock().unwrap().len() == MOST);
    }

    #[test]
    fn a_post_counts_once() {
        let visits = Visits::default();
        let (token, once) = (begun(&visits, 1, START), Handle::from_bytes([1; 16]));
        assert_eq!([(); 2].map(|()| visits.is_new_post(&token, once)), [true, false]);
        visits.forget_post(&token, once);
        assert!(visits.is_new_post(&token, once));
        for n in 0..=MOST_POSTS {
            let mut other = [2; 16];
            other[..8].copy_from_slice(&n.to_be_bytes());
            assert!(visits.is_new_post(&token, Handle::from_bytes(other)), "never taken for a repeat: {n}");
        }
    }
}
