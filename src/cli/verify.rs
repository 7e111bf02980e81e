//! `letterlock verify`.

use serde_json::json;

use super::args::Json;
use super::audit::{check, verdict};
use super::outcome::Outcome;
use super::output::{self, text};
use super::session::Session;
use super::terminal::clean;
use crate::control::Command;

pub(super) async fn verify(session: &mut Session, args: &Json) -> Outcome {
    let (problems, mut done) = check(session, Command::Verify, "Verifying").await?;
    if args.json {
        done["problems"] = json!(problems);
        output::json(&done)?;
        return verdict(&problems);
    }
    for (what, name) in [
        ("Key pages opened", "pages"),
        ("People found", "people"),
        ("Records opened", "records"),
        ("Files read", "files"),
        ("Audit entries", "audit_entries"),
    ] {
        output::line(&format!("{what:<18}{}", text(&done, name)))?;
    }
    match problems.len() {
        0 => output::line("Nothing wrong.")?,
        n => output::line(&format!("{n} found wrong:"))?,
    }
    problems.iter().try_for_each(|problem| output::line(&format!("  {}", clean(problem))))?;
    verdict(&problems)
}
