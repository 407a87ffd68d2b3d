//! Where a graph has no derivative: the search for the block whose slope is not finite.
//!
//! Engines notice on the way that there may be one ([`crate::program::Act::Check`]); this search, one sample at a
//! time and without any engine, then says whether there is and where. So every engine gives the same answer.

use std::ops::{BitOr, BitOrAssign};

use super::{Graph, Origin};
use crate::linalg::first_not_finite;
use crate::siblings::words::number;
use crate::{Accum, Error, Mat, MatMut, Op, Point, Result, Scalar, Singular, Steep};

/// What derivatives are taken by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Wrt {
    /// Parameters.
    pub params: bool,
    /// Inputs that are not constant.
    pub inputs: bool,
}

impl Wrt {
    /// By nothing.
    pub const NOTHING: Self = Self {
        params: false,
        inputs: false,
    };
    /// By the parameters.
    pub const PARAMS: Self = Self {
        params: true,
        inputs: false,
    };
    /// By the inputs.
    pub const INPUTS: Self = Self {
        params: false,
        inputs: true,
    };
    /// By both.
    pub const BOTH: Self = Self {
        params: true,
        inputs: true,
    };

    /// Whether the two have something in common.
    ///
    /// ```
    /// use pushpull_core::Wrt;
    /// assert!(Wrt::BOTH.meets(Wrt::PARAMS) && !Wrt::INPUTS.meets(Wrt::PARAMS));
    /// ```
    pub const fn meets(self, other: Self) -> bool {
        self.params && other.params || self.inputs && other.inputs
    }
}

impl BitOr for Wrt {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self {
            params: self.params || other.params,
            inputs: self.inputs || other.inputs,
        }
    }
}

impl BitOrAssign for Wrt {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

/// One sample's numbers at a node.
struct Values<T> {
    x: Vec<T>,
    y: Vec<T>,
    extra: Vec<T>,
}

impl Graph {
    /// Whether the output has derivatives at a point with respect to `wrt`; `second`: second ones too. Looks at every
    /// sample by itself and allocates: for where an engine has met something that is not finite.
    ///
    /// # Errors
    /// [`Error::Singular`] for the first sample, node and row whose slope is not finite on a path from what is
    /// differentiated by to the output, else [`Error::Undefined`] for an output that is NaN
    /// or has left the range of numbers.
    ///
    /// ```
    /// use pushpull_core::{Builder, Error, Mat, Wrt, blocks::Sqrt};
    /// let mut b = Builder::new();
    /// let x = b.input("x", 2);
    /// let y = b.named("root", pushpull_core::blocks::Map::new(Sqrt, 2), x);
    /// let graph = b.build(y)?;
    /// let x = [4.0, 0.0];
    /// let fault = graph.check_slopes(&[], Mat::new(&x, 2, 1), Wrt::INPUTS, false).unwrap_err();
    /// assert!(matches!(fault, Error::Singular { node, row: 1, sample: 0, .. } if node == "root"));
    /// assert!(graph.check_slopes(&[], Mat::new(&x, 2, 1), Wrt::PARAMS, false).is_ok());
    /// # Ok::<(), Error>(())
    /// ```
    #[cold]
    pub fn check_slopes<T: Scalar>(
        &self,
        params: &[T],
        x: Mat<'_, T>,
        wrt: Wrt,
        second: bool,
    ) -> Result<()> {
        T::uncounted(|| {
            (0..x.ncols()).try_for_each(|sample| self.check_sample(params, x, sample, wrt, second))
        })
    }

    /// [`Graph::check_slopes`] after a run that left derivatives in `doubt`, where some of them are asked for; at duals their own
    /// slopes count too.
    ///
    /// # Errors
    /// As [`Graph::check_slopes`].
    #[doc(hidden)]
    #[inline]
    pub fn settle<T: Scalar>(
        &self,
        params: &[T],
        x: Mat<'_, T>,
        doubt: Wrt,
        wrt: Wrt,
    ) -> Result<()> {
        match doubt.meets(wrt) {
            true => self.check_slopes(params, x, wrt, T::DUAL),
            false => Ok(()),
        }
    }

