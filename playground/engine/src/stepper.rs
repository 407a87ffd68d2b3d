//! Both modes' programs on one block of samples, with all that each instruction wrote: what the page steps through.

use nalgebra::DMatrix;
use pushpull_core::program::{Act, Alive, Asked, Base, Given, Instr, Program, Role, Written};
use pushpull_core::{Graph, Mat, Prediction, Question};
use pushpull_explain::Program as Told;
use pushpull_forward_mode::{Chunk, Forward};
use pushpull_reverse_mode::Reverse;
use serde::Serialize;

use crate::fault::{Fault, Result};

/// An instruction as the page lists it.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The plan's own text.
    pub text: String,
    /// `primal`, `tangent` or `adjoint`.
    pub part: &'static str,
    /// The block it belongs to.
    pub node: usize,
    /// Rows and columns of what it writes.
    pub shape: [usize; 2],
    /// Exact.
    pub flops: u64,
    /// Calls of elementary functions, exact.
    pub calls: u64,
    /// Bytes of the buffers alive while it runs, exact.
    pub live: u64,
    /// The buffer it writes; those of the caller's are counted from the end of the buffers on.
    pub writes: Option<usize>,
    /// The buffers it reads.
    pub reads: Vec<usize>,
    /// What it does: a key of the page's words.
    pub act: &'static str,
}

/// A buffer as the page draws it.
#[derive(Clone, Debug, Serialize)]
pub struct Buffer {
    /// As the text calls it.
    pub name: String,
    /// `value`, `tangent`, `cotangent`, `kept`, `gradient` or `sum`.
    pub role: &'static str,
    /// Whose.
    pub node: usize,
    /// Rows and columns.
    pub shape: [usize; 2],
    /// The first instruction that touches it, and the last.
    pub alive: [usize; 2],
    /// Whether another takes its place in its last instruction.
    pub overwritten: bool,
}

/// What an engine takes, exactly.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Takes {
    /// Floating-point operations.
    pub flops: u64,
    /// Calls of elementary functions.
    pub calls: u64,
    /// The most bytes held at once, the plan's own among them.
    pub peak: u64,
    /// Of these the numbers: the arena, scratch and the gradient.
    pub buffers: u64,
}

impl From<Prediction> for Takes {
    fn from(of: Prediction) -> Self {
        Self {
            flops: of.cost.flops,
            calls: of.cost.calls,
            peak: of.peak() as u64,
            buffers: of.buffers as u64,
        }
    }
}

/// One mode's program with its run.
#[derive(Debug)]
struct Side {
    program: Program,
    trace: Vec<Written<f64>>,
    lines: Vec<Line>,
    buffers: Vec<Buffer>,
    takes: Takes,
}

/// Both.
#[derive(Debug)]
pub struct Stepper {
    forward: Side,
    reverse: Side,
    batch: usize,
}

/// One mode for the page.
#[derive(Debug, Serialize)]
pub struct SideTold<'a> {
    lines: &'a [Line],
    buffers: &'a [Buffer],
    takes: Takes,
}

/// Both for the page.
#[derive(Debug, Serialize)]
pub struct StepperTold<'a> {
    forward: SideTold<'a>,
    reverse: SideTold<'a>,
    batch: usize,
    nodes: Vec<String>,
}

/// A matrix that is drawn: rows of numbers lie in the answer's numbers from `start` on.
#[derive(Debug, Serialize)]
pub struct Drawn {
    buffer: usize,
    shape: [usize; 2],
    start: usize,
    /// Whether it is written or read by the instruction.
    now: bool,
}

impl Stepper {
    /// Traces both modes.
    ///
    /// # Errors
    /// Parameters that are not finite, slopes that do not exist.
    pub fn new(graph: &Graph, params: &[f64], x: &DMatrix<f64>) -> Result<Self> {
        let batch = x.ncols();
        let forward = Forward::plan(graph, batch, Question::Gradient).chunk(Chunk::Full);
        let reverse = Reverse::plan(graph, batch, Question::Gradient);
        let (by_columns, by_rows) = (forward.program::<f64>()?, reverse.program()?);
        Ok(Self {
            forward: Side::new(by_columns, params, x, forward.prediction::<f64>()?.into())?,
            reverse: Side::new(by_rows, params, x, reverse.prediction::<f64>()?.into())?,
            batch,
        })
    }

    /// Both programs.
    pub fn told(&self) -> StepperTold<'_> {
        let nodes = self.forward.program.graph().nodes().iter();
        StepperTold {
            forward: self.forward.told(),
            reverse: self.reverse.told(),
            batch: self.batch,
            nodes: nodes.map(|node| node.name.clone()).collect(),
        }
    }

    /// What lies in memory after an instruction of each mode: tangents of one sample, all else of all.
    ///
    /// # Errors
    /// A place that is none.
    pub fn look(&self, at: [usize; 2], sample: usize) -> Result<([Vec<Drawn>; 2], Vec<f32>)> {
        if sample >= self.batch {
            return Err(Fault(format!(
                "sample: expected one below {}, got {sample}",
                self.batch
            )));
        }
        let mut numbers = Vec::new();
        let forward = self.forward.look(at[0], sample, self.batch, &mut numbers);
        let reverse = self.reverse.look(at[1], sample, self.batch, &mut numbers);
        Ok(([forward, reverse], numbers))
    }
}

