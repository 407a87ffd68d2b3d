//! Lines of equal height, by marching squares.

use super::axis::Ruler;
use super::page::Page;
use super::series::Look;
use super::{Colour, Dash, Marker, PlotError, Scale};

/// Heights over a grid, and which of them are drawn as lines.
///
/// ```
/// use pushpull_plot::{Axis, Contours, LineChart, Series};
/// let axis: Vec<f64> = (-10..=10).map(f64::from).collect();
/// let bowl = Contours::over(axis.clone(), axis, vec![4.0, 25.0], |x, y| x * x + y * y);
/// let mut chart = LineChart::new("A bowl", Axis::linear("x"), Axis::linear("y"));
/// chart.series.push(Series::new("a path", vec![(9.0, 9.0), (0.0, 0.0)]));
/// chart.contours = Some(bowl.named("height"));
/// assert_eq!(chart.png()?[1..4], *b"PNG");
/// # Ok::<(), pushpull_plot::PlotError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Contours {
    /// The legend's words: quantity and unit.
    pub name: String,
    /// A second, smaller line of the legend, e.g. the levels.
    pub remark: Option<String>,
    /// The grid's columns, rising.
    pub x: Vec<f64>,
    /// The grid's rows, rising.
    pub y: Vec<f64>,
    /// Heights, row after row.
    pub heights: Vec<f64>,
    /// Where a line is drawn, rising; the lower, the darker.
    pub levels: Vec<f64>,
}

impl Contours {
    /// The contours of a function.
    pub fn over(
        x: Vec<f64>,
        y: Vec<f64>,
        levels: Vec<f64>,
        mut height: impl FnMut(f64, f64) -> f64,
    ) -> Self {
        let mut heights = Vec::with_capacity(x.len() * y.len());
        for &y in &y {
            heights.extend(x.iter().map(|&x| height(x, y)));
        }
        Self {
            name: "height".into(),
            remark: None,
            x,
            y,
            heights,
            levels,
        }
    }

    /// With the legend's words.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// With the legend's second line.
    pub fn remark(mut self, remark: impl Into<String>) -> Self {
        self.remark = Some(remark.into());
        self
    }

    pub(super) fn look(&self) -> Look {
        Look {
            colour: Colour::BLUE.towards(Colour::WHITE, 0.35),
            marker: Marker::None,
            hollow: false,
            dash: Dash::Solid,
            width: 1.5,
        }
    }

    pub(super) fn check(&self, picture: &str, scales: (Scale, Scale)) -> Result<(), PlotError> {
        let expected = self.x.len() * self.y.len();
        if self.heights.len() != expected || self.x.len() < 2 || self.y.len() < 2 {
            return Err(PlotError::Shape {
                picture: picture.into(),
                place: "the contours' grid, at least 2 x 2".into(),
                expected: expected.max(4),
                got: self.heights.len(),
            });
        }
        let axes = [(scales.0, &self.x, "x"), (scales.1, &self.y, "y")];
        let heights = [(Scale::Linear, &self.heights, "height")];
        for (scale, values, what) in axes.into_iter().chain(heights) {
            if let Some(&value) = values.iter().find(|value| !scale.admits(**value)) {
                return Err(PlotError::Value {
                    picture: picture.into(),
                    place: format!("contours, {what}"),
                    expected: scale.admitted(),
                    value,
                });
            }
        }
        Ok(())
    }

    pub(super) fn draw(&self, page: &mut Page, x: &Ruler, y: &Ruler) -> Result<(), PlotError> {
        let most = self.levels.len().saturating_sub(1).max(1) as f64;
        for (i, &level) in self.levels.iter().enumerate() {
            let colour = Colour::BLUE.towards(Colour::WHITE, 0.7 * i as f64 / most);
            for [a, b] in self.lines(level) {
                let ends = [(x.place(a.0), y.place(a.1)), (x.place(b.0), y.place(b.1))];
                page.canvas.line(&ends, 1.5, colour, Dash::Solid)?;
            }
        }
        Ok(())
    }

    /// Pieces of the line at a level: in each cell of the grid, from the edges it enters to those it leaves, placed by
    /// linear interpolation.
    fn lines(&self, level: f64) -> Vec<[(f64, f64); 2]> {
        let mut lines = Vec::new();
        let at = |i: usize, j: usize| self.heights[j * self.x.len() + i];
        for j in 0..self.y.len() - 1 {
            for i in 0..self.x.len() - 1 {
                let corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)];
                let mut crossings = Vec::with_capacity(4);
                for k in 0..4 {
                    let (a, b) = (corners[k], corners[(k + 1) % 4]);
                    let (low, high) = (at(a.0, a.1), at(b.0, b.1));
                    if (low < level) != (high < level) {
                        let t = (level - low) / (high - low);
                        let between = |p: f64, q: f64| p + t * (q - p);
                        crossings.push((
                            between(self.x[a.0], self.x[b.0]),
                            between(self.y[a.1], self.y[b.1]),
                        ));
                    }
                }
                match crossings[..] {
                    [a, b] => lines.push([a, b]),
                    // A saddle: the mean says whether the first corner is cut off or joined to its opposite.
                    [a, b, c, d] => {
                        let mean = corners.iter().map(|&(i, j)| at(i, j)).sum::<f64>() / 4.0;
                        if (mean < level) == (at(i, j) < level) {
                            lines.extend([[a, b], [c, d]]);
                        } else {
                            lines.extend([[d, a], [b, c]]);
                        }
                    }
                    _ => {}
                }
            }
        }
        lines
    }

    /// The table's rows.
    pub(super) fn rows(&self) -> Vec<Vec<String>> {
        let mut rows = Vec::with_capacity(self.heights.len());
        for (j, y) in self.y.iter().enumerate() {
            for (i, x) in self.x.iter().enumerate() {
                let height = self.heights[j * self.x.len() + i];
                rows.push(vec![
                    "contour".to_owned(),
                    self.name.clone(),
                    x.to_string(),
                    y.to_string(),
                    String::new(),
                    height.to_string(),
                ]);
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_found_where_it_is_and_is_as_long() {
        let axis: Vec<f64> = (-30..=30).map(|i| f64::from(i) / 15.0).collect();
        let bowl = Contours::over(axis.clone(), axis, vec![], |x, y| x * x + y * y);
        let lines = bowl.lines(1.0);
        let length: f64 = lines
            .iter()
            .map(|[a, b]| (a.0 - b.0).hypot(a.1 - b.1))
            .sum();
        assert!((length - std::f64::consts::TAU).abs() < 0.02, "{length}");
        assert!(
            lines
                .iter()
                .flatten()
                .all(|p| (p.0.hypot(p.1) - 1.0).abs() < 0.01)
        );
        assert!(bowl.lines(100.0).is_empty());
    }

    #[test]
    fn a_saddle_s_two_branches_do_not_cross() {
        let saddle = Contours::over(vec![-1.0, 1.0], vec![-1.0, 1.0], vec![], |x, y| x * y);
        assert_eq!(saddle.lines(0.5).len(), 2);
        assert!(saddle.check("s", (Scale::Linear, Scale::Log)).is_err());
    }
}
