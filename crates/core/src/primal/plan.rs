//! The primal program of the engines that are no [`crate::program::Program`] yet: structured tangents and mixed mode. The
//! blocks in order, each reading what earlier ones wrote; buffers are planned given when each block's derivative maps will
//! read them.

use std::ops::Range;
use std::sync::Arc;

use crate::arena::{Arena, Planner, Slot};
use crate::finite::first_not_finite;
use crate::graph::singular::{in_doubt, output_in_doubt, watched};
use crate::graph::{Node, Origin, Source, Wrt};
use crate::work::{Item, Work};
use crate::{
    AnyBlock, Cost, Error, Graph, Mat, MatMut, Op, Point, Result, Scalar, Singular, memory,
};

/// The buffers of the primal program on a given batch, placed in an arena.
#[derive(Clone, Debug)]
pub struct PrimalPlan {
    graph: Graph,
    batch: usize,
    steps: Vec<Step>,
    /// Where the last node's output lies.
    output: Range<usize>,
    n_outputs: usize,
    len: usize,
}

/// One node with everything about it resolved: a run looks nothing up.
#[derive(Clone, Debug)]
struct Step {
    block: Arc<dyn AnyBlock>,
    n_in: usize,
    n_out: usize,
    params: Range<usize>,
    x: Feed,
    /// n_out x batch
    y: Range<usize>,
    /// extra x batch
    extra: Range<usize>,
    /// What a derivative map reads.
    keeps_x: bool,
    keeps_y: bool,
    /// By what slopes of it that are not finite would be met.
    watched: Wrt,
    /// Whether they are met where the input is not finite, and nowhere else.
    with_input: bool,
}

/// Where a node's input lies, n_in x batch.
#[derive(Clone, Debug)]
enum Feed {
    /// Where the output will: it is computed in place.
    Over,
    /// In the caller's x, at these rows.
    Given(Range<usize>),
    /// In the arena: another node's output.
    Arena(Range<usize>),
    /// In the arena, stacked from several sources, or copied from a stopped one.
    Stack(Range<usize>, Vec<Part>),
}

/// One source of a stacked input.
#[derive(Clone, Debug)]
struct Part {
    /// Its rows in the stack.
    rows: Range<usize>,
    source: Place,
    /// Whether it arrives as a constant.
    stopped: bool,
}

#[derive(Clone, Debug)]
enum Place {
    Given(Range<usize>),
    Arena(Range<usize>),
}

