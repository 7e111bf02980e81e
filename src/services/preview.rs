//! Previews of files, which are readings of them: same leave, same purpose, same entry in the trail before anything is opened.
//!
//! The page of a preview is that one reading. Its pictures are made with it and wait in memory, for two minutes, for the session
//! that opened it, under a name that only the page knows; each of them is handed out only while the account may still open that
//! file for that purpose. An erasure takes them away before it is acknowledged, and so does the time. So there is one entry for
//! each preview, and nothing was ever seen without.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{App, Context, ServiceError, blocking, review};
use crate::adapters::preview::{self as adapter, LARGEST, Preview, Previewer};
use crate::base::ids::{Handle, RecordId};
use crate::base::sensitive::{SecretBytes, SensitiveString};
use crate::domain::submission::FileInfo;
use crate::vault::{FileReader, Held, VaultError};

pub use crate::adapters::preview::{Barrier, Bounds, Failure};

/// How long the pictures of a page wait to be fetched.
const WAITING: Duration = Duration::from_secs(120);
/// Bytes of pictures that wait at a time, all sessions together; the oldest give way.
const MOST_WAITING: usize = 96 << 20;

/// What makes previews, and what waits to be fetched.
#[derive(Default)]
pub(super) struct Previews {
    previewer: OnceLock<Arc<Previewer>>,
    /// Why none can be made, as the last one who tried found out.
    barrier: Mutex<Option<Barrier>>,
    waiting: Mutex<HashMap<Handle, Waiting>>,
}

/// The pictures of one page.
struct Waiting {
    session: Handle,
    record: RecordId,
    file: u32,
    pictures: Arc<Held>,
    since: Instant,
}

impl Previews {
    fn waiting(&self) -> MutexGuard<'_, HashMap<Handle, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn barrier(&self) -> MutexGuard<'_, Option<Barrier>> {
        self.barrier.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a preview shows.
#[derive(Debug)]
pub struct Shown {
    /// Name, kind and size, when the file was opened.
    pub info: Option<FileInfo>,
    /// What is to be seen.
    pub sight: Sight,
}

/// What is to be seen of a file.
#[derive(Debug)]
pub enum Sight {
    /// Pages, whose pictures wait under this name.
    Pages {
        /// Names the pictures, to the session that asked.
        ticket: Handle,
        /// Pages that can be seen, from the first on.
        shown: usize,
        /// Pages that there are.
        total: u32,
        /// Making them was not finished.
        broke_off: bool,
    },
    /// Its words.
    Text {
        /// The words.
        text: SensitiveString,
        /// There are more.
        is_cut: bool,
    },
    /// Nothing, for this reason.
    Nothing(Why),
}

/// Why there is nothing to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Previews are switched off.
    Off,
    /// The machine cannot lock the process in that would make them.
    Barred(Barrier),
    /// As many are being made as may be.
    Busy,
    /// Of files of this kind there are none.
    Kind,
    /// The file could not be taken apart.
    Failed(Failure),
}

/// How previews are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PreviewHealth {
    /// Whether they are switched on.
    pub on: bool,
    /// Why none can be made although they are.
    pub problem: Option<String>,
}

impl App {
    /// Says what makes previews; without, there are none. Only the first one counts.
    pub fn set_previewer(&self, previewer: Previewer) {
        let _ = self.previews.previewer.set(Arc::new(previewer));
    }
}

/// How many pages' pictures wait to be fetched.
pub fn waiting(app: &App) -> usize {
    app.previews.waiting().values().filter(|one| one.pictures.size() > 0).count()
}

/// Whether there are previews in this installation.
pub fn is_on(app: &App) -> bool {
    app.previews.previewer.get().is_some()
}

/// Whether files of this media type have one.
pub fn is_known(media_type: &str) -> bool {
    adapter::kind_of(media_type).is_some()
}

/// Tries whether previews can be made. Returns how they are.
pub async fn probe(app: &Arc<App>) -> PreviewHealth {
    if let Some(previewer) = app.previews.previewer.get().cloned()
        && let Ok(found) = blocking(move || previewer.probe()).await
    {
        *app.previews.barrier() = found.err();
    }
    health(app)
}

/// How previews are, as of the last one.
pub fn health(app: &App) -> PreviewHealth {
    let on = app.previews.previewer.get().is_some();
    PreviewHealth { on, problem: app.previews.barrier().map(|barrier| barrier.to_string()) }
}

