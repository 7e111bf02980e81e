//! The rules themselves.
//!
//! [`for_role`] is one match over every action, and in each arm one over every role, without a catch-all: whoever adds
//! an action or a role has to decide each case before it compiles. An action on a resource that it does not belong to
//! is denied before that.

use super::{Action, Denial, Resource, Role};
use crate::base::ids::StaffId;

pub(super) type Verdict = Result<(), Denial>;

const YES: Verdict = Ok(());
const FORBIDDEN: Verdict = Err(Denial::Forbidden);
const HIDDEN: Verdict = Err(Denial::Hidden);

/// What a role allows.
pub(super) fn for_role(role: Role, action: Action, resource: &Resource<'_>) -> Verdict {
    use Role::{Admin, Auditor, Custom, Guest, Hr, Marketing, Partner, Privacy, Support, Training};

    match action {
        Action::Submit => {
            let (Resource::Form { .. } | Resource::Survey { .. }) = resource else { return HIDDEN };
            match role {
                // Forms are public knowledge, but nobody sends them in by virtue of a role.
                Hr | Support | Training | Partner | Marketing | Privacy | Auditor | Admin | Guest => FORBIDDEN,
                Custom(_) => HIDDEN,
            }
        }
        // Who searches reads: words that are found tell what stands in a submission.
        Action::ListSubmissions | Action::SearchSubmissions => match resource {
            Resource::Lent if action == Action::ListSubmissions => for_lent(role),
            Resource::Form { roles } => match role {
                Hr | Support | Training | Partner | Marketing => if_covered(roles, role, YES),
                Privacy => YES,
                Auditor | Admin | Guest | Custom(_) => HIDDEN,
            },
            // That there is such a survey is no secret to its readers; which answers there are is one.
            Resource::Survey { roles } => match role {
                Hr | Support | Training | Partner | Marketing => if_covered(roles, role, FORBIDDEN),
                Privacy => FORBIDDEN,
                Auditor | Admin | Guest | Custom(_) => HIDDEN,
            },
            _ => HIDDEN,
        },
        Action::ExportSubmissions => match resource {
            Resource::Form { roles } => match role {
                Hr | Support | Training | Marketing => if_covered(roles, role, YES),
                // Who is outside the house reads what concerns them, and takes nothing away by the hundred.
                Partner => if_covered(roles, role, FORBIDDEN),
                Privacy => YES,
                Auditor | Admin | Guest | Custom(_) => HIDDEN,
            },
            Resource::Survey { roles } => match role {
                Hr | Support | Training | Partner | Marketing => if_covered(roles, role, FORBIDDEN),
                Privacy => FORBIDDEN,
                Auditor | Admin | Guest | Custom(_) => HIDDEN,
            },
            _ => HIDDEN,
        },
        Action::ReadResults => {
            let Resource::Survey { roles } = resource else { return HIDDEN };
            match role {
                Hr | Support | Training | Partner | Marketing => if_covered(roles, role, YES),
                Privacy if roles.contains(&role) => YES,
                Privacy => FORBIDDEN,
                Auditor | Admin | Guest | Custom(_) => HIDDEN,
            }
        }
        Action::ReadSubmission | Action::ReadFile => {
            if let Resource::Lent = resource {
                return for_lent(role);
            }
            let (Resource::Submission { roles } | Resource::Comment { roles }) = resource else { return HIDDEN };
            match role {
                Hr | Support | Training | Partner | Marketing => if_covered(roles, role, YES),
                Privacy => YES,
                Auditor | Admin | Guest | Custom(_) => HIDDEN,
            }
        }
        Action::SetStatus => match resource {
            Resource::Submission { roles } => match role {
                Hr | Support | Training | Partner | Marketing => if_covered(roles, role, YES),
                Privacy => FORBIDDEN,
                Auditor | Admin | Guest | Custom(_) => HIDDEN,
            },
            // Where a comment stands is for those who moderate it, and for its author.
            Resource::Comment { roles } => match role {
                Hr | Support | Training | Partner | Marketing => if_covered(roles, role, FORBIDDEN),
                Privacy => FORBIDDEN,
                Auditor | Admin | Guest | Custom(_) => HIDDEN,
            },
            _ => HIDDEN,
        },
        Action::Assign | Action::SetLabels => {
            let (Resource::Submission { roles } | Resource::Comment { roles }) = resource else { return HIDDEN };
            match role {
                Hr | Support | Training | Partner | Marketing => if_covered(roles, role, YES),
                // Whose work it is, those who do it settle.
                Privacy => FORBIDDEN,
                Auditor | Admin | Guest | Custom(_) => HIDDEN,
            }
        }
        Action::MarkSeen | Action::ReadNotes | Action::WriteNote => {
            if let (Action::WriteNote, Resource::Lent) = (action, resource) {
                return for_lent(role);
            }
            let (Resource::Submission { roles } | Resource::Comment { roles }) = resource else { return HIDDEN };
            match role {
                Hr | Support | Training | Partner | Marketing => if_covered(roles, role, YES),
                Privacy => YES,
                Auditor | Admin | Guest | Custom(_) => HIDDEN,
            }
        }
        Action::DiscloseNote => {
            let (Resource::Submission { roles } | Resource::Comment { roles }) = resource else { return HIDDEN };
            match role {
                Hr | Support | Training | Partner | Marketing => if_covered(roles, role, FORBIDDEN),
                Privacy => YES,
                Auditor | Admin | Guest | Custom(_) => HIDDEN,
            }
        }
        Action::AdmitGuest | Action::DismissGuest => {
            let Resource::Submission { roles } = resource else { return HIDDEN };
            match role {
                Hr | Support | Training | Marketing => if_covered(roles, role, YES),
                // Who is outside the house lets nobody else in.
                Partner => if_covered(roles, role, FORBIDDEN),
                // Whom those who work on it let in may be sent away by whoever answers for it.
                Privacy if action == Action::DismissGuest => YES,
                Privacy => FORBIDDEN,
                Auditor | Admin | Guest | Custom(_) => HIDDEN,
            }
        }
        Action::ManageVacancies => {
            let Resource::Vacancies = resource else { return HIDDEN };
            match role {
                // Those who fill them, and whoever looks after the forms that offer them.
                Hr | Admin => YES,
                Support | Training | Partner | Marketing | Privacy | Auditor | Guest => FORBIDDEN,
                Custom(_) => HIDDEN,
            }
        }
        Action::Moderate => {
            let Resource::Comment { roles } = resource else { return HIDDEN };
            match role {
                Hr | Support | Training | Partner | Marketing => if_covered(roles, role, YES),
                Privacy if roles.contains(&role) => YES,
                Privacy => FORBIDDEN,
                Auditor | Admin | Guest | Custom(_) => HIDDEN,
            }
        }
        Action::TakeDown => HIDDEN,
        Action::ReadBoard => {
            let Resource::Board = resource else { return HIDDEN };
            match role {
                // Everybody reads it, and nobody by virtue of a role.
                Hr | Support | Training | Partner | Marketing | Privacy | Auditor | Admin | Guest => FORBIDDEN,
                Custom(_) => HIDDEN,
            }
        }
        Action::WriteMessage => {
            let (Resource::Submission { roles } | Resource::Comment { roles }) = resource else { return HIDDEN };
            match role {
                Hr | Support | Training | Partner | Marketing => if_covered(roles, role, YES),
                Privacy => YES,
                Auditor | Admin | Guest | Custom(_) => HIDDEN,
            }
        }
        Action::ConfirmConsent | Action::WithdrawConsent => {
            let (Resource::Submission { roles } | Resource::Comment { roles }) = resource else { return HIDDEN };
            match role {
                Hr | Support | Training | Partner | Marketing => if_covered(roles, role, FORBIDDEN),
                Privacy => FORBIDDEN,
                Auditor | Admin | Guest | Custom(_) => HIDDEN,
            }
        }
        Action::DownloadResource => {
            let Resource::Own = resource else { return HIDDEN };
            match role {
                // Staff find the files where they lie.
                Hr | Support | Training | Partner | Marketing | Privacy | Auditor | Admin | Guest | Custom(_) => HIDDEN,
            }
        }
        Action::EraseRecord => match resource {
            Resource::Submission { roles } | Resource::Comment { roles } => match role {
                Hr | Support | Training | Partner | Marketing => if_covered(roles, role, FORBIDDEN),
                Privacy => YES,
                Auditor | Admin | Guest | Custom(_) => HIDDEN,
            },
            // Whoever can name a single answer was told its name by its sender.
            Resource::Answer { .. } => match role {
                Privacy => YES,
                Hr | Support | Training | Partner | Marketing | Auditor | Admin | Guest | Custom(_) => HIDDEN,
            },
            _ => HIDDEN,
        },
        Action::FindSubject => {
            let Resource::Subject = resource else { return HIDDEN };
            match role {
                Hr | Support | Training | Partner | Marketing | Privacy => YES,
                Auditor | Admin | Guest | Custom(_) => HIDDEN,
            }
        }
        Action::ErasePerson => {
            let Resource::Subject = resource else { return HIDDEN };
            match role {
                // The same whether or not there is such a person, so the answer tells nothing.
                Hr | Support | Training | Partner | Marketing => FORBIDDEN,
                Privacy => YES,
                Auditor | Admin | Guest | Custom(_) => HIDDEN,
            }
        }
        Action::ReadAudit | Action::VerifyAudit => {
            let Resource::Audit = resource else { return HIDDEN };
            match role {
                Auditor => YES,
                Hr | Support | Training | Partner | Marketing | Privacy | Admin | Guest => FORBIDDEN,
                Custom(_) => HIDDEN,
            }
        }
        Action::ReadTransfers => {
            let Resource::Audit = resource else { return HIDDEN };
            match role {
                Privacy | Auditor => YES,
                Hr | Support | Training | Partner | Marketing | Admin | Guest => FORBIDDEN,
                Custom(_) => HIDDEN,
            }
        }
        Action::ManageStaff => {
            let Resource::Staff = resource else { return HIDDEN };
            match role {
                Admin => YES,
                Hr | Support | Training | Partner | Marketing | Privacy | Auditor | Guest => FORBIDDEN,
                Custom(_) => HIDDEN,
            }
        }
        Action::ReadForms => {
            let (Resource::Form { .. } | Resource::Survey { .. }) = resource else { return HIDDEN };
            match role {
                // What is asked, on what ground and for how long is what a privacy officer answers for.
                Admin | Privacy => YES,
                Hr | Support | Training | Partner | Marketing | Auditor | Guest => FORBIDDEN,
                Custom(_) => HIDDEN,
            }
        }
        Action::ReadStatus | Action::VerifyVault => {
            let Resource::Vault = resource else { return HIDDEN };
            match role {
                Admin => YES,
                Hr | Support | Training | Partner | Marketing | Privacy | Auditor | Guest => FORBIDDEN,
                Custom(_) => HIDDEN,
            }
        }
        Action::ReadApprovals
        | Action::AskApproval
        | Action::Approve
        | Action::DeclineApproval
        | Action::UseApproval => match resource {
            Resource::Approval { role: needed, .. } => match role {
                Admin | Privacy if role == *needed => YES,
                // Of what others settle between them nobody else learns.
                Hr | Support | Training | Partner | Marketing | Privacy | Auditor | Admin | Guest | Custom(_) => HIDDEN,
            },
            // Readers of the form ask; the privacy officer, who reads all forms and answers for them, approves. The
            // administrator does not learn what came in, nor how much.
            Resource::Export { roles, .. } => match role {
                Hr | Support | Training | Marketing if action == Action::Approve => if_covered(roles, role, FORBIDDEN),
                Hr | Support | Training | Marketing => if_covered(roles, role, YES),
                Privacy => YES,
                Partner | Auditor | Admin | Guest | Custom(_) => HIDDEN,
            },
            _ => HIDDEN,
        },
        Action::ExpireApproval => {
            let (Resource::Approval { .. } | Resource::Export { .. }) = resource else { return HIDDEN };
            match role {
                Hr | Support | Training | Partner | Marketing | Privacy | Auditor | Admin | Guest | Custom(_) => HIDDEN,
            }
        }
        Action::RaiseAlert => {
            let Resource::Vault = resource else { return HIDDEN };
            match role {
                Hr | Support | Training | Partner | Marketing | Privacy | Auditor | Admin | Guest | Custom(_) => HIDDEN,
            }
        }
        Action::ReadAlerts => {
            let Resource::Audit = resource else { return HIDDEN };
            match role {
                Privacy | Auditor => YES,
                Hr | Support | Training | Partner | Marketing | Admin | Guest => FORBIDDEN,
                Custom(_) => HIDDEN,
            }
        }
        Action::SettleAlert => {
            let Resource::Audit = resource else { return HIDDEN };
            match role {
                Privacy => YES,
                Hr | Support | Training | Partner | Marketing | Auditor | Admin | Guest => FORBIDDEN,
                Custom(_) => HIDDEN,
            }
        }
        Action::SignIn | Action::GiveReason => {
            let Resource::Staff = resource else { return HIDDEN };
            match role {
                Hr | Support | Training | Partner | Marketing | Privacy | Auditor | Admin | Guest => YES,
                Custom(_) => HIDDEN,
            }
        }
        Action::SendMailing => {
            let Resource::Form { roles } = resource else { return HIDDEN };
            match role {
                Marketing => if_covered(roles, role, YES),
                // Those who read the form know of it.
                Hr | Support | Training | Partner => if_covered(roles, role, FORBIDDEN),
                Privacy => FORBIDDEN,
                Auditor | Admin | Guest | Custom(_) => HIDDEN,
            }
        }
        Action::SendMail | Action::ScanFile | Action::CleanUp | Action::KeepStatistics => {
            let Resource::Vault = resource else { return HIDDEN };
            match role {
                Hr | Support | Training | Partner | Marketing | Privacy | Auditor | Admin | Guest => FORBIDDEN,
                Custom(_) => HIDDEN,
            }
        }
    }
}

