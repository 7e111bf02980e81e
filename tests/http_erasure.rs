//! A request to be erased, answered in the console: found, shown, confirmed, certified; and each way to do it by mistake.

#[path = "support/staff.rs"]
mod console;
mod support;

use console::{PASSWORD, Place, Staff, between, words};
use letterlock::policy::Role;
use letterlock::services::erase::Certificate;
use letterlock::services::staff;
use serde_json::{Value, json};
use support::{document, owner, pdf, text};

/// Longer than anybody counts as proven.
const STALE: u64 = 600;

async fn taken_up<'a>(place: &'a Place, login: &str, roles: &[Role]) -> (String, Staff<'a>) {
    let (secret, _, staff) = place.take_up(&place.invite(login, roles).await).await;
    (secret, staff)
}

/// Looks for an address. Returns the page, and the path that it leads to.
async fn find(staff: &Staff<'_>, email: &str) -> (String, Option<String>) {
    let (status, page) = words(staff.post("/staff/erasure", &[("email", email)]).await).await;
    assert_eq!(status, 200, "{page}");
    let from = "href=\"/staff/erasure/people/";
    let path = page.contains(from).then(|| format!("/staff/erasure/people/{}", between(&page, from, "\"")));
    (page, path)
}

fn seen(page: &str) -> String {
    between(page, "name=\"seen\" value=\"", "\"")
}

async fn confirm(staff: &Staff<'_>, path: &str, seen: &str, typed: &str) -> reqwest::Response {
    staff.post(&format!("{path}/confirmation"), &[("seen", seen), ("confirmation", typed)]).await
}

fn leads_to(answer: &reqwest::Response) -> (u16, String) {
    let to = answer.headers().get("location").map_or("", |to| to.to_str().unwrap());
    (answer.status().as_u16(), to.to_owned())
}

/// Everything in the trail, newest first.
async fn trail(place: &Place) -> Vec<Value> {
    let auditor = place.service.token(&[Role::Auditor]).await;
    let (mut out, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/audit?limit=200{after}");
        let (_, page) = document(place.service.get(&path, Some(&auditor)).await).await;
        out.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return out,
        }
    }
}

fn ordered(trail: &[Value]) -> usize {
    trail.iter().filter(|entry| entry["detail"].to_string().contains("ordered")).count()
}

#[tokio::test]
async fn from_an_address_to_the_certificate() {
    let place = Place::new().await;
    let service = &place.service;
    let (id, _) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let other = service.ask_support("jane@example.org").await;
    let (kept, _) = service.apply("omar@example.org", &pdf(2000, 2)).await;
    let (_, pia) = taken_up(&place, "pia", &[Role::Privacy]).await;
    let (_, hanna) = taken_up(&place, "hanna", &[Role::Hr]).await;
    assert!(pia.page("/staff").await.contains("href=\"/staff/erasure\""));
    let record = format!("/staff/record/{id}?purpose=recruitment");
    assert!(hanna.page(&record).await.contains("jane@example.org"), "open in another session");

    let (page, path) = find(&pia, " Jane@Example.ORG ").await;
    let path = path.unwrap_or_else(|| panic!("{page}"));
    for part in ["Somebody is held", "1 submission", "1 file", &format!("/staff/record/{id}"), &other] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.to_lowercase().contains("jane@"), "the address is in no answer: {page}");
    assert!(!page.contains("Jane"), "nor is anything of what was sent: {page}");
    let asked = pia.page(&path).await;
    assert!(asked.contains("Type “erase 2”") && asked.contains("cannot be undone"), "{asked}");
    for wrong in ["", "erase", "2", "erase 1", "yes", "erase 22"] {
        let (status, page) = words(confirm(&pia, &path, &seen(&asked), wrong).await).await;
        assert!(status == 422 && page.contains("Nothing was erased"), "{wrong}: {page}");
    }
    assert_eq!(ordered(&trail(&place).await), 0);
    assert!(hanna.page(&record).await.contains("jane@example.org"), "nothing was erased");

    let done = confirm(&pia, &path, &seen(&asked), " ERASE2 ").await;
    let handle = path.rsplit('/').next().unwrap();
    let at = format!("/staff/erasure/certificates/{handle}");
    assert_eq!(leads_to(&done), (303, at.clone()));
    let page = pia.page(&at).await;
    for part in ["This person was erased", "2 submissions, 1 file", handle, "letterlock erasure verify", "Privacy"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let key = service.get("/.well-known/letterlock-erasure-key", None).await.text().await.unwrap();
    assert!(page.contains(key.trim()), "by whose key");
    let key = data_encoding::HEXLOWER.decode(key.trim().as_bytes()).unwrap();
    let file = pia.get(&format!("{at}/file")).await;
    assert_eq!(file.headers()["content-type"], "application/json");
    let saved = file.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert!(saved.starts_with("attachment") && saved.contains(&format!("erasure-{handle}.json")), "{saved}");
    let certificate: Certificate = serde_json::from_str(&file.text().await.unwrap()).unwrap();
    assert_eq!(certificate.verify(&key), Ok(()));
    assert_eq!((certificate.statement.subject.to_string().as_str(), certificate.statement.records.len()), (handle, 2));

    // The same once more, by a second press, by going back, and by reloading.
    let again = confirm(&pia, &path, &seen(&asked), "erase 2").await;
    assert_eq!(leads_to(&again), (303, at.clone()));
    assert_eq!(leads_to(&pia.get(&path).await), (303, at.clone()));
    let trail = trail(&place).await;
    assert_eq!(ordered(&trail), 1, "one erasure");
    let told = serde_json::to_string(&trail).unwrap().to_lowercase();
    assert!(!told.contains("jane@") && !told.contains("example.org"), "the trail names no address");
    // What another has open leads nowhere any more.
    for path in
        [record.clone(), format!("/staff/record/{id}/files/0?purpose=recruitment"), format!("/staff/record/{id}")]
    {
        assert_eq!(hanna.get(&path).await.status(), 404, "{path}");
    }
    for path in ["status", "messages", "notes", "work"] {
        let pairs = [("status", "interview"), ("text", "x"), ("do", "unread")];
        let answer = hanna.post(&format!("/staff/record/{id}/{path}"), &pairs).await;
        assert_eq!(answer.status(), 404, "{path}");
    }
    assert_eq!(pia.get(&format!("/staff/erasure/records/{id}")).await.status(), 404, "it went with its person");
    let (page, path) = find(&pia, "jane@example.org").await;
    assert!(page.contains("Nobody is held") && path.is_none(), "{page}");
    assert_eq!(hanna.get(&format!("/staff/record/{kept}?purpose=recruitment")).await.status(), 200, "nobody else");
}

