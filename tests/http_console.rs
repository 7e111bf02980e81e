//! What people do in the console beside reading and answering: their own address, comments on boards, downloads, surveys.

#[path = "support/staff.rs"]
mod staff;
mod support;

use letterlock::domain::form::FormSet;
use letterlock::policy::Role;
use letterlock::services::staff as accounts;
use serde_json::{Value, json};
use staff::{Place, words};
use support::{document, owner, text};

async fn address(place: &Place, login: &str) -> Option<String> {
    let listed = accounts::list(&place.service.app, &owner(Role::Admin)).await.unwrap();
    let found = listed.into_iter().find(|account| account.login == login).unwrap();
    found.email.map(|email| email.expose().to_owned())
}

#[tokio::test]
async fn people_set_their_own_address_and_nobody_elses() {
    let place = Place::new().await;
    let (_, _, hanna) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    let (_, _, sam) = place.take_up(&place.invite("sam", &[Role::Auditor]).await).await;
    let set = async |email: &str| hanna.post("/staff/account/email", &[("email", email)]).await;
    assert_eq!(set(" Hanna.qzxw@Example.org ").await.status(), 303);
    assert_eq!(address(&place, "hanna").await.as_deref(), Some("Hanna.qzxw@Example.org"));
    assert!(hanna.page("/staff/account").await.contains("value=\"Hanna.qzxw@Example.org\""));
    let other = sam.page("/staff/account").await;
    assert!(other.contains("name=\"email\" value=\"\"") && !other.contains("qzxw"), "{other}");
    let wrong = "\"><b>nobody@";
    let (status, page) = words(set(wrong).await).await;
    assert!(status == 422 && page.contains("value=\"&#34;&#62;&#60;b&#62;nobody@\""), "what was typed stays: {page}");
    assert!(page.contains("id=\"email-problem\">") && page.contains("aria-invalid"), "{page}");
    assert_eq!(address(&place, "hanna").await.as_deref(), Some("Hanna.qzxw@Example.org"));
    assert_eq!(set(" ").await.status(), 303);
    assert_eq!(address(&place, "hanna").await, None);
    accounts::disable(&place.service.app, &owner(Role::Admin), "hanna").await.unwrap();
    assert_eq!(hanna.get("/staff/account").await.status(), 303, "signed out");
}

async fn send(place: &Place, form: &str, fields: Value) -> (String, String) {
    let path = format!("/api/v1/forms/{form}/submissions");
    let (status, body) = document(place.service.json("POST", &path, None, &json!({ "fields": fields })).await).await;
    assert_eq!(status, 201, "{body}");
    (text(&body["submission"]), text(&body["receipt"]))
}

async fn comment(place: &Place, words: &str) -> (String, String) {
    let fields = json!({ "display-name": "Ada", "email": "ada@example.org", "comment": words, "publish": true });
    send(place, "public-comment", fields).await
}

async fn is_on_the_board(place: &Place, words: &str) -> bool {
    place.service.get("/b/public-comment", None).await.text().await.unwrap().contains(words)
}

