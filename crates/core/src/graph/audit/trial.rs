//! A block's maps at one point, against the block at dual numbers.

use super::ORDINARY;
use crate::quiet::catch;
use crate::{
    Accum, AnyBlock, Block, Dims, Dual, InputJacobian, Mat, MatMut, Op, ParamJacobian, Point,
};

mod allocations;

const BATCH: usize = 2;
/// Relative to the largest entry of the column, or to the sum of the absolute terms of an inner product. Rounding in a
/// block is four orders below, a wrong rule orders above.
const RELATIVE: f64 = 1e-9;
/// Relative to the seed, for what cancellation leaves where the exact result is almost zero.
const FLOOR: f64 = 1e-12;

/// The lowest and the highest number.
pub(super) type Interval = (f64, f64);

/// A law that a map breaks.
pub(super) struct Breach {
    pub(super) law: &'static str,
    pub(super) map: &'static str,
    pub(super) entry: String,
    pub(super) expected: f64,
    pub(super) got: f64,
}

/// A block with its primal at one point, and one seed for each map.
#[derive(Clone)]
pub(super) struct Trial<'b> {
    block: &'b dyn AnyBlock,
    dims: Dims,
    params: Vec<f64>,
    x: Vec<f64>,
    y: Vec<f64>,
    extra: Vec<f64>,
    params_dot: Vec<f64>,
    x_dot: Vec<f64>,
    y_bar: Vec<f64>,
    /// J x_dot and K w_dot, by dual numbers.
    pushed_x: Vec<f64>,
    pushed_params: Vec<f64>,
}

/// A declared structure that needs another number of rows or parameters.
fn miscounted(map: &'static str, expected: usize, got: usize) -> Breach {
    Breach {
        law: "structure",
        map,
        entry: "the number of its columns".into(),
        expected: expected as f64,
        got: got as f64,
    }
}

/// `n` numbers within an interval, spread by the multiples of an irrational number modulo 1, which is given in units of
/// 2^-64; another one for each buffer.
fn numbers(n: usize, (low, high): Interval, irrational: u64) -> Vec<f64> {
    const UNIT: f64 = 1.0 / (1_u64 << 53) as f64;
    let spread = |i: usize| {
        let fraction = (i as u64 + 1).wrapping_mul(irrational) >> 11;
        low + (high - low) * UNIT * fraction as f64
    };
    (0..n).map(spread).collect()
}

fn nan(n: usize) -> Vec<f64> {
    vec![f64::NAN; n]
}

impl<'b> Trial<'b> {
    /// The primal and its derivatives by dual numbers, unless they are not finite there.
    pub(super) fn at(
        block: &'b dyn AnyBlock,
        (inputs, weights): (Interval, Interval),
    ) -> Option<Self> {
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        const ROOT_2: u64 = 0x6a09_e667_f3bc_c908;
        const ROOT_3: u64 = 0xbb67_ae85_84ca_a73b;
        const ROOT_7: u64 = 0xa54f_f53a_5f1d_36f1;
        const ROOT_11: u64 = 0x510e_527f_ade6_82d1;
        let (dims, extra) = (block.dims(), block.keeps().extra);
        let (x, params) = (
            numbers(dims.n_in * BATCH, inputs, GOLDEN),
            numbers(dims.n_params, weights, ROOT_2),
        );
        // Over zeros: an entry that is never written has the derivative 0, and is found out by its pushforward.
        let (mut y, mut kept) = (vec![0.0; dims.n_out * BATCH], vec![0.0; extra * BATCH]);
        let at_f64: &dyn Block<f64> = block;
        at_f64.forward(
            &params,
            Mat::new(&x, dims.n_in, BATCH),
            MatMut::new(&mut y, dims.n_out, BATCH),
            &mut kept,
        );
        let x_dot = numbers(x.len(), ORDINARY, ROOT_3);
        let params_dot = numbers(params.len(), ORDINARY, ROOT_7);
        let still = |n: usize| vec![0.0; n];
        let pushed_x = dual(block, &params, &still(params.len()), &x, &x_dot);
        let pushed_params = dual(block, &params, &params_dot, &x, &still(x.len()));
        let finite = [&y, &pushed_x, &pushed_params]
            .into_iter()
            .all(|numbers| numbers.iter().all(|number| number.is_finite()));
        finite.then(|| Self {
            block,
            dims,
            params,
            x,
            y,
            extra: kept,
            params_dot,
            x_dot,
            y_bar: numbers(dims.n_out * BATCH, ORDINARY, ROOT_11),
            pushed_x,
            pushed_params,
        })
    }

