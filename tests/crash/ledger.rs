//! What must hold after any crash, worked out from what the run was told, and compared with what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use letterlock::base::ids::RecordId;
use letterlock::domain::submission::{FieldValue, Status};
use letterlock::keys::master::MasterKey;
use letterlock::keys::slots::RootSlots;
use letterlock::policy::Role;
use letterlock::services::review::{self, ListQuery};
use letterlock::services::{App, ServiceError, erase, health};
use letterlock::vault::Hooks;

use crate::scenario::{self, Act, Told};
use crate::support::{download, person_of, problems, read, role};

/// An act as it is said.
pub fn words(act: Act) -> String {
    match act {
        Act::Submit(n, _) => format!("submit {n}"),
        Act::Mark(n, status) => format!("mark {n} {}", status.as_str()),
        Act::Delete(n) => format!("delete {n}"),
        Act::Erase(people) => format!("erase {}", people.join(",")),
        Act::Clean | Act::Reopen => String::new(),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Sent, or asked to be erased, and no answer came: either way is right.
    Either,
    Kept,
    Gone,
}

#[derive(Clone, Debug)]
struct Record {
    id: Option<RecordId>,
    fate: Fate,
    /// What it may be marked as.
    statuses: Vec<String>,
}

/// What must hold.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    records: BTreeMap<usize, Record>,
    /// People erased, of whom nothing came since.
    strangers: BTreeSet<String>,
    /// Erasures acknowledged.
    pub erasures: usize,
    /// An erasure was asked for last, and no answer came.
    pub erasing: bool,
}

/// What was found.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub records: usize,
    pub epoch: u64,
}

impl Expected {
    /// From what a run said into its file.
    pub fn told(folder: &Path) -> Self {
        Self::from_lines(&std::fs::read_to_string(Told::path(folder)).unwrap_or_default())
    }

    pub fn from_lines(text: &str) -> Self {
        let mut expected = Self::default();
        let mut asked: Vec<&str> = Vec::new();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words[0] {
                "try" => {
                    expected.tried(&words[1..]);
                    asked = words[1..].to_vec();
                }
                // Its order is on disk: it will be carried out.
                "durable" => expected.gone(&asked),
                "ok" => expected.done(&words[1..]),
                other => panic!("what is {other}?"),
            }
        }
        expected
    }

    /// The submissions that must be there.
    pub fn kept(&self) -> Vec<usize> {
        self.records.iter().filter(|(_, record)| record.fate == Fate::Kept).map(|(n, _)| *n).collect()
    }

    fn tried(&mut self, words: &[&str]) {
        match words {
            ["submit", n] => {
                let statuses = vec!["received".to_owned()];
                self.records.insert(n.parse().unwrap(), Record { id: None, fate: Fate::Either, statuses });
                self.strangers.remove(scenario::sender(n.parse().unwrap()));
            }
            ["mark", n, status] => {
                let record = self.records.get_mut(&n.parse::<usize>().unwrap()).unwrap();
                record.statuses.push((*status).to_owned());
            }
            _ => {
                self.erasing = true;
                self.set(words, Fate::Either);
            }
        }
    }

    fn done(&mut self, words: &[&str]) {
        match words {
            ["submit", n, id] => {
                let record = self.records.get_mut(&n.parse::<usize>().unwrap()).unwrap();
                (record.id, record.fate) = (Some(id.parse().unwrap()), Fate::Kept);
            }
            ["mark", n, status] => {
                self.records.get_mut(&n.parse::<usize>().unwrap()).unwrap().statuses = vec![(*status).to_owned()];
            }
            _ => {
                self.gone(words);
                self.erasing = false;
                self.erasures += 1;
            }
        }
    }

    fn gone(&mut self, words: &[&str]) {
        self.set(words, Fate::Gone);
        if let ["erase", people] = words {
            self.strangers.extend(people.split(',').map(str::to_owned));
        }
    }

    fn set(&mut self, words: &[&str], fate: Fate) {
        for (n, record) in &mut self.records {
            let meant = match words {
                ["delete", which] => which.parse() == Ok(*n),
                ["erase", people] => people.split(',').any(|person| person == scenario::sender(*n)),
                other => panic!("what is {other:?}?"),
            };
            if meant && record.fate != Fate::Gone {
                record.fate = fate;
            }
        }
    }
}

