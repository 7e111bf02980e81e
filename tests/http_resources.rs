//! Files that a form unlocks, over HTTPS: links that work once and for a while, downloads that stand in the record and go with it.

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::Duration;

use letterlock::base::clock::ManualClock;
use letterlock::crypto::link::TEXT_LEN;
use letterlock::domain::form::FormSet;
use letterlock::policy::Role;
use letterlock::services::resources::{AGAIN, LINK_LIFE, Shelf, missing_files};
use letterlock::services::{erase, statistics, verify};
use reqwest::Response;
use serde_json::{Value, json};
use support::{Service, document, free_limits, owner, pdf, text};

const FORM: &str = r#"
id = "price-list"
version = 1
title = "Our price list"
submit = "Get it"
purposes = ["sales"]
legal_basis = "consent"
roles = ["marketing"]
retention_days = 365
notice = "general"
subject = "email"
unlocks = [
  { file = "guide.pdf", title = "The guide" },
  { file = "prices.txt", title = "Prices of 2026" },
]

[[fields]]
name = "email"
label = "E-mail"
kind = "email"
required = true
"#;

/// With a folder of resources, `guide.pdf` of some 700 KB and a text.
async fn service(clock: &Arc<ManualClock>) -> Service {
    let forms = FormSet::with_files([("price-list.toml", FORM)]).unwrap();
    let service = Service::with_clock(forms, clock.clone(), |config| config.limits = free_limits()).await;
    fs::create_dir(folder(&service)).unwrap();
    fs::write(folder(&service).join("guide.pdf"), guide()).unwrap();
    fs::write(folder(&service).join("prices.txt"), "A pen costs 2 pounds.\n").unwrap();
    service.app.set_resources(Shelf { folder: folder(&service), link_life: LINK_LIFE });
    service
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at("2026-11-25T08:00:00Z".parse().unwrap()))
}

fn folder(service: &Service) -> std::path::PathBuf {
    service.dir.path().join("resources")
}

fn guide() -> Vec<u8> {
    pdf(700_000, 5)
}

async fn ask(service: &Service, email: &str) -> Value {
    let path = "/api/v1/forms/price-list/submissions";
    let (status, body) =
        document(service.json("POST", path, None, &json!({ "fields": { "email": email } })).await).await;
    assert_eq!(status, 201, "{body}");
    body
}

fn link(answer: &Value, n: usize) -> String {
    text(&answer["downloads"][n]["link"])
}

async fn press(service: &Service, link: &str) -> Response {
    service.form(link, &[]).header("sec-fetch-site", "same-origin").send().await.unwrap()
}

