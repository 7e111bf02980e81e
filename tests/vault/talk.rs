//! Conversations: what people and staff write to each other, files along the way, consents taken back; and that all of it
//! goes with the submission.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use letterlock::adapters::mail::{Carrier, Carrying, CarryingIf, Outgoing, Still};
use letterlock::base::ids::{RecordId, RequestId};
use letterlock::domain::message::{Author, MAX_UNANSWERED};
use letterlock::domain::submission::Status;
use letterlock::domain::work::Label;
use letterlock::policy::Role;
use letterlock::services::portal::{self, MessageIntake, Mine, Own};
use letterlock::services::review::ListQuery;
use letterlock::services::{App, ServiceError, converse, health, inbox, post, review, work};
use letterlock::vault::MAX_FILES;

use crate::support::*;

fn request() -> RequestId {
    RequestId::from_bytes([3; 16])
}

async fn mine(app: &Arc<App>, own: Own) -> Mine {
    portal::show(app, request(), own).await.unwrap()
}

/// A message from the person, with files.
async fn write(app: &Arc<App>, own: Own, text: &str, files: &[&[u8]]) -> Result<u32, ServiceError> {
    let mut intake = MessageIntake::begin(app, request(), own).await?;
    intake.text(text);
    for file in files {
        intake.begin_file(Some("more.pdf")).await?;
        intake.file_chunk(file).await?;
        intake.end_file().await?;
    }
    intake.finish().await
}

async fn fetch(app: &Arc<App>, own: Own, n: u32) -> Result<Vec<u8>, ServiceError> {
    let mut download = portal::file(app, request(), own, n).await?;
    let mut out = Vec::new();
    while let Some(piece) = download.next().await? {
        out.extend_from_slice(&piece);
    }
    Ok(out)
}

async fn applied(app: &Arc<App>, email: &str) -> (RecordId, Own) {
    let receipt = apply(app, email, &pdf("cv")).await.unwrap();
    (receipt.submission, portal::enter(app, &receipt.receipt).await.unwrap())
}

