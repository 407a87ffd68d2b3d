//! The line chart.

use super::axis::Ruler;
use super::canvas::Align;
use super::font::Font;
use super::page::{Page, Words};
use super::{Axis, Band, Colour, Contours, PlotError, Scale, Series, legend};
use std::path::Path;

/// Series of points over two axes, joined or scattered, with bands behind them and a legend beside them.
///
/// A linear y axis starts at zero where no value is negative, so that heights can be compared.
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
    /// The table's columns are `kind,name,x,y,y_high`: a row of kind `series` for each point, and one of kind `band`
    /// for each band with its edges in `y` and `y_high`; a first row of kind `axis` names the quantities. Contours add a
    /// row of kind `contour` for each point of their grid, with its height in `y_high`.
    ///
    /// # Errors
    /// No series, a series without points, values that the scales do not admit, words that do not fit, a file that
    /// cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), PlotError> {
        let page = self.draw()?;
        super::save(path, &page.canvas, &self.table())
    }

    /// The picture's bytes as PNG, for where there is no file, such as a server.
    ///
    /// # Errors
    /// As [`LineChart::save`], less those of files.
    pub fn png(&self) -> Result<Vec<u8>, PlotError> {
        self.draw()?.canvas.png()
    }

    /// The numbers as [`LineChart::save`] writes them.
    ///
    /// # Errors
    /// None that is known.
    pub fn csv(&self) -> Result<String, PlotError> {
        super::csv(&self.table())
    }

    fn draw(&self) -> Result<Page, PlotError> {
        self.check()?;
        let grid_of = |axis: fn(&Contours) -> &[f64]| self.contours.iter().flat_map(axis).copied();
        let ys = || {
            self.series
                .iter()
                .flat_map(|s| s.reach().map(|p| p.1))
                .chain(self.bands.iter().flat_map(|b| [b.low, b.high]))
                .chain(grid_of(|contours| &contours.y))
        };
        let tick = Font::plain(20.0);
        let mut ticks = 0.0_f64;
        for (_, label) in Ruler::over(self.y.scale, ys(), true, (0.0, 1.0)).ticks().0 {
            ticks = ticks.max(tick.width(&label)?);
        }
        let words = Words {
            title: &self.title,
            subtitle: &self.subtitle,
            x: &self.x.label,
            y: &self.y.label,
            notes: &self.notes,
        };
        let mut page = Page::lay(&words, ticks + 10.0, 28.0)?;
        let xs = self
            .series
            .iter()
            .flat_map(|s| s.reach().map(|p| p.0))
            .chain(grid_of(|contours| &contours.x));
        let x = Ruler::over(self.x.scale, xs, false, (page.left, page.right));
        let y = Ruler::over(self.y.scale, ys(), true, (page.bottom, page.top));
        for (i, band) in self.bands.iter().enumerate() {
            // A band without height would be invisible: at least a line.
            let (low, high) = (
                y.place(band.low),
                y.place(band.high).min(y.place(band.low) - 2.0),
            );
            page.canvas
                .rect((page.left, high), (page.right, low), legend::band_colour(i))?;
        }
        grid(&mut page, &x, &y, &tick)?;
        if let Some(contours) = &self.contours {
            contours.draw(&mut page, &x, &y)?;
        }
        for (i, series) in self.series.iter().enumerate() {
            let Some(width) = series.columns else {
                continue;
            };
            let colour = series.look(i).colour;
            for &(at, height) in &series.points {
                let (left, right) = (x.place(at - width / 2.0), x.place(at + width / 2.0));
                let (foot, top) = (y.place(0.0), y.place(height));
                // A rim of the page's colour tells neighbours apart.
                let rim = if right - left > 4.0 { 1.0 } else { 0.0 };
                if height != 0.0 {
                    page.canvas.rect(
                        (left + rim, top.min(foot)),
                        (right - rim, top.max(foot)),
                        colour,
                    )?;
                }
            }
        }
        let place = |s: &Series| {
            s.points
                .iter()
                .map(|p| (x.place(p.0), y.place(p.1)))
                .collect::<Vec<_>>()
        };
        for (i, series) in self.series.iter().enumerate() {
            let look = series.look(i);
            if series.joined && series.columns.is_none() {
                page.canvas
                    .line(&place(series), look.width, look.colour, look.dash)?;
            }
        }
        // All marks above all lines: a later line must not cut an earlier mark.
        for (i, series) in self.series.iter().enumerate() {
            for point in place(series) {
                legend::mark(&mut page, point, &series.look(i))?;
            }
        }
        legend::draw(&mut page, self)?;
        Ok(page)
    }

    fn check(&self) -> Result<(), PlotError> {
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

    fn table(&self) -> Vec<Vec<String>> {
        let row = |cells: [&str; 5]| cells.map(str::to_owned).to_vec();
        let mut rows = vec![
            row(["kind", "name", "x", "y", "y_high"]),
            row(["axis", &self.title, &self.x.label, &self.y.label, ""]),
        ];
        for series in &self.series {
            rows.extend(
                series.points.iter().map(|(x, y)| {
                    row(["series", &series.name, &x.to_string(), &y.to_string(), ""])
                }),
            );
        }
        rows.extend(self.contours.iter().flat_map(Contours::rows));
        rows.extend(self.bands.iter().map(|b| {
            row([
                "band",
                &b.label,
                "",
                &b.low.to_string(),
                &b.high.to_string(),
            ])
        }));
        rows
    }
}

/// Grid lines, frame and tick labels.
fn grid(page: &mut Page, x: &Ruler, y: &Ruler, font: &Font) -> Result<(), PlotError> {
    let (left, right, top, bottom) = (page.left, page.right, page.top, page.bottom);
    let (x_ticks, x_minor) = x.ticks();
    let (y_ticks, y_minor) = y.ticks();
    let ups = x_minor
        .iter()
        .map(|v| (*v, Colour::FAINT))
        .chain(x_ticks.iter().map(|t| (t.0, Colour::GRID)));
    for (v, colour) in ups {
        page.canvas.line(
            &[(x.place(v), top), (x.place(v), bottom)],
            1.0,
            colour,
            None,
        )?;
    }
    let acrosses = y_minor
        .iter()
        .map(|v| (*v, Colour::FAINT))
        .chain(y_ticks.iter().map(|t| (t.0, Colour::GRID)));
    for (v, colour) in acrosses {
        page.canvas.line(
            &[(left, y.place(v)), (right, y.place(v))],
            1.0,
            colour,
            None,
        )?;
    }
    for corner in [(left, top), (right, bottom)] {
        page.canvas.line(
            &[(left, corner.1), (right, corner.1)],
            1.5,
            Colour::GREY,
            None,
        )?;
        page.canvas.line(
            &[(corner.0, top), (corner.0, bottom)],
            1.5,
            Colour::GREY,
            None,
        )?;
    }
    for (v, label) in &x_ticks {
        page.canvas.line(
            &[(x.place(*v), bottom), (x.place(*v), bottom + 6.0)],
            1.5,
            Colour::GREY,
            None,
        )?;
        page.canvas
            .text(label, (x.place(*v), bottom + 21.0), font, Align::Middle)?;
    }
    for (v, label) in &y_ticks {
        page.canvas.line(
            &[(left - 6.0, y.place(*v)), (left, y.place(*v))],
            1.5,
            Colour::GREY,
            None,
        )?;
        page.canvas
            .text(label, (left - 12.0, y.place(*v)), font, Align::End)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
