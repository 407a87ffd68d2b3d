//! Runs a block's maps on guarded, poisoned buffers.

use pushpull_core::siblings::quiet::catch;
use pushpull_core::{Accum, AnyBlock, Dims, Keeps, Mat, Op, Point, Real, Scalar};

use crate::Rule;
use crate::buffer::{Fill, Guarded};

/// What became of a run that did not end well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// The map panicked.
    Panic(Rule, String),
    /// A canary around or inside this buffer is dead.
    Overrun(Rule, &'static str),
    /// This input of the map was changed.
    Changed(Rule, &'static str),
}

/// What a derivative map sees of what the block does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hide {
    /// Everything, kept or not.
    Nothing,
    /// NaN in place of what is not kept.
    Nan,
    /// NaN in place of x, if it is not kept.
    X,
    /// NaN in place of y, if it is not kept.
    Y,
    /// Empty views in place of what is not kept.
    Empty,
    /// NaN in place of x and y, kept or not.
    Point,
}

/// The primal at a batch: where derivatives are taken.
#[derive(Clone, Debug)]
pub(crate) struct Primal<T> {
    pub(crate) params: Vec<T>,
    pub(crate) x: Vec<T>,
    pub(crate) y: Vec<T>,
    pub(crate) extra: Vec<T>,
    pub(crate) batch: usize,
}

/// A call of a derivative map.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a, T> {
    pub(crate) rule: Rule,
    pub(crate) acc: Accum,
    /// x_dot, y_bar or params_dot, by the rule; nothing for unit_params.
    pub(crate) seed: &'a [T],
    /// For unit_params: the first parameter, and how many.
    pub(crate) units: (usize, usize),
    pub(crate) output: Fill,
    pub(crate) scratch: Fill,
    pub(crate) hide: Hide,
}

impl<'a, T> Call<'a, T> {
    /// Set, poison everywhere, nothing to see but what is kept.
    pub(crate) const fn new(rule: Rule, seed: &'a [T]) -> Self {
        Self {
            rule,
            acc: Accum::Set,
            seed,
            units: (0, 0),
            output: Fill::Nan,
            scratch: Fill::Nan,
            hide: Hide::Nan,
        }
    }

    /// Unit vectors of the parameters `first..first + n`.
    pub(crate) const fn units(first: usize, n: usize) -> Self {
        Self {
            units: (first, n),
            ..Self::new(Rule::UnitParams, &[])
        }
    }

    /// Adding to ordinary numbers, if asked for `Add`.
    pub(crate) const fn acc(self, acc: Accum) -> Self {
        let output = match acc {
            Accum::Set => self.output,
            Accum::Add => Fill::Numbers,
        };
        Self {
            acc,
            output,
            ..self
        }
    }
}

/// A block on the bench.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe<'a> {
    pub(crate) block: &'a dyn AnyBlock,
    pub(crate) dims: Dims,
    pub(crate) keeps: Keeps,
    /// Canaries between columns: 0, where a block may take a faster path, or more.
    pub(crate) gap: usize,
}

impl<'a> Probe<'a> {
    pub(crate) fn new(block: &'a dyn AnyBlock, gap: usize) -> Self {
        Self {
            block,
            dims: block.dims(),
            keeps: block.keeps(),
            gap,
        }
    }

