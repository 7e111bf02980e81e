//! The hunt itself: every key on every envelope, in rounds, until a round opens nothing new.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use letterlock::base::ids::FileId;
use letterlock::base::sensitive::Secret;
use letterlock::crypto::context::Purpose;
use letterlock::crypto::kem::PrivateKey;
use letterlock::crypto::stream::{Opener, SEALED_SEGMENT_LEN, SEGMENT_LEN};
use letterlock::crypto::{Key, envelope};

use super::contents::{self, Account, Deed, OrderPart, Outcome, ServerKey, State, Token};
use super::layouts::{self, Cut, Id, KeyBytes, Row};
use super::sealed::{self, Sealed, Spot};
use super::{Haul, Loot};

/// Bytes of a file's header, and of a tag.
const HEADER: usize = 66;
const TAG: usize = 16;

pub(super) struct Hunt {
    loot: Loot,
    keys: Vec<Key>,
    known: HashSet<KeyBytes>,
    sealed: Vec<Sealed>,
    files: Vec<(Id, Vec<u8>, usize)>,
    /// Who was ever said to be at a place.
    places: BTreeMap<u64, BTreeSet<Id>>,
    /// Every handle that a key of tables 2 and 5 or an order names.
    handles: BTreeSet<Id>,
    deed_parts: BTreeMap<Vec<u8>, BTreeMap<Vec<u8>, Vec<u8>>>,
    lengths: HashMap<Id, u64>,
}

impl Hunt {
    pub(super) fn new(haul: &Haul) -> Self {
        let mut hunt = Self {
            loot: Loot::default(),
            keys: Vec::new(),
            known: HashSet::new(),
            sealed: Vec::new(),
            files: haul.files.iter().map(|(id, bytes)| (*id, bytes.clone(), 0)).collect(),
            places: BTreeMap::new(),
            handles: BTreeSet::new(),
            deed_parts: BTreeMap::new(),
            lengths: HashMap::new(),
        };
        hunt.loot.counts.files = hunt.files.len();
        let epochs = hunt.take_key_folder(haul);
        let rows: HashSet<Row> =
            haul.rows.iter().cloned().chain(haul.redo.iter().flat_map(|copy| layouts::redo(copy))).collect();
        hunt.take_rows(&rows, epochs);
        hunt
    }

    /// Master keys, slots, recovery slots. Returns the highest epoch that they name.
    fn take_key_folder(&mut self, haul: &Haul) -> u64 {
        let mut epochs = 0;
        for text in &haul.masters {
            if let Some((_, key)) = layouts::key_file(text, "letterlock master key 1") {
                self.learn(&key);
            }
        }
        for slot in haul.roots.iter().flat_map(|file| file.chunks(4096)).filter_map(layouts::root_slot) {
            epochs = epochs.max(slot.epoch);
            let spots = [b'A', b'B']
                .map(|name| Spot::new(Purpose::RootSlot, None, &[slot.vault.as_slice(), &[name]].concat(), slot.epoch));
            self.sealed.push(Sealed::new(&slot.envelope, spots));
        }
        let identities: Vec<_> = haul
            .identities
            .iter()
            .filter_map(|text| layouts::key_file(text, "letterlock recovery key 1"))
            .filter_map(|(_, key)| Secret::from_slice(&key))
            .map(|secret| PrivateKey::from_bytes(&secret))
            .collect();
        for slot in haul.recovery_slots.iter().filter_map(|block| layouts::recovery_slot(block)) {
            epochs = epochs.max(slot.epoch);
            let spot = Spot::new(Purpose::RecoverySlot, None, &slot.vault, slot.epoch);
            self.sealed.push(Sealed::new(&slot.envelope, [spot]));
            let Some((_, encapsulated)) = slot.sealed_to else { continue };
            for key in identities.iter().filter_map(|identity| identity.decapsulate(&encapsulated).ok()) {
                self.learn(key.expose());
            }
        }
        epochs
    }

