//! The X-ray as a table.

use std::fmt;

use pushpull_core::siblings::figures::table;

use crate::{BlockXray, Pass, Spectrum, Xray};

/// Three digits, or a power of ten.
fn number(x: Option<f64>) -> String {
    match x {
        None => "-".into(),
        Some(x) if x == 0.0 || !x.is_finite() => x.to_string(),
        Some(x) if (0.001..1000.0).contains(&x.abs()) => {
            // As it is rounded to three digits: 0.9999 is 1.00.
            let rounded: f64 = format!("{x:.2e}").parse().unwrap_or(x);
            let digits = (2 - rounded.abs().log10().floor() as i32).clamp(0, 5) as usize;
            format!("{x:.digits$}")
        }
        Some(x) => format!("{x:.2e}"),
    }
}

/// `12.5 %`
fn percent(share: Option<f64>) -> String {
    share.map_or("-".into(), |share| format!("{:.1} %", 100.0 * share))
}

fn row(block: &BlockXray) -> [String; 12] {
    let spectrum = block.spectrum.as_ref();
    [
        block.name.clone(),
        format!("{} <- {}", block.n_out, block.n_in),
        number(block.value_rms),
        number(block.cotangent_norm),
        number(block.gradient_norm),
        number(block.weight_gain()),
        number(block.activation_gain()),
        percent(block.slopes.map(|slopes| slopes.dead)),
        percent(block.slopes.map(|slopes| slopes.saturated)),
        number(spectrum.and_then(Spectrum::largest)),
        number(spectrum.and_then(Spectrum::smallest)),
        match spectrum {
            Some(spectrum) if !spectrum.exact => "largest alone".into(),
            _ => String::new(),
        },
    ]
}

impl fmt::Display for Xray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let samples = if self.batch == 1 { "sample" } else { "samples" };
        writeln!(
            f,
            "{} {samples}, {}; objective {}, norm of its gradient {}",
            self.batch,
            self.scalar,
            number(self.value),
            number(self.gradient_norm)
        )?;
        let head = [
            "block",
            "rows",
            "value",
            "cotangent",
            "gradient",
            "weight gain",
            "activation gain",
            "dead",
            "saturated",
            "s max",
            "s min",
            "",
        ];
        let mut rows = vec![head.map(str::to_owned)];
        rows.extend(self.blocks.iter().map(row));
        for line in table(&rows, &[11]) {
            writeln!(f, "{}", line.trim_end())?;
        }
        writeln!(
            f,
            "value: root mean square; cotangent, gradient: norms; s: singular values of d {} / d value",
            self.output
        )?;
        for shared in &self.sharing {
            write!(
                f,
                "parameters of {}, gradient {}:",
                shared.params,
                number(Some(shared.norm))
            )?;
            for (k, each) in shared.uses.iter().enumerate() {
                let comma = if k > 0 { "," } else { "" };
                write!(f, "{comma} {} {}", each.block, percent(each.share))?;
            }
            writeln!(f)?;
        }
        match &self.culprit {
            None => write!(f, "all numbers are finite"),
            Some(culprit) => {
                let pass = match culprit.pass {
                    Pass::Data => "in the data",
                    Pass::Primal => "in the primal program",
                    Pass::Adjoint => "in the adjoint program",
                    Pass::Sum => "in a sum",
                };
                write!(f, "not finite, {pass}: {}", culprit.reason)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{number, percent};

    #[test]
    fn numbers_have_three_digits() {
        for (x, text) in [
            (1.0, "1.00"),
            (0.25, "0.250"),
            (0.9999, "1.00"),
            (123.4, "123"),
            (0.001234, "0.00123"),
            (1e-9, "1.00e-9"),
            (-2.5, "-2.50"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(number(Some(x)), text);
        }
        assert_eq!(
            (number(None), percent(Some(0.125))),
            ("-".into(), "12.5 %".into())
        );
    }
}
