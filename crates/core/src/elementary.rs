//! Elementary functions without a branch or a call, so that a loop over them becomes vector code.
//!
//! Every function is written with additions and multiplications alone (no fused ones), so it gives the same bits on
//! every machine and at every vector width. Largest errors, over all finite arguments, tested in `elementary/tests.rs`
//! against f64 (for f32) and against arithmetic of 192 bits and more (for f64), in units in the last place of the result:
//!
//! | function | f32 | f64 | method |
//! |---|---|---|---|
//! | `exp` | 1.1 | 1.1 | `2^n e^r`, \|r\| <= ln 2 / 2, Taylor polynomial |
//! | `exp_m1` | 1.8 | 1.8 | `2^n (e^r - 1) + (2^n - 1)` |
//! | `ln` | 1.0 | 1.0 | `k ln 2 + ln(1 + f)`, `ln(1 + f)` by the series in `s = f / (2 + f)` |
//! | `tanh` | 2.6 | 2.6 | `-t / (t + 2)`, `t = e^(-2\|x\|) - 1` |
//! | `sigmoid` | 2.6 | 2.6 | `1 / (1 + e^-x)` or `e^x / (1 + e^x)` |
//! | `softplus` | 1.9 | 1.9 | `max(x, 0) + ln(1 + e^-\|x\|)` |
//! | `ln_1p` | 1.3 | 1.3 | as `ln` of `1 + x`, with what the sum lost put back |
//! | `erf` | 2.3 | 2.0 | `x P(x^2)` up to 1/2, then `1 - erfc` |
//! | `erfc` | 4.0 | 4.0 | `1 - x P(x^2)` up to 1/2, then `e^(-x^2) Q((x - c) / (x + c)) / (1 + 2x)` |
//! | `gaussian_times` | 1.6 | 1.6 | `factor e^(-h^2) e^(-(x - h) (x + h))`, h the upper half of x's digits |
//!
//! P and Q are Chebyshev interpolants made for this file; the shape of Q is Shepherd and Laframboise's (Mathematics of
//! Computation 36, 1981).
//!
//! The functions that come with their slopes are in `elementary/slopes.rs`, and their errors in the documentation of
//! [`crate::blocks::Map`].
//!
//! At +-0, +-infinity, NaN and in the subnormal range they give what IEEE 754 recommends.

