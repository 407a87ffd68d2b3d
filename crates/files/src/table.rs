//! Tables of numbers, a sample a line: inputs and the target, in columns.

use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use nalgebra::DMatrix;
use pushpull_core::blocks::Loss;
use pushpull_core::siblings::memory;

use crate::words::{file, shown};
use crate::{FileError, Header, Missing, Reading, Sample, Samples, is_stdin, open};

mod classes;
mod columns;
mod field;
mod records;

use classes::Classes;
use field::{missing, names, none, number, numeral, value_words};
use records::{Record, Records};

/// The samples of a table, as a [`Reading`] asks for them: inputs over targets, a sample a column. A name that ends in `.gz` is
/// unpacked; `-` is standard input. At most 2^30 bytes are read, after unpacking.
///
/// # Errors
/// [`FileError::Input`] with line and column; [`FileError::Memory`] for more samples than fit.
pub fn read(path: &Path, sample: &Sample, asked: &Reading) -> Result<Samples, FileError> {
    if is_stdin(path) {
        return parse(path, std::io::stdin().lock(), sample, asked);
    }
    let (file, _) = open(path)?;
    parse(path, file, sample, asked)
}

/// [`read`] of what is open already; `name` is for the faults, and says by `.gz` that it is packed.
///
/// # Errors
/// As [`read`].
///
/// ```
/// use std::path::Path;
/// use pushpull_core::blocks::Loss;
/// use pushpull_files::{Reading, Sample, table};
/// let (sample, asked) = (Sample::new(2, 3, Loss::SoftmaxCrossEntropy)?, Reading::default());
/// let read = |text: &'static str| table::parse(Path::new("t.csv"), text.as_bytes(), &sample, &asked);
/// let samples = read("a;b;class\n1,5;2;red\n3;4;blue\n")?;
/// assert_eq!(samples.x.as_slice(), [1.5, 2.0, 1.0, 0.0, 0.0, 3.0, 4.0, 0.0, 1.0, 0.0]);
/// assert_eq!(samples.classes, ["red", "blue"]);
/// assert_eq!(
///     read("1,2,0\n3,x,1\n").unwrap_err().to_string(),
///     "t.csv: line 2, column 2: expected a finite number, got \"x\"; correct the field or remove the line"
/// );
/// # Ok::<(), pushpull_files::FileError>(())
/// ```
pub fn parse(
    name: &Path,
    source: impl Read,
    sample: &Sample,
    asked: &Reading,
) -> Result<Samples, FileError> {
    let packed = name
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("gz"));
    if packed {
        return Table::new(name, sample, asked).lines(MultiGzDecoder::new(source));
    }
    Table::new(name, sample, asked).lines(source)
}

/// A table that is being read.
struct Table<'a> {
    name: &'a Path,
    sample: &'a Sample,
    asked: &'a Reading,
    classes: Classes,
    /// Which column each number is from, the inputs first.
    order: Vec<usize>,
    numbers: Vec<f64>,
    samples: usize,
    dropped: usize,
    filled: usize,
    /// The decimal sign of the numbers, where it may be a comma, and where it came first.
    sign: Option<(char, String)>,
    said: Vec<String>,
}

impl<'a> Table<'a> {
    fn new(name: &'a Path, sample: &'a Sample, asked: &'a Reading) -> Self {
        Self {
            name,
            sample,
            asked,
            classes: Classes::new(asked.classes.as_deref()),
            order: Vec::new(),
            numbers: Vec::new(),
            samples: 0,
            dropped: 0,
            filled: 0,
            sign: None,
            said: Vec::new(),
        }
    }

    /// Of a line.
    fn columns(&self) -> usize {
        self.sample.columns() + self.asked.passed_over()
    }

    fn fault(
        &self,
        what: impl Into<String>,
        expected: impl Into<String>,
        got: impl Into<String>,
        remedy: impl Into<String>,
    ) -> FileError {
        FileError::input(self.name, what, expected, got, remedy)
    }

    fn lines(mut self, source: impl Read) -> Result<Samples, FileError> {
        let columns = self.columns();
        let mut records = Records::new(self.name, source, columns)?;
        self.said
            .push(format!("separated by {}", records.separator()));
        while self.asked.batch.is_none_or(|batch| self.samples < batch) {
            let Some(record) = records.next()? else { break };
            if self.order.is_empty() && self.start(&record, &records)? {
                continue;
            }
            self.sample(&record)?;
        }
        if records.was_latin() {
            self.said
                .push("read as Latin-1, since it is not UTF-8".into());
        }
        self.finish()
    }

