//! `letterlock record`.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::{Value, json};

use super::args::{ListArgs, MarkArgs, RecordCommand, SearchArgs, ShowArgs};
use super::outcome::{CliError, Outcome};
use super::output::{self, text};
use super::session::{Session, announce};
use super::status::size;
use super::terminal::{clean, clean_lines, say};
use super::{erasing, input, progress};
use crate::control::{Command, Reply};

pub(super) async fn record(session: &mut Session, command: RecordCommand) -> Outcome {
    match command {
        RecordCommand::List(args) => list(session, args).await,
        RecordCommand::Search(args) => search(session, args).await,
        RecordCommand::Show(ShowArgs { id, acting, file: Some(n), out: Some(out), .. }) => {
            announce(acting.role, acting.purpose.as_deref());
            let command = Command::RecordFile { role: acting.role, purpose: acting.purpose, id, n };
            save(session, command, &out).await
        }
        RecordCommand::Show(args) => show(session, args).await,
        RecordCommand::Mark(MarkArgs { id, status, acting }) => {
            announce(acting.role, acting.purpose.as_deref());
            let marked = session
                .run(Command::RecordMark { role: acting.role, purpose: acting.purpose, id, status }, |_| Ok(()))
                .await?;
            output::line(&format!("{}  {}", text(&marked, "id"), text(&marked, "status")))
        }
        RecordCommand::Erase(args) => erasing::record(session, args).await,
    }
}

async fn list(session: &mut Session, args: ListArgs) -> Outcome {
    let ListArgs { acting, form, status, after, limit, json } = args;
    let summary = if acting.purpose.is_some() { "SUMMARY" } else { "" };
    announce(acting.role, acting.purpose.as_deref());
    let command =
        Command::RecordList { role: acting.role, purpose: acting.purpose, form, status, after, limit: Some(limit) };
    let (items, done) = session.collect(command).await?;
    if json {
        return output::json(&json!({ "items": items, "next": done["next"] }));
    }
    let row = |item: &Value| {
        let fields = item["fields"].as_object();
        let shown = fields.map(|f| f.values().map(plain).collect::<Vec<_>>().join(" | ")).unwrap_or_default();
        ["id", "received", "form", "status"].iter().map(|name| text(item, name)).chain([shown]).collect()
    };
    let rows: Vec<Vec<String>> = items.iter().map(row).collect();
    output::table(&["ID", "RECEIVED", "FORM", "STATUS", summary], &rows)?;
    if let Some(next) = done["next"].as_str() {
        say(&format!("more: --after {}", clean(next)));
    }
    Ok(())
}

