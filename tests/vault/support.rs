//! A vault in a folder of its own, and the acts that tests repeat.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use letterlock::adapters::mail::{Carrier, Carrying, Outgoing, Refused};
use letterlock::base::clock::SystemClock;
use letterlock::base::entropy::SystemEntropy;
use letterlock::base::ids::{PersonId, RecordId, RequestId};
use letterlock::base::sensitive::SensitiveString;
use letterlock::domain::form::FormSet;
use letterlock::policy::{Actor, Role};
use letterlock::services::post::Post;
use letterlock::services::resources::{self, LINK_LIFE, Shelf};
use letterlock::services::review::Submission;
use letterlock::services::submit::{self, Receipt};
use letterlock::services::{
    App, Context, OpenError, OpenOptions, Opened, ServiceError, erase, find, portal, review, verify,
};
use letterlock::vault::Hooks;

/// Two folders that are removed with the value.
pub struct Home {
    dir: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        let base = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        Self { dir: tempfile::tempdir_in(base).unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn keys(&self) -> PathBuf {
        self.dir.path().join("keys")
    }

    pub fn options(&self) -> OpenOptions {
        OpenOptions {
            data: self.data(),
            keys: self.keys(),
            recovery: None,
            accept_unsafe_fs: true,
            cache_bytes: 8 << 20,
            region: "uk".parse().unwrap(),
            must_exist: false,
            forms: forms(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy::new()),
        }
    }

    /// Opens the vault. The threads of an earlier one, dropped a moment ago, may hold the folders a little longer.
    pub fn open(&self) -> Arc<App> {
        for _ in 0..100 {
            match self.try_open() {
                Err(error) if error.message.contains("is using the") => {
                    std::thread::sleep(std::time::Duration::from_millis(50))
                }
                opened => return opened.unwrap().0,
            }
        }
        panic!("the folders are still locked after five seconds");
    }

    pub fn try_open(&self) -> Result<(Arc<App>, Opened), OpenError> {
        App::open(self.options())
    }

    pub fn open_with(&self, hooks: Hooks) -> Arc<App> {
        App::open_with_hooks(self.options(), hooks).unwrap().0
    }
}

pub fn context(actor: Actor) -> Context {
    Context { actor, request: RequestId::make_random(&SystemEntropy::new()).unwrap(), purpose: None }
}

pub fn role(role: Role) -> Context {
    context(Actor::Owner { role })
}

/// A small file that is a PDF by content.
pub fn pdf(filler: &str) -> Vec<u8> {
    let mut out =
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n".to_vec();
    out.extend_from_slice(format!("% {filler}\n").as_bytes());
    out.extend_from_slice(b"trailer<</Root 1 0 R>>\n%%EOF\n");
    out
}

/// Sends an application as the public would.
pub async fn apply(app: &Arc<App>, email: &str, cv: &[u8]) -> Result<Receipt, ServiceError> {
    apply_keyed(app, email, cv, None).await
}

pub async fn apply_keyed(app: &Arc<App>, email: &str, cv: &[u8], key: Option<&str>) -> Result<Receipt, ServiceError> {
    let form = "job-application".parse().unwrap();
    let mut intake = submit::begin(app, &context(Actor::Public), &form, key).await?;
    intake.field("name", "Jane Roe".to_owned())?;
    intake.field("email", email.to_owned())?;
    intake.field("letter", format!("Dear all, my secret word is {email}-xyzzy."))?;
    intake.consent("talent-pool", true);
    intake.begin_file("cv", Some("cv.pdf")).await?;
    for chunk in cv.chunks(10_000) {
        intake.file_chunk(chunk).await?;
    }
    intake.end_file().await?;
    intake.finish().await
}

pub async fn read(app: &Arc<App>, id: RecordId) -> Result<Submission, ServiceError> {
    review::show(app, &role(Role::Hr), id, Some("recruitment")).await
}

pub async fn download(app: &Arc<App>, id: RecordId) -> Result<Vec<u8>, ServiceError> {
    let mut download = review::file(app, &role(Role::Hr), id, 0, Some("recruitment")).await?;
    let mut out = Vec::new();
    while let Some(piece) = download.next().await? {
        out.extend_from_slice(&piece);
    }
    Ok(out)
}

pub async fn person_of(app: &Arc<App>, email: &str) -> Option<PersonId> {
    let found = find::by_email(app, &role(Role::Privacy), &SensitiveString::from(email)).await.unwrap();
    found.first().map(|found| found.subject)
}

pub async fn erase_person(app: &Arc<App>, person: PersonId) -> Result<serde_json::Value, ServiceError> {
    erase::person(app, &role(Role::Privacy), person).await
}

pub async fn problems(app: &Arc<App>) -> Vec<String> {
    verify::run(app, &role(Role::Admin), &|_, _| {}).await.unwrap().problems
}

/// A post office whose mail server is never there: what it is given waits.
pub fn waiting_post() -> Post {
    struct Nobody;
    impl Carrier for Nobody {
        fn carry<'a>(&'a self, _: &'a Outgoing) -> Carrying<'a> {
            Box::pin(std::future::ready(Err(Refused::Later("nobody is there".to_owned()))))
        }
    }
    Post::new(Arc::new(Nobody), None, "https://letterlock.example", "Example").unwrap()
}

/// A post office whose mail server takes everything, and counts.
pub fn counting_post(carried: Arc<std::sync::atomic::AtomicU64>) -> Post {
    struct Counter(Arc<std::sync::atomic::AtomicU64>);
    impl Carrier for Counter {
        fn carry<'a>(&'a self, _: &'a Outgoing) -> Carrying<'a> {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Box::pin(std::future::ready(Ok(())))
        }
    }
    Post::new(Arc::new(Counter(carried)), None, "https://letterlock.example", "Example").unwrap()
}

/// Waits until the janitor has nothing left to remove.
pub async fn clean(app: &Arc<App>) {
    for _ in 0..1000 {
        if letterlock::services::health::figures(app).pending_cleanup == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the janitor does not come to an end");
}

/// Copies a folder with everything in it.
pub fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// Every file under a folder, with its bytes.
pub fn all_bytes(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(all_bytes(&path));
        } else if let Ok(bytes) = std::fs::read(&path) {
            out.push((path, bytes));
        }
    }
    out
}

/// Checks a certificate as its holder would: from its text, under a key in hex.
pub fn check_certificate(certificate: &serde_json::Value, key: &str) {
    let certificate: letterlock::vault::Certificate = serde_json::from_str(&certificate.to_string()).unwrap();
    certificate.verify(&data_encoding::HEXLOWER.decode(key.as_bytes()).unwrap()).unwrap();
}

/// A file that the form of applications unlocks here.
pub const GUIDE: &str = "guide.txt";

/// The shipped forms, with something to unlock.
pub fn forms() -> FormSet {
    let unlocks = format!("unlocks = [{{ file = \"{GUIDE}\", title = \"How to apply\" }}]\n");
    let jobs = unlocks + include_str!("../../forms/job-application.toml");
    FormSet::with_files([("jobs.toml", jobs.as_str())]).unwrap()
}

/// Downloads that file by a link. It lies in `folder`.
pub async fn unlock(app: &Arc<App>, folder: PathBuf, own: portal::Own) {
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(GUIDE), "How to apply.").unwrap();
    app.set_resources(Shelf { folder, link_life: LINK_LIFE });
    let offer = resources::fresh(app, own, GUIDE).await.unwrap();
    resources::take(app, RequestId::from_bytes([7; 16]), offer.token.expose(), None).await.unwrap();
}
