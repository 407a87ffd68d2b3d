//! The shapes in the plane, sample by sample.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{EXTENT, Kind, SHAPE};
use crate::formula::Formula;

/// The i-th sample of a shape, with noise from 0 to 0.5.
pub(super) fn shape(
    kind: Kind,
    i: usize,
    noise: f64,
    formula: Option<&Formula>,
    rng: &mut ChaCha8Rng,
) -> ([f64; 2], f64) {
    let half = SHAPE / 2;
    let positive = i < half;
    let sign = if positive { 1.0 } else { -1.0 };
    let part = (i % half) as f64 / half as f64;
    match kind {
        Kind::Circle => {
            let radius = if positive {
                between(rng, 0.0, 2.5)
            } else {
                between(rng, 3.5, 5.0)
            };
            let angle = between(rng, 0.0, std::f64::consts::TAU);
            let point = [radius * angle.sin(), radius * angle.cos()];
            let moved = point.map(|x| x + noise * between(rng, -5.0, 5.0));
            // Noise moves where the label is read, not where the sample is shown.
            let label = if moved[0].hypot(moved[1]) < 3.0 {
                1.0
            } else {
                -1.0
            };
            (point, label)
        }
        Kind::ExclusiveOr => {
            let apart = |x: f64| x + 0.3 * x.signum();
            let point = [between(rng, -5.0, 5.0), between(rng, -5.0, 5.0)].map(apart);
            let moved = point.map(|x| x + noise * between(rng, -5.0, 5.0));
            (
                point,
                if moved[0] * moved[1] >= 0.0 {
                    1.0
                } else {
                    -1.0
                },
            )
        }
        Kind::Gauss => {
            let spread = 0.7 + 3.5 * noise;
            (
                [
                    2.0 * sign + spread * normal(rng),
                    2.0 * sign + spread * normal(rng),
                ],
                sign,
            )
        }
        Kind::Plane => {
            let point = [between(rng, -EXTENT, EXTENT), between(rng, -EXTENT, EXTENT)];
            let moved = point.map(|x| x + noise * between(rng, -EXTENT, EXTENT));
            (point, (moved[0] + moved[1]) / 10.0)
        }
        Kind::MultiGauss => {
            const HILLS: [([f64; 2], f64); 6] = [
                ([-4.0, 2.5], 1.0),
                ([0.0, 2.5], -1.0),
                ([4.0, 2.5], 1.0),
                ([-4.0, -2.5], -1.0),
                ([0.0, -2.5], 1.0),
                ([4.0, -2.5], -1.0),
            ];
            let point = [between(rng, -EXTENT, EXTENT), between(rng, -EXTENT, EXTENT)];
            let moved = point.map(|x| x + noise * between(rng, -EXTENT, EXTENT));
            let height = |(at, sign): &([f64; 2], f64)| {
                let far = (moved[0] - at[0]).hypot(moved[1] - at[1]);
                sign * (1.0 - far / 2.0).max(0.0)
            };
            (
                point,
                HILLS
                    .iter()
                    .map(height)
                    .fold(0.0, |far: f64, h| if h.abs() > far.abs() { h } else { far }),
            )
        }
        Kind::Formula => {
            let point = [between(rng, -EXTENT, EXTENT), between(rng, -EXTENT, EXTENT)];
            let moved = point.map(|x| x + noise * between(rng, -EXTENT, EXTENT));
            (point, formula.map_or(0.0, |formula| formula.at(moved)))
        }
        Kind::Spiral | Kind::Table => {
            let turn = if positive { 0.0 } else { std::f64::consts::PI };
            let (radius, angle) = (5.0 * part, 3.5 * std::f64::consts::PI * part + turn);
            let mut point = [radius * angle.sin(), radius * angle.cos()];
            for x in &mut point {
                *x += 2.0 * noise * between(rng, -1.0, 1.0);
            }
            (point, sign)
        }
    }
}

/// Uniform on [low, high).
fn between(rng: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * rng.random::<f64>()
}

/// Standard normal, by Box and Muller's transformation.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v) = (rng.random::<f64>(), rng.random::<f64>());
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}
