//! Answers that are picked: boxes, options, marks.

use super::{Answer, Given, left_empty, problem, ticked};
use crate::base::sensitive::SensitiveString;
use crate::domain::Problem;
use crate::domain::decimal::Decimal;
use crate::domain::form::{Field, Options, Rating};
use crate::domain::language::Said;
use crate::domain::submission::FieldValue;

pub(super) fn yes_no(field: &Field, given: Option<&Answer>) -> Result<FieldValue, Problem> {
    let value = match given {
        None => Some(false),
        Some(Answer::Bool(value)) => Some(*value),
        Some(Answer::Text(text)) => ticked(text.expose()),
        Some(_) => None,
    };
    match value {
        None => Err(problem(field, "wrong-type", Said::new("problem.type-box"))),
        Some(false) if field.required => Err(problem(field, "required", Said::new("problem.tick"))),
        Some(value) => Ok(FieldValue::Bool(value)),
    }
}

pub(super) fn rating(field: &Field, rating: &Rating, given: Option<&Answer>) -> Result<Option<FieldValue>, Problem> {
    let mark: Option<Decimal> = match given {
        None => return left_empty(field, Said::new("problem.choose-mark")),
        Some(Answer::Text(text)) if text.expose().trim().is_empty() => {
            return left_empty(field, Said::new("problem.choose-mark"));
        }
        Some(Answer::Text(text)) => text.expose().trim().parse().ok(),
        Some(Answer::Number(number)) => Some(*number),
        Some(_) => return Err(problem(field, "wrong-type", Said::new("problem.type-number"))),
    };
    match mark {
        Some(mark) if mark.whole().is_some_and(|mark| (1..=i64::from(rating.scale)).contains(&mark)) => {
            Ok(Some(FieldValue::Number(mark)))
        }
        _ => Err(problem(field, "bad-rating", Said::new("problem.bad-mark").with("scale", u64::from(rating.scale)))),
    }
}

/// The options picked, in the order of the form.
pub(super) fn several(field: &Field, many: &Options, given: Given<'_>) -> Result<Option<FieldValue>, Problem> {
    let wrong_type = || problem(field, "wrong-type", Said::new("problem.type-list"));
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
        return Err(problem(field, "bad-choice", Said::new("problem.bad-choices")));
    }
    let picked: Vec<SensitiveString> = many
        .options
        .iter()
        .filter(|option| sent.contains(&option.value.as_str()))
        .map(|option| option.value.as_str().into())
        .collect();
    if picked.len() < sent.len() {
        return Err(problem(field, "repeated-choice", Said::new("problem.repeated-choice")));
    }
    let count = |key, n: usize| Said::new(key).with("n", n);
    if picked.is_empty() {
        return left_empty(field, count("problem.choose-at-least", many.min.max(1)));
    }
    if picked.len() < many.min {
        return Err(problem(field, "too-few", count("problem.choose-at-least", many.min)));
    }
    if picked.len() > many.max {
        return Err(problem(field, "too-many", count("problem.choose-at-most", many.max)));
    }
    Ok(Some(FieldValue::Many(picked)))
}
