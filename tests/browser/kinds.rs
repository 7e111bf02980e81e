//! Every kind of field filled in by a real browser without scripts, on a form that was put into the folder of a running service;
//! and every shipped form looked at. Screenshots in `target/screenshots`.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use thirtyfour::prelude::*;

use crate::chrome::{Chrome, Visitor};
use crate::served::{Served, client};
use crate::{RECEIPT, number, page_text, shoot, submit};

const EVERY_KIND: &str = include_str!("../support/targets/every_kind.toml");

/// Puts a form into the folder of the service, and waits until it is served.
async fn add(served: &Served, file: &str, text: &str, page: &str) {
    let folder = served.scratch().parent().unwrap().join("forms");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(file), text).unwrap();
    let begin = Instant::now();
    while client().get(format!("{}{page}", served.url)).send().await.unwrap().status() != 200 {
        assert!(begin.elapsed() < Duration::from_secs(20), "the new form is not served:\n{}", served.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn pick(browser: &WebDriver, css: &str) {
    browser.find(By::Css(css)).await.unwrap_or_else(|e| panic!("{css}: {e}")).click().await.unwrap();
}

async fn write(browser: &WebDriver, name: &str, text: &str) {
    browser.find(By::Name(name)).await.unwrap().send_keys(text).await.unwrap();
}

/// The form keeps what it takes in a region of its own, which is read from here.
const READ_HERE: (&str, &str) = ("LETTERLOCK_SAFEGUARDS", "eu-west > uk: Adequacy decision");

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_filled_in_without_scripts() {
    let served = Served::with_settings(&[], &[READ_HERE]).await;
    add(&served, "every.toml", EVERY_KIND, "/f/every-kind").await;
    let chrome = Chrome::start().await;
    let browser = chrome.visit(Visitor { javascript: false, ..Visitor::DESKTOP }).await;
    browser.goto(&format!("{}/f/every-kind", served.url)).await.unwrap();
    for (name, text) in [
        ("short", "Jane Doe"),
        ("long", "One.\nTwo."),
        ("email", "jane@example.org"),
        ("phone", "020 7946 0958"),
        ("link", "https://example.org/jane"),
        ("number", "12.345"),
        // As the browser's date field takes it: month, day, year.
        ("date", "02292024"),
        ("home.line1", "1 High St"),
        ("home.town", "Leeds"),
        ("home.postcode", "LS1 1AA"),
        ("code", "AB12"),
        ("reason", "Too slow."),
    ] {
        write(&browser, name, text).await;
    }
    for css in [
        "input[name=choice][value=two]",
        "input[name=box]",
        "input[name=many][value=a]",
        "input[name=many][value=c]",
        "input[name=mark][value='2']",
        "select[name='home.country'] option[value=GB]",
    ] {
        pick(&browser, css).await;
    }
    submit(&browser).await;
    // One thing is wrong, and everything else is still there.
    let told = browser.find(By::Id("field-number-problem")).await.unwrap().text().await.unwrap();
    assert_eq!(told, "Please enter a number like 12.5, with at most 2 digits after the point.");
    assert_eq!(browser.find_all(By::Css(".summary li")).await.unwrap().len(), 1, "{}", page_text(&browser).await);
    shoot(&browser, "every-kind-mistake").await;
    let number = browser.find(By::Name("number")).await.unwrap();
    number.clear().await.unwrap();
    number.send_keys("12.25").await.unwrap();
    submit(&browser).await;
    let text = page_text(&browser).await;
    assert!(!browser.find_all(By::Css(RECEIPT)).await.unwrap().is_empty(), "no receipt on this page: {text}");
    browser.quit().await.unwrap();

    let token = served.token("reader", "hr");
    let get = async |path: &str| -> Value {
        client().get(format!("{}{path}", served.url)).bearer_auth(&token).send().await.unwrap().json().await.unwrap()
    };
    let list = get("/api/v1/submissions?form=every-kind").await;
    let id = list["items"][0]["id"].as_str().expect("one submission is listed").to_owned();
    let shown = get(&format!("/api/v1/submissions/{id}?purpose=recruitment")).await;
    let expected = json!({
        "short": "Jane Doe", "long": "One.\nTwo.", "email": "jane@example.org", "phone": "+442079460958", "choice": "two",
        "box": true, "link": "https://example.org/jane", "number": 12.25, "date": "2024-02-29", "many": ["a", "c"],
        "mark": 2, "home": { "line1": "1 High St", "town": "Leeds", "postcode": "LS1 1AA", "country": "GB" },
        "code": "AB12", "reason": "Too slow.",
    });
    assert_eq!(shown["fields"], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_shipped_form_fits_a_telephone_and_names_every_control() {
    let served = Served::with_settings(&[], &[READ_HERE]).await;
    let chrome = Chrome::start().await;
    let index: Value = client().get(format!("{}/api/v1/forms", served.url)).send().await.unwrap().json().await.unwrap();
    let open: Vec<&str> = index["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|form| form["open"] == true)
        .map(|form| form["id"].as_str().unwrap())
        .collect();
    assert_eq!(open.len(), 9);
    for (width, dark) in [(320, false), (1280, true)] {
        let browser = chrome.visit(Visitor { width, dark, ..Visitor::DESKTOP }).await;
        for id in &open {
            browser.goto(&format!("{}/f/{id}", served.url)).await.unwrap();
            let wide = number(&browser, "return document.documentElement.scrollWidth").await;
            assert!(wide <= i64::from(width), "{id} is {wide} pixels wide on a screen of {width}");
            let nameless = "return [...document.querySelectorAll('input:not([type=hidden]),textarea,select')]\
                .filter(e => e.labels.length != 1 || !e.labels[0].innerText.trim()).length \
                + [...document.querySelectorAll('[aria-describedby]')].flatMap(e => e.getAttribute('aria-describedby').split(' '))\
                .filter(id => !document.getElementById(id)).length \
                + [...document.querySelectorAll('fieldset')].filter(f => !f.querySelector('legend')).length \
                + [...document.querySelectorAll('[id]')].filter(e => document.querySelectorAll('#' + CSS.escape(e.id)).length > 1).length";
            assert_eq!(
                number(&browser, nameless).await,
                0,
                "{id}: a control without a name, or an id that leads nowhere"
            );
            shoot(&browser, &format!("shipped-{id}-{width}")).await;
        }
        browser.quit().await.unwrap();
    }
}
