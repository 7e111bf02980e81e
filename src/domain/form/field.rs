//! The questions of a form: what kind of answer each takes, and under which rules.

use jiff::civil::Date;
use serde::Deserialize;

use crate::domain::country::Country;
use crate::domain::decimal::Decimal;
use crate::domain::phone;
use crate::domain::staff::Role;

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in posts and in the API: as a [`super::FormId`].
    pub name: String,
    /// What is asked.
    pub label: String,
    /// A sentence of help; may be empty.
    pub help: String,
    /// Whether an answer is needed, where the field is shown. For a yes/no box: whether it has to be ticked.
    pub required: bool,
    /// What kind of answer, with its rules.
    pub kind: FieldKind,
    /// The HTML `autocomplete` value, for example `email`.
    pub autocomplete: Option<String>,
    /// Asked only then; `None` for always.
    pub shown_when: Option<ShownWhen>,
    /// Of those who read the form, who sees the answer; `None` for all of them. Not empty.
    pub seen_by: Option<Vec<Role>>,
    /// For a choice that begins with the open vacancies: those that are offered no more, for what was sent before.
    pub vacancies: Option<Vec<Choice>>,
}

impl Field {
    /// What is shown of an option, also of a vacancy that is offered no more.
    pub fn label_of(&self, value: &str) -> Option<&str> {
        let all = self.kind.options().iter().chain(self.vacancies.iter().flatten());
        all.into_iter().find(|choice| choice.value == value).map(|choice| choice.label.as_str())
    }
}

/// What kind of answer a field takes, with the rules that only this kind has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldKind {
    /// One line.
    ShortText(TextRules),
    /// Several lines.
    LongText(TextRules),
    /// An e-mail address.
    Email,
    /// A telephone number, kept as E.164. Numbers without a calling code are those of the country, if one is named here
    /// or in the form.
    Phone(Option<Country>),
    /// The address of a page on the web: `http` or `https`.
    Url,
    /// A number.
    Number(NumberRange),
    /// A day of the calendar.
    Date(DateRange),
    /// One of several options; not empty.
    Choice(Vec<Choice>),
    /// Any of several options.
    Choices(Options),
    /// A box that is ticked or not.
    YesNo,
    /// A mark from 1 up.
    Rating(Rating),
    /// A postal address. It begins with the country named here or in the form.
    PostalAddress(Option<Country>),
}

impl FieldKind {
    /// The names of the kinds, as form files write them.
    pub const NAMES: [&'static str; 12] = [
        "short-text",
        "long-text",
        "email",
        "phone",
        "url",
        "number",
        "date",
        "choice",
        "choices",
        "yes-no",
        "rating",
        "postal-address",
    ];

    /// The name of the kind, as form files write it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::ShortText(_) => "short-text",
            Self::LongText(_) => "long-text",
            Self::Email => "email",
            Self::Phone(_) => "phone",
            Self::Url => "url",
            Self::Number(_) => "number",
            Self::Date(_) => "date",
            Self::Choice(_) => "choice",
            Self::Choices(_) => "choices",
            Self::YesNo => "yes-no",
            Self::Rating(_) => "rating",
            Self::PostalAddress(_) => "postal-address",
        }
    }

    /// The longest answer, in characters; `None` for a kind that is not typed, or that has rules other than length.
    pub const fn max_length(&self) -> Option<usize> {
        match self {
            Self::ShortText(rules) | Self::LongText(rules) => Some(rules.length.max),
            Self::Email => Some(254),
            Self::Phone(_) => Some(phone::LONGEST),
            Self::Url => Some(2_000),
            Self::Number(_)
            | Self::Date(_)
            | Self::Choice(_)
            | Self::Choices(_)
            | Self::YesNo
            | Self::Rating(_)
            | Self::PostalAddress(_) => None,
        }
    }

    /// Whether other fields may depend on the answer.
    pub const fn can_decide(&self) -> bool {
        matches!(self, Self::Choice(_) | Self::Choices(_) | Self::YesNo | Self::Rating(_))
    }

    /// What can be picked; empty for a kind without options.
    pub fn options(&self) -> &[Choice] {
        match self {
            Self::Choice(options) => options,
            Self::Choices(many) => &many.options,
            _ => &[],
        }
    }
}

/// How long a text may be, in characters (Unicode scalar values, after normalisation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// At least so many, if there is an answer at all.
    pub min: usize,
    /// At most so many.
    pub max: usize,
}

/// The rules of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextRules {
    /// How long it may be.
    pub length: Length,
    /// What it has to look like; `None` for anything.
    pub pattern: Option<Pattern>,
}

/// What a whole text has to look like. Matching takes time linear in the text, whatever the pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    source: String,
    help: String,
    regex: regex::Regex,
}

impl Pattern {
    /// Memory for the compiled pattern, in bytes.
    const LARGEST: usize = 1 << 18;
    /// Longest pattern, in bytes.
    pub(super) const LONGEST: usize = 500;

    /// Compiles `source`, in the syntax of the regex crate; `help` says in words what it asks for.
    pub(super) fn new(source: &str, help: &str) -> Option<Self> {
        let compile = |text: &str| {
            let mut builder = regex::RegexBuilder::new(text);
            builder.size_limit(Self::LARGEST).dfa_size_limit(Self::LARGEST).nest_limit(50).build().ok()
        };
        // By itself first: `a)|(b` must not become valid between our brackets.
        compile(source)?;
        let regex = compile(&format!(r"\A(?:{source})\z"))?;
        Some(Self { source: source.to_owned(), help: help.to_owned(), regex })
    }

    /// The same pattern, told in other words.
    pub(super) fn with_help(&self, help: &str) -> Self {
        Self { help: help.to_owned(), ..self.clone() }
    }

    /// As it stands in the form file.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it asks for, in words.
    pub fn help(&self) -> &str {
        &self.help
    }

    /// Whether the whole of `text` looks like this.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.help == other.help
    }
}

impl Eq for Pattern {}

/// Which numbers are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberRange {
    /// Smallest.
    pub min: Option<Decimal>,
    /// Largest.
    pub max: Option<Decimal>,
    /// Most digits after the point; 0 for whole numbers.
    pub decimals: u8,
}

/// Which days are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateRange {
    /// First.
    pub earliest: Option<Date>,
    /// Last.
    pub latest: Option<Date>,
}

/// One option of a choice.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What is sent and kept.
    pub value: String,
    /// What is shown.
    pub label: String,
    /// What else there is to say of it, of a vacancy only; may be empty.
    #[serde(skip)]
    pub about: String,
}

/// Options of which several can be picked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What can be picked; not empty.
    pub options: Vec<Choice>,
    /// Fewest, if any is picked at all.
    pub min: usize,
    /// Most.
    pub max: usize,
}

/// A mark from 1 to `scale`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rating {
    /// The highest mark, 3 to 10.
    pub scale: u8,
    /// What 1 means; may be empty.
    pub low: String,
    /// What the highest means; may be empty.
    pub high: String,
}

/// A field is asked only when an earlier one has one of these answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownWhen {
    /// Name of the earlier field.
    pub field: String,
    /// The answers; not empty, and each one that the earlier field can have.
    pub is: Vec<Wanted>,
}

/// An answer that decides whether another field is asked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "expected the value of an option, true, false, or a mark")]
pub enum Wanted {
    /// A box that is ticked or not.
    Box(bool),
    /// A mark.
    Mark(u8),
    /// The value of an option.
    Option(String),
}
