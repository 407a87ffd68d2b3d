//! On planes: the placed program of a question along a direction, with its numbers.

use pushpull_core::program::{Asked, Code, Frame, Given, Machine, Program, all_finite, in_range};
use pushpull_core::{Graph, Mat, MatMut, Result, Scalar, Wrt};

use super::{Along, Answer, Direction, emit};

/// Both programs with their buffers.
#[derive(Clone, Debug)]
pub(crate) struct Planes<T> {
    graph: Graph,
    batch: usize,
    asked: Along,
    machine: Machine<T>,
}

impl Along {
    /// The program of a question.
    pub(crate) fn program(self, graph: &Graph, batch: usize) -> Result<Program> {
        emit::along(graph, batch, self)
    }

    /// The program with its buffers in their places.
    pub(crate) fn code<T>(self, graph: &Graph, batch: usize) -> Result<Code> {
        let program = self.program(graph, batch)?;
        program.place::<T>("the record with its tangents", "use a smaller batch")
    }
}

impl<T: Scalar> Planes<T> {
    pub(crate) fn new(graph: &Graph, batch: usize, asked: Along) -> Result<Self> {
        Ok(Self {
            machine: Machine::new(asked.code::<T>(graph, batch)?),
            graph: graph.clone(),
            batch,
            asked,
        })
    }

    /// The value, and what is asked for. Another question than the last is prepared first.
    pub(crate) fn run(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        direction: Direction<'_, T>,
        answer: Answer<'_, T>,
    ) -> Result<T> {
        let asked = Along::of(&direction, &answer);
        if asked != self.asked {
            let code = asked.code::<T>(&self.graph, self.batch)?;
            self.machine.release();
            (self.machine, self.asked) = (Machine::new(code), asked);
        }
        let (wrt, mut value) = (super::wrt(&direction, &answer), [T::zero()]);
        let (graph, machine) = (&self.graph, &mut self.machine);
        let nothing = || MatMut::new(&mut [], 0, 0);
        let asked = [
            answer.params_bar.map_or_else(nothing, column),
            answer.params_bar_dot.map_or_else(nothing, column),
            answer.x_bar_dot.unwrap_or_else(nothing),
        ];
        in_range(
            asked,
            all_finite,
            |[params_bar, params_bar_dot, x_bar_dot], unit| {
                let mut frame = Frame::new(machine.code(), params, x)
                    .ask(Asked::Value, MatMut::new(&mut value, 1, 1))
                    .ask(Asked::ParamsBar, params_bar)
                    .ask(Asked::ParamsBarDot, params_bar_dot)
                    .ask(Asked::XBarDot, x_bar_dot)
                    .unit(unit);
                if let Some(dot) = direction.params {
                    frame = frame.give(Given::ParamsDot, Mat::from(dot));
                }
                if let Some(dot) = direction.inputs {
                    frame = frame.give(Given::XDot, dot);
                }
                machine.run(0, &mut frame, |doubt: Wrt| match doubt.meets(wrt) {
                    true => graph.check_slopes(params, x, wrt, true),
                    false => Ok(()),
                })
            },
        )?;
        Ok(value[0])
    }

    /// Bytes of all buffers.
    pub(crate) const fn bytes(&self) -> usize {
        let code = self.machine.code();
        (code.len() + code.scratch_len()) * size_of::<T>()
    }
}

fn column<T>(numbers: &mut [T]) -> MatMut<'_, T> {
    let n = numbers.len();
    MatMut::new(numbers, n, 1)
}
