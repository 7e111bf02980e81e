//! Whoever reads unusually much is asked why, and it is an alert. English only.

use super::console::{invitation, take_up};
use super::{Found, Walk, axe};
use crate::chrome::Chrome;
use crate::page_text;
use crate::served::{Served, client};

/// Widths, light and dark.
const LOOKS: [(&str, u32, bool); 2] = [("en", 1280, false), ("en", 320, true)];

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_where_somebody_is_asked_why_they_read_so_much() {
    let (axe, chrome) = (axe(), Chrome::start().await);
    let served = Served::with_settings(&[], &[("LETTERLOCK_READING__MOST", "1")]).await;
    let mut ids = Vec::new();
    for n in 0..2 {
        let fields = serde_json::json!({ "name": "Jane", "email": format!("p{n}@example.org"), "subject-line": "Help", "message": "It does not start." });
        let path = format!("{}/api/v1/forms/support-request/submissions", served.url);
        let answer = client().post(path).json(&serde_json::json!({ "fields": fields })).send().await.unwrap();
        let body: serde_json::Value = answer.json().await.unwrap();
        ids.push(body["submission"].as_str().unwrap().to_owned());
    }
    let record = |id: &str| format!("{}/staff/record/{id}?purpose=support", served.url);
    let mut found = Found::default();
    for (n, look) in LOOKS.into_iter().enumerate() {
        let mut walk = Walk::start(&chrome, &axe, look, &mut found).await;
        take_up(&mut walk, &invitation(&served, &format!("pia{n}"), "privacy")).await;
        walk.browser.goto(&record(&ids[0])).await.unwrap();
        assert!(page_text(&walk.browser).await.contains("It does not start."));
        walk.browser.goto(&record(&ids[1])).await.unwrap();
        walk.look("reason").await;
        assert!(page_text(&walk.browser).await.contains("please say why"));
        walk.put("reason", " ").await;
        walk.mistake("main form button", "reason-mistake").await;
        walk.put("reason", "Somebody asked for a copy of everything.").await;
        walk.press("main form button", "reason-given").await;
        walk.browser.goto(&record(&ids[1])).await.unwrap();
        assert!(page_text(&walk.browser).await.contains("It does not start."));
        walk.press(".bar a[href='/staff/alerts']", "alerts").await;
        assert!(page_text(&walk.browser).await.contains("Somebody asked for a copy of everything."));
        walk.end().await;
    }
    found.is_good("where somebody is asked why they read so much", 2 * 9);
}
