//! The page that a receipt opens, in a real browser without scripts: in by the code, a message with a file, an answer, a consent
//! taken back, everything deleted. Screenshots in `target/screenshots`.

use std::fs;

use serde_json::json;
use thirtyfour::prelude::*;

use crate::chrome::{Chrome, Visitor};
use crate::served::{Served, client};
use crate::{RECEIPT, fill_in, form_page, number, page_text, pdf, press, shoot, submit};

async fn enter(served: &Served, browser: &WebDriver, code: &str) {
    browser.goto(&format!("{}/my", served.url)).await.unwrap();
    browser.find(By::Name("code")).await.unwrap().send_keys(code).await.unwrap();
    press(browser, "form button").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_reads_answers_takes_back_and_deletes_by_the_receipt() {
    let served = Served::start().await;
    let chrome = Chrome::start().await;
    let file = served.scratch().join("reference.pdf");
    fs::write(&file, pdf::document(1 << 20)).unwrap();
    let browser = chrome.visit(Visitor { javascript: false, ..Visitor::DESKTOP }).await;
    browser.goto(&form_page(&served)).await.unwrap();
    fill_in(&browser, &file).await;
    submit(&browser).await;
    let code = browser.find(By::Css(RECEIPT)).await.unwrap().text().await.unwrap();

    browser.find(By::LinkText("open your submission")).await.unwrap().click().await.unwrap();
    shoot(&browser, "my-1-enter").await;
    enter(&served, &browser, "AAAA-BBBB").await;
    assert!(page_text(&browser).await.contains("This code opens nothing"));
    shoot(&browser, "my-2-wrong-code").await;
    enter(&served, &browser, &code.to_lowercase().replace('-', " ")).await;
    let page = page_text(&browser).await;
    assert!(page.contains("Jane Example") && page.contains("<script>alert(1)</script>"), "{page}");
    shoot(&browser, "my-3-empty").await;

    let text = "Here is my reference.\nKind regards, Jane";
    browser.find(By::Name("text")).await.unwrap().send_keys(text).await.unwrap();
    browser.find(By::Name("file")).await.unwrap().send_keys(file.to_str().unwrap()).await.unwrap();
    press(&browser, "form[action='/my/messages'] button").await;
    answer(&served, "Thank you, Jane. We shall read it this week and come back to you.").await;
    browser.refresh().await.unwrap();
    let page = page_text(&browser).await;
    assert!(page.contains("Kind regards, Jane") && page.contains("Our recruitment team"), "{page}");
    shoot(&browser, "my-4-conversation").await;

    // A message of nothing: said on top, and beside the field.
    press(&browser, "form[action='/my/messages'] button").await;
    assert!(page_text(&browser).await.contains("Your message was not sent"));
    shoot(&browser, "my-5-mistake").await;

    press(&browser, ".consents button").await;
    let buttons = browser.find_all(By::Css(".consents button")).await.unwrap();
    assert!(buttons.is_empty(), "the one consent that was given is taken back");

    for (name, visitor) in [
        ("my-6-320px", Visitor { width: 320, ..Visitor::DESKTOP }),
        ("my-7-dark", Visitor { dark: true, ..Visitor::DESKTOP }),
    ] {
        let other = chrome.visit(visitor).await;
        enter(&served, &other, &code).await;
        let width = number(&other, "return document.documentElement.scrollWidth").await;
        assert!(width <= i64::from(visitor.width), "{name}: the page is {width} pixels wide");
        shoot(&other, name).await;
        other.quit().await.unwrap();
    }

    press(&browser, "a[href='/my/erasure']").await;
    shoot(&browser, "my-8-delete").await;
    press(&browser, "button.grave").await;
    let page = page_text(&browser).await;
    assert!(page.contains("It is deleted") && page.contains("\"signature\""), "{page}");
    shoot(&browser, "my-9-deleted").await;
    enter(&served, &browser, &code).await;
    assert!(page_text(&browser).await.contains("This code opens nothing"));
    browser.quit().await.unwrap();
}

/// On a computer that others use: whoever comes next and goes back finds nothing of whoever cleared it, with scripts and without.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_clears_a_shared_computer_leaves_nothing_to_go_back_to() {
    let (served, chrome) = (Served::start().await, Chrome::start().await);
    let file = served.scratch().join("cv.pdf");
    fs::write(&file, pdf::document(1 << 16)).unwrap();
    for javascript in [true, false] {
        let browser = chrome.visit(Visitor { javascript, ..Visitor::DESKTOP }).await;
        // From the receipt.
        browser.goto(&form_page(&served)).await.unwrap();
        fill_in(&browser, &file).await;
        submit(&browser).await;
        let code = browser.find(By::Css(RECEIPT)).await.unwrap().text().await.unwrap();
        shoot(&browser, "clear-1-receipt").await;
        press(&browser, "form[action='/clear'] button").await;
        assert!(page_text(&browser).await.contains("This computer is cleared"));
        shoot(&browser, "clear-2-cleared").await;
        // Where scripts are off, Chromium fills the form in again, two pages back: the page says to close its windows.
        nothing_behind(&browser, &code, if javascript { 2 } else { 1 }).await;
        // From the person's own page.
        enter(&served, &browser, &code).await;
        assert!(page_text(&browser).await.contains("Jane Example"));
        assert_eq!(browser.get_all_cookies().await.unwrap().len(), 1);
        shoot(&browser, "clear-3-mine").await;
        press(&browser, "form[action='/clear'] button").await;
        assert!(page_text(&browser).await.contains("This computer is cleared"));
        assert!(browser.get_all_cookies().await.unwrap().is_empty());
        nothing_behind(&browser, &code, 2).await;
        // And by leaving alone.
        enter(&served, &browser, &code).await;
        assert!(page_text(&browser).await.contains("Jane Example"));
        press(&browser, ".leave button").await;
        assert!(page_text(&browser).await.contains("You have left"));
        nothing_behind(&browser, &code, 2).await;
        browser.quit().await.unwrap();
    }
}

/// Goes back, page by page, and looks for what was sent and for the code: in the page, and in what is filled in.
async fn nothing_behind(browser: &WebDriver, code: &str, pages: usize) {
    // With all that it loads: what that answers has the browser forget.
    for _ in 0..200 {
        if browser.execute("return document.readyState", vec![]).await.unwrap().json() == "complete" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    for page in 1..=pages {
        browser.back().await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        let source = browser.source().await.unwrap();
        let mut filled = String::new();
        for field in browser.find_all(By::Css("input:not([type=hidden]):not([type=checkbox]), textarea")).await.unwrap()
        {
            filled += &field.prop("value").await.unwrap().unwrap_or_default();
            filled.push(' ');
        }
        for never in [code, "Jane Example", "jane@example.org", "alert(1)"] {
            let at = browser.current_url().await.unwrap();
            assert!(!source.contains(never), "{never} stands in what is {page} back, at {at}");
            assert!(!filled.contains(never), "{never} is filled in {page} back, at {at}");
        }
    }
}

/// What staff of role `hr` write on the newest application.
async fn answer(served: &Served, text: &str) {
    let token = served.token("writer", "hr");
    let list = client().get(format!("{}/api/v1/submissions?limit=1", served.url)).bearer_auth(&token);
    let list: serde_json::Value = list.send().await.unwrap().json().await.unwrap();
    let id = list["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("{}/api/v1/submissions/{id}/messages", served.url);
    let answer = client().post(path).bearer_auth(&token).json(&json!({ "text": text })).send().await.unwrap();
    assert_eq!(answer.status(), 201);
}
