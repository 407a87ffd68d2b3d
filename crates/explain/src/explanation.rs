//! The explanation of a graph.

use pushpull_core::program::{Asked, Base, Instr, Role, Written};
use pushpull_core::siblings::memory;
use pushpull_core::{Cost, Error, Graph, Mat, Question, Result, Scalar};
use pushpull_forward_mode::{Chunk, Forward};
use pushpull_reverse_mode::Reverse;
use serde::Serialize;

use crate::{Program, Unrolled, equation};

/// What an engine says that a gradient takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Takes {
    /// Floating-point operations, exact.
    pub flops: u64,
    /// Calls of elementary functions, exact.
    pub calls: u64,
    /// The most bytes held at once, the engine's own plan among them.
    pub peak_bytes: u64,
}

/// The three programs of a graph on a batch, side by side; what the engines take; equation 17 for every use of parameters.
///
/// Any graph can be explained: fan-in, fan-out, shared parameters, stopped gradients; one that was recorded as well as one
/// that was built. Its text ([`std::fmt::Display`]) has the programs as three columns if these fit into 160 places, or as many as
/// are asked for (`{told:80}`), else one below the other; [`Explanation::dot`] is a drawing
/// for Graphviz, and it serialises.
///
/// ```
/// use pushpull_core::{Builder, blocks::{Add, Linear, Tanh}};
/// use pushpull_explain::Explanation;
/// let mut b = Builder::new();
/// let x = b.input("x", 3);
/// let h = b.named("cell", Linear::new(3, 3), x);
/// let h = b.map(Tanh, h);
/// let again = b.again("again", h, "cell"); // the same parameters once more
/// let y = b.block(Add::new(3, 2), [again, h]);
/// let told = Explanation::new::<f64>(&b.build(y)?, 10)?;
/// let lines: Vec<&str> = told.adjoint.instructions.iter().map(|line| line.text.as_str()).collect();
/// assert_eq!(lines, [
///     "h̃4 = 1",
///     "h̃4' = [∂(h3, h2)ᵀ h4]·h̃4", "h̃3 = h̃4'[0..3]", "h̃2 = h̃4'[3..6]",
///     "∇w1 y = [∂w1ᵀ h3]·h̃3", "h̃3' = [∂h2ᵀ h3]·h̃3", "h̃2 += h̃3'",
///     "h̃1 = [∂h1ᵀ h2]·h̃2",
///     "∇w1 y += [∂w1ᵀ h1]·h̃1", // "its contribution is the sum of the two gradients"
/// ]);
/// assert_eq!(told.equation17.len(), 2);
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// Samples of a batch.
    pub batch: usize,
    /// `f32` or `f64`: the size of a number.
    pub scalar: &'static str,
    /// Parameters of the graph.
    pub params: usize,
    /// The blocks in order, and the sum of all outputs.
    pub primal: Program,
    /// What forward mode adds to it, with all columns of all tangent matrices at once.
    pub tangent: Program,
    /// What reverse mode adds to it.
    pub adjoint: Program,
    /// Primal and tangent program by the engine; `None` where the tangent matrices do not fit this machine.
    pub forward: Option<Takes>,
    /// Primal and adjoint program by the engine.
    pub reverse: Takes,
    /// Equation 17 for each use of parameters, the first block's first.
    pub equation17: Vec<Unrolled>,
}

impl Explanation {
    /// Explains a graph on batches of `batch` samples, at the scalar `T`. No number of the graph's is allocated.
    ///
    /// # Errors
    /// [`Error::EmptyBatch`]; [`Error::TooLarge`] for a graph that reverse mode cannot run on this machine, or whose operations
    /// 64 bits cannot count.
    pub fn new<T: Scalar>(graph: &Graph, batch: usize) -> Result<Self> {
        Self::told::<T>(graph, batch, |_| Ok(Vec::new()))
    }

