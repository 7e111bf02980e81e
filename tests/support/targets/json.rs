//! The JSON body of a submission, by way of HTTP to the checked answers of a form with a field of each kind.

use std::sync::OnceLock;

use letterlock::domain::form::{self, Form};
use letterlock::domain::submission::{Draft, Valid};
use letterlock::http::probe::{Refusal, submission};
use serde_json::{Value, json};

use super::Seam;

const FORM: &str = include_str!("every_kind.toml");
/// Deepest nesting of a body.
const DEEPEST: usize = 16;
/// Above this a body may be turned down for its length once all of it is spelt out.
const ROOM: usize = 40 * 1024;

/// A refusal is a 4xx that names what to mend and repeats nothing; what is accepted is written and accepted alike, also by the
/// vault's own reading of JSON, and not with a member more; what nests too deep is refused.
pub fn check(data: &[u8], seam: Seam) {
    let valid = match submission(data, form()) {
        Ok(valid) => valid,
        Err(refusal) => return refused(&refusal),
    };
    let value: Value = serde_json::from_slice(data).expect("what is accepted is JSON");
    assert!(depth(&value) <= DEEPEST, "deep nesting is accepted");
    let written = write(&valid);
    if written.len() > ROOM {
        return;
    }
    let own = Draft::from_json(value).validate(form()).expect("two readings of one body");
    assert_eq!(write(&own), written);

    let mut again = written.clone();
    (seam.written)(&mut again);
    let again = submission(&again, form()).expect("what was accepted is accepted again");
    assert_eq!(write(&again), written);
    let text = String::from_utf8(written).unwrap();
    let nested = format!("{}1{}", "[".repeat(DEEPEST), "]".repeat(DEEPEST));
    for (more, status) in
        [("\"more\":1", 422), ("\"fields\":{}", 422), (&*format!("\"fields\":{nested}"), 400), ("\"consents\":", 400)]
    {
        let body = text.replacen('{', &format!("{{{more},"), 1);
        let answer = submission(body.as_bytes(), form()).err().map(|refusal| refusal.status);
        assert!((seam.refused)(answer == Some(status)), "with {more}: {answer:?}");
    }
}

/// Whether it is accepted.
pub fn understood(data: &[u8]) -> bool {
    submission(data, form()).is_ok()
}

fn form() -> &'static Form {
    static PARSED: OnceLock<Form> = OnceLock::new();
    PARSED.get_or_init(|| form::check(FORM, "every_kind.toml").unwrap())
}

/// Names may be the sender's, and are bounded; messages are our own words, which here are all ASCII.
fn refused(refusal: &Refusal) {
    assert!((400..500).contains(&refusal.status), "{refusal:?}");
    assert!(refusal.status != 422 || !refusal.problems.is_empty(), "nothing to mend: {refusal:?}");
    assert!(refusal.detail.is_ascii() && refusal.detail.len() < 200, "{refusal:?}");
    assert!(refusal.problems.len() < 100, "{} problems", refusal.problems.len());
    for problem in &refusal.problems {
        assert!(problem.field.as_ref().is_none_or(|name| name.len() <= 128), "{problem:?}");
        let message = problem.message.to_string();
        assert!(message.is_ascii() && message.len() < 200, "{problem:?}");
    }
}

fn write(valid: &Valid) -> Vec<u8> {
    let fields: serde_json::Map<_, _> =
        valid.fields.iter().map(|(name, value)| (name.clone(), value.to_json())).collect();
    let consents: serde_json::Map<_, _> =
        valid.consents.iter().map(|(name, consent)| (name.clone(), Value::from(consent.given))).collect();
    serde_json::to_vec(&json!({ "fields": fields, "consents": consents })).unwrap()
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
