//! One line of a program, and a program.

use std::collections::HashMap;

use pushpull_core::program::{Act, Base, Instr, Program as Listed, Role, View, Written};
use pushpull_core::{Cost, Mat, Op, Scalar};
use serde::Serialize;

/// One instruction with what it takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
    /// What it wrote, row by row, if numbers were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Vec<Vec<f64>>>,
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
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Program {
    /// In the order in which they run.
    pub instructions: Vec<Instruction>,
}

impl Program {
    /// A program that an engine runs, each instruction with what it takes at the scalar `T`: it serialises, and is drawn by
    /// [`Program::dot`].
    ///
    /// ```
    /// use pushpull_core::{Mlp, Question, blocks::Activation};
    /// use pushpull_forward_mode::{Chunk, Forward};
    /// let graph = Mlp::new(&[2, 3, 1], Activation::Tanh).build()?;
    /// let program = Forward::plan(&graph, 1, Question::Gradient).chunk(Chunk::Full).program::<f64>()?;
    /// let told = pushpull_explain::Program::new::<f64>(&program);
    /// assert_eq!(told.cost(), program.cost::<f64>());
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn new<T: Scalar>(program: &Listed) -> Self {
        Self::of::<T>(program, &[], |_| true)
    }

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

impl Program {
    /// The instructions of an engine's program for which `shown` holds, each with what it takes at the scalar `T`, and with
    /// what it wrote in a run that was traced.
    pub(crate) fn of<T: Scalar>(
        program: &Listed,
        trace: &[Written<T>],
        shown: impl Fn(&Instr) -> bool,
    ) -> Self {
        let words = program.lines().into_iter().zip(program.targets());
        let each = program.instrs().iter().zip(words).enumerate();
        let each = each.filter(|(_, (instr, _))| shown(instr));
        let traced: HashMap<usize, &Written<T>> = trace
            .iter()
            .map(|written| (written.instr, written))
            .collect();
        let one = |(k, (instr, words)): (usize, (&Instr, _))| {
            let written = traced.get(&k);
            let written = written.and_then(|written| written.numbers.first());
            Instruction {
                numbers: written.map(|(_, numbers)| rows(numbers.into())),
                ..Instruction::of::<T>(program, instr, words)
            }
        };
        Self {
            instructions: each.map(one).collect(),
        }
    }
}

impl Instruction {
    fn of<T: Scalar>(program: &Listed, instr: &Instr, (text, writes): (String, String)) -> Self {
        let (batch, cost) = (program.batch(), program.cost_of::<T>(instr));
        let mut reads: Vec<String> = Vec::new();
        for view in [instr.from, instr.at.x, instr.at.y, instr.at.extra] {
            let name = program.name_of(&view);
            // What forward keeps besides, it writes.
            let written = instr.act == Act::Map(Op::Forward) && view == instr.at.extra;
            if !written && !name.is_empty() && !reads.contains(&name) {
                reads.push(name);
            }
        }
        let View { rows, cols, .. } = instr.to;
        let shape = match instr.to.base {
            Base::Nothing => Vec::new(),
            // Numbers without samples.
            Base::Asked(_) => vec![rows],
            Base::Buf(buf) => match program.bufs()[buf].role {
                Role::Tangent | Role::StackTangent => vec![rows, batch, cols / batch],
                _ => vec![rows, cols],
            },
            Base::Given(_) => vec![rows, cols],
        };
        Self {
            node: matches!(instr.act, Act::Map(_)).then_some(instr.node),
            bytes: instr.to.numbers().saturating_mul(size_of::<T>()) as u64,
            flops: cost.flops,
            calls: cost.calls,
            numbers: None,
            reads,
            shape,
            writes,
            text,
        }
    }
}

fn rows<T: Scalar>(numbers: Mat<'_, T>) -> Vec<Vec<f64>> {
    let row = |i: usize| (0..numbers.ncols()).map(move |j| numbers.get(i, j).to_f64());
    (0..numbers.nrows()).map(|i| row(i).collect()).collect()
}
