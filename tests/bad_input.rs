//! Bad input gives a typed error that names the thing, before anything large is allocated; nothing panics.

mod common;

use common::seeds;
use proptest::prelude::*;
use pushpull::blocks::{Activation, Add, Div, Linear, Loss, Mul};
use pushpull::checkpoint::{Chain, square_root};
use pushpull::nalgebra::DMatrix;
use pushpull::{
    Accum, Builder, Chunk, Engine, Error, Forward, ForwardOverForward, Graph, HessianVector, Mat,
    MatMut, Mlp, Question, Reverse, Store, Structured, Wrt,
};

fn graph() -> Graph {
    Mlp::new(&[3, 4, 2], Activation::Tanh)
        .loss(Loss::SquaredError)
        .build()
        .unwrap()
}

#[test]
fn empty_and_zero_width_networks_are_named() {
    assert!(matches!(
        Mlp::new(&[3], Activation::Tanh).build(),
        Err(Error::Empty { .. })
    ));
    assert!(Mlp::new(&[], Activation::Tanh).build().is_err());
    let Err(Error::ZeroWidth { name, .. }) = Mlp::new(&[3, 0, 2], Activation::Tanh).build() else {
        panic!()
    };
    assert_eq!(name, "layer0");
}

#[test]
fn settings_outside_their_domain_are_named() {
    let graph = graph();
    let forward = |batch, chunk, threads| {
        Forward::plan(&graph, batch, Question::Gradient)
            .chunk(chunk)
            .threads(threads)
            .prepare::<f64>()
            .unwrap_err()
    };
    assert!(matches!(
        forward(0, Chunk::Auto, 1),
        Error::EmptyBatch { .. }
    ));
    assert!(matches!(
        forward(1, Chunk::Fixed(0), 1),
        Error::Setting { .. }
    ));
    assert!(matches!(forward(1, Chunk::Auto, 0), Error::Setting { .. }));
    let structured = |batch, chunk, threads| {
        Structured::plan(&graph, batch)
            .chunk(chunk)
            .threads(threads)
            .prepare::<f64>()
            .unwrap_err()
    };
    assert!(matches!(
        structured(0, Chunk::Auto, 1),
        Error::EmptyBatch { .. }
    ));
    for (chunk, threads) in [(Chunk::Fixed(0), 1), (Chunk::Auto, 0)] {
        let fault = structured(1, chunk, threads);
        assert!(matches!(fault, Error::Setting { .. }), "{fault}");
        assert!(fault.to_string().starts_with("Structured"), "{fault}");
    }
    let reverse = |batch, threads| {
        Reverse::plan(&graph, batch, Question::Gradient)
            .threads(threads)
            .prepare::<f64>()
            .unwrap_err()
    };
    assert!(matches!(reverse(0, 1), Error::EmptyBatch { .. }));
    assert!(matches!(reverse(1, 0), Error::Setting { .. }));
    assert!(matches!(
        Reverse::plan(&graph, 1, Question::Vjp(0))
            .seeds(0)
            .prepare::<f64>(),
        Err(Error::Setting { .. })
    ));
}

#[test]
fn nan_and_infinite_data_are_named_with_their_place() {
    let graph = graph();
    let (mut params, mut x) = (graph.layout().zeros::<f64>(), DMatrix::zeros(5, 1));
    x[(4, 0)] = f64::NAN;
    let mut reverse = Reverse::new(&graph, 1).unwrap();
    let fault = reverse.value_and_gradient(&params, &x).unwrap_err();
    assert!(
        fault.to_string().starts_with("target: entry [1, 0] is NaN"),
        "{fault}"
    );
    x[(4, 0)] = 0.0;
    params[13] = f64::NEG_INFINITY;
    let mut forward = Forward::new(&graph, 1).unwrap();
    let fault = forward.value_and_gradient(&params, &x).unwrap_err();
    assert!(
        fault
            .to_string()
            .starts_with("layer0.bias: entry [1] is -inf"),
        "{fault}"
    );
}

#[test]
fn a_message_names_a_small_number_by_its_power_of_ten() {
    let mut b = Builder::new();
    let x = b.input("x", 1);
    let three = b.constant("three", 1);
    let y = b.named("third", Div::new(1), [three, x]);
    let graph = b.build(y).unwrap();
    let mut reverse = Reverse::plan(&graph, 1, Question::JacobianInputs)
        .prepare()
        .unwrap();
    let x = DMatrix::from_column_slice(2, 1, &[1e-160, 3.0]);
    let fault = reverse.jacobian_inputs(&[], &x).unwrap_err().to_string();
    assert!(
        fault.starts_with("third: the derivative of div needs a finite slope, got none at 1e-160 (row 0, sample 0);"),
        "{fault}"
    );
}

