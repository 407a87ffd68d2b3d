//! A block whose maps allocate is found out, in a program that counts its heap.

use std::cell::RefCell;
use std::sync::Arc;

use pushpull_core::planes::{Cotangents, DotPoint, PlanesMut};
use pushpull_core::{
    AnyBlock, Block, Builder, Dims, Error, Keeps, Mat, MatMut, Op, Point, Real, Result,
    SecondOrder, Spec,
};
use pushpull_laws::fault::{Slip, planted};
use pushpull_laws::{Allocation, Check, CountingAllocator, Diagnosis, Law, check};

#[global_allocator]
static HEAP: CountingAllocator = CountingAllocator;

const N: usize = 3;

/// `y = 2 x`, on planes too. One map takes its room from the heap, if any does.
#[derive(Clone, Debug)]
struct Doubled {
    allocates: &'static str,
}

impl Doubled {
    fn double<T: Real>(&self, map: &str, x: Mat<'_, T>, mut y: MatMut<'_, T>) {
        for (j, x) in x.columns().enumerate() {
            let y = y.col_mut(j);
            if map == self.allocates {
                let doubled: Vec<T> = x.iter().map(|&x| x + x).collect();
                y.copy_from_slice(&doubled);
            } else {
                y.iter_mut().zip(x).for_each(|(y, &x)| *y = x + x);
            }
        }
    }
}

impl Spec for Doubled {
    fn name(&self) -> &str {
        "doubled"
    }
    fn dims(&self) -> Dims {
        Dims {
            n_in: N,
            n_out: N,
            n_params: 0,
        }
    }
    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }
}

impl<T: Real> Block<T> for Doubled {
    fn forward(&self, _: &[T], x: Mat<'_, T>, y: MatMut<'_, T>, _: &mut [T]) {
        self.double("forward", x, y);
    }
    fn jvp_input(&self, _: &Point<'_, T>, dot: Mat<'_, T>, y_dot: MatMut<'_, T>, _: &mut [T]) {
        self.double("jvp_input", dot, y_dot);
    }
    fn vjp_input(&self, _: &Point<'_, T>, bar: Mat<'_, T>, x_bar: MatMut<'_, T>, _: &mut [T]) {
        self.double("vjp_input", bar, x_bar);
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for Doubled {
    fn vjp_input_dot(
        &self,
        _: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        x_bar: PlanesMut<'_, T>,
        _: &mut [T],
    ) {
        self.double("vjp_input_dot", y_bar.both(), x_bar.both());
    }
}

fn graph_of(block: Arc<dyn AnyBlock>) -> Result<()> {
    let mut b = Builder::new();
    let x = b.input("x", block.dims().n_in);
    let y = b.named("suspect", block, x);
    b.build(y).map(drop)
}

#[test]
fn a_map_that_allocates_is_named_with_block_and_bytes() {
    assert_eq!(check(&Doubled { allocates: "none" }), Ok(()));
    for (allocates, columns) in [
        ("forward", 1),
        ("jvp_input", 1),
        ("vjp_input", 1),
        ("vjp_input_dot", 2),
    ] {
        let violation = check(&Doubled { allocates }).expect_err(allocates);
        assert_eq!(violation.law, Law::Allocates);
        let asked = Diagnosis::Allocates(Box::new(Allocation {
            map: allocates,
            requests: columns,
            bytes: columns * (N * size_of::<f64>()) as u64,
        }));
        assert_eq!(violation.diagnosis, asked);
        assert_eq!((violation.batch, violation.seeds), (1, 1));
        let text = violation.to_string();
        let bytes = format!("{allocates} asks the heap for {} bytes", columns * 24);
        for part in ["doubled 3 -> 3", "`allocates`", &bytes] {
            assert!(text.contains(part), "{part:?} is missing in {text:?}");
        }
        let alone = Check::new().laws(&[Law::Allocates]).cases(1);
        assert!(alone.run(&Doubled { allocates }).is_err());
    }
}

#[test]
fn a_debug_build_refuses_a_graph_with_a_block_that_allocates() {
    let of = |allocates| graph_of(Arc::new(Doubled { allocates }));
    assert_eq!(of("none"), Ok(()));
    for allocates in ["forward", "jvp_input", "vjp_input"] {
        let outcome = of(allocates);
        if !cfg!(debug_assertions) {
            assert_eq!(outcome, Ok(()));
            continue;
        }
        let Err(Error::Law {
            node,
            block,
            law,
            map,
            expected,
            got,
            ..
        }) = outcome
        else {
            panic!("{allocates} got through");
        };
        assert_eq!((&*node, &*block), ("suspect", "doubled 3 -> 3"));
        assert_eq!((law, map), ("allocates", allocates));
        // Two samples, a vector each.
        assert_eq!((expected, got), (0.0, 48.0));
    }
    for fault in planted() {
        if let (Slip::Allocates(..), true) = (fault.slip, cfg!(debug_assertions)) {
            let outcome = graph_of(Arc::clone(&fault.block));
            let law = matches!(
                &outcome,
                Err(Error::Law {
                    law: "allocates",
                    ..
                })
            );
            assert!(law, "{:?}: {outcome:?}", fault.slip);
        }
    }
}

/// A block that makes its room once on each thread, and one that asks for it as scratch memory.
#[derive(Clone, Debug)]
struct Roomy {
    scratch: bool,
}

impl Roomy {
    fn room<T: Real>(&self, scratch: &mut [T], from: Mat<'_, T>, mut to: MatMut<'_, T>) {
        thread_local! {
            static ROOM: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
        }
        for (j, from) in from.columns().enumerate() {
            let to = to.col_mut(j).iter_mut();
            if self.scratch {
                scratch.copy_from_slice(from);
                to.zip(scratch.iter()).for_each(|(to, &from)| *to = from);
            } else {
                ROOM.with_borrow_mut(|room| room.resize(N, 0.0));
                to.zip(from).for_each(|(to, &from)| *to = from);
            }
        }
    }
}

impl Spec for Roomy {
    fn dims(&self) -> Dims {
        Dims {
            n_in: N,
            n_out: N,
            n_params: 0,
        }
    }
    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }
    fn scratch_len(&self, op: Op, _: usize, _: usize) -> usize {
        if self.scratch && op != Op::Forward {
            N
        } else {
            0
        }
    }
}

impl<T: Real> Block<T> for Roomy {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        y.copy_from(x);
    }
    fn jvp_input(&self, _: &Point<'_, T>, dot: Mat<'_, T>, y_dot: MatMut<'_, T>, s: &mut [T]) {
        self.room(s, dot, y_dot);
    }
    fn vjp_input(&self, _: &Point<'_, T>, bar: Mat<'_, T>, x_bar: MatMut<'_, T>, s: &mut [T]) {
        self.room(s, bar, x_bar);
    }
}

#[test]
fn scratch_memory_and_what_is_made_once_on_a_thread_are_no_allocation() {
    for scratch in [true, false] {
        assert_eq!(check(&Roomy { scratch }), Ok(()));
        assert_eq!(graph_of(Arc::new(Roomy { scratch })), Ok(()));
    }
}
