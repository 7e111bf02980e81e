//! What a role of one's own may do, and that it is never more than it lists.

use super::*;
use crate::base::ids::StaffId;
use crate::policy::table::rows;
use crate::policy::{Actor, Scope, decide};
use std::sync::Arc;

fn name(text: &str) -> CustomRole {
    CustomRole::new(text).unwrap()
}

fn made(actions: &[Action]) -> Arc<CustomRoles> {
    let mut roles = CustomRoles::default();
    roles.make(name("own"), actions).unwrap();
    Arc::new(roles)
}

fn actor(roles: &[Role], custom: &Arc<CustomRoles>) -> Actor {
    Actor::Staff {
        id: StaffId::from_bytes([7; 16]),
        login: "jane".to_owned(),
        roles: roles.to_vec(),
        scope: Scope::default().knowing(Arc::clone(custom)),
    }
}

const OWN: fn() -> Role = || Role::Custom(name("own"));

/// Every row of the table with a form that names the role, and one that does not.
fn all(role: Role) -> Vec<(Action, Resource<'static>)> {
    let named: &'static [Role] = Box::leak(Box::new([role]));
    let mut out = Vec::new();
    for like in [None, Some(Role::Hr)] {
        for (action, _, resource) in rows(like) {
            let names = match &resource {
                Resource::Form { roles }
                | Resource::Survey { roles }
                | Resource::Submission { roles }
                | Resource::Comment { roles }
                | Resource::Answer { roles }
                | Resource::Export { roles, .. } => !roles.is_empty(),
                _ => false,
            };
            let leaked: &'static Resource<'static> = Box::leak(Box::new(resource));
            out.push((action, in_place(leaked, if names { named } else { &[] })));
        }
    }
    out
}

#[test]
fn a_role_that_is_not_made_allows_nothing_but_to_sign_in() {
    for custom in [Arc::new(CustomRoles::default()), made(&[Action::ReadAudit])] {
        let other = Role::Custom(name("other"));
        for (action, resource) in all(other) {
            let allowed = decide(&actor(&[other], &custom), action, &resource).is_ok();
            assert_eq!(allowed, matches!(action, Action::SignIn | Action::GiveReason), "{action} {resource:?}");
        }
    }
    let forgotten = Actor::Staff {
        id: StaffId::from_bytes([7; 16]),
        login: "jane".to_owned(),
        roles: vec![OWN()],
        scope: Scope::default(),
    };
    assert!(decide(&forgotten, Action::ReadSubmission, &Resource::Submission { roles: &[OWN()] }).is_err());
}

/// What is not listed is denied; what is, is allowed only where some built-in role may do it in this place; and never by a form
/// that does not name the role.
#[test]
fn a_role_does_what_it_lists_and_nothing_else() {
    for given in Action::ALL.into_iter().filter(|action| may_be_given(*action)) {
        let custom = made(&[given]);
        let mut used = false;
        for (action, resource) in all(OWN()) {
            let allowed = decide(&actor(&[OWN()], &custom), action, &resource).is_ok();
            let export = matches!(resource, Resource::Export { .. }) && given == Action::ExportSubmissions;
            let covered = match &resource {
                Resource::Form { .. } | Resource::Survey { .. } if action == Action::ReadForms => true,
                Resource::Form { roles }
                | Resource::Survey { roles }
                | Resource::Submission { roles }
                | Resource::Comment { roles }
                | Resource::Answer { roles }
                | Resource::Export { roles, .. } => roles.contains(&OWN()),
                _ => true,
            };
            let everybodys = matches!(action, Action::SignIn | Action::GiveReason);
            if allowed && !everybodys {
                used = true;
                assert!(action == given || export, "{given} allows {action} on {resource:?}");
                assert!(covered, "{given} allows {action} on {resource:?}, which does not name the role");
                let somebody =
                    Role::ALL.iter().any(|like| rules::for_role(*like, action, &in_place(&resource, &[*like])).is_ok());
                assert!(somebody, "{given} allows {action} on {resource:?}, which nobody may");
            }
        }
        assert!(used, "{given} may be given and allows nothing");
    }
}

