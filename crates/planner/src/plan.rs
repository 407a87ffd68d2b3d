//! The plan: every candidate with what it would take, the one that is taken, and the engine that runs it.

use std::fmt;

use pushpull_core::siblings::figures::{self, grouped, table};
use pushpull_core::{Dual, Graph, Mat, Prediction};

use crate::calibration::{Timed, shared};
use crate::prepared::allowed;
use crate::survey::Survey;
use crate::{Answer, Budget, Calibration, Candidate, PlanError, Prepared, Question, Seeds};

/// A scalar that plans are made at: `f32` or `f64`.
pub trait Planned: Timed {}

impl Planned for f32 {}
impl Planned for f64 {}

/// The fastest way to the answer of a question that fits a budget, by prediction, with all that it was compared with.
///
/// Nothing large is allocated before the first run. Its text is the table of candidates and one sentence of reason:
///
/// ```
/// use pushpull_core::{Mlp, blocks::{Activation, Loss}};
/// use pushpull_planner::{Budget, Plan, PlanError, Question};
/// let graph = Mlp::new(&[4, 8, 1], Activation::Tanh).loss(Loss::SquaredError).build()?;
/// let plan = Plan::<f32>::new(&graph, 10, Question::Gradient, Budget::Unlimited)?;
/// assert!(plan.to_string().contains("picked"));
/// let refused = Plan::<f32>::new(&graph, 10, Question::Gradient, Budget::Bytes(100)).unwrap_err();
/// let PlanError::OverBudget { smallest, .. } = refused else { panic!("{refused}") };
/// assert!(Plan::<f32>::new(&graph, 10, Question::Gradient, Budget::Bytes(smallest)).is_ok());
/// # Ok::<(), PlanError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Plan<T: nalgebra::Scalar> {
    graph: Graph,
    batch: usize,
    question: Question,
    budget: Budget,
    candidates: Vec<Candidate>,
    picked: usize,
    threads: usize,
    prepared: Option<Prepared<T>>,
}

