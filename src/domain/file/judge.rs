//! Judges a file by its content, in bounded memory, without unpacking anything.
//!
//! Two opinions have to agree: our own look at the bytes, and that of the `file-format` crate. A name or a claimed media
//! type is no opinion.

#[cfg(test)]
mod tests;

use std::io::{self, Read, Seek, SeekFrom};

use file_format::FileFormat;

use super::FileKind;
use super::zip::{Archive, View, ends_as_archive};

/// How much of the beginning is looked at, in bytes. Longer than any signature that the format library knows.
const HEAD: u64 = 64 * 1024;

/// What the file is; `None` for an empty file and for anything that forms do not take. `len` is its length in bytes.
///
/// Reads at most about 1.2 MB at a time into memory. A text is read from end to end, anything else at its beginning and
/// end only.
///
/// # Errors
/// Those of `reader`, and [`io::ErrorKind::UnexpectedEof`] when it holds fewer than `len` bytes.
pub fn judge<R: Read + Seek>(mut reader: R, len: u64) -> io::Result<Option<FileKind>> {
    let mut head = vec![0; len.min(HEAD) as usize];
    reader.seek(SeekFrom::Start(0))?;
    reader.read_exact(&mut head)?;

    if head.is_empty() {
        return Ok(None);
    }
    if head.starts_with(b"PK\x03\x04") {
        return archive(&mut reader, &head, len);
    }
    if head.starts_with(b"%PDF-") {
        // A file for Adobe Illustrator that is called a PDF is one: programs keep their own data inside.
        let agreed = matches!(
            FileFormat::from_bytes(&head),
            FileFormat::PortableDocumentFormat | FileFormat::AdobeIllustratorArtwork
        );
        return unless_archive(FileKind::Pdf, agreed, &mut reader, len);
    }
    if head.starts_with(b"{\\rtf") {
        let agreed = FileFormat::from_bytes(&head) == FileFormat::RichTextFormat && !head.contains(&0);
        return unless_archive(FileKind::Rtf, agreed, &mut reader, len);
    }
    let plain = is_text(&mut reader, len)? && !is_code(&head);
    Ok(plain.then_some(FileKind::Txt))
}

fn archive<R: Read + Seek>(reader: &mut R, head: &[u8], len: u64) -> io::Result<Option<FileKind>> {
    let Some(archive) = Archive::open(reader, head, len)? else { return Ok(None) };
    let Some(kind) = archive.kind() else { return Ok(None) };
    let other = FileFormat::from_reader(View::new(&archive)).ok();
    let agreed = match kind {
        FileKind::Docx => other == Some(FileFormat::OfficeOpenXmlDocument),
        FileKind::Odt => other == Some(FileFormat::OpendocumentText),
        FileKind::Pdf | FileKind::Rtf | FileKind::Txt => false,
    };
    Ok(agreed.then_some(kind))
}

/// A file that can also be read as an archive is two things at once, and refused.
fn unless_archive<R: Read + Seek>(
    kind: FileKind,
    agreed: bool,
    reader: &mut R,
    len: u64,
) -> io::Result<Option<FileKind>> {
    Ok((agreed && !ends_as_archive(reader, len)?).then_some(kind))
}

/// Whether the whole file is UTF-8 without control characters other than tabs, line ends and form feeds.
fn is_text<R: Read + Seek>(reader: &mut R, len: u64) -> io::Result<bool> {
    reader.seek(SeekFrom::Start(0))?;
    let mut rest = reader.take(len);
    let mut buf = vec![0; 64 * 1024];
    // Bytes at the start of the buffer: a character that the last piece cut in two.
    let mut kept = 0;
    loop {
        let n = match rest.read(&mut buf[kept..]) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            n => n?,
        };
        if n == 0 {
            return if rest.limit() > 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(kept == 0) };
        }
        let filled = kept + n;
        let whole = match std::str::from_utf8(&buf[..filled]) {
            Ok(text) => text,
            // Cut in two, which the next piece can mend, unless it is simply wrong.
            Err(e) if e.error_len().is_none() => std::str::from_utf8(&buf[..e.valid_up_to()]).unwrap_or_default(),
            Err(_) => return Ok(false),
        };
        if whole.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}')) {
            return Ok(false);
        }
        let end = whole.len();
        buf.copy_within(end..filled, 0);
        kept = filled - end;
    }
}

/// Whether a text begins as something that programs run or draw, rather than as something to read. `head` is known to
/// hold no control characters, so it is no archive that the format library would open.
fn is_code(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    let format = FileFormat::from_bytes(&head[..head.len().min(4096)]);
    let media_type = format.media_type();
    media_type != "text/x-tex"
        && ["html", "xml", "svg", "script", "text/x-"].iter().any(|word| media_type.contains(word))
}
