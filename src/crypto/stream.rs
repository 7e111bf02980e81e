//! Files, sealed in segments, so that memory stays bounded and any segment can be opened alone.
//!
//! ```text
//! file    = header ‖ segment*                       at least one segment
//! header  = version (1) ‖ suite (1) ‖ salt (32) ‖ commitment (32)
//! segment = ciphertext (65,536; the last one shorter) ‖ tag (16)
//! nonce   = prefix (7) ‖ number (4, big-endian) ‖ 1 for the last segment, else 0
//! ```
//!
//! This is the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its
//! Nonce-Reuse Misuse-Resistance", 2015). Key, prefix and commitment come from one HKDF over (file key, salt, context);
//! the context is the file's handle. The last segment is padded with zeros to a Padmé length; the true length stands in
//! the record, with handle, commitment and number of segments, so a file cannot be swapped, cut or lengthened.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::aead::{Cipher, Key, NONCE_LEN, TAG_LEN};
use super::context::{Context, Purpose, SUITE, VERSION};
use super::derive::{Label, derive_into};
use super::envelope::{COMMITMENT_LEN, HEADER_LEN, SALT_LEN};
use super::pad::padded_len;
use super::{OpenError, SealError};
use crate::base::entropy::{self, Entropy};
use crate::base::ids::FileId;
use crate::base::sensitive::{Secret, SecretBytes};

/// Plaintext bytes in each segment but the last.
pub const SEGMENT_LEN: usize = 64 * 1024;
/// Bytes of a full segment on disk.
pub const SEALED_SEGMENT_LEN: usize = SEGMENT_LEN + TAG_LEN;

const PREFIX_LEN: usize = 7;
const DERIVED_LEN: usize = Key::LEN + PREFIX_LEN + COMMITMENT_LEN;

/// The true length of the longest file: 256 TiB, for segments are numbered in 4 bytes.
pub const MAX_LEN: u64 = u32::MAX as u64 * SEGMENT_LEN as u64;

/// The shape of a file of a given length, at most [`MAX_LEN`]: how many segments, and how long the last is once padded. A
/// greater length has the shape of the longest file.
pub const fn shape(len: u64) -> (u32, usize) {
    let full = len / SEGMENT_LEN as u64;
    let rest = len % SEGMENT_LEN as u64;
    if len >= MAX_LEN {
        return (u32::MAX, SEGMENT_LEN);
    }
    if rest == 0 && full > 0 {
        return (full as u32, SEGMENT_LEN);
    }
    // Padding never passes the next power of two, and a segment is one.
    (full as u32 + 1, padded_len(rest) as usize)
}

/// Seals a file front to back.
pub struct Sealer {
    cipher: Cipher,
    prefix: [u8; PREFIX_LEN],
    header: [u8; HEADER_LEN],
    next: u32,
    done: bool,
}

impl Sealer {
    /// Begins a file under `key`.
    ///
    /// # Errors
    /// [`SealError::Entropy`] without randomness.
    pub fn new(key: &Key, file: &FileId, entropy: &dyn Entropy) -> Result<Self, SealError> {
        let salt: [u8; SALT_LEN] = entropy::random(entropy)?;
        let derived = derive(key, file, &salt);
        let (cipher, prefix, commitment) = split(&derived);
        let mut header = [0; HEADER_LEN];
        header[..2].copy_from_slice(&[VERSION, SUITE]);
        header[2..2 + SALT_LEN].copy_from_slice(&salt);
        header[2 + SALT_LEN..].copy_from_slice(commitment);
        Ok(Self { cipher, prefix, header, next: 0, done: false })
    }

    /// The file's first bytes.
    pub const fn header(&self) -> &[u8; HEADER_LEN] {
        &self.header
    }

    /// Segments sealed so far.
    pub const fn segments(&self) -> u32 {
        self.next
    }

    /// Seals a full segment that is not the last, in place; the tag is appended.
    ///
    /// # Errors
    /// [`SealError::TooLarge`] past 2³² segments, after the last one, or for a segment that is not full.
    pub fn segment(&mut self, buffer: &mut Vec<u8>) -> Result<(), SealError> {
        if buffer.len() != SEGMENT_LEN {
            return Err(SealError::TooLarge);
        }
        self.seal(buffer, false)
    }

    /// Pads and seals the last segment: all that remains, possibly nothing, at most a full segment.
    ///
    /// # Errors
    /// As [`Sealer::segment`].
    pub fn last(&mut self, buffer: &mut Vec<u8>) -> Result<(), SealError> {
        if buffer.len() > SEGMENT_LEN {
            return Err(SealError::TooLarge);
        }
        buffer.resize(padded_len(buffer.len() as u64) as usize, 0);
        self.seal(buffer, true)
    }