    pub(super) fn check(&self) -> Result<(), Breach> {
        self.derivatives()?;
        self.allocations()
    }

    fn derivatives(&self) -> Result<(), Breach> {
        let pushed = self.run(Op::JvpInput, false);
        if let Some(got) = &pushed {
            self.compare("dual", "jvp_input", &self.pushed_x, got, Op::JvpInput)?;
        }
        let pulled = self.run(Op::VjpInput, false);
        if let Some(got) = &pulled {
            let exact = (&self.pushed_x[..], &self.x_dot[..]);
            self.pair("vjp_input", exact, got, Op::VjpInput)?;
        }
        if self.block.overwrites() {
            let forms = [
                (
                    "forward_in_place",
                    Some(&self.y),
                    self.run(Op::Forward, true),
                    Op::Forward,
                ),
                (
                    "jvp_input_in_place",
                    pushed.as_ref(),
                    self.run(Op::JvpInput, true),
                    Op::JvpInput,
                ),
                (
                    "vjp_input_in_place",
                    pulled.as_ref(),
                    self.run(Op::VjpInput, true),
                    Op::VjpInput,
                ),
            ];
            for (map, plain, in_place, op) in forms {
                if let (Some(plain), Some(in_place)) = (plain, in_place) {
                    self.compare("forms", map, plain, &in_place, op)?;
                }
            }
        }
        self.input_structure(pulled.as_deref())?;
        if self.dims.n_params == 0 {
            return Ok(());
        }
        self.param_structure()?;
        let op = Op::JvpParams(Accum::Set);
        if let Some(got) = self.run(op, false) {
            self.compare("dual", "jvp_params", &self.pushed_params, &got, op)?;
        }
        let op = Op::VjpParams(Accum::Set);
        if let Some(got) = self.run(op, false) {
            let exact = (&self.pushed_params[..], &self.params_dot[..]);
            self.pair("vjp_params", exact, &got, op)?;
        }
        if let Some(got) = self.run(Op::UnitParams(Accum::Set), false) {
            let mut unit = self.clone();
            unit.params_dot.fill(0.0);
            unit.params_dot[self.unit()] = 1.0;
            if let Some(exact) = unit.run(Op::JvpParams(Accum::Set), false) {
                self.compare("forms", "unit_params", &exact, &got, op)?;
            }
        }
        Ok(())
    }

    /// What [`crate::Spec::input_jacobian`] says, which some engines compute with instead of the maps.
    fn input_structure(&self, pulled: Option<&[f64]>) -> Result<(), Breach> {
        const MAP: &str = "input_jacobian";
        let Dims { n_in, n_out, .. } = self.dims;
        match self.block.input_jacobian() {
            InputJacobian::Dense => Ok(()),
            InputJacobian::Identity | InputJacobian::Diagonal if n_in != n_out => {
                Err(miscounted(MAP, n_out, n_in))
            }
            InputJacobian::Identity => {
                self.compare("structure", MAP, &self.x_dot, &self.pushed_x, Op::JvpInput)
            }
            // d x_dot is J x_dot, and d y_bar has to be J' y_bar.
            InputJacobian::Diagonal => {
                let Some(pulled) = pulled else { return Ok(()) };
                let each = |a: &[f64], b: &[f64]| -> Vec<f64> {
                    a.iter().zip(b).map(|(a, b)| a * b).collect()
                };
                let (exact, got) = (each(&self.pushed_x, &self.y_bar), each(pulled, &self.x_dot));
                self.compare("structure", MAP, &exact, &got, Op::JvpInput)
            }
            InputJacobian::Weight => {
                let n = n_in.saturating_mul(n_out);
                let Some(weight) = self.params.get(..n) else {
                    return Err(miscounted(MAP, n, self.params.len()));
                };
                let exact = self.times(weight, &self.x_dot);
                self.compare("structure", MAP, &exact, &self.pushed_x, Op::JvpInput)
            }
        }
    }

