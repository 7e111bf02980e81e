//! Privacy notices, and the wordings of consents that have a file of their own.
//!
//! Such a file is Markdown under a few lines of TOML between two lines `+++`: the `version` that each submission
//! records, and the date by which somebody should have read it again.

use jiff::civil::Date;
use serde::Deserialize;
use toml::Spanned;

use super::form::FormError;
use super::language::Lang;
use super::markdown::Markdown;

/// What stands above and below the TOML.
const FENCE: &str = "+++";

/// A privacy notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The name of its file; `None` for a notice that stands within a form.
    pub name: Option<String>,
    /// Recorded with each submission, for example `2026-11`.
    pub version: String,
    /// By when it is to be read again, if somebody said so.
    pub review_by: Option<Date>,
    /// What it says.
    pub text: NoticeText,
    /// The language of these words.
    pub lang: Lang,
    /// Whether they are a translation of a notice.
    pub translated: bool,
}

/// The words of a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoticeText {
    /// Plain text; paragraphs stand apart by an empty line.
    Plain(String),
    /// Markdown, checked.
    Markdown(Markdown),
}

impl Notice {
    /// Reads a notice file; `name` is what forms call it, `file` what errors call it.
    ///
    /// # Errors
    /// [`FormError`] with the line and what was expected there.
    pub fn parse(text: &str, name: &str, file: &str) -> Result<Self, FormError> {
        let (version, review_by, words) = read(text, file)?;
        let name = Some(name.to_owned());
        let (lang, translated) = (Lang::english(), false);
        Ok(Self { name, version, review_by: Some(review_by), text: NoticeText::Markdown(words), lang, translated })
    }

    /// These words in `lang`, as a translation or not.
    #[must_use]
    pub fn in_language(self, lang: &Lang, translated: bool) -> Self {
        Self { lang: lang.clone(), translated, ..self }
    }

    /// What a submission records of it: the version; of a translation its own version and its language, `2026-11/de`.
    pub fn recorded(&self) -> String {
        recorded(&self.version, &self.lang, self.translated)
    }

    /// Whether it should have been read again before `today`.
    pub fn is_overdue(&self, today: Date) -> bool {
        self.review_by.is_some_and(|date| date < today)
    }

    /// The words alone, paragraph by paragraph.
    pub fn paragraphs(&self) -> Vec<&str> {
        match &self.text {
            NoticeText::Plain(text) => text.split("\n\n").map(str::trim).filter(|p| !p.is_empty()).collect(),
            NoticeText::Markdown(words) => words.paragraphs().iter().map(String::as_str).collect(),
        }
    }
}

/// A version as it is recorded. The stroke stands in no version.
pub(super) fn recorded(version: &str, lang: &Lang, translated: bool) -> String {
    if translated { format!("{version}/{lang}") } else { version.to_owned() }
}

/// The language that a recorded version names, if it is that of a translation.
pub fn language_of(recorded: &str) -> Option<Lang> {
    recorded.split_once('/').and_then(|(_, lang)| lang.parse().ok())
}

/// The words of a consent in a file of their own: one paragraph without links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording {
    /// The exact words.
    pub words: String,
    /// Their version.
    pub version: String,
    /// By when they are to be read again.
    pub review_by: Date,
}

