//! The page: text, lines and areas at fractions of a pixel, kept as shapes and drawn as PNG or SVG.
//!
//! A PNG is drawn at twice the size and averaged: `plotters` smooths thin lines and text, but neither thick lines nor
//! polygons. A page that is to be larger or smaller is laid out as one of the usual area and scaled, words and all.

use super::font::{FAMILY, Font};
use super::{Colour, Dash, PlotError};
use image::codecs::png::PngEncoder;
use image::{ColorType, ImageEncoder};
use plotters::prelude::{
    BitMapBackend, DrawingBackend, FontTransform, RGBColor, SVGBackend, ShapeStyle, TextStyle,
};

/// Width of a picture in pixels.
pub const WIDTH: u32 = 1200;
/// Height of a picture in pixels.
pub const HEIGHT: u32 = 800;

pub(super) const OVER: u32 = 2;

/// Parts of a pixel that an SVG counts in.
const FRACTIONS: u32 = 10;

pub(super) type At = (f64, f64);

/// Where a text stands relative to its place, along the direction of reading.
#[derive(Clone, Copy, Debug)]
pub(super) enum Align {
    Start,
    Middle,
    End,
}

/// Something on the page.
#[derive(Debug)]
enum Shape {
    Polygon(Vec<At>, Colour),
    Rect(At, At, Colour),
    Text {
        text: String,
        at: At,
        font: Font,
        upright: bool,
    },
}

#[derive(Debug)]
pub(super) struct Canvas {
    /// Pixels of the picture.
    size: (u32, u32),
    /// Pixels of the picture to a unit of the page.
    scale: f64,
    shapes: Vec<Shape>,
    /// What was written, and where: left, top, right and bottom.
    #[cfg(test)]
    pub texts: Vec<(String, [f64; 4])>,
}

impl Canvas {
    /// A page of the usual size.
    pub fn new() -> Self {
        Self::sized((WIDTH, HEIGHT))
    }

    /// A page of the usual area, in the proportions of a picture of so many pixels.
    pub fn sized(size: (u32, u32)) -> Self {
        let area = f64::from(size.0) * f64::from(size.1);
        Self {
            size,
            scale: (area / (f64::from(WIDTH) * f64::from(HEIGHT))).sqrt(),
            shapes: Vec::new(),
            #[cfg(test)]
            texts: Vec::new(),
        }
    }

    /// Width and height in the units that things are placed in.
    pub fn extent(&self) -> (f64, f64) {
        let (width, height) = self.size;
        (
            f64::from(width) / self.scale,
            f64::from(height) / self.scale,
        )
    }

    /// Draws everything, so many pixels to a unit.
    fn render<B: DrawingBackend>(&self, backend: &mut B, fine: f64) -> Result<(), PlotError> {
        let place = |(x, y): At| ((x * fine).round() as i32, (y * fine).round() as i32);
        for shape in &self.shapes {
            match shape {
                Shape::Polygon(corners, colour) => {
                    let corners: Vec<_> = corners.iter().map(|&corner| place(corner)).collect();
                    backend.fill_polygon(corners, &filled(*colour))
                }
                Shape::Rect(low, high, colour) => {
                    backend.draw_rect(place(*low), place(*high), &filled(*colour), true)
                }
                Shape::Text {
                    text,
                    at,
                    font,
                    upright,
                } => {
                    let turn = match upright {
                        true => FontTransform::Rotate270,
                        false => FontTransform::None,
                    };
                    let colour = rgb(font.colour);
                    let style = TextStyle::from(font.desc_at(fine)?.transform(turn)).color(&colour);
                    backend.draw_text(text, &style, place(*at))
                }
            }
            .map_err(failed)?;
        }
        Ok(())
    }

    pub fn polygon(&mut self, corners: &[At], colour: Colour) -> Result<(), PlotError> {
        self.shapes.push(Shape::Polygon(corners.to_vec(), colour));
        Ok(())
    }

