//! Fields, files and consents: each kind with the rules that it has, and none with the rules of another.

use std::collections::BTreeSet;

use toml::Spanned;

use super::raw::{RawConsent, RawField, RawFile, RawNumber, RawShown};
use super::roles::{no_wider, some_of};
use super::{Mistake, NAME, Names, at, country, date, is_name, version_label, words};
use crate::domain::consent::Consent;
use crate::domain::decimal::{Decimal, MOST_DECIMALS};
use crate::domain::form::set::Library;
use crate::domain::form::{
    Choice, DateRange, Field, FieldKind, FileField, Length, NumberRange, Options, Pattern, Rating, ShownWhen,
    TextRules, Wanted,
};
use crate::domain::language::Lang;
use crate::domain::phone;
use crate::domain::staff::Role;

/// Longest answer that a form may ask for, in characters. A submission's text as a whole is limited as well.
const LONGEST_TEXT: usize = 20_000;
const SHORT_TEXT: Length = Length { min: 0, max: 200 };
const LONG_TEXT: Length = Length { min: 0, max: 5_000 };
const LARGEST_FILE: u64 = 1 << 30;
/// Of a form, all its file fields together.
pub(super) const MOST_FILES: u32 = 20;
/// Of one choice.
const MOST_OPTIONS: usize = 100;

/// Checks a field; `earlier` are those above it, `readers` those who read the form.
pub(super) fn field(raw: RawField, earlier: &[Field], readers: &[Role], names: &mut Names) -> Result<Field, Mistake> {
    let kind = field_kind(&raw)?;
    let vacancies = vacancies(&raw)?;
    let seen_by = raw.roles.as_ref().map(|raw| some_of(raw, readers)).transpose()?;
    if let Some(when) = raw.shown_when.as_ref().map(Spanned::get_ref)
        && let Some(decides) = earlier.iter().find(|field| field.name == *when.field.get_ref())
    {
        no_wider(|| raw.roles.as_ref().map_or_else(|| when.field.span(), Spanned::span), seen_by.as_deref(), decides)?;
    }
    if let Some(token) = raw.autocomplete.as_ref().filter(|token| !is_name(token.get_ref())) {
        return Err(at(token, "expected an HTML autocomplete value, for example \"email\""));
    }
    Ok(Field {
        name: names.take(raw.name)?,
        label: words(raw.label)?,
        help: raw.help.trim().to_owned(),
        required: raw.required,
        kind,
        autocomplete: raw.autocomplete.map(Spanned::into_inner),
        shown_when: raw.shown_when.map(|raw| shown_when(raw.into_inner(), earlier)).transpose()?,
        seen_by,
        vacancies,
    })
}

fn field_kind(raw: &RawField) -> Result<FieldKind, Mistake> {
    let kind = match raw.kind.get_ref().as_str() {
        "short-text" => FieldKind::ShortText(text(raw, SHORT_TEXT)?),
        "long-text" => FieldKind::LongText(text(raw, LONG_TEXT)?),
        "email" => FieldKind::Email,
        "phone" => FieldKind::Phone(phone_country(raw)?),
        "url" => FieldKind::Url,
        "number" => FieldKind::Number(span(raw)?),
        "date" => FieldKind::Date(dates(raw)?),
        "choice" => FieldKind::Choice(choices(raw)?),
        "choices" => FieldKind::Choices(many(raw)?),
        "yes-no" => FieldKind::YesNo,
        "rating" => FieldKind::Rating(rating(raw)?),
        "postal-address" => FieldKind::PostalAddress(raw.country.as_ref().map(country).transpose()?),
        _ => {
            return Err(at(&raw.kind, format!("expected a kind out of {}", FieldKind::NAMES.join(", "))));
        }
    };
    match stray(raw, kind.as_str()) {
        Some(mistake) => Err(mistake),
        None => Ok(kind),
    }
}

