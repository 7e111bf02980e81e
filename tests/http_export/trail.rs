//! What is written down, how a download is cut, and the console.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt;
use letterlock::policy::Role;
use letterlock::store::{Batch, Engine, Rows, StoreError};
use serde_json::{Value, json};

use crate::staff::words;
use crate::support::{document, owner, text};
use crate::{acting, approved, ask, download, exported, place, send, send_named, token, wanted};

async fn entries(place: &crate::Place) -> Vec<Value> {
    let auditor = place.service.token(&[Role::Auditor]).await;
    let (_, trail) = document(place.service.get("/api/v1/audit?limit=200", Some(&auditor)).await).await;
    trail["items"].as_array().unwrap().clone()
}

/// Asked, approved, used; and then who got which submissions and files, each named, before they leave.
#[tokio::test]
async fn the_trail_names_every_record_and_file() {
    let place = place().await;
    let hanna = token(&place, "hanna", Role::Hr).await;
    let mut sent = Vec::new();
    for n in 0..60 {
        sent.push(send(&place, &format!("p{n}@example.org"), "Hello").await);
    }
    for format in ["csv", "zip"] {
        let before = crate::staff::entries(&place).await;
        exported(&place, &hanna, &wanted(format)).await;
        let all = entries(&place).await;
        let new: Vec<&Value> = all.iter().filter(|entry| entry["seq"].as_u64().unwrap() >= before).collect();
        let of = |action: &str| new.iter().filter(|entry| entry["action"] == action).copied().collect::<Vec<_>>();
        for action in ["ask-approval", "approve", "use-approval"] {
            assert_eq!(of(action).len(), 1, "{action}: {new:?}");
        }
        let parts = of("export-submissions");
        let subjects: Vec<&Value> = parts.iter().flat_map(|entry| entry["subjects"].as_array().unwrap()).collect();
        for part in &parts {
            let named = part["subjects"].as_array().unwrap().len();
            assert!(named <= 200, "bounded: {named}");
            assert_eq!(
                (&part["actor"], &part["detail"]["export"]["format"]),
                (&json!("staff:hanna"), &json!(format)),
                "{part}"
            );
        }
        for id in &sent {
            let of_one: Vec<_> = subjects.iter().filter(|subject| subject["submission"] == json!(id)).collect();
            assert!(
                of_one.iter().any(|subject| subject["file"].is_null() && subject["purpose"] == "moving"),
                "{format}: {id}"
            );
            let files = of_one.iter().filter(|subject| !subject["file"].is_null()).count();
            assert_eq!(files, if format == "zip" { 2 } else { 0 }, "{format}");
        }
    }
    // Whoever looks at one of them later sees it in its history.
    let looked = acting(&place, "hanna", Role::Hr).await;
    let record = sent[3].parse().unwrap();
    let opened = letterlock::services::review::look(&place.service.app, &looked, record, Some("moving")).await.unwrap();
    assert_eq!(opened.history.iter().filter(|past| past.action == "export-submissions").count(), 2);
}

/// Whoever leaves ends the work: nothing more is opened, and the trail says so much and no more.
#[tokio::test]
async fn a_reader_who_leaves_ends_the_work() {
    let place = place().await;
    let hanna = token(&place, "hanna", Role::Hr).await;
    for n in 0..120 {
        send_named(&place, &format!("p{n}@example.org"), "Hello", "letter.pdf", 90_000).await;
    }
    let id = approved(&place, &hanna, &wanted("zip")).await;
    let answer = download(&place, &hanna, &id).await;
    let mut stream = answer.bytes_stream();
    stream.next().await.unwrap().unwrap();
    let shown = async || {
        let (_, shown) = document(place.service.get("/api/v1/approvals", Some(&hanna)).await).await;
        shown["items"][0]["download"].clone()
    };
    assert_eq!(shown().await["state"], "running");
    // While it goes on, the account begins no other.
    let (_, asked) = ask(&place, &hanna, &wanted("csv")).await;
    let other = text(&asked["id"]);
    let paul = acting(&place, "paul", Role::Privacy).await;
    letterlock::services::approvals::approve(&place.service.app, &paul, other.parse().unwrap()).await.unwrap();
    assert_eq!(download(&place, &hanna, &other).await.status(), 429);
    drop(stream);
    for _ in 0..100 {
        let (_, listed) = document(place.service.get("/api/v1/approvals", Some(&hanna)).await).await;
        let of = listed["items"].as_array().unwrap().iter().find(|item| item["id"] == json!(id)).unwrap().clone();
        if of["download"]["state"] == "broken-off" {
            assert!(of["download"]["sent"].as_u64().unwrap() < 120, "{of}");
            // The other is still good: it was not used up.
            assert_eq!(download(&place, &hanna, &other).await.status(), 200);
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("it goes on");
}

/// No entry, no data: while the trail cannot be written, the download is cut.
#[tokio::test]
async fn a_trail_that_cannot_be_written_stops_it() {
    use letterlock::domain::form::FormSet;
    use letterlock::services::{Credential, approvals, export, sign_in};
    use letterlock::vault::Hooks;

    use crate::support::Service;

    let full = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&full);
    let wrap = move |inner| Box::new(Filling { inner, full: Arc::clone(&seen) }) as Box<dyn Engine>;
    let hooks = Hooks { engine: Some(Arc::new(wrap)), ..Hooks::default() };
    let service = Service::with_hooks(FormSet::default(), hooks, |_| ()).await;
    for (login, role) in [("sue", Role::Support), ("paul", Role::Privacy)] {
        sign_in::invite(&service.app, &owner(Role::Admin), login, &[role], None, crate::DAY).await.unwrap();
    }
    service.ask_support("sam@example.org").await;
    let acting = async |login: &str, role: Role| {
        let all = letterlock::services::staff::list(&service.app, &owner(Role::Admin)).await.unwrap();
        let id = all.into_iter().find(|account| account.login == login).unwrap().id;
        let scope = letterlock::policy::Scope::default();
        let actor = letterlock::policy::Actor::Staff { id, login: login.to_owned(), roles: vec![role], scope };
        letterlock::services::Context { actor, ..owner(Role::Admin) }
    };
    let (sue, paul) = (acting("sue", Role::Support).await, acting("paul", Role::Privacy).await);
    let asked = export::Asked {
        form: "support-request".parse().unwrap(),
        format: export::Format::Csv,
        purpose: "support".to_owned(),
        status: None,
        whose: None,
        label: None,
        from: None,
        until: None,
        records: Vec::new(),
    };
    let id = approvals::ask_export(&service.app, &sue, asked, "x").await.unwrap().id;
    approvals::approve(&service.app, &paul, id).await.unwrap();
    let credential = Credential::of_bearer(&service.token(&[Role::Support]).await).unwrap();
    let mut run = export::begin(&service.app, &sue, credential, id).await.unwrap();
    full.store(true, Ordering::SeqCst);
    assert!(run.next().await.is_err(), "nothing without its entry");
}

/// A disk that takes nothing more, once it is told to; what is on it can be read.
struct Filling {
    inner: Box<dyn Engine>,
    full: Arc<AtomicBool>,
}

impl Engine for Filling {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.read(key)
    }

    fn scan(&self, from: &[u8], to: &[u8]) -> Rows<'_> {
        self.inner.scan(from, to)
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        if self.full.load(Ordering::SeqCst) { Err(StoreError::Poisoned) } else { self.inner.commit(batch) }
    }

    fn is_writable(&self) -> bool {
        self.inner.is_writable()
    }
}

