//! A nonlinearity of one's own: `f` and `df` are enough. Where the derivative can be had from the output, saying so
//! saves the memory of the input.
//!
//! `cargo run --release --example custom_nonlinearity`

use pushpull::blocks::{Elementwise, Linear, Sum};
use pushpull::nalgebra::DMatrix;
use pushpull::{Builder, Forward, Graph, Init, Real, Reverse};

/// (x + sqrt(x^2 + 4)) / 2: like softplus, without an exponential (Barron 2021). Its inverse is y - 1 / y.
#[derive(Clone, Debug)]
struct Squareplus;

impl Elementwise for Squareplus {
    fn f<T: Real>(&self, x: T) -> T {
        let root = x.mul_add(x, T::from_f64(4.0)).sqrt();
        let half = T::from_f64(0.5);
        // For negative x the sum would lose its digits.
        let below = (half * (root - x)).recip();
        if x > T::zero() {
            half * (x + root)
        } else {
            below
        }
    }
    fn df<T: Real>(&self, x: T) -> T {
        slope(self.f(x))
    }
}

/// The slope at the output y is 1 / (1 + 1 / y^2).
fn slope<T: Real>(y: T) -> T {
    let r = y.recip();
    r.mul_add(r, T::one()).recip()
}

/// The same function. The output tells the derivative to the last digits, so it takes its input's place. (Where a function
/// saturates, it does not: see `Elementwise::f_and_df`.)
#[derive(Clone, Debug)]
struct SquareplusInPlace;

impl Elementwise for SquareplusInPlace {
    fn f<T: Real>(&self, x: T) -> T {
        Squareplus.f(x)
    }
    fn df<T: Real>(&self, x: T) -> T {
        Squareplus.df(x)
    }
    fn df_from_output<T: Real>(&self, y: T) -> Option<T> {
        Some(slope(y))
    }
}

fn network(function: impl Elementwise) -> Result<Graph, pushpull::Error> {
    let mut net = Builder::new();
    let mut h = net.input("x", 32);
    for _ in 0..8 {
        h = net.block(Linear::new(32, 32), h);
        h = net.map(function.clone(), h);
    }
    let y = net.block(Sum, h);
    net.build(y)
}

fn main() -> Result<(), pushpull::Error> {
    let x = DMatrix::from_fn(32, 16, |i, j| (1.0 + 3.0 * i as f64 + 0.7 * j as f64).sin());
    let mut gradients = Vec::new();
    for (name, graph) in [
        ("derivative from the input ", network(Squareplus)?),
        ("derivative from the output", network(SquareplusInPlace)?),
    ] {
        let params: Vec<f64> = graph.layout().init(Init::Glorot, 7);
        let mut forward = Forward::new(&graph, 16)?;
        let mut reverse = Reverse::new(&graph, 16)?;
        let record = reverse.bytes().arena;
        println!("{name}: reverse mode holds {record} bytes");
        gradients.push((forward.value_and_gradient(&params, &x)?.1.to_vec(), record));
        gradients.push((reverse.value_and_gradient(&params, &x)?.1.to_vec(), record));
    }
    let size = gradients[0].0.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
    for (other, _) in &gradients[1..] {
        let apart = gradients[0].0.iter().zip(other).map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0.0, f64::max) <= 1e-12 * size);
    }
    assert!(gradients[2].1 < gradients[0].1);
    println!("both spellings give the same gradient, in both modes");
    Ok(())
}
