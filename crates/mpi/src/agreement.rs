//! Ranks that are not alike refuse to start.

use pushpull_core::blocks::{Activation, Loss};
use pushpull_core::{Init, Mlp};
use pushpull_train::{Engine, Mode, Precision};

use crate::communicator::{broadcast_any, bytes_of, gather_any};
use crate::{Communicator, MpiError};

/// Separates the texts of a message. No text has it.
const SEPARATOR: char = '\0';

/// Holds what each rank has against what rank 0 has, by name and value; a network or data set by a checksum of it. All ranks
/// get the same verdict: the first difference of the first rank that has one.
///
/// # Errors
/// [`MpiError::Disagree`], and those of the communicator.
///
/// ```
/// use pushpull_mpi::{Communicator, agree, local};
/// let verdicts = local::run(3, |rank| {
///     let epochs = if rank.rank() == 2 { "6" } else { "5" };
///     agree(&rank, &[("seed".into(), "0".into()), ("epochs".into(), epochs.into())])
/// });
/// let fault = verdicts[0].clone().unwrap_err().to_string();
/// assert!(fault.starts_with("rank 2 differs from rank 0 in epochs: expected 5, got 6"));
/// assert!(verdicts.iter().all(|each| *each == verdicts[0]));
/// ```
pub fn agree(comm: &dyn Communicator, parts: &[(String, String)]) -> Result<(), MpiError> {
    let texts = parts.iter().flat_map(|(what, value)| [what, value]);
    let texts: Vec<String> = texts.map(|text| text.replace(SEPARATOR, " ")).collect();
    let all = gather_any(comm, joined(&texts).as_bytes())?;
    let verdict = all.map_or(String::new(), |all| {
        let differs = all.iter().enumerate().find_map(|(rank, bytes)| {
            let got = split(bytes);
            let at = (0..texts.len().max(got.len())).find(|&at| texts.get(at) != got.get(at))?;
            let of =
                |texts: &[String], at: usize| texts.get(at).cloned().unwrap_or("nothing".into());
            // Texts at even places are names.
            let what = if at % 2 == 0 {
                "the options".into()
            } else {
                of(&texts, at - 1)
            };
            Some([what, rank.to_string(), of(&texts, at), of(&got, at)])
        });
        differs.map_or(String::new(), |fields| joined(&fields))
    });
    let verdict = broadcast_any(comm, verdict.into_bytes())?;
    match &split(&verdict)[..] {
        [what, rank, expected, got] => Err(MpiError::Disagree {
            what: what.clone(),
            rank: rank.parse().unwrap_or(0),
            expected: expected.clone(),
            got: got.clone(),
        }),
        _ => Ok(()),
    }
}

fn joined(texts: &[String]) -> String {
    texts.join(&SEPARATOR.to_string())
}

fn split(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    text.split(SEPARATOR).map(str::to_owned).collect()
}

/// What the bits of every run depend on besides its own settings: the version, the program file, and the arithmetic of the
/// processor, by the bits of a gradient. Processors with other vector instructions add products in another order.
pub fn program() -> Vec<(String, String)> {
    let file = std::env::current_exe().and_then(std::fs::read);
    let file = file.map_or("unknown".into(), |bytes| checksum(&bytes));
    [
        ("the version", env!("CARGO_PKG_VERSION").to_owned()),
        ("the program file", file),
        ("the arithmetic of its processor", arithmetic()),
    ]
    .map(|(what, value)| (what.to_owned(), value))
    .into()
}

/// Bytes by a short text.
pub(crate) fn checksum(bytes: &[u8]) -> String {
    format!("checksum {:08x}", crc32fast::hash(bytes))
}

/// The bits of a gradient in both precisions.
fn arithmetic() -> String {
    fn gradient<T: Precision>() -> Option<Vec<u8>> {
        const BATCH: usize = 48;
        let net = Mlp::new(&[64, 96, 10], Activation::Tanh).loss(Loss::SquaredError);
        let graph = net.build().ok()?;
        let params: Vec<T> = graph.layout().init(Init::Glorot, 1);
        let x = nalgebra::DMatrix::from_fn(74, BATCH, |i, j| {
            T::from_f64(((i * 31 + j * 17) % 101) as f64 / 101.0)
        });
        let mut engine = Engine::new(&graph, BATCH, Mode::Reverse, 1, 0).ok()?;
        let (_, gradient) = engine.value_and_gradient(&params, &x, 0).ok()?;
        Some(bytes_of(gradient))
    }
    let both = gradient::<f32>().and_then(|single| Some([single, gradient::<f64>()?].concat()));
    both.map_or("unknown".into(), |bytes| checksum(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local;

    #[test]
    fn a_part_that_is_missing_is_a_difference_and_equal_parts_are_none() {
        let part = |what: &str| (what.to_owned(), "1".to_owned());
        let verdicts = local::run(4, |rank| agree(&rank, &[part("a"), part("b")]));
        assert!(verdicts.iter().all(Result::is_ok));
        for fewer in [0, 1] {
            let verdicts = local::run(2, |rank| {
                let parts = if rank.rank() == fewer {
                    vec![part("a")]
                } else {
                    vec![part("a"), part("b")]
                };
                agree(&rank, &parts)
            });
            let fault = verdicts[0].clone().unwrap_err().to_string();
            assert!(
                fault.contains("rank 1") && fault.contains("nothing"),
                "{fault}"
            );
        }
    }

    #[test]
    fn the_arithmetic_is_known_and_repeats() {
        assert!(arithmetic().starts_with("checksum ") && arithmetic() == arithmetic());
        assert_eq!(program().len(), 3);
    }
}
