//! Reverse mode: a recorded tape and the adjoint program over a graph of blocks.
