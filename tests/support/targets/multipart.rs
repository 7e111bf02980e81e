//! The body of a form post with files, as anybody on the network may send it.

use letterlock::http::probe::{Part, multipart};

use super::Seam;

/// Where the network cuts a body does not matter; a refusal is a 4xx; what was understood can be written out and is
/// understood alike, but not without its end. The first byte says how long the pieces are.
pub fn check(data: &[u8], seam: Seam) {
    let Some((&length, body)) = data.split_first() else { return };
    let whole = multipart(body, body.len());
    let cut = multipart(body, usize::from(length));
    assert_eq!(whole, cut, "pieces of {length} bytes are understood otherwise");
    match whole {
        Err(status) => assert!((400..500).contains(&status), "answered {status}"),
        Ok(parts) if parts.iter().all(is_plain) => {
            let mut written = write(&parts);
            let cut = multipart(&written[..written.len() - 4], written.len());
            assert!((seam.refused)(cut.is_err()), "a body without its end is taken");
            (seam.written)(&mut written);
            assert_eq!(multipart(&written, written.len()), Ok(parts));
        }
        Ok(_) => {}
    }
}

/// Whether there are parts in it.
pub fn understood(data: &[u8]) -> bool {
    data.split_first().is_some_and(|(_, body)| multipart(body, body.len()).is_ok_and(|parts| !parts.is_empty()))
}

/// Whether names can be written without escapes, about which browsers disagree.
fn is_plain(part: &Part) -> bool {
    let plain = |text: &String| text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_ ".contains(&b));
    plain(&part.name) && part.file_name.as_ref().is_none_or(plain)
}

fn write(parts: &[Part]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        out.extend_from_slice(format!("--B\r\nContent-Disposition: form-data; name=\"{}\"", part.name).as_bytes());
        if let Some(file_name) = &part.file_name {
            out.extend_from_slice(format!("; filename=\"{file_name}\"").as_bytes());
        }
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(&part.content);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"--B--\r\n");
    out
}
