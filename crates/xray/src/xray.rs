//! The X-ray of a network on a batch.

use nalgebra::DMatrix;
use pushpull_core::{Error, Graph, Question, Result, Scalar, Wrt};
use pushpull_reverse_mode::Reverse;
use serde::Serialize;

use crate::culprit::{Backward, live_rows};
use crate::sharing::sharing;
use crate::spectrum::spectra;
use crate::values::{Values, norm};
use crate::watched::{Taps, Watched};
use crate::{BlockXray, Culprit, Kind, Settings, Sharing, Slopes};

/// What is seen of a network on a batch. The definitions are in the [crate's documentation](crate).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Xray {
    /// Samples of the batch.
    pub batch: usize,
    /// `f32` or `f64`.
    pub scalar: &'static str,
    /// The node whose value Jacobians lead to.
    pub output: String,
    /// The objective, the sum of all outputs over the batch; `None` where the data are not finite.
    pub value: Option<f64>,
    /// The norm of the whole gradient with respect to all parameters.
    pub gradient_norm: Option<f64>,
    /// Every block in order.
    pub blocks: Vec<BlockXray>,
    /// Parameters with more than one use.
    pub sharing: Vec<Sharing>,
    /// The first block and value that made a number NaN or infinite, if any did.
    pub culprit: Option<Culprit>,
}

