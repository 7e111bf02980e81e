//! Limits of frequency, size and number, end to end.

mod support;

use letterlock::http::Limits;
use letterlock::policy::Role;
use serde_json::json;
use support::{Service, application, document, free_limits, pdf, support};

const HELP: &str = "/api/v1/forms/support-request/submissions";

#[tokio::test]
async fn an_address_that_asks_too_often_waits() {
    let service = Service::with(Limits { per_address_per_minute: 3, ..free_limits() }).await;
    for n in 0..3 {
        // The header is the client's word: it neither helps nor harms.
        let request = service.request("GET", "/api/v1/forms").header("x-forwarded-for", format!("192.0.2.{n}"));
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    let request = service.request("GET", "/api/v1/forms").header("x-forwarded-for", "192.0.2.99");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 429);
    assert!(answer.headers().contains_key("retry-after") && answer.headers().contains_key("content-security-policy"));
    assert_eq!(service.get("/health/live", None).await.status(), 200);
}

#[tokio::test]
async fn a_form_that_is_flooded_waits_and_the_others_do_not() {
    let service = Service::with(Limits { per_form_per_minute: 2, ..free_limits() }).await;
    for n in 0..2 {
        service.ask_support(&format!("p{n}@example.org")).await;
    }
    let (status, _) = document(service.json("POST", HELP, None, &support("x@example.org")).await).await;
    assert_eq!(status, 429);
    let page = service.form("/f/support-request", &[("name", "x")]);
    assert_eq!(page.send().await.unwrap().status(), 429);
    service.apply("jane@example.org", &pdf(2000, 1)).await;
    assert_eq!(service.get("/f/support-request", None).await.status(), 200);
}

#[tokio::test]
async fn guessing_tokens_is_slowed_but_locks_nobody_out() {
    let service = Service::with(Limits { auth_failures_per_minute: 3, ..free_limits() }).await;
    let good = service.token(&[Role::Support]).await;
    for _ in 0..3 {
        assert_eq!(service.get("/api/v1/submissions", Some("llt_wrong")).await.status(), 401);
    }
    let answer = service.get("/api/v1/submissions", Some("llt_wrong")).await;
    assert_eq!(answer.status(), 429);
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(service.get("/api/v1/submissions", Some(&good)).await.status(), 200);
}

#[tokio::test]
async fn zero_lifts_every_limit() {
    let service = Service::start().await;
    for _ in 0..400 {
        assert_eq!(service.get("/api/v1/audit", Some("llt_wrong")).await.status(), 401);
    }
}

#[tokio::test]
async fn bodies_beyond_their_size_are_413_and_the_answer_arrives() {
    let limits = Limits { max_upload_bytes: 1 << 20, max_body_bytes: 8 * 1024, ..free_limits() };
    let service = Service::with(limits).await;
    let big = json!({ "fields": { "message": "x".repeat(9000) } });
    assert_eq!(service.json("POST", HELP, None, &big).await.status(), 413);
    for http2 in [true, false] {
        let client = support::client(http2);
        let path = service.url("/api/v1/forms/job-application/submissions");
        // Announced too large, and too large without saying so.
        let answer = client.post(&path).multipart(application("a@example.org", &pdf(3 << 20, 1))).send().await.unwrap();
        assert_eq!(answer.status(), 413, "http2: {http2}");
        let pieces = (0..40).map(|_| Ok::<_, std::convert::Infallible>(vec![b'x'; 64 * 1024]));
        let head = b"--B\r\nContent-Disposition: form-data; name=\"cv\"; filename=\"a\"\r\n\r\n".to_vec();
        let stream = futures_util::stream::iter(std::iter::once(Ok(head)).chain(pieces));
        let answer = client
            .post(&path)
            .header("content-type", "multipart/form-data; boundary=B")
            .body(reqwest::Body::wrap_stream(stream))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 413, "http2: {http2}");
        // A page answers with the page.
        let answer = client
            .post(service.url("/f/job-application"))
            .multipart(application("a@example.org", &pdf(1 << 20, 1)))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 413, "http2: {http2}");
        assert!(answer.text().await.unwrap().contains("role=\"alert\""));
    }
}