/// A key that belongs to another kind.
fn stray(raw: &RawField, kind: &str) -> Option<Mistake> {
    fn place<T>(value: &Option<Spanned<T>>) -> Option<std::ops::Range<usize>> {
        value.as_ref().map(Spanned::span)
    }
    let text = &["short-text", "long-text"][..];
    let keys = [
        ("min_length", place(&raw.min_length), text),
        ("max_length", place(&raw.max_length), text),
        ("pattern", place(&raw.pattern), text),
        ("pattern_help", place(&raw.pattern_help), text),
        ("options", place(&raw.options), &["choice", "choices"]),
        ("options_from", place(&raw.options_from), &["choice"]),
        ("min_picked", place(&raw.min_picked), &["choices"]),
        ("max_picked", place(&raw.max_picked), &["choices"]),
        ("min", place(&raw.min), &["number"]),
        ("max", place(&raw.max), &["number"]),
        ("decimals", place(&raw.decimals), &["number"]),
        ("earliest", place(&raw.earliest), &["date"]),
        ("latest", place(&raw.latest), &["date"]),
        ("scale", place(&raw.scale), &["rating"]),
        ("low", place(&raw.low), &["rating"]),
        ("high", place(&raw.high), &["rating"]),
        ("country", place(&raw.country), &["phone", "postal-address"]),
    ];
    keys.into_iter().find_map(|(key, place, kinds)| {
        let place = place.filter(|_| !kinds.contains(&kind))?;
        Some(Mistake(place, format!("a field of kind {kind} has no {key}; it is for {}", kinds.join(" and "))))
    })
}

fn text(raw: &RawField, default: Length) -> Result<TextRules, Mistake> {
    let max = raw.max_length.as_ref().map_or(default.max, |max| *max.get_ref());
    let min = raw.min_length.as_ref().map_or(default.min, |min| *min.get_ref());
    if let Some(place) = raw.max_length.as_ref().filter(|_| max == 0 || max > LONGEST_TEXT) {
        return Err(at(place, format!("expected 1 to {LONGEST_TEXT} characters")));
    }
    if let Some(place) = raw.min_length.as_ref().filter(|_| min > max) {
        return Err(at(place, format!("expected at most max_length, which is {max}")));
    }
    Ok(TextRules { length: Length { min, max }, pattern: pattern(raw)? })
}

fn pattern(raw: &RawField) -> Result<Option<Pattern>, Mistake> {
    let (source, help) = match (&raw.pattern, &raw.pattern_help) {
        (None, None) => return Ok(None),
        (None, Some(help)) => return Err(at(help, "expected a pattern beside pattern_help")),
        (Some(source), None) => {
            let example = "expected pattern_help beside it, in words, for example \"two letters and six digits\"";
            return Err(at(source, example));
        }
        (Some(source), Some(help)) => (source, help),
    };
    let words = help.get_ref().trim();
    if words.is_empty() {
        return Err(at(help, "expected some words"));
    }
    let compiled = (source.get_ref().len() <= Pattern::LONGEST).then(|| Pattern::new(source.get_ref(), words));
    let expected = "expected a regular expression of at most 500 bytes, without look-around and back-references, that \
        does not grow too large";
    compiled.flatten().map(Some).ok_or_else(|| at(source, expected))
}

fn phone_country(raw: &RawField) -> Result<Option<crate::domain::country::Country>, Mistake> {
    let Some(code) = &raw.country else { return Ok(None) };
    let country = country(code)?;
    if phone::knows(country) {
        Ok(Some(country))
    } else {
        let message =
            format!("numbers of {} are understood with their calling code only: leave this out", country.name());
        Err(at(code, message))
    }
}

