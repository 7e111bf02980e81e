//! One submission: whose it is, its labels, whether one has seen it, the former status, the history.

use letterlock::policy::Role;
use serde_json::{Value, json};

use crate::desk::Place;
use crate::support::{document, pdf, text};

async fn patch(place: &Place, token: &str, id: &str, body: &Value) -> (u16, Value) {
    document(place.service.json("PATCH", &format!("/api/v1/submissions/{id}"), Some(token), body).await).await
}

#[tokio::test]
async fn whose_it_is_and_its_labels_are_set_and_shown_to_those_who_read_it() {
    let place = Place::new().await;
    let hanna = place.staff("hanna", &[Role::Hr]).await;
    place.staff("sue", &[Role::Support]).await;
    let (id, _) = place.service.apply("jane@example.org", &pdf(2000, 1)).await;
    let hr = place.service.token(&[Role::Hr]).await;

    let (status, line) =
        patch(&place, &hr, &id, &json!({ "assignee": "hanna", "labels": [" b ", "A", "a"], "status": "interview" }))
            .await;
    assert_eq!(status, 200, "{line}");
    assert_eq!(
        (&line["assignee"], &line["labels"], &line["status"]),
        (&json!("hanna"), &json!(["A", "b"]), &json!("interview"))
    );
    let (_, line) =
        patch(&place, &hr, &id, &json!({ "add_labels": ["Second round"], "remove_labels": ["B", "none"] })).await;
    assert_eq!(line["labels"], json!(["A", "Second round"]));
    let page = hanna.page(&format!("/staff/record/{id}?purpose=recruitment")).await;
    assert!(page.contains("hanna (me)") && page.contains("<li>Second round</li>"), "{page}");

    // All of it or nothing, and each mistake by its name.
    for (body, problem) in [
        (json!({}), "nothing"),
        (json!({ "status": "hired", "assignee": "sue" }), "bad-assignee"),
        (json!({ "status": "hired", "assignee": "nobody-there" }), "bad-assignee"),
        (json!({ "status": "hired", "assignee": "team:none" }), "bad-assignee"),
        (json!({ "status": "hired", "assignee": "" }), "bad-assignee"),
        (json!({ "status": "hired", "labels": ["a,b"] }), "bad-label"),
        (json!({ "status": "hired", "labels": [""] }), "bad-label"),
        (json!({ "status": "hired", "labels": ["\u{202e}x"] }), "bad-label"),
        (json!({ "status": "hired", "labels": (0..21).map(|n| n.to_string()).collect::<Vec<_>>() }), "too-many"),
        (json!({ "status": "hired", "labels": [], "add_labels": [] }), "not-needed"),
        (json!({ "status": "closed", "labels": [] }), "bad-status"),
    ] {
        let (status, answer) = patch(&place, &hr, &id, &body).await;
        assert_eq!((status, &answer["problems"][0]["code"]), (422, &json!(problem)), "{body}: {answer}");
    }
    let (_, line) = patch(&place, &hr, &id, &json!({ "assignee": null })).await;
    assert_eq!(
        (&line["assignee"], &line["status"], line["labels"][0].as_str()),
        (&Value::Null, &json!("interview"), Some("A"))
    );

    // The console does the same.
    let work = format!("/staff/record/{id}/work");
    hanna.done(&work, &[("do", "take"), ("purpose", "recruitment")]).await;
    hanna.done(&work, &[("do", "labels"), ("labels", "x, <b>y</b>"), ("purpose", "recruitment")]).await;
    let page = hanna.page(&format!("/staff/record/{id}?purpose=recruitment")).await;
    assert!(page.contains("&#60;b&#62;y&#60;/b&#62;") && !page.contains("<b>y"), "{page}");
    let wrong = hanna.post(&work, &[("do", "labels"), ("labels", &"x".repeat(41)), ("purpose", "recruitment")]).await;
    assert_eq!(wrong.status(), 422);
    assert!(wrong.text().await.unwrap().contains(&"x".repeat(41)), "what was typed is not lost");
    hanna.done(&work, &[("do", "assign"), ("assignee", ""), ("purpose", "recruitment")]).await;
    let (_, shown) =
        document(place.service.get(&format!("/api/v1/submissions/{id}?purpose=recruitment"), Some(&hr)).await).await;
    assert_eq!((&shown["assignee"], &shown["labels"]), (&Value::Null, &json!(["<b>y</b>", "x"])));

    // Each is in the trail by its own name, with no word of what it was.
    let auditor = place.service.token(&[Role::Auditor]).await;
    let (_, trail) = document(place.service.get("/api/v1/audit?limit=200", Some(&auditor)).await).await;
    let done: Vec<String> = trail["items"].as_array().unwrap().iter().map(|entry| text(&entry["action"])).collect();
    let count = |action: &str| done.iter().filter(|one| *one == action).count();
    assert_eq!((count("assign"), count("set-labels"), count("set-status")), (4, 3, 1), "{done:?}");
    assert!(!trail.to_string().contains("Second round"));
}

