//! Slow and vanishing clients against the real service. The limits of connections themselves are tested beside the
//! code, in `src/http/server/tests.rs`.

mod support;

use std::convert::Infallible;
use std::time::{Duration, Instant};

use futures_util::stream;
use letterlock::http::Limits;
use letterlock::policy::Role;
use support::{Service, document, free_limits, pdf, text};

const JOBS: &str = "/api/v1/forms/job-application/submissions";

fn head() -> Vec<u8> {
    b"--B\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\njane@example.org\r\n\
      --B\r\nContent-Disposition: form-data; name=\"cv\"; filename=\"cv.pdf\"\r\n\r\n%PDF-1.7 CANARY-7f3a"
        .to_vec()
}

/// A body that begins well and then trickles for as long as anybody listens.
fn trickle() -> reqwest::Body {
    reqwest::Body::wrap_stream(stream::unfold(0_u32, |n| async move {
        if n == 0 {
            return Some((Ok::<_, Infallible>(head()), 1));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        Some((Ok(vec![b'x']), n + 1))
    }))
}

fn upload(service: &Service, client: &reqwest::Client, body: reqwest::Body) -> reqwest::RequestBuilder {
    client.post(service.url(JOBS)).header("content-type", "multipart/form-data; boundary=B").body(body)
}

/// Every byte under the data folder.
fn remnants(service: &Service, needle: &[u8]) -> usize {
    fn walk(dir: &std::path::Path, needle: &[u8], found: &mut usize) {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, needle, found);
            } else if let Ok(content) = std::fs::read(&path) {
                *found += content.windows(needle.len()).filter(|w| *w == needle).count();
            }
        }
    }
    let mut found = 0;
    walk(service.dir.path(), needle, &mut found);
    found
}

#[tokio::test]
async fn a_body_that_trickles_is_cut_and_leaves_nothing() {
    let service = Service::with(Limits { body_seconds: 2, ..free_limits() }).await;
    for http2 in [true, false] {
        let client = support::client(http2);
        let started = Instant::now();
        // An answer, or a connection closed on it: never a wait.
        if let Ok(answer) = upload(&service, &client, trickle()).send().await {
            assert_eq!(answer.status(), 408, "http2: {http2}");
        }
        assert!(started.elapsed() < Duration::from_secs(10), "http2: {http2}");
    }
    assert_eq!(remnants(&service, b"CANARY-7f3a"), 0);
    let privacy = service.token(&[Role::Privacy]).await;
    let (_, list) = document(service.get("/api/v1/submissions", Some(&privacy)).await).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn an_upload_that_is_abandoned_leaves_nothing() {
    let service = Service::start().await;
    for http2 in [true, false] {
        let client = support::client(http2);
        let sending = upload(&service, &client, trickle()).send();
        assert!(tokio::time::timeout(Duration::from_secs(1), sending).await.is_err());
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(remnants(&service, b"CANARY-7f3a"), 0);
    assert_eq!(remnants(&service, b"jane@example.org"), 0);
    // And the service goes on.
    service.apply("jane@example.org", &pdf(2000, 1)).await;
}

#[tokio::test]
async fn a_stop_answers_what_is_under_way_and_keeps_it() {
    let mut service = Service::start().await;
    let cv = pdf(4 << 20, 2);
    let address = service.url(JOBS);
    let client = service.client.clone();
    let body = cv.clone();
    let sending = tokio::spawn(async move {
        let form = support::application("jane@example.org", &body);
        client.post(address).multipart(form).send().await
    });
    tokio::time::sleep(Duration::from_millis(30)).await;
    service.stop().await;
    // Either it was taken, and then it is there after a restart, or it was refused.
    let taken = match sending.await.unwrap() {
        Ok(answer) if answer.status() == 201 => Some(text(&document(answer).await.1["submission"])),
        _ => None,
    };
    let dir = service.dir.clone();
    drop(service);
    let app = support::open(dir.path());
    let page =
        letterlock::services::review::list(&app, &support::owner(Role::Privacy), Default::default()).await.unwrap();
    assert_eq!(page.items.first().map(|i| i.summary.id.to_string()), taken);
    app.close().await;
}

#[tokio::test]
async fn a_reader_that_leaves_half_way_harms_nobody() {
    let service = Service::start().await;
    let hr = service.token(&[Role::Hr]).await;
    let cv = pdf(8 << 20, 3);
    let (id, _) = service.apply("jane@example.org", &cv).await;
    let path = format!("/api/v1/submissions/{id}/files/0?purpose=recruitment");
    for _ in 0..5 {
        let mut answer = service.get(&path, Some(&hr)).await;
        assert!(answer.chunk().await.unwrap().is_some());
        drop(answer);
    }
    assert!(service.get(&path, Some(&hr)).await.bytes().await.unwrap() == cv);
}

#[tokio::test]
async fn a_download_under_way_while_its_person_is_erased_is_cut_and_never_looks_whole() {
    let service = Service::start().await;
    let (hr, privacy) = (service.token(&[Role::Hr]).await, service.token(&[Role::Privacy]).await);
    for http2 in [true, false] {
        let (id, _) = service.apply("jane@example.org", &pdf(19 << 20, 4)).await;
        let path = service.url(&format!("/api/v1/submissions/{id}/files/0?purpose=recruitment"));
        let mut answer = support::client(http2).get(path).bearer_auth(&hr).send().await.unwrap();
        assert!(answer.chunk().await.unwrap().is_some());
        let erased =
            service.send(service.request("DELETE", &format!("/api/v1/submissions/{id}")), Some(&privacy)).await;
        assert_eq!(erased.status(), 200);
        // Reads that are open get five seconds.
        tokio::time::sleep(Duration::from_secs(7)).await;
        let rest = async {
            while answer.chunk().await?.is_some() {}
            Ok::<_, reqwest::Error>(())
        };
        assert!(rest.await.is_err(), "http2: {http2}: a part was taken for the whole");
    }
}

#[tokio::test]
async fn a_vault_that_cannot_work_lives_but_is_not_ready() {
    let service = Service::start().await;
    let hr = service.token(&[Role::Hr]).await;
    let (id, _) = service.apply("jane@example.org", &pdf(2000, 5)).await;
    assert_eq!(service.get("/health/ready", None).await.status(), 200);
    service.app.close().await;
    let (status, body) = document(service.get("/health/ready", None).await).await;
    assert_eq!((status, &body["ready"], &body["audit"]), (503, &false.into(), &false.into()), "{body}");
    assert_eq!(service.get("/health/live", None).await.status(), 200);
    // What a read would leave in the trail cannot be written, so there is no read.
    for tail in ["", "/files/0"] {
        let path = format!("/api/v1/submissions/{id}{tail}?purpose=recruitment");
        assert_eq!(service.get(&path, Some(&hr)).await.status(), 503, "{path}");
    }
    let asked = support::support("sam@example.org");
    assert_eq!(service.json("POST", "/api/v1/forms/support-request/submissions", None, &asked).await.status(), 503);
}
