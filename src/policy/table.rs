//! The whole table of role × action × resource, made from the rules.

use super::custom::may_be_given;
use super::{Action, Actor, Denial, Resource, Role, Scope, decide};
use crate::base::ids::{KeyId, StaffId};

/// The page `docs/roles.md`, as the rules stand.
pub fn markdown() -> String {
    let mut actors = vec![("public".to_owned(), Actor::Public, None)];
    for role in Role::ALL {
        actors.push((format!("`{role}`"), staff(&[role]), Some(role)));
    }
    actors.push(("owner as `admin`".to_owned(), Actor::Owner { role: Role::Admin }, Some(Role::Admin)));
    actors.push(("subject".to_owned(), Actor::Subject, None));
    actors.push(("key".to_owned(), key(), None));
    actors.push(("system".to_owned(), Actor::System, None));

    let mut out = String::from(INTRODUCTION);
    out.push_str("| action | on |");
    for (name, ..) in &actors {
        out.push_str(&format!(" {name} |"));
    }
    out.push_str("\n| --- | --- |");
    out.push_str(&" --- |".repeat(actors.len()));
    out.push('\n');
    for (i, (action, on, _)) in rows(None).into_iter().enumerate() {
        out.push_str(&format!("| {action} | {on} |"));
        for (_, actor, role) in &actors {
            let (_, _, resource) = rows(*role)[i];
            let cell = match decide(actor, action, &resource) {
                Ok(_) => "yes",
                Err(Denial::Forbidden) => "403",
                Err(Denial::Hidden) => "404",
            };
            out.push_str(&format!(" {cell} |"));
        }
        out.push('\n');
    }
    out.push_str(OWN);
    for action in Action::ALL.into_iter().filter(|action| may_be_given(*action)) {
        out.push_str(&format!("- `{action}`\n"));
    }
    out
}

/// Each action with the resources it belongs to, as seen by somebody whose role the form names, or does not.
pub(super) fn rows(role: Option<Role>) -> Vec<(Action, &'static str, Resource<'static>)> {
    const NONE: &[Role] = &[];
    let mine: &'static [Role] = match role {
        Some(Role::Hr) => &[Role::Hr],
        Some(Role::Support) => &[Role::Support],
        Some(Role::Training) => &[Role::Training],
        Some(Role::Partner) => &[Role::Partner],
        Some(Role::Marketing) => &[Role::Marketing],
        Some(Role::Privacy) => &[Role::Privacy],
        Some(Role::Auditor) => &[Role::Auditor],
        Some(Role::Admin) => &[Role::Admin],
        Some(Role::Guest) => &[Role::Guest],
        // What these may do, the configuration says.
        Some(Role::Custom(_)) | None => NONE,
    };
    let mut out = Vec::new();
    for action in Action::ALL {
        match action {
            Action::Submit => {
                out.push((action, "any form", Resource::Form { roles: mine }));
                out.push((action, "any survey", Resource::Survey { roles: mine }));
                out.push((action, "form that the key names", Resource::KeyedForm));
            }
            Action::ReadForms => {
                out.push((action, "any form", Resource::Form { roles: mine }));
                out.push((action, "any survey", Resource::Survey { roles: mine }));
            }
            Action::SendMailing => {
                out.push((action, "form that names the role", Resource::Form { roles: mine }));
                out.push((action, "form that does not", Resource::Form { roles: NONE }));
            }
            Action::ListSubmissions => {
                out.push((action, "form that names the role", Resource::Form { roles: mine }));
                out.push((action, "form that does not", Resource::Form { roles: NONE }));
                out.push((action, "survey that names the role", Resource::Survey { roles: mine }));
                out.push((action, "survey that does not", Resource::Survey { roles: NONE }));
                out.push((action, "what is held under one's own address", Resource::Own));
                out.push((action, "submissions that one's passes name", Resource::Lent));
            }
            Action::SearchSubmissions | Action::ExportSubmissions => {
                out.push((action, "form that names the role", Resource::Form { roles: mine }));
                out.push((action, "form that does not", Resource::Form { roles: NONE }));
                out.push((action, "survey that names the role", Resource::Survey { roles: mine }));
                out.push((action, "survey that does not", Resource::Survey { roles: NONE }));
            }
            Action::ReadSubmission
            | Action::ReadFile
            | Action::SetStatus
            | Action::Assign
            | Action::SetLabels
            | Action::MarkSeen
            | Action::ReadNotes
            | Action::WriteNote
            | Action::DiscloseNote
            | Action::WriteMessage
            | Action::ConfirmConsent
            | Action::WithdrawConsent
            | Action::EraseRecord => {
                out.push((action, "submission by a form that names the role", Resource::Submission { roles: mine }));
                out.push((action, "submission by a form that does not", Resource::Submission { roles: NONE }));
                out.push((action, "comment on a board that names the role", Resource::Comment { roles: mine }));
                out.push((action, "comment on a board that does not", Resource::Comment { roles: NONE }));
                out.push((action, "answer to a survey that names the role", Resource::Answer { roles: mine }));
                out.push((action, "answer to a survey that does not", Resource::Answer { roles: NONE }));
                let of_staff = [
                    Action::SetStatus,
                    Action::Assign,
                    Action::SetLabels,
                    Action::MarkSeen,
                    Action::ReadNotes,
                    Action::WriteNote,
                    Action::DiscloseNote,
                ];
                if matches!(action, Action::ReadSubmission | Action::ReadFile | Action::WriteNote) {
                    out.push((action, "submission that one's pass names", Resource::Lent));
                }
                if !of_staff.contains(&action) {
                    out.push((action, "submission whose receipt was shown", Resource::Own));
                    out.push((action, "comment whose receipt was shown", Resource::OwnComment));
                    out.push((action, "answer whose receipt was shown", Resource::OwnAnswer));
                }
            }
            Action::AdmitGuest | Action::DismissGuest => {
                out.push((action, "submission by a form that names the role", Resource::Submission { roles: mine }));
                out.push((action, "submission by a form that does not", Resource::Submission { roles: NONE }));
            }
            Action::ManageVacancies => out.push((action, "vacancies", Resource::Vacancies)),
            Action::DownloadResource => {
                out.push((action, "file that one's own submission unlocks", Resource::Own));
            }
            Action::ReadResults => {
                out.push((action, "survey that names the role", Resource::Survey { roles: mine }));
                out.push((action, "survey that does not", Resource::Survey { roles: NONE }));
            }
            Action::Moderate => {
                out.push((action, "comment on a board that names the role", Resource::Comment { roles: mine }));
                out.push((action, "comment on a board that does not", Resource::Comment { roles: NONE }));
            }
            Action::TakeDown => out.push((action, "comment whose receipt was shown", Resource::OwnComment)),
            Action::ReadBoard => out.push((action, "what is published on a board", Resource::Board)),
            Action::FindSubject => out.push((action, "person", Resource::Subject)),
            Action::ErasePerson => {
                out.push((action, "person", Resource::Subject));
                out.push((action, "oneself, with the last submission", Resource::Own));
                out.push((action, "oneself, with the last comment", Resource::OwnComment));
                out.push((action, "oneself, with the last answer", Resource::OwnAnswer));
            }
            Action::ReadApprovals
            | Action::AskApproval
            | Action::Approve
            | Action::DeclineApproval
            | Action::UseApproval
            | Action::ExpireApproval => {
                let own = StaffId::from_bytes([7; 16]);
                let other = StaffId::from_bytes([9; 16]);
                for (needed, of_own, of_other) in [
                    (Role::Admin, "own request about administrators", "another's request about administrators"),
                    (
                        Role::Privacy,
                        "own request to erase many or read under a legal basis",
                        "another's request to erase many or read under a legal basis",
                    ),
                ] {
                    out.push((action, of_own, Resource::Approval { role: needed, asker: own }));
                    out.push((action, of_other, Resource::Approval { role: needed, asker: other }));
                }
                for (roles, of_own, of_other) in [
                    (
                        mine,
                        "own request to export a form that names the role",
                        "another's request to export a form that names the role",
                    ),
                    (
                        NONE,
                        "own request to export a form that does not",
                        "another's request to export a form that does not",
                    ),
                ] {
                    out.push((action, of_own, Resource::Export { roles, asker: own }));
                    out.push((action, of_other, Resource::Export { roles, asker: other }));
                }
            }
            Action::ReadAudit
            | Action::VerifyAudit
            | Action::ReadTransfers
            | Action::ReadAlerts
            | Action::SettleAlert => out.push((action, "audit trail", Resource::Audit)),
            Action::ManageStaff | Action::SignIn | Action::GiveReason => out.push((action, "staff", Resource::Staff)),
            Action::ReadStatus
            | Action::VerifyVault
            | Action::SendMail
            | Action::ScanFile
            | Action::CleanUp
            | Action::KeepStatistics
            | Action::RaiseAlert => {
                out.push((action, "vault", Resource::Vault));
            }
        }
    }
    out
}

