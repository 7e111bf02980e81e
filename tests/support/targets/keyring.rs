//! The content of a part of a keyring, as it comes out of its envelope.

use letterlock::keys::keyring;

/// What decodes encodes to the very same bytes. The first byte is the number of the part.
pub(crate) fn run(data: &[u8]) {
    let Some((part, content)) = data.split_first() else { return };
    if let Some(again) = keyring::reencode(u16::from(*part), content) {
        assert_eq!(*again, content, "two spellings of one part of a keyring");
    }
}
