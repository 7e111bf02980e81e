//! Vacancies: opened and closed by staff, offered by the application form, and kept by what was sent for them.

#[path = "support/staff.rs"]
mod staff;
mod support;

use letterlock::domain::form::FormSet;
use letterlock::policy::Role;
use serde_json::{Value, json};
use staff::{Place, Staff, words};
use support::{Service, application, document, free_limits, pdf, problems, text};

const API: &str = "/api/v1/vacancies";
const PAGE: &str = "/staff/vacancies";

/// Opens a vacancy; returns its id.
async fn open(service: &Service, token: &str, body: Value) -> String {
    let (status, opened) = document(service.json("POST", API, Some(token), &body).await).await;
    assert_eq!(status, 201, "{opened}");
    text(&opened["id"])
}

async fn close(service: &Service, token: &str, id: &str, title: &str) {
    let body = json!({ "titles": { "en": title }, "closed": true });
    let answer = service.json("PUT", &format!("{API}/{id}"), Some(token), &body).await;
    assert_eq!(answer.status(), 204);
}

/// Sends an application for a vacancy.
async fn send(service: &Service, email: &str, vacancy: &str) -> (u16, Value) {
    let cv = reqwest::multipart::Part::bytes(pdf(2000, 1)).file_name("cv.pdf");
    let form = reqwest::multipart::Form::new().text("name", "Jane Doe").text("email", email.to_owned());
    let form = form.text("vacancy", vacancy.to_owned()).text("letter", "Hello").part("cv", cv);
    let request = service.request("POST", "/api/v1/forms/job-application/submissions").multipart(form);
    document(service.send(request, None).await).await
}

/// The choices that the form offers, as (value, label).
async fn choices(service: &Service, lang: &str) -> Vec<(String, String)> {
    let request = service.request("GET", "/api/v1/forms/job-application").header("accept-language", lang);
    let (status, form) = document(service.send(request, None).await).await;
    assert_eq!(status, 200, "{form}");
    let field = form["fields"].as_array().unwrap().iter().find(|field| field["name"] == "vacancy").unwrap();
    let all = field["choices"].as_array().unwrap().iter();
    all.map(|choice| (text(&choice["value"]), text(&choice["label"]))).collect()
}

async fn person<'a>(place: &'a Place, login: &str, roles: &[Role]) -> Staff<'a> {
    place.take_up(&place.invite(login, roles).await).await.2
}

