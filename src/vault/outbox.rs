//! Mails that wait to be sent: rows sealed under the key of the record that they are about, written in the commit of what
//! caused them, so that none is lost; and gone with the record.

use super::audit::{Draft, Subject};
use super::committer::Job;
use super::rows::{self, StoredMessage};
use super::shared::Shared;
use super::txn::Txn;
use super::{Act, Detail, Fate, Vault, VaultError};
use crate::base::ids::{Handle, MailingId, PersonId, RecordId};
use crate::base::tables::Table;
use crate::crypto::derive::{Label, Prf};
use crate::crypto::{Key, envelope};
use crate::domain::mail::{Mail, MailKind};
use crate::domain::message::MessageText;
use crate::policy::{Action, Permit};
use crate::store::{Row, after_prefix};

/// The name of a mail that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MailName {
    /// The record that it is about.
    pub record: RecordId,
    mail: Handle,
}

/// A mail that has gone, or will not go.
pub(super) struct DoneJob {
    act: Act,
    name: MailName,
    detail: Detail,
    issue: Option<(MailingId, Fate)>,
}

impl Vault {
    /// The names of all mails that wait, in no order that means anything.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`].
    pub fn waiting_mails(&self) -> Result<Vec<MailName>, VaultError> {
        let from = [Table::Outbox.id()];
        let rows = self.shared.engine.scan(&from, &after_prefix(&from).unwrap_or_default());
        let mut out = Vec::new();
        for row in rows {
            out.extend(MailName::of_key(&row?.0));
        }
        Ok(out)
    }

    /// Opens a mail, for whoever may send it.
    ///
    /// # Errors
    /// [`VaultError::Missing`] when it was sent or its record erased meanwhile, and for a permit for anything else;
    /// [`VaultError::Tampered`].
    pub fn open_mail(&self, permit: &Permit, name: &MailName) -> Result<Mail, VaultError> {
        if permit.action() != Action::SendMail {
            return Err(VaultError::Missing);
        }
        let shared = &self.shared;
        shared.reading(|view| {
            let row = shared.engine.read(&name.key())?.ok_or(VaultError::Missing)?;
            let place = rows::open_mail_place(&shared.keys.places, &name.row(), &row)?;
            if shared.is_dying(place, Some(&name.record)) {
                return Err(VaultError::Missing);
            }
            let (person, keyring) = shared.keyring_at(view, place)?;
            let entry = keyring.record(&name.record).ok_or(VaultError::Missing)?;
            open(&entry.key, &person, name, &row)
        })
    }

    /// The text of a message in the conversation of the record that a mail is about, for whoever may send it: of the one that
    /// the mail says it carries.
    ///
    /// # Errors
    /// As [`Vault::open_mail`].
    pub fn open_letter(&self, permit: &Permit, name: &MailName, mail: &Mail) -> Result<MessageText, VaultError> {
        let (MailKind::Invitation(number) | MailKind::Rejection(number)) = mail.kind else {
            return Err(VaultError::Missing);
        };
        let shared = &self.shared;
        shared.reading(|view| {
            let (_, person, keyring) = shared.behind(view, permit, name)?;
            let entry = keyring.record(&name.record).ok_or(VaultError::Missing)?;
            let row = shared.engine.read(&rows::message_key(&name.record, number))?.ok_or(VaultError::Missing)?;
            let message = rows::message_name(&name.record, number);
            let opened = envelope::open(&entry.key, &rows::message_context(&person, &message), &row)?;
            Ok(StoredMessage::decode(&opened)?.message.text)
        })
    }

    /// The name that a mail has outside, the same for each try. It is made from the record's key: mail servers keep such names
    /// for long, beside addresses, and after an erasure nobody can tell which of the handles in our files one belongs to.
    ///
    /// # Errors
    /// As [`Vault::open_mail`].
    pub fn mail_id(&self, permit: &Permit, name: &MailName) -> Result<Handle, VaultError> {
        let shared = &self.shared;
        shared.reading(|view| {
            let (_, _, keyring) = shared.behind(view, permit, name)?;
            let entry = keyring.record(&name.record).ok_or(VaultError::Missing)?;
            let value = Prf::new(&entry.key, Label::MailId).value(&[name.mail.as_bytes()]);
            let mut id = [0; Handle::LEN];
            id.copy_from_slice(&value[..Handle::LEN]);
            Ok(Handle::from_bytes(id))
        })
    }

