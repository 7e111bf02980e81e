//! What waits together shares a commit, up to a weight; and a commit writes no more pages than changed.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};

use super::*;
use crate::store::{Engine, Rows, StoreError};
use crate::vault::Detail;
use crate::vault::system_rows::SystemTable;

/// An issue for nobody moves its mailing on and has nothing to say of anybody.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_with_nothing_to_tell_keeps_the_trail_in_step_with_the_rows() {
    use crate::base::ids::MailingId;
    use crate::vault::{Newsletter, Recipients};
    let (_dir, vault) = home();
    submit(&vault, PLAIN).await.unwrap();
    let mailing = MailingId::from_bytes([1; 16]);
    let system = || act(&Actor::System, Action::SendMail, &Resource::Vault);
    vault.order_mailing(system(), mailing, &"an issue").await.unwrap();
    let newsletter = Newsletter { form: "newsletter".parse().unwrap(), consent: "newsletter".to_owned() };
    let recipients =
        Recipients { newsletter, field: "email".to_owned(), topics: None, by: Timestamp::from_millis(i64::MAX >> 20) };
    let plan = vault.plan_feed(mailing, recipients, 10).unwrap();
    assert!(vault.feed_mailing(system(), plan).await.unwrap().is_queued());
    assert_eq!(problems(&vault).await, Vec::<String>::new());
}

/// Holds commits back while a test keeps `gate` locked, and remembers the keys of each.
struct Gated {
    inner: Box<dyn Engine>,
    gate: Arc<Mutex<()>>,
    commits: Arc<Mutex<Vec<Vec<Vec<u8>>>>>,
}

impl Engine for Gated {
    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.read(key)
    }

    fn scan(&self, from: &[u8], to: &[u8]) -> Rows<'_> {
        self.inner.scan(from, to)
    }

    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let _wait = self.gate.lock().unwrap();
        self.commits.lock().unwrap().push(batch.keys().cloned().collect());
        self.inner.commit(batch)
    }

    fn is_writable(&self) -> bool {
        self.inner.is_writable()
    }
}

struct Watched {
    _dir: TempDir,
    vault: Arc<Vault>,
    gate: Arc<Mutex<()>>,
    commits: Arc<Mutex<Vec<Vec<Vec<u8>>>>>,
}

fn watched() -> Watched {
    let (gate, commits) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(Vec::new())));
    let around = {
        let (gate, commits) = (gate.clone(), commits.clone());
        move |inner| Box::new(Gated { inner, gate: gate.clone(), commits: commits.clone() }) as Box<dyn Engine>
    };
    let (dir, vault) = home_with(Hooks { engine: Some(Arc::new(around)), ..Hooks::default() });
    commits.lock().unwrap().clear();
    Watched { _dir: dir, vault, gate, commits }
}

/// Hands all jobs in while the first one's commit is held back, then lets go and waits for the answers.
async fn together<T>(gate: &Mutex<()>, mut jobs: Vec<Pin<Box<dyn Future<Output = T> + '_>>>) -> Vec<T> {
    {
        let _held = gate.lock().unwrap();
        for job in &mut jobs {
            assert!(job.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
    }
    futures_util::future::join_all(jobs).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_together_becomes_one_commit() {
    let Watched { vault, gate, commits, _dir } = watched();
    let jobs: Vec<Pin<Box<dyn Future<Output = _>>>> =
        (0..60).map(|_| Box::pin(submit(&vault, PLAIN)) as Pin<Box<dyn Future<Output = _>>>).collect();
    assert!(together(&gate, jobs).await.iter().all(Result::is_ok));
    // One that was first, one of those behind it, and one more for a job that came in between.
    let count = commits.lock().unwrap().len();
    assert!(count <= 3, "{count} commits for 60 submissions");
}

/// Whatever has a turn of its own gets it also right behind a job that does not.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_a_turn_of_its_own_is_answered_amid_submissions() {
    let Watched { vault, gate, _dir, .. } = watched();
    type Pending<'a> = Pin<Box<dyn Future<Output = Result<(), VaultError>> + 'a>>;
    let mut jobs: Vec<Pending<'_>> = Vec::new();
    for _ in 0..20 {
        jobs.push(Box::pin(async { submit(&vault, PLAIN).await.map(|_| ()) }));
        jobs.push(Box::pin(async { vault.audit_head().await.map(|_| ()) }));
    }
    assert!(together(&gate, jobs).await.iter().all(Result::is_ok));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_is_closed_when_it_weighs_enough() {
    let Watched { vault, gate, commits, _dir } = watched();
    const ROWS: usize = 200;
    let write = |job: u8| {
        let row = |n: usize| {
            vault
                .seal_system_row(SystemTable::Staff, &[job, n as u8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &n)
                .unwrap()
        };
        let staff = act(&Actor::Owner { role: Role::Admin }, Action::ManageStaff, &Resource::Staff);
        vault.write_system_rows(staff, Detail::None, (0..ROWS).map(row).collect())
    };
    let jobs: Vec<Pin<Box<dyn Future<Output = _>>>> =
        (0..60).map(|job| Box::pin(write(job)) as Pin<Box<dyn Future<Output = _>>>).collect();
    assert!(together(&gate, jobs).await.iter().all(Result::is_ok));
    let sizes: Vec<usize> = commits.lock().unwrap().iter().map(Vec::len).collect();
    assert!(sizes.iter().all(|size| *size <= 4096 + 2 * ROWS), "{sizes:?}");
    assert!(sizes.len() <= 6, "{sizes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_leaf_changes_its_parent_and_no_page_above() {
    let Watched { vault, commits, _dir, .. } = watched();
    let pages = || {
        let last = commits
            .lock()
            .unwrap()
            .iter()
            .rev()
            .find(|keys| keys.iter().any(|key| key[0] == Table::List.id()))
            .cloned();
        last.unwrap().into_iter().filter(|key| key[0] == Table::Pages.id()).count()
    };
    for n in 0..66 {
        submit(&vault, PLAIN).await.unwrap();
        // The first makes the whole path, the 65th a leaf beside the first.
        let expected = match n {
            0 => 5,
            64 => 2,
            _ => 1,
        };
        assert_eq!(pages(), expected, "person {n}");
    }
}

/// The store lets nobody read while it applies an epoch, and who reads without waiting is serving connections.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_without_waiting_gives_up_while_an_epoch_is_committed() {
    let (_dir, vault) = home();
    let id = submit(&vault, PLAIN).await.unwrap().summary.id;
    let found = || vault.locate_now(&id).unwrap().is_some();
    assert!(found());
    vault.shared.begin_epoch();
    assert!(!found());
    vault.shared.end_epoch();
    assert!(found());
}
