//! All that a run depends on, as the page's address holds it; clamped to what the page can show.

use pushpull_core::Init;
use pushpull_core::blocks::{Activation, Loss};
use pushpull_train::{Mode, Optimiser};
use serde::{Deserialize, Serialize};

use crate::feature::Feature;
use crate::points::Kind;

/// The largest number of hidden layers.
pub const LAYERS: usize = 6;
/// The largest number of neurons of a hidden layer.
pub const NEURONS: usize = 8;
/// The largest batch.
pub const BATCH: usize = 30;
/// Characters of a formula that are looked at.
const FORMULA: usize = 200;

/// A hidden layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    /// 1 to 8.
    pub neurons: usize,
    /// A name of [`Activation`].
    pub activation: String,
}

/// The settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    /// A name of [`Kind`].
    pub data: String,
    /// The label as a formula in x1 and x2, for the data set `formula`.
    pub formula: String,
    /// Per cent.
    pub noise: f64,
    /// Per cent of the samples that are trained on.
    pub share: f64,
    /// Samples of a block.
    pub batch: usize,
    /// Of the data, the parameters and the shuffles.
    pub seed: u32,
    /// Names of [`Feature`].
    pub features: Vec<String>,
    /// Hidden layers.
    pub layers: Vec<Layer>,
    /// The activation after the last layer.
    pub output: String,
    /// A name of [`Loss`].
    pub loss: String,
    /// `glorot`, `he`, `uniform` or `zeros`.
    pub init: String,
    /// `sgd`, `momentum` or `adam`.
    pub optimiser: String,
    /// The learning rate.
    pub rate: f64,
    /// Weights come nearer to 0 by rate l1 a step, and stay there.
    pub l1: f64,
    /// Weights shrink by 1 - rate l2 a step.
    pub l2: f64,
    /// How the gradient of a step is computed: a name of [`Mode`].
    pub mode: String,
}

impl Default for Settings {
    /// The spiral by 2-8-8-1.
    fn default() -> Self {
        let layer = || Layer {
            neurons: 8,
            activation: "tanh".into(),
        };
        Self {
            data: "spiral".into(),
            formula: "x1 * x2 > 0".into(),
            noise: 0.0,
            share: 50.0,
            batch: 10,
            seed: 1,
            features: vec!["x1".into(), "x2".into()],
            layers: vec![layer(), layer()],
            output: "identity".into(),
            loss: "sigmoid-cross-entropy".into(),
            init: "glorot".into(),
            optimiser: "adam".into(),
            rate: 0.01,
            l1: 0.0,
            l2: 0.0,
            mode: "reverse".into(),
        }
    }
}

/// The activations that the page offers.
pub const ACTIVATIONS: [&str; 11] = [
    "tanh",
    "sigmoid",
    "relu",
    "leaky-relu",
    "elu",
    "softplus",
    "silu",
    "gelu",
    "sin",
    "square",
    "identity",
];

