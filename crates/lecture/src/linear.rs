//! What a linear model cannot do.

use nalgebra::DMatrix;
use pushpull_bench::claims::{Claim, Verdict};
use pushpull_bench::sweep::Extent;
use pushpull_core::blocks::{Activation, Linear, Loss};
use pushpull_core::{Builder, Graph, Init, Mlp};
use pushpull_plot::{Axis, Colour, Dash, LineChart, Marker, Series};
use pushpull_train::{Model, Optimiser, Samples, Settings, Training};

use crate::network::{SEED, outputs, short};
use crate::{Fault, Figure};

/// Incomes, standardised, on either side of the mean.
const INCOMES: usize = 33;

/// A client is trusted as his income is high, *unless* he is very young: then income says nothing.
fn trust(income: f64, young: bool) -> f64 {
    if young { 0.8 } else { 0.5 + 0.4 * income }
}

fn clients() -> Result<Samples, Fault> {
    let at = |j: usize| {
        let income = 2.0 * (j % INCOMES) as f64 / (INCOMES - 1) as f64 - 1.0;
        (income, j >= INCOMES)
    };
    let inputs = DMatrix::from_fn(2, 2 * INCOMES, |i, j| {
        let (income, young) = at(j);
        if i == 0 {
            income
        } else {
            f64::from(u8::from(young))
        }
    });
    let targets = DMatrix::from_fn(1, 2 * INCOMES, |_, j| trust(at(j).0, at(j).1));
    Ok(Samples::new(inputs, targets)?)
}

/// The fitted outputs and the mean squared error.
fn fitted(widths: &[usize], epochs: u64) -> Result<(DMatrix<f64>, f64), Fault> {
    let clients = clients()?;
    let model = Model::mlp(widths, Activation::Tanh, Loss::SquaredError)?;
    let settings = Settings {
        epochs,
        batch: clients.len(),
        optimiser: Optimiser::adam(0.02),
        seed: SEED,
        ..Settings::default()
    };
    let mut training = Training::<f64>::new(&model, settings, &clients, None)?;
    training.run(&mut ())?;
    let metrics = model.metrics(training.params(), &clients)?;
    Ok((
        model.outputs(training.params(), clients.inputs())?,
        metrics.loss,
    ))
}

pub(crate) fn run(extent: Extent) -> Result<Vec<Figure>, Fault> {
    let epochs = match extent {
        Extent::Full => 4000,
        Extent::Quick => 1500,
    };
    let (linear, linear_loss) = fitted(&[2, 1], epochs)?;
    let (hidden, hidden_loss) = fitted(&[2, 8, 1], epochs)?;
    let mut chart = LineChart::new(
        "An interaction: income matters unless the client is very young",
        Axis::linear("income (standard deviations from the mean)"),
        Axis::linear("trust"),
    );
    chart.subtitle = "Least squares on 66 clients; two features".into();
    let clients = clients()?;
    for (young, name) in [(false, "not young"), (true, "very young")] {
        let range = if young {
            INCOMES..2 * INCOMES
        } else {
            0..INCOMES
        };
        let points = |of: &DMatrix<f64>| -> Vec<(f64, f64)> {
            let point = |j: usize| (clients.inputs()[(0, j)], of[(0, j)]);
            range.clone().map(point).collect()
        };
        let colour = if young {
            Colour::VERMILION
        } else {
            Colour::BLUE
        };
        let series =
            |words: &str, of| Series::new(format!("{words}, {name}"), points(of)).colour(colour);
        let mark = if young {
            Marker::Diamond
        } else {
            Marker::Circle
        };
        // Every third client is marked, so that the lines are seen between them; models are outlined.
        chart.series.push(
            series("data", clients.targets())
                .scattered()
                .marker(mark)
                .marked(3, 1),
        );
        for (words, of, dash) in [
            ("linear model", &linear, Dash::DashDot),
            ("one hidden layer", &hidden, Dash::Solid),
        ] {
            let line = series(words, of).marker(mark).marked(12, 5).dash(dash);
            chart.series.push(Series {
                hollow: true,
                ..line
            });
        }
    }
    let gap = |j: usize| linear[(0, INCOMES + j)] - linear[(0, j)];
    let spread = (0..INCOMES)
        .map(|j| (gap(j) - gap(0)).abs())
        .fold(0.0, f64::max);
    chart.notes.push(
        "The linear model's two lines are parallel: it can shift them, but not change the slope of one. Outlined marks: the models; full marks: every third client.".into(),
    );
    let parallel = spread < 1e-9;
    let claims = vec![
        superposition()?,
        Claim {
            words: "A linear model cannot express that one feature matters unless another has some value; a layer of hidden units can (\"Limitations of linear models\", equation 6).",
            measured: format!(
                "Mean squared error {} linear, {} with 8 hidden units; the distance between the linear model's two lines, which are parallel, varies by {}.",
                short(linear_loss),
                short(hidden_loss),
                short(spread)
            ),
            verdict: match (parallel, hidden_loss < 0.05 * linear_loss) {
                (true, true) => Verdict::Held,
                (false, false) => Verdict::Failed,
                _ => Verdict::InPart,
            },
        },
        collapse()?,
    ];
    Ok(vec![Figure {
        name: "linear_limits",
        chart,
        caption: "Trust against income for clients that are very young and for those that are not: data, the best linear model, and a network with one hidden layer.".into(),
        claims,
    }])
}