/// An error is a page, for people.
async fn page(answer: Response) -> (u16, String) {
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn shown(service: &Service, answer: &Value) -> Value {
    document(service.json("POST", "/api/v1/my", None, &json!({ "receipt": answer["receipt"] })).await).await.1
}

#[tokio::test]
async fn a_link_downloads_once_and_the_download_is_shown_and_counted() {
    let clock = clock();
    let service = service(&clock).await;
    let answer = ask(&service, "jane@example.org").await;
    assert_eq!(answer["downloads"].as_array().unwrap().len(), 2);
    assert_eq!(answer["downloads"][0]["until"], "2026-11-26T08:00:00.000Z");
    // Looking uses nothing up.
    for _ in 0..3 {
        let page = service.get(&link(&answer, 0), None).await;
        assert_eq!((page.status().as_u16(), &page.headers()["cache-control"]), (200, &"no-store".parse().unwrap()));
        let page = page.text().await.unwrap();
        assert!(page.contains("<h1>The guide</h1>") && page.contains("guide.pdf, 700"));
    }
    assert!(shown(&service, &answer).await["downloads"].as_array().unwrap().is_empty());

    let file = press(&service, &link(&answer, 0)).await;
    assert_eq!(file.status(), 200);
    let header = |name: &str| file.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/pdf");
    assert!(header("content-disposition").starts_with("attachment; filename=\"guide.pdf\""));
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert!(header("content-security-policy").starts_with("sandbox;"));
    assert!(file.bytes().await.unwrap() == guide());

    // Used: by a post and by a look.
    for again in [press(&service, &link(&answer, 0)).await, service.get(&link(&answer, 0), None).await] {
        let (status, page) = page(again).await;
        assert!(status == 410 && page.contains("It was used, or it is too old") && page.contains("/my"), "{page}");
    }
    let prices = press(&service, &link(&answer, 1)).await;
    assert_eq!(prices.headers()["content-type"], "text/plain; charset=utf-8");

    let mine = shown(&service, &answer).await;
    assert_eq!(
        mine["downloads"][0],
        json!({ "at": "2026-11-25T08:00:00.000Z", "file": "guide.pdf", "title": "The guide" })
    );
    assert_eq!(mine["downloads"].as_array().unwrap().len(), 2);
    let token = service.token(&[Role::Marketing]).await;
    let path = format!("/api/v1/submissions/{}?purpose=sales", text(&answer["submission"]));
    assert_eq!(document(service.get(&path, Some(&token)).await).await.1["downloads"], mine["downloads"]);
    let counted = statistics::list_downloads(&service.app, &owner(Role::Admin)).unwrap();
    let counted: Vec<_> = counted.iter().map(|line| (line.file.as_str(), line.downloads)).collect();
    assert_eq!(counted, [("guide.pdf", 1), ("prices.txt", 1)]);
    let auditor = service.token(&[Role::Auditor]).await;
    let (_, trail) = document(service.get("/api/v1/audit?limit=50", Some(&auditor)).await).await;
    let downloads = trail["items"].as_array().unwrap().iter().filter(|entry| entry["action"] == "download-resource");
    assert_eq!(downloads.count(), 2);
    assert!(!trail.to_string().contains("guide.pdf"), "which file, the record says");
}

#[tokio::test]
async fn links_run_out_and_fresh_ones_are_had_with_the_receipt() {
    let clock = clock();
    let service = service(&clock).await;
    let answer = ask(&service, "jane@example.org").await;
    clock.advance(LINK_LIFE - Duration::from_millis(1));
    assert_eq!(service.get(&link(&answer, 0), None).await.status(), 200);
    clock.advance(Duration::from_millis(1));
    assert_eq!(press(&service, &link(&answer, 0)).await.status(), 410);
    let ask_link = |file: &'static str| {
        let body = json!({ "receipt": answer["receipt"], "file": file });
        let service = &service;
        async move { document(service.json("POST", "/api/v1/my/links", None, &body).await).await }
    };
    let (status, fresh) = ask_link("guide.pdf").await;
    assert_eq!((status, text(&fresh["until"])), (201, "2026-11-27T08:00:00.000Z".to_owned()));
    let (_, other) = ask_link("guide.pdf").await;
    assert_ne!(fresh["link"], other["link"]);
    for one in [fresh, other] {
        assert_eq!(press(&service, &text(&one["link"])).await.status(), 200);
        assert_eq!(press(&service, &text(&one["link"])).await.status(), 410);
    }
    for file in ["other.pdf", "../data/db", "", "guide.pdf/", "%2e%2e/keys/root"] {
        assert_eq!(ask_link(file).await.0, 404, "{file}");
    }
}

