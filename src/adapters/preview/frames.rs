//! What the worker says, and what is believed of it.
//!
//! A frame is a letter, a length in four bytes (little-endian) and so many bytes. `R` it is locked in, or `B` it cannot be; then
//! `C` the number of pages and a `P` for each picture, or one `T` with text; an `F` where it failed; `E` at the end. The file may
//! have taken the worker over, so every frame has to be one that may come now, within its bounds; a picture has to be a PNG of
//! nothing but pixels, text has to be text. The first thing that is not ends it.

use std::io::{self, Write};

use zeroize::Zeroizing;

use super::{Barrier, Failure, HIGHEST, MOST_TEXT, Preview, WIDEST};
use crate::base::sensitive::{SecretBytes, SensitiveString};

const READY: u8 = b'R';
const BARRED: u8 = b'B';
const COUNT: u8 = b'C';
const PICTURE: u8 = b'P';
const TEXT: u8 = b'T';
const FAILED: u8 = b'F';
const END: u8 = b'E';

const HEAD: usize = 5;
/// Bytes of one picture: what [`WIDEST`] × [`HIGHEST`] pixels take that do not compress, and a little.
const MOST_PICTURE: usize = (WIDEST * HIGHEST * 3) as usize + (64 << 10);
/// Bytes of all of them.
const MOST_PICTURES: usize = 32 << 20;

/// One thing that the worker says.
#[derive(Debug)]
pub enum Word<'a> {
    /// It is locked in.
    Ready,
    /// It cannot be.
    Barred(Barrier),
    /// So many pages has the file.
    Count(u32),
    /// The next page, as PNG.
    Picture(&'a [u8]),
    /// The text, and whether there is more.
    Text(&'a str, bool),
    /// It found no more than it has said.
    Failed(Failure),
    /// That was all.
    End,
}

impl Word<'_> {
    /// Says it.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn say(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Ready => frame(out, READY, &[]),
            Self::Barred(barrier) => frame(out, BARRED, &[barrier.code()]),
            Self::Count(pages) => frame(out, COUNT, &pages.to_le_bytes()),
            Self::Picture(png) => frame(out, PICTURE, png),
            Self::Text(text, is_cut) => {
                head(out, TEXT, text.len() + 1)?;
                out.write_all(&[u8::from(*is_cut)])?;
                out.write_all(text.as_bytes())
            }
            Self::Failed(failure) => frame(out, FAILED, &[code(*failure)]),
            Self::End => frame(out, END, &[]),
        }
    }
}

fn frame(out: &mut impl Write, tag: u8, content: &[u8]) -> io::Result<()> {
    head(out, tag, content.len())?;
    out.write_all(content)
}

fn head(out: &mut impl Write, tag: u8, len: usize) -> io::Result<()> {
    out.write_all(&[tag])?;
    // Nothing that is said comes near it.
    out.write_all(&u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes())
}

/// What failures the worker itself tells of.
const fn code(failure: Failure) -> u8 {
    match failure {
        Failure::Encrypted => b'e',
        Failure::Empty => b'n',
        Failure::TooLarge => b'l',
        _ => b'u',
    }
}

fn failure(code: u8) -> Option<Failure> {
    [Failure::Encrypted, Failure::Empty, Failure::TooLarge, Failure::Unreadable]
        .into_iter()
        .find(|failure| self::code(*failure) == code)
}

/// Something was said that may not be. Nothing that comes after is of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the worker does not keep to what was agreed")]
pub struct Broken;

/// Listens to the worker.
#[derive(Debug)]
pub struct Listener {
    pages: u32,
    /// What was heard of a frame that is not whole yet.
    heard: SecretBytes,
    stage: Stage,
    total: Option<u32>,
    pictures: Vec<SecretBytes>,
    bytes: usize,
    text: Option<(SensitiveString, bool)>,
    failed: Option<Failure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Before,
    Ready,
    Ended,
}

impl Listener {
    /// Listens for at most so many pages.
    pub fn new(pages: u32) -> Self {
        Self {
            pages,
            heard: Zeroizing::default(),
            stage: Stage::Before,
            total: None,
            pictures: Vec::new(),
            bytes: 0,
            text: None,
            failed: None,
        }
    }

    /// Takes what came, in pieces of any size.
    ///
    /// # Errors
    /// [`Broken`] as soon as something comes that may not.
    pub fn hear(&mut self, mut bytes: &[u8]) -> Result<(), Broken> {
        while !bytes.is_empty() {
            let wanted = self.wanted()?;
            let taken = bytes.len().min(wanted - self.heard.len());
            self.heard.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if self.wanted()? == self.heard.len() {
                let frame = std::mem::take(&mut self.heard);
                self.word(frame[0], &frame[HEAD..])?;
            }
        }
        Ok(())
    }

    /// Whether the worker has said that it is locked in.
    pub fn is_ready(&self) -> bool {
        self.stage == Stage::Ready
    }

    /// Whether it has said that this was all.
    pub fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// What it has come to; `why` it was not waited for any longer, when it has not ended by itself.
    ///
    /// # Errors
    /// The failure that the worker told of, else `why`, where there is nothing to show.
    pub fn harvest(self, why: Option<Failure>) -> Result<Preview, Failure> {
        let failed = self.failed.or(why);
        if let Some((text, is_cut)) = self.text {
            return Ok(Preview::Text { text, is_cut });
        }
        if self.pictures.is_empty() {
            return Err(failed.unwrap_or(Failure::Empty));
        }
        let total = self.total.unwrap_or_default();
        let due = total.min(self.pages) as usize;
        let broke_off = self.pictures.len() < due;
        Ok(Preview::Pages { pictures: self.pictures, total, broke_off })
    }

