//! Invitations and rejections: proposed in the language of the submission, changed, mailed through the sealed outbox, and kept in the
//! conversation.

#[path = "support/letterbox.rs"]
#[allow(dead_code, unreachable_pub, reason = "a part of it is used here, and others share it across crates")]
mod letterbox;
#[path = "support/staff.rs"]
mod staff;
mod support;

use letterbox::Letterbox;
use letterlock::domain::form::{FormSet, Source, Sources};
use letterlock::domain::staff::CustomRole;
use letterlock::policy::{Action, CustomRoles, Role};
use letterlock::services::post;
use serde_json::json;
use staff::{Place, Staff, words};
use support::{Service, document, free_limits, pdf, text};

async fn person<'a>(place: &'a Place, login: &str, roles: &[Role]) -> Staff<'a> {
    place.take_up(&place.invite(login, roles).await).await.2
}

/// Sends what waits; returns how many were taken.
async fn deliver(service: &Service) -> usize {
    let post = service.app.post().unwrap().clone();
    post::deliver(&service.app, &post).await.unwrap()
}

fn letter(id: &str) -> String {
    format!("/staff/record/{id}/letter")
}

/// An application in German, by the page; returns its id.
async fn apply_in_german(service: &Service, email: &str) -> String {
    let cv = reqwest::multipart::Part::bytes(pdf(2000, 1)).file_name("cv.pdf");
    let form = reqwest::multipart::Form::new().text("name", "Jane Doe").text("email", email.to_owned());
    let form = form.text("letter", "Ich war einmal krank.").part("cv", cv);
    let request = service.request("POST", "/f/job-application").header("accept-language", "de");
    let request = request.header("sec-fetch-site", "same-origin").multipart(form);
    let (status, page) = words(request.send().await.unwrap()).await;
    assert!(status < 400, "{page}");
    let hr = service.token(&[Role::Hr]).await;
    let (_, list) = document(service.get("/api/v1/submissions?form=job-application", Some(&hr)).await).await;
    text(&list["items"][0]["id"])
}

#[tokio::test]
async fn an_invitation_is_proposed_changed_mailed_and_kept() {
    let place = Place::new().await;
    let letters = Letterbox::default();
    letters.take(100);
    place.service.app.set_post(letters.post());
    let hanna = person(&place, "hanna", &[Role::Hr]).await;
    let id = apply_in_german(&place.service, "jane@example.org").await;
    deliver(&place.service).await;
    let acknowledged = letters.taken();
    assert_eq!((acknowledged.len(), acknowledged[0].to.as_str()), (1, "jane@example.org"), "acknowledged at once");
    // Offered, not forced, where the status says so.
    let status = [("status", "interview"), ("purpose", "recruitment")];
    assert_eq!(hanna.post(&format!("/staff/record/{id}/status"), &status).await.status(), 303);
    let page = hanna.page(&format!("/staff/record/{id}?purpose=recruitment")).await;
    assert!(page.contains("write an invitation"), "{page}");
    assert_eq!(deliver(&place.service).await, 0, "nothing by itself");

    let page = hanna.page(&format!("{}?letter=invitation&purpose=recruitment", letter(&id))).await;
    for shown in [
        "jane@example.org",
        "Guten Tag,",
        "Eine Einladung: Bewerben Sie sich bei uns",
        "https://letterlock.example/my",
        "lang=\"de\"",
    ] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let typed = "Guten Tag,\n\nkommen Sie am Dienstag um 10 Uhr?";
    let body = [("letter", "invitation"), ("purpose", "recruitment"), ("text", typed), ("do", "look")];
    let (status, page) = words(hanna.post(&letter(&id), &body).await).await;
    assert!(status == 200 && page.matches("am Dienstag um 10 Uhr").count() == 2, "typed and shown: {page}");
    assert_eq!(deliver(&place.service).await, 0, "a look sends nothing");
    let body = [("letter", "invitation"), ("purpose", "recruitment"), ("text", typed), ("do", "send")];
    let sent = hanna.post(&letter(&id), &body).await;
    assert_eq!(sent.status(), 303);
    assert!(sent.headers()["location"].to_str().unwrap().ends_with("#message-1"));
    assert_eq!(deliver(&place.service).await, 1);
    let mails = letters.taken();
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, "jane@example.org"));
    assert_eq!(mails[0].subject, "Eine Einladung: Bewerben Sie sich bei uns");
    assert!(mails[0].text.starts_with(typed) && mails[0].text.contains("https://letterlock.example/my"));
    // No more of the person than the letter itself says.
    for kept in ["Jane Doe", "einmal krank", id.as_str()] {
        assert!(!mails[0].text.contains(kept), "{kept}: {}", mails[0].text);
    }
    let page = hanna.page(&format!("/staff/record/{id}?purpose=recruitment")).await;
    assert!(page.contains("kommen Sie am Dienstag um 10 Uhr?"), "a copy in the conversation");
}

