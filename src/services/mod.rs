//! One use-case a file. Each takes the application and a context (who acts, which request) and returns domain values.

pub mod alerts;
pub mod approvals;
mod arriving;
pub mod audit;
mod bearer;
pub mod board;
pub mod canned;
pub mod converse;
mod credential;
pub mod dashboard;
pub mod desk;
pub mod erase;
mod error;
pub mod export;
pub mod find;
pub mod forms;
pub mod guests;
pub mod health;
mod idempotency;
pub mod inbox;
pub mod keys;
pub mod languages;
pub mod letters;
#[cfg(test)]
mod measured;
pub mod newsletter;
pub mod operator;
pub mod portal;
pub mod post;
pub mod preview;
pub mod reading;
pub mod resources;
pub mod results;
pub mod review;
pub mod scan;
pub mod search;
pub mod sign_in;
pub mod staff;
pub mod statistics;
pub mod submit;
pub mod transfers;
pub mod vacancies;
pub mod verify;
pub mod work;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use tokio::sync::oneshot;

use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::ids::RequestId;
use crate::base::sensitive::{USUAL_DEPTH, wipe_stack};
pub use crate::domain::Problem;
use crate::domain::form::{FormId, FormSet};
use crate::domain::language::Languages;
use crate::domain::operator::Operator;
use crate::domain::region::Region;
use crate::policy::{self, Action, Actor, CustomRoles, Permit, Resource, Safeguards};
use crate::vault::{self, Act, Hooks, Vault, VaultError};
pub use credential::Credential;
pub use error::ServiceError;

/// Who asks for what is done, and under which request id it is logged.
#[derive(Clone, Debug)]
pub struct Context {
    /// The actor, as authenticated.
    pub actor: Actor,
    /// The request.
    pub request: RequestId,
    /// What an act that opens nothing is done for (finding, marking, erasing): it goes into the audit trail. 1 to 64
    /// lower-case letters, digits and hyphens; anything else is refused, for the trail holds no free text.
    pub purpose: Option<String>,
}

/// Everything a use-case needs: the vault, the forms, the clock and the source of randomness.
pub struct App {
    vault: Arc<Vault>,
    forms: forms::Shelf,
    vacancies: vacancies::Vacancies,
    passes: guests::Passes,
    region: Region,
    safeguards: OnceLock<Arc<Safeguards>>,
    custom_roles: OnceLock<Arc<CustomRoles>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    staff: staff::Desk,
    keys: keys::Ring,
    door: sign_in::Door,
    requests: idempotency::Requests,
    visits: portal::Visits,
    links: post::Links,
    post: OnceLock<Arc<post::Post>>,
    scanner: OnceLock<Arc<scan::Scanner>>,
    languages: OnceLock<Arc<Languages>>,
    resources: OnceLock<resources::Shelf>,
    operator: OnceLock<Arc<Operator>>,
    keeper: OnceLock<Arc<audit::keep::Keeper>>,
    teams: OnceLock<work::Teams>,
    answers: OnceLock<std::path::PathBuf>,
    desks: desk::Desks,
    refusals: audit::Refusals,
    last_check: Mutex<Option<audit::LastCheck>>,
    approvals: approvals::Approvals,
    alerts: alerts::Alerts,
    readers: reading::Readers,
    alone: erase::Alone,
    exports: export::Places,
    tally: statistics::Tally,
    answer_times: dashboard::AnswerTimes,
    mailings: newsletter::Mailings,
    sweeps: newsletter::Sweeps,
    results: results::Kept,
    /// Filled once the comments on boards were looked for.
    board: tokio::sync::OnceCell<()>,
    searches: search::Places,
    previews: preview::Previews,
    closed: AtomicBool,
}

/// How to open an installation.
pub struct OpenOptions {
    /// The data folder; made when it does not exist.
    pub data: std::path::PathBuf,
    /// The key folder; made when it does not exist.
    pub keys: std::path::PathBuf,
    /// Where the recovery slot lies; `None` for `recovery/` in the key folder.
    pub recovery: Option<std::path::PathBuf>,
    /// Work on a file system on which overwriting in place is not known to destroy.
    pub accept_unsafe_fs: bool,
    /// Memory for the store's page cache, in bytes.
    pub cache_bytes: u64,
    /// Storage region written into each record, for example `uk`.
    pub region: Region,
    /// Refuse to make a new vault: for commands that expect one.
    pub must_exist: bool,
    /// The forms.
    pub forms: FormSet,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
}

/// What opening did, to be told to the person at the terminal.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// A new vault was made.
    pub first_run: bool,
    /// Files made, each with what it is, in plain words.
    pub made: Vec<(std::path::PathBuf, &'static str)>,
    /// Things that were mended or need attention (a crash recovered, a broken snapshot kept aside …), in sentences.
    pub notices: Vec<String>,
}

/// Why an installation did not open. Nothing was changed. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct OpenError {
    /// A sentence or two for the person at the terminal.
    pub message: String,
}

