//! From the text of a form file to a checked [`Form`], with every mistake placed on its line.

mod fields;
mod overlay;
mod raw;
mod roles;
mod routing;
mod site;
mod whole;

use std::collections::BTreeSet;
use std::ops::Range;

use jiff::civil::Date;
use toml::Spanned;

use super::set::Library;
use super::{Form, FormError, FormId};
use crate::domain::language::Lang;
use crate::domain::text::is_unfit;
pub(super) use overlay::translate;
use raw::RawForm;

/// Of the parser's words, in characters.
const LONGEST_MESSAGE: usize = 300;
const NAME: &str = "a letter, then letters, digits and hyphens, all lower case, at most 64";
/// What is said of a version that is none.
pub(in crate::domain) const VERSION: &str =
    "expected a version of 1 to 32 letters, digits, dots and hyphens, for example \"2026-11\"";

/// A mistake at a byte range of the text.
struct Mistake(Range<usize>, String);

fn at<T>(place: &Spanned<T>, message: impl Into<String>) -> Mistake {
    Mistake(place.span(), message.into())
}

/// Parses and checks `text`; `file` is what errors call it. Notices and wordings that it names come from `library`; its
/// words are in `lang`, unless it says otherwise.
pub(super) fn parse(text: &str, file: &str, library: &Library, lang: &Lang) -> Result<Form, FormError> {
    let error = |span: Option<Range<usize>>, message: String| FormError {
        file: file.to_owned(),
        line: span.map(|span| 1 + text.bytes().take(span.start).filter(|b| *b == b'\n').count()),
        message,
    };
    let raw: RawForm = toml::from_str(text).map_err(|e| {
        let place = e.span().or_else(|| place(text, e.message()));
        error(place, one_line(e.message()))
    })?;
    whole::build(raw, library, lang).map_err(|Mistake(span, message)| error(Some(span), message))
}

/// The place of the one mistake that the parser does not place, a key of too many parts: the end of the first lines that
/// have it among them.
fn place(text: &str, message: &str) -> Option<Range<usize>> {
    let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).chain([text.len()]).collect();
    let has_it = |end: usize| toml::from_str::<RawForm>(&text[..end]).is_err_and(|e| e.message() == message);
    ends.get(ends.partition_point(|end| !has_it(*end))).map(|&end| end..end)
}

/// The parser's words in one line. It repeats names out of the file, which may be long and full of control characters.
pub(in crate::domain) fn one_line(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let kept = line.chars().take(LONGEST_MESSAGE).map(|c| if is_unfit(c) { char::REPLACEMENT_CHARACTER } else { c });
    let cut = line.chars().nth(LONGEST_MESSAGE).map(|_| '…');
    kept.chain(cut).collect()
}

/// Whether `text` can be the version of a notice or a wording.
pub(in crate::domain) fn is_version(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
}

/// A date of TOML without a time beside it.
pub(in crate::domain) fn date(value: &toml::value::Datetime) -> Option<Date> {
    let plain = value.time.is_none() && value.offset.is_none();
    let date = value.date.filter(|_| plain)?;
    let number = |n: u8| i8::try_from(n).ok();
    Date::new(i16::try_from(date.year).ok()?, number(date.month)?, number(date.day)?).ok()
}

fn is_name(text: &str) -> bool {
    text.parse::<FormId>().is_ok()
}

/// Fields, files and consents share one set of names, as they do in a form post.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl Names {
    fn take(&mut self, name: Spanned<String>) -> Result<String, Mistake> {
        if !is_name(name.get_ref()) {
            return Err(at(&name, format!("expected a name: {NAME}")));
        }
        if !self.0.insert(name.get_ref().clone()) {
            return Err(at(&name, format!("the name {} is used twice", name.get_ref())));
        }
        Ok(name.into_inner())
    }
}

fn words(text: Spanned<String>) -> Result<String, Mistake> {
    match text.get_ref().trim() {
        "" => Err(at(&text, "expected some words")),
        words => Ok(words.to_owned()),
    }
}

fn version_label(text: Spanned<String>) -> Result<String, Mistake> {
    if is_version(text.get_ref()) { Ok(text.into_inner()) } else { Err(at(&text, VERSION)) }
}

fn at_least_one(number: &Spanned<u32>) -> Result<(), Mistake> {
    if *number.get_ref() == 0 { Err(at(number, "expected at least 1")) } else { Ok(()) }
}

fn country(code: &Spanned<String>) -> Result<crate::domain::country::Country, Mistake> {
    code.get_ref().parse().map_err(|e: crate::domain::country::BadCountry| at(code, e.to_string()))
}
