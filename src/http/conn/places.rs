//! How many connections there are, in all and from each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::config::Proxies;
use crate::http::rates::Source;

/// The places for connections.
#[derive(Clone)]
pub(super) struct Places {
    max: usize,
    share: usize,
    /// Who may take more than a share.
    proxies: Arc<Proxies>,
    /// By source; never more entries than there are connections.
    taken: Arc<Mutex<HashMap<Source, usize>>>,
}

impl Places {
    /// `max` places in all, at most `share` of them for one address (IPv6: one /64); at least one each.
    pub(super) fn new(max: usize, share: usize, proxies: Proxies) -> Self {
        Self { max: max.max(1), share: share.max(1), proxies: Arc::new(proxies), taken: Arc::default() }
    }

    /// A place, until it is dropped; `None` when there is none left.
    pub(super) fn take(&self, address: IpAddr) -> Option<Place> {
        let source = Source::of(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let share = if self.proxies.contains(address) { self.max } else { self.share };
        if taken.values().sum::<usize>() >= self.max || taken.get(&source).is_some_and(|n| *n >= share) {
            return None;
        }
        *taken.entry(source).or_default() += 1;
        Some(Place { source, taken: self.taken.clone() })
    }
}

/// A place taken.
pub(super) struct Place {
    source: Source,
    taken: Arc<Mutex<HashMap<Source, usize>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(n) = taken.get_mut(&self.source) {
            *n -= 1;
            if *n == 0 {
                taken.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_them_all() {
        let places = Places::new(3, 2, Proxies::default());
        let (a, b) = ("192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap());
        let held = [places.take(a).unwrap(), places.take(a).unwrap()];
        assert!(places.take(a).is_none());
        let last = places.take(b).unwrap();
        assert!(places.take("2001:db8:1::1".parse().unwrap()).is_none());
        drop(held);
        assert!(places.take(a).is_some());
        drop(last);
        assert!(places.taken.lock().unwrap().is_empty());
    }

    #[test]
    fn a_trusted_proxy_may_take_them_all() {
        let mut proxies = Proxies::default();
        proxies.trust(&["192.0.2.1"]).unwrap();
        let places = Places::new(3, 1, proxies);
        let (proxy, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let held = [places.take(proxy), places.take(proxy), places.take(other)];
        assert!(held.iter().all(Option::is_some) && places.take(proxy).is_none());
    }
}
