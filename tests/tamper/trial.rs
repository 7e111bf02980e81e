//! A furnished vault, and the trial of a changed copy of it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use letterlock::base::ids::{RecordId, RequestId};
use letterlock::domain::browser::Browser;
use letterlock::domain::legal::LegalBasis;
use letterlock::domain::submission::Status;
use letterlock::domain::work::Label;
use letterlock::policy::{Actor, Role};
use letterlock::services::statistics::{self, Event};
use letterlock::services::vacancies::Typed;
use letterlock::services::{
    App, Context, OpenOptions, ServiceError, approvals, desk, erase, guests, keys, newsletter, portal, review, sign_in,
    staff, vacancies, work,
};
use letterlock::vault::{Hooks, Step};

use crate::letterbox::Letterbox;
use crate::overlay::{Memory, Recorder, Rows};
use crate::public::{self, Shown};
use crate::support::*;

/// A vault at rest: its folders without the store, the rows of the store, and all that the store ever was.
pub struct Vault {
    pub home: Home,
    pub rows: Rows,
    /// After each commit, oldest first; the last one is `rows`.
    pub states: Vec<Rows>,
    /// What readers must get, if they get anything.
    pub truth: BTreeMap<RecordId, Vec<u8>>,
    /// What everybody must see, and who reads results.
    pub shown: Shown,
    /// The key folder as it was at earlier rests, oldest first.
    pub earlier_keys: Vec<tempfile::TempDir>,
    /// The sealed file of somebody erased since.
    pub erased_file: Vec<u8>,
}

/// How far the last erasure got before the vault was stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rest {
    /// Carried out, and its rows removed.
    Clean,
    /// Stopped at this step: its order is still there.
    Stopped(Step),
}

/// A vault with something in every table, changed often enough that most rows have earlier versions; its files are of
/// about `filler` bytes, but for two small ones.
pub fn furnished(rest: Rest, filler: usize) -> Vault {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(furnish(rest, filler))
}

