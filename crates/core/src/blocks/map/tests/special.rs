//! NaN, infinities and zeros.

use super::forms;
use super::*;

/// What a constant slope is the same at NaN: linear maps.
const LINEAR: [&str; 2] = ["identity", "shift"];

#[test]
fn nan_in_gives_nan_out_in_values_slopes_and_second_derivatives() {
    fn check<T: Scalar>(name: &str, block: &dyn crate::AnyBlock)
    where
        Dual<T>: Scalar,
    {
        // Enough entries for vector code, and a rest.
        let xs = vec![T::from_f64(f64::NAN); 67];
        for (form, jets) in forms::jets::<T>(block, &xs) {
            for jet in jets {
                for (order, got) in jet.into_iter().enumerate() {
                    // The slope of a square is linear itself.
                    let constant =
                        LINEAR.contains(&name) && order > 0 || name == "square" && order == 2;
                    let Some(got) = got.filter(|_| !constant) else {
                        continue;
                    };
                    assert!(got.is_nan(), "{name}, {form:?}, derivative {order}: {got}");
                }
            }
        }
    }
    for (name, block) in functions() {
        check::<f32>(&name, &*block);
        check::<f64>(&name, &*block);
    }
}

/// f, f', f'' of a function at one number, the same in every form.
fn at<T: Scalar>(function: impl Elementwise, x: T) -> [T; 3]
where
    Dual<T>: Scalar,
{
    let block = Map::new(function, 1);
    let mut seen = [None; 3];
    for (form, jets) in forms::jets::<T>(&block, &[x]) {
        for (order, got) in jets[0].into_iter().enumerate() {
            let Some(got) = got else { continue };
            let first = *seen[order].get_or_insert(got);
            let same = first == got || first.is_nan() && got.is_nan();
            assert!(
                same,
                "{block:?} at {x}, {form:?}, {order}: {first} and {got}"
            );
        }
    }
    seen.map(Option::unwrap)
}

/// Within a few units in the last place, or 0, or infinite.
fn near(got: f64, expected: f64) -> bool {
    got == expected || (got - expected).abs() <= 2e-15 * expected.abs()
}

#[test]
fn saturated_slopes_are_not_those_of_the_rounded_output() {
    // Slopes in f32 that y (1 - y) has as 6.1988e-6 and 0, in f64 as 9.348e-14 and 0.
    for (x, slope) in [(12.0, 6.144_1e-6), (17.0, 4.14e-8)] {
        let [_, got, _] = at::<f32>(Sigmoid, x);
        assert!((got / slope - 1.0).abs() < 1e-3, "{x}: {got}");
    }
    for (x, slope) in [
        (30.0, 9.357_622_968_838_423e-14),
        (40.0, 4.248_354_255_291_589e-18),
    ] {
        let [_, got, _] = at::<f64>(Sigmoid, x);
        assert!(near(got, slope), "{x}: {got}");
        let [value, got, second] = at::<f64>(Tanh, x / 2.0);
        assert!(near(got, 4.0 * slope) && near(second, -8.0 * value * slope));
        // The second derivative of softplus, and of silu in its far tail.
        assert!(near(at::<f64>(Softplus, x)[2], slope));
        assert!(near(at::<f64>(Silu, x)[2], slope * (2.0 - x * value)));
    }
    let [value, slope, second] = at::<f64>(Elu { alpha: 1.0 }, -40.0);
    assert!(value == -1.0 && slope == second && near(slope, 4.248_354_255_291_589e-18));
}

#[test]
fn the_ends_of_the_line_have_their_limits() {
    let inf = f64::INFINITY;
    for x in [-inf, -f64::MAX, -1e5] {
        assert_eq!(at(Silu, x)[..], [0.0; 3]);
        assert_eq!(at(Gelu, x)[..], [0.0; 3]);
        assert_eq!(at(Softplus, x)[..], [0.0; 3]);
        assert_eq!(at(Sigmoid, x)[..], [0.0; 3]);
        assert_eq!(at(Tanh, x)[..], [-1.0, 0.0, 0.0]);
        for alpha in [1.0, 0.0, -1.5] {
            assert_eq!(at(Elu { alpha }, x)[..], [-alpha, 0.0, 0.0]);
        }
        assert_eq!(at(LeakyRelu { slope: 0.0 }, x)[..], [0.0; 3]);
        assert_eq!(at(LeakyRelu { slope: -0.5 }, x)[..], [-0.5 * x, -0.5, 0.0]);
    }
    for x in [inf, f64::MAX, 1e5] {
        for [value, slope, second] in [at(Silu, x), at(Gelu, x), at(Softplus, x)] {
            assert_eq!([value, slope, second], [x, 1.0, 0.0]);
        }
        assert_eq!(at(Sigmoid, x)[..], [1.0, 0.0, 0.0]);
        assert_eq!(at(Tanh, x)[..], [1.0, 0.0, 0.0]);
        assert_eq!(at(LeakyRelu { slope: 0.0 }, x)[..], [x, 1.0, 0.0]);
    }
    assert_eq!(at(Ln, inf)[..2], [inf, 0.0]);
    assert_eq!(at(Sqrt, inf)[..2], [inf, 0.0]);
    assert!(
        at(Sin, inf)
            .iter()
            .chain(&at(Cos, -inf))
            .all(|x| x.is_nan())
    );
}

#[test]
fn where_a_function_is_not_defined_its_slope_is_not_either() {
    let inf = f64::INFINITY;
    for x in [-1.0, -f64::from_bits(1), -inf] {
        assert!(at(Ln, x).iter().chain(&at(Sqrt, x)).all(|x| x.is_nan()));
    }
    for x in [0.0, -0.0] {
        assert_eq!(at(Ln, x)[..], [-inf, inf, -inf]);
        assert_eq!(at(Sqrt, x)[..], [0.0, inf, -inf]);
    }
}

/// A large or small alpha meets an exponential that is subnormal by itself.
#[test]
fn the_slope_of_elu_is_rounded_last() {
    let [_, slope, second] = at::<f64>(Elu { alpha: 1e12 }, -730.0);
    assert!(near(slope, 9.226_313_569_122_114e-306), "{slope:e}");
    assert_eq!(slope, second);
}

#[test]
fn a_zero_seed_stays_zero_at_every_slope() {
    for x in [f64::NAN, 0.0, f64::INFINITY, -1.0] {
        for (name, block) in functions() {
            let mut extra = vec![0.0; block.keeps().extra];
            let mut y = [0.0];
            let maps: &dyn Block<f64> = &*block;
            maps.forward(
                &[],
                Mat::new(&[x], 1, 1),
                MatMut::new(&mut y, 1, 1),
                &mut extra,
            );
            let (from, to) = ([x], &mut [7.0]);
            let at = Point {
                params: &[],
                x: Mat::new(&from, 1, 1),
                y: Mat::new(&y, 1, 1),
                extra: &extra,
                batch: 1,
            };
            maps.vjp_input(&at, Mat::new(&[0.0], 1, 1), MatMut::new(to, 1, 1), &mut []);
            assert_eq!(*to, [0.0], "{name} at {x}");
        }
    }
}
