//! The kinds of fields beyond plain texts: what is kept, and what is told.

use serde_json::{Value, json};

use super::*;

/// A field of every further kind; `more` goes into the head of the form.
fn form(more: &str) -> Form {
    let text = format!(
        r#"
id = "kinds"
version = 1
title = "T"
submit = "S"
purposes = ["testing"]
legal_basis = "L"
roles = ["support"]
retention_days = 1
notice = {{ version = "1", text = "N" }}
{more}
fields = [
  {{ name = "phone", label = "Phone", kind = "phone" }},
  {{ name = "site", label = "Site", kind = "url" }},
  {{ name = "count", label = "Count", kind = "number", min = 1, max = 10 }},
  {{ name = "share", label = "Share", kind = "number", min = -1.5, decimals = 2 }},
  {{ name = "day", label = "Day", kind = "date", earliest = 2024-02-01, latest = 2028-12-31 }},
  {{ name = "many", label = "Many", kind = "choices", min_picked = 2, max_picked = 2, options = [
    {{ value = "a", label = "A" }}, {{ value = "b", label = "B" }}, {{ value = "c", label = "C" }} ] }},
  {{ name = "mark", label = "Mark", kind = "rating", scale = 5 }},
  {{ name = "home", label = "Home", kind = "postal-address" }},
  {{ name = "code", label = "Code", kind = "short-text", pattern = "[A-Z]{{2}}[0-9]+", pattern_help = "two letters and digits" }},
  {{ name = "other", label = "Other", kind = "yes-no" }},
  {{ name = "which", label = "Which", kind = "short-text", required = true, shown_when = {{ field = "other", is = [true] }} }},
  {{ name = "why", label = "Why", kind = "choice", shown_when = {{ field = "mark", is = [1, 2] }}, options = [
    {{ value = "slow", label = "Slow" }}, {{ value = "dear", label = "Dear" }} ] }},
  {{ name = "how", label = "How", kind = "long-text", required = true, shown_when = {{ field = "why", is = ["slow"] }} }},
]
"#
    );
    check(&text, "kinds.toml").unwrap()
}

fn validated(sent: &[(&str, Value)]) -> Result<Fields, Vec<(String, &'static str)>> {
    let mut draft = Draft::default();
    for (name, value) in sent {
        draft.json(name, value.clone()).unwrap();
    }
    let told = |problems: Vec<Problem>| problems.into_iter().map(|p| (p.field.unwrap_or_default(), p.code)).collect();
    draft.validate(&form("")).map(|valid| valid.fields).map_err(told)
}

#[track_caller]
fn kept(name: &str, value: Value) -> Value {
    validated(&[(name, value)]).unwrap().get(name).map_or(Value::Null, FieldValue::to_json)
}

#[track_caller]
fn told(name: &str, value: Value, code: &'static str) {
    assert_eq!(validated(&[(name, value.clone())]).unwrap_err(), [(name.to_owned(), code)], "{name} = {value}");
}

#[test]
fn each_kind_keeps_one_spelling() {
    assert_eq!(kept("phone", json!("+44 (0)20 7946 0958")), "+442079460958");
    assert_eq!(kept("site", json!(" HTTPS://Bücher.Example ")), "https://xn--bcher-kva.example/");
    for ten in [json!("7"), json!("07"), json!(7), json!(7.0), json!("7.0")] {
        assert_eq!(kept("count", ten), 7);
    }
    assert_eq!(kept("share", json!("-1.50")), -1.5);
    assert_eq!(kept("share", json!(0.25)), 0.25);
    assert_eq!(kept("day", json!("2024-02-29")), "2024-02-29");
    assert_eq!(kept("many", json!(["c", "a"])), json!(["a", "c"]));
    assert_eq!(kept("mark", json!("3")), 3);
    assert_eq!(kept("code", json!(" AB12 ")), "AB12");
    let home = json!({"line1": " 1 High St", "town": "Leeds", "country": "GB", "line2": ""});
    assert_eq!(kept("home", home), json!({"line1": "1 High St", "town": "Leeds", "country": "GB"}));
    for (name, empty) in [
        ("phone", json!("")),
        ("site", json!(" ")),
        ("count", json!("")),
        ("day", json!("")),
        ("many", json!([])),
        ("many", json!("")),
        ("mark", json!("")),
        ("home", json!({"line1": " ", "country": "GB"})),
    ] {
        assert_eq!(kept(name, empty), Value::Null, "{name}");
    }
}

