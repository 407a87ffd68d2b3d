//! What the colours of a heat map mean: the column at its right.

use super::HeatMap;
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
    paragraph(page, &mut y, &font, &map.value)?;
    y += 10.0;
    paragraph(
        page,
        &mut y,
        &Font {
            colour: Colour::VERMILION.towards(Colour::BLACK, 0.35),
            bold: true,
            ..small
        },
        &map.above,
    )?;
    let (top, height) = (y + 4.0, 260.0);
    for i in 0..260 {
        let t = 1.0 - 2.0 * (f64::from(i) + 0.5) / height;
        page.canvas.rect(
            (left, top + f64::from(i)),
            (left + 30.0, top + f64::from(i) + 1.0),
            Colour::diverging(t),
        )?;
    }
    for value in marks(reach) {
        let at = top + height / 2.0 * (1.0 - value.log10() / reach);
        page.canvas.line(
            &[(left + 30.0, at), (left + 36.0, at)],
            1.5,
            Colour::GREY,
            Dash::Solid,
        )?;
        page.canvas
            .text(&number(value), (left + 42.0, at), &small, Align::Start)?;
    }
    y = top + height + 16.0;
    paragraph(
        page,
        &mut y,
        &Font {
            colour: Colour::BLUE.towards(Colour::BLACK, 0.35),
            bold: true,
            ..small
        },
        &map.below,
    )?;
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
