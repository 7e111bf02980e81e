//! The post office: takes what waits in the outbox to the mail server, again and again where it has to, and mails links to
//! people who have lost their receipt.
//!
//! Without a mail server everything else works, and nothing is put into the outbox.

mod links;
mod referral;
mod words;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::resources::{self, Offer};
use super::{App, Context, ServiceError, blocking};
use crate::adapters::mail::{Carrier, Outgoing, Refused};
use crate::base::clock::Timestamp;
use crate::base::ids::{PersonId, RequestId};
use crate::base::sensitive::SensitiveString;
use crate::domain::form::{Announce, Form};
use crate::domain::mail::{Mail, MailKind};
use crate::domain::resource::UnlockBy;
use crate::domain::subject::EmailAddress;
use crate::policy::{Action, Actor, Resource};
use crate::vault::{Detail, MailName, VaultError};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct MailHealth {
    /// Whether a mail server is configured.
    pub on: bool,
    /// Mails that wait.
    pub waiting: usize,
    /// Of these, those that were refused for now at least once since the start.
    pub retried: usize,
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
        })
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

    fn tries(&self) -> std::sync::MutexGuard<'_, HashMap<MailName, Try>> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the mails stand.
///
/// # Errors
/// [`ServiceError::Unavailable`].
pub fn health(app: &App) -> Result<MailHealth, ServiceError> {
    let Some(post) = app.post() else { return Ok(MailHealth { on: false, waiting: 0, retried: 0 }) };
    let retried = post.tries().len();
    Ok(MailHealth { on: true, waiting: app.vault.waiting_mails()?.len(), retried })
}

/// The mails that a submission causes: a confirmation to the address that it names, and word to those whom the form names.
pub(super) fn about_submission(app: &App, form: &Form, email: Option<&EmailAddress>, typed: Option<&str>) -> Vec<Mail> {
    let Some(post) = app.post() else { return Vec::new() };
    let since = app.clock.now();
    let mail = |kind, to: &str| Mail { kind, to: to.into(), form: form.id.clone(), since };
    let mut out = Vec::new();
    if let (Some(email), Some(typed)) = (email, typed)
        && post.may_cause(app, "received", email)
    {
        let by_mail = form.unlock_by == UnlockBy::Mail && !form.unlocks.is_empty();
        out.push(mail(if by_mail { MailKind::Unlocked } else { MailKind::Received }, typed));
    }
    for announce in &form.announce {
        if let Announce::Address(address) = announce {
            out.push(mail(MailKind::Arrived, address));
        }
    }
    out
}

/// The mail that an answer causes, and the field that holds the address of the person.
pub(super) fn about_answer(app: &App, form: &Form) -> Option<(Mail, String)> {
    app.post()?;
    let (form_id, field) = (form.id.clone(), form.subject.clone()?);
    Some((Mail { kind: MailKind::Answered, to: "".into(), form: form_id, since: app.clock.now() }, field))
}

/// Says that something was put into the outbox.
pub(super) fn came(app: &App) {
    if let Some(post) = app.post() {
        post.came.notify_one();
    }
}

/// Works until it is dropped. Does nothing without a mail server.
pub async fn run(app: Arc<App>) {
    let Some(post) = app.post().cloned() else { return };
    loop {
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
    let vault = Arc::clone(&app.vault);
    let names = blocking(move || vault.waiting_mails()).await??;
    let waiting: HashSet<MailName> = names.iter().copied().collect();
    post.tries().retain(|name, _| waiting.contains(name));
    for name in names {
        match deliver_one(app, post, name).await? {
            Step::Sent => sent += 1,
            Step::Left => {}
            Step::ServerGone => break,
        }
        // People wait for links.
        sent += deliver_links(app, post).await;
    }
    Ok(sent)
}

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
                }
            }
        }
    }
    sent
}

