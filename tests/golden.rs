//! Reference values computed with JAX (`tests/golden/README.md`), by both modes, second derivatives by both ways.

use std::path::Path;

use pushpull::blocks::{Activation, Add, Linear, Loss, Map, Mul, Sigmoid, Sum, Tanh};
use pushpull::nalgebra::DMatrix;
use pushpull::{
    Builder, Chunk, Forward, ForwardOverForward, Graph, HessianVector, Mat, Mlp, Primal, Question,
    Reverse, Scalar, Structured,
};
use serde_json::Value;

fn load(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(format!("{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// A list of rows, or one row.
fn matrix(value: &Value) -> DMatrix<f64> {
    let rows = value.as_array().unwrap();
    let row = |row: &Value| match row.as_array() {
        Some(entries) => entries.iter().map(|x| x.as_f64().unwrap()).collect(),
        None => vec![row.as_f64().unwrap()],
    };
    let rows: Vec<Vec<f64>> = rows.iter().map(row).collect();
    DMatrix::from_fn(rows.len(), rows[0].len(), |i, j| rows[i][j])
}

/// All numbers in the order in which they are written.
fn numbers(value: &Value) -> Vec<f64> {
    match value.as_array() {
        Some(entries) => entries.iter().flat_map(numbers).collect(),
        None => vec![value.as_f64().unwrap()],
    }
}

#[track_caller]
fn agree(what: &str, got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{what}: length");
    let norm = |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|x| x * x).sum::<f64>().sqrt();
    let error = norm(&mut got.iter().zip(want).map(|(a, b)| a - b));
    let scale = norm(&mut want.iter().copied());
    let bound = if scale == 0.0 {
        tolerance
    } else {
        tolerance * scale
    };
    assert!(error <= bound, "{what}: error {error:e}, allowed {bound:e}");
}

/// A multilayer network of the reference with its numbers in this project's layout.
struct Reference {
    value: Value,
    widths: Vec<usize>,
    activation: Activation,
    loss: Loss,
    x: DMatrix<f64>,
    params: Vec<f64>,
}

impl Reference {
    fn new(name: &str) -> Self {
        let value = load(name);
        let widths: Vec<usize> = numbers(&value["layers"])
            .into_iter()
            .map(|w| w as usize)
            .collect();
        let loss = match value["loss"].as_str().unwrap() {
            "sum" => Loss::Sum,
            "squared_error" => Loss::SquaredError,
            "softmax_cross_entropy" => Loss::SoftmaxCrossEntropy,
            "sigmoid_cross_entropy" => Loss::SigmoidCrossEntropy,
            other => panic!("unknown loss {other}"),
        };
        let mut x = matrix(&value["x"]).transpose();
        let outputs = widths[widths.len() - 1];
        if loss == Loss::SoftmaxCrossEntropy {
            let classes = numbers(&value["target"]);
            let first = x.nrows();
            x = x.resize_vertically(first + outputs, 0.0);
            classes
                .iter()
                .enumerate()
                .for_each(|(j, class)| x[(first + *class as usize, j)] = 1.0);
        } else if !value["target"].is_null() {
            let target = matrix(&value["target"]).transpose();
            let first = x.nrows();
            x = x.resize_vertically(first + outputs, 0.0);
            x.rows_mut(first, outputs).copy_from(&target);
        }
        let params = layers(&value["params"]);
        let activation = value["activation"].as_str().unwrap().parse().unwrap();
        Self {
            value,
            widths,
            activation,
            loss,
            x,
            params,
        }
    }

    fn graph(&self) -> Graph {
        Mlp::new(&self.widths, self.activation)
            .loss(self.loss)
            .build()
            .unwrap()
    }

    /// The network without its loss, and its inputs.
    fn network(&self) -> (Graph, DMatrix<f64>) {
        let graph = Mlp::new(&self.widths, self.activation).build().unwrap();
        (graph, self.x.rows(0, self.widths[0]).into_owned())
    }

    /// A flat vector of the reference (W row by row) in this project's order (column by column).
    fn flat(&self, theirs: &[f64]) -> Vec<f64> {
        let mut ours = vec![0.0; theirs.len()];
        self.order()
            .into_iter()
            .zip(theirs)
            .for_each(|(i, &x)| ours[i] = x);
        ours
    }

    /// Where each number of the reference's flat vectors lies in ours.
    fn order(&self) -> Vec<usize> {
        let mut order = Vec::new();
        for pair in self.widths.windows(2) {
            let (n, m, start) = (pair[0], pair[1], order.len());
            (0..m).for_each(|row| order.extend((0..n).map(|column| start + column * m + row)));
            order.extend((0..m).map(|row| start + m * n + row));
        }
        order
    }
}

fn layers(value: &Value) -> Vec<f64> {
    let layer = |layer: &Value| {
        let mut flat = matrix(&layer["weight"]).as_slice().to_vec();
        flat.extend(numbers(&layer["bias"]));
        flat
    };
    value.as_array().unwrap().iter().flat_map(layer).collect()
}

const NETWORKS: [&str; 6] = [
    "mlp_2_2_2_2_silu_sum",
    "mlp_2_3_1_tanh_sum",
    "mlp_3_4_2_sigmoid_squared",
    "mlp_3_5_5_2_gelu_squared",
    "mlp_4_6_1_softplus_sigmoidce",
    "mlp_5_8_8_3_relu_softmax",
];

#[test]
fn values_and_gradients_of_networks_agree_by_both_modes() {
    for name in NETWORKS {
        let reference = Reference::new(name);
        let (graph, x, params) = (reference.graph(), &reference.x, &reference.params);
        let value = numbers(&reference.value["value"]);
        let gradient = layers(&reference.value["gradient"]);
        let mut forward = Forward::plan(&graph, x.ncols(), Question::Gradient)
            .chunk(Chunk::Fixed(7))
            .prepare()
            .unwrap();
        let (pushed_value, pushed) = forward.value_and_gradient(params, x).unwrap();
        agree(name, &[pushed_value], &value, 1e-12);
        agree(name, pushed, &gradient, 1e-12);
        let mut structured = Structured::plan(&graph, x.ncols())
            .chunk(Chunk::Fixed(3))
            .prepare()
            .unwrap();
        let (structured_value, pushed) = structured.value_and_gradient(params, x).unwrap();
        agree(name, &[structured_value], &value, 1e-12);
        agree(name, pushed, &gradient, 1e-12);
        let mut reverse = Reverse::new(&graph, x.ncols()).unwrap();
        let mut x_bar = DMatrix::zeros(x.nrows(), x.ncols());
        let (pulled_value, pulled) = reverse.value_and_gradients(params, x, &mut x_bar).unwrap();
        agree(name, &[pulled_value], &value, 1e-12);
        agree(name, pulled, &gradient, 1e-12);
        let gradient_x = matrix(&reference.value["gradient_x"]).transpose();
        let inputs = reference.widths[0];
        agree(
            name,
            x_bar.rows(0, inputs).into_owned().as_slice(),
            gradient_x.as_slice(),
            1e-12,
        );
        // The same by forward mode: the Jacobian's rows, one loss a sample.
        let jacobian = forward.jacobian_inputs(params, x).unwrap();
        let pushed_x = jacobian.columns(0, inputs).transpose();
        if graph.n_outputs() == 1 {
            agree(name, pushed_x.as_slice(), gradient_x.as_slice(), 1e-12);
        }
    }
}

#[test]
fn outputs_directional_derivatives_and_jacobians_agree() {
    for name in NETWORKS {
        let reference = Reference::new(name);
        let (graph, x) = reference.network();
        let (params, batch) = (&reference.params, x.ncols());
        let output = matrix(&reference.value["output"]).transpose();
        let mut primal = Primal::new(&graph, batch).unwrap();
        agree(
            name,
            primal.run(params, &x).unwrap().to_dmatrix().as_slice(),
            output.as_slice(),
            1e-12,
        );
        let direction = reference.flat(&numbers(&reference.value["direction"]));
        let jvp_output = matrix(&reference.value["jvp_output"]).transpose();
        let mut forward = Forward::new(&graph, batch).unwrap();
        let (y, y_dot) = forward
            .jvp(params, &x, Some(Mat::from(&direction)), None)
            .unwrap();
        agree(name, y.as_slice(), output.as_slice(), 1e-12);
        agree(name, y_dot.as_slice(), jvp_output.as_slice(), 1e-12);
        let mut reverse = Reverse::new(&graph, batch).unwrap();
        let (pushed, pulled) = (
            forward.jacobian_params(params, &x).unwrap(),
            reverse.jacobian_params(params, &x).unwrap(),
        );
        let along = &pulled * DMatrix::from_column_slice(direction.len(), 1, &direction);
        agree(name, along.as_slice(), jvp_output.as_slice(), 1e-12);
        let Some(rows) = reference
            .value
            .get("jacobian_first_sample")
            .filter(|rows| !rows.is_null())
        else {
            continue;
        };
        let first: Vec<f64> = (0..graph.n_outputs())
            .flat_map(|o| reference.flat(matrix(rows).row(o).transpose().as_slice()))
            .collect();
        for jacobian in [pushed, pulled] {
            let got = jacobian.rows(0, graph.n_outputs()).transpose();
            agree(name, got.as_slice(), &first, 1e-12);
        }
    }
}

#[test]
fn second_derivatives_agree_by_both_ways() {
    for name in NETWORKS {
        let reference = Reference::new(name);
        let (graph, params, x) = (reference.graph(), &reference.params, &reference.x);
        let direction = reference.flat(&numbers(&reference.value["direction"]));
        let want = reference.flat(&numbers(&reference.value["hessian_vector"]));
        let mut reverse = HessianVector::new(&graph, x.ncols()).unwrap();
        let (value, gradient, product) = reverse
            .gradient_and_hessian_vector(params, x, &direction)
            .unwrap();
        agree(name, &[value], &numbers(&reference.value["value"]), 1e-12);
        agree(name, gradient, &layers(&reference.value["gradient"]), 1e-12);
        agree(name, product, &want, 1e-11);
        let mut forward = ForwardOverForward::new(&graph, x.ncols()).unwrap();
        let (_, pushed) = forward.hessian_vector(params, x, &direction).unwrap();
        agree(name, pushed, &want, 1e-11);
        let Some(hessian) = reference
            .value
            .get("hessian")
            .filter(|hessian| !hessian.is_null())
        else {
            continue;
        };
        let (theirs, order) = (matrix(hessian), reference.order());
        let mut want = DMatrix::zeros(order.len(), order.len());
        for (j, &column) in order.iter().enumerate() {
            for (i, &row) in order.iter().enumerate() {
                want[(row, column)] = theirs[(i, j)];
            }
        }
        let pulled = reverse.hessian(params, x).unwrap();
        agree(name, pulled.as_slice(), want.as_slice(), 1e-11);
        for (i, column) in want.column_iter().enumerate() {
            let mut unit = vec![0.0; params.len()];
            unit[i] = 1.0;
            let (_, pushed) = forward.hessian_vector(params, x, &unit).unwrap();
            agree(name, pushed, column.into_owned().as_slice(), 1e-11);
        }
    }
}

/// Value, gradient in the parameters and in the inputs of one sample, by both modes.
fn both<T: Scalar>(graph: &Graph, params: &[T], x: &DMatrix<T>) -> [(T, Vec<T>, Vec<T>); 2] {
    let mut forward = Forward::new(graph, 1).unwrap();
    let (value, gradient) = forward.value_and_gradient(params, x).unwrap();
    let gradient = gradient.to_vec();
    let jacobian = forward.jacobian_inputs(params, x).unwrap();
    let summed: Vec<T> = jacobian
        .column_iter()
        .map(|column| column.iter().fold(T::zero(), |sum, &entry| sum + entry))
        .collect();
    let mut reverse = Reverse::new(graph, 1).unwrap();
    let mut x_bar = DMatrix::from_element(x.nrows(), 1, T::zero());
    let (pulled_value, pulled) = reverse.value_and_gradients(params, x, &mut x_bar).unwrap();
    [
        (value, gradient, summed),
        (pulled_value, pulled.to_vec(), x_bar.as_slice().to_vec()),
    ]
}

#[test]
fn a_recurrent_network_sums_over_the_uses_of_its_parameters() {
    let reference = load("recurrent_n3_t5");
    let x = matrix(&reference["x"]);
    let (steps, inputs) = x.shape();
    let mut b = Builder::new();
    let drives: Vec<_> = (0..steps)
        .map(|t| b.input(format!("x{t}"), inputs))
        .collect();
    let mut h = None;
    for (t, &drive) in drives.iter().enumerate() {
        let driven = if t == 0 {
            b.named("input", Linear::new(inputs, 3), drive)
        } else {
            b.again(format!("input{t}"), drive, "input")
        };
        // h_0 = 0: W enters at the second step.
        let state = match h {
            None => driven,
            Some(h) => {
                let recurrent = if t == 1 {
                    b.named("recurrent", Linear::without_bias(3, 3), h)
                } else {
                    b.again(format!("recurrent{t}"), h, "recurrent")
                };
                b.block(Add::new(3, 2), [driven, recurrent])
            }
        };
        h = Some(b.map(Tanh, state));
    }
    let output = b.block(Sum::new(3), h.unwrap());
    let graph = b.build(output).unwrap();
    let flat = |value: &Value| {
        let mut flat = matrix(&value["U"]).as_slice().to_vec();
        flat.extend(numbers(&value["b"]));
        flat.extend(matrix(&value["W"]).as_slice());
        flat
    };
    let stacked = DMatrix::from_column_slice(steps * inputs, 1, x.transpose().as_slice());
    for (value, gradient, _) in both(&graph, &flat(&reference), &stacked) {
        agree("recurrent", &[value], &numbers(&reference["value"]), 1e-12);
        agree("recurrent", &gradient, &flat(&reference["gradient"]), 1e-12);
    }
}

#[test]
fn a_diamond_sums_over_its_paths() {
    let reference = load("diamond_n4");
    let mut b = Builder::new();
    let x = b.input("x", 4);
    let h = b.named("first", Linear::without_bias(4, 4), x);
    let a = b.map(Tanh, h);
    let gate = b.again("second", a, "first");
    let gate = b.block(Map::new(Sigmoid, 4), gate);
    let gated = b.block(Mul::new(4), [a, gate]);
    let c = b.block(Add::new(4, 2), [gated, x]);
    let squared = b.block(Mul::new(4), [c, c]);
    let output = b.block(Sum::new(4), squared);
    let graph = b.build(output).unwrap();
    let params = matrix(&reference["W"]).as_slice().to_vec();
    let x = DMatrix::from_column_slice(4, 1, &numbers(&reference["x"]));
    for (value, gradient, gradient_x) in both(&graph, &params, &x) {
        agree("diamond", &[value], &numbers(&reference["value"]), 1e-12);
        agree(
            "diamond",
            &gradient,
            matrix(&reference["gradient"]["W"]).as_slice(),
            1e-12,
        );
        agree(
            "diamond",
            &gradient_x,
            &numbers(&reference["gradient"]["x"]),
            1e-12,
        );
    }
}

#[test]
fn the_lecture_s_matrix_product_has_its_jacobian() {
    // h = x w with rows of x as samples is h' = w' x': a linear block whose weight is w', so its flat order, column by
    // column of w', is the reference's row by row of w; a sample's outputs are a row of h.
    let reference = load("lecture_matmul_jacobian");
    let (x, w) = (
        matrix(&reference["x"]).transpose(),
        matrix(&reference["w"]).transpose(),
    );
    let mut b = Builder::new();
    let input = b.input("x", 4);
    let output = b.block(Linear::without_bias(4, 5), input);
    let graph = b.build(output).unwrap();
    let want = matrix(&reference["jacobian_flat"]);
    let mut forward = Forward::new(&graph, 3).unwrap();
    agree(
        "lecture",
        forward
            .jacobian_params(w.as_slice(), &x)
            .unwrap()
            .as_slice(),
        want.as_slice(),
        1e-12,
    );
    let mut reverse = Reverse::plan(&graph, 3, Question::Vjp(5))
        .seeds(5)
        .prepare()
        .unwrap();
    agree(
        "lecture",
        reverse
            .jacobian_params(w.as_slice(), &x)
            .unwrap()
            .as_slice(),
        want.as_slice(),
        1e-12,
    );
}
