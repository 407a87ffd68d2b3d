//! One derivative at every kink, in both modes and every spelling; the two traps; the report that finds them.

#[path = "../../../tests/common/seeds.rs"]
mod seeds;

use nalgebra::{DMatrix, dmatrix};
use proptest::prelude::*;
use pushpull_core::blocks::{
    Add, Elementwise, Elu, LeakyRelu, Linear, Map, Relu, Scale, Sum, Tanh,
};
use pushpull_core::{
    Builder, Error, Graph, Init, Mat, Mlp, Question, Real, Result, Spec, Wrt, blocks,
};
use pushpull_forward_mode::Forward;
use pushpull_laws::{check, kinks};
use pushpull_reverse_mode::Reverse;

/// relu(x) - relu(-x), which is x.
fn trap_of_the_identity() -> Result<Graph> {
    let mut b = Builder::new();
    let x = b.input("x", 1);
    let right = b.named("right", Map::new(Relu, 1), x);
    let minus = b.block(Scale::new(1, -1.0), x);
    let left = b.named("left", Map::new(Relu, 1), minus);
    let left = b.block(Scale::new(1, -1.0), left);
    let y = b.block(Add::new(1, 2), [right, left]);
    b.build(y)
}

/// relu(-x) + x - relu(x), which is 0.
fn trap_of_zero() -> Result<Graph> {
    let mut b = Builder::new();
    let x = b.input("x", 1);
    let minus = b.block(Scale::new(1, -1.0), x);
    let left = b.named("left", Map::new(Relu, 1), minus);
    let right = b.named("right", Map::new(Relu, 1), x);
    let right = b.block(Scale::new(1, -1.0), right);
    let y = b.block(Add::new(1, 3), [left, x, right]);
    b.build(y)
}

/// (by forward mode, by reverse mode)
fn slopes<T: pushpull_core::Scalar>(graph: &Graph, x: f64) -> (f64, f64) {
    let x = dmatrix![T::from_f64(x)];
    let mut forward = Forward::plan(graph, 1, Question::Jvp(1))
        .wrt(Wrt::INPUTS)
        .prepare()
        .unwrap();
    let one = dmatrix![T::one()];
    let pushed = forward.jvp(&[], &x, None, Some(Mat::from(&one))).unwrap().1;
    let mut reverse = Reverse::new(graph, 1).unwrap();
    let pulled = reverse.vjp(&[], &x, &one).unwrap().1;
    (pushed[0].to_f64(), pulled[0].to_f64())
}

#[test]
fn both_modes_fall_into_both_traps_alike_and_the_report_says_so() {
    for (graph, autodiff, truth, choices) in [
        (trap_of_the_identity().unwrap(), 0.0, 1.0, [0.0, 1.0, 2.0]),
        (trap_of_zero().unwrap(), 1.0, 0.0, [1.0, 0.0, -1.0]),
    ] {
        assert_eq!(slopes::<f64>(&graph, 0.0), (autodiff, autodiff));
        assert_eq!(slopes::<f32>(&graph, 0.0), (autodiff, autodiff));
        // Beside the kink the same graph has its true derivative.
        for x in [-1e-30, 1e-30, 2.0] {
            assert_eq!(slopes::<f64>(&graph, x), (truth, truth));
            assert_eq!(kinks(&graph, &[], &dmatrix![x]).unwrap().near(), 0);
        }
        let report = kinks(&graph, &[], &dmatrix![0.0]).unwrap();
        assert_eq!(report.gradient.inputs, [autodiff]);
        assert_eq!(
            report.choices.each_ref().map(|choice| choice.inputs[0]),
            choices
        );
        assert_eq!((report.near(), report.moves()), (2, 2.0));
        let mut names: Vec<&str> = report.blocks.iter().map(|block| &*block.node).collect();
        names.sort_unstable();
        assert_eq!(names, ["left", "right"]);
        assert!(
            report
                .blocks
                .iter()
                .all(|block| (block.near, block.moves) == (1, 1.0))
        );
    }
}

