//! pushpull itself, what the others are divided by.

use pushpull::nalgebra::DMatrix;
use pushpull::{
    Accum, Dual, Forward, Graph, HessianVector, Mat, MatMut, Primal, Question, Reverse, Scalar,
};

use super::{Prepared, Refusal};
use crate::data::Data;
use crate::net::{Dtype, Net, Task};
use crate::protocol::Job;

/// Rows of a Jacobian that are pulled back at once.
const SIDE_BY_SIDE: usize = 64;

/// Prepares any task.
pub fn prepare(job: &Job) -> Result<Prepared, Refusal> {
    match job.dtype {
        Dtype::F32 => prepare_at::<f32>(job),
        Dtype::F64 => prepare_at::<f64>(job),
    }
}

fn prepare_at<T: Scalar + Into<f64>>(job: &Job) -> Result<Prepared, Refusal>
where
    Dual<T>: Scalar,
{
    let (net, data) = (job.net()?, Data::read(&job.directory)?);
    let of = |numbers: &[f64]| -> Vec<T> { numbers.iter().map(|&v| T::from_f64(v)).collect() };
    let wide = |numbers: &[T]| -> Vec<f64> { numbers.iter().map(|&v| v.into()).collect() };
    let (graph, batch) = (graph(&net, job.task)?, net.batch);
    let params = of(&data.params);
    let x = input::<T>(&data, &net, graph.n_inputs());
    // What an engine's own threads refuse, the primal and the Jacobian, which take no number, refuse too.
    let mut reverse = Reverse::plan(&graph, batch, Question::Gradient)
        .threads(job.threads)
        .prepare::<T>()?;
    Ok(match job.task {
        Task::Gradient => {
            let (value, gradient) = reverse.value_and_gradient(&params, &x)?;
            let (value, result) = (value.into(), wide(gradient));
            let run = move || reverse.value_and_gradient(&params, &x).is_ok();
            Prepared::of("reverse", value, result, run)
        }
        Task::Primal => {
            let mut primal = Primal::<T>::new(&graph, batch)?;
            let mut compute = move || -> Result<T, pushpull::Error> {
                let y = primal.run(&params, &x)?;
                Ok(y.columns().fold(T::zero(), |sum, y| sum + y[0]))
            };
            let value = compute()?;
            Prepared::of("primal", value.into(), Vec::new(), compute)
        }
        Task::Jvp => {
            let mut forward = Forward::plan(&graph, batch, Question::Jvp(1)).prepare::<T>()?;
            let params_dot = of(&data.params_dot);
            let mut y_dot = vec![T::zero(); batch];
            let mut compute = move || -> Result<(T, T), pushpull::Error> {
                let direction = Mat::new(&params_dot, params_dot.len(), 1);
                let target = MatMut::new(&mut y_dot, 1, batch);
                let y = forward.jvp_into(&params, &x, Some(direction), None, target)?;
                let value = y.columns().fold(T::zero(), |sum, y| sum + y[0]);
                Ok((value, y_dot.iter().fold(T::zero(), |sum, &v| sum + v)))
            };
            let (value, dot) = compute()?;
            Prepared::of("one direction", value.into(), vec![dot.into()], compute)
        }
        Task::ForwardGradient => {
            let mut forward = Forward::plan(&graph, batch, Question::Gradient)
                .threads(job.threads)
                .prepare::<T>()?;
            let form = format!("dense tangents, {} at once", forward.chunk_width());
            let (value, gradient) = forward.value_and_gradient(&params, &x)?;
            let (value, result) = (value.into(), wide(gradient));
            let run = move || forward.value_and_gradient(&params, &x).is_ok();
            Prepared::of(&form, value, result, run)
        }
        Task::Jacobian => {
            let side = graph.n_outputs().min(SIDE_BY_SIDE);
            let plan = Reverse::plan(&graph, batch, Question::JacobianInputs).seeds(side);
            let mut reverse = plan.threads(job.threads).prepare::<T>()?;
            let outputs = graph.n_outputs();
            let mut rows = DMatrix::from_element(x.nrows(), outputs * batch, T::zero());
            reverse.jacobian_inputs_into(&params, &x, &mut rows)?;
            // Sample by sample, as the peers have it.
            let of_sample = |sample| (0..outputs).map(move |output| output * batch + sample);
            let columns = (0..batch).flat_map(of_sample);
            let laid: Vec<T> = columns
                .flat_map(|column| rows.column(column).iter().copied().collect::<Vec<T>>())
                .collect();
            let result = wide(&laid);
            let run = move || {
                let into = MatMut::from(&mut rows);
                reverse.jacobian_inputs_into(&params, &x, into).is_ok()
            };
            Prepared::of("reverse, rows side by side, in place", 0.0, result, run)
        }
        Task::Vjp => {
            let plan = Reverse::plan(&graph, batch, Question::Vjp(1));
            let mut reverse = plan.threads(job.threads).prepare::<T>()?;
            let y_bar = of(&data.y_bar);
            let mut gradient = vec![T::zero(); params.len()];
            let shape = (graph.n_outputs(), batch);
            let mut pull = move |gradient: &mut [T]| -> Result<(), pushpull::Error> {
                let y_bar = Mat::new(&y_bar, shape.0, shape.1);
                let to = MatMut::new(gradient, params.len(), 1);
                let mut record = reverse.record(&params, &x)?;
                record.pullback(y_bar, Accum::Set, Some(to), None)
            };
            pull(&mut gradient)?;
            let result = wide(&gradient);
            let run = move || pull(&mut gradient).is_ok();
            Prepared::of("record and pullback", 0.0, result, run)
        }
        Task::SampleGradients => {
            let plan = Reverse::plan(&graph, batch, Question::JacobianParams).seeds(1);
            let mut reverse = plan.threads(job.threads).prepare::<T>()?;
            let mut rows = DMatrix::from_element(params.len(), batch, T::zero());
            reverse.jacobian_params_into(&params, &x, &mut rows)?;
            let result = wide(rows.as_slice());
            let run = move || {
                let into = MatMut::from(&mut rows);
                reverse.jacobian_params_into(&params, &x, into).is_ok()
            };
            Prepared::of("reverse, sample by sample, in place", 0.0, result, run)
        }
        Task::HessianVector => {
            let plan = HessianVector::plan(&graph, batch);
            let mut hessian = plan.threads(job.threads).prepare::<T>()?;
            let params_dot = of(&data.params_dot);
            let (_, product) = hessian.hessian_vector(&params, &x, &params_dot)?;
            let result = wide(product);
            let run = move || hessian.hessian_vector(&params, &x, &params_dot).is_ok();
            Prepared::of("planes", 0.0, result, run)
        }
    })
}

