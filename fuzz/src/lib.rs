//! The targets, built once for all of the small programs in `fuzz_targets/`.

#[path = "../../tests/support/targets/mod.rs"]
pub mod targets;
