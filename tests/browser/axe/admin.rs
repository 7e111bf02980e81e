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
        walk.press(".bar a[href='/staff/health']", "health").await;
        assert!(page_text(&walk.browser).await.contains("this needs attention"));
        walk.press(".bar a[href='/staff/forms']", "forms").await;
        walk.browser.execute("document.querySelector('details').open = true", vec![]).await.unwrap();
        walk.look("forms-open").await;
        walk.end().await;
    }
    found.is_good("the pages of those who look after the service", 2 * 9);
}
