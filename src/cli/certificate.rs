//! `letterlock erasure verify`: needs no vault, no configuration, no network.

use std::path::Path;

use data_encoding::HEXLOWER_PERMISSIVE;
use serde_json::Value;

use super::args::CertificateArgs;
use super::input;
use super::outcome::{CliError, Outcome};
use super::output::{self, text};
use crate::vault::certificate::Certificate;

pub(super) fn verify(args: &CertificateArgs) -> Outcome {
    let key = key(&args.key)?;
    let file = args.certificate.display();
    let certificate: Certificate = serde_json::from_str(&input::file(&args.certificate)?)
        .map_err(|_| CliError::failed(format!("{file}: not a certificate of erasure")))?;
    certificate.verify(&key).map_err(|_| {
        CliError::failed(format!("{file}: NOT VALID; it was changed after signing, or signed by another vault's key"))
    })?;
    let statement = serde_json::to_value(&certificate.statement).map_err(|e| CliError::failed(e.to_string()))?;
    if args.json {
        return output::json(&serde_json::json!({ "valid": true, "statement": statement }));
    }
    output::line(&format!("{file}: valid"))?;
    let count = |name: &str| statement[name].as_array().map_or(0, Vec::len).to_string();
    for (what, value) in [
        ("Erased", text(&statement, "kind")),
        ("Person", text(&statement, "subject")),
        ("When", text(&statement, "erased_at")),
        ("By role", text(&statement, "role")),
        ("Records", count("records")),
        ("Files", count("files")),
        ("Epoch", format!("{} -> {}", text(&statement, "epoch_before"), text(&statement, "epoch_after"))),
        ("Recovery slot", recovery(&statement)),
        ("State", text(&statement, "state")),
        ("Vault", text(&statement, "vault")),
    ] {
        output::line(&format!("  {what:<15}{value}"))?;
    }
    Ok(())
}

fn recovery(statement: &Value) -> String {
    match &statement["recovery_epoch"] {
        Value::Null => "could not be reached".to_owned(),
        epoch => format!("holds epoch {epoch}"),
    }
}

/// The key, given as 64 hexadecimal digits or by a file that holds them.
fn key(text: &str) -> Outcome<[u8; 32]> {
    let parse = |text: &str| HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok()?.try_into().ok();
    if let Some(key) = parse(text) {
        return Ok(key);
    }
    let path = Path::new(text);
    let inside = if path.is_file() { input::file(path)? } else { String::new() };
    parse(&inside).ok_or_else(|| CliError::usage("--key: expected 64 hexadecimal digits, or a file that holds them"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_as_text_and_as_file() {
        let hex = "0Aff".repeat(16);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        std::fs::write(&file, format!("{hex}\n")).unwrap();
        assert_eq!(key(&hex).unwrap(), key(file.to_str().unwrap()).unwrap());
        for bad in ["", "00", &hex[2..], "nowhere", &"zz".repeat(32)] {
            assert!(key(bad).is_err(), "{bad}");
        }
    }
}
