//! Reading, downloading, listing, marking and submitting while people are erased: every answer is whole or "missing",
//! never an alarm, and nothing acknowledged is lost.

use std::sync::Arc;

use letterlock::domain::submission::Status;
use letterlock::policy::Role;
use letterlock::services::review::{self, ListQuery};
use letterlock::services::{App, ServiceError, health};

use crate::support::*;

fn whole_or_missing<T>(result: Result<T, ServiceError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(ServiceError::NotFound) => None,
        Err(other) => panic!("neither whole nor missing: {other:?}"),
    }
}

async fn bother(app: Arc<App>, id: letterlock::base::ids::RecordId) {
    let ctx = role(Role::Hr);
    for _ in 0..6 {
        if let Some(read) = whole_or_missing(read(&app, id).await) {
            assert_eq!(read.content.fields.len(), 3);
        }
        if let Some(bytes) = whole_or_missing(download(&app, id).await) {
            assert_eq!(bytes, pdf("race"));
        }
        whole_or_missing(review::set_status(&app, &ctx, id, Status::Interview).await);
        let query = ListQuery { limit: Some(10), purpose: Some("recruitment".to_owned()), ..ListQuery::default() };
        whole_or_missing(review::list(&app, &ctx, query).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_is_erased_meanwhile_is_whole_or_missing() {
    let rounds = if std::env::var_os("LETTERLOCK_TEST_DEEP").is_some() { 1000 } else { 25 };
    let home = Home::new();
    let app = home.open();
    let mut kept = Vec::new();
    for round in 0..rounds {
        let email = format!("round{round}@example.org");
        let id = apply(&app, &email, &pdf("race")).await.unwrap().submission;
        kept.push(apply(&app, &format!("stays{}@example.org", round % 5), &pdf("race")).await.unwrap().submission);
        let person = person_of(&app, &email).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..3 {
            tasks.spawn(bother(app.clone(), id));
        }
        let (again, submitter) = (email.clone(), app.clone());
        tasks.spawn(async move {
            // Comes in before, while or after the person goes: what is acknowledged can be read, or was erased with them.
            let receipt = apply(&submitter, &again, &pdf("race")).await.unwrap();
            whole_or_missing(read(&submitter, receipt.submission).await);
        });
        tokio::time::sleep(std::time::Duration::from_millis(round % 9)).await;
        erase_person(&app, person).await.unwrap();
        tasks.join_all().await;
        assert!(matches!(read(&app, id).await, Err(ServiceError::NotFound)));
    }
    for id in kept {
        assert_eq!(download(&app, id).await.unwrap(), pdf("race"));
    }
    clean(&app).await;
    assert_eq!(problems(&app).await, Vec::<String>::new());
    assert_eq!(health::figures(&app).epoch, 1 + rounds);
}
