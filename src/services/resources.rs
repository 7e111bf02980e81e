//! Files that a form unlocks. A link is made for whoever has just sent the form, or can show that a submission is theirs; it
//! works once, for a while. Each download stands in the record, sealed under its key, before the first byte leaves.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::portal::{Own, Visit};
use super::{App, Context, Problem, ServiceError, blocking, statistics};
use crate::base::clock::Timestamp;
use crate::base::files::open_plain;
use crate::base::ids::{Handle, RecordId, RequestId};
use crate::base::sensitive::SensitiveString;
use crate::domain::file::{FileKind, judge};
use crate::domain::form::Form;
use crate::domain::language::Lang;
use crate::domain::resource::{ResourceName, Unlock, UnlockBy};
use crate::policy::{Action, Actor, Resource};
pub use crate::vault::AGAIN;
use crate::vault::{Act, Claim, Located, VaultError, Worth};

/// How long a link is good unless told.
pub const LINK_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// Largest file whose kind is looked for: a text is read to its end. Larger ones are handed out as bytes.
const LARGEST_JUDGED: u64 = 64 << 20;
/// Bytes read at a time.
const PIECE: usize = 128 * 1024;

/// Where the files are.
pub struct Shelf {
    /// The folder.
    pub folder: PathBuf,
    /// How long a link is good.
    pub link_life: Duration,
}

/// A link to a file.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The file.
    pub file: ResourceName,
    /// What it is, in words.
    pub title: String,
    /// The language of these words.
    pub lang: Lang,
    /// The token of the link.
    pub token: SensitiveString,
    /// Until when it is good.
    pub until: Timestamp,
}

/// A file, as it is told of before it is handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its name.
    pub file: ResourceName,
    /// What it is, in words.
    pub title: String,
    /// The language of these words.
    pub lang: Lang,
    /// In bytes.
    pub size: u64,
}

/// A file on its way out.
pub struct Attachment {
    /// Its name.
    pub file: ResourceName,
    /// Judged by content; bytes, where it is no kind that is known.
    pub media_type: &'static str,
    /// In bytes.
    pub size: u64,
    open: Arc<File>,
    sent: u64,
}

impl Attachment {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`ServiceError::FileMissing`] when the file has become shorter.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ServiceError> {
        let (open, at) = (Arc::clone(&self.open), self.sent);
        let wanted = (self.size - at).min(PIECE as u64) as usize;
        if wanted == 0 {
            return Ok(None);
        }
        let piece = blocking(move || {
            let mut piece = vec![0; wanted];
            open.read_exact_at(&mut piece, at).map(|()| piece)
        });
        let piece = piece.await?.map_err(|error| missing(&self.file, &error))?;
        self.sent += piece.len() as u64;
        Ok(Some(piece.into()))
    }
}

/// The links that the answer to a submission holds: the same ones whenever it is given. Empty for a form that unlocks nothing,
/// or does so by mail.
///
/// # Errors
/// [`ServiceError::NotFound`] once it was erased; [`ServiceError::Unavailable`].
pub async fn offers(app: &Arc<App>, form: &Form, record: RecordId) -> Result<Vec<Offer>, ServiceError> {
    if form.unlock_by == UnlockBy::Mail || form.unlocks.is_empty() {
        return Ok(Vec::new());
    }
    let located = located(app, record).await?;
    let until = located.summary.received.plus(life(app));
    form.unlocks.iter().map(|unlock| offer(app, &located, unlock, until, true)).collect()
}

/// Fresh links to everything that the form of a submission unlocks, for a mail that is about to go out.
pub(super) fn offers_by_mail(app: &App, form: &Form, record: RecordId) -> Result<Vec<Offer>, ServiceError> {
    let located = app.vault.locate(&record)?;
    let until = app.clock.now().plus(life(app));
    form.unlocks.iter().map(|unlock| offer(app, &located, unlock, until, false)).collect()
}

