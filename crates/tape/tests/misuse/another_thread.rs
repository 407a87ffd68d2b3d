//! A tape that two threads record on.
use pushpull_tape::Tape;

fn main() {
    let tape = Tape::<f64>::new();
    std::thread::scope(|scope| {
        scope.spawn(|| tape.scalar(1.0));
    });
}
