//! Small records against the twin: durable submissions, and audited reads.

use std::time::Instant;

use letterlock::store::{Batch, Engine, SledEngine};
use serde_json::json;

use crate::Outcome;
use crate::args::Args;
use crate::client::{Until, Work};
use crate::report::{Report, Row};
use crate::rounds::{Rounds, alternate, extremes, median};
use crate::side::Side;

const CONNECTIONS: usize = 64;

/// Durable submissions of 1 KB, each of a new person.
pub(crate) fn submissions(args: &Args, report: &mut Report) -> Outcome {
    let (ours, twin) = (Side::letterlock(args)?, Side::twin(args)?);
    let until = Until::Seconds(args.size(4.0, 0.5));
    let submit = |side: &Side, run| side.load(CONNECTIONS, until, Work::Submit { run });
    // Neither side's first round counts.
    submit(&ours, 1000)?;
    submit(&twin, 1000)?;
    let rounds = alternate(&ours, &twin, args.size(7, 2), |side, _, n| submit(side, n))?;
    let ratio = median(rounds.ratios());
    report.letterlock_intake = Some(Rounds::rate(&rounds.ours));
    report.add(Row {
        measure: "durable 1 KB submissions, 64 HTTPS connections, each a new person".to_owned(),
        value: format!("{:.0}/s", Rounds::rate(&rounds.ours)),
        against: format!("twin {:.0}/s (pairs {})", Rounds::rate(&rounds.twins), extremes(&rounds.ratios())),
        ratio: Some(ratio),
        reach: "≥ 0.80 of the twin".to_owned(),
        met: Some(ratio >= 0.80),
        figures: rounds.figures(),
    });
    Ok(())
}

/// Audited reads of 1 KB records.
pub(crate) fn reads(args: &Args, report: &mut Report) -> Outcome {
    let (ours, twin) = (Side::letterlock(args)?, Side::twin(args)?);
    let fill = |side: &Side| -> Outcome<Work> {
        let each = Until::Each(args.size(150, 5));
        let ids = side.load(CONNECTIONS, each, Work::Submit { run: 0 })?.ids;
        Ok(Work::Read { token: side.token.clone(), ids })
    };
    let (our_reads, twin_reads) = (fill(&ours)?, fill(&twin)?);
    let until = Until::Seconds(args.size(4.0, 0.5));
    let read = |side: &Side, is_ours: bool, _| {
        let work = if is_ours { &our_reads } else { &twin_reads };
        side.load(CONNECTIONS, until, work.clone())
    };
    read(&ours, true, 0)?;
    read(&twin, false, 0)?;
    let rounds = alternate(&ours, &twin, args.size(7, 2), read)?;
    drop((ours, twin));
    let latency = commit_seconds(args)?;

    let (rate, twin_rate, bound) =
        (Rounds::rate(&rounds.ours), Rounds::rate(&rounds.twins), CONNECTIONS as f64 / latency);
    // Pair by pair where the twin is the lesser, as elsewhere.
    let ratio = if twin_rate <= bound { median(rounds.ratios()) } else { rate / bound };
    let mut figures = rounds.figures();
    figures["commit_us"] = json!(latency * 1e6);
    report.letterlock_reads = Some(rate);
    report.add(Row {
        measure: "audited reads of 1 KB records, 64 HTTPS connections".to_owned(),
        value: format!("{rate:.0}/s"),
        against: format!(
            "the lesser of twin {twin_rate:.0}/s (pairs {}) and 64 ÷ {:.0} µs = {bound:.0}/s",
            extremes(&rounds.ratios()),
            latency * 1e6
        ),
        ratio: Some(ratio),
        reach: "≥ 0.70".to_owned(),
        met: Some(ratio >= 0.70),
        figures,
    });
    Ok(())
}

/// What one caller waits for a small commit through the same engine: an audit entry and the counters.
fn commit_seconds(args: &Args) -> Outcome<f64> {
    let folder = args.folder("commits")?;
    let engine = SledEngine::open(&folder.path().join("store"), 128 << 20)?.engine;
    let mut times = Vec::new();
    for n in 0..args.size(3000_u64, 200) {
        let entry = [&[5], n.to_be_bytes().as_slice()].concat();
        let batch = Batch::from([(entry, Some(vec![n as u8; 400])), (b"state".to_vec(), Some(vec![n as u8; 600]))]);
        let begun = Instant::now();
        engine.commit(&batch)?;
        times.push(begun.elapsed().as_secs_f64());
    }
    Ok(median(times))
}
