//! The evaluations that are predicted are the calls of the blocks' forward maps.

mod common;

use std::cell::{Cell, RefCell};

use common::case::Case;
use pushpull::{
    Accum, Block, Builder, Chunk, Dims, Forward, HessianVector, Keeps, Mat, MatMut, MixedMode,
    Point, Question, Real, Reverse, Spec, Structured, linalg,
};

thread_local! {
    static EVALUATED: Cell<u64> = const { Cell::new(0) };
}

/// The identity, which says how often its forward map ran.
#[derive(Clone, Debug)]
struct Watched(usize);

impl Spec for Watched {
    fn dims(&self) -> Dims {
        let (n_in, n_out, n_params) = (self.0, self.0, self.0);
        Dims {
            n_in,
            n_out,
            n_params,
        }
    }
    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }
}

/// `y = x + w`, at every scalar.
impl<T: Real> Block<T> for Watched {
    fn forward(&self, params: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        EVALUATED.set(EVALUATED.get() + 1);
        y.copy_from(x);
        linalg::add_to_columns(&mut y, params);
    }
    fn jvp_input(
        &self,
        _: &Point<'_, T>,
        x_dot: Mat<'_, T>,
        mut y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        y_dot.copy_from(x_dot);
    }
    fn vjp_input(
        &self,
        _: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        mut x_bar: MatMut<'_, T>,
        _: &mut [T],
    ) {
        x_bar.copy_from(y_bar);
    }
    fn jvp_params(
        &self,
        at: &Point<'_, T>,
        params_dot: Mat<'_, T>,
        acc: Accum,
        mut y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        if acc == Accum::Set {
            y_dot.fill(T::zero());
        }
        for (seed, dot) in params_dot.columns().enumerate() {
            let columns = seed * at.batch..(seed + 1) * at.batch;
            linalg::add_to_columns(&mut y_dot.rb_mut().cols(columns), dot);
        }
    }
    fn vjp_params(
        &self,
        _: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        acc: Accum,
        params_bar: &mut [T],
        _: &mut [T],
    ) {
        linalg::row_sums(y_bar, acc, params_bar);
    }
}

#[test]
fn evaluations_are_those_of_the_forward_maps() {
    let mut b = Builder::new();
    let mut h = b.input("x", 3);
    for _ in 0..4 {
        h = b.block(Watched(3), h);
    }
    let graph = b.build(h).unwrap();
    let case = Case::<f64>::of(graph.clone(), 2, 1);
    let (params, x) = (&case.params[..], &case.x);
    let ran = |work: &dyn Fn()| {
        let before = EVALUATED.get();
        work();
        EVALUATED.get() - before
    };
    for chunk in [Chunk::Full, Chunk::Fixed(5)] {
        let predicted = Forward::plan(&graph, 2, Question::Gradient)
            .chunk(chunk)
            .prediction::<f64>()
            .unwrap();
        let mut engine = Forward::plan(&graph, 2, Question::Gradient)
            .chunk(chunk)
            .prepare()
            .unwrap();
        let engine = RefCell::new(&mut engine);
        let seen = ran(&|| {
            drop(
                engine
                    .borrow_mut()
                    .value_and_gradient(params, x)
                    .map(|_| ()),
            )
        });
        assert_eq!(predicted.evaluations, seen, "forward, {chunk:?}");
    }
    let predicted = Structured::plan(&graph, 2)
        .chunk(Chunk::Fixed(1))
        .prediction::<f64>()
        .unwrap();
    let engine = RefCell::new(
        Structured::plan(&graph, 2)
            .chunk(Chunk::Fixed(1))
            .prepare()
            .unwrap(),
    );
    let seen = ran(&|| {
        drop(
            engine
                .borrow_mut()
                .value_and_gradient(params, x)
                .map(|_| ()),
        )
    });
    assert_eq!(predicted.evaluations, seen, "structured");
    let predicted = Reverse::plan(&graph, 2, Question::JacobianInputs)
        .prediction::<f64>()
        .unwrap();
    let engine = RefCell::new(Reverse::new(&graph, 2).unwrap());
    let seen = ran(&|| drop(engine.borrow_mut().jacobian_inputs(params, x)));
    assert_eq!(predicted.evaluations, seen, "reverse");
    let predicted = HessianVector::plan(&graph, 2)
        .products(3)
        .prediction::<f64>()
        .unwrap();
    let engine = RefCell::new(HessianVector::new(&graph, 2).unwrap());
    let three = || {
        for _ in 0..3 {
            engine
                .borrow_mut()
                .hessian_vector(params, x, params)
                .map(|_| ())
                .unwrap();
        }
    };
    assert_eq!(predicted.evaluations, ran(&three), "H v");
    let predicted = MixedMode::plan(&graph, 2).prediction::<f64>().unwrap();
    let engine = RefCell::new(MixedMode::new(&graph, 2).unwrap());
    let seen = ran(&|| drop(engine.borrow_mut().jacobian_inputs(params, x)));
    assert_eq!(predicted.evaluations, seen, "mixed mode");
}
