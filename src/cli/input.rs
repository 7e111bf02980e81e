//! What a person types or pipes in.

use std::io::{BufRead, IsTerminal, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::outcome::{CliError, Outcome};
use super::terminal;
use crate::base::sensitive::SensitiveString;

/// Longest line taken as an address or as words, in bytes; a mail address has at most 254 characters, and 200 are looked for.
const MAX_LINE: u64 = 1_024;

/// Largest file taken, in bytes: a list of some hundred thousand ids, or a certificate.
const MAX_FILE: u64 = 16 << 20;

/// One e-mail address: asked for without echo at a terminal, otherwise the first line of standard input.
pub(super) fn address() -> Outcome<SensitiveString> {
    let address = line("E-mail address (not shown): ", "the address")?;
    if address.expose().is_empty() {
        return Err(CliError::usage("give the address on standard input, one line"));
    }
    Ok(address)
}

/// Words to look for, as [`address`]; may be empty.
pub(super) fn words() -> Outcome<SensitiveString> {
    line("Words to look for (not shown): ", "the words")
}

fn line(prompt: &str, what: &str) -> Outcome<SensitiveString> {
    let unreadable = |e: std::io::Error| CliError::usage(format!("cannot read {what}: {e}"));
    let mut line = Zeroizing::new(String::new());
    if std::io::stdin().is_terminal() {
        *line = rpassword::prompt_password(prompt).map_err(unreadable)?;
    } else {
        std::io::stdin().lock().take(MAX_LINE).read_line(&mut line).map_err(unreadable)?;
    }
    Ok(line.trim().into())
}

/// The text of a small file; `-` is standard input.
pub(super) fn file(path: &Path) -> Outcome<String> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(MAX_FILE + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_string(&mut text))
    };
    match read {
        Ok(length) if length as u64 <= MAX_FILE => Ok(text),
        Ok(_) => Err(CliError::usage(format!("{}: larger than {MAX_FILE} bytes", path.display()))),
        Err(e) => Err(CliError::usage(format!("cannot read {}: {e}", path.display()))),
    }
}

/// Asks before something that cannot be undone, if there is anybody to ask.
pub(super) fn confirm(what: &str, yes: bool) -> Outcome {
    if yes || !std::io::stdin().is_terminal() {
        return Ok(());
    }
    terminal::say(&format!("{what}. This cannot be undone. Type yes to go on:"));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(|e| CliError::usage(e.to_string()))?;
    if answer.trim() == "yes" { Ok(()) } else { Err(CliError::usage("nothing was done")) }
}
