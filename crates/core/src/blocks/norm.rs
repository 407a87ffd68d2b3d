//! Layer normalisation.

use super::chain;
use super::softmax::dot;
use crate::blocks::any_width::{all, any_width};
use crate::linalg::{row_sums, sum, sum_columns, total};
use crate::planes::{Cotangents, DotPoint, Planes, PlanesMut};
use crate::{
    Accum, Block, Cost, Dims, Error, InPlace, Keeps, Mat, MatMut, Op, ParamJacobian, ParamShape,
    Point, Real, Result, SecondOrder, Spec,
};

/// `y = g * u + b` with `u = (x - mean(x)) / sigma`, `sigma^2 = mean((x - mean(x))^2) + eps`, over the rows of each
/// sample (Ba, Kiros and Hinton 2016). Parameters: `gain` (n), then `bias` (n).
///
/// Mean and variance are taken of the rows less the first one: rows that are equal, or nearly, lose nothing, however large
/// they are. Where the squares would overflow or lose digits, they are scaled by the largest.
///
/// It keeps u and 1/sigma, n + 1 numbers a sample, and neither x nor y: one number less than x, mean and 1/sigma, no
/// second computation of u, and the block runs in place. Parameter i acts on output i mod n alone, so the parameter
/// Jacobian is declared diagonal.
///
/// With n rows, B samples, S seeds:
///
/// | map | formula | flops |
/// |---|---|---|
/// | forward | `y = g * u + b` | `(8n + 4) B`, and B calls; scaled `(n + 3) B` more |
/// | jvp_input | `y_dot = g * (x_dot - mean(x_dot) - u mean(u * x_dot)) / sigma` | `(8n + 2) BS` |
/// | vjp_input | with `v = g * y_bar`: `x_bar = (v - mean(v) - u mean(u * v)) / sigma` | `(8n + 2) BS` |
/// | jvp_params | `y_dot (+)= g_dot * u + b_dot` | `2nBS`, adding: `3nBS` |
/// | vjp_params | `g_bar (+)= sum y_bar * u`, `b_bar (+)= sum y_bar` | `3nB` |
/// | unit_params | of g_i: `u_i e_i`; of b_i: `e_i` | 0, adding: `BS` |
///
/// A record keeps `(n + 1) B` numbers. No scratch memory.
///
/// ```
/// use pushpull_core::{Block, Mat, MatMut, blocks::LayerNorm};
/// let (mut y, mut extra) = ([0.0_f64; 2], [0.0; 3]);
/// let (block, gain_and_bias) = (LayerNorm::new(2), [1.0, 1.0, 0.0, 5.0]);
/// block.forward(&gain_and_bias, Mat::new(&[30.0, 10.0], 2, 1), MatMut::new(&mut y, 2, 1), &mut extra);
/// assert!((y[0] - 1.0).abs() < 1e-6 && (y[1] - 4.0).abs() < 1e-6);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNorm {
    n: usize,
    eps: f64,
}

any_width!(LayerNorm, |rows| LayerNorm::new(all(rows)));

impl LayerNorm {
    /// Over `n` rows, with eps = 1e-5.
    pub const fn new(n: usize) -> Self {
        Self { n, eps: 1e-5 }
    }

    /// With another eps, a positive number: what keeps sigma from 0 where all rows are equal.
    pub const fn with_eps(self, eps: f64) -> Self {
        Self { eps, ..self }
    }

    /// u and 1/sigma of sample `j`.
    fn kept<'a, T: Real>(&self, at: &Point<'a, T>, j: usize) -> (&'a [T], T) {
        let kept = &at.extra[j * (self.n + 1)..][..self.n + 1];
        (&kept[..self.n], kept[self.n])
    }

    fn count<T: Real>(&self) -> T {
        T::from_f64(self.n as f64)
    }

    /// 1/sigma of rows less their mean, given the sum of their squares.
    fn inverse_sigma<T: Real>(&self, rows: &[T], squares: T) -> T {
        let eps = T::from_f64(self.eps);
        let lost = T::MIN_NORMAL / T::UNIT_ROUNDOFF;
        // Digits are lost below that, but next to eps they do not count.
        let enough = squares.to_f64() > lost || self.eps * self.n as f64 > lost / T::UNIT_ROUNDOFF;
        if enough && squares.to_f64() < f64::INFINITY || squares.is_nan() {
            return (squares / self.count() + eps).sqrt().recip();
        }
        let most = rows
            .iter()
            .fold(T::zero(), |most, &row| most.max(row.abs()));
        let scale = most.max(eps.sqrt()).stopped();
        let squares = T::zero()
            + total(self.n, |i| {
                let part = rows[i] / scale;
                part * part
            });
        let variance = squares / self.count() + eps / scale / scale;
        (scale * variance.sqrt()).recip()
    }

    /// `(v - mean(v) - u mean(u * v)) / sigma` over v: the symmetric Jacobian of u. 7n + 2 flops.
    fn normal_part<T: Real>(&self, (u, inverse_sigma): (&[T], T), v: &mut [T]) {
        let mean = sum(Mat::from(&*v)) / self.count();
        let along = dot(u, v) / self.count();
        for (v, &u) in v.iter_mut().zip(u) {
            *v = chain(inverse_sigma, *v - mean - chain(u, along));
        }
    }
}

