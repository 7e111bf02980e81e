//! Somebody who answers requests, and the colleague who stands in.

use reqwest::multipart::{Form, Part};
use thirtyfour::prelude::*;

use super::{HOSTILE, PLAIN, Worker, patiently, send};
use crate::chrome::{Chrome, Visitor};
use crate::pdf;
use crate::served::Served;

/// Support sees neither the date of birth nor the passport.
const MASKED: &str = include_str!("../../support/masked.toml");
/// Of three who move in.
const BORN: &str = "1990-04-03";

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_somebody_who_answers_requests() {
    // Three submissions may be opened before one is asked why.
    let settings = [("LETTERLOCK_READING__MOST", "3"), ("LETTERLOCK_TEAMS", "desk: sue tom")];
    let served = Served::with_settings(&[("move.toml", MASKED)], &settings).await;
    let chrome = Chrome::start().await;
    let mut ids = Vec::new();
    for n in 0..4 {
        let file = |name: &str| Part::bytes(pdf::document(1 << 14)).file_name(name.to_owned());
        let sent = Form::new()
            .text("email", format!("mover{n}@example.org"))
            .text("message", format!("Mover {n} has lost the keys to the Cellar. {HOSTILE}"))
            .text("birth", BORN)
            .part("passport", file("passport.pdf"))
            .part("letter", file("letter.pdf"));
        ids.push(send(&served, "move", sent).await.0);
    }

    // Without scripts.
    let (sue, _) = Worker::invited(&served, &chrome, PLAIN, "sue", "support").await;
    let (tom, _) = Worker::invited(&served, &chrome, Visitor::DESKTOP, "tom", "support").await;
    sue.press(".forms a[href*='form=move']").await;
    let page = sue.sees("Not shown to your role: Date of birth").await;
    assert!(page.contains("Mover 3 has lost"), "{page}");
    sue.never_shows(&[BORN]).await;
    sue.enter(&format!(".lines a[href*='{}']", ids[0])).await;
    let page = sue.sees("Mover 0 has lost the keys").await;
    for masked in ["Date of birth", "Passport"] {
        let at = page.find(masked).unwrap_or_else(|| panic!("{masked} is not named: {page}"));
        assert!(page[at..].split('\n').nth(1).unwrap().starts_with("Not shown to your role"), "{page}");
    }
    assert!(page.contains("letter.pdf"), "{page}");
    sue.never_shows(&[BORN, "passport.pdf"]).await;
    sue.is_text().await;

    sue.put("#text", "We have sent somebody with a spare key.").await;
    sue.enter("form[action$='/messages'] button").await;
    sue.sees("sue (Support)").await;
    assert_eq!(sue.one("#status option[selected]").await.text().await.unwrap(), "Answered", "by the answer itself");
    sue.pick("status", "closed").await;
    sue.press("form[action$='/status'] button").await;
    sue.sees("Undo: back to Answered").await;
    sue.put("#labels", "keys").await;
    sue.press("button[value=labels]").await;
    sue.press("button[value=take]").await;
    sue.sees("sue (me)").await;

    // A view that is kept, and used again from the desk.
    sue.goto("/staff/inbox?form=move").await;
    sue.pick("label", "keys").await;
    sue.press("form[action='/staff/inbox'] button").await;
    sue.click(".keep summary").await;
    sue.put("#view-name", "Lost keys").await;
    sue.enter("button[value=keep]").await;
    sue.goto("/staff/desk").await;
    sue.press(".held a").await;
    assert!(sue.path().await.contains("label=keys"), "{}", sue.path().await);
    assert_eq!(sue.browser.find_all(By::Css(".lines tbody tr")).await.unwrap().len(), 1);

    // Search, without the script and with it. What is masked is not found, nor told by finding nothing else.
    sue.press(".bar a[href='/staff/search']").await;
    sue.put("#words", "cellar 'MOVER 2'").await;
    for (words, found) in [("cellar", "4 found."), (BORN, "Nothing was found."), ("mover2@", "1 found.")] {
        sue.put("#words", words).await;
        sue.press("#search button[type=submit]").await;
        sue.sees(found).await;
        sue.never_shows(&["passport.pdf"]).await;
        sue.is_text().await;
    }
    tom.press(".bar a[href='/staff/search']").await;
    for (words, found) in [("KEYS mover", "4 found."), (BORN, "Nothing was found."), ("mover3@", "1 found.")] {
        tom.put("#words", words).await;
        tom.keys("#words", "\u{e007}").await;
        patiently(async || {
            let state = tom.browser.find(By::Id("state")).await?.text().await?;
            if state.starts_with(found) { Ok(()) } else { Err(tom.browser.find(By::Css("no-such")).await.unwrap_err()) }
        })
        .await;
        tom.is_text().await;
    }

    // More than usual: one is asked why, says so, and goes on where one was.
    for id in &ids[1..3] {
        sue.goto(&format!("/staff/record/{id}?purpose=moving")).await;
        sue.sees("has lost the keys").await;
    }
    let last = format!("/staff/record/{}", ids[3]);
    sue.goto(&format!("{last}?purpose=moving")).await;
    sue.sees("please say why").await;
    sue.never_shows(&["mover3@"]).await;
    sue.put("#reason", "The cellar was flooded, and everybody writes.").await;
    sue.enter("main form button").await;
    sue.goto(&format!("{last}?purpose=moving")).await;
    sue.sees("Mover 3 has lost").await;

    // Away: what is hers goes to Tom.
    sue.press(".bar a[href='/staff/desk']").await;
    sue.pick("stand-in", "tom").await;
    sue.press("form[action$='/absence'] button").await;
    sue.sees("You are absent. tom stands in.").await;
    sue.pick("to", "tom").await;
    sue.press("form[action$='/hand-over'] button").await;
    sue.sees("1 handed over.").await;
    tom.goto("/staff/inbox?form=move&assignee=me").await;
    tom.sees("tom (me)").await;
    tom.press(".lines a").await;
    let page = tom.sees("We have sent somebody with a spare key.").await;
    assert!(page.contains("said whose it is") || tom.has("details .history").await, "{page}");
    tom.leave(&["Mover 0", "spare key"]).await;
    sue.press("form[action$='/absence'] button").await;
    sue.sees("You are there.").await;
    sue.leave(&["Mover", "spare key", BORN]).await;
}
