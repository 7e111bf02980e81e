//! Looking through submissions over HTTPS: what is found and what never is, by API and in the console, and what is written down.

mod console;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use letterlock::base::clock::ManualClock;
use letterlock::domain::form::FormSet;
use letterlock::policy::Role;
use letterlock::services::search;
use serde_json::{Value, json};
use support::{Service, document, owner, pdf, problems, text};

const SEARCH: &str = "/api/v1/submissions/search";

/// An application by this person with this letter.
async fn apply(service: &Service, name: &str, letter: &str) -> String {
    apply_from(service, name, &format!("{}@example.org", name.len()), letter).await
}

async fn apply_from(service: &Service, name: &str, email: &str, letter: &str) -> String {
    let cv = reqwest::multipart::Part::bytes(pdf(2000, 1)).file_name(format!("{name} Lebenslauf.pdf"));
    let form = reqwest::multipart::Form::new()
        .text("name", name.to_owned())
        .text("email", email.to_owned())
        .text("letter", letter.to_owned())
        .part("cv", cv);
    let request = service.request("POST", "/api/v1/forms/job-application/submissions").multipart(form);
    let (status, body) = document(service.send(request, None).await).await;
    assert_eq!(status, 201, "{body}");
    text(&body["submission"])
}

async fn send(service: &Service, form: &str, fields: Value) -> String {
    let path = format!("/api/v1/forms/{form}/submissions");
    let (status, body) = document(service.json("POST", &path, None, &json!({ "fields": fields })).await).await;
    assert_eq!(status, 201, "{body}");
    text(&body["submission"])
}

async fn ask(service: &Service, token: &str, asked: &Value) -> (u16, Value) {
    document(service.json("POST", SEARCH, Some(token), asked).await).await
}

/// What is found, in order; everything at once.
async fn found(service: &Service, token: &str, asked: &Value) -> Vec<String> {
    let (status, body) = ask(service, token, asked).await;
    assert_eq!(status, 200, "{asked}: {body}");
    assert!(body["next"].is_null() && body["percent"] == 100, "{body}");
    ids(&body)
}

fn ids(body: &Value) -> Vec<String> {
    body["items"].as_array().unwrap().iter().map(|item| text(&item["id"])).collect()
}

fn recruiting(words: &str) -> Value {
    json!({ "words": words, "purpose": "recruitment" })
}

#[tokio::test]
async fn words_in_any_field_file_name_or_message_are_found() {
    let service = Service::start().await;
    let hr = service.token(&[Role::Hr]).await;
    let zoe = apply(&service, "Zoë Quill", "I know Python, and some Rust.").await;
    let soren = apply(&service, "Søren Kierkegård", "I write about Hauptstraße 5 in Łódź.").await;
    let message = json!({ "text": "Could you come on Thursday afternoon?" });
    let path = format!("/api/v1/submissions/{zoe}/messages");
    assert_eq!(service.json("POST", &path, Some(&hr), &message).await.status(), 201);

    let both = [soren.clone(), zoe.clone()];
    for (words, expected) in [
        ("zoe", &both[1..]),
        ("ZOË quill", &both[1..]),
        ("quill rust python", &both[1..]),
        ("pyth", &both[1..]),
        ("10@example.org zoe", &both[1..]),
        ("soren", &both[..1]),
        ("lodz HAUPTSTRASSE", &both[..1]),
        ("lebenslauf", &both[..]),
        ("example.org", &both[..]),
        ("thursday zoe", &both[1..]),
        ("quill soren", &[]),
        ("nobody", &[]),
        ("received", &[]),
    ] {
        assert_eq!(found(&service, &hr, &recruiting(words)).await, expected, "{words}");
    }
    let (_, body) = ask(&service, &hr, &recruiting("python thursday quill")).await;
    let item = &body["items"][0];
    assert_eq!(item["fields"], json!({ "name": "Zoë Quill" }), "the summary, and no more");
    assert_eq!(item["matched"], json!({ "fields": ["letter", "name"], "files": true, "messages": true }));
    assert_eq!((&item["status"], &item["file_count"]), (&json!("received"), &json!(1)));
    assert_eq!((&body["looked"], &body["percent"]), (&json!(2), &json!(100)));
}

