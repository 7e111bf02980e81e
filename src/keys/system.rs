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

/// The keys of the vault itself. Order and count are part of the format.
pub struct SystemKeys {
    /// Outer layer of audit entries.
    pub audit: Key,
    /// Seed of the signer of audit heads.
    pub head_signer: Key,
    /// Seed of the signer of erasure certificates.
    pub certificate_signer: Key,
    /// Tags of e-mail addresses.
    pub address_tag: Key,
    /// Where the key of a list row or record is found.
    pub places: Key,
    /// Terms of the store digest.
    pub digest: Key,
    /// Receipt locators.
    pub locator: Key,
    /// Token hashes.
    pub token_hash: Key,
    /// Check value of the witness.
    pub witness: Key,
    /// Idempotency keys and request bodies.
    pub idempotency: Key,
    /// Staff accounts, tokens and file markers.
    pub rows: Key,
    /// Erasure orders.
    pub intents: Key,
    /// The state that each commit leaves.
    pub state: Key,
}

const COUNT: usize = 13;

impl SystemKeys {
    /// Fresh keys.
    ///
    /// # Errors
    /// Without randomness.
    pub fn make_random(entropy: &dyn Entropy) -> Result<Self, KeyError> {
        let mut keys = Vec::with_capacity(COUNT);
        for _ in 0..COUNT {
            keys.push(Key::make_random(entropy)?);
        }
        Ok(Self::from_keys(keys)?)
    }

    fn from_keys(keys: Vec<Key>) -> Result<Self, BadLayout> {
        let keys: [Key; COUNT] = keys.try_into().map_err(|_| BadLayout)?;
        let [
            audit,
            head_signer,
            certificate_signer,
            address_tag,
            places,
            digest,
            locator,
            token_hash,
            witness,
            idempotency,
            rows,
            intents,
            state,
        ] = keys;
        Ok(Self {
            audit,
            head_signer,
            certificate_signer,
            address_tag,
            places,
            digest,
            locator,
            token_hash,
            witness,
            idempotency,
            rows,
            intents,
            state,
        })
    }

    fn encode(&self) -> SecretBytes {
        let mut out = Writer::with_capacity(COUNT * Key::LEN);
        for key in [
            &self.audit,
            &self.head_signer,
            &self.certificate_signer,
            &self.address_tag,
            &self.places,
            &self.digest,
            &self.locator,
            &self.token_hash,
            &self.witness,
            &self.idempotency,
            &self.rows,
            &self.intents,
            &self.state,
        ] {
            out.bytes(key.expose());
        }
        out.finish()
    }

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
        let bytes = envelope::open(key, &CONTEXT, sealed)?;
        let mut reader = Reader::new(&bytes);
        let mut keys = Vec::with_capacity(COUNT);
        for _ in 0..COUNT {
            keys.push(Key::from_slice(reader.bytes(Key::LEN)?).ok_or(BadLayout)?);
        }
        reader.end()?;
        Ok(Self::from_keys(keys)?)
    }
}

const ROW: &[u8] = b"system";
const CONTEXT: Context<'_> = Context::new(Purpose::SystemKeys).table(Table::Pages).row(ROW);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::SystemEntropy;

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
