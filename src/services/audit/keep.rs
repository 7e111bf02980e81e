//! Keeps signed heads of the trail in second places, on a schedule, so that a trail that is cut or rewritten, keys and all,
//! shows against them. A place that cannot be reached is said in the log and in `status`, and stops nothing.
//!
//! A place that can be read, a file, is held against the trail each time before anything is added to it: a trail that does
//! not continue what stands there was put back or rewritten, and is told so until somebody looks into it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::head::{self, Head, heads_in};
use crate::adapters::heads::{Keeping, Place};
use crate::adapters::mail::Outgoing;
use crate::base::clock::Timestamp;
use crate::services::post::Post;
use crate::services::{App, blocking};
use crate::vault::audit::TreeHead;

/// After a failure, the next try comes no later than this.
const AGAIN: Duration = Duration::from_secs(60);

/// The second places of an installation.
pub struct Keeper {
    places: Vec<Kept>,
    every: Duration,
    stop: Notify,
    stopping: AtomicBool,
}

struct Kept {
    place: Box<dyn Place>,
    state: Mutex<State>,
}

#[derive(Clone, Default)]
struct State {
    last: Option<(Timestamp, u64)>,
    problem: Option<Problem>,
}

#[derive(Clone)]
enum Problem {
    /// Not reached.
    Failed(String),
    /// What it holds is not what the trail was.
    Contradicts(String),
}

/// How a second place is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceHealth {
    /// Its kind, and where.
    pub place: String,
    /// When a head was kept there last, since the start.
    pub kept: Option<Timestamp>,
    /// Entries under that head.
    pub entries: Option<u64>,
    /// What is wrong, in words.
    pub problem: Option<String>,
    /// What is wrong is the trail: it does not continue a head that is kept there.
    pub contradicted: bool,
}

/// How heads are kept, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keeps {
    /// Nowhere: no place is configured.
    Off,
    /// In each place, when they were due last; or not due yet.
    Kept,
    /// A place was out of reach.
    Failing,
    /// The trail does not continue a head that was kept.
    Contradicted,
}

impl Keeper {
    /// A keeper of these places, who comes round `every` so often.
    pub fn new(places: Vec<Box<dyn Place>>, every: Duration) -> Self {
        let places = places.into_iter().map(|place| Kept { place, state: Mutex::default() }).collect();
        Self { places, every, stop: Notify::new(), stopping: AtomicBool::new(false) }
    }

    /// Asks [`run`] to end, after a last round.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.stop.notify_one();
    }
}

impl Kept {
    fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl App {
    /// Says where heads of the trail are kept beside the vault. Only the first keeper counts.
    pub fn set_keeper(&self, keeper: Keeper) {
        let _ = self.keeper.set(Arc::new(keeper));
    }

    /// The keeper of heads, when there is a second place.
    pub fn keeper(&self) -> Option<&Arc<Keeper>> {
        self.keeper.get()
    }
}

/// How each second place is.
pub fn places(app: &App) -> Vec<PlaceHealth> {
    let Some(keeper) = app.keeper() else { return Vec::new() };
    let of = |kept: &Kept| {
        let State { last, problem } = kept.state();
        let contradicted = matches!(problem, Some(Problem::Contradicts(_)));
        let problem = problem.map(|(Problem::Failed(why) | Problem::Contradicts(why))| why);
        let (at, entries) = last.unzip();
        PlaceHealth { place: kept.place.name(), kept: at, entries, problem, contradicted }
    };
    keeper.places.iter().map(of).collect()
}

/// The worst of them, in a word.
pub fn keeps(app: &App) -> Keeps {
    let places = places(app);
    if places.is_empty() {
        Keeps::Off
    } else if places.iter().any(|place| place.contradicted) {
        Keeps::Contradicted
    } else if places.iter().any(|place| place.problem.is_some()) {
        Keeps::Failing
    } else {
        Keeps::Kept
    }
}

/// Comes round until it is told to stop. Does nothing without a second place.
pub async fn run(app: Arc<App>) {
    let Some(keeper) = app.keeper().cloned() else { return };
    loop {
        let all_well = keep(&app).await;
        if keeper.stopping.load(Ordering::SeqCst) {
            return;
        }
        let wait = if all_well { keeper.every } else { keeper.every.min(AGAIN) };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = keeper.stop.notified() => {}
        }
    }
}

