//! The console's pages over a hundred thousand submissions, as one person in a browser waits for them; and the list that they are
//! made from against the twin's.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Outcome;
use crate::args::Args;
use crate::client::{Until, Work};
use crate::person::{Page, Person, call};
use crate::report::{Report, Row};
use crate::rounds::{alternate, extremes, median};
use crate::side::Side;

/// Connections that send what is listed.
const CONNECTIONS: usize = 64;
/// What one page shall take at most, in milliseconds: half of them, warm.
const FLOOR_MS: f64 = 100.0;
/// How much longer a page far behind may take than the first.
const FAR: f64 = 1.5;
/// Bytes of the CV on the record page, which the page does not hold.
const CV: usize = 200_000;
/// Messages on the record page.
const MESSAGES: usize = 8;

const INBOX: &str = "/staff/inbox?form=support-request";
const LIST: &str = "/api/v1/submissions?form=support-request&purpose=support&limit=50";

/// A page that is measured.
struct Asked {
    what: &'static str,
    path: String,
    /// Milliseconds of a page, round by round: half of them, and the slowest in a hundred.
    median_ms: Vec<f64>,
    p99_ms: Vec<f64>,
}

/// All rows.
pub(crate) fn console(args: &Args, report: &mut Report) -> Outcome {
    let each = args.size(1563, 10); // 100,032 in all
    let (mut ours, twin) = (Side::letterlock(args)?, Side::twin(args)?);
    let submit = |side: &Side| side.load(CONNECTIONS, Until::Each(each), Work::Submit { run: 0 });
    submit(&twin)?;
    let ids = submit(&ours)?.ids;
    let mut hanna = Person::enrol(&ours, "hanna", "hr,support")?;
    let after_flood = counted(&mut hanna, INBOX, ids.len())?;

    let application = ours.load(1, Until::Each(1), Work::Upload { run: 0, bytes: CV })?.ids.remove(0);
    for n in 0..MESSAGES {
        let text = format!("Message {n}: we have read your application with interest. Can you come on a Tuesday?");
        call(&ours, &format!("/api/v1/submissions/{application}/messages"), Some(&json!({ "text": text })))?;
    }
    // One in 500 carries a label; those are answered.
    let few: Vec<&String> = ids.iter().step_by(args.size(500, 20)).collect();
    for some in few.chunks(100) {
        let change = json!({ "ids": some, "change": { "status": "answered", "add_labels": ["rare"] } });
        call(&ours, "/api/v1/submissions/changes", Some(&change))?;
    }
    let (far, twin_far) = (cursor(&ours, ids.len() * 9 / 10)?, cursor(&twin, ids.len() * 9 / 10)?);

    let asked = |what, path: String| Asked { what, path, median_ms: Vec::new(), p99_ms: Vec::new() };
    let mut pages = [
        asked("inbox, first page of 50", INBOX.to_owned()),
        asked("inbox, a page nine tenths behind", format!("{INBOX}&after={far}")),
        asked("inbox, with a label that one in 500 has", format!("{INBOX}&label=rare")),
        asked("inbox, with a status that none has", format!("{INBOX}&status=closed")),
        asked("inbox, unread and nobody's", format!("{INBOX}&seen=false&assignee=nobody")),
        asked("dashboard", "/staff".to_owned()),
        asked("record page, with a CV and a conversation", format!("/staff/record/{application}?purpose=recruitment")),
    ];
    shows(&hanna.get(&pages[0].path)?, &format!("All ({})", ids.len()))?;
    shows(&hanna.get(&pages[2].path)?, "<li>rare</li>")?;
    shows(&hanna.get(&pages[3].path)?, "Nothing here.")?;
    shows(&hanna.get(&pages[6].path)?, &format!("Message {}", MESSAGES - 1))?;
    let (rounds, times) = (args.size(7, 2), args.size(40, 5));
    for round in 0..=rounds {
        for page in &mut pages {
            let work = Work::Pages { line: hanna.line(), paths: vec![page.path.clone()] };
            let done = ours.load(1, Until::Each(times), work)?;
            // The first round warms.
            if round > 0 {
                page.median_ms.push(done.median_us as f64 / 1e3);
                page.p99_ms.push(done.p99_us as f64 / 1e3);
            }
        }
    }
    let first = median(pages[0].median_ms.clone());
    for page in &pages {
        let took = median(page.median_ms.clone());
        let is_far = page.path.contains("&after=");
        report.add(Row {
            measure: format!("{}, {} submissions, one person", page.what, ids.len()),
            value: format!("{took:.1} ms"),
            against: match is_far {
                true => format!("the first page {first:.1} ms; 99 % {:.1} ms", median(page.p99_ms.clone())),
                false => format!("99 % {:.1} ms", median(page.p99_ms.clone())),
            },
            ratio: is_far.then_some(took / first),
            reach: if is_far {
                format!("≤ {FLOOR_MS} ms, ≤ {FAR} times the first")
            } else {
                format!("≤ {FLOOR_MS} ms")
            },
            met: Some(took <= FLOOR_MS && (!is_far || took <= FAR * first)),
            figures: json!({ "median_ms": page.median_ms, "p99_ms": page.p99_ms }),
        });
    }

    for (what, our_path, twin_path) in [
        ("first page", LIST.to_owned(), LIST.to_owned()),
        ("nine tenths behind", format!("{LIST}&after={far}"), format!("{LIST}&after={twin_far}")),
    ] {
        let list = |side: &Side, is_ours: bool, _| {
            let path = if is_ours { &our_path } else { &twin_path };
            let line = format!("Authorization: Bearer {}", side.token);
            side.load(1, Until::Each(args.size(200, 5)), Work::Pages { line, paths: vec![path.clone()] })
        };
        list(&ours, true, 0)?;
        list(&twin, false, 0)?;
        let rounds = alternate(&ours, &twin, rounds, list)?;
        let took = |side: &[crate::rounds::Round]| median(side.iter().map(|round| round.median_us as f64 / 1e3));
        // Times, where the rounds have rates.
        let ratios: Vec<f64> = rounds.ratios().iter().map(|ratio| 1.0 / ratio).collect();
        report.add(Row {
            measure: format!("list of 50 with their summaries by the API, {what}, one connection"),
            value: format!("{:.2} ms", took(&rounds.ours)),
            against: format!("twin {:.2} ms (pairs {})", took(&rounds.twins), extremes(&ratios)),
            ratio: Some(median(ratios.clone())),
            reach: String::new(),
            met: None,
            figures: rounds.figures(),
        });
    }
    report.add(alone("inbox, first page, right after all of them came in while nobody looked", after_flood));

    ours.start_cold()?;
    let begun = Instant::now();
    hanna.moved(ours.address);
    hanna.sign_in()?;
    let mut dashboards = vec![hanna.get("/staff")?.took.as_secs_f64()];
    counted(&mut hanna, INBOX, ids.len())?;
    let ready = begun.elapsed();
    dashboards.push(hanna.get("/staff")?.took.as_secs_f64());
    report.add(Row {
        figures: json!({ "dashboard_seconds": dashboards }),
        ..alone("from a start with nothing in memory until the inbox is counted, signing in included", ready)
    });
    Ok(())
}

