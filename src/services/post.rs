//! The post office: takes what waits in the outbox to the mail server, again and again where it has to, and mails links to
//! people who have lost their receipt.
//!
//! Without a mail server everything else works, and nothing is put into the outbox.

mod about;
mod compose;
mod gather;
mod links;
mod referral;
mod words;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::{App, Context, ServiceError, blocking, newsletter, staff};
use crate::adapters::mail::{Carrier, Outgoing, Refused};
use crate::base::clock::Timestamp;
use crate::base::ids::{PersonId, StaffId};
use crate::base::sensitive::SensitiveString;
use crate::domain::form::FormId;
use crate::domain::mail::MailKind;
use crate::domain::subject::EmailAddress;
use crate::policy::{Action, Resource};
use crate::vault::{Act, Detail, Fate, MailName, VaultError};

pub(super) use about::{about_answer, about_letter, about_submission, address_in};
use compose::{Composed, compose};
pub(super) use compose::{proposal, written};
use gather::Gathering;
pub use links::{Links, ask_for_link, use_link};
pub(super) use referral::Referral;
use words::Words;

/// How often the outbox is looked at when nobody says that something came.
const LOOK: Duration = Duration::from_secs(5);
/// After each failed try the wait grows; the last one stands for all that follow.
const WAITS: [Duration; 5] = [
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(60 * 60),
];
/// A mail that could not be sent for so long is given up.
const LONGEST: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// Mails to one address that the public can cause in an hour: nobody is to be flooded in our name.
const PER_ADDRESS: u32 = 5;
const HOUR: Duration = Duration::from_secs(60 * 60);
/// A mail that the server refuses for good is tried for so long all the same: it may be us whom it refuses.
const REFUSED: Duration = Duration::from_secs(60 * 60);
/// How long a mail that cannot be opened is left alone. `verify` tells what is wrong with it.
const DAMAGED: Duration = Duration::from_secs(60 * 60);
/// How often a link is tried. Whoever still wants it then asks again.
const LINK_TRIES: usize = 5;
/// Mails that wait and were not tried yet, at which no more of an issue are put into the outbox: so the others never stand
/// behind thousands.
const ROOM: usize = 100;
/// Mails that wait in all, at which no more of an issue are put into the outbox.
const FULL: usize = 5_000;
/// Addresses counted at the same time.
const MOST_ADDRESSES: usize = 20_000;

/// The post office of an installation with a mail server.
pub struct Post {
    carrier: Arc<dyn Carrier>,
    words: Words,
    /// Where the service is reached, without a slash at the end.
    url: String,
    /// Whom the mails are from, in words.
    name: String,
    came: Notify,
    tries: Mutex<HashMap<MailName, Try>>,
    /// Links wait in memory only: they are good for minutes.
    links: Mutex<Vec<LinkMail>>,
    caused: Mutex<HashMap<[u8; 32], (Timestamp, u32)>>,
    gathering: Mutex<Gathering>,
    given_up: AtomicU64,
    stopping: AtomicBool,
}

/// A mail with a link that opens all that is held about somebody.
struct LinkMail {
    mail: Outgoing,
    person: PersonId,
    tried: usize,
}

#[derive(Clone, Copy)]
struct Try {
    count: usize,
    next: Timestamp,
    /// What became of it, when only its row has still to go.
    done: Option<&'static str>,
}

/// How the mails stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct MailHealth {
    /// Whether a mail server is configured.
    pub on: bool,
    /// Mails that wait.
    pub waiting: usize,
    /// Of these, those that were refused for now at least once since the start.
    pub retried: usize,
    /// Mails that were given up since the start.
    pub given_up: u64,
}

impl Post {
    /// Where the service is reached, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whom the mails are from, in words.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A post office. `templates` is a folder whose files replace the shipped words; `url` is where the service is reached.
    ///
    /// # Errors
    /// In words, for a template that cannot be read or used.
    pub fn new(carrier: Arc<dyn Carrier>, templates: Option<&Path>, url: &str, name: &str) -> Result<Self, String> {
        Ok(Self {
            carrier,
            words: Words::load(templates)?,
            url: url.trim_end_matches('/').to_owned(),
            name: name.to_owned(),
            came: Notify::new(),
            tries: Mutex::default(),
            links: Mutex::default(),
            caused: Mutex::default(),
            gathering: Mutex::default(),
            given_up: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
        })
    }