#[test]
fn what_cannot_fit_is_refused_before_it_is_allocated() {
    let wide = Mlp::new(&[1 << 14, 1 << 14], Activation::Tanh)
        .build()
        .unwrap();
    let fault = Forward::plan(&wide, 64, Question::Gradient)
        .chunk(Chunk::Full)
        .prepare::<f64>()
        .unwrap_err();
    assert!(matches!(fault, Error::TooLarge { .. }), "{fault}");
    let deep = Mlp::new(&[1 << 10; 4], Activation::Tanh).build().unwrap();
    let fault = Structured::plan(&deep, 1 << 14)
        .chunk(Chunk::Full)
        .prepare::<f64>()
        .unwrap_err();
    assert!(matches!(fault, Error::TooLarge { .. }), "{fault}");
    let net = Mlp::new(&[1 << 8, 1 << 8], Activation::Tanh)
        .build()
        .unwrap();
    let params: Vec<f64> = net.layout().zeros();
    let x = DMatrix::zeros(1 << 8, 1 << 12);
    let mut reverse = Reverse::new(&net, 1 << 12).unwrap();
    assert!(matches!(
        reverse.jacobian_params(&params, &x),
        Err(Error::TooLarge { .. })
    ));
    let mut forward = Forward::plan(&net, 1 << 12, Question::Gradient)
        .chunk(Chunk::Fixed(1))
        .prepare()
        .unwrap();
    assert!(matches!(
        forward.jacobian_params(&params, &x),
        Err(Error::TooLarge { .. })
    ));
}

#[test]
fn budgets_that_are_too_small_are_told_the_smallest_that_does() {
    let widths = [4; 13];
    let deep = Mlp::new(&widths, Activation::Tanh).build().unwrap();
    for (store, unit) in [
        (Store::Bytes(0), "bytes"),
        (Store::Bytes(100), "bytes"),
        (Store::Slots(0), "slots"),
    ] {
        let fault = Reverse::plan(&deep, 3, Question::Gradient)
            .checkpointing(store)
            .prepare::<f64>()
            .unwrap_err();
        let Error::Budget {
            smallest,
            unit: got,
            ..
        } = &fault
        else {
            panic!("{fault}")
        };
        assert_eq!(got, unit);
        assert!(
            fault
                .to_string()
                .contains(&format!("the smallest that does is {smallest}"))
        );
        let within = |size: usize| match store {
            Store::Bytes(_) => Store::Bytes(size),
            _ => Store::Slots(size),
        };
        let smallest = *smallest as usize;
        assert!(
            Reverse::plan(&deep, 3, Question::Gradient)
                .checkpointing(within(smallest))
                .prepare::<f64>()
                .is_ok()
        );
        assert!(
            Reverse::plan(&deep, 3, Question::Gradient)
                .checkpointing(within(smallest - 1))
                .prepare::<f64>()
                .is_err()
        );
        assert!(
            Reverse::plan(&deep, 3, Question::Gradient)
                .checkpointing(within(smallest - 1))
                .prediction::<f64>()
                .is_err()
        );
    }
    // More cotangents side by side need more.
    let Err(Error::Budget { smallest, .. }) = Reverse::plan(&deep, 3, Question::Gradient)
        .checkpointing(Store::Bytes(0))
        .prepare::<f64>()
    else {
        panic!()
    };
    let tight = |question| {
        let plan = Reverse::plan(&deep, 3, question).seeds(4);
        plan.checkpointing(Store::Bytes(smallest as usize))
            .prepare::<f64>()
    };
    assert!(tight(Question::Gradient).is_ok());
    assert!(matches!(tight(Question::Vjp(4)), Err(Error::Budget { .. })));
}

/// Each mode names what it does not answer, and with respect to what.
#[test]
fn questions_of_the_other_mode_are_named() {
    let graph = Mlp::new(&[2, 1], Activation::Tanh).build().unwrap();
    let forward = |question, wrt| {
        Forward::plan(&graph, 1, question)
            .wrt(wrt)
            .prepare::<f64>()
            .err()
    };
    let reverse = |question, wrt| {
        Reverse::plan(&graph, 1, question)
            .wrt(wrt)
            .prepare::<f64>()
            .err()
    };
    for (fault, setting) in [
        (forward(Question::Vjp(1), Wrt::PARAMS), "question"),
        (forward(Question::HessianVector(1), Wrt::PARAMS), "question"),
        (forward(Question::Gradient, Wrt::BOTH), "wrt"),
        (forward(Question::Jvp(1), Wrt::NOTHING), "wrt"),
        (reverse(Question::Jvp(1), Wrt::PARAMS), "question"),
        (reverse(Question::HessianVector(1), Wrt::PARAMS), "question"),
        (reverse(Question::Gradient, Wrt::INPUTS), "wrt"),
        (reverse(Question::Vjp(1), Wrt::NOTHING), "wrt"),
    ] {
        let fault = fault.map(|fault| fault.to_string()).unwrap_or_default();
        assert!(fault.contains(&format!(": {setting} must be ")), "{fault}");
    }
}

