//! What the answers to a survey come to.
//!
//! A [`Tally`] counts; a [`Report`] tells. Every number in a report is a count rounded to a multiple of `k`, or made from such
//! counts, save the number of answers, which is exact and a sum of whole groups. So no count that is told stands for fewer than
//! `k` answers, and none can be got from the others by subtraction. Into which ranges numbers and days are counted depends on the
//! form alone, never on what was answered.

mod bins;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::form::{Field, FieldKind, Form};
use super::submission::{FieldValue, Fields};
use bins::{Bin, Calendar, Scale};

/// Multiples of `k` answers from which a mean is told.
const ENOUGH_FOR_MEAN: u64 = 2;
/// Multiples of `k` answers from which quartiles are told: each quarter then has at least `k`.
const ENOUGH_FOR_QUARTILES: u64 = 4;

/// Counts of answers under way. Exact, and for nobody's eyes.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    answers: u64,
    questions: BTreeMap<String, Count>,
}

#[derive(Clone, Debug, Default)]
struct Count {
    answers: u64,
    cells: BTreeMap<Cell, u64>,
}

/// What is counted apart. In the order in which a report tells them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cell {
    Option(usize),
    Mark(u8),
    Box(bool),
    Bin(Bin),
    Days(String),
}

impl Tally {
    /// Counts one answer, as far as the form still asks what it says: a field, option, mark, number or day that the form has no
    /// more is passed over.
    pub fn add(&mut self, form: &Form, fields: &Fields) {
        self.answers += 1;
        for field in &form.fields {
            let Some(cells) = fields.get(&field.name).and_then(|value| cells(field, value)) else { continue };
            let count = self.questions.entry(field.name.clone()).or_default();
            count.answers += 1;
            for cell in cells {
                *count.cells.entry(cell).or_default() += 1;
            }
        }
    }

    /// Adds the counts of others.
    pub fn absorb(&mut self, other: Self) {
        self.answers += other.answers;
        for (name, theirs) in other.questions {
            let ours = self.questions.entry(name).or_default();
            ours.answers += theirs.answers;
            for (cell, count) in theirs.cells {
                *ours.cells.entry(cell).or_default() += count;
            }
        }
    }

    /// What may be told, in steps of `k`, to somebody who is shown the fields that `shows` names.
    pub fn report(&self, form: &Form, k: u32, shows: impl Fn(&str) -> bool) -> Report {
        let enough = self.answers >= u64::from(k);
        let texts: &[String] = match &form.kind {
            super::form::FormKind::Survey { texts, .. } => texts,
            _ => &[],
        };
        Report {
            form: form.id.to_string(),
            title: form.title.clone(),
            k,
            answers: enough.then_some(self.answers),
            questions: if enough {
                let question = |field: &Field| match shows(&field.name) {
                    true => self.question(field, k, texts.contains(&field.name)),
                    false => Question { masked: true, ..Question::untold(field) },
                };
                form.fields.iter().map(question).collect()
            } else {
                Vec::new()
            },
        }
    }

    fn question(&self, field: &Field, k: u32, readable: bool) -> Question {
        let mut out = Question { readable, ..Question::untold(field) };
        let Some(count) = self.questions.get(&field.name).filter(|count| count.answers >= u64::from(k)) else {
            return out;
        };
        out.answers = Some(rounded(count.answers, k));
        let told = |cell: &Cell| rounded(count.cells.get(cell).copied().unwrap_or(0), k);
        let line = |value: Value, label: &str, cell: &Cell| Line { value, label: label.to_owned(), count: told(cell) };
        out.counts = match &field.kind {
            FieldKind::Choice(_) | FieldKind::Choices(_) => (0..)
                .zip(field.kind.options())
                .map(|(n, option)| line(option.value.as_str().into(), &option.label, &Cell::Option(n)))
                .collect(),
            FieldKind::Rating(rating) => {
                (1..=rating.scale).map(|mark| line(mark.into(), &mark.to_string(), &Cell::Mark(mark))).collect()
            }
            FieldKind::YesNo => {
                vec![line(true.into(), "yes", &Cell::Box(true)), line(false.into(), "no", &Cell::Box(false))]
            }
            _ => {
                let told = count.cells.keys().filter(|cell| told(cell) > 0);
                told.map(|cell| match cell {
                    Cell::Bin(bin) => line(bin.to_json(), &bin.label(), cell),
                    Cell::Days(days) => line(days.as_str().into(), days, cell),
                    _ => line(Value::Null, "", cell),
                })
                .collect()
            }
        };
        // Made from what is told, so that they tell nothing more.
        let spread: Vec<(Place, u64)> = (count.cells.keys())
            .filter_map(|cell| Some((Place::of(cell)?, told(cell))))
            .filter(|(_, count)| *count > 0)
            .collect();
        let in_all: u64 = spread.iter().map(|(_, count)| count).sum();
        if in_all >= ENOUGH_FOR_MEAN * u64::from(k) {
            let sum: f64 = spread.iter().map(|(place, count)| place.middle * *count as f64).sum();
            out.mean = Some(two_digits(sum / in_all as f64));
        }
        if in_all >= ENOUGH_FOR_QUARTILES * u64::from(k) {
            out.quartiles = Some([1, 2, 3].map(|quarter| quantile(&spread, quarter * in_all)));
        }
        out
    }
}

