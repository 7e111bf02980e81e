//! axe-core on every page: WCAG 2.0 to 2.2, A and AA, and its best practices; at 320 and 1280 pixels, light and dark, in
//! English and in the language with the longest words. Here the forms and what stands around them; in `links` newsletters,
//! unlocked files, boards and frames; in `console` and `marketing` what staff see. Screenshots of each page in `target/screenshots`.

mod admin;
mod auditor;
mod console;
mod erasing;
mod hiring;
mod links;
mod marketing;
mod reading;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use thirtyfour::prelude::*;

use crate::chrome::{Chrome, Visitor};
use crate::mails::Sink;
use crate::served::{Served, client};
use crate::staff::put;
use crate::{RECEIPT, fill_in, number, page_text, pdf, press, shoot, submit};

const RULES: &str = "{ resultTypes: ['violations'], runOnly: { type: 'tag', values: \
                     ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] } }";

/// axe-core as `scripts/needs` unpacked it.
pub(crate) fn axe() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/axe/axe_playwright_python/axe.min.js");
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}; scripts/needs unpacks it", path.display()))
}

/// What is wrong with the page that is open, and how many rules were passed.
pub(crate) async fn look(browser: &WebDriver, axe: &str) -> (Vec<String>, usize) {
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

/// The looks that each page of the public side gets: language, width, dark. Of any two of these, every pair is there.
pub(crate) const LOOKS: [(&str, u32, bool); 4] =
    [("en", 1280, false), ("de", 320, false), ("de", 1280, true), ("en", 320, true)];

/// What was looked at, and what was wrong.
#[derive(Default)]
pub(crate) struct Found {
    wrong: Vec<String>,
    pages: usize,
}

impl Found {
    /// Fails with all that was wrong, or when fewer pages than this were looked at.
    #[track_caller]
    pub(crate) fn is_good(&self, what: &str, least: usize) {
        println!("{what}: {} pages looked at", self.pages);
        assert!(self.wrong.is_empty(), "{} violations:\n{}", self.wrong.len(), self.wrong.join("\n"));
        assert!(self.pages >= least, "{}", self.pages);
    }
}

/// A visitor who looks at page after page, and remembers what was wrong.
pub(crate) struct Walk<'a> {
    pub(crate) browser: WebDriver,
    axe: &'a str,
    name: String,
    lang: &'a str,
    width: u32,
    found: &'a mut Found,
}

impl<'a> Walk<'a> {
    pub(crate) async fn start(
        chrome: &Chrome,
        axe: &'a str,
        (lang, width, dark): (&'a str, u32, bool),
        found: &'a mut Found,
    ) -> Self {
        let browser = chrome.visit(Visitor { width, dark, ..Visitor::DESKTOP }).await;
        Self {
            browser,
            axe,
            name: format!("{lang}-{width}-{}", if dark { "dark" } else { "light" }),
            lang,
            width,
            found,
        }
    }

    /// Opens a page in the language of this walk.
    pub(crate) async fn goto(&self, url: &str) {
        self.browser.goto(&format!("{url}?lang={}", self.lang)).await.unwrap();
    }

    /// Opens a page and looks at it.
    pub(crate) async fn look_at(&mut self, page: &str, url: &str) {
        self.goto(url).await;
        self.look(page).await;
    }

    /// Types into a field.
    pub(crate) async fn put(&self, name: &str, value: &str) {
        put(&self.browser, name, value).await;
    }

    /// Fails unless the page that is open has these words, if it is a German one.
    pub(crate) async fn says_in_german(&self, words: &str) {
        let text = page_text(&self.browser).await;
        assert!(self.lang != "de" || text.contains(words), "{words:?} is not on this page:\n{text}");
    }

    /// Presses a button or a link, and looks at what comes.
    pub(crate) async fn press(&mut self, css: &str, page: &str) {
        press(&self.browser, css).await;
        self.look(page).await;
    }

    /// Sends the form as it is, past the browser's own check, and looks at the mistakes that are told.
    pub(crate) async fn mistake(&mut self, button: &str, page: &str) {
        self.browser
            .execute("document.querySelectorAll('form').forEach(form => form.noValidate = true)", vec![])
            .await
            .unwrap();
        self.press(button, page).await;
        let focus = self.browser.execute("return document.activeElement.className", vec![]).await.unwrap();
        assert_eq!(focus.json(), "summary", "{page}: what is wrong is not told where the focus is");
    }

    /// Looks at the page that is open.
    pub(crate) async fn look(&mut self, page: &str) {
        let (wrong, passed) = look(&self.browser, self.axe).await;
        assert!(passed >= 10, "{page}: only {passed} rules had something to look at");
        self.found.wrong.extend(wrong.into_iter().map(|told| format!("{} {page}: {told}", self.name)));
        let wide = number(&self.browser, "return document.documentElement.scrollWidth").await;
        if wide > i64::from(self.width) {
            self.found.wrong.push(format!("{} {page}: {wide} pixels wide", self.name));
        }
        self.found.pages += 1;
        shoot(&self.browser, &format!("axe-{}-{page}", self.name)).await;
    }

    pub(crate) async fn end(self) {
        self.browser.quit().await.unwrap();
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

    let mut found = Found::default();
    for look in LOOKS {
        let mut walk = Walk::start(&chrome, &axe, look, &mut found).await;
        let at = |path: &str| format!("{}{path}", served.url);
        for (page, path) in [
            ("index", "/"),
            ("privacy", "/privacy"),
            ("cookies", "/cookies"),
            ("accessibility", "/accessibility"),
            ("not-found", "/no/such/page"),
            ("my", "/my"),
            ("my-link", &format!("/my/link/{}", "a".repeat(43))),
        ] {
            walk.look_at(page, &at(path)).await;
        }
        walk.goto(&at("/privacy")).await;
        walk.browser.execute("document.querySelectorAll('details').forEach(d => d.open = true)", vec![]).await.unwrap();
        walk.look("privacy-open").await;
        for form in &forms {
            walk.look_at(&format!("form-{form}"), &at(&format!("/f/{form}"))).await;
            walk.mistake("main form button[type=submit]", &format!("mistakes-{form}")).await;
        }
        walk.goto(&at("/f/job-application")).await;
        fill_in(&walk.browser, &cv).await;
        submit(&walk.browser).await;
        walk.look("receipt").await;
        let code = walk.browser.find(By::Css(RECEIPT)).await.unwrap().text().await.unwrap();
        for (page, code) in [("my-unknown", "AAAA"), ("my-mine", code.as_str())] {
            walk.goto(&at("/my")).await;
            walk.put("code", code).await;
            walk.press("main form button", page).await;
        }
        let send = "form[action^='/my/messages'] button";
        walk.mistake(send, "my-mistake").await;
        walk.put("text", "A question of mine.").await;
        walk.press(send, "my-message").await;
        walk.look_at("my-erasure", &at("/my/erasure")).await;
        walk.press("button.grave", "my-erased").await;
        walk.look_at("clear", &at("/clear")).await;
        walk.press("main form button", "cleared").await;
        walk.end().await;
    }
    found.is_good("forms, receipts and what stands around them", 4 * (16 + 2 * forms.len()));
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
