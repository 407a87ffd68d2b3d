//! `+ - * /` entry by entry, with broadcasting.

use std::ops::{Add, Div, Mul, Neg, Sub};
use std::panic::Location;
use std::sync::Arc;

use pushpull_core::blocks::{
    self, Atan2, Broadcast, Extent, Map, Maximum, Minimum, Over, Pow, Scale, Shift, Where, Zip,
};
use pushpull_core::{AnyBlock, Scalar};

use crate::error::shown;
use crate::{Error, Var};

type At = &'static Location<'static>;

/// Both over the shape that they have in common: where a side is 1, it is repeated.
fn together<'t, T: Scalar>(
    op: &str,
    a: Var<'t, T>,
    b: Var<'t, T>,
    at: At,
) -> Result<(Var<'t, T>, Var<'t, T>), Var<'t, T>> {
    let (left, right) = (a.shape(), b.shape());
    if left == right || a.is_faulty() || b.is_faulty() {
        return Ok((a, b));
    }
    let common = |a: usize, b: usize| match (a, b) {
        (a, b) if a == b => Some(a),
        (1, n) | (n, 1) => Some(n),
        _ => None,
    };
    let Some(shape) = common(left.0, right.0).zip(common(left.1, right.1)) else {
        return Err(a.inner().fail(Error::Shapes {
            op: op.into(),
            left: shown(left),
            right: shown(right),
            expected: "the same rows and columns, or 1 where they are repeated".into(),
            at,
        }));
    };
    Ok((over(a, shape, at), over(b, shape, at)))
}

/// A row, a column or a number over a matrix of `shape`.
fn over<'t, T: Scalar>(var: Var<'t, T>, shape: (usize, usize), at: At) -> Var<'t, T> {
    let from = match var.shape() {
        own if own == shape => return var,
        (1, 1) => Extent::Scalar,
        (1, _) => Extent::Row,
        _ => Extent::Column,
    };
    let block = Arc::new(Broadcast::new(shape.0, shape.1, from));
    var.inner().push(block, &[var], shape, false, at)
}

fn both<'t, T: Scalar, B: AnyBlock>(
    op: &str,
    a: Var<'t, T>,
    b: Var<'t, T>,
    block: impl FnOnce(usize) -> B,
    at: At,
) -> Var<'t, T> {
    match together(op, a, b, at) {
        Ok((a, b)) => {
            let shape = if a.is_faulty() { b.shape() } else { a.shape() };
            a.inner().push(
                Arc::new(block(shape.0 * shape.1)),
                &[a, b],
                shape,
                false,
                at,
            )
        }
        Err(fault) => fault,
    }
}

impl<'t, T: Scalar> Var<'t, T> {
    /// The larger of two values, entry by entry, with broadcasting. At a tie the derivative goes to `other`; NaN in either
    /// gives NaN.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// let tape = pushpull_tape::Tape::new();
    /// let (a, b) = (tape.variable(dmatrix![1.0, 2.0, 3.0]), tape.scalar(2.0));
    /// assert_eq!(a.maximum(b).value()?, dmatrix![2.0, 2.0, 3.0]);
    /// let slopes = tape.gradient(&a.maximum(b).sum(), &[&a, &b])?;
    /// assert_eq!((&slopes[0], slopes[1][(0, 0)]), (&dmatrix![0.0, 0.0, 1.0], 2.0));
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn maximum(self, other: Self) -> Self {
        let block = |n| Zip::new(Maximum, n);
        both("maximum", self, other, block, Location::caller())
    }

    /// The smaller of two values, as [`Var::maximum`].
    #[track_caller]
    pub fn minimum(self, other: Self) -> Self {
        let block = |n| Zip::new(Minimum, n);
        both("minimum", self, other, block, Location::caller())
    }

