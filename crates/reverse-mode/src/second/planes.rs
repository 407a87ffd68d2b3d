//! On planes: values and tangents pushed side by side, then cotangents and their derivatives pulled back side by side.

use pushpull_core::graph::{Node, Origin};
use pushpull_core::linalg::sum;
use pushpull_core::planes::{Cotangents, DotPoint, Planes as Pair, PlanesMut};
use pushpull_core::primal::disjoint;
use pushpull_core::{Accum, Graph, Mat, MatMut, Result, Scalar, Singular};

use super::plan::{Destination, Plan, Target, source_moves};
use super::{Answer, Direction};

/// Both programs with their buffers.
#[derive(Clone, Debug)]
pub(crate) struct Planes<T> {
    plan: Plan,
    /// Values and tangents: n_out x 2 batch a node, the value first.
    record: Vec<T>,
    /// Cotangents and their derivatives: n_out x 2 batch a node, the derivative first.
    cotangents: Vec<T>,
    /// The output's: n_outputs x 2 batch, zeros and ones.
    seed: Vec<T>,
    scratch: Vec<T>,
    /// Which nodes have a tangent in this run.
    moving: Vec<bool>,
}

impl<T: Scalar> Planes<T> {
    pub(crate) fn new(graph: &Graph, batch: usize) -> Result<Self> {
        let plan = Plan::new(graph, batch)?;
        let mut seed = vec![T::zero(); plan.seed()];
        seed[plan.seed() / 2..].fill(T::one());
        Ok(Self {
            record: vec![T::zero(); plan.record],
            cotangents: vec![T::zero(); plan.cotangents],
            seed,
            scratch: vec![T::zero(); plan.scratch],
            moving: vec![false; graph.nodes().len()],
            plan,
        })
    }

    /// The value, and what is asked for.
    pub(crate) fn run(
        &mut self,
        params: &[T],
        x: Mat<'_, T>,
        direction: Direction<'_, T>,
        mut answer: Answer<'_, T>,
    ) -> Result<T> {
        let (wrt, mut doubt) = (super::wrt(&direction, &answer), false);
        let guarded = self.plan.graph.is_guarded();
        for i in 0..self.plan.steps.len() {
            self.push(i, params, x, direction);
            let node = &self.plan.graph.nodes()[i];
            if node.block.singular() != Singular::Never && self.plan.graph.activity()[i].leads(wrt)
            {
                let at = point(
                    &self.plan,
                    i,
                    params,
                    x,
                    direction,
                    &self.moving,
                    &self.record,
                );
                let (block, at) = (T::of(&*node.block), at.point());
                T::uncounted(|| block.singular_at(&at, true, &mut |_| doubt = true));
            }
        }
        let value = self.value();
        if doubt || guarded && !value.is_finite() {
            self.plan.graph.check_slopes(params, x, wrt, true)?;
        }
        let targets = [&mut answer.params_bar, &mut answer.params_bar_dot];
        for target in targets.into_iter().flatten() {
            for range in &self.plan.unused {
                target[range.clone()].fill(T::zero());
            }
        }
        if let Some(x_bar_dot) = &mut answer.x_bar_dot {
            x_bar_dot.fill(T::zero());
        }
        for i in (0..self.plan.steps.len()).rev() {
            self.pull(i, params, x, direction, &mut answer);
        }
        Ok(value)
    }

    /// The plan.
    pub(crate) const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Bytes of all buffers.
    pub(crate) const fn bytes(&self) -> usize {
        let numbers =
            self.record.len() + self.cotangents.len() + self.seed.len() + self.scratch.len();
        numbers * size_of::<T>()
    }

    /// The sum of the output's entries.
    fn value(&self) -> T {
        let outputs = self.seed.len() / 2;
        let output = self.plan.steps.last();
        output.map_or_else(T::zero, |last| {
            let entries = &self.record[last.y.clone()][..outputs];
            sum(Mat::new(
                entries,
                outputs / self.plan.batch,
                self.plan.batch,
            ))
        })
    }

