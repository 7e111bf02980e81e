//! Erasure certificates: a signed statement of what was destroyed, for the person who asked and for a regulator. It
//! holds counts and handles, nothing personal.

use serde::{Deserialize, Serialize};

use crate::base::clock::Timestamp;
use crate::base::ids::{FileId, PersonId, RecordId, VaultId};
use crate::crypto::OpenError;
use crate::crypto::sign::{self, Signer};
use crate::policy::Role;

/// What the signature covers comes after these words.
const PREFIX: &[u8] = b"letterlock erasure certificate 1\n";

/// What is certified. Its compact JSON, fields in this order, is what is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Format: 1.
    pub version: u32,
    /// The vault.
    pub vault: VaultId,
    /// `person` or `record`.
    pub kind: Kind,
    /// The person, by handle.
    pub subject: PersonId,
    /// Handles of the records destroyed.
    pub records: Vec<RecordId>,
    /// Handles of the files destroyed.
    pub files: Vec<FileId>,
    /// Rows of keys destroyed: keyrings.
    pub keyrings: u32,
    /// Rows of the consent ledger destroyed.
    pub consent_rows: u32,
    /// Epoch of the root key before. That root no longer exists.
    pub epoch_before: u64,
    /// Epoch after.
    pub epoch_after: u64,
    /// Epoch that the recovery slot held when this was signed; `null` when it could not be reached.
    pub recovery_epoch: Option<u64>,
    /// `complete`, or `pending in backup` while the recovery slot still holds an earlier root.
    pub state: State,
    /// When the old root had been destroyed.
    pub erased_at: Timestamp,
    /// The role on whose authority.
    pub role: Option<Role>,
}

/// What was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A person with everything held about them.
    Person,
    /// A single record.
    Record,
}

/// Whether the recovery slot has followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Nothing can be recovered.
    #[serde(rename = "complete")]
    Complete,
    /// The recovery slot holds a root from before the erasure.
    #[serde(rename = "pending in backup")]
    PendingInBackup,
}

/// A statement with its signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// What is certified.
    pub statement: Statement,
    /// Ed25519 public key, hex; also at `/.well-known/letterlock-erasure-key`.
    pub public_key: String,
    /// Ed25519 signature, hex.
    pub signature: String,
}

impl Certificate {
    /// Signs a statement.
    pub fn sign(statement: Statement, signer: &Signer) -> Self {
        let signature = signer.sign(&message(&statement));
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        Self { statement, public_key: hex(&signer.public()), signature: hex(&signature) }
    }

    /// Checks the signature under `public_key`, which the checker has from elsewhere; the one inside proves nothing.
    ///
    /// # Errors
    /// [`OpenError`] when it is not by that key, or anything was changed.
    pub fn verify(&self, public_key: &[u8]) -> Result<(), OpenError> {
        let unhex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(|_| OpenError);
        if unhex(&self.public_key)? != public_key {
            return Err(OpenError);
        }
        sign::verify(public_key, &message(&self.statement), &unhex(&self.signature)?)
    }
}

fn message(statement: &Statement) -> Vec<u8> {
    let json = serde_json::to_vec(statement).expect("a statement is plain data");
    [PREFIX, &json].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Key;

    fn certificate() -> Certificate {
        let statement = Statement {
            version: 1,
            vault: VaultId::from_bytes([1; 16]),
            kind: Kind::Person,
            subject: PersonId::from_bytes([2; 16]),
            records: vec![RecordId::from_bytes([3; 16])],
            files: vec![FileId::from_bytes([4; 16])],
            keyrings: 1,
            consent_rows: 1,
            epoch_before: 7,
            epoch_after: 8,
            recovery_epoch: Some(8),
            state: State::Complete,
            erased_at: Timestamp::from_millis(1_795_453_726_042),
            role: Some(Role::Privacy),
        };
        Certificate::sign(statement, &Signer::new(&Key::from_bytes([9; 32])))
    }

    #[test]
    fn frozen_vector() {
        let text = serde_json::to_string_pretty(&certificate()).unwrap();
        assert_eq!(text.trim(), include_str!("vectors/certificate.json").trim());
    }

    #[test]
    fn any_change_is_noticed_and_layout_does_not_matter() {
        let key = Signer::new(&Key::from_bytes([9; 32])).public();
        let good = certificate();
        assert_eq!(good.verify(&key), Ok(()));
        let text = serde_json::to_string_pretty(&good).unwrap();
        assert_eq!(serde_json::from_str::<Certificate>(&text).unwrap().verify(&key), Ok(()));
        for change in [
            |s: &mut Statement| s.epoch_after += 1,
            |s: &mut Statement| s.state = State::PendingInBackup,
            |s: &mut Statement| s.records.clear(),
            |s: &mut Statement| s.role = None,
        ] {
            let mut bad = good.clone();
            change(&mut bad.statement);
            assert_eq!(bad.verify(&key), Err(OpenError));
        }
        assert_eq!(good.verify(&Signer::new(&Key::from_bytes([8; 32])).public()), Err(OpenError));
        assert!(serde_json::from_str::<Certificate>(&text.replacen('{', "{\"extra\":1,", 1)).is_err());
    }
}