    fn check_sample<T: Scalar>(
        &self,
        params: &[T],
        x: Mat<'_, T>,
        sample: usize,
        wrt: Wrt,
        second: bool,
    ) -> Result<()> {
        let values = self.values(params, x.col(sample));
        let last = self.nodes().len() - 1;
        let leads = |node: usize| self.activity()[node].leads(wrt);
        // All slopes that are not finite, by node.
        let mut steep: Vec<(usize, Steep)> = Vec::new();
        for (i, node) in self.nodes().iter().enumerate() {
            if leads(i) {
                let at = values[i].point(&params[node.params.clone()]);
                let varies = |found: Steep| match found.input {
                    Some(row) => self.row_leads(i, row, wrt),
                    None => wrt.params,
                };
                T::of(&*node.block).singular_at(&at, second, &mut |found| {
                    if varies(found) {
                        steep.push((i, found));
                    }
                });
            }
        }
        if !steep.is_empty() {
            let reached = self.reached(params, &values);
            let mut steep = steep.into_iter();
            if let Some((node, found)) = steep.find(|(node, found)| {
                reached[*node][found.output].is_nan()
                    || !self.keeps_zeros(*node, params, &values[*node])
                    || second && self.spoils(*node, found.output, params, &values)
            }) {
                let node = &self.nodes()[node];
                return Err(Error::Singular {
                    node: node.name.clone(),
                    block: node.block.name().to_owned(),
                    row: found.output,
                    sample,
                    // Which zero it is may depend on the order of a sum.
                    at: number(found.at + 0.0),
                });
            }
        }
        if leads(last) && !values[last].y.iter().all(finite) {
            return self.undefined(&values, sample, leads);
        }
        Ok(())
    }

    /// Runs the primal on one sample and keeps everything.
    fn values<T: Scalar>(&self, params: &[T], x: &[T]) -> Vec<Values<T>> {
        let mut values: Vec<Values<T>> = Vec::with_capacity(self.nodes().len());
        for node in self.nodes() {
            let (dims, mut input) = (node.dims(), Vec::with_capacity(node.dims().n_in));
            for source in &node.sources {
                let part = match source.origin {
                    Origin::Input(input) => &x[self.inputs()[input].rows.clone()],
                    Origin::Node(j) => &values[j].y[..],
                };
                let stop = |&x: &T| if source.stopped { x.stopped() } else { x };
                input.extend(part.iter().map(stop));
            }
            let mut y = vec![T::zero(); dims.n_out];
            let mut extra = vec![T::zero(); node.block.keeps().extra];
            T::of(&*node.block).forward(
                &params[node.params.clone()],
                Mat::from(&input),
                MatMut::new(&mut y, dims.n_out, 1),
                &mut extra,
            );
            values.push(Values { x: input, y, extra });
        }
        values
    }

    /// Which entries of each node's output the graph's output depends on: NaN where it does, else 0. A cotangent of NaN is
    /// pulled back through every block; what a block does not read, or does not select, keeps an exact zero.
    fn reached<T: Scalar>(&self, params: &[T], values: &[Values<T>]) -> Vec<Vec<T>> {
        let nodes = self.nodes();
        let mut bars: Vec<Vec<T>> = values.iter().map(|v| vec![T::zero(); v.y.len()]).collect();
        if let (Some(bar), true) = (
            bars.last_mut(),
            self.activity().last().is_some_and(|last| last.output),
        ) {
            bar.fill(T::from_f64(f64::NAN));
        }
        for (i, node) in nodes.iter().enumerate().rev() {
            if !bars[i].iter().any(nan) {
                continue;
            }
            let (dims, block) = (node.dims(), &node.block);
            let mut x_bar = vec![T::zero(); dims.n_in];
            let mut scratch = vec![T::zero(); block.scratch_len(Op::VjpInput, 1, 1)];
            let at = values[i].point(&params[node.params.clone()]);
            T::of(&**block).vjp_input(
                &at,
                Mat::new(&bars[i], dims.n_out, 1),
                MatMut::new(&mut x_bar, dims.n_in, 1),
                &mut scratch,
            );
            let mut row = 0;
            for source in &node.sources {
                let rows = row..row + self.rows(source.origin);
                row = rows.end;
                if let (Origin::Node(j), false) = (source.origin, source.stopped) {
                    let pairs = bars[j].iter_mut().zip(&x_bar[rows]);
                    pairs.for_each(|(bar, &part)| *bar += part);
                }
            }
        }
        bars
    }

