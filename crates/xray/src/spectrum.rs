//! Singular values of the Jacobian from a block's value to the output.

use nalgebra::{DMatrix, SVD};
use pushpull_core::graph::Origin;
use pushpull_core::{Accum, Graph, Mat, MatMut, Question, Result, Scalar, Wrt};
use pushpull_forward_mode::Forward;
use pushpull_reverse_mode::Reverse;
use serde::Serialize;

use crate::Settings;
use crate::values::norm;
use crate::watched::{Taps, Watched};

/// Rows that are pulled back side by side.
const SIDE: usize = 64;
/// The residual, beside the singular value, with which jvp and vjp in turn stop.
const CLOSE: f64 = 1e-6;
/// Steps of a decomposition before it counts as failed: far more than any takes.
const STEPS: usize = 100_000;

/// Singular values of `dh_out/dh_i`, outputs x inputs, sample by sample.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spectrum {
    /// Rows of the Jacobian: of the output.
    pub outputs: usize,
    /// Columns: rows of the block's value.
    pub inputs: usize,
    /// Whether all singular values are there; else only the largest, found by jvp and vjp in turn.
    pub exact: bool,
    /// For each sample its singular values, the largest first. Empty for a sample whose Jacobian is not finite.
    pub values: Vec<Vec<f64>>,
    /// Where only the largest is there: the most, over the samples, of `|J' u - s v|` over s, for the unit vectors v and
    /// u = J v / s that were reached. A singular value lies within that part of s.
    pub residual: Option<f64>,
}

impl Spectrum {
    /// The largest singular value of any sample.
    pub fn largest(&self) -> Option<f64> {
        self.values.iter().flatten().copied().reduce(f64::max)
    }

    /// The smallest of any sample, where all are there.
    pub fn smallest(&self) -> Option<f64> {
        let all = self.values.iter().flatten().copied();
        all.reduce(f64::min).filter(|_| self.exact)
    }
}

/// The spectra of all blocks, `None` for those from which no derivative leads to the output.
pub(crate) fn spectra<T: Scalar>(
    graph: &Graph,
    params: &[T],
    x: &DMatrix<T>,
    last: usize,
    settings: &Settings,
) -> Result<Vec<Option<Spectrum>>> {
    let samples = settings.samples.min(x.ncols());
    let leads = leading(graph, last);
    let outputs = graph.nodes()[last].dims().n_out;
    let mut found: Vec<Option<Spectrum>> = (0..graph.nodes().len())
        .map(|i| {
            (i <= last && leads[i] && samples > 0).then(|| Spectrum {
                outputs,
                inputs: graph.nodes()[i].dims().n_out,
                exact: true,
                values: Vec::with_capacity(samples),
                residual: None,
            })
        })
        .collect();
    if outputs <= settings.exact {
        // A few rows: all blocks' Jacobians in one go, by reverse mode.
        let tap = |i: usize| Taps {
            before: false,
            after: leads[i],
        };
        let watched = Watched::new(graph, last, tap)?;
        let own = watched.params(params);
        let mut engine = Reverse::plan(&watched.graph, 1, Question::JacobianInputs)
            .seeds(outputs.min(SIDE))
            .prepare()?;
        for sample in 0..samples {
            let jacobian = engine.jacobian_inputs(&own, &watched.inputs(x, sample..sample + 1)?)?;
            for (i, spectrum) in found.iter_mut().enumerate() {
                if let Some(spectrum) = spectrum {
                    let rows = &watched.after[i];
                    let part = jacobian.columns(rows.start, rows.len());
                    spectrum
                        .values
                        .push(singular(part.map(|entry| entry.to_f64())));
                }
            }
        }
        return Ok(found);
    }
    for (i, spectrum) in found.iter_mut().enumerate() {
        let Some(spectrum) = spectrum else { continue };
        let tap = |j: usize| Taps {
            before: false,
            after: j == i,
        };
        let watched = Watched::new(graph, last, tap)?;
        let own = watched.params(params);
        if spectrum.inputs <= settings.exact {
            let mut engine =
                Forward::plan(&watched.graph, 1, Question::JacobianInputs).prepare()?;
            for sample in 0..samples {
                let x = watched.inputs(x, sample..sample + 1)?;
                let jacobian = engine.jacobian_inputs(&own, &x)?;
                let rows = &watched.after[i];
                let part = jacobian.columns(rows.start, rows.len());
                spectrum
                    .values
                    .push(singular(part.map(|entry| entry.to_f64())));
            }
            continue;
        }
        spectrum.exact = false;
        let mut engines = Turns::new(&watched, i)?;
        for sample in 0..samples {
            let x = watched.inputs(x, sample..sample + 1)?;
            match engines.largest(&own, &x, settings.iterations)? {
                Some((largest, residual)) => {
                    spectrum.values.push(vec![largest]);
                    let most = spectrum.residual.unwrap_or(0.0);
                    spectrum.residual = Some(most.max(residual));
                }
                None => spectrum.values.push(Vec::new()),
            }
        }
    }
    Ok(found)
}