#[macro_use]
mod slopes;

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
        exp_high: $exp_high:expr, exp_low: $exp_low:expr, vanished: $vanished:expr, ln2_high: $ln2_high:expr, ln2_low: $ln2_low:expr,
        exp_even: [$($exp_even:expr),*], exp_odd: [$($exp_odd:expr),*], ln: [$($ln:expr),*],
        erf: [$($erf:expr),*], erfc: [$($erfc:expr),*], erfc_centre: $centre:expr, erfc_end: $end:expr, half: $half:expr
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
                // Two chains, which run beside each other: the sum of one is as long as two of these.
                let square = r * r;
                let even = horner!(square; $($exp_even),*);
                (n, r + square * (even + r * horner!(square; $($exp_odd),*)))
            }

            /// `y 2^n` for a y of moderate size, rounded once: two factors, so that neither over- or underflows where the
            /// result does not.
            #[inline(always)]
            fn scale(y: $t, n: $int) -> $t {
                let half = n >> 1;
                y * power_of_two(half) * power_of_two(n - half)
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
                scale(1.0 + m, n)
            }

            /// e^x - 1, of what [`reduce`] makes of x.
            #[inline(always)]
            fn minus_one(n: $int, m: $t) -> $t {
                // Below -1 in the exponent nothing of m's last places is left, and 2^n needs no subnormals.
                let n = if n < -($mantissa + 4) { -($mantissa + 4) } else { n };
                let half = power_of_two(n - 1);
                (half * m + (half - 0.5)) * 2.0
            }

            #[inline(always)]
            pub(crate) fn exp_m1(x: $t) -> $t {
                let (n, m) = reduce(clamp(x));
                let y = minus_one(n, m);
                // Keeps the sign of a zero, and subnormal arguments exact.
                if x.abs() < $t::EPSILON * 0.25 { x } else { y }
            }

            /// ln(1 + f) + k ln 2 + low: s^2 times the rest of the series of ln(1 + f) = 2 s + 2 s^3 / 3 + ...,
            /// s = f / (2 + f).
            #[inline(always)]
            fn ln_1p_reduced(f: $t, k: $t, low: $t) -> $t {
                let s = f / (2.0 + f);
                let square = s * s;
                let rest = square * horner!(square; $($ln),*);
                let half = 0.5 * f * f;
                k * LN2_HIGH - ((half - (s * (half + rest) + (k * LN2_LOW + low))) - f)
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
                let y = ln_1p_reduced(f, k, 0.0);
                let y = if x == 0.0 { -$t::INFINITY } else { y };
                let y = if x < 0.0 { $t::NAN } else { y };
                if x < $t::INFINITY { y } else { x }
            }

            #[inline(always)]
            pub(crate) fn ln_1p(x: $t) -> $t {
                let sum = 1.0 + x;
                // As `ln`: the exponent of the number whose significand is in [sqrt(1/2), sqrt(2)).
                let bits = sum.to_bits() as $int;
                let offset = bits.wrapping_sub(std::$t::consts::FRAC_1_SQRT_2.to_bits() as $int);
                let k = offset >> $mantissa;
                let f = $t::from_bits(bits.wrapping_sub(k << $mantissa) as $bits) - 1.0;
                // What rounding the sum lost; nothing is lost where x itself is the reduced argument.
                let lost = if x < 1.0 { x - (sum - 1.0) } else { 1.0 - (sum - x) };
                let near = k == 0;
                let f = if near { x } else { f };
                let low = if near { 0.0 } else { lost / sum };
                let y = ln_1p_reduced(f, k as $t, low);
                let y = if x.abs() < $t::EPSILON * 0.25 { x } else { y };
                let y = if x == -1.0 { -$t::INFINITY } else { y };
                let y = if x < -1.0 { $t::NAN } else { y };
                if x < $t::INFINITY { y } else { x }
            }

            /// erf(x) for |x| <= 1/2.
            #[inline(always)]
            fn erf_near(x: $t) -> $t {
                x * horner!(x * x; $($erf),*)
            }

            /// `e^(x^2) erfc(x)` for an x from 1/2 to the end of erfc.
            #[inline(always)]
            fn scaled_erfc(x: $t) -> $t {
                horner!((x - $centre) / (x + $centre); $($erfc),*) / (1.0 + 2.0 * x)
            }

            /// `e^(-factor x^2)` as (n, m) of [`reduce`], for a power of two as the factor.
            #[inline(always)]
            fn reduce_square(x: $t, factor: $t) -> ($int, $t) {
                // x^2 in two parts, exactly: the rounding of the square alone would cost x^2 ulp.
                let high = $t::from_bits(x.to_bits() & !((1 << $half) - 1));
                let (square, rest) = (high * high, (x - high) * (x + high));
                let (n, m) = reduce(-(factor * square));
                let (more_n, more_m) = reduce(-(factor * rest));
                (n.wrapping_add(more_n), m + more_m + m * more_m)
            }

            /// erfc(x) for x >= 1/2.
            #[inline(always)]
            fn erfc_far(x: $t) -> $t {
                let x = if x > $end { $end } else { x };
                let (n, m) = reduce_square(x, 1.0);
                scale(scaled_erfc(x) * (1.0 + m), n)
            }

            #[inline(always)]
            pub(crate) fn erf(x: $t) -> $t {
                let far = (1.0 - erfc_far(x.abs())).copysign(x);
                if x.abs() > 0.5 { far } else { erf_near(x) }
            }

            #[inline(always)]
            pub(crate) fn erfc(x: $t) -> $t {
                let tail = erfc_far(x.abs());
                let far = if x < 0.0 { 2.0 - tail } else { tail };
                if x.abs() > 0.5 { far } else { 1.0 - erf_near(x) }
            }

            slopes! { $t, $int, bias: $bias, vanished: $vanished, end: $end }
        }
    };
}

