//! Who is subscribed to a newsletter: read out of the person's consent ledger, and changed by links in mails.
//!
//! A link that unsubscribes is the person's for one form: it leads to their place, and is proven by their consent key. So it
//! works whichever of their submissions holds by then, and for as long as the person is held. Nothing of it is stored.

use std::collections::{BTreeMap, BTreeSet};

use super::audit::{Draft, SealedSubject, Subject};
use super::change::Open;
use super::committer::Job;
use super::people::append_consent;
use super::read::Located;
use super::rows::{self, ConsentLine};
use super::shared::Shared;
use super::txn::Txn;
use super::view::TreeView;
use super::{Act, Detail, MailName, Vault, VaultError};
use crate::base::clock::Timestamp;
use crate::base::ids::{PersonId, RecordId};
use crate::base::sensitive::SensitiveString;
use crate::crypto::envelope;
use crate::crypto::mail_link::LinkSecret;
use crate::domain::consent::ConsentSource;
use crate::domain::form::FormId;
use crate::domain::submission::{ConsentGiven, Status};
use crate::domain::subscription::{Standing, Step, Subscription};
use crate::keys::keyring::Keyring;
use crate::policy::{Action, Permit};

/// A newsletter: the form by which people subscribe, and the consent that it is sent under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newsletter {
    /// The form.
    pub form: FormId,
    /// The consent's name.
    pub consent: String,
}

/// A person who is held, as their link says. Only [`Vault::find_subscriber`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscriber {
    place: u64,
}

/// What changes how somebody stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The person confirms this submission, under the consent of this name.
    Confirm(RecordId, String),
    /// Whoever holds the receipt of this submission takes the consent of this name back.
    TakeBack(RecordId, String),
    /// The person unsubscribes by their link.
    Unsubscribe(Subscriber),
}

impl Vault {
    /// The submission that a confirmation link belongs to.
    ///
    /// # Errors
    /// [`VaultError::Missing`] for any token that opens nothing, whatever the reason.
    pub fn locate_by_confirmation(&self, token: &str) -> Result<Located, VaultError> {
        let (arrival, secret) = self.shared.derived.confirmations.parse(token).map_err(|_| VaultError::Missing)?;
        let located = self.locate_by_arrival(arrival)?;
        if LinkSecret::to_confirm(located.key()) == secret { Ok(located) } else { Err(VaultError::Missing) }
    }

    /// The person that an unsubscribe link of this newsletter belongs to.
    ///
    /// # Errors
    /// [`VaultError::Missing`] for any token that leads to nobody, whatever the reason.
    pub fn find_subscriber(&self, form: &FormId, token: &str) -> Result<Subscriber, VaultError> {
        let shared = &self.shared;
        let (place, secret) = shared.derived.unsubscribing.parse(token).map_err(|_| VaultError::Missing)?;
        if shared.is_dying(place, None) {
            return Err(VaultError::Missing);
        }
        let (_, keyring) = shared.reading(|view| shared.keyring_at(view, place))?;
        let own = LinkSecret::to_unsubscribe(&keyring.consent, form.as_str());
        if own == secret { Ok(Subscriber { place }) } else { Err(VaultError::Missing) }
    }

    /// Whether they are subscribed now.
    ///
    /// # Errors
    /// [`VaultError::Missing`] when they were erased meanwhile; [`VaultError::Tampered`].
    pub fn is_subscribed(&self, subscriber: Subscriber, form: &FormId) -> Result<bool, VaultError> {
        let shared = &self.shared;
        let lines = shared.reading(|view| shared.ledger_at(view, subscriber.place))?;
        Ok(!subscribed_under(&lines, form).is_empty())
    }

    /// The token for the mail that asks for a confirmation, for whoever may send it; `None` when there is nothing to confirm any
    /// more: it was taken back.
    ///
    /// # Errors
    /// As [`Vault::open_mail`].
    pub fn confirmation_link(
        &self,
        permit: &Permit,
        name: &MailName,
        newsletter: &Newsletter,
    ) -> Result<Option<SensitiveString>, VaultError> {
        let shared = &self.shared;
        shared.reading(|view| {
            let (_, person, keyring) = shared.behind(view, permit, name)?;
            let read = |key: &[u8]| Ok(shared.engine.read(key)?);
            let found = subscription(&ledger(&person, &keyring, read)?, newsletter);
            if found.standing(&name.record) == Standing::Ended {
                return Ok(None);
            }
            let entry = keyring.record(&name.record).ok_or(VaultError::Missing)?;
            let secret = LinkSecret::to_confirm(&entry.key);
            shared.derived.confirmations.token(entry.arrival, &secret).map(Some).ok_or(VaultError::TooLarge)
        })
    }