#[tokio::test]
async fn a_link_is_for_one_submission_and_file_and_cannot_be_made_up() {
    let clock = clock();
    let service = service(&clock).await;
    let (jane, joe) = (ask(&service, "jane@example.org").await, ask(&service, "joe@example.org").await);
    let (first, second) = (link(&jane, 0), link(&joe, 0));
    assert_ne!(first, second);
    // The start of one and the end of the other; every character changed; what is none.
    let mut made_up: Vec<String> = (3..first.len()).map(|cut| format!("{}{}", &first[..cut], &second[cut..])).collect();
    made_up.retain(|one| *one != first && *one != second);
    for at in 3..first.len() {
        let mut changed = first.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        made_up.push(String::from_utf8(changed).unwrap());
    }
    made_up.extend(["/r/x".to_owned(), format!("/r/{}", "A".repeat(TEXT_LEN)), format!("{first}A")]);
    made_up.extend(["/r/..%2f..%2fkeys%2froot", "/r/guide.pdf", "/r/"].map(str::to_owned));
    for link in &made_up {
        assert_eq!(press(&service, link).await.status(), 404, "{link}");
    }
    // Jane's is used up by Jane's page only.
    assert_eq!(press(&service, &first).await.status(), 200);
    assert_eq!(press(&service, &second).await.status(), 200);
    assert_eq!(shown(&service, &joe).await["downloads"].as_array().unwrap().len(), 1);
    // Another site cannot have a browser press the button.
    let (_, fresh) = document(
        service
            .json("POST", "/api/v1/my/links", None, &json!({ "receipt": joe["receipt"], "file": "guide.pdf" }))
            .await,
    )
    .await;
    let path = text(&fresh["link"]);
    let foreign = service.form(&path, &[]).header("sec-fetch-site", "cross-site").send().await.unwrap();
    assert_eq!(foreign.status(), 403);
    assert_eq!(press(&service, &path).await.status(), 200);
}

#[tokio::test]
async fn links_outlive_a_restart_and_die_with_what_they_are_about() {
    let clock = clock();
    let mut service = service(&clock).await;
    let (kept, used, gone) = (
        ask(&service, "a@example.org").await,
        ask(&service, "b@example.org").await,
        ask(&service, "c@example.org").await,
    );
    assert_eq!(press(&service, &link(&used, 0)).await.status(), 200);
    assert_eq!(press(&service, &link(&gone, 0)).await.status(), 200);
    let (_, erased) =
        document(service.json("POST", "/api/v1/my/erasure", None, &json!({ "receipt": gone["receipt"] })).await).await;
    assert!(erased["statement"].is_object(), "{erased}");
    for n in [0, 1] {
        assert_eq!(press(&service, &link(&gone, n)).await.status(), 404, "erased");
    }
    service.stop().await;
    let dir = service.dir.clone();
    drop(service);

    let forms = FormSet::with_files([("price-list.toml", FORM)]).unwrap();
    let app = support::open_with_clock(dir.path(), forms, clock.clone());
    app.set_resources(Shelf { folder: dir.path().join("resources"), link_life: LINK_LIFE });
    let token = |answer: &Value| link(answer, 0).trim_start_matches("/r/").to_owned();
    let take = async |answer: &Value| {
        letterlock::services::resources::take(
            &app,
            letterlock::base::ids::RequestId::from_bytes([9; 16]),
            &token(answer),
            None,
        )
        .await
    };
    assert!(take(&kept).await.is_ok());
    assert!(matches!(take(&used).await, Err(letterlock::services::ServiceError::LinkSpent)), "used before the restart");
    assert!(matches!(take(&gone).await, Err(letterlock::services::ServiceError::NotFound)));
    let findings = verify::run(&app, &owner(Role::Admin), &|_, _| {}).await.unwrap();
    assert!(findings.problems.is_empty(), "{:?}", findings.problems);
    erase::record(&app, &owner(Role::Privacy), text(&used["submission"]).parse().unwrap()).await.unwrap();
    assert!(matches!(take(&used).await, Err(letterlock::services::ServiceError::NotFound)));
}

