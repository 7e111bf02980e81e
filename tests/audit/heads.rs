//! Heads in second places: kept on time, and held against the trail.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use letterlock::adapters::heads::{HeadsFile, Place, Syslog, SyslogAddress};
use letterlock::adapters::mail::{Carrier, Carrying, Outgoing, Refused};
use letterlock::policy::Role;
use letterlock::services::audit::keep::{self, HeadsMail, Keeper, Keeps};
use letterlock::services::audit::{self, heads_in};
use letterlock::services::post::Post;
use letterlock::services::{App, Context, health};
use tokio::net::UnixDatagram;

use crate::support::{Service, document, open, owner, pdf};
use crate::verifier::check;

const HOUR: Duration = Duration::from_secs(3600);

fn file_in(folder: &Path) -> HeadsFile {
    HeadsFile(folder.join("heads"))
}

fn keeper(places: Vec<Box<dyn Place>>) -> Keeper {
    Keeper::new(places, HOUR)
}

/// A mail server that keeps what it is given, or is away.
struct Mails(Mutex<Vec<String>>, bool);

impl Carrier for Mails {
    fn carry<'a>(&'a self, mail: &'a Outgoing) -> Carrying<'a> {
        Box::pin(async {
            if self.1 {
                return Err(Refused::NotNow("the mail server cannot be reached".to_owned()));
            }
            self.0.lock().unwrap().push(format!("{} {}\n{}", mail.to.expose(), mail.subject, mail.text.expose()));
            Ok(())
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_a_syslog_and_a_mailbox_get_heads_that_hold_against_the_trail() {
    let service = Service::start().await;
    let (app, folder) = (&service.app, service.dir.path());
    let key = crate::key(&service).await;
    let socket = UnixDatagram::bind(folder.join("log")).unwrap();
    let mails = Arc::new(Mails(Mutex::default(), false));
    let post = Arc::new(Post::new(mails.clone(), None, "https://letterlock.example", "Example").unwrap());
    assert_eq!((keep::keeps(app), keep::places(app)), (Keeps::Off, Vec::new()));
    app.set_keeper(keeper(vec![
        Box::new(file_in(folder)),
        Box::new(Syslog::new(SyslogAddress::Socket(folder.join("log")))),
        Box::new(HeadsMail::new(post, "auditor@example.org".to_owned())),
    ]));
    assert_eq!(keep::keeps(app), Keeps::Kept, "none is due yet");
    let mut logged = String::new();
    for n in 0..5u8 {
        service.apply(&format!("p{n}@example.org"), &pdf(2000, n)).await;
        assert!(keep::keep(app).await);
        let mut buffer = [0; 4096];
        let length = socket.recv(&mut buffer).await.unwrap();
        logged += &format!("{}\n", String::from_utf8_lossy(&buffer[..length]));
    }
    let written = std::fs::read_to_string(folder.join("heads")).unwrap();
    let mailed = mails.0.lock().unwrap().join("\n");
    assert!(mailed.starts_with("auditor@example.org Head of the audit trail: "), "{mailed}");
    let heads = heads_in(&written).heads;
    assert_eq!((heads.len(), written.lines().count()), (5, 5));
    assert!(heads.is_sorted_by(|a, b| a.size < b.size));
    for text in [&logged, &mailed] {
        assert_eq!(heads_in(text).heads, heads);
    }
    written.lines().for_each(|line| drop(check(&key, line, None).unwrap()));
    let verdict = audit::verify(app, &owner(Role::Auditor), heads.clone(), &|_, _| {}).await.unwrap();
    assert_eq!(verdict.problems, Vec::<String>::new());
    for place in keep::places(app) {
        assert_eq!((place.entries, place.problem.clone()), (Some(heads[4].size), None), "{place:?}");
        assert!(!place.place.contains('@'), "{place:?}");
    }
    let (status, ready) = document(service.get("/health/ready", None).await).await;
    assert_eq!((status, &ready["heads"]), (200, &"kept".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_out_of_reach_is_told_and_tried_again_and_stops_nothing() {
    let mut service = Service::start().await;
    let away = service.dir.path().join("away");
    let nobody = Arc::new(Mails(Mutex::default(), true));
    let post = Arc::new(Post::new(nobody, None, "https://letterlock.example", "Example").unwrap());
    service.app.set_keeper(keeper(vec![
        Box::new(file_in(&away)),
        Box::new(Syslog::new(SyslogAddress::Socket(away.join("log")))),
        Box::new(HeadsMail::new(post, "auditor@example.org".to_owned())),
    ]));
    let (id, _) = service.apply("jane@example.org", &pdf(2000, 1)).await;
    assert!(!keep::keep(&service.app).await);
    let places = keep::places(&service.app);
    assert!(places.iter().all(|place| place.problem.is_some() && !place.contradicted), "{places:?}");
    // It shows, and everything goes on.
    let (status, ready) = document(service.get("/health/ready", None).await).await;
    assert_eq!((status, &ready["ready"], &ready["heads"]), (200, &true.into(), &"failing".into()));
    let hr = service.token(&[Role::Hr]).await;
    assert_eq!(service.get(&format!("/api/v1/submissions/{id}?purpose=recruitment"), Some(&hr)).await.status(), 200);
    std::fs::create_dir(&away).unwrap();
    assert!(!keep::keep(&service.app).await);
    let problems: Vec<bool> = keep::places(&service.app).iter().map(|place| place.problem.is_some()).collect();
    assert_eq!(problems, [false, true, true], "the file is there now");
    assert_eq!(std::fs::read_to_string(away.join("heads")).unwrap().lines().count(), 1);
    service.stop().await;
}

/// Copies what stands under a folder.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

async fn grow(app: &Arc<App>, ctx: &Context, entries: u32) {
    for _ in 0..entries {
        audit::head(app, ctx).await.unwrap();
    }
}

/// A whole installation put back, keys included, is sound in itself: the witness goes back with it. The file beside it tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_installation_put_back_with_its_keys_shows_against_the_file() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let ctx = owner(Role::Auditor);
    let app = open(dir.path());
    grow(&app, &ctx, 5).await;
    app.close().await;
    drop(app);
    let old = elsewhere.path().join("old");
    for folder in ["data", "keys"] {
        copy(&dir.path().join(folder), &old.join(folder));
    }
    let app = open(dir.path());
    app.set_keeper(keeper(vec![Box::new(file_in(elsewhere.path()))]));
    grow(&app, &ctx, 20).await;
    assert!(keep::keep(&app).await);
    app.close().await;
    drop(app);
    let kept = std::fs::read_to_string(elsewhere.path().join("heads")).unwrap();

    for folder in ["data", "keys"] {
        std::fs::remove_dir_all(dir.path().join(folder)).unwrap();
        copy(&old.join(folder), &dir.path().join(folder));
    }
    let app = open(dir.path());
    app.set_keeper(keeper(vec![Box::new(file_in(elsewhere.path()))]));
    for (more, word) in [(1, "the trail was cut"), (60, "are not those of the head")] {
        grow(&app, &ctx, more).await;
        let of_itself = audit::verify(&app, &ctx, None, &|_, _| {}).await.unwrap();
        assert_eq!(of_itself.problems, Vec::<String>::new(), "without a head kept elsewhere nothing shows");
        assert!(!keep::keep(&app).await);
        let place = keep::places(&app).remove(0);
        assert!(place.contradicted && place.problem.as_ref().unwrap().contains(word), "{place:?}");
        let readiness = health::readiness(&app);
        assert!(readiness.ready && readiness.heads == Keeps::Contradicted, "{readiness:?}");
        let verdict = audit::verify(&app, &ctx, heads_in(&kept).heads, &|_, _| {}).await.unwrap();
        assert_eq!(verdict.problems.len(), 1, "{verdict:?}");
        // Nothing covers up what is kept there.
        assert_eq!(std::fs::read_to_string(elsewhere.path().join("heads")).unwrap(), kept);
    }
    // A head by somebody else, or of another vault, is no reason to trust the place again, or to distrust it.
    let file = elsewhere.path().join("heads");
    std::fs::write(&file, format!("{kept}{}", kept.replace("\"size\":", "\"size\":1"))).unwrap();
    assert!(!keep::keep(&app).await);
    assert!(keep::places(&app)[0].contradicted, "a head that this vault did not sign");
    let vault = health::figures(&app).vault;
    std::fs::write(&file, kept.replace(&vault, &"a".repeat(26))).unwrap();
    assert!(keep::keep(&app).await, "the head of another vault says nothing");
    // Looked into, and moved aside: from here on a new file.
    std::fs::remove_file(&file).unwrap();
    assert!(keep::keep(&app).await);
    assert_eq!(keep::keeps(&app), Keeps::Kept);
}
