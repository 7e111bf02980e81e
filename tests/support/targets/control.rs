//! Frames of the control socket, as a peer may write them.

use letterlock::control::frame::{build, parse};
use letterlock::control::{Command, Reply};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Seam;

/// Frame after frame, each read as a command and as a reply; what is understood is written and understood alike, and a
/// frame that lacks its last byte is waited for.
pub fn check(data: &[u8], seam: Seam) {
    let mut rest = data;
    while let Ok(Some((_, used))) = parse::<serde_json::Value>(rest) {
        assert!(used <= rest.len());
        again::<Command>(rest, seam);
        again::<Reply>(rest, seam);
        rest = &rest[used..];
    }
}

/// Whether `data` begins with a command.
pub fn understood(data: &[u8]) -> bool {
    matches!(parse::<Command>(data), Ok(Some(_)))
}

fn again<T: Serialize + DeserializeOwned>(frame: &[u8], seam: Seam) {
    let Ok(Some((message, _))) = parse::<T>(frame) else { return };
    // What grows past the limit when written out in full is refused, not cut.
    let Ok(written) = build(&message) else { return };
    let (message, used) = parse::<T>(&written).unwrap().unwrap();
    let mut twice = build(&message).unwrap().to_vec();
    (seam.written)(&mut twice);
    assert_eq!((used, &*twice), (written.len(), &written[..]));
    let waits = matches!(parse::<T>(&written[..written.len() - 1]), Ok(None));
    assert!((seam.refused)(waits), "a frame is taken before its end");
}
