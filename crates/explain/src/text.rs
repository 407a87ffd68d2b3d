//! The explanation as text: three columns where they fit, else one below the other; then equation 17.

use std::fmt;

use pushpull_core::program::width;
use pushpull_core::siblings::figures::{grouped, table};

use crate::{Explanation, Instruction, Program, Takes};

fn right(text: &str, places: usize) -> String {
    format!("{}{text}", " ".repeat(places.saturating_sub(width(text))))
}

/// `128 x 32`
fn shape(instruction: &Instruction) -> String {
    let lengths: Vec<String> = instruction
        .shape
        .iter()
        .map(|&n| grouped(n as u128))
        .collect();
    lengths.join(" x ")
}

/// `12,288`, with calls of elementary functions as `4,096c`.
fn work(flops: u64, calls: u64) -> String {
    match (flops, calls) {
        (_, 0) => grouped(flops),
        (0, _) => format!("{}c", grouped(calls)),
        _ => format!("{} + {}c", grouped(flops), grouped(calls)),
    }
}

/// Places on a line, unless another width is asked for (`{told:80}`).
const WIDTH: usize = 160;

/// A text of at most so many places.
fn within(text: String, places: usize) -> String {
    if width(&text) <= places {
        return text;
    }
    let (mut short, mut taken) = (String::new(), 1);
    for c in text.chars() {
        let places_of = width(c.encode_utf8(&mut [0; 4]));
        if taken + places_of > places {
            break;
        }
        taken += places_of;
        short.push(c);
    }
    short.push('…');
    short
}

/// A program as lines of equal width, its title and its sum among them; what an instruction does is cut where it would be
/// wider than `limit`.
fn column(title: &str, program: &Program, limit: usize) -> Vec<String> {
    let mut rows = vec![[title, "shape", "flops", "bytes"].map(str::to_owned)];
    rows.extend(program.instructions.iter().map(|line| {
        [
            line.text.clone(),
            shape(line),
            work(line.flops, line.calls),
            grouped(line.bytes),
        ]
    }));
    let sum = program.cost();
    let bytes = grouped(program.bytes());
    let total = [
        "all".into(),
        String::new(),
        work(sum.flops, sum.calls),
        bytes,
    ];
    let most = |k: usize| {
        let rows = rows.iter().chain([&total]);
        rows.map(|row| width(&row[k])).max().unwrap_or(0)
    };
    let numbers = most(1) + most(2) + most(3) + 3 * 2;
    let text = most(0).min(limit.saturating_sub(numbers).max(12));
    rows.push(total);
    for row in &mut rows {
        row[0] = within(std::mem::take(&mut row[0]), text);
    }
    let mut lined = table(&rows, &[]);
    let total = lined.pop().unwrap_or_default();
    let mut lines: Vec<String> = Vec::new();
    for (k, line) in lined.into_iter().enumerate() {
        lines.push(line);
        let of = k.checked_sub(1).map(|k| &program.instructions[k]);
        if let Some(numbers) = of.and_then(|line| line.numbers.as_ref()) {
            lines.extend(matrix(numbers, limit));
        }
    }
    let rule = "─".repeat(lines.first().map_or(0, |line| width(line)));
    lines.insert(1, rule.clone());
    lines.push(rule);
    lines.push(total);
    lines
}

/// Rows of a matrix that are shown, at most.
const ROWS: usize = 8;

/// Places of a number.
const PLACES: usize = 12;

/// Six digits of a number.
fn digits(x: f64) -> String {
    let size = x.abs();
    if x == 0.0 {
        return "0".into();
    }
    if !x.is_finite() {
        return x.to_string();
    }
    if !(1e-4..1e6).contains(&size) {
        return format!("{x:.4e}");
    }
    let whole = size.log10().floor().max(0.0) as usize;
    format!("{x:.*}", 6 - whole.min(5) - 1)
}

/// A matrix as lines, cut where it has more rows than are shown or is wider than the limit.
fn matrix(numbers: &[Vec<f64>], limit: usize) -> Vec<String> {
    let most = (limit.saturating_sub(4 + 2) / PLACES).max(1);
    let row = |row: &Vec<f64>| {
        let shown = row.iter().take(most);
        let entries: String = shown.map(|&x| right(&digits(x), PLACES)).collect();
        let cut = if row.len() > most { " …" } else { "" };
        format!("    {entries}{cut}")
    };
    let mut lines: Vec<String> = numbers.iter().take(ROWS).map(row).collect();
    if numbers.len() > ROWS {
        lines.push(format!(
            "    {}",
            right(&format!("… {} more", numbers.len() - ROWS), PLACES)
        ));
    }
    lines
}

