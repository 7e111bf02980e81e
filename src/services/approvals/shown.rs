//! A request as it is shown.

use serde_json::{Value, json};

use super::{Approval, Matter, Stage, may, reading};
use crate::base::ids::{ApprovalId, StaffId};
use crate::domain::submission::Summary;
use crate::policy::Action;
use crate::services::export::Progress;
use crate::services::{App, Context, staff};

/// A request as those see it who may.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its id.
    pub id: ApprovalId,
    /// The request.
    pub request: Approval,
    /// How far it is now.
    pub stage: Stage,
    /// The login of whoever asked.
    pub asker: String,
    /// Of whoever approved or declined it.
    pub decider: Option<String>,
    /// The login of the account whose roles are to change.
    pub account: Option<String>,
    /// What the actor may do with it.
    pub may_approve: bool,
    /// Whether they may decline it, or take it back.
    pub may_decline: bool,
    /// Whether they may do it.
    pub may_use: bool,
    /// Of a reading under a legal basis that is not over: the submissions that the actor may list, newest first.
    pub submissions: Vec<Summary>,
    /// Whether it may be read by it now, by whoever asked.
    pub stands: bool,
    /// How far the download of an export is, or how far it came, since the service started.
    pub progress: Option<Progress>,
}

impl Shown {
    /// As the interface and the command line show it.
    pub fn to_json(&self) -> Value {
        let request = &self.request;
        let mut out = json!({
            "id": self.id, "kind": request.matter.as_str(), "stage": self.stage.as_str(), "reason": request.reason.expose(),
            "asked_by": self.asker, "asked": request.asked, "expires": request.expires, "decided_by": self.decider,
        });
        match &request.matter {
            Matter::Roles { from, to, .. } => {
                out["login"] = json!(self.account);
                out["roles_before"] = json!(from);
                out["roles"] = json!(to);
            }
            Matter::Erasure { people, count } => {
                out["subjects"] = json!(people);
                out["subject_count"] = json!(count);
            }
            Matter::Export(wanted) => {
                out["form"] = json!(wanted.form);
                out["format"] = json!(wanted.format.as_str());
                out["purpose"] = json!(wanted.purpose);
                out["status"] = json!(wanted.status);
                out["assignee"] = json!(wanted.whose);
                out["label"] = json!(wanted.label.as_ref().map(|label| label.expose()));
                out["from"] = json!(wanted.first_day().map(|day| day.to_string()));
                out["until"] = json!(wanted.last_day().map(|day| day.to_string()));
                out["submissions"] = json!(wanted.records);
                out["submission_count"] = json!(wanted.count);
                out["download"] = json!(self.progress.map(|progress| progress.to_json()));
            }
            Matter::LegalReading { person, basis, reference } => {
                out["subject"] = json!(person);
                out["basis"] = json!(basis.as_str());
                out["reference"] = json!(reference.expose());
                out["stands"] = json!(self.stands);
                out["submissions"] = json!(self.submissions.iter().map(|line| line.id).collect::<Vec<_>>());
            }
        }
        out
    }
}

pub(super) fn show(app: &App, ctx: &Context, id: ApprovalId, row: &Approval) -> Shown {
    let now = app.clock.now();
    // About somebody who is gone it is over, whether or not that was written yet.
    let held = match &row.matter {
        Matter::LegalReading { person: Some(person), .. } if row.stage_at(now).is_open() => {
            Some(reading::held(app, ctx, person))
        }
        _ => None,
    };
    let gone;
    let (row, submissions) = match held {
        Some(None) => {
            gone = row.at_stage(Stage::Expired, None, now);
            (&gone, Vec::new())
        }
        Some(Some(held)) => (row, held),
        None => (row, Vec::new()),
    };
    let stage = row.stage_at(now);
    let login = |id: StaffId| staff::name_of(app, id).map_or_else(|| id.to_string(), |(login, _)| login);
    let account = match &row.matter {
        Matter::Roles { account, .. } => Some(login(*account)),
        Matter::Erasure { .. } | Matter::Export(_) | Matter::LegalReading { .. } => None,
    };
    Shown {
        id,
        stage,
        asker: login(row.asker),
        decider: row.decider.map(login),
        account,
        may_approve: may_approve(app, ctx, row),
        may_decline: stage.is_open() && may(app, ctx, Action::DeclineApproval, row),
        may_use: stage == Stage::Approved && may(app, ctx, Action::UseApproval, row),
        progress: match &row.matter {
            Matter::Export(_) => app.exports.progress(id),
            Matter::Roles { .. } | Matter::Erasure { .. } | Matter::LegalReading { .. } => None,
        },
        stands: reading::stands(app, row),
        submissions,
        request: row.clone(),
    }
}

/// Whether it waits for the actor to approve it.
pub(super) fn may_approve(app: &App, ctx: &Context, row: &Approval) -> bool {
    row.stage_at(app.clock.now()) == Stage::Asked && may(app, ctx, Action::Approve, row)
}
