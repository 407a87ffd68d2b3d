//! Vanishing and exploding gradients.

use std::sync::Arc;

use nalgebra::DMatrix;
use pushpull_bench::claims::{Claim, Verdict};
use pushpull_bench::fit::PowerLaw;
use pushpull_bench::sweep::Extent;
use pushpull_core::blocks::{Activation, Linear, Map, SoftmaxCrossEntropy};
use pushpull_core::{AnyBlock, Builder, Graph, Init};
use pushpull_plot::{Axis, Colour, Dash, LineChart, Marker, Series};

use crate::network::{SEED, digits, gradient, norm, of, short, stacked};
use crate::wavy::Wavy;
use crate::{Fault, Figure};

/// Units of every hidden layer.
const WIDTH: usize = 32;
/// The lecture's weights: uniform on [-0.5, 0.5].
const REACH: f64 = 0.5;

#[derive(Clone, Copy)]
enum Shape {
    Named(Activation),
    Wavy(Wavy),
}

impl Shape {
    fn block(self) -> Arc<dyn AnyBlock> {
        match self {
            Self::Named(activation) => activation.block(WIDTH),
            Self::Wavy(wavy) => Arc::new(Map::new(wavy, WIDTH)),
        }
    }

    /// A series as this shape is drawn in every figure.
    fn series(self, name: impl Into<String>, points: Vec<(f64, f64)>) -> Series {
        let series = Series::new(name, points);
        match self {
            Self::Named(activation) => of(activation, series),
            Self::Wavy(_) => series.colour(Colour::PURPLE).marker(Marker::Diamond),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Named(activation) => activation.name(),
            Self::Wavy(wavy) if wavy.slope > 1.0 => STEEP,
            Self::Wavy(_) => "0.8 x + sin(x) / 10",
        }
    }
}

const STEEP: &str = "2 x + sin(x) / 2";

const SHAPES: [(Shape, &str); 4] = [
    (Shape::Named(Activation::Sigmoid), "derivative in (0, 0.25]"),
    (Shape::Named(Activation::Tanh), "derivative in (0, 1]"),
    (Shape::Named(Activation::Relu), "derivative 0 or 1"),
    (Shape::Wavy(Wavy::STEEP), "derivative in [1.5, 2.5]"),
];

/// A network with so many hidden layers, softmax cross-entropy on digits.
fn network(shape: Shape, hidden: usize) -> Result<Graph, Fault> {
    let mut b = Builder::new();
    let (mut h, target) = (b.input("x", 64), b.constant("target", 10));
    for layer in 0..hidden {
        let rows = h.rows();
        h = b.named(format!("layer{layer}"), Linear::new(rows, WIDTH), h);
        h = b.block(shape.block(), h);
    }
    let logits = b.named(format!("layer{hidden}"), Linear::new(WIDTH, 10), h);
    let loss = b.block(SoftmaxCrossEntropy::new(10), [logits, target]);
    Ok(b.build(loss)?)
}

/// For each layer: the norm of the gradient with respect to its weights, and that of the cotangent of its output, which is
/// the gradient of its bias for one sample. Root mean squares over the samples.
struct Norms {
    weights: Vec<f64>,
    outputs: Vec<f64>,
}

fn norms(
    graph: &Graph,
    params: &[f64],
    samples: &DMatrix<f64>,
    layers: usize,
) -> Result<Norms, Fault> {
    let mut found = Norms {
        weights: vec![0.0; layers],
        outputs: vec![0.0; layers],
    };
    for sample in samples.column_iter() {
        let x = DMatrix::from_column_slice(samples.nrows(), 1, sample.into_owned().as_slice());
        let slope = gradient(graph, params, &x)?;
        for layer in 0..layers {
            for (role, sums) in [("weight", &mut found.weights), ("bias", &mut found.outputs)] {
                let view = graph
                    .layout()
                    .view(&slope, &format!("layer{layer}.{role}"))?;
                let numbers = view.columns().flatten().copied();
                sums[layer] += norm(numbers).powi(2) / samples.ncols() as f64;
            }
        }
    }
    let root = |sums: Vec<f64>| sums.into_iter().map(f64::sqrt).collect();
    Ok(Norms {
        weights: root(found.weights),
        outputs: root(found.outputs),
    })
}

/// The largest singular value of a layer's weights.
fn gain(graph: &Graph, params: &[f64], layer: usize) -> Result<f64, Fault> {
    let weights = graph
        .layout()
        .view(params, &format!("layer{layer}.weight"))?;
    Ok(weights.to_dmatrix().singular_values().max())
}

/// The factor by which the norm changes from one layer to the one before, fitted.
fn factor(outputs: &[f64]) -> f64 {
    let first = outputs
        .iter()
        .copied()
        .find(|&x| x > 0.0)
        .unwrap_or(f64::NAN);
    let last = outputs.last().copied().unwrap_or(f64::NAN);
    (first / last).powf(1.0 / (outputs.len() - 1) as f64)
}

