//! What a sealed value is and where it belongs. The context goes into the key derivation, so a value moved to another
//! row, person or version does not open.

use crate::base::ids::{Handle, PersonId};
use crate::base::tables::Table;

/// Format version of envelopes and streams.
pub const VERSION: u8 = 1;
/// The one suite so far: HKDF-SHA-256, AES-256-GCM, 32-byte commitment.
pub const SUITE: u8 = 1;

/// What a sealed value is. A number, once given, is never given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Purpose {
    /// The root key in a slot of `keys/root`.
    RootSlot = 1,
    /// The root key in the recovery slot.
    RecoverySlot = 2,
    /// A page of the key tree.
    Page = 3,
    /// The system keys.
    SystemKeys = 4,
    /// A keyring.
    Keyring = 5,
    /// A record's content.
    Record = 6,
    /// A list row's outer layer: where its key is found.
    ListPlace = 7,
    /// A list row's inner layer: what a list shows.
    ListEntry = 8,
    /// A part of a consent ledger.
    Consents = 9,
    /// A file's marker row.
    FileMarker = 10,
    /// A file's content (a stream).
    File = 11,
    /// A staff account.
    Staff = 12,
    /// An API token.
    Token = 13,
    /// The outer layer of an audit entry.
    AuditEntry = 14,
    /// The inner layer of an audit entry: person, record, purpose, file.
    AuditSubject = 15,
    /// An erasure order.
    Intent = 16,
    /// The state that each commit leaves.
    State = 17,
    /// An erasure that was carried out.
    Deed = 18,
    /// A message of a conversation.
    Message = 19,
    /// A mail that waits to be sent.
    Mail = 20,
    /// A day's counts of visits.
    Statistics = 21,
    /// A key of a server.
    ServerKey = 22,
    /// What a staff account signs in with.
    Credentials = 23,
    /// A download of a file that a form unlocks.
    Download = 24,
    /// An issue of a newsletter: its order, or how far it is.
    Mailing = 25,
    /// A note of staff about a submission.
    Note = 26,
    /// What a staff account has set up for itself.
    Desk = 27,
    /// What one person asks for and another approves.
    Approval = 28,
    /// An alert about unusual reading.
    Alert = 29,
    /// A vacancy that forms offer.
    Vacancy = 30,
    /// What lets a guest read one submission.
    Pass = 31,
}

/// Where a sealed value belongs.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    purpose: Purpose,
    table: Option<Table>,
    person: Option<&'a Handle16>,
    row: &'a [u8],
    version: u64,
}

type Handle16 = [u8; Handle::LEN];

impl<'a> Context<'a> {
    /// A value of this purpose, in no table, of nobody, in no row, version 0.
    pub const fn new(purpose: Purpose) -> Self {
        Self { purpose, table: None, person: None, row: &[], version: 0 }
    }

    /// In this table.
    #[must_use]
    pub const fn table(mut self, table: Table) -> Self {
        self.table = Some(table);
        self
    }

    /// About this person.
    #[must_use]
    pub const fn person(mut self, person: &'a PersonId) -> Self {
        self.person = Some(person.as_bytes());
        self
    }

    /// In this row: the store key without its table, or another name of at most 255 bytes.
    #[must_use]
    pub const fn row(mut self, row: &'a [u8]) -> Self {
        self.row = row;
        self
    }

    /// In this version: a count, an epoch.
    #[must_use]
    pub const fn version(mut self, version: u64) -> Self {
        self.version = version;
        self
    }

    /// The bytes that go into the derivation: every part has a length before it, so no two contexts share an encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(48 + self.row.len());
        out.extend_from_slice(&[VERSION, SUITE, self.purpose as u8]);
        match self.table {
            Some(table) => out.extend_from_slice(&[1, table.id()]),
            None => out.push(0),
        }
        match self.person {
            Some(person) => {
                out.push(16);
                out.extend_from_slice(person);
            }
            None => out.push(0),
        }
        out.extend_from_slice(&u16::try_from(self.row.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend_from_slice(self.row);
        out.push(8);
        out.extend_from_slice(&self.version.to_be_bytes());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_contexts_share_an_encoding() {
        let (p, q) = (PersonId::from_bytes([1; 16]), PersonId::from_bytes([2; 16]));
        let base = Context::new(Purpose::Record);
        let row = [1; 16];
        let all = [
            base,
            Context::new(Purpose::ListEntry),
            base.table(Table::Records),
            base.table(Table::Meta),
            base.person(&p),
            base.person(&q),
            base.row(&row),
            base.row(&row[..15]),
            base.person(&p).row(&row),
            base.version(1),
            base.version(u64::MAX),
        ];
        let encoded: std::collections::BTreeSet<_> = all.iter().map(Context::encode).collect();
        assert_eq!(encoded.len(), all.len());
    }
}
