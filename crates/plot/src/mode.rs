//! How every picture of the project shows a mode and a precision: one table of each.

use super::{Colour, Dash, Marker};

/// A way to differentiate. It has one colour and one mark in every picture, so that a reader learns them once.
///
/// ```
/// use pushpull_plot::{Colour, Mode, Series};
/// let reverse = Series::new("reverse", vec![(1.0, 2.0)]).mode(Mode::Reverse);
/// assert_eq!(reverse.colour, Some(Mode::named("reverse").unwrap().colour()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// The value alone, without a derivative.
    Primal,
    /// Forward mode, its tangents dense and in chunks.
    Forward,
    /// Forward mode with all directions at once.
    ForwardFull,
    /// Forward mode with structured tangents.
    ForwardStructured,
    /// One directional derivative.
    Jvp,
    /// Reverse mode that keeps everything.
    Reverse,
    /// Reverse mode with checkpoints.
    Checkpointed,
    /// One weighted sum of the outputs' gradients.
    Vjp,
}

impl Mode {
    /// All modes.
    pub const ALL: [Self; 8] = [
        Self::Primal,
        Self::Forward,
        Self::ForwardFull,
        Self::ForwardStructured,
        Self::Jvp,
        Self::Reverse,
        Self::Checkpointed,
        Self::Vjp,
    ];

    /// The mode of a name, as the program, the planner and the tables of measurements spell it.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "primal" => Self::Primal,
            "forward" | "forward chunked" | "jacobian-forward" => Self::Forward,
            "forward-full" | "forward dense" => Self::ForwardFull,
            "structured" | "forward-structured" | "forward structured" => Self::ForwardStructured,
            "jvp" => Self::Jvp,
            "reverse" | "jacobian-reverse" => Self::Reverse,
            "checkpointed" | "reverse checkpointed" => Self::Checkpointed,
            "vjp" => Self::Vjp,
            _ => return None,
        })
    }

    /// Its colour: forward mode and its relatives are cold, reverse mode and its relatives warm.
    pub const fn colour(self) -> Colour {
        match self {
            Self::Primal => Colour::BLACK,
            Self::Forward => Colour::BLUE,
            Self::ForwardFull => Colour::PURPLE,
            Self::ForwardStructured => Colour::SKY,
            Self::Jvp => Colour::GREEN,
            Self::Reverse => Colour::VERMILION,
            Self::Checkpointed => Colour::ORANGE,
            Self::Vjp => Colour::BROWN,
        }
    }

    /// Its mark.
    pub const fn marker(self) -> Marker {
        match self {
            Self::Primal => Marker::Diamond,
            Self::Forward => Marker::Circle,
            Self::ForwardFull => Marker::Star,
            Self::ForwardStructured => Marker::Square,
            Self::Jvp => Marker::Plus,
            Self::Reverse => Marker::Triangle,
            Self::Checkpointed => Marker::Cross,
            Self::Vjp => Marker::Down,
        }
    }
}

/// A precision. It has one dash in every picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dtype {
    /// 4 bytes a number.
    F32,
    /// 8 bytes a number.
    F64,
}

impl Dtype {
    /// The precision of a name: `f32` or `f64`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "f32" => Some(Self::F32),
            "f64" => Some(Self::F64),
            _ => None,
        }
    }

    /// Its line: f64 is drawn through, f32 dashed.
    pub const fn dash(self) -> Dash {
        match self {
            Self::F32 => Dash::Dashed,
            Self::F64 => Dash::Solid,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A colour as someone with one kind of cones missing sees it, after Vienot, Brettel and Mollon (1999), in
    /// linear light; `None` sees all.
    fn seen(colour: Colour, missing: Option<char>) -> [f64; 3] {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.040_45 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        };
        let [r, g, b] = [colour.0, colour.1, colour.2].map(linear);
        let mut long = 17.8824 * r + 43.5161 * g + 4.11935 * b;
        let mut medium = 3.45565 * r + 27.1554 * g + 3.86714 * b;
        let short = 0.029_956_6 * r + 0.184_309 * g + 1.46709 * b;
        match missing {
            Some('l') => long = 2.023_44 * medium - 2.525_81 * short,
            Some('m') => medium = 0.494_207 * long + 1.248_27 * short,
            _ => {}
        }
        [
            0.080_944_447_9 * long - 0.130_504_409 * medium + 0.116_721_066 * short,
            -0.010_248_533_5 * long + 0.054_019_326_6 * medium - 0.113_614_708 * short,
            -0.000_365_296_938 * long - 0.004_121_614_69 * medium + 0.693_511_405 * short,
        ]
    }

    /// CIE 1976 L*a*b* of linear light: a distance of about 2 is just seen.
    fn lab([r, g, b]: [f64; 3]) -> [f64; 3] {
        let f = |t: f64| {
            if t > 0.008_856 {
                t.cbrt()
            } else {
                7.787 * t + 16.0 / 116.0
            }
        };
        let x = f((0.4124 * r + 0.3576 * g + 0.1805 * b).max(0.0) / 0.9505);
        let y = f((0.2126 * r + 0.7152 * g + 0.0722 * b).max(0.0));
        let z = f((0.0193 * r + 0.1192 * g + 0.9505 * b).max(0.0) / 1.089);
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    fn distance(a: Colour, b: Colour, missing: Option<char>) -> f64 {
        let (a, b) = (lab(seen(a, missing)), lab(seen(b, missing)));
        (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn no_two_modes_share_a_colour_or_a_mark_and_the_colour_blind_tell_them_apart() {
        for (i, a) in Mode::ALL.into_iter().enumerate() {
            for b in &Mode::ALL[..i] {
                assert_ne!(a.marker(), b.marker(), "{a:?} and {b:?}");
                for missing in [None, Some('l'), Some('m')] {
                    let apart = distance(a.colour(), b.colour(), missing);
                    assert!(apart > 15.0, "{a:?} and {b:?}, {missing:?}: {apart}");
                }
            }
        }
        assert_ne!(Dtype::F32.dash(), Dtype::F64.dash());
    }

    #[test]
    fn every_spelling_has_its_mode() {
        let spellings = [
            ("forward", Mode::Forward),
            ("forward-full", Mode::ForwardFull),
            ("structured", Mode::ForwardStructured),
            ("forward-structured", Mode::ForwardStructured),
            ("checkpointed", Mode::Checkpointed),
            ("jacobian-reverse", Mode::Reverse),
            ("vjp", Mode::Vjp),
        ];
        for (name, mode) in spellings {
            assert_eq!(Mode::named(name), Some(mode), "{name}");
        }
        assert_eq!((Mode::named("sideways"), Dtype::named("f16")), (None, None));
    }
}
