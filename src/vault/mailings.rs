//! Issues of newsletters: an order that does not change, and how far it is. The addresses are put into the outbox here, in
//! small commits that also say where to go on, so that a restart in the middle neither leaves anybody out nor sends twice.
//!
//! Rows are sealed under a system key: what is in them is written by staff, and about nobody.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::audit::{Draft, SealedSubject};
use super::change::Open;
use super::committer::Job;
use super::shared::Shared;
use super::subscribers::{Newsletter, ledger_of, subscription};
use super::txn::Txn;
use super::{Act, Detail, Vault, VaultError};
use crate::base::clock::Timestamp;
use crate::base::ids::MailingId;
use crate::base::tables::Table;
use crate::crypto::context::{Context, Purpose};
use crate::crypto::envelope;
use crate::domain::mail::{Mail, MailKind};
use crate::domain::submission::{Content, FieldValue};
use crate::keys::tree::FANOUT;
use crate::store::{Row, after_prefix};

const ORDER: u8 = 0;
const PROGRESS: u8 = 1;
/// People looked at in one go, at most.
const LOOKED: u64 = 4_096;

/// How far a mailing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The place of the next person to look at.
    next: u64,
    /// The first place beyond: whoever comes later gets the next issue.
    end: u64,
    /// Mails put into the outbox.
    pub queued: u64,
    /// Of these, those that the mail server took.
    pub sent: u64,
    /// Of these, those that it did not take, in the end.
    pub given_up: u64,
    /// Of these, those that did not go because the person had withdrawn meanwhile.
    pub withdrawn: u64,
}

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The server took it.
    Sent,
    /// It was given up.
    GivenUp,
    /// Its person is not subscribed any more.
    Withdrawn,
}

/// Whom the mails of an order go to.
#[derive(Clone, Debug)]
pub struct Recipients {
    /// What they are subscribed to.
    pub newsletter: Newsletter,
    /// The field with the address.
    pub field: String,
    /// Only those who picked one of these options of this field, or none at all.
    pub topics: Option<(String, Vec<String>)>,
    /// Only those who were subscribed by then.
    pub by: Timestamp,
}

/// Some people whose mails come next, and where to go on after them.
pub struct Plan {
    mailing: MailingId,
    recipients: Recipients,
    places: Vec<u64>,
    from: u64,
    next: u64,
    queued: u64,
}

impl Progress {
    /// Whether everybody was looked at.
    pub const fn is_queued(&self) -> bool {
        self.next >= self.end
    }

    /// Mails that still wait. What is erased meanwhile counts as waiting for as long as `is_queued` and others do.
    pub const fn waiting(&self) -> u64 {
        self.queued.saturating_sub(self.sent + self.given_up + self.withdrawn)
    }
}

impl Plan {
    /// Mails that were in the outbox before.
    pub const fn queued(&self) -> u64 {
        self.queued
    }
}

impl Vault {
    /// Writes an order down, with its audit entry. Nothing leaves before this is durable.
    ///
    /// # Errors
    /// [`VaultError::TooLarge`], [`VaultError::StorageFull`], [`VaultError::Unavailable`].
    pub async fn order_mailing<T: Serialize>(&self, act: Act, id: MailingId, order: &T) -> Result<(), VaultError> {
        self.shared.room_for_intake()?;
        let content = postcard::to_stdvec(order).map_err(|_| VaultError::TooLarge)?;
        let row = seal(&self.shared, &id, ORDER, &content)?;
        super::check_row(row.len())?;
        self.ask(|reply| Job::Mailing(Box::new((act, id, row)), reply)).await
    }

