//! Equation 17: the costs of its brackets, against counts by hand and against all bracketings.

use pushpull_core::blocks::{Activation, Add, Linear, Loss, Tanh};
use pushpull_core::{Builder, Mlp};
use pushpull_explain::Explanation;

/// The least number of multiply-adds over all bracketings, one by one.
fn least(d: &[u128]) -> u128 {
    if d.len() <= 2 {
        return 0;
    }
    (1..d.len() - 1)
        .map(|k| least(&d[..=k]) + least(&d[k..]) + d[0] * d[k] * d[d.len() - 1])
        .min()
        .unwrap()
}

#[test]
fn the_lecture_s_three_layers_cost_what_one_counts() {
    let graph = Mlp::new(&[4, 3, 2], Activation::Tanh)
        .loss(Loss::Sum)
        .build();
    let told = Explanation::new::<f64>(&graph.unwrap(), 5).unwrap();
    let first = &told.equation17[0];
    assert_eq!(first.gradient, "∇w1 y");
    assert_eq!(first.product, "∂w1ᵀh1 · ∂h1ᵀh2 · ∂h2ᵀh3 · ∂h3ᵀh4 · 1");
    // p1 = 15; layer0 3, tanh0 3, layer1 2, sum 1; the ones.
    assert_eq!(first.sizes, [15, 3, 3, 2, 1]);
    assert_eq!(first.forward, Some(15 * 3 * 3 + 15 * 3 * 2 + 15 * 2 + 15));
    assert_eq!(first.reverse, Some(1 + 2 + 2 * 3 + 3 * 3 + 15 * 3 - 1));
    assert_eq!(first.optimum, Some(least(&[15, 3, 3, 2, 1, 1])));
}

#[test]
fn the_optimum_is_the_least_of_all_bracketings() {
    for widths in [
        &[1, 7, 1, 5, 2][..],
        &[3, 1, 1, 4],
        &[2, 9, 9, 9, 1],
        &[1, 1, 6, 1],
    ] {
        let graph = Mlp::new(widths, Activation::Relu).build().unwrap();
        let told = Explanation::new::<f32>(&graph, 1).unwrap();
        for unrolled in &told.equation17 {
            let ends: Vec<u128> = unrolled
                .sizes
                .iter()
                .map(|&n| n as u128)
                .chain([1])
                .collect();
            assert_eq!(unrolled.optimum, Some(least(&ends)), "{widths:?}");
            assert!(unrolled.optimum <= unrolled.reverse.min(unrolled.forward));
            assert!(unrolled.brackets.is_some());
        }
    }
}

#[test]
fn in_a_graph_the_factors_lead_from_carrier_to_carrier() {
    let mut b = Builder::new();
    let x = b.input("x", 3);
    let h = b.named("in", Linear::new(3, 5), x); // h1
    let (u, v) = (b.map(Tanh, h), b.named("side", Linear::new(5, 5), h)); // h2, h3
    let s = b.block(Add::new(5, 2), [u, v]); // h4
    let y = b.named("out", Linear::new(5, 2), s); // h5
    let told = Explanation::new::<f64>(&b.build(y).unwrap(), 1).unwrap();
    let products: Vec<&str> = told.equation17.iter().map(|u| u.product.as_str()).collect();
    assert_eq!(
        products,
        [
            "∂w1ᵀh1 · ∂h1ᵀh4 · ∂h4ᵀh5 · 1",
            "∂w2ᵀh3 · ∂h3ᵀh4 · ∂h4ᵀh5 · 1",
            "∂w3ᵀh5 · 1",
        ]
    );
    assert_eq!(told.equation17[0].sizes, [20, 5, 5, 2]);
}

#[test]
fn long_chains_are_explained_and_counts_beyond_64_bits_refused() {
    let graph = Mlp::new(&[2; 301], Activation::Tanh).build().unwrap();
    let told = Explanation::new::<f64>(&graph, 1).unwrap();
    assert_eq!(told.equation17.len(), 300);
    assert!(told.equation17[0].optimum.is_some());
    assert!(told.to_string().lines().count() > 300);
    assert!(Explanation::new::<f64>(&graph, 0).is_err());
    let wide = Mlp::new(&[4096, 4096, 4096], Activation::Relu)
        .build()
        .unwrap();
    assert!(Explanation::new::<f32>(&wide, 32).is_ok());
    let huge = Mlp::new(&[60_000, 60_000], Activation::Relu)
        .build()
        .unwrap();
    assert!(Explanation::new::<f32>(&huge, 1000).is_err());
}

#[test]
fn the_text_has_the_three_programs_side_by_side() {
    let graph = Mlp::new(&[2, 3, 1], Activation::Tanh)
        .loss(Loss::SquaredError)
        .build();
    let told = Explanation::new::<f64>(&graph.unwrap(), 1).unwrap();
    let text = format!("{told:200}");
    let line = |words: &str| text.lines().find(|line| line.contains(words)).unwrap();
    let head = line("primal program");
    assert!(head.contains("tangent program") && head.contains("adjoint program"));
    let first = line("h1 = layer0(x, w1)");
    assert!(
        first.contains("Ŵ@h1 = ∂w1 h1") && first.contains("h̃4 = 1"),
        "{text}"
    );
    for words in [
        "∇w y = ⟨Ŵ@h4, 1⟩",
        "Ŵ@h4 = [∂(h3, target) h4]·Ŵ@(h3, target)",
        "equation 17",
    ] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
    // In a narrow place they stand one below the other, and what is too long is cut.
    let narrow = format!("{told:60}");
    let programs = narrow.split("forward mode,").next().unwrap();
    let widest = programs
        .lines()
        .skip(2)
        .map(pushpull_core::program::width)
        .max();
    assert!(widest <= Some(60), "{narrow}");
    let at = |words: &str| narrow.find(words).unwrap();
    assert!(at("h1 = layer0") < at("Ŵ@h1 = ∂w1 h1") && at("Ŵ@h1 = ∂w1 h1") < at("h̃4 = 1"));
    let json = serde_json::to_value(&told).unwrap();
    assert_eq!(
        json["primal"]["instructions"][0]["text"],
        "h1 = layer0(x, w1)"
    );
    let dot = told.dot();
    assert_eq!(dot.matches('{').count(), dot.matches('}').count());
    assert!(dot.contains("primal0 -> primal1;") && dot.contains("[style=dotted]"));
}
