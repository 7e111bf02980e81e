//! What can be done to the rows of a store, as a list.

use std::collections::BTreeSet;

use letterlock::base::tables::Table;
use letterlock::store::Batch;

use crate::overlay::Rows;

/// One change.
pub struct Change {
    pub kind: &'static str,
    pub table: String,
    pub what: String,
    pub batch: Batch,
}

pub fn table_of(key: &[u8]) -> String {
    key.first().and_then(|id| Table::from_id(*id)).map_or_else(|| "no table".to_owned(), |table| format!("{table:?}"))
}

fn change(kind: &'static str, key: &[u8], detail: &str, batch: Batch) -> Change {
    let what = format!("{} {detail}", data_encoding::HEXLOWER.encode(key));
    Change { kind, table: table_of(key), what, batch }
}

fn one(key: &[u8], value: Vec<u8>) -> Batch {
    Batch::from([(key.to_vec(), Some(value))])
}

/// The byte positions of a row that are worth a flip each: every part of every envelope in it, clear bytes one and all.
fn positions(key: &[u8], row: &[u8], deep: bool) -> Vec<usize> {
    let layered = [Table::Records.id(), Table::List.id()].contains(&key[0]);
    let clear = key[0] == Table::Meta.id() && !key.ends_with(b"state");
    if deep || clear {
        return (0..row.len()).collect();
    }
    let envelope = |from: usize, to: usize| {
        // Version, suite, salt, commitment, ciphertext, tag.
        let body = (from + 66, to - 16);
        vec![from, from + 1, from + 2, from + 33, from + 34, from + 65, body.0, (body.0 + body.1) / 2, body.1, to - 1]
    };
    let mut out = match layered {
        false => envelope(0, row.len()),
        true => {
            let middle = 2 + usize::from(u16::from_be_bytes([row[0], row[1]]));
            [vec![0, 1], envelope(2, middle), envelope(middle, row.len())].concat()
        }
    };
    out.dedup();
    out
}

/// Everything that is done to single rows, and to pairs of a table. `deep` flips every byte, and copies every row over
/// every other; otherwise a row is copied over its neighbour.
pub fn of_rows(now: &Rows, states: &[Rows], deep: bool) -> Vec<Change> {
    let mut out = Vec::new();
    for (key, value) in now {
        for at in positions(key, value, deep) {
            // Where a byte may stand for itself, its ends; inside a ciphertext all bits are alike, so each byte has one.
            let bits = match (deep, at < 66) {
                (true, true) => vec![0x01, 0x80],
                (true, false) => vec![1 << (at % 8)],
                (false, _) => vec![0x01],
            };
            for bit in bits {
                let mut flipped = value.clone();
                flipped[at] ^= bit;
                out.push(change("flipped", key, &format!("byte {at}"), one(key, flipped)));
            }
        }
        out.push(change("dropped", key, "", Batch::from([(key.clone(), None)])));
        out.push(change("emptied", key, "", one(key, Vec::new())));
        out.push(change("cut by a byte", key, "", one(key, value[..value.len() - 1].to_vec())));
        out.push(change("longer by a byte", key, "", one(key, [value.as_slice(), &[0]].concat())));
        for old in versions(states, key).iter().filter(|old| *old != value) {
            out.push(change("replaced by an earlier version", key, "", one(key, old.clone())));
        }
        let mut elsewhere = key.clone();
        let last = elsewhere.len() - 1;
        elsewhere[last] ^= 0x55;
        // What stands where the next entries of the trail go is overwritten by them, unread: opening and checking write some.
        if next_of_trail(now).contains(&elsewhere) {
            elsewhere[last - 1] ^= 0x2a;
        }
        if !now.contains_key(&elsewhere) {
            out.push(change("doubled under a new key", key, "", one(&elsewhere, value.clone())));
            out.push(change(
                "moved to a new key",
                key,
                "",
                Batch::from([(key.clone(), None), (elsewhere, Some(value.clone()))]),
            ));
        }
        let mut other_table = key.clone();
        other_table[0] = (key[0] + 1) % Table::ALL.len() as u8;
        out.push(change("put into another table", key, "", one(&other_table, value.clone())));
        let mut copied = 0;
        for (other, theirs) in now.range(key.clone()..).skip(1).take_while(|(other, _)| other[0] == key[0]) {
            let to = data_encoding::HEXLOWER.encode(other);
            if theirs == value || (!deep && sampled(key) && copied % 4 > 0) {
                copied += 1;
                continue;
            }
            let swap = Batch::from([(key.clone(), Some(theirs.clone())), (other.clone(), Some(value.clone()))]);
            out.push(change("swapped with another", key, &to, swap));
            if deep || copied == 0 {
                out.push(change("copied over another", key, &to, one(other, value.clone())));
                out.push(change("copied over another", other, "back", one(key, theirs.clone())));
            }
            copied += 1;
        }
    }
    let ever: BTreeSet<&Vec<u8>> = states.iter().flat_map(Rows::keys).collect();
    for key in ever.into_iter().filter(|key| !now.contains_key(*key)) {
        for old in versions(states, key) {
            out.push(change("revived", key, "", one(key, old)));
        }
    }
    out
}

