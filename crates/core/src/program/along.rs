//! Programs along a direction: each value with its tangent beside it, each cotangent with its derivative.

use super::{Act, At, Instr, NOWHERE, Program, Role, View};
use crate::planes::{DotOp, Moving};

impl Program {
    /// Where a node's value lies with its tangent beside it; the value alone where it has none.
    pub fn both(&self, node: usize) -> View {
        self.both[node].0.y
    }

    /// `[h h_dot]` of a node along a direction: of `x` with its tangent beside it, or with the caller's `x_dot`. A node that
    /// does not move has a value alone.
    pub fn forward_along(&mut self, node: usize, x: View, x_dot: View, moving: Option<Moving>) {
        self.both
            .resize(self.graph.nodes().len(), (NOWHERE, View::NOTHING));
        let batch = self.batch;
        let Some(moving) = moving else {
            let y = self.forward(node, x.cols(0..batch));
            self.both[node] = (At { y, ..NOWHERE }, View::NOTHING);
            return;
        };
        let of = &self.graph.nodes()[node];
        let (dims, keeps) = (of.dims(), of.block.keeps());
        let y = self.buf(node, Role::Value, dims.n_out, batch.saturating_mul(2));
        let [extra, extra_dot] = match keeps.extra {
            0 => [View::NOTHING; 2],
            n => [(); 2].map(|()| self.buf(node, Role::Extra, n, batch)),
        };
        let alone = |both: View| both.cols(0..batch);
        self.values[node] = At {
            x: alone(x),
            y: alone(y),
            extra,
        };
        let extra = At {
            x,
            y,
            extra: extra_dot,
        };
        self.both[node] = (extra, x_dot);
        self.push(Instr {
            act: Act::Dot(DotOp::Forward, moving),
            node,
            at: At {
                extra: self.values[node].extra,
                ..NOWHERE
            },
            from: x,
            to: y,
            dot: [x_dot, extra_dot],
            first: 0,
        });
    }

    /// A derivative map of a node that moves, with its own derivative.
    pub fn map_along(&mut self, op: DotOp, moving: Moving, node: usize, from: View, to: View) {
        let (kept, (all, x_dot)) = (self.graph.nodes()[node].block.keeps(), self.both[node]);
        let keep = |kept: bool, view| if kept { view } else { View::NOTHING };
        self.push(Instr {
            act: Act::Dot(op, moving),
            node,
            at: At {
                x: keep(kept.x, all.x),
                y: keep(kept.y, all.y),
                extra: self.values[node].extra,
            },
            from,
            to,
            dot: [keep(kept.x, x_dot), all.extra],
            first: 0,
        });
    }

    /// Whether a run goes along a direction: second derivatives have to exist, too.
    pub(super) fn goes_along(&self) -> bool {
        !self.both.is_empty()
    }
}
