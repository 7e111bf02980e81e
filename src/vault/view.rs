//! The published snapshot of the key tree that readers work on.
//!
//! It holds the inner pages of one epoch. A leaf is opened from its row each time, so no person's key stays in memory.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use super::VaultError;
use crate::base::sensitive::SecretBytes;
use crate::crypto::Key;
use crate::keys::tree::{FANOUT, InnerPage, LeafEntry, LeafPage, PageNo, TOP, TopPage};
use crate::store::Engine;

pub(super) type Pages = HashMap<PageNo, Arc<InnerPage>>;

pub(super) struct TreeView {
    pub(super) epoch: u64,
    pages: RwLock<Pages>,
}

impl TreeView {
    pub(super) const fn new(epoch: u64, pages: Pages) -> Self {
        Self { epoch, pages: RwLock::new(pages) }
    }

    /// Opens the top page and all inner pages under it. Also gives the system row's key.
    pub(super) fn load(engine: &dyn Engine, root: &Key, epoch: u64) -> Result<(Self, Key), VaultError> {
        Self::load_some(engine, root, epoch, |_| true)
    }

    /// As [`TreeView::load`], but only those inner pages below the top that are `wanted`.
    pub(super) fn load_some(
        engine: &dyn Engine,
        root: &Key,
        epoch: u64,
        wanted: impl Fn(PageNo) -> bool,
    ) -> Result<(Self, Key), VaultError> {
        let sealed = engine.read(&PageNo::TOP.row_key())?.ok_or(VaultError::Tampered)?;
        let top = TopPage::decode(&PageNo::TOP.open(root, epoch, &sealed)?).map_err(|_| VaultError::Tampered)?;
        let mut pages = Pages::new();
        let mut level: Vec<(PageNo, Arc<InnerPage>)> = vec![(PageNo::TOP, Arc::new(top.children))];
        for _ in (1..TOP).rev() {
            let mut below = Vec::new();
            for (no, page) in &level {
                for (slot, key) in page.children() {
                    let child = PageNo { level: no.level - 1, index: no.index * FANOUT + slot as u64 };
                    if !wanted(child) {
                        continue;
                    }
                    let sealed = engine.read(&child.row_key())?.ok_or(VaultError::Tampered)?;
                    let content = child.open(key, epoch, &sealed)?;
                    below.push((child, Arc::new(InnerPage::decode(&content).map_err(|_| VaultError::Tampered)?)));
                }
            }
            pages.extend(level);
            level = below;
        }
        pages.extend(level);
        Ok((Self::new(epoch, pages), top.system))
    }

    pub(super) fn page(&self, no: PageNo) -> Option<Arc<InnerPage>> {
        self.pages.read().ok()?.get(&no).cloned()
    }

    /// Publishes pages that a commit changed.
    pub(super) fn update(&self, changed: Vec<(PageNo, InnerPage)>) {
        if let Ok(mut pages) = self.pages.write() {
            pages.extend(changed.into_iter().map(|(no, page)| (no, Arc::new(page))));
        }
    }

    /// The pages of the next epoch: these, with `changed` in place of the old ones.
    pub(super) fn successor(&self, epoch: u64, changed: Vec<(PageNo, InnerPage)>) -> Self {
        let mut pages = self.pages.read().map(|pages| pages.clone()).unwrap_or_default();
        pages.extend(changed.into_iter().map(|(no, page)| (no, Arc::new(page))));
        Self::new(epoch, pages)
    }

    /// Opens a leaf; `None` when the tree has none there.
    pub(super) fn leaf(&self, engine: &dyn Engine, index: u64) -> Result<Option<LeafPage>, VaultError> {
        let content = self.leaf_content(engine, index)?;
        content.map(|content| LeafPage::decode(&content).map_err(|_| VaultError::Tampered)).transpose()
    }

    /// The person at a place; `None` when there is nobody.
    pub(super) fn person(&self, engine: &dyn Engine, place: u64) -> Result<Option<LeafEntry>, VaultError> {
        let Some(content) = self.leaf_content(engine, place / FANOUT)? else { return Ok(None) };
        LeafPage::pick(&content, (place % FANOUT) as usize).map_err(|_| VaultError::Tampered)
    }

    /// What stands in a leaf; `None` when the tree has none there.
    pub(super) fn leaf_content(&self, engine: &dyn Engine, index: u64) -> Result<Option<SecretBytes>, VaultError> {
        let no = PageNo { level: 0, index };
        let Some((parent, slot)) = no.parent() else { return Ok(None) };
        let Some(page) = self.page(parent) else { return Ok(None) };
        let Some(key) = page.child(slot) else { return Ok(None) };
        let sealed = engine.read(&no.row_key())?.ok_or(VaultError::Tampered)?;
        Ok(Some(no.open(key, self.epoch, &sealed)?))
    }

    /// The numbers of all leaves, in order.
    pub(super) fn leaves(&self) -> Vec<u64> {
        let Ok(pages) = self.pages.read() else { return Vec::new() };
        let mut out: Vec<u64> = pages
            .iter()
            .filter(|(no, _)| no.level == 1)
            .flat_map(|(no, page)| page.children().map(|(slot, _)| no.index * FANOUT + slot as u64).collect::<Vec<_>>())
            .collect();
        out.sort_unstable();
        out
    }

    pub(super) fn page_count(&self) -> u64 {
        self.pages.read().map_or(0, |pages| pages.len() as u64)
    }
}
