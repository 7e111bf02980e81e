//! Every mistake is told, with its field and a stable code, and nothing that was typed is repeated.

mod kinds;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::form::check;
use crate::domain::submission::FieldValue;

/// One field of each kind, every rule in use.
fn form() -> Form {
    let text = r#"
id = "everything"
version = 1
title = "T"
submit = "S"
purposes = ["testing"]
legal_basis = "L"
roles = ["support"]
retention_days = 1
subject = "email"
notice = { version = "1", text = "N" }
fields = [
  { name = "name", label = "Name", kind = "short-text", required = true, min_length = 2, max_length = 10 },
  { name = "email", label = "E-mail", kind = "email", required = true },
  { name = "phone", label = "Phone", kind = "phone" },
  { name = "letter", label = "Letter", kind = "long-text", max_length = 20000 },
  { name = "topic", label = "Topic", kind = "choice", options = [{ value = "a", label = "A" }, { value = "b", label = "B" }] },
  { name = "terms", label = "Terms", kind = "yes-no", required = true },
  { name = "urgent", label = "Urgent", kind = "yes-no" },
]
files = [{ name = "cv", label = "CV", required = true, max_bytes = 100, max_files = 2, kinds = ["pdf", "txt"] }]
consents = [{ name = "news", wording = "W", version = "7" }]
"#;
    check(text, "everything.toml").unwrap()
}

const PDF: SentFile = SentFile { size: 100, kind: Some(FileKind::Pdf) };

/// A draft that is valid but for `name`, which is left out.
fn without(name: &str) -> Draft {
    let mut draft = Draft::default();
    for (field, value) in [("name", "Jane"), ("email", "jane@example.org"), ("terms", "on")] {
        if field != name {
            draft.text(field, value.into()).unwrap();
        }
    }
    if name != "cv" {
        draft.file("cv", PDF).unwrap();
    }
    draft
}

/// What is wrong when `name` has this value and everything else is well.
fn wrong(name: &str, value: &str) -> Vec<(Option<String>, &'static str)> {
    let mut draft = without(name);
    draft.text(name, value.into()).unwrap();
    codes(draft)
}

fn codes(draft: Draft) -> Vec<(Option<String>, &'static str)> {
    let problems = draft.validate(&form()).err().unwrap_or_default();
    problems.into_iter().map(|p| (p.field, p.code)).collect()
}

#[track_caller]
fn assert_wrong(name: &str, value: &str, code: &'static str) {
    assert_eq!(wrong(name, value), [(Some(name.to_owned()), code)], "{name} = {value:?}");
}

fn kept(name: &str, value: &str) -> Option<String> {
    let mut draft = without(name);
    draft.text(name, value.into()).unwrap();
    match draft.validate(&form()).unwrap().fields.remove(name) {
        Some(FieldValue::Text(text)) => Some(text.expose().to_owned()),
        Some(_) => panic!("not text"),
        None => None,
    }
}

#[test]
fn a_valid_draft_is_normalised() {
    assert_eq!(kept("name", "  Rene\u{301} ").as_deref(), Some("René"));
    assert_eq!(kept("letter", " a\r\n\tb\rc\n ").as_deref(), Some(" a\n\tb\nc\n "));
    assert_eq!(kept("email", " Jane@Example.ORG ").as_deref(), Some("Jane@Example.ORG"));
    assert_eq!(kept("phone", "\u{202a}+44\u{a0}(0)20 7946-0958\u{202c}").as_deref(), Some("+442079460958"));
    assert_eq!(kept("topic", "b").as_deref(), Some("b"));
    for optional in ["phone", "letter", "topic"] {
        assert_eq!(kept(optional, " \r\n "), None);
    }
    let valid = without("").validate(&form()).unwrap();
    assert_eq!(valid.email.unwrap().canonical(), "jane@example.org");
    assert_eq!(valid.fields["terms"], FieldValue::Bool(true));
    assert_eq!(valid.fields["urgent"], FieldValue::Bool(false));
    assert_eq!(valid.fields.len(), 4);
    assert_eq!(valid.consents["news"], ConsentGiven { given: false, wording: "7".into() });
}

