//! `docs/form.schema.json` says of a form file what the parser says, as far as a schema can.

use jsonschema::Validator;
use serde_json::Value;

use super::*;
use crate::domain::form::set::FORMS;
use crate::domain::scan::Unscanned;

fn schema() -> Validator {
    let schema: Value = serde_json::from_str(include_str!("../../../../docs/form.schema.json")).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// As an editor sees a TOML file: dates are texts.
fn json(text: &str) -> Value {
    fn plain(value: toml::Value) -> Value {
        match value {
            toml::Value::Datetime(date) => date.to_string().into(),
            toml::Value::Array(items) => items.into_iter().map(plain).collect(),
            toml::Value::Table(table) => Value::Object(table.into_iter().map(|(k, v)| (k, plain(v))).collect()),
            other => serde_json::to_value(other).unwrap(),
        }
    }
    plain(toml::Value::Table(text.parse().unwrap()))
}

#[test]
fn every_shipped_form_is_valid_by_it() {
    let schema = schema();
    for (file, text) in FORMS {
        let mistakes: Vec<String> =
            schema.iter_errors(&json(text)).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(mistakes.is_empty(), "{file}: {mistakes:?}");
    }
    assert!(schema.is_valid(&json(SMALL)));
    assert!(schema.is_valid(&json(include_str!("../../../../tests/support/targets/every_kind.toml"))));
}

#[test]
fn parser_and_schema_refuse_the_same_mistakes() {
    let schema = schema();
    for (from, to) in [
        ("id = \"call-back\"", "id = \"Call back\""),
        ("version = 3", "version = 0"),
        ("title = \"Call me back\"", "title = \" \""),
        ("submit =", "submitt ="),
        ("version = 3", "version = 3\nkind = \"poll\""),
        ("version = 3", "version = 3\nk = 5"),
        ("version = 3", "version = 3\nkind = \"survey\"\nk = 4"),
        ("version = 3", "version = 3\nkind = \"referral\""),
        ("version = 3", "version = 3\ncountry = \"gb\""),
        ("version = 3", "version = 3\nmin_seconds = 61"),
        ("version = 3", "version = 3\nproof_of_work = 1"),
        ("version = 3", "version = 3\norigins = [\"https://www.example.org/\"]"),
        ("version = 3", "version = 3\norigins = [\"http://www.example.org\"]"),
        ("version = 3", "version = 3\norigins = [\"*\"]"),
        ("version = 3", "version = 3\nreturn_to = [\"/thanks\"]"),
        ("version = 3", "version = 3\nreturn_to = [\"https://www.example.org/#a\"]"),
        ("version = 3", "version = 3\nthanks = \"http://www.example.org/thanks\""),
        ("version = 3", "version = 3\nreturn_at_once = true"),
        ("version = 3", "version = 3\nunscanned = \"ignore\""),
        ("purposes = [\"support\"]", "purposes = []"),
        ("roles = [\"support\"]", "roles = [\"admin\"]"),
        ("retention_days = 30", "retention_days = 9999"),
        ("kind = \"email\"", "kind = \"mail\""),
        ("kind = \"email\"", "kind = \"email\"\nroles = []"),
        ("kind = \"email\"", "kind = \"email\"\nroles = [\"admin\"]"),
        ("max_files = 2", "max_files = 2\nroles = [\"support\", \"support\"]"),
        ("version = 3", "version = 3\nformer_fields = [\"auditor\"]"),
        ("kind = \"email\"", "kind = \"email\"\nmax_length = 9"),
        ("kind = \"email\"", "kind = \"email\"\nscale = 5"),
        ("kind = \"choice\"\noptions", "kind = \"choice\"\n#"),
        ("max_length = 500", "max_length = 20001"),
        ("max_length = 500", "pattern = 'a'"),
        ("max_bytes = 1000", "max_bytes = 0"),
        ("kinds = [\"pdf\"]", "kinds = [\"exe\"]"),
        ("version = \"1\"", "version = \"1\"\nrequired = true"),
        ("version = \"1\"", ""),
    ] {
        assert!(SMALL.contains(from), "the test does not fit the form: {from}");
        let text = SMALL.replacen(from, to, 1);
        assert!(check(&text, "x.toml").is_err(), "the parser takes {to}");
        assert!(!schema.is_valid(&json(&text)), "the schema takes {to}");
    }
}

#[test]
fn it_names_every_kind_and_role() {
    let schema: Value = serde_json::from_str(include_str!("../../../../docs/form.schema.json")).unwrap();
    let names =
        |place: &str| -> Vec<String> { serde_json::from_value(schema.pointer(place).unwrap().clone()).unwrap() };
    assert_eq!(names("/properties/kind/enum"), FormKind::NAMES);
    assert_eq!(names("/properties/fields/items/properties/kind/enum"), FieldKind::NAMES);
    let readers: Vec<&str> = Role::ALL.iter().filter(|role| role.reads()).map(Role::as_str).collect();
    for place in ["roles", "former_fields", "fields/items/properties/roles", "files/items/properties/roles"] {
        assert_eq!(names(&format!("/properties/{place}/items/anyOf/0/enum")), readers, "{place}");
    }
    assert_eq!(names("/properties/unscanned/enum"), Unscanned::ALL.map(Unscanned::as_str));
}
