//! The console, from the invitation to the way out, with every mistake that is told on the way. English only.

use std::fs;

use thirtyfour::prelude::*;

use super::{Found, Walk, axe};
use crate::chrome::{Chrome, Visitor};
use crate::served::Served;
use crate::staff::{PASSWORD, code_of};
use crate::{fill_in, form_page, page_text, pdf, submit};

/// Widths, light and dark.
const LOOKS: [(&str, u32, bool); 4] = [("en", 1280, false), ("en", 320, false), ("en", 1280, true), ("en", 320, true)];

/// Read for two purposes, so that one has to be picked.
const TWO: &str = r#"
id = "two-purposes"
version = 1
kind = "application"
title = "An application that is kept"
submit = "Send"
purposes = ["recruitment", "talent-pool"]
legal_basis = "Consent"
roles = ["hr"]
retention_days = 30
notice = "general"
summary = ["name"]
[[fields]]
name = "name"
label = "Name"
kind = "short-text"
required = true
"#;

pub(super) fn invitation(served: &Served, login: &str, role: &str) -> String {
    let link = served.cli(&["staff", "invite", login, "--role", role]).trim().to_owned();
    format!("{}{}", served.url, &link[link.find("/staff/").unwrap()..])
}

/// From an invitation to the console. Returns the recovery codes.
pub(super) async fn take_up(walk: &mut Walk<'_>, link: &str) -> Vec<String> {
    walk.browser.goto(link).await.unwrap();
    walk.look("staff-welcome").await;
    walk.put("new-password", "password1234").await;
    walk.put("again", "password1234").await;
    walk.mistake("main form button", "staff-welcome-mistake").await;
    walk.put("new-password", PASSWORD).await;
    walk.put("again", PASSWORD).await;
    walk.press("main form button", "staff-set-up").await;
    walk.put("code", "0").await;
    walk.mistake("main form button", "staff-set-up-mistake").await;
    let secret = walk.browser.find(By::Css(".big")).await.unwrap().text().await.unwrap();
    walk.put("code", &code_of(&secret)).await;
    walk.press("main form button", "staff-recovery").await;
    let mut codes = Vec::new();
    for code in walk.browser.find_all(By::Css(".recovery li")).await.unwrap() {
        codes.push(code.text().await.unwrap());
    }
    codes
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_in_the_console() {
    let (axe, chrome) = (axe(), Chrome::start().await);
    let free = [("LETTERLOCK_LIMITS__AUTH_FAILURES_PER_MINUTE", "0")];
    let served = Served::with_settings(&[("two.toml", TWO)], &free).await;
    let cv = served.scratch().join("cv.pdf");
    fs::write(&cv, pdf::document(1 << 16)).unwrap();
    let applicant = chrome.visit(Visitor::DESKTOP).await;
    for (n, page) in
        [form_page(&served), form_page(&served), format!("{}/f/two-purposes", served.url)].iter().enumerate()
    {
        applicant.goto(page).await.unwrap();
        match n {
            2 => applicant.find(By::Name("name")).await.unwrap().send_keys("Jane Example").await.unwrap(),
            _ => fill_in(&applicant, &cv).await,
        }
        submit(&applicant).await;
    }
    applicant.quit().await.unwrap();

    let mut found = Found::default();
    for (n, look) in LOOKS.into_iter().enumerate() {
        let login = format!("hanna{n}");
        let mut walk = Walk::start(&chrome, &axe, look, &mut found).await;
        let at = |path: &str| format!("{}{path}", served.url);
        let codes = take_up(&mut walk, &invitation(&served, &login, "hr")).await;
        walk.press("a.button", "staff-home").await;
        walk.press(".forms a[href*=job-application]", "staff-inbox").await;
        walk.browser.find(By::Css("#status option[value=offer]")).await.unwrap().click().await.unwrap();
        walk.press(".filters button", "staff-inbox-nothing").await;
        walk.browser.goto(&at("/staff/inbox?form=two-purposes")).await.unwrap();
        walk.look("staff-inbox-purposes").await;
        let record = walk.browser.find(By::Css(".lines a")).await.unwrap().attr("href").await.unwrap().unwrap();
        walk.browser.goto(&at(record.split('?').next().unwrap())).await.unwrap();
        walk.look("staff-ask-purpose").await;
        walk.browser.find(By::Name("purpose")).await.unwrap().click().await.unwrap();
        walk.press("main form button", "staff-record-short").await;

        walk.browser.goto(&at("/staff/inbox?form=job-application")).await.unwrap();
        walk.press(".lines tr:nth-child(2) a", "staff-record").await;
        let send = "form[action$='/messages'] button";
        walk.mistake(send, "staff-record-mistake").await;
        walk.put("text", "Thank you, Jane. Can you come on Tuesday?").await;
        walk.press(send, "staff-record-answered").await;

        walk.browser.goto(&at("/staff/account")).await.unwrap();
        walk.look("staff-account").await;
        walk.put("email", "hanna@").await;
        walk.mistake("form[action$='/email'] button", "staff-account-email").await;
        walk.put("email", "hanna@example.org").await;
        walk.press("form[action$='/email'] button", "staff-account-email-set").await;
        let change = "form[action$='/password'] button";
        walk.mistake(change, "staff-account-mistake").await;
        walk.put("password", PASSWORD).await;
        walk.put("new-password", "short").await;
        walk.put("again", "short").await;
        walk.mistake(change, "staff-account-short").await;
        walk.mistake("form[action$='/recovery'] button", "staff-account-recovery").await;
        walk.browser.find(By::Id("recovery-password")).await.unwrap().send_keys(PASSWORD).await.unwrap();
        walk.press("form[action$='/recovery'] button", "staff-recovery-again").await;
        let fresh = walk.browser.find_all(By::Css(".recovery li")).await.unwrap();
        let fresh = fresh[0].text().await.unwrap();
        assert!(!codes.contains(&fresh));
        walk.browser.goto(&at("/staff/record/no-such")).await.unwrap();
        walk.look("staff-not-found").await;
        walk.browser.goto(&at("/staff")).await.unwrap();
        walk.press(".bar button", "staff-signed-out").await;

        walk.press("a.button", "staff-sign-in").await;
        walk.put("login", &login).await;
        walk.put("password", "a wrong one").await;
        walk.mistake("main form button", "staff-sign-in-mistake").await;
        walk.put("login", &login).await;
        walk.put("password", PASSWORD).await;
        walk.press("main form button", "staff-code").await;
        walk.put("code", "000000").await;
        walk.mistake("main form button", "staff-code-mistake").await;
        walk.put("code", &fresh).await;
        walk.press("main form button", "staff-account-by-recovery").await;
        let change = "form[action$='/password'] button";
        walk.browser.find(By::Id("password")).await.unwrap().send_keys(PASSWORD).await.unwrap();
        walk.put("new-password", "green stork sells rope").await;
        walk.put("again", "green stork sells rope").await;
        walk.press(change, "staff-sign-in-again").await;
        assert!(page_text(&walk.browser).await.contains("Your password is changed"));
        walk.end().await;
    }
    // Who reads nothing.
    let mut walk = Walk::start(&chrome, &axe, LOOKS[1], &mut found).await;
    take_up(&mut walk, &invitation(&served, "adam", "admin")).await;
    walk.press("a.button", "staff-home-reads-nothing").await;
    walk.browser.goto(&format!("{}/staff/account", served.url)).await.unwrap();
    walk.press("form[action='/clear'] button", "staff-cleared").await;
    walk.end().await;
    found.is_good("the console", 4 * 29 + 7);
}