impl App {
    /// Opens the installation, making it on the first run, and finishes whatever a crash left half-done.
    ///
    /// # Errors
    /// [`OpenError`] when the folders do not fit together, are in use, damaged, or of a newer version.
    pub fn open(options: OpenOptions) -> Result<(Arc<Self>, Opened), OpenError> {
        Self::open_with_hooks(options, Hooks::default())
    }

    /// As [`App::open`], with hooks that stop the vault between two steps of an erasure: for crash tests.
    ///
    /// # Errors
    /// As [`App::open`].
    pub fn open_with_hooks(options: OpenOptions, hooks: Hooks) -> Result<(Arc<Self>, Opened), OpenError> {
        let OpenOptions {
            data,
            keys,
            recovery,
            accept_unsafe_fs,
            cache_bytes,
            region,
            must_exist,
            forms,
            clock,
            entropy,
        } = options;
        let recovery = recovery.unwrap_or_else(|| keys.join("recovery"));
        let (vault, report) = Vault::open(vault::Options {
            layout: vault::Layout { data, keys, recovery },
            accept_unsafe_fs,
            cache_bytes,
            must_exist,
            clock: clock.clone(),
            entropy: entropy.clone(),
            hooks,
        })
        .map_err(|failure| OpenError { message: failure.0 })?;
        let staff = staff::Desk::load(&vault).map_err(|_| OpenError {
            message: "an account or token row was changed: it does not open; restore the data folder from a backup"
                .to_owned(),
        })?;
        let keys = keys::Ring::load(&vault).map_err(|_| OpenError {
            message: "the row of a server's key was changed: it does not open; restore the data folder from a backup"
                .to_owned(),
        })?;
        let door = sign_in::Door::load(&vault).map_err(|_| OpenError {
            message:
                "what an account signs in with was changed: it does not open; restore the data folder from a backup"
                    .to_owned(),
        })?;
        let desks = desk::Desks::load(&vault).map_err(|_| OpenError {
            message: "what an account has set up was changed: it does not open; restore the data folder from a backup"
                .to_owned(),
        })?;
        let approvals = approvals::Approvals::load(&vault).map_err(|_| OpenError {
            message:
                "a request for a second person was changed: it does not open; restore the data folder from a backup"
                    .to_owned(),
        })?;
        let alerts = alerts::Alerts::load(&vault).map_err(|_| OpenError {
            message: "an alert was changed: it does not open; restore the data folder from a backup".to_owned(),
        })?;
        let vacancies = vacancies::Vacancies::load(&vault).map_err(|_| OpenError {
            message: "a vacancy was changed: it does not open; restore the data folder from a backup".to_owned(),
        })?;
        let passes = guests::Passes::load(&vault).map_err(|_| OpenError {
            message: "a guest's pass was changed: it does not open; restore the data folder from a backup".to_owned(),
        })?;
        let tally = statistics::Tally::load(&vault);
        let answer_times = dashboard::AnswerTimes::new(clock.now());
        let app = Self {
            vault: Arc::new(vault),
            forms: forms::Shelf::new(forms, &vacancies, clock.now()),
            vacancies,
            passes,
            region,
            safeguards: OnceLock::new(),
            custom_roles: OnceLock::new(),
            clock,
            entropy,
            staff,
            keys,
            door,
            requests: idempotency::Requests::default(),
            visits: portal::Visits::default(),
            links: post::Links::default(),
            post: OnceLock::new(),
            scanner: OnceLock::new(),
            languages: OnceLock::new(),
            resources: OnceLock::new(),
            operator: OnceLock::new(),
            keeper: OnceLock::new(),
            teams: OnceLock::new(),
            answers: OnceLock::new(),
            desks,
            refusals: audit::Refusals::default(),
            last_check: Mutex::default(),
            approvals,
            alerts,
            readers: reading::Readers::default(),
            alone: erase::Alone::default(),
            exports: export::Places::default(),
            tally,
            answer_times,
            mailings: newsletter::Mailings::default(),
            sweeps: newsletter::Sweeps::default(),
            results: results::Kept::default(),
            board: tokio::sync::OnceCell::new(),
            searches: search::Places::default(),
            previews: preview::Previews::default(),
            closed: AtomicBool::new(false),
        };
        let vault::OpenReport { first_run, made, notices } = report;
        Ok((Arc::new(app), Opened { first_run, made, notices }))
    }

    /// The forms as they stand now. Whoever works with one keeps it, whatever is loaded meanwhile.
    pub fn forms(&self) -> Arc<FormSet> {
        self.forms.now(&self.vacancies, self.clock.now())
    }

    /// Gives the installation a post office. Only the first one counts.
    pub fn set_post(&self, post: post::Post) {
        let _ = self.post.set(Arc::new(post));
    }

    /// The post office, when there is a mail server.
    pub fn post(&self) -> Option<&Arc<post::Post>> {
        self.post.get()
    }

