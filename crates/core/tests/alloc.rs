//! The counting allocator counts what is asked of it, and nothing else.

use std::hint::black_box;

use pushpull_core::alloc::{
    AllocError, Allocation, CountingAllocator, live_bytes, measure, measure_process,
};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[test]
fn a_closure_without_heap_is_all_zeros_and_one_byte_is_seen() {
    let (_, none) = measure(|| black_box(3) + black_box(4)).unwrap();
    assert_eq!(none, Allocation::default());
    let (_, one) = measure(|| drop(black_box(Box::new(1u8)))).unwrap();
    assert_eq!(
        one,
        Allocation {
            count: 1,
            bytes: 1,
            peak_bytes: 1,
            kept_bytes: 0
        }
    );
}

#[test]
fn zeroed_and_grown_memory_count() {
    let (_, zeroed) = measure(|| drop(black_box(vec![0u64; 100]))).unwrap();
    assert_eq!((zeroed.count, zeroed.peak_bytes), (1, 800));
    let (v, grown) = measure(|| {
        let mut v = Vec::<u8>::with_capacity(100);
        v.reserve_exact(black_box(300));
        v
    })
    .unwrap();
    assert_eq!((grown.count, grown.bytes, grown.peak_bytes), (2, 400, 300));
    let (_, freed) = measure(|| drop(v)).unwrap();
    assert_eq!(
        (freed.count, freed.peak_bytes, freed.kept_bytes),
        (0, 0, -300)
    );
}

#[test]
fn an_inner_measurement_does_not_hide_the_outer_peak() {
    let ((), outer) = measure(|| {
        drop(black_box(vec![1u8; 5000]));
        let (_, inner) = measure(|| drop(black_box(vec![1u8; 10]))).unwrap();
        assert_eq!(inner.peak_bytes, 10);
    })
    .unwrap();
    assert_eq!((outer.count, outer.peak_bytes), (2, 5000));
}

#[test]
fn a_panic_gives_the_outer_peak_back() {
    let ((), outer) = measure(|| {
        drop(black_box(vec![1u8; 1 << 20]));
        let fell = std::panic::catch_unwind(|| {
            measure(|| std::panic::resume_unwind(Box::new(()))).map(|((), a)| a)
        });
        assert!(fell.is_err());
    })
    .unwrap();
    assert!(outer.peak_bytes >= 1 << 20);
}

#[test]
fn a_thread_is_blind_to_others_and_the_process_is_not() {
    let other = || {
        std::thread::spawn(|| drop(black_box(vec![1u8; 1 << 26])))
            .join()
            .unwrap()
    };
    let (_, here) = measure(other).unwrap();
    assert!(here.bytes < 1 << 20, "{here:?}");
    let (nested, all) = measure_process(|| {
        other();
        measure_process(|| ()).map(|_| ())
    })
    .unwrap();
    // Other tests of this process may give back their own few megabytes meanwhile.
    assert!(all.peak_bytes >= 1 << 25, "{all:?}");
    assert_eq!(nested, Err(AllocError::Busy));
    assert!(measure_process(|| ()).is_ok(), "the turn was given back");
    assert!(live_bytes().is_some_and(|b| b > 0));
}
