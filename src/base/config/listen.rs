//! The address to listen on, as text and as sockets.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where the service listens: `localhost:PORT` (this machine only, IPv4 and IPv6), `IPV4:PORT` or `[IPV6]:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    text: String,
    addresses: Vec<SocketAddr>,
}

/// The text is not an address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an address and port: localhost:8443, 192.0.2.7:8443, [::1]:8443 or 0.0.0.0:8443")]
pub struct BadListen;

impl Listen {
    /// The sockets to bind. After the first, one that the machine does not have may be left out.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Whether nobody outside this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        self.addresses.iter().all(|a| a.ip().is_loopback())
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self::localhost(8443)
    }
}

impl Listen {
    fn localhost(port: u16) -> Self {
        let addresses = vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()];
        Self { text: format!("localhost:{port}"), addresses }
    }
}

impl std::str::FromStr for Listen {
    type Err = BadListen;

    fn from_str(text: &str) -> Result<Self, BadListen> {
        if let Some(port) = text.strip_prefix("localhost:") {
            let digits = port.bytes().all(|b| b.is_ascii_digit());
            return port.parse().ok().filter(|_| digits).map(Self::localhost).ok_or(BadListen);
        }
        let address: SocketAddr = text.parse().map_err(|_| BadListen)?;
        Ok(Self { text: text.to_owned(), addresses: vec![address] })
    }
}

impl std::fmt::Display for Listen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_address() {
        let local: Listen = "localhost:8443".parse().unwrap();
        assert_eq!(local, Listen::default());
        assert!(local.is_loopback() && local.addresses().len() == 2);
        assert!(!"0.0.0.0:443".parse::<Listen>().unwrap().is_loopback());
        assert_eq!("[::1]:0".parse::<Listen>().unwrap().to_string(), "[::1]:0");
        for bad in ["", "localhost", "8443", ":8443", "localhost:+1", "localhost:70000", "example.org:1", "::1:1x"] {
            assert_eq!(bad.parse::<Listen>(), Err(BadListen), "{bad}");
        }
    }
}
