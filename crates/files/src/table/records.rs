//! The lines of a table as fields: one separator a file, quoted fields by the csv crate's rules.

use std::io::{self, BufRead, BufReader, Chain, Cursor, Read};
use std::path::Path;

use csv::{ByteRecord, Reader, ReaderBuilder};

use crate::{FileError, is_stdin};

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

/// Bytes whose lines end in a line feed: a carriage return is one, and so is one with a line feed after it.
struct Lines<R> {
    source: R,
    /// Whether the last byte was a carriage return.
    returned: bool,
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.source.read(to)?;
            let mut kept = 0;
            for k in 0..n {
                let byte = to[k];
                if !(byte == b'\n' && self.returned) {
                    to[kept] = if byte == b'\r' { b'\n' } else { byte };
                    kept += 1;
                }
                self.returned = byte == b'\r';
            }
            if kept > 0 || n == 0 {
                return Ok(kept);
            }
        }
    }
}

type Source<R> = Chain<Cursor<Vec<u8>>, BufReader<Lines<R>>>;

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
    /// The last of them, with its line.
    comment: Option<(u64, Vec<u8>)>,
    count: u64,
    latin: bool,
}

impl<'a, R: Read> Records<'a, R> {
    /// Looks at the first line that holds anything: a byte order mark goes, the separator is found.
    pub(super) fn new(name: &'a Path, source: R, columns: usize) -> Result<Self, FileError> {
        let mut source = BufReader::new(Lines {
            source,
            returned: false,
        });
        let most = FIELD.saturating_mul((columns as u64).saturating_add(16));
        let fault = |line: u64, expected: String, got: String, remedy: &str| {
            FileError::input(name, format!("line {line}"), expected, got, remedy)
        };
        let (mut start, mut skipped, mut comments) = (Vec::new(), 0, 0);
        let (mut comment, mut told) = (None, None);
        loop {
            start.clear();
            let read = (&mut source).take(most).read_until(b'\n', &mut start);
            let n = read.map_err(|error| unread(name, skipped + 1, &error))?;
            if skipped == 0 {
                if start.starts_with(b"\xef\xbb\xbf") {
                    start.drain(..3);
                }
                if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
                    let remedy = "save the table as UTF-8";
                    return Err(fault(1, "UTF-8".into(), "UTF-16".into(), remedy));
                }
            }
            if let Some((got, remedy)) = packed(&start, is_stdin(name)).filter(|_| skipped == 0) {
                return Err(fault(1, "text".into(), got.into(), remedy));
            }
            if start.contains(&0) {
                let (got, remedy) = ("bytes that are no text", "save the table as CSV");
                return Err(fault(skipped + 1, "text".into(), got.into(), remedy));
            }
            if told.is_none() {
                told = separator_line(&start);
                if told.is_some() {
                    skipped += 1;
                    continue;
                }
            }
            if n as u64 == most && !start.ends_with(b"\n") {
                let (expected, mut remedy) = long(most, columns);
                if start.trim_ascii_start().starts_with(b"#") {
                    remedy = "shorten or remove this comment";
                }
                return Err(fault(skipped + 1, expected, "a longer line".into(), remedy));
            }
            let blank = start.iter().all(u8::is_ascii_whitespace);
            let commented = start.trim_ascii_start().strip_prefix(b"#");
            if n == 0 || !blank && commented.is_none() {
                break;
            }
            skipped += 1;
            if let Some(text) = commented {
                comments += 1;
                comment = Some((skipped, text.to_vec()));
            }
        }
        let separator = told.unwrap_or_else(|| separator(&start));
        let source = Bounded {
            source: Cursor::new(start).chain(source),
            most,
            since: 0,
            all: 0,
            stop: None,
        };
        let reader = reader(separator, source);
        Ok(Self {
            name,
            columns,
            separator,
            reader,
            record: ByteRecord::new(),
            skipped,
            comments,
            comment,
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
            let (fields, latin) = fields(&self.record, self.separator);
            self.latin |= latin;
            self.count += 1;
            return Ok(Some(Record {
                line,
                first: self.count == 1,
                fields,
                decimal: self.separator == b';',
            }));
        }
    }

