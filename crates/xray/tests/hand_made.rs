//! Networks whose numbers one can work out, and blocks whose numbers another engine or the definition gives.

use nalgebra::{DMatrix, dmatrix};
use pushpull_core::blocks::{Activation, Add, Linear, Loss, Mul, Sigmoid, Sum, Tanh};
use pushpull_core::{Builder, Graph, Init, Mlp, Primal, Question};
use pushpull_forward_mode::{Chunk, Forward};
use pushpull_reverse_mode::Reverse;
use pushpull_xray::{BlockXray, Kind, Settings, Xray};

fn near(got: f64, want: f64, tolerance: f64) -> bool {
    (got - want).abs() <= tolerance * want.abs().max(1e-300)
}

#[track_caller]
fn close(what: &str, got: f64, want: f64) {
    assert!(
        near(got, want, 1e-12) || (got - want).abs() < 1e-13,
        "{what}: {got}, expected {want}"
    );
}

fn data(rows: usize, batch: usize) -> DMatrix<f64> {
    DMatrix::from_fn(rows, batch, |i, j| (1.0 + (3 * i + 7 * j) as f64).sin())
}

fn block<'x>(xray: &'x Xray, name: &str) -> &'x BlockXray {
    xray.block(name).unwrap_or_else(|| panic!("no {name}"))
}

/// Columns of an orthogonal matrix: a product of two reflections of n rows.
fn orthogonal(n: usize, seed: usize) -> DMatrix<f64> {
    let mut q = DMatrix::identity(n, n);
    for k in 0..2 {
        let v = DMatrix::from_fn(n, 1, |i, _| ((seed + k + 5 * i) as f64).cos());
        let length = v.norm_squared();
        q -= (&q * &v) * v.transpose() * (2.0 / length);
    }
    q
}

#[test]
fn orthogonal_layers_have_gains_and_singular_values_of_one() {
    let mut b = Builder::new();
    let x = b.input("x", 6);
    let h = b.named("one", Linear::without_bias(6, 6), x);
    let h = b.named("two", Linear::without_bias(6, 6), h);
    let graph = b.build(h).unwrap();
    let params = [orthogonal(6, 1), orthogonal(6, 2)];
    let params: Vec<f64> = params.iter().flat_map(|q| q.as_slice()).copied().collect();
    let xray = Xray::new(&graph, &params, &data(6, 5), &Settings::default()).unwrap();
    for name in ["one", "two"] {
        let block = block(&xray, name);
        close(name, block.weight_gain().unwrap(), 1.0);
        assert_eq!((block.kind, block.activation_gain()), (Kind::Weight, None));
        let spectrum = block.spectrum.as_ref().unwrap();
        assert!(spectrum.exact && spectrum.values.len() == 4);
        for &s in spectrum.values.iter().flatten() {
            close(name, s, 1.0);
        }
        close(
            "rms",
            block.value_rms.unwrap(),
            data(6, 5).norm() / 30_f64.sqrt(),
        );
    }
    assert_eq!(xray.culprit, None);
}

#[test]
fn singular_values_are_those_that_a_network_was_made_of() {
    // out = Q2 diag(5, 2, 0.5) Q1' tanh(..): linear behind the block, so the Jacobian is the matrix itself.
    let (q1, q2) = (orthogonal(3, 3), orthogonal(3, 8));
    let w = &q2 * DMatrix::from_diagonal(&nalgebra::dvector![5.0, 2.0, 0.5]) * q1.transpose();
    let mut b = Builder::new();
    let x = b.input("x", 3);
    let h = b.map(Tanh, x);
    let y = b.named("w", Linear::without_bias(3, 3), h);
    let graph = b.build(y).unwrap();
    for exact in [512, 2] {
        let settings = Settings {
            exact,
            iterations: 500,
            ..Settings::default()
        };
        let xray = Xray::new(&graph, w.as_slice(), &data(3, 2), &settings).unwrap();
        let spectrum = block(&xray, "tanh0").spectrum.clone().unwrap();
        assert_eq!(
            (spectrum.outputs, spectrum.inputs, spectrum.exact),
            (3, 3, exact == 512)
        );
        for values in &spectrum.values {
            close("largest", values[0], 5.0);
            if spectrum.exact {
                close("second", values[1], 2.0);
                close("third", values[2], 0.5);
            }
        }
        assert_eq!(spectrum.smallest().is_some(), exact == 512);
        assert_eq!(spectrum.residual.is_some(), exact == 2);
        assert!(spectrum.residual.is_none_or(|residual| residual <= 1e-6));
    }
}