pub(crate) fn run(extent: Extent) -> Result<Vec<Figure>, Fault> {
    let samples = stacked(&digits()?.pick(&(0..8).collect::<Vec<_>>())?);
    let depths: &[usize] = match extent {
        Extent::Full => &[2, 3, 5, 8, 12, 18, 25, 35, 50],
        Extent::Quick => &[2, 5, 12],
    };
    let layers = layers(&samples)?;
    let (against, changes) = against_depth(&samples, depths)?;
    let mut layers = layers;
    layers.claims = claims(&samples, depths, &changes)?;
    Ok(vec![layers, against])
}

fn layers(samples: &DMatrix<f64>) -> Result<Figure, Fault> {
    const HIDDEN: usize = 5;
    let mut chart = LineChart::new(
        "Norm of the gradient, layer by layer, with five hidden layers",
        Axis::whole("layer (1 is next to the input)"),
        Axis::log("norm of the loss's gradient"),
    );
    chart.subtitle = format!(
        "Digits, {} samples, hidden layers of {WIDTH}, weights and biases uniform on [-0.5, 0.5], cross-entropy",
        samples.ncols()
    );
    for (shape, remark) in SHAPES {
        let graph = network(shape, HIDDEN)?;
        let params: Vec<f64> = graph.layout().init(Init::Uniform(REACH), SEED);
        let found = norms(&graph, &params, samples, HIDDEN + 1)?;
        let points = |of: &[f64]| -> Vec<(f64, f64)> {
            of.iter()
                .enumerate()
                .map(|(i, &y)| (i as f64 + 1.0, y))
                .collect()
        };
        chart.series.push(
            shape
                .series(format!("{}, weights", shape.name()), points(&found.weights))
                .remark(remark),
        );
        if let Shape::Named(Activation::Sigmoid) = shape {
            chart.series.push(
                shape
                    .series(
                        "sigmoid, gradient before the activation",
                        points(&found.outputs),
                    )
                    .marker(Marker::Cross)
                    .dash(Dash::DashDot),
            );
            // Each step back multiplies by the weights of the next layer and by at most 1/4.
            let mut bound = vec![(HIDDEN as f64 + 1.0, found.outputs[HIDDEN])];
            for layer in (0..HIDDEN).rev() {
                let (_, after) = bound[bound.len() - 1];
                bound.push((
                    layer as f64 + 1.0,
                    after * gain(&graph, &params, layer + 1)? / 4.0,
                ));
            }
            let name = "its bound: the product of sigma_max / 4";
            chart
                .series
                .push(Series::guide(name, bound).colour(Colour::BLACK));
        }
    }
    chart.notes.push("sigma_max: the largest singular value of a layer's weights. The dotted bound is that of the gradient before the activation, the line of dashes and dots.".into());
    Ok(Figure {
        name: "gradient_layers",
        chart,
        caption: "Norm of the gradient with respect to each layer's weights (figure 8). With sigmoids it shrinks towards the input, with ReLU it does not. For the sigmoid also the gradient before each activation (dashes and dots), which can be no larger than the dotted line: the product of sigma_max / 4 over the layers behind.".into(),
        claims: Vec::new(),
    })
}

