//! The vault under test: opened, closed, dropped, stopped; and the forms that it takes.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use letterlock::base::clock::{Clock, ManualClock, Timestamp};
use letterlock::base::entropy::{SeededEntropy, SystemEntropy};
use letterlock::base::ids::RequestId;
use letterlock::domain::form::{FormId, FormKind, FormSet};
use letterlock::domain::submission::Status;
use letterlock::policy::{Actor, Role};
use letterlock::services::resources::{LINK_LIFE, Shelf};
use letterlock::services::submit::{self, Receipt};
use letterlock::services::{App, Context, OpenOptions, ServiceError, health};
use letterlock::store::Engine;
use letterlock::vault::{Hooks, Layout, Options, Step, Vault};

use crate::disk::Disk;
use crate::letterbox::Letterbox;
use crate::lives::{Setup, Tally};
use crate::plain::{Model, Said};

pub const FORMS: [&str; 6] = ["papers", "note", "support-request", "survey", "public-comment", "newsletter"];
/// Numbers of forms that have rules of their own.
pub const SURVEY: u8 = 3;
pub const BOARD: u8 = 4;
pub const NEWSLETTER: u8 = 5;
/// Answers to the survey that are counted together.
pub const K: u32 = 5;
pub const ADDRESSES: [&str; 6] =
    ["ann@example.org", "bob@example.org", "cleo@example.org", "dan@example.org", "eve@example.org", "flo@example.org"];
/// Around nothing, one byte, one segment, and the limit of the form.
pub const SIZES: [usize; 7] = [0, 1, 300, 65_535, 65_536, 65_537, 70_001];

/// What `papers` unlocks.
pub const GUIDE: &str = "How to fill in papers.\n";

const PAPERS: &str = r#"
id = "papers"
unlocks = [{ file = "guide.txt", title = "The guide" }]
version = 1
title = "Papers"
submit = "Send"
purposes = ["support"]
legal_basis = "Consent"
roles = ["support"]
retention_days = 30
subject = "email"
summary = ["name"]
[notice]
version = "1"
text = "Notice."
[[fields]]
name = "name"
label = "Name"
kind = "short-text"
required = true
[[fields]]
name = "email"
label = "E-mail"
kind = "email"
required = true
[[files]]
name = "paper"
label = "Paper"
max_bytes = 70000
max_files = 3
kinds = ["txt"]
[[consents]]
name = "keep"
wording = "Keep it."
version = "1"
"#;

const NOTE: &str = r#"
id = "note"
version = 1
kind = "application"
title = "A note without a name"
submit = "Send"
purposes = ["recruitment"]
legal_basis = "Consent"
roles = ["hr"]
retention_days = 30
summary = ["name"]
[notice]
version = "1"
text = "Notice."
[[fields]]
name = "name"
label = "Anything"
kind = "short-text"
required = true
"#;

pub fn form_id(form: u8) -> FormId {
    FORMS[usize::from(form)].parse().unwrap()
}

/// The statuses of a form, as its kind has them.
pub fn statuses(form: u8) -> &'static [Status] {
    match form {
        1 => FormKind::Application.statuses(),
        SURVEY => FormKind::Survey { k: K, texts: Vec::new() }.statuses(),
        BOARD => FormKind::Board { public: Vec::new() }.statuses(),
        NEWSLETTER => FormKind::Newsletter { consent: String::new() }.statuses(),
        _ => FormKind::Request.statuses(),
    }
}

/// Whether a form asks for an address.
pub const fn has_address(form: u8) -> bool {
    form != 1 && form != SURVEY
}

/// Who reads submissions of a form, and what for.
pub const fn reader(form: u8) -> (Role, &'static str) {
    match form {
        1 => (Role::Hr, "recruitment"),
        SURVEY => (Role::Marketing, "survey"),
        BOARD => (Role::Marketing, "public-comments"),
        NEWSLETTER => (Role::Marketing, "newsletter"),
        _ => (Role::Support, "support"),
    }
}

pub fn role(role: Role) -> Context {
    context(Actor::Owner { role })
}

pub fn context(actor: Actor) -> Context {
    Context { actor, request: RequestId::make_random(&SystemEntropy::new()).unwrap(), purpose: None }
}

/// What the fields of a submission must be.
pub fn fields(said: &Said) -> BTreeMap<&'static str, String> {
    let text = format!("text {}", said.text);
    let mut out = match said.form {
        SURVEY => BTreeMap::from([
            ("satisfaction", (said.text % 5 + 1).to_string()),
            ("ideas", format!("idea {}", said.text)),
        ]),
        BOARD => BTreeMap::from([
            ("display-name", text),
            ("comment", format!("comment {}", said.text)),
            ("publish", "true".to_owned()),
        ]),
        NEWSLETTER => BTreeMap::new(),
        2 => BTreeMap::from([
            ("name", text),
            ("subject-line", "It is stuck".to_owned()),
            ("message", format!("message {}", "x".repeat(usize::from(said.text)))),
        ]),
        _ => BTreeMap::from([("name", text)]),
    };
    if has_address(said.form) {
        out.insert("email", ADDRESSES[usize::from(said.address)].to_owned());
    }
    out
}

pub struct World {
    dir: tempfile::TempDir,
    disk: Disk,
    on_disk: bool,
    app: Option<Arc<App>>,
    stop: Arc<Mutex<Option<Step>>>,
    entropy: Arc<SeededEntropy>,
    pub clock: Arc<ManualClock>,
    pub server: Letterbox,
    /// Links that confirm, each with its submission; and links that unsubscribe, each with its person.
    pub confirmations: Vec<(String, usize)>,
    pub unsubscriptions: Vec<(String, usize)>,
    pub model: Model,
    pub tally: Tally,
}

