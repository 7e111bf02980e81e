//! Words of DOCX and ODT: what stands in the XML inside the archive, piece by piece, in bounded memory. Nothing is unpacked to
//! anywhere, so names of entries lead nowhere; nothing is expanded, and nothing fetched.

use std::io::{BufRead, BufReader, Cursor, Read};

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use zip::ZipArchive;

use super::super::Failure;
use super::text::Text;

/// Bytes of XML that are unpacked for one preview, at most.
const MOST_XML: u64 = 32 << 20;
/// Elements within each other, at most. Office programs stay far below.
const DEEPEST: usize = 1_000;
/// Parts of a document beside its body, at most: letter heads, foot notes.
const MOST_PARTS: usize = 16;
/// Blanks that stand for one element.
const MOST_BLANKS: usize = 64;

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// How the elements of a kind of document read.
struct Grammar {
    /// Elements whose text counts.
    words: fn(&[u8]) -> bool,
    /// Elements that nothing counts of.
    unseen: fn(&[u8]) -> bool,
    /// Elements after which a line ends.
    lines: fn(&[u8]) -> bool,
    /// What an element stands for by itself.
    sign: fn(&BytesStart<'_>) -> Option<String>,
    /// Elements after which a cell of a table ends.
    cells: fn(&[u8]) -> bool,
}

const WORD: Grammar = Grammar {
    words: |name| name == b"w:t",
    // The second of two ways to say the same.
    unseen: |name| name == b"mc:Fallback",
    lines: |name| name == b"w:p" || name == b"w:tr",
    sign: |element| match element.name().as_ref() {
        b"w:tab" => Some("\t".to_owned()),
        b"w:br" | b"w:cr" => Some("\n".to_owned()),
        b"w:noBreakHyphen" => Some("-".to_owned()),
        _ => None,
    },
    cells: |name| name == b"w:tc",
};

const OPEN: Grammar = Grammar {
    words: |name| name == b"text:p" || name == b"text:h",
    unseen: |name| name == b"text:tracked-changes" || name == b"office:annotation",
    lines: |name| matches!(name, b"text:p" | b"text:h" | b"table:table-row"),
    sign: |element| match element.name().as_ref() {
        b"text:tab" => Some("\t".to_owned()),
        b"text:line-break" => Some("\n".to_owned()),
        b"text:s" => {
            let count = element.try_get_attribute("text:c").ok().flatten();
            let count = count.and_then(|count| std::str::from_utf8(&count.value).ok()?.parse().ok()).unwrap_or(1_usize);
            Some(" ".repeat(count.min(MOST_BLANKS)))
        }
        _ => None,
    },
    cells: |name| name == b"table:table-cell",
};

/// Words of a DOCX: letter heads, body, then foot notes.
pub(super) fn docx(content: &[u8]) -> Result<Text, Failure> {
    let mut archive = open(content)?;
    let names: Vec<String> = archive.file_names().filter_map(|name| Some(name.ok()?.into_owned())).collect();
    let named = |start: &str| {
        let part =
            |name: &&String| name.strip_prefix(start).is_some_and(|rest| rest.ends_with(".xml") && !rest.contains('/'));
        let mut found: Vec<String> = names.iter().filter(part).take(MOST_PARTS).cloned().collect();
        found.sort_unstable();
        found
    };
    let (heads, notes, feet) = (named("word/header"), named("word/footnotes"), named("word/footer"));
    let body = vec!["word/document.xml".to_owned()];
    let mut out = Collected::default();
    for part in [heads, body, notes, feet].concat() {
        out.part(&mut archive, &part, &WORD)?;
    }
    Ok(out.text)
}

/// Words of an ODT.
pub(super) fn odt(content: &[u8]) -> Result<Text, Failure> {
    let mut archive = open(content)?;
    if archive.by_name("META-INF/manifest.xml").is_ok_and(is_encrypted) {
        return Err(Failure::Encrypted);
    }
    let mut out = Collected::default();
    out.part(&mut archive, "content.xml", &OPEN)?;
    Ok(out.text)
}

fn open(content: &[u8]) -> Result<Archive<'_>, Failure> {
    ZipArchive::new(Cursor::new(content)).map_err(|_| Failure::Unreadable)
}

