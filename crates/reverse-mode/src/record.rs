//! What the primal program left behind, ready to be pulled back.

use pushpull_core::linalg::sum;
use pushpull_core::siblings::given;
use pushpull_core::{Accum, Error, Mat, MatMut, Result, Scalar, Wrt};

use crate::Reverse;

/// A recorded run of the primal program. It can be pulled back any number of times; it borrows the parameters, so
/// changing them in between does not compile:
///
/// ```compile_fail
/// # use pushpull_core::{Builder, blocks::Linear};
/// # use pushpull_reverse_mode::Reverse;
/// # let mut b = Builder::new();
/// # let x = b.input("x", 1);
/// # let y = b.block(Linear::new(1, 1), x);
/// # let graph = b.build(y).unwrap();
/// let mut reverse = Reverse::new(&graph, 1).unwrap();
/// let mut params = vec![1.0, 2.0];
/// let record = reverse.record(&params, &[1.0][..]).unwrap();
/// params[0] = 5.0;
/// record.value();
/// ```
#[derive(Debug)]
pub struct Record<'t, T> {
    pub(crate) engine: &'t mut Reverse<T>,
    pub(crate) params: &'t [T],
    pub(crate) x: Mat<'t, T>,
    /// By what derivatives may not exist.
    pub(crate) doubt: Wrt,
}

impl<T: Scalar> Record<'_, T> {
    /// The output, n_outputs x batch.
    pub fn output(&self) -> Mat<'_, T> {
        self.engine.prepared.machine.output()
    }

    /// The sum of all outputs over the batch.
    pub fn value(&self) -> T {
        sum(self.output())
    }

    /// Runs the adjoint program for the cotangents `y_bar` of the output, n_outputs x batch S: of the parameters into
    /// `params_bar` (n_params x S, set or added as `acc` says), of the inputs into `x_bar` (n_inputs x batch S, always
    /// assigned; exact zeros for constant inputs). What is `None` is not computed. Allocates nothing.
    ///
    /// With checkpoints it computes what was not kept again; a second pullback, and every further group of seeds that do not
    /// fit side by side, starts from the input once more.
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::NotFinite`] for `y_bar`, and as [`pushpull_core::Graph::check_slopes`]; then nothing is
    /// written.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// use pushpull_core::{Accum, Builder, Mat, MatMut, blocks::Linear};
    /// use pushpull_reverse_mode::Reverse;
    /// let mut b = Builder::new();
    /// let x = b.input("x", 2);
    /// let y = b.block(Linear::without_bias(2, 1), x);
    /// let graph = b.build(y)?;
    /// let mut reverse = Reverse::new(&graph, 1)?;
    /// let mut record = reverse.record(&[3.0, 5.0], &[10.0, 20.0][..])?;
    /// let (mut w_bar, mut x_bar) = ([0.0; 2], [0.0; 2]);
    /// let (into_w, into_x) = (MatMut::new(&mut w_bar, 2, 1), MatMut::new(&mut x_bar, 2, 1));
    /// record.pullback(&[2.0][..], Accum::Set, Some(into_w), Some(into_x))?;
    /// assert_eq!((w_bar, x_bar), ([20.0, 40.0], [6.0, 10.0]));
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn pullback<'a>(
        &mut self,
        y_bar: impl Into<Mat<'a, T>>,
        acc: Accum,
        mut params_bar: Option<MatMut<'_, T>>,
        mut x_bar: Option<MatMut<'_, T>>,
    ) -> Result<()> {
        let y_bar = y_bar.into();
        let (graph, batch, side) = (self.engine.graph(), self.engine.batch(), self.engine.side());
        let seeds = y_bar.ncols() / batch;
        if y_bar.nrows() != graph.n_outputs() || y_bar.ncols() != seeds * batch || seeds == 0 {
            return Err(Error::Shape {
                name: "y_bar".into(),
                expected: format!("{} x {batch} times the number of seeds", graph.n_outputs()),
                got: format!("{} x {}", y_bar.nrows(), y_bar.ncols()),
                remedy: "give every seed one column for each sample, ordered seed by seed".into(),
            });
        }
        if let Some(params_bar) = &params_bar {
            fits("params_bar", params_bar, (graph.n_params(), seeds))?;
        }
        if let Some(x_bar) = &x_bar {
            fits("x_bar", x_bar, (graph.n_inputs(), y_bar.ncols()))?;
        }
        given::finite("y_bar", y_bar)?;
        let wrt = Wrt {
            params: params_bar.is_some(),
            inputs: x_bar.is_some(),
        };
        graph.settle(self.params, self.x, self.doubt, wrt)?;
        let Reverse { prepared, team, .. } = &mut *self.engine;
        for first in (0..seeds).step_by(side) {
            let group = first..seeds.min(first + side);
            let columns = group.start * batch..group.end * batch;
            let params_bar = params_bar
                .as_mut()
                .map(|target| (acc, target.rb_mut().cols(group)));
            let x_bar = x_bar
                .as_mut()
                .map(|target| target.rb_mut().cols(columns.clone()));
            let y_bar = y_bar.cols(columns);
            team.run(|| prepared.pull(self.params, self.x, y_bar, params_bar, x_bar))?;
        }
        Ok(())
    }
}

/// Whether a matrix to write to has the `expected` shape.
pub(crate) fn fits<T>(name: &str, target: &MatMut<'_, T>, expected: (usize, usize)) -> Result<()> {
    given::shaped(
        name,
        target.shape(),
        expected,
        "allocate the target for all seeds",
    )
}
