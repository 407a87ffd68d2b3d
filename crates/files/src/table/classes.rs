//! The classes that a table's target tells, by number or by name.

use pushpull_core::blocks::Loss;

use crate::Sample;
use crate::words::shown;

/// What was expected, what came, and a remedy.
type Refused = (String, String, &'static str);

/// What the classes of a table are, as far as it has been read.
pub(super) enum Classes {
    /// No sample has come yet.
    Unknown,
    Numbers,
    /// Words, numbered in the order in which they came; `known`: by somebody else, once and for all.
    Words {
        words: Vec<String>,
        known: bool,
    },
}

impl Classes {
    /// Before the first sample; `known`: the names by number.
    pub(super) fn new(known: Option<&[String]>) -> Self {
        match known {
            Some(words) => Self::Words {
                words: words.to_vec(),
                known: true,
            },
            None => Self::Unknown,
        }
    }

    /// The names by number; none where numbers were read.
    pub(super) fn names(self) -> Vec<String> {
        match self {
            Self::Words { words, .. } => words,
            _ => Vec::new(),
        }
    }

    /// Whether a target is one of some classes, which words may name.
    pub(super) fn are_read(&mut self, sample: &Sample, value: Option<f64>) -> bool {
        match sample.loss() {
            Loss::SoftmaxCrossEntropy => true,
            // Of two classes the words are 0 and 1; numbers are read as they are.
            Loss::SigmoidCrossEntropy if sample.outputs() == 1 => {
                if let (Self::Unknown, Some(_)) = (&*self, value) {
                    *self = Self::Numbers;
                }
                !matches!(self, Self::Numbers)
            }
            _ => false,
        }
    }

    /// The number of the class that a field tells.
    pub(super) fn number(
        &mut self,
        sample: &Sample,
        field: &str,
        value: Option<f64>,
    ) -> Result<usize, Refused> {
        let binary = sample.loss() == Loss::SigmoidCrossEntropy;
        let most = if binary { 2 } else { sample.outputs() };
        let remedy = "correct the field or remove the line";
        if let Self::Unknown = self {
            *self = match value {
                Some(_) => Self::Numbers,
                None => Self::Words {
                    words: Vec::new(),
                    known: false,
                },
            };
        }
        let Self::Words { words, known } = self else {
            let Some(value) = value else {
                let expected = "a class by its number, as in the lines before";
                return Err((expected.into(), shown(field), remedy));
            };
            if value >= 0.0 && value < most as f64 && value.fract() == 0.0 {
                return Ok(value as usize);
            }
            let (expected, remedy) = match binary {
                true => sample.domain(),
                false => (
                    format!("a class, 0 to {}", most - 1),
                    "number the classes from 0, or give more outputs with --layers",
                ),
            };
            return Err((expected, value.to_string(), remedy));
        };
        // Somebody else's names may be more than there are classes here.
        if let Some(class) = words.iter().take(most).position(|word| word == field) {
            return Ok(class);
        }
        if *known || words.len() == most {
            let list: Vec<String> = words.iter().take(20).map(|word| shown(word)).collect();
            let expected = format!("one of {most} classes: {}", list.join(", "));
            let remedy = if *known {
                "these are the classes of the weights"
            } else {
                "correct the field, or give more outputs with --layers"
            };
            return Err((expected, shown(field), remedy));
        }
        if value.is_some() {
            let expected = "a class by its name, as in the lines before";
            return Err((expected.into(), shown(field), remedy));
        }
        words.push(field.to_owned());
        Ok(words.len() - 1)
    }
}
