//! The tables of the store. The number is the first byte of every store key and part of every sealing context, so a
//! number, once given, is never given again.

/// A table of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Table {
    /// Schema version, vault id, sealed state. Keys are short names.
    Meta = 0,
    /// Pages of the key tree. Key: level (1) ‖ index (8, big-endian).
    Pages = 1,
    /// Keyrings. Key: person (16) ‖ part (2, big-endian).
    Keyrings = 2,
    /// Records. Key: record (16).
    Records = 3,
    /// The list, in order of arrival. Key: arrival number (8, big-endian).
    List = 4,
    /// Consent ledgers. Key: person (16) ‖ part (2, big-endian).
    Consents = 5,
    /// One row for each live file under `files/`. Key: file (16).
    Files = 6,
    /// Staff accounts. Key: account (16).
    Staff = 7,
    /// API tokens. Key: token (16).
    Tokens = 8,
    /// The audit trail. Key: sequence number (8, big-endian).
    Audit = 9,
    /// Erasure orders under way. Key: intent (16) ‖ part (2, big-endian).
    Intents = 10,
    /// Erasures that were carried out. Key: person or record (16) ‖ part (2, big-endian).
    Deeds = 11,
    /// Messages of conversations. Key: record (16) ‖ number (4, big-endian).
    Messages = 12,
    /// Mails that wait to be sent. Key: record (16) ‖ mail (16).
    Outbox = 13,
    /// Counts of visits. Key: the day, as text, filled up with zeros (16).
    Statistics = 14,
    /// Keys of servers. Key: key (16).
    Keys = 15,
    /// What staff accounts sign in with. Key: account (16).
    Credentials = 16,
    /// Downloads of files that a form unlocks. Key: record (16) ‖ number (4, big-endian).
    Downloads = 17,
    /// Issues of newsletters. Key: mailing (16) ‖ part (1): 0 the order, 1 how far it is.
    Mailings = 18,
    /// Notes of staff about submissions. Key: record (16) ‖ number (4, big-endian).
    Notes = 19,
    /// What accounts have set up for themselves. Key: account (16).
    Desks = 20,
    /// What needs two people. Key: request (16).
    Approvals = 21,
    /// Alerts about unusual reading. Key: alert (16).
    Alerts = 22,
    /// Vacancies that forms offer. Key: vacancy (16).
    Vacancies = 23,
    /// Passes of guests. Key: pass (16).
    Passes = 24,
}

impl Table {
    /// Every table, in order.
    pub const ALL: [Self; 25] = [
        Self::Meta,
        Self::Pages,
        Self::Keyrings,
        Self::Records,
        Self::List,
        Self::Consents,
        Self::Files,
        Self::Staff,
        Self::Tokens,
        Self::Audit,
        Self::Intents,
        Self::Deeds,
        Self::Messages,
        Self::Outbox,
        Self::Statistics,
        Self::Keys,
        Self::Credentials,
        Self::Downloads,
        Self::Mailings,
        Self::Notes,
        Self::Desks,
        Self::Approvals,
        Self::Alerts,
        Self::Vacancies,
        Self::Passes,
    ];

    /// The first byte of the table's store keys.
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// The table whose keys begin with `id`.
    pub fn from_id(id: u8) -> Option<Self> {
        Self::ALL.get(usize::from(id)).copied()
    }

    /// A store key of this table: its id, then `parts`.
    pub fn key(self, parts: &[&[u8]]) -> Vec<u8> {
        let mut key = Vec::with_capacity(1 + parts.iter().map(|p| p.len()).sum::<usize>());
        key.push(self.id());
        for part in parts {
            key.extend_from_slice(part);
        }
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_places_in_all() {
        for table in Table::ALL {
            assert_eq!(Table::from_id(table.id()), Some(table));
        }
        assert_eq!(Table::from_id(25), None);
    }
}
