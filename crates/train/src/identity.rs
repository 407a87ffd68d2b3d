//! Which run this is: what a checkpoint must agree with.

use nalgebra::DMatrix;

use crate::checkpoint::Identity;
use crate::{Model, Precision, Settings};

/// Everything that the bits of a run depend on, as texts. Networks and data sets are told apart by a checksum.
pub(crate) fn identity<T: Precision>(
    model: &Model,
    settings: &Settings,
    train: &DMatrix<T>,
    valid: Option<&DMatrix<T>>,
) -> Identity {
    // Every field is named, so that a new one cannot be forgotten. Epochs and threads change no step.
    let Settings {
        epochs: _,
        batch,
        optimiser,
        decay,
        l1,
        l2,
        mode,
        init,
        seed,
        threads: _,
        patience,
    } = settings;
    let mut network = crc32fast::Hasher::new();
    for node in model.objective.nodes() {
        network.update(format!("{} {:?} {:?};", node.name, node.block, node.params).as_bytes());
    }
    let network = format!(
        "{} parameters, checksum {:08x}",
        model.n_params(),
        network.finalize()
    );
    let data = |samples: &DMatrix<T>| {
        let mut bytes = Vec::new();
        samples.iter().for_each(|v| v.store(&mut bytes));
        format!(
            "{} samples, checksum {:08x}",
            samples.ncols(),
            crc32fast::hash(&bytes)
        )
    };
    let pairs = [
        ("precision", T::NAME.to_string()),
        ("network", network),
        ("loss", model.loss().to_string()),
        ("training data", data(train)),
        ("validation data", valid.map_or("none".into(), data)),
        ("batch", batch.to_string()),
        ("optimiser", format!("{optimiser:?}")),
        ("decay", format!("{decay:?}")),
        ("L1 penalty", format!("{l1:?}")),
        ("L2 penalty", format!("{l2:?}")),
        ("mode", mode.to_string()),
        ("initialiser", format!("{init:?}")),
        ("seed", seed.to_string()),
        (
            "patience",
            patience.map_or("none".into(), |p| p.to_string()),
        ),
    ];
    pairs
        .into_iter()
        .map(|(what, value)| (what.to_string(), value))
        .collect()
}
