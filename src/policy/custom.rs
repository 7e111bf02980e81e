//! Roles that the configuration makes: each a set of known actions, and nothing else.
//!
//! Such a role acts on what came by forms that name it among their readers, as the built-in readers do, and on the vault as a
//! whole. What it takes two people to hand out stays with the roles that are there for it: no configuration makes a second
//! administrator or privacy officer under another name.

use std::collections::BTreeMap;

use super::rules::{self, Verdict};
use super::{Action, Denial, Resource, Role};
use crate::domain::staff::CustomRole;

/// The roles that the configuration makes, with what each may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomRoles(BTreeMap<CustomRole, Vec<Action>>);

/// Why a role cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCustomRole {
    /// There is one of this name.
    #[error("there are two roles of this name")]
    Twice,
    /// It could do nothing.
    #[error("expected at least one action")]
    Empty,
    /// An action that no such role may do.
    #[error("{0} is not for a role of one's own: docs/roles.md says which actions are")]
    Reserved(Action),
}

impl CustomRoles {
    /// Makes a role that may do this.
    ///
    /// # Errors
    /// [`BadCustomRole`]; nothing has changed then.
    pub fn make(&mut self, name: CustomRole, actions: &[Action]) -> Result<(), BadCustomRole> {
        if self.0.contains_key(&name) {
            return Err(BadCustomRole::Twice);
        }
        if let Some(action) = actions.iter().find(|action| !may_be_given(**action)) {
            return Err(BadCustomRole::Reserved(*action));
        }
        if actions.is_empty() {
            return Err(BadCustomRole::Empty);
        }
        self.0.insert(name, actions.to_vec());
        Ok(())
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (CustomRole, &[Action])> {
        self.0.iter().map(|(name, actions)| (*name, actions.as_slice()))
    }

    /// Whether there is such a role: every built-in one is there.
    pub fn knows(&self, role: Role) -> bool {
        match role {
            Role::Custom(name) => self.0.contains_key(&name),
            _ => true,
        }
    }
}

/// Whether a role of one's own may do this at all.
pub const fn may_be_given(action: Action) -> bool {
    match action {
        Action::ListSubmissions
        | Action::SearchSubmissions
        | Action::ExportSubmissions
        | Action::ReadSubmission
        | Action::ReadFile
        | Action::SetStatus
        | Action::Assign
        | Action::SetLabels
        | Action::MarkSeen
        | Action::ReadNotes
        | Action::WriteNote
        | Action::WriteMessage
        | Action::FindSubject
        | Action::ReadAudit
        | Action::VerifyAudit
        | Action::ReadTransfers
        | Action::ReadAlerts
        | Action::ReadForms
        | Action::ReadStatus
        | Action::VerifyVault
        | Action::SendMailing
        | Action::ManageVacancies
        | Action::ReadResults
        | Action::Moderate => true,
        // Everybody's, whoever they are.
        Action::SignIn | Action::GiveReason => false,
        // A guest may be shown what such a role is not.
        Action::AdmitGuest | Action::DismissGuest => false,
        // It takes two to hand these out.
        Action::ManageStaff
        | Action::DiscloseNote
        | Action::EraseRecord
        | Action::ErasePerson
        | Action::SettleAlert
        | Action::Approve => false,
        // Of an export, they come with that; of other requests they are an administrator's and a privacy officer's.
        Action::ReadApprovals | Action::AskApproval | Action::DeclineApproval | Action::UseApproval => false,
        // Other people's, or the software's own.
        Action::Submit
        | Action::ConfirmConsent
        | Action::WithdrawConsent
        | Action::DownloadResource
        | Action::TakeDown
        | Action::ReadBoard
        | Action::SendMail
        | Action::ScanFile
        | Action::CleanUp
        | Action::KeepStatistics
        | Action::ExpireApproval
        | Action::RaiseAlert => false,
    }
}

/// What a role of this name may do: what the configuration gives it, and nothing where it does not make it.
pub(super) fn decide(
    roles: Option<&CustomRoles>,
    name: CustomRole,
    action: Action,
    resource: &Resource<'_>,
) -> Verdict {
    let own = roles.and_then(|roles| roles.0.get(&name)).map_or(&[][..], Vec::as_slice);
    let role = Role::Custom(name);
    if let (Action::SignIn | Action::GiveReason, Resource::Staff) = (action, resource) {
        return Ok(());
    }
    let holds = |action| own.contains(&action);
    let held = match (action, resource) {
        (
            Action::ReadApprovals | Action::AskApproval | Action::DeclineApproval | Action::UseApproval,
            Resource::Export { .. },
        ) => holds(Action::ExportSubmissions),
        _ => holds(action),
    };
    let known = match resource {
        // How a form is made is no secret of its readers; nor is that it takes submissions.
        Resource::Form { .. } | Resource::Survey { .. } if matches!(action, Action::ReadForms | Action::Submit) => true,
        Resource::Form { roles }
        | Resource::Survey { roles }
        | Resource::Submission { roles }
        | Resource::Comment { roles }
        | Resource::Answer { roles }
        | Resource::Export { roles, .. } => roles.contains(&role),
        Resource::Subject => holds(Action::FindSubject),
        Resource::Audit | Resource::Staff | Resource::Vault | Resource::Vacancies | Resource::Board => true,
        // What others settle between them; what is for whoever shows a receipt or a key.
        Resource::Approval { .. }
        | Resource::Lent
        | Resource::KeyedForm
        | Resource::Own
        | Resource::OwnAnswer
        | Resource::OwnComment => false,
    };
    if !known {
        return Err(Denial::Hidden);
    }
    // As any built-in role in its place: what none of them may do to such a thing, nobody may.
    if held && Role::ALL.iter().any(|like| rules::for_role(*like, action, &in_place(resource, &[*like])).is_ok()) {
        return Ok(());
    }
    // As a reader who is told no.
    rules::for_role(Role::Hr, action, &in_place(resource, &[Role::Hr])).and(Err(Denial::Forbidden))
}

/// The same thing, but with these as its readers.
const fn in_place<'a>(resource: &Resource<'_>, roles: &'a [Role]) -> Resource<'a> {
    match resource {
        Resource::Form { .. } => Resource::Form { roles },
        Resource::Survey { .. } => Resource::Survey { roles },
        Resource::Submission { .. } => Resource::Submission { roles },
        Resource::Comment { .. } => Resource::Comment { roles },
        Resource::Answer { .. } => Resource::Answer { roles },
        Resource::Export { asker, .. } => Resource::Export { roles, asker: *asker },
        Resource::Approval { role, asker } => Resource::Approval { role: *role, asker: *asker },
        Resource::KeyedForm => Resource::KeyedForm,
        Resource::Lent => Resource::Lent,
        Resource::Vacancies => Resource::Vacancies,
        Resource::Board => Resource::Board,
        Resource::Own => Resource::Own,
        Resource::OwnAnswer => Resource::OwnAnswer,
        Resource::OwnComment => Resource::OwnComment,
        Resource::Subject => Resource::Subject,
        Resource::Audit => Resource::Audit,
        Resource::Staff => Resource::Staff,
        Resource::Vault => Resource::Vault,
    }
}

#[cfg(test)]
mod tests;
