//! Power laws: a straight line through `(ln x, ln y)`.
//!
//! `y = exp(intercept) * x^slope`. Fitted by ordinary least squares in the logarithms, so that a point counts by its
//! relative error, whatever its size: with `u = ln x`, `v = ln y` and means `u0`, `v0`, `slope = sum (u - u0)(v - v0)
//! / sum (u - u0)^2` and `intercept = v0 - slope u0`.

/// A fitted power law `y = exp(intercept) * x^slope`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerLaw {
    /// The exponent: 1 is linear growth, 2 quadratic.
    pub slope: f64,
    /// `ln y` at `x = 1`.
    pub intercept: f64,
    /// The slope's standard error, `sqrt(residual / (n - 2) / sum (u - u0)^2)`; `None` for two points, which leave no
    /// residual.
    pub slope_error: Option<f64>,
    /// The share of the variance of `ln y` that the line explains, 0 to 1; 1 where all `y` are equal, since the line
    /// meets them all.
    pub r_squared: f64,
    /// The number of points.
    pub points: usize,
}

/// Why there is no line.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// Two lists of different length.
    #[error("power law: expected as many y as x, got {x} x and {y} y; give one y for each x")]
    Length {
        /// Number of x.
        x: usize,
        /// Number of y.
        y: usize,
    },
    /// A value without a finite logarithm.
    #[error(
        "power law: expected positive finite numbers, got {axis}[{index}] = {value}; leave the point out or measure it again"
    )]
    NotPositive {
        /// `x` or `y`.
        axis: &'static str,
        /// Its place in the list.
        index: usize,
        /// The value.
        value: f64,
    },
    /// All points above each other, or fewer than two.
    #[error("power law: expected at least 2 distinct x, got {distinct}; sweep over more sizes")]
    TooFew {
        /// Number of distinct x.
        distinct: usize,
    },
}

impl PowerLaw {
    /// Fits `y = c x^slope` to the points `(x[i], y[i])`.
    ///
    /// # Errors
    /// Lists of different length, a value that is not positive and finite, fewer than two distinct `x`.
    ///
    /// ```
    /// use pushpull_bench::fit::PowerLaw;
    /// let law = PowerLaw::fit(&[1.0, 10.0, 100.0], &[3.0, 300.0, 30_000.0])?;
    /// assert!((law.slope - 2.0).abs() < 1e-12 && (law.at(10.0) - 300.0).abs() < 1e-9);
    /// # Ok::<(), pushpull_bench::fit::FitError>(())
    /// ```
    pub fn fit(x: &[f64], y: &[f64]) -> Result<Self, FitError> {
        if x.len() != y.len() {
            return Err(FitError::Length {
                x: x.len(),
                y: y.len(),
            });
        }
        let u = logarithms("x", x)?;
        let v = logarithms("y", y)?;
        let mut sorted = u.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.dedup();
        if sorted.len() < 2 {
            return Err(FitError::TooFew {
                distinct: sorted.len(),
            });
        }
        let n = u.len() as f64;
        let (u0, v0) = (u.iter().sum::<f64>() / n, v.iter().sum::<f64>() / n);
        let product = |a: &[f64], a0: f64, b: &[f64], b0: f64| {
            a.iter()
                .zip(b)
                .map(|(a, b)| (a - a0) * (b - b0))
                .sum::<f64>()
        };
        let (uu, uv, vv) = (
            product(&u, u0, &u, u0),
            product(&u, u0, &v, v0),
            product(&v, v0, &v, v0),
        );
        let slope = uv / uu;
        let intercept = v0 - slope * u0;
        let residual = u
            .iter()
            .zip(&v)
            .map(|(u, v)| (v - v0 - slope * (u - u0)).powi(2))
            .sum::<f64>();
        // Below this the spread of ln y is rounding alone, and a share of it would be noise.
        let rounding = n * (4.0 * f64::EPSILON * v0.abs().max(1.0)).powi(2);
        Ok(Self {
            slope,
            intercept,
            slope_error: (u.len() > 2).then(|| (residual / (n - 2.0) / uu).sqrt()),
            r_squared: if vv <= rounding {
                1.0
            } else {
                (1.0 - residual / vv).clamp(0.0, 1.0)
            },
            points: u.len(),
        })
    }

