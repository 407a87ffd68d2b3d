//! Arrays of NumPy in an npz archive: headers first, numbers one by one, nothing believed that is not checked.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use npyz::{DType, NpyHeader, Order, TypeChar};
use pushpull_core::siblings::words::cut;
use zip::ZipArchive;
use zip::result::ZipError;

use crate::source::open;
use crate::words::{shape, shown};
use crate::{FileError, Kind};

mod header;

use header::plain;

/// Bytes of a header's text, at most: NumPy pads it to 118.
const TEXT: usize = 4096;
/// Bytes that an array may unpack to, packed as far as can be.
const SMALL: u64 = 64 << 20;
/// How many times its packed size a larger array may unpack to. Data packs to a tenth; only zeros pack to a thousandth.
const RATIO: u64 = 100;
/// How many times its packed size any array may unpack to: a byte of deflate stands for 1032 at most.
const MOST: u64 = 1032;

const DAMAGED: &str = "the file is cut off or damaged; save it again";

/// An array's header.
#[derive(Clone)]
pub struct Head {
    shape: Vec<usize>,
    kind: Kind,
    descr: String,
    header: NpyHeader,
    /// Bytes before the numbers.
    start: usize,
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Head");
        debug.field("shape", &self.shape).field("kind", &self.kind);
        debug.field("descr", &self.descr).finish_non_exhaustive()
    }
}

impl Head {
    /// The lengths. With the size of a number they multiply to bytes that can be counted.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The type of its numbers.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The type as NumPy writes it.
    pub fn descr(&self) -> &str {
        &self.descr
    }

    /// Whether the highest byte of a number comes first.
    fn is_swapped(&self) -> bool {
        self.descr.starts_with('>')
    }

    /// Row and column of the k-th number of a matrix in the file.
    pub fn place(&self, k: usize) -> (usize, usize) {
        match (self.header.order(), &self.shape[..]) {
            (Order::Fortran, [rows, _]) => (k % rows, k / rows),
            (_, [_, columns]) => (k / columns, k % columns),
            _ => (k, 0),
        }
    }
}

/// An open archive.
#[derive(Debug)]
pub struct Npz<R = BufReader<File>> {
    name: PathBuf,
    archive: ZipArchive<R>,
    len: u64,
    /// An array that is passed over.
    hidden: Option<String>,
}

impl Npz {
    /// Opens a file, and reads its list of arrays.
    ///
    /// # Errors
    /// [`FileError::Input`] for a file that cannot be read or is no archive.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let (file, len) = open(path)?;
        Self::new(path, BufReader::new(file), len)
    }
}

impl<R: Read + Seek> Npz<R> {
    /// An archive of `len` bytes that is open already; `name` is for the faults.
    ///
    /// # Errors
    /// [`FileError::Input`] for what is no archive.
    pub fn new(name: &Path, source: R, len: u64) -> Result<Self, FileError> {
        let archive = ZipArchive::new(source).map_err(|error| {
            let got = error.to_string();
            FileError::input(
                name,
                "the archive",
                "an npz file",
                got,
                "save it with numpy.savez",
            )
        })?;
        Ok(Self {
            name: name.to_owned(),
            archive,
            len,
            hidden: None,
        })
    }

    /// A fault of one of its arrays.
    pub fn fault(
        &self,
        name: &str,
        expected: impl Into<String>,
        got: impl Into<String>,
        remedy: impl Into<String>,
    ) -> FileError {
        FileError::input(&self.name, format!("array {name}"), expected, got, remedy)
    }

    /// The file, as it was named.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Whether there is an array of this name.
    pub fn has(&self, name: &str) -> bool {
        self.hidden.as_deref() != Some(name) && self.archive.index_for_name(&file(name)).is_some()
    }

    /// Does `work` as if there were no array of this name.
    pub(crate) fn without<O>(&mut self, name: &str, work: impl FnOnce(&mut Self) -> O) -> O {
        self.hidden = Some(name.to_owned());
        let out = work(self);
        self.hidden = None;
        out
    }

    /// An array's header, held against the bytes that the archive has for it.
    ///
    /// # Errors
    /// [`FileError::Input`] for a name that is not there, a header that NumPy does not write of plain numbers, lengths that
    /// multiply beyond memory, more or fewer bytes than they say, and numbers packed more than data can be.
    pub fn head(&mut self, name: &str) -> Result<Head, FileError> {
        if !self.has(name) {
            let names = self.archive.file_names().take(20);
            let names = names.map(|name| {
                let name = name.unwrap_or_default();
                shown(npyz::npz::array_name_from_file_name(&name).unwrap_or(&name))
            });
            let names: Vec<String> = names.collect();
            let got = format!("the names {}", names.join(", "));
            return Err(self.fault(
                name,
                "an array of this name",
                got,
                "name it as in numpy.savez(file, x=x, y=y)",
            ));
        }
        let bytes = self.read_head(name)?;
        let damaged = |got: String| {
            self.fault(
                name,
                "the header of a plain array of numbers",
                got,
                "save it with numpy.savez",
            )
        };
        plain(&bytes).map_err(|got| damaged(got.into()))?;
        let header =
            NpyHeader::from_reader(&bytes[..]).map_err(|error| damaged(error.to_string()))?;
        let lengths = header.shape().iter().map(|&n| usize::try_from(n).ok());
        let lengths: Option<Vec<usize>> = lengths.collect();
        let kind = kind(&header.dtype());
        let whole = |lengths: &Vec<usize>| {
            lengths
                .iter()
                .try_fold(kind.size(), |product, &n| product.checked_mul(n))
        };
        let Some(shape) = lengths.filter(|lengths| whole(lengths).is_some()) else {
            return Err(damaged(format!(
                "a shape too large for memory: {:?}",
                header.shape()
            )));
        };
        let descr = cut(header.dtype().descr(), 80);
        let head = Head {
            shape,
            kind,
            descr: descr.trim_matches('\'').into(),
            header,
            start: bytes.len(),
        };
        self.whole(name, &head)?;
        Ok(head)
    }

