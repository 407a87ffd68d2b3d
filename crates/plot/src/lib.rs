//! Pictures: line charts (with columns and contours where wanted), one or several on a page, a heat map and a tree, 1200 x 800
//! pixels, each with its numbers beside it; several charts on a page are of any size, and SVG where wanted.
//!
//! [`LineChart::save`], [`Multiples::save`], [`HeatMap::save`] and [`TreeChart::save`] write `name.png` and `name.csv`. The font is compiled in, so that
//! nothing of the system is needed and a picture is the same everywhere. Colours are Okabe and Ito's, which the
//! colour-blind tell apart, and every series has a marker of its own too. [`Mode`] and [`Dtype`] have the same colour and
//! the same line in every picture, and what was not [measured](Series::predicted) is outlined and dotted. Legend and
//! notes have room of their own and never lie over data.
//!
//! The layout is done here and only the drawing is `plotters`': its charts place legends inside the plot and ticks of
//! a logarithmic axis where they cannot be read.

mod axis;
mod canvas;
mod colour;
mod contours;
mod dash;
mod font;
mod heat;
mod legend;
mod line;
mod marker;
mod mode;
mod multiples;
mod number;
mod page;
mod series;
mod tree;

pub use axis::{Axis, Scale};
pub use canvas::{HEIGHT, WIDTH};
pub use colour::Colour;
pub use contours::Contours;
pub use dash::Dash;
pub use heat::{Categories, Frontier, HeatMap, Labels, Shade};
pub use line::{LineChart, MOST_LINES};
pub use marker::Marker;
pub use mode::{Dtype, Mode};
pub use multiples::{MOST_PANELS, Multiples};
pub use number::number;
pub use series::{Band, Series};
pub use tree::{Branch, TreeChart};

use std::path::{Path, PathBuf};

/// Why there is no picture. Nothing has been written, except for [`PlotError::Write`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlotError {
    /// Nothing to draw: no series, a series without points, no row, no column, or no measured cell.
    #[error("picture {picture:?}: expected {expected}, got none; leave it out or measure it")]
    Empty {
        /// The picture's title.
        picture: String,
        /// What is missing.
        expected: String,
    },
    /// NaN, infinity, or a value that is not positive on a logarithmic scale.
    #[error(
        "picture {picture:?}: {place}: expected {expected}, got {value}; leave the point out or choose a linear scale"
    )]
    Value {
        /// The picture's title.
        picture: String,
        /// Series and point, band, or cell.
        place: String,
        /// The values that can be drawn.
        expected: &'static str,
        /// The value.
        value: f64,
    },
    /// Rows of a heat map that do not fit its categories.
    #[error(
        "picture {picture:?}: expected {expected} cells ({place}), got {got}; give one row per y category and one cell per x category"
    )]
    Shape {
        /// The picture's title.
        picture: String,
        /// Which row, or all rows.
        place: String,
        /// Number of cells that fit.
        expected: usize,
        /// Number of cells that came.
        got: usize,
    },
    /// A title or axis without words: a picture must say what it shows and in which unit.
    #[error(
        "picture {picture:?}: expected a label for the {what}, got none; name the quantity and its unit"
    )]
    Unlabelled {
        /// The picture's title.
        picture: String,
        /// Title or axis.
        what: &'static str,
    },
    /// Words, entries or cells that do not fit on the page at a readable size.
    #[error(
        "picture {picture:?}: expected {what} to fit on {WIDTH} x {HEIGHT} pixels, got too much; draw two pictures or shorten the words"
    )]
    Crowded {
        /// The picture's title.
        picture: String,
        /// What takes too much room.
        what: &'static str,
    },
    /// A name that is not a PNG's.
    #[error("{path}: expected a file name that ends in .png, got another; pictures are PNG", path = .path.display())]
    NotPng {
        /// The name.
        path: PathBuf,
    },
    /// A file that could not be written.
    #[error("{path}: expected a file that can be written, got {detail}; check that the directory exists and has room", path = .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// The drawing library failed, which no input is known to bring about.
    #[error("drawing: expected a picture, got {detail}; please report this")]
    Draw {
        /// What it said.
        detail: String,
    },
}

/// A table as CSV.
fn csv(rows: &[Vec<String>]) -> Result<String, PlotError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).map_err(canvas::failed)?;
    }
    let bytes = writer.into_inner().map_err(canvas::failed)?;
    String::from_utf8(bytes).map_err(canvas::failed)
}

/// Writes the numbers first, then the picture: a PNG never lies without its CSV.
fn save(path: &Path, canvas: &canvas::Canvas, rows: &[Vec<String>]) -> Result<(), PlotError> {
    if path.extension().is_none_or(|end| end != "png") {
        return Err(PlotError::NotPng {
            path: path.to_owned(),
        });
    }
    for (path, bytes) in [
        (path.with_extension("csv"), csv(rows)?.into_bytes()),
        (path.to_owned(), canvas.png()?),
    ] {
        std::fs::write(&path, bytes).map_err(|error| PlotError::Write {
            detail: error.to_string(),
            path,
        })?;
    }
    Ok(())
}
