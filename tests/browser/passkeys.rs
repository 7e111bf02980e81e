//! Passkeys in a real browser with a virtual authenticator: made by an invitation, used alone and after the password, a second one added
//! and removed; and what is said where there are no scripts. axe-core looks at each page. Screenshots in `target/screenshots`.

use thirtyfour::prelude::*;

use crate::axe::{axe, look};
use crate::chrome::{Chrome, Visitor};
use crate::served::Served;
use crate::staff::{PASSWORD, put};
use crate::{number, page_text, press, shoot};

const MAKE_FIRST: &str = "form[data-passkey=make] button";
const ADD: &str = "form[action='/staff/account/passkeys'] button";
const ALONE: &str = "form[action='/staff/sign-in/passkey'] button";
const SECOND: &str = "form[action='/staff/sign-in/code/passkey'] button";

/// Leads to the page after the password of an invitation.
async fn choose_password(browser: &WebDriver, served: &Served) {
    let link = served.cli(&["staff", "invite", "hanna", "--role", "hr"]).trim().to_owned();
    browser.goto(&format!("{}{}", served.url, &link[link.find("/staff/").unwrap()..])).await.unwrap();
    put(browser, "new-password", PASSWORD).await;
    put(browser, "again", PASSWORD).await;
    press(browser, "form button").await;
}

/// With the password, to the second step.
async fn to_second_step(browser: &WebDriver, served: &Served) {
    browser.goto(&format!("{}/staff/sign-in", served.url)).await.unwrap();
    put(browser, "login", "hanna").await;
    put(browser, "password", PASSWORD).await;
    press(browser, "form[action='/staff/sign-in'] button").await;
}

async fn sign_out(browser: &WebDriver) {
    press(browser, ".bar button").await;
}

async fn is_in(browser: &WebDriver) {
    let text = page_text(browser).await;
    assert!(text.contains("Good day, hanna"), "{text}");
}

/// What the alert in a form says, once it says something.
async fn alert(browser: &WebDriver, form: &str) -> String {
    let alert = browser.find(By::Css(format!("{form} [role=alert]"))).await.unwrap();
    for _ in 0..200 {
        let text = alert.text().await.unwrap();
        if !text.is_empty() {
            return text;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("nothing is said");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_goes_from_making_to_signing_in_and_removal() {
    let (served, chrome, axe) = (Served::start().await, Chrome::start().await, axe());
    let browser = chrome.visit(Visitor::DESKTOP).await;
    let laptop = chrome.plug(&browser, "internal").await;
    choose_password(&browser, &served).await;
    shoot(&browser, "passkeys-1-set-up").await;
    press(&browser, MAKE_FIRST).await;
    let mut codes = Vec::new();
    for code in browser.find_all(By::Css(".recovery li")).await.unwrap() {
        codes.push(code.text().await.unwrap());
    }
    assert_eq!(codes.len(), 10, "{}", page_text(&browser).await);
    press(&browser, "a.button").await;
    is_in(&browser).await;
    sign_out(&browser).await;

    browser.goto(&format!("{}/staff/sign-in", served.url)).await.unwrap();
    press(&browser, ALONE).await;
    is_in(&browser).await;
    sign_out(&browser).await;
    to_second_step(&browser, &served).await;
    shoot(&browser, "passkeys-2-second-step").await;
    press(&browser, SECOND).await;
    is_in(&browser).await;

    // The same device again is refused by the browser itself; a key is added.
    browser.goto(&format!("{}/staff/account", served.url)).await.unwrap();
    put(&browser, "name", "The same").await;
    browser.find(By::Css(ADD)).await.unwrap().click().await.unwrap();
    let said = alert(&browser, "form[action='/staff/account/passkeys']").await;
    assert!(said.contains("has a passkey for this account already"), "{said}");
    shoot(&browser, "passkeys-3-again").await;
    chrome.unplug(&browser, &laptop).await;
    let key = chrome.plug(&browser, "usb").await;
    put(&browser, "name", "Blue <b>key</b>").await;
    press(&browser, ADD).await;
    assert!(page_text(&browser).await.contains("Your passkey is added"));
    shoot(&browser, "passkeys-4-added").await;
    press(&browser, ALONE).await;
    is_in(&browser).await;
    browser.goto(&format!("{}/staff/account", served.url)).await.unwrap();
    let text = page_text(&browser).await;
    assert!(
        text.contains("My passkey") && text.contains("Blue <b>key</b>") && text.contains("with a passkey"),
        "{text}"
    );

    press(&browser, "li:last-child form[action$='/removal'] button").await;
    assert!(page_text(&browser).await.contains("The passkey is removed"));
    press(&browser, ALONE).await;
    let text = page_text(&browser).await;
    assert!(text.contains("This passkey was not taken"), "{text}");
    chrome.unplug(&browser, &key).await;
    browser.quit().await.unwrap();

    // By recovery codes: every page with something about passkeys on it, narrow and wide, light and dark.
    let mut wrong = Vec::new();
    let looks = [(360, false), (360, true), (1440, false), (1440, true)];
    for ((width, dark), code) in looks.into_iter().zip(&codes) {
        let browser = chrome.visit(Visitor { width, dark, ..Visitor::DESKTOP }).await;
        let name = format!("passkeys-{width}-{}", if dark { "dark" } else { "light" });
        browser.goto(&format!("{}/staff/sign-in", served.url)).await.unwrap();
        let mut seen = async |page: &str| {
            let wide = number(&browser, "return document.documentElement.scrollWidth").await;
            assert!(wide <= i64::from(width), "{page} at {name} is {wide} pixels wide");
            wrong.extend(look(&browser, &axe).await.0.into_iter().map(|told| format!("{name} {page}: {told}")));
            shoot(&browser, &format!("{name}-{page}")).await;
        };
        seen("sign-in").await;
        to_second_step(&browser, &served).await;
        seen("second-step").await;
        put(&browser, "code", code).await;
        press(&browser, "form[action='/staff/sign-in/code'] button").await;
        browser.goto(&format!("{}/staff/account", served.url)).await.unwrap();
        seen("account").await;
        browser.goto(&format!("{}/staff/confirm?to=/staff/account", served.url)).await.unwrap();
        seen("confirm").await;
        put(&browser, "password", "wrong").await;
        put(&browser, "code", "000000").await;
        press(&browser, "form[action='/staff/confirm'] button").await;
        seen("confirm-wrong").await;
        browser.goto(&format!("{}/staff/account", served.url)).await.unwrap();
        press(&browser, "form[action='/staff/account/codes'] button").await;
        seen("codes").await;
        browser.quit().await.unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_passkeys_are_explained_and_codes_work() {
    let (served, chrome) = (Served::start().await, Chrome::start().await);
    let browser = chrome.visit(Visitor { javascript: false, ..Visitor::DESKTOP }).await;
    choose_password(&browser, &served).await;
    let text = page_text(&browser).await;
    assert!(text.contains("Passkeys need JavaScript") && !text.contains("Make a passkey"), "{text}");
    shoot(&browser, "passkeys-5-no-script").await;
    let secret = browser.find(By::Css(".big")).await.unwrap().text().await.unwrap();
    put(&browser, "code", &crate::staff::code_of(&secret)).await;
    press(&browser, "form button").await;
    press(&browser, "a.button").await;
    is_in(&browser).await;
    sign_out(&browser).await;
    browser.goto(&format!("{}/staff/sign-in", served.url)).await.unwrap();
    let text = page_text(&browser).await;
    assert!(text.contains("Login, password and code work without") && !text.contains("Use a passkey"), "{text}");
    browser.quit().await.unwrap();
}
