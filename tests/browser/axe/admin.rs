//! The pages of those who look after the service. English only.

use super::console::{invitation, take_up};
use super::{Found, Walk, axe};
use crate::chrome::Chrome;
use crate::page_text;
use crate::served::Served;

/// Widths, light and dark.
const LOOKS: [(&str, u32, bool); 2] = [("en", 1280, true), ("en", 320, false)];

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_where_the_service_is_looked_after() {
    let (axe, chrome) = (axe(), Chrome::start().await);
    let served = Served::with_settings(&[], &[]).await;
    let mut found = Found::default();
    for (n, look) in LOOKS.into_iter().enumerate() {
        let mut walk = Walk::start(&chrome, &axe, look, &mut found).await;
        take_up(&mut walk, &invitation(&served, &format!("anna{n}"), "admin")).await;
        walk.press("a.button", "admin-home").await;
        walk.press(".bar a[href='/staff/people']", "people").await;
        walk.browser.execute("document.querySelectorAll('details').forEach(d => d.open = true)", vec![]).await.unwrap();
        walk.look("people-open").await;
        let typed = async |walk: &Walk<'_>, login: &str| {
            let script = format!("document.getElementById('login').value = '{login}'");
            walk.browser.execute(&script, vec![]).await.unwrap();
        };
        typed(&walk, "b b").await;
        walk.mistake("form[action='/staff/people/invitations'] button", "people-mistake").await;
        typed(&walk, &format!("hanna{n}")).await;
        walk.browser.execute("document.getElementById('invite-hr').checked = true", vec![]).await.unwrap();
        walk.press("form[action='/staff/people/invitations'] button", "people-invited").await;
        walk.press("a.button", "people-after").await;
        walk.press(".bar a[href='/staff/health']", "health").await;
        assert!(page_text(&walk.browser).await.contains("this needs attention"));
        walk.press(".bar a[href='/staff/forms']", "forms").await;
        walk.browser.execute("document.querySelector('details').open = true", vec![]).await.unwrap();
        walk.look("forms-open").await;
        walk.end().await;
    }
    found.is_good("the pages of those who look after the service", 2 * 14);
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_where_staff_see_how_the_work_goes() {
    let (axe, chrome) = (axe(), Chrome::start().await);
    let served = Served::with_settings(&[], &[]).await;
    let client = crate::served::client();
    for n in 0..5 {
        let fields = serde_json::json!({ "name": "Jane", "email": format!("p{n}@example.org"), "subject-line": "Help", "message": "It does not start." });
        let path = format!("{}/api/v1/forms/support-request/submissions", served.url);
        let answer = client.post(path).json(&serde_json::json!({ "fields": fields })).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
    }
    let mut found = Found::default();
    for (n, look) in LOOKS.into_iter().enumerate() {
        let mut walk = Walk::start(&chrome, &axe, look, &mut found).await;
        take_up(&mut walk, &invitation(&served, &format!("sue{n}"), "support")).await;
        walk.press("a.button", "dashboard").await;
        assert!(page_text(&walk.browser).await.contains("5 in the last 28 days"));
        walk.end().await;
    }
    found.is_good("the console's first page", 2 * 6);
}
