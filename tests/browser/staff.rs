//! A working day in the console, in a real browser without scripts: invited, a password, codes, the inbox, an application, a
//! download, an answer, out. Screenshots in `target/screenshots`.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use thirtyfour::prelude::*;

use crate::chrome::{Chrome, Visitor};
use crate::served::Served;
use crate::{fill_in, form_page, number, page_text, pdf, press, shoot, submit};

pub(crate) const PASSWORD: &str = "purple otter eats soap";

/// The code that an authenticator program shows now.
#[allow(clippy::disallowed_methods, reason = "the service under test goes by the real time")]
pub(crate) fn code_of(secret: &str) -> String {
    let bytes = data_encoding::BASE32_NOPAD.decode(secret.replace(' ', "").as_bytes()).unwrap();
    let totp = totp_rs::Builder::new().with_secret(bytes).with_account_name("x").build().unwrap();
    totp.generate(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).to_string()
}

/// Types `value` into the field of this name, in the place of what is there.
pub(crate) async fn put(browser: &WebDriver, name: &str, value: &str) {
    let field = browser.find(By::Name(name)).await.unwrap();
    field.clear().await.unwrap();
    field.send_keys(value).await.unwrap();
}

/// From an invitation to the console. Returns the recovery codes.
pub(crate) async fn take_up(browser: &WebDriver, link: &str) -> Vec<String> {
    browser.goto(link).await.unwrap();
    shoot(browser, "staff-1-welcome").await;
    put(browser, "new-password", "password1234").await;
    put(browser, "again", "password1234").await;
    press(browser, "form button").await;
    assert!(page_text(browser).await.contains("would find this one quickly"));
    shoot(browser, "staff-2-common-password").await;
    put(browser, "new-password", PASSWORD).await;
    put(browser, "again", PASSWORD).await;
    press(browser, "form button").await;
    shoot(browser, "staff-3-codes").await;
    let secret = browser.find(By::Css(".big")).await.unwrap().text().await.unwrap();
    put(browser, "code", &code_of(&secret)).await;
    press(browser, "form button").await;
    shoot(browser, "staff-4-recovery").await;
    let mut codes = Vec::new();
    for code in browser.find_all(By::Css(".recovery li")).await.unwrap() {
        codes.push(code.text().await.unwrap());
    }
    press(browser, "a.button").await;
    codes
}

async fn sign_in(browser: &WebDriver, served: &Served, code: &str) {
    browser.goto(&format!("{}/staff/sign-in", served.url)).await.unwrap();
    put(browser, "login", "hanna").await;
    put(browser, "password", PASSWORD).await;
    press(browser, "form button").await;
    put(browser, "code", code).await;
    press(browser, "form button").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_goes_from_the_invitation_through_a_day_and_out() {
    let served = Served::start().await;
    let chrome = Chrome::start().await;
    let file = served.scratch().join("cv.pdf");
    fs::write(&file, pdf::document(1 << 20)).unwrap();
    let browser = chrome.visit(Visitor { javascript: false, ..Visitor::DESKTOP }).await;
    browser.goto(&form_page(&served)).await.unwrap();
    fill_in(&browser, &file).await;
    submit(&browser).await;

    let link = served.cli(&["staff", "invite", "hanna", "--role", "hr"]).trim().to_owned();
    let link = format!("{}{}", served.url, &link[link.find("/staff/").unwrap()..]);
    let codes = take_up(&browser, &link).await;
    assert_eq!(codes.len(), 10);
    shoot(&browser, "staff-5-home").await;
    browser.find(By::Css(".forms a")).await.unwrap().click().await.unwrap();
    shoot(&browser, "staff-6-inbox").await;
    press(&browser, ".lines a").await;
    let page = page_text(&browser).await;
    assert!(page.contains("Jane Example") && page.contains("<script>alert(1)</script>"), "{page}");
    shoot(&browser, "staff-7-record").await;
    browser.find(By::Name("text")).await.unwrap().send_keys("Thank you, Jane. Can you come on Tuesday?").await.unwrap();
    press(&browser, "form[action$='/messages'] button").await;
    browser.find(By::Css("#status option[value=interview]")).await.unwrap().click().await.unwrap();
    press(&browser, "form[action$='/status'] button").await;
    let page = page_text(&browser).await;
    assert!(page.contains("Can you come on Tuesday?") && page.contains("hanna (HR)"), "{page}");
    shoot(&browser, "staff-8-answered").await;
    let record = browser.current_url().await.unwrap().to_string();

    // The same on a telephone (with scripts: without, the driver cannot tap there) and in the dark; by recovery codes, since a step of time counts once.
    for (n, (name, visitor)) in [
        ("360px", Visitor { width: 360, ..Visitor::DESKTOP }),
        ("dark", Visitor { javascript: false, dark: true, width: 1440 }),
    ]
    .into_iter()
    .enumerate()
    {
        let other = chrome.visit(visitor).await;
        other.goto(&format!("{}/staff", served.url)).await.unwrap();
        shoot(&other, &format!("staff-9-{name}-sign-in")).await;
        sign_in(&other, &served, &codes[n]).await;
        for (page, path) in [
            ("account", format!("{}/staff/account", served.url)),
            ("inbox", format!("{}/staff/inbox", served.url)),
            ("record", record.clone()),
        ] {
            other.goto(&path).await.unwrap();
            let width = number(&other, "return document.documentElement.scrollWidth").await;
            assert!(width <= i64::from(visitor.width), "{page} at {name} is {width} pixels wide");
            shoot(&other, &format!("staff-9-{name}-{page}")).await;
        }
        other.quit().await.unwrap();
    }

    press(&browser, ".bar button").await;
    assert!(page_text(&browser).await.contains("You are signed out"));
    shoot(&browser, "staff-10-out").await;
    browser.goto(&record).await.unwrap();
    assert!(page_text(&browser).await.contains("Sign in"));
    browser.quit().await.unwrap();
}