/// f(x with feature i doubled) = f(x) + w_i x_i.
fn superposition() -> Result<Claim, Fault> {
    const N: usize = 12;
    let graph = Mlp::new(&[N, 1], Activation::Identity).build()?;
    let mut worst = 0.0_f64;
    for seed in 0..100 {
        let params: Vec<f64> = graph.layout().init(Init::Uniform(1.0), seed);
        let x = DMatrix::from_fn(N, 1, |i, _| (1.3 * i as f64 + seed as f64).sin());
        let y = outputs(&graph, &params, &x)?[(0, 0)];
        for i in 0..N {
            let mut doubled = x.clone();
            doubled[(i, 0)] *= 2.0;
            let apart = outputs(&graph, &params, &doubled)?[(0, 0)] - (y + params[i] * x[(i, 0)]);
            worst = worst.max(apart.abs() / f64::EPSILON);
        }
    }
    Ok(Claim {
        words: "Doubling feature i of a linear model's input adds w_i x_i to its output (equation 1).",
        measured: format!(
            "100 random models of {N} features, every feature: they differ by at most {} units of rounding (2.2×10⁻¹⁶, outputs of order 1).",
            short(worst)
        ),
        verdict: if worst <= 4.0 * N as f64 {
            Verdict::Held
        } else {
            Verdict::Failed
        },
    })
}

/// w' (W x) and (w' W) x.
fn collapse() -> Result<Claim, Fault> {
    const D: usize = 7;
    const P: usize = 9;
    let layered = |hidden: bool| -> Result<Graph, Fault> {
        let mut b = Builder::new();
        let mut h = b.input("x", D);
        if hidden {
            h = b.named("layer0", Linear::without_bias(D, P), h);
        }
        let rows = h.rows();
        let y = b.named("layer1", Linear::without_bias(rows, 1), h);
        Ok(b.build(y)?)
    };
    let (two, one) = (layered(true)?, layered(false)?);
    let run = |round: fn(f64) -> f64| -> Result<(usize, f64), Fault> {
        let (mut equal, mut apart) = (0, 0.0_f64);
        for seed in 0..100 {
            let params: Vec<f64> = two.layout().init(Init::Uniform(8.0), seed);
            let params: Vec<f64> = params.into_iter().map(round).collect();
            let x = DMatrix::from_fn(D, 1, |i, _| {
                round(8.0 * (1.7 * i as f64 + seed as f64).sin())
            });
            let (inner, outer) = params.split_at(D * P);
            let merged: Vec<f64> = (0..D)
                .map(|j| (0..P).map(|i| outer[i] * inner[j * P + i]).sum())
                .collect();
            let (y, z) = (
                outputs(&two, &params, &x)?[(0, 0)],
                outputs(&one, &merged, &x)?[(0, 0)],
            );
            equal += usize::from(y == z);
            apart = apart.max((y - z).abs() / y.abs().max(1.0));
        }
        Ok((equal, apart))
    };
    let (equal, _) = run(f64::round)?;
    let (_, apart) = run(|x| x)?;
    Ok(Claim {
        words: "Two linear layers one after the other are one linear layer, w'(W x) = (w'W) x (equation 4).",
        measured: format!(
            "With whole numbers for weights, where nothing is rounded, {equal} of 100 random pairs give the same number as their product; with others they differ by at most {}, which is rounding.",
            short(apart)
        ),
        verdict: if equal == 100 && apart < 1e-12 {
            Verdict::Held
        } else {
            Verdict::Failed
        },
    })
}
