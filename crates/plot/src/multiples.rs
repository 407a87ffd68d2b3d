//! Small multiples: several line charts on a page.

use std::path::Path;

use super::axis::Ruler;
use super::canvas::{Align, Canvas, HEIGHT, WIDTH};
use super::font::Font;
use super::legend::{self, Rows};
use super::line::{Frame, HEADER, Reach, widest};
use super::page::{MARGIN, Page, begin_on};
use super::{Axis, LineChart, MOST_LINES, PlotError, Series};

/// The most panels of a page.
pub const MOST_PANELS: usize = 16;
/// Between two panels, in pixels.
const GAP: f64 = 22.0;

/// Several line charts as panels of one picture, with one legend below them.
///
/// Axes of the same label and scale reach equally far in all panels and are labelled once. Series of the same name look
/// alike. Of a panel's own words only its title is drawn, which may be empty. More than [`MOST_LINES`] lines in a panel are spread over
/// several.
///
/// ```
/// use pushpull_plot::{Axis, LineChart, Mode, Multiples, Series};
/// let panel = |dtype: &str, y| {
///     let mut chart = LineChart::new(dtype, Axis::log("parameters p (count)"), Axis::log("time (s)"));
///     chart.series.push(Series::new("reverse", vec![(1e2, y), (1e3, 9.0 * y)]).mode(Mode::Reverse));
///     chart
/// };
/// let mut both = Multiples::new("Time against p", vec![panel("f64", 2e-6), panel("f32", 1e-6)]);
/// both.notes.push("Machine and threads belong here.".into());
/// assert_eq!(both.png()?[1..4], *b"PNG");
/// # Ok::<(), pushpull_plot::PlotError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Multiples {
    /// What the picture shows.
    pub title: String,
    /// The setting: network, data, batch. May be empty.
    pub subtitle: String,
    /// From left to right, then from above to below; at most [`MOST_PANELS`].
    pub panels: Vec<LineChart>,
    /// Remarks under the panels, a paragraph each.
    pub notes: Vec<String>,
    /// Width and height in pixels. All is scaled with the area, words too.
    pub size: (u32, u32),
}

/// The rectangle of a panel, without the words around it.
struct Place {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    /// Whether nothing lies below and nothing at its left.
    lowest: bool,
    first: bool,
}

impl Multiples {
    /// Panels without notes yet.
    pub fn new(title: impl Into<String>, panels: Vec<LineChart>) -> Self {
        Self {
            title: title.into(),
            subtitle: String::new(),
            panels,
            notes: Vec::new(),
            size: (WIDTH, HEIGHT),
        }
    }

    /// A chart's lines in panels of at most [`MOST_LINES`], in their order and equally full. Guides are in each of them.
    pub(super) fn spread(chart: &LineChart) -> Self {
        Self {
            title: chart.title.clone(),
            subtitle: chart.subtitle.clone(),
            panels: panels(chart),
            notes: chart.notes.clone(),
            size: (WIDTH, HEIGHT),
        }
    }

    /// Writes the picture to `path`, which ends in `.png`, and its numbers to the `.csv` of the same stem: the table of
    /// [`LineChart::save`], panel after panel.
    ///
    /// # Errors
    /// No panel or more than [`MOST_PANELS`], and those of the panels.
    pub fn save(&self, path: &Path) -> Result<(), PlotError> {
        super::save(path, &self.draw()?, &self.table())
    }

    /// The picture's bytes as PNG, for where there is no file.
    ///
    /// # Errors
    /// As [`Multiples::save`], less those of files.
    pub fn png(&self) -> Result<Vec<u8>, PlotError> {
        self.draw()?.png()
    }

    /// The picture as SVG, whose words can be searched.
    ///
    /// # Errors
    /// As [`Multiples::png`].
    pub fn svg(&self) -> Result<String, PlotError> {
        self.draw()?.svg()
    }

    /// The numbers as [`Multiples::save`] writes them.
    ///
    /// # Errors
    /// None that is known.
    pub fn csv(&self) -> Result<String, PlotError> {
        super::csv(&self.table())
    }

    fn table(&self) -> Vec<Vec<String>> {
        let mut rows = vec![HEADER.map(str::to_owned).to_vec()];
        rows.extend(self.panels.iter().flat_map(LineChart::rows));
        rows
    }

