//! A block of one's own: unit vectors, so that what follows sees angles alone. One line checks its rules; then a network
//! with it learns to tell digits apart, in both modes.
//!
//! `cargo run --release --example custom_block`

use pushpull::blocks::{Linear, Scale, SoftmaxCrossEntropy};
use pushpull::*;
use pushpull_bench::data::{self, Dataset};

// Counts the heap, so that the check of the rules sees maps that allocate, too.
#[global_allocator]
static HEAP: pushpull_laws::CountingAllocator = pushpull_laws::CountingAllocator;

/// `y = x / r` with `r^2 = |x|^2 + 1e-12`; its Jacobian `(I - y y') / r` is symmetric. The field is the number of rows.
#[derive(Debug)]
struct UnitVector(usize);

#[rustfmt::skip] // A line a rule: the whole block at one glance.
impl Spec for UnitVector {
    fn name(&self) -> &str { "unit-vector" }
    fn dims(&self) -> Dims { Dims { n_in: self.0, n_out: self.0, n_params: 0 } }
    fn keeps(&self) -> Keeps { Keeps { extra: 1, ..Keeps::Y } } // y and r: an engine stores that and nothing else
}

/// Written once for every scalar: the block runs in f32 and f64, counts its flops, and can be run at dual numbers.
#[rustfmt::skip]
impl<T: Real> Block<T> for UnitVector {
    fn forward(&self, _: &[T], x: Mat<T>, mut y: MatMut<T>, r: &mut [T]) {
        for (j, x) in x.columns().enumerate() {
            r[j] = x.iter().fold(T::from_f64(1e-12), |sum, &x| sum + x * x).sqrt();
            y.col_mut(j).iter_mut().zip(x).for_each(|(y, &x)| *y = x / r[j]);
        }
    }
    fn jvp_input(&self, at: &Point<T>, x_dot: Mat<T>, mut y_dot: MatMut<T>, _: &mut [T]) {
        for (j, x_dot) in x_dot.columns().enumerate() {
            let (y, r) = (at.y_of(j), at.extra_of(j)[0]); // of several seeds side by side, the sample of column j
            let along = y.iter().zip(x_dot).fold(T::zero(), |sum, (&y, &dot)| sum + y * dot);
            (0..y.len()).for_each(|i| y_dot.col_mut(j)[i] = (x_dot[i] - y[i] * along) / r);
        }
    }
    fn vjp_input(&self, at: &Point<T>, y_bar: Mat<T>, x_bar: MatMut<T>, scratch: &mut [T]) {
        self.jvp_input(at, y_bar, x_bar, scratch); // J' = J
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const BATCH: usize = 1000;
    // Are the rules right? Every law, on random shapes and data; a lie would be named.
    pushpull_laws::check(&UnitVector(5))?;

    let digits = Dataset::digits(&data::directory())?
        .standardised()
        .batch(0, BATCH)?;
    let mut net = Builder::new();
    let (x, target) = (net.input("x", 64), net.constant("target", 10));
    let direction = net.block(UnitVector(64), x);
    let cosines = net.block(Linear::new(64, 10), direction);
    let logits = net.block(Scale::new(10, 10.0), cosines);
    let loss = net.block(SoftmaxCrossEntropy, [logits, target]);
    let graph = net.build(loss)?;
    let data = graph.stack(&[
        ("x", (&digits.inputs).into()),
        ("target", (&digits.targets).into()),
    ])?;
    let mut params: Vec<f64> = graph.layout().init(Init::Glorot, 3);

    let mut forward = Forward::new(&graph, BATCH)?;
    let mut reverse = Reverse::new(&graph, BATCH)?;
    // No cost was declared, so it was counted, by running the maps at a scalar that counts.
    println!(
        "flops of a gradient: {} forward, {} in reverse",
        forward.cost().flops,
        reverse.cost().flops
    );
    let pushed = forward.value_and_gradient(&params, &data)?.1;
    let pulled = reverse.value_and_gradient(&params, &data)?.1;
    let largest = pulled.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
    assert!(
        pushed
            .iter()
            .zip(pulled)
            .all(|(a, b)| (a - b).abs() < 1e-12 * largest)
    );

    // Every tenth gradient of the run is held against a jvp, where it is used.
    let mut shadow = pushpull_laws::Shadow::new(&graph, BATCH, 10, 1)?;
    let mut first = f64::INFINITY;
    for step in 0..=40 {
        let (value, gradient) = reverse.value_and_gradient(&params, &data)?;
        shadow.check(&params, &data, gradient)?;
        let mean = value / BATCH as f64;
        if step % 10 == 0 {
            println!("step {step:2}: loss {mean:.4} a digit");
        }
        first = if step == 0 { mean } else { first };
        assert!(step < 40 || mean < first);
        params
            .iter_mut()
            .zip(gradient)
            .for_each(|(w, g)| *w -= 1e-4 * g);
    }
    println!(
        "{} of {} gradients checked",
        shadow.checked(),
        shadow.seen()
    );
    Ok(())
}