/// The console: asked for on a page, approved by who has proven lately who they are, downloaded by a button.
#[tokio::test]
async fn the_console_asks_approves_and_downloads() {
    let place = place().await;
    let first = send(&place, "jane@example.org", "Hello").await;
    send(&place, "john@example.org", "Hello").await;
    let (_, _, hanna) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    let (_, _, paul) = place.take_up(&place.invite("paul", &[Role::Privacy]).await).await;
    let inbox = hanna.page("/staff/inbox?form=move&status=new").await;
    assert!(inbox.contains("/staff/requests/export?form=move&#38;status=new"), "{inbox}");
    let page = hanna.page("/staff/requests/export?form=move&status=new").await;
    assert!(page.contains("What leaves the vault cannot be erased by it"), "{page}");
    assert!(page.contains("<option value=\"new\" selected>"), "{page}");
    // Of those that are ticked.
    let ticked = [("form", "move"), ("do", "export"), ("id", first.as_str())];
    let (status, page) = words(hanna.post("/staff/inbox/changes", &ticked).await).await;
    assert!(status == 200 && page.contains("The submission that you ticked") && page.contains(&first), "{page}");
    let bad = [("form", "move"), ("format", "csv"), ("purpose", "moving"), ("reason", ""), ("id", first.as_str())];
    let (status, page) = words(hanna.post("/staff/requests/export", &bad).await).await;
    assert!(status == 422 && page.contains("That was not asked") && page.contains(&first), "{page}");
    let asked = [
        ("form", "move"),
        ("format", "csv"),
        ("purpose", "moving"),
        ("reason", "The <b>move</b>."),
        ("id", first.as_str()),
    ];
    assert_eq!(hanna.post("/staff/requests/export", &asked).await.status(), 303);
    let page = hanna.page("/staff/requests").await;
    assert!(
        page.contains("Export 1 submission to “Moving in” as CSV") && page.contains("The &#60;b&#62;move"),
        "{page}"
    );
    let all = letterlock::services::approvals::list(&place.service.app, &owner(Role::Privacy)).await.unwrap();
    let path = |what: &str| format!("/staff/requests/{}/{what}", all[0].id);
    assert_eq!(hanna.post(&path("approval"), &[]).await.status(), 403);
    assert_eq!(hanna.post(&path("download"), &[]).await.status(), 422);
    assert_eq!(paul.post(&path("approval"), &[]).await.status(), 303);
    assert_eq!(paul.post(&path("download"), &[]).await.status(), 403);
    let page = hanna.page("/staff/requests").await;
    assert!(page.contains(&path("download")) && page.contains("What leaves the vault cannot be erased"), "{page}");
    let answer = hanna.post(&path("download"), &[]).await;
    assert_eq!(answer.status(), 200);
    let file = answer.bytes().await.unwrap();
    assert!(crate::holds(&file, &first) && crate::holds(&file, "jane@example.org") && !crate::holds(&file, "john@"));
    assert!(hanna.page("/staff/requests").await.contains("Downloaded: 1 of 1 handed out."));
    assert_eq!(hanna.post(&path("download"), &[]).await.status(), 422);
    // Long after one has proven who one is, one is asked again.
    place.later(11 * 60);
    assert_eq!(hanna.post(&path("download"), &[]).await.headers()["location"], "/staff/confirm?to=/staff/requests");
}