#[tokio::test]
async fn open_ones_are_offered_on_the_page_and_by_the_interface_and_closed_ones_refused_kindly() {
    let mut service = Service::start().await;
    let hr = service.token(&[Role::Hr]).await;
    assert_eq!(choices(&service, "en").await.len(), 1, "to apply without one can be chosen always");
    let body = json!({ "reference": "ENG-1", "titles": { "en": "Engineer", "de": "Ingenieurin" }, "place": "Leeds",
        "about": "You build bridges.\nWe build you one." });
    let id = open(&service, &hr, body.clone()).await;
    assert_eq!(choices(&service, "en").await[0], ("ENG-1".to_owned(), "Engineer, Leeds (ENG-1)".to_owned()));
    assert_eq!(choices(&service, "de").await[0].1, "Ingenieurin, Leeds (ENG-1)");
    assert_eq!(choices(&service, "fr").await[0].1, "Engineer, Leeds (ENG-1)", "English where there is nothing else");
    let (_, page) = words(service.get("/f/job-application", None).await).await;
    assert!(page.contains("value=\"ENG-1\"") && page.contains("Engineer, Leeds (ENG-1)"), "{page}");
    assert!(page.contains("You build bridges.") && page.contains("More about these vacancies"), "{page}");
    let again = json!({ "reference": "eng-1", "titles": { "en": "Another" } });
    let (status, refused) = document(service.json("POST", API, Some(&hr), &again).await).await;
    assert_eq!((status, problems(&refused)), (422, vec![("reference".to_owned(), "taken".to_owned())]));

    let (status, sent) = send(&service, "a@example.org", "ENG-1").await;
    assert_eq!(status, 201, "{sent}");
    assert_eq!(send(&service, "b@example.org", "speculative").await.0, 201);
    // In the list by its reference, and only there.
    let path = "/api/v1/submissions?form=job-application&label=eng-1";
    let (_, listed) = document(service.get(path, Some(&hr)).await).await;
    let ids: Vec<String> = listed["items"].as_array().unwrap().iter().map(|item| text(&item["id"])).collect();
    assert_eq!(ids, [text(&sent["submission"])], "{listed}");

    close(&service, &hr, &id, "Engineer").await;
    assert_eq!(choices(&service, "en").await.len(), 1);
    let (status, closed) = send(&service, "c@example.org", "ENG-1").await;
    assert_eq!((status, problems(&closed)), (422, vec![("vacancy".to_owned(), "vacancy-closed".to_owned())]));
    assert!(closed.to_string().contains("perhaps while you were filling in the form"), "{closed}");
    for unknown in ["ENG-2", "eng-1", "<script>"] {
        let (status, refused) = send(&service, "d@example.org", unknown).await;
        assert_eq!((status, problems(&refused)), (422, vec![("vacancy".to_owned(), "bad-choice".to_owned())]));
        assert!(refused.to_string().contains("there is no such vacancy"), "{refused}");
    }
    // As a page: beside the field, and nothing that was typed is lost.
    let cv = reqwest::multipart::Part::bytes(pdf(2000, 1)).file_name("cv.pdf");
    let form = reqwest::multipart::Form::new().text("name", "Jane Doe").text("email", "c@example.org");
    let form = form.text("vacancy", "ENG-1").text("letter", "My only letter").part("cv", cv);
    let request = service.request("POST", "/f/job-application").header("sec-fetch-site", "same-origin").multipart(form);
    let (status, page) = words(request.send().await.unwrap()).await;
    assert!(
        status == 422 && page.contains("id=\"field-vacancy-problem\"") && page.contains("My only letter"),
        "{page}"
    );

    // What was sent for it still says so, also after a restart; and it is as it was.
    let dir = service.dir.clone();
    service.stop().await;
    drop(service);
    let service = Service::again(dir).await;
    let hr = service.token(&[Role::Hr]).await;
    let (_, all) = document(service.get(API, Some(&hr)).await).await;
    assert_eq!((text(&all["items"][0]["reference"]), &all["items"][0]["open"]), ("ENG-1".to_owned(), &json!(false)));
    let (_, mine) = words(
        service
            .form("/my", &[("code", &text(&sent["receipt"]))])
            .header("sec-fetch-site", "same-origin")
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert!(!mine.contains("there is no such"), "{mine}");
    let body = json!({ "titles": { "en": "Chief engineer" }, "closed": false });
    assert_eq!(service.json("PUT", &format!("{API}/{id}"), Some(&hr), &body).await.status(), 204);
    assert_eq!(choices(&service, "en").await[0].1, "Chief engineer (ENG-1)");
}

#[tokio::test]
async fn it_is_offered_to_the_end_of_its_last_day_and_its_title_outlives_it() {
    let place = Place::new().await;
    let hanna = person(&place, "hanna", &[Role::Hr]).await;
    let day = place.clock_seconds() / 86_400;
    let last = letterlock::base::clock::Timestamp::from_millis(day * 86_400_000).day().unwrap().to_string();
    let typed = [("reference", "OPS-7"), ("title-en", "Operator"), ("last_day", last.as_str())];
    let answer = hanna.post(PAGE, &typed).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["location"].to_str().unwrap()), (303, PAGE));
    assert!(hanna.page(PAGE).await.contains("OPS-7"));
    let (status, sent) = send(&place.service, "a@example.org", "OPS-7").await;
    assert_eq!(status, 201, "{sent}");
    place.later(86_400);
    assert_eq!(choices(&place.service, "en").await.len(), 1, "without anybody's doing");
    assert_eq!(problems(&send(&place.service, "b@example.org", "OPS-7").await.1)[0].1, "vacancy-closed");
    let (_, _, hanna) = place.take_up(&place.invite("hilde", &[Role::Hr]).await).await;
    let path = format!("/staff/record/{}?purpose=recruitment", text(&sent["submission"]));
    assert!(hanna.page(&path).await.contains("Operator (OPS-7)"));
    let inbox = hanna.page("/staff/inbox?form=job-application").await;
    assert!(inbox.contains("OPS-7"), "its label: {inbox}");
}

