//! Issues: staff write one, and the software sends it to everybody who has confirmed. Nobody sees an address.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::ids::MailingId;
use crate::domain::form::{FieldKind, Form, FormId};
use crate::domain::markdown::Markdown;
use crate::domain::staff::Role;
use crate::domain::text::is_unfit;
use crate::policy::{self, Action, Resource};
use crate::services::{App, Context, Problem, ServiceError, blocking};
use crate::vault::{Newsletter, Progress, Recipients, VaultError};

/// Characters of a subject, at most.
const SUBJECT: usize = 200;
/// Bytes of text and Markdown together, at most: both stand in one row.
const LARGEST: usize = 48 * 1024;
/// Mails of one commit, at most.
const BATCH: usize = 100;
/// Looks for people in one pass, at most: then the mails that wait have their turn.
const ROUNDS: usize = 16;
/// Topics of one issue, at most: more than any form has options to choose from, and they stand in the same row.
const MOST_TOPICS: usize = 100;
/// How long an issue and its figures are kept.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Issues at the same time, at most.
const MOST: usize = 1_000;

/// An issue as staff hand it in.
#[derive(Clone, Debug)]
pub struct NewIssue {
    /// One line.
    pub subject: String,
    /// Plain text, for every reader of mail.
    pub text: String,
    /// The same with headings, lists and links; without it the HTML part shows the text.
    pub markdown: Option<String>,
    /// Only for those who chose one of these in the form's field of topics, or chose none.
    pub topics: Option<Vec<String>>,
    /// The same key with the same issue is the same mailing.
    pub key: String,
}

/// An issue as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issue {
    /// The form by which people subscribed.
    pub form: FormId,
    /// The consent that it is sent under.
    pub consent: String,
    /// The field with the address.
    field: String,
    /// The field and the options of which one has to be picked.
    topics: Option<(String, Vec<String>)>,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The same as Markdown.
    pub markdown: Option<String>,
    /// When it was ordered: whoever is subscribed by then gets it.
    pub at: Timestamp,
    role: Option<Role>,
    /// Hashes of the key and of the issue.
    key: [u8; 32],
    body: [u8; 32],
}

/// A mailing as staff see it.
#[derive(Clone, Debug)]
pub struct Mailing {
    /// Which.
    pub id: MailingId,
    /// The form by which people subscribed.
    pub form: FormId,
    /// One line.
    pub subject: String,
    /// The options that it is for; empty for all.
    pub topics: Vec<String>,
    /// When it was ordered.
    pub at: Timestamp,
    /// How far it is.
    pub progress: Progress,
    /// Mails that wait in the outbox.
    pub waiting: u64,
}

/// The mailings whose mails are not all in the outbox yet.
#[derive(Default)]
pub struct Mailings {
    /// `None` until they were read from the store.
    open: Mutex<Option<VecDeque<MailingId>>>,
    /// One order at a time, so that a key is used once.
    ordering: tokio::sync::Mutex<()>,
}

