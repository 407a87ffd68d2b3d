//! What mixed mode does, as a list.

use pushpull_core::Op;
use pushpull_core::siblings::work::{Item, Work};

use super::{Action, Program, Step};
use crate::search::Form;

impl Program {
    /// What the steps do.
    pub(crate) fn work(&self, work: &mut Work) {
        for step in &self.steps {
            step.work(work);
        }
    }
}

impl Step {
    fn work(&self, work: &mut Work) {
        let shape = self.target.shape;
        match (self.action, self.operands) {
            (Action::Unit | Action::Lay, _) => {
                let (len, seeds) = shape.seeds();
                let columns = seeds * shape.samples;
                work.add(Item::Copied { len, columns }, 1);
            }
            (Action::ScaleRows | Action::ScaleColumns, _) => {
                let (len, seeds) = shape.seeds();
                let columns = seeds * shape.samples;
                work.add(Item::Scaled { len, columns }, 1);
            }
            (Action::Push(node), [source, _]) => {
                let seeds = (shape.samples, shape.seeds().1);
                work.map(node, Op::JvpInput, source.is_none(), seeds, 1);
            }
            (Action::Pull(node), [source, _]) => {
                let seeds = (shape.samples, shape.seeds().1);
                work.map(node, Op::VjpInput, source.is_none(), seeds, 1);
            }
            (Action::Multiply, [Some(upper), Some(lower)]) => {
                let (upper, lower) = (upper.shape, lower.shape);
                let (rows, depth, columns) = (shape.rows, upper.cols, shape.cols);
                let product = |rows, columns, transposed| Item::Product {
                    rows,
                    depth,
                    columns,
                    transposed,
                };
                let all = shape.samples;
                if shape.form == Form::Diagonal {
                    work.add(Item::Moved(rows * all), 1);
                } else if upper.samples == 1
                    && (all, shape.form, lower.form)
                        == (lower.samples, Form::Columns, Form::Columns)
                {
                    let transposed = [upper.form == Form::Rows, false];
                    work.add(product(rows, columns * all, transposed), 1);
                } else if lower.samples == 1
                    && (all, shape.form, upper.form) == (upper.samples, Form::Rows, Form::Rows)
                {
                    let transposed = [lower.form != Form::Rows, false];
                    work.add(product(columns, rows * all, transposed), 1);
                } else if shape.form == Form::Rows {
                    let transposed = [lower.form != Form::Rows, upper.form != Form::Rows];
                    work.add(product(columns, rows, transposed), all as u64);
                } else {
                    let transposed = [upper.form == Form::Rows, lower.form == Form::Rows];
                    work.add(product(rows, columns, transposed), all as u64);
                }
            }
            (Action::Multiply, _) => {}
        }
    }
}
