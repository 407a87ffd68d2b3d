//! What every candidate would take: bytes and flops first, then the times of those that fit.

use pushpull_core::siblings::figures::grouped;
use pushpull_core::siblings::memory;
use pushpull_core::siblings::work::Work;
use pushpull_core::{Dual, Error, Graph, Prediction, Result, Scalar};
use pushpull_forward_mode::{Forward, Structured};
use pushpull_reverse_mode::Store;

use crate::calibration::{Calibration, Engine, Timed};
use crate::engine::mixed;
use crate::prepared::target_shape;
use crate::time::Clock;
use crate::{Budget, Candidate, Question, Way};

/// Cotangents that are pulled back side by side where there are as many: each block's product is then shared.
const SIDE_BY_SIDE: usize = 64;

/// Parameters up to which forward mode over forward mode is looked into: it pushes as many tangents at duals as there are
/// parameters, where the others pull one cotangent back.
const PUSHED_TWICE: usize = 1024;

/// Steps of forward mode that are listed for a prediction at most, a block for every kind of sweep: a second of work.
const LISTED: usize = 1 << 24;

/// A graph, a batch and a question, to be answered within a budget.
#[derive(Clone, Copy)]
pub(crate) struct Survey<'a> {
    pub graph: &'a Graph,
    pub batch: usize,
    pub question: Question,
    pub budget: Budget,
}

/// Corrections of what a schedule of checkpoints is given.
const ROUNDS: usize = 6;

