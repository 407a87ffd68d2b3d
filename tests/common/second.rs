//! What must hold of second derivatives on every graph, and how much rounding may break it.
//!
//! Sums in a Hessian-vector product may cancel to nothing, and layers amplify what the layers before them have rounded,
//! so no bound relative to a result holds. The bound is therefore derived: both sides of an identity are programs over a
//! scalar, and the very same two programs are run once more, on the same inputs, at [`Rounded`], which bounds the
//! rounding error of every number that they give. The two sides may differ by the sum of their two bounds, and each may
//! differ from its value in double precision by as much.

use pushpull::nalgebra::DMatrix;
use pushpull::textbook::primal;
use pushpull::{Chunk, Dual, ForwardOverForward, HessianVector, Mat, MatMut, Rounded, Scalar};

use super::case::Case;
use super::checks::{Outcome, fails};
use super::recipe::Recipe;

/// Two arrays that are equal but for rounding.
struct Sides<T> {
    what: &'static str,
    left: Vec<T>,
    right: Vec<T>,
}

/// Holds two sides against each other; `bounds` is what the same programs give at [`Rounded`].
fn hold<T: Scalar>(sides: &Sides<T>, bounds: &Sides<Rounded>) -> Outcome {
    let both = [(&sides.left, &bounds.left), (&sides.right, &bounds.right)];
    if both.iter().any(|(got, bounds)| got.len() != bounds.len())
        || sides.left.len() != sides.right.len()
    {
        return Err(format!("{}: different lengths", sides.what));
    }
    let within = |place: &str, i: usize, got: f64, want: f64, allowed: f64| {
        // NaN is never within.
        if (got - want).abs() <= allowed {
            return Ok(());
        }
        let what = sides.what;
        Err(format!(
            "{what}, {place} [{i}]: {got:e} for {want:e}, {:e} apart, allowed {allowed:e}",
            (got - want).abs()
        ))
    };
    for (got, bounds) in both {
        for (i, (got, bound)) in got.iter().zip(bounds).enumerate() {
            let allowed = bound.error::<T>() + bound.error::<f64>();
            within("in double precision", i, got.to_f64(), bound.value, allowed)?;
        }
    }
    for (i, (left, right)) in sides.left.iter().zip(&sides.right).enumerate() {
        let allowed = bounds.left[i].error::<T>() + bounds.right[i].error::<T>();
        within("both sides", i, left.to_f64(), right.to_f64(), allowed)?;
    }
    Ok(())
}

/// The same numbers, which are exact as they are.
fn exact<T: Scalar>(matrix: &DMatrix<T>) -> DMatrix<Rounded> {
    matrix.map(|entry| Rounded::exact(entry.to_f64()))
}

/// The recipe, or the same graph with twice smooth functions if a value lies so near to a kink that rounding at `T` may take
/// it to the other side, where the derivative is another.
pub fn decided<T: Scalar>(recipe: &Recipe) -> Recipe {
    let case = Case::<T>::new(recipe).exact();
    let values = primal(&case.graph, &case.params, &case.x);
    let undecided = case.graph.nodes().iter().zip(&values).any(|(node, at)| {
        let mut kinks: Vec<f64> = node.block.kinks().iter().map(|kink| kink.0).collect();
        // Its first derivative has no kink, but the second jumps.
        if node.block.name() == "elu" {
            kinks.push(0.0);
        }
        let near = |x: &Rounded| {
            kinks
                .iter()
                .any(|kink| (x.value - kink).abs() <= x.error::<T>())
        };
        !kinks.is_empty() && at.input().iter().any(near)
    });
    if undecided {
        recipe.clone().twice_smooth()
    } else {
        recipe.clone()
    }
}

pub fn engine<T: Scalar>(case: &Case<T>) -> HessianVector<T>
where
    Dual<T>: Scalar,
{
    HessianVector::new(&case.graph, case.batch).expect("prepares")
}

/// Reverse mode and forward mode give the same numbers; the value and the gradient that come with them are reverse
/// mode's own.
pub fn both_ways<T: Scalar>(case: &mut Case<T>) -> Outcome
where
    Dual<T>: Scalar,
{
    fn products<T: Scalar>(case: &Case<T>, v: &[T]) -> Result<Sides<T>, String>
    where
        Dual<T>: Scalar,
    {
        let (params, x) = (&case.params, &case.x);
        let mut reverse = engine(case);
        let pulled = reverse.hessian_vector(params, x, v).map_err(fails)?.1;
        let forward = ForwardOverForward::plan(&case.graph, case.batch)
            .chunk(Chunk::Fixed(5))
            .prepare();
        let mut forward = forward.map_err(fails)?;
        let pushed = forward.hessian_vector(params, x, v).map_err(fails)?.1;
        Ok(Sides {
            what: "H v, reverse = forward",
            left: pulled.to_vec(),
            right: pushed.to_vec(),
        })
    }
    fn gradients<T: Scalar>(case: &Case<T>, v: &[T]) -> Result<Sides<T>, String>
    where
        Dual<T>: Scalar,
    {
        let (params, x) = (&case.params, &case.x);
        let (mut second, mut first) = (engine(case), case.reverse());
        let beside = second.gradient_and_hessian_vector(params, x, v);
        let (value, gradient, _) = beside.map_err(fails)?;
        let (alone, own) = first.value_and_gradient(params, x).map_err(fails)?;
        Ok(Sides {
            what: "value and gradient beside H v",
            left: [&[value], gradient].concat(),
            right: [&[alone], own].concat(),
        })
    }
    let v = case.params_dot(1);
    let (exact_case, exact_v) = (case.exact(), exact(&v));
    let (v, exact_v) = (v.as_slice(), exact_v.as_slice());
    let sides = products(case, v)?;
    let mut reverse = engine(case);
    let beside = reverse.gradient_and_hessian_vector(&case.params, &case.x, v);
    if beside.map_err(fails)?.2 != sides.left {
        return Err("the product changes where the gradient is not asked for".into());
    }
    hold(
        &gradients(case, v)?,
        &gradients::<Rounded>(&exact_case, exact_v)?,
    )?;
    hold(&sides, &products::<Rounded>(&exact_case, exact_v)?)
}

