//! How closely a network is looked at.

/// How closely a network is looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The node whose value Jacobians lead to; `None`: the graph's output. A network that ends in a loss has one output, and
    /// its Jacobian one row: its last layer says more.
    pub output: Option<String>,
    /// The first samples of the batch for which Jacobians are decomposed; 0: none.
    pub samples: usize,
    /// The most rows or columns, whichever are fewer, for which all singular values are computed.
    pub exact: usize,
    /// Sweeps by jvp and vjp in turn, at most, where only the largest is.
    pub iterations: usize,
    /// The part of a function's largest slope on [-1, 1] up to which an entry counts as saturated.
    pub flat: f64,
    /// Threads of the gradient; they change no bit.
    pub threads: usize,
}

impl Default for Settings {
    /// The graph's own output, 4 samples, all singular values up to 512, 200 sweeps, a hundredth, one thread.
    fn default() -> Self {
        Self {
            output: None,
            samples: 4,
            exact: 512,
            iterations: 200,
            flat: 0.01,
            threads: 1,
        }
    }
}
