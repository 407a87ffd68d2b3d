//! NaN and infinity planted at every place: the block and the value that caused them are named.

use nalgebra::{DMatrix, dmatrix};
use pushpull_core::blocks::{Activation, Add, Exp, Linear, Ln, Loss, Scale, Sum, Tanh};
use pushpull_core::{Builder, Graph, Init, Mlp};
use pushpull_xray::{Culprit, Pass, Settings, Xray};

fn see(graph: &Graph, params: &[f64], x: &DMatrix<f64>) -> Xray {
    Xray::new(graph, params, x, &Settings::default()).unwrap()
}

#[track_caller]
fn culprit(xray: &Xray) -> &Culprit {
    xray.culprit.as_ref().expect("something is not finite")
}

fn mlp() -> (Graph, Vec<f64>, DMatrix<f64>) {
    let graph = Mlp::new(&[3, 4, 4, 2], Activation::Tanh)
        .loss(Loss::SquaredError)
        .build()
        .unwrap();
    let params = graph.layout().init(Init::Glorot, 1);
    let x = DMatrix::from_fn(5, 6, |i, j| ((i + 2 * j) as f64).cos());
    (graph, params, x)
}

#[test]
fn finite_networks_have_no_culprit() {
    let (graph, params, x) = mlp();
    assert_eq!(see(&graph, &params, &x).culprit, None);
}

#[test]
fn data_that_are_not_finite_are_named_entry_by_entry() {
    let (graph, params, x) = mlp();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for (row, name, at) in [(0, "x", 0), (2, "x", 2), (3, "target", 0), (4, "target", 1)] {
            for sample in [0, 5] {
                let mut x = x.clone();
                x[(row, sample)] = value;
                let xray = see(&graph, &params, &x);
                let found = culprit(&xray);
                assert_eq!((found.pass, found.name.as_str()), (Pass::Data, name));
                assert_eq!(
                    (found.entry, found.got.clone()),
                    ([at, sample], value.to_string())
                );
                assert!(
                    xray.blocks
                        .iter()
                        .all(|block| block.cotangent_norm.is_none())
                );
            }
        }
        for entry in graph.layout().entries() {
            let k = entry.range().end - 1;
            let mut params = params.clone();
            params[k] = value;
            let xray = see(&graph, &params, &x);
            let found = culprit(&xray);
            assert_eq!((found.pass, &found.name), (Pass::Data, &entry.name));
            assert_eq!(found.entry, [entry.shape.nrows - 1, entry.shape.ncols - 1]);
        }
    }
}

/// ln behind each layer in turn, of a number that is not positive for one sample alone.
#[test]
fn the_first_block_of_the_primal_is_named_with_the_value_that_it_was_given() {
    for place in 0..4 {
        let mut b = Builder::new();
        let mut h = b.input("x", 2);
        for i in 0..4 {
            h = b.named(format!("layer{i}"), Linear::new(2, 2), h);
            h = if i == place {
                b.named("ln", Activation::Ln.block(2), h)
            } else {
                b.named(format!("tanh{i}"), Activation::Tanh.block(2), h)
            };
        }
        // Later blocks read NaN and write NaN: they are not to blame.
        let y = b.block(Sum::new(2), h);
        let graph = b.build(y).unwrap();
        let mut params: Vec<f64> = vec![0.0; graph.n_params()];
        for (i, entry) in graph.layout().entries().iter().enumerate() {
            let (layer, bias) = (i / 2, i % 2 == 1);
            let range = entry.range();
            if bias {
                // The first row stays positive; the second has no bias but before ln.
                params[range.start] = 0.3;
                params[range.end - 1] = if layer == place { 0.5 } else { 0.0 };
            } else {
                params[range.start] = 0.9;
                params[range.end - 1] = 0.9;
            }
        }
        // Sample 2 alone has a large negative second row, which tanh passes on as a negative number above -1.
        let x = dmatrix![0.1, 0.2, 0.3; 0.5, 0.4, -90.0];
        let xray = see(&graph, &params, &x);
        let found = culprit(&xray);
        assert_eq!(
            (found.pass, found.name.as_str()),
            (Pass::Primal, "ln"),
            "{}",
            found.reason
        );
        assert_eq!((found.entry, found.given_at), ([1, 2], Some([1, 2])));
        assert!(found.given.unwrap() < 0.0, "{}", found.reason);
        assert_eq!(found.got, "NaN");
        assert!(
            xray.to_string()
                .contains("in the primal program: ln made NaN")
        );
    }
}

