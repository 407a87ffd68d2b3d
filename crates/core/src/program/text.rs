//! A program as the lecture writes it, an instruction a line.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use super::{Act, Asked, Base, Given, Instr, Program, Role, View};
use crate::graph::{Origin, Source};
use crate::planes::DotOp;
use crate::predict::grouped;
use crate::{Accum, Op};

impl Program {
    /// `2` of the parameters `w2` of a node: blocks that have some are counted, shared parameters once.
    fn number(&self, node: usize) -> usize {
        let nodes = self.graph.nodes();
        let mut known: HashMap<&Range<usize>, usize> = HashMap::new();
        for of in nodes.iter().filter(|of| !of.params.is_empty()) {
            let next = known.len() + 1;
            let number = *known.entry(&of.params).or_insert(next);
            if of.params == nodes[node].params {
                return number;
            }
        }
        0
    }

    /// `h3`, an input's name, or `stop(h3)` where the derivative is cut.
    fn source_name(&self, source: &Source) -> String {
        let (value, constant) = match source.origin {
            Origin::Input(input) => {
                let input = &self.graph.inputs()[input];
                (input.name.clone(), input.constant)
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

    /// What a view is called.
    ///
    /// ```
    /// use pushpull_core::program::{Base, Given, Program};
    /// use pushpull_core::{Mlp, blocks::Activation};
    /// let program = Program::primal(&Mlp::new(&[2, 3, 1], Activation::Tanh).build()?, 5)?;
    /// assert_eq!(program.name(&program.value(0)), "h1");
    /// assert_eq!(program.name(&program.operand(Base::Given(Given::XDot), 5)), "x\u{307}");
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn name(&self, view: &View) -> String {
        let inputs = |mark: &str| {
            let inputs = self.graph.inputs();
            let named = inputs.iter().find(|input| input.rows.start == view.row);
            let name = named.map_or("x", |input| &input.name);
            format!("{name}{mark}")
        };
        let (name, rows) = match view.base {
            Base::Nothing => return String::new(),
            Base::Given(Given::X) => return inputs(""),
            Base::Given(Given::XDot) => return inputs("\u{307}"),
            Base::Asked(Asked::XBar) => return inputs("\u{303}"),
            Base::Given(Given::YBar) => return "y\u{303}".into(),
            Base::Given(Given::ParamsDot) => return "w\u{307}".into(),
            Base::Asked(Asked::ParamsBar) => return "∇w".into(),
            Base::Asked(Asked::YDot) => return "y\u{307}".into(),
            Base::Asked(Asked::Value) => return "y".into(),
            Base::Asked(Asked::ParamsBarDot) => return "∇w\u{307}".into(),
            Base::Asked(Asked::XBarDot) => return inputs("\u{303}\u{307}"),
            Base::Buf(buf) => {
                let buf = &self.bufs[buf];
                let (h, input) = (buf.node + 1, self.input_of(buf.node));
                let name = match buf.role {
                    Role::Value => format!("h{h}"),
                    Role::Stack => input,
                    Role::Extra => format!("e{h}"),
                    Role::Tangent => format!("Ŵ@h{h}"),
                    Role::StackTangent => format!("Ŵ@{input}"),
                    Role::Cotangent => format!("h\u{303}{h}"),
                    Role::StackCotangent => format!("{input}\u{303}"),
                };
                (name, buf.rows)
            }
        };
        if view.rows == rows {
            name
        } else {
            format!("{name}[{}..{}]", view.row, view.row + view.rows)
        }
    }

    /// An instruction as the lecture writes it.
    pub fn line(&self, instr: &Instr) -> String {
        let (node, h, w) = (instr.node, instr.node + 1, self.number(instr.node));
        let (from, to) = (self.name(&instr.from), self.name(&instr.to));
        let onto = |acc: Accum| if acc == Accum::Add { "+=" } else { "=" };
        match instr.act {
            Act::Map(Op::Forward) => {
                let of = &self.graph.nodes()[node];
                let own = match w {
                    0 => String::new(),
                    w => format!(", w{w}"),
                };
                format!("h{h} = {}({}{own})", of.name, self.read_by(node))
            }
            Act::Map(Op::JvpInput) => format!("{to} = [∂{} h{h}]·{from}", self.input_of(node)),
            Act::Map(Op::VjpInput) => format!("{to} = [∂{}ᵀ h{h}]·{from}", self.input_of(node)),
            Act::Map(Op::VjpParams(acc)) => format!("∇w{w} {} [∂w{w}ᵀ h{h}]·{from}", onto(acc)),
            Act::Map(Op::JvpParams(acc)) => format!("{to} {} [∂w{w} h{h}]·w\u{307}{w}", onto(acc)),
            Act::Map(Op::UnitParams(acc)) => format!("{to} {} ∂w{w} h{h}", onto(acc)),
            Act::Dot(DotOp::Forward, _) => {
                let name = &self.graph.nodes()[node].name;
                format!("[h{h} h\u{307}{h}] = d {name}({})", self.read_by(node))
            }
            Act::Dot(DotOp::VjpInput, _) => {
                format!("{to} = d [∂{}ᵀ h{h}]·{from}", self.input_of(node))
            }
            Act::Dot(DotOp::VjpParams(acc), _) => {
                format!("∇w\u{307}{w} {} d [∂w{w}ᵀ h{h}]·{from}", onto(acc))
            }
            Act::Copy => format!("{to} = {from}"),
            Act::Stop => format!("{to} = stop({from})"),
            Act::Add => format!("{to} += {from}"),
            Act::Zero => format!("{to} = 0"),
            Act::Ones => format!("{to} = 1"),
            Act::Unit => format!("{to} = I"),
            Act::Sum => format!("{to} = ⟨{from}, 1⟩"),
            Act::Check => format!("check {from}"),
        }
    }
}

/// A line an instruction, each with the shape of what it writes. Paths are written one after the other.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for path in self.ways() {
            if path.times != 1 {
                writeln!(f, "{} times:", grouped(path.times))?;
            }
            for instr in path.ranges.into_iter().flatten().map(|k| &self.instrs[k]) {
                let (rows, cols) = (
                    grouped(instr.to.rows as u128),
                    grouped(instr.to.cols as u128),
                );
                writeln!(f, "{}  {rows} x {cols}", self.line(instr))?;
            }
        }
        Ok(())
    }
}
