//! An export on its way out: made while it is read, and cut where it cannot go on, so that nobody takes a part for the whole.

mod archive;
mod sheet;
mod table;

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use serde_json::json;

use super::api::download::Cut;
use super::api::submissions::exported;
use super::headers::{CSP_SANDBOX, attachment};
use crate::base::ids::RecordId;
use crate::domain::export::{Format, entry_name};
use crate::services::export::{ExportFile, Item, Run};
use crate::services::review::Download;
use crate::services::{App, ServiceError};
use archive::Archive;
use sheet::Sheet;
use table::Table;

/// The answer that hands an export out.
pub(super) fn answer(app: &Arc<App>, run: Run) -> Response {
    let format = run.format();
    let day = run.begun().day().map(|day| day.to_string()).unwrap_or_default();
    let name = format!("{}-{day}.{}", run.form().id, format.as_str());
    let mut response = Response::new(Body::from_stream(pieces(Out::new(app, run))));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(header::CONTENT_DISPOSITION, attachment(&name));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP_SANDBOX));
    response
}

/// Asked for one after the other, as the reader takes them: dropped, everything behind it ends.
fn pieces(out: Out) -> impl futures_util::Stream<Item = Result<Bytes, Cut>> {
    futures_util::stream::try_unfold(out, |mut out| async move {
        match out.next().await {
            Ok(Some(piece)) => Ok(Some((Bytes::from(piece), out))),
            Ok(None) => Ok(None),
            Err(error) => {
                tracing::warn!(%error, request = %out.run.id(), "an export was cut off");
                Err(Cut)
            }
        }
    })
}

struct Out {
    app: Arc<App>,
    run: Run,
    writer: Option<Writer>,
    /// Files of the submission that was handed out last.
    files: VecDeque<ExportFile>,
    of: Option<RecordId>,
    /// The file that is being handed out.
    current: Option<Download>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begin,
    Going,
    Over,
}

enum Writer {
    Csv(Table),
    Xlsx(Table, Sheet),
    /// Whether something came before.
    Json(bool),
    Zip(Archive),
}

impl Out {
    fn new(app: &Arc<App>, run: Run) -> Self {
        let writer = match run.format() {
            Format::Csv => Writer::Csv(Table::of(&run)),
            Format::Xlsx => Writer::Xlsx(Table::of(&run), Sheet::default()),
            Format::Json => Writer::Json(false),
            Format::Zip => Writer::Zip(Archive::default()),
        };
        let (app, writer) = (Arc::clone(app), Some(writer));
        Self { app, run, writer, files: VecDeque::new(), of: None, current: None, stage: Stage::Begin }
    }

    /// The next piece; `None` when the reader has taken the last.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, ServiceError> {
        loop {
            let piece = match self.stage {
                Stage::Begin => {
                    self.stage = Stage::Going;
                    self.begin()?
                }
                Stage::Going => self.go_on().await?,
                Stage::Over => {
                    self.run.complete();
                    return Ok(None);
                }
            };
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }

    fn begin(&mut self) -> Result<Vec<u8>, ServiceError> {
        match self.writer.as_mut().ok_or(ServiceError::Internal)? {
            Writer::Csv(table) => table::csv(&table.head()),
            Writer::Xlsx(table, sheet) => sheet.begin().and_then(|()| sheet.row(&table.head())).map_err(internal),
            Writer::Json(_) => {
                let about = json!({
                    "id": self.run.id(), "form": self.run.form().id, "purpose": self.run.purpose(),
                    "made": self.run.begun(), "count": self.run.count(),
                });
                Ok(format!("{{\"export\":{about},\"items\":[").into_bytes())
            }
            Writer::Zip(_) => Ok(Vec::new()),
        }
    }

    async fn go_on(&mut self) -> Result<Vec<u8>, ServiceError> {
        if self.current.is_some() || !self.files.is_empty() {
            self.run.check_still()?;
        }
        if let Some(mut download) = self.current.take() {
            if let Some(piece) = download.next().await? {
                self.current = Some(download);
                return self.archive()?.write(&piece).map_err(internal);
            }
            return Ok(Vec::new());
        }
        if let Some(file) = self.files.pop_front() {
            let (n, of) = (file.n, self.of.ok_or(ServiceError::Internal)?);
            // Its person may have been erased since.
            if let Some(download) = file.open().await? {
                let name = entry_name(&of, n, download.info.name.expose());
                let begun = self.archive()?.begin(&name).map_err(internal)?;
                self.current = Some(download);
                return Ok(begun);
            }
            return Ok(Vec::new());
        }
        match self.run.next().await? {
            Some(item) => self.item(item),
            None => {
                self.stage = Stage::Over;
                match self.writer.take().ok_or(ServiceError::Internal)? {
                    Writer::Csv(_) => Ok(Vec::new()),
                    Writer::Xlsx(_, sheet) => sheet.end().map_err(internal),
                    Writer::Json(_) => Ok(b"]}\n".to_vec()),
                    Writer::Zip(archive) => archive.end().map_err(internal),
                }
            }
        }
    }

    fn item(&mut self, item: Item) -> Result<Vec<u8>, ServiceError> {
        let Item { submission, files } = item;
        match self.writer.as_mut().ok_or(ServiceError::Internal)? {
            Writer::Csv(table) => table::csv(&table.row(&self.app, &submission)),
            Writer::Xlsx(table, sheet) => sheet.row(&table.row(&self.app, &submission)).map_err(internal),
            Writer::Json(has_some) => {
                let before = if std::mem::replace(has_some, true) { ",\n" } else { "\n" };
                Ok(format!("{before}{}", exported(&self.app, &submission)).into_bytes())
            }
            Writer::Zip(archive) => {
                let id = submission.summary.id;
                let document = exported(&self.app, &submission).to_string();
                let mut out = archive.begin(&format!("{id}/submission.json")).map_err(internal)?;
                out.extend(archive.write(document.as_bytes()).map_err(internal)?);
                (self.files, self.of) = (files, Some(id));
                Ok(out)
            }
        }
    }

    fn archive(&mut self) -> Result<&mut Archive, ServiceError> {
        match &mut self.writer {
            Some(Writer::Zip(archive)) => Ok(archive),
            _ => Err(ServiceError::Internal),
        }
    }
}

/// Writing goes to memory: what fails there is ours.
fn internal(_: archive::Failed) -> ServiceError {
    ServiceError::Internal
}
