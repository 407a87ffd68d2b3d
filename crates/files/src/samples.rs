//! Samples out of a file of any kind, stacked as a graph reads them: a sample a column, inputs over targets.

use std::io::{Read, Seek};
use std::path::Path;

use nalgebra::DMatrix;
use pushpull_core::blocks::Loss;
use pushpull_core::siblings::memory;

use crate::arrays::{Head, Npz};
use crate::words::shape;
use crate::{FileError, Kind, Reading, Sample, Samples, is_stdin, npy, open, table};

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
    match end {
        _ if array => npy::read(path, sample, asked),
        _ if is_stdin(path) => table::read(path, sample, asked),
        "csv" | "tsv" | "txt" => table::read(path, sample, asked),
        "npz" if plain == name => of_archive(&mut Npz::open(path)?, sample, asked),
        // What is no file at all has another remedy.
        _ => Err(open(path).map_or_else(|fault| fault, |_| other(path, end))),
    }
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
        _ => "give the file a name that says what it is",
    };
    let expected = ".csv, .tsv or .txt, plain or .gz, .npz, .npy, or - for standard input";
    let got = match end {
        "" => "a name without an extension".into(),
        end => format!(".{end}"),
    };
    FileError::input(path, "the file", expected, got, remedy)
}

/// The first samples of an archive.
pub(crate) fn of_archive<R: Read + Seek>(
    npz: &mut Npz<R>,
    sample: &Sample,
    asked: &Reading,
) -> Result<Samples, FileError> {
    let all = match asked.inputs_alone {
        true => npz.without("y", |npz| of_arrays(npz, sample))?,
        false => of_arrays(npz, sample)?,
    };
    let x = match asked.batch {
        None => all,
        Some(batch) if batch <= all.ncols() => all.columns(0, batch).into_owned(),
        Some(batch) => {
            return Err(npz.fault(
                "x",
                format!("at least {batch} samples, as --batch says"),
                all.ncols().to_string(),
                "give a smaller --batch",
            ));
        }
    };
    Ok(Samples {
        x,
        classes: Vec::new(),
        said: Vec::new(),
    })
}

/// `x` over `y`, rows x batch, of any type of numbers. Classes are numbers or rows of one 1; what has one column may lie in
/// none. All headers are held against the sample before anything is allocated.
///
/// # Errors
/// [`FileError::Input`] for arrays of other shapes or types, numbers that are not finite and targets that the loss has not;
/// [`FileError::Memory`] for more than fits.
pub fn of_arrays<R: Read + Seek>(
    npz: &mut Npz<R>,
    sample: &Sample,
) -> Result<DMatrix<f64>, FileError> {
    let (inputs, outputs) = (sample.inputs(), sample.outputs());
    let x = npz.head("x")?;
    let expected = format!("batch x {inputs}, the first of --layers");
    let remedy = "a sample is a row of x; reshape it, or give other --layers";
    let batch = match *x.shape() {
        [batch, width] if width == inputs => batch,
        [batch] if inputs == 1 => batch,
        _ => return Err(npz.fault("x", expected, shape(x.shape()), remedy)),
    };
    if batch == 0 {
        return Err(npz.fault("x", "at least one sample", "none", "save some rows"));
    }
    numeric(npz, "x", &x)?;
    let y = target(npz, sample, batch)?;
    memory::fits::<f64>(
        "the data",
        memory::elements(&[sample.rows(), batch]),
        "use a smaller batch",
    )?;
    let mut stacked = DMatrix::from_element(sample.rows(), batch, 0.0);
    numbers(npz, "x", &x, 0, None, &mut stacked)?;
    let Some(y) = y else {
        return Ok(stacked);
    };
    let one_hot = *y.shape() == [batch, outputs];
    if sample.loss() != Loss::SoftmaxCrossEntropy || one_hot && outputs > 1 {
        numbers(npz, "y", &y, inputs, Some(sample), &mut stacked)?;
        if sample.loss() == Loss::SoftmaxCrossEntropy {
            one_a_row(npz, sample, &stacked)?;
        }
        return Ok(stacked);
    }
    let path = npz.name().to_owned();
    npz.read("y", &y, |k, class| {
        if class >= 0.0 && class < outputs as f64 && class.fract() == 0.0 {
            stacked[(inputs + class as usize, k)] = 1.0;
            return Ok(());
        }
        Err(FileError::input(
            &path,
            "array y",
            format!("classes 0 to {}", outputs - 1),
            format!("{class} at [{k}]"),
            "number the classes from 0, or give more outputs with --layers",
        ))
    })?;
    Ok(stacked)
}