#[tokio::test]
async fn hostile_text_of_a_letter_is_text_and_makes_no_headers() {
    let place = Place::new().await;
    let letters = Letterbox::default();
    letters.take(100);
    let hanna = person(&place, "hanna", &[Role::Hr]).await;
    let (id, _) = place.service.apply("jane@example.org", &pdf(2000, 1)).await;
    place.service.app.set_post(letters.post());
    let typed =
        "Hello\r\nBcc: eve@example.org\r\nSubject: other\r\n\r\n<script>alert(1)</script>{{ 7 * 7 }}{% include 'x' %}";
    let body = [("letter", "rejection"), ("purpose", "recruitment"), ("text", typed), ("do", "look")];
    let (status, page) = words(hanna.post(&letter(&id), &body).await).await;
    assert!(status == 200 && !page.contains("<script>alert") && page.contains("{{ 7 * 7 }}"), "{page}");
    let body = [("letter", "rejection"), ("purpose", "recruitment"), ("text", typed), ("do", "send")];
    assert_eq!(hanna.post(&letter(&id), &body).await.status(), 303);
    assert_eq!(deliver(&place.service).await, 1);
    let mails = letters.taken();
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, "jane@example.org"));
    assert_eq!(mails[0].subject, "About your application: Apply to work with us");
    assert!(mails[0].text.contains("Bcc: eve@example.org") && mails[0].text.contains("{{ 7 * 7 }}"), "words like any");
    for (field, bad) in [("text", ""), ("text", "a\u{0}b"), ("letter", "offer")] {
        let mut body = vec![("letter", "rejection"), ("purpose", "recruitment"), ("text", "x"), ("do", "send")];
        body.retain(|(name, _)| *name != field);
        body.push((field, bad));
        assert_eq!(hanna.post(&letter(&id), &body).await.status(), 422, "{field} {bad:?}");
    }
    assert_eq!(deliver(&place.service).await, 0);
}

#[tokio::test]
async fn only_who_writes_to_people_sends_letters_and_each_is_in_the_trail() {
    let place = Place::new().await;
    let (id, _) = place.service.apply("jane@example.org", &pdf(2000, 1)).await;
    let support = place.service.ask_support("sam@example.org").await;
    for role in Role::ALL {
        let staff = person(&place, role.as_str(), &[role]).await;
        let may = matches!(role, Role::Hr | Role::Privacy);
        let body = [("letter", "invitation"), ("purpose", "recruitment"), ("text", "Come."), ("do", "send")];
        let sent = staff.post(&letter(&id), &body).await.status().as_u16();
        assert_eq!(sent, if may { 303 } else { 404 }, "{role}");
        let seen = staff.get(&format!("{}?letter=invitation&purpose=recruitment", letter(&id))).await.status().as_u16();
        assert_eq!(seen, if may { 200 } else { 404 }, "{role}");
        // Letters are about applications.
        assert_eq!(staff.post(&letter(&support), &body).await.status(), 404, "{role}");
    }
    // Without a mail server nothing is lost: it waits on the person's page, and the page says so.
    let hanna = person(&place, "hanna", &[Role::Hr]).await;
    let page = hanna.page(&format!("{}?letter=rejection&purpose=recruitment", letter(&id))).await;
    assert!(page.contains("No mails are sent here") && page.contains("thank you for your application"), "{page}");
    assert!(hanna.page(&format!("/staff/record/{id}?purpose=recruitment")).await.contains("Come."));
    let auditor = place.service.token(&[Role::Auditor]).await;
    let path = format!("/api/v1/audit?action=write-message&record={id}");
    let (_, trail) = document(place.service.get(&path, Some(&auditor)).await).await;
    assert_eq!(trail["items"].as_array().unwrap().len(), 2, "{trail}");
    assert!(!trail.to_string().contains("Come."));
}

/// Whoever may answer people by a role of the house's own, and not read what they say, sends nobody letters.
#[tokio::test]
async fn who_may_not_read_an_application_writes_no_letter_about_it() {
    let scribe = CustomRole::new("scribe").unwrap();
    let own = include_str!("../forms/job-application.toml").replace("roles = [\"hr\"]", "roles = [\"hr\", \"scribe\"]");
    let source = Source { file: "job.toml".to_owned(), text: Ok(own) };
    let sources = Sources { forms: vec![source], roles: vec![scribe], ..Sources::default() };
    for (actions, sends) in [
        (vec![Action::ListSubmissions, Action::WriteMessage], 404),
        (vec![Action::ListSubmissions, Action::WriteMessage, Action::ReadSubmission], 303),
    ] {
        let place = Place::with_forms(FormSet::from_sources(&sources).unwrap()).await;
        let mut roles = CustomRoles::default();
        roles.make(scribe, &actions).unwrap();
        place.service.app.set_custom_roles(roles);
        let (id, _) = place.service.apply("jane@example.org", &pdf(2000, 1)).await;
        let sue = person(&place, "sue", &["scribe".parse().unwrap()]).await;
        let body = [("letter", "invitation"), ("purpose", "recruitment"), ("text", "Come."), ("do", "send")];
        let answer = sue.post(&letter(&id), &body).await;
        // Forbidden where one may know of it, and no letter either way.
        let status = if sends == 404 && answer.status() == 403 { 404 } else { answer.status().as_u16() };
        assert_eq!(status, sends, "{actions:?}");
    }
}

/// An erasure takes a letter that waits with it; and a form that says so acknowledges nothing.
#[tokio::test]
async fn an_erased_person_gets_no_letter_and_a_form_may_stay_silent() {
    let shipped = include_str!("../forms/job-application.toml");
    let own = shipped.replace("acknowledge = true", "acknowledge = false");
    let forms = FormSet::with_files([("job.toml", own.as_str())]).unwrap();
    let service = Service::with_forms(free_limits(), forms).await;
    let letters = Letterbox::default();
    letters.take(100);
    service.app.set_post(letters.post());
    let (id, _) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    assert_eq!(deliver(&service).await, 0, "nobody is told that it arrived");
    let hr = support::owner(Role::Hr);
    let letter = letterlock::services::letters::Letter::Rejection;
    letterlock::services::letters::send(&service.app, &hr, id.parse().unwrap(), letter, "No.").await.unwrap();
    let privacy = service.token(&[Role::Privacy]).await;
    let erased = service.json("DELETE", &format!("/api/v1/submissions/{id}"), Some(&privacy), &json!({})).await;
    assert_eq!(erased.status(), 200);
    assert_eq!(deliver(&service).await, 0);
    assert!(letters.taken().is_empty());
}
