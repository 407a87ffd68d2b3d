//! The error of every ready-made function, its slope and its second derivative, in every form of its block.

use std::sync::Arc;

use super::*;
use crate::Scalar;
use crate::blocks::Activation;
use forms::{Form, Jet};
use reference::Reference;

mod dense;
mod forms;
mod reference;
mod special;
mod worst;

/// Every function that has a row in the table of [`Map`].
fn functions() -> Vec<(String, Arc<dyn crate::AnyBlock>)> {
    let activations = Activation::ALL.map(|function| function.block(1));
    let more: [Arc<dyn crate::AnyBlock>; 5] = [
        Arc::new(Map::new(Abs, 1)),
        Arc::new(Map::new(Sqrt, 1)),
        Arc::new(Map::new(Recip, 1)),
        Arc::new(Map::new(Cos, 1)),
        Arc::new(Map::new(Shift { by: 0.75 }, 1)),
    ];
    let all = activations.into_iter().chain(more);
    all.map(|block| (block.name().to_owned(), block)).collect()
}

/// Distance between f32 numbers whose bits the sweep takes: 1 tries every f32, which takes minutes in a release build.
const STRIDE: usize = 1 << 15;

/// Every exponent and sign of f32, with significands that differ from exponent to exponent.
fn arguments_f32() -> Vec<f32> {
    let bits = (0..=u32::MAX).step_by(STRIDE);
    let scattered = bits.map(|bits| bits + bits.wrapping_mul(2_654_435_761) % STRIDE as u32);
    let numbers = scattered.map(f32::from_bits).filter(|x| !x.is_nan());
    numbers.chain(ends(f32::MAX, f32::from_bits(1))).collect()
}

/// Every exponent and sign of f64, more densely where a function is neither 0 nor linear nor constant.
fn arguments_f64() -> Vec<f64> {
    let exponents = (-1_074..1_024).flat_map(|exponent: i32| {
        let significands = match exponent {
            -6..=9 => 32,
            -30..=20 => 6,
            _ => u32::from(exponent % 5 == 0),
        };
        (0..significands).map(move |i| {
            // A golden-ratio walk.
            let part = f64::from(i) * 0.618_033_988_749_895 + f64::from(exponent) * 0.123;
            let significand = 1.0 + part.rem_euclid(1.0);
            let half = exponent / 2;
            significand * 2f64.powi(half) * 2f64.powi(exponent - half)
        })
    });
    let both = exponents.flat_map(|x| [x, -x]);
    both.chain(ends(f64::MAX, f64::from_bits(1))).collect()
}

/// The ends of the range, and zeros.
fn ends<T: Real>(largest: T, smallest: T) -> [T; 8] {
    let (zero, infinity) = (T::zero(), T::from_f64(f64::INFINITY));
    [
        zero, -zero, smallest, -smallest, largest, -largest, infinity, -infinity,
    ]
}

/// The magnitude of the terms of f' and f'', where they cancel at a root between others.
fn terms(name: &str, x: f64) -> [f64; 2] {
    let tail = |unit: f64| if x.abs() > 1e4 { 0.0 } else { unit };
    match name {
        "silu" => {
            let (s, slope) = Real::sigmoid_and_slope(x);
            let moved = tail(x.abs() * slope);
            [s + moved, 2.0 * slope + moved]
        }
        "gelu" => {
            let density = Real::gaussian_times(x * std::f64::consts::FRAC_1_SQRT_2, 0.4);
            let phi = 0.5 * Real::erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
            [
                phi + tail(x.abs() * density),
                2.0 * density + tail(x * x * density),
            ]
        }
        _ => [0.0; 2],
    }
}

/// Where a result is less than this part of its terms, its error is taken in units of that part.
const NEAR_A_ROOT: f64 = 0.25;

/// |got - expected| in units in the last place of the f32 nearest to `expected`, or to a larger `terms`.
fn ulps_f32(got: f32, expected: f64, terms: f64) -> f64 {
    if got.is_nan() || expected.is_nan() {
        return if got.is_nan() && expected.is_nan() {
            0.0
        } else {
            f64::INFINITY
        };
    }
    // Beyond the largest number there is one more step, to infinity.
    let end = 2f64.powi(128);
    let bounded = |x: f64| x.clamp(-end, end);
    let nearest = expected.abs().max(terms).min(f32::MAX.into()) as f32;
    let unit = f64::from(nearest) - f64::from(f32::from_bits(nearest.to_bits().max(1) - 1));
    let unit = if nearest == f32::MIN_POSITIVE || nearest.to_bits() & 0x7f_ffff != 0 {
        unit
    } else {
        2.0 * unit
    };
    (bounded(got.into()) - bounded(expected)).abs() / unit.max(f32::from_bits(1).into())
}