    fn seal(&mut self, buffer: &mut Vec<u8>, last: bool) -> Result<(), SealError> {
        if self.done {
            return Err(SealError::TooLarge);
        }
        self.cipher.seal(&nonce(&self.prefix, self.next, last), &[], buffer, 0);
        self.next = self.next.checked_add(1).ok_or(SealError::TooLarge)?;
        self.done = last;
        Ok(())
    }
}

/// Opens segments of a file, in any order.
pub struct Opener {
    cipher: Cipher,
    prefix: [u8; PREFIX_LEN],
    len: u64,
}

impl Opener {
    /// Begins to open the file with this header, whose commitment and true length the caller knows from the record.
    ///
    /// # Errors
    /// [`OpenError`] when the header is not the one that `commitment` and `key` name, or no file has this length.
    pub fn new(key: &Key, file: &FileId, header: &[u8], commitment: &[u8], len: u64) -> Result<Self, OpenError> {
        if header.len() != HEADER_LEN || header[..2] != [VERSION, SUITE] || len > MAX_LEN {
            return Err(OpenError);
        }
        let derived = derive(key, file, &header[2..2 + SALT_LEN]);
        let (cipher, prefix, expected) = split(&derived);
        let same = expected.ct_eq(&header[2 + SALT_LEN..]) & expected.ct_eq(commitment);
        if !bool::from(same) {
            return Err(OpenError);
        }
        Ok(Self { cipher, prefix, len })
    }

    /// Opens segment `number` and returns its true content, without padding.
    ///
    /// # Errors
    /// [`OpenError`], whatever the reason.
    pub fn segment(&self, number: u32, sealed: &[u8]) -> Result<SecretBytes, OpenError> {
        self.segment_in_place(number, sealed.to_vec())
    }

    /// The same in the buffer that held the sealed bytes, without a second one.
    ///
    /// # Errors
    /// [`OpenError`], whatever the reason.
    pub fn segment_in_place(&self, number: u32, sealed: Vec<u8>) -> Result<SecretBytes, OpenError> {
        let (count, last_len) = shape(self.len);
        if number >= count {
            return Err(OpenError);
        }
        let last = number == count - 1;
        let expected = if last { last_len } else { SEGMENT_LEN };
        if sealed.len() != expected + TAG_LEN {
            return Err(OpenError);
        }
        let mut buffer = Zeroizing::new(sealed);
        self.cipher.open(&nonce(&self.prefix, number, last), &[], &mut buffer)?;
        if last {
            let rest = (self.len - u64::from(number) * SEGMENT_LEN as u64) as usize;
            if buffer[rest..].iter().any(|&b| b != 0) {
                return Err(OpenError);
            }
            buffer.truncate(rest);
        }
        Ok(buffer)
    }
}

fn derive(key: &Key, file: &FileId, salt: &[u8]) -> Secret<DERIVED_LEN> {
    let context = Context::new(Purpose::File).row(file.as_bytes()).encode();
    let mut out = Secret::zeroed();
    derive_into(key.expose(), salt, Label::Stream, &[&context], out.expose_mut());
    out
}

fn split(derived: &Secret<DERIVED_LEN>) -> (Cipher, [u8; PREFIX_LEN], &[u8]) {
    let bytes = derived.expose();
    let mut key = Zeroizing::new([0; Key::LEN]);
    key.copy_from_slice(&bytes[..Key::LEN]);
    let mut prefix = [0; PREFIX_LEN];
    prefix.copy_from_slice(&bytes[Key::LEN..Key::LEN + PREFIX_LEN]);
    (Cipher::new(&key), prefix, &bytes[Key::LEN + PREFIX_LEN..])
}

