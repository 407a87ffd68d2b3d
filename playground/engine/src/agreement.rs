//! Does it match? Forward against reverse, to the last digits.

use nalgebra::DMatrix;
use pushpull_core::{Graph, Question};
use pushpull_forward_mode::{Chunk, Forward};
use pushpull_reverse_mode::Reverse;
use serde::Serialize;

use crate::fault::Result;

/// One derivative by both modes.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Of which parameter.
    pub name: String,
    /// Pushed.
    pub forward: f64,
    /// Pulled.
    pub reverse: f64,
    /// Doubles between them.
    pub apart: u64,
}

/// All derivatives by both modes.
#[derive(Clone, Debug, Serialize)]
pub struct Agreement {
    /// Samples.
    pub samples: usize,
    /// The loss by both.
    pub values: [f64; 2],
    /// Derivatives that are the same double.
    pub same: usize,
    /// The largest difference over the largest derivative.
    pub relative: f64,
    /// Every derivative.
    pub entries: Vec<Entry>,
}

/// Doubles from one to the other, both finite.
fn apart(a: f64, b: f64) -> u64 {
    let place = |x: f64| {
        let bits = x.to_bits() as i64;
        if bits < 0 {
            i64::MIN.wrapping_sub(bits)
        } else {
            bits
        }
    };
    place(a).abs_diff(place(b))
}

/// The gradient of the summed loss by both modes.
///
/// # Errors
/// Parameters that are not finite, slopes that do not exist.
pub fn agreement(graph: &Graph, params: &[f64], x: &DMatrix<f64>) -> Result<Agreement> {
    let batch = x.ncols();
    let mut forward = Forward::plan(graph, batch, Question::Gradient)
        .chunk(Chunk::Auto)
        .prepare::<f64>()?;
    let mut reverse = Reverse::plan(graph, batch, Question::Gradient).prepare::<f64>()?;
    let (value, pushed) = forward.value_and_gradient(params, x)?;
    let (same, pulled) = reverse.value_and_gradient(params, x)?;
    let mut entries = Vec::with_capacity(params.len());
    for entry in graph.layout().entries() {
        for k in entry.range() {
            let at = k - entry.offset;
            entries.push(Entry {
                name: format!(
                    "{}[{}, {}]",
                    entry.name,
                    at % entry.shape.nrows,
                    at / entry.shape.nrows
                ),
                forward: pushed[k],
                reverse: pulled[k],
                apart: apart(pushed[k], pulled[k]),
            });
        }
    }
    let largest = |of: &dyn Fn(&Entry) -> f64| entries.iter().map(of).fold(0.0, f64::max);
    let size = largest(&|entry| entry.reverse.abs());
    let difference = largest(&|entry| (entry.forward - entry.reverse).abs());
    Ok(Agreement {
        samples: batch,
        values: [value, same],
        same: entries.iter().filter(|entry| entry.apart == 0).count(),
        relative: if size > 0.0 {
            difference / size
        } else {
            difference
        },
        entries,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Run;
    use crate::settings::Settings;

    #[test]
    fn both_modes_agree_on_all_samples() {
        let (run, _) = Run::new(Settings::default(), None).unwrap();
        let found = agreement(&run.objective, run.params(), run.stacked()).unwrap();
        assert!(
            found.relative < 1e-13 && found.entries.len() == run.params().len(),
            "{}",
            found.relative
        );
        assert_eq!(
            (
                apart(1.0, 1.0),
                apart(1.0, 1.0 + f64::EPSILON),
                apart(0.0, -0.0)
            ),
            (0, 1, 0)
        );
    }
}