/// What the owner of the machine may do in a role: what the role allows, and as administrator also check the audit
/// trail, since the command line is where a vault is looked after. Reading submissions stays apart from that.
pub(super) fn for_owner(role: Role, action: Action, resource: &Resource<'_>) -> Verdict {
    match (role, action, resource) {
        (Role::Admin, Action::VerifyAudit, Resource::Audit) => YES,
        // A request is between people who sign in; the owner looks on.
        (
            _,
            Action::AskApproval | Action::Approve | Action::DeclineApproval | Action::UseApproval,
            Resource::Approval { .. } | Resource::Export { .. },
        ) => for_role(role, action, resource).and(FORBIDDEN),
        _ => for_role(role, action, resource),
    }
}

/// What hangs on who it is, beside the role: nobody approves what they asked for themselves, and nobody does what another
/// asked for. Of another's request for an export only those learn who approve it.
pub(super) fn check_person(id: StaffId, role: Role, action: Action, resource: &Resource<'_>) -> Verdict {
    match (action, resource) {
        (Action::Approve, Resource::Approval { asker, .. } | Resource::Export { asker, .. }) if *asker == id => {
            FORBIDDEN
        }
        (_, Resource::Export { asker, .. }) if *asker != id && role != Role::Privacy => HIDDEN,
        (
            Action::AskApproval | Action::UseApproval,
            Resource::Approval { asker, .. } | Resource::Export { asker, .. },
        ) if *asker != id => FORBIDDEN,
        _ => YES,
    }
}

