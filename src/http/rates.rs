//! How often and how much: per address, per form, per address and form, per key of a server, for failed authentications, for
//! links that unsubscribe, and for uploads. Each may be lifted by 0.
//!
//! Whose address counts, [`super::client`] knows. The tables live in memory and are bounded: when one is full of recent
//! clients, further ones share coarse buckets instead.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::config::Limits;
use crate::base::ids::KeyId;
use crate::domain::form::FormId;

/// Addresses remembered one by one.
const MOST_ADDRESSES: usize = 50_000;
/// Buckets shared by the addresses beyond that.
const BUCKETS: u64 = 4096;
/// How often a minute a link that leads to somebody is followed: far more than its person, or a mail program for them, needs.
const PER_LINK: u32 = 30;
/// The size of the table is looked at once in so many requests.
const LOOK_EVERY: u32 = 256;

/// How long to wait before the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait(pub(super) Duration);

/// All limits of frequency.
pub(super) struct Rates {
    addresses: Option<Table<Source>>,
    failures: Option<Table<Source>>,
    /// In KiB.
    uploads: Option<Table<Source>>,
    senders: Option<Table<(Source, FormId)>>,
    forms: Option<RateLimiter<FormId, DashMapStateStore<FormId>, DefaultClock>>,
    keys: Option<RateLimiter<KeyId, DashMapStateStore<KeyId>, DefaultClock>>,
    /// In KiB.
    key_uploads: Option<RateLimiter<KeyId, DashMapStateStore<KeyId>, DefaultClock>>,
    links: Option<Table<String>>,
    clock: DefaultClock,
}