fn nonce(prefix: &[u8; PREFIX_LEN], number: u32, last: bool) -> [u8; NONCE_LEN] {
    let mut out = [0; NONCE_LEN];
    out[..PREFIX_LEN].copy_from_slice(prefix);
    out[PREFIX_LEN..PREFIX_LEN + 4].copy_from_slice(&number.to_be_bytes());
    out[NONCE_LEN - 1] = u8::from(last);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::entropy::{SeededEntropy, SystemEntropy};

    const FILE: FileId = FileId::from_bytes([5; 16]);

    fn key() -> Key {
        Key::from_bytes([0x17; 32])
    }

    fn seal(content: &[u8], entropy: &dyn Entropy) -> (Vec<u8>, Vec<Vec<u8>>) {
        let mut sealer = Sealer::new(&key(), &FILE, entropy).unwrap();
        let count = shape(content.len() as u64).0 as usize;
        let mut segments = Vec::new();
        for n in 0..count {
            let end = ((n + 1) * SEGMENT_LEN).min(content.len());
            let mut buffer = content[n * SEGMENT_LEN..end].to_vec();
            if n + 1 == count { sealer.last(&mut buffer) } else { sealer.segment(&mut buffer) }.unwrap();
            segments.push(buffer);
        }
        assert_eq!(sealer.segments() as usize, count);
        (sealer.header().to_vec(), segments)
    }

    fn opener(header: &[u8], len: u64) -> Result<Opener, OpenError> {
        Opener::new(&key(), &FILE, header, &header[2 + SALT_LEN..], len)
    }

    #[test]
    fn round_trip_around_segment_edges() {
        for len in [0, 1, 100, SEGMENT_LEN - 1, SEGMENT_LEN, SEGMENT_LEN + 1, 3 * SEGMENT_LEN, 3 * SEGMENT_LEN + 77] {
            let content: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let (header, segments) = seal(&content, &SystemEntropy::new());
            let opener = opener(&header, len as u64).unwrap();
            let opened: Vec<u8> =
                segments.iter().enumerate().flat_map(|(n, s)| opener.segment(n as u32, s).unwrap().to_vec()).collect();
            assert_eq!(opened, content);
        }
    }

    #[test]
    fn a_file_has_at_least_one_segment_and_none_is_longer_than_full() {
        let full = SEGMENT_LEN as u64;
        for (len, expected) in [
            (0, (1, 0)),
            (1, (1, 1)),
            (9, (1, 10)),
            (full - 1, (1, SEGMENT_LEN)),
            (full, (1, SEGMENT_LEN)),
            (full + 1, (2, 1)),
            (3 * full, (3, SEGMENT_LEN)),
        ] {
            assert_eq!(shape(len), expected, "{len}");
        }
        assert!((0..=full).all(|len| padded_len(len) <= full));
    }

    #[test]
    fn moved_cut_lengthened_and_flipped_segments_are_refused() {
        let content = vec![3; 2 * SEGMENT_LEN + 500];
        let (header, segments) = seal(&content, &SystemEntropy::new());
        let good = opener(&header, content.len() as u64).unwrap();
        assert!(good.segment(1, &segments[0]).is_err(), "moved");
        assert!(good.segment(3, &segments[2]).is_err(), "past the end");
        assert!(opener(&header, 2 * SEGMENT_LEN as u64).unwrap().segment(1, &segments[1]).is_err(), "cut at a segment");
        assert!(opener(&header, 3 * SEGMENT_LEN as u64 + 1).unwrap().segment(2, &segments[2]).is_err(), "lengthened");
        assert!(good.segment(2, &segments[2][..segments[2].len() - 1]).is_err(), "truncated");
        for bit in 0..segments[2].len() * 8 {
            let mut bad = segments[2].clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(good.segment(2, &bad).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_header_opens_for_its_file_key_and_record_only() {
        let (header, _) = seal(b"x", &SystemEntropy::new());
        let commitment = header[2 + SALT_LEN..].to_vec();
        assert!(Opener::new(&Key::from_bytes([1; 32]), &FILE, &header, &commitment, 1).is_err());
        assert!(Opener::new(&key(), &FileId::from_bytes([6; 16]), &header, &commitment, 1).is_err());
        assert!(Opener::new(&key(), &FILE, &header, &[0; 32], 1).is_err());
        for n in 0..header.len() {
            let mut bad = header.clone();
            bad[n] ^= 1;
            assert!(Opener::new(&key(), &FILE, &bad, &commitment, 1).is_err(), "byte {n}");
        }
    }

    #[test]
    fn a_length_that_no_file_has_is_refused() {
        let (header, segments) = seal(b"x", &SystemEntropy::new());
        assert_eq!(MAX_LEN, 0xffff_ffff_0000);
        for len in [MAX_LEN, MAX_LEN - 1, MAX_LEN - SEGMENT_LEN as u64] {
            let (count, _) = shape(len);
            assert!(opener(&header, len).unwrap().segment(count - 1, &segments[0]).is_err(), "{len}");
        }
        for len in [MAX_LEN + 1, 1 << 48, u64::MAX] {
            assert_eq!(shape(len), (u32::MAX, SEGMENT_LEN));
            assert!(opener(&header, len).is_err(), "{len}");
        }
    }

    #[test]
    fn nothing_after_the_last_segment() {
        let mut sealer = Sealer::new(&key(), &FILE, &SystemEntropy::new()).unwrap();
        sealer.last(&mut b"end".to_vec()).unwrap();
        assert_eq!(sealer.last(&mut Vec::new()), Err(SealError::TooLarge));
    }

    #[test]
    fn frozen_vector() {
        let (header, segments) = seal(b"letterlock stream", &SeededEntropy::new(2));
        let all = [header, segments.concat()].concat();
        assert_eq!(data_encoding::HEXLOWER.encode(&all), include_str!("vectors/stream.hex").trim());
    }
}
