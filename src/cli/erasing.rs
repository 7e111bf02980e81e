//! `letterlock record erase` and `letterlock subject erase`.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::Value;

use super::args::{Acting, EraseArgs, ErasureShowArgs, SubjectEraseArgs};
use super::input;
use super::outcome::{CliError, Code, Outcome};
use super::output::{self, text};
use super::progress::Bar;
use super::session::{Session, announce};
use super::terminal::say;
use crate::base::ids::PersonId;
use crate::control::{Command, Reply};

/// People erased by one command to the vault; their ids fit a frame with room to spare.
const BATCH: usize = 10_000;

pub(super) async fn record(session: &mut Session, args: EraseArgs) -> Outcome {
    announce(args.acting.role, args.acting.purpose.as_deref());
    input::confirm(&format!("This erases submission {} for good", args.id), args.yes)?;
    let command = Command::RecordErase { role: args.acting.role, purpose: args.acting.purpose, id: args.id };
    let certificate = session.run(command, |_| Ok(())).await?;
    output::json(&certificate)
}

pub(super) async fn certificate(session: &mut Session, args: ErasureShowArgs) -> Outcome {
    announce(args.acting.role, args.acting.purpose.as_deref());
    let Acting { role, purpose } = args.acting;
    let command = Command::ErasureShow { role, purpose, handle: args.handle };
    output::json(&session.run(command, |_| Ok(())).await?)
}

pub(super) async fn people(session: &mut Session, args: SubjectEraseArgs) -> Outcome {
    let ids = match &args.from {
        Some(path) => parse(&input::file(path)?)?,
        None => args.ids,
    };
    if ids.is_empty() {
        return Err(CliError::usage("there is no id to erase"));
    }
    if let Some(folder) = &args.certificates {
        std::fs::create_dir_all(folder)
            .map_err(|e| CliError::usage(format!("cannot make {}: {e}", folder.display())))?;
    }
    announce(args.acting.role, args.acting.purpose.as_deref());
    input::confirm(&format!("This erases {} {} for good", ids.len(), noun(ids.len())), args.yes)?;

    let (mut erased, mut failed) = (0, 0);
    let mut unwritten = None;
    let bar = Bar::new("Erasing");
    for batch in ids.chunks(BATCH) {
        let command =
            Command::SubjectErase { role: args.acting.role, purpose: args.acting.purpose.clone(), ids: batch.to_vec() };
        let on = |reply: Reply| {
            if let Reply::Item { value } = reply {
                if value["certificate"].is_null() {
                    failed += 1;
                    say(&format!("{}: {}", text(&value, "id"), text(&value, "error")));
                } else {
                    erased += 1;
                    // The erasure has happened: the rest of the answer is worth having even so.
                    if let Err(e) = hand_over(&value, args.certificates.as_deref()) {
                        unwritten.get_or_insert(e);
                    }
                }
                bar.show(&Reply::Progress { done: erased + failed, total: ids.len() as u64 });
            }
            Ok(())
        };
        session.run(command, on).await?;
    }
    drop(bar);
    say(&format!("{erased} erased, {failed} not"));
    match unwritten {
        Some(e) => Err(e),
        None if failed == 0 => Ok(()),
        None if ids.len() == 1 => Err(CliError { code: Code::NotFound, message: String::new() }),
        None => Err(CliError { code: Code::Failed, message: String::new() }),
    }
}

fn hand_over(item: &Value, folder: Option<&Path>) -> Outcome {
    let certificate = &item["certificate"];
    let Some(folder) = folder else { return output::json_line(certificate) };
    let path = folder.join(format!("{}.json", text(item, "id")));
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).and_then(|mut file| {
        serde_json::to_writer_pretty(&mut file, certificate)?;
        file.write_all(b"\n")
    });
    written.map_err(|e| CliError::failed(format!("cannot write {}: {e}", path.display())))
}

fn parse(text: &str) -> Outcome<Vec<PersonId>> {
    let lines = text.lines().enumerate().map(|(n, line)| (n + 1, line.trim()));
    let used = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    used.map(|(n, line)| line.parse().map_err(|e| CliError::usage(format!("line {n}: {e}; nothing was done"))))
        .collect()
}

fn noun(count: usize) -> &'static str {
    if count == 1 { "person" } else { "people" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_from_a_file() {
        let id = PersonId::from_bytes([7; 16]);
        assert_eq!(parse(&format!("# leavers\n\n  {id}  \r\n{id}\n")).unwrap(), [id, id]);
        let told = parse(&format!("{id}\nnobody\n")).unwrap_err();
        assert!(told.message.contains("line 2") && told.code == Code::Usage);
    }
}