    /// Whether the archive holds as many bytes as the header says, packed no more than data can be.
    fn whole(&mut self, name: &str, head: &Head) -> Result<(), FileError> {
        let (path, len) = (&self.name, self.len);
        let member = self.archive.by_name(&file(name));
        let member = member.map_err(|error| packed(path, name, &error))?;
        let (size, packed) = (member.size(), member.compressed_size());
        drop(member);
        let bytes = (head.shape.iter().product::<usize>() * head.kind.size()) as u64;
        let bytes = bytes.saturating_add(head.start as u64);
        // How many bytes an unknown type has does not matter: it is refused for its type.
        if head.kind != Kind::Other && size != bytes || packed > len {
            return Err(self.fault(
                name,
                format!("{bytes} bytes for its shape, {}", shape(&head.shape)),
                format!("{size} bytes, packed to {packed}"),
                DAMAGED,
            ));
        }
        let ratio = if size > SMALL { RATIO } else { MOST };
        if size / ratio > packed {
            return Err(self.fault(
                name,
                format!("at most {ratio} times its packed size, {packed} bytes"),
                format!("{size} bytes"),
                "save it with numpy.savez, which does not pack",
            ));
        }
        Ok(())
    }

    /// The bytes of a header, of a bounded number.
    fn read_head(&mut self, name: &str) -> Result<Vec<u8>, FileError> {
        let path = &self.name;
        let member = self.archive.by_name(&file(name));
        let mut member = member.map_err(|error| packed(path, name, &error))?;
        let read = |member: &mut dyn Read, bytes: &mut Vec<u8>, n: usize| -> io::Result<()> {
            let from = bytes.len();
            bytes.resize(from + n, 0);
            member.read_exact(&mut bytes[from..])
        };
        let mut bytes = Vec::new();
        let outcome = read(&mut member, &mut bytes, 10).and_then(|()| {
            let version = bytes[6];
            let mut len = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
            if version > 1 {
                read(&mut member, &mut bytes, 2)?;
                len += usize::from(u16::from_le_bytes([bytes[10], bytes[11]])) << 16;
            }
            if &bytes[..6] != b"\x93NUMPY" {
                return Err(io::Error::other("another magic than NumPy's"));
            }
            if len > TEXT {
                return Err(io::Error::other(format!("a header of {len} bytes")));
            }
            read(&mut member, &mut bytes, len)
        });
        drop(member);
        match outcome {
            Ok(()) => Ok(bytes),
            Err(error) => Err(self.fault(
                name,
                "the header of an npy file",
                error.to_string(),
                "save it with numpy.savez",
            )),
        }
    }

    /// Hands every number to `take`, with its place in the file's order.
    ///
    /// # Errors
    /// [`FileError::Input`] for what are no numbers, and for a damaged archive; those of `take`.
    pub fn read(
        &mut self,
        name: &str,
        head: &Head,
        mut take: impl FnMut(usize, f64) -> Result<(), FileError>,
    ) -> Result<(), FileError> {
        let path = &self.name;
        let fault = |expected: &str, got: String| {
            FileError::input(path, format!("array {name}"), expected, got, DAMAGED)
        };
        let member = self.archive.by_name(&file(name));
        let member = member.map_err(|error| packed(path, name, &error))?;
        let damaged = |error: io::Error| fault("numbers", error.to_string());
        let mut member = BufReader::new(member);
        io::copy(&mut (&mut member).take(head.start as u64), &mut io::sink()).map_err(damaged)?;
        let (size, swapped) = (head.kind.size(), head.is_swapped());
        let mut number = [0; 8];
        for k in 0..head.shape.iter().product() {
            let number = &mut number[..size];
            member.read_exact(number).map_err(damaged)?;
            if swapped {
                number.reverse();
            }
            take(k, head.kind.number(number))?;
        }
        // The checksum is compared at the end of the member.
        match member.read(&mut [0]).map_err(damaged)? {
            0 => Ok(()),
            _ => Err(fault("the end", "more bytes".into())),
        }
    }
}

/// The fault of a member that the archive does not give.
fn packed(path: &Path, name: &str, error: &ZipError) -> FileError {
    let (expected, remedy) = ("a stored or deflated member", "save it with numpy.savez");
    FileError::input(
        path,
        format!("array {name}"),
        expected,
        error.to_string(),
        remedy,
    )
}

fn file(name: &str) -> String {
    npyz::npz::file_name_from_array_name(name)
}

fn kind(dtype: &DType) -> Kind {
    let DType::Plain(plain) = dtype else {
        return Kind::Other;
    };
    match (plain.type_char(), plain.num_bytes()) {
        (TypeChar::Float, Some(2)) => Kind::F16,
        (TypeChar::Float, Some(4)) => Kind::F32,
        (TypeChar::Float, Some(8)) => Kind::F64,
        (TypeChar::Int, Some(1)) => Kind::I8,
        (TypeChar::Int, Some(2)) => Kind::I16,
        (TypeChar::Int, Some(4)) => Kind::I32,
        (TypeChar::Int, Some(8)) => Kind::I64,
        (TypeChar::Uint, Some(1)) => Kind::U8,
        (TypeChar::Uint, Some(2)) => Kind::U16,
        (TypeChar::Uint, Some(4)) => Kind::U32,
        (TypeChar::Uint, Some(8)) => Kind::U64,
        (TypeChar::Bool, _) => Kind::Bool,
        _ => Kind::Other,
    }
}
