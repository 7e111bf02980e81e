//! What a target of an erasure comes to: whose it is, which rows and files lose their meaning with it.

use std::collections::BTreeSet;

use super::audit::{SealedSubject, Subject};
use super::deed::Victim;
use super::epoch::Target;
use super::intent::{Intent, Line};
use super::shared::Shared;
use super::txn::Txn;
use super::{VaultError, rows};
use crate::base::ids::{FileId, PersonId, RecordId};
use crate::base::tables::Table;
use crate::keys::tree::FANOUT;
use crate::store::{StoreError, after_prefix};

/// Finds out what a target comes to, and writes the lines for it.
pub(super) fn aim(
    txn: &mut Txn<'_>,
    target: Target,
    seen: &mut BTreeSet<[u8; 16]>,
    lines: &mut Vec<Line>,
) -> Result<(Victim, Option<SealedSubject>), VaultError> {
    let shared = txn.shared;
    let (place, record) = match target {
        Target::Person(person) => {
            let place = shared.directory.read().ok().and_then(|d| d.place_of(&person)).ok_or(VaultError::Missing)?;
            (place, None)
        }
        Target::Record(record) => {
            let row = txn.read(&rows::record_key(&record))?.ok_or(VaultError::Missing)?;
            (rows::open_record_place(&shared.keys.places, &record, &row)?, Some(record))
        }
        Target::RecordOrLast(record) => {
            let row = txn.read(&rows::record_key(&record))?.ok_or(VaultError::Missing)?;
            let place = rows::open_record_place(&shared.keys.places, &record, &row)?;
            // Before the keyring is opened, which a dying person has no more.
            if shared.is_dying(place, Some(&record)) {
                return Err(VaultError::Missing);
            }
            let is_last = txn.person(place)?.keyring.records().all(|entry| entry.record == record);
            (place, (!is_last).then_some(record))
        }
    };
    if shared.is_dying(place, record.as_ref()) {
        return Err(VaultError::Missing);
    }
    let draft = match txn.person(place) {
        Err(VaultError::Tampered) if record.is_none() => return aim_blindly(txn, place, seen, lines),
        draft => draft?,
    };
    let (person, keyring) = (draft.person, &draft.keyring);
    let chosen: Vec<_> = keyring.records().filter(|entry| record.is_none_or(|record| record == entry.record)).collect();
    let name = record.map_or(*person.as_bytes(), |record| *record.as_bytes());
    // A record of a person who is erased in the same order goes with the person.
    if (record.is_some() && (chosen.is_empty() || seen.contains(person.as_bytes()))) || !seen.insert(name) {
        return Err(VaultError::Missing);
    }
    let subject = Subject { record, purpose: None, file: None, status: None };
    // Under a person's own audit key: for a person erased whole it is closed a moment later, and nothing is left of it.
    let sealed = record.map(|_| subject.seal(place, &person, &keyring.audit, &*shared.entropy)).transpose()?;
    let victim = Victim {
        person,
        record,
        records: chosen.iter().map(|entry| entry.record).collect(),
        files: chosen.iter().flat_map(|entry| entry.files.clone()).collect(),
        keyrings: u32::from(keyring.part_count()),
        consent_rows: if record.is_none() { u32::from(keyring.consent_parts) } else { 0 },
    };
    lines.push(match record {
        None => {
            Line::Person { place, person, keyring_parts: keyring.part_count(), consent_parts: keyring.consent_parts }
        }
        Some(record) => Line::Record { place, person, record, keyring_parts: keyring.part_count() },
    });
    lines.extend(chosen.iter().map(|entry| Line::Rows {
        record: entry.record,
        arrival: entry.arrival,
        files: entry.files.clone(),
    }));
    Ok((victim, sealed))
}

