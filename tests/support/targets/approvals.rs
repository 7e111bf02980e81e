//! The JSON body by which somebody asks for what needs two people.

use letterlock::http::probe::{Refusal, approval};
use serde_json::Value;

use super::Seam;

const KINDS: [&str; 4] = ["roles", "erasure", "export", "legal-reading"];

/// A refusal is a 4xx that names what to mend and repeats nothing; what is accepted is of one kind, is accepted alike when it is
/// written anew, and not with a member more or one of another kind.
pub fn check(data: &[u8], seam: Seam) {
    let understood = match approval(data) {
        Ok(understood) => understood,
        Err(refusal) => return refused(&refusal),
    };
    let value: Value = serde_json::from_slice(data).expect("what is accepted is JSON");
    let kind = value["kind"].as_str().expect("a kind").to_owned();
    assert!(KINDS.contains(&&*kind), "{kind} is accepted");
    let mut again = value.to_string().into_bytes();
    (seam.written)(&mut again);
    assert_eq!(approval(&again).expect("what was accepted is accepted again"), understood);
    let mut more = value.clone();
    more["approved_by"] = "me".into();
    assert!((seam.refused)(approval(more.to_string().as_bytes()).is_err()), "a member more");
    let (foreign, of) = if kind == "erasure" { ("login", "jane") } else { ("subjects", "") };
    if kind == "legal-reading" {
        let mut export = value.clone();
        export["purpose"] = "legal-basis".into();
        assert!(
            (seam.refused)(approval(export.to_string().as_bytes()).is_err()),
            "a reading is for no purpose of a form"
        );
    }
    let mut other = value;
    other[foreign] = if of.is_empty() { Value::Array(Vec::new()) } else { of.into() };
    assert!((seam.refused)(approval(other.to_string().as_bytes()).is_err()), "{foreign} with {kind}");
}

/// Whether it is accepted.
pub fn understood(data: &[u8]) -> bool {
    approval(data).is_ok()
}

fn refused(refusal: &Refusal) {
    assert!((400..500).contains(&refusal.status), "{refusal:?}");
    assert!(refusal.detail.is_ascii() && refusal.detail.len() < 200, "{refusal:?}");
    for problem in &refusal.problems {
        assert!(problem.field.as_ref().is_none_or(|name| name.len() <= 128), "{problem:?}");
        assert!(problem.message.to_string().len() < 200, "{problem:?}");
    }
}
