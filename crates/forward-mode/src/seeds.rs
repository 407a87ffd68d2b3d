//! One sweep: the primal program with tangents beside it.

use std::ops::Range;

use pushpull_core::arena::{Planner, Slot};
use pushpull_core::graph::{Node, Origin, Source};
use pushpull_core::primal::{PrimalPlan, disjoint};
use pushpull_core::{Accum, Cost, Graph, Mat, MatMut, Op, Point, Result, Scalar, Wrt, memory};

mod work;

/// Which directions a sweep pushes. Seeds are numbered from 0 within the sweep.
pub(crate) enum Seeds<'a, T> {
    /// The unit vectors of these parameters.
    UnitParams(Range<usize>),
    /// The unit vectors of these rows of the input, for every sample at once.
    UnitInputs(Range<usize>),
    /// Directions in the parameters (n_params x S) and in the inputs (n_inputs x batch S).
    Directions {
        seeds: usize,
        params: Option<Mat<'a, T>>,
        inputs: Option<Mat<'a, T>>,
    },
}

/// The same question without the numbers: enough to plan and to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    UnitParams(Range<usize>),
    UnitInputs(Range<usize>),
    Directions {
        seeds: usize,
        params: bool,
        inputs: bool,
    },
}

impl<T> Seeds<'_, T> {
    /// What is differentiated by.
    pub(crate) fn wrt(&self) -> Wrt {
        match self {
            Self::UnitParams(_) => Wrt::PARAMS,
            Self::UnitInputs(_) => Wrt::INPUTS,
            Self::Directions { params, inputs, .. } => Wrt {
                params: params.is_some(),
                inputs: inputs.is_some(),
            },
        }
    }

    fn question(&self) -> Question {
        match self {
            Self::UnitParams(range) => Question::UnitParams(range.clone()),
            Self::UnitInputs(range) => Question::UnitInputs(range.clone()),
            Self::Directions {
                seeds,
                params,
                inputs,
            } => Question::Directions {
                seeds: *seeds,
                params: params.is_some(),
                inputs: inputs.is_some(),
            },
        }
    }
}

impl Question {
    /// The seeds that act on the parameters of node `i`. None where the output does not change with the node's value.
    fn own(&self, graph: &Graph, i: usize) -> Range<usize> {
        let node = &graph.nodes()[i];
        match self {
            _ if node.params.is_empty() || !graph.activity()[i].output => 0..0,
            Self::UnitParams(range) => overlap(range, &node.params),
            Self::UnitInputs(_) => 0..0,
            Self::Directions { seeds, params, .. } => {
                if *params {
                    0..*seeds
                } else {
                    0..0
                }
            }
        }
    }

    /// The seeds that reach a node through one of its sources.
    fn through(&self, graph: &Graph, source: &Source, spans: &[Range<usize>]) -> Range<usize> {
        match (source.origin, self) {
            _ if source.stopped => 0..0,
            (Origin::Node(j), _) => spans[j].clone(),
            (Origin::Input(i), _) if graph.inputs()[i].constant => 0..0,
            (Origin::Input(i), Self::UnitInputs(range)) => overlap(range, &graph.inputs()[i].rows),
            (
                Origin::Input(_),
                Self::Directions {
                    seeds,
                    inputs: true,
                    ..
                },
            ) => 0..*seeds,
            (Origin::Input(_), _) => 0..0,
        }
    }

    /// The seeds that reach the input of node `i`: the hull over its sources. None where the output does not change
    /// with the node's value.
    fn arriving(&self, graph: &Graph, i: usize, spans: &[Range<usize>]) -> Range<usize> {
        if !graph.activity()[i].output {
            return 0..0;
        }
        let sources = graph.nodes()[i].sources.iter();
        sources.fold(0..0, |all, source| {
            hull(&all, &self.through(graph, source, spans))
        })
    }
}

