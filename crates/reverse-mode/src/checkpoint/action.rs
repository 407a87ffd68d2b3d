//! One step of a schedule.

/// One step of a schedule. Stages count from 0; what a stage reads is the boundary before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Runs the stages `first..=last` and keeps the output of the last one alone.
    Advance {
        /// The first stage; the boundary before it is kept, or the caller's.
        first: usize,
        /// The last stage.
        last: usize,
    },
    /// Runs a stage and keeps all that its pullback reads, and its output.
    Record(usize),
    /// Pulls back a recorded stage. Its record is given up, and the boundary before it if that was kept alone.
    PullBack(usize),
}
