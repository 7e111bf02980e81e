//! People and the submission whose receipt they hold: they read it, write and read answers, send files, take consents
//! back, and erase it. Whoever holds the receipt is taken for the person; a receipt opens its own submission only.

mod message;
mod visits;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::review::{self, Download};
use super::{App, Context, Problem, ServiceError, blocking, erase, newsletter, scan};
use crate::base::clock::Timestamp;
use crate::base::ids::{PersonId, RecordId, RequestId};
use crate::domain::consent::ConsentSource;
use crate::domain::form::{Form, FormId, FormSet};
use crate::domain::language::Lang;
use crate::domain::message::Message;
use crate::domain::resource::Downloaded;
use crate::domain::submission::{ConsentGiven, Content, Summary};
use crate::domain::subscription::{Standing, Step, Subscription};
use crate::policy::{Action, Actor, Resource, SUBJECT_REQUEST};
use crate::vault::{ConsentChange, Grant, LedgerLine, Located, Opened, Target, VaultError};

pub use message::{FileRules, MessageIntake};
pub use visits::{Visit, Visits, Who};

/// A submission whose receipt was shown. Only [`enter`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own(RecordId);

impl Own {
    pub(super) const fn record(self) -> RecordId {
        self.0
    }
}

/// A person who came by a link that was mailed to their address. Only [`enter_by_link`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mailbox(PersonId);

/// One line of all that is held under an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The submission.
    pub own: RecordId,
    /// The title of its form, or its name when the form is gone.
    pub title: String,
    /// The name of its form.
    pub form: FormId,
    /// When it came.
    pub received: Timestamp,
    /// How many messages its conversation has.
    pub messages: u32,
}

/// All that a receipt opens.
#[derive(Clone, Debug)]
pub struct Mine {
    /// Its line.
    pub summary: Summary,
    /// The form, when it is still there: old submissions outlive theirs.
    pub form: Option<Arc<Form>>,
    /// As it arrived.
    pub content: Content,
    /// The conversation since, oldest first.
    pub messages: Vec<Message>,
    /// The downloads of what the form unlocks, oldest first.
    pub downloads: Vec<Downloaded>,
    /// The consents of this submission, as they stand now.
    pub consents: Vec<MyConsent>,
}

/// A consent as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MyConsent {
    /// Its name.
    pub name: String,
    /// The words that it was given under; `None` when the form has others by now.
    pub wording: Option<String>,
    /// The language of those words.
    pub lang: Option<Lang>,
    /// The version of those words.
    pub version: String,
    /// Whether it holds.
    pub given: bool,
    /// Whether it waits to be confirmed by the link that was mailed, and does not hold until then.
    pub unconfirmed: bool,
    /// Since when.
    pub since: Timestamp,
    /// How that came.
    pub source: ConsentSource,
}

/// Finds the submission of a receipt code, however it is spaced and cased.
///
/// # Errors
/// [`ServiceError::NotFound`] for any code that opens nothing, whatever the reason.
pub async fn enter(app: &Arc<App>, code: &str) -> Result<Own, ServiceError> {
    let (vault, code) = (Arc::clone(&app.vault), crate::base::sensitive::SensitiveString::from(code));
    let located = blocking(move || vault.locate_by_receipt(code.expose())).await??;
    Ok(Own(located.summary.id))
}

/// Uses up a link that was mailed.
///
/// # Errors
/// [`ServiceError::NotFound`] for one that was used, is too old, or never was.
pub fn enter_by_link(app: &App, token: &str) -> Result<Mailbox, ServiceError> {
    super::post::use_link(app, token).map(Mailbox)
}

/// Some of all that is held under an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldPage {
    /// The newest first.
    pub lines: Vec<Held>,
    /// Where the older ones begin; `None` when there are none.
    pub older: Option<String>,
}

/// Lines of one page.
const HELD_LINES: usize = 50;

/// What is held under the address, newest first, a page at a time, once the audit entry is durable. Empty when everything was
/// erased. `older` is where the page before this one ended.
///
/// # Errors
/// [`ServiceError::Invalid`] for an `older` that no page gave; [`ServiceError::Unavailable`].
pub async fn held(
    app: &Arc<App>,
    request: RequestId,
    mailbox: Mailbox,
    older: Option<&str>,
) -> Result<HeldPage, ServiceError> {
    let act = context(request).act(Action::ListSubmissions, &Resource::Own)?;
    let before = older.map(|older| review::place_of(app, older)).transpose()?;
    let vault = Arc::clone(&app.vault);
    let mut located = match blocking(move || vault.newest_records_of(&mailbox.0, before, HELD_LINES + 1)).await? {
        Ok(located) => located,
        Err(VaultError::Missing) => return Ok(HeldPage::default()),
        Err(error) => {
            if error == VaultError::Tampered {
                let person = mailbox.0;
                tracing::error!(%person, "what is held about a person does not open; run `letterlock verify`");
            }
            return Err(error.into());
        }
    };
    app.vault.record_search(act, &[mailbox.0]).await?;
    let more = located.len() > HELD_LINES;
    located.truncate(HELD_LINES);
    let older = located.last().filter(|_| more).and_then(|last| review::cursor_at(app, last.arrival()));
    let forms = app.forms();
    let line = |located: Located| {
        let Summary { id, form, received, messages, .. } = located.summary;
        let title = forms.get(&form).map_or_else(|| form.to_string(), |form| form.title.clone());
        Held { own: id, title, form, received, messages }
    };
    Ok(HeldPage { lines: located.into_iter().map(line).collect(), older })
}

