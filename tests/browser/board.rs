//! A comment for a board: the warning with and without scripts, and the page that everybody reads.

use std::time::Duration;

use thirtyfour::prelude::*;

use crate::chrome::{Chrome, Visitor};
use crate::served::{Served, client};
use crate::{RECEIPT, number, press, shoot};

const SUBMIT: &str = "form button[type=submit]";

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_is_warned_of_sent_all_the_same_and_shown_to_everybody() {
    let served = Served::start().await;
    let chrome = Chrome::start().await;
    for javascript in [true, false] {
        let browser = chrome.visit(Visitor { javascript, ..Visitor::DESKTOP }).await;
        browser.goto(&format!("{}/f/public-comment", served.url)).await.unwrap();
        for (field, text) in [
            ("display-name", "Ada"),
            ("email", "ada@example.org"),
            ("headline", "A word"),
            ("comment", "Call me on +44 20 7946 0958."),
        ] {
            browser.find(By::Id(format!("field-{field}"))).await.unwrap().send_keys(text).await.unwrap();
        }
        browser.find(By::Id("field-publish")).await.unwrap().click().await.unwrap();
        press(&browser, SUBMIT).await;
        let problem = browser.find(By::Id("field-comment-problem")).await.unwrap().text().await.unwrap();
        assert!(problem.contains("a telephone number") && problem.contains("Everybody"), "{problem}");
        let typed = browser.find(By::Id("field-comment")).await.unwrap().prop("value").await.unwrap();
        assert_eq!(typed.as_deref(), Some("Call me on +44 20 7946 0958."));
        shoot(&browser, if javascript { "board-warning" } else { "board-warning-no-javascript" }).await;
        // Sending it again without the tick is no way round.
        press(&browser, SUBMIT).await;
        let tick = browser.find(By::Id("acknowledge")).await.unwrap();
        assert!(!tick.is_selected().await.unwrap());
        tick.click().await.unwrap();
        press(&browser, SUBMIT).await;
        assert_eq!(browser.find_all(By::Css(RECEIPT)).await.unwrap().len(), 1);
        browser.quit().await.unwrap();
    }

    for (name, words) in [
        ("Bartholomew Featherstonehaugh-Cholmondeley", "What a pleasant place.\n\nI came on a Tuesday,\nand stayed."),
        ("زينب", "مرحبا بالجميع"),
        ("Max", &"Donaudampfschifffahrtsgesellschaftskapitän".repeat(4)),
    ] {
        let fields =
            serde_json::json!({ "display-name": name, "email": "x@example.org", "comment": words, "publish": true });
        let sent = client()
            .post(format!("{}/api/v1/forms/public-comment/submissions", served.url))
            .json(&serde_json::json!({ "fields": fields }))
            .send();
        assert_eq!(sent.await.unwrap().status(), 201);
    }
    let list: serde_json::Value =
        serde_json::from_str(&served.cli(&["record", "list", "--as", "marketing", "--json"])).unwrap();
    for item in list["items"].as_array().unwrap() {
        let told = served.cli(&["board", "publish", item["id"].as_str().unwrap(), "--as", "marketing"]);
        assert!(told.contains("published"), "{told}");
    }
    for (width, dark) in [(320, false), (320, true), (1280, false), (1280, true)] {
        let browser = chrome.visit(Visitor { width, dark, javascript: false }).await;
        browser.goto(&format!("{}/b/public-comment", served.url)).await.unwrap();
        assert_eq!(browser.find_all(By::Css("article.comment")).await.unwrap().len(), 5);
        shoot(&browser, &format!("board-{width}{}", if dark { "-dark" } else { "" })).await;
        browser.quit().await.unwrap();
    }
    let browser = chrome.visit(Visitor { width: 320, ..Visitor::DESKTOP }).await;
    browser.goto(&format!("{}/b/public-comment", served.url)).await.unwrap();
    let wide = number(&browser, "return document.documentElement.scrollWidth").await;
    assert!(wide <= 320, "the page is {wide} pixels wide on a screen of 320");
    browser.quit().await.unwrap();

    let first = list["items"][0]["id"].as_str().unwrap().to_owned();
    served.cli(&["board", "decline", &first, "--as", "marketing", "--reason", "It is no comment."]);
    let browser = chrome.visit(Visitor::DESKTOP).await;
    browser.goto(&format!("{}/b/public-comment", served.url)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(browser.find_all(By::Css("article.comment")).await.unwrap().len(), 4);
    browser.quit().await.unwrap();
}
