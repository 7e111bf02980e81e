//! What happens in the vault while every byte is recorded. It is a play in acts, each in a process of its own, so that
//! some can end in a kill -9 between two steps of an erasure.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use letterlock::base::clock::SystemClock;
use letterlock::base::entropy::SystemEntropy;
use letterlock::base::ids::{PersonId, RecordId, RequestId};
use letterlock::domain::submission::Status;
use letterlock::domain::work::Label;
use letterlock::policy::Role;
use letterlock::services::review::{self, ListQuery};
use letterlock::services::{
    App, OpenOptions, audit, board, converse, erase, portal, results, sign_in, staff, submit, work,
};
use letterlock::vault::{Hooks, Step};
use serde::{Deserialize, Serialize};

use crate::newsletter;
use crate::recorder::recording;
use crate::support::*;

/// In every text of somebody, or of a record, that is erased in the end.
pub const GONE: &str = "qhvzgone";
/// In every text of those who stay.
pub const KEPT: &str = "qhvzkept";
/// In the addresses under which somebody was erased and somebody new came.
pub const BACK: &str = "qhvzback";

/// What was sent, and what became of it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Sent {
    pub email: String,
    pub name: String,
    pub letter: String,
    pub cv: Option<Vec<u8>>,
    /// What was written later, and with which file.
    pub message: Option<(String, Vec<u8>)>,
    /// The answer to that.
    pub answer: Option<String>,
    pub record: String,
    /// The person is still there at the end.
    pub person_stays: bool,
    /// The record is.
    pub record_stays: bool,
}

/// One act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Everybody comes.
    Fill,
    /// One person and one record go, and somebody comes back.
    Single,
    /// The erasure of a person is killed here.
    KillPerson(Step),
    /// The erasure of a record is.
    KillRecord(Step),
    /// Many go in one epoch.
    Many,
    /// Many go, and the process is killed here.
    KillMany(Step),
    /// Everything is read, marked and verified once more.
    Last,
}

/// The play.
pub fn parts() -> Vec<Part> {
    let deep = std::env::var_os("LETTERLOCK_TEST_DEEP").is_some();
    let some = [Step::Ordered, Step::RedoRenamed, Step::Committed, Step::OldSlotSynced];
    let records = if deep { Step::ERASURE.to_vec() } else { some.to_vec() };
    let many = if deep { Step::ERASURE.to_vec() } else { vec![Step::Committed] };
    let mut parts = vec![Part::Fill, Part::Single];
    let people = Step::ERASURE.iter().step_by(if deep { 1 } else { 2 });
    parts.extend(people.copied().map(Part::KillPerson));
    parts.extend(records.into_iter().map(Part::KillRecord));
    parts.push(Part::Many);
    parts.extend(many.into_iter().map(Part::KillMany));
    parts.push(Part::Last);
    parts
}

impl Part {
    /// Whether the process ends by a kill.
    pub fn is_killed(self) -> bool {
        matches!(self, Self::KillPerson(_) | Self::KillRecord(_) | Self::KillMany(_))
    }

    fn hooks(self, home: &Path) -> Hooks {
        let hooks = recording(&home.join("rows"));
        let (Self::KillPerson(step) | Self::KillRecord(step) | Self::KillMany(step)) = self else { return hooks };
        let at_step = move |at| {
            if at == step {
                rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).unwrap();
            }
            ControlFlow::Continue(())
        };
        Hooks { at_step: Some(Arc::new(at_step)), ..hooks }
    }

    /// Plays the act in `home`.
    pub async fn play(self, home: &Path) {
        let app = App::open_with_hooks(options_in(home), self.hooks(home)).unwrap().0;
        // So that mails wait, with addresses in them.
        let letters = newsletter::Readers::default();
        app.set_post(letters.post());
        let stage = Stage { app, home: home.to_owned(), letters };
        match self {
            Self::Fill => stage.fill().await,
            Self::Single => stage.single().await,
            Self::KillPerson(step) => {
                let name = format!("kill-{step:?}");
                // Whose order was never durable stays.
                let stays = step == Step::Order;
                stage.apply(&name, stays, stays, true).await;
                stage.apply(&format!("beside-{step:?}"), true, true, false).await;
                let person = stage.person(&name, stays).await;
                erase_person(&stage.app, person).await.unwrap_err();
            }
            Self::KillRecord(step) => {
                let name = format!("partly-{step:?}");
                let stays = step == Step::Order;
                let gone = stage.apply(&name, true, stays, true).await;
                stage.apply(&name, true, true, true).await;
                erase::record(&stage.app, &role(Role::Privacy), gone).await.unwrap_err();
            }
            Self::Many => stage.many("many", true).await,
            Self::KillMany(step) => stage.many(&format!("lot-{step:?}-"), step != Step::Order).await,
            Self::Last => stage.last().await,
        }
        assert!(!self.is_killed(), "{self:?} should have been killed");
        stage.app.close().await;
    }
}