macro_rules! spelling {
    ($name:ident, |$x:ident| $f:expr, |$d:ident| $df:expr) => {
        #[derive(Clone, Debug)]
        struct $name;
        impl Elementwise for $name {
            fn f<T: Real>(&self, $x: T) -> T {
                $f
            }
            fn df<T: Real>(&self, $d: T) -> T {
                $df
            }
        }
    };
}

fn step<T: Real>(x: T) -> T {
    if x > T::zero() { T::one() } else { T::zero() }
}

fn sign<T: Real>(x: T) -> T {
    step(x) - step(-x)
}

spelling!(ByMax, |x| x.max(T::zero()), |x| step(x));
spelling!(ByMaxOfZero, |x| T::zero().max(x), |x| if x >= T::zero() {
    T::one()
} else {
    T::zero()
});
spelling!(ByMin, |x| -((-x).min(T::zero())), |x| step(x));
spelling!(ByStep, |x| x * step(x), |x| step(x));
spelling!(
    ByBranch,
    |x| if x > T::zero() { x } else { T::zero() },
    |x| step(x)
);
spelling!(
    ByAbs,
    |x| T::from_f64(0.5) * (x + x.abs()),
    |x| T::from_f64(0.5) * (T::one() + sign(x))
);
spelling!(Abs, |x| x.abs(), |x| sign(x));

/// The derivative at 0 in both modes, both precisions, and of the function itself at dual numbers (the law `dual`).
fn at_zero(function: impl Elementwise, documented: f64) {
    let block = Map::new(function, 1);
    check(&block).unwrap_or_else(|violation| panic!("{block:?}: {violation}"));
    let mut b = Builder::new();
    let x = b.input("x", 1);
    let y = b.block(block.clone(), x);
    let graph = b.build(y).unwrap();
    assert_eq!(
        slopes::<f64>(&graph, 0.0),
        (documented, documented),
        "{block:?}"
    );
    assert_eq!(
        slopes::<f64>(&graph, -0.0),
        (documented, documented),
        "{block:?}"
    );
    assert_eq!(
        slopes::<f32>(&graph, 0.0),
        (documented, documented),
        "{block:?}"
    );
}

#[test]
fn every_spelling_has_its_documented_derivative_in_both_modes() {
    at_zero(Relu, 0.0);
    at_zero(ByMax, 0.0);
    at_zero(ByMaxOfZero, 1.0);
    at_zero(ByMin, 0.0);
    at_zero(ByStep, 0.0);
    at_zero(ByBranch, 0.0);
    at_zero(ByAbs, 0.5);
    at_zero(Abs, 0.0);
    for slope in [-0.5, 0.0, 0.25] {
        at_zero(LeakyRelu { slope }, slope);
        at_zero(Elu { alpha: slope }, slope);
    }
    at_zero(Elu { alpha: 1.0 }, 1.0);
}

proptest! {
    #![proptest_config(seeds::config(256, "tests/proptest-regressions/kinks.txt"))]

    /// f(z) - f(x) >= g (z - x) for all z: what is taken at 0 is a subgradient of a convex function.
    #[test]
    fn relu_and_leaky_relu_take_a_subgradient(
        x in prop_oneof![Just(0.0), Just(-0.0), -1e3..1e3_f64, -1e-300..1e-300_f64],
        z in prop_oneof![Just(0.0), -1e3..1e3_f64, -1e-300..1e-300_f64],
        slope in 0.0..=1.0_f64,
    ) {
        fn holds(function: &impl Elementwise, x: f64, z: f64) -> bool {
            let gap = function.f(z) - function.f(x) - function.df(x) * (z - x);
            // The rounding of the four terms.
            gap >= -4.0 * f64::EPSILON * (x.abs() + z.abs())
        }
        prop_assert!(holds(&Relu, x, z));
        let leaky = LeakyRelu { slope };
        prop_assert!(holds(&leaky, x, z));
        // The inequality can fail: a concave function has it the other way round.
        if x == 0.0 && z > 1e-6 {
            let concave = LeakyRelu { slope: 1.5 };
            prop_assert!(!holds(&concave, x, z));
        }
    }
}

