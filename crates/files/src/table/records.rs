//! The lines of a table as fields: one separator a file, quoted fields by the csv crate's rules.

use std::io::{self, BufRead, Chain, Cursor, Read};
use std::path::Path;

use csv::{ByteRecord, Reader, ReaderBuilder};

use crate::FileError;

/// Bytes that are read of a table, at most, after unpacking.
const MOST: u64 = 1 << 30;
/// Bytes of a line, at most, for each field in it.
const FIELD: u64 = 64;

/// A line.
pub(super) struct Record {
    /// Counted from 1.
    pub line: u64,
    /// Whether it is the first that holds anything.
    pub first: bool,
    pub fields: Vec<String>,
    /// Whether numbers may have commas for their points.
    pub decimal: bool,
}

/// Why a stream of bytes ends before its end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stop {
    Long,
    Large,
}

/// Bytes, as long as lines and file are bounded.
struct Bounded<R> {
    source: R,
    /// Of a line.
    most: u64,
    since: u64,
    all: u64,
    stop: Option<Stop>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(to)?;
        self.all += n as u64;
        for &byte in &to[..n] {
            self.since = if byte == b'\n' { 0 } else { self.since + 1 };
            if self.since > self.most {
                self.stop = Some(Stop::Long);
                return Err(io::Error::other("a longer line"));
            }
        }
        if self.all > MOST {
            self.stop = Some(Stop::Large);
            return Err(io::Error::other("a larger file"));
        }
        Ok(n)
    }
}

type Source<R> = Chain<Cursor<Vec<u8>>, R>;

/// The lines of a table.
pub(super) struct Records<'a, R> {
    name: &'a Path,
    columns: usize,
    separator: u8,
    reader: Reader<Bounded<Source<R>>>,
    record: ByteRecord,
    /// Lines before the first one that holds anything.
    skipped: u64,
    /// Comments among them.
    comments: u64,
    count: u64,
    latin: bool,
}

