//! One connection: how many there may be, how long each may idle and live, and what is in flight on it.
//!
//! axum-server and hyper bound the handshake and the header of a request. What they leave open is closed here: the
//! number of connections, a connection that goes quiet after its first request (HTTP/2 above all, where pings keep
//! the bytes flowing), a reader that takes nothing, and one that never leaves.

mod places;
mod service;
mod stream;

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::base::config::Proxies;
use places::Places;
pub(super) use service::ConnService;
pub(super) use stream::GuardedStream;

/// Takes a connection in or turns it away.
#[derive(Clone)]
pub(super) struct Guard {
    places: Places,
    idle: Duration,
    age: Duration,
}

impl Guard {
    /// A guard for `max` connections, of which one address gets at most `share`; each idle no longer than `idle` and
    /// not much older than `age`.
    /// The share is no limit for `proxies`: behind each of them are many.
    pub(super) fn new(max: usize, share: usize, proxies: Proxies, idle: Duration, age: Duration) -> Self {
        Self { places: Places::new(max, share, proxies), idle, age }
    }
}

impl<S> Accept<TcpStream, S> for Guard {
    type Stream = GuardedStream<TcpStream>;
    type Service = ConnService<S>;
    type Future = std::future::Ready<io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        // The stream is dropped, hence closed, on each of the early returns.
        let remote = stream.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |a| a.ip());
        std::future::ready(match self.places.take(remote) {
            None => Err(io::Error::other("too many connections")),
            Some(place) => {
                // Answers are small and written whole; waiting to fill a packet only delays them.
                let _ = stream.set_nodelay(true);
                let conn = Arc::new(Conn::new(remote, self.idle, self.age));
                Ok((GuardedStream::new(stream, conn.clone(), place), ConnService::new(service, conn)))
            }
        })
    }
}

/// What is known about a connection. Every request on it carries this as an extension.
#[derive(Debug)]
pub(super) struct Conn {
    remote: IpAddr,
    born: Instant,
    idle: Duration,
    age: Duration,
    http2: AtomicBool,
    /// Requests whose answer is not written to the end.
    in_flight: AtomicU32,
    /// Requests whose answer has not begun.
    handling: AtomicU32,
    /// Milliseconds from `born` to the last progress.
    progress: AtomicU64,
}

impl Conn {
    pub(super) fn new(remote: IpAddr, idle: Duration, age: Duration) -> Self {
        Self {
            remote,
            born: Instant::now(),
            idle,
            age,
            http2: AtomicBool::new(false),
            in_flight: AtomicU32::new(0),
            handling: AtomicU32::new(0),
            progress: AtomicU64::new(0),
        }
    }

    /// The peer's address, from the socket. Whom a request is counted for, [`super::client::Client`] knows.
    pub(super) fn remote(&self) -> IpAddr {
        self.remote
    }

    /// Whether the connection is past half its age, so that an HTTP/1 answer should be its last.
    pub(super) fn is_ageing(&self) -> bool {
        self.born.elapsed() > self.age / 2
    }

    /// A request or an answer moved on.
    pub(super) fn note_progress(&self) {
        let now = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.progress.fetch_max(now, Ordering::Relaxed);
    }

    /// Bytes moved. On HTTP/2 they may be mere pings, so there only requests count.
    fn note_bytes(&self) {
        if !self.http2.load(Ordering::Relaxed) {
            self.note_progress();
        }
    }

    /// A piece of an answer was taken. On HTTP/1 it may lie in a buffer, so there only bytes count.
    fn note_piece(&self) {
        if self.http2.load(Ordering::Relaxed) {
            self.note_progress();
        }
    }

    /// When to look again; `None` when the connection is to be cut now.
    fn next_check(&self, now: Instant) -> Option<Instant> {
        // While we work on a request the silence is ours. The body being read then has limits of its own.
        if self.handling.load(Ordering::Acquire) > 0 {
            return Some(now + self.idle);
        }
        let idle_until = self.born + Duration::from_millis(self.progress.load(Ordering::Relaxed)) + self.idle;
        let busy = self.in_flight.load(Ordering::Acquire) > 0;
        let old_at = self.born + if busy { self.age * 2 } else { self.age };
        let until = idle_until.min(old_at);
        (until > now).then_some(until)
    }
}

#[cfg(test)]
mod tests;
