//! A value that outlives its tape.
use nalgebra::dmatrix;
use pushpull_tape::Tape;

fn main() {
    let y = {
        let tape = Tape::new();
        let x = tape.variable(dmatrix![3.0]);
        x * x
    };
    println!("{:?}", y.value());
}