impl PrimalPlan {
    /// Plans the program so that what node `i` keeps is still there at step `read(i)`; step i runs node i, further
    /// steps are the caller's. `None`: never read. The output stays until step `end`.
    ///
    /// # Errors
    /// [`Error::EmptyBatch`], or [`Error::TooLarge`] before anything is allocated.
    pub fn new(
        graph: &Graph,
        batch: usize,
        end: usize,
        read: impl Fn(usize) -> Option<usize>,
    ) -> Result<Self> {
        if batch == 0 {
            return Err(Error::EmptyBatch {
                name: "batch".into(),
            });
        }
        let mut planner = Planner::default();
        let nodes = graph.nodes();
        let size = |rows: usize| memory::elements(&[rows, batch]);
        let sizes = nodes.iter().map(|node| {
            let dims = node.dims();
            size(dims.n_in.saturating_add(dims.n_out))
        });
        let total = sizes.fold(0, usize::saturating_add);
        memory::fits::<f64>("the primal program", total, "use a smaller batch")?;
        for node in nodes {
            node.fits::<f64>("what is kept by", size(node.block.keeps().extra))?;
        }
        let mut slots: Vec<(Slot, Slot, Slot, bool)> = Vec::with_capacity(nodes.len());
        for (i, node) in nodes.iter().enumerate() {
            let (dims, keeps, read_at) = (node.dims(), node.block.keeps(), read(i));
            let until = |kept: bool| if kept { read_at.unwrap_or(i) } else { i };
            // A stopped value is copied too: a dual number loses its derivative there.
            let stacked = node.sources.len() > 1 || node.sources.iter().any(|s| s.stopped);
            let stack = planner.slot(if stacked { size(dims.n_in) } else { 0 }, i, until(keeps.x));
            for source in &node.sources {
                if let Origin::Node(j) = source.origin {
                    let until = if stacked { i } else { until(keeps.x) };
                    planner.keep_until(slots[j].1, until);
                }
            }
            let overwritten = overwritten(graph, i, &read);
            let dies = if i + 1 == nodes.len() {
                end
            } else {
                until(keeps.y)
            };
            let y = match overwritten {
                Some(j) => {
                    planner.keep_until(slots[j].1, dies);
                    slots[j].1
                }
                None => planner.slot(size(dims.n_out), i, dies),
            };
            let unread = read_at.is_none() && node.block.optional_extra();
            let kept = if unread { 0 } else { keeps.extra };
            let extra = planner.slot(size(kept), i, until(kept > 0));
            slots.push((stack, y, extra, overwritten.is_some()));
        }
        let arena: Arena = planner.finish();
        memory::fits::<f64>("the primal program", arena.len(), "use a smaller batch")?;
        let place = |origin: Origin| match origin {
            Origin::Input(input) => Place::Given(graph.inputs()[input].rows.clone()),
            Origin::Node(j) => Place::Arena(arena.range(slots[j].1)),
        };
        let resolve = |i: usize, node: &Node, slots: &(Slot, Slot, Slot, bool)| {
            let &(stack, y, extra, in_place) = slots;
            let (dims, keeps) = (node.dims(), node.block.keeps());
            let mut row = 0;
            let mut part = |source: &Source| {
                let rows = row..row + graph.rows(source.origin);
                row = rows.end;
                Part {
                    rows,
                    source: place(source.origin),
                    stopped: source.stopped,
                }
            };
            let x = match node.sources[..] {
                _ if in_place => Feed::Over,
                [source] if !source.stopped => match place(source.origin) {
                    Place::Given(rows) => Feed::Given(rows),
                    Place::Arena(range) => Feed::Arena(range),
                },
                _ => Feed::Stack(
                    arena.range(stack),
                    node.sources.iter().map(&mut part).collect(),
                ),
            };
            Step {
                block: Arc::clone(&node.block),
                n_in: dims.n_in,
                n_out: dims.n_out,
                params: node.params.clone(),
                x,
                y: arena.range(y),
                extra: arena.range(extra),
                keeps_x: keeps.x,
                keeps_y: keeps.y,
                watched: watched(graph, i),
                with_input: node.block.singular() == Singular::WithInput,
            }
        };
        let each = nodes.iter().zip(&slots).enumerate();
        let steps: Vec<Step> = each
            .map(|(i, (node, slots))| resolve(i, node, slots))
            .collect();
        Ok(Self {
            graph: graph.clone(),
            batch,
            output: steps.last().map_or(0..0, |step| step.y.clone()),
            n_outputs: steps.last().map_or(0, |step| step.n_out),
            steps,
            len: arena.len(),
        })
    }

    /// Numbers that the program's arena holds.
    #[allow(clippy::len_without_is_empty)] // A program without numbers is no special case.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// The graph.
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Samples that it runs on.
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// Heap bytes that the plan itself keeps: its steps, and the parts of stacked inputs.
    pub fn held(&self) -> usize {
        let parts = self.steps.iter().map(|step| match &step.x {
            Feed::Stack(_, parts) => memory::held(parts),
            Feed::Over | Feed::Given(_) | Feed::Arena(_) => 0,
        });
        memory::held(&self.steps) + parts.sum::<usize>()
    }

    /// Evaluations of blocks' forward maps in one run: one a node.
    pub const fn evaluations(&self) -> u64 {
        self.steps.len() as u64
    }

