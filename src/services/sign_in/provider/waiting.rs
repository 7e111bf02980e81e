//! Sign-ins that have gone to the provider and have not come back. Each belongs to one browser, by a token in a cookie; is good for
//! one answer and for a few minutes. In memory: whoever is caught by a restart begins again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use subtle::ConstantTimeEq as _;

use crate::base::clock::Timestamp;
use crate::base::ids::{Handle, StaffId};
use crate::base::sensitive::SensitiveString;
use crate::services::bearer::{Hashed, hash};
use crate::services::sign_in::place::{Place, Shares};

/// How long somebody may take at the provider.
const LIFE: Duration = Duration::from_secs(10 * 60);
/// Of strangers at once; beyond, the oldest goes.
const MOST: usize = 10_000;
/// Of these, from one address (IPv6: one /64), as an office may stand behind it; of its site's network; of its provider's.
const MOST_OF_ONE: Shares = [100, 1000, 5000];
/// Of people with a session.
const MOST_INSIDE: usize = 1000;

/// What is waited for.
pub(super) struct Pending {
    pub(super) state: SensitiveString,
    pub(super) nonce: SensitiveString,
    pub(super) verifier: SensitiveString,
    pub(super) began: Timestamp,
    pub(super) why: Why,
    /// There was an answer to something else.
    pub(super) missed: bool,
}

/// What it is for.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// To sign in, from this place.
    SignIn(Place),
    /// To prove once more who somebody is, for a session, and then go on with a page.
    Confirm { account: StaffId, session: Handle, back: String },
}

/// All of them. People who are signed in already are not pushed out by strangers.
#[derive(Default)]
pub(in crate::services::sign_in) struct Waiting {
    outside: Mutex<HashMap<Hashed, Pending>>,
    inside: Mutex<HashMap<Hashed, Pending>>,
}

impl Waiting {
    /// Waits for the browser with this token.
    pub(super) fn put(&self, token: &str, pending: Pending) {
        let (table, most) = match pending.why {
            Why::SignIn(_) => (&self.outside, MOST),
            Why::Confirm { .. } => (&self.inside, MOST_INSIDE),
        };
        let mut open = table.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, other| pending.began.since(other.began) < LIFE);
        // Whose place has its share already pushes out its own.
        let shared = |other: &Pending, level: usize| match (&pending.why, &other.why) {
            (Why::SignIn(place), Why::SignIn(of)) => place.levels().get(level) == of.levels().get(level),
            _ => false,
        };
        let is_full = |level: usize, share: usize| open.values().filter(|other| shared(other, level)).count() >= share;
        let full = MOST_OF_ONE.into_iter().enumerate().find(|(level, share)| is_full(*level, *share));
        if let Some((level, _)) = full {
            remove_oldest(&mut open, |other| shared(other, level));
        } else if open.len() >= most {
            remove_oldest(&mut open, |_| true);
        }
        open.insert(hash(token), pending);
    }

    /// What is waited for under this token, once, by an answer with this state. An answer to something else leaves it waiting:
    /// otherwise any page could end somebody's sign-in by sending them here.
    pub(super) fn take(&self, token: &str, state: &str, now: Timestamp) -> Taken {
        let of = hash(token);
        for table in [&self.outside, &self.inside] {
            let mut open = table.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(pending) = open.get_mut(&of) else { continue };
            if now.since(pending.began) >= LIFE {
                open.remove(&of);
                return Taken::Nothing;
            }
            if !bool::from(state.as_bytes().ct_eq(pending.state.expose().as_bytes())) {
                return Taken::Another { first: !std::mem::replace(&mut pending.missed, true) };
            }
            return open.remove(&of).map_or(Taken::Nothing, |pending| Taken::This(Box::new(pending)));
        }
        Taken::Nothing
    }
}

/// What was waited for.
pub(super) enum Taken {
    /// This.
    This(Box<Pending>),
    /// Something else, which goes on waiting.
    Another {
        /// Whether it is the first time.
        first: bool,
    },
    /// Nothing, or not any more.
    Nothing,
}

fn remove_oldest(open: &mut HashMap<Hashed, Pending>, among: impl Fn(&Pending) -> bool) {
    let oldest = open.iter().filter(|(_, other)| among(other)).min_by_key(|(_, other)| other.began);
    if let Some(oldest) = oldest.map(|(hash, _)| *hash) {
        open.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000).plus(Duration::from_secs(seconds))
    }

    fn pending(why: Why, seconds: u64) -> Pending {
        let text = || SensitiveString::from("x");
        Pending { state: text(), nonce: text(), verifier: text(), began: at(seconds), why, missed: false }
    }

    fn takes(waiting: &Waiting, token: &str, seconds: u64) -> bool {
        matches!(waiting.take(token, "x", at(seconds)), Taken::This(_))
    }

    #[test]
    fn an_answer_counts_once_and_not_for_long() {
        let waiting = Waiting::default();
        waiting.put("a", pending(somebody(), 0));
        assert!(matches!(waiting.take("b", "x", at(1)), Taken::Nothing));
        assert!(takes(&waiting, "a", 1) && !takes(&waiting, "a", 1), "once");
        waiting.put("a", pending(somebody(), 0));
        assert!(!takes(&waiting, "a", 600), "too late");
    }

    /// Anybody can send a browser to the address of answers, with a state of their own.
    #[test]
    fn an_answer_to_something_else_ends_nothing() {
        let waiting = Waiting::default();
        waiting.put("a", pending(somebody(), 0));
        for (n, state) in ["", "y", "xx"].into_iter().enumerate() {
            assert!(
                matches!(waiting.take("a", state, at(1)), Taken::Another { first } if first == (n == 0)),
                "{state}"
            );
        }
        assert!(takes(&waiting, "a", 2), "it still waits");
    }

    fn v6(provider: u16, site: u16, subnet: u16) -> Why {
        Why::SignIn(Place::of(Some([provider, 0xdb8, site, subnet, 0, 0, 0, 1].into())))
    }

    fn somebody() -> Why {
        Why::SignIn(Place::of(Some([192, 0, 2, 1].into())))
    }

    #[test]
    fn each_place_pushes_out_only_its_own_and_strangers_nobody_inside() {
        let waiting = Waiting::default();
        let inside = Why::Confirm {
            account: StaffId::from_bytes([1; 16]),
            session: Handle::from_bytes([2; 16]),
            back: "/staff".to_owned(),
        };
        waiting.put("inside", pending(inside, 0));
        waiting.put("other", pending(somebody(), 0));
        let count = || waiting.outside.lock().unwrap().len();
        for n in 0..300 {
            waiting.put(&format!("t{n}"), pending(v6(1, 1, 1), 1 + n / 100));
        }
        assert_eq!(count(), 101, "of one address");
        assert!(!takes(&waiting, "t0", 9) && takes(&waiting, "t299", 9));
        for n in 0..3000 {
            waiting.put(&format!("s{n}"), pending(v6(1, 1, n % 1000), 10));
        }
        assert_eq!(count(), 1001, "of one site");
        for n in 0..9000 {
            waiting.put(&format!("p{n}"), pending(v6(1, 2 + n % 4000, 0), 11));
        }
        assert_eq!(count(), 5001, "of one provider");
        assert!(takes(&waiting, "other", 12), "nobody else was pushed out");
        // Who has as many providers as they like pushes out, but nobody who is signed in.
        for n in 0..11_000 {
            waiting.put(&format!("b{n}"), pending(v6(2 + n % 5000, 0, 0), 13));
        }
        assert_eq!(count(), MOST);
        assert!(takes(&waiting, "inside", 14));
    }
}
