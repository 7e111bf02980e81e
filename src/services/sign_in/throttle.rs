//! How often a password may be tried. In memory; a restart forgets.
//!
//! From one address against one login the wait doubles, up to a quarter of an hour. From everywhere against one login it
//! grows to half a minute and no further, so that nobody can be locked out by others; and a browser that has signed in
//! before has a lane of its own, which strangers do not fill (OWASP, "device cookies").

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ring::digest;

use crate::base::clock::Timestamp;

/// Failures in one lane that cost nothing: people mistype.
const FREE: u32 = 3;
/// The same for a login as a whole.
const FREE_OF_ALL: u32 = 20;
/// The longest wait in one lane.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// The longest wait for a login as a whole.
const LONGEST_OF_ALL: Duration = Duration::from_secs(30);
/// What was tried so long ago does not count any more.
const MEMORY: Duration = Duration::from_secs(24 * 60 * 60);
/// Wrong codes of an account that cost nothing.
const FREE_CODES: u32 = 10;
/// The longest wait between two codes beyond those.
const LONGEST_OF_CODES: Duration = Duration::from_secs(60 * 60);
/// Lanes of a kind at once.
const MOST: usize = 50_000;

pub(super) type Key = [u8; 32];

/// From where a password is tried.
#[derive(Clone, Copy, Debug)]
pub(super) enum From {
    /// A browser that has signed in to this account before.
    Known([u8; 32]),
    /// Any other, by its address; of IPv6 the /64. `None` where there is no connection.
    Stranger(Option<IpAddr>),
}

/// The tries that failed.
#[derive(Default)]
pub(super) struct Throttle(Mutex<Lanes>);

#[derive(Default)]
struct Lanes {
    /// From one place against one login. When there are too many, the older half is forgotten.
    own: HashMap<Key, Lane>,
    /// From everywhere against a login that nobody has: bounded in the same way.
    unknown: HashMap<Key, Lane>,
    /// From everywhere against an account. Never forgotten for lack of room: there are as many as accounts.
    accounts: HashMap<Key, Lane>,
    /// Wrong codes after a right password, for an account.
    codes: HashMap<Key, Lane>,
}

#[derive(Clone, Copy)]
struct Lane {
    failures: u32,
    last: Timestamp,
    until: Timestamp,
}

/// A try that was begun, so that it can be taken back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Try {
    own: Key,
    all: Option<Key>,
    account: bool,
}

impl Throttle {
    /// Whether `login` may be tried now, and if so counts the try as failed until [`Throttle::succeeded`] says otherwise:
    /// many at once must not count as none. `account` says whether there is one.
    ///
    /// # Errors
    /// How long to wait.
    pub(super) fn begin(&self, login: &str, account: bool, from: From, now: Timestamp) -> Result<Try, Duration> {
        let lanes = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let strange = matches!(from, From::Stranger(_));
        let begun = Try { own: own(login, from), all: strange.then(|| all(login)), account };
        let everywhere = if account { &mut lanes.accounts } else { &mut lanes.unknown };
        let wait = wait(&lanes.own, &begun.own, now);
        let wait = begun.all.map_or(wait, |all| wait.max(self::wait(everywhere, &all, now)));
        if !wait.is_zero() {
            return Err(wait);
        }
        fail(&mut lanes.own, begun.own, FREE, LONGEST, now);
        if let Some(all) = begun.all {
            fail(everywhere, all, FREE_OF_ALL, LONGEST_OF_ALL, now);
        }
        if !account {
            make_room(&mut lanes.unknown);
        }
        make_room(&mut lanes.own);
        Ok(begun)
    }

    /// The try came to nothing that anybody could learn from: it does not count.
    pub(super) fn take_back(&self, begun: Try, now: Timestamp) {
        let lanes = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        forgive(&mut lanes.own, &begun.own, now);
        if let Some(all) = begun.all {
            forgive(if begun.account { &mut lanes.accounts } else { &mut lanes.unknown }, &all, now);
        }
    }

    /// The last try against an account was good.
    pub(super) fn succeeded(&self, login: &str, from: From, now: Timestamp) {
        let lanes = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.own.remove(&own(login, from));
        lanes.codes.remove(&all(login));
        // One good try among a thousand bad ones of others does not make those good.
        forgive(&mut lanes.accounts, &all(login), now);
    }

