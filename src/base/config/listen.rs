//! The address to listen on.

use std::net::{Ipv4Addr, SocketAddr};

/// Where the service listens: `localhost:PORT` (this machine only, 127.0.0.1), `IPV4:PORT` or `[IPV6]:PORT`. Port 0
/// takes a free one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    text: String,
    address: SocketAddr,
}

/// The text is not an address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an address and port: localhost:8443, 192.0.2.7:8443, [::1]:8443 or 0.0.0.0:8443")]
pub struct BadListen;

impl Listen {
    /// The socket to bind.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The host as it stands in URLs: `localhost`, or the address (in brackets for IPv6).
    pub fn host(&self) -> &str {
        self.text.rsplit_once(':').map_or("", |(host, _)| host)
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self::localhost(8443)
    }
}

impl Listen {
    fn localhost(port: u16) -> Self {
        Self { text: format!("localhost:{port}"), address: (Ipv4Addr::LOCALHOST, port).into() }
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
        Ok(Self { text: text.to_owned(), address })
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
        assert_eq!((local.address(), local.host()), ("127.0.0.1:8443".parse().unwrap(), "localhost"));
        assert_eq!("[::1]:443".parse::<Listen>().unwrap().host(), "[::1]");
        assert_eq!("[::1]:0".parse::<Listen>().unwrap().to_string(), "[::1]:0");
        for bad in ["", "localhost", "8443", ":8443", "localhost:+1", "localhost:70000", "example.org:1", "::1:1x"] {
            assert_eq!(bad.parse::<Listen>(), Err(BadListen), "{bad}");
        }
    }
}
