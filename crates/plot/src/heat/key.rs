//! What the colours of a heat map mean: the column at its right.

use super::{HeatMap, Shade};
use crate::canvas::{Align, Canvas};
use crate::font::Font;
use crate::number::number;
use crate::page::{COLUMN, Page};
use crate::{Colour, Dash, PlotError};

const HATCH: Colour = Colour(170, 170, 170);

/// Draws the colour scale with its words, and the hatching if a cell is missing.
pub(super) fn draw(map: &HeatMap, page: &mut Page, reach: f64) -> Result<(), PlotError> {
    let (font, small) = (Font::plain(18.0), Font::plain(16.0));
    let left = page.column();
    let mut y = page.top + 10.0;
    let paragraph =
        |page: &mut Page, y: &mut f64, font: &Font, text: &str| -> Result<(), PlotError> {
            for line in font.wrap(text, COLUMN)? {
                page.canvas.text(&line, (left, *y), font, Align::Start)?;
                *y += font.leading();
            }
            Ok(())
        };
    let bold = |colour: Colour| Font {
        colour: colour.towards(Colour::BLACK, 0.35),
        bold: true,
        ..small
    };
    paragraph(page, &mut y, &font, &map.value)?;
    y += 10.0;
    if map.shade == Shade::Ratio {
        paragraph(page, &mut y, &bold(Colour::VERMILION), &map.above)?;
    }
    let (top, height) = (y + 4.0, 260.0);
    for i in 0..260 {
        // From 1 at the top to 0 at the bottom.
        let t = 1.0 - (f64::from(i) + 0.5) / height;
        let colour = match map.shade {
            Shade::Ratio => Colour::diverging(2.0 * t - 1.0),
            Shade::Share => Colour::rising(t),
        };
        let low = (left, top + f64::from(i));
        page.canvas.rect(low, (left + 30.0, low.1 + 1.0), colour)?;
    }
    let marks: Vec<(f64, String)> = match map.shade {
        Shade::Ratio => marks(reach)
            .into_iter()
            .map(|value| (0.5 + 0.5 * value.log10() / reach, number(value)))
            .collect(),
        Shade::Share => (0..=4)
            .map(|i| (f64::from(i) / 4.0, format!("{} %", 25 * i)))
            .collect(),
    };
    for (share, words) in marks {
        let at = top + height * (1.0 - share);
        let ends = [(left + 30.0, at), (left + 36.0, at)];
        page.canvas.line(&ends, 1.5, Colour::GREY, Dash::Solid)?;
        page.canvas
            .text(&words, (left + 42.0, at), &small, Align::Start)?;
    }
    y = top + height + 16.0;
    if map.shade == Shade::Ratio {
        paragraph(page, &mut y, &bold(Colour::BLUE), &map.below)?;
    }
    if map.cells.iter().flatten().any(Option::is_none) {
        y += 14.0;
        hatch(&mut page.canvas, (left, y - 10.0), (left + 30.0, y + 10.0))?;
        page.canvas
            .text("not measured", (left + 42.0, y), &small, Align::Start)?;
        y += small.leading();
    }
    if let Some(frontier) = &map.frontier {
        y += 14.0;
        let ends = [(left, y), (left + 30.0, y)];
        page.canvas
            .line(&ends, super::FRONTIER, Colour::BLACK, Dash::Solid)?;
        for line in small.wrap(&frontier.name, COLUMN - 42.0)? {
            page.canvas
                .text(&line, (left + 42.0, y), &small, Align::Start)?;
            y += small.leading();
        }
    }
    if y > page.bottom + 40.0 {
        return Err(PlotError::Crowded {
            picture: map.title.clone(),
            what: "the legend",
        });
    }
    Ok(())
}

/// Values marked on the colour scale: 1 and, on either side, about three more.
pub(super) fn marks(reach: f64) -> Vec<f64> {
    let upper: Vec<f64> = if reach >= 1.0 {
        let every = (reach / 3.0).ceil() as i32;
        (1..=reach as i32)
            .filter(|k| k % every == 0)
            .map(|k| 10f64.powi(k))
            .collect()
    } else {
        [1.5, 2.0, 3.0, 5.0]
            .into_iter()
            .filter(|v: &f64| v.log10() <= reach)
            .collect()
    };
    upper
        .iter()
        .map(|v| 1.0 / v)
        .chain([1.0])
        .chain(upper.iter().copied())
        .collect()
}

/// Grey stripes on white.
pub(super) fn hatch(
    canvas: &mut Canvas,
    low: (f64, f64),
    high: (f64, f64),
) -> Result<(), PlotError> {
    let (w, h) = (high.0 - low.0, high.1 - low.1);
    let mut offset = 6.0;
    while offset < w + h {
        // The stripe x + y = offset, from where it enters the rectangle to where it leaves.
        let (x0, x1) = ((offset - h).max(0.0), offset.min(w));
        let ends = [
            (low.0 + x0, low.1 + offset - x0),
            (low.0 + x1, low.1 + offset - x1),
        ];
        canvas.line(&ends, 1.0, HATCH, Dash::Solid)?;
        offset += 9.0;
    }
    Ok(())
}
