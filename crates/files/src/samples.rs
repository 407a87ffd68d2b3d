//! Samples out of a file of either kind, stacked as a graph reads them: a sample a column, inputs over targets.

use std::io::{Read, Seek};
use std::path::Path;

use nalgebra::DMatrix;
use pushpull_core::blocks::Loss;
use pushpull_core::siblings::memory;

use crate::arrays::{Head, Npz};
use crate::words::shape;
use crate::{Element, FileError, Kind, Sample, table};

/// The first `batch` samples of a table (`.csv`, `.csv.gz`) or an npz file with `x` and `y`; all of them for none.
///
/// # Errors
/// Those of [`table::read`], [`Npz::open`] and [`of_arrays`]; [`FileError::Input`] for fewer samples than asked for.
pub fn read(path: &Path, sample: &Sample, batch: Option<usize>) -> Result<DMatrix<f64>, FileError> {
    let name = path.to_string_lossy();
    if name.ends_with(".csv") || name.ends_with(".csv.gz") {
        return table::read(path, sample, batch);
    }
    let mut npz = Npz::open(path)?;
    let all = match npz.head("x")?.kind() {
        Kind::F32 => of_arrays::<f32, _>(&mut npz, sample)?.map(f64::from),
        _ => of_arrays::<f64, _>(&mut npz, sample)?,
    };
    match batch {
        None => Ok(all),
        Some(batch) if batch <= all.ncols() => Ok(all.columns(0, batch).into_owned()),
        Some(batch) => Err(npz.fault(
            "x",
            format!("at least {batch} samples, as --batch says"),
            all.ncols().to_string(),
            "give a smaller --batch",
        )),
    }
}

/// `x` over `y`, rows x batch. All headers are held against the sample before anything is allocated.
///
/// # Errors
/// [`FileError::Input`] for arrays of other shapes or types, numbers that are not finite and classes that do not exist;
/// [`FileError::Memory`] for more than fits.
pub fn of_arrays<T: Element, R: Read + Seek>(
    npz: &mut Npz<R>,
    sample: &Sample,
) -> Result<DMatrix<T>, FileError> {
    let (inputs, outputs) = (sample.inputs(), sample.outputs());
    let x = npz.head("x")?;
    let expected = format!("batch x {inputs}, the first of --layers");
    let remedy = "a sample is a row of x; reshape it, or give other --layers";
    let (batch, width) = match *x.shape() {
        [batch, width] => (batch, width),
        _ => return Err(npz.fault("x", expected, shape(x.shape()), remedy)),
    };
    if width != inputs {
        return Err(npz.fault("x", expected, shape(x.shape()), remedy));
    }
    if batch == 0 {
        return Err(npz.fault("x", "at least one sample", "none", "save some rows"));
    }
    typed::<T, R>(npz, "x", &x)?;
    let y = target::<T, R>(npz, sample, batch)?;
    memory::fits::<T>(
        "the data",
        memory::elements(&[sample.rows(), batch]),
        "use a smaller batch",
    )?;
    let mut stacked = DMatrix::from_element(sample.rows(), batch, T::zero());
    numbers(npz, "x", &x, 0, &mut stacked)?;
    match (y, sample.loss()) {
        (Some(y), Loss::SoftmaxCrossEntropy) => {
            let path = npz.name().to_owned();
            let mut class = |k: usize, class: i64| match usize::try_from(class) {
                Ok(class) if class < outputs => {
                    stacked[(inputs + class, k)] = T::one();
                    Ok(())
                }
                _ => Err(FileError::input(
                    &path,
                    "array y",
                    format!("classes 0 to {}", outputs - 1),
                    format!("{class} at [{k}]"),
                    "number the classes from 0, or give more outputs with --layers",
                )),
            };
            if y.kind() == Kind::I32 {
                npz.read::<i32>("y", &y, |k, of| class(k, of.into()))?;
            } else {
                npz.read::<i64>("y", &y, class)?;
            }
        }
        (Some(y), _) => numbers(npz, "y", &y, inputs, &mut stacked)?,
        (None, _) => {}
    }
    Ok(stacked)
}

/// The head of the target, if there is one, of the shape and type that the loss reads.
fn target<T: Element, R: Read + Seek>(
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
    let fault =
        |expected: String, got: String, remedy: &str| Err(npz.fault("y", expected, got, remedy));
    if sample.loss() == Loss::SoftmaxCrossEntropy {
        if *y.shape() != [batch] {
            let remedy = "give a class for each row of x; numpy.argmax(y, axis=1) makes classes of one-hot rows";
            return fault(format!("{batch} classes"), shape(y.shape()), remedy);
        }
        if !matches!(y.kind(), Kind::I32 | Kind::I64) {
            return fault(
                "int32 or int64".into(),
                y.descr().into(),
                "save y.astype(\"int64\")",
            );
        }
    } else {
        if *y.shape() != [batch, outputs] {
            let expected = format!("{batch} x {outputs} (batch x outputs)");
            return fault(expected, shape(y.shape()), "save y.reshape(batch, outputs)");
        }
        typed::<T, R>(npz, "y", &y)?;
    }
    Ok(Some(y))
}

/// Refuses an array of another type than the weights'.
fn typed<T: Element, R: Read + Seek>(
    npz: &Npz<R>,
    name: &str,
    head: &Head,
) -> Result<(), FileError> {
    if head.kind() == T::KIND {
        return Ok(());
    }
    let remedy = format!("save {name}.astype(\"{}\")", T::NUMPY);
    Err(npz.fault(name, T::NUMPY, head.descr(), remedy))
}

/// Reads a matrix, batch x columns, into the rows of `to` from `first` on.
fn numbers<T: Element, R: Read + Seek>(
    npz: &mut Npz<R>,
    name: &str,
    head: &Head,
    first: usize,
    to: &mut DMatrix<T>,
) -> Result<(), FileError> {
    let path = npz.name().to_owned();
    npz.read::<T>(name, head, |k, value| {
        let (sample, column) = head.place(k);
        if !value.is_finite() {
            return Err(FileError::input(
                &path,
                format!("array {name}"),
                "finite numbers",
                format!("{value} at [{sample}, {column}]"),
                "remove or impute such samples",
            ));
        }
        to[(first + column, sample)] = value;
        Ok(())
    })
}
