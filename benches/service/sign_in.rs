//! Signing in: while others try passwords as fast as they are let; and whether the time of an answer tells who has an account.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::Outcome;
use crate::args::Args;
use crate::client::{Connection, Done, Trust, Until, Work, loopback, sign_in};
use crate::person::Person;
use crate::report::{Report, Row};
use crate::rounds::median;
use crate::side::{Setting, Side, letterlock};

/// People who sign in at the same time, each again and again.
const PEOPLE: usize = 4;
/// Connections that guess: more than are let wait.
const ATTACKERS: usize = 96;
/// Connections that read.
const READERS: usize = 8;
/// How many times longer signing in may take under attack in a browser that is known, half of the times.
const KNOWN: f64 = 2.0;

/// Signing in and reading, without an attack and under one.
pub(crate) fn attack(args: &Args, report: &mut Report) -> Outcome {
    let side = Side::letterlock(args)?;
    let ids = side.load(READERS, Until::Each(args.size(50, 5)), Work::Submit { run: 0 })?.ids;
    let enrol = |kind: &str| -> Outcome<Vec<Person>> {
        (0..PEOPLE).map(|n| Person::enrol(&side, &format!("{kind}{n}"), "hr,support")).collect()
    };
    let (mut known, mut new) = (enrol("known")?, enrol("new")?);
    let seconds = args.size(8.0, 2.0);
    let read = || {
        let work = Work::Read { token: side.token.clone(), ids: ids.clone() };
        side.load(READERS, Until::Seconds(seconds), work)
    };
    // Recovery codes are ten to an account.
    let (times, few) = (args.size(5, 2), args.size(2, 1));
    read()?;
    let calm_reads = read()?;
    let calm = Entered::all(&mut known, times, true)?;
    let calm_new = Entered::all(&mut new, few, false)?;

    // Half of the guesses are about those who sign in meanwhile, half about nobody.
    let people = known.iter().chain(&new).map(|person| person.login.clone());
    let logins: Vec<String> = people.enumerate().flat_map(|(n, login)| [login, format!("nobody{n}")]).collect();
    let over = AtomicBool::new(false);
    let (under, guessed) = std::thread::scope(|threads| -> Outcome<_> {
        let guessing = threads.spawn(|| -> Outcome<Vec<Done>> {
            let guess = |run| side.load(ATTACKERS, Until::Seconds(5.0), Work::Guess { logins: logins.clone(), run });
            (0..16).cycle().take_while(|_| !over.load(Ordering::SeqCst)).map(guess).collect()
        });
        // Until all of them are at it.
        std::thread::sleep(Duration::from_secs(2));
        let reads = read();
        let entered = Entered::all(&mut known, times, true);
        let entered_new = Entered::all(&mut new, few, false);
        over.store(true, Ordering::SeqCst);
        let guessed = guessing.join().unwrap_or_else(|_| Err("the guesses failed".into()))?;
        Ok(((reads?, entered?, entered_new?), guessed))
    })?;
    let (reads, entered, entered_new) = under;

    for (who, calm, under, is_known) in [
        ("in a browser that was there before", &calm, &entered, true),
        ("in a new browser", &calm_new, &entered_new, false),
    ] {
        let (half, before) = (median(under.seconds.clone()), median(calm.seconds.clone()));
        report.add(Row {
            measure: format!("signing in {who}, {PEOPLE} people at once, while {ATTACKERS} connections guess theirs and other passwords"),
            value: format!("{:.2}/s, half within {half:.2} s, longest {:.2} s", under.rate(), longest(&under.seconds)),
            against: format!(
                "without attack {:.2}/s, half within {before:.2} s; told to wait {} times",
                calm.rate(),
                under.waited
            ),
            ratio: Some(half / before),
            reach: if is_known { format!("half within ≤ {KNOWN} times as long, none told to wait") } else { String::new() },
            met: is_known.then_some(half <= KNOWN * before && under.waited == 0),
            figures: json!({ "seconds": under.seconds, "calm_seconds": calm.seconds, "waited": under.waited }),
        });
    }
    report.add(reading(&calm_reads, &reads));
    let seconds: f64 = guessed.iter().map(|done| done.seconds).sum();
    let sum = |of: fn(&Done) -> u64| guessed.iter().map(of).sum::<u64>() as f64;
    report.add(Row {
        measure: "guesses that were looked at, of those connections".to_owned(),
        value: format!("{:.1}/s", sum(|done| done.requests) / seconds),
        against: format!("{:.0}/s were turned away at once, over {seconds:.0} s", sum(|done| done.refused) / seconds),
        ratio: None,
        reach: String::new(),
        met: None,
        figures: json!({ "median_us": guessed.iter().map(|done| done.median_us).collect::<Vec<_>>() }),
    });
    Ok(())
}

