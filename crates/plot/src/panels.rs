//! Small multiples: the same two axes in several panels, with one legend beside them.

use super::axis::Ruler;
use super::canvas::{Align, Canvas};
use super::font::Font;
use super::page::{COLUMN, MARGIN, begin_on};
use super::{Axis, Colour, HEIGHT, Marker, PlotError, WIDTH, number};

/// A point, with how far it may be off and whether it was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// In the unit of the x axis.
    pub x: f64,
    /// In the unit of the y axis.
    pub y: f64,
    /// The ends of a bar through it, e.g. quartiles.
    pub spread: Option<(f64, f64)>,
    /// Drawn as a ring, with dotted lines to it: what was predicted and not measured.
    pub hollow: bool,
}

/// Spots that belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// The legend's words. Curves of one name look the same in every panel and have one entry.
    pub name: String,
    /// Of lines and marks.
    pub colour: Colour,
    /// At each spot.
    pub marker: Marker,
    /// Whether its line is dashed.
    pub dashed: bool,
    /// Whether there is a line.
    pub joined: bool,
    /// In the order in which they are joined.
    pub spots: Vec<Spot>,
}

/// The curves of one panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// What is the same for all its curves; empty where there is one panel.
    pub name: String,
    /// Its curves.
    pub curves: Vec<Curve>,
}

/// One panel or several with the same axes, as PNG or SVG of any size.
///
/// ```
/// use pushpull_plot::{Axis, Colour, Curve, Marker, Panel, Panels, Spot};
/// let spot = |x, y| Spot { x, y, spread: Some((0.9 * y, 1.1 * y)), hollow: x > 10.0 };
/// let curve = Curve {
///     name: "forward".into(), colour: Colour::BLUE, marker: Marker::Circle, dashed: false, joined: true,
///     spots: vec![spot(1.0, 2.0), spot(100.0, 30.0)],
/// };
/// let mut page = Panels::new("Cost", Axis::log("parameters p (count)"), Axis::log("time / time of the primal"));
/// page.panels.push(Panel { name: "batch 1".into(), curves: vec![curve] });
/// page.hollow = "predicted".into();
/// page.size = (600, 400);
/// assert!(page.svg()?.contains("predicted"));
/// assert!(page.png()?.starts_with(b"\x89PNG"));
/// # Ok::<(), pushpull_plot::PlotError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Panels {
    /// What the picture shows.
    pub title: String,
    /// What is the same in all panels. May be empty.
    pub subtitle: String,
    /// The horizontal axis of every panel.
    pub x: Axis,
    /// The vertical axis of every panel.
    pub y: Axis,
    /// Where the x axis has its ticks; empty: where the scale has them.
    pub x_ticks: Vec<f64>,
    /// From left to right, row by row.
    pub panels: Vec<Panel>,
    /// What hollow marks mean; said in the legend where there are any.
    pub hollow: String,
    /// Remarks under the plot, a paragraph each.
    pub notes: Vec<String>,
    /// Width and height in pixels. Everything grows with the picture, words too.
    pub size: (u32, u32),
}

/// Above a panel, for its name.
const NAME: f64 = 30.0;
/// Between panels.
const GAP: f64 = 18.0;
/// The smallest panel that can be read.
const LEAST: (f64, f64) = (120.0, 90.0);

