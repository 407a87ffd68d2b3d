//! Derivatives in the shapes of their sources.

use std::collections::HashMap;
use std::ops::Index;

use nalgebra::DMatrix;
use pushpull_core::{Mat, Scalar};

use crate::program::Program;
use crate::{Connection, Key};

/// A derivative for each source, in its shape and in the order of asking: gradients, cotangents or products with a Hessian.
///
/// ```
/// use nalgebra::dmatrix;
/// use pushpull_tape::{Connection, Tape};
/// let tape = Tape::new();
/// let (a, b) = (tape.variable(dmatrix![1.0, 2.0]), tape.variable(dmatrix![5.0]));
/// let gradients = tape.gradient(&a.square(), &[&a, &b])?;
/// assert_eq!((&gradients[0], &gradients[1]), (&dmatrix![2.0, 4.0], &dmatrix![0.0]));
/// assert_eq!(gradients.connection(1), Connection::Unconnected);
/// assert_eq!(gradients.of(&a), Some(&gradients[0]));
/// # Ok::<(), pushpull_tape::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients<T: nalgebra::Scalar> {
    matrices: Vec<DMatrix<T>>,
    connections: Vec<Connection>,
    /// The first place of each source.
    places: HashMap<Key, usize>,
}

impl<T: Scalar> Gradients<T> {
    /// A flat vector over the program's sources, cut into their shapes.
    pub(crate) fn new(program: &Program<T>, flat: &[T]) -> Self {
        let cut = |wanted: &crate::program::Wanted| {
            let (nrows, ncols) = wanted.key.shape;
            match &wanted.range {
                Some(range) => Mat::new(&flat[range.clone()], nrows, ncols).to_dmatrix(),
                None => DMatrix::from_element(nrows, ncols, T::zero()),
            }
        };
        Self {
            matrices: program.wanted.iter().map(cut).collect(),
            connections: program
                .wanted
                .iter()
                .map(|wanted| wanted.connection)
                .collect(),
            // The last one to be put in is the first in order.
            places: (0..program.wanted.len())
                .rev()
                .map(|i| (program.wanted[i].key, i))
                .collect(),
        }
    }

    /// Whether the result depends on source `i`, and if not, why its derivative is zero.
    ///
    /// # Panics
    /// If there are not so many sources.
    pub fn connection(&self, i: usize) -> Connection {
        self.connections[i]
    }

    /// The derivative with respect to a source; `None` if it was not asked for.
    pub fn of(&self, source: impl Into<Key>) -> Option<&DMatrix<T>> {
        let found = self.places.get(&source.into())?;
        Some(&self.matrices[*found])
    }

    /// The derivatives in order.
    pub fn iter(&self) -> std::slice::Iter<'_, DMatrix<T>> {
        self.matrices.iter()
    }

    /// The derivatives themselves.
    pub fn into_vec(self) -> Vec<DMatrix<T>> {
        self.matrices
    }

    /// Number of sources.
    pub const fn len(&self) -> usize {
        self.matrices.len()
    }

    /// Whether there is no source.
    pub const fn is_empty(&self) -> bool {
        self.matrices.is_empty()
    }
}

impl<T: nalgebra::Scalar> Index<usize> for Gradients<T> {
    type Output = DMatrix<T>;
    fn index(&self, i: usize) -> &DMatrix<T> {
        &self.matrices[i]
    }
}

impl<T: nalgebra::Scalar> IntoIterator for Gradients<T> {
    type Item = DMatrix<T>;
    type IntoIter = std::vec::IntoIter<DMatrix<T>>;
    fn into_iter(self) -> Self::IntoIter {
        self.matrices.into_iter()
    }
}
