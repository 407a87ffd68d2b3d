//! The line chart.

use super::axis::Ruler;
use super::canvas::{Align, Canvas};
use super::font::Font;
use super::multiples::Multiples;
use super::page::{Page, Words};
use super::{Axis, Band, Colour, Contours, Dash, PlotError, Scale, Series, legend, number};
use std::path::Path;

/// The most lines that one pair of axes holds.
pub const MOST_LINES: usize = 6;

/// Series of points over two axes, joined or scattered, with bands behind them and a legend beside them.
///
/// A linear y axis starts at zero where no value is negative, so that heights can be compared. More than [`MOST_LINES`]
/// lines are spread over several panels with the same axes, as [`Multiples`] are.
///
/// ```
/// use pushpull_plot::{Axis, Band, LineChart, Series};
/// let mut chart = LineChart::new("Time against p", Axis::log("parameters p (count)"), Axis::log("time (s)"));
/// chart.series.push(Series::new("forward", vec![(1e2, 1e-5), (1e3, 1e-3)]).remark("slope 2.00"));
/// chart.series.push(Series::new("reverse", vec![(1e2, 4e-7), (1e3, 3e-6)]));
/// chart.notes.push("Machine, threads, chunk and kernel belong here.".into());
/// let directory = tempfile::tempdir()?;
/// chart.save(&directory.path().join("time.png"))?;
/// assert!(directory.path().join("time.csv").exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LineChart {
    /// What the picture shows.
    pub title: String,
    /// The setting: network, data, precision, batch. May be empty.
    pub subtitle: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The lines, in the legend's order.
    pub series: Vec<Series>,
    /// Shaded strips behind the lines.
    pub bands: Vec<Band>,
    /// Lines of equal height of a function of both axes, behind everything else.
    pub contours: Option<Contours>,
    /// Remarks under the plot, a paragraph each.
    pub notes: Vec<String>,
}

