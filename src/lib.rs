//! Letterlock: a secure submission vault.
//!
//! Web forms and CVs arrive over HTTPS. Each record is sealed under the keys of the person it is about; staff read what
//! their role allows, for a stated purpose, leaving a durable trace; erasing a person destroys keys, so that nothing,
//! old backups and log segments included, can be read again. One binary, one data folder, one key folder.
//!
//! # The key hierarchy
//!
//! ```text
//! master key            keys/master.key
//!    └─ root key        32 random bytes, new in each epoch; in one of the two slots of keys/root, and nowhere else
//!         └─ top page ── inner pages ── leaf pages        64 slots each, five levels, made when first needed
//!              │                             └─ person key        beside the sealed address tag of that person
//!              │                                  └─ keyring      record keys, consent key, audit key, versions
//!              │                                       └─ record ── file keys ── files
//!              └─ system keys   audit, signatures, address tags, digest, tokens
//! ```
//!
//! Every arrow is an [envelope](crypto::envelope): a key is sealed under the one above it, and a sealed value opens in
//! its own row, for its own person, in its own version only.
//!
//! **Erasing** is one epoch: fresh random keys for every page from the victim up to a fresh root, one
//! durable commit, and then the old root is overwritten in place. Whatever older copy of a row exists anywhere, the path
//! to its key led through that root.
//!
//! # The layers
//!
//! Imports run downwards only, and `tests/architecture` keeps it so.
//!
//! | layer | what it is for |
//! |---|---|
//! | [`cli`] | commands; a service that runs is asked over its socket |
//! | [`http`] | the router as data, TLS, limits, headers; the one mapping from errors to answers |
//! | [`control`] | the Unix socket between commands and a running service |
//! | [`services`] | one use-case a file: parse nothing, decide by policy, call the vault |
//! | [`vault`] | the only code that joins keys and store: committer, audit, epochs, recovery |
//! | [`policy`] | actor × action × resource, pure; its answer is a permit |
//! | [`domain`] | forms, submissions, files, people, staff: parsed, never half-valid |
//! | [`keys`] | master key, root slots, tree pages, keyrings, recovery slot, witness |
//! | [`store`] | rows of bytes: atomic, durable batches on sled |
//! | [`crypto`] | envelope, stream, derivation labels, signatures, Merkle tree, tokens, receipts |
//! | [`base`] | clock, randomness, ids, values that wipe, configuration |
//!
//! # The way of a submission
//!
//! A handler ([`http`]) streams fields and files into an intake ([`services::submit`]). Files are sealed segment by
//! segment under a key that exists in memory only. When all is valid, the worker seals record and list entry and hands
//! them to the committer ([`vault`]), the one thread that knows who is who. It finds or makes the person, composes leaf
//! page, keyring, consents, list row and audit entry, and makes all of it durable in one batch, together with whatever
//! else was waiting. Then the receipt goes out.
//!
//! # The way of a read
//!
//! The policy turns actor, action and resource into a [`policy::Permit`]; the vault writes the audit entry and, once that
//! is durable, turns the permit into a [`vault::Grant`]; content opens with a grant, and nothing else makes one. A search
//! is granted as a whole, opens one submission after the other within the vault and keeps none; what it found is then granted
//! and opened like anything else.
//!
//! The formats on disk are in `docs/formats.md`; what is claimed, against whom, and what is not, in `SECURITY.md`.

pub mod adapters;
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