fn span(raw: &RawField) -> Result<NumberRange, Mistake> {
    let decimals = raw.decimals.as_ref().map_or(0, |n| *n.get_ref());
    if let Some(place) = raw.decimals.as_ref().filter(|_| decimals > MOST_DECIMALS) {
        return Err(at(place, format!("expected 0 to {MOST_DECIMALS} digits after the point")));
    }
    let number = |raw: &Option<Spanned<RawNumber>>| {
        let Some(raw) = raw else { return Ok(None) };
        let text = match raw.get_ref() {
            RawNumber::Whole(n) => n.to_string(),
            RawNumber::Fraction(n) => n.to_string(),
        };
        let number = text.parse::<Decimal>().ok().filter(|n| n.decimals() <= decimals);
        number.map(Some).ok_or_else(|| {
            at(
                raw,
                format!("expected a number of at most 15 digits, {decimals} of them after the point (see decimals)"),
            )
        })
    };
    let (min, max) = (number(&raw.min)?, number(&raw.max)?);
    match (min, max, &raw.max) {
        (Some(least), Some(most), Some(place)) if least > most => {
            Err(at(place, format!("expected at least min, which is {least}")))
        }
        _ => Ok(NumberRange { min, max, decimals }),
    }
}

fn dates(raw: &RawField) -> Result<DateRange, Mistake> {
    let day = |raw: &Option<Spanned<toml::value::Datetime>>| {
        let Some(raw) = raw else { return Ok(None) };
        let expected = "expected a date without quotes and time, for example 1990-12-31";
        date(raw.get_ref()).map(Some).ok_or_else(|| at(raw, expected))
    };
    let (earliest, latest) = (day(&raw.earliest)?, day(&raw.latest)?);
    match (earliest, latest, &raw.latest) {
        (Some(first), Some(last), Some(place)) if first > last => {
            Err(at(place, format!("expected a day not before earliest, which is {first}")))
        }
        _ => Ok(DateRange { earliest, latest }),
    }
}

fn choices(raw: &RawField) -> Result<Vec<Choice>, Mistake> {
    let Some(options) = &raw.options else {
        return Err(at(&raw.kind, "a choice needs options = [{ value = \"…\", label = \"…\" }]"));
    };
    let mut seen = BTreeSet::new();
    for option in options.get_ref() {
        if !is_name(&option.value) || option.label.trim().is_empty() || !seen.insert(&option.value) {
            let expected = format!("expected options each with a label and a value of its own: {NAME}");
            return Err(at(options, expected));
        }
    }
    if seen.is_empty() || seen.len() > MOST_OPTIONS {
        return Err(at(options, format!("expected at least one option, and at most {MOST_OPTIONS}")));
    }
    Ok(options.get_ref().clone())
}

/// Whether the options begin with the vacancies; which are open is not the form's affair.
fn vacancies(raw: &RawField) -> Result<Option<Vec<Choice>>, Mistake> {
    match &raw.options_from {
        None => Ok(None),
        Some(from) if from.get_ref() == "vacancies" => Ok(Some(Vec::new())),
        Some(from) => Err(at(from, "expected \"vacancies\"")),
    }
}

fn many(raw: &RawField) -> Result<Options, Mistake> {
    let options = choices(raw)?;
    let max = raw.max_picked.as_ref().map_or(options.len(), |n| *n.get_ref());
    let min = raw.min_picked.as_ref().map_or(0, |n| *n.get_ref());
    if let Some(place) = raw.max_picked.as_ref().filter(|_| max == 0 || max > options.len()) {
        return Err(at(place, format!("expected 1 to {}, the number of options", options.len())));
    }
    if let Some(place) = raw.min_picked.as_ref().filter(|_| min > max) {
        return Err(at(place, format!("expected at most {max}")));
    }
    Ok(Options { options, min, max })
}

fn rating(raw: &RawField) -> Result<Rating, Mistake> {
    let scale = raw.scale.as_ref().map_or(5, |n| *n.get_ref());
    if let Some(place) = raw.scale.as_ref().filter(|_| !(3..=10).contains(&scale)) {
        return Err(at(place, "expected 3 to 10, the highest mark"));
    }
    let label = |raw: &Option<Spanned<String>>| raw.as_ref().map_or("", |text| text.get_ref().trim()).to_owned();
    Ok(Rating { scale, low: label(&raw.low), high: label(&raw.high) })
}

