//! libFuzzer's way into `tests/support/targets/json.rs`.
#![no_main]

use letterlock_fuzz::targets::{self, HONEST};

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::json::check(data, HONEST));
