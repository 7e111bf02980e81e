//! Answers that are typed on one line or several: texts, addresses, numbers, dates.

use jiff::civil::Date;

use super::{Answer, left_empty, problem};
use crate::base::sensitive::SensitiveString;
use crate::domain::Problem;
use crate::domain::country::Country;
use crate::domain::decimal::Decimal;
use crate::domain::form::{DateRange, Field, FieldKind, NumberRange, TextRules};
use crate::domain::language::Said;
use crate::domain::phone;
use crate::domain::subject::EmailAddress;
use crate::domain::submission::FieldValue;
use crate::domain::text::{is_invisible, is_unfit, normalise};

const MISSING: Said = Said::new("problem.fill-in");

pub(super) fn text(
    field: &Field,
    country: Option<Country>,
    given: Option<&Answer>,
) -> Result<Option<FieldValue>, Problem> {
    let text = match given {
        None => "",
        Some(Answer::Text(text)) => text.expose(),
        Some(_) => return Err(problem(field, "wrong-type", Said::new("problem.type-text"))),
    };
    let text = SensitiveString::from(normalise(text));
    let trimmed = text.expose().trim();
    if trimmed.is_empty() {
        return left_empty(field, MISSING);
    }
    let kept: SensitiveString = match &field.kind {
        FieldKind::ShortText(rules) => {
            if trimmed.contains(is_unfit) {
                return Err(unfit(field, Said::new("problem.control-characters-line")));
            }
            keeps(field, trimmed, rules)?;
            trimmed.into()
        }
        FieldKind::LongText(rules) => {
            if text.expose().contains(|c| is_unfit(c) && !matches!(c, '\n' | '\t')) {
                return Err(unfit(field, Said::new("problem.control-characters")));
            }
            keeps(field, text.expose(), rules)?;
            text
        }
        FieldKind::Email => match EmailAddress::parse(trimmed) {
            // Kept as it was typed: it is what an answer is addressed to.
            Ok(_) => trimmed.into(),
            Err(_) => return Err(problem(field, "bad-email", Said::new("problem.bad-email"))),
        },
        FieldKind::Phone(own) => phone::parse(trimmed, own.or(country)).ok_or_else(|| bad_phone(field))?.into(),
        FieldKind::Url => url(field, trimmed)?,
        FieldKind::Date(rules) => date(field, *rules, trimmed)?,
        FieldKind::Choice(options) => {
            if !options.iter().any(|option| option.value == trimmed) {
                return Err(no_option(field, trimmed));
            }
            trimmed.into()
        }
        // The others are not text and do not come here.
        _ => return Err(problem(field, "wrong-type", Said::new("problem.type-number"))),
    };
    Ok(Some(FieldValue::Text(kept)))
}

pub(super) fn number(
    field: &Field,
    rules: &NumberRange,
    given: Option<&Answer>,
) -> Result<Option<FieldValue>, Problem> {
    let number = match given {
        None => return left_empty(field, MISSING),
        Some(Answer::Text(text)) if text.expose().trim().is_empty() => return left_empty(field, MISSING),
        Some(Answer::Text(text)) => text.expose().trim().parse::<Decimal>().ok(),
        Some(Answer::Number(number)) => Some(*number),
        Some(_) => return Err(problem(field, "wrong-type", Said::new("problem.type-number"))),
    };
    let Some(number) = number.filter(|number| number.decimals() <= rules.decimals) else {
        let message = match rules.decimals {
            0 => Said::new("problem.whole-number"),
            n => Said::new("problem.bad-number").with("n", u64::from(n)),
        };
        return Err(problem(field, "bad-number", message));
    };
    if let Some(min) = rules.min.filter(|min| number < *min) {
        return Err(problem(field, "too-small", Said::new("problem.at-least").with("number", min.to_string())));
    }
    if let Some(max) = rules.max.filter(|max| number > *max) {
        return Err(problem(field, "too-large", Said::new("problem.at-most").with("number", max.to_string())));
    }
    Ok(Some(FieldValue::Number(number)))
}

