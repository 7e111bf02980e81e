//! Staff settle whose a submission is, label it, and write notes about it for each other.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{App, Context, Problem, ServiceError, converse, review, sign_in, staff};
use crate::base::ids::{RecordId, StaffId};
use crate::domain::form::Form;
use crate::domain::message::MessageText;
use crate::domain::staff::Login;
use crate::domain::submission::{Nature, Status, Summary};
use crate::domain::work::{Assignee, Label, Note, TeamName, labels};
use crate::policy::{self, Action, Actor, Resource};
pub use crate::vault::LabelChange;
use crate::vault::WorkChange;

/// The teams of the configuration: names with the logins of members.
pub type Teams = BTreeMap<TeamName, Vec<Login>>;

/// Begins the name of a team where a login could stand as well; no login holds a colon.
const TEAM: &str = "team:";

/// A change of how the work on a submission stands; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// How far the work is.
    pub status: Option<Status>,
    /// Whose it is: a login, `team:` and the name of a team, or empty for nobody.
    pub assignee: Option<String>,
    /// Its labels.
    pub labels: Option<LabelChange>,
    /// Whether the actor's own account has seen it.
    pub seen: Option<bool>,
}

/// Changes how the work on a submission stands: all of it, or nothing. Each part is in the audit trail by itself. Returns the
/// new line.
///
/// # Errors
/// [`ServiceError::Invalid`] for a status or label that the form does not use, an assignee who does not read the form, too many
/// labels, or a change of nothing; [`ServiceError::NotFound`]; [`ServiceError::Forbidden`].
pub async fn change(app: &Arc<App>, ctx: &Context, id: RecordId, change: Change) -> Result<Summary, ServiceError> {
    let Change { status, assignee, labels, seen } = change;
    let wanted = [
        (Action::SetStatus, status.is_some()),
        (Action::Assign, assignee.is_some()),
        (Action::SetLabels, labels.is_some()),
        (Action::MarkSeen, seen.is_some()),
    ];
    let mut actions = wanted.into_iter().filter_map(|(action, wanted)| wanted.then_some(action));
    let first = actions.next().ok_or_else(|| {
        ServiceError::Invalid(vec![Problem::overall(
            "nothing",
            "Say what is to be changed: status, assignee, labels or seen.",
        )])
    })?;
    let (located, permit) = review::locate(app, ctx, id, first).await?;
    let form = review::form_of(app, &located)?;
    let resource = Resource::of_submission(&form, located.summary.nature);
    let mut acts = vec![ctx.act_on(permit)?];
    for action in actions {
        acts.push(ctx.at(&form.id).act(action, &resource)?);
    }
    if let Some(status) = status {
        review::check_status(&form, status)?;
    }
    let assignee = match assignee {
        Some(name) => Some(parse_assignee(app, &form, &name)?),
        None => None,
    };
    let labels = labels.map(|labels| check_labels(&form, labels)).transpose()?;
    let seen = match (seen, &ctx.actor) {
        (Some(seen), Actor::Staff { id, .. }) => Some((*id, seen)),
        // The owner of the machine has no account that could have seen anything.
        (Some(_), _) => return Err(ServiceError::Forbidden),
        (None, _) => None,
    };
    let change = WorkChange { status, assignee, labels, seen };
    let (status, work) = app.vault.change_work(acts, id, change, app.clock.now()).await?;
    Ok(review::line(app, ctx, Summary { status, work, ..located.summary }))
}

/// Most submissions that are changed at once.
pub const MOST_AT_ONCE: usize = 100;

/// Changes how the work on several submissions stands: each of them as [`change`] does, or not at all. Returns what became of
/// each, in order.
///
/// # Errors
/// [`ServiceError::Invalid`] for none, and for more than [`MOST_AT_ONCE`].
pub async fn change_several(
    app: &Arc<App>,
    ctx: &Context,
    ids: &[RecordId],
    wanted: &Change,
) -> Result<Vec<(RecordId, Result<Summary, ServiceError>)>, ServiceError> {
    check_several(app, ctx, ids)?;
    let mut once: Vec<RecordId> = Vec::new();
    for id in ids {
        if !once.contains(id) {
            once.push(*id);
        }
    }
    // Together, so that they share commits.
    let changes = once.iter().map(|id| change(app, ctx, *id, wanted.clone()));
    let outcomes = futures_util::future::join_all(changes).await;
    Ok(once.into_iter().zip(outcomes).collect())
}

/// Takes back a change of status of several submissions, where it is the last and not older than ten minutes. Returns what
/// became of each, in order.
///
/// # Errors
/// As [`change_several`].
pub async fn undo_several(
    app: &Arc<App>,
    ctx: &Context,
    ids: &[RecordId],
) -> Result<Vec<(RecordId, Result<Summary, ServiceError>)>, ServiceError> {
    check_several(app, ctx, ids)?;
    let now = app.clock.now();
    let undone = ids.iter().map(|id| async move {
        let outcome = async {
            let (located, _) = review::locate(app, ctx, *id, Action::SetStatus).await?;
            let former = located.summary.work.undo(located.summary.status, now).ok_or_else(|| {
                let message = "The status has changed since, or that was too long ago.";
                ServiceError::Invalid(vec![Problem::in_field("status", "too-late", message)])
            })?;
            change(app, ctx, *id, Change { status: Some(former), ..Change::default() }).await
        };
        (*id, outcome.await)
    });
    Ok(futures_util::future::join_all(undone).await)
}

