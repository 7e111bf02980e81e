//! libFuzzer's way into `tests/support/targets/words.rs`.
#![no_main]

use letterlock_fuzz::targets::{self, HONEST};

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::words::check(data, HONEST));
