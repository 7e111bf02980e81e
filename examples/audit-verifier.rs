//! Checks what the audit trail of a Letterlock vault gave out, with the vault's public key alone: no vault, no network, and
//! nothing of Letterlock's own code. It is written from docs/formats.md of that project.
//!
//! ```text
//! audit-verifier KEY FILE [HEAD]
//! ```
//!
//! `KEY` is the key that the vault publishes at /.well-known/letterlock-audit-key: 64 hexadecimal digits, or a file that holds
//! them. Take it from a source that you trust. `FILE` is a signed head, a proof of an entry, a proof that the trail was
//! continued, or an export. `HEAD` is a head that was kept elsewhere: it must be one of those in `FILE`.
//!
//! Exit code 0 when all is well, 1 when something is wrong, 2 when it was called wrongly.

#![allow(missing_docs, unreachable_pub, reason = "one file, read as a whole; a test takes it in as a module")]

use std::process::ExitCode;

use data_encoding::{BASE64, HEXLOWER};
use ring::{aead, digest, hkdf, signature};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The public key of a vault's heads.
type PublicKey = [u8; 32];
/// A hash of the tree.
type Hash = [u8; 32];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    ExitCode::from(run(&arguments))
}

/// Runs the program; returns its exit code.
pub fn run(arguments: &[String]) -> u8 {
    let (key, text, kept) = match given(arguments) {
        Ok(given) => given,
        Err(mistake) => {
            eprintln!("{mistake}");
            return 2;
        }
    };
    match check(&key, &text, kept.as_deref()) {
        Ok(said) => {
            said.iter().for_each(|line| println!("{line}"));
            0
        }
        Err(wrong) => {
            eprintln!("WRONG: {wrong}");
            1
        }
    }
}

/// The key, and the texts of the files.
fn given(arguments: &[String]) -> Result<(PublicKey, String, Option<String>), String> {
    let (key, file, kept) = match arguments {
        [key, file] => (key, file, None),
        [key, file, kept] => (key, file, Some(kept)),
        _ => return Err("audit-verifier KEY FILE [HEAD]".to_owned()),
    };
    let read = |path: &String| std::fs::read_to_string(path).map_err(|e| format!("{path}: {e}"));
    let digits = if key.len() == 64 { key.clone() } else { read(key)? };
    let key = unhex(digits.trim()).map_err(|_| "KEY: not 64 hexadecimal digits".to_owned())?;
    Ok((key, read(file)?, kept.map(read).transpose()?))
}

/// Checks a file. What was found good, in sentences; or what is wrong.
pub fn check(key: &PublicKey, text: &str, kept: Option<&str>) -> Result<Vec<String>, String> {
    let kept = kept.map(|text| Head::read(&parse(text)?, key)).transpose()?;
    let (mut said, heads) = match serde_json::from_str::<Value>(text) {
        Ok(whole) if whole["format"] == "letterlock audit inclusion 1" => inclusion(key, &whole)?,
        Ok(whole) if whole["format"] == "letterlock audit consistency 1" => consistency(key, &whole)?,
        Ok(whole) if whole["format"].is_null() && whole["end"].is_null() => {
            let head = Head::read(&whole, key)?;
            (Vec::new(), vec![head])
        }
        Ok(_) => return Err("a file of a kind that is not known here".to_owned()),
        Err(_) => export(key, text)?,
    };
    for head in &heads {
        said.insert(0, format!("head of {} entries, signed {}: good", head.size, head.time));
    }
    if let Some(kept) = kept {
        let same = heads.iter().find(|head| head.size == kept.size && head.vault == kept.vault);
        match same {
            Some(head) if head.root == kept.root => {
                said.push(format!("the head kept, of {} entries: the same", kept.size))
            }
            Some(_) => {
                return Err(format!(
                    "the head kept, of {} entries, is another one: the trail was rewritten",
                    kept.size
                ));
            }
            None => {
                return Err(format!(
                    "no head of {} entries is in the file, so it says nothing about the one kept; a proof that begins with it does",
                    kept.size
                ));
            }
        }
    }
    Ok(said)
}

type Checked = (Vec<String>, Vec<Head>);

fn inclusion(key: &PublicKey, proof: &Value) -> Result<Checked, String> {
    let head = Head::read(&proof["head"], key)?;
    let read = entry(proof, &head)?;
    Ok((vec![read], vec![head]))
}

fn consistency(key: &PublicKey, proof: &Value) -> Result<Checked, String> {
    let (first, second) = (Head::read(&proof["first"], key)?, Head::read(&proof["second"], key)?);
    if first.vault != second.vault || !continues(&first, &second, &hashes(&proof["path"])?) {
        return Err(format!("the trail of {} entries does not continue the one of {}", second.size, first.size));
    }
    let said = format!("the trail of {} entries continues the one of {}: good", second.size, first.size);
    Ok((vec![said], vec![first, second]))
}