/// Where a matrix of the caller's stands among the buffers.
const ASKED: [Asked; 2] = [Asked::Value, Asked::ParamsBar];

impl Side {
    fn new(program: Program, params: &[f64], x: &DMatrix<f64>, takes: Takes) -> Result<Self> {
        let trace = program.trace(params, Mat::from(x))?;
        let told = Told::new::<f64>(&program);
        let live = program.live_bytes::<f64>();
        let count = program.bufs().len();
        let place = |base: Base| match base {
            Base::Buf(buf) => Some(buf),
            Base::Asked(asked) => ASKED
                .iter()
                .position(|known| *known == asked)
                .map(|k| count + k),
            Base::Nothing | Base::Given(_) => None,
        };
        let line = |(k, instr): (usize, &Instr)| {
            let one = &told.instructions[k];
            let mut reads: Vec<usize> = Vec::new();
            for view in [instr.from, instr.at.x, instr.at.y, instr.at.extra] {
                if let Some(buf) = place(view.base)
                    .filter(|buf| !reads.contains(buf) && Some(*buf) != place(instr.to.base))
                {
                    reads.push(buf);
                }
            }
            Line {
                text: one.text.clone(),
                part: part(&program, instr),
                node: instr.node,
                shape: [instr.to.rows, instr.to.cols],
                flops: one.flops,
                calls: one.calls,
                live: live[k],
                writes: place(instr.to.base),
                reads,
                act: act(instr),
            }
        };
        let lines: Vec<Line> = program.instrs().iter().enumerate().map(line).collect();
        let alive = program.alive();
        let last = lines.len().saturating_sub(1);
        let mut names = vec![String::new(); count];
        for instr in program.instrs() {
            for view in instr.views() {
                if let Base::Buf(buf) = view.base {
                    names[buf] = program.name_of(&view);
                }
            }
        }
        let mut buffers: Vec<Buffer> = (0..count)
            .map(|buf| {
                let of = &program.bufs()[buf];
                let Alive {
                    born,
                    dies,
                    overwritten,
                } = alive[buf].unwrap_or(Alive {
                    born: usize::MAX,
                    dies: 0,
                    overwritten: false,
                });
                Buffer {
                    name: std::mem::take(&mut names[buf]),
                    role: role(of.role),
                    node: of.node,
                    shape: [of.rows, of.cols],
                    alive: [born, dies.min(last)],
                    overwritten,
                }
            })
            .collect();
        for asked in ASKED {
            let views = program
                .instrs()
                .iter()
                .enumerate()
                .filter(|(_, instr)| instr.to.base == Base::Asked(asked));
            let born = views.clone().map(|(k, _)| k).min().unwrap_or(usize::MAX);
            let rows = views
                .map(|(_, instr)| instr.to.row + instr.to.rows)
                .max()
                .unwrap_or(0);
            buffers.push(Buffer {
                name: if asked == Asked::Value {
                    "y".into()
                } else {
                    "∇w y".into()
                },
                role: if asked == Asked::Value {
                    "sum"
                } else {
                    "gradient"
                },
                node: 0,
                shape: [rows, 1],
                alive: [born, last],
                overwritten: false,
            });
        }
        Ok(Self {
            program,
            trace,
            lines,
            buffers,
            takes,
        })
    }

