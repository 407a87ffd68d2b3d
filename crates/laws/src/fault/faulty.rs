//! A right block, wrapped in a lie.

use std::sync::atomic::{AtomicUsize, Ordering};

use pushpull_core::{
    Accum, Block, Cost, Dims, InPlace, InputJacobian, Keeps, Mat, MatMut, Op, ParamJacobian,
    ParamShape, Point, Real, Result, Spec,
};

use super::Slip;
use crate::Rule;

mod detour;
mod spoil;

use spoil::{Site, copy};

/// `block`, lying in one way. It allocates as it likes, for it is never run in earnest; but for [`Slip::Allocates`], where one
/// map does.
#[derive(Debug)]
pub struct Faulty<B> {
    block: B,
    slip: Slip,
    declared: bool,
    calls: AtomicUsize,
}

impl<B> Faulty<B> {
    /// A right block and the lie.
    pub const fn new(block: B, slip: Slip) -> Self {
        Self {
            block,
            slip,
            declared: false,
            calls: AtomicUsize::new(0),
        }
    }

    /// Whether the lie is about the heap alone, and the right map has to run as it is. Asks the heap if `rule` is the one to.
    fn asks_only(&self, rule: Rule) -> bool {
        if let Slip::Allocates(own, bytes) = self.slip {
            if own == rule {
                drop(std::hint::black_box(Vec::<u8>::with_capacity(bytes)));
            }
            return true;
        }
        false
    }

    /// The same lie, declared ([`Spec::surrogate`]): the check of a debug build lets it into a graph.
    pub fn declared(self) -> Self {
        Self {
            declared: true,
            ..self
        }
    }
}

impl<B: Spec> Spec for Faulty<B> {
    fn name(&self) -> &str {
        self.block.name()
    }

    fn dims(&self) -> Dims {
        self.block.dims()
    }

    fn keeps(&self) -> Keeps {
        let keeps = self.block.keeps();
        match self.slip {
            Slip::KeepsNothing => Keeps {
                extra: keeps.extra,
                ..Keeps::NOTHING
            },
            // These lies read what the right block may not.
            Slip::AtOutput(_) | Slip::AtZero(..) => Keeps {
                x: true,
                y: true,
                ..keeps
            },
            _ => keeps,
        }
    }

    fn params(&self) -> Vec<ParamShape> {
        let mut params = self.block.params();
        if self.slip == Slip::ParamTooMany {
            params.push(ParamShape::bias("one too many", 1));
        }
        params
    }

    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let right = self.block.cost(op, batch, seeds)?;
        Some(match self.slip {
            Slip::FlopTooMany(rule, acc) if rule.op(acc) == op => right + Cost::flops(batch),
            Slip::CallTooFew(rule) if rule.op(Accum::Set) == op => Cost {
                calls: right.calls.saturating_sub(1),
                ..right
            },
            Slip::SeedsForgotten(rule) if rule.op(Accum::Set) == op => {
                self.block.cost(op, batch, 1)?
            }
            _ => right,
        })
    }

    fn scratch_len(&self, op: Op, batch: usize, seeds: usize) -> usize {
        let own = usize::from(matches!(self.slip, Slip::Scratch(_)));
        self.block.scratch_len(op, batch, seeds) + own
    }

    fn optional_extra(&self) -> bool {
        self.slip == Slip::OptionalExtra || self.block.optional_extra()
    }

    fn input_jacobian(&self) -> InputJacobian {
        match self.slip {
            Slip::Input(structure) => structure,
            _ => self.block.input_jacobian(),
        }
    }

    fn param_jacobian(&self) -> ParamJacobian {
        match self.slip {
            Slip::Params(structure) => structure,
            _ => self.block.param_jacobian(),
        }
    }

    fn surrogate(&self) -> bool {
        self.declared || self.block.surrogate()
    }

    fn validate(&self) -> Result<()> {
        self.block.validate()
    }
}

impl<T: Real, B: Block<T>> Block<T> for Faulty<B> {
    fn forward(&self, params: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, extra: &mut [T]) {
        if self.asks_only(Rule::Forward) {
            return self.block.forward(params, x, y, extra);
        }
        let before = copy(y.rb());
        self.block.forward(params, x, y.rb_mut(), extra);
        match self.slip {
            Slip::Unrepeatable => {
                let call = self.calls.fetch_add(1, Ordering::Relaxed);
                y.col_mut(0)[0] += T::from_f64(call as f64);
            }
            Slip::Mixed => {
                let first = y.rb().get(0, 0);
                for j in 1..y.ncols() {
                    y.col_mut(j)[0] += first;
                }
            }
            Slip::Detached => {
                for j in 0..y.ncols() {
                    let column = y.col_mut(j);
                    column.iter_mut().for_each(|y| *y = T::from_f64(y.to_f64()));
                }
            }
            _ => {}
        }
        let at = Point {
            params,
            x,
            y: Mat::empty(),
            extra: &[],
            batch: x.ncols(),
        };
        let site = Site {
            rule: Rule::Forward,
            at: &at,
            seed: copy(x),
            scratch: T::zero(),
        };
        self.spoil(&site, &before, y);
    }