/// What is said of an option that there is not: of a vacancy, whether there was one.
fn no_option(field: &Field, value: &str) -> Problem {
    match &field.vacancies {
        None => problem(field, "bad-choice", Said::new("problem.bad-choice")),
        Some(former) if former.iter().any(|vacancy| vacancy.value == value) => {
            problem(field, "vacancy-closed", Said::new("problem.vacancy-closed"))
        }
        Some(_) => problem(field, "bad-choice", Said::new("problem.no-vacancy")),
    }
}

fn keeps(field: &Field, text: &str, rules: &TextRules) -> Result<(), Problem> {
    let n = text.chars().count();
    if n > rules.length.max {
        return Err(problem(field, "too-long", Said::new("problem.at-most-characters").with("n", rules.length.max)));
    }
    if n < rules.length.min {
        return Err(problem(field, "too-short", Said::new("problem.at-least-characters").with("n", rules.length.min)));
    }
    match rules.pattern.as_ref().filter(|pattern| !pattern.matches(text.trim())) {
        Some(pattern) => {
            Err(problem(field, "wrong-pattern", Said::new("problem.please-enter").with("what", pattern.help())))
        }
        None => Ok(()),
    }
}

fn bad_phone(field: &Field) -> Problem {
    problem(field, "bad-phone", Said::new("problem.bad-phone"))
}

/// The address in the one spelling that browsers give it.
fn url(field: &Field, text: &str) -> Result<SensitiveString, Problem> {
    let bad = || problem(field, "bad-url", Said::new("problem.bad-url"));
    if text.chars().any(|c| is_unfit(c) || is_invisible(c) || c.is_whitespace()) {
        return Err(bad());
    }
    let url = url::Url::parse(text).map_err(|_| bad())?;
    // A name and password in it would be a secret in the wrong place.
    let plain = url.username().is_empty() && url.password().is_none();
    let spelt = text.get(url.scheme().len()..).is_some_and(|rest| rest.starts_with("://"));
    let ok = matches!(url.scheme(), "http" | "https") && plain && spelt && url.has_host();
    if !ok {
        return Err(bad());
    }
    let most = field.kind.max_length().unwrap_or(usize::MAX);
    if url.as_str().len() > most {
        return Err(problem(field, "too-long", Said::new("problem.at-most-characters").with("n", most)));
    }
    Ok(url.as_str().into())
}

/// The day as `2026-11-25`, which is what date inputs of browsers send.
fn date(field: &Field, rules: DateRange, text: &str) -> Result<SensitiveString, Problem> {
    let parts: Vec<&str> = text.split('-').collect();
    let shape = parts.iter().map(|part| part.len()).eq([4, 2, 2])
        && parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    let number = |n: usize| parts.get(n).and_then(|part| part.parse::<i16>().ok());
    let day = match (shape, number(0), number(1), number(2)) {
        (true, Some(year), Some(month), Some(day)) => {
            let small = |n: i16| i8::try_from(n).ok();
            small(month).zip(small(day)).and_then(|(month, day)| Date::new(year, month, day).ok())
        }
        _ => None,
    };
    let Some(day) = day else {
        return Err(problem(field, "bad-date", Said::new("problem.bad-date")));
    };
    if let Some(earliest) = rules.earliest.filter(|earliest| day < *earliest) {
        return Err(problem(field, "too-early", Said::new("problem.too-early").with("day", earliest.to_string())));
    }
    if let Some(latest) = rules.latest.filter(|latest| day > *latest) {
        return Err(problem(field, "too-late", Said::new("problem.too-late").with("day", latest.to_string())));
    }
    Ok(text.into())
}

fn unfit(field: &Field, message: Said) -> Problem {
    problem(field, "control-characters", message)
}
