//! Pages of the key tree.
//!
//! Five levels: leaves (level 0), three inner levels, and the top page (level 4), whose parent key is the root. A page
//! has 64 slots, so the tree has room for 2³⁰ people; pages are made when the first entry needs them. A person's *place*
//! is their arrival number: leaf `place / 64`, slot `place % 64`.
//!
//! ```text
//! leaf  = bitmap (8) ‖ for each bit, lowest first: person (16) ‖ person key (32) ‖ address tag (16; zeros for none)
//! inner = bitmap (8) ‖ for each bit: page key of the child (32)
//! top   = key of the system row (32) ‖ inner
//! ```
//!
//! Each page is an envelope under its own page key, which stands in its parent; an inner page's or leaf's key lives as
//! long as nobody below it is erased. Erasing gives fresh keys to every page on the path (see `vault::epoch`).

use super::KeyError;
use crate::base::codec::{BadLayout, Reader, Writer};
use crate::base::entropy::Entropy;
use crate::base::ids::{Handle, PersonId};
use crate::base::sensitive::SecretBytes;
use crate::base::tables::Table;
use crate::crypto::context::{Context, Purpose};
use crate::crypto::{Key, envelope};

/// Slots of a page.
pub const FANOUT: u64 = 64;
/// Level of the top page; leaves are level 0.
pub const TOP: u8 = 4;
/// How many people a vault can take in over its life.
pub const CAPACITY: u64 = 1 << 30;
/// Length of an address tag in bytes.
pub const TAG_LEN: usize = 16;

/// The tag under which an address is found: a keyed hash, itself sealed.
pub type AddressTag = [u8; TAG_LEN];

/// Where a page is: its level and its number within the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageNo {
    /// 0 for leaves, [`TOP`] for the top page.
    pub level: u8,
    /// From 0.
    pub index: u64,
}

impl PageNo {
    /// The top page.
    pub const TOP: Self = Self { level: TOP, index: 0 };

    /// The leaf with this place.
    pub const fn leaf_of(place: u64) -> Self {
        Self { level: 0, index: place / FANOUT }
    }

    /// Its parent, and its slot there; `None` for the top page.
    pub const fn parent(self) -> Option<(Self, usize)> {
        if self.level >= TOP {
            return None;
        }
        let parent = Self { level: self.level + 1, index: self.index / FANOUT };
        Some((parent, (self.index % FANOUT) as usize))
    }

    /// The pages above it, its parent first, the top page last.
    pub fn ancestors(self) -> impl Iterator<Item = Self> {
        let parent = |no: &Self| no.parent().map(|(parent, _)| parent);
        std::iter::successors(parent(&self), parent)
    }

    /// The store key of its row.
    pub fn row_key(self) -> Vec<u8> {
        Table::Pages.key(&[&self.row()])
    }

    fn row(self) -> [u8; 9] {
        let mut row = [0; 9];
        row[0] = self.level;
        row[1..].copy_from_slice(&self.index.to_be_bytes());
        row
    }

    /// Seals a page's content under its key. The top page's context carries the epoch.
    ///
    /// # Errors
    /// Without randomness.
    pub fn seal(self, key: &Key, epoch: u64, content: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, KeyError> {
        Ok(envelope::seal(key, &self.context(&self.row(), epoch), content, entropy)?)
    }

    /// Opens a page's row.
    ///
    /// # Errors
    /// [`KeyError::Open`].
    pub fn open(self, key: &Key, epoch: u64, sealed: &[u8]) -> Result<SecretBytes, KeyError> {
        Ok(envelope::open(key, &self.context(&self.row(), epoch), sealed)?)
    }

    const fn context(self, row: &[u8; 9], epoch: u64) -> Context<'_> {
        let version = if self.level == TOP { epoch } else { 0 };
        Context::new(Purpose::Page).table(Table::Pages).row(row).version(version)
    }
}

/// The keys of a page's children, by slot.
pub struct InnerPage(Vec<Option<Key>>);

impl InnerPage {
    /// A page without children.
    pub fn empty() -> Self {
        Self((0..FANOUT).map(|_| None).collect())
    }

    /// The key of the child in `slot`.
    pub fn child(&self, slot: usize) -> Option<&Key> {
        self.0.get(slot)?.as_ref()
    }

