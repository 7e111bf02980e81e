//! Answers that are picked: boxes, options, marks.

use super::{Answer, Given, left_empty, problem, ticked};
use crate::base::sensitive::SensitiveString;
use crate::domain::Problem;
use crate::domain::decimal::Decimal;
use crate::domain::form::{Field, Options, Rating};
use crate::domain::submission::FieldValue;

pub(super) fn yes_no(field: &Field, given: Option<&Answer>) -> Result<FieldValue, Problem> {
    let value = match given {
        None => Some(false),
        Some(Answer::Bool(value)) => Some(*value),
        Some(Answer::Text(text)) => ticked(text.expose()),
        Some(_) => None,
    };
    match value {
        None => Err(problem(field, "wrong-type", "the value has to be true or false.")),
        Some(false) if field.required => Err(problem(field, "required", "please tick this box.")),
        Some(value) => Ok(FieldValue::Bool(value)),
    }
}

pub(super) fn rating(field: &Field, rating: &Rating, given: Option<&Answer>) -> Result<Option<FieldValue>, Problem> {
    let mark: Option<Decimal> = match given {
        None => return left_empty(field, "please choose a mark."),
        Some(Answer::Text(text)) if text.expose().trim().is_empty() => {
            return left_empty(field, "please choose a mark.");
        }
        Some(Answer::Text(text)) => text.expose().trim().parse().ok(),
        Some(Answer::Number(number)) => Some(*number),
        Some(_) => return Err(problem(field, "wrong-type", "the value has to be a number.")),
    };
    match mark {
        Some(mark) if mark.whole().is_some_and(|mark| (1..=i64::from(rating.scale)).contains(&mark)) => {
            Ok(Some(FieldValue::Number(mark)))
        }
        _ => Err(problem(field, "bad-rating", &format!("please choose a mark from 1 to {}.", rating.scale))),
    }
}

/// The options picked, in the order of the form.
pub(super) fn several(field: &Field, many: &Options, given: Given<'_>) -> Result<Option<FieldValue>, Problem> {
    let wrong_type = || problem(field, "wrong-type", "the value has to be a list of options.");
    let mut sent: Vec<&SensitiveString> = Vec::new();
    let answers = match given {
        Given::Nothing => Vec::new(),
        Given::One(Answer::List(items)) => {
            sent.extend(items);
            Vec::new()
        }
        Given::One(answer) => vec![answer],
        Given::Several(answers) => answers,
        Given::Parts(_) => return Err(wrong_type()),
    };
    for answer in answers {
        let Answer::Text(text) = answer else { return Err(wrong_type()) };
        sent.push(text);
    }
    // An empty value stands for none, as in a page that sends one beside its boxes.
    let sent: Vec<&str> = sent.into_iter().map(|text| text.expose().trim()).filter(|text| !text.is_empty()).collect();
    let known = |value: &&str| many.options.iter().any(|option| option.value == **value);
    if !sent.iter().all(known) {
        return Err(problem(field, "bad-choice", "please choose out of the options."));
    }
    let picked: Vec<SensitiveString> = many
        .options
        .iter()
        .filter(|option| sent.contains(&option.value.as_str()))
        .map(|option| option.value.as_str().into())
        .collect();
    if picked.len() < sent.len() {
        return Err(problem(field, "repeated-choice", "please choose each option once."));
    }
    let count = |n: usize| if n == 1 { "one option".to_owned() } else { format!("{n} options") };
    if picked.is_empty() {
        return left_empty(field, &format!("please choose at least {}.", count(many.min.max(1))));
    }
    if picked.len() < many.min {
        return Err(problem(field, "too-few", &format!("please choose at least {}.", count(many.min))));
    }
    if picked.len() > many.max {
        return Err(problem(field, "too-many", &format!("please choose at most {}.", count(many.max))));
    }
    Ok(Some(FieldValue::Many(picked)))
}
