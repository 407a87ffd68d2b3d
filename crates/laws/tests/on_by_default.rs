//! Building a graph in a debug or test build checks its blocks unasked. A build without debug assertions, such as the
//! profile `checked`, has no such check to test.
#![cfg(debug_assertions)]

use std::sync::Arc;

use pushpull_core::blocks::{Linear, Map, Relu, Tanh};
use pushpull_core::{
    Accum, AnyBlock, Block, Builder, Dims, Error, Keeps, Mat, MatMut, Point, Real, Result, Spec,
};
use pushpull_laws::Rule;
use pushpull_laws::fault::{Faulty, Slip, planted, right_blocks};

/// A graph of one block, which reads one input.
fn graph_of(block: Arc<dyn AnyBlock>) -> Result<()> {
    let mut b = Builder::new();
    let x = b.input("x", block.dims().n_in);
    let y = b.named("suspect", block, x);
    b.build(y).map(drop)
}

#[test]
fn right_blocks_of_any_size_build() {
    for n in [1, 2, 3, 7, 16, 33, 100] {
        for block in right_blocks(n) {
            assert_eq!(graph_of(Arc::clone(&block)), Ok(()), "{block:?}");
        }
    }
    assert_eq!(graph_of(Arc::new(Linear::new(300, 200))), Ok(()));
}

#[test]
fn a_wrong_derivative_is_an_error_that_names_node_block_law_map_and_both_numbers() {
    let wrong = Faulty::new(Map::new(Tanh, 3), Slip::Factor(Rule::JvpInput, 1.001));
    let Err(Error::Law {
        node,
        block,
        law,
        map,
        expected,
        got,
        ..
    }) = graph_of(Arc::new(wrong))
    else {
        panic!("a rule that is 0.1 % wrong got through");
    };
    assert_eq!(
        (&*node, &*block, law, map),
        ("suspect", "tanh 3 -> 3", "dual", "jvp_input")
    );
    assert!((got / expected - 1.001).abs() < 1e-9);
    let wrong = Faulty::new(Linear::new(3, 2), Slip::Factor(Rule::VjpParams, -1.0));
    let text = graph_of(Arc::new(wrong)).unwrap_err().to_string();
    for part in [
        "suspect",
        "vjp_params",
        "linear 3 -> 2",
        "adjoint",
        "surrogate",
    ] {
        assert!(text.contains(part), "{part:?} is missing in {text:?}");
    }
}

#[test]
fn planted_faults_of_the_derivative_do_not_get_into_a_graph() {
    // Left to the thorough check: faults that no single call at ordinary numbers shows.
    let quiet = |slip: &Slip| {
        matches!(
            slip,
            Slip::AtZero(..)
                | Slip::NaiveProduct(_)
                | Slip::Clipped(..)
                | Slip::SampleMajor(_)
                | Slip::SetForAdd(_)
                | Slip::Gap(_)
                | Slip::Panic(_)
                | Slip::FlopTooMany(..)
                | Slip::CallTooFew(_)
                | Slip::SeedsForgotten(_)
                | Slip::Unrepeatable
                | Slip::Mixed
                | Slip::Detached
                | Slip::ParamTooMany
                | Slip::OptionalExtra
                | Slip::Scratch(_)
                // The heap of this program is not counted; `tests/allocation.rs` counts its own.
                | Slip::Allocates(..)
        )
    };
    let (mut caught, mut all) = (0, 0);
    for fault in planted().iter().filter(|fault| !quiet(&fault.slip)) {
        let outcome = graph_of(Arc::clone(&fault.block));
        all += 1;
        caught += usize::from(matches!(outcome, Err(Error::Law { .. })));
        assert!(outcome.is_err(), "{:?} of {:?}", fault.slip, fault.block);
    }
    assert!(all >= 60 && caught == all, "{caught} of {all}");
}

/// The straight-through estimator: rounds, and lets derivatives pass as if it did not.
#[derive(Clone, Debug)]
struct StraightThrough {
    declared: bool,
}

impl Spec for StraightThrough {
    fn dims(&self) -> Dims {
        Dims {
            n_in: 2,
            n_out: 2,
            n_params: 0,
        }
    }
    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }
    fn surrogate(&self) -> bool {
        self.declared
    }
}

