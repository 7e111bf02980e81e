//! How the HTTPS service is set up: where it listens, which certificate it shows, and every limit it keeps.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::base::config::Proxies;
use crate::base::sensitive::SensitiveString;
use crate::services::health::Load;

/// What [`super::serve`] needs to know.
pub struct HttpConfig {
    /// Where to listen; port 0 takes a free one. Default `127.0.0.1:8443`.
    pub listen: SocketAddr,
    /// The certificate and its key.
    pub certificate: Certificate,
    /// The certificate was made by ourselves: no browser trusts it, so HSTS is never sent whatever `hsts` says.
    /// Default true.
    pub is_self_made: bool,
    /// Send `Strict-Transport-Security` (one year). Default true; without effect on a self-made certificate.
    pub hsts: bool,
    /// The proxies whose word about a client's address is taken. Default none.
    pub proxies: Proxies,
    /// The limits.
    pub limits: Limits,
    /// Told the bound address once the service listens.
    pub on_listening: Option<Box<dyn FnOnce(SocketAddr) + Send>>,
}

/// Where the certificate chain and the private key come from, both PEM.
pub enum Certificate {
    /// Two files, read at start.
    Files {
        /// The chain, the service's own certificate first.
        chain: PathBuf,
        /// The private key: PKCS#8, PKCS#1 or SEC1.
        key: PathBuf,
    },
    /// Two texts.
    Pem {
        /// The chain, the service's own certificate first.
        chain: String,
        /// The private key.
        key: SensitiveString,
    },
}

/// What a client may take: time, space, number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Seconds for the TLS handshake, and again for each request's header to arrive whole; an HTTP/1 connection may
    /// also wait no longer than this between two requests. Default 10.
    pub header_seconds: u64,
    /// Seconds a client may take over one request's body, not counting the time we make it wait. Default 300.
    pub body_seconds: u64,
    /// Slowest body accepted, in bytes a second on average, after a start of ten seconds. Default 1024.
    pub body_bytes_per_second: u64,
    /// Seconds without progress after which a connection is cut. Default 30. HTTP/2 pings do not count as progress.
    pub idle_seconds: u64,
    /// Age in seconds at which a connection is closed once nothing is in flight on it; at twice that age it is closed
    /// in any case, unless a request is being worked on. Default 900.
    pub max_age_seconds: u64,
    /// Connections at one time; more are closed at once. One address (IPv6: one /64) gets at most half of them, unless
    /// `per_address_per_minute` is 0. Default 1024.
    pub max_connections: usize,
    /// Bytes of a JSON or urlencoded body. Default 256 KiB.
    pub max_body_bytes: u64,
    /// Bytes of a multipart body, files included. Default 25 MiB.
    pub max_upload_bytes: u64,
    /// Requests a minute from one address (IPv6: one /64). 0 lifts the limit. Default 300.
    pub per_address_per_minute: u32,
    /// Submissions a minute to one form, from everybody together. 0 lifts the limit. Default 120.
    pub per_form_per_minute: u32,
    /// Submissions a minute by one server's key, whatever form and address. 0 lifts the limit. Default 600.
    pub per_key_per_minute: u32,
    /// MiB of files an hour by one server's key, whatever form and address. 0 lifts the limit. Default 4096.
    pub per_key_upload_mib_per_hour: u32,
    /// Submissions a minute to one form from one address (IPv6: one /64). 0 lifts the limit, and so does 0 for
    /// `per_address_per_minute`. Default 20.
    pub per_address_and_form_per_minute: u32,
    /// MiB of files an hour from one address. Lifted as the limit before. Default 512.
    pub upload_mib_per_hour: u32,
    /// Seconds that one of our form pages has to have been open before it is sent; a form may say otherwise. 0 lifts the
    /// limit. Default 2.
    pub min_page_seconds: u32,
    /// Requests waiting for the disk at which submissions are put off, while reading and erasing go on. 0 lifts the limit.
    /// Default 768.
    pub busy_jobs: u32,
    /// Free space on the data disk below which submissions are put off, in MiB. 0 lifts the limit, not the vault's own
    /// reserve. Default 256.
    pub min_free_mib: u64,
    /// Failed authentications a minute from one address before they are answered with 429. 0 lifts the limit.
    /// Default 20. A good token is never refused for the bad ones of others behind the same address.
    pub auth_failures_per_minute: u32,
    /// Seconds that requests in flight get to finish after a stop is asked for. Default 20.
    pub grace_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_seconds: 10,
            body_seconds: 300,
            body_bytes_per_second: 1024,
            idle_seconds: 30,
            max_age_seconds: 900,
            max_connections: 1024,
            max_body_bytes: 256 * 1024,
            max_upload_bytes: 25 * 1024 * 1024,
            per_address_per_minute: 300,
            per_form_per_minute: 120,
            per_key_per_minute: 600,
            per_key_upload_mib_per_hour: 4096,
            per_address_and_form_per_minute: 20,
            upload_mib_per_hour: 512,
            min_page_seconds: 2,
            busy_jobs: 768,
            min_free_mib: 256,
            auth_failures_per_minute: 20,
            grace_seconds: 20,
        }
    }
}

impl Limits {
    /// Whether submissions are put off under this load.
    pub(super) fn put_off(&self, load: Load) -> bool {
        let busy = self.busy_jobs > 0 && load.waiting >= self.busy_jobs as usize;
        busy || load.free_bytes < self.min_free_mib << 20
    }

    /// A duration of at least one second, so that a 0 does not cut everybody off.
    pub(super) fn seconds(value: u64) -> Duration {
        Duration::from_secs(value.max(1))
    }
}

impl HttpConfig {
    /// The defaults, with this certificate, taken to be self-made.
    pub fn new(certificate: Certificate) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8443)),
            certificate,
            is_self_made: true,
            hsts: true,
            proxies: Proxies::default(),
            limits: Limits::default(),
            on_listening: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn submissions_are_put_off_when_much_waits_or_little_room_is_left() {
        let load = |waiting, mib: u64| Load { waiting, free_bytes: mib << 20 };
        let limits = Limits { busy_jobs: 3, min_free_mib: 10, ..Limits::default() };
        assert!(!limits.put_off(load(2, 10)));
        assert!(limits.put_off(load(3, 10)) && limits.put_off(load(0, 9)));
        let lifted = Limits { busy_jobs: 0, min_free_mib: 0, ..limits };
        assert!(!lifted.put_off(load(100_000, 0)));
    }
}