impl Rates {
    pub(super) fn new(limits: &Limits) -> Self {
        // Whoever lifts the limit of an address (a load test, a proxy that is not named) lifts what hangs on it.
        let of_address = |n: u32| if limits.per_address_per_minute == 0 { 0 } else { n };
        let uploads = NonZeroU32::new(of_address(limits.upload_mib_per_hour).saturating_mul(1024));
        let key_uploads = NonZeroU32::new(limits.per_key_upload_mib_per_hour.saturating_mul(1024));
        let senders = per_minute(of_address(limits.per_address_and_form_per_minute));
        Self {
            addresses: per_minute(limits.per_address_per_minute).map(|q| Table::new(q, MOST_ADDRESSES)),
            failures: per_minute(limits.auth_failures_per_minute).map(|q| Table::new(q, MOST_ADDRESSES)),
            uploads: uploads.map(|kib| Table::new(Quota::per_hour(kib), MOST_ADDRESSES)),
            senders: senders.map(|q| Table::new(q, MOST_ADDRESSES)),
            forms: per_minute(limits.per_form_per_minute).map(RateLimiter::dashmap),
            keys: per_minute(limits.per_key_per_minute).map(RateLimiter::dashmap),
            key_uploads: key_uploads.map(|kib| RateLimiter::dashmap(Quota::per_hour(kib))),
            links: per_minute(of_address(PER_LINK)).map(|q| Table::new(q, MOST_ADDRESSES)),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request from `address`.
    pub(super) fn request(&self, address: IpAddr) -> Result<(), Wait> {
        self.addresses.as_ref().map_or(Ok(()), |table| table.check(Source::of(address), NonZeroU32::MIN, &self.clock))
    }

    /// Counts a failed authentication from `address`.
    pub(super) fn failure(&self, address: IpAddr) -> Result<(), Wait> {
        self.failures.as_ref().map_or(Ok(()), |table| table.check(Source::of(address), NonZeroU32::MIN, &self.clock))
    }

    /// Counts a submission from `address` to `form`, which must exist: that is what bounds the table of forms. What one
    /// address sends too often is not counted for everybody.
    pub(super) fn submission(&self, form: &FormId, address: Option<IpAddr>) -> Result<(), Wait> {
        if let (Some(senders), Some(address)) = (&self.senders, address) {
            senders.check((Source::of(address), form.clone()), NonZeroU32::MIN, &self.clock)?;
        }
        let Some(limiter) = &self.forms else { return Ok(()) };
        limiter.check_key(form).map_err(|not_until| Wait(not_until.wait_time_from(self.clock.now())))
    }

    /// Counts a request by the key `id`, which must be one: that is what bounds the table. It counts neither for its address
    /// nor for the form: a server speaks for many people.
    pub(super) fn keyed(&self, id: &KeyId) -> Result<(), Wait> {
        let Some(limiter) = &self.keys else { return Ok(()) };
        limiter.check_key(id).map_err(|not_until| Wait(not_until.wait_time_from(self.clock.now())))
    }

    /// Counts that a link was followed which leads to somebody: that is what bounds the table.
    pub(super) fn link(&self, token: &str) -> Result<(), Wait> {
        self.links.as_ref().map_or(Ok(()), |table| table.check(token.to_owned(), NonZeroU32::MIN, &self.clock))
    }

    /// Counts `kib` KiB of files from `address`.
    pub(super) fn upload(&self, address: IpAddr, kib: NonZeroU32) -> Result<(), Wait> {
        self.uploads.as_ref().map_or(Ok(()), |table| table.check(Source::of(address), kib, &self.clock))
    }

    /// Counts `kib` KiB of files by the key `id`, as of [`Rates::keyed`].
    fn keyed_upload(&self, id: &KeyId, kib: NonZeroU32) -> Result<(), Wait> {
        let Some(limiter) = &self.key_uploads else { return Ok(()) };
        // No piece of a body is an hour's worth.
        match limiter.check_key_n(id, kib) {
            Ok(Err(not_until)) => Err(Wait(not_until.wait_time_from(self.clock.now()))),
            Ok(Ok(())) => Ok(()),
            Err(_) => Err(Wait(Duration::from_secs(60 * 60))),
        }
    }
}

/// For whom the files of a request are counted.
#[derive(Clone, Copy)]
pub(super) enum Payer {
    /// Nobody: there is no connection.
    Nobody,
    /// The address that it comes from.
    Address(IpAddr),
    /// The key of a server.
    Key(KeyId),
}

impl Payer {
    /// The address of a request, where there is one.
    pub(super) fn of(address: Option<IpAddr>) -> Self {
        address.map_or(Self::Nobody, Self::Address)
    }
}

/// Counts the bytes of one request's files.
pub(super) struct Meter {
    payer: Payer,
    /// Not counted yet; less than a KiB.
    carry: usize,
}

impl Meter {
    pub(super) const fn new(payer: Payer) -> Self {
        Self { payer, carry: 0 }
    }

    /// A file begins, which counts as a KiB in itself: it makes work even when it is empty.
    pub(super) fn begin(&mut self, rates: &Rates) -> Result<(), Wait> {
        self.count(rates, 1024)
    }

    /// `bytes` more of a file.
    pub(super) fn count(&mut self, rates: &Rates, bytes: usize) -> Result<(), Wait> {
        let bytes = self.carry + bytes;
        self.carry = bytes % 1024;
        let kib = u32::try_from(bytes / 1024).unwrap_or(u32::MAX);
        let Some(kib) = NonZeroU32::new(kib) else { return Ok(()) };
        match self.payer {
            Payer::Nobody => Ok(()),
            Payer::Address(address) => rates.upload(address, kib),
            Payer::Key(id) => rates.keyed_upload(&id, kib),
        }
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
}

impl Source {
    /// As bytes, for a hash.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::V4(a) => a.octets().to_vec(),
            Self::V6(network) => network.iter().flat_map(|n| n.to_be_bytes()).collect(),
        }
    }

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

/// Who has a limit: one alone, or all those of a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Slot<K> {
    Own(K),
    Shared(u64),
}

struct Table<K: Clone + Hash + Eq> {
    limiter: RateLimiter<Slot<K>, DashMapStateStore<Slot<K>>, DefaultClock>,
    burst: NonZeroU32,
    most: usize,
    full: AtomicBool,
    count: AtomicU32,
    // Seeded at random, so that nobody can aim at another's bucket.
    hasher: RandomState,
}

impl<K: Clone + Hash + Eq> Table<K> {
    fn new(quota: Quota, most: usize) -> Self {
        Self {
            limiter: RateLimiter::dashmap(quota),
            burst: quota.burst_size(),
            most,
            full: AtomicBool::new(false),
            count: AtomicU32::new(0),
            hasher: RandomState::new(),
        }
    }

