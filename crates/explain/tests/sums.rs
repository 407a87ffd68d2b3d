//! The instructions of an explanation add up to what the engines say, to the integer, on chains and on graphs.

use pushpull_core::blocks::{
    Activation, Add, LayerNorm, Linear, Loss, Mul, Select, Sigmoid, Softmax, Tanh,
};
use pushpull_core::{Builder, Cost, Graph, Mlp, Primal, Question, Result, Scalar};
use pushpull_explain::{Explanation, Program};
use pushpull_forward_mode::{Chunk, Forward};
use pushpull_reverse_mode::Reverse;

/// The sums of all three programs beside the engines' predictions.
fn sums(graph: &Graph, told: &Explanation) -> Vec<(&'static str, Cost, Cost)> {
    fn said<T: Scalar>(graph: &Graph, batch: usize) -> Result<[Cost; 3]> {
        let sum = T::additions(graph.n_outputs() * batch);
        Ok([
            Primal::<T>::predict(graph, batch)?.cost + sum,
            Forward::plan(graph, batch, Question::Gradient)
                .chunk(Chunk::Full)
                .prediction::<T>()?
                .cost,
            Reverse::plan(graph, batch, Question::Gradient)
                .prediction::<T>()?
                .cost,
        ])
    }
    let [primal, forward, reverse] = said::<f64>(graph, told.batch).unwrap();
    vec![
        ("primal", told.primal.cost(), primal),
        ("forward", told.forward_cost(), forward),
        ("reverse", told.reverse_cost(), reverse),
    ]
}

#[track_caller]
fn adds_up(what: &str, graph: &Graph) {
    for batch in [1, 2, 7, 40] {
        let told = Explanation::new::<f64>(graph, batch).unwrap();
        for (program, sum, said) in sums(graph, &told) {
            assert_eq!(sum, said, "{what}, batch {batch}: {program}");
        }
        assert_eq!(told.forward.unwrap().flops, told.forward_cost().flops);
        assert_eq!(told.reverse.flops, told.reverse_cost().flops);
    }
}

/// a = tanh(W x), c = a * sigmoid(W a) + x: everything is read twice, and so is W.
fn diamond() -> Graph {
    let mut b = Builder::new();
    let x = b.input("x", 4);
    let a = b.named("cell", Linear::new(4, 4), x);
    let a = b.map(Tanh, a);
    let s = b.again("again", a, "cell");
    let s = b.map(Sigmoid, s);
    let m = b.block(Mul::new(4), [a, s]);
    let c = b.block(Add::new(4, 2), [m, x]);
    b.build(c).unwrap()
}

/// Parameters whose columns lie apart, one that no output needs, a stopped branch, an input that is also differentiated.
fn thicket() -> Graph {
    let mut b = Builder::new();
    let (x, z) = (b.input("x", 5), b.constant("y", 3));
    let first = b.named("first", Linear::new(5, 6), x);
    let _ = b.named("unused", Linear::new(5, 50), x);
    let second = b.named("second", Linear::without_bias(3, 6), z);
    let stopped = b.stop_gradient(first);
    let both = b.block(Add::new(6, 4), [first, second, stopped, first]);
    let both = b.block(LayerNorm::new(6), both);
    let third = b.named("third", Linear::new(6, 6), both);
    let again = b.again("again", third, "third");
    let part = b.block(Select::new(6, vec![0, 3]), again);
    let part = b.block(Softmax::new(2), part);
    let last = b.named("last", Linear::new(2 + 6 + 5, 4), [part, first, x]);
    b.build(last).unwrap()
}

/// A value that depends on inputs alone, beside one of parameters, both read twice.
fn inputs_alone() -> Graph {
    let mut b = Builder::new();
    let x = b.input("x", 3);
    let t = b.map(Tanh, x);
    let w = b.named("w", Linear::new(3, 3), x);
    let m = b.block(Mul::new(3), [t, w]);
    let s = b.map(Sigmoid, t);
    let y = b.block(Add::new(3, 4), [m, s, t, w]);
    b.build(y).unwrap()
}

