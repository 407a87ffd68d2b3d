//! The legend: a column at the right of a plot, or rows below several.

use super::canvas::{Align, Canvas};
use super::font::Font;
use super::line::LineChart;
use super::page::{COLUMN, MARGIN, Page};
use super::series::Look;
use super::{Colour, PlotError};

const SAMPLE: f64 = 52.0;
const GAP: f64 = 12.0;
const BETWEEN: f64 = 10.0;
/// Half of the cap of an error bar, in pixels.
const CAP: f64 = 5.0;

/// A series' line and mark, or a band's colour.
enum Sample {
    Line(Look),
    Area(Colour),
}

struct Entry {
    sample: Sample,
    name: String,
    remark: String,
}

/// The names of all series, in the order of the legend, guides last: a series' place in it decides about its look.
pub(super) fn names<'a>(charts: &[&'a LineChart]) -> Vec<&'a str> {
    let mut names = Vec::new();
    for guide in [false, true] {
        let series = charts.iter().flat_map(|chart| &chart.series);
        for series in series.filter(|series| series.guide == guide) {
            if !names.contains(&series.name.as_str()) {
                names.push(&series.name);
            }
        }
    }
    names
}

/// An entry for each name. Remarks that differ from chart to chart carry the charts' titles.
fn entries(charts: &[&LineChart]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (index, name) in names(charts).into_iter().enumerate() {
        let mut sample = None;
        let mut remarks: Vec<(&str, &str)> = Vec::new();
        for chart in charts {
            for series in chart.series.iter().filter(|series| series.name == name) {
                sample.get_or_insert_with(|| {
                    let look = series.look(index);
                    match series.columns {
                        Some(_) => Sample::Area(look.colour),
                        None => Sample::Line(look),
                    }
                });
                remarks.extend(series.remark.as_deref().map(|r| (chart.title.as_str(), r)));
            }
        }
        let alike = remarks.iter().all(|remark| remark.1 == remarks[0].1);
        let remark = if alike {
            remarks.first().map_or(String::new(), |r| r.1.to_owned())
        } else {
            let titled = remarks.iter().map(|(title, r)| format!("{title}: {r}"));
            titled.collect::<Vec<_>>().join("; ")
        };
        entries.extend(sample.map(|sample| Entry {
            sample,
            name: name.to_owned(),
            remark,
        }));
    }
    let mut bands: Vec<&str> = Vec::new();
    for chart in charts {
        for (i, band) in chart.bands.iter().enumerate() {
            if !bands.contains(&band.label.as_str()) {
                bands.push(&band.label);
                entries.push(Entry {
                    sample: Sample::Area(band_colour(i)),
                    name: band.label.clone(),
                    remark: String::new(),
                });
            }
        }
    }
    for contours in charts.iter().filter_map(|chart| chart.contours.as_ref()) {
        entries.push(Entry {
            sample: Sample::Line(contours.look()),
            name: contours.name.clone(),
            remark: contours.remark.clone().unwrap_or_default(),
        });
    }
    entries
}

fn fonts() -> [Font; 2] {
    let small = Font {
        colour: Colour::GREY,
        ..Font::plain(16.0)
    };
    [Font::plain(18.0), small]
}

impl Entry {
    /// Its lines of text, broken to a width.
    fn lines(&self, width: f64) -> Result<Vec<(Font, String)>, PlotError> {
        let mut lines = Vec::new();
        for (font, text) in fonts().into_iter().zip([&self.name, &self.remark]) {
            let wrapped = font.wrap(text, width)?;
            lines.extend(wrapped.into_iter().map(|line| (font, line)));
        }
        Ok(lines)
    }

    /// Draws it with the middle of its first line at a height; where the next one is.
    fn draw(
        &self,
        canvas: &mut Canvas,
        (left, mut y): (f64, f64),
        width: f64,
    ) -> Result<f64, PlotError> {
        match self.sample {
            Sample::Line(look) => {
                if look.width > 0.0 {
                    let ends = [(left, y), (left + SAMPLE, y)];
                    canvas.line(&ends, look.width, look.colour, look.dash)?;
                }
                mark(canvas, (left + SAMPLE / 2.0, y), &look, 1.0)?;
            }
            Sample::Area(colour) => {
                canvas.rect((left, y - 9.0), (left + SAMPLE, y + 9.0), colour)?;
            }
        }
        for (font, line) in self.lines(width - SAMPLE - GAP)? {
            canvas.text(&line, (left + SAMPLE + GAP, y), &font, Align::Start)?;
            y += font.leading();
        }
        Ok(y)
    }
}

