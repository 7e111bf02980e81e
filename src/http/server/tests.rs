//! Slow, silent and greedy clients against a small router, over real TLS.

use super::*;
use crate::base::clock::Timestamp;
use crate::http::config::Certificate;
use axum::routing::{get, post};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::oneshot;

struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<Result<(), ServeError>>,
}

fn tight() -> Limits {
    Limits { header_seconds: 1, idle_seconds: 1, max_age_seconds: 3, grace_seconds: 3, ..Limits::default() }
}

async fn start(limits: Limits) -> Running {
    let (chain, key) = tls::make_self_signed(&[], Timestamp::from_millis(1_795_453_726_042)).unwrap();
    let tls = tls::server_config(&Certificate::Pem { chain, key }).unwrap();
    let router = Router::new()
        .route("/", get(|| async { "hello" }))
        .route(
            "/work",
            get(|| async {
                tokio::time::sleep(Duration::from_millis(1800)).await;
                "done"
            }),
        )
        .route("/big", get(|| async { vec![7u8; 32 << 20] }))
        .route("/take", post(|body: axum::body::Bytes| async move { body.len().to_string() }));
    let (tell, told) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let announce = Box::new(move |a| tell.send(a).unwrap());
    let task = tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        run(listen, tls, router, &limits, Proxies::default(), Some(announce), stopped).await
    });
    Running { address: told.await.unwrap(), stop: Some(stop), task }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

async fn plain(running: &Running) -> tokio::net::TcpStream {
    tokio::net::TcpStream::connect(running.address).await.unwrap()
}

async fn tls(running: &Running, alpn: &str) -> Box<dyn Stream> {
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    let name = "localhost".try_into().unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    Box::new(connector.connect(name, plain(running).await).await.unwrap())
}

/// Seconds until the peer closes, reading what comes.
async fn until_closed(stream: &mut (impl AsyncRead + Unpin + ?Sized)) -> f64 {
    let started = Instant::now();
    let mut buffer = [0; 4096];
    let read = async { while !matches!(stream.read(&mut buffer).await, Ok(0) | Err(_)) {} };
    tokio::time::timeout(Duration::from_secs(15), read).await.expect("the connection was never closed");
    started.elapsed().as_secs_f64()
}

#[derive(Debug)]
struct Anybody;

