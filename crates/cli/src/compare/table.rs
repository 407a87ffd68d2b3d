//! The comparison as text and as CSV.

use std::path::{Path, PathBuf};

use pushpull_bench::grid::Against;
use pushpull_core::siblings::figures::{self, grouped, seconds};
use pushpull_files::{FileError, Line};

use super::contender::{Row, Source};
use super::{Case, Setting};
use crate::destination::listed;
use crate::screen::bold;

/// The tables for people, one for each configuration.
pub fn text(cases: &[Case], files: &[PathBuf]) -> String {
    let mut out = String::new();
    if let [first, _, ..] = cases {
        let Setting {
            activation,
            loss,
            data,
            threads: n,
            ..
        } = &first.setting;
        out += &format!(
            "{activation}, {loss}; {} configurations, data {}, {}\n{}\n",
            cases.len(),
            Line(data),
            threads(*n),
            machine(&first.setting)
        );
        for case in cases {
            let params = grouped(case.setting.params as u128);
            let heading = format!("{}: {params} parameters", case.configuration);
            out += &format!("\n{}\n{}", bold(&heading), table(&case.modes));
        }
    } else if let [case] = cases {
        let setting = &case.setting;
        out += &format!(
            "{}, {}, {}: {} parameters; batch {} ({}), {}, {}\n{}\n\n{}",
            setting.network,
            setting.activation,
            setting.loss,
            grouped(setting.params as u128),
            setting.batch,
            Line(&setting.data),
            setting.dtype,
            threads(setting.threads),
            machine(setting),
            table(&case.modes)
        );
    }
    out.push('\n');
    let rows = cases.iter().flat_map(|case| &case.modes);
    let predicted = rows.filter(|row| row.source == Source::Predicted);
    let longest = predicted.filter_map(|row| row.seconds).fold(0.0, f64::max);
    if longest > 0.0 {
        out += "~ is predicted from flops and the measured rate of another mode, and was not run";
        out += &match patience(longest) {
            // More is refused.
            seconds if seconds <= MOST_PATIENCE => {
                format!("; --patience {seconds} runs all of it.\n\n")
            }
            _ => ".\n\n".into(),
        };
    }
    out + &listed(files, "")
}

/// The longest `--patience`, in seconds: a week.
const MOST_PATIENCE: u64 = 604_800;

/// Whole seconds that leave room for a prediction that is a half too low.
fn patience(seconds: f64) -> u64 {
    let more = (1.5 * seconds).max(1.0);
    let ten = 10f64.powf(more.log10().floor());
    ((more / ten).ceil() * ten) as u64
}

fn machine(setting: &Setting) -> String {
    let unoptimised = "; this build is not optimised, so its times mean little";
    let words = if setting.optimised { "" } else { unoptimised };
    format!("{}{words}", setting.cpu)
}

/// A line for each mode.
fn table(rows: &[Row]) -> String {
    let head = [
        "mode",
        "flops",
        "bytes",
        "time",
        "quartiles",
        "flops/primal",
        "time/primal",
        "",
    ]
    .map(String::from);
    let mut lines = vec![head];
    lines.extend(rows.iter().map(|row| {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        let quartiles = row.seconds_low.zip(row.seconds_high);
        // A number that nobody measured looks unlike one.
        let about = match row.source {
            Source::Predicted => "~",
            _ => "",
        };
        let ratio = |ratio: f64| format!("{ratio:.2}");
        [
            row.mode.into(),
            or_dash(row.flops.map(grouped)),
            or_dash(row.peak_bytes.map(|bytes| grouped(bytes as u128))),
            or_dash(row.seconds.map(|time| format!("{about}{}", seconds(time)))),
            or_dash(quartiles.map(|(low, high)| format!("{} - {}", seconds(low), seconds(high)))),
            or_dash(row.flops_ratio.map(ratio)),
            or_dash(row.ratio.map(|time| format!("{about}{}", ratio(time)))),
            remark(row),
        ]
    }));
    let mut out = String::new();
    for (i, line) in figures::table(&lines, &[7]).iter().enumerate() {
        let line = line.trim_end();
        out += &if i == 0 { bold(line) } else { line.to_owned() };
        out.push('\n');
    }
    out
}

/// `1 thread`
pub fn threads(n: usize) -> String {
    format!("{n} thread{}", if n == 1 { "" } else { "s" })
}

/// How a row came about.
fn remark(row: &Row) -> String {
    match (row.source, &row.note) {
        (Source::Measured, _) => row.way.clone(),
        (Source::OneRun, _) => format!("{}; one run", row.way),
        (Source::Predicted, _) => format!("{}; predicted from its flops, not run", row.way),
        (Source::Refused, Some(note)) => format!("{}; no: {note}", row.way),
        (Source::Refused, None) => row.way.clone(),
    }
}

/// The columns of the CSV: times in seconds (`_s`), memory in bytes, ratios over the primal.
const COLUMNS: [&str; 26] = [
    "network",
    "activation",
    "loss",
    "params",
    "width",
    "depth",
    "batch",
    "data",
    "dtype",
    "threads",
    "optimised",
    "cpu",
    "mode",
    "way",
    "flops",
    "flops_over_primal",
    "calls",
    "peak_bytes",
    "time_s",
    "time_low_s",
    "time_high_s",
    "time_over_primal",
    "time_over_primal_low",
    "time_over_primal_high",
    "source",
    "note",
];

/// A row for each mode and configuration, the setting in every one.
pub fn csv(cases: &[Case]) -> Result<Vec<u8>, FileError> {
    let failed = |error: csv::Error| FileError::write(Path::new("compare.csv"), error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(failed)?;
    let number = |x: Option<f64>| x.map_or_else(String::new, |x| x.to_string());
    let whole = |n: Option<u64>| n.map_or_else(String::new, |n| n.to_string());
    for case in cases {
        let (setting, widths) = (&case.setting, &case.configuration.widths);
        let of = |against: Against| against.of(widths, setting.batch).to_string();
        for row in &case.modes {
            let record: [String; COLUMNS.len()] = [
                setting.network.clone(),
                setting.activation.clone(),
                setting.loss.into(),
                setting.params.to_string(),
                of(Against::Width),
                of(Against::Depth),
                setting.batch.to_string(),
                setting.data.clone(),
                setting.dtype.into(),
                setting.threads.to_string(),
                setting.optimised.to_string(),
                setting.cpu.clone(),
                row.mode.into(),
                row.way.clone(),
                whole(row.flops),
                number(row.flops_ratio),
                whole(row.calls),
                whole(row.peak_bytes.map(|bytes| bytes as u64)),
                number(row.seconds),
                number(row.seconds_low),
                number(row.seconds_high),
                number(row.ratio),
                number(row.ratio_low),
                number(row.ratio_high),
                row.source.name().into(),
                row.note.clone().unwrap_or_default(),
            ];
            writer.write_record(&record).map_err(failed)?;
        }
    }
    writer
        .into_inner()
        .map_err(|error| FileError::write(Path::new("compare.csv"), error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_told_in_round_seconds_with_room() {
        assert_eq!([0.1, 3.0, 42.0, 700.0].map(patience), [1, 5, 70, 2000]);
    }
}
