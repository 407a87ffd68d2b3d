//! Axes: from values to pixels, and which values get a tick.

use super::number::{grouped, number, power};

/// How values are spread along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scale {
    /// Equal differences are equally far apart.
    Linear,
    /// As [`Scale::Linear`], with ticks at whole numbers that the values reach: for layers, blocks and epochs.
    Whole,
    /// Equal ratios are equally far apart; ticks at powers of ten. Values must be positive.
    Log,
    /// As [`Scale::Log`], with ticks at powers of two: for widths, depths and batches.
    Log2,
}

/// What an axis shows, with the unit, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Quantity and unit, e.g. `time (s)` or `parameters p (count)`.
    pub label: String,
    /// Linear or logarithmic.
    pub scale: Scale,
    /// Names of the places 1, 2, 3 and so on, written instead of numbers; empty for an axis of numbers.
    pub names: Vec<String>,
}

impl Axis {
    fn of(label: impl Into<String>, scale: Scale) -> Self {
        Self {
            label: label.into(),
            scale,
            names: Vec::new(),
        }
    }

    /// An axis with equal steps.
    pub fn linear(label: impl Into<String>) -> Self {
        Self::of(label, Scale::Linear)
    }

    /// An axis with equal ratios, ticks at powers of ten.
    pub fn log(label: impl Into<String>) -> Self {
        Self::of(label, Scale::Log)
    }

    /// An axis with equal ratios, ticks at powers of two.
    pub fn log2(label: impl Into<String>) -> Self {
        Self::of(label, Scale::Log2)
    }

    /// An axis with equal steps, ticks at whole numbers.
    pub fn whole(label: impl Into<String>) -> Self {
        Self::of(label, Scale::Whole)
    }

    /// An axis of named places: the first lies at 1, the second at 2.
    pub fn named(label: impl Into<String>, names: impl IntoIterator<Item = impl ToString>) -> Self {
        Self {
            names: names.into_iter().map(|name| name.to_string()).collect(),
            ..Self::whole(label)
        }
    }

    /// Values that the axis covers beside those of the series: the ends of its names.
    pub(super) fn ends(&self) -> impl Iterator<Item = f64> {
        let n = self.names.len();
        [1.0, n as f64].into_iter().filter(move |_| n > 0)
    }

    /// As [`Ruler::ticks`], with names in the place of numbers.
    pub(super) fn ticks(&self, ruler: &Ruler) -> (Vec<(f64, String)>, Vec<f64>) {
        if self.names.is_empty() {
            return ruler.ticks();
        }
        let names = self.names.iter().enumerate();
        let ticks = names.map(|(i, name)| ((i + 1) as f64, name.clone()));
        (ticks.collect(), Vec::new())
    }
}

impl Scale {
    pub(super) fn admits(self, value: f64) -> bool {
        value.is_finite() && (self.is_linear() || value > 0.0)
    }

    pub(super) fn admitted(self) -> &'static str {
        if self.is_linear() {
            "a finite number"
        } else {
            "a positive finite number (the scale is logarithmic)"
        }
    }

    const fn is_linear(self) -> bool {
        matches!(self, Self::Linear | Self::Whole)
    }

    fn apply(self, value: f64) -> f64 {
        match self {
            Self::Linear | Self::Whole => value,
            Self::Log => value.log10(),
            Self::Log2 => value.log2(),
        }
    }
}

/// An axis laid along pixels: the values `low..=high` (after the scale) from `start` to `end`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ruler {
    scale: Scale,
    low: f64,
    high: f64,
    /// The values themselves, without the room.
    values: (f64, f64),
    pub start: f64,
    pub end: f64,
}

