//! The functions with their first two derivatives, in arithmetic of 192 bits and more.

use astro_float::{BigFloat, Consts, RoundingMode, Sign};

const ROUNDING: RoundingMode = RoundingMode::ToEven;

/// f, f', f''
type Jet = [BigFloat; 3];

/// Arithmetic of a number of bits.
pub(super) struct Reference {
    bits: usize,
    constants: Consts,
}

impl Reference {
    pub(super) fn new() -> Self {
        Self {
            bits: 192,
            constants: Consts::new().unwrap(),
        }
    }

    fn number(&self, x: f64) -> BigFloat {
        // Its conversion of a subnormal number is off.
        let power = if x.is_subnormal() {
            2f64.powi(200)
        } else {
            1.0
        };
        let scaled = BigFloat::from_f64(x * power, self.bits);
        self.div(&scaled, &BigFloat::from_f64(power, self.bits))
    }
    fn add(&self, a: &BigFloat, b: &BigFloat) -> BigFloat {
        a.add(b, self.bits, ROUNDING)
    }
    fn sub(&self, a: &BigFloat, b: &BigFloat) -> BigFloat {
        a.sub(b, self.bits, ROUNDING)
    }
    fn mul(&self, a: &BigFloat, b: &BigFloat) -> BigFloat {
        a.mul(b, self.bits, ROUNDING)
    }
    fn div(&self, a: &BigFloat, b: &BigFloat) -> BigFloat {
        a.div(b, self.bits, ROUNDING)
    }
    /// e^x; below -1e5 as at -1e5, far below the smallest f64.
    fn exp(&mut self, x: &BigFloat) -> BigFloat {
        let least = self.number(-1e5);
        let x = if *x < least { &least } else { x };
        x.exp(self.bits, ROUNDING, &mut self.constants)
    }
    fn ln(&mut self, x: &BigFloat) -> BigFloat {
        x.ln(self.bits, ROUNDING, &mut self.constants)
    }

    /// phi(a) and Phi(-a) for a >= 0, which is near `at`.
    fn normal(&mut self, a: &BigFloat, at: f64) -> (BigFloat, BigFloat) {
        let kept = self.bits;
        // 1/2 less a sum that is as near to it as Phi is to 0.
        self.bits += (0.75 * at * at) as usize;
        let (one, two) = (self.number(1.0), self.number(2.0));
        let square = self.mul(a, a);
        let gaussian = self.exp(&self.div(&square, &two).neg());
        let pi = self.constants.pi(self.bits, ROUNDING);
        let root = self.mul(&pi, &two).sqrt(self.bits, ROUNDING);
        let density = self.div(&gaussian, &root);
        // Phi(a) - 1/2 = phi(a) (a + a^3 / 3 + a^5 / (3 5) + ...)
        let (mut term, mut sum, mut n) = (a.clone(), a.clone(), 1.0);
        if at > 0.0 {
            let bits = self.bits as i32;
            while term.exponent() > sum.exponent().map(|exponent| exponent - bits) {
                n += 2.0;
                term = self.div(&self.mul(&term, &square), &self.number(n));
                sum = self.add(&sum, &term);
            }
        }
        let half = self.div(&one, &two);
        let tail = self.sub(&half, &self.mul(&density, &sum));
        self.bits = kept;
        (density, tail)
    }

