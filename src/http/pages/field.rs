//! One question as the template wants it.

use std::borrow::Cow;

use super::Typed;
use crate::base::sensitive::SensitiveString;
use crate::domain::country::Country;
use crate::domain::form::{Choice, Field, FieldKind, FileField, Form, ShownWhen, Wanted};
use crate::domain::language::Said;
use crate::domain::submission::PostalAddress;
use crate::domain::text::as_sorted;
use crate::http::speech::Speech;
use crate::services::Problem;

/// Up to so many options are shown at once; more go into a list that opens.
const MOST_SHOWN: usize = 6;

/// One question.
pub(super) struct FieldView<'a> {
    pub(super) id: String,
    pub(super) name: &'a str,
    pub(super) label: &'a str,
    pub(super) help: Cow<'a, str>,
    /// When the question is to be answered, if not always.
    pub(super) only_if: Option<String>,
    /// What the marks of a rating mean.
    pub(super) scale: Option<String>,
    pub(super) look: Look<'a>,
    /// Options of which there is more to say, and that.
    pub(super) abouts: Vec<(&'a str, Vec<&'a str>)>,
    pub(super) required: bool,
    pub(super) autocomplete: Option<&'a str>,
    pub(super) problem: Option<String>,
    /// The ids of condition, help and problem, for `aria-describedby`.
    pub(super) described: Option<String>,
}