/// `sums (+)= sum_j slopes(j) * y_bar_j` over the samples in a fixed tree: two flops an entry.
fn sum_products<'a, T: Real>(
    y_bar: Mat<'_, T>,
    slopes: impl Fn(usize) -> &'a [T],
    acc: Accum,
    sums: &mut [T],
) {
    if acc == Accum::Set {
        sums.fill(T::zero());
    }
    sum_columns(y_bar.ncols(), Accum::Add, sums, |samples, rows, sums| {
        for j in samples.clone() {
            let products = slopes(j)[rows.clone()]
                .iter()
                .zip(&y_bar.col(j)[rows.clone()]);
            for (sum, (&slope, &y_bar)) in sums.iter_mut().zip(products) {
                let product = chain(slope, y_bar);
                *sum = if j == samples.start {
                    product
                } else {
                    *sum + product
                };
            }
        }
    });
}

impl Spec for LayerNorm {
    fn name(&self) -> &str {
        "layer-norm"
    }

    fn dims(&self) -> Dims {
        Dims {
            n_in: self.n,
            n_out: self.n,
            n_params: self.n.saturating_mul(2),
        }
    }

    fn keeps(&self) -> Keeps {
        Keeps {
            extra: self.n.saturating_add(1),
            ..Keeps::NOTHING
        }
    }

    fn params(&self) -> Vec<ParamShape> {
        vec![
            ParamShape::gain("gain", self.n),
            ParamShape::bias("bias", self.n),
        ]
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let n = self.n;
        Some(match op {
            Op::Forward => (Cost::flops(8 * n + 4) + Cost::calls(1)) * batch,
            Op::JvpInput | Op::VjpInput => Cost::flops((8 * n + 2) * batch * seeds),
            Op::JvpParams(Accum::Set) => Cost::flops(2 * n * batch * seeds),
            Op::JvpParams(Accum::Add) => Cost::flops(3 * n * batch * seeds),
            Op::VjpParams(_) => Cost::flops(3 * n * batch),
            Op::UnitParams(Accum::Set) => Cost::ZERO,
            Op::UnitParams(Accum::Add) => Cost::flops(batch * seeds),
        })
    }

    fn scratch_len(&self, _: Op, _: usize, _: usize) -> usize {
        0
    }

    fn param_jacobian(&self) -> ParamJacobian {
        ParamJacobian::Diagonal
    }

    fn validate(&self) -> Result<()> {
        if self.eps.is_finite() && self.eps > 0.0 {
            return Ok(());
        }
        Err(Error::setting(
            self.name(),
            "eps",
            "a positive finite number",
            self.eps,
        ))
    }
}

impl<T: Real> Block<T> for LayerNorm {
    fn forward(&self, params: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, extra: &mut [T]) {
        y.copy_from(x);
        self.forward_in_place(params, y, extra);
    }

    fn jvp_input(
        &self,
        at: &Point<'_, T>,
        x_dot: Mat<'_, T>,
        mut y_dot: MatMut<'_, T>,
        scratch: &mut [T],
    ) {
        y_dot.copy_from(x_dot);
        self.jvp_input_in_place(at, y_dot, scratch);
    }

    fn vjp_input(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        mut x_bar: MatMut<'_, T>,
        scratch: &mut [T],
    ) {
        x_bar.copy_from(y_bar);
        self.vjp_input_in_place(at, x_bar, scratch);
    }