/// Opens one of them in the visit of `token`; `None` goes back to all.
///
/// # Errors
/// [`ServiceError::NotFound`] for a submission of somebody else, and in a visit by receipt.
pub async fn choose(app: &Arc<App>, visit: Visit, token: &str, id: Option<RecordId>) -> Result<(), ServiceError> {
    let mailbox = visit.person.ok_or(ServiceError::NotFound)?;
    let own = match id {
        None => None,
        Some(id) => {
            let vault = Arc::clone(&app.vault);
            let located = blocking(move || vault.locate(&id)).await??;
            if located.summary.subject != mailbox.0 {
                return Err(ServiceError::NotFound);
            }
            Some(Own(id))
        }
    };
    app.visits.choose(token, own);
    Ok(())
}

/// Opens everything, once the audit entry is durable.
///
/// # Errors
/// [`ServiceError::NotFound`] once it was erased; [`ServiceError::Unavailable`].
pub async fn show(app: &Arc<App>, request: RequestId, own: Own) -> Result<Mine, ServiceError> {
    let (located, grant) = grant(app, request, own, Action::ReadSubmission, None).await?;
    let vault = Arc::clone(&app.vault);
    let (summary, opened, ledger) = blocking(move || {
        let opened = vault.open_record(grant, &located)?;
        let ledger = if opened.content.consents.is_empty() { Vec::new() } else { vault.consent_ledger(&opened)? };
        Ok::<_, VaultError>((located.summary, opened, ledger))
    })
    .await??;
    let Opened { content, messages, downloads, .. } = opened;
    let form = app.forms().get(&summary.form).cloned();
    let consents = standing(own, &content, &app.forms(), &ledger);
    Ok(Mine { summary, form, content, messages, downloads, consents })
}

/// Opens file `n`, of the submission or of a message, once the audit entry is durable.
///
/// # Errors
/// As [`show`].
pub async fn file(app: &Arc<App>, request: RequestId, own: Own, n: u32) -> Result<Download, ServiceError> {
    let (located, grant) = grant(app, request, own, Action::ReadFile, Some(n)).await?;
    let vault = Arc::clone(&app.vault);
    Ok(Download::of(blocking(move || vault.open_file(grant, &located)).await??))
}

/// Takes a consent back. One that does not hold is left as it is.
///
/// # Errors
/// [`ServiceError::NotFound`] also for a consent that the submission does not have; storage errors.
pub async fn withdraw(app: &Arc<App>, request: RequestId, own: Own, name: &str) -> Result<(), ServiceError> {
    let mine = show(app, request, own).await?;
    let consent = mine.consents.iter().find(|consent| consent.name == name).ok_or(ServiceError::NotFound)?;
    if !consent.given && !consent.unconfirmed {
        return Ok(());
    }
    let form = mine.summary.form;
    if app.forms().get(&form).is_some_and(|form| form.kind.subscribes() == Some(name)) {
        return newsletter::take_back(app, request, own.0, form, name).await;
    }
    let act = context(request).act(Action::WithdrawConsent, &Resource::of_own(mine.summary.nature))?;
    let taken_back = ConsentGiven { given: false, wording: consent.version.clone() };
    let change = ConsentChange {
        at: app.clock.now(),
        source: ConsentSource::Receipt,
        notice: mine.content.notice,
        consents: BTreeMap::from([(name.to_owned(), taken_back)]),
    };
    Ok(app.vault.change_consents(act, own.0, change).await?)
}

/// Takes a comment off its board, or keeps it from getting there. What else was sent with it stays until it is erased.
///
/// # Errors
/// [`ServiceError::NotFound`] also for what is no comment; storage errors.
pub async fn take_down(app: &Arc<App>, request: RequestId, own: Own) -> Result<(), ServiceError> {
    let vault = Arc::clone(&app.vault);
    let located = blocking(move || vault.locate(&own.0)).await??;
    let act = context(request).act(Action::TakeDown, &Resource::of_own(located.summary.nature))?;
    Ok(app.vault.take_down(act, own.0).await?)
}

