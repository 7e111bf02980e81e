//! Previews of files in a real browser: a PDF as pictures, a DOCX as words, a broken file with its download alone; from narrow to
//! wide, light and dark. Screenshots in `target/screenshots`.

use std::fs;

use thirtyfour::prelude::*;

use crate::chrome::{Chrome, Visitor};
use crate::served::Served;
use crate::support::{application, client};
use crate::work::{invite, looked_at, sign_in};
use crate::{number, page_text, pdf, press};

/// Sends an application with this file as its CV.
async fn send(served: &Served, email: &str, cv: &[u8]) {
    let address = format!("{}/api/v1/forms/job-application/submissions", served.url);
    let answer = client(false).post(address).multipart(application(email, cv)).send().await.unwrap();
    assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_seen_without_leaving_the_vault() {
    let served = Served::start().await;
    let chrome = Chrome::start().await;
    // Newest first in the inbox.
    send(&served, "a@example.org", b"%PDF-1.7\nnothing that could be drawn\n%%EOF\n").await;
    send(
        &served,
        "b@example.org",
        "Curriculum vitae\n\nJane Doe\tBaker\n\n<b>1999</b>  School in a town with a long name\n".as_bytes(),
    )
    .await;
    send(&served, "c@example.org", &pdf::document(1 << 16)).await;

    let hanna = chrome.visit(Visitor { javascript: false, ..Visitor::DESKTOP }).await;
    let codes = invite(&served, &hanna, "hanna", "hr").await;
    let at = |path: &str| format!("{}{path}", served.url);
    hanna.goto(&at("/staff/inbox?form=job-application")).await.unwrap();
    let mut records = Vec::new();
    for link in hanna.find_all(By::Css(".lines a[href*='/staff/record/']")).await.unwrap() {
        records.push(at(&link.attr("href").await.unwrap().unwrap()));
    }
    assert_eq!(records.len(), 3);
    // By its link, without scripts.
    hanna.goto(&records[0]).await.unwrap();
    press(&hanna, "a[href*='/preview']").await;
    assert!(page_text(&hanna).await.contains("Page 1 of 1"));
    hanna.quit().await.unwrap();

    let mut told = Vec::new();
    for (n, (width, dark)) in [(320, false), (360, true), (1280, true), (1440, false)].into_iter().enumerate() {
        let browser = chrome.visit(Visitor { width, dark, javascript: true }).await;
        sign_in(&browser, &served, "hanna", &codes[n]).await;
        for (page, record) in ["pages", "words", "none"].into_iter().zip(&records) {
            let preview = record.replace("?purpose", "/files/0/preview?purpose");
            browser.goto(&preview).await.unwrap();
            let drawn = "return [...document.images].filter(i => i.complete && i.naturalWidth > 100).length";
            let expected = i64::from(page == "pages");
            for _ in 0..200 {
                if number(&browser, drawn).await == expected {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            assert_eq!(number(&browser, drawn).await, expected, "{page}");
            let words = page_text(&browser).await;
            let expected = match page {
                "pages" => "The page of the file as a picture",
                "words" => "<b>1999</b>",
                _ => "There is no preview",
            };
            assert!(words.contains(expected) && words.contains("Download"), "{page}: {words}");
            let name = format!("preview-{width}-{}-{page}", if dark { "dark" } else { "light" });
            told.extend(looked_at(&browser, &name, width).await);
        }
        browser.quit().await.unwrap();
    }
    assert!(told.is_empty(), "{told:#?}");
    assert!(
        fs::metadata(concat!(env!("CARGO_MANIFEST_DIR"), "/target/screenshots/preview-320-light-pages.png")).is_ok()
    );
}
