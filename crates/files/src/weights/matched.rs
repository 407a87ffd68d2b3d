//! Which tensors of a file are the layers of a network: by their shapes, and by the natural order of their names among those
//! that shapes do not tell apart.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use super::{Layer, Part, Wanted};
use crate::words::{shape, shown};
use crate::{FileError, Kind};

/// Steps of the search for an order, at most.
const STEPS: usize = 100_000;

/// Layers of a file, at most: they are put in order one within the other.
const MOST_LAYERS: usize = 4096;

/// A weight with its bias, as far as the names tell.
#[derive(Default)]
struct Found {
    /// What it is ordered by.
    name: String,
    weight: Option<Part>,
    bias: Option<Part>,
    /// Called a kernel, which is stored inputs x outputs.
    kernel: bool,
}

/// What a file of weights was taken for.
#[derive(Default)]
pub(super) struct Matched {
    /// In the order of the network.
    pub layers: Vec<Layer>,
    /// The names of other tensors.
    pub unused: Vec<String>,
    /// Whether the order may be another than the network's.
    pub doubtful: bool,
}

/// The layers of a file.
pub(super) fn layers(
    file: &Path,
    metadata: &Metadata,
    wanted: &Wanted,
) -> Result<Matched, FileError> {
    let (found, mut unused) = found(metadata, &wanted.renamed)?;
    let mut candidates = Vec::new();
    for own in found {
        let Found { weight, bias, .. } = &own;
        // A norm has a weight of one axis. One of integers is a layer too, which is refused.
        let fits = weight
            .as_ref()
            .is_some_and(|weight| weight.shape.len() == 2 && !weight.shape.contains(&0));
        if fits {
            candidates.push(own);
        } else {
            let parts = [weight, bias].into_iter().flatten();
            unused.extend(parts.map(|part| part.name.clone()));
        }
    }
    if candidates.len() > MOST_LAYERS {
        return Err(FileError::input(
            file,
            "the layers",
            format!("at most {MOST_LAYERS}"),
            candidates.len().to_string(),
            "save the layers of one network",
        ));
    }
    candidates.sort_by(|a, b| natural(&a.name, &b.name));
    let twice = candidates
        .windows(2)
        .find(|pair| pair[0].name == pair[1].name);
    if let Some([one, _]) = twice {
        return Err(FileError::request(
            "--map",
            "another name for each layer",
            format!("{} twice", shown(&one.name)),
            "rename the other one as well",
        ));
    }
    unused.sort_by(|a, b| natural(a, b));
    if let Some(name) = unused.iter().find(|name| is_reparametrised(name)) {
        return Err(FileError::input(
            file,
            shown(name),
            "the weight of a linear layer as it is multiplied",
            "a part of one",
            "fold it before saving: torch.nn.utils.parametrize.remove_parametrizations, remove_weight_norm or prune.remove",
        ));
    }
    if candidates.is_empty() {
        return Err(FileError::input(
            file,
            "the layers",
            "weights of two axes, each with a bias or without",
            match &unused[..] {
                [] => "no tensor".into(),
                some => format!("only {}", listed(some)),
            },
            "save the state_dict of a network of linear layers",
        ));
    }
    // What shapes and names tell of some layers holds for those of which nothing tells; else they are as PyTorch stores them,
    // if that gives a network.
    let told = candidates.iter().find_map(orientation);
    let tried: &[bool] = match told.or(wanted.transposed.then_some(true)) {
        Some(true) => &[true],
        Some(false) => &[false],
        None => &[false, true],
    };
    let mut first = None;
    for &transposed in tried {
        let layers: Result<Vec<Layer>, _> = candidates
            .iter()
            .map(|found| layer(file, found, orientation(found).unwrap_or(transposed)))
            .collect();
        let ordered = layers.and_then(|layers| match &wanted.widths {
            Some(widths) => by_widths(file, layers, widths),
            None => Ok((by_chain(file, layers)?, Vec::new())),
        });
        match ordered {
            Ok((layers, left)) => {
                let left = left.iter().flat_map(Layer::parts);
                unused.extend(left.map(|part| part.name.clone()));
                unused.sort_by(|a, b| natural(a, b));
                let told = tried.len() == 1;
                return Ok(Matched {
                    doubtful: is_doubtful(&candidates, &layers, wanted, told),
                    layers,
                    unused,
                });
            }
            Err(fault) => first = first.or(Some(fault)),
        }
    }
    match first {
        Some(fault) => Err(fault),
        None => Ok(Matched::default()),
    }
}

