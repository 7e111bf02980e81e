//! Tests of the life of a connection.

use axum::body::Body;
use axum::http::{Request, Response};
use http_body_util::BodyExt;
use tower::Service;

use super::*;

const IDLE: Duration = Duration::from_secs(30);
const AGE: Duration = Duration::from_secs(900);

fn conn() -> Conn {
    Conn::new(IpAddr::V4(Ipv4Addr::LOCALHOST), IDLE, AGE)
}

#[tokio::test]
async fn a_quiet_connection_ends_after_the_idle_time() {
    let c = conn();
    assert_eq!(c.next_check(c.born), Some(c.born + IDLE));
    assert_eq!(c.next_check(c.born + IDLE), None);
}

#[tokio::test]
async fn bytes_keep_http1_but_not_http2_alive() {
    let c = conn();
    tokio::time::sleep(Duration::from_millis(5)).await;
    c.http2.store(true, Ordering::Relaxed);
    c.note_bytes();
    assert_eq!(c.next_check(c.born + IDLE), None);
    c.http2.store(false, Ordering::Relaxed);
    c.note_bytes();
    assert!(c.next_check(c.born + IDLE).is_some());
}

#[tokio::test]
async fn our_own_work_is_not_idleness_and_age_waits_for_what_is_in_flight() {
    let c = conn();
    c.handling.store(1, Ordering::Relaxed);
    c.in_flight.store(1, Ordering::Relaxed);
    assert!(c.next_check(c.born + AGE * 10).is_some());
    c.handling.store(0, Ordering::Relaxed);
    c.progress.store(u64::MAX / 1_000_000, Ordering::Relaxed);
    assert!(c.next_check(c.born + AGE).is_some());
    assert_eq!(c.next_check(c.born + AGE * 2), None);
    c.in_flight.store(0, Ordering::Relaxed);
    assert_eq!(c.next_check(c.born + AGE), None);
}

#[tokio::test]
async fn a_piece_taken_into_a_buffer_is_progress_on_http2_only() {
    let c = Arc::new(conn());
    let answer = || async { Ok::<_, std::convert::Infallible>(Response::new(Body::from("piece"))) };
    let mut service = ConnService::new(tower::service_fn(move |_: Request<()>| answer()), c.clone());
    let mut body = service.call(Request::new(())).await.unwrap().into_body();
    let begun = c.progress.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(5)).await;
    body.frame().await.unwrap().unwrap();
    assert_eq!(c.progress.load(Ordering::Relaxed), begun);
    c.http2.store(true, Ordering::Relaxed);
    assert!(body.frame().await.is_none());
    assert!(c.progress.load(Ordering::Relaxed) > begun);
}
