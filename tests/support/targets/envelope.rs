//! Bytes from a store that somebody else may have written, opened as an envelope.

use letterlock::base::entropy::SeededEntropy;
use letterlock::base::ids::PersonId;
use letterlock::base::tables::Table;
use letterlock::crypto::Key;
use letterlock::crypto::context::{Context, Purpose};
use letterlock::crypto::envelope::{MAX_CONTENT, SALT_LEN, open, seal};

use super::{Replay, Seam, flip};

const KEY: [u8; 32] = [0x42; 32];
const PERSON: PersonId = PersonId::from_bytes([9; 16]);

/// What opens is exactly what `seal` writes; what `seal` writes opens; a flipped bit or another row does not.
pub fn check(data: &[u8], seam: Seam) {
    let (key, context) = (Key::from_bytes(KEY), context());

    if let Ok(content) = open(&key, &context.row(b"row"), data) {
        let salt = Replay::new(&[&data[2..2 + SALT_LEN]]);
        let mut again = seal(&key, &context.row(b"row"), &content, &salt).unwrap();
        (seam.written)(&mut again);
        assert_eq!(again, data, "two spellings of one envelope");
    }

    let content = &data[..data.len().min(MAX_CONTENT)];
    let mut sealed = seal(&key, &context.row(b"row"), content, &SeededEntropy::new(data.len() as u64)).unwrap();
    assert_eq!(*open(&key, &context.row(b"row"), &sealed).unwrap(), content);
    let other = open(&key, &context.row(b"other"), &sealed);
    assert!((seam.refused)(other.is_err()), "opens in another row");
    flip(&mut sealed, data);
    assert!((seam.refused)(open(&key, &context.row(b"row"), &sealed).is_err()), "opens with a bit flipped");
}

/// Whether these bytes are an envelope that this target's key opens.
pub fn understood(data: &[u8]) -> bool {
    open(&Key::from_bytes(KEY), &context().row(b"row"), data).is_ok()
}

fn context() -> Context<'static> {
    Context::new(Purpose::Record).table(Table::Records).person(&PERSON).version(3)
}
