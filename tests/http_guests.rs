//! Guests: accounts that read nothing by themselves, and one submission for some days where somebody lets them in.

#[path = "support/staff.rs"]
mod staff;
mod support;

use letterlock::domain::form::FormSet;
use letterlock::policy::Role;
use letterlock::services::{sign_in, staff as accounts};
use serde_json::json;
use staff::{Place, Staff, between, words};
use support::{document, owner, pdf, text};

const DAY: u64 = 24 * 60 * 60;

/// A record that somebody was let in to, and another that nobody was.
struct Scene<'a> {
    hanna: Staff<'a>,
    gus: Staff<'a>,
    lent: String,
    other: String,
    receipt: String,
}

async fn person<'a>(place: &'a Place, login: &str, roles: &[Role]) -> Staff<'a> {
    place.take_up(&place.invite(login, roles).await).await.2
}

impl<'a> Scene<'a> {
    async fn new(place: &'a Place) -> Self {
        let hanna = person(place, "hanna", &[Role::Hr]).await;
        let gus = person(place, "gus", &[Role::Guest]).await;
        let (lent, receipt) = place.service.apply("jane@example.org", &pdf(2000, 1)).await;
        let (other, _) = place.service.apply("jim@example.org", &pdf(2000, 2)).await;
        Self { hanna, gus, lent, other, receipt }
    }

    /// Lets gus in to the first record.
    async fn admit(&self, days: &str) -> u16 {
        let typed = [("guest", "gus"), ("days", days), ("purpose", "recruitment"), ("reason", "Would you hire her?")];
        self.hanna.post(&format!("/staff/record/{}/guests", self.lent), &typed).await.status().as_u16()
    }

    /// The address at which hanna ends it.
    async fn end(&self) -> String {
        let page = self.hanna.page(&record(&self.lent)).await;
        format!("/staff/record/{}/guests/{}", self.lent, between(&page, &format!("{}/guests/", self.lent), "\""))
    }
}

fn record(id: &str) -> String {
    format!("/staff/record/{id}?purpose=recruitment")
}

