//! Staff look through submissions for words.
//!
//! What is looked for goes nowhere: not into the trail, not into a log, not into a cursor. The trail says that a search began, by
//! what and for what purpose, before anything is opened; and what it handed out, before it is handed out.

mod places;
mod sieve;

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use tokio::time::Instant;

use super::review::{Item, cursor_at, item, page_limit, place_of};
use super::{App, Context, Problem, ServiceError, blocking, reading};
use crate::base::clock::Timestamp;
use crate::base::sensitive::SensitiveString;
use crate::domain::form::{Form, FormId};
use crate::domain::search::Words;
use crate::domain::submission::{Fields, Status, Summary};
use crate::policy::{self, Action, Resource};
use crate::vault::{self, Located, SearchedBy, VaultError};

use places::Place;
pub(super) use places::Places;
use sieve::{Filter, Scope, Sieve};

/// How long a search for one page goes on, about; it says how to go on from there.
pub const PAGE_TIME: Duration = Duration::from_millis(2500);
/// How long a search goes on that tells what it finds as it comes.
pub const STREAM_TIME: Duration = Duration::from_secs(60);
/// How often such a search tells.
const EVERY: Duration = Duration::from_millis(250);

/// What to look for.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Words, all of which have to be there; empty for any submission.
    pub words: SensitiveString,
    /// Only this form.
    pub form: Option<FormId>,
    /// Only this status.
    pub status: Option<Status>,
    /// Received on this day (UTC) or later.
    pub from: Option<Date>,
    /// Received on this day (UTC) or earlier.
    pub until: Option<Date>,
    /// What it is for: looks through the forms that know one of these purposes.
    pub purposes: Vec<String>,
    /// Go on after this cursor.
    pub after: Option<String>,
    /// At most so many hits: 1 to 200, default 50.
    pub limit: Option<u32>,
}

/// Where in a submission the words stand; empty for a search without words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matched {
    /// Names of the fields.
    pub fields: Vec<String>,
    /// In the name of a file.
    pub files: bool,
    /// In the conversation.
    pub messages: bool,
}

/// A submission that was found.
#[derive(Clone, Debug)]
pub struct Hit {
    /// Its line.
    pub summary: Summary,
    /// The form's summary fields, as far as the actor is shown them.
    pub fields: Fields,
    /// The names of those that they are not shown.
    pub masked: Vec<String>,
    /// Where.
    pub matched: Matched,
    /// For which of the purposes it was found.
    pub purpose: String,
}

/// What a search has come to.
#[derive(Clone, Debug)]
pub struct Found {
    /// Newest first. Those since the last time, where a search tells more than once.
    pub hits: Vec<Hit>,
    /// How many submissions were looked through since it began or went on.
    pub looked: u64,
    /// How far through everything it is, in whole percent. Others' submissions count in it.
    pub percent: u8,
    /// Where to go on from here; `None` at the end.
    pub next: Option<String>,
    /// Nothing more is told.
    pub is_last: bool,
}

/// A search under way. Dropped, it ends.
pub struct Search {
    app: Arc<App>,
    ctx: Context,
    scope: Arc<Scope>,
    purposes: Vec<String>,
    by: SearchedBy,
    inner: vault::Search<Matched>,
    /// Found, and not handed out.
    waiting: Vec<vault::Hit<Matched>>,
    /// How many more may be found.
    room: usize,
    looked: u64,
    /// It goes on below this arrival number.
    below: u64,
    until: Instant,
    /// When hits are to be told of next; `None` when all are told of at the end.
    tell: Option<Instant>,
    has_told: bool,
    state: State,
    _place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing has been looked through yet.
    Begun,
    Running,
    /// Enough was found, or the time is up.
    Paused,
    /// All has been looked through.
    Ended,
    /// And all was told.
    Told,
}

/// Looks through what the actor may read until enough is found, the time is up or nothing is left.
///
/// # Errors
/// [`ServiceError::Invalid`] for words, days, a cursor or a limit that are none; [`ServiceError::PurposeNeeded`];
/// [`ServiceError::NotFound`] for a form that does not exist or that the actor may not search, and for an actor with nothing to
/// search at all; [`ServiceError::Later`] when too many searches are under way.
pub async fn page(app: &Arc<App>, ctx: &Context, query: Query) -> Result<Found, ServiceError> {
    let mut search = begin(app, ctx, query, PAGE_TIME).await?;
    search.tell = None;
    search.next().await?.ok_or(ServiceError::Internal)
}

