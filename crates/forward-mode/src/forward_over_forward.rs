//! Second derivatives by forward mode alone: a check on the other way, and the lecture's algorithm at another scalar.

use pushpull_core::siblings::work::{Item, Work};
use pushpull_core::siblings::{given, memory};
use pushpull_core::{Dual, Engine, Graph, Mat, MatMut, Prediction, Question, Result, Scalar};

use crate::{Chunk, Forward, Plan};

/// The Hessian times a direction by forward mode over forward mode: tangent matrices pushed at [`Dual`] numbers, whose
/// derivatives are the direction.
///
/// What it takes, before it is prepared, and its settings: [`ForwardOverForward::plan`].
///
/// The outer mode gives the gradient, a unit vector of the parameters a column; the inner one its derivative along v:
/// `H v = d/de grad L(w + e v) at e = 0`, L the *sum* of all outputs over the whole batch. It costs a forward-mode
/// gradient at duals, p tangents where reverse mode pulls back one cotangent, so it is for small p and for checks.
///
/// ```
/// use nalgebra::dmatrix;
/// use pushpull_core::{Builder, blocks::{Linear, Square}};
/// use pushpull_forward_mode::ForwardOverForward;
/// let mut b = Builder::new();
/// let x = b.input("x", 2);
/// let h = b.block(Linear::without_bias(2, 1), x);
/// let y = b.map(Square, h);
/// let graph = b.build(y)?;
/// let mut second = ForwardOverForward::new(&graph, 1)?;
/// // y = (2 w1 + 3 w2)^2, so H = 2 [4 6; 6 9], whatever w is.
/// let (value, product) = second.hessian_vector(&[1.0, 1.0], &dmatrix![2.0; 3.0], &[1.0, -1.0])?;
/// assert_eq!((value, product), (25.0, &[-4.0, -6.0][..]));
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ForwardOverForward<T> {
    engine: Forward<Dual<T>>,
    params: Vec<Dual<T>>,
    x: Vec<Dual<T>>,
    product: Vec<T>,
}

/// A product by forward over forward mode, for a graph and a batch, with its settings: made by [`ForwardOverForward::plan`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ForwardOverForwardPlan {
    gradient: Plan,
    graph: Graph,
    batch: usize,
}

impl ForwardOverForwardPlan {
    /// How many unit vectors are carried at once; [`Chunk::Auto`] where nothing is said.
    pub fn chunk(mut self, chunk: Chunk) -> Self {
        self.gradient = self.gradient.chunk(chunk);
        self
    }

    /// Threads of the engine, the caller's among them; 1 where nothing is said.
    pub fn threads(mut self, threads: usize) -> Self {
        self.gradient = self.gradient.threads(threads);
        self
    }

    fn inputs(&self) -> usize {
        memory::elements(&[self.graph.n_inputs(), self.batch])
    }

    /// The engine, prepared: every shape is checked and all memory allocated here.
    ///
    /// # Errors
    /// As [`Plan::prepare`].
    pub fn prepare<T: Scalar>(&self) -> Result<ForwardOverForward<T>>
    where
        Dual<T>: Scalar,
    {
        let (graph, inputs) = (&self.graph, self.inputs());
        let duals = graph.n_params().saturating_mul(2).saturating_add(inputs);
        memory::fits::<Dual<T>>("parameters and data as duals", duals, "use a smaller batch")?;
        let zero = Dual::constant(T::zero());
        Ok(ForwardOverForward {
            engine: self.gradient.prepare()?,
            params: vec![zero; graph.n_params()],
            x: vec![zero; inputs],
            product: graph.layout().zeros(),
        })
    }

    /// What [`ForwardOverForward::hessian_vector`] takes at a scalar, exactly, without preparing it: a forward-mode gradient at
    /// duals, in operations of their parts, and the duals that it is run on.
    ///
    /// # Errors
    /// As [`Plan::prepare`].
    pub fn prediction<T: Scalar>(&self) -> Result<Prediction>
    where
        Dual<T>: Scalar,
    {
        let gradient = self.gradient.prediction::<Dual<T>>()?;
        let duals = self.graph.n_params().saturating_add(self.inputs());
        let duals = memory::elements(&[duals, size_of::<Dual<T>>()]);
        let product = memory::elements(&[self.graph.n_params(), size_of::<T>()]);
        let prediction = Prediction {
            buffers: gradient
                .buffers
                .saturating_add(duals)
                .saturating_add(product),
            ..gradient
        };
        prediction.counted(
            "a product by forward over forward mode",
            "use a smaller batch",
        )
    }
}

