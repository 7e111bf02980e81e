//! The structures that `docs/formats.md` writes out under "Contents in postcard".

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::layouts::Id;

/// Reads a whole structure; `None` when the bytes are not one, or more follow.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    postcard::take_from_bytes(bytes).ok().and_then(|(value, rest)| rest.is_empty().then_some(value))
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum Field {
    Text(String),
    Bool(bool),
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Consent {
    pub(crate) given: bool,
    pub(crate) wording: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct FileInfo {
    pub(crate) n: u32,
    pub(crate) field: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) size: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Content {
    pub(crate) form: String,
    pub(crate) form_version: u32,
    pub(crate) notice: String,
    pub(crate) region: String,
    pub(crate) received: i64,
    pub(crate) fields: BTreeMap<String, Field>,
    pub(crate) consents: BTreeMap<String, Consent>,
    pub(crate) files: Vec<FileInfo>,
    pub(crate) server_key: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct ListEntry {
    pub(crate) form: String,
    pub(crate) status: Status,
    pub(crate) received: i64,
    pub(crate) region: String,
    pub(crate) files: u32,
    pub(crate) idempotency: Option<([u8; 32], [u8; 32])>,
    pub(crate) messages: u32,
    pub(crate) unanswered: u32,
    pub(crate) scans: Vec<Scan>,
    pub(crate) nature: Nature,
    pub(crate) shown: Vec<String>,
    pub(crate) assignee: Option<Assignee>,
    pub(crate) labels: Vec<String>,
    pub(crate) readers: Vec<Id>,
    pub(crate) former: Option<(Status, Status, i64)>,
    pub(crate) notes: Vec<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Assignee {
    Account(Id),
    Team(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Note {
    pub(crate) at: i64,
    pub(crate) role: Role,
    pub(crate) login: Option<String>,
    pub(crate) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Scan {
    Off,
    Clean,
    Unscanned,
    Held,
    Infected,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Nature {
    Letter,
    Answer { group: u64, k: u32 },
    Comment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum MailKind {
    Received,
    Answered,
    Arrived,
    Unlocked,
    Confirm,
    Issue(Id),
    ArrivedFor(Id),
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Mail {
    pub(crate) kind: MailKind,
    pub(crate) to: String,
    pub(crate) form: String,
    pub(crate) since: i64,
    pub(crate) lang: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Download {
    pub(crate) at: i64,
    pub(crate) file: String,
    pub(crate) title: String,
    pub(crate) link: Option<[u8; 8]>,
    pub(crate) page: Option<Id>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Author {
    Subject,
    Staff { role: Role, login: Option<String> },
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Message {
    pub(crate) at: i64,
    pub(crate) author: Author,
    pub(crate) text: String,
    pub(crate) files: Vec<FileInfo>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) enum Status {
    New,
    InProgress,
    Answered,
    Closed,
    Received,
    Shortlisted,
    Interview,
    Offer,
    Hired,
    Rejected,
    Published,
    Declined,
    Withdrawn,
    Unconfirmed,
    Confirmed,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct ConsentLine {
    pub(crate) at: i64,
    pub(crate) record: Id,
    pub(crate) form: String,
    pub(crate) source: ConsentSource,
    pub(crate) notice: String,
    pub(crate) consents: BTreeMap<String, Consent>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum ConsentSource {
    Form,
    Receipt,
    Server { name: String },
    Confirmation,
    UnsubscribeLink,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Role {
    Hr,
    Support,
    Privacy,
    Auditor,
    Admin,
    Training,
    Partner,
    Marketing,
    Custom(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Account {
    pub(crate) login: String,
    pub(crate) service: bool,
    pub(crate) disabled: bool,
    pub(crate) created: i64,
    pub(crate) email: Option<String>,
    pub(crate) region: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Token {
    pub(crate) account: Id,
    pub(crate) hash: [u8; 32],
    pub(crate) roles: Vec<Role>,
    pub(crate) actions: Option<Vec<String>>,
    pub(crate) forms: Option<Vec<String>>,
    pub(crate) created: i64,
    pub(crate) expires: Option<i64>,
    pub(crate) last_used: Option<i64>,
    pub(crate) revoked: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct ServerKey {
    pub(crate) name: String,
    pub(crate) forms: Vec<String>,
    pub(crate) hash: [u8; 32],
    pub(crate) created: i64,
    pub(crate) expires: Option<i64>,
    pub(crate) last_used: Option<i64>,
    pub(crate) revoked: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Actor {
    Public,
    Staff { id: Id, login: String, roles: Vec<Role> },
    Owner { role: Role },
    System,
    Subject,
    Key { id: Id, name: String },
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Detail {
    None,
    Found(u64),
    Ordered { order: Id, people: u64, records: u64 },
    Erased { order: Id, before: u64, after: u64 },
    Removed(u64),
    Account { id: Id, change: String },
    Token { id: Id, change: String },
    Opened(String),
    Mail { about: String, outcome: String },
    Scan { form: String, outcome: String },
    Key { id: Id, change: String },
    Survey(String),
    Mailing { id: Id, mails: u64 },
    Trail { from: u64, to: u64 },
    Refused { what: String, status: u16, unlisted: u64 },
    Service { change: String, configuration: Option<String> },
    Search { by: SearchedBy, purposes: Vec<String>, found: Option<u64> },
    Approval { id: Id, change: String },
    Export { id: Id, format: String, before: u64, records: u64, of: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum SearchedBy {
    Words,
    Filters,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Sum {
    pub(crate) limbs: [u64; 4],
    pub(crate) rows: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct SealedSubject {
    pub(crate) place: u64,
    pub(crate) sealed: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Transfer {
    pub(crate) stored: String,
    pub(crate) reader: String,
    pub(crate) safeguard: String,
    pub(crate) records: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct AuditEntry {
    pub(crate) number: u64,
    pub(crate) time: i64,
    pub(crate) actor: Actor,
    pub(crate) role: Option<Role>,
    pub(crate) action: String,
    pub(crate) request: Option<Id>,
    pub(crate) purpose: Option<String>,
    pub(crate) detail: Detail,
    pub(crate) subjects: Vec<SealedSubject>,
    pub(crate) transfers: Vec<Transfer>,
    pub(crate) digest: Option<Sum>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Subject {
    pub(crate) record: Option<Id>,
    pub(crate) purpose: Option<String>,
    pub(crate) file: Option<u32>,
    pub(crate) status: Option<Status>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Line {
    Person { place: u64, person: Id, keyring_parts: u16, consent_parts: u16 },
    Record { place: u64, person: Id, record: Id, keyring_parts: u16 },
    Rows { record: Id, arrival: u64, files: Vec<Id> },
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct OrderPart {
    pub(crate) at: i64,
    pub(crate) role: Option<Role>,
    pub(crate) lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) before: u64,
    pub(crate) after: u64,
    pub(crate) at: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Deed {
    pub(crate) person: Id,
    pub(crate) record: Option<Id>,
    pub(crate) records: Vec<Id>,
    pub(crate) files: Vec<Id>,
    pub(crate) keyrings: u32,
    pub(crate) consent_rows: u32,
    pub(crate) before: u64,
    pub(crate) after: u64,
    pub(crate) at: i64,
    pub(crate) role: Option<Role>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct State {
    pub(crate) next_place: u64,
    pub(crate) next_arrival: u64,
    pub(crate) audit_size: u64,
    pub(crate) audit_peaks: Vec<[u8; 32]>,
    pub(crate) digest: Sum,
    pub(crate) accounts: Sum,
    pub(crate) surveys: BTreeMap<String, OpenGroup>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct OpenGroup {
    pub(crate) group: u64,
    pub(crate) k: u32,
    pub(crate) filled: u32,
}