#[tokio::test]
async fn hostile_words_of_a_vacancy_stay_words() {
    let place = Place::new().await;
    let hanna = person(&place, "hanna", &[Role::Hr]).await;
    let hostile = "</option><script>alert(1)</script>\"'{{ 777 * 777 }}";
    let typed =
        [("reference", "X-1"), ("title-en", hostile), ("title-de", hostile), ("place", hostile), ("about", hostile)];
    assert_eq!(hanna.post(PAGE, &typed).await.status(), 303);
    let (status, sent) = send(&place.service, "a@example.org", "X-1").await;
    assert_eq!(status, 201, "{sent}");
    let record = format!("/staff/record/{}?purpose=recruitment", text(&sent["submission"]));
    let mut seen = Vec::new();
    for path in [PAGE, &record, "/staff/inbox?form=job-application&purpose=recruitment"] {
        seen.push(hanna.page(path).await);
    }
    seen.push(words(place.service.get("/f/job-application", None).await).await.1);
    for page in seen {
        assert!(page.contains("&#60;script&#62;") || page.contains("&lt;script&gt;"), "{page}");
        assert!(!page.contains("<script>alert") && !page.contains("603729"), "{page}");
    }
    for (field, value) in [("title-en", "a\u{202e}b"), ("title-en", "a\r\nBcc: x@example.org"), ("place", "a\u{0}b")] {
        let answer = hanna
            .post(
                PAGE,
                &[("reference", "X-2"), ("title-en", "x"), (field, value)].into_iter().rev().collect::<Vec<_>>(),
            )
            .await;
        assert_eq!(answer.status(), 422, "{field} {value:?}");
    }
    // What does not parse is typed anew from what was typed, and is no page of its own.
    let (status, page) = words(hanna.post(PAGE, &[("reference", "<b>"), ("title-en", hostile)]).await).await;
    assert!(status == 422 && page.contains("That was not done") && !page.contains("<script>alert"), "{page}");
}

#[tokio::test]
async fn hr_and_administrators_look_after_them_and_every_change_is_in_the_trail() {
    let place = Place::new().await;
    let hr = place.service.token(&[Role::Hr]).await;
    let id = open(&place.service, &hr, json!({ "reference": "A-1", "titles": { "en": "First" } })).await;
    for role in Role::ALL {
        let staff = person(&place, role.as_str(), &[role]).await;
        let may = matches!(role, Role::Hr | Role::Admin);
        assert_eq!(staff.get(PAGE).await.status(), if may { 200 } else { 403 }, "{role}");
        assert_eq!(staff.get(&format!("{PAGE}/{id}")).await.status(), if may { 200 } else { 403 }, "{role}");
        assert_eq!(staff.page("/staff").await.contains("href=\"/staff/vacancies\""), may, "{role}");
        let reference = format!("R-{role}");
        let answer = staff.post(PAGE, &[("reference", reference.as_str()), ("title-en", "x")]).await;
        assert_eq!(answer.status(), if may { 303 } else { 403 }, "{role}");
        let answer = staff.post(&format!("{PAGE}/{id}"), &[("do", "close")]).await;
        assert_eq!(answer.status(), if may { 303 } else { 403 }, "{role}");
        if may {
            assert_eq!(staff.post(&format!("{PAGE}/{id}"), &[("do", "open")]).await.status(), 303);
            assert_eq!(staff.get(&format!("{PAGE}/{}", "a".repeat(26))).await.status(), 404);
        }
    }
    let auditor = place.service.token(&[Role::Auditor]).await;
    let path = "/api/v1/audit?action=manage-vacancies&limit=200";
    let (_, trail) = document(place.service.get(path, Some(&auditor)).await).await;
    let details: Vec<String> =
        trail["items"].as_array().unwrap().iter().map(|entry| entry["detail"].to_string()).collect();
    for change in ["opened", "closed", "opened again"] {
        let wanted = format!("\"change\":\"{change}\"");
        assert!(
            details.iter().any(|detail| detail.contains(&wanted) && detail.contains(&id) || detail.contains(&wanted)),
            "{change}: {details:?}"
        );
    }
    assert!(!trail.to_string().contains("First"), "no words of it in the trail");
}

/// A label tells what the field says, so it is not for readers from whom the field is kept.
#[tokio::test]
async fn what_a_field_hides_no_label_tells() {
    let shipped = include_str!("../forms/job-application.toml");
    let own = shipped.replace("roles = [\"hr\"]", "roles = [\"hr\", \"support\"]");
    let own = own.replace("name = \"vacancy\"", "name = \"vacancy\"\nroles = [\"hr\"]");
    let service = Service::with_forms(free_limits(), FormSet::with_files([("job.toml", own.as_str())]).unwrap()).await;
    let (hr, support) = (service.token(&[Role::Hr]).await, service.token(&[Role::Support]).await);
    open(&service, &hr, json!({ "reference": "A-1", "titles": { "en": "First" } })).await;
    assert_eq!(send(&service, "a@example.org", "A-1").await.0, 201);
    let (_, listed) = document(service.get("/api/v1/submissions?form=job-application", Some(&support)).await).await;
    assert!(listed["items"].as_array().unwrap().len() == 1 && !listed.to_string().contains("A-1"), "{listed}");
    let form = application("b@example.org", &pdf(2000, 2));
    let request = service.request("POST", "/api/v1/forms/job-application/submissions").multipart(form);
    assert_eq!(service.send(request, None).await.status(), 201);
}