impl LineChart {
    /// A chart without series yet.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis) -> Self {
        let title = title.into();
        Self {
            title,
            subtitle: String::new(),
            x,
            y,
            series: Vec::new(),
            bands: Vec::new(),
            contours: None,
            notes: Vec::new(),
        }
    }

    /// Writes the picture to `path`, which ends in `.png`, and its numbers to the `.csv` of the same stem.
    ///
    /// The table's columns are `kind,name,x,y,low,high`: a row of kind `series` for each point, with the ends of its error
    /// bar in `low` and `high`, and one of kind `band` for each band with its edges there; a first row of kind `axis` names
    /// the quantities. Contours add a row of kind `contour` for each point of their grid, with its height in `high`.
    ///
    /// # Errors
    /// No series, a series without points, values that the scales do not admit, words that do not fit, a file that
    /// cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), PlotError> {
        super::save(path, &self.draw()?, &self.table())
    }

    /// The picture's bytes as PNG, for where there is no file, such as a server.
    ///
    /// # Errors
    /// As [`LineChart::save`], less those of files.
    pub fn png(&self) -> Result<Vec<u8>, PlotError> {
        self.draw()?.png()
    }

    /// The numbers as [`LineChart::save`] writes them.
    ///
    /// # Errors
    /// None that is known.
    pub fn csv(&self) -> Result<String, PlotError> {
        super::csv(&self.table())
    }

    pub(super) fn draw(&self) -> Result<Canvas, PlotError> {
        if self.lines() > MOST_LINES {
            return Multiples::spread(self).draw();
        }
        self.check()?;
        let tick = Font::plain(20.0);
        let (x, y) = self.rulers();
        let (x_ticks, y_ticks) = (self.x.ticks(&x).0, self.y.ticks(&y).0);
        let room = widest(&y_ticks, &tick)?;
        let words = Words {
            title: &self.title,
            subtitle: &self.subtitle,
            x: &self.x.label,
            y: &self.y.label,
            notes: &self.notes,
        };
        // Names that do not fit side by side are written upright.
        let each = (700.0 - room) / (x_ticks.len().max(1) as f64);
        let names = widest(&x_ticks, &tick)?;
        let upright = !self.x.names.is_empty() && names > each - 8.0;
        let below = if upright { names + 12.0 } else { 28.0 };
        let mut page = Page::lay(&words, room + 10.0, below)?;
        let frame = Frame {
            x: Ruler::moved(&x, (page.left, page.right)),
            y: Ruler::moved(&y, (page.bottom, page.top)),
            x_labels: true,
            y_labels: true,
            upright,
            font: tick,
            size: 1.0,
        };
        self.plot(&mut page, &frame, &legend::names(&[self]))?;
        legend::draw(&mut page, self)?;
        Ok(page.canvas)
    }

    /// Lines and points that a reader has to tell apart: all but the guides and what goes on a line.
    pub(super) fn lines(&self) -> usize {
        let own = |series: &&Series| !series.guide && !series.continued;
        self.series.iter().filter(own).count()
    }

    /// What the axes have to reach.
    pub(super) fn reach(&self) -> Reach {
        let points = self.series.iter().flat_map(Series::reach);
        let (mut xs, mut ys): (Vec<f64>, Vec<f64>) = points.unzip();
        xs.extend(self.x.ends());
        ys.extend(self.y.ends());
        ys.extend(self.bands.iter().flat_map(|band| [band.low, band.high]));
        if let Some(contours) = &self.contours {
            xs.extend(&contours.x);
            ys.extend(&contours.y);
        }
        (xs, ys)
    }

    fn rulers(&self) -> (Ruler, Ruler) {
        let (xs, ys) = self.reach();
        let x = Ruler::over(self.x.scale, xs.into_iter(), false, (0.0, 1.0));
        let y = Ruler::over(self.y.scale, ys.into_iter(), true, (0.0, 1.0));
        (x, y)
    }

    /// Draws everything inside the page's rectangle. A series looks as its place among `names` says.
    pub(super) fn plot(
        &self,
        page: &mut Page,
        frame: &Frame,
        names: &[&str],
    ) -> Result<(), PlotError> {
        let (x, y) = (&frame.x, &frame.y);
        for (i, band) in self.bands.iter().enumerate() {
            // A band without height would be invisible: at least a line.
            let (low, high) = (
                y.place(band.low),
                y.place(band.high).min(y.place(band.low) - 2.0),
            );
            page.canvas
                .rect((page.left, high), (page.right, low), legend::band_colour(i))?;
        }
        self.grid(page, frame)?;
        if let Some(contours) = &self.contours {
            contours.draw(page, x, y)?;
        }
        let shown: Vec<_> = self
            .series
            .iter()
            .map(|series| {
                let index = names.iter().position(|name| *name == series.name);
                let index = index.unwrap_or(0);
                (index, series, series.look(index))
            })
            .collect();
        for (_, series, look) in &shown {
            let Some(width) = series.columns else {
                continue;
            };
            let seen = series.points.iter().filter(|point| point.1 != 0.0);
            let written = seen.count() <= FEW_COLUMNS;
            for &(at, height) in &series.points {
                let (left, right) = (x.place(at - width / 2.0), x.place(at + width / 2.0));
                let (foot, top) = (y.place(0.0), y.place(height));
                // A rim of the page's colour tells neighbours apart.
                let rim = if right - left > 4.0 { 1.0 } else { 0.0 };
                if height != 0.0 {
                    page.canvas.rect(
                        (left + rim, top.min(foot)),
                        (right - rim, top.max(foot)),
                        look.colour,
                    )?;
                    if written {
                        let above = (x.place(at), top.min(foot) - 0.7 * frame.font.size);
                        let words = number(height);
                        page.canvas
                            .text(&words, above, &frame.font, Align::Middle)?;
                    }
                }
            }
        }
        let place = |series: &Series, p: (f64, f64)| (x.place(p.0) + series.nudge, y.place(p.1));
        // Guides last: what theory says must not lie hidden under the data.
        let guides = |wanted: bool| {
            let lines = shown.iter().filter(move |(_, s, _)| s.guide == wanted);
            lines.filter(|(_, s, _)| s.joined && s.columns.is_none())
        };
        let line = |page: &mut Page, series: &Series, look: &super::series::Look| {
            let points: Vec<_> = series.points.iter().map(|&p| place(series, p)).collect();
            page.canvas
                .line(&points, look.width * frame.size, look.colour, look.dash)
        };
        for (_, series, look) in guides(false) {
            line(page, series, look)?;
        }
        for (_, series, look) in &shown {
            for (&point, bar) in series.points.iter().zip(&series.bars) {
                let (at, _) = place(series, point);
                let ends = (y.place(bar.0), y.place(bar.1));
                legend::bar(&mut page.canvas, at, ends, look)?;
            }
        }
        // All marks above all lines: a later line must not cut an earlier mark.
        for (index, series, look) in &shown {
            for point in series.marks(*index) {
                legend::mark(&mut page.canvas, place(series, point), look, frame.size)?;
            }
        }
        for (_, series, look) in guides(true) {
            line(page, series, look)?;
        }
        Ok(())
    }

    pub(super) fn check(&self) -> Result<(), PlotError> {
        let picture = || self.title.clone();
        if self.series.is_empty() {
            return Err(PlotError::Empty {
                picture: picture(),
                expected: "at least one series".into(),
            });
        }
        let value = |place: String, scale: Scale, value: f64| {
            if scale.admits(value) {
                Ok(())
            } else {
                Err(PlotError::Value {
                    picture: picture(),
                    place,
                    expected: scale.admitted(),
                    value,
                })
            }
        };
        for series in &self.series {
            if series.points.is_empty() {
                return Err(PlotError::Empty {
                    picture: picture(),
                    expected: format!("points in series {:?}", series.name),
                });
            }
            for (i, &(x, y)) in series.points.iter().enumerate() {
                value(
                    format!("series {:?}, point {i}, x", series.name),
                    self.x.scale,
                    x,
                )?;
                value(
                    format!("series {:?}, point {i}, y", series.name),
                    self.y.scale,
                    y,
                )?;
            }
            for (i, &(low, high)) in series.bars.iter().enumerate() {
                for end in [low, high] {
                    value(
                        format!("series {:?}, bar {i}", series.name),
                        self.y.scale,
                        end,
                    )?;
                }
            }
        }
        if let Some(contours) = &self.contours {
            contours.check(&self.title, (self.x.scale, self.y.scale))?;
        }
        for series in &self.series {
            // A column stands on 0, which a logarithmic axis has not.
            if series.columns.is_some() {
                value(format!("the foot of {:?}", series.name), self.y.scale, 0.0)?;
            }
        }
        for band in &self.bands {
            for edge in [band.low, band.high] {
                value(format!("band {:?}", band.label), self.y.scale, edge)?;
            }
        }
        Ok(())
    }

    pub(super) fn table(&self) -> Vec<Vec<String>> {
        let mut rows = vec![HEADER.map(str::to_owned).to_vec()];
        rows.extend(self.rows());
        rows
    }

    /// The table's rows, without its header.
    pub(super) fn rows(&self) -> Vec<Vec<String>> {
        let row = |cells: [&str; 6]| cells.map(str::to_owned).to_vec();
        let mut rows = vec![row([
            "axis",
            &self.title,
            &self.x.label,
            &self.y.label,
            "",
            "",
        ])];
        for series in &self.series {
            for (i, (x, y)) in series.points.iter().enumerate() {
                let (low, high) = series
                    .bars
                    .get(i)
                    .map_or((String::new(), String::new()), |bar| {
                        (bar.0.to_string(), bar.1.to_string())
                    });
                rows.push(row([
                    "series",
                    &series.name,
                    &x.to_string(),
                    &y.to_string(),
                    &low,
                    &high,
                ]));
            }
        }
        rows.extend(self.contours.iter().flat_map(Contours::rows));
        rows.extend(self.bands.iter().map(|b| {
            row([
                "band",
                &b.label,
                "",
                "",
                &b.low.to_string(),
                &b.high.to_string(),
            ])
        }));
        rows
    }

    /// Grid lines, frame and tick labels.
    fn grid(&self, page: &mut Page, frame: &Frame) -> Result<(), PlotError> {
        let (left, right, top, bottom) = (page.left, page.right, page.top, page.bottom);
        let (x, y, font) = (&frame.x, &frame.y, &frame.font);
        let (x_ticks, x_minor) = self.x.ticks(x);
        let (y_ticks, y_minor) = self.y.ticks(y);
        let line = |page: &mut Page, ends: [(f64, f64); 2], width, colour| {
            page.canvas.line(&ends, width, colour, Dash::Solid)
        };
        let faint = |minor: Vec<f64>, ticks: &[(f64, String)]| -> Vec<(f64, Colour)> {
            let minor = minor.into_iter().map(|v| (v, Colour::FAINT));
            minor
                .chain(ticks.iter().map(|t| (t.0, Colour::GRID)))
                .collect()
        };
        for (v, colour) in faint(x_minor, &x_ticks) {
            line(page, [(x.place(v), top), (x.place(v), bottom)], 1.0, colour)?;
        }
        for (v, colour) in faint(y_minor, &y_ticks) {
            line(page, [(left, y.place(v)), (right, y.place(v))], 1.0, colour)?;
        }
        for corner in [(left, top), (right, bottom)] {
            line(
                page,
                [(left, corner.1), (right, corner.1)],
                1.5,
                Colour::GREY,
            )?;
            line(
                page,
                [(corner.0, top), (corner.0, bottom)],
                1.5,
                Colour::GREY,
            )?;
        }
        // A label that would touch the one before it is left out; its grid line stays.
        let mut taken = f64::NEG_INFINITY;
        for (v, label) in &x_ticks {
            let at = x.place(*v);
            line(page, [(at, bottom), (at, bottom + 6.0)], 1.5, Colour::GREY)?;
            let half = if frame.upright {
                font.leading() / 2.0
            } else {
                font.width(label)? / 2.0 + 4.0
            };
            if !frame.x_labels || at - half < taken {
                continue;
            }
            taken = at + half;
            let canvas = &mut page.canvas;
            if frame.upright {
                canvas.upright(label, (at, bottom + 12.0), font, Align::End)?;
            } else {
                canvas.text(label, (at, bottom + 1.05 * font.size), font, Align::Middle)?;
            }
        }
        let mut taken = f64::INFINITY;
        for (v, label) in &y_ticks {
            let at = y.place(*v);
            line(page, [(left - 6.0, at), (left, at)], 1.5, Colour::GREY)?;
            if frame.y_labels && at + 0.5 * font.leading() < taken {
                taken = at - 0.5 * font.leading();
                page.canvas
                    .text(label, (left - 12.0, at), font, Align::End)?;
            }
        }
        Ok(())
    }
}

/// Values along both axes.
pub(super) type Reach = (Vec<f64>, Vec<f64>);

/// So many columns of a histogram carry their heights in numbers.
const FEW_COLUMNS: usize = 10;

/// The columns of every line chart's table.
pub(super) const HEADER: [&str; 6] = ["kind", "name", "x", "y", "low", "high"];

/// Where a plot's values lie, and how its axes are written.
pub(super) struct Frame {
    pub x: Ruler,
    pub y: Ruler,
    pub x_labels: bool,
    pub y_labels: bool,
    /// Whether the x axis's labels are read from below.
    pub upright: bool,
    pub font: Font,
    /// Of marks and lines, over that of a picture with one plot.
    pub size: f64,
}

/// The width of the widest label.
pub(super) fn widest(ticks: &[(f64, String)], font: &Font) -> Result<f64, PlotError> {
    let mut widest = 0.0_f64;
    for (_, label) in ticks {
        widest = widest.max(font.width(label)?);
    }
    Ok(widest)
}

#[cfg(test)]
mod tests;
