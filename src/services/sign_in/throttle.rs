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
/// Lanes at once; beyond, the one that was used longest ago is forgotten.
const MOST: usize = 50_000;

type Key = [u8; 32];

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
pub(super) struct Throttle(Mutex<HashMap<Key, Lane>>);

#[derive(Clone, Copy)]
struct Lane {
    failures: u32,
    last: Timestamp,
    until: Timestamp,
}

impl Throttle {
    /// Whether `login` may be tried now, and if so counts the try as failed until [`Throttle::succeeded`] says otherwise:
    /// many at once must not count as none.
    ///
    /// # Errors
    /// How long to wait.
    pub(super) fn begin(&self, login: &str, from: From, now: Timestamp) -> Result<(), Duration> {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = own(login, from);
        let all = all(login);
        let strange = matches!(from, From::Stranger(_));
        let wait = |key: &Key| lanes.get(key).map_or(Duration::ZERO, |lane| lane.until.since(now));
        let wait = if strange { wait(&own).max(wait(&all)) } else { wait(&own) };
        if !wait.is_zero() {
            return Err(wait);
        }
        fail(&mut lanes, own, FREE, LONGEST, now);
        if strange {
            fail(&mut lanes, all, FREE_OF_ALL, LONGEST_OF_ALL, now);
        }
        Ok(())
    }

    /// The last try was good.
    pub(super) fn succeeded(&self, login: &str, from: From) {
        let mut lanes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.remove(&own(login, from));
        // One good try among a thousand bad ones of others does not make those good.
        if let Some(lane) = lanes.get_mut(&all(login)) {
            lane.failures = lane.failures.saturating_sub(1);
        }
    }
}

fn fail(lanes: &mut HashMap<Key, Lane>, key: Key, free: u32, longest: Duration, now: Timestamp) {
    if lanes.len() >= MOST && !lanes.contains_key(&key) {
        lanes.retain(|_, lane| now.since(lane.last) < MEMORY);
        if lanes.len() >= MOST
            && let Some(oldest) = lanes.iter().min_by_key(|(_, lane)| lane.last).map(|(key, _)| *key)
        {
            lanes.remove(&oldest);
        }
    }
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
fn key(parts: &[&[u8]]) -> Key {
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
            let wait = throttle.begin("jane", from(1), at(now)).err().unwrap_or_default();
            waits.push(wait.as_secs());
            now += wait.as_secs();
            if !wait.is_zero() {
                throttle.begin("jane", from(1), at(now)).unwrap();
            }
        }
        assert_eq!(waits, [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert!(throttle.begin("jane", from(2), at(now)).is_ok(), "others are not kept waiting");
        assert!(throttle.begin("sam", from(1), at(now)).is_ok(), "another login");
    }

    #[test]
    fn a_login_under_attack_from_everywhere_waits_half_a_minute_at_most() {
        let throttle = Throttle::default();
        let mut now = 0;
        for n in 0..200_u8 {
            while let Err(wait) = throttle.begin("jane", from(n), at(now)) {
                assert!(wait <= LONGEST_OF_ALL);
                now += wait.as_secs().max(1);
            }
        }
        assert!(throttle.begin("jane", from(250), at(now)).is_err(), "under attack");
        assert!(throttle.begin("jane", From::Known([7; 32]), at(now)).is_ok(), "its own browser is let through");
        assert!(throttle.begin("jane", from(250), at(now + 30)).is_ok());
    }

    #[test]
    fn a_good_try_clears_its_own_lane_only() {
        let throttle = Throttle::default();
        for n in 0..4 {
            throttle.begin("jane", from(1), at(n)).unwrap();
        }
        throttle.succeeded("jane", from(1));
        for _ in 0..3 {
            throttle.begin("jane", from(1), at(5)).unwrap();
            throttle.begin("jane", from(2), at(5)).unwrap();
        }
        throttle.begin("jane", from(2), at(5)).unwrap();
        throttle.succeeded("jane", from(1));
        assert!(throttle.begin("jane", from(2), at(5)).is_err(), "not cleared by somebody else's success");
        assert!(throttle.begin("jane", from(2), at(24 * 3600 + 10)).is_ok(), "forgotten after a day");
    }

    #[test]
    fn one_network_of_ipv6_is_one_address_and_the_table_is_bounded() {
        let throttle = Throttle::default();
        let v6 = |n: u16| From::Stranger(Some(IpAddr::from([0x2001, 0xdb8, 0, 0, n, 0, 0, 1])));
        for n in 0..4 {
            throttle.begin("jane", v6(n), at(0)).unwrap();
        }
        assert!(throttle.begin("jane", v6(9), at(0)).is_err());
        assert!(throttle.begin("jane", From::Stranger(Some("::ffff:192.0.2.1".parse().unwrap())), at(0)).is_ok());
        assert_eq!(own("a", from(1)), own("a", From::Stranger(Some("::ffff:192.0.2.1".parse().unwrap()))));
        let mut lanes = HashMap::new();
        for n in 0..MOST + 10 {
            fail(&mut lanes, key(&[&n.to_be_bytes()]), 3, LONGEST, at(n as u64 / 1000));
        }
        assert_eq!(lanes.len(), MOST);
    }
}
