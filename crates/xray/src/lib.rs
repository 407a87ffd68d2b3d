//! What happens to a gradient inside a network, block by block: how large it is, what weights and activations do to it, which
//! units are dead, how the output depends on a block, how much each use of shared parameters contributes, and where the first NaN came
//! from.
//!
//! ```
//! use pushpull_core::{Init, Mlp, blocks::{Activation, Loss}};
//! use pushpull_xray::{Settings, Xray};
//! let graph = Mlp::new(&[4, 8, 8, 1], Activation::Sigmoid).loss(Loss::SquaredError).build()?;
//! let params: Vec<f64> = graph.layout().init(Init::Uniform(0.5), 1);
//! let x = nalgebra::DMatrix::from_fn(5, 10, |i, j| ((i + 3 * j) as f64).sin());
//! let xray = Xray::new(&graph, &params, &x, &Settings::default())?;
//! let sigmoid = xray.block("sigmoid0").ok_or("no such block")?;
//! assert!(sigmoid.activation_gain() <= Some(0.25)); // the slide's bound
//! println!("{xray}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The numbers
//! The graph has blocks `h_i = f_i(u_i, w_i)`, where u_i (n_in x B) is all that block i reads, stacked, on B samples; the
//! objective y is the sum of all outputs over the batch, as for every engine. `h̃_i = dy/dh_i` is the cotangent of a block's
//! value, summed over all its readers, `ũ_i = [df_i/du_i]' h̃_i` is what the block passes on, and norms are Frobenius norms:
//! the root of the sum of squares over rows and samples.
//!
//! | number | definition | unit |
//! |---|---|---|
//! | [`BlockXray::value_rms`] | root of the mean of the squares of h_i | that of h_i |
//! | [`BlockXray::cotangent_norm`] | norm of h̃_i | y over h_i |
//! | [`BlockXray::gradient_norm`] | norm of `[df_i/dw_i]' h̃_i`: dy/dw_i by this use of the parameters alone | y over w_i |
//! | [`BlockXray::gain`] | norm of ũ_i over norm of h̃_i, without the rows of constant inputs and stopped sources | h_i over u_i |
//! | - weight gain | the gain of a block with parameters: of a linear block that of W' | |
//! | - activation gain | the gain of a block without parameters that acts entry by entry: of φ' | |
//! | [`Slopes::dead`] | of the rows of such a block, the share whose derivative is exactly 0 for every sample | a share, 0 to 1 |
//! | [`Slopes::saturated`] | of its entries, the share whose derivative is at most [`Settings::flat`] times the largest that the function has on [-1, 1] | a share, 0 to 1 |
//! | [`Spectrum::values`] | singular values of `dh_out/dh_i` of one sample, n_out x n_i: from the block's value to the output | h_out over h_i |
//! | [`Use::share`] | `<g_u, g> / <g, g>`: how much the use u of shared parameters adds to their gradient g, along g | a share; all uses add up to 1 |
//!
//! In a chain the gains multiply: the norm of the cotangent before block i is the norm after the last block times the gains of blocks
//! i to l. An entry of a ReLU is saturated if it is on the flat side.
//!
//! A gain is measured for this batch's gradient; it is not the largest possible one. The largest singular value bounds what all later
//! blocks together can do.
//!
//! # How they are computed
//! This crate has no derivative rule. It builds the graph once more, with inputs of zeros added where a derivative is wanted, before or
//! after blocks, and with separate parameters for every use: one reverse sweep over that graph gives all cotangents, contributions and
//! gradients.
//! Slopes are a jvp of ones through the block alone. A Jacobian whose smaller side is at most [`Settings::exact`] is computed row by row
//! in reverse mode or column by column in forward mode, and decomposed by nalgebra; for a larger one, only the largest singular value
//! is computed, by jvp and vjp in turn.

mod block;
mod culprit;
mod settings;
mod sharing;
mod slopes;
mod spectrum;
mod text;
mod values;
mod watched;
mod xray;

pub use block::{BlockXray, Kind};
pub use culprit::{Culprit, Pass};
pub use pushpull_core::{Error, Result};
pub use settings::Settings;
pub use sharing::{Sharing, Use};
pub use slopes::Slopes;
pub use spectrum::Spectrum;
pub use xray::Xray;
