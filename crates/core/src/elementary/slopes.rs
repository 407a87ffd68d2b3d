//! The functions that networks are made of, each with its slope.
//!
//! A slope taken from the rounded value is worth nothing where the function saturates: next to 1, `1 - y^2` keeps as many
//! digits as y has left. The exponential that makes the value makes the slope as well, so both are computed at once.
//!
//! Where a result is a small exponential times something, the power of two comes last: nothing is rounded to a subnormal
//! number and scaled up again.

macro_rules! slopes {
    ($t:ident, $int:ident, bias: $bias:expr, vanished: $vanished:expr, end: $end:expr) => {
        /// e^-VANISHED is far below the smallest number, also times VANISHED.
        const VANISHED: $t = $vanished;
        /// The largest a whose `e^(-a^2)` has two normal factors; it vanishes, also times what an erfc's slope is.
        const GAUSSIAN_END: $t = $end * 1.15;
        /// Where Phi has vanished: within what `scaled_erfc` is made for.
        const NORMAL_END: $t = $end * 1.4;
        /// 1 / sqrt(2 pi)
        const NORMAL: $t = 0.5 * std::$t::consts::FRAC_1_SQRT_2 * std::$t::consts::FRAC_2_SQRT_PI;

        /// At most `most` from 0; NaN stays.
        #[inline(always)]
        fn within(x: $t, most: $t) -> $t {
            let x = if x > most { most } else { x };
            if x < -most { -most } else { x }
        }

        #[inline(always)]
        pub(crate) fn tanh(x: $t) -> $t {
            tanh_and_slope(x).0
        }

        /// tanh x, and `1 - tanh^2 x = e (1 + abs(tanh x))^2`, `e = e^(-2 abs(x))`.
        #[inline(always)]
        pub(crate) fn tanh_and_slope(x: $t) -> ($t, $t) {
            let twice = -2.0 * x.abs();
            let (n, m) = reduce(if twice < -VANISHED { -VANISHED } else { twice });
            // e in two factors, of which t needs the first alone: below it nothing of m's last places is left.
            let low = if n < -($bias / 2) { -($bias / 2) } else { n };
            let half = power_of_two(low - 1);
            let product = half * m;
            // t / 2, for t / (t + 2)
            let t = product + (half - 0.5);
            let y = (-t / (t + 1.0)).copysign(x);
            let sum = 1.0 + y.abs();
            let slope = (product + half) * (sum * (sum + sum)) * power_of_two(n - low);
            (y, slope)
        }

        #[inline(always)]
        pub(crate) fn sigmoid(x: $t) -> $t {
            sigmoid_and_slope(x).0
        }

        /// s = sigmoid(x), and `s (1 - s)`: above 1/2 the second factor is `s e^-x`.
        #[inline(always)]
        pub(crate) fn sigmoid_and_slope(x: $t) -> ($t, $t) {
            let e = exp(-x.abs());
            let positive = x >= 0.0;
            let numerator = if positive { 1.0 } else { e };
            let y = numerator / (1.0 + e);
            (y, y * if positive { e * y } else { 1.0 - y })
        }

        #[inline(always)]
        pub(crate) fn softplus(x: $t) -> $t {
            softplus_and_slope(x).0
        }

        /// ln(1 + e^x) and sigmoid(x).
        #[inline(always)]
        pub(crate) fn softplus_and_slope(x: $t) -> ($t, $t) {
            // ln(1 + u) for u in [0, 1]; (u - 1) / 2 is exact where it is taken.
            let u = exp(-x.abs());
            let upper = u > std::$t::consts::SQRT_2 - 1.0;
            let (f, k) = if upper {
                (0.5 * (u - 1.0), 1.0)
            } else {
                (u, 0.0)
            };
            let tail = ln_1p_reduced(f, k, 0.0);
            let above = if x > 0.0 { x } else { 0.0 };
            let y = above + if u < $t::EPSILON { u } else { tail };
            let numerator = if x >= 0.0 { 1.0 } else { u };
            (if x == x { y } else { x }, numerator / (1.0 + u))
        }

        /// x and 1 for positive x, else `alpha (e^x - 1)` and `alpha e^x`.
        #[inline(always)]
        pub(crate) fn elu_and_slope(x: $t, alpha: $t) -> ($t, $t) {
            let positive = x > 0.0;
            let near = if positive { 0.0 } else { x };
            let (n, m) = reduce(if near < -VANISHED { -VANISHED } else { near });
            let below = minus_one(n, m);
            let below = alpha
                * if x.abs() < $t::EPSILON * 0.25 {
                    x
                } else {
                    below
                };
            let half = n >> 1;
            let slope = ((1.0 + m) * power_of_two(half)) * alpha * power_of_two(n - half);
            (
                if positive { x } else { below },
                if positive { 1.0 } else { slope },
            )
        }

        /// `x s` and `s (1 + x (1 - s))`, s = sigmoid(x), with `e = e^-abs(x)`: `x / (1 + e)` and
        /// `(1 + x e + e) / (1 + e)^2` for positive x, else `x e / (1 + e)` and `e (1 + x + e) / (1 + e)^2`.
        #[inline(always)]
        pub(crate) fn silu_and_slope(x: $t) -> ($t, $t) {
            let near = within(x, VANISHED);
            let (n, m) = reduce(-near.abs());
            let e = scale(1.0 + m, n);
            let sum = 1.0 + e;
            let positive = x >= 0.0;
            let (factor, n) = if positive { (1.0, 0) } else { (1.0 + m, n) };
            let (x, inner) = if positive {
                (x, near * e)
            } else {
                (near, near)
            };
            let value = scale(x * factor / sum, n);
            (value, scale(factor * ((1.0 + inner) + e) / (sum * sum), n))
        }

        /// `x Phi(x)` and `Phi(x) + x phi(x)`. Beyond `1 / sqrt(2)`, `Phi(-a) = e^(-a^2 / 2) E / 2` with
        /// `E = e^(a^2 / 2) erfc(a / sqrt(2))`, so that the exponential is a factor of the whole tail.
        #[inline(always)]
        pub(crate) fn gelu_and_slope(x: $t) -> ($t, $t) {
            let within_end = within(x, NORMAL_END);
            let a = within_end.abs();
            let z = std::$t::consts::FRAC_1_SQRT_2 * a;
            let (n, m) = reduce_square(a, 0.5);
            let near = z <= 0.5;
            let tail = !near && x < 0.0;
            let half = 0.5 * scaled_erfc(z);
            // Phi(x), or what the exponential is yet to be multiplied with.
            let own = half * (1.0 + m);
            let near_phi = 0.5 + 0.5 * erf_near(z).copysign(x);
            let far_phi = if tail { own } else { 1.0 - scale(own, n) };
            let phi = if near { near_phi } else { far_phi };
            let value = scale(
                (if tail { within_end } else { x }) * phi,
                if tail { n } else { 0 },
            );
            let density = scale((1.0 + m) * (NORMAL * a), n);
            let difference = scale((1.0 + m) * (NORMAL * a - half), n);
            let near_slope = near_phi + density.copysign(x);
            let far_slope = if tail { -difference } else { 1.0 + difference };
            (value, if near { near_slope } else { far_slope })
        }

        /// `factor e^(-x^2)`.
        #[inline(always)]
        pub(crate) fn gaussian_times(x: $t, factor: $t) -> $t {
            let (n, m) = reduce_square(within(x, GAUSSIAN_END).abs(), 1.0);
            scale(factor * (1.0 + m), n)
        }
    };
}
