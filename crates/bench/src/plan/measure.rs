//! Every candidate of a cell, predicted, counted and measured.

use std::hint::black_box;
use std::time::Instant;

use nalgebra::DMatrix;
use pushpull_core::{Counted, Dual, Graph, Init, Mat, Real, Scalar, count};
use pushpull_planner::{
    Answer, Calibration, Candidate, Plan, PlanError, Planned, Prepared, Question, Seeds,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::draw::{Drawn, MOST_BYTES, MOST_FLOPS};
use super::record::Row;
use crate::alloc::{self, AllocError};
use crate::cell::COUNT_LIMIT;
use crate::record::Dtype;

/// Why a cell could not be measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanCellError {
    /// The planner or an engine.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The network.
    #[error(transparent)]
    Graph(#[from] pushpull_core::Error),
    /// The counting allocator.
    #[error(transparent)]
    Alloc(#[from] AllocError),
}

/// How long a cell is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds in which every candidate is timed once.
    pub rounds: usize,
    /// Seconds of a candidate in a round, at least, unless one run takes longer.
    pub seconds: f64,
}

/// The point, directions and cotangents of a cell.
struct Subject<T: Real> {
    graph: Graph,
    question: Question,
    params: Vec<T>,
    x: DMatrix<T>,
    directions: DMatrix<T>,
    cotangents: DMatrix<T>,
}

impl<T: Real> Subject<T> {
    fn new(drawn: &Drawn) -> Self {
        let graph = &drawn.graph;
        let mut rng = ChaCha8Rng::seed_from_u64(crate::cell::SEED);
        let mut random = |_, _| T::from_f64(2.0 * rng.random::<f64>() - 1.0);
        let k = drawn.question.seeds().unwrap_or(0);
        Self {
            params: graph.layout().init(Init::Glorot, crate::cell::SEED),
            x: DMatrix::from_fn(graph.n_inputs(), drawn.batch, &mut random),
            directions: DMatrix::from_fn(graph.n_params(), k, &mut random),
            cotangents: DMatrix::from_fn(graph.n_outputs(), drawn.batch * k, &mut random),
            graph: graph.clone(),
            question: drawn.question,
        }
    }

    fn seeds(&self) -> Seeds<'_, T> {
        match self.question {
            Question::Jvp(_) | Question::HessianVector(_) => {
                Seeds::Directions(Mat::from(&self.directions))
            }
            Question::Vjp(_) => Seeds::Cotangents(Mat::from(&self.cotangents)),
            _ => Seeds::None,
        }
    }

    fn prepare(&self, candidate: &Candidate) -> Result<Prepared<T>, PlanError>
    where
        T: Scalar,
        Dual<T>: Scalar,
    {
        Ok(Prepared::new(
            &self.graph,
            self.x.ncols(),
            self.question,
            candidate.way,
        )?)
    }

    fn run<'a>(&'a self, prepared: &'a mut Prepared<T>) -> Result<Answer<'a, T>, PlanError>
    where
        T: Scalar,
        Dual<T>: Scalar,
    {
        prepared.run(&self.params, &self.x, self.seeds())
    }
}

/// Whether a cell is small enough: by exact counts, before anything is timed or measured.
///
/// # Errors
/// [`PlanError`]
pub fn admitted(drawn: &Drawn) -> Result<bool, PlanError> {
    let candidates = match drawn.dtype {
        Dtype::F32 => {
            pushpull_planner::predictions::<f32>(&drawn.graph, drawn.batch, drawn.question)
        }
        Dtype::F64 => {
            pushpull_planner::predictions::<f64>(&drawn.graph, drawn.batch, drawn.question)
        }
    };
    Ok(candidates
        .iter()
        .filter_map(|candidate| candidate.prediction)
        .all(|prediction| prediction.cost.flops <= MOST_FLOPS && prediction.peak() <= MOST_BYTES))
}

/// The rows of a cell.
///
/// # Errors
/// [`PlanCellError`]
pub fn measure(
    cell: usize,
    drawn: &Drawn,
    calibration: &mut Calibration,
    effort: Effort,
) -> Result<Vec<Row>, PlanCellError> {
    match drawn.dtype {
        Dtype::F32 => rows::<f32>(cell, drawn, calibration, effort),
        Dtype::F64 => rows::<f64>(cell, drawn, calibration, effort),
    }
}

