//! The inbox, a submission and the desk with all that staff do among themselves, in a real browser: without scripts, by keyboard,
//! on narrow and wide screens, light and dark; and with everything that people and staff can type set to what would run as
//! script or break the page if it were not text. Screenshots in `target/screenshots`.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use thirtyfour::prelude::*;

use crate::chrome::{Chrome, Visitor};
use crate::served::{Served, client};
use crate::{form_page, number, page_text, pdf, press, shoot, submit};

const PASSWORD: &str = "purple otter eats soap";
/// Ends attributes and elements, and would leave its mark on the page if anything of it ran.
const HOSTILE: &str = "\"'></textarea></select></title><img src=x onerror=\"document.title='hacked'\"><script>document.title='hacked'</script>";
/// The same within the length of a label.
const SHORT: &str = "\"'><img src=x onerror=hacked()>";

#[allow(clippy::disallowed_methods, reason = "the service under test goes by the real time")]
fn code_of(secret: &str) -> String {
    let bytes = data_encoding::BASE32_NOPAD.decode(secret.replace(' ', "").as_bytes()).unwrap();
    let totp = totp_rs::Builder::new().with_secret(bytes).with_account_name("x").build().unwrap();
    totp.generate(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).to_string()
}

async fn put(browser: &WebDriver, name: &str, value: &str) {
    let field = browser.find(By::Name(name)).await.unwrap();
    field.clear().await.unwrap();
    field.send_keys(value).await.unwrap();
}

/// Invites somebody; returns recovery codes, by which they sign in.
pub(crate) async fn invite(served: &Served, browser: &WebDriver, login: &str, role: &str) -> Vec<String> {
    let link = served.cli(&["staff", "invite", login, "--role", role]).trim().to_owned();
    browser.goto(&format!("{}{}", served.url, &link[link.find("/staff/").unwrap()..])).await.unwrap();
    put(browser, "new-password", PASSWORD).await;
    put(browser, "again", PASSWORD).await;
    press(browser, "form button").await;
    let secret = browser.find(By::Css(".big")).await.unwrap().text().await.unwrap();
    put(browser, "code", &code_of(&secret)).await;
    press(browser, "form button").await;
    let mut codes = Vec::new();
    for code in browser.find_all(By::Css(".recovery li")).await.unwrap() {
        codes.push(code.text().await.unwrap());
    }
    codes
}

pub(crate) async fn sign_in(browser: &WebDriver, served: &Served, login: &str, code: &str) {
    browser.goto(&format!("{}/staff/sign-in", served.url)).await.unwrap();
    put(browser, "login", login).await;
    put(browser, "password", PASSWORD).await;
    press(browser, "form button").await;
    put(browser, "code", code).await;
    press(browser, "form button").await;
}

/// What axe-core finds wrong with the page that is open.
pub(crate) async fn wrong(browser: &WebDriver) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/axe/axe_playwright_python/axe.min.js");
    let axe = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}; scripts/needs unpacks it", path.display()));
    browser.execute(&axe, vec![]).await.unwrap();
    let script = "const done = arguments[arguments.length - 1]; axe.run(document, { resultTypes: ['violations'], runOnly: { type: 'tag', \
        values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] } }).then(found => done(found.violations.map(v => \
        v.id + ': ' + v.help + ' at ' + v.nodes.map(n => n.target.join(' ')).join(', '))), e => done([String(e)]))";
    let found: Value = browser.execute_async(script, vec![]).await.unwrap().convert().unwrap();
    found.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect()
}

/// What is wrong with the page that is open, as `name` in the list: wider than its screen, or what axe-core finds. Keeps a picture of it.
pub(crate) async fn looked_at(browser: &WebDriver, name: &str, width: u32) -> Vec<String> {
    let mut told: Vec<String> = wrong(browser).await.into_iter().map(|found| format!("{name}: {found}")).collect();
    let wide = number(browser, "return document.documentElement.scrollWidth").await;
    if wide > i64::from(width) {
        told.push(format!("{name}: {wide} pixels wide"));
    }
    shoot(browser, name).await;
    told
}

