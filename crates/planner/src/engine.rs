//! From a way to its engine: the one place that chooses.

use pushpull_core::siblings::memory;
use pushpull_core::siblings::work::{Item, Work};
use pushpull_core::{Cost, Dual, Engine, Error, Graph, Prediction, Result, Scalar};
use pushpull_forward_mode::{
    Chunk, Forward, ForwardOverForward, ForwardOverForwardPlan, Plan as ForwardPlan, Structured,
    StructuredPlan,
};
use pushpull_mixed_mode::{MixedMode, MixedPlan};
use pushpull_reverse_mode::{
    HessianVector, HessianVectorPlan, Plan as ReversePlan, Reverse, Store,
};

use crate::{Question, Way};

/// Nodes up to which a bracketing is searched: the search grows with the cube of them.
const BRACKETED: usize = 256;

/// The plan of the engine that a way takes to the answer of a question.
#[derive(Clone, Debug)]
pub(crate) enum EnginePlan {
    Forward(ForwardPlan),
    Structured(StructuredPlan),
    Reverse(ReversePlan),
    Mixed(MixedPlan),
    Second(HessianVectorPlan),
    /// For so many products.
    Pushed(ForwardOverForwardPlan, usize),
}

/// A prepared engine.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // A box would be heap bytes that no prediction counts.
pub(crate) enum Chosen<T: nalgebra::Scalar> {
    Forward(Forward<T>),
    Structured(Structured<T>),
    Reverse(Reverse<T>),
    Mixed(MixedMode<T>),
    Second(HessianVector<T>),
    Pushed(ForwardOverForward<T>),
}

impl<T: Scalar> Chosen<T>
where
    Dual<T>: Scalar,
{
    fn boxed(self) -> Box<dyn Engine<T>> {
        match self {
            Self::Forward(engine) => Box::new(engine),
            Self::Structured(engine) => Box::new(engine),
            Self::Reverse(engine) => Box::new(engine),
            Self::Mixed(engine) => Box::new(engine),
            Self::Second(engine) => Box::new(engine),
            Self::Pushed(engine) => Box::new(engine),
        }
    }

    /// The engine, whichever it is.
    pub(crate) fn as_dyn(&mut self) -> &mut dyn Engine<T> {
        match self {
            Self::Forward(engine) => engine,
            Self::Structured(engine) => engine,
            Self::Reverse(engine) => engine,
            Self::Mixed(engine) => engine,
            Self::Second(engine) => engine,
            Self::Pushed(engine) => engine,
        }
    }
}

/// A product with the Jacobian that a way has beside its engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByJacobian {
    /// A jvp is the Jacobian's rows, times the directions.
    Jvp(usize),
    /// A vjp is the Jacobian's columns, times the cotangents.
    Vjp(usize),
}

impl Way {
    /// Whether a question is answered by way of the whole Jacobian.
    pub(crate) const fn by_jacobian(self, question: Question) -> Option<ByJacobian> {
        match question {
            Question::Jvp(k) if !self.is_forward() => Some(ByJacobian::Jvp(k)),
            Question::Vjp(k) if self.is_forward() => Some(ByJacobian::Vjp(k)),
            _ => None,
        }
    }

    /// The engine's plan.
    pub(crate) fn plan(
        self,
        graph: &Graph,
        batch: usize,
        question: Question,
    ) -> Result<EnginePlan> {
        if !self.answers(question) {
            return Err(Error::setting(
                "Prepared",
                "way",
                format!("one of the ways to {question}"),
                self,
            ));
        }
        let asked = match self.by_jacobian(question) {
            Some(_) => Question::JacobianParams,
            None => question,
        };
        let products = question.seeds().unwrap_or(1);
        let forward = |chunk| EnginePlan::Forward(Forward::plan(graph, batch, asked).chunk(chunk));
        let reverse = |store, side| {
            let plan = Reverse::plan(graph, batch, asked).checkpointing(store);
            EnginePlan::Reverse(plan.seeds(side))
        };
        let second = || HessianVector::plan(graph, batch).products(products);
        Ok(match self {
            Self::ForwardDense => forward(Chunk::Full),
            Self::ForwardChunked(n) => forward(Chunk::Fixed(n)),
            Self::ForwardStructured(n) => {
                EnginePlan::Structured(Structured::plan(graph, batch).chunk(Chunk::Fixed(n)))
            }
            Self::Reverse(side) => reverse(Store::All, side),
            Self::ReverseCheckpointed(store, side) => reverse(store, side),
            Self::Mixed => EnginePlan::Mixed(mixed(graph, batch)?),
            Self::Planes => EnginePlan::Second(second()),
            Self::Duals => EnginePlan::Second(second().by_duals()),
            Self::ForwardOverForward(n) => {
                let plan = ForwardOverForward::plan(graph, batch).chunk(Chunk::Fixed(n));
                EnginePlan::Pushed(plan, products)
            }
        })
    }