    /// Hands over a mail that is about nobody, past the outbox.
    pub(super) async fn carry(&self, mail: &Outgoing) -> Result<(), Refused> {
        self.carrier.carry(mail).await
    }

    /// Whether one more mail of this sort may be caused to an address, however it is written and tagged.
    fn may_cause(&self, app: &App, sort: &str, address: &EmailAddress) -> bool {
        let (local, domain) = address.canonical().rsplit_once('@').unwrap_or((address.canonical(), ""));
        let plain = local.split('+').next().unwrap_or(local);
        let (key, now) = (app.vault.hash_address(&format!("{sort} {plain}@{domain}")), app.clock.now());
        let mut caused = self.caused.lock().unwrap_or_else(PoisonError::into_inner);
        if caused.len() >= MOST_ADDRESSES {
            // Invented addresses must not keep mails from real ones: some are forgotten.
            let mut n = 0;
            caused.retain(|_, (since, _)| {
                n += 1;
                now.since(*since) < HOUR && n % 4 != 0
            });
        }
        let (since, count) = caused.entry(key).or_insert((now, 0));
        if now.since(*since) >= HOUR {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        *count <= PER_ADDRESS
    }

    /// Leaves a mail alone until `next`.
    fn wait(&self, name: MailName, next: Timestamp, done: Option<&'static str>) {
        let mut tries = self.tries();
        let count = tries.get(&name).map_or(0, |tried| tried.count) + 1;
        tries.insert(name, Try { count, next, done });
    }

    /// Asks it to stop after the mail that is under way, so that none is sent whose row then stays.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.came.notify_one();
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    fn gathering(&self) -> std::sync::MutexGuard<'_, Gathering> {
        self.gathering.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tries(&self) -> std::sync::MutexGuard<'_, HashMap<MailName, Try>> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the mails stand.
///
/// # Errors
/// [`ServiceError::Unavailable`].
pub fn health(app: &App) -> Result<MailHealth, ServiceError> {
    let Some(post) = app.post() else { return Ok(MailHealth::default()) };
    let (retried, given_up) = (post.tries().len(), post.given_up.load(Ordering::Relaxed));
    Ok(MailHealth { on: true, waiting: app.vault.waiting_mails()?.len(), retried, given_up })
}

/// Says that something was put into the outbox.
pub(super) fn came(app: &App) {
    if let Some(post) = app.post() {
        post.came.notify_one();
    }
}

/// Works until it is dropped, or told to stop. Does nothing without a mail server.
pub async fn run(app: Arc<App>) {
    let Some(post) = app.post().cloned() else { return };
    while !post.is_stopping() {
        if let Err(error) = deliver(&app, &post).await {
            tracing::warn!(%error, "the outbox could not be worked off; it is tried again");
        }
        tokio::select! {
            () = post.came.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Sends what is due. Returns how many the server took.
///
/// # Errors
/// [`ServiceError::Unavailable`] when the outbox cannot be read or written.
pub async fn deliver(app: &Arc<App>, post: &Arc<Post>) -> Result<usize, ServiceError> {
    let now = app.clock.now();
    post.caused.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, (since, _)| now.since(*since) < HOUR);
    let mut sent = deliver_links(app, post).await;
    // A mail whose trace could not be written must not go out.
    if app.vault.ready_for_intake().is_err() {
        return Ok(sent);
    }
    let mut names = waiting_mails(app, post).await?;
    let tried = post.tries().len() + post.gathering().len();
    let room = if names.len() < FULL { ROOM.saturating_sub(names.len().saturating_sub(tried)) } else { 0 };
    if room > 0 && newsletter::feed(app, room).await? > 0 {
        names = waiting_mails(app, post).await?;
    }
    for name in names {
        if post.is_stopping() {
            return Ok(sent);
        }
        match deliver_one(app, post, name).await? {
            Step::Sent => sent += 1,
            Step::Left => {}
            Step::ServerGone => break,
        }
        // People wait for links.
        sent += deliver_links(app, post).await;
    }
    if sent > 0 && newsletter::is_under_way(app) {
        // The next of an issue need not wait for the clock.
        post.came.notify_one();
    }
    Ok(sent)
}

/// The mails that wait; what is known of others is forgotten.
async fn waiting_mails(app: &Arc<App>, post: &Post) -> Result<Vec<MailName>, ServiceError> {
    let vault = Arc::clone(&app.vault);
    let names = blocking(move || vault.waiting_mails()).await??;
    let waiting: HashSet<MailName> = names.iter().copied().collect();
    post.tries().retain(|name, _| waiting.contains(name));
    post.gathering().keep(&waiting, app.clock.now());
    Ok(names)
}

/// Outcomes, as the trail names them.
const SENT: &str = "sent";
const GIVEN_UP: &str = "given up";
const WITHDRAWN: &str = "withdrawn";

/// What came of looking at one mail.
enum Step {
    Sent,
    Left,
    /// The others would fare no better.
    ServerGone,
}

async fn deliver_links(app: &App, post: &Post) -> usize {
    let links = std::mem::take(&mut *post.links.lock().unwrap_or_else(PoisonError::into_inner));
    let mut sent = 0;
    for LinkMail { mail, person, tried } in links {
        let still = || app.vault.has_person(&person);
        match post.carrier.carry_if(&mail, &still).await {
            Ok(true) => sent += 1,
            // Erased meanwhile: nothing of it goes out, now or later.
            Ok(false) => {}
            Err(refused) => {
                tracing::warn!(%refused, "a link could not be mailed");
                if tried + 1 < LINK_TRIES && !matches!(refused, Refused::Never(_)) {
                    let again = LinkMail { mail, person, tried: tried + 1 };
                    post.links.lock().unwrap_or_else(PoisonError::into_inner).push(again);
                } else {
                    post.given_up.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
    sent
}

async fn deliver_one(app: &Arc<App>, post: &Arc<Post>, name: MailName) -> Result<Step, ServiceError> {
    let now = app.clock.now();
    let tried = post.tries().get(&name).copied();
    if tried.is_some_and(|tried| now < tried.next) || post.gathering().holds(&name, now) {
        return Ok(Step::Left);
    }
    let act = Context::system(app)?.act(Action::SendMail, &Resource::Vault)?;
    let vault = Arc::clone(&app.vault);
    let (act, opened) = blocking(move || {
        let opened = vault.open_mail(&act.permit, &name);
        (act, opened)
    })
    .await?;
    let mut mail = match opened {
        Ok(mail) => mail,
        // Erased meanwhile.
        Err(VaultError::Missing) => return Ok(Step::Left),
        // One damaged row must not stop the mails of all others.
        Err(VaultError::Tampered) => {
            tracing::error!("a waiting mail does not open; run `letterlock verify`");
            post.wait(name, now.plus(DAMAGED), None);
            return Ok(Step::Left);
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(done) = tried.and_then(|tried| tried.done) {
        // Sent before; only its row could not be removed.
        return take_out(app, post, act, name, mail.kind, done).await;
    }
    if let MailKind::ArrivedFor(id) = mail.kind {
        match told_at(app, &mail.form, id) {
            Some(to) => mail.to = to,
            None => return take_out(app, post, act, name, mail.kind, WITHDRAWN).await,
        }
    }
    let together = match mail.kind {
        MailKind::Arrived | MailKind::ArrivedFor(_) => post.gathering().take(&mail.form, &mail.to, name, now),
        _ => Some(vec![name]),
    };
    let Some(together) = together else { return Ok(Step::Left) };
    let later = WAITS[tried.map_or(0, |tried| tried.count).min(WAITS.len() - 1)];
    // Before it goes out: whatever fails from here on, it does not go out again at once.
    post.wait(name, now.plus(later), None);
    let (kind, since) = (mail.kind, mail.since);
    let about = kind.as_str();
    let goes_to = (mail.form.clone(), mail.to.clone());
    let (worker, office, all) = (Arc::clone(app), Arc::clone(post), together.clone());
    let (act, composed) = blocking(move || {
        // Of somebody who was erased since, nothing is told, and be it in a number.
        let waiting = all.iter().filter(|name| worker.vault.mail_waits(name));
        // An address that changed while mails waited can be told of the same submission twice.
        let count = waiting.map(|name| name.record).collect::<HashSet<_>>().len();
        let composed = compose(&worker, &office, &act.permit, &name, &mail, count);
        (act, composed)
    })
    .await?;
    let (reason, longest, step) = match composed {
        Composed::Withdrawn => return take_out(app, post, act, name, kind, WITHDRAWN).await,
        Composed::Not(reason) => (Some(reason), LONGEST, Step::Left),
        Composed::Mail(outgoing) => {
            match post.carrier.carry_if(&outgoing, &|| still_goes(app, &act, &name, kind, &goes_to)).await {
                Ok(true) => (None, LONGEST, Step::Left),
                // Erased or taken back meanwhile, at the last moment: what is left of it is looked at again.
                Ok(false) => return Ok(Step::Left),
                Err(Refused::Never(reason)) => (Some(reason), REFUSED, Step::Left),
                Err(Refused::Later(reason)) => (Some(reason), LONGEST, Step::Left),
                Err(Refused::NotNow(reason)) => (Some(reason), LONGEST, Step::ServerGone),
            }
        }
    };
    let outcome = match reason {
        None => SENT,
        Some(reason) if now.since(since) < longest => {
            tracing::warn!(about, reason, wait_s = later.as_secs(), "a mail has to wait");
            return Ok(step);
        }
        Some(reason) => {
            tracing::warn!(about, reason, "a mail is given up");
            post.given_up.fetch_add(1, Ordering::Relaxed);
            GIVEN_UP
        }
    };
    let done = take_out(app, post, act, name, kind, outcome).await?;
    for other in together.into_iter().filter(|other| *other != name) {
        let act = Context::system(app)?.act(Action::SendMail, &Resource::Vault)?;
        take_out(app, post, act, other, kind, outcome).await?;
    }
    Ok(done)
}

/// Whether a mail still goes: asked at the last moment, when the mail server is about to get its content.
fn still_goes(app: &App, act: &Act, name: &MailName, kind: MailKind, (form, to): &(FormId, SensitiveString)) -> bool {
    let wanted = match kind {
        MailKind::Confirm => newsletter::of_form(app, form)
            .and_then(|newsletter| app.vault.confirmation_link(&act.permit, name, &newsletter).ok().flatten())
            .is_some(),
        MailKind::Issue(id) => newsletter::load_issue(app, &id)
            .and_then(|issue| app.vault.unsubscribe_link(&act.permit, name, &issue.newsletter()))
            .is_ok_and(|link| link.is_some()),
        MailKind::ArrivedFor(id) => told_at(app, form, id).is_some_and(|now| now == *to),
        _ => true,
    };
    wanted && app.vault.mail_waits(name)
}

/// Where an account is told of what arrives by a form: an account that was disabled since, nowhere.
fn told_at(app: &App, form: &FormId, id: StaffId) -> Option<SensitiveString> {
    app.forms().get(form).and_then(|form| staff::address_to_tell(app, form, id))
}

/// Takes a mail out of the outbox that has gone, or will not go.
async fn take_out(
    app: &Arc<App>,
    post: &Post,
    act: Act,
    name: MailName,
    kind: MailKind,
    outcome: &'static str,
) -> Result<Step, ServiceError> {
    // Should its row not go now, it goes later, and the mail does not go again.
    post.wait(name, app.clock.now().plus(WAITS[0]), Some(outcome));
    let issue = match kind {
        MailKind::Issue(id) if outcome == SENT => Some((id, Fate::Sent)),
        MailKind::Issue(id) if outcome == WITHDRAWN => Some((id, Fate::Withdrawn)),
        MailKind::Issue(id) => Some((id, Fate::GivenUp)),
        _ => None,
    };
    let detail = Detail::Mail { about: kind.as_str().to_owned(), outcome: outcome.to_owned() };
    match app.vault.remove_mail(act, name, detail, issue).await {
        Ok(()) | Err(VaultError::Missing) => {
            post.tries().remove(&name);
            Ok(if outcome == SENT { Step::Sent } else { Step::Left })
        }
        Err(error) => Err(error.into()),
    }
}