/// The Jacobian behind a block by the other mode on a graph that was built by hand, its eigenvalues by another decomposition.
#[test]
fn spectra_agree_with_dense_jacobians_of_the_part_behind_a_block() {
    let widths = [7, 9, 6, 4];
    let graph = Mlp::new(&widths, Activation::Tanh)
        .loss(Loss::SquaredError)
        .build()
        .unwrap();
    let params: Vec<f64> = graph.layout().init(Init::Uniform(0.8), 5);
    let x = data(graph.n_inputs(), 3);
    // Behind tanh0: layer1, tanh1, layer2.
    let head = Mlp::new(&widths[1..], Activation::Tanh).build().unwrap();
    let first = 7 * 9 + 9;
    let own = &params[first..];
    let mut front = {
        let mut b = Builder::new();
        let x = b.input("x", 7);
        let h = b.named("layer0", Linear::new(7, 9), x);
        let h = b.map(Tanh, h);
        Primal::new(&b.build(h).unwrap(), 3).unwrap()
    };
    let h = front
        .run(&params[..first], &x.rows(0, 7).into_owned())
        .unwrap()
        .to_dmatrix();
    let jacobian = Forward::plan(&head, 3, Question::JacobianInputs)
        .chunk(Chunk::Full)
        .prepare()
        .unwrap()
        .jacobian_inputs(own, &h)
        .unwrap();
    for (exact, of) in [(512, "rows"), (4, "rows"), (3, "turns")] {
        let settings = Settings {
            output: Some("layer2".into()),
            samples: 3,
            exact,
            iterations: 3000,
            ..Settings::default()
        };
        let xray = Xray::new(&graph, &params, &x, &settings).unwrap();
        let spectrum = block(&xray, "tanh0").spectrum.clone().unwrap();
        assert_eq!((spectrum.outputs, spectrum.inputs), (4, 9));
        assert_eq!(spectrum.exact, of == "rows");
        for (sample, values) in spectrum.values.iter().enumerate() {
            let j = jacobian.rows(4 * sample, 4).into_owned();
            let mut squares: Vec<f64> = (&j * j.transpose())
                .symmetric_eigenvalues()
                .iter()
                .copied()
                .collect();
            squares.sort_by(|a, b| b.total_cmp(a));
            assert_eq!(values.len(), if spectrum.exact { 4 } else { 1 });
            for (value, square) in values.iter().zip(&squares) {
                assert!(
                    near(*value, square.sqrt(), 1e-9),
                    "{of}: {value} {}",
                    square.sqrt()
                );
            }
        }
        // The loss lies behind the output that was asked for.
        assert_eq!(block(&xray, "loss").spectrum, None);
        // d layer2 / d layer2 is the identity.
        let own = block(&xray, "layer2").spectrum.clone().unwrap();
        assert!(own.values.iter().flatten().all(|s| near(*s, 1.0, 1e-12)));
    }
}

