//! Random handles, and one type for each kind of thing that has one.
//!
//! A handle is 128 random bits. It says nothing about what it stands for, so it may appear in clear in store keys,
//! file names, URLs and the audit trail. As text it is 26 characters of unpadded lower-case base32 (RFC 4648 §6).

use data_encoding::Encoding;
use serde::{Deserialize, Serialize};

use super::entropy::{self, Entropy, EntropyError};

/// The text is not an id: 26 characters `a`–`z`, `2`–`7`.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("not an id: expected 26 characters, a to z and 2 to 7")]
pub struct BadId;

/// 128 random bits that name something.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle([u8; Self::LEN]);

impl Handle {
    /// Length in bytes.
    pub const LEN: usize = 16;

    /// A fresh handle.
    pub fn make_random(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        entropy::random(entropy).map(Self)
    }

    /// The handle with these bytes.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes, as they stand in store keys.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

const BASE32: Encoding = data_encoding::BASE32_NOPAD;

impl std::fmt::Display for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&BASE32.encode(&self.0).to_ascii_lowercase())
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Handle {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // One spelling only: the upper-case form of the alphabet is refused, so that an id has a single URL.
        if text.len() != 26 || text.bytes().any(|b| !matches!(b, b'a'..=b'z' | b'2'..=b'7')) {
            return Err(BadId);
        }
        let bytes = BASE32.decode(text.to_ascii_uppercase().as_bytes()).map_err(|_| BadId)?;
        bytes.try_into().map(Self).map_err(|_| BadId)
    }
}

impl Serialize for Handle {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() { s.collect_str(self) } else { self.0.serialize(s) }
    }
}

impl<'de> Deserialize<'de> for Handle {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if d.is_human_readable() {
            let text = String::deserialize(d)?;
            text.parse().map_err(serde::de::Error::custom)
        } else {
            <[u8; Self::LEN]>::deserialize(d).map(Self)
        }
    }
}

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Handle);

        impl $name {
            /// A fresh random id.
            pub fn make_random(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
                Handle::make_random(entropy).map(Self)
            }

            /// The id with these bytes.
            pub const fn from_bytes(bytes: [u8; Handle::LEN]) -> Self {
                Self(Handle::from_bytes(bytes))
            }

            /// The 16 bytes of the id.
            pub const fn as_bytes(&self) -> &[u8; Handle::LEN] {
                self.0.as_bytes()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

id! {
    /// One installation: the data folder and the key folder both carry it.
    VaultId;
    /// A person that records are about (the *subject*).
    PersonId;
    /// One submission. The API calls it `submission`.
    RecordId;
    /// One sealed file under `data/files/`.
    FileId;
    /// What one person asks for and another approves.
    ApprovalId;
    /// An alert about unusual reading.
    AlertId;
    /// A vacancy that forms offer.
    VacancyId;
    /// What lets a guest read one submission.
    PassId;
    /// A staff or service account.
    StaffId;
    /// An API token (its public half; the secret half is stored as a hash).
    TokenId;
    /// A key of a server that posts forms on behalf of people (likewise).
    KeyId;
    /// One erasure order, from the moment it is durable until its rows are gone.
    IntentId;
    /// One HTTP request or command, for logs and error answers.
    RequestId;
    /// One issue of a newsletter, sent to whoever has confirmed.
    MailingId;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SeededEntropy;

    #[test]
    fn text_round_trip() {
        let id = RecordId::make_random(&SeededEntropy::new(1)).unwrap();
        let text = id.to_string();
        assert_eq!(text.len(), 26);
        assert_eq!(text.parse(), Ok(id));
    }

    #[test]
    fn one_spelling_only() {
        let id = Handle::from_bytes([0xa5; 16]).to_string();
        for bad in [
            id.to_uppercase(),
            format!("{id} "),
            format!(" {id}"),
            id[..25].to_owned(),
            format!("{id}a"),
            format!("{}b", &id[..25]), // trailing bits that no handle has
            "../../../../../../etc/pass".to_owned(),
            "..%2f..%2f..%2f..%2f..%2f.".to_owned(),
            String::new(),
            "ａ".repeat(26),
        ] {
            assert_eq!(bad.parse::<Handle>(), Err(BadId), "{bad:?}");
        }
    }
}
