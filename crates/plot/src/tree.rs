//! The tree: steps that take the results of other steps.

use super::canvas::{Align, Canvas, WIDTH};
use super::font::Font;
use super::page::{MARGIN, begin};
use super::{Colour, Dash, PlotError};
use std::path::Path;

/// Between a box and the next column.
const GAP: f64 = 34.0;
const PADDING: f64 = 7.0;

/// A box of a tree, with those that hang on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// What the box says.
    pub words: String,
    /// A second, smaller paragraph, e.g. what the step costs.
    pub remark: String,
    /// From above to below.
    pub below: Vec<Branch>,
}

impl Branch {
    fn leaves(&self) -> usize {
        self.below.iter().map(Self::leaves).sum::<usize>().max(1)
    }

    fn depth(&self) -> usize {
        1 + self.below.iter().map(Self::depth).max().unwrap_or(0)
    }
}

/// A tree from its root at the left to its leaves at the right.
///
/// ```
/// use pushpull_plot::{Branch, TreeChart};
/// let leaf = |words: &str| Branch { words: words.into(), remark: String::new(), below: vec![] };
/// let root = Branch { below: vec![leaf("A: 4 x 2"), leaf("B: 2 x 4")], remark: "64 flops".into(), ..leaf("A B") };
/// let chart = TreeChart { title: "A product".into(), subtitle: String::new(), root, notes: vec![] };
/// let directory = tempfile::tempdir()?;
/// chart.save(&directory.path().join("tree.png"))?;
/// assert!(std::fs::read_to_string(directory.path().join("tree.csv"))?.contains("1,A: 4 x 2,"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeChart {
    /// What the picture shows.
    pub title: String,
    /// The setting. May be empty.
    pub subtitle: String,
    /// The whole.
    pub root: Branch,
    /// Remarks under the tree.
    pub notes: Vec<String>,
}

impl TreeChart {
    /// Writes the picture to `path`, which ends in `.png`, and its boxes to the `.csv` of the same stem: columns
    /// `depth,words,remark`, in the order of reading from the root.
    ///
    /// # Errors
    /// A tree of more boxes than a page has room for, a file that cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), PlotError> {
        let mut rows = vec![["depth", "words", "remark"].map(str::to_owned).to_vec()];
        table(&self.root, 0, &mut rows);
        super::save(path, &self.draw()?, &rows)
    }

    fn draw(&self) -> Result<Canvas, PlotError> {
        let (canvas, top, bottom) = begin(&self.title, &self.subtitle, &self.notes)?;
        let across = f64::from(WIDTH) - 2.0 * MARGIN + GAP;
        let mut pen = Pen {
            canvas,
            column: across / self.root.depth() as f64,
            row: (bottom - top - 12.0) / self.root.leaves() as f64,
            title: &self.title,
        };
        pen.branch(&self.root, 0, top)?;
        Ok(pen.canvas)
    }
}

fn table(branch: &Branch, depth: usize, rows: &mut Vec<Vec<String>>) {
    rows.push(vec![
        depth.to_string(),
        branch.words.clone(),
        branch.remark.clone(),
    ]);
    for below in &branch.below {
        table(below, depth + 1, rows);
    }
}

struct Pen<'a> {
    canvas: Canvas,
    column: f64,
    row: f64,
    title: &'a str,
}

impl Pen<'_> {
    /// Draws a branch whose share of the page begins at `top`; its height is where its box is centred.
    fn branch(&mut self, branch: &Branch, depth: usize, top: f64) -> Result<f64, PlotError> {
        let (left, width) = (MARGIN + self.column * depth as f64, self.column - GAP);
        let (mut next, mut heights) = (top, Vec::new());
        for below in &branch.below {
            heights.push(self.branch(below, depth + 1, next)?);
            next += self.row * below.leaves() as f64;
        }
        let middle = match (heights.first(), heights.last()) {
            (Some(first), Some(last)) => (first + last) / 2.0,
            _ => top + self.row / 2.0,
        };
        let fork = left + width + GAP / 2.0;
        for &height in &heights {
            let turns = [
                (left + width, middle),
                (fork, middle),
                (fork, height),
                (left + width + GAP, height),
            ];
            self.canvas.line(&turns, 1.5, Colour::GREY, Dash::Solid)?;
        }
        self.boxed(branch, left, middle, width)?;
        Ok(middle)
    }

    fn boxed(
        &mut self,
        branch: &Branch,
        left: f64,
        middle: f64,
        width: f64,
    ) -> Result<(), PlotError> {
        let plain = Font::plain(17.0);
        let small = Font {
            colour: Colour::GREY,
            ..Font::plain(16.0)
        };
        let mut lines = Vec::new();
        for (font, text) in [(plain, &branch.words), (small, &branch.remark)] {
            let wrapped = font.wrap(text, width - 2.0 * PADDING)?;
            lines.extend(wrapped.into_iter().map(|line| (font, line)));
        }
        let height = lines.iter().map(|(font, _)| font.leading()).sum::<f64>() + 2.0 * PADDING;
        if height > self.row * branch.leaves() as f64 - 4.0 || width < 60.0 {
            return Err(PlotError::Crowded {
                picture: self.title.into(),
                what: "the tree's boxes",
            });
        }
        let (top, edge) = (middle - height / 2.0, 1.5);
        let fill = if branch.below.is_empty() {
            Colour::BANDS[2]
        } else {
            Colour::BANDS[1]
        };
        self.canvas.rect(
            (left - edge, top - edge),
            (left + width + edge, top + height + edge),
            Colour::GREY,
        )?;
        self.canvas
            .rect((left, top), (left + width, top + height), fill)?;
        let mut y = top + PADDING;
        for (font, line) in lines {
            y += font.leading() / 2.0;
            self.canvas
                .text(&line, (left + PADDING, y), &font, Align::Start)?;
            y += font.leading() / 2.0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comb(leaves: usize) -> TreeChart {
        let leaf = |i: usize| Branch {
            words: format!("leaf {i}"),
            remark: "no cost".into(),
            below: Vec::new(),
        };
        TreeChart {
            title: "A comb".into(),
            subtitle: String::new(),
            root: Branch {
                below: (0..leaves).map(leaf).collect(),
                ..leaf(leaves)
            },
            notes: Vec::new(),
        }
    }

    #[test]
    fn every_box_is_drawn_and_too_many_are_refused() {
        let leaf = |n: usize| comb(n).draw().unwrap().count(Colour::BANDS[2]);
        // Boxes are alike in size; letters cover a part of each.
        let ratio = leaf(8) as f64 / leaf(2) as f64;
        assert!((3.8..4.2).contains(&ratio), "{ratio}");
        assert!(matches!(
            comb(60).draw().unwrap_err(),
            PlotError::Crowded { .. }
        ));
    }
}
