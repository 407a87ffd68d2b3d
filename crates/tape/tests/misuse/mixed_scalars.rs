//! Values of tapes of two scalars.
use pushpull_tape::Tape;

fn main() {
    let (single, double) = (Tape::<f32>::new(), Tape::<f64>::new());
    let _ = single.scalar(1.0) + double.scalar(1.0);
}