impl Wording {
    /// Reads a wording file; `file` is what errors call it.
    ///
    /// # Errors
    /// As [`Notice::parse`], and when there is more than one paragraph or a link.
    pub fn parse(text: &str, file: &str) -> Result<Self, FormError> {
        let (version, review_by, markdown) = read(text, file)?;
        match markdown.paragraphs() {
            [words] if !markdown.html().contains("<a ") && markdown.html().starts_with("<p>") => {
                Ok(Self { words: words.clone(), version, review_by })
            }
            _ => Err(FormError {
                file: file.to_owned(),
                line: Some(first_line_of_words(text)),
                message: "expected one paragraph without links: the words beside a box".to_owned(),
            }),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Front {
    version: Spanned<String>,
    review_by: Spanned<toml::value::Datetime>,
}

fn read(text: &str, file: &str) -> Result<(String, Date, Markdown), FormError> {
    let error = |line: usize, message: String| FormError { file: file.to_owned(), line: Some(line), message };
    let line_at = |text: &str, at: usize| 1 + text.bytes().take(at).filter(|b| *b == b'\n').count();
    let Some((front, from, words)) = split(text) else {
        let message = "expected a line +++, then version and review_by, then a line +++, then the text".to_owned();
        return Err(error(1, message));
    };
    let front_lines = line_at(text, from);
    let place = |span: std::ops::Range<usize>| front_lines + line_at(front, span.start) - 1;
    let parsed: Front = toml::from_str(front)
        .map_err(|e| error(e.span().map_or(front_lines, place), super::form::one_line(e.message())))?;
    if !super::form::is_version(parsed.version.get_ref()) {
        return Err(error(place(parsed.version.span()), super::form::VERSION.to_owned()));
    }
    let review_by = super::form::date(parsed.review_by.get_ref()).ok_or_else(|| {
        let message = "expected a date without quotes, for example 2027-11-30".to_owned();
        error(place(parsed.review_by.span()), message)
    })?;
    let above = text.len() - words.len();
    let markdown = Markdown::parse(words).map_err(|e| error(line_at(text, above + e.at), e.message.to_owned()))?;
    Ok((parsed.version.into_inner(), review_by, markdown))
}

/// The TOML, where it begins, and the Markdown.
fn split(text: &str) -> Option<(&str, usize, &str)> {
    let fence = |rest: &str| -> Option<usize> {
        let line = rest.split_inclusive('\n').next()?;
        (line.trim_end() == FENCE).then_some(line.len())
    };
    let from = fence(text)?;
    let mut at = from;
    for line in text.get(from..)?.split_inclusive('\n') {
        if let Some(len) = fence(line) {
            return Some((&text[from..at], from, &text[at + len..]));
        }
        at += line.len();
    }
    None
}

fn first_line_of_words(text: &str) -> usize {
    let above = split(text).map_or(0, |(_, _, words)| text.len() - words.trim_start().len());
    1 + text.bytes().take(above).filter(|b| *b == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "+++\nversion = \"2026-11\"\nreview_by = 2027-11-30\n+++\n\n# Head\n\nWords.\n";

    #[test]
    fn a_notice_is_read() {
        let notice = Notice::parse(GOOD, "general", "general.md").unwrap();
        assert_eq!((notice.name.as_deref(), notice.version.as_str()), (Some("general"), "2026-11"));
        assert_eq!(notice.paragraphs(), ["Head", "Words."]);
        let day = |text: &str| text.parse::<Date>().unwrap();
        assert!(!notice.is_overdue(day("2027-11-30")) && notice.is_overdue(day("2027-12-01")));
        assert_eq!(Notice::parse(&GOOD.replace('\n', "\r\n"), "general", "x").unwrap().version, "2026-11");
    }

    #[test]
    fn each_mistake_is_placed_on_its_line() {
        for (from, to, line, words) in [
            ("+++\nversion", "version", 1, "+++"),
            ("+++\n\n#", "#", 1, "+++"),
            ("\"2026-11\"", "\"\"", 2, "a version"),
            ("version", "versoin", 2, "unknown field"),
            ("2027-11-30", "2027-02-30", 3, ""),
            ("2027-11-30", "\"2027-11-30\"", 3, ""),
            ("2027-11-30", "2027-11-30T10:00:00Z", 3, "a date"),
            ("Words.", "<b>Words</b>", 8, "HTML"),
            ("# Head\n\nWords.\n", "", 5, "some words"),
        ] {
            let error = Notice::parse(&GOOD.replacen(from, to, 1), "x", "notices/x.md").unwrap_err();
            assert_eq!((error.file.as_str(), error.line), ("notices/x.md", Some(line)), "{from}: {error}");
            assert!(error.message.contains(words), "{error}");
        }
    }

    #[test]
    fn a_translation_is_recorded_as_one() {
        let notice = Notice::parse(GOOD, "general", "general.md").unwrap();
        assert_eq!((notice.recorded().as_str(), language_of("2026-11")), ("2026-11", None));
        let german = notice.in_language(&"de".parse().unwrap(), true);
        assert_eq!(german.recorded(), "2026-11/de");
        assert_eq!(language_of(&german.recorded()).unwrap().as_str(), "de");
    }

    #[test]
    fn a_wording_is_one_paragraph() {
        let file = |words: &str| format!("+++\nversion = \"1\"\nreview_by = 2027-11-30\n+++\n\n{words}\n");
        assert_eq!(Wording::parse(&file("Send me\n*news*."), "x").unwrap().words, "Send me news.");
        for bad in ["One.\n\nTwo.", "[One](https://example.org).", "# One", "- One"] {
            let error = Wording::parse(&file(bad), "x").unwrap_err();
            assert_eq!(error.line, Some(6), "{bad}: {error}");
        }
    }
}
