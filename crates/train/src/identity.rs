//! Which run this is: what a checkpoint must agree with.

use nalgebra::DMatrix;

use crate::checkpoint::Identity;
use crate::{Model, Precision, Settings};

/// What stands between the parts of a text, of which a refusal tells the first that differ.
pub(crate) const PART: &str = "; ";

/// Everything that the bits of a run depend on, as texts. Data sets are told apart by a checksum.
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
    let mut network = vec![format!("{} parameters", model.n_params())];
    let nodes = model.objective.nodes().iter();
    network.extend(nodes.map(|node| format!("{} {:?} {:?}", node.name, node.block, node.params)));
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
        ("network", network.join(PART)),
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
