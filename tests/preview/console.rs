//! How staff come to see a preview: as a reading of the file, and no other way.

use letterlock::adapters::preview::{Bounds, Previewer};
use letterlock::domain::form::FormSet;
use letterlock::policy::Role;
use letterlock::services::preview as service;
use serde_json::Value;

use crate::staff::{Place, Staff, between};
use crate::support::{document, pdf, text};
use crate::{make, patient, program};

async fn place_with(previewer: Option<Previewer>) -> Place {
    let place = Place::with_forms(FormSet::default()).await;
    if let Some(previewer) = previewer {
        place.service.app.set_previewer(previewer);
    }
    place
}

/// Somebody who is invited and has signed in.
async fn staff_of<'a>(place: &'a Place, login: &str, roles: &[Role]) -> Staff<'a> {
    let invitation = place.invite(login, roles).await;
    place.take_up(&invitation).await.2
}

async fn place() -> Place {
    place_with(Some(Previewer::new(program(), patient()))).await
}

fn of(id: &str) -> String {
    format!("/staff/record/{id}/files/0/preview?purpose=recruitment")
}

/// The addresses of the pictures on a page.
fn pictures(page: &str) -> Vec<String> {
    page.split("<img src=\"").skip(1).map(|rest| rest.split('"').next().unwrap().replace("&amp;", "&")).collect()
}

async fn trail(place: &Place) -> Vec<Value> {
    let auditor = place.service.token(&[Role::Auditor]).await;
    let (_, trail) = document(place.service.get("/api/v1/audit?limit=200", Some(&auditor)).await).await;
    trail["items"].as_array().unwrap().clone()
}

