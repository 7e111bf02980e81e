//! What an erasure would take, in counts: for whoever may order one, before they do. Nothing that anybody sent is opened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{remember, review};
use crate::base::clock::Timestamp;
use crate::base::ids::{PersonId, RecordId};
use crate::base::sensitive::SensitiveString;
use crate::domain::form::FormId;
use crate::domain::subject::EmailAddress;
use crate::domain::submission::{Status, Summary};
use crate::policy::{Action, Actor, Resource};
use crate::services::{App, Context, Problem, ServiceError, blocking, guests};
use crate::vault::{Located, VaultError};

/// What is held about a person.
#[derive(Clone, Debug)]
pub struct Held {
    /// The person.
    pub person: PersonId,
    /// By form, those that the actor may list.
    pub forms: Vec<OfForm>,
    /// Their lines, newest first.
    pub listed: Vec<Summary>,
    /// Submissions of which the actor is told nothing but that they are there.
    pub others: usize,
    /// Files, as they were sent.
    pub files: u64,
    /// Messages of the conversations.
    pub messages: u64,
    /// Mails that wait to be sent.
    pub mails: usize,
    /// Lines of the consent ledger.
    pub consents: usize,
    /// Newsletters that are subscribed to, or wait to be confirmed.
    pub subscriptions: usize,
    /// Passes by which guests read submissions.
    pub passes: usize,
    /// Something of it does not open, so nothing of this could be counted. It can be erased all the same.
    pub damaged: bool,
    /// Changes when something is sent or erased.
    pub state: String,
    /// Whether the actor may still erase somebody more alone today.
    pub has_room: bool,
}

/// What came by one form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfForm {
    /// Its title, or its name when it is not there any more.
    pub title: String,
    /// How many submissions.
    pub count: usize,
    /// When the first came.
    pub first: Timestamp,
    /// When the last came.
    pub last: Timestamp,
}

/// A single submission that could be erased.
#[derive(Clone, Debug)]
pub struct HeldRecord {
    /// Its line.
    pub summary: Summary,
    /// The title of its form.
    pub title: String,
    /// It is the only one of its person.
    pub is_only: bool,
    /// Changes when something is written.
    pub state: String,
    /// Whether the actor may still erase something of somebody more alone today.
    pub has_room: bool,
}

impl Held {
    /// How many submissions there are.
    pub fn count(&self) -> usize {
        self.listed.len() + self.others
    }

    /// Somebody of whom nothing is held but their address.
    pub fn nothing(person: PersonId) -> Self {
        Self {
            person,
            forms: Vec::new(),
            listed: Vec::new(),
            others: 0,
            files: 0,
            messages: 0,
            mails: 0,
            consents: 0,
            subscriptions: 0,
            passes: 0,
            damaged: false,
            state: String::new(),
            has_room: true,
        }
    }
}

/// Refuses whoever may erase nobody.
///
/// # Errors
/// [`ServiceError::NotFound`], [`ServiceError::Forbidden`].
pub fn check(ctx: &Context) -> Result<(), ServiceError> {
    ctx.act(Action::ErasePerson, &Resource::Subject).map(drop)
}

/// What is held under an address. The trail says that there was a search and whom it found, never for what.
///
/// # Errors
/// [`ServiceError::Invalid`] for something that is not an address; as [`check`].
pub async fn by_email(app: &Arc<App>, ctx: &Context, email: &SensitiveString) -> Result<Option<Held>, ServiceError> {
    check(ctx)?;
    let email = EmailAddress::parse(email.expose()).map_err(|_| {
        ServiceError::Invalid(vec![Problem::in_field("email", "bad-email", "This is not an e-mail address.")])
    })?;
    let vault = Arc::clone(&app.vault);
    let found = blocking(move || vault.find_person(&email)).await?;
    look(app, ctx, found).await
}

/// What is held about a person.
///
/// # Errors
/// [`ServiceError::NotFound`] when there is nobody of this name; as [`check`].
pub async fn of_person(app: &Arc<App>, ctx: &Context, id: PersonId) -> Result<Held, ServiceError> {
    check(ctx)?;
    look(app, ctx, Some(id)).await?.ok_or(ServiceError::NotFound)
}