/// Makes the preview of file `n` of a submission, once the audit entry is durable. `session` alone can fetch its pictures.
///
/// # Errors
/// As [`review::show`]; a file that cannot be shown is none.
pub async fn open(
    app: &Arc<App>,
    ctx: &Context,
    session: Handle,
    id: RecordId,
    n: u32,
    purpose: Option<&str>,
) -> Result<Shown, ServiceError> {
    let nothing = |why| Ok(Shown { info: None, sight: Sight::Nothing(why) });
    // What cannot be shown is not opened; and whoever may not know of it is told so first.
    review::may_open_file(app, ctx, id, n, purpose).await?;
    let Some(previewer) = app.previews.previewer.get().cloned() else { return nothing(Why::Off) };
    let Some(place) = previewer.place().await else { return nothing(Why::Busy) };
    // What could not be locked in last time may be by now; it is tried without a file first.
    let known = *app.previews.barrier();
    if known.is_some() {
        probe(app).await;
        let still = *app.previews.barrier();
        if let Some(barrier) = still {
            return nothing(Why::Barred(barrier));
        }
    }

    let (reader, located) = review::open_file(app, ctx, id, n, purpose).await?;
    let mut info = reader.info().clone();
    info.n = n;
    let shown = |sight| Ok(Shown { info: Some(info.clone()), sight });
    let Some(kind) = adapter::kind_of(&info.kind) else { return shown(Sight::Nothing(Why::Kind)) };
    if info.size > LARGEST {
        return shown(Sight::Nothing(Why::Failed(Failure::TooLarge)));
    }
    let vault = Arc::clone(&app.vault);
    let made = blocking(move || {
        let _place = place;
        let content = read(reader)?;
        let is_there = || vault.hold(&located, Vec::new()).map(drop);
        let made = previewer.make_while(kind, content, &|| is_there().is_ok());
        // A last look whether an erasure came meanwhile.
        is_there()?;
        Ok::<_, VaultError>(match made {
            Ok(Preview::Text { text, is_cut }) => Made::Text(text, is_cut),
            Ok(Preview::Pages { pictures, total, broke_off }) => {
                let shown = pictures.len();
                Made::Pages { pictures: vault.hold(&located, pictures)?, shown, total, broke_off }
            }
            Err(failure) => Made::Nothing(failure),
        })
    })
    .await??;
    *app.previews.barrier() = match made {
        Made::Nothing(Failure::Barred(barrier)) => Some(barrier),
        _ => None,
    };
    // Making it took seconds: what let the reader in may have ended.
    review::may_open_file(app, ctx, id, n, purpose).await?;
    match made {
        Made::Text(text, is_cut) => shown(Sight::Text { text, is_cut }),
        Made::Pages { pictures, shown: count, total, broke_off } => {
            let ticket = keep(app, Waiting { session, record: id, file: n, pictures, since: Instant::now() })?;
            shown(Sight::Pages { ticket, shown: count, total, broke_off })
        }
        Made::Nothing(Failure::Barred(barrier)) => shown(Sight::Nothing(Why::Barred(barrier))),
        Made::Nothing(failure) => shown(Sight::Nothing(Why::Failed(failure))),
    }
}

/// A picture of page `page`, counted from 1, of a preview that this session has opened. The entry in the trail is that of the preview.
///
/// # Errors
/// [`ServiceError::NotFound`] when it does not wait, or not for this session, or is no longer to be seen by this account.
pub async fn picture(
    app: &Arc<App>,
    ctx: &Context,
    session: Handle,
    (id, n, page): (RecordId, u32, u32),
    ticket: Handle,
    purpose: Option<&str>,
) -> Result<SecretBytes, ServiceError> {
    review::may_open_file(app, ctx, id, n, purpose).await?;
    let pictures = {
        let waiting = app.previews.waiting();
        let found = waiting
            .get(&ticket)
            .filter(|one| (one.session, one.record, one.file) == (session, id, n) && one.since.elapsed() < WAITING);
        found.map(|one| Arc::clone(&one.pictures)).ok_or(ServiceError::NotFound)?
    };
    let at = (page as usize).checked_sub(1).ok_or(ServiceError::NotFound)?;
    pictures.piece(at).ok_or(ServiceError::NotFound)
}

/// What came of it.
enum Made {
    Text(SensitiveString, bool),
    Pages { pictures: Arc<Held>, shown: usize, total: u32, broke_off: bool },
    Nothing(Failure),
}

fn read(mut reader: FileReader) -> Result<Vec<SecretBytes>, VaultError> {
    let mut content = Vec::new();
    while let Some(piece) = reader.next_segment()? {
        content.push(piece);
    }
    Ok(content)
}

/// Keeps pictures until they are fetched or their time is over.
fn keep(app: &Arc<App>, pictures: Waiting) -> Result<Handle, ServiceError> {
    let ticket = Handle::make_random(&*app.entropy).map_err(|_| ServiceError::Unavailable)?;
    {
        let mut waiting = app.previews.waiting();
        // One page a session and file: who opens it again has let go of the former.
        waiting.retain(|_, one| {
            let same = (one.session, one.record, one.file) == (pictures.session, pictures.record, pictures.file);
            !same && one.since.elapsed() < WAITING && one.pictures.size() > 0
        });
        let mut size: usize = waiting.values().map(|one| one.pictures.size()).sum::<usize>() + pictures.pictures.size();
        while size > MOST_WAITING
            && let Some((oldest, of)) =
                waiting.iter().min_by_key(|(_, one)| one.since).map(|(t, one)| (*t, one.pictures.size()))
        {
            waiting.remove(&oldest);
            size -= of;
        }
        waiting.insert(ticket, pictures);
    }
    let app = Arc::downgrade(app);
    tokio::spawn(async move {
        tokio::time::sleep(WAITING).await;
        if let Some(app) = app.upgrade() {
            app.previews.waiting().remove(&ticket);
        }
    });
    Ok(ticket)
}
