//! `Dual<T>`: a number with its derivative along one direction, a + b e with e^2 = 0.

use std::cmp::Ordering;
use std::f64::consts::FRAC_2_SQRT_PI;
use std::fmt;
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use num_traits::{One, Zero};

use crate::Real;

pub(crate) mod second;

/// `value + derivative e`, where `e^2 = 0`. Any program run at duals yields its directional derivative beside its
/// value, exactly and with no step size to choose (Clifford 1871; Baydin et al. 2018, section 3.1.1). A zero derivative is a
/// structural zero: what it is multiplied with, infinite or no number, does not change it.
///
/// `<` and `>` compare values only, so a dual takes the branch that its value takes; `==` compares both parts.
///
/// ```
/// use pushpull_core::{Dual, Real};
/// let x = Dual { value: 2.0, derivative: 1.0 };
/// let y = x * x * x;
/// assert_eq!((y.value, y.derivative), (8.0, 12.0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Dual<T> {
    /// The number.
    pub value: T,
    /// Its derivative.
    pub derivative: T,
}

impl<T: Real> Dual<T> {
    /// A number that does not depend on the direction.
    #[inline(always)]
    pub fn constant(value: T) -> Self {
        Self {
            value,
            derivative: T::zero(),
        }
    }

    /// A number with its derivative.
    #[inline(always)]
    pub fn new(value: T, derivative: T) -> Self {
        Self { value, derivative }
    }

    /// f(self), given f and f' at the value. A zero derivative stays exactly zero, whatever f' is.
    #[inline(always)]
    fn chain(self, value: T, slope: T) -> Self {
        Self::new(value, moved(self.derivative, slope))
    }
}

/// `slope * derivative`. A zero derivative stays exactly zero, also where the slope is infinite or no number.
#[inline(always)]
fn moved<T: Real>(derivative: T, slope: T) -> T {
    let product = slope * derivative;
    if derivative.is_zero() {
        T::zero()
    } else {
        product
    }
}

impl<T: Real> Dual<T> {
    /// f(self) and f'(self), given them and f'' at the value.
    #[inline(always)]
    fn chains(self, value: T, slope: T, second: T) -> (Self, Self) {
        (self.chain(value, slope), self.chain(slope, second))
    }

    /// What was chosen of two: where its value is no number, neither is its derivative, if one of theirs is not zero.
    #[inline(always)]
    fn no_number_of(self, a: Self, b: Self) -> Self {
        let constant = a.derivative.is_zero() && b.derivative.is_zero();
        if self.value.is_nan() && !constant {
            Self::new(self.value, self.value)
        } else {
            self
        }
    }
}

impl<T: Real> Dual<T> {
    /// A function of two numbers, given its value and its two derivatives; a zero derivative stays exactly zero.
    #[inline(always)]
    fn of_two(value: T, (by_a, by_b): (T, T), a: Self, b: Self) -> Self {
        let (a, b) = (a.chain(value, by_a), b.chain(value, by_b));
        Self::new(value, a.derivative + b.derivative)
    }
}

impl<T: Real> PartialOrd for Dual<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: fmt::Display> fmt::Display for Dual<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} + {} e", self.value, self.derivative)
    }
}

impl<T: Real> Neg for Dual<T> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self::new(-self.value, -self.derivative)
    }
}

impl<T: Real> Add for Dual<T> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self::new(self.value + other.value, self.derivative + other.derivative)
    }
}

impl<T: Real> Sub for Dual<T> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self::new(self.value - other.value, self.derivative - other.derivative)
    }
}

impl<T: Real> Mul for Dual<T> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let derivative = moved(self.derivative, other.value) + moved(other.derivative, self.value);
        Self::new(self.value * other.value, derivative)
    }
}

