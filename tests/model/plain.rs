//! The model: what a vault is, said plainly, without keys, rows or disks.

use std::collections::BTreeMap;

use letterlock::base::clock::Timestamp;
use letterlock::base::ids::{MailingId, PersonId, RecordId, TokenId};
use letterlock::domain::submission::Status;
use letterlock::policy::Role;

/// What a submission says.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    pub form: u8,
    pub address: u8,
    pub text: u8,
    pub files: Vec<Vec<u8>>,
}

#[derive(Clone, Debug)]
pub struct Record {
    pub id: RecordId,
    pub person: usize,
    pub said: Said,
    pub status: Status,
    /// `None` when the answer never came.
    pub receipt: Option<String>,
    /// Files downloaded that its form unlocks.
    pub downloads: usize,
    /// Messages that staff wrote on it.
    pub messages: usize,
    /// As a subscription.
    pub stand: Option<Stand>,
    pub alive: bool,
}

/// How a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    Asked,
    Confirmed,
    Ended,
}

/// An issue of the newsletter that was ordered.
#[derive(Clone, Debug)]
pub struct Issue {
    pub id: MailingId,
    pub subject: String,
    pub at: Timestamp,
    /// Whom it has reached.
    pub got: Vec<usize>,
    /// Whom it may reach or not: its mail may have waited under the key of a subscription that was erased, or the subscription
    /// that held was erased before it was ordered, and another confirmed since.
    pub excused: Vec<usize>,
}

#[derive(Clone, Debug)]
pub struct Person {
    pub id: PersonId,
    pub address: Option<u8>,
    /// The subscription that holds, and since when there is one without a break.
    pub subscribed: Option<(usize, Timestamp)>,
    pub alive: bool,
}

#[derive(Clone, Debug)]
pub struct Token {
    pub id: TokenId,
    pub bearer: String,
    pub login: u8,
    pub role: Role,
    pub revoked: bool,
}

/// An audit entry: what was done, and about whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub action: &'static str,
    pub about: Vec<usize>,
}

/// An erasure that was carried out.
#[derive(Clone, Debug)]
pub struct Deed {
    pub handle: String,
    pub person: usize,
    pub records: Vec<RecordId>,
    pub after: u64,
}

/// Ways in which a model can be wrong, to show that it is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    ForgetsMarks,
    KeepsTheErased,
    KeepsErasedRecords,
    ForgetsReads,
    MixesUpPeople,
    CountsBrokenGroups,
    ShowsWhatWasTakenDown,
    MailsWhoUnsubscribed,
}

impl Mistake {
    pub const ALL: [Self; 8] = [
        Self::ForgetsMarks,
        Self::KeepsTheErased,
        Self::KeepsErasedRecords,
        Self::ForgetsReads,
        Self::MixesUpPeople,
        Self::CountsBrokenGroups,
        Self::ShowsWhatWasTakenDown,
        Self::MailsWhoUnsubscribed,
    ];
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub people: Vec<Person>,
    pub records: Vec<Record>,
    /// By form and key: the record that it made.
    pub keys: BTreeMap<(u8, u8), usize>,
    pub tokens: Vec<Token>,
    /// Logins there are, and whether they are disabled.
    pub logins: BTreeMap<u8, bool>,
    pub audit: Vec<Entry>,
    /// Stretches of `audit` whose order nobody can know: start and length.
    pub unordered: Vec<(usize, usize)>,
    pub deeds: Vec<Deed>,
    pub issues: Vec<Issue>,
    pub epoch: u64,
    pub mistake: Option<Mistake>,
}

impl Model {
    pub fn new(mistake: Option<Mistake>) -> Self {
        Self { epoch: 1, mistake, ..Self::default() }
    }

    pub fn note(&mut self, action: &'static str, about: Vec<usize>) {
        if self.mistake != Some(Mistake::ForgetsReads) || action != "read-submission" {
            self.audit.push(Entry { action, about });
        }
    }

    pub fn holder(&self, address: u8) -> Option<usize> {
        let skip = usize::from(self.mistake == Some(Mistake::MixesUpPeople) && self.people.len() > 3);
        self.people.iter().skip(skip).position(|p| p.alive && p.address == Some(address)).map(|n| n + skip)
    }

    /// A record by number; `None` when there never was one.
    pub fn record(&self, n: u8) -> Option<usize> {
        (!self.records.is_empty()).then(|| usize::from(n) % self.records.len())
    }

    pub fn person(&self, n: u8) -> Option<usize> {
        (!self.people.is_empty()).then(|| usize::from(n) % self.people.len())
    }

    pub fn living(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(|record| record.alive)
    }

    pub fn records_of(&self, person: usize) -> Vec<RecordId> {
        self.living().filter(|record| record.person == person).map(|record| record.id).collect()
    }

    /// A person goes. Returns the deed.
    pub fn erase_person(&mut self, person: usize) {
        let records = self.records_of(person);
        let deed = Deed { handle: self.people[person].id.to_string(), person, records, after: self.epoch };
        self.deeds.push(deed);
        if self.mistake == Some(Mistake::KeepsTheErased) {
            return;
        }
        self.people[person].alive = false;
        self.records.iter_mut().filter(|record| record.person == person).for_each(|record| record.alive = false);
    }

    pub fn erase_record(&mut self, record: usize) {
        let Record { id, person, .. } = self.records[record];
        self.deeds.push(Deed { handle: id.to_string(), person, records: vec![id], after: self.epoch });
        self.records[record].alive = self.mistake == Some(Mistake::KeepsErasedRecords);
        if self.records[record].stand == Some(Stand::Confirmed) {
            self.issues.iter_mut().filter(|one| !one.got.contains(&person)).for_each(|one| one.excused.push(person));
        }
    }
}