#[tokio::test]
async fn options_and_addresses_are_found_by_what_people_read() {
    let form = include_str!("../../forms/general-enquiry.toml").to_owned()
        + "\n[[fields]]\nname = \"where\"\nlabel = \"Where\"\nkind = \"postal-address\"\ncountry = \"GB\"\n";
    let forms = FormSet::with_files([("general-enquiry.toml", form.as_str())]).unwrap();
    let service = Service::with_own_forms(forms, |_| ()).await;
    let support = service.token(&[Role::Support]).await;
    let address = json!({ "line1": "1 High Street", "town": "Leeds", "postcode": "LS1 1AA", "country": "GB" });
    let fields =
        json!({ "name": "Sam", "email": "s@example.org", "topic": "visit", "message": "When?", "where": address });
    let id = send(&service, "general-enquiry", fields).await;
    for (words, is_found) in [
        ("visiting us", true),
        ("visit", true),
        ("leeds street", true),
        ("LS1", true),
        ("united kingdom", true),
        ("press", false),
        ("streetleeds", false),
    ] {
        let asked = json!({ "words": words, "purpose": "enquiries" });
        let expected = if is_found { vec![id.clone()] } else { vec![] };
        assert_eq!(found(&service, &support, &asked).await, expected, "{words}");
    }
}

#[tokio::test]
async fn form_status_and_days_narrow_a_search() {
    let clock = Arc::new(ManualClock::at("2026-11-20T12:00:00Z".parse().unwrap()));
    let service = Service::with_clock(FormSet::default(), clock.clone(), |_| ()).await;
    let (privacy, hr) = (service.token(&[Role::Privacy]).await, service.token(&[Role::Hr]).await);
    let mut sent = Vec::new();
    for n in 0..5 {
        sent.push(apply(&service, &format!("Jane {n}"), "A letter.").await);
        clock.advance(Duration::from_secs(24 * 60 * 60));
    }
    let asked = service.ask_support("jane@example.org").await;
    let path = format!("/api/v1/submissions/{}", sent[1]);
    assert_eq!(service.json("PATCH", &path, Some(&hr), &json!({ "status": "interview" })).await.status(), 200);

    let all: Vec<String> = [asked.clone()].into_iter().chain(sent.iter().rev().cloned()).collect();
    let pick = |at: &[usize]| at.iter().map(|n| all[*n].clone()).collect::<Vec<_>>();
    for (narrow, expected) in [
        (json!({}), pick(&[0, 1, 2, 3, 4, 5])),
        (json!({ "form": "job-application" }), pick(&[1, 2, 3, 4, 5])),
        (json!({ "form": "support-request" }), pick(&[0])),
        (json!({ "status": "interview" }), pick(&[4])),
        (json!({ "status": "new" }), pick(&[0])),
        (json!({ "from": "2026-11-23" }), pick(&[0, 1, 2])),
        (json!({ "until": "2026-11-21" }), pick(&[4, 5])),
        (json!({ "from": "2026-11-21", "until": "2026-11-21" }), pick(&[4])),
        (json!({ "from": "2026-11-22", "until": "2026-11-23", "status": "received" }), pick(&[2, 3])),
        (json!({ "from": "2027-01-01" }), vec![]),
    ] {
        // Without words, and with some that all have.
        for words in ["", "example.org"] {
            let mut wanted = narrow.clone();
            wanted["words"] = words.into();
            wanted["purpose"] = "subject-request".into();
            assert_eq!(found(&service, &privacy, &wanted).await, expected, "{wanted}");
        }
    }
}

