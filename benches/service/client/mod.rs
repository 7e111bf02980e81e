//! The load client, a process of its own and the same for both sides: keep-alive HTTPS connections, requests prepared
//! beforehand, answers read no further than needed. On one thread, so that it leaves the rest of the machine to the
//! service.

mod connection;
mod guesses;
mod requests;
mod searches;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::Barrier;

use crate::Outcome;
pub(crate) use connection::{Connection, Trust};
pub(crate) use guesses::{address as loopback, sign_in};
use requests::Requests;

/// The 1 KB that a submission carries, for whoever stores the same elsewhere.
pub(crate) fn submission_body() -> String {
    requests::submission_body("somebody")
}

/// What to send, how often.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Load {
    /// Where the service listens.
    pub(crate) address: std::net::SocketAddr,
    /// Its certificate, PEM.
    pub(crate) certificate: PathBuf,
    /// Connections, each with one request at a time.
    pub(crate) connections: usize,
    pub(crate) until: Until,
    pub(crate) work: Work,
}

/// When to stop.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Until {
    /// After this time; only what was answered by then counts.
    Seconds(f64),
    /// After so many requests on each connection.
    Each(u64),
}

/// The requests.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Work {
    /// Submissions of 1 KB of JSON, each of a new person. `run` keeps the people of one run apart from another's.
    Submit { run: u32 },
    /// Reads of these records, in turn.
    Read { token: String, ids: Vec<String> },
    /// Applications with a CV of so many bytes, each of a new person.
    Upload { run: u32, bytes: usize },
    /// Downloads of the first file of these records, in turn.
    Download { token: String, ids: Vec<String> },
    /// Searches for these words; `whole` ones go on until everything was looked through.
    Search { token: String, words: String, whole: bool },
    /// Pages, or whatever else is at these paths, in turn, with this line in the head: a cookie or a token.
    Pages { line: String, paths: Vec<String> },
    /// Wrong passwords for these logins, in turn, each from a new address as soon as one is told to wait. `run`, below 16, keeps the
    /// addresses of one run apart from another's.
    Guess { logins: Vec<String>, run: u32 },
}

/// What came of it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Done {
    /// Requests answered as expected; any other answer ends the run.
    pub(crate) requests: u64,
    /// From when all connections stood to the end.
    pub(crate) seconds: f64,
    /// Median time of an answer.
    pub(crate) median_us: u64,
    /// And that of the slowest in a hundred.
    pub(crate) p99_us: u64,
    /// Ids of the submissions made, for works that make some; of those found, for searches: of the last one.
    pub(crate) ids: Vec<String>,
    /// Requests that were told to come back later, for works that go on then.
    pub(crate) refused: u64,
}

impl Done {
    /// Requests a second.
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 / self.seconds
    }
}

/// Runs a load in a process of its own.
pub(crate) fn run_apart(load: &Load) -> Outcome<Done> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg(crate::CLIENT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    serde_json::to_writer(child.stdin.take().ok_or("the client has no input")?, load)?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err("the load client failed".into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The process: the load from standard input, what came of it to standard output.
pub(crate) fn main() -> Outcome {
    let load: Load = serde_json::from_reader(std::io::stdin())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(run(load))?;
    Ok(serde_json::to_writer(std::io::stdout(), &done)?)
}

async fn run(load: Load) -> Outcome<Done> {
    let trust = Arc::new(Trust::read(&load.certificate)?);
    let barrier = Arc::new(Barrier::new(load.connections + 1));
    let load = Arc::new(load);
    let mut tasks = Vec::new();
    for n in 0..load.connections {
        let barrier = Arc::clone(&barrier);
        if let Work::Guess { logins, run } = &load.work {
            let (logins, target) = (logins.clone(), (load.address, Arc::clone(&trust)));
            tasks.push(tokio::spawn(guesses::drive((n, *run), logins, target, load.until, barrier)));
            continue;
        }
        let connection = Connection::open(load.address, &trust).await?;
        if let Work::Search { token, words, whole } = &load.work {
            let search = searches::Search::new(token, words, *whole);
            tasks.push(tokio::spawn(searches::drive(connection, search, load.until, barrier)));
            continue;
        }
        let requests = Requests::new(&load.work, n, load.connections);
        tasks.push(tokio::spawn(drive(connection, requests, load.until, barrier)));
    }
    barrier.wait().await;
    let begun = Instant::now();
    let (mut times, mut ids, mut refused) = (Vec::new(), Vec::new(), 0);
    let mut ended = begun;
    for task in tasks {
        let driven = task.await??;
        times.extend(driven.times);
        ids.extend(driven.ids);
        refused += driven.refused;
        ended = ended.max(driven.ended);
    }
    let seconds = match load.until {
        Until::Seconds(seconds) => seconds,
        Until::Each(_) => (ended - begun).as_secs_f64(),
    };
    times.sort_unstable();
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or(0);
    Ok(Done { requests: times.len() as u64, seconds, median_us: at(0.5), p99_us: at(0.99), ids, refused })
}

struct Driven {
    /// Microseconds of each answer.
    times: Vec<u64>,
    ids: Vec<String>,
    refused: u64,
    ended: Instant,
}

impl Driven {
    fn begun_at(begun: Instant) -> Self {
        Self { times: Vec::new(), ids: Vec::new(), refused: 0, ended: begun }
    }
}

async fn drive(
    mut connection: Connection,
    mut requests: Requests,
    until: Until,
    barrier: Arc<Barrier>,
) -> Outcome<Driven> {
    barrier.wait().await;
    let begun = Instant::now();
    let (deadline, most) = match until {
        Until::Seconds(seconds) => (Some(begun + Duration::from_secs_f64(seconds)), u64::MAX),
        Until::Each(count) => (None, count),
    };
    let mut driven = Driven::begun_at(begun);
    while (driven.times.len() as u64) < most {
        let sent = Instant::now();
        let answer = connection.ask(requests.next()).await?;
        let now = Instant::now();
        if answer.status != requests.expected() {
            return Err(format!("answered {}: {}", answer.status, String::from_utf8_lossy(answer.body)).into());
        }
        if deadline.is_some_and(|deadline| now > deadline) {
            break;
        }
        driven.ids.extend(requests.made(answer.body));
        driven.times.push((now - sent).as_micros() as u64);
        driven.ended = now;
    }
    Ok(driven)
}
