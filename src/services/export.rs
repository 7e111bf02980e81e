//! Submissions leave the vault as a file: asked for by one, approved by another, made while it is downloaded.
//!
//! Nothing of it lies anywhere in between. Before any of it leaves, the trail says durably which submissions and files they
//! are, in entries of a few; what was erased, withdrawn or masked by then is not in it, and neither is anything once the account
//! that downloads may not export any more.

mod places;
mod run;

use std::sync::Arc;

use jiff::civil::Date;

use super::inbox::{self, Whose};
use super::review::{self, ListQuery};
use super::{App, Context, Problem, ServiceError, blocking, search};
use crate::base::ids::RecordId;
use crate::domain::export::{self as domain, Export, MOST_NAMED};
use crate::domain::form::{Form, FormId};
use crate::domain::submission::{Nature, Status};
use crate::domain::work::Label;
use crate::policy::{self, Action, Resource};
use crate::vault::{Filter, Located, VaultError};

pub use crate::domain::export::Format;
pub(super) use places::Places;
pub use places::{Progress, State};
pub use run::{Export as Run, ExportFile, Item, begin};

/// What somebody asks for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The form.
    pub form: FormId,
    /// What the file shall be.
    pub format: Format,
    /// One of the form's purposes.
    pub purpose: String,
    /// Only this status.
    pub status: Option<Status>,
    /// Only those of `me`, of `nobody`, of a login or a team.
    pub whose: Option<String>,
    /// Only those with this label.
    pub label: Option<Label>,
    /// Received on this day (UTC) or later.
    pub from: Option<Date>,
    /// Received on this day (UTC) or earlier.
    pub until: Option<Date>,
    /// Only these; empty for all that the rest lets through.
    pub records: Vec<RecordId>,
}

/// The forms whose submissions the actor may ask to export, in order.
pub fn exportable(app: &App, ctx: &Context) -> Vec<Arc<Form>> {
    app.forms().iter().filter(|form| check_form(ctx, form).is_ok()).cloned().collect()
}

/// Finds out what is asked for, and how many that are.
pub(super) async fn prepare(app: &Arc<App>, ctx: &Context, asked: Asked) -> Result<Export, ServiceError> {
    let form = app.forms().get(&asked.form).cloned().ok_or(ServiceError::NotFound)?;
    check_form(ctx, &form)?;
    check_purpose(ctx, &form, &asked.purpose)?;
    // So that nobody is asked to approve what would come out empty.
    if asked.format.has_files() && !review::may_with(ctx, Action::ReadFile, &form, Nature::Letter) {
        return Err(ServiceError::Forbidden);
    }
    let (since, before) = search::days(asked.from, asked.until)?;
    let mut records = asked.records;
    records.sort();
    records.dedup();
    if records.len() > MOST_NAMED {
        return Err(invalid("submissions", "too-many", &format!("At most {MOST_NAMED} are named one by one.")));
    }
    if asked.whose.as_ref().is_some_and(|whose| whose.len() > 80) {
        return Err(invalid("assignee", "bad-assignee", "This is no login and no team."));
    }
    let named = records.len();
    let mut wanted = Export {
        form: asked.form,
        format: asked.format,
        purpose: asked.purpose,
        status: asked.status,
        whose: asked.whose,
        label: asked.label,
        since,
        before,
        records,
        below: app.vault.counts().arrivals,
        count: 0,
        places: domain::Places::default(),
    };
    let places = find_places(app, ctx, &wanted).await?;
    let found = places.len();
    if found < named {
        let message = "Not all of these are submissions to this form that fit the rest.";
        return Err(invalid("submissions", "unknown", message));
    }
    if found == 0 {
        return Err(invalid("form", "nothing-there", "There is no such submission."));
    }
    wanted.count = check_number(found, wanted.format)?;
    // Each place is there once.
    wanted.places = domain::Places::new(&places).ok_or(ServiceError::Unavailable)?;
    Ok(wanted)
}

/// Refuses more than one export holds.
fn check_number(found: usize, format: Format) -> Result<u32, ServiceError> {
    let most = format.most();
    u32::try_from(found).ok().filter(|_| found <= most).ok_or_else(|| {
        let message =
            format!("Such an export holds up to {most} submissions. Please narrow it down, by days for example.");
        invalid("form", "too-many", &message)
    })
}

/// Those of the approved places where there is still what was wanted, and what the actor may export at this moment, newest first.
async fn places_of(app: &Arc<App>, ctx: &Context, wanted: &Export) -> Result<Vec<u64>, ServiceError> {
    let sieve = Sieve::of(app, ctx, wanted)?;
    let (worker, places) = (Arc::clone(app), wanted.places.clone());
    blocking(move || {
        let located = places.iter().map(|place| worker.vault.locate_by_arrival(place));
        sieve.places(&worker, located)
    })
    .await?
}

