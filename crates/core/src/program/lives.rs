//! When buffers are alive, read off the list; what dies where another is born may be overwritten by it.

use super::{Act, Base, Instr, Program, Role, View};
use crate::graph::Wrt;
use crate::graph::singular::watched;
use crate::{Op, Singular};

/// Parts of a stack up to which it is looked for those that need no copies: each look goes through all.
const FEW: usize = 16;

/// When a buffer is alive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    pub born: usize,
    pub dies: usize,
    /// Instructions that touch it.
    touched: usize,
}

impl Life {
    /// That of a buffer which is not there.
    pub(super) const NEVER: Self = Self {
        born: usize::MAX,
        dies: 0,
        touched: 0,
    };

    pub(super) const fn touch(&mut self, time: usize) {
        if time < self.born {
            self.born = time;
        }
        if time > self.dies {
            self.dies = time;
        }
        self.touched += 1;
    }
}

/// Where buffers live, in whose place each lies, and which instructions overwrite what they read.
pub(super) struct Merged {
    pub lives: Vec<Life>,
    pub home: Vec<usize>,
    /// Numbers from the start of its home to a buffer's.
    pub offset: Vec<usize>,
    pub over: Vec<bool>,
    /// Copies whose target lies where they read: nothing is to be done.
    pub joined: Vec<bool>,
}

impl Merged {
    /// Whether a buffer is there at all.
    pub(super) fn there(&self, buf: usize) -> bool {
        self.lives[buf].born != usize::MAX
    }
}

impl Program {
    /// The first and the last time that each buffer is touched.
    pub(super) fn lives(&self) -> Vec<Life> {
        let mut lives = vec![Life::NEVER; self.bufs.len()];
        for (instr, &time) in self.instrs.iter().zip(&self.times) {
            for view in instr.views() {
                if let Base::Buf(buf) = view.base {
                    let life = &mut lives[buf];
                    // What is read of before is there for every run.
                    let later = time >= self.again && life.born < self.again;
                    life.touch(if later { usize::MAX } else { time });
                }
            }
        }
        if let Base::Buf(buf) = self.output.base {
            lives[buf].dies = usize::MAX;
        }
        self.without_needless(&mut lives);
        lives
    }

    /// What nobody would read is not written where the block can do without.
    pub(super) fn without_needless(&self, lives: &mut [Life]) {
        for (buf, life) in self.bufs.iter().zip(lives) {
            let alone = buf.role == Role::Extra && life.touched == 1;
            let needless = alone && self.graph.nodes()[buf.node].block.optional_extra();
            if needless && self.watched(buf.node) == Wrt::NOTHING {
                *life = Life::NEVER;
            }
        }
    }

    /// By what a node's slopes have to be watched: by nothing where the program never checks.
    pub(super) fn watched(&self, node: usize) -> Wrt {
        if !self.checks {
            return Wrt::NOTHING;
        }
        if !self.goes_along() {
            return watched(&self.graph, node);
        }
        let (singular, on) = (
            self.graph.nodes()[node].block.singular(),
            self.graph.activity()[node],
        );
        let needed = singular != Singular::Never && on.output && self.graph.is_guarded();
        if needed { on.wrt() } else { Wrt::NOTHING }
    }

    /// The buffers that an instruction would read and overwrite: from the first column on, as many rows as there are.
    fn overwrites(&self, instr: &Instr, lives: &[Life], time: usize) -> Option<(usize, usize)> {
        let map = matches!(
            instr.act,
            Act::Map(Op::Forward | Op::JvpInput | Op::VjpInput)
        );
        let block = &self.graph.nodes()[instr.node].block;
        if !map || !block.overwrites() {
            return None;
        }
        // Slopes are looked at after the value was written, and may be the input's.
        if instr.act == Act::Map(Op::Forward)
            && block.keeps().x
            && self.watched(instr.node) != Wrt::NOTHING
        {
            return None;
        }
        let whole = |view: View| match view.base {
            Base::Buf(buf) if view.col == 0 && view.rows == self.bufs[buf].rows => Some(buf),
            _ => None,
        };
        let (from, to) = (whole(instr.from)?, whole(instr.to)?);
        let same = (instr.from.rows, instr.from.cols) == (instr.to.rows, instr.to.cols);
        (same && lives[from].dies == time && lives[to].born == time).then_some((from, to))
    }