/// A question that pulls back one cotangent is refused no seeds, too, with checkpoints and without.
#[test]
fn no_seeds_are_refused_by_every_method_of_a_plan() {
    let graph = Mlp::new(&[2, 3, 3, 1], Activation::Tanh).build().unwrap();
    for store in [Store::All, Store::Slots(2)] {
        for question in [
            Question::Gradient,
            Question::Vjp(1),
            Question::JacobianInputs,
        ] {
            let plan = Reverse::plan(&graph, 2, question)
                .checkpointing(store)
                .seeds(0);
            let faults = [
                plan.prediction::<f64>().err(),
                plan.work::<f64>().err(),
                plan.prepare::<f64>().err(),
            ];
            for fault in faults {
                assert!(matches!(fault, Some(Error::Setting { .. })), "{fault:?}");
            }
        }
    }
}

#[test]
fn graphs_without_a_cut_and_foreign_schedules_are_named() {
    let mut b = Builder::new();
    let x = b.input("x", 3);
    let first = b.named("first", Linear::new(3, 3), x);
    let inner = b.block(Linear::new(3, 3), first);
    let both = b.named("both", Mul::new(3), [x, inner]);
    let y = b.named("sum", Add::new(3, 2), [first, both]);
    // `first` is read up to the end: what lies behind it is one stage.
    let skip = b.build(y).unwrap();
    assert_eq!(Chain::of(&skip, 2).unwrap().stages().len(), 2);
    let mut b = Builder::new();
    let x = b.input("x", 3);
    let (left, right) = (
        b.named("left", Linear::new(3, 3), x),
        b.named("right", Linear::new(3, 3), x),
    );
    let y = b.named("sum", Mul::new(3), [left, right]);
    let branches = b.build(y).unwrap();
    let fault = Reverse::plan(&branches, 2, Question::Gradient)
        .checkpointing(Store::Slots(2))
        .prepare::<f64>()
        .unwrap_err();
    assert!(matches!(fault, Error::NoCut { .. }), "{fault}");
    assert!(
        fault.to_string().contains("left is read up to sum"),
        "{fault}"
    );
    let fault = Reverse::plan(&branches, 2, Question::Gradient)
        .checkpointing(Store::Bytes(8))
        .prepare::<f64>()
        .unwrap_err();
    assert!(
        fault
            .to_string()
            .contains("no node carries everything past"),
        "{fault}"
    );
    let Error::Budget { smallest, .. } = fault else {
        panic!()
    };
    assert!(
        Reverse::plan(&branches, 2, Question::Gradient)
            .checkpointing(Store::Bytes(smallest as usize))
            .prepare::<f64>()
            .is_ok()
    );
    let schedule = square_root(&Chain::of(&graph(), 2).unwrap());
    let fault = Reverse::plan(&branches, 2, Question::Gradient)
        .schedule(&schedule)
        .prepare::<f64>()
        .unwrap_err();
    assert!(matches!(fault, Error::Setting { .. }), "{fault}");
    let batch = Reverse::plan(&graph(), 0, Question::Gradient)
        .checkpointing(Store::Slots(1))
        .prepare::<f64>()
        .unwrap_err();
    assert!(matches!(batch, Error::EmptyBatch { .. }), "{batch}");
}

