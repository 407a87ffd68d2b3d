//! Elementary functions without a branch or a call, so that a loop over them becomes vector code.
//!
//! Every function is written with additions and multiplications alone (no fused ones), so it gives the same bits on
//! every machine and at every vector width. Largest errors, over all finite arguments, tested in `elementary/tests.rs`
//! against f64 (for f32) and against arithmetic of 128 bits (for f64), in units in the last place of the result:
//!
//! | function | f32 | f64 | method |
//! |---|---|---|---|
//! | `exp` | 1.1 | 1.1 | `2^n e^r`, \|r\| <= ln 2 / 2, Taylor polynomial |
//! | `exp_m1` | 1.8 | 1.8 | `2^n (e^r - 1) + (2^n - 1)` |
//! | `ln` | 1.0 | 1.0 | `k ln 2 + ln(1 + f)`, `ln(1 + f)` by the series in `s = f / (2 + f)` |
//! | `tanh` | 2.6 | 2.6 | `-t / (t + 2)`, `t = e^(-2\|x\|) - 1` |
//! | `sigmoid` | 2.6 | 2.6 | `1 / (1 + e^-x)` or `e^x / (1 + e^x)` |
//! | `softplus` | 1.9 | 1.9 | `max(x, 0) + ln(1 + e^-\|x\|)` |
//!
//! At +-0, +-infinity, NaN and in the subnormal range they give what IEEE 754 recommends.

/// Horner's scheme, the highest coefficient first.
macro_rules! horner {
    ($x:expr; $first:expr $(, $next:expr)*) => {{
        let x = $x;
        let sum = $first;
        $(let sum = sum * x + $next;)*
        sum
    }};
}