/// Refuses rows of classes that are not a 1 among zeros.
fn one_a_row<R: Read + Seek>(
    npz: &Npz<R>,
    sample: &Sample,
    stacked: &DMatrix<f64>,
) -> Result<(), FileError> {
    for (j, column) in stacked.column_iter().enumerate() {
        let classes = column.rows(sample.inputs(), sample.outputs());
        let ones = classes.iter().filter(|&&x| x == 1.0).count();
        let zeros = classes.iter().filter(|&&x| x == 0.0).count();
        if (ones, zeros) != (1, classes.len() - 1) {
            let remedy = "give a class for each row of x, or rows of zeros with a 1 at the class";
            let got = format!("another row at [{j}]");
            return Err(npz.fault("y", "a 1 among zeros in every row", got, remedy));
        }
    }
    Ok(())
}

/// The head of the target, if there is one, of a shape that the loss reads.
fn target<R: Read + Seek>(
    npz: &mut Npz<R>,
    sample: &Sample,
    batch: usize,
) -> Result<Option<Head>, FileError> {
    let outputs = sample.outputs();
    if !sample.loss().needs_target() {
        if npz.has("y") {
            let expected = format!("no target for the loss {}", sample.loss());
            let remedy = "leave y out, or choose another loss";
            return Err(npz.fault("y", expected, "one", remedy));
        }
        return Ok(None);
    }
    let y = npz.head("y")?;
    let classes = sample.loss() == Loss::SoftmaxCrossEntropy;
    let narrow = classes || outputs == 1;
    let fits = match *y.shape() {
        [n] => n == batch && narrow,
        [n, 1] => n == batch && narrow,
        [n, m] => n == batch && m == outputs,
        _ => false,
    };
    if !fits {
        let (expected, remedy) = if classes {
            let rows = format!("{batch} classes, or {batch} x {outputs} with a 1 in each row");
            (rows, "give a class for each row of x")
        } else {
            let rows = format!("{batch} x {outputs} (batch x outputs)");
            (rows, "save y.reshape(batch, outputs)")
        };
        return Err(npz.fault("y", expected, shape(y.shape()), remedy));
    }
    numeric(npz, "y", &y)?;
    Ok(Some(y))
}

/// Refuses an array of something else than numbers.
pub(crate) fn numeric<R: Read + Seek>(
    npz: &Npz<R>,
    name: &str,
    head: &Head,
) -> Result<(), FileError> {
    if head.kind() != Kind::Other {
        return Ok(());
    }
    let remedy = format!("save {name}.astype(\"float64\")");
    Err(npz.fault(name, "floats, integers or bool", head.descr(), remedy))
}

/// Reads a matrix, batch x columns, into the rows of `to` from `first` on; targets are held against the loss.
fn numbers<R: Read + Seek>(
    npz: &mut Npz<R>,
    name: &str,
    head: &Head,
    first: usize,
    targets: Option<&Sample>,
    to: &mut DMatrix<f64>,
) -> Result<(), FileError> {
    let path = npz.name().to_owned();
    npz.read(name, head, |k, value| {
        let (sample, column) = head.place(k);
        let fault = |expected: String, remedy: &str| {
            let got = format!("{value} at [{sample}, {column}]");
            FileError::input(&path, format!("array {name}"), expected, got, remedy)
        };
        if !value.is_finite() {
            return Err(fault(
                "finite numbers".into(),
                "remove or impute such samples",
            ));
        }
        if let Some(targets) = targets.filter(|targets| !targets.allows(value)) {
            let (expected, remedy) = targets.domain();
            return Err(fault(expected, remedy));
        }
        to[(first + column, sample)] = value;
        Ok(())
    })
}
