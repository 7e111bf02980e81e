//! Somebody who reads applications.

use reqwest::multipart::{Form, Part};

use super::{HOSTILE, Worker, patiently, send};
use crate::chrome::{Chrome, Visitor};
use crate::pdf;
use crate::served::Served;

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_somebody_who_reads_applications() {
    let (served, chrome) = (Served::start().await, Chrome::start().await);
    let ready = served.scratch().parent().unwrap().join("forms/answers/job-application");
    std::fs::create_dir_all(&ready).unwrap();
    std::fs::write(ready.join("invite.txt"), "An invitation\n\nDear {name},\ncan you come on Tuesday?\n").unwrap();
    let cv = pdf::document(1 << 16);
    let application = |name: &str, email: &str| {
        let file = Part::bytes(cv.clone()).file_name("x'><img src=x onerror=alert(1)>.pdf");
        let texts = [("name", name), ("email", email), ("letter", HOSTILE)];
        let sent = texts.into_iter().fold(Form::new(), |form, (field, text)| form.text(field, text.to_owned()));
        sent.part("cv", file)
    };
    let (jane, receipt) =
        send(&served, "job-application", application("Jane <b>Example</b>", "jane@example.org")).await;
    send(&served, "job-application", application("Omar Other", "omar@example.org")).await;

    let (hanna, _) = Worker::invited(&served, &chrome, Visitor::DESKTOP, "hanna", "hr").await;
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
    hanna.is_text().await;
    let file = hanna.download(&chrome, "dl.answers a[download]", &served.scratch().join("hanna")).await;
    assert!(file == cv, "the CV that came down is the one that was sent");
    hanna.sees("A file that you download has left the vault.").await;

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
    applicant.never_shows(&["Strong letter", "urgent", "berlin"]).await;
    // Signed out, the address of the record leads to the sign-in.
    applicant.goto(&record).await;
    applicant.sees("Sign in").await;
    applicant.never_shows(&["jane@example.org"]).await;
    applicant.browser.quit().await.unwrap();
}
