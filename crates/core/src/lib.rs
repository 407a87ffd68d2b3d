//! Scalars, the Block trait, the blocks, the graph: everything that both modes share, and no engine.