    /// Runs node `i`, with its tangent where it has one.
    fn push(&mut self, i: usize, params: &[T], x: Mat<'_, T>, direction: Direction<'_, T>) {
        let Self {
            plan,
            record,
            scratch,
            moving,
            ..
        } = self;
        let (node, step, batch) = (&plan.graph.nodes()[i], &plan.steps[i], plan.batch);
        let (block, dims) = (T::of(&*node.block), node.dims());
        let params_dot = own(direction, node, plan.graph.activity()[i].output);
        let arrives = plan.arrives(i, moving, direction.inputs.is_some());
        moving[i] = arrives || params_dot.is_some();
        if node.sources.len() > 1 {
            gather(plan, i, x, direction, moving, arrives, record);
        }
        let from = plan.source(i);
        let [input, y, extra, extra_dot] =
            disjoint(record, [&from, &step.y, &step.extra, &step.extra_dot]);
        let input = match plan.given(i) {
            Some(rows) => given(rows, x, direction, arrives),
            None => values(input, dims.n_in, batch, arrives),
        };
        let params = &params[node.params.clone()];
        if moving[i] {
            let y = PlanesMut::values(MatMut::new(y, dims.n_out, 2 * batch));
            block.forward_dot(params, params_dot, input, y, extra, extra_dot, scratch);
        } else {
            let y = &mut y[..dims.n_out * batch];
            block.forward(
                params,
                input.value,
                MatMut::new(y, dims.n_out, batch),
                extra,
            );
        }
    }

    /// Pulls node `i` back, if what is asked for lies before it.
    fn pull(
        &mut self,
        i: usize,
        params: &[T],
        x: Mat<'_, T>,
        direction: Direction<'_, T>,
        answer: &mut Answer<'_, T>,
    ) {
        let Self {
            plan,
            record,
            cotangents,
            seed,
            scratch,
            moving,
        } = self;
        let (node, step, batch) = (&plan.graph.nodes()[i], &plan.steps[i], plan.batch);
        let (block, dims, active) = (T::of(&*node.block), node.dims(), plan.graph.activity()[i]);
        let wants_params = answer.params_bar.is_some() || answer.params_bar_dot.is_some();
        let wants_inputs = answer.x_bar_dot.is_some();
        if !active.output || !(wants_params && active.params || wants_inputs && active.inputs) {
            return;
        }
        let at = point(plan, i, params, x, direction, moving, record);
        if let Some(acc) = step.params {
            let y_bar = match &step.bar {
                Some(range) => bar(&cotangents[range.clone()], dims.n_out, batch),
                None => bar(seed, dims.n_out, batch),
            };
            if let Some(target) = &mut answer.params_bar {
                let target = &mut target[node.params.clone()];
                block.vjp_params(&at.point(), y_bar.value(), acc, target, scratch);
            }
            if let Some(target) = &mut answer.params_bar_dot {
                let target = &mut target[node.params.clone()];
                if moving[i] {
                    block.vjp_params_dot(&at, y_bar, acc, target, scratch);
                } else {
                    block.vjp_params(&at.point(), y_bar.dot(), acc, target, scratch);
                }
            }
        }
        if !(wants_params && step.pulls_for_params || wants_inputs && step.pulls_for_inputs) {
            return;
        }
        let (Target::Source(target) | Target::Stack(target)) = &step.target else {
            return;
        };
        let own = step.bar.clone().unwrap_or(0..0);
        let [own, target] = disjoint(cotangents, [&own, target]);
        let y_bar = if step.bar.is_some() {
            bar(own, dims.n_out, batch)
        } else {
            bar(seed, dims.n_out, batch)
        };
        let mut x_bar = MatMut::new(target, dims.n_in, 2 * batch);
        if moving[i] {
            block.vjp_input_dot(&at, y_bar, PlanesMut::cotangents(x_bar.rb_mut()), scratch);
        } else {
            block.vjp_input(&at.point(), y_bar.both(), x_bar.rb_mut(), scratch);
        }
        self.scatter(i, answer);
    }

    /// Delivers the rows of a stacked cotangent.
    fn scatter(&mut self, i: usize, answer: &mut Answer<'_, T>) {
        let (step, batch) = (&self.plan.steps[i], self.plan.batch);
        let Target::Stack(stack) = &step.target else {
            return;
        };
        let n_in = self.plan.graph.nodes()[i].dims().n_in;
        for part in &step.scatter {
            match &part.to {
                Destination::Node(to, acc) => {
                    let [stack, to] = disjoint(&mut self.cotangents, [stack, to]);
                    let from = Mat::new(stack, n_in, 2 * batch).rows(part.rows.clone());
                    let mut to = MatMut::new(to, part.rows.len(), 2 * batch);
                    match acc {
                        Accum::Set => to.copy_from(from),
                        Accum::Add => add(from, to),
                    }
                }
                Destination::Input(rows) => {
                    if let Some(x_bar_dot) = &mut answer.x_bar_dot {
                        let stack = Mat::new(&self.cotangents[stack.clone()], n_in, 2 * batch);
                        let from = Cotangents::new(stack).dot().rows(part.rows.clone());
                        add(from, x_bar_dot.rb_mut().rows(rows.clone()));
                    }
                }
            }
        }
    }
}

