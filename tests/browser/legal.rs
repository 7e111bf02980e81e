//! Reading under a legal basis, in a real browser without scripts: from the page of a submission to the request, its approval and the
//! reading; and each page looked at.

use thirtyfour::prelude::*;

use crate::chrome::{Chrome, Visitor};
use crate::served::{Served, client};
use crate::support::{application, pdf};
use crate::work::{invite, is_text, looked_at, sign_in};
use crate::{page_text, press, shoot};

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_under_a_legal_basis_is_asked_for_approved_and_done() {
    let served = Served::start().await;
    let chrome = Chrome::start().await;
    let at = |path: &str| format!("{}{path}", served.url);
    for n in 0..2 {
        let url = at("/api/v1/forms/job-application/submissions");
        let form = application("jane@example.org", &pdf(4000, n));
        assert_eq!(client().post(url).multipart(form).send().await.unwrap().status(), 201);
    }
    let plain = Visitor { javascript: false, ..Visitor::DESKTOP };
    let pia = chrome.visit(plain).await;
    let codes = invite(&served, &pia, "pia", "privacy").await;
    let paul = chrome.visit(plain).await;
    invite(&served, &paul, "paul", "privacy").await;

    // From the page of a submission: whom it is about is filled in.
    pia.goto(&at("/staff/inbox?form=job-application")).await.unwrap();
    press(&pia, "a[href^='/staff/record/']").await;
    let back = pia.current_url().await.unwrap().to_string();
    press(&pia, "a[href*='#ask-reading']").await;
    shoot(&pia, "legal-ask").await;
    let person = pia.find(By::Id("subject")).await.unwrap();
    assert_eq!(person.value().await.unwrap().unwrap().len(), 26);
    pia.find(By::Css("#basis option[value='legal-obligation']")).await.unwrap().click().await.unwrap();
    pia.find(By::Id("reference")).await.unwrap().send_keys("12 C 345/26").await.unwrap();
    let why = "The court has ordered us to say what was sent to us.";
    pia.find(By::Id("why-reading")).await.unwrap().send_keys(why).await.unwrap();
    press(&pia, "form:has(#why-reading) button").await;
    assert!(page_text(&pia).await.contains("Waits for another person"), "{}", page_text(&pia).await);
    paul.goto(&at("/staff/requests")).await.unwrap();
    shoot(&paul, "legal-decide").await;
    press(&paul, "form[action$='/approval'] button").await;
    assert!(page_text(&paul).await.contains("Approved by paul"), "{}", page_text(&paul).await);

    // She is offered it where she opens one, and reads.
    let record = back.split('?').next().unwrap();
    pia.goto(record).await.unwrap();
    shoot(&pia, "legal-purpose").await;
    pia.find(By::Css("input[value='legal-basis']")).await.unwrap().click().await.unwrap();
    press(&pia, "main form button").await;
    let text = page_text(&pia).await;
    assert!(text.contains("by what two people agreed on") && text.contains("12 C 345/26"), "{text}");

    let mut told = Vec::new();
    for (n, (width, dark)) in [(360, false), (360, true), (1440, false), (1440, true)].into_iter().enumerate() {
        let browser = chrome.visit(Visitor { width, dark, javascript: true }).await;
        sign_in(&browser, &served, "pia", &codes[n]).await;
        for (page, url, title) in [
            ("requests", at("/staff/requests"), "End it"),
            ("purpose", record.to_owned(), "12 C 345/26"),
            ("record", format!("{record}?purpose=legal-basis"), "by what two people agreed on"),
        ] {
            browser.goto(&url).await.unwrap();
            assert!(page_text(&browser).await.contains(title));
            is_text(&browser, page).await;
            let name = format!("legal-{page}-{width}-{}", if dark { "dark" } else { "light" });
            told.extend(looked_at(&browser, &name, width).await);
        }
        browser.quit().await.unwrap();
    }
    assert!(told.is_empty(), "{told:#?}");

    // Ended by the one who approved it: the page that is open opens nothing any more.
    paul.goto(&at("/staff/requests")).await.unwrap();
    press(&paul, "form[action$='/refusal'] button").await;
    pia.goto(&format!("{record}?purpose=legal-basis")).await.unwrap();
    assert!(page_text(&pia).await.contains("What do you open it for?"), "{}", page_text(&pia).await);
    pia.quit().await.unwrap();
    paul.quit().await.unwrap();
}