/// The columns beside each other; the two last lines, the sums, stay at the bottom of all.
fn beside(columns: &[Vec<String>]) -> Vec<String> {
    let height = columns.iter().map(Vec::len).max().unwrap_or(0);
    let blank: Vec<String> = columns
        .iter()
        .map(|column| " ".repeat(column.first().map_or(0, |line| width(line))))
        .collect();
    let at = |k: usize, row: usize| {
        let column = &columns[k];
        let body = column.len() - 2;
        if row < body {
            &column[row]
        } else if row >= height - 2 {
            &column[row + column.len() - height]
        } else {
            &blank[k]
        }
    };
    (0..height)
        .map(|row| {
            let cells: Vec<&str> = (0..columns.len()).map(|k| at(k, row).as_str()).collect();
            cells.join(" │ ").trim_end().to_owned()
        })
        .collect()
}

fn engine(takes: &Takes) -> String {
    format!(
        "{} flops, at most {} bytes held",
        work(takes.flops, takes.calls),
        grouped(takes.peak_bytes)
    )
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let samples = if self.batch == 1 { "sample" } else { "samples" };
        writeln!(
            f,
            "{} parameters, {} {samples}, {}; c: calls of elementary functions\n",
            grouped(self.params as u128),
            grouped(self.batch as u128),
            self.scalar
        )?;
        let limit = f.width().unwrap_or(WIDTH);
        let columns = [
            column("primal program", &self.primal, limit),
            column("tangent program", &self.tangent, limit),
            column("adjoint program", &self.adjoint, limit),
        ];
        let wide: usize = columns.iter().map(|column| width(&column[0])).sum();
        let traced = self
            .primal
            .instructions
            .iter()
            .any(|line| line.numbers.is_some());
        if wide + 2 * 3 <= limit && !traced {
            for line in beside(&columns) {
                writeln!(f, "{line}")?;
            }
        } else {
            for (k, column) in columns.iter().enumerate() {
                if k > 0 {
                    writeln!(f)?;
                }
                for line in column {
                    writeln!(f, "{}", line.trim_end())?;
                }
            }
        }
        let forward = self.forward.as_ref();
        let forward = forward.map_or("more bytes than this machine has".into(), engine);
        writeln!(f, "\nforward mode, primal and tangent program: {forward}")?;
        writeln!(
            f,
            "reverse mode, primal and adjoint program: {}",
            engine(&self.reverse)
        )?;
        if self.equation17.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\nequation 17, multiply-adds of dense matrices for one sample"
        )?;
        let number = |n: Option<u128>| n.map_or("-".into(), grouped);
        for unrolled in &self.equation17 {
            let sizes: Vec<String> = unrolled
                .sizes
                .windows(2)
                .map(|pair| {
                    format!(
                        "({}, {})",
                        grouped(pair[0] as u128),
                        grouped(pair[1] as u128)
                    )
                })
                .chain(
                    unrolled
                        .sizes
                        .last()
                        .map(|n| format!("({})", grouped(*n as u128))),
                )
                .collect();
            let sizes = match &sizes[..] {
                [first, second, .., last, one] if sizes.len() > 8 => {
                    format!("{first} {second} .. {last} {one}")
                }
                all => all.join(" "),
            };
            writeln!(f, "  {} = {}", unrolled.gradient, unrolled.product)?;
            writeln!(f, "    {sizes}")?;
            writeln!(
                f,
                "    from the left (forward) {}, from the right (reverse) {}, at best {}",
                number(unrolled.forward),
                number(unrolled.reverse),
                number(unrolled.optimum)
            )?;
            if let (Some(brackets), true) = (
                &unrolled.brackets,
                unrolled.optimum < unrolled.reverse.min(unrolled.forward),
            ) {
                writeln!(f, "    at best as {brackets}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use pushpull_core::program::width;

    use super::{matrix, within, work};

    #[test]
    fn a_matrix_is_cut_at_the_limit() {
        let numbers = vec![vec![1.0, -0.5, 123_456.7, 1e-9]; 10];
        let lines = matrix(&numbers, 45);
        assert_eq!(lines[0], "         1.00000    -0.50000      123457 …");
        assert_eq!((lines.len(), lines[8].trim()), (9, "… 2 more"));
        assert!(matrix(&numbers, 80)[0].ends_with("1.0000e-9"));
    }

    #[test]
    fn marks_over_letters_take_no_place() {
        assert_eq!(width("h̃1 = 1"), 6);
        assert_eq!(within("h̃1 = h̃2".into(), 4), "h̃1 …");
        assert_eq!(within("h̃1 = 1".into(), 6), "h̃1 = 1");
        assert_eq!(
            (work(0, 3), work(1000, 3)),
            ("3c".into(), "1,000 + 3c".into())
        );
    }
}