    /// The first record: lays the columns out. Whether it is a header.
    fn start<R: Read>(&mut self, record: &Record, records: &Records<R>) -> Result<bool, FileError> {
        let fields = &record.fields;
        let number = |field: &String| numeral(field) || number(field, record.decimal).is_some();
        let named = fields.iter().any(|field| names(field)) && !fields.iter().any(number);
        // A line of names is a header itself, whatever a comment before it says.
        let commented = records.commented().filter(|comment| {
            !named && self.asked.header != Header::No && self.are_names(&comment.fields)
        });
        let header = match self.asked.header {
            Header::Auto => named,
            Header::Yes => commented.is_none(),
            Header::No => false,
        };
        self.width(record, header)?;
        let names = match &commented {
            Some(comment) => &comment.fields[..],
            None if header => &fields[..],
            None => &[],
        };
        let targets = self.targets(names)?;
        let inputs = (0..fields.len()).filter(|k| !targets.contains(k));
        let read = targets.iter().copied().filter(|_| !self.asked.inputs_alone);
        self.order = inputs.chain(read).collect();
        let passed = records.comments() - u64::from(commented.is_some());
        if passed > 0 {
            self.said
                .push(format!("lines of comments passed over: {passed}"));
        }
        if let Some(comment) = &commented {
            self.said.push(format!(
                "names of the columns taken from the comment in line {}",
                comment.line
            ));
        }
        if header {
            self.said.push(format!("header in line {}", record.line));
        }
        if !targets.is_empty() {
            self.said.push(self.target_words(names, &targets));
        }
        Ok(header)
    }

    /// Refuses a line of another width.
    fn width(&self, record: &Record, header: bool) -> Result<(), FileError> {
        let (columns, got) = (self.columns(), record.fields.len());
        if got == columns {
            return Ok(());
        }
        let (inputs, targets) = (self.sample.inputs(), columns - self.sample.inputs());
        let expected = format!("{columns} fields ({inputs} inputs, {targets} of the target)");
        let unnamed = header && got == columns + 1 && record.fields[0].trim().is_empty();
        let remedy = if !record.first && record.fields[0].trim_start().starts_with('#') {
            "comments are passed over before the table alone: remove this line"
        } else if self.asked.inputs_alone && got == columns + 1 {
            "inputs alone are read here: name the column of the target, which is passed over, with --target"
        } else if got == columns + 1 && record.fields[columns].trim().is_empty() {
            "the line ends with a separator: remove it, or save the table without it"
        } else if unnamed {
            "the first column has no name, as an index: save the table without it (pandas: index=False)"
        } else if record.fields.iter().any(|field| field.contains('\n')) {
            "a quote that starts in this line is not closed: add it, or remove it"
        } else if got == 1 && record.fields[0].contains(['|', ';', ',', '\t']) {
            "separate all fields of a file by commas, semicolons, tabs or blanks, by one of these"
        } else if self.order.is_empty() {
            "give the widths of this table with --layers, and the loss that its target is for"
        } else {
            "the lines before have as many; correct this one, quote a field that holds the separator"
        };
        Err(self.fault(
            format!("line {}", record.line),
            expected,
            got.to_string(),
            remedy,
        ))
    }

