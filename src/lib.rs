//! Letterlock: a secure submission vault.
pub mod base;
pub mod cli;
pub mod control;
pub mod crypto;
pub mod domain;
pub mod http;
pub mod keys;
pub mod policy;
pub mod services;
pub mod store;
pub mod vault;
