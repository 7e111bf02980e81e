//! `letterlock audit`.

use std::path::Path;

use serde_json::{Value, json};

use super::args::{AuditProveArgs, AuditVerifyArgs, Json, TailArgs};
use super::input;
use super::outcome::{CliError, Code, Outcome};
use super::output::{self, text};
use super::progress::Bar;
use super::session::Session;
use super::terminal::{clean, say};
use crate::control::{Command, Reply};
use crate::services::audit::{Found, Head, heads_in};

pub(super) async fn verify(session: &mut Session, args: &AuditVerifyArgs) -> Outcome {
    let known = args.head.as_deref().map(heads).transpose()?.unwrap_or_default();
    let against = known.len();
    let (problems, done) = check(session, Command::AuditVerify { known }, "Verifying").await?;
    if args.json {
        output::json(&json!({ "entries": done["entries"], "problems": problems, "head": done["head"] }))?;
    } else {
        let told = match (problems.len(), against) {
            (0, 1) => "nothing wrong, and it continues the head given".to_owned(),
            (0, many @ 2..) => format!("nothing wrong, and it continues all {many} heads given"),
            (0, _) => "nothing wrong; check against a head kept elsewhere with --head".to_owned(),
            (n, _) => format!("{n} found wrong:"),
        };
        output::line(&format!("{} entries read: {told}", text(&done, "entries")))?;
        problems.iter().try_for_each(|problem| output::line(&format!("  {}", clean(problem))))?;
    }
    verdict(&problems)
}

pub(super) async fn prove(session: &mut Session, args: &AuditProveArgs) -> Outcome {
    if let Some(path) = &args.since {
        let known = match <[Head; 1]>::try_from(heads(path)?) {
            Ok([known]) => known,
            Err(many) => {
                let message = format!("{}: {} heads; a proof begins with one of them", path.display(), many.len());
                return Err(CliError::usage(message));
            }
        };
        let (problems, proof) = check(session, Command::AuditContinues { known }, "Proving").await?;
        problems.iter().for_each(|problem| say(&clean(problem)));
        if problems.is_empty() && args.json {
            return output::json(&proof);
        }
        if problems.is_empty() {
            let (first, second) = (text(&proof["first"], "size"), text(&proof["second"], "size"));
            output::line(&format!("The trail of {second} entries continues the head given, of {first}."))?;
            told(&proof)?;
        }
        return verdict(&problems);
    }
    let number = args.entry.ok_or_else(|| CliError::usage("name an entry, or --since a head"))?;
    let proof = session.run(Command::AuditProve { number, size: args.size }, |_| Ok(())).await?;
    if args.json {
        return output::json(&proof);
    }
    let entry = &proof["entry"];
    let size = text(&proof["head"], "size");
    output::line(&format!("Entry {number} is in the trail of {size} entries:"))?;
    for (what, value) in [
        ("Time", text(entry, "time")),
        ("Actor", text(entry, "actor")),
        ("Action", text(entry, "action")),
        ("Detail", clean(&plain(&entry["detail"]))),
        ("People", clean(&people(&entry["subjects"]))),
        ("Root hash", text(&proof["head"], "root")),
    ] {
        output::line(&format!("  {what:<11}{value}"))?;
    }
    told(&proof)
}

fn told(proof: &Value) -> Outcome {
    let hashes = proof["path"].as_array().map_or(0, Vec::len);
    say(&format!("the proof itself, {hashes} hashes long, comes with --json"));
    Ok(())
}

/// The heads in a file.
fn heads(path: &Path) -> Outcome<Vec<Head>> {
    let of = path.display();
    let Found { heads, unreadable } = heads_in(&input::file(path)?);
    for line in unreadable {
        say(&format!("{of}, line {line}: the head there was cut or changed, and is passed over"));
    }
    if heads.is_empty() {
        return Err(CliError::usage(format!("{of}: not a head as `audit head --json` prints it, nor lines with any")));
    }
    Ok(heads)
}

pub(super) async fn head(session: &mut Session, args: &Json) -> Outcome {
    let head = session.run(Command::AuditHead, |_| Ok(())).await?;
    if args.json {
        return output::json(&head);
    }
    for (what, name) in [
        ("Vault", "vault"),
        ("Entries", "size"),
        ("Root hash", "root"),
        ("Signed", "time"),
        ("Public key", "public_key"),
        ("Signature", "signature"),
    ] {
        output::line(&format!("{what:<12}{}", text(&head, name)))?;
    }
    say("keep it where nobody with access to this vault can change it: letterlock audit head --json > head.json");
    Ok(())
}

