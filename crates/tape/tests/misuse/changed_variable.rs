//! A variable that changes between recording and gradient.
use nalgebra::dmatrix;
use pushpull_tape::Tape;

fn main() {
    let mut w = dmatrix![3.0];
    let tape = Tape::new();
    let v = tape.variable(&w);
    let y = v * v;
    w[(0, 0)] = 5.0;
    let _ = tape.gradient(&y, &[&v]);
}
