//! The cost of a step against the size of the data set.

use std::hint::black_box;

use nalgebra::DMatrix;
use pushpull_bench::claims::{Claim, Verdict};
use pushpull_bench::rounds::{Effort, interleaved};
use pushpull_bench::sweep::Extent;
use pushpull_bench::table::law;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_core::{Graph, Init, Mlp};
use pushpull_plot::{Axis, LineChart, Series};
use pushpull_reverse_mode::Reverse;
use pushpull_train::Batches;

use crate::network::{SEED, digits, short, stacked};
use crate::{Fault, Figure};

/// One step of a data set: a block is drawn and copied, its gradient computed.
struct Step<'a> {
    data: &'a DMatrix<f64>,
    params: &'a [f64],
    batches: Batches,
    reverse: Reverse<f64>,
    block: DMatrix<f64>,
    next: usize,
}

impl<'a> Step<'a> {
    fn new(
        graph: &Graph,
        params: &'a [f64],
        data: &'a DMatrix<f64>,
        m: usize,
    ) -> Result<Self, Fault> {
        Ok(Self {
            batches: Batches::new(data.ncols(), m, SEED)?,
            reverse: Reverse::new(graph, m)?,
            block: DMatrix::zeros(data.nrows(), m),
            next: 0,
            data,
            params,
        })
    }

    fn run(&mut self) {
        let indices = self.batches.block(self.next);
        for (mut to, &from) in self.block.column_iter_mut().zip(indices) {
            to.copy_from(&self.data.column(from));
        }
        self.next = (self.next + 1) % self.batches.blocks();
        black_box(self.reverse.value_and_gradient(self.params, &self.block)).ok();
    }
}

pub(crate) fn run(extent: Extent) -> Result<Vec<Figure>, Fault> {
    const M: usize = 32;
    let (sizes, effort): (&[usize], _) = match extent {
        Extent::Full => (
            &[64, 256, 1024, 4096, 16384, 65536],
            Effort {
                rounds: 9,
                slice: 5e-3,
            },
        ),
        Extent::Quick => (
            &[64, 256, 1024],
            Effort {
                rounds: 3,
                slice: 5e-4,
            },
        ),
    };
    let graph = Mlp::new(&[64, 32, 10], Activation::Relu)
        .loss(Loss::SoftmaxCrossEntropy)
        .build()?;
    let params: Vec<f64> = graph.layout().init(Init::Glorot, SEED);
    let digits = stacked(&digits()?);
    // Larger data sets repeat the digits: only their number matters here.
    let sets: Vec<DMatrix<f64>> = sizes
        .iter()
        .map(|&n| DMatrix::from_fn(digits.nrows(), n, |i, j| digits[(i, j % digits.ncols())]))
        .collect();
    let mut steps = Vec::new();
    for data in &sets {
        steps.push(Step::new(&graph, &params, data, M)?);
        steps.push(Step::new(&graph, &params, data, data.ncols())?);
    }
    let mut runs: Vec<Box<dyn FnMut() + '_>> = Vec::new();
    for mut step in steps {
        runs.push(Box::new(move || step.run()));
    }
    let times = interleaved(&mut runs, effort);
    let points = |first: usize| -> Vec<(f64, f64)> {
        let of = times.iter().skip(first).step_by(2).zip(sizes);
        of.map(|(times, &n)| (n as f64, times.median())).collect()
    };
    let bars = |first: usize| -> Vec<(f64, f64)> {
        let of = times.iter().skip(first).step_by(2);
        of.map(|times| times.quartiles())
            .map(|[low, _, high]| (low, high))
            .collect()
    };
    let (fixed, full) = (points(0), points(1));
    let slope = |points: &[(f64, f64)]| law(points, 1.0).map_or(f64::NAN, |law| law.slope);
    let (flat, linear) = (slope(&fixed), slope(&full));
    let mut chart = LineChart::new(
        "Time of a step against the size of the data set",
        Axis::log("samples of the data set n (count)"),
        Axis::log("time of a step (s)"),
    );
    chart.subtitle =
        "Digits, repeated; 64-32-10, ReLU, f64, 1 thread; medians of interleaved rounds, bars: quartiles".into();
    for (name, points, first, slope) in [
        ("full batch, M = n".to_owned(), full, 1, linear),
        (format!("mini-batch, M = {M}"), fixed, 0, flat),
    ] {
        let series = Series::new(name, points).bars(bars(first));
        chart
            .series
            .push(series.remark(format!("slope {}", short(slope))));
    }
    let claims = vec![
        Claim {
            words: "An iteration of gradient descent scales linearly in the number of examples (\"Stochastic optimization\").",
            measured: format!(
                "Time of a step with M = n against n: fitted slope {} over {} to {} samples.",
                short(linear),
                sizes[0],
                sizes[sizes.len() - 1]
            ),
            verdict: if (linear - 1.0).abs() < 0.15 {
                Verdict::Held
            } else {
                Verdict::Failed
            },
        },
        Claim {
            words: "The cost of an iteration of SGD is fixed by M and does not depend on the size of the data set (\"Characteristics of stochastic GD\").",
            measured: format!(
                "Time of a step with M = {M} against n: fitted slope {}; what remains is that a larger data set does not fit into the caches.",
                short(flat)
            ),
            verdict: if flat.abs() < 0.1 {
                Verdict::Held
            } else {
                Verdict::Failed
            },
        },
    ];
    Ok(vec![Figure {
        name: "step_cost",
        chart,
        caption: "Time of one step against the number of samples: it grows linearly for the full batch and stays the same for a mini-batch.".into(),
        claims,
    }])
}
