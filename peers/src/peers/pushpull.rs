//! pushpull itself, what the others are divided by.

use pushpull::nalgebra::DMatrix;
use pushpull::{Forward, Mat, MatMut, Primal, Question, Reverse, Scalar};

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

fn prepare_at<T: Scalar + Into<f64>>(job: &Job) -> Result<Prepared, Refusal> {
    let (net, data) = (job.net()?, Data::read(&job.directory)?);
    let of = |numbers: &[f64]| -> Vec<T> { numbers.iter().map(|&v| T::from_f64(v)).collect() };
    let wide = |numbers: &[T]| -> Vec<f64> { numbers.iter().map(|&v| v.into()).collect() };
    let (graph, batch) = (net.graph(job.task != Task::Jacobian)?, net.batch);
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
    })
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