/// The part of `range` within `within`, counted from the start of `range`.
fn overlap(range: &Range<usize>, within: &Range<usize>) -> Range<usize> {
    let (start, end) = (range.start.max(within.start), range.end.min(within.end));
    if start < end {
        start - range.start..end - range.start
    } else {
        0..0
    }
}

/// The smallest range around both; an empty range takes no part.
fn hull(a: &Range<usize>, b: &Range<usize>) -> Range<usize> {
    match (a.is_empty(), b.is_empty()) {
        (true, _) => b.clone(),
        (_, true) => a.clone(),
        _ => a.start.min(b.start)..a.end.max(b.end),
    }
}

/// `part`, counted from the start of `whole`.
fn within(part: &Range<usize>, whole: &Range<usize>) -> Range<usize> {
    part.start - whole.start..part.end - whole.start
}

/// `own` cut where `arriving` begins and ends: what comes before, what falls together, what comes after.
fn cut(own: &Range<usize>, arriving: &Range<usize>) -> [(Range<usize>, Accum); 3] {
    if arriving.is_empty() {
        return [
            (own.clone(), Accum::Set),
            (0..0, Accum::Add),
            (0..0, Accum::Set),
        ];
    }
    let piece = |start: usize, end: usize| if start < end { start..end } else { 0..0 };
    [
        (piece(own.start, own.end.min(arriving.start)), Accum::Set),
        (
            piece(own.start.max(arriving.start), own.end.min(arriving.end)),
            Accum::Add,
        ),
        (piece(own.start.max(arriving.end), own.end), Accum::Set),
    ]
}

/// The buffers of one node's tangents.
#[derive(Clone, Debug)]
struct Step {
    /// The tangent of stacked or unit inputs.
    x_dot: Range<usize>,
    y_dot: Range<usize>,
    in_place: bool,
}

/// The tangents of a graph for a batch, planned for a set of questions.
#[derive(Clone, Debug)]
pub(crate) struct Sweep {
    steps: Vec<Step>,
    len: usize,
    scratch: usize,
}

impl Sweep {
    /// Plans buffers in which each of the questions can be answered.
    pub(crate) fn new<T>(
        plan: &PrimalPlan,
        questions: impl Iterator<Item = Question>,
        remedy: &str,
    ) -> Result<Self> {
        let (graph, batch) = (plan.graph(), plan.batch());
        let (nodes, consumers) = (graph.nodes(), graph.consumers());
        // The widest that each node's x_dot and y_dot get, in seeds.
        let mut widths = vec![(0, 0); nodes.len()];
        let mut scratch = 0;
        let mut spans = vec![0..0; nodes.len()];
        let size = |rows: usize, seeds: usize| memory::elements(&[rows, batch, seeds]);
        for question in questions {
            for (i, node) in nodes.iter().enumerate() {
                let (arriving, own) = (question.arriving(graph, i, &spans), question.own(graph, i));
                spans[i] = hull(&arriving, &own);
                widths[i].0 = arriving.len().max(widths[i].0);
                widths[i].1 = spans[i].len().max(widths[i].1);
                let dims = node.dims();
                let largest = size(dims.n_in, arriving.len());
                let largest = largest.saturating_add(size(dims.n_out, spans[i].len()));
                memory::fits::<T>(
                    format_args!("the tangent matrices of {}", node.name),
                    largest,
                    remedy,
                )?;
                for (op, seeds) in ops(&question, &arriving, &own) {
                    scratch = scratch.max(node.scratch_len::<T>(op, batch, seeds)?);
                }
            }
        }
        let mut planner = Planner::default();
        let mut slots: Vec<(Slot, Slot, bool)> = Vec::with_capacity(nodes.len());
        for (i, node) in nodes.iter().enumerate() {
            let dims = node.dims();
            let direct = match node.sources[..] {
                [
                    Source {
                        origin: Origin::Node(j),
                        ..
                    },
                ] => Some(j),
                _ => None,
            };
            let x_dot = planner.slot(
                if direct.is_some() {
                    0
                } else {
                    size(dims.n_in, widths[i].0)
                },
                i,
                i,
            );
            for source in &node.sources {
                if let Origin::Node(j) = source.origin {
                    planner.keep_until(slots[j].1, i);
                }
            }
            let overwritten = direct.filter(|&j| {
                node.block.in_place()
                    && dims.n_params == 0
                    && consumers[j].len() == 1
                    && widths[i].1 == widths[j].1
            });
            let y_dot = match overwritten {
                Some(j) => slots[j].1,
                None => planner.slot(size(dims.n_out, widths[i].1), i, i),
            };
            slots.push((x_dot, y_dot, overwritten.is_some()));
        }
        let arena = planner.finish();
        memory::fits::<T>("the tangent matrices", arena.len(), remedy)?;
        let place = |&(x_dot, y_dot, in_place): &(Slot, Slot, bool)| Step {
            x_dot: arena.range(x_dot),
            y_dot: arena.range(y_dot),
            in_place,
        };
        Ok(Self {
            steps: slots.iter().map(place).collect(),
            len: arena.len(),
            scratch,
        })
    }

