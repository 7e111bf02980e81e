//! The text of an erasure certificate, as somebody may have edited it before a regulator checks it.

use letterlock::crypto::Key;
use letterlock::crypto::sign::Signer;
use letterlock::vault::Certificate;

use super::{Seam, pick};

/// What is read is written and read alike; what verifies is exactly what this key signs for that statement; a changed
/// statement, signature or key does not verify.
pub fn check(data: &[u8], seam: Seam) {
    let Some(certificate) = parse(data) else { return };
    let text = serde_json::to_vec(&certificate).unwrap();
    let read = parse(&text).expect("what was written is read");
    let mut again = serde_json::to_vec(&read).unwrap();
    (seam.written)(&mut again);
    assert_eq!((&read, &again), (&certificate, &text));

    let public = signer().public();
    let signed = Certificate::sign(certificate.statement.clone(), &signer());
    assert_eq!(signed.verify(&public), Ok(()));
    if certificate.verify(&public).is_ok() {
        assert_eq!(certificate, signed, "two certificates of one statement verify");
    }

    let mut changed = signed;
    let digit = |text: &mut String| {
        let at = pick(data, text.len());
        let other = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
        text.replace_range(at..=at, other);
    };
    match pick(data, 7) {
        0 => changed.statement.version ^= 1,
        1 => changed.statement.keyrings ^= 1,
        2 => changed.statement.epoch_after ^= 1,
        3 => changed.statement.recovery_epoch = changed.statement.recovery_epoch.map_or(Some(1), |_| None),
        4 => changed.statement.records.push(letterlock::base::ids::RecordId::from_bytes([1; 16])),
        5 => digit(&mut changed.signature),
        _ => digit(&mut changed.public_key),
    }
    assert!((seam.refused)(changed.verify(&public).is_err()), "a certificate verifies that was changed");
}

/// Whether it is a certificate, signed or not.
pub fn understood(data: &[u8]) -> bool {
    parse(data).is_some()
}

/// The key that signed the seeds; the one of `src/vault/vectors/certificate.json`.
pub fn signer() -> Signer {
    Signer::new(&Key::from_bytes([9; 32]))
}

fn parse(data: &[u8]) -> Option<Certificate> {
    serde_json::from_str(std::str::from_utf8(data).ok()?).ok()
}
