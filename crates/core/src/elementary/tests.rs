use astro_float::{BigFloat, Consts, RoundingMode};

use super::{double, single};

const TO_EVEN: RoundingMode = RoundingMode::ToEven;

/// |got - expected| in units in the last place of the f32 nearest to `expected`.
fn ulps_f32(got: f32, expected: f64) -> f64 {
    let nearest = expected as f32;
    if got == nearest || (got.is_nan() && nearest.is_nan()) {
        return 0.0;
    }
    if nearest.is_infinite() || got.is_infinite() {
        return f64::INFINITY;
    }
    let unit = f64::from(f32::from_bits(nearest.abs().to_bits() + 1)) - f64::from(nearest.abs());
    (f64::from(got) - expected).abs() / unit
}

/// Every exponent and sign, 509 significands each: the dense sweep.
fn all_exponents_f32() -> impl Iterator<Item = f32> {
    (0..=u32::MAX >> 14)
        .map(|i| f32::from_bits((i << 14) | (i.wrapping_mul(2_654_435_761) & 0x3fff)))
}

#[test]
fn f32_functions_stay_within_their_stated_error_over_all_exponents() {
    type Pair = (&'static str, fn(f32) -> f32, fn(f64) -> f64, f64);
    let sigmoid = |x: f64| {
        if x >= 0.0 {
            1.0 / (1.0 + (-x).exp())
        } else {
            x.exp() / (1.0 + x.exp())
        }
    };
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    let pairs: [Pair; 10] = [
        ("exp", single::exp, f64::exp, 1.1),
        ("exp_m1", single::exp_m1, f64::exp_m1, 1.8),
        ("ln", single::ln, f64::ln, 1.0),
        ("tanh", single::tanh, f64::tanh, 2.6),
        ("sigmoid", single::sigmoid, sigmoid, 2.6),
        ("softplus", single::softplus, softplus, 1.9),
        ("ln_1p", single::ln_1p, f64::ln_1p, 1.3),
        // The f64 functions, which are tested against 192 bits below.
        ("erf", single::erf, double::erf, 2.3),
        ("erfc", single::erfc, double::erfc, 4.0),
        (
            "gaussian_times",
            |x| single::gaussian_times(x, 1.0),
            |x| double::gaussian_times(x, 1.0),
            1.6,
        ),
    ];
    for (name, ours, reference, bound) in pairs {
        let mut worst = (0.0, 0.0_f32);
        for x in all_exponents_f32().filter(|x| !x.is_nan()) {
            let error = ulps_f32(ours(x), reference(f64::from(x)));
            if error > worst.0 {
                worst = (error, x);
            }
        }
        println!("{name}: {:.3} ulp at {:e}", worst.0, worst.1);
        assert!(
            worst.0 <= bound,
            "{name}: {} ulp at {:e}, stated {bound}",
            worst.0,
            worst.1
        );
    }
}

/// Arguments over all exponents at which the function is neither 0 nor infinite nor its own argument.
fn arguments_f64() -> impl Iterator<Item = f64> {
    let exponents = (-60..=9).flat_map(|exponent| (0..24).map(move |i| (exponent, i)));
    exponents.flat_map(|(exponent, i)| {
        // A golden-ratio walk over the significands.
        let significand = 1.0
            + (f64::from(i) * 0.618_033_988_749_895 + f64::from(exponent) * 0.123).rem_euclid(1.0);
        let x = significand * 2f64.powi(exponent);
        [x, -x]
    })
}

/// 1 - erf(x) loses as many bits as it lies below 1: about 1,000 at the end of f64.
const WIDE: usize = 1_536;

/// `2 / sqrt(pi) e^(-x^2) sum_n 2^n x^(2n+1) / (1 3 ... (2n+1))`, whose terms have one sign.
fn erf(x: &BigFloat) -> BigFloat {
    let whole = |n: u32| BigFloat::from_u32(n, WIDE);
    let mul = |a: &BigFloat, b: &BigFloat| a.mul(b, WIDE, TO_EVEN);
    let square = mul(x, x);
    if square > whole(900) {
        return if x.is_negative() {
            whole(1).neg()
        } else {
            whole(1)
        };
    }
    let (mut term, mut sum, mut n) = (x.clone(), x.clone(), 1);
    while term.exponent() > sum.exponent().map(|exponent| exponent - WIDE as i32) {
        n += 2;
        term = mul(&term, &mul(&square, &whole(2))).div(&whole(n), WIDE, TO_EVEN);
        sum = sum.add(&term, WIDE, TO_EVEN);
    }
    let mut constants = Consts::new().unwrap();
    let decay = square.neg().exp(WIDE, TO_EVEN, &mut constants);
    let root = constants.pi(WIDE, TO_EVEN).sqrt(WIDE, TO_EVEN);
    mul(&mul(&sum, &decay), &whole(2)).div(&root, WIDE, TO_EVEN)
}

#[test]
fn f64_functions_stay_within_their_stated_error_against_192_bits() {
    const BITS: usize = 192;
    let mut constants = Consts::new().unwrap();
    let mut exp = |x: &BigFloat| x.exp(BITS, TO_EVEN, &mut constants);
    let mut more = Consts::new().unwrap();
    let mut ln = |x: &BigFloat| x.ln(BITS, TO_EVEN, &mut more);
    let one = BigFloat::from_f64(1.0, BITS);
    let add = |a: &BigFloat, b: &BigFloat| a.add(b, BITS, TO_EVEN);
    let div = |a: &BigFloat, b: &BigFloat| a.div(b, BITS, TO_EVEN);
    // (ours, reference, stated bound) for one function; the error is taken in the result's last place.
    let check = |name: &str,
                 ours: fn(f64) -> f64,
                 bound: f64,
                 reference: &mut dyn FnMut(&BigFloat) -> BigFloat| {
        let mut worst = (0.0, 0.0);
        for x in arguments_f64() {
            let got = ours(x);
            if !got.is_normal() || (name == "ln" && x < 0.0) || (name == "ln_1p" && x < -1.0) {
                continue;
            }
            let expected = reference(&BigFloat::from_f64(x, BITS));
            let difference = BigFloat::from_f64(got, BITS).sub(&expected, BITS, TO_EVEN);
            let unit = f64::from_bits(got.abs().to_bits() + 1) - got.abs();
            let error: f64 = div(&difference, &BigFloat::from_f64(unit, BITS))
                .to_string()
                .parse()
                .unwrap();
            if error.abs() > worst.0 {
                worst = (error.abs(), x);
            }
        }
        println!("{name}: {:.3} ulp at {:e}", worst.0, worst.1);
        assert!(
            worst.0 <= bound,
            "{name}: {} ulp at {:e}, stated {bound}",
            worst.0,
            worst.1
        );
    };
    check("exp", double::exp, 1.1, &mut |x| exp(x));
    check("exp_m1", double::exp_m1, 1.8, &mut |x| {
        exp(x).sub(&one, BITS, TO_EVEN)
    });
    check("ln", double::ln, 1.0, &mut |x| ln(x));
    check("ln_1p", double::ln_1p, 1.3, &mut |x| ln(&add(&one, x)));
    check("erf", double::erf, 2.0, &mut erf);
    check("erfc", double::erfc, 4.0, &mut |x| {
        one.sub(&erf(x), WIDE, TO_EVEN)
    });
    let gaussian = |x| double::gaussian_times(x, 1.0);
    check("gaussian_times", gaussian, 1.6, &mut |x| {
        exp(&x.mul(x, BITS, TO_EVEN).neg())
    });
    check("tanh", double::tanh, 2.6, &mut |x| {
        let t = exp(&add(x, x));
        div(&t.sub(&one, BITS, TO_EVEN), &add(&t, &one))
    });
    check("sigmoid", double::sigmoid, 2.6, &mut |x| {
        div(&one, &add(&one, &exp(&x.neg())))
    });
    check("softplus", double::softplus, 1.9, &mut |x| {
        let e = exp(x);
        // 1 + e would lose e: two terms of the series, the third is below e^-120 of the first.
        let small = x
            .cmp(&BigFloat::from_f64(-60.0, BITS))
            .is_some_and(|order| order < 0);
        let two = BigFloat::from_f64(2.0, BITS);
        if small {
            e.sub(&div(&e.mul(&e, BITS, TO_EVEN), &two), BITS, TO_EVEN)
        } else {
            ln(&add(&one, &e))
        }
    });
}

#[test]
fn special_values_are_ieee_s() {
    macro_rules! check {
        ($module:ident, $t:ident) => {{
            let inf = $t::INFINITY;
            assert!($module::gaussian_times($t::NAN, 1.0).is_nan());
            assert_eq!(
                [inf, -inf, -0.0].map(|x| $module::gaussian_times(x, 3.0)),
                [0.0, 0.0, 3.0]
            );
            for f in [
                $module::exp,
                $module::exp_m1,
                $module::ln,
                $module::tanh,
                $module::sigmoid,
                $module::softplus,
                $module::ln_1p,
                $module::erf,
                $module::erfc,
            ] {
                assert!(f($t::NAN).is_nan());
            }
            let smallest = $t::from_bits(1);
            assert_eq!(
                [$module::exp(inf), $module::exp(-inf), $module::exp(-0.0)],
                [inf, 0.0, 1.0]
            );
            assert_eq!([$module::exp_m1(inf), $module::exp_m1(-inf)], [inf, -1.0]);
            assert!(
                $module::exp_m1(-0.0).is_sign_negative() && $module::tanh(-0.0).is_sign_negative()
            );
            assert_eq!(
                [$module::exp_m1(smallest), $module::tanh(-smallest)],
                [smallest, -smallest]
            );
            assert_eq!(
                [$module::ln(0.0), $module::ln(-0.0), $module::ln(inf)],
                [-inf, -inf, inf]
            );
            assert!($module::ln(-1.0).is_nan() && $module::ln(-inf).is_nan());
            assert_eq!($module::ln(1.0), 0.0);
            assert_eq!(
                [
                    $module::ln_1p(-1.0),
                    $module::ln_1p(inf),
                    $module::ln_1p(smallest)
                ],
                [-inf, inf, smallest]
            );
            assert!($module::ln_1p(-1.5).is_nan() && $module::ln_1p(-inf).is_nan());
            assert!($module::ln_1p(-0.0).is_sign_negative());
            assert!($module::erf(-0.0).is_sign_negative());
            assert_eq!(
                [$module::erf(inf), $module::erf(-inf), $module::erf(0.0)],
                [1.0, -1.0, 0.0]
            );
            assert_eq!(
                [$module::erfc(inf), $module::erfc(-inf), $module::erfc(0.0)],
                [0.0, 2.0, 1.0]
            );
            assert_eq!([$module::tanh(inf), $module::tanh(-inf)], [1.0, -1.0]);
            assert_eq!(
                [
                    $module::sigmoid(inf),
                    $module::sigmoid(-inf),
                    $module::sigmoid(0.0)
                ],
                [1.0, 0.0, 0.5]
            );
            assert_eq!(
                [$module::softplus(inf), $module::softplus(-inf)],
                [inf, 0.0]
            );
        }};
    }
    check!(single, f32);
    check!(double, f64);
}
