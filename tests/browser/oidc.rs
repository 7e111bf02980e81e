//! Somebody signs in through a real provider in a real browser: over its pages and back, without scripts as with; proves once more who
//! they are before something grave; and is told so where they may not in. axe-core looks at our pages. Screenshots in
//! `target/screenshots`.

use thirtyfour::prelude::*;

use crate::axe::axe;
use crate::chrome::{Chrome, Visitor};
use crate::outside::{CLIENT, Provider, free_port};
use crate::served::Served;
use crate::{number, page_text, press, shoot};

const PROVIDER: &str = "form[action='/staff/sign-in/provider'] button";

/// The service beside a provider.
async fn house(passwords: bool) -> (Served, Provider) {
    let port = free_port();
    let url = format!("https://localhost:{port}");
    let provider = Provider::start(&format!("{url}/staff/sign-in/provider/callback"), "RS256");
    let settings = [
        ("LETTERLOCK_PUBLIC_URL", url.as_str()),
        ("LETTERLOCK_OIDC__ISSUER", &provider.issuer),
        ("LETTERLOCK_OIDC__CLIENT_ID", CLIENT),
        ("LETTERLOCK_OIDC__CLIENT_SECRET_FILE", provider.secret.to_str().unwrap()),
        ("LETTERLOCK_OIDC__ROOT_CERTIFICATE", provider.root.to_str().unwrap()),
        ("LETTERLOCK_OIDC__ROLES", "vault-hr: hr, vault-admins: admin"),
        ("LETTERLOCK_OIDC__LABEL", "Example Ltd"),
        ("LETTERLOCK_OIDC__PASSWORD_SIGN_IN", if passwords { "true" } else { "false" }),
    ];
    (Served::at(port, &[], &settings).await, provider)
}

/// Waits until our pages say this: they lead on by themselves.
async fn until(browser: &WebDriver, words: &str) {
    for _ in 0..200 {
        if let Ok(body) = browser.find(By::Tag("body")).await
            && body.text().await.is_ok_and(|text| text.contains(words))
        {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("no {words:?}: {}", page_text(browser).await);
}

/// axe-core finds nothing, and nothing is wider than the window.
async fn sound(browser: &WebDriver, axe: &str, page: &str) {
    let (wrong, passed) = crate::axe::look(browser, axe).await;
    assert!(wrong.is_empty() && passed >= 10, "{page}: {wrong:?}");
    let over = number(browser, "return document.documentElement.scrollWidth - window.innerWidth").await;
    assert!(over <= 0, "{page}: {over} pixels too wide");
}

/// On the provider's page.
async fn as_somebody(browser: &WebDriver, name: &str) {
    browser.find(By::Name("login")).await.unwrap().send_keys(name).await.unwrap();
    browser.find(By::Name("password")).await.unwrap().send_keys("x").await.unwrap();
    press(browser, "button[type=submit]").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_in_through_a_provider_and_proves_it_again() {
    let ((served, _provider), chrome, axe) = (house(true).await, Chrome::start().await, axe());
    let sign_in = format!("{}/staff/sign-in", served.url);
    for visitor in [Visitor { width: 360, ..Visitor::DESKTOP }, Visitor { width: 1440, dark: true, ..Visitor::DESKTOP }]
    {
        let browser = chrome.visit(visitor).await;
        browser.goto(&sign_in).await.unwrap();
        shoot(&browser, &format!("oidc-1-sign-in-{}", visitor.width)).await;
        sound(&browser, &axe, "oidc-sign-in").await;
        browser.quit().await.unwrap();
    }
    let browser = chrome.visit(Visitor { javascript: false, width: 1440, ..Visitor::DESKTOP }).await;
    browser.goto(&sign_in).await.unwrap();
    shoot(&browser, "oidc-2-sign-in-1440-light").await;
    press(&browser, PROVIDER).await;
    until(&browser, "Sign-in").await;
    as_somebody(&browser, "jane+vault-hr").await;
    until(&browser, "Authorize").await;
    press(&browser, "button[type=submit]").await;
    until(&browser, "Good day, jane").await;
    shoot(&browser, "oidc-3-home").await;
    browser.goto(&format!("{}/staff/account", served.url)).await.unwrap();
    let text = page_text(&browser).await;
    assert!(text.contains("through the provider") && text.contains("Through Example Ltd"), "{text}");
    shoot(&browser, "oidc-4-account").await;

    browser.goto(&format!("{}/staff/confirm?to=/staff/account", served.url)).await.unwrap();
    shoot(&browser, "oidc-5-confirm").await;
    press(&browser, "form[action='/staff/confirm/provider'] button").await;
    until(&browser, "Sign-in").await;
    as_somebody(&browser, "jane+vault-hr").await;
    until(&browser, "Where you are signed in").await;
    browser.quit().await.unwrap();

    let browser = chrome.visit(Visitor { width: 360, ..Visitor::DESKTOP }).await;
    browser.goto(&sign_in).await.unwrap();
    press(&browser, PROVIDER).await;
    until(&browser, "Sign-in").await;
    as_somebody(&browser, "ann").await;
    until(&browser, "Authorize").await;
    press(&browser, "button[type=submit]").await;
    until(&browser, "none of your groups").await;
    shoot(&browser, "oidc-6-no-role-360").await;
    sound(&browser, &axe, "oidc-no-role").await;
    browser.quit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_provider_is_the_only_way_in_the_page_says_nothing_else() {
    let ((served, provider), chrome, axe) = (house(false).await, Chrome::start().await, axe());
    let browser = chrome.visit(Visitor { width: 360, ..Visitor::DESKTOP }).await;
    browser.goto(&format!("{}/staff/sign-in", served.url)).await.unwrap();
    assert!(browser.find(By::Name("password")).await.is_err());
    shoot(&browser, "oidc-7-alone-360").await;
    sound(&browser, &axe, "oidc-alone").await;
    // Out of reach: said in words, and the service goes on.
    drop(provider);
    press(&browser, PROVIDER).await;
    until(&browser, "cannot be reached").await;
    shoot(&browser, "oidc-8-away-360").await;
    sound(&browser, &axe, "oidc-away").await;
    browser.quit().await.unwrap();
}
