//! Several networks, batches and precisions in one run: the configurations, and what they are drawn against.

pub mod chart;

use std::fmt;

use crate::record::{Dtype, Layers};

/// Every network at every batch in every precision.
///
/// ```
/// use pushpull_bench::grid::{Against, Grid};
/// use pushpull_bench::record::Dtype;
/// let grid = Grid {
///     networks: vec![vec![64, 16, 10], vec![64, 64, 10]],
///     batches: vec![1, 32],
///     dtypes: vec![Dtype::F64],
/// };
/// assert_eq!(grid.configurations().count(), 4);
/// assert_eq!(grid.varies(), Some(Against::Width));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grid {
    /// Widths from the input to the last layer.
    pub networks: Vec<Vec<usize>>,
    /// Samples.
    pub batches: Vec<usize>,
    /// Precisions.
    pub dtypes: Vec<Dtype>,
}

/// A network at a batch in a precision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// Widths from the input to the last layer.
    pub widths: Vec<usize>,
    /// Samples.
    pub batch: usize,
    /// Precision.
    pub dtype: Dtype,
}

/// What the points of a picture are spread by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// The number of parameters.
    Params,
    /// The widest hidden layer; without hidden layers, the widest.
    Width,
    /// The number of layers.
    Depth,
    /// Samples.
    Batch,
}

impl Grid {
    /// Takes in what it has not of a configuration.
    pub fn add(&mut self, configuration: &Configuration) {
        let Configuration {
            widths,
            batch,
            dtype,
        } = configuration;
        if !self.networks.contains(widths) {
            self.networks.push(widths.clone());
        }
        if !self.batches.contains(batch) {
            self.batches.push(*batch);
        }
        if !self.dtypes.contains(dtype) {
            self.dtypes.push(*dtype);
        }
    }

    /// Each configuration once, the networks of one precision and batch after each other.
    pub fn configurations(&self) -> impl Iterator<Item = Configuration> {
        let networks = move |(dtype, batch)| {
            self.networks.iter().map(move |widths| Configuration {
                widths: widths.clone(),
                batch,
                dtype,
            })
        };
        let batches = |&dtype: &Dtype| self.batches.iter().map(move |&batch| (dtype, batch));
        self.dtypes.iter().flat_map(batches).flat_map(networks)
    }

    /// What a picture shows best: the networks' width, depth or parameters where there are several, else the batch. `None`
    /// where neither varies.
    pub fn varies(&self) -> Option<Against> {
        let related = |by: Against| {
            let first = &self.networks[0];
            self.networks
                .iter()
                .all(|network| by.relates(first, network))
        };
        match (self.networks.len(), self.batches.len()) {
            (0..=1, 0..=1) => None,
            (0..=1, _) => Some(Against::Batch),
            _ if related(Against::Depth) => Some(Against::Depth),
            _ if related(Against::Width) => Some(Against::Width),
            _ => Some(Against::Params),
        }
    }
}

impl Against {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Params, Self::Width, Self::Depth, Self::Batch];

    /// The name on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Params => "params",
            Self::Width => "width",
            Self::Depth => "depth",
            Self::Batch => "batch",
        }
    }

    /// The axis' words.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Params => "parameters p (count)",
            Self::Width => "width of the hidden layers (units)",
            Self::Depth => "layers (count)",
            Self::Batch => "batch (samples)",
        }
    }

    /// Where a configuration lies.
    pub fn of(self, widths: &[usize], batch: usize) -> usize {
        match self {
            Self::Params => widths.windows(2).map(|pair| (pair[0] + 1) * pair[1]).sum(),
            Self::Width => {
                let hidden = hidden(widths);
                let widest = if hidden.is_empty() { widths } else { hidden };
                widest.iter().copied().max().unwrap_or(0)
            }
            Self::Depth => widths.len().saturating_sub(1),
            Self::Batch => batch,
        }
    }

    /// Whether two networks differ in nothing else, so that a line may lead from one to the other.
    pub fn relates(self, a: &[usize], b: &[usize]) -> bool {
        let ends = |n: &[usize]| (n.first().copied(), n.last().copied());
        match self {
            Self::Batch => a == b,
            Self::Params => Self::Width.relates(a, b) || Self::Depth.relates(a, b),
            Self::Width => {
                // Every layer grows alike, or the hidden ones between ends that stay.
                proportional(a, b) || (ends(a) == ends(b) && proportional(hidden(a), hidden(b)))
            }
            Self::Depth => {
                let mut units = hidden(a).iter().chain(hidden(b));
                let first = units.next();
                ends(a) == ends(b) && units.all(|unit| Some(unit) == first)
            }
        }
    }
}

/// The layers between the inputs and the outputs.
fn hidden(widths: &[usize]) -> &[usize] {
    match widths {
        [_, hidden @ .., _] => hidden,
        _ => &[],
    }
}

/// Whether one is a multiple of the other, layer by layer. Products, so that nothing is rounded.
fn proportional(a: &[usize], b: &[usize]) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(&x, &y)| x as u128 * b[0] as u128 == y as u128 * a[0] as u128)
}

impl fmt::Display for Against {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// `64-128-10, batch 32, f64`
impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layers = Layers(self.widths.clone());
        write!(f, "{layers}, batch {}, {}", self.batch, self.dtype)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(networks: &[&[usize]], batches: &[usize]) -> Grid {
        Grid {
            networks: networks.iter().map(|network| network.to_vec()).collect(),
            batches: batches.to_vec(),
            dtypes: vec![Dtype::F64],
        }
    }

    #[test]
    fn what_varies_is_what_it_is_drawn_against() {
        let one: &[&[usize]] = &[&[64, 16, 10]];
        assert_eq!(grid(one, &[4]).varies(), None);
        assert_eq!(grid(one, &[1, 32]).varies(), Some(Against::Batch));
        let wider: &[&[usize]] = &[&[64, 16, 10], &[64, 32, 10]];
        assert_eq!(grid(wider, &[1, 32]).varies(), Some(Against::Width));
        let deeper: &[&[usize]] = &[&[64, 16, 10], &[64, 16, 16, 10], &[64, 10]];
        assert_eq!(grid(deeper, &[1]).varies(), Some(Against::Depth));
        let unrelated: &[&[usize]] = &[&[64, 16, 10], &[784, 100, 100, 10]];
        assert_eq!(grid(unrelated, &[1]).varies(), Some(Against::Params));
    }

    #[test]
    fn a_line_leads_between_networks_that_differ_in_one_thing() {
        let (a, b) = (&[64, 16, 8, 10][..], &[64, 32, 16, 10][..]);
        assert!(Against::Width.relates(a, b) && Against::Params.relates(a, b));
        assert!(!Against::Width.relates(a, &[64, 32, 8, 10]));
        assert!(Against::Width.relates(&[8, 8, 8], &[32, 32, 32]));
        assert!(!Against::Width.relates(&[8, 8, 8], &[8, 32, 32, 32]));
        assert!(Against::Depth.relates(&[4, 8, 2], &[4, 8, 8, 2]));
        assert!(!Against::Depth.relates(&[4, 8, 2], &[4, 9, 9, 2]));
        assert_eq!(Against::Params.of(&[64, 16, 10], 1), 65 * 16 + 17 * 10);
        assert_eq!(Against::Width.of(&[64, 16, 10], 1), 16);
        assert_eq!(Against::Depth.of(&[64, 16, 10], 1), 2);
    }
}
