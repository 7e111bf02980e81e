//! `letterlock erasure verify`: needs no vault, no configuration, no network.

use std::path::Path;

use super::args::CertificateArgs;
use super::input;
use super::outcome::{CliError, Outcome};

pub(super) fn verify(args: &CertificateArgs) -> Outcome {
    let _certificate = input::file(&args.certificate)?;
    let _key = key(&args.key)?;
    todo!("waits for services::erase::verify_certificate")
}

/// The key as 64 hexadecimal digits, given as such or by a file.
fn key(text: &str) -> Outcome<String> {
    let is_key = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if is_key(text) {
        return Ok(text.to_ascii_lowercase());
    }
    let path = Path::new(text);
    if path.is_file() {
        let inside = input::file(path)?;
        if is_key(inside.trim()) {
            return Ok(inside.trim().to_ascii_lowercase());
        }
    }
    Err(CliError::usage("--key: expected 64 hexadecimal digits, or a file that holds them"))
}
