//! Who sees what of a form.

use super::*;
use crate::base::clock::Timestamp;
use crate::base::ids::KeyId;
use crate::domain::form::check;
use crate::domain::message::{Author, MessageText};
use crate::domain::submission::{FieldValue, FileInfo};
use crate::policy::LEGAL_BASIS;
use crate::policy::table::staff;

const FORM: &str = r#"id = "move"
version = 3
title = "Moving in"
submit = "Send"
purposes = ["moving"]
legal_basis = "Your request"
roles = ["support", "hr", "training"]
retention_days = 30
notice = "general"

[[fields]]
name = "message"
label = "Message"
kind = "long-text"

[[fields]]
name = "birth"
label = "Date of birth"
kind = "date"
roles = ["hr"]

[[fields]]
name = "course"
label = "Course"
kind = "short-text"
roles = ["training", "privacy"]

[[files]]
name = "passport"
label = "Passport"
max_bytes = 1000
kinds = ["pdf"]
roles = ["hr"]

[[files]]
name = "letter"
label = "Letter"
max_bytes = 1000
kinds = ["pdf"]
"#;

fn form() -> Form {
    check(FORM, "move.toml").unwrap()
}

/// Who is named sees the field and nobody else does: never the other way round. For every set of roles, as an account and at
/// the command line.
#[test]
fn redaction_is_never_inverted() {
    let form = form();
    let parts = [
        ("message", None),
        ("birth", Some(&[Role::Hr][..])),
        ("course", Some(&[Role::Training, Role::Privacy])),
        ("passport", Some(&[Role::Hr])),
        ("letter", None),
    ];
    for set in 0..1_u32 << Role::ALL.len() {
        let roles: Vec<Role> =
            Role::ALL.into_iter().enumerate().filter(|(n, _)| set >> n & 1 == 1).map(|(_, role)| role).collect();
        let mut actors = vec![staff(&roles)];
        if let [role] = roles[..] {
            actors.push(Actor::Owner { role });
        }
        let readers = [Role::Support, Role::Hr, Role::Training, Role::Privacy];
        for actor in actors {
            let sight = sight(&actor, &form, Some("moving"));
            let masked: Vec<&str> = sight.masked().collect();
            for (name, named) in &parts {
                let sees = roles.iter().any(|role| named.unwrap_or(&readers).contains(role));
                let shown = if form.field(name).is_some() { sight.shows_field(name) } else { sight.shows_files(name) };
                assert_eq!(shown, sees, "{actor} {roles:?} {name}");
                assert_eq!(masked.contains(name), !sees, "{actor} {roles:?} {name}");
            }
            assert_eq!(sight.shows_former(), masked.is_empty(), "{roles:?}");
            assert_eq!(sight.shows_field("nickname"), masked.is_empty(), "{roles:?}");
        }
    }
}

#[test]
fn a_subject_request_shows_the_officer_everything_and_nobody_else_more() {
    let form = form();
    for (roles, all) in [
        (&[Role::Privacy][..], true),
        (&[Role::Support, Role::Privacy], true),
        (&[Role::Hr], false),
        (&[Role::Hr, Role::Support, Role::Training, Role::Admin, Role::Auditor], true),
    ] {
        let sight = sight(&staff(roles), &form, Some(SUBJECT_REQUEST));
        assert_eq!((sight.masked().next().is_none(), sight.shows_former(), !sight.may_hide_files()), (all, all, all));
    }
    for purpose in [None, Some("moving"), Some(LEGAL_BASIS), Some("Subject-request"), Some("")] {
        let sight = sight(&Actor::Owner { role: Role::Privacy }, &form, purpose);
        assert_eq!(sight.masked().collect::<Vec<_>>(), ["birth", "passport"], "{purpose:?}");
    }
    let everything = sight(&Actor::Subject, &form, None);
    assert!(everything.shows_field("birth") && everything.shows_former() && everything.masked().next().is_none());
    let key = Actor::Key { id: KeyId::from_bytes([1; 16]), name: "shop".to_owned() };
    for nobody in [Actor::Public, Actor::System, key, staff(&[]), staff(&[Role::Admin, Role::Auditor])] {
        for purpose in [None, Some(SUBJECT_REQUEST), Some("moving")] {
            let sight = sight(&nobody, &form, purpose);
            assert_eq!(sight.masked().count(), 5, "{nobody}");
            assert!(!sight.shows_field("message") && !sight.shows_files("letter") && !sight.shows_former(), "{nobody}");
        }
    }
}

