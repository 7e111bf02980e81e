//! The pages behind the links in mails, in a real browser without scripts. Screenshots in `target/screenshots`.

use thirtyfour::prelude::*;

use crate::chrome::{Chrome, Visitor};
use crate::mailbox::Mailbox;
use crate::served::{Served, client};
use crate::{number, page_text, press, shoot};

const LOOKS: [(&str, Visitor); 4] = [
    ("1280", Visitor { javascript: false, ..Visitor::DESKTOP }),
    ("1280-dark", Visitor { dark: true, ..Visitor::DESKTOP }),
    ("320", Visitor { width: 320, ..Visitor::DESKTOP }),
    ("320-dark", Visitor { width: 320, dark: true, ..Visitor::DESKTOP }),
];

async fn look(browser: &WebDriver, visitor: Visitor, name: &str, words: &str) {
    assert!(page_text(browser).await.contains(words), "{name}");
    shoot(browser, name).await;
    if visitor.javascript {
        let width = number(browser, "return document.documentElement.scrollWidth").await;
        assert!(width <= i64::from(visitor.width), "{name}: the page is {width} pixels wide");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_subscribes_confirms_and_unsubscribes_by_the_links_in_mails() {
    let mailbox = Mailbox::open();
    let served = Served::with_settings(&[], &mailbox.settings()).await;
    let chrome = Chrome::start().await;
    let marketing = served.token("news", "marketing");
    for (n, (name, visitor)) in (1..).zip(LOOKS) {
        let browser = chrome.visit(visitor).await;
        browser.goto(&format!("{}/f/newsletter", served.url)).await.unwrap();
        browser.find(By::Name("email")).await.unwrap().send_keys(format!("reader{n}@example.org")).await.unwrap();
        browser.find(By::Name("newsletter")).await.unwrap().click().await.unwrap();
        press(&browser, "form button[type=submit]").await;
        look(&browser, visitor, &format!("news-1-asked-{name}"), "look into your mailbox").await;

        let confirm = mailbox.next_path("https://letterlock.example", "/confirm/");
        browser.goto(&format!("{}{confirm}", served.url)).await.unwrap();
        look(&browser, visitor, &format!("news-2-confirm-{name}"), "One more step").await;
        press(&browser, "form button").await;
        look(&browser, visitor, &format!("news-3-confirmed-{name}"), "Your address is confirmed").await;

        let issue = serde_json::json!({ "purpose": "newsletter", "subject": "News", "text": "All is well." });
        let order = client().post(format!("{}/api/v1/forms/newsletter/mailings", served.url)).bearer_auth(&marketing);
        let answer = order.header("idempotency-key", name).json(&issue).send().await.unwrap();
        assert_eq!(answer.status(), 202);
        let unsubscribe = mailbox.next_path("https://letterlock.example", "/unsubscribe/");
        browser.goto(&format!("{}{unsubscribe}", served.url)).await.unwrap();
        look(&browser, visitor, &format!("news-4-unsubscribe-{name}"), "One press, and you get no more").await;
        press(&browser, "form button").await;
        look(&browser, visitor, &format!("news-5-unsubscribed-{name}"), "You are unsubscribed").await;

        browser.goto(&format!("{}{confirm}", served.url)).await.unwrap();
        look(&browser, visitor, &format!("news-6-over-{name}"), "does not work any more").await;
        browser.quit().await.unwrap();
    }
}
