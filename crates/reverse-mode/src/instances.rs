//! The engines at both floats, compiled here for the debug builds of this workspace, whose crates share what they compile: else
//! each crate and each test that asks one would compile it again.

use pushpull_core::Engine;

use crate::{HessianVector, Reverse};

type Erased<T, E> = fn(E) -> Box<dyn Engine<T>>;

#[used]
static REVERSE_F32: Erased<f32, Reverse<f32>> = |engine| Box::new(engine);
#[used]
static REVERSE_F64: Erased<f64, Reverse<f64>> = |engine| Box::new(engine);
#[used]
static HESSIAN_VECTOR_F32: Erased<f32, HessianVector<f32>> = |engine| Box::new(engine);
#[used]
static HESSIAN_VECTOR_F64: Erased<f64, HessianVector<f64>> = |engine| Box::new(engine);