impl<T: Real> Block<T> for StraightThrough {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, x) in x.columns().enumerate() {
            for (y, x) in y.col_mut(j).iter_mut().zip(x) {
                *y = T::from_f64(x.to_f64().round());
            }
        }
    }
    fn jvp_input(&self, _: &Point<'_, T>, dot: Mat<'_, T>, mut y_dot: MatMut<'_, T>, _: &mut [T]) {
        y_dot.copy_from(dot);
    }
    fn vjp_input(&self, _: &Point<'_, T>, bar: Mat<'_, T>, mut x_bar: MatMut<'_, T>, _: &mut [T]) {
        x_bar.copy_from(bar);
    }
}

#[test]
fn a_rule_that_lies_on_purpose_has_to_say_so() {
    let silent = graph_of(Arc::new(StraightThrough { declared: false }));
    assert!(matches!(silent, Err(Error::Law { law: "dual", .. })));
    assert_eq!(
        graph_of(Arc::new(StraightThrough { declared: true })),
        Ok(())
    );
}

/// A block for one mode: its pullback is not written.
#[derive(Clone, Debug)]
struct ForwardOnly(Linear, f64);

impl Spec for ForwardOnly {
    fn dims(&self) -> Dims {
        self.0.dims()
    }
    fn keeps(&self) -> Keeps {
        self.0.keeps()
    }
}

impl<T: Real> Block<T> for ForwardOnly {
    fn forward(&self, params: &[T], x: Mat<'_, T>, y: MatMut<'_, T>, extra: &mut [T]) {
        self.0.forward(params, x, y, extra);
    }
    fn jvp_input(&self, at: &Point<'_, T>, dot: Mat<'_, T>, y_dot: MatMut<'_, T>, s: &mut [T]) {
        self.0.jvp_input(at, dot, y_dot, s);
    }
    fn vjp_input(&self, _: &Point<'_, T>, _: Mat<'_, T>, _: MatMut<'_, T>, _: &mut [T]) {
        panic!("no pullback here");
    }
    fn jvp_params(
        &self,
        at: &Point<'_, T>,
        dot: Mat<'_, T>,
        acc: Accum,
        mut y_dot: MatMut<'_, T>,
        s: &mut [T],
    ) {
        self.0.jvp_params(at, dot, acc, y_dot.rb_mut(), s);
        for j in 0..y_dot.ncols() {
            y_dot
                .col_mut(j)
                .iter_mut()
                .for_each(|y| *y *= T::from_f64(self.1));
        }
    }
}

#[test]
fn a_block_with_the_rules_of_one_mode_builds_if_those_are_right() {
    assert_eq!(
        graph_of(Arc::new(ForwardOnly(Linear::new(3, 2), 1.0))),
        Ok(())
    );
    let wrong = graph_of(Arc::new(ForwardOnly(Linear::new(3, 2), 2.0)));
    assert!(matches!(
        wrong,
        Err(Error::Law {
            map: "jvp_params",
            ..
        })
    ));
}

/// A drop in the middle of a panic may build a graph.
#[test]
fn a_graph_is_built_while_a_panic_unwinds() {
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            assert_eq!(graph_of(Arc::new(Linear::new(2, 2))), Ok(()));
        }
    }
    let unwound = std::panic::catch_unwind(|| {
        let _late = Late;
        std::panic::resume_unwind(Box::new("on purpose"));
    });
    assert!(unwound.is_err());
}

#[test]
fn blocks_of_a_name_that_differ_in_a_setting_are_all_checked() {
    let mut b = Builder::new();
    let x = b.input("x", 3);
    let right = b.block(Map::new(Relu, 3), x);
    let none = Faulty::new(Map::new(Relu, 3), Slip::Factor(Rule::VjpInput, 1.0));
    let right = b.block(none, right);
    let twice = Faulty::new(Map::new(Relu, 3), Slip::Factor(Rule::VjpInput, 2.0));
    let wrong = b.named("third", twice, right);
    assert!(matches!(b.build(wrong), Err(Error::Law { node, .. }) if node == "third"));
}