    fn take_rows(&mut self, rows: &HashSet<Row>, mut epochs: u64) {
        let mut versions: HashMap<&[u8], u64> = HashMap::new();
        for (key, value) in rows {
            *versions.entry(key).or_default() += 1;
            if key.as_slice() == b"\0epoch" {
                epochs = epochs.max(Cut(value).number(8).unwrap_or(0));
            }
            if matches!(key.first(), Some(2 | 5)) {
                self.handles.extend(Cut(&key[1..]).array::<16>());
            }
        }
        self.loot.counts.rows = versions.len();
        self.loot.counts.versions = rows.len();
        for (key, value) in rows {
            let at = self.sealed.len();
            for mut sealed in sealed::of_row(key, value, versions[key.as_slice()], epochs) {
                sealed.tells = sealed.tells.map(|next| at + next);
                self.sealed.push(sealed);
            }
        }
    }

    fn learn(&mut self, key: &KeyBytes) {
        if self.known.insert(*key) {
            self.keys.push(Key::from_bytes(*key));
            self.loot.keys.push(*key);
        }
    }

    pub(super) fn run(&mut self) {
        let mut everybody_tried = false;
        loop {
            self.loot.counts.rounds += 1;
            let fresh_places = self.suggest_people();
            let opened = self.round();
            let found = opened.len();
            for (at, spot, content) in opened {
                self.sealed[at].is_open = true;
                self.digest(at, &spot, &content);
                self.loot.opened.push((spot, content));
            }
            let files = self.round_of_files();
            if found == 0 && files == 0 && !fresh_places {
                if everybody_tried {
                    return;
                }
                // Last of all: whatever is still closed may be about anybody.
                everybody_tried = true;
                self.suggest_everybody();
            }
        }
    }

    /// Whoever was at a place may be whom an inner layer of that place is about.
    fn suggest_people(&mut self) -> bool {
        let mut any = false;
        for sealed in self.sealed.iter_mut().filter(|sealed| !sealed.is_open) {
            let Some(place) = sealed.inner.as_ref().and_then(|inner| inner.place) else { continue };
            for person in self.places.get(&place).into_iter().flatten() {
                any |= sealed.suggest_person(*person);
            }
        }
        any
    }

    /// For what has no better suggestion, everybody; at length, for all that is closed, some who were never at its place.
    fn suggest_everybody(&mut self) {
        let deep = std::env::var_os("LETTERLOCK_TEST_DEEP").is_some();
        for (n, sealed) in self.sealed.iter_mut().filter(|sealed| !sealed.is_open).enumerate() {
            let step = if sealed.spots.is_empty() { 1 } else { 16 };
            if step == 1 || deep {
                for person in self.handles.iter().skip(n % step).step_by(step) {
                    sealed.suggest_person(*person);
                }
            }
        }
    }

    /// Every key not tried yet, on every envelope still closed, on both cores.
    fn round(&mut self) -> Vec<(usize, Spot, Vec<u8>)> {
        let keys = &self.keys;
        let half = self.sealed.len().div_ceil(2).max(1);
        let mut opened = Vec::new();
        std::thread::scope(|scope| {
            let parts: Vec<_> = self.sealed.chunks_mut(half).collect();
            let threads: Vec<_> = parts.into_iter().map(|part| scope.spawn(|| try_all(part, keys))).collect();
            for (n, thread) in threads.into_iter().enumerate() {
                let (found, attempts) = thread.join().expect("a thread of the attacker");
                self.loot.counts.attempts += attempts;
                opened.extend(found.into_iter().map(|(at, spot, content)| (n * half + at, spot, content)));
            }
        });
        opened
    }

    fn round_of_files(&mut self) -> usize {
        let mut found = Vec::new();
        for (id, bytes, tried) in &mut self.files {
            for key in &self.keys[*tried..] {
                self.loot.counts.attempts += 1;
                if let Some(content) = open_file(key, id, bytes) {
                    found.push((*id, content));
                }
            }
            *tried = self.keys.len();
        }
        let new = found.into_iter().filter(|(id, content)| self.loot.files.insert(*id, content.clone()).is_none());
        new.count()
    }

    /// Learns from what opened.
    fn digest(&mut self, at: usize, spot: &Spot, content: &[u8]) {
        if self.read(at, spot, content).is_none() {
            self.loot.riddles.push(spot.clone());
            // Not what it should be: then any 32 bytes of it may be a key.
            for window in content.windows(32) {
                self.learn(window.try_into().expect("32 bytes"));
            }
        }
    }