    /// What [`crate::Spec::param_jacobian`] says.
    fn param_structure(&self) -> Result<(), Breach> {
        const MAP: &str = "param_jacobian";
        let Dims {
            n_in,
            n_out,
            n_params,
        } = self.dims;
        match self.block.param_jacobian() {
            ParamJacobian::None => Err(miscounted(MAP, 0, n_params)),
            ParamJacobian::Dense => Ok(()),
            // K w_dot with w_dot other than 0 at outputs of even number alone has zeros at the others.
            ParamJacobian::Diagonal => {
                let mut even = self.params_dot.clone();
                for (i, dot) in even.iter_mut().enumerate() {
                    *dot *= ((i % n_out + 1) % 2) as f64;
                }
                let still = vec![0.0; self.x.len()];
                let got = dual(self.block, &self.params, &even, &self.x, &still);
                let exact = self.pushed_params.iter().enumerate();
                let exact: Vec<f64> = exact
                    .map(|(i, &dot)| dot * ((i % n_out + 1) % 2) as f64)
                    .collect();
                self.compare("structure", MAP, &exact, &got, Op::JvpInput)
            }
            ParamJacobian::Kronecker { bias } => {
                let n = n_in.saturating_mul(n_out);
                let all = n.saturating_add(if bias { n_out } else { 0 });
                if n_params != all {
                    return Err(miscounted(MAP, all, n_params));
                }
                let mut exact = self.times(&self.params_dot[..n], &self.x);
                if bias {
                    for column in exact.chunks_mut(n_out) {
                        let biases = column.iter_mut().zip(&self.params_dot[n..]);
                        biases.for_each(|(y, bias)| *y += bias);
                    }
                }
                self.compare("structure", MAP, &exact, &self.pushed_params, Op::JvpInput)
            }
        }
    }

    /// W X, with W of n_out x n_in column by column.
    fn times(&self, weight: &[f64], x: &[f64]) -> Vec<f64> {
        let Dims { n_in, n_out, .. } = self.dims;
        let mut y = vec![0.0; n_out * BATCH];
        for (y, x) in y.chunks_mut(n_out).zip(x.chunks(n_in.max(1))) {
            for (column, &x) in weight.chunks(n_out).zip(x) {
                y.iter_mut().zip(column).for_each(|(y, w)| *y += w * x);
            }
        }
        y
    }

    /// The parameter whose unit vector is pushed.
    const fn unit(&self) -> usize {
        self.dims.n_params / 2
    }

    /// A map over poison, with poison in place of what is not kept. `None` if it panics: a block may have the rules of one
    /// mode alone.
    fn run(&self, op: Op, in_place: bool) -> Option<Vec<f64>> {
        let keeps = self.block.keeps();
        self.run_by(op, in_place, (keeps.x, keeps.y), |map| map())
    }

    /// The same, with x and y seen or not, where `call` calls the map.
    fn run_by(
        &self,
        op: Op,
        in_place: bool,
        (sees_x, sees_y): (bool, bool),
        call: impl FnOnce(&mut dyn FnMut()),
    ) -> Option<Vec<f64>> {
        let Dims {
            n_in,
            n_out,
            n_params,
        } = self.dims;
        let seen = |sees: bool, numbers: &[f64]| {
            if sees {
                numbers.to_vec()
            } else {
                nan(numbers.len())
            }
        };
        let (x, y) = (seen(sees_x, &self.x), seen(sees_y, &self.y));
        let at = Point {
            params: &self.params,
            x: Mat::new(&x, n_in, BATCH),
            y: Mat::new(&y, n_out, BATCH),
            extra: &self.extra,
            batch: BATCH,
        };
        let block: &dyn Block<f64> = self.block;
        let (rows, columns) = match op {
            Op::VjpInput => (n_in, BATCH),
            Op::VjpParams(_) => (n_params, 1),
            _ => (n_out, BATCH),
        };
        let mut out = match op {
            Op::Forward if in_place => self.x.clone(),
            Op::JvpInput if in_place => self.x_dot.clone(),
            Op::VjpInput if in_place => self.y_bar.clone(),
            _ => nan(rows * columns),
        };
        let (mut scratch, mut extra) =
            (nan(block.scratch_len(op, BATCH, 1)), nan(self.extra.len()));
        let x_dot = Mat::new(&self.x_dot, n_in, BATCH);
        let y_bar = Mat::new(&self.y_bar, n_out, BATCH);
        let params_dot = Mat::new(&self.params_dot, n_params, 1);
        let mut map = || {
            let mut out = MatMut::new(&mut out, rows, columns);
            match op {
                // It is asked for where the block has it.
                Op::Forward | Op::JvpInput | Op::VjpInput if in_place => {
                    let Some(block) = block.in_place() else {
                        return;
                    };
                    match op {
                        Op::Forward => block.forward_in_place(&self.params, out, &mut extra),
                        Op::JvpInput => block.jvp_input_in_place(&at, out, &mut scratch),
                        _ => block.vjp_input_in_place(&at, out, &mut scratch),
                    }
                }
                Op::Forward => {
                    let x = Mat::new(&self.x, n_in, BATCH);
                    block.forward(&self.params, x, out, &mut extra);
                }
                Op::JvpInput => block.jvp_input(&at, x_dot, out, &mut scratch),
                Op::VjpInput => block.vjp_input(&at, y_bar, out, &mut scratch),
                Op::JvpParams(acc) => {
                    block.jvp_params(&at, params_dot, acc, out, &mut scratch);
                }
                Op::VjpParams(acc) => {
                    block.vjp_params(&at, y_bar, acc, out.col_mut(0), &mut scratch);
                }
                Op::UnitParams(acc) => {
                    block.unit_params(&at, self.unit(), acc, out, &mut scratch);
                }
            }
        };
        catch(|| call(&mut map)).ok().map(|()| out)
    }

