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

    /// Blue for -1, nearly white for 0, red for 1; `t` outside is clamped. The ends are paler than the colours of lines,
    /// so that black words are read on all of it.
    pub(super) fn diverging(t: f64) -> Self {
        let middle = Self(247, 247, 247);
        let t = t.clamp(-1.0, 1.0);
        let end = if t < 0.0 { Self::BLUE } else { Self::VERMILION };
        middle.towards(end, PALE * t.abs())
    }

    /// Nearly white for 0, blue for 1, on which black words are read.
    pub(super) fn rising(t: f64) -> Self {
        Self::diverging(-t.clamp(0.0, 1.0))
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
}

/// How much of a line's colour the ends of the scales have.
const PALE: f64 = 0.66;

#[cfg(test)]
mod tests {
    use super::*;

    /// The contrast of black on a colour, by WCAG 2: 7 is the higher of its two bounds.
    fn contrast_of_black(colour: Colour) -> f64 {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.040_45 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        };
        let light =
            0.2126 * linear(colour.0) + 0.7152 * linear(colour.1) + 0.0722 * linear(colour.2);
        (light + 0.05) / 0.05
    }

    #[test]
    fn black_words_are_read_on_every_shade() {
        for i in -20..=20 {
            let shade = Colour::diverging(f64::from(i) / 20.0);
            let contrast = contrast_of_black(shade);
            assert!(contrast >= 7.0, "{i}: {shade:?} {contrast}");
        }
        assert!(contrast_of_black(Colour::BLUE) < 5.0);
    }

    #[test]
    fn the_scales_end_where_they_say() {
        let (low, high) = (Colour::diverging(-5.0), Colour::diverging(1.0));
        assert!(low.2 > low.0 && high.0 > high.2, "{low:?} {high:?}");
        assert_eq!(low, Colour::rising(1.0));
        assert_eq!(
            (Colour::diverging(0.0), Colour::rising(-1.0)),
            (Colour(247, 247, 247), Colour(247, 247, 247))
        );
    }
}
