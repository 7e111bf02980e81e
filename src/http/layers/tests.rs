//! Tests of the layers around every route.

use super::*;
use crate::base::entropy::SystemEntropy;
use crate::http::config::Limits;
use crate::http::routes::{method_not_allowed, not_found};
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use std::net::{IpAddr, Ipv4Addr};
use tower::ServiceExt;

fn outer_with(limits: &Limits, hsts: bool) -> Arc<Outer> {
    let entropy = SystemEntropy::new();
    Arc::new(Outer {
        new_id: Box::new(move || RequestId::make_random(&entropy).ok()),
        hsts,
        proxies: Proxies::default(),
        key_for: Box::new(|_, _| None),
        rates: Rates::new(limits),
        pace: Pace::of(limits),
        languages: Languages::shipped().clone(),
        operator: Arc::default(),
    })
}

async fn panics() -> &'static str {
    panic!("secret words")
}

fn router(outer: Arc<Outer>) -> Router {
    Router::new()
        .route("/", get(|| async { "page" }))
        .route("/f/{form}", get(|| async { Err::<(), _>(HttpError::not_found()) }))
        .route("/api/thing/{id}", get(|| async { Err::<(), _>(HttpError::not_found()) }))
        .route("/api/panic", get(panics))
        .route("/api/post", post(|| async { "ok" }))
        .route("/health/live", get(|| async { "live" }))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(outer, super::outer))
}

async fn ask(router: &Router, method: &str, path: &str, headers: &[(&str, &str)]) -> (Parts2, String) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::empty()).unwrap();
    let long = Duration::from_secs(60);
    request.extensions_mut().insert(Arc::new(Conn::new(IpAddr::V4(Ipv4Addr::LOCALHOST), long, long)));
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    (Parts2 { status: parts.status.as_u16(), headers: parts.headers }, String::from_utf8(bytes.to_vec()).unwrap())
}

struct Parts2 {
    status: u16,
    headers: HeaderMap,
}

#[tokio::test]
async fn every_answer_is_hardened() {
    let router = router(outer_with(&Limits::default(), false));
    for (method, path, status) in [
        ("GET", "/", 200),
        ("GET", "/f/nothing", 404),
        ("GET", "/nowhere", 404),
        ("GET", "/api/nowhere", 404),
        ("DELETE", "/api/post", 405),
        ("GET", "/api/panic", 500),
        ("POST", "/api/post", 200),
        ("BREW", "/", 405),
    ] {
        let (parts, body) = ask(&router, method, path, &[("x-request-id", "mine")]).await;
        assert_eq!(parts.status, status, "{method} {path}");
        for name in [
            "content-security-policy",
            "x-content-type-options",
            "referrer-policy",
            "x-frame-options",
            "cross-origin-opener-policy",
            "cross-origin-resource-policy",
            "permissions-policy",
            "cache-control",
            "x-request-id",
        ] {
            assert!(parts.headers.contains_key(name), "{method} {path} lacks {name}");
        }
        assert_eq!(parts.headers["x-request-id"].len(), 26);
        assert!(!parts.headers.contains_key("strict-transport-security"));
        assert!(!body.contains("secret words"));
        if status == 405 {
            assert!(parts.headers.contains_key("allow"), "{method} {path}");
        }
        if status >= 400 && path.starts_with("/api") {
            assert_eq!(parts.headers["content-type"], "application/problem+json");
            let document: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!(document["request"], parts.headers["x-request-id"].to_str().unwrap());
        }
    }
}

#[tokio::test]
async fn pages_and_browsers_get_pages() {
    let router = router(outer_with(&Limits::default(), true));
    let (parts, _) = ask(&router, "GET", "/f/x", &[]).await;
    assert_eq!(parts.headers["content-type"], "text/html; charset=utf-8");
    assert!(parts.headers.contains_key("strict-transport-security"));
    let (parts, _) = ask(&router, "GET", "/nowhere", &[("accept", "text/html,*/*;q=0.1")]).await;
    assert_eq!(parts.headers["content-type"], "text/html; charset=utf-8");
    let (parts, _) = ask(&router, "GET", "/api/thing/1", &[("accept", "text/html")]).await;
    assert_eq!(parts.headers["content-type"], "application/problem+json");
}

#[tokio::test]
async fn not_found_is_the_same_but_for_the_request() {
    let router = router(outer_with(&Limits::default(), false));
    let (a, first) = ask(&router, "GET", "/api/thing/1", &[]).await;
    let (b, second) = ask(&router, "GET", "/api/thing/..%2f", &[]).await;
    let id = |p: &Parts2| p.headers["x-request-id"].to_str().unwrap().to_owned();
    assert_ne!(id(&a), id(&b));
    assert_eq!(first.replace(&id(&a), ""), second.replace(&id(&b), ""));
    let names = |p: &Parts2| p.headers.keys().map(|k| k.as_str().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&a), names(&b));
}

#[tokio::test]
async fn an_address_over_its_limit_gets_429_but_health_goes_on() {
    let limits = Limits { per_address_per_minute: 2, ..Limits::default() };
    let router = router(outer_with(&limits, false));
    let forged = [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=203.0.113.9")];
    assert_eq!(ask(&router, "GET", "/", &[]).await.0.status, 200);
    assert_eq!(ask(&router, "GET", "/", &forged).await.0.status, 200);
    let (parts, _) = ask(&router, "GET", "/", &forged).await;
    assert_eq!(parts.status, 429);
    let wait: u64 = parts.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=30).contains(&wait));
    assert_eq!(ask(&router, "GET", "/health/live", &[]).await.0.status, 200);
}

#[test]
fn tokens_are_taken_from_one_plain_header_only() {
    let with = |values: &[&str]| {
        let mut headers = HeaderMap::new();
        for v in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(v).unwrap());
        }
        token(&headers).map(str::to_owned)
    };
    assert_eq!(with(&["Bearer llt_abc"]), Some("llt_abc".to_owned()));
    assert_eq!(with(&["bearer llt_abc"]), Some("llt_abc".to_owned()));
    for bad in [
        &[][..],
        &["Bearer"],
        &["Bearer "],
        &["Bearer  two"],
        &["Bearer a b"],
        &["Basic abc"],
        &["llt_abc"],
        &["Bearer a", "Bearer a"],
        &["Bearer a,b"],
    ] {
        assert_eq!(with(bad), None, "{bad:?}");
    }
    assert_eq!(with(&[&format!("Bearer {}", "x".repeat(513))]), None);
}
