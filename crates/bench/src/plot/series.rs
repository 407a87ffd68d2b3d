//! What a line chart shows: series of points, joined or not, and bands between two heights.

use super::{Colour, Marker};

/// Points, joined in the order given unless [scattered](Series::scattered).
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The legend's words.
    pub name: String,
    /// A second, smaller line of the legend, e.g. the fitted slope.
    pub remark: Option<String>,
    /// `(x, y)` in the axes' units.
    pub points: Vec<(f64, f64)>,
    /// The colour; `None` takes the palette's next.
    pub colour: Option<Colour>,
    /// The mark at each point; `None` takes the next shape.
    pub marker: Option<Marker>,
    /// Whether the line is dashed.
    pub dashed: bool,
    /// Whether there is a line at all.
    pub joined: bool,
}

impl Series {
    /// A drawn-through series in the palette's next colour.
    pub fn new(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.into(),
            remark: None,
            points,
            colour: None,
            marker: None,
            dashed: false,
            joined: true,
        }
    }

    /// A thin dashed grey line without marks, e.g. "slope 1".
    pub fn guide(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self {
            colour: Some(Colour::GREY),
            marker: Some(Marker::None),
            dashed: true,
            ..Self::new(name, points)
        }
    }

    /// Adds the legend's second line.
    pub fn remark(mut self, remark: impl Into<String>) -> Self {
        self.remark = Some(remark.into());
        self
    }

    /// Chooses the colour, e.g. one for each mode in all pictures.
    pub fn colour(mut self, colour: Colour) -> Self {
        self.colour = Some(colour);
        self
    }

    /// Chooses the mark.
    pub fn marker(mut self, marker: Marker) -> Self {
        self.marker = Some(marker);
        self
    }

    /// Dashes the line.
    pub fn dashed(mut self) -> Self {
        self.dashed = true;
        self
    }

    /// Leaves the line away: points that have no order, e.g. a measurement each.
    pub fn scattered(mut self) -> Self {
        self.joined = false;
        self
    }

    pub(super) fn look(&self, index: usize) -> Look {
        Look {
            colour: self.colour.unwrap_or_else(|| Colour::of_series(index)),
            marker: self.marker.unwrap_or_else(|| Marker::of_series(index)),
            dash: self.dashed.then_some(7.0),
            width: match self.marker {
                _ if !self.joined => 0.0,
                Some(Marker::None) => 1.5,
                _ => 2.5,
            },
        }
    }
}

/// A shaded strip over the whole width, e.g. "the lecture's 3x-4x".
#[derive(Clone, Debug, PartialEq)]
pub struct Band {
    /// The legend's words.
    pub label: String,
    /// Lower edge in the unit of the y axis.
    pub low: f64,
    /// Upper edge.
    pub high: f64,
}

impl Band {
    /// The strip from `low` to `high`; either order is accepted.
    pub fn new(label: impl Into<String>, low: f64, high: f64) -> Self {
        let (low, high) = if high < low { (high, low) } else { (low, high) };
        Self {
            label: label.into(),
            low,
            high,
        }
    }
}

/// A series as it is drawn, in the plot and in the legend alike.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub colour: Colour,
    pub marker: Marker,
    pub dash: Option<f64>,
    /// Of the line; 0 for points that are not joined.
    pub width: f64,
}
