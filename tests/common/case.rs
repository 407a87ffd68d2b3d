//! A recipe with its graph and its numbers at one scalar.

use pushpull::nalgebra::DMatrix;
use pushpull::{Chunk, Forward, Graph, Question, Real, Reverse, Role, Rounded, Scalar, Structured};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::assembly::{BIAS, INPUT, WEIGHT, build};
use super::recipe::Recipe;

/// A graph with parameters and a batch of inputs.
#[derive(Debug)]
pub struct Case<T> {
    pub graph: Graph,
    pub batch: usize,
    pub params: Vec<T>,
    pub x: DMatrix<T>,
    rng: ChaCha8Rng,
}

impl<T: Scalar> Case<T> {
    /// The case of a recipe: all numbers follow from its seed.
    pub fn new(recipe: &Recipe) -> Self {
        let graph = build(recipe).unwrap_or_else(|error| panic!("{recipe:?}: {error}"));
        Self::of(graph, recipe.batch, recipe.seed)
    }

    /// The case of any graph.
    pub fn of(graph: Graph, batch: usize, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let params = draw_params(&graph, &mut rng);
        let x = draw_inputs(&graph, batch, &mut rng);
        Self {
            graph,
            batch,
            params,
            x,
            rng,
        }
    }

    /// The same case at [`Rounded`], its numbers exact as they are at this scalar.
    pub fn exact(&self) -> Case<Rounded> {
        let exact = |entry: T| Rounded::exact(entry.to_f64());
        Case {
            graph: self.graph.clone(),
            batch: self.batch,
            params: self.params.iter().copied().map(exact).collect(),
            x: self.x.map(exact),
            rng: self.rng.clone(),
        }
    }

    pub fn n_params(&self) -> usize {
        self.graph.n_params()
    }
    pub fn n_inputs(&self) -> usize {
        self.graph.n_inputs()
    }
    pub fn n_outputs(&self) -> usize {
        self.graph.n_outputs()
    }

    /// Directions or cotangents: numbers between -1 and 1.
    pub fn random(&mut self, nrows: usize, ncols: usize) -> DMatrix<T> {
        DMatrix::from_fn(nrows, ncols, |_, _| {
            T::from_f64(uniform(&mut self.rng, 1.0))
        })
    }

    /// Directions in the parameters, a column a seed.
    pub fn params_dot(&mut self, seeds: usize) -> DMatrix<T> {
        self.random(self.n_params(), seeds)
    }
    /// Directions in the inputs, column `seed * batch + sample`.
    pub fn x_dot(&mut self, seeds: usize) -> DMatrix<T> {
        self.random(self.n_inputs(), self.batch * seeds)
    }
    /// Cotangents of the output, column `seed * batch + sample`.
    pub fn y_bar(&mut self, seeds: usize) -> DMatrix<T> {
        self.random(self.n_outputs(), self.batch * seeds)
    }

    pub fn forward(&self, chunk: Chunk) -> Forward<T> {
        Forward::plan(&self.graph, self.batch, Question::Gradient)
            .chunk(chunk)
            .prepare()
            .expect("forward mode prepares")
    }
    pub fn structured(&self, chunk: Chunk) -> Structured<T> {
        Structured::plan(&self.graph, self.batch)
            .chunk(chunk)
            .prepare()
            .expect("structured forward mode prepares")
    }
    pub fn reverse(&self) -> Reverse<T> {
        Reverse::new(&self.graph, self.batch).expect("reverse mode prepares")
    }
    /// For so many cotangents side by side.
    pub fn side_by_side(&self, seeds: usize) -> Reverse<T> {
        let plan = Reverse::plan(&self.graph, self.batch, Question::Vjp(seeds)).seeds(seeds);
        plan.prepare().expect("reverse mode prepares")
    }

    /// Sample `j` alone.
    pub fn sample(&self, j: usize) -> DMatrix<T> {
        self.x.columns(j, 1).into_owned()
    }
}

/// The agreement that is asked for at a scalar: 1e-12 in double, 1e-4 in single precision.
pub fn tolerance<T: Real>() -> f64 {
    if T::UNIT_ROUNDOFF < 1e-10 {
        1e-12
    } else {
        1e-4
    }
}

fn uniform(rng: &mut ChaCha8Rng, a: f64) -> f64 {
    a * (2.0 * rng.random::<f64>() - 1.0)
}

fn draw_params<T: Scalar>(graph: &Graph, rng: &mut ChaCha8Rng) -> Vec<T> {
    let mut params = Vec::with_capacity(graph.n_params());
    for entry in graph.layout().entries() {
        let shape = &entry.shape;
        let weight = WEIGHT / (shape.ncols as f64).sqrt();
        params.extend((0..shape.nrows * shape.ncols).map(|_| {
            T::from_f64(match shape.role {
                Role::Weight => uniform(rng, weight),
                Role::Bias => uniform(rng, BIAS),
                Role::Gain => 1.0 + uniform(rng, BIAS),
            })
        }));
    }
    params
}

/// Targets lie between 0 and 1, other inputs between -`INPUT` and `INPUT`.
fn draw_inputs<T: Scalar>(graph: &Graph, batch: usize, rng: &mut ChaCha8Rng) -> DMatrix<T> {
    let target: Vec<bool> = graph
        .inputs()
        .iter()
        .flat_map(|input| input.rows.clone().map(|_| input.name == "target"))
        .collect();
    DMatrix::from_fn(graph.n_inputs(), batch, |row, _| {
        T::from_f64(if target[row] {
            rng.random::<f64>()
        } else {
            uniform(rng, INPUT)
        })
    })
}
