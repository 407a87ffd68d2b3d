//! The steps of a bracketing, as a tree.

use std::fmt;

use pushpull_core::Cost;

use crate::drawing::Drawing;

/// A step with the steps whose results it takes: the upper factor first. Its text is a line for each step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is done, with shapes.
    pub words: String,
    /// Its own flops and calls, for the whole batch; `None` where nothing is computed.
    pub cost: Option<Cost>,
    /// What it starts from.
    pub below: Vec<Step>,
}

impl Step {
    pub(crate) fn given(words: impl Into<String>) -> Self {
        Self {
            words: words.into(),
            cost: None,
            below: Vec::new(),
        }
    }

    fn drawing(&self) -> Drawing {
        let cost = self.cost.map_or(String::new(), |cost| format!(": {cost}"));
        Drawing {
            label: self.words.clone() + &cost,
            below: self.below.iter().map(Self::drawing).collect(),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.drawing().fmt(f)
    }
}
