//! Programs whose values are not all kept: the nodes are cut into stages, and each lies where a schedule puts it.
//!
//! The list is that of a program that keeps all. What differs is where its values lie ([`Region`]), and how often they are
//! computed: a stage is *advanced* through, which leaves its output alone, or *recorded*, which leaves all that is read of it
//! later, any number of times. From outside of a stage no value is read but the output of the stage before.
//!
//! [`Machine::run_down_to`] also runs programs without stages, for one who listens to them ([`Frame::tell`]).

use std::ops::Range;

use super::lives::{Life, Merged};
use super::place::{Region, Starts, Step, Tables};
use super::{Base, Code, Frame, Instr, Machine, Program};
use crate::arena::Planner;
use crate::graph::Wrt;
use crate::{Result, Scalar};

/// A stage, placed.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Its nodes.
    pub nodes: Range<usize>,
    /// Numbers of its output, which lies at the start.
    pub output: usize,
    /// Numbers that recording takes, the output among them.
    pub record: usize,
    /// Numbers that advancing takes, the output among them.
    pub advance: usize,
    /// The steps that record, that advance, and that advance from the other end.
    steps: [Range<u32>; 3],
}

/// How a stage is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// All that is read later stays, the output at the start.
    Record,
    /// The output stays, at the start.
    Advance,
    /// The output stays, at the end.
    AdvanceToEnd,
}

/// Where in the arena a stage lies, and what is carried into it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spot {
    /// The first number of the stage.
    pub own: usize,
    /// The first number of the output of the stage before.
    pub carried: usize,
}

/// How far a path has run.
#[derive(Clone, Copy, Debug)]
pub struct Cursor {
    path: usize,
    range: usize,
    step: u32,
}

/// To which stage each node belongs, and the buffer of each stage's output.
struct Cut {
    of: Vec<usize>,
    outputs: Vec<usize>,
}

/// Where values lie in one way of running the stages.
struct Layout {
    merged: Merged,
    /// Numbers at each place that buffers share.
    places: Vec<usize>,
    starts: Vec<usize>,
    /// Numbers of each stage.
    lens: Vec<usize>,
}

/// Steps in the making.
struct Steps<'p> {
    program: &'p Program,
    cut: Cut,
    /// Of what all stages share.
    starts: Starts,
    tables: Tables,
    steps: Vec<Step>,
}

impl Program {
    /// Instructions at the start of the list, those that compute values.
    pub(super) fn values(&self) -> usize {
        let of_value = |instr: &&Instr| match instr.to.base {
            Base::Buf(buf) => !self.bufs[buf].role.seeded(),
            _ => false,
        };
        self.instrs.iter().take_while(of_value).count()
    }

    /// The program with its values in stages, some nodes each, and all else at the start of the arena: [`Code::len`] is
    /// that alone. The list starts with the nodes' values in their order.
    ///
    /// # Errors
    /// As [`Program::place`].
    pub fn place_in_stages<T>(
        &self,
        stages: &[Range<usize>],
        what: &str,
        remedy: &str,
    ) -> Result<(Code, Vec<Stage>)> {
        let values = self.values();
        let cut = self.cut(stages);
        let record = self.laid_out::<T>(self.lives(), &cut, remedy)?;
        let advance = self.laid_out::<T>(self.lives_within(values, &cut), &cut, remedy)?;
        let (starts, len) = self.fixed(&record);
        let mut code = self.unplaced::<T>(len, what, remedy)?;
        let mut steps = Steps {
            program: self,
            cut,
            starts,
            tables: Tables::default(),
            steps: Vec::with_capacity(self.instrs.len()),
        };
        steps.put(0..self.instrs.len(), &record, false);
        let (mut placed, mut end) = (Vec::with_capacity(stages.len()), 0);
        for (k, nodes) in stages.iter().enumerate() {
            let own = |instr: &&Instr| nodes.contains(&instr.node);
            let list = end..end + self.instrs[end..values].iter().take_while(own).count();
            end = list.end;
            let output = &self.bufs[steps.cut.outputs[k]];
            let output = output.rows.saturating_mul(output.cols);
            // Where advancing takes no less than recording it is the same run.
            let shorter = advance.lens[k] < record.lens[k];
            let layout = if shorter { &advance } else { &record };
            let recording = list.start as u32..list.end as u32;
            let advancing = match shorter {
                true => steps.put(list.clone(), layout, false),
                false => recording.clone(),
            };
            let to_end = match layout.lens[k] > output {
                true => steps.put(list, layout, true),
                false => advancing.clone(),
            };
            placed.push(Stage {
                nodes: nodes.clone(),
                output,
                record: record.lens[k],
                advance: layout.lens[k],
                steps: [recording, advancing, to_end],
            });
        }
        code.values = values as u32;
        if let Base::Buf(buf) = self.output.base {
            // The copy of it.
            steps.starts[buf] = Some((Region::Fixed, 0));
            code.output = self.resolve(self.output, &steps.starts);
        }
        steps.steps.shrink_to_fit();
        (code.points, code.dots) = steps.tables.entries();
        code.steps = steps.steps;
        Ok((code, placed))
    }

