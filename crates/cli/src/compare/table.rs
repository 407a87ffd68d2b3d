//! The comparison as text and as CSV.

use std::path::{Path, PathBuf};

use pushpull_core::siblings::figures::{self, grouped, seconds};
use pushpull_files::FileError;

use super::Setting;
use super::contender::{Row, Source};
use crate::screen::bold;

/// The table for people.
pub fn text(setting: &Setting, rows: &[Row], files: &[PathBuf]) -> String {
    let mut out = format!(
        "{}, {}, {}: {} parameters; batch {} ({}), {}, {}\n{}{}\n\n",
        setting.network,
        setting.activation,
        setting.loss,
        grouped(setting.params as u128),
        setting.batch,
        setting.data,
        setting.dtype,
        threads(setting.threads),
        setting.cpu,
        if setting.optimised {
            ""
        } else {
            "; this build is not optimised: its times say little"
        }
    );
    let head = [
        "mode",
        "flops",
        "bytes",
        "time",
        "quartiles",
        "x primal",
        "",
    ]
    .map(String::from);
    let mut lines = vec![head];
    lines.extend(rows.iter().map(|row| {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        let quartiles = row.seconds_low.zip(row.seconds_high);
        [
            row.mode.into(),
            or_dash(row.flops.map(grouped)),
            or_dash(row.peak_bytes.map(|bytes| grouped(bytes as u128))),
            or_dash(row.seconds.map(seconds)),
            or_dash(quartiles.map(|(low, high)| format!("{} - {}", seconds(low), seconds(high)))),
            or_dash(row.ratio.map(|ratio| format!("{ratio:.2}"))),
            remark(row),
        ]
    }));
    for (i, line) in figures::table(&lines, &[6]).iter().enumerate() {
        let line = line.trim_end();
        out += &if i == 0 { bold(line) } else { line.to_owned() };
        out.push('\n');
    }
    out.push('\n');
    for file in files {
        out += &format!("{}\n", file.display());
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

/// Writes the rows, the setting in every one.
pub fn save(path: &Path, setting: &Setting, rows: &[Row]) -> Result<(), FileError> {
    let failed = |error: csv::Error| FileError::write(path, error);
    let mut writer = csv::Writer::from_path(path).map_err(failed)?;
    let head = "network,activation,loss,params,batch,data,dtype,threads,optimised,cpu,mode,way,flops,calls,peak_bytes,\
                seconds,seconds_low,seconds_high,ratio,ratio_low,ratio_high,source,note";
    writer.write_record(head.split(',')).map_err(failed)?;
    let number = |x: Option<f64>| x.map_or_else(String::new, |x| x.to_string());
    let whole = |n: Option<u64>| n.map_or_else(String::new, |n| n.to_string());
    for row in rows {
        let record = [
            setting.network.clone(),
            setting.activation.clone(),
            setting.loss.into(),
            setting.params.to_string(),
            setting.batch.to_string(),
            setting.data.clone(),
            setting.dtype.into(),
            setting.threads.to_string(),
            setting.optimised.to_string(),
            setting.cpu.clone(),
            row.mode.into(),
            row.way.clone(),
            whole(row.flops),
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
    writer.flush().map_err(|error| failed(error.into()))
}
