//! Certificates: claims about costs that a test holds, with both sides in the message where they do not.

use crate::Cost;
use crate::figures::grouped;

/// A quantity that a certificate can be about: work ([`Cost`]), bytes or evaluations (`usize`, `u64`).
pub trait Certified: PartialOrd + Copy {
    /// It in words.
    fn words(self) -> String;

    /// How many times `other` it is, in words.
    fn times(self, other: Self) -> String;
}

/// `a / b` to three decimals.
fn ratio(a: u128, b: u128) -> String {
    if b == 0 {
        return "more than none".into();
    }
    format!("{:.3} times", a as f64 / b as f64)
}

impl Certified for Cost {
    fn words(self) -> String {
        self.to_string()
    }

    fn times(self, other: Self) -> String {
        let flops = ratio(self.flops.into(), other.flops.into());
        if (self.calls, other.calls) == (0, 0) {
            return format!("{flops} the flops");
        }
        let calls = ratio(self.calls.into(), other.calls.into());
        format!("{flops} the flops, {calls} the calls")
    }
}

macro_rules! certified {
    ($($t:ty)*) => {$(
        impl Certified for $t {
            fn words(self) -> String {
                grouped(self as u128)
            }
            fn times(self, other: Self) -> String {
                ratio(self as u128, other as u128)
            }
        }
    )*};
}

certified!(usize u64);

/// Panics unless `holds(left, right)`: what [`crate::assert_cost`] does.
///
/// # Panics
/// If the claim does not hold.
#[track_caller]
pub fn certify<C: Certified>(claim: &str, left: C, right: C, holds: impl Fn(&C, &C) -> bool) {
    assert!(
        holds(&left, &right),
        "the certificate `{claim}` does not hold\n  left:  {}\n  right: {}\n  ratio: {}",
        left.words(),
        right.words(),
        left.times(right)
    );
}

/// A certificate of cost for one's own tests: `assert_cost!(left <= right)`, with `<=`, `<`, `==`, `>=` or `>`, between two
/// [`Cost`]s or two numbers of bytes or evaluations. Work compares by flops *and* calls: both must be within the bound. A
/// fraction is written with a factor on either side.
///
/// The costs are exact, so a certificate holds on every machine or on none.
///
/// ```
/// use pushpull_core::{Mlp, Primal, assert_cost, blocks::Activation};
/// let (small, large) = (Mlp::new(&[8, 16, 4], Activation::Tanh).build()?, Mlp::new(&[8, 32, 4], Activation::Tanh).build()?);
/// let (small, large) = (Primal::<f32>::predict(&small, 10)?, Primal::<f32>::predict(&large, 10)?);
/// assert_cost!(large.cost <= 2 * small.cost);
/// assert_cost!(2 * large.cost > 3 * small.cost);
/// assert_cost!(large.peak() <= 2 * small.peak());
/// assert_cost!(large.buffers == 4 * 10 * (32 + 4)); // the values of a layer and of the next
/// # Ok::<(), pushpull_core::Error>(())
/// ```
///
/// ```should_panic
/// use pushpull_core::{Cost, assert_cost};
/// let (gradient, primal) = (Cost { flops: 4000, calls: 20 }, Cost { flops: 1000, calls: 20 });
/// // the certificate `gradient <= 3 * primal` does not hold
/// //   left:  4,000 flops, 20 calls
/// //   right: 3,000 flops, 60 calls
/// //   ratio: 1.333 times the flops, 0.333 times the calls
/// assert_cost!(gradient <= 3 * primal);
/// ```
#[macro_export]
macro_rules! assert_cost {
    (@side [$($left:tt)+] <= $($right:tt)+) => {
        $crate::assert_cost!(@holds [$($left)+] le "<=" [$($right)+])
    };
    (@side [$($left:tt)+] >= $($right:tt)+) => {
        $crate::assert_cost!(@holds [$($left)+] ge ">=" [$($right)+])
    };
    (@side [$($left:tt)+] == $($right:tt)+) => {
        $crate::assert_cost!(@holds [$($left)+] eq "==" [$($right)+])
    };
    (@side [$($left:tt)+] < $($right:tt)+) => {
        $crate::assert_cost!(@holds [$($left)+] lt "<" [$($right)+])
    };
    (@side [$($left:tt)+] > $($right:tt)+) => {
        $crate::assert_cost!(@holds [$($left)+] gt ">" [$($right)+])
    };
    (@side [$($left:tt)*] $next:tt $($rest:tt)*) => {
        $crate::assert_cost!(@side [$($left)* $next] $($rest)*)
    };
    (@holds [$($left:tt)+] $holds:ident $operator:literal [$($right:tt)+]) => {
        $crate::certificate::certify(
            concat!(stringify!($($left)+), " ", $operator, " ", stringify!($($right)+)),
            $($left)+,
            $($right)+,
            |left, right| left.$holds(right),
        )
    };
    ($($claim:tt)+) => {
        $crate::assert_cost!(@side [] $($claim)+)
    };
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use crate::Cost;

    fn refusal(claim: impl FnOnce() + std::panic::UnwindSafe) -> String {
        let refused = catch_unwind(claim).expect_err("a claim that does not hold was certified");
        *refused.downcast::<String>().expect("a message")
    }

    #[test]
    fn a_refusal_shows_both_sides_and_their_ratio() {
        let (flops, calls) = (4000, 20);
        let (gradient, primal) = (Cost { flops, calls }, Cost { flops: 1000, calls });
        let text = refusal(|| assert_cost!(gradient <= 3 * primal));
        for part in [
            "gradient <= 3 * primal",
            "4,000 flops, 20 calls",
            "3,000 flops, 60 calls",
            "1.333 times the flops, 0.333 times the calls",
        ] {
            assert!(text.contains(part), "{text} lacks {part}");
        }
        let bytes = refusal(|| assert_cost!(3000_usize < 2000_usize));
        assert!(
            bytes.contains("3,000") && bytes.contains("1.500 times"),
            "{bytes}"
        );
    }

    #[test]
    fn work_is_within_a_bound_in_flops_and_in_calls() {
        let (few_calls, few_flops) = (
            Cost {
                flops: 10,
                calls: 1,
            },
            Cost {
                flops: 1,
                calls: 10,
            },
        );
        refusal(move || assert_cost!(few_calls <= few_flops));
        refusal(move || assert_cost!(few_flops <= few_calls));
        refusal(move || assert_cost!(few_calls < few_calls));
        refusal(move || assert_cost!(few_calls == few_flops));
        assert_cost!(few_calls <= few_calls);
        assert_cost!(10 * few_calls >= few_flops);
        assert_cost!(10 * few_calls > few_flops);
    }
}
