//! Faults from inside and clients that go away: nothing acknowledged or committed loses a part of itself, and a vault that
//! cannot work does not look sound.

use std::future::Future;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use letterlock::policy::{Actor, Role};
use letterlock::services::review::{self, ListQuery};
use letterlock::services::{health, submit};
use letterlock::vault::{Hooks, Step};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_whose_client_has_gone_keeps_its_files() {
    let home = Home::new();
    let app = home.open();
    let mut intake =
        submit::begin(&app, &context(Actor::Public), &"job-application".parse().unwrap(), None).await.unwrap();
    intake.field("name", "Jane Roe".to_owned()).unwrap();
    intake.field("email", "a@example.org".to_owned()).unwrap();
    intake.field("letter", "Dear all".to_owned()).unwrap();
    intake.begin_file("cv", Some("cv.pdf")).await.unwrap();
    intake.file_chunk(&pdf("x")).await.unwrap();
    intake.end_file().await.unwrap();
    {
        // Polled once: the job is with the committer. Then the caller goes.
        let mut finish = Box::pin(intake.finish());
        assert!(matches!(finish.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
    }
    let list = async || review::list(&app, &role(Role::Hr), ListQuery::default()).await.unwrap().items;
    while list().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(download(&app, list().await[0].summary.id).await.unwrap(), pdf("x"));
    assert_eq!(problems(&app).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_committer_that_panicked_is_not_ready() {
    let home = Home::new();
    let at_step = |step| {
        assert!(step != Step::SpareSlot, "a fault in the committer");
        ControlFlow::Continue(())
    };
    let app = home.open_with(Hooks { at_step: Some(Arc::new(at_step)), ..Hooks::default() });
    apply(&app, "a@example.org", &pdf("")).await.unwrap();
    let person = person_of(&app, "a@example.org").await.unwrap();
    assert!(erase_person(&app, person).await.is_err());
    // The caller is told as the committer's stack unwinds, the vault at its end.
    for _ in 0..1000 {
        if app.has_failed() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(app.has_failed() && !health::readiness(&app).ready);
    drop(app);
    let app = home.open();
    assert_eq!(person_of(&app, "a@example.org").await, None);
    assert_eq!(problems(&app).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_of_many_consents_does_not_fill_up() {
    let home = Home::new();
    let consents: String = (0..150)
        .map(|n| format!("[[consents]]\nname = \"consent-number-{n}\"\nwording = \"Yes.\"\nversion = \"2026-11\"\n"))
        .collect();
    let form = format!(
        "id = \"many\"\nversion = 1\ntitle = \"Many\"\nsubmit = \"Send\"\npurposes = [\"support\"]\n\
         legal_basis = \"Consent\"\nroles = [\"support\"]\nretention_days = 30\nsubject = \"email\"\nsummary = [\"email\"]\n\
         [notice]\nversion = \"1\"\ntext = \"Notice.\"\n[[fields]]\nname = \"email\"\nlabel = \"E-mail\"\nkind = \"email\"\n\
         required = true\n{consents}"
    );
    let options = letterlock::services::OpenOptions {
        forms: letterlock::domain::form::FormSet::with_files([("many.toml", form.as_str())]).unwrap(),
        ..home.options()
    };
    let (app, _) = letterlock::services::App::open(options).unwrap();
    for n in 0..40 {
        let mut intake = submit::begin(&app, &context(Actor::Public), &"many".parse().unwrap(), None).await.unwrap();
        intake.field("email", "a@example.org".to_owned()).unwrap();
        (0..150).for_each(|consent| intake.consent(&format!("consent-number-{consent}"), (consent + n) % 2 == 0));
        intake.finish().await.unwrap_or_else(|error| panic!("submission {n}: {error}"));
    }
    assert_eq!(problems(&app).await, Vec::<String>::new());
    let person = person_of(&app, "a@example.org").await.unwrap();
    let certificate = erase_person(&app, person).await.unwrap();
    assert!(certificate["statement"]["consent_rows"].as_u64().unwrap() > 1);
    clean(&app).await;
    assert_eq!(problems(&app).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_under_load_raises_no_false_alarm() {
    use letterlock::domain::submission::Status;
    let home = Home::new();
    let app = home.open();
    let mut ids = Vec::new();
    for n in 0..40 {
        ids.push(apply(&app, &format!("p{}@example.org", n % 10), &pdf("")).await.unwrap().submission);
    }
    let busy = tokio::spawn({
        let app = app.clone();
        async move {
            for n in 0.. {
                let status = [Status::Shortlisted, Status::Interview][n / 40 % 2];
                let _ = review::set_status(&app, &role(Role::Hr), ids[n % 40], status).await;
                if n % 20 == 0 {
                    apply(&app, &format!("p{}@example.org", n % 10), &pdf("")).await.unwrap();
                }
                if n % 50 == 0 {
                    apply(&app, "goes@example.org", &pdf("")).await.unwrap();
                    let person = person_of(&app, "goes@example.org").await.unwrap();
                    erase_person(&app, person).await.unwrap();
                }
            }
        }
    });
    for _ in 0..3 {
        let alarms: Vec<_> =
            problems(&app).await.into_iter().filter(|text| !text.contains("written to during the check")).collect();
        assert_eq!(alarms, Vec::<String>::new());
    }
    busy.abort();
    let _ = busy.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_search_found_is_in_the_trail_until_they_are_erased() {
    use letterlock::services::audit;
    let home = Home::new();
    let app = home.open();
    apply(&app, "a@example.org", &pdf("")).await.unwrap();
    let person = person_of(&app, "a@example.org").await.unwrap();
    let found = async || {
        let entries = audit::list(&app, &role(Role::Auditor), None, None).await.unwrap().items;
        entries.into_iter().rfind(|entry| entry["action"] == "find-subject").unwrap()["subjects"][0].clone()
    };
    assert_eq!(found().await["subject"], person.to_string());
    erase_person(&app, person).await.unwrap();
    assert_eq!(found().await["erased"], true);
}