/// An export: a line that says what it is, one for each entry, and one that signs them all.
fn export(key: &PublicKey, text: &str) -> Result<Checked, String> {
    const FORMAT: &str = "letterlock audit export 1";
    let last = text.trim_end_matches('\n').rfind('\n').ok_or("neither a document nor an export")? + 1;
    let (signed, end) = text.split_at(last);
    let end = parse(end).map_err(|_| "the last line cannot be read: the file was cut")?;
    let mut lines = signed.lines();
    let begin = parse(lines.next().unwrap_or_default())?;
    if begin["format"] != FORMAT {
        return Err("a file of a kind that is not known here".to_owned());
    }
    let head = Head::read(&begin["head"], key)?;
    let sum = HEXLOWER.encode(digest::digest(&digest::SHA256, signed.as_bytes()).as_ref());
    let message = format!("{FORMAT}\n{}\n{sum}\n{}\n{}\n", head.vault, end["entries"], end["next"]);
    if end["format"] != FORMAT || end["sha256"] != sum.as_str() {
        return Err("the lines are not those that were signed at the end".to_owned());
    }
    verify(key, &message, &end["signature"]).map_err(|()| "the signature at the end is not by this key")?;
    let mut heads = Vec::new();
    if !begin["since"].is_null() {
        let first = Head::read(&begin["since"]["head"], key)?;
        if first.vault != head.vault || !continues(&first, &head, &hashes(&begin["since"]["path"])?) {
            return Err(format!("the trail of {} entries does not continue the one of {}", head.size, first.size));
        }
        heads.push(first);
    }
    let (mut said, mut numbers) = (Vec::new(), Vec::new());
    for line in lines {
        let proof = parse(line)?;
        said.push(entry(&proof, &head)?);
        numbers.push(proof["entry"]["seq"].as_u64().unwrap_or(u64::MAX));
    }
    if !numbers.is_sorted_by(|a, b| a < b) || end["entries"] != numbers.len() {
        return Err("entries stand out of order, or some are missing".to_owned());
    }
    let until = end["next"].as_u64().or(begin["to"].as_u64()).unwrap_or(0);
    let all = begin["filter"].is_null();
    if all && !numbers.iter().copied().eq(begin["from"].as_u64().unwrap_or(0)..until) {
        return Err("entries are missing".to_owned());
    }
    said.push(format!("{} entries: good", numbers.len()));
    said.push(match (all, numbers.last()) {
        (true, Some(_)) => format!("none is missing from {} to {}", begin["from"], until - 1),
        (true, None) => "none were asked for".to_owned(),
        (false, _) => format!(
            "of those up to {until} that were asked for: {}; that no other one matches, the vault says",
            begin["filter"]
        ),
    });
    heads.push(head);
    Ok((said, heads))
}

/// A head of the trail, found to be signed by the key.
struct Head {
    vault: String,
    size: u64,
    root: Hash,
    time: String,
}

impl Head {
    fn read(head: &Value, key: &PublicKey) -> Result<Self, String> {
        let text = |name: &str| head[name].as_str().ok_or("this is no head").map(str::to_owned);
        let size = head["size"].as_u64().ok_or("this is no head")?;
        let (vault, root, time) = (text("vault")?, text("root")?, text("time")?);
        if text("public_key")? != HEXLOWER.encode(key) {
            return Err(format!("the head of {size} entries names another key"));
        }
        let message = format!("letterlock audit head 1\n{vault}\n{size}\n{root}\n{time}\n");
        verify(key, &message, &head["signature"])
            .map_err(|()| format!("the signature of the head of {size} entries is not by this key"))?;
        Ok(Self { vault, size, root: unhex(&root)?, time })
    }
}

fn verify(key: &PublicKey, message: &str, by: &Value) -> Result<(), ()> {
    let by = HEXLOWER.decode(by.as_str().unwrap_or_default().as_bytes()).map_err(drop)?;
    signature::UnparsedPublicKey::new(&signature::ED25519, key).verify(message.as_bytes(), &by).map_err(drop)
}

