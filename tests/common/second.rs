//! What must hold of second derivatives on every graph.

use pushpull::nalgebra::DMatrix;
use pushpull::{Chunk, Dual, ForwardOverForward, HessianVector, Mat, MatMut, Scalar, Store};

use super::case::{Case, tolerance};
use super::checks::{Outcome, fails, reference};
use super::comparison::{close, numbers, slice};
use super::recipe::Recipe;

/// The rounding of a Hessian-vector product, measured: sums in it may cancel to nothing, so a bound relative to the
/// result would ask too much, and one relative to absolute terms is not at hand. The same product in single and double
/// precision differs by single precision's rounding, whatever cancels; double precision's is 2^-29 of that.
#[derive(Clone, Copy, Debug)]
pub struct Rounding {
    /// |H v|, and the absolute terms of the gradient
    size: f64,
    /// |H v in single - H v in double precision|
    single: f64,
}

/// How many times the measured rounding two ways may differ: they round in another order.
const SLACK: f64 = 1e3;

impl Rounding {
    /// Of products with the first directions that a case of this recipe draws.
    pub fn new(recipe: &Recipe) -> Result<Self, String> {
        let (double, single) = (pulled::<f64>(recipe)?, pulled::<f32>(recipe)?);
        // A sum that happens to cancel to an exact 0 in both precisions need not in another order.
        let exact = reference(&Case::<f64>::new(recipe));
        let ones = vec![1.0; exact.output.len()];
        let terms = [exact.params_bar(&ones).1, exact.x_bar(&ones).1].concat();
        Ok(Self {
            size: norm(&double) + norm(&terms),
            single: distance(&double, &single),
        })
    }

    /// Of products with directions this many times as long.
    fn times(self, factor: f64) -> Self {
        Self {
            size: self.size * (1.0 + factor),
            single: self.single * (1.0 + factor),
        }
    }

    /// How far two products may lie apart at a scalar.
    fn allowed<T: Scalar>(self) -> f64 {
        let unit = T::UNIT_ROUNDOFF;
        let measured = self.single * unit / f64::from(f32::EPSILON / 2.0);
        SLACK * (measured + unit * self.size)
    }

    pub fn close<T: Scalar>(self, what: &str, got: &[f64], want: &[f64]) -> Outcome {
        let (apart, allowed) = (distance(got, want), self.allowed::<T>());
        if apart <= allowed {
            return Ok(());
        }
        Err(format!(
            "{what}: {apart:e} apart, allowed {allowed:e}, {self:?}"
        ))
    }
}

fn norm(entries: &[f64]) -> f64 {
    entries.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// Infinite for NaN or different lengths.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    let apart = norm(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>());
    if a.len() == b.len() && apart.is_finite() {
        apart
    } else {
        f64::INFINITY
    }
}

pub fn engine<T: Scalar>(case: &Case<T>) -> HessianVector<T>
where
    Dual<T>: Scalar,
{
    HessianVector::new(&case.graph, case.batch, Store::All, 1).expect("prepares")
}

/// H v and H u for the first directions that a case draws: v in the parameters, u in parameters and inputs together.
fn pulled<T: Scalar>(recipe: &Recipe) -> Result<Vec<f64>, String>
where
    Dual<T>: Scalar,
{
    let mut case = Case::<T>::new(recipe);
    let v = case.params_dot(1);
    let mut engine = engine(&case);
    let product = engine.hessian_vector(&case.params, &case.x, v.as_slice());
    let product = slice(product.map_err(fails)?.1);
    let joint = Joint::random(&mut case, 1).product(&case)?;
    Ok([product, joint.numbers()].concat())
}

/// Reverse mode at duals and forward mode at duals give the same numbers.
pub fn both_ways<T: Scalar>(case: &mut Case<T>, rounding: Rounding) -> Outcome
where
    Dual<T>: Scalar,
{
    let v = case.params_dot(1);
    let (params, x, v) = (&case.params, &case.x, v.as_slice());
    let mut reverse = engine(case);
    let (value, gradient, product) = reverse
        .gradient_and_hessian_vector(params, x, v)
        .map_err(fails)?;
    let (value, gradient, product) = (value, gradient.to_vec(), slice(product));
    let (same, alone) = reverse.hessian_vector(params, x, v).map_err(fails)?;
    if same != value || slice(alone) != product {
        return Err("the product changes where the gradient is not asked for".into());
    }
    let exact = reference(case);
    let ones = vec![1.0; exact.output.len()];
    let size: f64 = exact.output.iter().map(|y| y.abs()).sum();
    let (want, terms) = exact.params_bar(&ones);
    let sum: f64 = exact.output.iter().sum();
    let tol = tolerance::<T>();
    close("value", &[value.to_f64()], &[sum], &[size], tol)?;
    close("gradient", &slice(&gradient), &want, &terms, tol)?;
    let mut forward =
        ForwardOverForward::new(&case.graph, case.batch, Chunk::Fixed(5), 1).map_err(fails)?;
    let (_, pushed) = forward.hessian_vector(params, x, v).map_err(fails)?;
    rounding.close::<T>("H v, reverse = forward", &product, &slice(pushed))
}

