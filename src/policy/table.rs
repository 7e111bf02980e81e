//! `docs/roles.md`, generated from the rules, and the rules that must never change by accident.
//!
//! `LETTERLOCK_UPDATE_DOCS=1 cargo test --lib policy` writes the page anew.

use super::*;
use crate::base::ids::StaffId;

const HR_FORM: &[Role] = &[Role::Hr];

fn staff(roles: &[Role]) -> Actor {
    Actor::Staff { id: StaffId::from_bytes([7; 16]), login: "jane".to_owned(), roles: roles.to_vec() }
}

/// Each action with the resources it belongs to, as seen by somebody whose role the form names, or does not.
fn rows(role: Option<Role>) -> Vec<(Action, &'static str, Resource<'static>)> {
    const NONE: &[Role] = &[];
    let mine: &'static [Role] = match role {
        Some(Role::Hr) => &[Role::Hr],
        Some(Role::Support) => &[Role::Support],
        Some(Role::Privacy) => &[Role::Privacy],
        Some(Role::Auditor) => &[Role::Auditor],
        Some(Role::Admin) => &[Role::Admin],
        None => NONE,
    };
    let mut out = Vec::new();
    for action in Action::ALL {
        match action {
            Action::Submit | Action::ReadForms => out.push((action, "any form", Resource::Form { roles: mine })),
            Action::ListSubmissions => {
                out.push((action, "form that names the role", Resource::Form { roles: mine }));
                out.push((action, "form that does not", Resource::Form { roles: NONE }));
            }
            Action::ReadSubmission | Action::ReadFile | Action::SetStatus | Action::EraseRecord => {
                out.push((action, "submission by a form that names the role", Resource::Submission { roles: mine }));
                out.push((action, "submission by a form that does not", Resource::Submission { roles: NONE }));
            }
            Action::FindSubject | Action::ErasePerson => out.push((action, "person", Resource::Subject)),
            Action::ReadAudit | Action::VerifyAudit => out.push((action, "audit trail", Resource::Audit)),
            Action::ManageStaff => out.push((action, "staff", Resource::Staff)),
            Action::ReadStatus | Action::VerifyVault | Action::CleanUp => out.push((action, "vault", Resource::Vault)),
        }
    }
    out
}

fn page() -> String {
    let mut actors = vec![("public".to_owned(), Actor::Public, None)];
    for role in Role::ALL {
        actors.push((format!("`{role}`"), staff(&[role]), Some(role)));
    }
    actors.push(("owner as `admin`".to_owned(), Actor::Owner { role: Role::Admin }, Some(Role::Admin)));
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
    out
}

const INTRODUCTION: &str = "# Who may do what

Generated from `src/policy/rules.rs` by `LETTERLOCK_UPDATE_DOCS=1 cargo test --lib policy`; a test fails when this page
and the rules differ.

- **yes**: allowed. Reading also needs a purpose that the form names; `privacy` may name `subject-request` for any form.
- **403**: the actor may know of the thing, but not do this to it.
- **404**: the actor gets the same answer as for a thing that does not exist.

An account with several roles may do what any of them allows; if none does, 403 beats 404. The owner of the machine, at
the command line, acts as one role at a time and may do what that role may; as `admin` also check the audit trail. What
stands in no row is denied.

";

#[test]
fn committed_table_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/roles.md");
    if std::env::var_os("LETTERLOCK_UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).unwrap();
        std::fs::write(path, page()).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == page(), "docs/roles.md is out of date: LETTERLOCK_UPDATE_DOCS=1 cargo test --lib policy");
}

/// Yes only where an action meets the kind of resource it belongs to.
#[test]
fn actions_on_foreign_resources_are_hidden() {
    let everyone: Vec<Actor> = [Actor::Public, Actor::System, staff(&Role::ALL)]
        .into_iter()
        .chain(Role::ALL.map(|role| Actor::Owner { role }))
        .collect();
    let resources = [
        Resource::Form { roles: &Role::ALL },
        Resource::Submission { roles: &Role::ALL },
        Resource::Subject,
        Resource::Audit,
        Resource::Staff,
        Resource::Vault,
    ];
    let kind = |r: &Resource<'_>| std::mem::discriminant(&unlabelled(r));
    for (action, _, proper) in rows(None) {
        for resource in resources.iter().filter(|r| kind(r) != kind(&proper)) {
            for actor in &everyone {
                assert_eq!(
                    decide(actor, action, resource).err(),
                    Some(Denial::Hidden),
                    "{actor} {action} {resource:?}"
                );
            }
        }
    }
}

