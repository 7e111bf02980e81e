//! Who is signed in. In memory only, by the hash of a token: a restart signs everybody out.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::throttle::From;
use crate::base::clock::Timestamp;
use crate::base::entropy::{Entropy, EntropyError};
use crate::base::ids::{Handle, StaffId};
use crate::base::sensitive::SensitiveString;
use crate::services::bearer::{self, Hashed, hash};

/// A session ends when nothing was asked for so long.
pub const IDLE: Duration = Duration::from_secs(60 * 60);
/// And at the latest after so long: a working day.
pub const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);
/// Between password and code.
const BETWEEN: Duration = Duration::from_secs(5 * 60);
/// Wrong codes before the password has to be given again.
const CODES: u8 = 5;
/// Of one account at once; beyond, the one idle longest ends.
const MOST_OF_ONE: usize = 20;
/// Of all. Only whoever knows a password makes one, so that this is far away.
const MOST: usize = 20_000;

/// The sessions under way.
#[derive(Default)]
pub(super) struct Sessions(Mutex<HashMap<Hashed, Entry>>);

struct Entry {
    staff: StaffId,
    id: Handle,
    guard: Handle,
    stage: Stage,
    began: Timestamp,
    seen: Timestamp,
}

/// How far a sign-in has come.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// The password was right; so many codes may still be tried.
    Code(u8, From),
    /// Signed in.
    In,
}

/// A session, as those who use it see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose it is.
    pub staff: StaffId,
    /// Its name in lists; no secret.
    pub id: Handle,
    /// What each post carries, so that no other site can send one.
    pub guard: Handle,
    /// When it began.
    pub began: Timestamp,
    /// When it was used last.
    pub seen: Timestamp,
}

impl Sessions {
    /// The password was right: begins what a code will complete. Returns its token, as of [`bearer::make`].
    pub(super) fn begin(
        &self,
        staff: StaffId,
        from: From,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<SensitiveString, EntropyError> {
        self.add(staff, Stage::Code(CODES, from), now, entropy)
    }

    /// Signed in: a new token, so that one from before is worth nothing.
    pub(super) fn complete(
        &self,
        staff: StaffId,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<SensitiveString, EntropyError> {
        self.add(staff, Stage::In, now, entropy)
    }

    fn add(
        &self,
        staff: StaffId,
        stage: Stage,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<SensitiveString, EntropyError> {
        let token = bearer::make(entropy)?;
        let (id, guard) = (Handle::make_random(entropy)?, Handle::make_random(entropy)?);
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, entry| entry.is_alive(now));
        // What is half-way in ends nobody who is.
        let alike =
            |entry: &Entry| entry.staff == staff && matches!(entry.stage, Stage::In) == matches!(stage, Stage::In);
        let own = open.values().filter(|entry| alike(entry)).count();
        if own >= MOST_OF_ONE || open.len() >= MOST {
            let idle = open.iter().filter(|(_, entry)| own < MOST_OF_ONE || alike(entry));
            if let Some(oldest) = idle.min_by_key(|(_, entry)| entry.seen).map(|(hash, _)| *hash) {
                open.remove(&oldest);
            }
        }
        open.insert(hash(token.expose()), Entry { staff, id, guard, stage, began: now, seen: now });
        Ok(token)
    }

    /// The session of a token that is signed in.
    pub(super) fn find(&self, token: &str, now: Timestamp) -> Option<Session> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry =
            open.get_mut(&hash(token)).filter(|entry| matches!(entry.stage, Stage::In) && entry.is_alive(now))?;
        entry.seen = now;
        Some(entry.shown())
    }

    /// Whose code is waited for, and from where the password came; each asking uses up one try.
    pub(super) fn try_code(&self, token: &str, now: Timestamp) -> Option<(StaffId, From)> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = open.get_mut(&hash(token)).filter(|entry| entry.is_alive(now))?;
        match &mut entry.stage {
            Stage::Code(left, from) if *left > 0 => {
                *left -= 1;
                Some((entry.staff, *from))
            }
            _ => None,
        }
    }

    /// Whether a code is waited for.
    pub(super) fn waits(&self, token: &str, now: Timestamp) -> bool {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(&hash(token)).is_some_and(|entry| matches!(entry.stage, Stage::Code(1.., _)) && entry.is_alive(now))
    }