fn codes(error: &ServiceError) -> Vec<&'static str> {
    match error {
        ServiceError::Invalid(problems) => problems.iter().map(|problem| problem.code).collect(),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_goes_to_and_fro_and_outlives_a_restart() {
    let home = Home::new();
    let app = home.open();
    let (id, own) = applied(&app, "jane@example.org").await;
    let more = pdf(&"more ".repeat(40_000));
    assert_eq!(write(&app, own, "Here is my reference.\r\nJane", &[&more]).await.unwrap(), 0);
    assert_eq!(converse::answer(&app, &role(Role::Hr), id, "Thank you, Jane.", None).await.unwrap(), 1);
    assert_eq!(write(&app, own, "You are welcome.", &[]).await.unwrap(), 2);

    drop(app);
    let app = home.open();
    let seen = mine(&app, own).await;
    let texts: Vec<&str> = seen.messages.iter().map(|message| message.text.expose()).collect();
    assert_eq!(texts, ["Here is my reference.\nJane", "Thank you, Jane.", "You are welcome."]);
    let staff = Author::Staff { role: Role::Hr, login: None };
    let authors: Vec<&Author> = seen.messages.iter().map(|message| &message.author).collect();
    assert_eq!(authors, [&Author::Subject, &staff, &Author::Subject]);
    assert_eq!((seen.messages[0].files[0].n, seen.summary.files, seen.summary.messages), (1, Some(2), 3));
    assert_eq!(fetch(&app, own, 0).await.unwrap(), pdf("cv"));
    assert_eq!(fetch(&app, own, 1).await.unwrap(), more);
    assert!(matches!(fetch(&app, own, 2).await, Err(ServiceError::NotFound)));

    // Staff read the same.
    let shown = read(&app, id).await.unwrap();
    assert_eq!(shown.messages, seen.messages);
    let file = review::file(&app, &role(Role::Hr), id, 1, Some("recruitment")).await.unwrap();
    assert_eq!(file.info.size, more.len() as u64);
    assert_eq!(problems(&app).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_closes_a_request_and_a_reply_takes_it_up_again() {
    let home = Home::new();
    let app = home.open();
    let form = "support-request".parse().unwrap();
    let public = context(letterlock::policy::Actor::Public);
    let mut intake = letterlock::services::submit::begin(&app, &public, &form, None).await.unwrap();
    for (name, value) in
        [("name", "Sam"), ("email", "s@example.org"), ("subject-line", "Help"), ("message", "It broke.")]
    {
        intake.field(name, value.to_owned()).unwrap();
    }
    let receipt = intake.finish().await.unwrap();
    let (id, own) = (receipt.submission, portal::enter(&app, &receipt.receipt).await.unwrap());
    let support = role(Role::Support);
    let status = async || mine(&app, own).await.summary.status;
    converse::answer(&app, &support, id, "Have you turned it off and on?", None).await.unwrap();
    assert_eq!(status().await, Status::Answered);
    write(&app, own, "Yes.", &[]).await.unwrap();
    assert_eq!(status().await, Status::InProgress);
    converse::answer(&app, &support, id, "Then it is the fuse.", Some(Status::Closed)).await.unwrap();
    assert_eq!(status().await, Status::Closed);
    let wrong = converse::answer(&app, &support, id, "Bye.", Some(Status::Hired)).await.unwrap_err();
    assert_eq!(codes(&wrong), ["bad-status"]);
    assert_eq!(mine(&app, own).await.messages.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_read_may_not_write_and_every_message_is_in_the_trail() {
    let home = Home::new();
    let app = home.open();
    let (id, own) = applied(&app, "jane@example.org").await;
    for other in [Role::Support, Role::Auditor, Role::Admin] {
        let refused = converse::answer(&app, &role(other), id, "Hello", None).await;
        assert!(matches!(refused, Err(ServiceError::NotFound)), "{other}");
    }
    let before = health::figures(&app).audit_entries;
    write(&app, own, "Hello", &[]).await.unwrap();
    converse::answer(&app, &role(Role::Privacy), id, "Hello", None).await.unwrap();
    assert_eq!(health::figures(&app).audit_entries, before + 2);
    let trail = letterlock::services::audit::list(&app, &role(Role::Auditor), None, Some(2)).await.unwrap();
    let who: Vec<_> = trail.items.iter().map(|entry| (entry["actor"].clone(), entry["action"].clone())).collect();
    assert_eq!(who, [("owner:privacy".into(), "write-message".into()), ("subject".into(), "write-message".into())]);
    assert!(!trail.items[1].to_string().contains("Hello"));

    app.close().await;
    assert!(matches!(portal::show(&app, request(), own).await, Err(ServiceError::Unavailable)), "no trace, no data");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_is_told_and_leaves_nothing() {
    let home = Home::new();
    let app = home.open();
    let (_, own) = applied(&app, "jane@example.org").await;
    let files = || std::fs::read_dir(home.data().join("files")).unwrap().count();
    assert_eq!(files(), 1);
    let (page, program) = (pdf("x"), b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec());
    type Case<'a> = (&'a str, &'a [&'a [u8]], &'a [&'a str]);
    let cases: [Case<'_>; 5] = [
        ("  \n ", &[], &["required"]),
        ("a\0b", &[], &["control-characters"]),
        ("see file", &[&program], &["wrong-file-type"]),
        ("see file", &[b""], &["empty-file"]),
        ("see files", &[&page, &page, &page, &page], &["too-many-files"]),
    ];
    for (text, sent, expected) in cases {
        let refused = write(&app, own, text, sent).await.unwrap_err();
        assert_eq!(codes(&refused), expected, "{text}");
    }
    assert_eq!((files(), mine(&app, own).await.messages.len()), (1, 0));
    // Up to what one submission can hold, and no further.
    for _ in 0..4 {
        write(&app, own, "", &[&page, &page, &page]).await.unwrap();
    }
    write(&app, own, "", &[&page, &page]).await.unwrap();
    assert_eq!((files(), mine(&app, own).await.summary.files.unwrap() as usize), (MAX_FILES, MAX_FILES));
    assert_eq!(codes(&write(&app, own, "", &[&page]).await.unwrap_err()), ["too-many-files"]);
    assert_eq!(problems(&app).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_opens_its_own_submission_however_it_is_written() {
    let home = Home::new();
    let app = home.open();
    let first = apply(&app, "jane@example.org", &pdf("one")).await.unwrap();
    let second = apply(&app, "jane@example.org", &pdf("two")).await.unwrap();
    let own = portal::enter(&app, &first.receipt).await.unwrap();
    let relaxed = first.receipt.to_lowercase().replace('-', " ");
    assert_eq!(portal::enter(&app, &format!("  {relaxed} ")).await.unwrap(), own);
    assert_ne!(portal::enter(&app, &second.receipt).await.unwrap(), own);
    assert_eq!(fetch(&app, own, 0).await.unwrap(), pdf("one"));
    let mut wrong = first.receipt.clone().into_bytes();
    let last = wrong.len() - 2;
    wrong[last] = if wrong[last] == b'A' { b'B' } else { b'A' };
    for bad in ["", "x", "AAAA-AAAA", std::str::from_utf8(&wrong).unwrap(), &first.receipt[1..]] {
        assert!(matches!(portal::enter(&app, bad).await, Err(ServiceError::NotFound)), "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_taken_back_stays_taken_back_and_is_nobody_elses() {
    let home = Home::new();
    let app = home.open();
    let (_, own) = applied(&app, "jane@example.org").await;
    let (_, other) = applied(&app, "jane@example.org").await;
    let given = async |own| {
        let standing = mine(&app, own).await.consents;
        standing.iter().map(|consent| (consent.name.clone(), consent.given)).collect::<Vec<_>>()
    };
    let both = |pool| vec![("marketing".to_owned(), false), ("talent-pool".to_owned(), pool)];
    assert_eq!(given(own).await, both(true));
    assert!(mine(&app, own).await.consents[1].wording.as_ref().is_some_and(|words| words.contains("two years")));
    portal::withdraw(&app, request(), own, "talent-pool").await.unwrap();
    portal::withdraw(&app, request(), own, "marketing").await.unwrap();
    assert!(matches!(portal::withdraw(&app, request(), own, "nothing").await, Err(ServiceError::NotFound)));
    assert_eq!((given(own).await, given(other).await), (both(false), both(true)));
    assert_eq!(problems(&app).await, Vec::<String>::new());
    drop(app);
    assert!(!mine(&home.open(), own).await.consents[1].given);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_and_their_files_go_with_the_submission_and_nothing_else_does() {
    let home = Home::new();
    let app = home.open();
    let (id, own) = applied(&app, "jane@example.org").await;
    let (kept_id, kept) = applied(&app, "jane@example.org").await;
    for own in [own, kept] {
        write(&app, own, "With a file", &[&pdf("more")]).await.unwrap();
    }
    converse::answer(&app, &role(Role::Hr), id, "Thank you.", None).await.unwrap();
    let certificate = portal::erase(&app, request(), own).await.unwrap();
    assert_eq!(certificate["statement"]["files"].as_array().unwrap().len(), 2);
    check_certificate(&certificate, &health::figures(&app).erasure_key);
    assert!(matches!(portal::show(&app, request(), own).await, Err(ServiceError::NotFound)));
    assert!(matches!(write(&app, own, "Still there?", &[]).await, Err(ServiceError::NotFound)));
    assert!(matches!(portal::erase(&app, request(), own).await, Err(ServiceError::NotFound)));

    clean(&app).await;
    assert_eq!(problems(&app).await, Vec::<String>::new());
    let seen = mine(&app, kept).await;
    assert_eq!((seen.messages.len(), seen.summary.files), (1, Some(2)));
    assert_eq!(fetch(&app, kept, 1).await.unwrap(), pdf("more"));
    assert_eq!(std::fs::read_dir(home.data().join("files")).unwrap().count(), 2);

    let person = person_of(&app, "jane@example.org").await.unwrap();
    erase_person(&app, person).await.unwrap();
    clean(&app).await;
    assert!(matches!(read(&app, kept_id).await, Err(ServiceError::NotFound)));
    assert_eq!(std::fs::read_dir(home.data().join("files")).unwrap().count(), 0);
    assert_eq!(problems(&app).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_that_wait_go_with_what_they_are_about() {
    let home = Home::new();
    let app = home.open();
    app.set_post(waiting_post());
    let waiting = || post::health(&app).unwrap().waiting;
    let (id, own) = applied(&app, "jane@example.org").await;
    let (kept, _) = applied(&app, "jane@example.org").await;
    converse::answer(&app, &role(Role::Hr), id, "Thank you.", None).await.unwrap();
    assert_eq!(waiting(), 3);
    assert_eq!(post::deliver(&app, app.post().unwrap()).await.unwrap(), 0);
    assert_eq!((waiting(), problems(&app).await), (3, Vec::new()));
    portal::erase(&app, request(), own).await.unwrap();
    clean(&app).await;
    assert_eq!((waiting(), problems(&app).await), (1, Vec::new()));
    erase_person(&app, read(&app, kept).await.unwrap().summary.subject).await.unwrap();
    clean(&app).await;
    assert_eq!((waiting(), problems(&app).await), (0, Vec::new()));
}

/// Downloads of what a form unlocks stand in the record, survive the erasure of another of the same person, and go with theirs.
#[tokio::test(flavor = "multi_thread")]
async fn downloads_go_with_what_they_are_about() {
    let home = Home::new();
    let app = home.open();
    let (_, own) = applied(&app, "jane@example.org").await;
    let (kept, other) = applied(&app, "jane@example.org").await;
    for own in [own, own, other] {
        unlock(&app, home.path().join("resources"), own).await;
    }
    let of = async |own| mine(&app, own).await.downloads.len();
    assert_eq!((of(own).await, of(other).await, problems(&app).await), (2, 1, Vec::new()));
    portal::erase(&app, request(), own).await.unwrap();
    clean(&app).await;
    assert_eq!((of(other).await, problems(&app).await), (1, Vec::new()));
    erase_person(&app, read(&app, kept).await.unwrap().summary.subject).await.unwrap();
    clean(&app).await;
    assert_eq!(problems(&app).await, Vec::<String>::new());
}

/// A mail server that erases a person, in the moment in which it has been told to whom a mail goes, and not what it says.
struct Eraser {
    app: OnceLock<Weak<App>>,
    taken: AtomicUsize,
    asked: AtomicUsize,
}

impl Eraser {
    fn with(app: &Arc<App>) -> Arc<Self> {
        let eraser = Self { app: OnceLock::from(Arc::downgrade(app)), taken: 0.into(), asked: 0.into() };
        let eraser = Arc::new(eraser);
        let carrier = Arc::clone(&eraser);
        app.set_post(post::Post::new(carrier, None, "https://letterlock.example", "Example").unwrap());
        eraser
    }

    /// Mails that it was asked to take, and those that it took.
    fn counts(&self) -> (usize, usize) {
        (self.asked.load(Ordering::SeqCst), self.taken.load(Ordering::SeqCst))
    }
}

impl Carrier for Eraser {
    fn carry<'a>(&'a self, _: &'a Outgoing) -> Carrying<'a> {
        Box::pin(async { panic!("a mail about somebody is not sent without asking whether they are still there") })
    }

    fn carry_if<'a>(&'a self, _: &'a Outgoing, still: &'a Still<'a>) -> CarryingIf<'a> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let app = self.app.get().and_then(Weak::upgrade).unwrap();
            let person = person_of(&app, "jane@example.org").await;
            if let Some(person) = person {
                erase_person(&app, person).await.unwrap();
            }
            if still() {
                self.taken.fetch_add(1, Ordering::SeqCst);
                return Ok(true);
            }
            Ok(false)
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_whose_person_is_erased_while_it_is_handed_over_goes_nowhere_and_is_not_tried_again() {
    let home = Home::new();
    let app = home.open();
    let eraser = Eraser::with(&app);
    applied(&app, "jane@example.org").await;
    assert_eq!(post::deliver(&app, app.post().unwrap()).await.unwrap(), 0);
    clean(&app).await;
    for _ in 0..2 {
        assert_eq!(post::deliver(&app, app.post().unwrap()).await.unwrap(), 0);
    }
    assert_eq!((eraser.counts(), post::health(&app).unwrap().waiting), ((1, 0), 0));
    applied(&app, "joe@example.org").await;
    assert_eq!(post::deliver(&app, app.post().unwrap()).await.unwrap(), 1, "to whoever is still there");
    assert_eq!(eraser.counts(), (2, 1));
}

/// A link that was asked for waits in memory, with the address.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_for_somebody_erased_meanwhile_goes_nowhere_and_is_not_tried_again() {
    let home = Home::new();
    let app = home.open();
    applied(&app, "jane@example.org").await; // before there is a post office, so that nothing else waits
    let eraser = Eraser::with(&app);
    post::ask_for_link(&app, &letterlock::domain::language::Lang::english(), "jane@example.org").unwrap();
    let begin = std::time::Instant::now();
    while eraser.counts().0 == 0 {
        assert!(begin.elapsed().as_secs() < 20, "the link is never taken up");
        assert_eq!(post::deliver(&app, app.post().unwrap()).await.unwrap(), 0);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    for _ in 0..3 {
        assert_eq!(post::deliver(&app, app.post().unwrap()).await.unwrap(), 0);
    }
    assert_eq!(eraser.counts(), (1, 0));
}

/// A conversation is opened as a whole, so nobody may make it long on their own.
#[tokio::test(flavor = "multi_thread")]
async fn after_many_messages_the_person_waits_for_an_answer_and_staff_can_always_give_one() {
    let home = Home::new();
    let app = home.open();
    let (id, own) = applied(&app, "jane@example.org").await;
    for n in 0..MAX_UNANSWERED {
        write(&app, own, &format!("Message {n}"), &[]).await.unwrap();
    }
    assert_eq!(codes(&write(&app, own, "One more", &[]).await.unwrap_err()), ["wait-for-answer"]);
    converse::answer(&app, &role(Role::Hr), id, "Slowly, please.", None).await.unwrap();
    write(&app, own, "One more", &[]).await.unwrap();
    assert_eq!(mine(&app, own).await.messages.len() as u32, MAX_UNANSWERED + 2);
    assert_eq!(problems(&app).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_deletes_the_last_of_theirs_is_not_known_any_more() {
    let home = Home::new();
    let app = home.open();
    let (_, first) = applied(&app, "jane@example.org").await;
    let (_, second) = applied(&app, "jane@example.org").await;
    let kind = async |own| portal::erase(&app, request(), own).await.unwrap()["statement"]["kind"].clone();
    assert_eq!(kind(first).await, "record");
    assert!(person_of(&app, "jane@example.org").await.is_some());
    assert_eq!(kind(second).await, "person");
    assert!(person_of(&app, "jane@example.org").await.is_none());
    clean(&app).await;
    assert_eq!((health::figures(&app).people, problems(&app).await), (0, Vec::new()));
}

/// Anybody may have sent either: whoever erases the one they hold the receipt of takes nothing else with it.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_the_last_one_is_erased_by_its_receipt_stays() {
    const ROUNDS: u64 = 80;
    let home = Home::new();
    let app = home.open();
    let mut before = 0;
    for n in 0..ROUNDS {
        let email = format!("p{n}@example.org");
        let (first, own) = applied(&app, &email).await;
        let erasing = {
            let app = Arc::clone(&app);
            tokio::spawn(async move { portal::erase(&app, request(), own).await })
        };
        tokio::time::sleep(std::time::Duration::from_micros(n * 100)).await;
        let (second, _) = applied(&app, &email).await;
        before += u64::from(!erasing.is_finished());
        erasing.await.unwrap().unwrap();
        assert!(matches!(read(&app, first).await, Err(ServiceError::NotFound)), "round {n}");
        assert!(read(&app, second).await.is_ok(), "round {n}: what was acknowledged is gone");
    }
    println!("{ROUNDS} erasures, {before} of which were still under way when the other was acknowledged");
    app.close().await;
}

/// A mail that was sent while its row could not be removed is not sent again; a damaged one does not stop the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_sends_no_mail_and_so_none_twice() {
    let free = Arc::new(std::sync::atomic::AtomicU64::new(1 << 40));
    let home = Home::new();
    let app = home.open_with(letterlock::vault::Hooks { free_bytes: Some(free.clone()), ..Default::default() });
    let carried = Arc::new(std::sync::atomic::AtomicU64::new(0));
    app.set_post(counting_post(carried.clone()));
    let count = || carried.load(std::sync::atomic::Ordering::SeqCst);
    applied(&app, "jane@example.org").await;
    free.store(9 << 20, std::sync::atomic::Ordering::SeqCst);
    for _ in 0..5 {
        assert_eq!(post::deliver(&app, app.post().unwrap()).await.unwrap(), 0);
    }
    assert_eq!(count(), 0, "no room for a trace, no mail");
    free.store(1 << 40, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(post::deliver(&app, app.post().unwrap()).await.unwrap(), 1);
    assert_eq!((count(), post::health(&app).unwrap().waiting), (1, 0));
}

/// What staff settle and note stands in the record, outlives a restart, and goes with the record: what is kept in memory of it too.
#[tokio::test(flavor = "multi_thread")]
async fn notes_labels_and_assignees_go_with_what_they_are_about() {
    let home = Home::new();
    let app = home.open();
    let (gone, own) = applied(&app, "jane@example.org").await;
    let (kept, _) = applied(&app, "jane@example.org").await;
    let hr = role(Role::Hr);
    for id in [gone, kept] {
        work::note(&app, &hr, id, "Call her.").await.unwrap();
        let labels = vec![Label::parse("urgent").unwrap()];
        let change = work::Change { labels: Some(work::LabelChange::Set(labels)), ..work::Change::default() };
        work::change(&app, &hr, id, change).await.unwrap();
    }
    let urgent = || ListQuery {
        form: Some("job-application".parse().unwrap()),
        label: Label::parse("URGENT").ok(),
        ..ListQuery::default()
    };
    let listed = async |app: &Arc<App>| {
        let page = review::list(app, &role(Role::Hr), urgent()).await.unwrap();
        page.items.iter().map(|item| item.summary.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(&app).await, [kept, gone]);
    drop(app);
    let app = home.open();
    assert_eq!(listed(&app).await, [kept, gone]);
    let opened = read(&app, gone).await.unwrap();
    assert_eq!(
        opened.notes.iter().map(|(note, told)| (note.text.expose(), *told)).collect::<Vec<_>>(),
        [("Call her.", false)]
    );

    portal::erase(&app, request(), own).await.unwrap();
    assert_eq!(listed(&app).await, [kept], "at once, before anything is cleaned up");
    clean(&app).await;
    assert_eq!(problems(&app).await, Vec::<String>::new());
    assert_eq!(read(&app, kept).await.unwrap().notes.len(), 1);
    erase_person(&app, read(&app, kept).await.unwrap().summary.subject).await.unwrap();
    assert!(listed(&app).await.is_empty());
    clean(&app).await;
    assert_eq!(problems(&app).await, Vec::<String>::new());
}

/// Whatever is written meanwhile: filtered and counted from memory, lists say what stands in the rows.
#[tokio::test(flavor = "multi_thread")]
async fn lists_from_memory_follow_every_change() {
    let home = Home::new();
    let app = home.open();
    let form = || Some("job-application".parse().unwrap());
    let count = async |app: &Arc<App>, status| {
        let query = ListQuery { form: form(), status, limit: Some(200), ..ListQuery::default() };
        review::list(app, &role(Role::Hr), query).await.unwrap().items.len()
    };
    assert_eq!(count(&app, None).await, 0);
    let mut ids = Vec::new();
    for n in 0..12 {
        ids.push(applied(&app, &format!("p{n}@example.org")).await.0);
        assert_eq!(count(&app, None).await, n + 1);
    }
    for (n, id) in ids.iter().enumerate() {
        review::set_status(&app, &role(Role::Hr), *id, Status::Offer).await.unwrap();
        assert_eq!(
            (count(&app, Some(Status::Offer)).await, count(&app, Some(Status::Received)).await),
            (n + 1, 11 - n)
        );
    }
    let forms: Vec<_> = app.forms().iter().filter(|one| Some(one.id.clone()) == form()).cloned().collect();
    let tally = inbox::tallies(&app, &role(Role::Hr), &forms).await.unwrap().unwrap().remove(0);
    assert_eq!((tally.all, tally.nobodys, tally.by_status[&Status::Offer]), (12, 12, 12));
    // Pages follow each other without a gap and without a repetition.
    let mut query = ListQuery { form: form(), status: Some(Status::Offer), limit: Some(5), ..ListQuery::default() };
    let mut seen = Vec::new();
    loop {
        let page = review::list(&app, &role(Role::Hr), query.clone()).await.unwrap();
        seen.extend(page.items.iter().map(|item| item.summary.id));
        let Some(next) = page.next else { break };
        query.after = Some(next);
    }
    ids.reverse();
    assert_eq!(seen, ids);
}