/// More outputs than rows of a block: columns by forward mode.
#[test]
fn narrow_blocks_before_a_wide_output_are_decomposed_exactly() {
    let graph = Mlp::new(&[3, 2, 8], Activation::Sigmoid).build().unwrap();
    let params: Vec<f64> = graph.layout().init(Init::Glorot, 2);
    let settings = |exact| Settings {
        exact,
        iterations: 5000,
        ..Settings::default()
    };
    let [wide, narrow] =
        [512, 4].map(|exact| Xray::new(&graph, &params, &data(3, 2), &settings(exact)).unwrap());
    for name in ["layer0", "sigmoid0"] {
        let [a, b] = [&wide, &narrow].map(|xray| block(xray, name).spectrum.clone().unwrap());
        assert!(b.exact, "{name}");
        for (a, b) in a.values.iter().flatten().zip(b.values.iter().flatten()) {
            assert!(near(*a, *b, 1e-10), "{name}: {a} {b}");
        }
    }
    assert!(!block(&narrow, "layer1").spectrum.clone().unwrap().exact);
}

#[test]
fn gains_multiply_to_the_gradient_of_the_input() {
    let graph = Mlp::new(&[5, 8, 8, 3], Activation::Sigmoid)
        .loss(Loss::SoftmaxCrossEntropy)
        .build()
        .unwrap();
    let params: Vec<f64> = graph.layout().init(Init::Uniform(0.5), 3);
    let mut x = data(8, 6);
    x.rows_mut(5, 3).copy_from(&DMatrix::from_fn(3, 6, |i, j| {
        f64::from(u8::from(i == j % 3))
    }));
    let xray = Xray::new(&graph, &params, &x, &Settings::default()).unwrap();
    let mut x_bar = x.clone();
    let mut reverse = Reverse::new(&graph, 6).unwrap();
    let (value, gradient) = reverse
        .value_and_gradients(&params, &x, &mut x_bar)
        .unwrap();
    let gains: f64 = xray
        .blocks
        .iter()
        .map(|block| block.gain.unwrap())
        .product();
    // The loss is reached by ones.
    close("product", gains * 6_f64.sqrt(), x_bar.rows(0, 5).norm());
    close("value", xray.value.unwrap(), value);
    let whole: f64 = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    close("gradient", xray.gradient_norm.unwrap(), whole);
    for (i, range) in [0..48, 48..120, 120..147].into_iter().enumerate() {
        let want = gradient[range.clone()]
            .iter()
            .map(|g| g * g)
            .sum::<f64>()
            .sqrt();
        let layer = block(&xray, &format!("layer{i}")).clone();
        close("gradient of a layer", layer.gradient_norm.unwrap(), want);
        let own = params[range].iter().map(|w| w * w).sum::<f64>().sqrt();
        close("parameters", layer.params_norm.unwrap(), own);
    }
    for name in ["sigmoid0", "sigmoid1"] {
        assert!(
            block(&xray, name).activation_gain().unwrap() <= 0.25,
            "{name}"
        );
    }
}

#[test]
fn dead_and_saturated_units_are_counted() {
    // Four units: one dead, one on for one sample of two, two on for both.
    let mut b = Builder::new();
    let x = b.input("x", 4);
    let y = b.map(pushpull_core::blocks::Relu, x);
    let graph = b.build(y).unwrap();
    let x = dmatrix![-1.0, -2.0; -1.0, 3.0; 1.0, 0.5; 2.0, 2.0];
    let xray = Xray::new::<f64>(&graph, &[], &x, &Settings::default()).unwrap();
    let slopes = xray.blocks[0].slopes.unwrap();
    assert_eq!(
        (slopes.dead, slopes.saturated, slopes.largest),
        (0.25, 3.0 / 8.0, 1.0)
    );
    assert_eq!(slopes.mean, 5.0 / 8.0);

    // sigmoid'(x) = 0.0025 at x = +-5.98: beyond it an entry is saturated at a hundredth, none at a thousandth below 8.3.
    let mut b = Builder::new();
    let x = b.input("x", 2);
    let y = b.map(Sigmoid, x);
    let graph = b.build(y).unwrap();
    let x = dmatrix![0.0, 6.0, -6.0; 5.9, -5.9, 7.0];
    let of = |flat: f64| {
        let settings = Settings {
            flat,
            ..Settings::default()
        };
        let xray = Xray::new::<f64>(&graph, &[], &x, &settings).unwrap();
        xray.blocks[0].slopes.unwrap()
    };
    assert_eq!(
        (of(0.01).dead, of(0.01).saturated, of(0.01).largest),
        (0.0, 0.5, 0.25)
    );
    assert_eq!(of(0.001).saturated, 0.0);
    // Blocks that mix rows have no slopes.
    let mlp = Mlp::new(&[2, 2], Activation::Relu)
        .loss(Loss::Sum)
        .build()
        .unwrap();
    let xray = Xray::new(&mlp, &[1.0; 6], &dmatrix![1.0; 2.0], &Settings::default()).unwrap();
    assert!(xray.blocks.iter().all(|block| block.slopes.is_none()));
}