    /// The function of that name and its derivatives at x, with the bits that cancellation near 0 needs.
    pub(super) fn jet(&mut self, name: &str, at: f64) -> Jet {
        let tiny = (-at.abs().log2()).clamp(0.0, 1_088.0);
        self.bits = 192 + 64 * (tiny as usize / 64);
        let numbers = [-1.0, 0.0, 1.0, 2.0].map(|x| self.number(x));
        let [minus_one, zero, one, two] = &numbers;
        let x = self.number(at);
        let nan = || {
            [
                BigFloat::nan(None),
                BigFloat::nan(None),
                BigFloat::nan(None),
            ]
        };
        let positive = at > 0.0;
        let linear = |slope: &BigFloat| [self.mul(&x, slope), slope.clone(), zero.clone()];
        match name {
            "identity" => return linear(one),
            "relu" if positive => return linear(one),
            "relu" => return [0; 3].map(|_| zero.clone()),
            "leaky-relu" if positive => return linear(one),
            "leaky-relu" => return linear(&self.number(0.01)),
            "abs" if at == 0.0 => return linear(zero),
            "abs" => return linear(if positive { one } else { minus_one }),
            "shift" => {
                return [self.add(&x, &self.number(0.75)), one.clone(), zero.clone()];
            }
            "square" => return [self.mul(&x, &x), self.add(&x, &x), two.clone()],
            "recip" | "sqrt" | "ln" if at == 0.0 || at.is_infinite() => {
                return at_the_end(name, at);
            }
            "recip" => {
                let y = self.div(one, &x);
                let square = self.mul(&y, &y);
                let second = self.mul(two, &self.mul(&square, &y));
                return [y, square.neg(), second];
            }
            "sqrt" | "ln" if at < 0.0 => return nan(),
            "sqrt" => {
                let y = x.sqrt(self.bits, ROUNDING);
                let slope = self.div(one, &self.add(&y, &y));
                let second = self.div(&slope, &self.add(&x, &x)).neg();
                return [y, slope, second];
            }
            "ln" => {
                let slope = self.div(one, &x);
                let second = self.mul(&slope, &slope).neg();
                return [self.ln(&x), slope, second];
            }
            "sin" | "cos" if at.is_infinite() => return nan(),
            "sin" | "cos" => {
                let bits = self.bits + 1_024;
                let sin = x.sin(bits, ROUNDING, &mut self.constants);
                let cos = x.cos(bits, ROUNDING, &mut self.constants);
                return if name == "sin" {
                    [sin.clone(), cos, sin.neg()]
                } else {
                    [cos.clone(), sin.neg(), cos.neg()]
                };
            }
            "exp" if at > 1e5 => return [0; 3].map(|_| BigFloat::from_f64(f64::INFINITY, 64)),
            "exp" => {
                let y = self.exp(&x);
                return [y.clone(), y.clone(), y];
            }
            _ => {}
        }
        let magnitude = x.abs();
        let e = match name {
            "tanh" => self.exp(&self.add(&magnitude, &magnitude).neg()),
            _ => self.exp(&magnitude.neg()),
        };
        let sum = self.add(one, &e);
        // tanh(x / 2), or of x for tanh; s and its slope.
        let odd = self.div(&self.sub(one, &e), &sum);
        let signed = if positive { odd.clone() } else { odd.neg() };
        let s = self.div(if positive { one } else { &e }, &sum);
        let slope = self.div(&e, &self.mul(&sum, &sum));
        match name {
            "tanh" => {
                let slope = self.mul(&slope, &self.number(4.0));
                let second = self.mul(&self.mul(&signed, &slope), two).neg();
                [signed, slope, second]
            }
            "sigmoid" => {
                let second = self.mul(&slope, &signed).neg();
                [s, slope, second]
            }
            "softplus" => {
                // ln(1 + e), of which 1 + e would lose a small e.
                let small = at.abs() > 70.0;
                let tail = if small {
                    self.sub(&e, &self.div(&self.mul(&e, &e), two))
                } else {
                    self.ln(&sum)
                };
                let y = if positive { self.add(&x, &tail) } else { tail };
                [y, s, slope]
            }
            "elu" if positive => linear_jet(&x, one, zero),
            "elu" => [self.sub(&e, one), e.clone(), e],
            "silu" if at.is_infinite() => limits(positive),
            "silu" => {
                let inner = if positive {
                    self.mul(&magnitude, &e)
                } else {
                    x.clone()
                };
                let inner = self.add(&inner, &sum);
                let first = self.div(&self.mul(&s, &inner), &sum);
                let second = self.sub(two, &self.mul(&magnitude, &odd));
                [self.mul(&x, &s), first, self.mul(&slope, &second)]
            }
            "gelu" if at > 60.0 => linear_jet(&x, one, zero),
            "gelu" if at < -60.0 => limits(positive),
            "gelu" => {
                let (density, tail) = self.normal(&magnitude, at.abs());
                let phi = if positive { self.sub(one, &tail) } else { tail };
                let first = self.add(&phi, &self.mul(&x, &density));
                let second = self.mul(&density, &self.sub(two, &self.mul(&x, &x)));
                [self.mul(&x, &phi), first, second]
            }
            other => panic!("no reference for {other}"),
        }
    }
}

