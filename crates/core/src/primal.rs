//! The primal program: the blocks in order, each reading what earlier ones wrote.
//!
//! Both modes run it; they differ in how long they keep its numbers. [`PrimalPlan`] plans the buffers, given when each
//! block's derivative maps will read them; [`Primal`] is the program alone, that nobody reads again.

use std::ops::Range;

use crate::arena::{Arena, Planner, Slot};
use crate::graph::{Origin, Source};
use crate::{Cost, Error, Graph, Mat, MatMut, Op, Point, Result, Scalar, cost, memory};

/// The buffers of the primal program on a given batch, placed in an arena.
#[derive(Clone, Debug)]
pub struct PrimalPlan {
    graph: Graph,
    batch: usize,
    steps: Vec<Step>,
    len: usize,
}

/// The buffers of one node.
#[derive(Clone, Debug)]
struct Step {
    /// n_in x batch where several sources are stacked or one is stopped, else empty.
    stack: Range<usize>,
    /// n_out x batch
    y: Range<usize>,
    /// extra x batch
    extra: Range<usize>,
    /// Whether y takes the place of the only source.
    in_place: bool,
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
        let consumers = graph.consumers();
        let nodes = graph.nodes();
        let sizes = nodes.iter().map(|node| {
            let dims = node.dims();
            memory::elements(&[dims.n_in.saturating_add(dims.n_out), batch])
        });
        let total = sizes.fold(0, usize::saturating_add);
        memory::fits::<f64>("the primal program", total, "use a smaller batch")?;
        let mut slots: Vec<(Slot, Slot, Slot, bool)> = Vec::with_capacity(nodes.len());
        for (i, node) in nodes.iter().enumerate() {
            let (dims, keeps, read_at) = (node.dims(), node.block.keeps(), read(i));
            let until = |kept: bool| if kept { read_at.unwrap_or(i) } else { i };
            // A stopped value is copied too: a dual number loses its derivative there.
            let stacked = node.sources.len() > 1 || node.sources.iter().any(|s| s.stopped);
            let stack = planner.slot(
                if stacked { dims.n_in * batch } else { 0 },
                i,
                until(keeps.x),
            );
            for source in &node.sources {
                if let Origin::Node(j) = source.origin {
                    planner.keep_until(slots[j].1, if stacked { i } else { until(keeps.x) });
                }
            }
            let overwritten = match node.sources[..] {
                [
                    Source {
                        origin: Origin::Node(j),
                        ..
                    },
                ] if node.block.in_place() && !keeps.x && !stacked => {
                    let producer_reads_later =
                        nodes[j].block.keeps().y && read(j).is_some_and(|step| step >= i);
                    (consumers[j].len() == 1 && !producer_reads_later).then_some(j)
                }
                _ => None,
            };
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
                None => planner.slot(dims.n_out * batch, i, dies),
            };
            let extra = planner.slot(keeps.extra * batch, i, until(keeps.extra > 0));
            slots.push((stack, y, extra, overwritten.is_some()));
        }
        let arena: Arena = planner.finish();
        let place = |&(stack, y, extra, in_place): &(Slot, Slot, Slot, bool)| Step {
            stack: arena.range(stack),
            y: arena.range(y),
            extra: arena.range(extra),
            in_place,
        };
        Ok(Self {
            graph: graph.clone(),
            batch,
            steps: slots.iter().map(place).collect(),
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

    /// Runs node `i`: `h_i = f_i(h_(i-1), w_i)`.
    pub fn step<T: Scalar>(&self, i: usize, params: &[T], x: Mat<'_, T>, arena: &mut [T]) {
        let (node, step, batch) = (&self.graph.nodes()[i], &self.steps[i], self.batch);
        let (block, dims) = (T::of(&*node.block), node.dims());
        let params = &params[node.params.clone()];
        if step.in_place {
            let [y, extra] = disjoint(arena, [&step.y, &step.extra]);
            return block.forward_in_place(params, MatMut::new(y, dims.n_out, batch), extra);
        }
        let input = match node.sources[..] {
            [source] if !source.stopped => match source.origin {
                Origin::Input(input) => {
                    let [y, extra] = disjoint(arena, [&step.y, &step.extra]);
                    let x = x.rows(self.graph.inputs()[input].rows.clone());
                    return block.forward(params, x, MatMut::new(y, dims.n_out, batch), extra);
                }
                Origin::Node(j) => &self.steps[j].y,
            },
            _ => {
                self.gather(i, x, arena);
                &step.stack
            }
        };
        let [input, y, extra] = disjoint(arena, [input, &step.y, &step.extra]);
        block.forward(
            params,
            Mat::new(input, dims.n_in, batch),
            MatMut::new(y, dims.n_out, batch),
            extra,
        );
    }

    /// Stacks the sources of node `i`; the stopped ones as constants.
    fn gather<T: Scalar>(&self, i: usize, x: Mat<'_, T>, arena: &mut [T]) {
        let node = &self.graph.nodes()[i];
        let n_in = node.dims().n_in;
        let mut row = 0;
        for source in &node.sources {
            let rows = self.graph.rows(source.origin);
            match source.origin {
                Origin::Input(input) => {
                    let stack =
                        MatMut::new(&mut arena[self.steps[i].stack.clone()], n_in, self.batch);
                    stack
                        .rows(row..row + rows)
                        .copy_from(x.rows(self.graph.inputs()[input].rows.clone()));
                }
                Origin::Node(j) => {
                    let [stack, value] = disjoint(arena, [&self.steps[i].stack, &self.steps[j].y]);
                    let stack = MatMut::new(stack, n_in, self.batch);
                    stack
                        .rows(row..row + rows)
                        .copy_from(Mat::new(value, rows, self.batch));
                }
            }
            if source.stopped {
                let stack = MatMut::new(&mut arena[self.steps[i].stack.clone()], n_in, self.batch);
                let mut part = stack.rows(row..row + rows);
                for j in 0..self.batch {
                    part.col_mut(j).iter_mut().for_each(|x| *x = x.stopped());
                }
            }
            row += rows;
        }
    }

    /// Runs all nodes.
    pub fn run<T: Scalar>(&self, params: &[T], x: Mat<'_, T>, arena: &mut [T]) {
        for i in 0..self.steps.len() {
            self.step(i, params, x, arena);
        }
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
        let (node, step, batch) = (&self.graph.nodes()[i], &self.steps[i], self.batch);
        let (dims, keeps) = (node.dims(), node.block.keeps());
        let input = match node.sources[..] {
            _ if !keeps.x => Mat::empty(),
            [
                Source {
                    origin: Origin::Input(input),
                    stopped: false,
                },
            ] => x.rows(self.graph.inputs()[input].rows.clone()),
            [
                Source {
                    origin: Origin::Node(j),
                    stopped: false,
                },
            ] => Mat::new(&arena[self.steps[j].y.clone()], dims.n_in, batch),
            _ => Mat::new(&arena[step.stack.clone()], dims.n_in, batch),
        };
        let y = if keeps.y {
            Mat::new(&arena[step.y.clone()], dims.n_out, batch)
        } else {
            Mat::empty()
        };
        Point {
            params: &params[node.params.clone()],
            x: input,
            y,
            extra: &arena[step.extra.clone()],
            batch,
        }
    }

    /// The output, n_outputs x batch, after the last step.
    pub fn output<'a, T>(&self, arena: &'a [T]) -> Mat<'a, T> {
        let last = self.steps.len() - 1;
        Mat::new(
            &arena[self.steps[last].y.clone()],
            self.graph.n_outputs(),
            self.batch,
        )
    }

    /// The exact cost of one run.
    pub fn cost(&self) -> Cost {
        self.graph
            .nodes()
            .iter()
            .map(|node| cost::of(&*node.block, Op::Forward, self.batch, 1))
            .sum()
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

/// The primal program alone: values without derivatives.
///
/// ```
/// use nalgebra::dmatrix;
/// use pushpull_core::{Builder, Primal, blocks::Square};
/// let mut b = Builder::new();
/// let x = b.input("x", 2);
/// let y = b.map(Square, x);
/// let graph = b.build(y)?;
/// let mut primal = Primal::new(&graph, 2)?;
/// let y = primal.run(&[], &dmatrix![1.0, 2.0; 3.0, 4.0])?;
/// assert_eq!(y.to_dmatrix(), dmatrix![1.0, 4.0; 9.0, 16.0]);
/// # Ok::<(), pushpull_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Primal<T> {
    plan: PrimalPlan,
    arena: Vec<T>,
}

impl<T: Scalar> Primal<T> {
    /// Prepares the program for batches of `batch` samples: all memory is allocated here.
    ///
    /// # Errors
    /// As [`PrimalPlan::new`].
    pub fn new(graph: &Graph, batch: usize) -> Result<Self> {
        let plan = PrimalPlan::new(graph, batch, graph.nodes().len(), |_| None)?;
        let arena = vec![T::zero(); plan.len()];
        Ok(Self { plan, arena })
    }

    /// The output, n_outputs x batch. Allocates nothing.
    ///
    /// # Errors
    /// As [`Graph::check`].
    pub fn run<'a>(&mut self, params: &[T], x: impl Into<Mat<'a, T>>) -> Result<Mat<'_, T>> {
        let x = x.into();
        self.plan.graph().check(params, x, self.plan.batch())?;
        self.plan.run(params, x, &mut self.arena);
        Ok(self.plan.output(&self.arena))
    }

    /// The exact cost of [`Primal::run`].
    pub fn cost(&self) -> Cost {
        self.plan.cost()
    }

    /// Bytes of the arena.
    pub const fn bytes(&self) -> usize {
        self.arena.len() * size_of::<T>()
    }
}