    fn read(&mut self, at: usize, spot: &Spot, content: &[u8]) -> Option<()> {
        match spot.purpose {
            Purpose::RootSlot | Purpose::RecoverySlot => self.learn(content.try_into().ok()?),
            Purpose::Page => self.read_page(&spot.row, content)?,
            Purpose::SystemKeys => {
                let keys = layouts::system(content)?;
                self.loot.system = layouts::SYSTEM_KEYS.into_iter().zip(keys.iter().copied()).collect();
                keys.iter().for_each(|key| self.learn(key));
            }
            Purpose::Keyring => self.read_keyring(spot, content)?,
            Purpose::Record => {
                let (files, rest) = layouts::record(content)?;
                let content: contents::Content = contents::read(rest)?;
                for (file, info) in files.iter().zip(&content.files) {
                    self.learn(&file.key);
                    self.lengths.insert(file.file, info.size);
                }
                self.loot.records.insert(spot.row.as_slice().try_into().ok()?, (spot.person?, content));
            }
            Purpose::Message => {
                let (files, rest) = layouts::record(content)?;
                let message: contents::Message = contents::read(rest)?;
                for (file, info) in files.iter().zip(&message.files) {
                    self.learn(&file.key);
                    self.lengths.insert(file.file, info.size);
                }
                let (record, number) = spot.row.split_at_checked(16)?;
                let number = u32::from_be_bytes(number.try_into().ok()?);
                self.loot.messages.insert((record.try_into().ok()?, number), message);
            }
            Purpose::Download => {
                let (record, number) = spot.row.split_at_checked(16)?;
                let number = u32::from_be_bytes(number.try_into().ok()?);
                self.loot.downloads.insert((record.try_into().ok()?, number), contents::read(content)?);
            }
            Purpose::Note => {
                let (record, number) = spot.row.split_at_checked(16)?;
                let number = u32::from_be_bytes(number.try_into().ok()?);
                self.loot.notes.insert((record.try_into().ok()?, number), contents::read(content)?);
            }
            Purpose::Mail => {
                let _: contents::Mail = contents::read(content)?;
                self.loot.mails += 1;
            }
            Purpose::ListPlace => {
                let mut cut = Cut(content);
                let (place, record) = (cut.number(8)?, cut.bytes(16));
                let told = self.sealed[at].tells?;
                let inner = self.sealed[told].inner.as_mut()?;
                inner.place = Some(place);
                inner.row = inner.row.take().or_else(|| record.map(<[u8]>::to_vec));
            }
            Purpose::ListEntry => {
                let record = spot.row.as_slice().try_into().ok()?;
                self.loot.list.entry(record).or_default().push(contents::read(content)?);
            }
            Purpose::Consents => {
                let lines: Vec<_> = contents::read(content)?;
                self.loot.consents.entry(spot.person?).or_default().extend(lines);
            }
            Purpose::FileMarker => content.is_empty().then_some(())?,
            Purpose::Staff => drop(contents::read::<Account>(content)?),
            Purpose::Token => drop(contents::read::<Token>(content)?),
            Purpose::AuditEntry => {
                let entry: contents::AuditEntry = contents::read(content)?;
                self.sealed.extend(entry.subjects.iter().map(|s| sealed::of_subject(s.place, &s.sealed)));
                self.loot.audit.push(entry);
            }
            Purpose::AuditSubject => self.loot.subjects.push((spot.person?, contents::read(content)?)),
            Purpose::Intent if spot.row.ends_with(&[0xff, 0xff]) => {
                let _: Outcome = contents::read(content)?;
            }
            Purpose::Intent => {
                let part: OrderPart = contents::read(content)?;
                for line in &part.lines {
                    if let contents::Line::Person { place, person, .. } | contents::Line::Record { place, person, .. } =
                        line
                    {
                        self.places.entry(*place).or_default().insert(*person);
                        self.handles.insert(*person);
                    }
                }
                self.loot.orders.push(part);
            }
            Purpose::State => drop(contents::read::<State>(content)?),
            Purpose::Deed => {
                let (handle, part) = spot.row.split_at_checked(16)?;
                self.deed_parts.entry(handle.to_vec()).or_default().insert(part.to_vec(), content.to_vec());
            }
            // Counts by day, form and family of browser: nothing of anybody.
            Purpose::Statistics | Purpose::Credentials | Purpose::Desk | Purpose::Approval | Purpose::Alert => {}
            // What everybody reads.
            Purpose::Vacancy => {}
            // Handles and times: of whom a submission is, it says nothing.
            Purpose::Pass => {}
            Purpose::ServerKey => drop(contents::read::<ServerKey>(content)?),
            // What staff wrote for everybody, and figures.
            Purpose::Mailing => {}
            Purpose::File => return None,
        }
        Some(())
    }

