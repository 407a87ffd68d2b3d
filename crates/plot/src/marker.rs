//! Marks of points, different in shape and not only in colour.

use std::f64::consts::PI;

/// The shape drawn at each point of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Marker {
    /// A disc.
    Circle,
    /// A square on its side.
    Square,
    /// A triangle that points up.
    Triangle,
    /// A square on its corner.
    Diamond,
    /// A triangle that points down.
    Down,
    /// An upright cross.
    Plus,
    /// A lying cross.
    Cross,
    /// A star with five points.
    Star,
    /// No mark: the line alone, for a guide.
    None,
}

impl Marker {
    const SERIES: [Self; 7] = [
        Self::Circle,
        Self::Square,
        Self::Triangle,
        Self::Diamond,
        Self::Down,
        Self::Plus,
        Self::Cross,
    ];

    /// The marker of the `index`-th series; past the palette's length the pairs of colour and marker stay distinct.
    pub(super) fn of_series(index: usize) -> Self {
        let n = Self::SERIES.len();
        Self::SERIES[(index + index / n) % n]
    }

    /// Corners around the origin, y downwards, of about the same area for each shape; none for [`Marker::None`].
    pub(super) fn outline(self, radius: f64) -> Vec<(f64, f64)> {
        let regular = |corners: usize, first: f64, r: f64| -> Vec<_> {
            (0..corners)
                .map(|i| first + 2.0 * PI * i as f64 / corners as f64)
                .map(|a| (r * a.cos(), r * a.sin()))
                .collect()
        };
        let cross = |turn: f64| -> Vec<_> {
            let (long, half) = (1.2 * radius, 0.38 * radius);
            let arm = [(half, -half), (long, -half), (long, half)];
            let corner = |quarter: usize, (x, y): (f64, f64)| {
                let (sin, cos) = (turn + PI / 2.0 * quarter as f64).sin_cos();
                (x * cos - y * sin, x * sin + y * cos)
            };
            (0..4)
                .flat_map(|quarter| arm.map(|p| corner(quarter, p)))
                .collect()
        };
        match self {
            Self::Circle => regular(28, 0.0, radius),
            Self::Square => regular(4, PI / 4.0, 1.25 * radius),
            Self::Triangle => regular(3, -PI / 2.0, 1.4 * radius),
            Self::Diamond => regular(4, 0.0, 1.3 * radius),
            Self::Down => regular(3, PI / 2.0, 1.4 * radius),
            Self::Plus => cross(0.0),
            Self::Cross => cross(PI / 4.0),
            Self::Star => (0..10)
                .map(|i| (i % 2 == 0, -PI / 2.0 + PI / 5.0 * f64::from(i)))
                .map(|(tip, a)| (if tip { 1.45 } else { 0.62 } * radius, a))
                .map(|(r, a)| (r * a.cos(), r * a.sin()))
                .collect(),
            Self::None => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Colour;

    #[test]
    fn no_two_of_the_first_forty_series_look_the_same() {
        let looks: Vec<_> = (0..40)
            .map(|i| (Colour::of_series(i), Marker::of_series(i)))
            .collect();
        for (i, look) in looks.iter().enumerate() {
            assert!(!looks[..i].contains(look), "series {i} repeats {look:?}");
        }
    }

    #[test]
    fn outlines_stay_near_their_point() {
        for marker in Marker::SERIES.into_iter().chain([Marker::Star]) {
            let outline = marker.outline(5.0);
            assert!(
                outline.len() >= 3 && outline.iter().all(|(x, y)| x.hypot(*y) <= 7.5),
                "{marker:?}"
            );
        }
        assert!(Marker::None.outline(5.0).is_empty());
    }
}
