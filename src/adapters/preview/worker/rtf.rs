//! Words of RTF (Rich Text Format 1.9.1): what is neither a control word nor in a part that is no text. Own code, as all that is
//! wanted is the text; the crates for it build the whole document.

use super::super::Failure;
use super::text::Text;

/// Groups within each other, at most.
const DEEPEST: usize = 1_000;
/// Letters of a control word, at most (specification, "Basic entities").
const LONGEST_WORD: usize = 32;

/// Parts that hold no text of the document.
const UNSEEN: [&[u8]; 17] = [
    b"fonttbl",
    b"colortbl",
    b"stylesheet",
    b"info",
    b"pict",
    b"object",
    b"listtable",
    b"listoverridetable",
    b"rsidtbl",
    b"generator",
    b"themedata",
    b"colorschememapping",
    b"datastore",
    b"latentstyles",
    b"xmlnstbl",
    b"fldinst",
    b"filetbl",
];

#[derive(Clone, Copy)]
struct Group {
    unseen: bool,
    /// Characters after `\u` that stand for it elsewhere.
    behind: usize,
}

/// The words.
pub(super) fn text(content: &[u8]) -> Result<Text, Failure> {
    let mut scan = Scan { rest: content.strip_prefix(b"{\\rtf").ok_or(Failure::Unreadable)?, ..Scan::default() };
    scan.groups.push(Group { unseen: false, behind: 1 });
    // The version.
    while scan.rest.first().is_some_and(u8::is_ascii_digit) {
        scan.rest = &scan.rest[1..];
    }
    while scan.step()? {}
    Ok(scan.out)
}

#[derive(Default)]
struct Scan<'a> {
    rest: &'a [u8],
    out: Text,
    groups: Vec<Group>,
    /// Characters that are passed over after a `\u`.
    skip: usize,
    /// The first half of a character that takes two `\u`.
    half: Option<u16>,
}

