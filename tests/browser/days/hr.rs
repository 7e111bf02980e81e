//! Somebody who reads applications.

use reqwest::multipart::{Form, Part};

use super::{HOSTILE, PATIENCE, STEP, Worker, patiently, send};
use crate::chrome::{Chrome, Visitor};
use crate::served::Served;
use crate::{number, pdf};

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_somebody_who_reads_applications() {
    let (served, chrome) = (Served::start().await, Chrome::start().await);
    let ready = served.scratch().parent().unwrap().join("forms/answers/job-application");
    std::fs::create_dir_all(&ready).unwrap();
    std::fs::write(ready.join("invite.txt"), "An invitation\n\nDear {name},\ncan you come on Tuesday?\n").unwrap();
    let cv = pdf::document(1 << 16);
    let application = |name: &str, email: &str| {
        let file = Part::bytes(cv.clone()).file_name("x'><img src=x onerror=alert(1)>.pdf");
        let texts = [("name", name), ("email", email), ("vacancy", "ENG-2026-04"), ("letter", HOSTILE)];
        let sent = texts.into_iter().fold(Form::new(), |form, (field, text)| form.text(field, text.to_owned()));
        sent.part("cv", file)
    };
    // A vacancy of today, which the form offers from then on.
    let (hanna, _) = Worker::invited(&served, &chrome, Visitor::DESKTOP, "hanna", "hr").await;
    hanna.press(".bar a[href='/staff/vacancies']").await;
    hanna.put("#reference", "ENG-2026-04").await;
    hanna.put("#title-en", "Engineer <b>in Berlin</b>").await;
    hanna.enter("form[action='/staff/vacancies'] button").await;
    hanna.sees("Engineer <b>in Berlin</b>").await;
    hanna.is_text().await;
    let (jane, receipt) =
        send(&served, "job-application", application("Jane <b>Example</b>", "jane@example.org")).await;
    send(&served, "job-application", application("Omar Other", "omar@example.org")).await;

    hanna.goto("/staff").await;
    hanna.sees("2 in all, 2 unread, 0 mine").await;
    hanna.enter(".forms a[href*=job-application]").await;
    hanna.is_text().await;
    hanna.pick("status", "received").await;
    hanna.pick("seen", "false").await;
    hanna.enter("form[action='/staff/inbox'] button").await;
    hanna.sees("Jane <b>Example</b>").await;
    // A filter that none fits, and back.
    hanna.pick("status", "hired").await;
    hanna.press("form[action='/staff/inbox'] button").await;
    hanna.sees("Nothing here.").await;
    hanna.press(".views li:nth-child(2) a").await;

    hanna.enter(&format!(".lines a[href*='{jane}']")).await;
    let page = hanna.sees("jane@example.org").await;
    assert!(page.contains("onerror=\"document.title='hacked'\"") && page.contains("Received"), "{page}");
    assert!(page.contains("Engineer <b>in Berlin</b>"), "the vacancy is named as it was: {page}");
    hanna.is_text().await;
    let file = hanna.download(&chrome, "dl.answers a[download]", &served.scratch().join("hanna")).await;
    assert!(file == cv, "the CV that came down is the one that was sent");
    hanna.sees("A file that you download has left the vault.").await;
    // The same file as pictures, without it leaving.
    hanna.enter("dl.answers a[href*='/preview']").await;
    let page = hanna.sees("Page 1 of 1").await;
    assert!(page.contains("x'__img src=x onerror=alert(1)_.pdf"), "{page}");
    let drawn = "return [...document.images].filter(i => i.complete && i.naturalWidth > 100).length";
    let begun = std::time::Instant::now();
    while number(&hanna.browser, drawn).await != 1 {
        assert!(begun.elapsed() < PATIENCE, "no picture of the page");
        tokio::time::sleep(STEP).await;
    }
    let foreign = "return document.querySelectorAll(\"img:not([src^='/staff/record/']), [onerror]\").length";
    assert_eq!(number(&hanna.browser, foreign).await, 0);
    hanna.press(".back a").await;
    hanna.sees("jane@example.org").await;

    hanna.put("#note", &format!("Strong letter. {HOSTILE}")).await;
    hanna.enter("form[action$='/notes'] button").await;
    hanna.sees("Strong letter.").await;
    hanna.is_text().await;
    hanna.put("#labels", "urgent, berlin").await;
    hanna.press("button[value=labels]").await;
    hanna.sees("urgent").await;
    hanna.press("button[value=take]").await;
    hanna.sees("hanna (me)").await;
    hanna.pick("status", "interview").await;
    hanna.press("form[action$='/status'] button").await;
    hanna.sees("Undo: back to Received").await;
    hanna.press(".undo button").await;
    hanna.sees("Undo: back to Interview").await;
    assert_eq!(hanna.one("#status option[selected]").await.text().await.unwrap(), "Received");
    hanna.pick("status", "interview").await;
    hanna.press("form[action$='/status'] button").await;
    hanna.sees("Undo: back to Received").await;

    hanna.click("details.canned summary").await;
    hanna.enter("details.canned a").await;
    let text = patiently(async || Ok(hanna.one("#text").await.prop("value").await?.unwrap_or_default())).await;
    assert!(text.starts_with("Dear Jane <b>Example</b>,\ncan you come"), "{text}");
    hanna.press("form[action$='/messages'] button").await;
    let page = hanna.sees("hanna (HR)").await;
    assert!(page.contains("can you come on Tuesday?"), "{page}");
    hanna.is_text().await;

    // They are to be interviewed: the letter is proposed, changed, looked at, sent, and kept.
    hanna.enter("a[href*='letter=invitation']").await;
    hanna.sees("Invitation: ").await;
    hanna.put("#text", &format!("Dear Jane,\ncome on Tuesday at ten, gate 4.\n{HOSTILE}")).await;
    hanna.press("button[value=look]").await;
    hanna.sees("come on Tuesday at ten, gate 4.").await;
    hanna.is_text().await;
    hanna.press("button[value=send]").await;
    hanna.sees("Undo: back to Received").await;
    let page = hanna.sees("come on Tuesday at ten, gate 4.").await;
    assert!(page.contains("hanna (HR)"), "{page}");
    hanna.is_text().await;

    let record = hanna.path().await;
    hanna.press("a[href*='/print']").await;
    let page = hanna.sees("can you come on Tuesday?").await;
    assert!(page.contains("Jane <b>Example</b>"), "{page}");
    hanna.is_text().await;
    hanna.goto("/staff/inbox?form=job-application&assignee=me&label=berlin").await;
    hanna.sees("Interview").await;
    assert_eq!(hanna.browser.find_all(thirtyfour::By::Css(".lines tbody tr")).await.unwrap().len(), 1);
    hanna.goto(&record).await;
    hanna.sees("can you come on Tuesday?").await;
    hanna.leave(&["jane@example.org", "can you come on Tuesday?", "Omar"]).await;

    // The applicant finds the answer, and nothing of what colleagues wrote among themselves.
    let applicant = Worker::sit(&served, &chrome, Visitor::DESKTOP, "jane").await;
    applicant.goto("/my").await;
    applicant.put("#code", &receipt).await;
    applicant.press("main form button").await;
    applicant.sees("can you come on Tuesday?").await;
    applicant.sees("come on Tuesday at ten, gate 4.").await;
    applicant.is_text().await;
    applicant.never_shows(&["Strong letter", "urgent", "berlin"]).await;
    // Signed out, the address of the record leads to the sign-in.
    applicant.goto(&record).await;
    applicant.sees("Sign in").await;
    applicant.never_shows(&["jane@example.org"]).await;
    applicant.browser.quit().await.unwrap();
}
