//! An export while it is downloaded: a few submissions at a time, each opened when its turn comes. Dropped, it ends.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::places::Place;
use super::{Sieve, check_form, places_of};
use crate::base::clock::Timestamp;
use crate::base::ids::ApprovalId;
use crate::domain::export::{self, Format};
use crate::domain::form::Form;
use crate::policy::{self, Action, Actor, Resource};
use crate::services::review::{Behind, Download, Submission, shown};
use crate::services::{App, Context, Credential, ServiceError, approvals, blocking, sign_in, staff};
use crate::vault::{Detail, Grant, Located, Vault, VaultError};

/// Submissions under one entry of the trail, at most.
const BATCH: usize = 50;
/// Submissions and files under one entry, at most, where there are several submissions.
const NAMED: usize = 200;
/// How long a download may go on.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// An export on its way out.
pub struct Export {
    app: Arc<App>,
    ctx: Context,
    /// What it was asked for by, and ends with.
    credential: Credential,
    id: ApprovalId,
    wanted: export::Export,
    form: Arc<Form>,
    /// Places in the list that are still to come.
    places: VecDeque<u64>,
    /// What the trail names already.
    granted: VecDeque<Granted>,
    /// How many of the request it names.
    named: u64,
    sent: u32,
    of: u32,
    begun: Timestamp,
    place: Place,
}

struct Granted {
    located: Arc<Located>,
    grant: Grant,
    /// Each with the number by which it is shown.
    files: Vec<(u32, Grant)>,
}

/// A submission of an export.
pub struct Item {
    /// As the role of whoever downloads sees it.
    pub submission: Submission,
    /// Its files, where the format holds them.
    pub files: VecDeque<ExportFile>,
}

/// A file of a submission, to be opened when its turn comes.
pub struct ExportFile {
    /// Its number, as the submission shows it.
    pub n: u32,
    vault: Arc<Vault>,
    located: Arc<Located>,
    grant: Grant,
}

/// Begins a download: uses up what was approved, once. What is handed out is decided now and while it goes on; it ends with the
/// session or token that it was asked for by.
///
/// # Errors
/// [`ServiceError::Invalid`], [`ServiceError::Forbidden`] and [`ServiceError::NotFound`] as for everything that needs two people;
/// [`ServiceError::Later`] while the account has a download under way, or too many have.
pub async fn begin(
    app: &Arc<App>,
    ctx: &Context,
    credential: Credential,
    id: ApprovalId,
) -> Result<Export, ServiceError> {
    let wanted = approvals::wanted_export(app, ctx, id)?;
    approvals::check_open(app, ctx, id).await?;
    let Actor::Staff { id: account, .. } = &ctx.actor else { return Err(ServiceError::NotFound) };
    let form = app.forms().get(&wanted.form).cloned().ok_or(ServiceError::NotFound)?;
    let places = places_of(app, ctx, &wanted).await?;
    let of = u32::try_from(places.len()).unwrap_or(u32::MAX);
    let place = app.exports.take(id, *account, of)?;
    let wanted = match approvals::use_export(app, ctx, id).await {
        Ok(wanted) => wanted,
        Err(error) => {
            place.give_back();
            return Err(error);
        }
    };
    Ok(Export {
        app: Arc::clone(app),
        ctx: ctx.clone(),
        credential,
        id,
        wanted,
        form,
        places: places.into(),
        granted: VecDeque::new(),
        named: 0,
        sent: 0,
        of,
        begun: app.clock.now(),
        place,
    })
}

impl Export {
    /// What the file is.
    pub const fn format(&self) -> Format {
        self.wanted.format
    }

    /// The request.
    pub const fn id(&self) -> ApprovalId {
        self.id
    }

    /// The form, as it stood when the download began.
    pub const fn form(&self) -> &Arc<Form> {
        &self.form
    }

    /// What it is for.
    pub fn purpose(&self) -> &str {
        &self.wanted.purpose
    }

    /// How many there are.
    pub const fn count(&self) -> u32 {
        self.of
    }

    /// When it began.
    pub const fn begun(&self) -> Timestamp {
        self.begun
    }

    /// As whom.
    pub const fn context(&self) -> &Context {
        &self.ctx
    }