#[tokio::test]
async fn a_search_goes_on_where_it_stopped_and_gives_each_once() {
    let service = Service::start().await;
    let hr = service.token(&[Role::Hr]).await;
    let mut sent = Vec::new();
    for n in 0..13 {
        sent.push(apply(&service, &format!("Jane {n}"), if n % 2 == 0 { "even" } else { "odd" }).await);
        // Others in between, who are none of their business.
        service.ask_support("sam@example.org").await;
    }
    let (mut pages, mut got, mut after, mut looked) = (0, Vec::new(), Value::Null, 0);
    loop {
        let asked = json!({ "words": "even jane", "purpose": "recruitment", "limit": 3, "after": after });
        let (status, body) = ask(&service, &hr, &asked).await;
        assert_eq!(status, 200, "{body}");
        got.extend(ids(&body));
        looked += body["looked"].as_u64().unwrap();
        pages += 1;
        after = body["next"].clone();
        if after.is_null() {
            break;
        }
        assert!(body["percent"].as_u64().unwrap() < 100);
        // Nobody can tell what was looked for from where it goes on.
        let cursor = data_encoding::BASE64URL_NOPAD.decode(text(&after).as_bytes()).unwrap();
        assert_eq!(cursor.len(), 8);
        // What comes meanwhile is newer than all that is left.
        apply(&service, "Jane late", "even").await;
    }
    let even: Vec<String> = sent.iter().step_by(2).rev().cloned().collect();
    assert_eq!((got, pages), (even, 3));
    assert_eq!(looked, 13, "each was looked at once, whoever sent what in between");
}

#[tokio::test]
async fn nobody_finds_or_counts_what_they_may_not_read() {
    let service = Service::start().await;
    let application = apply(&service, "Jane Doe", "needle").await;
    let request = send(
        &service,
        "support-request",
        json!({ "name": "Sam", "email": "sam@example.org", "subject-line": "needle", "message": "needle" }),
    )
    .await;
    let path = "/api/v1/forms/survey/submissions";
    for _ in 0..6 {
        let fields = json!({ "relation": "customer", "satisfaction": 5, "ideas": "needle" });
        let answer = service.json("POST", path, None, &json!({ "fields": fields })).await;
        assert_eq!(answer.status(), 201);
    }
    for (role, purpose, expected) in [
        (Role::Hr, "recruitment", vec![&application]),
        (Role::Support, "support", vec![&request]),
        (Role::Privacy, "subject-request", vec![&request, &application]),
        (Role::Training, "training", vec![]),
    ] {
        let token = service.token(&[role]).await;
        for words in ["needle", "NEED"] {
            let (status, body) = ask(&service, &token, &json!({ "words": words, "purpose": purpose })).await;
            assert_eq!((status, ids(&body).iter().collect::<Vec<_>>()), (200, expected.clone()), "{role}: {body}");
            assert_eq!(
                body["looked"].as_u64().unwrap(),
                expected.len() as u64,
                "{role} counts what others read: {body}"
            );
        }
    }
    // A survey is not searched by anybody, and a form of others is as good as none.
    for (role, form, purpose, expected) in [
        (Role::Marketing, "survey", "survey", 403),
        (Role::Privacy, "survey", "subject-request", 403),
        (Role::Hr, "survey", "survey", 404),
        (Role::Hr, "support-request", "support", 404),
        (Role::Hr, "no-such-form", "recruitment", 404),
        (Role::Auditor, "job-application", "recruitment", 404),
        (Role::Admin, "job-application", "recruitment", 404),
    ] {
        let token = service.token(&[role]).await;
        let asked = json!({ "words": "needle", "form": form, "purpose": purpose });
        assert_eq!(ask(&service, &token, &asked).await.0, expected, "{role} {form}");
        if expected == 404 && matches!(role, Role::Auditor | Role::Admin) {
            assert_eq!(ask(&service, &token, &json!({ "words": "needle", "purpose": purpose })).await.0, 404);
        }
    }
    // Nor for a purpose that the form does not know.
    let both = service.token(&[Role::Hr, Role::Support]).await;
    let asked = json!({ "words": "needle", "purpose": "support" });
    assert_eq!(found(&service, &both, &asked).await, std::slice::from_ref(&request));
    let asked = json!({ "words": "needle", "purpose": ["recruitment", "support"] });
    let (_, body) = ask(&service, &both, &asked).await;
    assert_eq!(ids(&body), [request.clone(), application.clone()], "of several, each form knows its own");
    assert_eq!([&body["items"][0]["purpose"], &body["items"][1]["purpose"]], ["support", "recruitment"]);
    for purpose in [Value::Null, json!([]), json!("training"), json!(["support", "training"])] {
        let (status, body) = ask(&service, &both, &json!({ "words": "needle", "purpose": purpose })).await;
        assert_eq!((status, problems(&body)), (422, vec![("purpose".to_owned(), "purpose-needed".to_owned())]));
    }
    let (_, body) = ask(&service, &both, &json!({ "words": "needle" })).await;
    let said = body["problems"][0]["message"].as_str().unwrap();
    assert!(said.contains("recruitment") && said.contains("support") && !said.contains("?purpose"), "{said}");
    let asked = json!({ "words": "needle", "form": "job-application", "purpose": "support" });
    assert_eq!(ask(&service, &both, &asked).await.0, 422);
}

