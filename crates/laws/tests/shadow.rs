//! The shadow check in a run: quiet for right rules, and it names the block that lies by a thousandth.

use nalgebra::DMatrix;
use pushpull_core::blocks::{Activation, LayerNorm, Linear, Map, SquaredError, Tanh};
use pushpull_core::{Builder, Error, Graph, Init, Mlp, Result, Scalar};
use pushpull_forward_mode::Forward;
use pushpull_laws::fault::{Faulty, Slip};
use pushpull_laws::{Rule, Shadow, ShadowError};
use pushpull_reverse_mode::Reverse;

const WIDTH: usize = 16;
const BATCH: usize = 8;

/// Which block of a layer lies.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Liar {
    Nobody,
    Linear(Rule),
    Tanh(Rule),
    Norm(Rule),
}

/// `depth` layers of norm, linear, tanh; in layer `at` one block is wrong by `factor`.
fn network(depth: usize, at: usize, liar: Liar, factor: f64) -> Result<Graph> {
    let mut b = Builder::new();
    let (x, target) = (b.input("x", WIDTH), b.constant("target", WIDTH));
    let mut h = x;
    for i in 0..depth {
        let slip = |rule| Slip::Factor(rule, factor);
        h = match liar {
            Liar::Norm(rule) if i == at => b.named(
                format!("norm{i}"),
                Faulty::new(LayerNorm::new(WIDTH), slip(rule)).declared(),
                h,
            ),
            _ => b.named(format!("norm{i}"), LayerNorm::new(WIDTH), h),
        };
        let linear = Linear::new(WIDTH, WIDTH);
        h = match liar {
            Liar::Linear(rule) if i == at => b.named(
                format!("linear{i}"),
                Faulty::new(linear, slip(rule)).declared(),
                h,
            ),
            _ => b.named(format!("linear{i}"), linear, h),
        };
        let tanh = Map::new(Tanh, WIDTH);
        h = match liar {
            Liar::Tanh(rule) if i == at => b.named(
                format!("tanh{i}"),
                Faulty::new(tanh, slip(rule)).declared(),
                h,
            ),
            _ => b.named(format!("tanh{i}"), tanh, h),
        };
    }
    let loss = b.named("loss", SquaredError::new(WIDTH), [h, target]);
    b.build(loss)
}

fn data<T: Scalar>(graph: &Graph, batch: usize) -> (Vec<T>, DMatrix<T>) {
    let x = DMatrix::from_fn(graph.n_inputs(), batch, |i, j| {
        T::from_f64((0.7 * i as f64 + 2.3 * j as f64).sin())
    });
    (graph.layout().init(Init::Glorot, 5), x)
}

/// The names of the nodes that are blamed over some draws; every draw must miss.
fn blamed<T: Scalar>(graph: &Graph, seeds: u64) -> Vec<String> {
    let (params, x) = data::<T>(graph, BATCH);
    let mut reverse = Reverse::new(graph, BATCH).unwrap();
    let gradient = reverse.value_and_gradient(&params, &x).unwrap().1.to_vec();
    let blame = |seed| {
        let mut shadow = Shadow::new(graph, BATCH, 1, seed).unwrap();
        match shadow.check(&params, &x, &gradient) {
            Err(ShadowError::Miss(miss)) => {
                assert!(miss.worst.is_proven(), "{miss}");
                let text = miss.to_string();
                assert!(
                    text.contains(&miss.worst.node) && text.contains("pushpull_laws::check"),
                    "{text}"
                );
                miss.worst.node
            }
            other => panic!("seed {seed}: a wrong rule passed: {other:?}"),
        }
    };
    (0..seeds).map(blame).collect()
}

/// One block wrong by a thousandth, in either rule, early and late in a shallow and a deep network: every draw sees it
/// and names it.
fn a_thousandth_is_seen<T: Scalar>() {
    for (depth, at) in [(3, 1), (12, 2), (12, 10)] {
        for (liar, name) in [
            (Liar::Linear(Rule::VjpInput), "linear"),
            (Liar::Linear(Rule::VjpParams), "linear"),
            (Liar::Linear(Rule::JvpParams), "linear"),
            // The engines run these two in place.
            (Liar::Tanh(Rule::VjpInputInPlace), "tanh"),
            (Liar::Norm(Rule::VjpInputInPlace), "norm"),
            (Liar::Norm(Rule::VjpParams), "norm"),
        ] {
            let graph = network(depth, at, liar, 1.001).unwrap();
            for node in blamed::<T>(&graph, 4) {
                assert_eq!(
                    node,
                    format!("{name}{at}"),
                    "{liar:?} of {depth} layers, {}",
                    T::NAME
                );
            }
        }
    }
}

#[test]
fn a_rule_wrong_by_a_thousandth_in_one_block_is_seen_in_single_precision() {
    a_thousandth_is_seen::<f32>();
}

