//! `letterlock subject`.

use serde_json::json;

use super::args::{FindArgs, SubjectCommand};
use super::erasing;
use super::input;
use super::outcome::{CliError, Code, Outcome};
use super::output::{self, text};
use super::session::{Session, announce};
use super::terminal::say;
use crate::control::Command;

pub(super) async fn subject(session: &mut Session, command: SubjectCommand) -> Outcome {
    match command {
        SubjectCommand::Find(args) => find(session, args).await,
        SubjectCommand::Erase(args) => erasing::people(session, args).await,
    }
}

async fn find(session: &mut Session, args: FindArgs) -> Outcome {
    announce(args.acting.role, args.acting.purpose.as_deref());
    let email = input::address()?;
    let (items, _) =
        session.collect(Command::SubjectFind { role: args.acting.role, purpose: args.acting.purpose, email }).await?;
    if args.json {
        return output::json(&json!({ "items": items, "next": null }));
    }
    if items.is_empty() {
        say("nobody is held under this address, as far as this role may see");
        return Err(CliError { code: Code::NotFound, message: String::new() });
    }
    for person in &items {
        output::line(&format!("Person  {}", text(person, "subject")))?;
        let submissions = person["submissions"].as_array().map(Vec::as_slice).unwrap_or_default();
        let row = |s| ["id", "received", "form", "status"].iter().map(|name| text(s, name)).collect();
        output::table(&["ID", "RECEIVED", "FORM", "STATUS"], &submissions.iter().map(row).collect::<Vec<_>>())?;
    }
    Ok(())
}
