//! Vacancies: what an application can be for. Opened, changed and closed by staff, offered by forms whose file says so.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Problem;
use super::form::Choice;
use super::language::Lang;
use super::text::{is_invisible, is_unfit, normalise};
use crate::base::clock::Timestamp;

/// Longest reference, in characters: it is a label in lists as well.
pub const MAX_REFERENCE: usize = 40;
/// Longest title, in characters.
pub const MAX_TITLE: usize = 120;
/// Longest name of a place, in characters.
pub const MAX_PLACE: usize = 80;
/// Longest text, in characters.
pub const MAX_ABOUT: usize = 1_000;
/// Most that are open at once, so that a form stays one that people can choose from.
pub const MOST_OPEN: usize = 100;
/// What stands for no vacancy in shipped forms.
const SPECULATIVE: &str = "speculative";

/// What a vacancy is called by: 1 to [`MAX_REFERENCE`] letters, digits, `-`, `.`, `_` and `/`, the first a letter or a digit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference(String);

impl Reference {
    /// As it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether two are the same but for their case.
    pub fn is(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl TryFrom<String> for Reference {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let good = text.len() <= MAX_REFERENCE
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/".contains(&b))
            && !text.eq_ignore_ascii_case(SPECULATIVE);
        if good { Ok(Self(text)) } else { Err("not the reference of a vacancy") }
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.0
    }
}

/// What is said of a vacancy, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// Its title by language; English is there always.
    pub titles: BTreeMap<Lang, String>,
    /// Where; may be empty.
    pub place: String,
    /// A few sentences; may be empty.
    pub about: String,
    /// From when on nobody applies any more: the day after the last one, UTC.
    pub until: Option<Timestamp>,
}

/// What staff typed of one.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// Titles by the tag of their language; empty ones are none.
    pub titles: Vec<(String, String)>,
    /// Where.
    pub place: String,
    /// A few sentences.
    pub about: String,
    /// The last day, as `2026-11-30`; empty for none.
    pub last_day: String,
}

/// A vacancy, sealed as a row of the vault's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vacancy {
    /// Kept by what was sent for it, so it never changes.
    pub reference: Reference,
    /// What is said of it.
    pub words: Words,
    /// Since when it is there.
    pub opened: Timestamp,
    /// Since when it is closed.
    pub closed: Option<Timestamp>,
}

/// A vacancy as forms take it.
#[derive(Clone, Debug)]
pub struct Offered {
    /// Its reference.
    pub value: String,
    /// Whether people can still apply.
    pub is_open: bool,
    words: Words,
}

impl Vacancy {
    /// Whether people can apply.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.closed.is_none() && self.words.until.is_none_or(|until| now < until)
    }

    /// As forms take it at a time.
    pub fn offered(&self, now: Timestamp) -> Offered {
        let value = self.reference.as_str().to_owned();
        Offered { value, is_open: self.is_open(now), words: self.words.clone() }
    }
}

impl Words {
    /// The title in a language, or else in English.
    pub fn title(&self, lang: &Lang) -> &str {
        let own = self
            .titles
            .get(lang)
            .or_else(|| self.titles.iter().find(|(known, _)| lang.is_within(known)).map(|(_, title)| title));
        own.or_else(|| self.titles.get(&Lang::english())).map_or("", String::as_str)
    }

    /// The last day on which people can apply.
    pub fn last_day(&self) -> Option<Date> {
        self.until?.day()?.checked_sub(1.day()).ok()
    }

    /// Checks what was typed. `langs` are those in which titles are taken.
    ///
    /// # Errors
    /// A [`Problem`] in the field it is about.
    pub fn parse(typed: &Typed, langs: &[Lang]) -> Result<Self, Problem> {
        let mut titles = BTreeMap::new();
        for (tag, text) in &typed.titles {
            let lang = tag.parse::<Lang>().ok().filter(|lang| langs.contains(lang));
            let lang = lang.ok_or_else(|| {
                Problem::in_field("title", "bad-language", "A title is in one of the languages of this installation.")
            })?;
            let title = line("title", "A title", text, MAX_TITLE)?;
            if !title.is_empty() && titles.insert(lang, title).is_some() {
                return Err(Problem::in_field("title", "repeated", "One title in each language."));
            }
        }
        if !titles.contains_key(&Lang::english()) {
            return Err(Problem::in_field("title", "required", "Please give the vacancy a title in English."));
        }
        let about = normalise(&typed.about);
        let about = about.trim();
        if about.contains(|c| (is_unfit(c) && c != '\n') || is_invisible(c)) || about.chars().count() > MAX_ABOUT {
            let message = format!("The text has at most {MAX_ABOUT} characters, and none that are not seen.");
            return Err(Problem::in_field("about", "bad-text", message));
        }
        let until = match typed.last_day.trim() {
            "" => None,
            day => Some(day_after(day).ok_or_else(|| {
                Problem::in_field("last_day", "bad-date", "The last day is a date such as 2026-11-30.")
            })?),
        };
        let place = line("place", "A place", &typed.place, MAX_PLACE)?;
        Ok(Self { titles, place, about: about.to_owned(), until })
    }
}