    /// Puts what dies where another is born in its place, if a map can do that.
    pub(super) fn merged(&self, mut lives: Vec<Life>) -> Merged {
        let mut home: Vec<usize> = (0..self.bufs.len()).collect();
        let mut over = vec![false; self.instrs.len()];
        let mut order: Vec<usize> = (0..self.instrs.len()).collect();
        order.sort_by_key(|&k| self.times[k]);
        // What happens at one time is the same step on different paths: all of it is done in place, or none.
        for together in order.chunk_by(|&a, &b| self.times[a] == self.times[b]) {
            let time = self.times[together[0]];
            let pair = |&k: &usize| self.overwrites(&self.instrs[k], &lives, time);
            let Some(first @ (from, to)) = pair(&together[0]) else {
                continue;
            };
            if together.iter().all(|k| pair(k) == Some(first)) {
                home[to] = home[from];
                lives[home[from]].dies = lives[to].dies;
                together.iter().for_each(|&k| over[k] = true);
            }
        }
        Merged {
            offset: vec![0; home.len()],
            joined: vec![false; over.len()],
            lives,
            home,
            over,
        }
    }

    /// Lays the parts of a stack where the stack lies, so that they need no copies: of one column, where a part has no gaps.
    pub(super) fn joined(&self, mut merged: Merged) -> Merged {
        let mut writers = vec![Vec::new(); self.bufs.len()];
        for (k, instr) in self.instrs.iter().enumerate() {
            if let Base::Buf(buf) = instr.to.base {
                writers[buf].push(k);
            }
        }
        let mut sharers = vec![0; self.bufs.len()];
        merged.home.iter().for_each(|&home| sharers[home] += 1);
        for (k, instr) in self.instrs.iter().enumerate() {
            let (Base::Buf(from), Base::Buf(to), Act::Copy) =
                (instr.from.base, instr.to.base, instr.act)
            else {
                continue;
            };
            let gathers = self.bufs[to].role.is_stack();
            let (part, stack, row) = match gathers {
                true => (from, to, instr.to.row),
                false => (to, from, instr.from.row),
            };
            let alone = |buf: usize| merged.home[buf] == buf && sharers[buf] == 1;
            let fits = self.bufs[part].rows == instr.to.rows
                && [part, stack].map(|buf| self.bufs[buf].cols) == [1, 1]
                && [part, stack].map(|buf| self.bufs[buf].role.is_stack()) == [false, true];
            if !fits || !alone(part) || !alone(stack) || writers[stack].len() > FEW {
                continue;
            }
            // The two hold the same from the copy on, if nothing is written to either but what is copied.
            let writes = |buf: usize, view: View| {
                let meets = move |other: View| {
                    view.row < other.row + other.rows && other.row < view.row + view.rows
                };
                let all = writers[buf].iter().copied();
                all.filter(move |&other| other != k && meets(self.instrs[other].to))
            };
            let before = |other: usize| self.times[other] < self.times[k];
            if writes(from, instr.from).all(before) && writes(to, instr.to).count() == 0 {
                let Life { born, dies, .. } = merged.lives[part];
                (merged.home[part], merged.offset[part]) = (stack, row);
                merged.lives[stack].touch(born);
                merged.lives[stack].touch(dies);
                merged.joined[k] = true;
            }
        }
        merged
    }

    /// Which instructions overwrite what they read.
    pub(super) fn overwriting(&self) -> Vec<bool> {
        self.merged(self.lives()).over
    }
}