impl<T: Planned> Plan<T>
where
    Dual<T>: Timed,
{
    /// Plans with the process's own calibration, which is measured in about a second for the first plan and kept in memory.
    /// Blocks that were never planned with are measured now. No file is touched: [`Plan::with`] takes a calibration that was.
    ///
    /// # Errors
    /// [`PlanError::OverBudget`] with the smallest budget that would do; [`PlanError::Graph`] where no way is possible, and
    /// where the seeds that are asked about or the answer could not fit, before anything is measured.
    pub fn new(
        graph: &Graph,
        batch: usize,
        question: Question,
        budget: Budget,
    ) -> Result<Self, PlanError> {
        checked::<T>(graph, batch, question)?;
        let mut shared = shared();
        let calibration = shared.get_or_insert_with(Calibration::measure);
        Self::with(graph, batch, question, budget, calibration)
    }

    /// Plans with a calibration of the caller's own, to which new blocks are added. No file is touched.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn with(
        graph: &Graph,
        batch: usize,
        question: Question,
        budget: Budget,
        calibration: &mut Calibration,
    ) -> Result<Self, PlanError> {
        checked::<T>(graph, batch, question)?;
        let survey = Survey {
            graph,
            batch,
            question,
            budget,
        };
        let candidates = survey.candidates::<T>(calibration);
        let Some(picked) = fastest(&candidates) else {
            return Err(refusal(&survey, &candidates));
        };
        Ok(Self {
            graph: graph.clone(),
            batch,
            question,
            budget,
            candidates,
            picked,
            threads: 1,
            prepared: None,
        })
    }

    /// The same plan where the caller's run takes more than the question, such as a second gradient: `revise` says what each
    /// candidate takes then (exact cost and bytes, seconds), and the fastest that fits `budget` is picked anew.
    ///
    /// # Errors
    /// [`PlanError::OverBudget`] if none fits.
    ///
    /// ```
    /// use pushpull_core::{Mlp, blocks::{Activation, Loss}};
    /// use pushpull_planner::{Budget, Plan, Question};
    /// let graph = Mlp::new(&[4, 8, 1], Activation::Tanh).loss(Loss::SquaredError).build()?;
    /// let plan = Plan::<f64>::new(&graph, 10, Question::Gradient, Budget::Unlimited)?;
    /// let usual = plan.picked().way;
    /// // Where it is a thousand times as much work, another way is the fastest.
    /// let plan = plan.revised(Budget::Unlimited, |candidate| {
    ///     if candidate.way == usual {
    ///         candidate.seconds = candidate.seconds.map(|seconds| 1000.0 * seconds);
    ///     }
    /// })?;
    /// assert_ne!(plan.picked().way, usual);
    /// # Ok::<(), pushpull_planner::PlanError>(())
    /// ```
    pub fn revised(
        mut self,
        budget: Budget,
        revise: impl FnMut(&mut Candidate),
    ) -> Result<Self, PlanError> {
        let survey = Survey {
            graph: &self.graph,
            batch: self.batch,
            question: self.question,
            budget,
        };
        self.candidates.iter_mut().for_each(revise);
        for candidate in &mut self.candidates {
            if let (true, Some(prediction)) = (candidate.is_feasible(), candidate.prediction) {
                candidate.obstacle = survey.obstacle(&prediction);
            }
        }
        let Some(picked) = fastest(&self.candidates) else {
            return Err(refusal(&survey, &self.candidates));
        };
        (self.picked, self.budget, self.prepared) = (picked, budget, None);
        Ok(self)
    }

    /// Runs on so many threads, the caller's among them: the same bits. The times of the candidates are those of one. What is
    /// wrong with the number, the first run says.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        (self.threads, self.prepared) = (threads, None);
        self
    }

    /// Runs a gradient or a Jacobian by the picked way. The first run prepares it.
    ///
    /// # Errors
    /// As [`Graph::check`]; [`PlanError::Seeds`] for a question that needs seeds.
    pub fn run<'a>(
        &'a mut self,
        params: &'a [T],
        x: impl Into<Mat<'a, T>>,
    ) -> Result<Answer<'a, T>, PlanError> {
        self.run_with(params, x, Seeds::None)
    }

    /// Runs any question by the picked way, with its seeds.
    ///
    /// # Errors
    /// As [`Graph::check`]; [`PlanError::Seeds`] and [`PlanError::Graph`] for seeds that do not fit.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// use pushpull_core::{Builder, Mat, blocks::Linear};
    /// use pushpull_planner::{Answer, Budget, Plan, Question, Seeds};
    /// let mut b = Builder::new();
    /// let x = b.input("x", 2);
    /// let y = b.block(Linear::without_bias(2, 1), x);
    /// let graph = b.build(y)?;
    /// let mut plan = Plan::<f64>::new(&graph, 1, Question::Jvp(2), Budget::Unlimited)?;
    /// let (directions, x) = (dmatrix![1.0, 0.0; 0.0, 1.0], dmatrix![10.0; 20.0]);
    /// let seeds = Seeds::Directions(Mat::from(&directions));
    /// let Answer::Tangents(y_dot) = plan.run_with(&[3.0, 5.0], &x, seeds)? else { unreachable!() };
    /// assert_eq!(*y_dot, dmatrix![10.0, 20.0]);
    /// # Ok::<(), pushpull_planner::PlanError>(())
    /// ```
    pub fn run_with<'a>(
        &'a mut self,
        params: &'a [T],
        x: impl Into<Mat<'a, T>>,
        seeds: Seeds<'_, T>,
    ) -> Result<Answer<'a, T>, PlanError> {
        let way = self.candidates[self.picked].way;
        let prepared = match self.prepared.take() {
            Some(prepared) => prepared,
            None => {
                let (graph, batch, threads) = (&self.graph, self.batch, self.threads);
                Prepared::on_threads(graph, batch, self.question, way, threads)?
            }
        };
        self.prepared.insert(prepared).run(params, x, seeds)
    }

    /// Takes another candidate than the one that was picked, to compare them. `false`, and nothing changes, where there is
    /// none of this name that fits.
    pub fn take(&mut self, name: &str) -> bool {
        let found = self
            .candidates
            .iter()
            .position(|candidate| candidate.is_feasible() && candidate.way.name() == name);
        if let Some(found) = found {
            self.picked = found;
            self.prepared = None;
        }
        found.is_some()
    }
}

impl<T: nalgebra::Scalar> Plan<T> {
    /// The graph.
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Samples of a batch.
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// What is asked.
    pub const fn question(&self) -> Question {
        self.question
    }

    /// The budget.
    pub const fn budget(&self) -> Budget {
        self.budget
    }

    /// Every candidate, feasible or not.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The candidate that is run.
    pub fn picked(&self) -> &Candidate {
        &self.candidates[self.picked]
    }
}

