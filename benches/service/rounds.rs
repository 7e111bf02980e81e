//! Rounds of a load on both sides in turn, and what they come to: the ratio pair by pair, its median and extremes. The
//! machine's mood of a moment falls on both sides of a pair.

use serde_json::{Value, json};

use crate::Outcome;
use crate::client::Done;
use crate::side::Side;

/// The figures of all rounds.
pub(crate) struct Rounds {
    pub(crate) ours: Vec<Round>,
    pub(crate) twins: Vec<Round>,
}

/// One round of one side.
pub(crate) struct Round {
    pub(crate) rate: f64,
    pub(crate) cpu_us: f64,
    pub(crate) median_us: u64,
    pub(crate) p99_us: u64,
}

/// Runs `count` pairs of rounds; `load` is told the number of the round. The side that begins changes with each pair.
pub(crate) fn alternate(
    ours: &Side,
    twin: &Side,
    count: u32,
    mut load: impl FnMut(&Side, bool, u32) -> Outcome<Done>,
) -> Outcome<Rounds> {
    let mut rounds = Rounds { ours: Vec::new(), twins: Vec::new() };
    for n in 0..count {
        for is_ours in if n % 2 == 0 { [true, false] } else { [false, true] } {
            let (side, list) = if is_ours { (ours, &mut rounds.ours) } else { (twin, &mut rounds.twins) };
            let cpu = side.cpu_seconds()?;
            let done = load(side, is_ours, n)?;
            let cpu_us = (side.cpu_seconds()? - cpu) * 1e6 / done.requests.max(1) as f64;
            list.push(Round { rate: done.rate(), cpu_us, median_us: done.median_us, p99_us: done.p99_us });
        }
    }
    Ok(rounds)
}

impl Rounds {
    /// Our rate over the twin's: of each pair.
    pub(crate) fn ratios(&self) -> Vec<f64> {
        self.ours.iter().zip(&self.twins).map(|(ours, twin)| ours.rate / twin.rate).collect()
    }

    /// Median rate of a side, a second.
    pub(crate) fn rate(side: &[Round]) -> f64 {
        median(side.iter().map(|round| round.rate))
    }

    /// Everything, for the JSON.
    pub(crate) fn figures(&self) -> Value {
        let side = |rounds: &[Round]| {
            json!({
                "per_second": rounds.iter().map(|r| r.rate).collect::<Vec<_>>(),
                "service_cpu_us_each": median(rounds.iter().map(|r| r.cpu_us)),
                "latency_median_us": median(rounds.iter().map(|r| r.median_us as f64)),
                "latency_p99_us": median(rounds.iter().map(|r| r.p99_us as f64)),
            })
        };
        json!({ "letterlock": side(&self.ours), "twin": side(&self.twins), "ratios": self.ratios() })
    }
}

/// The median, or 0 of nothing.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// "0.81 to 0.86": the extremes.
pub(crate) fn extremes(values: &[f64]) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(0.0, f64::max);
    format!("{low:.2} to {high:.2}")
}