    /// This value to the power of `exponent`, entry by entry, with broadcasting; for a constant exponent,
    /// [`Var::powf`]. At the base 0 the derivative by the exponent is 0; a negative base has none.
    ///
    /// ```
    /// let tape = pushpull_tape::Tape::new();
    /// let (a, b) = (tape.scalar(3.0), tape.scalar(2.0));
    /// let slopes = tape.gradient(&a.pow(b), &[&a, &b])?;
    /// assert_eq!(slopes[0][(0, 0)], 6.0);
    /// assert!((slopes[1][(0, 0)] - 9.0 * 3f64.ln()).abs() < 1e-14);
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn pow(self, exponent: Self) -> Self {
        both(
            "pow",
            self,
            exponent,
            |n| Zip::new(Pow, n),
            Location::caller(),
        )
    }

    /// The angle of the point whose height is this value and whose width is `x`, in [-pi, pi], with broadcasting. At the
    /// origin it has no derivative.
    ///
    /// ```
    /// let tape = pushpull_tape::Tape::new();
    /// let (y, x) = (tape.scalar(1.0), tape.scalar(1.0));
    /// let slopes = tape.gradient(&y.atan2(x), &[&y, &x])?;
    /// assert_eq!((slopes[0][(0, 0)], slopes[1][(0, 0)]), (0.5, -0.5));
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn atan2(self, x: Self) -> Self {
        both("atan2", self, x, |n| Zip::new(Atan2, n), Location::caller())
    }

    /// `a` where this value is positive, else `b`, entry by entry, with broadcasting: a mask of zeros and ones, or any
    /// number by its sign. Nothing passes through what is not selected, be it infinite or NaN; so this is how a derivative
    /// that does not exist is kept out. No derivative passes through the condition.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// let tape = pushpull_tape::Tape::new();
    /// let x = tape.variable(dmatrix![4.0, 0.0]);
    /// assert!(tape.gradient(&x.sqrt().sum(), &[&x]).is_err()); // the slope at 0 is infinite
    /// let safe = x.select(x.sqrt(), tape.constant(dmatrix![0.0]));
    /// assert_eq!(tape.gradient(&safe.sum(), &[&x])?[0], dmatrix![0.25, 0.0]);
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn select(self, a: Self, b: Self) -> Self {
        let at = Location::caller();
        // Each is repeated over what all three have in common.
        let parts = together("select", a, b, at).and_then(|(a, b)| {
            let (condition, a) = together("select", self, a, at)?;
            let (a, b) = together("select", a, b, at)?;
            Ok((condition, a, b))
        });
        match parts {
            Err(fault) => fault,
            Ok((condition, a, b)) => {
                let faulty = [condition, a, b].into_iter().find(Var::is_faulty);
                faulty.unwrap_or_else(|| {
                    let block = Arc::new(Where::new(condition.len()));
                    let shape = condition.shape();
                    self.inner()
                        .push(block, &[condition, a, b], shape, false, at)
                })
            }
        }
    }

    /// A block of one operand of the same width, for the functions of this crate.
    pub(crate) fn on<B: AnyBlock>(self, block: impl FnOnce(usize) -> B, at: At) -> Self {
        if self.is_faulty() {
            return self;
        }
        let block = Arc::new(block(self.len()));
        self.inner().push(block, &[self], self.shape(), false, at)
    }

    /// This value over a matrix of `nrows` x `ncols`: a row, a column or a number is repeated.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// let tape = pushpull_tape::Tape::new();
    /// let row = tape.variable(dmatrix![1.0, 2.0]);
    /// assert_eq!(row.broadcast(2, 2).value()?, dmatrix![1.0, 2.0; 1.0, 2.0]);
    /// # Ok::<(), pushpull_tape::Error>(())
    /// ```
    #[track_caller]
    pub fn broadcast(self, nrows: usize, ncols: usize) -> Self {
        let (at, (rows, columns)) = (Location::caller(), self.shape());
        if self.is_faulty() {
            return self;
        }
        if (rows != nrows && rows != 1) || (columns != ncols && columns != 1) {
            return self.inner().fail(Error::Shapes {
                op: "broadcast".into(),
                left: shown(self.shape()),
                right: shown((nrows, ncols)),
                expected: "the same rows and columns, or 1 where they are repeated".into(),
                at,
            });
        }
        over(self, (nrows, ncols), at)
    }
}

