//! The heat map: who wins where.

mod key;

use super::canvas::Align;
use super::font::Font;
use super::number::{grouped, number};
use super::page::{Page, Words};
use super::{Colour, Dash, PlotError, Scale};
use std::path::Path;

/// Width of a frontier in pixels: seen beside the white lines between cells.
const FRONTIER: f64 = 5.0;

/// Pixels of a category's name, at most, where shares are drawn.
const NAME: f64 = 200.0;

/// The categories along an axis of a heat map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Categories {
    /// Quantity and unit.
    pub label: String,
    /// A name each.
    pub names: Vec<String>,
}

impl Categories {
    /// Categories named by anything that can be shown: numbers, words.
    pub fn new(label: impl Into<String>, names: impl IntoIterator<Item = impl ToString>) -> Self {
        Self {
            label: label.into(),
            names: names.into_iter().map(|n| n.to_string()).collect(),
        }
    }
}

/// How the number of a cell becomes a colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shade {
    /// By the logarithm of a positive number: blue below 1, white at 1, red above 1.
    #[default]
    Ratio,
    /// A share between 0 and 1: the larger, the darker.
    Share,
}

/// Numbers over two lists of categories, each cell in the colour of its number.
///
/// ```
/// use pushpull_plot::{Categories, HeatMap};
/// let inputs = Categories::new("inputs (count)", [1, 8]);
/// let outputs = Categories::new("outputs (count)", [1]);
/// let mut map = HeatMap::new("Who wins", inputs, outputs, "forward / reverse");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// What the picture shows.
    pub title: String,
    /// The setting. May be empty.
    pub subtitle: String,
    /// From left to right.
    pub x: Categories,
    /// From below to above.
    pub y: Categories,
    /// `cells[y][x]`; `None` was not measured and is hatched.
    pub cells: Vec<Vec<Option<f64>>>,
    /// What the cells say instead of their numbers.
    pub labels: Option<Labels>,
    /// How numbers are coloured.
    pub shade: Shade,
    /// What a cell's number is, e.g. `time forward / time reverse`.
    pub value: String,
    /// What a ratio below 1 means, e.g. `forward is faster`.
    pub below: String,
    /// What a ratio above 1 means.
    pub above: String,
    /// A line between the cells of one side and those of the other, e.g. where a prediction changes.
    pub frontier: Option<Frontier>,
    /// Remarks under the plot.
    pub notes: Vec<String>,
}

/// What the cells say instead of their numbers, e.g. counts in the shade of a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// Quantity and unit, for the table.
    pub name: String,
    /// `cells[y][x]`, in the shape of the cells.
    pub cells: Vec<Vec<String>>,
}

/// A line drawn along the edges between cells of two sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontier {
    /// The words of the key.
    pub name: String,
    /// `side[y][x]`, in the shape of the cells.
    pub side: Vec<Vec<bool>>,
}

impl Frontier {
    /// The edges, each a pair of corners in cells from the lower left one.
    fn edges(&self) -> Vec<[(f64, f64); 2]> {
        let mut edges = Vec::new();
        for (y, row) in self.side.iter().enumerate() {
            for (x, side) in row.iter().enumerate() {
                let (left, low) = (x as f64, y as f64);
                if row.get(x + 1).is_some_and(|next| next != side) {
                    edges.push([(left + 1.0, low), (left + 1.0, low + 1.0)]);
                }
                let above = self.side.get(y + 1).and_then(|row| row.get(x));
                if above.is_some_and(|next| next != side) {
                    edges.push([(left, low + 1.0), (left + 1.0, low + 1.0)]);
                }
            }
        }
        edges
    }
}

impl HeatMap {
    /// A map without cells yet.
    pub fn new(
        title: impl Into<String>,
        x: Categories,
        y: Categories,
        value: impl Into<String>,
    ) -> Self {
        Self {
            title: title.into(),
            subtitle: String::new(),
            x,
            y,
            cells: Vec::new(),
            labels: None,
            shade: Shade::Ratio,
            value: value.into(),
            below: "below 1".into(),
            above: "above 1".into(),
            frontier: None,
            notes: Vec::new(),
        }
    }

