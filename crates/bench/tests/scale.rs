//! What the engines of the scale sweep allocate is what was predicted, to the byte. A process of its own: the heap is counted for
//! all threads, so no other test may run beside it.

use pushpull_bench::alloc::CountingAllocator;
use pushpull_bench::rounds::Effort;
use pushpull_bench::scale::{Axis, measure};

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

#[test]
fn bytes_are_those_of_the_prediction() {
    let effort = Effort {
        rounds: 1,
        slice: 1e-5,
    };
    let mut compared = 0;
    for row in measure(Axis::Layers, true, effort).unwrap() {
        // The workers of a second thread have memory of their own.
        if row.threads == 1 {
            assert_eq!(row.bytes, row.predicted_bytes, "{}, {}", row.task, row.size);
            compared += 1;
        }
    }
    assert!(compared > 0);
}
