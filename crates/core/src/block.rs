//! What a differentiable block is: [`Spec`], its description without a scalar, and [`Block`], its four maps.

use std::fmt::Debug;
use std::ops::Range;

use crate::planes::{DotOp, Moving};
use crate::{Cost, InPlace, Mat, MatMut, ParamShape, Real, SecondOrder};

/// Whether a parameter map overwrites its output or adds to it. Adding is weight sharing: "its contribution is the sum
/// of the two gradients" (lecture, reverse mode).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Accum {
    /// Overwrite, whatever was there.
    Set,
    /// Add to what is there.
    Add,
}

impl Accum {
    /// Sets or adds a value.
    ///
    /// ```
    /// use pushpull_core::Accum;
    /// let mut sum = f64::NAN;
    /// Accum::Set.put(&mut sum, 1.0);
    /// Accum::Add.put(&mut sum, 2.0);
    /// assert_eq!(sum, 3.0);
    /// ```
    #[inline(always)]
    pub fn put<T: Real>(self, target: &mut T, value: T) {
        match self {
            Self::Set => *target = value,
            Self::Add => *target += value,
        }
    }
}

/// The sizes of a block `h = f(x, w)`: the lecture's d, o and p (equation 12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Dims {
    /// Rows of the input x: d.
    pub n_in: usize,
    /// Rows of the output h: o.
    pub n_out: usize,
    /// Length of the parameters w: p.
    pub n_params: usize,
}

/// What the derivative maps of a block read besides the parameters. An engine stores this and may overwrite the rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Keeps {
    /// The input.
    pub x: bool,
    /// The output.
    pub y: bool,
    /// Further numbers for each column, which `forward` writes and the derivative maps read.
    pub extra: usize,
}

impl Keeps {
    /// The derivative is the same everywhere.
    pub const NOTHING: Self = Self {
        x: false,
        y: false,
        extra: 0,
    };
    /// The input alone.
    pub const X: Self = Self {
        x: true,
        y: false,
        extra: 0,
    };
    /// The output alone.
    pub const Y: Self = Self {
        x: false,
        y: true,
        extra: 0,
    };
}

/// A map of a block, where its cost or scratch memory is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// [`Block::forward`]
    Forward,
    /// [`Block::jvp_input`]
    JvpInput,
    /// [`Block::vjp_input`]
    VjpInput,
    /// [`Block::jvp_params`]
    JvpParams(Accum),
    /// [`Block::vjp_params`]
    VjpParams(Accum),
    /// [`Block::unit_params`]
    UnitParams(Accum),
}

/// The structure of a block's Jacobian with respect to its input, n_out x n_in for each sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InputJacobian {
    /// Any matrix.
    #[default]
    Dense,
    /// Zero off the diagonal.
    Diagonal,
    /// The identity.
    Identity,
    /// The block's first n_out n_in parameters, as a matrix column by column: the same for every sample.
    Weight,
}

impl InputJacobian {
    /// Whether it is the same at every input: then the maps by the input read neither input nor output, whatever
    /// [`Spec::keeps`] says, and are handed empty views or other numbers.
    ///
    /// ```
    /// use pushpull_core::InputJacobian;
    /// assert!(InputJacobian::Weight.is_constant() && !InputJacobian::Diagonal.is_constant());
    /// ```
    pub const fn is_constant(self) -> bool {
        matches!(self, Self::Identity | Self::Weight)
    }
}

/// The structure of a block's Jacobian with respect to its parameters, n_out x n_params for each sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ParamJacobian {
    /// The block has no parameters.
    None,
    /// Any matrix.
    #[default]
    Dense,
    /// Parameter i acts on output i mod n_out alone.
    Diagonal,
    /// x' (x) I for a matrix of parameters, column by column; with `bias`, followed by I.
    Kronecker {
        /// Whether n_out biases follow the matrix.
        bias: bool,
    },
}

/// Where the slopes of a block, the entries of its two Jacobians, are finite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Singular {
    /// Everywhere: `tanh`, whose slope at infinity is 0.
    #[default]
    Never,
    /// Wherever its input is finite: a product, whose slopes are its factors.
    WithInput,
    /// Wherever its input and its output are finite: `e^x`.
    WithOutput,
    /// Not at some points where input and output are finite: the square root at 0, a quotient by tiny numbers.
    AtPoints,
}