    fn check(&self, key: K, n: NonZeroU32, clock: &DefaultClock) -> Result<(), Wait> {
        if self.count.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOK_EVERY) {
            self.look();
        }
        let full = self.full.load(Ordering::Relaxed);
        let slot = if full { Slot::Shared(self.hasher.hash_one(&key) % BUCKETS) } else { Slot::Own(key) };
        match self.limiter.check_key_n(&slot, n.min(self.burst)) {
            Ok(Err(not_until)) => Err(Wait(not_until.wait_time_from(clock.now()))),
            // More than the burst is never asked for.
            Ok(Ok(())) | Err(_) => Ok(()),
        }
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
            per_address_and_form_per_minute: 0,
            ..Limits::default()
        })
    }

    fn address(n: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, n).into()
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
            assert_eq!(rates.submission(&form, Some(Ipv4Addr::LOCALHOST.into())), Ok(()));
            assert_eq!(rates.upload(Ipv4Addr::LOCALHOST.into(), NonZeroU32::MAX), Ok(()));
        }
    }

    #[test]
    fn forms_and_failures_have_limits_of_their_own() {
        let rates = rates(0, 1, 1);
        let (a, b): (FormId, FormId) = ("contact".parse().unwrap(), "support".parse().unwrap());
        assert_eq!(rates.submission(&a, None), Ok(()));
        assert!(rates.submission(&a, None).is_err());
        assert_eq!(rates.submission(&b, None), Ok(()));
        assert_eq!(rates.failure(Ipv4Addr::LOCALHOST.into()), Ok(()));
        assert!(rates.failure(Ipv4Addr::LOCALHOST.into()).is_err());
    }

    #[test]
    fn one_address_uses_up_its_own_share_of_a_form() {
        let rates = Rates::new(&Limits {
            per_address_per_minute: 100,
            per_address_and_form_per_minute: 2,
            per_form_per_minute: 4,
            ..Limits::default()
        });
        let (a, b): (FormId, FormId) = ("contact".parse().unwrap(), "support".parse().unwrap());
        let send = |form, n| rates.submission(form, Some(address(n))).is_ok();
        assert_eq!([send(&a, 1), send(&a, 1), send(&a, 1), send(&a, 1)], [true, true, false, false]);
        // What was refused is not counted for the form: the next address has two left.
        assert_eq!([send(&b, 1), send(&a, 2), send(&a, 2), send(&a, 3)], [true, true, true, false]);
    }

    #[test]
    fn uploads_are_counted_by_the_kib_over_all_requests() {
        let rates = Rates::new(&Limits { upload_mib_per_hour: 1, ..Limits::default() });
        let meter = |n| Meter::new(Payer::Address(address(n)));
        let mut first = meter(1);
        for _ in 0..1023 {
            assert_eq!(first.count(&rates, 1000), Ok(()));
        }
        let mut second = meter(1);
        assert_eq!(second.count(&rates, 24 * 1024), Ok(()));
        // Far more than comes back while this runs, however slowly.
        let Err(Wait(wait)) = second.count(&rates, 64 * 1024) else { panic!("more than a MiB passed") };
        assert!(wait <= Duration::from_secs(226), "{wait:?}");
        assert_eq!(meter(2).begin(&rates), Ok(()));
    }

    #[test]
    fn a_key_pays_for_its_files_itself() {
        let limits = Limits { upload_mib_per_hour: 1, per_key_upload_mib_per_hour: 2, ..Limits::default() };
        let rates = Rates::new(&limits);
        let meter = |n| Meter::new(Payer::Key(KeyId::from_bytes([n; 16])));
        assert_eq!(meter(1).count(&rates, 1 << 20), Ok(()));
        assert_eq!(meter(1).count(&rates, 1 << 20), Ok(()));
        assert!(meter(1).count(&rates, 64 * 1024).is_err(), "two MiB an hour");
        assert!(meter(2).count(&rates, 3 << 20).is_err(), "more at once than an hour has");
        assert_eq!(meter(2).begin(&rates), Ok(()), "each key by itself");
        let lifted = Rates::new(&Limits { per_key_upload_mib_per_hour: 0, ..limits });
        assert_eq!(meter(1).count(&lifted, 1 << 30), Ok(()));
    }

    #[test]
    fn the_table_is_bounded() {
        let addresses = Table::new(Quota::per_minute(NonZeroU32::MIN), 1000);
        let clock = DefaultClock::default();
        for n in 0..50_000u32 {
            let _ = addresses.check(Source::V4(Ipv4Addr::from(n)), NonZeroU32::MIN, &clock);
        }
        let bound = 1000 + LOOK_EVERY as usize + usize::try_from(BUCKETS).unwrap();
        assert!(addresses.limiter.len() <= bound, "{}", addresses.limiter.len());
    }
}