async fn furnish(rest: Rest, filler: usize) -> Vault {
    let home = Home::new();
    let recorder = Recorder::default();
    let letters = Letterbox::default();
    let open = || {
        let app = App::open_with_hooks(home.options(), recorder.hooks()).unwrap().0;
        app.set_post(letters.post());
        app
    };
    let cv = |name: &str| {
        let size = if ["c", "a2"].contains(&name) { 0 } else { filler };
        pdf(&name.repeat(1 + size / name.len()))
    };
    let mut truth = BTreeMap::new();
    let mut earlier_keys = Vec::new();
    let mut keep_keys = || {
        let kept = scratch();
        copy_dir(&home.keys(), kept.path());
        earlier_keys.push(kept);
    };

    let app = open();
    visit(&app).await;
    let admin = role(Role::Admin);
    for name in ["a", "b", "c"] {
        truth.insert(apply(&app, &format!("{name}@example.org"), &cv(name)).await.unwrap().submission, cv(name));
    }
    let own = portal::enter(&app, &apply(&app, "d@example.org", &pdf("d")).await.unwrap().receipt).await.unwrap();
    for text in ["One thing more.", "And another."] {
        let mut message = portal::MessageIntake::begin(&app, RequestId::from_bytes([7; 16]), own).await.unwrap();
        message.text(text);
        message.begin_file(Some("more.pdf")).await.unwrap();
        message.file_chunk(&pdf(text)).await.unwrap();
        message.end_file().await.unwrap();
        message.finish().await.unwrap();
    }
    for _ in 0..2 {
        unlock(&app, home.path().join("resources"), own).await;
    }
    for (id, _) in truth.iter().take(2) {
        for text in ["One to note.", "And another."] {
            work::note(&app, &role(Role::Hr), *id, text).await.unwrap();
        }
    }
    let jane = staff::create_token(&app, &admin, "jane", &[Role::Hr], None).await.unwrap();
    staff::create_token(&app, &admin, "joe", &[Role::Support], None).await.unwrap();
    staff::add(&app, &admin, "jim", false, None).await.unwrap();
    let form = ["job-application".parse().unwrap()];
    let shop = keys::create(&app, &admin, "shop", &form, None).await.unwrap();
    keys::create(&app, &admin, "site", &form, None).await.unwrap();
    let marketing = Context { purpose: Some("newsletter".to_owned()), ..role(Role::Marketing) };
    for key in ["spring", "autumn"] {
        let issue = newsletter::NewIssue {
            subject: format!("News of {key}"),
            text: "None.".to_owned(),
            markdown: None,
            topics: None,
            key: key.to_owned(),
        };
        newsletter::order(&app, &marketing, &"newsletter".parse().unwrap(), issue).await.unwrap();
    }
    public::furnish(&app, &letters).await;
    let hour = std::time::Duration::from_secs(3600);
    let both = [Role::Hr, Role::Privacy];
    for roles in [&[Role::Admin][..], &both] {
        sign_in::invite(&app, &admin, "jim", roles, None, hour).await.unwrap();
    }
    sign_in::invite(&app, &admin, "june", &both, Some(&"june@example.org".into()), hour).await.unwrap();
    sign_in::invite(&app, &admin, "gus", &[Role::Guest], None, hour).await.unwrap();
    app.set_reading_limits(letterlock::services::reading::Limits { most: 1, times: 0 });
    let accounts = staff::list(&app, &admin).await.unwrap();
    for login in ["jim", "june"] {
        let account = accounts.iter().find(|account| account.login == login).unwrap();
        let actor =
            Actor::Staff { id: account.id, login: login.to_owned(), roles: vec![Role::Hr], scope: Default::default() };
        let view = Label::parse(login).unwrap();
        desk::keep_view(&app, &Context { actor, ..role(Role::Hr) }, view, "/staff/inbox".to_owned()).await.unwrap();
        // Who opens more than one is asked why, which is an alert.
        let actor =
            Actor::Staff { id: account.id, login: login.to_owned(), roles: vec![Role::Hr], scope: Default::default() };
        let reader = Context { actor, ..role(Role::Hr) };
        // Each twice, so that there are earlier versions.
        let words = |title: &str| Typed { titles: vec![("en".to_owned(), title.to_owned())], ..Typed::default() };
        let vacancy = vacancies::open(&app, &reader, &format!("REF-{login}"), &words("Engineer")).await.unwrap();
        vacancies::change(&app, &reader, vacancy, Some(&words("Chief engineer")), Some(true)).await.unwrap();
        for days in ["7", "9"] {
            guests::admit(&app, &reader, *truth.keys().next().unwrap(), "gus", days, "").await.unwrap();
        }
        for id in truth.keys().take(2) {
            let _ = review::show(&app, &reader, *id, Some("recruitment")).await;
        }
        let (id, login, scope) = (account.id, login.to_owned(), Default::default());
        let officer = Actor::Staff { id, login, roles: vec![Role::Privacy], scope };
        let officer = Context { actor: officer, ..role(Role::Privacy) };
        let somebody = person_of(&app, "b@example.org").await.unwrap();
        approvals::ask_erasure(&app, &officer, &[somebody], "They asked.").await.unwrap();
        let basis = LegalBasis::LegalClaims;
        approvals::ask_reading(&app, &officer, somebody, basis, "12 C 345/26", "They sue.").await.unwrap();
    }
    app.close().await;
    drop(app);
    keep_keys();

    let app = open();
    visit(&app).await;
    let before = files_of(&home);
    let first = *truth.keys().next().unwrap();
    review::set_status(&app, &role(Role::Hr), first, Status::Offer).await.unwrap();
    apply(&app, "gone@example.org", &cv("g")).await.unwrap();
    let erased_file = files_of(&home).into_iter().find(|path| !before.contains(path)).unwrap();
    let erased_file = std::fs::read(erased_file).unwrap();
    let alone = apply(&app, "a@example.org", &cv("alone")).await.unwrap().submission;
    truth.insert(apply(&app, "a@example.org", &cv("a2")).await.unwrap().submission, cv("a2"));
    let person = person_of(&app, "gone@example.org").await.unwrap();
    erase_person(&app, person).await.unwrap();
    clean(&app).await;
    erase::record(&app, &role(Role::Privacy), alone).await.unwrap();
    clean(&app).await;
    app.close().await;
    drop(app);
    keep_keys();

    let app = open();
    visit(&app).await;
    staff::revoke_token(&app, &admin, jane.id).await.unwrap();
    staff::disable(&app, &admin, "joe").await.unwrap();
    keys::revoke(&app, &admin, shop.id).await.unwrap();
    review::set_status(&app, &role(Role::Hr), first, Status::Hired).await.unwrap();
    apply(&app, "late@example.org", &cv("l")).await.unwrap();
    let person = person_of(&app, "late@example.org").await.unwrap();
    let last = match rest {
        Rest::Clean => app,
        Rest::Stopped(step) => {
            app.close().await;
            drop(app);
            let at_step = move |at| if at == step { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
            let hooks = Hooks { at_step: Some(Arc::new(at_step)), ..recorder.hooks() };
            App::open_with_hooks(home.options(), hooks).unwrap().0
        }
    };
    let erased = erase_person(&last, person).await;
    assert_eq!(erased.is_ok(), rest == Rest::Clean);
    if rest == Rest::Clean {
        clean(&last).await;
        last.close().await;
    }
    drop(last);
    let states = recorder.states();
    Vault {
        rows: states.last().unwrap().clone(),
        home,
        states,
        truth,
        shown: public::truth(),
        earlier_keys,
        erased_file,
    }
}

/// Somebody looks at a form, and that is written down as a count.
async fn visit(app: &App) {
    statistics::count(app, &"job-application".parse().unwrap(), Browser::Firefox, Event::View);
    statistics::flush(app).await.unwrap();
}

pub fn files_of(home: &Home) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        std::fs::read_dir(home.data().join("files")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// A folder in memory where there is one: a trial needs no disk.
pub fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() { memory } else { Path::new(env!("CARGO_TARGET_TMPDIR")) };
    tempfile::tempdir_in(base).unwrap()
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The vault did not open.
    Refused(String),
    /// It opened, and `verify` told.
    Reported(Vec<String>),
    /// It opened, and `verify` found nothing wrong. What it said when it opened stands here.
    Unnoticed(Vec<String>),
    /// A reader was given something that was never sent, or the program fell over.
    Wrong(String),
}

impl Verdict {
    pub fn is_noticed(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Reported(_))
    }
}

