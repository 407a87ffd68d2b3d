//! What can be wrong with what a user hands in. Every message names the thing, what was expected, what came, and one
//! remedy; an error is returned before anything large is allocated or written.

use std::fmt;
use std::sync::Arc;

use crate::siblings::words::{number, shown};

/// A result of this workspace's libraries.
pub type Result<R, E = Error> = std::result::Result<R, E>;

/// A fault in a graph, its data or a request.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A block, input or direction has the wrong number of rows or columns.
    #[error("{name}: expected {expected}, got {got}; {remedy}")]
    Shape {
        /// The node, input or argument at fault.
        name: String,
        /// The shape that fits.
        expected: String,
        /// The shape that came.
        got: String,
        /// What to do about it.
        remedy: String,
    },
    /// A parameter vector whose length is not the graph's number of parameters.
    #[error(
        "{name}: expected {expected} numbers, got {got}; make it with `graph.layout().init(..)` or `layout().zeros()`"
    )]
    Length {
        /// `params`, `params_bar`, ...
        name: String,
        /// Numbers that the graph needs.
        expected: usize,
        /// Numbers that came.
        got: usize,
    },
    /// A layer without inputs or outputs.
    #[error(
        "{name}: every width must be at least 1, got {n_in} inputs and {n_out} outputs; give the block a positive width"
    )]
    ZeroWidth {
        /// The node or input.
        name: String,
        /// Its number of inputs.
        n_in: usize,
        /// Its number of outputs.
        n_out: usize,
    },
    /// A setting of a block outside its domain.
    #[error("{name}: {setting} must be {expected}, got {got}")]
    Setting {
        /// The block.
        name: String,
        /// The setting's name.
        setting: String,
        /// Its domain.
        expected: String,
        /// What came.
        got: String,
    },
    /// A graph without a single block between its inputs and its output.
    #[error(
        "{name}: the output is an input, without a block between them; put at least one block into the graph"
    )]
    Empty {
        /// The input that was given as output.
        name: String,
    },
    /// A batch without a sample.
    #[error(
        "{name}: a batch needs at least one sample (column), got 0; drop empty batches before the call"
    )]
    EmptyBatch {
        /// The argument at fault.
        name: String,
    },
    /// Two nodes or inputs of one name.
    #[error(
        "the name {name:?} is used twice in one graph; parameters and inputs are found by name, so give each its own"
    )]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// A name that the graph does not know.
    #[error("no {kind} is called {shown}; there are: {known}", shown = shown(.name))]
    UnknownName {
        /// `input`, `parameter`, `activation`, ...
        kind: String,
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A variable of another builder.
    #[error(
        "{name}: an input variable belongs to another Builder; use variables of the builder that makes the node"
    )]
    ForeignValue {
        /// The node that was given the variable.
        name: String,
    },
    /// A graph that is not one chain of blocks, where a chain is needed.
    #[error("{name}: expected {expected}, got {got}; {remedy}")]
    NotAChain {
        /// The first node that is not a link of the chain.
        name: String,
        /// What a link reads.
        expected: String,
        /// What the node reads.
        got: String,
        /// What to do about it.
        remedy: String,
    },
    /// A graph in which no node carries everything from the blocks before it to those after, where pieces are needed.
    #[error("{name}: expected {expected}, got {got}; {remedy}")]
    NoCut {
        /// The engine that needs the pieces.
        name: String,
        /// What a cut is.
        expected: String,
        /// What the graph is like.
        got: String,
        /// What to do about it.
        remedy: String,
    },
    /// A budget within which nothing can be run.
    #[error(
        "{name}: a budget of {budget} {unit} is too small, the smallest that does is {smallest}; {remedy}"
    )]
    Budget {
        /// The engine.
        name: String,
        /// What came.
        budget: u64,
        /// The smallest that does.
        smallest: u64,
        /// `bytes`, `slots`, ...
        unit: String,
        /// What to do about it.
        remedy: String,
    },
    /// Data that is NaN or infinite.
    #[error(
        "{name}: entry {entry} is {value}; remove or impute such samples, or start from other parameters, because derivatives need finite numbers"
    )]
    NotFinite {
        /// The input, parameter or argument.
        name: String,
        /// `[row, column]` or `[index]` of the first such entry.
        entry: String,
        /// The entry as text: `NaN`, `inf` or `-inf`.
        value: String,
    },
    /// A derivative through a slope that is not finite: the root at 0, a quotient by 0, a product with an infinite number.
    #[error(
        "{node}: the derivative of {block} needs a finite slope, got none at {at} (row {row}, sample {sample}); \
         keep its input away from there, or take another value there with a `Where` block (tape: `select`)"
    )]
    Singular {
        /// The node.
        node: String,
        /// The block's name.
        block: String,
        /// The row of the block's output.
        row: usize,
        /// The column.
        sample: usize,
        /// What the slope is taken at, as text: an entry of the block's input or output.
        at: String,
    },
    /// A derivative of an output that is NaN, or has left the range of numbers.
    #[error(
        "{node}: {block} must give a finite number to be differentiated, got {value} (row {row}, sample {sample}); keep its \
         input within its domain, or take another value there with a `Where` block (tape: `select`)"
    )]
    Undefined {
        /// The first node that makes such a number of finite ones.
        node: String,
        /// `NaN`, `inf` or `-inf`.
        value: String,
        /// The block's name.
        block: String,
        /// The row of the block's output.
        row: usize,
        /// The column.
        sample: usize,
    },
    /// A block whose derivative maps are not the derivative of what it computes; found when a debug build makes a graph.
    #[error(
        "{node}: {map} of {block} breaks the law {law:?}: {entry} should be {}, got {}; ask `pushpull_laws::check` \
         for a diagnosis, or declare `Spec::surrogate` if the rule differs on purpose",
        number(*expected),
        number(*got)
    )]
    Law {
        /// The first node that runs the block.
        node: String,
        /// The block's name and sizes.
        block: String,
        /// `dual` (jvp = the block at dual numbers), `adjoint` (`<y_bar, J v> = <J' y_bar, v>`), `keeps` (reads what it
        /// does not declare), `forms` (an in-place or unit form that differs from the plain map) or `allocates` (asks the
        /// heap for memory).
        law: &'static str,
        /// The map at fault.
        map: &'static str,
        /// Where: `y_dot[row, column]`, an inner product, or the heap bytes asked for.
        entry: String,
        /// What the law asks for.
        expected: f64,
        /// What the map gave.
        got: f64,
    },
    /// What a crate says that stands on this one: a tape, the planner, a chain, training. [`Error::downcast_ref`] has it in its
    /// own type.
    #[error(transparent)]
    Above(Above),
    /// A request whose buffers cannot fit this machine's memory.
    #[error("{what} needs {bytes} bytes, but {available} are available; {remedy}")]
    TooLarge {
        /// What would be allocated.
        what: String,
        /// Its size in bytes (saturated at `u64::MAX`).
        bytes: u64,
        /// The bytes that are available.
        available: u64,
        /// What to do about it.
        remedy: String,
    },
}