fn reading(calm: &Done, under: &Done) -> Row {
    Row {
        measure: format!("audited reads meanwhile, {READERS} connections"),
        value: format!("{:.0}/s, 99 % within {:.0} ms", under.rate(), under.p99_us as f64 / 1e3),
        against: format!("without attack {:.0}/s, 99 % within {:.0} ms", calm.rate(), calm.p99_us as f64 / 1e3),
        ratio: Some(under.rate() / calm.rate()),
        reach: "they go on".to_owned(),
        met: Some(under.requests > 0),
        figures: json!({ "median_us": [calm.median_us, under.median_us], "p99_us": [calm.p99_us, under.p99_us] }),
    }
}

/// People who signed in.
struct Entered {
    seconds: Vec<f64>,
    /// How often one of them was told to wait.
    waited: u32,
    took: f64,
}

impl Entered {
    /// Has all of them sign in so many times, at the same time.
    fn all(people: &mut [Person], times: u32, known: bool) -> Outcome<Self> {
        let begun = Instant::now();
        let entered = std::thread::scope(|threads| {
            let running: Vec<_> = people
                .iter_mut()
                .map(|person| {
                    threads.spawn(move || -> Outcome<Vec<(Duration, u32)>> {
                        (0..times)
                            .map(|_| {
                                if !known {
                                    person.forget();
                                }
                                person.sign_in()
                            })
                            .collect()
                    })
                })
                .collect();
            running
                .into_iter()
                .map(|one| one.join().unwrap_or_else(|_| Err("somebody gave up".into())))
                .collect::<Outcome<Vec<_>>>()
        })?;
        let entered = entered.concat();
        Ok(Self {
            seconds: entered.iter().map(|(took, _)| took.as_secs_f64()).collect(),
            waited: entered.iter().map(|(_, waited)| waited).sum(),
            took: begun.elapsed().as_secs_f64(),
        })
    }

    /// A second.
    fn rate(&self) -> f64 {
        self.seconds.len() as f64 / self.took
    }
}

fn longest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

/// Guesses about one login that are not told to wait, wherever they come from.
const OF_ONE: usize = 20;
/// The share of comparisons in which chance alone goes beyond what is allowed.
const CHANCE: f64 = 0.001;
/// The least that a password costs: so that what else an answer takes shows the more.
const CHEAP: &[Setting] = &[("LETTERLOCK_SIGN_IN__MEMORY_MIB", "19"), ("LETTERLOCK_SIGN_IN__PASSES", "2")];

/// Whether the time of an answer tells a wrong password from a login that nobody has, or from a disabled account.
pub(crate) fn timing(args: &Args, report: &mut Report) -> Outcome {
    compare(args, report, "as passwords cost by default", &[], args.size(300, 20))?;
    compare(args, report, "as cheap as passwords can be", CHEAP, args.size(900, 20))
}