/// The nodes from which a derivative leads to node `last`.
fn leading(graph: &Graph, last: usize) -> Vec<bool> {
    let mut leads = vec![false; graph.nodes().len()];
    leads[last] = last + 1 < graph.nodes().len() || graph.activity()[last].output;
    for i in (0..=last).rev() {
        if !leads[i] {
            continue;
        }
        for source in &graph.nodes()[i].sources {
            if let (Origin::Node(j), false) = (source.origin, source.stopped) {
                leads[j] = true;
            }
        }
    }
    leads
}

/// All singular values, the largest first; none where the matrix is not finite.
fn singular(matrix: DMatrix<f64>) -> Vec<f64> {
    if matrix.iter().any(|entry| !entry.is_finite()) {
        return Vec::new();
    }
    let scale = matrix.amax();
    if scale == 0.0 {
        return vec![0.0; matrix.nrows().min(matrix.ncols())];
    }
    // Squares of the largest and smallest numbers would leave the range.
    let decomposed = SVD::try_new(matrix / scale, false, false, 5.0 * f64::EPSILON, STEPS);
    let values = decomposed.map(|found| found.singular_values.iter().map(|s| s * scale).collect());
    let mut values: Vec<f64> = values.unwrap_or_default();
    values.sort_by(|a, b| b.total_cmp(a));
    values
}

/// Both engines of one tapped graph, for jvp and vjp in turn.
struct Turns<'w, T: Scalar> {
    watched: &'w Watched,
    node: usize,
    forward: Forward<T>,
    reverse: Reverse<T>,
}

impl<'w, T: Scalar> Turns<'w, T> {
    fn new(watched: &'w Watched, node: usize) -> Result<Self> {
        Ok(Self {
            forward: Forward::plan(&watched.graph, 1, Question::Jvp(1))
                .wrt(Wrt::INPUTS)
                .prepare()?,
            reverse: Reverse::new(&watched.graph, 1)?,
            watched,
            node,
        })
    }

    /// The largest singular value s and its relative residual: with v a unit vector, `u = J v / s`, then v along `J' u`.
    fn largest(
        &mut self,
        params: &[T],
        x: &DMatrix<T>,
        turns: usize,
    ) -> Result<Option<(f64, f64)>> {
        let rows = self.watched.after[self.node].clone();
        let (n, all) = (rows.len(), self.watched.graph.n_inputs());
        let mut record = self.reverse.record(params, x)?;
        let close = CLOSE.max(64.0 * T::UNIT_ROUNDOFF);
        let mut v = start(n);
        let mut found = (0.0, 0.0);
        for _ in 0..turns.max(1) {
            let mut x_dot = DMatrix::from_element(all, 1, T::zero());
            for (k, entry) in v.iter().enumerate() {
                x_dot[(rows.start + k, 0)] = T::from_f64(*entry);
            }
            let (_, u) = self.forward.jvp(params, x, None, Some(Mat::from(&x_dot)))?;
            let s = norm(u.iter().copied());
            if !s.is_finite() {
                return Ok(None);
            }
            if s == 0.0 {
                return Ok(Some((0.0, 0.0)));
            }
            let u = u.map(|entry| T::from_f64(entry.to_f64() / s));
            let mut x_bar = DMatrix::from_element(all, 1, T::zero());
            record.pullback(&u, Accum::Set, None, Some(MatMut::from(&mut x_bar)))?;
            let w: Vec<f64> = x_bar.as_slice()[rows.clone()]
                .iter()
                .map(|entry| entry.to_f64())
                .collect();
            let t = norm(w.iter().copied());
            if !t.is_finite() {
                return Ok(None);
            }
            let apart = norm(w.iter().zip(&v).map(|(w, v)| w - s * v)) / s;
            found = (s, apart);
            if apart <= close || t == 0.0 {
                break;
            }
            v = w.iter().map(|entry| entry / t).collect();
        }
        Ok(Some(found))
    }
}

/// A unit vector without a pattern: numbers by Steele, Lea and Flood's SplitMix64.
fn start(n: usize) -> Vec<f64> {
    let mut state = 0_u64;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    let v: Vec<f64> = (0..n).map(|_| next()).collect();
    let length = norm(v.iter().copied());
    v.iter().map(|entry| entry / length).collect()
}