    /// What `keep` takes of all mailings, in no order that means anything. One that does not open is passed over, and the log
    /// tells: it must not keep the others from going out.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub fn mailings<T: DeserializeOwned, U>(
        &self,
        keep: impl Fn(MailingId, T, Progress) -> Option<U>,
    ) -> Result<Vec<U>, VaultError> {
        let from = [Table::Mailings.id()];
        let rows = self.shared.engine.scan(&from, &after_prefix(&from).unwrap_or_default());
        let mut ids = Vec::new();
        for row in rows {
            ids.extend(parse_key(&row?.0).filter(|(_, part)| *part == ORDER).map(|(id, _)| id));
        }
        let mut out = Vec::new();
        for id in ids {
            match self.mailing(&id) {
                Ok((order, progress)) => out.extend(keep(id, order, progress)),
                Err(VaultError::Missing) => {}
                Err(VaultError::Tampered) => {
                    tracing::error!("an issue of a newsletter does not open; run `letterlock verify`")
                }
                Err(error) => return Err(error),
            }
        }
        Ok(out)
    }

    /// One mailing.
    ///
    /// # Errors
    /// [`VaultError::Missing`], [`VaultError::Tampered`], [`VaultError::Unavailable`].
    pub fn mailing<T: DeserializeOwned>(&self, id: &MailingId) -> Result<(T, Progress), VaultError> {
        let shared = &self.shared;
        shared.reading(|_| Ok((read(shared, id, ORDER)?, read(shared, id, PROGRESS)?)))
    }

    /// Looks for the next people whom a mailing goes to, at most `most`.
    ///
    /// # Errors
    /// [`VaultError::Missing`] when the mailing is gone; [`VaultError::Tampered`], [`VaultError::Unavailable`].
    pub fn plan_feed(&self, mailing: MailingId, recipients: Recipients, most: usize) -> Result<Plan, VaultError> {
        let progress: Progress = self.shared.reading(|_| read(&self.shared, &mailing, PROGRESS))?;
        let (places, next) = self.shared.subscribed(&progress, &recipients, most)?;
        Ok(Plan { mailing, recipients, places, from: progress.next, next, queued: progress.queued })
    }

    /// Puts the mails of the people in a plan into the outbox. Durable on return, with the audit entry that names them.
    ///
    /// # Errors
    /// [`VaultError::Missing`] when the mailing is gone; storage errors.
    pub async fn feed_mailing(&self, act: Act, plan: Plan) -> Result<Progress, VaultError> {
        self.shared.room_for_intake()?;
        self.ask(|reply| Job::Feed(Box::new((act, plan)), reply)).await
    }

    /// Removes mailings that are over.
    ///
    /// # Errors
    /// [`VaultError::StorageFull`], [`VaultError::Unavailable`].
    pub async fn remove_mailings(&self, act: Act, gone: &[MailingId]) -> Result<(), VaultError> {
        let draft = Draft::new(&act, Detail::Removed(gone.len() as u64), Vec::new());
        let removed = gone.iter().flat_map(|id| [key(id, ORDER), key(id, PROGRESS)]).collect();
        self.ask(|reply| Job::CleanUp { kept: Vec::new(), removed, draft, reply }).await
    }
}

impl Shared {
    /// The places of the next people who are subscribed, and the first place that was not looked at.
    fn subscribed(
        &self,
        progress: &Progress,
        recipients: &Recipients,
        most: usize,
    ) -> Result<(Vec<u64>, u64), VaultError> {
        let end = progress.end.min(progress.next.saturating_add(LOOKED));
        let (mut places, mut at) = (Vec::new(), progress.next);
        while at < end && places.len() < most {
            let index = at / FANOUT;
            let held: Vec<u64> = self.reading(|view| {
                let leaf = view.leaf(&*self.engine, index)?;
                let slots = leaf.iter().flat_map(|leaf| leaf.entries().map(|(slot, _)| slot as u64));
                Ok(slots.map(|slot| index * FANOUT + slot).collect())
            })?;
            for place in held.into_iter().filter(|place| (at..end).contains(place)) {
                if places.len() == most {
                    return Ok((places, place));
                }
                match self.reading(|view| self.subscription_at(view, place, &recipients.newsletter)) {
                    Ok(found) if found.current().is_some_and(|(_, since)| since <= recipients.by) => places.push(place),
                    Ok(_) | Err(VaultError::Missing) => {}
                    // One damaged row must not keep the issue from all others; `verify` names it.
                    Err(VaultError::Tampered) => tracing::error!("a person does not open; run `letterlock verify`"),
                    Err(other) => return Err(other),
                }
            }
            at = end.min((index + 1) * FANOUT);
        }
        Ok((places, at))
    }
}

/// Writes an order within a commit.
pub(super) fn apply_order(txn: &mut Txn<'_>, act: &Act, id: MailingId, order: Vec<u8>) -> Result<(), VaultError> {
    let progress = Progress { end: txn.counters.next_place, ..Progress::default() };
    let row = seal_progress(txn.shared, &id, &progress)?;
    txn.put(key(&id, ORDER), order);
    txn.put(key(&id, PROGRESS), row);
    txn.entry(Draft::new(act, Detail::Mailing { id, mails: 0 }, Vec::new()));
    Ok(())
}

/// Puts mails into the outbox within a commit.
pub(super) fn apply_feed(txn: &mut Txn<'_>, act: &Act, plan: Plan) -> Result<Progress, VaultError> {
    let Plan { mailing, recipients, places, from, next, .. } = plan;
    let mut progress = progress_of(txn, &mailing)?;
    if progress.next != from {
        // Somebody else was here; what was looked at says nothing any more.
        return Ok(progress);
    }
    let (mut rows, mut subjects) = (Vec::new(), Vec::new());
    for place in places {
        match mail_for(txn, place, &mailing, &recipients) {
            Ok((mails, subject)) => {
                progress.queued += u64::from(!mails.is_empty());
                rows.extend(mails);
                subjects.push(subject);
            }
            // Withdrawn or erased since it was looked at.
            Err(VaultError::Missing) => {}
            Err(VaultError::Tampered) => tracing::error!("a subscription does not open; run `letterlock verify`"),
            Err(other) => return Err(other),
        }
    }
    progress.next = next;
    let row = seal_progress(txn.shared, &mailing, &progress)?;
    let mails = rows.len() as u64;
    rows.into_iter().for_each(|(key, row)| txn.put(key, row));
    txn.put(key(&mailing, PROGRESS), row);
    if !subjects.is_empty() {
        txn.entry(Draft::new(act, Detail::Mailing { id: mailing, mails }, subjects));
    }
    Ok(progress)
}

