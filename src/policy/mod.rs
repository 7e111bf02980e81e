//! Who may do what: actor × action × resource, decided in one place. Pure.
//!
//! [`decide`] is the only way to a [`Permit`], and nothing is read, changed or erased without one. What is not
//! allowed by name in `rules` is denied. `docs/roles.md` is the whole table, generated from these rules.

mod actor;
pub mod custom;
mod reach;
mod rules;
mod scope;
mod sight;
pub mod table;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::base::ids::StaffId;
use crate::domain::form::{Form, FormKind};
pub use crate::domain::form::{LEGAL_BASIS, SUBJECT_REQUEST};
pub use crate::domain::staff::Role;
use crate::domain::submission::Nature;
pub use actor::Actor;
pub use custom::{BadCustomRole, CustomRoles};
pub use reach::{Reach, Safeguards, Transfer};
pub use scope::Scope;
pub use sight::{Sight, guest_sight, sight};

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Send a form in.
    Submit,
    /// See which submissions of a form there are.
    ListSubmissions,
    /// Look through the submissions of a form for words.
    SearchSubmissions,
    /// Take the submissions of a form out of the vault, many at once, as a file; what another approved.
    ExportSubmissions,
    /// Read the content of a submission.
    ReadSubmission,
    /// Read a file of a submission.
    ReadFile,
    /// Mark how far the work on a submission is.
    SetStatus,
    /// Say whose a submission is.
    Assign,
    /// Put labels on a submission, or take them off.
    SetLabels,
    /// Count a submission as seen by oneself, or as unread.
    MarkSeen,
    /// Read what staff note about a submission among themselves, and what was done with it.
    ReadNotes,
    /// Write such a note.
    WriteNote,
    /// Decide whether the person's own copy of what is held about them holds a note.
    DiscloseNote,
    /// Write a message on a submission.
    WriteMessage,
    /// Confirm a consent by the link that was mailed.
    ConfirmConsent,
    /// Take a consent back.
    WithdrawConsent,
    /// Download a file that the form of one's own submission unlocks.
    DownloadResource,
    /// Erase one submission.
    EraseRecord,
    /// Look a person up by address. The caller keeps only the submissions that the actor may list.
    FindSubject,
    /// Erase a person with all that is held about them.
    ErasePerson,
    /// Read the audit trail.
    ReadAudit,
    /// Check the audit trail, or sign its head.
    VerifyAudit,
    /// Read the register of what was read across regions.
    ReadTransfers,
    /// Add and disable accounts, make and revoke tokens and the keys of servers.
    ManageStaff,
    /// Read how forms are set up, beyond what the public sees.
    ReadForms,
    /// Read the figures of the vault.
    ReadStatus,
    /// Check every page, record and file of the vault; shows none of their content.
    VerifyVault,
    /// Send an issue of a newsletter to everybody who has confirmed, without seeing who that is; and see how far it is.
    SendMailing,
    /// Send the mails that wait.
    SendMail,
    /// Have the virus scanner look at a file.
    ScanFile,
    /// Remove what has lost its meaning: rows of the erased, abandoned uploads, expired tokens.
    CleanUp,
    /// Write counts of visits, which tell nothing of anybody.
    KeepStatistics,
    /// Sign in and out, and look after one's own account.
    SignIn,
    /// See what the answers to a survey come to, taken together.
    ReadResults,
    /// Publish a comment on a board, or decline it.
    Moderate,
    /// Take one's own comment off a board.
    TakeDown,
    /// Read what is published on a board.
    ReadBoard,
    /// See what somebody asks for that needs two people.
    ReadApprovals,
    /// Ask for what needs two people.
    AskApproval,
    /// Approve what another asks for.
    Approve,
    /// Decline it, or take one's own request back.
    DeclineApproval,
    /// Do what one asked for and another approved.
    UseApproval,
    /// Write down that a request was not approved, or not done, in time.
    ExpireApproval,
    /// Write down that somebody reads unusually much, and have privacy officers told.
    RaiseAlert,
    /// Say why one reads unusually much.
    GiveReason,
    /// Read alerts about unusual reading.
    ReadAlerts,
    /// Say that one has seen to such an alert.
    SettleAlert,
    /// Open, change and close the vacancies that forms offer.
    ManageVacancies,
    /// Let a guest read one submission for some days.
    AdmitGuest,
    /// See which guests read a submission, and end that.
    DismissGuest,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 50] = [
        Self::Submit,
        Self::ListSubmissions,
        Self::SearchSubmissions,
        Self::ExportSubmissions,
        Self::ReadSubmission,
        Self::ReadFile,
        Self::SetStatus,
        Self::Assign,
        Self::SetLabels,
        Self::MarkSeen,
        Self::ReadNotes,
        Self::WriteNote,
        Self::DiscloseNote,
        Self::WriteMessage,
        Self::ConfirmConsent,
        Self::WithdrawConsent,
        Self::DownloadResource,
        Self::EraseRecord,
        Self::FindSubject,
        Self::ErasePerson,
        Self::ReadAudit,
        Self::VerifyAudit,
        Self::ReadTransfers,
        Self::ManageStaff,
        Self::ReadForms,
        Self::ReadStatus,
        Self::VerifyVault,
        Self::SendMailing,
        Self::SendMail,
        Self::ScanFile,
        Self::CleanUp,
        Self::KeepStatistics,
        Self::SignIn,
        Self::ReadResults,
        Self::Moderate,
        Self::TakeDown,
        Self::ReadBoard,
        Self::ReadApprovals,
        Self::AskApproval,
        Self::Approve,
        Self::DeclineApproval,
        Self::UseApproval,
        Self::ExpireApproval,
        Self::RaiseAlert,
        Self::GiveReason,
        Self::ReadAlerts,
        Self::SettleAlert,
        Self::ManageVacancies,
        Self::AdmitGuest,
        Self::DismissGuest,
    ];

    /// The name as it stands in the audit trail, for example `read-submission`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::ListSubmissions => "list-submissions",
            Self::SearchSubmissions => "search-submissions",
            Self::ExportSubmissions => "export-submissions",
            Self::ReadSubmission => "read-submission",
            Self::ReadFile => "read-file",
            Self::SetStatus => "set-status",
            Self::Assign => "assign",
            Self::SetLabels => "set-labels",
            Self::MarkSeen => "mark-seen",
            Self::ReadNotes => "read-notes",
            Self::WriteNote => "write-note",
            Self::DiscloseNote => "disclose-note",
            Self::WriteMessage => "write-message",
            Self::ConfirmConsent => "confirm-consent",
            Self::WithdrawConsent => "withdraw-consent",
            Self::DownloadResource => "download-resource",
            Self::EraseRecord => "erase-record",
            Self::FindSubject => "find-subject",
            Self::ErasePerson => "erase-person",
            Self::ReadAudit => "read-audit",
            Self::VerifyAudit => "verify-audit",
            Self::ReadTransfers => "read-transfers",
            Self::ManageStaff => "manage-staff",
            Self::ReadForms => "read-forms",
            Self::ReadStatus => "read-status",
            Self::VerifyVault => "verify-vault",
            Self::SendMailing => "send-mailing",
            Self::SendMail => "send-mail",
            Self::ScanFile => "scan-file",
            Self::CleanUp => "clean-up",
            Self::KeepStatistics => "keep-statistics",
            Self::SignIn => "sign-in",
            Self::ReadResults => "read-results",
            Self::Moderate => "moderate",
            Self::TakeDown => "take-down",
            Self::ReadBoard => "read-board",
            Self::ReadApprovals => "read-approvals",
            Self::AskApproval => "ask-approval",
            Self::Approve => "approve",
            Self::DeclineApproval => "decline-approval",
            Self::UseApproval => "use-approval",
            Self::ExpireApproval => "expire-approval",
            Self::RaiseAlert => "raise-alert",
            Self::GiveReason => "give-reason",
            Self::ReadAlerts => "read-alerts",
            Self::SettleAlert => "settle-alert",
            Self::ManageVacancies => "manage-vacancies",
            Self::AdmitGuest => "admit-guest",
            Self::DismissGuest => "dismiss-guest",
        }
    }
}