elementary! {
    single, f32, u32, i32,
    mantissa: 23, bias: 127, magic: 12_582_912.0, // 1.5 * 2^23
    exp_high: 89.0, exp_low: -104.0, vanished: 120.0, ln2_high: 0.693_145_75, ln2_low: 1.428_606_8e-6,
    exp_even: [1.0 / 720.0, 1.0 / 24.0, 0.5], exp_odd: [1.0 / 5_040.0, 1.0 / 120.0, 1.0 / 6.0],
    ln: [2.0 / 11.0, 2.0 / 9.0, 2.0 / 7.0, 2.0 / 5.0, 2.0 / 3.0],
    erf: [4.719_082_7e-3, -2.675_773_2e-2, 1.128_283_14e-1, -3.761_260_8e-1, std::f32::consts::FRAC_2_SQRT_PI],
    erfc: [
        2.773_814e-4, -3.362_925_5e-4, -1.522_902_9e-3, 1.233_554_3e-3, 8.742_711_5e-3, -8.028_145e-3,
        -5.422_221_5e-2, 1.640_508_6e-1, -1.660_303_3e-1, -9.276_382e-2, 1.276_978_4
    ],
    erfc_centre: 2.0, erfc_end: 11.0, half: 12
}

elementary! {
    double, f64, u64, i64,
    mantissa: 52, bias: 1023, magic: 6_755_399_441_055_744.0, // 1.5 * 2^52
    exp_high: 710.0, exp_low: -746.0, vanished: 800.0,
    ln2_high: 6.931_471_803_691_238e-1, ln2_low: 1.908_214_929_270_587_7e-10,
    exp_even: [1.0 / 479_001_600.0, 1.0 / 3_628_800.0, 1.0 / 40_320.0, 1.0 / 720.0, 1.0 / 24.0, 0.5],
    exp_odd: [
        1.0 / 6_227_020_800.0, 1.0 / 39_916_800.0, 1.0 / 362_880.0, 1.0 / 5_040.0, 1.0 / 120.0, 1.0 / 6.0
    ],
    ln: [
        2.0 / 23.0, 2.0 / 21.0, 2.0 / 19.0, 2.0 / 17.0, 2.0 / 15.0, 2.0 / 13.0, 2.0 / 11.0, 2.0 / 9.0, 2.0 / 7.0,
        2.0 / 5.0, 2.0 / 3.0
    ],
    erf: [
        -1.462_091_340_945_175e-7, 1.637_123_442_577e-6, -1.492_300_336_815_21e-5, 1.205_528_620_200_571_4e-4,
        -8.548_326_510_724_796e-4, 5.223_977_622_016_936_5e-3, -2.686_617_064_499_972e-2, 1.128_379_167_095_487e-1,
        -3.761_263_890_318_375e-1, std::f64::consts::FRAC_2_SQRT_PI
    ],
    erfc: [
        3.406_799_347_032_563_2e-9, -7.763_887_917_930_938e-9, -2.030_202_389_500_691e-8,
        4.404_797_875_133_832e-8, 1.106_799_642_674_522_1e-7, -1.464_210_882_999_557e-7,
        -6.230_702_404_690_642e-7, 3.611_132_650_581_605_3e-7, 3.475_412_346_533_558_2e-6,
        -7.336_864_260_654_99e-7, -2.010_150_870_674_583_2e-5, 4.950_173_560_521_449e-6,
        1.250_995_542_627_111_8e-4, -1.051_599_365_097_246e-4, -7.798_323_014_462_081e-4,
        1.888_690_375_555_504e-3, 2.529_391_818_824_779_4e-3, -2.377_051_491_972_935e-2,
        6.830_802_734_382_649e-2, -1.192_736_634_152_746_8e-1, 1.296_451_587_027_646_3e-1,
        -4.756_229_435_345_113e-2, -1.356_211_061_245_812e-1, 1.253_008_058_269_729_6
    ],
    erfc_centre: 3.0, erfc_end: 28.0, half: 27
}

#[cfg(test)]
mod tests;
