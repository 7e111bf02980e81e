//! What a search gives, and when: after its entry is on disk, or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use letterlock::policy::Role;
use letterlock::services::search::{self, Query, Search};
use letterlock::services::{App, ServiceError, audit, health};
use letterlock::store::{Batch, Engine, Rows, StoreError};
use letterlock::vault::Hooks;

use crate::support::*;

/// Holds commits back while it is told to.
struct Held {
    inner: Box<dyn Engine>,
    hold: Arc<AtomicBool>,
}

impl Engine for Held {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.read(key)
    }

    fn scan(&self, from: &[u8], to: &[u8]) -> Rows<'_> {
        self.inner.scan(from, to)
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        while self.hold.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.inner.commit(batch)
    }

    fn is_writable(&self) -> bool {
        self.inner.is_writable()
    }
}

fn asking(words: &str) -> Query {
    Query { words: words.into(), purposes: vec!["recruitment".to_owned()], ..Query::default() }
}

async fn begin(app: &Arc<App>, words: &str) -> Result<Search, ServiceError> {
    search::begin(app, &role(Role::Hr), asking(words), Duration::from_secs(20)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_before_its_entry_is_durable() {
    let home = Home::new();
    let hold = Arc::new(AtomicBool::new(false));
    let held = hold.clone();
    let wrap = move |inner| -> Box<dyn Engine> { Box::new(Held { inner, hold: held.clone() }) };
    let app = home.open_with(Hooks { engine: Some(Arc::new(wrap)), ..Hooks::default() });
    let id = apply(&app, "jane@example.org", &pdf("")).await.unwrap().submission;
    let a_moment = Duration::from_millis(300);

    // Not even the look begins before the trail says so.
    hold.store(true, Ordering::SeqCst);
    let mut beginning = Box::pin(begin(&app, "jane"));
    assert!(tokio::time::timeout(a_moment, &mut beginning).await.is_err(), "it begins without a trace");
    hold.store(false, Ordering::SeqCst);
    let search = beginning.await.unwrap();

    // And neither a hit nor that there is none is told.
    for (mut search, expected) in [(search, vec![id]), (begin(&app, "nobody").await.unwrap(), vec![])] {
        let entries = health::figures(&app).audit_entries;
        hold.store(true, Ordering::SeqCst);
        let mut telling = Box::pin(async { search.next().await });
        assert!(tokio::time::timeout(a_moment, &mut telling).await.is_err(), "it is told without a trace");
        hold.store(false, Ordering::SeqCst);
        let found = telling.await.unwrap().unwrap();
        assert_eq!(found.hits.iter().map(|hit| hit.summary.id).collect::<Vec<_>>(), expected);
        assert_eq!(health::figures(&app).audit_entries, entries + 1);
    }
    let mut search = begin(&app, "jane").await.unwrap();

    // A vault that can no longer write gives nothing out, and begins nothing.
    app.close().await;
    assert!(matches!(search.next().await, Err(ServiceError::Unavailable)));
    assert!(matches!(begin(&app, "jane").await, Err(ServiceError::Unavailable)));
    assert!(matches!(search::page(&app, &role(Role::Hr), asking("jane")).await, Err(ServiceError::Unavailable)));
}

/// Whoever closes the page before anything is shown leaves a trace as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_that_is_dropped_is_in_the_trail() {
    let home = Home::new();
    let app = home.open();
    apply(&app, "jane@example.org", &pdf("")).await.unwrap();
    drop(begin(&app, "jane").await.unwrap());
    assert_eq!(search::running(&app), 0);
    let page = audit::list(&app, &role(Role::Auditor), None, Some(1)).await.unwrap();
    assert_eq!(page.items[0]["action"], "search-submissions");
    assert_eq!(
        page.items[0]["detail"],
        serde_json::json!({ "search": { "by": "words", "purposes": ["recruitment"], "found": null } })
    );
}