/// The text is not the name of an action.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("not an action: docs/roles.md names them, for example read-submission")]
pub struct BadAction;

impl std::str::FromStr for Action {
    type Err = BadAction;

    fn from_str(text: &str) -> Result<Self, BadAction> {
        Self::ALL.into_iter().find(|action| action.as_str() == text).ok_or(BadAction)
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What it is to be done to. An action on a resource it does not belong to is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource<'a> {
    /// A form, and the list of what came by it.
    Form {
        /// The roles that the form names as its readers.
        roles: &'a [Role],
    },
    /// A form that the key of the actor names: the services make one only after they have looked.
    KeyedForm,
    /// One submission with its files.
    Submission {
        /// The roles that its form names as its readers.
        roles: &'a [Role],
    },
    /// A submission that a pass of the actor names, or all of them: the services make one only after they have looked.
    Lent,
    /// A survey, and what came by it: told only of many answers together.
    Survey {
        /// The roles that the form names as its readers.
        roles: &'a [Role],
    },
    /// One answer to a survey, which nobody but its sender reads.
    Answer {
        /// The roles that its form names as its readers.
        roles: &'a [Role],
    },
    /// One comment on a board, published or not.
    Comment {
        /// The roles that its form names as its readers.
        roles: &'a [Role],
    },
    /// What is published on a board.
    Board,
    /// The submission whose receipt the actor has shown: the services make one only after they have checked it.
    Own,
    /// As [`Resource::Own`], but an answer to a survey: there is nobody to talk to about it.
    OwnAnswer,
    /// As [`Resource::Own`], but a comment on a board.
    OwnComment,
    /// A person, or the search for one.
    Subject,
    /// The audit trail.
    Audit,
    /// Accounts, tokens, keys of servers.
    Staff,
    /// The vault as a whole.
    Vault,
    /// The vacancies that forms offer.
    Vacancies,
    /// What needs two people who hold a role.
    Approval {
        /// The role.
        role: Role,
        /// Who asks, or asked.
        asker: StaffId,
    },
    /// The request of somebody who reads a form to take many of its submissions out.
    Export {
        /// The roles that the form names as its readers.
        roles: &'a [Role],
        /// Who asks, or asked.
        asker: StaffId,
    },
}

impl<'a> Resource<'a> {
    /// A form as those who read it deal with it.
    pub fn of_form(form: &'a Form) -> Self {
        match form.kind {
            FormKind::Survey { .. } => Self::Survey { roles: &form.roles },
            _ => Self::Form { roles: &form.roles },
        }
    }