struct Stage {
    app: Arc<App>,
    home: PathBuf,
    letters: newsletter::Readers,
}

impl Stage {
    async fn fill(&self) {
        let ctx = role(Role::Admin);
        staff::add(&self.app, &ctx, "erika", false, Some(&"erika@example.org".into())).await.unwrap();
        sign_in::invite(&self.app, &ctx, "erika", &[Role::Hr], None, std::time::Duration::from_secs(3600))
            .await
            .unwrap();
        staff::create_token(&self.app, &ctx, "erika", &[Role::Hr], None).await.unwrap();
        for n in 0..4 {
            let id = self.apply(&format!("early{n}"), true, true, true).await;
            review::set_status(&self.app, &role(Role::Hr), id, Status::Shortlisted).await.unwrap();
            review::set_status(&self.app, &role(Role::Hr), id, Status::Interview).await.unwrap();
            read(&self.app, id).await.unwrap();
            download(&self.app, id).await.unwrap();
        }
        for name in ["single", "return"] {
            let id = self.apply(name, false, false, true).await;
            review::set_status(&self.app, &role(Role::Hr), id, Status::Rejected).await.unwrap();
            read(&self.app, id).await.unwrap();
            download(&self.app, id).await.unwrap();
            self.apply(name, false, false, false).await;
        }
        self.apply("half", true, false, true).await;
        self.apply("half", true, true, true).await;
        // A crowd, over three leaves; every eighth of them goes with the batch.
        let crowd = 130;
        for from in (0..crowd).step_by(26) {
            let sending = (from..from + 26).map(|n| async move {
                let goes = n % 8 == 0;
                let name = if goes { format!("many{n}") } else { format!("crowd{n}") };
                self.ask(&name, !goes, !goes).await;
            });
            futures_util::future::join_all(sending).await;
        }
    }

    async fn single(&self) {
        let person = self.person("single", false).await;
        erase_person(&self.app, person).await.unwrap();
        let person = self.person("return", false).await;
        erase_person(&self.app, person).await.unwrap();
        self.apply("return", true, true, true).await;
        let half = self.sent().into_iter().find(|sent| sent.name.contains("half")).unwrap();
        erase::record(&self.app, &role(Role::Privacy), half.record.parse().unwrap()).await.unwrap();
        // An upload that somebody walked away from.
        let form = "job-application".parse().unwrap();
        let mut intake =
            submit::begin(&self.app, &context(letterlock::policy::Actor::Public), &form, None).await.unwrap();
        intake.begin_file("cv", Some("cv.pdf")).await.unwrap();
        intake.file_chunk(format!("%PDF-1.4 {GONE} ").repeat(9000).as_bytes()).await.unwrap();
        drop(intake);
        self.survey().await;
        self.board().await;
        newsletter::play(&self.app, &self.letters).await;
        clean(&self.app).await;
    }

    /// A group of answers to a survey is counted and read; then all of them are taken back by those who sent them.
    async fn survey(&self) {
        let (form, public) = ("survey".parse().unwrap(), context(letterlock::policy::Actor::Public));
        let mut receipts = Vec::new();
        for n in 0..5 {
            let mut intake = submit::begin(&self.app, &public, &form, None).await.unwrap();
            intake.field("satisfaction", "2".to_owned()).unwrap();
            intake.field("ideas", format!("{GONE} idea {n}")).unwrap();
            receipts.push(intake.finish().await.unwrap().receipt);
        }
        let reader = role(Role::Marketing);
        let counted = results::show(&self.app, &reader, &form, Some("survey")).await.unwrap();
        assert_eq!(counted.answers, Some(5));
        let texts = results::texts(&self.app, &reader, &form, "ideas", Some("survey"), None, None).await.unwrap();
        assert_eq!(texts.items.len(), 5);
        for receipt in receipts {
            let own = portal::enter(&self.app, &receipt).await.unwrap();
            portal::erase(&self.app, RequestId::from_bytes([8; 16]), own).await.unwrap();
        }
        assert_eq!(results::show(&self.app, &reader, &form, Some("survey")).await.unwrap().answers, None);
    }

