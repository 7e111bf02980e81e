//! Standard output.

use std::io::Write;

use serde::Serialize;
use serde_json::Value;

use super::outcome::{CliError, Code, Outcome};
use super::terminal::clean;

/// Writes a line.
pub(super) fn line(text: &str) -> Outcome {
    writeln!(std::io::stdout(), "{text}").map_err(closed)
}

/// Writes a value as JSON over several lines.
pub(super) fn json(value: &impl Serialize) -> Outcome {
    let text = serde_json::to_string_pretty(value).map_err(|e| CliError::failed(e.to_string()))?;
    line(&text)
}

/// Writes a value as JSON on one line.
pub(super) fn json_line(value: &impl Serialize) -> Outcome {
    let text = serde_json::to_string(value).map_err(|e| CliError::failed(e.to_string()))?;
    line(&text)
}

/// Writes rows in columns as wide as their widest cell. The cells are cleaned.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> Outcome {
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| clean(cell)).collect()).collect();
    let width = |i: usize| {
        let cells = rows.iter().map(|row| row.get(i).map_or(0, |cell| cell.chars().count()));
        cells.chain([head[i].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let print = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        line(padded.join("  ").trim_end())
    };
    print(&mut head.iter().copied())?;
    rows.iter().try_for_each(|row| print(&mut row.iter().map(String::as_str)))
}

/// A text inside a JSON object, cleaned; empty when it is not there.
pub(super) fn text(value: &Value, name: &str) -> String {
    match &value[name] {
        Value::Null => String::new(),
        Value::String(text) => clean(text),
        other => other.to_string(),
    }
}

/// Whoever read the output has had enough (`| head`), or it cannot be written: either way there is no more to say.
pub(super) fn closed(e: std::io::Error) -> CliError {
    let message = match e.kind() {
        std::io::ErrorKind::BrokenPipe => String::new(),
        _ => format!("cannot write to standard output: {e}"),
    };
    CliError { code: Code::Failed, message }
}
