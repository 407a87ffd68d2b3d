use super::{Act, Asked, Base, Frame, Given, Machine, Program, Role, Run, Spot, View};
use crate::blocks::{Activation, Add, Gelu, Linear, Map, Mul, Sqrt, Tanh};
use crate::{Builder, Counted, Error, Graph, Mat, MatMut, Mlp, Op, Result, Wrt, count, textbook};

/// Fan-out, a stack and a stopped value.
fn diamond() -> Graph {
    let mut b = Builder::new();
    let x = b.input("x", 2);
    let h = b.block(Linear::new(2, 3), x);
    let left = b.map(Tanh, h);
    let right = b.map(Tanh, left);
    let stopped = b.stop_gradient(right);
    let y = b.block(Add::new(3, 2), [left, stopped]);
    b.build(y).unwrap()
}

fn placed(program: &Program) -> super::Code {
    program.place::<f64>("a program", "take less").unwrap()
}

#[test]
fn the_primal_is_the_textbooks_and_costs_what_is_counted() {
    let mlp = Mlp::new(&[2, 4, 4, 1], Activation::Silu).build().unwrap();
    for graph in [diamond(), mlp] {
        let params: Vec<f64> = (0..graph.n_params())
            .map(|i| 0.1 * i as f64 - 0.4)
            .collect();
        let x = nalgebra::dmatrix![0.5, -1.0, 2.0; 1.5, 0.25, -0.75];
        let program = Program::primal(&graph, 3).unwrap();
        let mut machine = Machine::new(placed(&program));
        let mut frame = Frame::new(machine.code(), &params, Mat::from(&x)).seeds(1);
        machine.run(0, &mut frame, |_| Ok(())).unwrap();
        let applied = textbook::primal(&graph, &params, &x);
        assert_eq!(
            &machine.output().to_dmatrix(),
            applied.last().unwrap().output()
        );
        let counted: Vec<_> = params.iter().map(|&p| Counted(p)).collect();
        let x = x.map(Counted);
        let mut machine = Machine::new(placed(&program));
        let mut frame = Frame::new(machine.code(), &counted, Mat::from(&x));
        let (_, cost) = count(|| machine.run(0, &mut frame, |_| Ok(())));
        assert_eq!(cost, program.cost::<f64>());
        assert_eq!(program.evaluations(), graph.nodes().len() as u64);
    }
}

/// `tanh` overwrites a value that nobody reads again, and not one that is.
#[test]
fn what_dies_where_another_is_born_is_overwritten() {
    let program = Program::primal(&diamond(), 5).unwrap();
    let over = program.overwriting();
    let written = |(instr, over): (&super::Instr, bool)| over.then_some(instr.node);
    let written: Vec<usize> = program
        .instrs()
        .iter()
        .zip(over)
        .filter_map(written)
        .collect();
    // Node 1 writes over node 0; node 2 reads node 1, which the sum reads again.
    assert_eq!(written, [1]);
    // h1, then tanh(h1) and its tanh, then these two stacked, the stack and the sum.
    assert_eq!(placed(&program).len(), 5 * (3 + 3 + 6));
}

/// Of a value that is stacked twice one part is where the value is, and the other is copied.
#[test]
fn a_part_of_a_stack_lies_in_it_where_it_has_no_gaps() {
    let mut b = Builder::new();
    let x = b.input("x", 2);
    let h = b.block(Linear::new(2, 3), x);
    let other = b.block(Linear::new(2, 3), x);
    let y = b.block(Add::new(3, 3), [h, other, h]);
    let graph = b.build(y).unwrap();
    let params: Vec<f64> = (0..graph.n_params()).map(|i| i as f64).collect();
    for (batch, joined, len) in [(1, 2, 9 + 3), (2, 0, 2 * (3 + 3 + 9))] {
        let program = Program::primal(&graph, batch).unwrap();
        let merged = program.joined(program.merged(program.lives()));
        let found = merged.joined.iter().filter(|joined| **joined).count();
        assert_eq!(found, joined, "batch {batch}");
        let x = nalgebra::DMatrix::from_fn(2, batch, |i, j| (i + 2 * j) as f64);
        let mut machine = Machine::new(placed(&program));
        assert_eq!(machine.code().len(), len);
        let mut frame = Frame::new(machine.code(), &params, Mat::from(&x));
        machine.run(0, &mut frame, |_| Ok(())).unwrap();
        let applied = textbook::primal(&graph, &params, &x);
        let output = applied.last().unwrap().output();
        assert_eq!(&machine.output().to_dmatrix(), output);
    }
}

