//! The engines at both floats, compiled here for the debug builds of this workspace, whose crates share what they compile: else
//! each crate and each test that asks one would compile it again.

use pushpull_core::{Engine, Scalar};

use crate::{HessianVector, Reverse};

fn erased<T: Scalar, E: Engine<T> + 'static>(engine: E) -> Box<dyn Engine<T>> {
    Box::new(engine)
}

macro_rules! instances {
    ($($float:ty: $($engine:ident)*;)*) => {
        $($(const _: () = {
            #[used]
            static INSTANCE: fn($engine<$float>) -> Box<dyn Engine<$float>> = erased;
        };)*)*
    };
}

instances! {
    f32: Reverse HessianVector;
    f64: Reverse HessianVector;
}
