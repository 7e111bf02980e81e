//! The ranges into which numbers and days are counted. They follow from the rules of the field alone.

use serde_json::{Value, json};

use crate::domain::decimal::{Decimal, MOST_DECIMALS};
use crate::domain::form::{DateRange, NumberRange};

/// Ranges between the bounds of a field, at most about.
const MOST_STEPS: i128 = 10;
/// Millionths in one.
const ONE: i128 = 1_000_000;

/// How numbers are cut into ranges.
pub(super) struct Scale {
    /// All of one width, where the field has both bounds; otherwise by size: 1, 2, 5, 10, 20 …
    width: Option<i128>,
    /// The smallest difference between two answers.
    unit: i128,
}

/// A range of numbers, in millionths: from the first up to, and without, the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bin {
    from: i128,
    below: i128,
    unit: i128,
}

impl Scale {
    pub(super) fn of(range: &NumberRange) -> Self {
        let unit = 10_i128.pow(u32::from(MOST_DECIMALS.saturating_sub(range.decimals)));
        let width = range.min.zip(range.max).map(|(min, max)| {
            let least = (max.millionths() - min.millionths()) / MOST_STEPS;
            let mut step = unit;
            // 1, 2, 5, 10 … units.
            for factor in [2, 5, 10].into_iter().cycle() {
                if step >= least {
                    break;
                }
                let base = if factor == 2 { step } else { power_below(step) };
                step = base * factor;
            }
            step
        });
        Self { width, unit }
    }

    pub(super) fn bin(&self, number: Decimal) -> Bin {
        let value = number.millionths();
        let (from, below) = match self.width {
            Some(width) => {
                let from = value.div_euclid(width) * width;
                (from, from + width)
            }
            None if value >= 0 => self.by_size(value),
            None => {
                let (from, below) = self.by_size(-value - self.unit);
                (-below, -from)
            }
        };
        Bin { from, below, unit: self.unit }
    }

    fn by_size(&self, value: i128) -> (i128, i128) {
        if value < self.unit {
            return (0, self.unit);
        }
        let power = power_below(value);
        match value / power {
            1 => (power, 2 * power),
            2..5 => (2 * power, 5 * power),
            _ => (5 * power, 10 * power),
        }
    }
}

/// The largest power of ten that is not above a number of at least 1.
fn power_below(value: i128) -> i128 {
    let mut power = 1;
    while power * 10 <= value {
        power *= 10;
    }
    power
}

impl Bin {
    pub(super) fn to_json(self) -> Value {
        json!({ "from": shown(self.from), "to": shown(self.below - self.unit) })
    }

    pub(super) fn label(self) -> String {
        let (from, to) = (shown(self.from), shown(self.below - self.unit));
        if from == to { from.to_string() } else { format!("{from} to {to}") }
    }

    pub(super) fn middle(self) -> f64 {
        (self.from + self.below - self.unit) as f64 / 2.0 / ONE as f64
    }
}

fn shown(millionths: i128) -> Value {
    match i64::try_from(millionths / ONE) {
        Ok(whole) if millionths % ONE == 0 => whole.into(),
        _ => (millionths as f64 / ONE as f64).into(),
    }
}

/// How days are put together.
pub(super) enum Calendar {
    Days,
    Months,
    Years,
}

impl Calendar {
    pub(super) fn of(range: &DateRange) -> Self {
        let days = range.earliest.zip(range.latest).map(|(first, last)| (last - first).get_days());
        match days {
            Some(..=31) => Self::Days,
            Some(..=750) => Self::Months,
            _ => Self::Years,
        }
    }

    /// The name of the day, month or year that a day belongs to.
    pub(super) fn name(&self, day: jiff::civil::Date) -> String {
        match self {
            Self::Days => day.to_string(),
            Self::Months => format!("{:04}-{:02}", day.year(), day.month()),
            Self::Years => format!("{:04}", day.year()),
        }
    }
}
