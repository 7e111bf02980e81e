//! Samples of each kind, what only pretends to be one, and 2,000 mutations that must neither panic nor pass as
//! something else.

use std::io::Cursor;

use super::*;

fn kind(bytes: &[u8]) -> Option<FileKind> {
    judge(Cursor::new(bytes), bytes.len() as u64).unwrap()
}

/// An archive of stored entries, as an office program would lay it out.
fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut table) = (Vec::<u8>::new(), Vec::<u8>::new());
    for (name, data) in entries {
        let at = (out.len() as u32).to_le_bytes();
        let size = (data.len() as u32).to_le_bytes();
        let name_len = (name.len() as u16).to_le_bytes();
        out.extend(b"PK\x03\x04\x14\0\0\0\0\0\0\0\x21\0\0\0\0\0");
        [&size[..], &size, &name_len, &[0, 0], name.as_bytes(), data].iter().for_each(|part| out.extend(*part));
        table.extend(b"PK\x01\x02\x14\0\x14\0\0\0\0\0\0\0\x21\0\0\0\0\0");
        [&size[..], &size, &name_len, &[0; 12], &at, name.as_bytes()].iter().for_each(|part| table.extend(*part));
    }
    let (at, size) = ((out.len() as u32).to_le_bytes(), (table.len() as u32).to_le_bytes());
    let n = (entries.len() as u16).to_le_bytes();
    out.extend(table);
    [&b"PK\x05\x06\0\0\0\0"[..], &n, &n, &size, &at, &[0, 0]].iter().for_each(|part| out.extend(*part));
    out
}

const WORD: [(&str, &[u8]); 4] = [
    ("[Content_Types].xml", b"<Types/>"),
    ("_rels/.rels", b"<Relationships/>"),
    ("word/document.xml", b"<w:document/>"),
    ("docProps/core.xml", b"<cp:coreProperties/>"),
];

const WRITER: [(&str, &[u8]); 4] = [
    ("mimetype", b"application/vnd.oasis.opendocument.text"),
    ("content.xml", b"<office:document-content/>"),
    ("styles.xml", b"<office:document-styles/>"),
    ("META-INF/manifest.xml", b"<manifest:manifest/>"),
];

fn with<'a>(base: &[(&'a str, &'a [u8])], more: &[(&'a str, &'a [u8])]) -> Vec<u8> {
    zip(&[base, more].concat())
}

fn pdf() -> Vec<u8> {
    let mut out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n".to_vec();
    out.extend((0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8));
    out.extend(b"\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n");
    out
}

const RTF: &[u8] = b"{\\rtf1\\ansi\\deff0 {\\fonttbl {\\f0 Courier;}}\n\\f0\\fs24 Jane Doe \\'e9\\par }";

fn samples() -> Vec<(FileKind, Vec<u8>)> {
    vec![
        (FileKind::Pdf, pdf()),
        (FileKind::Docx, zip(&WORD)),
        (FileKind::Odt, zip(&WRITER)),
        (FileKind::Rtf, RTF.to_vec()),
        (FileKind::Txt, "Jane Doe\r\n\tEngineer, Zürich\u{c}\n".repeat(4000).into_bytes()),
    ]
}

#[test]
fn each_kind_is_told_by_its_content() {
    for (expected, bytes) in samples() {
        assert_eq!(kind(&bytes), Some(expected));
    }
    let illustrator = [b"%PDF-1.5\n".as_slice(), b"/AIPrivateData1 5 0 R\n%%EOF"].concat();
    assert_eq!(kind(&illustrator), Some(FileKind::Pdf));
    assert_eq!(kind(b"%PDF-"), Some(FileKind::Pdf));
    // A folder may have an entry of its own, a picture may be large, the main part may have a number.
    let picture = vec![0x89; 300_000];
    let word = [
        ("[Content_Types].xml", &b"<Types/>"[..]),
        ("word/", b""),
        ("word/media/a.png", &picture),
        ("word/document2.xml", b"<x/>"),
    ];
    assert_eq!(kind(&zip(&word)), Some(FileKind::Docx));
    assert_eq!(kind(&with(&WRITER, &[("Pictures/a.png", &picture)])), Some(FileKind::Odt));
}

