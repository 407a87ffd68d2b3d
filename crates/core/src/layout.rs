//! Flat parameters and their named matrix views.

use std::ops::Range;

use num_traits::Zero;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Error, Mat, MatMut, Real, Result, memory};

/// What a parameter matrix is for, which decides how it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A matrix n_out x n_in: starts at random.
    Weight,
    /// An offset: starts at 0.
    Bias,
    /// A factor: starts at 1.
    Gain,
}

/// One parameter matrix of a block.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ParamShape {
    /// `weight`, `bias`, ...
    pub name: &'static str,
    /// Rows (n_out).
    pub nrows: usize,
    /// Columns (n_in).
    pub ncols: usize,
    /// How it starts.
    pub role: Role,
}

impl ParamShape {
    /// A weight matrix.
    pub const fn weight(name: &'static str, nrows: usize, ncols: usize) -> Self {
        Self {
            name,
            nrows,
            ncols,
            role: Role::Weight,
        }
    }
    /// A column of offsets.
    pub const fn bias(name: &'static str, nrows: usize) -> Self {
        Self {
            name,
            nrows,
            ncols: 1,
            role: Role::Bias,
        }
    }
    /// A column of factors.
    pub const fn gain(name: &'static str, nrows: usize) -> Self {
        Self {
            name,
            nrows,
            ncols: 1,
            role: Role::Gain,
        }
    }
}

/// A named matrix within the flat parameters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// `node.matrix`, such as `layer0.weight`.
    pub name: String,
    /// Where its first number lies.
    pub offset: usize,
    /// Its shape and role.
    pub shape: ParamShape,
}

impl Entry {
    /// Its place in the flat parameters.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.shape.nrows * self.shape.ncols
    }
}

/// How weights start, from a seed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// Uniform on [-a, a].
    Uniform(f64),
    /// Uniform on [-a, a] with a = sqrt(6 / (n_in + n_out)) (Glorot and Bengio 2010, equation 16).
    Glorot,
    /// Normal with variance 2 / n_in (He et al. 2015, equation 10).
    He,
}

/// The parameters of a graph: one flat vector, in which every block's matrices lie one after the other, column by
/// column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    entries: Vec<Entry>,
    len: usize,
}

impl Layout {
    /// Appends a node's matrices and returns the range of its parameters. Numbers saturate, so that a builder can refuse
    /// them.
    pub(crate) fn append(&mut self, node: &str, shapes: Vec<ParamShape>) -> Range<usize> {
        let start = self.len;
        for shape in shapes {
            let entry = Entry {
                name: format!("{node}.{}", shape.name),
                offset: self.len,
                shape,
            };
            let len = memory::elements(&[entry.shape.nrows, entry.shape.ncols]);
            self.len = self.len.saturating_add(len);
            self.entries.push(entry);
        }
        start..self.len
    }