macro_rules! must {
    ($holds:expr, $($otherwise:tt)*) => {
        if !$holds {
            return Err(format!($($otherwise)*));
        }
    };
}

/// The epochs of all roots that the slots hold, as they lie on the disk.
pub fn roots(folder: &Path) -> Vec<u64> {
    let keys = folder.join("keys");
    let Ok(master) = MasterKey::load(&keys.join("master.key")) else { return Vec::new() };
    // A first run that was cut short has no slots yet, or not of their size.
    let Ok(slots) = RootSlots::open(&keys.join("root"), master.vault(), false) else { return Vec::new() };
    slots.find(&master).unwrap().iter().map(|found| found.epoch).collect()
}

/// Opens what a crash left, and checks everything: what it must not have lost, what must not have come back, that exactly
/// one root is left, that `verify` is clean and nothing lies about, and that it works.
pub async fn check(folder: &Path, expected: &Expected) -> Result<Seen, String> {
    let app = match scenario::open(folder, Hooks::default()) {
        Ok((app, _)) => app,
        Err(error) => return Err(format!("it does not open: {}", error.message)),
    };
    let outcome = check_open(&app, folder, expected).await;
    app.close().await;
    drop(app);
    let seen = outcome?;
    let roots = roots(folder);
    must!(roots == [seen.epoch], "roots of the epochs {roots:?} are left, at epoch {}", seen.epoch);
    for left in ["keys/initialising", "data/initialising", "data/redo.new"] {
        must!(!folder.join(left).exists(), "{left} is left");
    }
    Ok(seen)
}

async fn check_open(app: &Arc<App>, folder: &Path, expected: &Expected) -> Result<Seen, String> {
    let query = ListQuery { limit: Some(200), ..ListQuery::default() };
    let page = review::list(app, &role(Role::Hr), query).await.map_err(|error| format!("no list: {error}"))?;
    let mut found = BTreeSet::new();
    for item in &page.items {
        let id = item.summary.id;
        let submission = read(app, id).await.map_err(|error| format!("{id} is listed, and {error}"))?;
        let n = match &submission.content.fields["letter"] {
            FieldValue::Text(text) => text.expose().parse::<usize>().unwrap(),
            _ => return Err(format!("{id} has another letter")),
        };
        let address = scenario::address(scenario::sender(n));
        must!(
            submission.content.fields["email"] == FieldValue::Text(address.as_str().into()),
            "{n} has another sender"
        );
        let Some(record) = expected.records.get(&n) else { return Err(format!("nobody sent number {n}")) };
        must!(record.fate != Fate::Gone, "number {n} was erased and is back");
        must!(record.id.is_none_or(|known| known == id), "number {n} is another record");
        let status = submission.summary.status.as_str();
        must!(record.statuses.iter().any(|s| s == status), "number {n} is {status} and not {:?}", record.statuses);
        let cv = download(app, id).await.map_err(|error| format!("the file of number {n}: {error}"))?;
        must!(cv == scenario::cv(n), "the file of number {n} is another");
        must!(found.insert(n), "number {n} is there twice");
    }
    for (n, record) in &expected.records {
        must!(record.fate != Fate::Kept || found.contains(n), "number {n} was acknowledged and is lost");
        if let (Fate::Gone, Some(id)) = (record.fate, record.id) {
            must!(matches!(read(app, id).await, Err(ServiceError::NotFound)), "number {n} was erased and answers");
        }
    }
    for person in &expected.strangers {
        let back = person_of(app, &scenario::address(person)).await.is_some();
        must!(!back, "{person} was erased and can be found");
    }
    tidy(app, folder, found.len()).await?;
    let told = problems(app).await;
    must!(told.is_empty(), "verify says {told:?}");
    let figures = health::figures(app);
    must!(
        figures.recovery_epoch == Some(figures.epoch),
        "the recovery slot is at {:?}, the vault at {}",
        figures.recovery_epoch,
        figures.epoch
    );
    must!(health::readiness(app).ready, "it is not ready");
    let epoch = works(app).await?;
    Ok(Seen { records: found.len(), epoch })
}