impl Settings {
    /// The same within the page's bounds, and a word for every setting that was not.
    #[must_use]
    pub fn clamped(mut self) -> (Self, Vec<String>) {
        let (usual, mut words) = (Self::default(), Vec::new());
        let mut known = |name: &str, value: &mut String, choices: &[&str], usual: &str| {
            if !choices.contains(&value.as_str()) {
                let came: String = value.chars().take(20).map(plain).collect();
                words.push(format!(
                    "{name}: \u{201c}{came}\u{201d} is none of {}; {usual} is used",
                    choices.join(", ")
                ));
                *value = usual.to_owned();
            }
        };
        known("data", &mut self.data, &Kind::NAMES, &usual.data);
        let losses = [
            "squared-error",
            "sigmoid-cross-entropy",
            "softmax-cross-entropy",
        ];
        known("loss", &mut self.loss, &losses, &usual.loss);
        known(
            "init",
            &mut self.init,
            &["glorot", "he", "uniform", "zeros"],
            &usual.init,
        );
        known(
            "optimiser",
            &mut self.optimiser,
            &["sgd", "momentum", "adam"],
            &usual.optimiser,
        );
        known(
            "output",
            &mut self.output,
            &["identity", "tanh"],
            &usual.output,
        );
        let modes = ["reverse", "forward", "structured", "forward-gradient"];
        known("mode", &mut self.mode, &modes, &usual.mode);
        for layer in &mut self.layers {
            known("activation", &mut layer.activation, &ACTIVATIONS, "tanh");
        }
        let mut within = |name: &str, value: &mut f64, low: f64, high: f64| {
            let near = if value.is_finite() {
                value.clamp(low, high)
            } else {
                low
            };
            if near.to_bits() != value.to_bits() && near != *value {
                words.push(format!(
                    "{name}: {value} lies outside {low} to {high}; {near} is used"
                ));
                *value = near;
            }
        };
        within("noise", &mut self.noise, 0.0, 50.0);
        within("share", &mut self.share, 10.0, 90.0);
        within("rate", &mut self.rate, 1e-5, 10.0);
        within("l1", &mut self.l1, 0.0, 10.0);
        within("l2", &mut self.l2, 0.0, 10.0);
        let mut counted = |name: &str, value: &mut usize, low: usize, high: usize| {
            let near = (*value).clamp(low, high);
            if near != *value {
                words.push(format!(
                    "{name}: {value} lies outside {low} to {high}; {near} is used"
                ));
                *value = near;
            }
        };
        counted("batch", &mut self.batch, 1, BATCH);
        for layer in &mut self.layers {
            counted("neurons", &mut layer.neurons, 1, NEURONS);
        }
        if self.layers.len() > LAYERS {
            words.push(format!(
                "layers: {} are more than {LAYERS}; the first {LAYERS} are used",
                self.layers.len()
            ));
            self.layers.truncate(LAYERS);
        }
        let asked = self.features.len();
        let named = Feature::ALL
            .iter()
            .filter(|f| self.features.iter().any(|name| name == f.name()));
        self.features = named.map(|f| f.name().to_owned()).collect();
        if self.features.len() != asked {
            words.push("features: names that are none of x1, x2, x1^2, x2^2, x1x2, sin(x1), sin(x2) are left out".into());
        }
        if self.features.is_empty() {
            words.push("features: at least one is needed; x1 is used".into());
            self.features.push("x1".into());
        }
        if self.formula.chars().count() > FORMULA {
            words.push(format!(
                "formula: longer than {FORMULA} characters; the rest is cut"
            ));
            self.formula = self.formula.chars().take(FORMULA).collect();
        }
        (self, words)
    }

    /// The activations of the hidden layers.
    pub fn activations(&self) -> Vec<Activation> {
        self.layers
            .iter()
            .map(|layer| layer.activation.parse().unwrap_or(Activation::Tanh))
            .collect()
    }

    /// The loss.
    pub fn loss(&self) -> Loss {
        self.loss.parse().unwrap_or(Loss::SquaredError)
    }

    /// How weights start.
    pub fn init(&self) -> Init {
        match self.init.as_str() {
            "he" => Init::He,
            "uniform" => Init::Uniform(0.5),
            "zeros" => Init::Uniform(0.0),
            _ => Init::Glorot,
        }
    }

    /// The step from a gradient.
    pub fn optimiser(&self) -> Optimiser {
        match self.optimiser.as_str() {
            "sgd" => Optimiser::sgd(self.rate),
            "momentum" => Optimiser::momentum(self.rate, 0.9),
            _ => Optimiser::adam(self.rate),
        }
    }

    /// How a gradient is computed.
    pub fn mode(&self) -> Mode {
        self.mode.parse().unwrap_or_default()
    }
}

/// A character that a page shows as it is.
fn plain(c: char) -> char {
    if c.is_control() { '\u{fffd}' } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_settings_lie_within_the_bounds() {
        let (same, words) = Settings::default().clamped();
        assert_eq!((same, words), (Settings::default(), vec![]));
    }

    #[test]
    fn hostile_settings_are_clamped_each_with_a_word() {
        let hostile = Settings {
            data: "<script>\u{7}".into(),
            noise: f64::NAN,
            share: -5.0,
            batch: usize::MAX,
            features: vec!["x9".into()],
            layers: vec![
                Layer {
                    neurons: 0,
                    activation: "rleu".into()
                };
                9
            ],
            rate: f64::INFINITY,
            formula: "x".repeat(10_000),
            ..Settings::default()
        };
        let (near, words) = hostile.clamped();
        assert_eq!(
            (near.data.as_str(), near.noise, near.share, near.batch),
            ("spiral", 0.0, 10.0, BATCH)
        );
        assert_eq!(
            (
                near.layers.len(),
                near.layers[0].neurons,
                near.features.len()
            ),
            (LAYERS, 1, 1)
        );
        assert!(
            words.len() >= 8
                && words
                    .iter()
                    .all(|word| !word.contains('\n') && word.len() < 300),
            "{words:?}"
        );
        assert_eq!(near.clone().clamped(), (near, vec![]));
    }
}