/// Counts what became of a mail within a commit; a mailing that was removed counts nothing.
pub(super) fn count(txn: &mut Txn<'_>, mailing: &MailingId, fate: Fate) -> Result<(), VaultError> {
    let mut progress = match progress_of(txn, mailing) {
        Err(VaultError::Missing) => return Ok(()),
        found => found?,
    };
    match fate {
        Fate::Sent => progress.sent += 1,
        Fate::GivenUp => progress.given_up += 1,
        Fate::Withdrawn => progress.withdrawn += 1,
    }
    let row = seal_progress(txn.shared, mailing, &progress)?;
    txn.put(key(mailing, PROGRESS), row);
    Ok(())
}

/// Whether a row opens, for the check.
pub(super) fn opens(shared: &Shared, store_key: &[u8], row: &[u8]) -> bool {
    parse_key(store_key).is_some_and(|(id, part)| {
        let name = name(&id, part);
        envelope::open(&shared.keys.rows, &context(&name), row).is_ok()
    })
}

/// The mail of one person, if they want this issue, and who was looked at.
fn mail_for(
    txn: &mut Txn<'_>,
    place: u64,
    mailing: &MailingId,
    recipients: &Recipients,
) -> Result<(Vec<Row>, SealedSubject), VaultError> {
    if txn.shared.is_dying(place, None) {
        return Err(VaultError::Missing);
    }
    let found = subscription(&ledger_of(txn, place)?, &recipients.newsletter);
    let (record, _) = found.current().filter(|(_, since)| *since <= recipients.by).ok_or(VaultError::Missing)?;
    let open = Open::new(txn, record)?;
    let subject = open.seal_subject(txn, &super::audit::Subject::of_record(record))?;
    let mut content = open.content(txn)?;
    let to = match content.fields.remove(&recipients.field) {
        Some(FieldValue::Text(to)) if wants(&content, recipients) => to,
        _ => return Ok((Vec::new(), subject)),
    };
    let kind = MailKind::Issue(*mailing);
    let mail = Mail { kind, to, form: recipients.newsletter.form.clone(), since: txn.shared.clock.now(), lang: None };
    let rows = super::outbox::seal(txn.shared, place, &open.person, &record, &open.key, &[mail])?;
    Ok((rows, subject))
}

/// Whether one of the topics was picked. Whoever picked none wants all.
fn wants(content: &Content, recipients: &Recipients) -> bool {
    let Some((field, topics)) = &recipients.topics else { return true };
    match content.fields.get(field) {
        Some(FieldValue::Many(picked)) => {
            picked.is_empty() || picked.iter().any(|one| topics.iter().any(|topic| topic == one.expose()))
        }
        Some(FieldValue::Text(one)) => one.expose().is_empty() || topics.iter().any(|topic| topic == one.expose()),
        _ => true,
    }
}

fn progress_of(txn: &Txn<'_>, id: &MailingId) -> Result<Progress, VaultError> {
    let row = txn.read(&key(id, PROGRESS))?.ok_or(VaultError::Missing)?;
    open(txn.shared, id, PROGRESS, &row)
}

fn seal_progress(shared: &Shared, id: &MailingId, progress: &Progress) -> Result<Vec<u8>, VaultError> {
    seal(shared, id, PROGRESS, &postcard::to_stdvec(progress).map_err(|_| VaultError::TooLarge)?)
}

fn read<T: DeserializeOwned>(shared: &Shared, id: &MailingId, part: u8) -> Result<T, VaultError> {
    let row = shared.engine.read(&key(id, part))?.ok_or(VaultError::Missing)?;
    open(shared, id, part, &row)
}

fn open<T: DeserializeOwned>(shared: &Shared, id: &MailingId, part: u8, row: &[u8]) -> Result<T, VaultError> {
    let content = envelope::open(&shared.keys.rows, &context(&name(id, part)), row)?;
    postcard::from_bytes(&content).map_err(|_| VaultError::Tampered)
}

fn seal(shared: &Shared, id: &MailingId, part: u8, content: &[u8]) -> Result<Vec<u8>, VaultError> {
    Ok(envelope::seal(&shared.keys.rows, &context(&name(id, part)), content, &*shared.entropy)?)
}

const fn context(name: &[u8; 17]) -> Context<'_> {
    Context::new(Purpose::Mailing).table(Table::Mailings).row(name)
}

fn name(id: &MailingId, part: u8) -> [u8; 17] {
    let mut name = [part; 17];
    name[..16].copy_from_slice(id.as_bytes());
    name
}

fn key(id: &MailingId, part: u8) -> Vec<u8> {
    Table::Mailings.key(&[&name(id, part)])
}

fn parse_key(key: &[u8]) -> Option<(MailingId, u8)> {
    let name: [u8; 17] = key.get(1..)?.try_into().ok()?;
    let (id, part) = name.split_at(16);
    Some((MailingId::from_bytes(id.try_into().ok()?), part[0]))
}