/// A slope that is not finite: the derivative of one entry of a block's output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Steep {
    /// The column.
    pub sample: usize,
    /// The row of the output.
    pub output: usize,
    /// The row of the input that the output is differentiated by; `None`: a parameter.
    pub input: Option<usize>,
    /// What the slope is taken at: the entry of the input, or of the output where only that is kept.
    pub at: f64,
}

/// The description of a block, the same at every scalar.
pub trait Spec: Debug + Send + Sync {
    /// A short name in lower case, such as `linear`; nodes are named after it.
    fn name(&self) -> &str {
        "block"
    }

    /// The sizes d, o, p. Constant over the life of the block.
    fn dims(&self) -> Dims;

    /// What the derivative maps read. Everything else may be gone when they run; for the maps by the input also x and y, if
    /// [`Spec::input_jacobian`] does not depend on them.
    fn keeps(&self) -> Keeps;

    /// The matrices of the parameters, in flat order, each column by column.
    fn params(&self) -> Vec<ParamShape> {
        match self.dims().n_params {
            0 => Vec::new(),
            n => vec![ParamShape::weight("params", n, 1)],
        }
    }

    /// The exact cost of a map on `batch` columns, with `seeds` seeds. `None`: not declared; tools then count the map
    /// by running it at [`crate::Counted`].
    fn cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let _ = (op, batch, seeds);
        None
    }

    /// The exact cost of a map at [`crate::Dual`] numbers, in operations of their parts. `None`: not declared, and counted.
    fn dual_cost(&self, op: Op, batch: usize, seeds: usize) -> Option<Cost> {
        let _ = (op, batch, seeds);
        None
    }

    /// The exact cost of one of the maps of [`SecondOrder`], given which tangents there are. `None`: not declared, and counted.
    fn dot_cost(&self, op: DotOp, moving: Moving, batch: usize) -> Option<Cost> {
        let _ = (op, moving, batch);
        None
    }

    /// Numbers of scratch memory that a map needs; an engine hands it in, with whatever contents.
    fn scratch_len(&self, op: Op, batch: usize, seeds: usize) -> usize {
        let _ = (batch, seeds);
        // What the provided `unit_params` needs for one unit vector.
        if matches!(op, Op::UnitParams(_)) {
            self.dims().n_params
        } else {
            0
        }
    }

    /// Whether [`Block::forward`] does without the `extra` numbers where it is handed an empty slice: an engine that will
    /// run none of the derivative maps then saves their memory.
    fn optional_extra(&self) -> bool {
        false
    }

    /// Numbers of scratch memory that each map of [`SecondOrder`] needs.
    fn dot_scratch_len(&self, batch: usize) -> usize {
        let ops = [
            (Op::JvpInput, 1),
            (Op::JvpParams(Accum::Add), 1),
            (Op::VjpInput, 2),
            (Op::VjpParams(Accum::Add), 1),
        ];
        ops.into_iter()
            .map(|(op, seeds)| self.scratch_len(op, batch, seeds))
            .max()
            .unwrap_or(0)
    }

    /// Whether the maps share their work among an engine's threads themselves, as products and elementwise loops do. The
    /// columns of every other block's are cut by the engine, where there is work enough ([`crate::team`]).
    fn shares(&self) -> bool {
        false
    }

    /// The structure of dh/dx.
    fn input_jacobian(&self) -> InputJacobian {
        InputJacobian::Dense
    }

    /// The structure of dh/dw.
    fn param_jacobian(&self) -> ParamJacobian {
        if self.dims().n_params == 0 {
            ParamJacobian::None
        } else {
            ParamJacobian::Dense
        }
    }

    /// Whether the derivative maps differ from the derivative of `forward` on purpose: gradient clipping, the
    /// straight-through estimator and other surrogates. Such a block is passed over by the check that a debug build
    /// makes of every graph ([`crate::Builder::build`]); every other block has to be right.
    fn surrogate(&self) -> bool {
        false
    }

    /// Every kink of a block that acts entry by entry ([`InputJacobian::Diagonal`]), as (x, derivative to the left,
    /// derivative to the right): so a tool can find the entries of a batch that sit on one.
    fn kinks(&self) -> Vec<(f64, f64, f64)> {
        Vec::new()
    }

    /// Where the block's slopes are finite. Anything but [`Singular::Never`] needs [`Block::singular_at`].
    fn singular(&self) -> Singular {
        Singular::Never
    }

    /// A fault in the block's own settings (a non-finite factor, a row out of range), found when a graph is built.
    ///
    /// # Errors
    /// [`crate::Error::Setting`]
    fn validate(&self) -> crate::Result<()> {
        Ok(())
    }
}

