//! The page in pixels: text, lines and areas at fractions of a pixel, smoothed.
//!
//! Everything is drawn at twice the size and averaged: `plotters` smooths thin lines and text, but neither thick
//! lines nor polygons.

use super::font::Font;
use super::{Colour, Dash, PlotError};
use image::codecs::png::PngEncoder;
use image::{ColorType, ImageEncoder};
use plotters::prelude::{
    BitMapBackend, DrawingBackend, FontTransform, RGBColor, ShapeStyle, TextStyle,
};

/// Width of a picture in pixels.
pub const WIDTH: u32 = 1200;
/// Height of a picture in pixels.
pub const HEIGHT: u32 = 800;

pub(super) const OVER: u32 = 2;

pub(super) type At = (f64, f64);

/// Where a text stands relative to its place, along the direction of reading.
#[derive(Clone, Copy, Debug)]
pub(super) enum Align {
    Start,
    Middle,
    End,
}

#[derive(Debug)]
pub(super) struct Canvas {
    pixels: Vec<u8>,
    /// What was written, and where: left, top, right and bottom.
    #[cfg(test)]
    pub texts: Vec<(String, [f64; 4])>,
}

impl Canvas {
    pub fn new() -> Self {
        Self {
            pixels: vec![255; (WIDTH * OVER * HEIGHT * OVER * 3) as usize],
            #[cfg(test)]
            texts: Vec::new(),
        }
    }

