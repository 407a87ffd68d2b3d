//! An LSTM cell (Hochreiter and Schmidhuber 1997, with a forget gate), unrolled by a loop: gradients by both modes, a product
//! with the Hessian, and what the planner says about it.
//!
//! `cargo run --release -p pushpull-tape --example lstm`

use nalgebra::DMatrix;
use pushpull_planner::{Budget, Question};
use pushpull_tape::{Mode, Result, Tape, Var};

/// Four gates from one product: input, forget, cell, output.
struct Cell<'t> {
    weight: Var<'t, f64>,
    bias: Var<'t, f64>,
    hidden: usize,
}

impl<'t> Cell<'t> {
    /// `(h, c)` after reading `x`.
    fn step(
        &self,
        tape: &'t Tape<'_, f64>,
        x: Var<'t, f64>,
        h: Var<'t, f64>,
        c: Var<'t, f64>,
    ) -> (Var<'t, f64>, Var<'t, f64>) {
        let gates = self.weight.matmul(tape.vstack(&[x, h])) + self.bias;
        let gate = |i: usize| gates.slice(i * self.hidden..(i + 1) * self.hidden, ..);
        let (input, forget, output) = (gate(0).sigmoid(), gate(1).sigmoid(), gate(3).sigmoid());
        let c = forget * c + input * gate(2).tanh();
        (output * c.tanh(), c)
    }
}

fn main() -> Result<()> {
    let (inputs, hidden, batch, steps) = (3, 6, 4, 12);
    let number = |i: usize, j: usize| ((5 * i + 7 * j) % 13) as f64 / 13.0 - 0.5;
    let tape = Tape::new();
    let cell = Cell {
        weight: tape.variable(DMatrix::from_fn(4 * hidden, inputs + hidden, number)),
        bias: tape.variable(DMatrix::from_fn(4 * hidden, 1, |i, _| {
            f64::from(u8::from(i / hidden == 1))
        })),
        hidden,
    };
    let zero = tape.constant(DMatrix::zeros(hidden, batch));
    let (mut h, mut c) = (zero, zero);
    for t in 0..steps {
        let x = DMatrix::from_fn(inputs, batch, |i, j| {
            (0.3 * (t + 2 * i + 3 * j) as f64).sin()
        });
        (h, c) = cell.step(&tape, tape.constant(x), h, c);
    }
    let loss = h.square().sum();
    println!("{} values recorded, loss {:.6}", tape.len(), loss.number()?);

    let sources = [&cell.weight, &cell.bias];
    let pulled = tape.by(Mode::Reverse).gradient(&loss, &sources)?;
    let pushed = tape.by(Mode::Forward).gradient(&loss, &sources)?;
    let apart = (&pulled[0] - &pushed[0])
        .amax()
        .max((&pulled[1] - &pushed[1]).amax());
    println!("forward and reverse mode differ by {apart:.1e} at most");
    assert!(apart < 1e-12);

    // The directional derivative of the gradient, against a difference of two replayed gradients.
    let direction = DMatrix::from_fn(4 * hidden, inputs + hidden, |i, j| number(j, i));
    let product = tape.hessian_vector(&loss, &[(&cell.weight, &direction)])?;
    let program = tape.program(&loss, &[&cell.weight])?;
    let mut replay = program.clone().prepare(Question::Gradient, Mode::Reverse)?;
    let mut at = |step: f64| -> Result<DMatrix<f64>> {
        replay.set(cell.weight, &(cell.weight.value()? + &direction * step))?;
        Ok(replay.gradient()?.of(cell.weight)?.to_dmatrix())
    };
    let step = 1e-5;
    let difference = (at(step)? - at(-step)?) / (2.0 * step);
    let apart = (&difference - &product[0]).norm() / product[0].norm();
    println!("Hessian product against differences of gradients: {apart:.1e} apart");
    assert!(apart < 1e-6);
    println!("{}", program.plan(Question::Gradient, Budget::Unlimited)?);
    Ok(())
}
