#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    pushpull_fuzz_targets::npy(data);
});