    fn backend(&mut self) -> BitMapBackend<'_> {
        BitMapBackend::with_buffer(&mut self.pixels, (WIDTH * OVER, HEIGHT * OVER))
    }

    pub fn polygon(&mut self, corners: &[At], colour: Colour) -> Result<(), PlotError> {
        let corners: Vec<_> = corners.iter().map(|&p| fine(p)).collect();
        self.backend()
            .fill_polygon(corners, &shape(colour))
            .map_err(failed)
    }

    pub fn rect(&mut self, low: At, high: At, colour: Colour) -> Result<(), PlotError> {
        self.backend()
            .draw_rect(fine(low), fine(high), &shape(colour), true)
            .map_err(failed)
    }

    /// A line through points, with round joints.
    pub fn line(
        &mut self,
        points: &[At],
        width: f64,
        colour: Colour,
        dash: Dash,
    ) -> Result<(), PlotError> {
        let pattern = dash.pattern();
        let period: f64 = pattern.iter().sum();
        // Carried over corners, so that a dash does not start anew at each point.
        let mut walked = 0.0;
        for pair in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let length = (x1 - x0).hypot(y1 - y0);
            let at = |s: f64| (x0 + (x1 - x0) * s / length, y0 + (y1 - y0) * s / length);
            if pattern.is_empty() || length == 0.0 {
                self.stroke(pair[0], pair[1], width, colour)?;
                continue;
            }
            let mut s = 0.0;
            while s < length {
                let mut left = walked % period;
                let mut piece = 0;
                while piece + 1 < pattern.len() && left >= pattern[piece] {
                    left -= pattern[piece];
                    piece += 1;
                }
                // At least a pixel on, so that rounding can never stop the walk.
                let end = (s + (pattern[piece] - left).max(1.0)).min(length);
                if piece % 2 == 0 {
                    self.stroke(at(s), at(end), width, colour)?;
                }
                walked += end - s;
                s = end;
            }
        }
        Ok(())
    }

    fn stroke(&mut self, a: At, b: At, width: f64, colour: Colour) -> Result<(), PlotError> {
        let length = (b.0 - a.0).hypot(b.1 - a.1).max(1e-9);
        let (nx, ny) = (
            (b.1 - a.1) / length * width / 2.0,
            (a.0 - b.0) / length * width / 2.0,
        );
        if nx == 0.0 || ny == 0.0 {
            let (low, high) = ((a.0.min(b.0), a.1.min(b.1)), (a.0.max(b.0), a.1.max(b.1)));
            let (hx, hy) = (nx.abs(), ny.abs());
            return self.rect((low.0 - hx, low.1 - hy), (high.0 + hx, high.1 + hy), colour);
        }
        self.polygon(
            &[
                (a.0 + nx, a.1 + ny),
                (b.0 + nx, b.1 + ny),
                (b.0 - nx, b.1 - ny),
                (a.0 - nx, a.1 - ny),
            ],
            colour,
        )?;
        for end in [a, b] {
            let round = super::Marker::Circle.outline(width / 2.0);
            self.polygon(
                &round
                    .iter()
                    .map(|(x, y)| (end.0 + x, end.1 + y))
                    .collect::<Vec<_>>(),
                colour,
            )?;
        }
        Ok(())
    }

    /// Text whose capitals are centred on `at` across the direction of reading.
    pub fn text(&mut self, text: &str, at: At, font: &Font, align: Align) -> Result<(), PlotError> {
        self.write(text, at, font, align, false)
    }

    /// As [`Canvas::text`], read from below.
    pub fn upright(
        &mut self,
        text: &str,
        at: At,
        font: &Font,
        align: Align,
    ) -> Result<(), PlotError> {
        self.write(text, at, font, align, true)
    }

    fn write(
        &mut self,
        text: &str,
        (x, y): At,
        font: &Font,
        align: Align,
        upright: bool,
    ) -> Result<(), PlotError> {
        let width = font.width(text)?;
        let back = match align {
            Align::Start => 0.0,
            Align::Middle => width / 2.0,
            Align::End => width,
        };
        // plotters puts the baseline half a size below the place it is given; a capital is about 0.62 of a size high.
        let up = 0.19 * font.size;
        #[cfg(test)]
        {
            let half = 0.4 * font.size;
            self.texts.push((
                text.to_owned(),
                if upright {
                    [x - half, y + back - width, x + half, y + back]
                } else {
                    [x - back, y - half, x - back + width, y + half]
                },
            ));
        }
        let (at, turn) = if upright {
            ((x - up, y + back), FontTransform::Rotate270)
        } else {
            ((x - back, y - up), FontTransform::None)
        };
        let desc = font.desc()?.transform(turn);
        let colour = rgb(font.colour);
        let style = TextStyle::from(desc).color(&colour);
        self.backend()
            .draw_text(text, &style, fine(at))
            .map_err(failed)
    }

    /// Averages down to the page and encodes it.
    pub fn png(&self) -> Result<Vec<u8>, PlotError> {
        let mut bytes = Vec::new();
        PngEncoder::new(&mut bytes)
            .write_image(&self.page(), WIDTH, HEIGHT, ColorType::Rgb8)
            .map_err(failed)?;
        Ok(bytes)
    }

    fn page(&self) -> Vec<u8> {
        let (w, over) = (WIDTH as usize, OVER as usize);
        let mut page = Vec::with_capacity(w * HEIGHT as usize * 3);
        for y in 0..HEIGHT as usize {
            for x in 0..w {
                for c in 0..3 {
                    let pixel = |dy: usize, dx: usize| {
                        u32::from(self.pixels[((y * over + dy) * w * over + x * over + dx) * 3 + c])
                    };
                    let sum: u32 = (0..over)
                        .flat_map(|dy| (0..over).map(move |dx| (dy, dx)))
                        .map(|(dy, dx)| pixel(dy, dx))
                        .sum();
                    page.push((sum / (OVER * OVER)) as u8);
                }
            }
        }
        page
    }

    /// All words lie on the page, and none over others.
    #[cfg(test)]
    pub fn assert_words_apart(&self) {
        let (width, height) = (f64::from(WIDTH), f64::from(HEIGHT));
        for (i, (text, [left, top, right, bottom])) in self.texts.iter().enumerate() {
            assert!(
                *left >= 0.0 && *top >= 0.0 && *right <= width && *bottom <= height,
                "{text:?} leaves the page: {left} {top} {right} {bottom}"
            );
            for (other, [l, t, r, b]) in &self.texts[..i] {
                let apart = right <= l || r <= left || bottom <= t || b <= top;
                assert!(apart, "{text:?} lies over {other:?}");
            }
        }
    }

    /// How many pixels of the page have exactly this colour.
    #[cfg(test)]
    pub fn count(&self, colour: Colour) -> usize {
        self.page()
            .chunks(3)
            .filter(|p| **p == [colour.0, colour.1, colour.2])
            .count()
    }
}

fn fine((x, y): At) -> (i32, i32) {
    let scale = f64::from(OVER);
    ((x * scale).round() as i32, (y * scale).round() as i32)
}

fn rgb(colour: Colour) -> RGBColor {
    RGBColor(colour.0, colour.1, colour.2)
}

fn shape(colour: Colour) -> ShapeStyle {
    ShapeStyle::from(rgb(colour)).filled()
}

pub(super) fn failed(detail: impl ToString) -> PlotError {
    PlotError::Draw {
        detail: detail.to_string(),
    }
}

#[cfg(test)]
mod tests;