/// An error of a crate that stands on this one. Two are equal if they say the same.
#[derive(Clone, Debug)]
pub struct Above(Arc<dyn std::error::Error + Send + Sync>);

impl PartialEq for Above {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl fmt::Display for Above {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Above {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

impl Error {
    /// An error of a crate that stands on this one: what its `From` for this type calls, so that `?` serves all of them in a
    /// function that returns this one.
    ///
    /// ```
    /// use pushpull_core::Error;
    /// let fault: Error = Error::above("x1".parse::<u8>().unwrap_err());
    /// assert_eq!(fault.to_string(), "invalid digit found in string");
    /// assert!(fault.downcast_ref::<std::num::ParseIntError>().is_some());
    /// ```
    pub fn above(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Above(Above(Arc::new(error)))
    }

    /// The error of a crate that stands on this one, in its own type.
    pub fn downcast_ref<E: std::error::Error + 'static>(&self) -> Option<&E> {
        match self {
            Self::Above(above) => above.0.downcast_ref(),
            _ => None,
        }
    }

    /// A [`Error::Setting`].
    pub fn setting(
        name: impl Into<String>,
        setting: impl Into<String>,
        expected: impl Into<String>,
        got: impl fmt::Display,
    ) -> Self {
        Self::Setting {
            name: name.into(),
            setting: setting.into(),
            expected: expected.into(),
            got: got.to_string(),
        }
    }

    /// A [`Error::Shape`] for a matrix: `expected` and `got` are rows x columns.
    pub fn matrix(
        name: impl Into<String>,
        expected: (usize, usize),
        got: (usize, usize),
        remedy: impl Into<String>,
    ) -> Self {
        Self::Shape {
            name: name.into(),
            expected: format!("{} x {} (rows x columns)", expected.0, expected.1),
            got: format!("{} x {}", got.0, got.1),
            remedy: remedy.into(),
        }
    }
}
