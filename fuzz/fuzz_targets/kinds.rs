//! libFuzzer's way into `tests/support/targets/kinds.rs`.
#![no_main]

use letterlock_fuzz::targets::{self, HONEST};

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::kinds::check(data, HONEST));
