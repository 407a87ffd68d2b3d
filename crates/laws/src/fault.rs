//! Planted faults: right blocks that lie in one way. They prove that the checker works.
//!
//! [`planted`] lists them with the diagnosis that would be right; [`trial`] puts one before the checker.
//!
//! ```
//! use pushpull_core::blocks::{Map, Tanh};
//! use pushpull_laws::{Diagnosis, Rule, check, fault::{Faulty, Slip}};
//! let wrong = Faulty::new(Map::new(Tanh, 3), Slip::Factor(Rule::VjpInput, 1.001));
//! assert_eq!(check(&wrong).unwrap_err().diagnosis, Diagnosis::Factor(1.001));
//! ```

mod faulty;
mod planted;
mod slip;

pub use faulty::Faulty;
pub use planted::{Planted, Verdict, planted, right_blocks, trial};
pub use slip::Slip;