/// What a survey came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The form's name.
    pub form: String,
    /// Its heading.
    pub title: String,
    /// The step in which is counted, and the fewest answers that are told about.
    pub k: u32,
    /// How many answers were counted, in whole groups; `None` while there are too few.
    pub answers: Option<u64>,
    /// By question, in the order of the form; empty while there are too few answers.
    pub questions: Vec<Question>,
}

/// What one question came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Question {
    /// Name of the field.
    pub name: String,
    /// What was asked.
    pub label: String,
    /// Kind of the field.
    pub kind: &'static str,
    /// How many answered it, rounded; `None` when fewer than `k` did.
    pub answers: Option<u64>,
    /// By option, mark or range; empty for texts.
    pub counts: Vec<Line>,
    /// About the mean, where there are enough answers.
    pub mean: Option<f64>,
    /// Where the first quarter, half, and three quarters of the answers end: a mark or a range, where there are enough.
    pub quartiles: Option<[Value; 3]>,
    /// Whether its words can be read, apart from all else.
    pub readable: bool,
    /// It is not shown to who asks; then nothing is told of it.
    pub masked: bool,
}

impl Question {
    /// A question of which nothing is told.
    fn untold(field: &Field) -> Self {
        Self {
            name: field.name.clone(),
            label: field.label.clone(),
            kind: field.kind.as_str(),
            answers: None,
            counts: Vec::new(),
            mean: None,
            quartiles: None,
            readable: false,
            masked: false,
        }
    }
}

/// How often one thing was answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The option's value, the mark, `true` or `false`, a range of numbers, or days.
    pub value: Value,
    /// In words.
    pub label: String,
    /// How often, rounded to a multiple of `k`.
    pub count: u64,
}

/// To the nearest multiple of `k`, halves up.
fn rounded(count: u64, k: u32) -> u64 {
    let k = u64::from(k);
    (2 * count + k) / (2 * k) * k
}

/// Where an answer is counted; `None` for one that the form has no place for (any more), and an empty list for a text.
fn cells(field: &Field, value: &FieldValue) -> Option<Vec<Cell>> {
    let option = |value: &str| field.kind.options().iter().position(|option| option.value == value).map(Cell::Option);
    let one = match (&field.kind, value) {
        (FieldKind::Choice(_), FieldValue::Text(picked)) => option(picked.expose())?,
        (FieldKind::Choices(_), FieldValue::Many(picked)) => {
            let found: Vec<Cell> = picked.iter().filter_map(|picked| option(picked.expose())).collect();
            return (!found.is_empty()).then_some(found);
        }
        (FieldKind::YesNo, FieldValue::Bool(ticked)) => Cell::Box(*ticked),
        (FieldKind::Rating(rating), FieldValue::Number(mark)) => {
            let mark = mark.whole().and_then(|mark| u8::try_from(mark).ok())?;
            (1..=rating.scale).contains(&mark).then_some(Cell::Mark(mark))?
        }
        (FieldKind::Number(range), FieldValue::Number(number)) => {
            let inside = range.min.is_none_or(|min| *number >= min) && range.max.is_none_or(|max| *number <= max);
            inside.then(|| Cell::Bin(Scale::of(range).bin(*number)))?
        }
        (FieldKind::Date(range), FieldValue::Text(day)) => {
            let day: jiff::civil::Date = day.expose().parse().ok()?;
            let inside = range.earliest.is_none_or(|first| day >= first) && range.latest.is_none_or(|last| day <= last);
            inside.then(|| Cell::Days(Calendar::of(range).name(day)))?
        }
        (FieldKind::ShortText(_) | FieldKind::LongText(_) | FieldKind::Email, FieldValue::Text(_))
        | (FieldKind::Phone(_) | FieldKind::Url, FieldValue::Text(_))
        | (FieldKind::PostalAddress(_), FieldValue::Address(_)) => return Some(Vec::new()),
        _ => return None,
    };
    Some(vec![one])
}

/// Where a mark or a range lies, for means and quartiles.
struct Place {
    middle: f64,
    shown: Value,
}

impl Place {
    fn of(cell: &Cell) -> Option<Self> {
        match cell {
            Cell::Mark(mark) => Some(Self { middle: f64::from(*mark), shown: (*mark).into() }),
            Cell::Bin(bin) => Some(Self { middle: bin.middle(), shown: bin.to_json() }),
            Cell::Option(_) | Cell::Box(_) | Cell::Days(_) => None,
        }
    }
}

/// The place up to which `quarters` / 4 of all lie.
fn quantile(spread: &[(Place, u64)], quarters: u64) -> Value {
    let mut below = 0;
    let end = spread.iter().find(|(_, count)| {
        below += 4 * count;
        below >= quarters
    });
    end.map_or(Value::Null, |(place, _)| place.shown.clone())
}

/// Two digits are as much as ranges and rounded counts can carry; three for marks and others below a hundred.
fn two_digits(number: f64) -> f64 {
    if number == 0.0 {
        return 0.0;
    }
    let digits = 1 - number.abs().log10().floor() as i32;
    let power = 10_f64.powi(digits);
    (number * power).round() / power
}
