//! Looks at the table of contents of a ZIP archive, to tell an Office document from any other archive.
//!
//! Nothing is ever unpacked. Only plain archives pass: one part, no ZIP64, no gap or overlap, each name once. That is
//! what office programs write, and it leaves no two ways to read the same bytes. It also keeps the format library from
//! the inputs on which it would reserve memory by an attacker's number or overflow.

use std::io::{self, Read, Seek, SeekFrom};

use super::FileKind;

/// Largest table of contents, in bytes, and most entries. The format library looks at the first 1,024.
const MAX_TABLE: u64 = 1 << 20;
const MAX_ENTRIES: usize = 1024;
/// Most that an archive may declare to unpack to, in bytes: whoever opens it should not be flooded.
const MAX_UNPACKED: u64 = 512 << 20;

const END_LEN: usize = 22;
const END_MAX: u64 = END_LEN as u64 + u16::MAX as u64;
const ENTRY_LEN: usize = 46;
const LOCAL_LEN: u64 = 30;
const ODT_TYPE: &[u8] = b"application/vnd.oasis.opendocument.text";

/// The first bytes of a file and the table of contents with what follows it: all that is needed to judge it.
pub(super) struct Archive<'a> {
    head: &'a [u8],
    /// The end of the file: the table of contents, and as much as an end record with its comment can take.
    end: Vec<u8>,
    end_at: u64,
    table_at: u64,
    table_len: usize,
    entries: u16,
}

/// Whether the last bytes of a file end in the end record of an archive, so that it can be read as a ZIP whatever it
/// begins with.
pub(super) fn ends_as_archive<R: Read + Seek>(reader: &mut R, len: u64) -> io::Result<bool> {
    let tail = tail(reader, len)?;
    Ok(ends_at(&tail).is_some())
}

impl<'a> Archive<'a> {
    /// Reads the table of contents; `None` for anything but a plain archive.
    pub(super) fn open<R: Read + Seek>(reader: &mut R, head: &'a [u8], len: u64) -> io::Result<Option<Self>> {
        let tail = tail(reader, len)?;
        let Some(at) = ends_at(&tail) else { return Ok(None) };
        // The format library goes by the last signature, ours has to be the same one.
        let last = tail.windows(4).rposition(|w| w == b"PK\x05\x06");
        let record_at = len - (tail.len() - at) as u64;
        let record = &tail[at..];
        let (here, total) = (u16_at(record, 8), u16_at(record, 10));
        let (size, offset) = (u64::from(u32_at(record, 12)), u64::from(u32_at(record, 16)));
        let single = u32_at(record, 4) == 0 && here == total;
        let zip64 = at >= 20 && tail[at - 20..].starts_with(b"PK\x06\x07");
        let plain = last == Some(at) && single && !zip64 && offset + size == record_at;
        if !plain || total == 0 || usize::from(total) > MAX_ENTRIES || size > MAX_TABLE {
            return Ok(None);
        }
        let end_at = offset.min(len - tail.len() as u64);
        let mut end = vec![0; (len - end_at) as usize];
        reader.seek(SeekFrom::Start(end_at))?;
        reader.read_exact(&mut end)?;
        Ok(Some(Self { head, end, end_at, table_at: offset, table_len: size as usize, entries: total }))
    }

    /// What the table of contents says; `None` for anything but a text document without macros.
    pub(super) fn kind(&self) -> Option<FileKind> {
        let entries = self.entries()?;
        let has = |name: &str| entries.iter().any(|entry| entry.name == name);
        let under = |folder: &str| {
            entries.iter().any(|e| e.name.get(..folder.len()).is_some_and(|f| f.eq_ignore_ascii_case(folder)))
        };
        let macros = under("Basic/")
            || under("Scripts/")
            || entries.iter().any(|entry| entry.name.to_ascii_lowercase().ends_with("vbaproject.bin"));
        let program = under("META-INF/MANIFEST.MF") || has("AndroidManifest.xml") || has("classes.dex");
        if macros || program {
            return None;
        }
        let mimetype = entries.iter().find(|entry| entry.name == "mimetype");
        let docx = has("[Content_Types].xml") && under("word/") && !under("xl/") && !under("ppt/");
        let odt = has("content.xml") && has("META-INF/manifest.xml");
        match mimetype {
            Some(entry) if odt && !docx && self.declares_odt(entry) => Some(FileKind::Odt),
            None if docx && !odt => Some(FileKind::Docx),
            _ => None,
        }
    }