pub(super) async fn tail(session: &mut Session, args: &TailArgs) -> Outcome {
    let command = Command::AuditTail { after: args.after.clone(), limit: Some(args.limit) };
    let (entries, done) = session.collect(command).await?;
    if args.json {
        return output::json(&json!({ "items": entries, "next": done["next"] }));
    }
    if let Some(next) = done["next"].as_str() {
        say(&format!("earlier ones: --after {}", clean(next)));
    }
    // The latest entry comes last, next to the prompt.
    let row = |entry: &Value| {
        let mut row: Vec<_> = ["seq", "time", "actor", "action"].iter().map(|n| text(entry, n)).collect();
        row.extend([plain(&entry["detail"]), people(&entry["subjects"])]);
        row
    };
    let rows: Vec<_> = entries.iter().rev().map(row).collect();
    output::table(&["SEQ", "TIME", "ACTOR", "ACTION", "DETAIL", "PEOPLE"], &rows)
}

pub(super) async fn transfers(session: &mut Session, args: &TailArgs) -> Outcome {
    let command = Command::Transfers { after: args.after.clone(), limit: Some(args.limit) };
    let (lines, done) = session.collect(command).await?;
    if args.json {
        return output::json(&json!({ "items": lines, "next": done["next"] }));
    }
    if let Some(next) = done["next"].as_str() {
        say(&format!("earlier ones: --after {}", clean(next)));
    }
    let row = |line: &Value, one: &Value| {
        let purposes = line["purposes"].as_array().map(Vec::as_slice).unwrap_or_default();
        let purposes = purposes.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",");
        let mut row: Vec<_> = ["time", "actor", "action"].iter().map(|name| text(line, name)).collect();
        row.push(purposes);
        row.extend(["records", "stored", "reader", "safeguard"].iter().map(|name| text(one, name)));
        row
    };
    let of = |line: &Value| line["transfers"].as_array().cloned().unwrap_or_default();
    let rows: Vec<_> =
        lines.iter().rev().flat_map(|line| of(line).iter().map(|one| row(line, one)).collect::<Vec<_>>()).collect();
    output::table(&["TIME", "ACTOR", "ACTION", "FOR", "HOW MANY", "KEPT IN", "READ FROM", "SAFEGUARD"], &rows)
}

/// The values of a detail, each after its name.
fn plain(detail: &Value) -> String {
    match detail {
        Value::Object(values) => {
            values.iter().map(|(name, value)| format!("{name} {}", plain(value))).collect::<Vec<_>>().join(", ")
        }
        Value::String(text) if text == "none" => String::new(),
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Whom an entry is about; of many, how many.
fn people(subjects: &Value) -> String {
    let subjects = subjects.as_array().map(Vec::as_slice).unwrap_or_default();
    let one = |subject: &Value| {
        if subject["erased"] == true {
            return "(erased)".to_owned();
        }
        let parts = ["subject", "submission", "file", "status", "purpose"].map(|name| text(subject, name));
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    };
    match subjects {
        [] => String::new(),
        [subject] => one(subject),
        // Read in one go, they share their purpose.
        many => format!("{} people {}", many.len(), text(&many[0], "purpose")).trim_end().to_owned(),
    }
}

/// Runs a command that checks, with a progress bar. Returns its problems and its result.
pub(super) async fn check(
    session: &mut Session,
    command: Command,
    doing: &'static str,
) -> Outcome<(Vec<String>, Value)> {
    let (bar, mut problems) = (Bar::new(doing), Vec::new());
    let done = session.run(command, |reply| {
        bar.show(&reply);
        if let Reply::Item { value: Value::String(problem) } = reply {
            problems.push(problem);
        }
        Ok(())
    });
    let done = done.await?;
    Ok((problems, done))
}

/// Exit code 1 when something is wrong; it has been said already.
pub(super) fn verdict(problems: &[String]) -> Outcome {
    if problems.is_empty() { Ok(()) } else { Err(CliError { code: Code::Failed, message: String::new() }) }
}