#[test]
fn each_mistake_has_its_code() {
    for name in ["name", "email"] {
        for empty in ["", "  ", "\t\r\n", "\u{a0}"] {
            assert_wrong(name, empty, "required");
        }
        assert_eq!(codes(without(name)), [(Some(name.to_owned()), "required")]);
    }
    assert_wrong("terms", "off", "required");
    assert_wrong("terms", "maybe", "wrong-type");
    assert_wrong("terms", "ON", "wrong-type");
    assert_eq!(codes(without("terms")), [(Some("terms".to_owned()), "required")]);
    assert_wrong("name", "J", "too-short");
    assert_wrong("name", "Jane Jane J", "too-long");
    assert_wrong("letter", &"x".repeat(20_001), "too-long");
    for bad in ["Ja\nne", "Ja\tne", "Ja\0ne", "\0", "Ja\u{7f}ne", "Ja\u{9b}ne", "Ja\u{202e}ne"] {
        assert_wrong("name", bad, "control-characters");
    }
    for bad in ["a\0b", "a\u{1b}[31mb", "\u{8}", "a\u{85}b", "a\u{202d}b"] {
        assert_wrong("letter", bad, "control-characters");
    }
    for bad in ["jane", "jane@", "jane@localhost", "jane@example.org\0", "a@b@c.org", "jane @example.org"] {
        assert_wrong("email", bad, "bad-email");
    }
    for bad in [
        "1234",
        "1234567890123456",
        "call me",
        "+44 20 x 7946",
        "44+207946",
        "++4420794",
        "٠١٢٣٤٥",
        "12345\n6",
        "020 7946 0958",
    ] {
        assert_wrong("phone", bad, "bad-phone");
    }
    for bad in ["c", "A", "a,b"] {
        assert_wrong("topic", bad, "bad-choice");
    }
}

#[test]
fn lengths_count_characters_after_normalisation() {
    assert_eq!(kept("name", &"é".repeat(10)).map(|s| s.len()), Some(20));
    assert_eq!(kept("name", &"e\u{301}".repeat(10)).map(|s| s.len()), Some(20));
    assert_eq!(kept("name", &format!("  {}  ", "x".repeat(10))).map(|s| s.len()), Some(10));
    assert_eq!(kept("letter", &"\r\n".repeat(19_999).replacen("\r\n", "x\r\n", 1)).map(|s| s.len()), Some(20_000));
    assert_eq!(kept("letter", &"x".repeat(20_000)).map(|s| s.len()), Some(20_000));
}

#[test]
fn all_mistakes_come_at_once_in_the_order_of_the_form() {
    let mut draft = Draft::default();
    draft.text("zzz", "1".into()).unwrap();
    draft.consent("spam", true).unwrap();
    draft.text("phone", "x".into()).unwrap();
    draft.text("email", "x".into()).unwrap();
    let found = codes(draft);
    let found: Vec<(&str, &str)> = found.iter().map(|(field, code)| (field.as_deref().unwrap(), *code)).collect();
    assert_eq!(
        found,
        [
            ("name", "required"),
            ("email", "bad-email"),
            ("phone", "bad-phone"),
            ("terms", "required"),
            ("cv", "required"),
            ("zzz", "unknown-field"),
            ("spam", "unknown-consent"),
        ]
    );
}

#[test]
fn a_field_comes_once() {
    let mut draft = without("");
    draft.text("name", "Joe".into()).unwrap();
    draft.text("name", "Jim".into()).unwrap();
    draft.consent("news", false).unwrap();
    draft.consent("news", true).unwrap();
    assert_eq!(codes(draft), [(Some("name".into()), "repeated-field"), (Some("news".into()), "repeated-field")]);
}

#[test]
fn consent_is_never_assumed() {
    let given = |value: &str| {
        let mut draft = without("");
        draft.consent_text("news", value).unwrap();
        draft.validate(&form()).map(|valid| valid.consents["news"].given).map_err(|p| p[0].code)
    };
    assert_eq!((given("on"), given("true"), given("off"), given("")), (Ok(true), Ok(true), Ok(false), Ok(false)));
    assert_eq!(
        (given("maybe"), given("TRUE"), given(" on")),
        (Err("wrong-type"), Err("wrong-type"), Err("wrong-type"))
    );
    // A consent is not a field.
    assert_wrong("news", "on", "unknown-field");
}

#[test]
fn files_keep_the_rules() {
    let with = |files: &[SentFile]| {
        let mut draft = without("cv");
        files.iter().for_each(|file| draft.file("cv", *file).unwrap());
        codes(draft).into_iter().map(|(field, code)| (field.unwrap(), code)).collect::<Vec<_>>()
    };
    let cv = |code| vec![("cv".to_owned(), code)];
    assert_eq!(with(&[PDF]), []);
    assert_eq!(with(&[PDF, SentFile { kind: Some(FileKind::Txt), ..PDF }]), []);
    assert_eq!(with(&[]), cv("required"));
    assert_eq!(with(&[PDF, PDF, PDF]), cv("too-many-files"));
    assert_eq!(with(&[SentFile { size: 101, ..PDF }]), cv("file-too-large"));
    assert_eq!(with(&[SentFile { size: 0, kind: None }]), cv("empty-file"));
    assert_eq!(with(&[SentFile { kind: None, ..PDF }]), cv("wrong-file-type"));
    assert_eq!(with(&[PDF, SentFile { kind: Some(FileKind::Docx), ..PDF }]), cv("wrong-file-type"));

    let mut draft = without("cv");
    draft.text("cv", "JVBERi0=".into()).unwrap();
    draft.file("name", PDF).unwrap();
    draft.file("photo", PDF).unwrap();
    let expected = [
        (Some("cv".into()), "wrong-type"),
        (Some("name".into()), "wrong-type"),
        (Some("photo".into()), "unknown-field"),
    ];
    assert_eq!(codes(draft), expected);
}