    /// Every entry of a map's result against the exact one.
    fn compare(
        &self,
        law: &'static str,
        map: &'static str,
        exact: &[f64],
        got: &[f64],
        op: Op,
    ) -> Result<(), Breach> {
        let rows = exact.len() / BATCH;
        for (j, (exact, got)) in exact.chunks(rows).zip(got.chunks(rows)).enumerate() {
            let scale = exact.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
            let near = |i: usize| {
                exact[i] == got[i] || (exact[i] - got[i]).abs() <= RELATIVE * scale + FLOOR
            };
            if let Some(i) = (0..rows).find(|&i| !near(i)) {
                let name = match op {
                    Op::Forward => "y",
                    Op::VjpInput => "x_bar",
                    _ => "y_dot",
                };
                return Err(Breach {
                    law: self.keeps_or(law, op, got),
                    map,
                    entry: format!("{name}[{i}, {j}]"),
                    expected: exact[i],
                    got: got[i],
                });
            }
        }
        Ok(())
    }

    /// `<y_bar, J v> = <J' y_bar, v>`, for `exact` = (J v, v) and `got` = J' y_bar.
    fn pair(
        &self,
        map: &'static str,
        (pushed, direction): (&[f64], &[f64]),
        got: &[f64],
        op: Op,
    ) -> Result<(), Breach> {
        let inner = |a: &[f64], b: &[f64]| {
            let products = a.iter().zip(b).map(|(a, b)| a * b);
            products.fold((0.0, 0.0), |(sum, size): (f64, f64), product: f64| {
                (sum + product, size + product.abs())
            })
        };
        let (exact, size) = inner(&self.y_bar, pushed);
        let (pulled, other_size) = inner(got, direction);
        // Of numbers whose sums overflow nothing can be said.
        let all = size + other_size;
        if !all.is_finite() && got.iter().all(|x| x.is_finite())
            || (exact - pulled).abs() <= RELATIVE * all + FLOOR
        {
            return Ok(());
        }
        Err(Breach {
            law: self.keeps_or("adjoint", op, got),
            map,
            entry: "<J' y_bar, v>".into(),
            expected: exact,
            got: pulled,
        })
    }

    /// `keeps` if the result is spoilt by what the block does not keep, else `law`.
    fn keeps_or(&self, law: &'static str, op: Op, got: &[f64]) -> &'static str {
        let spoilt = |numbers: &[f64]| numbers.iter().any(|number| number.is_nan());
        let hidden = spoilt(got)
            && self
                .run_by(op, false, (true, true), |map| map())
                .is_some_and(|seen| !spoilt(&seen));
        if hidden { "keeps" } else { law }
    }
}

/// The derivative of a block's output along a direction, by dual numbers.
fn dual(
    block: &dyn AnyBlock,
    params: &[f64],
    params_dot: &[f64],
    x: &[f64],
    x_dot: &[f64],
) -> Vec<f64> {
    let join = |values: &[f64], slopes: &[f64]| -> Vec<Dual<f64>> {
        let pairs = values.iter().zip(slopes);
        pairs
            .map(|(&value, &slope)| Dual::new(value, slope))
            .collect()
    };
    let dims = block.dims();
    let (params, x) = (join(params, params_dot), join(x, x_dot));
    let mut y = vec![Dual::constant(0.0); dims.n_out * BATCH];
    let mut extra = vec![Dual::constant(0.0); block.keeps().extra * BATCH];
    let block: &dyn Block<Dual<f64>> = block;
    block.forward(
        &params,
        Mat::new(&x, dims.n_in, BATCH),
        MatMut::new(&mut y, dims.n_out, BATCH),
        &mut extra,
    );
    y.iter().map(|y| y.derivative).collect()
}
