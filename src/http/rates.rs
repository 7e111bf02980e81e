//! How often: per address, per form, and for failed authentications. Each may be lifted by 0.
//!
//! The address is the socket's; headers such as `X-Forwarded-For` are the client's word and are never read. The table
//! of addresses is bounded: when it is full of recent ones, further addresses share coarse buckets instead.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::config::Limits;
use crate::domain::form::FormId;

/// Addresses remembered one by one.
const MOST_ADDRESSES: usize = 50_000;
/// Buckets shared by the addresses beyond that.
const BUCKETS: u64 = 4096;
/// The size of the table is looked at once in so many requests.
const LOOK_EVERY: u32 = 256;

/// How long to wait before the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait(pub(super) Duration);

/// All limits of frequency.
pub(super) struct Rates {
    addresses: Option<Addresses>,
    failures: Option<Addresses>,
    forms: Option<RateLimiter<FormId, DashMapStateStore<FormId>, DefaultClock>>,
    clock: DefaultClock,
}

impl Rates {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            addresses: per_minute(limits.per_address_per_minute).map(|q| Addresses::new(q, MOST_ADDRESSES)),
            failures: per_minute(limits.auth_failures_per_minute).map(|q| Addresses::new(q, MOST_ADDRESSES)),
            forms: per_minute(limits.per_form_per_minute).map(RateLimiter::dashmap),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request from `address`.
    pub(super) fn request(&self, address: IpAddr) -> Result<(), Wait> {
        self.addresses.as_ref().map_or(Ok(()), |a| a.check(address, &self.clock))
    }

    /// Counts a failed authentication from `address`.
    pub(super) fn failure(&self, address: IpAddr) -> Result<(), Wait> {
        self.failures.as_ref().map_or(Ok(()), |a| a.check(address, &self.clock))
    }

    /// Counts a submission to `form`, which must exist: that is what bounds this table.
    pub(super) fn submission(&self, form: &FormId) -> Result<(), Wait> {
        let Some(limiter) = &self.forms else { return Ok(()) };
        limiter.check_key(form).map_err(|not_until| Wait(not_until.wait_time_from(self.clock.now())))
    }
}

fn per_minute(n: u32) -> Option<Quota> {
    NonZeroU32::new(n).map(Quota::per_minute)
}

/// Whom a request or a connection is counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Source {
    V4(Ipv4Addr),
    /// The /64: one customer of a provider has all of it.
    V6([u16; 4]),
    Bucket(u64),
}

impl Source {
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(a) => Self::V4(a),
            IpAddr::V6(a) => match a.to_ipv4_mapped() {
                Some(a) => Self::V4(a),
                None => Self::V6(network(a)),
            },
        }
    }
}

fn network(a: Ipv6Addr) -> [u16; 4] {
    let s = a.segments();
    [s[0], s[1], s[2], s[3]]
}

struct Addresses {
    limiter: RateLimiter<Source, DashMapStateStore<Source>, DefaultClock>,
    most: usize,
    full: AtomicBool,
    count: AtomicU32,
    // Seeded at random, so that nobody can aim at another's bucket.
    hasher: RandomState,
}

impl Addresses {
    fn new(quota: Quota, most: usize) -> Self {
        Self {
            limiter: RateLimiter::dashmap(quota),
            most,
            full: AtomicBool::new(false),
            count: AtomicU32::new(0),
            hasher: RandomState::new(),
        }
    }

    fn check(&self, address: IpAddr, clock: &DefaultClock) -> Result<(), Wait> {
        if self.count.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOK_EVERY) {
            self.look();
        }
        let mut source = Source::of(address);
        if self.full.load(Ordering::Relaxed) {
            source = Source::Bucket(self.hasher.hash_one(source) % BUCKETS);
        }
        self.limiter.check_key(&source).map_err(|not_until| Wait(not_until.wait_time_from(clock.now())))
    }

    /// Forgets addresses whose limit is whole again, and decides whether the rest have to share.
    fn look(&self) {
        if self.limiter.len() < self.most {
            self.full.store(false, Ordering::Relaxed);
            return;
        }
        self.limiter.retain_recent();
        self.limiter.shrink_to_fit();
        self.full.store(self.limiter.len() >= self.most, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(address: u32, form: u32, failures: u32) -> Rates {
        Rates::new(&Limits {
            per_address_per_minute: address,
            per_form_per_minute: form,
            auth_failures_per_minute: failures,
            ..Limits::default()
        })
    }

    #[test]
    fn an_address_is_limited_alone() {
        let rates = rates(2, 0, 0);
        let (a, b) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert_eq!(rates.request(a), Ok(()));
        assert_eq!(rates.request(a), Ok(()));
        let Err(Wait(wait)) = rates.request(a) else { panic!("the third passed") };
        assert!(wait <= Duration::from_secs(30), "{wait:?}");
        assert_eq!(rates.request(b), Ok(()));
    }

    #[test]
    fn an_ipv6_network_counts_as_one_and_mapped_ipv4_as_ipv4() {
        let rates = rates(1, 0, 0);
        assert_eq!(rates.request("2001:db8:0:1::1".parse().unwrap()), Ok(()));
        assert!(rates.request("2001:db8:0:1:ffff::2".parse().unwrap()).is_err());
        assert_eq!(rates.request("2001:db8:0:2::1".parse().unwrap()), Ok(()));
        assert_eq!(rates.request("192.0.2.1".parse().unwrap()), Ok(()));
        assert!(rates.request("::ffff:192.0.2.1".parse().unwrap()).is_err());
    }

    #[test]
    fn zero_lifts() {
        let rates = rates(0, 0, 0);
        let form: FormId = "contact".parse().unwrap();
        for _ in 0..10_000 {
            assert_eq!(rates.request(Ipv4Addr::LOCALHOST.into()), Ok(()));
            assert_eq!(rates.failure(Ipv4Addr::LOCALHOST.into()), Ok(()));
            assert_eq!(rates.submission(&form), Ok(()));
        }
    }

    #[test]
    fn forms_and_failures_have_limits_of_their_own() {
        let rates = rates(0, 1, 1);
        let (a, b): (FormId, FormId) = ("contact".parse().unwrap(), "support".parse().unwrap());
        assert_eq!(rates.submission(&a), Ok(()));
        assert!(rates.submission(&a).is_err());
        assert_eq!(rates.submission(&b), Ok(()));
        assert_eq!(rates.failure(Ipv4Addr::LOCALHOST.into()), Ok(()));
        assert!(rates.failure(Ipv4Addr::LOCALHOST.into()).is_err());
    }

    #[test]
    fn the_table_is_bounded() {
        let addresses = Addresses::new(Quota::per_minute(NonZeroU32::MIN), 1000);
        let clock = DefaultClock::default();
        for n in 0..50_000u32 {
            let _ = addresses.check(IpAddr::V4(Ipv4Addr::from(n)), &clock);
        }
        let bound = 1000 + LOOK_EVERY as usize + usize::try_from(BUCKETS).unwrap();
        assert!(addresses.limiter.len() <= bound, "{}", addresses.limiter.len());
    }
}
