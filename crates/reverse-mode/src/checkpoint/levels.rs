//! Stages too many for one table, within a number of numbers: in groups of neighbours, each with tables of its own, and over
//! the groups.

use std::collections::HashMap;
use std::ops::Range;

use super::action::Action;
use super::chain::{Chain, Zones};
use super::table::{Table, Visit};
use super::units::{Item, Items, MAX_STEPS, by_size, step};

/// Groups that a range is cut into at least, where one table is too much: so the tables of smaller and smaller groups take a
/// number of steps in all that grows with the number of stages.
const GROUPS: usize = 8;

/// Inner steps of a table that take as long as going from one boundary to the next, whose rows lie elsewhere.
const APART: usize = 100;

/// Stages in a row, to be pulled back with some steps of memory at most.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub stages: Range<usize>,
    /// The numbers of a step.
    pub step: usize,
    pub steps: usize,
}

/// The stages of a span as a table knows them: each by itself, or in groups.
struct Level {
    table: Table,
    /// The groups; none if each stage is by itself.
    groups: Vec<Span>,
    /// Inner steps that each group's own tables may take.
    share: usize,
}

/// Plans the spans of a chain.
#[derive(Debug)]
pub(crate) struct Levels<'a> {
    chain: &'a Chain,
    zones: Zones<'a>,
}

impl<'a> Levels<'a> {
    pub(crate) fn new(chain: &'a Chain) -> Self {
        let zones = Zones::new(chain);
        Self { chain, zones }
    }

    /// Appends the best actions for a span with `m` of its steps, by tables of `work` inner steps, and says whether that was
    /// one table: then every boundary of every range was considered. `None` if there are no actions. The tables of groups
    /// are made again here, so that no more than a few are there at once.
    pub(crate) fn solve(
        &self,
        span: &Span,
        m: usize,
        work: usize,
        actions: &mut Vec<Action>,
    ) -> Option<bool> {
        let level = self.level(span, work)?;
        if level.groups.is_empty() {
            level
                .table
                .walk(m, |visit| visit.act(span.stages.start, actions))?;
            return Some(true);
        }
        let stages = |group: usize| level.groups[group].stages.clone();
        let mut solved = true;
        level.table.walk(m, |visit| match visit {
            Visit::Advance(first, last) => actions.push(Action::Advance {
                first: stages(first).start,
                last: stages(last).end - 1,
            }),
            // The group's own best schedule; it is there, or the groups had not chosen it.
            Visit::Leaf(group, m) => {
                let group = &level.groups[group];
                let m = within(span, m, group);
                solved &= self.solve(group, m, level.share, actions).is_some();
            }
            Visit::Record(group) => actions.extend(stages(group).map(Action::Record)),
            Visit::PullBack(group) => actions.extend(stages(group).rev().map(Action::PullBack)),
        })?;
        solved.then_some(false)
    }

    /// The table of a span, in at most `work` inner steps, or little more where there are few. `None` if there is none.
    fn level(&self, span: &Span, work: usize) -> Option<Level> {
        let (n, m) = (span.stages.len(), span.steps);
        let items = by_size(self.chain, span.stages.clone(), m * span.step, span.step);
        // So few are always one table.
        let most = if n <= GROUPS { usize::MAX } else { work };
        if let Some(table) = Table::new(items, None, most) {
            return Some(Level {
                table,
                groups: Vec::new(),
                share: 0,
            });
        }
        // As many groups as a table of all different ranges may have.
        let work = (work as u128 * m as u128 / (m + APART) as u128) as usize;
        let (mut groups, mut more) = (GROUPS.min(n), n);
        while groups < more {
            let middle = groups + (more - groups).div_ceil(2);
            if Table::fits(middle, m, work) {
                groups = middle;
            } else {
                more = middle - 1;
            }
        }
        if groups < 2 {
            return None;
        }
        // The tables of groups are made twice: half as many steps for both as for the table over them.
        let share = work / groups / 4;
        let start = |group: usize| span.stages.start + group * n / groups;
        let groups = (0..groups).map(|group| self.group(span, start(group)..start(group + 1)));
        let groups: Vec<Span> = groups.collect();
        let leaves = groups.iter().map(|group| {
            let least = self.level(group, share)?.table.whole().to_vec();
            Some((0..=m).map(|m| least[within(span, m, group)]).collect())
        });
        let leaves: Vec<Vec<f64>> = leaves.collect::<Option<_>>()?;
        // Groups that look alike from outside may differ within.
        let mut first: HashMap<Vec<u64>, usize> = HashMap::new();
        let each = groups
            .iter()
            .zip(&leaves)
            .enumerate()
            .map(|(i, (group, leaves))| {
                let bits = leaves.iter().map(|work| work.to_bits()).collect();
                Item {
                    leaf: *first.entry(bits).or_insert(i),
                    ..self.item(span.step, &group.stages)
                }
            });
        let whole = Items {
            steps: m,
            each: each.collect(),
        };
        Some(Level {
            table: Table::new(whole, Some(&leaves), usize::MAX)?,
            groups,
            share,
        })
    }