macro_rules! of_two {
    ($($trait:ident $method:ident $name:literal $block:expr;)*) => {$(
        impl<'t, T: Scalar> $trait for Var<'t, T> {
            type Output = Var<'t, T>;
            #[track_caller]
            fn $method(self, other: Self) -> Var<'t, T> {
                both($name, self, other, $block, Location::caller())
            }
        }
        impl<'t, T: Scalar> $trait<&Var<'t, T>> for Var<'t, T> {
            type Output = Var<'t, T>;
            #[track_caller]
            fn $method(self, other: &Self) -> Var<'t, T> {
                both($name, self, *other, $block, Location::caller())
            }
        }
        impl<'t, T: Scalar> $trait<Var<'t, T>> for &Var<'t, T> {
            type Output = Var<'t, T>;
            #[track_caller]
            fn $method(self, other: Var<'t, T>) -> Var<'t, T> {
                both($name, *self, other, $block, Location::caller())
            }
        }
        impl<'t, T: Scalar> $trait for &Var<'t, T> {
            type Output = Var<'t, T>;
            #[track_caller]
            fn $method(self, other: Self) -> Var<'t, T> {
                both($name, *self, *other, $block, Location::caller())
            }
        }
    )*};
}

of_two! {
    Add add "add" |n| blocks::Add::new(n, 2);
    Sub sub "sub" blocks::Sub::new;
    Mul mul "mul" blocks::Mul::new;
    Div div "div" blocks::Div::new;
}

impl<'t, T: Scalar> Neg for Var<'t, T> {
    type Output = Self;
    #[track_caller]
    fn neg(self) -> Self {
        self.on(|n| Scale::new(n, -1.0), Location::caller())
    }
}

impl<T: Scalar> Add<T> for Var<'_, T> {
    type Output = Self;
    #[track_caller]
    fn add(self, by: T) -> Self {
        let by = by.to_f64();
        self.on(|n| Map::new(Shift { by }, n), Location::caller())
    }
}
impl<T: Scalar> Sub<T> for Var<'_, T> {
    type Output = Self;
    #[track_caller]
    fn sub(self, by: T) -> Self {
        let by = -by.to_f64();
        self.on(|n| Map::new(Shift { by }, n), Location::caller())
    }
}
impl<T: Scalar> Mul<T> for Var<'_, T> {
    type Output = Self;
    #[track_caller]
    fn mul(self, by: T) -> Self {
        self.on(|n| Scale::new(n, by.to_f64()), Location::caller())
    }
}
impl<T: Scalar> Div<T> for Var<'_, T> {
    type Output = Self;
    #[track_caller]
    fn div(self, by: T) -> Self {
        self.on(|n| Scale::divided(n, by.to_f64()), Location::caller())
    }
}

macro_rules! number_first {
    ($($t:ty),*) => {$(
        impl<'t> Add<Var<'t, $t>> for $t {
            type Output = Var<'t, $t>;
            #[track_caller]
            fn add(self, var: Var<'t, $t>) -> Var<'t, $t> {
                var + self
            }
        }
        impl<'t> Mul<Var<'t, $t>> for $t {
            type Output = Var<'t, $t>;
            #[track_caller]
            fn mul(self, var: Var<'t, $t>) -> Var<'t, $t> {
                var * self
            }
        }
        impl<'t> Sub<Var<'t, $t>> for $t {
            type Output = Var<'t, $t>;
            #[track_caller]
            fn sub(self, var: Var<'t, $t>) -> Var<'t, $t> {
                -var + self
            }
        }
        impl<'t> Div<Var<'t, $t>> for $t {
            type Output = Var<'t, $t>;
            #[track_caller]
            fn div(self, var: Var<'t, $t>) -> Var<'t, $t> {
                let numerator = f64::from(self);
                var.on(|n| Map::new(Over { numerator }, n), Location::caller())
            }
        }
    )*};
}

number_first!(f32, f64);
