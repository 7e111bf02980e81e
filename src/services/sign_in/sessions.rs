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
/// How long somebody who has proven who they are may do what is grave, before they are asked again.
pub const FRESH: Duration = Duration::from_secs(10 * 60);
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
    proven: Timestamp,
}

/// How far a sign-in has come.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// The password was right; so many codes may still be tried.
    Code(u8, From),
    /// Signed in.
    In(Factor),
}

/// What made a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Factor {
    /// The password, and a code of the authenticator program.
    Code,
    /// The password, and a recovery code.
    Recovery,
    /// The password, and a passkey.
    Passkey,
    /// A passkey and nothing else.
    PasskeyAlone,
    /// The provider says so.
    Provider,
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
    /// When its holder last proved who they are.
    pub proven: Timestamp,
    /// What made it.
    pub by: Factor,
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
        self.add(staff, Stage::Code(CODES, from), now, now, entropy)
    }

    /// Signed in: a new token, so that one from before is worth nothing.
    pub(super) fn complete(
        &self,
        staff: StaffId,
        by: Factor,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<SensitiveString, EntropyError> {
        self.begin_proven(staff, by, now, now, entropy)
    }

    /// As [`Sessions::complete`], for somebody who has proven at another time who they are.
    pub(super) fn begin_proven(
        &self,
        staff: StaffId,
        by: Factor,
        proven: Timestamp,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<SensitiveString, EntropyError> {
        self.add(staff, Stage::In(by), proven, now, entropy)
    }

    fn add(
        &self,
        staff: StaffId,
        stage: Stage,
        proven: Timestamp,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<SensitiveString, EntropyError> {
        let token = bearer::make(entropy)?;
        let (id, guard) = (Handle::make_random(entropy)?, Handle::make_random(entropy)?);
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, entry| entry.is_alive(now));
        // What is half-way in ends nobody who is.
        let alike = |entry: &Entry| {
            entry.staff == staff && matches!(entry.stage, Stage::In(_)) == matches!(stage, Stage::In(_))
        };
        let own = open.values().filter(|entry| alike(entry)).count();
        if own >= MOST_OF_ONE || open.len() >= MOST {
            let idle = open.iter().filter(|(_, entry)| own < MOST_OF_ONE || alike(entry));
            if let Some(oldest) = idle.min_by_key(|(_, entry)| entry.seen).map(|(hash, _)| *hash) {
                open.remove(&oldest);
            }
        }
        open.insert(hash(token.expose()), Entry { staff, id, guard, stage, began: now, seen: now, proven });
        Ok(token)
    }

    /// The session of a token that is signed in.
    pub(super) fn find(&self, token: &str, now: Timestamp) -> Option<Session> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = open.get_mut(&hash(token)).filter(|entry| entry.is_alive(now))?;
        let shown = entry.shown()?;
        entry.seen = now;
        Some(Session { seen: now, ..shown })
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

    /// Whose code is waited for.
    pub(super) fn waits(&self, token: &str, now: Timestamp) -> Option<StaffId> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = open.get(&hash(token)).filter(|entry| entry.is_alive(now))?;
        matches!(entry.stage, Stage::Code(1.., _)).then_some(entry.staff)
    }

    /// The sessions of an account, latest first.
    pub(super) fn of(&self, staff: StaffId, now: Timestamp) -> Vec<Session> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.values().filter(|entry| entry.staff == staff && entry.is_alive(now));
        let mut out: Vec<Session> = own.filter_map(Entry::shown).collect();
        out.sort_by_key(|session| std::cmp::Reverse((session.seen, session.id)));
        out
    }

    /// Whether an account has this session.
    pub(super) fn has(&self, staff: StaffId, id: Handle, now: Timestamp) -> bool {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.values().any(|entry| (entry.staff, entry.id) == (staff, id) && entry.is_alive(now))
    }

    /// The holder of a session has proven once more who they are.
    pub(super) fn confirm(&self, session: Handle, now: Timestamp) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = open.values_mut().find(|entry| entry.id == session) {
            entry.proven = now;
        }
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

    /// Ends every session of an account but one, what is half-way in too.
    pub(super) fn end_others(&self, staff: StaffId, kept: Handle) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, entry| entry.staff != staff || entry.id == kept);
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
            Stage::In(_) => now.since(self.seen) < IDLE && now.since(self.began) < LONGEST,
        }
    }

    /// As it is shown, once it is one.
    fn shown(&self) -> Option<Session> {
        let Stage::In(by) = self.stage else { return None };
        let Self { staff, id, guard, began, seen, proven, .. } = *self;
        Some(Session { staff, id, guard, began, seen, proven, by })
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
        let token = sessions.complete(jane(), Factor::Code, at(0), &entropy).unwrap();
        assert_eq!(sessions.find(token.expose(), at(59)).unwrap().staff, jane());
        assert!(sessions.find(token.expose(), at(118)).is_some());
        assert!(sessions.find(token.expose(), at(178)).is_none(), "an hour without a word");
        let token = sessions.complete(jane(), Factor::Code, at(0), &entropy).unwrap();
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
            assert!(sessions.waits(token.expose(), at(1)).is_some());
            assert_eq!(sessions.try_code(token.expose(), at(1)).unwrap().0, jane());
        }
        assert!(sessions.try_code(token.expose(), at(1)).is_none());
        assert!(sessions.waits(token.expose(), at(1)).is_none());
        let late = sessions.begin(jane(), From::Stranger(None), at(0), &entropy).unwrap();
        assert!(sessions.try_code(late.expose(), at(5)).is_none(), "five minutes at most");
        let signed = sessions.complete(jane(), Factor::Code, at(0), &entropy).unwrap();
        assert!(sessions.try_code(signed.expose(), at(0)).is_none());
    }

    #[test]
    fn sessions_are_ended_one_by_one_and_all_at_once() {
        let (sessions, entropy) = (Sessions::default(), SystemEntropy::new());
        let sam = StaffId::from_bytes([2; 16]);
        let [a, b] = [(); 2].map(|()| sessions.complete(jane(), Factor::Code, at(0), &entropy).unwrap());
        let other = sessions.complete(sam, Factor::Code, at(0), &entropy).unwrap();
        let id = sessions.find(a.expose(), at(0)).unwrap().id;
        assert!(!sessions.end_one(sam, id), "not somebody else's");
        assert!(sessions.end_one(jane(), id));
        assert!(sessions.find(a.expose(), at(0)).is_none() && sessions.find(b.expose(), at(0)).is_some());
        let half = sessions.begin(jane(), From::Stranger(None), at(0), &entropy).unwrap();
        sessions.end_all(jane());
        assert!(sessions.find(b.expose(), at(0)).is_none() && sessions.waits(half.expose(), at(0)).is_none());
        sessions.end(other.expose());
        assert!(sessions.find(other.expose(), at(0)).is_none());
    }

    #[test]
    fn who_somebody_is_was_proven_at_sign_in_and_is_proven_anew() {
        let (sessions, entropy) = (Sessions::default(), SystemEntropy::new());
        let [here, there] = [(); 2].map(|()| sessions.complete(jane(), Factor::Code, at(0), &entropy).unwrap());
        let proven = |token: &SensitiveString, now: u64| sessions.find(token.expose(), at(now)).unwrap().proven;
        assert_eq!((proven(&here, 20), proven(&there, 20)), (at(0), at(0)), "not by being used");
        sessions.confirm(sessions.find(here.expose(), at(20)).unwrap().id, at(20));
        assert_eq!((proven(&here, 30), proven(&there, 30)), (at(20), at(0)), "of one session only");
        sessions.end_others(jane(), sessions.find(here.expose(), at(30)).unwrap().id);
        assert!(sessions.find(here.expose(), at(30)).is_some() && sessions.find(there.expose(), at(30)).is_none());
    }

    #[test]
    fn one_account_has_so_many_and_ends_its_own() {
        let (sessions, entropy) = (Sessions::default(), SystemEntropy::new());
        let sam = sessions.complete(StaffId::from_bytes([2; 16]), Factor::Code, at(0), &entropy).unwrap();
        let first = sessions.complete(jane(), Factor::Code, at(1), &entropy).unwrap();
        for _ in 0..MOST_OF_ONE {
            sessions.complete(jane(), Factor::Code, at(2), &entropy).unwrap();
        }
        assert_eq!(sessions.of(jane(), at(2)).len(), MOST_OF_ONE);
        assert!(sessions.find(first.expose(), at(2)).is_none());
        assert!(sessions.find(sam.expose(), at(2)).is_some());
    }
}