    /// Puts a key into a slot; what was there is wiped.
    pub fn set_child(&mut self, slot: usize, key: Key) {
        self.0[slot] = Some(key);
    }

    /// A copy to change: the committer's draft beside the published page.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0.iter().map(|key| key.as_ref().map(Key::duplicate)).collect())
    }

    /// The slots that have children.
    pub fn children(&self) -> impl Iterator<Item = (usize, &Key)> {
        self.0.iter().enumerate().filter_map(|(slot, key)| Some((slot, key.as_ref()?)))
    }

    /// The page's content.
    pub fn encode(&self) -> SecretBytes {
        let mut out = Writer::with_capacity(8 + self.0.len() * Key::LEN);
        self.encode_into(&mut out);
        out.finish()
    }

    fn encode_into(&self, out: &mut Writer) {
        out.u64(bitmap(self.0.iter().map(Option::is_some)));
        for (_, key) in self.children() {
            out.bytes(key.expose());
        }
    }

    /// Reads a page's content.
    ///
    /// # Errors
    /// [`BadLayout`].
    pub fn decode(content: &[u8]) -> Result<Self, BadLayout> {
        let mut reader = Reader::new(content);
        let page = Self::decode_from(&mut reader)?;
        reader.end()?;
        Ok(page)
    }

    fn decode_from(reader: &mut Reader<'_>) -> Result<Self, BadLayout> {
        let mut page = Self::empty();
        for slot in slots(reader.u64()?) {
            page.0[slot] = Some(Key::from_slice(reader.bytes(Key::LEN)?).ok_or(BadLayout)?);
        }
        Ok(page)
    }
}

/// The top page: the system row's key and the highest inner page in one.
pub struct TopPage {
    /// Key of the system row.
    pub system: Key,
    /// The children.
    pub children: InnerPage,
}

impl TopPage {
    /// The page's content.
    pub fn encode(&self) -> SecretBytes {
        let mut out = Writer::with_capacity(8 + 65 * Key::LEN);
        out.bytes(self.system.expose());
        self.children.encode_into(&mut out);
        out.finish()
    }

    /// Reads a page's content.
    ///
    /// # Errors
    /// [`BadLayout`].
    pub fn decode(content: &[u8]) -> Result<Self, BadLayout> {
        let mut reader = Reader::new(content);
        let system = Key::from_slice(reader.bytes(Key::LEN)?).ok_or(BadLayout)?;
        let children = InnerPage::decode_from(&mut reader)?;
        reader.end()?;
        Ok(Self { system, children })
    }
}

/// One person in a leaf.
pub struct LeafEntry {
    /// Who.
    pub person: PersonId,
    /// The key of their keyring.
    pub key: Key,
    /// How they are found; `None` when they gave no address.
    pub tag: Option<AddressTag>,
}

/// The people of a leaf, by slot.
pub struct LeafPage(Vec<Option<LeafEntry>>);

impl LeafPage {
    /// A leaf without people.
    pub fn empty() -> Self {
        Self((0..FANOUT).map(|_| None).collect())
    }

    /// Who is in `slot`.
    pub fn entry(&self, slot: usize) -> Option<&LeafEntry> {
        self.0.get(slot)?.as_ref()
    }

    /// Who is in `slot`, to change.
    pub fn entry_mut(&mut self, slot: usize) -> Option<&mut LeafEntry> {
        self.0.get_mut(slot)?.as_mut()
    }

    /// Puts a person into a slot.
    pub fn insert(&mut self, slot: usize, entry: LeafEntry) {
        self.0[slot] = Some(entry);
    }

    /// Takes a person out; their key is wiped when the value drops.
    pub fn remove(&mut self, slot: usize) -> Option<LeafEntry> {
        self.0.get_mut(slot)?.take()
    }

    /// Everybody, with their slots.
    pub fn entries(&self) -> impl Iterator<Item = (usize, &LeafEntry)> {
        self.0.iter().enumerate().filter_map(|(slot, entry)| Some((slot, entry.as_ref()?)))
    }

    /// The page's content.
    pub fn encode(&self) -> SecretBytes {
        let mut out = Writer::with_capacity(8 + self.0.len() * (16 + Key::LEN + TAG_LEN));
        out.u64(bitmap(self.0.iter().map(Option::is_some)));
        for (_, entry) in self.entries() {
            out.bytes(entry.person.as_bytes()).bytes(entry.key.expose()).bytes(&entry.tag.unwrap_or([0; TAG_LEN]));
        }
        out.finish()
    }

