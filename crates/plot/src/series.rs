//! What a line chart shows: series of points, joined or not, and bands between two heights.

use super::{Colour, Dash, Dtype, Marker, Mode};

/// Of a line of more points than this, not every one is marked: marks that touch hide the lines below.
const EVERY_MARK: usize = 40;
/// About how many marks such a line keeps.
const MARKS: usize = 12;

/// Points, joined in the order given unless [scattered](Series::scattered).
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The legend's words. Series of the same name share an entry of the legend.
    pub name: String,
    /// A second, smaller line of the legend, e.g. the fitted slope.
    pub remark: Option<String>,
    /// `(x, y)` in the axes' units.
    pub points: Vec<(f64, f64)>,
    /// An error bar of each point, from its lower to its upper end, e.g. quartiles; empty for none.
    pub bars: Vec<(f64, f64)>,
    /// The colour; `None` takes the palette's next.
    pub colour: Option<Colour>,
    /// The mark at each point; `None` takes the next shape.
    pub marker: Option<Marker>,
    /// Whether marks are only outlined: for what was not measured.
    pub hollow: bool,
    /// Which points are marked: every so many, and the first of them; `None` marks all, or about a dozen of many.
    pub marked: Option<(usize, usize)>,
    /// How the line is drawn.
    pub dash: Dash,
    /// Whether there is a line at all.
    pub joined: bool,
    /// Columns from 0 to each point instead of a line, so wide in the unit of the x axis: a histogram.
    pub columns: Option<f64>,
    /// Pixels by which all is moved to the right, so that points at one place are told apart.
    pub nudge: f64,
    /// Whether it is a guide: thin, above the marks, and not one of the lines of which an axis holds
    /// [few](super::MOST_LINES).
    pub guide: bool,
    /// Whether it goes on a line that is there already, and is not one more.
    pub continued: bool,
}

impl Series {
    /// A drawn-through series in the palette's next colour.
    pub fn new(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.into(),
            remark: None,
            points,
            bars: Vec::new(),
            colour: None,
            marker: None,
            hollow: false,
            marked: None,
            dash: Dash::Solid,
            joined: true,
            columns: None,
            nudge: 0.0,
            guide: false,
            continued: false,
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

    /// A thin dotted grey line without marks, e.g. "slope 1".
    pub fn guide(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self {
            colour: Some(Colour::GREY),
            marker: Some(Marker::None),
            dash: Dash::Dotted,
            guide: true,
            ..Self::new(name, points)
        }
    }

    /// Adds the legend's second line.
    pub fn remark(mut self, remark: impl Into<String>) -> Self {
        self.remark = Some(remark.into());
        self
    }

    /// Adds an error bar to each point, from its lower to its upper end.
    pub fn bars(mut self, bars: Vec<(f64, f64)>) -> Self {
        self.bars = bars;
        self
    }

    /// Gives it a mode's colour and mark.
    pub fn mode(self, mode: Mode) -> Self {
        self.colour(mode.colour()).marker(mode.marker())
    }

    /// Gives it a precision's line.
    pub fn dtype(self, dtype: Dtype) -> Self {
        self.dash(dtype.dash())
    }

    /// Draws it as what was predicted, counted or computed and not measured: outlined marks and a dotted line.
    pub fn predicted(mut self) -> Self {
        self.hollow = true;
        self.dash(Dash::Dotted)
    }

    /// Says that it goes on a line of the same mode: what of it was predicted and not measured.
    pub fn continued(mut self) -> Self {
        self.continued = true;
        self
    }

    /// Chooses the colour. Modes have [one each](Series::mode).
    pub fn colour(mut self, colour: Colour) -> Self {
        self.colour = Some(colour);
        self
    }

    /// Chooses the mark.
    pub fn marker(mut self, marker: Marker) -> Self {
        self.marker = Some(marker);
        self
    }

    /// Marks one point in `every`, from point `first` on: of lines that run together each shows its own marks.
    pub fn marked(mut self, every: usize, first: usize) -> Self {
        self.marked = Some((every.max(1), first));
        self
    }

    /// Chooses the kind of line.
    pub fn dash(mut self, dash: Dash) -> Self {
        self.dash = dash;
        self
    }

    /// Moves all of it to the right by so many pixels.
    pub fn nudged(mut self, pixels: f64) -> Self {
        self.nudge = pixels;
        self
    }

    /// Leaves the line away: points that have no order, e.g. a network each.
    pub fn scattered(mut self) -> Self {
        self.joined = false;
        self
    }

    /// What the axes have to reach: the points, the ends of bars, and the feet and sides of columns.
    pub(super) fn reach(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let half = self.columns.unwrap_or(0.0) / 2.0;
        let points = self.points.iter().flat_map(move |&(x, y)| {
            let foot = if half > 0.0 { 0.0 } else { y };
            [(x - half, foot), (x + half, y)]
        });
        let bars = self.points.iter().zip(&self.bars);
        points.chain(bars.flat_map(|(&(x, _), &(low, high))| [(x, low), (x, high)]))
    }

    /// The points that are marked. Of a long line each of several series marks others.
    pub(super) fn marks(&self, index: usize) -> impl Iterator<Item = (f64, f64)> + '_ {
        let many = self.joined && self.points.len() > EVERY_MARK;
        let (every, first) = self.marked.unwrap_or(if many {
            let every = self.points.len().div_ceil(MARKS);
            (every, (every / 2 + 2 * index) % every)
        } else {
            (1, 0)
        });
        self.points.iter().skip(first).step_by(every).copied()
    }

    pub(super) fn look(&self, index: usize) -> Look {
        Look {
            colour: self.colour.unwrap_or_else(|| Colour::of_series(index)),
            marker: self.marker.unwrap_or_else(|| Marker::of_series(index)),
            hollow: self.hollow,
            dash: self.dash,
            width: match self.guide {
                _ if !self.joined => 0.0,
                true => 1.8,
                false => 2.5,
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
    pub hollow: bool,
    pub dash: Dash,
    /// Of the line; 0 for points that are not joined.
    pub width: f64,
}
