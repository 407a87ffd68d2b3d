//! What is compared: the networks, batches and types that the options name, with the samples and weights that they run on. What
//! cannot be run is refused here, before anything is measured.

use pushpull_bench::grid::chart;
use pushpull_bench::grid::{Against, Configuration, Grid};
use pushpull_bench::record::Dtype;
use pushpull_core::siblings::memory;
use pushpull_core::{Graph, Primal, Scalar, Team};
use pushpull_files::Samples;
use pushpull_plot::MOST_PANELS;

use super::contender::MODES;
use crate::fault::Fault;
use crate::given::{Given, given, lost};
use crate::network::Network;
use crate::options::compare::{Compare, Size};
use crate::options::names::Names;
use crate::options::net::Net;
use crate::options::precision::Precision;
use crate::options::reduction::Reduction;
use crate::screen;

/// Samples of a batch that nobody named.
const BATCH: usize = 32;

/// Networks, batches and types, and what they run on.
pub struct Subjects {
    pub grid: Grid,
    /// What the picture is drawn against; none of one configuration.
    pub against: Option<Against>,
    /// Of the weights.
    pub params: Option<Vec<f64>>,
    networks: Vec<Network>,
    /// The samples of a file, and its name.
    read: Option<(String, Samples)>,
}

impl Subjects {
    pub fn of(asked: &Compare) -> Result<Self, Fault> {
        if asked.weights.is_some() && asked.layers.len() > 1 {
            return Err(Fault::option(
                "--weights",
                "one network",
                format!("--layers {} times", asked.layers.len()),
                "leave the weights out, or compare one network at a time",
            ));
        }
        let (mut networks, mut params) = (Vec::<Network>::new(), None);
        let widths = asked.layers.iter().map(|widths| Some(widths.clone()));
        let mut widths: Vec<_> = widths.collect();
        if widths.is_empty() {
            widths.push(None);
        }
        for layers in widths {
            let net = Net {
                layers,
                activation: asked.activation.clone(),
                loss: asked.loss,
                names: Names {
                    map: asked.names.map.clone(),
                    transpose: asked.names.transpose,
                },
            };
            let (network, weights) = net.network(Reduction::Sum, asked.weights.as_deref())?;
            if let Some(mut weights) = weights {
                params = Some(weights.read::<f64>()?);
            }
            if !networks.contains(&network) {
                networks.push(network);
            }
        }
        drop(Team::new("--threads", asked.threads)?);
        let mut batches = once(&asked.batch);
        let mut read = None;
        if let (Some(path), Some(network)) = (&asked.data, networks.first()) {
            alike(&networks)?;
            let most = batches.iter().copied().max();
            let samples = given(path, &asked.columns, network, most)?;
            if batches.is_empty() {
                batches.push(samples.x.ncols());
            }
            if asked.dtype.contains(&Precision::F32) {
                screen::remark(&lost::<f32>(&samples.x));
            }
            read = Some((path.display().to_string(), samples));
        }
        if batches.is_empty() {
            batches.push(BATCH);
        }
        let dtypes = asked.dtype.iter().map(|dtype| match dtype {
            Precision::F32 => Dtype::F32,
            Precision::F64 => Dtype::F64,
        });
        let grid = Grid {
            networks: networks.iter().map(|n| n.widths.clone()).collect(),
            batches,
            dtypes: once(&dtypes.collect::<Vec<_>>()),
        };
        for network in &networks {
            for &batch in &grid.batches {
                let numbers = memory::elements(&[network.rows(), batch]);
                let graph = network.graph(batch)?;
                for dtype in &grid.dtypes {
                    match dtype {
                        Dtype::F32 => fits::<f32>(&graph, numbers, batch)?,
                        _ => fits::<f64>(&graph, numbers, batch)?,
                    }
                }
            }
        }
        let subjects = Self {
            against: against(asked, &grid)?,
            grid,
            params,
            networks,
            read,
        };
        Ok(subjects)
    }