    /// The names of the answers that the actor is shown, in the order of the form.
    pub fn shown_fields(&self) -> Vec<String> {
        let sight = policy::sight(&self.ctx.actor, &self.form, Some(&self.wanted.purpose));
        let fields = self.form.fields.iter().map(|field| field.name.clone());
        fields.filter(|name| sight.shows_field(name)).collect()
    }

    /// The next submission, once the trail names it; `None` when all were handed out.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`] and [`ServiceError::NotFound`] when the account may not export any more, was signed out, or
    /// it takes too long;
    /// [`ServiceError::Unavailable`], [`ServiceError::StorageFull`] when the trail cannot be written. Then nothing more is handed out.
    pub async fn next(&mut self) -> Result<Option<Item>, ServiceError> {
        loop {
            self.check_still()?;
            if let Some(granted) = self.granted.pop_front() {
                if let Some(item) = self.open(granted).await? {
                    self.sent += 1;
                    self.place.sent(self.sent);
                    return Ok(Some(item));
                }
            } else if self.places.is_empty() {
                return Ok(None);
            } else {
                self.grant().await?;
            }
        }
    }

    /// Everything was handed out, to its end.
    pub fn complete(&self) {
        self.place.complete();
    }

    /// Whether the account may still do this; and as what it stands now. Asked before each submission; to be asked before each piece
    /// of a file as well, which may be large.
    ///
    /// # Errors
    /// As [`Export::next`].
    pub fn check_still(&mut self) -> Result<(), ServiceError> {
        let Actor::Staff { id, roles, login, scope } = &mut self.ctx.actor else { return Err(ServiceError::NotFound) };
        let own = sign_in::own_roles(&self.app, *id).ok_or(ServiceError::Forbidden)?;
        *login = staff::login_of(&self.app, *id).ok_or(ServiceError::Forbidden)?;
        roles.retain(|role| own.contains(role));
        *scope = staff::complete(&self.app, *id, std::mem::take(scope));
        if !self.credential.is_good(&self.app) || self.app.clock.now().since(self.begun) > LONGEST {
            return Err(ServiceError::Forbidden);
        }
        self.form = self.app.forms().get(&self.wanted.form).cloned().ok_or(ServiceError::NotFound)?;
        check_form(&self.ctx, &self.form)
    }

    /// Names the next few in the trail.
    async fn grant(&mut self) -> Result<(), ServiceError> {
        let sieve = Sieve::of(&self.app, &self.ctx, &self.wanted)?;
        let wanted: Vec<u64> = self.places.iter().copied().take(BATCH).collect();
        loop {
            let (worker, sieve, places, with_files) =
                (Arc::clone(&self.app), sieve.clone(), wanted.clone(), self.wanted.format.has_files());
            let (taken, located) = blocking(move || locate(&worker, &sieve, &places, with_files)).await??;
            if located.is_empty() {
                self.places.drain(..taken);
                return Ok(());
            }
            let mut numbers = Vec::with_capacity(located.len());
            let located: Vec<(Located, Vec<u32>)> = located
                .into_iter()
                .map(|one| {
                    numbers.push(one.shown_as);
                    (one.located, one.files)
                })
                .collect();
            let ctx = self.ctx.at(&self.form.id);
            let act = ctx.act(Action::ExportSubmissions, &Resource::of_form(&self.form))?;
            let detail = Detail::Export {
                id: self.id,
                format: self.wanted.format.as_str().to_owned(),
                before: self.named,
                records: located.len() as u64,
                of: u64::from(self.of),
            };
            let grants = match self.app.vault.grant_export(act, detail, &located, &self.wanted.purpose).await {
                // One of them was erased since: it is not there the next time.
                Err(VaultError::Missing) => continue,
                other => other?,
            };
            self.named += located.len() as u64;
            self.places.drain(..taken);
            let each = grants.into_iter().zip(located).zip(numbers);
            self.granted.extend(each.map(|(((grant, files), (located, _)), numbers)| Granted {
                located: Arc::new(located),
                grant,
                files: numbers.into_iter().zip(files).collect(),
            }));
            return Ok(());
        }
    }