    /// A line of a sample.
    fn sample(&mut self, record: &Record) -> Result<(), FileError> {
        self.width(record, false)?;
        let (inputs, rows) = (self.sample.inputs(), self.sample.rows());
        if self.samples == 0 || self.samples.is_power_of_two() {
            // The vector is about to double, and is copied then.
            let more = memory::elements(&[4, self.samples + 1, rows]);
            memory::fits::<f64>("the data", more, "use a smaller batch")?;
        }
        let first = self.numbers.len();
        self.numbers.resize(first + rows, 0.0);
        for k in 0..self.order.len() {
            let column = self.order[k];
            let field = record.fields[column].trim();
            let place = || format!("line {}, column {}", record.line, column + 1);
            if missing(field) || k < inputs && none(field) {
                match self.asked.missing {
                    Missing::Drop => {
                        self.numbers.truncate(first);
                        self.dropped += 1;
                        return Ok(());
                    }
                    Missing::Mean if k < inputs => {
                        self.numbers[first + k] = f64::NAN;
                        self.filled += 1;
                        continue;
                    }
                    Missing::Mean => {
                        let remedy =
                            "a missing target has no mean to stand for it; use --missing drop";
                        return Err(self.fault(place(), "a target", value_words(field), remedy));
                    }
                    Missing::Refuse => {
                        let remedy = match k < inputs {
                            true => "restore it, or use --missing mean or --missing drop",
                            false => "restore it, or use --missing drop",
                        };
                        let class = k >= inputs && self.classes.are_read(self.sample, None);
                        let expected = if class { "a class" } else { "a number" };
                        return Err(self.fault(place(), expected, value_words(field), remedy));
                    }
                }
            }
            let value = number(field, record.decimal);
            if value.is_some() && record.decimal {
                self.sign(field, place())?;
            }
            if k >= inputs && self.classes.are_read(self.sample, value) {
                let class = self.classes.number(self.sample, field, value);
                let class = class.map_err(|(expected, got, remedy)| {
                    self.fault(place(), expected, got, remedy)
                })?;
                match self.sample.loss() {
                    Loss::SoftmaxCrossEntropy => self.numbers[first + inputs + class] = 1.0,
                    _ => self.numbers[first + k] = class as f64,
                }
                continue;
            }
            match value.filter(|x| x.is_finite()) {
                Some(value) if k < inputs || self.sample.allows(value) => {
                    self.numbers[first + k] = value;
                }
                Some(value) => {
                    let (expected, remedy) = self.sample.domain();
                    return Err(self.fault(place(), expected, value.to_string(), remedy));
                }
                None => {
                    let mut remedy = "correct the field or remove the line";
                    let word = field.starts_with(char::is_alphabetic);
                    let free = self.asked.targets.is_empty() && self.sample.targets() == 1;
                    if self.samples == 0 && word && free && !record.first {
                        remedy = "if this column is the target, name it with --target; inputs are numbers";
                    } else if field.contains(',') && !record.decimal {
                        remedy = "write numbers with a point; decimal commas are read where semicolons separate";
                    } else if record.first && self.asked.header == Header::Auto {
                        remedy = "correct the field; a header has names and no number, unless --header yes says that it is one";
                    }
                    return Err(self.fault(place(), "a finite number", shown(field), remedy));
                }
            }
        }
        self.samples += 1;
        Ok(())
    }

    /// Refuses a number with another decimal sign than those before: one of both would separate thousands.
    fn sign(&mut self, field: &str, place: String) -> Result<(), FileError> {
        let Some(sign) = field.chars().find(|c| ".,".contains(*c)) else {
            return Ok(());
        };
        let (before, there) = self.sign.get_or_insert_with(|| (sign, place.clone()));
        if *before == sign {
            return Ok(());
        }
        let word = if *before == ',' { "comma" } else { "point" };
        let expected = format!("a decimal {word}, as in {there}");
        let remedy =
            "write all numbers of a table with one decimal sign, and none between thousands";
        Err(self.fault(place, expected, shown(field), remedy))
    }

    fn finish(mut self) -> Result<Samples, FileError> {
        let (rows, samples) = (self.sample.rows(), self.samples);
        match self.asked.batch {
            Some(batch) if samples < batch => {
                return Err(self.fault(
                    "the samples",
                    format!("at least {batch}, as --batch says"),
                    samples.to_string(),
                    "give a smaller --batch",
                ));
            }
            _ if samples == 0 => {
                let (expected, remedy) = (
                    "at least one line of numbers",
                    "check that this is the right file",
                );
                return Err(self.fault("the samples", expected, "none", remedy));
            }
            _ => {}
        }
        if self.filled > 0 {
            for k in 0..self.sample.inputs() {
                self.fill(k, rows)?;
            }
            self.said.push(format!(
                "missing values that became the mean of their column: {}",
                self.filled
            ));
        }
        if self.dropped > 0 {
            self.said.push(format!(
                "lines left out for missing values: {}",
                self.dropped
            ));
        }
        let classes = self.classes.names();
        if !classes.is_empty() && self.asked.classes.is_none() {
            let list: Vec<String> = classes
                .iter()
                .take(20)
                .enumerate()
                .map(|(k, word)| format!("{k} {}", shown(word)))
                .collect();
            self.said
                .push(format!("the classes are {}", list.join(", ")));
        }
        Ok(Samples {
            x: DMatrix::from_vec(rows, samples, self.numbers),
            classes,
            said: vec![format!(
                "{}: {samples} sample{}, {}",
                file(self.name),
                if samples == 1 { "" } else { "s" },
                self.said.join("; ")
            )],
        })
    }

    /// The mean of those of an input that are there, for those that are not.
    fn fill(&mut self, k: usize, rows: usize) -> Result<(), FileError> {
        let column = self.numbers.iter().skip(k).step_by(rows);
        let there = column.filter(|x| !x.is_nan());
        let (n, sum) = there.fold((0_usize, 0.0), |(n, sum), x| (n + 1, sum + x));
        if n == 0 {
            return Err(self.fault(
                format!("column {}", self.order[k] + 1),
                "at least one number",
                "none",
                "leave the column out",
            ));
        }
        let mean = sum / n as f64;
        for x in self.numbers.iter_mut().skip(k).step_by(rows) {
            if x.is_nan() {
                *x = mean;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
