//! A person's keyring: the keys of their records, of their consent ledger and of their part of the audit trail, sealed
//! under the person key. A person with many records has several parts, each a row of its own.
//!
//! ```text
//! part 0 = parts (2) ‖ audit key (32) ‖ consent key (32) ‖ consent parts (2) ‖ consent version (8) ‖ records
//! part n = records
//! records = count (2) ‖ for each: record (16) ‖ key (32) ‖ arrival number (8) ‖ version (4) ‖ list version (4)
//!           ‖ files (1) ‖ for each: file (16)
//! ```
//!
//! The versions are what makes an older row of the same record refuse to open.

use super::KeyError;
use crate::base::codec::{BadLayout, Reader, Writer};
use crate::base::entropy::Entropy;
use crate::base::ids::{FileId, PersonId, RecordId};
use crate::base::sensitive::SecretBytes;
use crate::base::tables::Table;
use crate::crypto::context::{Context, Purpose};
use crate::crypto::{Key, envelope};

/// Records in one part. With the most files a record may have, a full part stays below the store's row limit.
pub const RECORDS_PER_PART: usize = 200;
/// Files that one record may have.
pub const MAX_FILES: usize = 15;
/// Parts that one person may have: 20,000 records under one address. All parts are opened for each submission, so
/// whoever floods one address slows everybody down by no more than this.
pub const MAX_PARTS: usize = 100;

/// One record's line in a keyring.
pub struct RecordEntry {
    /// Which record.
    pub record: RecordId,
    /// Its key.
    pub key: Key,
    /// Its arrival number: the key of its list row.
    pub arrival: u64,
    /// Version of the record's row.
    pub version: u32,
    /// Version of its list row.
    pub list_version: u32,
    /// Its files.
    pub files: Vec<FileId>,
}

impl RecordEntry {
    fn duplicate(&self) -> Self {
        Self {
            record: self.record,
            key: self.key.duplicate(),
            arrival: self.arrival,
            version: self.version,
            list_version: self.list_version,
            files: self.files.clone(),
        }
    }
}

/// Everything that hangs on one person's key.
pub struct Keyring {
    /// Key of the inner layer of audit entries about this person.
    pub audit: Key,
    /// Key of the consent ledger.
    pub consent: Key,
    /// Rows that the consent ledger has.
    pub consent_parts: u16,
    /// Version of the ledger's last row.
    pub consent_version: u64,
    parts: Vec<Vec<RecordEntry>>,
}

impl Keyring {
    /// A keyring without records.
    ///
    /// # Errors
    /// Without randomness.
    pub fn make_random(entropy: &dyn Entropy) -> Result<Self, KeyError> {
        Ok(Self {
            audit: Key::make_random(entropy)?,
            consent: Key::make_random(entropy)?,
            consent_parts: 0,
            consent_version: 0,
            parts: vec![Vec::new()],
        })
    }

    /// How many rows it takes.
    pub fn part_count(&self) -> u16 {
        self.parts.len() as u16
    }

    /// Whether it can take another record.
    pub fn has_room(&self) -> bool {
        self.parts.len() < MAX_PARTS || self.parts.last().is_none_or(|part| part.len() < RECORDS_PER_PART)
    }

    /// Adds a record; returns the number of the part that changed. Part 0 changes as well when a part is new.
    pub fn add(&mut self, entry: RecordEntry) -> u16 {
        if self.parts.last().is_none_or(|part| part.len() >= RECORDS_PER_PART) {
            self.parts.push(Vec::with_capacity(1));
        }
        let last = self.parts.len() - 1;
        self.parts[last].push(entry);
        last as u16
    }

    /// A record's line.
    pub fn record(&self, record: &RecordId) -> Option<&RecordEntry> {
        self.records().find(|entry| entry.record == *record)
    }

    /// A record's line, to change, and the part that it is in.
    pub fn record_mut(&mut self, record: &RecordId) -> Option<(u16, &mut RecordEntry)> {
        self.parts.iter_mut().enumerate().find_map(|(n, part)| {
            let entry = part.iter_mut().find(|entry| entry.record == *record)?;
            Some((n as u16, entry))
        })
    }

    /// All records, oldest first.
    pub fn records(&self) -> impl Iterator<Item = &RecordEntry> {
        self.parts.iter().flatten()
    }

