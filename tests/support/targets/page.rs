//! The content of a page of the key tree, as it comes out of its envelope, and the page's sealed row.

use letterlock::base::entropy::SeededEntropy;
use letterlock::crypto::Key;
use letterlock::keys::tree::{InnerPage, LeafPage, PageNo, TopPage};

/// The first byte picks the kind of page; what decodes encodes to the very same bytes, and opens only in its own place.
pub(crate) fn run(data: &[u8]) {
    let Some((kind, content)) = data.split_first() else { return };
    let level = kind % 3;
    let encoded = match level {
        0 => LeafPage::decode(content).map(|page| page.encode()),
        1 => InnerPage::decode(content).map(|page| page.encode()),
        _ => TopPage::decode(content).map(|page| page.encode()),
    };
    let Ok(encoded) = encoded else { return };
    assert_eq!(*encoded, content, "two spellings of one page of kind {level}");

    let key = Key::from_bytes([0x21; 32]);
    let no = if level == 2 { PageNo::TOP } else { PageNo { level, index: u64::from(*kind) } };
    let row = no.seal(&key, 7, content, &SeededEntropy::new(7)).unwrap();
    assert_eq!(*no.open(&key, 7, &row).unwrap(), content);
    assert!(PageNo { index: no.index + 1, ..no }.open(&key, 7, &row).is_err(), "opens in another place");
}