/// One round: the present head into each place. Returns whether all of them have it.
pub async fn keep(app: &Arc<App>) -> bool {
    let Some(keeper) = app.keeper().cloned() else { return true };
    let head = match app.vault.audit_head().await {
        Ok(head) => head,
        Err(error) => {
            tracing::warn!(%error, "no head of the audit trail to keep");
            return false;
        }
    };
    let signed = head::sign(app, &head);
    let Ok(line) = serde_json::to_string(&signed) else { return false };
    let mut all = true;
    for kept in &keeper.places {
        let now = app.clock.now();
        let outcome = match against(app, &*kept.place).await {
            Ok(()) => kept.place.keep(&line, now).await.map_err(Problem::Failed),
            Err(problem) => Err(problem),
        };
        let place = kept.place.name();
        match outcome {
            Ok(()) => kept.set(|state| *state = State { last: Some((now, head.size)), problem: None }),
            Err(problem) => {
                all = false;
                match &problem {
                    Problem::Failed(why) => tracing::warn!(place, why, "a head of the audit trail could not be kept"),
                    Problem::Contradicts(why) => {
                        tracing::error!(place, why, "the audit trail is not the one whose head was kept");
                    }
                }
                kept.set(|state| state.problem = Some(problem));
            }
        }
    }
    all
}

/// Holds the trail against the last head in a place.
async fn against(app: &Arc<App>, place: &dyn Place) -> Result<(), Problem> {
    let lines = place.last_lines().map_err(|error| Problem::Failed(error.to_string()))?;
    let own = app.vault.id().to_string();
    let last = lines.iter().rev().filter_map(|line| heads_in(line).heads.pop()).find(|head| head.vault == own);
    let Some(last) = last else { return Ok(()) };
    let known = head::check(app, &last).map_err(Problem::Contradicts)?;
    match continues(app, known).await {
        Ok(None) => Ok(()),
        Ok(Some(told)) => Err(Problem::Contradicts(told)),
        Err(why) => Err(Problem::Failed(why)),
    }
}

/// What is wrong with the trail beside a head that was kept, if anything is.
async fn continues(app: &Arc<App>, known: TreeHead) -> Result<Option<String>, String> {
    let vault = Arc::clone(&app.vault);
    let proof = blocking(move || vault.prove_continuation(known.size, None)).await.map_err(|e| e.to_string())?;
    Ok(match proof {
        // Rows that do not add up are the vault's own to report, and nothing is proven by them.
        Err(error) => return Err(error.to_string()),
        Ok(None) => {
            Some(format!("the trail was cut: a head of {} entries is kept there, and it has fewer", known.size))
        }
        Ok(Some(([first, _], _))) if first.root != known.root => {
            Some(format!("the first {} entries are not those of the head that is kept there", known.size))
        }
        Ok(Some(_)) => None,
    })
}

/// A mailbox as a second place: each head is a mail.
pub struct HeadsMail {
    post: Arc<Post>,
    to: String,
}

impl HeadsMail {
    /// Heads to this address, by the mail server of the post office.
    pub const fn new(post: Arc<Post>, to: String) -> Self {
        Self { post, to }
    }
}

impl Place for HeadsMail {
    fn name(&self) -> String {
        // The log and `status` name no addresses.
        "mail".to_owned()
    }

    fn keep<'a>(&'a self, line: &'a str, _at: Timestamp) -> Keeping<'a> {
        Box::pin(async move {
            let Head { vault, size, time, .. } = serde_json::from_str(line).map_err(|_| "no head".to_owned())?;
            let words = format!(
                "The audit trail of the vault {vault} had {size} entries at {time}.\n\nPlease keep this mail. With the line below, \
                 letterlock audit verify --head FILE tells whether the trail was cut or rewritten since."
            );
            let mail = Outgoing {
                to: self.to.as_str().into(),
                subject: format!("Head of the audit trail: {size} entries"),
                text: format!("{words}\n\n{line}\n").into(),
                html: format!("<p>{}</p><pre>{line}</pre>", words.replace("\n\n", "</p><p>")).into(),
                id: None,
                unsubscribe: None,
            };
            self.post.carry(&mail).await.map_err(|refused| refused.to_string())
        })
    }
}