#[test]
fn text_may_begin_with_what_looks_like_a_signature() {
    for text in [
        "BMW Group, Munich",
        "MZansi Recruitment",
        "PK Sharma",
        "PK00 7AA is my post code",
        "GIF89a",
        "Gert",
        "1",
        "free to start in May",
        "# CV\n",
        "{ \"name\": \"Jane\" }",
        "\u{feff}Jane",
        "RIFF raff",
        "-lh5-",
        "%% CV %%",
        "<3 Rust",
        "\\documentclass{article}",
    ] {
        assert_eq!(kind(text.as_bytes()), Some(FileKind::Txt), "{text:?}");
        assert_eq!(kind(text.repeat(200).as_bytes()), Some(FileKind::Txt), "{text:?}");
    }
}

#[test]
fn what_is_no_kind_is_refused() {
    let refused: [&[u8]; 22] = [
        b"",
        b"\0",
        b"MZ\x90\0\x03\0\0\0",
        b"\x7fELF\x02\x01\x01\0",
        b"\xff\xd8\xff\xe0\0\x10JFIF\0",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0\0\0",
        b"PK\x03\x04",
        b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"Rar!\x1a\x07\0",
        b"\x1f\x8b\x08\0",
        b"Jane\0Doe",
        b"Jane \x1b[31mDoe",
        b"Jane \xe9 Doe",
        b"\xff\xfeJ\0a\0n\0e\0",
        b"Jane \xc2\x85 Doe",
        b"<!DOCTYPE html><script>alert(1)</script>",
        b"\xef\xbb\xbf \n<html>",
        b"<?xml version=\"1.0\"?><svg onload=\"alert(1)\"/>",
        b"#!/bin/sh\nrm -rf /\n",
        b"%!PS-Adobe-3.0\n",
        b"@echo off\r\ndel *\r\n",
    ];
    for bytes in refused {
        assert_eq!(kind(bytes), None, "{:?}", String::from_utf8_lossy(bytes));
    }
    // Not at the very beginning.
    assert_eq!(kind(b"\0%PDF-1.7"), None);
    assert_ne!(kind(b" %PDF-1.7"), Some(FileKind::Pdf));
    assert_eq!(kind(b"{\\rtf1\0}"), None);
}

#[test]
fn text_is_read_to_its_end_and_across_pieces() {
    let long = "é".repeat(200_000);
    assert_eq!(kind(format!("x{long}").as_bytes()), Some(FileKind::Txt));
    assert_eq!(kind(format!("{long}\0").as_bytes()), None);
    assert_eq!(kind(&format!("x{long}").as_bytes()[..long.len()]), None, "ends within a character");

    /// Gives one byte at a time.
    struct Slow(Cursor<Vec<u8>>);
    impl Read for Slow {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let n = buf.len().min(1);
            self.0.read(&mut buf[..n])
        }
    }
    impl Seek for Slow {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }
    for (expected, bytes) in samples() {
        let len = bytes.len() as u64;
        assert_eq!(judge(Slow(Cursor::new(bytes)), len).unwrap(), Some(expected));
    }
    assert!(judge(Cursor::new(b"abc"), 4).is_err(), "shorter than it claims");
}

