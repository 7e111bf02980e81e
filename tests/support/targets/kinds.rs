//! Files that people send: what they are judged to be.

use std::cell::Cell;
use std::io::{Cursor, Error, ErrorKind, Read, Result, Seek, SeekFrom};

use letterlock::domain::file::{FileKind, judge};

use super::{Seam, pick};

/// Most that is asked for in one read, in bytes: the table of contents of the largest archive, with its end.
const LARGEST_READ: usize = 1_200_000;

/// Content of any sort. It is judged alike however it arrives, by its own marks, and never as two things at once.
pub fn check(data: &[u8], seam: Seam) {
    let Ok(kind) = judge(Cursor::new(data), data.len() as u64) else { panic!("judging whole bytes fails") };
    let mut again = data.to_vec();
    (seam.written)(&mut again);
    for step in [1 + pick(data, 700), 4096, usize::MAX] {
        let largest = Cell::new(0);
        let pieces = Pieces { bytes: Cursor::new(&again), step, reads: 0, largest: &largest };
        assert_eq!(judge(pieces, data.len() as u64).ok(), Some(kind), "judged otherwise in pieces of {step}");
        assert!(largest.get() <= LARGEST_READ, "{} bytes are read at once", largest.get());
    }
    assert!(judge(Cursor::new(data), data.len() as u64 + 1).is_err() || kind.is_none(), "judged by more than there is");

    let Some(kind) = kind else { return };
    assert!(has_marks(data, kind), "{kind} without its marks");
    // Another thing before or behind makes it two.
    let refused = |other: &[u8]| {
        let other = judge(Cursor::new(other), other.len() as u64).unwrap_or_default();
        assert!((seam.refused)(other.is_none()), "a {kind} that is something else as well passes as {other:?}");
    };
    match kind {
        FileKind::Docx | FileKind::Odt => {
            refused(&[b"%PDF-1.7\n", data].concat());
            refused(&[b"{\\rtf1 }", data].concat());
            refused(&[data, data].concat());
        }
        FileKind::Pdf | FileKind::Rtf | FileKind::Txt => refused(&[data, &archive()].concat()),
    }
}

/// Whether it is of a kind that forms take.
pub fn understood(data: &[u8]) -> bool {
    judge(Cursor::new(data), data.len() as u64).is_ok_and(|kind| kind.is_some())
}

fn has_marks(data: &[u8], kind: FileKind) -> bool {
    match kind {
        FileKind::Pdf => data.starts_with(b"%PDF-"),
        FileKind::Rtf => data.starts_with(b"{\\rtf"),
        FileKind::Docx => data.starts_with(b"PK\x03\x04") && holds(data, b"word/"),
        FileKind::Odt => data.starts_with(b"PK\x03\x04") && holds(data, b"application/vnd.oasis.opendocument.text"),
        FileKind::Txt => std::str::from_utf8(data)
            .is_ok_and(|text| !text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}'))),
    }
}

/// In capitals or small letters: office programs take both for names.
fn holds(data: &[u8], needle: &[u8]) -> bool {
    data.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle))
}

/// An archive with one empty entry.
fn archive() -> Vec<u8> {
    zip(&[("a", b"")])
}

/// An archive of stored entries, as an office program would lay it out.
pub fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut table) = (Vec::new(), Vec::new());
    for (name, data) in entries {
        let (size, name_len) = ((data.len() as u32).to_le_bytes(), (name.len() as u16).to_le_bytes());
        let at = (out.len() as u32).to_le_bytes();
        let head = [&[0x14, 0, 0, 0, 0, 0, 0, 0, 0x21, 0, 0, 0, 0, 0][..], &size, &size, &name_len].concat();
        out.extend([b"PK\x03\x04", &head[..], &[0, 0], name.as_bytes(), data].concat());
        table.extend([b"PK\x01\x02\x14\0", &head[..], &[0; 12], &at, name.as_bytes()].concat());
    }
    let (at, size) = ((out.len() as u32).to_le_bytes(), (table.len() as u32).to_le_bytes());
    let count = (entries.len() as u16).to_le_bytes();
    out.extend(table);
    out.extend([&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &size, &at, &[0, 0]].concat());
    out
}

/// Gives at most `step` bytes at a time, and is interrupted now and then, as the reader of a sealed file or a pipe may be.
struct Pieces<'a> {
    bytes: Cursor<&'a Vec<u8>>,
    step: usize,
    reads: usize,
    largest: &'a Cell<usize>,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        self.reads += 1;
        self.largest.set(self.largest.get().max(out.len()));
        if self.reads.is_multiple_of(5) {
            return Err(Error::from(ErrorKind::Interrupted));
        }
        let count = out.len().min(self.step);
        self.bytes.read(&mut out[..count])
    }
}

impl Seek for Pieces<'_> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        self.bytes.seek(to)
    }
}
