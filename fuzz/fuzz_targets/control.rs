//! libFuzzer's way into `tests/support/targets/control.rs`.
#![no_main]

#[path = "../../tests/support/targets/control.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