/// Begins a search that tells what it finds as it comes.
///
/// # Errors
/// As [`page`].
pub async fn begin(app: &Arc<App>, ctx: &Context, query: Query, time: Duration) -> Result<Search, ServiceError> {
    let Query { words, form, status, from, until, purposes, after, limit } = query;
    let words = Words::parse(words.expose()).map_err(|problem| ServiceError::Invalid(vec![problem]))?;
    let (since, before) = days(from, until)?;
    let room = page_limit(limit)? as usize;
    let before_arrival = after.as_deref().map(|after| place_of(app, after)).transpose()?;
    let scope = Arc::new(scope_of(app, ctx, form.as_ref(), &purposes)?);
    let by = if words.is_empty() { SearchedBy::Filters } else { SearchedBy::Words };
    let place = app.searches.take(&ctx.actor).await?;

    let form = scope.first().ok_or(ServiceError::NotFound)?;
    let act = ctx.act(Action::SearchSubmissions, &Resource::of_form(form))?;
    let grant = app.vault.grant_search(act, by, &purposes).await?;
    let sieve = Sieve { scope: Arc::clone(&scope), filter: Filter { words, status, since, before } };
    let inner = app.vault.search(grant, before_arrival, sieve)?;
    let now = Instant::now();
    Ok(Search {
        app: Arc::clone(app),
        ctx: ctx.clone(),
        scope,
        purposes,
        by,
        below: inner.begin(),
        inner,
        waiting: Vec::new(),
        room,
        looked: 0,
        until: now + time,
        tell: Some(now),
        has_told: false,
        state: State::Begun,
        _place: place,
    })
}

impl Search {
    /// What it has come to: as soon as there is a hit to tell of, now and then without, and at the end. `None` after that.
    ///
    /// # Errors
    /// [`ServiceError::Unavailable`], [`ServiceError::StorageFull`]: what was found is not told then.
    pub async fn next(&mut self) -> Result<Option<Found>, ServiceError> {
        if self.state == State::Told {
            return Ok(None);
        }
        self.look().await?;
        let is_over = matches!(self.state, State::Paused | State::Ended);
        let waiting = std::mem::take(&mut self.waiting);
        // The trail says of each search what it came to, if only that it found nothing.
        let hits = if waiting.is_empty() && (self.has_told || !is_over) {
            Vec::new()
        } else {
            self.has_told = true;
            self.hand_out(waiting).await?
        };
        let next = if self.state == State::Ended { None } else { cursor_at(&self.app, self.below) };
        if is_over {
            self.state = State::Told;
        }
        self.tell = self.tell.map(|_| Instant::now() + EVERY);
        Ok(Some(Found { hits, looked: self.looked, percent: self.inner.percent(self.below), next, is_last: is_over }))
    }

    /// Goes on until it is time to tell.
    async fn look(&mut self) -> Result<(), ServiceError> {
        loop {
            let piece = match self.state {
                // However slow the machine is, each request gets a little further.
                State::Begun => self.inner.next().await,
                State::Running => {
                    let wake = self.tell.map_or(self.until, |tell| tell.min(self.until));
                    let in_time = Instant::now() < wake;
                    let piece =
                        if in_time { tokio::time::timeout_at(wake, self.inner.next()).await.ok() } else { None };
                    let Some(piece) = piece else {
                        if Instant::now() >= self.until {
                            self.state = State::Paused;
                        }
                        return Ok(());
                    };
                    piece
                }
                State::Paused | State::Ended | State::Told => return Ok(()),
            };
            match piece {
                Some(piece) => self.take(piece?),
                None => (self.state, self.below) = (State::Ended, 0),
            }
        }
    }

    fn take(&mut self, piece: vault::Piece<Matched>) {
        let most = self.room;
        (self.looked, self.below) = match piece.hits.get(most.saturating_sub(1)) {
            // The rest of it comes again with what is asked for next.
            Some(last) if piece.hits.len() > most => (self.looked + last.looked, last.arrival),
            _ => (self.looked + piece.looked, piece.below),
        };
        self.room -= piece.hits.len().min(most);
        self.waiting.extend(piece.hits.into_iter().take(most));
        self.state = match (self.below, self.room) {
            (0, _) => State::Ended,
            (_, 0) => State::Paused,
            _ => State::Running,
        };
    }