#[tokio::test]
async fn the_officer_and_who_does_not_read_it_assign_nothing() {
    let place = Place::new().await;
    let (id, _) = place.service.apply("jane@example.org", &pdf(2000, 1)).await;
    let work = format!("/staff/record/{id}/work");
    for (login, role, expected) in [
        ("pat", Role::Privacy, 403),
        ("sue", Role::Support, 404),
        ("ada", Role::Admin, 404),
        ("aud", Role::Auditor, 404),
    ] {
        let staff = place.staff(login, &[role]).await;
        for pairs in [[("do", "assign"), ("assignee", "")], [("do", "labels"), ("labels", "x")]] {
            assert_eq!(staff.post(&work, &pairs).await.status(), expected, "{login} {pairs:?}");
        }
        let noted = staff.post(&format!("/staff/record/{id}/notes"), &[("note", "x")]).await.status();
        assert_eq!(noted, if role == Role::Privacy { 303 } else { 404 }, "{login}");
    }
}

#[tokio::test]
async fn what_one_has_seen_is_unread_to_others() {
    let place = Place::new().await;
    let (hanna, hugo) = (place.staff("hanna", &[Role::Hr]).await, place.staff("hugo", &[Role::Hr]).await);
    let (id, _) = place.service.apply("jane@example.org", &pdf(2000, 1)).await;
    let record = format!("/staff/record/{id}?purpose=recruitment");
    let unread = async |staff: &crate::desk::Staff<'_>| {
        staff.page("/staff/inbox?form=job-application").await.contains("class=\"unread\"")
    };
    assert!(unread(&hanna).await && unread(&hugo).await, "a glance at the list is no reading");
    hanna.page(&record).await;
    assert!(!unread(&hanna).await && unread(&hugo).await);
    let back = hanna.done(&format!("/staff/record/{id}/work"), &[("do", "unread"), ("purpose", "recruitment")]).await;
    assert_eq!(back, "/staff/inbox?form=job-application");
    assert!(unread(&hanna).await);
    // By the interface: for the account of the token.
    let token = place.service.token(&[Role::Hr]).await;
    let (_, line) = patch(&place, &token, &id, &json!({ "seen": true })).await;
    assert_eq!(line["seen"], true);
    let (_, list) = document(place.service.get("/api/v1/submissions", Some(&token)).await).await;
    assert_eq!(list["items"][0]["seen"], true);
    assert!(unread(&hugo).await);
}

#[tokio::test]
async fn a_status_can_be_gone_back_to_for_ten_minutes() {
    let place = Place::new().await;
    let hanna = place.staff("hanna", &[Role::Hr]).await;
    let (id, _) = place.service.apply("jane@example.org", &pdf(2000, 1)).await;
    let (record, status) = (format!("/staff/record/{id}?purpose=recruitment"), format!("/staff/record/{id}/status"));
    assert!(!hanna.page(&record).await.contains("Undo"));
    hanna.done(&status, &[("status", "rejected"), ("purpose", "recruitment")]).await;
    assert!(hanna.page(&record).await.contains("Undo: back to Received"));
    place.later(599);
    assert!(hanna.page(&record).await.contains("Undo: back to Received"));
    hanna.done(&status, &[("status", "received"), ("purpose", "recruitment")]).await;
    assert!(hanna.page(&record).await.contains("Undo: back to Rejected"));
    place.later(600);
    assert!(!hanna.page(&record).await.contains("Undo"));
}

#[tokio::test]
async fn the_history_says_who_read_it_and_did_what_and_nothing_of_others() {
    let place = Place::new().await;
    let (hanna, hugo) = (place.staff("hanna", &[Role::Hr]).await, place.staff("hugo", &[Role::Hr]).await);
    let (id, _) = place.service.apply("jane@example.org", &pdf(2000, 1)).await;
    let (other, _) = place.service.apply("jane@example.org", &pdf(2000, 2)).await;
    let record = |id: &str| format!("/staff/record/{id}?purpose=recruitment");
    hugo.page(&record(&other)).await;
    for _ in 0..3 {
        hanna.page("/staff/inbox?form=job-application").await;
    }
    hanna.page(&record(&id)).await;
    hanna.get(&format!("/staff/record/{id}/files/0?purpose=recruitment")).await.bytes().await.unwrap();
    hanna.done(&format!("/staff/record/{id}/status"), &[("status", "offer"), ("purpose", "recruitment")]).await;
    let page = hanna.page(&record(&id)).await;
    let lines: Vec<String> = page
        .split("<ol class=\"history\">")
        .nth(1)
        .unwrap()
        .split("<li>")
        .skip(1)
        .map(|line| {
            line.split("</time> <strong>").nth(1).unwrap().split("</li>").next().unwrap().replace("</strong>", "")
        })
        .collect();
    assert_eq!(
        lines,
        [
            "hanna read it",
            "hanna set the status: Offer",
            "hanna opened a file (1)",
            "hanna read it",
            "hanna saw it in a list, 3 times",
            "Whoever sent it sent it",
        ]
    );
}
