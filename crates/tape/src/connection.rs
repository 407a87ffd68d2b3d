//! Whether a result depends on a source.

use std::fmt;

/// Whether a result depends on a source, by a path that is not stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Connection {
    /// It does.
    Connected,
    /// No path leads from the source to the result, or every one is stopped: the derivative is exactly zero.
    Unconnected,
    /// The source is a constant that nobody watches: zeros are given for it. [`crate::Tape::watch`] makes it a variable.
    NotWatched,
}

/// `connected`, `unconnected` or `not watched`.
impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Connected => "connected",
            Self::Unconnected => "unconnected",
            Self::NotWatched => "not watched",
        })
    }
}
