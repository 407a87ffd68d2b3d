//! The cost that an engine predicts is what it does, to the last operation: every named graph and graphs at random, run
//! at a scalar that counts.

mod common;

use common::case::Case;
use common::recipe::{Recipe, recipe};
use common::scenarios::scenarios;
use common::seeds;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use pushpull::blocks::{Linear, Sum, Tanh};
use pushpull::{
    Accum, Builder, Chunk, Cost, Counted, Forward, Graph, Mat, MatMut, Primal, Question, Reverse,
    Wrt,
};
use pushpull::{Structured, count};

fn same(what: &str, counted: Cost, predicted: Cost) -> Result<(), String> {
    if counted == predicted {
        return Ok(());
    }
    Err(format!(
        "{what}: counted {counted:?}, predicted {predicted:?}"
    ))
}

/// Counts every call of both engines against its prediction.
fn exact(recipe: &Recipe, width: usize, seeds: usize) -> Result<(), String> {
    let mut case = Case::<Counted<f64>>::new(recipe);
    let (params_dot, x_dot, y_bar) = (case.params_dot(seeds), case.x_dot(seeds), case.y_bar(seeds));
    let (mut params_bar, mut x_bar) = (case.params_dot(seeds), case.x_dot(seeds));
    let (params, x) = (&case.params[..], &case.x);

    let mut primal = Primal::new(&case.graph, case.batch).unwrap();
    let (_, counted) = count(|| primal.run(params, x).map(|_| ()).unwrap());
    same("primal", counted, primal.cost())?;

    for chunk in [Chunk::Full, Chunk::Auto, Chunk::Fixed(width)] {
        let mut forward = case.forward(chunk);
        let (_, counted) = count(|| forward.value_and_gradient(params, x).map(|_| ()).unwrap());
        same(&format!("forward, {chunk:?}"), counted, forward.cost())?;
        for (in_params, in_inputs) in [(true, true), (true, false), (false, true)] {
            let dots = (
                in_params.then(|| Mat::from(&params_dot)),
                in_inputs.then(|| Mat::from(&x_dot)),
            );
            let (_, counted) =
                count(|| forward.jvp(params, x, dots.0, dots.1).map(|_| ()).unwrap());
            same(
                "jvp",
                counted,
                Forward::plan(&case.graph, case.batch, Question::Jvp(seeds))
                    .chunk(chunk)
                    .wrt(Wrt {
                        params: in_params,
                        inputs: in_inputs,
                    })
                    .prediction::<Counted<f64>>()
                    .map_err(|fault| fault.to_string())?
                    .cost,
            )?;
        }
    }

    for chunk in [Chunk::Full, Chunk::Auto, Chunk::Fixed(seeds)] {
        let mut structured = case.structured(chunk);
        let (_, counted) = count(|| {
            structured
                .value_and_gradient(params, x)
                .map(|_| ())
                .unwrap()
        });
        same(
            &format!("structured, {chunk:?}"),
            counted,
            structured.cost(),
        )?;
    }

    let mut reverse = case.reverse();
    let (_, counted) = count(|| reverse.value_and_gradient(params, x).map(|_| ()).unwrap());
    same("reverse", counted, reverse.cost())?;
    let mut reverse = case.side_by_side(seeds);
    let graph = case.graph.clone();
    for (wants_params, wants_inputs) in [(true, true), (true, false), (false, true)] {
        let predicted = Reverse::plan(&case.graph, case.batch, Question::Vjp(seeds))
            .seeds(seeds)
            .wrt(Wrt {
                params: wants_params,
                inputs: wants_inputs,
            })
            .prediction::<Counted<f64>>()
            .map_err(|fault| fault.to_string())?
            .cost;
        let params_bar = wants_params.then(|| MatMut::from(&mut params_bar));
        let x_bar = wants_inputs.then(|| MatMut::from(&mut x_bar));
        let (done, counted) = count(|| {
            let mut record = reverse.record(params, x)?;
            record.pullback(&y_bar, Accum::Set, params_bar, x_bar)
        });
        done.unwrap();
        same(
            &format!("pullback, {wants_params} {wants_inputs} of {graph:?}"),
            counted,
            predicted,
        )?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(seeds::config(256, "tests/proptest-regressions/costs.txt"))]

    #[test]
    fn every_prediction_is_exact(recipe in recipe(), width in 1..30_usize, seeds in 1..5_usize) {
        exact(&recipe, width, seeds).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn every_prediction_is_exact_on_named_graphs() {
    for scenario in scenarios() {
        exact(&scenario.recipe, 7, 3).unwrap_or_else(|fault| panic!("{}: {fault}", scenario.name));
    }
}

/// Widths `n` to `n` to .. to `n`, tanh between, a sum at the end: the lecture's network.
fn chain(widths: &[usize]) -> Graph {
    let mut b = Builder::new();
    let mut h = b.input("x", widths[0]);
    for (i, pair) in widths.windows(2).enumerate() {
        if i > 0 {
            h = b.map(Tanh, h);
        }
        h = b.block(Linear::new(pair[0], pair[1]), h);
    }
    let sum = b.block(Sum::new(widths[widths.len() - 1]), h);
    b.build(sum).unwrap()
}

/// DESIGN section 6, written out for a chain of linear layers with tanh between and a sum at its end.
#[test]
fn a_chain_costs_what_the_formulas_say() {
    let (widths, batch) = ([5, 7, 4, 3], 6);
    let graph = chain(&widths);
    let mut primal = Cost::ZERO;
    let mut pullback = Cost::ZERO;
    let mut tangents = Cost::ZERO;
    let mut before = 0;
    for (i, pair) in widths.windows(2).enumerate() {
        let [n, m] = [pair[0], pair[1]];
        let product = Cost::flops(2 * m * n * batch);
        let bias = Cost::flops(m * batch);
        primal += product + bias;
        pullback += product + bias;
        if i > 0 {
            // tanh: a call forward, which gives the slope as well; then a product for every seed.
            primal += Cost::calls(n * batch);
            pullback += Cost::flops(n * batch);
            tangents += Cost::flops(n * batch * before);
            // jvp_input of as many seeds as there are parameters before; vjp_input but for the first block.
            tangents += Cost::flops(2 * m * n * batch * before);
            pullback += product;
        }
        before += m * n + m;
    }
    let last = widths[widths.len() - 1];
    // The last block sums the rows of a sample, the engine sums the samples.
    primal += Cost::flops(last * batch);
    tangents += Cost::flops(last * batch * before);
    let sums = Cost::flops(batch);
    let forward = Forward::plan(&graph, batch, Question::Gradient)
        .chunk(Chunk::Full)
        .prepare::<f64>()
        .unwrap();
    assert_eq!(forward.cost(), primal + sums + tangents + sums * before);
    // Structured: the diagonal of layer 0 through tanh, then W diag, through tanh, as columns of both layers; one seed
    // for a diagonal and n0 for columns. A product for each layer at the end.
    let [n0, n1, n2, n3] = widths;
    let slopes = |n: usize, seeds: usize| Cost::flops(n * batch * seeds);
    let weighed = |m: usize, n: usize| Cost::flops(m * n * batch);
    let carried = slopes(n1, 1)
        + weighed(n2, n1)
        + slopes(n2, n1)
        + slopes(n2, 1)
        + Cost::flops(2 * n3 * n2 * batch * n1)
        + weighed(n3, n2)
        + Cost::flops(n3 * batch * (n1 + n2 + n3));
    let contracted =
        [(n0, n1), (n1, n2), (n2, n3)].map(|(n, m)| Cost::flops(2 * m * n * batch + m * batch));
    let structured = Structured::plan(&graph, batch)
        .chunk(Chunk::Full)
        .prepare::<f64>()
        .unwrap();
    let [first, second, third] = contracted;
    assert_eq!(
        structured.cost(),
        primal + sums + carried + first + second + third
    );
    let reverse = Reverse::<f64>::new(&graph, batch).unwrap();
    assert_eq!(reverse.cost(), primal + sums + pullback);
    assert_eq!(before, graph.n_params());
}