/// A person whose keyring does not open: a damaged row must not keep anybody from being erased, and their key goes all the
/// same. What was theirs is known from the outer layers of the list; their files are those that nobody else's keyring names.
fn aim_blindly(
    txn: &mut Txn<'_>,
    place: u64,
    seen: &mut BTreeSet<[u8; 16]>,
    lines: &mut Vec<Line>,
) -> Result<(Victim, Option<SealedSubject>), VaultError> {
    let person = txn.holder(place)?;
    if !seen.insert(*person.as_bytes()) {
        return Err(VaultError::Missing);
    }
    let shared = txn.shared;
    tracing::warn!(%person, "the keyring of a person to be erased does not open; the whole list is looked through");
    let records = listed_at(shared, place)?;
    let keyring_parts = parts_under(shared, Table::Keyrings, &person)?;
    let consent_parts = parts_under(shared, Table::Consents, &person)?;
    lines.push(Line::Person { place, person, keyring_parts, consent_parts });
    let files = files_of_nobody_else(shared, place)?;
    if files.is_none() {
        tracing::warn!(%person, "another keyring does not open either, so their files, sealed for ever, cannot be told from others'");
    }
    // Which of them belong to which of their records cannot be told; all go with the first.
    let mut left = files.clone().unwrap_or_default();
    let rows = |&(record, arrival): &(RecordId, u64)| Line::Rows { record, arrival, files: std::mem::take(&mut left) };
    lines.extend(records.iter().map(rows));
    let has_records = !records.is_empty();
    let victim = Victim {
        person,
        record: None,
        records: records.into_iter().map(|(record, _)| record).collect(),
        files: files.filter(|_| has_records).unwrap_or_default(),
        keyrings: u32::from(keyring_parts),
        consent_rows: u32::from(consent_parts),
    };
    Ok((victim, None))
}

/// The records that the list holds for a place, and their arrival numbers.
fn listed_at(shared: &Shared, place: u64) -> Result<Vec<(RecordId, u64)>, VaultError> {
    let from = [Table::List.id()];
    let mut found = Vec::new();
    for row in shared.engine.scan(&from, &after_prefix(&from).unwrap_or_default()) {
        let (key, row) = row?;
        let arrival = key.get(1..).and_then(|number| number.try_into().ok()).map(u64::from_be_bytes);
        if let Some(arrival) = arrival
            && let Ok((at, record)) = rows::open_list_place(&shared.keys.places, arrival, &row)
            && at == place
        {
            found.push((record, arrival));
        }
    }
    Ok(found)
}

/// The files with a row that no other person's keyring names, and no order that is under way; `None` when another keyring does
/// not open, for then nobody can say whose they are. Opens every keyring, so this takes a while.
fn files_of_nobody_else(shared: &Shared, place: u64) -> Result<Option<Vec<FileId>>, VaultError> {
    let from = [Table::Files.id()];
    let mut files = BTreeSet::new();
    for row in shared.engine.scan(&from, &after_prefix(&from).unwrap_or_default()) {
        let (key, _) = row?;
        files.extend(key.get(1..).and_then(|id| id.try_into().ok()).map(FileId::from_bytes));
    }
    let view = shared.view();
    for index in view.leaves() {
        let leaf = match view.leaf(&*shared.engine, index) {
            Ok(Some(leaf)) => leaf,
            Ok(None) | Err(VaultError::Tampered) => return Ok(None),
            Err(error) => return Err(error),
        };
        for (slot, _) in leaf.entries() {
            let other = index * FANOUT + slot as u64;
            if other == place {
                continue;
            }
            match shared.keyring_at(&view, other) {
                Ok((_, keyring)) => {
                    for file in keyring.records().flat_map(|entry| &entry.files) {
                        files.remove(file);
                    }
                }
                Err(VaultError::Tampered) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
    let Ok(intents) = Intent::load_all(shared) else { return Ok(None) };
    for line in intents.iter().flat_map(|intent| &intent.lines) {
        if let Line::Rows { files: going, .. } = line {
            for file in going {
                files.remove(file);
            }
        }
    }
    Ok(Some(files.into_iter().collect()))
}

/// One more than the greatest number of a part that a person has in a table.
fn parts_under(shared: &Shared, table: Table, person: &PersonId) -> Result<u16, VaultError> {
    let from = table.key(&[person.as_bytes()]);
    let rows = shared.engine.scan(&from, &after_prefix(&from).unwrap_or_default());
    let keys = rows.map(|row| row.map(|(key, _)| key)).collect::<Result<Vec<_>, StoreError>>()?;
    let number = |key: &Vec<u8>| key.get(from.len()..).and_then(|part| part.try_into().ok()).map(u16::from_be_bytes);
    Ok(keys.iter().filter_map(number).max().map_or(0, |last| last.saturating_add(1)))
}
