//! A gradient in parts: each told of as soon as it is final.

use std::collections::BTreeMap;
use std::ops::Range;

use pushpull_core::linalg::first_not_finite;
use pushpull_core::program::{gradient_finite, in_range};
use pushpull_core::{Mat, MatMut, Result, Scalar, Wrt};

use crate::Reverse;
use crate::purpose::Purpose;

impl<T: Scalar> Reverse<T> {
    /// As [`Reverse::value_and_gradient`], to the same bits, and `tell` is told of each part of the gradient as soon as it is
    /// final, while the blocks before are still pulled back: which parameters, and their numbers. Of a chain, the last block's
    /// come first. All parameters are told of, each once; what is not finite at first is told of at the end, since it may be
    /// computed again in a smaller range. Of use where the gradient goes elsewhere, as to other machines. Allocates a few
    /// numbers for each block, and looks at every number of the gradient once more.
    ///
    /// # Errors
    /// As [`Reverse::value_and_gradient`]; then what was told does not count.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// use pushpull_core::{Mlp, blocks::{Activation, Loss}};
    /// use pushpull_reverse_mode::Reverse;
    /// let graph = Mlp::new(&[2, 3, 1], Activation::Tanh).loss(Loss::SquaredError).build()?;
    /// let mut reverse = Reverse::new(&graph, 1)?;
    /// let mut parts = Vec::new();
    /// let x = dmatrix![0.5; -1.0; 2.0];
    /// let (_, gradient) = reverse.value_and_gradient_in_parts(&[0.1; 13], &x, |part, numbers| {
    ///     parts.push((part, numbers.to_vec()));
    /// })?;
    /// // 3 + 1 parameters of the last layer, then 6 + 3 of the first.
    /// assert_eq!([parts[0].0.clone(), parts[1].0.clone()], [9..13, 0..9]);
    /// assert!(parts.iter().all(|(part, numbers)| gradient[part.clone()] == numbers[..]));
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn value_and_gradient_in_parts<'a>(
        &mut self,
        params: &'a [T],
        x: impl Into<Mat<'a, T>>,
        mut tell: impl FnMut(Range<usize>, &[T]),
    ) -> Result<(T, &[T])> {
        let x = x.into();
        self.graph.check(params, x, self.batch())?;
        self.prepare(Purpose::Gradient { inputs: false })?;
        let Self {
            graph,
            prepared,
            gradient,
            team,
            ..
        } = self;
        let check = |doubt| graph.settle(params, x, doubt, Wrt::PARAMS);
        let (mut value, n_params) = (T::zero(), gradient.len());
        let mut untold = Untold::new(n_params);
        let finite = |[bar]: &[MatMut<'_, T>; 1]| gradient_finite(graph, bar.rb());
        in_range(
            [MatMut::new(gradient, n_params, 1)],
            finite,
            |[bar], unit| {
                value = team.run(|| match unit {
                    None => {
                        prepared.gradient_in_parts(params, x, bar, check, &mut |part, numbers| {
                            if first_not_finite(Mat::from(numbers)).is_none() {
                                untold.remove(&part);
                                tell(part, numbers);
                            }
                        })
                    }
                    Some(_) => {
                        let x_bar = MatMut::new(&mut [], 0, 0);
                        prepared.gradient(params, x, [bar, x_bar], unit, check)
                    }
                })?;
                Ok(())
            },
        )?;
        for part in untold.parts() {
            tell(part.clone(), &gradient[part]);
        }
        Ok((value, gradient))
    }
}

/// The parts that nobody was told of: ranges of parameters that do not overlap, start and end.
#[derive(Debug)]
struct Untold(BTreeMap<usize, usize>);

impl Untold {
    /// All of so many parameters.
    fn new(n: usize) -> Self {
        Self((n > 0).then_some((0, n)).into_iter().collect())
    }

    /// Takes a part out, of which no parameter was taken out before.
    fn remove(&mut self, part: &Range<usize>) {
        let Some((start, end)) = self
            .0
            .range(..=part.start)
            .next_back()
            .map(|(&s, &e)| (s, e))
        else {
            return;
        };
        self.0.remove(&start);
        let around = [(start, part.start), (part.end, end)];
        self.0
            .extend(around.into_iter().filter(|(start, end)| start < end));
    }

    /// What is left, the last parameters first.
    fn parts(&self) -> impl Iterator<Item = Range<usize>> {
        self.0.iter().rev().map(|(&start, &end)| start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_what_was_not_taken() {
        let mut untold = Untold::new(10);
        for part in [8..10, 3..5, 0..1] {
            untold.remove(&part);
        }
        assert_eq!(untold.parts().collect::<Vec<_>>(), [5..8, 1..3]);
        untold.remove(&(5..8));
        untold.remove(&(1..3));
        assert_eq!(untold.parts().count(), 0);
        assert_eq!(Untold::new(0).parts().count(), 0);
    }
}
