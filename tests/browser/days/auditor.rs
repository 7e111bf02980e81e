//! Somebody who follows what others do, and sees nothing of what people sent.

use reqwest::multipart::{Form, Part};

use super::{HOSTILE, PLAIN, Worker, send};
use crate::chrome::{Chrome, Visitor};
use crate::pdf;
use crate::served::{Served, client};
use crate::verifier;

/// What an applicant sent; an auditor comes across none of it.
const NEVER: [&str; 4] = ["jane@example.org", "Example", "A letter of mine", "cv-of-jane"];

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_an_auditor() {
    let (served, chrome) = (Served::start().await, Chrome::start().await);
    let sent = Form::new()
        .text("name", "Jane Example")
        .text("email", "jane@example.org")
        .text("letter", format!("A letter of mine. {HOSTILE}"))
        .part("cv", Part::bytes(pdf::document(1 << 14)).file_name("cv-of-jane.pdf"));
    let (jane, _) = send(&served, "job-application", sent).await;
    let (hanna, _) = Worker::invited(&served, &chrome, PLAIN, "hanna", "hr").await;
    let record = format!("/staff/record/{jane}?purpose=recruitment");
    hanna.goto(&record).await;
    let page = hanna.sees("Example").await;
    let person = page.rsplit_once("Person\n").unwrap().1[..26].to_owned();
    hanna.put("#note", "A note of mine.").await;
    hanna.press("form[action$='/notes'] button").await;
    hanna.browser.quit().await.unwrap();

    let (ada, _) = Worker::invited(&served, &chrome, Visitor::DESKTOP, "ada", "auditor").await;
    let clean = async |ada: &Worker| {
        ada.never_shows(&NEVER).await;
        ada.never_shows(&["A note of mine", HOSTILE]).await;
        ada.is_text().await;
    };
    ada.sees("Your role reads no submissions.").await;
    ada.enter(".bar a[href='/staff/audit']").await;
    ada.sees("Read submission").await;
    clean(&ada).await;

    // What was done, a member of staff, a person, a submission.
    ada.pick("action", "write-note").await;
    ada.press("form.filters[aria-label='What is shown'] button").await;
    ada.sees("hanna").await;
    assert_eq!(rows(&ada).await, 1);
    clean(&ada).await;
    ada.goto("/staff/audit").await;
    ada.put("#actor", "staff:hanna").await;
    ada.enter("form.filters[aria-label='What is shown'] button").await;
    let page = ada.sees("For: Recruitment").await;
    assert!(rows(&ada).await >= 3 && !page.contains("Whoever sent it"), "{page}");
    clean(&ada).await;
    ada.press(&format!(".trail a[href*='person={person}']")).await;
    ada.sees("Show all").await;
    assert!(ada.path().await.contains(&person) && rows(&ada).await >= 3);
    ada.press(&format!(".trail a[href*='record={jane}']")).await;
    assert!(ada.path().await.contains(&jane) && rows(&ada).await >= 3);
    clean(&ada).await;
    ada.put("#actor", "nobody in particular").await;
    ada.press("form.filters[aria-label='What is shown'] button").await;
    ada.sees("staff:jane.doe").await;

    ada.goto("/staff/audit").await;
    ada.sees("Not checked since the service came up.").await;
    ada.enter("form[action='/staff/audit/verification'] button").await;
    ada.sees("whole and in order").await;
    clean(&ada).await;

    // Taken along, and checked elsewhere with the public key alone.
    let folder = served.scratch();
    let file = ada.download(&chrome, "form[action='/staff/audit/export'] button", &folder.join("export")).await;
    let text = String::from_utf8(file).unwrap();
    assert!(text.lines().count() > 10 && NEVER.iter().all(|never| !text.contains(never)), "{text}");
    let key = client().get(format!("{}/.well-known/letterlock-audit-key", served.url)).send().await.unwrap();
    let key = key.text().await.unwrap().trim().to_owned();
    let checks = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        verifier::run(&[key.clone(), path.to_str().unwrap().to_owned()])
    };
    assert_eq!(checks("good", &text), 0, "the export is found good");
    assert_eq!(checks("bad", &text.replacen("hanna", "henna", 1).replacen("\"seq\":3", "\"seq\":4", 1)), 1);
    let proof = ada.download(&chrome, ".trail tbody tr:nth-child(3) th a", &folder.join("proof")).await;
    assert_eq!(checks("proof.json", std::str::from_utf8(&proof).unwrap()), 0);

    // What is read across regions is hers to see; a submission is not, and it is said kindly.
    ada.press(".bar a[href='/staff/transfers']").await;
    clean(&ada).await;
    for path in [&record, &format!("/staff/record/{jane}/print?purpose=recruitment")] {
        ada.goto(path).await;
        ada.sees("There is nothing here, or nothing that you may see.").await;
        clean(&ada).await;
        ada.press("a.button[href='/staff']").await;
        ada.sees("Your role reads no submissions.").await;
    }
    for path in ["/staff/inbox", "/staff/search"] {
        ada.goto(path).await;
        clean(&ada).await;
    }
    ada.goto("/staff").await;
    ada.leave(&NEVER).await;
}

async fn rows(worker: &Worker) -> i64 {
    crate::number(&worker.browser, "return document.querySelectorAll('.trail tbody tr').length").await
}
