//! What one sample of a file holds.

use pushpull_core::blocks::Loss;

use crate::FileError;

/// What one sample holds: the inputs of a network, then the target of its loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    inputs: usize,
    outputs: usize,
    loss: Loss,
}

impl Sample {
    /// A sample for a network of so many inputs and outputs.
    ///
    /// # Errors
    /// [`FileError::Request`] for none of either, and for more than can be counted.
    ///
    /// ```
    /// use pushpull_core::blocks::Loss;
    /// use pushpull_files::Sample;
    /// let sample = Sample::new(64, 10, Loss::SoftmaxCrossEntropy)?;
    /// assert_eq!((sample.columns(), sample.rows()), (65, 74)); // a class in a file, ten rows of a matrix
    /// # Ok::<(), pushpull_files::FileError>(())
    /// ```
    pub fn new(inputs: usize, outputs: usize, loss: Loss) -> Result<Self, FileError> {
        let remedy = "give the widths of the network, inputs first";
        if inputs == 0 || outputs == 0 {
            let got = format!("{inputs} and {outputs}");
            let expected = "at least one input and one output";
            return Err(FileError::request("a sample", expected, got, remedy));
        }
        if inputs.checked_add(outputs).is_none() {
            let got = format!("{inputs} and {outputs}");
            let expected = "inputs and outputs that fit into memory";
            return Err(FileError::request("a sample", expected, got, remedy));
        }
        Ok(Self {
            inputs,
            outputs,
            loss,
        })
    }

    /// The network's inputs.
    pub const fn inputs(&self) -> usize {
        self.inputs
    }

    /// The network's outputs.
    pub const fn outputs(&self) -> usize {
        self.outputs
    }

    /// The loss, which says what a target is.
    pub const fn loss(&self) -> Loss {
        self.loss
    }

    /// Numbers of the target in a file: a class, the outputs, or none.
    pub const fn targets(&self) -> usize {
        match self.loss {
            Loss::Sum => 0,
            Loss::SoftmaxCrossEntropy => 1,
            _ => self.outputs,
        }
    }

    /// Whether a number can be a target of the loss.
    pub fn allows(&self, target: f64) -> bool {
        self.loss != Loss::SigmoidCrossEntropy || (0.0..=1.0).contains(&target)
    }

    /// Where the targets of the loss lie, and what to do with others: for faults.
    pub(crate) fn domain(&self) -> (String, &'static str) {
        let expected = format!("a target of {}, 0 to 1", self.loss);
        (
            expected,
            "number no and yes 0 and 1, or choose another loss",
        )
    }

    /// Numbers of a sample in a file.
    pub const fn columns(&self) -> usize {
        self.inputs + self.targets()
    }

    /// Rows of a sample in a matrix: the inputs, and the target under them, a class as a row for each.
    pub fn rows(&self) -> usize {
        self.inputs
            + if self.loss.needs_target() {
                self.outputs
            } else {
                0
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_without_a_meaning_are_refused() {
        for (inputs, outputs) in [(0, 1), (1, 0), (usize::MAX, 1), (usize::MAX, usize::MAX)] {
            assert!(Sample::new(inputs, outputs, Loss::SquaredError).is_err());
        }
    }
}
