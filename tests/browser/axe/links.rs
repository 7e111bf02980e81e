//! What people come to by a link: newsletters, unlocked files, boards, frames on other sites, all that is held under an address.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use letterlock::base::clock::ManualClock;
use letterlock::domain::form::FormSet;
use letterlock::services::resources::{LINK_LIFE, Shelf};
use serde_json::{Value, json};
use thirtyfour::prelude::*;

use super::{Found, LOOKS, Walk, axe};
use crate::chrome::Chrome;
use crate::mailbox::Mailbox;
use crate::resources::{FORM as PRICES, fill_folder};
use crate::served::{Served, client};
use crate::support::{Service, document};
use crate::{RECEIPT, page_text};

const URL: &str = "https://letterlock.example";
const SEND: &str = "main form button[type=submit]";
/// Whose comments fill a second page.
const COMMENTS: usize = 22;

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_the_pages_behind_links_in_mails() {
    let (axe, mailbox, chrome) = (axe(), Mailbox::open(), Chrome::start().await);
    let served = Served::with_settings(&[], &mailbox.settings()).await;
    let marketing = served.token("news", "marketing");
    let mut found = Found::default();
    for (n, look) in LOOKS.into_iter().enumerate() {
        let mut walk = Walk::start(&chrome, &axe, look, &mut found).await;
        let at = |path: &str| format!("{}{path}", served.url);
        let address = format!("reader{n}@example.org");
        walk.goto(&at("/f/newsletter")).await;
        walk.put("email", &address).await;
        walk.browser.find(By::Name("newsletter")).await.unwrap().click().await.unwrap();
        walk.press(SEND, "news-asked").await;
        let code = walk.browser.find(By::Css(RECEIPT)).await.unwrap().text().await.unwrap();
        let confirm = mailbox.wait_for_path(URL, "/confirm/");
        walk.look_at("news-confirm", &at(&confirm)).await;
        walk.says_in_german("„Newsletter abonnieren“").await;
        walk.press("main form button", "news-confirmed").await;
        walk.says_in_german("„Newsletter abonnieren“").await;

        let issue = json!({ "purpose": "newsletter", "subject": "News", "text": "All is well." });
        let order = client().post(at("/api/v1/forms/newsletter/mailings")).bearer_auth(&marketing);
        let order = order.header("idempotency-key", n.to_string()).json(&issue).send().await.unwrap();
        assert_eq!(order.status(), 202);
        let unsubscribe = mailbox.wait_for_path(URL, "/unsubscribe/");

        // What the receipt opens while the subscription holds.
        walk.goto(&at("/my")).await;
        walk.put("code", &code).await;
        walk.press("main form button", "my-subscription").await;
        walk.press("form.leave button", "my-left").await;

        walk.look_at("news-unsubscribe", &at(&unsubscribe)).await;
        walk.says_in_german("„Newsletter abonnieren“").await;
        walk.press("main form button", "news-unsubscribed").await;
        walk.says_in_german("„Newsletter abonnieren“").await;
        walk.look_at("news-over", &at(&confirm)).await;

        // All that is held under the address, by a link that is mailed.
        walk.goto(&at("/my")).await;
        walk.mistake("form[action^='/my/link'] button", "my-no-address").await;
        walk.put("email", &address).await;
        walk.press("form[action^='/my/link'] button", "my-mailed").await;
        let link = mailbox.wait_for_path(URL, "/my/link/");
        walk.look_at("my-link-mailed", &at(&link)).await;
        walk.press("main form button", "my-all").await;
        walk.end().await;
    }
    found.is_good("newsletters and mailed links", 4 * 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_the_pages_of_unlocked_files() {
    let axe = axe();
    let chrome = Chrome::start().await;
    // In this process, by a clock of its own: a link has to become too old.
    let clock = Arc::new(ManualClock::at("2026-11-25T08:00:00Z".parse().unwrap()));
    let forms = FormSet::with_files([("price-list.toml", PRICES)]).unwrap();
    let service = Service::with_clock(forms, clock.clone(), |_| ()).await;
    let folder = service.dir.path().join("resources");
    fill_folder(&folder);
    service.app.set_resources(Shelf { folder, link_life: LINK_LIFE });
    let mut found = Found::default();
    for look in LOOKS {
        let mut walk = Walk::start(&chrome, &axe, look, &mut found).await;
        walk.goto(&service.url("/f/price-list")).await;
        walk.put("email", "jane@example.org").await;
        walk.press(SEND, "resource-receipt").await;
        let code = walk.browser.find(By::Css(RECEIPT)).await.unwrap().text().await.unwrap();
        let mut links = Vec::new();
        for link in walk.browser.find_all(By::Css("a[href^='/r/']")).await.unwrap() {
            let href = link.attr("href").await.unwrap().unwrap();
            links.push(href.split('?').next().unwrap().to_owned());
        }
        assert_eq!(links.len(), 2);
        walk.look_at("resource", &service.url(&links[0])).await;
        // Its name is English, and says so on a German page.
        let lang = walk.browser.find(By::Tag("h1")).await.unwrap().attr("lang").await.unwrap();
        assert_eq!(lang.as_deref(), (look.0 == "de").then_some("en"));
        let taken = service.form(&links[0], &[]).header("sec-fetch-site", "same-origin").send().await.unwrap();
        assert_eq!(taken.status(), 200);
        walk.look_at("resource-used", &service.url(&links[0])).await;
        walk.goto(&service.url("/my")).await;
        walk.put("code", &code).await;
        walk.press("main form button", "my-downloads").await;
        clock.advance(LINK_LIFE + Duration::from_secs(1));
        walk.goto(&service.url(&links[1])).await;
        assert!(walk.browser.find_all(By::Css("main form")).await.unwrap().is_empty(), "it is too old");
        walk.look("resource-expired").await;
        walk.end().await;
    }
    found.is_good("unlocked files", 4 * 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_boards_and_in_frames() {
    let (axe, served) = (axe(), Served::with_forms(&[("site.toml", crate::sites::FORM)]).await);
    let chrome = Chrome::start().await;
    let mut found = Found::default();
    let at = |path: &str| format!("{}{path}", served.url);
    let publish = |record: &str| {
        let told = served.cli(&["board", "publish", record, "--as", "marketing"]);
        assert!(told.contains("published"), "{told}");
    };
    for look in LOOKS {
        let mut walk = Walk::start(&chrome, &axe, look, &mut found).await;
        walk.look_at("board-empty", &at("/b/public-comment")).await;
        walk.says_in_german("Einen Kommentar schreiben").await;
        walk.goto(&at("/f/public-comment")).await;
        for (name, text) in
            [("display-name", "Ada"), ("email", "ada@example.org"), ("comment", "Call me on +44 20 7946 0958.")]
        {
            walk.put(name, text).await;
        }
        walk.browser.find(By::Name("publish")).await.unwrap().click().await.unwrap();
        walk.press(SEND, "board-warning").await;
        assert_eq!(walk.browser.find_all(By::Id("acknowledge")).await.unwrap().len(), 1);
        walk.browser.find(By::Id("acknowledge")).await.unwrap().click().await.unwrap();
        walk.press(SEND, "board-receipt").await;

        walk.look_at("embed", &at("/embed/site-application")).await;
        walk.mistake(SEND, "embed-mistakes").await;
        walk.put("name", "Jane Example").await;
        walk.put("email", "jane@example.org").await;
        let cv = served.scratch().join("cv.pdf");
        fs::write(&cv, crate::pdf::document(1 << 16)).unwrap();
        walk.browser.find(By::Name("cv")).await.unwrap().send_keys(cv.to_str().unwrap()).await.unwrap();
        walk.press(SEND, "embed-receipt").await;
        walk.end().await;
    }

    let mut receipt = String::new();
    for n in 0..COMMENTS {
        let words = match n {
            0 => "مرحبا بالجميع".to_owned(),
            1 => "Donaudampfschifffahrtsgesellschaftskapitän".repeat(4),
            _ => format!("What a pleasant place.\n\nI came {n} times,\nand stayed."),
        };
        let mut fields = json!({ "display-name": "Ada", "email": "x@example.org", "comment": words, "publish": true });
        if n % 2 == 0 {
            fields["headline"] = json!("A word");
        }
        let sent = client().post(at("/api/v1/forms/public-comment/submissions")).json(&json!({ "fields": fields }));
        let (status, body) = document(sent.send().await.unwrap()).await;
        assert_eq!(status, 201, "{body}");
        publish(body["submission"].as_str().unwrap());
        receipt = body["receipt"].as_str().unwrap().to_owned();
    }
    for look in LOOKS {
        let mut walk = Walk::start(&chrome, &axe, look, &mut found).await;
        walk.look_at("board", &at("/b/public-comment")).await;
        assert_eq!(walk.browser.find_all(By::Css("article.comment")).await.unwrap().len(), 20);
        walk.press("a[rel=next]", "board-older").await;
        assert_eq!(walk.browser.find_all(By::Css("article.comment")).await.unwrap().len(), 2);
        walk.goto(&at("/my")).await;
        walk.put("code", &receipt).await;
        walk.press("main form button", "my-published").await;
        walk.end().await;
    }
    let mut walk = Walk::start(&chrome, &axe, LOOKS[1], &mut found).await;
    let list: Value = serde_json::from_str(&served.cli(&["record", "list", "--as", "marketing", "--json"])).unwrap();
    let newest = list["items"][0]["id"].as_str().unwrap();
    served.cli(&["board", "decline", newest, "--as", "marketing", "--reason", "It is no comment."]);
    walk.goto(&at("/my")).await;
    walk.put("code", &receipt).await;
    walk.press("main form button", "my-declined").await;
    assert!(page_text(&walk.browser).await.contains("It is no comment."));
    walk.end().await;
    found.is_good("boards and frames", 4 * 9 + 1);
}
