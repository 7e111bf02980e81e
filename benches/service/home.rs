//! A vault in a folder of its own, in this process: what the rows about erasure and growth are measured on.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use letterlock::base::clock::SystemClock;
use letterlock::base::entropy::SystemEntropy;
use letterlock::base::ids::{PersonId, RecordId, RequestId};
use letterlock::base::sensitive::SensitiveString;
use letterlock::domain::form::{FormId, FormSet};
use letterlock::policy::{Actor, Role};
use letterlock::services::{App, Context, OpenOptions, find, health, review, submit};

use crate::Outcome;

/// Submissions under way at the same time while a vault is filled.
const AT_ONCE: usize = 256;

/// A folder with the two of a vault in it, removed with the value.
pub(crate) struct Home(pub(crate) tempfile::TempDir);

impl Home {
    pub(crate) fn store(&self) -> PathBuf {
        self.0.path().join("data/store")
    }

    pub(crate) fn open(&self) -> Outcome<Arc<App>> {
        open_at(self.0.path())
    }
}

/// Opens the vault in a folder; the threads of an earlier one may hold it a little longer.
pub(crate) fn open_at(folder: &Path) -> Outcome<Arc<App>> {
    for _ in 0..200 {
        let options = OpenOptions {
            data: folder.join("data"),
            keys: folder.join("keys"),
            recovery: None,
            accept_unsafe_fs: false,
            cache_bytes: 128 << 20,
            region: "uk".parse().unwrap(),
            must_exist: false,
            forms: FormSet::default(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy::new()),
        };
        match App::open(options) {
            Err(error) if error.message.contains("is using the") => std::thread::sleep(Duration::from_millis(20)),
            opened => return Ok(opened?.0),
        }
    }
    Err("the folders are still locked".into())
}

pub(crate) fn acting(actor: Actor) -> Context {
    let request = RequestId::make_random(&SystemEntropy::new()).expect("randomness");
    Context { actor, request, purpose: None }
}

pub(crate) fn as_role(role: Role) -> Context {
    acting(Actor::Owner { role })
}

/// Takes in submissions of 1 KB, each of a new person; they are numbered.
pub(crate) async fn fill(app: &Arc<App>, count: usize) -> Vec<RecordId> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..AT_ONCE.min(count) {
        let (app, next) = (Arc::clone(app), Arc::clone(&next));
        tasks.spawn(async move {
            let mut held = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    return held;
                }
                held.push((n, send(&app, n).await));
            }
        });
    }
    let mut held: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    held.sort_by_key(|(n, _)| *n);
    held.into_iter().map(|(_, held)| held).collect()
}

async fn send(app: &Arc<App>, n: usize) -> RecordId {
    let form: FormId = "support-request".parse().expect("a name");
    let mut intake = submit::begin(app, &acting(Actor::Public), &form, None).await.expect("the form takes");
    let fields = [
        ("name", format!("Person Number {n}")),
        ("email", format!("person-{n}@example.org")),
        ("subject-line", "It does not print".to_owned()),
        ("message", "x".repeat(900)),
    ];
    for (name, value) in fields {
        intake.field(name, value).expect("a field of the form");
    }
    intake.finish().await.expect("taken").submission
}

/// Who these people, by number, are: found by address, as the privacy officer does.
pub(crate) async fn find(app: &Arc<App>, numbers: Vec<usize>) -> Vec<PersonId> {
    let numbers = Arc::new(Mutex::new(numbers));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..AT_ONCE {
        let (app, numbers) = (Arc::clone(app), Arc::clone(&numbers));
        tasks.spawn(async move {
            let mut found = Vec::new();
            loop {
                let Some(n) = numbers.lock().expect("nobody panicked").pop() else { return found };
                let address = SensitiveString::from(format!("person-{n}@example.org").as_str());
                let people = find::by_email(&app, &as_role(Role::Privacy), &address).await.expect("a search");
                found.push(people.first().expect("the person is held").subject);
            }
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

/// Reads a record as the support team does: audited, then opened.
pub(crate) async fn read(app: &Arc<App>, record: RecordId) {
    review::show(app, &as_role(Role::Support), record, Some("support")).await.expect("the record is there");
}

/// Waits until the rows of the erased are removed.
pub(crate) async fn clean(app: &Arc<App>) {
    while health::figures(app).pending_cleanup > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Bytes that the files under a folder take on the disk.
pub(crate) fn on_disk(folder: &Path) -> Outcome<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        total += if meta.is_dir() { on_disk(&entry.path())? } else { meta.blocks() * 512 };
    }
    Ok(total)
}
