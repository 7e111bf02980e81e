//! A request to be erased, from the address to the certificate, with every mistake that is told on the way. English only.

use super::console::{invitation, take_up};
use super::{Found, Walk, axe};
use crate::chrome::Chrome;
use crate::page_text;
use crate::served::{Served, client};

/// Widths, light and dark.
const LOOKS: [(&str, u32, bool); 4] = [("en", 1280, false), ("en", 320, true), ("en", 320, false), ("en", 1280, true)];

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_where_people_are_erased() {
    let (axe, chrome) = (axe(), Chrome::start().await);
    let served = Served::with_settings(&[], &[]).await;
    let mut found = Found::default();
    for (n, look) in LOOKS.into_iter().enumerate() {
        let mut ids = Vec::new();
        for _ in 0..3 {
            let fields = serde_json::json!({ "name": "Jane", "email": "jane@example.org", "subject-line": "Help", "message": "It does not start." });
            let path = format!("{}/api/v1/forms/support-request/submissions", served.url);
            let answer = client().post(path).json(&serde_json::json!({ "fields": fields })).send().await.unwrap();
            let body: serde_json::Value = answer.json().await.unwrap();
            ids.push(body["submission"].as_str().unwrap().to_owned());
        }
        let mut walk = Walk::start(&chrome, &axe, look, &mut found).await;
        take_up(&mut walk, &invitation(&served, &format!("pia{n}"), "privacy")).await;
        walk.browser.goto(&format!("{}/staff/record/{}?purpose=subject-request", served.url, ids[0])).await.unwrap();
        walk.look("erase-record-page").await;
        walk.press("#erase ~ p a.button", "erase-record").await;
        walk.mistake("button.grave", "erase-record-mistake").await;
        walk.put("confirmation", "erase").await;
        walk.press("button.grave", "erase-record-done").await;
        walk.press(".bar a[href='/staff/erasure']", "erasure").await;
        let find = "form[action='/staff/erasure'] button";
        walk.mistake(find, "erasure-mistake").await;
        walk.put("email", "nobody@example.org").await;
        walk.press(find, "erasure-nobody").await;
        walk.put("email", "jane@example.org").await;
        walk.press(find, "erasure-found").await;
        walk.browser.execute("document.querySelector('details').open = true", vec![]).await.unwrap();
        walk.look("erasure-found-open").await;
        walk.press("a.button[href^='/staff/erasure/people/']", "erase").await;
        walk.mistake("button.grave", "erase-mistake").await;
        walk.put("confirmation", "erase 2").await;
        walk.press("button.grave", "erased").await;
        assert!(page_text(&walk.browser).await.contains("This person was erased"));
        walk.browser.execute("document.querySelector('details').open = true", vec![]).await.unwrap();
        walk.look("erased-open").await;
        walk.press(".back a", "erasure-after").await;
        walk.put("handle", "nonsense").await;
        walk.mistake("form[action$='/certificates'] button", "erasure-no-certificate").await;
        walk.end().await;
    }
    found.is_good("where people are erased", 4 * 20);
}