    /// The sessions of an account, latest first.
    pub(super) fn of(&self, staff: StaffId, now: Timestamp) -> Vec<Session> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open
            .values()
            .filter(|entry| entry.staff == staff && matches!(entry.stage, Stage::In) && entry.is_alive(now));
        let mut out: Vec<Session> = own.map(Entry::shown).collect();
        out.sort_by_key(|session| std::cmp::Reverse((session.seen, session.id)));
        out
    }

    /// Ends a session.
    pub(super) fn end(&self, token: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&hash(token));
    }

    /// Ends one of an account's sessions by its name. Whether there was one.
    pub(super) fn end_one(&self, staff: StaffId, id: Handle) -> bool {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = open.len();
        open.retain(|_, entry| entry.staff != staff || entry.id != id);
        open.len() < before
    }

    /// Ends every session of an account, what is half-way in too.
    pub(super) fn end_all(&self, staff: StaffId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, entry| entry.staff != staff);
    }
}

impl Entry {
    fn is_alive(&self, now: Timestamp) -> bool {
        match self.stage {
            Stage::Code(..) => now.since(self.began) < BETWEEN,
            Stage::In => now.since(self.seen) < IDLE && now.since(self.began) < LONGEST,
        }
    }

    fn shown(&self) -> Session {
        Session { staff: self.staff, id: self.id, guard: self.guard, began: self.began, seen: self.seen }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SystemEntropy;

    fn at(minutes: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000).plus(Duration::from_secs(60 * minutes))
    }

    fn jane() -> StaffId {
        StaffId::from_bytes([1; 16])
    }

    #[test]
    fn a_session_ends_when_idle_and_after_a_working_day() {
        let (sessions, entropy) = (Sessions::default(), SystemEntropy::new());
        let token = sessions.complete(jane(), at(0), &entropy).unwrap();
        assert_eq!(sessions.find(token.expose(), at(59)).unwrap().staff, jane());
        assert!(sessions.find(token.expose(), at(118)).is_some());
        assert!(sessions.find(token.expose(), at(178)).is_none(), "an hour without a word");
        let token = sessions.complete(jane(), at(0), &entropy).unwrap();
        for n in (0..720).step_by(30) {
            assert!(sessions.find(token.expose(), at(n)).is_some(), "{n}");
        }
        assert!(sessions.find(token.expose(), at(720)).is_none());
    }

    #[test]
    fn the_password_alone_opens_nothing_and_codes_are_few() {
        let (sessions, entropy) = (Sessions::default(), SystemEntropy::new());
        let token = sessions.begin(jane(), From::Stranger(None), at(0), &entropy).unwrap();
        assert!(sessions.find(token.expose(), at(0)).is_none());
        assert!(sessions.of(jane(), at(0)).is_empty());
        for _ in 0..CODES {
            assert!(sessions.waits(token.expose(), at(1)));
            assert_eq!(sessions.try_code(token.expose(), at(1)).unwrap().0, jane());
        }
        assert!(sessions.try_code(token.expose(), at(1)).is_none());
        assert!(!sessions.waits(token.expose(), at(1)));
        let late = sessions.begin(jane(), From::Stranger(None), at(0), &entropy).unwrap();
        assert!(sessions.try_code(late.expose(), at(5)).is_none(), "five minutes at most");
        let signed = sessions.complete(jane(), at(0), &entropy).unwrap();
        assert!(sessions.try_code(signed.expose(), at(0)).is_none());
    }

    #[test]
    fn sessions_are_ended_one_by_one_and_all_at_once() {
        let (sessions, entropy) = (Sessions::default(), SystemEntropy::new());
        let sam = StaffId::from_bytes([2; 16]);
        let [a, b] = [(); 2].map(|()| sessions.complete(jane(), at(0), &entropy).unwrap());
        let other = sessions.complete(sam, at(0), &entropy).unwrap();
        let id = sessions.find(a.expose(), at(0)).unwrap().id;
        assert!(!sessions.end_one(sam, id), "not somebody else's");
        assert!(sessions.end_one(jane(), id));
        assert!(sessions.find(a.expose(), at(0)).is_none() && sessions.find(b.expose(), at(0)).is_some());
        let half = sessions.begin(jane(), From::Stranger(None), at(0), &entropy).unwrap();
        sessions.end_all(jane());
        assert!(sessions.find(b.expose(), at(0)).is_none() && !sessions.waits(half.expose(), at(0)));
        sessions.end(other.expose());
        assert!(sessions.find(other.expose(), at(0)).is_none());
    }

    #[test]
    fn one_account_has_so_many_and_ends_its_own() {
        let (sessions, entropy) = (Sessions::default(), SystemEntropy::new());
        let sam = sessions.complete(StaffId::from_bytes([2; 16]), at(0), &entropy).unwrap();
        let first = sessions.complete(jane(), at(1), &entropy).unwrap();
        for _ in 0..MOST_OF_ONE {
            sessions.complete(jane(), at(2), &entropy).unwrap();
        }
        assert_eq!(sessions.of(jane(), at(2)).len(), MOST_OF_ONE);
        assert!(sessions.find(first.expose(), at(2)).is_none());
        assert!(sessions.find(sam.expose(), at(2)).is_some());
    }
}
