//! The fixed layouts of `docs/formats.md`: key folder, redo copy, rows of two layers, pages, system keys, keyrings.

/// A handle, or another 16 bytes.
pub(crate) type Id = [u8; 16];
/// The bytes of a key.
pub(crate) type KeyBytes = [u8; 32];
/// A row of the store: its key, and one version of its value.
pub(crate) type Row = (Vec<u8>, Vec<u8>);

/// Takes bytes from the front; `None` past the end.
pub(crate) struct Cut<'a>(pub(crate) &'a [u8]);

impl<'a> Cut<'a> {
    pub(crate) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    pub(crate) fn number(&mut self, len: usize) -> Option<u64> {
        Some(self.bytes(len)?.iter().fold(0, |n, &b| n << 8 | u64::from(b)))
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// `keys/master.key` and `keys/recovery/identity`: a title, the vault, the key.
pub(crate) fn key_file(text: &[u8], title: &str) -> Option<(Id, KeyBytes)> {
    let text = std::str::from_utf8(text).ok()?;
    let mut lines = text.lines();
    (lines.next()? == title).then_some(())?;
    let vault = data_encoding::BASE32_NOPAD
        .decode(lines.next()?.strip_prefix("vault ")?.to_ascii_uppercase().as_bytes())
        .ok()?;
    let key = data_encoding::HEXLOWER.decode(lines.next()?.strip_prefix("key ")?.as_bytes()).ok()?;
    Some((vault.try_into().ok()?, key.try_into().ok()?))
}

/// A slot of `keys/root`, or a recovery slot: what stands before the envelope, and the envelope.
pub(crate) struct Slot {
    pub(crate) vault: Id,
    pub(crate) epoch: u64,
    /// Of the recovery slot: recipient and encapsulated key.
    pub(crate) sealed_to: Option<(KeyBytes, KeyBytes)>,
    pub(crate) envelope: Vec<u8>,
}

const ROOT_ENVELOPE: usize = 118;

pub(crate) fn root_slot(block: &[u8]) -> Option<Slot> {
    let mut cut = Cut(block);
    (cut.bytes(8)? == b"LLROOT1\0").then_some(())?;
    Some(Slot {
        vault: cut.array()?,
        epoch: cut.number(8)?,
        sealed_to: None,
        envelope: cut.bytes(ROOT_ENVELOPE)?.to_vec(),
    })
}

pub(crate) fn recovery_slot(block: &[u8]) -> Option<Slot> {
    let mut cut = Cut(block);
    (cut.bytes(8)? == b"LLRECOV1").then_some(())?;
    let (vault, epoch) = (cut.array()?, cut.number(8)?);
    let sealed_to = Some((cut.array()?, cut.array()?));
    Some(Slot { vault, epoch, sealed_to, envelope: cut.bytes(ROOT_ENVELOPE)?.to_vec() })
}

/// A block of `keys/witness`.
pub(crate) struct WitnessBlock<'a> {
    pub(crate) vault: Id,
    pub(crate) epoch: u64,
    pub(crate) audit_size: u64,
    pub(crate) peaks: Vec<[u8; 32]>,
    /// What the check value is over, and the check value.
    pub(crate) signed: &'a [u8],
    pub(crate) check: [u8; 32],
}

pub(crate) fn witness_block(block: &[u8]) -> Option<WitnessBlock<'_>> {
    let mut cut = Cut(block);
    (cut.bytes(8)? == b"LLWITN1\0").then_some(())?;
    let (vault, epoch, audit_size) = (cut.array()?, cut.number(8)?, cut.number(8)?);
    let count = cut.number(1)?;
    let peaks = (0..count).map(|_| cut.array()).collect::<Option<Vec<_>>>()?;
    let signed = &block[..block.len() - cut.0.len()];
    Some(WitnessBlock { vault, epoch, audit_size, peaks, signed, check: cut.array()? })
}

/// The rows of a redo copy, as far as it goes: one that was cut short still tells what it has.
pub(crate) fn redo(file: &[u8]) -> Vec<Row> {
    let mut cut = Cut(file);
    let mut rows = Vec::new();
    if cut.bytes(8).is_none_or(|magic| magic != b"LLREDO1\0") || cut.bytes(16 + 8 + 4).is_none() {
        return rows;
    }
    while let Some((key, value)) = redo_row(&mut cut) {
        rows.extend(value.map(|value| (key, value)));
    }
    rows
}

