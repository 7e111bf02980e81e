//! The process that takes files apart: this program, started once more.
//!
//! First it limits itself and starts anew under these limits, so that its allocator knows them from the beginning; then it locks
//! itself in ([`cage`]), says so, reads one file from standard input, says what is to be seen of it, and ends. It is started with
//! no environment and leaves every inherited descriptor behind but the three that it speaks by.

mod cage;
mod markup;
mod pdf;
mod rtf;
mod text;
#[cfg(debug_assertions)]
mod trial;

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use super::frames::Word;
use super::{Barrier, Bounds, Failure, LARGEST};
use crate::domain::file::FileKind;

/// The hidden command.
const COMMAND: &str = "preview-worker";
/// Followed by this once the limits hold.
const LIMITED: &str = "limited";

/// What the worker is started with.
pub(super) fn arguments(bounds: &Bounds) -> [String; 4] {
    let numbers = [bounds.memory_mib, bounds.seconds, u64::from(bounds.pages)].map(|number| number.to_string());
    let [memory, seconds, pages] = numbers;
    [COMMAND.to_owned(), memory, seconds, pages]
}

/// What goes before the file: its kind and its length.
pub(super) fn head(kind: FileKind, len: u64) -> [u8; 9] {
    let mut out = [0; 9];
    out[0] = letter(kind);
    out[1..].copy_from_slice(&len.to_le_bytes());
    out
}

const fn letter(kind: FileKind) -> u8 {
    match kind {
        FileKind::Pdf => b'p',
        FileKind::Docx => b'd',
        FileKind::Odt => b'o',
        FileKind::Rtf => b'r',
        FileKind::Txt => b't',
    }
}

/// What this process was asked to do, when it is to be a worker.
pub fn asked() -> Option<Vec<OsString>> {
    let mut args = std::env::args_os().skip(1);
    (args.next()? == COMMAND).then(|| args.collect())
}

/// Is the worker.
pub fn main(args: &[OsString]) -> ExitCode {
    // Nobody reads what it would say, and nothing of the file shall be in it.
    std::panic::set_hook(Box::new(|_| {}));
    let mut out = std::io::stdout().lock();
    match run(args, &mut out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(barrier) => {
            let _ = Word::Barred(barrier).say(&mut out).and_then(|()| out.flush());
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[OsString], out: &mut impl Write) -> Result<(), Barrier> {
    let words: Option<Vec<&str>> = args.iter().map(|arg| arg.to_str()).collect();
    let words = words.ok_or(Barrier::Start)?;
    match words.as_slice() {
        [LIMITED, rest @ ..] => {
            let (bounds, trial) = parse(rest)?;
            work(&bounds, trial, out)
        }
        rest => {
            let (bounds, trial) = parse(rest)?;
            if !trial.contains(&"without-limits") {
                cage::limit(&bounds)?;
            }
            // What is marked so is gone with the start below.
            close_fds::CloseFdsBuilder::new().cloexecfrom(3);
            let failed = Command::new("/proc/self/exe").args([COMMAND, LIMITED]).args(rest).env_clear().exec();
            tracing::debug!(%failed, "the worker does not start");
            Err(Barrier::Start)
        }
    }
}

/// Memory, seconds and pages; and, in a build for tests, what is to be tried.
fn parse<'a>(words: &'a [&'a str]) -> Result<(Bounds, &'a [&'a str]), Barrier> {
    let [memory, seconds, pages, trial @ ..] = words else { return Err(Barrier::Start) };
    if !cfg!(debug_assertions) && !trial.is_empty() {
        return Err(Barrier::Start);
    }
    let number = |text: &str| text.parse::<u64>().map_err(|_| Barrier::Start);
    let (memory_mib, seconds) = (number(memory)?, number(seconds)?);
    let pages = u32::try_from(number(pages)?).map_err(|_| Barrier::Start)?;
    Ok((Bounds { seconds, memory_mib, pages, at_once: 1 }, trial))
}

fn work(bounds: &Bounds, trial: &[&str], out: &mut impl Write) -> Result<(), Barrier> {
    cage::lock_in(bounds, |part| !trial.contains(&part))?;
    #[cfg(debug_assertions)]
    if let Some(act) = trial.iter().find(|word| !word.starts_with("without-")) {
        trial::perform(act, out);
        return Ok(());
    }
    // From here on nobody is told of more than that it ended: what fails is the pipe.
    let _ = converse(bounds.pages, out);
    Ok(())
}

fn converse(pages: u32, out: &mut impl Write) -> std::io::Result<()> {
    Word::Ready.say(out)?;
    out.flush()?;
    let mut stdin = std::io::stdin().lock();
    let mut head = [0; 9];
    stdin.read_exact(&mut head)?;
    let len = u64::from_le_bytes(head[1..].try_into().unwrap_or_default());
    let kind = FileKind::ALL.into_iter().find(|kind| letter(*kind) == head[0]);
    let mut content = Vec::new();
    if len <= LARGEST {
        content.reserve_exact(len as usize);
        (&mut stdin).take(len).read_to_end(&mut content)?;
    }
    let mut said = Ok(());
    let outcome = match kind.filter(|_| content.len() as u64 == len) {
        None => Err(Failure::TooLarge),
        Some(kind) => preview(kind, content, pages, &mut |word| {
            said = word.say(out).and_then(|()| out.flush());
            said.is_ok()
        }),
    };
    said?;
    if let Err(failure) = outcome {
        Word::Failed(failure).say(out)?;
    }
    Word::End.say(out)?;
    out.flush()
}

/// Takes a file apart, and says what is to be seen, until there is no more or `say` does not want more. Only the worker calls this,
/// and the fuzz targets.
///
/// # Errors
/// Why there is nothing, or nothing more.
pub fn preview(
    kind: FileKind,
    content: Vec<u8>,
    pages: u32,
    say: &mut dyn FnMut(Word<'_>) -> bool,
) -> Result<(), Failure> {
    let text = match kind {
        FileKind::Pdf => return pdf::pages(content, pages, say),
        FileKind::Docx => markup::docx(&content)?,
        FileKind::Odt => markup::odt(&content)?,
        FileKind::Rtf => rtf::text(&content)?,
        FileKind::Txt => text::plain(&content),
    };
    say(Word::Text(text.as_str(), text.is_cut()));
    Ok(())
}