#[test]
fn a_sum_that_cancels_is_within_rounding_of_the_kink_and_one_that_does_not_is_not() {
    // 0.1 + 0.2 - 0.3 is 5.6e-17 in f64: another order of adding gives 2.8e-17 or 0.
    let mut b = Builder::new();
    let x = b.input("x", 3);
    let sum = b.block(Sum::new(3), x);
    let y = b.map(Relu, sum);
    let graph = b.build(y).unwrap();
    let report = kinks(&graph, &[], &dmatrix![0.1, 0.1; 0.2, 0.2; -0.3, -0.2999999]).unwrap();
    assert_eq!((report.blocks[0].near, report.blocks[0].entries), (1, 2));
    assert!(
        (report.moves() - 3.0_f64.sqrt()).abs() < 1e-12,
        "three inputs move by 1 each"
    );
    // The same numbers without the cancellation: what is exact is at the kink or is not.
    let mut b = Builder::new();
    let x = b.input("x", 1);
    let y = b.map(Relu, x);
    let graph = b.build(y).unwrap();
    assert_eq!(
        kinks(&graph, &[], &dmatrix![5.6e-17, 0.0]).unwrap().near(),
        1
    );
}

#[test]
fn a_network_s_report_counts_per_block_and_moves_in_the_parameters() {
    // Without a bias, a sample of zeros puts every relu of every layer at its kink.
    let mut b = Builder::new();
    let x = b.input("x", 3);
    let h = b.named("first", Linear::new(3, 5), x);
    let h = b.named("bend", Map::new(Relu, 5), h);
    let h = b.named("second", Linear::new(5, 4), h);
    let h = b.named("smooth", Map::new(Tanh, 4), h);
    let h = b.named("leak", Map::new(LeakyRelu::default(), 4), h);
    let y = b.block(Sum::new(4), h);
    let graph = b.build(y).unwrap();
    let params: Vec<f32> = graph.layout().init(Init::Glorot, 2);
    let x = DMatrix::from_fn(3, 4, |i, j| {
        if j == 2 {
            0.0
        } else {
            0.3 + 0.1 * (i + j) as f32
        }
    });
    let report = kinks(&graph, &params, &x).unwrap();
    let found: Vec<(&str, usize, usize)> = report
        .blocks
        .iter()
        .map(|block| (&*block.node, block.near, block.entries))
        .collect();
    assert_eq!(found, [("bend", 5, 20), ("leak", 4, 16)]);
    assert!(report.blocks.iter().all(|block| block.moves > 0.01));
    let mut reverse = Reverse::new(&graph, 4).unwrap();
    let mut inputs = DMatrix::zeros(3, 4);
    let (_, gradient) = reverse
        .value_and_gradients(&params, &x, &mut inputs)
        .unwrap();
    for (ours, theirs) in report.gradient.params.iter().zip(gradient) {
        assert!((ours - theirs).abs() <= 1e-5 * theirs.abs().max(1.0));
    }
    for (ours, theirs) in report.gradient.inputs.iter().zip(&inputs) {
        assert!((ours - theirs).abs() <= 1e-5);
    }
    let text = report.to_string();
    assert!(text.contains("bend (relu): 5 of 20 entries"), "{text}");
}

#[test]
fn a_network_without_kinks_has_nothing_to_report() {
    let graph = Mlp::new(&[3, 4, 1], blocks::Activation::Tanh)
        .build()
        .unwrap();
    let params: Vec<f64> = graph.layout().zeros();
    let report = kinks(&graph, &params, &DMatrix::zeros(3, 2)).unwrap();
    assert!(report.blocks.is_empty() && report.moves() == 0.0);
    let none = DMatrix::<f64>::zeros(3, 0);
    assert!(matches!(
        kinks(&graph, &params, &none),
        Err(Error::EmptyBatch { .. })
    ));
}

#[test]
fn a_block_tells_its_kinks_through_the_graph() {
    let graph = trap_of_zero().unwrap();
    let kinked: Vec<usize> = graph
        .nodes()
        .iter()
        .map(|node| node.block.kinks().len())
        .collect();
    assert_eq!(kinked.iter().sum::<usize>(), 2);
    assert_eq!(Spec::kinks(&Map::new(Elu::default(), 2)), []);
}
