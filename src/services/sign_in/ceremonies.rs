//! What people were asked about passkeys and codes and have not answered yet. Each is for one token (of a session, of half a sign-in, of an
//! invitation), good for one answer and for a few minutes. In memory: whoever is caught by a restart presses the button again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::base::clock::Timestamp;
use crate::crypto::passkey::{Making, Proving};
use crate::crypto::totp::TotpSecret;
use crate::services::bearer::{Hashed, hash};

/// How long an answer may take.
const LIFE: Duration = Duration::from_secs(5 * 60);
/// Of each kind at once; beyond, the oldest goes.
const MOST: usize = 10_000;

/// What was asked.
#[derive(Default)]
pub(super) struct Ceremonies {
    /// To make a passkey: by people with a session or an invitation.
    making: Kind<Making>,
    /// To prove one: after the right password.
    proving: Kind<Proving>,
    /// To show the first code of a new authenticator program: by people with a session.
    codes: Kind<TotpSecret>,
    /// To prove any: by strangers, whose number pushes nobody out of the others.
    asking: Kind<Proving>,
}

impl Ceremonies {
    pub(super) fn making(&self) -> &Kind<Making> {
        &self.making
    }

    pub(super) fn proving(&self) -> &Kind<Proving> {
        &self.proving
    }

    pub(super) fn codes(&self) -> &Kind<TotpSecret> {
        &self.codes
    }

    pub(super) fn asking(&self) -> &Kind<Proving> {
        &self.asking
    }
}

/// Questions of a kind, by the hash of the token that they are for.
pub(super) struct Kind<T>(Mutex<HashMap<Hashed, (T, Timestamp)>>);

impl<T> Default for Kind<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Kind<T> {
    /// Puts a question; an earlier one for the same token is void.
    pub(super) fn put(&self, token: &str, question: T, now: Timestamp) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MOST {
            open.retain(|_, (_, asked)| now.since(*asked) < LIFE);
        }
        if open.len() >= MOST
            && let Some(oldest) = open.iter().min_by_key(|(_, (_, asked))| *asked).map(|(hash, _)| *hash)
        {
            open.remove(&oldest);
        }
        open.insert(hash(token), (question, now));
    }

    /// The question of this token, once.
    pub(super) fn take(&self, token: &str, now: Timestamp) -> Option<T> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&hash(token));
        taken.filter(|(_, asked)| now.since(*asked) < LIFE).map(|(question, _)| question)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000).plus(Duration::from_secs(seconds))
    }

    #[test]
    fn a_question_is_good_once_for_its_token_and_not_for_long() {
        let kind = Kind::default();
        kind.put("a", 1, at(0));
        assert_eq!(kind.take("b", at(0)), None);
        assert_eq!((kind.take("a", at(1)), kind.take("a", at(1))), (Some(1), None));
        kind.put("a", 1, at(0));
        kind.put("a", 2, at(1));
        assert_eq!(kind.take("a", at(2)), Some(2), "the later one");
        kind.put("a", 3, at(0));
        assert_eq!(kind.take("a", at(300)), None, "too late");
    }

    #[test]
    fn there_are_only_so_many() {
        let kind = Kind::default();
        for n in 0..MOST + 5 {
            kind.put(&n.to_string(), n, at(n as u64 / 100));
        }
        assert_eq!(kind.0.lock().unwrap().len(), MOST);
        assert_eq!(kind.take(&(MOST + 4).to_string(), at(100)), Some(MOST + 4), "the latest are kept");
        kind.put("late", 0, at(10_000));
        kind.put("later", 0, at(10_000));
        assert_eq!(kind.0.lock().unwrap().len(), 2, "and those that are over go first");
    }
}
