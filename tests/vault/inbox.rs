//! An inbox over many submissions: what a page of it costs, and that it is right.

use std::sync::Arc;
use std::time::{Duration, Instant};

use letterlock::base::ids::RecordId;
use letterlock::domain::submission::Status;
use letterlock::domain::work::Label;
use letterlock::policy::{Actor, Role};
use letterlock::services::review::{self, ListQuery};
use letterlock::services::{App, Context, inbox, submit, work};

use crate::support::*;

/// Submissions; a hundred thousand in a long run.
fn many() -> usize {
    if std::env::var_os("LETTERLOCK_TEST_DEEP").is_some() { 100_000 } else { 1_000 }
}

async fn fill(app: &Arc<App>, many: usize) -> Vec<RecordId> {
    let mut out = Vec::with_capacity(many);
    let public = Context { actor: Actor::Public, ..role(Role::Hr) };
    for start in (0..many).step_by(256) {
        let some = (start..many.min(start + 256)).map(|n| {
            let (app, public) = (Arc::clone(app), public.clone());
            tokio::spawn(async move {
                let form = "support-request".parse().unwrap();
                let mut intake = submit::begin(&app, &public, &form, None).await.unwrap();
                intake.field("name", format!("Person {n}")).unwrap();
                intake.field("email", format!("p{n}@example.org")).unwrap();
                intake.field("subject-line", format!("Question {n}")).unwrap();
                intake.field("message", "It does not work.".to_owned()).unwrap();
                intake.finish().await.unwrap().submission
            })
        });
        for one in some.collect::<Vec<_>>() {
            out.push(one.await.unwrap());
        }
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_an_inbox_opens_its_own_rows_and_no_others() {
    let home = Home::new();
    let app = home.open();
    let many = many();
    let began = Instant::now();
    let ids = fill(&app, many).await;
    println!("{many} submissions stored in {:?}", began.elapsed());
    let support = role(Role::Support);
    // Few and far between: what a walk through all rows would be slowest at.
    for id in ids.iter().step_by(many / 5) {
        let labels = Some(work::LabelChange::Set(vec![Label::parse("rare").unwrap()]));
        work::change(&app, &support, *id, work::Change { labels, ..work::Change::default() }).await.unwrap();
    }
    let forms: Vec<_> = app.forms().iter().filter(|form| form.id.as_str() == "support-request").cloned().collect();
    let began = Instant::now();
    while inbox::tallies(&app, &support, &forms).await.unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("gone through once in {:?}", began.elapsed());

    let form = || Some("support-request".parse().unwrap());
    let rare = ListQuery { form: form(), label: Label::parse("rare").ok(), limit: Some(50), ..ListQuery::default() };
    let first = ListQuery { form: form(), limit: Some(50), ..ListQuery::default() };
    let none = ListQuery { form: form(), status: Some(Status::Closed), limit: Some(50), ..ListQuery::default() };
    let mut slowest = Duration::ZERO;
    for (what, query, expected) in [("rare", rare, 5), ("newest", first, 50), ("none", none, 0)] {
        let began = Instant::now();
        let page = review::list(&app, &support, query).await.unwrap();
        println!("a page of the {what} in {:?}", began.elapsed());
        slowest = slowest.max(began.elapsed());
        assert_eq!((page.items.len(), page.next.is_some()), (expected, what == "newest"), "{what}");
    }
    let began = Instant::now();
    let tally = inbox::tallies(&app, &support, &forms).await.unwrap().unwrap().remove(0);
    println!("counted in {:?}", began.elapsed());
    assert_eq!((tally.all, tally.by_label.values().sum::<u64>()), (many as u64, 5));
    // The last page as well as the first.
    let mut query = ListQuery { form: form(), limit: Some(200), ..ListQuery::default() };
    let (mut seen, mut longest) = (0, Duration::ZERO);
    loop {
        let began = Instant::now();
        let page = review::list(&app, &support, query.clone()).await.unwrap();
        longest = longest.max(began.elapsed());
        seen += page.items.len();
        let Some(next) = page.next else { break };
        query.after = Some(next);
    }
    println!("all of them page by page, the slowest page of 200 in {longest:?}");
    assert_eq!(seen, many);
    // Generous, for busy machines; a walk through a hundred thousand rows takes many times as long.
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}