#[tokio::test]
async fn what_cannot_be_looked_for_is_said() {
    let service = Service::start().await;
    let hr = service.token(&[Role::Hr]).await;
    for (change, field, code) in [
        (json!({ "words": "x".repeat(201) }), "words", "too-long"),
        (json!({ "words": "a b c d e f g h i j k" }), "words", "too-many"),
        (json!({ "words": "\u{301}" }), "words", "no-word"),
        (json!({ "from": "yesterday" }), "from", "bad-date"),
        (json!({ "until": "2026-02-30" }), "until", "bad-date"),
        (json!({ "from": "2026-11-02", "until": "2026-11-01" }), "until", "before-from"),
        (json!({ "form": "No Form" }), "form", "bad-form"),
        (json!({ "status": "done" }), "status", "bad-status"),
        (json!({ "after": "jane" }), "after", "bad-cursor"),
        (json!({ "limit": 0 }), "limit", "out-of-range"),
        (json!({ "limit": 201 }), "limit", "out-of-range"),
        (json!({ "words": 5 }), "", "wrong-type"),
        (json!({ "query": "x" }), "query", "unknown-member"),
    ] {
        let mut asked = recruiting("jane");
        asked.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (status, body) = ask(&service, &hr, &asked).await;
        assert_eq!((status, problems(&body)), (422, vec![(field.to_owned(), code.to_owned())]), "{change}");
    }
    let query = service.json("POST", &format!("{SEARCH}?words=jane"), Some(&hr), &recruiting("jane")).await;
    assert_eq!(query.status(), 422, "not in the address");
    assert_eq!(service.get(&format!("{SEARCH}?words=jane"), Some(&hr)).await.status(), 405);
}

#[tokio::test]
async fn each_search_is_in_the_trail_before_its_hits_and_its_words_are_nowhere() {
    let service = Service::start().await;
    let (hr, auditor) = (service.token(&[Role::Hr]).await, service.token(&[Role::Auditor]).await);
    let id = apply(&service, "Canary Quill", "canary-letter").await;
    apply(&service, "Somebody", "else").await;
    let trail = async || {
        let (_, page) = document(service.get("/api/v1/audit?limit=200", Some(&auditor)).await).await;
        page["items"].as_array().unwrap().clone()
    };
    let before = trail().await.len();
    assert_eq!(found(&service, &hr, &recruiting("canary quill")).await, std::slice::from_ref(&id));
    assert_eq!(found(&service, &hr, &recruiting("canary nothing")).await, [""; 0]);
    let all = json!({ "purpose": "recruitment", "status": "received" });
    assert_eq!(found(&service, &hr, &all).await.len(), 2);
    let entries = trail().await;
    let searches: Vec<&Value> = entries.iter().filter(|entry| entry["action"] == "search-submissions").collect();
    assert_eq!(entries.len(), before + 6 + 1, "two for each, and the look at the trail");
    let said: Vec<_> = searches.iter().map(|entry| entry["detail"]["search"].clone()).collect();
    let detail = |by: &str, found: Value| json!({ "by": by, "purposes": ["recruitment"], "found": found });
    let expected = [
        detail("filters", json!(2)),
        detail("filters", Value::Null),
        detail("words", json!(0)),
        detail("words", Value::Null),
        detail("words", json!(1)),
        detail("words", Value::Null),
    ];
    assert_eq!(said, expected);
    assert_eq!(searches[4]["subjects"][0]["submission"], id.as_str(), "the handles that it returned");
    assert_eq!(searches[4]["subjects"][0]["purpose"], "recruitment");
    assert_eq!(searches[4]["subjects"].as_array().unwrap().len(), 1);
    assert_eq!(searches[2]["subjects"], json!([]));
    let whole = serde_json::to_string(&entries).unwrap().to_lowercase();
    assert!(!whole.contains("canary") && !whole.contains("quill"), "{whole}");
}