    /// Reads a page's content.
    ///
    /// # Errors
    /// [`BadLayout`].
    pub fn decode(content: &[u8]) -> Result<Self, BadLayout> {
        let mut reader = Reader::new(content);
        let mut page = Self::empty();
        for slot in slots(reader.u64()?) {
            page.0[slot] = Some(LeafEntry::decode_from(&mut reader)?);
        }
        reader.end()?;
        Ok(page)
    }

    /// Reads one person out of a page's content, without making a key of each of the others.
    ///
    /// # Errors
    /// [`BadLayout`], exactly where [`LeafPage::decode`] finds one.
    pub fn pick(content: &[u8], slot: usize) -> Result<Option<LeafEntry>, BadLayout> {
        let mut reader = Reader::new(content);
        let mut picked = None;
        for present in slots(reader.u64()?) {
            if present == slot {
                picked = Some(LeafEntry::decode_from(&mut reader)?);
            } else {
                reader.bytes(LeafEntry::LEN)?;
            }
        }
        reader.end()?;
        Ok(picked)
    }
}

impl LeafEntry {
    /// Length in a page in bytes.
    const LEN: usize = Handle::LEN + Key::LEN + TAG_LEN;

    fn decode_from(reader: &mut Reader<'_>) -> Result<Self, BadLayout> {
        let person = PersonId::from_bytes(reader.array()?);
        let key = Key::from_slice(reader.bytes(Key::LEN)?).ok_or(BadLayout)?;
        let tag: AddressTag = reader.array()?;
        Ok(Self { person, key, tag: (tag != [0; TAG_LEN]).then_some(tag) })
    }
}

fn bitmap(present: impl Iterator<Item = bool>) -> u64 {
    present.enumerate().fold(0, |map, (slot, present)| map | u64::from(present) << slot)
}