/// Draws the column of a page.
///
/// # Errors
/// [`PlotError::Crowded`] if the entries are taller than the plot.
pub(super) fn draw(page: &mut Page, chart: &LineChart) -> Result<(), PlotError> {
    let left = page.column();
    let mut y = page.top + 10.0;
    for entry in entries(&[chart]) {
        y = entry.draw(&mut page.canvas, (left, y), COLUMN)? + BETWEEN;
    }
    if y - BETWEEN - fonts()[0].leading() > page.bottom {
        return Err(PlotError::Crowded {
            picture: chart.title.clone(),
            what: "the legend",
        });
    }
    Ok(())
}

/// The legend of several charts, in rows across the page.
pub(super) struct Rows {
    entries: Vec<Entry>,
    columns: usize,
    /// Of each row of entries.
    heights: Vec<f64>,
    /// Between the margins.
    across: f64,
}

impl Rows {
    /// On a page so wide.
    pub fn of(charts: &[&LineChart], width: f64) -> Result<Self, PlotError> {
        let entries = entries(charts);
        let across = width - 2.0 * MARGIN;
        let mut widest = 0.0_f64;
        for entry in &entries {
            widest = widest.max(fonts()[0].width(&entry.name)?);
        }
        let fit = (across / (widest + SAMPLE + 3.0 * GAP)).floor().max(1.0) as usize;
        // As many rows as are needed, equally full.
        let rows = entries.len().div_ceil(fit.min(5)).max(1);
        let columns = entries.len().div_ceil(rows).max(1);
        let width = across / columns as f64 - 2.0 * GAP - SAMPLE;
        let mut heights = Vec::new();
        for row in entries.chunks(columns) {
            let mut tallest = 0.0_f64;
            for entry in row {
                let lines = entry.lines(width)?;
                tallest = tallest.max(lines.iter().map(|(font, _)| font.leading()).sum());
            }
            heights.push(tallest + BETWEEN);
        }
        Ok(Self {
            entries,
            columns,
            heights,
            across,
        })
    }

    pub fn height(&self) -> f64 {
        self.heights.iter().sum()
    }

    pub fn draw(&self, canvas: &mut Canvas, top: f64) -> Result<(), PlotError> {
        let width = self.across / self.columns as f64;
        let mut y = top + 10.0;
        for (row, height) in self.entries.chunks(self.columns).zip(&self.heights) {
            for (i, entry) in row.iter().enumerate() {
                entry.draw(canvas, (MARGIN + width * i as f64, y), width - GAP)?;
            }
            y += height;
        }
        Ok(())
    }
}

/// A series' mark with a white rim, so that it stands out where lines cross.
pub(super) fn mark(
    canvas: &mut Canvas,
    (x, y): (f64, f64),
    look: &Look,
    size: f64,
) -> Result<(), PlotError> {
    let inner = look.hollow.then_some((2.8, Colour::WHITE));
    for (radius, colour) in [(7.5, Colour::WHITE), (5.5, look.colour)]
        .into_iter()
        .chain(inner)
    {
        let outline: Vec<_> = look
            .marker
            .outline(size * radius)
            .into_iter()
            .map(|(dx, dy)| (x + dx, y + dy))
            .collect();
        if !outline.is_empty() {
            canvas.polygon(&outline, colour)?;
        }
    }
    Ok(())
}

/// An error bar with a cap at either end.
pub(super) fn bar(
    canvas: &mut Canvas,
    x: f64,
    (low, high): (f64, f64),
    look: &Look,
) -> Result<(), PlotError> {
    let solid = super::Dash::Solid;
    canvas.line(&[(x, low), (x, high)], 1.8, look.colour, solid)?;
    for y in [low, high] {
        canvas.line(&[(x - CAP, y), (x + CAP, y)], 1.8, look.colour, solid)?;
    }
    Ok(())
}

pub(super) fn band_colour(index: usize) -> Colour {
    Colour::BANDS[index % Colour::BANDS.len()]
}
