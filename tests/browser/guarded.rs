//! A form that asks for proof of work: the browser gives it by itself, and without scripts the page asks to wait.

use thirtyfour::prelude::*;

use crate::RECEIPT;
use crate::chrome::{Chrome, Visitor};
use crate::served::Served;

#[tokio::test(flavor = "multi_thread")]
async fn a_guarded_form_is_sent_by_a_script_and_without_one_asks_to_wait() {
    let shipped = include_str!("../../forms/support-request.toml");
    let guarded = shipped.replace("id = \"support-request\"", "id = \"guarded\"\nproof_of_work = true");
    let served = Served::with_forms(&[("guarded.toml", &guarded)]).await;
    let chrome = Chrome::start().await;

    let browser = chrome.visit(Visitor::DESKTOP).await;
    send(&browser, &served).await;
    let receipt = browser.query(By::Css(RECEIPT)).first().await.unwrap().text().await.unwrap();
    assert!(!receipt.is_empty());
    browser.quit().await.unwrap();

    let browser = chrome.visit(Visitor { javascript: false, ..Visitor::DESKTOP }).await;
    send(&browser, &served).await;
    let heading = browser.query(By::Css("#summary")).first().await.unwrap().text().await.unwrap();
    assert_eq!(heading, "One more step");
    let typed = browser.find(By::Id("field-email")).await.unwrap().prop("value").await.unwrap();
    assert_eq!(typed.as_deref(), Some("sam@example.org"));
    browser.quit().await.unwrap();
    assert_eq!(served.cli(&["statistics"]).matches("guarded").count(), 1, "both visits are of one family");
}

async fn send(browser: &WebDriver, served: &Served) {
    browser.goto(&format!("{}/f/guarded", served.url)).await.unwrap();
    for (field, text) in
        [("name", "Sam"), ("email", "sam@example.org"), ("subject-line", "Stuck"), ("message", "It is.")]
    {
        browser.find(By::Id(format!("field-{field}"))).await.unwrap().send_keys(text).await.unwrap();
    }
    let hidden = browser.find(By::Id("extra")).await.unwrap();
    assert!(!hidden.is_displayed().await.unwrap(), "people must not see it");
    browser.find(By::Css("form button[type=submit]")).await.unwrap().click().await.unwrap();
}