    /// Runs node `i`, and looks at its slopes where they are watched.
    #[inline(always)]
    fn advance<T: Scalar>(&self, i: usize, params: &[T], x: Mat<'_, T>, arena: &mut [T]) -> Wrt {
        self.evaluate(i, params, x, arena);
        if self.steps[i].is_suspect(arena) {
            self.doubt(i, params, x, arena)
        } else {
            Wrt::NOTHING
        }
    }

    /// By what the slopes of node `i`, which was just run, put derivatives in doubt. Apart from the loop over the nodes, few of
    /// which are watched.
    #[inline(never)]
    fn doubt<T: Scalar>(&self, i: usize, params: &[T], x: Mat<'_, T>, arena: &[T]) -> Wrt {
        let step = &self.steps[i];
        let mut at = self.point(i, params, x, arena);
        at.y = Mat::new(&arena[step.y.clone()], step.n_out, self.batch);
        in_doubt(T::of(&*step.block), &at, step.watched, false)
    }

    #[inline]
    fn evaluate<T: Scalar>(&self, i: usize, params: &[T], x: Mat<'_, T>, arena: &mut [T]) {
        let (step, batch) = (&self.steps[i], self.batch);
        let (block, params) = (T::of(&*step.block), &params[step.params.clone()]);
        let input = match &step.x {
            Feed::Over => {
                let [y, extra] = disjoint(arena, [&step.y, &step.extra]);
                return block.forward_in_place(params, MatMut::new(y, step.n_out, batch), extra);
            }
            Feed::Given(rows) => {
                let [y, extra] = disjoint(arena, [&step.y, &step.extra]);
                let y = MatMut::new(y, step.n_out, batch);
                return block.forward(params, x.rows(rows.clone()), y, extra);
            }
            Feed::Arena(range) => range,
            Feed::Stack(range, parts) => {
                for part in parts {
                    part.gather(range, step.n_in, x, arena);
                }
                range
            }
        };
        let [input, y, extra] = disjoint(arena, [input, &step.y, &step.extra]);
        block.forward(
            params,
            Mat::new(input, step.n_in, batch),
            MatMut::new(y, step.n_out, batch),
            extra,
        );
    }

    /// Runs all nodes. Returns by what derivatives are in doubt, since a slope or the graph's output is not finite;
    /// [`Graph::check_slopes`] then says whether they exist.
    pub fn run<T: Scalar>(&self, params: &[T], x: Mat<'_, T>, arena: &mut [T]) -> Wrt {
        let mut doubt = Wrt::NOTHING;
        for i in 0..self.steps.len() {
            doubt |= self.advance(i, params, x, arena);
        }
        if self.graph.is_guarded() {
            doubt |= output_in_doubt(self.output(arena));
        }
        doubt
    }

    /// Where node `i`'s derivative is taken: only what it keeps, the rest is empty.
    #[inline]
    pub fn point<'a, T: Scalar>(
        &self,
        i: usize,
        params: &'a [T],
        x: Mat<'a, T>,
        arena: &'a [T],
    ) -> Point<'a, T> {
        let (step, batch) = (&self.steps[i], self.batch);
        let x = match &step.x {
            Feed::Given(rows) if step.keeps_x => x.rows(rows.clone()),
            Feed::Arena(range) | Feed::Stack(range, _) if step.keeps_x => {
                Mat::new(&arena[range.clone()], step.n_in, batch)
            }
            _ => Mat::empty(),
        };
        let y = if step.keeps_y {
            Mat::new(&arena[step.y.clone()], step.n_out, batch)
        } else {
            Mat::empty()
        };
        Point {
            params: &params[step.params.clone()],
            x,
            y,
            extra: &arena[step.extra.clone()],
            batch,
        }
    }

    /// The output, n_outputs x batch, after the last step.
    #[inline]
    pub fn output<'a, T>(&self, arena: &'a [T]) -> Mat<'a, T> {
        Mat::new(&arena[self.output.clone()], self.n_outputs, self.batch)
    }

    /// Rows of the output.
    #[inline]
    pub const fn n_outputs(&self) -> usize {
        self.n_outputs
    }

    /// What running step `i` does.
    fn step_work(&self, i: usize, work: &mut Work, times: u64) {
        let step = &self.steps[i];
        if let Feed::Stack(_, parts) = &step.x {
            for part in parts {
                let (len, columns) = (part.rows.len(), self.batch);
                work.add(Item::Copied { len, columns }, times);
            }
        }
        let in_place = matches!(step.x, Feed::Over);
        work.map(i, Op::Forward, in_place, (self.batch, 1), times);
    }

    /// What one run does.
    pub fn work(&self, work: &mut Work, times: u64) {
        (0..self.steps.len()).for_each(|i| self.step_work(i, work, times));
    }

    /// The exact cost of one run at a scalar: each block's [`Op::Forward`].
    pub fn cost<T: Scalar>(&self) -> Cost {
        self.steps
            .iter()
            .map(|step| T::cost(&*step.block, Op::Forward, self.batch, 1))
            .sum()
    }
}

