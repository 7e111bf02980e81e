//! What a target of an erasure comes to: whose it is, which rows and files lose their meaning with it.

use std::collections::BTreeSet;

use super::audit::{SealedSubject, Subject};
use super::deed::Victim;
use super::epoch::Target;
use super::intent::Line;
use super::shared::Shared;
use super::txn::Txn;
use super::{VaultError, rows};
use crate::base::ids::{PersonId, RecordId};
use crate::base::tables::Table;
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
/// same. What was theirs is known from the outer layers of the list; their files cannot be told from others' and stay,
/// sealed for ever, for `verify` to count.
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
    lines.extend(records.iter().map(|&(record, arrival)| Line::Rows { record, arrival, files: Vec::new() }));
    let victim = Victim {
        person,
        record: None,
        records: records.into_iter().map(|(record, _)| record).collect(),
        files: Vec::new(),
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

/// One more than the greatest number of a part that a person has in a table.
fn parts_under(shared: &Shared, table: Table, person: &PersonId) -> Result<u16, VaultError> {
    let from = table.key(&[person.as_bytes()]);
    let rows = shared.engine.scan(&from, &after_prefix(&from).unwrap_or_default());
    let keys = rows.map(|row| row.map(|(key, _)| key)).collect::<Result<Vec<_>, StoreError>>()?;
    let number = |key: &Vec<u8>| key.get(from.len()..).and_then(|part| part.try_into().ok()).map(u16::from_be_bytes);
    Ok(keys.iter().filter_map(number).max().map_or(0, |last| last.saturating_add(1)))
}