#[tokio::test]
async fn a_comment_is_published_and_declined_with_a_reason_by_who_may() {
    let place = Place::new().await;
    let (id, receipt) = comment(&place, "Lovely weather").await;
    let (_, _, mia) = place.take_up(&place.invite("mia", &[Role::Marketing]).await).await;
    let (record, path) =
        (format!("/staff/record/{id}?purpose=public-comments"), format!("/staff/record/{id}/publication"));
    let page = mia.page(&record).await;
    assert!(page.contains(">Publish</button>") && page.contains(">Decline</button>"), "{page}");
    assert!(!page.contains("name=\"status\""), "where a comment stands is set nowhere else: {page}");

    let post = async |pairs: &[(&str, &str)]| {
        let pairs: Vec<_> = pairs.iter().copied().chain([("purpose", "public-comments")]).collect();
        mia.post(&path, &pairs).await
    };
    let published = post(&[("published", "true")]).await;
    assert_eq!(published.headers()["location"].to_str().unwrap(), format!("{record}#publication"));
    assert!(is_on_the_board(&place, "Lovely weather").await);
    let page = mia.page(&record).await;
    assert!(!page.contains(">Publish</button>") && page.contains(">Take it off the board</button>"), "{page}");
    assert!(page.contains("<strong>Published</strong>"), "{page}");

    // Not without a reason, and what was typed stays.
    let long = format!("<b>{}", "x".repeat(10_001));
    for (reason, told) in [(" ", "Please write something."), (long.as_str(), "10000")] {
        let (status, page) = words(post(&[("published", "false"), ("reason", reason)]).await).await;
        assert!(status == 422 && page.contains(told) && page.contains("id=\"reason-problem\""), "{page}");
        assert!(
            page.contains(&reason.replace('<', "&#60;").replace('>', "&#62;")) && !page.contains("id=\"text-problem")
        );
    }
    assert!(is_on_the_board(&place, "Lovely weather").await);
    assert_eq!(post(&[("published", "perhaps"), ("reason", "x")]).await.status(), 422);
    assert_eq!(post(&[("published", "false"), ("reason", "It is about the weather.")]).await.status(), 303);
    assert!(!is_on_the_board(&place, "Lovely weather").await);
    let (_, mine) =
        document(place.service.json("POST", "/api/v1/my", None, &json!({ "receipt": receipt })).await).await;
    assert_eq!(mine["messages"][0]["text"], "It is about the weather.");
    assert!(mia.page(&record).await.contains("<strong>Declined</strong>"));
    let page = mia.page(&record).await;
    assert!(page.contains(">Publish</button>") && !page.contains("name=\"reason\""), "{page}");

    // What its author has taken down, nobody publishes.
    let down =
        place.service.json("POST", "/api/v1/my/publication/withdrawal", None, &json!({ "receipt": receipt })).await;
    assert_eq!(down.status(), 200);
    let page = mia.page(&record).await;
    assert!(page.contains("Its author has taken it down") && !page.contains(">Publish<"), "{page}");
    assert_eq!(post(&[("published", "true")]).await.status(), 404);
}

#[tokio::test]
async fn who_may_not_moderate_has_no_buttons_and_no_way() {
    let place = Place::new().await;
    let (id, _) = comment(&place, "Lovely weather").await;
    let path = format!("/staff/record/{id}/publication");
    let (_, _, peter) = place.take_up(&place.invite("peter", &[Role::Privacy]).await).await;
    let page = peter.page(&format!("/staff/record/{id}?purpose=subject-request")).await;
    assert!(page.contains("Lovely weather") && page.contains("id=\"publication\""), "{page}");
    assert!(!page.contains(">Publish<") && !page.contains(">Decline<") && !page.contains("/status\""), "{page}");
    assert_eq!(peter.post(&path, &[("published", "true")]).await.status(), 403);
    let (_, _, hanna) = place.take_up(&place.invite("hanna", &[Role::Hr]).await).await;
    assert_eq!(hanna.post(&path, &[("published", "true")]).await.status(), 404);
    assert!(!is_on_the_board(&place, "Lovely weather").await);
    // A letter is no comment.
    let (letter, _) = place.service.apply("jane@example.org", &support::pdf(2000, 1)).await;
    let record = format!("/staff/record/{letter}");
    let page = hanna.page(&format!("{record}?purpose=recruitment")).await;
    assert!(page.contains("name=\"status\"") && !page.contains("id=\"publication\""), "{page}");
    assert_eq!(hanna.post(&format!("{record}/publication"), &[("published", "true")]).await.status(), 404);
}

const UNLOCKING: &str = r#"
id = "prices"
version = 1
title = "Our prices"
submit = "Get them"
purposes = ["sales"]
legal_basis = "request"
roles = ["marketing"]
retention_days = 365
notice = "general"
subject = "email"
unlocks = [{ file = "prices.txt", title = "Prices <2026>" }]

[[fields]]
name = "email"
label = "E-mail"
kind = "email"
required = true
"#;

