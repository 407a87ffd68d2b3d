//! What the text of an option says.

use std::num::{IntErrorKind, ParseIntError};
use std::str::FromStr;

use pushpull_core::Init;

/// A text that is no such value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct ValueError {
    /// What would be one.
    pub expected: &'static str,
}

const fn refused<T>(expected: &'static str) -> Result<T, ValueError> {
    Err(ValueError { expected })
}

/// A whole number from 1 on.
///
/// # Errors
/// [`ValueError`]
pub fn count(text: &str) -> Result<usize, ValueError> {
    let expected = "a whole number, at least 1, such as 8";
    match parsed(text, expected)? {
        0 => refused(expected),
        n => Ok(n),
    }
}

/// Every how many of a run's steps: a whole number from 1 on.
///
/// # Errors
/// [`ValueError`]
pub fn every(text: &str) -> Result<u64, ValueError> {
    let expected = "a number of steps, at least 1; leave it out for none";
    match parsed(text, expected)? {
        0 => refused(expected),
        n => Ok(n),
    }
}

/// A whole number from 0 on.
///
/// # Errors
/// [`ValueError`]
///
/// ```
/// use pushpull_files::values::whole;
/// assert_eq!(whole::<u64>("12"), Ok(12));
/// assert_eq!(whole::<u64>("-1").unwrap_err().to_string(), "expected a whole number that is not negative, such as 8");
/// ```
pub fn whole<N: FromStr<Err = ParseIntError>>(text: &str) -> Result<N, ValueError> {
    parsed(text, "a whole number that is not negative, such as 8")
}

/// A whole number; of one with too many digits something else is said.
fn parsed<N: FromStr<Err = ParseIntError>>(
    text: &str,
    expected: &'static str,
) -> Result<N, ValueError> {
    let parsed = text.trim().parse();
    parsed.map_err(|error: ParseIntError| ValueError {
        expected: match error.kind() {
            IntErrorKind::PosOverflow => "a number of at most 18446744073709551615",
            _ => expected,
        },
    })
}

/// A learning rate.
///
/// # Errors
/// [`ValueError`]
pub fn rate(text: &str) -> Result<f64, ValueError> {
    match number(text) {
        Ok(rate) if rate > 0.0 => Ok(rate),
        _ => refused("a number above 0, such as 1e-3"),
    }
}

/// A finite number.
///
/// # Errors
/// [`ValueError`]
///
/// ```
/// use pushpull_files::values::number;
/// assert_eq!(number("1e-3"), Ok(0.001));
/// assert_eq!(number("inf").unwrap_err().to_string(), "expected a number such as 0.01 or 1e-3");
/// ```
pub fn number(text: &str) -> Result<f64, ValueError> {
    match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => refused("a number such as 0.01 or 1e-3"),
    }
}

/// Counts apart by commas: `5,8,8,3`.
///
/// # Errors
/// [`ValueError`]
pub fn widths(text: &str) -> Result<Vec<usize>, ValueError> {
    let widths: Result<_, _> = text.split(',').map(count).collect();
    widths.or(refused(
        "widths from 1 on with commas between them, such as 64,32,10",
    ))
}

/// Seconds, 0.01 to 3600.
///
/// # Errors
/// [`ValueError`]
pub fn seconds(text: &str) -> Result<f64, ValueError> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.01..=3600.0).contains(&seconds) => Ok(seconds),
        _ => refused("seconds from 0.01 to 3600, such as 30"),
    }
}

/// A share, 0 to 1.
///
/// # Errors
/// [`ValueError`]
pub fn share(text: &str) -> Result<f64, ValueError> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => refused("a share from 0 to 1, such as 0.01"),
    }
}