impl Offered {
    /// As an option in a language.
    pub(super) fn choice(&self, lang: &Lang) -> Choice {
        let (title, place) = (self.words.title(lang), &self.words.place);
        let label = match place.is_empty() {
            true => format!("{title} ({})", self.value),
            false => format!("{title}, {place} ({})", self.value),
        };
        Choice { value: self.value.clone(), label, about: self.words.about.clone() }
    }
}

/// Checks a reference that was typed.
///
/// # Errors
/// A [`Problem`] in the field `reference`.
pub fn reference(typed: &str) -> Result<Reference, Problem> {
    typed.trim().to_owned().try_into().map_err(|_| {
        let message = format!(
            "A reference has 1 to {MAX_REFERENCE} letters, digits, hyphens, dots, underscores and slashes, the first a letter or \
             a digit, for example ENG-2026-04; “{SPECULATIVE}” stands for none."
        );
        Problem::in_field("reference", "bad-reference", message)
    })
}

fn line(field: &str, what: &str, typed: &str, most: usize) -> Result<String, Problem> {
    let text = normalise(typed);
    let text = text.trim();
    if text.contains(|c| is_unfit(c) || is_invisible(c)) || text.chars().count() > most {
        let message = format!("{what} is one line of at most {most} characters, and none that are not seen.");
        return Err(Problem::in_field(field, "bad-text", message));
    }
    Ok(text.to_owned())
}

/// The first moment after a day.
fn day_after(text: &str) -> Option<Timestamp> {
    // As browsers send it, and in no other of the shapes that a date can have.
    let plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let day = text.parse::<Date>().ok().filter(|_| plain)?;
    Timestamp::start_of(day.checked_add(1.day()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn langs() -> Vec<Lang> {
        ["en", "de", "fr"].map(|tag| tag.parse().unwrap()).to_vec()
    }

    fn typed(title: &str) -> Typed {
        Typed { titles: vec![("en".to_owned(), title.to_owned())], ..Typed::default() }
    }

    #[test]
    fn a_reference_is_plain_and_never_the_word_for_none() {
        for good in ["ENG-2026-04", "7", "a/b_c.d", &"x".repeat(40)] {
            assert_eq!(reference(&format!(" {good} ")).unwrap().as_str(), good);
        }
        let long = "x".repeat(41);
        for bad in ["", "-x", "a b", "a,b", "é", "a\nb", "<b>", "speculative", "Speculative", "=1+1", &long] {
            assert_eq!(reference(bad).unwrap_err().code, "bad-reference", "{bad:?}");
        }
    }

    #[test]
    fn words_are_checked_and_english_is_there_always() {
        assert_eq!(Words::parse(&typed(" Engineer "), &langs()).unwrap().titles[&Lang::english()], "Engineer");
        for (bad, code) in [
            (typed(""), "required"),
            (typed(&"x".repeat(121)), "bad-text"),
            (typed("a\u{202e}b"), "bad-text"),
            (typed("two\nlines"), "bad-text"),
            (Typed { titles: vec![("xx".to_owned(), "x".to_owned())], ..typed("x") }, "bad-language"),
            (Typed { place: "a\u{0}".to_owned(), ..typed("x") }, "bad-text"),
            (Typed { about: "x".repeat(1001), ..typed("x") }, "bad-text"),
            (Typed { last_day: "30.11.2026".to_owned(), ..typed("x") }, "bad-date"),
            (Typed { last_day: "2026-02-30".to_owned(), ..typed("x") }, "bad-date"),
        ] {
            assert_eq!(Words::parse(&bad, &langs()).unwrap_err().code, code, "{bad:?}");
        }
    }

    #[test]
    fn it_is_open_to_the_end_of_its_last_day() {
        let words = Words::parse(&Typed { last_day: "2026-11-30".to_owned(), ..typed("Engineer") }, &langs()).unwrap();
        let mut vacancy =
            Vacancy { reference: reference("ENG-1").unwrap(), words, opened: Timestamp::from_millis(0), closed: None };
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert!(vacancy.is_open(at("2026-11-30T23:59:59.999Z")) && !vacancy.is_open(at("2026-12-01T00:00:00Z")));
        assert_eq!(vacancy.words.last_day().unwrap().to_string(), "2026-11-30");
        vacancy.closed = Some(at("2026-11-01T00:00:00Z"));
        assert!(!vacancy.is_open(at("2026-11-02T00:00:00Z")));
    }

    #[test]
    fn a_title_is_in_the_language_of_the_form_or_in_english() {
        let titles = [("en", "Engineer"), ("de", "Ingenieurin"), ("fr", "")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let words = Words::parse(&Typed { titles: titles.to_vec(), ..Typed::default() }, &langs()).unwrap();
        for (tag, title) in [("en", "Engineer"), ("de", "Ingenieurin"), ("de-at", "Ingenieurin"), ("fr", "Engineer")] {
            assert_eq!(words.title(&tag.parse().unwrap()), title, "{tag}");
        }
    }
}
