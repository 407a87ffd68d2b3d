//! Rows of the input.

use std::collections::BTreeMap;

use crate::linalg::total;
use crate::{
    Block, Cost, Dims, Error, Keeps, Mat, MatMut, Op, Point, Real, Result, SecondOrder, Spec,
};

/// `y_k = x_(rows[k])`: some rows of the input, in any order, repeated rows allowed. No parameters; the Jacobian has
/// one 1 in every row.
///
/// With m rows chosen, r of them chosen before, B samples, S seeds:
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `y_k = x_(rows[k])` | 0 |
/// | jvp_input | `y_dot_k = x_dot_(rows[k])` | 0 |
/// | vjp_input | `x_bar_i = sum of y_bar_k over rows[k] = i` | `rBS` |
///
/// A record keeps nothing of it. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, Spec, blocks::Select};
/// let mut y = [0.0; 3];
/// Select::new(3, [2, 0, 2]).forward(&[], Mat::new(&[1.0, 2.0, 4.0], 3, 1), MatMut::new(&mut y, 3, 1), &mut []);
/// assert_eq!(y, [4.0, 1.0, 4.0]);
/// assert!(Select::new(3, 1..3).validate().is_ok());
/// assert!(Select::new(3, 1..4).validate().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    n_in: usize,
    rows: Vec<usize>,
    /// Rows of the input that are chosen more than once, and where: their cotangents are summed.
    repeated: Vec<(usize, Vec<usize>)>,
}

impl Select {
    /// `rows` of `n_in` rows: a range, an array or a vector, each less than `n_in`.
    pub fn new(n_in: usize, rows: impl IntoIterator<Item = usize>) -> Self {
        let rows: Vec<usize> = rows.into_iter().collect();
        let mut places: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (k, &row) in rows.iter().enumerate() {
            places.entry(row).or_default().push(k);
        }
        let repeated = places.into_iter().filter(|(_, places)| places.len() > 1);
        Self {
            n_in,
            repeated: repeated.collect(),
            rows,
        }
    }
}

impl Spec for Select {
    fn name(&self) -> &str {
        "select"
    }

    fn dims(&self) -> Dims {
        Dims {
            n_in: self.n_in,
            n_out: self.rows.len(),
            n_params: 0,
        }
    }

    fn keeps(&self) -> Keeps {
        Keeps::NOTHING
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let repeated: usize = self.repeated.iter().map(|(_, at)| at.len() - 1).sum();
        Some(match op {
            Op::VjpInput => Cost::flops(repeated * batch * seeds),
            _ => Cost::ZERO,
        })
    }

    fn validate(&self) -> Result<()> {
        match self.rows.iter().find(|&&row| row >= self.n_in) {
            None => Ok(()),
            Some(row) => Err(Error::setting(
                self.name(),
                "rows",
                format!("less than {} each, the rows of the input", self.n_in),
                row,
            )),
        }
    }
}

impl<T: Real> Block<T> for Select {
    fn forward(&self, _: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
        for (j, column) in x.columns().enumerate() {
            for (y, &row) in y.col_mut(j).iter_mut().zip(&self.rows) {
                *y = column[row];
            }
        }
    }

    /// A linear map is its own derivative.
    fn jvp_input(&self, _: &Point<'_, T>, x_dot: Mat<'_, T>, y_dot: MatMut<'_, T>, _: &mut [T]) {
        self.forward(&[], x_dot, y_dot, &mut []);
    }

    fn vjp_input(
        &self,
        _: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        mut x_bar: MatMut<'_, T>,
        _: &mut [T],
    ) {
        x_bar.fill(T::zero());
        for (j, column) in y_bar.columns().enumerate() {
            let x_bar = x_bar.col_mut(j);
            for (&y_bar, &row) in column.iter().zip(&self.rows) {
                x_bar[row] = y_bar;
            }
            for (row, places) in &self.repeated {
                x_bar[*row] = total(places.len(), |k| column[places[k]]);
            }
        }
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> SecondOrder<T> for Select {}

#[cfg(test)]
mod tests {
    use super::Select;
    use crate::{Block, Mat, MatMut, Point};

    #[test]
    fn a_row_chosen_twice_gets_both_cotangents_and_one_not_chosen_gets_zero() {
        let at = Point {
            params: &[],
            x: Mat::empty(),
            y: Mat::empty(),
            extra: &[],
            batch: 1,
        };
        let mut x_bar = [f64::NAN; 3];
        let (y_bar, target) = ([1.0, 10.0, 100.0], MatMut::new(&mut x_bar, 3, 1));
        Select::new(3, vec![2, 0, 2]).vjp_input(&at, Mat::new(&y_bar, 3, 1), target, &mut []);
        assert_eq!(x_bar, [10.0, 0.0, 101.0]);
        // One after the other, a million tenths would be 100,958.
        let (many, tenths) = (1_000_000, vec![0.1_f32; 1_000_000]);
        let (mut x_bar, at) = (
            [f32::NAN],
            Point {
                params: &[],
                x: Mat::empty(),
                y: Mat::empty(),
                extra: &[],
                batch: 1,
            },
        );
        let y_bar = Mat::new(&tenths, many, 1);
        Select::new(1, vec![0; many]).vjp_input(&at, y_bar, MatMut::new(&mut x_bar, 1, 1), &mut []);
        assert!((x_bar[0] - 1e5).abs() < 0.05, "{}", x_bar[0]);
    }
}
