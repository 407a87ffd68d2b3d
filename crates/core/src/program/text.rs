//! A program as the lecture writes it, an instruction a line.

use std::fmt;

use super::{Act, Asked, Base, Given, Instr, Program, Role, View};
use crate::figures::{grouped, table};
use crate::graph::{Origin, Source};
use crate::planes::DotOp;
use crate::siblings::names::{numbers, objective};
use crate::siblings::words::Line;
use crate::{Accum, Op};

impl Program {
    /// `h3`, an input's name, or `stop(h3)` where the derivative is cut.
    fn source_name(&self, source: &Source) -> String {
        let (value, constant) = match source.origin {
            Origin::Input(input) => {
                let input = &self.graph.inputs()[input];
                (Line(&input.name).to_string(), input.constant)
            }
            Origin::Node(node) => (format!("h{}", node + 1), false),
        };
        // Of a constant input nobody expects a derivative.
        if source.stopped && !constant {
            format!("stop({value})")
        } else {
            value
        }
    }

    /// Whether a view is of inputs that are constant.
    fn is_constant(&self, view: &View) -> bool {
        let constant =
            |input: &crate::graph::Input| input.constant && input.rows.contains(&view.row);
        view.base == Base::Given(Given::X) && self.graph.inputs().iter().any(constant)
    }

    /// What a node reads: `h3`, or `h3, x`.
    fn read_by(&self, node: usize) -> String {
        let sources = self.graph.nodes()[node].sources.iter();
        let parts: Vec<String> = sources.map(|source| self.source_name(source)).collect();
        parts.join(", ")
    }

    /// What a node reads as one: `h3`, or `(h3, x)`.
    fn input_of(&self, node: usize) -> String {
        match self.graph.nodes()[node].sources.len() {
            1 => self.read_by(node),
            _ => format!("({})", self.read_by(node)),
        }
    }

    /// What a view is called: what it is of, with its rows where it has not all.
    ///
    /// ```
    /// use pushpull_core::program::{Base, Given, Program};
    /// use pushpull_core::{Mlp, blocks::Activation};
    /// let program = Program::primal(&Mlp::new(&[2, 3, 1], Activation::Tanh).build()?, 5)?;
    /// assert_eq!(program.name(&program.value(0)), "h1");
    /// assert_eq!(program.name(&program.value(0).rows(1..3)), "h1[1..3]");
    /// assert_eq!(program.name(&program.operand(Base::Given(Given::XDot), 5)), "x\u{307}");
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn name(&self, view: &View) -> String {
        let name = self.name_of(view);
        match view.base {
            Base::Buf(buf) if view.rows != self.bufs[buf].rows => {
                format!("{name}[{}..{}]", view.row, view.row + view.rows)
            }
            _ => name,
        }
    }

    /// What that is called which a view is of.
    pub fn name_of(&self, view: &View) -> String {
        let inputs = |mark: &str| {
            let inputs = self.graph.inputs();
            let named = inputs.iter().find(|input| input.rows.contains(&view.row));
            let name = named.map_or("x", |input| &input.name);
            format!("{}{mark}", Line(name))
        };
        let y = objective(&self.graph);
        match view.base {
            Base::Nothing => String::new(),
            Base::Given(Given::X) => inputs(""),
            Base::Given(Given::XDot) => inputs("\u{307}"),
            Base::Asked(Asked::XBar) => inputs("\u{303}"),
            Base::Asked(Asked::XBarDot) => inputs("\u{303}\u{307}"),
            Base::Given(Given::YBar) => format!("{y}\u{303}"),
            Base::Given(Given::ParamsDot) => "w\u{307}".into(),
            Base::Asked(Asked::ParamsBar) => format!("∇w {y}"),
            Base::Asked(Asked::ParamsBarDot) => format!("∇w {y}\u{307}"),
            Base::Asked(Asked::YDot) => format!("{y}\u{307}"),
            Base::Asked(Asked::Value) => y.into(),
            Base::Buf(buf) => {
                let buf = &self.bufs[buf];
                let (h, input) = (buf.node + 1, self.input_of(buf.node));
                match buf.role {
                    Role::Value => format!("h{h}"),
                    Role::Stack => input,
                    Role::Extra => format!("e{h}"),
                    Role::Tangent => format!("Ŵ@h{h}"),
                    Role::StackTangent => format!("Ŵ@{input}"),
                    Role::Cotangent => format!("h\u{303}{h}"),
                    Role::StackCotangent => format!("h\u{303}{h}'"),
                    Role::Gradients => format!("∇h{h}"),
                }
            }
        }
    }

    /// The instructions of the list as the lecture writes them.
    pub fn lines(&self) -> Vec<String> {
        let numbers = numbers(&self.graph);
        let line = |instr: &Instr| self.line(instr, numbers[instr.node]);
        self.instrs.iter().map(line).collect()
    }