/// How a question is shown.
pub(super) enum Look<'a> {
    /// One line; with further attributes of the input.
    Line { input: &'static str, value: &'a str, limits: Vec<(&'static str, String)> },
    /// Several lines.
    Lines { value: &'a str, most: Option<usize> },
    /// A list that opens.
    List(Vec<OptionView<'a>>),
    /// Buttons of which one can be on.
    Radios(Vec<OptionView<'a>>),
    /// Marks of which one can be on.
    Marks(Vec<OptionView<'a>>),
    /// Boxes of which several can be on.
    Boxes(Vec<OptionView<'a>>),
    /// One box.
    Box { ticked: bool },
    /// Several lines with a label each, and a country.
    Address { parts: Vec<PartView<'a>>, countries: Vec<OptionView<'a>>, country_id: String },
    /// Files.
    Files { accept: String, many: bool },
}

/// Something that can be picked.
pub(super) struct OptionView<'a> {
    pub(super) id: String,
    pub(super) value: Cow<'a, str>,
    pub(super) label: Cow<'a, str>,
    pub(super) picked: bool,
}

/// A line of an address.
pub(super) struct PartView<'a> {
    pub(super) id: String,
    pub(super) name: &'static str,
    pub(super) label: String,
    pub(super) autocomplete: &'static str,
    pub(super) value: &'a str,
    pub(super) needed: bool,
    pub(super) problem: Option<String>,
}

impl<'a> FieldView<'a> {
    /// A field of `form`.
    pub(super) fn of(
        speech: &Speech,
        field: &'a Field,
        form: &'a Form,
        typed: &'a Typed,
        problems: &'a [Problem],
    ) -> Self {
        let id = format!("field-{}", field.name);
        let country = format!("{}.country", field.name);
        let problem = problem_of(&field.name, problems).or_else(|| problem_of(&country, problems));
        let problem = problem.map(|p| beside(speech, p));
        let scale = scale(speech, field);
        let only_if = field.shown_when.as_ref().and_then(|when| only_if(speech, when, form));
        Self {
            described: described(&id, only_if.is_some(), &field.help, scale.is_some(), problem.is_some()),
            scale,
            look: look(speech, field, form, &id, typed, problems),
            abouts: field.kind.options().iter().filter(|option| !option.about.is_empty()).map(about).collect(),
            id,
            name: &field.name,
            label: &field.label,
            help: Cow::Borrowed(&field.help),
            // The browser must not insist on what may not apply.
            required: field.required && only_if.is_none(),
            only_if,
            autocomplete: field.autocomplete.as_deref(),
            problem,
        }
    }

    /// A file field.
    pub(super) fn of_file(speech: &Speech, field: &'a FileField, problems: &'a [Problem]) -> Self {
        let id = format!("field-{}", field.name);
        let problem = problem_of(&field.name, problems).map(|p| beside(speech, p));
        let help = if field.help.is_empty() {
            Cow::Owned(file_rules(speech, field))
        } else {
            Cow::Borrowed(field.help.as_str())
        };
        let accept: Vec<String> = field.kinds.iter().map(|k| format!(".{}", k.extension())).collect();
        Self {
            described: described(&id, false, &help, false, problem.is_some()),
            scale: None,
            id,
            name: &field.name,
            label: &field.label,
            help,
            only_if: None,
            look: Look::Files { accept: accept.join(","), many: field.max_files > 1 },
            abouts: Vec::new(),
            required: field.required,
            autocomplete: None,
            problem,
        }
    }

    /// Whether its label is marked as optional: it is always asked, and may be left empty.
    pub(super) fn optional(&self) -> bool {
        !self.required && self.only_if.is_none()
    }

    /// Whether something is wrong with it or a part of it.
    pub(super) fn wrong(&self) -> bool {
        let part = match &self.look {
            Look::Address { parts, .. } => parts.iter().any(|part| part.problem.is_some()),
            _ => false,
        };
        self.problem.is_some() || part
    }

    /// Whether it is several inputs under one heading.
    pub(super) fn is_group(&self) -> bool {
        matches!(self.look, Look::Radios(_) | Look::Marks(_) | Look::Boxes(_) | Look::Address { .. })
    }

    /// The id of the input that a line of the summary leads to; `part` is that of an address, or empty.
    pub(super) fn input_of(&self, part: &str) -> String {
        match &self.look {
            Look::Address { parts, country_id, .. } => {
                let found = parts.iter().find(|one| one.name == part).map(|one| one.id.clone());
                found.unwrap_or_else(|| if part == "country" { country_id.clone() } else { self.id.clone() })
            }
            _ => self.id.clone(),
        }
    }
}

fn about(option: &Choice) -> (&str, Vec<&str>) {
    (&option.label, option.about.lines().map(str::trim).filter(|line| !line.is_empty()).collect())
}

/// The message about a field or a part of one, if there is one.
pub(super) fn problem_of<'a>(name: &str, problems: &'a [Problem]) -> Option<&'a Said> {
    problems.iter().find(|p| p.field.as_deref() == Some(name)).map(|p| &p.message)
}

fn look<'a>(
    speech: &Speech,
    field: &'a Field,
    form: &'a Form,
    id: &str,
    typed: &'a Typed,
    problems: &'a [Problem],
) -> Look<'a> {
    let value = first(typed, &field.name);
    let line = |input, limits| Look::Line { input, value, limits };
    let most = field.kind.max_length();
    let length = most.map(|most| ("maxlength", most.to_string()));
    match &field.kind {
        FieldKind::ShortText(_) => line("text", length.into_iter().collect()),
        FieldKind::LongText(_) => Look::Lines { value, most },
        FieldKind::Email => line("email", length.into_iter().collect()),
        FieldKind::Phone(_) => line("tel", length.into_iter().collect()),
        FieldKind::Url => line("url", length.into_iter().collect()),
        FieldKind::Number(range) => {
            // Not type=number: it loses what is mistyped, and wheels and arrows change it unnoticed.
            let mode = if range.decimals == 0 { "numeric" } else { "decimal" };
            let negative = range.min.is_none_or(|min| min < 0.into());
            line("text", if negative { Vec::new() } else { vec![("inputmode", mode.to_owned())] })
        }
        FieldKind::Date(range) => {
            let earliest = range.earliest.map(|day| ("min", day.to_string()));
            line("date", earliest.into_iter().chain(range.latest.map(|day| ("max", day.to_string()))).collect())
        }
        // Of vacancies there are now more, now fewer: they look the same every day.
        FieldKind::Choice(options) if options.len() > MOST_SHOWN || field.vacancies.is_some() => {
            Look::List(picks(options, id, field, typed))
        }
        FieldKind::Choice(options) => Look::Radios(with_none(speech, picks(options, id, field, typed), field, id)),
        FieldKind::Choices(many) => Look::Boxes(picks(&many.options, id, field, typed)),
        FieldKind::YesNo => Look::Box { ticked: typed.ticked.contains(&field.name) },
        FieldKind::Rating(rating) => {
            let mark = |n: u8| OptionView {
                id: if n == 1 { id.to_owned() } else { format!("{id}-{n}") },
                value: n.to_string().into(),
                label: n.to_string().into(),
                picked: value.trim() == n.to_string(),
            };
            Look::Marks(with_none(speech, (1..=rating.scale).map(mark).collect(), field, id))
        }
        FieldKind::PostalAddress(own) => address(speech, field, own.or(form.country), id, typed, problems),
    }
}

fn picks<'a>(options: &'a [Choice], id: &str, field: &Field, typed: &Typed) -> Vec<OptionView<'a>> {
    let picked = |value: &str| sent(typed, &field.name).iter().any(|text| text.expose() == value);
    let view = |(n, option): (usize, &'a Choice)| OptionView {
        id: if n == 0 { id.to_owned() } else { format!("{id}-{}", n + 1) },
        value: Cow::Borrowed(&option.value),
        label: Cow::Borrowed(&option.label),
        picked: picked(&option.value),
    };
    options.iter().enumerate().map(view).collect()
}

/// Buttons cannot be turned off again, so where no answer is needed there is one for none.
fn with_none<'a>(speech: &Speech, mut options: Vec<OptionView<'a>>, field: &Field, id: &str) -> Vec<OptionView<'a>> {
    if !field.required || field.shown_when.is_some() {
        let picked = !options.iter().any(|option| option.picked);
        let (value, label) = (Cow::Borrowed(""), Cow::Owned(speech.say("form.none")));
        options.push(OptionView { id: format!("{id}-none"), value, label, picked });
    }
    options
}

