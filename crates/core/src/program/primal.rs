//! The primal program: `h1 = f1(x, w1)`, `h2 = f2(h1, w2)`, ..

use super::{Act, Program, Role, View};
use crate::{Graph, Result};

impl Program {
    /// The primal program alone, whose output the caller reads.
    ///
    /// # Errors
    /// [`crate::Error::EmptyBatch`]
    pub fn primal(graph: &Graph, batch: usize) -> Result<Self> {
        let mut program = Self::new(graph, batch, 1)?;
        let mut output = View::NOTHING;
        for node in 0..graph.nodes().len() {
            output = program.primal_of(node);
        }
        program.leave(output);
        Ok(program)
    }

    /// Node i of the primal program, its sources stacked where there are several. Returns its value.
    pub fn primal_of(&mut self, node: usize) -> View {
        self.phase(node, 0);
        let parts = self.parts(node);
        let x = match parts[..] {
            [(source, _)] if !source.stopped => self.source(source.origin),
            _ => {
                let n_in = self.graph.nodes()[node].dims().n_in;
                let stack = self.buf(node, Role::Stack, n_in, self.batch);
                for (source, rows) in parts {
                    // A stopped value is copied: a dual number loses its derivative there.
                    let act = if source.stopped { Act::Stop } else { Act::Copy };
                    self.act(act, node, self.source(source.origin), stack.rows(rows));
                }
                stack
            }
        };
        self.phase(node, 1);
        self.forward(node, x)
    }
}
