//! Measures what both modes cost and draws it.