impl<T: Real> Div for Dual<T> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let quotient = self.value / other.value;
        let numerator = self.derivative - moved(other.derivative, quotient);
        let derivative = numerator / other.value;
        // Of two constants also where the divisor is 0.
        let derivative = if numerator.is_zero() {
            T::zero()
        } else {
            derivative
        };
        Self::new(quotient, derivative)
    }
}

macro_rules! dual_assign {
    ($($trait:ident $method:ident $operator:tt;)*) => {$(
        impl<T: Real> $trait for Dual<T> {
            #[inline(always)]
            fn $method(&mut self, other: Self) {
                *self = *self $operator other;
            }
        }
    )*};
}

dual_assign! {
    AddAssign add_assign +;
    SubAssign sub_assign -;
    MulAssign mul_assign *;
    DivAssign div_assign /;
}

impl<T: Real> Zero for Dual<T> {
    #[inline(always)]
    fn zero() -> Self {
        Self::constant(T::zero())
    }
    #[inline(always)]
    fn is_zero(&self) -> bool {
        self.value.is_zero() && self.derivative.is_zero()
    }
}

impl<T: Real> One for Dual<T> {
    #[inline(always)]
    fn one() -> Self {
        Self::constant(T::one())
    }
}

impl<T: Real> Real for Dual<T> {
    const NAME: &'static str = "dual";
    const UNIT_ROUNDOFF: f64 = T::UNIT_ROUNDOFF;
    const MIN_NORMAL: f64 = T::MIN_NORMAL;
    const VECTORS: bool = T::VECTORS;
    const DUAL: bool = true;

