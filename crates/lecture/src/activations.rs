//! Activation functions and their derivatives.

use nalgebra::DMatrix;
use pushpull_bench::claims::{Claim, Verdict};
use pushpull_bench::sweep::Extent;
use pushpull_core::blocks::Activation;
use pushpull_core::{Builder, Graph, Mat, Question, Wrt};
use pushpull_forward_mode::Forward;
use pushpull_plot::{Axis, Colour, LineChart, Marker, Series};
use pushpull_reverse_mode::Reverse;

use crate::network::{of, short};
use crate::{Fault, Figure};

/// Points of [-6, 6]; 0 is one of them.
const POINTS: usize = 241;

const SHOWN: [Activation; 3] = [Activation::Sigmoid, Activation::Tanh, Activation::Relu];

/// Values and derivatives over the grid: a jvp along one.
struct Curve {
    x: Vec<f64>,
    y: Vec<f64>,
    slope: Vec<f64>,
}

fn alone(activation: Activation) -> Result<Graph, Fault> {
    let mut b = Builder::new();
    let x = b.input("x", 1);
    let y = b.block(activation.block(1), x);
    Ok(b.build(y)?)
}

fn curve(activation: Activation) -> Result<Curve, Fault> {
    let graph = alone(activation)?;
    let x = DMatrix::from_fn(1, POINTS, |_, j| 0.05 * (j as f64 - (POINTS / 2) as f64));
    let ones = DMatrix::from_element(1, POINTS, 1.0);
    let mut forward = Forward::plan(&graph, POINTS, Question::Jvp(1))
        .wrt(Wrt::INPUTS)
        .prepare::<f64>()?;
    let (y, slope) = forward.jvp(&[], &x, None, Some(Mat::from(&ones)))?;
    Ok(Curve {
        x: x.as_slice().to_vec(),
        y: y.as_slice().to_vec(),
        slope: slope.as_slice().to_vec(),
    })
}

pub(crate) fn run(_: Extent) -> Result<Vec<Figure>, Fault> {
    let chart = |title: &str, y: &str| {
        let mut chart = LineChart::new(title, Axis::linear("argument"), Axis::linear(y));
        chart.subtitle = "Derivatives by forward mode: one jvp along 1 for every argument".into();
        chart
    };
    let mut values = chart("Activation functions", "value");
    values.subtitle = "Sigmoid, tanh and ReLU (figures 6 and 7)".into();
    let mut slopes = chart("Derivatives of activation functions", "derivative");
    let mut bound = (f64::NEG_INFINITY, f64::NAN);
    for activation in SHOWN {
        let curve = curve(activation)?;
        let line = |y: &[f64], keep: fn(f64) -> bool| -> Vec<(f64, f64)> {
            let points = curve.x.iter().copied().zip(y.iter().copied());
            points.filter(|point| keep(point.0)).collect()
        };
        let series = |points| of(activation, Series::new(activation.name(), points));
        values.series.push(series(line(&curve.y, |x| x <= 3.0)));
        if activation == Activation::Relu {
            // A jump is no slope: the line ends at 0 and goes on at 1.
            slopes.series.push(series(line(&curve.slope, |x| x <= 0.0)));
            slopes.series.push(series(line(&curve.slope, |x| x > 0.0)));
        } else {
            slopes.series.push(series(line(&curve.slope, |_| true)));
        }
        if activation == Activation::Sigmoid {
            let largest = curve.x.iter().zip(&curve.slope);
            for (&x, &slope) in largest {
                if slope > bound.0 {
                    bound = (slope, x);
                }
            }
        }
    }
    slopes.series.push(Series::guide(
        "0.25, the bound of the sigmoid's",
        vec![(-6.0, 0.25), (6.0, 0.25)],
    ));
    slopes.series.push(
        Series::new(
            "relu at 0: any of these is a subgradient",
            vec![(0.0, 0.0), (0.0, 1.0)],
        )
        .colour(Colour::BLACK)
        .marker(Marker::None),
    );
    let (forward, reverse) = at_zero()?;
    slopes.series.push(
        Series::new("relu at 0: what both modes take", vec![(0.0, forward)])
            .colour(Colour::BLACK)
            .marker(Marker::Circle)
            .scattered(),
    );
    let relu = curve(Activation::Relu)?;
    let step = |x: f64| f64::from(u8::from(x > 0.0));
    let right = relu
        .x
        .iter()
        .zip(&relu.slope)
        .filter(|(x, slope)| **slope == step(**x))
        .count();
    let holds = |g: f64| relu.x.iter().zip(&relu.y).all(|(&z, &f)| f >= g * z);
    let inside = (0..=10).filter(|&i| holds(f64::from(i) / 10.0)).count();
    let outside = [-0.1, 1.1].into_iter().filter(|&g| holds(g)).count();
    let claims = vec![
        Claim {
            words: "The derivative of the sigmoid is bounded in [0, 0.25] (figure 6).",
            measured: format!(
                "Its largest over [-6, 6] is {}, at {}; 0.25 is the maximum.",
                short(bound.0),
                short(bound.1.abs())
            ),
            verdict: if bound.0 <= 0.25 && bound.0 > 0.2499 {
                Verdict::Held
            } else {
                Verdict::Failed
            },
        },
        Claim {
            words: "ReLU's derivative is 1 for s > 0 and 0 otherwise (equation 22).",
            measured: format!("{right} of {POINTS} arguments, 0 among them."),
            verdict: if right == POINTS {
                Verdict::Held
            } else {
                Verdict::Failed
            },
        },
        Claim {
            words: "Any point in [0, 1] is a subderivative of ReLU at 0, and most frameworks use 0 (\"subderivative\").",
            measured: format!(
                "f(z) >= g z holds at every z tried for {inside} of 11 slopes g from 0 to 1, and for {outside} of the two just outside; forward mode takes {forward}, reverse mode {reverse}."
            ),
            verdict: if inside == 11 && outside == 0 && (forward, reverse) == (0.0, 0.0) {
                Verdict::Held
            } else {
                Verdict::Failed
            },
        },
    ];
    Ok(vec![
        Figure {
            name: "activation_derivatives",
            chart: slopes,
            caption: "Derivatives of sigmoid, tanh and ReLU. The sigmoid's is at most 0.25 (dotted line). At 0 every number from 0 to 1 is a subgradient of ReLU (black line); both modes take 0 (black dot).".into(),
            claims,
        },
        Figure {
            name: "activation_functions",
            chart: values,
            caption: "The activation functions sigmoid, tanh and ReLU.".into(),
            claims: Vec::new(),
        },
    ])
}

/// ReLU's derivative at 0 by forward and by reverse mode.
fn at_zero() -> Result<(f64, f64), Fault> {
    let graph = alone(Activation::Relu)?;
    let (zero, one) = (
        DMatrix::from_element(1, 1, 0.0),
        DMatrix::from_element(1, 1, 1.0),
    );
    let mut forward = Forward::plan(&graph, 1, Question::Jvp(1))
        .wrt(Wrt::INPUTS)
        .prepare::<f64>()?;
    let (_, pushed) = forward.jvp(&[], &zero, None, Some(Mat::from(&one)))?;
    let (_, pulled) = Reverse::<f64>::new(&graph, 1)?.vjp(&[], &zero, &one)?;
    Ok((pushed[(0, 0)], pulled[(0, 0)]))
}