#[tokio::test]
async fn too_many_parts_headers_or_pairs_are_refused() {
    let service = Service::start().await;
    let mut form = reqwest::multipart::Form::new();
    for n in 0..600 {
        form = form.text(format!("f{n}"), "x");
    }
    let answer = service.request("POST", "/api/v1/forms/job-application/submissions").multipart(form);
    assert_eq!(answer.send().await.unwrap().status(), 400);
    let pairs: Vec<_> = (0..600).map(|n| (format!("f{n}"), "x")).collect();
    let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), *v)).collect();
    let answer = service.form("/f/support-request", &pairs).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    let mut request = service.request("GET", "/api/v1/forms");
    for n in 0..200 {
        request = request.header(format!("x-{n}"), "y".repeat(100));
    }
    // Refused as too many headers, or the stream or connection is reset.
    assert!(
        request.send().await.is_err_and(|e| !e.is_timeout()) || {
            let mut request = service.request("GET", "/api/v1/forms");
            for n in 0..200 {
                request = request.header(format!("x-{n}"), "y".repeat(100));
            }
            request.send().await.is_ok_and(|a| a.status() == 431)
        }
    );
    assert_eq!(service.get("/api/v1/forms", None).await.status(), 200);
}

#[tokio::test]
async fn no_header_gives_a_client_another_address() {
    let limits = Limits { per_address_per_minute: 5, auth_failures_per_minute: 3, ..free_limits() };
    let service = Service::with(limits).await;
    let names = ["x-forwarded-for", "x-real-ip", "forwarded", "cf-connecting-ip", "true-client-ip", "x-client-ip"];
    let ask = async |n: u8| {
        let mut request = service.request("GET", "/api/v1/submissions").bearer_auth("llt_wrong");
        for name in names {
            let value = if name == "forwarded" { format!("for=192.0.2.{n}") } else { format!("192.0.2.{n}") };
            request = request.header(name, value);
        }
        request.send().await.unwrap().status().as_u16()
    };
    let mut seen = Vec::new();
    for n in 0..8 {
        seen.push(ask(n).await);
    }
    // Three guesses, two more requests, and then nothing at all, whatever the headers say.
    assert_eq!(seen[..3], [401; 3]);
    assert_eq!(seen[3..], [429; 5]);
    // Nor can somebody use up what another address has.
    let other = local_client(77);
    assert_eq!(other.get(service.url("/api/v1/forms")).send().await.unwrap().status(), 200);
}

/// A client at 127.0.0.`n`.
fn local_client(n: u8) -> reqwest::Client {
    let _ = support::client(true);
    let address = std::net::IpAddr::from([127, 0, 0, n]);
    let builder = reqwest::Client::builder().danger_accept_invalid_certs(true).local_address(address);
    // Each request is counted, so none is sent by itself after another.
    builder.redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

#[tokio::test]
async fn every_route_has_a_limit_but_those_for_monitors_and_the_parts_of_a_page() {
    let service = Service::with(Limits { per_address_per_minute: 1, ..free_limits() }).await;
    let mut free = Vec::new();
    for (n, route) in (10..).zip(letterlock::http::routes()) {
        let client = local_client(n);
        let path = route.path.replace("{form}", "support-request").replace("{id}", &"a".repeat(26)).replace("{n}", "0");
        let send = async || {
            let request = client.request(route.method.parse().unwrap(), service.url(&path));
            request.send().await.unwrap().status().as_u16()
        };
        assert_ne!(send().await, 429, "{} {path}: the first request", route.method);
        if send().await != 429 {
            free.push(route.path);
        }
    }
    assert_eq!(
        free,
        [
            "/embed.js",
            "/static/embed.js",
            "/static/passkey.js",
            "/static/letterlock.css",
            "/static/search.js",
            "/static/behind.css",
            "/favicon.svg",
            "/health/live",
            "/health/ready"
        ]
    );
    // What does not exist is no way around.
    let client = local_client(9);
    let send = async || client.get(service.url("/nowhere")).send().await.unwrap().status().as_u16();
    assert_eq!((send().await, send().await), (404, 429));
}
