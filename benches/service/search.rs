//! Looking through many submissions, against the twin's plain scan: the first hits, everything, and both with nothing in
//! memory. And what is left for reading while it goes on.

use std::time::Duration;

use serde_json::json;

use crate::Outcome;
use crate::args::Args;
use crate::client::{Done, Until, Work};
use crate::report::{Report, Row};
use crate::rounds::{extremes, median};
use crate::side::Side;

/// Connections that send what is searched.
const CONNECTIONS: usize = 64;

/// Words that one submission in 64 has: those that came by one connection.
const SOME: &str = "r0-c7-";
/// Words that one submission has.
const ONE: &str = "r0-c7-00000002@example.org";

/// All rows.
pub(crate) fn search(args: &Args, report: &mut Report) -> Outcome {
    let each = args.size(1563, 10); // 100,032 in all
    let (mut ours, mut twin) = (Side::letterlock(args)?, Side::twin(args)?);
    let mut count = 0;
    for side in [&ours, &twin] {
        count = side.load(CONNECTIONS, Until::Each(each), Work::Submit { run: 0 })?.ids.len();
    }
    let rounds = args.size(7, 2);
    let first = Searched::measure(&ours, &twin, SOME, false, rounds)?;
    let whole = Searched::measure(&ours, &twin, ONE, true, rounds)?;
    let (reads_alone, reads_meanwhile, searches) = reading(args, &ours)?;

    let (mut cold_first, mut cold_whole) = (Vec::new(), Vec::new());
    for _ in 0..args.size(3, 1) {
        ours.start_cold()?;
        twin.start_cold()?;
        cold_first.push((ours.search(SOME, false)?, twin.search(SOME, false)?));
        ours.start_cold()?;
        twin.start_cold()?;
        cold_whole.push((ours.search(ONE, true)?, twin.search(ONE, true)?));
    }

    let found = first.found;
    report.add(Row {
        measure: format!("search of {count} submissions of 1 KB, first {found} hits, where one in 64 has the word"),
        value: format!("{:.0} ms", median(first.ours.clone()) * 1e3),
        against: format!("twin {:.0} ms (pairs {})", median(first.twins.clone()) * 1e3, extremes(&first.ratios())),
        ratio: Some(median(first.ratios())),
        reach: "≤ 1 s".to_owned(),
        met: Some(median(first.ours.clone()) <= 1.0),
        figures: first.figures(),
    });
    let ratio = median(whole.ratios());
    report.add(Row {
        measure: format!("search through all of them for the one that has the word, {} found", whole.found),
        value: format!("{:.2} s", median(whole.ours.clone())),
        against: format!(
            "twin, plain scan on one thread {:.2} s (pairs {})",
            median(whole.twins.clone()),
            extremes(&whole.ratios())
        ),
        ratio: Some(ratio),
        reach: "≤ 10 times the twin".to_owned(),
        met: Some(ratio <= 10.0),
        figures: whole.figures(),
    });
    for (what, times) in [("first hits", cold_first), ("all of them", cold_whole)] {
        let (ours, twins): (Vec<f64>, Vec<f64>) = times.into_iter().unzip();
        report.add(Row {
            measure: format!("the same with nothing in memory, {what}"),
            value: format!("{:.2} s", median(ours.clone())),
            against: format!("twin {:.2} s", median(twins.clone())),
            ratio: Some(median(ours.clone()) / median(twins.clone())),
            reach: String::new(),
            met: None,
            figures: json!({ "seconds": ours, "twin_seconds": twins }),
        });
    }
    report.add(Row {
        measure: format!("audited reads while two search without pause, {CONNECTIONS} connections"),
        value: format!("{:.0}/s", reads_meanwhile.rate()),
        against: format!("without searches {:.0}/s; meanwhile {searches} whole searches", reads_alone.rate()),
        ratio: Some(reads_meanwhile.rate() / reads_alone.rate()),
        reach: String::new(),
        met: None,
        figures: json!({
            "median_us": [reads_alone.median_us, reads_meanwhile.median_us], "p99_us": [reads_alone.p99_us, reads_meanwhile.p99_us],
        }),
    });
    Ok(())
}

/// Seconds of each search, in turn.
struct Searched {
    ours: Vec<f64>,
    twins: Vec<f64>,
    ours_cpu: Vec<f64>,
    twins_cpu: Vec<f64>,
    found: usize,
}

impl Searched {
    fn measure(ours: &Side, twin: &Side, words: &str, whole: bool, rounds: u32) -> Outcome<Self> {
        let mut out = Self { ours: vec![], twins: vec![], ours_cpu: vec![], twins_cpu: vec![], found: 0 };
        // What is measured is warm.
        ours.search(words, whole)?;
        twin.search(words, whole)?;
        for n in 0..rounds {
            for is_ours in if n % 2 == 0 { [true, false] } else { [false, true] } {
                let (side, times, cpus) = match is_ours {
                    true => (ours, &mut out.ours, &mut out.ours_cpu),
                    false => (twin, &mut out.twins, &mut out.twins_cpu),
                };
                let cpu = side.cpu_seconds()?;
                let done = side.load(1, Until::Each(1), side.searching(words, whole))?;
                cpus.push(side.cpu_seconds()? - cpu);
                times.push(done.seconds);
                if done.ids.is_empty() || (out.found > 0 && out.found != done.ids.len()) {
                    return Err(format!("{} were found, and {} before", done.ids.len(), out.found).into());
                }
                out.found = done.ids.len();
            }
        }
        Ok(out)
    }

    fn ratios(&self) -> Vec<f64> {
        self.ours.iter().zip(&self.twins).map(|(ours, twin)| ours / twin).collect()
    }

    fn figures(&self) -> serde_json::Value {
        json!({
            "seconds": self.ours, "twin_seconds": self.twins, "cpu_seconds": self.ours_cpu, "twin_cpu_seconds": self.twins_cpu,
        })
    }
}

impl Side {
    fn searching(&self, words: &str, whole: bool) -> Work {
        Work::Search { token: self.token.clone(), words: words.to_owned(), whole }
    }

    /// Seconds of one search.
    fn search(&self, words: &str, whole: bool) -> Outcome<f64> {
        Ok(self.load(1, Until::Each(1), self.searching(words, whole))?.seconds)
    }
}

/// Reads, alone and while two search; and how many searches there were.
fn reading(args: &Args, side: &Side) -> Outcome<(Done, Done, u64)> {
    let ids = side.load(CONNECTIONS, Until::Each(args.size(20, 2)), Work::Submit { run: 1 })?.ids;
    let seconds = args.size(5.0, 1.0);
    let read = |ids| side.load(CONNECTIONS, Until::Seconds(seconds), Work::Read { token: side.token.clone(), ids });
    read(ids.clone())?;
    let alone = read(ids.clone())?;
    let (meanwhile, searched) = std::thread::scope(|threads| {
        let search =
            || side.load(2, Until::Seconds(seconds + 2.0), side.searching(ONE, true)).map(|done| done.requests);
        let searching = threads.spawn(search);
        std::thread::sleep(Duration::from_secs(1));
        let meanwhile = read(ids);
        (meanwhile, searching.join().unwrap_or_else(|_| Err("the searches failed".into())))
    });
    Ok((alone, meanwhile?, searched?))
}