    /// What each instruction of the list writes: a gradient by its parameters, all else as [`Program::name_of`] has it.
    pub fn targets(&self) -> Vec<String> {
        let numbers = numbers(&self.graph);
        let target = |instr: &Instr| self.target(instr, numbers[instr.node]);
        self.instrs.iter().map(target).collect()
    }

    fn target(&self, instr: &Instr, w: usize) -> String {
        let name = self.name_of(&instr.to);
        match instr.act {
            Act::Map(Op::VjpParams(_)) | Act::Dot(DotOp::VjpParams(_), _) => {
                name.replacen("∇w", &format!("∇w{w}"), 1)
            }
            _ => name,
        }
    }

    /// An instruction, whose node has the parameters `w`.
    fn line(&self, instr: &Instr, w: usize) -> String {
        let (node, h) = (instr.node, instr.node + 1);
        let (from, to) = (self.name(&instr.from), self.name(&instr.to));
        let onto = |acc: Accum| if acc == Accum::Add { "+=" } else { "=" };
        match instr.act {
            Act::Map(Op::Forward) => {
                let of = &self.graph.nodes()[node];
                let own = match w {
                    0 => String::new(),
                    w => format!(", w{w}"),
                };
                format!("h{h} = {}({}{own})", Line(&of.name), self.read_by(node))
            }
            Act::Map(Op::JvpInput) => format!("{to} = [∂{} h{h}]·{from}", self.input_of(node)),
            Act::Map(Op::VjpInput) => format!("{to} = [∂{}ᵀ h{h}]·{from}", self.input_of(node)),
            Act::Map(Op::VjpParams(acc)) => {
                format!(
                    "{} {} [∂w{w}ᵀ h{h}]·{from}",
                    self.target(instr, w),
                    onto(acc)
                )
            }
            Act::Map(Op::JvpParams(acc)) => format!("{to} {} [∂w{w} h{h}]·w\u{307}{w}", onto(acc)),
            Act::Map(Op::UnitParams(acc)) => format!("{to} {} ∂w{w} h{h}", onto(acc)),
            Act::Dot(DotOp::Forward, _) => {
                let name = Line(&self.graph.nodes()[node].name);
                format!("[h{h} h\u{307}{h}] = d {name}({})", self.read_by(node))
            }
            Act::Dot(DotOp::VjpInput, _) => {
                format!("{to} = d [∂{}ᵀ h{h}]·{from}", self.input_of(node))
            }
            Act::Dot(DotOp::VjpParams(acc), _) => {
                format!(
                    "{} {} d [∂w{w}ᵀ h{h}]·{from}",
                    self.target(instr, w),
                    onto(acc)
                )
            }
            Act::Copy => format!("{to} = {from}"),
            Act::Stop if self.is_constant(&instr.from) => format!("{to} = {from}"),
            Act::Stop => format!("{to} = stop({from})"),
            Act::Add => format!("{to} += {from}"),
            Act::Zero => format!("{to} = 0"),
            Act::Ones => format!("{to} = 1"),
            Act::Unit => format!("{to} = I"),
            Act::WeightRows => format!("{to} = [∂{}ᵀ h{h}]·I", self.input_of(node)),
            Act::WeightColumns => format!("{to} = [∂{} h{h}]·I", self.input_of(node)),
            Act::Sum => format!("{to} = ⟨{from}, 1⟩"),
            Act::Norms if instr.at.x == View::NOTHING => format!("{to} = |{to}, {from}|"),
            Act::Norms => format!("{to} = |{to}, {from}·{}ᵀ|", self.name(&instr.at.x)),
            Act::Read => format!("read h{h}"),
            Act::Check => format!("check {from}"),
        }
    }
}

/// A line an instruction: what it does, the shape of what it writes, its flops at real numbers, and the bytes that it writes
/// in double precision. Paths are written one after the other.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines();
        let row = |k: usize| {
            let (instr, cost) = (&self.instrs[k], self.cost_of::<f64>(&self.instrs[k]));
            let calls = match cost.calls {
                0 => String::new(),
                calls => format!(" + {}c", grouped(calls)),
            };
            [
                lines[k].clone(),
                format!(
                    "{} x {}",
                    grouped(instr.to.rows as u128),
                    grouped(instr.to.cols as u128)
                ),
                format!("{}{calls}", grouped(cost.flops)),
                grouped(8 * instr.to.numbers() as u128),
            ]
        };
        for path in self.ways() {
            let ranges = path.ranges.into_iter().flatten();
            let titles = [
                format!("{} times", grouped(path.times)),
                "shape".into(),
                "flops".into(),
                "bytes".into(),
            ];
            let rows: Vec<[String; 4]> = std::iter::once(titles).chain(ranges.map(row)).collect();
            for line in table(&rows, &[]) {
                writeln!(f, "{line}")?;
            }
        }
        Ok(())
    }
}

/// Places that a text takes on a line: a combining mark takes none.
pub fn width(text: &str) -> usize {
    let combining = |c: &char| ('\u{300}'..='\u{36f}').contains(c);
    text.chars().filter(|c| !combining(c)).count()
}
