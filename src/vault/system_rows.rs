//! Rows of the vault's own: staff accounts, tokens, keys of servers and statistics, sealed under a system key. What is in them is the services'
//! affair.

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::audit::{Draft, Subject};
use super::committer::Job;
use super::read::Located;
use super::{Act, Detail, Vault, VaultError};
use crate::base::ids::PersonId;
use crate::base::tables::Table;
use crate::crypto::context::{Context, Purpose};
use crate::crypto::envelope;
use crate::crypto::token::Token;
use crate::store::after_prefix;

/// Which kind of system row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemTable {
    /// Accounts.
    Staff,
    /// Tokens.
    Tokens,
    /// Counts, one row a day.
    Statistics,
    /// Keys of servers.
    Keys,
    /// What accounts sign in with.
    Credentials,
    /// What accounts have set up for themselves.
    Desks,
    /// What needs two people.
    Approvals,
    /// Alerts about unusual reading.
    Alerts,
    /// Vacancies that forms offer.
    Vacancies,
    /// Passes of guests.
    Passes,
}

/// A system row to be written.
pub struct SystemRow {
    pub(super) key: Vec<u8>,
    pub(super) sealed: Vec<u8>,
}

/// Whom an entry is about.
#[derive(Clone, Copy)]
pub enum About<'a> {
    /// Nobody.
    Nobody,
    /// A submission, in whose history it stands.
    Record(&'a Located),
    /// A person, by none of their submissions.
    Person(&'a PersonId),
}

impl Vault {
    /// Seals a row for [`Vault::write_system_rows`].
    ///
    /// # Errors
    /// [`VaultError::TooLarge`], [`VaultError::Unavailable`].
    pub fn seal_system_row<T: Serialize>(
        &self,
        table: SystemTable,
        id: &[u8; 16],
        value: &T,
    ) -> Result<SystemRow, VaultError> {
        let content = Zeroizing::new(postcard::to_stdvec(value).map_err(|_| VaultError::TooLarge)?);
        let sealed = envelope::seal(&self.shared.keys.rows, &context(table, id), &content, &*self.shared.entropy)?;
        super::check_row(sealed.len())?;
        Ok(SystemRow { key: table.table().key(&[id]), sealed })
    }

    /// Writes rows under one audit entry. Durable on return.
    ///
    /// # Errors
    /// [`VaultError::StorageFull`], [`VaultError::Unavailable`].
    pub async fn write_system_rows(&self, act: Act, detail: Detail, rows: Vec<SystemRow>) -> Result<(), VaultError> {
        self.write_system_rows_as(vec![(act, detail)], rows).await
    }

    /// As [`Vault::write_system_rows`], under several entries: all of it, or nothing.
    ///
    /// # Errors
    /// As there.
    pub async fn write_system_rows_as(&self, acts: Vec<(Act, Detail)>, rows: Vec<SystemRow>) -> Result<(), VaultError> {
        let drafts = acts.into_iter().map(|(act, detail)| Draft::new(&act, detail, Vec::new())).collect();
        let rows = rows.into_iter().map(|row| (row.key, row.sealed)).collect();
        self.ask(|reply| Job::SystemRows(drafts, rows, reply)).await
    }

    /// As [`Vault::write_system_rows`], and removes the rows of `table` with the ids in `gone`.
    ///
    /// # Errors
    /// As there.
    pub async fn change_system_rows(
        &self,
        act: Act,
        detail: Detail,
        rows: Vec<SystemRow>,
        table: SystemTable,
        gone: &[[u8; 16]],
    ) -> Result<(), VaultError> {
        self.change_system_rows_about(act, detail, rows, table, gone, About::Nobody).await
    }

    /// As [`Vault::change_system_rows`], and the entry names whom it is about, for whoever may see that.
    ///
    /// # Errors
    /// As there; [`VaultError::Missing`] for a person who was erased.
    pub async fn change_system_rows_about(
        &self,
        act: Act,
        detail: Detail,
        rows: Vec<SystemRow>,
        table: SystemTable,
        gone: &[[u8; 16]],
        about: About<'_>,
    ) -> Result<(), VaultError> {
        let subject = match about {
            About::Nobody => None,
            About::Record(located) => Some(located.seal_subject(&Subject::of_record(located.record), &self.shared)?),
            About::Person(person) => Some(self.shared.name(person)?),
        };
        let draft = Draft::new(&act, detail, subject.into_iter().collect());
        let kept = rows.into_iter().map(|row| (row.key, row.sealed)).collect();
        let removed = gone.iter().map(|id| table.table().key(&[id])).collect();
        self.ask(|reply| Job::CleanUp { kept, removed, draft, reply }).await
    }

    /// All rows of a kind.
    ///
    /// # Errors
    /// [`VaultError::Tampered`], [`VaultError::Unavailable`].
    pub fn read_system_rows<T: DeserializeOwned>(&self, table: SystemTable) -> Result<Vec<([u8; 16], T)>, VaultError> {
        let from = [table.table().id()];
        let to = after_prefix(&from).unwrap_or_default();
        let mut out = Vec::new();
        for row in self.shared.engine.scan(&from, &to) {
            let (key, sealed) = row?;
            let id: [u8; 16] = key[1..].try_into().map_err(|_| VaultError::Tampered)?;
            let content = envelope::open(&self.shared.keys.rows, &context(table, &id), &sealed)?;
            out.push((id, postcard::from_bytes(&content).map_err(|_| VaultError::Tampered)?));
        }
        Ok(out)
    }

    /// The hash under which a token is kept.
    pub fn hash_token(&self, token: &Token) -> [u8; 32] {
        self.shared.derived.tokens.hash(token)
    }

    /// Whether a token is the one behind a hash, in constant time.
    pub fn token_matches(&self, token: &Token, hash: &[u8; 32]) -> bool {
        self.shared.derived.tokens.matches(token, hash)
    }
}

impl SystemTable {
    const fn table(self) -> Table {
        match self {
            Self::Staff => Table::Staff,
            Self::Tokens => Table::Tokens,
            Self::Statistics => Table::Statistics,
            Self::Keys => Table::Keys,
            Self::Credentials => Table::Credentials,
            Self::Desks => Table::Desks,
            Self::Approvals => Table::Approvals,
            Self::Alerts => Table::Alerts,
            Self::Vacancies => Table::Vacancies,
            Self::Passes => Table::Passes,
        }
    }
}

/// The sealing context of a row, also for `verify`.
pub(super) const fn context(table: SystemTable, id: &[u8; 16]) -> Context<'_> {
    let purpose = match table {
        SystemTable::Staff => Purpose::Staff,
        SystemTable::Tokens => Purpose::Token,
        SystemTable::Statistics => Purpose::Statistics,
        SystemTable::Keys => Purpose::ServerKey,
        SystemTable::Credentials => Purpose::Credentials,
        SystemTable::Desks => Purpose::Desk,
        SystemTable::Approvals => Purpose::Approval,
        SystemTable::Alerts => Purpose::Alert,
        SystemTable::Vacancies => Purpose::Vacancy,
        SystemTable::Passes => Purpose::Pass,
    };
    Context::new(purpose).table(table.table()).row(id)
}
