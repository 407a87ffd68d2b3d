//! How a claim came out, and what a verdict needs: counts where counts can judge, else enough measured times with their spread.
//!
//! A time stands here with its quartiles, `[lower, median, upper]`. A number that was computed from times lies between bounds that
//! follow from these quartiles; a verdict on it is certain where the bounds lie in a range or none of them can.

use std::fmt;

/// How a claim came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The measurement agrees.
    Held,
    /// It agrees under a condition that the measurement names.
    InPart,
    /// It disagrees.
    Failed,
    /// It is about time, and there are too few points, or they lie too near the edge for their spread.
    Inconclusive,
    /// Nothing was measured that could tell.
    Open,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Held => "held",
            Self::InPart => "held in part",
            Self::Failed => "did not hold",
            Self::Inconclusive => "inconclusive",
            Self::Open => "not measured",
        })
    }
}

impl Verdict {
    /// Of a claim that was decided, as one by counts is.
    ///
    /// ```
    /// use pushpull_bench::verdict::Verdict;
    /// assert_eq!([Verdict::of(2 < 3), Verdict::of(3 < 2)], [Verdict::Held, Verdict::Failed]);
    /// ```
    pub const fn of(held: bool) -> Self {
        if held { Self::Held } else { Self::Failed }
    }

    /// A verdict of counts beside that of times on the same claim. Counts judge; a claim that they confirm holds in part where
    /// times certainly contradict it.
    ///
    /// ```
    /// use pushpull_bench::verdict::Verdict::{Failed, Held, InPart, Inconclusive};
    /// assert_eq!([Held.beside(Held), Held.beside(Inconclusive), Held.beside(Failed)], [Held, Held, InPart]);
    /// assert_eq!(Failed.beside(Held), Failed);
    /// ```
    #[must_use]
    pub const fn beside(self, times: Self) -> Self {
        match (self, times) {
            (Self::Held, Self::Failed) => Self::InPart,
            (counts, _) => counts,
        }
    }
}

/// Points that a verdict on time needs, at least.
pub const POINTS: usize = 5;

/// Whether a number between bounds lies in a range: `None` where the bounds do not say.
fn certain(range: (f64, f64), [low, _, high]: [f64; 3]) -> Option<bool> {
    match (low, high) {
        (low, high) if low >= range.0 && high <= range.1 => Some(true),
        (low, high) if high < range.0 || low > range.1 => Some(false),
        _ => None,
    }
}

/// A claim that each of some measured numbers, with its quartiles, lies in a range: certain where all of them do or none can.
///
/// ```
/// use pushpull_bench::verdict::{Verdict, within};
/// assert_eq!(within((3.0, 4.0), &[[3.1, 3.2, 3.3]; 5]), Verdict::Held);
/// assert_eq!(within((3.0, 4.0), &[[3.1, 3.2, 3.3]; 4]), Verdict::Inconclusive);
/// ```
pub fn within(range: (f64, f64), points: &[[f64; 3]]) -> Verdict {
    let judged: Option<Vec<bool>> = points.iter().map(|&point| certain(range, point)).collect();
    match judged {
        Some(judged) if judged.len() >= POINTS => {
            match judged.iter().filter(|inside| **inside).count() {
                0 => Verdict::Failed,
                inside if inside == judged.len() => Verdict::Held,
                _ => Verdict::InPart,
            }
        }
        _ => Verdict::Inconclusive,
    }
}

/// How a time grows with x: the exponent of the power law through some points, by least squares in the logarithms, between the
/// least and the largest that times between the quartiles allow.
///
/// With `u = ln x`, `u0` its mean and `y` the times, the exponent is `sum s ln y` with `s = (u - u0) / sum (u - u0)^2`: linear in
/// every `ln y`, so its bounds lie at quartiles, the lower or the upper one by the sign of s.
#[derive(Clone, Debug, PartialEq)]
pub struct Exponent {
    /// The least, that of the medians, and the largest.
    pub bounds: [f64; 3],
    /// The number of points.
    pub points: usize,
}

impl Exponent {
    /// Of times with their quartiles at every x. `None` for fewer than two different x, or a number without a finite logarithm.
    ///
    /// ```
    /// use pushpull_bench::verdict::{Exponent, Verdict};
    /// let linear = [1.0, 2.0, 4.0, 8.0, 16.0].map(|x| (x, [0.99 * x, x, 1.01 * x]));
    /// let growth = Exponent::of(&linear).unwrap();
    /// assert!((growth.bounds[1] - 1.0).abs() < 1e-12);
    /// assert_eq!(growth.within((0.9, 1.1)), Verdict::Held);
    /// ```
    pub fn of(points: &[(f64, [f64; 3])]) -> Option<Self> {
        let n = points.len() as f64;
        let mean = points.iter().map(|(x, _)| x.ln()).sum::<f64>() / n;
        let square: f64 = points.iter().map(|(x, _)| (x.ln() - mean).powi(2)).sum();
        let mut bounds = [0.0; 3];
        for (x, times) in points {
            let share = (x.ln() - mean) / square;
            let [mut low, middle, mut high] = times.map(|time| share * time.ln());
            if share < 0.0 {
                (low, high) = (high, low);
            }
            for (sum, term) in bounds.iter_mut().zip([low, middle, high]) {
                *sum += term;
            }
        }
        // Equal x leave a square of 0, or of rounding alone.
        let distinct = points.iter().any(|(x, _)| *x != points[0].0);
        let known = distinct && bounds.iter().all(|bound| bound.is_finite());
        known.then_some(Self {
            bounds,
            points: points.len(),
        })
    }

