//! Who reads elsewhere sees only what a safeguard covers, and each such reading is in the register of transfers, for good.

#[path = "support/staff.rs"]
mod staff;
mod support;

use letterlock::domain::form::FormSet;
use letterlock::domain::region::Region;
use letterlock::policy::{Role, Safeguards};
use letterlock::services::{staff as accounts, transfers};
use serde_json::{Value, json};
use staff::{Place, Staff};
use support::{document, owner, pdf, text};

const IDTA: &str = "International data transfer agreement of 1 March 2026";

fn region(name: &str) -> Region {
    name.parse().unwrap()
}

/// A place that keeps in uk, and a form whose submissions are kept in za; with a safeguard for reading uk from za if `covered`.
async fn place(covered: bool) -> Place {
    let abroad = include_str!("../forms/support-request.toml").replace("purposes =", "region = \"za\"\npurposes =");
    let application = include_str!("../forms/job-application.toml");
    let forms = [("support-request.toml", abroad.as_str()), ("job-application.toml", application)];
    let place = Place::with_forms(FormSet::with_files(forms).unwrap()).await;
    let mut safeguards = Safeguards::default();
    if covered {
        safeguards.declare(region("uk"), region("za"), IDTA.to_owned());
    }
    place.service.app.set_safeguards(safeguards);
    place
}

/// Somebody who reads applications and support requests, from this region.
async fn reader<'a>(place: &'a Place, login: &str, from: Option<&str>) -> Staff<'a> {
    let (_, _, staff) = place.take_up(&place.invite(login, &[Role::Hr, Role::Support]).await).await;
    let from = from.map(region);
    accounts::set_region(&place.service.app, &owner(Role::Admin), login, from).await.unwrap();
    staff
}

/// A token of theirs.
async fn token(place: &Place, login: &str) -> String {
    let roles = [Role::Hr, Role::Support];
    let made = accounts::create_token(&place.service.app, &owner(Role::Admin), login, &roles, None).await.unwrap();
    made.bearer.expose().to_owned()
}

async fn register(place: &Place) -> Vec<Value> {
    let page = transfers::list(&place.service.app, &owner(Role::Privacy), None, None).await.unwrap();
    page.items.into_iter().map(|line| serde_json::to_value(line).unwrap()).collect()
}

#[tokio::test]
async fn without_a_safeguard_what_is_kept_elsewhere_is_as_good_as_not_there() {
    let place = place(false).await;
    let service = &place.service;
    let (id, _) = service.apply("ann@example.org", &pdf(400, 1)).await;
    let abroad = service.ask_support("bob@example.org").await;
    for (login, from, sees, hidden, purpose) in [
        ("thandi", Some("za"), &abroad, &id, "recruitment"),
        ("hanna", None, &id, &abroad, "support"),
        ("uma", Some("uk"), &id, &abroad, "support"),
    ] {
        let staff = reader(&place, login, from).await;
        let token = token(&place, login).await;
        let get = async |path: &str| service.get(path, Some(&token)).await.status().as_u16();
        let record = format!("/api/v1/submissions/{hidden}");
        assert_eq!(get(&format!("{record}?purpose={purpose}")).await, 404, "{login}");
        assert_eq!(get(&format!("{record}/files/0?purpose={purpose}")).await, 404, "{login}");
        assert_eq!(staff.get(&format!("/staff/record/{hidden}?purpose={purpose}")).await.status(), 404, "{login}");
        for (method, path, body) in [
            ("PATCH", record.clone(), json!({ "status": "interview" })),
            ("POST", format!("{record}/notes"), json!({ "text": "Call." })),
            ("POST", format!("{record}/messages"), json!({ "text": "Hello." })),
        ] {
            assert_eq!(service.json(method, &path, Some(&token), &body).await.status(), 404, "{login} {path}");
        }
        let (_, list) = document(service.get("/api/v1/submissions", Some(&token)).await).await;
        let ids: Vec<_> = list["items"].as_array().unwrap().iter().map(|item| text(&item["id"])).collect();
        assert_eq!(ids, [sees.as_str()], "{login}");
        for email in ["ann@example.org", "bob@example.org"] {
            let path = "/api/v1/subjects/search";
            let (_, found) = document(service.json("POST", path, Some(&token), &json!({ "email": email })).await).await;
            assert!(!found.to_string().contains(hidden.as_str()), "{login}: {found}");
        }
        let asked = json!({ "words": "example.org", "purpose": purpose });
        let (status, found) =
            document(service.json("POST", "/api/v1/submissions/search", Some(&token), &asked).await).await;
        assert_eq!((status, &found["items"]), (200, &json!([])), "{login}: {found}");
    }
    // Of a survey the counts are told everywhere, and words where they may be read.
    for (login, from, words) in [("mara", Some("za"), 404), ("max", None, 200)] {
        let app = &service.app;
        let admin = owner(Role::Admin);
        let made = accounts::create_token(app, &admin, login, &[Role::Marketing], None).await.unwrap();
        accounts::set_region(app, &admin, login, from.map(region)).await.unwrap();
        let get = async |path: &str| service.get(path, Some(made.bearer.expose())).await.status().as_u16();
        assert_eq!(get("/api/v1/forms/survey/results?purpose=survey").await, 200, "{login}");
        assert_eq!(get("/api/v1/forms/survey/results/ideas?purpose=survey").await, words, "{login}");
    }
    assert_eq!(register(&place).await, [] as [Value; 0]);
}