/// Where a derivative is taken: parameters, and of a batch what [`Spec::keeps`] declares. What is not declared is an
/// empty view or holds other numbers.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a, T> {
    /// n_params numbers.
    pub params: &'a [T],
    /// n_in x batch
    pub x: Mat<'a, T>,
    /// n_out x batch
    pub y: Mat<'a, T>,
    /// `keeps().extra` numbers for each column, column after column.
    pub extra: &'a [T],
    /// Number of samples.
    pub batch: usize,
}

impl<'a, T> Point<'a, T> {
    /// The sample that a column of seeds belongs to: several seeds lie one after the other, each a batch wide.
    #[inline(always)]
    pub const fn sample_of(&self, column: usize) -> usize {
        column % self.batch
    }

    /// The input of the sample that a column of seeds belongs to.
    ///
    /// ```
    /// use pushpull_core::{Mat, Point};
    /// let x = [1.0, 2.0]; // two samples
    /// let at = Point { params: &[], x: Mat::new(&x, 1, 2), y: Mat::empty(), extra: &[], batch: 2 };
    /// assert_eq!(at.x_of(3), [2.0]); // of the second seed, the second sample
    /// ```
    #[inline(always)]
    pub fn x_of(&self, column: usize) -> &'a [T] {
        self.x.col(self.sample_of(column))
    }

    /// The output of the sample that a column of seeds belongs to.
    #[inline(always)]
    pub fn y_of(&self, column: usize) -> &'a [T] {
        self.y.col(self.sample_of(column))
    }

    /// The further numbers of the sample that a column of seeds belongs to.
    #[inline(always)]
    pub fn extra_of(&self, column: usize) -> &'a [T] {
        let each = self.extra.len() / self.batch;
        &self.extra[self.sample_of(column) * each..][..each]
    }

    /// The same point for sample `j` alone.
    pub fn sample(&self, j: usize) -> Self {
        self.samples(j..j + 1)
    }

    /// The same point for some of the samples.
    pub fn samples(&self, range: Range<usize>) -> Self {
        let columns = |mat: Mat<'a, T>| {
            if mat.ncols() == 0 {
                mat
            } else {
                mat.cols(range.clone())
            }
        };
        let extra = self.extra.len() / self.batch;
        Self {
            params: self.params,
            x: columns(self.x),
            y: columns(self.y),
            extra: &self.extra[range.start * extra..range.end * extra],
            batch: range.len(),
        }
    }
}

/// A block `h = f(x, w)` on a batch, at the scalar `T`: x is n_in x batch, a sample a column.
///
/// Tangents (`_dot`) and cotangents (`_bar`) of S seeds have batch * S columns, column `seed * batch + sample`: the
/// columns of one seed are a matrix of the primal's shape. The laws are in the [crate's documentation](crate).
///
/// A parameter-free block implements the first three maps. A block of few partial derivatives can be had for less:
/// [`crate::blocks::Partials`].
///
/// ```
/// use pushpull_core::{Accum, Block, Dims, Keeps, Mat, MatMut, Point, Real, Spec, linalg::total};
/// /// h = w * x, entry by entry
/// #[derive(Debug)]
/// struct Stretch(usize);
///
/// impl Spec for Stretch {
///     fn dims(&self) -> Dims {
///         Dims { n_in: self.0, n_out: self.0, n_params: self.0 }
///     }
///     fn keeps(&self) -> Keeps {
///         Keeps::X // what the derivative maps read: an engine stores that and nothing else
///     }
/// }
///
/// impl<T: Real> Block<T> for Stretch {
///     fn forward(&self, w: &[T], x: Mat<'_, T>, mut y: MatMut<'_, T>, _: &mut [T]) {
///         for (j, x) in x.columns().enumerate() {
///             (0..self.0).for_each(|i| y.col_mut(j)[i] = w[i] * x[i]);
///         }
///     }
///     fn jvp_input(&self, at: &Point<'_, T>, x_dot: Mat<'_, T>, mut y_dot: MatMut<'_, T>, _: &mut [T]) {
///         for (j, x_dot) in x_dot.columns().enumerate() {
///             (0..self.0).for_each(|i| y_dot.col_mut(j)[i] = at.params[i] * x_dot[i]);
///         }
///     }
///     fn vjp_input(&self, at: &Point<'_, T>, y_bar: Mat<'_, T>, x_bar: MatMut<'_, T>, scratch: &mut [T]) {
///         self.jvp_input(at, y_bar, x_bar, scratch); // a diagonal matrix is its own transpose
///     }
///     fn jvp_params(&self, at: &Point<'_, T>, w_dot: Mat<'_, T>, acc: Accum, mut y_dot: MatMut<'_, T>, _: &mut [T]) {
///         for j in 0..y_dot.ncols() {
///             let (x, w_dot) = (at.x_of(j), w_dot.col(j / at.batch));
///             (0..self.0).for_each(|i| acc.put(&mut y_dot.col_mut(j)[i], w_dot[i] * x[i]));
///         }
///     }
///     fn vjp_params(&self, at: &Point<'_, T>, y_bar: Mat<'_, T>, acc: Accum, w_bar: &mut [T], _: &mut [T]) {
///         for i in 0..self.0 {
///             acc.put(&mut w_bar[i], total(at.batch, |j| y_bar.get(i, j) * at.x.get(i, j)));
///         }
///     }
/// }
/// # let mut b = pushpull_core::Builder::new();
/// # let x = b.input("x", 2);
/// # let y = b.named("stretch", Stretch(2), x);
/// # assert_eq!(b.build(y)?.n_params(), 2);
/// # Ok::<(), pushpull_core::Error>(())
/// ```
pub trait Block<T: Real>: Spec {
    /// `y = f(x, w)`, and the `extra` numbers if [`Spec::keeps`] asks for them; `extra` may be empty where
    /// [`Spec::optional_extra`] says so.
    fn forward(&self, params: &[T], x: Mat<'_, T>, y: MatMut<'_, T>, extra: &mut [T]);

