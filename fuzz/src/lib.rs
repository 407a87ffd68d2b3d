//! What the targets of libFuzzer have in common.

pub use libfuzzer_sys;
pub use pushpull_fuzz_targets;

/// A target of `pushpull_fuzz_targets` as a program of libFuzzer, with its heap counted: libFuzzer's own limit does not see
/// an allocation that is never touched.
#[macro_export]
macro_rules! target {
    ($name:ident) => {
        use ::pushpull_fuzz::libfuzzer_sys;
        use ::pushpull_fuzz::pushpull_fuzz_targets::{CountingAllocator, Target};

        #[global_allocator]
        static ALLOCATOR: CountingAllocator = CountingAllocator;

        static TARGET: ::std::sync::LazyLock<Target> =
            ::std::sync::LazyLock::new(|| Target::named(stringify!($name)).expect("a target"));

        libfuzzer_sys::fuzz_target!(
            init: {
                // What is made once is made before anything is counted.
                (TARGET.run)(b"");
            },
            |data: &[u8]| {
                TARGET.held(data);
            }
        );
    };
}
