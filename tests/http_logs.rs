//! What the service writes to its log at the most talkative level: one line a request, and nothing of anybody.

mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};

use letterlock::policy::Role;
use letterlock::services::statistics;
use serde_json::json;
use support::{Service, document, pdf, text};
use tracing_subscriber::EnvFilter;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_address_query_body_agent_or_token_is_logged() {
    let captured = Captured::default();
    let writer = captured.clone();
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(EnvFilter::new("letterlock=trace"))
        .with_writer(move || writer.clone())
        .init();

    let service = Service::with_setup(|config| config.proxies.trust(&["127.0.0.1"]).unwrap()).await;
    let (hr, privacy) = (service.token(&[Role::Hr]).await, service.token(&[Role::Privacy]).await);
    let (id, receipt) = service.apply("jane.canary@example.org", &pdf(2000, 1)).await;
    let (_, shown) =
        document(service.get(&format!("/api/v1/submissions/{id}?purpose=recruitment"), Some(&hr)).await).await;
    let search = json!({ "email": "jane.canary@example.org" });
    service.json("POST", "/api/v1/subjects/search", Some(&privacy), &search).await;
    let words = json!({ "words": "jane.canary speculative", "purpose": "recruitment" });
    let (_, found) = document(service.json("POST", "/api/v1/submissions/search", Some(&hr), &words).await).await;
    assert_eq!(found["items"][0]["id"], id.as_str(), "{found}");
    let words = json!({ "words": "canary-words", "purpose": "canary-purpose" });
    assert_eq!(service.json("POST", "/api/v1/submissions/search", Some(&hr), &words).await.status(), 422);
    service.get("/api/v1/submissions?status=canary-status", Some(&hr)).await;
    service.get("/nowhere/canary-path", Some("canary-token")).await;
    service.request("GET", "/").header("user-agent", "canary-agent").send().await.unwrap();
    // By way of a proxy; it is counted, and what it was counted by is kept nowhere.
    for path in ["/", "/f/job-application"] {
        let request = service.request("GET", path).header("x-forwarded-for", "192.0.2.77, bad-canary, 192.0.2.77");
        assert_eq!(request.header("user-agent", "canary-agent").send().await.unwrap().status(), 200);
    }
    statistics::flush(&service.app).await.unwrap();
    service.request("CANARY", "/").send().await.unwrap();
    let subject = text(&shown["subject"]);
    service.send(service.request("POST", &format!("/api/v1/subjects/{subject}/erasure")), Some(&privacy)).await;

    let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("/api/v1/submissions/{id}") && log.contains("\"status\":200"), "{log}");
    let secrets =
        ["canary", "CANARY", "Jane", "example.org", "127.0.0.1", "192.0.2", "speculative", &hr, &privacy, &receipt];
    for secret in secrets.into_iter().chain(["recruitment", &id, &subject]) {
        assert!(!log.contains(secret), "{secret} in {log}");
    }

    // The audit trail names handles and purposes, and none of the rest either; what was asked for stands nowhere in it.
    let auditor = service.token(&[Role::Auditor]).await;
    let (_, page) = document(service.get("/api/v1/audit?limit=200", Some(&auditor)).await).await;
    let trail = page.to_string();
    assert!(page["next"].is_null(), "the whole trail");
    assert!(
        trail.contains("find-subject")
            && trail.contains("search-submissions")
            && trail.contains("keep-statistics")
            && trail.contains("read-submission"),
        "{trail}"
    );
    for secret in secrets {
        assert!(!trail.contains(secret), "{secret} in {trail}");
    }
    let list = service.get("/api/v1/submissions?purpose=recruitment", Some(&hr)).await.text().await.unwrap();
    assert!(!list.contains("Jane"), "she was erased");
    service.apply("jane.canary@example.org", &pdf(2000, 1)).await;
    let list = service.get("/api/v1/submissions?purpose=recruitment", Some(&hr)).await.text().await.unwrap();
    assert!(secrets.iter().any(|secret| list.contains(secret)), "the search above would find them: {list}");
}
