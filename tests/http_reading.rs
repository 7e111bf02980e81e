//! Whoever reads far more than work asks for, or than they usually do, is asked why before they go on, and privacy officers are told.

#[path = "support/letterbox.rs"]
#[allow(dead_code, unreachable_pub, reason = "a part of it is used here, and others share it across crates")]
mod letterbox;
#[path = "support/staff.rs"]
mod staff;
mod support;

use std::time::Duration;

use letterbox::Letterbox;
use letterlock::policy::{Action, Role, Scope};
use letterlock::services::reading::{self, Limits};
use letterlock::services::{alerts, audit, staff as accounts};
use serde_json::{Value, json};
use staff::{Place, Staff};
use support::{document, owner, pdf, text};

const REASON: &str = "Closing the applications of last quarter.";

async fn place(limits: Limits) -> Place {
    let place = Place::new().await;
    place.service.app.set_reading_limits(limits);
    place
}

async fn applications(place: &Place, count: u8) -> Vec<String> {
    let mut out = Vec::new();
    for n in 0..count {
        out.push(place.service.apply(&format!("p{n}@example.org"), &pdf(400, n)).await.0);
    }
    out
}

/// Somebody with a browser and a token.
async fn person<'a>(place: &'a Place, login: &str, role: Role) -> (Staff<'a>, String) {
    let (_, _, staff) = place.take_up(&place.invite(login, &[role]).await).await;
    let token = accounts::create_token(&place.service.app, &owner(Role::Admin), login, &[role], None).await.unwrap();
    (staff, token.bearer.expose().to_owned())
}

/// Opens one; the status, and the name of the problem if there is one.
async fn open(place: &Place, id: &str, token: &str) -> (u16, String) {
    let path = format!("/api/v1/submissions/{id}?purpose=recruitment");
    let (status, body) = document(place.service.get(&path, Some(token)).await).await;
    (status, body["type"].as_str().unwrap_or("").rsplit(':').next().unwrap().to_owned())
}

async fn explain(place: &Place, token: &str, reason: &str) -> u16 {
    let body = json!({ "reason": reason });
    place.service.json("POST", "/api/v1/reading/reason", Some(token), &body).await.status().as_u16()
}

async fn list(place: &Place, token: &str) -> Vec<Value> {
    let (status, body) = document(place.service.get("/api/v1/alerts", Some(token)).await).await;
    assert_eq!(status, 200, "{body}");
    body["items"].as_array().unwrap().clone()
}

fn asked() -> (u16, String) {
    (403, "reason-needed".to_owned())
}