    /// Numbers that the arena of tangents holds.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Numbers of scratch memory.
    pub(crate) const fn scratch_len(&self) -> usize {
        self.scratch
    }

    /// Runs the primal program and pushes `seeds` beside it. `spans[i]` becomes the range of seeds that reach node i;
    /// the output's tangents are returned, n_outputs x batch times their number, with what [`PrimalPlan::run`] returns.
    #[allow(clippy::too_many_arguments)] // The primal's numbers and the tangents are two arenas, borrowed apart.
    pub(crate) fn run<'t, T: Scalar>(
        &self,
        plan: &PrimalPlan,
        params: &[T],
        x: Mat<'_, T>,
        seeds: &Seeds<'_, T>,
        primal: &mut [T],
        tangents: &'t mut [T],
        scratch: &mut [T],
        spans: &mut [Range<usize>],
    ) -> (Mat<'t, T>, Wrt) {
        let (graph, batch, question) = (plan.graph(), plan.batch(), seeds.question());
        let mut doubt = Wrt::NOTHING;
        for (i, (node, step)) in graph.nodes().iter().zip(&self.steps).enumerate() {
            doubt |= plan.step(i, params, x, primal);
            let (arriving, own) = (question.arriving(graph, i, spans), question.own(graph, i));
            let span = hull(&arriving, &own);
            spans[i] = span.clone();
            if span.is_empty() {
                continue;
            }
            let (block, dims) = (T::of(&*node.block), node.dims());
            let at = plan.point(i, params, x, primal);
            let columns = |seeds: Range<usize>| seeds.start * batch..seeds.end * batch;
            if step.in_place {
                let dot = MatMut::new(
                    &mut tangents[step.y_dot.clone()],
                    dims.n_out,
                    span.len() * batch,
                );
                block.jvp_input_in_place(&at, dot, scratch);
                continue;
            }
            if !arriving.is_empty() {
                let target = within(&arriving, &span);
                match self.input_tangent(i, graph, batch, seeds, &arriving, spans, tangents) {
                    Tangent::Arena(from) => {
                        let [x_dot, y_dot] = disjoint(tangents, [from, &step.y_dot]);
                        let x_dot = Mat::new(x_dot, dims.n_in, arriving.len() * batch);
                        let y_dot = MatMut::new(y_dot, dims.n_out, span.len() * batch);
                        block.jvp_input(&at, x_dot, y_dot.cols(columns(target)), scratch);
                    }
                    Tangent::Given(x_dot) => {
                        let y_dot = &mut tangents[step.y_dot.clone()];
                        let y_dot = MatMut::new(y_dot, dims.n_out, span.len() * batch);
                        block.jvp_input(&at, x_dot, y_dot.cols(columns(target)), scratch);
                    }
                }
            }
            let mut y_dot = MatMut::new(
                &mut tangents[step.y_dot.clone()],
                dims.n_out,
                span.len() * batch,
            );
            if let Some(gap) = gaps(&span, &arriving, &own) {
                y_dot.rb_mut().cols(columns(gap)).fill(T::zero());
            }
            for (piece, acc) in cut(&own, &arriving)
                .into_iter()
                .filter(|(piece, _)| !piece.is_empty())
            {
                let target = y_dot.rb_mut().cols(columns(within(&piece, &span)));
                start(seeds, node, &at, piece, acc, target, scratch);
            }
        }
        let last = self.steps.len() - 1;
        let y_dot = Mat::new(
            &tangents[self.steps[last].y_dot.clone()],
            graph.n_outputs(),
            spans[last].len() * batch,
        );
        (y_dot, doubt)
    }

    /// Where the tangent of node i's input lies, n_in x batch seeds for the seeds `arriving`.
    #[allow(clippy::too_many_arguments)]
    fn input_tangent<'s, T: Scalar>(
        &'s self,
        i: usize,
        graph: &Graph,
        batch: usize,
        seeds: &Seeds<'s, T>,
        arriving: &Range<usize>,
        spans: &[Range<usize>],
        tangents: &mut [T],
    ) -> Tangent<'s, T> {
        let (node, question) = (&graph.nodes()[i], seeds.question());
        match (&node.sources[..], seeds) {
            (
                [
                    Source {
                        origin: Origin::Node(j),
                        ..
                    },
                ],
                _,
            ) => return Tangent::Arena(&self.steps[*j].y_dot),
            (
                [
                    Source {
                        origin: Origin::Input(input),
                        ..
                    },
                ],
                Seeds::Directions {
                    inputs: Some(x_dot),
                    ..
                },
            ) => {
                return Tangent::Given(x_dot.rows(graph.inputs()[*input].rows.clone()));
            }
            _ => {}
        }
        let (n_in, mut row) = (node.dims().n_in, 0);
        let stack = &self.steps[i].x_dot;
        for source in &node.sources {
            let rows = row..row + graph.rows(source.origin);
            row = rows.end;
            let through = question.through(graph, source, spans);
            let columns = arriving.len() * batch;
            // Only what no tangent is about to overwrite is cleared, unless the tangent itself is sparse.
            let unit = matches!(
                (source.origin, seeds),
                (Origin::Input(_), Seeds::UnitInputs(_))
            );
            if unit || through != *arriving {
                part(&mut tangents[stack.clone()], n_in, columns, &rows).fill(T::zero());
            }
            if through.is_empty() {
                continue;
            }
            let target = within(&through, arriving);
            let target = target.start * batch..target.end * batch;
            match (source.origin, seeds) {
                (Origin::Node(j), _) => {
                    let [stack, from] = disjoint(tangents, [stack, &self.steps[j].y_dot]);
                    let from = Mat::new(from, rows.len(), spans[j].len() * batch);
                    part(stack, n_in, columns, &rows)
                        .cols(target)
                        .copy_from(from);
                }
                (
                    Origin::Input(input),
                    Seeds::Directions {
                        inputs: Some(x_dot),
                        ..
                    },
                ) => {
                    let from = x_dot.rows(graph.inputs()[input].rows.clone());
                    part(&mut tangents[stack.clone()], n_in, columns, &rows).copy_from(from);
                }
                (Origin::Input(input), Seeds::UnitInputs(range)) => {
                    let mut part =
                        part(&mut tangents[stack.clone()], n_in, columns, &rows).cols(target);
                    let first = range.start + through.start - graph.inputs()[input].rows.start;
                    for column in 0..through.len() * batch {
                        part.col_mut(column)[first + column / batch] = T::one();
                    }
                }
                _ => {}
            }
        }
        Tangent::Arena(stack)
    }

    /// Heap bytes that the plan itself keeps.
    pub(crate) const fn held(&self) -> usize {
        memory::held(&self.steps)
    }

    /// The exact cost of one sweep without its primal program, and the number of seeds that reach the output.
    pub(crate) fn pushed<T: Scalar>(plan: &PrimalPlan, question: &Question) -> (Cost, usize) {
        let (graph, batch) = (plan.graph(), plan.batch());
        let mut spans = vec![0..0; graph.nodes().len()];
        let mut total = Cost::ZERO;
        for (i, node) in graph.nodes().iter().enumerate() {
            let (arriving, own) = (question.arriving(graph, i, &spans), question.own(graph, i));
            spans[i] = hull(&arriving, &own);
            total += ops(question, &arriving, &own)
                .map(|(op, seeds)| T::cost(&*node.block, op, batch, seeds))
                .sum();
        }
        (total, spans.last().map_or(0, Range::len))
    }
}