    pub fn rect(&mut self, low: At, high: At, colour: Colour) -> Result<(), PlotError> {
        self.shapes.push(Shape::Rect(low, high, colour));
        Ok(())
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
        let at = if upright {
            (x - up, y + back)
        } else {
            (x - back, y - up)
        };
        self.shapes.push(Shape::Text {
            text: text.into(),
            at,
            font: *font,
            upright,
        });
        Ok(())
    }

    /// Draws the page, averages it down and encodes it.
    pub fn png(&self) -> Result<Vec<u8>, PlotError> {
        let mut bytes = Vec::new();
        let (width, height) = self.size;
        PngEncoder::new(&mut bytes)
            .write_image(&self.page()?, width, height, ColorType::Rgb8)
            .map_err(failed)?;
        Ok(bytes)
    }

    /// The page as SVG, whose text is text.
    pub fn svg(&self) -> Result<String, PlotError> {
        let (width, height) = self.size;
        let mut svg = String::new();
        {
            let mut backend =
                SVGBackend::with_string(&mut svg, (width * FRACTIONS, height * FRACTIONS));
            backend
                .draw_rect(
                    (0, 0),
                    ((width * FRACTIONS) as i32, (height * FRACTIONS) as i32),
                    &filled(Colour::WHITE),
                    true,
                )
                .map_err(failed)?;
            self.render(&mut backend, self.scale * f64::from(FRACTIONS))?;
            backend.present().map_err(failed)?;
        }
        // Its coordinates are whole numbers, so they count fractions of a pixel; the size is still that asked for.
        let [wide, high] = [width, height].map(|n| n * FRACTIONS);
        let svg = svg.replacen(
            &format!("width=\"{wide}\" height=\"{high}\""),
            &format!("width=\"{width}\" height=\"{height}\""),
            1,
        );
        // A reader may not have the font: one of about the same widths is named after it.
        let font = |name: &str| format!("font-family=\"{name}\"");
        let svg = svg.replace(&font(FAMILY), &font("DejaVu Sans, Verdana, sans-serif"));
        // Where plotters has the top of a line, browsers have it a little lower.
        Ok(svg.replace("dy=\"0.76em\"", "dy=\"0.62em\""))
    }

    fn page(&self) -> Result<Vec<u8>, PlotError> {
        let (width, height) = self.size;
        let mut pixels = vec![255; (width * OVER) as usize * (height * OVER) as usize * 3];
        let mut backend = BitMapBackend::with_buffer(&mut pixels, (width * OVER, height * OVER));
        self.render(&mut backend, self.scale * f64::from(OVER))?;
        drop(backend);
        let (w, h, over) = (width as usize, height as usize, OVER as usize);
        let mut page = Vec::with_capacity(w * h * 3);
        for y in 0..h {
            for x in 0..w {
                for c in 0..3 {
                    let pixel = |dy: usize, dx: usize| {
                        u32::from(pixels[((y * over + dy) * w * over + x * over + dx) * 3 + c])
                    };
                    let sum: u32 = (0..over)
                        .flat_map(|dy| (0..over).map(move |dx| (dy, dx)))
                        .map(|(dy, dx)| pixel(dy, dx))
                        .sum();
                    page.push((sum / (OVER * OVER)) as u8);
                }
            }
        }
        Ok(page)
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
            .unwrap()
            .chunks(3)
            .filter(|p| **p == [colour.0, colour.1, colour.2])
            .count()
    }
}

fn rgb(colour: Colour) -> RGBColor {
    RGBColor(colour.0, colour.1, colour.2)
}

fn filled(colour: Colour) -> ShapeStyle {
    ShapeStyle::from(rgb(colour)).filled()
}

pub(super) fn failed(detail: impl ToString) -> PlotError {
    PlotError::Draw {
        detail: detail.to_string(),
    }
}

#[cfg(test)]
mod tests;
