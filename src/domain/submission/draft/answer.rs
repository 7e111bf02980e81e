//! One answer against the rules of its field.

use crate::base::sensitive::SensitiveString;
use crate::domain::Problem;
use crate::domain::form::{Field, FieldKind, Length};
use crate::domain::subject::EmailAddress;
use crate::domain::submission::FieldValue;
use crate::domain::text::{is_invisible, is_unfit, normalise};

/// What came for a field.
pub(super) enum Answer {
    Text(SensitiveString),
    Bool(bool),
    /// A JSON value that no field takes.
    Other,
}

/// The value to keep; `None` for an optional field that was left empty.
pub(super) fn check(field: &Field, given: Option<&Answer>) -> Result<Option<FieldValue>, Problem> {
    if field.kind == FieldKind::YesNo {
        return yes_no(field, given).map(Some);
    }
    let text = match given {
        None => "",
        Some(Answer::Text(text)) => text.expose(),
        Some(Answer::Bool(_) | Answer::Other) => {
            return Err(problem(field, "wrong-type", "the value has to be text."));
        }
    };
    let text = SensitiveString::from(normalise(text));
    let trimmed = text.expose().trim();
    if trimmed.is_empty() {
        return if field.required { Err(problem(field, "required", "please fill this in.")) } else { Ok(None) };
    }
    let kept = match &field.kind {
        FieldKind::ShortText(length) => {
            if trimmed.contains(is_unfit) {
                return Err(unfit(field, "control characters and line breaks cannot be used here."));
            }
            checked_length(field, trimmed, *length)?.into()
        }
        FieldKind::LongText(length) => {
            if text.expose().contains(|c| is_unfit(c) && !matches!(c, '\n' | '\t')) {
                return Err(unfit(field, "control characters cannot be used here."));
            }
            checked_length(field, text.expose(), *length)?;
            text
        }
        FieldKind::Email => match EmailAddress::parse(trimmed) {
            // Kept as it was typed: it is what an answer is addressed to.
            Ok(_) => trimmed.into(),
            Err(_) => return Err(problem(field, "bad-email", "please enter an address like name@example.org.")),
        },
        FieldKind::Phone => phone(trimmed).ok_or_else(|| {
            problem(field, "bad-phone", "please enter a number like +44 20 7946 0958, with 5 to 15 digits.")
        })?,
        FieldKind::Choice(options) => {
            if !options.iter().any(|option| option.value == trimmed) {
                return Err(problem(field, "bad-choice", "please choose one of the options."));
            }
            trimmed.into()
        }
        FieldKind::YesNo => return yes_no(field, given).map(Some),
    };
    Ok(Some(FieldValue::Text(kept)))
}

/// What a box in a form post says: browsers send `on`; `None` for anything unclear.
pub(super) fn ticked(text: &str) -> Option<bool> {
    match text {
        "true" | "on" | "yes" | "1" => Some(true),
        "false" | "off" | "no" | "0" | "" => Some(false),
        _ => None,
    }
}

fn yes_no(field: &Field, given: Option<&Answer>) -> Result<FieldValue, Problem> {
    let value = match given {
        None => Some(false),
        Some(Answer::Bool(value)) => Some(*value),
        Some(Answer::Text(text)) => ticked(text.expose()),
        Some(Answer::Other) => None,
    };
    match value {
        None => Err(problem(field, "wrong-type", "the value has to be true or false.")),
        Some(false) if field.required => Err(problem(field, "required", "please tick this box.")),
        Some(value) => Ok(FieldValue::Bool(value)),
    }
}

fn checked_length<'a>(field: &Field, text: &'a str, length: Length) -> Result<&'a str, Problem> {
    let n = text.chars().count();
    if n > length.max {
        Err(problem(field, "too-long", &format!("at most {} characters.", length.max)))
    } else if n < length.min {
        Err(problem(field, "too-short", &format!("at least {} characters.", length.min)))
    } else {
        Ok(text)
    }
}

/// A number as people write it, without what copying from an address book leaves around it.
fn phone(text: &str) -> Option<SensitiveString> {
    let kept: String = text
        .chars()
        .filter(|c| !is_invisible(*c))
        .map(|c| if c.is_whitespace() && !c.is_control() { ' ' } else { c })
        .collect();
    let number = kept.trim();
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let rest = number.strip_prefix('+').unwrap_or(number);
    let ok = (5..=15).contains(&digits)
        && number.len() <= 40
        && rest.bytes().all(|b| b.is_ascii_digit() || b" ().-/".contains(&b));
    ok.then(|| number.into())
}

fn unfit(field: &Field, message: &str) -> Problem {
    problem(field, "control-characters", message)
}

fn problem(field: &Field, code: &'static str, message: &str) -> Problem {
    Problem::in_field(&field.name, code, format!("{}: {message}", field.label))
}