/// The same table, told from the other side: what two people hand out is in no such role, whatever it lists.
#[test]
fn what_it_takes_two_to_hand_out_is_in_no_role_of_ones_own() {
    let everything: Vec<Action> = Action::ALL.into_iter().filter(|action| may_be_given(*action)).collect();
    let custom = made(&everything);
    let mut roles = CustomRoles::default();
    for action in [
        Action::ManageStaff,
        Action::ErasePerson,
        Action::EraseRecord,
        Action::DiscloseNote,
        Action::Approve,
        Action::SettleAlert,
        Action::SendMail,
        Action::Submit,
    ] {
        assert_eq!(roles.make(name("own"), &[Action::ReadAudit, action]), Err(BadCustomRole::Reserved(action)));
        for (on, resource) in all(OWN()).into_iter().filter(|(on, _)| *on == action) {
            assert!(decide(&actor(&[OWN()], &custom), on, &resource).is_err(), "{on} {resource:?}");
        }
    }
    assert_eq!(roles.make(name("own"), &[]), Err(BadCustomRole::Empty));
    assert_eq!(roles.iter().count(), 0, "what is refused makes nothing");
    roles.make(name("own"), &[Action::ReadAudit]).unwrap();
    assert_eq!(roles.make(name("own"), &[Action::ReadStatus]), Err(BadCustomRole::Twice));
    let (own, other) = (StaffId::from_bytes([7; 16]), StaffId::from_bytes([9; 16]));
    for (role, asker) in [(Role::Admin, own), (Role::Privacy, own), (Role::Admin, other)] {
        let resource = Resource::Approval { role, asker };
        for action in [Action::ReadApprovals, Action::AskApproval, Action::Approve, Action::UseApproval] {
            assert_eq!(decide(&actor(&[OWN()], &custom), action, &resource).unwrap_err(), Denial::Hidden);
        }
    }
}

/// A reader who is told no hears the same as other readers; who does not read the form hears that there is nothing.
#[test]
fn denials_tell_no_more_than_those_of_other_readers() {
    let custom = made(&[Action::ListSubmissions]);
    let ask = |action, resource: Resource<'_>| decide(&actor(&[OWN()], &custom), action, &resource).map(drop);
    let own = [OWN()];
    assert_eq!(ask(Action::ListSubmissions, Resource::Form { roles: &own }), Ok(()));
    assert_eq!(ask(Action::ReadSubmission, Resource::Submission { roles: &own }), Err(Denial::Forbidden));
    assert_eq!(ask(Action::EraseRecord, Resource::Submission { roles: &own }), Err(Denial::Forbidden));
    assert_eq!(ask(Action::ReadSubmission, Resource::Submission { roles: &[Role::Hr] }), Err(Denial::Hidden));
    assert_eq!(ask(Action::ListSubmissions, Resource::Form { roles: &[] }), Err(Denial::Hidden));
    assert_eq!(ask(Action::FindSubject, Resource::Subject), Err(Denial::Hidden));
    assert_eq!(ask(Action::ReadAudit, Resource::Audit), Err(Denial::Forbidden));
    // Beside another role each allows what it allows.
    let both = actor(&[OWN(), Role::Auditor], &custom);
    assert!(decide(&both, Action::ReadAudit, &Resource::Audit).is_ok());
    assert_eq!(decide(&both, Action::ReadFile, &Resource::Submission { roles: &own }).unwrap_err(), Denial::Forbidden);
}

/// A token of such an account takes away what it takes away from others.
#[test]
fn a_token_takes_away_from_such_a_role_too() {
    let custom = made(&[Action::ListSubmissions, Action::ReadSubmission]);
    let scope = Scope::new(Some(vec![Action::ListSubmissions]), None).knowing(custom);
    let who = Actor::Staff { id: StaffId::from_bytes([7; 16]), login: "t".to_owned(), roles: vec![OWN()], scope };
    assert!(decide(&who, Action::ListSubmissions, &Resource::Form { roles: &[OWN()] }).is_ok());
    assert!(decide(&who, Action::ReadSubmission, &Resource::Submission { roles: &[OWN()] }).is_err());
}
