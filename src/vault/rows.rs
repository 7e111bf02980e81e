//! What stands in the rows of records, the list and consents, and how it is sealed.
//!
//! Record and list rows have two layers: outside, under a system key, the person's place, which leads to the keyring;
//! inside, under the record key, the content. After an erasure the inner layer does not open for anybody.
//!
//! ```text
//! row = length of the outer layer (2) ‖ outer envelope ‖ inner envelope
//! ```

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::VaultError;
use crate::base::clock::Timestamp;
use crate::base::codec::{BadLayout, Reader, Writer};
use crate::base::entropy::Entropy;
use crate::base::ids::{FileId, Handle, PersonId, RecordId};
use crate::base::sensitive::SecretBytes;
use crate::base::tables::Table;
use crate::crypto::context::{Context, Purpose};
use crate::crypto::envelope::{self, COMMITMENT_LEN};
use crate::crypto::{Key, SealError};
use crate::domain::consent::ConsentSource;
use crate::domain::form::FormId;
use crate::domain::message::Message;
use crate::domain::scan::Scan;
use crate::domain::submission::{ConsentGiven, Content, Nature, Status};
use crate::domain::work::Work;
use crate::keys::keyring::Keyring;

/// A record's content with the keys of its files.
pub(super) struct StoredRecord {
    pub(super) content: Content,
    pub(super) files: Vec<StoredFile>,
}

/// How a file of a record is opened.
pub(super) struct StoredFile {
    pub(super) id: FileId,
    pub(super) key: Key,
    pub(super) commitment: [u8; COMMITMENT_LEN],
    pub(super) segments: u32,
}

/// What a list shows, sealed under the record key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ListEntry {
    pub(super) form: FormId,
    pub(super) status: Status,
    pub(super) received: Timestamp,
    pub(super) region: String,
    /// Files of the submission and of its messages.
    pub(super) files: u32,
    pub(super) idempotency: Option<Idempotency>,
    /// Messages of the conversation: their rows are numbered from 0.
    pub(super) messages: u32,
    /// Of these, those of the person since the last of the staff.
    pub(super) unanswered: u32,
    /// What the virus scanner said of each file, in order of their numbers.
    pub(super) scans: Vec<Scan>,
    /// What it is from its arrival on.
    pub(super) nature: Nature,
    /// Of a comment: the fields that everybody reads, as its sender was told.
    pub(super) shown: Vec<String>,
    /// How the work on it stands.
    pub(super) work: Work,
}

/// Keyed hashes of an idempotency key and of the body that came with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// Hash of form and key.
    pub key: [u8; 32],
    /// Hash of the body's meaning: fields, consents, files.
    pub body: [u8; 32],
}

/// A message with the keys of its files.
pub(super) struct StoredMessage {
    pub(super) message: Message,
    pub(super) files: Vec<StoredFile>,
}

/// One line of a consent ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ConsentLine {
    pub(super) at: Timestamp,
    /// The submission with which it was given or by whose receipt it was changed.
    pub(super) record: RecordId,
    /// The form that asks for it: two forms may call different things by one name.
    pub(super) form: FormId,
    /// How it came.
    pub(super) source: ConsentSource,
    pub(super) notice: String,
    pub(super) consents: BTreeMap<String, ConsentGiven>,
}

/// Lines in one row of a ledger, at most. Also the version of a row to which no more lines come.
pub(super) const LINES_PER_PART: usize = 100;
/// A row of a ledger that is as large as this takes no further line: the longest line then still fits.
pub(super) const LEDGER_PART_BYTES: usize = 16 * 1024;