    /// Forward mode's gradient with as many directions at a time as it would choose itself.
    pub fn forward<T: Scalar>(graph: &Graph, batch: usize) -> Self {
        match Forward::plan(graph, batch, Question::Gradient).width::<T>() {
            width if width >= graph.n_params() => Self::ForwardDense,
            width => Self::ForwardChunked(width),
        }
    }

    /// Structured tangents with as many samples at a time as they would choose themselves.
    ///
    /// # Errors
    /// As `Structured::plan(..).samples()`.
    pub fn structured<T: Scalar>(graph: &Graph, batch: usize) -> Result<Self> {
        Ok(Self::ForwardStructured(
            Structured::plan(graph, batch).samples::<T>()?,
        ))
    }

    /// What a way to the answer of a question takes at a scalar, exactly: its engine, and what a run beside it does.
    ///
    /// # Errors
    /// As the engine's own; [`Error::Setting`] for a way that does not lead to the question's answer.
    ///
    /// ```
    /// use pushpull_core::{Mlp, Question, blocks::Activation};
    /// use pushpull_planner::Way;
    /// let graph = Mlp::new(&[8, 2, 8], Activation::Tanh).build()?;
    /// let gradient = |way: Way| way.prediction::<f64>(&graph, 1, Question::Gradient);
    /// assert!(gradient(Way::Reverse(1))?.cost.flops < gradient(Way::ForwardDense)?.cost.flops);
    /// assert!(gradient(Way::Mixed).is_err());
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn prediction<T: Scalar>(
        self,
        graph: &Graph,
        batch: usize,
        question: Question,
    ) -> Result<Prediction>
    where
        Dual<T>: Scalar,
    {
        let mut predicted = self.plan(graph, batch, question)?.prediction::<T>()?;
        let outputs = memory::elements(&[graph.n_outputs(), batch]);
        let (rows, depth, k) = match (self.by_jacobian(question), question) {
            (Some(ByJacobian::Jvp(k)), _) => (outputs, graph.n_params(), k),
            (Some(ByJacobian::Vjp(k)), _) => (graph.n_params(), outputs, k),
            (None, Question::Jvp(_) | Question::Vjp(_)) => {
                // Written to what is kept for it.
                (predicted.run, predicted.results) = (0, 0);
                return Ok(predicted);
            }
            (None, _) => return Ok(predicted),
        };
        // A Jacobian that is multiplied by k columns and then dropped.
        predicted.cost += Cost::product(rows, depth, k);
        predicted.results = 0;
        Ok(predicted)
    }

    /// The engine of a way, prepared, on `threads` threads: where one is chosen at run time. A question that the way answers
    /// by the whole Jacobian is prepared for that ([`crate::Prepared`] makes the product).
    ///
    /// # Errors
    /// As [`Way::prediction`], and for threads as [`pushpull_core::Team::new`].
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// use pushpull_core::{Mat, Mlp, Question, blocks::Activation};
    /// use pushpull_planner::Way;
    /// let graph = Mlp::new(&[2, 1], Activation::Tanh).build()?;
    /// let x = dmatrix![2.0; 3.0];
    /// for way in [Way::ForwardDense, Way::ForwardStructured(1), Way::Reverse(1)] {
    ///     let mut engine = way.engine::<f64>(&graph, 1, Question::Gradient, 1)?;
    ///     let (_, gradient) = engine.value_and_gradient(&[1.0, 1.0, 0.0], Mat::from(&x))?;
    ///     assert_eq!(gradient, [2.0, 3.0, 1.0]);
    /// }
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn engine<T: Scalar>(
        self,
        graph: &Graph,
        batch: usize,
        question: Question,
        threads: usize,
    ) -> Result<Box<dyn Engine<T>>>
    where
        Dual<T>: Scalar,
    {
        let plan = self.plan(graph, batch, question)?.threads(threads);
        Ok(plan.prepare()?.boxed())
    }

