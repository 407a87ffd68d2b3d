//! Functions of one value: entry by entry, and by columns.

use std::panic::Location;
use std::sync::Arc;

use pushpull_core::blocks::{
    self, Clamp, Columns, Elementwise, Elu, LeakyRelu, LogSoftmax, LogSumExp, Map, Power, Softmax,
};
use pushpull_core::{AnyBlock, Scalar};

use crate::Var;

macro_rules! elementwise {
    ($($(#[$doc:meta])* $method:ident $function:ident;)*) => {$(
        $(#[$doc])*
        #[track_caller]
        pub fn $method(self) -> Self {
            self.on(|n| Map::new(blocks::$function, n), Location::caller())
        }
    )*};
}

impl<'t, T: Scalar> Var<'t, T> {
    elementwise! {
        /// tanh, entry by entry.
        tanh Tanh;
        /// 1 / (1 + e^-x), entry by entry.
        sigmoid Sigmoid;
        /// max(0, x), entry by entry; the derivative at 0 is 0.
        relu Relu;
        /// ln(1 + e^x), entry by entry.
        softplus Softplus;
        /// x sigmoid(x), entry by entry.
        silu Silu;
        /// x times the normal distribution's function of x, entry by entry.
        gelu Gelu;
        /// e^x, entry by entry.
        exp Exp;
        /// The natural logarithm, entry by entry, of positive entries.
        ln Ln;
        /// The sine, entry by entry.
        sin Sin;
        /// The cosine, entry by entry.
        cos Cos;
        /// x^2, entry by entry.
        square Square;
        /// The square root, entry by entry, of positive entries.
        sqrt Sqrt;
        /// |x|, entry by entry; the derivative at 0 is 0.
        abs Abs;
        /// 1 / x, entry by entry.
        recip Recip;
    }

    /// x where positive, else `slope * x`, entry by entry.
    #[track_caller]
    pub fn leaky_relu(self, slope: f64) -> Self {
        self.on(|n| Map::new(LeakyRelu { slope }, n), Location::caller())
    }

    /// x where positive, else `alpha (e^x - 1)`, entry by entry.
    #[track_caller]
    pub fn elu(self, alpha: f64) -> Self {
        self.on(|n| Map::new(Elu { alpha }, n), Location::caller())
    }

    /// `x^exponent` for a constant exponent, entry by entry.
    ///
    /// ```
    /// let tape = pushpull_tape::Tape::new();
    /// let x = tape.scalar(4.0);
    /// assert_eq!(tape.gradient(&x.powf(1.5), &[&x])?[0][(0, 0)], 3.0);
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn powf(self, exponent: f64) -> Self {
        self.on(|n| Map::new(Power { exponent }, n), Location::caller())
    }

    /// x within `low..=high`, else the nearer end, entry by entry. The derivative is 0 at the ends and beyond them.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// let tape = pushpull_tape::Tape::new();
    /// let x = tape.variable(dmatrix![-2.0, 0.5, 1.0]);
    /// assert_eq!(x.clamp(-1.0, 1.0).value()?, dmatrix![-1.0, 0.5, 1.0]);
    /// assert_eq!(tape.gradient(&x.clamp(-1.0, 1.0).sum(), &[&x])?[0], dmatrix![0.0, 1.0, 0.0]);
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn clamp(self, low: f64, high: f64) -> Self {
        self.on(|n| Map::new(Clamp { low, high }, n), Location::caller())
    }

    /// A scalar function of your own, entry by entry.
    ///
    /// ```
    /// use pushpull_core::{Real, blocks::Elementwise};
    /// #[derive(Clone, Debug)]
    /// struct Cube;
    /// impl Elementwise for Cube {
    ///     fn f<T: Real>(&self, x: T) -> T { x * x * x }
    ///     fn df<T: Real>(&self, x: T) -> T { T::from_f64(3.0) * x * x }
    /// }
    /// let tape = pushpull_tape::Tape::new();
    /// let x = tape.scalar(2.0);
    /// assert_eq!(tape.gradient(&x.map(Cube), &[&x])?[0][(0, 0)], 12.0);
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn map(self, function: impl Elementwise) -> Self {
        self.on(|n| Map::new(function, n), Location::caller())
    }

    /// A block without parameters on every column: n_in x K becomes n_out x K.
    pub(crate) fn by_columns(self, block: impl AnyBlock, at: &'static Location<'static>) -> Self {
        if self.is_faulty() {
            return self;
        }
        let (shape, count) = ((block.dims().n_out, self.ncols()), self.ncols());
        let block: Arc<dyn AnyBlock> = if count == 1 {
            Arc::new(block)
        } else {
            Arc::new(Columns::new(block, count))
        };
        self.inner().push(block, &[self], shape, false, at)
    }

    /// The softmax of each column.
    #[track_caller]
    pub fn softmax(self) -> Self {
        self.by_columns(Softmax::new(self.nrows()), Location::caller())
    }

    /// The logarithm of the softmax of each column.
    #[track_caller]
    pub fn log_softmax(self) -> Self {
        self.by_columns(LogSoftmax::new(self.nrows()), Location::caller())
    }

    /// `ln sum e^x` of each column: a row. Of all entries: [`Var::flatten`] first.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// let tape = pushpull_tape::Tape::new();
    /// let x = tape.variable(dmatrix![1e3, 0.0; -1e3, 0.0]);
    /// assert_eq!(x.log_sum_exp().value()?, dmatrix![1e3, 2f64.ln()]);
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn log_sum_exp(self) -> Self {
        self.by_columns(LogSumExp::new(self.nrows()), Location::caller())
    }

    /// The same value, through which no derivative passes, in either mode.
    ///
    /// ```
    /// let tape = pushpull_tape::Tape::new();
    /// let x = tape.scalar(3.0);
    /// assert_eq!(tape.gradient(&(x * x.stop_gradient()), &[&x])?[0][(0, 0)], 3.0);
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn stop_gradient(self) -> Self {
        if self.is_faulty() {
            return self;
        }
        let block = Arc::new(Map::new(blocks::Identity, self.len()));
        self.inner()
            .push(block, &[self], self.shape(), true, Location::caller())
    }
}