impl StoredRecord {
    pub(super) fn encode(&self) -> Result<SecretBytes, VaultError> {
        encode_with_files(&self.files, &self.content)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, VaultError> {
        let (files, content): (_, Content) = decode_with_files(bytes)?;
        if content.files.len() == files.len() { Ok(Self { content, files }) } else { Err(VaultError::Tampered) }
    }
}

impl StoredMessage {
    pub(super) fn encode(&self) -> Result<SecretBytes, VaultError> {
        encode_with_files(&self.files, &self.message)
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, VaultError> {
        let (files, message): (_, Message) = decode_with_files(bytes)?;
        if message.files.len() == files.len() { Ok(Self { message, files }) } else { Err(VaultError::Tampered) }
    }
}

fn encode_with_files<T: Serialize>(files: &[StoredFile], content: &T) -> Result<SecretBytes, VaultError> {
    let content = Zeroizing::new(postcard::to_stdvec(content).map_err(|_| VaultError::TooLarge)?);
    let mut out = Writer::with_capacity(2 + files.len() * 84 + content.len());
    out.u16(files.len() as u16);
    for file in files {
        out.bytes(file.id.as_bytes()).bytes(file.key.expose()).bytes(&file.commitment).u32(file.segments);
    }
    out.bytes(&content);
    Ok(out.finish())
}

fn decode_with_files<T: DeserializeOwned>(bytes: &[u8]) -> Result<(Vec<StoredFile>, T), VaultError> {
    let mut reader = Reader::new(bytes);
    let files = read_files(&mut reader).map_err(|_| VaultError::Tampered)?;
    let rest = reader.bytes(reader.remaining()).map_err(|_| VaultError::Tampered)?;
    Ok((files, postcard::from_bytes(rest).map_err(|_| VaultError::Tampered)?))
}

fn read_files(reader: &mut Reader<'_>) -> Result<Vec<StoredFile>, BadLayout> {
    let count = reader.u16()?;
    (0..count)
        .map(|_| {
            Ok(StoredFile {
                id: FileId::from_bytes(reader.array()?),
                key: Key::from_slice(reader.bytes(Key::LEN)?).ok_or(BadLayout)?,
                commitment: reader.array()?,
                segments: reader.u32()?,
            })
        })
        .collect()
}

/// Joins the two layers of a row.
pub(super) fn join(outer: &[u8], inner: &[u8]) -> Vec<u8> {
    [&(outer.len() as u16).to_be_bytes(), outer, inner].concat()
}

/// The two layers of a row.
pub(super) fn split(row: &[u8]) -> Result<(&[u8], &[u8]), VaultError> {
    let (len, rest) = row.split_at_checked(2).ok_or(VaultError::Tampered)?;
    rest.split_at_checked(usize::from(u16::from_be_bytes([len[0], len[1]]))).ok_or(VaultError::Tampered)
}

/// The outer layer of a record row.
pub(super) fn seal_record_place(
    key: &Key,
    record: &RecordId,
    place: u64,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, SealError> {
    envelope::seal(key, &record_place(record), &place.to_be_bytes(), entropy)
}

/// The place in a record row's outer layer.
pub(super) fn open_record_place(key: &Key, record: &RecordId, row: &[u8]) -> Result<u64, VaultError> {
    let opened = envelope::open(key, &record_place(record), split(row)?.0)?;
    Reader::new(&opened).u64().map_err(|_| VaultError::Tampered)
}

/// The outer layer of a list row.
pub(super) fn seal_list_place(
    key: &Key,
    arrival: u64,
    place: u64,
    record: &RecordId,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, SealError> {
    let content = [place.to_be_bytes().as_slice(), record.as_bytes()].concat();
    envelope::seal(key, &list_place(&arrival.to_be_bytes()), &content, entropy)
}

/// Place and record in a list row's outer layer.
pub(super) fn open_list_place(key: &Key, arrival: u64, row: &[u8]) -> Result<(u64, RecordId), VaultError> {
    let opened = envelope::open(key, &list_place(&arrival.to_be_bytes()), split(row)?.0)?;
    let mut reader = Reader::new(&opened);
    let parsed = reader.u64().and_then(|place| Ok((place, RecordId::from_bytes(reader.array()?))));
    parsed.map_err(|_| VaultError::Tampered)
}

/// Seals a record's content, or opens it.
pub(super) const fn record_context<'a>(person: &'a PersonId, record: &'a RecordId, version: u32) -> Context<'a> {
    Context::new(Purpose::Record).table(Table::Records).person(person).row(record.as_bytes()).version(version as u64)
}

/// Seals a list entry, or opens it.
pub(super) const fn list_context<'a>(person: &'a PersonId, record: &'a RecordId, version: u32) -> Context<'a> {
    Context::new(Purpose::ListEntry).table(Table::List).person(person).row(record.as_bytes()).version(version as u64)
}

/// Seals a message, or opens it. `row` is its [`message_name`].
pub(super) const fn message_context<'a>(person: &'a PersonId, row: &'a [u8; 20]) -> Context<'a> {
    Context::new(Purpose::Message).table(Table::Messages).person(person).row(row)
}

/// Seals a part of a consent ledger, or opens it. Only the last part grows, so its version is its count of lines; that of
/// the others is [`LINES_PER_PART`].
pub(super) const fn consent_context<'a>(person: &'a PersonId, part: &'a [u8; 2], version: u64) -> Context<'a> {
    Context::new(Purpose::Consents).table(Table::Consents).person(person).row(part).version(version)
}

/// The version of a part of a consent ledger.
pub(super) fn ledger_version(keyring: &Keyring, part: u16) -> u64 {
    if part + 1 == keyring.consent_parts { keyring.consent_version } else { LINES_PER_PART as u64 }
}

pub(super) const fn file_marker_context(file: &FileId) -> Context<'_> {
    Context::new(Purpose::FileMarker).table(Table::Files).row(file.as_bytes())
}

pub(super) fn list_key(arrival: u64) -> Vec<u8> {
    Table::List.key(&[&arrival.to_be_bytes()])
}

pub(super) fn record_key(record: &RecordId) -> Vec<u8> {
    Table::Records.key(&[record.as_bytes()])
}

/// What a message's row is called, and a download's: `record (16) ‖ number (4)`.
pub(super) fn message_name(record: &RecordId, number: u32) -> [u8; 20] {
    let mut name = [0; 20];
    name[..16].copy_from_slice(record.as_bytes());
    name[16..].copy_from_slice(&number.to_be_bytes());
    name
}

pub(super) fn message_key(record: &RecordId, number: u32) -> Vec<u8> {
    Table::Messages.key(&[&message_name(record, number)])
}

/// Seals a download, or opens it. `row` is its [`message_name`].
pub(super) const fn download_context<'a>(person: &'a PersonId, row: &'a [u8; 20]) -> Context<'a> {
    Context::new(Purpose::Download).table(Table::Downloads).person(person).row(row)
}

pub(super) fn download_key(record: &RecordId, number: u32) -> Vec<u8> {
    Table::Downloads.key(&[&message_name(record, number)])
}

/// Seals a note, or opens it. `row` is its [`message_name`].
pub(super) const fn note_context<'a>(person: &'a PersonId, row: &'a [u8; 20]) -> Context<'a> {
    Context::new(Purpose::Note).table(Table::Notes).person(person).row(row)
}

pub(super) fn note_key(record: &RecordId, number: u32) -> Vec<u8> {
    Table::Notes.key(&[&message_name(record, number)])
}

/// What a waiting mail's row is called: `record (16) ‖ mail (16)`.
pub(super) fn mail_name(record: &RecordId, mail: &Handle) -> [u8; 32] {
    let mut name = [0; 32];
    name[..16].copy_from_slice(record.as_bytes());
    name[16..].copy_from_slice(mail.as_bytes());
    name
}

/// Seals a waiting mail, or opens it. `row` is its [`mail_name`].
pub(super) const fn mail_context<'a>(person: &'a PersonId, row: &'a [u8; 32]) -> Context<'a> {
    Context::new(Purpose::Mail).table(Table::Outbox).person(person).row(row)
}

/// The outer layer of a waiting mail's row: the person's place.
pub(super) fn seal_mail_place(
    key: &Key,
    row: &[u8; 32],
    place: u64,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, SealError> {
    envelope::seal(key, &mail_place(row), &place.to_be_bytes(), entropy)
}

/// The place in it.
pub(super) fn open_mail_place(key: &Key, name: &[u8; 32], row: &[u8]) -> Result<u64, VaultError> {
    let opened = envelope::open(key, &mail_place(name), split(row)?.0)?;
    Reader::new(&opened).u64().map_err(|_| VaultError::Tampered)
}

const fn mail_place(row: &[u8; 32]) -> Context<'_> {
    Context::new(Purpose::ListPlace).table(Table::Outbox).row(row)
}

pub(super) fn file_key(file: &FileId) -> Vec<u8> {
    Table::Files.key(&[file.as_bytes()])
}

pub(super) fn consent_key(person: &PersonId, part: u16) -> Vec<u8> {
    Table::Consents.key(&[person.as_bytes(), &part.to_be_bytes()])
}

pub(super) fn encode_list_entry(entry: &ListEntry) -> Result<Vec<u8>, VaultError> {
    postcard::to_stdvec(entry).map_err(|_| VaultError::TooLarge)
}

pub(super) fn decode_list_entry(bytes: &[u8]) -> Result<ListEntry, VaultError> {
    let entry: ListEntry = postcard::from_bytes(bytes).map_err(|_| VaultError::Tampered)?;
    if entry.scans.len() == entry.files as usize { Ok(entry) } else { Err(VaultError::Tampered) }
}

const fn record_place(record: &RecordId) -> Context<'_> {
    Context::new(Purpose::ListPlace).table(Table::Records).row(record.as_bytes())
}

const fn list_place(arrival: &[u8; 8]) -> Context<'_> {
    Context::new(Purpose::ListPlace).table(Table::List).row(arrival)
}
