//! Over HTTPS: submissions, reads, downloads, lists and searches of people while they are erased. Every answer is whole or
//! 404, what was acknowledged is readable unless a certificate names it, and no answer speaks of changed data.

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use letterlock::policy::Role;
use serde_json::{Value, json};
use support::{Service, document, pdf, text};

#[derive(Default)]
struct Tally {
    whole: AtomicU64,
    missing: AtomicU64,
}

impl Tally {
    /// The body of a whole answer; `None` for one that is missing.
    async fn take(&self, what: &str, answer: reqwest::Response) -> Option<Vec<u8>> {
        match answer.status().as_u16() {
            200 | 201 => {
                let body = answer.bytes().await.unwrap_or_else(|error| panic!("{what} was cut: {error}")).to_vec();
                self.whole.fetch_add(1, Ordering::SeqCst);
                Some(body)
            }
            404 => {
                self.missing.fetch_add(1, Ordering::SeqCst);
                None
            }
            _ => panic!("{what} gave neither whole nor missing: {:?}", document(answer).await),
        }
    }
}

fn value(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_is_erased_meanwhile_is_whole_or_missing_over_https() {
    let rounds = if std::env::var_os("LETTERLOCK_TEST_DEEP").is_some() { 300 } else { 10 };
    let service = Arc::new(Service::start().await);
    let (hr, privacy) = (service.token(&[Role::Hr]).await, service.token(&[Role::Privacy]).await);
    let tally = Arc::new(Tally::default());
    let cv = Arc::new(pdf(100_000, 3));
    let (mut alive, mut gone): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let email = format!("round{round}@example.org");
        let ids = [service.apply(&email, &cv).await.0, service.apply(&email, &cv).await.0];
        let found = service.json("POST", "/api/v1/subjects/search", Some(&privacy), &json!({ "email": email })).await;
        let found = document(found).await.1;
        let subject = text(&found["items"][0]["subject"]);
        let done = Arc::new(AtomicBool::new(false));
        let mut readers = tokio::task::JoinSet::new();
        for id in ids.clone() {
            let (service, tally, done, cv, hr) = (service.clone(), tally.clone(), done.clone(), cv.clone(), hr.clone());
            readers.spawn(async move {
                loop {
                    let over = done.load(Ordering::SeqCst);
                    let path = format!("/api/v1/submissions/{id}?purpose=recruitment");
                    if let Some(body) = tally.take("reading", service.get(&path, Some(&hr)).await).await {
                        assert_eq!(text(&value(&body)["id"]), id);
                        assert!(!over, "read after the certificate");
                    }
                    let over = done.load(Ordering::SeqCst);
                    let path = format!("/api/v1/submissions/{id}/files/0?purpose=recruitment");
                    if let Some(body) = tally.take("downloading", service.get(&path, Some(&hr)).await).await {
                        assert!(body == *cv && !over, "{} bytes, over: {over}", body.len());
                    }
                    let list = service.get("/api/v1/submissions?purpose=recruitment&limit=20", Some(&hr)).await;
                    tally.take("listing", list).await;
                    if over {
                        return;
                    }
                }
            });
        }
        let mut senders = tokio::task::JoinSet::new();
        for _ in 0..2 {
            let (service, tally, cv, email) = (service.clone(), tally.clone(), cv.clone(), email.clone());
            senders.spawn(async move {
                let path = "/api/v1/forms/job-application/submissions";
                let sent = service.request("POST", path).multipart(support::application(&email, &cv)).send().await;
                text(&value(&tally.take("submitting", sent.unwrap()).await.unwrap())["submission"])
            });
        }
        tokio::time::sleep(std::time::Duration::from_millis(round * 17 % 60)).await;
        let path = format!("/api/v1/subjects/{subject}/erasure");
        let (status, certificate) = document(service.json("POST", &path, Some(&privacy), &json!({})).await).await;
        assert_eq!(status, 200, "{certificate}");
        done.store(true, Ordering::SeqCst);
        readers.join_all().await;
        let erased: BTreeSet<String> =
            certificate["statement"]["records"].as_array().unwrap().iter().map(text).collect();
        assert!(ids.iter().all(|id| erased.contains(id)));
        alive.extend(senders.join_all().await.into_iter().filter(|id| !erased.contains(id)));
        gone.extend(erased);
    }
    for (ids, status) in [(&alive, 200), (&gone, 404)] {
        for id in ids {
            let path = format!("/api/v1/submissions/{id}/files/0?purpose=recruitment");
            let answer = service.get(&path, Some(&hr)).await;
            assert_eq!(answer.status(), status, "{id}");
            assert!(status == 404 || answer.bytes().await.unwrap() == *cv);
        }
    }
    let (whole, missing) = (tally.whole.load(Ordering::SeqCst), tally.missing.load(Ordering::SeqCst));
    println!("{rounds} rounds: {whole} answers whole, {missing} missing; {} kept, {} erased", alive.len(), gone.len());
    assert!(whole + missing > rounds * 8 && missing > 0);
}

#[tokio::test]
#[should_panic(expected = "reading gave neither whole nor missing")]
async fn an_answer_that_is_neither_is_noticed() {
    let answer = axum::http::Response::builder().status(503).body(r#"{"error":{"code":"damaged"}}"#).unwrap();
    Tally::default().take("reading", answer.into()).await;
}