    /// The token for the unsubscribe link of an issue; `None` when what it was put into the outbox for does not hold any more. A
    /// second subscription that has taken over since changes nothing: its person wants the issue, and gets it once.
    ///
    /// # Errors
    /// As [`Vault::open_mail`].
    pub fn unsubscribe_link(
        &self,
        permit: &Permit,
        name: &MailName,
        newsletter: &Newsletter,
    ) -> Result<Option<SensitiveString>, VaultError> {
        let shared = &self.shared;
        shared.reading(|view| {
            let (place, person, keyring) = shared.behind(view, permit, name)?;
            let read = |key: &[u8]| Ok(shared.engine.read(key)?);
            let found = subscription(&ledger(&person, &keyring, read)?, newsletter);
            // With the submission that holds erased by itself, nothing goes that waits under an earlier one.
            let holds = found.current().is_some_and(|(current, _)| keyring.record(&current).is_some());
            if !holds || found.standing(&name.record) != Standing::Confirmed {
                return Ok(None);
            }
            let secret = LinkSecret::to_unsubscribe(&keyring.consent, newsletter.form.as_str());
            shared.derived.unsubscribing.token(place, &secret).map(Some).ok_or(VaultError::TooLarge)
        })
    }

    /// Changes how somebody stands, and writes it into their ledger. Durable on return. What is so already stays as it is.
    /// [`Turn::Unsubscribe`] ends whatever holds at that form, also under a consent that it called otherwise once.
    ///
    /// # Errors
    /// [`VaultError::Missing`] for a confirmation of what is over, and for what was erased; storage errors.
    pub async fn turn(&self, act: Act, form: FormId, turn: Turn, at: Timestamp) -> Result<(), VaultError> {
        self.ask(|reply| Job::Turn(Box::new((act, form, turn, at)), reply)).await
    }
}

impl Shared {
    /// How the person at a place stands.
    pub(super) fn subscription_at(
        &self,
        view: &TreeView,
        place: u64,
        newsletter: &Newsletter,
    ) -> Result<Subscription, VaultError> {
        Ok(subscription(&self.ledger_at(view, place)?, newsletter))
    }

    fn ledger_at(&self, view: &TreeView, place: u64) -> Result<Vec<ConsentLine>, VaultError> {
        if self.is_dying(place, None) {
            return Err(VaultError::Missing);
        }
        let (person, keyring) = self.keyring_at(view, place)?;
        ledger(&person, &keyring, |key| Ok(self.engine.read(key)?))
    }

    /// Whom a waiting mail goes to: place, person and keyring.
    pub(super) fn behind(
        &self,
        view: &TreeView,
        permit: &Permit,
        name: &MailName,
    ) -> Result<(u64, PersonId, Keyring), VaultError> {
        if permit.action() != Action::SendMail {
            return Err(VaultError::Missing);
        }
        let row = self.engine.read(&rows::record_key(&name.record))?.ok_or(VaultError::Missing)?;
        let place = rows::open_record_place(&self.keys.places, &name.record, &row)?;
        if self.is_dying(place, Some(&name.record)) {
            return Err(VaultError::Missing);
        }
        let (person, keyring) = self.keyring_at(view, place)?;
        Ok((place, person, keyring))
    }
}

/// All lines of a person's ledger, oldest first.
pub(super) fn ledger(
    person: &PersonId,
    keyring: &Keyring,
    read: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, VaultError>,
) -> Result<Vec<ConsentLine>, VaultError> {
    let mut out: Vec<ConsentLine> = Vec::new();
    for part in 0..keyring.consent_parts {
        let row = read(&rows::consent_key(person, part))?.ok_or(VaultError::Tampered)?;
        let name = part.to_be_bytes();
        let context = rows::consent_context(person, &name, rows::ledger_version(keyring, part));
        let lines: Vec<ConsentLine> = postcard::from_bytes(&envelope::open(&keyring.consent, &context, &row)?)
            .map_err(|_| VaultError::Tampered)?;
        out.extend(lines);
    }
    Ok(out)
}

/// What a ledger says of a newsletter.
pub(super) fn subscription(lines: &[ConsentLine], newsletter: &Newsletter) -> Subscription {
    let of_it = lines.iter().filter(|line| line.form == newsletter.form);
    Subscription::of(of_it.filter_map(|line| {
        let ConsentGiven { given, .. } = line.consents.get(&newsletter.consent)?;
        Some(Step::new(line.at, line.record, &line.source, *given))
    }))
}

/// The consents under which somebody is subscribed at a form.
fn subscribed_under(lines: &[ConsentLine], form: &FormId) -> BTreeSet<String> {
    let confirmed = lines.iter().filter(|line| line.form == *form && line.source == ConsentSource::Confirmation);
    let names = confirmed.flat_map(|line| line.consents.keys().cloned());
    let holds = |consent: &String| {
        let newsletter = Newsletter { form: form.clone(), consent: consent.clone() };
        subscription(lines, &newsletter).current().is_some()
    };
    names.filter(holds).collect()
}