/// The keys that the next entries of the trail will have.
fn next_of_trail(now: &Rows) -> Vec<Vec<u8>> {
    let count = now.keys().filter(|key| key[0] == Table::Audit.id()).count() as u64;
    (count..count + 16).map(|number| Table::Audit.key(&[&number.to_be_bytes()])).collect()
}

/// Where every fourth pair is enough, when time is short: the rows of the trail are many, and all of one make.
fn sampled(key: &[u8]) -> bool {
    key[0] == Table::Audit.id()
}

fn versions(states: &[Rows], key: &[u8]) -> Vec<Vec<u8>> {
    let mut out: Vec<Vec<u8>> = Vec::new();
    for value in states.iter().filter_map(|state| state.get(key)) {
        if !out.contains(value) {
            out.push(value.clone());
        }
    }
    out
}

/// Sets of tables that are put back together to what they were after one commit.
const TOGETHER: [(&str, &[Table]); 9] = [
    ("the whole store", &Table::ALL),
    ("all but the trail", &ALL_BUT_AUDIT),
    ("all but the meta rows", &ALL_BUT_META),
    ("all but trail and meta rows", &ALL_BUT_AUDIT_AND_META),
    ("trail and meta rows", &[Table::Audit, Table::Meta]),
    ("pages and keyrings", &[Table::Pages, Table::Keyrings]),
    ("keyrings and list", &[Table::Keyrings, Table::List]),
    ("people's rows with state and trail", &PEOPLE_STATE_TRAIL),
    ("accounts with state and trail", &ACCOUNTS_STATE_TRAIL),
];
const ACCOUNTS_STATE_TRAIL: [Table; 6] = {
    use Table::*;
    [Staff, Tokens, Keys, Credentials, Meta, Audit]
};
const ALL_BUT_AUDIT: [Table; 13] = {
    use Table::*;
    [Meta, Pages, Keyrings, Records, List, Consents, Files, Staff, Tokens, Intents, Deeds, Keys, Credentials]
};
const ALL_BUT_META: [Table; 13] = {
    use Table::*;
    [Pages, Keyrings, Records, List, Consents, Files, Staff, Tokens, Audit, Intents, Deeds, Keys, Credentials]
};
const ALL_BUT_AUDIT_AND_META: [Table; 12] = {
    use Table::*;
    [Pages, Keyrings, Records, List, Consents, Files, Staff, Tokens, Intents, Deeds, Keys, Credentials]
};
const PEOPLE_STATE_TRAIL: [Table; 8] = {
    use Table::*;
    [Meta, Pages, Keyrings, Records, List, Consents, Files, Audit]
};

/// Rows that belong together, put back together: whole tables to what they were after each commit.
pub fn of_sets(now: &Rows, states: &[Rows]) -> Vec<Change> {
    let mut out = Vec::new();
    let mut seen = BTreeSet::new();
    let singles: Vec<[Table; 1]> = Table::ALL.iter().map(|table| [*table]).collect();
    let sets = TOGETHER.iter().copied().chain(singles.iter().map(|table| ("one table", table.as_slice())));
    for (what, tables) in sets {
        for (n, state) in states.iter().enumerate() {
            let within = |key: &&Vec<u8>| tables.iter().any(|table| table.id() == key[0]);
            let mut batch: Batch = now.keys().filter(within).map(|key| (key.clone(), None)).collect();
            batch.extend(state.keys().filter(within).map(|key| (key.clone(), Some(state[key].clone()))));
            batch.retain(|key, value| now.get(key) != value.as_ref());
            if !batch.is_empty() && seen.insert(batch.clone()) {
                let table =
                    tables.first().filter(|_| tables.len() == 1).map_or_else(|| what.to_owned(), |t| format!("{t:?}"));
                out.push(Change { kind: "put back together", table, what: format!("{what}, to commit {n}"), batch });
            }
        }
    }
    out
}