/// On planes and by duals, in parameters and inputs together.
pub fn planes_are_duals<T: Scalar>(case: &mut Case<T>) -> Outcome
where
    Dual<T>: Scalar,
{
    fn ways<T: Scalar>(case: &Case<T>, u: &Joint<T>) -> Result<Sides<T>, String>
    where
        Dual<T>: Scalar,
    {
        let duals = HessianVector::plan(&case.graph, case.batch)
            .by_duals()
            .prepare();
        Ok(Sides {
            what: "planes = duals",
            left: u.product(case)?.entries(),
            right: u.product_by(duals.map_err(fails)?, case)?.entries(),
        })
    }
    if !engine(case).on_planes() {
        return Err("a graph of ready-made blocks does not run on planes".into());
    }
    let u = Joint::random(case, 2);
    hold(
        &ways(case, &u)?,
        &ways::<Rounded>(&case.exact(), &u.exact())?,
    )
}

/// A direction in parameters and inputs together, and the Hessian's product with it.
struct Joint<T> {
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

    fn exact(&self) -> Joint<Rounded> {
        Joint {
            params: exact(&self.params),
            inputs: exact(&self.inputs),
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

    /// This less half of the other.
    fn less_half(&self, other: &Self) -> Self {
        let half = T::from_f64(0.5);
        let mix = |a: &DMatrix<T>, b: &DMatrix<T>| a.zip_map(b, |a, b| a - half * b);
        Self {
            params: mix(&self.params, &other.params),
            inputs: mix(&self.inputs, &other.inputs),
        }
    }

    /// Both, side by side.
    fn beside(&self, other: &Self) -> Self {
        let beside = |a: &DMatrix<T>, b: &DMatrix<T>| {
            let columns: Vec<_> = a.column_iter().chain(b.column_iter()).collect();
            DMatrix::from_columns(&columns)
        };
        Self {
            params: beside(&self.params, &other.params),
            inputs: beside(&self.inputs, &other.inputs),
        }
    }

    fn entries(&self) -> Vec<T> {
        let params = self.params.iter().copied();
        params.chain(self.inputs.iter().copied()).collect()
    }
}

/// The sum of products of two arrays.
fn inner<T: Scalar>(a: &[T], b: &[T]) -> T {
    a.iter().zip(b).fold(T::zero(), |sum, (&a, &b)| sum + a * b)
}

/// `<u, H v> = <v, H u>` and `H (u - v / 2) = H u - H v / 2`, in parameters and inputs together; several directions are
/// those one by one.
pub fn symmetric_and_linear<T: Scalar>(case: &mut Case<T>) -> Outcome
where
    Dual<T>: Scalar,
{
    fn identities<T: Scalar>(
        case: &Case<T>,
        u: &Joint<T>,
        v: &Joint<T>,
    ) -> Result<[Sides<T>; 2], String>
    where
        Dual<T>: Scalar,
    {
        let (h_u, h_v) = (u.product(case)?, v.product(case)?);
        // Constant inputs have no derivative, so they take no part in the inner products.
        let symmetric = Sides {
            what: "<u, H v> = <v, H u>",
            left: vec![inner(&u.entries(), &h_v.entries())],
            right: vec![inner(&v.entries(), &h_u.entries())],
        };
        let linear = Sides {
            what: "H (u - v / 2) = H u - H v / 2",
            left: u.less_half(v).product(case)?.entries(),
            right: h_u.less_half(&h_v).entries(),
        };
        Ok([symmetric, linear])
    }
    let (u, v) = (Joint::random(case, 1), Joint::random(case, 1));
    let bounds = identities::<Rounded>(&case.exact(), &u.exact(), &v.exact())?;
    for (sides, bounds) in identities(case, &u, &v)?.iter().zip(&bounds) {
        hold(sides, bounds)?;
    }
    let one_by_one = u.product(case)?.beside(&v.product(case)?);
    if u.beside(&v).product(case)?.entries() != one_by_one.entries() {
        return Err("several directions side by side change the products".into());
    }
    Ok(())
}

/// The Hessian is symmetric to the last bit and does what its products do.
pub fn hessian<T: Scalar>(case: &mut Case<T>) -> Outcome
where
    Dual<T>: Scalar,
{
    fn products<T: Scalar>(case: &Case<T>, v: &[T]) -> Result<(Sides<T>, DMatrix<T>), String>
    where
        Dual<T>: Scalar,
    {
        let mut engine = engine(case);
        let hessian = engine.hessian(&case.params, &case.x).map_err(fails)?;
        let product = engine.hessian_vector(&case.params, &case.x, v);
        // It is symmetric: a column is a row.
        let rows = hessian.column_iter();
        let sides = Sides {
            what: "H times v = H v",
            left: rows.map(|row| inner(row.as_slice(), v)).collect(),
            right: product.map_err(fails)?.1.to_vec(),
        };
        Ok((sides, hessian))
    }
    if case.n_params() > 150 {
        return Ok(());
    }
    let v = case.params_dot(1);
    let (sides, hessian) = products(case, v.as_slice())?;
    if hessian != hessian.transpose() {
        return Err("the Hessian is not symmetric".into());
    }
    hold(
        &sides,
        &products::<Rounded>(&case.exact(), exact(&v).as_slice())?.0,
    )
}
