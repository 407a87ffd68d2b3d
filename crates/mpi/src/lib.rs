//! pushpull on more than one machine, by MPI: the same bits for any number of ranks.
//!
//! | what | where |
//! |---|---|
//! | what ranks say to one another; the same between threads, and by MPI | [`Communicator`], [`local`], [`World`] |
//! | a job that ends whole: a fault on one rank ends all of them | [`job`] |
//! | the fixed tree in which partial gradients are added | [`Tree`], [`Reduction`] |
//! | a batch cut into leaves, its gradient over all ranks | [`Leaves`] |
//! | ranks that are not alike refuse to start | [`agree`] |
//! | training, with checkpoints | [`train`] |
//! | searches | [`search()`] |
//! | tangents, Jacobians and Hessians, a share of the columns or rows on each rank | [`columns`] |
//! | what messages cost, and how many ranks pay | [`Network`], [`Forecast`] |
//!
//! # The same bits
//! `MPI_Allreduce` adds in an order that depends on the number of ranks, and so do the bits. Here a batch is cut into *leaves*
//! of a fixed number of samples, and the gradients of leaves are added in one binary tree over their numbers ([`Tree`]). Which
//! rank computes a leaf decides who sends what to whom, and nothing else. The size of a leaf does change the bits: it is a part
//! of a run's identity, as the batch is.
//!
//! # Sum and mean
//! The objective of a graph is the *sum* over the batch, so the sum of the leaves' gradients is that of the batch, whatever their
//! sizes: a last leaf with fewer samples needs no weight. The mean of a training step is that sum, scaled once by 1 / batch, as
//! with one engine.
//!
//! ```
//! use std::rc::Rc;
//! use nalgebra::DMatrix;
//! use pushpull_core::{Mlp, blocks::{Activation, Loss}};
//! use pushpull_mpi::{Leaves, MpiError, local};
//! use pushpull_train::{Engine, Mode};
//! let graph = Mlp::new(&[2, 3, 1], Activation::Tanh).loss(Loss::SquaredError).build()?;
//! let params = vec![0.5; graph.n_params()];
//! let x = DMatrix::from_fn(3, 10, |i, j| ((i + 1) * (j + 2) % 7) as f64 / 7.0);
//! let gradient = |ranks| -> Vec<Vec<f64>> {
//!     local::run(ranks, |rank| -> Result<_, MpiError> {
//!         let engine = |size| Engine::new(&graph, size, Mode::Reverse, 1, 0);
//!         let mut leaves = Leaves::new(Rc::new(rank), &graph, 10, 4, engine)?;
//!         Ok(leaves.gradient_of(&params, &x)?.1.to_vec())
//!     })
//!     .into_iter()
//!     .collect::<Result<_, _>>()
//!     .unwrap()
//! };
//! let alone = gradient(1);
//! assert!(gradient(3).iter().all(|each| *each == alone[0]));
//! # Ok::<(), pushpull_core::Error>(())
//! ```

mod agreement;
pub mod columns;
mod communicator;
mod error;
pub mod job;
mod leaves;
pub mod local;
pub mod network;
mod part;
mod reduction;
mod search;
mod share;
pub mod train;
mod tree;
mod world;

pub use agreement::{agree, program};
pub use communicator::{Communicator, Tag};
pub use error::MpiError;
pub use leaves::Leaves;
pub use network::{Exchange, Forecast, Network, Worth};
pub use reduction::Reduction;
pub use search::search;
pub use share::{owner, share};
pub use tree::{Node, Tree};
pub use world::World;