/// The places in the list of what is wanted and the actor may export at this moment, newest first; one more than an export holds at
/// most.
async fn find_places(app: &Arc<App>, ctx: &Context, wanted: &Export) -> Result<Vec<u64>, ServiceError> {
    let sieve = Sieve::of(app, ctx, wanted)?;
    if !wanted.records.is_empty() {
        let (worker, records) = (Arc::clone(app), wanted.records.clone());
        let mut places = blocking(move || {
            let located = records.iter().map(|id| worker.vault.locate(id));
            sieve.places(&worker, located)
        })
        .await??;
        places.sort_unstable_by_key(|place| std::cmp::Reverse(*place));
        return Ok(places);
    }
    let Some(filter) = sieve.filter.clone() else { return Ok(Vec::new()) };
    let later = || ServiceError::Later(std::time::Duration::from_secs(2));
    if !inbox::warm(app).await? {
        return Err(later());
    }
    let (worker, form, below, most) = (Arc::clone(app), wanted.form.clone(), wanted.below, Format::Csv.most() + 1);
    blocking(move || {
        let places = worker.vault.places(&form, &filter, Some(below), most).ok_or_else(later)?;
        let located = places.iter().map(|place| worker.vault.locate_by_arrival(*place));
        sieve.places(&worker, located)
    })
    .await?
}

/// What lets a submission through, for an actor at a moment.
#[derive(Clone)]
struct Sieve {
    ctx: Context,
    form: Arc<Form>,
    wanted: Arc<Export>,
    /// `None` when there can be none.
    filter: Option<Filter>,
}

impl Sieve {
    fn of(app: &App, ctx: &Context, wanted: &Export) -> Result<Self, ServiceError> {
        let form = app.forms().get(&wanted.form).cloned().ok_or(ServiceError::NotFound)?;
        check_form(ctx, &form)?;
        check_purpose(ctx, &form, &wanted.purpose)?;
        let query = ListQuery {
            status: wanted.status,
            whose: wanted.whose.as_deref().map(Whose::parse),
            label: wanted.label.clone(),
            ..ListQuery::default()
        };
        let filter = inbox::filter(app, ctx, &query)?;
        Ok(Self { ctx: ctx.clone(), form, wanted: Arc::new(wanted.clone()), filter })
    }

    fn lets_through(&self, app: &App, located: &Located) -> bool {
        let (summary, wanted) = (&located.summary, &self.wanted);
        summary.form == self.form.id
            && located.arrival() < wanted.below
            && wanted.since.is_none_or(|since| summary.received >= since)
            && wanted.before.is_none_or(|before| summary.received < before)
            && self.filter.as_ref().is_some_and(|filter| filter.fits(summary.status, &summary.work))
            && !matches!(summary.nature, Nature::Answer(_))
            && review::may_list(app, &self.ctx, located)
            && review::may_with(&self.ctx, Action::ReadSubmission, &self.form, summary.nature)
            && (!wanted.format.has_files() || review::may_with(&self.ctx, Action::ReadFile, &self.form, summary.nature))
    }

    fn places(
        &self,
        app: &App,
        located: impl Iterator<Item = Result<Located, VaultError>>,
    ) -> Result<Vec<u64>, ServiceError> {
        let mut places = Vec::new();
        for one in located {
            match one {
                Ok(located) if self.lets_through(app, &located) => places.push(located.arrival()),
                Ok(_) | Err(VaultError::Missing) => {}
                // One that is damaged must not keep the others in; `verify` names it.
                Err(VaultError::Tampered) => tracing::error!("a list row does not open; run `letterlock verify`"),
                Err(other) => return Err(other.into()),
            }
        }
        Ok(places)
    }
}

fn check_form(ctx: &Context, form: &Form) -> Result<(), ServiceError> {
    let actor = ctx.actor.at(&form.id);
    Ok(policy::decide(&actor, Action::ExportSubmissions, &Resource::of_form(form)).map(drop)?)
}

fn check_purpose(ctx: &Context, form: &Form, purpose: &str) -> Result<(), ServiceError> {
    let allowed = policy::allowed_purposes(&ctx.actor, &form.purposes);
    if allowed.iter().any(|one| one == purpose) { Ok(()) } else { Err(ServiceError::PurposeNeeded { allowed }) }
}

fn invalid(field: &str, code: &'static str, message: &str) -> ServiceError {
    ServiceError::Invalid(vec![Problem::in_field(field, code, message)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_export_holds_so_many() {
        for format in Format::ALL {
            assert_eq!(check_number(format.most(), format).unwrap() as usize, format.most());
            let refused = check_number(format.most() + 1, format);
            assert!(matches!(refused, Err(ServiceError::Invalid(problems)) if problems[0].code == "too-many"));
        }
    }
}