    /// Opens one; `None` for one that was erased since, or does not open.
    async fn open(&self, granted: Granted) -> Result<Option<Item>, ServiceError> {
        let Granted { located, grant, files } = granted;
        let (vault, form, actor) = (Arc::clone(&self.app.vault), Arc::clone(&self.form), self.ctx.actor.clone());
        let (purpose, of_one) = (self.wanted.purpose.clone(), Arc::clone(&located));
        let opened = blocking(move || {
            let opened = vault.open_record(grant, &of_one)?;
            let subscribes = form.kind.subscribes().is_some();
            let mut consent_changes = if subscribes { vault.consent_ledger(&opened)? } else { Vec::new() };
            consent_changes.retain(|line| line.record == of_one.summary.id);
            let sight = policy::sight(&actor, &form, Some(&purpose));
            let behind = Behind { consent_changes, ..Behind::default() };
            Ok(shown(&sight, &form, of_one.summary.clone(), opened, behind))
        })
        .await?;
        let submission = match opened {
            Ok(submission) => submission,
            Err(VaultError::Missing) => return Ok(None),
            Err(VaultError::Tampered) => {
                tracing::error!("a submission does not open; run `letterlock verify`");
                return Ok(None);
            }
            Err(other) => return Err(other.into()),
        };
        let file =
            |(n, grant)| ExportFile { n, vault: Arc::clone(&self.app.vault), located: Arc::clone(&located), grant };
        Ok(Some(Item { submission, files: files.into_iter().map(file).collect() }))
    }
}

impl ExportFile {
    /// Opens it; `None` when its person was erased meanwhile.
    ///
    /// # Errors
    /// [`ServiceError::Damaged`], [`ServiceError::Unavailable`].
    pub async fn open(self) -> Result<Option<Download>, ServiceError> {
        let Self { vault, located, grant, .. } = self;
        match blocking(move || vault.open_file(grant, &located)).await? {
            Ok(reader) => Ok(Some(Download::of(reader))),
            Err(VaultError::Missing) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }
}

/// A submission that was found, with the true numbers of those of its files that are shown and not withheld, and the numbers by
/// which they are shown.
struct Found {
    located: Located,
    files: Vec<u32>,
    shown_as: Vec<u32>,
}

/// What of these is there and let through; and how many places that are.
fn locate(app: &App, sieve: &Sieve, places: &[u64], with_files: bool) -> Result<(usize, Vec<Found>), ServiceError> {
    let (mut found, mut named, mut taken) = (Vec::new(), 0, 0);
    for place in places {
        let located = match app.vault.locate_by_arrival(*place) {
            Ok(located) if sieve.lets_through(app, &located) => located,
            Ok(_) | Err(VaultError::Missing | VaultError::Tampered) => {
                taken += 1;
                continue;
            }
            Err(other) => return Err(other.into()),
        };
        let (files, shown_as) = match with_files {
            true => match files_of(app, sieve, &located) {
                Ok(files) => files,
                Err(VaultError::Missing | VaultError::Tampered) => {
                    taken += 1;
                    continue;
                }
                Err(other) => return Err(other.into()),
            },
            false => (Vec::new(), Vec::new()),
        };
        named += 1 + files.len();
        if named > NAMED && !found.is_empty() {
            break;
        }
        taken += 1;
        found.push(Found { located, files, shown_as });
    }
    Ok((taken, found))
}

/// The files that are shown and not withheld: their true numbers, and those by which they are shown.
fn files_of(app: &App, sieve: &Sieve, located: &Located) -> Result<(Vec<u32>, Vec<u32>), VaultError> {
    let sent = app.vault.fields_of_files(located)?;
    let sight = policy::sight(&sieve.ctx.actor, &sieve.form, Some(&sieve.wanted.purpose));
    let all = (0..).map_while(|n| located.scan_of(n).map(|scan| (n, scan)));
    // What was sent later belongs to the conversation, which is shown as a whole.
    let visible = all.filter(|(n, _)| sent.get(*n as usize).is_none_or(|field| sight.shows_files(field)));
    let open = (0..).zip(visible).filter(|(_, (_, scan))| !scan.is_withheld());
    Ok(open.map(|(shown_as, (n, _))| (n, shown_as)).unzip())
}
