#![doc = include_str!("../README.md")]
//!
//! | what | where |
//! |---|---|
//! | what a sample has to contain, for a network's inputs, outputs and loss | [`Sample`] |
//! | samples from a table or an archive, depending on the file's name | [`samples`] |
//! | how a file is to be read, and what was found in it | [`Reading`], [`Samples`] |
//! | a table of numbers (CSV, TSV, plain or gzip) | [`table`] |
//! | an archive of NumPy's arrays (npz), or an array alone (npy) | [`Npz`], [`Head`] |
//! | weights in PyTorch's layout (safetensors), read and written | [`weights`] |
//! | results, written completely or not at all | [`output`] |
//! | the text of options: counts, widths, bytes | [`values`] |
//! | an error, and what keeps it on one line | [`FileError`], [`Line`] |
//!
//! # Laws
//! Files may come from strangers. A header is compared with the network, and the sizes in it with the file's own size, before anything
//! large is allocated; a compressed file is unpacked only to the size that compression can explain. An error names the file, the place
//! in it, what was expected, what came and a remedy, in one line without control characters. No reader panics. The targets of
//! `crates/fuzz-targets` test every reader for this.
//!
//! # Example
//! A network's parameters in a file, and back:
//!
//! ```
//! use pushpull_files::{Kind, output, weights};
//! use pushpull_files::weights::{Wanted, Weights};
//! let place = tempfile::tempdir()?;
//! let path = place.path().join("w.safetensors");
//! let params = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.5, 0.25, 0.125]; // 3 x 2 weights column by column, 3 biases
//! output::write(&path, &weights::network(&path, &[2, 3], &params, &[])?)?;
//! let mut file = Weights::open(&path, &Wanted::default())?;
//! assert_eq!(file.widths(), [2, 3]);
//! assert_eq!(file.kind(), Kind::F64);
//! assert_eq!(file.read::<f64>()?, params);
//! let fault = Weights::open(&path, &Wanted::widths(&[2, 4])).unwrap_err().to_string();
//! assert!(fault.ends_with(
//!     "\"0.weight\": expected 4 x 2 (outputs x inputs), got 3 x 2; give the widths of these weights with --layers, inputs first"
//! ));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arrays;
mod element;
mod error;
mod npz;
pub mod output;
mod reading;
mod sample;
pub mod samples;
mod source;
pub mod table;
pub mod values;
pub mod weights;
mod words;

pub use arrays::{Head, Npz};
pub use element::{Element, Kind};
pub use error::FileError;
pub use npz::{Array, npz_bytes};
pub use reading::{Header, Missing, Reading, Samples, Target, is_stdin};
pub use sample::Sample;
pub use source::open;
pub use words::{Line, shape, shown};