    /// `y_dot = (df/dx) x_dot`: n_in x batch S to n_out x batch S.
    fn jvp_input(
        &self,
        at: &Point<'_, T>,
        x_dot: Mat<'_, T>,
        y_dot: MatMut<'_, T>,
        scratch: &mut [T],
    );

    /// `x_bar = (df/dx)' y_bar`: n_out x batch S to n_in x batch S.
    fn vjp_input(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        x_bar: MatMut<'_, T>,
        scratch: &mut [T],
    );

    /// `y_dot (+)= (df/dw) params_dot`: n_params x S to n_out x batch S.
    fn jvp_params(
        &self,
        at: &Point<'_, T>,
        params_dot: Mat<'_, T>,
        acc: Accum,
        y_dot: MatMut<'_, T>,
        scratch: &mut [T],
    ) {
        let _ = (at, params_dot, acc, y_dot, scratch);
        unimplemented_params(self.name());
    }

    /// `params_bar (+)= (df/dw)' y_bar`, summed over the batch: n_out x batch to n_params. One seed.
    fn vjp_params(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        acc: Accum,
        params_bar: &mut [T],
        scratch: &mut [T],
    ) {
        let _ = (at, y_bar, acc, params_bar, scratch);
        unimplemented_params(self.name());
    }

    /// The pushforward, or Jacobian-vector product, along S directions:
    /// `y_dot = (df/dx) x_dot + (df/dw) params_dot`, from n_in x batch S and n_params x S to n_out x batch S. A direction that
    /// is not there is zero. `scratch` is as long as the longer of the two maps needs.
    ///
    /// Provided by [`Block::jvp_input`] and [`Block::jvp_params`].
    ///
    /// ```
    /// use pushpull_core::{Block, Mat, MatMut, Point, blocks::Linear};
    /// let (w, x) = ([2.0, 3.0], [5.0]); // h = w1 x + w2
    /// let at = Point { params: &w, x: Mat::new(&x, 1, 1), y: Mat::empty(), extra: &[], batch: 1 };
    /// let mut h_dot = [0.0];
    /// let (w_dot, x_dot) = (Mat::new(&[1.0, 10.0], 2, 1), Mat::new(&[100.0], 1, 1));
    /// Linear::new(1, 1).jvp(&at, Some(w_dot), Some(x_dot), MatMut::new(&mut h_dot, 1, 1), &mut []);
    /// assert_eq!(h_dot, [5.0 + 10.0 + 2.0 * 100.0]);
    /// ```
    fn jvp(
        &self,
        at: &Point<'_, T>,
        params_dot: Option<Mat<'_, T>>,
        x_dot: Option<Mat<'_, T>>,
        mut y_dot: MatMut<'_, T>,
        scratch: &mut [T],
    ) {
        let mut acc = Accum::Set;
        if let Some(x_dot) = x_dot {
            self.jvp_input(at, x_dot, y_dot.rb_mut(), scratch);
            acc = Accum::Add;
        }
        match params_dot {
            Some(params_dot) => self.jvp_params(at, params_dot, acc, y_dot, scratch),
            None if acc == Accum::Set => y_dot.fill(T::zero()),
            None => {}
        }
    }

