//! Forms on other sites: the pages in `examples/`, served from an origin of their own, in a real browser. Screenshots in
//! `target/screenshots`.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::Value;
use thirtyfour::prelude::*;

use crate::chrome::{Chrome, Visitor};
use crate::served::{Served, client};
use crate::{RECEIPT, number, page_text, pdf, press, shoot, submit};

pub(crate) const FORM: &str = include_str!("../../examples/form.toml");
const CV_BYTES: usize = 4 << 20;

/// A site beside the vault: the files of `examples/`, with both addresses put in. Ends with the test.
struct Site {
    origin: String,
    vault: Arc<OnceLock<String>>,
}

impl Site {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let site = Self { origin: origin.clone(), vault: Arc::default() };
        let vault = site.vault.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (vault, origin) = (vault.clone(), origin.clone());
                std::thread::spawn(move || answer(stream, &vault, &origin));
            }
        });
        site
    }

    /// The form of the examples for this site, with one more line.
    fn form(&self, line: &str) -> String {
        FORM.replace("https://www.example.org", &self.origin).replacen(
            "version = 1",
            &format!("version = 1\n{line}"),
            1,
        )
    }

    /// The vault with this form, and the site that leads to it.
    async fn with_vault(line: &str) -> (Self, Served) {
        let site = Self::start();
        let served = Served::with_forms(&[("site.toml", &site.form(line))]).await;
        site.vault.set(served.url.clone()).unwrap();
        (site, served)
    }

    fn page(&self, path: &str) -> String {
        format!("{}/{path}", self.origin)
    }
}

fn answer(mut stream: TcpStream, vault: &OnceLock<String>, origin: &str) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    lines.find(|line| line.is_empty());
    let path = first.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(&path);
    let vault = vault.get().map_or("", String::as_str);
    let found = fs::read_to_string(file).unwrap_or_default();
    let body = found.replace("https://vault.example.org", vault).replace("https://www.example.org", origin);
    let kind = if path.ends_with(".css") { "text/css" } else { "text/html" };
    let status = if body.is_empty() { "404 Not Found" } else { "200 OK" };
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n", body.len());
    let _ = stream.write_all(format!("{head}connection: close\r\n\r\n{body}").as_bytes());
}

const WIDTHS: [(u32, &str); 2] = [(320, "320"), (1280, "1280")];

async fn fill(browser: &WebDriver, cv: &Path) {
    for (name, text) in [("name", "Jane Example"), ("email", "jane@example.org"), ("letter", "Dear all,\nhere I am.")] {
        browser.find(By::Name(name)).await.unwrap().send_keys(text).await.unwrap();
    }
    browser.find(By::Name("talent-pool")).await.unwrap().click().await.unwrap();
    choose(browser, cv).await;
}

async fn choose(browser: &WebDriver, cv: &Path) {
    browser.find(By::Name("cv")).await.unwrap().send_keys(cv.to_str().unwrap()).await.unwrap();
}

/// A CV, and a file that is none.
fn files(served: &Served) -> (std::path::PathBuf, std::path::PathBuf, Vec<u8>) {
    let (good, bad) = (served.scratch().join("cv.pdf"), served.scratch().join("bad.pdf"));
    let cv = pdf::document(CV_BYTES);
    fs::write(&good, &cv).unwrap();
    fs::write(&bad, b"this is no PDF at all \x00\x01\x02").unwrap();
    (good, bad, cv)
}

/// The applications that have come in, as staff see them: how many, and the CV of the newest.
async fn received(served: &Served) -> (usize, Vec<u8>) {
    let token = served.token("reader", "hr");
    let get =
        async |path: String| client().get(format!("{}{path}", served.url)).bearer_auth(&token).send().await.unwrap();
    let list: Value = get("/api/v1/submissions?form=site-application".to_owned()).await.json().await.unwrap();
    let items = list["items"].as_array().unwrap();
    let Some(id) = items.first().map(|item| item["id"].as_str().unwrap()) else { return (0, Vec::new()) };
    let cv = get(format!("/api/v1/submissions/{id}/files/0?purpose=recruitment")).await.bytes().await.unwrap();
    (items.len(), cv.to_vec())
}