/// Erases the submission. Returns the signed certificate, ready to be shown as JSON. With the last one the person goes as well:
/// whoever deletes everything they sent does not stay known here. Consents given with it are taken back first.
///
/// # Errors
/// [`ServiceError::NotFound`], storage errors.
pub async fn erase(app: &Arc<App>, request: RequestId, own: Own) -> Result<Value, ServiceError> {
    let mine = show(app, request, own).await?;
    let vault = Arc::clone(&app.vault);
    let person = mine.summary.subject;
    let is_last = blocking(move || vault.newest_records_of(&person, None, 2)).await??.len() == 1;
    let action = if is_last { Action::ErasePerson } else { Action::EraseRecord };
    for consent in mine.consents.iter().filter(|consent| !is_last && (consent.given || consent.unconfirmed)) {
        withdraw(app, request, own, &consent.name).await?;
    }
    let act = context(request).act(action, &Resource::of_own(mine.summary.nature))?;
    // Whether it is the last one is found out anew in the commit: what somebody sends meanwhile under this address stays.
    let certificates = app.vault.erase(act, vec![Target::RecordOrLast(own.0)]).await?;
    erase::tidy_soon(app);
    let certificate = certificates.first().and_then(Option::as_ref).ok_or(ServiceError::NotFound)?;
    serde_json::to_value(certificate).map_err(|_| ServiceError::Internal)
}

fn context(request: RequestId) -> Context {
    Context { actor: Actor::Subject, request, purpose: Some(SUBJECT_REQUEST.to_owned()) }
}

/// Leave to open the submission or one of its files. The purpose stands with the person, sealed under their key.
async fn grant(
    app: &Arc<App>,
    request: RequestId,
    own: Own,
    action: Action,
    file: Option<u32>,
) -> Result<(Located, Grant), ServiceError> {
    let vault = Arc::clone(&app.vault);
    let located = blocking(move || vault.locate(&own.0)).await??;
    if let Some(n) = file {
        scan::check_open(&located, n)?;
    }
    let own = Resource::of_own(located.summary.nature);
    let act = Context { purpose: None, ..context(request) }.act(action, &own)?;
    let mut grants = app.vault.grant(act, std::slice::from_ref(&located), SUBJECT_REQUEST, file).await?;
    Ok((located, grants.pop().ok_or(ServiceError::Internal)?))
}

/// How the consents of a submission stand: as they were given with it, and as they were changed by its receipt. What other
/// submissions of the same person say is none of this receipt's business.
fn standing(own: Own, content: &Content, forms: &FormSet, ledger: &[LedgerLine]) -> Vec<MyConsent> {
    let mut out: Vec<MyConsent> = Vec::new();
    for (name, ConsentGiven { given, wording }) in &content.consents {
        // In the language in which it was given.
        let form = forms.as_recorded(&content.form, wording);
        let words = form.and_then(|form| form.consent(name)).filter(|consent| consent.recorded() == *wording);
        let mut consent = MyConsent {
            name: name.clone(),
            wording: words.map(|consent| consent.wording.clone()),
            lang: words.map(|consent| consent.lang.clone()),
            version: wording.clone(),
            given: *given,
            unconfirmed: false,
            since: content.received,
            source: content.server_key.clone().map_or(ConsentSource::Form, |name| ConsentSource::Server { name }),
        };
        if form.and_then(|form| form.kind.subscribes()) == Some(name) {
            subscribed(own, content, ledger, &mut consent);
            out.push(consent);
            continue;
        }
        for line in ledger.iter().filter(|line| line.record == own.0) {
            if let Some(change) = line.consents.get(name) {
                (consent.given, consent.since, consent.source) = (change.given, line.at, line.source.clone());
            }
        }
        out.push(consent);
    }
    out
}

/// The consent of a newsletter: a tick is nothing before it is confirmed, and one end ends it for all of the person's.
fn subscribed(own: Own, content: &Content, ledger: &[LedgerLine], consent: &mut MyConsent) {
    let of_it = ledger.iter().filter(|line| line.form == content.form);
    let subscription = Subscription::of(of_it.filter_map(|line| {
        let given = line.consents.get(&consent.name)?.given;
        Some(Step::new(line.at, line.record, &line.source, given))
    }));
    let standing = subscription.standing(&own.0);
    consent.given = standing == Standing::Confirmed;
    consent.unconfirmed = standing == Standing::Pending;
    consent.since = subscription.since(&own.0).unwrap_or(content.received);
}

fn invalid(problem: Problem) -> ServiceError {
    ServiceError::Invalid(vec![problem])
}