    /// Opens what was found, once the audit entry that names it is durable.
    async fn hand_out(&self, hits: Vec<vault::Hit<Matched>>) -> Result<Vec<Hit>, ServiceError> {
        reading::lines(&self.app, &self.ctx, hits.len()).await?;
        let form = self.scope.first().ok_or(ServiceError::Internal)?;
        loop {
            let found = self.locate(&hits).await?;
            let (located, matched): (Vec<Located>, Vec<Matched>) = found.into_iter().unzip();
            let act = self.ctx.act(Action::SearchSubmissions, &Resource::of_form(form))?;
            let purpose_of = |located: &Located| self.scope.purpose_of(&located.summary.form).to_owned();
            let purpose_of: Vec<String> = located.iter().map(purpose_of).collect();
            let granted = self.app.vault.grant_found(act, self.by, &self.purposes, &located, &purpose_of).await;
            let grants = match granted {
                // One of them was erased since: it is not there the next time.
                Err(VaultError::Missing) if !located.is_empty() => continue,
                other => other?,
            };
            let (worker, scope) = (Arc::clone(&self.app), Arc::clone(&self.scope));
            return blocking(move || {
                let mut out = Vec::with_capacity(located.len());
                for ((grant, located), matched) in grants.into_iter().zip(located).zip(matched) {
                    let content = match worker.vault.open_content(grant, &located) {
                        Ok(content) => content,
                        Err(VaultError::Missing | VaultError::Tampered) => continue,
                        Err(other) => return Err(ServiceError::from(other)),
                    };
                    let Some(form) = scope.form_of(&located.summary) else { continue };
                    let purpose = scope.purpose_of(&form.id).to_owned();
                    let Item { summary, fields, masked } = item(&scope.sight(form), form, located.summary, content);
                    out.push(Hit { summary, fields: fields.unwrap_or_default(), masked, matched, purpose });
                }
                Ok(out)
            })
            .await?;
        }
    }

    /// What of the hits is still there, and what leads to it.
    async fn locate(&self, hits: &[vault::Hit<Matched>]) -> Result<Vec<(Located, Matched)>, ServiceError> {
        let wanted: Vec<_> = hits.iter().map(|hit| (hit.record, hit.found.clone())).collect();
        let (worker, scope) = (Arc::clone(&self.app), Arc::clone(&self.scope));
        blocking(move || {
            let mut found = Vec::with_capacity(wanted.len());
            for (record, matched) in wanted {
                match worker.vault.locate(&record) {
                    Ok(located) if scope.form_of(&located.summary).is_some() => found.push((located, matched)),
                    Ok(_) | Err(VaultError::Missing | VaultError::Tampered) => {}
                    Err(other) => return Err(ServiceError::from(other)),
                }
            }
            Ok(found)
        })
        .await?
    }
}

/// The forms that the actor may search, in order.
pub fn searchable(app: &App, ctx: &Context) -> Vec<Arc<Form>> {
    app.forms().iter().filter(|form| may_search(ctx, form)).cloned().collect()
}

/// What the actor may search for, in all forms together, by name.
pub fn purposes(app: &App, ctx: &Context) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for form in searchable(app, ctx) {
        for purpose in policy::allowed_purposes(&ctx.actor, &form.purposes) {
            if !all.contains(&purpose) {
                all.push(purpose);
            }
        }
    }
    all.sort();
    all
}

/// Searches under way.
pub fn running(app: &App) -> usize {
    app.searches.taken()
}

fn may_search(ctx: &Context, form: &Form) -> bool {
    policy::decide(&ctx.actor, Action::SearchSubmissions, &Resource::of_form(form)).is_ok()
}

/// The forms that know one of the purposes; there is one at least. A purpose that none of the actor's forms knows is refused.
fn scope_of(app: &App, ctx: &Context, form: Option<&FormId>, named: &[String]) -> Result<Scope, ServiceError> {
    let everywhere = purposes(app, ctx);
    let allowed = match form {
        Some(form) => {
            // A form that the actor may not search is as good as none.
            let form = app.forms().get(form).cloned().ok_or(ServiceError::NotFound)?;
            let _ = ctx.act(Action::SearchSubmissions, &Resource::of_form(&form))?;
            policy::allowed_purposes(&ctx.actor, &form.purposes)
        }
        None => {
            if searchable(app, ctx).is_empty() {
                return Err(ServiceError::NotFound);
            }
            everywhere.clone()
        }
    };
    let good = named.iter().all(|purpose| everywhere.contains(purpose)) && named.iter().any(|p| allowed.contains(p));
    if good { Ok(Scope::of(app, ctx, form, named)) } else { Err(ServiceError::PurposeNeeded { allowed }) }
}

/// From the first moment of one day to the last of another.
pub(super) fn days(
    from: Option<Date>,
    until: Option<Date>,
) -> Result<(Option<Timestamp>, Option<Timestamp>), ServiceError> {
    let problem =
        |field, code, message: &'static str| ServiceError::Invalid(vec![Problem::in_field(field, code, message)]);
    if from.zip(until).is_some_and(|(from, until)| from > until) {
        return Err(problem("until", "before-from", "The last day is before the first."));
    }
    let since = match from {
        None => None,
        Some(day) => Some(Timestamp::start_of(day).ok_or_else(|| problem("from", "bad-date", "No such day."))?),
    };
    // Nothing is received after the last day of the calendar.
    let before = until.and_then(|day| day.tomorrow().ok()).and_then(Timestamp::start_of);
    Ok((since, before))
}
