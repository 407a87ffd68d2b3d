//! Samples out of an archive of NumPy's: x over y.

use std::io::{Read, Seek};

use nalgebra::DMatrix;
use pushpull_core::blocks::Loss;
use pushpull_core::siblings::memory;

use crate::arrays::{Head, Npz};
use crate::words::{number, shape};
use crate::{FileError, Kind, Reading, Sample, Samples};

/// The first samples of an archive.
pub(super) fn read<R: Read + Seek>(
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
    numeric(npz, "x", &x)?;
    let expected = format!("batch x {inputs}, as the network has inputs");
    let remedy = match x.shape().len() {
        3.. => "a sample is a row of x: save x.reshape(len(x), -1)",
        _ => "a sample is a row of x; give a network of as many inputs, or save other columns",
    };
    let batch = match *x.shape() {
        [batch, width] if width == inputs => batch,
        [batch] if inputs == 1 => batch,
        _ => return Err(npz.fault("x", expected, shape(x.shape()), remedy)),
    };
    if batch == 0 {
        return Err(npz.fault("x", "at least one sample", "none", "save some rows"));
    }
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
            format!("{} at [{k}]", number(class)),
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
    numeric(npz, "y", &y)?;
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
    Ok(Some(y))
}

/// Refuses an array of something else than numbers.
pub(super) fn numeric<R: Read + Seek>(
    npz: &Npz<R>,
    name: &str,
    head: &Head,
) -> Result<(), FileError> {
    if head.kind() != Kind::Other {
        return Ok(());
    }
    // Text, and Python's objects.
    let words = head.descr().contains(['U', 'S', 'O']);
    let remedy = match name {
        _ if head.descr().starts_with('[') => {
            format!("save numpy.lib.recfunctions.structured_to_unstructured({name})")
        }
        "y" if words => "number the classes: save numpy.unique(y, return_inverse=True)[1]".into(),
        _ => format!("save {name}.astype(\"float64\")"),
    };
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
            let got = format!("{} at [{sample}, {column}]", number(value));
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