/// Nothing that was typed has become a part of the page.
pub(crate) async fn is_text(browser: &WebDriver, page: &str) {
    assert!(!browser.title().await.unwrap().contains("hacked"), "{page}: it ran");
    assert_eq!(number(browser, "return document.querySelectorAll('img, script, [onerror]').length").await, 0, "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_typed_is_text_wherever_colleagues_work_on_it() {
    let served = Served::start().await;
    let chrome = Chrome::start().await;
    let file = served.scratch().join("x'><img src=x onerror=alert(1)>.pdf");
    fs::write(&file, pdf::document(1 << 16)).unwrap();

    let person = chrome.visit(Visitor { javascript: false, ..Visitor::DESKTOP }).await;
    person.goto(&form_page(&served)).await.unwrap();
    for (name, value) in [("name", HOSTILE), ("email", "jane@example.org"), ("letter", HOSTILE)] {
        person.find(By::Name(name)).await.unwrap().send_keys(value).await.unwrap();
    }
    person.find(By::Css("input[type=file]")).await.unwrap().send_keys(file.to_str().unwrap()).await.unwrap();
    submit(&person).await;
    person.quit().await.unwrap();

    // The work of a day, without scripts.
    let hanna = chrome.visit(Visitor { javascript: false, ..Visitor::DESKTOP }).await;
    let codes = invite(&served, &hanna, "hanna", "hr").await;
    let at = |path: &str| format!("{}{path}", served.url);
    hanna.goto(&at("/staff/inbox?form=job-application")).await.unwrap();
    press(&hanna, ".lines a").await;
    let record = hanna.current_url().await.unwrap().to_string();
    put(&hanna, "labels", &format!("urgent, {}", SHORT.replace(',', ""))).await;
    press(&hanna, "button[value=labels]").await;
    put(&hanna, "note", HOSTILE).await;
    press(&hanna, "form[action$='/notes'] button").await;
    press(&hanna, "button[value=take]").await;
    assert!(page_text(&hanna).await.contains("hanna (me)"));
    hanna.goto(&at("/staff/inbox?form=job-application")).await.unwrap();
    hanna.find(By::Css(".keep summary")).await.unwrap().click().await.unwrap();
    put(&hanna, "name", SHORT).await;
    press(&hanna, "button[value=keep]").await;
    // Enter in the box of the label adds a label, and does nothing else; by keyboard alone.
    let tick = hanna.find(By::Css(".tick input")).await.unwrap();
    tick.send_keys(" ").await.unwrap();
    assert!(tick.is_selected().await.unwrap());
    let label = hanna.find(By::Id("set-label")).await.unwrap();
    label.send_keys("typed").await.unwrap();
    label.send_keys(Key::Enter + "").await.unwrap();
    for _ in 0..100 {
        if page_text(&hanna).await.contains("1 changed, 0 not") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    shoot(&hanna, "work-0-changed").await;
    assert!(page_text(&hanna).await.contains("1 changed, 0 not"));
    hanna.goto(&record).await.unwrap();
    let page = page_text(&hanna).await;
    assert!(page.contains("typed") && page.contains("Received"), "{page}");
    hanna.quit().await.unwrap();

    // With scripts, so that what is not text would run; looked at from narrow to wide, light and dark.
    let print = record.replace("?purpose", "/print?purpose");
    let mut told = Vec::new();
    for (n, (width, dark)) in [(360, false), (360, true), (1440, false), (1440, true)].into_iter().enumerate() {
        let browser = chrome.visit(Visitor { width, dark, javascript: true }).await;
        sign_in(&browser, &served, "hanna", &codes[n]).await;
        for (page, address) in [
            ("home", at("/staff")),
            ("inbox", at("/staff/inbox?form=job-application")),
            ("filtered", at("/staff/inbox?form=job-application&assignee=me&label=urgent&seen=true&all=1")),
            ("empty", at("/staff/inbox?form=job-application&status=rejected")),
            ("record", record.clone()),
            ("print", print.clone()),
            ("desk", at("/staff/desk")),
        ] {
            browser.goto(&address).await.unwrap();
            is_text(&browser, page).await;
            browser.execute("document.querySelectorAll('details').forEach(d => d.open = true)", vec![]).await.unwrap();
            let name = format!("work-{width}-{}-{page}", if dark { "dark" } else { "light" });
            told.extend(looked_at(&browser, &name, width).await);
        }
        assert!(
            browser.source().await.unwrap().contains("&lt;img src=x onerror=hacked()&gt;"),
            "the name of a view is shown"
        );
        browser.quit().await.unwrap();
    }
    assert!(told.is_empty(), "{told:#?}");

    // As a file it is an attachment, whatever it is called.
    let token = served.token("reader", "hr");
    let id = record.split("/record/").nth(1).unwrap().split('?').next().unwrap();
    let file = at(&format!("/api/v1/submissions/{id}/files/0?purpose=recruitment"));
    let answer = client().get(file).bearer_auth(&token).send().await.unwrap();
    assert!(answer.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
}

/// One asks, another decides: without scripts, and looked at from narrow to wide, light and dark.
#[tokio::test(flavor = "multi_thread")]
async fn what_needs_two_people_is_asked_for_and_approved() {
    let served = Served::start().await;
    let chrome = Chrome::start().await;
    let at = |path: &str| format!("{}{path}", served.url);
    let plain = Visitor { javascript: false, ..Visitor::DESKTOP };
    let anna = chrome.visit(plain).await;
    invite(&served, &anna, "anna", "admin,privacy").await;
    let other = chrome.visit(plain).await;
    let codes = invite(&served, &other, "ben", "admin,privacy").await;
    anna.goto(&at("/staff/requests")).await.unwrap();
    put(&anna, "login", "ben").await;
    anna.find(By::Id("role-admin")).await.unwrap().send_keys(" ").await.unwrap();
    anna.find(By::Id("why-roles")).await.unwrap().send_keys(HOSTILE).await.unwrap();
    press(&anna, "form:has(#why-roles) button").await;
    let people: Vec<String> = (0..26).map(|n| format!("{}{}", "a".repeat(25), (b'a' + n) as char)).collect();
    let people: Vec<String> = people.into_iter().filter(|id| "aeimquy".contains(&id[25..])).collect();
    anna.find(By::Id("subjects")).await.unwrap().send_keys(people.join("\n")).await.unwrap();
    anna.find(By::Id("why-erasure")).await.unwrap().send_keys("They asked.").await.unwrap();
    press(&anna, "form:has(#why-erasure) button").await;
    assert!(page_text(&anna).await.contains("Erase"), "{}", page_text(&anna).await);
    let mut told = Vec::new();
    for (n, (width, dark)) in [(360, false), (360, true), (1440, false), (1440, true)].into_iter().enumerate() {
        let browser = chrome.visit(Visitor { width, dark, javascript: true }).await;
        sign_in(&browser, &served, "ben", &codes[n]).await;
        browser.goto(&at("/staff/requests")).await.unwrap();
        is_text(&browser, "requests").await;
        let name = format!("requests-{width}-{}", if dark { "dark" } else { "light" });
        told.extend(looked_at(&browser, &name, width).await);
        browser.quit().await.unwrap();
    }
    assert!(told.is_empty(), "{told:#?}");
    // By keyboard alone.
    other.goto(&at("/staff/requests")).await.unwrap();
    let approve = other.find(By::Css("form[action$='/approval'] button")).await.unwrap();
    approve.send_keys(Key::Enter + "").await.unwrap();
    for _ in 0..100 {
        if page_text(&other).await.contains("Approved by ben") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(page_text(&other).await.contains("Approved by ben"), "{}", page_text(&other).await);
    anna.quit().await.unwrap();
    other.quit().await.unwrap();
}
