//! Staff search in a real browser: hits as they come, how far it is, and a button that ends it; the same without scripts.
//! Screenshots in `target/screenshots`.

use std::time::Duration;

use serde_json::json;
use thirtyfour::prelude::*;

use crate::axe::{axe, look};
use crate::chrome::{Chrome, Visitor};
use crate::served::{Served, client};
use crate::staff::take_up;
use crate::{number, page_text, press, shoot};

/// Support requests; two of them by Zoë.
async fn fill(served: &Served, count: usize) {
    let post = async |n: usize| {
        let name = if n % 60 == 7 { format!("Zoë Quill {n}") } else { format!("Sam Smith {n}") };
        let message = "The handle of the device came off when I turned it a second time, as the manual says.";
        let fields = json!({
            "name": name, "email": format!("p{n}@example.org"), "subject-line": "It is <b>stuck</b>", "message": message,
        });
        let url = format!("{}/api/v1/forms/support-request/submissions", served.url);
        let answer = client().post(url).json(&json!({ "fields": fields })).send().await.unwrap();
        assert_eq!(answer.status(), 201);
    };
    for n in 0..count {
        post(n).await;
    }
}

async fn state(browser: &WebDriver) -> String {
    browser.find(By::Id("state")).await.unwrap().text().await.unwrap()
}

