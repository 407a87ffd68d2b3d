//! What the network reads of a point of the plane.

/// A function of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// The first coordinate.
    X1,
    /// The second.
    X2,
    /// The square of the first.
    X1Squared,
    /// The square of the second.
    X2Squared,
    /// Their product.
    Product,
    /// The sine of the first.
    SinX1,
    /// The sine of the second.
    SinX2,
}

impl Feature {
    /// All seven.
    pub const ALL: [Self; 7] = [
        Self::X1,
        Self::X2,
        Self::X1Squared,
        Self::X2Squared,
        Self::Product,
        Self::SinX1,
        Self::SinX2,
    ];

    /// Its name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::X1 => "x1",
            Self::X2 => "x2",
            Self::X1Squared => "x1^2",
            Self::X2Squared => "x2^2",
            Self::Product => "x1x2",
            Self::SinX1 => "sin(x1)",
            Self::SinX2 => "sin(x2)",
        }
    }

    /// Its value at a point.
    pub fn at(self, [x1, x2]: [f64; 2]) -> f64 {
        match self {
            Self::X1 => x1,
            Self::X2 => x2,
            Self::X1Squared => x1 * x1,
            Self::X2Squared => x2 * x2,
            Self::Product => x1 * x2,
            Self::SinX1 => x1.sin(),
            Self::SinX2 => x2.sin(),
        }
    }

    /// Those of some names, in their own order.
    pub fn named(names: &[String]) -> Vec<Self> {
        Self::ALL
            .into_iter()
            .filter(|f| names.iter().any(|name| name == f.name()))
            .collect()
    }
}
