//! Frames on the control socket: four bytes of length, most significant first, then that many bytes of JSON.

use std::io;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::Zeroizing;

/// Largest payload, in bytes. Longer lists come as many frames.
pub const MAX: usize = 1 << 20;

const HEADER: usize = 4;

/// A frame cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Empty, or longer than [`MAX`].
    #[error("a frame of {0} bytes is not allowed")]
    Length(usize),
    /// Not the JSON that was expected. Says nothing of the content.
    #[error("a frame is not understood")]
    Content,
    /// The other side did not go on in time.
    #[error("the other side did not answer in time")]
    Timeout,
    /// The other side closed the connection.
    #[error("the connection was closed")]
    Closed,
    /// The operating system's word.
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
}

/// Takes the first frame off `bytes`: its message and the number of bytes used, or `None` when more must arrive first.
///
/// # Errors
/// [`FrameError::Length`] as soon as the length is known to be bad; [`FrameError::Content`].
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<Option<(T, usize)>, FrameError> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else { return Ok(None) };
    let length = length(*header)?;
    match rest.get(..length) {
        None => Ok(None),
        Some(payload) => Ok(Some((decode(payload)?, HEADER + length))),
    }
}

/// The frame of a message.
///
/// # Errors
/// [`FrameError::Length`] for a message above [`MAX`].
pub fn build<T: Serialize>(message: &T) -> Result<Zeroizing<Vec<u8>>, FrameError> {
    let mut out = Zeroizing::new(vec![0; HEADER]);
    serde_json::to_writer(&mut *out, message).map_err(|_| FrameError::Content)?;
    let payload = out.len() - HEADER;
    let header = u32::try_from(payload).unwrap_or(u32::MAX).to_be_bytes();
    length(header)?;
    out[..HEADER].copy_from_slice(&header);
    Ok(out)
}

/// Reads one frame. The whole of it must arrive within `limit`.
///
/// # Errors
/// [`FrameError`].
pub async fn read<T: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin), limit: Duration) -> Result<T, FrameError> {
    let whole = async {
        let mut header = [0; HEADER];
        from.read_exact(&mut header).await.map_err(closed)?;
        let mut payload = Zeroizing::new(vec![0; length(header)?]);
        from.read_exact(&mut payload).await.map_err(closed)?;
        decode(&payload)
    };
    tokio::time::timeout(limit, whole).await.map_err(|_| FrameError::Timeout)?
}

/// Writes one frame. The other side must take it within `limit`.
///
/// # Errors
/// [`FrameError`].
pub async fn write<T: Serialize>(
    to: &mut (impl AsyncWrite + Unpin),
    message: &T,
    limit: Duration,
) -> Result<(), FrameError> {
    let bytes = build(message)?;
    tokio::time::timeout(limit, to.write_all(&bytes)).await.map_err(|_| FrameError::Timeout)?.map_err(closed)
}

fn length(header: [u8; HEADER]) -> Result<usize, FrameError> {
    // 32 bits fit on every machine that Letterlock runs on.
    let length = u32::from_be_bytes(header) as usize;
    if length == 0 || length > MAX { Err(FrameError::Length(length)) } else { Ok(length) }
}

fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, FrameError> {
    serde_json::from_slice(payload).map_err(|_| FrameError::Content)
}

fn closed(e: io::Error) -> FrameError {
    match e.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => FrameError::Closed,
        _ => FrameError::Io(e),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn parse_takes_one_frame_at_a_time() {
        let mut bytes = build(&json!({"a": 1})).unwrap().to_vec();
        let first = bytes.len();
        bytes.extend_from_slice(&build(&json!([2])).unwrap());
        for cut in 0..first {
            assert!(parse::<Value>(&bytes[..cut]).unwrap().is_none());
        }
        let (value, used) = parse::<Value>(&bytes).unwrap().unwrap();
        assert_eq!((value, used), (json!({"a": 1}), first));
        assert_eq!(parse::<Value>(&bytes[used..]).unwrap().unwrap().0, json!([2]));
    }

    #[test]
    fn bad_frames_are_refused() {
        assert!(matches!(parse::<Value>(&[0, 0, 0, 0]), Err(FrameError::Length(0))));
        assert!(matches!(parse::<Value>(&[0xff; 4]), Err(FrameError::Length(_))), "before any payload arrives");
        assert!(matches!(parse::<Value>(b"\0\0\0\x01{"), Err(FrameError::Content)));
        let deep = "[".repeat(100_000);
        let mut bytes = u32::try_from(deep.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend_from_slice(deep.as_bytes());
        assert!(matches!(parse::<Value>(&bytes), Err(FrameError::Content)));
        assert!(matches!(build(&"x".repeat(MAX)), Err(FrameError::Length(_))));
    }

    #[tokio::test]
    async fn a_slow_or_silent_peer_is_cut() {
        let (mut near, mut far) = tokio::io::duplex(64);
        far.write_all(&[0, 0]).await.unwrap();
        let limit = Duration::from_millis(20);
        assert!(matches!(read::<Value>(&mut near, limit).await, Err(FrameError::Timeout)));
        assert!(matches!(write(&mut near, &"x".repeat(1000), limit).await, Err(FrameError::Timeout)));
        drop(far);
        assert!(matches!(read::<Value>(&mut near, limit).await, Err(FrameError::Closed)));
    }
}
