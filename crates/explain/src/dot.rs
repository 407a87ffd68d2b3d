//! The explanation as a drawing for Graphviz.

use std::collections::HashMap;
use std::fmt::Write;

use pushpull_core::siblings::figures::grouped;

use crate::{Explanation, Program};

/// Within quotes of a label.
fn quoted(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => safe.extend(['\\', c]),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

impl Explanation {
    /// A directed graph in the language of Graphviz: the three programs as clusters, an instruction a box with its flops and
    /// bytes, an arrow where one reads what another wrote; dotted from the primal program to the others, where a derivative
    /// map reads a value that was kept.
    ///
    /// ```
    /// use pushpull_core::{Mlp, blocks::Activation};
    /// use pushpull_explain::Explanation;
    /// let graph = Mlp::new(&[2, 3, 1], Activation::Tanh).build()?;
    /// let drawing = Explanation::new::<f64>(&graph, 1)?.dot();
    /// assert!(drawing.starts_with("digraph explanation {") && drawing.contains("h1 = layer0(x, w1)"));
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn dot(&self) -> String {
        let programs = [
            ("primal", &self.primal),
            ("tangent", &self.tangent),
            ("adjoint", &self.adjoint),
        ];
        drawing("explanation", &programs)
    }
}

impl Program {
    /// The program as a directed graph in the language of Graphviz: an instruction a box, an arrow where one reads what another
    /// wrote.
    ///
    /// ```
    /// use pushpull_core::{Mlp, Question, blocks::Activation};
    /// use pushpull_reverse_mode::Reverse;
    /// let graph = Mlp::new(&[2, 3, 1], Activation::Tanh).build()?;
    /// let program = Reverse::plan(&graph, 1, Question::Gradient).program()?;
    /// let drawing = pushpull_explain::Program::new::<f64>(&program).dot();
    /// assert!(drawing.contains("h̃1 = [∂h1ᵀ h2]·h̃2"));
    /// # Ok::<(), pushpull_core::Error>(())
    /// ```
    pub fn dot(&self) -> String {
        drawing("program", &[("whole", self)])
    }
}

/// Programs as clusters of one drawing.
fn drawing(title: &str, programs: &[(&str, &Program)]) -> String {
    let mut out =
        format!("digraph {title} {{\n  rankdir=TB;\n  node [shape=box, fontname=\"monospace\"];\n");
    let mut writers: HashMap<&str, Vec<(usize, String)>> = HashMap::new();
    let mut edges = String::new();
    for (k, &(name, program)) in programs.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "  subgraph cluster_{name} {{\n    label=\"{name} program\";"
        );
        cluster(&mut out, &mut edges, &mut writers, (k, name), program);
        out.push_str("  }\n");
    }
    out.push_str(&edges);
    out.push_str("}\n");
    out
}

/// The boxes of a program, and the arrows to them from what was written before.
fn cluster<'p>(
    out: &mut String,
    edges: &mut String,
    writers: &mut HashMap<&'p str, Vec<(usize, String)>>,
    (k, name): (usize, &str),
    program: &'p Program,
) {
    for (i, line) in program.instructions.iter().enumerate() {
        let shape: Vec<String> = line.shape.iter().map(usize::to_string).collect();
        let calls = if line.calls > 0 {
            format!(", {} calls", grouped(line.calls))
        } else {
            String::new()
        };
        let _ = writeln!(
            out,
            "    {name}{i} [label=\"{}\\n{}\\n{} flops{calls}, {} bytes\"];",
            quoted(&line.text),
            shape.join(" x "),
            grouped(line.flops),
            grouped(line.bytes)
        );
        for read in &line.reads {
            for (of, writer) in writers.get(read.as_str()).into_iter().flatten() {
                let look = if *of == k { "" } else { " [style=dotted]" };
                let _ = writeln!(edges, "  {writer} -> {name}{i}{look};");
            }
        }
        let own = writers.entry(&line.writes).or_default();
        own.push((k, format!("{name}{i}")));
    }
}
