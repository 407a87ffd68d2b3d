//! Inputs and targets of a network out of an npz file, stacked as the graph reads them: a sample a column.

use nalgebra::DMatrix;
use pushpull_core::blocks::Loss;
use pushpull_core::memory;

use crate::arrays::{Head, Kind, Npz};
use crate::element::Element;
use crate::fault::{Fault, shape};
use crate::network::Network;

/// `x` over `y`, rows x batch. All headers are held against the network before anything is allocated.
pub fn read<T: Element>(npz: &mut Npz, network: &Network) -> Result<DMatrix<T>, Fault> {
    let (inputs, outputs) = (network.inputs(), network.outputs());
    let x = npz.head("x")?;
    let expected = format!("batch x {inputs}, the first of --layers");
    let remedy = "a sample is a row of x; reshape it, or give other --layers";
    let (batch, width) = match x.shape[..] {
        [batch, width] => (batch, width),
        _ => return Err(npz.fault("x", expected, shape(&x.shape), remedy)),
    };
    if width != inputs {
        return Err(npz.fault("x", expected, shape(&x.shape), remedy));
    }
    if batch == 0 {
        return Err(npz.fault("x", "at least one sample", "none", "save some rows"));
    }
    typed::<T>(npz, "x", &x)?;
    let y = target::<T>(npz, network, batch)?;
    memory::fits::<T>(
        "the data",
        memory::elements(&[network.rows(), batch]),
        "use a smaller batch",
    )?;
    let mut stacked = DMatrix::from_element(network.rows(), batch, T::zero());
    numbers(npz, "x", &x, 0, &mut stacked)?;
    match (y, network.loss) {
        (Some(y), Loss::SoftmaxCrossEntropy) => {
            let path = npz.path.clone();
            let mut class = |k: usize, class: i64| match usize::try_from(class) {
                Ok(class) if class < outputs => {
                    stacked[(inputs + class, k)] = T::one();
                    Ok(())
                }
                _ => Err(Fault::input(
                    &path,
                    "array y",
                    format!("classes 0 to {}", outputs - 1),
                    format!("{class} at [{k}]"),
                    "number the classes from 0, or give more outputs with --layers",
                )),
            };
            if y.kind == Kind::I32 {
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
fn target<T: Element>(
    npz: &mut Npz,
    network: &Network,
    batch: usize,
) -> Result<Option<Head>, Fault> {
    let outputs = network.outputs();
    if !network.loss.needs_target() {
        if npz.has("y") {
            let expected = format!("no target for the loss {}", network.loss);
            let remedy = "leave y out, or choose another loss";
            return Err(npz.fault("y", expected, "one", remedy));
        }
        return Ok(None);
    }
    let y = npz.head("y")?;
    let fault =
        |expected: String, got: String, remedy: &str| Err(npz.fault("y", expected, got, remedy));
    if network.loss == Loss::SoftmaxCrossEntropy {
        if y.shape != [batch] {
            let remedy = "give a class for each row of x; numpy.argmax(y, axis=1) makes classes of one-hot rows";
            return fault(format!("{batch} classes"), shape(&y.shape), remedy);
        }
        if !matches!(y.kind, Kind::I32 | Kind::I64) {
            return fault(
                "int32 or int64".into(),
                y.descr.clone(),
                "save y.astype(\"int64\")",
            );
        }
    } else {
        if y.shape != [batch, outputs] {
            let expected = format!("{batch} x {outputs} (batch x outputs)");
            return fault(expected, shape(&y.shape), "save y.reshape(batch, outputs)");
        }
        typed::<T>(npz, "y", &y)?;
    }
    Ok(Some(y))
}

/// Refuses an array of another type than the weights'.
fn typed<T: Element>(npz: &Npz, name: &str, head: &Head) -> Result<(), Fault> {
    let same = match head.kind {
        Kind::F32 => T::NUMPY == "float32",
        Kind::F64 => T::NUMPY == "float64",
        _ => false,
    };
    if same {
        return Ok(());
    }
    let remedy = format!("save {name}.astype(\"{}\")", T::NUMPY);
    Err(npz.fault(name, T::NUMPY, head.descr.clone(), remedy))
}

/// Reads a matrix, batch x columns, into the rows of `to` from `first` on.
fn numbers<T: Element>(
    npz: &mut Npz,
    name: &str,
    head: &Head,
    first: usize,
    to: &mut DMatrix<T>,
) -> Result<(), Fault> {
    let path = npz.path.clone();
    npz.read::<T>(name, head, |k, value| {
        let (sample, column) = head.place(k);
        if !value.is_finite() {
            return Err(Fault::input(
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