/// Checks that an entry is under the head, and that what is said of it is what its leaf says. Returns it in a line.
fn entry(proof: &Value, head: &Head) -> Result<String, String> {
    let shown = &proof["entry"];
    let number = shown["seq"].as_u64().ok_or("an entry without a number")?;
    let leaf = BASE64
        .decode(proof["leaf"].as_str().unwrap_or_default().as_bytes())
        .map_err(|_| format!("entry {number}: the leaf is not Base64"))?;
    if !includes(&leaf, number, head, &hashes(&proof["path"])?) {
        return Err(format!("entry {number} is not in the trail of {} entries", head.size));
    }
    let opens: Hash = unhex(proof["opens"].as_str().unwrap_or_default())?;
    let row = number.to_be_bytes();
    let content = open(&leaf, &opens, &context(14, None, &row)).ok_or(format!("entry {number} does not open"))?;
    let told: Entry =
        postcard::from_bytes(&content).map_err(|_| format!("entry {number} is of a kind not known here"))?;
    let said = told.in_words(&shown["subjects"], &proof["subjects_open"])?;
    if said != *shown {
        return Err(format!("entry {number} says something else: {said}"));
    }
    let word = |name: &str| said[name].as_str().unwrap_or_default().to_owned();
    let people = said["subjects"].as_array().map_or(0, Vec::len);
    Ok(format!("{number}  {}  {}  {}  {}  {people}", word("time"), word("actor"), word("action"), said["detail"]))
}

/// The outer layer of an entry.
#[derive(Deserialize)]
struct Entry {
    seq: u64,
    time: i64,
    actor: Actor,
    role: Option<Role>,
    action: String,
    request: Option<Id>,
    purpose: Option<String>,
    detail: Detail,
    subjects: Vec<Sealed>,
    transfers: Vec<Transfer>,
    // It changes with every commit, and says nothing without the vault.
    _digest: Option<([u64; 4], u64)>,
}

/// What was read from another region than the one that it is kept in.
#[derive(Deserialize, Serialize)]
struct Transfer {
    stored: String,
    reader: String,
    safeguard: String,
    records: u64,
}

#[derive(Deserialize)]
struct Sealed {
    _place: u64,
    sealed: Vec<u8>,
}

/// What an entry says about one person.
#[derive(Deserialize)]
struct Subject {
    record: Option<Id>,
    purpose: Option<String>,
    file: Option<u32>,
    status: Option<Status>,
}

impl Entry {
    /// As the vault shows it. `people` says who the people are, and `open` what opens the parts about them.
    fn in_words(&self, people: &Value, open: &Value) -> Result<Value, String> {
        if open.as_array().map(Vec::len) != Some(self.subjects.len()) {
            return Err(format!("entry {}: what opens it does not fit", self.seq));
        }
        let mut subjects = Vec::new();
        for (n, sealed) in self.subjects.iter().enumerate() {
            let Some(opens) = open[n].as_str() else {
                subjects.push(json!({ "erased": true }));
                continue;
            };
            let person = people[n]["subject"].as_str().and_then(Id::parse);
            let person = person.ok_or(format!("entry {}: person {n} has no name", self.seq))?;
            let content = self::open(&sealed.sealed, &unhex(opens)?, &context(15, Some(&person), &[]))
                .ok_or(format!("entry {} is not about person {n}", self.seq))?;
            let inner: Subject =
                postcard::from_bytes(&content).map_err(|_| format!("entry {}: person {n} cannot be read", self.seq))?;
            subjects.push(json!({
                "subject": person, "submission": inner.record, "purpose": inner.purpose,
                "file": inner.file, "status": inner.status,
            }));
        }
        let time = jiff::Timestamp::from_millisecond(self.time).map_err(|e| e.to_string())?;
        Ok(json!({
            "seq": self.seq, "time": format!("{time:.3}"), "actor": self.actor.to_string(), "role": self.role,
            "action": self.action, "request": self.request, "purpose": self.purpose, "detail": self.detail,
            "subjects": subjects, "transfers": self.transfers,
        }))
    }
}

#[derive(Deserialize)]
pub enum Actor {
    Public,
    Staff { _id: Id, login: String, _roles: Vec<Role> },
    Owner { role: Role },
    System,
    Subject,
    Key { _id: Id, name: String },
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Staff { login, .. } => write!(f, "staff:{login}"),
            Self::Owner { role } => write!(f, "owner:{}", json!(role).as_str().unwrap_or_default()),
            Self::System => f.write_str("system"),
            Self::Subject => f.write_str("subject"),
            Self::Key { name, .. } => write!(f, "key:{name}"),
        }
    }
}

#[derive(Deserialize)]
pub enum Role {
    Hr,
    Support,
    Privacy,
    Auditor,
    Admin,
    Training,
    Partner,
    Marketing,
    Guest,
    Custom(String),
}

impl Serialize for Role {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Hr => "hr",
            Self::Support => "support",
            Self::Privacy => "privacy",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
            Self::Training => "training",
            Self::Partner => "partner",
            Self::Marketing => "marketing",
            Self::Guest => "guest",
            Self::Custom(name) => name,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
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

/// What there is to say beyond who did what when. Of a kind that is not here, the whole entry cannot be read.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Detail {
    None,
    Found(u64),
    Ordered { intent: Id, people: u64, records: u64 },
    Erased { intent: Id, before: u64, after: u64 },
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
    Vacancy { id: Id, change: String },
}