    /// Writes the picture to `path`, which ends in `.png`, and its numbers to the `.csv` of the same stem.
    ///
    /// The table's columns are the two labels and the value's, a row for each cell; a missing cell's value is empty. A
    /// frontier adds a column with its name: on which side a cell lies; labels of the cells add one with theirs.
    ///
    /// # Errors
    /// No measured cell, rows of the wrong length, values that are not positive and finite, words or cells that do
    /// not fit, a file that cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), PlotError> {
        let page = self.draw()?;
        super::save(path, &page.canvas, &self.table())
    }

    /// The picture's bytes as PNG, for where there is no file.
    ///
    /// # Errors
    /// As [`HeatMap::save`], less those of files.
    pub fn png(&self) -> Result<Vec<u8>, PlotError> {
        self.draw()?.canvas.png()
    }

    /// The numbers as [`HeatMap::save`] writes them.
    ///
    /// # Errors
    /// None that is known.
    pub fn csv(&self) -> Result<String, PlotError> {
        super::csv(&self.table())
    }

    /// The names of categories as they are drawn: long ones of shares end in an ellipsis, and the table has them whole.
    fn drawn(&self, names: &[String], font: &Font) -> Result<Vec<String>, PlotError> {
        match self.shade {
            Shade::Ratio => Ok(names.to_vec()),
            Shade::Share => names
                .iter()
                .map(|name| font.shortened(name, NAME))
                .collect(),
        }
    }

    fn draw(&self) -> Result<Page, PlotError> {
        self.check()?;
        let font = Font::plain(20.0);
        let (columns, rows) = (
            self.drawn(&self.x.names, &font)?,
            self.drawn(&self.y.names, &font)?,
        );
        let mut ticks = 0.0_f64;
        for name in &rows {
            ticks = ticks.max(font.width(name)?);
        }
        let words = Words {
            title: &self.title,
            subtitle: &self.subtitle,
            x: &self.x.label,
            y: &self.y.label,
            notes: &self.notes,
        };
        let mut page = Page::lay(&words, ticks + 10.0, 28.0)?;
        let (nx, ny) = (self.x.names.len() as f64, self.y.names.len() as f64);
        let (w, h) = ((page.right - page.left) / nx, (page.bottom - page.top) / ny);
        let crowded = |what| PlotError::Crowded {
            picture: self.title.clone(),
            what,
        };
        // Cells are read by their numbers, or at least by their shade.
        let least = match self.shade {
            Shade::Ratio => (44.0, 24.0),
            Shade::Share => (5.0, 5.0),
        };
        if w < least.0 || h < least.1 {
            return Err(crowded("so many cells"));
        }
        let reach = self.reach();
        let inner = Font::plain((0.3 * w).min(0.5 * h).clamp(14.0, 20.0));
        for (j, row) in self.cells.iter().enumerate() {
            for (i, cell) in row.iter().enumerate() {
                let low = (page.left + w * i as f64, page.bottom - h * (j as f64 + 1.0));
                let high = (low.0 + w, low.1 + h);
                let middle = ((low.0 + high.0) / 2.0, (low.1 + high.1) / 2.0);
                let Some(value) = cell else {
                    key::hatch(&mut page.canvas, low, high)?;
                    continue;
                };
                let fill = match self.shade {
                    Shade::Ratio => Colour::diverging(value.log10() / reach),
                    Shade::Share => Colour::rising(*value),
                };
                page.canvas.rect(low, high, fill)?;
                let text = match &self.labels {
                    Some(labels) => labels.cells[j][i].clone(),
                    None => rounded(*value),
                };
                let fits = inner.width(&text)? <= w - 4.0 && inner.size <= h;
                match (fits, self.shade) {
                    (true, _) => page.canvas.text(&text, middle, &inner, Align::Middle)?,
                    (false, Shade::Share) => {}
                    (false, Shade::Ratio) => return Err(crowded("the cells' numbers")),
                }
            }
        }
        let (left, right, top, bottom) = (page.left, page.right, page.top, page.bottom);
        for i in 0..=self.x.names.len() {
            let x = left + w * i as f64;
            page.canvas
                .line(&[(x, top), (x, bottom)], 1.5, Colour::WHITE, Dash::Solid)?;
        }
        for j in 0..=self.y.names.len() {
            let y = bottom - h * j as f64;
            page.canvas
                .line(&[(left, y), (right, y)], 1.5, Colour::WHITE, Dash::Solid)?;
        }
        for edge in self.frontier.iter().flat_map(Frontier::edges) {
            let ends = edge.map(|(x, y)| (left + w * x, bottom - h * y));
            page.canvas
                .line(&ends, FRONTIER, Colour::BLACK, Dash::Solid)?;
        }
        // Of shares, names that would touch the one before are left out.
        let mut taken = f64::NEG_INFINITY;
        for (i, name) in columns.iter().enumerate() {
            let (at, half) = (left + w * (i as f64 + 0.5), font.width(name)? / 2.0 + 2.0);
            if self.shade == Shade::Ratio && 2.0 * half > w {
                return Err(crowded("the x categories' names"));
            }
            if at - half >= taken && at + half <= right + 40.0 {
                taken = at + half;
                let at = (at, bottom + 18.0);
                page.canvas.text(name, at, &font, Align::Middle)?;
            }
        }
        let mut taken = f64::INFINITY;
        for (j, name) in rows.iter().enumerate() {
            let at = bottom - h * (j as f64 + 0.5);
            if at + 0.5 * font.leading() <= taken {
                taken = at - 0.5 * font.leading();
                page.canvas
                    .text(name, (left - 10.0, at), &font, Align::End)?;
            }
        }
        key::draw(self, &mut page, reach)?;
        Ok(page)
    }

    /// The colour scale's end: the largest |log10| of a cell, and at least that of 2, so that noise about 1 stays
    /// pale.
    fn reach(&self) -> f64 {
        self.cells
            .iter()
            .flatten()
            .flatten()
            .map(|v| v.log10().abs())
            .fold(2f64.log10(), f64::max)
    }

    fn check(&self) -> Result<(), PlotError> {
        let picture = || self.title.clone();
        for (axis, names) in [("x", &self.x.names), ("y", &self.y.names)] {
            if names.is_empty() {
                return Err(PlotError::Empty {
                    picture: picture(),
                    expected: format!("at least one {axis} category"),
                });
            }
        }
        let shape = |place: String, expected, got| {
            Err(PlotError::Shape {
                picture: picture(),
                place,
                expected,
                got,
            })
        };
        if self.cells.len() != self.y.names.len() {
            return shape("rows".into(), self.y.names.len(), self.cells.len());
        }
        for (row, name) in self.cells.iter().zip(&self.y.names) {
            if row.len() != self.x.names.len() {
                return shape(format!("row {name}"), self.x.names.len(), row.len());
            }
            for (cell, x) in row.iter().zip(&self.x.names) {
                let (fits, expected): (fn(f64) -> bool, _) = match self.shade {
                    Shade::Ratio => (|v| Scale::Log.admits(v), Scale::Log.admitted()),
                    Shade::Share => (|v| (0.0..=1.0).contains(&v), "a share from 0 to 1"),
                };
                if let Some(value) = cell.filter(|v| !fits(*v)) {
                    let place = format!("row {name}, column {x}");
                    return Err(PlotError::Value {
                        picture: picture(),
                        place,
                        expected,
                        value,
                    });
                }
            }
        }
        if let Some(frontier) = &self.frontier {
            let fits = frontier.side.iter().map(Vec::len);
            if !fits.eq(self.cells.iter().map(Vec::len)) {
                let got = frontier.side.iter().map(Vec::len).sum();
                return shape(
                    "frontier".into(),
                    self.x.names.len() * self.y.names.len(),
                    got,
                );
            }
        }
        if let Some(labels) = &self.labels {
            let fits = labels.cells.iter().map(Vec::len);
            if !fits.eq(self.cells.iter().map(Vec::len)) {
                let got = labels.cells.iter().map(Vec::len).sum();
                return shape(
                    "labels".into(),
                    self.x.names.len() * self.y.names.len(),
                    got,
                );
            }
        }
        if self.cells.iter().flatten().all(Option::is_none) {
            return Err(PlotError::Empty {
                picture: picture(),
                expected: "at least one measured cell".into(),
            });
        }
        Ok(())
    }

    fn table(&self) -> Vec<Vec<String>> {
        let mut rows = vec![vec![
            self.y.label.clone(),
            self.x.label.clone(),
            self.value.clone(),
        ]];
        rows[0].extend(self.frontier.iter().map(|line| line.name.clone()));
        rows[0].extend(self.labels.iter().map(|labels| labels.name.clone()));
        for (j, (row, y)) in self.cells.iter().zip(&self.y.names).enumerate() {
            for (i, (cell, x)) in row.iter().zip(&self.x.names).enumerate() {
                let value = cell.map(|v| v.to_string()).unwrap_or_default();
                let mut line = vec![y.clone(), x.clone(), value];
                line.extend(self.frontier.iter().map(|f| f.side[j][i].to_string()));
                line.extend(self.labels.iter().map(|l| l.cells[j][i].clone()));
                rows.push(line);
            }
        }
        rows
    }
}

/// Two significant digits, and whole from ten on: `0.0089`, `0.50`, `1.0`, `137`. A cell is read at a glance; its CSV
/// has the rest.
fn rounded(v: f64) -> String {
    if !(1e-4..1e6).contains(&v) {
        return number(v);
    }
    // The exponent after rounding: 9.96 has two digits as 10, not as 10.0.
    let exponent = (v * 1.005).log10().floor();
    grouped(&format!("{v:.0$}", (1.0 - exponent).max(0.0) as usize))
}

#[cfg(test)]
mod tests;
