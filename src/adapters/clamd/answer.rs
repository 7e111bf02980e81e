//! What clamd says, read. Whoever is at the other end of the socket is not trusted: what cannot be read means nothing.

use jiff::fmt::strtime;

/// Longest answer, in bytes, without its end.
pub(super) const LONGEST: usize = 1024;
/// Longest name or reason that is repeated, in characters.
const LONGEST_TOLD: usize = 100;

/// What the scanner found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Clean,
    /// Something, by this name: letters, digits and a few signs, for the log.
    Infected(String),
}

/// Why there is no verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nobody answers at the address.
    #[error("the scanner cannot be reached")]
    Away,
    /// It took longer than a file may wait.
    #[error("the scanner took too long")]
    Slow,
    /// The file is larger than it takes (its `StreamMaxLength`).
    #[error("the file is larger than the scanner takes")]
    TooLarge,
    /// It broke off, or said what cannot be understood.
    #[error("the scanner broke off, or its answer cannot be read")]
    Broken,
    /// It could not scan; in its own words, cleaned.
    #[error("the scanner says: {0}")]
    Said(String),
}

/// What the daemon says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The engine, for example `ClamAV 1.4.6`.
    pub engine: String,
    /// The number of its signatures and the day they are of; `None` without the official ones.
    pub signatures: Option<(u64, jiff::civil::Date)>,
}

/// Reads the answer to a stream: `stream: OK`, `stream: NAME FOUND` or `… ERROR`, and nothing else.
///
/// # Errors
/// [`Failure::TooLarge`], [`Failure::Said`], [`Failure::Broken`].
pub fn verdict(line: &[u8]) -> Result<Verdict, Failure> {
    let text = readable(line)?;
    if let Some(reason) = text.strip_suffix(" ERROR") {
        let too_large = reason.contains("size limit exceeded");
        return Err(if too_large { Failure::TooLarge } else { Failure::Said(told(reason)) });
    }
    match text.strip_prefix("stream: ").ok_or(Failure::Broken)? {
        "OK" => Ok(Verdict::Clean),
        rest => match rest.strip_suffix(" FOUND") {
            Some(name) if !name.trim().is_empty() => Ok(Verdict::Infected(told(name))),
            _ => Err(Failure::Broken),
        },
    }
}

/// Reads the answer to `VERSION`: `ClamAV 1.4.6/27830/Tue Nov 25 09:31:01 2026`, or only the engine.
///
/// # Errors
/// [`Failure::Broken`].
pub fn version(line: &[u8]) -> Result<Version, Failure> {
    let text = readable(line)?;
    let mut parts = text.split('/');
    let engine = parts.next().filter(|engine| engine.starts_with("ClamAV ")).ok_or(Failure::Broken)?;
    let signatures = parts.next().zip(parts.next()).and_then(|(number, date)| {
        let date = strtime::parse("%a %b %d %H:%M:%S %Y", date).ok()?.to_date().ok()?;
        Some((number.parse().ok()?, date))
    });
    Ok(Version { engine: told(engine), signatures })
}

fn readable(line: &[u8]) -> Result<&str, Failure> {
    let fits = line.len() <= LONGEST && line.iter().all(|b| matches!(b, b' '..=b'~'));
    std::str::from_utf8(line).ok().filter(|_| fits).ok_or(Failure::Broken)
}

/// Fit for a log: letters, digits and what names of signatures have; everything else is an underscore.
fn told(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || " .-_:()".contains(c) { c } else { '_' };
    text.trim().chars().take(LONGEST_TOLD).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_in_full_is_a_verdict() {
        assert_eq!(verdict(b"stream: OK"), Ok(Verdict::Clean));
        let infected = |name: &str| Ok(Verdict::Infected(name.to_owned()));
        assert_eq!(verdict(b"stream: Eicar-Test.UNOFFICIAL FOUND"), infected("Eicar-Test.UNOFFICIAL"));
        assert_eq!(verdict(b"stream: a\"<b>\\n FOUND"), infected("a__b__n"));
        assert_eq!(verdict(b"INSTREAM size limit exceeded. ERROR"), Err(Failure::TooLarge));
        assert_eq!(verdict(b"stream: no memory ERROR"), Err(Failure::Said("stream: no memory".to_owned())));
        for bad in [
            &b""[..],
            b"OK",
            b"stream: ",
            b"stream: ok",
            b"stream: OK\n",
            b"stream: OK ",
            b"stream: OKAY",
            b"stream:  FOUND",
            b"stream: FOUND",
            b"stream: OK\0stream: OK",
            b"Stream: OK",
            b"stream: \xff FOUND",
            b"stream: a\x1b[2J FOUND",
            b"UNKNOWN COMMAND",
        ] {
            assert_eq!(verdict(bad), Err(Failure::Broken), "{}", bad.escape_ascii());
        }
        let long = format!("stream: {} FOUND", "x".repeat(LONGEST));
        assert_eq!(verdict(long.as_bytes()), Err(Failure::Broken));
        assert_eq!(verdict(&long.as_bytes()[..LONGEST]), Err(Failure::Broken), "cut before its end");
    }

    #[test]
    fn versions_with_and_without_signatures() {
        let whole = version(b"ClamAV 1.4.6/27830/Wed Nov 25 09:31:01 2026").unwrap();
        assert_eq!(whole.engine, "ClamAV 1.4.6");
        assert_eq!(whole.signatures, Some((27_830, jiff::civil::date(2026, 11, 25))));
        for without in [&b"ClamAV 1.4.6"[..], b"ClamAV 1.4.6/x/y", b"ClamAV 1.4.6/1"] {
            assert_eq!(version(without).unwrap(), Version { engine: "ClamAV 1.4.6".to_owned(), signatures: None });
        }
        assert_eq!(version(b"HTTP/1.1 400 Bad Request"), Err(Failure::Broken));
    }
}
