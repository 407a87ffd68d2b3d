//! Values of options.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use pushpull_core::blocks::{Activation, Loss};
use pushpull_files::values;
use pushpull_planner::Question;
use pushpull_train::Mode;

use crate::one_line;

/// Bytes as the text of every kind of option.
pub fn options(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let numbers = [
        kept(values::count(text), |n| *n > 0).map(|n| n == values::count(&n.to_string()).unwrap()),
        kept(values::seconds(text), |s| (0.01..=3600.0).contains(s))
            .map(|s| s == values::seconds(&s.to_string()).unwrap()),
        kept(values::share(text), |s| (0.0..=1.0).contains(s))
            .map(|s| s == values::share(&s.to_string()).unwrap()),
        kept(values::bytes(text), |n| *n > 0)
            .map(|n| n > 1 << 53 || n == values::bytes(&n.to_string()).unwrap()),
        kept(values::widths(text), |w| !w.is_empty() && !w.contains(&0)).map(|widths| {
            let again: Vec<String> = widths.iter().map(usize::to_string).collect();
            widths == values::widths(&again.join(",")).unwrap()
        }),
    ];
    assert!(!numbers.contains(&Some(false)), "{text:?}: {numbers:?}");
    let init = kept(values::init(text), |_| true).is_some();
    let question = kept(text.parse::<Question>(), |asked| asked.seeds() != Some(0)).is_some();
    let named = named::<Mode>(text) | named::<Activation>(text) | named::<Loss>(text);
    init || question || named || numbers.contains(&Some(true))
}

/// A value, which is in its range.
fn kept<T: Debug, E: Display>(value: Result<T, E>, fits: impl Fn(&T) -> bool) -> Option<T> {
    let value = value.inspect_err(one_line).ok()?;
    assert!(fits(&value), "{value:?}");
    Some(value)
}

/// Whether this is a name, which prints as one that reads the same.
fn named<T: FromStr<Err: Display> + Display + PartialEq + Debug>(text: &str) -> bool {
    let Some(value) = kept(text.parse::<T>(), |_| true) else {
        return false;
    };
    assert!(
        value
            .to_string()
            .parse()
            .is_ok_and(|again: T| again == value)
    );
    true
}