/// Writes a note on a submission, for those who read it. Returns its number, from 0.
///
/// # Errors
/// [`ServiceError::Invalid`] for an empty or overlong text; [`ServiceError::NotFound`]; storage errors.
pub async fn note(app: &Arc<App>, ctx: &Context, id: RecordId, text: &str) -> Result<u32, ServiceError> {
    let (_, permit) = review::locate(app, ctx, id, Action::WriteNote).await?;
    let text = converse::needed(MessageText::parse(text))?;
    let role = permit.role().ok_or(ServiceError::Forbidden)?;
    let login = match permit.actor() {
        Actor::Staff { login, .. } => Some(login.clone()),
        _ => None,
    };
    let note = Note { at: app.clock.now(), role, login, text };
    Ok(app.vault.add_note(ctx.act_on(permit)?, id, note).await?)
}

/// Releases note `number` to the person's own copy of what is held about them, or withholds it again.
///
/// # Errors
/// [`ServiceError::NotFound`] also for a note that is not there; [`ServiceError::Forbidden`].
pub async fn disclose(
    app: &Arc<App>,
    ctx: &Context,
    id: RecordId,
    number: u32,
    disclosed: bool,
) -> Result<(), ServiceError> {
    let (_, permit) = review::locate(app, ctx, id, Action::DiscloseNote).await?;
    Ok(app.vault.disclose_note(ctx.act_on(permit)?, id, number, disclosed).await?)
}

fn check_several(app: &App, ctx: &Context, ids: &[RecordId]) -> Result<(), ServiceError> {
    // To whoever lists nothing, none of them is there.
    if !app.forms().iter().any(|form| review::lists(ctx, form)) {
        return Err(ServiceError::NotFound);
    }
    if (1..=MOST_AT_ONCE).contains(&ids.len()) {
        return Ok(());
    }
    let message = format!("Between 1 and {MOST_AT_ONCE} submissions are changed at once.");
    Err(ServiceError::Invalid(vec![Problem::in_field("ids", "out-of-range", message)]))
}

/// Who can be given submissions by a form: logins of accounts that read it, then the teams that somebody of does.
///
/// # Errors
/// [`ServiceError::Internal`].
pub fn candidates(app: &App, form: &Form) -> Result<Vec<String>, ServiceError> {
    let people = staff::people(app)?.into_iter().filter(|(id, _)| reads(app, *id, form));
    let mut out: Vec<String> = people.map(|(_, login)| login).collect();
    let teams = app
        .teams()
        .iter()
        .filter(|(_, members)| members.iter().any(|login| out.iter().any(|one| one == login.as_str())));
    let teams: Vec<String> = teams.map(|(name, _)| format!("{TEAM}{}", name.as_str())).collect();
    out.extend(teams);
    Ok(out)
}

/// The name of an assignee as [`Change`] takes it; for an account that is gone, its id.
pub fn name_of(app: &App, assignee: &Assignee) -> String {
    match assignee {
        Assignee::Account(id) => staff::name_of(app, *id).map_or_else(|| id.to_string(), |(login, _)| login),
        Assignee::Team(name) => format!("{TEAM}{}", name.as_str()),
    }
}

/// Whom a name stands for, among those who read a form; `None` for nobody.
pub(super) fn parse_assignee(app: &App, form: &Form, name: &str) -> Result<Option<Assignee>, ServiceError> {
    let bad = || {
        let message = "Nobody of this name reads this form.";
        ServiceError::Invalid(vec![Problem::in_field("assignee", "bad-assignee", message)])
    };
    if name.is_empty() {
        return Ok(None);
    }
    // A name that is there, but not for this form, gets the answer of one that is not.
    if !candidates(app, form)?.iter().any(|known| known == name) {
        return Err(bad());
    }
    if let Some(team) = name.strip_prefix(TEAM) {
        return Ok(Some(Assignee::Team(team.parse().map_err(|_| bad())?)));
    }
    let login: Login = name.parse().map_err(|_| bad())?;
    Ok(Some(Assignee::Account(staff::find_active(app, &login)?.ok_or_else(bad)?)))
}

/// Whether an account may read what comes by a form, from where it reads.
pub(super) fn reads(app: &App, account: StaffId, form: &Form) -> bool {
    let resource = Resource::of_submission(form, Nature::Letter);
    let region = form.region.clone().unwrap_or_else(|| app.region.to_string());
    let may =
        |actor: Actor| actor.reaches(&region) && policy::decide(&actor, Action::ReadSubmission, &resource).is_ok();
    sign_in::person(app, account).is_some_and(may)
}

/// Labels as they may be set on what came by a form.
fn check_labels(form: &Form, change: LabelChange) -> Result<LabelChange, ServiceError> {
    let invalid = |problem: Problem| ServiceError::Invalid(vec![problem]);
    let all = form.known_labels();
    let known = |label: &Label| match all.is_empty() {
        true => Ok(label.clone()),
        false => all.iter().find(|known| known.is(label)).cloned().ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(Label::expose).collect();
            let message = format!("Submissions to this form can be labelled: {}.", names.join(", "));
            invalid(Problem::in_field("labels", "bad-label", message))
        }),
    };
    match change {
        LabelChange::Set(wanted) => {
            let wanted = wanted.iter().map(known).collect::<Result<Vec<_>, _>>()?;
            Ok(LabelChange::Set(labels(wanted).map_err(invalid)?))
        }
        LabelChange::Edit { add, remove } => {
            let add = add.iter().map(known).collect::<Result<Vec<_>, _>>()?;
            Ok(LabelChange::Edit { add: labels(add).map_err(invalid)?, remove })
        }
    }
}