#[tokio::test]
async fn each_reading_across_regions_is_in_the_register_and_outlives_an_erasure() {
    let place = place(true).await;
    let service = &place.service;
    let (id, _) = service.apply("ann@example.org", &pdf(400, 1)).await;
    service.apply("amy@example.org", &pdf(400, 2)).await;
    let (thandi, _hanna) = (reader(&place, "thandi", Some("za")).await, reader(&place, "hanna", None).await);
    let far = token(&place, "thandi").await;
    let near = token(&place, "hanna").await;
    let record = format!("/api/v1/submissions/{id}?purpose=recruitment");
    let file = format!("/api/v1/submissions/{id}/files/0?purpose=recruitment");
    let lines = "/api/v1/submissions?form=job-application&purpose=recruitment";
    // At home nothing of it is a transfer; neither is a bare list, which tells of no content.
    for path in [record.as_str(), &file, lines, "/api/v1/submissions"] {
        assert_eq!(service.get(path, Some(&near)).await.status(), 200, "{path}");
    }
    assert_eq!(service.get("/api/v1/submissions", Some(&far)).await.status(), 200);
    assert_eq!(register(&place).await, [] as [Value; 0]);

    let words = json!({ "words": "ann@example.org", "purpose": "recruitment" });
    for (what, action, records) in
        [(lines, "read-submission", 2), (record.as_str(), "read-submission", 1), (&file, "read-file", 1)]
    {
        assert_eq!(service.get(what, Some(&far)).await.status(), 200, "{what}");
        let line = register(&place).await.remove(0);
        assert_eq!((&line["actor"], &line["action"]), (&json!("staff:thandi"), &json!(action)), "{what}");
        let expected = json!([{ "stored": "uk", "reader": "za", "safeguard": IDTA, "records": records }]);
        assert_eq!((&line["purposes"], &line["transfers"]), (&json!(["recruitment"]), &expected), "{what}");
    }
    let found = service.json("POST", "/api/v1/submissions/search", Some(&far), &words).await;
    assert_eq!(found.status(), 200);
    assert_eq!(register(&place).await[0]["action"], "search-submissions");
    let in_console = thandi.page(&format!("/staff/record/{id}?purpose=recruitment")).await;
    assert!(in_console.contains("ann@example.org"));
    assert_eq!(register(&place).await.len(), 5);

    // The officer and the auditor read it, by each way; others do not.
    let officer = service.token(&[Role::Privacy]).await;
    let (status, list) = document(service.get("/api/v1/transfers?limit=2", Some(&officer)).await).await;
    assert_eq!((status, list["items"].as_array().unwrap().len()), (200, 2));
    let next = format!("/api/v1/transfers?after={}", text(&list["next"]));
    let (_, rest) = document(service.get(&next, Some(&officer)).await).await;
    assert_eq!(rest["items"].as_array().unwrap().len(), 3);
    assert_eq!(service.get("/api/v1/transfers", Some(&far)).await.status(), 403);
    let (_, _, pia) = place.take_up(&place.invite("pia", &[Role::Privacy]).await).await;
    let page = pia.page("/staff/transfers").await;
    assert!(
        page.contains(IDTA) && page.contains("kept in uk, read from za") && page.contains("staff:thandi"),
        "{page}"
    );
    assert!(pia.page("/staff").await.contains("href=\"/staff/transfers\""));
    assert_eq!(thandi.get("/staff/transfers").await.status(), 403);
    let auditor = service.token(&[Role::Auditor]).await;
    let (_, trail) = document(service.get("/api/v1/audit?transfers=true", Some(&auditor)).await).await;
    assert_eq!(trail["items"].as_array().unwrap().len(), 5);

    // Nobody is named in it, so it stays when they are gone.
    let before = register(&place).await;
    let (_, shown) = document(service.get(&record, Some(&near)).await).await;
    let erased = service.request("POST", &format!("/api/v1/subjects/{}/erasure", text(&shown["subject"])));
    assert_eq!(service.send(erased, Some(&officer)).await.status(), 200);
    let after = register(&place).await;
    assert_eq!(after.len(), before.len());
    for (line, was) in after.iter().zip(&before) {
        assert_eq!(line["transfers"], was["transfers"]);
    }

    // Back home, from the next request on.
    accounts::set_region(&service.app, &owner(Role::Admin), "thandi", None).await.unwrap();
    assert_eq!(service.get(lines, Some(&far)).await.status(), 200);
    assert_eq!(register(&place).await.len(), before.len());
}

/// Nobody is given what they could not open: not by name, not as one to choose, and not by a team of theirs alone.
#[tokio::test]
async fn nothing_is_given_to_somebody_who_reads_elsewhere_without_a_safeguard() {
    let place = place(false).await;
    let hanna = reader(&place, "hanna", None).await;
    let _uma = reader(&place, "uma", None).await;
    let _thandi = reader(&place, "thandi", Some("za")).await;
    let (id, _) = place.service.apply("ann@example.org", &pdf(400, 1)).await;
    let token = token(&place, "hanna").await;
    let path = format!("/api/v1/submissions/{id}");
    let mut given = Vec::new();
    for login in ["uma", "thandi", "nobody-of-that-name"] {
        let answer = place.service.json("PATCH", &path, Some(&token), &json!({ "assignee": login })).await;
        given.push(answer.status().as_u16());
    }
    assert_eq!(given, [200, 422, 422]);
    let page = hanna.page(&format!("/staff/record/{id}?purpose=recruitment")).await;
    assert!(page.contains("value=\"uma\"") && !page.contains("thandi"), "{page}");
}
