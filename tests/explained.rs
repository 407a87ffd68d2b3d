//! Explanations and X-rays of graphs at random: the instructions of an explanation add up to what the engines say, and an
//! X-ray's gradients are theirs.

mod common;

use common::assembly::build;
use common::case::Case;
use common::recipe::{Recipe, recipe};
use common::seeds;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use pushpull::{Chunk, Forward, Primal, Question, Reverse, Scalar};
use pushpull_explain::Explanation;
use pushpull_xray::{Settings, Xray};

fn adds_up<T: Scalar>(recipe: &Recipe) -> Result<(), String> {
    let text = |fault: pushpull::Error| fault.to_string();
    let (graph, batch) = (build(recipe).map_err(text)?, recipe.batch);
    let told = Explanation::new::<T>(&graph, batch).map_err(text)?;
    let sum = T::additions(graph.n_outputs() * batch);
    let said = [
        Primal::<T>::predict(&graph, batch).map_err(text)?.cost + sum,
        Forward::plan(&graph, batch, Question::Gradient)
            .chunk(Chunk::Full)
            .prediction::<T>()
            .map_err(text)?
            .cost,
        Reverse::plan(&graph, batch, Question::Gradient)
            .prediction::<T>()
            .map_err(text)?
            .cost,
    ];
    let added = [told.primal.cost(), told.forward_cost(), told.reverse_cost()];
    for ((program, added), said) in ["primal", "forward", "reverse"].iter().zip(added).zip(said) {
        if added != said {
            return Err(format!(
                "{program}: {added} in all, {said} by the engine\n{told}"
            ));
        }
    }
    Ok(())
}

fn agrees(recipe: &Recipe) -> Result<(), String> {
    let text = |fault: pushpull::Error| fault.to_string();
    let case = Case::<f64>::new(recipe);
    let (graph, params, x) = (&case.graph, &case.params[..], &case.x);
    let xray = Xray::new(graph, params, x, &Settings::default()).map_err(text)?;
    let mut reverse = Reverse::new(graph, case.batch).map_err(text)?;
    let (value, gradient) = reverse.value_and_gradient(params, x).map_err(text)?;
    let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    let close = |what: &str, got: f64, want: f64, scale: f64| {
        if (got - want).abs() <= 1e-10 * (want.abs() + scale) {
            Ok(())
        } else {
            Err(format!("{what}: {got}, expected {want}"))
        }
    };
    if xray.culprit.is_some() {
        return Err(format!("{:?}", xray.culprit));
    }
    // What the uses add up from may be larger than their sum.
    let uses = xray.blocks.iter().filter_map(|block| block.gradient_norm);
    let scale: f64 = uses.sum();
    close("gradient", xray.gradient_norm.unwrap_or(0.0), norm, scale)?;
    let outputs = Primal::new(graph, case.batch)
        .map_err(text)?
        .run(params, x)
        .map_err(text)?
        .to_dmatrix();
    close(
        "value",
        xray.value.unwrap_or(0.0),
        value,
        outputs.abs().sum(),
    )?;
    for shared in &xray.sharing {
        let shares: Option<f64> = shared.uses.iter().map(|each| each.share).sum();
        let norms: f64 = shared.uses.iter().map(|each| each.norm).sum();
        if let Some(shares) = shares
            && shared.norm > 1e-6 * norms
        {
            close("shares", shares, 1.0, 1.0)?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(seeds::config(192, "tests/proptest-regressions/explained.txt"))]

    #[test]
    fn instructions_of_random_graphs_add_up(recipe in recipe()) {
        adds_up::<f64>(&recipe).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn x_rays_of_random_graphs_agree_with_the_engine(recipe in recipe()) {
        agrees(&recipe).map_err(TestCaseError::fail)?;
    }
}
