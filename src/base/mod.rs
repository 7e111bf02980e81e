//! What everything else stands on: time, randomness, identifiers, values that must not leak, configuration.
//!
//! Nothing in here knows about cryptography, storage or forms. The clock and the source of randomness are traits, so
//! that every other layer takes them as parameters and a test can hold both still.

pub mod clock;
pub mod codec;
pub mod config;
pub mod entropy;
pub mod files;
pub mod ids;
pub mod memory;
pub mod sensitive;
pub mod steps;
pub mod tables;
pub mod threads;
