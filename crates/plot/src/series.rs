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
    /// Columns from 0 to each point instead of a line, so wide in the unit of the x axis: a histogram.
    pub columns: Option<f64>,
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
            columns: None,
        }
    }

    /// A histogram: how many `values` lie in each of `bins` equal parts of `low..=high`. A value outside counts in the
    /// first or last part, so that the counts add up to the number of values; NaN counts nowhere.
    ///
    /// ```
    /// use pushpull_plot::Series;
    /// let series = Series::histogram("losses", &[0.1, 0.9, 0.95, 7.0], (0.0, 1.0), 2);
    /// assert_eq!(series.points, [(0.25, 1.0), (0.75, 3.0)]);
    /// ```
    pub fn histogram(
        name: impl Into<String>,
        values: &[f64],
        (low, high): (f64, f64),
        bins: usize,
    ) -> Self {
        let bins = bins.max(1);
        let width = (high - low) / bins as f64;
        let mut counts = vec![0.0; bins];
        for value in values.iter().filter(|value| !value.is_nan()) {
            // Saturates at both ends.
            let bin = ((value - low) / width).floor().max(0.0) as usize;
            counts[bin.min(bins - 1)] += 1.0;
        }
        let middle = |i: usize| low + (i as f64 + 0.5) * width;
        let points = counts.iter().enumerate().map(|(i, &n)| (middle(i), n));
        Self {
            columns: Some(width),
            joined: false,
            marker: Some(Marker::None),
            ..Self::new(name, points.collect())
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

    /// What the axes have to reach: the points, and the feet and sides of columns.
    pub(super) fn reach(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let half = self.columns.unwrap_or(0.0) / 2.0;
        self.points.iter().flat_map(move |&(x, y)| {
            let foot = if half > 0.0 { 0.0 } else { y };
            [(x - half, foot), (x + half, y)]
        })
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