fn redo_row(cut: &mut Cut<'_>) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let len = cut.number(2)? as usize;
    let key = cut.bytes(len)?.to_vec();
    if cut.number(1)? == 0 {
        return Some((key, None));
    }
    let len = cut.number(4)? as usize;
    Some((key, Some(cut.bytes(len)?.to_vec())))
}

/// A record row or list row: its outer and its inner envelope.
pub(crate) fn two_layers(row: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut cut = Cut(row);
    let len = cut.number(2)? as usize;
    Some((cut.bytes(len)?, cut.0))
}

fn slots(bitmap: u64) -> impl Iterator<Item = u64> {
    (0..64).filter(move |slot| bitmap >> slot & 1 == 1)
}

/// A person in a leaf.
pub(crate) struct LeafEntry {
    pub(crate) slot: u64,
    pub(crate) person: Id,
    pub(crate) key: KeyBytes,
    pub(crate) tag: Id,
}

pub(crate) fn leaf(content: &[u8]) -> Option<Vec<LeafEntry>> {
    let mut cut = Cut(content);
    let mut entries = Vec::new();
    for slot in slots(cut.number(8)?) {
        entries.push(LeafEntry { slot, person: cut.array()?, key: cut.array()?, tag: cut.array()? });
    }
    cut.is_empty().then_some(entries)
}

/// The page keys of the children.
pub(crate) fn inner(content: &[u8]) -> Option<Vec<KeyBytes>> {
    let mut cut = Cut(content);
    let mut keys = Vec::new();
    for _ in slots(cut.number(8)?) {
        keys.push(cut.array()?);
    }
    cut.is_empty().then_some(keys)
}

/// The key of the system row, and the page keys of the children.
pub(crate) fn top(content: &[u8]) -> Option<(KeyBytes, Vec<KeyBytes>)> {
    let mut cut = Cut(content);
    Some((cut.array()?, inner(cut.0)?))
}

/// The system keys by name, in their order.
pub(crate) const SYSTEM_KEYS: [&str; 13] = [
    "audit",
    "head signer",
    "certificate signer",
    "address tag",
    "places",
    "digest",
    "locator",
    "token hash",
    "witness",
    "idempotency",
    "rows",
    "intents",
    "state",
];

pub(crate) fn system(content: &[u8]) -> Option<Vec<KeyBytes>> {
    let mut cut = Cut(content);
    let keys = SYSTEM_KEYS.iter().map(|_| cut.array()).collect::<Option<Vec<_>>>()?;
    cut.is_empty().then_some(keys)
}

/// One record's line in a keyring.
pub(crate) struct RecordLine {
    pub(crate) record: Id,
    pub(crate) key: KeyBytes,
}

/// A part of a keyring; audit key and consent key stand in the first.
pub(crate) struct KeyringPart {
    pub(crate) audit_and_consent: Option<(KeyBytes, KeyBytes)>,
    pub(crate) records: Vec<RecordLine>,
}

pub(crate) fn keyring(content: &[u8], part: u64) -> Option<KeyringPart> {
    let mut cut = Cut(content);
    let mut audit_and_consent = None;
    if part == 0 {
        cut.number(2)?;
        audit_and_consent = Some((cut.array()?, cut.array()?));
        cut.bytes(2 + 8)?;
    }
    let mut records = Vec::new();
    for _ in 0..cut.number(2)? {
        records.push(RecordLine { record: cut.array()?, key: cut.array()? });
        // Arrival number and versions, then the handles of the files.
        cut.bytes(8 + 4 + 4)?;
        let files = cut.number(1)? as usize;
        cut.bytes(16 * files)?;
    }
    cut.is_empty().then_some(KeyringPart { audit_and_consent, records })
}

/// What a record says about one of its files.
pub(crate) struct RecordFile {
    pub(crate) file: Id,
    pub(crate) key: KeyBytes,
}

/// The files of a record, and the postcard of its content.
pub(crate) fn record(content: &[u8]) -> Option<(Vec<RecordFile>, &[u8])> {
    let mut cut = Cut(content);
    let mut files = Vec::new();
    for _ in 0..cut.number(2)? {
        files.push(RecordFile { file: cut.array()?, key: cut.array()? });
        cut.bytes(32 + 4)?;
    }
    Some((files, cut.0))
}