/// Until the janitor is done, and no file is left that belongs to no record.
async fn tidy(app: &Arc<App>, folder: &Path, records: usize) -> Result<(), String> {
    let files = || std::fs::read_dir(folder.join("data/files")).unwrap().count();
    for _ in 0..2000 {
        if health::figures(app).pending_cleanup == 0 && files() == records {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Err(format!("{} orders and {} files are left for {records} records", health::figures(app).pending_cleanup, files()))
}

/// One more comes in, is marked, and goes. Returns the epoch then.
async fn works(app: &Arc<App>) -> Result<u64, String> {
    let said = |error: ServiceError| format!("it opens and does not work: {error}");
    let id = scenario::send(app, 99, "zoe").await.map_err(said)?;
    review::set_status(app, &role(Role::Hr), id, Status::Shortlisted).await.map_err(said)?;
    erase::record(app, &role(Role::Privacy), id).await.map_err(said)?;
    Ok(health::figures(app).epoch)
}

#[test]
fn what_was_told_says_what_must_hold() {
    let id = "aaaaaaaaaaaaaaaaaaaaaaaaaa";
    let text = format!("try submit 2\nok submit 2 {id}\ntry submit 0\nok submit 0 {id}\ntry erase bob\n");
    let asked = Expected::from_lines(&text);
    assert!(asked.kept() == [0] && asked.erasing && asked.strangers.is_empty());
    let ordered = Expected::from_lines(&format!("{text}durable\n"));
    assert!(ordered.strangers.contains("bob") && ordered.records[&2].fate == Fate::Gone && ordered.erasures == 0);
    let again = Expected::from_lines(&format!("{text}durable\nok erase bob\ntry submit 7\n"));
    assert!(
        again.strangers.is_empty() && !again.erasing && again.erasures == 1 && again.records[&7].fate == Fate::Either
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_notices_whatever_is_wrong() {
    let folder = scenario::scratch();
    let mut run = scenario::Run::new(folder.path(), Hooks::default());
    run.all().await.unwrap();
    drop(run);
    let text = std::fs::read_to_string(Told::path(folder.path())).unwrap();
    let complains = async |text: &str, words: &str| {
        let said = check(folder.path(), &Expected::from_lines(text)).await.unwrap_err();
        assert!(said.contains(words), "{said}");
    };
    // Expected although it is gone; gone although it was expected; unknown; marked as something else.
    let undone: String =
        text.lines().filter(|l| !l.contains("delete 6") && *l != "durable").map(|l| format!("{l}\n")).collect();
    complains(&undone, "number 6 was acknowledged and is lost").await;
    complains(&format!("{text}try delete 3\nok delete 3\n"), "number 3 was erased and is back").await;
    complains(&format!("{text}try erase ann\ndurable\n"), "number 0 was erased and is back").await;
    complains(&text.replace("submit 7", "submit 8"), "nobody sent number 7").await;
    complains(&format!("{text}try mark 0 hired\nok mark 0 hired\n"), "number 0 is interview").await;
    // A file that belongs to nobody, put there once the vault is open, is told by its number.
    let stray = folder.path().join("data/files/not-a-handle");
    std::fs::write(&stray, b"x").unwrap();
    complains(&text, "files are left").await;
    std::fs::remove_file(&stray).unwrap();
    check(folder.path(), &Expected::from_lines(&text)).await.unwrap();
}
