//! Numbers as they are read on an axis, in a cell or in a sentence.

/// A number as a reader wants it: three significant digits where it is not whole, a power of ten where it is large or small.
///
/// ```
/// use pushpull_plot::number;
/// assert_eq!([0.25, 1024.0, 31.62, 3.2e7].map(number), ["0.25", "1,024", "31.6", "3.2×10⁷"]);
/// ```
pub fn number(v: f64) -> String {
    if !v.is_finite() {
        return v.to_string();
    }
    let size = v.abs();
    if v == 0.0 {
        return "0".into();
    }
    if !(1e-3..1e6).contains(&size) {
        let mut exponent = size.log10().floor() as i32;
        let mut mantissa = v / 10f64.powi(exponent);
        if mantissa.abs() >= 9.995 {
            (mantissa, exponent) = (mantissa / 10.0, exponent + 1);
        }
        let digits = trimmed(&format!("{mantissa:.2}"));
        return if digits == "1" {
            power(exponent)
        } else {
            format!("{digits}×{}", power(exponent))
        };
    }
    if size >= 100.0 || v.fract() == 0.0 {
        return grouped(&format!("{v:.0}"));
    }
    let decimals = (2 - size.log10().floor() as i32).max(0) as usize;
    trimmed(&format!("{v:.decimals$}"))
}

fn trimmed(digits: &str) -> String {
    if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.').into()
    } else {
        digits.into()
    }
}

/// Commas between thousands.
pub(super) fn grouped(digits: &str) -> String {
    let (sign, rest) = digits
        .strip_prefix('-')
        .map_or(("", digits), |rest| ("-", rest));
    let (whole, fraction) = rest
        .split_once('.')
        .map_or((rest, String::new()), |(w, f)| (w, format!(".{f}")));
    let mut out = String::new();
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    format!("{sign}{out}{fraction}")
}

/// `10⁻⁶`
pub(super) fn power(exponent: i32) -> String {
    let raised = |c: char| match c {
        '-' => '⁻',
        _ => {
            ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'][c.to_digit(10).unwrap_or(0) as usize]
        }
    };
    format!(
        "10{}",
        exponent.to_string().chars().map(raised).collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let all = [
            0.0,
            0.25,
            1.0,
            1.4321,
            31.62,
            999.6,
            1024.0,
            999_999.0,
            3.2e7,
            1e-9,
            9.999e7,
            -0.5,
            -1234.0,
            f64::NAN,
            f64::INFINITY,
        ];
        let read = [
            "0",
            "0.25",
            "1",
            "1.43",
            "31.6",
            "1,000",
            "1,024",
            "999,999",
            "3.2×10⁷",
            "10⁻⁹",
            "10⁸",
            "-0.5",
            "-1,234",
            "NaN",
            "inf",
        ];
        assert_eq!(all.map(number), read);
    }
}