#[test]
fn what_no_run_accepts_is_not_predicted() {
    let graph = graph();
    for threads in [0, 1_000, usize::MAX] {
        let reverse = Reverse::plan(&graph, 2, Question::Gradient).threads(threads);
        let forward = Forward::plan(&graph, 2, Question::Gradient).threads(threads);
        for fault in [
            reverse.prediction::<f64>().unwrap_err(),
            forward.prediction::<f64>().unwrap_err(),
        ] {
            assert!(fault.to_string().contains("threads"), "{fault}");
        }
    }
    assert!(
        Forward::plan(&graph, 2, Question::Jvp(0))
            .prediction::<f64>()
            .is_err()
    );
    assert!(
        Reverse::plan(&graph, 2, Question::Vjp(0))
            .prediction::<f64>()
            .is_err()
    );
    for (question, wrt) in [
        (Question::JacobianParams, Wrt::INPUTS),
        (Question::JacobianParams, Wrt::NOTHING),
        (Question::JacobianInputs, Wrt::NOTHING),
    ] {
        let reverse = Reverse::plan(&graph, 2, question).wrt(wrt);
        let forward = Forward::plan(&graph, 2, question).wrt(wrt);
        for fault in [
            reverse.prediction::<f64>().unwrap_err(),
            forward.prediction::<f64>().unwrap_err(),
        ] {
            assert!(fault.to_string().contains("wrt"), "{fault}");
        }
    }
}

#[test]
fn a_plan_of_any_batch_can_be_printed() {
    let graph = graph();
    for batch in [0, usize::MAX, usize::MAX / 2, 1 << 40] {
        for question in [
            Question::Gradient,
            Question::Vjp(1),
            Question::JacobianParams,
            Question::JacobianInputs,
        ] {
            assert!(
                !Reverse::plan(&graph, batch, question)
                    .to_string()
                    .is_empty()
            );
        }
    }
}

#[test]
fn directions_and_products_of_other_shapes_are_refused_by_every_engine() {
    let graph = graph();
    let (params, x) = (
        vec![0.1; graph.n_params()],
        DMatrix::from_element(5, 2, 0.5),
    );
    let mut engines: [Box<dyn Engine<f64>>; 2] = [
        Box::new(HessianVector::new(&graph, 2).unwrap()),
        Box::new(ForwardOverForward::new(&graph, 2).unwrap()),
    ];
    let n = graph.n_params();
    for engine in &mut engines {
        for (directions, products) in [
            ((n, 0), (n, 0)),
            ((n, 2), (n, 1)),
            ((n, 1), (n - 1, 1)),
            ((n, 2), (n, 3)),
            ((n + 1, 1), (n, 1)),
        ] {
            let directions = DMatrix::from_element(directions.0, directions.1, 1.0);
            let mut products = DMatrix::zeros(products.0, products.1);
            let fault = engine
                .hessian_vectors_into(
                    &params,
                    Mat::from(&x),
                    Mat::from(&directions),
                    MatMut::from(&mut products),
                )
                .unwrap_err();
            assert!(
                matches!(fault, Error::Shape { .. }),
                "{}: {fault}",
                engine.name()
            );
        }
    }
}

proptest! {
    #![proptest_config(seeds::config(256, "tests/proptest-regressions/bad_input.txt"))]

    #[test]
    fn no_shape_makes_a_call_panic(
        n_params in 20_usize..32, rows in 0_usize..8, columns in 0_usize..4,
        dot in (20_usize..32, 0_usize..4), x_dot in (3_usize..7, 0_usize..7), y in (0_usize..3, 0_usize..7),
    ) {
        let graph = graph();
        let (params, x) = (vec![0.5; n_params], DMatrix::from_element(rows, columns, 0.5));
        let zeros = |(rows, columns): (usize, usize)| DMatrix::from_element(rows, columns, 0.5);
        let (dot, x_dot, mut y, mut params_bar) = (zeros(dot), zeros(x_dot), zeros(y), zeros(dot));
        let fits = n_params == graph.n_params() && (rows, columns) == (5, 2);
        let mut forward = Forward::new(&graph, 2).unwrap();
        prop_assert_eq!(forward.value_and_gradient(&params, &x).is_ok(), fits);
        prop_assert_eq!(forward.jacobian_inputs(&params, &x).is_ok(), fits);
        let _ = forward.jvp(&params, &x, Some(Mat::from(&dot)), Some(Mat::from(&x_dot)));
        let _ = forward.jvp_into(&params, &x, Some(Mat::from(&dot)), None, MatMut::from(&mut y));
        let mut structured = Structured::new(&graph, 2).unwrap();
        prop_assert_eq!(structured.value_and_gradient(&params, &x).is_ok(), fits);
        let mut reverse = Reverse::new(&graph, 2).unwrap();
        prop_assert_eq!(reverse.value_and_gradient(&params, &x).is_ok(), fits);
        prop_assert_eq!(reverse.jacobian_params(&params, &x).is_ok(), fits);
        let _ = reverse.vjp(&params, &x, &y);
        if let Ok(mut record) = reverse.record(&params, &x) {
            let _ = record.pullback(&y, Accum::Add, Some(MatMut::from(&mut params_bar)), None);
        };
    }
}
