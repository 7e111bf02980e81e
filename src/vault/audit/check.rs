//! Reads the whole trail again and compares it with its head, and with heads that were kept elsewhere.

use super::{Entry, TreeHead, entry_key};
use crate::crypto::OpenError;
use crate::crypto::merkle::{Frontier, leaf_hash};
use crate::vault::committer::Job;
use crate::vault::digest::Sum;
use crate::vault::shared::Shared;
use crate::vault::{Vault, VaultError};

/// What a check of the trail found.
#[derive(Clone, Debug)]
pub struct TrailCheck {
    /// Entries read.
    pub entries: u64,
    /// In words; empty when all is well.
    pub problems: Vec<String>,
    /// The head that was reached.
    pub head: TreeHead,
    /// The digest in the last entry.
    pub(in crate::vault) digest: Option<Sum>,
}

impl Vault {
    /// Reads the whole trail up to the present head: every entry opens, has its number, and the tree over them is the
    /// one that the vault keeps. For each head in `known`, the tree over that many entries must be that one.
    ///
    /// # Errors
    /// [`VaultError::Unavailable`] when the store cannot be read.
    pub async fn check_trail(
        &self,
        known: &[TreeHead],
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<TrailCheck, VaultError> {
        let kept: Frontier = self.ask(Job::Head).await?;
        check_trail(&self.shared, &kept, known, progress)
    }
}

fn check_trail(
    shared: &Shared,
    kept: &Frontier,
    known: &[TreeHead],
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<TrailCheck, VaultError> {
    let mut problems = Vec::new();
    let mut frontier = Frontier::default();
    let mut digest = None;
    let mut known = known.to_vec();
    known.sort_unstable_by_key(|head| head.size);
    let longest = known.last().copied();
    let mut known = known.into_iter().peekable();
    for seq in 0..=kept.size() {
        while let Some(head) = known.next_if(|head| head.size == seq) {
            if head.root != frontier.root() {
                problems.push(format!("the first {} audit entries are not those of the head given", head.size));
            }
        }
        if seq == kept.size() {
            break;
        }
        match shared.engine.read(&entry_key(seq))? {
            None => problems.push(format!("audit entry {seq} is missing")),
            Some(sealed) => {
                frontier.push(leaf_hash(&sealed));
                match Entry::open(seq, &sealed, &shared.keys.audit) {
                    Ok(entry) => digest = entry.digest.or(digest),
                    Err(OpenError) => problems.push(format!("audit entry {seq} was changed: it does not open")),
                }
            }
        }
        if seq % 256 == 0 {
            progress(seq, kept.size());
        }
    }
    if let Some(head) = longest.filter(|head| head.size > kept.size()) {
        problems.push(format!("the trail was cut: it has {} entries, the head given has {}", kept.size(), head.size));
    }
    if frontier != *kept {
        problems.push("the entries do not add up to the audit head that the vault keeps".to_owned());
    }
    progress(kept.size(), kept.size());
    Ok(TrailCheck { entries: kept.size(), problems, head: TreeHead { size: kept.size(), root: kept.root() }, digest })
}