/// By what somebody searched.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SearchedBy {
    Words,
    Filters,
}

/// A handle: 16 bytes, in text 26 characters.
pub struct Id([u8; 16]);

impl Id {
    fn parse(text: &str) -> Option<Self> {
        let bytes = data_encoding::BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&data_encoding::BASE32_NOPAD.encode(&self.0).to_ascii_lowercase())
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        <[u8; 16]>::deserialize(d).map(Self)
    }
}

/// Where a sealed value of the trail belongs.
fn context(purpose: u8, person: Option<&Id>, row: &[u8]) -> Vec<u8> {
    const AUDIT: u8 = 9;
    let mut out = vec![1, 1, purpose, 1, AUDIT];
    match person {
        Some(Id(bytes)) => {
            out.push(16);
            out.extend_from_slice(bytes);
        }
        None => out.push(0),
    }
    out.extend_from_slice(&(row.len() as u16).to_be_bytes());
    out.extend_from_slice(row);
    out.push(8);
    out.extend_from_slice(&[0; 8]);
    out
}

struct Len(usize);

impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

/// Opens an envelope with what the vault disclosed of its derivation: version, suite, salt, commitment, ciphertext, tag.
fn open(sealed: &[u8], opens: &Hash, context: &[u8]) -> Option<Vec<u8>> {
    let (header, ciphertext) = (sealed.get(..66)?, sealed.get(66..)?);
    let mut derived = [0; 76];
    hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, opens)
        .expand(&[b"letterlock v1 envelope", context], Len(76))
        .and_then(|okm| okm.fill(&mut derived))
        .ok()?;
    if header[..2] != [1, 1] || derived[44..] != header[34..] {
        return None;
    }
    let key = aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_256_GCM, &derived[..32]).ok()?);
    let nonce = aead::Nonce::try_assume_unique_for_key(&derived[32..44]).ok()?;
    let mut content = ciphertext.to_vec();
    let plain = key.open_in_place(nonce, aead::Aad::from([1, 1]), &mut content).ok()?;
    let length = u32::from_le_bytes(plain.get(..4)?.try_into().ok()?) as usize;
    let rest = plain.get(4 + length..)?;
    if rest.iter().any(|&b| b != 0) { None } else { plain.get(4..4 + length).map(<[u8]>::to_vec) }
}

fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

fn node(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// RFC 9162 §2.1.3.2.
fn includes(leaf: &[u8], number: u64, head: &Head, path: &[Hash]) -> bool {
    if number >= head.size {
        return false;
    }
    let (mut at, mut last, mut root) = (number, head.size - 1, sha256(&[&[0], leaf]));
    for beside in path {
        if last == 0 {
            return false;
        }
        if at % 2 == 1 || at == last {
            root = node(beside, &root);
            while at % 2 == 0 && at != 0 {
                (at, last) = (at / 2, last / 2);
            }
        } else {
            root = node(&root, beside);
        }
        (at, last) = (at / 2, last / 2);
    }
    last == 0 && root == head.root
}

/// RFC 9162 §2.1.4.2, and every trail continues the empty one.
fn continues(first: &Head, second: &Head, path: &[Hash]) -> bool {
    if first.size == 0 {
        return path.is_empty() && first.root == sha256(&[]);
    }
    if first.size >= second.size {
        return first.size == second.size && path.is_empty() && first.root == second.root;
    }
    let mut path = path.to_vec();
    if first.size.is_power_of_two() {
        path.insert(0, first.root);
    }
    let Some((start, path)) = path.split_first() else { return false };
    let (mut at, mut last, mut old, mut new) = (first.size - 1, second.size - 1, *start, *start);
    while at % 2 == 1 {
        (at, last) = (at / 2, last / 2);
    }
    for beside in path {
        if last == 0 {
            return false;
        }
        if at % 2 == 1 || at == last {
            (old, new) = (node(beside, &old), node(beside, &new));
            while at % 2 == 0 && at != 0 {
                (at, last) = (at / 2, last / 2);
            }
        } else {
            new = node(&new, beside);
        }
        (at, last) = (at / 2, last / 2);
    }
    last == 0 && old == first.root && new == second.root
}

fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|e| format!("not JSON: {e}"))
}

fn hashes(list: &Value) -> Result<Vec<Hash>, String> {
    let list = list.as_array().ok_or("a proof without its hashes")?;
    list.iter().map(|hash| unhex(hash.as_str().unwrap_or_default())).collect()
}

fn unhex(text: &str) -> Result<Hash, String> {
    let bytes = HEXLOWER.decode(text.as_bytes()).ok();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| "not a hash in hexadecimal digits".to_owned())
}