/// A shape's factor per layer at the greatest depth.
type Changes = Vec<(&'static str, f64)>;

fn against_depth(samples: &DMatrix<f64>, depths: &[usize]) -> Result<(Figure, Changes), Fault> {
    let mut chart = LineChart::new(
        "Gradient of the first layer over that of the last, against depth",
        Axis::whole("hidden layers (count)"),
        Axis::log("norm at layer 1 / norm at the last layer"),
    );
    chart.subtitle = format!(
        "Digits, {} samples, hidden layers of {WIDTH}, uniform on [-0.5, 0.5]; gradients before each activation",
        samples.ncols()
    );
    let mut changes = Vec::new();
    for (shape, remark) in SHAPES {
        let mut points = Vec::new();
        let mut last = f64::NAN;
        for &hidden in depths {
            let graph = network(shape, hidden)?;
            let params: Vec<f64> = graph.layout().init(Init::Uniform(REACH), SEED);
            let found = norms(&graph, &params, samples, hidden + 1)?.outputs;
            let ratio = found[0] / found[hidden];
            if ratio.is_finite() && ratio > 0.0 {
                points.push((hidden as f64, ratio));
                last = factor(&found);
            }
        }
        changes.push((shape.name(), last));
        if !points.is_empty() {
            let remark = format!("{remark}; times {} a layer", short(last));
            chart
                .series
                .push(shape.series(shape.name(), points).remark(remark));
        }
    }
    chart.series.push(
        Series::guide(
            "1: neither vanishes nor explodes",
            vec![
                (depths[0] as f64, 1.0),
                (depths[depths.len() - 1] as f64, 1.0),
            ],
        )
        .marker(Marker::None),
    );
    Ok((
        Figure {
            name: "gradient_depth",
            chart,
            caption: "Norm of the gradient at the first layer over its norm at the last, against the number of hidden layers, for four activations. On this scale an exponential is a straight line.".into(),
            claims: Vec::new(),
        },
        changes,
    ))
}

/// The factor per layer with weights of another size.
fn scaled(samples: &DMatrix<f64>, shape: Shape, reach: f64, hidden: usize) -> Result<f64, Fault> {
    let graph = network(shape, hidden)?;
    let params: Vec<f64> = graph.layout().init(Init::Uniform(reach), SEED);
    Ok(factor(
        &norms(&graph, &params, samples, hidden + 1)?.outputs,
    ))
}

fn claims(
    samples: &DMatrix<f64>,
    depths: &[usize],
    changes: &Changes,
) -> Result<Vec<Claim>, Fault> {
    let deepest = depths[depths.len() - 1];
    let of = |name: &str| {
        changes
            .iter()
            .find(|change| change.0 == name)
            .map_or(f64::NAN, |change| change.1)
    };
    let (sigmoid, relu, steep) = (of("sigmoid"), of("relu"), of(STEEP));
    // The other way round, by the weights alone: the same activations, other sizes.
    let hidden = 8.min(deepest);
    let small = scaled(samples, Shape::Wavy(Wavy::STEEP), 0.05, hidden)?;
    let gentle = scaled(samples, Shape::Wavy(Wavy::GENTLE), REACH, hidden)?;
    let exponential = straight(samples, depths)?;
    Ok(vec![
        Claim {
            words: "If the derivative is below 1 always, the gradient goes to zero exponentially fast in the number of layers (\"Vanishing and exploding gradients\").",
            measured: format!(
                "Sigmoid: a factor of {} per layer, going back, over {deepest} hidden layers; ln of the norm against the layer is a straight line (its correlation is less than 1 by {}). But the weights take part: with 0.8 x + sin(x) / 10, whose derivative is at most 0.9, the same weights make it grow, times {} a layer. What is bounded is sigma_max(W) times the largest derivative; where that stays below 1, the gradient must vanish.",
                short(sigmoid),
                short(1.0 - exponential),
                short(gentle)
            ),
            verdict: match (sigmoid < 1.0, gentle < 1.0) {
                (true, false) => Verdict::InPart,
                (true, true) => Verdict::Held,
                _ => Verdict::Failed,
            },
        },
        Claim {
            words: "If the derivative is above 1 always, the gradient explodes exponentially fast (same slide).",
            measured: format!(
                "2 x + sin(x) / 2, whose derivative is at least 1.5: a factor of {} per layer, going back, with weights on [-0.5, 0.5], and of {} with weights on [-0.05, 0.05]: small weights make it vanish all the same. ReLU, never above 1, has {} per layer with the lecture's weights, so the weights decide.",
                short(steep),
                short(small),
                short(relu)
            ),
            verdict: match (steep > 1.0, small > 1.0) {
                (true, true) => Verdict::Held,
                (true, false) => Verdict::InPart,
                _ => Verdict::Failed,
            },
        },
        Claim {
            words: "The sigmoid is a poor choice for deep networks, ReLU a good default (figures 6 and 8).",
            measured: format!(
                "With the lecture's weights the first layer's gradient over the last's changes by {} a layer for the sigmoid and {} for ReLU.",
                short(sigmoid),
                short(relu)
            ),
            verdict: if sigmoid < 0.7 && relu > 0.7 {
                Verdict::Held
            } else {
                Verdict::Failed
            },
        },
    ])
}

/// |correlation| of ln(norm) and layer for the sigmoid at the greatest depth: 1 is exponential.
fn straight(samples: &DMatrix<f64>, depths: &[usize]) -> Result<f64, Fault> {
    let hidden = depths[depths.len() - 1];
    let shape = Shape::Named(Activation::Sigmoid);
    let graph = network(shape, hidden)?;
    let params: Vec<f64> = graph.layout().init(Init::Uniform(REACH), SEED);
    let found = norms(&graph, &params, samples, hidden + 1)?.outputs;
    let kept: Vec<(f64, f64)> = found
        .iter()
        .enumerate()
        .filter(|(_, norm)| **norm > 0.0)
        .map(|(layer, norm)| ((layer as f64).exp(), *norm))
        .collect();
    // norm = c exp(s layer) is a power law of exp(layer).
    let (x, y): (Vec<f64>, Vec<f64>) = kept.into_iter().unzip();
    Ok(PowerLaw::fit(&x, &y).map_or(f64::NAN, |law| law.r_squared.sqrt()))
}
