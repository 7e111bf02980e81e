//! Downloads of files that a form unlocks: links that are made from the record's key, and rows, sealed under it, that say
//! which were used. Both go with the record.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::audit::{Draft, Subject};
use super::committer::Job;
use super::read::Located;
use super::rows;
use super::shared::Shared;
use super::txn::Txn;
use super::{Act, Detail, Vault, VaultError};
use crate::base::clock::Timestamp;
use crate::base::ids::{Handle, PersonId, RecordId};
use crate::base::sensitive::SensitiveString;
use crate::crypto::link::{Link, Nonce};
use crate::crypto::{Key, envelope};
use crate::domain::resource::{Downloaded, MOST_DOWNLOADS, ResourceName};

/// Of the first link to each file: the answer to a submission, given twice, holds the same one.
const FIRST: Nonce = [0; 8];

/// How long a page that has used a link up gets the same file once more: for a second click, or a connection that broke at once.
pub const AGAIN: Duration = Duration::from_secs(30);

/// A download that is about to be made. Only the vault makes one.
pub struct Claim {
    record: RecordId,
    download: Downloaded,
    link: Option<Nonce>,
    page: Option<Handle>,
}

/// What a link is worth.
pub enum Worth {
    /// It is not for this file.
    Nothing,
    /// It was used, or is too old.
    Spent,
    /// It was used within [`AGAIN`], by the very page that asks: this is the same download.
    SameDownload,
    /// It is good.
    Good(Claim),
}

/// What stands in a row.
#[derive(Serialize, Deserialize)]
struct Stored {
    download: Downloaded,
    /// The link that it used up; `None` for one made on the person's own page.
    link: Option<Nonce>,
    /// The page whose button was pressed, by a number of chance that nobody else has seen.
    page: Option<Handle>,
}

impl Vault {
    /// A link to a file, good until then and once. The `first` one for a record, file and time is always the same.
    ///
    /// # Errors
    /// [`VaultError::TooLarge`] past 2³⁵ arrivals; [`VaultError::Unavailable`].
    pub fn make_link(
        &self,
        located: &Located,
        file: &ResourceName,
        until: Timestamp,
        first: bool,
    ) -> Result<SensitiveString, VaultError> {
        let locator = self.shared.derived.links.hide(located.arrival).ok_or(VaultError::TooLarge)?;
        let mut nonce = FIRST;
        if !first {
            self.shared.entropy.fill(&mut nonce)?;
        }
        Ok(Link::make(&located.key, locator, until.as_millis(), nonce, file.as_str()).to_text())
    }

    /// The record that a link may be for. Whether it is, [`Vault::claim_by_link`] tells.
    ///
    /// # Errors
    /// [`VaultError::Missing`] for a text that leads nowhere, whatever the reason.
    pub fn locate_by_link(&self, text: &str) -> Result<(Located, Link), VaultError> {
        let link = Link::parse(text).ok_or(VaultError::Missing)?;
        let arrival = self.shared.derived.links.reveal(link.locator).ok_or(VaultError::Missing)?;
        Ok((self.locate_by_arrival(arrival)?, link))
    }

    /// What a link is worth for a file now, to a page.
    ///
    /// # Errors
    /// [`VaultError::Missing`] once its record was erased; [`VaultError::Tampered`].
    pub fn claim_by_link(
        &self,
        located: &Located,
        link: &Link,
        file: &ResourceName,
        title: &str,
        page: Option<Handle>,
        now: Timestamp,
    ) -> Result<Worth, VaultError> {
        if !link.is_for(&located.key, file.as_str()) {
            return Ok(Worth::Nothing);
        }
        let stored =
            self.shared.reading(|_| self.shared.stored_downloads(&located.key, &located.person, &located.record))?;
        let used = stored.iter().find(|stored| stored.link == Some(link.nonce) && stored.download.file == *file);
        Ok(match used {
            Some(used) if page.is_some() && used.page == page && now.since(used.download.at) < AGAIN => {
                Worth::SameDownload
            }
            Some(_) => Worth::Spent,
            None if now.as_millis() >= link.until => Worth::Spent,
            None => {
                let download = Downloaded { at: now, file: file.clone(), title: title.to_owned() };
                Worth::Good(Claim { record: located.record, download, link: Some(link.nonce), page })
            }
        })
    }

