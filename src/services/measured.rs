//! What a large survey and a large newsletter cost, measured through the services. By hand, one after the other:
//!
//! ```sh
//! CARGO_PROFILE_DEV_OPT_LEVEL=2 cargo test --target-dir target/measured --lib measured -- --ignored --nocapture --test-threads 1
//! ```

mod newsletter;
mod survey;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{App, Context, OpenOptions, review, submit};
use crate::base::clock::SystemClock;
use crate::base::entropy::SystemEntropy;
use crate::base::ids::{RecordId, RequestId};
use crate::domain::form::FormSet;
use crate::policy::{Actor, Role};

/// Submissions on their way at the same time.
const AT_ONCE: usize = 250;

fn home() -> (TempDir, Arc<App>) {
    let dir = tempfile::tempdir().unwrap();
    let options = OpenOptions {
        data: dir.path().join("data"),
        keys: dir.path().join("keys"),
        recovery: None,
        accept_unsafe_fs: true,
        // As the service has it unless told.
        cache_bytes: 64 << 20,
        region: "uk".parse().unwrap(),
        must_exist: false,
        forms: FormSet::default(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy::new()),
    };
    let app = App::open(options).unwrap().0;
    (dir, app)
}

fn context(actor: Actor, purpose: Option<&str>) -> Context {
    Context { actor, request: RequestId::from_bytes([7; 16]), purpose: purpose.map(str::to_owned) }
}

fn owner(role: Role, purpose: &str) -> Context {
    context(Actor::Owner { role }, Some(purpose))
}

/// Sends a form, and says what it is called.
async fn send(app: &Arc<App>, form: &str, fields: Vec<(&str, String)>) -> RecordId {
    let mut intake = submit::begin(app, &context(Actor::Public, None), &form.parse().unwrap(), None).await.unwrap();
    for (name, value) in fields {
        intake.field(name, value).unwrap();
    }
    intake.finish().await.unwrap().submission
}

/// Runs `work` for each number below `count`, many at the same time.
async fn all<W: Future<Output = ()> + Send + 'static>(count: usize, work: impl Fn(usize) -> W) {
    for from in (0..count).step_by(AT_ONCE) {
        let tasks: tokio::task::JoinSet<()> = (from..count.min(from + AT_ONCE)).map(&work).collect();
        tasks.join_all().await;
    }
}

/// Somebody who reads one record again and again, and how long that takes them.
struct Reader {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<Vec<Duration>>,
}

impl Reader {
    fn start(app: &Arc<App>, record: RecordId) -> Self {
        let (app, stop) = (Arc::clone(app), Arc::<AtomicBool>::default());
        let told = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let mut took = Vec::new();
            while !told.load(Ordering::SeqCst) {
                let begun = Instant::now();
                review::show(&app, &owner(Role::Support, "enquiries"), record, Some("enquiries")).await.unwrap();
                took.push(begun.elapsed());
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            took
        });
        Self { stop, task }
    }

    async fn stop(self, what: &str) {
        self.stop.store(true, Ordering::SeqCst);
        let mut took = self.task.await.unwrap();
        took.sort_unstable();
        let at = |part: usize| took.get((took.len() * part / 1000).min(took.len().saturating_sub(1)));
        println!(
            "  a reader meanwhile ({what}): {} reads, median {:?}, 99 % {:?}, longest {:?}",
            took.len(),
            at(500),
            at(990),
            took.last()
        );
    }

    /// What it is like with nothing else going on.
    async fn alone(app: &Arc<App>, record: RecordId) {
        let reader = Self::start(app, record);
        tokio::time::sleep(Duration::from_secs(5)).await;
        reader.stop("nothing else going on").await;
    }
}

/// Resident memory of this process in KiB, now and at most since the last call of [`forget_peak`].
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    (line("VmRSS:"), line("VmHWM:"))
}

fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// Does something, and prints how long it took and how much memory was needed beyond what was there.
async fn measured<T>(what: &str, work: impl Future<Output = T>) -> T {
    forget_peak();
    let (before, begun) = (memory().0, Instant::now());
    let out = work.await;
    let (took, (after, peak)) = (begun.elapsed(), memory());
    let grown = |kib: u64| (kib as f64 - before as f64) / 1024.0;
    println!(
        "  {what}: {took:?}; memory {:.1} MiB before, {:+.1} MiB at most, {:+.1} MiB after",
        before as f64 / 1024.0,
        grown(peak),
        grown(after)
    );
    out
}