#[test]
fn each_mistake_of_a_kind_has_its_code() {
    for bad in [
        "example.org",
        "ftp://example.org",
        "javascript:alert(1)",
        "http:example.org",
        "https://",
        "https://a b.org",
        "https://user:secret@example.org",
        "//example.org",
        "https://example.org/\u{202e}x",
        "data:text/html,x",
    ] {
        told("site", json!(bad), "bad-url");
    }
    told("site", json!(format!("https://example.org/{}", "a".repeat(2000))), "too-long");
    told("site", json!(7), "wrong-type");
    for (value, code) in [
        (json!("0"), "too-small"),
        (json!(11), "too-large"),
        (json!("2.5"), "bad-number"),
        (json!("two"), "bad-number"),
        (json!("1e0"), "bad-number"),
        (json!(true), "wrong-type"),
        (json!([1]), "wrong-type"),
        (json!(null), "wrong-type"),
    ] {
        told("count", value, code);
    }
    told("share", json!("-1.51"), "too-small");
    told("share", json!("1.234"), "bad-number");
    for (value, code) in [
        ("2023-02-29", "bad-date"),
        ("2024-13-01", "bad-date"),
        ("29.02.2024", "bad-date"),
        ("2024-2-29", "bad-date"),
        ("2024-02-29T00:00:00", "bad-date"),
        ("2024-01-31", "too-early"),
        ("2029-01-01", "too-late"),
        ("today", "bad-date"),
    ] {
        told("day", json!(value), code);
    }
    for (value, code) in [
        (json!(["a"]), "too-few"),
        (json!("a"), "too-few"),
        (json!(["a", "b", "c"]), "too-many"),
        (json!(["a", "x"]), "bad-choice"),
        (json!(["a", "a"]), "repeated-choice"),
        (json!([1, 2]), "wrong-type"),
        (json!(7), "wrong-type"),
        (json!({}), "wrong-type"),
    ] {
        told("many", value, code);
    }
    for (value, code) in [
        (json!(0), "bad-rating"),
        (json!(6), "bad-rating"),
        (json!(2.5), "bad-rating"),
        (json!("good"), "bad-rating"),
        (json!(true), "wrong-type"),
    ] {
        told("mark", value, code);
    }
    for bad in ["ab12", "AB", "AB12\u{661}", "xAB12", "AB12 x"] {
        told("code", json!(bad), "wrong-pattern");
    }
    told("home", json!("1 High St, Leeds"), "wrong-type");
    told("home", json!({"line1": "1 High St", "planet": "Mars"}), "wrong-type");
    told("home", json!({"line1": 1}), "wrong-type");
    let problems = validated(&[("home", json!({"postcode": "LS1 1AA LS1 1AA LS1", "country": "UK"}))]).unwrap_err();
    let problems: Vec<(&str, &str)> = problems.iter().map(|(field, code)| (field.as_str(), *code)).collect();
    let expected = [
        ("home.line1", "required"),
        ("home.town", "required"),
        ("home.postcode", "too-long"),
        ("home.country", "bad-country"),
    ];
    assert_eq!(problems, expected);
}

#[test]
fn what_is_not_asked_is_not_needed_and_not_kept() {
    let hidden =
        validated(&[("which", json!("x")), ("how", json!(7)), ("why", json!("slow")), ("why", json!("x"))]).unwrap();
    assert_eq!(hidden.keys().collect::<Vec<_>>(), ["other"]);
    assert_eq!(validated(&[("other", json!(true))]).unwrap_err(), [("which".to_owned(), "required")]);
    let shown = validated(&[("other", json!(true)), ("which", json!("x"))]).unwrap();
    assert_eq!(shown["which"].to_json(), "x");
    // A field that depends on one that is not asked is not asked either.
    let chain = validated(&[("mark", json!(5)), ("why", json!("slow")), ("how", json!("h"))]).unwrap();
    assert_eq!(chain.keys().collect::<Vec<_>>(), ["mark", "other"]);
    let chain = validated(&[("mark", json!(1)), ("why", json!("slow"))]).unwrap_err();
    assert_eq!(chain, [("how".to_owned(), "required")]);
}

