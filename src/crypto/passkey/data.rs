//! Authenticator data: what a device says and signs (WebAuthn level 3, section 6.1).
//!
//! ```text
//! SHA-256 of the relying party (32) ‖ flags (1) ‖ counter (4)
//!   with MADE:   model (16) ‖ length (2) ‖ id of the passkey ‖ its public key (COSE)
//!   with MORE:   extensions (CBOR), which nothing here asks for
//! ```

use ring::digest::{SHA256, digest};

use super::cose::PublicKey;

/// Longest id of a passkey, in bytes (section 7.1, step 25).
const LONGEST_ID: usize = 1023;

/// The flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flags(u8);

impl Flags {
    /// Somebody was there (UP).
    pub(super) const PRESENT: u8 = 0x01;
    /// And was recognised (UV).
    pub(super) const VERIFIED: u8 = 0x04;
    /// May be carried to other devices (BE).
    pub(super) const PORTABLE: u8 = 0x08;
    /// Was (BS).
    pub(super) const CARRIED: u8 = 0x10;
    /// A passkey was made (AT).
    const MADE: u8 = 0x40;
    /// Extensions follow (ED).
    const MORE: u8 = 0x80;

    pub(super) const fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }
}

/// The data, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AuthData {
    /// SHA-256 of the relying party.
    pub(super) party: [u8; 32],
    pub(super) flags: Flags,
    pub(super) counter: u32,
    /// The passkey that was made.
    pub(super) made: Option<Made>,
}

/// A passkey that was made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) id: Vec<u8>,
    pub(super) key: PublicKey,
}

impl AuthData {
    /// Takes data apart; `None` for any that breaks off, goes on, or has a key that is not used here.
    pub(super) fn parse(data: &[u8]) -> Option<Self> {
        let (party, rest) = data.split_first_chunk::<32>()?;
        let (flags, rest) = rest.split_first()?;
        let (counter, mut rest) = rest.split_first_chunk::<4>()?;
        let flags = Flags(*flags);
        let mut made = None;
        if flags.has(Flags::MADE) {
            let (_model, after) = rest.split_first_chunk::<16>()?;
            let (length, after) = after.split_first_chunk::<2>()?;
            let length = usize::from(u16::from_be_bytes(*length));
            if length == 0 || length > LONGEST_ID {
                return None;
            }
            let (id, after) = after.split_at_checked(length)?;
            let (key, after) = PublicKey::parse(after)?;
            made = Some(Made { id: id.to_vec(), key });
            rest = after;
        }
        // Extensions are signed with the rest, and nobody asks what they say.
        let ends = rest.is_empty() != flags.has(Flags::MORE);
        ends.then_some(Self { party: *party, flags, counter: u32::from_be_bytes(*counter), made })
    }
}

pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}