impl World {
    pub fn new(seed: u64, setup: &Setup) -> Self {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() && !setup.on_disk { memory } else { Path::new(env!("CARGO_TARGET_TMPDIR")) };
        Self {
            dir: tempfile::tempdir_in(base).unwrap(),
            disk: Disk::new(setup.plant),
            on_disk: setup.on_disk,
            app: None,
            stop: Arc::default(),
            entropy: Arc::new(SeededEntropy::new(seed)),
            clock: Arc::new(ManualClock::at("2026-11-25T08:00:00Z".parse().unwrap())),
            server: Letterbox::default(),
            confirmations: Vec::new(),
            unsubscriptions: Vec::new(),
            model: Model::new(setup.mistake),
            tally: Tally::default(),
        }
    }

    pub fn app(&self) -> Arc<App> {
        self.app.clone().expect("open")
    }

    pub fn clock_now(&self) -> Timestamp {
        self.clock.now()
    }

    fn hooks(&self) -> Hooks {
        let (stop, disk, on_disk) = (self.stop.clone(), self.disk.clone(), self.on_disk);
        let at_step = move |step| match *stop.lock().unwrap() {
            Some(at) if at == step => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        let engine = move |store| disk.around(store, on_disk);
        // Only the first opening makes a store; beside rows in memory it need not be opened again.
        let memory = self.disk.clone();
        let instead: Arc<dyn Fn() -> Box<dyn Engine> + Send + Sync> = Arc::new(move || memory.alone());
        Hooks {
            at_step: Some(Arc::new(at_step)),
            engine: Some(Arc::new(engine)),
            instead: (!on_disk).then_some(instead),
            ..Hooks::default()
        }
    }

    pub fn stop_at(&self, step: Step) {
        *self.stop.lock().unwrap() = Some(step);
    }

    pub fn fail_at(&self, nth: u8, written: bool) {
        self.disk.fail_at(nth, written);
    }

    fn heal(&self) {
        self.disk.heal();
        *self.stop.lock().unwrap() = None;
    }

    /// Opens the vault; faults and stops are over.
    pub fn open(&mut self) -> Result<(), String> {
        self.heal();
        let options = || OpenOptions {
            data: self.dir.path().join("data"),
            keys: self.dir.path().join("keys"),
            recovery: None,
            accept_unsafe_fs: true,
            cache_bytes: 8 << 20,
            region: "uk".parse().unwrap(),
            must_exist: false,
            forms: FormSet::with_files([("papers.toml", PAPERS), ("note.toml", NOTE)]).unwrap(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        };
        let opened = patiently(|| App::open_with_hooks(options(), self.hooks()).map_err(|error| error.message));
        let app = opened.map_err(|error| format!("it does not open: {error}"))?.0;
        let folder = self.dir.path().join("resources");
        std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(folder.join("guide.txt"), GUIDE)).unwrap();
        app.set_resources(Shelf { folder, link_life: LINK_LIFE });
        app.set_post(self.server.post());
        self.app = Some(app);
        Ok(())
    }

    /// The vault itself, past the services, with the application closed meanwhile.
    pub async fn open_directly(&mut self) -> Result<Arc<Vault>, String> {
        self.close().await;
        self.heal();
        let layout = Layout {
            data: self.dir.path().join("data"),
            keys: self.dir.path().join("keys"),
            recovery: self.dir.path().join("keys/recovery"),
        };
        let options = || Options {
            layout: layout.clone(),
            accept_unsafe_fs: true,
            cache_bytes: 8 << 20,
            must_exist: true,
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            hooks: self.hooks(),
        };
        let opened = patiently(|| Vault::open(options()).map_err(|error| error.0));
        Ok(Arc::new(opened.map_err(|error| format!("the vault does not open: {error}"))?.0))
    }

    pub async fn close(&mut self) {
        if let Some(app) = self.app.take() {
            app.close().await;
        }
    }

    pub fn drop_it(&mut self) {
        self.app = None;
    }

    /// Waits until nothing is left to be removed.
    pub async fn clean(&self) -> Result<(), String> {
        for _ in 0..2000 {
            if health::figures(&self.app()).pending_cleanup == 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Err("the clean-up does not come to an end".to_owned())
    }

    /// How many sealed files there are.
    pub fn files_on_disk(&self) -> usize {
        std::fs::read_dir(self.dir.path().join("data/files")).map_or(0, Iterator::count)
    }

    pub async fn send(&self, said: &Said, key: Option<u8>) -> Result<Receipt, ServiceError> {
        let key = key.map(|key| format!("key-{key}"));
        let mut intake =
            submit::begin(&self.app(), &context(Actor::Public), &form_id(said.form), key.as_deref()).await?;
        for (name, value) in fields(said) {
            intake.field(name, value)?;
        }
        match said.form {
            0 => intake.consent("keep", said.text.is_multiple_of(2)),
            NEWSLETTER => intake.consent("newsletter", true),
            _ => {}
        }
        for (n, file) in said.files.iter().enumerate() {
            intake.begin_file("paper", Some(&format!("paper {n}.txt"))).await?;
            for chunk in file.chunks(30_000) {
                intake.file_chunk(chunk).await?;
            }
            intake.end_file().await?;
        }
        intake.finish().await
    }
}

/// The threads of a vault dropped a moment ago may hold the folders a little longer.
fn patiently<T>(open: impl Fn() -> Result<T, String>) -> Result<T, String> {
    for _ in 0..500 {
        match open() {
            Err(error) if error.contains("is using the") => std::thread::sleep(Duration::from_millis(10)),
            other => return other,
        }
    }
    Err("the folders are still locked after five seconds".to_owned())
}
