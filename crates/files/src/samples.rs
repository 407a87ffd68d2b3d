//! Samples out of a file of any kind, stacked as a graph reads them: a sample a column, inputs over targets.

use std::path::Path;

use crate::{FileError, Header, Missing, Npz, Reading, Sample, Samples, is_stdin, open, table};

mod archive;
mod npy;

pub use archive::of_arrays;

/// The samples of a table (`.csv`, `.tsv`, `.txt`, each also `.gz`, and `-`, standard input), of an npz file with `x` and `y`,
/// or of an npy file: of inputs alone, with the targets in a second one ([`Reading::labels`]), or with the columns of a table.
///
/// # Errors
/// Those of [`table::read`], [`Npz::open`] and [`of_arrays`]; [`FileError::Input`] for fewer samples than asked for, and for
/// files of other kinds.
pub fn read(path: &Path, sample: &Sample, asked: &Reading) -> Result<Samples, FileError> {
    let name = path.to_string_lossy().to_lowercase();
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    let end = plain.rsplit_once('.').map_or("", |(_, end)| end);
    let array = end == "npy" && plain == name;
    if let Some(labels) = asked.labels.as_ref().filter(|_| !array) {
        return Err(FileError::request(
            "--labels",
            "an .npy of inputs with --data",
            format!("{} and {}", path.display(), labels.display()),
            "the target lies in the same file here: leave --labels out",
        ));
    }
    if end == "npz" || array {
        no_table(path, asked, end == "npz")?;
    }
    match end {
        _ if array => npy::read(path, sample, asked),
        _ if is_stdin(path) => table::read(path, sample, asked),
        "csv" | "tsv" | "txt" => table::read(path, sample, asked),
        "npz" if plain == name => archive::read(&mut Npz::open(path)?, sample, asked),
        // What is no file at all has another remedy.
        _ => Err(open(path).map_or_else(|fault| fault, |_| other(path, end))),
    }
}

/// Refuses what is said of tables alone of an archive, or of a single array.
fn no_table(path: &Path, asked: &Reading, archive: bool) -> Result<(), FileError> {
    let target = "x and y of an archive say what is the target: leave it out";
    let missing = "remove or impute samples with missing values before they are saved";
    for (option, given, remedy) in [
        ("--target", archive && !asked.targets.is_empty(), target),
        (
            "--header",
            asked.header != Header::Auto,
            "an array has no header: leave it out",
        ),
        (
            "--missing",
            archive && asked.missing != Missing::Refuse,
            missing,
        ),
    ] {
        if given {
            let got = path.display().to_string();
            return Err(FileError::request(
                option,
                "a table with --data",
                got,
                remedy,
            ));
        }
    }
    Ok(())
}

/// The refusal of a file that is none of these.
fn other(path: &Path, end: &str) -> FileError {
    let remedy = match end {
        "npy" | "npz" => "unpack it with gunzip",
        "xls" | "xlsx" | "ods" => "save the sheet as CSV",
        "parquet" | "feather" | "json" | "h5" | "hdf5" | "pkl" => {
            "save it as CSV (pandas: to_csv(file, index=False)) or with numpy.savez(file, x=x, y=y)"
        }
        "pt" | "pth" => "save it with numpy.savez(file, x=x.numpy(), y=y.numpy())",
        "mat" => "load it with scipy.io.loadmat, and save it with numpy.savez(file, x=x, y=y)",
        "zip" | "tar" | "tgz" | "bz2" | "xz" | "zst" | "7z" | "rar" => "unpack it",
        "" => "give the file a name that says what it is",
        _ => "if it is a table, give it a name that ends in .csv, .tsv or .txt",
    };
    let expected = ".csv, .tsv or .txt, plain or .gz, .npz, .npy, or - for standard input";
    let got = match end {
        "" => "a name without an extension".into(),
        end => format!(".{end}"),
    };
    FileError::input(path, "the file", expected, got, remedy)
}