    /// The law's `y` at `x`.
    pub fn at(&self, x: f64) -> f64 {
        (self.intercept + self.slope * x.ln()).exp()
    }
}

/// `slope 1.02 ± 0.01 (R² 0.998, 9 points)`, as pictures and reports print it.
impl std::fmt::Display for PowerLaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "slope {:.2}", self.slope)?;
        if let Some(error) = self.slope_error {
            write!(f, " ± {error:.2}")?;
        }
        write!(f, " (R² {:.3}, {} points)", self.r_squared, self.points)
    }
}

fn logarithms(axis: &'static str, values: &[f64]) -> Result<Vec<f64>, FitError> {
    let ln = |(index, &value): (usize, &f64)| {
        if value > 0.0 && value.is_finite() {
            Ok(value.ln())
        } else {
            Err(FitError::NotPositive { axis, index, value })
        }
    };
    values.iter().enumerate().map(ln).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_shows_in_the_error_and_matches_the_textbook() {
        // ln x = 0, 1, 2, 3 and ln y = 1, 3, 2, 5: slope 1.1, intercept 1.1, residual sum 2.7, total 8.75 by hand.
        let x: Vec<f64> = [0.0, 1.0, 2.0, 3.0].iter().map(|u: &f64| u.exp()).collect();
        let y: Vec<f64> = [1.0, 3.0, 2.0, 5.0].iter().map(|v: &f64| v.exp()).collect();
        let law = PowerLaw::fit(&x, &y).unwrap();
        assert!(
            (law.slope - 1.1).abs() < 1e-12 && (law.intercept - 1.1).abs() < 1e-12,
            "{law:?}"
        );
        assert!((law.slope_error.unwrap() - (2.7_f64 / 2.0 / 5.0).sqrt()).abs() < 1e-12);
        assert!((law.r_squared - (1.0 - 2.7 / 8.75)).abs() < 1e-12);
        assert_eq!(law.to_string(), "slope 1.10 ± 0.52 (R² 0.691, 4 points)");
    }

    #[test]
    fn constant_y_has_slope_zero_and_two_points_no_error() {
        let law = PowerLaw::fit(&[1.0, 7.0, 90.0], &[0.3; 3]).unwrap();
        assert!(law.slope.abs() < 1e-15 && law.r_squared == 1.0);
        let two = PowerLaw::fit(&[1.0, 2.0], &[5.0, 10.0]).unwrap();
        assert!((two.slope - 1.0).abs() < 1e-12 && two.slope_error.is_none());
    }

    #[test]
    fn what_has_no_line_is_refused() {
        assert_eq!(
            PowerLaw::fit(&[2.0; 3], &[1.0, 2.0, 3.0]),
            Err(FitError::TooFew { distinct: 1 })
        );
        assert_eq!(
            PowerLaw::fit(&[], &[]),
            Err(FitError::TooFew { distinct: 0 })
        );
        assert_eq!(
            PowerLaw::fit(&[1.0], &[]),
            Err(FitError::Length { x: 1, y: 0 })
        );
        for bad in [0.0, -1.0, f64::INFINITY] {
            let seen = PowerLaw::fit(&[1.0, 2.0], &[1.0, bad]);
            assert_eq!(
                seen,
                Err(FitError::NotPositive {
                    axis: "y",
                    index: 1,
                    value: bad
                })
            );
        }
        assert!(matches!(
            PowerLaw::fit(&[1.0, f64::NAN], &[1.0, 1.0]),
            Err(FitError::NotPositive { axis: "x", .. })
        ));
        // Neighbouring floats whose logarithms round to one: no division by zero.
        let x = [1e300, f64::from_bits(1e300_f64.to_bits() + 1)];
        assert_eq!(
            PowerLaw::fit(&x, &[1.0, 2.0]),
            Err(FitError::TooFew { distinct: 1 })
        );
    }
}
