//! The content of a part of a keyring, as it comes out of its envelope.

use letterlock::keys::keyring;

use super::Seam;

/// What decodes encodes to the very same bytes, and not at all when a byte is lacking or too many. The first byte is the
/// number of the part.
pub fn check(data: &[u8], seam: Seam) {
    let Some((part, content)) = data.split_first() else { return };
    let part = u16::from(*part);
    let Some(again) = keyring::reencode(part, content) else { return };
    let mut again = again.to_vec();
    (seam.written)(&mut again);
    assert_eq!(again, content, "two spellings of one part of a keyring");
    let cut = keyring::reencode(part, &content[..content.len() - 1]);
    let longer = keyring::reencode(part, &[content, &[0]].concat());
    assert!((seam.refused)(cut.is_none() && longer.is_none()), "a part of another length decodes");
}

/// Whether it is a part of a keyring that holds anything.
pub fn understood(data: &[u8]) -> bool {
    data.split_first().is_some_and(|(part, content)| keyring::reencode(u16::from(*part), content).is_some())
}