    #[inline(always)]
    fn from_f64(x: f64) -> Self {
        Self::constant(T::from_f64(x))
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self.value.to_f64()
    }
    #[inline(always)]
    fn is_finite(self) -> bool {
        self.value.is_finite() && self.derivative.is_finite()
    }
    #[inline(always)]
    fn is_nan(self) -> bool {
        self.value.is_nan()
    }
    #[inline(always)]
    fn stopped(self) -> Self {
        Self::constant(self.value.stopped())
    }
    #[inline(always)]
    fn uncounted<R>(look: impl FnOnce() -> R) -> R {
        T::uncounted(look)
    }
    #[inline(always)]
    fn mul_add(self, a: Self, b: Self) -> Self {
        let derivative =
            moved(self.derivative, a.value) + (moved(a.derivative, self.value) + b.derivative);
        Self::new(self.value.mul_add(a.value, b.value), derivative)
    }
    #[inline(always)]
    fn exp(self) -> Self {
        let y = self.value.exp();
        self.chain(y, y)
    }
    #[inline(always)]
    fn exp_m1(self) -> Self {
        self.chain(self.value.exp_m1(), self.value.exp())
    }
    #[inline(always)]
    fn ln(self) -> Self {
        self.chain(self.value.ln(), second::reciprocal(self.value))
    }
    #[inline(always)]
    fn ln_1p(self) -> Self {
        let slope = second::reciprocal(T::one() + self.value);
        self.chain(self.value.ln_1p(), slope)
    }
    #[inline(always)]
    fn tanh(self) -> Self {
        let (y, slope) = self.value.tanh_and_slope();
        self.chain(y, slope)
    }
    #[inline(always)]
    fn sin(self) -> Self {
        self.chain(self.value.sin(), self.value.cos())
    }
    #[inline(always)]
    fn cos(self) -> Self {
        self.chain(self.value.cos(), -self.value.sin())
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        let y = self.value.sqrt();
        // A sum with +0 is +0 also at -0: the slope there is +infinity, as at +0.
        self.chain(y, (y + y + T::zero()).recip())
    }
    #[inline(always)]
    fn erf(self) -> Self {
        let slope = self.value.gaussian_times(T::from_f64(FRAC_2_SQRT_PI));
        self.chain(self.value.erf(), slope)
    }
    #[inline(always)]
    fn erfc(self) -> Self {
        let slope = self.value.gaussian_times(T::from_f64(-FRAC_2_SQRT_PI));
        self.chain(self.value.erfc(), slope)
    }
    #[inline(always)]
    fn abs(self) -> Self {
        let magnitude = self.value.abs();
        let zero = T::zero();
        let sign = if self.value > zero {
            T::one()
        } else if self.value < zero {
            -T::one()
        } else if self.value.is_nan() {
            magnitude
        } else {
            zero
        };
        self.chain(magnitude, sign)
    }
    #[inline(always)]
    fn pow(self, exponent: Self) -> Self {
        let slopes = self.value.pow_slopes(exponent.value);
        Self::of_two(self.value.pow(exponent.value), slopes, self, exponent)
    }
    #[inline(always)]
    fn pow_slopes(self, exponent: Self) -> (Self, Self) {
        let (by_base, by_exponent) = self.value.pow_slopes(exponent.value);
        let (base_twice, mixed, exponent_twice) = second::pow(self.value, exponent.value);
        (
            Self::of_two(by_base, (base_twice, mixed), self, exponent),
            Self::of_two(by_exponent, (mixed, exponent_twice), self, exponent),
        )
    }
    #[inline(always)]
    fn atan2(self, x: Self) -> Self {
        let slopes = self.value.atan2_slopes(x.value);
        Self::of_two(self.value.atan2(x.value), slopes, self, x)
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        let larger = self.value > other.value || self.value.is_nan();
        let chosen = if larger { self } else { other };
        chosen.no_number_of(self, other)
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        let smaller = self.value < other.value || self.value.is_nan();
        let chosen = if smaller { self } else { other };
        chosen.no_number_of(self, other)
    }
    // The branches of the value's own formula lose the derivative at 0, so the slopes are given in closed form.
    #[inline(always)]
    fn sigmoid(self) -> Self {
        let (y, slope) = self.value.sigmoid_and_slope();
        self.chain(y, slope)
    }
    #[inline(always)]
    fn softplus(self) -> Self {
        let (y, slope) = self.value.softplus_and_slope();
        self.chain(y, slope)
    }
    #[inline(always)]
    fn tanh_and_slope(self) -> (Self, Self) {
        let (y, slope) = self.value.tanh_and_slope();
        self.chains(y, slope, second::tanh(y, slope))
    }
    #[inline(always)]
    fn sigmoid_and_slope(self) -> (Self, Self) {
        let (y, slope) = self.value.sigmoid_and_slope();
        self.chains(y, slope, second::sigmoid(self.value, slope))
    }
    #[inline(always)]
    fn softplus_and_slope(self) -> (Self, Self) {
        let (y, slope) = self.value.softplus_and_slope();
        self.chains(y, slope, self.value.sigmoid_and_slope().1)
    }
    #[inline(always)]
    fn elu_and_slope(self, alpha: f64) -> (Self, Self) {
        let (y, slope) = self.value.elu_and_slope(alpha);
        self.chains(y, slope, second::elu(self.value, slope))
    }
    #[inline(always)]
    fn silu_and_slope(self) -> (Self, Self) {
        let (y, slope) = self.value.silu_and_slope();
        self.chains(y, slope, second::silu(self.value))
    }
    #[inline(always)]
    fn gelu_and_slope(self) -> (Self, Self) {
        let (y, slope) = self.value.gelu_and_slope();
        self.chains(y, slope, second::gelu(self.value))
    }
    #[inline(always)]
    fn gaussian_times(self, factor: Self) -> Self {
        let x = self.value;
        // -2 x e^(-x^2) has vanished long before, and at infinity it is no 0 * infinity.
        let near = second::within(x, 1e3);
        let slope = x.gaussian_times(-(near + near) * factor.value);
        let moved = self.chain(x.gaussian_times(factor.value), slope);
        let scaled = factor.chain(T::zero(), x.gaussian_times(T::one()));
        Self::new(moved.value, moved.derivative + scaled.derivative)
    }
}

#[cfg(test)]
mod tests {
    use super::Dual;
    use crate::Real;