fn count(trail: &[Value], action: &str) -> usize {
    trail.iter().filter(|entry| text(&entry["action"]) == action).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_is_one_reading_of_the_file_with_all_its_pictures() {
    let place = place().await;
    let hanna = staff_of(&place, "hanna", &[Role::Hr]).await;
    let (id, _) = place.service.apply("jane@example.org", &make::pages(3)).await;
    let record = hanna.page(&format!("/staff/record/{id}?purpose=recruitment")).await;
    assert!(record.contains(&of(&id)), "{record}");

    let page = hanna.page(&of(&id)).await;
    let found = pictures(&page);
    assert_eq!(found.len(), 3, "{page}");
    assert!(
        page.contains("alt=\"Page 2 of 3 of Jane Döe CV.pdf, as a picture\"")
            && page.contains("Download Jane Döe CV.pdf"),
        "{page}"
    );
    assert_eq!(count(&trail(&place).await, "read-file"), 1);
    for path in &found {
        let answer = hanna.get(path).await;
        assert_eq!(answer.status(), 200, "{path}");
        for (name, value) in
            [("content-type", "image/png"), ("cache-control", "no-store"), ("x-content-type-options", "nosniff")]
        {
            assert_eq!(answer.headers()[name], value);
        }
        assert!(
            answer.headers()["content-security-policy"].to_str().unwrap().starts_with("sandbox; default-src 'none'")
        );
        assert!(answer.bytes().await.unwrap().starts_with(b"\x89PNG"));
    }
    assert_eq!(count(&trail(&place).await, "read-file"), 1, "its pictures are part of it");
    for bad in [
        found[0].replace("/preview/1?", "/preview/0?"),
        found[0].replace("/preview/1?", "/preview/4?"),
        found[0].replace("/preview/1?", "/preview/01?"),
        found[0].replace("/files/0/", "/files/1/"),
        found[0].split("&ticket").next().unwrap().to_owned(),
        format!("{}&ticket={}", found[0].split("&ticket").next().unwrap(), "a".repeat(26)),
    ] {
        assert_eq!(hanna.get(&bad).await.status(), 404, "{bad}");
    }
    assert_ne!(hanna.get(&found[0].replace("purpose=recruitment", "purpose=curiosity")).await.status(), 200);
    let again = hanna.page(&of(&id)).await;
    assert_eq!(hanna.get(&found[0]).await.status(), 404, "who opens it again has let go of the former");
    assert_eq!(hanna.get(&pictures(&again)[0]).await.status(), 200);
    assert_eq!(count(&trail(&place).await, "read-file"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_for_the_session_that_opened_them_and_while_it_lasts() {
    let place = place().await;
    let (hanna, hugo) = (staff_of(&place, "hanna", &[Role::Hr]).await, staff_of(&place, "hugo", &[Role::Hr]).await);
    let (id, _) = place.service.apply("jane@example.org", &make::pages(1)).await;
    let found = pictures(&hanna.page(&of(&id)).await);
    assert_eq!(hugo.get(&found[0]).await.status(), 404, "also for whoever may read the file");
    assert_eq!(place.service.request("GET", &found[0]).send().await.unwrap().status(), 303, "nobody's");
    assert_eq!(hanna.get(&found[0]).await.status(), 200);
    assert_eq!(hanna.post("/staff/sign-out", &[]).await.status(), 200);
    assert_eq!(hanna.get(&found[0]).await.status(), 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_the_file_has_no_preview_and_no_trace_of_one() {
    let place = place().await;
    let (id, _) = place.service.apply("jane@example.org", &make::pages(1)).await;
    for (login, role) in [
        ("sue", Role::Support),
        ("tom", Role::Training),
        ("pia", Role::Partner),
        ("max", Role::Marketing),
        ("aud", Role::Auditor),
        ("ada", Role::Admin),
    ] {
        let staff = staff_of(&place, login, &[role]).await;
        assert_eq!(staff.get(&of(&id)).await.status(), 404, "{login}");
        let guess = format!("/staff/record/{id}/files/0/preview/1?purpose=recruitment&ticket={}", "a".repeat(26));
        assert_eq!(staff.get(&guess).await.status(), 404, "{login}");
    }
    let hanna = staff_of(&place, "hanna", &[Role::Hr]).await;
    for bad in ["", "?purpose=curiosity", "?purpose=support"] {
        let path = format!("/staff/record/{id}/files/0/preview{bad}");
        assert_eq!(hanna.get(&path).await.status(), 422, "{path}");
    }
    for bad in ["1", "00", "x", "-1"] {
        let path = format!("/staff/record/{id}/files/{bad}/preview?purpose=recruitment");
        assert_eq!(hanna.get(&path).await.status(), 404, "{path}");
    }
    assert_eq!(count(&trail(&place).await, "read-file"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_takes_the_pictures_with_it() {
    let place = place().await;
    let hanna = staff_of(&place, "hanna", &[Role::Hr]).await;
    let (id, _) = place.service.apply("jane@example.org", &make::pages(1)).await;
    let (other, _) = place.service.apply("joe@example.org", &make::pages(1)).await;
    let (found, others) = (pictures(&hanna.page(&of(&id)).await), pictures(&hanna.page(&of(&other)).await));
    assert_eq!(hanna.get(&found[0]).await.status(), 200);
    let privacy = place.service.token(&[Role::Privacy]).await;
    let begun = std::time::Instant::now();
    let erased = place.service.request("DELETE", &format!("/api/v1/submissions/{id}"));
    assert_eq!(place.service.send(erased, Some(&privacy)).await.status(), 200);
    assert!(begun.elapsed() < std::time::Duration::from_secs(4), "nobody is waited for");
    assert_eq!(hanna.get(&found[0]).await.status(), 404);
    assert_eq!(hanna.get(&others[0]).await.status(), 200, "that of somebody else stays");
    assert_eq!(service::waiting(&place.service.app), 1);
}

/// An erasure does not wait for a preview that is being made, nor does that go on.
#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_ends_a_preview_that_is_being_made() {
    let bounds = Bounds { seconds: 60, ..Bounds::default() };
    let place = place_with(Some(Previewer::on_trial(program(), bounds, &["silence"]))).await;
    let hanna = staff_of(&place, "hanna", &[Role::Hr]).await;
    let (id, _) = place.service.apply("jane@example.org", &make::pages(1)).await;
    let privacy = place.service.token(&[Role::Privacy]).await;
    let path = of(&id);
    let erase = async {
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        let erased = place.service.request("DELETE", &format!("/api/v1/submissions/{id}"));
        assert_eq!(place.service.send(erased, Some(&privacy)).await.status(), 200);
        std::time::Instant::now()
    };
    let open = async { (hanna.get(&path).await.status(), std::time::Instant::now()) };
    let (erased, (status, ended)) = tokio::join!(erase, open);
    assert_eq!(status, 404);
    let went_on = ended.saturating_duration_since(erased);
    assert!(went_on < std::time::Duration::from_secs(5), "it went on for {went_on:?}");
}

/// Guests see previews as they see files; and none by a pass that ended while it was made.
#[tokio::test(flavor = "multi_thread")]
async fn a_guest_sees_a_preview_unless_the_pass_ended_while_it_was_made() {
    let late = ["late=1500"];
    let place = place_with(Some(Previewer::on_trial(program(), patient(), &late))).await;
    let (hanna, gus) = (staff_of(&place, "hanna", &[Role::Hr]).await, staff_of(&place, "gus", &[Role::Guest]).await);
    let (id, _) = place.service.apply("jane@example.org", &make::pages(1)).await;
    let path = of(&id);
    assert_eq!(gus.get(&path).await.status(), 404, "before they were let in");
    let typed = [("guest", "gus"), ("days", "7"), ("purpose", "recruitment"), ("reason", "")];
    assert_eq!(hanna.post(&format!("/staff/record/{id}/guests"), &typed).await.status(), 303);
    assert!(gus.page(&path).await.contains("It came late."));
    let page = hanna.page(&format!("/staff/record/{id}?purpose=recruitment")).await;
    let end = format!("/staff/record/{id}/guests/{}", between(&page, &format!("{id}/guests/"), "\""));
    let dismiss = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assert_eq!(hanna.post(&end, &[]).await.status(), 303);
    };
    let (answer, ()) = tokio::join!(gus.get(&path), dismiss);
    assert_eq!(answer.status(), 404);
    assert!(!answer.text().await.unwrap().contains("It came late."));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_shown_leaves_the_download() {
    // Random bytes that call themselves a PDF.
    let place = place().await;
    let hanna = staff_of(&place, "hanna", &[Role::Hr]).await;
    let (id, _) = place.service.apply("jane@example.org", &pdf(2000, 1)).await;
    let page = hanna.page(&of(&id)).await;
    assert!(
        page.contains("There is no preview") && page.contains("Download Jane Döe CV.pdf") && !page.contains("<img"),
        "{page}"
    );
    assert_eq!(count(&trail(&place).await, "read-file"), 1, "it was opened all the same");
    let file = format!("/staff/record/{id}/files/0?purpose=recruitment");
    assert!(page.contains(&format!("href=\"{file}\" download")), "{page}");
    assert_eq!(hanna.get(&file).await.status(), 200, "{file}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_becomes_of_the_worker_the_page_stands() {
    for (trial, seconds, said) in [
        ("silence", 1, "took too long"),
        ("chatter", 30, "was ended before it could do any harm"),
        ("recurse", 30, "was ended before it could do any harm"),
        ("open=/etc/passwd", 30, "was ended before it could do any harm"),
    ] {
        let bounds = Bounds { seconds, ..Bounds::default() };
        let place = place_with(Some(Previewer::on_trial(program(), bounds, &[trial]))).await;
        let hanna = staff_of(&place, "hanna", &[Role::Hr]).await;
        let (id, _) = place.service.apply("jane@example.org", &make::pages(1)).await;
        let page = hanna.page(&of(&id)).await;
        assert!(page.contains("There is no preview") && page.contains(said), "{trial}: {page}");
        assert!(page.contains("Download Jane Döe CV.pdf"), "{page}");
    }
    let place = place_with(Some(Previewer::on_trial(program(), patient(), &["break-off"]))).await;
    let hanna = staff_of(&place, "hanna", &[Role::Hr]).await;
    let (id, _) = place.service.apply("jane@example.org", &make::pages(1)).await;
    let page = hanna.page(&of(&id)).await;
    assert!(pictures(&page).len() == 2 && page.contains("The other pages could not be shown"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_cannot_lock_it_in_has_no_previews_and_says_so() {
    let place = place_with(Some(Previewer::new("/nowhere/letterlock".into(), patient()))).await;
    let (hanna, ada) = (staff_of(&place, "hanna", &[Role::Hr]).await, staff_of(&place, "ada", &[Role::Admin]).await);
    let (id, _) = place.service.apply("jane@example.org", &make::pages(1)).await;
    service::probe(&place.service.app).await;
    let page = hanna.page(&of(&id)).await;
    assert!(page.contains("could not be started or locked in") && page.contains("Download the file"), "{page}");
    assert_eq!(count(&trail(&place).await, "read-file"), 0, "nothing was opened for it");
    let health = ada.page("/staff/health").await;
    assert!(health.contains("Files cannot be previewed: it cannot be started"), "{health}");
}

#[tokio::test(flavor = "multi_thread")]
async fn switched_off_there_is_no_link_and_no_reading() {
    let place = place_with(None).await;
    let hanna = staff_of(&place, "hanna", &[Role::Hr]).await;
    let (id, _) = place.service.apply("jane@example.org", &make::pages(1)).await;
    assert!(!hanna.page(&format!("/staff/record/{id}?purpose=recruitment")).await.contains("/preview"));
    let page = hanna.page(&of(&id)).await;
    assert!(page.contains("switched off"), "{page}");
    assert_eq!(count(&trail(&place).await, "read-file"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_are_made_at_a_time() {
    let bounds = Bounds { seconds: 8, at_once: 1, ..Bounds::default() };
    let place = place_with(Some(Previewer::on_trial(program(), bounds, &["silence"]))).await;
    let hanna = staff_of(&place, "hanna", &[Role::Hr]).await;
    let (id, _) = place.service.apply("jane@example.org", &make::pages(1)).await;
    let path = of(&id);
    let (one, other) = tokio::join!(hanna.page(&path), hanna.page(&path));
    let busy = [&one, &other].into_iter().filter(|page| page.contains("Other previews are being made")).count();
    assert_eq!(busy, 1, "{one}\n{other}");
    assert_eq!(count(&trail(&place).await, "read-file"), 1, "whoever is told to come again has read nothing");
}