    /// The pullback, or vector-Jacobian product, of one cotangent: `params_bar (+)= (df/dw)' y_bar`, summed over the batch,
    /// and `x_bar = (df/dx)' y_bar`. What is `None` is not computed. `scratch` is as long as the longer of the two maps needs.
    ///
    /// Provided by [`Block::vjp_params`] and [`Block::vjp_input`].
    ///
    /// ```
    /// use pushpull_core::{Accum, Block, Mat, MatMut, Point, blocks::Linear};
    /// let (w, x) = ([2.0, 3.0], [5.0]); // h = w1 x + w2
    /// let at = Point { params: &w, x: Mat::new(&x, 1, 1), y: Mat::empty(), extra: &[], batch: 1 };
    /// let (mut w_bar, mut x_bar) = ([0.0; 2], [0.0]);
    /// let (into_w, into_x) = (Some((Accum::Set, &mut w_bar[..])), Some(MatMut::new(&mut x_bar, 1, 1)));
    /// Linear::new(1, 1).vjp(&at, Mat::new(&[10.0], 1, 1), into_w, into_x, &mut []);
    /// assert_eq!((w_bar, x_bar), ([50.0, 10.0], [20.0]));
    /// ```
    fn vjp(
        &self,
        at: &Point<'_, T>,
        y_bar: Mat<'_, T>,
        params_bar: Option<(Accum, &mut [T])>,
        x_bar: Option<MatMut<'_, T>>,
        scratch: &mut [T],
    ) {
        if let Some((acc, params_bar)) = params_bar {
            self.vjp_params(at, y_bar, acc, params_bar, scratch);
        }
        if let Some(x_bar) = x_bar {
            self.vjp_input(at, y_bar, x_bar, scratch);
        }
    }

    /// [`Block::jvp_params`] for the unit vectors of the parameters `first..first + S`: the columns of the lecture's
    /// tangent matrix at its birth. Provided; a block whose unit tangents are sparse overrides it.
    fn unit_params(
        &self,
        at: &Point<'_, T>,
        first: usize,
        acc: Accum,
        mut y_dot: MatMut<'_, T>,
        scratch: &mut [T],
    ) {
        let n_params = self.dims().n_params;
        let (unit, rest) = scratch.split_at_mut(n_params);
        for seed in 0..y_dot.ncols() / at.batch {
            unit.fill(T::zero());
            unit[first + seed] = T::one();
            let columns = seed * at.batch..(seed + 1) * at.batch;
            self.jvp_params(
                at,
                Mat::new(unit, n_params, 1),
                acc,
                y_dot.rb_mut().cols(columns),
                rest,
            );
        }
    }

    /// Hands every slope at a point that is not finite to `found`; with `second`, also those whose own derivative is not.
    /// Engines ask right after [`Block::forward`] where [`Spec::singular`] calls for it, with the output at hand whether it
    /// is kept or not, so it has to be quick where there is none. At [`crate::Dual`] numbers the value of a slope counts, as everywhere.
    ///
    /// Provided for a block whose slopes are always finite.
    fn singular_at(&self, at: &Point<'_, T>, second: bool, found: &mut dyn FnMut(Steep)) {
        let _ = (at, second, found);
    }

    /// The maps that overwrite what they read: `Some(self)` for a block that has [`InPlace`].
    fn in_place(&self) -> Option<&dyn InPlace<T>> {
        None
    }

    /// The block's own second derivatives, on planes: `Some(self)` for a block that has [`SecondOrder`]. Without them, second
    /// derivatives run the block at [`crate::Dual`] numbers, which is right for every block, and slower.
    fn second(&self) -> Option<&dyn SecondOrder<T>> {
        None
    }
}

/// Reached only by a block that declares parameters without their maps.
fn unimplemented_params(name: &str) -> ! {
    panic!(
        "block {name} declares parameters but implements neither jvp_params nor vjp_params for this mode"
    )
}