/// An account with these roles, as an example.
pub(super) fn staff(roles: &[Role]) -> Actor {
    Actor::Staff {
        id: StaffId::from_bytes([7; 16]),
        login: "jane".to_owned(),
        roles: roles.to_vec(),
        scope: Scope::default(),
    }
}

/// A server, as an example.
pub(super) fn key() -> Actor {
    Actor::Key { id: KeyId::from_bytes([8; 16]), name: "shop".to_owned() }
}

const INTRODUCTION: &str = "# Who may do what

Generated from `src/policy/rules.rs` by `LETTERLOCK_UPDATE_DOCS=1 cargo test --test roles`; a test fails when this page and
the rules differ.

- **yes**: allowed. Reading also needs a purpose that the form names; `privacy` may name `subject-request` for any form,
  and `legal-basis` for one person's while two privacy officers agree on it.
- **403**: the actor may know of the thing, but not do this to it.
- **404**: the actor gets the same answer as for a thing that does not exist.

An account with several roles may do what any of them allows; if none does, 403 beats 404. The owner of the machine, at
the command line, acts as one role at a time and may do what that role may; as `admin` also check the audit trail. What
stands in no row is denied. A **subject** is whoever shows the receipt of a submission, and deals with that one only. A
**key** is a server that posts the forms that its key names on behalf of people, and does nothing else. An answer to
a **survey** is read by nobody but its sender; what the answers come to together is `read-results`. A **guest** reads what a
pass names while it holds, and of that neither conversation nor others' notes.

";

const OWN: &str = "
## Roles of your own

The configuration makes further roles (`roles`, see [operations](operations.md#roles-of-your-own)), each a list of actions. Such a
role does these to what came by the forms that name it among their `roles`, and to the vault where no form is concerned; it never
does what none of the roles above may do to such a thing. These actions are for such roles; whoever may export also asks for
that and takes it back. The others stay where they are.

";