#[tokio::test]
async fn downloads_of_what_a_form_unlocks_stand_on_the_page() {
    let place = Place::with_forms(FormSet::with_files([("prices.toml", UNLOCKING)]).unwrap()).await;
    let folder = place.service.dir.path().join("resources");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("prices.txt"), "A pen costs 2 pounds.").unwrap();
    let link_life = std::time::Duration::from_secs(3600);
    place.service.app.set_resources(letterlock::services::resources::Shelf { folder, link_life });
    let body = json!({ "fields": { "email": "jane@example.org" } });
    let sent = place.service.json("POST", "/api/v1/forms/prices/submissions", None, &body).await;
    let (_, sent) = document(sent).await;
    let (_, _, mia) = place.take_up(&place.invite("mia", &[Role::Marketing]).await).await;
    let record = format!("/staff/record/{}?purpose=sales", text(&sent["submission"]));
    assert!(!mia.page(&record).await.contains("id=\"downloads\""));
    let link = text(&sent["downloads"][0]["link"]);
    assert_eq!(place.service.form(&link, &[]).send().await.unwrap().status(), 200);
    let page = mia.page(&record).await;
    assert!(page.contains("id=\"downloads\"") && page.contains("Prices &#60;2026&#62;"), "{page}");
    assert!(page.contains("(prices.txt, <time datetime=\"2027-01-15T"), "{page}");
}

#[tokio::test]
async fn a_survey_leads_to_its_results_and_to_words_apart_from_all_else() {
    let place = Place::new().await;
    let answer = async |mark: u8, idea: &str| {
        let fields = json!({ "relation": "customer", "satisfaction": mark, "liked": ["price"], "ideas": idea });
        send(&place, "survey", fields).await
    };
    for n in 0..4 {
        answer(5, &format!("idea {n}")).await;
    }
    let (_, _, mia) = place.take_up(&place.invite("mia", &[Role::Marketing]).await).await;
    assert!(mia.page("/staff").await.contains("href=\"/staff/results?form=survey\""));
    let page = mia.page("/staff/results?form=survey").await;
    assert!(page.contains("too few answers yet") && !page.contains("<table"), "{page}");
    answer(5, "<b>idea</b> 4").await;
    // The only survey there is needs no name, and the only purpose none either.
    let page = mia.page("/staff/results").await;
    assert!(page.contains("5 answers, counted in whole groups") && page.contains("How do you know us?"), "{page}");
    assert!(page.contains("I am a customer") && page.contains("value=\"5\" aria-hidden"), "{page}");
    assert!(page.contains("Fewer than 5 answered: nothing is told."), "{page}");
    assert!(!page.contains("idea 0"), "{page}");
    let page = mia.page("/staff/results/words?form=survey&field=ideas&purpose=survey").await;
    assert!(page.contains("idea 0") && page.contains("&#60;b&#62;idea&#60;/b&#62; 4"), "{page}");
    for (path, status) in [
        ("/staff/results/words?form=survey&field=relation&purpose=survey", 404),
        ("/staff/results/words?form=survey&field=nothing&purpose=survey", 404),
        ("/staff/results/words?field=ideas", 404),
        ("/staff/results/words?form=survey&field=ideas&after=x", 422),
        ("/staff/results?form=public-comment", 404),
        ("/staff/results?form=survey&purpose=recruitment", 422),
        ("/staff/results?form=survey&k=1", 422),
    ] {
        assert_eq!(mia.get(path).await.status(), status, "{path}");
    }
    for role in [Role::Hr, Role::Privacy, Role::Admin] {
        let (_, _, other) = place.take_up(&place.invite(role.as_str(), &[role]).await).await;
        assert!(!other.page("/staff").await.contains("/staff/results"), "{role}");
        for path in ["/staff/results", "/staff/results?form=survey", "/staff/results/words?form=survey&field=ideas"] {
            assert_eq!(other.get(path).await.status(), 404, "{role}: {path}");
        }
    }
    // Each look is in the trail, under the name, and names nobody.
    let auditor = place.service.token(&[Role::Auditor]).await;
    let (_, trail) = document(place.service.get("/api/v1/audit?limit=200", Some(&auditor)).await).await;
    let looks = trail["items"].as_array().unwrap().iter().filter(|one| one["action"] == "read-results");
    assert!(looks.clone().count() >= 3 && looks.clone().all(|one| one["actor"].to_string().contains("mia")), "{trail}");
}