async fn deliver_one(app: &Arc<App>, post: &Arc<Post>, name: MailName) -> Result<Step, ServiceError> {
    let now = app.clock.now();
    let tried = post.tries().get(&name).copied();
    if tried.is_some_and(|tried| now < tried.next) {
        return Ok(Step::Left);
    }
    let act = context(app)?.act(Action::SendMail, &Resource::Vault)?;
    let vault = Arc::clone(&app.vault);
    let (act, opened) = blocking(move || {
        let opened = vault.open_mail(&act.permit, &name);
        (act, opened)
    })
    .await?;
    let count = tried.map_or(0, |tried| tried.count);
    let wait = |wait: Duration, done| {
        post.tries().insert(name, Try { count: count + 1, next: now.plus(wait), done });
    };
    let mail = match opened {
        Ok(mail) => mail,
        // Erased meanwhile.
        Err(VaultError::Missing) => return Ok(Step::Left),
        // One damaged row must not stop the mails of all others.
        Err(VaultError::Tampered) => {
            tracing::error!("a waiting mail does not open; run `letterlock verify`");
            wait(DAMAGED, None);
            return Ok(Step::Left);
        }
        Err(error) => return Err(error.into()),
    };
    let about = mail.kind.as_str();
    let outcome = match tried.and_then(|tried| tried.done) {
        // Sent before; only its row could not be removed.
        Some(done) => done,
        None => {
            let later = WAITS[count.min(WAITS.len() - 1)];
            // Before it goes out: whatever fails from here on, it does not go out again at once.
            wait(later, None);
            let (reason, longest, step) = match compose(app, post, &mail, name).await {
                Err(reason) => (Some(reason), LONGEST, Step::Left),
                Ok(outgoing) => match post.carrier.carry_if(&outgoing, &|| app.vault.mail_waits(&name)).await {
                    Ok(true) => (None, LONGEST, Step::Left),
                    // Erased meanwhile, at the last moment.
                    Ok(false) => return Ok(Step::Left),
                    Err(Refused::Never(reason)) => (Some(reason), REFUSED, Step::Left),
                    Err(Refused::Later(reason)) => (Some(reason), LONGEST, Step::Left),
                    Err(Refused::NotNow(reason)) => (Some(reason), LONGEST, Step::ServerGone),
                },
            };
            match reason {
                None => "sent",
                Some(reason) if now.since(mail.since) < longest => {
                    tracing::warn!(about, reason, wait_s = later.as_secs(), "a mail has to wait");
                    return Ok(step);
                }
                Some(reason) => {
                    tracing::warn!(about, reason, "a mail is given up");
                    "given up"
                }
            }
        }
    };
    wait(WAITS[0], Some(outcome));
    let detail = Detail::Mail { about: about.to_owned(), outcome: outcome.to_owned() };
    match app.vault.remove_mail(act, name, detail).await {
        Ok(()) | Err(VaultError::Missing) => {
            post.tries().remove(&name);
            Ok(if outcome == "sent" { Step::Sent } else { Step::Left })
        }
        Err(error) => Err(error.into()),
    }
}

/// The words of a waiting mail.
async fn compose(app: &Arc<App>, post: &Post, mail: &Mail, name: MailName) -> Result<Outgoing, String> {
    let form = app.forms().get(&mail.form).cloned();
    let title = form.as_ref().map_or_else(|| mail.form.to_string(), |form| form.title.clone());
    let my = format!("{}/my", post.url);
    let mut values = vec![("form", title.as_str()), ("my", &my), ("url", &post.url), ("name", &post.name)];
    let (links, until);
    if mail.kind == MailKind::Unlocked {
        let form = form.clone().ok_or("its form is gone")?;
        let worker = Arc::clone(app);
        let offers = blocking(move || resources::offers_by_mail(&worker, &form, name.record)).await;
        let offers = offers.and_then(|offers| offers).map_err(|error| error.to_string())?;
        let line = |offer: &Offer| format!("{}\t{}/r/{}", offer.title, post.url, offer.token.expose());
        // One a line, title and address with a tab between them.
        links = SensitiveString::from(offers.iter().map(line).collect::<Vec<_>>().join("\n").as_str());
        until = offers.first().map_or_else(String::new, |offer| offer.until.to_string());
        values.push(("links", links.expose()));
        values.push(("until", until.get(..16).unwrap_or_default()));
    }
    post.words.write(mail.kind.as_str(), &mail.to, &values)
}

fn context(app: &App) -> Result<Context, ServiceError> {
    let request = RequestId::make_random(app.entropy()).map_err(|_| ServiceError::Unavailable)?;
    Ok(Context { actor: Actor::System, request, purpose: None })
}

/// What a submission names as the address of its person.
pub(super) fn address_in(form: &Form, content: &crate::domain::submission::Content) -> Option<SensitiveString> {
    match content.fields.get(form.subject.as_ref()?)? {
        crate::domain::submission::FieldValue::Text(text) => Some(text.expose().into()),
        _ => None,
    }
}
