//! libFuzzer's way into `tests/support/targets/multipart.rs`.
#![no_main]

#[path = "../../tests/support/targets/multipart.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