    fn read_page(&mut self, row: &[u8], content: &[u8]) -> Option<()> {
        let mut cut = Cut(row);
        let (level, index) = (cut.number(1)?, cut.number(8)?);
        match level {
            0 => {
                for entry in layouts::leaf(content)? {
                    self.places.entry(index * 64 + entry.slot).or_default().insert(entry.person);
                    self.handles.insert(entry.person);
                    let tags = self.loot.people.entry(entry.person).or_default();
                    tags.extend((entry.tag != [0; 16]).then_some(entry.tag));
                    self.learn(&entry.key);
                }
            }
            4 => {
                let (system, children) = layouts::top(content)?;
                self.learn(&system);
                children.iter().for_each(|key| self.learn(key));
            }
            _ => layouts::inner(content)?.iter().for_each(|key| self.learn(key)),
        }
        Some(())
    }

    fn read_keyring(&mut self, spot: &Spot, content: &[u8]) -> Option<()> {
        let part = layouts::keyring(content, Cut(&spot.row).number(2)?)?;
        if let Some((audit, consent)) = part.audit_and_consent {
            self.learn(&audit);
            self.learn(&consent);
        }
        let records = self.loot.keyrings.entry(spot.person?).or_default();
        records.extend(part.records.iter().map(|line| line.record));
        part.records.iter().for_each(|line| self.learn(&line.key));
        Some(())
    }

    pub(super) fn finish(mut self) -> Loot {
        for parts in std::mem::take(&mut self.deed_parts).into_values() {
            let whole: Vec<u8> = parts.into_values().flatten().collect();
            match contents::read::<Deed>(&whole) {
                Some(deed) => self.loot.deeds.push(deed),
                None => self.loot.riddles.push(Spot::new(Purpose::Deed, None, &whole, 0)),
            }
        }
        for (id, content) in &mut self.loot.files {
            if let Some(&len) = self.lengths.get(id) {
                content.truncate(len as usize);
            }
        }
        let counts = &mut self.loot.counts;
        counts.envelopes = self.sealed.len();
        counts.keys = self.keys.len();
        counts.opened = self.loot.opened.len();
        counts.files_opened = self.loot.files.len();
        self.loot
    }
}

/// What opens: which envelope, in which context, and its content; and how many attempts it took.
fn try_all(part: &mut [Sealed], keys: &[Key]) -> (Vec<(usize, Spot, Vec<u8>)>, u64) {
    let (mut found, mut attempts) = (Vec::new(), 0);
    for (at, sealed) in part.iter_mut().enumerate().filter(|(_, sealed)| !sealed.is_open) {
        if envelope::commitment(&sealed.bytes).is_none() {
            continue; // not an envelope
        }
        'spots: for (spot, tried) in &mut sealed.spots {
            for key in &keys[*tried..] {
                attempts += 1;
                if let Some(content) = spot.open(key, &sealed.bytes) {
                    found.push((at, spot.clone(), content));
                    break 'spots;
                }
            }
            *tried = keys.len();
        }
    }
    (found, attempts)
}

/// Opens a file whose length nobody told: with its padding.
fn open_file(key: &Key, id: &Id, bytes: &[u8]) -> Option<Vec<u8>> {
    let (header, segments) = bytes.split_at_checked(HEADER)?;
    let count = segments.len().div_ceil(SEALED_SEGMENT_LEN).max(1);
    let len = segments.len().checked_sub(count * TAG)?;
    let opener = Opener::new(key, &FileId::from_bytes(*id), header, &header[HEADER - 32..], len as u64).ok()?;
    let mut content = Vec::with_capacity(count * SEGMENT_LEN);
    for (n, segment) in segments.chunks(SEALED_SEGMENT_LEN).enumerate() {
        content.extend_from_slice(&opener.segment(n as u32, segment).ok()?);
    }
    Some(content)
}