    /// The network of these widths.
    pub fn network(&self, widths: &[usize]) -> Result<&Network, Fault> {
        let found = self
            .networks
            .iter()
            .find(|network| network.widths == widths);
        found.ok_or_else(crate::options::net::no_widths)
    }

    /// A configuration's graph and samples.
    pub fn given<T: Scalar>(&self, configuration: &Configuration) -> Result<Given<T>, Fault> {
        let network = self.network(&configuration.widths)?;
        let batch = configuration.batch;
        match &self.read {
            None => Given::new(
                None,
                &crate::options::columns::Columns::default(),
                network,
                Some(batch),
            ),
            Some((data, samples)) => Ok(Given {
                data: data.clone(),
                graph: network.graph(batch)?,
                x: samples.x.columns(0, batch).map(T::from_f64),
            }),
        }
    }
}

/// Refuses data, and a network's own value, that have no room.
fn fits<T: Scalar>(graph: &Graph, numbers: usize, batch: usize) -> Result<(), Fault> {
    memory::fits::<T>("the data", numbers, "use a smaller --batch")?;
    Primal::<T>::predict(graph, batch)?;
    Ok(())
}

/// Each value once, in their order.
fn once<V: Copy + PartialEq>(values: &[V]) -> Vec<V> {
    let mut all = Vec::new();
    for &value in values {
        if !all.contains(&value) {
            all.push(value);
        }
    }
    all
}

/// Refuses networks that cannot run on the same samples.
fn alike(networks: &[Network]) -> Result<(), Fault> {
    let ends = |network: &Network| (network.inputs(), network.outputs());
    let Some(first) = networks.first().map(ends) else {
        return Ok(());
    };
    match networks.iter().find(|network| ends(network) != first) {
        None => Ok(()),
        Some(other) => Err(Fault::option(
            "--layers",
            format!(
                "networks of {} inputs and {} outputs, to run on the same --data",
                first.0, first.1
            ),
            other.name(),
            "leave --data out, or give networks with the same inputs and outputs",
        )),
    }
}

/// What the picture is drawn against: what was asked for, if it varies.
fn against(asked: &Compare, grid: &Grid) -> Result<Option<Against>, Fault> {
    let against = match asked.against {
        None => grid.varies(),
        Some(asked) => {
            let against = Against::from(asked);
            let all = grid.configurations();
            let mut values: Vec<usize> = all.map(|c| against.of(&c.widths, c.batch)).collect();
            values.sort_unstable();
            values.dedup();
            if let [value] = values[..] {
                let (expected, remedy) = match against {
                    Against::Batch => ("several batches", "give them as in --batch 1,16,256"),
                    _ => (
                        "networks that differ in it",
                        "give --layers once for each network",
                    ),
                };
                let option = match against {
                    Against::Params => "--against params",
                    Against::Width => "--against width",
                    Against::Depth => "--against depth",
                    Against::Batch => "--against batch",
                };
                return Err(Fault::option(option, expected, value.to_string(), remedy));
            }
            Some(against)
        }
    };
    if let Some(against) = against {
        let sizes = (grid.dtypes.len(), MODES.len());
        let panels = chart::panels(&grid.networks, grid.batches.len(), sizes, against);
        if panels > MOST_PANELS {
            return Err(Fault::option(
                "--layers, --batch, --dtype",
                format!("a sweep of at most {MOST_PANELS} panels in the picture"),
                panels.to_string(),
                "give fewer values of what it is not drawn against, or draw it --against another",
            ));
        }
        // What has no room is refused before anything is measured.
        let Size(width, height) = asked.size;
        let mut sketch = chart::sketch(grid, &MODES, against)?;
        sketch.size = (width, height);
        if sketch.svg().is_err() {
            return Err(Fault::option(
                "--size",
                format!("room for {panels} panels with their words"),
                format!("{width}x{height}"),
                "give a larger or squarer one, or fewer networks, batches or types of numbers",
            ));
        }
    }
    Ok(against)
}
