//! What is sealed in a row, and in which contexts it may have been sealed.

use letterlock::base::ids::PersonId;
use letterlock::base::tables::Table;
use letterlock::crypto::context::{Context, Purpose};
use letterlock::crypto::{Key, envelope};

use super::layouts::{Cut, Id, two_layers};

/// A context, by its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) purpose: Purpose,
    pub(crate) table: Option<Table>,
    pub(crate) person: Option<Id>,
    pub(crate) row: Vec<u8>,
    pub(crate) version: u64,
}

impl Spot {
    pub(crate) fn new(purpose: Purpose, table: Option<Table>, row: &[u8], version: u64) -> Self {
        Self { purpose, table, person: None, row: row.to_vec(), version }
    }

    pub(crate) fn of(mut self, person: Id) -> Self {
        self.person = Some(person);
        self
    }

    /// Tries a key.
    pub(crate) fn open(&self, key: &Key, sealed: &[u8]) -> Option<Vec<u8>> {
        let person = self.person.map(PersonId::from_bytes);
        let mut context = Context::new(self.purpose).row(&self.row).version(self.version);
        if let Some(table) = self.table {
            context = context.table(table);
        }
        if let Some(person) = &person {
            context = context.person(person);
        }
        envelope::open(key, &context, sealed).ok().map(|content| content.to_vec())
    }
}

/// An envelope that waits to be opened.
pub(crate) struct Sealed {
    pub(crate) bytes: Vec<u8>,
    /// Each context with the number of keys that were tried in it.
    pub(crate) spots: Vec<(Spot, usize)>,
    /// For an inner layer: what the context is made of, but for the person.
    pub(crate) inner: Option<Inner>,
    /// The envelope whose place this one tells.
    pub(crate) tells: Option<usize>,
    pub(crate) is_open: bool,
}

/// An inner layer, whose person is found by the place.
pub(crate) struct Inner {
    pub(crate) purpose: Purpose,
    pub(crate) table: Table,
    /// The record; of a list row, told by the outer layer.
    pub(crate) row: Option<Vec<u8>>,
    pub(crate) versions: Vec<u64>,
    pub(crate) place: Option<u64>,
}

impl Sealed {
    pub(crate) fn new(bytes: &[u8], spots: impl IntoIterator<Item = Spot>) -> Self {
        let spots = spots.into_iter().map(|spot| (spot, 0)).collect();
        Self { bytes: bytes.to_vec(), spots, inner: None, tells: None, is_open: false }
    }

    /// Another context that may be the one.
    pub(crate) fn suggest(&mut self, spot: Spot) -> bool {
        let new = self.spots.iter().all(|(known, _)| *known != spot);
        if new {
            self.spots.push((spot, 0));
        }
        new
    }

    /// This inner layer may be about `person`.
    pub(crate) fn suggest_person(&mut self, person: Id) -> bool {
        let Some(inner) = &self.inner else { return false };
        let Some(row) = &inner.row else { return false };
        let spots: Vec<_> = inner
            .versions
            .iter()
            .map(|&version| Spot::new(inner.purpose, Some(inner.table), row, version).of(person))
            .collect();
        spots.into_iter().fold(false, |new, spot| self.suggest(spot) | new)
    }
}