/// The public sends forms in, reads what is published on boards, and may try to sign in; of everything else it may not know
/// whether it exists.
pub(super) fn for_public(action: Action, resource: &Resource<'_>) -> Verdict {
    match (action, resource) {
        (Action::Submit, Resource::Form { .. } | Resource::Survey { .. }) | (Action::SignIn, Resource::Staff) => YES,
        (Action::ReadBoard, Resource::Board) => YES,
        _ => HIDDEN,
    }
}

/// People themselves read, answer and erase the submission whose receipt they hold, and take its consents back. Nothing
/// else exists for them.
pub(super) fn for_subject(action: Action, resource: &Resource<'_>) -> Verdict {
    match resource {
        Resource::Own if action != Action::TakeDown => {}
        Resource::OwnComment if !matches!(action, Action::ListSubmissions | Action::DownloadResource) => {}
        // Nobody could read what was written about an answer.
        Resource::OwnAnswer if action == Action::WriteMessage => return FORBIDDEN,
        Resource::OwnAnswer
            if !matches!(action, Action::ListSubmissions | Action::TakeDown | Action::DownloadResource) => {}
        _ => return HIDDEN,
    }
    match action {
        Action::ListSubmissions
        | Action::ReadSubmission
        | Action::ReadFile
        | Action::WriteMessage
        | Action::ConfirmConsent
        | Action::WithdrawConsent
        | Action::DownloadResource
        | Action::EraseRecord
        | Action::ErasePerson
        | Action::TakeDown => YES,
        Action::Submit
        | Action::SearchSubmissions
        | Action::ExportSubmissions
        | Action::SetStatus
        | Action::Assign
        | Action::SetLabels
        | Action::MarkSeen
        | Action::ReadNotes
        | Action::WriteNote
        | Action::DiscloseNote
        | Action::FindSubject
        | Action::ReadAudit
        | Action::VerifyAudit
        | Action::ReadTransfers
        | Action::ManageStaff
        | Action::ReadForms
        | Action::ReadStatus
        | Action::VerifyVault
        | Action::SendMailing
        | Action::SendMail
        | Action::ScanFile
        | Action::CleanUp
        | Action::KeepStatistics
        | Action::SignIn
        | Action::ReadResults
        | Action::Moderate
        | Action::ReadBoard
        | Action::ReadApprovals
        | Action::AskApproval
        | Action::Approve
        | Action::DeclineApproval
        | Action::UseApproval
        | Action::ExpireApproval
        | Action::RaiseAlert
        | Action::GiveReason
        | Action::ReadAlerts
        | Action::SettleAlert
        | Action::ManageVacancies
        | Action::AdmitGuest
        | Action::DismissGuest => HIDDEN,
    }
}