/// h_t = tanh(W h_(t-1) + U x + b), a parameter used at every step.
fn recurrent(steps: usize) -> Graph {
    let mut b = Builder::new();
    let x = b.input("x", 3);
    let mut h = b.named("w0", Linear::new(3, 3), x);
    for t in 1..steps {
        let on = b.map(Tanh, h);
        let w = b.again(format!("w{t}"), on, "w0");
        h = b.block(Add::new(3, 2), [w, x]);
    }
    let y = b.block(Sum::new(3), h);
    b.build(y).unwrap()
}

#[test]
fn shares_of_shared_parameters_add_up_to_the_whole_gradient() {
    let graph = recurrent(5);
    let params: Vec<f64> = graph.layout().init(Init::Uniform(0.7), 4);
    let x = data(3, 4);
    let xray = Xray::new(&graph, &params, &x, &Settings::default()).unwrap();
    let mut reverse = Reverse::new(&graph, 4).unwrap();
    let (_, gradient) = reverse.value_and_gradient(&params, &x).unwrap();
    let whole: f64 = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    let [sharing] = &xray.sharing[..] else {
        panic!("{:?}", xray.sharing)
    };
    assert_eq!((sharing.params.as_str(), sharing.uses.len()), ("w0", 5));
    close("norm", sharing.norm, whole);
    close("norm of all", xray.gradient_norm.unwrap(), whole);
    let sum: f64 = sharing.uses.iter().map(|each| each.share.unwrap()).sum();
    close("shares", sum, 1.0);
    // Each use by itself: its own parameters moved alone, by a central difference along the whole gradient.
    let mut untied = Builder::new();
    let input = untied.input("x", 3);
    let mut h = untied.named("w0", Linear::new(3, 3), input);
    for t in 1..5 {
        let on = untied.map(Tanh, h);
        let w = untied.named(format!("w{t}"), Linear::new(3, 3), on);
        h = untied.block(Add::new(3, 2), [w, input]);
    }
    let y = untied.block(Sum::new(3), h);
    let untied = untied.build(y).unwrap();
    let five = params.repeat(5);
    let mut forward = Forward::new(&untied, 4).unwrap();
    let (_, each) = forward.value_and_gradient(&five, &x).unwrap();
    for (own, of) in each.chunks(12).zip(&sharing.uses) {
        let along: f64 = own.iter().zip(gradient).map(|(a, b)| a * b).sum();
        close(&of.block, of.share.unwrap(), along / (whole * whole));
        close(
            &of.block,
            of.norm,
            own.iter().map(|g| g * g).sum::<f64>().sqrt(),
        );
        close(
            "a block's own",
            block(&xray, &of.block).gradient_norm.unwrap(),
            of.norm,
        );
    }
}

