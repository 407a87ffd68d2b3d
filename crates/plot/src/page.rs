//! The frame of every picture: title above, notes below, a column for the legend at the right, the plot in what is
//! left.

use super::canvas::{Align, Canvas};
use super::font::Font;
use super::{Colour, PlotError};

pub(super) const MARGIN: f64 = 28.0;
/// Width of the legend's column.
pub(super) const COLUMN: f64 = 262.0;

#[derive(Debug)]
pub(super) struct Page {
    pub canvas: Canvas,
    /// The plot's rectangle in pixels.
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

/// The words of a picture outside of its plot.
pub(super) struct Words<'a> {
    pub title: &'a str,
    pub subtitle: &'a str,
    pub x: &'a str,
    pub y: &'a str,
    pub notes: &'a [String],
}

impl Page {
    /// Writes the words and leaves the plot's rectangle free, `ticks` pixels from the left label and `below` above
    /// the lower one.
    pub fn lay(words: &Words<'_>, ticks: f64, below: f64) -> Result<Self, PlotError> {
        for (what, text) in [
            ("title", words.title),
            ("x axis", words.x),
            ("y axis", words.y),
        ] {
            if text.trim().is_empty() {
                return Err(PlotError::Unlabelled {
                    picture: words.title.into(),
                    what,
                });
            }
        }
        let label = Font::plain(20.0);
        let (mut canvas, top, y) = begin(words.title, words.subtitle, words.notes)?;
        let label_y = y - if words.notes.is_empty() { 4.0 } else { 12.0 };
        let (width, _) = canvas.extent();

        let left = MARGIN + 36.0 + ticks;
        let right = width - MARGIN - COLUMN - 24.0;
        let x_lines = label.wrap(words.x, right - left)?;
        let first = label_y - label.leading() * (x_lines.len() as f64 - 1.0);
        let bottom = first - 24.0 - below;
        if bottom - top < 300.0 || right - left < 450.0 {
            return Err(PlotError::Crowded {
                picture: words.title.into(),
                what: "title, notes and axis labels",
            });
        }
        for (i, line) in x_lines.iter().enumerate() {
            canvas.text(
                line,
                ((left + right) / 2.0, first + label.leading() * i as f64),
                &label,
                Align::Middle,
            )?;
        }
        if label.width(words.y)? > bottom - top + 60.0 {
            return Err(PlotError::Crowded {
                picture: words.title.into(),
                what: "the y axis's label",
            });
        }
        canvas.upright(
            words.y,
            (MARGIN + 6.0, (top + bottom) / 2.0),
            &label,
            Align::Middle,
        )?;
        Ok(Self {
            canvas,
            left,
            right,
            top,
            bottom,
        })
    }

    /// Where the legend's column starts.
    pub fn column(&self) -> f64 {
        self.right + 24.0
    }
}

/// An empty page under its title and above its notes: where the room between them starts and ends.
pub(super) fn begin(
    title: &str,
    subtitle: &str,
    notes: &[String],
) -> Result<(Canvas, f64, f64), PlotError> {
    begin_on(Canvas::new(), title, subtitle, notes)
}

/// As [`begin`], on a page of any size.
pub(super) fn begin_on(
    mut canvas: Canvas,
    title: &str,
    subtitle: &str,
    notes: &[String],
) -> Result<(Canvas, f64, f64), PlotError> {
    let (width, height) = canvas.extent();
    let (bold, below) = (
        Font {
            bold: true,
            ..Font::plain(28.0)
        },
        Font {
            colour: Colour::GREY,
            ..Font::plain(18.0)
        },
    );
    let note = Font {
        colour: Colour::GREY,
        ..Font::plain(17.0)
    };
    let across = width - 2.0 * MARGIN;
    let mut top = MARGIN + 8.0;
    for (font, text) in [(bold, title), (below, subtitle)] {
        for line in font.wrap(text, across)? {
            canvas.text(&line, (MARGIN, top), &font, Align::Start)?;
            top += font.leading();
        }
    }
    let mut lines = Vec::new();
    for text in notes {
        lines.extend(note.wrap(text, across)?);
    }
    let mut bottom = height - MARGIN + 8.0;
    for line in lines.iter().rev() {
        canvas.text(line, (MARGIN, bottom), &note, Align::Start)?;
        bottom -= note.leading();
    }
    Ok((canvas, top + 12.0, bottom))
}