#[tokio::test]
async fn one_too_many_within_ten_minutes_needs_a_reason_and_is_an_alert() {
    let place = place(Limits { most: 5, times: 0 }).await;
    let letters = Letterbox::default();
    letters.take(10);
    let (_, officer) = person(&place, "pia", Role::Privacy).await;
    let (hanna, token) = person(&place, "hanna", Role::Hr).await;
    let pias = Some("pia@example.org".into());
    accounts::set_email(&place.service.app, &owner(Role::Admin), "pia", pias.as_ref()).await.unwrap();
    let ids = applications(&place, 9).await;
    place.service.app.set_post(letters.post());
    for id in &ids[..5] {
        assert_eq!(open(&place, id, &token).await.0, 200);
    }
    // What was open already is no more than before, by whichever way, and its file goes with it.
    let file = format!("/api/v1/submissions/{}/files/0?purpose=recruitment", ids[0]);
    assert_eq!(
        (open(&place, &ids[0], &token).await.0, place.service.get(&file, Some(&token)).await.status()),
        (200, 200.try_into().unwrap())
    );
    let page = format!("/staff/record/{}?purpose=recruitment", ids[1]);
    assert!(hanna.page(&page).await.contains("p1@example.org"));
    assert_eq!(explain(&place, &token, REASON).await, 404, "nobody asked");

    // By the token, by the console, and a file alone: the account is one.
    assert_eq!(open(&place, &ids[5], &token).await, asked());
    let file = format!("/api/v1/submissions/{}/files/0?purpose=recruitment", ids[6]);
    assert_eq!(place.service.get(&file, Some(&token)).await.status(), 403);
    let record = format!("/staff/record/{}", ids[5]);
    let led = hanna.get(&format!("{record}?purpose=recruitment")).await;
    assert_eq!(
        (led.status().as_u16(), led.headers()["location"].to_str().unwrap().to_owned()),
        (303, format!("/staff/reason?to={record}"))
    );
    let page = hanna.page(&format!("/staff/reason?to={record}")).await;
    assert!(page.contains("more than 5 submissions opened within ten minutes"), "{page}");
    let mut told = letters.taken();
    for _ in 0..500 {
        if told.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
            told = letters.taken();
        }
    }
    assert_eq!((told.len(), told[0].to.as_str()), (1, "pia@example.org"));
    assert!(told[0].text.contains("https://letterlock.example/staff/alerts") && !told[0].text.contains("hanna"));

    // One alert, whatever was tried; nobody but officers and auditors sees it.
    let alerts = list(&place, &officer).await;
    assert_eq!(alerts.len(), 1);
    assert_eq!(
        (&alerts[0]["login"], &alerts[0]["kind"], &alerts[0]["reason"]),
        (&json!("hanna"), &json!("fast"), &Value::Null)
    );
    assert_eq!(place.service.get("/api/v1/alerts", Some(&token)).await.status(), 403);
    assert_eq!(hanna.get("/staff/alerts").await.status(), 403);

    // The reason: needed, one's own, and then work goes on, for an hour.
    assert_eq!(hanna.post("/staff/reason", &[("to", &record), ("reason", " ")]).await.status(), 422);
    assert_eq!(open(&place, &ids[5], &token).await, asked());
    let given = hanna.post("/staff/reason", &[("to", &record), ("reason", REASON)]).await;
    assert_eq!((given.status().as_u16(), given.headers()["location"].to_str().unwrap()), (303, record.as_str()));
    for id in &ids[5..] {
        assert_eq!(open(&place, id, &token).await.0, 200);
    }
    let elsewhere = hanna.post("/staff/reason", &[("to", "//evil.example"), ("reason", REASON)]).await;
    assert_eq!(elsewhere.headers()["location"], "/staff");
    place.later(59 * 60);
    for id in &ids {
        assert_eq!(open(&place, id, &token).await.0, 200);
    }
    place.later(2 * 60);
    assert_eq!(open(&place, &ids[8], &token).await, asked(), "and then it is asked anew");
    assert_eq!(list(&place, &officer).await.len(), 2);
    place.later(10 * 60);
    assert_eq!(open(&place, &ids[8], &token).await.0, 200, "who reads as others do is asked nothing");

    // The officer reads why and settles it; what was typed is in no trail.
    let (pat, _) = person(&place, "pat", Role::Privacy).await;
    let page = pat.page("/staff/alerts").await;
    assert!(page.contains(REASON) && page.contains("They have not said why"), "{page}");
    let id = text(&list(&place, &officer).await[1]["id"]);
    let settle = format!("/api/v1/alerts/{id}/settlement");
    assert_eq!(place.service.json("POST", &settle, Some(&token), &json!({})).await.status(), 403);
    assert_eq!(pat.post(&format!("/staff/alerts/{id}/settlement"), &[]).await.status(), 303);
    assert_eq!(list(&place, &officer).await[1]["settled_by"], "pat");
    let trail = audit::list(&place.service.app, &owner(Role::Auditor), None, Some(200)).await.unwrap();
    let acts: Vec<_> = trail.items.iter().map(|entry| text(&entry["action"])).collect();
    for (act, times) in [("raise-alert", 2), ("give-reason", 1), ("settle-alert", 1)] {
        assert_eq!(acts.iter().filter(|one| *one == act).count(), times, "{act}");
    }
    assert!(!serde_json::to_string(&trail.items).unwrap().contains(REASON));
}