async fn until(browser: &WebDriver, css: &str) -> WebElement {
    let begin = Instant::now();
    loop {
        if let Ok(found) = browser.find(By::Css(css)).await {
            return found;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "no {css} on\n{}", page_text(browser).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn run(browser: &WebDriver, script: &str) -> Value {
    browser.execute(script, vec![]).await.unwrap().convert().unwrap()
}

async fn fits(browser: &WebDriver, width: u32) {
    let wide = number(browser, "return document.documentElement.scrollWidth").await;
    assert!(wide <= i64::from(width), "{wide} pixels wide on a screen of {width}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_post_shows_the_receipt_and_leads_back_to_the_site() {
    let (site, served) = Site::with_vault("").await;
    let chrome = Chrome::start().await;
    let (good, bad, cv) = files(&served);
    for (width, name) in WIDTHS {
        // The driver does not click without scripts on a telephone's screen; the site's page has none anyway.
        let javascript = width < 500;
        let browser = chrome.visit(Visitor { width, javascript, ..Visitor::DESKTOP }).await;
        browser.goto(&site.page("static/index.html")).await.unwrap();
        fits(&browser, width).await;
        shoot(&browser, &format!("site-plain-1-{name}")).await;
        fill(&browser, &bad).await;
        submit(&browser).await;
        // What is wrong is told on the vault's own page, and the way back is kept.
        assert!(browser.current_url().await.unwrap().as_str().starts_with(&served.url));
        assert!(page_text(&browser).await.contains("Files have to be chosen again"));
        shoot(&browser, &format!("site-plain-2-wrong-{name}")).await;
        choose(&browser, &good).await;
        submit(&browser).await;
        let receipt = browser.find(By::Css(RECEIPT)).await.unwrap().text().await.unwrap();
        fits(&browser, width).await;
        shoot(&browser, &format!("site-plain-3-receipt-{name}")).await;
        press(&browser, "a.button").await;
        let url = browser.current_url().await.unwrap().to_string();
        assert_eq!(url, site.page("static/thanks.html"), "nothing of the receipt {receipt} is in the address");
        if javascript {
            assert_eq!(run(&browser, "return document.referrer").await, "", "nor in the referrer");
        }
        shoot(&browser, &format!("site-plain-4-thanks-{name}")).await;
        browser.quit().await.unwrap();
    }
    let (count, newest) = received(&served).await;
    assert!(count == 2 && newest == cv, "{count} came");
}

/// Keeps what the script says while it works, for the test to read.
const WATCH: &str = "window.said = []; window.bars = 0; new MutationObserver(() => {\
    const status = document.querySelector('[role=status]'), bar = document.querySelector('progress');\
    if (status) said.push(status.textContent); if (bar && !bar.hidden) bars++;\
    }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });";

#[tokio::test(flavor = "multi_thread")]
async fn the_script_sends_a_form_in_place_with_progress_and_mistakes_beside_their_fields() {
    let (site, served) = Site::with_vault("proof_of_work = true").await;
    let chrome = Chrome::start().await;
    let (good, bad, cv) = files(&served);
    for (width, name) in WIDTHS {
        let browser = chrome.visit(Visitor { width, ..Visitor::DESKTOP }).await;
        let page = site.page("script/index.html");
        browser.goto(&page).await.unwrap();
        fill(&browser, &bad).await;
        browser.find(By::Name("start")).await.unwrap().send_keys("soon").await.unwrap();
        browser.find(By::Css("button")).await.unwrap().click().await.unwrap();
        until(&browser, ".letterlock-summary").await;
        assert_eq!(run(&browser, "return document.activeElement.className").await, "letterlock-summary");
        let told = "const e = document.querySelector('[name=NAME]'); const d = e.getAttribute('aria-describedby'); \
                    return e.getAttribute('aria-invalid') + ': ' + (d && document.getElementById(d).textContent)";
        for (field, words) in [("start", "true: "), ("cv", "true: "), ("name", "null: null")] {
            let told = run(&browser, &told.replace("NAME", field)).await;
            assert!(told.as_str().unwrap().starts_with(words), "{field} {told}");
        }
        fits(&browser, width).await;
        shoot(&browser, &format!("site-script-1-wrong-{name}")).await;
        // A line of the summary leads to its field.
        browser.find(By::Css(".letterlock-summary a")).await.unwrap().click().await.unwrap();
        let focused = run(&browser, "return document.activeElement.name").await;
        assert!(focused == "start" || focused == "cv", "{focused}");

        let start = browser.find(By::Name("start")).await.unwrap();
        start.clear().await.unwrap();
        choose(&browser, &good).await;
        run(&browser, WATCH).await;
        browser.find(By::Css("button")).await.unwrap().click().await.unwrap();
        let code = until(&browser, ".letterlock-code").await.text().await.unwrap();
        assert!(code.len() > 20, "{code}");
        assert_eq!(browser.current_url().await.unwrap().as_str(), page, "still on the site");
        let said = run(&browser, "return said.join('|')").await;
        assert!(said.as_str().unwrap().contains("Sending 100 %"), "progress was told: {said}");
        assert!(number(&browser, "return bars").await > 0, "the bar was shown");
        assert!(browser.find_all(By::Css("[aria-invalid]")).await.unwrap().is_empty());
        fits(&browser, width).await;
        shoot(&browser, &format!("site-script-2-receipt-{name}")).await;
        press(&browser, "a.letterlock-next").await;
        assert_eq!(browser.current_url().await.unwrap().as_str(), site.page("static/thanks.html"));
        browser.quit().await.unwrap();
    }
    let (count, newest) = received(&served).await;
    assert!(count == 2 && newest == cv, "{count} came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_asked_for_again_and_nothing_is_sent_twice() {
    let (site, served) = Site::with_vault("").await;
    let chrome = Chrome::start().await;
    let (good, ..) = files(&served);
    let browser = chrome.visit(Visitor::DESKTOP).await;
    browser.goto(&site.page("script/index.html")).await.unwrap();
    fill(&browser, &good).await;
    // The first answer is lost on its way back.
    let lose = "window.sent = 0; const real = XMLHttpRequest.prototype.send; \
                XMLHttpRequest.prototype.send = function (body) { \
                if (window.sent++ === 0) this.onload = this.onerror; real.call(this, body); };";
    run(&browser, lose).await;
    run(&browser, WATCH).await;
    // Loaded a second time, the script does nothing twice.
    let again = "const s = document.createElement('script'); s.src = document.scripts[0].src; \
                 s.onload = () => window.twice = true; document.body.append(s); return null";
    run(&browser, again).await;
    while run(&browser, "return window.twice || false").await == false {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    browser.find(By::Css("button")).await.unwrap().click().await.unwrap();
    until(&browser, ".letterlock-code").await;
    assert_eq!(number(&browser, "return sent").await, 2);
    let said = run(&browser, "return said.join('|')").await;
    assert!(said.as_str().unwrap().contains("Trying again"), "{said}");
    assert_eq!(received(&served).await.0, 1);
    browser.quit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_script_may_not_talk_to_the_vault_the_plain_post_happens() {
    let site = Site::start();
    let form = site.form("").replacen(&format!("origins = [\"{}\"]", site.origin), "", 1);
    assert!(!form.contains("origins"));
    let served = Served::with_forms(&[("site.toml", &form)]).await;
    site.vault.set(served.url.clone()).unwrap();
    let chrome = Chrome::start().await;
    let (good, _, cv) = files(&served);
    let browser = chrome.visit(Visitor::DESKTOP).await;
    browser.goto(&site.page("script/index.html")).await.unwrap();
    fill(&browser, &good).await;
    submit(&browser).await;
    until(&browser, RECEIPT).await;
    assert!(browser.current_url().await.unwrap().as_str().starts_with(&served.url));
    assert!(received(&served).await == (1, cv));
    browser.quit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_takes_a_form_on_the_site_that_is_named_and_on_no_other() {
    let (site, served) = Site::with_vault("").await;
    let chrome = Chrome::start().await;
    let (good, bad, cv) = files(&served);
    for (width, name) in WIDTHS {
        let browser = chrome.visit(Visitor { width, ..Visitor::DESKTOP }).await;
        browser.goto(&site.page("frame/index.html")).await.unwrap();
        let height = async || number(&browser, "return document.querySelector('iframe').offsetHeight").await;
        let begin = Instant::now();
        while run(&browser, "return document.querySelector('iframe').style.height").await == "" {
            assert!(begin.elapsed() < Duration::from_secs(20), "the frame says no height");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let empty = height().await;
        shoot(&browser, &format!("site-frame-1-{name}")).await;
        browser.enter_frame(0).await.unwrap();
        assert_eq!(number(&browser, "return document.querySelectorAll('footer, .skip').length").await, 0);
        assert!(number(&browser, "return document.body.scrollHeight - innerHeight").await <= 1, "nothing to scroll");
        fill(&browser, &bad).await;
        press(&browser, "form button[type=submit]").await;
        assert_eq!(run(&browser, "return document.activeElement.className").await, "summary");
        browser.enter_parent_frame().await.unwrap();
        assert!(height().await > empty, "the frame grows with what is wrong");
        shoot(&browser, &format!("site-frame-2-wrong-{name}")).await;
        browser.enter_frame(0).await.unwrap();
        choose(&browser, &good).await;
        press(&browser, "form button[type=submit]").await;
        until(&browser, RECEIPT).await;
        assert_eq!(browser.get_all_cookies().await.unwrap().len(), 0);
        browser.enter_parent_frame().await.unwrap();
        assert!(height().await < empty, "and shrinks with the receipt");
        fits(&browser, width).await;
        shoot(&browser, &format!("site-frame-3-receipt-{name}")).await;
        browser.quit().await.unwrap();
    }
    let (count, newest) = received(&served).await;
    assert!(count == 2 && newest == cv, "{count} came");

    let other = Site::start();
    other.vault.set(served.url.clone()).unwrap();
    let browser = chrome.visit(Visitor::DESKTOP).await;
    browser.goto(&other.page("frame/index.html")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(run(&browser, "return document.querySelector('iframe').style.height").await, "");
    browser.enter_frame(0).await.unwrap();
    assert!(browser.find_all(By::Css("form")).await.unwrap().is_empty(), "another site shows the form");
    browser.quit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_posts_with_its_key_and_what_it_sent_is_opened_by_the_receipt() {
    let (_, served) = Site::with_vault("proof_of_work = true").await;
    let (good, bad, cv) = files(&served);
    let key = served.scratch().join("shop.key");
    fs::write(&key, served.cli(&["key", "create", "--name", "shop", "--forms", "site-application"])).unwrap();
    let post = |answers: &str, cv: &Path| {
        let mut child = Command::new("/usr/bin/python3")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/server/post.py"))
            .args([&served.url, "site-application", key.to_str().unwrap(), &format!("cv={}", cv.display())])
            .env("VAULT_CA", served.scratch().parent().unwrap().join("keys/tls/cert.pem"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(answers.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let answers = r#"{"fields": {"name": "Jane", "email": "jane@example.org"}, "consents": {"talent-pool": true}}"#;
    let (done, _, error) = post(answers, &bad);
    assert!(!done && error.contains("\"field\":\"cv\""), "{error}");
    let (done, receipt, error) = post(answers, &good);
    assert!(done, "{error}");
    assert!(received(&served).await == (1, cv));
    let listed = served.cli(&["key", "list"]);
    assert!(listed.contains("shop") && listed.contains("site-application") && !listed.contains("llk_"), "{listed}");

    let chrome = Chrome::start().await;
    let browser = chrome.visit(Visitor::DESKTOP).await;
    browser.goto(&format!("{}/my", served.url)).await.unwrap();
    browser.find(By::Name("code")).await.unwrap().send_keys(receipt.trim()).await.unwrap();
    press(&browser, "form button").await;
    assert!(page_text(&browser).await.contains("jane@example.org"));
    browser.quit().await.unwrap();
    let id = served.cli(&["key", "list", "--json"]);
    let id: Value = serde_json::from_str(&id).unwrap();
    served.cli(&["key", "revoke", id["items"][0]["id"].as_str().unwrap()]);
    let (done, _, error) = post(answers, &good);
    assert!(!done && error.contains("not-signed-in"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_page_shows_the_progress_of_an_upload() {
    let served = Served::start().await;
    let chrome = Chrome::start().await;
    let (good, ..) = files(&served);
    let browser = chrome.visit(Visitor::DESKTOP).await;
    browser.goto(&crate::form_page(&served)).await.unwrap();
    crate::fill_in(&browser, &good).await;
    // The body of the page is exchanged, so the watch is kept on what is above it.
    run(&browser, &WATCH.replace("document.body", "document.documentElement")).await;
    submit(&browser).await;
    until(&browser, RECEIPT).await;
    let said = run(&browser, "return said.join('|')").await;
    assert!(said.as_str().unwrap().contains("Sending 100 %"), "{said}");
    assert_eq!(run(&browser, "return document.activeElement.tagName").await, "H1");
    assert!(browser.title().await.unwrap().starts_with("Received"));
    browser.quit().await.unwrap();
}