macro_rules! elementary {
    (
        $module:ident, $t:ident, $bits:ident, $int:ident,
        mantissa: $mantissa:expr, bias: $bias:expr, magic: $magic:expr,
        exp_high: $exp_high:expr, exp_low: $exp_low:expr, ln2_high: $ln2_high:expr, ln2_low: $ln2_low:expr,
        exp: [$($exp:expr),*], ln: [$($ln:expr),*]
    ) => {
        pub(crate) mod $module {
            /// Adding it rounds to an integer, which then lies in the low bits.
            const MAGIC: $t = $magic;
            /// ln 2 in two parts; a small integer times the first is exact.
            const LN2_HIGH: $t = $ln2_high;
            const LN2_LOW: $t = $ln2_low;

            /// 2^n for an n with a normal 2^n.
            #[inline(always)]
            fn power_of_two(n: $int) -> $t {
                $t::from_bits(((n + $bias) as $bits) << $mantissa)
            }

            /// x = n ln 2 + r with |r| <= ln 2 / 2: (n, e^r - 1). NaN passes into the second.
            #[inline(always)]
            fn reduce(x: $t) -> ($int, $t) {
                let shifted = x * std::$t::consts::LOG2_E + MAGIC;
                let n = (shifted.to_bits() as $int).wrapping_sub(MAGIC.to_bits() as $int);
                let rounded = shifted - MAGIC;
                let r = (x - rounded * LN2_HIGH) - rounded * LN2_LOW;
                (n, r + r * r * horner!(r; $($exp),*))
            }

            /// x, kept where e^x neither is certain to overflow nor to vanish; NaN stays.
            #[inline(always)]
            fn clamp(x: $t) -> $t {
                let x = if x > $exp_high { $exp_high } else { x };
                if x < $exp_low { $exp_low } else { x }
            }

            #[inline(always)]
            pub(crate) fn exp(x: $t) -> $t {
                let (n, m) = reduce(clamp(x));
                // Two factors, so that neither overflows where the result does not and subnormals round once.
                let half = n >> 1;
                (1.0 + m) * power_of_two(half) * power_of_two(n - half)
            }

            #[inline(always)]
            pub(crate) fn exp_m1(x: $t) -> $t {
                let (n, m) = reduce(clamp(x));
                // Below -1 in the exponent nothing of m's last places is left, and 2^n needs no subnormals.
                let n = if n < -($mantissa + 4) { -($mantissa + 4) } else { n };
                let half = power_of_two(n - 1);
                let y = (half * m + (half - 0.5)) * 2.0;
                // Keeps the sign of a zero, and subnormal arguments exact.
                if x.abs() < $t::EPSILON * 0.25 { x } else { y }
            }

            /// s^2 times the rest of the series of ln(1 + f) = 2 s + 2 s^3 / 3 + ..., s = f / (2 + f).
            #[inline(always)]
            fn ln_1p_reduced(f: $t, k: $t) -> $t {
                let s = f / (2.0 + f);
                let square = s * s;
                let rest = square * horner!(square; $($ln),*);
                let half = 0.5 * f * f;
                k * LN2_HIGH - ((half - (s * (half + rest) + k * LN2_LOW)) - f)
            }

            #[inline(always)]
            pub(crate) fn ln(x: $t) -> $t {
                // Subnormal numbers are scaled into the normal range first.
                let tiny = x < $t::MIN_POSITIVE;
                let scaled = if tiny { x * power_of_two($mantissa + 2) } else { x };
                let bits = scaled.to_bits() as $int;
                // The exponent of the number whose significand is in [sqrt(1/2), sqrt(2)).
                let offset = bits.wrapping_sub(std::$t::consts::FRAC_1_SQRT_2.to_bits() as $int);
                let k = offset >> $mantissa;
                let f = $t::from_bits(bits.wrapping_sub(k << $mantissa) as $bits) - 1.0;
                let k = k as $t - if tiny { ($mantissa + 2) as $t } else { 0.0 };
                let y = ln_1p_reduced(f, k);
                let y = if x == 0.0 { -$t::INFINITY } else { y };
                let y = if x < 0.0 { $t::NAN } else { y };
                if x < $t::INFINITY { y } else { x }
            }

            #[inline(always)]
            pub(crate) fn tanh(x: $t) -> $t {
                let t = exp_m1(-2.0 * x.abs());
                let y = (-t / (t + 2.0)).copysign(x);
                // The doubled argument of a subnormal is exact, its quotient is not.
                if x.abs() < $t::EPSILON { x } else { y }
            }

            #[inline(always)]
            pub(crate) fn sigmoid(x: $t) -> $t {
                let e = exp(-x.abs());
                let numerator = if x >= 0.0 { 1.0 } else { e };
                numerator / (1.0 + e)
            }

            #[inline(always)]
            pub(crate) fn softplus(x: $t) -> $t {
                // ln(1 + u) for u in [0, 1]; (u - 1) / 2 is exact where it is taken.
                let u = exp(-x.abs());
                let upper = u > std::$t::consts::SQRT_2 - 1.0;
                let (f, k) = if upper { (0.5 * (u - 1.0), 1.0) } else { (u, 0.0) };
                let tail = ln_1p_reduced(f, k);
                let above = if x > 0.0 { x } else { 0.0 };
                let y = above + if u < $t::EPSILON { u } else { tail };
                if x == x { y } else { x }
            }
        }
    };
}

elementary! {
    single, f32, u32, i32,
    mantissa: 23, bias: 127, magic: 12_582_912.0, // 1.5 * 2^23
    exp_high: 89.0, exp_low: -104.0, ln2_high: 0.693_145_75, ln2_low: 1.428_606_8e-6,
    exp: [1.0 / 5_040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5],
    ln: [2.0 / 11.0, 2.0 / 9.0, 2.0 / 7.0, 2.0 / 5.0, 2.0 / 3.0]
}

elementary! {
    double, f64, u64, i64,
    mantissa: 52, bias: 1023, magic: 6_755_399_441_055_744.0, // 1.5 * 2^52
    exp_high: 710.0, exp_low: -746.0,
    ln2_high: 6.931_471_803_691_238e-1, ln2_low: 1.908_214_929_270_587_7e-10,
    exp: [
        1.0 / 6_227_020_800.0, 1.0 / 479_001_600.0, 1.0 / 39_916_800.0, 1.0 / 3_628_800.0, 1.0 / 362_880.0,
        1.0 / 40_320.0, 1.0 / 5_040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5
    ],
    ln: [
        2.0 / 23.0, 2.0 / 21.0, 2.0 / 19.0, 2.0 / 17.0, 2.0 / 15.0, 2.0 / 13.0, 2.0 / 11.0, 2.0 / 9.0, 2.0 / 7.0,
        2.0 / 5.0, 2.0 / 3.0
    ]
}

#[cfg(test)]
mod tests;
