//! Where somebody is, as far as it tells who shares a lane: an address, and the networks around it. Whoever holds a whole network
//! has as many addresses as they like; so each network has a share, as each address has.

use std::net::{IpAddr, Ipv4Addr};

use super::throttle::{Key, key};

/// An address (of IPv6, one /64) within its networks: of IPv6 the /48 and the /32, as sites and providers get them (RFC 6177); of
/// IPv4 the /24 and the /16.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place([Key; 3]);

impl Place {
    /// That of an address; those without a connection are in one place.
    pub(super) fn of(address: Option<IpAddr>) -> Self {
        match address {
            None => Self([key(&[b"nowhere"]); 3]),
            Some(IpAddr::V4(address)) => Self::v4(address),
            Some(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
                Some(address) => Self::v4(address),
                None => {
                    let octets = address.octets();
                    Self([8, 6, 4].map(|length| key(&[b"v6", octets.get(..length).unwrap_or_default()])))
                }
            },
        }
    }

    fn v4(address: Ipv4Addr) -> Self {
        let octets = address.octets();
        Self([4, 3, 2].map(|length| key(&[b"v4", octets.get(..length).unwrap_or_default()])))
    }

    /// The address and its networks, the narrowest first.
    pub(super) const fn levels(&self) -> &[Key; 3] {
        &self.0
    }
}

/// How many of a place there may be: of one address, of the network around it, of the one around that.
pub(super) type Shares = [usize; 3];

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(one: &str, other: &str) -> usize {
        let of = |address: &str| Place::of(Some(address.parse().unwrap()));
        let (one, other) = (of(one), of(other));
        one.levels().iter().zip(other.levels()).filter(|(one, other)| one == other).count()
    }

    #[test]
    fn networks_are_nested() {
        for (one, other, levels) in [
            ("192.0.2.1", "192.0.2.1", 3),
            ("192.0.2.1", "::ffff:192.0.2.1", 3),
            ("192.0.2.1", "192.0.2.2", 2),
            ("192.0.2.1", "192.0.3.1", 1),
            ("192.0.2.1", "192.1.2.1", 0),
            ("2001:db8:1:2::1", "2001:db8:1:2:3:4:5:6", 3),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", 2),
            ("2001:db8:1:2::1", "2001:db8:2:2::1", 1),
            ("2001:db8:1:2::1", "2001:db9:1:2::1", 0),
        ] {
            assert_eq!(shared(one, other), levels, "{one} {other}");
        }
        assert_eq!(Place::of(None), Place::of(None));
    }
}
