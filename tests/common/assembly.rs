//! Makes the graph of a recipe.

use std::sync::Arc;

use pushpull::blocks::{
    Activation, Add, LayerNorm, Linear, LogSoftmax, Mul, Scale, Select, Softmax,
};
use pushpull::{AnyBlock, Builder, Graph, Spec, Value};

use super::recipe::{End, Fan, Recipe, Step};

/// Weights are drawn from +-`WEIGHT / sqrt(n_in)`, biases from +-`BIAS`, gains from 1 +- `BIAS`, inputs from +-`INPUT`.
pub const WEIGHT: f64 = 1.5;
pub const BIAS: f64 = 0.3;
pub const INPUT: f64 = 1.2;

/// Values that could exceed this go through tanh first, so that nothing overflows.
const LARGEST: f64 = 100.0;

/// A value with a bound on its entries.
#[derive(Clone, Copy)]
struct Bounded {
    var: Value,
    bound: f64,
}

/// A block on its way into the graph, for tests that put theirs around it.
pub type Wrap<'w> = &'w dyn Fn(Arc<dyn AnyBlock>) -> Arc<dyn AnyBlock>;

struct Assembly<'w> {
    b: Builder,
    wrap: Wrap<'w>,
    /// Every value so far: inputs, then one a step.
    pool: Vec<Bounded>,
    /// Linear layers with a name: (name, inputs, outputs).
    layers: Vec<(String, usize, usize)>,
    names: usize,
}

/// The graph of a recipe.
pub fn build(recipe: &Recipe) -> Result<Graph, pushpull::Error> {
    build_with(recipe, &|block| block)
}

/// The graph of a recipe with every block replaced by what `wrap` makes of it.
pub fn build_with(recipe: &Recipe, wrap: Wrap<'_>) -> Result<Graph, pushpull::Error> {
    let mut a = Assembly {
        b: Builder::new(),
        wrap,
        pool: Vec::new(),
        layers: Vec::new(),
        names: 0,
    };
    for (i, &(rows, constant)) in recipe.inputs.iter().enumerate() {
        let name = format!("x{i}");
        let var = if constant {
            a.b.constant(name, rows)
        } else {
            a.b.input(name, rows)
        };
        a.pool.push(Bounded { var, bound: INPUT });
    }
    let mut h = a.pool[0];
    for step in &recipe.steps {
        h = a.step(step, h);
        a.pool.push(h);
    }
    h = match recipe.end {
        End::Outputs | End::Stopped => {
            a.node(Activation::Identity.block(h.var.rows()), &[h], h.bound)
        }
        End::Loss { loss, constant } => {
            let rows = h.var.rows();
            if loss.needs_target() {
                let var = if constant {
                    a.b.constant("target", rows)
                } else {
                    a.b.input("target", rows)
                };
                a.node(loss.block(rows), &[h, Bounded { var, bound: 1.0 }], 0.0)
            } else {
                a.node(loss.block(rows), &[h], 0.0)
            }
        }
    };
    if recipe.end == End::Stopped {
        h.var = a.b.stop_gradient(h.var);
    }
    a.b.build(h.var)
}

