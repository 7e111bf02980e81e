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
