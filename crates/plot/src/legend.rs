//! The legend: a column at the right of the plot.

use super::canvas::Align;
use super::font::Font;
use super::line::LineChart;
use super::page::{COLUMN, Page};
use super::series::Look;
use super::{Colour, PlotError};

const SAMPLE: f64 = 52.0;
const GAP: f64 = 12.0;
const BETWEEN: f64 = 10.0;

/// A series' line and mark, or a band's colour.
enum Sample {
    Line(Look),
    Area(Colour),
}

/// Draws an entry for each series and each band.
///
/// # Errors
/// [`PlotError::Crowded`] if the entries are taller than the plot.
pub(super) fn draw(page: &mut Page, chart: &LineChart) -> Result<(), PlotError> {
    let name = Font::plain(18.0);
    let small = Font {
        colour: Colour::GREY,
        ..Font::plain(16.0)
    };
    let series = chart.series.iter().enumerate().map(|(i, s)| {
        let look = s.look(i);
        (
            match s.columns {
                Some(_) => Sample::Area(look.colour),
                None => Sample::Line(look),
            },
            s.name.as_str(),
            s.remark.as_deref(),
        )
    });
    let bands = chart
        .bands
        .iter()
        .enumerate()
        .map(|(i, b)| (Sample::Area(band_colour(i)), b.label.as_str(), None));
    let contours = chart.contours.iter().map(|contours| {
        (
            Sample::Line(contours.look()),
            contours.name.as_str(),
            contours.remark.as_deref(),
        )
    });
    let left = page.column();
    let words = left + SAMPLE + GAP;
    let mut y = page.top + 10.0;
    for (sample, text, remark) in series.chain(bands).chain(contours) {
        match sample {
            Sample::Line(look) => {
                if look.width > 0.0 {
                    let ends = [(left, y), (left + SAMPLE, y)];
                    page.canvas
                        .line(&ends, look.width, look.colour, look.dash)?;
                }
                mark(page, (left + SAMPLE / 2.0, y), &look)?;
            }
            Sample::Area(colour) => {
                page.canvas
                    .rect((left, y - 9.0), (left + SAMPLE, y + 9.0), colour)?;
            }
        }
        for (font, text) in [(name, text), (small, remark.unwrap_or_default())] {
            for line in font.wrap(text, COLUMN - SAMPLE - GAP)? {
                page.canvas.text(&line, (words, y), &font, Align::Start)?;
                y += font.leading();
            }
        }
        y += BETWEEN;
    }
    if y - BETWEEN - name.leading() > page.bottom {
        return Err(PlotError::Crowded {
            picture: chart.title.clone(),
            what: "the legend",
        });
    }
    Ok(())
}

/// A series' mark with a white rim, so that it stands out where lines cross.
pub(super) fn mark(page: &mut Page, (x, y): (f64, f64), look: &Look) -> Result<(), PlotError> {
    for (radius, colour) in [(7.5, Colour::WHITE), (5.5, look.colour)] {
        let outline: Vec<_> = look
            .marker
            .outline(radius)
            .into_iter()
            .map(|(dx, dy)| (x + dx, y + dy))
            .collect();
        if !outline.is_empty() {
            page.canvas.polygon(&outline, colour)?;
        }
    }
    Ok(())
}

pub(super) fn band_colour(index: usize) -> Colour {
    Colour::BANDS[index % Colour::BANDS.len()]
}
