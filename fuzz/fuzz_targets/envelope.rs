//! libFuzzer's way into `tests/support/targets/envelope.rs`.
#![no_main]

#[path = "../../tests/support/targets/envelope.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
