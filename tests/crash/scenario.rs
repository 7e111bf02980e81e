//! A run that does everything once: submissions, a mark, a record deleted, people erased one by one and together, clean-up,
//! a leftover swept, a new start. It says of each act that it is tried, and that it was acknowledged, into a file that
//! outlives it. The same run is a test by itself, a child process that aborts, and a process that is traced.

use std::fs::File;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use letterlock::base::clock::SystemClock;
use letterlock::base::entropy::SystemEntropy;
use letterlock::base::ids::RecordId;
use letterlock::base::sensitive::SensitiveString;
use letterlock::domain::form::FormSet;
use letterlock::domain::submission::Status;
use letterlock::policy::{Actor, Role};
use letterlock::services::{App, OpenError, OpenOptions, Opened, ServiceError, erase, find, review, submit};
use letterlock::vault::{Hooks, Step};

use crate::ledger::{self, Expected};
use crate::support::{clean, context, pdf, person_of, role};

/// Something done in a run.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// Submission `.0` comes in from person `.1`.
    Submit(usize, &'static str),
    /// A submission is marked.
    Mark(usize, Status),
    /// A single submission is erased.
    Delete(usize),
    /// People are erased together.
    Erase(&'static [&'static str]),
    /// Until the janitor is done.
    Clean,
    /// The vault is closed, a file that an abandoned upload could have left is put there, and it is opened again.
    Reopen,
}

/// The whole run.
pub const ALL: &[Act] = &[
    Act::Submit(0, "ann"),
    Act::Submit(1, "ann"),
    Act::Submit(2, "bob"),
    Act::Mark(0, Status::Shortlisted),
    Act::Delete(1),
    Act::Submit(3, "cid"),
    Act::Erase(&["bob"]),
    Act::Mark(3, Status::Interview),
    Act::Clean,
    Act::Submit(4, "dan"),
    Act::Submit(5, "eve"),
    Act::Submit(6, "fay"),
    Act::Reopen,
    Act::Erase(&["dan", "eve"]),
    Act::Submit(7, "bob"),
    Act::Mark(0, Status::Interview),
    Act::Clean,
    Act::Delete(6),
    Act::Reopen,
];

/// Whose submission it is.
pub fn sender(submission: usize) -> &'static str {
    ALL.iter()
        .find_map(|act| match act {
            Act::Submit(n, person) if *n == submission => Some(*person),
            _ => None,
        })
        .unwrap_or("zoe")
}

pub fn address(person: &str) -> String {
    format!("{person}@example.org")
}

/// The file of a submission; number 3 has several segments.
pub fn cv(submission: usize) -> Vec<u8> {
    pdf(&format!("number {submission} ").repeat(if submission == 3 { 12_000 } else { 10 }))
}

/// Where things are said: a file that is only ever appended to.
#[derive(Clone)]
pub struct Told(Arc<Mutex<File>>);

impl Told {
    pub fn path(folder: &Path) -> PathBuf {
        folder.join("told")
    }

    pub fn open(folder: &Path) -> Self {
        let file = File::options().create(true).append(true).open(Self::path(folder)).unwrap();
        Self(Arc::new(Mutex::new(file)))
    }

