//! Plans are right: every candidate gives the same answer, budgets are kept, refusals name the smallest one.

use nalgebra::DMatrix;
use pushpull_core::blocks::{Activation, Add, LayerNorm, Linear, Loss, Tanh};
use pushpull_core::{Builder, Graph, Init, Mat, Mlp};
use pushpull_planner::{Answer, Budget, Calibration, Plan, PlanError, Question, Seeds};

const BATCH: usize = 3;

fn questions() -> [Question; 7] {
    [
        Question::Gradient,
        Question::Jvp(4),
        Question::Vjp(3),
        Question::JacobianParams,
        Question::JacobianInputs,
        Question::GradientNorms,
        Question::HessianVector(2),
    ]
}

fn graphs() -> Vec<Graph> {
    let chain = Mlp::new(&[4, 3, 5], Activation::Tanh).build().unwrap();
    let loss = Mlp::new(&[3, 6, 4], Activation::Silu).loss(Loss::SoftmaxCrossEntropy);
    let mut b = Builder::new();
    let x = b.input("x", 3);
    let h = b.block(Linear::new(3, 4), x);
    let g = b.map(Tanh, h);
    let h = b.block(Add::new(4, 2), [h, g]);
    let y = b.block(LayerNorm::new(4), h);
    vec![chain, loss.build().unwrap(), b.build(y).unwrap()]
}

/// What an answer says, as one list of numbers.
fn numbers(answer: Answer<'_, f64>) -> Vec<f64> {
    match answer {
        Answer::Gradient(value, gradient) => [&[value], gradient].concat(),
        Answer::Tangents(matrix) | Answer::Cotangents(matrix) => matrix.as_slice().to_vec(),
        Answer::Jacobian(matrix) => matrix.as_slice().to_vec(),
        Answer::Norms(norms) => norms,
        Answer::Products(value, matrix) => [&[value], matrix.as_slice()].concat(),
        other => panic!("an answer of a new kind: {other:?}"),
    }
}

fn ask(plan: &mut Plan<f64>) -> Vec<f64> {
    let (graph, batch) = (plan.graph().clone(), plan.batch());
    let wave = |rows: usize, columns: usize, by: f64| {
        DMatrix::from_fn(rows, columns, |i, j| (by * (1 + i + 7 * j) as f64).sin())
    };
    let params: Vec<f64> = graph.layout().init(Init::Glorot, 5);
    let x = wave(graph.n_inputs(), batch, 0.7).map(|x| x.abs());
    let k = plan.question().seeds().unwrap_or(0);
    let directions = wave(graph.n_params(), k, 0.3);
    let cotangents = wave(graph.n_outputs(), batch * k, 0.9);
    let seeds = match plan.question() {
        Question::Jvp(_) | Question::HessianVector(_) => Seeds::Directions(Mat::from(&directions)),
        Question::Vjp(_) => Seeds::Cotangents(Mat::from(&cotangents)),
        _ => Seeds::None,
    };
    numbers(plan.run_with(&params, &x, seeds).unwrap())
}

#[test]
fn every_candidate_gives_the_same_answer() {
    let mut calibration = Calibration::default();
    for graph in graphs() {
        for question in questions() {
            let budget = Budget::Unlimited;
            let plan = Plan::<f64>::with(&graph, BATCH, question, budget, &mut calibration);
            let mut plan = plan.unwrap();
            let answer = ask(&mut plan);
            let names: Vec<_> = plan.candidates().iter().map(|c| c.way.name()).collect();
            // Norms of gradients are reverse mode's alone.
            let least = if question == Question::GradientNorms {
                1
            } else {
                2
            };
            assert!(names.len() >= least, "{plan}");
            for name in names {
                if !plan.take(name) {
                    continue;
                }
                let same = ask(&mut plan);
                assert_eq!(same.len(), answer.len(), "{question} by {name}");
                for (a, b) in same.iter().zip(&answer) {
                    assert!(
                        (a - b).abs() < 1e-9 * (1.0 + b.abs()),
                        "{question} by {name}"
                    );
                }
            }
        }
    }
}

/// With the budget that a refusal names there is a plan, with a byte less there is none.
#[test]
fn a_refusal_names_the_smallest_budget_that_would_do() {
    let mut calibration = Calibration::default();
    for graph in graphs() {
        for question in questions() {
            let mut plan =
                |budget| Plan::<f32>::with(&graph, BATCH, question, budget, &mut calibration);
            let Err(PlanError::OverBudget { smallest, .. }) = plan(Budget::Bytes(1)) else {
                panic!("{question} fits one byte")
            };
            let fits = plan(Budget::Bytes(smallest)).unwrap();
            let peak = fits.picked().prediction.unwrap().peak();
            assert_eq!(peak, smallest, "{fits}");
            assert!(matches!(
                plan(Budget::Bytes(smallest - 1)),
                Err(PlanError::OverBudget { smallest: again, .. }) if again == smallest
            ));
        }
    }
}

#[test]
fn seeds_of_the_wrong_kind_are_refused() {
    let graph = &graphs()[0];
    let mut calibration = Calibration::default();
    let params: Vec<f64> = graph.layout().init(Init::Glorot, 5);
    let x = DMatrix::from_element(4, BATCH, 0.5);
    for question in questions() {
        let plan = Plan::<f64>::with(graph, BATCH, question, Budget::Unlimited, &mut calibration);
        let mut plan = plan.unwrap();
        let wrong = DMatrix::from_element(2, 2, 1.0);
        let seeds = match question.seeds() {
            Some(_) => Seeds::None,
            None => Seeds::Directions(Mat::from(&wrong)),
        };
        let refused = plan.run_with(&params, &x, seeds).unwrap_err();
        assert!(matches!(refused, PlanError::Seeds { .. }), "{refused}");
    }
    for (batch, question) in [(0, Question::Gradient), (1, Question::Jvp(0))] {
        let plan = Plan::<f64>::with(graph, batch, question, Budget::Unlimited, &mut calibration);
        assert!(matches!(plan.unwrap_err(), PlanError::Graph(_)));
    }
}

#[test]
fn a_table_says_what_was_picked_and_why() {
    let graph = &graphs()[1];
    let mut calibration = Calibration::default();
    let budget = Budget::Unlimited;
    let plan = Plan::<f64>::with(graph, 1, Question::JacobianInputs, budget, &mut calibration);
    let text = plan.unwrap().to_string();
    assert!(
        text.starts_with("jacobian-inputs of a batch of 1 in f64, within this machine\n"),
        "{text}"
    );
    assert!(text.contains("no: not a chain: loss reads"), "{text}");
    assert_eq!(text.matches("picked").count(), 1, "{text}");
    assert!(text.ends_with('.'), "{text}");
}
