//! The one font, and how wide words are in it.

use super::canvas::{OVER, failed};
use super::{Colour, PlotError};
use plotters::prelude::{FontDesc, FontFamily, FontStyle};
use std::sync::OnceLock;

pub(super) const FAMILY: &str = "DejaVu Sans";

/// Size in pixels, weight and colour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Font {
    pub size: f64,
    pub bold: bool,
    pub colour: Colour,
}

impl Font {
    pub fn plain(size: f64) -> Self {
        Self {
            size,
            bold: false,
            colour: Colour::BLACK,
        }
    }

    pub fn desc(&self) -> Result<FontDesc<'static>, PlotError> {
        self.desc_at(f64::from(OVER))
    }

    /// So many pixels to a unit of the page.
    pub fn desc_at(&self, fine: f64) -> Result<FontDesc<'static>, PlotError> {
        static FONTS: OnceLock<bool> = OnceLock::new();
        let registered = *FONTS.get_or_init(|| {
            let fonts = [
                (FontStyle::Normal, dejavu::sans::regular()),
                (FontStyle::Bold, dejavu::sans::bold()),
            ];
            fonts
                .into_iter()
                .all(|(style, bytes)| plotters::style::register_font(FAMILY, style, bytes).is_ok())
        });
        if !registered {
            return Err(failed("a font that cannot be read"));
        }
        let style = if self.bold {
            FontStyle::Bold
        } else {
            FontStyle::Normal
        };
        Ok(FontDesc::new(
            FontFamily::Name(FAMILY),
            self.size * fine,
            style,
        ))
    }

    /// Width of a text in pixels.
    pub fn width(&self, text: &str) -> Result<f64, PlotError> {
        let (w, _) = self.desc()?.box_size(text).map_err(failed)?;
        Ok(f64::from(w) / f64::from(OVER))
    }

    /// A text of at most `width` pixels: what is too long ends in an ellipsis.
    pub fn shortened(&self, text: &str, width: f64) -> Result<String, PlotError> {
        let mut short = String::new();
        for c in text.chars() {
            short.push(c);
            if self.width(&short)? > width {
                while !short.is_empty() && self.width(&format!("{short}…"))? > width {
                    short.pop();
                }
                return Ok(short + "…");
            }
        }
        Ok(short)
    }

    /// Lines of at most `width` pixels, broken between words, and within a word only where it alone is too wide.
    pub fn wrap(&self, text: &str, width: f64) -> Result<Vec<String>, PlotError> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split_whitespace() {
            let longer = if line.is_empty() {
                word.to_owned()
            } else {
                format!("{line} {word}")
            };
            if self.width(&longer)? <= width {
                line = longer;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for c in word.chars() {
                line.push(c);
                if line.chars().count() > 1 && self.width(&line)? > width {
                    line.pop();
                    lines.push(std::mem::replace(&mut line, c.to_string()));
                }
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        Ok(lines)
    }

    /// From one line's middle to the next one's.
    pub fn leading(&self) -> f64 {
        1.15 * self.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapped_text_is_whole_and_fits() {
        let font = Font::plain(16.0);
        let text = "peak memory of the reverse sweep averyveryverylongwordwithoutanyspace";
        let lines = font.wrap(text, 120.0).unwrap();
        assert!(
            lines.len() > 3 && lines.iter().all(|l| font.width(l).unwrap() <= 120.0),
            "{lines:?}"
        );
        assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""));
        assert!(font.wrap("", 50.0).unwrap().is_empty());
        let short = font.shortened(text, 120.0).unwrap();
        assert!(short.ends_with('…') && font.width(&short).unwrap() <= 120.0);
        assert_eq!(font.shortened("short", 120.0).unwrap(), "short");
        // Narrower than one letter: a letter a line, and an end.
        assert_eq!(font.wrap("abc", 1.0).unwrap().len(), 3);
    }
}
