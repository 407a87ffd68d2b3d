//! The lecture's snippets of TensorFlow, line by line.
//!
//! `cargo run --release -p pushpull-tape --example lecture`

use nalgebra::{DMatrix, dmatrix};
use pushpull_tape::{Mode, Result, Tape};

/// Numbers that look normally distributed.
fn normal(nrows: usize, ncols: usize, seed: u64) -> DMatrix<f64> {
    use rand::{RngExt, SeedableRng};
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
    // The sum of twelve uniform numbers has variance 1.
    DMatrix::from_fn(nrows, ncols, |_, _| {
        (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
    })
}

fn main() -> Result<()> {
    println!("Jacobians of matrices (slide \"Jacobians\"):");
    {
        let tape = Tape::new(); //                          with tf.GradientTape() as tape:
        let x = tape.constant(normal(3, 4, 1)); //          x = tf.random.normal((3, 4))
        let w = tape.variable(normal(4, 5, 2)); //          w = tf.Variable(tf.random.normal((4, 5)))
        let h = x.matmul(w); //                             h = x @ w
        let jacobian = tape.jacobian(&h, &w)?;
        println!("  tape.jacobian(h, w).shape: {:?}", jacobian.shape());
        assert_eq!(jacobian.shape(), (3, 5, 4, 5));
    }
    {
        let tape = Tape::new();
        let x = tape.constant(normal(12, 1, 1)); //         x = tf.random.normal((12,))
        let w = tape.variable(normal(20, 1, 2)); //         w = tf.Variable(tf.random.normal((20,)))
        let h = x.reshape(3, 4).matmul(w.reshape(4, 5)); // h = tf.reshape(x, (3, 4)) @ tf.reshape(w, (4, 5))
        let h = h.reshape(15, 1); //                        h = tf.reshape(h, (-1,))
        let jacobian = tape.jacobian(&h, &w)?;
        println!(
            "  tape.jacobian(h, w).shape of vectors: {:?}",
            jacobian.matrix().shape()
        );
        assert_eq!(jacobian.matrix().shape(), (15, 20));
    }

    println!("Gradients (slides \"Autodiff in TensorFlow\"):");
    let (w1, w2) = (normal(4, 3, 3), normal(2, 4, 4));
    let tape = Tape::new(); //                              with tf.GradientTape() as tape:
    let w1 = tape.variable(&w1); //                         w1 = tf.Variable(tf.random.normal((...)))
    let w2 = tape.constant(&w2); //                         w2 = tf.random.normal((...))
    tape.watch(&w2)?; //                                    tape.watch(w2)
    let x = tape.constant(normal(3, 1, 5));
    let h = w2.matmul(w1.matmul(x).tanh());
    let y = h.sum(); //                                     y = tf.reduce_sum(h)
    let g = tape.gradient(&y, &[&w1, &w2])?; //             g = tape.gradient(y, [w1, w2])
    println!("  dy/dw1 is {:?}, dy/dw2 {:?}", g[0].shape(), g[1].shape());

    // "The tape also allows for Jacobians, although this basically requires one backward pass for each output."
    let rows = tape.jacobian(&h, &w1)?;
    println!(
        "  dh/dw1 is {:?}: {} backward passes",
        rows.shape(),
        h.nrows()
    );

    // tf.autodiff.ForwardAccumulator(primals=w1, tangents=w1_dot).jvp(y)
    let w1_dot = normal(4, 3, 6);
    let y_dot = tape.jvp(&y, &[(&w1, &w1_dot)])?;
    println!(
        "  the tangent of y along a tangent of w1: {:.6}",
        y_dot[(0, 0)]
    );
    assert!((y_dot[(0, 0)] - g[0].dot(&w1_dot)).abs() < 1e-12);
    let pushed = tape.by(Mode::Forward).gradient(&y, &[&w1, &w2])?;
    let apart = (&pushed[0] - &g[0]).amax().max((&pushed[1] - &g[1]).amax());
    println!("  forward and reverse mode differ by {apart:.1e} at most");
    assert!(apart < 1e-12);
    assert_eq!(tape.gradient(&(y * 1.0), &[&y])?[0], dmatrix![1.0]);
    Ok(())
}