    fn told(&self) -> SideTold<'_> {
        SideTold {
            lines: &self.lines,
            buffers: &self.buffers,
            takes: self.takes,
        }
    }

    /// All that is alive after instruction `at`, as the instructions up to it wrote it.
    fn look(&self, at: usize, sample: usize, batch: usize, numbers: &mut Vec<f32>) -> Vec<Drawn> {
        let at = at.min(self.lines.len().saturating_sub(1));
        let count = self.program.bufs().len();
        let mut drawn = Vec::new();
        for (k, buffer) in self.buffers.iter().enumerate() {
            let [born, dies] = buffer.alive;
            let gone = buffer.overwritten && at == dies && self.lines[at].writes != Some(k);
            if at < born || at > dies || gone {
                continue;
            }
            let [rows, cols] = buffer.shape;
            let mut matrix = vec![f32::NAN; rows * cols];
            for written in self.trace.iter().filter(|written| written.instr <= at) {
                for (view, block) in &written.numbers {
                    let there = match view.base {
                        Base::Buf(buf) => buf == k,
                        Base::Asked(asked) => ASKED.get(k.wrapping_sub(count)) == Some(&asked),
                        _ => false,
                    };
                    if !there {
                        continue;
                    }
                    for i in 0..block.nrows() {
                        for j in 0..block.ncols() {
                            let (row, col) = (view.row + i, view.col + j);
                            if row < rows && col < cols {
                                matrix[row * cols + col] = block[(i, j)] as f32;
                            }
                        }
                    }
                }
            }
            let start = numbers.len();
            let one_sample = buffer.role == "tangent" && cols >= batch;
            let shown: Vec<usize> = if one_sample {
                (sample..cols).step_by(batch).collect()
            } else {
                (0..cols).collect()
            };
            for row in 0..rows {
                numbers.extend(shown.iter().map(|col| matrix[row * cols + col]));
            }
            let line = &self.lines[at];
            drawn.push(Drawn {
                buffer: k,
                shape: [rows, shown.len()],
                start,
                now: line.writes == Some(k) || line.reads.contains(&k),
            });
        }
        drawn
    }
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::Value | Role::Stack => "value",
        Role::Extra => "kept",
        Role::Tangent | Role::StackTangent => "tangent",
        Role::Cotangent | Role::StackCotangent => "cotangent",
        Role::Gradients => "gradient",
    }
}

/// Which of the lecture's three programs an instruction belongs to.
fn part(program: &Program, instr: &Instr) -> &'static str {
    match instr.to.base {
        Base::Buf(buf) => match role(program.bufs()[buf].role) {
            "tangent" => "tangent",
            "cotangent" => "adjoint",
            _ => "primal",
        },
        Base::Asked(Asked::Value) | Base::Nothing | Base::Given(Given::X) => "primal",
        // The gradient: summed from tangents, or pulled back.
        _ if instr.act == Act::Sum => "tangent",
        _ => "adjoint",
    }
}

/// A key of the page's words for what an instruction does.
const fn act(instr: &Instr) -> &'static str {
    use pushpull_core::Op;
    match instr.act {
        Act::Map(Op::Forward) => "forward",
        Act::Map(Op::JvpInput) => "jvp-input",
        Act::Map(Op::VjpInput) => "vjp-input",
        Act::Map(Op::VjpParams(_)) => "vjp-params",
        Act::Map(Op::JvpParams(_)) => "jvp-params",
        Act::Map(Op::UnitParams(_)) => "unit-params",
        Act::Sum => "sum",
        Act::Ones => "ones",
        Act::Check => "check",
        Act::Zero => "zero",
        _ => "copy",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Run;
    use crate::settings::Settings;

    #[test]
    fn both_programs_end_with_the_same_gradient_and_their_costs_add_up() {
        let (mut run, _) = Run::new(Settings::default(), None).unwrap();
        let block = run.block();
        let stepper = Stepper::new(&run.objective, run.params(), &block).unwrap();
        for side in [&stepper.forward, &stepper.reverse] {
            let (flops, calls) = side
                .lines
                .iter()
                .fold((0, 0), |(f, c), line| (f + line.flops, c + line.calls));
            assert_eq!((flops, calls), (side.takes.flops, side.takes.calls));
            let peak = side.lines.iter().map(|line| line.live).max().unwrap();
            assert!(peak <= side.takes.buffers && 2 * peak > side.takes.buffers);
        }
        let (last, n) = (usize::MAX, run.params().len());
        let ([forward, reverse], numbers) = stepper.look([last, last], 3).unwrap();
        let gradient = |drawn: &[Drawn], side: &Side| {
            let at = drawn
                .iter()
                .find(|d| side.buffers[d.buffer].role == "gradient")
                .unwrap()
                .start;
            numbers[at..at + n].to_vec()
        };
        let (a, b) = (
            gradient(&forward, &stepper.forward),
            gradient(&reverse, &stepper.reverse),
        );
        assert!(
            a.iter()
                .zip(&b)
                .all(|(a, b)| (a - b).abs() <= 1e-6 * (1.0 + b.abs())),
            "{a:?} {b:?}"
        );
        assert!(stepper.look([0, 0], 99).is_err());
    }

    #[test]
    fn a_tangent_is_shown_for_one_sample_and_grows_block_by_block() {
        let (mut run, _) = Run::new(Settings::default(), None).unwrap();
        let block = run.block();
        let stepper = Stepper::new(&run.objective, run.params(), &block).unwrap();
        let width = |at: usize| {
            let (drawn, _) = stepper.look([at, 0], 0).unwrap();
            let tangents = drawn[0]
                .iter()
                .filter(|d| stepper.forward.buffers[d.buffer].role == "tangent");
            tangents.map(|d| d.shape[1]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..stepper.forward.lines.len()).map(width).collect();
        assert_eq!(widths[0], 0);
        assert_eq!(widths.iter().max(), Some(&run.params().len()));
    }
}