    /// Gives the installation a virus scanner. Only the first one counts.
    pub fn set_scanner(&self, scanner: scan::Scanner) {
        let _ = self.scanner.set(Arc::new(scanner));
    }

    /// The virus scanner, when there is one.
    pub fn scanner(&self) -> Option<&Arc<scan::Scanner>> {
        self.scanner.get()
    }

    /// Gives the installation its languages. Only the first ones count.
    pub fn set_languages(&self, languages: Languages) {
        let _ = self.languages.set(Arc::new(languages));
    }

    /// The languages that are offered; the shipped ones unless told.
    pub fn languages(&self) -> &Arc<Languages> {
        self.languages.get().unwrap_or_else(|| Languages::shipped())
    }

    /// Says where the files are that forms unlock, and how long a link to one is good. Only the first one counts.
    pub fn set_resources(&self, shelf: resources::Shelf) {
        let _ = self.resources.set(shelf);
    }

    /// Says who runs the installation. Only the first one counts.
    pub fn set_operator(&self, operator: Operator) {
        let _ = self.operator.set(Arc::new(operator));
    }

    /// Who runs the installation, as far as that is known.
    pub fn operator(&self) -> &Arc<Operator> {
        self.operator.get_or_init(Arc::default)
    }

    /// Says which teams there are. Only the first ones count.
    pub fn set_teams(&self, teams: work::Teams) {
        let _ = self.teams.set(teams);
    }

    /// The teams, with the logins of their members.
    pub fn teams(&self) -> &work::Teams {
        self.teams.get_or_init(Default::default)
    }

    /// Storage region written into each record of a form that names none.
    pub const fn region(&self) -> &Region {
        &self.region
    }

    /// Says which roles there are besides the built-in ones, and what each may do. Only the first ones count.
    pub fn set_custom_roles(&self, roles: CustomRoles) {
        let _ = self.custom_roles.set(Arc::new(roles));
    }

    /// These roles.
    pub fn custom_roles(&self) -> &Arc<CustomRoles> {
        self.custom_roles.get_or_init(Arc::default)
    }

    /// Says under which safeguards what is kept in one region is read from another. Only the first ones count.
    pub fn set_safeguards(&self, safeguards: Safeguards) {
        let _ = self.safeguards.set(Arc::new(safeguards));
    }

    /// These safeguards.
    pub fn safeguards(&self) -> &Arc<Safeguards> {
        self.safeguards.get_or_init(Arc::default)
    }

    /// The visits under way to the page that a receipt opens.
    pub const fn visits(&self) -> &portal::Visits {
        &self.visits
    }

    /// Where the time comes from.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Where randomness comes from.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// Finishes what was acknowledged, writes the witness, and closes the store. Later calls answer [`ServiceError::Unavailable`].
    pub async fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        // What was counted since the last time; nobody waits for it.
        let _ = statistics::flush(self).await;
        let _ = keys::flush(self).await;
        let _ = staff::flush(self).await;
        self.vault.close().await;
    }

    /// Whether a write failed in a way that only a restart mends. A service that sees this stops.
    pub fn has_failed(&self) -> bool {
        self.vault.has_failed()
    }
}

impl Context {
    /// The software itself, on nobody's behalf.
    fn system(app: &App) -> Result<Self, ServiceError> {
        let request = RequestId::make_random(&*app.entropy).map_err(VaultError::from)?;
        Ok(Self { actor: Actor::System, request, purpose: None })
    }

    /// Asks the policy, and turns its answer into an act or an error.
    fn act(&self, action: Action, resource: &Resource<'_>) -> Result<Act, ServiceError> {
        self.act_on(policy::decide(&self.actor, action, resource)?)
    }

    /// As its actor stands to a form and what came by it.
    fn at(&self, form: &FormId) -> Self {
        Self { actor: self.actor.at(form), ..self.clone() }
    }

    /// An act on a permit that was given already.
    fn act_on(&self, permit: Permit) -> Result<Act, ServiceError> {
        let name = |text: &str| {
            (1..=64).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        };
        if self.purpose.as_deref().is_some_and(|purpose| !name(purpose)) {
            let message = "A purpose is a name such as subject-request: lower-case letters, digits and hyphens.";
            return Err(ServiceError::Invalid(vec![Problem::in_field("purpose", "bad-purpose", message)]));
        }
        Ok(Act { permit, request: self.request, purpose: self.purpose.clone() })
    }
}

/// Runs a call that blocks on the disk or on ciphers away from the threads that serve connections.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ServiceError> {
    let (reply, done) = oneshot::channel();
    // The result goes by a channel: handed back to tokio, it would pass through frames above those that are wiped.
    tokio::task::spawn_blocking(move || {
        answer(work, reply);
        wipe_stack::<USUAL_DEPTH>();
    });
    // Dropped unanswered by a panic.
    done.await.map_err(|_| ServiceError::Internal)
}

#[inline(never)]
fn answer<T>(work: impl FnOnce() -> T, reply: oneshot::Sender<T>) {
    // Nobody may be waiting any more.
    let _ = reply.send(work());
}