    fn cut(&self, stages: &[Range<usize>]) -> Cut {
        let (mut of, mut outputs) = (vec![0; self.graph.nodes().len()], Vec::new());
        for (k, nodes) in stages.iter().enumerate() {
            of[nodes.clone()].fill(k);
            if let Base::Buf(buf) = self.value(nodes.end - 1).base {
                outputs.push(buf);
            }
        }
        Cut { of, outputs }
    }

    /// Lives by what stages read of their own values while they are computed.
    fn lives_within(&self, values: usize, cut: &Cut) -> Vec<Life> {
        let mut lives = vec![Life::NEVER; self.bufs.len()];
        for (instr, &time) in self.instrs.iter().zip(&self.times).take(values) {
            for view in instr.views() {
                match view.base {
                    Base::Buf(buf) if cut.of[self.bufs[buf].node] == cut.of[instr.node] => {
                        lives[buf].touch(time);
                    }
                    _ => {}
                }
            }
        }
        self.without_needless(&mut lives);
        lives
    }

    /// Lays each stage's values out by themselves, its output at the start.
    fn laid_out<T>(&self, mut lives: Vec<Life>, cut: &Cut, remedy: &str) -> Result<Layout> {
        // An output is there until the schedule gives its place away.
        for &output in &cut.outputs {
            lives[output].dies = usize::MAX;
        }
        let merged = self.merged(lives);
        let places = self.lens::<T>(&merged, remedy)?;
        // Buffers that share a place are there once.
        let mut members = vec![Vec::new(); cut.outputs.len()];
        for (buf, of) in self.bufs.iter().enumerate() {
            if !of.role.seeded() && merged.there(buf) && merged.home[buf] == buf {
                members[cut.of[of.node]].push(buf);
            }
        }
        let (mut starts, mut lens) = (vec![0; self.bufs.len()], Vec::new());
        for (members, &output) in members.iter().zip(&cut.outputs) {
            let mut planner = Planner::default();
            let mut slots = Vec::with_capacity(members.len());
            for &buf in members {
                let Life { born, dies, .. } = merged.lives[buf];
                slots.push(planner.slot(places[buf], born, dies));
                if merged.home[output] == buf {
                    planner.at_start(slots[slots.len() - 1]);
                }
            }
            let arena = planner.finish();
            for (&buf, &slot) in members.iter().zip(&slots) {
                starts[buf] = arena.range(slot).start;
            }
            lens.push(arena.len());
        }
        Ok(Layout {
            merged,
            places,
            starts,
            lens,
        })
    }

    /// Where lies what all stages share: a copy of the output, if the caller reads it, then what there is for each seed.
    fn fixed(&self, record: &Layout) -> (Starts, usize) {
        let (mut planner, merged) = (Planner::default(), &record.merged);
        let copy = planner.slot(self.output.numbers(), 0, usize::MAX);
        planner.at_start(copy);
        let slot = |(buf, len): (usize, &usize)| {
            let Life { born, dies, .. } = merged.lives[buf];
            let own = self.bufs[buf].role.seeded() && merged.home[buf] == buf;
            planner.slot(if own { *len } else { 0 }, born, dies)
        };
        let slots: Vec<_> = record.places.iter().enumerate().map(slot).collect();
        let arena = planner.finish();
        let start = |(buf, &home): (usize, &usize)| {
            let there = self.bufs[buf].role.seeded() && merged.there(buf);
            there.then(|| (Region::Fixed, arena.range(slots[home]).start))
        };
        let starts = merged.home.iter().enumerate().map(start);
        (starts.collect(), arena.len())
    }
}

