//! Colours that the colour-blind tell apart.

/// Red, green, blue, 0 to 255 each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub u8, pub u8, pub u8);

impl Colour {
    /// Okabe and Ito, "Color Universal Design" (2008), without yellow, which is too pale for a line on white.
    pub const BLUE: Self = Self(0, 114, 178);
    /// The same palette's red.
    pub const VERMILION: Self = Self(213, 94, 0);
    /// The same palette's green.
    pub const GREEN: Self = Self(0, 158, 115);
    /// The same palette's purple.
    pub const PURPLE: Self = Self(204, 121, 167);
    /// The same palette's light blue.
    pub const SKY: Self = Self(86, 180, 233);
    /// The same palette's orange.
    pub const ORANGE: Self = Self(230, 159, 0);
    /// Darker than the palette's red; it is not theirs, and is told from it by its lightness.
    pub const BROWN: Self = Self(110, 44, 0);
    /// For text, and for the last series.
    pub const BLACK: Self = Self(30, 30, 30);
    /// For guides and remarks.
    pub const GREY: Self = Self(95, 95, 95);

    pub(super) const WHITE: Self = Self(255, 255, 255);
    pub(super) const GRID: Self = Self(222, 222, 222);
    pub(super) const FAINT: Self = Self(240, 240, 240);
    /// Fills of bands: pale enough for every line on top.
    pub(super) const BANDS: [Self; 3] = [
        Self(253, 236, 200),
        Self(222, 235, 247),
        Self(229, 229, 229),
    ];
    const SERIES: [Self; 7] = [
        Self::BLUE,
        Self::VERMILION,
        Self::GREEN,
        Self::PURPLE,
        Self::ORANGE,
        Self::SKY,
        Self::BLACK,
    ];

    /// The colour of the `index`-th series.
    pub(super) fn of_series(index: usize) -> Self {
        Self::SERIES[index % Self::SERIES.len()]
    }

    /// Blue for -1, nearly white for 0, vermilion for 1; `t` outside is clamped.
    pub(super) fn diverging(t: f64) -> Self {
        let middle = Self(247, 247, 247);
        let t = t.clamp(-1.0, 1.0);
        middle.towards(if t < 0.0 { Self::BLUE } else { Self::VERMILION }, t.abs())
    }

    /// The straight mixture: `self` at 0, `other` at 1.
    pub(super) fn towards(self, other: Self, t: f64) -> Self {
        let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * t).round() as u8;
        Self(
            mix(self.0, other.0),
            mix(self.1, other.1),
            mix(self.2, other.2),
        )
    }

    /// Black or white, whichever has the greater contrast on this colour (relative luminance of WCAG 2).
    pub(super) fn ink(self) -> Self {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.040_45 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        };
        let luminance = 0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2);
        if luminance > 0.179 {
            Self(0, 0, 0)
        } else {
            Self::WHITE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_diverging_scale_ends_where_it_says_and_ink_contrasts() {
        assert_eq!(
            (Colour::diverging(-5.0), Colour::diverging(1.0)),
            (Colour::BLUE, Colour::VERMILION)
        );
        assert_eq!(Colour::diverging(0.0), Colour(247, 247, 247));
        assert_eq!(
            (Colour::WHITE.ink(), Colour(0, 0, 90).ink()),
            (Colour(0, 0, 0), Colour::WHITE)
        );
    }
}