/// A path of one width and one of another share a buffer as wide as the wider, and what they have in common.
#[test]
fn paths_share_what_is_alike() {
    let graph = Mlp::new(&[2, 3, 1], Activation::Tanh).build().unwrap();
    let mut p = Program::new(&graph, 1, 1).unwrap();
    let path = |p: &mut Program, seeds: usize| {
        (0..3).for_each(|i| {
            p.primal_of(i);
        });
        p.phase(2, 4);
        let dot = p.buf(2, Role::Tangent, 1, seeds);
        let first = View::of(Base::Given(Given::XDot), 3, seeds);
        p.map(Op::JvpInput, 2, first, dot);
        p.phase(3, 0);
        p.act(
            Act::Copy,
            2,
            dot,
            View::of(Base::Asked(Asked::YDot), 1, seeds),
        );
    };
    for seeds in [4, 2, 4] {
        p.path(1, |p| path(p, seeds));
    }
    let widths: Vec<usize> = p.bufs().iter().map(|buf| buf.cols).collect();
    // The slopes that tanh keeps are a buffer, which nobody reads and nobody gets.
    assert_eq!(widths, [1, 1, 1, 1, 4]);
    // Three of the primal once, two of each width.
    assert_eq!(p.instrs().len(), 3 + 2 * 2);
    let ways = p.ways();
    assert_eq!(ways[0], ways[2]);
    assert_eq!(ways[1].ranges, [0..3, 5..7]);
    let code = placed(&p);
    let mut machine = Machine::<f64>::new(code);
    let params: Vec<f64> = (0..graph.n_params()).map(|i| i as f64).collect();
    let (x, x_dot) = ([0.0; 2], [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    let mut y_dot = [0.0; 2];
    let mut frame = Frame::new(machine.code(), &params, Mat::new(&x, 2, 1))
        .give(Given::XDot, Mat::new(&x_dot, 3, 2))
        .ask(Asked::YDot, MatMut::new(&mut y_dot, 1, 2));
    machine.run(1, &mut frame, |_| Ok(())).unwrap();
    assert_eq!(y_dot, [9.0, 10.0]); // the first two weights of the last layer
}

/// What a check is told, and that nothing is done behind one that fails.
#[test]
fn a_check_ends_a_run_before_the_caller_gets_anything() {
    let mut b = Builder::new();
    let x = b.input("x", 1);
    let y = b.block(Map::new(Sqrt, 1), x);
    let graph = b.build(y).unwrap();
    let mut p = Program::new(&graph, 1, 1).unwrap();
    let h = p.primal_of(0);
    p.act(Act::Check, 0, h, View::NOTHING);
    let y = p.operand(Base::Asked(Asked::Value), 1);
    p.act(Act::Sum, 0, h, y);
    let mut machine = Machine::<f64>::new(placed(&p));
    let mut run = |x: f64, answer: fn(Wrt) -> Result<()>| {
        let (x, mut y) = ([x], [7.0]);
        let mut frame = Frame::new(machine.code(), &[], Mat::new(&x, 1, 1))
            .ask(Asked::Value, MatMut::new(&mut y, 1, 1));
        let told = machine.run(0, &mut frame, answer);
        (told.is_ok(), y[0])
    };
    let refuse: fn(Wrt) -> Result<()> = |doubt| {
        let fault = Error::EmptyBatch { name: "x".into() };
        if doubt == Wrt::NOTHING {
            Ok(())
        } else {
            Err(fault)
        }
    };
    assert_eq!(run(4.0, refuse), (true, 2.0));
    assert_eq!(run(0.0, refuse), (false, 7.0));
    assert_eq!(run(0.0, |_| Ok(())), (true, 0.0));
}

#[test]
fn programs_of_no_samples_and_buffers_that_cannot_be_are_refused() {
    let graph = diamond();
    assert!(matches!(
        Program::primal(&graph, 0),
        Err(Error::EmptyBatch { .. })
    ));
    for batch in [1 << 48, usize::MAX / 8, usize::MAX] {
        let program = Program::primal(&graph, batch).unwrap();
        let refused = program.place::<f64>("a program", "take less");
        assert!(matches!(refused, Err(Error::TooLarge { .. })));
    }
}

/// Two layers, a block with a skip and a stopped edge, one more layer.
fn three_stages() -> Graph {
    let mut b = Builder::new();
    let x = b.input("x", 3);
    let h = b.block(Linear::new(3, 4), x);
    let h = b.map(Tanh, h);
    let inner = b.block(Linear::new(4, 4), h);
    let inner = b.map(Gelu, inner);
    let gated = b.block(Mul::new(4), [inner, b.stop_gradient(h)]);
    let h = b.block(Add::new(4, 2), [gated, h]);
    let y = b.block(Linear::new(4, 2), h);
    b.build(y).unwrap()
}

#[test]
fn stages_give_the_bits_of_the_whole_wherever_they_lie() {
    let (graph, batch) = (three_stages(), 3);
    let params: Vec<f64> = (0..graph.n_params()).map(|i| (i as f64).cos()).collect();
    let x: Vec<f64> = (0..9).map(|i| (i as f64).sin()).collect();
    let x = Mat::new(&x, 3, batch);
    let program = Program::record(&graph, batch, |_| true).unwrap();
    let mut whole = Machine::new(placed(&program));
    assert_eq!(whole.record(&params, x), Wrt::NOTHING);
    let want = whole.output().to_dmatrix();
    for how in [Run::Record, Run::Advance, Run::AdvanceToEnd] {
        let (code, stages) = program
            .place_in_stages::<f64>(&[0..2, 2..6, 6..7], "stages", "take less")
            .unwrap();
        let advances = stages.iter().all(|stage| stage.advance <= stage.record);
        assert!(advances && stages.iter().any(|stage| stage.advance < stage.record));
        // Behind each other, with a gap.
        let (mut own, mut carried) = (code.len() + 5, 0);
        let room = stages.iter().map(|stage| stage.record + 7).sum::<usize>();
        let mut machine = Machine::new(code.with_room(room));
        for stage in &stages {
            let mut frame = Frame::new(machine.code(), &params, x);
            let (spot, mut doubt) = (Spot { own, carried }, Wrt::NOTHING);
            machine
                .run_stage(stage, how, spot, &mut frame, &mut doubt)
                .unwrap();
            carried = match how {
                Run::AdvanceToEnd => own + stage.advance - stage.output,
                Run::Record | Run::Advance => own,
            };
            own += stage.record + 2;
        }
        machine.keep_output(carried);
        assert_eq!(machine.output().to_dmatrix(), want, "{how:?}");
    }
}

#[test]
fn a_record_keeps_where_derivatives_are_taken() {
    let graph = three_stages();
    let params: Vec<f64> = (0..graph.n_params()).map(|i| (i as f64).cos()).collect();
    let x = nalgebra::dmatrix![0.5, -1.0; 1.5, 0.25; -2.0, 1.0];
    let values = textbook::primal(&graph, &params, &x);
    let program = Program::record(&graph, 2, |_| true).unwrap();
    let mut machine = Machine::new(placed(&program));
    machine.record(&params, Mat::from(&x));
    for (i, node) in graph.nodes().iter().enumerate() {
        let (at, keeps) = (machine.point(i, &params, Mat::from(&x)), node.block.keeps());
        assert_eq!((at.x.nrows() > 0, at.y.nrows() > 0), (keeps.x, keeps.y));
        if keeps.y {
            assert_eq!(&at.y.to_dmatrix(), values[i].output());
        }
    }
    // What nobody reads gives its place away.
    let less = Program::record(&graph, 2, |i| i == 0).unwrap();
    assert!(placed(&less).len() < placed(&program).len());
}

#[test]
fn a_trace_shows_what_the_textbook_computes_and_refuses_what_it_cannot_run() {
    let graph = diamond();
    let params: Vec<f64> = (0..graph.n_params())
        .map(|i| 0.1 * i as f64 - 0.4)
        .collect();
    let x = nalgebra::dmatrix![0.5, -1.0; 1.5, 0.25];
    let program = Program::primal(&graph, 2).unwrap();
    let values = textbook::primal(&graph, &params, &x);
    let trace = program.trace(&params, Mat::from(&x)).unwrap();
    let mut seen = 0;
    for (view, numbers) in trace.iter().flat_map(|written| &written.numbers) {
        let Base::Buf(buf) = view.base else { continue };
        let buf = program.bufs()[buf];
        if buf.role == Role::Value {
            assert_eq!(numbers, values[buf.node].output());
            seen += 1;
        }
    }
    assert_eq!(seen, graph.nodes().len());
    let mut along = Program::new(&graph, 2, 1).unwrap();
    let (from, to) = (
        along.operand(Base::Given(Given::XDot), 2),
        along.operand(Base::Asked(Asked::YDot), 2),
    );
    along.act(Act::Copy, 0, from.rows(0..2), to.rows(0..2));
    let fault = along.trace(&params, Mat::from(&x)).unwrap_err();
    assert!(matches!(fault, Error::Setting { .. }), "{fault}");
}
