//! Frames of the control socket, as a peer may write them.

use letterlock::control::frame::{build, parse};
use letterlock::control::{Command, Reply};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Frame after frame, each read as a command and as a reply; what is understood is written and understood alike.
pub(crate) fn run(data: &[u8]) {
    let mut rest = data;
    while let Ok(Some((_, used))) = parse::<serde_json::Value>(rest) {
        assert!(used <= rest.len());
        again::<Command>(rest);
        again::<Reply>(rest);
        rest = &rest[used..];
    }
}

/// Whether `data` begins with a command.
#[allow(dead_code, reason = "not asked by every binary that holds the targets")]
pub(crate) fn understood(data: &[u8]) -> bool {
    matches!(parse::<Command>(data), Ok(Some(_)))
}

fn again<T: Serialize + DeserializeOwned>(frame: &[u8]) {
    let Ok(Some((message, _))) = parse::<T>(frame) else { return };
    // What grows past the limit when written out in full is refused, not cut.
    let Ok(written) = build(&message) else { return };
    let (message, used) = parse::<T>(&written).unwrap().unwrap();
    assert_eq!((used, &*build(&message).unwrap()), (written.len(), &*written));
}
