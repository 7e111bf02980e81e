//! libFuzzer's way into `tests/support/targets/keyring.rs`.
#![no_main]

#[path = "../../tests/support/targets/keyring.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
