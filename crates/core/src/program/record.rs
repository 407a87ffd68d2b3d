//! The primal program for engines that take it from there: what derivative maps read stays.

use super::{Act, Code, Frame, Instr, Machine, Place, Program, STILL, View};
use crate::graph::Wrt;
use crate::{Graph, Mat, Point, Result, Scalar};

impl Program {
    /// The primal program, which keeps where the derivatives of the nodes are taken for which `read` holds:
    /// [`Machine::point`].
    ///
    /// # Errors
    /// [`crate::Error::EmptyBatch`]
    pub fn record(graph: &Graph, batch: usize, read: impl Fn(usize) -> bool) -> Result<Self> {
        let (mut p, n) = (Self::new(graph, batch, 1)?, graph.nodes().len());
        p.path(1, |p| {
            let h = (0..n).fold(View::NOTHING, |_, i| p.primal_of(i));
            if graph.is_guarded() {
                p.phase(n, 0);
                p.act(Act::Check, n - 1, h, View::NOTHING);
            }
            p.leave(h);
        });
        // On no path: it is never run, but what it reads lives until then.
        p.phase(n, 1);
        p.lay(|p| (0..n).filter(|&i| read(i)).for_each(|i| p.read(i)));
        Ok(p)
    }

    /// Where a node's derivative is taken is read.
    fn read(&mut self, node: usize) {
        let at = self.point_of(node);
        self.push(Instr {
            act: Act::Read,
            node,
            at,
            from: View::NOTHING,
            to: View::NOTHING,
            dot: STILL,
            first: 0,
        });
    }
}

impl Code {
    /// The points of a record, by node: which of the table.
    pub(super) fn points_by_node(&self) -> Vec<u32> {
        let mut points = vec![u32::MAX; self.nodes.len()];
        for step in self.steps.iter().filter(|step| step.act == Act::Read) {
            points[step.node as usize] = step.at;
        }
        points
    }
}

impl<T: Scalar> Machine<T> {
    /// Runs a record. Returns by what derivatives are in doubt: [`Graph::check_slopes`] then says whether they exist.
    pub fn record(&mut self, params: &[T], x: Mat<'_, T>) -> Wrt {
        let (mut frame, mut found) = (Frame::new(self.code(), params, x), Wrt::NOTHING);
        let check = |doubt| {
            found = doubt;
            Ok(())
        };
        // The check has no error, and a record has no other.
        let _ = self.run(0, &mut frame, check);
        found
    }

    /// Where node `i`'s derivative is taken, after a record that keeps it: only what its block keeps, the rest is empty.
    #[inline]
    pub fn point<'a>(&'a self, i: usize, params: &'a [T], x: Mat<'a, T>) -> Point<'a, T> {
        let code = self.code();
        let at = &code.points[code.reads[i] as usize];
        let mat = |place: &Place| match *place {
            Place::Given { rows, .. } => {
                let (start, end) = rows.range(1);
                x.rows(start..end)
            }
            Place::Dense { .. } | Place::Arena { .. } => {
                let range = place.whole(&[0; 3]);
                let (rows, cols) = place.shape();
                Mat::new(&self.arena[range], rows, cols)
            }
            _ => Mat::empty(),
        };
        Point {
            params: &params[code.graph().nodes()[i].params.clone()],
            x: mat(&at.x),
            y: mat(&at.y),
            extra: mat(&at.extra).data(),
            batch: code.batch(),
        }
    }
}
