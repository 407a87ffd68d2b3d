//! Training over all ranks, as `pushpull train` does it alone.

use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

use nalgebra::DMatrix;
use pushpull_cli::Ranks;
use pushpull_core::blocks::Loss;
use pushpull_train::{
    CheckpointFault, Engine, Judges, Mode, Model, Precision, Ranking, Samples, Settings, Space,
    Strategy, TrainError, Training, Trial, Watch,
};

use crate::agreement::checksum;
use crate::communicator::{broadcast_any, bytes_of, gather_any};
use crate::{Communicator, Leaves, MpiError, agree, program, search, share};

/// Samples of a leaf where none are asked for: the fewest at which leaves cost less than a tenth of the plain engine's time on
/// 64-128-128-10, measured (`docs/mpi.md`).
pub const LEAF: usize = 128;

/// All ranks of a job at one run: each takes the same steps with the gradient of [`Leaves`], so parameters and moments are the
/// same on every rank, to the bit, and are never exchanged. The first rank alone writes checkpoints, and reads them: a run goes
/// on with another number of ranks.
///
/// ```
/// use std::rc::Rc;
/// use nalgebra::DMatrix;
/// use pushpull_core::blocks::{Activation, Loss};
/// use pushpull_mpi::{local, train::Together};
/// use pushpull_train::{Model, Samples, Settings};
/// use pushpull_cli::Ranks;
/// let x = DMatrix::from_fn(2, 24, |i, j| ((i + 2) * (j + 1) % 11) as f64 / 11.0);
/// let samples = Samples::new(x.clone(), x.rows(0, 1).into_owned())?;
/// let model = Model::mlp(&[2, 4, 1], Activation::Tanh, Loss::SquaredError)?;
/// let trained = |ranks| {
///     local::run(ranks, |rank| {
///         let settings = Settings { epochs: 2, batch: 10, ..Settings::default() };
///         let together = Together::new(Rc::new(rank), 4);
///         let mut training = together.training::<f32>(&model, settings, &samples, &samples).unwrap();
///         training.run(&mut ()).unwrap();
///         training.params().to_vec()
///     })
/// };
/// assert!(trained(3).into_iter().all(|params| params == trained(1)[0]));
/// # Ok::<(), pushpull_train::TrainError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Together {
    comm: Rc<dyn Communicator>,
    leaf: usize,
}

impl Together {
    /// These ranks, with leaves of so many samples: a part of the run's identity.
    pub fn new(comm: Rc<dyn Communicator>, leaf: usize) -> Self {
        Self { comm, leaf }
    }

    /// Refuses ranks that are not alike: in what the run is, in the program, or in any option.
    fn agree(&self, identity: Vec<(String, String)>) -> Result<(), MpiError> {
        let options: Vec<String> = std::env::args().skip(1).collect();
        let mut parts = program();
        parts.extend(identity);
        parts.push(("the options".into(), options.join(" ")));
        agree(&self.comm, &parts)
    }
}

impl Ranks for Together {
    fn is_first(&self) -> bool {
        self.comm.rank() == 0
    }

    fn may_stop(&self) -> bool {
        false
    }

    fn training<T: Precision>(
        &self,
        model: &Model,
        settings: Settings,
        train: &Samples,
        valid: &Samples,
    ) -> Result<Training<T>, TrainError> {
        let Settings {
            mode,
            threads,
            seed,
            epochs,
            ..
        } = settings;
        if let Mode::ForwardGradient { .. } = mode {
            return Err(TrainError::Setting {
                setting: "the mode of leaves",
                expected: "reverse, checkpointed, forward or structured: an estimate's directions are of a whole batch"
                    .into(),
                got: mode.to_string(),
                remedy: "choose one of these modes",
            });
        }
        let graph = model.objective();
        let of_leaf = |size| Engine::new(graph, size, mode, threads, seed);
        let engine = |size| -> Result<Engine<T>, TrainError> {
            let leaves = Leaves::new(Rc::clone(&self.comm), graph, size, self.leaf, of_leaf)?;
            Ok(Engine::of(Box::new(leaves)))
        };
        let also = ("leaf", self.leaf.to_string());
        let training = Training::with_engines(model, settings, train, Some(valid), also, engine)?;
        let mut identity = training.identity().to_vec();
        identity.push(("epochs".into(), epochs.to_string()));
        self.agree(identity)?;
        Ok(training.with_judges(Box::new(Shared(Rc::clone(&self.comm)))))
    }

    fn restore<T: Precision>(
        &self,
        training: &mut Training<T>,
        path: &Path,
    ) -> Result<bool, TrainError> {
        let mut state = Vec::new();
        if self.is_first() {
            match training.restore(path) {
                Ok(()) => state = training.encode()?,
                Err(TrainError::Checkpoint {
                    fault: CheckpointFault::Missing,
                    ..
                }) => {}
                Err(fault) => return Err(fault),
            }
        }
        let state = broadcast_any(&self.comm, state)?;
        if state.is_empty() {
            return Ok(false);
        }
        let at = |fault| TrainError::Checkpoint {
            file: path.into(),
            fault,
        };
        training.decode(&state).map_err(at)?;
        Ok(true)
    }

    fn search<T: Precision>(
        &self,
        space: &Space,
        strategy: Strategy,
        loss: Loss,
        settings: &Settings,
        train: &Samples,
        valid: &Samples,
        watch: &mut impl Watch<T>,
    ) -> Result<Ranking, TrainError> {
        let of = |samples: &Samples| {
            let bytes = |part: &DMatrix<f64>| bytes_of(part.as_slice());
            checksum(&[bytes(samples.inputs()), bytes(samples.targets())].concat())
        };
        let parts = [
            ("precision", T::NAME.to_owned()),
            ("the search space", format!("{space:?} {strategy:?}")),
            ("the settings", format!("{loss} {settings:?}")),
            ("training data", of(train)),
            ("validation data", of(valid)),
        ];
        self.agree(parts.map(|(what, value)| (what.into(), value)).into())?;
        let choices = space.choices(strategy)?;
        let attempt = |at: usize| choices[at].attempt::<T>(loss, settings, train, valid);
        let seen = |trial: &Trial, of| watch.trial(trial, of);
        Ok(search(&self.comm, &choices, attempt, seen)?)
    }
}

/// Each rank judges a share of the blocks, and tells the numbers to all.
#[derive(Debug)]
struct Shared(Rc<dyn Communicator>);

impl Judges for Shared {
    fn share(&self, blocks: usize) -> Range<usize> {
        share(blocks, self.0.rank(), self.0.size())
    }

    fn all(&self, own: Vec<f64>) -> Result<Vec<f64>, TrainError> {
        let all = gather_any(&self.0, &bytes_of(&own))?.map_or(Vec::new(), |all| all.concat());
        let all = broadcast_any(&self.0, all)?;
        let mut numbers = vec![0.0; all.len() / f64::BYTES];
        f64::load_all(&all, &mut numbers);
        Ok(numbers)
    }
}
