//! One network, its gradient by both modes, what each costs, and a few steps of gradient descent.
//!
//! `cargo run --release --example quickstart`

use pushpull::blocks::{Linear, SquaredError, Tanh};
use pushpull::dmatrix;
use pushpull::{Builder, Forward, Init, Reverse};

fn main() -> Result<(), pushpull::Error> {
    // A block a line. The target is an input as well, a constant one: no derivative is asked for it.
    let mut net = Builder::new();
    let (x, target) = (net.input("x", 2), net.constant("target", 1));
    let h = net.named("layer0", Linear::new(2, 16), x);
    let h = net.map(Tanh, h);
    let h = net.named("layer1", Linear::new(16, 1), h);
    let loss = net.block(SquaredError, [h, target]);
    let graph = net.build(loss)?;

    // Exclusive or. A sample is a column: both inputs, then the target.
    let data = dmatrix![
        0.0, 0.0, 1.0, 1.0;
        0.0, 1.0, 0.0, 1.0;
        0.0, 1.0, 1.0, 0.0
    ];
    let mut params: Vec<f64> = graph.layout().init(Init::Glorot, 1);

    // Preparing allocates everything for batches of 4 samples; running allocates nothing.
    let mut forward = Forward::new(&graph, 4)?;
    let mut reverse = Reverse::new(&graph, 4)?;

    let (value, pushed) = forward.value_and_gradient(&params, &data)?;
    let (same, pulled) = reverse.value_and_gradient(&params, &data)?;
    let apart = pushed
        .iter()
        .zip(pulled)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    println!("loss {value:.4}, {} parameters", graph.n_params());
    println!("largest difference between the two gradients: {apart:.1e}");
    assert!(apart < 1e-12 && (value - same).abs() < 1e-12);

    println!("one gradient:   flops  bytes of buffers");
    let bytes = (forward.bytes().total(), reverse.bytes().total());
    println!("  forward    {:>8}  {:>8}", forward.cost().flops, bytes.0);
    println!("  reverse    {:>8}  {:>8}", reverse.cost().flops, bytes.1);

    // The layout names the parts of the flat parameters.
    let weight = graph.layout().view(&params, "layer0.weight")?;
    println!("layer0.weight is {} x {}", weight.nrows(), weight.ncols());

    // The objective is the *sum* over the batch, so a step does not depend on how the batch is cut.
    for step in 0..=2000 {
        let (value, gradient) = reverse.value_and_gradient(&params, &data)?;
        if step % 500 == 0 {
            println!("step {step:4}: loss {value:.6}");
        }
        assert!(step < 2000 || value < 0.05, "gradient descent learns xor");
        params
            .iter_mut()
            .zip(gradient)
            .for_each(|(w, g)| *w -= 0.02 * g);
    }
    Ok(())
}
