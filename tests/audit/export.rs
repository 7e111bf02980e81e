//! Stretches of the trail, followed by actor, act and person, and taken away as a signed file.

use letterlock::policy::Role;
use letterlock::services::audit;
use serde_json::{Value, json};

use crate::support::{Service, document, owner, pdf};
use crate::verifier::check;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_holds_every_entry_and_any_change_of_it_is_refused() {
    let service = Service::start().await;
    let auditor = service.token(&[Role::Auditor]).await;
    let key = crate::key(&service).await;
    service.apply("jane@example.org", &pdf(2000, 1)).await;
    for _ in 0..1_100 {
        audit::head(&service.app, &owner(Role::Auditor)).await.unwrap();
    }
    let get = async |query: &str| {
        let answer = service.get(&format!("/api/v1/audit/export{query}"), Some(&auditor)).await;
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (status, text) = get("").await;
    assert_eq!(status, 200);
    let said = check(&key, &text, None).unwrap();
    assert!(said.iter().any(|line| line == "none is missing from 0 to 999"), "{:?}", said.last());
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!((&last["entries"], &last["next"]), (&1_000.into(), &1_000.into()));
    let (_, rest) = get("?from=1000").await;
    check(&key, &rest, None).unwrap();
    let (_, short) = get("?from=2&to=7").await;
    check(&key, &short, None).unwrap();
    assert_eq!(short.lines().count(), 7);

    // A line gone, twice, exchanged, or a letter of any line changed; and the file cut anywhere.
    let lines: Vec<&str> = short.lines().collect();
    for n in 0..lines.len() {
        let (mut without, mut twice, mut other) = (lines.clone(), lines.clone(), lines.clone());
        without.remove(n);
        twice.insert(n, lines[n]);
        let changed = lines[n].replacen(":\"", ":\"x", 1).replacen(":true", ":false", 1);
        other[n] = &changed;
        for bad in [without, twice, other] {
            assert!(check(&key, &(bad.join("\n") + "\n"), None).is_err(), "line {n}");
        }
    }
    for cut in (1..short.len() - 1).step_by(97) {
        assert!(check(&key, &short[..cut], None).is_err(), "cut at {cut}");
    }
    for (query, expected) in [("?from=7&to=2", 422), ("?to=999999", 422), ("?from=x", 422), ("?after=1", 422)] {
        assert_eq!(get(query).await.0, expected, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_a_submission_and_a_member_of_staff_are_followed_by_handle_and_name() {
    let service = Service::start().await;
    let (auditor, hr) = (service.token(&[Role::Auditor]).await, service.token(&[Role::Hr]).await);
    let privacy = service.token(&[Role::Privacy]).await;
    let mut ids = Vec::new();
    for (n, email) in (1u8..).zip(["one@example.org", "two@example.org", "one@example.org"]) {
        let (id, _) = service.apply(email, &pdf(2000, n)).await;
        service.get(&format!("/api/v1/submissions/{id}?purpose=recruitment"), Some(&hr)).await;
        ids.push(id);
    }
    let asked = json!({ "email": "one@example.org" });
    let (_, found) = document(service.json("POST", "/api/v1/subjects/search", Some(&privacy), &asked).await).await;
    let person = found["items"][0]["subject"].as_str().unwrap().to_owned();
    let follow = async |query: &str| {
        let (status, page) = document(service.get(&format!("/api/v1/audit?{query}"), Some(&auditor)).await).await;
        assert_eq!(status, 200, "{query}: {page}");
        let acts = page["items"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap().to_owned());
        acts.collect::<Vec<_>>()
    };
    let of = |acts: &[&str]| acts.iter().map(|act| (*act).to_owned()).collect::<Vec<_>>();
    let both = of(&["find-subject", "read-submission", "submit", "read-submission", "submit"]);
    assert_eq!(follow(&format!("person={person}")).await, both);
    assert_eq!(follow(&format!("record={}", ids[1])).await, of(&["read-submission", "submit"]));
    assert_eq!(follow(&format!("person={person}&action=submit")).await, of(&["submit", "submit"]));
    assert_eq!(follow(&format!("person={person}&record={}", ids[1])).await, of(&[]));
    let (_, page) = document(service.get("/api/v1/audit?action=read-submission", Some(&auditor)).await).await;
    let reader = page["items"][0]["actor"].as_str().unwrap().to_owned();
    assert!(reader.starts_with("staff:"));
    assert_eq!(follow(&format!("actor={reader}")).await, of(&["read-submission"; 3]));
    assert_eq!(follow("person=aaaaaaaaaaaaaaaaaaaaaaaaaa").await, of(&[]));
    // Once erased, there is nobody to follow.
    let erased = service.request("POST", &format!("/api/v1/subjects/{person}/erasure")).bearer_auth(&privacy);
    assert_eq!(erased.send().await.unwrap().status(), 200);
    assert_eq!(follow(&format!("person={person}")).await, of(&[]));
    assert_eq!(follow(&format!("record={}", ids[0])).await, of(&[]));
    let bad = service.get("/api/v1/audit?person=jane%40example.org", Some(&auditor)).await;
    assert_eq!(bad.status(), 422, "by handle only");
}