/// Method, address, and the body of a post.
type Way = (&'static str, String, Vec<(&'static str, &'static str)>);

/// Everything by which a record could be read or changed.
fn ways(id: &str) -> Vec<Way> {
    let at = |tail: &str| format!("/staff/record/{id}{tail}");
    vec![
        ("GET", at(""), vec![]),
        ("GET", at("?purpose=recruitment"), vec![]),
        ("GET", at("?purpose=subject-request"), vec![]),
        ("GET", at("/print?purpose=recruitment"), vec![]),
        ("GET", at("/files/0?purpose=recruitment"), vec![]),
        ("GET", at("/files/1?purpose=recruitment"), vec![]),
        ("POST", at("/notes"), vec![("note", "Hello")]),
        ("POST", at("/messages"), vec![("text", "Hello")]),
        ("POST", at("/status"), vec![("status", "hired")]),
        ("POST", at("/work"), vec![("do", "take")]),
        ("POST", at("/work"), vec![("do", "labels"), ("labels", "mine")]),
        ("POST", at("/work"), vec![("do", "unread")]),
        ("POST", at("/guests"), vec![("guest", "gus"), ("days", "7")]),
        ("POST", at(&format!("/guests/{}/end", "a".repeat(26))), vec![]),
    ]
}

#[tokio::test]
async fn a_guest_reads_what_they_were_let_in_to_and_nothing_else() {
    let place = Place::new().await;
    let scene = Scene::new(&place).await;
    let (gus, lent) = (&scene.gus, &scene.lent);
    for (method, path, body) in ways(lent).into_iter().chain(ways(&scene.other)) {
        let status =
            if method == "GET" { gus.get(&path).await.status() } else { gus.post(&path, &body).await.status() };
        assert_eq!(status, 404, "{method} {path} before anything was lent");
    }
    assert!(gus.page("/staff").await.contains("Nothing at the moment"));
    assert_eq!(scene.admit("7").await, 303);
    let home = gus.page("/staff").await;
    assert!(home.contains(&format!("/staff/record/{lent}")) && !home.contains(&scene.other), "{home}");
    assert!(home.contains("asked by hanna") && !home.contains("Jane"), "{home}");

    let page = gus.page(&format!("/staff/record/{lent}")).await;
    for shown in ["Jane Doe", "I would like to work with you.", "Jane Döe CV.pdf", "Not shown to guests"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    for kept in
        ["jane@example.org", "+442079460958", "Would you hire her?", "Conversation", "Received</", "/status", "/work"]
    {
        assert!(!page.contains(kept), "{kept}: {page}");
    }
    let file = gus.get(&format!("/staff/record/{lent}/files/0?purpose=recruitment")).await;
    assert!(file.status() == 200 && file.bytes().await.unwrap() == pdf(2000, 1));
    assert_eq!(gus.post(&format!("/staff/record/{lent}/notes"), &[("note", "Hire her.")]).await.status(), 303);
    assert!(gus.page(&record(lent)).await.contains("Hire her."), "one's own note");
    let seen = scene.hanna.page(&record(lent)).await;
    assert!(seen.contains("Hire her.") && seen.contains("Would you hire her?"), "{seen}");

    // Everything else of it, and everything of the other one, is as good as not there.
    let open = ["", "?purpose=recruitment", "/print?purpose=recruitment", "/files/0?purpose=recruitment", "/notes"];
    for (method, path, body) in ways(lent) {
        if open.iter().any(|tail| path == format!("/staff/record/{lent}{tail}")) {
            continue;
        }
        let status =
            if method == "GET" { gus.get(&path).await.status() } else { gus.post(&path, &body).await.status() };
        // A purpose that is none for guests is asked for again.
        let asked = path.ends_with("subject-request");
        assert_eq!(status, if asked { 200 } else { 404 }, "{method} {path}");
    }
    for (method, path, body) in ways(&scene.other) {
        let status =
            if method == "GET" { gus.get(&path).await.status() } else { gus.post(&path, &body).await.status() };
        assert_eq!(status, 404, "{method} {path}");
    }
    for path in
        ["/staff/inbox", "/staff/inbox?form=job-application", "/staff/audit", "/staff/vacancies", "/staff/search"]
    {
        let (status, page) = words(gus.get(path).await).await;
        assert!(status != 200 || !(page.contains(lent.as_str()) || page.contains(&scene.other)), "{path}: {page}");
        assert!(!page.contains("Jane"), "{path}");
    }
    let search = words(gus.post("/staff/search", &[("words", "Jane"), ("purpose", "recruitment")]).await).await;
    assert!(!search.1.contains(&scene.other) && !search.1.contains(lent), "{search:?}");
    let bulk = gus.post("/staff/inbox/changes", &[("id", lent.as_str()), ("do", "status"), ("status", "hired")]).await;
    assert_ne!(bulk.status(), 303);
    let status = document(
        place
            .service
            .get(
                &format!("/api/v1/submissions/{lent}?purpose=recruitment"),
                Some(&place.service.token(&[Role::Hr]).await),
            )
            .await,
    )
    .await
    .1;
    assert_eq!(text(&status["status"]), "received", "nothing was changed");
}

/// By the interface too, with a token of the guest's own account: the same record, with the same mask, and no other.
#[tokio::test]
async fn a_token_of_a_guest_reads_no_more_than_the_guest() {
    let place = Place::new().await;
    let scene = Scene::new(&place).await;
    let admin = owner(Role::Admin);
    let token = accounts::create_token(&place.service.app, &admin, "gus", &[Role::Guest], None).await.unwrap();
    let token = token.bearer.expose();
    assert_eq!(scene.admit("7").await, 303);
    let service = &place.service;
    let path = format!("/api/v1/submissions/{}", scene.lent);
    let (status, shown) = document(service.get(&format!("{path}?purpose=recruitment"), Some(token)).await).await;
    assert_eq!(status, 200, "{shown}");
    assert_eq!(shown["fields"]["name"], "Jane Doe");
    // Nor how it stands, whose it is, or what they agreed to.
    assert_eq!((shown.get("status"), shown.get("subject"), &shown["consents"]), (None, None, &json!({})), "{shown}");
    let print = scene.gus.page(&format!("/staff/record/{}/print?purpose=recruitment", scene.lent)).await;
    for hidden in ["Received.", "talent-pool", "jane@example.org"] {
        assert!(!print.contains(hidden), "{hidden}: {print}");
    }
    for hidden in ["jane@example.org", "7946", "Would you hire"] {
        assert!(!shown.to_string().contains(hidden), "{hidden}: {shown}");
    }
    for other in ["subject-request", "curiosity", ""] {
        let status = service.get(&format!("{path}?purpose={other}"), Some(token)).await.status();
        assert_eq!(status, 422, "{other:?}");
    }
    assert_eq!(service.get(&format!("{path}/files/0?purpose=recruitment"), Some(token)).await.status(), 200);
    let foreign = format!("/api/v1/submissions/{}", scene.other);
    for tail in ["?purpose=recruitment", "", "/files/0?purpose=recruitment", "/files/1?purpose=recruitment"] {
        assert_eq!(service.get(&format!("{foreign}{tail}"), Some(token)).await.status(), 404, "{tail}");
    }
    for path in
        ["/api/v1/submissions", "/api/v1/submissions?form=job-application", "/api/v1/submissions?purpose=recruitment"]
    {
        assert_eq!(service.get(path, Some(token)).await.status(), 404, "{path}");
    }
    for (method, tail, body) in [
        ("PATCH", "", json!({ "status": "hired" })),
        ("POST", "/messages", json!({ "text": "Hello" })),
        ("DELETE", "", json!({})),
    ] {
        assert_eq!(service.json(method, &format!("{path}{tail}"), Some(token), &body).await.status(), 404, "{method}");
    }
    let search = json!({ "words": "jane", "purpose": "recruitment" });
    assert_eq!(service.json("POST", "/api/v1/submissions/search", Some(token), &search).await.status(), 404);
    // Somebody else's guest account reads nothing of it.
    let stranger = place.service.token(&[Role::Guest]).await;
    assert_eq!(service.get(&format!("{path}?purpose=recruitment"), Some(&stranger)).await.status(), 404);
}

/// Files of the conversation have numbers after those that were sent first; a guest, who sees none of it, cannot count on.
#[tokio::test]
async fn a_guest_cannot_fetch_files_of_the_conversation_by_number() {
    let place = Place::new().await;
    let scene = Scene::new(&place).await;
    let service = &place.service;
    let here = |request: reqwest::RequestBuilder| request.header("sec-fetch-site", "same-origin");
    let entered = here(service.form("/my", &[("code", &scene.receipt)])).send().await.unwrap();
    let cookie = entered.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let page = words(here(service.request("GET", "/my")).header("cookie", &cookie).send().await.unwrap()).await.1;
    let hidden = |name: &str| between(&page, &format!("name=\"{name}\" value=\""), "\"");
    let file = reqwest::multipart::Part::bytes(pdf(2000, 9)).file_name("secret.pdf");
    let message = reqwest::multipart::Form::new().text("_guard", hidden("_guard")).text("_once", hidden("_once"));
    let message = message.text("text", "More.").part("file", file);
    let request = here(service.request("POST", "/my/messages").multipart(message)).header("cookie", &cookie);
    assert_eq!(request.send().await.unwrap().status(), 303);
    let second = format!("/staff/record/{}/files/1?purpose=recruitment", scene.lent);
    assert_eq!(scene.hanna.get(&second).await.status(), 200, "it is there for who sees the conversation");
    assert_eq!(scene.admit("7").await, 303);
    for n in 1..4 {
        let path = format!("/staff/record/{}/files/{n}?purpose=recruitment", scene.lent);
        assert_eq!(scene.gus.get(&path).await.status(), 404, "{n}");
    }
}

#[tokio::test]
async fn what_ends_a_pass_ends_it_at_once_also_for_an_open_session() {
    let place = Place::new().await;
    let scene = Scene::new(&place).await;
    let path = record(&scene.lent);
    let reads = async || scene.gus.get(&path).await.status() == 200;
    // Its days.
    assert_eq!(scene.admit("1").await, 303);
    assert!(reads().await);
    place.later(DAY - 1);
    let (_, _, gus) = place.take_up(&place.invite("gil", &[Role::Guest]).await).await;
    assert_eq!(gus.get(&path).await.status(), 404, "another guest");
    let app = &place.service.app;
    let admin = owner(Role::Admin);
    let token = accounts::create_token(app, &admin, "gus", &[Role::Guest], None).await.unwrap();
    let by_token = format!("/api/v1/submissions/{}?purpose=recruitment", scene.lent);
    let reads_by_token = async || place.service.get(&by_token, Some(token.bearer.expose())).await.status().as_u16();
    assert_eq!(reads_by_token().await, 200);
    place.later(1);
    assert_eq!(reads_by_token().await, 404);
    // Somebody ends it.
    let hilde = person(&place, "hilde", &[Role::Hr]).await;
    let admit = async |days: &str| {
        let typed = [("guest", "gus"), ("days", days)];
        hilde.post(&format!("/staff/record/{}/guests", scene.lent), &typed).await.status().as_u16()
    };
    assert_eq!(admit("30").await, 303);
    assert_eq!(reads_by_token().await, 200);
    let page = hilde.page(&path).await;
    assert!(page.contains("let in by hilde") && page.contains("gus</strong>"), "{page}");
    let pass = between(&page, &format!("{}/guests/", scene.lent), "/end");
    let wrong = format!("/staff/record/{}/guests/{pass}/end", scene.other);
    assert_eq!(hilde.post(&wrong, &[]).await.status(), 404, "a pass of another record");
    assert_eq!(reads_by_token().await, 200);
    assert_eq!(hilde.post(&format!("/staff/record/{}/guests/{pass}/end", scene.lent), &[]).await.status(), 303);
    assert_eq!(reads_by_token().await, 404);
    assert_eq!(hilde.post(&format!("/staff/record/{}/guests/{pass}/end", scene.lent), &[]).await.status(), 404);
    // Whoever let them in may not read it any more.
    assert_eq!(admit("30").await, 303);
    assert_eq!(reads_by_token().await, 200);
    letterlock::services::sign_in::change_roles(app, &admin, "hilde", &[Role::Support]).await.unwrap();
    assert_eq!(reads_by_token().await, 404, "a pass is worth what its giver may read");
    // What is over is removed, so that it does not come back with the roles.
    letterlock::services::guests::tidy(app).await.unwrap();
    letterlock::services::sign_in::change_roles(app, &admin, "hilde", &[Role::Hr]).await.unwrap();
    assert_eq!(reads_by_token().await, 404);
}

#[tokio::test]
async fn with_the_person_the_pass_is_gone_and_it_outlives_a_restart_otherwise() {
    let place = Place::new().await;
    let scene = Scene::new(&place).await;
    assert_eq!(scene.admit("7").await, 303);
    let privacy = place.service.token(&[Role::Privacy]).await;
    assert_eq!(
        place
            .service
            .send(place.service.request("DELETE", &format!("/api/v1/submissions/{}", scene.lent)), Some(&privacy))
            .await
            .status(),
        200
    );
    assert_eq!(scene.gus.get(&record(&scene.lent)).await.status(), 404);
    assert!(scene.gus.page("/staff").await.contains("Nothing at the moment"));
    letterlock::services::guests::tidy(&place.service.app).await.unwrap();
    let verified = letterlock::services::verify::run(&place.service.app, &owner(Role::Admin), &|_, _| ()).await;
    assert_eq!(verified.unwrap().problems, [""; 0]);
}

#[tokio::test]
async fn nobody_lends_what_they_may_not_read_nor_to_themselves() {
    let place = Place::new().await;
    let scene = Scene::new(&place).await;
    let at = format!("/staff/record/{}/guests", scene.lent);
    let typed =
        |guest: &'static str, days: &'static str| [("guest", guest), ("days", days), ("purpose", "recruitment")];
    for role in Role::ALL {
        if role == Role::Hr {
            continue;
        }
        let staff = person(&place, role.as_str(), &[role]).await;
        let expected = if role == Role::Privacy { 403 } else { 404 };
        assert_eq!(staff.post(&at, &typed("gus", "7")).await.status(), expected, "{role}");
        if role != Role::Privacy && role != Role::Guest {
            assert!(!staff.page("/staff").await.contains("What you were asked to look at"), "{role}");
        }
    }
    assert_eq!(scene.gus.get(&record(&scene.lent)).await.status(), 404);
    // Nobody, no guest, too many days; each with a word beside it.
    for (guest, days) in
        [("nobody", "7"), ("hanna", "7"), ("support", "7"), ("", "7"), ("gus", "0"), ("gus", "31"), ("gus", "x")]
    {
        let (status, page) = words(scene.hanna.post(&at, &typed(guest, days)).await).await;
        assert!(status == 422 && page.contains("Nobody was let in"), "{guest} {days}: {status}");
    }
    let both = person(&place, "both", &[Role::Hr, Role::Guest]).await;
    assert_eq!(both.post(&at, &typed("both", "7")).await.status(), 422, "oneself");
    // The privacy officer ends what others have begun.
    assert_eq!(scene.admit("7").await, 303);
    let pia = person(&place, "pia", &[Role::Privacy]).await;
    let end = scene.end().await;
    assert_eq!(pia.post(&end, &[]).await.status(), 303);
    assert_eq!(scene.gus.get(&record(&scene.lent)).await.status(), 404);
}

/// Whoever reads while it is ended has read it before, or not at all: what begins after the end was acknowledged is refused.
#[tokio::test]
async fn no_reading_begins_after_the_end_was_acknowledged() {
    let place = Place::new().await;
    let scene = Scene::new(&place).await;
    let path = record(&scene.lent);
    for _ in 0..5 {
        assert_eq!(scene.admit("7").await, 303);
        let end = scene.end().await;
        let reading = async {
            let mut read = 0;
            for _ in 0..20 {
                read += u32::from(scene.gus.get(&path).await.status() == 200);
            }
            read
        };
        let ending = async {
            assert_eq!(scene.hanna.post(&end, &[]).await.status(), 303);
            scene.gus.get(&path).await.status()
        };
        let (_, after) = tokio::join!(reading, ending);
        assert_eq!(after, 404);
    }
}

#[tokio::test]
async fn each_pass_each_end_and_each_reading_is_in_the_trail_and_guests_are_counted() {
    let place = Place::new().await;
    let scene = Scene::new(&place).await;
    assert_eq!(scene.admit("7").await, 303);
    assert_eq!(scene.gus.get(&record(&scene.lent)).await.status(), 200);
    let end = scene.end().await;
    assert_eq!(scene.hanna.post(&end, &[]).await.status(), 303);
    let auditor = place.service.token(&[Role::Auditor]).await;
    let of = async |action: &str| {
        let path = format!("/api/v1/audit?action={action}&record={}&limit=200", scene.lent);
        let (_, trail) = document(place.service.get(&path, Some(&auditor)).await).await;
        trail["items"].as_array().cloned().unwrap_or_default()
    };
    let admitted = of("admit-guest").await;
    assert!(admitted.len() == 1 && admitted[0]["actor"] == "staff:hanna", "{admitted:?}");
    assert!(
        admitted[0]["detail"].to_string().contains("let in until") && !admitted[0].to_string().contains("Would you")
    );
    assert_eq!(of("dismiss-guest").await.len(), 1);
    let reads = of("read-submission").await;
    assert!(reads.iter().any(|entry| entry["actor"] == "staff:gus" && entry["role"] == "guest"), "{reads:?}");
}

/// The two limits of unusual reading hold for guests as for anybody.
#[tokio::test]
async fn a_guest_who_reads_unusually_much_is_asked_why() {
    let place = Place::new().await;
    place.service.app.set_reading_limits(letterlock::services::reading::Limits { most: 1, times: 0 });
    let scene = Scene::new(&place).await;
    assert_eq!(scene.admit("7").await, 303);
    let at = format!("/staff/record/{}/guests", scene.other);
    // Hanna has opened one already by letting somebody in to it; two are more than one.
    let hilde = person(&place, "hilde", &[Role::Hr]).await;
    assert_eq!(hilde.post(&at, &[("guest", "gus"), ("days", "7")]).await.status(), 303);
    assert_eq!(scene.gus.get(&record(&scene.lent)).await.status(), 200);
    let asked = scene.gus.get(&record(&scene.other)).await;
    assert_eq!(asked.status(), 303);
    assert!(asked.headers()["location"].to_str().unwrap().starts_with("/staff/reason"));
}

/// Of a form that shows a date to hr alone, to whom its guests are likened: who is not shown it lends it to nobody, and whoever
/// lent it and is not shown it any more does not either.
#[tokio::test]
async fn nobody_lends_what_they_are_not_shown_themselves() {
    let masked = include_str!("support/masked.toml").replace("[\"support\", \"hr\"]", "[\"hr\", \"support\"]");
    let place = Place::with_forms(FormSet::with_files([("move.toml", masked.as_str())]).unwrap()).await;
    let hanna = person(&place, "hanna", &[Role::Hr]).await;
    let sue = person(&place, "sue", &[Role::Support]).await;
    let gus = person(&place, "gus", &[Role::Guest]).await;
    let fields = json!({ "fields": { "email": "jane@example.org", "message": "Hello", "birth": "1985-04-12" } });
    let sent = place.service.request("POST", "/api/v1/forms/move/submissions").json(&fields).send().await.unwrap();
    let (status, body) = document(sent).await;
    assert_eq!(status, 201, "{body}");
    let id = text(&body["submission"]);
    let (guests, page) = (format!("/staff/record/{id}/guests"), format!("/staff/record/{id}?purpose=moving"));
    let typed = [("guest", "gus"), ("days", "7"), ("purpose", "moving"), ("reason", "")];
    assert!(!sue.page(&page).await.contains("1985"));
    let refused = sue.post(&guests, &typed).await;
    assert_eq!(refused.status(), 422);
    assert!(refused.text().await.unwrap().contains("ask a colleague"));
    assert_eq!(gus.get(&page).await.status(), 404);
    assert_eq!(hanna.post(&guests, &typed).await.status(), 303);
    assert!(gus.page(&page).await.contains("1985"));
    sign_in::change_roles(&place.service.app, &owner(Role::Admin), "hanna", &[Role::Support]).await.unwrap();
    assert_eq!(gus.get(&page).await.status(), 404, "whoever let them in is not shown it any more");
}
