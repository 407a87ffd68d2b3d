//! The cost of a step against the size of the data set.

use std::hint::black_box;

use nalgebra::DMatrix;
use pushpull_bench::claims::{Claim, Verdict};
use pushpull_bench::rounds::{Effort, interleaved};
use pushpull_bench::sweep::Extent;
use pushpull_bench::table::law;
use pushpull_bench::verdict::Exponent;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_core::{Graph, Init, Mlp, Question};
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
    // The gradients of mini-batches, and of the whole data set.
    let [fixed, full] = [0, 1].map(|first| -> Vec<(f64, [f64; 3])> {
        let of = times.iter().skip(first).step_by(2).zip(sizes);
        of.map(|(times, &n)| (n as f64, times.quartiles()))
            .collect()
    });
    let flops = |n: usize, batch: usize| -> Result<(f64, f64), Fault> {
        let plan = Reverse::plan(&graph, batch, Question::Gradient);
        Ok((n as f64, plan.prediction::<f64>()?.cost.flops as f64))
    };
    let (mut counted_fixed, mut counted_full) = (Vec::new(), Vec::new());
    for &n in sizes {
        counted_fixed.push(flops(n, M)?);
        counted_full.push(flops(n, n)?);
    }
    let growth = [
        Growth::of(&counted_fixed, &fixed),
        Growth::of(&counted_full, &full),
    ];
    let mut chart = LineChart::new(
        "Time of a step against the size of the data set",
        Axis::log("samples of the data set n (count)"),
        Axis::log("time of a step (s)"),
    );
    chart.subtitle =
        "Digits, repeated; 64-32-10, ReLU, f64, 1 thread; medians of interleaved rounds, bars: quartiles".into();
    for (name, times, growth) in [
        ("full batch, M = n".to_owned(), full, &growth[1]),
        (format!("mini-batch, M = {M}"), fixed, &growth[0]),
    ] {
        let points = times.iter().map(|&(n, [_, median, _])| (n, median));
        let bars = times.iter().map(|&(_, [low, _, high])| (low, high));
        let series = Series::new(name, points.collect()).bars(bars.collect());
        chart
            .series
            .push(series.remark(format!("slope {}", short(growth.median()))));
    }
    let [flat, linear] = &growth;
    let over = format!("{} to {} samples", sizes[0], sizes[sizes.len() - 1]);
    let linear = linear.judged("M = n", &over, 1.0, 0.15);
    let flat = flat.judged(&format!("M = {M}"), &over, 0.0, 0.1);
    let claims = vec![
        Claim {
            words: "An iteration of gradient descent scales linearly in the number of examples (\"Stochastic optimization\").",
            measured: linear.0,
            verdict: linear.1,
        },
        Claim {
            words: "The cost of an iteration of SGD is fixed by M and does not depend on the size of the data set (\"Characteristics of stochastic GD\").",
            measured: format!(
                "{} Time may grow where a larger data set no longer fits into the caches.",
                flat.0
            ),
            verdict: flat.1,
        },
    ];
    Ok(vec![Figure {
        name: "step_cost",
        chart,
        caption: format!(
            "Measured time of one step against the number of samples, for the full batch and for mini-batches of {M}. The flops of the one grow linearly, those of the other stay the same."
        ),
        claims,
    }])
}

/// How the cost of a step grows with the size of the data set: to which power, in counted flops and in time.
struct Growth {
    flops: f64,
    /// `None` where the times have no slope.
    time: Option<Exponent>,
}

impl Growth {
    fn of(flops: &[(f64, f64)], times: &[(f64, [f64; 3])]) -> Self {
        Self {
            flops: law(flops, 1.0).map_or(f64::NAN, |law| law.slope),
            time: Exponent::of(times),
        }
    }

    fn median(&self) -> f64 {
        self.time.as_ref().map_or(f64::NAN, |time| time.bounds[1])
    }

    /// A claim that the cost of some steps grows to a power, with its measurement: judged by the flops, which are exact. Times
    /// are allowed to differ from the power by so much.
    fn judged(&self, which: &str, over: &str, power: f64, allowed: f64) -> (String, Verdict) {
        /// Of the flops, a step's fixed costs included.
        const EXACT: f64 = 0.01;
        let mut words = format!(
            "The counted flops of a step with {which} grow with n to the power {} from {over}",
            short(self.flops)
        );
        let mut times = Verdict::Inconclusive;
        if let Some(time) = &self.time {
            times = time.within((power - allowed, power + allowed));
            let [low, median, high] = time.bounds.map(short);
            let says = match times {
                Verdict::Held => "as near to that as times are expected to be",
                Verdict::Failed => "which caches and fixed costs may explain, but counts do not",
                _ => "too few or too spread to judge by",
            };
            words += &format!(
                "; its time to the power {median} ({low} to {high} by the quartiles, {} points: {says})",
                time.points
            );
        }
        let counted = Verdict::of((self.flops - power).abs() <= EXACT);
        (words + ".", counted.beside(times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Costs that grow with n to a power, over so many sizes.
    fn costs(power: f64, sizes: i32) -> Vec<(f64, f64)> {
        let at = |k| 4_f64.powi(k + 3);
        (0..sizes).map(|k| (at(k), at(k).powf(power))).collect()
    }

    fn times(power: f64, spread: f64, sizes: i32) -> Vec<(f64, [f64; 3])> {
        let quartiles = |(n, time): (f64, f64)| {
            (
                n,
                [1.0 - spread, 1.0, 1.0 + spread].map(|share| time * share),
            )
        };
        costs(power, sizes).into_iter().map(quartiles).collect()
    }

    fn judge(counted: &[(f64, f64)], times: &[(f64, [f64; 3])]) -> (String, Verdict) {
        Growth::of(counted, times).judged("M = n", "64 to 65536 samples", 1.0, 0.15)
    }

    #[test]
    fn counts_judge_and_only_certain_times_contradict_them() {
        let verdict = |counted, times: &[_]| judge(&costs(counted, 6), times).1;
        assert_eq!(verdict(1.0, &times(1.05, 0.01, 6)), Verdict::Held);
        assert_eq!(verdict(1.0, &times(1.4, 0.01, 6)), Verdict::InPart);
        // Too few points, too wide a spread, or no times say nothing.
        assert_eq!(verdict(1.0, &times(1.4, 0.0, 3)), Verdict::Held);
        assert_eq!(verdict(1.0, &times(1.2, 0.4, 6)), Verdict::Held);
        assert_eq!(verdict(1.0, &[]), Verdict::Held);
        // No times make up for counts.
        assert_eq!(verdict(1.5, &times(1.0, 0.01, 6)), Verdict::Failed);
        assert_eq!(judge(&[], &times(1.0, 0.01, 6)).1, Verdict::Failed);
    }

    #[test]
    fn words_say_what_times_say() {
        let says = |times: &[_], words: &str| {
            let said = judge(&costs(1.0, 6), times).0;
            assert!(said.contains(words), "{said}");
            assert!(
                said.starts_with(
                    "The counted flops of a step with M = n grow with n to the power 1 from 64"
                ),
                "{said}"
            );
        };
        says(&times(1.0, 0.01, 6), "6 points: as near to that");
        says(&times(1.4, 0.01, 6), "6 points: which caches");
        says(&times(1.0, 0.01, 3), "3 points: too few");
        says(&times(1.1, 0.4, 6), "6 points: too few or too spread");
        says(&[], "65536 samples.");
    }
}