    /// What came by a form. An answer to a survey stays one, whatever its form is turned into; and what came by a form
    /// that was turned into a survey is kept like an answer.
    pub fn of_submission(form: &'a Form, nature: Nature) -> Self {
        match (nature, &form.kind) {
            (Nature::Answer(_), _) | (_, FormKind::Survey { .. }) => Self::Answer { roles: &form.roles },
            (Nature::Letter, _) => Self::Submission { roles: &form.roles },
            (Nature::Comment, _) => Self::Comment { roles: &form.roles },
        }
    }

    /// What came by a form, as its sender deals with it.
    pub const fn of_own(nature: Nature) -> Self {
        match nature {
            Nature::Answer(_) => Self::OwnAnswer,
            Nature::Letter => Self::Own,
            Nature::Comment => Self::OwnComment,
        }
    }
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The actor may not even know whether there is such a thing: the answer is that of a thing that does not exist.
    #[error("not found")]
    Hidden,
    /// The actor may know of it, but not do this.
    #[error("not allowed")]
    Forbidden,
}

/// Proof that [`decide`] said yes. Only this module makes one, and it cannot be copied: one permit, one act.
#[derive(Debug)]
#[must_use = "a permit that is not used means that the act was checked and then not done"]
pub struct Permit {
    actor: Actor,
    action: Action,
    role: Option<Role>,
}

impl Permit {
    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// What was allowed.
    pub fn action(&self) -> Action {
        self.action
    }

    /// The role that allows it; `None` for the public, for people themselves, for servers and for the software.
    pub fn role(&self) -> Option<Role> {
        self.role
    }
}

/// Decides. An account with several roles may do what any of them allows; if none does, [`Denial::Forbidden`] from one
/// role beats [`Denial::Hidden`] from another, since the actor then knows of the thing anyway.
///
/// # Errors
/// [`Denial`], also for an account without roles.
pub fn decide(actor: &Actor, action: Action, resource: &Resource<'_>) -> Result<Permit, Denial> {
    let role = match actor {
        Actor::Public => rules::for_public(action, resource).map(|()| None)?,
        Actor::System => rules::for_system(action, resource).map(|()| None)?,
        Actor::Subject => rules::for_subject(action, resource).map(|()| None)?,
        Actor::Key { .. } => rules::for_key(action, resource).map(|()| None)?,
        Actor::Owner { role } => rules::for_owner(*role, action, resource).map(|()| Some(*role))?,
        Actor::Staff { id, roles, scope, .. } => {
            let role = by_any_role(*id, roles, scope.custom(), action, resource)?;
            scope.check(action, resource)?;
            Some(role)
        }
    };
    Ok(Permit { actor: actor.clone(), action, role })
}

/// The purposes that the actor may name when reading a submission whose form has these `purposes`, without repeats.
/// Empty when the actor reads nothing. Says nothing about whether this submission may be read: that is [`decide`].
pub fn allowed_purposes(actor: &Actor, purposes: &[String]) -> Vec<String> {
    let roles: &[Role] = match actor {
        Actor::Public | Actor::System | Actor::Subject | Actor::Key { .. } => &[],
        Actor::Owner { role } => std::slice::from_ref(role),
        Actor::Staff { roles, .. } => roles,
    };
    let reads = roles.iter().any(|role| role.reads());
    let requests = roles.contains(&Role::Privacy).then(|| SUBJECT_REQUEST.to_owned());
    let mut out = Vec::new();
    for purpose in purposes.iter().filter(|_| reads).cloned().chain(requests) {
        if !out.contains(&purpose) {
            out.push(purpose);
        }
    }
    out
}

fn by_any_role(
    id: StaffId,
    roles: &[Role],
    custom: Option<&CustomRoles>,
    action: Action,
    resource: &Resource<'_>,
) -> Result<Role, Denial> {
    let mut denial = Denial::Hidden;
    for role in roles {
        let person = rules::check_person(id, *role, action, resource);
        // What is hidden from the person is hidden, whatever the role would be told.
        let verdict = match person {
            Err(Denial::Hidden) => person,
            _ => match role {
                Role::Custom(name) => custom::decide(custom, *name, action, resource),
                _ => rules::for_role(*role, action, resource),
            }
            .and(person),
        };
        match verdict {
            Ok(()) => return Ok(*role),
            Err(Denial::Forbidden) => denial = Denial::Forbidden,
            Err(Denial::Hidden) => {}
        }
    }
    Err(denial)
}
