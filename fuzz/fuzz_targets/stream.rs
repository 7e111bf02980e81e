//! libFuzzer's way into `tests/support/targets/stream.rs`.
#![no_main]

use letterlock_fuzz::targets::{self, HONEST};

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::stream::check(data, HONEST));