#[test]
fn an_archive_is_not_a_document() {
    let refused = [
        zip(&[("readme.txt", b"hello")]),
        zip(&WORD[..2]),
        with(&WORD, &[("xl/workbook.xml", b"<x/>")]),
        with(&WORD, &[("word/vbaProject.bin", b"macro")]),
        with(&WORD, &[("word/VBAPROJECT.BIN", b"macro")]),
        with(&WORD, &[("META-INF/MANIFEST.MF", b"Main-Class: Evil")]),
        with(&WORD, &[("classes.dex", b"dex")]),
        with(&WORD, &[("../../evil", b"x")]),
        with(&WORD, &[("/etc/passwd", b"x")]),
        with(&WORD, &[("word\\document.xml", b"x")]),
        with(&WORD, &[("word/document.xml", b"again")]),
        with(&WORD, &[("WORD/document.xml", b"again")]),
        with(&WORD, &[("mimetype", b"application/vnd.oasis.opendocument.text")]),
        with(&WRITER, &[("Basic/script-lc.xml", b"macro")]),
        with(&WRITER, &[("word/document.xml", b"x"), ("[Content_Types].xml", b"x")]),
        zip(&WRITER[1..]),
        zip(&WRITER[..2]),
        zip(&[WRITER[1], WRITER[0], WRITER[3]]),
        with(&[("mimetype", b"application/vnd.oasis.opendocument.spreadsheet")], &WRITER[1..]),
        with(&[("mimetype", b"application/epub+zip")], &WRITER[1..]),
    ];
    for (i, bytes) in refused.iter().enumerate() {
        assert_eq!(kind(bytes), None, "archive {i}");
    }
    let many: Vec<(String, Vec<u8>)> = (0..1100).map(|n| (format!("word/{n}.xml"), vec![])).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(name, data)| (name.as_str(), data.as_slice())).collect();
    assert_eq!(kind(&with(&WORD, &many[..1000])), Some(FileKind::Docx));
    assert_eq!(kind(&with(&WORD, &many)), None);
}

#[test]
fn two_kinds_at_once_are_refused() {
    let archive = zip(&[("evil.exe", b"MZ")]);
    for (_, bytes) in samples().into_iter().filter(|(kind, _)| matches!(kind, FileKind::Pdf | FileKind::Rtf)) {
        assert_eq!(kind(&[bytes.as_slice(), &archive].concat()), None);
        // The document hidden in the comment of the archive that follows it.
        let mut hidden = [bytes.as_slice(), &archive].concat();
        let at = hidden.len() - 2;
        hidden[at..].copy_from_slice(&6_u16.to_le_bytes());
        hidden.extend(b"%%EOF\n");
        assert_eq!(kind(&hidden), None);
    }
    // An archive with something before or after it.
    assert_eq!(kind(&[b"PK\x03\x04".as_slice(), &zip(&WORD)].concat()), None);
    assert_eq!(kind(&[zip(&WORD).as_slice(), b"x"].concat()), None);
    assert_eq!(kind(&[zip(&WORD), zip(&WORD)].concat()), None);
}

/// Overwrites `len` bytes at `at`, counted from the end record.
fn patched(mut bytes: Vec<u8>, at: usize, value: &[u8]) -> Vec<u8> {
    let end = bytes.len() - 22;
    bytes[end + at..end + at + value.len()].copy_from_slice(value);
    bytes
}