/// The largest errors of a jet's three numbers, each with where it was seen.
#[derive(Clone, Copy)]
struct Worst([(f64, Form, f64); 3]);

impl Worst {
    const NONE: Self = Self([(0.0, Form::Plain, 0.0); 3]);

    fn see<T: Scalar>(
        &mut self,
        form: Form,
        jets: &[Jet<T>],
        xs: &[T],
        error: impl Fn(usize, usize, T) -> f64,
    ) {
        for (i, jet) in jets.iter().enumerate() {
            for (order, got) in jet.iter().enumerate() {
                let Some(got) = *got else { continue };
                let error = error(i, order, got);
                if error.is_nan() || error > self.0[order].0 {
                    self.0[order] = (error, form, xs[i].to_f64());
                }
            }
        }
    }
}

/// Largest errors of f32 jets, of which those in f64 are the exact ones.
fn see_f32(
    worst: &mut Worst,
    name: &str,
    (form, jets): (Form, &[Jet<f32>]),
    xs: &[f32],
    exact: &[Jet<f64>],
) {
    worst.see(form, jets, xs, |i, order, got| {
        let expected = exact[i][order].unwrap_or(f64::NAN);
        ulps_f32(got, expected, near_a_root(name, xs[i].into(), order))
    });
}

/// What an error is taken of at least.
fn near_a_root(name: &str, x: f64, order: usize) -> f64 {
    match order.checked_sub(1) {
        Some(slope) => NEAR_A_ROOT * terms(name, x)[slope],
        None => 0.0,
    }
}

/// The documentation's row of a function: its numbers.
fn stated(name: &str) -> Option<[f64; 6]> {
    let table = include_str!("../map.rs").split("| second, f64 |").nth(1)?;
    let row = table.lines().find_map(|line| {
        line.strip_prefix("/// | ")?
            .strip_prefix(name)?
            .strip_prefix(" | ")
    })?;
    let numbers: Vec<f64> = row
        .split('|')
        .filter_map(|cell| cell.trim().parse().ok())
        .collect();
    numbers.try_into().ok()
}

/// Every function in every form over all exponents and where errors are largest, against the table in the documentation of
/// [`Map`]: no error is above what is stated, and none is stated that is far above what there is.
#[test]
fn the_listed_errors_are_those_that_are_measured() {
    let (xs, wide) = (arguments_f32(), arguments_f64());
    let mut faults = Vec::new();
    for (name, block) in functions() {
        let (more_f32, more_f64) = worst::arguments(&name);
        let xs = [&xs[..], &more_f32].concat();
        let wide = [&wide[..], &more_f64].concat();
        let as_f64: Vec<f64> = xs.iter().map(|&x| x.into()).collect();
        let exact = forms::plain_jets::<f64>(&*block, &as_f64);
        let mut single = Worst::NONE;
        for (form, jets) in forms::jets::<f32>(&*block, &xs) {
            see_f32(&mut single, &name, (form, &jets), &xs, &exact);
        }
        let mut reference = Reference::new();
        let exact: Vec<_> = wide.iter().map(|&x| reference.jet(&name, x)).collect();
        let mut double = Worst::NONE;
        for (form, jets) in forms::jets::<f64>(&*block, &wide) {
            double.see(form, &jets, &wide, |i, order, got| {
                reference::ulps(got, &exact[i][order], near_a_root(&name, wide[i], order))
            });
        }
        let measured = [single.0, double.0].concat();
        let row: Vec<String> = measured
            .iter()
            .map(|(error, ..)| format!("{:.1}", (error * 10.0).ceil() / 10.0))
            .collect();
        let Some(stated) = stated(&name) else {
            faults.push(format!("/// | {name} | {} |", row.join(" | ")));
            continue;
        };
        for (stated, (measured, form, x)) in stated.into_iter().zip(measured) {
            if !(measured <= stated && stated <= 1.5 * measured + 0.5) {
                faults.push(format!(
                    "{name}: {measured:.3} ulp at {x:e} in form {form:?}, stated {stated}; the row is\n/// | {name} | {} |",
                    row.join(" | ")
                ));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}
