//! Visits are counted, and nothing else is kept of them.

mod support;

use std::sync::Arc;
use std::time::Duration;

use letterlock::base::clock::ManualClock;
use letterlock::domain::browser::Browser;
use letterlock::policy::Role;
use letterlock::services::statistics::Event;
use letterlock::services::{App, health, statistics};
use support::{Service, support};

const HELP: &str = "/api/v1/forms/support-request/submissions";

#[tokio::test]
async fn visits_are_counted_and_nothing_else_is_kept_of_them() {
    let service = Service::start().await;
    let ask = async |agent: &str| {
        let request = service.request("GET", "/f/support-request").header("user-agent", agent);
        assert_eq!(request.send().await.unwrap().status(), 200);
    };
    ask("Mozilla/5.0 (X11; rv:145.0) Gecko/20100101 Firefox/145.0 marked-for-the-test").await;
    ask("Mozilla/5.0 (X11; rv:145.0) Gecko/20100101 Firefox/145.0 marked-for-the-test").await;
    ask("curl/8").await;
    // A page that does not exist, and a post that is turned down, are none; a repetition is counted once.
    assert_eq!(service.get("/f/nothing", None).await.status(), 404);
    assert_eq!(service.form("/f/support-request", &[("name", "x")]).send().await.unwrap().status(), 422);
    let fields = [("name", "Sam"), ("email", "sam@example.org"), ("subject-line", "x"), ("message", "y")];
    for _ in 0..2 {
        let request = service.request("POST", HELP).header("idempotency-key", "k").json(&support("a@example.org"));
        assert_eq!(request.send().await.unwrap().status(), 201);
        let page = service.form("/f/support-request", &fields).header("user-agent", "Safari/605");
        assert_eq!(page.send().await.unwrap().status(), 200);
    }
    let counts = || {
        let lines = statistics::list(&service.app, &support::owner(Role::Admin)).unwrap();
        lines.iter().map(|l| (l.browser.as_str(), l.views, l.submissions)).collect::<Vec<_>>()
    };
    assert_eq!(counts(), [("firefox", 2, 0), ("safari", 0, 1), ("bot", 1, 0), ("other", 0, 1)]);
    assert!(statistics::list(&service.app, &support::owner(Role::Hr)).is_err());
    // Written once for whatever was counted since, sealed, and not at all when nothing was.
    let entries = || health::figures(&service.app).audit_entries;
    let before = entries();
    statistics::flush(&service.app).await.unwrap();
    assert_eq!(entries(), before + 1);
    statistics::flush(&service.app).await.unwrap();
    assert_eq!(entries(), before + 1);
}

#[tokio::test]
async fn counts_outlive_a_restart_and_go_after_400_days() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let form = "support-request".parse().unwrap();
    let start = "2026-11-25T23:59:00Z".parse().unwrap();
    let clock = Arc::new(ManualClock::at(start));
    let open = || support::open_at(dir.path(), clock.clone());
    let days = |app: &Arc<App>| {
        let lines = statistics::list(app, &support::owner(Role::Admin)).unwrap();
        lines.into_iter().map(|l| (l.day, l.views)).collect::<Vec<_>>()
    };
    let view = |app: &Arc<App>| statistics::count(app, &form, Browser::Chrome, Event::View);

    let app = open();
    view(&app);
    clock.advance(Duration::from_secs(120));
    view(&app);
    view(&app);
    app.close().await;
    drop(app);
    let app = open();
    assert_eq!(days(&app), [("2026-11-25".to_owned(), 1), ("2026-11-26".to_owned(), 2)]);
    clock.advance(Duration::from_secs(399 * 86_400));
    assert_eq!(days(&app), [("2026-11-26".to_owned(), 2)]);
    view(&app);
    app.close().await;
    drop(app);
    // The row is gone, not only out of sight, and the vault is whole.
    let app = open();
    let verified = letterlock::services::verify::run(&app, &support::owner(Role::Admin), &|_, _| ()).await.unwrap();
    assert!(verified.problems.is_empty(), "{:?}", verified.problems);
    assert_eq!(days(&app), [("2026-11-26".to_owned(), 2), ("2027-12-30".to_owned(), 1)]);
    app.close().await;
}