fn slots(bitmap: u64) -> impl Iterator<Item = usize> {
    (0..64).filter(move |slot| bitmap >> slot & 1 == 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::entropy::{SeededEntropy, SystemEntropy};

    fn leaf(entropy: &dyn Entropy, slots: &[usize]) -> LeafPage {
        let mut page = LeafPage::empty();
        for &slot in slots {
            let person = PersonId::make_random(entropy).unwrap();
            let tag = (slot % 2 == 0).then_some([slot as u8 + 1; TAG_LEN]);
            page.insert(slot, LeafEntry { person, key: Key::make_random(entropy).unwrap(), tag });
        }
        page
    }

    #[test]
    fn pages_round_trip_to_the_byte() {
        let entropy = SystemEntropy::new();
        for slots in [vec![], vec![0], vec![63], vec![1, 5, 40], (0..64).collect::<Vec<_>>()] {
            let page = leaf(&entropy, &slots);
            let bytes = page.encode();
            let again = LeafPage::decode(&bytes).unwrap();
            assert_eq!(again.entries().map(|(s, _)| s).collect::<Vec<_>>(), slots);
            assert_eq!(*again.encode(), *bytes);

            let mut inner = InnerPage::empty();
            for &slot in &slots {
                inner.set_child(slot, Key::make_random(&entropy).unwrap());
            }
            let top = TopPage { system: Key::make_random(&entropy).unwrap(), children: inner };
            let bytes = top.encode();
            let again = TopPage::decode(&bytes).unwrap();
            assert_eq!(*again.encode(), *bytes);
            assert_eq!(again.children.children().map(|(s, _)| s).collect::<Vec<_>>(), slots);
            assert_eq!(*InnerPage::decode(&again.children.encode()).unwrap().encode(), *again.children.encode());
            assert_eq!(again.children.encode().len(), 8 + slots.len() * Key::LEN);
        }
    }

    #[test]
    fn a_slot_gives_what_was_put_into_it_until_it_is_taken_out() {
        let entropy = SystemEntropy::new();
        let mut page = leaf(&entropy, &[3, 4]);
        assert!(page.entry(3).is_some_and(|entry| entry.tag.is_none()));
        page.entry_mut(3).unwrap().tag = Some([1; TAG_LEN]);
        assert_eq!(page.remove(3).and_then(|entry| entry.tag), Some([1; TAG_LEN]));
        assert!(page.entry(3).is_none() && page.entry_mut(3).is_none() && page.remove(3).is_none());
        assert!(page.entry(4).is_some() && page.entry(64).is_none());

        let (mut inner, key) = (InnerPage::empty(), Key::make_random(&entropy).unwrap());
        inner.set_child(63, key.duplicate());
        assert_eq!((inner.child(63), inner.child(0), inner.child(64)), (Some(&key), None, None));
        assert_eq!(inner.duplicate().child(63), Some(&key));
    }

    #[test]
    fn rows_stand_under_level_and_number() {
        let page = |level, index| PageNo { level, index }.row_key();
        let keys = [page(0, 0), page(0, 1), page(0, 256), page(1, 0), PageNo::TOP.row_key()];
        assert!(keys.is_sorted() && keys.iter().all(|key| key.len() == keys[0].len()), "{keys:?}");
        assert_eq!(keys[2], Table::Pages.key(&[&[0, 0, 0, 0, 0, 0, 0, 1, 0]]));
    }

    #[test]
    fn a_page_opens_in_its_place_only_and_the_top_in_its_epoch_only() {
        let entropy = SystemEntropy::new();
        let key = Key::make_random(&entropy).unwrap();
        let no = PageNo { level: 0, index: 5 };
        let sealed = no.seal(&key, 1, b"content", &entropy).unwrap();
        assert_eq!(*no.open(&key, 2, &sealed).unwrap(), b"content");
        assert!(PageNo { level: 0, index: 6 }.open(&key, 1, &sealed).is_err());
        assert!(PageNo { level: 1, index: 5 }.open(&key, 1, &sealed).is_err());

        let sealed = PageNo::TOP.seal(&key, 1, b"content", &entropy).unwrap();
        assert!(PageNo::TOP.open(&key, 1, &sealed).is_ok() && PageNo::TOP.open(&key, 2, &sealed).is_err());
    }

    #[test]
    fn parents_lead_to_the_top() {
        let mut no = PageNo::leaf_of(CAPACITY - 1);
        let mut slots = vec![];
        while let Some((parent, slot)) = no.parent() {
            slots.push(slot);
            no = parent;
        }
        assert_eq!((no, slots), (PageNo::TOP, vec![63; 4]));
        assert!(PageNo::leaf_of(64 * 64).ancestors().map(|no| (no.level, no.index)).eq([
            (1, 1),
            (2, 0),
            (3, 0),
            (4, 0)
        ]));
    }

    #[test]
    fn frozen_vector() {
        let entropy = SeededEntropy::new(3);
        let page = leaf(&entropy, &[0, 7]);
        let sealed =
            PageNo { level: 0, index: 2 }.seal(&Key::from_bytes([0x21; 32]), 1, &page.encode(), &entropy).unwrap();
        assert_eq!(data_encoding::HEXLOWER.encode(&sealed), include_str!("vectors/page.hex").trim());
    }

    #[test]
    fn picking_one_person_is_decoding_all_and_taking_one() {
        let content = leaf(&SystemEntropy::new(), &[0, 7, 63]).encode();
        let all = LeafPage::decode(&content).unwrap();
        for slot in 0..FANOUT as usize {
            let picked = LeafPage::pick(&content, slot).unwrap();
            let both = picked.as_ref().zip(all.entry(slot));
            assert_eq!(picked.is_some(), all.entry(slot).is_some());
            assert!(both.is_none_or(|(a, b)| a.person == b.person && a.key == b.key && a.tag == b.tag));
        }
        assert!(LeafPage::pick(&content[..content.len() - 1], 0).is_err());
        assert!(LeafPage::pick(&[&content[..], &[0]].concat(), 0).is_err());
    }

    proptest! {
        #[test]
        fn bytes_decode_and_encode_to_themselves_or_not_at_all(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(page) = LeafPage::decode(&bytes) {
                prop_assert_eq!(&*page.encode(), &bytes);
            }
            prop_assert_eq!(LeafPage::pick(&bytes, 3).is_ok(), LeafPage::decode(&bytes).is_ok());
            if let Ok(page) = InnerPage::decode(&bytes) {
                prop_assert_eq!(&*page.encode(), &bytes);
            }
        }
    }
}
