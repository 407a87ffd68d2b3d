//! Kinds of lines.

/// How a line is drawn. In pictures with precisions, solid is f64 and dashed is f32 ([`Dtype::dash`](super::Dtype::dash));
/// what was not measured is dotted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dash {
    /// Drawn through.
    #[default]
    Solid,
    /// Long dashes.
    Dashed,
    /// Dots.
    Dotted,
    /// A dash and a dot in turn.
    DashDot,
}

impl Dash {
    /// Lengths in pixels, drawn and left out in turn; none for a line that is drawn through.
    pub(super) const fn pattern(self) -> &'static [f64] {
        match self {
            Self::Solid => &[],
            Self::Dashed => &[8.0, 8.0],
            Self::Dotted => &[2.5, 4.5],
            Self::DashDot => &[11.0, 5.0, 2.5, 5.0],
        }
    }
}
