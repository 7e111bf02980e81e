//! Each page of the console, narrow and wide, light and dark: it fits, nothing that was typed is a part of it, and a picture of it
//! is kept in `target/screenshots` for people to look at.

use std::collections::BTreeSet;

use reqwest::multipart::{Form, Part};
use serde_json::json;

use super::{HOSTILE, PLAIN, Worker, send};
use crate::chrome::{Chrome, Visitor};
use crate::served::{Served, client};
use crate::{number, pdf, shoot};

/// Width, and whether dark. The first two in every run, all of them at length (`LETTERLOCK_TEST_DEEP`).
const LOOKS: [(u32, bool); 4] = [(360, true), (1440, false), (360, false), (1440, true)];

/// What each page is called, and where it is; for an account that reads, one that watches over it, and one that looks after it.
const READS: [(&str, &str); 10] = [
    ("home", "/staff"),
    ("inbox", "/staff/inbox?form=job-application"),
    ("inbox-filtered", "/staff/inbox?form=job-application&status=interview&all=1"),
    ("search", "/staff/search"),
    ("desk", "/staff/desk"),
    ("results", "/staff/results"),
    ("export", "/staff/requests/export?form=job-application"),
    ("reason", "/staff/reason"),
    ("vacancies", "/staff/vacancies"),
    ("account", "/staff/account"),
];
const WATCHES: [(&str, &str); 8] = [
    ("privacy-home", "/staff"),
    ("audit", "/staff/audit"),
    ("transfers", "/staff/transfers"),
    ("alerts", "/staff/alerts"),
    ("requests", "/staff/requests"),
    ("erasure", "/staff/erasure"),
    ("forms", "/staff/forms"),
    ("no-such", "/staff/record/aaaaaaaaaaaaaaaaaaaaaaaaaa"),
];
const KEEPS: [(&str, &str); 5] = [
    ("admin-home", "/staff"),
    ("people", "/staff/people"),
    ("health", "/staff/health"),
    ("admin-requests", "/staff/requests"),
    ("confirm", "/staff/confirm"),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_page_of_the_console_fits_narrow_and_wide_light_and_dark() {
    let free = [("LETTERLOCK_LIMITS__AUTH_FAILURES_PER_MINUTE", "0")];
    let (served, chrome) = (Served::with_settings(&[], &free).await, Chrome::start().await);
    let record = filled(&served).await;
    let mut accounts = Vec::new();
    for (login, roles, pages) in [
        ("bartholomew.featherstonehaugh", "hr,support,marketing", READS.as_slice()),
        ("penelope", "privacy,auditor", WATCHES.as_slice()),
        ("anna", "admin", KEEPS.as_slice()),
    ] {
        let (worker, codes) = Worker::invited(&served, &chrome, PLAIN, login, roles).await;
        worked(&worker, &record, roles).await;
        worker.browser.quit().await.unwrap();
        accounts.push((login, codes, pages));
    }
    let mut told = BTreeSet::new();
    let mut pages_seen = 0;
    let looks = if std::env::var_os("LETTERLOCK_TEST_DEEP").is_some() { &LOOKS[..] } else { &LOOKS[..2] };
    for (n, (width, dark)) in looks.iter().copied().enumerate() {
        let worker = Worker::sit(&served, &chrome, Visitor { width, dark, ..Visitor::DESKTOP }, "").await;
        let mut look = async |page: &str| {
            let open = "document.querySelectorAll('details').forEach(d => d.open = true)";
            worker.browser.execute(open, vec![]).await.unwrap();
            worker.is_text().await;
            let wide = number(&worker.browser, "return document.documentElement.scrollWidth").await;
            let name = format!("days-{width}-{}-{page}", if dark { "dark" } else { "light" });
            if wide > i64::from(width) {
                told.insert(format!("{name}: {wide} pixels wide"));
            }
            // As long as the page is.
            let high = number(&worker.browser, "return document.documentElement.scrollHeight").await;
            chrome.resize(&worker.browser, width, high).await;
            shoot(&worker.browser, &name).await;
            chrome.resize(&worker.browser, width, 1600).await;
            pages_seen += 1;
        };
        for (login, codes, pages) in &accounts {
            let worker =
                &Worker { login: (*login).to_owned(), browser: worker.browser.clone(), url: worker.url.clone() };
            worker.goto("/staff/sign-in").await;
            if *login == "anna" {
                look("sign-in").await;
            }
            worker.put("#login", login).await;
            worker.put("#password", crate::staff::PASSWORD).await;
            worker.press("main form button").await;
            if *login == "anna" {
                look("code").await;
            }
            worker.put("#code", &codes[n]).await;
            worker.press("main form button").await;
            worker.sees("Signed in as").await;
            for (page, path) in *pages {
                worker.goto(path).await;
                look(page).await;
            }
            if *login == accounts[0].0 {
                worker.goto(&record).await;
                look("record").await;
                worker.press("a[href*='/print']").await;
                look("print").await;
                worker.goto("/staff/search").await;
                worker.put("#words", "jane").await;
                worker.keys("#words", "\u{e007}").await;
                worker.sees("found").await;
                look("found").await;
            }
            if *login == "penelope" {
                worker.goto("/staff/erasure").await;
                worker.put("#email", "jane@example.org").await;
                worker.press("form[action='/staff/erasure'] button").await;
                worker.sees("Somebody is held").await;
                look("erasure-found").await;
                worker.press("a.button[href^='/staff/erasure/people/']").await;
                look("erase").await;
            }
            worker.goto("/staff").await;
            worker.press(".bar button").await;
        }
        look("signed-out").await;
        worker.browser.quit().await.unwrap();
    }
    println!("{pages_seen} pages looked at");
    assert!(told.is_empty(), "{told:#?}");
    assert_eq!(pages_seen, looks.len() * (READS.len() + WATCHES.len() + KEEPS.len() + 8));
}

/// Sends what there is to see. Returns where an application is.
async fn filled(served: &Served) -> String {
    let mut last = String::new();
    for (name, email) in [
        ("Omar Other", "omar@example.org"),
        ("Wilhelmine-Charlotte von Hohenstein-Donaudampfschifffahrtsgesellschaft", "wilhelmine-charlotte@example.org"),
        ("Jane \"'><img src=x onerror=alert(1)> Example", "jane@example.org"),
    ] {
        let sent = Form::new()
            .text("name", name)
            .text("email", email)
            .text("phone", "+44 20 7946 0958")
            .text("letter", format!("Dear all,\nI would like to work with you.\n\n{HOSTILE}"))
            .part(
                "cv",
                Part::bytes(pdf::document(1 << 14)).file_name("Curriculum vitae of somebody with a long name.pdf"),
            );
        last = send(served, "job-application", sent).await.0;
    }
    for n in 0..7 {
        let fields = json!({
            "name": format!("Sam Smith {n}"), "email": format!("sam{n}@example.org"),
            "subject-line": "It is stuck", "message": "It does not turn any more.",
        });
        let url = format!("{}/api/v1/forms/support-request/submissions", served.url);
        let answer = client().post(url).json(&json!({ "fields": fields })).send().await.unwrap();
        assert_eq!(answer.status(), 201);
    }
    format!("/staff/record/{last}?purpose=recruitment")
}

/// Works a little, so that pages have something to show.
async fn worked(worker: &Worker, record: &str, roles: &str) {
    match roles {
        "admin" => {
            worker.goto("/staff/people").await;
            worker.put("#program", "statistics.of.the.whole.company").await;
            worker.put("#days", "30").await;
            worker.click("#token-support").await;
            worker.press("form[action='/staff/people/tokens'] button").await;
            worker.sees("llt_").await;
            worker.goto("/staff/requests").await;
            worker.put("#login", "penelope").await;
            worker.keys("#role-privacy", " ").await;
            worker.put("#why-roles", &format!("She does no audits any more. {HOSTILE}")).await;
            worker.press("form:has(#why-roles) button").await;
        }
        "privacy,auditor" => {
            worker.goto("/staff/audit").await;
            worker.press("form[action='/staff/audit/verification'] button").await;
            worker.sees("whole and in order").await;
        }
        _ => {
            worker.goto(record).await;
            worker.put("#note", &format!("A strong letter. {HOSTILE}")).await;
            worker.press("form[action$='/notes'] button").await;
            worker.put("#labels", "urgent, a label of some length, berlin").await;
            worker.press("button[value=labels]").await;
            worker.put("#text", "Thank you. Can you come on Tuesday?").await;
            worker.press("form[action$='/messages'] button").await;
            worker.pick("status", "interview").await;
            worker.press("form[action$='/status'] button").await;
            worker.goto("/staff/inbox?form=job-application&label=berlin").await;
            worker.click(".keep summary").await;
            worker.put("#view-name", "Berlin").await;
            worker.press("button[value=keep]").await;
        }
    }
}
