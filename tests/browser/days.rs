//! Whole working days in a real browser, from the invitation to the way out: somebody who reads applications, somebody who answers
//! requests, a privacy officer, an auditor, an administrator. What strangers send is hostile throughout. And each page of the console looked at.
//!
//! Everything here waits for what it wants to see, up to half a minute: a page that is about to change is no mistake.

mod administrator;
mod auditor;
mod hr;
mod looks;
mod privacy;
mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use thirtyfour::prelude::*;

use crate::chrome::{Chrome, Visitor};
use crate::number;
use crate::served::{Served, client};
use crate::staff::{PASSWORD, code_of};

/// How long anything may take to show.
const PATIENCE: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(40);
/// Ends attributes and elements, and would leave its mark on the page if anything of it ran.
pub(super) const HOSTILE: &str = "\"'></textarea></select></title><img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>";

/// A computer of one's own, which a browser without scripts is as good for.
const PLAIN: Visitor = Visitor { javascript: false, ..Visitor::DESKTOP };

/// Somebody at a browser.
struct Worker {
    browser: WebDriver,
    url: String,
    login: String,
}

impl Worker {
    /// Sits down before a fresh browser.
    async fn sit(served: &Served, chrome: &Chrome, visitor: Visitor, login: &str) -> Self {
        Self { browser: chrome.visit(visitor).await, url: served.url.clone(), login: login.to_owned() }
    }

    /// Sits down and takes up an invitation that the owner of the machine made. Also returns recovery codes.
    async fn invited(
        served: &Served,
        chrome: &Chrome,
        visitor: Visitor,
        login: &str,
        roles: &str,
    ) -> (Self, Vec<String>) {
        let said = served.cli(&["staff", "invite", login, "--role", roles]);
        let worker = Self::sit(served, chrome, visitor, login).await;
        let path = said.trim()[said.trim().find("/staff/").unwrap()..].to_owned();
        let codes = worker.take_up(&path).await;
        (worker, codes)
    }

    /// From an invitation to the console: a password, then codes. Returns recovery codes.
    async fn take_up(&self, path: &str) -> Vec<String> {
        self.goto(path).await;
        self.sees(&format!("Welcome, {}", self.login)).await;
        self.put("#new-password", PASSWORD).await;
        self.put("#again", PASSWORD).await;
        self.press("main form button").await;
        let secret = self.one(".big").await.text().await.unwrap();
        self.put("#code", &code_of(&secret)).await;
        self.press("main form button").await;
        self.sees("each of these lets you in once").await;
        let mut codes = Vec::new();
        for code in self.browser.find_all(By::Css(".recovery li")).await.unwrap() {
            codes.push(code.text().await.unwrap());
        }
        self.press("a.button").await;
        self.sees(&format!("Good day, {}", self.login)).await;
        codes
    }

    /// Signs in with the password and a recovery code: a step of time counts once, and days here are short.
    async fn sign_in(&self, code: &str) {
        self.goto("/staff/sign-in").await;
        self.put("#login", &self.login).await;
        self.put("#password", PASSWORD).await;
        self.press("main form button").await;
        self.put("#code", code).await;
        self.press("main form button").await;
        self.sees("Signed in as").await;
    }

    /// Signs out, and finds nothing of the day by going back.
    async fn leave(self, never: &[&str]) {
        self.press(".bar button").await;
        self.sees("You are signed out").await;
        for _ in 0..3 {
            self.browser.back().await.unwrap();
            // The sign-in; or, where the page came by a post, the browser's own question whether to send that once more.
            let begun = Instant::now();
            while !self.has("#login").await && !self.text().await.contains("ERR_CACHE_MISS") {
                assert!(begun.elapsed() < PATIENCE, "going back shows {}:\n{}", self.login, self.text().await);
                self.never_shows(never).await;
                tokio::time::sleep(STEP).await;
            }
            self.never_shows(never).await;
        }
        self.browser.quit().await.unwrap();
    }

    async fn goto(&self, path: &str) {
        let url = if path.starts_with('/') { format!("{}{path}", self.url) } else { path.to_owned() };
        self.browser.goto(&url).await.unwrap();
    }

    /// Where the browser is, without the host.
    async fn path(&self) -> String {
        let url = self.browser.current_url().await.unwrap();
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        format!("{}{query}", url.path())
    }

    /// The words of the page.
    async fn text(&self) -> String {
        patiently(async || self.browser.find(By::Tag("body")).await?.text().await).await
    }

    /// Waits until the page says this, and returns all that it says.
    #[track_caller]
    fn sees(&self, words: &str) -> impl Future<Output = String> {
        let place = std::panic::Location::caller();
        async move {
            let begun = Instant::now();
            loop {
                let text = self.text().await;
                if text.contains(words) {
                    return text;
                }
                assert!(begun.elapsed() < PATIENCE, "{place}: {} does not see {words:?} in:\n{text}", self.login);
                tokio::time::sleep(STEP).await;
            }
        }
    }

