//! In, found, listed, read, marked, downloaded; and who may not.

use std::collections::HashSet;

use letterlock::domain::submission::{FieldValue, Status};
use letterlock::policy::Role;
use letterlock::services::review::{self, ListQuery};
use letterlock::services::{ServiceError, audit, health};

use crate::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_application_comes_in_and_an_authorised_reader_gets_it_out() {
    let home = Home::new();
    let app = home.open();
    let cv = pdf(&"long ".repeat(60_000));
    let receipt = apply(&app, "Jane.Roe@Example.org", &cv).await.unwrap();
    assert_eq!(receipt.receipt.len(), 34);

    let opened = read(&app, receipt.submission).await.unwrap();
    assert_eq!(opened.summary.status, Status::Received);
    assert_eq!(opened.content.region, "uk");
    assert_eq!(opened.content.notice, "2026-11", "the notice shown is recorded");
    assert_eq!(opened.content.fields["name"], FieldValue::Text("Jane Roe".into()));
    assert!(opened.content.consents["talent-pool"].given && !opened.content.consents["marketing"].given);
    assert_eq!(opened.content.files[0].kind, "application/pdf");
    assert_eq!(opened.content.files[0].size, cv.len() as u64);
    assert_eq!(download(&app, receipt.submission).await.unwrap(), cv);
    assert_eq!(problems(&app).await, Vec::<String>::new());

    drop(app);
    let app = home.open();
    assert_eq!(download(&app, receipt.submission).await.unwrap(), cv);
    assert_eq!(problems(&app).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_cannot_tell_it_from_nothing() {
    let home = Home::new();
    let app = home.open();
    let id = apply(&app, "a@example.org", &pdf("")).await.unwrap().submission;
    for other in [Role::Support, Role::Auditor, Role::Admin] {
        let ctx = role(other);
        assert!(matches!(review::show(&app, &ctx, id, Some("recruitment")).await, Err(ServiceError::NotFound)));
        assert!(matches!(review::file(&app, &ctx, id, 0, Some("recruitment")).await, Err(ServiceError::NotFound)));
        assert!(matches!(review::set_status(&app, &ctx, id, Status::Hired).await, Err(ServiceError::NotFound)));
        if let Ok(page) = review::list(&app, &ctx, ListQuery::default()).await {
            assert!(page.items.is_empty());
        }
    }
    // Seen, but for no good reason.
    let missing = review::show(&app, &role(Role::Hr), id, None).await;
    assert!(matches!(missing, Err(ServiceError::PurposeNeeded { allowed }) if allowed == ["recruitment"]));
    let wrong = review::show(&app, &role(Role::Hr), id, Some("curiosity")).await;
    assert!(matches!(wrong, Err(ServiceError::PurposeNeeded { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_pages_through_everything_once_newest_first() {
    let home = Home::new();
    let app = home.open();
    let mut sent = Vec::new();
    for n in 0..23 {
        sent.push(apply(&app, &format!("p{}@example.org", n % 7), &pdf("")).await.unwrap().submission);
    }
    let ctx = role(Role::Hr);
    review::set_status(&app, &ctx, sent[4], Status::Interview).await.unwrap();
    let mut query = ListQuery { limit: Some(5), ..ListQuery::default() };
    let mut seen = Vec::new();
    loop {
        let page = review::list(&app, &ctx, query.clone()).await.unwrap();
        assert!(page.items.len() <= 5);
        seen.extend(page.items.iter().map(|item| item.summary.id));
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    sent.reverse();
    assert_eq!(seen, sent);

    let interview = ListQuery { status: Some(Status::Interview), ..ListQuery::default() };
    let page = review::list(&app, &ctx, interview).await.unwrap();
    assert_eq!(page.items.len(), 1);

    let with_fields = ListQuery { purpose: Some("recruitment".to_owned()), limit: Some(200), ..ListQuery::default() };
    let before = health::figures(&app).audit_entries;
    let page = review::list(&app, &ctx, with_fields).await.unwrap();
    assert_eq!(health::figures(&app).audit_entries, before + 1, "one entry for the whole page");
    assert!(page.items.iter().all(|item| item.fields.as_ref().unwrap().contains_key("name")));
    let trail = audit::list(&app, &role(Role::Auditor), None, Some(1)).await.unwrap();
    let named: HashSet<_> =
        trail.items[0]["subjects"].as_array().unwrap().iter().map(|s| s["submission"].to_string()).collect();
    assert_eq!(named.len(), 23, "it names every one");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_read_is_in_the_trail_before_the_data_leaves() {
    let home = Home::new();
    let app = home.open();
    let id = apply(&app, "a@example.org", &pdf("")).await.unwrap().submission;
    let before = health::figures(&app).audit_entries;
    read(&app, id).await.unwrap();
    download(&app, id).await.unwrap();
    assert_eq!(health::figures(&app).audit_entries, before + 2);
    let page = audit::list(&app, &role(Role::Auditor), None, Some(2)).await.unwrap();
    assert_eq!(page.items[0]["action"], "read-file");
    assert_eq!(page.items[0]["subjects"][0]["file"], 0);
    assert_eq!(page.items[1]["subjects"][0]["purpose"], "recruitment");
    assert_eq!(page.items[1]["actor"], "owner:hr");

    // A vault that can no longer write gives nothing out.
    app.close().await;
    assert!(matches!(read(&app, id).await, Err(ServiceError::Unavailable)));
    assert!(matches!(download(&app, id).await, Err(ServiceError::Unavailable)));
    assert!(!health::readiness(&app).ready);
}

/// The owner stands outside the roles: what they look for is told even where there is nothing to find.
#[tokio::test(flavor = "multi_thread")]
async fn every_list_of_the_owner_is_in_the_trail() {
    let home = Home::new();
    let app = home.open();
    let list = async |purpose: Option<&str>| {
        let before = health::figures(&app).audit_entries;
        let query = ListQuery { purpose: purpose.map(str::to_owned), ..ListQuery::default() };
        let page = review::list(&app, &role(Role::Hr), query).await.unwrap();
        (page.items.len(), health::figures(&app).audit_entries - before)
    };
    assert_eq!([list(None).await, list(Some("recruitment")).await], [(0, 1), (0, 1)]);
    apply(&app, "a@example.org", &pdf("")).await.unwrap();
    assert_eq!([list(None).await, list(Some("recruitment")).await], [(1, 1), (1, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_is_one_person_however_it_is_written() {
    let home = Home::new();
    let app = home.open();
    apply(&app, "jane@example.org", &pdf("")).await.unwrap();
    apply(&app, " JANE@EXAMPLE.ORG ", &pdf("")).await.unwrap();
    apply(&app, "jane+jobs@example.org", &pdf("")).await.unwrap();
    assert_eq!(health::figures(&app).people, 2);

    // Two first submissions at the same moment make one person as well.
    let both = tokio::join!(
        apply(&app, "twin@example.org", b"%PDF-1.4\n%%EOF\n"),
        apply(&app, "twin@example.org", b"%PDF-1.4\n%%EOF\n")
    );
    for receipt in [both.0.unwrap(), both.1.unwrap()] {
        read(&app, receipt.submission).await.unwrap();
    }
    assert_eq!(health::figures(&app).people, 3);
    assert_eq!(problems(&app).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_over_several_pages_of_the_tree() {
    let home = Home::new();
    let app = home.open();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..300 {
        let app = app.clone();
        tasks.spawn(async move {
            let form = "support-request".parse().unwrap();
            let mut intake =
                letterlock::services::submit::begin(&app, &context(letterlock::policy::Actor::Public), &form, None)
                    .await
                    .unwrap();
            intake.field("name", "N".to_owned()).unwrap();
            intake.field("email", format!("n{n}@example.org")).unwrap();
            intake.field("subject-line", "Help".to_owned()).unwrap();
            intake.field("message", format!("It broke, number {n}.")).unwrap();
            intake.finish().await.map(|receipt| receipt.submission)
        });
    }
    let ids: HashSet<_> = tasks.join_all().await.into_iter().map(Result::unwrap).collect();
    assert_eq!(ids.len(), 300);
    assert_eq!(problems(&app).await, Vec::<String>::new());
    drop(app);
    let app = home.open();
    assert_eq!(health::figures(&app).people, 300);
    for id in ids {
        review::show(&app, &role(Role::Support), id, Some("support")).await.unwrap();
    }
    assert_eq!(problems(&app).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_and_body_get_the_same_answer_also_after_a_restart() {
    let home = Home::new();
    let app = home.open();
    let first = apply_keyed(&app, "a@example.org", &pdf("1"), Some("key-1")).await.unwrap();
    let again = apply_keyed(&app, "a@example.org", &pdf("1"), Some("key-1")).await.unwrap();
    assert_eq!((first.submission, &first.receipt), (again.submission, &again.receipt));
    let other = apply_keyed(&app, "a@example.org", &pdf("2"), Some("key-1")).await;
    assert!(matches!(other, Err(ServiceError::KeyReused)));
    drop(app);

    let app = home.open();
    let again = apply_keyed(&app, "a@example.org", &pdf("1"), Some("key-1")).await.unwrap();
    assert_eq!((first.submission, &first.receipt), (again.submission, &again.receipt));
    assert_eq!(health::figures(&app).arrivals, 1);

    // While one runs, another with the same key waits its turn; a failed one frees the key.
    let form = "job-application".parse().unwrap();
    let running =
        letterlock::services::submit::begin(&app, &context(letterlock::policy::Actor::Public), &form, Some("key-2"))
            .await
            .unwrap();
    let second = apply_keyed(&app, "b@example.org", &pdf(""), Some("key-2")).await;
    assert!(matches!(second, Err(ServiceError::StillRunning)));
    assert!(matches!(running.finish().await, Err(ServiceError::Invalid(_))));
    apply_keyed(&app, "b@example.org", &pdf(""), Some("key-2")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_or_abandoned_leaves_no_file() {
    let home = Home::new();
    let app = home.open();
    let files = home.data().join("files");
    let count = || std::fs::read_dir(&files).unwrap().count();
    assert!(
        matches!(apply(&app, "a@example.org", b"MZ\x90\0\x03 this is a program").await, Err(ServiceError::Invalid(p)) if p[0].code == "wrong-file-type")
    );
    assert!(matches!(apply(&app, "not an address", &pdf("")).await, Err(ServiceError::Invalid(_))));
    assert!(matches!(apply(&app, "a@example.org", &vec![b'x'; 21 << 20]).await, Err(ServiceError::TooLarge { .. })));
    let form = "job-application".parse().unwrap();
    let mut intake =
        letterlock::services::submit::begin(&app, &context(letterlock::policy::Actor::Public), &form, None)
            .await
            .unwrap();
    intake.begin_file("cv", Some("cv.pdf")).await.unwrap();
    intake.file_chunk(&pdf(&"x".repeat(300_000))).await.unwrap();
    assert_eq!(count(), 1);
    drop(intake);
    assert_eq!(count(), 0);
    assert_eq!(health::figures(&app).arrivals, 0);
    assert_eq!(problems(&app).await, Vec::<String>::new());
}