impl Ruler {
    /// Covers all values with some room; from zero on if `floor` and all values of a linear axis are on its side.
    pub fn over(
        scale: Scale,
        values: impl Iterator<Item = f64>,
        floor: bool,
        (start, end): (f64, f64),
    ) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values {
            low = low.min(value);
            high = high.max(value);
        }
        let values = (low, high);
        let floor = floor && scale.is_linear() && low >= 0.0;
        let (mut low, mut high) = (scale.apply(low), scale.apply(high));
        if floor {
            low = 0.0;
        }
        // A single value still needs an axis with a tick on either side.
        let least = if scale.is_linear() {
            low.abs().max(high.abs()).max(1e-300) * 0.5
        } else {
            0.5
        };
        let pad = if high - low < 1e-9 * least {
            least
        } else {
            (high - low) * 0.05
        };
        if !floor {
            low -= pad;
        }
        high += pad;
        Self {
            scale,
            low,
            high,
            values,
            start,
            end,
        }
    }

    /// The same values along other pixels.
    pub fn moved(&self, (start, end): (f64, f64)) -> Self {
        Self {
            start,
            end,
            ..*self
        }
    }

    pub fn place(&self, value: f64) -> f64 {
        // Halves first: high - low may exceed the largest float.
        let share =
            (self.scale.apply(value) / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0);
        self.start + share * (self.end - self.start)
    }

    /// Values with a label, and values with a faint line only.
    pub fn ticks(&self) -> (Vec<(f64, String)>, Vec<f64>) {
        match self.scale {
            Scale::Linear => (self.steps(self.low, self.high), Vec::new()),
            Scale::Whole => (self.steps(self.values.0, self.values.1), Vec::new()),
            Scale::Log => self.powers(10.0, &[1.0, 2.0, 5.0], 2..10),
            Scale::Log2 => self.powers(2.0, &[1.0], 2..2),
        }
    }

    fn powers(
        &self,
        base: f64,
        mantissas: &[f64],
        between: std::ops::Range<i32>,
    ) -> (Vec<(f64, String)>, Vec<f64>) {
        let inside =
            |v: &f64| v.is_normal() && (self.low..=self.high).contains(&self.scale.apply(*v));
        let exponents = self.low.floor() as i32..=self.high.ceil() as i32;
        let decades = self.high - self.low;
        let every = (decades / 9.0).ceil().max(1.0) as i32;
        // Fewer than three decades may hold fewer than three powers of ten.
        let mantissas = if decades < 3.0 { mantissas } else { &[1.0] };
        let thinned = exponents.clone().filter(|k| k.rem_euclid(every) == 0);
        let values: Vec<f64> = thinned
            .flat_map(|k| mantissas.iter().map(move |m| m * base.powi(k)))
            .filter(inside)
            .collect();
        let minor = |k: i32| between.clone().map(move |m| f64::from(m) * base.powi(k));
        let minors = if decades <= 7.0 {
            exponents.flat_map(minor).filter(inside).collect()
        } else {
            Vec::new()
        };
        if values.len() < 3 {
            return (
                self.steps(base.powf(self.low), base.powf(self.high)),
                Vec::new(),
            );
        }
        // One spelling for a whole axis: all plain, or all powers.
        let plain = base == 2.0 && values.iter().all(|v| (1e-3..1e6).contains(v))
            || values.iter().all(|v| (0.009..10_001.0).contains(v));
        let label = |v: f64| {
            if plain || mantissas.len() > 1 || base == 2.0 {
                number(v)
            } else {
                power(v.log10().round() as i32)
            }
        };
        (values.iter().map(|&v| (v, label(v))).collect(), minors)
    }

    /// Multiples of 1, 2 or 5 times a power of ten, about seven of them.
    fn steps(&self, low: f64, high: f64) -> Vec<(f64, String)> {
        let rough = high / 7.0 - low / 7.0;
        let ten = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .iter()
            .map(|m| m * ten)
            .find(|s| *s >= rough)
            .unwrap_or(10.0 * ten);
        let step = if self.scale == Scale::Whole {
            step.max(1.0)
        } else {
            step
        };
        let first = (low / step).ceil();
        let decimals = (-step.log10().floor()).max(0.0);
        let label = |v: f64| {
            let small = v.abs() < 1e6 && decimals <= 6.0;
            if small {
                grouped(&format!("{v:.0$}", decimals as usize))
            } else {
                number(v)
            }
        };
        // Adding 0.0 turns -0 into 0.
        (0..20)
            .map(|i| (first + f64::from(i)) * step + 0.0)
            .take_while(|v| *v <= high)
            .map(|v| (v, label(v)))
            .collect()
    }
}

#[cfg(test)]
mod tests;
