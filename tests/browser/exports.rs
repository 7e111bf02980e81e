//! Submissions taken out as a file, in a real browser without scripts: from the inbox to the download; and both pages looked at.

use thirtyfour::prelude::*;

use crate::chrome::{Chrome, Visitor};
use crate::served::{Served, client};
use crate::support::{application, pdf};
use crate::work::{invite, is_text, looked_at, sign_in};
use crate::{page_text, press, shoot};

async fn says(browser: &WebDriver, url: &str, words: &str) {
    for _ in 0..100 {
        if page_text(browser).await.contains(words) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        browser.goto(url).await.unwrap();
    }
    panic!("no {words} in {}", page_text(browser).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_asked_for_approved_and_downloaded() {
    let served = Served::start().await;
    let chrome = Chrome::start().await;
    let at = |path: &str| format!("{}{path}", served.url);
    for n in 0..3 {
        let url = at("/api/v1/forms/job-application/submissions");
        let form = application(&format!("p{n}@example.org"), &pdf(4000, n));
        assert_eq!(client().post(url).multipart(form).send().await.unwrap().status(), 201);
    }
    let plain = Visitor { javascript: false, ..Visitor::DESKTOP };
    let hanna = chrome.visit(plain).await;
    let codes = invite(&served, &hanna, "hanna", "hr").await;
    let ben = chrome.visit(plain).await;
    invite(&served, &ben, "ben", "privacy").await;

    hanna.goto(&at("/staff/inbox?form=job-application")).await.unwrap();
    press(&hanna, "a[href^='/staff/requests/export']").await;
    hanna.find(By::Id("reason")).await.unwrap().send_keys("The board asks how the year went.").await.unwrap();
    press(&hanna, "main form button").await;
    assert!(page_text(&hanna).await.contains("Export 3 submissions to"), "{}", page_text(&hanna).await);
    ben.goto(&at("/staff/requests")).await.unwrap();
    shoot(&ben, "export-decide").await;
    press(&ben, "form[action$='/approval'] button").await;
    says(&ben, &at("/staff/requests"), "Approved by ben").await;

    let mut told = Vec::new();
    for (n, (width, dark)) in [(360, false), (360, true), (1440, false), (1440, true)].into_iter().enumerate() {
        let browser = chrome.visit(Visitor { width, dark, javascript: true }).await;
        sign_in(&browser, &served, "hanna", &codes[n]).await;
        for (page, path, title) in [
            ("ask", "/staff/requests/export?form=job-application", "Ask for an export"),
            ("download", "/staff/requests", "Requests"),
        ] {
            browser.goto(&at(path)).await.unwrap();
            assert!(page_text(&browser).await.contains(title));
            is_text(&browser, page).await;
            let name = format!("export-{page}-{width}-{}", if dark { "dark" } else { "light" });
            told.extend(looked_at(&browser, &name, width).await);
        }
        browser.quit().await.unwrap();
    }
    assert!(told.is_empty(), "{told:#?}");

    // By keyboard alone: the page stays, and the file comes.
    hanna.goto(&at("/staff/requests")).await.unwrap();
    let download = hanna.find(By::Css("form[action$='/download'] button")).await.unwrap();
    download.send_keys(Key::Enter + "").await.unwrap();
    says(&hanna, &at("/staff/requests"), "Downloaded: 3 of 3 handed out.").await;
    shoot(&hanna, "export-downloaded").await;
    hanna.quit().await.unwrap();
    ben.quit().await.unwrap();
}