    /// The last comment before the table as a line of its own, where it has a field for each column: numpy.savetxt writes its
    /// header as one.
    pub(super) fn commented(&self) -> Option<Record> {
        let (line, text) = self.comment.as_ref()?;
        let mut record = ByteRecord::new();
        reader(self.separator, text.trim_ascii())
            .read_byte_record(&mut record)
            .ok()
            .filter(|there| *there)?;
        let (fields, _) = fields(&record, self.separator);
        (fields.len() == self.columns).then_some(Record {
            line: *line,
            first: false,
            fields,
            decimal: false,
        })
    }

    fn broken(&self, error: &csv::Error) -> FileError {
        let line = self.reader.position().line() + self.skipped;
        let (expected, got, remedy): (_, String, _) = match self.reader.get_ref().stop {
            Some(Stop::Long) => {
                let (expected, remedy) = long(self.reader.get_ref().most, self.columns);
                (expected, "a longer line".into(), remedy)
            }
            Some(Stop::Large) => (
                format!("at most {MOST} bytes"),
                "more".into(),
                "give --batch: no more samples are read",
            ),
            None => {
                return match error.kind() {
                    csv::ErrorKind::Io(error) => unread(self.name, line, error),
                    _ => unread(self.name, line, &io::Error::other(error.to_string())),
                };
            }
        };
        FileError::input(self.name, format!("line {line}"), expected, got, remedy)
    }
}

/// What is expected in place of a line that is too long, and a remedy.
fn long(most: u64, columns: usize) -> (String, &'static str) {
    (
        format!("at most {most} bytes, as for {columns} fields"),
        "a sample is a line: shorten its fields, or give the widths of this table with --layers",
    )
}

/// The csv crate's reader of what a separator separates.
fn reader<R: Read>(separator: u8, source: R) -> Reader<R> {
    ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        // Fields that blanks separate are split here: a separator that no text has makes a field of a line.
        .delimiter(if separator == b' ' { 0x1f } else { separator })
        .quoting(separator != b' ')
        .from_reader(source)
}

/// The fields of a line as text, and whether some are no UTF-8, which are read as Latin-1.
fn fields(record: &ByteRecord, separator: u8) -> (Vec<String>, bool) {
    let mut latin = false;
    let fields = record.iter().map(|field| match std::str::from_utf8(field) {
        Ok(text) => text.to_owned(),
        Err(_) => {
            latin = true;
            field.iter().map(|&byte| char::from(byte)).collect()
        }
    });
    let fields: Vec<String> = fields.collect();
    let fields = match separator {
        b' ' => fields
            .iter()
            .flat_map(|line| line.split_whitespace())
            .map(str::to_owned)
            .collect(),
        _ => fields,
    };
    (fields, latin)
}

/// The fault of bytes that did not come.
fn unread(name: &Path, line: u64, error: &io::Error) -> FileError {
    let packed = name
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("gz"));
    let (expected, remedy) = match (packed, line) {
        (true, 1) => (
            "gzip, as the name says",
            "if it is not packed, take .gz off its name",
        ),
        _ => ("text", "the file is cut off or damaged: fetch it again"),
    };
    FileError::input(
        name,
        format!("line {line}"),
        expected,
        error.to_string(),
        remedy,
    )
}

/// What a file is that starts so, where it is packed, and what to do.
fn packed(start: &[u8], stdin: bool) -> Option<(&'static str, &'static str)> {
    match start {
        [0x1f, 0x8b, ..] if stdin => Some(("gzip", "unpack it on the way, as by gunzip -c")),
        [0x1f, 0x8b, ..] => Some(("gzip", "give it a name that ends in .gz, or unpack it")),
        [b'P', b'K', 3, 4, ..] => Some((
            "a zip archive",
            "unpack it; a sheet (.xlsx) is one, too: save it as CSV",
        )),
        _ => None,
    }
}

/// The separator that a first line `sep=;` names, as spreadsheets write it.
fn separator_line(line: &[u8]) -> Option<u8> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = match line {
        [b'"', inner @ .., b'"'] => inner,
        other => other,
    };
    match line {
        [s, e, p, b'=', separator @ (b',' | b';' | b'\t')]
            if [*s, *e, *p].eq_ignore_ascii_case(b"sep") =>
        {
            Some(*separator)
        }
        _ => None,
    }
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
