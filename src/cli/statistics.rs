//! `letterlock statistics`.

use serde_json::Value;

use super::args::Json;
use super::outcome::Outcome;
use super::output::{self, text};
use super::session::Session;
use crate::control::{Command, Reply};

pub(super) async fn statistics(session: &mut Session, args: &Json) -> Outcome {
    let mut lines: Vec<Value> = Vec::new();
    session
        .run(Command::Statistics, |reply| {
            if let Reply::Item { value } = reply {
                lines.push(value);
            }
            Ok(())
        })
        .await?;
    if args.json {
        return output::json(&lines);
    }
    let cells = |line: &Value| {
        ["day", "form", "browser", "views", "submissions"].into_iter().map(|name| text(line, name)).collect()
    };
    let (downloads, visits): (Vec<&Value>, Vec<&Value>) = lines.iter().partition(|line| line["file"].is_string());
    let rows: Vec<Vec<String>> = visits.into_iter().map(cells).collect();
    output::table(&["DAY", "FORM", "BROWSER", "SHOWN", "SENT"], &rows)?;
    if downloads.is_empty() {
        return Ok(());
    }
    let cells = |line: &Value| ["day", "form", "file", "downloads"].into_iter().map(|name| text(line, name)).collect();
    let rows: Vec<Vec<String>> = downloads.into_iter().map(cells).collect();
    output::line("")?;
    output::table(&["DAY", "FORM", "FILE", "DOWNLOADS"], &rows)
}
