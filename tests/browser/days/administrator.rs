//! Somebody who looks after accounts and the service, and reads no submissions.

use reqwest::multipart::{Form, Part};
use thirtyfour::prelude::*;

use super::{HOSTILE, PLAIN, Worker, send};
use crate::chrome::{Chrome, Visitor};
use crate::pdf;
use crate::served::{Served, client};

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_an_administrator() {
    let (served, chrome) = (Served::start().await, Chrome::start().await);
    let sent = Form::new()
        .text("name", "Jane Example")
        .text("email", "jane@example.org")
        .text("letter", HOSTILE)
        .part("cv", Part::bytes(pdf::document(1 << 14)).file_name("cv-of-jane.pdf"));
    let (jane, _) = send(&served, "job-application", sent).await;
    let never = ["jane@example.org", "Jane Example", "cv-of-jane"];

    let (anna, codes) = Worker::invited(&served, &chrome, Visitor::DESKTOP, "anna", "admin").await;
    anna.sees("Your role reads no submissions.").await;
    // Somebody new, who takes the invitation up.
    anna.enter(".bar a[href='/staff/people']").await;
    anna.put("#login", "hanna").await;
    anna.keys("#invite-hr", " ").await;
    anna.enter("form[action='/staff/people/invitations'] button").await;
    let page = anna.sees("/staff/welcome/").await;
    let link = page.split_whitespace().find(|word| word.contains("/staff/welcome/")).unwrap();
    let path = link[link.find("/staff/").unwrap()..].to_owned();
    let hanna = Worker::sit(&served, &chrome, PLAIN, "hanna").await;
    hanna.take_up(&path).await;
    hanna.goto(&format!("/staff/record/{jane}?purpose=recruitment")).await;
    hanna.sees("jane@example.org").await;

    // Other roles take two: Anna asks, Ben approves, Anna does it; Hanna is signed out by that.
    let (ben, _) = Worker::invited(&served, &chrome, PLAIN, "ben", "admin").await;
    anna.press(".bar a[href='/staff/requests']").await;
    anna.put("#login", "hanna").await;
    anna.keys("#role-support", " ").await;
    anna.put("#why-roles", &format!("She moves to the support team. {HOSTILE}")).await;
    anna.enter("form:has(#why-roles) button").await;
    anna.sees("She moves to the support team.").await;
    anna.is_text().await;
    ben.press(".bar a[href='/staff/requests']").await;
    ben.sees("She moves to the support team.").await;
    ben.enter("form[action$='/approval'] button").await;
    ben.sees("Approved by ben").await;
    anna.goto("/staff/requests").await;
    anna.enter("form[action$='/use'] button").await;
    hanna.goto("/staff").await;
    hanna.one("#login").await;
    anna.press(".bar a[href='/staff/people']").await;
    let page = anna.sees("hanna").await;
    let at = page.find("\nhanna\n").unwrap();
    assert!(page[at..].split("\n").take(4).any(|line| line == "Support"), "{page}");

    // A token for a program, which ends.
    anna.put("#program", "statistics").await;
    anna.put("#days", "30").await;
    anna.click("#token-support").await;
    anna.press("form[action='/staff/people/tokens'] button").await;
    let token = anna.sees("llt_").await.split_whitespace().find(|word| word.starts_with("llt_")).unwrap().to_owned();
    let list = format!("{}/api/v1/submissions?form=support-request", served.url);
    let ask = async || client().get(&list).bearer_auth(&token).send().await.unwrap().status().as_u16();
    assert_eq!(ask().await, 200);
    anna.goto("/staff/people").await;
    anna.enter("form[action='/staff/people/tokens/revocation'] button").await;
    anna.sees("statistics").await;
    assert_eq!(ask().await, 401, "a token that is revoked opens nothing");

    // Signed in elsewhere too, and ended from here.
    let elsewhere = Worker::sit(&served, &chrome, PLAIN, "anna").await;
    elsewhere.sign_in(&codes[0]).await;
    anna.goto("/staff/account").await;
    anna.enter("form[action$='/end'] button").await;
    elsewhere.goto("/staff").await;
    elsewhere.one("#login").await;
    elsewhere.browser.quit().await.unwrap();

    // Somebody who has left.
    anna.goto("/staff/people").await;
    anna.click("li:has(#end-hanna) details summary").await;
    anna.click("#end-hanna").await;
    anna.press("form:has(#end-hanna) button").await;
    anna.sees("hanna").await;
    assert!(!anna.has("#end-hanna").await);
    hanna.put("#login", "hanna").await;
    hanna.put("#password", crate::staff::PASSWORD).await;
    hanna.press("main form button").await;
    hanna.sees("do not fit together").await;
    hanna.browser.quit().await.unwrap();

    // The service, and what its forms ask; what people sent is not hers to see.
    anna.press(".bar a[href='/staff/health']").await;
    anna.sees("needs attention").await;
    anna.press(".bar a[href='/staff/forms']").await;
    anna.click("details summary").await;
    anna.sees("Curriculum vitae").await;
    for path in [
        format!("/staff/record/{jane}?purpose=recruitment"),
        format!("/staff/record/{jane}/print?purpose=recruitment"),
        format!("/staff/record/{jane}/files/0?purpose=recruitment"),
        "/staff/inbox?form=job-application".to_owned(),
    ] {
        anna.goto(&path).await;
        anna.sees("There is nothing here, or nothing that you may see.").await;
        anna.never_shows(&never).await;
        anna.press("a.button[href='/staff']").await;
    }
    assert_eq!(anna.browser.find_all(By::Css(".bar a[href='/staff/inbox']")).await.unwrap().len(), 0);
    ben.leave(&["She moves to the support team."]).await;
    anna.leave(&["She moves to the support team.", "jane@example.org"]).await;
}
