//! Second derivatives: the Hessian times directions, and the Hessian itself.

use std::ops::Range;

use nalgebra::DMatrix;
use pushpull_core::siblings::{given, memory};
use pushpull_core::{Cost, Dual, Engine, Error, Graph, Mat, MatMut, Result, Scalar, Team};

use crate::HessianVectorPlan;
use crate::second::{Along, Answer, Direction, Duals, Planes};

/// Products of the Hessian with directions, for a graph and a batch, at the scalar `T`.
///
/// The objective is that of [`crate::Reverse`], the *sum* of all outputs over the whole batch, L(w). Its gradient is a
/// program like any other, so the derivative of that program along a direction v is
///
/// ```text
/// H v = d/de grad L(w + e v) at e = 0
/// ```
///
/// without H itself, at the cost of a few gradients and in the memory of a few gradients, whatever the number of
/// parameters (Pearlmutter 1994; "forward-over-reverse", Griewank and Walther 2008, section 5.4). There are two ways:
///
/// - *On planes*, where every block of the graph says that it can ([`pushpull_core::SecondOrder`], as the ready-made
///   ones do): each value lies beside its tangent and each cotangent beside its derivative,
///   `x_bar_dot = J' y_bar_dot + J_dot' y_bar`. A linear layer then runs eight products instead of the three of a
///   gradient, less those of structural zeros: no tangent arrives at the first layer, and the gradient itself is
///   computed only where it is asked for. On 64-128-128-10 that is 2.39 gradients in flops.
/// - *By duals*, for any other graph: reverse mode runs at [`Dual`] numbers, whose derivatives are the direction. This
///   needs nothing of a block but that it runs at every scalar.
///
/// What either way takes, before it is prepared, and the settings: [`HessianVector::plan`].
///
/// Where a gradient is stopped, both derivatives are: H is symmetric. At a kink the second derivative is 0, as is that
/// of either side of it.
///
/// ```
/// use nalgebra::dmatrix;
/// use pushpull_core::{Builder, blocks::{Linear, Square}};
/// use pushpull_reverse_mode::HessianVector;
/// let mut b = Builder::new();
/// let x = b.input("x", 2);
/// let h = b.block(Linear::without_bias(2, 1), x);
/// let y = b.map(Square, h);
/// let graph = b.build(y)?;
/// let mut hessian = HessianVector::new(&graph, 1)?;
/// // y = (2 w1 + 3 w2)^2, so H = 2 [4 6; 6 9], whatever w is.
/// let (value, product) = hessian.hessian_vector(&[1.0, 1.0], &dmatrix![2.0; 3.0], &[1.0, -1.0])?;
/// assert_eq!((value, product), (25.0, &[-4.0, -6.0][..]));
/// assert_eq!(hessian.hessian(&[1.0, 1.0], &dmatrix![2.0; 3.0])?, dmatrix![8.0, 12.0; 12.0, 18.0]);
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct HessianVector<T> {
    graph: Graph,
    batch: usize,
    way: Way<T>,
    gradient: Vec<T>,
    product: Vec<T>,
}

/// How the products are made.
#[derive(Clone, Debug)]
pub(crate) enum Way<T> {
    Planes(Planes<T>, Team),
    Duals(Duals<T>),
}

impl<T: Scalar> Way<T>
where
    Dual<T>: Scalar,
{
    fn run(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        direction: Direction<'_, T>,
        answer: Answer<'_, T>,
    ) -> Result<T> {
        match self {
            Self::Planes(planes, team) => team.run(|| planes.run(params, x, direction, answer)),
            Self::Duals(duals) => duals.run(params, x, direction, answer),
        }
    }
}

impl HessianVector<f64> {
    /// Products with their settings. The scalar is named where it matters, in [`HessianVectorPlan::prediction`] and
    /// [`HessianVectorPlan::prepare`].
    pub fn plan(graph: &Graph, batch: usize) -> HessianVectorPlan {
        HessianVectorPlan::new(graph, batch)
    }
}

