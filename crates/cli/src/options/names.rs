//! Which tensors of a weights file are which layers.

use std::path::Path;

use clap::Args;
use pushpull_files::values::ValueError;
use pushpull_files::weights::{Wanted, Weights};

use super::widths::Widths;
use crate::fault::Fault;
use crate::network::enough;

/// How the tensors in a weights file are assigned to layers.
#[derive(Debug, Default, Args)]
pub struct Names {
    /// Rename a layer of the weights to change its place in the order; with an empty name, leave it out. May be repeated
    #[arg(long, value_name = "OLD=NEW", value_parser = renamed)]
    pub map: Vec<(String, String)>,
    /// The weights are stored inputs x outputs, as Keras does; not needed where the shapes tell
    #[arg(long)]
    pub transpose: bool,
}

impl Names {
    /// Refuses what is said of weights where there are none; `option` would name some.
    pub fn without_weights(&self, option: &str) -> Result<(), Fault> {
        let given = match (self.map.is_empty(), self.transpose) {
            (false, _) => "--map",
            (_, true) => "--transpose",
            _ => return Ok(()),
        };
        Err(Fault::option(
            given,
            format!("weights of {option}"),
            "none",
            format!("leave it out, or give {option}"),
        ))
    }

    /// Opens weights, and says what of them is not used.
    pub fn open(&self, path: &Path, layers: Option<&Widths>) -> Result<Weights, Fault> {
        if let Some(layers) = layers {
            enough(&layers.0)?;
        }
        let weights = Weights::open(
            path,
            &Wanted {
                widths: layers.map(|layers| layers.0.clone()),
                renamed: self.map.clone(),
                transposed: self.transpose,
            },
        )?;
        crate::screen::remark(weights.said());
        Ok(weights)
    }
}

/// `encoder.fc=0`
fn renamed(text: &str) -> Result<(String, String), ValueError> {
    match text.split_once('=') {
        Some((old, new)) if !old.is_empty() => Ok((old.into(), new.into())),
        _ => Err(ValueError {
            expected: "OLD=NEW, as in encoder.fc=0",
        }),
    }
}