#[test]
fn an_overflow_of_a_product_names_the_largest_numbers() {
    let mut b = Builder::new();
    let x = b.input("x", 2);
    let h = b.named("big", Linear::without_bias(2, 1), x);
    let y = b.map(Tanh, h);
    let graph = b.build(y).unwrap();
    let xray = see(&graph, &[1e200, -1e200], &dmatrix![1.0, 3e200; 2.0, 1.0]);
    let found = culprit(&xray);
    assert_eq!(
        (found.pass, found.name.as_str(), found.got.as_str()),
        (Pass::Primal, "big", "inf")
    );
    assert_eq!((found.given, found.given_at), (Some(3e200), Some([0, 1])));
    assert!(
        found.reason.contains("parameters of at most 1e200"),
        "{}",
        found.reason
    );
}

/// The primal is finite everywhere: ln(x) of a tiny x has the derivative 1 / x, which is infinite.
#[test]
fn an_infinite_derivative_is_named_where_it_arises() {
    let mut b = Builder::new();
    let x = b.input("x", 1);
    let h = b.named("layer", Linear::without_bias(1, 1), x);
    let h = b.named("ln", Activation::Ln.block(1), h);
    let y = b.named("scale", Scale::new(1, 2.0), h);
    let graph = b.build(y).unwrap();
    let xray = see(&graph, &[1.0], &dmatrix![1.0, 1e-310]);
    let found = culprit(&xray);
    assert_eq!(
        (found.pass, found.name.as_str(), found.got.as_str()),
        (Pass::Adjoint, "ln", "inf")
    );
    assert_eq!((found.entry, found.given), ([0, 1], Some(1e-310)));
    assert!(xray.value.unwrap().is_finite());
}

#[test]
fn a_gradient_that_overflows_is_that_of_its_block() {
    // y = w x with x = 1e200, passed through a factor of 1e200 behind: dy/dw = 1e400.
    let mut b = Builder::new();
    let x = b.input("x", 1);
    let h = b.named("layer", Linear::without_bias(1, 1), x);
    let y = b.named("scale", Scale::new(1, 1e200), h);
    let graph = b.build(y).unwrap();
    let xray = see(&graph, &[1e-200], &dmatrix![1e200]);
    let found = culprit(&xray);
    assert_eq!(
        (found.pass, found.name.as_str()),
        (Pass::Adjoint, "layer"),
        "{}",
        found.reason
    );
    assert!(
        found.reason.contains("gradient of its parameters"),
        "{}",
        found.reason
    );
}

#[test]
fn sums_of_finite_numbers_are_told_apart() {
    // Two paths of 1.5e308 each meet at the cotangent of h.
    let mut b = Builder::new();
    let x = b.input("x", 1);
    let h = b.map(Tanh, x);
    let (u, v) = (
        b.named("left", Scale::new(1, 1.5e308), h),
        b.named("right", Scale::new(1, 1.5e308), h),
    );
    let y = b.block(Add::new(1, 2), [u, v]);
    let graph = b.build(y).unwrap();
    let xray = see(&graph, &[], &dmatrix![0.1]);
    let found = culprit(&xray);
    assert_eq!(
        (found.pass, found.name.as_str()),
        (Pass::Sum, "tanh0"),
        "{}",
        found.reason
    );
    // The outputs alone.
    let mut b = Builder::new();
    let x = b.input("x", 1);
    let y = b.map(Exp, x);
    let graph = b.build(y).unwrap();
    let xray = see(&graph, &[], &dmatrix![709.5, 709.5]);
    let found = culprit(&xray);
    assert_eq!(
        (found.pass, found.name.as_str()),
        (Pass::Sum, "exp0"),
        "{}",
        found.reason
    );
}

/// In single precision numbers end earlier.
#[test]
fn single_precision_has_its_own_range() {
    let mut b = Builder::new();
    let x = b.input("x", 1);
    let y = b.map(Exp, x);
    let graph = b.build(y).unwrap();
    let double = see(&graph, &[], &dmatrix![100.0]);
    assert_eq!(double.culprit, None);
    let single = Xray::new::<f32>(&graph, &[], &dmatrix![100.0_f32], &Settings::default()).unwrap();
    assert_eq!(culprit(&single).given, Some(100.0));
}

/// A JSON text has no NaN: what is not finite is null there, and no decomposition is tried on it.
#[test]
fn what_is_not_finite_is_null_in_json() {
    let mut b = Builder::new();
    let x = b.input("x", 2);
    let h = b.map(Ln, x);
    let y = b.named("w", Linear::without_bias(2, 2), h);
    let graph = b.build(y).unwrap();
    let xray = see(&graph, &[1.0, 0.0, 0.0, 1.0], &dmatrix![-1.0; 1.0]);
    let json = serde_json::to_string(&xray).unwrap();
    assert!(
        json.contains("\"value\":null") && !json.contains("NaN,"),
        "{json}"
    );
}