impl Survey<'_> {
    /// All candidates of the question, with times where they fit.
    pub(crate) fn candidates<T: Timed>(&self, calibration: &mut Calibration) -> Vec<Candidate>
    where
        Dual<T>: Timed,
    {
        let (mut candidates, mut bracketed) = self.ways_but_checkpoints::<T>();
        if !matches!(self.question, Question::HessianVector(_)) {
            candidates.push(self.checkpointed::<T>(&candidates));
        }
        let mut clock = Clock::new(self.graph, calibration);
        let work: Vec<Option<(Work, bool)>> = candidates
            .iter()
            .map(|candidate| match candidate.way {
                _ if !candidate.is_feasible() => None,
                Way::Mixed => bracketed.take().map(|work| (work, false)),
                way => way.work::<T>(self.graph, self.batch, self.question).ok(),
            })
            .collect();
        // Twice where something had to be measured.
        loop {
            for (candidate, work) in candidates.iter_mut().zip(&work) {
                let (Some(prediction), Some((work, duals))) = (&candidate.prediction, work) else {
                    continue;
                };
                let kind = if *duals { <Dual<T>>::KIND } else { T::KIND };
                let inputs = memory::elements(&[self.graph.n_inputs(), self.batch]);
                let given = self.graph.n_params().saturating_add(inputs);
                let given = memory::elements(&[given, size_of::<T>()]);
                let bytes = prediction.peak().saturating_add(given);
                let engine = if candidate.way.is_forward() {
                    Engine::Forward
                } else {
                    Engine::Reverse
                };
                // Whole femtoseconds: equal ways tie, whatever the order in which their parts were added up.
                let seconds = clock.seconds(work, engine, kind, bytes);
                candidate.seconds = Some((seconds * 1e15).round() / 1e15);
            }
            if !clock.measure() {
                return candidates;
            }
        }
    }

    /// The candidates without times and without checkpoints, and what mixed mode would do: its search is made once.
    fn ways_but_checkpoints<T: Timed>(&self) -> (Vec<Candidate>, Option<Work>)
    where
        Dual<T>: Timed,
    {
        let ways = self.ways::<T>();
        let mut candidates: Vec<Candidate> = ways
            .iter()
            .map(|settings| self.fitting::<T>(settings))
            .collect();
        match self.question {
            Question::JacobianInputs => {
                let plan = mixed(self.graph, self.batch);
                let (predicted, work) = match plan.and_then(|plan| plan.prediction_and_work::<T>())
                {
                    Ok((prediction, work)) => (Ok(prediction), Some(work)),
                    Err(fault) => (Err(fault), None),
                };
                candidates.push(self.judged(Way::Mixed, predicted));
                (candidates, work)
            }
            Question::HessianVector(_) if self.graph.n_params() > PUSHED_TWICE => {
                candidates.push(Candidate {
                    way: Way::ForwardOverForward(1),
                    prediction: None,
                    seconds: None,
                    obstacle: Some(format!(
                        "{} tangents for one pullback, not considered",
                        self.graph.n_params()
                    )),
                });
                (candidates, None)
            }
            _ => (candidates, None),
        }
    }

    /// The ways to the answer, each with its settings from the fastest to the most frugal.
    fn ways<T: Scalar>(&self) -> Vec<Vec<Way>>
    where
        Dual<T>: Scalar,
    {
        let (graph, batch) = (self.graph, self.batch);
        let halved = |from: usize, way: &dyn Fn(usize) -> Way| {
            let widths = std::iter::successors(Some(from.max(1)), |&n| (n > 1).then_some(n / 2));
            widths.map(way).collect::<Vec<_>>()
        };
        let carried = |question| Forward::plan(graph, batch, question);
        let chunked = || halved(carried(self.question).width::<T>(), &Way::ForwardChunked);
        let side = |all: usize| halved(all.min(SIDE_BY_SIDE), &Way::Reverse);
        let outputs = graph.n_outputs();
        let dense = vec![Way::ForwardDense];
        match self.question {
            Question::Gradient => vec![
                dense,
                chunked(),
                self.structured::<T>(halved),
                vec![Way::Reverse(1)],
            ],
            Question::Jvp(_) => vec![dense, chunked(), side(outputs)],
            Question::Vjp(k) => vec![dense, chunked(), side(k)],
            Question::JacobianParams => vec![dense, chunked(), side(outputs)],
            Question::JacobianInputs => vec![dense, chunked(), side(outputs)],
            Question::GradientNorms => vec![vec![Way::Reverse(1)]],
            Question::HessianVector(_) => {
                let planes = graph.nodes().iter().all(|node| node.block.planes());
                let mut ways = vec![vec![Way::Duals]];
                if planes {
                    ways.push(vec![Way::Planes]);
                }
                if graph.n_params() <= PUSHED_TWICE {
                    let width = carried(Question::Gradient).width::<Dual<T>>();
                    ways.push(halved(width, &Way::ForwardOverForward));
                }
                ways
            }
            _ => Vec::new(),
        }
    }

    /// Structured forward mode, from as many samples as its tangents leave room for.
    fn structured<T: Scalar>(
        &self,
        halved: impl Fn(usize, &dyn Fn(usize) -> Way) -> Vec<Way>,
    ) -> Vec<Way> {
        let least = Way::ForwardStructured(1);
        if self.passed_over(least).is_some() {
            return vec![least];
        }
        let samples = Structured::plan(self.graph, self.batch)
            .samples::<T>()
            .unwrap_or(1);
        halved(samples, &Way::ForwardStructured)
    }

    /// Why a way is not considered: what forward mode would do for every parameter of a deep network takes longer to
    /// list than reverse mode takes to run. The steps are counted from above.
    fn passed_over(&self, way: Way) -> Option<String> {
        let (nodes, n_params) = (self.graph.nodes(), self.graph.n_params());
        let by_params = matches!(
            self.question,
            Question::Gradient | Question::JacobianParams | Question::Vjp(_)
        );
        let steps = match way {
            Way::ForwardDense | Way::ForwardChunked(_) if by_params => {
                let width = match way {
                    Way::ForwardChunked(width) => width,
                    _ => n_params,
                };
                // Chunks within one node's parameters are alike; at most one lies across each end.
                let chunks = n_params.div_ceil(width.max(1)).min(3 * nodes.len());
                memory::elements(&[chunks, nodes.len()])
            }
            Way::ForwardStructured(_) => {
                let (mut started, mut moved) = (0, 0_usize);
                for (node, consumers) in nodes.iter().zip(self.graph.consumers()) {
                    // What is stacked or read twice is listed for everything that reaches it.
                    let often = node.sources.len().max(consumers.len()) - 1;
                    moved = moved.saturating_add(memory::elements(&[often, started]));
                    started += usize::from(!node.params.is_empty());
                }
                moved
            }
            _ => 0,
        };
        (steps > LISTED).then(|| {
            let blocks = grouped(nodes.len() as u128);
            format!("too many sweeps through {blocks} blocks for one pullback, not considered")
        })
    }

    /// The first settings that fit the budget, else the last.
    fn fitting<T: Timed>(&self, settings: &[Way]) -> Candidate
    where
        Dual<T>: Timed,
    {
        let mut best: Option<Candidate> = None;
        for &way in settings {
            let candidate = self.examine::<T>(way);
            let fits = candidate.is_feasible();
            if fits
                || best
                    .as_ref()
                    .is_none_or(|best| peak(&candidate) < peak(best))
            {
                best = Some(candidate);
            }
            if fits {
                break;
            }
        }
        best.unwrap_or_else(|| Candidate {
            way: Way::ForwardDense,
            prediction: None,
            seconds: None,
            obstacle: Some("no settings".into()),
        })
    }

    /// Reverse mode with checkpoints: only where the whole record does not fit, since it is never faster. The budget of
    /// bytes that the schedule is given is what the plan's own books, the gradient and the results leave of it.
    fn checkpointed<T: Timed>(&self, others: &[Candidate]) -> Candidate
    where
        Dual<T>: Timed,
    {
        let whole = others
            .iter()
            .find(|candidate| matches!(candidate.way, Way::Reverse(_)));
        let side = match whole.map(|candidate| candidate.way) {
            Some(Way::Reverse(side)) => side,
            _ => 1,
        };
        let needless = |why: &str| Candidate {
            way: Way::ReverseCheckpointed(Store::All, side),
            prediction: None,
            seconds: None,
            obstacle: Some(why.into()),
        };
        let budget = match self.budget {
            _ if whole.is_some_and(Candidate::is_feasible) => {
                return needless("not needed, the whole record fits");
            }
            Budget::Unlimited => memory::available() as usize,
            Budget::Bytes(bytes) => bytes,
        };
        let way = |bytes| Way::ReverseCheckpointed(Store::Bytes(bytes), side);
        let gradient = memory::elements(&[self.graph.n_params(), size_of::<T>()]);
        let mut tried = Vec::with_capacity(ROUNDS + 1);
        let mut bytes = budget;
        // Books and buffers depend on the schedule, so a few corrections may be needed.
        for _ in 0..ROUNDS {
            let prediction = match self.predict::<T>(way(bytes)) {
                Ok(prediction) => prediction,
                Err(Error::Budget { .. }) => break,
                Err(fault) => return needless(&obstacle(&fault)),
            };
            tried.push(self.judged(way(bytes), Ok(prediction)));
            let excess = prediction.peak().saturating_sub(budget);
            if excess == 0 {
                break;
            }
            // From what the buffers took, which may be less than they were given.
            let taken = prediction.buffers.saturating_sub(gradient);
            bytes = bytes.min(taken).saturating_sub(excess);
        }
        if !tried.last().is_some_and(Candidate::is_feasible)
            && let Err(Error::Budget { smallest, .. }) = self.predict::<T>(way(0))
        {
            tried.push(self.examine::<T>(way(smallest as usize)));
        }
        let best = tried.into_iter().min_by_key(peak);
        best.unwrap_or_else(|| needless("no schedule was found"))
    }

    /// A way with its exact cost and bytes, and whether it fits.
    fn examine<T: Timed>(&self, way: Way) -> Candidate
    where
        Dual<T>: Timed,
    {
        match self.passed_over(way) {
            Some(obstacle) => Candidate {
                way,
                prediction: None,
                seconds: None,
                obstacle: Some(obstacle),
            },
            None => self.judged(way, self.predict::<T>(way)),
        }
    }

    /// Why so much does not fit.
    pub(crate) fn obstacle(&self, prediction: &Prediction) -> Option<String> {
        match prediction.peak() {
            peak if !self.budget.allows(peak) => {
                Some(format!("needs {} bytes", grouped(peak as u128)))
            }
            peak if peak as u64 > memory::available() => Some("more than this machine has".into()),
            _ => None,
        }
    }

    /// A way with what is known of it, and whether it fits.
    fn judged(&self, way: Way, predicted: Result<Prediction>) -> Candidate {
        let obstacle = match &predicted {
            Err(fault) => Some(obstacle(fault)),
            Ok(prediction) => self.obstacle(prediction),
        };
        Candidate {
            way,
            prediction: predicted.ok(),
            seconds: None,
            obstacle,
        }
    }

    /// The exact prediction of a way, with what a plan adds of its own: where the answer goes.
    fn predict<T: Scalar>(&self, way: Way) -> Result<Prediction>
    where
        Dual<T>: Scalar,
    {
        let (graph, batch) = (self.graph, self.batch);
        let mut predicted = way.prediction::<T>(graph, batch, self.question)?;
        let (rows, columns) = target_shape(graph, batch, self.question);
        let target = memory::elements(&[rows, columns, size_of::<T>()]);
        predicted.buffers = predicted.buffers.saturating_add(target);
        predicted.counted(self.question, "ask for fewer at once")
    }
}

