//! A variable may change once its tape is gone; the program made of it lives on.
use nalgebra::dmatrix;
use pushpull_tape::Tape;

fn main() {
    let mut w = dmatrix![3.0];
    let program = {
        let tape = Tape::new();
        let v = tape.variable(&w);
        tape.program(&(v * v), &[&v]).unwrap()
    };
    w[(0, 0)] = 5.0;
    assert_eq!(program.params(), [3.0]);
}