    /// Whether zeros stay zeros on their way back through node `i` with its own parameters. A product that meets an infinite
    /// number or NaN makes NaN of a zero, also where the output does not depend on it.
    fn keeps_zeros<T: Scalar>(&self, i: usize, params: &[T], values: &Values<T>) -> bool {
        let (node, dims) = (&self.nodes()[i], self.nodes()[i].dims());
        let (block, zeros) = (T::of(&*node.block), vec![T::zero(); dims.n_out]);
        let (at, y_bar) = (
            values.point(&params[node.params.clone()]),
            Mat::from(&zeros),
        );
        let ops = [Op::VjpInput, Op::VjpParams(Accum::Set)];
        let scratch = ops
            .map(|op| node.block.scratch_len(op, 1, 1))
            .into_iter()
            .max();
        let mut scratch = vec![T::zero(); scratch.unwrap_or(0)];
        let mut x_bar = vec![T::zero(); dims.n_in];
        let mut params_bar = vec![T::zero(); dims.n_params];
        block.vjp_input(
            &at,
            y_bar,
            MatMut::new(&mut x_bar, dims.n_in, 1),
            &mut scratch,
        );
        if dims.n_params > 0 {
            block.vjp_params(&at, y_bar, Accum::Set, &mut params_bar, &mut scratch);
        }
        !x_bar.iter().chain(&params_bar).any(nan)
    }

    /// Whether a tangent that is not finite at a row of node `i` makes NaN of zero cotangents further up. The derivative of
    /// `0 x'` is `0 x_dot'`, also where the output does not depend on x.
    fn spoils<T: Scalar>(&self, i: usize, row: usize, params: &[T], values: &[Values<T>]) -> bool {
        let none = |v: &Values<T>| vec![T::zero(); v.y.len()];
        let mut dots: Vec<Vec<T>> = values.iter().map(none).collect();
        dots[i][row] = T::from_f64(f64::NAN);
        for (j, node) in self.nodes().iter().enumerate().skip(i + 1) {
            let mut x_dot = Vec::with_capacity(node.dims().n_in);
            for source in &node.sources {
                match source.origin {
                    Origin::Node(k) if !source.stopped => x_dot.extend(&dots[k]),
                    origin => x_dot.resize(x_dot.len() + self.rows(origin), T::zero()),
                }
            }
            if !x_dot.iter().any(nan) {
                continue;
            }
            let beside = Values {
                x: x_dot.clone(),
                y: values[j].y.clone(),
                extra: values[j].extra.clone(),
            };
            if !self.keeps_zeros(j, params, &beside) {
                return true;
            }
            let mut scratch = vec![T::zero(); node.block.scratch_len(Op::JvpInput, 1, 1)];
            let dims = node.dims();
            T::of(&*node.block).jvp_input(
                &values[j].point(&params[node.params.clone()]),
                Mat::from(&x_dot),
                MatMut::new(&mut dots[j], dims.n_out, 1),
                &mut scratch,
            );
        }
        false
    }

