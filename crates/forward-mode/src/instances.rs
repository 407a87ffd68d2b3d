//! The engines at both floats, compiled here for the debug builds of this workspace, whose crates share what they compile: else
//! each crate and each test that asks one would compile it again.

use pushpull_core::Engine;

use crate::{Forward, ForwardOverForward, Structured};

type Erased<T, E> = fn(E) -> Box<dyn Engine<T>>;

#[used]
static FORWARD_F32: Erased<f32, Forward<f32>> = |engine| Box::new(engine);
#[used]
static FORWARD_F64: Erased<f64, Forward<f64>> = |engine| Box::new(engine);
#[used]
static FORWARD_OVER_FORWARD_F32: Erased<f32, ForwardOverForward<f32>> = |engine| Box::new(engine);
#[used]
static FORWARD_OVER_FORWARD_F64: Erased<f64, ForwardOverForward<f64>> = |engine| Box::new(engine);
#[used]
static STRUCTURED_F32: Erased<f32, Structured<f32>> = |engine| Box::new(engine);
#[used]
static STRUCTURED_F64: Erased<f64, Structured<f64>> = |engine| Box::new(engine);