#[tokio::test]
async fn whoever_may_not_erase_learns_nothing_there() {
    let place = Place::new().await;
    let (id, _) = place.service.apply("jane@example.org", &pdf(2000, 1)).await;
    let (_, pia) = taken_up(&place, "pia", &[Role::Privacy]).await;
    let path = find(&pia, "jane@example.org").await.1.unwrap();
    let nobody = format!("/staff/erasure/people/{}", "a".repeat(26));
    let certificate = format!("/staff/erasure/certificates/{}", "a".repeat(26));
    for (login, role, status) in [
        ("hanna", Role::Hr, 403),
        ("sue", Role::Support, 403),
        ("ada", Role::Admin, 404),
        ("otto", Role::Auditor, 404),
        ("gina", Role::Guest, 404),
    ] {
        let (_, staff) = taken_up(&place, login, &[role]).await;
        assert!(!staff.page("/staff").await.contains("/staff/erasure"), "{login}: not in the menu");
        for path in ["/staff/erasure", &path, &nobody, &certificate, &format!("{certificate}/file")] {
            assert_eq!(staff.get(path).await.status(), status, "{login}: {path}");
        }
        for path in [&path, &nobody] {
            assert_eq!(confirm(&staff, path, "x", "erase 1").await.status(), status, "{login}: {path}");
        }
        for email in ["jane@example.org", "nobody@example.org", "nonsense"] {
            let answer = staff.post("/staff/erasure", &[("email", email)]).await;
            assert_eq!(answer.status(), status, "{login}: {email}");
        }
        let handle = "a".repeat(26);
        let answer = staff.post("/staff/erasure/certificates", &[("handle", &handle)]).await;
        assert_eq!(answer.status(), status, "{login}");
        // A submission that they work on is none that they erase; any other is not there.
        let expected = if role == Role::Hr { 403 } else { 404 };
        let path = format!("/staff/erasure/records/{id}");
        assert_eq!(staff.get(&path).await.status(), expected, "{login}");
        assert_eq!(confirm(&staff, &path, "x", "erase").await.status(), expected, "{login}");
    }
    // Who may, and names what is not there.
    assert_eq!(pia.get(&nobody).await.status(), 404);
    assert_eq!(confirm(&pia, &nobody, "", "erase 0").await.status(), 404);
    assert_eq!(pia.get(&format!("/staff/erasure/records/{}", "a".repeat(26))).await.status(), 404);
    let (status, page) = words(pia.get(&certificate).await).await;
    assert!(status == 404 && page.contains("Nothing of this name was erased here"), "{page}");
    assert_eq!(pia.get(&format!("{certificate}/file")).await.status(), 404);
    for bad in ["", "x", "jane@example.org"] {
        let (status, page) = words(pia.post("/staff/erasure/certificates", &[("handle", bad)]).await).await;
        assert!(status == 422 && page.contains("26 letters and digits"), "{bad}: {page}");
    }
    let (status, page) = words(pia.post("/staff/erasure", &[("email", "nonsense")]).await).await;
    assert!(status == 422 && page.contains("This is not an e-mail address."), "{page}");
    assert_eq!(pia.get("/staff/erasure?email=jane@example.org").await.status(), 422, "never in an address");
    assert_eq!(ordered(&trail(&place).await), 0);
}