    pub(super) fn draw(&self) -> Result<Canvas, PlotError> {
        let crowded = |what| PlotError::Crowded {
            picture: self.title.clone(),
            what,
        };
        let panels: Vec<LineChart> = self.panels.iter().flat_map(panels).collect();
        let panels: Vec<&LineChart> = panels.iter().collect();
        let Some(first) = panels.first() else {
            return Err(PlotError::Empty {
                picture: self.title.clone(),
                expected: "at least one panel".into(),
            });
        };
        if panels.len() > MOST_PANELS {
            return Err(crowded("so many panels"));
        }
        for panel in &panels {
            panel.check()?;
        }
        let alike = |of: fn(&LineChart) -> &Axis| panels.iter().all(|p| of(p) == of(first));
        let (x_alike, y_alike) = (alike(|chart| &chart.x), alike(|chart| &chart.y));
        let canvas = Canvas::sized(self.size);
        let (wide, high) = canvas.extent();
        let columns = columns(panels.len(), wide >= high);
        let (tick, label) = (Font::plain(18.0), Font::plain(20.0));
        let title = Font {
            bold: true,
            ..Font::plain(18.0)
        };
        let rulers = rulers(&panels, x_alike, y_alike);
        let (mut room, mut names, mut slots) = (0.0_f64, 0.0_f64, 1);
        for (panel, (x, y)) in panels.iter().zip(&rulers) {
            room = room.max(widest(&panel.y.ticks(y).0, &tick)?);
            if !panel.x.names.is_empty() {
                names = names.max(widest(&panel.x.ticks(x).0, &tick)?);
                slots = slots.max(panel.x.names.len());
            }
        }
        // Names that do not fit side by side are written upright.
        let each = (wide - 2.0 * MARGIN) / columns as f64 - room - 80.0;
        let upright = names > each / slots as f64 - 8.0;
        let under = if upright { names + 14.0 } else { 26.0 };
        let (canvas, top, notes) = begin_on(canvas, &self.title, &self.subtitle, &self.notes)?;
        let below = if self.notes.is_empty() { 8.0 } else { 16.0 };
        let legend = Rows::of(&panels, wide)?;
        let bottom = notes - below - legend.height();
        let mut page = Page {
            canvas,
            left: MARGIN,
            right: wide - MARGIN,
            top,
            bottom,
        };
        legend.draw(&mut page.canvas, bottom)?;

        // Around all panels: the labels they share. Around each: its title, its ticks, and the labels it has alone.
        let beside = 12.0 + room + 4.0;
        let shared = (
            page.left + if y_alike { 36.0 + beside } else { 0.0 },
            page.bottom - if x_alike { 40.0 + under } else { 0.0 },
        );
        let own = (
            if y_alike { 0.0 } else { 34.0 + beside },
            if x_alike { 0.0 } else { under + 42.0 },
        );
        let rows = panels.len().div_ceil(columns);
        let width = (page.right - shared.0 + GAP) / columns as f64 - GAP;
        let height = (shared.1 - page.top + GAP) / rows as f64 - GAP;
        if width - own.0 < 120.0 || height - own.1 - 24.0 < 60.0 {
            return Err(crowded("title, notes, legend and panels"));
        }
        let place = |i: usize| {
            let (column, row) = (i % columns, i / columns);
            let left = shared.0 + (width + GAP) * column as f64;
            let top = page.top + (height + GAP) * row as f64;
            Place {
                left: left + own.0,
                right: left + width,
                top: top + 24.0,
                bottom: top + height - own.1,
                lowest: i + columns >= panels.len(),
                first: column == 0,
            }
        };
        let places: Vec<Place> = (0..panels.len()).map(place).collect();
        let names = legend::names(&panels);
        let (low, high) = (page.bottom, page.top);
        for ((panel, (x, y)), place) in panels.iter().zip(&rulers).zip(&places) {
            (page.left, page.right) = (place.left, place.right);
            (page.top, page.bottom) = (place.top, place.bottom);
            let room = place.right - place.left + own.0;
            let narrow = (room / title.width(&panel.title)?.max(1.0)).min(1.0);
            if narrow < 0.6 {
                return Err(crowded("the panels' titles"));
            }
            let title = Font {
                size: title.size * narrow,
                ..title
            };
            let at = (place.left, place.top - 13.0);
            if !panel.title.is_empty() {
                page.canvas.text(&panel.title, at, &title, Align::Start)?;
            }
            let frame = Frame {
                x: x.moved((place.left, place.right)),
                y: y.moved((place.bottom, place.top)),
                x_labels: !x_alike || place.lowest,
                y_labels: !y_alike || place.first,
                upright,
                font: tick,
                size: if columns > 2 { 0.7 } else { 0.85 },
            };
            panel.plot(&mut page, &frame, &names)?;
            let (middle, centre) = (
                (place.left + place.right) / 2.0,
                (place.top + place.bottom) / 2.0,
            );
            if !x_alike {
                let at = (middle, place.bottom + under + 20.0);
                page.canvas
                    .text(&panel.x.label, at, &label, Align::Middle)?;
            }
            if !y_alike {
                let at = (place.left - own.0 + 10.0, centre);
                let room = place.bottom - place.top + 40.0;
                write_upright(&mut page.canvas, &panel.y.label, at, room, &crowded)?;
            }
        }
        if x_alike {
            let across = (shared.0 + wide - MARGIN) / 2.0;
            let at = (across, low - 22.0);
            page.canvas
                .text(&first.x.label, at, &label, Align::Middle)?;
        }
        if y_alike {
            let at = (MARGIN + 6.0, (shared.1 + high) / 2.0);
            let room = (shared.1 - high + 60.0).min(page.canvas.extent().1);
            write_upright(&mut page.canvas, &first.y.label, at, room, &crowded)?;
        }
        Ok(page.canvas)
    }
}