/// What a single submission is.
///
/// # Errors
/// [`ServiceError::NotFound`], [`ServiceError::Forbidden`].
pub async fn of_record(app: &Arc<App>, ctx: &Context, id: RecordId) -> Result<HeldRecord, ServiceError> {
    let (located, _) = review::locate(app, ctx, id, Action::EraseRecord).await?;
    let act = ctx.act(Action::FindSubject, &Resource::Subject)?;
    let (vault, person) = (Arc::clone(&app.vault), located.summary.subject);
    let few = blocking(move || vault.newest_records_of(&person, None, 2)).await??;
    let form = review::form_of(app, &located)?;
    app.vault.record_search(act, &[person]).await?;
    Ok(HeldRecord {
        title: form.title.clone(),
        is_only: few.len() == 1,
        state: format!("{}-{:?}", located.summary.messages, located.summary.files),
        has_room: has_room(app, ctx, &person).await?,
        summary: located.summary,
    })
}

/// Counts, once the search is in the trail.
async fn look(app: &Arc<App>, ctx: &Context, found: Option<PersonId>) -> Result<Option<Held>, ServiceError> {
    let (worker, context) = (Arc::clone(app), ctx.clone());
    let mut held = blocking(move || found.map_or(Ok(None), |person| count(&worker, &context, person))).await??;
    loop {
        let act = ctx.act(Action::FindSubject, &Resource::Subject)?;
        let people: Vec<PersonId> = held.iter().map(|held| held.person).collect();
        match app.vault.record_search(act, &people).await {
            // Erased in this moment: then nobody was found.
            Err(VaultError::Missing) if held.is_some() => held = None,
            done => break done?,
        }
    }
    if let Some(held) = &mut held {
        held.has_room = has_room(app, ctx, &held.person).await?;
    }
    Ok(held)
}

fn count(app: &App, ctx: &Context, person: PersonId) -> Result<Option<Held>, ServiceError> {
    let located = match app.vault.records_of(&person) {
        Err(VaultError::Missing) => return Ok(None),
        Err(VaultError::Tampered) => {
            tracing::error!(%person, "what is held about a person does not open; run `letterlock verify`");
            return Ok(Some(Held { damaged: true, ..Held::nothing(person) }));
        }
        other => other?,
    };
    let consents = match app.vault.count_consents(&person) {
        Err(VaultError::Missing) => return Ok(None),
        counted => counted.unwrap_or_default(),
    };
    let records: BTreeSet<RecordId> = located.iter().map(|one| one.summary.id).collect();
    let mails = app.vault.waiting_mails()?.iter().filter(|name| records.contains(&name.record)).count();
    let passes = records.iter().map(|record| guests::count(app, record)).sum();
    let sum = |of: fn(&Summary) -> u64| located.iter().map(|one| of(&one.summary)).sum();
    let (files, messages) = (sum(|one| one.files.unwrap_or(0).into()), sum(|one| one.messages.into()));
    let subscribed = |one: &&Located| matches!(one.summary.status, Status::Confirmed | Status::Unconfirmed);
    let subscriptions = located.iter().filter(subscribed).count();
    let newest = located.iter().map(Located::arrival).max().and_then(|arrival| review::cursor_at(app, arrival));
    let state = format!("{}-{files}-{messages}-{}", located.len(), newest.unwrap_or_default());
    let (listed, others): (Vec<_>, Vec<_>) = located.into_iter().partition(|one| review::may_list(app, ctx, one));
    let mut listed: Vec<Summary> = listed.into_iter().map(|one| review::line(app, ctx, one.summary)).collect();
    listed.sort_by_key(|one| std::cmp::Reverse(one.received));
    Ok(Some(Held {
        person,
        forms: by_form(app, &listed),
        listed,
        others: others.len(),
        files,
        messages,
        mails,
        consents,
        subscriptions,
        passes,
        damaged: false,
        state,
        has_room: true,
    }))
}

fn by_form(app: &App, listed: &[Summary]) -> Vec<OfForm> {
    let forms = app.forms();
    let mut out: BTreeMap<&FormId, OfForm> = BTreeMap::new();
    for Summary { form, received, .. } in listed {
        let title = || forms.get(form).map_or_else(|| form.to_string(), |form| form.title.clone());
        let of =
            out.entry(form).or_insert_with(|| OfForm { title: title(), count: 0, first: *received, last: *received });
        of.count += 1;
        (of.first, of.last) = (of.first.min(*received), of.last.max(*received));
    }
    out.into_values().collect()
}

async fn has_room(app: &Arc<App>, ctx: &Context, person: &PersonId) -> Result<bool, ServiceError> {
    let Actor::Staff { id, .. } = &ctx.actor else { return Ok(true) };
    remember(app).await?;
    Ok(app.alone.has_room(*id, person, app.clock.now()))
}
