//! The proxies whose word about a client's address is taken.

use std::net::IpAddr;

use ipnet::IpNet;

/// Most entries in the list.
const MOST: usize = 256;

/// The proxies that stand before the service, and the header in which they say whom a request came from.
///
/// One header only: a proxy that writes one of the two passes the other on as the client sent it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    trusted: Vec<IpNet>,
    /// The header that is read.
    pub header: ProxyHeader,
}

/// A header in which proxies say whom a request came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`, which nearly all of them write.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl Proxies {
    /// Puts these addresses and networks in place of the present ones.
    ///
    /// # Errors
    /// A sentence for the first that is neither.
    pub fn trust(&mut self, names: &[&str]) -> Result<(), String> {
        if names.len() > MOST {
            return Err(format!("expected at most {MOST} addresses and networks"));
        }
        self.trusted = names.iter().map(|name| network(name.trim())).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Whether `address` is one of them. An IPv4 address in the clothes of IPv6 counts as what it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|network| network.contains(&address))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.trusted.is_empty()
    }
}

fn network(name: &str) -> Result<IpNet, String> {
    let address = name.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
    address
        .or_else(|_| name.parse())
        .map_err(|_| "expected addresses and networks, for example 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_known_again() {
        let mut proxies = Proxies::default();
        proxies.trust(&["192.0.2.7", " 10.0.0.0/8", "2001:db8::/32", "::ffff:198.51.100.1"]).unwrap();
        for inside in ["192.0.2.7", "::ffff:192.0.2.7", "10.255.0.1", "2001:db8:1::1", "198.51.100.1"] {
            assert!(proxies.contains(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["192.0.2.8", "11.0.0.1", "2001:db9::1", "127.0.0.1"] {
            assert!(!proxies.contains(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_and_changes_nothing() {
        let mut proxies = Proxies::default();
        proxies.trust(&["192.0.2.7"]).unwrap();
        for bad in ["proxy.example.org", "10.0.0.0/33", "", "192.0.2.7:443"] {
            assert!(proxies.trust(&["192.0.2.9", bad]).is_err(), "{bad}");
        }
        assert!(proxies.contains("192.0.2.7".parse().unwrap()) && !proxies.contains("192.0.2.9".parse().unwrap()));
    }
}