    type Function<T> = fn(T) -> T;
    type Case = (&'static str, Function<Dual<f64>>, Function<f64>);

    #[test]
    fn every_function_has_the_slope_of_its_central_difference() {
        let pairs: [Case; 13] = [
            ("exp", Real::exp, Real::exp),
            ("exp_m1", Real::exp_m1, Real::exp_m1),
            ("ln", Real::ln, Real::ln),
            ("ln_1p", Real::ln_1p, Real::ln_1p),
            ("tanh", Real::tanh, Real::tanh),
            ("sin", Real::sin, Real::sin),
            ("cos", Real::cos, Real::cos),
            ("sqrt", Real::sqrt, Real::sqrt),
            ("erf", Real::erf, Real::erf),
            ("erfc", Real::erfc, Real::erfc),
            ("abs", Real::abs, Real::abs),
            ("sigmoid", Real::sigmoid, Real::sigmoid),
            ("softplus", Real::softplus, Real::softplus),
        ];
        for (name, dual, plain) in pairs {
            for x in [0.1, 0.7, 1.9] {
                let h = 1e-6;
                let difference = (plain(x + h) - plain(x - h)) / (2.0 * h);
                let slope = dual(Dual::new(x, 1.0)).derivative;
                assert!(
                    (slope - difference).abs() < 1e-8,
                    "{name} at {x}: {slope} against {difference}"
                );
            }
        }
    }

    #[test]
    fn a_zero_derivative_stays_zero_where_the_slope_is_infinite() {
        assert_eq!(Dual::constant(0.0_f64).ln().derivative, 0.0);
        assert_eq!(Dual::constant(0.0_f64).sqrt().derivative, 0.0);
    }

    #[test]
    fn smooth_functions_keep_their_slope_at_zero() {
        let zero = Dual::new(0.0_f64, 1.0);
        assert_eq!(zero.sigmoid().derivative, 0.25);
        assert_eq!(zero.softplus().derivative, 0.5);
        assert_eq!(zero.abs().derivative, 0.0);
        assert_eq!(zero.max(Dual::constant(0.0)).derivative, 0.0);
    }

    /// The slope of every function and the slope of that, over all exponents of f32, in units in the last place: none loses
    /// its digits where the function saturates, vanishes or cancels.
    #[test]
    fn slopes_keep_their_digits_over_all_exponents() {
        type Nested = Dual<Dual<f32>>;
        type Case<'a> = (&'a str, fn(Nested) -> Nested, &'a dyn Fn(f64) -> [f64; 2]);
        let c = std::f64::consts::FRAC_2_SQRT_PI;
        let cases: [Case<'_>; 14] = [
            ("exp", Real::exp, &|x| [x.exp(); 2]),
            ("exp_m1", Real::exp_m1, &|x| [x.exp(); 2]),
            ("ln", Real::ln, &|x| {
                let slope = if x < 0.0 { f64::NAN } else { 1.0 / x };
                [slope, -slope * slope]
            }),
            ("ln_1p", Real::ln_1p, &|x| {
                let slope = if x < -1.0 { f64::NAN } else { 1.0 / (1.0 + x) };
                [slope, -slope * slope]
            }),
            ("tanh", Real::tanh, &|x| {
                let e = (-2.0 * x.abs()).exp();
                let slope = 4.0 * e / (1.0 + e) / (1.0 + e);
                [slope, -2.0 * x.tanh() * slope]
            }),
            ("sigmoid", Real::sigmoid, &|x| {
                let e = (-x.abs()).exp();
                let slope = e / (1.0 + e) / (1.0 + e);
                [slope, -slope * (0.5 * x).tanh()]
            }),
            ("softplus", Real::softplus, &|x| {
                let e = (-x.abs()).exp();
                let slope = if x > 0.0 { 1.0 } else { e } / (1.0 + e);
                [slope, e / (1.0 + e) / (1.0 + e)]
            }),
            ("sin", Real::sin, &|x| [x.cos(), -x.sin()]),
            ("cos", Real::cos, &|x| [-x.sin(), -x.cos()]),
            ("sqrt", Real::sqrt, &|x| {
                let slope = 0.5 / x.sqrt();
                [slope, -0.5 * slope / x]
            }),
            ("erf", Real::erf, &|x| {
                let slope = c * (-x * x).exp();
                [slope, -2.0 * x.clamp(-1e3, 1e3) * slope]
            }),
            ("erfc", Real::erfc, &|x| {
                let slope = -c * (-x * x).exp();
                [slope, -2.0 * x.clamp(-1e3, 1e3) * slope]
            }),
            ("recip", Real::recip, &|x| [-1.0 / x / x, 2.0 / x / x / x]),
            ("square", |x| x * x, &|x| [2.0 * x, 2.0]),
        ];
        for (name, function, slopes) in cases {
            let bits = (0..=u32::MAX).step_by(1 << 16);
            let xs =
                bits.map(|bits| f32::from_bits(bits + bits.wrapping_mul(2_654_435_761) % 65_536));
            for x in xs.filter(|x| x.is_finite() && *x != 0.0) {
                let one = Dual::constant(1.0);
                let got = function(Dual::new(Dual::new(x, 1.0), one)).derivative;
                for (got, expected) in [got.value, got.derivative]
                    .into_iter()
                    .zip(slopes(x.into()))
                {
                    let nearest = expected as f32;
                    let unit =
                        f64::from(f32::from_bits((nearest.abs().to_bits() >> 23).max(1) << 23))
                            * f64::from(f32::EPSILON);
                    let same = got == nearest || got.is_nan() && nearest.is_nan();
                    let error = (f64::from(got) - expected).abs() / unit;
                    assert!(
                        same || error <= 7.0,
                        "{name} at {x:e}: {got:e} for {expected:e}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_no_number_has_no_slope() {
        let nan = Dual::new(f64::NAN, 1.0);
        let five = Dual::constant(5.0);
        for got in [
            nan.abs(),
            nan.max(five),
            five.max(nan),
            nan.min(five),
            five.min(nan),
        ] {
            assert!(got.value.is_nan() && got.derivative.is_nan());
        }
        // A derivative that is no number decides no comparison.
        let unsure = Dual::new(1.0, f64::NAN);
        assert_eq!((unsure.max(five), five.min(unsure).value), (five, 1.0));
        for x in [-1.0, f64::NEG_INFINITY] {
            assert!(Dual::new(x, 1.0).ln().derivative.is_nan());
            assert!(Dual::new(x, 1.0).sqrt().derivative.is_nan());
            assert!(Dual::new(x - 1.0, 1.0).ln_1p().derivative.is_nan());
        }
        let zero = Dual::new(-0.0, 1.0);
        assert_eq!(
            [zero.ln(), zero.sqrt()].map(|y| y.derivative),
            [f64::INFINITY; 2]
        );
    }

    #[test]
    fn a_constant_has_a_constant_reciprocal_also_at_zero() {
        let zero = Dual::constant(0.0);
        assert_eq!(zero.recip(), Dual::constant(f64::INFINITY));
        assert_eq!((Dual::constant(3.0) / zero).derivative, 0.0);
        assert_eq!(Dual::new(0.0, 1.0).recip().derivative, f64::NEG_INFINITY);
    }

    #[test]
    fn arithmetic_follows_the_product_and_quotient_rules() {
        let (a, b) = (Dual::new(3.0, 1.0), Dual::new(2.0, 5.0));
        assert_eq!((a * b).derivative, 1.0 * 2.0 + 3.0 * 5.0);
        assert_eq!((a / b).derivative, (1.0 * 2.0 - 3.0 * 5.0) / 4.0);
        assert_eq!(a.mul_add(b, a).derivative, 18.0);
    }
}