/// The resource without its roles and lifetime.
fn unlabelled(resource: &Resource<'_>) -> Resource<'static> {
    match resource {
        Resource::Form { .. } => Resource::Form { roles: &[] },
        Resource::Submission { .. } => Resource::Submission { roles: &[] },
        Resource::Subject => Resource::Subject,
        Resource::Audit => Resource::Audit,
        Resource::Staff => Resource::Staff,
        Resource::Vault => Resource::Vault,
    }
}

const CONTENT: [Action; 2] = [Action::ReadSubmission, Action::ReadFile];

#[test]
fn administrator_and_auditor_never_read_submissions() {
    for role in [Role::Admin, Role::Auditor] {
        for actor in [staff(&[role]), Actor::Owner { role }] {
            // Not even where a form names them as readers.
            for roles in [HR_FORM, &Role::ALL] {
                for action in CONTENT.into_iter().chain([Action::SetStatus, Action::EraseRecord]) {
                    let verdict = decide(&actor, action, &Resource::Submission { roles });
                    assert_eq!(verdict.err(), Some(Denial::Hidden), "{actor} {action}");
                }
                let verdict = decide(&actor, Action::ListSubmissions, &Resource::Form { roles });
                assert_eq!(verdict.err(), Some(Denial::Hidden), "{actor}");
            }
            assert_eq!(decide(&actor, Action::FindSubject, &Resource::Subject).err(), Some(Denial::Hidden));
            assert_eq!(decide(&actor, Action::ErasePerson, &Resource::Subject).err(), Some(Denial::Hidden));
            assert_eq!(allowed_purposes(&actor, &["recruitment".to_owned()]), [""; 0]);
        }
    }
}

#[test]
fn only_the_auditor_reads_the_trail() {
    for role in Role::ALL {
        for actor in [staff(&[role]), Actor::Owner { role }] {
            let verdict = decide(&actor, Action::ReadAudit, &Resource::Audit);
            assert_eq!(verdict.is_ok(), role == Role::Auditor, "{actor}");
        }
        assert_eq!(decide(&staff(&[role]), Action::VerifyAudit, &Resource::Audit).is_ok(), role == Role::Auditor);
    }
    assert!(decide(&Actor::Owner { role: Role::Admin }, Action::VerifyAudit, &Resource::Audit).is_ok());
    assert!(decide(&Actor::Owner { role: Role::Hr }, Action::VerifyAudit, &Resource::Audit).is_err());
}

#[test]
fn only_privacy_erases() {
    for role in Role::ALL {
        for actor in [staff(&[role]), Actor::Owner { role }] {
            let person = decide(&actor, Action::ErasePerson, &Resource::Subject);
            let record = decide(&actor, Action::EraseRecord, &Resource::Submission { roles: &Role::ALL });
            assert_eq!(person.is_ok(), role == Role::Privacy, "{actor}");
            assert_eq!(record.is_ok(), role == Role::Privacy, "{actor}");
        }
    }
}

#[test]
fn a_reader_of_other_forms_sees_nothing() {
    let foreign = Resource::Submission { roles: HR_FORM };
    for action in CONTENT.into_iter().chain([Action::SetStatus, Action::EraseRecord]) {
        assert_eq!(decide(&staff(&[Role::Support]), action, &foreign).err(), Some(Denial::Hidden), "{action}");
    }
    let list = Resource::Form { roles: HR_FORM };
    assert_eq!(decide(&staff(&[Role::Support]), Action::ListSubmissions, &list).err(), Some(Denial::Hidden));
    assert_eq!(decide(&staff(&[Role::Hr]), Action::EraseRecord, &foreign).err(), Some(Denial::Forbidden));
    assert!(decide(&staff(&[Role::Hr]), Action::ReadFile, &foreign).is_ok());
    // A form shared by both.
    assert!(decide(&staff(&[Role::Support]), Action::ReadFile, &Resource::Submission { roles: &Role::ALL }).is_ok());
}

#[test]
fn the_public_and_the_software_do_one_thing_each() {
    for (action, _, resource) in rows(Some(Role::Hr)) {
        let public = decide(&Actor::Public, action, &resource);
        let system = decide(&Actor::System, action, &resource);
        assert_eq!(public.is_ok(), action == Action::Submit, "{action}");
        assert_eq!(system.is_ok(), action == Action::CleanUp, "{action}");
        assert_ne!(public.err(), Some(Denial::Forbidden), "{action}");
    }
}

#[test]
fn several_roles_add_up_and_none_is_nothing() {
    let both = staff(&[Role::Auditor, Role::Hr]);
    let permit = decide(&both, Action::ReadSubmission, &Resource::Submission { roles: HR_FORM }).unwrap();
    assert_eq!((permit.action(), permit.role()), (Action::ReadSubmission, Some(Role::Hr)));
    assert_eq!(permit.actor(), &both);
    // Auditor says hidden, hr says forbidden: forbidden wins, in either order.
    for roles in [[Role::Auditor, Role::Hr], [Role::Hr, Role::Auditor]] {
        let verdict = decide(&staff(&roles), Action::EraseRecord, &Resource::Submission { roles: HR_FORM });
        assert_eq!(verdict.err(), Some(Denial::Forbidden));
    }
    for (action, _, resource) in rows(Some(Role::Hr)) {
        assert_eq!(decide(&staff(&[]), action, &resource).err(), Some(Denial::Hidden), "{action}");
    }
}

#[test]
fn purposes_follow_the_role() {
    let form = ["recruitment".to_owned(), "statistics".to_owned()];
    assert_eq!(allowed_purposes(&staff(&[Role::Hr]), &form), ["recruitment", "statistics"]);
    assert_eq!(allowed_purposes(&staff(&[Role::Privacy]), &form), ["recruitment", "statistics", SUBJECT_REQUEST]);
    assert_eq!(allowed_purposes(&staff(&[Role::Hr, Role::Privacy]), &form).len(), 3);
    assert_eq!(allowed_purposes(&Actor::Owner { role: Role::Privacy }, &[]), [SUBJECT_REQUEST]);
    for nobody in [Actor::Public, Actor::System, staff(&[]), staff(&[Role::Admin, Role::Auditor])] {
        assert_eq!(allowed_purposes(&nobody, &form), [""; 0], "{nobody}");
    }
}

#[test]
fn actors_as_the_audit_trail_names_them() {
    assert_eq!(staff(&[Role::Hr]).to_string(), "staff:jane");
    assert_eq!(Actor::Owner { role: Role::Privacy }.to_string(), "owner:privacy");
    assert_eq!(format!("{} {}", Actor::Public, Actor::System), "public system");
    for action in Action::ALL {
        assert_eq!(serde_json::to_string(&action).unwrap(), format!("\"{action}\""));
    }
}