async fn search(session: &mut Session, args: SearchArgs) -> Outcome {
    let SearchArgs { acting, form, status, from, until, after, limit, json } = args;
    announce(acting.role, acting.purpose.as_deref());
    let words = input::words()?;
    let (from, until) = (from.map(|day| day.to_string()), until.map(|day| day.to_string()));
    let (role, purpose) = (acting.role, acting.purpose);
    let command = Command::RecordSearch { role, purpose, words, form, status, from, until, after, limit: Some(limit) };
    let bar = progress::Bar::new("Searching");
    let mut items = Vec::new();
    let done = session.run(command, |reply| {
        bar.show(&reply);
        if let Reply::Item { value } = reply {
            items.push(value);
        }
        Ok(())
    });
    let done = done.await?;
    drop(bar);
    if json {
        return output::json(&json!({ "items": items, "next": done["next"], "looked": done["looked"] }));
    }
    let row = |item: &Value| {
        let shown = item["fields"].as_object().map(|f| f.values().map(plain).collect::<Vec<_>>().join(" | "));
        let mut places: Vec<&str> =
            item["matched"]["fields"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        places.extend(["files", "messages"].into_iter().filter(|place| item["matched"][place] == true));
        let last = [places.join(", "), shown.unwrap_or_default()];
        ["id", "received", "form", "status"].iter().map(|name| text(item, name)).chain(last).collect()
    };
    let rows: Vec<Vec<String>> = items.iter().map(row).collect();
    output::table(&["ID", "RECEIVED", "FORM", "STATUS", "FOUND IN", "SUMMARY"], &rows)?;
    say(&format!("{} found in {} submissions", items.len(), done["looked"]));
    if let Some(next) = done["next"].as_str() {
        say(&format!("more: --after {}", clean(next)));
    }
    Ok(())
}

async fn show(session: &mut Session, args: ShowArgs) -> Outcome {
    announce(args.acting.role, args.acting.purpose.as_deref());
    let command = Command::RecordShow { role: args.acting.role, purpose: args.acting.purpose, id: args.id };
    let submission = session.run(command, |_| Ok(())).await?;
    if args.json {
        return output::json(&submission);
    }
    for (what, name) in [
        ("Submission", "id"),
        ("Person", "subject"),
        ("Form", "form"),
        ("Status", "status"),
        ("Received", "received"),
        ("Region", "region"),
    ] {
        output::line(&format!("{what:<12}{}", text(&submission, name)))?;
    }
    if !submission["server_key"].is_null() {
        output::line(&format!("{:<12}{}", "Server key", text(&submission, "server_key")))?;
    }
    section("Fields", &submission["fields"], plain)?;
    section("Consents", &submission["consents"], |given| {
        if *given == true { "given".to_owned() } else { "not given".to_owned() }
    })?;
    let files = submission["files"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !files.is_empty() {
        output::line("\nFiles (save one with --file N --out PATH)")?;
    }
    for file in files {
        let bytes = size(file["size"].as_u64().unwrap_or(0));
        let scan = match file["scan"].as_str() {
            Some("unscanned") => "  not scanned for viruses",
            Some("held") => "  held until it is scanned for viruses",
            Some("infected") => "  infected: cannot be saved",
            Some("unscannable") => "  the virus scanner never managed to look at it: cannot be saved",
            Some("tolerated") => "  not scanned for viruses: the scanner never managed to",
            _ => "",
        };
        output::line(&format!("  {}  {}  {}  {bytes}{scan}", text(file, "n"), text(file, "name"), text(file, "kind")))?;
    }
    masked(&submission)?;
    let downloads = submission["downloads"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !downloads.is_empty() {
        output::line("\nDownloads")?;
    }
    for one in downloads {
        output::line(&format!("  {}  {}  {}", text(one, "at"), text(one, "file"), text(one, "title")))?;
    }
    let notes = submission["notes"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !notes.is_empty() {
        output::line("\nNotes among colleagues, not for the person")?;
    }
    for one in notes {
        output::line(&format!("  {}  {}", text(one, "at"), clean_lines(&plain(&one["text"]), 4)))?;
    }
    Ok(())
}

/// What the role is not shown, by what the form asks and not by what was sent.
fn masked(submission: &Value) -> Outcome {
    let names = submission["masked"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut names: Vec<String> = names.iter().filter_map(Value::as_str).map(clean).collect();
    if submission["former_masked"] == true {
        names.push("what an earlier version of the form asked".to_owned());
    }
    if names.is_empty() { Ok(()) } else { output::line(&format!("\nNot shown to this role\n  {}", names.join(", "))) }
}

fn section(title: &str, values: &Value, show: impl Fn(&Value) -> String) -> Outcome {
    let Some(values) = values.as_object().filter(|values| !values.is_empty()) else { return Ok(()) };
    output::line(&format!("\n{title}"))?;
    for (name, value) in values {
        output::line(&format!("  {:<14}{}", clean(name), clean_lines(&show(value), 16)))?;
    }
    Ok(())
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}

async fn save(session: &mut Session, command: Command, out: &Path) -> Outcome {
    let mut target = Target::create(out)?;
    let bar = progress::Bar::new("Saving");
    let (mut info, mut written) = (Value::Null, 0);
    session
        .run(command, |reply| {
            match reply {
                Reply::Item { value } => info = value,
                Reply::Chunk { data } => {
                    target.write(&data)?;
                    written += data.len() as u64;
                    bar.show(&Reply::Progress { done: written, total: info["size"].as_u64().unwrap_or(0) });
                }
                _ => {}
            }
            Ok(())
        })
        .await?;
    if info["size"].as_u64() != Some(written) {
        return Err(CliError::failed("the file is not complete; nothing was saved"));
    }
    target.keep()?;
    drop(bar);
    say(&format!("{} ({}, {}) saved to {}", text(&info, "name"), text(&info, "kind"), size(written), out.display()));
    Ok(())
}

/// A new file for the owner only. Unless it is kept, it goes again: half a file helps nobody.
struct Target<'a> {
    path: &'a Path,
    file: File,
    keep: bool,
}

impl<'a> Target<'a> {
    fn create(path: &'a Path) -> Outcome<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(|e| match e.kind() {
            std::io::ErrorKind::AlreadyExists => {
                CliError::usage(format!("{} exists; it is not overwritten", path.display()))
            }
            _ => CliError::usage(format!("cannot make {}: {e}", path.display())),
        })?;
        Ok(Self { path, file, keep: false })
    }

    fn write(&mut self, data: &[u8]) -> Outcome {
        self.file.write_all(data).map_err(|e| self.failed(&e))
    }

    fn keep(&mut self) -> Outcome {
        self.file.sync_all().map_err(|e| self.failed(&e))?;
        self.keep = true;
        Ok(())
    }

    fn failed(&self, e: &std::io::Error) -> CliError {
        CliError::failed(format!("cannot write {}: {e}", self.path.display()))
    }
}

impl Drop for Target<'_> {
    fn drop(&mut self) {
        if !self.keep {
            let _ = std::fs::remove_file(self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn saving_is_private_and_overwrites_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cv.pdf");
        {
            let mut target = Target::create(&path).unwrap();
            target.write(b"half").unwrap();
        }
        assert!(!path.exists());
        {
            let mut target = Target::create(&path).unwrap();
            target.write(b"whole").unwrap();
            target.keep().unwrap();
        }
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(Target::create(&path).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
    }
}
