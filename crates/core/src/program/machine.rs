//! A placed program with its numbers.

use super::place::Place;
use super::{Code, Frame};
use crate::graph::Wrt;
use crate::{Mat, Result, Scalar};

/// A program with its numbers.
#[derive(Clone, Debug)]
pub struct Machine<T> {
    pub(super) code: Code,
    pub(super) arena: Vec<T>,
    pub(super) scratch: Vec<T>,
}

impl<T: Scalar> Machine<T> {
    /// A placed program and its buffers, which are allocated here.
    pub fn new(code: Code) -> Self {
        Self {
            arena: vec![T::zero(); code.len()],
            scratch: vec![T::zero(); code.scratch_len()],
            code,
        }
    }

    /// The program.
    #[inline]
    pub const fn code(&self) -> &Code {
        &self.code
    }

    /// Gives the buffers back, where another program is about to ask for its own. It cannot run any more.
    pub fn release(&mut self) {
        (self.arena, self.scratch) = (Vec::new(), Vec::new());
    }

    /// Runs one path: [`Code::run`].
    ///
    /// # Errors
    /// Those of `check`.
    #[inline]
    pub fn run(
        &mut self,
        path: usize,
        frame: &mut Frame<'_, T>,
        check: impl FnMut(Wrt) -> Result<()>,
    ) -> Result<()> {
        let Self {
            code,
            arena,
            scratch,
        } = self;
        code.run(path, frame, arena, scratch, check)
    }

    /// What the program left for the caller.
    pub fn output(&self) -> Mat<'_, T> {
        match self.code.output {
            Place::Dense {
                start, rows, cols, ..
            }
            | Place::Arena {
                start, rows, cols, ..
            } => Mat::new(&self.arena[start..], rows as usize, cols as usize),
            _ => Mat::empty(),
        }
    }
}
