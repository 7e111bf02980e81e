//! The content of a page of the key tree, as it comes out of its envelope, and the page's sealed row.

use letterlock::base::entropy::SeededEntropy;
use letterlock::base::sensitive::SecretBytes;
use letterlock::crypto::Key;
use letterlock::keys::tree::{InnerPage, LeafPage, PageNo, TopPage};

use super::Seam;

/// The first byte picks the kind of page; what decodes encodes to the very same bytes, and opens only in its own place.
pub fn check(data: &[u8], seam: Seam) {
    let Some((kind, content, encoded)) = decode(data) else { return };
    let level = kind % 3;
    let mut again = encoded.to_vec();
    (seam.written)(&mut again);
    assert_eq!(again, content, "two spellings of one page of kind {level}");

    let key = Key::from_bytes([0x21; 32]);
    let no = if level == 2 { PageNo::TOP } else { PageNo { level, index: u64::from(kind) } };
    let row = no.seal(&key, 7, content, &SeededEntropy::new(7)).unwrap();
    assert_eq!(*no.open(&key, 7, &row).unwrap(), content);
    let moved = PageNo { index: no.index + 1, ..no }.open(&key, 7, &row);
    assert!((seam.refused)(moved.is_err()), "opens in another place");
}

/// Whether it is the content of a page.
pub fn understood(data: &[u8]) -> bool {
    decode(data).is_some()
}

fn decode(data: &[u8]) -> Option<(u8, &[u8], SecretBytes)> {
    let (kind, content) = data.split_first()?;
    let encoded = match kind % 3 {
        0 => LeafPage::decode(content).map(|page| page.encode()),
        1 => InnerPage::decode(content).map(|page| page.encode()),
        _ => TopPage::decode(content).map(|page| page.encode()),
    };
    Some((*kind, content, encoded.ok()?))
}