#[tokio::test]
async fn what_is_erased_is_not_found_any_more() {
    let service = Service::start().await;
    let (hr, privacy) = (service.token(&[Role::Hr]).await, service.token(&[Role::Privacy]).await);
    let mut sent = Vec::new();
    for n in 0..4 {
        sent.push(apply_from(&service, "Jane", &format!("p{n}@example.org"), "letter").await);
    }
    for n in [1, 3] {
        let erased =
            service.send(service.request("DELETE", &format!("/api/v1/submissions/{}", sent[n])), Some(&privacy));
        assert_eq!(erased.await.status(), 200);
        let left: Vec<String> = sent
            .iter()
            .enumerate()
            .rev()
            .filter(|(m, _)| *m != 1 && (n == 1 || *m != 3))
            .map(|(_, id)| id.clone())
            .collect();
        assert_eq!(found(&service, &hr, &recruiting("jane")).await, left);
    }
}

/// While people are erased, each search gives whoever is found whole, and nobody whose erasure was answered before it began.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_erased_meanwhile_is_found_whole_or_not_at_all() {
    let service = Service::start().await;
    let hr = service.token(&[Role::Hr]).await;
    // One officer alone may not erase as many in a day.
    let officers = [service.token(&[Role::Privacy]).await, service.token(&[Role::Privacy]).await];
    let mut sent = Vec::new();
    for n in 0..60 {
        sent.push(apply_from(&service, &format!("Jane N{n}."), &format!("p{n}@example.org"), "letter").await);
    }
    let erased = Mutex::new(BTreeSet::new());
    let searches = AtomicUsize::new(0);
    let erasing = async {
        for (n, id) in sent.iter().step_by(2).enumerate() {
            // Neither of the two gets far ahead.
            while searches.load(Ordering::SeqCst) < n / 3 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let request = service.request("DELETE", &format!("/api/v1/submissions/{id}"));
            assert_eq!(service.send(request, Some(&officers[n % 2])).await.status(), 200);
            erased.lock().unwrap().insert(id.clone());
        }
    };
    let searching = async {
        loop {
            let gone = erased.lock().unwrap().clone();
            let (status, body) =
                ask(&service, &hr, &json!({ "words": "jane letter", "purpose": "recruitment", "limit": 200 })).await;
            assert_eq!(status, 200, "{body}");
            for item in body["items"].as_array().unwrap() {
                let n = sent.iter().position(|id| *id == text(&item["id"])).unwrap();
                assert_eq!(item["fields"]["name"], format!("Jane N{n}."), "not whole");
                assert!(!gone.contains(&sent[n]), "found after its erasure was answered");
            }
            let odd = ids(&body).iter().filter(|id| sent.iter().position(|one| one == *id).unwrap() % 2 == 1).count();
            assert_eq!(odd, 30, "nobody else is missing");
            searches.fetch_add(1, Ordering::SeqCst);
            if gone.len() == 30 {
                return;
            }
        }
    };
    tokio::join!(erasing, searching);
    println!("{} searches while 30 of 60 were erased", searches.load(Ordering::SeqCst));
}

#[tokio::test]
async fn one_person_searches_twice_at_a_time_and_no_more() {
    let service = Service::start().await;
    apply(&service, "Jane", "letter").await;
    let hr = owner(Role::Hr);
    let query =
        || search::Query { words: "jane".into(), purposes: vec!["recruitment".to_owned()], ..search::Query::default() };
    let begin = async || search::begin(&service.app, &hr, query(), Duration::from_secs(5)).await;
    let (first, _second) = (begin().await.unwrap(), begin().await.unwrap());
    assert_eq!(search::running(&service.app), 2);
    assert!(begin().await.is_err_and(|error| error.to_string() == "too much was tried"));
    let other = service.token(&[Role::Hr]).await;
    assert_eq!(found(&service, &other, &recruiting("jane")).await.len(), 1, "others are not kept from it");
    drop(first);
    assert!(begin().await.is_ok());
    assert_eq!(search::running(&service.app), 1);
}
