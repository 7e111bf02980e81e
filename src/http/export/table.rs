//! Submissions as rows: the same columns for CSV and XLSX.

use csv::{Terminator, WriterBuilder};
use serde_json::{Map, Value};

use crate::domain::export::harmless;
use crate::domain::submission::FieldValue;
use crate::domain::work::Label;
use crate::services::export::Run;
use crate::services::review::Submission;
use crate::services::{App, ServiceError, work};

/// What every row begins with; no field of a form can be called like these.
const OWN: [&str; 10] = [
    "_id",
    "_subject",
    "_received",
    "_status",
    "_assignee",
    "_labels",
    "_form_version",
    "_files",
    "_messages",
    "_consents",
];
/// Answers that an earlier version of the form asked for, as JSON.
const FORMER: &str = "_former";

/// What stands in a cell.
pub(super) enum Cell {
    /// Text, whatever it looks like.
    Text(String),
    /// A number, of digits, perhaps with a sign and a point.
    Number(String),
}

/// The columns, settled when the download begins. An answer that is masked by then has none.
pub(super) struct Table {
    fields: Vec<String>,
}

impl Table {
    pub(super) fn of(run: &Run) -> Self {
        Self { fields: run.shown_fields() }
    }

    /// The names of the columns.
    pub(super) fn head(&self) -> Vec<Cell> {
        let names = OWN.into_iter().map(str::to_owned).chain(self.fields.iter().cloned());
        names.chain([FORMER.to_owned()]).map(Cell::Text).collect()
    }

    /// A submission.
    pub(super) fn row(&self, app: &App, submission: &Submission) -> Vec<Cell> {
        let (summary, content) = (&submission.summary, &submission.content);
        let labels: Vec<&str> = summary.work.labels.iter().map(Label::expose).collect();
        let files: Vec<&str> = content.files.iter().map(|file| file.name.expose()).collect();
        let consents: Vec<String> =
            content.consents.iter().map(|(name, consent)| format!("{name}: {}", yes(consent.given))).collect();
        let received = match serde_json::to_value(content.received) {
            Ok(Value::String(text)) => text,
            _ => String::new(),
        };
        let own = [
            Cell::Text(summary.id.to_string()),
            Cell::Text(summary.subject.to_string()),
            Cell::Text(received),
            Cell::Text(summary.status.to_string()),
            Cell::Text(summary.work.assignee.as_ref().map(|whose| work::name_of(app, whose)).unwrap_or_default()),
            Cell::Text(labels.join("; ")),
            Cell::Number(content.form_version.to_string()),
            Cell::Text(files.join("; ")),
            Cell::Number(submission.messages.len().to_string()),
            Cell::Text(consents.join("; ")),
        ];
        let fields = self.fields.iter().map(|name| content.fields.get(name).map_or_else(empty, cell));
        let former = content.fields.iter().filter(|(name, _)| !self.fields.contains(name));
        let former: Map<String, Value> = former.map(|(name, value)| (name.clone(), value.to_json())).collect();
        let former = if former.is_empty() { empty() } else { Cell::Text(Value::Object(former).to_string()) };
        own.into_iter().chain(fields).chain([former]).collect()
    }
}

/// A row of CSV: RFC 4180, and no cell that a program for spreadsheets would run.
pub(super) fn csv(cells: &[Cell]) -> Result<Vec<u8>, ServiceError> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).buffer_capacity(512).from_writer(Vec::new());
    for cell in cells {
        match cell {
            Cell::Number(number) => writer.write_field(number),
            Cell::Text(text) => writer.write_field(harmless(text).as_bytes()),
        }
        .map_err(|_| ServiceError::Internal)?;
    }
    writer.write_record(None::<&[u8]>).map_err(|_| ServiceError::Internal)?;
    writer.into_inner().map_err(|_| ServiceError::Internal)
}

fn empty() -> Cell {
    Cell::Text(String::new())
}

const fn yes(given: bool) -> &'static str {
    if given { "yes" } else { "no" }
}

fn cell(value: &FieldValue) -> Cell {
    match value {
        FieldValue::Text(text) => Cell::Text(text.expose().to_owned()),
        FieldValue::Bool(ticked) => Cell::Text(yes(*ticked).to_owned()),
        FieldValue::Number(number) => Cell::Number(number.to_string()),
        FieldValue::Many(picked) => Cell::Text(picked.iter().map(|text| text.expose()).collect::<Vec<_>>().join("; ")),
        FieldValue::Address(address) => {
            let parts = address.parts();
            let said: Vec<&str> = parts.iter().map(|(_, text)| text.expose()).filter(|text| !text.is_empty()).collect();
            Cell::Text(said.join(", "))
        }
    }
}
