//! axe-core on every page: WCAG 2.0 to 2.2, A and AA, and its best practices; at 320 and 1280 pixels, light and dark, in
//! English and in the language with the longest words. Screenshots of each page in `target/screenshots`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use thirtyfour::prelude::*;

use crate::chrome::{Chrome, Visitor};
use crate::mails::Sink;
use crate::served::{Served, client};
use crate::{RECEIPT, fill_in, number, pdf, press, shoot, submit};

const RULES: &str = "{ resultTypes: ['violations'], runOnly: { type: 'tag', values: \
                     ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] } }";

/// axe-core as `scripts/needs` unpacked it.
fn axe() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/axe/axe_playwright_python/axe.min.js");
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}; scripts/needs unpacks it", path.display()))
}

/// What is wrong with the page that is open, and how many rules were passed.
async fn look(browser: &WebDriver, axe: &str) -> (Vec<String>, usize) {
    browser.execute(axe, vec![]).await.unwrap();
    let script = format!(
        "const done = arguments[arguments.length - 1]; \
         axe.run(document, {RULES}).then(found => done({{ passes: found.passes.length, violations: found.violations.map(v => \
         v.id + ': ' + v.help + ' at ' + v.nodes.map(n => n.target.join(' ')).join(', ')) }}), e => done({{ error: String(e) }}))"
    );
    let found: Value = browser.execute_async(&script, vec![]).await.unwrap().convert().unwrap();
    let violations = found["violations"].as_array().unwrap_or_else(|| panic!("axe did not run: {found}"));
    let told = violations.iter().map(|v| v.as_str().unwrap().to_owned()).collect();
    (told, usize::try_from(found["passes"].as_u64().unwrap()).unwrap())
}

/// Looks at page after page, and remembers what was wrong.
struct Walk<'a> {
    browser: &'a WebDriver,
    axe: &'a str,
    name: String,
    width: u32,
    wrong: Vec<String>,
    pages: usize,
}

impl Walk<'_> {
    async fn look(&mut self, page: &str) {
        let (wrong, passed) = look(self.browser, self.axe).await;
        assert!(passed >= 10, "{page}: only {passed} rules had something to look at");
        self.wrong.extend(wrong.into_iter().map(|told| format!("{} {page}: {told}", self.name)));
        let wide = number(self.browser, "return document.documentElement.scrollWidth").await;
        if wide > i64::from(self.width) {
            self.wrong.push(format!("{} {page}: {wide} pixels wide", self.name));
        }
        self.pages += 1;
        shoot(self.browser, &format!("axe-{}-{page}", self.name)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_on_any_page_and_finds_what_is_wrong_on_a_bad_one() {
    let axe = axe();
    let sink = Sink::start();
    let served = Served::with_settings(&[], &sink.settings()).await;
    let chrome = Chrome::start().await;
    let cv = served.scratch().join("cv.pdf");
    fs::write(&cv, pdf::document(1 << 16)).unwrap();
    let forms = open_forms(&served).await;

    let browser = chrome.visit(Visitor::DESKTOP).await;
    browser
        .goto("data:text/html,<title>x</title><h1>x</h1><img src=x><input><p style='color:%23ccc'>pale")
        .await
        .unwrap();
    let (wrong, _) = look(&browser, &axe).await;
    for rule in ["html-has-lang", "image-alt", "label", "color-contrast"] {
        assert!(wrong.iter().any(|told| told.starts_with(rule)), "{rule} is not found: {wrong:?}");
    }
    browser.quit().await.unwrap();

    let (mut wrong, mut pages) = (Vec::new(), 0);
    for (lang, width, dark) in [("en", 1280, false), ("de", 320, false), ("de", 1280, true), ("en", 320, true)] {
        let browser = chrome.visit(Visitor { width, dark, ..Visitor::DESKTOP }).await;
        let name = format!("{lang}-{width}-{}", if dark { "dark" } else { "light" });
        let mut walk = Walk { browser: &browser, axe: &axe, name, width, wrong: Vec::new(), pages: 0 };
        let at = |path: &str| format!("{}{path}?lang={lang}", served.url);
        for (page, path) in [
            ("index", "/"),
            ("privacy", "/privacy"),
            ("cookies", "/cookies"),
            ("accessibility", "/accessibility"),
            ("not-found", "/no/such/page"),
            ("my", "/my"),
            ("my-link", &format!("/my/link/{}", "a".repeat(43))),
        ] {
            browser.goto(&at(path)).await.unwrap();
            walk.look(page).await;
        }
        browser.goto(&at("/privacy")).await.unwrap();
        browser.execute("document.querySelectorAll('details').forEach(d => d.open = true)", vec![]).await.unwrap();
        walk.look("privacy-open").await;
        for form in &forms {
            browser.goto(&at(&format!("/f/{form}"))).await.unwrap();
            walk.look(&format!("form-{form}")).await;
            // Sent as it is, past the browser's own check.
            browser.execute("document.querySelector('main form').noValidate = true", vec![]).await.unwrap();
            submit(&browser).await;
            assert!(!browser.find_all(By::Css(".summary")).await.unwrap().is_empty(), "{form} was taken empty");
            walk.look(&format!("mistakes-{form}")).await;
        }
        browser.goto(&at("/f/job-application")).await.unwrap();
        fill_in(&browser, &cv).await;
        submit(&browser).await;
        walk.look("receipt").await;
        let code = browser.find(By::Css(RECEIPT)).await.unwrap().text().await.unwrap();
        for (page, code) in [("my-unknown", "AAAA"), ("my-mine", code.as_str())] {
            browser.goto(&at("/my")).await.unwrap();
            browser.find(By::Name("code")).await.unwrap().send_keys(code).await.unwrap();
            press(&browser, "main form button").await;
            walk.look(page).await;
        }
        press(&browser, "form[action^='/my/messages'] button").await;
        walk.look("my-mistake").await;
        browser.find(By::Name("text")).await.unwrap().send_keys("A question of mine.").await.unwrap();
        press(&browser, "form[action^='/my/messages'] button").await;
        walk.look("my-message").await;
        browser.goto(&at("/my/erasure")).await.unwrap();
        walk.look("my-erasure").await;
        press(&browser, "button.grave").await;
        walk.look("my-erased").await;
        pages += walk.pages;
        wrong.append(&mut walk.wrong);
        browser.quit().await.unwrap();
    }
    println!("{pages} pages looked at");
    assert!(wrong.is_empty(), "{} violations:\n{}", wrong.len(), wrong.join("\n"));
    assert!(pages >= 4 * (14 + 2 * forms.len()), "{pages}");
}

/// The ids of the forms that take something.
pub(crate) async fn open_forms(served: &Served) -> Vec<String> {
    let index: Value = client().get(format!("{}/api/v1/forms", served.url)).send().await.unwrap().json().await.unwrap();
    let items = index["items"].as_array().unwrap();
    let open: Vec<String> =
        items.iter().filter(|form| form["open"] == true).map(|form| form["id"].as_str().unwrap().to_owned()).collect();
    assert!(open.len() >= 10 && json!(open).to_string().contains("refer-a-friend"), "{open:?}");
    open
}