/// Where the derivative of node `i` is taken, as far as it is kept.
fn point<'a, T: Scalar>(
    plan: &Plan,
    i: usize,
    params: &'a [T],
    x: Mat<'a, T>,
    direction: Direction<'a, T>,
    moving: &[bool],
    record: &'a [T],
) -> DotPoint<'a, T> {
    let (node, step, batch) = (&plan.graph.nodes()[i], &plan.steps[i], plan.batch);
    let (dims, keeps) = (node.dims(), node.block.keeps());
    let arrives = plan.arrives(i, moving, direction.inputs.is_some());
    let nothing = Pair::new(Mat::empty(), None);
    DotPoint {
        params: &params[node.params.clone()],
        params_dot: own(direction, node, plan.graph.activity()[i].output),
        x: match plan.given(i) {
            _ if !keeps.x => nothing,
            Some(rows) => given(rows, x, direction, arrives),
            None => values(&record[plan.source(i)], dims.n_in, batch, arrives),
        },
        y: if keeps.y {
            values(&record[step.y.clone()], dims.n_out, batch, moving[i])
        } else {
            nothing
        },
        extra: &record[step.extra.clone()],
        extra_dot: &record[step.extra_dot.clone()],
        batch,
    }
}

/// The direction of a node's own parameters.
fn own<'a, T>(direction: Direction<'a, T>, node: &Node, output: bool) -> Option<&'a [T]> {
    let params_dot = direction
        .params
        .filter(|_| output && !node.params.is_empty());
    params_dot.map(|dot| &dot[node.params.clone()])
}

/// A cotangent with its derivative.
fn bar<T>(numbers: &[T], nrows: usize, batch: usize) -> Cotangents<'_, T> {
    Cotangents::new(Mat::new(numbers, nrows, 2 * batch))
}

/// A value of the record with its tangent, if it has one.
fn values<T>(numbers: &[T], nrows: usize, batch: usize, moves: bool) -> Pair<'_, T> {
    if moves {
        Pair::values(Mat::new(&numbers[..nrows * 2 * batch], nrows, 2 * batch))
    } else {
        Pair::new(Mat::new(&numbers[..nrows * batch], nrows, batch), None)
    }
}

/// Some rows of the caller's inputs with their tangent, if it arrives.
fn given<'a, T>(
    rows: std::ops::Range<usize>,
    x: Mat<'a, T>,
    direction: Direction<'a, T>,
    arrives: bool,
) -> Pair<'a, T> {
    let dot = direction.inputs.filter(|_| arrives);
    Pair::new(x.rows(rows.clone()), dot.map(|dot| dot.rows(rows)))
}

/// Stacks the sources of node `i`: values, and tangents if one arrives.
fn gather<T: Scalar>(
    plan: &Plan,
    i: usize,
    x: Mat<'_, T>,
    direction: Direction<'_, T>,
    moving: &[bool],
    arrives: bool,
    record: &mut [T],
) {
    let (node, batch) = (&plan.graph.nodes()[i], plan.batch);
    let (n_in, stack, mut row) = (node.dims().n_in, &plan.steps[i].stack, 0);
    for source in &node.sources {
        let rows = row..row + plan.graph.rows(source.origin);
        row = rows.end;
        let moves = source_moves(&plan.graph, source, moving, direction.inputs.is_some());
        let (stack, from) = match source.origin {
            Origin::Input(input) => {
                let rows = plan.graph.inputs()[input].rows.clone();
                let [stack] = disjoint(record, [stack]);
                (stack, given(rows, x, direction, moves))
            }
            Origin::Node(j) => {
                let [stack, from] = disjoint(record, [stack, &plan.steps[j].y]);
                (stack, values(from, rows.len(), batch, moves))
            }
        };
        let stack = MatMut::new(stack, n_in, 2 * batch).rows(rows);
        let (mut value, mut dot) = PlanesMut::values(stack).split();
        value.copy_from(from.value);
        match from.dot {
            Some(from) => dot.copy_from(from),
            None if arrives => dot.fill(T::zero()),
            None => {}
        }
    }
}

fn add<T: Scalar>(from: Mat<'_, T>, mut to: MatMut<'_, T>) {
    for j in 0..from.ncols() {
        for (to, &from) in to.col_mut(j).iter_mut().zip(from.col(j)) {
            *to += from;
        }
    }
}
