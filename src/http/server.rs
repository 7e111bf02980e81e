//! Listening, serving, stopping.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use axum_server::{Handle, Server};

use super::body::Pace;
use super::config::{HttpConfig, Limits};
use super::conn::Guard;
use super::gate::Gate;
use super::layers::Outer;
use super::rates::Rates;
use super::{Shown, Web, routes, tls};
use crate::base::config::Proxies;
use crate::base::ids::RequestId;
use crate::services::{App, keys, newsletter, statistics};

/// Why the service did not start or did not go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    /// The address cannot be listened on: taken, or not ours.
    #[error("cannot listen on {address}: {}", advice(*reason))]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// The kind of failure.
        reason: io::ErrorKind,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
    /// The listener failed later.
    #[error("the listener failed: {0}")]
    Failed(io::ErrorKind),
}

/// What kept us from listening, and what to do about it.
fn advice(reason: io::ErrorKind) -> String {
    match reason {
        io::ErrorKind::AddrInUse => "another program listens there; stop it, or choose another address or port",
        io::ErrorKind::AddrNotAvailable => "this machine has no such address; choose one that it has",
        io::ErrorKind::PermissionDenied => "not allowed; ports below 1024 need a privilege, so choose a higher one",
        other => return other.to_string(),
    }
    .to_owned()
}

/// Serves until `shutdown` is done, then takes no more and gives what is in flight `grace_seconds` to finish.
/// Returns once every connection has ended; the caller closes the [`App`] afterwards.
///
/// # Errors
/// [`ServeError`] when it cannot start, or when the listener fails.
pub async fn serve(
    app: Arc<App>,
    config: HttpConfig,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let HttpConfig { listen, certificate, is_self_made, hsts, proxies, limits, on_listening } = config;
    let tls = tls::server_config(&certificate)?;
    let shown = Shown { ends: tls::ends(&certificate), is_self_made };
    drop(certificate);
    let (entropy, ring) = (app.clone(), app.clone());
    let outer = Outer {
        new_id: Box::new(move || RequestId::make_random(entropy.entropy()).ok()),
        // A browser that once saw HSTS refuses the warning page of a self-made certificate for a year.
        hsts: hsts && !is_self_made,
        proxies: proxies.clone(),
        key_for: Box::new(move |token, form| keys::live_for(&ring, token, form)),
        rates: Rates::new(&limits),
        pace: Pace::of(&limits),
        languages: app.languages().clone(),
        operator: app.operator().clone(),
    };
    let gate = Gate::new(app.entropy()).map_err(|_| ServeError::NoRandomness)?;
    let web = Arc::new(Web { app, limits: limits.clone(), outer: Arc::new(outer), gate, shown });
    let counting = tokio::spawn(statistics::keep(web.app.clone()));
    let sweeping = tokio::spawn(newsletter::keep(web.app.clone()));
    let served = run(listen, tls, routes::router(web), &limits, proxies, on_listening, shutdown).await;
    for beside in [counting, sweeping] {
        beside.abort();
        // Until it has let go of the application.
        let _ = beside.await;
    }
    served
}

/// [`serve`] for any router, so that the limits can be tested without a vault.
pub(super) async fn run(
    listen: SocketAddr,
    tls: Arc<rustls::ServerConfig>,
    router: Router,
    limits: &Limits,
    proxies: Proxies,
    on_listening: Option<Box<dyn FnOnce(SocketAddr) + Send>>,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let bind = |e: &io::Error| ServeError::Bind { address: listen, reason: e.kind() };
    let listener = std::net::TcpListener::bind(listen).map_err(|e| bind(&e))?;
    let address = listener.local_addr().map_err(|e| bind(&e))?;

    let header = Limits::seconds(limits.header_seconds);
    let idle = Limits::seconds(limits.idle_seconds);
    // Half for one address, so that no single client can shut all others out; who lifts the limit of requests from one
    // address (a proxy, a load test) lifts this with it.
    let share = if limits.per_address_per_minute == 0 { limits.max_connections } else { limits.max_connections / 2 };
    let guard = Guard::new(limits.max_connections, share, proxies, idle, Limits::seconds(limits.max_age_seconds));
    let acceptor = RustlsAcceptor::new(RustlsConfig::from_config(tls)).handshake_timeout(header).acceptor(guard);
    let handle = Handle::new();
    let mut server: Server<SocketAddr, _> = axum_server::from_tcp(listener)
        .map_err(|e| bind(&e))?
        .acceptor(acceptor)
        .handle(handle.clone())
        // Until the first request is there nothing else bounds the wait, on either protocol.
        .first_request_timeout(header)
        // The address is left out on purpose: nothing about clients goes to the log.
        .accept_error_handler(
            |_, e| tracing::debug!(target: "letterlock::http", kind = ?e.kind(), "connection refused"),
        );
    server.http_builder().http1().header_read_timeout(header).max_headers(64).max_buf_size(64 * 1024);
    server
        .http_builder()
        .http2()
        .max_concurrent_streams(100)
        .max_header_list_size(16 * 1024)
        .max_pending_accept_reset_streams(16)
        .max_local_error_reset_streams(64)
        .max_send_buf_size(64 * 1024)
        .initial_stream_window_size(256 * 1024)
        .initial_connection_window_size(1024 * 1024)
        // Finds peers that are gone; it keeps nobody alive, because pings are not progress (see `conn`).
        .keep_alive_interval(idle)
        .keep_alive_timeout(header);

    if let Some(announce) = on_listening {
        announce(address);
    }
    let grace = Duration::from_secs(limits.grace_seconds);
    let stop = async {
        shutdown.await;
        handle.graceful_shutdown(Some(grace));
        std::future::pending::<()>().await;
    };
    tokio::select! {
        served = server.serve(router.into_make_service()) => served.map_err(|e| ServeError::Failed(e.kind())),
        () = stop => Ok(()),
    }
}

#[cfg(test)]
mod tests;