/// The node whose output node `i` overwrites with its own, if any: it is computed in place where it reads a value that
/// nobody else reads and that no derivative map will. `read` as for [`PrimalPlan::new`].
pub fn overwritten(
    graph: &Graph,
    i: usize,
    read: impl Fn(usize) -> Option<usize>,
) -> Option<usize> {
    let node = &graph.nodes()[i];
    match node.sources[..] {
        [
            Source {
                origin: Origin::Node(j),
                stopped: false,
            },
        ] if node.block.in_place() && !node.block.keeps().x => {
            let producer_reads_later =
                graph.nodes()[j].block.keeps().y && read(j).is_some_and(|step| step >= i);
            (graph.consumers()[j].len() == 1 && !producer_reads_later).then_some(j)
        }
        _ => None,
    }
}

impl Step {
    /// Whether the node's slopes have to be looked at: next to nothing where a finite input settles it.
    #[inline(always)]
    fn is_suspect<T: Scalar>(&self, arena: &[T]) -> bool {
        if self.watched == Wrt::NOTHING {
            return false;
        }
        match &self.x {
            Feed::Arena(range) | Feed::Stack(range, _) if self.with_input => {
                first_not_finite(Mat::from(&arena[range.clone()])).is_some()
            }
            _ => true,
        }
    }
}

impl Part {
    /// Copies the source to its rows of the stack, n_in x batch.
    fn gather<T: Scalar>(&self, stack: &Range<usize>, n_in: usize, x: Mat<'_, T>, arena: &mut [T]) {
        let (rows, batch) = (self.rows.clone(), x.ncols());
        match &self.source {
            Place::Given(given) => {
                let stack = MatMut::new(&mut arena[stack.clone()], n_in, batch);
                let given = x.rows(given.clone());
                stack.rows(rows.clone()).copy_from(given);
            }
            Place::Arena(value) => {
                let [stack, value] = disjoint(arena, [stack, value]);
                let value = Mat::new(value, rows.len(), batch);
                let stack = MatMut::new(stack, n_in, batch);
                stack.rows(rows.clone()).copy_from(value);
            }
        }
        if self.stopped {
            let mut part = MatMut::new(&mut arena[stack.clone()], n_in, batch).rows(rows);
            for j in 0..batch {
                let column = part.col_mut(j).iter_mut();
                column.for_each(|x| *x = x.stopped());
            }
        }
    }
}

/// Several parts of an arena at once. The plan places what is alive together apart, so this cannot fail.
#[inline]
pub fn disjoint<'a, T, const N: usize>(
    arena: &'a mut [T],
    ranges: [&Range<usize>; N],
) -> [&'a mut [T]; N] {
    match arena.get_disjoint_mut(ranges.map(Clone::clone)) {
        Ok(parts) => parts,
        Err(fault) => unreachable!("an arena plan placed two live buffers on one place: {fault}"),
    }
}
