//! Bearer tokens of staff and keys of servers: `llt_` or `llk_` ‖ id (26) ‖ `_` ‖ secret (52 characters, 256 bits), base32 in
//! lower case.
//!
//! The id finds the row; the row holds a keyed hash of the secret. A hash of 256 random bits needs no stretching.

use data_encoding::BASE32_NOPAD;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::aead::Key;
use super::derive::{Label, Prf};
use crate::base::entropy::{Entropy, EntropyError};
use crate::base::ids::TokenId;
use crate::base::sensitive::{Secret, SensitiveString};

/// Whose a bearer text is. One never passes for the other: they begin differently, and their rows lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearer {
    /// An account's.
    Token,
    /// A server's, that posts forms on behalf of people.
    Key,
}

impl Bearer {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Token => "llt_",
            Self::Key => "llk_",
        }
    }
}

/// The text is not a token of this vault's form.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("not a token")]
pub struct BadToken;

/// A token's parts.
pub struct Token {
    id: TokenId,
    secret: Secret<32>,
}

impl Token {
    /// A fresh token.
    pub fn make_random(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        Ok(Self { id: TokenId::make_random(entropy)?, secret: Secret::make_random(entropy)? })
    }

    /// Which row it belongs to.
    pub const fn id(&self) -> TokenId {
        self.id
    }

    /// The text of an account's token to hand out, once.
    pub fn bearer(&self) -> SensitiveString {
        self.bearer_as(Bearer::Token)
    }

    /// The text to hand out, once.
    pub fn bearer_as(&self, whose: Bearer) -> SensitiveString {
        let prefix = whose.prefix();
        let secret = Zeroizing::new(BASE32_NOPAD.encode(self.secret.expose()).to_ascii_lowercase());
        format!("{prefix}{}_{}", self.id, *secret).into()
    }

    /// Reads the bearer text of an account.
    ///
    /// # Errors
    /// [`BadToken`] for anything that [`Token::bearer`] does not write.
    pub fn parse(text: &str) -> Result<Self, BadToken> {
        Self::parse_as(Bearer::Token, text)
    }

    /// Reads a bearer text.
    ///
    /// # Errors
    /// [`BadToken`] for anything that [`Token::bearer_as`] does not write.
    pub fn parse_as(whose: Bearer, text: &str) -> Result<Self, BadToken> {
        let (id, secret) = text.strip_prefix(whose.prefix()).and_then(|rest| rest.split_once('_')).ok_or(BadToken)?;
        let id = id.parse().map_err(|_| BadToken)?;
        if secret.len() != 52 || secret.bytes().any(|b| !matches!(b, b'a'..=b'z' | b'2'..=b'7')) {
            return Err(BadToken);
        }
        let upper = Zeroizing::new(secret.to_ascii_uppercase());
        let bytes = Zeroizing::new(BASE32_NOPAD.decode(upper.as_bytes()).map_err(|_| BadToken)?);
        Ok(Self { id, secret: Secret::from_slice(&bytes).ok_or(BadToken)? })
    }
}

/// Hashes tokens under a system key.
pub struct TokenHasher(Prf);

impl TokenHasher {
    /// The hasher under this key.
    pub fn new(key: &Key) -> Self {
        Self(Prf::new(key, Label::TokenHash))
    }

    /// What the store keeps instead of the token.
    pub fn hash(&self, token: &Token) -> [u8; 32] {
        self.0.value(&[token.id.as_bytes(), token.secret.expose()])
    }

    /// Whether `token` is the one that was hashed to `stored`, in constant time.
    pub fn matches(&self, token: &Token, stored: &[u8; 32]) -> bool {
        self.hash(token).ct_eq(stored).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SystemEntropy;

    #[test]
    fn text_round_trip_and_nothing_else() {
        let token = Token::make_random(&SystemEntropy::new()).unwrap();
        let bearer = token.bearer();
        let text = bearer.expose();
        assert_eq!(text.len(), 4 + 26 + 1 + 52);
        let hasher = TokenHasher::new(&Key::from_bytes([1; 32]));
        let stored = hasher.hash(&token);
        assert!(hasher.matches(&Token::parse(text).unwrap(), &stored));
        for bad in [
            text.to_uppercase(),
            format!("{}{}", &text[..31], text[31..].to_uppercase()),
            text[1..].to_owned(),
            format!("{text}a"),
            format!("{text} "),
            text[..60].to_owned(),
            "llt__".into(),
        ] {
            assert!(Token::parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_token_is_no_key_and_a_key_no_token() {
        let token = Token::make_random(&SystemEntropy::new()).unwrap();
        let (staff, server) = (token.bearer(), token.bearer_as(Bearer::Key));
        assert!(Token::parse(server.expose()).is_err() && Token::parse_as(Bearer::Key, staff.expose()).is_err());
        assert!(Token::parse_as(Bearer::Key, server.expose()).is_ok() && server.expose().starts_with("llk_"));
    }

    #[test]
    fn another_secret_or_id_does_not_match() {
        let hasher = TokenHasher::new(&Key::from_bytes([1; 32]));
        let (a, b) =
            (Token::make_random(&SystemEntropy::new()).unwrap(), Token::make_random(&SystemEntropy::new()).unwrap());
        let stored = hasher.hash(&a);
        assert!(!hasher.matches(&b, &stored));
        let mixed = Token { id: a.id, secret: b.secret.duplicate() };
        assert!(!hasher.matches(&mixed, &stored));
    }
}
