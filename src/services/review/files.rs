//! Files of submissions: who may open one, and how it is read.

use std::sync::Arc;

use bytes::Bytes;

use super::shown::true_number;
use super::{Named, check_holds, form_of, grant_by, is_lent, locate, need_purpose};
use crate::base::ids::RecordId;
use crate::base::sensitive::SecretBytes;
use crate::domain::submission::FileInfo;
use crate::policy::{Action, Permit};
use crate::services::approvals::Reading;
use crate::services::guests;
use crate::services::{App, Context, ServiceError, blocking, reading, scan};
use crate::vault::{FileReader, Located};

/// A file on its way out.
pub struct Download {
    /// Name, kind, size.
    pub info: FileInfo,
    reader: Option<FileReader>,
    /// It goes on while this holds.
    lease: Option<Lease>,
}

/// What a reading hangs on that may end in its midst.
enum Lease {
    /// The pass of a guest.
    Pass(guests::Lease),
    /// What two people agreed on.
    Legal(Reading),
}

impl Lease {
    fn holds(&self) -> bool {
        match self {
            Self::Pass(pass) => pass.holds(),
            Self::Legal(legal) => legal.holds(),
        }
    }
}

impl Download {
    pub(in crate::services) fn of(reader: FileReader) -> Self {
        Self { info: reader.info().clone(), reader: Some(reader), lease: None }
    }

    /// The next piece, at most 64 KiB; `None` at the end.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when the person was erased, or a guest's pass or what two people agreed on ended meanwhile (the stream is cut), [`ServiceError::Damaged`] for a changed file.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ServiceError> {
        if self.lease.as_ref().is_some_and(|lease| !lease.holds()) {
            return Err(ServiceError::NotFound);
        }
        let mut reader = self.reader.take().ok_or(ServiceError::Internal)?;
        // What the disk need not be waited for is opened here: a change of threads for each piece costs more, and memory
        // that one thread allocates and another frees.
        if let Some(piece) = reader.next_segment_now()? {
            self.reader = Some(reader);
            return Ok(piece.map(to_bytes));
        }
        let (reader, piece) = blocking(move || {
            let piece = reader.next_segment();
            (reader, piece)
        })
        .await?;
        self.reader = Some(reader);
        Ok(piece?.map(to_bytes))
    }
}

/// Hands the opened bytes over as they are. The allocator wipes them when the connection is done with them.
fn to_bytes(mut piece: SecretBytes) -> Bytes {
    Bytes::from(std::mem::take(&mut *piece))
}

/// Opens file `n` of a submission, once the audit entry is durable.
///
/// # Errors
/// As [`super::show`].
pub async fn file(
    app: &Arc<App>,
    ctx: &Context,
    id: RecordId,
    n: u32,
    purpose: Option<&str>,
) -> Result<Download, ServiceError> {
    let (reader, _, lease) = open_wanted(app, ctx, id, n, purpose).await?;
    let mut download = Download { lease, ..Download::of(reader) };
    download.info.n = n;
    Ok(download)
}

/// As [`file()`], for whoever reads it here.
pub(in crate::services) async fn open_file(
    app: &Arc<App>,
    ctx: &Context,
    id: RecordId,
    n: u32,
    purpose: Option<&str>,
) -> Result<(FileReader, Located), ServiceError> {
    open_wanted(app, ctx, id, n, purpose).await.map(|(reader, located, _)| (reader, located))
}

async fn open_wanted(
    app: &Arc<App>,
    ctx: &Context,
    id: RecordId,
    n: u32,
    purpose: Option<&str>,
) -> Result<(FileReader, Located, Option<Lease>), ServiceError> {
    let wanted = want_file(app, ctx, id, n, purpose).await?;
    reading::open(app, ctx, &[id]).await?;
    let Wanted { located, permit, named: Named { purpose, legal }, number } = wanted;
    let pass = is_lent(&permit).then(|| guests::Lease::new(app, &ctx.actor, &located.summary));
    let act = ctx.act_on(permit)?;
    let grant = match &legal {
        Some(legal) => grant_by(app, act, &located, Some(number), legal).await?,
        None => {
            let mut grants = app.vault.grant(act, std::slice::from_ref(&located), &purpose, Some(number)).await?;
            grants.pop().ok_or(ServiceError::Internal)?
        }
    };
    // What ended while that was written down opens nothing.
    if pass.as_ref().is_some_and(|pass| !pass.holds()) {
        return Err(ServiceError::NotFound);
    }
    check_holds(ctx, &*form_of(app, &located)?, legal.as_ref())?;
    let lease = pass.map(Lease::Pass).or(legal.map(Lease::Legal));
    let vault = Arc::clone(&app.vault);
    blocking(move || Ok((vault.open_file(grant, &located)?, located, lease))).await?
}

/// Whether the actor may open a file for a purpose, as of now. Opens nothing, and leaves nothing in the trail.
pub(in crate::services) async fn may_open_file(
    app: &Arc<App>,
    ctx: &Context,
    id: RecordId,
    n: u32,
    purpose: Option<&str>,
) -> Result<(), ServiceError> {
    want_file(app, ctx, id, n, purpose).await.map(drop)
}

/// A file that may be opened.
struct Wanted {
    located: Located,
    permit: Permit,
    named: Named,
    /// Its number in truth.
    number: u32,
}

async fn want_file(
    app: &Arc<App>,
    ctx: &Context,
    id: RecordId,
    n: u32,
    purpose: Option<&str>,
) -> Result<Wanted, ServiceError> {
    let (located, permit) = locate(app, ctx, id, Action::ReadFile).await?;
    let lent = is_lent(&permit);
    let named = need_purpose(app, ctx, &located, purpose, lent)?;
    let (number, located) = true_number(app, ctx, located, &named.purpose, lent, n).await?;
    scan::check_open(&located, number)?;
    Ok(Wanted { located, permit, named, number })
}
