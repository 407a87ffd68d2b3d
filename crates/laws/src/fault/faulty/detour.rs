//! Right maps at the wrong place, or set and added wrongly.

use pushpull_core::{Accum, Block, Mat, MatMut, Point, Real};

use super::Faulty;
use super::spoil::{Site, copy};
use crate::Rule;
use crate::fault::Slip;

impl<B> Faulty<B> {
    /// Calls a map of the right block at `at`, changed as the slip says, on `columns` of output.
    pub(super) fn input_map<T: Real>(
        &self,
        rule: Rule,
        at: &Point<'_, T>,
        seed: Mat<'_, T>,
        mut out: MatMut<'_, T>,
        scratch: &mut [T],
    ) where
        B: Block<T>,
    {
        if self.asks_only(rule) {
            return match rule {
                Rule::JvpInput => self.block.jvp_input(at, seed, out, scratch),
                _ => self.block.vjp_input(at, seed, out, scratch),
            };
        }
        let before = copy(out.rb());
        let (scratch, own) = match self.slip {
            Slip::Scratch(_) => {
                let (own, rest) = scratch.split_at_mut(1);
                (rest, own[0])
            }
            _ => (scratch, T::zero()),
        };
        let run = |rule: Rule,
                   at: &Point<'_, T>,
                   seed: Mat<'_, T>,
                   out: MatMut<'_, T>,
                   scratch: &mut [T]| match rule {
            Rule::JvpInput => self.block.jvp_input(at, seed, out, scratch),
            _ => self.block.vjp_input(at, seed, out, scratch),
        };
        let columns = seed.ncols();
        // A lie that is a right map at a wrong place.
        let single =
            |at: &Point<'_, T>, out: &mut MatMut<'_, T>, place: &dyn Fn(usize) -> usize| {
                for c in 0..columns {
                    let mut scratch = vec![T::zero(); 4 * at.x.nrows().max(at.y.nrows()) + 64];
                    let target = out.rb_mut().cols(c..c + 1);
                    run(
                        rule,
                        &at.sample(place(c)),
                        seed.cols(c..c + 1),
                        target,
                        &mut scratch,
                    );
                }
            };
        match self.slip {
            Slip::Transposed(r) if r == rule => {
                let other = match rule {
                    Rule::JvpInput => Rule::VjpInput,
                    _ => Rule::JvpInput,
                };
                run(other, at, seed, out.rb_mut(), scratch);
            }
            Slip::AtOutput(r) if r == rule => {
                let there = Point { x: at.y, ..*at };
                run(rule, &there, seed, out.rb_mut(), scratch);
            }
            Slip::Twice(r) if r == rule => {
                let mut once = vec![T::zero(); out.nrows() * columns];
                let rows = out.nrows();
                run(
                    rule,
                    at,
                    seed,
                    MatMut::new(&mut once, rows, columns),
                    scratch,
                );
                let once = Mat::new(&once, rows, columns);
                run(rule, at, once, out.rb_mut(), scratch);
            }
            Slip::DiagonalOnly(r) if r == rule => {
                let rows = seed.nrows();
                let mut full = vec![T::zero(); rows * columns];
                for k in 0..rows {
                    let mut unit = vec![T::zero(); rows * columns];
                    for c in 0..columns {
                        unit[c * rows + k] = seed.get(k, c);
                    }
                    let target = MatMut::new(&mut full, rows, columns);
                    run(rule, at, Mat::new(&unit, rows, columns), target, scratch);
                    for c in 0..columns {
                        out.col_mut(c)[k] = full[c * rows + k];
                    }
                }
            }
            Slip::FirstTermOnly(r) if r == rule => {
                let (rows, mut kept) = (seed.nrows(), copy(seed));
                for column in kept.chunks_exact_mut(rows) {
                    column[rows / 2..].fill(T::zero());
                }
                run(
                    rule,
                    at,
                    Mat::new(&kept, rows, columns),
                    out.rb_mut(),
                    scratch,
                );
            }
            Slip::FirstSample(r) if r == rule => single(at, &mut out, &|_| 0),
            Slip::SampleMajor(r) if r == rule => {
                let seeds = columns / at.batch;
                single(at, &mut out, &|c| c / seeds);
            }
            Slip::NaiveProduct(r) if r == rule => {
                // The slopes of a diagonal Jacobian, then a product without a structural zero.
                let ones = vec![T::one(); seed.nrows() * columns];
                let ones = Mat::new(&ones, seed.nrows(), columns);
                run(rule, at, ones, out.rb_mut(), scratch);
                for c in 0..columns {
                    for (out, &seed) in out.col_mut(c).iter_mut().zip(seed.col(c)) {
                        *out *= seed;
                    }
                }
            }
            Slip::Detached if rule == Rule::JvpInput => out.fill(T::zero()),
            _ => run(rule, at, seed, out.rb_mut(), scratch),
        }
        let site = Site {
            rule,
            at,
            seed: copy(seed),
            scratch: own,
        };
        self.spoil(&site, &before, out);
    }

    /// A parameter map: `run` is the right one. A spoilt contribution is set or added as told; other slips spoil how
    /// it is set or added.
    pub(super) fn param_map<T: Real>(
        &self,
        rule: Rule,
        at: &Point<'_, T>,
        acc: Accum,
        mut out: MatMut<'_, T>,
        mut run: impl FnMut(Accum, MatMut<'_, T>),
    ) where
        B: Block<T>,
    {
        if self.asks_only(rule) {
            return run(acc, out);
        }
        let before = copy(out.rb());
        let site = Site {
            rule,
            at,
            seed: Vec::new(),
            scratch: T::zero(),
        };
        if self.slip.spoils_contribution(rule) {
            run(Accum::Set, out.rb_mut());
            self.spoil(&site, &before, out.rb_mut());
            let rows = out.nrows();
            if acc == Accum::Add {
                for (j, before) in before.chunks_exact(rows).enumerate() {
                    let column = out.col_mut(j).iter_mut().zip(before);
                    column.for_each(|(out, &before)| *out += before);
                }
            }
            return;
        }
        let told = if self.slip == Slip::SetForAdd(rule) {
            Accum::Set
        } else {
            acc
        };
        run(told, out.rb_mut());
        self.spoil(&site, &before, out);
    }
}
