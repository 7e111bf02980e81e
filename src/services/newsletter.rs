//! Newsletters: a subscription counts once the holder of the address has confirmed it by the link in a mail, every issue has
//! a link that ends it at once, and what is never confirmed is deleted.

mod mailing;
mod sweep;

use std::sync::Arc;

use super::{App, Context, ServiceError, blocking};
use crate::base::ids::{RecordId, RequestId};
use crate::domain::form::FormId;
use crate::domain::submission::Status;
use crate::domain::subscription::CONFIRM_WITHIN;
use crate::policy::{Action, Actor, Resource, SUBJECT_REQUEST};
use crate::vault::{Newsletter, Subscriber, Turn};

pub use mailing::{Issue, Mailing, Mailings, NewIssue, feed, list, order, show};
pub use sweep::{Sweeps, keep, sweep};

pub(super) use mailing::{is_under_way, load as load_issue};

/// A subscription whose confirmation link was shown. Only [`find_unconfirmed`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    record: RecordId,
    form: FormId,
    consent: String,
}

impl Asked {
    /// Which submission it is.
    pub const fn record(&self) -> RecordId {
        self.record
    }
}

/// The subscription that a confirmation link is good for: not confirmed yet, or confirmed by it.
///
/// # Errors
/// [`ServiceError::NotFound`] for a link that opens nothing, whatever the reason.
pub async fn find_unconfirmed(app: &Arc<App>, form: &FormId, token: &str) -> Result<Asked, ServiceError> {
    let (vault, token) = (Arc::clone(&app.vault), crate::base::sensitive::SensitiveString::from(token));
    let summary = blocking(move || vault.locate_by_confirmation(token.expose())).await??.summary;
    let form = app.forms().get(form).cloned().ok_or(ServiceError::NotFound)?;
    let consent = form.kind.subscribes().ok_or(ServiceError::NotFound)?.to_owned();
    let in_time = match summary.status {
        Status::Unconfirmed => app.clock.now().since(summary.received) < CONFIRM_WITHIN,
        Status::Confirmed => true,
        _ => false,
    };
    if summary.form != form.id || !in_time {
        return Err(ServiceError::NotFound);
    }
    Ok(Asked { record: summary.id, form: summary.form, consent })
}

/// Confirms it. Durable, and in the person's ledger, on return; a second time changes nothing.
///
/// # Errors
/// [`ServiceError::NotFound`] for one that was taken back or erased meanwhile; storage errors.
pub async fn confirm(app: &Arc<App>, request: RequestId, asked: Asked) -> Result<(), ServiceError> {
    let act = context(request).act(Action::ConfirmConsent, &Resource::Own)?;
    let turn = Turn::Confirm(asked.record, asked.consent);
    Ok(app.vault.turn(act, asked.form, turn, app.clock.now()).await?)
}

/// The person that an unsubscribe link belongs to. The form need not be there any more.
///
/// # Errors
/// [`ServiceError::NotFound`] for a link that leads to nobody, whatever the reason.
pub async fn find_subscriber(app: &Arc<App>, form: &FormId, token: &str) -> Result<Subscriber, ServiceError> {
    let (vault, form) = (Arc::clone(&app.vault), form.clone());
    let token = crate::base::sensitive::SensitiveString::from(token);
    Ok(blocking(move || vault.find_subscriber(&form, token.expose())).await??)
}

/// Ends what they are subscribed to at this form. Durable, and in their ledger, on return; a second time changes nothing.
///
/// # Errors
/// Storage errors. Somebody who was erased meanwhile is not subscribed, and that is all this promises.
pub async fn unsubscribe(
    app: &Arc<App>,
    request: RequestId,
    form: &FormId,
    subscriber: Subscriber,
) -> Result<(), ServiceError> {
    let (vault, id) = (Arc::clone(&app.vault), form.clone());
    // Whoever comes again makes no work for the disk.
    match blocking(move || vault.is_subscribed(subscriber, &id)).await? {
        Ok(true) => {}
        Ok(false) | Err(crate::vault::VaultError::Missing) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let act = context(request).act(Action::WithdrawConsent, &Resource::Own)?;
    match app.vault.turn(act, form.clone(), Turn::Unsubscribe(subscriber), app.clock.now()).await {
        Ok(()) | Err(crate::vault::VaultError::Missing) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Takes the consent of a newsletter back, for who holds the receipt.
pub(super) async fn take_back(
    app: &Arc<App>,
    request: RequestId,
    record: RecordId,
    form: FormId,
    consent: &str,
) -> Result<(), ServiceError> {
    let act = context(request).act(Action::WithdrawConsent, &Resource::Own)?;
    Ok(app.vault.turn(act, form, Turn::TakeBack(record, consent.to_owned()), app.clock.now()).await?)
}

/// The newsletter of a form; `None` for one that is none (any more).
pub(super) fn of_form(app: &App, form: &FormId) -> Option<Newsletter> {
    let form = app.forms().get(form).cloned()?;
    let consent = form.kind.subscribes()?.to_owned();
    Some(Newsletter { form: form.id.clone(), consent })
}

fn context(request: RequestId) -> Context {
    Context { actor: Actor::Subject, request, purpose: Some(SUBJECT_REQUEST.to_owned()) }
}