#[test]
fn a_rule_wrong_by_a_thousandth_in_one_block_is_seen_in_double_precision() {
    a_thousandth_is_seen::<f64>();
}

#[test]
fn a_rule_wrong_by_a_billionth_is_seen_in_double_precision() {
    let graph = network(12, 4, Liar::Linear(Rule::VjpInput), 1.0 + 1e-9).unwrap();
    assert_eq!(blamed::<f64>(&graph, 2), ["linear4", "linear4"]);
}

/// A training run with right rules, each gradient checked, by reverse mode and by forward mode.
fn a_right_run_is_quiet<T: Scalar>() {
    let deep = network(40, 0, Liar::Nobody, 1.0).unwrap();
    let relu = Mlp::new(&[10, 24, 24, 4], Activation::Relu)
        .build()
        .unwrap();
    for graph in [deep, relu] {
        let (mut params, x) = data::<T>(&graph, BATCH);
        let mut reverse = Reverse::new(&graph, BATCH).unwrap();
        let mut forward = Forward::new(&graph, BATCH).unwrap();
        let mut shadow = Shadow::new(&graph, BATCH, 1, 3).unwrap();
        for step in 0..25 {
            let (_, gradient) = reverse.value_and_gradient(&params, &x).unwrap();
            shadow
                .check(&params, &x, gradient)
                .unwrap_or_else(|fault| panic!("step {step}: {fault}"));
            if step < 2 && graph.n_params() < 2000 {
                let (_, pushed) = forward.value_and_gradient(&params, &x).unwrap();
                shadow
                    .check(&params, &x, pushed)
                    .unwrap_or_else(|fault| panic!("forward, {step}: {fault}"));
            }
            let rate = T::from_f64(1e-3);
            params
                .iter_mut()
                .zip(gradient)
                .for_each(|(w, &g)| *w -= rate * g);
        }
        assert_eq!(shadow.seen(), shadow.checked());
    }
}

#[test]
fn right_rules_raise_no_alarm_in_single_precision() {
    a_right_run_is_quiet::<f32>();
}

#[test]
fn right_rules_raise_no_alarm_in_double_precision() {
    a_right_run_is_quiet::<f64>();
}

#[test]
fn only_every_kth_gradient_is_checked_and_a_wrong_one_in_between_passes() {
    let graph = network(2, 0, Liar::Nobody, 1.0).unwrap();
    let (params, x) = data::<f64>(&graph, BATCH);
    let wrong = vec![1.0; graph.n_params()];
    let mut shadow = Shadow::new(&graph, BATCH, 3, 0).unwrap();
    let due: Vec<bool> = (0..7)
        .map(|_| shadow.check(&params, &x, &wrong).is_err())
        .collect();
    assert_eq!(due, [false, false, true, false, false, true, false]);
    assert_eq!((shadow.seen(), shadow.checked()), (7, 2));
}

#[test]
fn a_gradient_of_other_parameters_is_refused_without_blaming_a_block() {
    let graph = network(2, 0, Liar::Nobody, 1.0).unwrap();
    let (mut params, x) = data::<f64>(&graph, BATCH);
    let mut reverse = Reverse::new(&graph, BATCH).unwrap();
    let stale = reverse.value_and_gradient(&params, &x).unwrap().1.to_vec();
    params[3] += 0.01;
    let mut shadow = Shadow::new(&graph, BATCH, 1, 0).unwrap();
    let Err(ShadowError::Miss(miss)) = shadow.check(&params, &x, &stale) else {
        panic!("a stale gradient passed");
    };
    assert!(
        !miss.worst.is_proven() && miss.to_string().contains("no block is at fault alone"),
        "{miss}"
    );
}

#[test]
fn what_cannot_be_checked_is_a_typed_error() {
    let graph = network(1, 0, Liar::Nobody, 1.0).unwrap();
    let (params, x) = data::<f64>(&graph, BATCH);
    assert!(matches!(
        Shadow::<f64>::new(&graph, BATCH, 0, 0),
        Err(Error::Setting { .. })
    ));
    let mut shadow = Shadow::new(&graph, BATCH, 1, 0).unwrap();
    let fault = |outcome| match outcome {
        Err(ShadowError::Data(fault)) => fault,
        other => panic!("{other:?}"),
    };
    assert!(matches!(
        fault(shadow.check(&params, &x, &[1.0])),
        Error::Length { .. }
    ));
    let mut gradient = vec![0.0; graph.n_params()];
    gradient[7] = f64::NAN;
    assert!(
        matches!(fault(shadow.check(&params, &x, &gradient)), Error::NotFinite { entry, .. } if entry == "[7]")
    );
    let short = x.columns(0, 2).into_owned();
    gradient[7] = 0.0;
    assert!(matches!(
        fault(shadow.check(&params, &short, &gradient)),
        Error::Shape { .. }
    ));
}
