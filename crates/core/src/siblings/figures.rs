//! Numbers and tables as people read them: one way for all crates.

use comfy_table::{CellAlignment, Table, presets};

/// A whole number with its digits in threes.
///
/// ```
/// use pushpull_core::siblings::figures::grouped;
/// assert_eq!((grouped(999_u32), grouped(1_234_567_u64)), ("999".into(), "1,234,567".into()));
/// ```
pub fn grouped(number: impl Into<u128>) -> String {
    let digits = number.into().to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Seconds in three digits with their unit.
///
/// ```
/// use pushpull_core::siblings::figures::seconds;
/// let written = [0.0, 1.234e-7, 1.234e-5, 0.0567, 1234.5].map(seconds);
/// assert_eq!(written, ["0.00 ns", "123 ns", "12.3 us", "56.7 ms", "1234 s"]);
/// ```
pub fn seconds(seconds: f64) -> String {
    let (scale, unit) = match seconds {
        s if s >= 1.0 => (1.0, "s"),
        s if s >= 1e-3 => (1e3, "ms"),
        s if s >= 1e-6 => (1e6, "us"),
        _ => (1e9, "ns"),
    };
    let value = seconds * scale;
    let digits = match value {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$} {unit}")
}

/// Rows in columns with two spaces between them, all lines of one width. The first column and those in `left` are flush left,
/// numbers flush right.
///
/// ```
/// use pushpull_core::siblings::figures::table;
/// let rows = [["mode", "flops", ""], ["reverse", "76", "picked"]].map(|row| row.map(String::from));
/// assert_eq!(table(&rows, &[2]), ["mode     flops        ", "reverse     76  picked"]);
/// ```
pub fn table<R: AsRef<[String]>>(rows: &[R], left: &[usize]) -> Vec<String> {
    let columns = rows.iter().map(|row| row.as_ref().len()).max().unwrap_or(0);
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.add_rows(rows.iter().map(AsRef::as_ref));
    for (k, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if k + 1 < columns { 2 } else { 0 }));
        if k > 0 && !left.contains(&k) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().collect()
}