    /// Whether a one-time code of this account may be tried now by somebody who has given the password; counts it as wrong
    /// until [`Throttle::succeeded`]. Such codes are short, and whoever has the password could try for weeks.
    ///
    /// # Errors
    /// How long to wait: an hour at most. A recovery code and a known browser need not ask.
    pub(super) fn begin_code(&self, login: &str, now: Timestamp) -> Result<(), Duration> {
        let lanes = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = wait(&lanes.codes, &all(login), now);
        if !wait.is_zero() {
            return Err(wait);
        }
        fail(&mut lanes.codes, all(login), FREE_CODES, LONGEST_OF_CODES, now);
        Ok(())
    }
}

fn wait(lanes: &HashMap<Key, Lane>, key: &Key, now: Timestamp) -> Duration {
    lanes.get(key).map_or(Duration::ZERO, |lane| lane.until.since(now))
}

/// Takes one failure back, with the wait that it made.
fn forgive(lanes: &mut HashMap<Key, Lane>, key: &Key, now: Timestamp) {
    if let Some(lane) = lanes.get_mut(key) {
        lane.failures = lane.failures.saturating_sub(1);
        lane.until = lane.until.min(now);
    }
}

fn fail(lanes: &mut HashMap<Key, Lane>, key: Key, free: u32, longest: Duration, now: Timestamp) {
    let lane = lanes.entry(key).or_insert(Lane { failures: 0, last: now, until: now });
    if now.since(lane.last) >= MEMORY {
        lane.failures = 0;
    }
    lane.failures = lane.failures.saturating_add(1);
    lane.last = now;
    let over = lane.failures.saturating_sub(free);
    let wait = match over {
        0 => Duration::ZERO,
        over => Duration::from_secs(1_u64.checked_shl(over - 1).unwrap_or(u64::MAX)).min(longest),
    };
    lane.until = now.plus(wait);
}

/// Forgets the half that was used longest ago when there are too many: seldom, so that nobody waits for it often.
fn make_room(lanes: &mut HashMap<Key, Lane>) {
    if lanes.len() <= MOST {
        return;
    }
    let mut times: Vec<Timestamp> = lanes.values().map(|lane| lane.last).collect();
    let middle = times.len() / 2;
    let (_, middle, _) = times.select_nth_unstable(middle);
    let middle = *middle;
    lanes.retain(|_, lane| lane.last > middle);
}

fn own(login: &str, from: From) -> Key {
    match from {
        From::Known(device) => key(&[b"device", login.as_bytes(), &device]),
        From::Stranger(None) => key(&[b"nowhere", login.as_bytes()]),
        From::Stranger(Some(IpAddr::V4(address))) => key(&[b"v4", login.as_bytes(), &address.octets()]),
        From::Stranger(Some(IpAddr::V6(address))) => match address.to_ipv4_mapped() {
            Some(address) => key(&[b"v4", login.as_bytes(), &address.octets()]),
            None => key(&[b"v6", login.as_bytes(), address.octets().get(..8).unwrap_or_default()]),
        },
    }
}

fn all(login: &str) -> Key {
    key(&[b"login", login.as_bytes()])
}