#[tokio::test]
async fn lines_and_hits_count_a_tenth_and_officers_do_not_settle_their_own() {
    let place = place(Limits { most: 1, times: 0 }).await;
    let ids = applications(&place, 4).await;
    let (pia, officer) = person(&place, "pia", Role::Privacy).await;
    let lines = "/api/v1/submissions?form=job-application&purpose=recruitment&limit=4";
    let words = json!({ "words": "example.org", "purpose": "recruitment" });
    let bare = "/api/v1/submissions?form=job-application";
    for _ in 0..2 {
        assert_eq!(place.service.get(lines, Some(&officer)).await.status(), 200);
        assert_eq!(place.service.get(bare, Some(&officer)).await.status(), 200, "which tells of no content");
    }
    let searched = place.service.json("POST", "/api/v1/submissions/search", Some(&officer), &words).await;
    assert_eq!(searched.status(), 403);
    assert_eq!(place.service.get(lines, Some(&officer)).await.status(), 403);
    assert_eq!(open(&place, &ids[0], &officer).await.0, 200);
    let alert = list(&place, &officer).await.remove(0);
    assert_eq!((&alert["kind"], &alert["count"]), (&json!("lines"), &json!(12)));
    let settle = format!("/api/v1/alerts/{}/settlement", text(&alert["id"]));
    assert_eq!(place.service.json("POST", &settle, Some(&officer), &json!({})).await.status(), 403, "one's own");
    assert!(!pia.page("/staff/alerts").await.contains("I have seen to it"));
    let (_, paul) = person(&place, "paul", Role::Privacy).await;
    assert_eq!(place.service.json("POST", &settle, Some(&paul), &json!({})).await.status(), 204);
    assert_eq!(explain(&place, &officer, REASON).await, 204);
    assert_eq!(place.service.get(lines, Some(&officer)).await.status(), 200);

    // A token of one form and one act gives its reason as any other does.
    let scope = Scope::new(Some(vec![Action::ReadSubmission]), Some(vec!["job-application".parse().unwrap()]));
    let app = &place.service.app;
    let made = accounts::create_scoped_token(app, &owner(Role::Admin), "hal", &[Role::Hr], &scope, None).await.unwrap();
    let hal = made.bearer.expose();
    assert_eq!((open(&place, &ids[0], hal).await.0, open(&place, &ids[1], hal).await), (200, asked()));
    assert_eq!(explain(&place, hal, REASON).await, 204);
    assert_eq!(open(&place, &ids[1], hal).await.0, 200);
}

#[tokio::test]
async fn the_usual_day_comes_from_the_trail_also_after_a_start() {
    let place = Place::new().await;
    let ids = applications(&place, 3).await;
    let (_, token) = person(&place, "hanna", Role::Hr).await;
    let (_, other) = person(&place, "hugo", Role::Hr).await;
    for _ in 0..6 {
        for id in &ids {
            assert_eq!(open(&place, id, &token).await.0, 200);
        }
        place.later(24 * 60 * 60);
    }
    // As after a start: nothing of it is in memory, until the trail was gone through.
    place.service.app.set_reading_limits(Limits { most: 0, times: 3 });
    reading::begin(&place.service.app).unwrap().join().unwrap();
    for n in 0..20 {
        assert_eq!(open(&place, &ids[n % 3], &token).await.0, 200, "{n}");
    }
    assert_eq!(open(&place, &ids[0], &token).await, asked());
    let shown = alerts::list(&place.service.app, &owner(Role::Privacy)).await.unwrap();
    assert_eq!(shown[0].to_json()["usual"], 3);
    // Of whom nothing is known, nothing is unusual.
    for n in 0..30 {
        assert_eq!(open(&place, &ids[n % 3], &other).await.0, 200);
    }
    // An alert, with its reason, is there after a restart.
    assert_eq!(explain(&place, &token, REASON).await, 204);
    let Place { mut service, .. } = place;
    let dir = service.dir.clone();
    service.stop().await;
    drop(service);
    let app = support::open(dir.path());
    let shown = alerts::list(&app, &owner(Role::Privacy)).await.unwrap();
    assert_eq!(shown[0].to_json()["reason"], REASON);
    app.close().await;
}