    /// The keyring for a fresh person key, without these records: what is left of it after their erasure.
    #[must_use]
    pub fn without(&self, records: &[RecordId]) -> Self {
        let mut kept = Self {
            audit: self.audit.duplicate(),
            consent: self.consent.duplicate(),
            consent_parts: self.consent_parts,
            consent_version: self.consent_version,
            parts: vec![Vec::new()],
        };
        for entry in self.records().filter(|entry| !records.contains(&entry.record)) {
            kept.add(entry.duplicate());
        }
        kept
    }

    /// The store key of a part's row.
    pub fn row_key(person: &PersonId, part: u16) -> Vec<u8> {
        Table::Keyrings.key(&[person.as_bytes(), &part.to_be_bytes()])
    }

    /// Seals one part under the person key.
    ///
    /// # Errors
    /// Without randomness.
    pub fn seal_part(
        &self,
        part: u16,
        person: &PersonId,
        key: &Key,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, KeyError> {
        let content = self.encode_part(part);
        Ok(envelope::seal(key, &context(person, &part.to_be_bytes()), &content, entropy)?)
    }

    /// Opens a whole keyring; `read` gives the sealed row of a part.
    ///
    /// # Errors
    /// [`KeyError::Open`] also for a missing part; whatever `read` fails with.
    pub fn open<E: From<KeyError>>(
        person: &PersonId,
        key: &Key,
        mut read: impl FnMut(u16) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<Self, E> {
        let mut open = |part: u16| -> Result<SecretBytes, E> {
            let sealed = read(part)?.ok_or(KeyError::Open(crate::crypto::OpenError))?;
            Ok(envelope::open(key, &context(person, &part.to_be_bytes()), &sealed).map_err(KeyError::from)?)
        };
        let first = open(0)?;
        let (mut keyring, parts) = Self::decode_first(&first).map_err(KeyError::from)?;
        for part in 1..parts {
            keyring.parts.push(decode_part(&open(part)?).map_err(KeyError::from)?);
        }
        Ok(keyring)
    }

    fn encode_part(&self, part: u16) -> SecretBytes {
        let records = self.parts.get(usize::from(part)).map_or(&[][..], Vec::as_slice);
        let size: usize = records.iter().map(|entry| 65 + 16 * entry.files.len()).sum();
        let mut out = Writer::with_capacity(128 + size);
        if part == 0 {
            out.u16(self.part_count()).bytes(self.audit.expose()).bytes(self.consent.expose());
            out.u16(self.consent_parts).u64(self.consent_version);
        }
        out.u16(records.len() as u16);
        for entry in records {
            out.bytes(entry.record.as_bytes()).bytes(entry.key.expose()).u64(entry.arrival);
            out.u32(entry.version).u32(entry.list_version).u8(entry.files.len() as u8);
            for file in &entry.files {
                out.bytes(file.as_bytes());
            }
        }
        out.finish()
    }

    fn decode_first(content: &[u8]) -> Result<(Self, u16), BadLayout> {
        let mut reader = Reader::new(content);
        let parts = reader.u16()?;
        let audit = Key::from_slice(reader.bytes(Key::LEN)?).ok_or(BadLayout)?;
        let consent = Key::from_slice(reader.bytes(Key::LEN)?).ok_or(BadLayout)?;
        let (consent_parts, consent_version) = (reader.u16()?, reader.u64()?);
        let records = decode_records(reader)?;
        if parts == 0 || usize::from(parts) > MAX_PARTS {
            return Err(BadLayout);
        }
        Ok((Self { audit, consent, consent_parts, consent_version, parts: vec![records] }, parts))
    }
}

fn decode_part(content: &[u8]) -> Result<Vec<RecordEntry>, BadLayout> {
    decode_records(Reader::new(content))
}

fn decode_records(mut reader: Reader<'_>) -> Result<Vec<RecordEntry>, BadLayout> {
    let count = usize::from(reader.u16()?);
    if count > RECORDS_PER_PART {
        return Err(BadLayout);
    }
    let mut records = Vec::with_capacity(count);
    for _ in 0..count {
        let record = RecordId::from_bytes(reader.array()?);
        let key = Key::from_slice(reader.bytes(Key::LEN)?).ok_or(BadLayout)?;
        let (arrival, version, list_version) = (reader.u64()?, reader.u32()?, reader.u32()?);
        let file_count = usize::from(reader.u8()?);
        if file_count > MAX_FILES {
            return Err(BadLayout);
        }
        let mut files = Vec::with_capacity(file_count);
        for _ in 0..file_count {
            files.push(FileId::from_bytes(reader.array()?));
        }
        records.push(RecordEntry { record, key, arrival, version, list_version, files });
    }
    reader.end()?;
    Ok(records)
}

/// Decodes the content of any part and encodes it again, for fuzzing: `None` when it is not one.
pub fn reencode(part: u16, content: &[u8]) -> Option<SecretBytes> {
    if part == 0 {
        let (mut keyring, parts) = Keyring::decode_first(content).ok()?;
        keyring.parts.resize_with(usize::from(parts), Vec::new);
        return Some(keyring.encode_part(0));
    }
    let records = decode_part(content).ok()?;
    let mut keyring = Keyring {
        audit: Key::from_bytes([0; 32]),
        consent: Key::from_bytes([0; 32]),
        consent_parts: 0,
        consent_version: 0,
        parts: vec![Vec::new()],
    };
    keyring.parts.push(records);
    Some(keyring.encode_part(1))
}

const fn context<'a>(person: &'a PersonId, part: &'a [u8; 2]) -> Context<'a> {
    Context::new(Purpose::Keyring).table(Table::Keyrings).person(person).row(part)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::base::entropy::{SeededEntropy, SystemEntropy};

    const PERSON: PersonId = PersonId::from_bytes([4; 16]);

    fn entry(entropy: &dyn Entropy, arrival: u64) -> RecordEntry {
        let files = (0..arrival % 3).map(|_| FileId::make_random(entropy).unwrap()).collect();
        RecordEntry {
            record: RecordId::make_random(entropy).unwrap(),
            key: Key::make_random(entropy).unwrap(),
            arrival,
            version: 1,
            list_version: 2,
            files,
        }
    }

    fn rows(keyring: &Keyring, key: &Key) -> BTreeMap<u16, Vec<u8>> {
        let entropy = SystemEntropy::new();
        (0..keyring.part_count()).map(|n| (n, keyring.seal_part(n, &PERSON, key, &entropy).unwrap())).collect()
    }

    fn open(rows: &BTreeMap<u16, Vec<u8>>, key: &Key) -> Result<Keyring, KeyError> {
        Keyring::open(&PERSON, key, |part| Ok(rows.get(&part).cloned()))
    }

    #[test]
    fn many_records_span_parts_and_come_back() {
        let entropy = SystemEntropy::new();
        let key = Key::make_random(&entropy).unwrap();
        let mut keyring = Keyring::make_random(&entropy).unwrap();
        for n in 0..450 {
            assert_eq!(usize::from(keyring.add(entry(&entropy, n))), n as usize / RECORDS_PER_PART);
        }
        let rows = rows(&keyring, &key);
        assert_eq!(rows.len(), 3);
        let opened = open(&rows, &key).unwrap();
        assert!(opened.records().map(|e| e.arrival).eq(0..450));
        assert!(opened.audit == keyring.audit && opened.consent == keyring.consent);

        let mut swapped = rows.clone();
        swapped.insert(1, rows[&2].clone());
        assert!(open(&swapped, &key).is_err(), "parts do not trade places");
        let mut cut = rows;
        cut.remove(&2);
        assert!(open(&cut, &key).is_err(), "no part may be missing");
    }

    #[test]
    fn a_full_part_fits_a_row() {
        let entropy = SystemEntropy::new();
        let mut keyring = Keyring::make_random(&entropy).unwrap();
        for n in 0..RECORDS_PER_PART as u64 {
            let mut entry = entry(&entropy, n);
            entry.files = vec![FileId::from_bytes([1; 16]); MAX_FILES];
            keyring.add(entry);
        }
        let sealed = keyring.seal_part(0, &PERSON, &Key::from_bytes([1; 32]), &entropy).unwrap();
        assert!(sealed.len() <= 64 * 1024);
    }

    #[test]
    fn there_is_room_until_the_last_part_is_full() {
        let entropy = SystemEntropy::new();
        let mut keyring = Keyring::make_random(&entropy).unwrap();
        let full = || (0..RECORDS_PER_PART as u64).map(|n| entry(&SystemEntropy::new(), n)).collect::<Vec<_>>();
        keyring.parts = vec![full()];
        assert!(keyring.has_room(), "in a new part");
        keyring.parts.resize_with(MAX_PARTS, Vec::new);
        keyring.parts[MAX_PARTS - 1] = full();
        assert!(!keyring.has_room(), "every part that may be is there, and the last is full");
        keyring.parts[MAX_PARTS - 1].pop();
        assert!(keyring.has_room(), "for one more");
        assert_eq!(keyring.add(entry(&entropy, 1)), MAX_PARTS as u16 - 1);
        assert!(!keyring.has_room());
    }

    #[test]
    fn a_record_is_found_and_changed_in_its_part() {
        let entropy = SystemEntropy::new();
        let mut keyring = Keyring::make_random(&entropy).unwrap();
        for n in 0..=RECORDS_PER_PART as u64 {
            keyring.add(entry(&entropy, n));
        }
        for (part, arrival) in [(0, 3), (1, RECORDS_PER_PART as u64)] {
            let record = keyring.records().nth(arrival as usize).unwrap().record;
            let (found, line) = keyring.record_mut(&record).unwrap();
            assert_eq!((found, line.arrival), (part, arrival));
            line.version = 9;
            assert_eq!(keyring.record(&record).map(|line| (line.arrival, line.version)), Some((arrival, 9)));
        }
        let nobodys = RecordId::from_bytes([0; 16]);
        assert!(keyring.record(&nobodys).is_none() && keyring.record_mut(&nobodys).is_none());
    }

    #[test]
    fn content_past_the_limits_does_not_decode() {
        let entropy = SystemEntropy::new();
        let mut keyring = Keyring::make_random(&entropy).unwrap();
        keyring.add(entry(&entropy, 1));
        let first = keyring.encode_part(0).to_vec();
        for (parts, read) in [(0, false), (1, true), (MAX_PARTS as u16, true), (MAX_PARTS as u16 + 1, false)] {
            let content = [&parts.to_be_bytes(), &first[2..]].concat();
            assert_eq!(reencode(0, &content).map(|again| again.to_vec()), read.then_some(content), "{parts} parts");
        }
        for (records, files, read) in [
            (RECORDS_PER_PART, 1, true),
            (RECORDS_PER_PART + 1, 1, false),
            (1, MAX_FILES, true),
            (1, MAX_FILES + 1, false),
        ] {
            let line = |n| RecordEntry { files: vec![FileId::from_bytes([1; 16]); files], ..entry(&entropy, n) };
            keyring.parts = vec![Vec::new(), (0..records as u64).map(line).collect()];
            let content = keyring.encode_part(1).to_vec();
            let again = reencode(1, &content).map(|again| again.to_vec());
            assert_eq!(again, read.then_some(content), "{records} records, {files} files");
        }
    }

    #[test]
    fn without_leaves_the_others_and_another_persons_keyring_does_not_open() {
        let entropy = SystemEntropy::new();
        let key = Key::make_random(&entropy).unwrap();
        let mut keyring = Keyring::make_random(&entropy).unwrap();
        for n in 0..3 {
            keyring.add(entry(&entropy, n));
        }
        let gone = keyring.records().nth(1).unwrap().record;
        let kept = keyring.without(&[gone]);
        assert!(kept.record(&gone).is_none() && kept.records().count() == 2);

        let rows = rows(&kept, &key);
        let other = PersonId::from_bytes([5; 16]);
        assert!(Keyring::open::<KeyError>(&other, &key, |part| Ok(rows.get(&part).cloned())).is_err());
    }

    #[test]
    fn frozen_vector() {
        let entropy = SeededEntropy::new(4);
        let mut keyring = Keyring::make_random(&entropy).unwrap();
        keyring.add(entry(&entropy, 1));
        let sealed = keyring.seal_part(0, &PERSON, &Key::from_bytes([0x33; 32]), &entropy).unwrap();
        assert_eq!(data_encoding::HEXLOWER.encode(&sealed), include_str!("vectors/keyring.hex").trim());
    }

    proptest! {
        #[test]
        fn bytes_encode_to_themselves_or_do_not_decode(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for part in [0, 1] {
                if let Some(again) = reencode(part, &bytes) {
                    prop_assert_eq!(&*again, &bytes);
                }
            }
        }
    }
}