#[tokio::test]
async fn a_file_that_is_not_there_or_no_file_uses_no_link_up() {
    let clock = clock();
    let service = service(&clock).await;
    let answer = ask(&service, "jane@example.org").await;
    let path = folder(&service).join("guide.pdf");
    let secret = service.dir.path().join("data/lock");
    fs::remove_file(&path).unwrap();
    let cases: [&dyn Fn(); 4] =
        [&|| {}, &|| symlink(&secret, &path).unwrap(), &|| fs::create_dir(&path).unwrap(), &|| {
            drop(std::os::unix::net::UnixListener::bind(&path).unwrap())
        }];
    for (n, make) in cases.into_iter().enumerate() {
        make();
        assert_eq!(missing_files(&service.app).len(), 1, "{n}");
        for answer in [press(&service, &link(&answer, 0)).await, service.get(&link(&answer, 0), None).await] {
            let (status, page) = page(answer).await;
            assert!(status == 503 && page.contains("Nothing was used up"), "{n}: {page}");
            assert!(!page.contains("resources"), "where files lie is not told: {page}");
        }
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
    }
    fs::write(&path, guide()).unwrap();
    assert_eq!(missing_files(&service.app), Vec::<String>::new());
    assert!(press(&service, &link(&answer, 0)).await.bytes().await.unwrap() == guide());
    assert_eq!(shown(&service, &answer).await["downloads"].as_array().unwrap().len(), 1);
    // What is no kind that is known goes out as bytes, whatever its name says.
    fs::write(folder(&service).join("prices.txt"), "<!doctype html><script>alert(1)</script>").unwrap();
    let page = press(&service, &link(&answer, 1)).await;
    assert_eq!(page.headers()["content-type"], "application/octet-stream");
}

#[tokio::test]
async fn one_link_pressed_many_times_at_once_downloads_once() {
    let clock = clock();
    let service = service(&clock).await;
    let answer = ask(&service, "jane@example.org").await;
    let link = link(&answer, 0);
    let answers = futures_util::future::join_all((0..12).map(|_| press(&service, &link))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 410].contains(status)), "{statuses:?}");
    assert_eq!(shown(&service, &answer).await["downloads"].as_array().unwrap().len(), 1);
}

/// What the page behind a link carries: a browser sends it with each click.
async fn once_of(service: &Service, link: &str) -> String {
    let page = service.get(link, None).await.text().await.unwrap();
    page.split("name=\"_once\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_second_click_gets_the_same_file_and_nobody_else_does() {
    let clock = clock();
    let service = service(&clock).await;
    let answer = ask(&service, "jane@example.org").await;
    let link = link(&answer, 0);
    let (mine, other) = (once_of(&service, &link).await, once_of(&service, &link).await);
    assert_ne!(mine, other, "each look is a page of its own");
    let click = async |once: &str| {
        let answer =
            service.form(&link, &[("_once", once)]).header("sec-fetch-site", "same-origin").send().await.unwrap();
        let status = answer.status().as_u16();
        (status, status == 200 && answer.bytes().await.unwrap() == guide())
    };
    // All at once, as fast fingers do it; and a page of somebody else in between.
    let (clicks, foreign) =
        futures_util::future::join(futures_util::future::join_all((0..6).map(|_| click(&mine))), async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            click(&other).await
        })
        .await;
    // Whoever was first has the link, and the other has nothing of it.
    let (first, late) = if foreign.0 == 200 { (&other, &mine) } else { (&mine, &other) };
    let of_mine = if foreign.0 == 200 { (410, false) } else { (200, true) };
    assert!(clicks.iter().all(|click| *click == of_mine), "{clicks:?} {foreign:?}");
    clock.advance(AGAIN - Duration::from_millis(1));
    assert_eq!(click(first).await, (200, true));
    for once in [late.as_str(), "", "x", "aaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        assert_eq!(click(once).await.0, 410, "{once}");
    }
    assert_eq!(press(&service, &link).await.status(), 410, "nor who sends nothing");
    assert_eq!(service.get(&link, None).await.status(), 410);
    clock.advance(Duration::from_millis(1));
    assert_eq!(click(first).await.0, 410, "not for long");
    // It was one download, for the person, for the count and in the trail.
    assert_eq!(shown(&service, &answer).await["downloads"].as_array().unwrap().len(), 1);
    let counted = statistics::list_downloads(&service.app, &owner(Role::Admin)).unwrap();
    assert_eq!(counted.iter().map(|line| line.downloads).sum::<u64>(), 1);
    let auditor = service.token(&[Role::Auditor]).await;
    let (_, trail) = document(service.get("/api/v1/audit?limit=50", Some(&auditor)).await).await;
    let traces = trail["items"].as_array().unwrap().iter().filter(|entry| entry["action"] == "download-resource");
    assert_eq!(traces.count(), 1);
}