    /// A comment is published, taken down by its author, and deleted; another is deleted while everybody reads it.
    async fn board(&self) {
        let (form, public) = ("public-comment".parse().unwrap(), context(letterlock::policy::Actor::Public));
        for take_down in [true, false] {
            let mut intake = submit::begin(&self.app, &public, &form, None).await.unwrap();
            for (name, value) in [
                ("display-name", format!("{GONE} the poet")),
                ("email", format!("poet{take_down}.{GONE}@example.org")),
                ("comment", format!("{GONE} verses")),
                ("publish", "true".to_owned()),
            ] {
                intake.field(name, value).unwrap();
            }
            let receipt = intake.finish().await.unwrap();
            let verdict = board::Verdict::Publish;
            board::moderate(&self.app, &role(Role::Marketing), receipt.submission, verdict).await.unwrap();
            let page = board::page(&self.app, &public, &form, 1).await.unwrap();
            assert!(page.postings[0].fields[0].1.expose().contains(GONE));
            let (request, own) =
                (RequestId::from_bytes([9; 16]), portal::enter(&self.app, &receipt.receipt).await.unwrap());
            if take_down {
                portal::take_down(&self.app, request, own).await.unwrap();
                assert_eq!(board::page(&self.app, &public, &form, 1).await.unwrap().postings, []);
            }
            portal::erase(&self.app, request, own).await.unwrap();
            assert_eq!(board::page(&self.app, &public, &form, 1).await.unwrap().postings, []);
        }
    }

    /// Erases everybody whose name begins so, after more of them have come.
    async fn many(&self, name: &str, go: bool) {
        for n in 500..505 {
            self.apply(&format!("{name}{n}"), !go, !go, n % 2 == 0).await;
        }
        let emails: std::collections::BTreeSet<String> = self
            .sent()
            .into_iter()
            .filter(|sent| sent.email.starts_with(&name.to_lowercase()))
            .map(|sent| sent.email)
            .collect();
        let mut people = Vec::new();
        for email in &emails {
            people.push(person_of(&self.app, email).await.unwrap());
        }
        let certificates = erase::people(&self.app, &role(Role::Privacy), &people).await.unwrap();
        assert!(certificates.iter().all(Result::is_ok) && certificates.len() >= 5);
        clean(&self.app).await;
    }

    async fn last(&self) {
        clean(&self.app).await;
        for sent in self.sent() {
            let id = sent.record.parse().unwrap();
            let purpose = if sent.cv.is_some() { (Role::Hr, "recruitment") } else { (Role::Support, "support") };
            let shown = review::show(&self.app, &role(purpose.0), id, Some(purpose.1)).await;
            assert_eq!(shown.is_ok(), sent.record_stays, "{}", sent.name);
        }
        let query = ListQuery { purpose: Some("recruitment".to_owned()), ..ListQuery::default() };
        review::list(&self.app, &role(Role::Hr), query).await.unwrap();
        audit::head(&self.app, &role(Role::Auditor)).await.unwrap();
        assert_eq!(problems(&self.app).await, Vec::<String>::new());
    }

    async fn person(&self, name: &str, stays: bool) -> PersonId {
        person_of(&self.app, &email(name, stays)).await.unwrap()
    }