/// Flops of a task, as pushpull counts them before it runs: one multiplication, addition or function each.
///
/// # Errors
/// A network that cannot be built or counted.
pub fn flops(net: &Net, task: Task) -> Result<u64, pushpull::Error> {
    let (graph, batch) = (graph(net, task)?, net.batch);
    let reverse = |question| Reverse::plan(&graph, batch, question).prediction::<f64>();
    let forward = |question| Forward::plan(&graph, batch, question).prediction::<f64>();
    let prediction = match task {
        Task::Gradient => reverse(Question::Gradient)?,
        Task::Primal => Primal::<f64>::predict(&graph, batch)?,
        Task::Jvp => forward(Question::Jvp(1))?,
        Task::ForwardGradient => forward(Question::Gradient)?,
        Task::Jacobian => reverse(Question::JacobianInputs)?,
        Task::Vjp => reverse(Question::Vjp(1))?,
        Task::SampleGradients => reverse(Question::JacobianParams)?,
        Task::HessianVector => HessianVector::plan(&graph, batch).prediction::<f64>()?,
    };
    Ok(prediction.cost.flops)
}

/// With the loss, or ending in the last layer.
fn graph(net: &Net, task: Task) -> Result<Graph, pushpull::Error> {
    net.graph(!matches!(task, Task::Jacobian | Task::Vjp))
}

/// The samples, with the targets under them where the graph has a loss.
fn input<T: Scalar>(data: &Data, net: &Net, n_inputs: usize) -> DMatrix<T> {
    let n_x = net.widths[0];
    DMatrix::from_fn(n_inputs, net.batch, |i, j| {
        T::from_f64(if i < n_x {
            data.x[j * n_x + i]
        } else {
            data.target[j * (n_inputs - n_x) + i - n_x]
        })
    })
}