#[tokio::test]
async fn who_was_proven_long_ago_is_asked_once_more_and_led_back() {
    let place = Place::new().await;
    let (id, _) = place.service.apply("jane@example.org", &pdf(2000, 1)).await;
    let (secret, pia) = taken_up(&place, "pia", &[Role::Privacy]).await;
    let person = find(&pia, "jane@example.org").await.1.unwrap();
    let record = format!("/staff/erasure/records/{id}");
    place.later(STALE);
    for (path, typed) in [(&person, "erase 1"), (&record, "erase")] {
        let page = pia.page(path).await;
        let confirmed = format!("/staff/confirm?to={path}");
        assert!(page.contains(&confirmed), "{page}");
        assert_eq!(leads_to(&confirm(&pia, path, &seen(&page), typed).await), (303, confirmed), "{path}");
    }
    assert_eq!(ordered(&trail(&place).await), 0, "nothing was erased");
    place.later(60);
    let proof = [("password", PASSWORD), ("code", &place.code(&secret)), ("to", person.as_str())];
    assert_eq!(leads_to(&pia.post("/staff/confirm", &proof).await), (303, person.clone()));
    let page = pia.page(&person).await;
    assert!(!page.contains("/staff/confirm"), "{page}");
    assert_eq!(confirm(&pia, &person, &seen(&page), "erase 1").await.status(), 303);
    assert_eq!(ordered(&trail(&place).await), 1);
}

/// Whatever came in since the page was shown is not erased unseen.
#[tokio::test]
async fn what_has_changed_since_is_shown_and_asked_again() {
    let place = Place::new().await;
    let (id, _) = place.service.apply("jane@example.org", &pdf(2000, 1)).await;
    let (_, pia) = taken_up(&place, "pia", &[Role::Privacy]).await;
    let (_, hanna) = taken_up(&place, "hanna", &[Role::Hr]).await;
    let path = find(&pia, "jane@example.org").await.1.unwrap();
    let page = pia.page(&path).await;
    place.service.ask_support("jane@example.org").await;
    // Not even with the number that would be right by now.
    for typed in ["erase 1", "erase 2"] {
        let (status, shown) = words(confirm(&pia, &path, &seen(&page), typed).await).await;
        assert!(status == 422 && shown.contains("something has changed") && shown.contains("erase 2"), "{shown}");
    }
    let page = pia.page(&path).await;
    let answered = hanna.post(&format!("/staff/record/{id}/messages"), &[("text", "Can you come on Tuesday?")]).await;
    assert_eq!(answered.status(), 303);
    let (status, shown) = words(confirm(&pia, &path, &seen(&page), "erase 2").await).await;
    assert!(status == 422 && shown.contains("1 message in the conversations"), "{shown}");
    assert_eq!(ordered(&trail(&place).await), 0);
    assert_eq!(confirm(&pia, &path, &seen(&shown), "erase 2").await.status(), 303, "what that page showed");
}

/// Whoever knows the address and sends without end does not keep somebody from being erased: once that was said, what comes in
/// goes as well, by choice.
#[tokio::test]
async fn whoever_keeps_sending_does_not_keep_somebody_from_being_erased() {
    let place = Place::new().await;
    let (_, pia) = taken_up(&place, "pia", &[Role::Privacy]).await;
    place.service.ask_support("jane@example.org").await;
    let path = find(&pia, "jane@example.org").await.1.unwrap();
    let page = pia.page(&path).await;
    assert!(!page.contains("with-more"), "not before anything came in: {page}");
    place.service.ask_support("jane@example.org").await;
    let (_, shown) = words(confirm(&pia, &path, &seen(&page), "erase 1").await).await;
    assert!(shown.contains("name=\"with-more\""), "{shown}");
    place.service.ask_support("jane@example.org").await;
    let post = async |typed: &str| {
        let pairs = [("seen", &*seen(&shown)), ("confirmation", typed), ("with-more", "yes")];
        pia.post(&format!("{path}/confirmation"), &pairs).await.status().as_u16()
    };
    for typed in ["", "erase", "erase 4", "erase -2"] {
        assert_eq!(post(typed).await, 422, "{typed}");
    }
    assert_eq!(ordered(&trail(&place).await), 0);
    assert_eq!(post("erase 2").await, 303, "what that page showed, and more");
}

