//! A sealed file, as somebody may have changed it: header and segments.

use letterlock::base::entropy::{Entropy, SeededEntropy};
use letterlock::base::ids::FileId;
use letterlock::crypto::Key;
use letterlock::crypto::aead::TAG_LEN;
use letterlock::crypto::envelope::{HEADER_LEN, SALT_LEN};
use letterlock::crypto::stream::{Opener, SEALED_SEGMENT_LEN, SEGMENT_LEN, Sealer, shape};

use super::{Replay, Seam, flip, pick};

const KEY: [u8; 32] = [0x17; 32];
const FILE: FileId = FileId::from_bytes([5; 16]);

/// An even first byte: true length (8) and a sealed file; if it opens, sealing its content writes the very same bytes.
/// An odd one: content to seal, which opens, and does not once it was moved, cut, lengthened or flipped.
pub fn check(data: &[u8], seam: Seam) {
    match data.split_first() {
        Some((kind, rest)) if kind % 2 == 0 => opened(rest, seam),
        Some((_, rest)) => sealed(rest, seam),
        None => {}
    }
}

/// Whether it is a file that opens.
pub fn understood(data: &[u8]) -> bool {
    data.split_first().is_some_and(|(kind, rest)| kind % 2 == 0 && parse(rest).is_some())
}

/// The input that holds `content`, sealed.
pub fn whole(content: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
    [&[0], (content.len() as u64).to_be_bytes().as_slice(), &seal(content, entropy)].concat()
}

fn opened(data: &[u8], seam: Seam) {
    let Some((content, file)) = parse(data) else { return };
    let mut again = seal(&content, &Replay::new(&[&file[2..2 + SALT_LEN]]));
    (seam.written)(&mut again);
    assert_eq!(again, file, "two spellings of one file");
}

fn parse(data: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (len, file) = data.split_first_chunk::<8>()?;
    Some((open(&KEY, &FILE, file, u64::from_be_bytes(*len))?, file))
}

fn sealed(data: &[u8], seam: Seam) {
    let content = content(data);
    let len = content.len() as u64;
    let file = seal(&content, &SeededEntropy::new(len));
    assert_eq!(open(&KEY, &FILE, &file, len).as_ref(), Some(&content));

    let segments = file[HEADER_LEN..].chunks(SEALED_SEGMENT_LEN).count();
    let last_at = HEADER_LEN + (segments - 1) * SEALED_SEGMENT_LEN;
    let refused = match pick(data, 6) {
        0 => open(&[0x18; 32], &FILE, &file, len).is_none(),
        1 => open(&KEY, &FileId::from_bytes([6; 16]), &file, len).is_none(),
        2 => open(&KEY, &FILE, &[&file[..], &[0]].concat(), len).is_none(),
        // Cut where a segment ends, and said to end there.
        3 if segments > 1 => open(&KEY, &FILE, &file[..last_at], (segments as u64 - 1) * SEGMENT_LEN as u64).is_none(),
        4 if segments > 2 => {
            let (first, second) = (HEADER_LEN, HEADER_LEN + SEALED_SEGMENT_LEN);
            let end = second + SEALED_SEGMENT_LEN;
            let moved = [&file[..first], &file[second..end], &file[first..second], &file[end..]].concat();
            open(&KEY, &FILE, &moved, len).is_none()
        }
        3 | 4 => open(&KEY, &FILE, &file[..file.len() - 1], len).is_none(),
        _ => {
            let mut flipped = file;
            flip(&mut flipped, data);
            open(&KEY, &FILE, &flipped, len).is_none()
        }
    };
    assert!((seam.refused)(refused), "a file opens that was changed, or that is another's");
}

/// What comes after the first byte of `data`; now and then over and over, up to around an edge of segments. Not more often,
/// because such a file takes some milliseconds.
fn content(data: &[u8]) -> Vec<u8> {
    let Some((&how, rest)) = data.split_first() else { return Vec::new() };
    if how >= 16 || rest.is_empty() || pick(rest, 32) != 0 {
        return rest.to_vec();
    }
    let edge = SEGMENT_LEN * (1 + usize::from(how / 8));
    let len = edge + pick(rest, 40 * 32) / 32 - 20;
    rest.repeat(len / rest.len() + 1)[..len].to_vec()
}

/// The input whose content to seal lies around this edge (1 or 2).
pub fn around(edge: u8) -> Vec<u8> {
    let texts = (0..).map(|n| format!("some content, over and over {n}"));
    let text = texts.into_iter().find(|text| pick(text.as_bytes(), 32) == 0).unwrap();
    [&[1, (edge - 1) * 8], text.as_bytes()].concat()
}

fn seal(content: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
    let mut sealer = Sealer::new(&Key::from_bytes(KEY), &FILE, entropy).unwrap();
    let mut out = sealer.header().to_vec();
    let full = shape(content.len() as u64).0 as usize - 1;
    for piece in content[..full * SEGMENT_LEN].chunks(SEGMENT_LEN) {
        let mut piece = piece.to_vec();
        sealer.segment(&mut piece).unwrap();
        out.extend_from_slice(&piece);
    }
    let mut rest = content[full * SEGMENT_LEN..].to_vec();
    sealer.last(&mut rest).unwrap();
    out.extend_from_slice(&rest);
    out
}

/// As the vault reads a file of which a record says `len`; the commitment is the file's own.
fn open(key: &[u8; 32], id: &FileId, file: &[u8], len: u64) -> Option<Vec<u8>> {
    let (header, segments) = file.split_at_checked(HEADER_LEN)?;
    let opener = Opener::new(&Key::from_bytes(*key), id, header, &header[2 + SALT_LEN..], len).ok()?;
    let (count, last_len) = shape(len);
    let sealed_len = u64::from(count - 1) * SEALED_SEGMENT_LEN as u64 + (last_len + TAG_LEN) as u64;
    let mut content = Vec::new();
    for (number, segment) in (0..count).zip(segments.chunks(SEALED_SEGMENT_LEN)) {
        content.extend_from_slice(&opener.segment(number, segment).ok()?);
    }
    (segments.len() as u64 == sealed_len).then_some(content)
}
