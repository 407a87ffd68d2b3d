//! What a program takes, as folds over its list.

use super::norms::{self, Way};
use super::{Act, Instr, Program, View};
use crate::planes::{DotOp, Moving};
use crate::work::{Call, Item, Map, Work};
use crate::{Cost, Op, Result, Scalar, cost};

/// How an instruction calls its map.
struct Shape {
    batch: usize,
    seeds: usize,
    calls: usize,
}

impl Program {
    fn shape(&self, op: Op, instr: &Instr) -> Shape {
        let (batch, calls) = (self.batch, 1);
        let seeds = match op {
            Op::Forward => 1,
            Op::VjpInput | Op::JvpInput => instr.from.cols / batch,
            Op::JvpParams(_) | Op::UnitParams(_) => instr.to.cols / batch,
            // A column at a time, each the sum over its samples.
            Op::VjpParams(_) => {
                let calls = instr.to.cols.max(1);
                return Shape {
                    batch: instr.from.cols / calls,
                    seeds: 1,
                    calls,
                };
            }
        };
        Shape {
            batch,
            seeds,
            calls,
        }
    }

    /// Every instruction with how often it runs, if each path runs as often as is said.
    fn each(&self, runs: impl IntoIterator<Item = u64>) -> impl Iterator<Item = (usize, u64)> {
        let mut times = vec![0_u64; self.instrs.len()];
        for (path, runs) in self.ways().iter().zip(runs) {
            for k in path.ranges.iter().cloned().flatten() {
                times[k] = times[k].saturating_add(runs);
            }
        }
        if !self.computed.is_empty() {
            for (times, instr) in times.iter_mut().zip(&self.instrs).take(self.values()) {
                *times = times.saturating_mul(self.computed[instr.node]);
            }
        }
        times.into_iter().enumerate()
    }

    /// How often each path runs for one answer.
    fn runs(&self) -> Vec<u64> {
        self.ways().iter().map(|path| path.times).collect()
    }

    /// The exact cost of one instruction at a scalar.
    pub fn cost_of<T: Scalar>(&self, instr: &Instr) -> Cost {
        let block = &*self.graph.nodes()[instr.node].block;
        match instr.act {
            Act::Map(op) => {
                let Shape {
                    batch,
                    seeds,
                    calls,
                } = self.shape(op, instr);
                T::cost(block, op, batch, seeds) * calls
            }
            Act::Dot(op, moving) => cost::along(block, op, moving, self.batch),
            Act::Add => T::additions(instr.to.numbers()),
            Act::Sum => T::additions(instr.from.numbers()),
            Act::Norms => {
                let rows = [instr.from.rows, instr.at.x.rows];
                norms::cost::<T>(
                    Way::of(block.param_jacobian(), instr.at.x != View::NOTHING),
                    rows,
                    self.batch,
                )
            }
            Act::Copy | Act::Stop | Act::Zero | Act::Ones | Act::Unit => Cost::ZERO,
            Act::WeightRows | Act::WeightColumns | Act::Read | Act::Check => Cost::ZERO,
        }
    }

    /// The exact cost of one answer at a scalar: what a run at [`crate::Counted`] counts.
    pub fn cost<T: Scalar>(&self) -> Cost {
        self.cost_of_paths::<T>(self.runs())
    }

    /// The exact cost if each path runs as often as is said, from the first on.
    pub fn cost_of_paths<T: Scalar>(&self, runs: impl IntoIterator<Item = u64>) -> Cost {
        let one = |(k, times): (usize, u64)| match times {
            0 => Cost::ZERO,
            _ => self.cost_of::<T>(&self.instrs[k]) * usize::try_from(times).unwrap_or(usize::MAX),
        };
        self.each(runs).map(one).sum()
    }

    /// Evaluations of blocks' forward maps for one answer.
    pub fn evaluations(&self) -> u64 {
        let forward = |&(k, _): &(usize, u64)| self.instrs[k].act.is_forward();
        let times = self.each(self.runs()).filter(forward);
        times.fold(0, |all, (_, times)| all.saturating_add(times))
    }

    /// Numbers of scratch memory.
    ///
    /// # Errors
    /// [`crate::Error::TooLarge`] if they cannot fit, for numbers of type `T`.
    pub fn scratch<T>(&self) -> Result<usize> {
        let mut most = 0;
        for instr in &self.instrs {
            let node = &self.graph.nodes()[instr.node];
            most = most.max(match instr.act {
                Act::Map(Op::Forward) => 0,
                Act::Map(op) => {
                    let Shape { batch, seeds, .. } = self.shape(op, instr);
                    node.scratch_len::<T>(op, batch, seeds)?
                }
                Act::Dot(..) => {
                    let len = node.block.dot_scratch_len(self.batch);
                    node.fits::<T>("the scratch memory of", len)?;
                    len
                }
                _ => 0,
            });
        }
        Ok(most)
    }

    /// What one answer does, for a planner.
    pub fn work(&self) -> Work {
        self.work_of_paths(self.runs())
    }

    /// The same if each path runs as often as is said, from the first on.
    pub fn work_of_paths(&self, runs: impl IntoIterator<Item = u64>) -> Work {
        let (mut work, over) = (Work::default(), self.overwriting());
        for (k, times) in self.each(runs) {
            let instr = &self.instrs[k];
            match instr.act {
                Act::Map(op) => {
                    let Shape {
                        batch,
                        seeds,
                        calls,
                    } = self.shape(op, instr);
                    let calls = times.saturating_mul(calls as u64);
                    work.map(instr.node, op, over[k], (batch, seeds), calls);
                }
                Act::Dot(op, Moving { params, input: x }) => {
                    let map = match op {
                        DotOp::Forward => Map::ForwardDot { x, params },
                        DotOp::VjpInput => Map::VjpInputDot { x, params },
                        DotOp::VjpParams(acc) => Map::VjpParamsDot { x, acc },
                    };
                    let call = Call {
                        node: instr.node,
                        map,
                        in_place: false,
                        batch: self.batch,
                        seeds: 1,
                    };
                    work.add(Item::Map(call), times);
                }
                Act::Read | Act::Check => {}
                Act::Norms => {
                    let columns = times.saturating_mul(self.batch as u64);
                    for rows in [instr.from.rows, instr.at.x.rows] {
                        work.add(Item::Summed(rows), if rows > 0 { columns } else { 0 });
                    }
                }
                Act::Sum => {
                    let entries = instr.to.numbers();
                    let summed = Item::Summed(instr.from.numbers() / entries.max(1));
                    work.add(summed, times.saturating_mul(entries as u64));
                }
                // Adding reads its target too.
                Act::Add => work.add(Item::Moved(instr.to.numbers()), times.saturating_mul(2)),
                Act::Copy
                | Act::Stop
                | Act::Zero
                | Act::Ones
                | Act::Unit
                | Act::WeightRows
                | Act::WeightColumns => {
                    let (len, columns) = (instr.to.rows, instr.to.cols);
                    work.add(Item::Copied { len, columns }, times);
                }
            }
        }
        work
    }
}
