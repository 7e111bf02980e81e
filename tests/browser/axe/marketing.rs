//! The console of who reads boards, surveys and what was downloaded. English only.

use serde_json::{Value, json};
use thirtyfour::prelude::*;

use super::console::{invitation, take_up};
use super::{Found, Walk, axe};
use crate::chrome::Chrome;
use crate::page_text;
use crate::resources::{FORM as PRICES, fill_folder};
use crate::served::{Served, client};

/// Widths, light and dark.
const LOOKS: [(&str, u32, bool); 2] = [("en", 1280, false), ("en", 320, true)];

/// A second survey, so that there is something to pick, with a number and a day.
const VISIT: &str = r#"
id = "visit"
version = 1
kind = "survey"
k = 5
title = "Your visit to our warehouse"
submit = "Send"
purposes = ["survey", "planning"]
legal_basis = "Consent"
roles = ["marketing"]
retention_days = 30
notice = "survey"
[[fields]]
name = "minutes"
label = "How many minutes did you stay?"
kind = "number"
min = 0
max = 100
[[fields]]
name = "again"
label = "Will you come again?"
kind = "yes-no"
"#;

async fn send(served: &Served, form: &str, fields: Value) -> Value {
    let url = format!("{}/api/v1/forms/{form}/submissions", served.url);
    let sent = client().post(url).json(&json!({ "fields": fields })).send().await.unwrap();
    assert_eq!(sent.status(), 201, "{form}");
    sent.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_where_boards_are_moderated_and_surveys_are_read() {
    let (axe, chrome) = (axe(), Chrome::start().await);
    let served = Served::with_forms(&[("visit.toml", VISIT), ("price-list.toml", PRICES)]).await;
    fill_folder(&served.scratch().parent().unwrap().join("resources"));
    for n in 0..20_u32 {
        let words = "I have been a customer for eleven years, and it gets better.\nThe shop is hard to find.";
        let liked = if n % 3 == 0 { json!(["quality", "people"]) } else { json!(["price"]) };
        let fields = json!({ "relation": "customer", "satisfaction": 3 + n % 3, "recommend": 10 - n % 4, "liked": liked,
                             "ideas": format!("{words} ({n})") });
        send(&served, "survey", fields).await;
        send(&served, "visit", json!({ "minutes": 3 * n + 1, "again": n % 2 == 0 })).await;
    }
    let prices = send(&served, "price-list", json!({ "email": "jane@example.org" })).await;
    let link = format!("{}{}", served.url, prices["downloads"][0]["link"].as_str().unwrap());
    assert_eq!(client().post(link).send().await.unwrap().status(), 200);

    let mut found = Found::default();
    for (n, look) in LOOKS.into_iter().enumerate() {
        let words = "What a pleasant place.\n\nI came on a Tuesday, and stayed.";
        let comment = json!({ "display-name": "Bartholomew Featherstonehaugh-Cholmondeley", "email": "x@example.org",
                              "comment": words, "publish": true });
        send(&served, "public-comment", comment).await;
        let mut walk = Walk::start(&chrome, &axe, look, &mut found).await;
        let at = |path: &str| format!("{}{path}", served.url);
        take_up(&mut walk, &invitation(&served, &format!("mia{n}"), "marketing")).await;
        walk.press("a.button", "marketing-home").await;
        walk.browser.goto(&at("/staff/inbox?form=public-comment")).await.unwrap();
        walk.press(".lines a", "marketing-comment").await;
        let decline = "form:has(#reason) button";
        walk.mistake(decline, "marketing-comment-mistake").await;
        walk.press("form:has([value=true]) button", "marketing-comment-published").await;
        assert!(page_text(&walk.browser).await.contains("Everybody reads it on the board"));
        walk.put("reason", "It is an advertisement.").await;
        walk.press(decline, "marketing-comment-declined").await;
        assert!(page_text(&walk.browser).await.contains("It is an advertisement."));

        walk.browser.goto(&at("/staff/inbox?form=price-list")).await.unwrap();
        walk.press(".lines a", "marketing-downloads").await;
        assert!(page_text(&walk.browser).await.contains("Price list 2026 (prices.txt"));

        walk.press(".bar a[href='/staff/results']", "marketing-surveys").await;
        walk.press(".forms a[href*=visit]", "marketing-results-purpose").await;
        walk.browser.find(By::Css("[value=planning]")).await.unwrap().click().await.unwrap();
        walk.press("main form button", "marketing-results-visit").await;
        assert!(page_text(&walk.browser).await.contains("Opened for: Planning."));
        walk.press(".back a", "marketing-surveys-again").await;
        walk.press(".forms a[href$=survey]", "marketing-results").await;
        walk.press("main section:last-of-type a", "marketing-words").await;
        assert!(page_text(&walk.browser).await.contains("I have been a customer for eleven years"));
        walk.end().await;
    }
    found.is_good("boards and surveys in the console", 2 * 17);
}
