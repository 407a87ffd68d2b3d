//! Samples: six shapes in the plane, a formula, or a table of the user's own.

use nalgebra::DMatrix;
use pushpull_core::blocks::Loss;
use pushpull_train::{Samples, Scaling};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::fault::{Fault, Result};
use crate::feature::Feature;
use crate::formula::Formula;
use crate::settings::Settings;

mod shape;
mod table;

use shape::shape;

/// The plane is shown from minus this to this, both ways.
pub const EXTENT: f64 = 6.0;
/// Samples of a shape.
const SHAPE: usize = 500;

/// Where samples come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A disc in a ring.
    Circle,
    /// Opposite quadrants.
    ExclusiveOr,
    /// Two clouds.
    Gauss,
    /// Two arms.
    Spiral,
    /// A slope, a number each.
    Plane,
    /// Hills and hollows, a number each.
    MultiGauss,
    /// The user's formula.
    Formula,
    /// The user's table, or digits.
    Table,
}

impl Kind {
    /// Their names.
    pub const NAMES: [&'static str; 8] = [
        "circle",
        "exclusive-or",
        "gauss",
        "spiral",
        "plane",
        "multi-gauss",
        "formula",
        "table",
    ];

    /// That of a name; the spiral of any other.
    pub fn named(name: &str) -> Self {
        let all = [
            Self::Circle,
            Self::ExclusiveOr,
            Self::Gauss,
            Self::Spiral,
            Self::Plane,
            Self::MultiGauss,
            Self::Formula,
            Self::Table,
        ];
        let found = Self::NAMES.iter().position(|known| *known == name);
        found.map_or(Self::Spiral, |k| all[k])
    }
}

/// What the labels are.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Task {
    /// A number each, from -1 to 1.
    Regression,
    /// The number of a class each.
    Classes {
        /// Their names.
        names: Vec<String>,
    },
}

/// Samples with their labels.
#[derive(Clone, Debug)]
pub struct Points {
    /// As they are shown: 2 x n in the plane, or a table's features x n.
    pub raw: DMatrix<f64>,
    /// A number each, or the number of a class.
    pub labels: Vec<f64>,
    /// What labels are.
    pub task: Task,
    /// Whether they lie in the plane.
    pub plane: bool,
    /// The names of a table's features.
    pub columns: Vec<String>,
}

impl Points {
    /// The samples of some settings.
    ///
    /// # Errors
    /// What is wrong with a formula or a table.
    pub fn new(settings: &Settings, table: Option<&str>) -> Result<Self> {
        let kind = Kind::named(&settings.data);
        if kind == Kind::Table {
            let Some(table) = table else {
                return Err(Fault(
                    "data: expected a table, got none; choose a file or paste one".into(),
                ));
            };
            return Self::table(table);
        }
        let mut rng = ChaCha8Rng::seed_from_u64(u64::from(settings.seed) ^ 0x706f_696e_7473);
        let noise = settings.noise / 100.0;
        let formula = match kind {
            Kind::Formula => Some(Formula::read(&settings.formula)?),
            _ => None,
        };
        let mut sample = |i: usize| shape(kind, i, noise, formula.as_ref(), &mut rng);
        let drawn: Vec<([f64; 2], f64)> = (0..SHAPE).map(&mut sample).collect();
        let classes = match (kind, &formula) {
            (Kind::Plane | Kind::MultiGauss, _) => false,
            (_, Some(formula)) => formula.compares,
            _ => true,
        };
        if let Some((point, label)) = drawn.iter().find(|(_, label)| !label.is_finite()) {
            let [x1, x2] = point;
            return Err(Fault(format!(
                "formula: expected a finite number everywhere, got {label} at x1 = {x1:.2}, x2 = {x2:.2}; avoid poles and roots of negative numbers"
            )));
        }
        let label = |label: f64| {
            if classes {
                f64::from(u8::from(label > 0.0))
            } else {
                label.clamp(-1.0, 1.0)
            }
        };
        Ok(Self {
            raw: DMatrix::from_fn(2, SHAPE, |i, j| drawn[j].0[i]),
            labels: drawn.iter().map(|(_, of)| label(*of)).collect(),
            task: if classes {
                Task::Classes {
                    names: vec!["-1".into(), "+1".into()],
                }
            } else {
                Task::Regression
            },
            plane: true,
            columns: Vec::new(),
        })
    }

