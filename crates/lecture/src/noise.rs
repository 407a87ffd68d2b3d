//! The noise of a mini-batch gradient.

use nalgebra::DMatrix;
use pushpull_bench::claims::{Claim, Verdict};
use pushpull_bench::sweep::Extent;
use pushpull_bench::table::law;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_core::{Graph, Init, Mlp};
use pushpull_plot::{Axis, Colour, Dash, LineChart, Series};
use pushpull_reverse_mode::Reverse;
use pushpull_train::Batches;

use crate::network::{SEED, digits, gradient, norm, short, stacked};
use crate::{Fault, Figure};

/// Mean gradients of blocks of one size, at fixed parameters.
struct Blocks<'a> {
    graph: &'a Graph,
    params: &'a [f64],
    x: &'a DMatrix<f64>,
}

impl Blocks<'_> {
    /// Hands the mean gradient of each full block of `epochs` shuffles to `each`.
    fn visit(&self, m: usize, epochs: u64, mut each: impl FnMut(&[f64])) -> Result<(), Fault> {
        let mut batches = Batches::new(self.x.ncols(), m, SEED)?;
        let mut reverse = Reverse::<f64>::new(self.graph, m)?;
        for epoch in 0..epochs {
            batches.shuffle(epoch);
            for block in (0..batches.blocks()).map(|i| batches.block(i)) {
                if block.len() < m {
                    continue;
                }
                let x = self.x.select_columns(block);
                let (_, sum) = reverse.value_and_gradient(self.params, &x)?;
                let mean: Vec<f64> = sum.iter().map(|g| g / m as f64).collect();
                each(&mean);
            }
        }
        Ok(())
    }
}

pub(crate) fn run(extent: Extent) -> Result<Vec<Figure>, Fault> {
    let samples = digits()?;
    // A number of samples with many divisors, so that equal blocks fill it.
    let n = 1536;
    let samples = samples.pick(&(0..n).collect::<Vec<_>>())?;
    let graph = Mlp::new(&[64, 16, 10], Activation::Tanh)
        .loss(Loss::SoftmaxCrossEntropy)
        .build()?;
    let params: Vec<f64> = graph.layout().init(Init::Glorot, SEED);
    let x = stacked(&samples);
    let full: Vec<f64> = gradient(&graph, &params, &x)?
        .iter()
        .map(|g| g / n as f64)
        .collect();
    let blocks = Blocks {
        graph: &graph,
        params: &params,
        x: &x,
    };
    let apart = |g: &[f64]| norm(g.iter().zip(&full).map(|(a, b)| a - b));
    let enough = match extent {
        Extent::Full => 4000,
        Extent::Quick => 200,
    };
    let sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 768, 1024, 1280];
    let mut points = Vec::new();
    for &m in &sizes {
        let (mut squares, mut drawn) = (0.0, 0_u64);
        let epochs = (enough * m as u64)
            .div_ceil(n as u64)
            .clamp(1, 1 << 12)
            .min(enough);
        blocks.visit(m, epochs, |g| {
            squares += apart(g).powi(2);
            drawn += 1;
        })?;
        points.push((m as f64, (squares / drawn as f64).sqrt()));
    }
    // Of single samples, over all of them: the exact standard deviation.
    let mut squares = 0.0;
    blocks.visit(1, 1, |g| squares += apart(g).powi(2))?;
    let sigma = (squares / n as f64).sqrt();
    let expected = |m: f64| sigma / m.sqrt() * ((n as f64 - m) / (n as f64 - 1.0)).sqrt();
    let slope = law(
        &points
            .iter()
            .copied()
            .filter(|p| p.0 <= n as f64 / 10.0)
            .collect::<Vec<_>>(),
        1.0,
    )
    .map_or(f64::NAN, |law| law.slope);
    let worst = points
        .iter()
        .map(|&(m, noise)| (noise / expected(m) - 1.0).abs())
        .fold(0.0, f64::max);
    let mut chart = LineChart::new(
        "Noise of a mini-batch gradient against the size of the batch",
        Axis::log2("samples of the mini-batch M (count)"),
        Axis::log("distance from the full gradient, root mean square"),
    );
    chart.subtitle = format!(
        "Digits ({n} samples), 64-16-10, tanh, Glorot's initial weights; samples drawn without replacement"
    );
    chart.series.push(
        Series::new("measured", points.clone())
            .scattered()
            .remark(format!("slope {} for M <= n / 10", short(slope))),
    );
    let curve: Vec<(f64, f64)> = (0..=100)
        .map(|i| 2f64.powf(f64::from(i) / 100.0 * 1280f64.log2()))
        .map(|m| (m, expected(m)))
        .collect();
    chart.series.push(
        Series::guide("theory, without replacement", curve).remark("sigma sqrt((n-M)/(n-1)/M)"),
    );
    chart.series.push(
        Series::guide(
            "theory, independent draws",
            sizes
                .iter()
                .map(|&m| (m as f64, sigma / (m as f64).sqrt()))
                .collect(),
        )
        .remark("sigma / sqrt(M)")
        .colour(Colour::BLACK)
        .dash(Dash::DashDot),
    );
    let mut most = 0.0_f64;
    for m in [8, 64, 512] {
        let (mut sum, mut count) = (vec![0.0; full.len()], 0.0);
        blocks.visit(m, 1, |g| {
            sum.iter_mut().zip(g).for_each(|(sum, g)| *sum += g);
            count += 1.0;
        })?;
        let average: Vec<f64> = sum.iter().map(|sum| sum / count).collect();
        most = most.max(apart(&average) / norm(full.iter().copied()));
    }
    let claims = vec![
        Claim {
            words: "A mini-batch approximates the gradient; smaller ones are noisier, larger ones more reliable (equation 11, \"Extracting batches from the data\").",
            measured: format!(
                "The noise falls with M to the power {} for M <= n / 10 (independent draws: -1/2), and with the factor sqrt((n - M) / (n - 1)) of drawing without replacement it is as expected within {} % at every M.",
                short(slope),
                short(100.0 * worst)
            ),
            verdict: if (slope + 0.5).abs() < 0.05 {
                Verdict::Held
            } else {
                Verdict::Failed
            },
        },
        Claim {
            words: "The objective is a mean over all data, which the blocks of a shuffled epoch divide (equation 10).",
            measured: format!(
                "The mean of the gradients of equal blocks (M = 8, 64, 512) is the full gradient up to rounding: the difference is {} of its norm, which is {}.",
                short(most),
                short(norm(full.iter().copied()))
            ),
            verdict: if most < 1e-12 {
                Verdict::Held
            } else {
                Verdict::Failed
            },
        },
    ];
    Ok(vec![Figure {
        name: "batch_noise",
        chart,
        caption: "How far the mean gradient of a mini-batch lies from that of all samples. The distance falls with the square root of the batch's size, and faster where few samples are left out. Dotted: theory for samples drawn without replacement, as here; dashes and dots: for independent draws.".into(),
        claims,
    }])
}