    pub fn say(&self, line: &str) {
        self.0.lock().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

/// Opens the vault in a folder.
pub fn open(folder: &Path, hooks: Hooks) -> Result<(Arc<App>, Opened), OpenError> {
    // The threads of one dropped a moment ago may hold the folders a little longer.
    for _ in 0..200 {
        match App::open_with_hooks(options(folder), hooks.clone()) {
            Err(error) if error.message.contains("is using the") => {
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            other => return other,
        }
    }
    panic!("the folders are still locked after two seconds");
}

fn options(folder: &Path) -> OpenOptions {
    OpenOptions {
        data: folder.join("data"),
        keys: folder.join("keys"),
        recovery: None,
        accept_unsafe_fs: true,
        cache_bytes: 8 << 20,
        region: "uk".parse().unwrap(),
        must_exist: false,
        forms: FormSet::default(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy::new()),
    }
}

/// A run under way.
pub struct Run {
    pub folder: PathBuf,
    pub hooks: Hooks,
    pub told: Told,
    pub app: Option<Arc<App>>,
    records: Vec<(usize, RecordId)>,
}

impl Run {
    pub fn new(folder: &Path, hooks: Hooks) -> Self {
        Self { folder: folder.to_owned(), hooks, told: Told::open(folder), app: None, records: Vec::new() }
    }

    /// Everything, up to the first error.
    pub async fn all(&mut self) -> Result<(), String> {
        self.reopen()?;
        for act in ALL {
            self.act(*act).await.map_err(|error| format!("{act:?}: {error}"))?;
        }
        let app = self.app.take().unwrap();
        app.close().await;
        Ok(())
    }

    fn app(&self) -> Arc<App> {
        self.app.clone().unwrap()
    }

    fn reopen(&mut self) -> Result<(), String> {
        self.app = None;
        self.app = Some(open(&self.folder, self.hooks.clone()).map_err(|error| error.message)?.0);
        Ok(())
    }

    fn record(&self, submission: usize) -> RecordId {
        self.records.iter().find(|(n, _)| *n == submission).unwrap().1
    }

    async fn act(&mut self, act: Act) -> Result<(), String> {
        let words = ledger::words(act);
        let app = self.app();
        match act {
            Act::Reopen => {
                app.close().await;
                drop(app);
                std::fs::write(self.folder.join("data/files/aaaaaaaaaaaaaaaaaaaaaaaaaa"), b"noise").unwrap();
                return self.reopen();
            }
            Act::Clean => {
                // A janitor that was stopped does not come to an end; whoever comes next will see that.
                if !app.has_failed() {
                    tidy(&app).await;
                }
                return Ok(());
            }
            _ => self.told.say(&format!("try {words}")),
        }
        let done = match act {
            Act::Submit(n, person) => match send(&app, n, person).await {
                Ok(id) => {
                    self.records.push((n, id));
                    self.told.say(&format!("ok {words} {id}"));
                    return Ok(());
                }
                Err(error) => Err(error),
            },
            Act::Mark(n, status) => review::set_status(&app, &role(Role::Hr), self.record(n), status).await.map(drop),
            Act::Delete(n) => erase::record(&app, &role(Role::Privacy), self.record(n)).await.map(drop),
            Act::Erase(people) => self.erase(&app, people).await,
            Act::Clean | Act::Reopen => unreachable!("handled above"),
        };
        done.map_err(|error| error.to_string())?;
        self.told.say(&format!("ok {words}"));
        Ok(())
    }

    async fn erase(&self, app: &Arc<App>, people: &[&str]) -> Result<(), ServiceError> {
        let mut ids = Vec::new();
        for person in people {
            let address = SensitiveString::from(address(person).as_str());
            let found = find::by_email(app, &role(Role::Privacy), &address).await?;
            ids.extend(found.iter().map(|found| found.subject));
        }
        for certificate in erase::people(app, &role(Role::Privacy), &ids).await? {
            certificate?;
        }
        Ok(())
    }
}

/// Waits for the janitor, but not for one that was stopped.
async fn tidy(app: &Arc<App>) {
    for _ in 0..2000 {
        if app.has_failed() || letterlock::services::health::figures(app).pending_cleanup == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    panic!("the janitor does not come to an end");
}

/// Sends an application.
pub async fn send(app: &Arc<App>, n: usize, person: &str) -> Result<RecordId, ServiceError> {
    let form = "job-application".parse().unwrap();
    let mut intake = submit::begin(app, &context(Actor::Public), &form, None).await?;
    intake.field("name", format!("Number {n}"))?;
    intake.field("email", address(person))?;
    intake.field("letter", format!("{n}"))?;
    intake.consent("talent-pool", true);
    intake.begin_file("cv", Some("cv.pdf")).await?;
    for chunk in cv(n).chunks(10_000) {
        intake.file_chunk(chunk).await?;
    }
    intake.end_file().await?;
    Ok(intake.finish().await?.submission)
}

/// A folder in memory where there is one: what a process leaves behind when it is killed does not depend on the disk.
pub fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory).unwrap_or_else(|_| tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap())
}

/// How a child is told what to do.
const FOLDER: &str = "CRASH_FOLDER";
const ABORT: &str = "CRASH_ABORT";
const ONLY_START: &str = "CRASH_ONLY_START";

/// Where a child aborts.
#[derive(Clone, Copy, Debug)]
pub enum Abort {
    Never,
    /// When this step is passed for the n-th time, from 1.
    At(Step, usize),
    /// When any step is passed for the n-th time, from 1.
    Any(usize),
}

/// The command for a child process that runs the scenario in a folder, or only starts the vault there, tidies and ends.
pub fn child(folder: &Path, abort: Abort, only_start: bool) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    prepare(&mut command, folder, abort, only_start);
    command
}

/// The same below another program that runs it, such as `strace`.
pub fn child_under(mut wrapper: Command, folder: &Path, abort: Abort, only_start: bool) -> Command {
    wrapper.arg(std::env::current_exe().unwrap());
    prepare(&mut wrapper, folder, abort, only_start);
    wrapper
}

fn prepare(command: &mut Command, folder: &Path, abort: Abort, only_start: bool) {
    command
        .args(["--exact", "scenario::a_run_comes_to_its_end_and_all_of_it_holds", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(
            ABORT,
            match abort {
                Abort::Never => String::new(),
                Abort::At(step, n) => format!("{step:?} {n}"),
                Abort::Any(n) => format!("any {n}"),
            },
        )
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if only_start {
        command.env(ONLY_START, "yes");
    }
}

pub fn run_child(folder: &Path, abort: Abort, only_start: bool) -> ExitStatus {
    child(folder, abort, only_start).status().unwrap()
}

/// The steps that a run passed, in order, as the child noted them.
pub fn passed(folder: &Path) -> Vec<Step> {
    let text = std::fs::read_to_string(folder.join("passed")).unwrap_or_default();
    text.lines().map(|name| step_named(name).unwrap()).collect()
}

fn step_named(name: &str) -> Option<Step> {
    Step::ALL.iter().copied().find(|step| format!("{step:?}") == name)
}

/// Notes each step, says when an order is durable, and aborts where it was told to.
fn listen(folder: &Path, told: Told) -> Hooks {
    let wanted = std::env::var(ABORT).unwrap_or_default();
    let (name, nth) = wanted.split_once(' ').unwrap_or(("", "0"));
    let (step, nth) = (step_named(name), nth.parse::<usize>().unwrap());
    let any = name == "any";
    let passed = File::options().create(true).append(true).open(folder.join("passed")).unwrap();
    let seen = AtomicUsize::new(0);
    let at_step = move |at: Step| {
        (&passed).write_all(format!("{at:?}\n").as_bytes()).unwrap();
        if at == Step::Ordered {
            told.say("durable");
        }
        if (any || step == Some(at)) && seen.fetch_add(1, Ordering::SeqCst) + 1 == nth {
            std::process::abort();
        }
        ControlFlow::Continue(())
    };
    Hooks { at_step: Some(Arc::new(at_step)), ..Hooks::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_comes_to_its_end_and_all_of_it_holds() {
    if let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) {
        // The child of another test. Its core is of no use to anybody.
        let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
        rustix::process::setrlimit(rustix::process::Resource::Core, none).unwrap();
        let hooks = listen(&folder, Told::open(&folder));
        let mut run = Run::new(&folder, hooks);
        if std::env::var_os(ONLY_START).is_some() {
            run.reopen().unwrap();
            tidy(&run.app()).await;
            run.app().close().await;
        } else {
            run.all().await.unwrap();
        }
        return;
    }
    let folder = scratch();
    let mut run = Run::new(folder.path(), Hooks::default());
    run.all().await.unwrap();
    drop(run);
    let expected = Expected::told(folder.path());
    assert_eq!(expected.kept(), [0, 3, 7]);
    let seen = ledger::check(folder.path(), &expected).await.unwrap();
    assert_eq!(seen.records, 3);
    // What `clean` waits for in other tests is the same.
    let app = open(folder.path(), Hooks::default()).unwrap().0;
    clean(&app).await;
    assert!(person_of(&app, &address("ann")).await.is_some());
}
