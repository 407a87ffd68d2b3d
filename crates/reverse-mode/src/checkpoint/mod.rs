//! Reverse mode in less memory: keep some values, compute the others again.
//!
//! A graph is cut where one node carries everything ([`Chain::of`]); what lies between two cuts is a stage. A
//! [`Schedule`] says in which order stages are advanced, recorded and pulled back, and what is kept meanwhile. It is made
//! by a pure function and can be counted, drawn and compared without running anything; `Reverse` runs it.
//!
//! | schedule | keeps |
//! |---|---|
//! | [`optimal`] with [`Limit::Slots`] | boundaries; for equal stages the binomial schedule, [`advances`] |
//! | [`optimal`] with [`Limit::Numbers`] | boundaries and whole records, by size |
//! | [`even`] | a boundary at the start of every group of stages, and the records of one group |
//! | [`square_root`] | the same with about as many groups as stages in a group |
//!
//! Sizes are in numbers of the scalar: a byte budget is divided by the scalar's size.
//!
//! Sources: Griewank and Walther 2000, "Algorithm 799: revolve"; Beaumont, Eyraud-Dubois, Herrmann, Joly and Shilova
//! 2019, "Optimal checkpointing for heterogeneous chains"; Chen, Xu, Zhang and Guestrin 2016, "Training deep nets with
//! sublinear memory cost".

mod action;
mod alike;
mod binomial;
mod chain;
pub(crate) mod cuts;
mod levels;
pub(crate) mod of_graph;
mod optimal;
mod pareto;
mod periodic;
mod place;
mod schedule;
pub(crate) mod staged;
mod table;
mod units;
mod weighted;

pub use action::Action;
pub use binomial::advances;
pub use chain::{Chain, Stage};
pub use optimal::{Limit, TooSmall, optimal};
pub use pareto::{Family, Outcome, pareto};
pub use periodic::{even, square_root};
pub use schedule::Schedule;
pub use units::MAX_STEPS;
