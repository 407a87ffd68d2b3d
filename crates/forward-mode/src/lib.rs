//! Forward mode: tangent matrices pushed through a graph of blocks.