    /// Neither the words of the page nor its source have any of these.
    async fn never_shows(&self, never: &[&str]) {
        let source = patiently(async || self.browser.source().await).await;
        for words in never {
            assert!(!source.contains(words), "{} is shown {words:?} at {}", self.login, self.path().await);
        }
    }

    /// Nothing that was typed has become a part of the page: no picture, no script but our own, no title.
    async fn is_text(&self) {
        let title = patiently(async || self.browser.title().await).await;
        assert!(!title.contains("hacked"), "it ran at {}", self.path().await);
        let script = "return document.querySelectorAll('img, script:not([src^=\"/static/\"]), [onerror]').length";
        assert_eq!(number(&self.browser, script).await, 0, "at {}", self.path().await);
    }

    /// The first element that fits, once there is one.
    async fn one(&self, css: &str) -> WebElement {
        patiently(async || self.browser.find(By::Css(css)).await).await
    }

    /// Whether there is any that fits now.
    async fn has(&self, css: &str) -> bool {
        !patiently(async || self.browser.find_all(By::Css(css)).await).await.is_empty()
    }

    /// Writes into a field, in the place of what is there.
    async fn put(&self, css: &str, text: &str) {
        patiently(async || {
            let field = self.browser.find(By::Css(css)).await?;
            field.clear().await?;
            field.send_keys(text).await
        })
        .await;
    }

    /// Picks in a list.
    async fn pick(&self, id: &str, value: &str) {
        self.click(&format!("#{id} option[value='{value}']")).await;
    }

    /// Clicks something that leads nowhere.
    async fn click(&self, css: &str) {
        patiently(async || self.browser.find(By::Css(css)).await?.click().await).await;
    }

    /// Presses keys on something that leads nowhere.
    async fn keys(&self, css: &str, keys: &str) {
        patiently(async || self.browser.find(By::Css(css)).await?.send_keys(keys).await).await;
    }

    /// Clicks a button or a link, and waits for the next page.
    #[track_caller]
    fn press(&self, css: &str) -> impl Future<Output = ()> {
        self.leads_on(css, false)
    }

    /// The same by the keyboard.
    #[track_caller]
    fn enter(&self, css: &str) -> impl Future<Output = ()> {
        self.leads_on(css, true)
    }

    #[track_caller]
    fn leads_on(&self, css: &str, by_key: bool) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            let begun = Instant::now();
            let mut pressed: Option<WebElement> = None;
            while begun.elapsed() < PATIENCE {
                match &pressed {
                    None => {
                        if let Ok(element) = self.browser.find(By::Css(css)).await {
                            let done = match by_key {
                                true => element.send_keys(Key::Enter + "").await,
                                false => element.click().await,
                            };
                            pressed = done.is_ok().then_some(element);
                        }
                    }
                    // What was pressed is gone once the next page is shown.
                    Some(element) if element.is_present().await.is_ok_and(|present| !present) => return,
                    Some(_) => {}
                }
                tokio::time::sleep(STEP).await;
            }
            panic!("{place}: {css} leads {} nowhere at {}:\n{}", self.login, self.path().await, self.text().await);
        }
    }

    /// Downloads what a link or a button gives, into `folder`, which is made for it.
    async fn download(&self, chrome: &Chrome, css: &str, folder: &Path) -> Vec<u8> {
        std::fs::create_dir_all(folder).unwrap();
        chrome.keep_downloads(&self.browser, folder).await;
        self.click(css).await;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
            // Until it is whole it is called something else.
            if let [file] = files.as_slice()
                && file.extension().is_none_or(|end| end != "crdownload" && end != "tmp")
                && !file.file_name().unwrap().to_str().unwrap().starts_with('.')
            {
                let bytes = std::fs::read(file).unwrap();
                if !bytes.is_empty() {
                    return bytes;
                }
            }
            tokio::time::sleep(STEP).await;
        }
        panic!("{css} gave {} no file at {}", self.login, self.path().await);
    }
}

/// Tries until it works: a page that changes under one's hands makes what was found stale.
async fn patiently<T>(mut work: impl AsyncFnMut() -> WebDriverResult<T>) -> T {
    let begun = Instant::now();
    loop {
        match work().await {
            Ok(done) => return done,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "{error}"),
        }
        tokio::time::sleep(STEP).await;
    }
}

/// Sends a form as a page of another site or a program would. Returns the id and the receipt's code.
async fn send(served: &Served, form: &str, sent: reqwest::multipart::Form) -> (String, String) {
    let url = format!("{}/api/v1/forms/{form}/submissions", served.url);
    let answer = client().post(url).multipart(sent).send().await.unwrap();
    let (status, body) = (answer.status(), answer.json::<Value>().await.unwrap());
    assert_eq!(status, 201, "{body}");
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("submission"), text("receipt"))
}