    fn jvp_params(
        &self,
        at: &Point<'_, T>,
        params_dot: Mat<'_, T>,
        acc: Accum,
        mut y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        for column in 0..y_dot.ncols() {
            let (u, _) = self.kept(at, at.sample_of(column));
            let (gain_dot, bias_dot) = params_dot.col(column / at.batch).split_at(self.n);
            let directions = gain_dot.iter().zip(bias_dot);
            for ((y_dot, &u), (&gain_dot, &bias_dot)) in
                y_dot.col_mut(column).iter_mut().zip(u).zip(directions)
            {
                let tangent = chain(u, gain_dot) + bias_dot;
                match acc {
                    Accum::Set => *y_dot = tangent,
                    Accum::Add => *y_dot += tangent,
                }
            }
        }
    }

    fn vjp_params(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        acc: Accum,
        params_bar: &mut [T],
        _: &mut [T],
    ) {
        let (gain_bar, bias_bar) = params_bar.split_at_mut(self.n);
        sum_products(y_bar, |sample| self.kept(at, sample).0, acc, gain_bar);
        row_sums(y_bar, acc, bias_bar);
    }

    fn unit_params(
        &self,
        at: &Point<'_, T>,
        first: usize,
        acc: Accum,
        mut y_dot: MatMut<'_, T>,
        _: &mut [T],
    ) {
        if acc == Accum::Set {
            y_dot.fill(T::zero());
        }
        for column in 0..y_dot.ncols() {
            let param = first + column / at.batch;
            let (u, _) = self.kept(at, at.sample_of(column));
            let slope = u.get(param).copied().unwrap_or_else(T::one);
            let entry = &mut y_dot.col_mut(column)[param % self.n];
            match acc {
                Accum::Set => *entry = slope,
                Accum::Add => *entry += slope,
            }
        }
    }

    fn in_place(&self) -> Option<&dyn InPlace<T>> {
        Some(self)
    }

    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        Some(self)
    }
}

impl<T: Real> InPlace<T> for LayerNorm {
    fn forward_in_place(&self, params: &[T], mut xy: MatMut<'_, T>, extra: &mut [T]) {
        let (gain, bias) = params.split_at(self.n);
        for (j, kept) in extra.chunks_exact_mut(self.n + 1).enumerate() {
            let (u, inverse_sigma) = kept.split_at_mut(self.n);
            let column = xy.col_mut(j);
            let first = column[0];
            for (u, &x) in u.iter_mut().zip(&*column) {
                *u = x - first;
            }
            let (mut mean, mut part) = (sum(Mat::from(&*u)) / self.count(), None);
            let finite = |x: &T| x.to_f64().is_finite();
            if !finite(&mean) && column.iter().all(finite) {
                // The rows lie too far apart to be subtracted, or summed, as they are. Next to them eps is nothing.
                let small = T::from_f64((8.0 * self.n as f64).log2().ceil().exp2().recip());
                for (u, &x) in u.iter_mut().zip(&*column) {
                    *u = x * small - first * small;
                }
                (mean, part) = (sum(Mat::from(&*u)) / self.count(), Some(small));
            }
            let squares = T::zero()
                + total(self.n, |i| {
                    u[i] -= mean;
                    u[i] * u[i]
                });
            let inverse = self.inverse_sigma(u, squares);
            for ((y, u), (&gain, &bias)) in column.iter_mut().zip(u).zip(gain.iter().zip(bias)) {
                *u *= inverse;
                *y = gain.mul_add(*u, bias);
            }
            inverse_sigma[0] = part.map_or(inverse, |part| inverse * part);
        }
    }

    fn jvp_input_in_place(&self, at: &Point<'_, T>, mut dot: MatMut<'_, T>, _: &mut [T]) {
        for column in 0..dot.ncols() {
            let seed = dot.col_mut(column);
            self.normal_part(self.kept(at, at.sample_of(column)), seed);
            for (seed, &gain) in seed.iter_mut().zip(at.params) {
                *seed = chain(gain, *seed);
            }
        }
    }

    fn vjp_input_in_place(&self, at: &Point<'_, T>, mut bar: MatMut<'_, T>, _: &mut [T]) {
        for column in 0..bar.ncols() {
            let seed = bar.col_mut(column);
            for (seed, &gain) in seed.iter_mut().zip(at.params) {
                *seed = chain(gain, *seed);
            }
            self.normal_part(self.kept(at, at.sample_of(column)), seed);
        }
    }
}