impl Mailings {
    fn open(&self) -> std::sync::MutexGuard<'_, Option<VecDeque<MailingId>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Orders an issue. In the audit trail, and durable, on return; sending goes on behind. Returns whether it is new: the same
/// key with the same issue is the same mailing.
///
/// # Errors
/// [`ServiceError::NotFound`] for a form that the actor does not know, and for one that is no newsletter;
/// [`ServiceError::Forbidden`]; [`ServiceError::PurposeNeeded`]; [`ServiceError::Invalid`] with every mistake;
/// [`ServiceError::NotYetOpen`] without a mail server; [`ServiceError::KeyReused`]; storage errors.
pub async fn order(
    app: &Arc<App>,
    ctx: &Context,
    form: &FormId,
    issue: NewIssue,
) -> Result<(Mailing, bool), ServiceError> {
    let (form, act) = permitted(app, ctx, form)?;
    let allowed = policy::allowed_purposes(&ctx.actor, &form.purposes);
    if !ctx.purpose.as_ref().is_some_and(|purpose| allowed.contains(purpose)) {
        return Err(ServiceError::PurposeNeeded { allowed });
    }
    if app.post().is_none() {
        return Err(ServiceError::NotYetOpen);
    }
    let topics = check(&form, &issue)?;
    let consent = form.kind.subscribes().ok_or(ServiceError::NotFound)?.to_owned();
    let field = form.subject.clone().ok_or(ServiceError::NotFound)?;
    let key = app.vault.hash_idempotency_key(&format!("{} mailing", form.id), &issue.key);
    let body = hash_body(app, &issue);
    let _one_at_a_time = app.mailings.ordering.lock().await;
    let all = all(app, move |id, earlier, progress| {
        let same = earlier.key == key;
        Some(same.then(|| (earlier.body, Mailing::of(id, &earlier, progress, progress.waiting()))))
    });
    let all = all.await?;
    if let Some((earlier, mailing)) = all.iter().flatten().next() {
        return if *earlier == body { Ok((mailing.clone(), false)) } else { Err(ServiceError::KeyReused) };
    }
    if all.len() >= MOST {
        let message = "There are very many issues of the last 30 days already. Please wait until some are older.";
        return Err(invalid(Problem::overall("too-many-issues", message)));
    }
    let NewIssue { subject, text, markdown, .. } = issue;
    let role = act.permit.role();
    let at = app.clock.now();
    let issue = Issue { form: form.id.clone(), consent, field, topics, subject, text, markdown, at, role, key, body };
    let id = MailingId::make_random(app.entropy()).map_err(|_| ServiceError::Unavailable)?;
    app.vault.order_mailing(act, id, &issue).await?;
    if let Some(open) = app.mailings.open().as_mut() {
        open.push_back(id);
    }
    super::super::post::came(app);
    Ok((Mailing::of(id, &issue, Progress::default(), 0), true))
}

/// The issues of a form, newest first.
///
/// # Errors
/// As [`order`], for a form that the actor may not send.
pub async fn list(app: &Arc<App>, ctx: &Context, form: &FormId) -> Result<Vec<Mailing>, ServiceError> {
    let (form, _act) = permitted(app, ctx, form)?;
    let wanted = form.id.clone();
    let found =
        all(app, move |id, issue, progress| (issue.form == wanted).then(|| Mailing::of(id, &issue, progress, 0)));
    let mut found = found.await?;
    found.sort_by_key(|mailing| std::cmp::Reverse(mailing.at));
    let waiting = waiting(app).await?;
    let of = |id: &MailingId| waiting.iter().filter(|one| *one == id).count() as u64;
    Ok(found.into_iter().map(|mailing| Mailing { waiting: of(&mailing.id), ..mailing }).collect())
}

/// One issue.
///
/// # Errors
/// As [`list`]; [`ServiceError::NotFound`] for one of another form.
pub async fn show(app: &Arc<App>, ctx: &Context, form: &FormId, id: MailingId) -> Result<Mailing, ServiceError> {
    let (form, _act) = permitted(app, ctx, form)?;
    let vault = Arc::clone(&app.vault);
    let (issue, progress): (Issue, Progress) = blocking(move || vault.mailing(&id)).await??;
    if issue.form != form.id {
        return Err(ServiceError::NotFound);
    }
    let waiting = waiting(app).await?.iter().filter(|one| **one == id).count() as u64;
    Ok(Mailing::of(id, &issue, progress, waiting))
}

/// Puts more mails into the outbox, as far as there is `room`. Returns how many.
///
/// # Errors
/// Storage errors: it goes on from there the next time.
pub async fn feed(app: &Arc<App>, room: usize) -> Result<u64, ServiceError> {
    let mut queued = 0;
    for _ in 0..ROUNDS {
        let Some(id) = next(app).await? else { break };
        let left = room.saturating_sub(queued as usize).min(BATCH);
        if left == 0 {
            break;
        }
        let vault = Arc::clone(&app.vault);
        let planned = blocking(move || {
            let (issue, _): (Issue, _) = vault.mailing(&id)?;
            vault.plan_feed(id, issue.recipients(), left)
        });
        let before = match planned.await? {
            Ok(plan) => plan,
            // Nothing more can come of it, and the others must not wait for it.
            Err(error @ (VaultError::Missing | VaultError::Tampered)) => {
                tracing::error!(%error, "an issue of a newsletter does not open; run `letterlock verify`");
                forget(app, id);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        let system = Context::system(app)?;
        let act = system.act(Action::SendMail, &Resource::Vault)?;
        let already = before.queued();
        let progress = app.vault.feed_mailing(act, before).await?;
        queued += progress.queued.saturating_sub(already);
        if progress.is_queued() {
            forget(app, id);
        }
    }
    Ok(queued)
}

/// Whether there are issues whose mails are not all in the outbox.
pub(in crate::services) fn is_under_way(app: &App) -> bool {
    app.mailings.open().as_ref().is_none_or(|open| !open.is_empty())
}

/// The issue that a mail belongs to.
pub(in crate::services) fn load(app: &App, id: &MailingId) -> Result<Issue, VaultError> {
    app.vault.mailing(id).map(|(issue, _)| issue)
}

/// Removes issues that are long over.
pub(super) async fn remove_old(app: &Arc<App>, system: &Context) -> Result<(), ServiceError> {
    let now = app.clock.now();
    let over = all(app, move |id, issue, progress| (now.since(issue.at) >= KEPT && progress.is_queued()).then_some(id));
    let over: Vec<MailingId> = over.await?;
    if !over.is_empty() {
        let act = system.act(Action::CleanUp, &Resource::Vault)?;
        app.vault.remove_mailings(act, &over).await?;
    }
    Ok(())
}

impl Mailing {
    fn of(id: MailingId, issue: &Issue, progress: Progress, waiting: u64) -> Self {
        let topics = issue.topics.as_ref().map_or(Vec::new(), |(_, topics)| topics.clone());
        Self { id, form: issue.form.clone(), subject: issue.subject.clone(), topics, at: issue.at, progress, waiting }
    }
}

impl Issue {
    /// What it is sent under.
    pub fn newsletter(&self) -> Newsletter {
        Newsletter { form: self.form.clone(), consent: self.consent.clone() }
    }

    fn recipients(&self) -> Recipients {
        let (field, topics) = (self.field.clone(), self.topics.clone());
        Recipients { newsletter: self.newsletter(), field, topics, by: self.at }
    }
}

/// The form, and leave to send to its subscribers.
fn permitted(app: &App, ctx: &Context, id: &FormId) -> Result<(Arc<Form>, crate::vault::Act), ServiceError> {
    let form = app.forms().get(id).cloned().ok_or(ServiceError::NotFound)?;
    let act = ctx.at(&form.id).act(Action::SendMailing, &Resource::Form { roles: &form.roles })?;
    if form.kind.subscribes().is_none() {
        return Err(ServiceError::NotFound);
    }
    Ok((form, act))
}

/// Refuses what cannot be sent. Returns the field and the options that the issue is for.
fn check(form: &Form, issue: &NewIssue) -> Result<Option<(String, Vec<String>)>, ServiceError> {
    let mut problems = Vec::new();
    let mut problem = |field: &str, code, message: &str| problems.push(Problem::in_field(field, code, message));
    let subject = issue.subject.trim();
    if subject.is_empty() || subject.chars().count() > SUBJECT {
        problem("subject", "bad-length", "A subject of 1 to 200 characters.");
    }
    if issue.subject.chars().any(|c| is_unfit(c) || c.is_control()) {
        problem("subject", "not-one-line", "A subject is one line, without control characters.");
    }
    if issue.text.trim().is_empty() {
        problem("text", "required", "Please write something: not everybody reads HTML.");
    }
    if issue.text.chars().any(|c| is_unfit(c) && !"\n\r\t".contains(c)) {
        problem("text", "bad-characters", "There are control characters in it.");
    }
    if issue.topics.as_ref().is_some_and(|topics| topics.len() > MOST_TOPICS) {
        problem("topics", "too-many", "At most 100 topics.");
    }
    if issue.text.len() + issue.markdown.as_ref().map_or(0, String::len) > LARGEST {
        problem("text", "too-long", "Text and Markdown together have at most 49152 bytes.");
    }
    if let Some(Err(error)) = issue.markdown.as_deref().map(Markdown::parse) {
        problem("markdown", "bad-markdown", &format!("{error} (at byte {})", error.at));
    }
    let chosen = issue.topics.as_ref().filter(|topics| !topics.is_empty());
    let field = form.fields.iter().find(|field| matches!(field.kind, FieldKind::Choice(_) | FieldKind::Choices(_)));
    match (chosen, field) {
        (Some(_), None) => problem("topics", "no-topics", "The form asks for no topics."),
        (Some(topics), Some(field)) if !topics.iter().all(|t| field.kind.options().iter().any(|o| o.value == *t)) => {
            let known: Vec<&str> = field.kind.options().iter().map(|option| option.value.as_str()).collect();
            problem("topics", "unknown-topic", &format!("Each one of: {}.", known.join(", ")));
        }
        _ => {}
    }
    if !problems.is_empty() {
        return Err(ServiceError::Invalid(problems));
    }
    Ok(chosen.zip(field).map(|(topics, field)| (field.name.clone(), topics.clone())))
}

fn hash_body(app: &App, issue: &NewIssue) -> [u8; 32] {
    let mut stream = app.vault.hash_request_body();
    let topics = issue.topics.iter().flatten().map(String::as_str);
    let parts =
        [issue.subject.as_str(), &issue.text, issue.markdown.as_deref().unwrap_or("")].into_iter().chain(topics);
    for part in parts {
        stream.update(&(part.len() as u64).to_be_bytes());
        stream.update(part.as_bytes());
    }
    stream.finish()
}

/// What `keep` takes of all issues: their texts are long, and are not all held at a time.
async fn all<T: Send + 'static>(
    app: &Arc<App>,
    keep: impl Fn(MailingId, Issue, Progress) -> Option<T> + Send + 'static,
) -> Result<Vec<T>, ServiceError> {
    let vault = Arc::clone(&app.vault);
    Ok(blocking(move || vault.mailings(keep)).await??)
}

/// The mailing of each mail that waits.
async fn waiting(app: &Arc<App>) -> Result<Vec<MailingId>, ServiceError> {
    let system = Context::system(app)?;
    let act = system.act(Action::SendMail, &Resource::Vault)?;
    let vault = Arc::clone(&app.vault);
    let found = blocking(move || {
        let issue = |name| match vault.open_mail(&act.permit, &name).ok()?.kind {
            crate::domain::mail::MailKind::Issue(id) => Some(id),
            _ => None,
        };
        Ok::<_, VaultError>(vault.waiting_mails()?.into_iter().filter_map(issue).collect())
    });
    Ok(found.await??)
}

/// The next mailing whose mails are not all in the outbox.
async fn next(app: &Arc<App>) -> Result<Option<MailingId>, ServiceError> {
    if app.mailings.open().is_none() {
        // An order that comes meanwhile waits, so that it is neither missed nor there twice.
        let _one_at_a_time = app.mailings.ordering.lock().await;
        let open = |id, issue: Issue, progress: Progress| (!progress.is_queued()).then_some((issue.at, id));
        let mut found = all(app, open).await?;
        found.sort_unstable();
        app.mailings.open().get_or_insert_with(|| found.into_iter().map(|(_, id)| id).collect());
    }
    Ok(app.mailings.open().as_ref().and_then(|open| open.front().copied()))
}

fn forget(app: &App, id: MailingId) {
    if let Some(open) = app.mailings.open().as_mut() {
        open.retain(|one| *one != id);
    }
}

fn invalid(problem: Problem) -> ServiceError {
    ServiceError::Invalid(vec![problem])
}