/// Whether shapes allow another order, and names do not settle it: numbers do, `fc2` comes after `fc1`, but `decoder` may come
/// before `encoder`. An order against that of the names is doubtful as well where it is not told how weights are stored:
/// read the other way round, they are a network from the last to the first.
fn is_doubtful(candidates: &[Found], layers: &[Layer], wanted: &Wanted, told: bool) -> bool {
    let name = |layer: &Layer| {
        let own = |found: &&Found| {
            found
                .weight
                .as_ref()
                .is_some_and(|w| w.name == layer.weight.name)
        };
        candidates
            .iter()
            .find(own)
            .map_or("", |found| found.name.as_str())
    };
    let names: Vec<&str> = layers.iter().map(name).collect();
    let against = |pair: &[&str]| natural(pair[0], pair[1]) == Ordering::Greater;
    let against = names.windows(2).any(against);
    if !against && names.windows(2).all(|pair| is_numbered(pair[0], pair[1])) {
        return false;
    }
    match &wanted.widths {
        Some(_) => {
            let same = |a: &Layer, b: &Layer| (a.n_in(), a.n_out()) == (b.n_in(), b.n_out());
            let twice = |k: usize| layers[..k].iter().any(|other| same(other, &layers[k]));
            !against && (1..layers.len()).any(twice)
        }
        None if against && !told => true,
        None => {
            let reversed: Vec<Layer> = layers.iter().rev().cloned().collect();
            let (mut order, mut steps) = (Vec::new(), 0);
            let mut used = vec![false; reversed.len()];
            let found = search(&reversed, &mut order, &mut used, &mut steps);
            let straight = (0..reversed.len()).rev();
            found && !order.iter().copied().eq(straight)
        }
    }
}

/// The tensors by the layers that their names belong to, and the names of others.
fn found(
    metadata: &Metadata,
    renamed: &[(String, String)],
) -> Result<(Vec<Found>, Vec<String>), FileError> {
    let (mut found, mut unused): (BTreeMap<String, Found>, _) = (BTreeMap::new(), Vec::new());
    for (name, info) in metadata.tensors() {
        let split = name.rsplit_once(['.', '/']);
        let (base, end) = split.unwrap_or(("", &name));
        let part = Part {
            name: name.clone(),
            kind: kind(info),
            shape: info.shape.clone(),
            bytes: info.data_offsets.0..info.data_offsets.1,
        };
        let own = match end {
            "weight" | "kernel" | "bias" => found.entry(base.to_owned()).or_default(),
            _ => {
                unused.push(name);
                continue;
            }
        };
        own.name = base.to_owned();
        if end == "bias" {
            own.bias = Some(part);
        } else {
            own.kernel = end == "kernel";
            own.weight = Some(part);
        }
    }
    for (old, new) in renamed {
        let Some(mut own) = found.remove(old) else {
            let known: Vec<String> = found.keys().cloned().collect();
            return Err(FileError::request(
                "--map",
                format!("a layer of the file: {}", listed(&known)),
                shown(old),
                "give the name without .weight, as in --map encoder.fc=0",
            ));
        };
        if new.is_empty() {
            let parts = [own.weight.take(), own.bias.take()].into_iter().flatten();
            unused.extend(parts.map(|part| part.name));
            continue;
        }
        own.name.clone_from(new);
        // By its old name, so that two can trade places.
        found.insert(format!("{old}\u{0}"), own);
    }
    Ok((found.into_values().collect(), unused))
}

/// Whether a weight is stored inputs x outputs: `None` where neither its shape nor its name tells.
fn orientation(found: &Found) -> Option<bool> {
    let (weight, bias) = (found.weight.as_ref()?, found.bias.as_ref());
    match (&weight.shape[..], bias.and_then(length)) {
        (&[rows, columns], Some(n)) if rows != columns && (n == rows || n == columns) => {
            Some(n == columns)
        }
        _ => found.kernel.then_some(true),
    }
}

/// How many numbers a bias has: those of one axis, others may be of length 1 (`1 x n`, `n x 1`).
fn length(bias: &Part) -> Option<usize> {
    let long = bias.shape.iter().filter(|&&n| n != 1).count();
    (long <= 1).then(|| bias.shape.iter().product())
}