impl Xray {
    /// Looks at a graph on a batch, n_inputs x B. Numbers that are not finite are no error here: they are what is looked for.
    ///
    /// # Errors
    /// [`Error::Length`] and [`Error::Shape`] for parameters and data that do not fit, [`Error::EmptyBatch`],
    /// [`Error::UnknownName`] for an output that is no node, [`Error::TooLarge`] before anything large is allocated.
    ///
    /// ```
    /// use nalgebra::dmatrix;
    /// use pushpull_core::{Builder, blocks::{Linear, Ln}};
    /// use pushpull_xray::{Settings, Xray};
    /// let mut b = Builder::new();
    /// let x = b.input("x", 1);
    /// let h = b.named("layer", Linear::without_bias(1, 1), x);
    /// let y = b.map(Ln, h);
    /// let xray = Xray::new(&b.build(y)?, &[2.0], &dmatrix![1.0, -3.0], &Settings::default())?;
    /// let culprit = xray.culprit.ok_or("none")?;
    /// assert_eq!((culprit.name.as_str(), culprit.entry, culprit.given), ("ln1", [0, 1], Some(-6.0)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new<T: Scalar>(
        graph: &Graph,
        params: &[T],
        x: &DMatrix<T>,
        settings: &Settings,
    ) -> Result<Self> {
        let (nodes, batch) = (graph.nodes(), x.ncols());
        graph.layout().check("params", params)?;
        if batch == 0 {
            return Err(Error::EmptyBatch { name: "x".into() });
        }
        if x.nrows() != graph.n_inputs() {
            let remedy =
                "give each sample as a column, with all inputs of the graph one below the other";
            let expected = (graph.n_inputs(), batch);
            return Err(Error::matrix("x", expected, x.shape(), remedy));
        }
        let last = output(graph, settings)?;
        let mut seen = Self {
            batch,
            scalar: T::NAME,
            output: nodes[last].name.clone(),
            value: None,
            gradient_norm: None,
            blocks: nodes.iter().map(BlockXray::new).collect(),
            sharing: Vec::new(),
            culprit: Culprit::of_data(graph, params, x),
        };
        for (block, node) in seen.blocks.iter_mut().zip(nodes) {
            block.params_norm = (!node.params.is_empty())
                .then(|| norm(params[node.params.clone()].iter().copied()));
        }
        if seen.culprit.is_some() {
            return Ok(seen);
        }
        let values = Values::new(graph, params, x)?;
        seen.culprit = Culprit::of_values(graph, params, &values);
        seen.backward(graph, params, x, &values, settings)?;
        for (i, node) in nodes.iter().enumerate() {
            let value = values.of(i);
            let entries = (value.len() as f64).sqrt();
            seen.blocks[i].value_rms = Some(norm(value.iter().copied()) / entries);
            if seen.blocks[i].kind == Kind::Activation {
                seen.blocks[i].slopes = Slopes::of(node, &values.read_by(i), settings.flat)?;
            }
        }
        let spectra = spectra(graph, params, x, last, settings)?;
        for (block, spectrum) in seen.blocks.iter_mut().zip(spectra) {
            block.spectrum = spectrum;
        }
        Ok(seen)
    }

    /// The block of this name.
    pub fn block(&self, name: &str) -> Option<&BlockXray> {
        self.blocks.iter().find(|block| block.name == name)
    }

    /// Cotangents, gains, gradients and shares, from one reverse sweep.
    fn backward<T: Scalar>(
        &mut self,
        graph: &Graph,
        params: &[T],
        x: &DMatrix<T>,
        values: &Values<'_, T>,
        settings: &Settings,
    ) -> Result<()> {
        let nodes = graph.nodes();
        let everywhere = |_| Taps {
            before: true,
            after: true,
        };
        let watched = Watched::new(graph, nodes.len() - 1, everywhere)?;
        let own = watched.params(params);
        let wide = watched.inputs(x, 0..x.ncols())?;
        let mut engine = Reverse::plan(&watched.graph, x.ncols(), Question::Gradient)
            .wrt(Wrt::BOTH)
            .threads(settings.threads)
            .prepare()?;
        let mut bars = wide.clone();
        let (value, gradient) = engine.value_and_gradients(&own, &wide, &mut bars)?;
        let rows = |of: &std::ops::Range<usize>| bars.rows(of.start, of.len()).into_owned();
        let cotangents: Vec<DMatrix<T>> = watched.after.iter().map(rows).collect();
        let passed: Vec<DMatrix<T>> = watched.before.iter().map(rows).collect();
        let gradients: Vec<Vec<f64>> = watched
            .params
            .iter()
            .map(|of| gradient[of.clone()].iter().map(|g| g.to_f64()).collect())
            .collect();
        let mut whole = vec![0.0; params.len()];
        for (node, own) in nodes.iter().zip(&gradients) {
            let parts = whole[node.params.clone()].iter_mut().zip(own);
            parts.for_each(|(sum, part)| *sum += part);
        }
        self.value = Some(value.to_f64());
        self.gradient_norm = Some(norm(whole.iter().copied()));
        self.sharing = sharing(graph, &gradients);
        for (i, node) in nodes.iter().enumerate() {
            let block = &mut self.blocks[i];
            if !node.params.is_empty() {
                block.gradient_norm = Some(norm(gradients[i].iter().copied()));
            }
            if !graph.activity()[i].output {
                continue;
            }
            let reached = norm(cotangents[i].iter().copied());
            block.cotangent_norm = Some(reached);
            let live = live_rows(graph, node);
            if reached > 0.0 && live.contains(&true) {
                let columns = passed[i].column_iter();
                let on: Vec<T> = columns
                    .flat_map(|column| {
                        let rows = column.iter().copied().zip(&live);
                        let rows = rows.filter(|&(_, &live)| live).map(|(entry, _)| entry);
                        rows.collect::<Vec<T>>()
                    })
                    .collect();
                block.gain = Some(norm(on.iter().copied()) / reached);
            }
        }
        if self.culprit.is_none() {
            let back = Backward {
                cotangents: &cotangents,
                passed: &passed,
                gradients: &gradients,
            };
            // In the scalar itself, where a sum leaves the range.
            let mut sums = vec![T::zero(); params.len()];
            for (node, of) in nodes.iter().zip(&watched.params) {
                let parts = sums[node.params.clone()]
                    .iter_mut()
                    .zip(&gradient[of.clone()]);
                parts.for_each(|(sum, &part)| *sum += part);
            }
            let sums: Vec<f64> = sums.iter().map(|sum| sum.to_f64()).collect();
            self.culprit = Culprit::of_cotangents(graph, params, values, &back)
                .or_else(|| Culprit::of_sums(graph, &back, value, &sums));
        }
        Ok(())
    }
}

/// The node that Jacobians lead to.
fn output(graph: &Graph, settings: &Settings) -> Result<usize> {
    let nodes = graph.nodes();
    let Some(name) = &settings.output else {
        return Ok(nodes.len() - 1);
    };
    let found = nodes.iter().position(|node| node.name == *name);
    found.ok_or_else(|| Error::UnknownName {
        kind: "node".into(),
        name: name.clone(),
        known: nodes
            .iter()
            .map(|node| node.name.as_str())
            .collect::<Vec<_>>()
            .join(", "),
    })
}