    /// Samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// The loss that fits the labels, and a word where it is not the one asked for.
    pub fn loss(&self, asked: Loss) -> (Loss, Option<String>) {
        match (&self.task, asked) {
            (Task::Regression, Loss::SquaredError) => (asked, None),
            (Task::Regression, _) => (
                Loss::SquaredError,
                Some("loss: these labels are numbers, no classes; squared-error is used".into()),
            ),
            _ => (asked, None),
        }
    }

    /// Outputs of a network for these labels.
    pub fn outputs(&self, loss: Loss) -> usize {
        match &self.task {
            Task::Regression => 1,
            Task::Classes { names } if names.len() == 2 && loss != Loss::SoftmaxCrossEntropy => 1,
            Task::Classes { names } => names.len(),
        }
    }

    /// What a network reads: features of the plane, or a table's columns, standardised with the numbers of the training part.
    ///
    /// # Errors
    /// None that a checked table meets.
    pub fn inputs(&self, features: &[Feature], train: &[usize]) -> Result<DMatrix<f64>> {
        if self.plane {
            return Ok(features_of(&self.raw, features));
        }
        let part = DMatrix::from_fn(self.raw.nrows(), train.len(), |i, j| {
            self.raw[(i, train[j])]
        });
        Ok(Scaling::of(&part).apply(&self.raw)?)
    }

    /// Inputs with targets as a loss wants them.
    ///
    /// # Errors
    /// None that checked points meet.
    pub fn samples(&self, inputs: DMatrix<f64>, loss: Loss) -> Result<Samples> {
        let n_outputs = self.outputs(loss);
        let targets = DMatrix::from_fn(n_outputs, self.len(), |i, j| {
            let label = self.labels[j];
            match (&self.task, loss) {
                (Task::Regression, _) => label,
                (_, Loss::SquaredError) if n_outputs == 1 => 2.0 * label - 1.0,
                (_, _) if n_outputs == 1 => label,
                _ => f64::from(u8::from(label == i as f64)),
            }
        });
        Ok(Samples::new(inputs, targets)?)
    }
}

/// The features of points, a column each.
pub fn features_of(points: &DMatrix<f64>, features: &[Feature]) -> DMatrix<f64> {
    DMatrix::from_fn(features.len(), points.ncols(), |i, j| {
        features[i].at([points[(0, j)], points[(1, j)]])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(data: &str) -> Points {
        Points::new(
            &Settings {
                data: data.into(),
                ..Settings::default()
            },
            None,
        )
        .unwrap()
    }

    #[test]
    fn every_shape_has_both_classes_or_numbers_within_bounds() {
        for name in &Kind::NAMES[..7] {
            let points = of(name);
            let (low, high) = points
                .labels
                .iter()
                .fold((f64::MAX, f64::MIN), |(l, h), &x| (l.min(x), h.max(x)));
            assert!(
                low < high && low >= -1.0 && high <= 1.0,
                "{name}: {low} {high}"
            );
            assert!(points.raw.iter().all(|x| x.is_finite()), "{name}");
        }
        assert_eq!(of("circle").raw, of("circle").raw);
    }

    #[test]
    fn tables_are_read_and_faults_say_where() {
        let settings = Settings {
            data: "table".into(),
            ..Settings::default()
        };
        let table = |text: &str| Points::new(&settings, Some(text));
        let points = table("a,b,c,kind\n1,2,3,cat\n2,3,4,dog\n0,1,2,cat\n5,5,5,dog\n").unwrap();
        assert_eq!(
            (points.raw.shape(), points.labels.clone()),
            ((3, 4), vec![0.0, 1.0, 0.0, 1.0])
        );
        assert_eq!(points.columns, ["a", "b", "c"]);
        assert!(!points.plane && table("1,2,0.5\n3,4,0.7\n1,1,0.1\n2,2,0.2").unwrap().plane);
        let fault = table("1,2,0\n1,x,1\n1,2,0\n1,2,1\n")
            .unwrap_err()
            .to_string();
        assert!(fault.contains("row 2, column 2"), "{fault}");
        assert!(
            table("1\n2\n3\n4\n").is_err()
                && table("").is_err()
                && Points::new(&settings, None).is_err()
        );
        assert!(table("1,2\n1,2,3\n").is_err());
    }

    #[test]
    fn a_pole_of_a_formula_is_named() {
        let settings = Settings {
            data: "formula".into(),
            formula: "sqrt(x1)".into(),
            ..Settings::default()
        };
        assert!(
            Points::new(&settings, None)
                .unwrap_err()
                .to_string()
                .contains("finite number everywhere")
        );
    }
}