#[test]
fn lies_in_the_table_of_contents_are_refused() {
    let word = zip(&WORD);
    for (at, value) in [
        (4, &[1, 0][..]),
        (8, &[3, 0]),
        (8, &[3, 0, 3, 0]),
        (8, &[5, 0, 5, 0]),
        (8, &[0xff; 4]),
        (12, &[0xff; 4]),
        (16, &[0xff; 4]),
        (16, &[0, 0, 0, 0]),
        (20, &[1, 0]),
    ] {
        assert_eq!(kind(&patched(word.clone(), at, value)), None, "{at} {value:?}");
    }
    // A type entry that claims to be four gigabytes long: to be refused before anybody reserves the memory.
    let mut writer = zip(&WRITER);
    let table = writer.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    writer[table + 20..table + 28].fill(0xf0);
    assert_eq!(kind(&writer), None);
    // The same for one that unpacks to more than anybody wants to open, and for two entries in one place.
    let mut bomb = zip(&WORD);
    let table = bomb.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    bomb[table + 24..table + 28].copy_from_slice(&(600_u32 << 20).to_le_bytes());
    assert_eq!(kind(&bomb), None);
    let mut overlap = zip(&WORD);
    let second = overlap.windows(4).enumerate().filter(|(_, w)| *w == b"PK\x01\x02").nth(1).unwrap().0;
    overlap[second + 42..second + 46].fill(0);
    assert_eq!(kind(&overlap), None);
    // An entry that the table of contents does not mention.
    let mut hidden = zip(&[&[("evil.exe", &b"MZ"[..])], &WORD[..]].concat());
    let table = hidden.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    let cut = 46 + "evil.exe".len();
    hidden.drain(table..table + cut);
    let size = (hidden.len() - 22 - table) as u32;
    let hidden = patched(patched(hidden, 8, &[4, 0, 4, 0]), 12, &size.to_le_bytes());
    assert_eq!(kind(&hidden), None);
    // Encrypted, and packed by something that office programs do not use.
    for (at, value) in [(8, 1), (10, 12)] {
        let mut odd = zip(&WORD);
        let table = odd.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
        odd[table + at] = value;
        assert_eq!(kind(&odd), None);
    }
}

#[test]
fn zip64_is_refused_before_its_numbers_are_added_up() {
    let mut bytes = zip(&WORD);
    let end = bytes.len() - 22;
    let mut locator = b"PK\x06\x07\0\0\0\0".to_vec();
    locator.extend([0xff; 8]);
    locator.extend([1, 0, 0, 0]);
    bytes.splice(end..end, locator);
    assert_eq!(kind(&bytes), None);
}

/// A small generator of the same numbers every time.
fn numbers() -> impl FnMut(usize) -> usize {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    }
}

#[test]
fn two_thousand_mutations_never_panic_or_change_kind() {
    let mut random = numbers();
    let mut changed = 0;
    for (original, sample) in samples() {
        // A long sample would be mutated mostly where nobody looks.
        let sample =
            if sample.len() > 4096 { [&sample[..2048], &sample[sample.len() - 2048..]].concat() } else { sample };
        assert_eq!(kind(&sample), Some(original));
        for round in 0..400 {
            let mut bytes = sample.clone();
            for _ in 0..=random(4) {
                let at = random(bytes.len());
                match random(6) {
                    0 => bytes.truncate(at.max(1)),
                    1 => bytes[at] ^= 1 << random(8),
                    2 => bytes[at] = [0, 0xff, b'P', 0x7f][random(4)],
                    3 => drop(bytes.drain(at..(at + random(40)).min(bytes.len()))),
                    4 => {
                        let piece = bytes[at..(at + 46).min(bytes.len())].to_vec();
                        let to = random(bytes.len());
                        bytes.splice(to..to, piece);
                    }
                    _ => {
                        let end = (at + 4).min(bytes.len());
                        bytes[at..end].fill(0xff);
                    }
                }
                if bytes.is_empty() {
                    bytes.push(0);
                }
            }
            match kind(&bytes) {
                Some(found) if found == original => {}
                // A document cut down to its readable rest is a text, and nothing worse.
                Some(FileKind::Txt) => assert!(std::str::from_utf8(&bytes).is_ok_and(|t| !t.contains('\0')), "{round}"),
                Some(found) => panic!("{original} became {found} in round {round}"),
                None => changed += 1,
            }
            // The format library is asked with the same bytes claimed longer and shorter than they are.
            let _ = judge(Cursor::new(&bytes), bytes.len() as u64 / 2);
            assert!(judge(Cursor::new(&bytes), bytes.len() as u64 + 1).is_err());
        }
    }
    assert!(changed > 500, "the mutations hardly touch what is looked at: {changed}");
}
