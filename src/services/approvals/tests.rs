//! What happens to the accounts while a request is being done.

use crate::base::ids::{PersonId, RequestId};
use std::time::Duration;

use super::*;
use crate::base::clock::SystemClock;
use crate::base::entropy::SystemEntropy;
use crate::domain::form::FormSet;
use crate::policy::Scope;
use crate::services::OpenOptions;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn home() -> (tempfile::TempDir, Arc<App>) {
    let dir = tempfile::tempdir().unwrap();
    let options = OpenOptions {
        data: dir.path().join("data"),
        keys: dir.path().join("keys"),
        recovery: None,
        accept_unsafe_fs: true,
        cache_bytes: 8 << 20,
        region: "uk".parse().unwrap(),
        must_exist: false,
        forms: FormSet::default(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy::new()),
    };
    let app = App::open(options).unwrap().0;
    (dir, app)
}

fn owner() -> Context {
    let request = RequestId::from_bytes([7; 16]);
    Context { actor: Actor::Owner { role: Role::Admin }, request, purpose: None }
}

async fn person(app: &Arc<App>, login: &str, role: Role) -> Context {
    sign_in::invite(app, &owner(), login, &[role], None, DAY).await.unwrap();
    let id = staff::account_of(app, login).unwrap().unwrap();
    Context {
        actor: Actor::Staff { id, login: login.to_owned(), roles: vec![role], scope: Scope::default() },
        ..owner()
    }
}

/// Whoever was told that the approver is no privacy officer any more sees nobody erased by that approval afterwards: the
/// demotion is before the act or behind it, never in its middle.
#[tokio::test]
async fn a_demotion_that_comes_first_counts() {
    for demoted in ["paul", "pia"] {
        let (_dir, app) = home();
        let (pia, paul) = (person(&app, "pia", Role::Privacy).await, person(&app, "paul", Role::Privacy).await);
        let id = ask_erasure(&app, &pia, &[PersonId::from_bytes([1; 16])], "x").await.unwrap().id;
        approve(&app, &paul, id).await.unwrap();
        let held = sign_in::hold(&app).await;
        let (changing, admin) = (Arc::clone(&app), owner());
        let demotion =
            tokio::spawn(async move { sign_in::change_roles(&changing, &admin, demoted, &[Role::Hr]).await });
        // It waits for its turn; what is done next comes behind it.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let using = Arc::clone(&app);
        let used = tokio::spawn(async move { perform(&using, &pia, id).await });
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(held);
        demotion.await.unwrap().unwrap();
        let used = used.await.unwrap();
        assert!(matches!(used, Err(ServiceError::Invalid(_) | ServiceError::Forbidden)), "{demoted}: {used:?}");
    }
}