/// A layer, if weight and bias go together and are of types that can be read.
fn layer(file: &Path, found: &Found, transposed: bool) -> Result<Layer, FileError> {
    let Some(weight) = found.weight.clone() else {
        return Err(FileError::input(
            file,
            shown(&found.name),
            "a weight",
            "none",
            "save it",
        ));
    };
    let layer = Layer {
        weight,
        bias: found.bias.clone(),
        transposed,
    };
    for part in [Some(&layer.weight), layer.bias.as_ref()]
        .into_iter()
        .flatten()
    {
        if !matches!(part.kind, Kind::F16 | Kind::BF16 | Kind::F32 | Kind::F64) {
            let expected = "float16, bfloat16, float32 or float64";
            let remedy = "save model.float(), or leave the layer out with --map NAME=";
            let got = match part.kind {
                Kind::Other => "another type",
                _ => "integers",
            };
            return Err(FileError::input(
                file,
                shown(&part.name),
                expected,
                got,
                remedy,
            ));
        }
    }
    if let Some(bias) = &layer.bias
        && length(bias) != Some(layer.n_out())
    {
        let how = if transposed {
            "inputs x outputs"
        } else {
            "outputs x inputs"
        };
        let weight = shape(&layer.weight.shape);
        let remedy = match length(bias) {
            None => "flatten it before saving, as bias.flatten() does",
            Some(_) => "save weight and bias of one layer, or leave it out with --map NAME=",
        };
        return Err(FileError::input(
            file,
            shown(&bias.name),
            format!(
                "{} numbers, as its weight of {weight} ({how}) has outputs",
                layer.n_out()
            ),
            shape(&bias.shape),
            remedy,
        ));
    }
    Ok(layer)
}

/// The layers of a network of some widths, and those that are left.
fn by_widths(
    file: &Path,
    layers: Vec<Layer>,
    widths: &[usize],
) -> Result<(Vec<Layer>, Vec<Layer>), FileError> {
    let n = widths.len() - 1;
    let fits = |layer: &Layer, pair: &[usize]| layer.n_in() == pair[0] && layer.n_out() == pair[1];
    for pair in widths.windows(2) {
        let there: Vec<&Layer> = layers.iter().filter(|layer| fits(layer, pair)).collect();
        let needed = widths.windows(2).filter(|other| *other == pair).count();
        if there.len() == needed {
            continue;
        }
        let wanted = format!("{} x {} (outputs x inputs)", pair[1], pair[0]);
        if there.len() > needed {
            let names: Vec<String> = there.iter().map(|layer| base(layer)).collect();
            return Err(FileError::input(
                file,
                "the layers",
                format!("{needed} of {wanted}"),
                format!("{}: {}", there.len(), listed(&names)),
                "leave others out with --map NAME=",
            ));
        }
        if layers.len() == n {
            // The first that is not as the widths say.
            let mut wrong = layers.iter().zip(widths.windows(2));
            if let Some((layer, pair)) = wrong.find(|(layer, pair)| !fits(layer, pair)) {
                return Err(FileError::input(
                    file,
                    shown(&layer.weight.name),
                    format!("{} x {} (outputs x inputs)", pair[1], pair[0]),
                    format!("{} x {}", layer.n_out(), layer.n_in()),
                    "give the widths of these weights with --layers, inputs first",
                ));
            }
        }
        let names: Vec<String> = layers.iter().map(base).collect();
        return Err(FileError::input(
            file,
            "the layers",
            format!("{n}, as --layers says, {needed} of them {wanted}"),
            format!("{} ({})", layers.len(), listed(&names)),
            "give every width with --layers, inputs first, or leave --layers out",
        ));
    }
    let mut left: Vec<Option<Layer>> = layers.into_iter().map(Some).collect();
    let ordered = widths.windows(2).filter_map(|pair| {
        left.iter_mut()
            .find(|slot| slot.as_ref().is_some_and(|layer| fits(layer, pair)))?
            .take()
    });
    let ordered = ordered.collect();
    Ok((ordered, left.into_iter().flatten().collect()))
}