    /// Somebody applies for work, with a CV if they have one, and ticks a box.
    async fn apply(&self, name: &str, person_stays: bool, record_stays: bool, with_cv: bool) -> RecordId {
        if !with_cv {
            return self.ask(name, person_stays, record_stays).await;
        }
        let (email, full_name) = (email(name, person_stays), full_name(name, person_stays));
        let letter = format!("Dear all, {} is my secret word. {}", mark(record_stays), "la ".repeat(40));
        // Some CVs have more than one segment.
        let cv =
            pdf(&format!("{name} {} ", mark(record_stays)).repeat(if name.len().is_multiple_of(3) { 7000 } else { 9 }));
        let form = "job-application".parse().unwrap();
        let public = context(letterlock::policy::Actor::Public);
        let key = format!("key-{name}-{record_stays}");
        let mut intake = submit::begin(&self.app, &public, &form, Some(&key)).await.unwrap();
        intake.field("name", full_name.clone()).unwrap();
        intake.field("email", email.clone()).unwrap();
        intake.field("letter", letter.clone()).unwrap();
        intake.consent("talent-pool", true);
        intake.begin_file("cv", Some(&format!("cv {}.pdf", mark(record_stays)))).await.unwrap();
        for chunk in cv.chunks(30_000) {
            intake.file_chunk(chunk).await.unwrap();
        }
        intake.end_file().await.unwrap();
        let receipt = intake.finish().await.unwrap();
        let record = receipt.submission;
        // The same request again, by a part that is played more than once: the same submission.
        if self.sent().iter().any(|sent| sent.record == record.to_string()) {
            return record;
        }
        // Every other one writes again, is answered, and takes the consent back.
        let (mut message, mut answer) = (None, None);
        if name.len().is_multiple_of(2) {
            let (text, file) = (format!("One thing more: {} {name}", mark(record_stays)), pdf(mark(record_stays)));
            let request = RequestId::from_bytes([7; 16]);
            let own = portal::enter(&self.app, &receipt.receipt).await.unwrap();
            let mut intake = portal::MessageIntake::begin(&self.app, request, own).await.unwrap();
            intake.text(&text);
            intake.begin_file(Some(&format!("{}.pdf", mark(record_stays)))).await.unwrap();
            intake.file_chunk(&file).await.unwrap();
            intake.end_file().await.unwrap();
            intake.finish().await.unwrap();
            let reply = format!("Thank you, {}.", mark(record_stays));
            converse::answer(&self.app, &role(Role::Hr), record, &reply, None).await.unwrap();
            work::note(&self.app, &role(Role::Hr), record, &reply).await.unwrap();
            let label = Label::parse(&format!("{} {name}", mark(record_stays))).unwrap();
            let labels = Some(work::LabelChange::Set(vec![label]));
            let change = work::Change { labels, ..work::Change::default() };
            work::change(&self.app, &role(Role::Hr), record, change).await.unwrap();
            portal::withdraw(&self.app, request, own, "talent-pool").await.unwrap();
            unlock(&self.app, self.home.join("resources"), own).await;
            (message, answer) = (Some((text, file)), Some(reply));
        }
        self.note(&Sent {
            email,
            name: full_name,
            letter,
            cv: Some(cv),
            message,
            answer,
            record: record.to_string(),
            person_stays,
            record_stays,
        });
        record
    }

    /// Somebody asks the support team.
    async fn ask(&self, name: &str, person_stays: bool, record_stays: bool) -> RecordId {
        let (email, full_name) = (email(name, person_stays), full_name(name, person_stays));
        let letter = format!("It does not work. {} {name}", mark(record_stays));
        let form = "support-request".parse().unwrap();
        let public = context(letterlock::policy::Actor::Public);
        let mut intake = submit::begin(&self.app, &public, &form, None).await.unwrap();
        intake.field("name", full_name.clone()).unwrap();
        intake.field("email", email.clone()).unwrap();
        intake.field("subject-line", format!("help {}", mark(record_stays))).unwrap();
        intake.field("message", letter.clone()).unwrap();
        let record = intake.finish().await.unwrap().submission;
        let record_text = record.to_string();
        let (cv, message, answer) = (None, None, None);
        let (name, record_id) = (full_name, record_text);
        self.note(&Sent { email, name, letter, cv, message, answer, record: record_id, person_stays, record_stays });
        record
    }

    fn note(&self, sent: &Sent) {
        let mut line = serde_json::to_vec(sent).unwrap();
        line.push(b'\n');
        let path = self.home.join("sent");
        std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(&line).unwrap();
    }

    fn sent(&self) -> Vec<Sent> {
        sent(&self.home)
    }
}

/// Everything that was sent.
pub fn sent(home: &Path) -> Vec<Sent> {
    let text = std::fs::read_to_string(home.join("sent")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn options_in(home: &Path) -> OpenOptions {
    OpenOptions {
        data: home.join("data"),
        keys: home.join("keys"),
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

fn mark(stays: bool) -> &'static str {
    if stays { KEPT } else { GONE }
}

fn email(name: &str, stays: bool) -> String {
    let mark = if name == "return" { BACK } else { mark(stays) };
    format!("{}.{mark}@example.org", name.to_lowercase())
}

fn full_name(name: &str, stays: bool) -> String {
    format!("Nora {name} {}", mark(stays))
}