/// Changes how somebody stands within a commit.
pub(super) fn apply_turn(
    txn: &mut Txn<'_>,
    act: &Act,
    form: FormId,
    turn: Turn,
    at: Timestamp,
) -> Result<(), VaultError> {
    let shared = txn.shared;
    let (place, record) = match &turn {
        Turn::Confirm(record, _) | Turn::TakeBack(record, _) => {
            let row = txn.read(&rows::record_key(record))?.ok_or(VaultError::Missing)?;
            (rows::open_record_place(&shared.keys.places, record, &row)?, Some(*record))
        }
        Turn::Unsubscribe(subscriber) => (subscriber.place, None),
    };
    if shared.is_dying(place, record.as_ref()) {
        return Err(VaultError::Missing);
    }
    let lines = ledger_of(txn, place)?;
    match turn {
        Turn::Confirm(record, consent) => {
            let newsletter = Newsletter { form, consent };
            match subscription(&lines, &newsletter).standing(&record) {
                Standing::Pending => step(txn, act, place, &lines, newsletter, ConsentSource::Confirmation, record, at),
                Standing::Confirmed => Ok(()),
                Standing::Ended => Err(VaultError::Missing),
            }
        }
        Turn::TakeBack(record, consent) => {
            let newsletter = Newsletter { form, consent };
            match subscription(&lines, &newsletter).standing(&record) {
                Standing::Ended => Ok(()),
                _ => step(txn, act, place, &lines, newsletter, ConsentSource::Receipt, record, at),
            }
        }
        Turn::Unsubscribe(_) => {
            for consent in subscribed_under(&lines, &form) {
                let newsletter = Newsletter { form: form.clone(), consent };
                if let Some((record, _)) = subscription(&lines, &newsletter).current() {
                    step(txn, act, place, &lines, newsletter, ConsentSource::UnsubscribeLink, record, at)?;
                }
            }
            Ok(())
        }
    }
}

/// Writes one line, and the statuses that follow from it.
#[allow(clippy::too_many_arguments, reason = "what a line of the ledger is made of")]
fn step(
    txn: &mut Txn<'_>,
    act: &Act,
    place: u64,
    lines: &[ConsentLine],
    newsletter: Newsletter,
    source: ConsentSource,
    record: RecordId,
    at: Timestamp,
) -> Result<(), VaultError> {
    let before = subscription(lines, &newsletter);
    let given = source == ConsentSource::Confirmation;
    // The words and the notice that the person saw when they asked for it.
    let asked = lines.iter().find(|line| line.record == record && line.consents.contains_key(&newsletter.consent));
    let (notice, wording) = asked
        .and_then(|line| Some((line.notice.clone(), line.consents.get(&newsletter.consent)?.wording.clone())))
        .ok_or(VaultError::Tampered)?;

    // The statuses that change, opened before anything is changed. A submission that was erased alone has none.
    let mut statuses = Vec::new();
    let mut open = |txn: &mut Txn<'_>, record: RecordId, status: Status| match Open::new(txn, record) {
        Ok(mut open) => {
            open.set_status(status);
            statuses.push(open);
            Ok(())
        }
        Err(VaultError::Missing) => Ok(()),
        Err(other) => Err(other),
    };
    if given {
        open(txn, record, Status::Confirmed)?;
    }
    if given || before.standing(&record) == Standing::Confirmed {
        for earlier in before.confirmed() {
            open(txn, earlier, Status::Closed)?;
        }
    }
    let sealed = seal_subject(txn, place, record)?;
    let consents = BTreeMap::from([(newsletter.consent, ConsentGiven { given, wording })]);
    let line = ConsentLine { at, record, form: newsletter.form, source, notice, consents };
    for (key, row) in append_consent(txn, place, line)? {
        txn.put(key, row);
    }
    txn.person(place)?.changed(0);
    for open in statuses {
        open.put_list(txn, Vec::new())?;
    }
    txn.entry(Draft::new(act, Detail::None, vec![sealed]));
    Ok(())
}

/// The ledger as this commit will leave it.
pub(super) fn ledger_of(txn: &mut Txn<'_>, place: u64) -> Result<Vec<ConsentLine>, VaultError> {
    // Loaded before it is borrowed beside the rows.
    txn.person(place)?;
    txn.with_person(place, |txn, person, keyring| ledger(&person, keyring, |key| txn.read(key)))
}

fn seal_subject(txn: &mut Txn<'_>, place: u64, record: RecordId) -> Result<SealedSubject, VaultError> {
    let shared = txn.shared;
    let draft = txn.person(place)?;
    Subject::of_record(record).seal(place, &draft.person, &draft.keyring.audit, &*shared.entropy)
}
