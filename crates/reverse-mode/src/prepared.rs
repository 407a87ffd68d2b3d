//! The placed program of a question, with its numbers.

use std::ops::Range;

use pushpull_core::program::{Asked, Finals, Frame, Given, Machine, Spot};
use pushpull_core::{Accum, Mat, MatMut, Result, Scalar, Team, Wrt};

use crate::checkpoint::staged::{Part, Staged};
use crate::placed::Placed;
use crate::programs;
use crate::purpose::Purpose;
use crate::wanted::{Seed, Wanted};

/// A program with its numbers.
#[derive(Clone, Debug)]
pub(crate) struct Prepared<T> {
    pub purpose: Purpose,
    pub machine: Machine<T>,
    pub staged: Option<Box<Staged>>,
    /// Whether the arena holds a record from which nothing has been pulled back.
    fresh: bool,
    /// When parts of a gradient are final, if that was asked for.
    finals: Option<Box<Finals>>,
}

impl<T: Scalar> Prepared<T> {
    pub(crate) fn new(placed: Placed, team: &Team) -> Self {
        Self {
            purpose: placed.purpose,
            machine: Machine::new(placed.code).shared_by(team),
            staged: placed.staged,
            fresh: false,
            finals: None,
        }
    }

    /// Runs a path: of a gradient the one there is, of a record its own or a pullback.
    #[inline]
    fn run(
        &mut self,
        path: usize,
        frame: &mut Frame<'_, T>,
        check: impl FnMut(Wrt) -> Result<()>,
    ) -> Result<()> {
        let Some(staged) = &self.staged else {
            return self.machine.run(path, frame, check);
        };
        let part = match (self.purpose, path) {
            (Purpose::Gradient { .. } | Purpose::Norms, _) => Part::Both,
            (Purpose::Record, 0) => Part::Record,
            (Purpose::Record, _) => Part::Pull { fresh: self.fresh },
        };
        self.fresh = false;
        staged.run(&mut self.machine, path, part, frame, check)?;
        self.fresh = part == Part::Record;
        Ok(())
    }

    /// Value and gradient, prepared for them.
    #[inline]
    pub(crate) fn gradient(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        [params_bar, x_bar]: [MatMut<'_, T>; 2],
        unit: Option<T>,
        check: impl FnMut(Wrt) -> Result<()>,
    ) -> Result<T> {
        let mut value = [T::zero()];
        let mut frame = Frame::new(self.machine.code(), params, x)
            .ask(Asked::Value, MatMut::new(&mut value, 1, 1))
            .ask(Asked::ParamsBar, params_bar)
            .ask(Asked::XBar, x_bar)
            .unit(unit);
        self.run(0, &mut frame, check)?;
        Ok(value[0])
    }

    /// The same, and `tell` is told of each part of `params_bar` when it is final, but for what is final at the end.
    pub(crate) fn gradient_in_parts(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        params_bar: MatMut<'_, T>,
        check: impl FnMut(Wrt) -> Result<()>,
        tell: &mut dyn FnMut(Range<usize>, &[T]),
    ) -> Result<T> {
        let Self {
            machine,
            staged,
            finals,
            ..
        } = self;
        let finals = finals.get_or_insert_with(|| Box::new(machine.code().finals(0)));
        let mut value = [T::zero()];
        let mut frame = Frame::new(machine.code(), params, x)
            .ask(Asked::Value, MatMut::new(&mut value, 1, 1))
            .ask(Asked::ParamsBar, params_bar)
            .tell(finals, tell);
        if let Some(staged) = staged {
            staged.run(machine, 0, Part::Both, &mut frame, check)?;
        } else {
            let mut cursor = machine.code().after_values(0);
            let (spot, mut doubt) = (Spot::default(), Wrt::NOTHING);
            machine.run_down_to(0, &mut cursor, spot, &mut frame, &mut doubt, check)?;
        }
        Ok(value[0])
    }

    /// The norms of the samples' gradients, prepared for them.
    pub(crate) fn norms(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        to: MatMut<'_, T>,
        unit: Option<T>,
        check: impl FnMut(Wrt) -> Result<()>,
    ) -> Result<()> {
        let frame = Frame::new(self.machine.code(), params, x);
        self.run(0, &mut frame.ask(Asked::ParamsBar, to).unit(unit), check)
    }

    /// Records. Returns by what derivatives are in doubt.
    pub(crate) fn record(&mut self, params: &[T], x: Mat<'_, T>) -> Result<Wrt> {
        let (mut frame, mut found) = (Frame::new(self.machine.code(), params, x), Wrt::NOTHING);
        self.run(0, &mut frame, |doubt| {
            found = doubt;
            Ok(())
        })?;
        Ok(found)
    }

    /// Pulls cotangents back from the record, of which there are as many as `y_bar` has columns.
    pub(crate) fn pull(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        y_bar: Mat<'_, T>,
        params_bar: Option<(Accum, MatMut<'_, T>)>,
        x_bar: Option<MatMut<'_, T>>,
    ) -> Result<()> {
        let wanted = Wanted::of(params_bar.as_ref().map(|(acc, _)| *acc), x_bar.is_some());
        let code = self.machine.code();
        let seeds = y_bar.ncols() / code.batch();
        let mut frame = Frame::new(code, params, x)
            .give(Given::YBar, y_bar)
            .seeds(seeds);
        if let Some((_, params_bar)) = params_bar {
            frame = frame.ask(Asked::ParamsBar, params_bar);
        }
        if let Some(x_bar) = x_bar {
            frame = frame.ask(Asked::XBar, x_bar);
        }
        match programs::path(Seed::Given, wanted) {
            Some(path) => self.run(path, &mut frame, |_| Ok(())),
            None => Ok(()),
        }
    }

    /// Pulls the unit cotangents of outputs back: a column of `columns` for each output and sample, by parameters or inputs.
    pub(crate) fn rows(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        outputs: &Range<usize>,
        inputs: bool,
        columns: MatMut<'_, T>,
        unit: Option<T>,
    ) -> Result<()> {
        let (asked, wanted) = if inputs {
            (Asked::XBar, Wanted::of(None, true))
        } else {
            (Asked::ParamsBar, Wanted::of(Some(Accum::Set), false))
        };
        let mut frame = Frame::new(self.machine.code(), params, x)
            .ask(asked, columns)
            .seeds(outputs.len())
            .shift(outputs.start)
            .unit(unit);
        match programs::path(Seed::Unit, wanted) {
            Some(path) => self.run(path, &mut frame, |_| Ok(())),
            None => Ok(()),
        }
    }
}