impl<'a, R: BufRead> Records<'a, R> {
    /// Looks at the first line that holds anything: a byte order mark goes, the separator is found.
    pub(super) fn new(name: &'a Path, mut source: R, columns: usize) -> Result<Self, FileError> {
        let most = FIELD.saturating_mul((columns as u64).saturating_add(16));
        let fault = |line: u64, expected: String, got: String, remedy: &str| {
            FileError::input(name, format!("line {line}"), expected, got, remedy)
        };
        let (mut start, mut skipped, mut comments) = (Vec::new(), 0, 0);
        loop {
            start.clear();
            let read = (&mut source).take(most).read_until(b'\n', &mut start);
            let n = read.map_err(|error| {
                let remedy = "fetch the file again";
                fault(skipped + 1, "text".into(), error.to_string(), remedy)
            })?;
            if skipped == 0 {
                if start.starts_with(b"\xef\xbb\xbf") {
                    start.drain(..3);
                }
                if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
                    let remedy = "save the table as UTF-8";
                    return Err(fault(1, "UTF-8".into(), "UTF-16".into(), remedy));
                }
            }
            if start.contains(&0) {
                let (got, remedy) = ("bytes that are no text", "save the table as CSV");
                return Err(fault(skipped + 1, "text".into(), got.into(), remedy));
            }
            if n as u64 == most && !start.ends_with(b"\n") {
                let remedy = match start.trim_ascii_start().starts_with(b"#") {
                    true => "shorten or remove this comment",
                    false => "a sample is a line; give the widths of this table with --layers",
                };
                let expected = format!("{columns} fields");
                return Err(fault(skipped + 1, expected, "a longer line".into(), remedy));
            }
            let blank = start.iter().all(u8::is_ascii_whitespace);
            let comment = is_comment(&start, columns);
            comments += u64::from(comment);
            if n == 0 || !blank && !comment {
                break;
            }
            skipped += 1;
        }
        let separator = separator(&start);
        let source = Bounded {
            source: Cursor::new(start).chain(source),
            most,
            since: 0,
            all: 0,
            stop: None,
        };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            // Fields that blanks separate are split here: a separator that no text has makes a field of a line.
            .delimiter(if separator == b' ' { 0x1f } else { separator })
            .quoting(separator != b' ')
            .from_reader(source);
        Ok(Self {
            name,
            columns,
            separator,
            reader,
            record: ByteRecord::new(),
            skipped,
            comments,
            count: 0,
            latin: false,
        })
    }

    /// The separator in words.
    pub(super) const fn separator(&self) -> &'static str {
        match self.separator {
            b'\t' => "tabs",
            b';' => "semicolons",
            b' ' => "blanks",
            _ => "commas",
        }
    }

    /// Lines of comments before the first one that was read.
    pub(super) const fn comments(&self) -> u64 {
        self.comments
    }

    /// Whether some text was not UTF-8.
    pub(super) const fn was_latin(&self) -> bool {
        self.latin
    }

    /// The next line that holds anything.
    pub(super) fn next(&mut self) -> Result<Option<Record>, FileError> {
        loop {
            match self.reader.read_byte_record(&mut self.record) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => return Err(self.broken(&error)),
            }
            let line = self.record.position().map_or(0, csv::Position::line) + self.skipped;
            let blank = |field: &[u8]| field.iter().all(u8::is_ascii_whitespace);
            if self.record.len() <= 1 && self.record.iter().all(blank) {
                continue;
            }
            let mut latin = false;
            let fields = self
                .record
                .iter()
                .map(|field| match std::str::from_utf8(field) {
                    Ok(text) => text.to_owned(),
                    Err(_) => {
                        latin = true;
                        field.iter().map(|&byte| char::from(byte)).collect()
                    }
                });
            let fields: Vec<String> = fields.collect();
            self.latin |= latin;
            self.count += 1;
            return Ok(Some(Record {
                line,
                first: self.count == 1,
                fields: match self.separator {
                    b' ' => fields
                        .iter()
                        .flat_map(|line| line.split_whitespace())
                        .map(str::to_owned)
                        .collect(),
                    _ => fields,
                },
                decimal: self.separator == b';',
            }));
        }
    }

    fn broken(&self, error: &csv::Error) -> FileError {
        let line = self.reader.position().line() + self.skipped;
        let (expected, got, remedy) = match self.reader.get_ref().stop {
            Some(Stop::Long) => (
                format!("{} fields", self.columns),
                "a longer line".into(),
                "a sample is a line; give the widths of this table with --layers",
            ),
            Some(Stop::Large) => (
                format!("at most {MOST} bytes"),
                "more".into(),
                "give --batch: no more samples are read",
            ),
            None => ("text".into(), error.to_string(), "fetch the file again"),
        };
        FileError::input(self.name, format!("line {line}"), expected, got, remedy)
    }
}

/// Whether a line before the table is a comment: it starts with `#`, and is no header of as many fields.
fn is_comment(line: &[u8], columns: usize) -> bool {
    let separator = separator(line);
    let fields = 1 + line.iter().filter(|&&byte| byte == separator).count();
    let header = separator != b' ' && fields == columns && columns > 1;
    line.trim_ascii_start().starts_with(b"#") && !header
}

/// What separates the fields of a line: a tab, a semicolon, a comma outside of quotes; else blanks.
fn separator(line: &[u8]) -> u8 {
    let (mut quoted, mut found) = (false, [false; 3]);
    for &byte in line {
        match byte {
            b'"' => quoted = !quoted,
            b'\t' if !quoted => found[0] = true,
            b';' if !quoted => found[1] = true,
            b',' if !quoted => found[2] = true,
            _ => {}
        }
    }
    match found {
        [true, ..] => b'\t',
        [_, true, _] => b';',
        [_, _, true] => b',',
        _ if line.trim_ascii().contains(&b' ') && !line.contains(&b'"') => b' ',
        _ => b',',
    }
}
