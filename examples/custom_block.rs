//! A block of one's own, with parameters: distances to a set of centres. In a graph it tells digits apart by the
//! nearest centre, and the centres are learned.
//!
//! `cargo run --release --example custom_block`

use pushpull::blocks::{Scale, SoftmaxCrossEntropy};
use pushpull::*;
use pushpull_bench::data::{self, Dataset};

/// `y_k = |x - c_k|^2 / 2`; the parameters are the centres c_k, one after the other.
#[derive(Debug)]
struct Distances {
    n_in: usize,
    n_out: usize,
}

impl Distances {
    /// The loop that all maps share: `visit(k, i, j, x_i - c_ik)` for centre k, row i and column j. Of several seeds
    /// side by side, column j belongs to sample j % batch.
    fn each<T: Real>(
        &self,
        w: &[T],
        x: Mat<T>,
        n: usize,
        mut visit: impl FnMut(usize, usize, usize, T),
    ) {
        for j in 0..n {
            for (k, c) in w.chunks_exact(self.n_in).enumerate() {
                let x = x.col(j % x.ncols());
                (0..self.n_in).for_each(|i| visit(k, i, j, x[i] - c[i]));
            }
        }
    }
}

impl Spec for Distances {
    fn dims(&self) -> Dims {
        let (n_in, n_out) = (self.n_in, self.n_out);
        Dims {
            n_in,
            n_out,
            n_params: n_in * n_out,
        }
    }
    fn keeps(&self) -> Keeps {
        Keeps::X // What the derivative maps read beside the parameters: an engine stores that and nothing else.
    }
}

// Written once for every scalar: the block runs in f32 and f64, counts its flops, and can be run at dual numbers.
impl<T: Real> Block<T> for Distances {
    fn forward(&self, w: &[T], x: Mat<T>, mut y: MatMut<T>, _: &mut [T]) {
        y.fill(T::zero());
        let half = T::from_f64(0.5);
        self.each(w, x, x.ncols(), |k, _, j, d| {
            y.col_mut(j)[k] += half * d * d
        });
    }
    fn jvp_input(&self, at: &Point<T>, x_dot: Mat<T>, mut y_dot: MatMut<T>, _: &mut [T]) {
        y_dot.fill(T::zero());
        let n = x_dot.ncols();
        self.each(at.params, at.x, n, |k, i, j, d| {
            y_dot.col_mut(j)[k] += d * x_dot.get(i, j)
        });
    }
    fn vjp_input(&self, at: &Point<T>, y_bar: Mat<T>, mut x_bar: MatMut<T>, _: &mut [T]) {
        x_bar.fill(T::zero());
        let n = y_bar.ncols();
        self.each(at.params, at.x, n, |k, i, j, d| {
            x_bar.col_mut(j)[i] += d * y_bar.get(k, j)
        });
    }
    fn jvp_params(
        &self,
        at: &Point<T>,
        dot: Mat<T>,
        acc: Accum,
        mut y_dot: MatMut<T>,
        _: &mut [T],
    ) {
        if acc == Accum::Set {
            y_dot.fill(T::zero());
        }
        let n = y_dot.ncols();
        self.each(at.params, at.x, n, |k, i, j, d| {
            y_dot.col_mut(j)[k] -= d * dot.get(k * self.n_in + i, j / at.batch) // one direction a seed
        });
    }
    fn vjp_params(&self, at: &Point<T>, y_bar: Mat<T>, acc: Accum, bar: &mut [T], _: &mut [T]) {
        if acc == Accum::Set {
            bar.fill(T::zero());
        }
        let n = at.batch; // one seed, summed over the samples
        self.each(at.params, at.x, n, |k, i, j, d| {
            bar[k * self.n_in + i] -= d * y_bar.get(k, j)
        });
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    const BATCH: usize = 1000;
    let digits = Dataset::digits(&data::directory())?
        .standardised()
        .batch(0, BATCH)?;
    let mut net = Builder::new();
    let (x, target) = (net.input("x", 64), net.constant("target", 10));
    let distances = net.block(
        Distances {
            n_in: 64,
            n_out: 10,
        },
        x,
    );
    let logits = net.block(Scale::new(10, -0.1), distances);
    let loss = net.block(SoftmaxCrossEntropy::new(10), [logits, target]);
    let graph = net.build(loss)?;
    let data = graph.stack(&[
        ("x", (&digits.inputs).into()),
        ("target", (&digits.targets).into()),
    ])?;
    let mut centres: Vec<f64> = graph.layout().init(Init::Uniform(1.0), 3);

    // Are the rules right? Each mode uses its own, and dual numbers use none but `forward`: the slope of the loss along
    // a direction must come out the same three times.
    let mut forward = Forward::new(&graph, BATCH, Chunk::Auto, 1)?;
    let mut reverse = Reverse::new(&graph, BATCH, Store::All, 1)?;
    let mut dual = Primal::new(&graph, BATCH)?;
    let dot: Vec<f64> = graph.layout().init(Init::Uniform(1.0), 4);
    let moving: Vec<_> = centres
        .iter()
        .zip(&dot)
        .map(|(&c, &dot)| Dual::new(c, dot))
        .collect();
    let losses = dual.run(&moving, &data.map(Dual::constant))?.to_dmatrix();
    let slope: f64 = losses.iter().map(|loss| loss.derivative).sum();
    println!("slope of the loss along one direction, by dual numbers: {slope:.9}");
    let pushed = forward.value_and_gradient(&centres, &data)?.1;
    let pulled = reverse.value_and_gradient(&centres, &data)?.1;
    for (mode, gradient) in [("forward", pushed), ("reverse", pulled)] {
        let terms = || gradient.iter().zip(&dot).map(|(g, dot)| g * dot);
        let (along, size) = (terms().sum::<f64>(), terms().map(f64::abs).sum::<f64>());
        println!("  by the gradient of {mode} mode: {along:.9}");
        assert!((along - slope).abs() < 1e-12 * size);
    }

    // No cost was declared, so it was counted, by running the maps at a scalar that counts.
    println!(
        "flops of a gradient: {} forward, {} in reverse",
        forward.cost().flops,
        reverse.cost().flops
    );
    let mut first = f64::INFINITY;
    for step in 0..=40 {
        let (value, gradient) = reverse.value_and_gradient(&centres, &data)?;
        let mean = value / BATCH as f64;
        if step % 10 == 0 {
            println!("step {step:2}: loss {mean:.4} a digit");
        }
        first = if step == 0 { mean } else { first };
        assert!(step < 40 || mean < first);
        centres
            .iter_mut()
            .zip(gradient)
            .for_each(|(c, g)| *c -= 1e-3 * g);
    }
    Ok(())
}
