#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ssmscope_fuzz::log(bytes));
