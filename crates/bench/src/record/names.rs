//! The words of `cost.csv`: sweeps, modes, precisions, networks.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

macro_rules! names {
    ($(#[$doc:meta])* $kind:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum $kind {
            $($(#[$variant_doc])* #[serde(rename = $name)] $variant,)*
        }
        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Self::$variant => $name,)* })
            }
        }
    };
}

names! {
    /// What is varied.
    Sweep {
        /// Blocks of growing width.
        Width = "width",
        /// More and more blocks of equal width.
        Depth = "depth",
        /// From one output to many.
        Outputs = "outputs",
        /// One direction against all.
        Directions = "directions",
        /// Networks of the reader's own.
        Networks = "networks",
    }
}
names! {
    /// What is computed.
    Mode {
        /// The value alone.
        Primal = "primal",
        /// Value and gradient by pushing tangents.
        Forward = "forward",
        /// Value and gradient by pushing structured tangents.
        ForwardStructured = "forward-structured",
        /// Value and gradient: record, then adjoint.
        Reverse = "reverse",
        /// One directional derivative.
        Jvp = "jvp",
        /// One weighted sum of the outputs' gradients.
        Vjp = "vjp",
        /// The full Jacobian by pushing tangents.
        JacobianForward = "jacobian-forward",
        /// The full Jacobian, one adjoint sweep for each output.
        JacobianReverse = "jacobian-reverse",
    }
}
names! {
    /// The precision.
    Dtype {
        /// 4 bytes.
        F32 = "f32",
        /// 8 bytes.
        F64 = "f64",
    }
}
names! {
    /// Where the number of operations comes from.
    FlopsSource {
        /// Counted while running.
        Counted = "counted",
        /// Computed from the shapes, where counting would take too long.
        Formula = "formula",
    }
}

/// Widths from the input to the last block, written `64-128-10`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Layers(pub Vec<usize>);

impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<_> = self.0.iter().map(usize::to_string).collect();
        f.pad(&widths.join("-"))
    }
}

impl FromStr for Layers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let width = |w: &str| {
            w.parse()
                .ok()
                .filter(|w| *w > 0)
                .ok_or_else(|| format!("expected widths such as 64-128-10, got {text:.60?}"))
        };
        text.split('-')
            .map(width)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl Serialize for Layers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Layers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