#[test]
fn where_values_are_read_twice_cotangents_add_and_where_they_are_stopped_nothing_passes() {
    let mut b = Builder::new();
    let x = b.input("x", 3);
    let h = b.map(Tanh, x); // tanh0
    let s = b.map(Sigmoid, h); // sigmoid1
    let stopped = b.stop_gradient(h);
    let m = b.block(Mul::new(3), [s, stopped]); // mul2
    let y = b.block(Add::new(3, 2), [m, h]); // add3
    let graph = b.build(y).unwrap();
    let x = data(3, 2);
    let xray = Xray::new::<f64>(&graph, &[], &x, &Settings::default()).unwrap();
    let mut reverse = Reverse::new(&graph, 2).unwrap();
    let (_, x_bar) = reverse
        .vjp(&[], &x, &DMatrix::from_element(3, 2, 1.0))
        .unwrap();
    // h~ = 1 + sigmoid'(h) h, without the stopped path; x_bar = tanh' h~.
    let h = x.map(f64::tanh);
    let cotangent = h.map(|h| {
        let s = 1.0 / (1.0 + (-h).exp());
        1.0 + s * (1.0 - s) * h
    });
    close(
        "cotangent",
        block(&xray, "tanh0").cotangent_norm.unwrap(),
        cotangent.norm(),
    );
    close(
        "gain",
        block(&xray, "tanh0").gain.unwrap(),
        x_bar.norm() / cotangent.norm(),
    );
    let values: Vec<f64> = block(&xray, "tanh0")
        .spectrum
        .clone()
        .unwrap()
        .values
        .concat();
    let mut diagonal: Vec<f64> = cotangent.column(0).iter().copied().collect();
    diagonal.sort_by(|a, b| b.total_cmp(a));
    for (value, want) in values.iter().zip(diagonal) {
        close("singular value", *value, want);
    }
}

#[test]
fn single_precision_and_threads_see_the_same() {
    let graph = Mlp::new(&[6, 40, 40, 4], Activation::Gelu)
        .loss(Loss::SquaredError)
        .build()
        .unwrap();
    let params: Vec<f64> = graph.layout().init(Init::He, 1);
    let x = data(10, 30);
    let double = Xray::new(&graph, &params, &x, &Settings::default()).unwrap();
    let threads = Settings {
        threads: 2,
        ..Settings::default()
    };
    assert_eq!(Xray::new(&graph, &params, &x, &threads).unwrap(), double);
    let single: Vec<f32> = params.iter().map(|&w| w as f32).collect();
    let single = Xray::new(&graph, &single, &x.map(|x| x as f32), &Settings::default()).unwrap();
    for (a, b) in double.blocks.iter().zip(&single.blocks) {
        assert!(near(
            b.cotangent_norm.unwrap(),
            a.cotangent_norm.unwrap(),
            1e-4
        ));
        assert!(near(b.gain.unwrap(), a.gain.unwrap(), 1e-4));
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let graph = Mlp::new(&[3, 2], Activation::Relu).build().unwrap();
    let settings = Settings::default();
    let said = |params: &[f64], x: &DMatrix<f64>, settings: &Settings| {
        Xray::new(&graph, params, x, settings)
            .unwrap_err()
            .to_string()
    };
    assert!(said(&[1.0; 7], &data(3, 1), &settings).contains("expected 8"));
    assert!(said(&[1.0; 8], &data(4, 1), &settings).contains("3 x 1"));
    assert!(said(&[1.0; 8], &data(3, 0), &settings).contains("at least one sample"));
    let output = Settings {
        output: Some("loss".into()),
        ..settings
    };
    assert!(said(&[1.0; 8], &data(3, 1), &output).contains("layer0"));
}

#[test]
fn the_table_names_every_block_and_serialises() {
    let graph = recurrent(3);
    let params: Vec<f64> = graph.layout().init(Init::Uniform(0.7), 4);
    let xray = Xray::new(&graph, &params, &data(3, 4), &Settings::default()).unwrap();
    let text = xray.to_string();
    for words in [
        "w0",
        "tanh1",
        "weight gain",
        "activation gain",
        "parameters of w0",
        "all numbers are finite",
    ] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
    let json = serde_json::to_value(&xray).unwrap();
    assert_eq!(json["blocks"][1]["kind"], "activation");
    assert!(json["blocks"][0]["spectrum"]["values"][0][0].is_f64());
}