/// Tries a copy of the vault with these rows, after `edit` has changed the copied folders. `read` also reads everything.
pub fn trial(vault: &Vault, rows: Rows, read: bool, edit: &dyn Fn(&Path)) -> Verdict {
    let dir = scratch();
    let (data, keys) = (dir.path().join("data"), dir.path().join("keys"));
    copy_dir(&vault.home.keys(), &keys);
    copy_dir(&vault.home.data().join("files"), &data.join("files"));
    for name in ["redo", "lock"] {
        if vault.home.data().join(name).exists() {
            std::fs::copy(vault.home.data().join(name), data.join(name)).unwrap();
        }
    }
    make_empty_store(&data.join("store"));
    edit(dir.path());
    let options = OpenOptions { data, keys, ..vault.home.options() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    catch_unwind(AssertUnwindSafe(|| runtime.block_on(look(vault, options, Memory::new(rows), read))))
        .unwrap_or_else(|_| Verdict::Wrong("it panicked".to_owned()))
}

async fn look(vault: &Vault, options: OpenOptions, memory: Memory, all: bool) -> Verdict {
    let (app, opened) = match App::open_with_hooks(options, memory.hooks()) {
        Ok(opened) => opened,
        Err(refusal) => return Verdict::Refused(refusal.message),
    };
    let problems: Vec<_> =
        problems(&app).await.into_iter().filter(|text| !text.contains("written to during the check")).collect();
    for (id, cv) in vault.truth.iter().filter(|_| all || problems.is_empty()) {
        let refused = |error: &ServiceError| {
            matches!(error, ServiceError::Damaged | ServiceError::NotFound | ServiceError::Unavailable)
        };
        let told = !problems.is_empty();
        match read(&app, *id).await {
            Ok(read) if read.content.fields.len() == 3 => {}
            Err(error) if told && refused(&error) => {}
            other => return Verdict::Wrong(format!("verify told {problems:?}, reading gave {other:?}")),
        }
        match download(&app, *id).await {
            Ok(bytes) if bytes == *cv => {}
            Err(error) if told && refused(&error) => {}
            other => {
                let other = other.map(|bytes| bytes.len());
                return Verdict::Wrong(format!("verify told {problems:?}, a download gave {other:?}"));
            }
        }
    }
    if all || problems.is_empty() {
        match Shown::of(&app).await {
            Ok(shown) if shown.is_within(&vault.shown, !problems.is_empty()) => {}
            other => return Verdict::Wrong(format!("verify told {problems:?}, everybody is shown {other:?}")),
        }
    }
    if problems.is_empty() { Verdict::Unnoticed(opened.notices) } else { Verdict::Reported(problems) }
}

/// Works `count` trials off on all cores, and gives the outcomes in order. What takes minutes says each minute how far
/// it is, past the test runner, which holds back what is printed.
pub fn in_parallel<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(count));
    let (began, minutes) = (Instant::now(), AtomicUsize::new(1));
    let workers = std::thread::available_parallelism().map_or(2, usize::from).min(8);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    if n >= count {
                        break;
                    }
                    let minute = began.elapsed().as_secs() as usize / 60;
                    if minute > 0 && minutes.fetch_max(minute + 1, Ordering::SeqCst) <= minute {
                        let _ = writeln!(std::io::stderr(), "tamper: {n} of {count} trials after {minute} min");
                    }
                    let outcome = work(n);
                    done.lock().unwrap().push((n, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(n, _)| *n);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

/// A store that is there and never opened: the rows of a trial are in memory.
pub fn make_empty_store(folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    // An empty file would count as no store at all.
    std::fs::write(folder.join("db"), "-").unwrap();
}