impl<T: Real> SecondOrder<T> for LayerNorm {
    /// `u_dot` is the normal part of `x_dot`, `(1/sigma)_dot = -mean(u * x_dot) / sigma^2`, and
    /// `y_dot = g * u_dot + g_dot * u + b_dot`.
    fn forward_dot(
        &self,
        params: &[T],
        params_dot: Option<&[T]>,
        x: Planes<'_, T>,
        y: PlanesMut<'_, T>,
        [extra, extra_dot]: [&mut [T]; 2],
        _: &mut [T],
    ) {
        let (value, mut dots) = y.split();
        self.forward(params, x.value, value, extra);
        let kept = extra.chunks_exact(self.n + 1);
        for (j, (kept, kept_dot)) in kept.zip(extra_dot.chunks_exact_mut(self.n + 1)).enumerate() {
            let (u, inverse_sigma) = (&kept[..self.n], kept[self.n]);
            let (u_dot, inverse_sigma_dot) = kept_dot.split_at_mut(self.n);
            if let Some(x_dot) = x.dot {
                u_dot.copy_from_slice(x_dot.col(j));
                let along = dot(u, u_dot) / self.count();
                inverse_sigma_dot[0] = -chain(inverse_sigma * inverse_sigma, along);
                self.normal_part((u, inverse_sigma), u_dot);
            } else {
                u_dot.fill(T::zero());
                inverse_sigma_dot[0] = T::zero();
            }
            let y_dot = dots.col_mut(j);
            for (y_dot, (&gain, &u_dot)) in y_dot.iter_mut().zip(params.iter().zip(&*u_dot)) {
                *y_dot = chain(gain, u_dot);
            }
            if let Some((gain_dot, bias_dot)) = params_dot.map(|dot| dot.split_at(self.n)) {
                let directions = gain_dot.iter().zip(bias_dot).zip(u);
                for (y_dot, ((&gain_dot, &bias_dot), &u)) in y_dot.iter_mut().zip(directions) {
                    *y_dot += chain(u, gain_dot) + bias_dot;
                }
            }
        }
    }

    /// With `v = g * y_bar` and `c = mean(u * v)`: `x_bar = s (v - mean(v) - u c)` for s = 1/sigma, so
    /// `x_bar_dot = s (v_dot - mean(v_dot) - u mean(u * v_dot)) - s (u_dot c + u mean(u_dot * v)) + s_dot / s x_bar`.
    #[allow(clippy::needless_range_loop)] // One index over five slices.
    fn vjp_input_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        x_bar: PlanesMut<'_, T>,
        _: &mut [T],
    ) {
        let (mut value, mut dots) = x_bar.split();
        for j in 0..at.batch {
            let (y_bar, y_bar_dot) = y_bar.col(j);
            let (v, v_dot) = (value.col_mut(j), dots.col_mut(j));
            for i in 0..self.n {
                v[i] = chain(at.params[i], y_bar[i]);
                v_dot[i] = chain(at.params[i], y_bar_dot[i]);
                if let Some(params_dot) = at.params_dot {
                    v_dot[i] += chain(params_dot[i], y_bar[i]);
                }
            }
            let (u, s) = self.kept(&at.point(), j);
            let kept_dot = &at.extra_dot[j * (self.n + 1)..][..self.n + 1];
            let (u_dot, s_dot) = (&kept_dot[..self.n], kept_dot[self.n]);
            let along = dot(u, v) / self.count();
            let drift = dot(u_dot, v) / self.count();
            self.normal_part((u, s), v);
            self.normal_part((u, s), v_dot);
            let growth = s_dot / s;
            for i in 0..self.n {
                let turn = chain(u_dot[i], along) + chain(u[i], drift);
                v_dot[i] += chain(growth, v[i]) - chain(s, turn);
            }
        }
    }

    /// `g_bar_dot (+)= sum y_bar_dot * u + y_bar * u_dot`, `b_bar_dot (+)= sum y_bar_dot`.
    fn vjp_params_dot(
        &self,
        at: &DotPoint<'_, T>,
        y_bar: Cotangents<'_, T>,
        acc: Accum,
        params_bar_dot: &mut [T],
        scratch: &mut [T],
    ) {
        self.vjp_params(&at.point(), y_bar.dot(), acc, params_bar_dot, scratch);
        let u_dot = |sample| &at.extra_dot[sample * (self.n + 1)..][..self.n];
        let gain_bar_dot = &mut params_bar_dot[..self.n];
        sum_products(y_bar.value(), u_dot, Accum::Add, gain_bar_dot);
    }
}