    /// What it does, and whether it does it at duals.
    pub(crate) fn work<T: Scalar>(
        self,
        graph: &Graph,
        batch: usize,
        question: Question,
    ) -> Result<(Work, bool)>
    where
        Dual<T>: Scalar,
    {
        let (mut work, duals) = self.plan(graph, batch, question)?.work::<T>()?;
        let (rows, n_params) = (
            memory::elements(&[graph.n_outputs(), batch]),
            graph.n_params(),
        );
        match self.by_jacobian(question) {
            Some(ByJacobian::Jvp(k)) => {
                work.add(product_of(rows, n_params, k, false), 1);
                work.add(Item::Read(memory::elements(&[n_params, k])), 1);
            }
            Some(ByJacobian::Vjp(k)) => work.add(product_of(n_params, rows, k, true), 1),
            None => {}
        }
        Ok((work, duals))
    }
}

impl EnginePlan {
    pub(crate) fn threads(self, threads: usize) -> Self {
        match self {
            Self::Forward(plan) => Self::Forward(plan.threads(threads)),
            Self::Structured(plan) => Self::Structured(plan.threads(threads)),
            Self::Reverse(plan) => Self::Reverse(plan.threads(threads)),
            Self::Mixed(plan) => Self::Mixed(plan.threads(threads)),
            Self::Second(plan) => Self::Second(plan.threads(threads)),
            Self::Pushed(plan, products) => Self::Pushed(plan.threads(threads), products),
        }
    }

    fn prediction<T: Scalar>(&self) -> Result<Prediction>
    where
        Dual<T>: Scalar,
    {
        match self {
            Self::Forward(plan) => plan.prediction::<T>(),
            Self::Structured(plan) => plan.prediction::<T>(),
            Self::Reverse(plan) => plan.prediction::<T>(),
            Self::Mixed(plan) => plan.prediction::<T>(),
            Self::Second(plan) => plan.prediction::<T>(),
            Self::Pushed(plan, products) => Ok(plan.prediction::<T>()?.times(*products)),
        }
    }

    fn work<T: Scalar>(&self) -> Result<(Work, bool)>
    where
        Dual<T>: Scalar,
    {
        Ok(match self {
            Self::Forward(plan) => (plan.work::<T>()?, false),
            Self::Structured(plan) => (plan.work::<T>()?, false),
            Self::Reverse(plan) => (plan.work::<T>()?, false),
            Self::Mixed(plan) => (plan.prediction_and_work::<T>()?.1, false),
            Self::Second(plan) => (plan.work::<T>()?, !plan.on_planes()),
            Self::Pushed(plan, products) => {
                let mut work = Work::default();
                work.extend(&plan.work::<T>()?, *products as u64);
                (work, true)
            }
        })
    }

    pub(crate) fn prepare<T: Scalar>(&self) -> Result<Chosen<T>>
    where
        Dual<T>: Scalar,
    {
        Ok(match self {
            Self::Forward(plan) => Chosen::Forward(plan.prepare()?),
            Self::Structured(plan) => Chosen::Structured(plan.prepare()?),
            Self::Reverse(plan) => Chosen::Reverse(plan.prepare()?),
            Self::Mixed(plan) => Chosen::Mixed(plan.prepare()?),
            Self::Second(plan) => Chosen::Second(plan.prepare()?),
            Self::Pushed(plan, _) => Chosen::Pushed(plan.prepare()?),
        })
    }
}

/// Mixed mode's plan, where its search does not take too long.
pub(crate) fn mixed(graph: &Graph, batch: usize) -> Result<MixedPlan> {
    if graph.nodes().len() > BRACKETED {
        return Err(Error::NotAChain {
            name: "the graph".into(),
            expected: format!("at most {BRACKETED} blocks to bracket"),
            got: graph.nodes().len().to_string(),
            remedy: "use MixedMode directly; its search takes time cubic in the number of blocks"
                .into(),
        });
    }
    Ok(MixedMode::plan(graph, batch))
}

/// A product that a way makes of a Jacobian.
const fn product_of(rows: usize, depth: usize, columns: usize, transposed: bool) -> Item {
    Item::Product {
        rows,
        depth,
        columns,
        transposed: [transposed, false],
    }
}