    /// A download without a link, for whoever has shown that the record is theirs.
    pub fn claim(&self, located: &Located, file: &ResourceName, title: &str, now: Timestamp) -> Claim {
        let download = Downloaded { at: now, file: file.clone(), title: title.to_owned() };
        Claim { record: located.record, download, link: None, page: None }
    }

    /// Writes that the file is handed out, and uses its link up. Durable on return.
    ///
    /// # Errors
    /// [`VaultError::Missing`] when the record was erased or the link used meanwhile; [`VaultError::TooLarge`] after
    /// [`MOST_DOWNLOADS`]; [`VaultError::StorageFull`], [`VaultError::Unavailable`].
    pub async fn record_download(&self, act: Act, claim: Claim) -> Result<(), VaultError> {
        self.ask(|reply| Job::Download(Box::new((act, claim)), reply)).await
    }
}

impl Shared {
    /// The downloads of a record, oldest first.
    pub(super) fn downloads_of(
        &self,
        key: &Key,
        person: &PersonId,
        record: &RecordId,
    ) -> Result<Vec<Downloaded>, VaultError> {
        Ok(self.stored_downloads(key, person, record)?.into_iter().map(|stored| stored.download).collect())
    }

    fn stored_downloads(&self, key: &Key, person: &PersonId, record: &RecordId) -> Result<Vec<Stored>, VaultError> {
        collect(|row_key| Ok(self.engine.read(row_key)?), key, person, record)
    }
}

/// Puts a download into the commit.
pub(super) fn apply(txn: &mut Txn<'_>, act: &Act, claim: Claim) -> Result<(), VaultError> {
    let Claim { record, download, link, page } = claim;
    let shared = txn.shared;
    let row = txn.read(&rows::record_key(&record))?.ok_or(VaultError::Missing)?;
    let place = rows::open_record_place(&shared.keys.places, &record, &row)?;
    if shared.is_dying(place, Some(&record)) {
        return Err(VaultError::Missing);
    }
    let draft = txn.person(place)?;
    let person = draft.person;
    let key = draft.keyring.record(&record).ok_or(VaultError::Missing)?.key.duplicate(); // the draft is borrowed again below
    let before = collect(|row_key| txn.read(row_key), &key, &person, &record)?;
    if link.is_some() && before.iter().any(|stored| stored.link == link && stored.download.file == download.file) {
        return Err(VaultError::Missing);
    }
    let number = before.len() as u32;
    if number >= MOST_DOWNLOADS {
        return Err(VaultError::TooLarge);
    }
    let content = postcard::to_stdvec(&Stored { download, link, page }).map_err(|_| VaultError::TooLarge)?;
    let name = rows::message_name(&record, number);
    let sealed = envelope::seal(&key, &rows::download_context(&person, &name), &content, &*shared.entropy)?;
    let audit = &txn.person(place)?.keyring.audit;
    let subject = Subject::of_record(record).seal(place, &person, audit, &*shared.entropy)?;
    txn.put(rows::download_key(&record, number), sealed);
    txn.entry(Draft::new(act, Detail::None, vec![subject]));
    Ok(())
}

/// Rows are numbered from 0 without a gap; the first that is missing ends them.
fn collect(
    read: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, VaultError>,
    key: &Key,
    person: &PersonId,
    record: &RecordId,
) -> Result<Vec<Stored>, VaultError> {
    let mut out = Vec::new();
    for number in 0..MOST_DOWNLOADS {
        let Some(row) = read(&rows::download_key(record, number))? else { break };
        let name = rows::message_name(record, number);
        let content = envelope::open(key, &rows::download_context(person, &name), &row)?;
        out.push(postcard::from_bytes(&content).map_err(|_| VaultError::Tampered)?);
    }
    Ok(out)
}