#[tokio::test]
async fn one_alone_is_shown_the_way_to_a_second_person() {
    let place = Place::new().await;
    let service = &place.service;
    let (_, pia) = taken_up(&place, "pia", &[Role::Privacy]).await;
    let token = staff::create_token(&service.app, &owner(Role::Admin), "pia", &[Role::Privacy], None).await.unwrap();
    let token = token.bearer.expose().to_owned();
    let mut ids = Vec::new();
    for n in 0..25 {
        service.ask_support(&format!("p{n}@example.org")).await;
        let found = json!({ "email": format!("p{n}@example.org") });
        let (_, found) = document(service.json("POST", "/api/v1/subjects/search", Some(&token), &found).await).await;
        ids.push(text(&found["items"][0]["subject"]));
    }
    let (id, _) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let person = find(&pia, "jane@example.org").await.1.unwrap();
    let record = format!("/staff/erasure/records/{id}");
    let shown = [pia.page(&person).await, pia.page(&record).await];
    let gone = json!({ "subjects": ids });
    assert_eq!(service.json("POST", "/api/v1/subjects/erasures", Some(&token), &gone).await.status(), 200);
    let handle = person.rsplit('/').next().unwrap();
    let way = format!("/staff/requests?person={handle}#ask-erasure");
    for ((path, typed), before) in [(&person, "erase 1"), (&record, "erase")].into_iter().zip(&shown) {
        let page = pia.page(path).await;
        assert!(page.contains(&way) && !page.contains("name=\"confirmation\""), "{page}");
        let (status, page) = words(confirm(&pia, path, &seen(before), typed).await).await;
        assert!(status == 422 && page.contains("second person") && page.contains(&way), "{page}");
    }
    let page = pia.page(&format!("/staff/requests?person={handle}")).await;
    assert!(page.contains(&format!(">{handle}</textarea>")), "{page}");
    assert_eq!(pia.get("/staff/requests?person=x").await.status(), 422);
    assert_eq!(
        service
            .get(&format!("/api/v1/submissions/{id}?purpose=recruitment"), Some(&service.token(&[Role::Hr]).await))
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn a_single_submission_goes_and_its_person_stays() {
    let place = Place::new().await;
    let service = &place.service;
    let (id, _) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    let kept = service.ask_support("jane@example.org").await;
    let (_, pia) = taken_up(&place, "pia", &[Role::Privacy]).await;
    let (_, hanna) = taken_up(&place, "hanna", &[Role::Hr]).await;
    let path = format!("/staff/erasure/records/{id}");
    let purpose = "purpose=subject-request";
    assert!(pia.page(&format!("/staff/record/{id}?{purpose}")).await.contains(&format!("href=\"{path}\"")));
    let page = hanna.page(&format!("/staff/record/{id}?purpose=recruitment")).await;
    assert!(!page.contains("/staff/erasure"), "not for who may not");
    let page = pia.page(&path).await;
    assert!(page.contains("The other submissions of this person stay"), "{page}");
    for wrong in ["", "erase 1", "no"] {
        let (status, page) = words(confirm(&pia, &path, &seen(&page), wrong).await).await;
        assert!(status == 422 && page.contains("Nothing was erased"), "{wrong}: {page}");
    }
    assert_eq!(hanna.get(&format!("/staff/record/{id}?purpose=recruitment")).await.status(), 200);
    let at = format!("/staff/erasure/certificates/{id}");
    for _ in 0..2 {
        assert_eq!(leads_to(&confirm(&pia, &path, &seen(&page), "Erase").await), (303, at.clone()));
    }
    assert_eq!(ordered(&trail(&place).await), 1);
    let shown = pia.page(&at).await;
    assert!(shown.contains("Its person stays") && shown.contains("1 submission, 1 file"), "{shown}");
    let asked = pia.post("/staff/erasure/certificates", &[("handle", &format!(" {} ", id.to_uppercase()))]).await;
    assert_eq!(leads_to(&asked), (303, at), "found again by its name");
    assert_eq!(hanna.get(&format!("/staff/record/{id}?purpose=recruitment")).await.status(), 404);
    assert_eq!(pia.get(&format!("/staff/record/{kept}?{purpose}")).await.status(), 200);
    let page = pia.page(&format!("/staff/erasure/records/{kept}")).await;
    assert!(page.contains("It is the only one of this person"), "{page}");
}