/// On planes and by duals, in parameters and inputs together.
pub fn planes_are_duals<T: Scalar>(case: &mut Case<T>, rounding: Rounding) -> Outcome
where
    Dual<T>: Scalar,
{
    let planes = engine(case);
    if !planes.on_planes() {
        return Err("a graph of ready-made blocks does not run on planes".into());
    }
    let duals = HessianVector::by_duals(&case.graph, case.batch, Store::All, 1).map_err(fails)?;
    let u = Joint::random(case, 2);
    let wide = rounding.times(norm(&u.numbers()));
    let (got, want) = (u.product_by(planes, case)?, u.product_by(duals, case)?);
    wide.close::<T>("planes = duals", &got.numbers(), &want.numbers())
}

/// A direction in parameters and inputs together, and the Hessian's product with it.
struct Joint<T: Scalar> {
    params: DMatrix<T>,
    inputs: DMatrix<T>,
}

impl<T: Scalar> Joint<T>
where
    Dual<T>: Scalar,
{
    fn random(case: &mut Case<T>, seeds: usize) -> Self {
        Self {
            params: case.params_dot(seeds),
            inputs: case.x_dot(seeds),
        }
    }

    fn product(&self, case: &Case<T>) -> Result<Self, String> {
        self.product_by(engine(case), case)
    }

    fn product_by(&self, mut engine: HessianVector<T>, case: &Case<T>) -> Result<Self, String> {
        let nan = |m: &DMatrix<T>| m.map(|_| T::from_f64(f64::NAN));
        let (mut params, mut inputs) = (nan(&self.params), nan(&self.inputs));
        engine
            .hessian_vectors(
                &case.params,
                &case.x,
                Some(Mat::from(&self.params)),
                Some(Mat::from(&self.inputs)),
                Some(MatMut::from(&mut params)),
                Some(MatMut::from(&mut inputs)),
            )
            .map_err(fails)?;
        Ok(Self { params, inputs })
    }

    fn numbers(&self) -> Vec<f64> {
        [numbers(&self.params), numbers(&self.inputs)].concat()
    }
}

/// `<u, H v> = <v, H u>` and `H (u - v / 2) = H u - H v / 2`, in parameters and inputs together; several directions are
/// those one by one.
pub fn symmetric_and_linear<T: Scalar>(case: &mut Case<T>, rounding: Rounding) -> Outcome
where
    Dual<T>: Scalar,
{
    let (u, v) = (Joint::random(case, 1), Joint::random(case, 1));
    let (h_u, h_v) = (u.product(case)?, v.product(case)?);
    // Constant inputs have no derivative, so they take no part in the inner products.
    let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let sizes =
        norm(&u.numbers()) * norm(&h_v.numbers()) + norm(&v.numbers()) * norm(&h_u.numbers());
    let wide = Rounding {
        size: rounding.size + sizes,
        single: rounding.single * (1.0 + norm(&u.numbers()) + norm(&v.numbers())),
    };
    let (left, right) = (
        inner(&u.numbers(), &h_v.numbers()),
        inner(&v.numbers(), &h_u.numbers()),
    );
    wide.close::<T>("<u, H v> = <v, H u>", &[left], &[right])?;
    let half = T::from_f64(-0.5);
    let mix = |a: &DMatrix<T>, b: &DMatrix<T>| a.zip_map(b, |a, b| a + half * b);
    let mixed = Joint {
        params: mix(&u.params, &v.params),
        inputs: mix(&u.inputs, &v.inputs),
    };
    let want = [mix(&h_u.params, &h_v.params), mix(&h_u.inputs, &h_v.inputs)];
    let want = [numbers(&want[0]), numbers(&want[1])].concat();
    wide.close::<T>("H (u - v / 2)", &mixed.product(case)?.numbers(), &want)?;

    let beside = |a: &DMatrix<T>, b: &DMatrix<T>| {
        let columns: Vec<_> = a.column_iter().chain(b.column_iter()).collect();
        DMatrix::from_columns(&columns)
    };
    let several = Joint {
        params: beside(&u.params, &v.params),
        inputs: beside(&u.inputs, &v.inputs),
    };
    let want = [
        numbers(&beside(&h_u.params, &h_v.params)),
        numbers(&beside(&h_u.inputs, &h_v.inputs)),
    ];
    if several.product(case)?.numbers() != want.concat() {
        return Err("several directions side by side change the products".into());
    }
    Ok(())
}

/// The Hessian is symmetric to the last bit and does what its products do.
pub fn hessian<T: Scalar>(case: &mut Case<T>, rounding: Rounding) -> Outcome
where
    Dual<T>: Scalar,
{
    if case.n_params() > 150 {
        return Ok(());
    }
    let v = case.params_dot(1);
    let mut engine = engine(case);
    let hessian = engine.hessian(&case.params, &case.x).map_err(fails)?;
    if hessian != hessian.transpose() {
        return Err("the Hessian is not symmetric".into());
    }
    let product = engine.hessian_vector(&case.params, &case.x, v.as_slice());
    let product = slice(product.map_err(fails)?.1);
    let hessian = hessian.map(|entry| entry.to_f64());
    let want = &hessian * v.map(|entry| entry.to_f64());
    let wide = Rounding {
        size: rounding.size + hessian.norm() * norm(&numbers(&v)),
        ..rounding
    };
    wide.close::<T>("H times v = H v", &product, want.as_slice())
}
