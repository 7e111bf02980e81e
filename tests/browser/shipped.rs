//! Every shipped form: filled in wrong, put right and sent, with scripts and without; and with the keyboard alone. And what a
//! first visit costs. Screenshots in `target/screenshots`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use thirtyfour::prelude::*;

use crate::axe::open_forms;
use crate::chrome::{Chrome, Visitor};
use crate::mails::Sink;
use crate::served::{Served, client};
use crate::{RECEIPT, number, page_text, pdf, press, shoot, submit};

/// A good answer for a line of this type, as a browser takes it from the keyboard.
fn answer(kind: &str, name: &str) -> &'static str {
    match (kind, name) {
        (_, "friend-email") => "friend@example.org",
        ("email", _) => "sam@example.org",
        ("tel", _) => "+442079460958",
        ("url", _) => "https://example.org/",
        ("date", _) => "05012030",
        (_, "participants") => "3",
        _ => "Some words",
    }
}

/// Fills in all that has to be: lines with `text`, if it is given.
async fn fill(browser: &WebDriver, file: &Path, text: Option<&str>) {
    let mut picked = Vec::new();
    for line in browser.find_all(By::Css("main form :is(input, textarea)[required]")).await.unwrap() {
        let kind = line.attr("type").await.unwrap().unwrap_or_else(|| "textarea".to_owned());
        let name = line.attr("name").await.unwrap().unwrap();
        match kind.as_str() {
            // The first of several: others make more questions needed.
            "radio" if picked.contains(&name) => {}
            "radio" | "checkbox" => {
                picked.push(name);
                if !line.is_selected().await.unwrap() {
                    line.click().await.unwrap();
                }
            }
            "file" => line.send_keys(file.to_str().unwrap()).await.unwrap(),
            _ => {
                line.clear().await.unwrap();
                let typed = text.filter(|_| matches!(kind.as_str(), "text" | "textarea"));
                line.send_keys(typed.unwrap_or_else(|| answer(&kind, &name))).await.unwrap();
            }
        }
    }
    for group in browser.find_all(By::Css("fieldset.group")).await.unwrap() {
        let free = group.find_all(By::Css("legend .optional, .when")).await.unwrap();
        let boxes = group.find_all(By::Css("input[type=checkbox]")).await.unwrap();
        if let (true, Some(first)) = (free.is_empty(), boxes.first())
            && !first.is_selected().await.unwrap()
        {
            first.click().await.unwrap();
        }
    }
}