impl<T: Scalar> HessianVector<T>
where
    Dual<T>: Scalar,
{
    /// Prepares for batches of `batch` samples, with the settings that [`HessianVector::plan`] starts from: every shape is
    /// checked and all memory allocated here.
    ///
    /// # Errors
    /// As [`HessianVectorPlan::prepare`].
    pub fn new(graph: &Graph, batch: usize) -> Result<Self> {
        HessianVectorPlan::new(graph, batch).prepare()
    }

    /// The engine of a way.
    pub(crate) fn with(graph: &Graph, batch: usize, way: Way<T>) -> Self {
        Self {
            graph: graph.clone(),
            batch,
            way,
            gradient: graph.layout().zeros(),
            product: graph.layout().zeros(),
        }
    }

    /// Whether it runs on planes, and not by duals.
    pub const fn on_planes(&self) -> bool {
        matches!(self.way, Way::Planes(..))
    }

    /// The graph.
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Samples of a batch.
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// The sum of all outputs over the batch, and its Hessian with respect to the parameters times `direction`, both
    /// n_params numbers. Allocates nothing, but the first time after another question.
    ///
    /// # Errors
    /// As [`Graph::check`] and, for slopes and their derivatives, [`Graph::check_slopes`]; [`Error::Shape`],
    /// [`Error::NotFinite`] for `direction`.
    pub fn hessian_vector<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
        direction: &[T],
    ) -> Result<(T, &[T])> {
        let x = x.into();
        self.check(params, x)?;
        self.check_direction(direction)?;
        let direction = Direction {
            params: Some(direction),
            inputs: None,
        };
        let answer = Answer {
            params_bar: None,
            params_bar_dot: Some(&mut self.product),
            x_bar_dot: None,
        };
        let value = self.way.run(params, x, direction, answer)?;
        Ok((value, &self.product))
    }

    /// As [`HessianVector::hessian_vector`], with the gradient between value and product. Allocates nothing,
    /// but the first time after another question.
    ///
    /// # Errors
    /// As [`HessianVector::hessian_vector`].
    ///
    /// ```
    /// use pushpull_core::{Builder, blocks::{Linear, Square}};
    /// use pushpull_reverse_mode::HessianVector;
    /// let mut b = Builder::new();
    /// let x = b.input("x", 1);
    /// let h = b.block(Linear::without_bias(1, 1), x);
    /// let y = b.map(Square, h);
    /// let graph = b.build(y)?;
    /// let mut hessian = HessianVector::new(&graph, 1)?;
    /// let (value, gradient, product) = hessian.gradient_and_hessian_vector(&[3.0], &[2.0][..], &[10.0])?;
    /// assert_eq!((value, gradient[0], product[0]), (36.0, 24.0, 80.0)); // (2 w)^2, 8 w, 8 v
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn gradient_and_hessian_vector<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
        direction: &[T],
    ) -> Result<(T, &[T], &[T])> {
        let x = x.into();
        self.check(params, x)?;
        self.check_direction(direction)?;
        let direction = Direction {
            params: Some(direction),
            inputs: None,
        };
        let answer = Answer {
            params_bar: Some(&mut self.gradient),
            params_bar_dot: Some(&mut self.product),
            x_bar_dot: None,
        };
        let value = self.way.run(params, x, direction, answer)?;
        Ok((value, &self.gradient, &self.product))
    }

    /// The Hessian with respect to parameters and inputs together, times one or several directions: in the parameters
    /// (`params_dot`, n_params x S), in the inputs (`x_dot`, n_inputs x batch S, column `seed * batch + sample`), or in
    /// both. The parameters' part of the products is written to `params_bar_dot` (n_params x S), the inputs' to
    /// `x_bar_dot` (n_inputs x batch S; exact zeros for constant inputs). What is `None` is a zero, or not asked for.
    /// Returns the value. Allocates nothing, but the first time after another question.
    ///
    /// With a direction in the inputs alone and the products in the parameters this is the mixed second derivative: how
    /// the gradient changes with the data.
    ///
    /// # Errors
    /// As [`Graph::check`]; [`Error::Shape`], [`Error::NotFinite`] for the directions; then nothing is written.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// use pushpull_core::{Builder, Mat, MatMut, blocks::{Linear, Square}};
    /// use pushpull_reverse_mode::HessianVector;
    /// let mut b = Builder::new();
    /// let x = b.input("x", 1);
    /// let h = b.block(Linear::without_bias(1, 1), x);
    /// let y = b.map(Square, h);
    /// let graph = b.build(y)?;
    /// let mut hessian = HessianVector::new(&graph, 1)?;
    /// // y = (w x)^2 has H = [2 x^2, 4 w x; 4 w x, 2 w^2] in (w, x).
    /// let (x_dot, mut w_bar_dot, mut x_bar_dot) = (dmatrix![1.0, 10.0], dmatrix![0.0, 0.0], dmatrix![0.0, 0.0]);
    /// let into = (MatMut::from(&mut w_bar_dot), MatMut::from(&mut x_bar_dot));
    /// hessian.hessian_vectors(&[3.0], &[2.0][..], None, Some(Mat::from(&x_dot)), Some(into.0), Some(into.1))?;
    /// assert_eq!((w_bar_dot, x_bar_dot), (dmatrix![24.0, 240.0], dmatrix![18.0, 180.0]));
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn hessian_vectors<'a>(
        &mut self,
        params: &[T],
        x: impl Into<Mat<'a, T>>,
        params_dot: Option<Mat<'_, T>>,
        x_dot: Option<Mat<'_, T>>,
        mut params_bar_dot: Option<MatMut<'_, T>>,
        mut x_bar_dot: Option<MatMut<'_, T>>,
    ) -> Result<T> {
        let (x, batch) = (x.into(), self.batch);
        let (n_params, n_inputs) = (self.graph.n_params(), self.graph.n_inputs());
        self.check(params, x)?;
        let seeds = match (params_dot, x_dot) {
            (Some(params_dot), _) => params_dot.ncols(),
            (None, Some(x_dot)) => x_dot.ncols() / batch,
            (None, None) => 0,
        };
        if seeds == 0 {
            return Err(Error::Shape {
                name: "directions".into(),
                expected: "at least one, in the parameters or in the inputs".into(),
                got: "none".into(),
                remedy: "give a direction as one column in the parameters and one column for each sample in the inputs".into(),
            });
        }
        let remedy = "give a direction as one column in the parameters and one column for each sample in the inputs";
        let of_params = (n_params, seeds);
        let of_inputs = (n_inputs, batch.saturating_mul(seeds));
        for (name, given, shape) in [
            ("params_dot", params_dot, of_params),
            ("x_dot", x_dot, of_inputs),
        ] {
            let Some(dot) = given else { continue };
            given::shaped(name, dot.shape(), shape, remedy)?;
            given::finite(name, dot)?;
        }
        for (name, target, shape) in [
            ("params_bar_dot", &params_bar_dot, of_params),
            ("x_bar_dot", &x_bar_dot, of_inputs),
        ] {
            let Some(target) = target else { continue };
            given::shaped(name, target.shape(), shape, remedy)?;
        }
        let mut value = T::zero();
        for seed in 0..seeds {
            let columns: Range<usize> = seed * batch..(seed + 1) * batch;
            let direction = Direction {
                params: params_dot.map(|dot| dot.col(seed)),
                inputs: x_dot.map(|dot| dot.cols(columns.clone())),
            };
            let answer = Answer {
                params_bar: None,
                params_bar_dot: params_bar_dot.as_mut().map(|target| target.col_mut(seed)),
                x_bar_dot: x_bar_dot
                    .as_mut()
                    .map(|target| target.rb_mut().cols(columns)),
            };
            value = self.way.run(params, x, direction, answer)?;
        }
        Ok(value)
    }

    /// The Hessian of the sum of all outputs with respect to the parameters, p x p, made of its products with the unit
    /// vectors. It is symmetric to the last bit: the mean of what was computed and its transpose.
    ///
    /// # Errors
    /// As [`Graph::check`]; [`Error::TooLarge`] before anything is allocated.
    pub fn hessian<'a>(&mut self, params: &[T], x: impl Into<Mat<'a, T>>) -> Result<DMatrix<T>> {
        let (x, n_params) = (x.into(), self.graph.n_params());
        self.check(params, x)?;
        memory::fits::<T>(
            format_args!("the Hessian of {n_params} parameters"),
            memory::elements(&[n_params, n_params]),
            "multiply it with the directions you need instead: hessian_vector",
        )?;
        let mut hessian = DMatrix::from_element(n_params, n_params, T::zero());
        let mut unit = vec![T::zero(); n_params];
        for (i, column) in hessian
            .as_mut_slice()
            .chunks_exact_mut(n_params.max(1))
            .enumerate()
        {
            unit[i] = T::one();
            let direction = Direction {
                params: Some(&unit),
                inputs: None,
            };
            let answer = Answer {
                params_bar: None,
                params_bar_dot: Some(column),
                x_bar_dot: None,
            };
            self.way.run(params, x, direction, answer)?;
            unit[i] = T::zero();
        }
        let half = T::from_f64(0.5);
        for j in 0..n_params {
            for i in 0..j {
                let mean = half * (hessian[(i, j)] + hessian[(j, i)]);
                (hessian[(i, j)], hessian[(j, i)]) = (mean, mean);
            }
        }
        Ok(hessian)
    }

    /// Bytes of all buffers.
    pub fn bytes(&self) -> usize {
        let way = match &self.way {
            Way::Planes(planes, _) => planes.bytes(),
            Way::Duals(duals) => duals.bytes(),
        };
        way + (self.gradient.len() + self.product.len()) * size_of::<T>()
    }

    /// The exact cost of [`HessianVector::hessian_vector`], or with `gradient` of
    /// [`HessianVector::gradient_and_hessian_vector`]. By duals it is the same, in operations of their parts.
    pub fn cost(&self, gradient: bool) -> Cost {
        match &self.way {
            // It was emitted when the engine was prepared: what cannot be counted is refused there.
            Way::Planes(..) => Along::hessian_vector(gradient)
                .program(&self.graph, self.batch)
                .map_or(Cost::ZERO, |program| program.cost::<T>()),
            Way::Duals(duals) => duals.cost(),
        }
    }

    fn check(&self, params: &[T], x: Mat<'_, T>) -> Result<()> {
        self.graph.check(params, x, self.batch)
    }

    fn check_direction(&self, direction: &[T]) -> Result<()> {
        let direction = Mat::from(direction);
        let expected = (self.graph.n_params(), 1);
        let remedy = "a direction has an entry for every parameter";
        given::shaped("direction", direction.shape(), expected, remedy)?;
        given::finite("direction", direction)
    }
}

impl<T: Scalar> Engine<T> for HessianVector<T>
where
    Dual<T>: Scalar,
{
    fn name(&self) -> &'static str {
        "HessianVector"
    }

    fn hessian_vectors_into(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        directions: Mat<'_, T>,
        products: MatMut<'_, T>,
    ) -> Result<T> {
        self.hessian_vectors(params, x, Some(directions), None, Some(products), None)
    }
}