/// A fresh link to one file, for whoever holds the receipt.
///
/// # Errors
/// [`ServiceError::NotFound`] for a file that the form does not unlock; [`ServiceError::Invalid`] where links go by mail.
pub async fn fresh(app: &Arc<App>, own: Own, file: &str) -> Result<Offer, ServiceError> {
    let located = located(app, own.record()).await?;
    let (form, unlock) = unlocked(app, &located, file)?;
    if form.unlock_by == UnlockBy::Mail {
        let message = "The link to this file goes to your e-mail address. A link mailed by /my leads to it as well.";
        return Err(ServiceError::Invalid(vec![Problem::in_field("file", "by-mail", message)]));
    }
    offer(app, &located, &unlock, app.clock.now().plus(life(app)), false)
}

/// What a link leads to. Uses nothing up.
///
/// # Errors
/// [`ServiceError::NotFound`] for a link that never was, or whose submission was erased; [`ServiceError::LinkSpent`],
/// [`ServiceError::FileMissing`].
pub async fn describe(app: &Arc<App>, token: &str) -> Result<Described, ServiceError> {
    let (form, unlock, _) = by_link(app, token, None).await?;
    let (_, size) = open(app, &unlock, &form).await?;
    Ok(Described { file: unlock.file, title: unlock.title, lang: unlock.lang, size })
}

/// Hands out the file that a link leads to, and uses the link up. That it did is durable when this returns. The same `page`
/// gets the file once more within [`AGAIN`]: whoever clicks twice has asked for one download.
///
/// # Errors
/// As [`describe`]; storage errors. Nothing is used up then.
pub async fn take(
    app: &Arc<App>,
    request: RequestId,
    token: &str,
    page: Option<Handle>,
) -> Result<Attachment, ServiceError> {
    // Between the look and the commit somebody may have been faster, it may be the same page; or it was erased. What the
    // faster one wrote may not be readable yet, so there is a further look.
    for _ in 0..TRIES {
        let (form, unlock, claim) = by_link(app, token, page).await?;
        let Some(claim) = claim else { return prepare(app, &form, &unlock).await };
        match hand_out(app, request, &form, &unlock, claim).await {
            Err(ServiceError::NotFound) => {}
            other => return other,
        }
    }
    Err(ServiceError::LinkSpent)
}

/// Hands out a file on the person's own page. Where links go by mail, only to who came by a mailed link: a receipt proves no
/// address.
///
/// # Errors
/// [`ServiceError::NotFound`] for a file that the form does not unlock, or not to this visit; else as [`take`].
pub async fn fetch(app: &Arc<App>, request: RequestId, visit: &Visit, file: &str) -> Result<Attachment, ServiceError> {
    let own = visit.own.ok_or(ServiceError::NotFound)?;
    let located = located(app, own.record()).await?;
    let (form, unlock) = unlocked(app, &located, file)?;
    if !may_fetch(&form, visit) {
        return Err(ServiceError::NotFound);
    }
    let claim = app.vault.claim(&located, &unlock.file, &unlock.title, app.clock.now());
    hand_out(app, request, &form, &unlock, claim).await
}

/// Whether a visit may fetch what the form unlocks.
pub fn may_fetch(form: &Form, visit: &Visit) -> bool {
    form.unlock_by == UnlockBy::Page || visit.person.is_some()
}

/// The files that forms name and that are not there, each in a sentence, for whoever looks after the vault.
pub fn missing_files(app: &App) -> Vec<String> {
    let Some(shelf) = app.resources.get() else { return Vec::new() };
    let mut out = Vec::new();
    for form in app.forms().iter() {
        out.extend(form.unlocks.iter().filter_map(|unlock| {
            let told = trouble(&shelf.folder, &unlock.file)?;
            Some(format!("the form {} unlocks {}: {told}", form.id, unlock.file))
        }));
    }
    out
}

/// What is wrong with a file in the folder of resources, in words; `None` when it can be handed out.
pub fn trouble(folder: &std::path::Path, file: &ResourceName) -> Option<String> {
    match open_plain(&folder.join(file.as_str())) {
        Ok(_) => None,
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            Some(format!("what lies at {} is no plain file", folder.join(file.as_str()).display()))
        }
        Err(error) => Some(format!("{} cannot be read: {error}", folder.join(file.as_str()).display())),
    }
}

/// Looks at a link that others take at the same moment, at most.
const TRIES: u32 = 8;

fn life(app: &App) -> Duration {
    app.resources.get().map_or(LINK_LIFE, |shelf| shelf.link_life)
}