/// Refuses what no way could answer, before anything is measured.
fn checked<T>(graph: &Graph, batch: usize, question: Question) -> Result<(), PlanError> {
    if batch == 0 {
        return Err(pushpull_core::Error::EmptyBatch {
            name: "batch".into(),
        }
        .into());
    }
    if question.seeds() == Some(0) {
        return Err(pushpull_core::Error::setting(
            "Plan",
            "seeds of the question",
            "at least 1",
            0,
        )
        .into());
    }
    Ok(allowed::<T>(graph, batch, question)?)
}

/// The candidate that fits and takes the least time; the first of equal ones.
fn fastest(candidates: &[Candidate]) -> Option<usize> {
    let timed = candidates.iter().enumerate();
    let timed = timed.filter(|(_, candidate)| candidate.is_feasible());
    let timed = timed.filter_map(|(i, candidate)| Some((i, candidate.seconds?)));
    let fastest = timed.min_by(|a, b| a.1.total_cmp(&b.1));
    fastest.map(|(i, _)| i)
}

/// The least that any candidate needs, or why there is none.
fn refusal(survey: &Survey<'_>, candidates: &[Candidate]) -> PlanError {
    let known = candidates
        .iter()
        .filter_map(|candidate| Some((candidate.prediction?.peak(), candidate)));
    match known.min_by_key(|&(peak, _)| peak) {
        Some((smallest, candidate)) => PlanError::OverBudget {
            question: survey.question,
            batch: survey.batch,
            budget: survey.budget,
            smallest,
            way: candidate.way.to_string(),
        },
        None => pushpull_core::Error::TooLarge {
            what: survey.question.to_string(),
            bytes: u64::MAX,
            available: pushpull_core::siblings::memory::available(),
            remedy: "use a smaller batch".into(),
        }
        .into(),
    }
}

impl<T: nalgebra::Scalar> fmt::Display for Plan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scalar = std::any::type_name::<T>();
        writeln!(
            f,
            "{} of a batch of {} in {scalar}, within {}",
            self.question,
            self.batch,
            self.room()
        )?;
        let mut rows = vec![["candidate", "flops", "peak bytes", "time", ""].map(String::from)];
        for (i, candidate) in self.candidates.iter().enumerate() {
            let number = |of: fn(&Prediction) -> u128| {
                let known = candidate.prediction.as_ref();
                known.map_or("-".into(), |prediction| grouped(of(prediction)))
            };
            rows.push([
                candidate.way.to_string(),
                number(|prediction| prediction.cost.flops.into()),
                number(|prediction| prediction.peak() as u128),
                candidate.seconds.map_or("-".into(), figures::seconds),
                match &candidate.obstacle {
                    Some(obstacle) => format!("no: {obstacle}"),
                    None if i == self.picked => "picked".into(),
                    None => String::new(),
                },
            ]);
        }
        for line in table(&rows, &[4]) {
            writeln!(f, "  {}", line.trim_end())?;
        }
        f.write_str(&self.reason())
    }
}

impl<T: nalgebra::Scalar> Plan<T> {
    /// One sentence: why this candidate.
    pub fn reason(&self) -> String {
        let picked = self.picked();
        let own = picked.seconds.unwrap_or(f64::INFINITY);
        let others = self
            .candidates
            .iter()
            .enumerate()
            .filter(|&(i, candidate)| i != self.picked && candidate.is_feasible());
        let next = others
            .filter_map(|(_, candidate)| Some((candidate.seconds?, candidate)))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        match next {
            Some((seconds, _)) if seconds < own => format!(
                "{} was chosen by the caller; the fastest is predicted to take {}.",
                picked.way,
                figures::seconds(seconds)
            ),
            Some((seconds, second)) => {
                let ratio = match seconds / own {
                    ratio if ratio < 1.005 => "as long as".to_owned(),
                    ratio if ratio < 10.0 => format!("{ratio:.2} times less than"),
                    ratio => format!("{ratio:.0} times less than"),
                };
                format!(
                    "{} is predicted to take {}, {ratio} {}, the next.",
                    picked.way,
                    figures::seconds(own),
                    second.way
                )
            }
            None => format!("{} is the only way that fits {}.", picked.way, self.room()),
        }
    }

    /// What the answer has to fit into.
    fn room(&self) -> String {
        match self.budget {
            Budget::Unlimited => "this machine".to_owned(),
            Budget::Bytes(bytes) => format!("{} bytes", grouped(bytes as u128)),
        }
    }
}