fn address<'a>(
    speech: &Speech,
    field: &'a Field,
    country: Option<Country>,
    id: &str,
    typed: &'a Typed,
    problems: &'a [Problem],
) -> Look<'a> {
    const PARTS: [(&str, &str, &str, bool); 5] = [
        ("line1", "address.line1", "address-line1", true),
        ("line2", "address.line2", "address-line2", false),
        ("town", "address.town", "address-level2", true),
        ("region", "address.region", "address-level1", false),
        ("postcode", "address.postcode", "postal-code", false),
    ];
    let part = |(n, (name, label, autocomplete, needed)): (usize, (&'static str, &'static str, &'static str, bool))| {
        let whole = format!("{}.{name}", field.name);
        PartView {
            id: if n == 0 { id.to_owned() } else { format!("{id}-{name}") },
            name,
            label: speech.say(label),
            autocomplete,
            value: first(typed, &whole),
            needed,
            problem: problem_of(&whole, problems).map(|p| beside(speech, p)),
        }
    };
    let sent = first(typed, &format!("{}.country", field.name));
    let chosen = sent.parse().ok().or(country);
    let view = |country: Country| OptionView {
        id: String::new(),
        value: country.code().into(),
        label: speech.country(country).into(),
        picked: chosen == Some(country),
    };
    let mut countries: Vec<OptionView<'_>> = Country::all().map(view).collect();
    countries.sort_by_cached_key(|country| as_sorted(&country.label));
    debug_assert_eq!(PARTS.map(|(name, ..)| name), PostalAddress::PARTS[..5]);
    Look::Address {
        parts: PARTS.into_iter().enumerate().map(part).collect(),
        countries,
        country_id: format!("{id}-country"),
    }
}

fn sent<'a>(typed: &'a Typed, name: &str) -> &'a [SensitiveString] {
    typed.text.get(name).map_or(&[], Vec::as_slice)
}

fn first<'a>(typed: &'a Typed, name: &str) -> &'a str {
    sent(typed, name).first().map_or("", SensitiveString::expose)
}

/// When a question is asked, in a sentence: nothing hides it without a script.
fn only_if(speech: &Speech, when: &ShownWhen, form: &Form) -> Option<String> {
    let decides = form.field(&when.field)?;
    let label = decides.label.trim_end_matches(['?', '.', ':', '\u{a0}', ' ']);
    let sentence = |key| speech.fill(key).with("label", label);
    if let (FieldKind::YesNo, Some(Wanted::Box(ticked))) = (&decides.kind, when.is.first()) {
        let key = if *ticked { "form.only-if-ticked" } else { "form.only-if-not-ticked" };
        return Some(sentence(key).to_string());
    }
    let answer = |wanted: &Wanted| match wanted {
        // Of boxes alone, which are told above.
        Wanted::Box(_) => None,
        Wanted::Mark(mark) => Some(mark.to_string()),
        Wanted::Option(value) => {
            let option = decides.kind.options().iter().find(|option| option.value == *value);
            let label = option.map_or(value.as_str(), |option| option.label.as_str());
            Some(speech.fill("form.quoted").with("text", label).to_string())
        }
    };
    let answers: Vec<String> = when.is.iter().filter_map(answer).collect();
    let answers = match answers.split_last()? {
        (last, []) => last.clone(),
        (last, rest) => speech.fill("form.or").with("rest", rest.join(", ")).with("last", last).to_string(),
    };
    let many = matches!(decides.kind, FieldKind::Choices(_));
    let key = if many { "form.only-if-chosen" } else { "form.only-if-answered" };
    Some(sentence(key).with("answers", answers).to_string())
}

/// A message as it stands beside its field, whose label need not be said again.
fn beside(speech: &Speech, message: &Said) -> String {
    speech.translated(message.parts().1, &super::OTHER)
}

/// What the first mark and the last mean.
fn scale(speech: &Speech, field: &Field) -> Option<String> {
    let FieldKind::Rating(rating) = &field.kind else { return None };
    let ends = [(1, &rating.low), (rating.scale, &rating.high)];
    let end =
        |(mark, words): &(u8, &String)| speech.fill("form.mark").with("mark", mark).with("meaning", words).to_string();
    let told: Vec<String> = ends.iter().filter(|(_, words)| !words.is_empty()).map(end).collect();
    (!told.is_empty()).then(|| told.join(" · "))
}

/// The ids of whatever is said about a field, in the order in which it stands there.
fn described(id: &str, only_if: bool, help: &str, scale: bool, wrong: bool) -> Option<String> {
    let ids = [(only_if, "when"), (!help.is_empty(), "help"), (scale, "scale"), (wrong, "problem")];
    let ids: Vec<String> = ids.iter().filter(|(there, _)| *there).map(|(_, what)| format!("{id}-{what}")).collect();
    (!ids.is_empty()).then(|| ids.join(" "))
}

/// What is said of a file field's limits where no help text does.
fn file_rules(speech: &Speech, field: &FileField) -> String {
    let kinds: Vec<String> = field.kinds.iter().map(|kind| speech.tell(&kind.said())).collect();
    let number = speech.count("form.number-of-files", field.max_files.into());
    let rules = speech.fill("form.file-rules").with("number", number).with("size", speech.size(field.max_bytes));
    rules.with("kinds", kinds.join(", ")).to_string()
}
