//! Maps of blocks that share no work themselves, on the threads of an engine: their columns are cut.

use super::frame::{Frame, view, view_mut};
use super::place::{Place, Step};
use super::{Act, At, Code, Machine};
use crate::team::{CALL, WORTH, by_columns};
use crate::{Mat, MatMut, Op, Point, Scalar, Team, cost};

impl<T: Scalar> Machine<T> {
    /// For the threads of an engine: finds the maps whose columns are worth being cut among them.
    #[must_use]
    pub fn shared_by(mut self, team: &Team) -> Self {
        if team.shares() {
            self.code.share();
        }
        self
    }
}

impl Code {
    fn share(&mut self) {
        for k in 0..self.steps.len() {
            if self.is_shared(&self.steps[k]) {
                (self.steps[k].forks, self.steps[k].shared) = (true, true);
            }
        }
    }

    /// Whether a step's columns can be cut, and have work enough.
    fn is_shared(&self, step: &Step) -> bool {
        let Act::Map(op @ (Op::Forward | Op::JvpInput | Op::VjpInput)) = step.act else {
            return false;
        };
        let seeds = match step.to {
            Place::Dense { cols, .. } => cols as usize / self.batch(),
            Place::Arena { cols, seeded, .. } => {
                cols as usize * if seeded { self.seeds() } else { 1 } / self.batch()
            }
            Place::Asked { seeded, cols, .. } => {
                cols.len as usize * if seeded { self.seeds() } else { 1 } / self.batch()
            }
            _ => return false,
        };
        let block = &*step.block;
        seeds > 0
            && !block.shares()
            && block.scratch_len(op, self.batch(), seeds) == 0
            && cost::of(block, op, self.batch(), seeds).weighed(CALL) >= WORTH
    }

    /// Such a map, where it writes one buffer.
    #[inline(never)]
    pub(super) fn shared<T: Scalar>(
        &self,
        op: Op,
        step: &Step,
        frame: &mut Frame<'_, T>,
        arena: &mut [T],
    ) {
        let (block, batch) = (T::of(&*step.block), self.batch());
        let params = &frame.reads.params[step.params.clone()];
        let over = block.in_place().filter(|_| step.over);
        let (to, rest) = frame.cut::<true>(&step.to, arena);
        let (from, mut to) = (view(rest.parts(&step.from)), view_mut(to));
        let At { x, y, extra } = &self.points[step.at as usize];
        if op == Op::Forward {
            return by_columns([to], &|range, [y]| match over {
                Some(block) => block.forward_in_place(params, y, &mut []),
                None => block.forward(params, from.cols(range), y, &mut []),
            });
        }
        let at = Point {
            params,
            x: rest.mat(x),
            y: rest.mat(y),
            extra: rest.mat(extra).data(),
            batch,
        };
        let map = |at: &Point<'_, T>, from: Mat<'_, T>, to: MatMut<'_, T>| match (over, op) {
            (Some(block), Op::JvpInput) => block.jvp_input_in_place(at, to, &mut []),
            (Some(block), _) => block.vjp_input_in_place(at, to, &mut []),
            (None, Op::JvpInput) => block.jvp_input(at, from, to, &mut []),
            (None, _) => block.vjp_input(at, from, to, &mut []),
        };
        // A part has some samples of one seed: the columns of several would not lie as a block expects them.
        for seed in 0..to.ncols() / batch {
            let columns = seed * batch..(seed + 1) * batch;
            let from = if step.over {
                from
            } else {
                from.cols(columns.clone())
            };
            by_columns([to.rb_mut().cols(columns)], &|range, [to]| {
                let from = if step.over {
                    from
                } else {
                    from.cols(range.clone())
                };
                map(&at.samples(range), from, to);
            });
        }
    }
}