/// What one version of a row holds. `versions` is how many versions of that row were seen, `epochs` the highest epoch.
pub(crate) fn of_row(key: &[u8], value: &[u8], versions: u64, epochs: u64) -> Vec<Sealed> {
    let Some((&table, row)) = key.split_first() else { return Vec::new() };
    let one = |purpose, table, version| vec![Sealed::new(value, [Spot::new(purpose, Some(table), row, version)])];
    let counted = || (0..=versions + 1).collect::<Vec<_>>();
    match table {
        0 if row == b"state" => one(Purpose::State, Table::Meta, 0),
        1 if row == b"system" => one(Purpose::SystemKeys, Table::Pages, 0),
        1 if row.first() == Some(&4) => {
            let spots = (0..=epochs + 1).map(|epoch| Spot::new(Purpose::Page, Some(Table::Pages), row, epoch));
            vec![Sealed::new(value, spots)]
        }
        1 => one(Purpose::Page, Table::Pages, 0),
        2 => with_person(row, value, Purpose::Keyring, Table::Keyrings, &[0]),
        3 => layers(row, value, Purpose::Record, Table::Records, Some(row.to_vec()), counted()),
        4 => layers(row, value, Purpose::ListEntry, Table::List, None, counted()),
        5 => with_person(row, value, Purpose::Consents, Table::Consents, &[counted(), vec![100]].concat()),
        6 => one(Purpose::FileMarker, Table::Files, 0),
        7 => one(Purpose::Staff, Table::Staff, 0),
        8 => one(Purpose::Token, Table::Tokens, 0),
        9 => one(Purpose::AuditEntry, Table::Audit, 0),
        10 => one(Purpose::Intent, Table::Intents, 0),
        11 => one(Purpose::Deed, Table::Deeds, 0),
        12 => vec![about_record(row, value, Purpose::Message, Table::Messages)],
        13 => layers(row, value, Purpose::Mail, Table::Outbox, Some(row.to_vec()), vec![0]),
        14 => one(Purpose::Statistics, Table::Statistics, 0),
        15 => one(Purpose::ServerKey, Table::Keys, 0),
        16 => one(Purpose::Credentials, Table::Credentials, 0),
        17 => vec![about_record(row, value, Purpose::Download, Table::Downloads)],
        18 => one(Purpose::Mailing, Table::Mailings, 0),
        20 => one(Purpose::Desk, Table::Desks, 0),
        21 => one(Purpose::Approval, Table::Approvals, 0),
        22 => one(Purpose::Alert, Table::Alerts, 0),
        23 => one(Purpose::Vacancy, Table::Vacancies, 0),
        24 => one(Purpose::Pass, Table::Passes, 0),
        19 => vec![about_record(row, value, Purpose::Note, Table::Notes)],
        _ => Vec::new(),
    }
}

/// A message, a download or a note: whose record it is about is not told by its row.
fn about_record(row: &[u8], value: &[u8], purpose: Purpose, table: Table) -> Sealed {
    let inner = Inner { purpose, table, row: Some(row.to_vec()), versions: vec![0], place: None };
    Sealed { inner: Some(inner), ..Sealed::new(value, []) }
}

/// The subject of an audit entry.
pub(crate) fn of_subject(place: u64, sealed: &[u8]) -> Sealed {
    let inner = Inner {
        purpose: Purpose::AuditSubject,
        table: Table::Audit,
        row: Some(Vec::new()),
        versions: vec![0],
        place: Some(place),
    };
    Sealed { inner: Some(inner), ..Sealed::new(sealed, []) }
}

fn with_person(row: &[u8], value: &[u8], purpose: Purpose, table: Table, versions: &[u64]) -> Vec<Sealed> {
    let mut cut = Cut(row);
    let Some(person) = cut.array() else { return Vec::new() };
    let spots = versions.iter().map(|&version| Spot::new(purpose, Some(table), cut.0, version).of(person));
    vec![Sealed::new(value, spots)]
}

/// Outer layer and inner layer; the first tells the place of the one that follows it.
fn layers(
    row: &[u8],
    value: &[u8],
    purpose: Purpose,
    table: Table,
    inner_row: Option<Vec<u8>>,
    versions: Vec<u64>,
) -> Vec<Sealed> {
    let Some((outer, inner)) = two_layers(value) else { return Vec::new() };
    let outer = Sealed { tells: Some(1), ..Sealed::new(outer, [Spot::new(Purpose::ListPlace, Some(table), row, 0)]) };
    let waits = Inner { purpose, table, row: inner_row, versions, place: None };
    vec![outer, Sealed { inner: Some(waits), ..Sealed::new(inner, []) }]
}