fn offer(app: &App, located: &Located, unlock: &Unlock, until: Timestamp, first: bool) -> Result<Offer, ServiceError> {
    let token = app.vault.make_link(located, &unlock.file, until, first)?;
    let Unlock { file, title, lang } = unlock.clone();
    Ok(Offer { file, title, lang, token, until })
}

async fn located(app: &Arc<App>, record: RecordId) -> Result<Located, ServiceError> {
    let vault = Arc::clone(&app.vault);
    Ok(blocking(move || vault.locate(&record)).await??)
}

/// The file of this name that the form of a submission unlocks now.
fn unlocked(app: &App, located: &Located, file: &str) -> Result<(Arc<Form>, Unlock), ServiceError> {
    let form = app.forms().get(&located.summary.form).cloned().ok_or(ServiceError::NotFound)?;
    let unlock = form.unlock(file).cloned().ok_or(ServiceError::NotFound)?;
    Ok((form, unlock))
}

/// What a link leads to. Without a claim it is the download that this page has just made.
async fn by_link(
    app: &Arc<App>,
    token: &str,
    page: Option<Handle>,
) -> Result<(Arc<Form>, Unlock, Option<Claim>), ServiceError> {
    let (worker, token) = (Arc::clone(app), SensitiveString::from(token));
    blocking(move || {
        let (located, link) = worker.vault.locate_by_link(token.expose())?;
        let form = worker.forms().get(&located.summary.form).cloned().ok_or(ServiceError::NotFound)?;
        let now = worker.clock.now();
        for unlock in &form.unlocks {
            match worker.vault.claim_by_link(&located, &link, &unlock.file, &unlock.title, page, now)? {
                Worth::Nothing => {}
                Worth::Spent => return Err(ServiceError::LinkSpent),
                Worth::SameDownload => return Ok((Arc::clone(&form), unlock.clone(), None)),
                Worth::Good(claim) => return Ok((Arc::clone(&form), unlock.clone(), Some(claim))),
            }
        }
        Err(ServiceError::NotFound)
    })
    .await?
}

async fn hand_out(
    app: &Arc<App>,
    request: RequestId,
    form: &Form,
    unlock: &Unlock,
    claim: Claim,
) -> Result<Attachment, ServiceError> {
    // Opened first: a file that is not there uses nothing up.
    let attachment = prepare(app, form, unlock).await?;
    app.vault.record_download(act(request)?, claim).await.map_err(|error| match error {
        VaultError::TooLarge => {
            let message = "This was downloaded so often that no more is written down. Please write to us.";
            ServiceError::Invalid(vec![Problem::overall("too-many-downloads", message)])
        }
        other => other.into(),
    })?;
    statistics::count_download(app, &form.id, &unlock.file);
    Ok(attachment)
}

/// Opens a file that was, or is about to be, written down as downloaded.
async fn prepare(app: &App, form: &Form, unlock: &Unlock) -> Result<Attachment, ServiceError> {
    let (file, size) = open(app, unlock, form).await?;
    let open = Arc::new(file);
    let judged = Arc::clone(&open);
    let kind = blocking(move || if size <= LARGEST_JUDGED { judge(&*judged, size) } else { Ok(None) }).await?;
    let kind = kind.map_err(|error| missing(&unlock.file, &error))?;
    let media_type = kind.map_or("application/octet-stream", FileKind::media_type);
    Ok(Attachment { file: unlock.file.clone(), media_type, size, open, sent: 0 })
}

async fn open(app: &App, unlock: &Unlock, form: &Form) -> Result<(File, u64), ServiceError> {
    let Some(shelf) = app.resources.get() else {
        tracing::error!(form = %form.id, "a form unlocks files, and there is no folder of resources");
        return Err(ServiceError::FileMissing);
    };
    let path = shelf.folder.join(unlock.file.as_str());
    blocking(move || open_plain(&path)).await?.map_err(|error| missing(&unlock.file, &error))
}

fn missing(file: &ResourceName, error: &io::Error) -> ServiceError {
    tracing::error!(%file, %error, "a file that a form unlocks cannot be handed out");
    ServiceError::FileMissing
}

fn act(request: RequestId) -> Result<Act, ServiceError> {
    let ctx = Context { actor: Actor::Subject, request, purpose: None };
    ctx.act(Action::DownloadResource, &Resource::Own)
}