/// Panels side by side, on a page that is wider than high or not.
fn columns(panels: usize, wide: bool) -> usize {
    let columns = match panels {
        0..=3 => panels,
        4 => 2,
        n => (n as f64).sqrt().ceil() as usize,
    };
    if wide {
        columns
    } else {
        panels.div_ceil(columns)
    }
}

/// An axis's label read from below.
fn write_upright(
    canvas: &mut Canvas,
    text: &str,
    at: (f64, f64),
    room: f64,
    crowded: &dyn Fn(&'static str) -> PlotError,
) -> Result<(), PlotError> {
    let label = Font::plain(20.0);
    if label.width(text)? > room {
        return Err(crowded("the y axis's label"));
    }
    canvas.upright(text, at, &label, Align::Middle)
}

/// A chart as panels of at most [`MOST_LINES`] lines, in their order and equally full; guides, bands and contours are in
/// each.
fn panels(chart: &LineChart) -> Vec<LineChart> {
    if chart.lines() <= MOST_LINES {
        return vec![chart.clone()];
    }
    let (guides, lines): (Vec<&Series>, Vec<&Series>) = chart
        .series
        .iter()
        .partition(|series| series.guide || series.continued);
    let parts = lines.len().div_ceil(MOST_LINES);
    let each = lines.len().div_ceil(parts);
    let part = |(i, lines): (usize, &[&Series])| LineChart {
        title: format!("{} of {parts}", i + 1),
        series: lines
            .iter()
            .chain(&guides)
            .map(|&series| series.clone())
            .collect(),
        ..chart.clone()
    };
    lines.chunks(each).enumerate().map(part).collect()
}

/// The axes of each panel: over all panels' values where they are alike.
fn rulers(panels: &[&LineChart], x_alike: bool, y_alike: bool) -> Vec<(Ruler, Ruler)> {
    let reaches: Vec<_> = panels.iter().map(|panel| panel.reach()).collect();
    let all = |of: fn(&Reach) -> &Vec<f64>| -> Vec<f64> {
        reaches.iter().flat_map(|reach| of(reach).clone()).collect()
    };
    let (xs, ys) = (all(|reach| &reach.0), all(|reach| &reach.1));
    let each = panels.iter().zip(&reaches).map(|(panel, reach)| {
        let x = if x_alike { &xs } else { &reach.0 };
        let y = if y_alike { &ys } else { &reach.1 };
        (
            Ruler::over(panel.x.scale, x.iter().copied(), false, (0.0, 1.0)),
            Ruler::over(panel.y.scale, y.iter().copied(), true, (0.0, 1.0)),
        )
    });
    each.collect()
}

#[cfg(test)]
mod tests;