#[test]
fn json_keeps_its_types() {
    let from = |body: Value| {
        let mut draft = Draft::from_json(body);
        draft.file("cv", PDF).unwrap();
        draft.validate(&form())
    };
    let valid =
        from(json!({"fields": {"name": "Jane", "email": "j@example.org", "terms": true}, "consents": {"news": true}}));
    let valid = valid.unwrap();
    assert!(valid.consents["news"].given && valid.fields["terms"] == FieldValue::Bool(true));

    let told = |body: Value| -> Vec<(Option<String>, &'static str)> {
        from(body).unwrap_err().into_iter().map(|p| (p.field, p.code)).collect()
    };
    for value in [json!(1), json!(null), json!(["Jane"]), json!({"first": "Jane"}), json!(true)] {
        let body = json!({"fields": {"name": value, "email": "j@example.org", "terms": true}});
        assert_eq!(told(body), [(Some("name".into()), "wrong-type")], "{value}");
    }
    for value in [json!(1), json!(null), json!([true])] {
        let body = json!({"fields": {"name": "Jane", "email": "j@example.org", "terms": value}});
        assert_eq!(told(body), [(Some("terms".into()), "wrong-type")], "{value}");
    }
    for value in [json!(1), json!(null), json!("true"), json!("on")] {
        let body =
            json!({"fields": {"name": "Jane", "email": "j@example.org", "terms": true}, "consents": {"news": value}});
        assert_eq!(told(body), [(Some("news".into()), "wrong-type")], "{value}");
    }
    assert_eq!(told(json!([]))[0], (None, "wrong-type"));
    assert_eq!(told(json!({"fields": []}))[0], (Some("fields".into()), "wrong-type"));
    assert_eq!(told(json!({"Fields": {}}))[0], (None, "unknown-field"));
    assert_eq!(told(json!({"extra": {}}))[0], (Some("extra".into()), "unknown-field"));
}

#[test]
fn the_whole_is_limited() {
    let mut draft = without("");
    assert_eq!(draft.text("letter", "x".repeat(MAX_TEXT_BYTES)), Err(TooMuchText));
    assert_eq!(draft.text("phone", "+44 20 7946 0958".into()), Ok(()));
    assert_eq!(codes(draft), [(None, "too-much-text")]);

    let mut draft = Draft::default();
    let room = (0..100_000).take_while(|n| draft.text(&format!("f{n}"), String::new()).is_ok()).count();
    assert_eq!(room, MAX_PARTS);
    assert!(codes(draft).len() <= MAX_UNKNOWN + 10);

    let mut draft = Draft::default();
    assert_eq!(draft.consent(&"x".repeat(MAX_TEXT_BYTES + 1), true), Err(TooMuchText));
    // A musical note is 4 bytes as sent and 12 in normal form C: three characters.
    let mut draft = without("");
    draft.text("letter", "\u{1d160}".repeat(6_000)).unwrap();
    assert_eq!(codes(draft), [(None, "too-much-text")]);
    // A required field that found no room is not called missing.
    let mut draft = without("name");
    assert_eq!(draft.text("name", "x".repeat(MAX_TEXT_BYTES)), Err(TooMuchText));
    assert_eq!(codes(draft), [(None, "too-much-text")]);
}

#[test]
fn nothing_typed_is_repeated() {
    let secret = "zq7\u{202e}secret";
    let mut draft = Draft::default();
    for name in ["name", "email", "phone", "letter", "topic", "terms", secret, "cv"] {
        draft.text(name, secret.into()).unwrap();
    }
    draft.consent_text("news", secret).unwrap();
    draft.consent(secret, true).unwrap();
    assert_eq!(format!("{draft:?}"), "Draft(8 answers, 2 consents, 0 files)");
    let problems = draft.validate(&form()).unwrap_err();
    assert_eq!(problems.len(), 10, "{problems:?}");
    assert!(!format!("{problems:?}").contains("zq7"), "{problems:?}");
}

proptest! {
    #[test]
    fn anything_may_come(parts in prop::collection::vec((prop_oneof![Just("name"), Just("email"), Just("phone"),
        Just("letter"), Just("topic"), Just("terms"), Just("zzz")], any::<String>()), 0..12))
    {
        let mut draft = Draft::default();
        for (name, value) in &parts {
            draft.text(name, value.clone()).unwrap();
        }
        draft.file("cv", PDF).unwrap();
        if let Ok(valid) = draft.validate(&form()) {
            prop_assert!(valid.email.is_some() && valid.fields.contains_key("name"));
            for value in valid.fields.values() {
                if let FieldValue::Text(text) = value {
                    prop_assert!(!text.expose().chars().any(|c| c.is_control() && c != '\n' && c != '\t'));
                }
            }
        }
    }
}
