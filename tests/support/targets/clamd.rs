//! What a virus scanner says, or whoever else sits at its socket.

use letterlock::adapters::clamd::{Failure, Verdict, read_verdict, read_version};

use super::{Seam, pick};

/// An answer to a stream, and to the question for its version. A file is found clean by one answer only, and not by
/// anything near it; what is told of the rest is short and has no signs that a log or terminal obeys.
pub fn check(data: &[u8], seam: Seam) {
    match read_verdict(data) {
        Ok(Verdict::Clean) => {
            let mut only = b"stream: OK".to_vec();
            (seam.written)(&mut only);
            assert_eq!(only, data, "found clean by another answer");
        }
        Ok(Verdict::Infected(name)) => {
            assert!(data.starts_with(b"stream: ") && data.ends_with(b" FOUND"));
            told(&name);
            if data.len() < 100 {
                let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:()".contains(c);
                let mut again = format!("stream: {name} FOUND").into_bytes();
                let said = &data[8..data.len() - 6];
                if said.iter().all(|b| plain(char::from(*b))) {
                    (seam.written)(&mut again);
                    assert_eq!(again, data, "another name is told");
                }
            }
        }
        Err(Failure::Said(reason)) => told(&reason),
        Err(failure) => assert!(matches!(failure, Failure::TooLarge | Failure::Broken)),
    }
    near(data, seam);
    if let Ok(version) = read_version(data) {
        told(&version.engine);
        assert!(data.starts_with(b"ClamAV "));
    }
}

/// Whether it says something of a file.
pub fn understood(data: &[u8]) -> bool {
    read_verdict(data).is_ok()
}

/// Whatever is cut, longer or changed is not clean, if it was clean before.
fn near(data: &[u8], seam: Seam) {
    if read_verdict(data) != Ok(Verdict::Clean) {
        return;
    }
    let at = pick(data, data.len());
    let others = [data[..at].to_vec(), [data, &b"\0"[..]].concat(), [data, data].concat(), [&b" "[..], data].concat()];
    for other in others {
        assert!((seam.refused)(read_verdict(&other) != Ok(Verdict::Clean)), "also clean: {}", other.escape_ascii());
    }
}

fn told(text: &str) {
    assert!(text.len() <= 100, "{} characters are told", text.len());
    assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b" .-_:()".contains(&b)), "{}", text.escape_debug());
}