    /// The same with the numbers of a run, on as many samples as x has columns: each instruction with what it wrote, so that a
    /// calculation by hand can be checked line by line.
    ///
    /// # Errors
    /// As [`Explanation::new`] and [`pushpull_core::program::Program::trace`].
    ///
    /// ```
    /// use pushpull_core::{Builder, Mat, blocks::{Linear, Square}};
    /// use pushpull_explain::Explanation;
    /// let mut b = Builder::new();
    /// let x = b.input("x", 1);
    /// let h = b.block(Linear::without_bias(1, 1), x);
    /// let y = b.map(Square, h);
    /// let told = Explanation::traced(&b.build(y)?, &[3.0], Mat::new(&[1.0, 2.0], 1, 2))?;
    /// let shown = |line: &pushpull_explain::Instruction| (line.text.clone(), line.numbers.clone().unwrap());
    /// // dy/dh1 = 2 h1, dy/dw1 = 2 h1 x'
    /// assert_eq!(shown(&told.adjoint.instructions[1]), ("h̃1 = [∂h1ᵀ h2]·h̃2".into(), vec![vec![6.0, 12.0]]));
    /// assert_eq!(shown(&told.adjoint.instructions[2]), ("∇w1 y = [∂w1ᵀ h1]·h̃1".into(), vec![vec![30.0]]));
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn traced<T: Scalar>(graph: &Graph, params: &[T], x: Mat<'_, T>) -> Result<Self> {
        Self::told::<T>(graph, x.ncols(), |program| program.trace(params, x))
    }

    fn told<T: Scalar>(
        graph: &Graph,
        batch: usize,
        trace: impl Fn(&pushpull_core::program::Program) -> Result<Vec<Written<T>>>,
    ) -> Result<Self> {
        countable(graph, batch)?;
        let takes = |prediction: pushpull_core::Prediction| Takes {
            flops: prediction.cost.flops,
            calls: prediction.cost.calls,
            peak_bytes: prediction.peak() as u64,
        };
        let reverse = Reverse::plan(graph, batch, Question::Gradient).prediction::<T>()?;
        let forward = match Forward::plan(graph, batch, Question::Gradient)
            .chunk(Chunk::Full)
            .prediction::<T>()
        {
            Ok(forward) => Some(takes(forward)),
            Err(Error::TooLarge { .. }) => None,
            Err(fault) => return Err(fault),
        };
        let by_columns = Forward::plan(graph, batch, Question::Gradient)
            .chunk(Chunk::Full)
            .program::<T>()?;
        let by_rows = Reverse::plan(graph, batch, Question::Gradient).program()?;
        let (columns, rows) = (trace(&by_columns)?, trace(&by_rows)?);
        Ok(Self {
            batch,
            scalar: T::NAME,
            params: graph.n_params(),
            primal: Program::of(&by_rows, &rows, |instr| is_primal(&by_rows, instr)),
            tangent: Program::of(&by_columns, &columns, |instr| {
                !is_primal(&by_columns, instr)
            }),
            adjoint: Program::of(&by_rows, &rows, |instr| !is_primal(&by_rows, instr)),
            forward,
            reverse: takes(reverse),
            equation17: equation::unrolled(graph),
        })
    }

    /// What the instructions of primal and tangent program add up to.
    pub fn forward_cost(&self) -> Cost {
        self.primal.cost() + self.tangent.cost()
    }

    /// What the instructions of primal and adjoint program add up to.
    pub fn reverse_cost(&self) -> Cost {
        self.primal.cost() + self.adjoint.cost()
    }
}

/// Whether an instruction makes a value, and no derivative.
fn is_primal(program: &pushpull_core::program::Program, instr: &Instr) -> bool {
    match instr.to.base {
        Base::Buf(buf) => matches!(program.bufs()[buf].role, Role::Value | Role::Stack),
        Base::Asked(which) => which == Asked::Value,
        Base::Given(_) => false,
        Base::Nothing => true,
    }
}

/// Refuses a graph whose tangent program has more operations than 64 bits hold.
fn countable(graph: &Graph, batch: usize) -> Result<()> {
    if batch == 0 {
        return Err(Error::EmptyBatch {
            name: "batch".into(),
        });
    }
    let columns = (graph.n_params() as u128 + 1).saturating_mul(batch as u128);
    let all = graph.nodes().iter().fold(0_u128, |sum, node| {
        let dims = node.dims();
        let entries = dims.n_in as u128 * dims.n_out as u128;
        let one = entries + dims.n_params as u128 + dims.n_in as u128 + dims.n_out as u128;
        sum.saturating_add(one.saturating_mul(64).saturating_mul(columns))
    });
    if all > u128::from(u64::MAX) {
        return Err(Error::TooLarge {
            what: "the tangent program, written out,".into(),
            bytes: u64::MAX,
            available: memory::available(),
            remedy: "explain a narrower network or a smaller batch".into(),
        });
    }
    Ok(())
}