/// A server sends in the forms that its key names. Of other forms it may know that they exist; of everything else it may not.
pub(super) fn for_key(action: Action, resource: &Resource<'_>) -> Verdict {
    match (action, resource) {
        (Action::Submit, Resource::KeyedForm) => YES,
        (Action::Submit, Resource::Form { .. } | Resource::Survey { .. }) => FORBIDDEN,
        _ => HIDDEN,
    }
}

/// The software itself sends the mails that wait, has files scanned, tidies up and counts, and does nothing else on its own.
pub(super) fn for_system(action: Action, resource: &Resource<'_>) -> Verdict {
    match (action, resource) {
        (
            Action::SendMail | Action::ScanFile | Action::CleanUp | Action::KeepStatistics | Action::RaiseAlert,
            Resource::Vault,
        ) => YES,
        (Action::ExpireApproval, Resource::Approval { .. } | Resource::Export { .. }) => YES,
        _ => HIDDEN,
    }
}

/// What a pass lets its holder do: the role of guests has nothing else, and nobody needs one for what their own role allows.
fn for_lent(role: Role) -> Verdict {
    use Role::{Admin, Auditor, Custom, Guest, Hr, Marketing, Partner, Privacy, Support, Training};

    match role {
        Guest => YES,
        Hr | Support | Training | Partner | Marketing | Privacy | Auditor | Admin | Custom(_) => HIDDEN,
    }
}

/// `verdict` when the form names `role` as a reader; otherwise the submission does not exist for that role.
fn if_covered(roles: &[Role], role: Role, verdict: Verdict) -> Verdict {
    if roles.contains(&role) { verdict } else { HIDDEN }
}
