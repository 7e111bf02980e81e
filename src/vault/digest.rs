//! The store digest: a keyed multiset hash over all live rows, carried by the audit trail, so that `verify` finds any
//! row replayed, dropped or added behind the vault's back.
//!
//! MSet-Add-Hash (Clarke and others, "Incremental Multiset Hash Functions and Their Application to Memory Integrity
//! Checking", 2003): the sum modulo 2²⁵⁶ of HMAC-SHA-256(key length ‖ key ‖ value) over the rows. The sum itself stands
//! inside sealed entries only. Rows of the audit trail and the state row are left out: the Merkle tree covers the one,
//! and the other holds the sum.

use serde::{Deserialize, Serialize};

use crate::base::tables::Table;
use crate::crypto::Key;
use crate::crypto::derive::{Label, Prf};
use crate::store::{Engine, StoreError};

/// A sum over rows, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Sum {
    limbs: [u64; 4],
    rows: u64,
}

impl Sum {
    pub(super) fn add(&mut self, term: &[u8; 32]) {
        let mut carry = false;
        for (limb, other) in self.limbs.iter_mut().zip(limbs(term)) {
            let (sum, over) = limb.overflowing_add(other);
            let (sum, again) = sum.overflowing_add(u64::from(carry));
            *limb = sum;
            carry = over || again;
        }
        self.rows += 1;
    }

    pub(super) fn subtract(&mut self, term: &[u8; 32]) {
        let mut borrow = false;
        for (limb, other) in self.limbs.iter_mut().zip(limbs(term)) {
            let (difference, under) = limb.overflowing_sub(other);
            let (difference, again) = difference.overflowing_sub(u64::from(borrow));
            *limb = difference;
            borrow = under || again;
        }
        self.rows = self.rows.wrapping_sub(1);
    }

    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }
}

/// The keyed function behind the sum.
pub(super) struct Terms(Prf);

impl Terms {
    pub(super) fn new(key: &Key) -> Self {
        Self(Prf::new(key, Label::DigestRow))
    }

    pub(super) fn term(&self, key: &[u8], value: &[u8]) -> [u8; 32] {
        self.0.value(&[&(key.len() as u32).to_be_bytes(), key, value])
    }
}

/// Whether the row is an account, a token, a key, what an account signs in with, what two people settle, or what
/// lets a guest in.
pub(super) fn is_account(key: &[u8]) -> bool {
    ACCOUNTS.iter().any(|table| key.first() == Some(&table.id()))
}

/// What says who may come in, and what may be done: an earlier version of one of these rows, put back, would undo a revocation
/// or a change of password, or give back a leave that was used, so they are counted at each start.
const ACCOUNTS: [Table; 6] =
    [Table::Staff, Table::Tokens, Table::Keys, Table::Credentials, Table::Approvals, Table::Passes];

/// The sum over all of these rows in a store.
pub(super) fn accounts(engine: &dyn Engine, terms: &Terms) -> Result<Sum, StoreError> {
    let mut sum = Sum::default();
    for table in ACCOUNTS {
        for row in engine.scan(&[table.id()], &[table.id() + 1]) {
            let (key, value) = row?;
            sum.add(&terms.term(&key, &value));
        }
    }
    Ok(sum)
}

/// Whether the sum covers the row.
pub(super) fn covers(key: &[u8]) -> bool {
    key.first() != Some(&Table::Audit.id()) && key != Table::Meta.key(&[b"state"])
}

fn limbs(term: &[u8; 32]) -> impl Iterator<Item = u64> {
    term.chunks_exact(8).map(|chunk| u64::from_le_bytes(chunk.try_into().expect("chunks of eight")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn order_does_not_matter_and_subtracting_undoes(terms in proptest::collection::vec(any::<[u8; 32]>(), 0..20), cut in 0usize..20) {
            let mut forward = Sum::default();
            terms.iter().for_each(|t| forward.add(t));
            let mut backward = Sum::default();
            terms.iter().rev().for_each(|t| backward.add(t));
            prop_assert_eq!(forward, backward);
            let cut = cut.min(terms.len());
            let mut part = Sum::default();
            terms[cut..].iter().for_each(|t| part.add(t));
            terms[..cut].iter().for_each(|t| forward.subtract(t));
            prop_assert_eq!(forward, part);
        }
    }

    #[test]
    fn carries_run_through() {
        let mut sum = Sum::default();
        sum.add(&[0xff; 32]);
        let mut one = [0; 32];
        one[0] = 1;
        sum.add(&one);
        assert_eq!(sum.limbs, [0; 4]);
        sum.subtract(&one);
        assert_eq!(sum.limbs, [u64::MAX; 4]);
    }

    #[test]
    fn key_and_value_cannot_trade_bytes() {
        let terms = Terms::new(&Key::from_bytes([1; 32]));
        assert_ne!(terms.term(b"ab", b"c"), terms.term(b"a", b"bc"));
        assert!(covers(&Table::Records.key(&[b"x"])) && !covers(&Table::Audit.key(&[b"x"])));
        assert!(covers(&Table::Meta.key(&[b"epoch"])) && !covers(&Table::Meta.key(&[b"state"])));
    }
}