    /// Whether a row of node `i`'s input depends on what is differentiated by.
    fn row_leads(&self, i: usize, row: usize, wrt: Wrt) -> bool {
        let mut start = 0;
        self.nodes()[i].sources.iter().any(|source| {
            let rows = start..start + self.rows(source.origin);
            start = rows.end;
            let varies = match source.origin {
                Origin::Input(input) => wrt.inputs && !self.inputs()[input].constant,
                Origin::Node(j) => self.activity()[j].wrt().meets(wrt),
            };
            rows.contains(&row) && varies && !source.stopped
        })
    }

    /// The first node that makes NaN, or an infinite number of finite ones, on the way to an output that is not finite. What
    /// was infinite from the start, in a constant, is no fault.
    fn undefined<T: Scalar>(
        &self,
        values: &[Values<T>],
        sample: usize,
        leads: impl Fn(usize) -> bool,
    ) -> Result<()> {
        let made = |(node, values): (usize, &Values<T>)| {
            let clean = !values.x.iter().any(nan);
            let bounded = values.x.iter().all(finite) && leads(node);
            let fault = |y: &T| nan(y) && clean || !finite(y) && bounded;
            Some((node, values.y.iter().position(fault)?))
        };
        let Some((node, row)) = values.iter().enumerate().find_map(made) else {
            return Ok(());
        };
        Err(Error::Undefined {
            node: self.nodes()[node].name.clone(),
            value: values[node].y[row].to_f64().to_string(),
            block: self.nodes()[node].block.name().to_owned(),
            row,
            sample,
        })
    }
}

impl super::Activity {
    /// What the node's value depends on.
    pub const fn wrt(&self) -> Wrt {
        Wrt {
            params: self.params,
            inputs: self.inputs,
        }
    }

    /// Whether the node lies on a path from what is differentiated by to the output.
    pub const fn leads(&self, wrt: Wrt) -> bool {
        self.output && self.wrt().meets(wrt)
    }
}

impl<T: Scalar> Values<T> {
    fn point<'a>(&'a self, params: &'a [T]) -> Point<'a, T> {
        Point {
            params,
            x: Mat::from(&self.x),
            y: Mat::from(&self.y),
            extra: &self.extra,
            batch: 1,
        }
    }
}

fn nan<T: Scalar>(x: &T) -> bool {
    x.is_nan()
}

/// Whether the value is finite, whatever derivative it carries.
fn finite<T: Scalar>(x: &T) -> bool {
    x.to_f64().is_finite()
}

/// What a node tells an engine right after it ran: by what its slopes are in doubt; `second`: or their derivatives.
pub(crate) fn in_doubt<T: Scalar>(
    block: &dyn crate::Block<T>,
    at: &Point<'_, T>,
    watched: Wrt,
    second: bool,
) -> Wrt {
    let (mut doubt, second) = (Wrt::NOTHING, second || T::DUAL);
    T::uncounted(|| block.singular_at(at, second, &mut |_| doubt = watched));
    doubt
}

/// By what an output that is not finite puts derivatives in doubt.
pub(crate) fn output_in_doubt<T: Scalar>(output: Mat<'_, T>) -> Wrt {
    if first_not_finite(output).is_some() {
        Wrt::BOTH
    } else {
        Wrt::NOTHING
    }
}

/// By what an engine has to watch a node's slopes. Inputs that are not constant are finite, and the last node's output is
/// looked at anyhow.
pub(crate) fn watched(graph: &Graph, node: usize) -> Wrt {
    let (activity, last) = (graph.activity()[node], node + 1 == graph.nodes().len());
    let bounded = |source: &super::Source| match source.origin {
        Origin::Input(input) => !graph.inputs()[input].constant,
        Origin::Node(_) => false,
    };
    let needed = match graph.nodes()[node].block.singular() {
        Singular::Never => false,
        Singular::WithInput => !last && !graph.nodes()[node].sources.iter().all(bounded),
        Singular::WithOutput => !last,
        Singular::AtPoints => true,
    };
    if needed && activity.output && graph.is_guarded() {
        activity.wrt()
    } else {
        Wrt::NOTHING
    }
}
