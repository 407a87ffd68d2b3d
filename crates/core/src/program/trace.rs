//! A run that shows its numbers: after each instruction what it wrote.

use nalgebra::DMatrix;

use super::{Asked, Base, Frame, Given, Program, View};
use crate::graph::Wrt;
use crate::{Error, Mat, MatMut, Result, Scalar, memory};

/// What one instruction of a run wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct Written<T> {
    /// Which of [`Program::instrs`].
    pub instr: usize,
    /// What it wrote: the view with its numbers, and of a value that keeps something besides, that too.
    pub numbers: Vec<(View, DMatrix<T>)>,
}

/// All that a caller can be given.
const ASKED: [Asked; 6] = [
    Asked::Value,
    Asked::YDot,
    Asked::ParamsBar,
    Asked::XBar,
    Asked::ParamsBarDot,
    Asked::XBarDot,
];

impl Program {
    /// Runs each path once, from its first seed on, and copies what each instruction writes, right after it: a calculation by
    /// hand can be held against it. Whose buffer a view is of, and what it holds of which node, say [`Program::bufs`].
    ///
    /// # Errors
    /// As [`crate::Graph::check`] and [`crate::Graph::check_slopes`]; [`Error::TooLarge`]; [`Error::Setting`] for a program that
    /// reads directions or cotangents of the caller's.
    ///
    /// ```
    /// use pushpull_core::program::{Base, Program, Role};
    /// use pushpull_core::{Builder, Mat, blocks::{Linear, Square}};
    /// let mut b = Builder::new();
    /// let x = b.input("x", 1);
    /// let h = b.block(Linear::without_bias(1, 1), x);
    /// let y = b.map(Square, h);
    /// let program = Program::primal(&b.build(y)?, 2)?;
    /// let trace = program.trace(&[3.0], Mat::new(&[1.0, 2.0], 1, 2))?;
    /// let (view, numbers) = &trace[0].numbers[0];
    /// let Base::Buf(buf) = view.base else { unreachable!() };
    /// assert_eq!((program.bufs()[buf].role, program.bufs()[buf].node), (Role::Value, 0));
    /// assert_eq!(numbers.as_slice(), [3.0, 6.0]);
    /// assert_eq!(trace[1].numbers[0].1.as_slice(), [9.0, 36.0]);
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn trace<T: Scalar>(&self, params: &[T], x: Mat<'_, T>) -> Result<Vec<Written<T>>> {
        self.graph.check(params, x, self.batch)?;
        let read = |view: View| !matches!(view.base, Base::Given(given) if given != Given::X);
        if !self.instrs.iter().flat_map(super::Instr::views).all(read) {
            return Err(Error::setting(
                "Program::trace",
                "program",
                "one that reads parameters and inputs alone",
                "one that reads directions or cotangents",
            ));
        }
        let code = self.place::<T>(WHAT, REMEDY)?;
        let written = self.instrs.iter().map(|instr| instr.to.numbers());
        memory::fits::<T>(WHAT, written.fold(0, usize::saturating_add), REMEDY)?;
        let mut results = ASKED.map(|asked| {
            let views = self.instrs.iter().map(|instr| instr.to);
            let own = views.filter(|view| view.base == Base::Asked(asked));
            let (rows, cols) = own.fold((0, 0), |(rows, cols), view| {
                (
                    rows.max(view.row + view.rows),
                    cols.max(view.col + view.cols),
                )
            });
            DMatrix::from_element(rows, cols, T::zero())
        });
        let asks = ASKED.map(|asked| self.instrs.iter().any(|i| i.to.base == Base::Asked(asked)));
        let [_, y_dot, params_bar, x_bar, params_bar_dot, x_bar_dot] = asks;
        let wrt = Wrt {
            params: y_dot || params_bar || params_bar_dot,
            inputs: y_dot || x_bar || x_bar_dot,
        };
        let mut frame = Frame::new(&code, params, x);
        for (asked, matrix) in ASKED.into_iter().zip(&mut results) {
            frame = frame.ask(asked, MatMut::from(matrix));
        }
        let (mut arena, mut scratch) = (
            vec![T::zero(); code.len()],
            vec![T::zero(); code.scratch_len()],
        );
        let mut trace = Vec::new();
        for range in code.paths.iter().flatten() {
            let mut doubt = Wrt::NOTHING;
            let mut check = |doubt: Wrt| match doubt.meets(wrt) {
                true => self.graph.check_slopes(params, x, wrt, T::DUAL),
                false => Ok(()),
            };
            for k in range.start as usize..range.end as usize {
                let step = &code.steps[k..=k];
                code.steps::<T, false>(
                    step,
                    &mut frame,
                    &mut arena,
                    &mut scratch,
                    &mut doubt,
                    &mut check,
                )?;
                let instr = &self.instrs[k];
                let mut numbers = Vec::new();
                if instr.to != View::NOTHING {
                    let matrix = frame.written(&step[0].to, &arena).to_dmatrix();
                    numbers.push((instr.to, matrix));
                }
                let extra = &code.points[step[0].at as usize].extra;
                if instr.act.is_forward() && extra.in_arena() {
                    let matrix = frame.written(extra, &arena).to_dmatrix();
                    numbers.push((instr.at.extra, matrix));
                }
                trace.push(Written { instr: k, numbers });
            }
        }
        Ok(trace)
    }
}

const WHAT: &str = "the traced program with all that it writes";
const REMEDY: &str = "trace a narrower network or a smaller batch";