fn compare(args: &Args, report: &mut Report, how: &str, settings: &'static [Setting], count: usize) -> Outcome {
    let side = Side::letterlock_with(args.folder("letterlock")?, settings)?;
    let accounts = count.div_ceil(OF_ONE);
    for n in 0..accounts {
        Person::enrol(&side, &format!("holder{n}"), "hr")?;
        Person::enrol(&side, &format!("former{n}"), "hr")?;
        let done = letterlock(side.folder()).args(["staff", "disable", &format!("former{n}")]).output()?;
        if !done.status.success() {
            return Err(String::from_utf8_lossy(&done.stderr).into());
        }
    }
    let kinds = ["holder", "nobody", "former"];
    let mut times: [Vec<f64>; 3] = Default::default();
    let (trust, runtime) =
        (Trust::read(&side.certificate)?, tokio::runtime::Builder::new_current_thread().enable_all().build()?);
    for n in 0..count {
        // Each kind is first, second and third equally often, so that what the machine does meanwhile falls on all of them.
        for k in 0..kinds.len() {
            let kind = (k + n) % kinds.len();
            let login = format!("{}{}", kinds[kind], n / OF_ONE);
            // An address that has tried nothing yet; those of the other benchmark are below.
            let from = loopback(0x60_0000 + (n * kinds.len() + kind) as u32);
            times[kind].push(runtime.block_on(one(&side, &trust, &login, from))?);
        }
    }
    let [holder, nobody, former] = &times;
    let allowed = limit(count, count);
    let halves = |all: &[f64]| {
        let pick = |odd| all.iter().enumerate().filter(move |(n, _)| n % 2 == odd).map(|(_, t)| *t).collect::<Vec<_>>();
        distance(&pick(0), &pick(1))
    };
    let own = halves(holder).max(halves(nobody)).max(halves(former));
    // What would not have been missed: shown by shifting one of them against itself.
    let step = median(holder.iter().copied()) / 1000.0;
    let shown = (1..1000).map(|n| f64::from(n) * step).find(|shift| {
        let shifted: Vec<f64> = holder.iter().map(|t| t + shift).collect();
        distance(holder, &shifted) > allowed
    });
    for (what, other) in [("a login that nobody has", nobody), ("a disabled account", former)] {
        let far = distance(holder, other);
        report.add(Row {
            measure: format!("time of the answer to a wrong password, {how}: {what} against an account, {count} tries each"),
            value: format!("distance {far:.3}; half within {:.2} ms", median(other.iter().copied())),
            against: format!(
                "half within {:.2} ms; two halves of one kind up to {own:.3}; {} ms more would show",
                median(holder.iter().copied()),
                shown.map_or_else(|| "no".to_owned(), |shift| format!("{shift:.2}")),
            ),
            ratio: None,
            reach: format!("≤ {allowed:.3}, which chance passes once in a thousand times"),
            met: Some(far <= allowed),
            figures: json!({ "account_ms": quantiles(holder), "other_ms": quantiles(other), "distance": far, "halves": own }),
        });
    }
    Ok(())
}

/// Milliseconds from sending a wrong password to its answer; the connection stood before.
async fn one(side: &Side, trust: &Trust, login: &str, from: std::net::IpAddr) -> Outcome<f64> {
    let mut connection = Connection::open_from(from, side.address, trust).await?;
    let request = sign_in(login, "a+wrong+one+altogether", "");
    let begun = Instant::now();
    let answer = connection.ask([request.as_bytes(), b""]).await?;
    let took = begun.elapsed().as_secs_f64() * 1e3;
    match answer.status {
        422 => Ok(took),
        other => Err(format!("a wrong password for {login} was answered {other}").into()),
    }
}

/// The distance of Kolmogorov and Smirnov: how far the shares that are no longer than a time lie apart, at most.
fn distance(one: &[f64], other: &[f64]) -> f64 {
    let sorted = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        values
    };
    let (one, other) = (sorted(one), sorted(other));
    let share = |values: &[f64], at: f64| values.partition_point(|value| *value <= at) as f64 / values.len() as f64;
    one.iter().chain(&other).map(|at| (share(&one, *at) - share(&other, *at)).abs()).fold(0.0, f64::max)
}

/// What the distance of so many from so many of the same kind passes by chance in a share [`CHANCE`] of cases (the usual
/// approximation for large samples: Knuth, The Art of Computer Programming, volume 2, section 3.3.1).
fn limit(one: usize, other: usize) -> f64 {
    let (one, other) = (one as f64, other as f64);
    (-(CHANCE / 2.0).ln() / 2.0).sqrt() * ((one + other) / (one * other)).sqrt()
}

/// The least, every tenth and the longest.
fn quantiles(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    (0..=10).filter_map(|n| values.get((values.len() - 1) * n / 10).copied()).collect()
}