fn rows<T: Planned>(
    cell: usize,
    drawn: &Drawn,
    calibration: &mut Calibration,
    effort: Effort,
) -> Result<Vec<Row>, PlanCellError>
where
    Dual<T>: pushpull_planner::Timed,
{
    let Drawn {
        graph,
        batch,
        question,
        ..
    } = drawn;
    let known = pushpull_planner::predictions::<T>(graph, *batch, *question);
    let peaks = known
        .iter()
        .filter_map(|candidate| Some(candidate.prediction?.peak()));
    let (least, most) = peaks.fold((usize::MAX, 0), |(least, most), peak| {
        (least.min(peak), most.max(peak))
    });
    let budget = drawn.budget(least, most);
    let plan = Plan::<T>::with(graph, *batch, *question, budget, calibration)?;
    let subject = Subject::<T>::new(drawn);
    let counted = Subject::<Counted<f64>>::new(drawn);
    let mut made = Vec::new();
    for candidate in plan.candidates() {
        made.push(if candidate.is_feasible() {
            Some(examine(candidate, &subject, &counted)?)
        } else {
            None
        });
    }
    let times = time(&subject, &mut made, effort)?;
    let rows = plan.candidates().iter().zip(&made).zip(times);
    let row = |candidate: &Candidate, made: &Option<Made<T>>, times: Option<[f64; 3]>| Row {
        net: drawn.net.clone(),
        batch: *batch,
        question: question.to_string(),
        budget: budget.to_string(),
        candidate: candidate.way.to_string(),
        predicted_flops: candidate.prediction.map(|p| p.cost.flops),
        counted_flops: made.as_ref().and_then(|made| made.counted),
        predicted_peak: candidate.prediction.map(|p| p.peak()),
        measured_peak: made.as_ref().map(|made| made.peak),
        predicted_s: candidate.seconds,
        measured_s: times.map(|times| times[1]),
        picked: std::ptr::eq(candidate, plan.picked()),
        cell,
        kind: question.name(),
        dtype: drawn.dtype,
        forward: candidate.way.is_forward(),
        reverse: candidate.way.is_reverse(),
        inputs: match question {
            Question::JacobianInputs => graph.n_inputs(),
            _ => graph.n_params(),
        },
        outputs: graph.n_outputs(),
        low_s: times.map(|times| times[0]),
        high_s: times.map(|times| times[2]),
    };
    Ok(rows
        .map(|((candidate, made), times)| row(candidate, made, times))
        .collect())
}

/// A candidate that was prepared and run once.
struct Made<T: nalgebra::Scalar> {
    prepared: Prepared<T>,
    peak: u64,
    counted: Option<u64>,
}

fn examine<T: Scalar>(
    candidate: &Candidate,
    subject: &Subject<T>,
    counted: &Subject<Counted<f64>>,
) -> Result<Made<T>, PlanCellError>
where
    Dual<T>: Scalar,
{
    // Warm: what the GEMM library keeps for itself is not the candidate's memory.
    subject.run(&mut subject.prepare(candidate)?)?;
    // What is prepared and kept, then the most of a run: planning's own notes are given back before a buffer is allocated.
    let (prepared, kept) = alloc::measure(|| subject.prepare(candidate))?;
    let mut prepared = prepared?;
    let (answer, seen) = alloc::measure(|| subject.run(&mut prepared).map(drop))?;
    answer?;
    let small = candidate
        .prediction
        .is_some_and(|prediction| prediction.cost.flops <= COUNT_LIMIT);
    let counted = if small {
        let mut prepared = counted.prepare(candidate)?;
        let (outcome, cost) = count(|| counted.run(&mut prepared).map(|_| ()));
        outcome?;
        Some(cost.flops)
    } else {
        None
    };
    Ok(Made {
        prepared,
        peak: kept.kept_bytes.unsigned_abs() + seen.peak_bytes,
        counted,
    })
}

/// First quartile, median and third quartile of every candidate's seconds, all in turn in every round.
fn time<T: Scalar>(
    subject: &Subject<T>,
    made: &mut [Option<Made<T>>],
    effort: Effort,
) -> Result<Vec<Option<[f64; 3]>>, PlanCellError>
where
    Dual<T>: Scalar,
{
    let mut seconds: Vec<Vec<f64>> = vec![Vec::with_capacity(effort.rounds); made.len()];
    let mut repeats = vec![0_usize; made.len()];
    for round in 0..=effort.rounds {
        for (i, made) in made.iter_mut().enumerate() {
            let Some(Made { prepared, .. }) = made else {
                continue;
            };
            let runs = repeats[i].max(1);
            let start = Instant::now();
            for _ in 0..runs {
                black_box(subject.run(prepared)?);
            }
            let once = start.elapsed().as_secs_f64() / runs as f64;
            if round == 0 {
                // The first round only finds out how often.
                repeats[i] = (effort.seconds / once).ceil().clamp(1.0, 1e5) as usize;
            } else {
                seconds[i].push(once);
            }
        }
    }
    let quartiles = |mut times: Vec<f64>| {
        times.sort_unstable_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
        (!times.is_empty()).then(|| [at(0.25), at(0.5), at(0.75)])
    };
    Ok(seconds.into_iter().map(quartiles).collect())
}