#[test]
fn instructions_of_networks_add_up_for_every_activation_and_loss() {
    for activation in Activation::ALL {
        for loss in Loss::ALL {
            let graph = Mlp::new(&[5, 8, 8, 3], activation).loss(loss).build();
            adds_up(&format!("{activation}, {loss}"), &graph.unwrap());
        }
    }
}

#[test]
fn instructions_of_graphs_add_up() {
    adds_up("diamond", &diamond());
    adds_up("thicket", &thicket());
    adds_up("inputs alone", &inputs_alone());
    let mut b = Builder::new();
    let x = b.input("x", 2);
    let y = b.map(Tanh, x);
    adds_up("no parameters", &b.build(y).unwrap());
    let mut b = Builder::new();
    let x = b.input("x", 2);
    let y = b.block(Linear::new(2, 2), x);
    let y = b.stop_gradient(y);
    adds_up("a stopped output", &b.build(y).unwrap());
}

/// The comparison is not one that everything passes: any instruction left out, or a flop too much, shows.
#[test]
fn a_missing_or_wrong_instruction_is_noticed() {
    let graph = thicket();
    let told = Explanation::new::<f64>(&graph, 3).unwrap();
    let programs: [fn(&mut Explanation) -> &mut Program; 3] =
        [|t| &mut t.primal, |t| &mut t.tangent, |t| &mut t.adjoint];
    let differs = |told: &Explanation| {
        let sums = sums(&graph, told);
        sums.iter().any(|(_, sum, said)| sum != said)
    };
    assert!(!differs(&told));
    for program in programs {
        let mut spoilt = told.clone();
        let count = program(&mut spoilt).instructions.len();
        for i in 0..count {
            let mut spoilt = told.clone();
            let line = program(&mut spoilt).instructions.remove(i);
            assert_eq!(differs(&spoilt), line.cost() != Cost::ZERO, "{}", line.text);
            let mut spoilt = told.clone();
            program(&mut spoilt).instructions[i].flops += 1;
            assert!(differs(&spoilt), "{}", line.text);
        }
    }
}

#[test]
fn bytes_are_those_of_what_is_written() {
    let graph = Mlp::new(&[5, 8, 3], Activation::Relu).build().unwrap();
    let (told, half) = (
        Explanation::new::<f64>(&graph, 4).unwrap(),
        Explanation::new::<f32>(&graph, 4).unwrap(),
    );
    let bytes = |program: &Program| -> Vec<u64> {
        program.instructions.iter().map(|line| line.bytes).collect()
    };
    // The check before the sum writes nothing.
    assert_eq!(bytes(&told.primal), [8 * 32, 8 * 32, 8 * 12, 0, 8]);
    // A tangent matrix has a column for every parameter so far.
    let (p1, p3) = (5 * 8 + 8, 8 * 3 + 3);
    let tangents = [32 * p1, 32 * p1, 12 * p1, 12 * p3, p1 + p3].map(|n| 8 * n as u64);
    assert_eq!(bytes(&told.tangent), tangents);
    let cotangents = [12, p3, 32, 32, p1].map(|n| 8 * n as u64);
    assert_eq!(bytes(&told.adjoint), cotangents);
    assert_eq!(half.primal.bytes() * 2, told.primal.bytes());
    assert_eq!(half.forward_cost(), told.forward_cost());
}

#[test]
fn names_that_break_lines_stay_on_one() {
    let mut b = Builder::new();
    let x = b.input("a\nb", 2);
    let y = b.named("c\u{1b}[31m\nd", Linear::new(2, 1), x);
    let told = Explanation::new::<f64>(&b.build(y).unwrap(), 1)
        .unwrap()
        .to_string();
    assert!(told.contains(r"a\nb") && !told.contains('\u{1b}'), "{told}");
}