    /// Whether a mail still waits, and what it is about is not being erased: asked again as late as can be before it is sent.
    pub fn mail_waits(&self, name: &MailName) -> bool {
        let shared = &self.shared;
        let row = shared.engine.read(&name.key()).ok().flatten();
        let place = row.and_then(|row| rows::open_mail_place(&shared.keys.places, &name.row(), &row).ok());
        place.is_some_and(|place| !shared.is_dying(place, Some(&name.record)))
    }

    /// Whether a person is there, and not being erased.
    pub fn has_person(&self, person: &PersonId) -> bool {
        let place = self.shared.directory.read().ok().and_then(|directory| directory.place_of(person));
        place.is_some_and(|place| !self.shared.is_dying(place, None))
    }

    /// Takes a mail out of the outbox: it was sent, or given up. Durable on return, and in the trail with `detail`; what became
    /// of an `issue` is counted with its mailing.
    ///
    /// # Errors
    /// [`VaultError::Missing`] when it is not there any more; [`VaultError::Unavailable`].
    pub async fn remove_mail(
        &self,
        act: Act,
        name: MailName,
        detail: Detail,
        issue: Option<(MailingId, Fate)>,
    ) -> Result<(), VaultError> {
        self.ask(|reply| Job::MailDone(Box::new(DoneJob { act, name, detail, issue }), reply)).await
    }
}

impl MailName {
    fn of_key(key: &[u8]) -> Option<Self> {
        let (record, mail) = key.get(1..)?.split_at_checked(16)?;
        let record = RecordId::from_bytes(record.try_into().ok()?);
        Some(Self { record, mail: Handle::from_bytes(mail.try_into().ok()?) })
    }

    fn row(&self) -> [u8; 32] {
        rows::mail_name(&self.record, &self.mail)
    }

    fn key(&self) -> Vec<u8> {
        Table::Outbox.key(&[&self.row()])
    }
}

/// The rows of new mails about a record.
pub(super) fn seal(
    shared: &Shared,
    place: u64,
    person: &PersonId,
    record: &RecordId,
    key: &Key,
    mails: &[Mail],
) -> Result<Vec<Row>, VaultError> {
    let entropy = &*shared.entropy;
    let mut out = Vec::with_capacity(mails.len());
    for mail in mails {
        let name = MailName { record: *record, mail: Handle::make_random(entropy)? };
        let content = zeroize::Zeroizing::new(postcard::to_stdvec(mail).map_err(|_| VaultError::TooLarge)?);
        let inner = envelope::seal(key, &rows::mail_context(person, &name.row()), &content, entropy)?;
        let outer = rows::seal_mail_place(&shared.keys.places, &name.row(), place, entropy)?;
        out.push((name.key(), rows::join(&outer, &inner)));
    }
    Ok(out)
}

/// Whether the row of a waiting mail opens, for the check.
pub(super) fn opens(shared: &Shared, place: u64, person: &PersonId, key: &Key, store_key: &[u8]) -> bool {
    let found = MailName::of_key(store_key).zip(shared.engine.read(store_key).ok().flatten());
    found.is_some_and(|(name, row)| {
        rows::open_mail_place(&shared.keys.places, &name.row(), &row) == Ok(place)
            && open(key, person, &name, &row).is_ok()
    })
}

/// Takes a mail out within a commit.
pub(super) fn apply_done(txn: &mut Txn<'_>, job: DoneJob) -> Result<(), VaultError> {
    let DoneJob { act, name, detail, issue } = job;
    let shared = txn.shared;
    let row = txn.read(&name.key())?.ok_or(VaultError::Missing)?;
    let place = rows::open_mail_place(&shared.keys.places, &name.row(), &row)?;
    if shared.is_dying(place, Some(&name.record)) {
        return Err(VaultError::Missing);
    }
    let draft = txn.person(place)?;
    let (person, audit) = (draft.person, &draft.keyring.audit);
    let sealed = Subject::of_record(name.record).seal(place, &person, audit, &*shared.entropy)?;
    if let Some((mailing, fate)) = issue {
        super::mailings::count(txn, &mailing, fate)?;
    }
    txn.remove(name.key());
    txn.entry(Draft::new(&act, detail, vec![sealed]));
    Ok(())
}

fn open(key: &Key, person: &PersonId, name: &MailName, row: &[u8]) -> Result<Mail, VaultError> {
    let inner = envelope::open(key, &rows::mail_context(person, &name.row()), rows::split(row)?.1)?;
    postcard::from_bytes(&inner).map_err(|_| VaultError::Tampered)
}