async fn start() -> (Sink, Served, Chrome, PathBuf) {
    let sink = Sink::start();
    let served = Served::with_settings(&[], &sink.settings()).await;
    let file = served.scratch().join("file.pdf");
    fs::write(&file, pdf::document(1 << 16)).unwrap();
    (sink, served, Chrome::start().await, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shipped_form_is_sent_wrong_then_right_with_scripts_and_without() {
    let (_sink, served, chrome, file) = start().await;
    let mut sent = 0;
    for javascript in [true, false] {
        let browser = chrome.visit(Visitor { javascript, ..Visitor::DESKTOP }).await;
        let name = if javascript { "scripts" } else { "plain" };
        for form in open_forms(&served).await {
            browser.goto(&format!("{}/f/{form}", served.url)).await.unwrap();
            // What passes the browser's own check and not ours: blanks, and more options than are allowed.
            fill(&browser, &file, Some("   ")).await;
            let lines = browser.find_all(By::Css("main form :is(input[type=text], textarea)[required]")).await.unwrap();
            if lines.is_empty() {
                for one in browser.find_all(By::Css("fieldset.group input[type=checkbox]")).await.unwrap() {
                    if !one.is_selected().await.unwrap() {
                        one.click().await.unwrap();
                    }
                }
                // A form without blanks and without too many options has nothing to be wrong in.
                let email = browser.find_all(By::Css("main form input[type=email][required]")).await.unwrap();
                if let Some(email) = email.first() {
                    email.clear().await.unwrap();
                    email.send_keys("sam@nowhere").await.unwrap();
                }
            }
            submit(&browser).await;
            let told = browser.find_all(By::Css(".summary li a")).await.unwrap();
            assert!(!told.is_empty(), "{form} ({name}): no mistake is told: {}", page_text(&browser).await);
            for link in &told {
                let target = link.attr("href").await.unwrap().unwrap();
                assert!(
                    !browser.find_all(By::Css(&target)).await.unwrap().is_empty(),
                    "{form}: {target} leads nowhere"
                );
            }
            shoot(&browser, &format!("wrong-{form}-{name}")).await;
            if form == "survey" {
                for one in browser.find_all(By::Css("fieldset.group input[type=checkbox]:checked")).await.unwrap() {
                    one.click().await.unwrap();
                }
            }
            fill(&browser, &file, None).await;
            submit(&browser).await;
            let receipt = browser.find_all(By::Css(RECEIPT)).await.unwrap();
            assert!(!receipt.is_empty(), "{form} ({name}): no receipt on this page: {}", page_text(&browser).await);
            shoot(&browser, &format!("right-{form}-{name}")).await;
            sent += 1;
        }
        browser.quit().await.unwrap();
    }
    println!("{sent} forms sent");
}

/// Where the focus is: kind, type, name, whether something has to be answered, whether it is seen, where it stands.
const FOCUS: &str = "const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect(); \
    const all = [...document.querySelectorAll('*')]; const g = e.closest('fieldset.group'); \
    return { at: all.indexOf(e), tag: e.tagName.toLowerCase(), type: e.type || '', name: e.name || '', id: e.id, \
    needed: e.required || (!!g && e.type === 'checkbox' && !g.querySelector('legend .optional, .when') \
      && !g.querySelector('input:checked')), checked: !!e.checked, \
    seen: e.tagName === 'BODY' || (s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 && r.width > 0 && r.left >= 0 \
      && r.top < innerHeight && r.bottom > 0) }";

async fn focus(browser: &WebDriver) -> Value {
    browser.execute(FOCUS, vec![]).await.unwrap().convert().unwrap()
}

async fn key(browser: &WebDriver, keys: impl Into<TypingData>) {
    browser.action_chain().send_keys(keys).perform().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shipped_form_is_sent_with_the_keyboard_alone() {
    let (_sink, served, chrome, file) = start().await;
    let browser = chrome.visit(Visitor::DESKTOP).await;
    for form in open_forms(&served).await {
        browser.goto(&format!("{}/f/{form}", served.url)).await.unwrap();
        key(&browser, Key::Tab + "").await;
        let first = focus(&browser).await;
        assert!(first["tag"] == "a" && first["seen"] == true, "{form}: the way to the content comes first: {first}");
        key(&browser, Key::Enter + "").await;
        assert_eq!(focus(&browser).await["id"], "main", "{form}: it leads there");
        let (mut last, mut steps, mut stops) = (-1, 0, 0);
        loop {
            key(&browser, Key::Tab + "").await;
            let at = focus(&browser).await;
            steps += 1;
            assert!(steps < 200, "{form}: the button is never reached");
            if at["at"].as_i64() == Some(last) {
                // The day, the month and the year of one date.
                continue;
            }
            assert!(at["at"].as_i64().unwrap() > last, "{form}: the order is that of the page: {at}");
            assert_eq!(at["seen"], true, "{form}: where the focus is must be seen: {at}");
            last = at["at"].as_i64().unwrap();
            stops += 1;
            let (kind, name) = (at["type"].as_str().unwrap(), at["name"].as_str().unwrap());
            match (at["tag"].as_str().unwrap(), kind) {
                ("button", _) => break,
                _ if at["needed"] != true => {}
                ("select", _) => key(&browser, Key::Down + "").await,
                ("input", "radio" | "checkbox") => key(&browser, " ").await,
                // What opens is the system's own window; the file is put where that would put it.
                ("input", "file") => {
                    let input = browser.find(By::Name(name)).await.unwrap();
                    input.send_keys(file.to_str().unwrap()).await.unwrap();
                }
                (_, kind) => key(&browser, answer(kind, name)).await,
            }
        }
        assert!(stops >= 3, "{form}: {stops} stops");
        let button = browser.find(By::Css("main form button")).await.unwrap();
        key(&browser, Key::Enter + "").await;
        for _ in 0..600 {
            if button.is_present().await.is_ok_and(|present| !present) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let receipt = browser.find_all(By::Css(RECEIPT)).await.unwrap();
        assert!(!receipt.is_empty(), "{form}: no receipt on this page: {}", page_text(&browser).await);
    }
    // With a mistake, the focus is on the summary, and its links lead to the fields.
    browser.goto(&format!("{}/f/support-request", served.url)).await.unwrap();
    browser.execute("document.querySelector('main form').noValidate = true", vec![]).await.unwrap();
    press(&browser, "main form button").await;
    assert_eq!(number(&browser, "return document.activeElement.matches('.summary') ? 1 : 0").await, 1);
    key(&browser, Key::Tab + "").await;
    key(&browser, Key::Enter + "").await;
    key(&browser, "Sam").await;
    let name = browser.find(By::Id("field-name")).await.unwrap().prop("value").await.unwrap();
    assert_eq!(name.as_deref(), Some("Sam"), "the link leads into the field");
    browser.quit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_visit_is_small_and_asks_nobody_else() {
    let served = Served::start().await;
    let chrome = Chrome::start().await;
    let mut most = (0, String::new());
    for path in ["/", "/f/job-application", "/f/training-request?lang=de", "/my", "/privacy?lang=fr", "/cookies"] {
        // A browser of its own: nothing is remembered.
        let browser = chrome.visit(Visitor::DESKTOP).await;
        browser.goto(&format!("{}{path}", served.url)).await.unwrap();
        let script = "const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]; \
                      return all.map(e => [e.name, e.decodedBodySize])";
        let loaded: Vec<(String, u64)> = browser.execute(script, vec![]).await.unwrap().convert().unwrap();
        assert!(loaded.len() >= 2, "the page and its style sheet: {loaded:?}");
        let mut bytes = 0;
        for (url, size) in &loaded {
            assert!(url.starts_with(&served.url), "{path} asks {url}");
            bytes += size;
        }
        // The picture in the tab is not among them.
        bytes += client().get(format!("{}/favicon.svg", served.url)).send().await.unwrap().bytes().await.unwrap().len()
            as u64;
        assert!((2_000..50_000).contains(&bytes), "{path}: {bytes} bytes in {loaded:?}");
        most = most.max((bytes, path.to_owned()));
        browser.quit().await.unwrap();
    }
    println!("at most {} bytes, for {}", most.0, most.1);
}
