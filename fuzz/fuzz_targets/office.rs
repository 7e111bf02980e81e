//! libFuzzer's way into `tests/support/targets/office.rs`.
#![no_main]

use letterlock_fuzz::targets::{self, HONEST};

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::office::check(data, HONEST));