    /// Some stages of a span, with steps of their own: no more memory than they can use.
    fn group(&self, span: &Span, stages: Range<usize>) -> Span {
        // All recorded at once, after an advance at most.
        let zone = self.zones.zone(stages.start, stages.end - 1);
        let useful = self.recorded(&stages).saturating_add(zone);
        let numbers = useful.min(span.steps.saturating_mul(span.step));
        // Where every step of its own rounds a stage beyond the memory, so do those of the span.
        let own = step(self.chain, stages.clone(), numbers, MAX_STEPS).unwrap_or(span.step);
        Span {
            stages,
            step: own,
            steps: numbers / own,
        }
    }

    /// Numbers of all records.
    fn recorded(&self, stages: &Range<usize>) -> usize {
        let records = self.chain.stages()[stages.clone()]
            .iter()
            .map(|stage| stage.record);
        records.fold(0, usize::saturating_add)
    }

    /// Stages as one item. What they take is added up before it is rounded.
    fn item(&self, step: usize, stages: &Range<usize>) -> Item {
        let (first, last) = (stages.start, stages.end - 1);
        let each = self.chain.stages()[stages.clone()].iter();
        let up = |numbers: usize| numbers.div_ceil(step);
        Item {
            work: each.map(|stage| stage.work).fold(0, u64::saturating_add),
            from_kept: up(self.zones.zone(first, last)),
            from_passing: up(self.zones.passed(first, last)),
            kept: up(self.chain.stages()[last].output),
            record: Some(up(self.recorded(stages))),
            leaf: 0,
            passing: false,
        }
    }
}

/// The steps of a group within `m` steps of what it is part of.
fn within(span: &Span, m: usize, group: &Span) -> usize {
    (m.saturating_mul(span.step) / group.step).min(group.steps)
}

#[cfg(test)]
mod tests {
    use super::{Action, Chain, Levels, Span, Table, step};
    use crate::checkpoint::{Schedule, Stage};

    /// Stages of different work and sizes, some much larger than others.
    fn chain(n: usize) -> Chain {
        let stage = |k: usize| {
            let (output, large) = (
                100 + (k * 7919) % 97,
                if k.is_multiple_of(29) { 20 } else { 1 },
            );
            Stage {
                record: output * 2 + (k * 104_729) % 109,
                ..Stage::plain((50 + (k * 31) as u64 % 49) * large, output)
            }
        };
        Chain::new((0..n).map(stage).collect())
    }

    fn solved(chain: &Chain, step: usize, steps: usize, work: usize) -> (Schedule, bool) {
        let stages = 0..chain.stages().len();
        let span = Span {
            stages,
            step,
            steps,
        };
        let mut actions: Vec<Action> = Vec::new();
        let exact = Levels::new(chain).solve(&span, steps, work, &mut actions);
        (Schedule::new(chain.clone(), actions, 1), exact.unwrap())
    }

    /// What is given up where tables may not look at every boundary: where one table would take twenty times the steps that
    /// are allowed, a sixth of the work; where memory is not short, nothing.
    #[test]
    fn groups_do_a_sixth_more_than_the_optimum_at_most() {
        let chain = chain(150);
        let all: usize = chain.stages().iter().map(|stage| stage.record).sum();
        let table = 150 * 151 * 152 / 6 * 500;
        for (part, most) in [(2, 1.01), (5, 1.02), (10, 1.17), (15, 1.17)] {
            let numbers = all / part;
            let step = step(&chain, 0..150, numbers, 500).unwrap();
            let (best, exact) = solved(&chain, step, numbers / step, Table::WORK);
            assert!(exact);
            let (grouped, exact) = solved(&chain, step, numbers / step, table / 20);
            assert!(!exact && grouped.peak() <= numbers);
            let ratio = grouped.work() as f64 / best.work() as f64;
            assert!(ratio < most, "a {part}th: {ratio}");
        }
    }
}
