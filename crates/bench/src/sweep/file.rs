//! `benches/cost.toml`, read: a typo in a key is an error that names the key, and so is a value that cannot be run.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};

use pushpull_core::blocks::{Activation, Loss};
use pushpull_forward_mode::Chunk;
use serde::Deserialize;
use toml::Spanned;

use super::{Shape, Sweeps, depth, directions, outputs, width};
use crate::cell::Cell;
use crate::grid::{Against, Grid, chart};

/// Layers of a deep network, at most.
const MOST_DEPTH: usize = 10_000;
use crate::job::Task;
use crate::record::{Dtype, Mode, Sweep};

/// Why a file says no sweeps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// The file cannot be read.
    #[error("{file}: expected a file of sweeps, got {detail}; restore it from the repository", file = .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// A key that there is none of, or a value that it cannot have.
    #[error("{file}, line {line}: {key}: {detail}; the comments in benches/cost.toml say what each key takes", file = .file.display())]
    Entry {
        /// The file.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
        /// The key as it is written there.
        key: String,
        /// What was expected, and what came.
        detail: String,
    },
}

type Counts = Spanned<Vec<NonZeroUsize>>;

/// Samples, at the most, that the data set has.
const SAMPLES: usize = 1_797;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    width: Vec<Width>,
    #[serde(default)]
    depth: Vec<Depth>,
    #[serde(default)]
    outputs: Vec<Outputs>,
    #[serde(default)]
    directions: Vec<Directions>,
    #[serde(default)]
    networks: Vec<Networks>,
    #[serde(default)]
    quick: Option<Box<File>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Width {
    widths: Counts,
    batches: Counts,
    dtypes: Spanned<Vec<Dtype>>,
    modes: Modes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Depth {
    depths: Counts,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Outputs {
    inputs: Counts,
    outputs: Counts,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Directions {
    widths: Counts,
    batch: Spanned<NonZeroUsize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Networks {
    layers: Spanned<Vec<Vec<NonZeroUsize>>>,
    activation: Spanned<String>,
    loss: Spanned<String>,
    batches: Counts,
    dtypes: Spanned<Vec<Dtype>>,
    modes: Modes,
}

type Modes = Spanned<Vec<Spanned<String>>>;

/// Reads the cells of a file.
pub(super) fn read(path: &Path) -> Result<Sweeps, SweepError> {
    let text = std::fs::read_to_string(path).map_err(|error| SweepError::File {
        file: path.into(),
        detail: error.to_string(),
    })?;
    let source = Source { path, text: &text };
    let file: File = toml::from_str(&text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        source.fault(span, error.message().replace('\n', " "))
    })?;
    let quick = file.quick.as_deref();
    if quick.is_some_and(|quick| quick.quick.is_some()) {
        let at = text.find("quick.quick").unwrap_or(0);
        let detail = "expected a sweep's name after quick, got quick again".into();
        return Err(source.fault(at..at, detail));
    }
    Ok(Sweeps {
        full: source.cells(&file)?,
        quick: quick.map_or(Ok(Vec::new()), |quick| source.cells(quick))?,
    })
}

/// A file's text, for what is wrong in it.
struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    /// What is wrong at a place, with its line and key.
    fn fault(&self, span: Range<usize>, detail: String) -> SweepError {
        let before = self.text.get(..span.start).unwrap_or_default();
        let line = before.matches('\n').count();
        // A value may be several lines below its key.
        let lines: Vec<&str> = self.text.lines().collect();
        let upwards = lines.iter().take(line + 1).rev();
        let key = upwards
            .map(|line| line.trim())
            .find_map(|line| match line.split_once('=') {
                _ if line.starts_with('#') => None,
                Some((key, _)) => Some(key.trim().to_owned()),
                None if line.starts_with('[') && line.ends_with(']') && !line.contains(',') => {
                    Some(line.to_owned())
                }
                None => None,
            });
        SweepError::Entry {
            file: self.path.into(),
            line: line + 1,
            key: key.unwrap_or_else(|| "the file".into()),
            detail,
        }
    }

    fn cells(&self, file: &File) -> Result<Vec<Cell>, SweepError> {
        let mut cells = Vec::new();
        for table in &file.width {
            let tasks = self.tasks(&table.modes)?;
            let (widths, batches) = (self.counts(&table.widths)?, self.counts(&table.batches)?);
            let dtypes = self.some(&table.dtypes)?;
            self.samples(table.batches.span(), &batches)?;
            cells.extend(width(&widths, &batches, dtypes, tasks));
        }
        for table in &file.depth {
            let depths = self.counts(&table.depths)?;
            if let Some(deep) = depths.iter().find(|&&depth| depth > MOST_DEPTH) {
                let detail = format!("expected at most {MOST_DEPTH} layers, got {deep}");
                return Err(self.fault(table.depths.span(), detail));
            }
            cells.extend(depth(&depths));
        }
        for table in &file.outputs {
            let (inputs, sizes) = (self.counts(&table.inputs)?, self.counts(&table.outputs)?);
            cells.extend(outputs(&inputs, &sizes));
        }
        for table in &file.directions {
            let widths = self.counts(&table.widths)?;
            let batch = table.batch.get_ref().get();
            self.samples(table.batch.span(), &[batch])?;
            cells.extend(directions(&widths, batch));
        }
        for table in &file.networks {
            cells.extend(self.networks(table)?);
        }
        Ok(cells)
    }

    /// The user's own networks.
    fn networks(&self, table: &Networks) -> Result<Vec<Cell>, SweepError> {
        let fault = |span: Range<usize>, expected: &str, got: String| {
            Err(self.fault(span, format!("expected {expected}, got {got}")))
        };
        let mut networks: Vec<Vec<usize>> = Vec::new();
        for widths in self.some(&table.layers)? {
            if widths.len() < 2 {
                let expected = "networks of at least two widths, the inputs first";
                return fault(table.layers.span(), expected, widths.len().to_string());
            }
            networks.push(widths.iter().map(|width| width.get()).collect());
        }
        let activation = match table.activation.get_ref().parse::<Activation>() {
            Ok(activation) => activation,
            Err(_) => {
                let expected = Activation::ALL.map(Activation::name).join(", ");
                let got = format!("{:?}", table.activation.get_ref());
                return fault(table.activation.span(), &format!("one of {expected}"), got);
            }
        };
        let loss = match table.loss.get_ref().parse::<Loss>() {
            Ok(loss) => loss,
            Err(_) => {
                let expected = Loss::ALL.map(Loss::name).join(", ");
                let got = format!("{:?}", table.loss.get_ref());
                return fault(table.loss.span(), &format!("one of {expected}"), got);
            }
        };
        let grid = Grid {
            networks,
            batches: self.counts(&table.batches)?,
            dtypes: self.some(&table.dtypes)?.to_vec(),
        };
        let modes = table.modes.get_ref().iter().map(|mode| &mode.get_ref()[..]);
        let modes: Vec<&str> = modes.collect();
        let against = grid.varies().unwrap_or(Against::Params);
        let sketch = chart::sketch(&grid, &modes, against).and_then(|page| page.svg());
        if let Err(crowded) = sketch {
            let expected = "networks and batches that a picture has room for";
            return fault(table.layers.span(), expected, crowded.to_string());
        }
        let shape = Shape {
            sweep: Sweep::Networks,
            activation,
            loss: Some(loss),
            tasks: self.tasks(&table.modes)?,
        };
        Ok(shape.cells(&grid))
    }

    /// A list with something in it.
    fn some<'v, V>(&self, list: &'v Spanned<Vec<V>>) -> Result<&'v [V], SweepError> {
        match &list.get_ref()[..] {
            [] => Err(self.fault(list.span(), "expected at least one value, got none".into())),
            values => Ok(values),
        }
    }

    fn counts(&self, list: &Counts) -> Result<Vec<usize>, SweepError> {
        let counts = self.some(list)?.iter();
        Ok(counts.map(|count| count.get()).collect())
    }

    /// Refuses batches that the data set has too few samples for.
    fn samples(&self, span: Range<usize>, batches: &[usize]) -> Result<(), SweepError> {
        match batches.iter().find(|&&batch| batch > SAMPLES) {
            Some(batch) => {
                let expected = format!("at most the {SAMPLES} samples of digits");
                Err(self.fault(span, format!("expected {expected}, got {batch}")))
            }
            None => Ok(()),
        }
    }

    fn tasks(&self, modes: &Modes) -> Result<Vec<Task>, SweepError> {
        let task = |mode: &Spanned<String>| {
            let name = &mode.get_ref()[..];
            task(name).ok_or_else(|| {
                let expected = "reverse, forward, forward-full, forward-structured, jvp or vjp";
                self.fault(mode.span(), format!("expected {expected}, got {name:?}"))
            })
        };
        self.some(modes)?.iter().map(task).collect()
    }
}