#[test]
fn what_the_form_asked_once_is_for_those_it_names_or_those_who_see_all() {
    let named = check(&FORM.replace("version = 3", "version = 3\nformer_fields = [\"support\"]"), "x").unwrap();
    let open = check(&FORM.replace("roles = [\"hr\"]\n", "").replace("roles = [\"training\", \"privacy\"]\n", ""), "x");
    let open = open.unwrap();
    for (role, in_form, in_named, in_open) in [
        (Role::Support, false, true, true),
        (Role::Hr, false, false, true),
        (Role::Training, false, false, true),
        (Role::Privacy, false, false, true),
        (Role::Marketing, false, false, false),
        (Role::Admin, false, false, false),
    ] {
        let sees = |form: &Form| sight(&staff(&[role]), form, Some("moving")).shows_field("nickname");
        assert_eq!((sees(&form()), sees(&named), sees(&open)), (in_form, in_named, in_open), "{role}");
    }
}

fn file(n: u32, field: &str) -> FileInfo {
    let (name, kind) = (format!("{field}-{n}").as_str().into(), "application/pdf".to_owned());
    FileInfo { n, field: field.to_owned(), name, kind, size: 1, scan: Default::default() }
}

#[test]
fn files_are_numbered_without_gaps_and_each_number_leads_back() {
    let form = form();
    let asked: Vec<String> = ["passport", "letter", "passport", "photo", "letter"].map(str::to_owned).to_vec();
    for (role, shown) in [(Role::Hr, vec![0, 1, 2, 4]), (Role::Support, vec![1, 4]), (Role::Admin, vec![])] {
        let sight = sight(&staff(&[role]), &form, None);
        let mut content = Content {
            form: form.id.clone(),
            form_version: 2,
            notice: "1".to_owned(),
            region: "uk".to_owned(),
            received: Timestamp::from_millis(0),
            fields: [("message", "hello"), ("birth", "1985-04-12"), ("nickname", "Jay")]
                .map(|(name, text)| (name.to_owned(), FieldValue::Text(text.into())))
                .into(),
            consents: Default::default(),
            files: (0..).zip(&asked).map(|(n, field)| file(n, field)).collect(),
            server_key: None,
        };
        let text = MessageText::parse("here").unwrap();
        let at = Timestamp::from_millis(1);
        let mut messages =
            [Message { at, author: Author::Subject, text, files: vec![file(5, "file"), file(6, "file")] }];
        sight.limit(&mut content, &mut messages);
        let names: Vec<String> = content.files.iter().map(|file| file.name.expose().to_owned()).collect();
        let expected: Vec<String> = shown.iter().map(|n| format!("{}-{n}", asked[*n as usize])).collect();
        assert_eq!(names, expected, "{role}");
        let numbers: Vec<u32> = content.files.iter().chain(&messages[0].files).map(|file| file.n).collect();
        assert_eq!(numbers, (0..shown.len() as u32 + 2).collect::<Vec<_>>(), "{role}");
        let truth: Vec<_> = numbers.iter().map(|n| sight.true_number(&asked, *n)).collect();
        // Of the conversation only to who sees it.
        let later = [5, 6].map(|n| sight.shows_messages().then_some(n));
        let all: Vec<_> = shown.iter().copied().map(Some).chain(later).collect();
        assert_eq!(truth, all, "{role}");
        let fields: Vec<&str> = content.fields.keys().map(String::as_str).collect();
        let expected = match role {
            Role::Hr => &["birth", "message"][..],
            Role::Support => &["message"],
            _ => &[],
        };
        assert_eq!(fields, expected, "{role}: what an earlier version asked is for those who see all");
        // The number of a hidden file leads to none of the hidden files.
        for n in numbers.len() as u32..20 {
            let led = sight.true_number(&asked, n);
            assert!(led.is_none_or(|n| n >= 7), "{role} {n}: {led:?}");
        }
        assert_eq!(sight.true_number(&asked, u32::MAX), None);
    }
}