impl rustls::client::danger::ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &rustls_pki_types::CertificateDer<'_>,
        _: &[rustls_pki_types::CertificateDer<'_>],
        _: &rustls_pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls_pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &rustls_pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &rustls_pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

#[tokio::test]
async fn silence_before_and_after_the_handshake_is_cut() {
    let running = start(tight()).await;
    assert!(until_closed(&mut plain(&running).await).await < 4.0);
    for alpn in ["http/1.1", "h2"] {
        assert!(until_closed(&mut *tls(&running, alpn).await).await < 4.0, "{alpn}");
    }
}

#[tokio::test]
async fn a_trickled_header_is_cut() {
    let running = start(tight()).await;
    let mut stream = tls(&running, "http/1.1").await;
    let started = Instant::now();
    let mut line = b"GET / HTTP/1.1\r\nx: ".to_vec();
    line.extend([b'a'; 200]);
    for b in line {
        if stream.write_all(&[b]).await.is_err() || stream.flush().await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        if started.elapsed() > Duration::from_secs(5) {
            break;
        }
    }
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_idle_keep_alive_connection_is_cut() {
    let running = start(tight()).await;
    let mut stream = tls(&running, "http/1.1").await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(until_closed(&mut *stream).await < 4.0);
}

async fn h2(running: &Running) -> hyper::client::conn::http2::SendRequest<axum::body::Body> {
    let io = hyper_util::rt::TokioIo::new(tls(running, "h2").await);
    let executor = hyper_util::rt::TokioExecutor::new();
    // The client pings all the time: that must not keep it connected.
    let (sender, connection) = hyper::client::conn::http2::Builder::new(executor)
        .timer(hyper_util::rt::TokioTimer::new())
        .keep_alive_interval(Duration::from_millis(200))
        .keep_alive_while_idle(true)
        .handshake(io)
        .await
        .unwrap();
    tokio::spawn(connection);
    sender
}

fn get_request(path: &str) -> axum::http::Request<axum::body::Body> {
    axum::http::Request::get(format!("https://localhost{path}")).body(axum::body::Body::empty()).unwrap()
}

#[tokio::test]
async fn an_http2_connection_idle_after_its_first_request_is_cut_though_it_pings() {
    let running = start(Limits { max_age_seconds: 60, ..tight() }).await;
    let mut sender = h2(&running).await;
    let response = sender.send_request(get_request("/")).await.unwrap();
    assert_eq!(response.status(), 200);
    drop(response);
    let started = Instant::now();
    while !sender.is_closed() {
        assert!(started.elapsed() < Duration::from_secs(5), "still open");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(started.elapsed() > Duration::from_millis(500));
}

#[tokio::test]
async fn work_longer_than_the_idle_time_is_answered() {
    let running = start(tight()).await;
    let mut sender = h2(&running).await;
    assert_eq!(sender.send_request(get_request("/work")).await.unwrap().status(), 200);
    let mut stream = tls(&running, "http/1.1").await;
    stream.write_all(b"GET /work HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("done"), "{answer}");
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_cut() {
    let running = start(Limits { max_age_seconds: 60, ..tight() }).await;
    let mut stream = tls(&running, "http/1.1").await;
    stream.write_all(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    stream.flush().await.unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    let mut buffer = vec![0; 1 << 16];
    let mut total = 0;
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        total += n;
    }
    assert!(total < 32 << 20, "{total}");
}

#[tokio::test]
async fn a_busy_connection_ends_with_age() {
    let running = start(Limits { idle_seconds: 30, header_seconds: 30, ..tight() }).await;
    let mut sender = h2(&running).await;
    let started = Instant::now();
    while sender.send_request(get_request("/")).await.is_ok() {
        assert!(started.elapsed() < Duration::from_secs(8), "still open");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(started.elapsed() > Duration::from_secs(2));
}

#[tokio::test]
async fn one_connection_too_many_is_closed_at_once() {
    let limits =
        Limits { max_connections: 2, per_address_per_minute: 0, header_seconds: 5, idle_seconds: 5, ..tight() };
    let running = start(limits).await;
    let (a, b) = (tls(&running, "http/1.1").await, plain(&running).await);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(until_closed(&mut plain(&running).await).await < 0.5);
    drop((a, b));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut stream = tls(&running, "http/1.1").await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("hello"));
}

#[tokio::test]
async fn a_stop_lets_what_is_in_flight_finish() {
    let mut running = start(Limits { idle_seconds: 10, header_seconds: 10, ..tight() }).await;
    let mut stream = tls(&running, "http/1.1").await;
    stream.write_all(b"GET /work HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let _idle = tls(&running, "h2").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let started = Instant::now();
    running.stop.take().unwrap().send(()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("done"), "{answer}");
    running.task.await.unwrap().unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_taken_address_is_said() {
    let running = start(tight()).await;
    let (chain, key) = tls::make_self_signed(&[], Timestamp::from_millis(0)).unwrap();
    let tls = tls::server_config(&Certificate::Pem { chain, key }).unwrap();
    let again =
        run(running.address, tls, Router::new(), &tight(), Proxies::default(), None, std::future::pending()).await;
    assert!(matches!(again, Err(ServeError::Bind { .. })));
}

#[tokio::test]
async fn an_http2_reader_that_takes_nothing_is_cut_though_it_pings() {
    let running = start(Limits { max_age_seconds: 60, ..tight() }).await;
    let mut sender = h2(&running).await;
    let response = sender.send_request(get_request("/big")).await.unwrap();
    let started = Instant::now();
    while !sender.is_closed() {
        assert!(started.elapsed() < Duration::from_secs(6), "still open");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let body = http_body_util::BodyExt::collect(response.into_body()).await;
    assert!(body.is_err(), "a part was taken for the whole");
}

#[tokio::test]
async fn one_address_gets_half_of_the_places() {
    let running = start(Limits { max_connections: 4, header_seconds: 5, idle_seconds: 5, ..tight() }).await;
    let _held = (plain(&running).await, plain(&running).await);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(until_closed(&mut plain(&running).await).await < 0.5);
}

#[tokio::test]
async fn plain_http_gets_no_answer() {
    let running = start(tight()).await;
    let mut stream = plain(&running).await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_with_strong_suites_only() {
    let running = start(tight()).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody))
            .with_no_client_auth();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let stream = connector.connect("localhost".try_into().unwrap(), plain(&running).await).await.unwrap();
        let (_, session) = stream.get_ref();
        assert_eq!(session.protocol_version(), Some(version.version));
        let suite = format!("{:?}", session.negotiated_cipher_suite().unwrap().suite());
        assert!(suite.contains("GCM") || suite.contains("CHACHA20"), "{suite}");
    }
}