impl Steps<'_> {
    /// Adds the steps of some instructions. `mirrored`: what lies at the start of a stage lies at its end.
    fn put(&mut self, list: Range<usize>, layout: &Layout, mirrored: bool) -> Range<u32> {
        let (program, first) = (self.program, self.steps.len() as u32);
        for k in list {
            let instr = &program.instrs[k];
            let stage = self.cut.of[instr.node];
            for view in instr.views() {
                let Base::Buf(buf) = view.base else { continue };
                if program.bufs[buf].role.seeded() {
                    continue;
                }
                let home = layout.merged.home[buf];
                let (start, len) = (layout.starts[home], layout.places[home]);
                self.starts[buf] = if !layout.merged.there(buf) {
                    None
                } else if self.cut.of[program.bufs[buf].node] != stage {
                    Some((Region::Carried, 0))
                } else if mirrored {
                    Some((Region::Own, layout.lens[stage] - start - len))
                } else {
                    Some((Region::Own, start))
                };
            }
            let over = layout.merged.over[k];
            let step = program.step(instr, over, &self.starts, &mut self.tables);
            self.steps.push(step);
        }
        first..self.steps.len() as u32
    }
}

impl Code {
    /// The same with room for stages behind what they share.
    #[must_use]
    pub const fn with_room(mut self, numbers: usize) -> Self {
        self.len = self.len.saturating_add(numbers);
        self
    }

    /// The start of a path, the values of its nodes left out.
    pub fn after_values(&self, path: usize) -> Cursor {
        let start = self.paths[path].first().map_or(0, |range| range.start);
        Cursor {
            path,
            range: 0,
            step: start.max(self.values),
        }
    }
}

impl<T: Scalar> Machine<T> {
    /// Computes the values of a stage. By what they put derivatives in doubt is added to `doubt`.
    ///
    /// # Errors
    /// None: values have no [`super::Act::Check`].
    pub fn run_stage(
        &mut self,
        stage: &Stage,
        how: Run,
        spot: Spot,
        frame: &mut Frame<'_, T>,
        doubt: &mut Wrt,
    ) -> Result<()> {
        let Range { start, end } = stage.steps[how as usize];
        self.staged(start..end, spot, frame, doubt, &mut |_| Ok(()))
    }

    /// Runs a path on, as far as its steps belong to `node` or later ones, with a recorded stage at its spot. Of a program
    /// without stages a path is run whole: down to node 0, from [`Code::after_values`] on. Who is told of parts of the gradient
    /// ([`Frame::tell`]) is told on the way.
    ///
    /// # Errors
    /// Those of `check`, at a [`super::Act::Check`].
    pub fn run_down_to(
        &mut self,
        node: usize,
        cursor: &mut Cursor,
        spot: Spot,
        frame: &mut Frame<'_, T>,
        doubt: &mut Wrt,
        mut check: impl FnMut(Wrt) -> Result<()>,
    ) -> Result<()> {
        while let Some(range) = self.code.paths[cursor.path].get(cursor.range) {
            let (start, end) = (cursor.step.max(range.start), range.end);
            let steps = &self.code.steps[start as usize..end.max(start) as usize];
            let here = steps
                .iter()
                .take_while(|step| step.node as usize >= node)
                .count();
            let (stop, last) = (start + here as u32, here == steps.len());
            cursor.step = stop;
            if last {
                (cursor.range, cursor.step) = (cursor.range + 1, 0);
            }
            self.staged(start..stop, spot, frame, doubt, &mut check)?;
            if !last {
                break;
            }
        }
        Ok(())
    }

    /// Puts the output of the last stage aside, which lies at `from`.
    pub fn keep_output(&mut self, from: usize) {
        let to = self.code.output.whole(&[0; 3]);
        self.arena.copy_within(from..from + to.len(), to.start);
    }

    #[inline(never)]
    fn staged(
        &mut self,
        steps: Range<u32>,
        spot: Spot,
        frame: &mut Frame<'_, T>,
        doubt: &mut Wrt,
        check: &mut dyn FnMut(Wrt) -> Result<()>,
    ) -> Result<()> {
        let Self {
            code,
            arena,
            scratch,
        } = self;
        frame.reads.bases = [0, spot.own, spot.carried];
        let mut left = steps;
        loop {
            let told = frame.told.as_ref();
            let part = told.and_then(|told| told.finals.within(&left)).cloned();
            let end = part.as_ref().map_or(left.end, |(step, _)| step + 1);
            let steps = &code.steps[left.start as usize..end as usize];
            code.steps::<T, true>(steps, frame, arena, scratch, doubt, check)?;
            match part {
                Some((_, part)) => frame.tell_of(&part),
                None => return Ok(()),
            }
            left.start = end;
        }
    }
}