impl ForwardOverForwardPlan {
    /// What [`ForwardOverForward::hessian_vector`] does, as a list of operations on duals.
    ///
    /// # Errors
    /// As [`Plan::prepare`].
    pub fn work<T: Scalar>(&self) -> Result<Work>
    where
        Dual<T>: Scalar,
    {
        let mut work = self.gradient.work::<Dual<T>>()?;
        // Parameters and data become duals, and the gradient's derivatives are taken out.
        work.add(
            Item::Moved(memory::elements(&[2, self.graph.n_params()])),
            2,
        );
        Ok(work)
    }
}

impl ForwardOverForward<f64> {
    /// A product with its settings. The scalar is named where it matters, in [`ForwardOverForwardPlan::prediction`] and
    /// [`ForwardOverForwardPlan::prepare`].
    pub fn plan(graph: &Graph, batch: usize) -> ForwardOverForwardPlan {
        ForwardOverForwardPlan {
            gradient: Plan::new(graph, batch, Question::Gradient),
            graph: graph.clone(),
            batch,
        }
    }
}

impl<T: Scalar> ForwardOverForward<T>
where
    Dual<T>: Scalar,
{
    /// Prepares for batches of `batch` samples, with the settings that [`ForwardOverForward::plan`] starts from.
    ///
    /// # Errors
    /// As [`ForwardOverForwardPlan::prepare`].
    pub fn new(graph: &Graph, batch: usize) -> Result<Self> {
        ForwardOverForward::plan(graph, batch).prepare()
    }

    /// The sum of all outputs over the batch, and its Hessian with respect to the parameters times `direction`, both
    /// n_params numbers. Allocates nothing.
    ///
    /// # Errors
    /// As [`Graph::check`]; [`pushpull_core::Error::Shape`], [`pushpull_core::Error::NotFinite`] for `direction`.
    pub fn hessian_vector<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
        direction: &[T],
    ) -> Result<(T, &[T])> {
        let (x, graph) = (x.into(), self.engine.graph());
        graph.check(params, x, self.engine.batch())?;
        let remedy = "a direction has an entry for every parameter";
        given::shaped(
            "direction",
            (direction.len(), 1),
            (graph.n_params(), 1),
            remedy,
        )?;
        given::finite_row("direction", direction)?;
        let parts = params.iter().zip(direction);
        for (dual, (&value, &derivative)) in self.params.iter_mut().zip(parts) {
            *dual = Dual::new(value, derivative);
        }
        for (dual, &value) in self.x.iter_mut().zip(x.columns().flatten()) {
            *dual = Dual::constant(value);
        }
        let x = Mat::new(&self.x, x.nrows(), x.ncols());
        let (value, gradient) = self.engine.value_and_gradient(&self.params, x)?;
        for (product, dual) in self.product.iter_mut().zip(gradient) {
            *product = dual.derivative;
        }
        Ok((value.value, &self.product))
    }
}

impl<T: Scalar> Engine<T> for ForwardOverForward<T>
where
    Dual<T>: Scalar,
{
    fn name(&self) -> &'static str {
        "ForwardOverForward"
    }

    fn hessian_vectors_into(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        directions: Mat<'_, T>,
        mut products: MatMut<'_, T>,
    ) -> Result<T> {
        let (n_params, seeds) = (self.engine.graph().n_params(), directions.ncols());
        let remedy = "give at least one direction, a column with an entry for every parameter";
        given::shaped(
            "directions",
            directions.shape(),
            (n_params, seeds.max(1)),
            remedy,
        )?;
        given::finite("directions", directions)?;
        let remedy = "a product for each direction";
        given::shaped("products", products.shape(), (n_params, seeds), remedy)?;
        let mut value = T::zero();
        for seed in 0..seeds {
            let (sum, product) = self.hessian_vector(params, x, directions.col(seed))?;
            value = sum;
            products.col_mut(seed).copy_from_slice(product);
        }
        Ok(value)
    }
}
