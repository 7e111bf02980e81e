//! Tokens that open something to whoever bears them, for as long as this process remembers: a visit, a link that was mailed.
//! They are kept by their hash, so that neither the memory nor the time of a look tells anything of a token.

use ring::digest;

use crate::base::entropy::{Entropy, EntropyError, random};
use crate::base::sensitive::SensitiveString;

/// A token under which something is kept: its SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Hashed(pub(super) [u8; 32]);

/// Makes a token: 256 random bits, 43 characters of base64url (RFC 4648).
///
/// # Errors
/// Without randomness.
pub(super) fn make(entropy: &dyn Entropy) -> Result<SensitiveString, EntropyError> {
    let token: [u8; 32] = random(entropy)?;
    Ok(SensitiveString::from(data_encoding::BASE64URL_NOPAD.encode(&token)))
}

/// What a token is kept under. Any text has a hash; only that of a token finds something.
pub(super) fn hash(token: &str) -> Hashed {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    Hashed(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SystemEntropy;

    #[test]
    fn each_token_is_another_and_has_a_hash_of_its_own() {
        let entropy = SystemEntropy::new();
        let [one, other] = [make(&entropy).unwrap(), make(&entropy).unwrap()];
        assert!(one.expose().len() == 43 && one.expose() != other.expose());
        assert!(hash(one.expose()) == hash(one.expose()) && hash(one.expose()) != hash(other.expose()));
    }
}