/// Some rows of a stacked tangent.
fn part<'a, T>(
    stack: &'a mut [T],
    n_in: usize,
    columns: usize,
    rows: &Range<usize>,
) -> MatMut<'a, T> {
    MatMut::new(stack, n_in, columns).rows(rows.clone())
}

/// Where an input tangent lies.
enum Tangent<'s, T> {
    Arena(&'s Range<usize>),
    Given(Mat<'s, T>),
}

/// The maps that a node runs, with their numbers of seeds.
fn ops(
    question: &Question,
    arriving: &Range<usize>,
    own: &Range<usize>,
) -> impl Iterator<Item = (Op, usize)> {
    let unit = matches!(question, Question::UnitParams(_));
    let started = cut(own, arriving).into_iter().map(move |(piece, acc)| {
        (
            if unit {
                Op::UnitParams(acc)
            } else {
                Op::JvpParams(acc)
            },
            piece.len(),
        )
    });
    std::iter::once((Op::JvpInput, arriving.len()))
        .chain(started)
        .filter(|&(_, seeds)| seeds > 0)
}

/// What of `span` neither arrives nor starts.
fn gaps(span: &Range<usize>, arriving: &Range<usize>, own: &Range<usize>) -> Option<Range<usize>> {
    let (first, second) = if arriving.start <= own.start {
        (arriving, own)
    } else {
        (own, arriving)
    };
    let apart = !first.is_empty() && !second.is_empty() && first.end < second.start;
    apart.then(|| within(&(first.end..second.start), span))
}

/// Starts the tangents of a node's own parameters: `piece` of the seeds.
fn start<T: Scalar>(
    seeds: &Seeds<'_, T>,
    node: &Node,
    at: &Point<'_, T>,
    piece: Range<usize>,
    acc: Accum,
    y_dot: MatMut<'_, T>,
    scratch: &mut [T],
) {
    let block = T::of(&*node.block);
    match seeds {
        Seeds::UnitParams(range) => {
            let first = range.start + piece.start - node.params.start;
            block.unit_params(at, first, acc, y_dot, scratch);
        }
        Seeds::Directions {
            params: Some(params_dot),
            ..
        } => {
            let params_dot = params_dot.rows(node.params.clone()).cols(piece);
            block.jvp_params(at, params_dot, acc, y_dot, scratch);
        }
        Seeds::Directions { params: None, .. } | Seeds::UnitInputs(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use pushpull_core::Accum;

    use super::{cut, gaps, hull, overlap};

    #[test]
    fn ranges_of_seeds_meet_as_they_should() {
        assert_eq!(overlap(&(10..20), &(15..30)), 5..10);
        assert_eq!(overlap(&(10..20), &(20..30)), 0..0);
        assert_eq!(hull(&(0..0), &(4..6)), 4..6);
        assert_eq!(hull(&(1..2), &(4..6)), 1..6);
        assert_eq!(gaps(&(1..6), &(1..2), &(4..6)), Some(1..3));
        assert_eq!(gaps(&(1..6), &(4..6), &(1..4)), None);
        let [before, shared, after] = cut(&(2..9), &(4..6));
        assert_eq!(
            (before.0, shared, after.0),
            (2..4, (4..6, Accum::Add), 6..9)
        );
        assert_eq!(cut(&(2..9), &(0..0))[0], (2..9, Accum::Set));
    }
}
