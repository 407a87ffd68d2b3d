//! The two styles of the lecture: a function of parameters and inputs (JAX), and layers that own their parameters (Keras,
//! PyTorch). Both train the same network to the same numbers.
//!
//! `cargo run --release -p pushpull-tape --example styles`

use nalgebra::DMatrix;
use pushpull_tape::{Result, Tape, Var};

/// Parameters of the functional style: plain data.
#[derive(Clone)]
struct Params {
    w1: DMatrix<f64>,
    b1: DMatrix<f64>,
    w2: DMatrix<f64>,
    b2: DMatrix<f64>,
}

impl Params {
    fn start() -> Self {
        let number = |i: usize, j: usize| ((7 * i + 3 * j) % 11) as f64 / 11.0 - 0.5;
        Self {
            w1: DMatrix::from_fn(5, 2, number),
            b1: DMatrix::from_fn(5, 1, number),
            w2: DMatrix::from_fn(1, 5, number),
            b2: DMatrix::zeros(1, 1),
        }
    }
}

/// f(params, x): a pure function.
fn network<'t>(params: [Var<'t, f64>; 4], x: Var<'t, f64>) -> Var<'t, f64> {
    let [w1, b1, w2, b2] = params;
    w2.matmul((w1.matmul(x) + b1).tanh()) + b2
}

fn functional(x: &DMatrix<f64>, y: &DMatrix<f64>, steps: usize) -> Result<(f64, Params)> {
    let mut params = Params::start();
    let mut last = 0.0;
    for _ in 0..steps {
        let gradients = {
            let tape = Tape::new();
            let owned = [&params.w1, &params.b1, &params.w2, &params.b2];
            let vars = owned.map(|m| tape.variable(m));
            let error = network(vars, tape.constant(x)) - tape.constant(y);
            let loss = error.square().mean();
            last = loss.number()?;
            tape.gradient(&loss, &vars.each_ref())?
        };
        let Params { w1, b1, w2, b2 } = &mut params;
        let owned = [w1, b1, w2, b2];
        owned
            .into_iter()
            .zip(gradients)
            .for_each(|(w, g)| *w -= g * 0.2);
    }
    Ok((last, params))
}

/// A layer owns its parameters and lends them to a tape.
trait Layer {
    fn call<'p, 't>(
        &'p self,
        tape: &'t Tape<'p, f64>,
        x: Var<'t, f64>,
        used: &mut Vec<Var<'t, f64>>,
    ) -> Var<'t, f64>;
    fn parameters(&mut self) -> Vec<&mut DMatrix<f64>>;
}

struct Dense {
    weight: DMatrix<f64>,
    bias: Option<DMatrix<f64>>,
}

impl Layer for Dense {
    fn call<'p, 't>(
        &'p self,
        tape: &'t Tape<'p, f64>,
        x: Var<'t, f64>,
        used: &mut Vec<Var<'t, f64>>,
    ) -> Var<'t, f64> {
        let weight = tape.variable(&self.weight);
        used.push(weight);
        let product = weight.matmul(x);
        let Some(bias) = &self.bias else {
            return product;
        };
        let bias = tape.variable(bias);
        used.push(bias);
        product + bias
    }
    fn parameters(&mut self) -> Vec<&mut DMatrix<f64>> {
        std::iter::once(&mut self.weight)
            .chain(&mut self.bias)
            .collect()
    }
}

struct Tanh;

impl Layer for Tanh {
    fn call<'p, 't>(
        &'p self,
        _: &'t Tape<'p, f64>,
        x: Var<'t, f64>,
        _: &mut Vec<Var<'t, f64>>,
    ) -> Var<'t, f64> {
        x.tanh()
    }
    fn parameters(&mut self) -> Vec<&mut DMatrix<f64>> {
        Vec::new()
    }
}

struct Model {
    layers: Vec<Box<dyn Layer>>,
}

impl Model {
    fn start() -> Self {
        let Params { w1, b1, w2, b2 } = Params::start();
        let layers: Vec<Box<dyn Layer>> = vec![
            Box::new(Dense {
                weight: w1,
                bias: Some(b1),
            }),
            Box::new(Tanh),
            Box::new(Dense {
                weight: w2,
                bias: Some(b2),
            }),
        ];
        Self { layers }
    }

    fn train_step(&mut self, x: &DMatrix<f64>, y: &DMatrix<f64>) -> Result<f64> {
        let (loss, gradients) = {
            // The tape borrows the layers: they cannot change until the gradient is there.
            let tape = Tape::new();
            let (mut h, mut used) = (tape.constant(x.clone()), Vec::new());
            for layer in &self.layers {
                h = layer.call(&tape, h, &mut used);
            }
            let loss = (h - tape.constant(y.clone())).square().mean();
            (
                loss.number()?,
                tape.gradient(&loss, &used.iter().collect::<Vec<_>>())?,
            )
        };
        let owned = self.layers.iter_mut().flat_map(|layer| layer.parameters());
        owned.zip(gradients).for_each(|(w, g)| *w -= g * 0.2);
        Ok(loss)
    }
}

fn main() -> Result<()> {
    // The distance from the origin, on a grid.
    let x = DMatrix::from_fn(
        2,
        49,
        |i, j| if i == 0 { j % 7 } else { j / 7 } as f64 / 3.0 - 1.0,
    );
    let y = DMatrix::from_fn(1, 49, |_, j| x.column(j).norm());
    let steps = 2000;
    let (loss, params) = functional(&x, &y, steps)?;
    let mut model = Model::start();
    let mut same = 0.0;
    for _ in 0..steps {
        same = model.train_step(&x, &y)?;
    }
    println!("after {steps} steps: loss {loss:.6} functional, {same:.6} object-oriented");
    let owned = model.layers.iter_mut().flat_map(|layer| layer.parameters());
    let theirs = [&params.w1, &params.b1, &params.w2, &params.b2];
    let equal = owned.zip(theirs).all(|(a, b)| *a == *b);
    println!("parameters equal to the last bit: {equal}");
    assert!(equal && loss == same && loss < 0.02);
    Ok(())
}
