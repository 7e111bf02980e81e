//! The system keys: what the vault itself needs, as against the keys of the people in it. They are one sealed row, whose
//! key hangs on the top page beside the tree's children.

use super::KeyError;
use crate::base::codec::{BadLayout, Reader, Writer};
use crate::base::entropy::Entropy;
use crate::base::sensitive::SecretBytes;
use crate::base::tables::Table;
use crate::crypto::Key;
use crate::crypto::context::{Context, Purpose};
use crate::crypto::envelope;

macro_rules! system_keys {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The keys of the vault itself. Order and count are part of the format.
        pub struct SystemKeys {
            $($(#[$doc])* pub $name: Key,)*
        }

        const COUNT: usize = [$(stringify!($name)),*].len();

        impl SystemKeys {
            /// Fresh keys.
            ///
            /// # Errors
            /// Without randomness.
            pub fn make_random(entropy: &dyn Entropy) -> Result<Self, KeyError> {
                Ok(Self { $($name: Key::make_random(entropy)?,)* })
            }

            fn encode(&self) -> SecretBytes {
                let mut out = Writer::with_capacity(COUNT * Key::LEN);
                $(out.bytes(self.$name.expose());)*
                out.finish()
            }

            fn decode(bytes: &[u8]) -> Result<Self, BadLayout> {
                let mut reader = Reader::new(bytes);
                let keys = Self { $($name: Key::from_slice(reader.bytes(Key::LEN)?).ok_or(BadLayout)?,)* };
                reader.end()?;
                Ok(keys)
            }
        }
    };
}

system_keys! {
    /// Outer layer of audit entries.
    audit,
    /// Seed of the signer of audit heads.
    head_signer,
    /// Seed of the signer of erasure certificates.
    certificate_signer,
    /// Tags of e-mail addresses.
    address_tag,
    /// Where the key of a list row or record is found.
    places,
    /// Terms of the store digest.
    digest,
    /// Receipt locators.
    locator,
    /// Token hashes.
    token_hash,
    /// Check value of the witness.
    witness,
    /// Idempotency keys and request bodies.
    idempotency,
    /// Staff accounts, tokens and file markers.
    rows,
    /// Erasure orders.
    intents,
    /// The state that each commit leaves.
    state,
}

impl SystemKeys {
    /// The store key of the row.
    pub fn row_key() -> Vec<u8> {
        Table::Pages.key(&[ROW])
    }

    /// Seals the keys under their page key.
    ///
    /// # Errors
    /// Without randomness.
    pub fn seal(&self, key: &Key, entropy: &dyn Entropy) -> Result<Vec<u8>, KeyError> {
        Ok(envelope::seal(key, &CONTEXT, &self.encode(), entropy)?)
    }

    /// Opens them.
    ///
    /// # Errors
    /// [`KeyError::Open`].
    pub fn open(key: &Key, sealed: &[u8]) -> Result<Self, KeyError> {
        Ok(Self::decode(&envelope::open(key, &CONTEXT, sealed)?)?)
    }
}

const ROW: &[u8] = b"system";
const CONTEXT: Context<'_> = Context::new(Purpose::SystemKeys).table(Table::Pages).row(ROW);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SystemEntropy;

    #[test]
    fn the_order_is_part_of_the_format() {
        let bytes: Vec<u8> = (0..COUNT as u8).flat_map(|n| [n; Key::LEN]).collect();
        let keys = SystemKeys::decode(&bytes).unwrap();
        let first = |key: &Key| key.expose()[0];
        assert_eq!(
            [&keys.audit, &keys.address_tag, &keys.digest, &keys.rows, &keys.state].map(first),
            [0, 3, 5, 10, 12]
        );
        assert!(SystemKeys::decode(&bytes[1..]).is_err());
        assert_eq!(SystemKeys::row_key(), Table::Pages.key(&[b"system"]));
    }

    #[test]
    fn round_trip() {
        let entropy = SystemEntropy::new();
        let key = Key::make_random(&entropy).unwrap();
        let made = SystemKeys::make_random(&entropy).unwrap();
        let opened = SystemKeys::open(&key, &made.seal(&key, &entropy).unwrap()).unwrap();
        assert_eq!(*made.encode(), *opened.encode());
        let distinct: std::collections::BTreeSet<&[u8]> =
            made.encode().chunks(32).map(<[u8]>::to_vec).map(|v| &*v.leak()).collect();
        assert_eq!(distinct.len(), COUNT);
    }
}
