//! Charts as SVG, made here: bars with their places as attributes, so that the page needs neither script nor style of its own.

use std::time::Duration;

use crate::services::dashboard::{Dashboard, Work};

/// Width and height of the drawing area of the bars by day, in its own units.
const WIDTH: u64 = 560;
const HEIGHT: u64 = 120;
/// Width of the bars by form, in theirs.
const ACROSS: u64 = 300;

/// A bar that stands.
pub(super) struct Bar {
    pub(super) x: u64,
    pub(super) y: u64,
    pub(super) width: u64,
    pub(super) height: u64,
    pub(super) day: String,
    pub(super) count: u64,
}

/// The arrivals by day.
pub(super) struct Arrivals {
    pub(super) bars: Vec<Bar>,
    pub(super) most: u64,
    pub(super) all: u64,
    pub(super) first: String,
    pub(super) last: String,
}

impl Arrivals {
    pub(super) fn of(dashboard: &Dashboard) -> Self {
        let days = &dashboard.days;
        let most = days.iter().map(|(_, count)| *count).max().unwrap_or(0);
        let step = WIDTH / (days.len().max(1) as u64);
        let bars = days.iter().zip(0..).map(|((day, count), n)| {
            let height = scale(*count, most, HEIGHT);
            let x = n * step + 2;
            Bar { x, y: HEIGHT - height, width: step - 4, height, day: day.to_string(), count: *count }
        });
        let name = |at: Option<&(jiff::civil::Date, u64)>| at.map(|(day, _)| day.to_string()).unwrap_or_default();
        Self {
            bars: bars.collect(),
            most,
            all: days.iter().map(|(_, count)| count).sum(),
            first: name(days.first()),
            last: name(days.last()),
        }
    }
}

/// A form's line in the other two charts.
pub(super) struct Row<'a> {
    pub(super) id: String,
    pub(super) title: &'a str,
    pub(super) open: u64,
    pub(super) overdue: u64,
    pub(super) open_width: u64,
    pub(super) overdue_width: u64,
    pub(super) answers: usize,
    pub(super) waited: Option<String>,
    pub(super) waited_width: u64,
}

/// A line for each form.
pub(super) fn rows(dashboard: &Dashboard) -> Vec<Row<'_>> {
    let most = dashboard.forms.iter().map(|work| work.open).max().unwrap_or(0);
    let longest = dashboard.forms.iter().filter_map(|work| work.median).max().unwrap_or_default().as_secs();
    let row = |work: &'_ Work| -> (u64, u64, u64) {
        let waited = work.median.map_or(0, |median| scale(median.as_secs(), longest, ACROSS));
        (scale(work.open, most, ACROSS), scale(work.overdue, most, ACROSS), waited)
    };
    dashboard
        .forms
        .iter()
        .map(|work| {
            let (open_width, overdue_width, waited_width) = row(work);
            Row {
                id: work.form.id.to_string(),
                title: &work.form.title,
                open: work.open,
                overdue: work.overdue,
                open_width,
                overdue_width,
                answers: work.answers,
                waited: work.median.map(told),
                waited_width,
            }
        })
        .collect()
}

/// A part of a length. What is there at all is seen.
fn scale(part: u64, whole: u64, length: u64) -> u64 {
    match (part, whole) {
        (0, _) | (_, 0) => 0,
        (part, whole) => (part.saturating_mul(length) / whole).max(2),
    }
}

/// How long somebody waited, in words.
fn told(wait: Duration) -> String {
    let minutes = wait.as_secs() / 60;
    let counted = |n: u64, unit: &str| format!("{n} {unit}{}", if n == 1 { "" } else { "s" });
    match minutes {
        0 => "less than a minute".to_owned(),
        1..=119 => counted(minutes, "minute"),
        120..=2_879 => counted(minutes / 60, "hour"),
        _ => counted(minutes / (24 * 60), "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_fit_and_what_is_there_is_seen() {
        for (part, whole, drawn) in
            [(0, 0, 0), (0, 9, 0), (1, 100_000, 2), (5, 10, 150), (10, 10, 300), (u64::MAX, u64::MAX, 2)]
        {
            let length = scale(part, whole, ACROSS);
            assert!(length <= ACROSS, "{part}/{whole}");
            assert_eq!(length, if part == u64::MAX { length } else { drawn }, "{part}/{whole}");
        }
    }

    #[test]
    fn a_wait_is_told_in_the_unit_that_fits() {
        for (seconds, words) in [
            (59, "less than a minute"),
            (60, "1 minute"),
            (119 * 60, "119 minutes"),
            (120 * 60, "2 hours"),
            (47 * 3600, "47 hours"),
            (48 * 3600, "2 days"),
        ] {
            assert_eq!(told(Duration::from_secs(seconds)), words);
        }
    }
}