pub(super) fn shown_when(raw: RawShown, earlier: &[Field]) -> Result<ShownWhen, Mistake> {
    let Some(decides) = earlier.iter().find(|field| field.name == *raw.field.get_ref()) else {
        return Err(at(&raw.field, "expected the name of a field above this one"));
    };
    if !decides.kind.can_decide() {
        return Err(at(&raw.field, "expected a field of kind choice, choices, yes-no or rating"));
    }
    let fits = |wanted: &Wanted| match (&decides.kind, wanted) {
        (FieldKind::YesNo, Wanted::Box(_)) => true,
        (FieldKind::Rating(rating), Wanted::Mark(mark)) => (1..=rating.scale).contains(mark),
        (kind, Wanted::Option(value)) => kind.options().iter().any(|option| option.value == *value),
        _ => false,
    };
    if raw.is.get_ref().is_empty() || !raw.is.get_ref().iter().all(fits) {
        let expected = match &decides.kind {
            FieldKind::YesNo => "expected [true] or [false]".to_owned(),
            FieldKind::Rating(rating) => format!("expected marks from 1 to {}, for example [1, 2]", rating.scale),
            _ => format!("expected values out of the options of {}", decides.name),
        };
        return Err(at(&raw.is, expected));
    }
    Ok(ShownWhen { field: raw.field.into_inner(), is: raw.is.into_inner() })
}

/// Checks a file field, and counts its files into those that the form has left.
pub(super) fn file_field(
    raw: RawFile,
    readers: &[Role],
    names: &mut Names,
    most_files: &mut u32,
) -> Result<FileField, Mistake> {
    let (max_bytes, max_files) = (*raw.max_bytes.get_ref(), *raw.max_files.get_ref());
    if max_bytes == 0 || max_bytes > LARGEST_FILE {
        return Err(at(&raw.max_bytes, format!("expected 1 to {LARGEST_FILE} bytes")));
    }
    *most_files = match most_files.checked_sub(max_files).filter(|_| max_files > 0) {
        Some(left) => left,
        None => {
            // Where it is left out, it is 1.
            let place = if raw.max_files.span().is_empty() { raw.name.span() } else { raw.max_files.span() };
            return Err(Mistake(place, format!("expected 1 to {MOST_FILES} files, in the whole form")));
        }
    };
    let distinct: BTreeSet<_> = raw.kinds.get_ref().iter().collect();
    if distinct.is_empty() || distinct.len() < raw.kinds.get_ref().len() {
        return Err(at(&raw.kinds, "expected at least one kind of file, each once"));
    }
    Ok(FileField {
        name: names.take(raw.name)?,
        label: words(raw.label)?,
        help: raw.help.trim().to_owned(),
        required: raw.required,
        max_bytes,
        max_files,
        kinds: raw.kinds.into_inner(),
        seen_by: raw.roles.as_ref().map(|raw| some_of(raw, readers)).transpose()?,
    })
}

/// Checks a consent; its words stand in the form, or in a file of the `library`.
pub(super) fn consent(raw: RawConsent, names: &mut Names, library: &Library, lang: &Lang) -> Result<Consent, Mistake> {
    let place = raw.name.span();
    let name = names.take(raw.name)?;
    let words_of = match (raw.wording, raw.version, raw.words) {
        (Some(wording), Some(version), None) => (words(wording)?, version_label(version)?, None, lang),
        (None, None, Some(file)) => match library.wording(file.get_ref()) {
            Some(found) => (
                found.words.clone(),
                found.version.clone(),
                Some(file.get_ref().clone()),
                library.lang_of(file.get_ref()),
            ),
            None => return Err(at(&file, "expected the name of a file in consents/, without its ending")),
        },
        (_, _, Some(file)) => return Err(at(&file, "expected either words, or wording with its version")),
        (wording, ..) => {
            let missing = if wording.is_some() { "version" } else { "wording" };
            return Err(Mistake(
                place,
                format!("missing field `{missing}`: expected wording with its version, or words"),
            ));
        }
    };
    let (wording, version, file, lang) = words_of;
    Ok(Consent { name, wording, version, file, lang: lang.clone(), translated: false })
}