    fn jvp_input(
        &self,
        at: &Point<'_, T>,
        x_dot: Mat<'_, T>,
        y_dot: MatMut<'_, T>,
        scratch: &mut [T],
    ) {
        self.input_map(Rule::JvpInput, at, x_dot, y_dot, scratch);
    }

    fn vjp_input(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        x_bar: MatMut<'_, T>,
        scratch: &mut [T],
    ) {
        self.input_map(Rule::VjpInput, at, y_bar, x_bar, scratch);
    }

    fn jvp_params(
        &self,
        at: &Point<'_, T>,
        params_dot: Mat<'_, T>,
        acc: Accum,
        y_dot: MatMut<'_, T>,
        scratch: &mut [T],
    ) {
        self.param_map(Rule::JvpParams, at, acc, y_dot, |acc, y_dot| {
            self.block.jvp_params(at, params_dot, acc, y_dot, scratch);
        });
    }

    fn vjp_params(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        acc: Accum,
        params_bar: &mut [T],
        scratch: &mut [T],
    ) {
        let n = params_bar.len();
        let out = MatMut::new(params_bar, n, 1);
        self.param_map(Rule::VjpParams, at, acc, out, |acc, mut params_bar| {
            let params_bar = params_bar.col_mut(0);
            self.block.vjp_params(at, y_bar, acc, params_bar, scratch);
        });
    }

    fn unit_params(
        &self,
        at: &Point<'_, T>,
        first: usize,
        acc: Accum,
        y_dot: MatMut<'_, T>,
        scratch: &mut [T],
    ) {
        self.param_map(Rule::UnitParams, at, acc, y_dot, |acc, y_dot| {
            self.block.unit_params(at, first, acc, y_dot, scratch);
        });
    }

    fn in_place(&self) -> Option<&dyn InPlace<T>> {
        // A block that reads its input cannot overwrite it.
        let reads = matches!(self.slip, Slip::AtOutput(_) | Slip::AtZero(..));
        (self.block.in_place().is_some() && !reads).then_some(self)
    }
}

/// Asked for where the right block has it.
impl<T: Real, B: Block<T>> InPlace<T> for Faulty<B> {
    fn forward_in_place(&self, params: &[T], mut xy: MatMut<'_, T>, extra: &mut [T]) {
        let Some(block) = self.block.in_place() else {
            return;
        };
        if self.asks_only(Rule::ForwardInPlace) {
            return block.forward_in_place(params, xy, extra);
        }
        let before = copy(xy.rb());
        let batch = xy.ncols();
        block.forward_in_place(params, xy.rb_mut(), extra);
        let at = Point {
            params,
            x: Mat::empty(),
            y: Mat::empty(),
            extra: &[],
            batch,
        };
        let site = Site {
            rule: Rule::ForwardInPlace,
            at: &at,
            seed: before.clone(),
            scratch: T::zero(),
        };
        self.spoil(&site, &before, xy);
    }

    fn jvp_input_in_place(&self, at: &Point<'_, T>, mut dot: MatMut<'_, T>, scratch: &mut [T]) {
        let Some(block) = self.block.in_place() else {
            return;
        };
        if self.asks_only(Rule::JvpInputInPlace) {
            return block.jvp_input_in_place(at, dot, scratch);
        }
        let before = copy(dot.rb());
        block.jvp_input_in_place(at, dot.rb_mut(), scratch);
        let site = Site {
            rule: Rule::JvpInputInPlace,
            at,
            seed: before.clone(),
            scratch: T::zero(),
        };
        self.spoil(&site, &before, dot);
    }

    fn vjp_input_in_place(&self, at: &Point<'_, T>, mut bar: MatMut<'_, T>, scratch: &mut [T]) {
        let Some(block) = self.block.in_place() else {
            return;
        };
        if self.asks_only(Rule::VjpInputInPlace) {
            return block.vjp_input_in_place(at, bar, scratch);
        }
        let before = copy(bar.rb());
        block.vjp_input_in_place(at, bar.rb_mut(), scratch);
        let site = Site {
            rule: Rule::VjpInputInPlace,
            at,
            seed: before.clone(),
            scratch: T::zero(),
        };
        self.spoil(&site, &before, bar);
    }
}
