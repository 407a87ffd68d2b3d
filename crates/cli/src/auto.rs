//! The way that is predicted to be the fastest within a budget: one plan for `pushpull plan` and `pushpull gradient --mode auto`, so
//! that they answer alike.

use pushpull_core::siblings::memory;
use pushpull_core::{Dual, Graph, Wrt};
use pushpull_forward_mode::Forward;
use pushpull_planner::{Budget, Candidate, Plan, PlanError, Planned, Question, Timed, Way};

use crate::calibration;
use crate::fault::Fault;
use crate::way::{frugal, predict};

/// The plan of a gradient in the parameters, and in the inputs where that is wanted.
///
/// The planner's question leaves the inputs out. What their gradient adds is exact in flops and bytes, and its time goes by its
/// flops: at the rate of the same way in reverse mode, which has both from one record; at that of chunks in forward mode, which
/// pushes the inputs' unit vectors after the parameters'.
pub fn plan<T: Planned>(
    graph: &Graph,
    batch: usize,
    wanted: Wrt,
    budget: Option<usize>,
) -> Result<Plan<T>, Fault>
where
    Dual<T>: Timed,
{
    let of = |budget| {
        let question = Question::Gradient;
        calibration::with(|calibration| {
            Plan::<T>::with(graph, batch, question, budget, calibration)
        })
    };
    let within = |budget: Option<usize>| budget.map_or(Budget::Unlimited, Budget::Bytes);
    if !wanted.inputs {
        return Ok(of(within(budget))?);
    }
    let plan = match of(within(budget)) {
        // More than that is needed for both: the refusal below says how much.
        Err(PlanError::OverBudget { smallest, .. }) => of(Budget::Bytes(smallest))?,
        plan => plan?,
    };
    let parts = Parts::of::<T>(&plan, graph, batch, wanted);
    Ok(plan.revised(within(budget), |candidate| {
        parts.add::<T>(candidate, budget)
    })?)
}

/// What the gradient in the inputs adds.
struct Parts<'a> {
    graph: &'a Graph,
    batch: usize,
    wanted: Wrt,
    /// Seconds of the inputs' columns in forward mode, by the rate of its chunks.
    columns: Option<f64>,
    /// Flops and seconds of reverse mode without the inputs.
    reverse: Option<(f64, f64)>,
}

impl<'a> Parts<'a> {
    fn of<T: Planned>(plan: &Plan<T>, graph: &'a Graph, batch: usize, wanted: Wrt) -> Self
    where
        Dual<T>: Timed,
    {
        let rate = |find: fn(&Way) -> bool| {
            let found = plan.candidates().iter().find(|c| find(&c.way))?;
            Some((found.prediction?.cost.flops as f64, found.seconds?))
        };
        let chunks = rate(|way| matches!(way, Way::ForwardChunked(_)));
        let columns = Forward::plan(graph, batch, Question::JacobianInputs).prediction::<T>();
        let columns = columns.ok().zip(chunks);
        Self {
            graph,
            batch,
            wanted,
            columns: columns
                .map(|(columns, (flops, seconds))| columns.cost.flops as f64 * seconds / flops),
            reverse: rate(|way| matches!(way, Way::Reverse(_))),
        }
    }

    /// Adds it to a candidate.
    fn add<T: Planned>(&self, candidate: &mut Candidate, budget: Option<usize>)
    where
        Dual<T>: Timed,
    {
        let Self {
            graph,
            batch,
            wanted,
            ..
        } = *self;
        let known = |candidate: &Candidate| {
            Some((candidate.prediction?.cost.flops as f64, candidate.seconds?))
        };
        let mut rate = known(candidate);
        let most = budget.unwrap_or(memory::available() as usize);
        let takes = |way| predict::<T>(graph, batch, wanted, way);
        if matches!(candidate.way, Way::ReverseCheckpointed(..)) {
            // Checkpoints may be needed for both gradients where they were not for one, and others than for one.
            if takes(Way::Reverse(1)).is_ok_and(|whole| whole.peak_bytes <= most) {
                return;
            }
            if let Ok((way, _)) = frugal::<T>(graph, batch, wanted, most) {
                candidate.way = way;
                rate = rate.or(self.reverse);
            }
        } else if candidate.prediction.is_none() {
            // There is no such way, or it takes too long to look into.
            return;
        }
        while let Some(less) = halved(candidate.way)
            && takes(candidate.way).is_ok_and(|takes| takes.peak_bytes > most)
        {
            candidate.way = less;
        }
        let alone = candidate
            .way
            .prediction::<T>(graph, batch, Question::Gradient);
        let (Ok(takes), Ok(mut prediction)) = (takes(candidate.way), alone) else {
            return;
        };
        let before = prediction.cost.flops as f64;
        let more = takes.peak_bytes.saturating_sub(prediction.peak());
        prediction.buffers = prediction.buffers.saturating_add(more);
        prediction.cost = takes.cost;
        (candidate.prediction, candidate.obstacle) = (Some(prediction), None);
        candidate.seconds = rate.map(|(flops, seconds)| {
            let rate = seconds / flops.max(1.0);
            // Whole femtoseconds, as the planner has them: equal ways tie.
            let seconds = match self.columns {
                Some(columns) if candidate.way.is_forward() => rate * before + columns,
                _ => rate * takes.cost.flops as f64,
            };
            (seconds * 1e15).round() / 1e15
        });
    }
}

/// The same way with half as much carried at once.
const fn halved(way: Way) -> Option<Way> {
    match way {
        Way::ForwardChunked(n) if n > 1 => Some(Way::ForwardChunked(n / 2)),
        Way::ForwardStructured(n) if n > 1 => Some(Way::ForwardStructured(n / 2)),
        _ => None,
    }
}