impl Scan<'_> {
    /// Goes on by one; whether there is more.
    fn step(&mut self) -> Result<bool, Failure> {
        let Some((&byte, rest)) = self.rest.split_first() else { return Ok(false) };
        self.rest = rest;
        match byte {
            b'{' => {
                let group = *self.groups.last().ok_or(Failure::Unreadable)?;
                if self.groups.len() >= DEEPEST {
                    return Err(Failure::Unreadable);
                }
                self.skip = 0;
                self.groups.push(group);
                Ok(true)
            }
            b'}' => {
                self.skip = 0;
                self.groups.pop();
                Ok(!self.groups.is_empty())
            }
            b'\\' => self.control(),
            b'\r' | b'\n' => Ok(true),
            other => Ok(self.byte(other)),
        }
    }

    fn control(&mut self) -> Result<bool, Failure> {
        let letters = self.rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        if letters == 0 {
            return Ok(self.symbol());
        }
        if letters > LONGEST_WORD {
            return Err(Failure::Unreadable);
        }
        let (word, rest) = self.rest.split_at(letters);
        let sign = usize::from(rest.first() == Some(&b'-'));
        let digits = rest[sign..].iter().take_while(|b| b.is_ascii_digit()).count();
        let number = match digits {
            0 => None,
            n => std::str::from_utf8(&rest[..sign + n]).ok().and_then(|text| text.parse::<i32>().ok()),
        };
        let rest = if digits == 0 { rest } else { &rest[sign + digits..] };
        self.rest = rest.strip_prefix(b" ").unwrap_or(rest);
        Ok(self.word(word, number))
    }

    fn symbol(&mut self) -> bool {
        let Some((&symbol, rest)) = self.rest.split_first() else { return false };
        self.rest = rest;
        match symbol {
            b'\'' => {
                let Some((digits, rest)) = self.rest.split_first_chunk::<2>() else { return false };
                self.rest = rest;
                let byte = std::str::from_utf8(digits).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
                byte.is_none_or(|byte| self.byte(byte))
            }
            b'*' => {
                self.hide();
                true
            }
            b'~' => self.byte(b' '),
            b'_' => self.byte(b'-'),
            b'{' | b'}' | b'\\' => self.byte(symbol),
            b'\r' | b'\n' => self.show("\n"),
            _ => true,
        }
    }

    fn word(&mut self, word: &[u8], number: Option<i32>) -> bool {
        match word {
            b"par" | b"line" | b"row" | b"sect" | b"page" => self.show("\n"),
            b"tab" | b"cell" => self.show("\t"),
            b"emdash" => self.show("—"),
            b"endash" => self.show("–"),
            b"bullet" => self.show("•"),
            b"lquote" => self.show("‘"),
            b"rquote" => self.show("’"),
            b"ldblquote" => self.show("“"),
            b"rdblquote" => self.show("”"),
            b"uc" => {
                if let Some(group) = self.groups.last_mut() {
                    group.behind = usize::try_from(number.unwrap_or(1)).unwrap_or(0);
                }
                true
            }
            b"u" => self.unit(number.unwrap_or(0)),
            // So many bytes of anything follow.
            b"bin" => {
                let bytes = usize::try_from(number.unwrap_or(0)).unwrap_or(0).min(self.rest.len());
                self.rest = &self.rest[bytes..];
                true
            }
            _ if UNSEEN.contains(&word) => {
                self.hide();
                true
            }
            _ => true,
        }
    }

    /// A unit of UTF-16, as a signed number.
    fn unit(&mut self, number: i32) -> bool {
        let unit = number as u16;
        self.skip = self.groups.last().map_or(0, |group| group.behind);
        let units = [self.half.take().unwrap_or_default(), unit];
        let from = usize::from(units[0] == 0);
        match char::decode_utf16(units[from..].iter().copied()).next() {
            Some(Ok(c)) => self.show(c.encode_utf8(&mut [0; 4])),
            _ if from == 1 && (0xD800..0xDC00).contains(&unit) => {
                self.half = Some(unit);
                true
            }
            _ => self.show("\u{fffd}"),
        }
    }

    /// A character of the usual code page of Windows, 1252.
    fn byte(&mut self, byte: u8) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return true;
        }
        let c = match byte {
            0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
            other => char::from(other),
        };
        self.show(c.encode_utf8(&mut [0; 4]))
    }

    fn hide(&mut self) {
        if let Some(group) = self.groups.last_mut() {
            group.unseen = true;
        }
    }

    fn show(&mut self, text: &str) -> bool {
        self.groups.last().is_some_and(|group| group.unseen) || self.out.push(text)
    }
}

/// 0x80 to 0x9f in Windows-1252 (WHATWG Encoding, index windows-1252).
const HIGH: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(rtf: &[u8]) -> String {
        text(rtf).unwrap().as_str().to_owned()
    }

    #[test]
    fn words_come_without_what_surrounds_them() {
        let rtf = br"{\rtf1\ansi\deff0{\fonttbl{\f0 Times New Roman;}}{\*\generator Some Office;}{\info{\author Nobody}}
\pard\b Jane Doe\b0\par
Caf\'e9 {\i and} \u8364 ?100\tab \{x\}\line\uc0\u55357\u56832 !{\pict 89504e47}{\field{\*\fldinst HYPERLINK x}{\fldrslt link}}}";
        assert_eq!(shown(rtf), "Jane Doe\nCafé and €100\t{x}\n😀!link");
    }

    #[test]
    fn what_is_broken_ends_and_does_nothing_worse() {
        for bad in [
            &b"{\\rtf1"[..],
            b"{\\rtf1}}}}",
            b"{\\rtf1 a\\",
            b"{\\rtf1 a\\'",
            b"{\\rtf1\\bin99999 a",
            b"{\\rtf1\\u",
            b"{\\rtf1\\u-99999999999 a",
            b"{\\rtf1\\u55357\\u55357 ?",
        ] {
            let _ = text(bad);
        }
        assert!(text(b"{\\rt").is_err() && text(&[b"{\\rtf1".as_slice(), &b"{".repeat(5000)].concat()).is_err());
        assert!(text(&[b"{\\rtf1\\".as_slice(), &b"a".repeat(5000)].concat()).is_err());
        assert!(text(&[b"{\\rtf1 ".as_slice(), &b"a".repeat(2 << 20)].concat()).unwrap().is_cut());
    }
}