    /// Bytes of the frame that is being heard, as far as its head is known.
    fn wanted(&self) -> Result<usize, Broken> {
        let Some((&tag, rest)) = self.heard.split_first() else { return Ok(HEAD) };
        let most = self.most(tag).ok_or(Broken)?;
        match rest.first_chunk() {
            None => Ok(HEAD),
            Some(len) => match u32::from_le_bytes(*len) as usize {
                len if len <= most => Ok(HEAD + len),
                _ => Err(Broken),
            },
        }
    }

    /// Bytes that a frame may hold which may come now; `None` for one that may not.
    fn most(&self, tag: u8) -> Option<usize> {
        let silent = self.total.is_none() && self.text.is_none();
        let may = self.stage == Stage::Ready && self.failed.is_none();
        match tag {
            READY if self.stage == Stage::Before => Some(0),
            BARRED if self.stage == Stage::Before => Some(1),
            COUNT if may && silent => Some(4),
            PICTURE if may && self.pictures.len() < self.total.unwrap_or(0).min(self.pages) as usize => {
                Some(MOST_PICTURE.min(MOST_PICTURES - self.bytes))
            }
            TEXT if may && silent => Some(MOST_TEXT + 1),
            FAILED if may && self.text.is_none() => Some(1),
            END if self.stage == Stage::Ready => Some(0),
            _ => None,
        }
    }

    fn word(&mut self, tag: u8, content: &[u8]) -> Result<(), Broken> {
        match (tag, content) {
            (READY, _) => self.stage = Stage::Ready,
            (BARRED, [code]) => {
                self.failed = Some(Failure::Barred(Barrier::of_code(*code).ok_or(Broken)?));
                self.stage = Stage::Ended;
            }
            (COUNT, content) => {
                let count = content.try_into().map_err(|_| Broken)?;
                self.total = Some(u32::from_le_bytes(count));
            }
            (PICTURE, png) => {
                picture_size(png).ok_or(Broken)?;
                self.bytes += png.len();
                self.pictures.push(Zeroizing::new(png.to_vec()));
            }
            (TEXT, [is_cut @ 0..=1, text @ ..]) => {
                let text = readable(std::str::from_utf8(text).map_err(|_| Broken)?);
                match text.expose().trim().is_empty() {
                    true => self.failed = Some(Failure::Empty),
                    false => self.text = Some((text, *is_cut == 1)),
                }
            }
            (FAILED, [code]) => self.failed = Some(failure(*code).ok_or(Broken)?),
            (END, _) => self.stage = Stage::Ended,
            _ => return Err(Broken),
        }
        Ok(())
    }
}

/// Text that can stand on a page: without control characters but for line ends and tabs, and without those that turn the
/// direction of what follows. No more than two empty lines in a row.
pub fn readable(text: &str) -> SensitiveString {
    let mut out = String::with_capacity(text.len());
    let (mut ends, mut after_return) = (0, false);
    for c in text.chars() {
        let ends_line = matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
        if ends_line && !(c == '\n' && after_return) {
            ends += 1;
            if ends <= 3 {
                out.push('\n');
            }
        }
        after_return = c == '\r';
        let turns = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if !ends_line && !turns && (c == '\t' || !c.is_control()) {
            ends = 0;
            out.push(c);
        }
    }
    SensitiveString::from(out)
}

/// Width and height of a PNG as [`super::worker`] makes them: one picture of 24-bit pixels, not interlaced, within bounds, and no
/// chunk but the three that it takes; `None` for any other bytes. What is packed inside it is for the browser to unpack, into pixels.
pub fn picture_size(png: &[u8]) -> Option<(u32, u32)> {
    let mut rest = png.strip_prefix(b"\x89PNG\r\n\x1a\n")?;
    let (kind, header) = chunk(&mut rest)?;
    let (width, header) = header.split_first_chunk().filter(|_| kind == b"IHDR")?;
    let (height, header) = header.split_first_chunk()?;
    let size = (u32::from_be_bytes(*width), u32::from_be_bytes(*height));
    // Bits, colour type, and the only ways there are to compress, filter and interlace or not (PNG, section 11.2.1).
    let plain = header == [8, 2, 0, 0, 0];
    if !plain || !(1..=WIDEST).contains(&size.0) || !(1..=HIGHEST).contains(&size.1) {
        return None;
    }
    let mut data = 0;
    loop {
        match chunk(&mut rest)? {
            (b"IDAT", _) => data += 1,
            (b"IEND", []) if data > 0 && rest.is_empty() => return Some(size),
            _ => return None,
        }
    }
}

/// The next chunk, whose check sum is right.
fn chunk<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8; 4], &'a [u8])> {
    let (len, after) = rest.split_first_chunk::<4>()?;
    let len = u32::from_be_bytes(*len) as usize;
    let (whole, after) = after.split_at_checked(len.checked_add(4)?)?;
    let (sum, after) = after.split_first_chunk::<4>()?;
    let mut crc = flate2::Crc::new();
    crc.update(whole);
    if crc.sum() != u32::from_be_bytes(*sum) {
        return None;
    }
    *rest = after;
    whole.split_first_chunk()
}

#[cfg(test)]
mod tests;