impl Panels {
    /// A page of the usual size without panels yet.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Self {
            title: title.into(),
            subtitle: String::new(),
            x,
            y,
            x_ticks: Vec::new(),
            panels: Vec::new(),
            hollow: String::new(),
            notes: Vec::new(),
            size: (WIDTH, HEIGHT),
        }
    }

    /// The picture as PNG.
    ///
    /// # Errors
    /// No spots, values that the scales do not admit, words or panels that do not fit.
    pub fn png(&self) -> Result<Vec<u8>, PlotError> {
        self.draw()?.png()
    }

    /// The picture as SVG, whose text can be searched.
    ///
    /// # Errors
    /// As [`Panels::png`].
    pub fn svg(&self) -> Result<String, PlotError> {
        self.draw()?.svg()
    }

    fn curves(&self) -> impl Iterator<Item = &Curve> {
        self.panels.iter().flat_map(|panel| &panel.curves)
    }

    fn crowded(&self, what: &'static str) -> PlotError {
        PlotError::Crowded {
            picture: self.title.clone(),
            what,
        }
    }

    fn draw(&self) -> Result<Canvas, PlotError> {
        self.check()?;
        let canvas = Canvas::sized(self.size);
        let (mut canvas, top, floor) = begin_on(canvas, &self.title, &self.subtitle, &self.notes)?;
        let (width, _) = canvas.extent();
        let (tick, label) = (Font::plain(17.0), Font::plain(20.0));
        let (xs, ys) = (
            || {
                self.curves()
                    .flat_map(|curve| &curve.spots)
                    .map(|spot| spot.x)
            },
            || {
                let spots = self.curves().flat_map(|curve| &curve.spots);
                spots.flat_map(|spot| {
                    let (low, high) = spot.spread.unwrap_or((spot.y, spot.y));
                    [low, spot.y, high]
                })
            },
        );
        let y_ticks = Ruler::over(self.y.scale, ys(), true, (0.0, 1.0)).ticks().0;
        let mut words = 0.0_f64;
        for (_, text) in &y_ticks {
            words = words.max(tick.width(text)?);
        }
        let left = MARGIN + 36.0 + words + 10.0;
        let right = width - MARGIN - COLUMN - 24.0;
        let label_y = floor - if self.notes.is_empty() { 4.0 } else { 12.0 };
        let bottom = label_y - 24.0 - 28.0;
        let (columns, rows) = arranged(self.panels.len(), right - left, bottom - top);
        let head = if self.panels.len() > 1 { NAME } else { 0.0 };
        let wide = (right - left - GAP * (columns - 1) as f64) / columns as f64;
        let high = (bottom - top - (GAP + 4.0) * (rows - 1) as f64) / rows as f64 - head;
        if wide < LEAST.0 || high < LEAST.1 {
            return Err(self.crowded("the panels"));
        }
        canvas.text(
            &self.x.label,
            ((left + right) / 2.0, label_y),
            &label,
            Align::Middle,
        )?;
        if label.width(&self.y.label)? > bottom - top + 60.0 {
            return Err(self.crowded("the y axis's label"));
        }
        let middle = (MARGIN + 6.0, (top + bottom) / 2.0);
        canvas.upright(&self.y.label, middle, &label, Align::Middle)?;
        for (i, panel) in self.panels.iter().enumerate() {
            let (column, row) = (i % columns, i / columns);
            let x0 = left + (wide + GAP) * column as f64;
            let y0 = top + (high + head + GAP + 4.0) * row as f64 + head;
            let x = Ruler::over(self.x.scale, xs(), false, (x0, x0 + wide));
            let y = Ruler::over(self.y.scale, ys(), true, (y0 + high, y0));
            if head > 0.0 {
                let name = fitted(&panel.name, wide)?;
                let at = (x0 + wide / 2.0, y0 - head / 2.0);
                canvas.text(&panel.name, at, &name, Align::Middle)?;
            }
            // The lowest panel of a column has the ticks, the leftmost of a row too.
            let lowest = i + columns >= self.panels.len();
            self.grid(&mut canvas, (&x, &y), &tick, (lowest, column == 0))?;
            for curve in &panel.curves {
                lines(&mut canvas, curve, (&x, &y))?;
            }
            // Rings above all, so that none is hidden by a full mark.
            for hollow in [false, true] {
                for curve in &panel.curves {
                    for spot in curve.spots.iter().filter(|spot| spot.hollow == hollow) {
                        let at = (x.place(spot.x), y.place(spot.y));
                        mark(&mut canvas, at, curve, hollow)?;
                    }
                }
            }
        }
        self.legend(&mut canvas, (right + 24.0, top + 10.0 + head), bottom)?;
        Ok(canvas)
    }

    fn check(&self) -> Result<(), PlotError> {
        if self.curves().all(|curve| curve.spots.is_empty()) {
            return Err(PlotError::Empty {
                picture: self.title.clone(),
                expected: "at least one point".into(),
            });
        }
        for curve in self.curves() {
            for spot in &curve.spots {
                let (low, high) = spot.spread.unwrap_or((spot.y, spot.y));
                for (axis, value) in [
                    (&self.x, spot.x),
                    (&self.y, spot.y),
                    (&self.y, low),
                    (&self.y, high),
                ] {
                    if !axis.scale.admits(value) {
                        return Err(PlotError::Value {
                            picture: self.title.clone(),
                            place: format!("curve {:?}, {}", curve.name, axis.label),
                            expected: axis.scale.admitted(),
                            value,
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// Grid lines and frame, and the ticks' labels where there is room for them.
    fn grid(
        &self,
        canvas: &mut Canvas,
        (x, y): (&Ruler, &Ruler),
        font: &Font,
        (below, aside): (bool, bool),
    ) -> Result<(), PlotError> {
        let (left, right, top, bottom) = (x.start, x.end, y.end, y.start);
        let (mut x_ticks, x_minor) = x.ticks();
        if !self.x_ticks.is_empty() {
            x_ticks = self.x_ticks.iter().map(|&v| (v, number(v))).collect();
        }
        let (y_ticks, y_minor) = y.ticks();
        let upright = |v: f64| [(x.place(v), top), (x.place(v), bottom)];
        let level = |v: f64| [(left, y.place(v)), (right, y.place(v))];
        if self.x_ticks.is_empty() {
            for &v in &x_minor {
                canvas.line(&upright(v), 1.0, Colour::FAINT, None)?;
            }
        }
        for &v in &y_minor {
            canvas.line(&level(v), 1.0, Colour::FAINT, None)?;
        }
        for (v, _) in &x_ticks {
            canvas.line(&upright(*v), 1.0, Colour::GRID, None)?;
        }
        for (v, _) in &y_ticks {
            canvas.line(&level(*v), 1.0, Colour::GRID, None)?;
        }
        for ends in [
            [(left, top), (right, top)],
            [(left, bottom), (right, bottom)],
            [(left, top), (left, bottom)],
            [(right, top), (right, bottom)],
        ] {
            canvas.line(&ends, 1.5, Colour::GREY, None)?;
        }
        if below {
            let mut free = f64::NEG_INFINITY;
            for (v, text) in &x_ticks {
                let (at, half) = (x.place(*v), font.width(text)? / 2.0);
                if at - half < free {
                    continue;
                }
                free = at + half + 10.0;
                canvas.line(&[(at, bottom), (at, bottom + 6.0)], 1.5, Colour::GREY, None)?;
                canvas.text(text, (at, bottom + 20.0), font, Align::Middle)?;
            }
        }
        if aside {
            let mut free = f64::INFINITY;
            for (v, text) in &y_ticks {
                let at = y.place(*v);
                if at > free {
                    continue;
                }
                free = at - font.leading();
                canvas.line(&[(left - 6.0, at), (left, at)], 1.5, Colour::GREY, None)?;
                canvas.text(text, (left - 12.0, at), font, Align::End)?;
            }
        }
        Ok(())
    }

    /// An entry for each name, in the order in which they come.
    fn legend(
        &self,
        canvas: &mut Canvas,
        (left, top): (f64, f64),
        bottom: f64,
    ) -> Result<(), PlotError> {
        const SAMPLE: f64 = 52.0;
        let font = Font::plain(18.0);
        let mut named: Vec<&Curve> = Vec::new();
        for curve in self.curves() {
            if named.iter().all(|other| other.name != curve.name) {
                named.push(curve);
            }
        }
        let hollow = self.curves().flat_map(|curve| &curve.spots);
        let hollow = hollow.filter(|spot| spot.hollow).count() > 0;
        let grey = Curve {
            name: self.hollow.clone(),
            colour: Colour::GREY,
            marker: Marker::Circle,
            dashed: false,
            joined: named.iter().any(|curve| curve.joined),
            spots: Vec::new(),
        };
        let entries = named.iter().map(|&curve| (curve, false));
        let mut y = top;
        for (curve, hollow) in entries.chain(hollow.then_some((&grey, true))) {
            if curve.joined {
                let ends = [(left, y), (left + SAMPLE, y)];
                let (width, dash) = pen(curve, hollow);
                canvas.line(&ends, width, curve.colour, dash)?;
            }
            mark(canvas, (left + SAMPLE / 2.0, y), curve, hollow)?;
            for line in font.wrap(&curve.name, COLUMN - SAMPLE - 12.0)? {
                canvas.text(&line, (left + SAMPLE + 12.0, y), &font, Align::Start)?;
                y += font.leading();
            }
            y += 10.0;
        }
        if y - 10.0 - font.leading() > bottom {
            return Err(self.crowded("the legend"));
        }
        Ok(())
    }
}

/// Columns and rows of so many panels: as near to three by two as a panel can be.
fn arranged(panels: usize, width: f64, height: f64) -> (usize, usize) {
    let panels = panels.max(1);
    let shape = |columns: usize| {
        let rows = panels.div_ceil(columns);
        let panel = (width / columns as f64) / (height / rows as f64);
        // Empty places are worse than odd shapes.
        (panel / 1.3).ln().abs() + 0.5 * (columns * rows - panels) as f64
    };
    let columns = (1..=panels).min_by(|&a, &b| shape(a).total_cmp(&shape(b)));
    let columns = columns.unwrap_or(1);
    (columns, panels.div_ceil(columns))
}

/// The font for a panel's name: smaller where the words are long.
fn fitted(name: &str, width: f64) -> Result<Font, PlotError> {
    let font = |size| Font {
        bold: true,
        ..Font::plain(size)
    };
    let usual = font(17.0);
    let wide = usual.width(name)?;
    Ok(if wide > width {
        font((17.0 * width / wide).max(9.0))
    } else {
        usual
    })
}

/// Width and dash of a curve's line.
fn pen(curve: &Curve, hollow: bool) -> (f64, Option<f64>) {
    let thin = hollow || curve.marker == Marker::None;
    let dash = match (hollow, curve.dashed) {
        (true, _) => Some(2.5),
        (false, true) => Some(8.0),
        (false, false) => None,
    };
    (if thin { 1.5 } else { 2.5 }, dash)
}

fn lines(canvas: &mut Canvas, curve: &Curve, (x, y): (&Ruler, &Ruler)) -> Result<(), PlotError> {
    let place = |spot: &Spot| (x.place(spot.x), y.place(spot.y));
    if curve.joined {
        // Runs of measured spots at once, so that dashes go on over corners.
        let mut run: Vec<(f64, f64)> = Vec::new();
        let (width, dash) = pen(curve, false);
        for pair in curve.spots.windows(2) {
            if pair.iter().any(|spot| spot.hollow) {
                canvas.line(&std::mem::take(&mut run), width, curve.colour, dash)?;
                let (width, dash) = pen(curve, true);
                canvas.line(
                    &[place(&pair[0]), place(&pair[1])],
                    width,
                    curve.colour,
                    dash,
                )?;
                continue;
            }
            if run.is_empty() {
                run.push(place(&pair[0]));
            }
            run.push(place(&pair[1]));
        }
        canvas.line(&run, width, curve.colour, dash)?;
    }
    for spot in &curve.spots {
        let Some((low, high)) = spot.spread else {
            continue;
        };
        let (at, low, high) = (x.place(spot.x), y.place(low), y.place(high));
        canvas.line(&[(at, low), (at, high)], 1.5, curve.colour, None)?;
        for end in [low, high] {
            canvas.line(&[(at - 5.0, end), (at + 5.0, end)], 1.5, curve.colour, None)?;
        }
    }
    Ok(())
}

/// A mark with a white rim, or a ring.
fn mark(
    canvas: &mut Canvas,
    (x, y): (f64, f64),
    curve: &Curve,
    hollow: bool,
) -> Result<(), PlotError> {
    let full = [(7.0, Colour::WHITE), (5.2, curve.colour)];
    let ring = [(6.4, curve.colour), (3.9, Colour::WHITE)];
    for (radius, colour) in if hollow { ring } else { full } {
        let outline = curve.marker.outline(radius).into_iter();
        let outline: Vec<_> = outline.map(|(dx, dy)| (x + dx, y + dy)).collect();
        if !outline.is_empty() {
            canvas.polygon(&outline, colour)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(panels: usize) -> Panels {
        let spot = |x: f64, hollow: bool| Spot {
            x,
            y: 3.0 * x,
            spread: (!hollow).then_some((2.0 * x, 4.0 * x)),
            hollow,
        };
        let curve = |name: &str, dashed| Curve {
            name: name.into(),
            colour: Colour::BLUE,
            marker: Marker::Square,
            dashed,
            joined: true,
            spots: vec![spot(1.0, false), spot(4.0, false), spot(64.0, true)],
        };
        let mut page = Panels::new("Title", Axis::log2("batch"), Axis::log("time (s)"));
        page.panels = (0..panels)
            .map(|i| Panel {
                name: format!("panel {i}"),
                curves: vec![curve("one", false), curve("two", true)],
            })
            .collect();
        page.hollow = "not measured".into();
        page.x_ticks = vec![1.0, 4.0, 64.0];
        page
    }

    #[test]
    fn every_panel_has_its_name_and_a_name_one_entry() {
        let svg = page(5).svg().unwrap();
        for i in 0..5 {
            assert_eq!(svg.matches(&format!("panel {i}")).count(), 1);
        }
        for words in ["one", "two", "not measured"] {
            assert_eq!(svg.matches(&format!("\n{words}\n")).count(), 1, "{words}");
        }
        let mut measured = page(1);
        for curve in &mut measured.panels[0].curves {
            curve.spots.pop();
        }
        assert!(!measured.svg().unwrap().contains("not measured"));
    }

    #[test]
    fn a_picture_has_the_size_that_was_asked_for() {
        for size in [(300, 300), (600, 1000), (1600, 540), (4000, 2000)] {
            let page = Panels { size, ..page(8) };
            let svg = page.svg().unwrap();
            let words = format!("width=\"{}\" height=\"{}\"", size.0, size.1);
            assert!(svg.contains(&words), "{}", &svg[..200]);
        }
        let png = Panels {
            size: (640, 480),
            ..page(2)
        }
        .png()
        .unwrap();
        let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
        assert_eq!((number(16), number(20)), (640, 480));
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        assert!(matches!(page(0).png(), Err(PlotError::Empty { .. })));
        assert!(matches!(page(200).png(), Err(PlotError::Crowded { .. })));
        let mut negative = page(1);
        negative.panels[0].curves[0].spots[0].y = -1.0;
        assert!(matches!(negative.png(), Err(PlotError::Value { .. })));
    }
}