/// The candidates of a question with their exact flops and bytes, and no times: nothing is measured or read.
///
/// ```
/// use pushpull_core::{Mlp, blocks::Activation};
/// use pushpull_planner::{Question, predictions};
/// let graph = Mlp::new(&[8, 2, 8], Activation::Tanh).build()?;
/// let candidates = predictions::<f64>(&graph, 1, Question::JacobianInputs);
/// assert!(candidates.iter().all(|candidate| candidate.seconds.is_none()));
/// # Ok::<(), pushpull_core::Error>(())
/// ```
pub fn predictions<T: Timed>(graph: &Graph, batch: usize, question: Question) -> Vec<Candidate>
where
    Dual<T>: Timed,
{
    let survey = Survey {
        graph,
        batch,
        question,
        budget: Budget::Unlimited,
    };
    survey.ways_but_checkpoints::<T>().0
}

/// Bytes of a candidate.
fn peak(candidate: &Candidate) -> usize {
    let prediction = candidate.prediction.as_ref();
    prediction.map_or(usize::MAX, Prediction::peak)
}

/// A refusal in a few words.
fn obstacle(fault: &Error) -> String {
    match fault {
        Error::NotAChain {
            name,
            expected,
            got,
            ..
        } => format!("not a chain: {name} reads {got} instead of {expected}"),
        Error::TooLarge { bytes, .. } => {
            format!("needs {} bytes, more than there are", grouped(*bytes))
        }
        other => other.to_string(),
    }
}