/// Nothing that was typed is kept, and no key is longer than another.
pub(super) fn key(parts: &[&[u8]]) -> Key {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(last: u8) -> From {
        From::Stranger(Some(IpAddr::from([192, 0, 2, last])))
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000).plus(Duration::from_secs(seconds))
    }

    #[test]
    fn the_wait_doubles_for_one_address_and_ends_somewhere() {
        let throttle = Throttle::default();
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..16 {
            let wait = throttle.begin("jane", true, from(1), at(now)).err().unwrap_or_default();
            waits.push(wait.as_secs());
            now += wait.as_secs();
            if !wait.is_zero() {
                throttle.begin("jane", true, from(1), at(now)).unwrap();
            }
        }
        assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert!(throttle.begin("jane", true, from(2), at(now)).is_ok(), "others are not kept waiting");
        assert!(throttle.begin("sam", false, from(1), at(now)).is_ok(), "another login");
    }

    #[test]
    fn a_login_under_attack_from_everywhere_waits_half_a_minute_at_most() {
        let throttle = Throttle::default();
        let mut now = 0;
        for n in 0..200_u8 {
            while let Err(wait) = throttle.begin("jane", true, from(n), at(now)) {
                assert!(wait <= LONGEST_OF_ALL);
                now += wait.as_secs().max(1);
            }
        }
        assert!(throttle.begin("jane", true, from(250), at(now)).is_err(), "under attack");
        assert!(throttle.begin("jane", true, From::Known([7; 32]), at(now)).is_ok(), "its own browser is let through");
        assert!(throttle.begin("jane", true, from(250), at(now + 30)).is_ok());
    }

    #[test]
    fn a_good_try_clears_its_own_lane_only() {
        let throttle = Throttle::default();
        for n in 0..4 {
            throttle.begin("jane", true, from(1), at(n)).unwrap();
        }
        throttle.succeeded("jane", from(1), at(5));
        for _ in 0..3 {
            throttle.begin("jane", true, from(1), at(5)).unwrap();
            throttle.begin("jane", true, from(2), at(5)).unwrap();
        }
        throttle.begin("jane", true, from(2), at(5)).unwrap();
        throttle.succeeded("jane", from(1), at(5));
        assert!(throttle.begin("jane", true, from(2), at(5)).is_err(), "not cleared by somebody else's success");
        assert!(throttle.begin("jane", true, from(2), at(24 * 3600 + 10)).is_ok(), "forgotten after a day");
    }

    #[test]
    fn one_network_of_ipv6_is_one_address_and_the_table_is_bounded() {
        let throttle = Throttle::default();
        let v6 = |n: u16| From::Stranger(Some(IpAddr::from([0x2001, 0xdb8, 0, 0, n, 0, 0, 1])));
        for n in 0..4 {
            throttle.begin("jane", true, v6(n), at(0)).unwrap();
        }
        assert!(throttle.begin("jane", true, v6(9), at(0)).is_err());
        assert!(throttle.begin("jane", true, From::Stranger(Some("::ffff:192.0.2.1".parse().unwrap())), at(0)).is_ok());
        assert_eq!(own("a", from(1)), own("a", From::Stranger(Some("::ffff:192.0.2.1".parse().unwrap()))));
        let mut lanes = HashMap::new();
        for n in 0..3 * MOST {
            fail(&mut lanes, key(&[&n.to_be_bytes()]), 3, LONGEST, at(n as u64 / 1000));
            make_room(&mut lanes);
            assert!(lanes.len() <= MOST);
        }
        assert!(lanes.contains_key(&key(&[&(3 * MOST - 1).to_be_bytes()])), "the latest are kept");
    }

    #[test]
    fn invented_logins_do_not_push_an_account_out() {
        let throttle = Throttle::default();
        for n in 0..=FREE_OF_ALL as u8 {
            throttle.begin("jane", true, from(n), at(0)).unwrap();
        }
        for n in 0..2 * MOST {
            let _ = throttle.begin(&format!("nobody{n}"), false, from(99), at(0));
        }
        assert!(throttle.begin("jane", true, from(200), at(0)).is_err());
    }

    #[test]
    fn codes_after_a_right_password_are_few() {
        let throttle = Throttle::default();
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..26 {
            let wait = throttle.begin_code("jane", at(now)).err().unwrap_or_default().as_secs();
            waits.push(wait);
            now += wait;
            if wait > 0 {
                throttle.begin_code("jane", at(now)).unwrap();
            }
        }
        assert_eq!(waits[..13], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(waits[22..], [2048, 3600, 3600, 3600]);
        assert!(throttle.begin_code("sam", at(0)).is_ok(), "each account by itself");
        throttle.succeeded("jane", from(1), at(now));
        assert!(throttle.begin_code("jane", at(now)).is_ok());
    }

    #[test]
    fn a_try_that_was_taken_back_does_not_count() {
        let throttle = Throttle::default();
        for _ in 0..50 {
            let begun = throttle.begin("jane", true, from(1), at(0)).unwrap();
            throttle.take_back(begun, at(0));
        }
        assert!(throttle.begin("jane", true, from(1), at(0)).is_ok());
    }
}
