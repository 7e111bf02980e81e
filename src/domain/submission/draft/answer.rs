//! One answer against the rules of its field.

mod pick;
mod place;
mod typed;

use serde_json::Value;

use crate::base::sensitive::SensitiveString;
use crate::domain::Problem;
use crate::domain::country::Country;
use crate::domain::decimal::{self, Decimal};
use crate::domain::form::{Field, FieldKind};
use crate::domain::language::Said;
use crate::domain::submission::FieldValue;

/// What came under one name.
pub(super) enum Answer {
    Text(SensitiveString),
    Bool(bool),
    Number(Decimal),
    List(Vec<SensitiveString>),
    Object(Vec<(String, SensitiveString)>),
    /// A JSON value that no field takes.
    Other,
}

impl Answer {
    pub(super) fn from_json(value: Value) -> Self {
        let text = |value: Value| match value {
            Value::String(text) => Some(SensitiveString::from(text)),
            _ => None,
        };
        match value {
            Value::String(text) => Self::Text(text.into()),
            Value::Bool(ticked) => Self::Bool(ticked),
            Value::Number(_) => decimal::from_json(&value).map_or(Self::Other, Self::Number),
            Value::Array(items) => items.into_iter().map(text).collect::<Option<_>>().map_or(Self::Other, Self::List),
            Value::Object(members) => {
                let parts = members.into_iter().map(|(name, value)| Some((name, text(value)?)));
                parts.collect::<Option<_>>().map_or(Self::Other, Self::Object)
            }
            Value::Null => Self::Other,
        }
    }

    /// How much it counts against the limit of a submission; each item of a list by one more than its text.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.expose().len(),
            Self::List(items) => items.iter().map(|text| text.expose().len() + 1).sum(),
            Self::Object(parts) => parts.iter().map(|(name, text)| name.len() + text.expose().len()).sum(),
            Self::Bool(_) | Self::Number(_) | Self::Other => 0,
        }
    }
}

/// What came for a field.
pub(super) enum Given<'a> {
    Nothing,
    One(&'a Answer),
    /// Of a choice of many, one by one.
    Several(Vec<&'a Answer>),
    /// Of an address, one by one.
    Parts(Vec<(&'static str, &'a Answer)>),
}

/// The value to keep; `None` for an optional field that was left empty. `country` is that of the form.
pub(super) fn check(
    field: &Field,
    country: Option<Country>,
    given: Given<'_>,
) -> Result<Option<FieldValue>, Vec<Problem>> {
    match &field.kind {
        FieldKind::PostalAddress(own) => place::check(field, own.or(country), given),
        FieldKind::Choices(many) => pick::several(field, many, given).map_err(|p| vec![p]),
        _ => {
            let one = match given {
                Given::One(answer) => Some(answer),
                // Never more than one for these kinds.
                Given::Nothing | Given::Several(_) | Given::Parts(_) => None,
            };
            one_value(field, country, one).map_err(|p| vec![p])
        }
    }
}

fn one_value(field: &Field, country: Option<Country>, given: Option<&Answer>) -> Result<Option<FieldValue>, Problem> {
    match &field.kind {
        FieldKind::YesNo => pick::yes_no(field, given).map(Some),
        FieldKind::Number(rules) => typed::number(field, rules, given),
        FieldKind::Rating(rating) => pick::rating(field, rating, given),
        _ => typed::text(field, country, given),
    }
}

/// What a box in a form post says: browsers send `on`; `None` for anything unclear.
pub(super) fn ticked(text: &str) -> Option<bool> {
    match text {
        "true" | "on" | "yes" | "1" => Some(true),
        "false" | "off" | "no" | "0" | "" => Some(false),
        _ => None,
    }
}

/// `None` for an optional field, the mistake for a required one.
fn left_empty(field: &Field, message: Said) -> Result<Option<FieldValue>, Problem> {
    if field.required { Err(problem(field, "required", message)) } else { Ok(None) }
}

fn problem(field: &Field, code: &'static str, message: Said) -> Problem {
    Problem::in_field(&field.name, code, message.about(&field.label))
}