    /// The number of parameters.
    #[allow(clippy::len_without_is_empty)] // A graph without parameters is still a layout.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// The matrices in flat order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of a name.
    ///
    /// # Errors
    /// [`Error::UnknownName`] with the names there are.
    pub fn entry(&self, name: &str) -> Result<&Entry> {
        self.entries
            .iter()
            .find(|entry| entry.name == name)
            .ok_or_else(|| Error::UnknownName {
                kind: "parameter matrix".into(),
                name: name.into(),
                known: self
                    .entries
                    .iter()
                    .map(|entry| entry.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            })
    }

    /// The matrix called `name` within `params`.
    ///
    /// # Errors
    /// [`Error::UnknownName`], or [`Error::Length`] if `params` is not this layout's.
    pub fn view<'a, T>(&self, params: &'a [T], name: &str) -> Result<Mat<'a, T>> {
        self.check("params", params)?;
        let entry = self.entry(name)?;
        Ok(Mat::new(
            &params[entry.range()],
            entry.shape.nrows,
            entry.shape.ncols,
        ))
    }

    /// The matrix called `name` within `params`, to write.
    ///
    /// # Errors
    /// As [`Layout::view`].
    pub fn view_mut<'a, T>(&self, params: &'a mut [T], name: &str) -> Result<MatMut<'a, T>> {
        self.check("params", params)?;
        let entry = self.entry(name)?;
        Ok(MatMut::new(
            &mut params[entry.range()],
            entry.shape.nrows,
            entry.shape.ncols,
        ))
    }

    /// Whether `params` has this layout's length.
    ///
    /// # Errors
    /// [`Error::Length`]
    pub fn check<T>(&self, name: &str, params: &[T]) -> Result<()> {
        if params.len() == self.len {
            return Ok(());
        }
        Err(Error::Length {
            name: name.into(),
            expected: self.len,
            got: params.len(),
        })
    }

    /// All parameters zero. They are allocated at once: where [`Layout::len`] numbers may not fit, ask an engine first, which
    /// refuses with an error.
    pub fn zeros<T: Zero + Clone>(&self) -> Vec<T> {
        vec![T::zero(); self.len]
    }

    /// Starting parameters: weights by `init`, biases 0, gains 1. The same numbers for a seed, on every machine and at
    /// every scalar (up to rounding to it).
    ///
    /// ```
    /// use pushpull_core::{Builder, Init, blocks::Linear};
    /// let mut b = Builder::new();
    /// let x = b.input("x", 3);
    /// let y = b.named("layer0", Linear::new(3, 2), [x]);
    /// let graph = b.build(y)?;
    /// let params: Vec<f64> = graph.layout().init(Init::Uniform(0.5), 1);
    /// let weight = graph.layout().view(&params, "layer0.weight")?;
    /// assert_eq!(weight.shape(), (2, 3));
    /// assert!(params.iter().all(|w| w.abs() <= 0.5));
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn init<T: Real>(&self, init: Init, seed: u64) -> Vec<T> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut params = Vec::with_capacity(self.len);
        for Entry { shape, .. } in &self.entries {
            let (n_out, n_in) = (shape.nrows as f64, shape.ncols as f64);
            params.extend((0..shape.nrows * shape.ncols).map(|_| {
                T::from_f64(match (shape.role, init) {
                    (Role::Bias, _) => 0.0,
                    (Role::Gain, _) => 1.0,
                    (Role::Weight, Init::Uniform(a)) => uniform(&mut rng, a),
                    (Role::Weight, Init::Glorot) => {
                        uniform(&mut rng, (6.0 / (n_in + n_out)).sqrt())
                    }
                    (Role::Weight, Init::He) => (2.0 / n_in).sqrt() * normal(&mut rng),
                })
            }));
        }
        params
    }
}

fn uniform(rng: &mut ChaCha8Rng, a: f64) -> f64 {
    a * (2.0 * rng.random::<f64>() - 1.0)
}

/// Box and Muller's transformation of two uniform numbers; 1 - u keeps the logarithm finite.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

#[cfg(test)]
mod tests {
    use super::{Init, Layout, ParamShape};
    use crate::Error;

    fn layout() -> Layout {
        let mut layout = Layout::default();
        layout.append(
            "a",
            vec![
                ParamShape::weight("weight", 200, 100),
                ParamShape::bias("bias", 200),
            ],
        );
        layout.append("b", vec![ParamShape::gain("gain", 7)]);
        layout
    }

    #[test]
    fn initialisers_have_the_spread_they_promise() {
        let layout = layout();
        let variance = |init| {
            let params: Vec<f64> = layout.init(init, 3);
            params[..20_000].iter().map(|w| w * w).sum::<f64>() / 20_000.0
        };
        assert!((variance(Init::Uniform(0.5)) * 12.0 - 1.0).abs() < 0.03);
        assert!((variance(Init::Glorot) * 150.0 - 1.0).abs() < 0.03);
        assert!((variance(Init::He) * 50.0 - 1.0).abs() < 0.03);
    }

    #[test]
    fn biases_start_at_zero_and_gains_at_one_and_a_seed_repeats() {
        let params: Vec<f32> = layout().init(Init::He, 9);
        assert!(
            params[20_000..20_200].iter().all(|&b| b == 0.0)
                && params[20_200..].iter().all(|&g| g == 1.0)
        );
        assert_eq!(params, layout().init::<f32>(Init::He, 9));
        assert_ne!(params, layout().init::<f32>(Init::He, 10));
    }

    #[test]
    fn wrong_names_and_lengths_are_told() {
        let mut params: Vec<f64> = layout().zeros();
        let Err(Error::UnknownName { known, .. }) = layout().view(&params, "c.weight") else {
            panic!()
        };
        assert_eq!(known, "a.weight, a.bias, b.gain");
        layout().view_mut(&mut params, "b.gain").unwrap().fill(2.0);
        assert_eq!(params[20_206], 2.0);
        assert!(matches!(
            layout().view(&params[1..], "a.bias"),
            Err(Error::Length {
                expected: 20_207,
                ..
            })
        ));
    }
}
