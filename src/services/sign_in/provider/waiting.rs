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
use crate::services::sign_in::throttle::Key;

/// How long somebody may take at the provider.
const LIFE: Duration = Duration::from_secs(10 * 60);
/// Of strangers at once; beyond, the oldest goes.
const MOST: usize = 10_000;
/// Of these, from one address (IPv6: one /64): an office may stand behind it.
const MOST_OF_ONE: usize = 100;
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
    SignIn(Key),
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
        let of_one = |other: &Pending| matches!(other.why, Why::SignIn(_)) && other.why == pending.why;
        if open.values().filter(|other| of_one(other)).count() >= MOST_OF_ONE {
            remove_oldest(&mut open, of_one);
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
        waiting.put("a", pending(Why::SignIn([1; 32]), 0));
        assert!(matches!(waiting.take("b", "x", at(1)), Taken::Nothing));
        assert!(takes(&waiting, "a", 1) && !takes(&waiting, "a", 1), "once");
        waiting.put("a", pending(Why::SignIn([1; 32]), 0));
        assert!(!takes(&waiting, "a", 600), "too late");
    }

    /// Anybody can send a browser to the address of answers, with a state of their own.
    #[test]
    fn an_answer_to_something_else_ends_nothing() {
        let waiting = Waiting::default();
        waiting.put("a", pending(Why::SignIn([1; 32]), 0));
        for (n, state) in ["", "y", "xx"].into_iter().enumerate() {
            assert!(
                matches!(waiting.take("a", state, at(1)), Taken::Another { first } if first == (n == 0)),
                "{state}"
            );
        }
        assert!(takes(&waiting, "a", 2), "it still waits");
    }

    #[test]
    fn one_address_pushes_out_only_its_own_and_strangers_nobody_inside() {
        let waiting = Waiting::default();
        let inside = Why::Confirm {
            account: StaffId::from_bytes([1; 16]),
            session: Handle::from_bytes([2; 16]),
            back: "/staff".to_owned(),
        };
        waiting.put("inside", pending(inside, 0));
        waiting.put("other", pending(Why::SignIn([9; 32]), 0));
        for n in 0..3 * MOST_OF_ONE {
            waiting.put(&format!("t{n}"), pending(Why::SignIn([1; 32]), 1 + n as u64 / 100));
        }
        assert_eq!(waiting.outside.lock().unwrap().len(), MOST_OF_ONE + 1);
        assert!(!takes(&waiting, "t0", 9) && takes(&waiting, "t299", 9));
        for n in 0..2 * MOST as u32 {
            let mut place = [7; 32];
            place[..4].copy_from_slice(&n.to_be_bytes());
            waiting.put(&format!("p{n}"), pending(Why::SignIn(place), 10));
            if n > MOST as u32 + 200 {
                break;
            }
        }
        assert!(waiting.outside.lock().unwrap().len() <= MOST);
        assert!(!takes(&waiting, "other", 11) && takes(&waiting, "inside", 11));
    }
}
