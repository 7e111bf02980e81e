//! Proofs about the tree: that an entry is in it, and that one tree begins with another (RFC 9162 §2.1.3 and §2.1.4).
//!
//! Whoever makes a proof needs the roots of complete subtrees only ([`Subtrees`]), a handful for each proof. Whoever checks
//! one needs nothing but the proof and the roots of the trees.

use std::ops::Range;

use super::{Hash, empty_root, node_hash};

/// Gives the roots of complete subtrees.
pub trait Subtrees {
    /// Why it could not.
    type Error;

    /// The root over the entries from `index`·2^`level` on, 2^`level` of them. All of them are there.
    ///
    /// # Errors
    /// Whatever keeps it from telling.
    fn subtree(&self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// The root of the tree over the first `size` entries.
///
/// # Errors
/// Those of `hashes`.
pub fn root<S: Subtrees>(hashes: &S, size: u64) -> Result<Hash, S::Error> {
    if size == 0 { Ok(empty_root()) } else { over(hashes, 0..size) }
}

/// The path from entry `index` up to the root of the tree over the first `size` entries, nearest first. `None` when that tree
/// does not hold the entry.
///
/// # Errors
/// Those of `hashes`.
pub fn inclusion<S: Subtrees>(hashes: &S, index: u64, size: u64) -> Result<Option<Vec<Hash>>, S::Error> {
    if index >= size {
        return Ok(None);
    }
    let (mut path, mut range) = (Vec::new(), 0..size);
    while range.end - range.start > 1 {
        let middle = middle(&range);
        let (left, right) = (range.start..middle, middle..range.end);
        let (inside, beside) = if index < middle { (left, right) } else { (right, left) };
        path.push(over(hashes, beside)?);
        range = inside;
    }
    path.reverse();
    Ok(Some(path))
}

/// What shows that the tree over the first `second` entries begins with the tree over the first `first`. `None` when the
/// first tree is empty, of which nothing needs to be shown, or the larger one. Of two equal sizes, nothing.
///
/// # Errors
/// Those of `hashes`.
pub fn consistency<S: Subtrees>(hashes: &S, first: u64, second: u64) -> Result<Option<Vec<Hash>>, S::Error> {
    if first == 0 || first > second {
        return Ok(None);
    }
    let (mut path, mut range) = (Vec::new(), 0..second);
    // While nothing was cut off on the right, the first tree is a subtree of its own, whose root the verifier knows.
    let mut known = true;
    while range.end != first {
        let middle = middle(&range);
        if first <= middle {
            path.push(over(hashes, middle..range.end)?);
            range.end = middle;
        } else {
            path.push(over(hashes, range.start..middle)?);
            range.start = middle;
            known = false;
        }
    }
    if !known {
        path.push(over(hashes, range)?);
    }
    path.reverse();
    Ok(Some(path))
}

/// Whether `path` leads from an entry's hash to `root`. As RFC 9162 §2.1.3.2.
pub fn includes(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut node) = (index, size - 1, *leaf);
    for beside in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            node = node_hash(beside, &node);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            node = node_hash(&node, beside);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && node == *root
}

/// Whether `path` shows that the second tree begins with the first. As RFC 9162 §2.1.4.2. Every tree begins with the empty
/// one.
pub fn continues(first: (u64, &Hash), second: (u64, &Hash), path: &[Hash]) -> bool {
    let ((first, first_root), (second, second_root)) = (first, second);
    if first == 0 {
        return path.is_empty() && *first_root == empty_root();
    }
    if first >= second {
        return first == second && path.is_empty() && first_root == second_root;
    }
    let whole = first.is_power_of_two().then_some(first_root);
    let mut nodes = whole.into_iter().chain(path);
    let (mut at, mut last) = (first - 1, second - 1);
    while at & 1 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    let Some(start) = nodes.next() else { return false };
    let (mut old, mut new) = (*start, *start);
    for node in nodes {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            (old, new) = (node_hash(node, &old), node_hash(node, &new));
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            new = node_hash(&new, node);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && old == *first_root && new == *second_root
}

/// The root over a range that begins where a subtree of its size, rounded up, does.
fn over<S: Subtrees>(hashes: &S, range: Range<u64>) -> Result<Hash, S::Error> {
    let size = range.end - range.start;
    if size.is_power_of_two() {
        let level = size.trailing_zeros();
        return hashes.subtree(level, range.start >> level);
    }
    let middle = middle(&range);
    Ok(node_hash(&over(hashes, range.start..middle)?, &over(hashes, middle..range.end)?))
}

/// Where a range of at least two entries is cut: after the largest power of two below its size.
const fn middle(range: &Range<u64>) -> u64 {
    range.start + (1 << (range.end - range.start - 1).ilog2())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::super::{Frontier, leaf_hash};
    use super::*;

    /// A tree that keeps its leaves and works everything out by the definitions of RFC 9162 §2.1.
    struct Naive(Vec<Hash>);

    impl Naive {
        fn new(size: u64) -> Self {
            Self((0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect())
        }

        fn root(&self, size: u64) -> Hash {
            mth(&self.0[..size as usize])
        }
    }

    impl Subtrees for Naive {
        type Error = Infallible;

        fn subtree(&self, level: u32, index: u64) -> Result<Hash, Infallible> {
            let start = (index << level) as usize;
            Ok(mth(&self.0[start..start + (1 << level)]))
        }
    }

    fn mth(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => empty_root(),
            [one] => *one,
            _ => {
                let k = leaves.len().next_power_of_two() / 2;
                node_hash(&mth(&leaves[..k]), &mth(&leaves[k..]))
            }
        }
    }

    /// PATH(m, D[n]).
    fn path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let k = leaves.len().next_power_of_two() / 2;
        let (mut out, beside) = if m < k {
            (path(m, &leaves[..k]), mth(&leaves[k..]))
        } else {
            (path(m - k, &leaves[k..]), mth(&leaves[..k]))
        };
        out.push(beside);
        out
    }

    /// SUBPROOF(m, D[n], b).
    fn subproof(m: usize, leaves: &[Hash], b: bool) -> Vec<Hash> {
        if m == leaves.len() {
            return if b { Vec::new() } else { vec![mth(leaves)] };
        }
        let k = leaves.len().next_power_of_two() / 2;
        let (mut out, beside) = if m <= k {
            (subproof(m, &leaves[..k], b), mth(&leaves[k..]))
        } else {
            (subproof(m - k, &leaves[k..], false), mth(&leaves[..k]))
        };
        out.push(beside);
        out
    }

    const SIZE: u64 = 300;

    #[test]
    fn roots_are_those_of_the_definition_and_of_the_frontier() {
        let tree = Naive::new(SIZE);
        let mut frontier = Frontier::default();
        for size in 0..=SIZE {
            let got = root(&tree, size).unwrap();
            assert_eq!((got, got), (tree.root(size), frontier.root()), "{size} entries");
            if let Some(leaf) = tree.0.get(size as usize) {
                frontier.push(*leaf);
            }
        }
    }

    #[test]
    fn every_inclusion_proof_is_that_of_the_definition_and_is_accepted() {
        let tree = Naive::new(SIZE);
        let mut made = 0;
        for size in 1..=SIZE {
            let root = tree.root(size);
            // Every entry of the small trees; of the others, the edges and some between.
            for index in (0..size).filter(|index| size <= 70 || index % 7 == size % 7 || size - index <= 2) {
                let proof = inclusion(&tree, index, size).unwrap().unwrap();
                assert_eq!(proof, path(index as usize, &tree.0[..size as usize]), "{index} of {size}");
                assert!(includes(&tree.0[index as usize], index, size, &proof, &root), "{index} of {size}");
                made += 1;
            }
            assert_eq!(inclusion(&tree, size, size).unwrap(), None);
        }
        println!("{made} inclusion proofs, trees of up to {SIZE} entries");
        assert!(made > 8_000);
    }

    #[test]
    fn every_consistency_proof_is_that_of_the_definition_and_is_accepted() {
        let tree = Naive::new(SIZE);
        let roots: Vec<Hash> = (0..=SIZE).map(|size| tree.root(size)).collect();
        let mut made = 0;
        for second in 1..=SIZE {
            for first in (1..=second).filter(|first| second <= 70 || first % 7 == second % 7 || second - first <= 2) {
                let proof = consistency(&tree, first, second).unwrap().unwrap();
                let defined = subproof(first as usize, &tree.0[..second as usize], true);
                assert_eq!(proof, defined, "{first} in {second}");
                let (old, new) = ((first, &roots[first as usize]), (second, &roots[second as usize]));
                assert!(continues(old, new, &proof), "{first} in {second}");
                made += 1;
            }
            assert_eq!(consistency(&tree, second + 1, second).unwrap(), None);
            assert_eq!(consistency(&tree, 0, second).unwrap(), None);
            assert!(continues((0, &roots[0]), (second, &roots[second as usize]), &[]));
        }
        println!("{made} consistency proofs, trees of up to {SIZE} entries");
        assert!(made > 8_000);
    }

    // RFC 9162 §2.1.5: a tree of seven entries.
    #[test]
    fn the_example_of_the_rfc() {
        let tree = Naive::new(7);
        let [a, b, c, d, e, f, j] = <[Hash; 7]>::try_from(tree.0.clone()).unwrap();
        let (g, h, i) = (node_hash(&a, &b), node_hash(&c, &d), node_hash(&e, &f));
        let (k, l) = (node_hash(&g, &h), node_hash(&i, &j));
        for (index, proof) in [(0, vec![b, h, l]), (3, vec![c, g, l]), (4, vec![f, j, k]), (6, vec![i, k])] {
            assert_eq!(inclusion(&tree, index, 7).unwrap(), Some(proof), "entry {index}");
        }
        for (first, proof) in [(3, vec![c, d, g, l]), (4, vec![l]), (6, vec![i, j, k])] {
            assert_eq!(consistency(&tree, first, 7).unwrap(), Some(proof), "first tree of {first}");
        }
    }

    proptest! {
        // But for the size alone: several sizes can share the shape of a path. It is the signed head that binds it.
        #[test]
        fn a_changed_proof_of_inclusion_is_refused(
            size in 1u64..SIZE, index in any::<prop::sample::Index>(), change in 0usize..7, at in any::<prop::sample::Index>(), bit in 0usize..256,
        ) {
            let tree = Naive::new(size);
            let index = index.index(size as usize) as u64;
            let (mut leaf, mut root, mut number) = (tree.0[index as usize], tree.root(size), index);
            let mut proof = inclusion(&tree, index, size).unwrap().unwrap();
            prop_assert!(includes(&leaf, number, size, &proof, &root));
            let flip = |hash: &mut Hash| hash[bit / 8] ^= 1 << (bit % 8);
            match change {
                0 => flip(&mut leaf),
                1 => flip(&mut root),
                2 => number = (number + 1) % (size + 1),
                3 if !proof.is_empty() => { let at = at.index(proof.len()); flip(&mut proof[at]); }
                4 if !proof.is_empty() => { proof.remove(at.index(proof.len())); }
                5 if proof.len() > 1 => { let at = at.index(proof.len() - 1); proof.swap(at, at + 1); }
                _ => proof.insert(at.index(proof.len() + 1), leaf),
            }
            prop_assert!(!includes(&leaf, number, size, &proof, &root), "change {change}");
        }

        #[test]
        fn a_changed_proof_of_consistency_is_refused(
            second in 2u64..SIZE, first in any::<prop::sample::Index>(), change in 0usize..6, at in any::<prop::sample::Index>(), bit in 0usize..256,
        ) {
            let tree = Naive::new(second);
            let first = 1 + first.index(second as usize - 1) as u64;
            let (mut old, mut new) = (tree.root(first), tree.root(second));
            let mut proof = consistency(&tree, first, second).unwrap().unwrap();
            prop_assert!(continues((first, &old), (second, &new), &proof));
            let flip = |hash: &mut Hash| hash[bit / 8] ^= 1 << (bit % 8);
            match change {
                0 => flip(&mut old),
                1 => flip(&mut new),
                2 if !proof.is_empty() => { let at = at.index(proof.len()); flip(&mut proof[at]); }
                3 if !proof.is_empty() => { proof.remove(at.index(proof.len())); }
                4 if proof.len() > 1 => { let at = at.index(proof.len() - 1); proof.swap(at, at + 1); }
                _ => proof.insert(at.index(proof.len() + 1), old),
            }
            prop_assert!(!continues((first, &old), (second, &new), &proof), "change {change}");
        }

        #[test]
        fn a_history_that_was_rewritten_has_no_proof(second in 2u64..SIZE, first in any::<prop::sample::Index>(), at in any::<prop::sample::Index>()) {
            let honest = Naive::new(second);
            let first = 1 + first.index(second as usize - 1) as u64;
            let mut rewritten = Naive::new(second);
            rewritten.0[at.index(first as usize)] = leaf_hash(b"another story");
            let (kept, now) = (honest.root(first), rewritten.root(second));
            for proof in [consistency(&honest, first, second), consistency(&rewritten, first, second)] {
                prop_assert!(!continues((first, &kept), (second, &now), &proof.unwrap().unwrap()));
            }
        }
    }
}
