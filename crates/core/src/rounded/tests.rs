//! The bound holds in f32, for sums, calls and products.

use super::Rounded;
use crate::{Accum, Mat, MatMut, Real, linalg};

/// A program with sums, products, quotients, calls and cancellation.
fn program<T: Real>(x: &[T]) -> T {
    let sum = x.iter().fold(T::zero(), |sum, &x| sum + x * x.sin());
    let mean = sum / T::from_f64(x.len() as f64);
    let spread = x
        .iter()
        .fold(T::zero(), |sum, &x| sum + (x - mean) * (x - mean));
    (mean.tanh() - spread.sqrt().recip()).sigmoid() - T::from_f64(0.5) * (mean.exp() + mean).ln_1p()
}

#[test]
fn the_error_in_single_precision_is_within_the_bound_and_the_bound_within_reach() {
    let mut worst = 0.0_f64;
    for case in 0..200 {
        // Exact in f32, so that the inputs carry no error.
        let x: Vec<f32> = (0..12)
            .map(|i| ((case * 12 + i) as f32 * 1.7).sin())
            .collect();
        let rounded: Vec<Rounded> = x.iter().map(|&x| Rounded::exact(x.into())).collect();
        let bound = program(&rounded);
        let error = (f64::from(program(&x)) - bound.value).abs();
        assert!(
            error <= bound.error::<f32>(),
            "case {case}: {error:e} > {:e}",
            bound.error::<f32>()
        );
        worst = worst.max(error / bound.error::<f32>());
    }
    assert!(
        worst > 1e-3,
        "a bound that is never near says little: {worst:e}"
    );
}

#[test]
fn a_product_s_error_is_within_the_bound_whatever_kernel_runs() {
    let (m, k, n) = (9, 40, 11);
    let numbers = |n: usize, seed: f32| -> Vec<f32> {
        (0..n).map(|i| (seed + 1.3 * i as f32).sin()).collect()
    };
    let exact =
        |x: &[f32]| -> Vec<Rounded> { x.iter().map(|&x| Rounded::exact(x.into())).collect() };
    for acc in [Accum::Set, Accum::Add] {
        let (a, b, mut c) = (
            numbers(m * k, 0.1),
            numbers(k * n, 0.7),
            numbers(m * n, 0.4),
        );
        let (ra, rb, mut rc) = (exact(&a), exact(&b), exact(&c));
        linalg::product(
            MatMut::new(&mut c, m, n),
            acc,
            Mat::new(&a, m, k),
            Mat::new(&b, k, n),
        );
        linalg::product(
            MatMut::new(&mut rc, m, n),
            acc,
            Mat::new(&ra, m, k),
            Mat::new(&rb, k, n),
        );
        for (c, rc) in c.iter().zip(&rc) {
            let error = (f64::from(*c) - rc.value).abs();
            assert!(
                error <= rc.error::<f32>(),
                "{error:e} > {:e}",
                rc.error::<f32>()
            );
            assert!(rc.terms >= k as f64 * rc.value.abs());
        }
    }
}

#[test]
fn structural_zeros_stay_and_a_branch_is_the_value_s() {
    assert!(num_traits::Zero::is_zero(&(Rounded::exact(0.0))));
    let (low, high) = (
        Rounded {
            value: 1.0,
            terms: 9.0,
        },
        Rounded::exact(2.0),
    );
    assert_eq!(low.max(high), high);
    assert_eq!(Rounded::exact(0.0).sqrt().value, 0.0);
    assert!(Rounded::exact(0.0).sqrt().terms.is_finite());
}
