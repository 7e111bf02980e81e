//! What a process writes to its files, byte for byte: the process runs under `strace`, and its log is read back.
//!
//! One log for each thread (`-ff`), so that no line is interrupted by another thread's; the times put them in order.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A piece that was written to a file.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    /// When, in nanoseconds since the Unix epoch.
    pub(crate) time: u128,
    /// The file, by the name under which it was open.
    pub(crate) path: PathBuf,
    /// Where in the file; `None` for the position that the file was at.
    pub(crate) offset: Option<u64>,
    /// What.
    pub(crate) bytes: Vec<u8>,
}

/// Calls that put bytes into files, and are understood here.
const WRITES: [&str; 4] = ["write", "pwrite64", "writev", "pwritev"];
/// Calls that put bytes into files in ways that would not be seen here. Nobody should make them on a traced file.
const BLIND: [&str; 7] = ["pwritev2", "sendfile", "copy_file_range", "splice", "vmsplice", "io_uring_setup", "mmap"];

/// `command` under strace, its log at `log` with a suffix for each thread.
pub(crate) fn traced(log: &Path, command: &Path) -> Command {
    let calls = [WRITES.as_slice(), BLIND.as_slice()].concat().join(",");
    let mut traced = Command::new("strace");
    traced.args(["-f", "-ff", "--seccomp-bpf", "-qq", "-xx", "-y", "-s", "100000000"]);
    traced.arg("--absolute-timestamps=format:unix,precision:ns").args(["-e", &format!("trace={calls}")]);
    traced.args(["-e", "signal=none"]).arg("-o").arg(log).arg("--").arg(command);
    traced
}

/// Every piece that was written to a file below `folder`, in order, from the logs beside `log`.
///
/// # Panics
/// When a file below `folder` was written in a way that is not seen here, or there is no log.
pub(crate) fn writes(log: &Path, folder: &Path) -> Vec<Write> {
    let prefix = format!("{}.", log.file_name().expect("a file name").to_string_lossy());
    let mut out = Vec::new();
    let mut logs = 0;
    for entry in std::fs::read_dir(log.parent().expect("a folder")).expect("the folder of the log") {
        let entry = entry.expect("an entry");
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            logs += 1;
            let text = std::fs::read(entry.path()).expect("a log");
            out.extend(text.split(|&b| b == b'\n').filter_map(|line| parse(line, folder)));
        }
    }
    assert!(logs > 0, "strace left no log at {}", log.display());
    out.sort_by_key(|write| write.time);
    out
}

/// One line of a log: `1700000000.000000001 write(3<\x2f…>, "\x61…", 2) = 2`.
fn parse(line: &[u8], folder: &Path) -> Option<Write> {
    let (time, rest) = split_at(line, b' ')?;
    let (call, arguments) = split_at(rest, b'(')?;
    let call = std::str::from_utf8(call).ok()?;
    let paths = arguments.split(|&b| b == b'<').skip(1).filter_map(|rest| Some(split_at(rest, b'>')?.0));
    let mut paths = paths.map(|path| PathBuf::from(OsString::from_vec(unescape(path))));
    if BLIND.contains(&call) {
        let has = |word: &[u8]| arguments.windows(word.len()).any(|window| window == word);
        let harmless = call == "mmap" && !(has(b"MAP_SHARED") && has(b"PROT_WRITE"));
        assert!(harmless || paths.all(|path| !path.starts_with(folder)), "written by {call}, unseen");
        return None;
    }
    let path = paths.next()?;
    if !path.starts_with(folder) {
        return None;
    }
    let strange = || -> ! { panic!("a line that is not understood: {}", String::from_utf8_lossy(line)) };
    if !WRITES.contains(&call) {
        strange();
    }
    let Some(result) = line.windows(2).rposition(|w| w == b"= ").map(|at| &line[at + 2..]) else { strange() };
    // An error, with its name behind it, wrote nothing. A process killed in the middle of a call has a `?` instead.
    let result = std::str::from_utf8(result).unwrap_or_default().split(' ').next().unwrap_or_default();
    let written = match (result, result.parse::<i64>()) {
        ("?", _) => usize::MAX,
        (_, Ok(number)) => usize::try_from(number).ok()?,
        _ => strange(),
    };
    let mut bytes = Vec::new();
    for piece in arguments.split(|&b| b == b'"').skip(1).step_by(2) {
        bytes.extend(unescape(piece));
    }
    bytes.truncate(written);
    let offset = call.starts_with('p').then(|| {
        let before = &line[..line.windows(3).rposition(|w| w == b" = ").expect("it was found above")];
        let last = before.rsplit(|&b| b == b' ').find(|word| word.first().is_some_and(u8::is_ascii_digit));
        let digits: String = last.expect("an offset").iter().map(|&b| char::from(b)).collect();
        digits.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().expect("an offset")
    });
    let (seconds, nanos) = std::str::from_utf8(time).ok()?.split_once('.')?;
    let time = seconds.parse::<u128>().ok()? * 1_000_000_000 + nanos.parse::<u128>().ok()?;
    Some(Write { time, path, offset, bytes })
}

fn split_at(line: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let position = line.iter().position(|&b| b == at)?;
    Some((&line[..position], &line[position + 1..]))
}

/// `\x61\x62` → `ab`.
fn unescape(text: &[u8]) -> Vec<u8> {
    // Stores write long stretches of zeros, which are quickly told.
    const STRETCH: usize = 1024;
    let zeros = br"\x00".repeat(STRETCH);
    let mut out = Vec::with_capacity(text.len() / 4);
    for stretch in text.chunks(4 * STRETCH) {
        if stretch == zeros {
            out.resize(out.len() + STRETCH, 0);
        } else {
            out.extend(unescape_each(stretch));
        }
    }
    out
}

fn unescape_each(text: &[u8]) -> impl Iterator<Item = u8> {
    let digit = |b: u8| match b {
        b'0'..=b'9' => b - b'0',
        _ => b - b'a' + 10,
    };
    text.chunks_exact(4).map(move |c| digit(c[2]) << 4 | digit(c[3]))
}

#[test]
fn a_written_piece_is_read_from_its_line() {
    let folder = Path::new("/d");
    let at = |line: &str| parse(line.as_bytes(), folder).map(|w| (w.path, w.offset, w.bytes));
    let file = PathBuf::from("/d/f");
    assert_eq!(
        at(r#"1700000000.000000001 write(3<\x2f\x64\x2f\x66>, "\x61\x62", 2) = 2"#),
        Some((file.clone(), None, b"ab".to_vec()))
    );
    assert_eq!(
        at(r#"1700000000.000000001 pwrite64(3<\x2f\x64\x2f\x66>, "\x61\x62", 2, 4096) = 1"#),
        Some((file.clone(), Some(4096), b"a".to_vec()))
    );
    assert_eq!(
        at(
            r#"1700000000.000000001 writev(3<\x2f\x64\x2f\x66>, [{iov_base="\x61", iov_len=1}, {iov_base="\x62", iov_len=1}], 2) = 2"#
        ),
        Some((file, None, b"ab".to_vec()))
    );
    assert_eq!(at(r#"1700000000.000000001 write(3<\x2f\x65>, "\x61", 1) = 1"#), None, "another folder");
    assert_eq!(at(r#"1700000000.000000001 write(3<\x2f\x64\x2f\x66>, "\x61", 1) = -1 ENOSPC (No space left)"#), None);
}