#[cfg(test)]
mod tests {
    use super::LayerNorm;
    use crate::{Block, Mat, MatMut, Point, Spec};

    #[test]
    fn equal_rows_give_the_bias_and_a_finite_derivative() {
        for x in [0.0, 1e3, -1e3] {
            let params = [2.0, 3.0, 0.5, -0.5];
            let (mut y, mut extra, mut x_bar) = ([f64::NAN; 2], [f64::NAN; 3], [f64::NAN; 2]);
            let x = [x, x];
            let block = LayerNorm::new(2);
            let target = MatMut::new(&mut y, 2, 1);
            block.forward(&params, Mat::new(&x, 2, 1), target, &mut extra);
            assert_eq!(y, [0.5, -0.5]);
            let at = Point {
                params: &params,
                x: Mat::empty(),
                y: Mat::empty(),
                extra: &extra,
                batch: 1,
            };
            let target = MatMut::new(&mut x_bar, 2, 1);
            block.vjp_input(&at, Mat::new(&[1.0, 0.0], 2, 1), target, &mut []);
            assert!((x_bar[0] - 1e-5_f64.sqrt().recip()).abs() < 1e-10);
            assert_eq!(x_bar[0], -x_bar[1]);
        }
    }

    #[test]
    fn rows_whose_differences_or_sum_overflow_are_normalised() {
        fn check<T: crate::Scalar>(most: f64) {
            let run = |size: f64| {
                let rows = [size, 0.0, 0.5 * size, -size].map(T::from_f64);
                let params = [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0].map(T::from_f64);
                let (mut y, mut extra) = ([T::zero(); 4], [T::zero(); 5]);
                let target = MatMut::new(&mut y, 4, 1);
                LayerNorm::new(4).forward(&params, Mat::new(&rows, 4, 1), target, &mut extra);
                (y.map(|y| y.to_f64()), extra[4].to_f64() * size)
            };
            let (want, got) = (run(1e9), run(most));
            let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
            assert!(
                want.0.iter().zip(got.0).all(|(&a, b)| near(a, b)),
                "{got:?}"
            );
            assert!(near(want.1, got.1), "{got:?} for {want:?}");
        }
        check::<f32>(3e38);
        check::<f64>(1.7e308);
    }

    #[test]
    fn large_and_nearly_equal_rows_keep_their_digits() {
        let normalised = |x: &[f32]| {
            let n = x.len();
            let (mut y, mut extra) = (vec![f32::NAN; n], vec![f32::NAN; n + 1]);
            let params: Vec<f32> = (0..2 * n).map(|i| f32::from(i < n)).collect();
            let target = MatMut::new(&mut y, n, 1);
            LayerNorm::new(n).forward(&params, Mat::new(x, n, 1), target, &mut extra);
            y
        };
        for (n, x) in [
            (3, 12345.678),
            (768, 100.1),
            (768, 1000.1),
            (4096, 100.1),
            (5, 3e38),
        ] {
            assert_eq!(normalised(&vec![x; n]), vec![0.0; n]);
        }
        let x: Vec<f32> = (0..768)
            .map(|i| 5000.0 + ((i * 7919) % 13) as f32 * 0.01)
            .collect();
        let exact: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
        let mean = exact.iter().sum::<f64>() / 768.0;
        let variance = exact.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 768.0;
        for (y, x) in normalised(&x).iter().zip(&exact) {
            let want = (x - mean) / (variance + 1e-5).sqrt();
            assert!((f64::from(*y) - want).abs() < 1e-5, "{y} for {want}");
        }
        for size in [1e-30_f32, 1e19, 1e30, 1e37] {
            let y = normalised(&[size, -size, size, -size]);
            let sigma = (f64::from(size).powi(2) + 1e-5).sqrt();
            for (i, y) in y.iter().enumerate() {
                let want = f64::from(size) / sigma * if i % 2 == 0 { 1.0 } else { -1.0 };
                assert!(
                    (f64::from(*y) - want).abs() <= 1e-6 * want.abs(),
                    "{y} for {want}"
                );
            }
        }
    }

    #[test]
    fn only_a_positive_finite_eps_is_accepted() {
        assert!(LayerNorm::new(3).validate().is_ok());
        for eps in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(LayerNorm::new(3).with_eps(eps).validate().is_err());
        }
    }
}