/// Waits until the state says this.
async fn until(browser: &WebDriver, what: &str) -> String {
    for _ in 0..600 {
        let now = state(browser).await;
        if now.contains(what) {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not come to say {what}, but {}", state(browser).await);
}

async fn rows(browser: &WebDriver) -> i64 {
    number(browser, "return document.querySelectorAll('#lines tr').length").await
}

async fn is_shown(browser: &WebDriver, css: &str) -> bool {
    browser.find(By::Css(css)).await.unwrap().is_displayed().await.unwrap()
}

async fn type_words(browser: &WebDriver, words: &str) {
    let field = browser.find(By::Id("words")).await.unwrap();
    field.clear().await.unwrap();
    field.send_keys(words).await.unwrap();
}

/// The page fits, and axe-core finds nothing on it.
async fn is_sound(browser: &WebDriver, axe: &str, width: u32, page: &str) {
    let wide = number(browser, "return document.documentElement.scrollWidth").await;
    assert!(wide <= i64::from(width), "{page} is {wide} pixels wide on a screen of {width}");
    let (wrong, passed) = look(browser, axe).await;
    assert!(wrong.is_empty() && passed >= 10, "{page}: {wrong:?}");
    shoot(browser, page).await;
}

async fn invited(served: &Served, browser: &WebDriver, login: &str) {
    let said = served.cli(&["staff", "invite", login, "--role", "support"]);
    let link = format!("{}{}", served.url, &said.trim()[said.trim().find("/staff/").unwrap()..]);
    take_up(browser, &link).await;
    browser.goto(&format!("{}/staff/search", served.url)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_search_with_the_script_and_without() {
    let served = Served::start().await;
    let chrome = Chrome::start().await;
    let axe = axe();
    fill(&served, 120).await;
    for (name, visitor) in [
        ("1440-light", Visitor { width: 1440, ..Visitor::DESKTOP }),
        ("1440-dark", Visitor { width: 1440, dark: true, ..Visitor::DESKTOP }),
        ("360-light", Visitor { width: 360, ..Visitor::DESKTOP }),
        ("360-dark", Visitor { width: 360, dark: true, ..Visitor::DESKTOP }),
    ] {
        let browser = chrome.visit(visitor).await;
        invited(&served, &browser, &format!("s{name}")).await;
        browser.execute("window.stays = true", vec![]).await.unwrap();
        is_sound(&browser, &axe, visitor.width, &format!("search-{name}-1-empty")).await;

        type_words(&browser, "ZOE qui\u{e007}").await;
        until(&browser, "2 found. 120 submissions were looked through, all there are.").await;
        let page = page_text(&browser).await;
        assert!(page.contains("Zoë Quill 67 · It is <b>stuck</b>") && page.contains("Your name"), "{page}");
        assert_eq!((rows(&browser).await, is_shown(&browser, "#more").await), (2, false));
        is_sound(&browser, &axe, visitor.width, &format!("search-{name}-2-found")).await;

        type_words(&browser, "handle sam").await;
        browser.find(By::Css("#search button")).await.unwrap().click().await.unwrap();
        until(&browser, "50 found so far.").await;
        assert!(rows(&browser).await == 50 && is_shown(&browser, "#more button").await);
        is_sound(&browser, &axe, visitor.width, &format!("search-{name}-3-more")).await;
        for count in [100, 118] {
            browser.find(By::Css("#more button")).await.unwrap().click().await.unwrap();
            until(&browser, &format!("{count} found")).await;
            assert_eq!(rows(&browser).await, count);
        }
        assert!(until(&browser, "all there are.").await.contains("120 submissions were looked through"));
        assert!(!is_shown(&browser, "#more").await && !is_shown(&browser, "#cancel").await);
        let stays = number(&browser, "return window.stays && location.search === '' ? 1 : 0").await;
        assert_eq!(stays, 1, "the page is left, or its address says what was looked for");

        type_words(&browser, "nowhere\u{e007}").await;
        until(&browser, "Nothing was found. 120").await;
        assert_eq!(rows(&browser).await, 0, "what was found before is gone");
        is_cancelled(&browser, &axe, visitor.width, name).await;
        type_words(&browser, "a b c d e f g h i j k\u{e007}").await;
        until(&browser, "At most 10 words.").await;
        browser.quit().await.unwrap();
    }

    let plain = Visitor { javascript: false, ..Visitor::DESKTOP };
    let browser = chrome.visit(plain).await;
    invited(&served, &browser, "plain").await;
    assert!(!is_shown(&browser, "#cancel").await && !is_shown(&browser, "#found").await);
    type_words(&browser, "handle sam").await;
    press(&browser, "#search button").await;
    let page = page_text(&browser).await;
    assert!(page.contains("50 found so far.") && page.contains("Sam Smith 119"), "{page}");
    assert_eq!(browser.current_url().await.unwrap().path(), "/staff/search");
    shoot(&browser, "search-plain-1-more").await;
    press(&browser, "#more button").await;
    press(&browser, "#more button").await;
    let page = page_text(&browser).await;
    assert!(page.contains("118 found. 120 submissions were looked through, all there are."), "{page}");
    shoot(&browser, "search-plain-2-end").await;
    browser.find(By::Css("#lines a")).await.unwrap().click().await.unwrap();
    let windows = browser.windows().await.unwrap();
    browser.switch_to_window(windows.last().unwrap().clone()).await.unwrap();
    assert!(page_text(&browser).await.contains("Sam Smith"), "each opens in a tab of its own");
    browser.quit().await.unwrap();
}

/// An answer that does not come to its end is ended by the button, and goes on from where it was.
async fn is_cancelled(browser: &WebDriver, axe: &str, width: u32, name: &str) {
    let stuck = "window.real = window.fetch; \
        window.fetch = (url, options) => Promise.resolve(new Response(new ReadableStream({ start(out) { \
            const piece = { hits: [], state: 'Nothing was found so far. 31,000 submissions were looked through (31 %).', \
                percent: 31, looked: 31000, found: 0, next: 'AAAAAAAAAAA', is_last: false }; \
            out.enqueue(new TextEncoder().encode(JSON.stringify(piece) + '\\n')); \
            options.signal.addEventListener('abort', () => { window.aborted = true; out.error(new Error('aborted')); }); \
        } }), { headers: { 'content-type': 'application/x-ndjson' } }));";
    browser.execute(stuck, vec![]).await.unwrap();
    type_words(browser, "slow\u{e007}").await;
    until(browser, "31,000 submissions were looked through (31 %).").await;
    assert!(is_shown(browser, "#cancel").await && is_shown(browser, "#progress").await);
    assert_eq!(number(browser, "return document.getElementById('progress').value").await, 31);
    is_sound(browser, axe, width, &format!("search-{name}-4-under-way")).await;
    browser.find(By::Id("cancel")).await.unwrap().click().await.unwrap();
    let said = until(browser, "Cancelled.").await;
    assert!(said.contains("31,000 submissions"), "{said}");
    assert_eq!(number(browser, "return window.aborted ? 1 : 0").await, 1, "the connection is closed");
    assert!(!is_shown(browser, "#cancel").await && !is_shown(browser, "#progress").await);
    assert!(is_shown(browser, "#more button").await);
    let after = number(browser, "return document.querySelector('#more [name=after]').value.length").await;
    let words = number(browser, "return document.querySelector('#more [name=words]').value === 'slow' ? 1 : 0").await;
    assert_eq!((after, words), (11, 1), "it can go on from there");
    is_sound(browser, axe, width, &format!("search-{name}-5-cancelled")).await;
    browser.execute("window.fetch = window.real", vec![]).await.unwrap();
}
