//! Fixed layouts of bytes: for key material, where every byte is specified and every buffer is wiped.

use crate::base::sensitive::SecretBytes;

/// The bytes do not have the expected layout.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
#[error("bytes of an unexpected layout")]
pub struct BadLayout;

/// Writes numbers big-endian and byte strings as they are, into a buffer that is wiped on drop.
#[derive(Default)]
pub struct Writer(SecretBytes);

impl Writer {
    /// A writer with room for `capacity` bytes, so that it need not move secrets while it grows.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(SecretBytes::new(Vec::with_capacity(capacity)))
    }

    /// Appends bytes.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Appends one byte.
    pub fn u8(&mut self, n: u8) -> &mut Self {
        self.bytes(&[n])
    }

    /// Appends a number in 2 bytes.
    pub fn u16(&mut self, n: u16) -> &mut Self {
        self.bytes(&n.to_be_bytes())
    }

    /// Appends a number in 4 bytes.
    pub fn u32(&mut self, n: u32) -> &mut Self {
        self.bytes(&n.to_be_bytes())
    }

    /// Appends a number in 8 bytes.
    pub fn u64(&mut self, n: u64) -> &mut Self {
        self.bytes(&n.to_be_bytes())
    }

    /// What was written.
    pub fn finish(self) -> SecretBytes {
        self.0
    }
}

/// Reads what [`Writer`] wrote.
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads from the front of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next `len` bytes.
    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8], BadLayout> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(BadLayout)?;
        self.0 = rest;
        Ok(head)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], BadLayout> {
        self.bytes(N)?.try_into().map_err(|_| BadLayout)
    }

    /// The next byte.
    pub fn u8(&mut self) -> Result<u8, BadLayout> {
        self.array::<1>().map(|[b]| b)
    }

    /// A number in 2 bytes.
    pub fn u16(&mut self) -> Result<u16, BadLayout> {
        self.array().map(u16::from_be_bytes)
    }

    /// A number in 4 bytes.
    pub fn u32(&mut self) -> Result<u32, BadLayout> {
        self.array().map(u32::from_be_bytes)
    }

    /// A number in 8 bytes.
    pub fn u64(&mut self) -> Result<u64, BadLayout> {
        self.array().map(u64::from_be_bytes)
    }

    /// How many bytes are left.
    pub const fn remaining(&self) -> usize {
        self.0.len()
    }

    /// Everything was read.
    pub const fn end(self) -> Result<(), BadLayout> {
        if self.0.is_empty() { Ok(()) } else { Err(BadLayout) }
    }
}
