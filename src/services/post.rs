//! The post office: takes what waits in the outbox to the mail server, again and again where it has to, and mails links to
//! people who have lost their receipt.
//!
//! Without a mail server everything else works, and nothing is put into the outbox.

mod links;
mod words;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::{App, Context, ServiceError, blocking};
use crate::adapters::mail::{Carrier, Outgoing, Refused};
use crate::base::clock::Timestamp;
use crate::base::ids::RequestId;
use crate::base::sensitive::SensitiveString;
use crate::domain::form::{Announce, Form};
use crate::domain::mail::{Mail, MailKind};
use crate::policy::{Action, Actor, Resource};
use crate::vault::{Detail, MailName, VaultError};

pub use links::{Links, ask_for_link, use_link};
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
    links: Mutex<Vec<Outgoing>>,
    caused: Mutex<HashMap<[u8; 32], (Timestamp, u32)>>,
}

#[derive(Clone, Copy)]
struct Try {
    count: usize,
    next: Timestamp,
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

    /// Whether one more mail may be caused to an address.
    fn may_cause(&self, address: &[u8; 32], now: Timestamp) -> bool {
        let mut caused = self.caused.lock().unwrap_or_else(PoisonError::into_inner);
        if caused.len() >= MOST_ADDRESSES {
            caused.retain(|_, (since, _)| now.since(*since) < HOUR);
            if caused.len() >= MOST_ADDRESSES {
                return false;
            }
        }
        let (since, count) = caused.entry(*address).or_insert((now, 0));
        if now.since(*since) >= HOUR {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        *count <= PER_ADDRESS
    }
}

/// How the mails stand.
///
/// # Errors
/// [`ServiceError::Unavailable`].
pub fn health(app: &App) -> Result<MailHealth, ServiceError> {
    let Some(post) = app.post() else { return Ok(MailHealth { on: false, waiting: 0, retried: 0 }) };
    let retried = post.tries.lock().unwrap_or_else(PoisonError::into_inner).len();
    Ok(MailHealth { on: true, waiting: app.vault.waiting_mails()?.len(), retried })
}

/// The mails that a submission causes: a confirmation to the address that it names, and word to those whom the form names.
pub(super) fn about_submission(app: &App, form: &Form, email: Option<&str>) -> Vec<Mail> {
    let Some(post) = app.post() else { return Vec::new() };
    let since = app.clock.now();
    let mail = |kind, to: &str| Mail { kind, to: to.into(), form: form.id.clone(), since };
    let mut out = Vec::new();
    if let Some(email) = email
        && post.may_cause(&app.vault.hash_address(email), since)
    {
        out.push(mail(MailKind::Received, email));
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
    let links = std::mem::take(&mut *post.links.lock().unwrap_or_else(PoisonError::into_inner));
    let mut sent = 0;
    for link in links {
        match post.carrier.carry(&link).await {
            Ok(()) => sent += 1,
            // Whoever still wants it asks again.
            Err(refused) => tracing::warn!(%refused, "a link could not be mailed"),
        }
    }
    let vault = Arc::clone(&app.vault);
    let names = blocking(move || vault.waiting_mails()).await??;
    post.tries.lock().unwrap_or_else(PoisonError::into_inner).retain(|name, _| names.contains(name));
    for name in names {
        sent += usize::from(deliver_one(app, post, name).await?);
    }
    Ok(sent)
}

async fn deliver_one(app: &Arc<App>, post: &Arc<Post>, name: MailName) -> Result<bool, ServiceError> {
    let now = app.clock.now();
    let tried = post.tries.lock().unwrap_or_else(PoisonError::into_inner).get(&name).copied();
    if tried.is_some_and(|tried| now < tried.next) {
        return Ok(false);
    }
    let act = context(app)?.act(Action::SendMail, &Resource::Vault)?;
    let vault = Arc::clone(&app.vault);
    let (act, opened) = blocking(move || {
        let opened = vault.open_mail(&act.permit, &name);
        (act, opened)
    })
    .await?;
    let mail = match opened {
        Ok(mail) => mail,
        // Erased meanwhile.
        Err(VaultError::Missing) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let outcome = match compose(app, post, &mail) {
        Ok(outgoing) => post.carrier.carry(&outgoing).await,
        Err(reason) => Err(Refused::Later(reason)),
    };
    let outcome = match outcome {
        Ok(()) => "sent",
        Err(Refused::Never(reason)) => {
            tracing::warn!(about = mail.kind.as_str(), reason, "a mail was refused for good");
            "refused"
        }
        Err(Refused::Later(reason)) if now.since(mail.since) < LONGEST => {
            let count = tried.map_or(0, |tried| tried.count);
            let next = now.plus(WAITS[count.min(WAITS.len() - 1)]);
            tracing::info!(about = mail.kind.as_str(), reason, next = %next, "a mail has to wait");
            let again = Try { count: count + 1, next };
            post.tries.lock().unwrap_or_else(PoisonError::into_inner).insert(name, again);
            return Ok(false);
        }
        Err(Refused::Later(reason)) => {
            tracing::warn!(about = mail.kind.as_str(), reason, "a mail is given up");
            "given up"
        }
    };
    let detail = Detail::Mail { about: mail.kind.as_str().to_owned(), outcome: outcome.to_owned() };
    match app.vault.remove_mail(act, name, detail).await {
        Ok(()) | Err(VaultError::Missing) => Ok(outcome == "sent"),
        Err(error) => Err(error.into()),
    }
}

/// The words of a waiting mail.
fn compose(app: &App, post: &Post, mail: &Mail) -> Result<Outgoing, String> {
    let title = app.forms().get(&mail.form).map_or_else(|| mail.form.to_string(), |form| form.title.clone());
    let my = format!("{}/my", post.url);
    let values = [("form", title.as_str()), ("my", &my), ("url", &post.url), ("name", &post.name)];
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
