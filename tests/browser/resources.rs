//! A file that a form unlocks, in a real browser without scripts: sent, the link looked at, downloaded, and seen again at `/my`.
//! Screenshots in `target/screenshots`.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use thirtyfour::prelude::*;

use crate::chrome::{Chrome, Visitor};
use crate::served::Served;
use crate::{RECEIPT, number, page_text, press, shoot};

pub(crate) const FORM: &str = r#"
id = "price-list"
version = 1
title = "Our price list"
submit = "Get the price list"
purposes = ["sales"]
legal_basis = "your request"
roles = ["marketing"]
retention_days = 365
notice = "general"
subject = "email"
unlocks = [{ file = "prices.txt", title = "Price list 2026" }, { file = "guide.txt", title = "How to choose" }]

[[fields]]
name = "email"
label = "E-mail"
kind = "email"
required = true
"#;

/// Puts there what the form unlocks.
pub(crate) fn fill_folder(folder: &Path) {
    fs::create_dir(folder).unwrap();
    fs::write(folder.join("prices.txt"), "A pen costs 2 pounds.\n").unwrap();
    fs::write(folder.join("guide.txt"), "Take the blue one.\n").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_gets_what_a_form_unlocks_and_sees_that_they_did() {
    let served = Served::with_forms(&[("price-list.toml", FORM)]).await;
    let folder = served.scratch().parent().unwrap().join("resources");
    fill_folder(&folder);
    let chrome = Chrome::start().await;
    let browser = chrome.visit(Visitor { javascript: false, ..Visitor::DESKTOP }).await;
    browser.goto(&format!("{}/f/price-list", served.url)).await.unwrap();
    browser.find(By::Name("email")).await.unwrap().send_keys("jane@example.org").await.unwrap();
    press(&browser, "form button").await;
    let code = browser.find(By::Css(RECEIPT)).await.unwrap().text().await.unwrap();
    shoot(&browser, "resources-1-sent").await;
    browser.find(By::LinkText("Price list 2026")).await.unwrap().click().await.unwrap();
    let page = page_text(&browser).await;
    assert!(page.contains("This link works once") && page.contains("prices.txt, 22 bytes"), "{page}");
    shoot(&browser, "resources-2-link").await;
    let link = browser.current_url().await.unwrap();
    browser.find(By::Css("form[action^='/r/'] button")).await.unwrap().click().await.unwrap();
    // The page stays where it is; that the link is used up shows once the download has begun.
    let begin = Instant::now();
    loop {
        browser.goto(link.as_str()).await.unwrap();
        if page_text(&browser).await.contains("This link does not work any more") {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "the button downloads nothing");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    shoot(&browser, "resources-3-used").await;

    // Whoever clicks twice has the file all the same, and is not told that the link was used.
    browser.goto(&format!("{}/f/price-list", served.url)).await.unwrap();
    browser.find(By::Name("email")).await.unwrap().send_keys("joe@example.org").await.unwrap();
    press(&browser, "form button").await;
    browser.find(By::LinkText("Price list 2026")).await.unwrap().click().await.unwrap();
    let button = browser.find(By::Css("form[action^='/r/'] button")).await.unwrap();
    browser.action_chain().double_click_element(&button).perform().await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let page = page_text(&browser).await;
    assert!(page.contains("This link works once") && !page.contains("does not work any more"), "{page}");

    for (name, visitor) in [
        ("resources-4-my", Visitor { javascript: false, ..Visitor::DESKTOP }),
        ("resources-5-my-320px-dark", Visitor { width: 320, dark: true, ..Visitor::DESKTOP }),
    ] {
        let other = chrome.visit(visitor).await;
        other.goto(&format!("{}/my", served.url)).await.unwrap();
        other.find(By::Name("code")).await.unwrap().send_keys(&code).await.unwrap();
        press(&other, "form button").await;
        let page = page_text(&other).await;
        assert!(page.contains("Your downloads") && page.matches("Price list 2026").count() >= 2, "{page}");
        let width = number(&other, "return document.documentElement.scrollWidth").await;
        assert!(width <= i64::from(visitor.width), "{name}: the page is {width} pixels wide");
        shoot(&other, name).await;
        other.quit().await.unwrap();
    }
    browser.quit().await.unwrap();
}
