//! The inbox: which submissions of a form there are, by status, assignee, label and whether one has seen them; and how many.

use std::sync::Arc;

use super::review::{self, ListQuery};
use super::{App, Context, ServiceError, blocking, staff};
use crate::base::ids::StaffId;
use crate::domain::form::{Form, FormId};
use crate::domain::work::Assignee;
use crate::policy::Actor;
pub use crate::vault::Tally;
use crate::vault::{Filter, Listed, Located, VaultError};

/// Submissions looked at for one page, at most: a filter that few match gives short pages and a cursor.
const MAX_VISITED: usize = 20_000;
/// Up to so many submissions are gone through while somebody waits; more in the background.
const AT_ONCE: u64 = 2_000;

/// Whose submissions are wanted, as somebody says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// One's own, and those of teams that one belongs to.
    Mine,
    /// Those that are nobody's.
    Nobodys,
    /// Those of this login, or of `team:` and the name of a team.
    Named(String),
}

impl Whose {
    /// `me`, `nobody`, or a name.
    pub fn parse(text: &str) -> Self {
        match text {
            "me" => Self::Mine,
            "nobody" => Self::Nobodys,
            name => Self::Named(name.to_owned()),
        }
    }
}

/// Whom these words stand for; `None` for a name that there is not.
pub(super) fn assignees(app: &App, ctx: &Context, whose: &Whose) -> Result<Option<Vec<Assignee>>, ServiceError> {
    Ok(match whose {
        Whose::Nobodys => Some(Vec::new()),
        // With no account of one's own there is nothing that could be one's own.
        Whose::Mine => Some(mine(app, ctx)).filter(|mine| !mine.is_empty()),
        Whose::Named(name) => match name.strip_prefix("team:") {
            Some(team) => team.parse().ok().map(|team| vec![Assignee::Team(team)]),
            None => staff::account_of(app, name)?.map(|id| vec![Assignee::Account(id)]),
        },
    })
}

/// The actor's account and teams.
fn mine(app: &App, ctx: &Context) -> Vec<Assignee> {
    let Actor::Staff { id, login, .. } = &ctx.actor else { return Vec::new() };
    let teams = app.teams().iter().filter(|(_, members)| members.iter().any(|member| member.as_str() == login));
    let teams = teams.map(|(name, _)| Assignee::Team(name.clone()));
    std::iter::once(Assignee::Account(*id)).chain(teams).collect()
}

/// How many submissions there are of each of these forms, in their order; `None` while they are still being gone through.
///
/// # Errors
/// [`ServiceError::NotFound`] when the actor may not list one of them; [`ServiceError::Internal`].
pub async fn tallies(app: &Arc<App>, ctx: &Context, forms: &[Arc<Form>]) -> Result<Option<Vec<Tally>>, ServiceError> {
    if forms.iter().any(|form| !review::lists(ctx, form)) {
        return Err(ServiceError::NotFound);
    }
    if !warm(app).await? {
        return Ok(None);
    }
    let account: Option<StaffId> = match &ctx.actor {
        Actor::Staff { id, .. } => Some(*id),
        _ => None,
    };
    let (vault, mine) = (Arc::clone(&app.vault), mine(app, ctx));
    let forms: Vec<FormId> = forms.iter().map(|form| form.id.clone()).collect();
    blocking(move || forms.iter().map(|form| vault.tally(form, account, &mine)).collect()).await
}

/// Begins to go through the list, in the background, so that whoever looks first need not wait.
pub fn begin(app: &Arc<App>) {
    let vault = Arc::clone(&app.vault);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = vault.warm_up() {
            tracing::error!(%error, "the list could not be gone through");
        }
    });
}

/// Sees to it that lists are filtered from memory, and says whether they are by now.
pub(super) async fn warm(app: &Arc<App>) -> Result<bool, ServiceError> {
    if app.vault.is_warm() {
        return Ok(true);
    }
    let (vault, few) = (Arc::clone(&app.vault), app.vault.counts().arrivals <= AT_ONCE);
    if few {
        blocking(move || vault.warm_up()).await??;
    } else {
        begin(app);
    }
    Ok(app.vault.is_warm())
}

/// What the vault is asked for; `None` when there can be none of them.
pub(super) fn filter(app: &App, ctx: &Context, query: &ListQuery) -> Result<Option<Filter>, ServiceError> {
    let assignees = match &query.whose {
        None => None,
        Some(whose) => match assignees(app, ctx, whose)? {
            None => return Ok(None),
            known => known,
        },
    };
    let seen = match (query.seen, &ctx.actor) {
        (None, _) => None,
        (Some(seen), Actor::Staff { id, .. }) => Some((*id, seen)),
        (Some(_), _) => return Ok(None),
    };
    Ok(Some(Filter { status: query.status, assignees, label: query.label.clone(), seen }))
}

/// What a page holds, and the arrival number below which the next one goes on.
pub(super) fn collect(
    app: &App,
    ctx: &Context,
    form: Option<&FormId>,
    filter: &Filter,
    before: Option<u64>,
    limit: usize,
) -> Result<(Vec<Listed>, Option<u64>), ServiceError> {
    let wanted = |located: &Located| {
        let summary = &located.summary;
        form.is_none_or(|form| *form == summary.form)
            && filter.fits(summary.status, &summary.work)
            && review::may_list(app, ctx, located)
    };
    // One more than the page holds says whether there is another.
    if let Some(places) = form.and_then(|form| app.vault.places(form, filter, before, limit + 1)) {
        let mut found = Vec::new();
        for arrival in places.iter().copied().take(limit) {
            match app.vault.locate_by_arrival(arrival) {
                Ok(located) if wanted(&located) => found.push(Listed { arrival, located }),
                // It has changed since, or is gone.
                Ok(_) | Err(VaultError::Missing) => {}
                // One damaged row must not close the list for everybody; `verify` names it.
                Err(VaultError::Tampered) => tracing::error!("a list row does not open; run `letterlock verify`"),
                Err(other) => return Err(other.into()),
            }
        }
        let next = if places.len() > limit { places.get(limit - 1).copied() } else { None };
        return Ok((found, next));
    }
    let mut found: Vec<Listed> = Vec::new();
    let mut next = None;
    let mut visited = 0;
    app.vault.walk_list(before, |listed| {
        let wanted = wanted(&listed.located);
        visited += 1;
        if wanted && found.len() == limit {
            next = found.last().map(|last| last.arrival);
        } else if visited == MAX_VISITED {
            next = Some(listed.arrival);
        }
        if wanted && found.len() < limit {
            found.push(listed);
        }
        next.is_none()
    })?;
    Ok((found, next))
}