    /// The entries, checked against each other and the bounds of the file.
    fn entries(&self) -> Option<Vec<Entry<'_>>> {
        let table = (self.table_at - self.end_at) as usize;
        let mut rest = &self.end[table..table + self.table_len];
        let mut out = Vec::with_capacity(usize::from(self.entries));
        for _ in 0..self.entries {
            let (entry, after) = Entry::parse(rest)?;
            out.push(entry);
            rest = after;
        }
        let unpacked: u64 = out.iter().map(|entry| u64::from(entry.unpacked)).sum();
        if !rest.is_empty() || unpacked > MAX_UNPACKED {
            return None;
        }
        let mut places: Vec<_> = out.iter().map(|e| (e.local_at, e.local_at + LOCAL_LEN + e.packed())).collect();
        places.sort_unstable();
        let apart = places.windows(2).all(|pair| pair[0].1 <= pair[1].0);
        let from_start = places.first().is_some_and(|first| first.0 == 0);
        let inside = places.last().is_some_and(|last| last.1 <= self.table_at);
        let mut names: Vec<_> = out.iter().map(|entry| entry.name.to_lowercase()).collect();
        names.sort_unstable();
        let distinct = names.windows(2).all(|pair| pair[0] != pair[1]);
        (apart && from_start && inside && distinct).then_some(out)
    }

    /// OpenDocument keeps its media type unpacked at the very beginning.
    fn declares_odt(&self, entry: &Entry<'_>) -> bool {
        let data = LOCAL_LEN as usize + "mimetype".len();
        entry.local_at == 0
            && entry.method == 0
            && entry.packed == entry.unpacked
            && entry.unpacked as usize == ODT_TYPE.len()
            && self.head.len() > data
            && self.head.starts_with(b"PK\x03\x04")
            && u16_at(self.head, 8) == 0
            && u16_at(self.head, 26) as usize == "mimetype".len()
            && u16_at(self.head, 28) == 0
            && self.head[LOCAL_LEN as usize..].starts_with(b"mimetype")
            && self.head[data..].starts_with(ODT_TYPE)
    }
}

struct Entry<'a> {
    name: &'a str,
    method: u16,
    packed: u32,
    unpacked: u32,
    local_at: u64,
}

impl<'a> Entry<'a> {
    fn parse(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let fixed = bytes.get(..ENTRY_LEN).filter(|fixed| fixed.starts_with(b"PK\x01\x02"))?;
        let (flags, method) = (u16_at(fixed, 8), u16_at(fixed, 10));
        let (packed, unpacked, local_at) = (u32_at(fixed, 20), u32_at(fixed, 24), u32_at(fixed, 42));
        let name_len = usize::from(u16_at(fixed, 28));
        let end = ENTRY_LEN + name_len + usize::from(u16_at(fixed, 30)) + usize::from(u16_at(fixed, 32));
        let name = std::str::from_utf8(bytes.get(ENTRY_LEN..ENTRY_LEN + name_len)?).ok()?;
        let escapes = name.is_empty()
            || name.starts_with('/')
            || name.contains(['\\', ':'])
            || name.split('/').any(|part| part == "." || part == "..")
            || name.chars().any(char::is_control);
        let zip64 = [packed, unpacked, local_at].contains(&u32::MAX);
        let encrypted = flags & 1 != 0;
        if escapes || zip64 || encrypted || !matches!(method, 0 | 8) || u16_at(fixed, 34) != 0 {
            return None;
        }
        Some((Self { name, method, packed, unpacked, local_at: u64::from(local_at) }, bytes.get(end..)?))
    }

    /// Bytes that the entry takes behind its local header's fixed part: at least its name and its data.
    fn packed(&self) -> u64 {
        self.name.len() as u64 + u64::from(self.packed)
    }
}

/// A view of the file for the format library: what was read, and an error in the gap between.
pub(super) struct View<'a> {
    archive: &'a Archive<'a>,
    at: u64,
}

impl<'a> View<'a> {
    pub(super) fn new(archive: &'a Archive<'a>) -> Self {
        Self { archive, at: 0 }
    }

    fn len(&self) -> u64 {
        self.archive.end_at + self.archive.end.len() as u64
    }
}

impl Read for View<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let rest = if self.at < self.archive.head.len() as u64 {
            &self.archive.head[self.at as usize..]
        } else if self.at >= self.len() {
            &[]
        } else if self.at >= self.archive.end_at {
            &self.archive.end[(self.at - self.archive.end_at) as usize..]
        } else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for View<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

fn tail<R: Read + Seek>(reader: &mut R, len: u64) -> io::Result<Vec<u8>> {
    let mut tail = vec![0; len.min(END_MAX) as usize];
    reader.seek(SeekFrom::Start(len - tail.len() as u64))?;
    reader.read_exact(&mut tail)?;
    Ok(tail)
}

/// Where in `tail` an end record begins whose comment reaches exactly to the end of the file.
fn ends_at(tail: &[u8]) -> Option<usize> {
    let fits = |at: &usize| {
        let rest = &tail[*at..];
        rest.starts_with(b"PK\x05\x06") && rest.len() - END_LEN == usize::from(u16_at(rest, 20))
    };
    (0..=tail.len().checked_sub(END_LEN)?).rev().find(fits)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}