/// All layers, in an order in which each one's outputs are the next one's inputs.
fn by_chain(file: &Path, layers: Vec<Layer>) -> Result<Vec<Layer>, FileError> {
    let (mut order, mut steps) = (Vec::new(), 0);
    if !search(
        &layers,
        &mut order,
        &mut vec![false; layers.len()],
        &mut steps,
    ) {
        let list: Vec<String> = layers
            .iter()
            .map(|layer| format!("{} {} x {}", base(layer), layer.n_out(), layer.n_in()))
            .collect();
        return Err(FileError::input(
            file,
            "the layers",
            "an order in which the outputs of each are the inputs of the next",
            listed(&list),
            "leave others out with --map NAME=, or give --layers",
        ));
    }
    let mut left: Vec<Option<Layer>> = layers.into_iter().map(Some).collect();
    Ok(order.into_iter().filter_map(|k| left[k].take()).collect())
}

/// Whether the order can be completed, natural order first.
fn search(layers: &[Layer], order: &mut Vec<usize>, used: &mut [bool], steps: &mut usize) -> bool {
    if order.len() == layers.len() {
        return true;
    }
    *steps += 1;
    for k in 0..layers.len() {
        let follows = order
            .last()
            .is_none_or(|&last: &usize| layers[last].n_out() == layers[k].n_in());
        if used[k] || !follows || *steps > STEPS {
            continue;
        }
        used[k] = true;
        order.push(k);
        if search(layers, order, used, steps) {
            return true;
        }
        order.pop();
        used[k] = false;
    }
    false
}

/// The name of a layer.
pub(super) fn base(layer: &Layer) -> String {
    let name = &layer.weight.name;
    name.rsplit_once(['.', '/'])
        .map_or("", |(base, _)| base)
        .to_owned()
}

fn kind(info: &TensorInfo) -> Kind {
    match info.dtype {
        Dtype::F16 => Kind::F16,
        Dtype::BF16 => Kind::BF16,
        Dtype::F32 => Kind::F32,
        Dtype::F64 => Kind::F64,
        Dtype::I8 | Dtype::I16 | Dtype::I32 | Dtype::I64 => Kind::I64,
        Dtype::U8 | Dtype::U16 | Dtype::U32 | Dtype::U64 => Kind::U64,
        _ => Kind::Other,
    }
}

/// Whether a tensor is what PyTorch keeps in place of a weight: of a weight norm, a pruned layer, or another parametrisation.
fn is_reparametrised(name: &str) -> bool {
    let end = name.rsplit('.').next().unwrap_or(name);
    ["weight_g", "weight_v", "weight_orig"].contains(&end)
        || name.contains(".parametrizations.weight.")
}

fn listed(names: &[String]) -> String {
    let list: Vec<String> = names.iter().take(20).map(|name| shown(name)).collect();
    let more = if names.len() > 20 { ", ..." } else { "" };
    format!("{}{more}", list.join(", "))
}

/// A name in its parts, and whether each is a number.
fn parts(text: &str) -> Vec<(bool, String)> {
    let mut parts: Vec<(bool, String)> = Vec::new();
    for c in text.chars() {
        match parts.last_mut() {
            Some((digits, part)) if *digits == c.is_ascii_digit() => part.push(c),
            _ => parts.push((c.is_ascii_digit(), c.into())),
        }
    }
    parts
}

/// Whether two names differ by a number first.
fn is_numbered(a: &str, b: &str) -> bool {
    let (left, right) = (parts(a), parts(b));
    let differs = left.iter().zip(&right).find(|(left, right)| left != right);
    differs.is_some_and(|((left, _), (right, _))| *left && *right)
}

/// Names as a reader orders them: numbers by their size, `layer10` after `layer9`.
fn natural(a: &str, b: &str) -> Ordering {
    let (left, right) = (parts(a), parts(b));
    for ((digits, left), (other, right)) in left.iter().zip(&right) {
        let trimmed = |text: &str| text.trim_start_matches('0').to_owned();
        let order = if *digits && *other {
            let (left, right) = (trimmed(left), trimmed(right));
            left.len().cmp(&right.len()).then_with(|| left.cmp(&right))
        } else {
            left.cmp(right)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_as_a_reader_does() {
        let mut names = ["fc10", "fc2", "fc1", "body.3.fc", "body.12.fc", "out", "fc"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(
            names,
            ["body.3.fc", "body.12.fc", "fc", "fc1", "fc2", "fc10", "out"]
        );
    }
}