/// Whether the list of an ODT's parts says how one of them is encrypted (OpenDocument 1.3, part 2, section 4.4).
fn is_encrypted(manifest: impl Read) -> bool {
    let mut text = Vec::new();
    let read = manifest.take(1 << 20).read_to_end(&mut text);
    read.is_ok() && text.windows(15).any(|part| part == b"encryption-data")
}

/// The text of one or several parts.
#[derive(Default)]
struct Collected {
    text: Text,
    /// Bytes of XML so far.
    read: u64,
}

impl Collected {
    fn part(&mut self, archive: &mut Archive<'_>, name: &str, grammar: &Grammar) -> Result<(), Failure> {
        let entry = archive.by_name(name).map_err(|_| Failure::Unreadable)?;
        if entry.encrypted() {
            return Err(Failure::Encrypted);
        }
        let left = MOST_XML - self.read;
        let mut counted = entry.take(left);
        let outcome = self.words(BufReader::new(&mut counted), grammar);
        let taken = left - counted.limit();
        self.read += taken;
        match outcome {
            // What was read before it went on for too long is there to be shown.
            _ if taken == left && !self.text.as_str().is_empty() => {
                self.text.cut();
                Ok(())
            }
            _ if taken == left => Err(Failure::TooLarge),
            other => other,
        }
    }

    fn words(&mut self, xml: impl BufRead, grammar: &Grammar) -> Result<(), Failure> {
        let mut reader = Reader::from_reader(xml);
        let (mut piece, mut depth, mut words, mut unseen) = (Vec::new(), 0_usize, 0_usize, 0_usize);
        loop {
            piece.clear();
            let event = reader.read_event_into(&mut piece).map_err(|_| Failure::Unreadable)?;
            let seen = unseen == 0;
            let goes_on = match &event {
                Event::Start(element) => {
                    let name = element.name();
                    depth += 1;
                    if depth > DEEPEST {
                        return Err(Failure::Unreadable);
                    }
                    words += usize::from((grammar.words)(name.as_ref()));
                    unseen += usize::from((grammar.unseen)(name.as_ref()));
                    !seen || (grammar.sign)(element).is_none_or(|sign| self.text.push(&sign))
                }
                Event::Empty(element) => {
                    let name = element.name();
                    let sign = (grammar.sign)(element);
                    !seen
                        || sign.is_none_or(|sign| self.text.push(&sign))
                            && (!(grammar.lines)(name.as_ref()) || self.text.end_line())
                }
                Event::End(element) => {
                    let name = element.name();
                    depth = depth.saturating_sub(1);
                    words -= usize::from((grammar.words)(name.as_ref())).min(words);
                    unseen -= usize::from((grammar.unseen)(name.as_ref())).min(unseen);
                    !seen
                        || ((!(grammar.lines)(name.as_ref()) || self.text.end_line())
                            && (!(grammar.cells)(name.as_ref()) || self.text.push("\t")))
                }
                Event::Text(text) if seen && words > 0 => {
                    let text = text.decode().map_err(|_| Failure::Unreadable)?;
                    // Line ends in the file are blanks on the page.
                    self.text.push(&text.replace(['\r', '\n', '\t'], " "))
                }
                Event::CData(text) if seen && words > 0 => {
                    self.text.push(&text.decode().map_err(|_| Failure::Unreadable)?)
                }
                Event::GeneralRef(reference) if seen && words > 0 => {
                    let c = character(reference).ok_or(Failure::Unreadable)?;
                    self.text.push(c.encode_utf8(&mut [0; 4]))
                }
                // Office programs write none, and all that one is good for here is harm.
                Event::DocType(_) => return Err(Failure::Unreadable),
                Event::Eof => return if depth == 0 { Ok(()) } else { Err(Failure::Unreadable) },
                _ => true,
            };
            if !goes_on {
                return Ok(());
            }
        }
    }
}

/// The character that a reference stands for: by number, or one of the five that XML itself knows (XML 1.0, section 4.6).
fn character(reference: &BytesRef<'_>) -> Option<char> {
    if let Some(c) = reference.resolve_char_ref().ok()? {
        return Some(c);
    }
    match reference.decode().ok()?.as_ref() {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
