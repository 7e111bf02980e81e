//! The rules that must never change by accident.

use super::table::{key, rows, staff};
use super::*;
use crate::domain::form::FormId;

const HR_FORM: &[Role] = &[Role::Hr];
/// What staff do with a submission among themselves.
const WORK: [Action; 6] =
    [Action::Assign, Action::SetLabels, Action::MarkSeen, Action::ReadNotes, Action::WriteNote, Action::DiscloseNote];

/// Yes only where an action meets the kind of resource it belongs to.
#[test]
fn actions_on_foreign_resources_are_hidden() {
    let everyone: Vec<Actor> = [Actor::Public, Actor::Subject, Actor::System, key(), staff(&Role::ALL)]
        .into_iter()
        .chain(Role::ALL.map(|role| Actor::Owner { role }))
        .collect();
    let resources = [
        Resource::Form { roles: &Role::ALL },
        Resource::KeyedForm,
        Resource::Submission { roles: &Role::ALL },
        Resource::Lent,
        Resource::Vacancies,
        Resource::Survey { roles: &Role::ALL },
        Resource::Answer { roles: &Role::ALL },
        Resource::Own,
        Resource::OwnAnswer,
        Resource::Comment { roles: &Role::ALL },
        Resource::OwnComment,
        Resource::Board,
        Resource::Subject,
        Resource::Audit,
        Resource::Staff,
        Resource::Vault,
        Resource::Approval { role: Role::Admin, asker: StaffId::from_bytes([7; 16]) },
        Resource::Export { roles: &Role::ALL, asker: StaffId::from_bytes([7; 16]) },
    ];
    let kind = |r: &Resource<'_>| std::mem::discriminant(&unlabelled(r));
    assert!(Action::ALL.into_iter().all(|action| rows(None).iter().any(|(of, ..)| *of == action)));
    for action in Action::ALL {
        let proper: Vec<_> = rows(None).iter().filter(|(of, ..)| *of == action).map(|(.., r)| kind(r)).collect();
        for resource in resources.iter().filter(|r| !proper.contains(&kind(r))) {
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
        Resource::KeyedForm => Resource::KeyedForm,
        Resource::Lent => Resource::Lent,
        Resource::Vacancies => Resource::Vacancies,
        Resource::Submission { .. } => Resource::Submission { roles: &[] },
        Resource::Survey { .. } => Resource::Survey { roles: &[] },
        Resource::Answer { .. } => Resource::Answer { roles: &[] },
        Resource::Own => Resource::Own,
        Resource::OwnAnswer => Resource::OwnAnswer,
        Resource::Comment { .. } => Resource::Comment { roles: &[] },
        Resource::OwnComment => Resource::OwnComment,
        Resource::Board => Resource::Board,
        Resource::Subject => Resource::Subject,
        Resource::Audit => Resource::Audit,
        Resource::Staff => Resource::Staff,
        Resource::Vault => Resource::Vault,
        Resource::Approval { .. } => Resource::Approval { role: Role::Admin, asker: StaffId::from_bytes([0; 16]) },
        Resource::Export { .. } => Resource::Export { roles: &[], asker: StaffId::from_bytes([0; 16]) },
    }
}

/// Whoever reads a form asks, the privacy officer approves, nobody both; of another's request nobody else learns.
#[test]
fn an_export_is_asked_for_by_a_reader_and_approved_by_another_who_is_privacy_officer() {
    use Denial::{Forbidden, Hidden};
    let (own, other) = (StaffId::from_bytes([7; 16]), StaffId::from_bytes([9; 16]));
    let readers = [Role::Hr, Role::Partner];
    let [mine, theirs] = [own, other].map(|asker| Resource::Export { roles: &readers, asker });
    for (roles, ask, approve_own, approve, read_other, use_other) in [
        (&[Role::Hr][..], None, Some(Forbidden), Some(Hidden), Some(Hidden), Some(Hidden)),
        (&[Role::Support], Some(Hidden), Some(Hidden), Some(Hidden), Some(Hidden), Some(Hidden)),
        (&[Role::Partner], Some(Hidden), Some(Hidden), Some(Hidden), Some(Hidden), Some(Hidden)),
        (&[Role::Admin], Some(Hidden), Some(Hidden), Some(Hidden), Some(Hidden), Some(Hidden)),
        (&[Role::Auditor], Some(Hidden), Some(Hidden), Some(Hidden), Some(Hidden), Some(Hidden)),
        (&[Role::Privacy], None, Some(Forbidden), None, None, Some(Forbidden)),
        (&[Role::Hr, Role::Privacy], None, Some(Forbidden), None, None, Some(Forbidden)),
    ] {
        let actor = staff(roles);
        let denied = |action, resource: &Resource<'_>| decide(&actor, action, resource).err();
        assert_eq!(denied(Action::AskApproval, &mine), ask, "{roles:?}");
        assert_eq!(denied(Action::UseApproval, &mine), ask, "{roles:?}");
        assert_eq!(denied(Action::Approve, &mine), approve_own, "{roles:?}");
        assert_eq!(denied(Action::Approve, &theirs), approve, "{roles:?}");
        assert_eq!(denied(Action::ReadApprovals, &theirs), read_other, "{roles:?}");
        assert_eq!(denied(Action::DeclineApproval, &theirs), read_other, "{roles:?}");
        assert_eq!(denied(Action::UseApproval, &theirs), use_other, "{roles:?}");
    }
    let form = Resource::Form { roles: &readers };
    for (role, expected) in
        [(Role::Hr, None), (Role::Partner, Some(Forbidden)), (Role::Privacy, None), (Role::Admin, Some(Hidden))]
    {
        assert_eq!(decide(&staff(&[role]), Action::ExportSubmissions, &form).err(), expected, "{role}");
    }
    let survey = Resource::Survey { roles: &Role::ALL };
    for role in Role::ALL {
        assert!(
            decide(&staff(&[role]), Action::ExportSubmissions, &survey).is_err(),
            "{role}: answers are told of together only"
        );
    }
}

const CONTENT: [Action; 2] = [Action::ReadSubmission, Action::ReadFile];

#[test]
fn administrator_and_auditor_never_read_submissions() {
    for role in [Role::Admin, Role::Auditor] {
        for actor in [staff(&[role]), Actor::Owner { role }] {
            // Not even where a form names them as readers.
            for roles in [HR_FORM, &Role::ALL] {
                for action in CONTENT.into_iter().chain(WORK).chain([Action::SetStatus, Action::EraseRecord]) {
                    let verdict = decide(&actor, action, &Resource::Submission { roles });
                    assert_eq!(verdict.err(), Some(Denial::Hidden), "{actor} {action}");
                }
                for action in [Action::ListSubmissions, Action::SearchSubmissions] {
                    let verdict = decide(&actor, action, &Resource::Form { roles });
                    assert_eq!(verdict.err(), Some(Denial::Hidden), "{actor}");
                }
            }
            assert_eq!(decide(&actor, Action::FindSubject, &Resource::Subject).err(), Some(Denial::Hidden));
            assert_eq!(decide(&actor, Action::ErasePerson, &Resource::Subject).err(), Some(Denial::Hidden));
            assert_eq!(allowed_purposes(&actor, &["recruitment".to_owned()]), [""; 0]);
        }
    }
}

/// By itself the role of guests reads nothing, whatever a form says; a pass opens what it names to a guest and to nobody else, and
/// only to be read and to write a note.
#[test]
fn a_guest_reads_what_a_pass_names_and_nothing_else() {
    let lent = [Action::ListSubmissions, Action::ReadSubmission, Action::ReadFile, Action::WriteNote];
    let guest = staff(&[Role::Guest]);
    for role in Role::ALL {
        for (action, on, resource) in rows(Some(role)) {
            let may = decide(&staff(&[role]), action, &resource).is_ok();
            if let Resource::Lent = resource {
                assert_eq!(may, role == Role::Guest && lent.contains(&action), "{role} {action} {on}");
            }
        }
    }
    for (action, on, resource) in rows(Some(Role::Guest)) {
        let own = matches!(action, Action::SignIn | Action::GiveReason) || matches!(resource, Resource::Lent);
        assert_eq!(decide(&guest, action, &resource).is_ok(), own, "{action} {on}");
    }
    for action in Action::ALL {
        let verdict = decide(&guest, action, &Resource::Lent);
        assert_eq!(verdict.is_ok(), lent.contains(&action), "{action}");
        for other in [Actor::Public, Actor::Subject, Actor::System, key(), Actor::Owner { role: Role::Privacy }] {
            assert_eq!(decide(&other, action, &Resource::Lent).err(), Some(Denial::Hidden), "{other} {action}");
        }
    }
    assert_eq!(allowed_purposes(&guest, &["recruitment".to_owned()]), [""; 0]);
}

/// Who works on a submission lets guests in; the privacy officer sends them away; nobody else learns of them.
#[test]
fn guests_are_let_in_by_those_who_work_on_a_submission() {
    use Denial::{Forbidden, Hidden};
    for (role, admits, dismisses) in [
        (Role::Hr, None, None),
        (Role::Partner, Some(Forbidden), Some(Forbidden)),
        (Role::Privacy, Some(Forbidden), None),
        (Role::Support, Some(Hidden), Some(Hidden)),
        (Role::Guest, Some(Hidden), Some(Hidden)),
        (Role::Admin, Some(Hidden), Some(Hidden)),
        (Role::Auditor, Some(Hidden), Some(Hidden)),
    ] {
        let of = Resource::Submission { roles: &[Role::Hr, Role::Partner] };
        assert_eq!(decide(&staff(&[role]), Action::AdmitGuest, &of).err(), admits, "{role}");
        assert_eq!(decide(&staff(&[role]), Action::DismissGuest, &of).err(), dismisses, "{role}");
    }
    for role in Role::ALL {
        let may = decide(&staff(&[role]), Action::ManageVacancies, &Resource::Vacancies).is_ok();
        assert_eq!(may, matches!(role, Role::Hr | Role::Admin), "{role}");
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
    for action in CONTENT.into_iter().chain(WORK).chain([Action::SetStatus, Action::EraseRecord]) {
        assert_eq!(decide(&staff(&[Role::Support]), action, &foreign).err(), Some(Denial::Hidden), "{action}");
    }
    let list = Resource::Form { roles: HR_FORM };
    for action in [Action::ListSubmissions, Action::SearchSubmissions] {
        assert_eq!(decide(&staff(&[Role::Support]), action, &list).err(), Some(Denial::Hidden));
        assert!(decide(&staff(&[Role::Hr]), action, &list).is_ok());
    }
    assert_eq!(decide(&staff(&[Role::Hr]), Action::EraseRecord, &foreign).err(), Some(Denial::Forbidden));
    assert!(decide(&staff(&[Role::Hr]), Action::ReadFile, &foreign).is_ok());
    // A form shared by both.
    assert!(decide(&staff(&[Role::Support]), Action::ReadFile, &Resource::Submission { roles: &Role::ALL }).is_ok());
}

#[test]
fn the_public_sends_and_may_sign_in_and_the_software_tidies_up_and_counts() {
    for (action, _, resource) in rows(Some(Role::Hr)) {
        let public = decide(&Actor::Public, action, &resource);
        let system = decide(&Actor::System, action, &resource);
        let anybodys = match action {
            Action::Submit | Action::SignIn => resource != Resource::KeyedForm,
            _ => action == Action::ReadBoard,
        };
        assert_eq!(public.is_ok(), anybodys, "{action}");
        let own = [
            Action::SendMail,
            Action::ScanFile,
            Action::CleanUp,
            Action::KeepStatistics,
            Action::ExpireApproval,
            Action::RaiseAlert,
        ];
        assert_eq!(system.is_ok(), own.contains(&action), "{action}");
        assert_ne!(public.err(), Some(Denial::Forbidden), "{action}");
    }
}

#[test]
fn people_deal_with_their_own_submission_only_and_nobody_else_has_one() {
    let own = [
        Action::ListSubmissions,
        CONTENT[0],
        CONTENT[1],
        Action::WriteMessage,
        Action::ConfirmConsent,
        Action::WithdrawConsent,
        Action::DownloadResource,
        Action::EraseRecord,
        Action::ErasePerson,
    ];
    for action in Action::ALL {
        assert_eq!(decide(&Actor::Subject, action, &Resource::Own).is_ok(), own.contains(&action), "{action}");
        for resource in
            [Resource::Submission { roles: &Role::ALL }, Resource::Form { roles: &Role::ALL }, Resource::Subject]
        {
            assert_eq!(decide(&Actor::Subject, action, &resource).err(), Some(Denial::Hidden), "{action} {resource:?}");
        }
        for other in [Actor::Public, Actor::System, staff(&Role::ALL), Actor::Owner { role: Role::Privacy }] {
            assert_eq!(decide(&other, action, &Resource::Own).err(), Some(Denial::Hidden), "{other} {action}");
        }
    }
}

/// Whoever it is, and whatever the form says: one answer to a survey is read by its sender alone.
#[test]
fn nobody_but_its_sender_reads_a_single_answer() {
    let staff_and_owner = Role::ALL.into_iter().flat_map(|role| [staff(&[role]), Actor::Owner { role }]);
    for actor in staff_and_owner.chain([Actor::Public, Actor::System, Actor::Subject, staff(&Role::ALL)]) {
        for roles in [&[][..], &Role::ALL] {
            for action in Action::ALL {
                let may = decide(&actor, action, &Resource::Answer { roles }).is_ok();
                let officer = matches!(&actor, Actor::Owner { role: Role::Privacy })
                    || matches!(&actor, Actor::Staff { roles, .. } if roles.contains(&Role::Privacy));
                assert_eq!(may, action == Action::EraseRecord && officer, "{actor} {action}");
            }
            for action in [Action::ListSubmissions, Action::SearchSubmissions] {
                assert!(decide(&actor, action, &Resource::Survey { roles }).is_err(), "{actor}");
            }
            let results = decide(&actor, Action::ReadResults, &Resource::Survey { roles }).is_ok();
            let reader = match &actor {
                Actor::Owner { role } => role.reads(),
                Actor::Staff { roles, .. } => roles.iter().any(|role| role.reads()),
                _ => false,
            };
            assert_eq!(results, reader && !roles.is_empty(), "{actor}");
        }
    }
    for action in [CONTENT[0], CONTENT[1], Action::EraseRecord, Action::WithdrawConsent, Action::ErasePerson] {
        assert!(decide(&Actor::Subject, action, &Resource::OwnAnswer).is_ok(), "{action}");
    }
    let message = decide(&Actor::Subject, Action::WriteMessage, &Resource::OwnAnswer);
    assert_eq!(message.err(), Some(Denial::Forbidden));
}

#[test]
fn an_answer_stays_one_and_a_form_made_a_survey_keeps_what_it_has() {
    let set = crate::domain::form::FormSet::with_files([]).unwrap();
    let form = |id: &str| set.get(&id.parse().unwrap()).unwrap().clone();
    let answer = Nature::Answer(crate::domain::submission::Group { number: 0, k: 5 });
    let (survey, request) = (form("survey"), form("support-request"));
    assert!(matches!(Resource::of_submission(&survey, answer), Resource::Answer { .. }));
    assert!(matches!(Resource::of_submission(&request, answer), Resource::Answer { .. }));
    assert!(matches!(Resource::of_submission(&survey, Nature::Letter), Resource::Answer { .. }));
    assert!(matches!(Resource::of_submission(&request, Nature::Letter), Resource::Submission { .. }));
}

/// The public reads what is published and nothing else of a board; its readers moderate; its author takes down.
#[test]
fn a_comment_is_moderated_by_its_readers_and_taken_down_by_its_author() {
    for action in Action::ALL {
        for resource in [Resource::Comment { roles: &Role::ALL }, Resource::OwnComment] {
            assert!(decide(&Actor::Public, action, &resource).is_err(), "{action}");
        }
        let board = decide(&Actor::Public, action, &Resource::Board).is_ok();
        assert_eq!(board, action == Action::ReadBoard, "{action}");
    }
    for role in Role::ALL {
        for roles in [&[][..], &[role]] {
            let comment = Resource::Comment { roles };
            let moderates = decide(&staff(&[role]), Action::Moderate, &comment).is_ok();
            assert_eq!(moderates, role.reads() && !roles.is_empty(), "{role}");
            assert!(decide(&staff(&[role]), Action::SetStatus, &comment).is_err(), "{role}");
            assert!(decide(&staff(&[role]), Action::TakeDown, &comment).is_err(), "{role}");
        }
    }
    assert!(decide(&Actor::Subject, Action::TakeDown, &Resource::OwnComment).is_ok());
    for other in [Resource::Own, Resource::OwnAnswer, Resource::Comment { roles: &Role::ALL }, Resource::Board] {
        assert!(decide(&Actor::Subject, Action::TakeDown, &other).is_err(), "{other:?}");
    }
    assert!(decide(&Actor::Subject, Action::Moderate, &Resource::OwnComment).is_err());
}

#[test]
fn a_key_sends_the_forms_that_it_names_and_does_nothing_else() {
    for (action, _, resource) in rows(Some(Role::Hr)) {
        let expected = match (action, resource) {
            (Action::Submit, Resource::KeyedForm) => None,
            (Action::Submit, _) => Some(Denial::Forbidden),
            _ => Some(Denial::Hidden),
        };
        assert_eq!(decide(&key(), action, &resource).err(), expected, "{action} {resource:?}");
        for other in [Actor::Public, Actor::System, Actor::Subject, staff(&Role::ALL)] {
            let verdict = decide(&other, action, &Resource::KeyedForm);
            assert!(verdict.is_err(), "{other} {action}");
        }
    }
    assert_eq!(key().to_string(), "key:shop");
    assert_eq!(allowed_purposes(&key(), &["recruitment".to_owned()]), [""; 0]);
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

/// A scope only ever takes away, and one of some forms lets nothing through before it was brought to one of them.
#[test]
fn a_scope_never_adds_anything() {
    let [mine, other]: [FormId; 2] = ["job-application", "support-request"].map(|id| id.parse().unwrap());
    let scoped = |roles: &[Role], scope: Scope| match staff(roles) {
        Actor::Staff { id, login, roles, .. } => Actor::Staff { id, login, roles, scope },
        actor => actor,
    };
    let mut compared = 0;
    for roles in Role::ALL.iter().map(std::slice::from_ref).chain([Role::ALL.as_slice()]) {
        let plain = staff(roles);
        let everything = scoped(roles, Scope::new(Some(Action::ALL.to_vec()), None));
        let of_mine = scoped(roles, Scope::new(None, Some(vec![mine.clone()])));
        let of_none = scoped(roles, Scope::new(None, Some(Vec::new())));
        for role in Role::ALL {
            for (action, _, resource) in rows(Some(role)) {
                let may = decide(&plain, action, &resource).is_ok();
                let but_this = Action::ALL.into_iter().filter(|one| *one != action).collect();
                let others = scoped(roles, Scope::new(Some(but_this), None));
                assert!(decide(&others, action, &resource).is_err(), "{action} was not in the scope");
                assert_eq!(decide(&everything, action, &resource).is_ok(), may, "{action}: all is as none");
                assert!(decide(&of_mine, action, &resource).is_err(), "{action}: not brought to a form");
                assert_eq!(decide(&of_mine.at(&mine), action, &resource).is_ok(), may);
                assert!(decide(&of_mine.at(&other), action, &resource).is_err(), "{action} at another form");
                assert!(decide(&of_none.at(&mine), action, &resource).is_err());
                compared += 1;
            }
        }
    }
    assert!(compared > 1000, "{compared}");
}

/// Nobody but staff, and of them nobody but who reads the form.
#[test]
fn what_staff_note_among_themselves_is_for_staff() {
    for action in WORK {
        for resource in [Resource::Own, Resource::OwnComment, Resource::OwnAnswer] {
            for actor in [Actor::Subject, Actor::Public, key(), staff(&Role::ALL)] {
                assert_eq!(decide(&actor, action, &resource).err(), Some(Denial::Hidden), "{actor} {action}");
            }
        }
        for roles in [HR_FORM, &[]] {
            let verdict = decide(&staff(&[Role::Hr]), action, &Resource::Submission { roles });
            let wanted = !roles.is_empty() && action != Action::DiscloseNote;
            assert_eq!(verdict.is_ok(), wanted, "{action} {roles:?}");
        }
        // What the person is told of them, the officer decides; whose work it is, the officer does not.
        let officer = decide(&staff(&[Role::Privacy]), action, &Resource::Submission { roles: HR_FORM });
        assert_eq!(officer.is_ok(), !matches!(action, Action::Assign | Action::SetLabels), "{action}");
    }
}

/// Two people means two: whoever asks is never the one who approves, whatever roles they hold, and does it themselves.
#[test]
fn nobody_approves_what_they_asked_for() {
    let (own, other) = (StaffId::from_bytes([7; 16]), StaffId::from_bytes([9; 16]));
    for needed in [Role::Admin, Role::Privacy] {
        let [mine, theirs] = [own, other].map(|asker| Resource::Approval { role: needed, asker });
        for roles in Role::ALL.iter().map(std::slice::from_ref).chain([Role::ALL.as_slice()]) {
            let (actor, holds) = (staff(roles), roles.contains(&needed));
            let denied = |action, resource: &Resource<'_>| decide(&actor, action, resource).err();
            let wanted = |verdict: Option<Denial>| if holds { verdict } else { Some(Denial::Hidden) };
            assert_eq!(denied(Action::Approve, &mine), wanted(Some(Denial::Forbidden)), "{roles:?}");
            assert_eq!(denied(Action::Approve, &theirs), wanted(None), "{roles:?}");
            assert_eq!(denied(Action::UseApproval, &mine), wanted(None), "{roles:?}");
            assert_eq!(denied(Action::UseApproval, &theirs), wanted(Some(Denial::Forbidden)), "{roles:?}");
            assert_eq!(denied(Action::DeclineApproval, &theirs), wanted(None), "{roles:?}");
            assert_eq!(denied(Action::ReadApprovals, &theirs), wanted(None), "{roles:?}");
        }
        for actor in [Actor::Public, Actor::Subject, Actor::System, key()] {
            assert_eq!(decide(&actor, Action::Approve, &theirs).err(), Some(Denial::Hidden), "{actor}");
        }
        let owner = Actor::Owner { role: needed };
        assert_eq!(decide(&owner, Action::Approve, &theirs).err(), Some(Denial::Forbidden));
        assert!(decide(&owner, Action::ReadApprovals, &theirs).is_ok());
    }
}
