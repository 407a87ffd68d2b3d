//! A graph as plain data that proptest can draw and shrink: every recipe makes a valid graph.

use proptest::prelude::*;
use pushpull::blocks::{Activation, Loss};

/// How two values are brought together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fan {
    Add,
    /// Three terms, the same value twice among them.
    AddTwice,
    Mul,
    /// Both stacked into one linear layer of this width.
    Stack(usize),
}

/// One step from a value to the next. Indices are taken modulo what there is to choose from.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Linear {
        width: usize,
        bias: bool,
    },
    Map(Activation),
    LayerNorm {
        eps: f64,
    },
    Softmax,
    LogSoftmax,
    Scale(f64),
    Select(Vec<usize>),
    /// Fan-out of an earlier value and fan-in with the present one; `stopped` cuts its derivative.
    Combine {
        with: usize,
        fan: Fan,
        stopped: bool,
    },
    /// The parameters of an earlier linear layer that fits, or of the present one, once more.
    Again(usize),
    /// An autoencoder of `width`: the decoder's matrix is the encoder's parameters.
    Tied {
        width: usize,
    },
    /// `h = tanh(W h + U x + b)`, `times` times with the same W, U and b, from an earlier value x.
    Recurrent {
        input: usize,
        width: usize,
        times: usize,
    },
    /// No derivative passes from here on back.
    Stop,
    /// A layer that the output does not need.
    Unused {
        width: usize,
    },
}

/// What the graph ends in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    Outputs,
    /// A loss, whose target (if it has one) is a constant input, or an input like others.
    Loss {
        loss: Loss,
        constant: bool,
    },
    /// Outputs that no derivative reaches: all gradients are exact zeros.
    Stopped,
}

/// A graph, a batch and the seed of all numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Rows of each input and whether it is constant; the first never is.
    pub inputs: Vec<(usize, bool)>,
    pub steps: Vec<Step>,
    pub end: End,
    pub batch: usize,
    pub seed: u64,
}

impl Recipe {
    /// The same graph with functions that have a derivative everywhere: rounding cannot change a branch.
    pub fn smooth(self) -> Self {
        self.without(&[Activation::Relu, Activation::LeakyRelu])
    }

    /// The same graph with functions that have a second derivative everywhere.
    pub fn twice_smooth(self) -> Self {
        self.without(&[Activation::Relu, Activation::LeakyRelu, Activation::Elu])
    }

    fn without(mut self, kinked: &[Activation]) -> Self {
        for step in &mut self.steps {
            if let Step::Map(activation) = step
                && kinked.contains(activation)
            {
                *activation = Activation::Silu;
            }
        }
        self
    }

    /// The same graph with sigmas of layer norms at least about 1, which does not magnify a difference in the last bits
    /// of a *value* (two rows that nearly agree have a sigma near 0, and 1/sigma^2 in the second derivative).
    pub fn mild(mut self) -> Self {
        for step in &mut self.steps {
            if let Step::LayerNorm { eps } = step {
                *eps = eps.max(0.5);
            }
        }
        self
    }
}

/// 1 to 8 steps, widths 1 to 24, batches of 1 to 9.
pub fn recipe() -> impl Strategy<Value = Recipe> {
    let first = width().prop_map(|rows| (rows, false));
    let more = prop::collection::vec((width(), any::<bool>()), 0..=2);
    let inputs = (first, more).prop_map(|(first, more)| [vec![first], more].concat());
    let steps = prop::collection::vec(step(), 1..=8);
    (inputs, steps, end(), 1..=9_usize, any::<u64>()).prop_map(
        |(inputs, steps, end, batch, seed)| Recipe {
            inputs,
            steps,
            end,
            batch,
            seed,
        },
    )
}

fn width() -> impl Strategy<Value = usize> {
    1..=24_usize
}

fn step() -> impl Strategy<Value = Step> {
    let fan = prop_oneof![
        2 => Just(Fan::Add),
        1 => Just(Fan::AddTwice),
        2 => Just(Fan::Mul),
        2 => width().prop_map(Fan::Stack),
    ];
    let stopped = prop::bool::weighted(0.2);
    let from = 0..16_usize;
    prop_oneof![
        6 => (width(), any::<bool>()).prop_map(|(width, bias)| Step::Linear { width, bias }),
        6 => prop::sample::select(&Activation::ALL[..]).prop_map(Step::Map),
        1 => prop::sample::select(&[1e-5, 0.5][..]).prop_map(|eps| Step::LayerNorm { eps }),
        1 => Just(Step::Softmax),
        1 => Just(Step::LogSoftmax),
        1 => (-2.0..2.0).prop_map(Step::Scale),
        1 => prop::collection::vec(from.clone(), 1..=24).prop_map(Step::Select),
        4 => (from.clone(), fan, stopped)
            .prop_map(|(with, fan, stopped)| Step::Combine { with, fan, stopped }),
        2 => from.clone().prop_map(Step::Again),
        1 => width().prop_map(|width| Step::Tied { width }),
        1 => (from, width(), 2..=3_usize)
            .prop_map(|(input, width, times)| Step::Recurrent { input, width, times }),
        1 => prop::bool::weighted(0.3)
            .prop_map(|stop| if stop { Step::Stop } else { Step::Scale(0.7) }),
        1 => width().prop_map(|width| Step::Unused { width }),
    ]
}

fn end() -> impl Strategy<Value = End> {
    let loss = prop::sample::select(&Loss::ALL[..]);
    prop_oneof![
        10 => Just(End::Outputs),
        10 => (loss, any::<bool>()).prop_map(|(loss, constant)| End::Loss { loss, constant }),
        1 => Just(End::Stopped),
    ]
}