#[tokio::test]
async fn a_click_that_carries_nothing_uses_the_link_up_for_everybody() {
    let clock = clock();
    let service = service(&clock).await;
    let link = link(&ask(&service, "jane@example.org").await, 0);
    // No body, and one that names no page: neither is a page that anybody else could be taken for.
    let bare = service.request("POST", &link).header("sec-fetch-site", "same-origin").send().await.unwrap();
    assert_eq!(bare.status(), 200);
    for _ in 0..2 {
        assert_eq!(press(&service, &link).await.status(), 410);
    }
    let sent =
        service.request("POST", &link).header("content-type", "application/json").body("{}").send().await.unwrap();
    assert_eq!(sent.status(), 415);
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_links_and_downloads_have_a_limit() {
    let clock = clock();
    let service = service(&clock).await;
    let send = || {
        let body = json!({ "fields": { "email": "jane@example.org" } });
        service
            .request("POST", "/api/v1/forms/price-list/submissions")
            .header("idempotency-key", "k")
            .json(&body)
            .send()
    };
    let (_, first) = document(send().await.unwrap()).await;
    clock.advance(Duration::from_secs(60));
    let (_, second) = document(send().await.unwrap()).await;
    assert_eq!(first, second);
    let request = json!({ "receipt": first["receipt"], "file": "prices.txt" });
    for n in 0..=100 {
        let (_, fresh) = document(service.json("POST", "/api/v1/my/links", None, &request).await).await;
        let answer = press(&service, &text(&fresh["link"])).await;
        if n < 100 {
            assert_eq!(answer.status(), 200, "{n}");
        } else {
            let (status, page) = page(answer).await;
            assert!(status == 422 && page.contains("so often that no more is written down"), "{page}");
        }
    }
    assert_eq!(shown(&service, &first).await["downloads"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn the_page_of_a_receipt_shows_and_hands_out_what_is_unlocked() {
    let clock = clock();
    let service = service(&clock).await;
    let answer = ask(&service, "jane@example.org").await;
    assert_eq!(press(&service, &link(&answer, 0)).await.status(), 200);
    let entered = service.form("/my", &[("code", &text(&answer["receipt"]))]).send().await.unwrap();
    let cookie = entered.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let page = async || {
        let page = service.request("GET", "/my").header("cookie", &cookie).send().await.unwrap();
        page.text().await.unwrap()
    };
    let shown = page().await;
    assert!(shown.contains("Your downloads") && shown.contains("Prices of 2026"), "{shown}");
    assert_eq!(shown.matches("2026-11-25 at 08:00 UTC").count(), 2, "when it was sent, and when downloaded: {shown}");
    let guard = shown.split("name=\"_guard\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let fetch = async |guard: &str, file: &str| {
        let form = service.form("/my/resources", &[("_guard", guard), ("file", file)]);
        form.header("cookie", &cookie).send().await.unwrap()
    };
    assert!(fetch(&guard, "guide.pdf").await.bytes().await.unwrap() == guide(), "again, without a link");
    assert_eq!(page().await.matches("2026-11-25 at 08:00 UTC").count(), 3);
    for file in ["other.pdf", "", "../data/lock", "guide.pdf\0"] {
        assert_eq!(fetch(&guard, file).await.status(), 404, "{file}");
    }
    assert_eq!(fetch("aaaaaaaaaaaaaaaaaaaaaaaaaa", "guide.pdf").await.status(), 403);

    // The page that says that it has arrived, by a browser.
    let page = service.form("/f/price-list", &[("email", "joe@example.org")]).send().await.unwrap();
    let page = page.text().await.unwrap();
    assert!(page.contains(">The guide</a>") && page.contains("until 2026-11-26 at 08:00 UTC"), "{page}");
    let link = page.split("href=\"/r/").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(press(&service, &format!("/r/{link}")).await.status(), 200);
}
