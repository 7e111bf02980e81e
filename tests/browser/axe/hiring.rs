//! Vacancies and guests, from the opening of a vacancy to what a hiring manager sees of an application for it. English only.

use std::fs;

use thirtyfour::prelude::*;

use super::console::{invitation, take_up};
use super::{Found, Walk, axe};
use crate::chrome::{Chrome, Visitor};
use crate::served::Served;
use crate::{fill_in, form_page, page_text, pdf, shoot, submit};

/// Widths, light and dark.
const LOOKS: [(&str, u32, bool); 2] = [("en", 1280, true), ("en", 320, false)];

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_nothing_where_vacancies_are_opened_and_guests_let_in() {
    let (axe, chrome) = (axe(), Chrome::start().await);
    let served = Served::with_settings(&[], &[]).await;
    let cv = served.scratch().join("cv.pdf");
    fs::write(&cv, pdf::document(1 << 16)).unwrap();
    let mut found = Found::default();
    for (n, look) in LOOKS.into_iter().enumerate() {
        let at = |path: &str| format!("{}{path}", served.url);
        let guest = format!("gus{n}");
        let mut gus = Walk::start(&chrome, &axe, look, &mut found).await;
        take_up(&mut gus, &invitation(&served, &guest, "guest")).await;
        gus.press("a.button", "guest-home-empty").await;
        gus.end().await;

        let mut walk = Walk::start(&chrome, &axe, look, &mut found).await;
        take_up(&mut walk, &invitation(&served, &format!("hanna{n}"), "hr")).await;
        walk.press("a.button", "hr-home").await;
        walk.press(".bar a[href='/staff/vacancies']", "vacancies-none").await;
        walk.put("reference", "no spaces please").await;
        walk.put("title-en", "Bridge engineer").await;
        walk.mistake("main form button", "vacancies-mistake").await;
        walk.put("reference", &format!("ENG-{n}")).await;
        walk.put("title-de", "Brückenbauingenieurin").await;
        walk.put("place", "Leeds").await;
        walk.put("about", "You build bridges.\nWe build you one.").await;
        walk.press("main form button", "vacancies-one").await;
        shoot(&walk.browser, &format!("hiring-{n}-vacancies")).await;
        walk.press("section[aria-labelledby=open] li a", "vacancy").await;
        shoot(&walk.browser, &format!("hiring-{n}-vacancy")).await;
        walk.put("title-en", " ").await;
        walk.mistake("main form button[value=change]", "vacancy-mistake").await;
        walk.browser.goto(&form_page(&served)).await.unwrap();
        walk.browser.execute("document.querySelectorAll('details').forEach(d => d.open = true)", vec![]).await.unwrap();
        walk.look("form-with-vacancies").await;
        let applicant = chrome.visit(Visitor::DESKTOP).await;
        applicant.goto(&form_page(&served)).await.unwrap();
        applicant.find(By::Css(format!("option[value='ENG-{n}']"))).await.unwrap().click().await.unwrap();
        fill_in(&applicant, &cv).await;
        submit(&applicant).await;
        applicant.quit().await.unwrap();

        walk.browser.goto(&at("/staff/inbox?form=job-application")).await.unwrap();
        walk.press(".lines tr:first-child a", "record-with-guests").await;
        assert!(page_text(&walk.browser).await.contains("Bridge engineer, Leeds"));
        let admit = "form[action$='/guests'] button";
        walk.mistake(admit, "record-guest-mistake").await;
        walk.browser.find(By::Css(format!("#guest option[value='{guest}']"))).await.unwrap().click().await.unwrap();
        walk.put("reason", "Would she fit in?").await;
        walk.press(admit, "record-guest-let-in").await;
        shoot(&walk.browser, &format!("hiring-{n}-record")).await;
        let record = walk.browser.current_url().await.unwrap();
        for letter in ["invitation", "rejection"] {
            let letter = format!("{}/letter?letter={letter}&purpose=recruitment", record.path());
            walk.browser.goto(&at(&letter)).await.unwrap();
            walk.look("letter").await;
        }
        walk.put("text", "Dear Jane,\n\nplease come on <b>Monday</b>.").await;
        walk.press("button[value=look]", "letter-as-mail").await;
        shoot(&walk.browser, &format!("hiring-{n}-letter")).await;
        walk.press("button[value=send]", "record-with-letter").await;
        assert!(page_text(&walk.browser).await.contains("please come on <b>Monday</b>."));
        walk.end().await;

        // By keyboard alone: the guest follows the one link of their first page and writes a note.
        let mut gus = Walk::start(&chrome, &axe, look, &mut found).await;
        let link = served.cli(&["staff", "recover", &guest]).trim().to_owned();
        take_up(&mut gus, &format!("{}{}", served.url, &link[link.find("/staff/").unwrap()..])).await;
        gus.press("a.button", "guest-home").await;
        gus.browser
            .find(By::Css("section[aria-labelledby=lent] a"))
            .await
            .unwrap()
            .send_keys(Key::Enter + "")
            .await
            .unwrap();
        gus.look("guest-record").await;
        shoot(&gus.browser, &format!("hiring-{n}-guest")).await;
        let text = page_text(&gus.browser).await;
        assert!(text.contains("Not shown to guests") && !text.contains("Would she fit in?"), "{text}");
        gus.mistake("form[action$='/notes'] button", "guest-note-mistake").await;
        gus.put("note", "She would.").await;
        gus.press("form[action$='/notes'] button", "guest-note").await;
        gus.browser.goto(&format!("{}{}/print?purpose=recruitment", served.url, record.path())).await.unwrap();
        gus.look("guest-print").await;
        gus.end().await;
    }
    found.is_good("vacancies and guests", 2 * 30);
}