#[test]
fn a_form_post_sends_options_and_parts_one_by_one() {
    let sent = |pairs: &[(&str, &str)], form: &Form| {
        let mut draft = Draft::default();
        for (name, value) in pairs {
            draft.text(name, (*value).to_owned()).unwrap();
        }
        draft.validate(form).map(|valid| valid.fields)
    };
    let plain = form("");
    let fields = sent(
        &[
            ("many", "b"),
            ("many", "a"),
            ("home.line1", "1 High St"),
            ("home.town", "Leeds"),
            ("home.country", "GB"),
            ("home.region", ""),
        ],
        &plain,
    )
    .unwrap();
    assert_eq!(fields["many"].to_json(), json!(["a", "b"]));
    assert_eq!(fields["home"].to_json()["town"], "Leeds");
    let codes = |pairs: &[(&str, &str)]| -> Vec<(String, &'static str)> {
        let problems = sent(pairs, &plain).unwrap_err();
        problems.into_iter().map(|p| (p.field.unwrap_or_default(), p.code)).collect()
    };
    let repeated = |name: &str| vec![(name.to_owned(), "repeated-field")];
    assert_eq!(codes(&[("count", "1"), ("count", "2")]), repeated("count"));
    assert_eq!(codes(&[("home.town", "a"), ("home.town", "b")]), repeated("home"));
    assert_eq!(codes(&[("home.planet", "Mars")])[0].1, "unknown-field");
    assert_eq!(codes(&[("many.line1", "x")])[0].1, "unknown-field");
    // The country of the form stands in where none came: for numbers as for addresses.
    let british = form("country = \"GB\"");
    let fields =
        sent(&[("phone", "020 7946 0958"), ("home.line1", "1 High St"), ("home.town", "Leeds")], &british).unwrap();
    assert_eq!(fields["phone"].to_json(), "+442079460958");
    assert_eq!(fields["home"].to_json()["country"], "GB");
}

#[test]
fn a_newsletter_needs_its_consent() {
    let text = include_str!("../../../../../forms/newsletter.toml");
    let newsletter = check(text, "newsletter.toml").unwrap();
    let subscribed = |given: Option<bool>| {
        let mut draft = Draft::default();
        draft.text("email", "jane@example.org".into()).unwrap();
        if let Some(given) = given {
            draft.consent("newsletter", given).unwrap();
        }
        draft.validate(&newsletter).map(|valid| valid.consents["newsletter"].given).map_err(|p| p[0].code)
    };
    assert_eq!(subscribed(Some(true)), Ok(true));
    assert_eq!((subscribed(Some(false)), subscribed(None)), (Err("required"), Err("required")));
}

#[test]
fn everything_counts_against_the_limit() {
    let mut draft = Draft::default();
    let long = "x".repeat(MAX_TEXT_BYTES / 2);
    draft.json("many", json!([long])).unwrap();
    assert_eq!(draft.json("home", json!({"line1": long, "town": "t"})), Err(TooMuchText));
    assert_eq!(Draft::default().json("many", json!(vec![""; MAX_TEXT_BYTES])), Err(TooMuchText));
}

proptest! {
    /// Whatever is accepted keeps the rules, and is accepted again as it was kept.
    #[test]
    fn what_is_kept_is_kept_again(
        count in "[0-9.-]{0,4}", share in "-?[0-9]{0,3}\\.?[0-9]{0,3}", day in "20(2[0-9]|3[0-9])-[01][0-9]-[0-3][0-9]",
        many in prop::collection::vec("[abc]", 0..3), mark in 0..8_i64, phone in "\\+?[0-9 ]{5,16}", code in "[A-Z]{1,3}[0-9]{0,3}",
        site in "https?://[a-z.:/@]{1,12}", line in "\\PC{0,12}",
    ) {
        for (name, value) in [
            ("count", json!(count)), ("share", json!(share)), ("day", json!(day)), ("many", json!(many)), ("mark", json!(mark)),
            ("phone", json!(phone)), ("code", json!(code)), ("site", json!(site)),
            ("home", json!({"line1": line, "town": line, "country": "FR"})),
        ] {
            let Ok(fields) = validated(&[(name, value)]) else { continue };
            let Some(kept) = fields.get(name).map(FieldValue::to_json) else { continue };
            let again = validated(&[(name, kept.clone())]);
            prop_assert_eq!(again.as_ref().ok().and_then(|f| f.get(name)).map(FieldValue::to_json), Some(kept.clone()), "{}", name);
            match name {
                "count" => prop_assert!((1..=10).contains(&kept.as_i64().unwrap())),
                "share" => prop_assert!(kept.as_f64().unwrap() >= -1.5),
                "day" => prop_assert!(("2024-02-01"..="2028-12-31").contains(&kept.as_str().unwrap())),
                "many" => prop_assert_eq!(kept.as_array().unwrap().len(), 2),
                "mark" => prop_assert!((1..=5).contains(&kept.as_i64().unwrap())),
                "phone" => prop_assert!(kept.as_str().unwrap().starts_with('+')),
                "site" => prop_assert!(kept.as_str().unwrap().starts_with("http")),
                _ => {}
            }
        }
    }
}
