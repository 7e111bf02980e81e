//! The trail as an auditor reads it: how it stands, followed and checked. English only.

use super::console::{invitation, take_up};
use super::{Found, Walk, axe};
use crate::chrome::{Chrome, Visitor};
use crate::page_text;
use crate::served::Served;
use crate::{fill_in, form_page, pdf, submit};

/// Widths, light and dark.
const LOOKS: [(&str, u32, bool); 2] = [("en", 1280, false), ("en", 320, true)];

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_where_the_trail_is_read() {
    let (axe, chrome) = (axe(), Chrome::start().await);
    let safeguard = "uk > za: International data transfer agreement of 1 March 2026";
    let served = Served::with_settings(&[], &[("LETTERLOCK_SAFEGUARDS", safeguard)]).await;
    let cv = served.scratch().join("cv.pdf");
    std::fs::write(&cv, pdf::document(1 << 16)).unwrap();
    let applicant = chrome.visit(Visitor::DESKTOP).await;
    applicant.goto(form_page(&served)).await.unwrap();
    fill_in(&applicant, &cv).await;
    submit(&applicant).await;
    applicant.quit().await.unwrap();
    let listed = served.cli(&["record", "list", "--as", "hr", "--json"]);
    let id = listed.split_once("\"id\"").unwrap().1.split('"').nth(1).unwrap().to_owned();
    served.cli(&["record", "show", &id, "--as", "hr", "--purpose", "recruitment"]);
    // Somebody reads it from elsewhere.
    let far = served.cli(&["token", "create", "--login", "thandi", "--role", "hr"]);
    served.cli(&["staff", "region", "thandi", "za"]);
    let path = format!("{}/api/v1/submissions/{id}?purpose=recruitment", served.url);
    let client = reqwest::Client::builder().danger_accept_invalid_certs(true).build().unwrap();
    assert_eq!(client.get(path).bearer_auth(far.trim()).send().await.unwrap().status(), 200);

    let mut found = Found::default();
    for (n, look) in LOOKS.into_iter().enumerate() {
        let mut walk = Walk::start(&chrome, &axe, look, &mut found).await;
        take_up(&mut walk, &invitation(&served, &format!("ada{n}"), "auditor")).await;
        walk.press("a.button", "audit-home").await;
        walk.press(".bar a[href='/staff/audit']", "audit").await;
        assert!(page_text(&walk.browser).await.contains("Read submission"));
        walk.press("a[href*='person=']", "audit-person").await;
        walk.press("form[action='/staff/audit/verification'] button", "audit-checked").await;
        assert!(page_text(&walk.browser).await.contains("whole and in order"));
        walk.browser.goto(&format!("{}/staff/audit?actor=staff:nobody", served.url)).await.unwrap();
        walk.look("audit-nothing").await;
        walk.press(".bar a[href='/staff/transfers']", "transfers").await;
        assert!(page_text(&walk.browser).await.contains("kept in uk, read from za"));
        walk.end().await;
    }
    found.is_good("the audit trail in the console", 2 * 11);
}
