//! The hashes that proofs are made of.
//!
//! Entries never change, so neither do complete subtrees. The roots of those of 256 entries and more are kept in memory once
//! they were needed: 64 bytes for each 256 entries. What lies below is worked out from the rows of one block.

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

use super::{TreeHead, entry_key};
use crate::crypto::merkle::proof::{Subtrees, root};
use crate::crypto::merkle::{Frontier, Hash, leaf_hash, node_hash};
use crate::vault::VaultError;
use crate::vault::shared::Shared;

/// The level of the smallest subtrees that are kept.
const BLOCK_LEVEL: u32 = 8;
/// Entries of such a subtree.
const BLOCK: u64 = 1 << BLOCK_LEVEL;

/// Roots of complete subtrees, by level from [`BLOCK_LEVEL`] on.
#[derive(Default)]
pub(in crate::vault) struct Hashes(Mutex<Vec<Vec<Hash>>>);

impl Hashes {
    /// The root of a complete subtree, if it is known yet.
    fn known(&self, level: u32, index: u64) -> Option<Hash> {
        let tiers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let tier = tiers.get(level.checked_sub(BLOCK_LEVEL)? as usize)?;
        tier.get(usize::try_from(index).ok()?).copied()
    }

    /// Complete blocks that are known.
    fn blocks(&self) -> u64 {
        let tiers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tiers.first().map_or(0, |tier| tier.len() as u64)
    }

    fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Takes the root of block `index` in, if it is the next one, with the subtrees that it completes.
    fn add(&self, index: u64, block: Hash) {
        let mut tiers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tiers.first().map_or(0, |tier| tier.len() as u64) != index {
            return; // somebody else was faster
        }
        let mut node = block;
        for level in 0.. {
            if tiers.len() == level {
                tiers.push(Vec::new());
            }
            tiers[level].push(node);
            match tiers[level].as_slice() {
                [.., left, right] if tiers[level].len().is_multiple_of(2) => node = node_hash(left, right),
                _ => return,
            }
        }
    }
}

/// One look at the tree over the first so many entries, found to be the one that the vault keeps.
pub(super) struct Look<'a> {
    shared: &'a Shared,
    size: u64,
    /// The block read last: its number and the hashes of its entries.
    block: RefCell<Option<(u64, Vec<Hash>)>>,
}

impl<'a> Look<'a> {
    /// Looks at the durable tree. The first look after a start reads the whole trail once.
    ///
    /// # Errors
    /// [`VaultError::Tampered`] when the rows do not add up to the head that the vault keeps.
    pub(super) fn new(shared: &'a Shared) -> Result<(Self, TreeHead), VaultError> {
        let trail = shared.durable_trail();
        let look = Self { shared, size: trail.size(), block: RefCell::new(None) };
        let head = TreeHead { size: trail.size(), root: trail.root() };
        for index in shared.hashes.blocks()..head.size / BLOCK {
            shared.hashes.add(index, top(&look.read(index)?));
        }
        if root(&look, head.size)? != head.root {
            // What was read just now may be at fault, and must not be believed for ever.
            shared.hashes.forget();
            return Err(VaultError::Tampered);
        }
        Ok((look, head))
    }

    /// The hashes of the entries of a block, as far as it goes.
    fn read(&self, index: u64) -> Result<Vec<Hash>, VaultError> {
        let (from, to) = (index * BLOCK, ((index + 1) * BLOCK).min(self.size));
        let mut out = Vec::with_capacity(BLOCK as usize);
        for row in self.shared.engine.scan(&entry_key(from), &entry_key(to)) {
            let (key, sealed) = row?;
            // A row between two numbers, or none where one should be.
            if key != entry_key(from + out.len() as u64) {
                return Err(VaultError::Tampered);
            }
            out.push(leaf_hash(&sealed));
        }
        if out.len() as u64 == to - from { Ok(out) } else { Err(VaultError::Tampered) }
    }
}

impl Subtrees for Look<'_> {
    type Error = VaultError;

    fn subtree(&self, level: u32, index: u64) -> Result<Hash, VaultError> {
        if let Some(known) = self.shared.hashes.known(level, index) {
            return Ok(known);
        }
        if level >= BLOCK_LEVEL {
            // Known by now, or it is not complete.
            return Err(VaultError::Tampered);
        }
        let start = index << level;
        let number = start / BLOCK;
        let mut block = self.block.borrow_mut();
        if block.as_ref().is_none_or(|(read, _)| *read != number) {
            let leaves = self.read(number)?;
            // The rows may have been changed since the block was added up.
            if self.shared.hashes.known(BLOCK_LEVEL, number).is_some_and(|known| known != top(&leaves)) {
                return Err(VaultError::Tampered);
            }
            *block = Some((number, leaves));
        }
        let within = usize::try_from(start % BLOCK).unwrap_or(usize::MAX);
        let leaves = block.as_ref().and_then(|(_, leaves)| leaves.get(within..within + (1 << level)));
        leaves.map(top).ok_or(VaultError::Tampered)
    }
}

fn top(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::default();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    frontier.root()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subtrees_grow_from_blocks() {
        let hashes = Hashes::default();
        let block = |n: u8| [n; 32];
        hashes.add(1, block(9));
        assert_eq!(hashes.blocks(), 0, "out of turn");
        for n in 0..5 {
            hashes.add(u64::from(n), block(n));
            hashes.add(u64::from(n), block(99));
        }
        let pair = |a, b| node_hash(&a, &b);
        assert_eq!(hashes.blocks(), 5);
        assert_eq!(hashes.known(8, 4), Some(block(4)));
        assert_eq!(hashes.known(9, 1), Some(pair(block(2), block(3))));
        assert_eq!(hashes.known(9, 2), None);
        assert_eq!(hashes.known(10, 0), Some(pair(pair(block(0), block(1)), pair(block(2), block(3)))));
        assert_eq!((hashes.known(10, 1), hashes.known(11, 0), hashes.known(3, 0)), (None, None, None));
    }
}