/// A mode by its name.
fn task(name: &str) -> Option<Task> {
    Some(match name {
        "reverse" => Task::new(Mode::Reverse),
        "forward" => Task::new(Mode::Forward),
        "forward-full" => Task::forward(Chunk::Full),
        "forward-structured" => Task::new(Mode::ForwardStructured),
        "jvp" => Task::new(Mode::Jvp),
        "vjp" => Task::new(Mode::Vjp),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::{ALL, Extent, file};

    fn of(text: &str) -> Result<Sweeps, SweepError> {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("cost.toml");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    const OWN: &str = "\
[[networks]]
layers = [[64, 32, 10], [64, 64, 10]]
activation = \"relu\"
loss = \"softmax-cross-entropy\"
batches = [1, 8]
dtypes = [\"f32\"]
modes = [\"reverse\", \"forward-full\"]
";

    #[test]
    fn what_the_file_says_is_what_is_run() {
        let cells = of(OWN).unwrap().cells(Sweep::Networks, Extent::Full);
        let said: Vec<_> = cells
            .iter()
            .map(|cell| (cell.widths.clone(), cell.batch, cell.dtype))
            .collect();
        let (a, b) = (vec![64, 32, 10], vec![64, 64, 10]);
        assert_eq!(
            said,
            [
                (a.clone(), 1, Dtype::F32),
                (b.clone(), 1, Dtype::F32),
                (a, 8, Dtype::F32),
                (b, 8, Dtype::F32),
            ]
        );
        assert!(cells.iter().all(|cell| cell.activation == Activation::Relu
            && cell.loss == Some(Loss::SoftmaxCrossEntropy)
            && cell.tasks == [Task::new(Mode::Reverse), Task::forward(Chunk::Full)]));
        assert!(
            of(OWN)
                .unwrap()
                .cells(Sweep::Networks, Extent::Quick)
                .is_empty()
        );
    }

    /// The committed report was measured on these cells.
    #[test]
    fn the_repository_s_file_has_the_report_s_cells() {
        let sweeps = read(&file()).unwrap();
        let of = |sweep, extent| sweeps.cells(sweep, extent);
        let sizes = ALL.map(|sweep| of(sweep, Extent::Full).len());
        assert_eq!(sizes, [2 * 2 * (11 + 4), 6, 36, 4]);
        assert!(
            ALL.iter()
                .all(|&sweep| !of(sweep, Extent::Quick).is_empty())
        );
        let wide = of(Sweep::Width, Extent::Full);
        let wide: Vec<_> = wide.iter().filter(|cell| cell.widths[1] > 1333).collect();
        assert!(wide.len() == 16 && wide.iter().all(|cell| cell.tasks.len() == 2));
        let batches: Vec<usize> = of(Sweep::Directions, Extent::Full)
            .iter()
            .map(|cell| cell.batch)
            .collect();
        assert_eq!(batches, [32, 32, 32, 1]);
        let own = of(Sweep::Networks, Extent::Full);
        assert!(!own.is_empty());
    }

    #[test]
    fn a_slip_is_told_with_its_line_and_key() {
        let wide = "[[width]]\nwidths = [4]\nbatches = [1, 1798]\ndtypes = [\"f64\"]\nmodes = [\"reverse\"]\n";
        let many = of(wide).unwrap_err().to_string();
        assert!(
            many.contains("line 3: batches: expected at most the 1797"),
            "{many}"
        );
        for (from, to, line, key, words) in [
            ("batches", "bacthes", 5, "bacthes", "batches"),
            ("[1, 8]", "[0, 8]", 5, "batches", "nonzero"),
            ("[1, 8]", "[]", 5, "batches", "at least one"),
            ("[1, 8]", "8", 5, "batches", "sequence"),
            ("\"f32\"", "\"f16\"", 6, "dtypes", "f64"),
            ("\"relu\"", "\"rleu\"", 3, "activation", "relu"),
            ("softmax-cross", "cross", 4, "loss", "softmax-cross-entropy"),
            ("\"forward-full\"", "\"backward\"", 7, "modes", "reverse"),
            ("[64, 64, 10]", "[64]", 2, "layers", "two widths"),
            ("[[networks]]", "[[network]]", 1, "[[network]]", "networks"),
            (
                "loss = \"softmax-cross-entropy\"\n",
                "",
                1,
                "[[networks]]",
                "loss",
            ),
        ] {
            let fault = of(&OWN.replacen(from, to, 1)).unwrap_err();
            let said = fault.to_string();
            assert!(!said.contains('\n'), "{said}");
            let SweepError::Entry {
                line: at,
                key: named,
                detail,
                ..
            } = fault
            else {
                panic!("{said}");
            };
            assert!(named == key && detail.contains(words), "{to}: {said}");
            assert_eq!(at, line, "{to}: {said}");
        }
        let none = read(Path::new("none.toml")).unwrap_err();
        assert!(none.to_string().starts_with("none.toml: "));
    }
}
