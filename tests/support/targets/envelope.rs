//! Bytes from a store that somebody else may have written, opened as an envelope.

use letterlock::base::entropy::{Entropy, EntropyError, SeededEntropy};
use letterlock::base::ids::PersonId;
use letterlock::base::tables::Table;
use letterlock::crypto::Key;
use letterlock::crypto::context::{Context, Purpose};
use letterlock::crypto::envelope::{MAX_CONTENT, SALT_LEN, open, seal};

const KEY: [u8; 32] = [0x42; 32];
const PERSON: PersonId = PersonId::from_bytes([9; 16]);

/// What opens is exactly what `seal` writes; what `seal` writes opens; a flipped bit or another row does not.
pub(crate) fn run(data: &[u8]) {
    let (key, context) = (Key::from_bytes(KEY), context());

    if let Ok(content) = open(&key, &context.row(b"row"), data) {
        let salt = Replay(data[2..2 + SALT_LEN].to_vec());
        let again = seal(&key, &context.row(b"row"), &content, &salt).unwrap();
        assert_eq!(again, data, "two spellings of one envelope");
    }

    let content = &data[..data.len().min(MAX_CONTENT)];
    let mut sealed = seal(&key, &context.row(b"row"), content, &SeededEntropy::new(data.len() as u64)).unwrap();
    assert_eq!(*open(&key, &context.row(b"row"), &sealed).unwrap(), content);
    assert!(open(&key, &context.row(b"other"), &sealed).is_err(), "opens in another row");
    let bit = data.iter().fold(7_usize, |n, &b| n.wrapping_mul(31).wrapping_add(b.into())) % (sealed.len() * 8);
    sealed[bit / 8] ^= 1 << (bit % 8);
    assert!(open(&key, &context.row(b"row"), &sealed).is_err(), "opens with bit {bit} flipped");
}

/// Whether these bytes are an envelope that this target's key opens.
#[allow(dead_code, reason = "asked by the replay only")]
pub(crate) fn opens(data: &[u8]) -> bool {
    open(&Key::from_bytes(KEY), &context().row(b"row"), data).is_ok()
}

fn context() -> Context<'static> {
    Context::new(Purpose::Record).table(Table::Records).person(&PERSON).version(3)
}

/// Gives the bytes it was made with.
struct Replay(Vec<u8>);

impl Entropy for Replay {
    fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
        out.copy_from_slice(self.0.get(..out.len()).ok_or(EntropyError)?);
        Ok(())
    }
}