fn alone(measure: &str, took: Duration) -> Row {
    Row {
        measure: measure.to_owned(),
        value: format!("{:.2} s", took.as_secs_f64()),
        against: String::new(),
        ratio: None,
        reach: String::new(),
        met: None,
        figures: Value::Null,
    }
}

/// Opens a page until it says that there are so many in all; how long the first one of those took.
fn counted(person: &mut Person, path: &str, count: usize) -> Outcome<Duration> {
    let (begun, words) = (Instant::now(), format!("All ({count})"));
    while begun.elapsed() < Duration::from_secs(120) {
        let page = person.get(path)?;
        if page.text.contains(&words) {
            return Ok(page.took);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err("what came in was not counted within two minutes".into())
}

fn shows(page: &Page, words: &str) -> Outcome {
    if page.text.contains(words) { Ok(()) } else { Err(format!("no {words:?} on this page: {}", page.text).into()) }
}

/// Where the list goes on after so many.
fn cursor(side: &Side, count: usize) -> Outcome<String> {
    let (mut after, mut passed) = (String::new(), 0);
    while passed < count {
        let more = if after.is_empty() { String::new() } else { format!("&after={after}") };
        let page = call(side, &format!("/api/v1/submissions?form=support-request&limit=200{more}"), None)?;
        passed += page["items"].as_array().map_or(0, Vec::len);
        after = page["next"].as_str().ok_or("the list ends too soon")?.to_owned();
    }
    Ok(after)
}
