//! The form page in a real browser: Chromium fills it in and uploads a PDF of several megabytes; staff get that very PDF.
//!
//! Screenshots of what a visitor sees are left in `target/screenshots` for people to look at.

mod axe;
mod board;
mod chrome;
mod days;
mod exports;
mod guarded;
mod kinds;
mod legal;
mod mailbox;
mod mails;
mod my;
mod newsletter;
mod oidc;
#[path = "../support/oidc.rs"]
mod outside;
mod passkeys;
#[path = "../support/pdf.rs"]
mod pdf;
mod previews;
mod resources;
mod search;
#[path = "../support/served.rs"]
mod served;
mod shipped;
mod sites;
mod staff;
#[path = "../support/mod.rs"]
mod support;
#[path = "../../examples/audit-verifier.rs"]
#[allow(dead_code, reason = "the program's own main is run as a program")]
mod verifier;
mod work;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrome::{Chrome, Visitor};
use served::{Served, client};
use thirtyfour::prelude::*;

const PDF_BYTES: usize = 4 << 20;

/// Where the receipt code stands.
const RECEIPT: &str = "section.receipt .code";

#[tokio::test(flavor = "multi_thread")]
async fn an_application_goes_in_by_browser_and_the_same_cv_comes_out() {
    let served = Served::start().await;
    let chrome = Chrome::start().await;
    let cv = pdf::document(PDF_BYTES);

    let receipt = apply(&served, &chrome, Visitor::DESKTOP, &cv, "desktop").await;
    assert!(!receipt.contains("jane@example.org"), "the receipt page repeats the address: {receipt}");
    assert_eq!(download_newest(&served).await, cv, "the CV that staff download is the one that was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_works_without_javascript_and_without_cookies() {
    let served = Served::start().await;
    let chrome = Chrome::start().await;
    let visitor = Visitor { javascript: false, ..Visitor::DESKTOP };
    let cv = pdf::document(PDF_BYTES);

    let browser = chrome.visit(visitor).await;
    browser.goto("data:text/html,<title>still</title><script>document.title='ran'</script>").await.unwrap();
    assert_eq!(browser.title().await.unwrap(), "still", "the browser must not run scripts in this test");
    browser.goto(&form_page(&served)).await.unwrap();
    assert_eq!(browser.get_all_cookies().await.unwrap().len(), 0, "the form page sets no cookie");
    browser.quit().await.unwrap();

    apply(&served, &chrome, visitor, &cv, "no-javascript").await;
    assert_eq!(download_newest(&served).await, cv);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_fits_a_telephone_follows_dark_mode_and_names_every_control() {
    let served = Served::start().await;
    let chrome = Chrome::start().await;

    let phone = chrome.visit(Visitor { width: 320, ..Visitor::DESKTOP }).await;
    phone.goto(&form_page(&served)).await.unwrap();
    let width = number(&phone, "return document.documentElement.scrollWidth").await;
    assert!(width <= 320, "the page is {width} pixels wide on a screen of 320");
    let unnamed = number(
        &phone,
        "return [...document.querySelectorAll('input:not([type=hidden]),textarea,select')].filter(e => !e.labels.length).length",
    )
    .await;
    assert_eq!(unnamed, 0, "every control has a label");
    assert_eq!(number(&phone, "return document.documentElement.lang.length").await, 2, "the page says its language");
    shoot(&phone, "form-320px").await;
    phone.quit().await.unwrap();

    let mut backgrounds = Vec::new();
    for dark in [false, true] {
        let browser = chrome.visit(Visitor { dark, ..Visitor::DESKTOP }).await;
        browser.goto(&form_page(&served)).await.unwrap();
        let script = "return getComputedStyle(document.documentElement).backgroundColor \
                      + getComputedStyle(document.body).backgroundColor";
        let colour: String = browser.execute(script, vec![]).await.unwrap().convert().unwrap();
        backgrounds.push(colour);
        shoot(&browser, if dark { "form-dark" } else { "form-light" }).await;
        browser.quit().await.unwrap();
    }
    assert_ne!(backgrounds[0], backgrounds[1], "dark mode changes the background");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_is_explained_beside_its_field() {
    let served = Served::start().await;
    let chrome = Chrome::start().await;
    let file = served.scratch().join("cv.pdf");
    fs::write(&file, b"this is no PDF at all \x00\x01\x02").unwrap();

    let browser = chrome.visit(Visitor { javascript: false, ..Visitor::DESKTOP }).await;
    browser.goto(&form_page(&served)).await.unwrap();
    fill_in(&browser, &file).await;
    submit(&browser).await;
    let problem = browser.find(By::Id("field-cv-problem")).await.unwrap().text().await.unwrap();
    assert!(problem.contains("PDF"), "the page says beside the field what it takes: {problem}");
    assert!(browser.find_all(By::Css(RECEIPT)).await.unwrap().is_empty(), "nothing was taken");
    let letter = browser.find(By::Name("letter")).await.unwrap().prop("value").await.unwrap().unwrap();
    assert!(letter.contains("<script>alert(1)</script>"), "what was typed is still there, as text: {letter}");
    shoot(&browser, "form-mistake").await;
    browser.quit().await.unwrap();
}

fn form_page(served: &Served) -> String {
    format!("{}/f/job-application", served.url)
}

/// Fills in the form as a visitor would, and returns what the receipt page says.
async fn apply(served: &Served, chrome: &Chrome, visitor: Visitor, cv: &[u8], name: &str) -> String {
    let file = served.scratch().join("cv.pdf");
    fs::write(&file, cv).unwrap();
    let browser = chrome.visit(visitor).await;
    browser.goto(&form_page(served)).await.unwrap();
    shoot(&browser, &format!("{name}-1-empty")).await;
    fill_in(&browser, &file).await;
    shoot(&browser, &format!("{name}-2-filled-in")).await;
    submit(&browser).await;
    shoot(&browser, &format!("{name}-3-receipt")).await;
    let text = page_text(&browser).await;
    assert!(!browser.find_all(By::Css(RECEIPT)).await.unwrap().is_empty(), "no receipt on this page: {text}");
    browser.quit().await.unwrap();
    text
}

async fn fill_in(browser: &WebDriver, cv: &Path) {
    for (name, value) in [
        ("name", "Jane Example"),
        ("email", "jane@example.org"),
        ("phone", "+44 20 7946 0000"),
        ("letter", "Dear all,\nI would like to work with you. <script>alert(1)</script>"),
    ] {
        browser.find(By::Name(name)).await.unwrap().send_keys(value).await.unwrap();
    }
    let boxes = browser.find_all(By::Css("input[type=checkbox]")).await.unwrap();
    assert!(!boxes.is_empty(), "the form asks for consents");
    for consent in &boxes {
        assert!(!consent.is_selected().await.unwrap(), "no consent is ticked beforehand");
    }
    boxes[0].click().await.unwrap();
    browser.find(By::Css("input[type=file]")).await.unwrap().send_keys(cv.to_str().unwrap()).await.unwrap();
}

async fn submit(browser: &WebDriver) {
    press(browser, "form button").await;
}

/// Presses a button or a link, and waits for the next page.
async fn press(browser: &WebDriver, css: &str) {
    let before = browser.find(By::Css(css)).await.unwrap();
    before.click().await.unwrap();
    for _ in 0..600 {
        // The old page's button goes stale once the answer is shown.
        if before.is_present().await.is_ok_and(|present| !present) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the page did not change within 30 s after sending");
}

/// What staff of role `hr` download as the CV of the newest application.
async fn download_newest(served: &Served) -> Vec<u8> {
    let token = served.token("reader", "hr");
    let get = async |path: &str| {
        let answer = client().get(format!("{}{path}", served.url)).bearer_auth(&token).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer
    };
    let list: serde_json::Value = get("/api/v1/submissions?form=job-application&limit=1").await.json().await.unwrap();
    let id = list["items"][0]["id"].as_str().expect("one application is listed").to_owned();
    get(&format!("/api/v1/submissions/{id}/files/0?purpose=recruitment")).await.bytes().await.unwrap().to_vec()
}

/// What the page says. Asked again where the page went away between finding its body and reading it.
async fn page_text(browser: &WebDriver) -> String {
    let mut last = None;
    for _ in 0..100 {
        match text_of_body(browser).await {
            Ok(text) => return text,
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the page has no text: {last:?}");
}

async fn text_of_body(browser: &WebDriver) -> WebDriverResult<String> {
    browser.find(By::Tag("body")).await?.text().await
}

async fn number(browser: &WebDriver, script: &str) -> i64 {
    browser.execute(script, vec![]).await.unwrap().convert().unwrap()
}

async fn shoot(browser: &WebDriver, name: &str) {
    let folder = target().join("screenshots");
    fs::create_dir_all(&folder).unwrap();
    browser.screenshot(&folder.join(format!("{name}.png"))).await.unwrap();
}

/// The target folder: the parent of the one that Cargo gives to integration tests.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned()
}
