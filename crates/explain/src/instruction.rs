//! One line of a program, and a program.

use pushpull_core::Cost;
use serde::Serialize;

/// One instruction with what it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Instruction {
    /// As the lecture writes it, such as `h1 = layer0(x, w1)`.
    pub text: String,
    /// The block whose map it is, counted from 0; `None` where no block is called.
    pub node: Option<usize>,
    /// The value that it writes: a name within its explanation.
    pub writes: String,
    /// The values that it reads.
    pub reads: Vec<String>,
    /// Rows x samples of what it writes; of tangents x columns; of a gradient its length.
    pub shape: Vec<usize>,
    /// Floating-point operations.
    pub flops: u64,
    /// Calls of elementary functions.
    pub calls: u64,
    /// Bytes that it writes.
    pub bytes: u64,
}

impl Instruction {
    /// The work.
    pub const fn cost(&self) -> Cost {
        Cost {
            flops: self.flops,
            calls: self.calls,
        }
    }
}

/// A sequence of instructions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Program {
    /// In the order in which they run.
    pub instructions: Vec<Instruction>,
}

impl Program {
    /// The work of all instructions.
    ///
    /// ```
    /// use pushpull_core::{Mlp, Primal, blocks::Activation};
    /// use pushpull_explain::Explanation;
    /// let graph = Mlp::new(&[2, 3, 1], Activation::Tanh).build()?;
    /// let told = Explanation::new::<f64>(&graph, 5)?;
    /// // The lecture's last instruction, the sum over the batch, is the engines', not the primal's.
    /// let sum = pushpull_core::Cost::flops(5);
    /// assert_eq!(told.primal.cost(), Primal::<f64>::predict(&graph, 5)?.cost + sum);
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn cost(&self) -> Cost {
        self.instructions.iter().map(Instruction::cost).sum()
    }

    /// Bytes that all instructions write.
    pub fn bytes(&self) -> u64 {
        self.instructions
            .iter()
            .fold(0, |sum, instruction| sum.saturating_add(instruction.bytes))
    }
}

/// An instruction in the making, for numbers of `size` bytes.
pub(crate) struct Line {
    pub node: Option<usize>,
    pub writes: String,
    pub reads: Vec<String>,
    pub shape: Vec<usize>,
    pub cost: Cost,
}

impl Line {
    pub(crate) fn reading(self, text: String, size: usize) -> Instruction {
        let numbers = self
            .shape
            .iter()
            .fold(size as u64, |product, &n| product.saturating_mul(n as u64));
        Instruction {
            text,
            node: self.node,
            writes: self.writes,
            reads: self.reads,
            shape: self.shape,
            flops: self.cost.flops,
            calls: self.cost.calls,
            bytes: numbers,
        }
    }
}