    /// A claim that the exponent lies in a range.
    pub fn within(&self, range: (f64, f64)) -> Verdict {
        match certain(range, self.bounds) {
            Some(inside) if self.points >= POINTS => Verdict::of(inside),
            _ => Verdict::Inconclusive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::PowerLaw;

    #[test]
    fn a_verdict_on_time_needs_points_and_certainty() {
        let at = |low: f64, high: f64| [low, (low + high) / 2.0, high];
        let few = [at(3.1, 3.2); 4];
        assert_eq!(within((3.0, 4.0), &few), Verdict::Inconclusive);
        assert_eq!(within((3.0, 4.0), &[]), Verdict::Inconclusive);
        assert_eq!(within((3.0, 4.0), &[at(3.1, 3.2); 5]), Verdict::Held);
        assert_eq!(within((3.0, 4.0), &[at(1.9, 2.2); 5]), Verdict::Failed);
        let edge = [[at(1.9, 2.2); 4].as_slice(), &[at(2.9, 3.1)]].concat();
        assert_eq!(within((3.0, 4.0), &edge), Verdict::Inconclusive);
        let part = [[at(1.9, 2.2); 4].as_slice(), &[at(3.1, 3.2)]].concat();
        assert_eq!(within((3.0, 4.0), &part), Verdict::InPart);
        assert_eq!(
            within((3.0, 4.0), &[[f64::NAN; 3]; 5]),
            Verdict::Inconclusive
        );
    }

    /// Times that grow with x to a power, with quartiles at so large a share below and above.
    fn times(power: f64, spread: f64, points: i32) -> Vec<(f64, [f64; 3])> {
        let at = |k| {
            let x = 4_f64.powi(k + 3);
            let time = 1e-7 * x.powf(power);
            (x, [time / (1.0 + spread), time, time * (1.0 + spread)])
        };
        (0..points).map(at).collect()
    }

    #[test]
    fn a_slope_is_judged_by_its_bounds() {
        let judge = |power, spread, points| {
            let growth = Exponent::of(&times(power, spread, points)).unwrap();
            growth.within((0.85, 1.15))
        };
        assert_eq!(judge(1.05, 0.02, 6), Verdict::Held);
        assert_eq!(judge(1.5, 0.02, 6), Verdict::Failed);
        assert_eq!(judge(0.5, 0.02, 6), Verdict::Failed);
        // The bounds reach over an edge of the range: from inside, from outside.
        assert_eq!(judge(1.1, 0.3, 6), Verdict::Inconclusive);
        assert_eq!(judge(1.2, 0.3, 6), Verdict::Inconclusive);
        // Too few points, however exact.
        assert_eq!(judge(1.0, 0.0, 4), Verdict::Inconclusive);
        assert_eq!(judge(2.0, 0.0, 4), Verdict::Inconclusive);
        assert_eq!(judge(1.0, 0.0, 5), Verdict::Held);
    }

    #[test]
    fn a_slope_between_bounds_is_that_of_the_fitted_power_law() {
        let noisy: Vec<(f64, [f64; 3])> = times(0.9, 0.1, 6)
            .into_iter()
            .enumerate()
            .map(|(k, (x, times))| (x, times.map(|time| time * (1.0 + 0.05 * (k as f64).sin()))))
            .collect();
        let growth = Exponent::of(&noisy).unwrap();
        let (x, y): (Vec<f64>, Vec<f64>) = noisy.iter().map(|(x, times)| (*x, times[1])).unzip();
        let law = PowerLaw::fit(&x, &y).unwrap();
        assert!((growth.bounds[1] - law.slope).abs() < 1e-12);
        // The bounds are those of every choice of quartiles: all 64 are tried.
        let mut bounds = (f64::INFINITY, f64::NEG_INFINITY);
        for choice in 0..64_usize {
            let picked = noisy.iter().enumerate();
            let y: Vec<f64> = picked
                .map(|(k, (_, times))| times[if choice >> k & 1 == 1 { 2 } else { 0 }])
                .collect();
            let slope = PowerLaw::fit(&x, &y).unwrap().slope;
            bounds = (bounds.0.min(slope), bounds.1.max(slope));
        }
        let [low, _, high] = growth.bounds;
        assert!((low - bounds.0).abs() < 1e-12 && (high - bounds.1).abs() < 1e-12);
    }

    #[test]
    fn what_has_no_slope_has_no_bounds() {
        assert_eq!(Exponent::of(&[]), None);
        assert_eq!(Exponent::of(&[(2.0, [1.0; 3])]), None);
        assert_eq!(Exponent::of(&[(2.0, [1.0; 3]), (2.0, [3.0; 3])]), None);
        assert_eq!(Exponent::of(&[(2.0, [0.0; 3]), (4.0, [1.0; 3])]), None);
        assert_eq!(Exponent::of(&[(2.0, [1.0; 3]), (4.0, [f64::NAN; 3])]), None);
    }
}
