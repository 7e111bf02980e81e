//! CVs of 10 MB against the twin, eight at once: up, down, and the memory that a transfer takes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::Outcome;
use crate::args::Args;
use crate::client::{Done, Until, Work};
use crate::report::{Report, Row};
use crate::rounds::{Rounds, alternate, extremes, median};
use crate::side::{Side, memory_kib};

const AT_ONCE: usize = 8;
const BYTES: usize = 10_000_000;

pub(crate) fn files(args: &Args, report: &mut Report) -> Outcome {
    let (ours, twin) = (Side::letterlock(args)?, Side::twin(args)?);
    let count = args.size(5, 1);
    let bytes = args.size(BYTES, BYTES / 10);
    let each = Until::Each(args.size(2, 1));
    let upload = |side: &Side, run| side.load(AT_ONCE, each, Work::Upload { run, bytes });

    // What it takes to serve at all is there before the first file comes.
    ours.load(AT_ONCE, Until::Each(20), Work::Submit { run: 0 })?;
    let before = ours.memory_kib()?;
    let (first, up_peak) = watched(&ours, || upload(&ours, 1000))?;
    let twin_first = upload(&twin, 1000)?;
    let up = alternate(&ours, &twin, count, |side, _, n| upload(side, n))?;
    add_transfer(report, "10 MB CV up, 8 at once", &up, bytes);

    let downloads = |side: &Side, ids| Work::Download { token: side.token.clone(), ids };
    let (our_work, twin_work) = (downloads(&ours, first.ids), downloads(&twin, twin_first.ids));
    let each = Until::Each(args.size(6, 1));
    let download = |side: &Side, is_ours: bool, _| {
        side.load(AT_ONCE, each, if is_ours { our_work.clone() } else { twin_work.clone() })
    };
    let idle = ours.memory_kib()?;
    let (_, down_peak) = watched(&ours, || download(&ours, true, 0))?;
    download(&twin, false, 0)?;
    let down = alternate(&ours, &twin, count, download)?;
    add_transfer(report, "10 MB CV down, 8 at once", &down, bytes);

    let growth = |peak: u64, before: u64| peak.saturating_sub(before) as f64 / 1024.0 / AT_ONCE as f64;
    let (up, down) = (growth(up_peak, before), growth(down_peak, idle.min(before)));
    report.add(Row {
        measure: "memory for each 10 MB transfer in flight".to_owned(),
        value: format!("up {up:.2} MiB, down {down:.2} MiB"),
        against: format!("{:.1} MiB resident before the first file", before as f64 / 1024.0),
        ratio: None,
        reach: "≤ 2 MiB".to_owned(),
        met: Some(up <= 2.0 && down <= 2.0),
        figures: json!({
            "before_kib": before, "peak_up_kib": up_peak, "idle_kib": idle, "peak_down_kib": down_peak,
        }),
    });
    Ok(())
}

fn add_transfer(report: &mut Report, measure: &str, rounds: &Rounds, bytes: usize) {
    let speed = |rate: f64| rate * bytes as f64 / 1e6;
    let ratio = median(rounds.ratios());
    let mut figures: Value = rounds.figures();
    figures["bytes_each"] = json!(bytes);
    report.add(Row {
        measure: measure.to_owned(),
        value: format!("{:.0} MB/s", speed(Rounds::rate(&rounds.ours))),
        against: format!("twin {:.0} MB/s (pairs {})", speed(Rounds::rate(&rounds.twins)), extremes(&rounds.ratios())),
        ratio: Some(ratio),
        reach: "≥ 0.70 of the twin".to_owned(),
        met: Some(ratio >= 0.70),
        figures,
    });
}

/// Runs a load and looks at the service's memory every few milliseconds meanwhile; returns the most seen, in KiB.
fn watched(side: &Side, load: impl FnOnce() -> Outcome<Done>) -> Outcome<(Done, u64)> {
    let over = AtomicBool::new(false);
    let pid = side.pid();
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut most = 0;
            while !over.load(Ordering::Relaxed) {
                most = most.max(memory_kib(pid).unwrap_or(0));
                std::thread::sleep(Duration::from_millis(5));
            }
            most
        });
        let done = load();
        over.store(true, Ordering::Relaxed);
        let most = watcher.join().map_err(|_| "the watcher failed")?;
        Ok((done?, most))
    })
}