impl Assembly<'_> {
    fn name(&mut self, kind: &str) -> String {
        self.names += 1;
        format!("{kind}-{}", self.names)
    }

    fn node(&mut self, block: Arc<dyn AnyBlock>, from: &[Bounded], bound: f64) -> Bounded {
        let name = self.name(Spec::name(&*block));
        let block = (self.wrap)(block);
        let inputs: Vec<Value> = from.iter().map(|value| value.var).collect();
        let var = self.b.named(name, block, &inputs[..]);
        Bounded { var, bound }
    }

    fn linear(&mut self, from: &[Bounded], width: usize, bias: bool) -> Bounded {
        let n_in = from.iter().map(|value| value.var.rows()).sum();
        let block = if bias {
            Linear::new(n_in, width)
        } else {
            Linear::without_bias(n_in, width)
        };
        let name = self.name("layer");
        let inputs: Vec<Value> = from.iter().map(|value| value.var).collect();
        let var = self
            .b
            .named(name.clone(), (self.wrap)(Arc::new(block)), &inputs[..]);
        self.layers.push((name, n_in, width));
        let bound = from.iter().fold(0.0_f64, |max, value| max.max(value.bound));
        let bound = WEIGHT * (n_in as f64).sqrt() * bound + BIAS;
        Bounded { var, bound }
    }

    fn again(&mut self, from: Bounded, layer: usize) -> Bounded {
        let (like, n_in, _) = self.layers[layer].clone();
        let name = self.name("again");
        let var = self.b.again(name, from.var, &like);
        let bound = WEIGHT * (n_in as f64).sqrt() * from.bound + BIAS;
        Bounded { var, bound }
    }

    fn map(&mut self, activation: Activation, from: Bounded) -> Bounded {
        let (h, bound) = match activation {
            Activation::Sigmoid | Activation::Tanh | Activation::Sin => (from, 1.0),
            Activation::Exp => {
                let h = self.tame(from, 4.0);
                (h, h.bound.exp())
            }
            Activation::Square => {
                let h = self.tame(from, 10.0);
                (h, h.bound * h.bound)
            }
            // ln of a positive function; which one depends on the place in the graph.
            Activation::Ln => {
                let positive = [Activation::Exp, Activation::Softplus, Activation::Sigmoid];
                let h = self.tame(from, 4.0);
                let h = self.map(positive[self.names % 3], h);
                (h, from.bound.min(4.0) + 1.0)
            }
            _ => (from, from.bound + 1.0),
        };
        self.node(activation.block(h.var.rows()), &[h], bound)
    }

    /// The value itself if its entries are at most `largest`, else through tanh.
    fn tame(&mut self, h: Bounded, largest: f64) -> Bounded {
        if h.bound <= largest {
            h
        } else {
            self.node(Activation::Tanh.block(h.var.rows()), &[h], 1.0)
        }
    }

    /// An earlier value, of as many rows as `h`.
    fn earlier(&mut self, index: usize, stopped: bool, rows: usize) -> Bounded {
        let mut v = self.pool[index % self.pool.len()];
        if stopped {
            v.var = self.b.stop_gradient(v.var);
        }
        if v.var.rows() == rows {
            v
        } else {
            self.linear(&[v], rows, false)
        }
    }

    fn step(&mut self, step: &Step, h: Bounded) -> Bounded {
        let h = self.tame(h, LARGEST);
        let rows = h.var.rows();
        match *step {
            Step::Linear { width, bias } => self.linear(&[h], width, bias),
            Step::Map(activation) => self.map(activation, h),
            Step::LayerNorm { eps } => {
                let bound = (1.0 + BIAS) * (rows as f64).sqrt() + BIAS;
                self.node(Arc::new(LayerNorm::new(rows).with_eps(eps)), &[h], bound)
            }
            Step::Softmax => self.node(Arc::new(Softmax::new(rows)), &[h], 1.0),
            Step::LogSoftmax => {
                let bound = 2.0 * h.bound + (rows as f64).ln();
                self.node(Arc::new(LogSoftmax::new(rows)), &[h], bound)
            }
            Step::Scale(factor) => self.node(
                Arc::new(Scale::new(rows, factor)),
                &[h],
                factor.abs() * h.bound,
            ),
            Step::Select(ref indices) => {
                let indices = indices.iter().map(|index| index % rows);
                self.node(Arc::new(Select::new(rows, indices)), &[h], h.bound)
            }
            Step::Combine { with, fan, stopped } => self.combine(h, with, fan, stopped),
            Step::Again(index) => {
                let fitting: Vec<usize> = (0..self.layers.len())
                    .filter(|&layer| self.layers[layer].1 == rows)
                    .collect();
                if let Some(&layer) = fitting.get(index % fitting.len().max(1)) {
                    return self.again(h, layer);
                }
                let first = self.linear(&[h], rows, true);
                let first = self.map(Activation::Tanh, first);
                self.again(first, self.layers.len() - 1)
            }
            Step::Tied { width } => {
                let code = self.linear(&[h], width, false);
                let like = self.layers[self.layers.len() - 1].0.clone();
                let block = (self.wrap)(Arc::new(Linear::without_bias(width, rows)));
                let name = self.name("tied");
                // The encoder's weights are drawn for its own inputs, of which there may be fewer.
                let bound = WEIGHT * width as f64 * code.bound;
                let var = self.b.tied(name, block, code.var, &like);
                Bounded { var, bound }
            }
            Step::Recurrent {
                input,
                width,
                times,
            } => self.recurrent(h, input, width, times),
            Step::Stop => Bounded {
                var: self.b.stop_gradient(h.var),
                ..h
            },
            Step::Unused { width } => {
                self.linear(&[h], width, true);
                h
            }
        }
    }

    fn combine(&mut self, h: Bounded, with: usize, fan: Fan, stopped: bool) -> Bounded {
        let rows = h.var.rows();
        if let Fan::Stack(width) = fan {
            let mut v = self.pool[with % self.pool.len()];
            if stopped {
                v.var = self.b.stop_gradient(v.var);
            }
            return self.linear(&[v, h], width, true);
        }
        let h = self.tame(h, 10.0);
        let v = self.earlier(with, stopped, rows);
        let v = self.tame(v, 10.0);
        match fan {
            Fan::Mul => self.node(Arc::new(Mul::new(rows)), &[v, h], v.bound * h.bound),
            Fan::AddTwice => self.node(
                Arc::new(Add::new(rows, 3)),
                &[h, v, h],
                v.bound + 2.0 * h.bound,
            ),
            _ => self.node(Arc::new(Add::new(rows, 2)), &[h, v], v.bound + h.bound),
        }
    }

    fn recurrent(&mut self, h: Bounded, input: usize, width: usize, times: usize) -> Bounded {
        let x = self.pool[input % self.pool.len()];
        let x = self.tame(x, LARGEST);
        let mut state = self.linear(&[h], width, false);
        for time in 0..times {
            state = self.tame(state, LARGEST);
            let (from_state, from_x) = if time == 0 {
                (
                    self.linear(&[state], width, false),
                    self.linear(&[x], width, true),
                )
            } else {
                let last = self.layers.len() - 1;
                (self.again(state, last - 1), self.again(x, last))
            };
            let bound = from_state.bound + from_x.bound;
            let sum = self.node(Arc::new(Add::new(width, 2)), &[from_state, from_x], bound);
            state = self.map(Activation::Tanh, sum);
        }
        state
    }
}