/// Bytes: `4096`, `500MB` (powers of ten), `64KiB` (powers of two).
///
/// # Errors
/// [`ValueError`]
///
/// ```
/// use pushpull_files::values::bytes;
/// assert_eq!((bytes("500MB"), bytes("64KiB")), (Ok(500_000_000), Ok(65_536)));
/// assert_eq!(bytes("some").unwrap_err().to_string(), "expected bytes such as 4096, 500MB or 64KiB");
/// ```
pub fn bytes(text: &str) -> Result<usize, ValueError> {
    const UNITS: [(&str, f64); 9] = [
        ("", 1.0),
        ("B", 1.0),
        ("KB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
        ("TB", 1e12),
        ("KIB", 1024.0),
        ("MIB", 1024.0 * 1024.0),
        ("GIB", 1024.0 * 1024.0 * 1024.0),
    ];
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim().to_uppercase();
    let scale = UNITS.iter().find(|(name, _)| *name == unit);
    match (number.parse::<f64>(), scale) {
        (Ok(number), Some((_, scale))) if (1.0..9e18).contains(&(number * scale)) => {
            Ok((number * scale) as usize)
        }
        _ => refused("bytes such as 4096, 500MB or 64KiB"),
    }
}

/// How weights are drawn: `glorot`, `he`, or `uniform:A` on [-A, A].
///
/// # Errors
/// [`ValueError`]
pub fn init(text: &str) -> Result<Init, ValueError> {
    match text.split_once(':') {
        None if text == "glorot" => Ok(Init::Glorot),
        None if text == "he" => Ok(Init::He),
        Some(("uniform", a)) => match a.parse::<f64>() {
            Ok(a) if a.is_finite() && a > 0.0 => Ok(Init::Uniform(a)),
            _ => refused("a positive number A, as in uniform:0.5"),
        },
        _ => refused("glorot, he or uniform:A"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_whole_positive_numbers() {
        assert_eq!(widths("5, 8,3"), Ok(vec![5, 8, 3]));
        for wrong in [
            "",
            "5,,3",
            "5,0",
            "5,-1",
            "5;8",
            "1e3",
            "99999999999999999999",
        ] {
            assert!(widths(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn whole_numbers_have_no_sign_and_no_fraction() {
        assert_eq!(
            (count("8"), every("8"), whole(" 8 ")),
            (Ok(8), Ok(8), Ok(8_u64))
        );
        assert_eq!(whole("0"), Ok(0_u64));
        assert!(count("0").is_err() && every("0").is_err());
        for wrong in [
            "",
            "-1",
            "1.5",
            "1e3",
            "NaN",
            "inf",
            "eight",
            "99999999999999999999",
        ] {
            assert!(count(wrong).is_err(), "{wrong}");
            assert!(
                every(wrong).is_err() && whole::<u64>(wrong).is_err(),
                "{wrong}"
            );
        }
        let large = count("99999999999999999999").unwrap_err();
        assert!(large.expected.ends_with("18446744073709551615"));
    }

    #[test]
    fn rates_are_above_zero() {
        assert_eq!(rate("1e-3"), Ok(1e-3));
        for wrong in ["", "0", "-1e-3", "NaN", "inf", "1e999", "fast"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bytes_have_units_of_ten_and_of_two() {
        assert_eq!(bytes("4096"), Ok(4096));
        assert_eq!(bytes("500MB"), Ok(500_000_000));
        assert_eq!(bytes("1.5 KiB"), Ok(1536));
        for wrong in ["", "MB", "-1", "1e30", "5 parsecs", "0", "1e999TB", "NaN"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_and_shares_have_ends() {
        assert_eq!((seconds("0.01"), seconds("3600")), (Ok(0.01), Ok(3600.0)));
        assert_eq!((share("0"), share("1")), (Ok(0.0), Ok(1.0)));
        for wrong in ["", "-0.5", "NaN", "inf", "1e9", "1,5", " 1"] {
            assert!(seconds(wrong).is_err() && share(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ways_to_draw_weights_are_read() {
        assert_eq!(init("he"), Ok(Init::He));
        assert_eq!(init("uniform:0.5"), Ok(Init::Uniform(0.5)));
        for wrong in [
            "",
            "uniform",
            "uniform:",
            "uniform:-1",
            "uniform:inf",
            "he:2",
            "xavier",
        ] {
            assert!(init(wrong).is_err(), "{wrong}");
        }
    }
}