    /// The derivative maps that the block must have.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        let mut rules = vec![Rule::JvpInput, Rule::VjpInput];
        if self.dims.n_params > 0 {
            rules.extend([Rule::JvpParams, Rule::VjpParams, Rule::UnitParams]);
        }
        if self.block.overwrites() {
            rules.extend([Rule::JvpInputInPlace, Rule::VjpInputInPlace]);
        }
        rules
    }

    /// Rows of what a map writes.
    pub(crate) const fn output_rows(&self, rule: Rule) -> usize {
        match rule {
            Rule::VjpInput | Rule::VjpInputInPlace => self.dims.n_in,
            Rule::VjpParams => self.dims.n_params,
            _ => self.dims.n_out,
        }
    }

    /// Rows of what a map reads as its seed.
    pub(crate) const fn seed_rows(&self, rule: Rule) -> usize {
        match rule {
            Rule::JvpInput | Rule::JvpInputInPlace | Rule::Forward | Rule::ForwardInPlace => {
                self.dims.n_in
            }
            Rule::JvpParams | Rule::UnitParams => self.dims.n_params,
            Rule::VjpInput | Rule::VjpInputInPlace | Rule::VjpParams => self.dims.n_out,
        }
    }

    fn scratch<T: Scalar>(&self, op: Op, batch: usize, seeds: usize, fill: Fill) -> Guarded<T> {
        let len = self.block.scratch_len(op, batch, seeds);
        Guarded::slice(&fill.entries(len))
    }

    /// The primal, by `forward` or `forward_in_place`.
    pub(crate) fn forward<T: Scalar>(
        &self,
        rule: Rule,
        params: &[T],
        x: &[T],
        fill: Fill,
    ) -> Result<Primal<T>, Mishap> {
        self.forward_by(rule, params, x, fill, |map| map())
    }

    /// The same, where `call` calls the map.
    pub(crate) fn forward_by<T: Scalar>(
        &self,
        rule: Rule,
        params: &[T],
        x: &[T],
        fill: Fill,
        call: impl FnOnce(&mut dyn FnMut()),
    ) -> Result<Primal<T>, Mishap> {
        let (block, dims) = (T::of(self.block), self.dims);
        let batch = x.len() / dims.n_in;
        let guarded_params = Guarded::slice(params);
        let input = Guarded::matrix(x, dims.n_in, self.gap);
        let in_place = rule == Rule::ForwardInPlace;
        let mut output = if in_place {
            input.clone()
        } else {
            Guarded::matrix(&fill.entries(dims.n_out * batch), dims.n_out, self.gap)
        };
        let mut extra = Guarded::slice(&fill.entries(self.keeps.extra * batch));
        let mut map = || {
            let (params, extra) = (guarded_params.as_slice(), extra.as_mut_slice());
            match block.in_place().filter(|_| in_place) {
                Some(block) => block.forward_in_place(params, output.mat_mut(), extra),
                None => block.forward(params, input.mat(), output.mat_mut(), extra),
            }
        };
        catch(|| call(&mut map)).map_err(|message| Mishap::Panic(rule, message))?;
        alive(rule, "y", &output)?;
        alive(rule, "extra", &extra)?;
        untouched(rule, "params", &guarded_params, params)?;
        untouched(rule, "x", &input, x)?;
        Ok(Primal {
            params: params.to_vec(),
            x: x.to_vec(),
            y: output.entries(),
            extra: extra.entries(),
            batch,
        })
    }

    /// A derivative map at a primal; what it wrote, column by column.
    pub(crate) fn run<T: Scalar>(
        &self,
        at: &Primal<T>,
        call: &Call<'_, T>,
    ) -> Result<Vec<T>, Mishap> {
        self.run_by(at, call, |map| map())
    }

    /// The same, where `by` calls the map.
    pub(crate) fn run_by<T: Scalar>(
        &self,
        at: &Primal<T>,
        call: &Call<'_, T>,
        by: impl FnOnce(&mut dyn FnMut()),
    ) -> Result<Vec<T>, Mishap> {
        let (block, rule, batch) = (T::of(self.block), call.rule, at.batch);
        let hidden = |kept: bool, hide: Hide, entries: &[T]| {
            let seen = match call.hide {
                Hide::Nan | Hide::Empty => kept,
                Hide::Point => false,
                one => kept || one != hide,
            };
            if seen {
                entries.to_vec()
            } else {
                Fill::Nan.entries(entries.len())
            }
        };
        let (x, y) = (
            hidden(self.keeps.x, Hide::X, &at.x),
            hidden(self.keeps.y, Hide::Y, &at.y),
        );
        let params = Guarded::slice(&at.params);
        let extra = Guarded::slice(&at.extra);
        let guarded_x = Guarded::matrix(&x, self.dims.n_in, self.gap);
        let guarded_y = Guarded::matrix(&y, self.dims.n_out, self.gap);
        let empty = |kept: bool| !kept && call.hide == Hide::Empty;
        let point = Point {
            params: params.as_slice(),
            x: if empty(self.keeps.x) {
                Mat::empty()
            } else {
                guarded_x.mat()
            },
            y: if empty(self.keeps.y) {
                Mat::empty()
            } else {
                guarded_y.mat()
            },
            extra: extra.as_slice(),
            batch,
        };
        let seed = Guarded::matrix(call.seed, self.seed_rows(rule), self.gap);
        let columns = seed.mat().ncols();
        let (seeds, output_columns) = match rule {
            Rule::VjpParams => (1, 1),
            Rule::UnitParams => (call.units.1, call.units.1 * batch),
            Rule::JvpParams => (columns, columns * batch),
            _ => (columns / batch, columns),
        };
        let in_place = rule != rule.out_of_place();
        let rows = self.output_rows(rule);
        let mut output = if in_place {
            seed.clone()
        } else {
            Guarded::matrix(
                &call.output.entries(rows * output_columns),
                rows,
                if rule == Rule::VjpParams { 0 } else { self.gap },
            )
        };
        let mut scratch = self.scratch(rule.op(call.acc), batch, seeds, call.scratch);
        let mut map = || {
            let scratch = scratch.as_mut_slice();
            match rule {
                Rule::JvpInput => block.jvp_input(&point, seed.mat(), output.mat_mut(), scratch),
                Rule::VjpInput => block.vjp_input(&point, seed.mat(), output.mat_mut(), scratch),
                Rule::JvpParams => {
                    block.jvp_params(&point, seed.mat(), call.acc, output.mat_mut(), scratch);
                }
                Rule::VjpParams => {
                    block.vjp_params(&point, seed.mat(), call.acc, output.as_mut_slice(), scratch);
                }
                Rule::UnitParams => {
                    block.unit_params(&point, call.units.0, call.acc, output.mat_mut(), scratch);
                }
                Rule::JvpInputInPlace | Rule::VjpInputInPlace => match block.in_place() {
                    Some(block) if rule == Rule::JvpInputInPlace => {
                        block.jvp_input_in_place(&point, output.mat_mut(), scratch);
                    }
                    Some(block) => block.vjp_input_in_place(&point, output.mat_mut(), scratch),
                    None => {}
                },
                Rule::Forward | Rule::ForwardInPlace => unreachable!("forward is no derivative"),
            }
        };
        catch(|| by(&mut map)).map_err(|message| Mishap::Panic(rule, message))?;
        alive(rule, rule.output(), &output)?;
        alive(rule, "scratch", &scratch)?;
        untouched(rule, "params", &params, &at.params)?;
        untouched(rule, "x", &guarded_x, &x)?;
        untouched(rule, "y", &guarded_y, &y)?;
        untouched(rule, "extra", &extra, &at.extra)?;
        untouched(rule, "the seed", &seed, call.seed)?;
        Ok(output.entries())
    }
}

fn alive<T: Real>(rule: Rule, name: &'static str, buffer: &Guarded<T>) -> Result<(), Mishap> {
    if buffer.intact() {
        Ok(())
    } else {
        Err(Mishap::Overrun(rule, name))
    }
}

fn untouched<T: Real>(
    rule: Rule,
    name: &'static str,
    buffer: &Guarded<T>,
    entries: &[T],
) -> Result<(), Mishap> {
    if buffer.intact() && buffer.holds(entries) {
        Ok(())
    } else {
        Err(Mishap::Changed(rule, name))
    }
}