fn linear_jet(y: &BigFloat, slope: &BigFloat, second: &BigFloat) -> Jet {
    [y.clone(), slope.clone(), second.clone()]
}

/// silu and gelu at the infinities.
fn limits(positive: bool) -> Jet {
    let numbers = if positive {
        [f64::INFINITY, 1.0, 0.0]
    } else {
        [0.0; 3]
    };
    numbers.map(|x| BigFloat::from_f64(x, 64))
}

/// Where a quotient of big numbers is none.
fn at_the_end(name: &str, at: f64) -> Jet {
    let infinity = f64::INFINITY;
    let numbers = match (name, at == 0.0, at > 0.0) {
        ("recip", true, _) => {
            let y = infinity.copysign(at);
            [y, -infinity, y]
        }
        ("recip", ..) => [0.0; 3],
        ("ln", true, _) => [-infinity, infinity, -infinity],
        ("sqrt", true, _) => [0.0, infinity, -infinity],
        (.., true) => [infinity, 0.0, 0.0],
        _ => [f64::NAN; 3],
    };
    numbers.map(|x| BigFloat::from_f64(x, 64))
}

/// |got - expected| in units in the last place of the f64 nearest to `expected`, or to a larger `terms`. Beyond the largest
/// number there is one more step, to infinity.
pub(super) fn ulps(got: f64, expected: &BigFloat, terms: f64) -> f64 {
    if got.is_nan() || expected.is_nan() {
        return if got.is_nan() && expected.is_nan() {
            0.0
        } else {
            f64::INFINITY
        };
    }
    let beyond = 1_025;
    // sign 0.m 2^exponent
    let (sign, exponent, mantissa) = if expected.is_inf() {
        let sign = expected.is_positive();
        (sign, beyond, 1_u64 << 63)
    } else if expected.is_zero() {
        (true, -2_000, 0)
    } else {
        let (words, _, sign, exponent, _) = expected.as_raw_parts().unwrap();
        let positive = sign == Sign::Pos;
        if exponent >= beyond {
            (positive, beyond, 1 << 63)
        } else {
            (positive, exponent, words[words.len() - 1])
        }
    };
    let own = exponent.min(1_024);
    let of_terms = if terms > 0.0 {
        terms.log2().floor() as i32 + 1
    } else {
        own
    };
    let unit = (own.max(of_terms) - 53).max(-1_074);
    let scale = |x: f64, power: i32| {
        let half = power / 2;
        x * 2f64.powi(half) * 2f64.powi(power - half)
    };
    // At infinity, one step beyond the largest number.
    let got = if got.is_infinite() {
        scale(1.0, 1_024 - unit).copysign(got)
    } else {
        scale(got, -unit)
    };
    // The word has 64 bits: its whole units and the rest apart, each exact enough.
    let shift = 64 - (exponent - unit);
    let (whole, rest) = match shift {
        64.. => (0.0, scale(mantissa as f64, -shift.min(2_000))),
        0 => (mantissa as f64, 0.0),
        _ => {
            let whole = mantissa >> shift;
            let rest = mantissa - (whole << shift);
            (whole as f64, scale(rest as f64, -shift))
        }
    };
    let sign = if sign { 1.0 } else { -1.0 };
    ((got - sign * whole) - sign * rest).abs()
}
